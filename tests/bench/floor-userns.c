// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * floor-userns ROOT BASE GROUPS CMD...: what "chcontext --root" must pay at the least. Makes
 * a group in each directory of GROUPS (colon separated, the cgroup2 one first, there with
 * payload/ and enter/ below), maps 65536 user ids from BASE, runs CMD in the groups, in
 * its own mount, pid, uts, ipc, cgroup and user namespaces on an id-mapped root, and
 * removes the groups. Nothing is checked, mounted besides, filtered or dropped.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_GROUPS 8

struct floor {
	uid_t base;
	char *made[MAX_GROUPS + 2];	/* parents first */
	int made_count;
	int procs[MAX_GROUPS];
	int procs_count;
	int mnt;
	int go[2];
};

static void must(int ok, const char *what)
{
	if (!ok)
		err(125, "%s", what);
}

static void make(struct floor *f, const char *dir, const char *name)
{
	char *path;

	must(asprintf(&path, "%s/%s", dir, name) > 0 && !mkdir(path, 0755), dir);
	f->made[f->made_count++] = path;
}

static void open_procs(struct floor *f, const char *dir)
{
	int group = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	must(fd >= 0, dir);
	close(group);
	f->procs[f->procs_count++] = fd;
}

static void make_groups(struct floor *f, char *list)
{
	char name[32], *payload;

	snprintf(name, sizeof(name), "floor-%d", (int)getpid());
	for (char *dir = strtok(list, ":"); dir; dir = strtok(NULL, ":")) {
		must(f->procs_count < MAX_GROUPS, "too many groups");
		make(f, dir, name);
		if (f->procs_count) {
			open_procs(f, f->made[f->made_count - 1]);
			continue;
		}
		make(f, f->made[0], "enter");
		make(f, f->made[0], "payload");
		payload = f->made[f->made_count - 1];
		must(!chown(payload, f->base, f->base), payload);
		open_procs(f, payload);
	}
}

static void write_map(pid_t pid, const char *file, uid_t base)
{
	char path[64], map[64];
	int fd, len;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	len = snprintf(map, sizeof(map), "0 %u 65536\n", base);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, map, (size_t)len) == len, path);
	close(fd);
}

static void map_ids(const struct floor *f, pid_t pid)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	char path[64];
	int fd;

	write_map(pid, "uid_map", f->base);
	write_map(pid, "gid_map", f->base);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, path);
	attr.userns_fd = (uint64_t)fd;
	must(!mount_setattr(f->mnt, "", AT_EMPTY_PATH, &attr, sizeof(attr)), "mount_setattr");
	close(fd);
}

static _Noreturn void run(const struct floor *f, char **argv)
{
	char byte;

	for (int i = 0; i < f->procs_count; i++)
		must(write(f->procs[i], "0", 1) == 1, "cgroup.procs");
	must(read(f->go[0], &byte, 1) == 1, "read");
	must(!setresgid(0, 0, 0) && !setresuid(0, 0, 0), "setresuid");
	must(!unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP), "unshare");
	must(!move_mount(f->mnt, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH), "move_mount");
	must(!fchdir(f->mnt) && !syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(!umount2(".", MNT_DETACH) && !chdir("/"), "umount");
	execv(argv[0], argv);
	err(127, "%s", argv[0]);
}

int main(int argc, char **argv)
{
	static struct floor f;
	int status;
	pid_t pid;

	if (argc < 5)
		return 125;
	must(sscanf(argv[2], "%u", &f.base) == 1, argv[2]);
	make_groups(&f, argv[3]);
	must(!chdir(argv[1]), argv[1]);
	f.mnt = open_tree(AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	must(f.mnt >= 0, "open_tree");
	must(!pipe2(f.go, O_CLOEXEC), "pipe");
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL,
			     NULL);
	must(pid >= 0, "clone");
	if (pid == 0)
		run(&f, argv + 4);
	map_ids(&f, pid);
	must(write(f.go[1], "", 1) == 1, "write");
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	while (f.made_count--)
		must(!rmdir(f.made[f.made_count]), f.made[f.made_count]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
