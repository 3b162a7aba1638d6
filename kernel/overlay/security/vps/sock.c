// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: the sockets that belong to them.
 *
 * A socket knows its context by itself, not by its group: the core cuts a group that is
 * removed off from its controllers while sockets still refer to it.
 */
#include <linux/vps_sock.h>

#include "vps.h"

static noinline void hold(struct sock *sk, struct vps_context *context)
{
	vps_context_get(context);
	sk->sk_vps = context;
}

void __vps_sk_alloc(struct sock *sk)
{
	struct vps_context *context;

	/* Which task an interrupt meets says nothing. */
	if (!in_task())
		return;
	rcu_read_lock();
	context = vps_current_rcu();
	if (!vps_is_host(context))
		hold(sk, context);
	rcu_read_unlock();
}

void __vps_sk_clone(struct sock *sk)
{
	vps_context_get(sk->sk_vps);
}

void __vps_sk_free(struct sock *sk)
{
	vps_context_put(sk->sk_vps);
}
