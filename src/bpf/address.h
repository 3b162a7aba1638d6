/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses of contexts in the host's network. A context that was given some is bound to
 * them: what it says of "every address" and of its loopback is translated on the way in and
 * back on the way out, and what is not its own is refused.
 */
#ifndef VPS_BPF_ADDRESS_H
#define VPS_BPF_ADDRESS_H

#include "sockets.h"

#define ADDRESSES_MAX 131072

#define LOOPBACK_NET 127
#define LOOPBACK_INDEX 1
#define CAP_NET_BIND_SERVICE 10
#define LOW_PORTS 1024
/* Of a program at bind(2): allowed, and a capability for a low port is not asked for. */
#define ALLOW_LOW_PORT 3

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CONTEXTS_MAX);
	__type(key, __u64);
	__type(value, struct vps_bpf_net);
} nets SEC(".maps");

/* The context that has an address: of each its own ones and its loopback, 127.HI.LO.0. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ADDRESSES_MAX);
	__type(key, struct vps_bpf_addr);
	__type(value, __u64);
} owners SEC(".maps");

/* ---- words ---------------------------------------------------------------------- */

static bool is_any(const struct vps_bpf_addr *a)
{
	return !(a->words[0] | a->words[1] | a->words[2] | a->words[3]);
}

static bool is_mapped(const struct vps_bpf_addr *a)
{
	return !(a->words[0] | a->words[1]) && a->words[2] == bpf_htonl(0xffff);
}

static bool is_loop6(const struct vps_bpf_addr *a)
{
	return !(a->words[0] | a->words[1] | a->words[2]) && a->words[3] == bpf_htonl(1);
}

/* Below the prefix from which each context has its own: fd76:7073:6c6f::HILO. */
static bool is_of_loops6(const struct vps_bpf_addr *a)
{
	return a->words[0] == bpf_htonl(0xfd767073) && a->words[1] == bpf_htonl(0x6c6f0000);
}

static bool is_same(const struct vps_bpf_addr *a, const struct vps_bpf_addr *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1] &&
	       a->words[2] == b->words[2] && a->words[3] == b->words[3];
}

static bool is_loop4(__u32 address)
{
	return bpf_ntohl(address) >> 24 == LOOPBACK_NET;
}

static void map4(struct vps_bpf_addr *a, __u32 address)
{
	a->words[0] = 0;
	a->words[1] = 0;
	a->words[2] = bpf_htonl(0xffff);
	a->words[3] = address;
}

/* ---- the loopback of a context -------------------------------------------------- */

/* Whatever of 127.0.0.0/8 it says, it is on its own; .z stays. */
static __u32 own_loop4(const struct vps_bpf_net *net, __u32 address)
{
	return bpf_htonl((LOOPBACK_NET << 24) | (net->id << 8) | (bpf_ntohl(address) & 0xff));
}

/* 127.0.0.1 on its own. */
static __u32 first_loop4(const struct vps_bpf_net *net)
{
	return own_loop4(net, bpf_htonl(1));
}

static bool is_own_loop4(const struct vps_bpf_net *net, __u32 address)
{
	return bpf_ntohl(address) >> 8 == ((LOOPBACK_NET << 16) | net->id);
}

/* What it is to see instead of that. */
static __u32 shown4(const struct vps_bpf_net *net, __u32 address)
{
	if (!is_own_loop4(net, address))
		return address;
	return bpf_htonl((LOOPBACK_NET << 24) | (bpf_ntohl(address) & 0xff));
}

/* ::1, or another's as the host has it: that is as little anywhere else as 127.0.0.0/8 is. */
static struct vps_bpf_addr peer6(const struct vps_bpf_net *net, const struct vps_bpf_addr *a)
{
	return is_any(a) || is_loop6(a) || is_of_loops6(a) ? net->loop6 : *a;
}

/* ---- whose an address is -------------------------------------------------------- */

static bool owns(__u64 context, const struct vps_bpf_addr *a)
{
	__u64 *owner = bpf_map_lookup_elem(&owners, a);

	return owner && *owner == context;
}

static bool owns4(__u64 context, const struct vps_bpf_net *net, __u32 address)
{
	struct vps_bpf_addr a;

	if (is_loop4(address))
		return is_own_loop4(net, address);
	map4(&a, address);
	return owns(context, &a);
}

