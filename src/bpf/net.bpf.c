// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Attached once, to the group of all contexts. A context is known by the id of its group,
 * which the kernel never uses again.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>

#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "kernel.h"
#include "net.bpf.h"

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define AF_INET 2
#define AF_INET6 10

#define REFUSE 0
#define ALLOW 1

#include "sockets.h"
#include "tcp.h"
#include "address.h"
#include "steer.h"

/* ---- a socket begins and ends --------------------------------------------------- */

static bool is_tcp(const struct bpf_sock *sk)
{
	return sk->type == SOCK_STREAM &&
	       (sk->protocol == IPPROTO_TCP || sk->protocol == IPPROTO_MPTCP);
}

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *sk)
{
	struct of_socket socket = { 0 };

	if (sk->family != AF_INET && sk->family != AF_INET6)
		return ALLOW;
	socket.context = context_of_current();
	socket.shared = bpf_get_netns_cookie(sk) == host_net;
	if (!is_tcp(sk) && !socket.shared)
		return ALLOW;
	if (fence ? socket.context || !socket.shared : !socket.context)
		return ALLOW;
	/* Who owns a network can have no memory for it: what cannot be counted cannot be. */
	if (!bpf_sk_storage_get(&sockets, sk, &socket, BPF_SK_STORAGE_GET_F_CREATE))
		return REFUSE;
	return ALLOW;
}

/* A connect that failed before its first packet has held a place till now. */
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *sk)
{
	struct of_socket *socket = socket_of(sk);

	if (socket && socket->counted == HELD)
		leave(socket, HELD);
	return ALLOW;
}

/* What was remembered of a socket, where it is for this instance of the programs. */
static struct of_socket *socket_at(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket;

	if (!ctx->sk)
		return NULL;
	if (ctx->type == SOCK_STREAM)
		socket = tcp_socket_of(ctx->sk, bpf_get_netns_cookie(ctx) == host_net);
	else
		socket = socket_of(ctx->sk);
	return socket && fence == (socket->context == VPS_BPF_HOST) ? socket : NULL;
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket = socket_at(ctx);

	return socket ? bind_to4(ctx, socket) : ALLOW;
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket = socket_at(ctx);

	return socket ? bind_to6(ctx, socket) : ALLOW;
}

/* ---- connections that it makes -------------------------------------------------- */

static int connect(struct bpf_sock_addr *ctx, struct of_socket *socket)
{
	if (ctx->type != SOCK_STREAM)
		return ALLOW;
	/* Those of the kernel take theirs with the first packet, since then an end is seen, too. */
	if (socket->of_kernel ? !is_full(socket->context) : take_place(socket))
		return ALLOW;
	return refuse(-EAGAIN);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket = socket_at(ctx);

	if (!socket)
		return ALLOW;
	return connect_to4(ctx, socket) ? connect(ctx, socket) : REFUSE;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket = socket_at(ctx);

	if (!socket)
		return ALLOW;
	return connect_to6(ctx, socket) ? connect(ctx, socket) : REFUSE;
}

/* ---- datagrams and names -------------------------------------------------------- */

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket = socket_at(ctx);

	return socket ? send_to4(ctx, socket) : ALLOW;
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket = socket_at(ctx);

	return socket ? send_to6(ctx, socket) : ALLOW;
}

#define SHOW(hook, how)						\
	SEC("cgroup/" #hook)					\
	int hook(struct bpf_sock_addr *ctx)			\
	{							\
		struct of_socket *socket = socket_at(ctx);	\
								\
		if (socket)					\
			how(ctx, socket);			\
		return ALLOW;					\
	}

SHOW(recvmsg4, show4)
SHOW(recvmsg6, show6)
SHOW(getpeername4, show4)
SHOW(getpeername6, show6)
SHOW(getsockname4, show_own4)
SHOW(getsockname6, show_own6)

/* ---- packets -------------------------------------------------------------------- */

static bool is_allowed(struct __sk_buff *skb, struct bpf_sock *sk, __u32 offset4, __u32 offset6)
{
	struct of_socket *socket = socket_of(sk);

	return !socket || !socket->shared || has_own_address(skb, sk, socket, offset4, offset6);
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : NULL;

	return !sk || is_allowed(skb, sk, SOURCE4, SOURCE6) ? ALLOW : REFUSE;
}

/*
 * A listening socket gets the first packet of a connection and the one that completes it:
 * both are dropped when there is no place. The peer repeats them and gives up in time.
 */
static bool has_place(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct of_socket *socket, begin = { .context = context_of_listener(skb) };

	socket = bpf_sk_storage_get(&sockets, sk, &begin, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket)
		return false;
	/* Accepted sockets must not inherit the place of a connect that failed. */
	if (socket->counted)
		leave(socket, HELD);
	return !wants_connection(skb) || !is_full(socket->context);
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : NULL;

	if (!sk)
		return ALLOW;
	if (!is_allowed(skb, sk, PEER4, PEER6))
		return REFUSE;
	if (sk->state != BPF_TCP_LISTEN || sk->protocol != IPPROTO_TCP)
		return ALLOW;
	return has_place(skb, sk) ? ALLOW : REFUSE;
}

SEC("sk_lookup")
int steer_tcp(struct bpf_sk_lookup *ctx)
{
	return steer_connection(ctx);
}

SEC("tc")
int steer_udp(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return steer_datagram4(skb);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return steer_datagram6(skb);
	return TC_ACT_UNSPEC;
}

/* ---- what becomes of connections ------------------------------------------------ */

static void begin_tcp(struct bpf_sock_ops *ops, struct of_socket *socket)
{
	/* One that is accepted by TCP Fast Open has this callback long before its last. */
	if (ops->op != BPF_SOCK_OPS_TCP_LISTEN_CB) {
		if (!fence)
			hold(socket);
		socket->listed = 0;
		return;
	}
	if (!fence)
		leave(socket, HELD);
	list(ops, socket);
}

SEC("sockops")
int sock_ops(struct bpf_sock_ops *ops)
{
	struct of_socket *socket;
	struct bpf_sock *sk = ops->sk;

	if (!sk)
		return ALLOW;
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		socket = tcp_socket_of(sk, false);
		if (!socket || fence != (socket->context == VPS_BPF_HOST))
			break;
		bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags |
					  BPF_SOCK_OPS_STATE_CB_FLAG);
		begin_tcp(ops, socket);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		socket = socket_of(sk);
		if (!socket || fence != (socket->context == VPS_BPF_HOST))
			break;
		if (ops->args[0] == BPF_TCP_LISTEN)
			unlist(socket);
		if (!fence)
			change_state(socket, ops->args[0], ops->args[1]);
		break;
	}
	return ALLOW;
}

/* What the kernel calls GPL-compatible; section 3 of the LGPL allows it. */
char vps_license[] SEC("license") = "GPL";
