/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Traffic of contexts as it is on the wire at the layer of IP. A packet here may stand for many
 * that are cut of it later, or were put together before: each has the headers of its own there.
 */
#ifndef VPS_BPF_TRAFFIC_H
#define VPS_BPF_TRAFFIC_H

#include "traffic.bpf.h"

#define ROWS_MAX 131072
#define ACCOUNTS_MAX 131072
#define CLASSES_MAX 256
#define NETWORKS_MAX 65536

/* More extension headers than these are in no packet that was put together. */
#define EXTENSIONS_MAX 6

#define NEXT_HOP_BY_HOP 0
#define UDP_LEN 8
#define SCTP_LEN 12
/* Instead of a length: its parts are of several. */
#define BY_PARTS 0xffff
#define JUMBO_LEN 8

/* Rows stay when their context is gone, until they have been harvested. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ROWS_MAX);
	__type(key, struct vps_bpf_row);
	__type(value, struct vps_bpf_count);
} traffic_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ACCOUNTS_MAX);
	__type(key, __u64);
	__type(value, struct vps_bpf_account);
} traffic_account SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CLASSES_MAX);
	__type(key, __u32);
	__type(value, struct vps_bpf_class);
} traffic_class SEC(".maps");

struct networks {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NETWORKS_MAX);
	__uint(key_size, sizeof(struct vps_bpf_network));
	__uint(value_size, sizeof(__u32));
};

/* All networks are replaced at once. Empty: everything is of class 0. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct networks);
} traffic_nets SEC(".maps");

/* What they were read from; only the library writes and reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vps_bpf_stamp);
} traffic_stamp SEC(".maps");

/* Which way a packet goes, as its context has it. */
enum way {
	IN,
	OUT,
};

/* ---- how much is it --------------------------------------------------------------- */

/* Where the header of TCP or UDP is, and which; 0 where there is none to be found. */
static __u32 find_transport6(struct __sk_buff *skb, __u32 offset, __u8 next, __u8 *ret_protocol)
{
	__u8 header[2];

	offset += sizeof(struct ipv6hdr);
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			break;
		default:
			*ret_protocol = next;
			return offset;
		}
		if (bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
			return 0;
		next = header[0];
		offset += (header[1] + 1) * 8;
	}
	return 0;
}

static __u32 transport_len(struct __sk_buff *skb, __u32 offset, __u8 protocol)
{
	struct tcphdr tcp;

	if (protocol == IPPROTO_UDP)
		return UDP_LEN;
	if (protocol == IPPROTO_SCTP)
		return SCTP_LEN;
	if (protocol != IPPROTO_TCP || bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)))
		return 0;
	return tcp.doff * 4;
}

/* What most have: TCP behind a header of IP without options, all in one piece; 0 of others. */
static __u32 plain_headers_len(struct __sk_buff *skb, __u32 offset)
{
	void *ip = (void *)(long)skb->data + offset, *end = (void *)(long)skb->data_end;
	struct iphdr *ip4 = ip;
	struct ipv6hdr *ip6 = ip;
	struct tcphdr *tcp;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		tcp = (void *)(ip4 + 1);
		if ((void *)(tcp + 1) > end || ip4->ihl != 5 || ip4->protocol != IPPROTO_TCP)
			return 0;
	} else {
		tcp = (void *)(ip6 + 1);
		if ((void *)(tcp + 1) > end || ip6->nexthdr != IPPROTO_TCP)
			return 0;
	}
	return (void *)tcp - ip + tcp->doff * 4;
}

/*
 * What each part of a packet has in front, which begins at @offset. One of more than 64 KiB has a
 * header for its length that none of its parts will have.
 */
static __u32 headers_len(struct __sk_buff *skb, __u32 offset, __u32 *ret_extra)
{
	struct ipv6hdr ip6;
	struct iphdr ip;
	__u8 protocol = 0;
	__u32 transport;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
			return 0;
		return ip.ihl * 4 + transport_len(skb, offset + ip.ihl * 4, ip.protocol);
	}
	if (bpf_skb_load_bytes(skb, offset, &ip6, sizeof(ip6)))
		return 0;
	transport = find_transport6(skb, offset, ip6.nexthdr, &protocol);
	if (!transport)
		return sizeof(ip6);
	if (ip6.nexthdr == NEXT_HOP_BY_HOP && !ip6.payload_len)
		*ret_extra = JUMBO_LEN;
	return transport - offset - *ret_extra + transport_len(skb, transport, protocol);
}