/* The key under which owners knows an address of IPv4. */
static void owner_key4(struct vps_bpf_addr *a, __u32 address)
{
	map4(a, is_loop4(address) ? address & bpf_htonl(0xffffff00) : address);
}

/*
 * What binds the socket at hand: NULL where it is of no context that has addresses, in another
 * network, or the other instance's.
 */
static struct vps_bpf_net *net_of(struct bpf_sock_addr *ctx, __u64 context)
{
	if (fence != (context == VPS_BPF_HOST) || !ctx->sk)
		return NULL;
	if (bpf_get_netns_cookie(ctx) != host_net)
		return NULL;
	return bpf_map_lookup_elem(&nets, &context);
}

/* The kernel's own rule, with the user namespace of the VPS in place of the network's. */
static bool may_use_low_port(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	const struct cred *cred = BPF_CORE_READ(task, cred);
	__u64 effective = 0;

	bpf_core_read(&effective, sizeof(effective), &cred->cap_effective);
	return effective >> CAP_NET_BIND_SERVICE & 1 && BPF_CORE_READ(cred, user_ns, level) == 1;
}

/* What a program refuses with; without the helper it is EPERM. */
static int refuse(int err)
{
	/* The helper came with 5.18, and to these programs with 6.1, as the other did. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_user_ringbuf_drain))
		bpf_set_retval(err);
	return REFUSE;
}

/* ---- bind ----------------------------------------------------------------------- */

/*
 * Ports of the host that hear what is sent to all, by broadcast or multicast: what is bound to
 * an address does not. DHCP, NetBIOS, SSDP, mDNS, LLMNR.
 */
static bool hears_all(const struct bpf_sock_addr *ctx)
{
	if (ctx->type != SOCK_DGRAM)
		return false;
	switch (bpf_ntohs((__u16)ctx->user_port)) {
	case 67: case 68: case 546: case 547: case 137: case 138: case 1900: case 5353: case 5355:
		return true;
	}
	return false;
}

/* A random port is in nobody's way, and who asks for one may be about to connect. */
static bool is_left_alone(struct bpf_sock_addr *ctx)
{
	if (!fence)
		return false;
	/* A tunnel of the kernel's is no daemon. */
	return hears_all(ctx) || !ctx->user_port ||
	       (ctx->type == SOCK_STREAM && is_of_kernel(ctx->sk));
}

static int allow_bind(const struct bpf_sock_addr *ctx)
{
	__u16 port = bpf_ntohs((__u16)ctx->user_port);

	return !fence && port && port < LOW_PORTS && may_use_low_port() ? ALLOW_LOW_PORT : ALLOW;
}

/* What it serves is remembered for as long as it is; false where there is no memory for it. */
static bool note_wild(struct bpf_sock *sk, __u64 context, __u8 wild)
{
	struct of_socket *socket;

	/* It is bound already: the kernel will refuse. */
	if (sk->src_port)
		return true;
	socket = wild ? note_socket(sk, context) : socket_of(sk);
	if (socket)
		socket->wild = wild;
	return socket || !wild;
}

/* The host's own names for its loopback are what they are. */
static __u32 bound4(const struct vps_bpf_net *net, __u32 address)
{
	if (!address)
		return net->first4 ?: first_loop4(net);
	return is_loop4(address) && !fence ? own_loop4(net, address) : address;
}

static int bind_to4(struct bpf_sock_addr *ctx)
{
	__u64 context = context_of(ctx);
	struct vps_bpf_net *net = net_of(ctx, context);
	__u32 address = ctx->user_ip4, own;

	if (!net)
		return ALLOW;
	if (is_left_alone(ctx)) {
		note_wild(ctx->sk, context, 0);
		return ALLOW;
	}
	own = bound4(net, address);
	if (!fence && !owns4(context, net, own))
		return refuse(-EADDRNOTAVAIL);
	if (!note_wild(ctx->sk, context, address ? 0 : WILD4))
		return refuse(-ENOMEM);
	ctx->user_ip4 = own;
	return allow_bind(ctx);
}

static void read6(const struct bpf_sock_addr *ctx, struct vps_bpf_addr *a)
{
	a->words[0] = ctx->user_ip6[0];
	a->words[1] = ctx->user_ip6[1];
	a->words[2] = ctx->user_ip6[2];
	a->words[3] = ctx->user_ip6[3];
}

static void write6(struct bpf_sock_addr *ctx, const struct vps_bpf_addr *a)
{
	ctx->user_ip6[0] = a->words[0];
	ctx->user_ip6[1] = a->words[1];
	ctx->user_ip6[2] = a->words[2];
	ctx->user_ip6[3] = a->words[3];
}

static bool is_only6(struct bpf_sock_addr *ctx)
{
	struct sock *sock;

	if (ctx->type == SOCK_STREAM)
		sock = (void *)bpf_skc_to_tcp6_sock(ctx->sk);
	else
		sock = (void *)bpf_skc_to_udp6_sock(ctx->sk);
	return !sock || BPF_CORE_READ_BITFIELD_PROBED(&sock->__sk_common, skc_ipv6only);
}

static const struct vps_bpf_addr *main6(const struct vps_bpf_net *net)
{
	return is_any(&net->first6) ? &net->loop6 : &net->first6;
}

/*
 * One that serves both families is bound to the address of IPv4, since one that is bound to
 * an address of IPv6 would serve that alone; what comes by IPv6 is steered to it. An outgoing
 * one has no port: which family it is for is known only later. Returns what it serves.
 */
static __u8 bound6(struct bpf_sock_addr *ctx, const struct vps_bpf_net *net,
		   struct vps_bpf_addr *own)
{
	if (is_loop6(own) && !fence) {
		*own = net->loop6;
		return 0;
	}
	if (!is_any(own))
		return 0;
	if (!is_only6(ctx) && (ctx->user_port || is_any(&net->first6))) {
		map4(own, net->first4 ?: first_loop4(net));
		return DUAL;
	}
	*own = *main6(net);
	return WILD6;
}

static int bind_to6(struct bpf_sock_addr *ctx)
{
	__u64 context = context_of(ctx);
	struct vps_bpf_net *net = net_of(ctx, context);
	struct vps_bpf_addr own;
	bool owned;
	__u8 wild;

	if (!net)
		return ALLOW;
	read6(ctx, &own);
	/* Of datagrams the source is chosen for each packet, and others' are dropped. */
	if (is_left_alone(ctx) || (is_any(&own) && !ctx->user_port && ctx->type == SOCK_DGRAM &&
				   !is_only6(ctx))) {
		note_wild(ctx->sk, context, 0);
		return ALLOW;
	}
	if (is_mapped(&own)) {
		wild = own.words[3] ? 0 : WILD4;
		own.words[3] = bound4(net, own.words[3]);
	} else {
		wild = bound6(ctx, net, &own);
	}
	if (is_mapped(&own))
		owned = owns4(context, net, own.words[3]);
	else
		owned = !is_any(&own) && owns(context, &own);
	if (!fence && !owned)
		return refuse(-EADDRNOTAVAIL);
	if (!note_wild(ctx->sk, context, wild))
		return refuse(-ENOMEM);
	write6(ctx, &own);
	return allow_bind(ctx);
}

/* ---- connect -------------------------------------------------------------------- */

static bool bind_source4(struct bpf_sock_addr *ctx, __u32 address)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = address };

	return !bpf_bind(ctx, (struct sockaddr *)&from, sizeof(from));
}

