// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mount.h"
#include "root.h"
#include "sys.h"
#include "util.h"
#include "walls.h"

/* The machine has a few thousand for all. */
#define MAX_PTYS "256"

#define CONSOLE_LOG "/var/log/console.log"

#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

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
	int rc;

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
	rc = vps_mount_put(mnt, tree);
	return rc ? vps_fault(fault, rc, "mount the tree", path) : steal_fd(&mnt);
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
	char uid[16];
	const char *const options[] = { "mode", "0755", "uid", uid, "gid", uid,
					"size", "1m", "nr_inodes", "1k", NULL };
	_cleanup_(closep) int mnt = -1;
	mode_t mask;
	int rc;

	snprintf(uid, sizeof(uid), "%u", base);
	mnt = vps_mount_make("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, options);
	if (mnt < 0)
		return mnt;
	mask = umask(0);
	rc = fill_dev(mnt, base);
	umask(mask);
	return rc ?: steal_fd(&mnt);
}

/* The host's sysfs itself, nothing that is mounted below it, and read-only. */
static int copy_sys(void)
{
	return vps_mount_copy(AT_FDCWD, "/sys", SAFE | MOUNT_ATTR_RDONLY);
}

static int put_mount(int mnt, int tree, int root, const char *name, struct vps_fault *fault)
{
	_cleanup_(closep) int from = mnt;
	_cleanup_(closep) int on = -1;
	int rc;

	if (from < 0)
		return vps_fault(fault, from, "prepare the mount", name);
	on = mountpoint(tree, root, name, fault);
	if (on < 0)
		return on;
	rc = vps_mount_put(from, on);
	return rc ? vps_fault(fault, rc, "mount", name) : 0;
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
		return put_mount(copy_sys(), tree, root->fd, "sys", fault);
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

/*
 * The mounts that a VPS is given, open. Whoever may write in the tree may rename the directories
 * they are mounted on at any time, so that nothing is looked for below these by a path.
 */
struct own {
	int dev, proc, sys;
	int empty;		/* the directory over the first one that is masked */
};

/*
 * A directory at the top of the tree, and nothing but that; where the host's half has mounted
 * something, that mount.
 */
static int open_top(const char *name, bool mounted, struct vps_fault *fault)
{
	_cleanup_(closep) int fd = vps_sys_openat2(AT_FDCWD, name, O_PATH | O_DIRECTORY, 0,
						   VPS_RESOLVE_STRICT & ~(uint64_t)RESOLVE_NO_XDEV);
	struct statx stx;

	if (fd < 0)
		return vps_fault(fault, fd, "is no plain directory in the tree", name);
	if (statx(fd, "", AT_EMPTY_PATH, 0, &stx) < 0)
		return vps_fault(fault, -errno, "look at", name);
	if (mounted && !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return vps_fault(fault, -ESTALE, "has been exchanged in the tree", name);
	return steal_fd(&fd);
}

/* Returns the mount, on the directory of that name. */
static int mount_top(const char *type, unsigned int flags, const char *name,
		     struct vps_fault *fault)
{
	static const char *const none[] = { NULL };
	_cleanup_(closep) int mnt = vps_mount_make(type, flags, none);
	_cleanup_(closep) int on = -1;
	int rc;

	if (mnt < 0)
		return vps_fault(fault, mnt, "mount", name);
	on = open_top(name, false, fault);
	if (on < 0)
		return on;
	rc = vps_mount_put(mnt, on);
	return rc ? vps_fault(fault, rc, "mount", name) : steal_fd(&mnt);
}

static int mount_below(int dir, const char *name, const char *type, unsigned int flags,
		       const char *const *options, struct vps_fault *fault)
{
	_cleanup_(closep) int mnt = vps_mount_make(type, flags, options);
	_cleanup_(closep) int on = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int rc = mnt < 0 ? mnt : on < 0 ? -errno : vps_mount_put(mnt, on);

	return rc ? vps_fault(fault, rc, "mount", name) : 0;
}

static int mount_in_dev(int dev, struct vps_fault *fault)
{
	static const char *const pts[] = { "ptmxmode", "0666", "mode", "0620", "gid", "5",
					   "max", MAX_PTYS, NULL };
	static const char *const shm[] = { "mode", "1777", NULL };
	static const char *const none[] = { NULL };
	int rc;

	rc = mount_below(dev, "pts", "devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, pts, fault);
	if (!rc)
		rc = mount_below(dev, "shm", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, shm,
				 fault);
	if (!rc)
		rc = mount_below(dev, "mqueue", "mqueue", SAFE, none, fault);
	return rc == -ENODEV ? 0 : rc;
}

static int mount_own(const struct vps_spawn *spawn, struct own *own, struct vps_fault *fault)
{
	static const char *const none[] = { NULL };

	own->proc = mount_top("proc", SAFE, "proc", fault);
	if (own->proc < 0)
		return own->proc;
	/* Which devices /sys/class/net shows depends on who mounts it. */
	own->sys = spawn->net == VPS_NET_SHARED ? open_top("sys", true, fault) :
		   mount_top("sysfs", SAFE | MOUNT_ATTR_RDONLY, "sys", fault);
	if (own->sys < 0)
		return own->sys;
	own->dev = open_top("dev", true, fault);
	if (own->dev < 0)
		return own->dev;
	/* Without a user namespace nothing inside may write a group: it could leave it. */
	return mount_in_dev(own->dev, fault) ?:
	       mount_below(own->sys, "fs/cgroup", "cgroup2",
			   SAFE | (spawn->userns ? 0 : MOUNT_ATTR_RDONLY), none, fault);
}

struct mask {
	const char *name;
	bool dir;
	bool read_only;		/* show it, but let nothing be written */
	bool plain_only;	/* a user namespace has the kernel refuse it anyway */
};

static const struct mask proc_masks[] = {
	{ "kcore", false, false, true },
	{ "kmsg", false, false, true },
	{ "keys", false, false, false },
	{ "timer_list", false, false, true },
	{ "kallsyms", false, false, false },
	{ "latency_stats", false, false, true },
	{ "kpagecgroup", false, false, true },
	{ "kpagecount", false, false, true },
	{ "kpageflags", false, false, true },
	{ "pagetypeinfo", false, false, true },
	{ "slabinfo", false, false, true },
	{ "vmallocinfo", false, false, true },
	{ "sysrq-trigger", false, true, true },
	{ "acpi", true, false, false },
	{ "scsi", true, false, false },
	{ "asound", true, false, true },
	{ "bus", true, true, true },
	{ "fs", true, true, true },
	{ "irq", true, true, true },
	{ "sys", true, true, true },
	{ NULL },
};

static const struct mask sys_masks[] = {
	{ "firmware", true, false, false },
	{ "kernel/mm", true, false, true },
	{ NULL },
};

static bool hides_dir(const struct mask *mask)
{
	return mask->dir && !mask->read_only;
}

static int make_mask(int on, const struct mask *mask, const struct own *own)
{
	static const char *const empty[] = { "size", "0", "mode", "0555", NULL };

	if (mask->read_only)
		return vps_mount_copy(on, "", SAFE | MOUNT_ATTR_RDONLY);
	if (!mask->dir)
		return vps_mount_copy(own->dev, "null", 0);
	if (own->empty >= 0)
		return vps_mount_copy(own->empty, "", 0);
	return vps_mount_make("tmpfs", SAFE | MOUNT_ATTR_RDONLY, empty);
}

/* What this kernel does not have needs none. */
static int put_mask(int dir, const struct mask *mask, struct own *own)
{
	_cleanup_(closep) int on = openat(dir, mask->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closep) int mnt = -1;
	int rc;

	if (on < 0)
		return errno == ENOENT ? 0 : -errno;
	mnt = make_mask(on, mask, own);
	rc = mnt < 0 ? mnt : vps_mount_put(mnt, on);
	if (!rc && hides_dir(mask) && own->empty < 0)
		own->empty = steal_fd(&mnt);
	return rc;
}

static int put_masks(int dir, const struct mask *mask, bool userns, struct own *own,
		     struct vps_fault *fault)
{
	for (; mask->name; mask++) {
		int rc = userns && mask->plain_only ? 0 : put_mask(dir, mask, own);

		if (rc)
			return vps_fault(fault, rc, "mask", mask->name);
	}
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

static int make_own(const struct vps_spawn *spawn, struct own *own, struct vps_fault *fault)
{
	/* While the old root is there: a new /proc may show no more than an old one. */
	int rc = mount_own(spawn, own, fault);

	if (!rc && umount2(".", MNT_DETACH) < 0)
		rc = vps_fault(fault, -errno, "detach the host's mounts", "");
	if (!rc && chdir("/") < 0)
		rc = vps_fault(fault, -errno, "change to the root", "");
	if (!rc)
		rc = put_masks(own->proc, proc_masks, spawn->userns, own, fault) ?:
		     put_masks(own->sys, sys_masks, spawn->userns, own, fault);
	return rc;
}

int vps_root_enter(const struct vps_spawn *spawn, struct vps_fault *fault)
{
	struct own own = { -1, -1, -1, -1 };
	int rc = pivot(fault) ?: make_own(spawn, &own, fault);

	closep(&own.dev);
	closep(&own.proc);
	closep(&own.sys);
	closep(&own.empty);
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
