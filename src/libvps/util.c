// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "util.h"

int vps_fault(struct vps_fault *fault, int err, const char *step, const char *object)
{
	if (fault) {
		fault->step = step;
		fault->refused = false;
		snprintf(fault->object, sizeof(fault->object), "%s", object ? object : "");
	}
	return err;
}

int vps_refuse(struct vps_fault *fault, int err, const char *step, const char *object)
{
	vps_fault(fault, err, step, object);
	if (fault)
		fault->refused = true;
	return err;
}

ssize_t vps_read_at(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_(closep) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t n = read(fd, buf + done, size - done);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0) {
			buf[done] = '\0';
			return (ssize_t)done;
		}
		done += (size_t)n;
	}
	return -E2BIG;
}

int vps_read_number(int dirfd, const char *path, uint64_t *ret_value)
{
	char text[64];
	ssize_t n = vps_read_at(dirfd, path, text, sizeof(text));

	return n < 0 ? (int)n : vps_parse_line(text, ret_value);
}

int vps_parse_line(const char *text, uint64_t *ret_value)
{
	char word[24];
	size_t len = strcspn(text, "\n");

	if (len >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, len);
	word[len] = '\0';
	return vps_parse_u64(word, ret_value);
}

const char *vps_find_line(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (!strncmp(text, word, len) && text[len] == ' ')
			return text + len + 1;
	return NULL;
}

int vps_write_at(int dirfd, const char *path, const char *text)
{
	_cleanup_(closep) int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int vps_proc_stat(pid_t pid, struct vps_proc_stat *ret_stat)
{
	struct vps_proc_stat stat = { 0 };
	char path[32], text[1024];
	const char *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	n = vps_read_at(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	/* The command's name may hold anything, ')' included: the last one ends it. */
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
			 " %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %" SCNu64 " %*d"
			 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			 &stat.state, &stat.utime, &stat.stime, &stat.threads, &stat.start,
			 &stat.vsz, &stat.rss) != 7)
		return -ESRCH;
	stat.rss *= (uint64_t)sysconf(_SC_PAGESIZE);
	*ret_stat = stat;
	return 0;
}
