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
#define TRIES_MAX 1000
/* Devices that take no discards never do again: these are above those that the host uses. */
#define OWN_MIN 65536
#define OWN_COUNT 65536

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

/* Takes discards from it, until the device itself is removed. */
static int keep_space(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/%s/queue/discard_max_bytes", name);
	return vps_write_at(AT_FDCWD, path, "0");
}

static int configure(int fd, int file)
{
	struct loop_config config = {
		.fd = (uint32_t)file,
		/* Not twice in memory, where the file can do without. */
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
	};

	if (!ioctl(fd, LOOP_CONFIGURE, &config))
		return 0;
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	return errno != EINVAL || ioctl(fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
}

static int make_loop(int number, int file, bool reserved, char path[VPS_LOOP_PATH_MAX])
{
	_cleanup_(closep) int fd = -1;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "loop%d", number);
	fd = open_loop(name, O_RDWR, path);
	if (fd < 0)
		return fd;
	rc = configure(fd, file);
	if (!rc && reserved)
		rc = keep_space(name);
	return rc ?: open_loop(name, O_RDONLY, path);
}

/* The number of a device without a file; the @try-th that is tried. */
static int find_free(int control, const struct stat *image, bool reserved, int try)
{
	int number;

	if (!reserved)
		return ioctl(control, LOOP_CTL_GET_FREE);
	number = OWN_MIN + (int)((image->st_ino + (ino_t)try) % OWN_COUNT);
	/* What nobody has used since is there still. */
	return ioctl(control, LOOP_CTL_ADD, number) < 0 && errno != EEXIST ? -1 : number;
}

/* One that was killed has left a device without a file. */
static void remove_unused(int control)
{
	_cleanup_(closedirp) DIR *block = opendir("/sys/block");
	const struct dirent *entry;
	uint64_t number;

	while (block && (entry = readdir(block)))
		if (!strncmp(entry->d_name, "loop", 4) &&
		    !vps_parse_u64(entry->d_name + 4, &number) && number >= OWN_MIN &&
		    !is_used(dirfd(block), entry->d_name))
			(void)ioctl(control, LOOP_CTL_REMOVE, (long)number);
}

void vps_loop_forget_unused(void)
{
	_cleanup_(closep) int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (control >= 0)
		remove_unused(control);
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
	int fd = vps_loop_find(image, ret_path);
	struct stat st;

	if (fd != -ENOENT)
		return fd;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0 || fstat(image, &st) < 0)
		return -errno;
	file = open_again(image);
	if (file < 0)
		return file;
	for (int try = 0; try < TRIES_MAX; try++) {
		int number = find_free(control, &st, reserved, try);

		fd = number < 0 ? -errno : make_loop(number, file, reserved, ret_path);
		if (fd != -EBUSY && fd != -ENXIO && fd != -ENOENT)
			break;
	}
	return fd;
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
