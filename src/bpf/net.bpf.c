// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Attached once, to the group of all contexts. A context is known by the id of its group,
 * which the kernel never uses again.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "kernel.h"
#include "net.bpf.h"

#define SOCK_STREAM 1
#define AF_INET 2
#define AF_INET6 10

#define CONTEXTS_MAX 65536
/* How far below the root the group of all contexts may be: deeper than anybody's. */
#define LEVELS_MAX 16

#define REFUSE 0
#define ALLOW 1

/* The group of all contexts. */
const volatile __u64 parent;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CONTEXTS_MAX);
	__type(key, __u64);
	__type(value, struct vps_bpf_tcp);
} tcp_use SEC(".maps");

/* What the library writes, apart from what the programs count: neither overwrites the other's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CONTEXTS_MAX);
	__type(key, __u64);
	__type(value, __u64);
} tcp_limit SEC(".maps");

/**
 * struct of_socket - what is remembered of each TCP socket
 * @context: in which it was made
 * @counted: HELD, ESTABLISHED: in which numbers of the context it is
 * @of_kernel: nobody saw it begin, and nobody will see it end without a connection
 */
struct of_socket {
	__u64 context;
	__u64 counted;
	__u64 of_kernel;
};

#define HELD 1
#define ESTABLISHED 2

/* Accepted sockets inherit what is remembered of the listener. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct of_socket);
} sockets SEC(".maps");

/* ---- whose ---------------------------------------------------------------------- */

static __u64 context_of_current(void)
{
	for (int i = 0; i < LEVELS_MAX; i++) {
		__u64 group = bpf_get_current_ancestor_cgroup_id(i);

		if (!group)
			break;
		if (group == parent)
			return bpf_get_current_ancestor_cgroup_id(i + 1);
	}
	return 0;
}

static __u64 context_of_listener(struct __sk_buff *skb)
{
	for (int i = 0; i < LEVELS_MAX; i++) {
		__u64 group = bpf_skb_ancestor_cgroup_id(skb, i);

		if (!group)
			break;
		if (group == parent)
			return bpf_skb_ancestor_cgroup_id(skb, i + 1);
	}
	return 0;
}

static __u64 ancestor_of(struct cgroup *group, int level)
{
	struct cgroup___before_6_1 *old = (void *)group;
	struct cgroup *ancestor = NULL;
	__u64 id = 0;

	if (!bpf_core_field_exists(group->ancestors)) {
		bpf_core_read(&id, sizeof(id), &old->ancestor_ids[level]);
		return id;
	}
	bpf_core_read(&ancestor, sizeof(ancestor), &group->ancestors[level]);
	return BPF_CORE_READ(ancestor, kn, id);
}

/* For sockets that the kernel itself made, of MPTCP for one: no program saw them begin. */
static __u64 context_of_connection(struct bpf_sock *sk)
{
	struct sock *sock = (void *)bpf_skc_to_tcp_sock(sk);
	struct cgroup *group;
	int level;

	if (!sock)
		return 0;
	group = BPF_CORE_READ(sock, sk_cgrp_data.cgroup);
	level = BPF_CORE_READ(group, level);
	for (int i = 0; i < LEVELS_MAX && i < level; i++)
		if (ancestor_of(group, i) == parent)
			return ancestor_of(group, i + 1);
	return 0;
}

/* ---- counting ------------------------------------------------------------------- */

static void enter(struct of_socket *socket)
{
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &socket->context);
	__u64 before, now;

	if (!tcp)
		return;
	before = __sync_fetch_and_or(&socket->counted, HELD | ESTABLISHED);
	if (!(before & HELD))
		__sync_fetch_and_add(&tcp->held, 1);
	if (before & ESTABLISHED)
		return;
	now = __sync_fetch_and_add(&tcp->established, 1) + 1;
	if (now > tcp->peak)
		tcp->peak = now;
}

/* It has a place now, whether or not there was one. */
static void hold(struct of_socket *socket)
{
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &socket->context);

	if (tcp && !(__sync_fetch_and_or(&socket->counted, HELD) & HELD))
		__sync_fetch_and_add(&tcp->held, 1);
}

static void leave(struct of_socket *socket, __u64 what)
{
	__u64 before = __sync_fetch_and_and(&socket->counted, ~what) & what;
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &socket->context);

	if (!tcp)
		return;
	if (before & HELD)
		__sync_fetch_and_add(&tcp->held, -1);
	if (before & ESTABLISHED)
		__sync_fetch_and_add(&tcp->established, -1);
}

/* Takes a place for a connection; false where there is none. */
static bool take_place(struct of_socket *socket)
{
	__u64 *limit = bpf_map_lookup_elem(&tcp_limit, &socket->context);
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &socket->context);

	if (!tcp || socket->counted & HELD)
		return true;
	/* Without a limit, too: one may be set while it is under way. */
	if (__sync_fetch_and_add(&tcp->held, 1) < (limit ? *limit : ~0ULL)) {
		__sync_fetch_and_or(&socket->counted, HELD);
		return true;
	}
	__sync_fetch_and_add(&tcp->held, -1);
	__sync_fetch_and_add(&tcp->hits, 1);
	return false;
}

