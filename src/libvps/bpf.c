// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/vps.bpf.h"
#include "bpf.h"
#include "bpf/vps.skel.h"
#include "util.h"

#define BPFFS		"/sys/fs/bpf"
#define PINS		BPFFS "/vps"
/* The number changes with the layout of what is pinned. */
#define PIN_DIR		PINS "/v1"
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

/* ---- the pins ---------------------------------------------------------------- */

/* Some distributions mount bpffs so that anyone may make a directory in it. */
static int check_owner(void)
{
	struct stat st;

	if (lstat(PINS, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == 0 && !(st.st_mode & 022) ? 0 : -EPERM;
}

/* The map; -ENOENT when nothing is loaded. */
static int open_map(void)
{
	int rc = check_owner();
	int fd;

	if (rc)
		return rc;
	fd = bpf_obj_get(PIN_MAP);
	return fd < 0 ? -errno : fd;
}

/* Opens and locks a directory; closing it unlocks. */
static int lock_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0) {
		int err = errno;

		if (err == EINTR)
			continue;
		close(fd);
		return -err;
	}
	return fd;
}

static int mount_bpffs(void)
{
	_cleanup_(closep) int lock = lock_dir(BPFFS);
	struct statfs fs;

	/* The directory is made by the kernel itself where it has BPF. */
	if (lock < 0)
		return lock == -ENOENT ? -ENOSYS : lock;
	if (statfs(BPFFS, &fs) < 0)
		return -errno;
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (fs.f_type != SYSFS_MAGIC)
		return -ENOTSUP;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -errno;
	return 0;
}

/* Makes the directory of the pins and locks it. */
static int lock_pins(void)
{
	int rc = mount_bpffs();

	if (rc)
		return rc;
	if (mkdir(PINS, 0700) < 0 && errno != EEXIST)
		return -errno;
	rc = check_owner();
	if (rc)
		return rc;
	if (mkdir(PIN_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	return lock_dir(PIN_DIR);
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
	rc = vps_bpf__load(skel);
	if (rc)
		return rc == -EPERM || rc == -ENOSYS || rc == -ENOMEM ? rc : -ENOTSUP;
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

static int load_and_pin(void)
{
	_cleanup_(closep) int lock = lock_pins();
	_cleanup_(skelp) struct vps_bpf *skel = NULL;
	int map, rc;

	if (lock < 0)
		return lock;
	/* Somebody else was faster. */
	map = open_map();
	if (map != -ENOENT)
		return map;
	rc = load(&skel) ?: attach_and_pin(skel);
	return rc ?: open_map();
}

/* Runs @step, which is 0 or a descriptor, while libbpf keeps what it has to say to itself. */
static int silently(int (*step)(void))
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int rc = step();

	libbpf_set_print(print);
	return rc;
}

static int open_or_load(void)
{
	int map = open_map();

	return map == -ENOENT ? silently(load_and_pin) : map;
}

static int try_load(void)
{
	_cleanup_(skelp) struct vps_bpf *skel = NULL;

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
	return map == -ENOENT ? silently(try_load) : map;
}