static bool bind_source6(struct bpf_sock_addr *ctx, const struct vps_bpf_addr *a)
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6 };

	__builtin_memcpy(&from.sin6_addr, a, sizeof(*a));
	return !bpf_bind(ctx, (struct sockaddr *)&from, sizeof(from));
}

/*
 * A source that it asked for. One that was chosen for it stays when a connection ends, other than
 * the kernel's own choice, and is none for the next.
 */
static bool has_source4(const struct bpf_sock *sk, const struct vps_bpf_net *net)
{
	__u32 source = sk->src_ip4;

	return sk->src_port || (source && source != net->first4 && source != first_loop4(net));
}

static bool has_source6(const struct bpf_sock *sk, const struct vps_bpf_net *net)
{
	struct vps_bpf_addr source;

	source.words[0] = sk->src_ip6[0];
	source.words[1] = sk->src_ip6[1];
	source.words[2] = sk->src_ip6[2];
	source.words[3] = sk->src_ip6[3];
	if (sk->src_port)
		return true;
	if (is_mapped(&source))
		return source.words[3] != net->first4 && source.words[3] != first_loop4(net);
	return !is_any(&source) && !is_same(&source, &net->first6) &&
	       !is_same(&source, &net->loop6);
}

/* Where 0.0.0.0 and whatever of the loopback lead to. */
static __u32 peer4(const struct vps_bpf_net *net, __u32 address)
{
	if (!address)
		return first_loop4(net);
	return is_loop4(address) ? own_loop4(net, address) : address;
}

