// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "qos.h"
#include "util.h"
#include "vnet.h"

/* ---- addresses ---------------------------------------------------------------- */

static bool shares_network(const struct vps_addr *net, const struct vps_addr *addr)
{
	unsigned int bytes = net->prefix / 8, bits = net->prefix % 8;

	if (net->family != addr->family || memcmp(net->bytes, addr->bytes, bytes) != 0)
		return false;
	return !bits || !((net->bytes[bytes] ^ addr->bytes[bytes]) >> (8 - bits));
}

static bool is_link_local(const struct vps_addr *addr)
{
	return addr->family == AF_INET6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

bool vps_vnet_reaches(const struct vps_vnet *vnet, const struct vps_addr *gateway)
{
	if (is_link_local(gateway))
		return true;
	for (size_t i = 0; i < vnet->addr_count; i++)
		if (shares_network(&vnet->addrs[i], gateway))
			return true;
	return false;
}

static const struct vps_addr *find_addr(const struct vps_vnet *vnet, const struct vps_addr *addr)
{
	for (size_t i = 0; i < vnet->addr_count; i++)
		if (vps_addr_equal(&vnet->addrs[i], addr))
			return &vnet->addrs[i];
	return NULL;
}

static int check_gateways(const struct vps_vnet *vnet, struct vps_fault *fault)
{
	char text[VPS_ADDR_TEXT_MAX];

	for (size_t i = 0; i < vnet->gateway_count; i++) {
		vps_format_addr(&vnet->gateways[i], text);
		if (find_addr(vnet, &vnet->gateways[i]))
			return vps_refuse(fault, -EINVAL, "is no gateway but the VPS's own",
					  text);
		if (!vps_vnet_reaches(vnet, &vnet->gateways[i]))
			return vps_refuse(fault, -ENETUNREACH,
					  "the gateway is in no network of the addresses", text);
		if (i && vnet->gateways[0].family == vnet->gateways[i].family)
			return vps_refuse(fault, -EINVAL, "a second gateway of its family", text);
	}
	return 0;
}

static int check_mtu(const struct vps_link *bridge, const struct vps_vnet *vnet,
		     struct vps_fault *fault)
{
	char text[VPS_ADDR_TEXT_MAX];

	if (vnet->mtu > bridge->mtu)
		return vps_refuse(fault, -EMSGSIZE, "has a smaller MTU than the VPS is to have",
				  bridge->name);
	if ((vnet->mtu ?: bridge->mtu) >= VPS_MTU_IPV6)
		return 0;
	for (size_t i = 0; i < vnet->addr_count; i++) {
		if (vnet->addrs[i].family != AF_INET6)
			continue;
		vps_format_addr(&vnet->addrs[i], text);
		return vps_refuse(fault, -EMSGSIZE, "IPv6 needs an MTU of 1280", text);
	}
	return 0;
}

/* ---- the others -------------------------------------------------------------------- */

static int refuse_owner(const struct vps_context_info *info, const struct vps_addr *addr,
			struct vps_fault *fault)
{
	char text[VPS_ADDR_TEXT_MAX], object[VPS_ADDR_TEXT_MAX + VPS_NAME_MAX + 16];

	vps_format_addr(addr, text);
	if (*info->name)
		snprintf(object, sizeof(object), "%s: VPS %s", text, info->name);
	else
		snprintf(object, sizeof(object), "%s: context %u", text, info->id);
	return vps_refuse(fault, -EADDRINUSE, "has this address already", object);
}

/* Whether context @id has @addr in the host's network. */
static bool shares(struct vps_host *host, uint32_t id, const struct vps_addr *addr)
{
	_cleanup_(freep) struct vps_bound *bound = NULL;
	size_t count;

	if (vps_context_addrs(host, id, &bound, &count))
		return false;
	while (count-- > 0)
		if (vps_addr_equal(&bound[count].addr, addr))
			return true;
	return false;
}

/* It is the host's own, or one that it gave a VPS that shares its network. */
static int refuse_host_addr(struct vps_host *host, const struct vps_addr *addr,
			    struct vps_fault *fault)
{
	_cleanup_(freep) uint32_t *ids = NULL;
	struct vps_context_info info;
	char text[VPS_ADDR_TEXT_MAX];
	size_t count;
	int rc = vps_context_list(host, &ids, &count);

	if (rc)
		return vps_fault(fault, rc, "list contexts", "");
	for (size_t i = 0; i < count; i++)
		if (shares(host, ids[i], addr) && !vps_context_info(host, ids[i], &info))
			return refuse_owner(&info, addr, fault);
	vps_format_addr(addr, text);
	return vps_refuse(fault, -EADDRINUSE, "the host itself has this address", text);
}

static int check_host_addrs(struct vps_host *host, struct nl_sock *sock,
			    const struct vps_vnet *vnet, struct vps_fault *fault)
{
	_cleanup_(freep) struct vps_link_addr *addrs = NULL;
	size_t count;
	int rc = vps_rtnl_bare_addrs(sock, &addrs, &count);

	if (rc)
		return vps_fault(fault, rc, "list addresses of the host", "");
	for (size_t i = 0; i < count; i++)
		if (find_addr(vnet, &addrs[i].addr))
			return refuse_host_addr(host, &addrs[i].addr, fault);
	return 0;
}

static int read_other(struct vps_host *host, uint32_t id, struct vps_vnet_note *ret_note)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);

	return group < 0 ? group : vps_vnet_read(group, ret_note);
}

