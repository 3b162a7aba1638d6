// SPDX-License-Identifier: GPL-2.0-or-later
/* Attempts by mounts and control groups; see tries.h. */
#include <linux/mount.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "tries.h"

#ifndef NS_MNT_GET_PREV /* Linux 6.12 */
#define NS_MNT_GET_PREV _IOR(0xb7, 12, uint64_t[2])
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define NS_GET_PARENT _IO(0xb7, 2)
#define NS_GET_NSTYPE _IO(0xb7, 3)

/* What the host has mounted at @path with @flags; in the control, another such. */
static const char *host_mount(const char *path, unsigned long flags)
{
	if (!control)
		return path;
	if (mkdir("own", 0755) < 0 || mount("none", "own", "tmpfs", flags, NULL) < 0)
		return NULL;
	return "own";
}

/* ---- what the host has mounted so that it is read-only, or has no devices ------------------ */

static int set_flags(int dir, const char *path, int at, uint64_t clear)
{
	struct mount_attr attr = { .attr_clr = clear };

	return syscall(SYS_mount_setattr, dir, path, at, &attr, sizeof(attr)) < 0 ?
		refused("mount_setattr") : 0;
}

static int make_writable(const char *arg)
{
	const char *path = host_mount(arg, MS_RDONLY | MS_NODEV);

	return path ? set_flags(AT_FDCWD, path, 0, MOUNT_ATTR_RDONLY) : untried("mount");
}

static int have_devices(const char *arg)
{
	const char *path = host_mount(arg, MS_NODEV);

	return path ? set_flags(AT_FDCWD, path, 0, MOUNT_ATTR_NODEV) : untried("mount");
}

/* A copy that is mounted nowhere. */
static int have_devices_detached(const char *arg)
{
	const char *path = host_mount(arg, MS_NODEV);
	int copy = path ? open_tree(AT_FDCWD, path, OPEN_TREE_CLONE) : -1;

	if (!path)
		return untried("mount");
	return copy < 0 ? refused("open_tree") :
		set_flags(copy, "", AT_EMPTY_PATH, MOUNT_ATTR_NODEV);
}

/* All of it: what is locked must be in the copy, too. */
static int have_devices_recursive(const char *arg)
{
	const char *path = host_mount(arg, MS_NODEV);
	int copy = path ? open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | AT_RECURSIVE) : -1;

	if (!path)
		return untried("mount");
	return copy < 0 ? refused("open_tree") :
		set_flags(copy, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_NODEV);
}

/* The bare directory beneath it. */
static int uncover(const char *arg)
{
	const char *path = host_mount(arg, 0);

	if (!path)
		return untried("mount");
	return umount2(path, MNT_DETACH) < 0 ? refused("umount") : 0;
}

static int carry_away(const char *arg)
{
	const char *path = host_mount(arg, 0);

	if (!path || mkdir("there", 0755) < 0)
		return untried("mount");
	return move_mount(AT_FDCWD, path, AT_FDCWD, "there", 0) < 0 ? refused("move_mount") : 0;
}

/* The file system itself, which is the host's: not this mount of it alone. */
static int reconfigure(const char *arg)
{
	const char *path = host_mount(arg, MS_NODEV);
	int fs = path ? fspick(AT_FDCWD, path, 0) : -1;

	if (!path)
		return untried("mount");
	if (fs < 0)
		return refused("fspick");
	return fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0 ? refused("fsconfig") : 0;
}

static int remount(const char *arg)
{
	const char *path = host_mount(arg, MS_NODEV | MS_NOSUID | MS_NOEXEC);

	if (!path)
		return untried("mount");
	return mount(NULL, path, NULL, MS_REMOUNT | MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) < 0 ?
		refused("mount") : 0;
}

/* ---- file systems of the host's ------------------------------------ */

static int new_filesystem(const char *arg)
{
	int fs = fsopen(arg, 0), mnt;

	if (fs < 0)
		return refused("fsopen");
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return refused("fsconfig");
	mnt = fsmount(fs, 0, 0);
	if (mnt < 0)
		return refused("fsmount");
	return move_mount(mnt, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0 ?
		refused("move_mount") : 0;
}

/* The host has put a device into the tree (./nodes): is it one through an overlay? */
static int overlay_device(const char *arg)
{
	const char *nodes = control ? "lowerdir=../nodes:." : "lowerdir=/nodes:.";
	int fd;

	(void)arg;
	if (mkdir("seen", 0755) < 0)
		return untried("mkdir");
	if (mount("none", "seen", "overlay", 0, nodes) < 0)
		return refused("mount");
	fd = open("seen/zero", O_RDONLY);
	return fd < 0 ? refused("open") : 0;
}

/* Other owners for the same files: whoever may choose them is root of all. */
static int map_ids(const char *arg)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	const char *path = host_mount(arg, 0);
	char ns[32];
	int ready[2];
	pid_t pid;

	if (!path || pipe(ready) < 0)
		return untried("mount");
	pid = fork();
	if (pid == 0) {
		int rc = become_nested(0);

		_exit(write(ready[1], &rc, sizeof(rc)) < 0 || pause());
	}
	if (pid < 0 || read(ready[0], &(int){ 0 }, sizeof(int)) < 0)
		return untried("fork");
	snprintf(ns, sizeof(ns), "/proc/%d/ns/user", pid);
	attr.userns_fd = (uint64_t)open(ns, O_RDONLY);
	kill(pid, SIGKILL);
	ready[0] = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | AT_RECURSIVE);
	if (ready[0] < 0)
		return refused("open_tree");
	return syscall(SYS_mount_setattr, ready[0], "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ?
		refused("mount_setattr") : 0;
}

