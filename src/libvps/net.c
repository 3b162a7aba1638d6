// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/net.bpf.h"
#include "bpf/net.build.h"
#include "bpf/net.skel.h"
#include "net.h"
#include "pins.h"
#include "rtnl.h"
#include "util.h"

/* Before the names of what is attached to the root of the hierarchy, for the host itself. */
#define FENCE "host_"
/* What is attached last, while there is a fence; and what stays for what was bound then. */
#define FENCE_LAST "bind6_link"
#define FENCE_REST "sock_ops_link"

/* The program for devices, and its place: before those of most others. */
#define STEER "steer_udp"
#define STEER_PRIORITY 29

/* The number changes with the layout of what is pinned. */
#define PIN_DIR VPS_PINS "/net6-"
#define PIN_MAX 96

static void skelp(struct net_bpf **skel)
{
	net_bpf__destroy(*skel);
}

/* ---- the pins ------------------------------------------------------------------- */

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

int vps_net_map(const struct vps_cgroups *cg, const char *name)
{
	return open_pin(cg, name);
}

/*
 * Pinned last, and named by what the programs were built from: who finds it knows that all of
 * them are attached, and are those of this library and not of one before.
 */
static int open_own_use(const struct vps_cgroups *cg)
{
	return open_pin(cg, "tcp_use_" NET_BUILD);
}

/* ---- the programs --------------------------------------------------------------- */

/* The host's network, wherever this process is; and the kernel's number of it. */
static int open_network(uint64_t *ret_cookie)
{
	_cleanup_(vps_rtnl_closep) struct nl_sock *sock = NULL;
	_cleanup_(closep) int network = vps_rtnl_netns(1);
	socklen_t size = sizeof(*ret_cookie);
	int rc;

	/* Some machines have a first process that their root may not look into. */
	if (network < 0)
		network = vps_rtnl_netns(0);
	rc = network < 0 ? network : vps_rtnl_open_at(network, &sock);
	if (rc)
		return rc;
	return getsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_NETNS_COOKIE, ret_cookie,
			  &size) < 0 ? -errno : steal_fd(&network);
}

/* For whose sockets they are. */
enum side {
	OF_CONTEXTS,
	OF_HOST,	/* the fence */
	OF_HOST_BOUND,	/* those that were bound while there was a fence */
};

static bool is_bind(const struct bpf_program *program)
{
	return !strncmp(bpf_program__name(program), "bind", strlen("bind"));
}

static bool is_for(const struct bpf_program *program, enum side side)
{
	static const char *const names[] = {
		"sendmsg4", "sendmsg6", "getsockname4", "getsockname6", "sock_ops",
	};

	if (side == OF_CONTEXTS || (side == OF_HOST && is_bind(program)))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(bpf_program__name(program), names[i]))
			return true;
	return false;
}