static bool is_full(__u64 context)
{
	__u64 *limit = bpf_map_lookup_elem(&tcp_limit, &context);
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &context);

	if (!limit || !tcp || tcp->held < *limit)
		return false;
	__sync_fetch_and_add(&tcp->hits, 1);
	return true;
}

/* ---- a socket begins and ends ------------------------------------------------------ */

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *sk)
{
	struct of_socket socket = { 0 };

	if (sk->type != SOCK_STREAM || (sk->family != AF_INET && sk->family != AF_INET6) ||
	    (sk->protocol != IPPROTO_TCP && sk->protocol != IPPROTO_MPTCP))
		return ALLOW;
	socket.context = context_of_current();
	/* Who owns a network can have no memory for it: what cannot be counted cannot be. */
	if (socket.context &&
	    !bpf_sk_storage_get(&sockets, sk, &socket, BPF_SK_STORAGE_GET_F_CREATE))
		return REFUSE;
	return ALLOW;
}

/* A connect that failed before its first packet has held a place till now. */
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *sk)
{
	struct of_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

	if (socket && socket->counted == HELD)
		leave(socket, HELD);
	return ALLOW;
}

/* ---- connections that it makes --------------------------------------------------------- */

static int connect(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket, begin = { 0 };

	if (ctx->type != SOCK_STREAM || !ctx->sk)
		return ALLOW;
	socket = bpf_sk_storage_get(&sockets, ctx->sk, NULL, 0);
	if (!socket) {
		begin.context = context_of_connection(ctx->sk);
		if (!begin.context)
			return ALLOW;
		begin.of_kernel = 1;
		socket = bpf_sk_storage_get(&sockets, ctx->sk, &begin,
					    BPF_SK_STORAGE_GET_F_CREATE);
		if (!socket)
			return REFUSE;
	}
	/* Those of the kernel take theirs with the first packet, since then an end is seen, too. */
	if (socket->of_kernel ? !is_full(socket->context) : take_place(socket))
		return ALLOW;
	/* Without the helper it is EPERM. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_set_retval))
		bpf_set_retval(-EAGAIN);
	return REFUSE;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return connect(ctx);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return connect(ctx);
}

/* ---- connections to it -------------------------------------------------------------- */

/* Is it no reset, by which the peer gives up? What cannot be read is none. */
static bool wants_connection(struct __sk_buff *skb)
{
	struct ipv6hdr ip6;
	struct tcphdr tcp;
	struct iphdr ip;
	__u32 offset;

	if (skb->protocol == bpf_htons(0x0800)) {
		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
			return true;
		offset = ip.ihl * 4;
	} else {
		if (bpf_skb_load_bytes(skb, 0, &ip6, sizeof(ip6)) || ip6.nexthdr != IPPROTO_TCP)
			return true;
		offset = sizeof(ip6);
	}
	return bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)) || !tcp.rst;
}

/*
 * A listening socket gets the first packet of a connection and the one that completes it:
 * both are dropped when there is no place. The peer repeats them and gives up in time.
 */
SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct of_socket *socket, begin = { 0 };

	if (!sk || sk->state != BPF_TCP_LISTEN)
		return ALLOW;
	sk = bpf_sk_fullsock(sk);
	if (!sk || sk->protocol != IPPROTO_TCP)
		return ALLOW;
	begin.context = context_of_listener(skb);
	socket = bpf_sk_storage_get(&sockets, sk, &begin, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket)
		return REFUSE;
	/* Accepted sockets must not inherit the place of a connect that failed. */
	if (socket->counted)
		leave(socket, HELD);
	return wants_connection(skb) && is_full(socket->context) ? REFUSE : ALLOW;
}

/* ---- what becomes of them ---------------------------------------------------------------- */

static void change_state(struct of_socket *socket, __u32 before, __u32 now)
{
	if (now == BPF_TCP_ESTABLISHED)
		enter(socket);
	else if (before == BPF_TCP_ESTABLISHED || now == BPF_TCP_CLOSE)
		leave(socket, HELD | ESTABLISHED);
}

SEC("sockops")
int sock_ops(struct bpf_sock_ops *ops)
{
	struct of_socket *socket, begin = { 0 };
	struct bpf_sock *sk = ops->sk;

	if (!sk)
		return ALLOW;
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags |
					  BPF_SOCK_OPS_STATE_CB_FLAG);
		socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
		if (!socket) {
			begin.context = context_of_connection(sk);
			begin.of_kernel = 1;
			socket = bpf_sk_storage_get(&sockets, sk, &begin,
						    BPF_SK_STORAGE_GET_F_CREATE);
		}
		if (!socket)
			break;
		/* One that is accepted by TCP Fast Open has this callback long before its last. */
		if (ops->op == BPF_SOCK_OPS_TCP_LISTEN_CB)
			leave(socket, HELD);
		else
			hold(socket);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
		if (socket)
			change_state(socket, ops->args[0], ops->args[1]);
		break;
	}
	return ALLOW;
}

/* What the kernel calls GPL-compatible; section 3 of the LGPL allows it. */
char vps_license[] SEC("license") = "GPL";
