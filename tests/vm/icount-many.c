// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What contexts take when there are many: "NAME BYTES" and "NAME NANOSECONDS" for one of them,
 * in a machine that counts. On a kernel without contexts it weighs their groups, that is all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "icount-groups.h"

#define EMPTY 1000

static int processes[10000];

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* Once the kernel has done what it puts off. */
static double free_bytes(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	struct sysinfo info;

	for (int i = 0; i < 3; i++) {
		if (fd < 0 || write(fd, "3", 1) != 1)
			groups_die("drop_caches", 0);
		sleep(2);
	}
	close(fd);
	sysinfo(&info);
	return (double)info.freeram * info.mem_unit;
}

static void tell(const char *what, int count, double amount)
{
	printf("%s-%d %.1f\n", what, count, amount / count);
}

/* No number is given twice: the account of a context may outlive it. */
static int new_numbers(int count)
{
	static int next = 3;

	next += count;
	return next - count;
}

static void make_empty(int first, enum kind kind)
{
	for (int i = 0; i < EMPTY; i++)
		groups_make(first + i, kind);
}

static void remove_empty(int first, enum kind kind)
{
	for (int i = 0; i < EMPTY; i++)
		groups_remove(first + i, kind);
}

/* What others have left half used is filled by the first ones: they do not count. */
static void weigh(const char *what, enum kind kind)
{
	int rehearsal = new_numbers(EMPTY);
	int first = new_numbers(EMPTY);
	double before;

	make_empty(rehearsal, kind);
	remove_empty(rehearsal, kind);
	before = free_bytes();
	make_empty(first, kind);
	tell(what, EMPTY, before - free_bytes());
	remove_empty(first, kind);
}

static void make(int first, int count)
{
	for (int i = 0; i < count; i++)
		groups_make(first + i, CONTEXT);
}

static void start(int first, int count)
{
	for (int i = 0; i < count; i++) {
		processes[i] = fork();
		if (processes[i] == 0)
			for (;;)
				pause();
		if (processes[i] < 0)
			groups_die("fork", i);
		groups_move(first + i, CONTEXT, processes[i]);
	}
}

/* As a tool does: all names, then what is in each. */
static void show(int first, int count)
{
	DIR *dir = opendir("/proc/vservers");
	int seen = 0;

	if (!dir)
		groups_die("/proc/vservers", 0);
	for (struct dirent *entry; (entry = readdir(dir));) {
		int id = atoi(entry->d_name);

		if (id < first || id >= first + count)
			continue;
		if (groups_processes(id) != 1)
			groups_die("processes of context", id);
		seen++;
	}
	closedir(dir);
	errno = 0;
	if (seen != count)
		groups_die("not all are listed, but", seen);
}

static void end(int first, int count)
{
	for (int i = 0; i < count; i++)
		if (kill(processes[i], SIGKILL) < 0 ||
		    waitpid(processes[i], NULL, 0) != processes[i])
			groups_die("ending process", processes[i]);
	for (int i = 0; i < count; i++)
		groups_remove(first + i, CONTEXT);
}

static void live(int count)
{
	static const struct {
		const char *what;
		void (*step)(int first, int count);
	} steps[] = { { "make", make }, { "start", start }, { "list", show }, { "end", end } };
	int first = new_numbers(count);
	double empty = free_bytes();

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		double begin = now_ns();

		steps[i].step(first, count);
		tell(steps[i].what, count, now_ns() - begin);
		if (steps[i].step == show)
			tell("memory", count, empty - free_bytes());
	}
	tell("left", count, empty - free_bytes());
}

int main(int argc, char **argv)
{
	struct stat status;

	(void)argv;
	if (argc > 1)
		return 0;
	/* Else each move waits for RCU, and nothing but that is timed. */
	groups_mount("favordynmods");
	weigh("groups", GROUPS);
	if (stat("/proc/vservers", &status) < 0)
		return 0;
	weigh("contexts", CONTEXT);
	live(5000);
	live(10000);
	return 0;
}
