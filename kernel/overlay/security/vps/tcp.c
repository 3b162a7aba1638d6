// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: their TCP connections.
 *
 * Counted is what is in ESTABLISHED. What may get there soon has its place already, so that there
 * is never one too many.
 */
#include <linux/lsm_hooks.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "vps.h"

static bool is_connecting(int state)
{
	return state == TCP_SYN_SENT || state == TCP_SYN_RECV;
}

/* With those that may get there soon, so that it is exact without a lock. */
static bool is_above(struct vps_context *context)
{
	struct vps_counter *counter = &context->counters[VPS_TCP];
	u64 places = vps_counter_used(counter) + atomic64_read(&context->connecting);

	if (places <= READ_ONCE(counter->hard))
		return false;
	vps_counter_hit(counter);
	return true;
}

/* The new place is taken before the old one is given back: there is never one too many. */
void __vps_tcp_state(struct sock *sk, int from, int to)
{
	struct vps_context *context = sk->sk_vps;

	if (!context)
		return;
	if (to == TCP_ESTABLISHED && from != TCP_ESTABLISHED)
		vps_counter_charge(&context->counters[VPS_TCP], 1);
	if (is_connecting(to) && !is_connecting(from))
		atomic64_inc(&context->connecting);
	if (from == TCP_ESTABLISHED && to != TCP_ESTABLISHED)
		vps_counter_uncharge(&context->counters[VPS_TCP], 1);
	if (is_connecting(from) && !is_connecting(to))
		WARN_ON_ONCE(atomic64_dec_return(&context->connecting) < 0);
}

bool __vps_tcp_connects(const struct sock *sk)
{
	return !sk->sk_vps || !is_above(sk->sk_vps);
}

/* A place for what is about to be accepted, which is as if it were connecting. */
bool __vps_tcp_accepts(const struct sock *sk)
{
	struct vps_context *context = sk->sk_vps;

	if (!context)
		return true;
	atomic64_inc(&context->connecting);
	if (!is_above(context))
		return true;
	atomic64_dec(&context->connecting);
	return false;
}

void __vps_tcp_forgets(const struct sock *sk)
{
	if (sk->sk_vps)
		atomic64_dec(&sk->sk_vps->connecting);
}

/* A packet that opens a connection, in softirq: without an answer it comes again. */
static int tcp_inet_conn_request(const struct sock *sk, struct sk_buff *skb,
				 struct request_sock *request)
{
	struct vps_context *context = sk->sk_vps;
	struct vps_counter *counter;

	if (!context || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	counter = &context->counters[VPS_TCP];
	if (vps_counter_has(counter, atomic64_read(&context->connecting) + 1))
		return 0;
	vps_counter_hit(counter);
	return -EAGAIN;
}

/* The kernel makes what MPTCP adds to a connection. */
static int tcp_mptcp_add_subflow(struct sock *sk, struct sock *subflow)
{
	if (sk->sk_vps && !subflow->sk_vps) {
		vps_context_get(sk->sk_vps);
		subflow->sk_vps = sk->sk_vps;
	}
	return 0;
}

static struct security_hook_list tcp_hooks[] __ro_after_init = {
	LSM_HOOK_INIT(inet_conn_request, tcp_inet_conn_request),
	LSM_HOOK_INIT(mptcp_add_subflow, tcp_mptcp_add_subflow),
};

/**
 * vps_tcp_init - be asked for connections, at boot
 */
void __init vps_tcp_init(void)
{
	security_add_hooks(tcp_hooks, ARRAY_SIZE(tcp_hooks), &vps_lsmid);
}
