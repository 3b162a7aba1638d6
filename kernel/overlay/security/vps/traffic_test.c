// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of traffic: how much a packet is on the wire, and accounts from their begin until they are
 * forgotten.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/limits.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ipv6.h>

#include "traffic.h"

/* ---- packets ---- */

#define IP4	20
#define IP6	40
#define TCP	32	/* with time stamps */
#define UDP	8

/**
 * struct packet - a packet as it meets a socket, and what it is on the wire
 * @protocol: behind all headers of IP
 * @options: bytes behind the first header of IP: of IPv6 one extension header
 * @is_ip6: its family
 * @is_jumbo: that extension header is the one of a jumbogram
 * @part: payload of each part but the last; 0: it is in one piece
 * @parts: how many there are, where that is not to be worked out
 * @payload: bytes behind the header of TCP or UDP
 * @bytes: on the wire
 * @packets: on the wire
 */
struct packet {
	u8 protocol;
	u8 options;
	bool is_ip6;
	bool is_jumbo;
	u16 part;
	u16 parts;
	u32 payload;
	u32 bytes;
	u32 packets;
};

static const struct packet packets[] = {
	/* In one piece: all that there is, of whatever protocol. */
	{ IPPROTO_UDP, .payload = 0, .bytes = IP4 + UDP, .packets = 1 },
	{ IPPROTO_UDP, .payload = 1000, .bytes = IP4 + UDP + 1000, .packets = 1 },
	{ IPPROTO_UDP, .is_ip6 = true, .payload = 1000, .bytes = IP6 + UDP + 1000, .packets = 1 },
	{ IPPROTO_TCP, .options = 8, .payload = 1, .bytes = IP4 + 8 + TCP + 1, .packets = 1 },
	{ IPPROTO_ICMP, .payload = 64, .bytes = IP4 + 64, .packets = 1 },
	/* Parts: each has all headers, also when the last is short. */
	{ IPPROTO_TCP, .part = 1000, .payload = 3000,
	  .bytes = 3 * (IP4 + TCP) + 3000, .packets = 3 },
	{ IPPROTO_TCP, .part = 1000, .payload = 3001,
	  .bytes = 4 * (IP4 + TCP) + 3001, .packets = 4 },
	{ IPPROTO_TCP, .options = 8, .part = 1000, .payload = 2000,
	  .bytes = 2 * (IP4 + 8 + TCP) + 2000, .packets = 2 },
	{ IPPROTO_TCP, .is_ip6 = true, .part = 1000, .payload = 3001,
	  .bytes = 4 * (IP6 + TCP) + 3001, .packets = 4 },
	{ IPPROTO_TCP, .is_ip6 = true, .options = 8, .part = 1000, .payload = 3000,
	  .bytes = 3 * (IP6 + 8 + TCP) + 3000, .packets = 3 },
	{ IPPROTO_UDP, .part = 500, .payload = 1500,
	  .bytes = 3 * (IP4 + UDP) + 1500, .packets = 3 },
	{ IPPROTO_UDP, .is_ip6 = true, .part = 500, .payload = 1501,
	  .bytes = 4 * (IP6 + UDP) + 1501, .packets = 4 },
	/* It says that it has parts, and has one. */
	{ IPPROTO_TCP, .part = 1000, .payload = 1000, .bytes = IP4 + TCP + 1000, .packets = 1 },
	{ IPPROTO_TCP, .part = 1000, .payload = 0, .bytes = IP4 + TCP, .packets = 1 },
	/* The header of a jumbogram is in none of its parts. */
	{ IPPROTO_TCP, .is_ip6 = true, .is_jumbo = true, .options = 8, .part = 1000,
	  .payload = 3000, .bytes = 3 * (IP6 + TCP) + 3000, .packets = 3 },
	/* Parts of several lengths. */
	{ IPPROTO_SCTP, .part = GSO_BY_FRAGS, .parts = 3, .payload = 12 + 900,
	  .bytes = 3 * (IP4 + 12) + 900, .packets = 3 },
	{ IPPROTO_SCTP, .part = GSO_BY_FRAGS, .payload = 12 + 900, .bytes = IP4 + 12 + 900,
	  .packets = 1 },
};