/* CVE-2015-2925: a directory that leaves what is mounted while somebody is in it. */
static int rename_out(const char *arg)
{
	int back = open(".", O_RDONLY | O_DIRECTORY);

	(void)arg;
	if (mkdir("a", 0755) < 0 || mkdir("a/b", 0755) < 0 || mkdir("a/b/c", 0755) < 0 ||
	    mkdir("m", 0755) < 0 || mkdir("a/secret", 0755) < 0)
		return untried("mkdir");
	if (mount("a/b", "m", NULL, MS_BIND, NULL) < 0)
		return refused("mount");
	if (chdir("m/c") < 0 || renameat(back, "a/b/c", back, "a/c") < 0)
		return refused("rename");
	return chdir("../secret") < 0 ? closed("chdir") : 0;
}

/* ---- namespaces above ---------------------------------------------- */

/* On the host there is none above. */
static int parent(const char *arg)
{
	int fd = open(arg, O_RDONLY);

	if (fd < 0)
		return refused("open");
	if (ioctl(fd, NS_GET_NSTYPE) < 0)
		return untried("ioctl");
	return ioctl(fd, NS_GET_PARENT) < 0 ? (control ? closed : refused)("ioctl") : 0;
}

/* From one's own to that of the host, by their numbers. */
static int mounts_of_others(const char *arg)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY);
	uint64_t info[2] = { sizeof(info), 0 };

	(void)arg;
	if (fd < 0)
		return refused("open");
	return ioctl(fd, NS_MNT_GET_PREV, info) < 0 ? refused("ioctl") : 0;
}

/* ---- control groups ------------------------------------------------ */

/* CVE-2022-0492: the kernel runs it as root of the host when the group is empty. */
static int release_agent(const char *arg)
{
	char text[256] = "/vps-evil";
	int fd, rc;

	if (mkdir("g", 0755) < 0)
		return untried("mkdir");
	if (mount("none", "g", "cgroup", 0, arg) < 0)
		return refused("mount");
	/* The control leaves it as it is: mostly there is none. */
	if (control) {
		fd = open("g/release_agent", O_RDONLY);
		if (fd < 0 || read(fd, memset(text, 0, sizeof(text)), sizeof(text) - 1) < 0)
			return untried("read");
	}
	rc = write_text("g/release_agent", *text ? text : "\n") < 0 ? refused("write") : 0;
	umount2("g", MNT_DETACH);
	return rc;
}

/* What the host's tools keep there about a context. */
static int mark_group(const char *arg)
{
	const char *path = "/sys/fs/cgroup";

	if (control) {
		if (mkdir("g", 0755) < 0 || mount("none", "g", "cgroup2", 0, NULL) < 0)
			return untried("mount");
		path = "g";
	}
	if (setxattr(path, arg, "1", 1, 0) < 0)
		return refused("setxattr");
	return control ? removexattr(path, arg) : 0;
}

static const struct attempt attempts[] = {
	{ "sys-writable", make_writable, "/sys", 0 },
	{ "root-devices", have_devices, "/", 0 },
	{ "copy-devices", have_devices_detached, "/", 0 },
	{ "copies-devices", have_devices_recursive, "/", 0 },
	{ "sys-uncover", uncover, "/sys", 0 },
	{ "dev-uncover", uncover, "/dev", 0 },
	{ "sys-carry", carry_away, "/sys", 0 },
	{ "dev-reconfigure", reconfigure, "/dev", 0 },
	{ "dev-remount", remount, "/dev", 0 },
	{ "root-reconfigure", reconfigure, "/", 0 },
	{ "root-remount", remount, "/", 0 },
	{ "new-devtmpfs", new_filesystem, "devtmpfs", 0 },
	{ "new-debugfs", new_filesystem, "debugfs", 0 },
	{ "new-tracefs", new_filesystem, "tracefs", 0 },
	{ "new-securityfs", new_filesystem, "securityfs", 0 },
	{ "new-hugetlbfs", new_filesystem, "hugetlbfs", 0 },
	{ "new-pstore", new_filesystem, "pstore", 0 },
	{ "overlay-device", overlay_device, NULL, 0 },
	{ "id-mapped", map_ids, "/", 0 },
	{ "rename-out", rename_out, NULL, 0 },
	{ "pid-parent", parent, "/proc/self/ns/pid", 0 },
	{ "user-parent", parent, "/proc/self/ns/user", 0 },
	{ "mount-namespaces", mounts_of_others, NULL, 0 },
	{ "release-agent", release_agent, "none,name=vpsevil", 0 },
	{ "release-agent-memory", release_agent, "memory", 0 },
	{ "group-attribute", mark_group, "trusted.vps.evil", 0 },
};

int main(int argc, char **argv)
{
	return tries_main(argc, argv, attempts, sizeof(attempts) / sizeof(*attempts));
}