/*
 * In the shortest frame there is, what IP has says its header. Of longer ones it would not be
 * believed: who says less than there is would be billed for less.
 */
static __u32 unpadded_len(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	bool is_ip4 = skb->protocol == bpf_htons(ETH_P_IP);
	__u32 least = is_ip4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr), own;
	__be16 said;

	if (bpf_skb_load_bytes(skb, offset + (is_ip4 ? 2 : 4), &said, sizeof(said)))
		return len;
	own = bpf_ntohs(said) + (is_ip4 ? 0 : sizeof(struct ipv6hdr));
	return own < least || own > len ? len : own;
}

/* Its bytes on the wire; its header begins at @offset. */
static __u64 wire_len(struct __sk_buff *skb, __u32 offset, __u32 *ret_packets)
{
	__u32 len = skb->len - offset, part = skb->gso_size, headers, extra = 0;

	*ret_packets = 1;
	if (!part)
		return offset && skb->len <= ETH_ZLEN ? unpadded_len(skb, offset, len) : len;
	headers = plain_headers_len(skb, offset) ?: headers_len(skb, offset, &extra);
	len -= extra;
	if (part != BY_PARTS && len <= headers + part)
		return len;
	*ret_packets = part == BY_PARTS ? skb->gso_segs : (len - headers + part - 1) / part;
	return *ret_packets ? len + (__u64)(*ret_packets - 1) * headers : len;
}

/* ---- whose, and with whom ----------------------------------------------------------- */

/* The class of the address at the other end. */
static __u32 class_of(struct __sk_buff *skb, __u32 offset, enum way way)
{
	struct vps_bpf_network key = { 0 };
	const __u32 first = 0;
	void *networks = bpf_map_lookup_elem(&traffic_nets, &first);
	__u32 *class;
	int err;

	if (!networks)
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		key.family = 4;
		key.prefix = 8 * (sizeof(key.family) + sizeof(__u32));
		offset += way == IN ? 12 : 16;
		err = bpf_skb_load_bytes(skb, offset, &key.addr[0], sizeof(__u32));
	} else {
		key.family = 6;
		key.prefix = 8 * (sizeof(key.family) + sizeof(key.addr));
		offset += way == IN ? 8 : 24;
		err = bpf_skb_load_bytes(skb, offset, key.addr, sizeof(key.addr));
	}
	if (err)
		return 0;
	class = bpf_map_lookup_elem(networks, &key);
	return class ? *class : 0;
}

/* The row of class 0 has been there since the context was made: memory cannot be short. */
static struct vps_bpf_count *find_count(__u64 account, __u32 class)
{
	struct vps_bpf_row row = { .account = account, .class = class };
	struct vps_bpf_count none = { 0 };
	struct vps_bpf_count *count = bpf_map_lookup_elem(&traffic_rows, &row);

	if (count)
		return count;
	bpf_map_update_elem(&traffic_rows, &row, &none, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&traffic_rows, &row);
	if (count || !class)
		return count;
	row.class = 0;
	return bpf_map_lookup_elem(&traffic_rows, &row);
}

/*
 * Each processor has a sum of its own. What comes in does so where nothing else that comes in can
 * be in between; of what goes out one packet may be sent in the middle of another's program.
 */
static void count_packet(struct __sk_buff *skb, __u64 account, __u32 offset, enum way way)
{
	struct vps_bpf_count *count = find_count(account, class_of(skb, offset, way));
	__u32 packets;
	__u64 len;

	if (!count)
		return;
	len = wire_len(skb, offset, &packets);
	if (way == IN) {
		count->in += len;
		count->in_packets += packets;
	} else {
		__sync_fetch_and_add(&count->out, len);
		__sync_fetch_and_add(&count->out_packets, packets);
	}
}

#endif /* VPS_BPF_TRAFFIC_H */
