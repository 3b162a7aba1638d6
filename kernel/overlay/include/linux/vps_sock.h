/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: whose a socket is, and what it sends.
 */
#ifndef _LINUX_VPS_SOCK_H
#define _LINUX_VPS_SOCK_H

#include <linux/vps.h>
#include <net/sock.h>

#ifdef CONFIG_VPS

void __vps_sk_alloc(struct sock *sk);
void __vps_sk_clone(struct sock *sk);
void __vps_sk_free(struct sock *sk);
void __vps_sk_sent(struct sock *sk, const struct sk_buff *skb);

/**
 * vps_sk_alloc - a new socket belongs to the context of the task that makes it
 * @sk: the socket, not a kernel's own
 */
static inline void vps_sk_alloc(struct sock *sk)
{
	if (static_branch_unlikely(&vps_active))
		__vps_sk_alloc(sk);
}

/**
 * vps_sk_clone - an accepted socket belongs to its listener's context
 * @sk: the new one, which is a copy
 */
static inline void vps_sk_clone(struct sock *sk)
{
	if (static_branch_likely(&vps_active) && sk->sk_vps)
		__vps_sk_clone(sk);
}

/**
 * vps_sk_free - the context is not held by this socket any more
 * @sk: a socket that nobody uses
 */
static inline void vps_sk_free(struct sock *sk)
{
	if (static_branch_likely(&vps_active) && sk->sk_vps)
		__vps_sk_free(sk);
}

/**
 * vps_sk_sent - a packet leaves by IP
 * @sk: who sends it, whole or not, or NULL
 * @skb: the packet, before it is cut
 */
static inline void vps_sk_sent(struct sock *sk, const struct sk_buff *skb)
{
	if (static_branch_unlikely(&vps_active) && sk && (!sk_fullsock(sk) || sk->sk_vps))
		__vps_sk_sent(sk, skb);
}

#else /* !CONFIG_VPS */

static inline void vps_sk_alloc(struct sock *sk) { }
static inline void vps_sk_clone(struct sock *sk) { }
static inline void vps_sk_free(struct sock *sk) { }
static inline void vps_sk_sent(struct sock *sk, const struct sk_buff *skb) { }

#endif /* CONFIG_VPS */

#endif /* _LINUX_VPS_SOCK_H */
