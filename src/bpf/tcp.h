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

static void change_state(struct of_socket *socket, __u32 before, __u32 now)
{
	if (now == BPF_TCP_ESTABLISHED)
		enter(socket);
	else if (before == BPF_TCP_ESTABLISHED || now == BPF_TCP_CLOSE)
		leave(socket, HELD | ESTABLISHED);
}

#endif /* VPS_BPF_TCP_H */