/* With @dir the maps that are pinned there are used again, and the others are pinned. */
static int load(uint64_t parent, const char *dir, enum side side, struct net_bpf **ret_skel)
{
	_cleanup_(skelp) struct net_bpf *skel = NULL;
	struct bpf_program *program;
	uint64_t cookie;
	_cleanup_(closep) int network = open_network(&cookie);
	int rc = 0;

	if (network < 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return -ENOTSUP;
	skel = net_bpf__open();
	if (!skel)
		return -errno;
	skel->rodata->parent = parent;
	skel->rodata->host_net = cookie;
	skel->rodata->fence = side != OF_CONTEXTS;
	bpf_object__for_each_program(program, skel->obj)
		rc = rc ?: bpf_program__set_autoload(program, is_for(program, side));
	rc = rc ?: vps_pins_load(skel->skeleton, dir);
	if (rc)
		return rc;
	*ret_skel = skel;
	skel = NULL;
	return 0;
}

static struct bpf_link *attach_new(struct bpf_program *program, int group)
{
	_cleanup_(closep) int network = -1;
	uint64_t cookie;

	if (bpf_program__type(program) != BPF_PROG_TYPE_SK_LOOKUP)
		return bpf_program__attach_cgroup(program, group);
	network = open_network(&cookie);
	return network < 0 ? NULL : bpf_program__attach_netns(program, network);
}

/* What devices are given is attached to each for itself: it is only kept at hand. */
static int pin_for_devices(const struct bpf_program *program, const char *dir)
{
	char path[PIN_MAX + 64];

	snprintf(path, sizeof(path), "%s/" STEER, dir);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return bpf_obj_pin(bpf_program__fd(program), path) ? -errno : 0;
}

/* Where one is attached already it is replaced, and no packet sees neither. */
static int attach(struct bpf_program *program, int group, const char *dir, const char *prefix)
{
	_cleanup_(closep) int pinned = -1;
	struct bpf_link *link;
	char path[PIN_MAX + 64];
	int rc;

	if (!bpf_program__autoload(program))
		return 0;
	if (bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS)
		return pin_for_devices(program, dir);
	snprintf(path, sizeof(path), "%s/%s%s_link", dir, prefix, bpf_program__name(program));
	pinned = vps_pins_open(path);
	if (pinned >= 0)
		return bpf_link_update(pinned, bpf_program__fd(program), NULL) ? -errno : 0;
	if (pinned != -ENOENT)
		return pinned;
	link = attach_new(program, group);
	if (!link)
		return -errno;
	rc = bpf_link__pin(link, path);
	bpf_link__destroy(link);
	return rc;
}

static int attach_all(struct net_bpf *skel, int group, const char *dir, const char *prefix)
{
	struct bpf_program *program;
	int rc = 0;

	/* What is bound anew must be known to all others. */
	bpf_object__for_each_program(program, skel->obj)
		rc = rc || is_bind(program) ? rc : attach(program, group, dir, prefix);
	bpf_object__for_each_program(program, skel->obj)
		rc = rc || !is_bind(program) ? rc : attach(program, group, dir, prefix);
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

/* ---- datagrams on devices ------------------------------------------------------- */

/* Our place among the programs of a device. */
static struct bpf_tc_opts steer_place(void)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts), .handle = 1, .priority = STEER_PRIORITY,
	};
}

static int steer(int ifindex, int program, bool only_where_it_is)
{
	struct bpf_tc_hook hook = {
		.sz = sizeof(hook), .ifindex = ifindex, .attach_point = BPF_TC_INGRESS,
	};
	struct bpf_tc_opts opts = steer_place();
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int rc = bpf_tc_query(&hook, &opts);

	if (rc && only_where_it_is)
		return 0;
	if (bpf_obj_get_info_by_fd(program, &info, &size))
		return -errno;
	if (!rc && opts.prog_id == info.id)
		return 0;
	rc = bpf_tc_hook_create(&hook);
	if (rc && rc != -EEXIST)
		return rc;
	opts = steer_place();
	opts.prog_fd = program;
	opts.flags = BPF_TC_F_REPLACE;
	return bpf_tc_attach(&hook, &opts);
}

/* Those of a build before give way to ours. */
static int steer_again(int program)
{
	struct if_nameindex *devices = if_nameindex();
	int rc = 0;

	if (!devices)
		return -errno;
	for (size_t i = 0; !rc && devices[i].if_index; i++)
		rc = steer((int)devices[i].if_index, program, true);
	if_freenameindex(devices);
	return rc;
}

struct steering {
	const struct vps_cgroups *cg;
	int ifindex;
};

static int try_steer(const void *argument)
{
	const struct steering *steering = argument;
	_cleanup_(closep) int program = open_pin(steering->cg, STEER);

	return program < 0 ? program : steer(steering->ifindex, program, false);
}

int vps_net_steer(const struct vps_cgroups *cg, int ifindex)
{
	return vps_bpf_quietly(try_steer, &(struct steering){ cg, ifindex });
}

/* ---- all of it ------------------------------------------------------------------ */

static int attach_and_pin(struct net_bpf *skel, int parent_fd, const char *dir)
{
	char path[PIN_MAX + 64];
	int rc = forget_others(dir) ?: attach_all(skel, parent_fd, dir, "");

	rc = rc ?: steer_again(bpf_program__fd(skel->progs.steer_udp));
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/tcp_use_" NET_BUILD, dir);
	return bpf_obj_pin(bpf_map__fd(skel->maps.tcp_use), path) ? -errno : 0;
}

