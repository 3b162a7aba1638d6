// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * timer [-m] CMD...: runs CMD with no input and no output and prints how many microseconds it
 * took from before posix_spawn to after waitid, or with -m how many KiB of memory it had at the
 * most. Exits with CMD's status when that is not 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	bool memory = argc > 1 && !strcmp(argv[1], "-m");
	struct rusage usage;
	siginfo_t info;
	long start, end;
	pid_t pid;
	int err;

	argv += memory;
	if (argc - memory < 2)
		return 125;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	start = now_ns();
	err = posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ);
	if (err) {
		fprintf(stderr, "timer: %s: %s\n", argv[1], strerror(err));
		return err == ENOENT ? 127 : 126;
	}
	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
		if (errno != EINTR)
			return 125;
	end = now_ns();
	if (info.si_code != CLD_EXITED || info.si_status) {
		fprintf(stderr, "timer: %s: %s %d\n", argv[1],
			info.si_code == CLD_EXITED ? "exit status" : "signal", info.si_status);
		return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	}
	getrusage(RUSAGE_CHILDREN, &usage);
	printf("%ld\n", memory ? usage.ru_maxrss : (end - start) / 1000);
	return 0;
}
