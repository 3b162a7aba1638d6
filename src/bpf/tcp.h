/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TCP connections of each context, and its limit on them. */
#ifndef VPS_BPF_TCP_H
#define VPS_BPF_TCP_H

#include "sockets.h"

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
 * struct place - of a socket of a context that has a limit
 * @context: whose it is
 * @held: HELD: it has a place without being established
 */
struct place {
	__u64 context;
	__u64 held;
};

/* Accepted sockets inherit it: where there is no memory for that there is no connection. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct place);
} places SEC(".maps");

#define HELD 1

static bool has_limit(__u64 context)
{
	return bpf_map_lookup_elem(&tcp_limit, &context);
}

static struct place *place_of(struct bpf_sock *sk)
{
	return bpf_sk_storage_get(&places, sk, NULL, 0);
}

static struct place *make_place(struct bpf_sock *sk, __u64 context)
{
	struct place begin = { .context = context };

	return bpf_sk_storage_get(&places, sk, &begin, BPF_SK_STORAGE_GET_F_CREATE);
}

/* Does it give up a place that it had? */
static bool let_go(struct place *place)
{
	return place && __sync_fetch_and_and(&place->held, ~HELD) & HELD;
}

static void free_place(struct place *place)
{
	struct vps_bpf_tcp *tcp;

	if (!let_go(place))
		return;
	tcp = bpf_map_lookup_elem(&tcp_use, &place->context);
	if (tcp)
		__sync_fetch_and_add(&tcp->held, -1);
}

/* It has a place now, whether or not there was one. */
static void hold(struct place *place)
{
	struct vps_bpf_tcp *tcp = place ? bpf_map_lookup_elem(&tcp_use, &place->context) : NULL;

	if (tcp && !(__sync_fetch_and_or(&place->held, HELD) & HELD))
		__sync_fetch_and_add(&tcp->held, 1);
}

/* Takes a place for a connection; false where there is none. */
static bool take_place(struct place *place)
{
	__u64 *limit = bpf_map_lookup_elem(&tcp_limit, &place->context);
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &place->context);

	if (!tcp || !limit || place->held & HELD)
		return true;
	if (__sync_fetch_and_add(&tcp->held, 1) < *limit) {
		__sync_fetch_and_or(&place->held, HELD);
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

/* The place that it held is part of its being established. */
static void enter(struct bpf_sock *sk, struct vps_bpf_tcp *tcp)
{
	__u64 now;

	if (!let_go(place_of(sk)))
		__sync_fetch_and_add(&tcp->held, 1);
	now = __sync_fetch_and_add(&tcp->established, 1) + 1;
	if (now > tcp->peak)
		tcp->peak = now;
}

static void leave(struct vps_bpf_tcp *tcp)
{
	__sync_fetch_and_add(&tcp->held, -1);
	__sync_fetch_and_add(&tcp->established, -1);
}

static void change_state(struct bpf_sock *sk, __u64 context, __u32 before, __u32 now)
{
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &context);

	if (!tcp)
		return;
	if (now == BPF_TCP_ESTABLISHED)
		enter(sk, tcp);
	else if (before == BPF_TCP_ESTABLISHED)
		leave(tcp);
	else if (now == BPF_TCP_CLOSE)
		free_place(place_of(sk));
}

#endif /* VPS_BPF_TCP_H */