static void put_ip(struct sk_buff *skb, const struct packet *packet)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;
	u8 *option;

	if (!packet->is_ip6) {
		ip4 = skb_put_zero(skb, IP4 + packet->options);
		ip4->version = 4;
		ip4->ihl = (IP4 + packet->options) / 4;
		ip4->protocol = packet->protocol;
		return;
	}
	ip6 = skb_put_zero(skb, IP6);
	ip6->version = 6;
	ip6->nexthdr = packet->options ? NEXTHDR_HOP : packet->protocol;
	ip6->payload_len = htons(packet->is_jumbo ? 0 : packet->payload);
	if (packet->options) {
		option = skb_put_zero(skb, packet->options);
		option[0] = packet->protocol;
		option[1] = packet->options / 8 - 1;
	}
}

/* Data begins where the socket's layer has it. */
static struct sk_buff *make_packet(struct kunit *test, const struct packet *packet, bool comes_in)
{
	struct sk_buff *skb = alloc_skb(256 + packet->payload, GFP_KERNEL);
	struct tcphdr *tcp;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reset_network_header(skb);
	skb->protocol = htons(packet->is_ip6 ? ETH_P_IPV6 : ETH_P_IP);
	put_ip(skb, packet);
	skb_set_transport_header(skb, skb->len);
	if (packet->protocol == IPPROTO_TCP) {
		tcp = skb_put_zero(skb, TCP);
		tcp->doff = TCP / 4;
	} else if (packet->protocol == IPPROTO_UDP) {
		skb_put_zero(skb, UDP);
	}
	skb_put_zero(skb, packet->payload);
	skb_shinfo(skb)->gso_size = packet->part;
	skb_shinfo(skb)->gso_segs = packet->parts;
	if (comes_in)
		skb_pull(skb, skb_transport_offset(skb));
	return skb;
}

static void check_packet(struct kunit *test, size_t i, bool comes_in)
{
	struct sk_buff *skb = make_packet(test, &packets[i], comes_in);
	u32 count = 0;

	KUNIT_EXPECT_EQ_MSG(test, vps_traffic_wire(skb, &count), packets[i].bytes, "packet %zu", i);
	KUNIT_EXPECT_EQ_MSG(test, count, packets[i].packets, "packet %zu", i);
	kfree_skb(skb);
}

static void wire_is_exact(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(packets); i++) {
		check_packet(test, i, false);
		check_packet(test, i, true);
	}
}

/* What is cut off within its headers is never more than what is there. */
static void wire_of_less(struct kunit *test)
{
	static const struct packet packet = {
		IPPROTO_TCP, .is_ip6 = true, .options = 8, .part = 1000, .payload = 3000,
	};
	unsigned int length;

	for (length = 0; length < IP6 + 8 + TCP; length++) {
		struct sk_buff *skb = make_packet(test, &packet, false);
		u32 count;

		skb_trim(skb, length);
		KUNIT_EXPECT_EQ(test, vps_traffic_wire(skb, &count), length);
		KUNIT_EXPECT_EQ(test, count, 1);
		kfree_skb(skb);
	}
}

/* ---- accounts; no context can have these numbers ---- */

#define FIRST	(U32_MAX - 7)

static struct vps_traffic *begin(struct kunit *test, u32 id, u64 account)
{
	struct vps_traffic *traffic = vps_traffic_alloc(id, "test");

	KUNIT_ASSERT_NOT_NULL(test, traffic);
	vps_traffic_begin(traffic, account);
	return traffic;
}

