// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/vps.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "icount-groups.h"

#define ROOT "/groups"

void groups_die(const char *what, int id)
{
	printf("%s %d: %s\n", what, id, strerror(errno));
	exit(1);
}

static const char *path_of(int id, const char *below)
{
	static char path[64];

	snprintf(path, sizeof(path), ROOT "/freevps/%d%s", id, below);
	return path;
}

static int open_dir(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static long vserver(__u32 category, __u32 subcat, __u32 command, __u32 id, void *data)
{
	return syscall(SYS_vserver, VC_CMD(category, subcat, command), id, data);
}

void groups_mount(const char *options)
{
	mkdir(ROOT, 0755);
	if (mount("none", ROOT, "cgroup2", 0, options) < 0)
		groups_die("mount of groups", 0);
	if (mkdir(ROOT "/freevps", 0755) < 0 && errno != EEXIST)
		groups_die("freevps", 0);
}

static void make_context(int id)
{
	struct vps_create create = { .size = sizeof(create), .caps = ~0ULL };

	create.cgroup_fd = open_dir(path_of(id, ""));
	if (create.cgroup_fd < 0 || vserver(VC_CAT_CPU, VC_SET, VC_CPU_CONTEXT, id, &create) < 0)
		groups_die("creating context", id);
	close(create.cgroup_fd);
}

/* A context is made of a group that has had none below it. */
void groups_make(int id, enum kind kind)
{
	if (mkdir(path_of(id, ""), 0755) < 0)
		groups_die("group", id);
	if (kind == CONTEXT)
		make_context(id);
	if (mkdir(path_of(id, "/payload"), 0755) < 0 || mkdir(path_of(id, "/enter"), 0755) < 0)
		groups_die("groups below", id);
}

void groups_remove(int id, enum kind kind)
{
	if (kind == CONTEXT && vserver(VC_CAT_CPU, VC_SET, VC_CPU_DESTROY, id, NULL) < 0)
		groups_die("destroying context", id);
	if (rmdir(path_of(id, "/payload")) < 0 || rmdir(path_of(id, "/enter")) < 0 ||
	    rmdir(path_of(id, "")) < 0)
		groups_die("removing groups", id);
}

static void write_pid(const char *path, int id, int pid)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || dprintf(fd, "%d", pid) < 0)
		groups_die("moving to groups", id);
	close(fd);
}

void groups_move(int id, enum kind kind, int pid)
{
	struct vps_migrate migrate = { .size = sizeof(migrate), .pid = pid };

	if (kind == GROUPS) {
		write_pid(path_of(id, "/payload/cgroup.procs"), id, pid);
		return;
	}
	migrate.cgroup_fd = open_dir(path_of(id, "/payload"));
	if (migrate.cgroup_fd < 0 ||
	    vserver(VC_CAT_PROCESS, VC_SET, VC_PROCESS_MIGRATE, id, &migrate) < 0)
		groups_die("moving to context", id);
	close(migrate.cgroup_fd);
}

unsigned long groups_processes(int id)
{
	struct vps_processes count = { .size = sizeof(count) };

	if (vserver(VC_CAT_PROCESS, VC_GET, VC_PROCESS_ALL, id, &count) < 0)
		groups_die("asking context", id);
	return count.processes;
}
