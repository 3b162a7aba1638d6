/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A socket is bound to one address at most. One that is to serve every address of its context
 * gets what comes for the others from here: connections by a table of listeners, datagrams
 * by looking for the socket as a packet comes in.
 */
#ifndef VPS_BPF_STEER_H
#define VPS_BPF_STEER_H

#include "address.h"
#include "tcp.h"

#define LISTENERS_MAX 65536
/* Of one context: nobody's may fill the table for all. */
#define LISTENERS_OF_ONE 4096
/* Of one address and port, by SO_REUSEPORT. When the first ends the next is to be there. */
#define LISTENERS_ALIKE 16

/**
 * struct listener_key - where somebody listens
 * @context: whose it is
 * @address: zeros for every address
 * @port: in the order of the host
 * @wild: as in struct of_socket
 * @number: which of several alike
 */
struct listener_key {
	__u64 context;
	struct vps_bpf_addr address;
	__u16 port;
	__u8 wild;
	__u8 number;
	__u32 none;
};

/* An entry goes with its socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, LISTENERS_MAX);
	__type(key, struct listener_key);
	__type(value, __u64);
} listeners SEC(".maps");

/* ---- who listens ---------------------------------------------------------------- */

/*
 * The compiler would make one load of two that follow different branches, at an address that
 * it computes; the kernel takes only what stands in the context by itself.
 */
#define apart(x) barrier_var(x)

static void listener_address(const struct bpf_sock_ops *ops, struct vps_bpf_addr *a)
{
	if (ops->family == AF_INET) {
		__u32 address = ops->local_ip4;

		apart(address);
		map4(a, address);
		return;
	}
	a->words[0] = ops->local_ip6[0];
	a->words[1] = ops->local_ip6[1];
	a->words[2] = ops->local_ip6[2];
	a->words[3] = ops->local_ip6[3];
}

static bool take_number(struct bpf_sock_ops *ops, struct listener_key *key)
{
	for (int i = 0; i < LISTENERS_ALIKE; i++) {
		key->number = i;
		if (!bpf_sock_hash_update(ops, &listeners, key, BPF_NOEXIST))
			return true;
	}
	return false;
}

static void list(struct bpf_sock_ops *ops, struct of_socket *socket)
{
	struct listener_key key = { .context = socket->context, .wild = socket->wild };
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &socket->context);

	if (!tcp || !socket->shared || socket->listed)
		return;
	/* Bound before its context had addresses, or never: it has the port of all of them. */
	if (!key.wild)
		listener_address(ops, &key.address);
	if (!key.wild && (is_any(&key.address) ||
			  (is_mapped(&key.address) && !key.address.words[3]))) {
		key.wild = ops->family == AF_INET ? WILD4 : DUAL;
		__builtin_memset(&key.address, 0, sizeof(key.address));
	}
	key.port = (__u16)ops->local_port;
	if (tcp->listed < LISTENERS_OF_ONE && take_number(ops, &key)) {
		socket->listed = LISTED;
		__sync_fetch_and_add(&tcp->listed, 1);
	} else {
		socket->listed = UNLISTED;
		__sync_fetch_and_add(&tcp->unlisted, 1);
	}
}

static void unlist(struct of_socket *socket)
{
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &socket->context);

	if (tcp && socket->listed == LISTED)
		__sync_fetch_and_add(&tcp->listed, -1);
	else if (tcp && socket->listed == UNLISTED)
		__sync_fetch_and_add(&tcp->unlisted, -1);
	socket->listed = 0;
}

/* ---- connections ---------------------------------------------------------------- */

static struct bpf_sock *find_listener(struct listener_key *key)
{
	struct bpf_sock *sk = NULL;

	for (int i = 0; i < LISTENERS_ALIKE && !sk; i++) {
		key->number = i;
		sk = bpf_map_lookup_elem(&listeners, key);
	}
	return sk;
}

static bool assign(struct bpf_sk_lookup *ctx, struct listener_key *key, __u8 wild)
{
	struct bpf_sock *sk;

	key->wild = wild;
	sk = find_listener(key);
	if (!sk)
		return false;
	bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return true;
}

static bool has_listener(struct listener_key *key, const struct vps_bpf_addr *a, __u8 wild)
{
	struct bpf_sock *sk;

	key->address = *a;
	key->wild = wild;
	sk = find_listener(key);
	if (sk)
		bpf_sk_release(sk);
	__builtin_memset(&key->address, 0, sizeof(key->address));
	return sk;
}

