// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "pins.h"
#include "util.h"

#define BPFFS "/sys/fs/bpf"
#define PIN_MAX 128

/* Some distributions mount bpffs so that anyone may make a directory in it. */
static int check_owner(void)
{
	struct stat st;

	if (lstat(VPS_PINS, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == 0 && !(st.st_mode & 022) ? 0 : -EPERM;
}

int vps_pins_open(const char *path)
{
	int rc = check_owner();
	int fd;

	if (rc)
		return rc;
	fd = bpf_obj_get(path);
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

int vps_pins_lock(void)
{
	int rc = mount_bpffs();

	if (rc)
		return rc;
	if (mkdir(VPS_PINS, 0700) < 0 && errno != EEXIST)
		return -errno;
	rc = check_owner();
	return rc ?: lock_dir(VPS_PINS);
}

int vps_pins_remove(int dir, const char *name)
{
	_cleanup_(closedirp) DIR *pins = NULL;
	struct dirent *entry;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	pins = fd < 0 ? NULL : fdopendir(fd);
	if (!pins)
		return -errno;
	while ((entry = readdir(pins)))
		if (entry->d_type == DT_REG && unlinkat(dirfd(pins), entry->d_name, 0) < 0)
			return -errno;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static bool is_shared(const struct bpf_map *map)
{
	return !strncmp(bpf_map__name(map), "traffic_", strlen("traffic_"));
}

static int pin_maps(struct bpf_object *object, const char *dir)
{
	struct bpf_map *map;
	char path[PIN_MAX];
	int rc = 0;

	if (mkdir(VPS_PINS_TRAFFIC, 0700) < 0 && errno != EEXIST)
		return -errno;
	bpf_object__for_each_map(map, object) {
		if (bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", is_shared(map) ? VPS_PINS_TRAFFIC : dir,
			 bpf_map__name(map));
		rc = rc ?: bpf_map__set_pin_path(map, path);
	}
	return rc;
}

int vps_pins_load(struct bpf_object_skeleton *skeleton, const char *dir)
{
	int rc = dir ? pin_maps(*skeleton->obj, dir) : 0;

	rc = rc ?: bpf_object__load_skeleton(skeleton);
	return !rc || rc == -EPERM || rc == -ENOSYS || rc == -ENOMEM ? rc : -ENOTSUP;
}

int vps_bpf_quietly(int (*step)(const void *), const void *argument)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int rc = step(argument);

	libbpf_set_print(print);
	return rc;
}
