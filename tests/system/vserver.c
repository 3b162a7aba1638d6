// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vserver own: prints the number of the caller's context.
 * vserver stop N 0|1: sets the flag stop of context N.
 * vserver device N NAME PORT: makes a pair of devices, NAME in the network of context N and PORT
 * here; prints its number there.
 * vserver devices N: prints number and name of each of the devices there.
 * vserver rate N NUMBER BITS: no more than BITS a second each way; prints what it is then.
 * vserver destroy N NUMBER: removes a device.
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

static long vnet(uint32_t access, uint32_t command, const char *id, void *data)
{
	long value = vserver(VC_CMD(VC_CAT_VNET, access, command), (uint32_t)atoi(id), data);

	if (value < 0)
		err(1, "vserver");
	return value;
}

static int device(const char *id, const char *name, const char *port)
{
	struct vps_device data = { .size = sizeof(data) };

	snprintf(data.name, sizeof(data.name), "%s", name);
	snprintf(data.port, sizeof(data.port), "%s", port);
	printf("%ld\n", vnet(VC_SET, VC_VNET_DEVICE, id, &data));
	return 0;
}

static int devices(const char *id)
{
	struct vps_device items[16];
	struct vps_devices data = {
		.size = sizeof(data), .count = 16, .each = sizeof(items[0]),
		.list = (uintptr_t)items,
	};

	vnet(VC_GET, VC_VNET_ATTACH, id, &data);
	for (uint32_t i = 0; i < data.count && i < 16; i++)
		printf("%u %s\n", items[i].ifindex, items[i].name);
	return 0;
}

static int rate(const char *id, const char *number, const char *bits)
{
	struct vps_qos data = { .size = sizeof(data), .ifindex = (uint32_t)atoi(number) }, told;

	data.max = strtoull(bits, NULL, 10);
	vnet(VC_SET, VC_VNET_QOS, id, &data);
	told = (struct vps_qos){ .size = sizeof(told), .ifindex = data.ifindex };
	vnet(VC_GET, VC_VNET_QOS, id, &told);
	printf("%llu\n", (unsigned long long)told.max);
	return 0;
}

static int destroy(const char *id, const char *number)
{
	struct vps_device data = { .size = sizeof(data), .ifindex = (uint32_t)atoi(number) };

	vnet(VC_SET, VC_VNET_DESTROY, id, &data);
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
	if (argc == 5 && !strcmp(argv[1], "device"))
		return device(argv[2], argv[3], argv[4]);
	if (argc == 3 && !strcmp(argv[1], "devices"))
		return devices(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "rate"))
		return rate(argv[2], argv[3], argv[4]);
	if (argc == 4 && !strcmp(argv[1], "destroy"))
		return destroy(argv[2], argv[3]);
	if (argc > 3 && !strcmp(argv[1], "into"))
		return into(argv[2], argv + 3);
	errx(2, "wrong use");
}
