// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Attached once, to the group of all contexts. A context is known by the id of its group,
 * which the kernel never uses again.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
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

#define PAGE 4096

#include "sockets.h"
#include "traffic.h"
#include "tcp.h"
#include "address.h"
#include "steer.h"

/* ---- a socket begins and ends ------------------------------------------------------ */

/*
 * Nobody is asked before a socket of SCTP, UDP-Lite and others binds or connects; and listeners
 * of MPTCP have no place in the table: whoever is refused one takes TCP.
 */
static bool is_bindable(const struct bpf_sock *sk)
{
	switch (sk->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return true;
	}
	return false;
}

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *sk)
{
	__u64 context = context_of_current();

	if (!context || !bpf_map_lookup_elem(&nets, &context))
		return ALLOW;
	if (bpf_get_netns_cookie(sk) != host_net || is_bindable(sk))
		return ALLOW;
	return refuse(-EPROTONOSUPPORT);
}

/* A connect that failed before its first packet has held a place till now. */
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *sk)
{
	free_place(place_of(sk));
	return ALLOW;
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	return bind_to4(ctx);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	return bind_to6(ctx);
}

/* ---- connections that it makes --------------------------------------------------------- */

static int connect(struct bpf_sock_addr *ctx)
{
	struct place *place;
	__u64 context;

	if (ctx->type != SOCK_STREAM || !ctx->sk)
		return ALLOW;
	/* Whoever connects: it is established, and ended, for the context that it was made in. */
	context = context_of_tcp(ctx->sk) ?: context_of_current();
	/* Connects that are under way when there is no limit count when they have succeeded. */
	if (!has_limit(context))
		return ALLOW;
	place = make_place(ctx->sk, context);
	if (!place)
		return refuse(-ENOMEM);
	/*
	 * Those of the kernel take theirs with the first packet, since then an end is seen, too;
	 * nobody sees their release.
	 */
	if (is_of_kernel(ctx->sk) ? !is_full(context) : take_place(place))
		return ALLOW;
	return refuse(-EAGAIN);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	__u64 context = context_of(ctx);

	return connect_to4(ctx, context) ? connect(ctx) : REFUSE;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	__u64 context = context_of(ctx);

	return connect_to6(ctx, context) ? connect(ctx) : REFUSE;
}

/* ---- datagrams and names -------------------------------------------------------- */

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return send_to4(ctx);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return send_to6(ctx);
}

#define SHOW(hook, how)				\
	SEC("cgroup/" #hook)			\
	int hook(struct bpf_sock_addr *ctx)	\
	{					\
		how(ctx);			\
		return ALLOW;			\
	}

SHOW(recvmsg4, show4)
SHOW(recvmsg6, show6)
SHOW(getpeername4, show4)
SHOW(getpeername6, show6)
SHOW(getsockname4, show_own4)
SHOW(getsockname6, show_own6)

/* ---- options --------------------------------------------------------------------- */

#define SOL_IP 0
#define IP_LOCAL_PORT_RANGE 51

/* A port that is not bound to an address is taken at all: nobody chooses which. */
SEC("cgroup/setsockopt")
int setsockopt(struct bpf_sockopt *ctx)
{
	__u64 context;

	if (ctx->level != SOL_IP || ctx->optname != IP_LOCAL_PORT_RANGE) {
		/* What is longer than a page is the kernel's alone to read. */
		if (ctx->optlen > PAGE)
			ctx->optlen = 0;
		return ALLOW;
	}
	context = context_of_current();
	return !bpf_map_lookup_elem(&nets, &context) || bpf_get_netns_cookie(ctx) != host_net;
}

/* ---- packets -------------------------------------------------------------------- */

/*
 * What stays on the host's loopback is not billed, nor is the copy that who sends to a group gets
 * back; what networks of a VPS's own send is counted where it leaves them, if ever.
 */
static bool is_billed(struct __sk_buff *skb, struct bpf_sock *sk, __u64 context)
{
	return context && skb->ifindex != LOOPBACK_INDEX && skb->pkt_type != PACKET_LOOPBACK &&
	       !is_elsewhere(sk);
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : NULL;
	__u64 context = context_of_packet(skb);

	if (!sk)
		return ALLOW;
	if (!has_own_address(skb, sk, context, SOURCE4, SOURCE6))
		return REFUSE;
	if (is_billed(skb, sk, context))
		count_packet(skb, context, 0, OUT);
	return ALLOW;
}

/*
 * A listening socket gets the first packet of a connection and the one that completes it:
 * both are dropped when there is no place. The peer repeats them and gives up in time.
 */
static bool has_place(struct __sk_buff *skb, struct bpf_sock *sk, __u64 context)
{
	struct place *place;

	if (!has_limit(context))
		return true;
	place = make_place(sk, context);
	if (!place)
		return false;
	/* Accepted sockets must not inherit the place of a connect that failed. */
	free_place(place);
	return !wants_connection(skb) || !is_full(context);
}

/*
 * Nobody can connect to it or accept from an address that is not its own: it could not answer.
 * What comes to its loopback of IPv6 is looked at, see there.
 */
static bool is_connected4(const struct bpf_sock *sk)
{
	return sk->state == BPF_TCP_ESTABLISHED && sk->protocol == IPPROTO_TCP &&
	       sk->family == AF_INET;
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : NULL;
	__u64 context = context_of_packet(skb);

	if (!sk)
		return ALLOW;
	if (!is_connected4(sk) && !has_own_address(skb, sk, context, PEER4, PEER6))
		return REFUSE;
	/* It has come all the way, whatever becomes of it now. */
	if (is_billed(skb, sk, context))
		count_packet(skb, context, 0, IN);
	if (sk->state != BPF_TCP_LISTEN || sk->protocol != IPPROTO_TCP)
		return ALLOW;
	return has_place(skb, sk, context) ? ALLOW : REFUSE;
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

static void begin_tcp(struct bpf_sock_ops *ops, struct bpf_sock *sk, __u64 context)
{
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	if (ops->op == BPF_SOCK_OPS_TCP_LISTEN_CB) {
		free_place(place_of(sk));
		list(ops, sk, context);
	} else if (!fence && has_limit(context)) {
		/* One that is accepted by TCP Fast Open has this callback long before its last. */
		hold(make_place(sk, context));
	}
}

SEC("sockops")
int sock_ops(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk;
	__u64 context;

	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		/* Of the host only listeners are of interest. */
		if (fence)
			break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		sk = ops->sk;
		if (!sk)
			break;
		context = context_of_tcp(sk);
		if (fence == (context == VPS_BPF_HOST))
			begin_tcp(ops, sk, context);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		sk = ops->sk;
		if (!sk)
			break;
		context = context_of_tcp(sk);
		if (fence != (context == VPS_BPF_HOST))
			break;
		if (ops->args[0] == BPF_TCP_LISTEN)
			unlist(sk, context);
		if (!fence)
			change_state(sk, context, ops->args[0], ops->args[1]);
		break;
	}
	return ALLOW;
}

/* What the kernel calls GPL-compatible; section 3 of the LGPL allows it. */
char vps_license[] SEC("license") = "GPL";