static int steer_connection(struct bpf_sk_lookup *ctx)
{
	struct vps_bpf_addr a, owner_key;
	struct listener_key key = { 0 };
	struct vps_bpf_tcp *tcp;
	struct vps_bpf_net *net;
	__u64 *owner;

	if (ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	if (ctx->family == AF_INET) {
		__u32 address = ctx->local_ip4;

		apart(address);
		map4(&a, address);
		owner_key4(&owner_key, address);
	} else {
		a.words[0] = ctx->local_ip6[0];
		a.words[1] = ctx->local_ip6[1];
		a.words[2] = ctx->local_ip6[2];
		a.words[3] = ctx->local_ip6[3];
		owner_key = a;
	}
	owner = bpf_map_lookup_elem(&owners, &owner_key);
	key.context = owner ? *owner : VPS_BPF_HOST;
	net = bpf_map_lookup_elem(&nets, &key.context);
	if (!net)
		return SK_PASS;
	key.port = (__u16)ctx->local_port;
	/* The kernel finds those that are bound to just this address by itself. */
	if (has_listener(&key, &a, 0))
		return SK_PASS;
	if (assign(ctx, &key, ctx->family == AF_INET ? WILD4 : WILD6) || assign(ctx, &key, DUAL))
		return SK_PASS;
	/* What listens there natively is not this context's, but who has every address. */
	tcp = bpf_map_lookup_elem(&tcp_use, &key.context);
	return owner && tcp && !tcp->unlisted ? SK_DROP : SK_PASS;
}

/* ---- datagrams ------------------------------------------------------------------ */

#define IP_FRAGMENT 0x3fff

static bool is_wild_of(struct bpf_sock *sk, __u64 context)
{
	struct of_socket *socket = socket_of(sk);

	return socket && socket->wild && socket->context == context;
}

/* Gives it to a socket that the tuple leads to and that is to have it; else false. */
static bool give(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 size, __u64 context)
{
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, tuple, size, BPF_F_CURRENT_NETNS, 0);
	bool done = false;

	if (!sk)
		return false;
	if (is_wild_of(sk, context))
		done = !bpf_sk_assign(skb, sk, 0);
	bpf_sk_release(sk);
	return done;
}

static int steer_datagram4(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = { 0 };
	struct vps_bpf_addr owner_key;
	struct vps_bpf_net *net;
	struct udphdr udp;
	struct iphdr ip;
	struct bpf_sock *sk;
	__u64 *owner, context;
	bool taken;

	if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET) ||
	    ip.protocol != IPPROTO_UDP || ip.frag_off & bpf_htons(IP_FRAGMENT))
		return TC_ACT_UNSPEC;
	owner_key4(&owner_key, ip.daddr);
	owner = bpf_map_lookup_elem(&owners, &owner_key);
	context = owner ? *owner : VPS_BPF_HOST;
	net = bpf_map_lookup_elem(&nets, &context);
	if (!net || ip.daddr == (net->first4 ?: first_loop4(net)) ||
	    bpf_skb_load_bytes_relative(skb, ip.ihl * 4, &udp, sizeof(udp), BPF_HDR_START_NET))
		return TC_ACT_UNSPEC;
	tuple.ipv4.saddr = ip.saddr;
	tuple.ipv4.daddr = ip.daddr;
	tuple.ipv4.sport = udp.source;
	tuple.ipv4.dport = udp.dest;
	sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (sk) {
		taken = sk->src_ip4 == ip.daddr;
		bpf_sk_release(sk);
		if (taken)
			return TC_ACT_UNSPEC;
	}
	tuple.ipv4.daddr = net->first4 ?: first_loop4(net);
	give(skb, &tuple, sizeof(tuple.ipv4), context);
	return TC_ACT_UNSPEC;
}

static int steer_datagram6(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = { 0 };
	struct vps_bpf_addr a, bound;
	struct vps_bpf_net *net;
	struct ipv6hdr ip;
	struct udphdr udp;
	struct bpf_sock *sk;
	__u64 *owner, context;
	bool taken;

	if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET) ||
	    ip.nexthdr != IPPROTO_UDP)
		return TC_ACT_UNSPEC;
	__builtin_memcpy(&a, &ip.daddr, sizeof(a));
	owner = bpf_map_lookup_elem(&owners, &a);
	context = owner ? *owner : VPS_BPF_HOST;
	net = bpf_map_lookup_elem(&nets, &context);
	if (!net || bpf_skb_load_bytes_relative(skb, sizeof(ip), &udp, sizeof(udp),
						BPF_HDR_START_NET))
		return TC_ACT_UNSPEC;
	__builtin_memcpy(tuple.ipv6.saddr, &ip.saddr, sizeof(ip.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, &a, sizeof(a));
	tuple.ipv6.sport = udp.source;
	tuple.ipv6.dport = udp.dest;
	sk = bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (sk) {
		__builtin_memcpy(&bound, sk->src_ip6, sizeof(bound));
		taken = is_same(&bound, &a);
		bpf_sk_release(sk);
		if (taken)
			return TC_ACT_UNSPEC;
	}
	bound = is_any(&net->first6) ? net->loop6 : net->first6;
	__builtin_memcpy(tuple.ipv6.daddr, &bound, sizeof(bound));
	if (give(skb, &tuple, sizeof(tuple.ipv6), context))
		return TC_ACT_UNSPEC;
	__builtin_memset(&tuple, 0, sizeof(tuple));
	tuple.ipv4.daddr = net->first4 ?: first_loop4(net);
	tuple.ipv4.sport = udp.source;
	tuple.ipv4.dport = udp.dest;
	give(skb, &tuple, sizeof(tuple.ipv4), context);
	return TC_ACT_UNSPEC;
}

#endif /* VPS_BPF_STEER_H */
