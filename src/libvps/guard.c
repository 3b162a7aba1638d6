// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/vnet.bpf.h"
#include "bpf/vnet.build.h"
#include "bpf/vnet.skel.h"
#include "guard.h"
#include "pins.h"
#include "tc.h"
#include "util.h"

/* The number changes with the layout of what is pinned. */
#define PIN_DIR VPS_PINS "/vnet2"
#define PIN_MAX 96

static void skelp(struct vnet_bpf **skel)
{
	vnet_bpf__destroy(*skel);
}

/* ---- the pins -------------------------------------------------------------------- */

static int open_pin(const char *name)
{
	char path[PIN_MAX];

	snprintf(path, sizeof(path), PIN_DIR "/%s", name);
	return vps_pins_open(path);
}

/* With @dir the maps that are pinned there are used again, and the others are pinned. */
static int load(const char *dir, struct vnet_bpf **ret_skel)
{
	_cleanup_(skelp) struct vnet_bpf *skel = vnet_bpf__open();
	int rc = skel ? vps_pins_load(skel->skeleton, dir) : -errno;

	if (rc)
		return rc;
	*ret_skel = skel;
	skel = NULL;
	return 0;
}

/* Those of other builds go; devices that have them keep them, on the same maps. */
static int forget_others(void)
{
	_cleanup_(closedirp) DIR *dir = opendir(PIN_DIR);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (strchr(entry->d_name, '_') && unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			return -errno;
	return 0;
}

static int load_and_pin(const void *nothing)
{
	_cleanup_(skelp) struct vnet_bpf *skel = NULL;
	int rc;

	(void)nothing;
	if (mkdir(PIN_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	rc = forget_others() ?: load(PIN_DIR, &skel);
	rc = rc ?: bpf_program__pin(skel->progs.classify, PIN_DIR "/classify_" VNET_BUILD);
	rc = rc ?: bpf_program__pin(skel->progs.count_in, PIN_DIR "/count_" VNET_BUILD);
	/* Pinned last: who finds it finds everything. */
	return rc ?: bpf_program__pin(skel->progs.guard, PIN_DIR "/guard_" VNET_BUILD);
}

/* The program of this build that stands between a VPS and the bridge. */
static int open_guard(void)
{
	int program = open_pin("guard_" VNET_BUILD);
	int rc;

	if (program != -ENOENT)
		return program;
	rc = vps_bpf_quietly(load_and_pin, NULL);
	return rc ?: open_pin("guard_" VNET_BUILD);
}

bool vps_guard_was_used(void)
{
	return !access(PIN_DIR, F_OK);
}

int vps_guard_prepare(void)
{
	_cleanup_(closep) int guard = open_guard();

	return guard < 0 ? guard : 0;
}

int vps_guard_classifier(void)
{
	_cleanup_(closep) int guard = open_guard();

	return guard < 0 ? guard : open_pin("classify_" VNET_BUILD);
}

static int try_load(const void *nothing)
{
	_cleanup_(skelp) struct vnet_bpf *skel = NULL;

	(void)nothing;
	return load(NULL, &skel);
}

int vps_guard_probe(void)
{
	return vps_bpf_quietly(try_load, NULL);
}

/* ---- devices ------------------------------------------------------------------------ */

static struct vps_bpf_port_addr addr_key(int ifindex, const struct vps_addr *addr)
{
	struct vps_bpf_port_addr key = {
		.ifindex = (__u32)ifindex, .family = addr->family == AF_INET ? 4 : 6,
	};

	memcpy(key.addr, addr->bytes, sizeof(key.addr));
	return key;
}

/* Where @map is full, what is left of devices that are gone makes room. */
static int put(struct nl_sock *sock, int map, const void *key, const void *value)
{
	int rc = bpf_map_update_elem(map, key, value, BPF_ANY) ? -errno : 0;

	if (rc != -E2BIG)
		return rc;
	rc = vps_guard_shed(sock);
	if (rc)
		return rc;
	return bpf_map_update_elem(map, key, value, BPF_ANY) ? -errno : 0;
}

int vps_guard_begin(struct nl_sock *sock, int ifindex, uint32_t id, uint64_t account,
		    const unsigned char mac[VPS_MAC_LEN])
{
	_cleanup_(closep) int program = open_guard();
	_cleanup_(closep) int count = program < 0 ? -1 : open_pin("count_" VNET_BUILD);
	_cleanup_(closep) int ports = program < 0 ? -1 : open_pin("ports");
	struct vps_bpf_port port = { .context = id, .account = account };
	int rc;

	if (program < 0 || count < 0 || ports < 0)
		return program < 0 ? program : count < 0 ? count : ports;
	memcpy(port.mac, mac, VPS_MAC_LEN);
	rc = put(sock, ports, &ifindex, &port);
	rc = rc ?: vps_tc_add_places(sock, ifindex);
	rc = rc ?: vps_tc_add_program(sock, ifindex, VPS_TC_INGRESS, program, true);
	return rc ?: vps_tc_add_program(sock, ifindex, VPS_TC_EGRESS, count, true);
}

int vps_guard_expect(int ifindex, int rates)
{
	_cleanup_(closep) int ports = open_pin("ports");
	struct vps_bpf_port port;

	if (ports < 0)
		return ports;
	/* One of tools whose maps have another layout: it is not counted. */
	if (bpf_map_lookup_elem(ports, &ifindex, &port))
		return errno == ENOENT ? 0 : -errno;
	port.rates = (__u32)rates;
	return bpf_map_update_elem(ports, &ifindex, &port, BPF_EXIST) ? -errno : 0;
}

int vps_guard_allow(struct nl_sock *sock, int ifindex, const struct vps_addr *addr)
{
	_cleanup_(closep) int addrs = open_pin("addrs");
	struct vps_bpf_port_addr key = addr_key(ifindex, addr);
	__u32 yes = 1;

	if (addrs < 0)
		return addrs;
	return put(sock, addrs, &key, &yes);
}

void vps_guard_forbid(int ifindex, const struct vps_addr *addr)
{
	_cleanup_(closep) int addrs = open_pin("addrs");
	struct vps_bpf_port_addr key = addr_key(ifindex, addr);

	if (addrs >= 0)
		bpf_map_delete_elem(addrs, &key);
}

void vps_guard_end(int ifindex)
{
	_cleanup_(closep) int ports = open_pin("ports");

	if (ports >= 0)
		bpf_map_delete_elem(ports, &ifindex);
}

/* ---- what is left behind --------------------------------------------------------------- */

static bool is_there(const struct vps_link *links, size_t count, __u32 ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (links[i].ifindex == (int)ifindex)
			return true;
	return false;
}

/* @key and @next: room for two keys, whose first field is the index of a device. */
static void shed(int map, __u32 *key, __u32 *next, size_t size, const struct vps_link *links,
		 size_t count)
{
	bool more = map >= 0 && !bpf_map_get_next_key(map, NULL, next);

	while (more) {
		memcpy(key, next, size);
		more = !bpf_map_get_next_key(map, key, next);
		if (!is_there(links, count, *key))
			bpf_map_delete_elem(map, key);
	}
}

int vps_guard_shed(struct nl_sock *sock)
{
	_cleanup_(closep) int ports = open_pin("ports");
	_cleanup_(closep) int addrs = open_pin("addrs");
	_cleanup_(freep) struct vps_link *links = NULL;
	struct vps_bpf_port_addr addr[2];
	__u32 port[2];
	size_t count;
	int rc = vps_rtnl_links(sock, &links, &count);

	if (rc)
		return rc;
	shed(ports, &port[0], &port[1], sizeof(*port), links, count);
	shed(addrs, &addr[0].ifindex, &addr[1].ifindex, sizeof(*addr), links, count);
	return 0;
}
