// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: what they send and get, as it is on the wire at the layer of IP.
 *
 * A packet is counted where it meets a socket, for the socket's context: on its way in by
 * sk_filter_trim_cap(), on its way out by vps_sk_sent(), behind the last rule of netfilter. That is
 * where BPF programs of control groups see it, behind them on its way in, before them on its way
 * out: what they refuse does not count in, and does count out. What no socket gets or sends is
 * nobody's, and what a loopback device carries is not billed.
 *
 * Nothing of it is there before the first context. From then on each packet that leaves by IP, the
 * host's as well, costs a few loads of what is in the cache.
 */
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/lsm_hooks.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/sctp.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/vps_sock.h>
#include <net/dst.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "traffic.h"
#include "vps.h"

/* Of the header that says how long a packet of more than 64 KiB is. */
#define JUMBO_LEN	8

/* ---- how much is it ---- */

static u32 transport_len(const struct sk_buff *skb, int offset, u8 protocol)
{
	const struct tcphdr *tcp;
	struct tcphdr buffer;

	switch (protocol) {
	case IPPROTO_UDP:
		return sizeof(struct udphdr);
	case IPPROTO_SCTP:
		return sizeof(struct sctphdr);
	case IPPROTO_TCP:
		tcp = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
		return tcp ? __tcp_hdrlen(tcp) : 0;
	}
	return 0;
}

static u32 headers4_len(const struct sk_buff *skb, int offset)
{
	const struct iphdr *ip;
	struct iphdr buffer;

	ip = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!ip)
		return 0;
	return ip->ihl * 4 + transport_len(skb, offset + ip->ihl * 4, ip->protocol);
}

/* One of more than 64 KiB has a header, @ret_extra long, that none of its parts will have. */
static u32 headers6_len(const struct sk_buff *skb, int offset, u32 *ret_extra)
{
	const struct ipv6hdr *ip;
	struct ipv6hdr buffer;
	__be16 fragment;
	int transport;
	u8 protocol;

	ip = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!ip)
		return 0;
	protocol = ip->nexthdr;
	transport = ipv6_skip_exthdr(skb, offset + sizeof(*ip), &protocol, &fragment);
	if (transport < 0)
		return sizeof(*ip);
	if (ip->nexthdr == NEXTHDR_HOP && !ip->payload_len)
		*ret_extra = JUMBO_LEN;
	return transport - offset - *ret_extra + transport_len(skb, transport, protocol);
}

/**
 * vps_traffic_wire - how much a packet is on the wire
 * @skb: the packet; its data may begin anywhere behind the header of IP
 * @ret_packets: how many it is there
 *
 * One that is cut later, or was put together before, has the headers of all its parts. The library
 * counts by the same rules, in src/bpf/traffic.h.
 *
 * Return: bytes, from the headers of IP on.
 */
u32 vps_traffic_wire(const struct sk_buff *skb, u32 *ret_packets)
{
	u32 part = skb_shinfo(skb)->gso_size, headers, extra = 0;
	int offset = skb_network_offset(skb);
	u32 len = skb->len - offset;

	*ret_packets = 1;
	if (!part)
		return len;
	if (skb->protocol == htons(ETH_P_IP))
		headers = headers4_len(skb, offset);
	else
		headers = headers6_len(skb, offset, &extra);
	len -= extra;
	if (part == GSO_BY_FRAGS)
		*ret_packets = skb_shinfo(skb)->gso_segs ?: 1;
	else if (len > headers + part)
		*ret_packets = DIV_ROUND_UP(len - headers, part);
	return len + (*ret_packets - 1) * headers;
}

/**
 * vps_traffic_count - add a packet to an account
 * @traffic: the account
 * @way: which way it goes
 * @skb: the packet
 *
 * Each processor has numbers of its own: one that all add to would be fetched from another
 * processor with each packet. What is added is small, and is read seldom. Of what goes out, one
 * packet may be counted in the midst of another's.
 */
void vps_traffic_count(struct vps_traffic *traffic, enum vps_way way, const struct sk_buff *skb)
{
	struct vps_meter *meter;
	unsigned long flags;
	u32 packets, bytes = vps_traffic_wire(skb, &packets);

	meter = get_cpu_ptr(traffic->meters);
	flags = u64_stats_update_begin_irqsave(&meter->sync);
	u64_stats_add(&meter->bytes[way], bytes);
	u64_stats_add(&meter->packets[way], packets);
	u64_stats_update_end_irqrestore(&meter->sync, flags);
	put_cpu_ptr(traffic->meters);
}

