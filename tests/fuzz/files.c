// SPDX-License-Identifier: GPL-2.0-or-later
/* The files and extended attributes that a target reads; see fuzz.h. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/stat.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static struct {
	bool in_force;
	const uint8_t *data;
	size_t size;
	char *attr;
} now;

int __real_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
FILE *__real_fopen(const char *path, const char *mode);
int __real_statx(int dir, const char *path, int flags, unsigned int mask, struct statx *stx);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __real_fgetxattr(int fd, const char *name, void *value, size_t size);
int __real_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
int __real_setgroups(size_t count, const gid_t *groups);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_statx(int dir, const char *path, int flags, unsigned int mask, struct statx *stx);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size);
int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
int __wrap_setgroups(size_t count, const gid_t *groups);

int fuzz_fd(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	CHECK(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
	CHECK(!lseek(fd, 0, SEEK_SET));
	return fd;
}

void fuzz_file(const uint8_t *data, size_t size)
{
	now.in_force = true;
	now.data = data;
	now.size = size;
}

void fuzz_no_file(void)
{
	free(now.attr);
	now.attr = NULL;
	now.in_force = false;
}

int fuzz_one_of(void (*const readers[])(void), size_t count, const uint8_t *data, size_t size)
{
	if (!size || *data < 'a' || (size_t)(*data - 'a') >= count)
		return -1;
	fuzz_file(data + 1, size - 1);
	readers[*data - 'a']();
	fuzz_no_file();
	return 0;
}

const char *fuzz_attr(void)
{
	return now.attr;
}

/* A directory is a real one, so that what is below it can be asked for; what is written is. */
static bool is_faked(int flags)
{
	return now.in_force && (flags & O_ACCMODE) == O_RDONLY && !(flags & (O_DIRECTORY | O_PATH));
}

/* Names of directories are the fuzzer's, too. */
static int open_real(int dir, const char *path, int flags, va_list args)
{
	mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;

	if (now.in_force && flags & (O_DIRECTORY | O_PATH))
		return __real_open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return __real_openat(dir, path, flags, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int fd;

	if (is_faked(flags))
		return fuzz_fd(now.data, now.size);
	va_start(args, flags);
	fd = open_real(AT_FDCWD, path, flags, args);
	va_end(args);
	return fd;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list args;
	int fd;

	if (is_faked(flags))
		return fuzz_fd(now.data, now.size);
	va_start(args, flags);
	fd = open_real(dir, path, flags, args);
	va_end(args);
	return fd;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (!now.in_force || *mode != 'r')
		return __real_fopen(path, mode);
	return fdopen(fuzz_fd(now.data, now.size), "r");
}

/* Whatever directory is asked about is at /srv/vps of mount 1. */
int __wrap_statx(int dir, const char *path, int flags, unsigned int mask, struct statx *stx)
{
	if (!now.in_force)
		return __real_statx(dir, path, flags, mask, stx);
	memset(stx, 0, sizeof(*stx));
	stx->stx_mask = STATX_MNT_ID;
	stx->stx_mnt_id = 1;
	return 0;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	static const char place[] = "/srv/vps";

	if (!now.in_force)
		return __real_readlink(path, buf, size);
	memcpy(buf, place, strlen(place));
	return (ssize_t)strlen(place);
}

ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size)
{
	if (!now.in_force)
		return __real_fgetxattr(fd, name, value, size);
	if (now.size > size) {
		errno = ERANGE;
		return -1;
	}
	if (now.size)
		memcpy(value, now.data, now.size);
	return (ssize_t)now.size;
}

int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	if (!now.in_force)
		return __real_fsetxattr(fd, name, value, size, flags);
	free(now.attr);
	now.attr = fuzz_text(value, size);
	return 0;
}

/* Groups that a user of a VPS would get; nobody gets them here. */
int __wrap_setgroups(size_t count, const gid_t *groups)
{
	if (!now.in_force)
		return __real_setgroups(count, groups);
	for (size_t i = 0; i < count; i++)
		CHECK(groups[i] < 65536);
	errno = EPERM;
	return -1;
}
