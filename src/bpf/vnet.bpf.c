// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Programs at the host's end of the devices of VPSes on a bridge. What a VPS's root does in his
 * own network, these do not see or believe: they know the device a packet comes from.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic.h"
#include "vnet.bpf.h"

#define PORTS_MAX 65536
#define ADDRS_MAX 1048576

/*
 * Who raises what his device may leave to be cut later sends packets that are as long as many, of
 * which a rate lets one more pass than it should.
 */
#define FRAME_MAX (ETH_HLEN + 65536)

/* More extension headers than these nobody sends in good faith. */
#define HEADERS_MAX 8

#define UDP_HEADER_LEN 8
#define PORT_DHCP_SERVER 67
#define PORT_DHCPV6_SERVER 547

#define IGMP_REPORT_1 0x12
#define IGMP_REPORT_2 0x16
#define IGMP_LEAVE 0x17
#define IGMP_REPORT_3 0x22

#define LISTENER_QUERY 130
#define ROUTER_SOLICITATION 133
#define ROUTER_ADVERTISEMENT 134
#define NEIGHBOUR_SOLICITATION 135
#define NEIGHBOUR_ADVERTISEMENT 136
#define REDIRECT 137
#define MULTICAST_ROUTER 151

/* Who asks for a neighbour sends one option, sometimes two. */
#define OPTIONS_MAX 4
#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PORTS_MAX);
	__type(key, __u32);
	__type(value, struct vps_bpf_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ADDRS_MAX);
	__type(key, struct vps_bpf_port_addr);
	__type(value, __u32);
} addrs SEC(".maps");

/* ---- whose is it ---------------------------------------------------------------- */

static bool is_same_mac(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] &&
	       a[5] == b[5];
}

static bool has_addr4(struct __sk_buff *skb, __u32 addr)
{
	struct vps_bpf_port_addr key = { .ifindex = skb->ifindex, .family = 4 };

	__builtin_memcpy(key.addr, &addr, sizeof(addr));
	return bpf_map_lookup_elem(&addrs, &key);
}

/* The link-local address that a kernel makes of @mac. */
static bool is_link_local(const struct vps_bpf_port *port, const struct in6_addr *addr)
{
	const __u8 *a = addr->in6_u.u6_addr8, *mac = port->mac;

	return addr->in6_u.u6_addr32[0] == bpf_htonl(0xfe800000) && !addr->in6_u.u6_addr32[1] &&
	       a[8] == (mac[0] ^ 2) && a[9] == mac[1] && a[10] == mac[2] && a[11] == 0xff &&
	       a[12] == 0xfe && a[13] == mac[3] && a[14] == mac[4] && a[15] == mac[5];
}

static bool has_addr6(struct __sk_buff *skb, const struct vps_bpf_port *port,
		      const struct in6_addr *addr)
{
	struct vps_bpf_port_addr key = { .ifindex = skb->ifindex, .family = 6 };

	__builtin_memcpy(key.addr, addr, sizeof(*addr));
	return bpf_map_lookup_elem(&addrs, &key) || is_link_local(port, addr);
}

/* ---- may it say this -------------------------------------------------------------- */

/* <linux/if_arp.h> needs headers of the C library. */
struct arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 op;
	__u8 sender_mac[6];
	__u8 sender[4];
} __attribute__((packed));

#define HARDWARE_ETHERNET 1
#define OP_REQUEST 1
#define OP_REPLY 2

static bool may_arp(struct __sk_buff *skb, const struct vps_bpf_port *port)
{
	struct arp arp;
	__u32 sender;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)) ||
	    arp.hardware != bpf_htons(HARDWARE_ETHERNET) ||
	    arp.protocol != bpf_htons(ETH_P_IP) || arp.hardware_len != ETH_ALEN ||
	    arp.protocol_len != sizeof(sender) || !is_same_mac(arp.sender_mac, port->mac))
		return false;
	__builtin_memcpy(&sender, arp.sender, sizeof(sender));
	/* What is behind would go to a neighbour and be counted by nobody. */
	if (skb->len > ETH_ZLEN)
		return false;
	/* Who asks whether an address is free has none yet. */
	if (arp.op == bpf_htons(OP_REQUEST) && !sender)
		return true;
	return (arp.op == bpf_htons(OP_REQUEST) || arp.op == bpf_htons(OP_REPLY)) &&
	       has_addr4(skb, sender);
}

