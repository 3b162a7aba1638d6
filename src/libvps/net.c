// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/net.bpf.h"
#include "bpf/net.build.h"
#include "bpf/net.skel.h"
#include "net.h"
#include "pins.h"
#include "util.h"

/* The number changes with the layout of what is pinned. */
#define PIN_DIR VPS_PINS "/net1-"
#define PIN_MAX 96

static void skelp(struct net_bpf **skel)
{
	net_bpf__destroy(*skel);
}

/* ---- the pins -------------------------------------------------------------------- */

/*
 * The directory is named by the group that the programs are attached to: should that ever be
 * removed and made again, the programs of the old one are not taken for those of the new one.
 */
static int pin_dir(const struct vps_cgroups *cg, char path[PIN_MAX])
{
	uint64_t parent;
	int rc = vps_group_cgroup_id(cg->parent_fd, &parent);

	if (!rc)
		snprintf(path, PIN_MAX, PIN_DIR "%" PRIx64, parent);
	return rc;
}

static int open_pin(const struct vps_cgroups *cg, const char *name)
{
	char dir[PIN_MAX], path[PIN_MAX + 32];
	int rc = cg->parent_fd < 0 ? -ENOENT : pin_dir(cg, dir);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return vps_pins_open(path);
}

static int open_use(const struct vps_cgroups *cg)
{
	return open_pin(cg, "tcp_use");
}

static int open_limit(const struct vps_cgroups *cg)
{
	return open_pin(cg, "tcp_limit");
}

/*
 * Pinned last, and named by what the programs were built from: who finds it knows that all of
 * them are attached, and are those of this library and not of one before.
 */
static int open_own_use(const struct vps_cgroups *cg)
{
	return open_pin(cg, "tcp_use_" NET_BUILD);
}

/* ---- the programs ------------------------------------------------------------------ */

/* With @dir the maps that are pinned there are used again, and the others are pinned. */
static int load(uint64_t parent, const char *dir, struct net_bpf **ret_skel)
{
	_cleanup_(skelp) struct net_bpf *skel = NULL;
	char path[PIN_MAX + 32];
	struct bpf_map *map;
	int rc = 0;

	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return -ENOTSUP;
	skel = net_bpf__open();
	if (!skel)
		return -errno;
	skel->rodata->parent = parent;
	bpf_object__for_each_map(map, skel->obj) {
		if (!dir || bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		rc = rc ?: bpf_map__set_pin_path(map, path);
	}
	rc = rc ?: net_bpf__load(skel);
	if (rc)
		return rc == -EPERM || rc == -ENOSYS || rc == -ENOMEM ? rc : -ENOTSUP;
	*ret_skel = skel;
	skel = NULL;
	return 0;
}

/* Where one is attached already it is replaced, and no packet sees neither. */
static int attach(struct bpf_program *program, int parent_fd, const char *dir)
{
	_cleanup_(closep) int pinned = -1;
	struct bpf_link *link;
	char path[PIN_MAX + 64];
	int rc;

	snprintf(path, sizeof(path), "%s/%s_link", dir, bpf_program__name(program));
	pinned = vps_pins_open(path);
	if (pinned >= 0)
		return bpf_link_update(pinned, bpf_program__fd(program), NULL) ? -errno : 0;
	if (pinned != -ENOENT)
		return pinned;
	link = bpf_program__attach_cgroup(program, parent_fd);
	if (!link)
		return -errno;
	rc = bpf_link__pin(link, path);
	bpf_link__destroy(link);
	return rc;
}

/* The names by which other builds knew their own. */
static int forget_others(const char *path)
{
	_cleanup_(closedirp) DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "tcp_use_", strlen("tcp_use_")) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			return -errno;
	return 0;
}

static int attach_and_pin(struct net_bpf *skel, int parent_fd, const char *dir)
{
	struct bpf_program *program;
	char path[PIN_MAX + 64];
	int rc = forget_others(dir);

	bpf_object__for_each_program(program, skel->obj)
		rc = rc ?: attach(program, parent_fd, dir);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/tcp_use_" NET_BUILD, dir);
	return bpf_obj_pin(bpf_map__fd(skel->maps.tcp_use), path) ? -errno : 0;
}

static int load_and_pin(const void *argument)
{
	const struct vps_cgroups *cg = argument;
	_cleanup_(closep) int lock = vps_pins_lock();
	_cleanup_(skelp) struct net_bpf *skel = NULL;
	char dir[PIN_MAX];
	uint64_t parent;
	int map, rc;

	if (lock < 0)
		return lock;
	/* Somebody else was faster. */
	map = open_own_use(cg);
	if (map != -ENOENT)
		return map;
	rc = pin_dir(cg, dir) ?: vps_group_cgroup_id(cg->parent_fd, &parent);
	if (rc)
		return rc;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	rc = load(parent, dir, &skel) ?: attach_and_pin(skel, cg->parent_fd, dir);
	return rc ?: open_own_use(cg);
}

