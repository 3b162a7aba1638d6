// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "root.h"
#include "sys.h"
#include "util.h"
#include "walls.h"

/* The machine has a few thousand for all. */
#define MAX_PTYS "256"

#define CONSOLE_LOG "/var/log/console.log"

/* ---- the host's half ------------------------------------------------------- */

/* Copies the tree as a detached mount; on it nothing is a device, and ids are the VPS's. */
static int clone_tree(const struct vps_root *root, int tree, const char *path,
		      struct vps_fault *fault)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};
	struct mount_attr suid = { .attr_clr = MOUNT_ATTR_NOSUID };
	_cleanup_(closep) int mnt = open_tree(tree, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					      AT_EMPTY_PATH | AT_RECURSIVE);

	if (mnt < 0)
		return vps_fault(fault, -errno, "copy the mount", path);
	if (root->userns >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (uint64_t)root->userns;
	}
	if (root->image && mount_setattr(mnt, "", AT_EMPTY_PATH, &suid, sizeof(suid)) < 0)
		return vps_fault(fault, -errno, "set mount flags", path);
	if (mount_setattr(mnt, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return vps_fault(fault, -errno, root->userns < 0 ? "set mount flags" :
				 "id-map the mount (a file system that cannot needs USERNS=no)",
				 path);
	if (move_mount(mnt, "", tree, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return vps_fault(fault, -errno, "mount the tree", path);
	return steal_fd(&mnt);
}

/* A directory of the tree to mount on: a real one, never a link to somewhere. */
static int mountpoint(int tree, int mnt, const char *name, struct vps_fault *fault)
{
	int fd;

	/* Made through the plain tree: the host's root has no number on the id-mapped one. */
	if (mkdirat(tree, name, 0755) < 0 && errno != EEXIST)
		return vps_fault(fault, -errno, "make the directory in the tree", name);
	fd = vps_sys_openat2(mnt, name, O_PATH | O_DIRECTORY, 0, VPS_RESOLVE_STRICT);
	return fd < 0 ? vps_fault(fault, fd, "is no plain directory in the tree", name) : fd;
}

static const struct {
	const char *name;
	unsigned int major, minor;
} devices[] = {
	{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *name, *target;
} dev_links[] = {
	{ "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

static int fill_dev(int dev, uid_t base)
{
	static const char *const dirs[] = { "pts", "shm", "mqueue" };

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (mknodat(dev, devices[i].name, S_IFCHR | 0666,
			    makedev(devices[i].major, devices[i].minor)) < 0 ||
		    fchownat(dev, devices[i].name, base, base, 0) < 0)
			return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(dev_links); i++)
		if (symlinkat(dev_links[i].target, dev, dev_links[i].name) < 0)
			return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(dev, dirs[i], 0755) < 0 ||
		    fchownat(dev, dirs[i], base, base, 0) < 0)
			return -errno;
	/* A place to mount the console's log on. */
	if (mknodat(dev, "console", S_IFREG | 0600, 0) < 0 ||
	    fchownat(dev, "console", base, base, 0) < 0)
		return -errno;
	return 0;
}

/* A tmpfs of the host's: device nodes work on it, and inside none can be made. */
static int make_dev(uid_t base)
{
	_cleanup_(closep) int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	_cleanup_(closep) int mnt = -1;
	char uid[16];
	mode_t mask;
	int rc;

	snprintf(uid, sizeof(uid), "%u", base);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "uid", uid, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "gid", uid, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "size", "1m", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "1k", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (mnt < 0)
		return -errno;
	mask = umask(0);
	rc = fill_dev(mnt, base);
	umask(mask);
	return rc ?: steal_fd(&mnt);
}

/* The host's sysfs itself, nothing that is mounted below it, and read-only. */
static int clone_sys(void)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC,
		.propagation = MS_PRIVATE,
	};
	_cleanup_(closep) int mnt = open_tree(AT_FDCWD, "/sys",
					      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (mnt < 0 || mount_setattr(mnt, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return steal_fd(&mnt);
}

static int put_mount(int mnt, int tree, int root, const char *name, struct vps_fault *fault)
{
	_cleanup_(closep) int from = mnt;
	_cleanup_(closep) int on = -1;

	if (from < 0)
		return vps_fault(fault, from, "prepare the mount", name);
	on = mountpoint(tree, root, name, fault);
	if (on < 0)
		return on;
	if (move_mount(from, "", on, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return vps_fault(fault, -errno, "mount", name);
	return 0;
}

int vps_root_build(struct vps_root *root, const struct vps_spawn *spawn, struct vps_fault *fault)
{
	const char *path = spawn->root ?: spawn->tree;
	_cleanup_(closep) int tree = -1, proc = -1, sys = -1;
	int rc;

	/* Nothing goes out; what the host unmounts is not held busy in here. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return vps_fault(fault, -errno, "set apart the mounts", "/");
	tree = vps_tree_open(path, fault);
	if (tree < 0)
		return tree;
	root->fd = clone_tree(root, tree, path, fault);
	if (root->fd < 0)
		return root->fd;
	if (!spawn->root)
		return 0;
	rc = put_mount(make_dev(root->base), tree, root->fd, "dev", fault);
	if (rc)
		return rc;
	proc = mountpoint(tree, root->fd, "proc", fault);
	if (proc < 0)
		return proc;
	if (spawn->net == VPS_NET_SHARED)
		return put_mount(clone_sys(), tree, root->fd, "sys", fault);
	sys = mountpoint(tree, root->fd, "sys", fault);
	return sys < 0 ? sys : 0;
}

/* ---- the VPS's half ---------------------------------------------------------- */

/*
 * Mounts that came from the host's namespace are locked; a copy of the root on itself is
 * not, and so may be pivoted to. The old root then lies on top of it until it is detached.
 */
static int pivot(struct vps_fault *fault)
{
	_cleanup_(closep) int copy = open_tree(AT_FDCWD, ".", OPEN_TREE_CLONE |
					       OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (copy < 0 || move_mount(copy, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    fchdir(copy) < 0)
		return vps_fault(fault, -errno, "mount the root on itself", "");
	if (vps_sys_pivot_root(".", ".") < 0)
		return vps_fault(fault, -errno, "pivot to the root", "");
	return 0;
}

static const struct {
	const char *path;
	bool dir;
	bool read_only;		/* show it, but let nothing be written */
	bool plain_only;	/* a user namespace has the kernel refuse it anyway */
} proc_masks[] = {
	{ "/proc/kcore", false, false, true },
	{ "/proc/kmsg", false, false, true },
	{ "/proc/keys", false, false, false },
	{ "/proc/timer_list", false, false, true },
	{ "/proc/kallsyms", false, false, false },
	{ "/proc/latency_stats", false, false, true },
	{ "/proc/kpagecgroup", false, false, true },
	{ "/proc/kpagecount", false, false, true },
	{ "/proc/kpageflags", false, false, true },
	{ "/proc/pagetypeinfo", false, false, true },
	{ "/proc/slabinfo", false, false, true },
	{ "/proc/vmallocinfo", false, false, true },
	{ "/proc/sysrq-trigger", false, true, true },
	{ "/proc/acpi", true, false, false },
	{ "/proc/scsi", true, false, false },
	{ "/proc/asound", true, false, true },
	{ "/proc/bus", true, true, true },
	{ "/proc/fs", true, true, true },
	{ "/proc/irq", true, true, true },
	{ "/proc/sys", true, true, true },
	{ "/sys/firmware", true, false, false },
	{ "/sys/kernel/mm", true, false, true },
};

/* @dirs: the mask of directories that was mounted last, or NULL: the next ones are copies. */
static int mask(const char *path, bool dir, bool read_only, const char **dirs)
{
	int rc;

	if (read_only)
		rc = mount(path, path, NULL, MS_BIND, NULL) ?:
		     mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID |
			   MS_NODEV | MS_NOEXEC, NULL);
	else if (dir && *dirs)
		rc = mount(*dirs, path, NULL, MS_BIND, NULL);
	else if (dir)
		rc = mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			   "size=0,mode=0555");
	else
		rc = mount("/dev/null", path, NULL, MS_BIND, NULL);
	if (!rc && dir && !read_only)
		*dirs = path;
	return rc && errno != ENOENT && errno != ENOTDIR ? -errno : 0;
}

static int mask_all(bool userns, struct vps_fault *fault)
{
	const char *dirs = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(proc_masks); i++) {
		int rc;

		if (userns && proc_masks[i].plain_only)
			continue;
		rc = mask(proc_masks[i].path, proc_masks[i].dir, proc_masks[i].read_only, &dirs);
		if (rc)
			return vps_fault(fault, rc, "mask", proc_masks[i].path);
	}
	return 0;
}

static int mount_own(const struct vps_spawn *spawn, struct vps_fault *fault)
{
	unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount("proc", "/proc", "proc", safe, NULL) < 0)
		return vps_fault(fault, -errno, "mount", "/proc");
	/* Which devices /sys/class/net shows depends on who mounts it. */
	if (spawn->net != VPS_NET_SHARED &&
	    mount("sysfs", "/sys", "sysfs", safe | MS_RDONLY, NULL) < 0)
		return vps_fault(fault, -errno, "mount", "/sys");
	if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=0620,gid=5,max=" MAX_PTYS) < 0)
		return vps_fault(fault, -errno, "mount", "/dev/pts");
	if (mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
		return vps_fault(fault, -errno, "mount", "/dev/shm");
	if (mount("mqueue", "/dev/mqueue", "mqueue", safe, NULL) < 0 && errno != ENODEV)
		return vps_fault(fault, -errno, "mount", "/dev/mqueue");
	/* Without a user namespace nothing inside may write a group: it could leave it. */
	if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", safe | (spawn->userns ? 0 : MS_RDONLY),
		  NULL) < 0)
		return vps_fault(fault, -errno, "mount", "/sys/fs/cgroup");
	return 0;
}

/*
 * The VPS's own tree may hold anything at that path; it is opened as its own root would,
 * so a link leads nowhere but into the same tree.
 */
static int open_console_log(void)
{
	_cleanup_(closep) int log = -1;
	struct stat st;

	if ((mkdir("/var", 0755) < 0 && errno != EEXIST) ||
	    (mkdir("/var/log", 0755) < 0 && errno != EEXIST))
		return -errno;
	log = open(CONSOLE_LOG, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
		   O_NONBLOCK | O_NOCTTY, 0640);
	if (log < 0)
		return -errno;
	if (fstat(log, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	return steal_fd(&log);
}

static int give_console(struct vps_fault *fault)
{
	_cleanup_(closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	_cleanup_(closep) int log = open_console_log();
	_cleanup_(closep) int mnt = -1;
	int out = log >= 0 ? log : null;

	if (null < 0)
		return vps_fault(fault, -errno, "open", "/dev/null");
	/* A full or read-only tree has no log, and its VPS starts all the same. */
	mnt = open_tree(out, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (mnt < 0 ||
	    move_mount(mnt, "", AT_FDCWD, "/dev/console", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return vps_fault(fault, -errno, "mount", "/dev/console");
	return vps_walls_stdio((int[3]){ null, out, out }, fault);
}

int vps_root_enter(const struct vps_spawn *spawn, struct vps_fault *fault)
{
	int rc = pivot(fault);

	/* While the old root is there: a new /proc may show no more than an old one. */
	if (!rc)
		rc = mount_own(spawn, fault);
	if (!rc && umount2(".", MNT_DETACH) < 0)
		rc = vps_fault(fault, -errno, "detach the host's mounts", "");
	if (!rc && chdir("/") < 0)
		rc = vps_fault(fault, -errno, "change to the root", "");
	if (!rc)
		rc = mask_all(spawn->userns, fault);
	if (!rc && spawn->own_tty)
		rc = give_console(fault);
	return rc;
}

int vps_root_own_proc(struct vps_fault *fault)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return vps_fault(fault, -errno, "mount", "/proc");
	return 0;
}