/* No server of DHCP. A first fragment that does not hold the ports is cut on purpose. */
static bool may_udp(struct __sk_buff *skb, __u32 offset, __u32 end)
{
	__be16 source;

	return offset + UDP_HEADER_LEN <= end &&
	       !bpf_skb_load_bytes(skb, offset, &source, sizeof(source)) &&
	       source != bpf_htons(PORT_DHCP_SERVER) && source != bpf_htons(PORT_DHCPV6_SERVER);
}

/* Who asks who listens is a router, to whom a bridge sends all there is. */
static bool may_igmp(struct __sk_buff *skb, __u32 offset)
{
	__u8 type;

	return !bpf_skb_load_bytes(skb, offset, &type, sizeof(type)) &&
	       (type == IGMP_REPORT_1 || type == IGMP_REPORT_2 || type == IGMP_LEAVE ||
		type == IGMP_REPORT_3);
}

static bool may_ip4(struct __sk_buff *skb)
{
	struct iphdr ip;
	__u32 offset;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || ip.ihl < 5 ||
	    !has_addr4(skb, ip.saddr) || ip.protocol == IPPROTO_PIM)
		return false;
	if (ip.frag_off & bpf_htons(0x1fff))
		return true;
	offset = ETH_HLEN + ip.ihl * 4;
	if (ip.protocol == IPPROTO_UDP)
		return may_udp(skb, offset, ETH_HLEN + bpf_ntohs(ip.tot_len));
	return ip.protocol != IPPROTO_IGMP || may_igmp(skb, offset);
}

enum {
	OF_REST = -1,		/* the rest of something */
	OF_NOBODY = -2,		/* not to be understood */
};

/*
 * Which protocol is behind the extension headers, and where; or one of the above. A header that is
 * cut off by fragmentation is not understood; what follows the first fragment is not looked at,
 * since no receiver takes neighbour discovery in fragments (RFC 6980).
 */
static int find_protocol(struct __sk_buff *skb, __u8 next, __u32 *ret_offset)
{
	__u32 offset = ETH_HLEN + sizeof(struct ipv6hdr);
	__u8 header[4];
	__u16 fragment;

	for (int i = 0; i <= HEADERS_MAX; i++) {
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_FRAGMENT:
		case IPPROTO_AH:
			break;
		default:
			*ret_offset = offset;
			return next;
		}
		if (bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
			return OF_NOBODY;
		__builtin_memcpy(&fragment, header + 2, sizeof(fragment));
		if (next == IPPROTO_FRAGMENT && fragment & bpf_htons(0xfff8))
			return OF_REST;
		offset += next == IPPROTO_FRAGMENT ? 8 :
			  next == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
		next = header[0];
	}
	return OF_NOBODY;
}

/* Neighbours believe the hardware addresses in options, whatever the frame was from. */
static bool may_options(struct __sk_buff *skb, const struct vps_bpf_port *port, __u32 offset,
			__u32 end)
{
	__u8 option[2 + ETH_ALEN];

	for (int i = 0; i < OPTIONS_MAX && offset < end; i++) {
		if (offset + sizeof(option) > end ||
		    bpf_skb_load_bytes(skb, offset, option, sizeof(option)) || !option[1])
			return false;
		if ((option[0] == OPTION_SOURCE_MAC || option[0] == OPTION_TARGET_MAC) &&
		    (option[1] != 1 || !is_same_mac(option + 2, port->mac)))
			return false;
		offset += option[1] * 8;
	}
	return offset == end;
}

