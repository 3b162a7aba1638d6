// SPDX-License-Identifier: LGPL-2.1-or-later
/* The VPS's end of its device, in the VPS's own network. */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "util.h"
#include "vnet.h"

#define CONF "/proc/sys/net/ipv6/conf/" VPS_VNET_INSIDE "/"

/* ---- moving --------------------------------------------------------------------- */

static int move(struct nl_sock *sock, int ifindex, int netns)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = vps_rtnl_message(RTM_NEWLINK, NLM_F_ACK, &info, sizeof(info));

	if (msg && (nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)netns) ||
		    nla_put_string(msg, IFLA_IFNAME, VPS_VNET_INSIDE))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return vps_rtnl_talk(sock, msg);
}

/* ---- addresses and routes ---------------------------------------------------------- */

/*
 * Addresses that routers tell of are none that it may send from, and would be chosen before its
 * own. Nothing to do where there is no IPv6.
 */
static int set_ipv6(void *nothing)
{
	static const char *const files[] = { CONF "accept_ra", CONF "autoconf",
					     CONF "addr_gen_mode" };
	int rc = 0;

	(void)nothing;
	for (size_t i = 0; !rc && i < ARRAY_SIZE(files); i++)
		rc = vps_write_at(AT_FDCWD, files[i], "0");
	return rc == -ENOENT ? 0 : rc;
}

static int add_addr(struct nl_sock *inside, int ifindex, const struct vps_addr *addr,
		    struct vps_fault *fault)
{
	char text[VPS_ADDR_TEXT_MAX];
	int rc = vps_rtnl_add_addr(inside, ifindex, addr, NULL);

	if (!rc || rc == -EEXIST)
		return 0;
	vps_format_addr_prefix(addr, text);
	return vps_fault(fault, rc, "give it address", text);
}

static int add_route(struct nl_sock *inside, int ifindex, const struct vps_addr *gateway,
		     struct vps_fault *fault)
{
	struct rtmsg route = {
		.rtm_family = (unsigned char)gateway->family, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC, .rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	int flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, rc;
	struct nl_msg *msg = vps_rtnl_message(RTM_NEWROUTE, flags, &route, sizeof(route));
	int len = gateway->family == AF_INET ? 4 : 16;
	char text[VPS_ADDR_TEXT_MAX];

	if (msg && (nla_put(msg, RTA_GATEWAY, len, gateway->bytes) ||
		    nla_put_u32(msg, RTA_OIF, (uint32_t)ifindex))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	rc = vps_rtnl_talk(inside, msg);
	if (!rc)
		return 0;
	vps_format_addr(gateway, text);
	return vps_fault(fault, rc, "route through", text);
}

static const struct vps_addr *find_family(const struct vps_addr *addrs, size_t count, int family)
{
	for (size_t i = 0; i < count; i++)
		if (addrs[i].family == family)
			return &addrs[i];
	return NULL;
}

/* The gateway that was asked for, or an address of the bridge that is in reach. */
static bool find_gateway(const struct vps_vnet_note *note, int family,
			 const struct vps_link_addr *addrs, size_t count,
			 struct vps_addr *ret_gateway)
{
	const struct vps_vnet *vnet = &note->vnet;
	const struct vps_addr *asked = find_family(vnet->gateways, vnet->gateway_count, family);

	if (asked) {
		*ret_gateway = *asked;
		return true;
	}
	if (!find_family(vnet->addrs, vnet->addr_count, family))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct vps_addr *addr = &addrs[i].addr;

		if (addrs[i].ifindex != note->bridge || addr->family != family ||
		    (family == AF_INET6 && addr->bytes[0] == 0xfe) ||
		    !vps_vnet_reaches(vnet, addr))
			continue;
		*ret_gateway = *addr;
		return true;
	}
	return false;
}

static int set_routes(struct nl_sock *sock, struct nl_sock *inside, int ifindex,
		      const struct vps_vnet_note *note, struct vps_fault *fault)
{
	static const int families[] = { AF_INET, AF_INET6 };
	_cleanup_(freep) struct vps_link_addr *addrs = NULL;
	struct vps_addr gateway;
	size_t count;
	int rc = vps_rtnl_bare_addrs(sock, &addrs, &count);

	if (rc)
		return vps_fault(fault, rc, "list addresses of", note->vnet.bridge);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(families); i++)
		if (find_gateway(note, families[i], addrs, count, &gateway))
			rc = add_route(inside, ifindex, &gateway, fault);
	return rc;
}

