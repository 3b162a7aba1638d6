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
#define LISTENERS_OF_ONE 1024
/* Of one address and port, by SO_REUSEPORT. When one ends the others are to be there. */
#define LISTENERS_ALIKE 8

/**
 * struct listener_key - where somebody listens
 * @context: whose it is
 * @address: zeros for every address
 * @port: in the order of the host
 * @wild: WILD4 or WILD6 of every address; both for one that serves both families
 * @number: from 1 up of those with SO_REUSEPORT, 0 of others
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

static bool take_number(struct bpf_sock_ops *ops, struct listener_key *key, bool alike)
{
	key->number = 0;
	if (!alike)
		return !bpf_sock_hash_update(ops, &listeners, key, BPF_NOEXIST);
	for (int i = 1; i <= LISTENERS_ALIKE; i++) {
		key->number = i;
		if (!bpf_sock_hash_update(ops, &listeners, key, BPF_NOEXIST))
			return true;
	}
	return false;
}

static bool is_alike(struct bpf_sock *sk)
{
	struct sock *sock = (void *)bpf_skc_to_tcp_sock(sk);

	return sock && BPF_CORE_READ_BITFIELD_PROBED(&sock->__sk_common, skc_reuseport);
}

/* What it was bound to; every address too when that was before its context had addresses. */
static __u8 listener_place(struct bpf_sock_ops *ops, __u8 wild, struct vps_bpf_addr *ret_address)
{
	if (wild)
		return wild;
	listener_address(ops, ret_address);
	if (!is_any(ret_address) && (!is_mapped(ret_address) || ret_address->words[3]))
		return 0;
	__builtin_memset(ret_address, 0, sizeof(*ret_address));
	return ops->family == AF_INET ? WILD4 : DUAL;
}

static bool take_places(struct bpf_sock_ops *ops, struct listener_key *key, __u8 wild, bool alike)
{
	bool done;

	key->wild = wild == DUAL ? WILD4 : wild;
	done = take_number(ops, key, alike);
	if (wild != DUAL)
		return done;
	key->wild = WILD6;
	return take_number(ops, key, alike) && done;
}

static void list(struct bpf_sock_ops *ops, struct bpf_sock *sk, __u64 context)
{
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &context);
	struct of_socket *socket = note_socket(sk, context);
	struct listener_key key = { .context = context };
	bool done = false;
	__u8 wild;

	if (!tcp || is_elsewhere(sk))
		return;
	wild = listener_place(ops, socket ? socket->wild : 0, &key.address);
	key.port = (__u16)ops->local_port;
	/* Without a note it is never known again; what it serves is its main address. */
	if (!socket || socket->listed || socket->unlisted)
		return;
	if (fence || tcp->listed < LISTENERS_OF_ONE) {
		socket->listed = wild == DUAL ? 2 : 1;
		socket->alike = is_alike(sk);
		__sync_fetch_and_add(&tcp->listed, socket->listed);
		__sync_fetch_and_add(&tcp->alike, socket->alike);
		done = take_places(ops, &key, wild, socket->alike);
	}
	if (!done) {
		socket->unlisted = 1;
		__sync_fetch_and_add(&tcp->unlisted, 1);
	}
}

static void unlist(struct bpf_sock *sk, __u64 context)
{
	struct vps_bpf_tcp *tcp = bpf_map_lookup_elem(&tcp_use, &context);
	struct of_socket *socket = socket_of(sk);

	if (!socket || !tcp)
		return;
	__sync_fetch_and_add(&tcp->listed, -(__u64)socket->listed);
	__sync_fetch_and_add(&tcp->alike, -(__u64)socket->alike);
	__sync_fetch_and_add(&tcp->unlisted, -(__u64)socket->unlisted);
	socket->listed = socket->alike = socket->unlisted = 0;
}

/* ---- connections ---------------------------------------------------------------- */

static struct bpf_sock *find_listener(struct listener_key *key, const struct vps_bpf_tcp *tcp)
{
	struct bpf_sock *sk;

	key->number = 0;
	sk = bpf_map_lookup_elem(&listeners, key);
	for (int i = 1; i <= LISTENERS_ALIKE && !sk && tcp->alike; i++) {
		key->number = i;
		sk = bpf_map_lookup_elem(&listeners, key);
	}
	return sk;
}

static bool assign(struct bpf_sk_lookup *ctx, struct listener_key *key,
		   const struct vps_bpf_tcp *tcp)
{
	struct bpf_sock *sk = find_listener(key, tcp);

	if (!sk)
		return false;
	bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return true;
}

static bool has_listener(struct listener_key *key, const struct vps_bpf_tcp *tcp)
{
	struct bpf_sock *sk = find_listener(key, tcp);

	if (sk)
		bpf_sk_release(sk);
	return sk;
}

static int steer_connection(struct bpf_sk_lookup *ctx)
{
	struct vps_bpf_addr a, owner_key;
	struct listener_key key = { 0 }, exact = { 0 };
	struct vps_bpf_tcp *tcp;
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
	tcp = bpf_map_lookup_elem(&tcp_use, &key.context);
	if (!tcp || !bpf_map_lookup_elem(&nets, &key.context))
		return SK_PASS;
	key.port = (__u16)ctx->local_port;
	key.wild = ctx->family == AF_INET ? WILD4 : WILD6;
	/* The kernel finds those that are bound to just this address by itself. */
	exact.address = a;
	exact.context = key.context;
	exact.port = key.port;
	if (has_listener(&exact, tcp) || assign(ctx, &key, tcp))
		return SK_PASS;
	/* What listens there is not this context's, but who has every address. */
	return owner && !tcp->unlisted ? SK_DROP : SK_PASS;
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
