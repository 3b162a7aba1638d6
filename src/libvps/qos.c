// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "guard.h"
#include "qos.h"
#include "tc.h"
#include "util.h"

/* Above all classes of a device, and the class of what is no VPS's; both are no contexts. */
#define CLASS_LINE 1
#define CLASS_OTHER 2

/* Where nobody warranted anything: enough to be heard beside those who have more. */
#define RATE_SMALL 16000
/* More than any device does. */
#define RATE_ANY VPS_RATE_MOST

/* Of the two directions: from the VPSes, to the VPSes. */
static const enum vps_tc_place places[] = { VPS_TC_INGRESS, VPS_TC_EGRESS };

/* Set when all VPSes of the bridge have been put on it. */
#define DONE "FreeVPS: rates"

static void device_name(size_t direction, int bridge, char name[IFNAMSIZ])
{
	if (direction)
		snprintf(name, IFNAMSIZ, "vpsd%d", bridge);
	else
		snprintf(name, IFNAMSIZ, "vpsu%d", bridge);
}

/* By which it is told from a device of somebody else: a name is anybody's. */
static void device_mac(int bridge, unsigned char mac[VPS_MAC_LEN])
{
	uint32_t index = (uint32_t)bridge;
	const unsigned char bytes[VPS_MAC_LEN] = {
		0xfe, 'q', (unsigned char)(index >> 24), (unsigned char)(index >> 16),
		(unsigned char)(index >> 8), (unsigned char)index,
	};

	memcpy(mac, bytes, VPS_MAC_LEN);
}

bool vps_qos_is_device(const struct vps_link *link, int *ret_bridge)
{
	unsigned char mac[VPS_MAC_LEN];
	uint64_t bridge;

	if (strcmp(link->kind, "ifb") ||
	    (strncmp(link->name, "vpsu", 4) && strncmp(link->name, "vpsd", 4)) ||
	    vps_parse_u64(link->name + 4, &bridge) || bridge > INT32_MAX)
		return false;
	device_mac((int)bridge, mac);
	if (memcmp(mac, link->mac, VPS_MAC_LEN) != 0)
		return false;
	*ret_bridge = (int)bridge;
	return true;
}

/* -ENODEV there is none; -EEXIST it is somebody else's. */
static int find_device(struct nl_sock *sock, size_t direction, int bridge,
		       struct vps_link *ret_link)
{
	struct vps_link link;
	char name[IFNAMSIZ];
	int rc, of;

	device_name(direction, bridge, name);
	rc = vps_rtnl_link(sock, name, &link);
	if (rc)
		return rc;
	if (!vps_qos_is_device(&link, &of))
		return -EEXIST;
	*ret_link = link;
	return 0;
}

static int lacks(struct vps_fault *fault, int rc, const char *what, const char *step)
{
	if (rc == -ENOENT || rc == -EOPNOTSUPP)
		return vps_refuse(fault, -ENOTSUP, what, "rates");
	return rc ? vps_fault(fault, rc, step, "rates") : 0;
}

bool vps_qos_is_on(struct nl_sock *sock, int bridge)
{
	struct vps_link link;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (find_device(sock, i, bridge, &link) || strcmp(link.alias, DONE))
			return false;
	return true;
}

/* ---- the line -------------------------------------------------------------------- */

/* A device that is or stands for hardware: others, as the ends of pairs, tell anything. */
static bool is_hardware(const struct vps_link *link)
{
	char path[64];

	if (!strcmp(link->kind, "bond") || !strcmp(link->kind, "team") ||
	    !strcmp(link->kind, "vlan"))
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/device", link->name);
	return !*link->kind && !access(path, F_OK);
}

uint64_t vps_qos_hardware_rate(const struct vps_link *links, size_t count, int bridge)
{
	uint64_t rate, least = 0;
	char path[64];

	for (size_t i = 0; i < count; i++) {
		if (links[i].master != bridge || !is_hardware(&links[i]))
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%s/speed", links[i].name);
		/* "-1" where it is not known, and an error where there is no cable. */
		if (!vps_read_number(AT_FDCWD, path, &rate) && rate && rate < UINT32_MAX &&
		    (!least || rate * 1000000 < least))
			least = rate * 1000000;
	}
	return least;
}

