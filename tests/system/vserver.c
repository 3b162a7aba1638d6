// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vserver own: prints the number of the caller's context.
 * vserver stop N 0|1: sets the flag stop of context N.
 * vserver into GROUP CMD...: runs CMD in the group, which is a directory, from birth on; status
 * 1 when it cannot be born there.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/vps.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __NR_vserver
#define __NR_vserver 244
#endif

static long vserver(uint32_t command, uint32_t id, void *data)
{
	return syscall(__NR_vserver, command, id, data);
}

static int own(void)
{
	long id = vserver(VC_CMD(VC_CAT_PROCESS, VC_GET, VC_PROCESS_MIGRATE), 0, NULL);

	if (id < 0)
		err(1, "vserver");
	printf("%ld\n", id);
	return 0;
}

static int stop(const char *id, const char *on)
{
	struct vps_switch data = { .size = sizeof(data), .on = (uint32_t)atoi(on) };

	if (vserver(VC_CMD(VC_CAT_PROCESS, VC_SET, VC_PROCESS_STOP), (uint32_t)atoi(id), &data) < 0)
		err(1, "vserver");
	return 0;
}

static int into(const char *group, char **argv)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
		.cgroup = (uint64_t)open(group, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	int status;

	if (pid < 0)
		err(1, "clone3");
	if (pid == 0) {
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	if (waitpid(pid, &status, 0) < 0)
		err(1, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "own"))
		return own();
	if (argc == 4 && !strcmp(argv[1], "stop"))
		return stop(argv[2], argv[3]);
	if (argc > 3 && !strcmp(argv[1], "into"))
		return into(argv[2], argv + 3);
	errx(2, "wrong use");
}