/*
 * One that ended has nothing any more, though its group waits. One that has not come to be may be
 * one that was killed, or one that somebody made by hand and runs later: its device tells.
 */
static bool counts(struct vps_host *host, struct nl_sock *sock, uint32_t id,
		   const struct vps_vnet_note *note, struct vps_context_info *ret_info)
{
	struct vps_link link;

	if (vps_context_info(host, id, ret_info) || ret_info->state == VPS_STATE_DEAD)
		return false;
	return ret_info->state != VPS_STATE_STALE ||
	       (note->port && !vps_rtnl_link_at(sock, note->port, &link));
}

static const struct vps_addr *find_common(const struct vps_vnet *vnet, const struct vps_vnet *other)
{
	const struct vps_addr *addr = NULL;

	for (size_t i = 0; !addr && vnet && i < other->addr_count; i++)
		addr = find_addr(vnet, &other->addrs[i]);
	return addr;
}

static void add_other(struct vps_vnet_others *others, const struct vps_vnet *vnet)
{
	others->count++;
	others->min += vps_qos_least(vnet->rate_min, vnet->rate_max);
	others->rated |= vnet->rate_min || vnet->rate_max;
	if (vnet->rate_link && (!others->link || vnet->rate_link < others->link))
		others->link = vnet->rate_link;
}

/* With @vnet none on whatever bridge may have one of its addresses. */
static int scan(struct vps_host *host, struct nl_sock *sock, uint32_t id,
		const struct vps_vnet *vnet, int bridge, struct vps_vnet_others *ret_others,
		struct vps_fault *fault)
{
	_cleanup_(freep) uint32_t *ids = NULL;
	struct vps_vnet_others others = { 0 };
	struct vps_context_info info;
	struct vps_vnet_note note;
	size_t count;
	int rc = vps_context_list(host, &ids, &count);

	if (rc)
		return vps_fault(fault, rc, "list contexts", "");
	for (size_t i = 0; i < count; i++) {
		const struct vps_addr *common;

		if (ids[i] == id || read_other(host, ids[i], &note))
			continue;
		common = find_common(vnet, &note.vnet);
		if ((!common && note.bridge != bridge) ||
		    !counts(host, sock, ids[i], &note, &info))
			continue;
		if (common)
			return refuse_owner(&info, common, fault);
		add_other(&others, &note.vnet);
	}
	*ret_others = others;
	return 0;
}

int vps_vnet_check_others(struct vps_host *host, struct nl_sock *sock, uint32_t id,
			  const struct vps_vnet *vnet, struct vps_fault *fault)
{
	struct vps_vnet_others others;

	return scan(host, sock, id, vnet, 0, &others, fault);
}