/* ---- the devices ------------------------------------------------------------------- */

static int prepare_device(struct nl_sock *sock, size_t direction, int bridge, uint64_t line,
			  struct vps_fault *fault)
{
	_cleanup_(closep) int classifier = vps_guard_classifier();
	uint64_t rate = line ?: RATE_ANY;
	unsigned char mac[VPS_MAC_LEN];
	struct vps_link link;
	char name[IFNAMSIZ];
	int rc;

	if (classifier < 0)
		return vps_fault(fault, classifier, "load the program for", "rates");
	device_name(direction, bridge, name);
	device_mac(bridge, mac);
	rc = vps_rtnl_make_link(sock, name, "ifb", mac);
	if (rc && rc != -EEXIST)
		return lacks(fault, rc, "this kernel lacks ifb devices (CONFIG_IFB)",
			     "make a device for");
	rc = find_device(sock, direction, bridge, &link);
	if (rc == -EEXIST)
		return vps_refuse(fault, -EEXIST, "is a device of somebody else", name);
	rc = rc ?: vps_tc_add_htb(sock, link.ifindex, CLASS_OTHER);
	rc = rc ?: vps_tc_add_class(sock, link.ifindex, 0, CLASS_LINE, rate, rate);
	if (rc)
		return lacks(fault, rc, "this kernel lacks the queue HTB (CONFIG_NET_SCH_HTB)",
			     "make classes for");
	rc = vps_tc_add_class(sock, link.ifindex, CLASS_LINE, CLASS_OTHER, RATE_SMALL, RATE_ANY);
	rc = rc ?: vps_tc_add_program(sock, link.ifindex, VPS_TC_QUEUE, classifier, false);
	rc = rc ?: vps_rtnl_set_up(sock, link.ifindex);
	return lacks(fault, rc, "this kernel lacks BPF filters (CONFIG_NET_CLS_BPF)",
		     "prepare a device for");
}

int vps_qos_begin(struct nl_sock *sock, int bridge, uint64_t line, struct vps_fault *fault)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(places); i++)
		rc = prepare_device(sock, i, bridge, line, fault);
	return rc;
}

int vps_qos_commit(struct nl_sock *sock, int bridge)
{
	struct vps_link link;
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(places); i++) {
		rc = find_device(sock, i, bridge, &link);
		rc = rc ?: vps_rtnl_set_alias(sock, link.ifindex, DONE);
	}
	return rc;
}

uint64_t vps_qos_least(uint64_t min, uint64_t max)
{
	return min ?: max && max < RATE_SMALL ? max : RATE_SMALL;
}

int vps_qos_set(struct nl_sock *sock, int bridge, const struct vps_qos *qos,
		struct vps_fault *fault)
{
	uint64_t most = qos->max ?: RATE_ANY;
	uint64_t least = vps_qos_least(qos->min, qos->max);
	struct vps_link link;
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(places); i++) {
		rc = find_device(sock, i, bridge, &link);
		rc = rc ?: vps_tc_add_class(sock, link.ifindex, CLASS_LINE, qos->id, least, most);
		rc = rc ?: vps_tc_add_leaf(sock, link.ifindex, qos->id, most);
		if (rc)
			return vps_fault(fault, rc, "make a class for", "rates");
		if (places[i] == VPS_TC_EGRESS)
			rc = vps_guard_expect(qos->port, link.ifindex);
		rc = rc ?: vps_tc_add_redirect(sock, qos->port, places[i], link.ifindex);
	}
	return lacks(fault, rc, "this kernel lacks the action mirred (CONFIG_NET_ACT_MIRRED)",
		     "redirect to the device of");
}

void vps_qos_remove(struct nl_sock *sock, int bridge, uint32_t id)
{
	struct vps_link link;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!find_device(sock, i, bridge, &link))
			vps_tc_remove_class(sock, link.ifindex, id);
}

void vps_qos_end(struct nl_sock *sock, int bridge)
{
	struct vps_link link;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!find_device(sock, i, bridge, &link))
			vps_rtnl_remove_link(sock, link.ifindex);
}