static void count(struct kunit *test, struct vps_traffic *traffic, enum vps_way way)
{
	struct sk_buff *skb = make_packet(test, &packets[1], way == VPS_IN);

	vps_traffic_count(traffic, way, skb);
	kfree_skb(skb);
}

/* As when its context has ended and nothing holds it. */
static void leave(struct vps_traffic *traffic)
{
	vps_traffic_end(traffic);
	vps_traffic_release(traffic);
}

/* The account that is found there is @id and @account, or none when @id is 0. */
static void expect_next(struct kunit *test, u32 from, u64 from_account, u32 id, u64 account)
{
	struct vps_traffic *traffic = vps_traffic_next(&from, &from_account);

	KUNIT_EXPECT_EQ(test, !traffic, !id);
	if (!traffic)
		return;
	KUNIT_EXPECT_EQ(test, from, id);
	KUNIT_EXPECT_EQ(test, from_account, account);
	KUNIT_EXPECT_EQ(test, traffic->id, id);
	vps_traffic_put(traffic);
}

static void account_adds_up(struct kunit *test)
{
	struct vps_traffic *traffic = begin(test, FIRST, 1);
	struct vps_flow flows[VPS_WAYS];

	vps_traffic_read(traffic, flows);
	KUNIT_EXPECT_EQ(test, flows[VPS_IN].bytes | flows[VPS_OUT].packets, 0);
	count(test, traffic, VPS_IN);
	count(test, traffic, VPS_OUT);
	count(test, traffic, VPS_OUT);
	vps_traffic_read(traffic, flows);
	KUNIT_EXPECT_EQ(test, flows[VPS_IN].bytes, packets[1].bytes);
	KUNIT_EXPECT_EQ(test, flows[VPS_IN].packets, 1);
	KUNIT_EXPECT_EQ(test, flows[VPS_OUT].bytes, 2 * packets[1].bytes);
	KUNIT_EXPECT_EQ(test, flows[VPS_OUT].packets, 2);

	/* It stays so when nothing counts any more. */
	expect_next(test, FIRST, 0, FIRST, 1);
	leave(traffic);
	expect_next(test, FIRST, 0, FIRST, 1);
	KUNIT_EXPECT_EQ(test, traffic->total[VPS_OUT].packets, 2);
	KUNIT_EXPECT_EQ(test, vps_traffic_forget(FIRST, 1), 0);
	expect_next(test, FIRST, 0, 0, 0);
}

static void account_is_taken_once(struct kunit *test)
{
	struct vps_traffic *traffic = begin(test, FIRST, 1);
	u64 bytes[VPS_WAYS], more[VPS_WAYS];

	count(test, traffic, VPS_IN);
	vps_traffic_take(traffic, bytes);
	KUNIT_EXPECT_EQ(test, bytes[VPS_IN], packets[1].bytes);
	KUNIT_EXPECT_EQ(test, bytes[VPS_OUT], 0);
	vps_traffic_take(traffic, more);
	KUNIT_EXPECT_EQ(test, more[VPS_IN], 0);

	/* Who gives back does not take away what another has had meanwhile. */
	count(test, traffic, VPS_IN);
	vps_traffic_take(traffic, more);
	vps_traffic_give_back(traffic, bytes);
	KUNIT_EXPECT_EQ(test, more[VPS_IN], packets[1].bytes);
	vps_traffic_take(traffic, more);
	KUNIT_EXPECT_EQ(test, more[VPS_IN], packets[1].bytes);
	vps_traffic_take(traffic, more);
	KUNIT_EXPECT_EQ(test, more[VPS_IN], 0);
	leave(traffic);
	KUNIT_EXPECT_EQ(test, vps_traffic_forget(FIRST, 1), 0);
}