/* ---- accounts ---- */

/*
 * By number, then by account. The lock guards it and what is said so of in struct vps_traffic; it
 * is taken in softirqs, where the last socket of a context may end.
 */
static struct rb_root accounts = RB_ROOT;
static DEFINE_SPINLOCK(accounts_lock);

/* How many are of contexts that are gone; guarded by the same lock. */
static unsigned int waiting;

/* What they take is some 12 MB then. */
unsigned int vps_traffic_room = 65536;

static void read_meter(const struct vps_meter *meter, enum vps_way way, struct vps_flow *ret_flow)
{
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&meter->sync);
		ret_flow->bytes = u64_stats_read(&meter->bytes[way]);
		ret_flow->packets = u64_stats_read(&meter->packets[way]);
	} while (u64_stats_fetch_retry(&meter->sync, start));
}

static void add_meters(const struct vps_traffic *traffic, struct vps_flow flows[VPS_WAYS])
{
	enum vps_way way;
	int cpu;

	for_each_possible_cpu(cpu) {
		for (way = 0; way < VPS_WAYS; way++) {
			struct vps_flow flow;

			read_meter(per_cpu_ptr(traffic->meters, cpu), way, &flow);
			flows[way].bytes += flow.bytes;
			flows[way].packets += flow.packets;
		}
	}
}

/* Never less than before, whoever asked then: that was under the lock, too. */
static void sum(const struct vps_traffic *traffic, struct vps_flow ret_flows[VPS_WAYS])
{
	lockdep_assert_held(&accounts_lock);
	memcpy(ret_flows, traffic->total, sizeof(traffic->total));
	if (traffic->meters)
		add_meters(traffic, ret_flows);
}

static bool has_any(const struct vps_traffic *traffic)
{
	struct vps_flow flows[VPS_WAYS];

	sum(traffic, flows);
	return flows[VPS_IN].packets || flows[VPS_OUT].packets;
}

static bool is_before(const struct vps_traffic *traffic, u32 id, u64 account)
{
	return traffic->id < id || (traffic->id == id && traffic->account < account);
}

static bool is_less(struct rb_node *one, const struct rb_node *other)
{
	const struct vps_traffic *traffic = rb_entry(other, struct vps_traffic, node);

	return is_before(rb_entry(one, struct vps_traffic, node), traffic->id, traffic->account);
}

/* The first that is not before. */
static struct vps_traffic *find_from(u32 id, u64 account)
{
	struct rb_node *node = accounts.rb_node;
	struct vps_traffic *traffic, *found = NULL;

	lockdep_assert_held(&accounts_lock);
	while (node) {
		traffic = rb_entry(node, struct vps_traffic, node);
		if (is_before(traffic, id, account)) {
			node = node->rb_right;
		} else {
			found = traffic;
			node = node->rb_left;
		}
	}
	return found;
}

static struct vps_traffic *find_behind(struct vps_traffic *traffic)
{
	return rb_entry_safe(rb_next(&traffic->node), struct vps_traffic, node);
}

/* The tree's hold is the caller's to give up. */
static void remove(struct vps_traffic *traffic)
{
	lockdep_assert_held(&accounts_lock);
	rb_erase(&traffic->node, &accounts);
	RB_CLEAR_NODE(&traffic->node);
}

/**
 * vps_traffic_put - let go of an account
 * @traffic: the account
 */
void vps_traffic_put(struct vps_traffic *traffic)
{
	if (refcount_dec_and_test(&traffic->refs))
		kfree(traffic);
}

/**
 * vps_traffic_alloc - an account for a new context
 * @id: its number
 * @name: of its VPS
 *
 * Return: the account, held for vps_traffic_release(), or NULL without memory.
 */
struct vps_traffic *vps_traffic_alloc(u32 id, const char *name)
{
	struct vps_traffic *traffic = kzalloc(sizeof(*traffic), GFP_KERNEL_ACCOUNT);
	int cpu;