int vps_vnet_look_around(struct vps_host *host, struct nl_sock *sock, uint32_t id, int bridge,
			 struct vps_vnet_others *ret_others)
{
	return scan(host, sock, id, NULL, bridge, ret_others, NULL);
}

/* ---- rates -------------------------------------------------------------------------- */

/* What an admin says goes before what hardware says, the least before all else. */
uint64_t vps_vnet_line(struct nl_sock *sock, int bridge, const struct vps_vnet *vnet,
		       const struct vps_vnet_others *others)
{
	_cleanup_(freep) struct vps_link *links = NULL;
	uint64_t said = vnet->rate_link;
	size_t count;

	if (others->link && (!said || others->link < said))
		said = others->link;
	if (said || vps_rtnl_links(sock, &links, &count))
		return said;
	return vps_qos_hardware_rate(links, count, bridge);
}

/* As it would be written: 100M. */
static const char *rate_text(uint64_t rate, char text[24])
{
	static const char units[] = " KMGT";
	size_t unit = 0;

	for (; rate && !(rate % 1000) && unit < 4; unit++)
		rate /= 1000;
	snprintf(text, 24, unit ? "%" PRIu64 "%c" : "%" PRIu64, rate, units[unit]);
	return text;
}

static int check_rates(struct nl_sock *sock, const struct vps_link *bridge,
		       const struct vps_vnet *vnet, const struct vps_vnet_others *others,
		       struct vps_fault *fault)
{
	char sum[24], whole[24], object[96];
	uint64_t line, all;

	if (vnet->rate_max && vnet->rate_min > vnet->rate_max)
		return vps_refuse(fault, -EINVAL, "the warranted rate is above the most", "rates");
	line = vps_vnet_line(sock, bridge->ifindex, vnet, others);
	if (!line && vnet->rate_min)
		return vps_refuse(fault, -ENODATA, "no hardware tells the rate of the whole, of"
				  " which some is to be warranted; set it (--rate-link, RATE_LINK)",
				  bridge->name);
	all = others->min + vps_qos_least(vnet->rate_min, vnet->rate_max);
	/* As long as nobody has a rate nothing is held. */
	if (line && all > line && (others->rated || vnet->rate_min || vnet->rate_max)) {
		snprintf(object, sizeof(object), "%s: %s of %s", bridge->name,
			 rate_text(all, sum), rate_text(line, whole));
		return vps_refuse(fault, -EDQUOT, "more would be warranted than there is", object);
	}
	return 0;
}

/* ---- all of it ----------------------------------------------------------------------- */

static int find_bridge(struct nl_sock *sock, const char *name, struct vps_link *ret_bridge,
		       struct vps_fault *fault)
{
	struct vps_link bridge;
	int rc = vps_rtnl_link(sock, name, &bridge);

	if (rc == -ENODEV)
		return vps_refuse(fault, rc, "no such device", name);
	if (rc)
		return vps_fault(fault, rc, "look at", name);
	if (strcmp(bridge.kind, "bridge") != 0)
		return vps_refuse(fault, -EMEDIUMTYPE, "is no bridge", name);
	*ret_bridge = bridge;
	return 0;
}

int vps_vnet_check(struct vps_host *host, struct nl_sock *sock, uint32_t id,
		   const struct vps_vnet *vnet, struct vps_link *ret_bridge,
		   struct vps_vnet_others *ret_others, struct vps_fault *fault)
{
	struct vps_vnet_others others;
	struct vps_link bridge;
	int rc = find_bridge(sock, vnet->bridge, &bridge, fault);

	if (rc)
		return rc;
	rc = check_mtu(&bridge, vnet, fault) ?: check_gateways(vnet, fault);
	rc = rc ?: check_host_addrs(host, sock, vnet, fault);
	rc = rc ?: scan(host, sock, id, vnet, bridge.ifindex, &others, fault);
	rc = rc ?: check_rates(sock, &bridge, vnet, &others, fault);
	if (rc)
		return rc;
	*ret_bridge = bridge;
	*ret_others = others;
	return 0;
}