static __u32 source4(const struct vps_bpf_net *net, __u32 peer)
{
	return is_loop4(peer) ? first_loop4(net) : net->first4;
}

static int connect_to4(struct bpf_sock_addr *ctx, __u64 context)
{
	struct vps_bpf_net *net = net_of(ctx, context);
	__u32 peer, source;

	if (!net)
		return ALLOW;
	peer = peer4(net, ctx->user_ip4);
	ctx->user_ip4 = peer;
	if (has_source4(ctx->sk, net))
		return ALLOW;
	source = source4(net, peer);
	if (!source)
		return refuse(-ENETUNREACH);
	return bind_source4(ctx, source) ? ALLOW : refuse(-EADDRNOTAVAIL);
}

static int connect_to6(struct bpf_sock_addr *ctx, __u64 context)
{
	struct vps_bpf_net *net = net_of(ctx, context);
	struct vps_bpf_addr peer, source;

	if (!net)
		return ALLOW;
	read6(ctx, &peer);
	if (is_mapped(&peer)) {
		peer.words[3] = peer4(net, peer.words[3]);
		map4(&source, source4(net, peer.words[3]));
		if (!source.words[3])
			return refuse(-ENETUNREACH);
	} else {
		peer = peer6(net, &peer);
		source = is_same(&peer, &net->loop6) ? peer : net->first6;
		if (is_any(&peer))
			return refuse(-EADDRNOTAVAIL);
		if (is_any(&source))
			return refuse(-ENETUNREACH);
	}
	write6(ctx, &peer);
	if (has_source6(ctx->sk, net))
		return ALLOW;
	return bind_source6(ctx, &source) ? ALLOW : refuse(-EADDRNOTAVAIL);
}

/* ---- datagrams ------------------------------------------------------------------ */

/* Is it bound to an address only because it serves every one? */
static bool is_wild(struct bpf_sock *sk)
{
	struct of_socket *socket = socket_of(sk);

	return socket && socket->wild;
}

static int send_to4(struct bpf_sock_addr *ctx)
{
	__u64 context = context_of(ctx);
	struct vps_bpf_net *net = net_of(ctx, context);
	__u32 peer, source;

	if (!net)
		return ALLOW;
	source = ctx->msg_src_ip4;
	if (fence) {
		/* As the route has it: it was bound to no address, and asked for no other. */
		if (source == net->first4 && is_wild(ctx->sk))
			ctx->msg_src_ip4 = 0;
		return ALLOW;
	}
	peer = peer4(net, ctx->user_ip4);
	ctx->user_ip4 = peer;
	if (!source || (is_loop4(peer) && is_wild(ctx->sk)))
		source = source4(net, peer);
	if (!source)
		return refuse(-ENETUNREACH);
	if (!owns4(context, net, source))
		return refuse(-EADDRNOTAVAIL);
	ctx->msg_src_ip4 = source;
	return ALLOW;
}

/* Where a datagram goes and what it is sent from; 0, or the error that there is. */
static int choose6(struct bpf_sock_addr *ctx, const struct vps_bpf_net *net, __u64 context,
		   struct vps_bpf_addr *source)
{
	struct vps_bpf_addr peer;
	bool loop;

	read6(ctx, &peer);
	peer = peer6(net, &peer);
	if (is_any(&peer))
		return -EADDRNOTAVAIL;
	write6(ctx, &peer);
	loop = is_same(&peer, &net->loop6);
	if (is_any(source) || is_mapped(source) || (loop && is_wild(ctx->sk)))
		*source = loop ? peer : net->first6;
	if (is_any(source))
		return -ENETUNREACH;
	return owns(context, source) ? 0 : -EADDRNOTAVAIL;
}