static void accounts_of_nothing_go(struct kunit *test)
{
	struct vps_traffic *traffic = begin(test, FIRST, 1);

	expect_next(test, FIRST, 0, FIRST, 1);
	vps_traffic_end(traffic);
	expect_next(test, FIRST, 0, 0, 0);
	/* A last word, which comes late. */
	count(test, traffic, VPS_OUT);
	expect_next(test, FIRST, 0, FIRST, 1);
	vps_traffic_release(traffic);
	KUNIT_EXPECT_EQ(test, vps_traffic_forget(FIRST, 1), 0);

	leave(begin(test, FIRST, 2));
	expect_next(test, FIRST, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, vps_traffic_forget(FIRST, 2), -ENOENT);
	/* One whose context has not been published. */
	traffic = vps_traffic_alloc(FIRST, "");
	KUNIT_ASSERT_NOT_NULL(test, traffic);
	vps_traffic_release(traffic);
}

/* Several of one number, and each forgotten for itself. */
static void accounts_in_order(struct kunit *test)
{
	static const struct {
		u32 id;
		u64 account;
	} rows[] = {
		{ FIRST, 3 }, { FIRST, S64_MAX }, { FIRST + 1, 2 }, { FIRST + 4, 1 },
	};
	struct vps_traffic *traffics[ARRAY_SIZE(rows)];
	size_t i;

	for (i = ARRAY_SIZE(rows); i--;) {
		traffics[i] = begin(test, rows[i].id, rows[i].account);
		count(test, traffics[i], VPS_OUT);
	}
	expect_next(test, FIRST, 0, FIRST, 3);
	expect_next(test, FIRST, 4, FIRST, S64_MAX);
	expect_next(test, FIRST, S64_MAX + 1ULL, FIRST + 1, 2);
	expect_next(test, FIRST + 1, 3, FIRST + 4, 1);
	expect_next(test, FIRST + 5, 0, 0, 0);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_EXPECT_EQ(test, vps_traffic_forget(rows[i].id, rows[i].account), -EBUSY);
		KUNIT_EXPECT_EQ(test, vps_traffic_forget(rows[i].id, rows[i].account + 1), -ENOENT);
		vps_traffic_end(traffics[i]);
		KUNIT_EXPECT_EQ(test, vps_traffic_forget(rows[i].id, rows[i].account), -EBUSY);
		vps_traffic_release(traffics[i]);
		KUNIT_EXPECT_EQ(test, vps_traffic_forget(rows[i].id, rows[i].account), 0);
		KUNIT_EXPECT_EQ(test, vps_traffic_forget(rows[i].id, rows[i].account), -ENOENT);
	}
	expect_next(test, FIRST, 0, 0, 0);
}

static void accounts_have_a_bound(struct kunit *test)
{
	unsigned int room = vps_traffic_room;
	struct vps_traffic *one = begin(test, FIRST, 1), *two = begin(test, FIRST, 2);

	vps_traffic_room = 2;
	count(test, one, VPS_IN);
	count(test, two, VPS_IN);
	leave(begin(test, FIRST, 3));
	leave(one);
	KUNIT_EXPECT_FALSE(test, vps_traffic_is_full());
	leave(two);
	KUNIT_EXPECT_TRUE(test, vps_traffic_is_full());
	KUNIT_EXPECT_EQ(test, vps_traffic_forget(FIRST, 1), 0);
	KUNIT_EXPECT_FALSE(test, vps_traffic_is_full());
	KUNIT_EXPECT_EQ(test, vps_traffic_forget(FIRST, 2), 0);
	vps_traffic_room = room;
}

static struct kunit_case traffic_cases[] = {
	KUNIT_CASE(wire_is_exact),
	KUNIT_CASE(wire_of_less),
	KUNIT_CASE(account_adds_up),
	KUNIT_CASE(account_is_taken_once),
	KUNIT_CASE(accounts_of_nothing_go),
	KUNIT_CASE(accounts_in_order),
	KUNIT_CASE(accounts_have_a_bound),
	{}
};

static struct kunit_suite traffic_suite = {
	.name = "vps_traffic",
	.test_cases = traffic_cases,
};

kunit_test_suite(traffic_suite);