	if (!traffic)
		return NULL;
	traffic->meters = alloc_percpu_gfp(struct vps_meter, GFP_KERNEL_ACCOUNT);
	if (!traffic->meters) {
		kfree(traffic);
		return NULL;
	}
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(traffic->meters, cpu)->sync);
	RB_CLEAR_NODE(&traffic->node);
	refcount_set(&traffic->refs, 1);
	traffic->id = id;
	strscpy(traffic->name, name);
	return traffic;
}

/**
 * vps_traffic_is_full - do as many accounts as there may be wait to be forgotten?
 *
 * Those that wait are never dropped, so nothing that has not been read is lost. And their memory
 * has a bound: there are this many and one for each context at most.
 *
 * Return: true when no context may be made.
 */
bool vps_traffic_is_full(void)
{
	return READ_ONCE(waiting) >= vps_traffic_room;
}

/**
 * vps_traffic_begin - show an account
 * @traffic: that of a context which is being made
 * @account: number of that
 */
void vps_traffic_begin(struct vps_traffic *traffic, u64 account)
{
	traffic->account = account;
	refcount_inc(&traffic->refs);
	spin_lock_bh(&accounts_lock);
	rb_add(&traffic->node, &accounts, is_less);
	spin_unlock_bh(&accounts_lock);
}

/**
 * vps_traffic_end - the context of an account has ended
 * @traffic: the account; its sockets may still say goodbye
 */
void vps_traffic_end(struct vps_traffic *traffic)
{
	spin_lock_bh(&accounts_lock);
	traffic->ended = true;
	spin_unlock_bh(&accounts_lock);
}

/**
 * vps_traffic_release - nothing can count in an account any more
 * @traffic: the account, which waits to be forgotten if there is anything in it
 *
 * Any context: see vps_context_put().
 */
void vps_traffic_release(struct vps_traffic *traffic)
{
	struct vps_meter __percpu *meters = traffic->meters;
	bool forgotten = false;
	unsigned long flags;

	spin_lock_irqsave(&accounts_lock, flags);
	sum(traffic, traffic->total);
	traffic->meters = NULL;
	if (!RB_EMPTY_NODE(&traffic->node)) {
		forgotten = !has_any(traffic);
		if (forgotten)
			remove(traffic);
		else
			WRITE_ONCE(waiting, waiting + 1);
	}
	spin_unlock_irqrestore(&accounts_lock, flags);
	free_percpu(meters);
	if (forgotten)
		vps_traffic_put(traffic);
	vps_traffic_put(traffic);
}

/**
 * vps_traffic_forget - drop the account of a context that is gone
 * @id: number of the context
 * @account: and of the account
 *
 * Return: 0, -ENOENT without such an account, -EBUSY when something may still count in it.
 */
int vps_traffic_forget(u32 id, u64 account)
{
	struct vps_traffic *traffic;
	int err = 0;

	spin_lock_bh(&accounts_lock);
	traffic = find_from(id, account);
	if (!traffic || traffic->id != id || traffic->account != account) {
		err = -ENOENT;
	} else if (traffic->meters) {
		err = -EBUSY;
	} else {
		remove(traffic);
		WRITE_ONCE(waiting, waiting - 1);
	}
	spin_unlock_bh(&accounts_lock);
	if (!err)
		vps_traffic_put(traffic);
	return err;
}

/**
 * vps_traffic_next - walk all accounts, by number, then by account
 * @id: the lowest number that may be returned; becomes that of what is returned
 * @account: the lowest account of that number; likewise
 *
 * Those of contexts that have ended with nothing in them are passed over.
 *
 * Return: the account, held, or NULL behind the last.
 */
struct vps_traffic *vps_traffic_next(u32 *id, u64 *account)
{
	struct vps_traffic *traffic;

	spin_lock_bh(&accounts_lock);
	traffic = find_from(*id, *account);
	while (traffic && traffic->ended && !has_any(traffic))
		traffic = find_behind(traffic);
	if (traffic)
		refcount_inc(&traffic->refs);
	spin_unlock_bh(&accounts_lock);
	if (traffic) {
		*id = traffic->id;
		*account = traffic->account;
	}
	return traffic;
}

/**
 * vps_traffic_read - what is in an account
 * @traffic: the account
 * @ret_flows: by way; bytes may be a packet ahead of packets
 */