static int send_to6(struct bpf_sock_addr *ctx)
{
	__u64 context = context_of(ctx);
	struct vps_bpf_net *net = net_of(ctx, context);
	struct vps_bpf_addr source, any = { 0 };
	int err = 0;

	if (!net)
		return ALLOW;
	source.words[0] = ctx->msg_src_ip6[0];
	source.words[1] = ctx->msg_src_ip6[1];
	source.words[2] = ctx->msg_src_ip6[2];
	source.words[3] = ctx->msg_src_ip6[3];
	if (!fence)
		err = choose6(ctx, net, context, &source);
	else if ((is_same(&source, main6(net)) || is_mapped(&source)) && is_wild(ctx->sk))
		source = any;
	if (err)
		return refuse(err);
	/* In one place: see apart() of steer.h. */
	ctx->msg_src_ip6[0] = source.words[0];
	ctx->msg_src_ip6[1] = source.words[1];
	ctx->msg_src_ip6[2] = source.words[2];
	ctx->msg_src_ip6[3] = source.words[3];
	return ALLOW;
}

/* ---- names ---------------------------------------------------------------------- */

static void show4(struct bpf_sock_addr *ctx)
{
	struct vps_bpf_net *net = net_of(ctx, context_of(ctx));

	if (net && !fence)
		ctx->user_ip4 = shown4(net, ctx->user_ip4);
}

static void show6(struct bpf_sock_addr *ctx)
{
	struct vps_bpf_net *net = net_of(ctx, context_of(ctx));
	struct vps_bpf_addr a;

	if (!net || fence)
		return;
	read6(ctx, &a);
	if (is_mapped(&a)) {
		ctx->user_ip6[3] = shown4(net, a.words[3]);
	} else if (is_same(&a, &net->loop6)) {
		a.words[0] = a.words[1] = a.words[2] = 0;
		a.words[3] = bpf_htonl(1);
		write6(ctx, &a);
	}
}

/* What it serves, if that is every address; only while it is not connected. */
static __u8 shown_wild(struct bpf_sock_addr *ctx)
{
	struct of_socket *socket = ctx->sk ? socket_of(ctx->sk) : NULL;

	if (!socket || (ctx->sk->state != BPF_TCP_CLOSE && ctx->sk->state != BPF_TCP_LISTEN))
		return 0;
	return socket->wild;
}

static void show_own4(struct bpf_sock_addr *ctx)
{
	if (shown_wild(ctx))
		ctx->user_ip4 = 0;
	else
		show4(ctx);
}

static void show_own6(struct bpf_sock_addr *ctx)
{
	struct vps_bpf_addr any = { 0 };
	__u8 wild = shown_wild(ctx);

	if (!wild)
		return show6(ctx);
	if (wild == WILD4)
		map4(&any, 0);
	write6(ctx, &any);
}

/* ---- packets -------------------------------------------------------------------- */

/* Offsets in the headers of IPv4 and IPv6. */
#define SOURCE4 12
#define PEER4 16
#define SOURCE6 8
#define PEER6 24

/* The address at one of these places; false of what is no whole header. */
static bool read_address(struct __sk_buff *skb, __u32 offset4, __u32 offset6,
			 struct vps_bpf_addr *ret_address)
{
	void *header = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (header + sizeof(struct iphdr) > end)
			return false;
		map4(ret_address, *(__u32 *)(header + offset4));
		return true;
	}
	if (header + sizeof(struct ipv6hdr) > end)
		return false;
	*ret_address = *(struct vps_bpf_addr *)(header + offset6);
	return true;
}

/*
 * Sockets for ping are bound to no address and nobody is asked before they send: they have the
 * host's, but no other context's.
 */
static bool is_for_ping(const struct bpf_sock *sk)
{
	return sk->protocol == IPPROTO_ICMP || sk->protocol == IPPROTO_ICMPV6;
}

/*
 * Is the address at this place of the packet one of the socket's context? It is the last line:
 * sockets that were never bound, and sources that were given with a packet.
 */
static bool has_own_address(struct __sk_buff *skb, struct bpf_sock *sk, __u64 context,
			    __u32 offset4, __u32 offset6)
{
	struct vps_bpf_addr a;
	struct vps_bpf_net *net;
	__u64 *owner;

	if (!read_address(skb, offset4, offset6, &a))
		return false;
	owner = bpf_map_lookup_elem(&owners, &a);
	/* Nothing but the host keeps others from the network of a loopback of IPv6. */
	if (owner && *owner == context)
		return !is_of_loops6(&a) || skb->ifindex == LOOPBACK_INDEX;
	net = bpf_map_lookup_elem(&nets, &context);
	if (!net || is_elsewhere(sk))
		return true;
	if (is_mapped(&a) && is_own_loop4(net, a.words[3]))
		return true;
	return is_for_ping(sk) && !owner;
}

#endif /* VPS_BPF_ADDRESS_H */