static bool has_pin(const struct vps_cgroups *cg, const char *name)
{
	_cleanup_(closep) int pin = open_pin(cg, name);

	return pin >= 0;
}

static int attach_fence(const struct vps_cgroups *cg, uint64_t parent, const char *dir,
			enum side side)
{
	_cleanup_(closep) int root = open(cg->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(skelp) struct net_bpf *skel = NULL;

	if (root < 0)
		return -errno;
	return load(parent, dir, side, &skel) ?: attach_all(skel, root, dir, FENCE);
}

/* Is it where programs of another layout are pinned, for this group of all contexts? */
static bool is_other_layout(const char *name, const char *own)
{
	const char *suffix = strchr(own, '-');

	return !strncmp(name, "net", strlen("net")) && strcmp(name, own) != 0 &&
	       strchr(name, '-') && !strcmp(strchr(name, '-'), suffix);
}

/* The next of them in @pins, which is NULL where nothing is pinned; NULL behind the last. */
static const char *next_other_layout(DIR *pins, const char *own)
{
	struct dirent *entry;

	while (pins && (entry = readdir(pins)))
		if (is_other_layout(entry->d_name, own))
			return entry->d_name;
	return NULL;
}

static size_t count_contexts(const struct vps_cgroups *cg)
{
	_cleanup_(closedirp) DIR *groups = vps_groups_open(cg);
	size_t count = 0;
	uint32_t id;

	while (groups && vps_groups_next(groups, &id))
		count++;
	return count;
}

/*
 * Contexts that were made under programs with another layout of their maps are held by those.
 * They are two sets that know nothing of each other's: the new one waits until the contexts of
 * the old are gone but the one that is being made.
 */
static int end_other_layouts(const struct vps_cgroups *cg, const char *own)
{
	_cleanup_(closedirp) DIR *pins = opendir(VPS_PINS);
	const char *name;
	int rc = 0;

	while (!rc && (name = next_other_layout(pins, own)))
		rc = count_contexts(cg) > 1 ? -EBUSY : vps_pins_remove(dirfd(pins), name);
	return rc;
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
	rc = rc ?: end_other_layouts(cg, strrchr(dir, '/') + 1);
	if (rc)
		return rc;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	rc = load(parent, dir, OF_CONTEXTS, &skel);
	if (!rc && has_pin(cg, FENCE FENCE_REST))
		rc = attach_fence(cg, parent, dir,
				  has_pin(cg, FENCE FENCE_LAST) ? OF_HOST : OF_HOST_BOUND);
	rc = rc ?: attach_and_pin(skel, cg->parent_fd, dir);
	return rc ?: open_own_use(cg);
}

static int try_load(const void *nothing)
{
	_cleanup_(skelp) struct net_bpf *skel = NULL;

	(void)nothing;
	return load(0, NULL, OF_CONTEXTS, &skel);
}

static bool has_other_layout(const struct vps_cgroups *cg)
{
	_cleanup_(closedirp) DIR *pins = opendir(VPS_PINS);
	char dir[PIN_MAX];

	return cg->parent_fd >= 0 && !pin_dir(cg, dir) &&
	       next_other_layout(pins, strrchr(dir, '/') + 1);
}

/* The first that is missing; asked only when something is. */
static const char *missing_feature(void)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "needs BPF type information; boot a kernel with CONFIG_DEBUG_INFO_BTF";
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, NULL) < 1)
		return "needs BPF programs for groups; boot a kernel with CONFIG_CGROUP_BPF";
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SK_LOOKUP, NULL) < 1)
		return "needs BPF programs that look sockets up, of Linux 5.9";
	if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, NULL) < 1 ||
	    libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SOCKHASH, NULL) < 1)
		return "needs BPF maps of sockets; boot a kernel with CONFIG_NET";
	return "the kernel takes all BPF programs but these; Linux 5.15 is the first that should";
}