static int set_up(struct nl_sock *sock, struct nl_sock *inside, const struct vps_vnet_note *note,
		  struct vps_fault *fault)
{
	struct vps_link link;
	int rc = vps_rtnl_link(inside, VPS_VNET_INSIDE, &link);

	rc = rc ?: vps_rtnl_set_up(inside, link.ifindex);
	if (rc)
		return vps_fault(fault, rc, "bring up", VPS_VNET_INSIDE);
	for (size_t i = 0; !rc && i < note->vnet.addr_count; i++)
		rc = add_addr(inside, link.ifindex, &note->vnet.addrs[i], fault);
	return rc ?: set_routes(sock, inside, link.ifindex, note, fault);
}

int vps_vnet_move_in(struct nl_sock *sock, uint32_t id, const struct vps_vnet_note *note,
		     pid_t pid, struct vps_fault *fault)
{
	_cleanup_(closep) int netns = vps_rtnl_netns(pid);
	_cleanup_(vps_rtnl_closep) struct nl_sock *inside = NULL;
	char name[IFNAMSIZ];
	struct vps_link link;
	int rc;

	if (netns < 0)
		return vps_fault(fault, netns, "open its network", "");
	rc = vps_rtnl_open_at(netns, &inside);
	if (rc)
		return vps_fault(fault, rc, "enter its network", "");
	if (!vps_rtnl_link(inside, VPS_VNET_INSIDE, &link))
		return vps_refuse(fault, -EEXIST, "there is such a device inside already",
				  VPS_VNET_INSIDE);
	vps_vnet_peer_name(id, name);
	rc = vps_rtnl_link(sock, name, &link);
	rc = rc ?: move(sock, link.ifindex, netns);
	if (rc)
		return vps_fault(fault, rc, "move its device in", name);
	rc = vps_rtnl_run_at(netns, set_ipv6, NULL);
	if (rc)
		return vps_fault(fault, rc, "set up IPv6 of", VPS_VNET_INSIDE);
	return set_up(sock, inside, note, fault);
}

/* ---- changing ------------------------------------------------------------------------- */

static bool has_addr(const struct vps_vnet *vnet, const struct vps_addr *addr)
{
	for (size_t i = 0; i < vnet->addr_count; i++)
		if (vps_addr_equal(&vnet->addrs[i], addr) && vnet->addrs[i].prefix == addr->prefix)
			return true;
	return false;
}

/* How many of @vnet's addresses are not of @other? */
static size_t count_others(const struct vps_vnet *vnet, const struct vps_vnet *other)
{
	size_t count = 0;

	for (size_t i = 0; i < vnet->addr_count; i++)
		count += !has_addr(other, &vnet->addrs[i]);
	return count;
}

static int find_inside(struct nl_sock *sock, uint32_t id, pid_t pid, struct nl_sock **ret_inside,
		       struct vps_link *ret_link)
{
	_cleanup_(closep) int netns = vps_rtnl_netns(pid);
	char name[IFNAMSIZ];
	struct vps_link link;
	int rc;

	if (netns < 0)
		return netns;
	vps_vnet_port_name(id, name);
	rc = vps_rtnl_open_at(netns, ret_inside) ?: vps_rtnl_link(sock, name, &link);
	/* Its root may have given it another name, but it is the other end. */
	return rc ?: vps_rtnl_link_at(*ret_inside, link.peer, ret_link);
}

int vps_vnet_change_inside(struct nl_sock *sock, uint32_t id, const struct vps_vnet *before,
			   const struct vps_vnet *vnet, pid_t pid, struct vps_fault *fault)
{
	size_t added = count_others(vnet, before), gone = count_others(before, vnet);
	_cleanup_(vps_rtnl_closep) struct nl_sock *inside = NULL;
	struct vps_link link;
	int rc;

	if (!added && !gone)
		return 0;
	rc = find_inside(sock, id, pid, &inside, &link);
	if (rc)
		return added ? vps_fault(fault, rc, "find its device inside", "") : 0;
	for (size_t i = 0; i < before->addr_count; i++)
		if (!has_addr(vnet, &before->addrs[i]))
			(void)vps_rtnl_remove_addr(inside, link.ifindex, &before->addrs[i]);
	for (size_t i = 0; !rc && i < vnet->addr_count; i++)
		if (!has_addr(before, &vnet->addrs[i]))
			rc = add_addr(inside, link.ifindex, &vnet->addrs[i], fault);
	return rc;
}