void vps_traffic_read(struct vps_traffic *traffic, struct vps_flow ret_flows[VPS_WAYS])
{
	spin_lock_bh(&accounts_lock);
	sum(traffic, ret_flows);
	spin_unlock_bh(&accounts_lock);
}

/**
 * vps_traffic_peek - what is in the account of a context that is held
 * @traffic: the account; its meters stay as long as the context does
 * @ret_flows: by way; bytes may be a packet ahead of packets
 *
 * Without the lock: who is in a context may ask as often, and on as many processors, as he likes.
 */
void vps_traffic_peek(const struct vps_traffic *traffic, struct vps_flow ret_flows[VPS_WAYS])
{
	memset(ret_flows, 0, VPS_WAYS * sizeof(*ret_flows));
	add_meters(traffic, ret_flows);
}

/**
 * vps_traffic_take - what nobody has been told of yet; it has been now
 * @traffic: the account
 * @ret_bytes: by way
 */
void vps_traffic_take(struct vps_traffic *traffic, u64 ret_bytes[VPS_WAYS])
{
	struct vps_flow flows[VPS_WAYS];
	enum vps_way way;

	spin_lock_bh(&accounts_lock);
	sum(traffic, flows);
	for (way = 0; way < VPS_WAYS; way++) {
		ret_bytes[way] = flows[way].bytes - traffic->told[way];
		traffic->told[way] = flows[way].bytes;
	}
	spin_unlock_bh(&accounts_lock);
}

/**
 * vps_traffic_give_back - who took it has not told of it
 * @traffic: the account
 * @bytes: by way, as they were taken; they are the next one's
 */
void vps_traffic_give_back(struct vps_traffic *traffic, const u64 bytes[VPS_WAYS])
{
	enum vps_way way;

	spin_lock_bh(&accounts_lock);
	for (way = 0; way < VPS_WAYS; way++)
		traffic->told[way] -= bytes[way];
	spin_unlock_bh(&accounts_lock);
}

/* ---- where packets meet sockets ---- */

static bool is_loopback(const struct net_device *dev)
{
	return dev && dev->flags & IFF_LOOPBACK;
}

/* What comes for Unix and netlink sockets passes here, too. */
static int traffic_sock_rcv_skb(struct sock *sk, struct sk_buff *skb)
{
	if (!sk->sk_vps || (sk->sk_family != AF_INET && sk->sk_family != AF_INET6))
		return 0;
	/* Copies of what is sent to a group are looped back at the device that it leaves by. */
	if (!is_loopback(skb->dev) && skb->pkt_type != PACKET_LOOPBACK)
		vps_traffic_count(sk->sk_vps->traffic, VPS_IN, skb);
	return 0;
}

/**
 * __vps_sk_sent - count a packet that leaves by IP: see vps_sk_sent()
 * @sk: who sends it, whole or not
 * @skb: the packet
 *
 * The socket is the one that a program of BPF would be run for: not that of what is in a tunnel,
 * nor one whose packet's copy is looped back. What IPsec takes after all, since the last rules
 * changed it, comes back as what has been made of it.
 */
void __vps_sk_sent(struct sock *sk, const struct sk_buff *skb)
{
	if (is_loopback(skb->dev))
		return;
	sk = sk_to_full_sk(sk);
	if (!sk_fullsock(sk) || !sk->sk_vps || sk != skb_to_full_sk(skb))
		return;
	if (!dst_xfrm(skb_dst(skb)))
		vps_traffic_count(sk->sk_vps->traffic, VPS_OUT, skb);
}

static struct security_hook_list traffic_hooks[] __ro_after_init = {
	LSM_HOOK_INIT(socket_sock_rcv_skb, traffic_sock_rcv_skb),
};

/**
 * vps_traffic_start - count, from now on and for ever: there is going to be a context
 */
void vps_traffic_start(void)
{
	vps_hooks_start(traffic_hooks, ARRAY_SIZE(traffic_hooks));
}

/**
 * vps_traffic_init - be asked about what comes in, at boot
 *
 * Nobody is asked yet: what all sockets of the host get would be shown to us for nothing.
 */
void __init vps_traffic_init(void)
{
	vps_hooks_add(traffic_hooks, ARRAY_SIZE(traffic_hooks));
}
