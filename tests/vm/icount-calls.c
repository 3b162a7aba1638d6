// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the calls cost that a context's walls and counters sit in: "NAME NANOSECONDS" for
 * one of each. For tests/vm/icount, where a nanosecond is an instruction.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int pair[2];

static void call_getppid(void)
{
	getppid();
}

static void call_open(void)
{
	int fd = open("/program", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || close(fd) < 0)
		abort();
}

static void call_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		abort();
}

static void call_socketpair(void)
{
	char byte = 0;

	if (write(pair[0], &byte, 1) != 1 || read(pair[1], &byte, 1) != 1)
		abort();
}

static void call_mmap(void)
{
	void *map = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || munmap(map, 1 << 20) < 0)
		abort();
}

static const struct {
	const char *name;
	void (*call)(void);
	int rounds;
} calls[] = {
	{ "getppid", call_getppid, 20000 },
	{ "open+close", call_open, 5000 },
	{ "mmap+munmap", call_mmap, 5000 },
	{ "socketpair", call_socketpair, 5000 },
	{ "fork+exit+wait", call_fork, 300 },
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		double begin = now_ns();

		for (int n = 0; n < calls[i].rounds; n++)
			calls[i].call();
		printf("%s %.1f\n", calls[i].name, (now_ns() - begin) / calls[i].rounds);
	}
	return 0;
}
