// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel has of what bridged networks need: found by making it where nobody sees it. */
#include <errno.h>
#include <sched.h>

#include "guard.h"
#include "tc.h"
#include "util.h"
#include "vnet.h"

/* The loopback device of every network. */
#define LOOPBACK 1

static const char *find_missing(struct nl_sock *sock)
{
	struct vps_link port;

	if (vps_rtnl_make_link(sock, "bridge", "bridge", NULL))
		return "the kernel lacks bridges (CONFIG_BRIDGE)";
	if (vps_rtnl_make_link(sock, "port", "veth", NULL) || vps_rtnl_link(sock, "port", &port))
		return "the kernel lacks veth devices (CONFIG_VETH)";
	if (vps_tc_add_places(sock, port.ifindex))
		return "the kernel lacks filters of devices (CONFIG_NET_SCH_INGRESS)";
	return vps_guard_probe() ? "the kernel refuses the BPF program that guards addresses"
				   " (CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_BPF)" : NULL;
}

static const char *find_missing_rates(struct nl_sock *sock)
{
	struct vps_link port;

	if (vps_rtnl_make_link(sock, "rates", "ifb", NULL) || vps_rtnl_link(sock, "rates", &port))
		return "the kernel lacks ifb devices (CONFIG_IFB)";
	if (vps_tc_add_htb(sock, port.ifindex, 2) ||
	    vps_tc_add_class(sock, port.ifindex, 0, 1, VPS_RATE_LEAST, VPS_RATE_MOST))
		return "the kernel lacks the queue HTB (CONFIG_NET_SCH_HTB)";
	if (vps_rtnl_link(sock, "port", &port) ||
	    vps_tc_add_redirect(sock, port.ifindex, VPS_TC_INGRESS, LOOPBACK))
		return "the kernel lacks BPF filters or the action mirred (CONFIG_NET_CLS_BPF,"
		       " CONFIG_NET_ACT_MIRRED)";
	return NULL;
}

static const char *find_in_new_network(bool rates)
{
	_cleanup_(vps_rtnl_closep) struct nl_sock *sock = NULL;
	const char *missing;

	if (unshare(CLONE_NEWNET) < 0)
		return "the kernel lacks network namespaces (CONFIG_NET_NS)";
	if (vps_rtnl_open(&sock))
		return "the kernel lacks rtnetlink";
	missing = find_missing(sock);
	return missing || !rates ? missing : find_missing_rates(sock);
}

const char *vps_vnet_missing(bool rates)
{
	_cleanup_(closep) int own = vps_rtnl_netns(0);
	const char *missing;

	if (own < 0)
		return "the network of this process cannot be opened";
	missing = find_in_new_network(rates);
	return setns(own, CLONE_NEWNET) < 0 ? "this process cannot leave a network" : missing;
}