const char *vps_net_refusal(const struct vps_cgroups *cg)
{
	_cleanup_(closep) int map = vps_net_map(cg, "tcp_use");
	int rc = map >= 0 ? 0 : map == -ENOENT ? vps_bpf_quietly(try_load, NULL) : map;

	if (map == -ENOENT && has_other_layout(cg) && count_contexts(cg))
		return "VPSes run that were started by tools of another version: stop all once";
	switch (rc) {
	case 0:
		return NULL;
	case -EPERM:
		return "loading BPF programs is not permitted here";
	case -ENOMEM:
		return "no memory for BPF programs";
	}
	return missing_feature();
}

/* ---- contexts ------------------------------------------------------------------- */

static bool has_group(const struct vps_cgroups *cg, uint64_t id)
{
	_cleanup_(closedirp) DIR *groups = vps_groups_open(cg);
	/* Who cannot look takes it for there. */
	bool found = !groups;
	struct dirent *entry;
	uint32_t context;

	while (!found && (entry = vps_groups_next(groups, &context)))
		found = entry->d_ino == id;
	return found;
}

/* Entries of groups that somebody else removed stay behind; a full map sheds them. */
static void shed_gone(const struct vps_cgroups *cg, int use)
{
	uint64_t id, next;
	bool more = !bpf_map_get_next_key(use, NULL, &next);

	while (more) {
		id = next;
		more = !bpf_map_get_next_key(use, &id, &next);
		if (id != VPS_BPF_HOST && !has_group(cg, id))
			vps_net_end(cg, id);
	}
}

/* The map of what is used, after having brought the programs in place. */
static int open_or_load(const struct vps_cgroups *cg)
{
	int use = open_own_use(cg);

	return use == -ENOENT ? vps_bpf_quietly(load_and_pin, cg) : use;
}

int vps_net_prepare(const struct vps_cgroups *cg)
{
	_cleanup_(closep) int use = open_or_load(cg);

	return use < 0 ? use : 0;
}

int vps_net_begin(const struct vps_cgroups *cg, int group)
{
	_cleanup_(closep) int use = open_or_load(cg);
	struct vps_bpf_tcp tcp = { 0 };
	uint64_t id;
	int rc = vps_group_cgroup_id(group, &id);

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
	_cleanup_(closep) int use = vps_net_map(cg, "tcp_use");
	_cleanup_(closep) int limits = vps_net_map(cg, "tcp_limit");

	if (limits >= 0)
		bpf_map_delete_elem(limits, &id);
	if (use >= 0)
		bpf_map_delete_elem(use, &id);
}

/* ---- the host itself ------------------------------------------------------------ */

static int try_fence(const void *argument)
{
	const struct vps_cgroups *cg = argument;
	_cleanup_(closep) int lock = vps_pins_lock();
	char dir[PIN_MAX];
	uint64_t parent;
	int rc;

	if (lock < 0)
		return lock;
	rc = pin_dir(cg, dir) ?: vps_group_cgroup_id(cg->parent_fd, &parent);
	return rc ?: attach_fence(cg, parent, dir, OF_HOST);
}

int vps_net_fence(const struct vps_cgroups *cg)
{
	_cleanup_(closep) int use = open_or_load(cg);
	const uint64_t host = VPS_BPF_HOST;
	struct vps_bpf_tcp tcp = { 0 };

	if (use < 0)
		return use;
	if (bpf_map_update_elem(use, &host, &tcp, BPF_NOEXIST) && errno != EEXIST)
		return -errno;
	return vps_net_is_fenced(cg) ? 0 : vps_bpf_quietly(try_fence, cg);
}

bool vps_net_is_fenced(const struct vps_cgroups *cg)
{
	return has_pin(cg, FENCE FENCE_LAST);
}

int vps_net_unfence(const struct vps_cgroups *cg)
{
	static const char *const names[] = { FENCE "bind4_link", FENCE "bind6_link" };
	char dir[PIN_MAX], path[PIN_MAX + 64];
	int rc = pin_dir(cg, dir);

	for (size_t i = 0; !rc && i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (unlink(path) < 0 && errno != ENOENT)
			rc = -errno;
	}
	return rc;
}
