// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "loop.h"
#include "util.h"

#define LOOP_MAJOR 7
/* Somebody else may have the free one first. */
#define TRIES_MAX 100

static bool is_of(int device, const struct stat *image)
{
	struct loop_info64 info;

	return !ioctl(device, LOOP_GET_STATUS64, &info) && info.lo_inode == image->st_ino &&
	       info.lo_device == image->st_dev;
}

/* Some kernels mount nothing from a device that somebody could write to. */
static int open_loop(const char *name, int mode, char path[VPS_LOOP_PATH_MAX])
{
	int fd;

	if (snprintf(path, VPS_LOOP_PATH_MAX, "/dev/%s", name) >= VPS_LOOP_PATH_MAX)
		return -ENAMETOOLONG;
	fd = open(path, mode | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Does it have a file? One without is not to be opened: to look keeps it from being removed. */
static bool is_used(int block, const char *name)
{
	char path[64];

	return snprintf(path, sizeof(path), "%s/loop", name) < (int)sizeof(path) &&
	       !faccessat(block, path, F_OK, 0);
}

int vps_loop_find(int image, char ret_path[VPS_LOOP_PATH_MAX])
{
	_cleanup_(closedirp) DIR *block = opendir("/sys/block");
	char path[VPS_LOOP_PATH_MAX];
	const struct dirent *entry;
	struct stat st;

	if (!block || fstat(image, &st) < 0)
		return -errno;
	while ((entry = readdir(block))) {
		_cleanup_(closep) int fd = -1;

		if (strncmp(entry->d_name, "loop", 4) || !is_used(dirfd(block), entry->d_name))
			continue;
		fd = open_loop(entry->d_name, O_RDONLY, path);
		if (fd < 0 || !is_of(fd, &st))
			continue;
		memcpy(ret_path, path, sizeof(path));
		return steal_fd(&fd);
	}
	return -ENOENT;
}

/* What is reserved is not given back, whoever trims the file system. */
static int keep_space(const char *device)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/%s/queue/discard_max_bytes",
		 strrchr(device, '/') + 1);
	return vps_write_at(AT_FDCWD, path, "0");
}

static int make_loop(int control, int file, char path[VPS_LOOP_PATH_MAX])
{
	struct loop_config config = {
		.fd = (uint32_t)file,
		/* Not twice in memory, where the file can do without. */
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
	};
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	_cleanup_(closep) int fd = -1;
	char name[16];

	if (number < 0)
		return -errno;
	snprintf(name, sizeof(name), "loop%d", number);
	fd = open_loop(name, O_RDWR, path);
	if (fd < 0)
		return fd;
	if (ioctl(fd, LOOP_CONFIGURE, &config) < 0) {
		config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
		if (errno != EINVAL || ioctl(fd, LOOP_CONFIGURE, &config) < 0)
			return -errno;
	}
	return open_loop(name, O_RDONLY, path);
}

/* Of its own: the device would keep a lock that is on the caller's. */
static int open_again(int image)
{
	char link[32];
	int fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", image);
	fd = open(link, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vps_loop_attach(int image, bool reserved, char ret_path[VPS_LOOP_PATH_MAX])
{
	_cleanup_(closep) int control = -1;
	_cleanup_(closep) int file = -1;
	_cleanup_(closep) int fd = vps_loop_find(image, ret_path);
	int rc;

	if (fd != -ENOENT)
		return steal_fd(&fd);
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return -errno;
	file = open_again(image);
	if (file < 0)
		return file;
	for (int i = 0; i < TRIES_MAX; i++) {
		fd = make_loop(control, file, ret_path);
		if (fd != -EBUSY && fd != -ENXIO)
			break;
	}
	if (fd < 0)
		return fd;
	rc = reserved ? keep_space(ret_path) : 0;
	return rc ?: steal_fd(&fd);
}

bool vps_loop_holds(int image, int fd)
{
	_cleanup_(closep) int device = -1;
	char path[64], link[256];
	struct stat st, image_st;
	ssize_t len;

	if (fstat(fd, &st) < 0 || major(st.st_dev) != LOOP_MAJOR || fstat(image, &image_st) < 0)
		return false;
	/* Where devices have partitions the minor is not the number. */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return false;
	link[len] = '\0';
	device = open_loop(strrchr(link, '/') + 1, O_RDONLY, path);
	return device >= 0 && is_of(device, &image_st);
}

int vps_loop_resized(int device)
{
	return ioctl(device, LOOP_SET_CAPACITY, 0) < 0 ? -errno : 0;
}
