/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small things that every file of the library shares. */
#ifndef VPS_UTIL_H
#define VPS_UTIL_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "vps.h"

#define _cleanup_(f) __attribute__((cleanup(f)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Takes the descriptor out of a variable that would close it. */
static inline int steal_fd(int *fd)
{
	int out = *fd;

	*fd = -1;
	return out;
}

/* Notes what failed and returns @err, so that a caller can "return vps_fault(...)". */
int vps_fault(struct vps_fault *fault, int err, const char *step, const char *object);

/* The same where it is the library that says no, for the reason that @step is. */
int vps_refuse(struct vps_fault *fault, int err, const char *step, const char *object);

/* Reads a whole small file below @dirfd as a string; returns its length. -E2BIG. */
ssize_t vps_read_at(int dirfd, const char *path, char *buf, size_t size);

/* The number in a file of one line. */
int vps_read_number(int dirfd, const char *path, uint64_t *ret_value);

/* The number that the first line of @text is. */
int vps_parse_line(const char *text, uint64_t *ret_value);

/* What follows @word and a blank at the start of a line of @text; NULL when no line has it. */
const char *vps_find_line(const char *text, const char *word);

/* Writes @text with one write(2), as /proc and cgroup files want it. */
int vps_write_at(int dirfd, const char *path, const char *text);

/**
 * struct vps_proc_stat - fields of /proc/PID/stat
 * @state: 'R', 'Z' ...
 * @start: start time, clock ticks since boot; with the pid it names a process for ever
 */
struct vps_proc_stat {
	char state;
	uint64_t threads;
	uint64_t start;
	uint64_t vsz;
	uint64_t rss;
	uint64_t utime;
	uint64_t stime;
};

/* -ESRCH no such process. */
int vps_proc_stat(pid_t pid, struct vps_proc_stat *ret_stat);

#endif /* VPS_UTIL_H */