/* Neighbour discovery of its own addresses, nothing of a router's. */
static bool may_icmp6(struct __sk_buff *skb, const struct vps_bpf_port *port, __u32 offset,
		      __u32 end, bool has_source)
{
	struct in6_addr target;
	__u8 type;

	if (offset >= end || bpf_skb_load_bytes(skb, offset, &type, sizeof(type)))
		return false;
	switch (type) {
	case LISTENER_QUERY:
	case ROUTER_ADVERTISEMENT:
	case REDIRECT:
	case MULTICAST_ROUTER:
		return false;
	case ROUTER_SOLICITATION:
		return has_source && may_options(skb, port, offset + 8, end);
	case NEIGHBOUR_SOLICITATION:
	case NEIGHBOUR_ADVERTISEMENT:
		break;
	default:
		return has_source;
	}
	if (!may_options(skb, port, offset + 8 + sizeof(target), end))
		return false;
	/* Whom it asks for with a source of its own is anybody. */
	if (type == NEIGHBOUR_SOLICITATION && has_source)
		return true;
	return !bpf_skb_load_bytes(skb, offset + 8, &target, sizeof(target)) &&
	       has_addr6(skb, port, &target) && (has_source || type == NEIGHBOUR_SOLICITATION);
}

static bool may_ip6(struct __sk_buff *skb, const struct vps_bpf_port *port)
{
	__u32 offset = 0, end;
	struct ipv6hdr ip;
	__u32 *source;
	bool has_source;
	int protocol;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return false;
	source = ip.saddr.in6_u.u6_addr32;
	has_source = source[0] || source[1] || source[2] || source[3];
	if (has_source && !has_addr6(skb, port, &ip.saddr))
		return false;
	/* What is behind, a receiver cuts off. */
	end = ETH_HLEN + sizeof(ip) + bpf_ntohs(ip.payload_len);
	protocol = find_protocol(skb, ip.nexthdr, &offset);
	if (protocol == IPPROTO_ICMPV6)
		return may_icmp6(skb, port, offset, end, has_source);
	if (protocol == OF_NOBODY || protocol == IPPROTO_PIM || !has_source)
		return false;
	return protocol != IPPROTO_UDP || may_udp(skb, offset, end);
}

/* What comes from a VPS: dropped, or left to the filters behind. */
SEC("tc")
int guard(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct vps_bpf_port *port = bpf_map_lookup_elem(&ports, &ifindex);
	struct ethhdr eth;
	bool may = false;

	/* What a VLAN is, the bridge would decide by. */
	if (!port || skb->len > FRAME_MAX || skb->vlan_present ||
	    bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) ||
	    eth.h_proto != skb->protocol || !is_same_mac(eth.h_source, port->mac))
		return TC_ACT_SHOT;
	if (eth.h_proto == bpf_htons(ETH_P_IP))
		may = may_ip4(skb);
	else if (eth.h_proto == bpf_htons(ETH_P_IPV6))
		may = may_ip6(skb, port);
	else if (eth.h_proto == bpf_htons(ETH_P_ARP))
		may = may_arp(skb, port);
	if (!may)
		return TC_ACT_SHOT;
	if (eth.h_proto != bpf_htons(ETH_P_ARP))
		count_packet(skb, port->account, ETH_HLEN, OUT);
	return TC_ACT_UNSPEC;
}

/*
 * What goes to a VPS, and to it alone. What is sent to all or to a group is in the account of who
 * sends it: who gets it has not asked for it, and a neighbour could run up his bill. Neither is
 * what a bridge that does not know where somebody is sends to all for him. What comes back from the
 * device that holds rates has been counted.
 */
SEC("tc")
int count_in(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct vps_bpf_port *port = bpf_map_lookup_elem(&ports, &ifindex);
	struct ethhdr eth;

	if (!port || (port->rates && port->rates == skb->ingress_ifindex) ||
	    bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return TC_ACT_UNSPEC;
	if (eth.h_proto != bpf_htons(ETH_P_IP) && eth.h_proto != bpf_htons(ETH_P_IPV6))
		return TC_ACT_UNSPEC;
	if (is_same_mac(eth.h_dest, port->mac))
		count_packet(skb, port->account, ETH_HLEN, IN);
	return TC_ACT_UNSPEC;
}

/*
 * In a device that holds rates: the class of the VPS through whose device a packet came there.
 * Not by skb->priority, which would go with the packet into whatever queue comes next.
 */
SEC("tc")
int classify(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ingress_ifindex;
	struct vps_bpf_port *port = bpf_map_lookup_elem(&ports, &ifindex);

	return port ? 1 << 16 | port->context : 0;
}

/* What the kernel calls GPL-compatible; section 3 of the LGPL allows it. */
char vps_license[] SEC("license") = "GPL";
