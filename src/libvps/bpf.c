// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/vps.bpf.h"
#include "bpf.h"
#include "bpf/vps.skel.h"
#include "pins.h"
#include "util.h"

/* The number changes with the layout of what is pinned. */
#define PIN_DIR		VPS_PINS "/v1"
#define PIN_LINK	PIN_DIR "/init_exit"
/* Pinned last: who finds the map knows that the program is attached. */
#define PIN_MAP		PIN_DIR "/init_reboot"

static void skelp(struct vps_bpf **skel)
{
	vps_bpf__destroy(*skel);
}

static struct vps_bpf_init make_key(pid_t pid, uint64_t start_ticks)
{
	return (struct vps_bpf_init){ .pid = (__u32)pid, .start = start_ticks };
}

/* The map; -ENOENT when nothing is loaded. */
static int open_map(void)
{
	return vps_pins_open(PIN_MAP);
}

/* ---- the program --------------------------------------------------------------- */

/* Loads it into this process only. */
static int load(struct vps_bpf **ret_skel)
{
	_cleanup_(skelp) struct vps_bpf *skel = NULL;
	long hz = sysconf(_SC_CLK_TCK);
	int rc;

	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return -ENOTSUP;
	/* 100 but on one old architecture, whose 1024 the program could not divide by exactly. */
	if (hz <= 0 || 1000000000 % hz)
		return -ENOTSUP;
	skel = vps_bpf__open();
	if (!skel)
		return -errno;
	skel->rodata->ns_per_tick = 1000000000 / (uint64_t)hz;
	rc = vps_pins_load(skel->skeleton, NULL);
	if (rc)
		return rc;
	*ret_skel = skel;
	skel = NULL;
	return 0;
}

static int attach_and_pin(struct vps_bpf *skel)
{
	int rc = vps_bpf__attach(skel);

	if (rc)
		return rc;
	/* Left by somebody who was killed between the two pins. */
	if (unlink(PIN_LINK) < 0 && errno != ENOENT)
		return -errno;
	return bpf_link__pin(skel->links.init_exit, PIN_LINK) ?:
	       bpf_map__pin(skel->maps.init_reboot, PIN_MAP);
}

static int load_and_pin(const void *nothing)
{
	_cleanup_(closep) int lock = vps_pins_lock();
	_cleanup_(skelp) struct vps_bpf *skel = NULL;
	int map, rc;

	(void)nothing;
	if (lock < 0)
		return lock;
	if (mkdir(PIN_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	/* Somebody else was faster. */
	map = open_map();
	if (map != -ENOENT)
		return map;
	rc = load(&skel) ?: attach_and_pin(skel);
	return rc ?: open_map();
}

static int open_or_load(void)
{
	int map = open_map();

	return map == -ENOENT ? vps_bpf_quietly(load_and_pin, NULL) : map;
}

static int try_load(const void *nothing)
{
	_cleanup_(skelp) struct vps_bpf *skel = NULL;

	(void)nothing;
	return load(&skel);
}

/* ---- for the library -------------------------------------------------------------- */

int vps_bpf_prepare(void)
{
	_cleanup_(closep) int map = open_or_load();

	return map < 0 ? map : 0;
}

/* One that ended without a restart tells no more than one that is not watched. */
static bool is_spent(int map, const struct vps_bpf_init *key)
{
	struct vps_proc_stat stat;
	__u32 signal;

	if (bpf_map_lookup_elem(map, key, &signal) || signal)
		return false;
	return vps_proc_stat((pid_t)key->pid, &stat) || stat.start != key->start;
}

/* Entries of groups that somebody else removed stay behind; a full map sheds them. */
static void shed_spent(int map)
{
	struct vps_bpf_init key, next;
	bool more = !bpf_map_get_next_key(map, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (is_spent(map, &key))
			bpf_map_delete_elem(map, &key);
	}
}

int vps_bpf_watch_init(pid_t pid, uint64_t start_ticks)
{
	struct vps_bpf_init key = make_key(pid, start_ticks);
	_cleanup_(closep) int map = open_or_load();
	__u32 none = 0;

	if (map < 0)
		return map;
	if (!bpf_map_update_elem(map, &key, &none, BPF_ANY))
		return 0;
	if (errno != E2BIG)
		return -errno;
	shed_spent(map);
	return bpf_map_update_elem(map, &key, &none, BPF_ANY) ? -errno : 0;
}

int vps_bpf_reboot_signal(pid_t pid, uint64_t start_ticks)
{
	struct vps_bpf_init key = make_key(pid, start_ticks);
	_cleanup_(closep) int map = open_map();
	__u32 signal;

	if (map < 0)
		return map;
	return bpf_map_lookup_elem(map, &key, &signal) ? -errno : (int)signal;
}

int vps_bpf_forget_init(pid_t pid, uint64_t start_ticks)
{
	struct vps_bpf_init key = make_key(pid, start_ticks);
	_cleanup_(closep) int map = open_map();

	if (map < 0)
		return map;
	return bpf_map_delete_elem(map, &key) ? -errno : 0;
}

int vps_bpf_probe(void)
{
	_cleanup_(closep) int map = open_map();

	if (map >= 0)
		return 0;
	return map == -ENOENT ? vps_bpf_quietly(try_load, NULL) : map;
}