static int try_load(const void *nothing)
{
	_cleanup_(skelp) struct net_bpf *skel = NULL;

	(void)nothing;
	return load(0, NULL, &skel);
}

int vps_net_probe(const struct vps_cgroups *cg)
{
	_cleanup_(closep) int map = open_use(cg);

	if (map >= 0)
		return 0;
	return map == -ENOENT ? vps_bpf_quietly(try_load, NULL) : map;
}

/* ---- contexts ------------------------------------------------------------------------ */

static bool has_group(const struct vps_cgroups *cg, uint64_t id)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	struct dirent *entry;
	int fd = openat(cg->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	/* Who cannot look takes it for there. */
	if (!dir)
		return true;
	while ((entry = readdir(dir)))
		if (entry->d_ino == id)
			return true;
	return false;
}

/* Entries of groups that somebody else removed stay behind; a full map sheds them. */
static void shed_gone(const struct vps_cgroups *cg, int use)
{
	uint64_t id, next;
	bool more = !bpf_map_get_next_key(use, NULL, &next);

	while (more) {
		id = next;
		more = !bpf_map_get_next_key(use, &id, &next);
		if (!has_group(cg, id))
			vps_net_end(cg, id);
	}
}

int vps_net_begin(const struct vps_cgroups *cg, int group)
{
	_cleanup_(closep) int use = open_own_use(cg);
	struct vps_bpf_tcp tcp = { 0 };
	uint64_t id;
	int rc = vps_group_cgroup_id(group, &id);

	if (use == -ENOENT)
		use = vps_bpf_quietly(load_and_pin, cg);
	if (rc || use < 0)
		return rc ?: use;
	if (!bpf_map_update_elem(use, &id, &tcp, BPF_NOEXIST))
		return 0;
	if (errno != E2BIG)
		return -errno;
	shed_gone(cg, use);
	return bpf_map_update_elem(use, &id, &tcp, BPF_NOEXIST) ? -errno : 0;
}

void vps_net_end(const struct vps_cgroups *cg, uint64_t id)
{
	_cleanup_(closep) int use = open_use(cg);
	_cleanup_(closep) int limits = open_limit(cg);

	if (limits >= 0)
		bpf_map_delete_elem(limits, &id);
	if (use >= 0)
		bpf_map_delete_elem(use, &id);
}

/* ---- TCP connections -------------------------------------------------------------------- */

/* -ENODATA when it is not counted. */
static int read_use(const struct vps_cgroups *cg, int group, uint64_t *ret_id,
		    struct vps_bpf_tcp *ret_tcp)
{
	_cleanup_(closep) int use = open_use(cg);
	int rc = vps_group_cgroup_id(group, ret_id);

	if (rc)
		return rc;
	if (use < 0)
		return use == -ENOENT ? -ENODATA : use;
	if (!bpf_map_lookup_elem(use, ret_id, ret_tcp))
		return 0;
	return errno == ENOENT ? -ENODATA : -errno;
}

int vps_tcp_get(const struct vps_cgroups *cg, int group, struct vps_limit_state *ret_state)
{
	_cleanup_(closep) int limits = open_limit(cg);
	struct vps_bpf_tcp tcp;
	uint64_t id, limit;
	int rc = read_use(cg, group, &id, &tcp);

	if (rc || limits < 0)
		return rc ?: limits;
	if (bpf_map_lookup_elem(limits, &id, &limit)) {
		if (errno != ENOENT)
			return -errno;
		limit = VPS_LIMIT_INF;
	}
	*ret_state = (struct vps_limit_state){
		.used = tcp.established,
		.peak = tcp.peak,
		.soft = VPS_LIMIT_NONE,
		.hard = limit,
		.hits = tcp.hits,
	};
	return 0;
}

int vps_tcp_set(const struct vps_cgroups *cg, int group, uint64_t limit)
{
	_cleanup_(closep) int limits = open_limit(cg);
	struct vps_bpf_tcp tcp;
	uint64_t id;
	int rc = read_use(cg, group, &id, &tcp);

	if (rc || limits < 0)
		return rc ?: limits;
	if (limit != VPS_LIMIT_INF) {
		rc = bpf_map_update_elem(limits, &id, &limit, BPF_ANY) ? -errno : 0;
		/* It may have been destroyed meanwhile. */
		if (!rc && read_use(cg, group, &id, &tcp) == -ENODATA)
			bpf_map_delete_elem(limits, &id);
		return rc;
	}
	return bpf_map_delete_elem(limits, &id) && errno != ENOENT ? -errno : 0;
}
