// SPDX-License-Identifier: GPL-2.0-or-later
/* Attempts by files of the kernel's, devices and marks on files; see tries.h. */
#include <ftw.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/xattr.h>

#include "tries.h"

/* ---- settings of the machine --------------------------------------- */

/* What is there already, so that the control leaves the host as it is. */
static int rewrite(const char *arg)
{
	char text[4096];
	int fd = open(arg, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return refused("read");
	text[n] = '\0';
	return write_text(arg, text) < 0 ? refused("write") : 0;
}

static int open_to_write(const char *arg)
{
	return open(arg, O_WRONLY) < 0 ? refused("open") : 0;
}

/* ---- all that can be opened for writing ---------------------------- */

/*
 * Whose content is a namespace's, not the machine's; and of pressure, of which everybody may ask to
 * be told.
 */
static const char *const own_files[] = {
	"/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", "/proc/sys/kernel/shm",
	"/proc/sys/kernel/msg", "/proc/sys/kernel/sem", "/proc/sys/kernel/auto_msgmni",
	"/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/pid_max", "/proc/sys/fs/mqueue/",
	"/proc/sys/user/", "/proc/sys/vm/memfd_noexec", "/proc/pressure/", "/sys/fs/cgroup/",
};

static bool is_own(const char *path)
{
	for (size_t i = 0; i < sizeof(own_files) / sizeof(*own_files); i++)
		if (!strncmp(path, own_files[i], strlen(own_files[i])))
			return true;
	return false;
}

static int found;

static int try_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	int fd;

	/* Processes are the VPS's own. */
	if (type == FTW_D && ftw->level == 1 && (path[6] > '0' && path[6] <= '9'))
		return FTW_SKIP_SUBTREE;
	/* Root opens what nobody can write, too, where no user namespace is in between. */
	if (type != FTW_F || !S_ISREG(st->st_mode) || !(st->st_mode & 0222) || is_own(path))
		return FTW_CONTINUE;
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return FTW_CONTINUE;
	close(fd);
	found++;
	if (control)
		return FTW_STOP;
	fprintf(stderr, "%s: opened for writing: %s\n", who, path);
	return FTW_CONTINUE;
}

static int all_of(const char *arg)
{
	if (nftw(arg, try_file, 32, FTW_PHYS | FTW_ACTIONRETVAL) < 0)
		return untried("nftw");
	errno = EACCES;
	return found ? 0 : refused("open");
}

/* ---- devices ------------------------------------------------------- */

/* "c MAJOR MINOR"; in all places where there are devices, or might be. */
static int make_device(const char *arg)
{
	static const char *const places[] = { "./node", "/dev/vps-node", "/dev/shm/vps-node" };
	unsigned int major, minor;
	int fd, rc = 0;

	sscanf(arg, "%*c %u %u", &major, &minor);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (mknod(places[i], (*arg == 'b' ? S_IFBLK : S_IFCHR) | 0600,
			  makedev(major, minor)) < 0)
			continue;
		fd = open(places[i], O_RDONLY | O_NONBLOCK | O_NOCTTY);
		rc = errno;
		unlink(places[i]);
		errno = rc;
		/* ENXIO: it is a device, and nobody serves it. */
		return fd < 0 && errno != ENXIO ? refused("open") : 0;
	}
	return refused("mknod");
}

/* ---- marks on files ------------------------------------------------ */

static int make_file(void)
{
	return open("file", O_CREAT | O_RDWR, 0600);
}

/* A file that the host's root cannot remove. */
static int immutable(const char *arg)
{
	int fd = make_file(), flags;

	(void)arg;
	if (fd < 0)
		return untried("open");
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return refused("FS_IOC_GETFLAGS");
	flags |= FS_IMMUTABLE_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		return refused("FS_IOC_SETFLAGS");
	flags &= ~FS_IMMUTABLE_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* Out of a quota of projects. */
static int project(const char *arg)
{
	struct fsxattr attr;
	int fd = make_file();

	(void)arg;
	if (fd < 0)
		return untried("open");
	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr) < 0)
		return refused("FS_IOC_FSGETXATTR");
	attr.fsx_projid = 4711;
	return ioctl(fd, FS_IOC_FSSETXATTR, &attr) < 0 ? refused("FS_IOC_FSSETXATTR") : 0;
}

/* The same by a call of Linux 6.17, which older lists of calls do not know. */
static int project_by_call(const char *arg)
{
	struct { __u64 flags; __u32 extsize, nextents, project, cowextsize; } attr = { 0 };
	int fd = make_file();

	(void)arg;
	if (fd < 0)
		return untried("open");
	if (syscall(468, AT_FDCWD, "file", &attr, sizeof(attr), 0) < 0)
		return refused("file_getattr");
	attr.project = 4711;
	return syscall(469, AT_FDCWD, "file", &attr, sizeof(attr), 0) < 0 ?
		refused("file_setattr") : 0;
}

/* What the host's tools keep about a tree. */
static int trusted(const char *arg)
{
	if (make_file() < 0)
		return untried("open");
	return setxattr("file", arg, "1", 1, 0) < 0 ? refused("setxattr") : 0;
}

/* The whole file system stops writing, the host with it. */
static int freeze(const char *arg)
{
	const char *path = "/";
	int fd;

	(void)arg;
	/* One that cannot be frozen; that is found when it is known that the caller may. */
	if (control && (mkdir("own", 0755) < 0 || mount("none", "own", "tmpfs", 0, NULL) < 0))
		return untried("mount");
	if (control)
		path = "own";
	fd = open(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return untried("open");
	if (answered(ioctl(fd, FIFREEZE, 0), "FIFREEZE", EOPNOTSUPP))
		return 1;
	ioctl(fd, FITHAW, 0);
	return 0;
}

/* No such way to shut it down: found when it is known that the caller may. */
static int shut_down(const char *arg)
{
	__u32 way = 99;
	int fd = open(".", O_RDONLY | O_DIRECTORY);

	(void)arg;
	return fd < 0 ? untried("open") :
		answered(ioctl(fd, _IOR('X', 125, __u32), &way), "FS_IOC_SHUTDOWN", EINVAL);
}

/* Where on the disk it is. */
static int find_block(const char *arg)
{
	int fd = make_file(), block = 0;

	(void)arg;
	if (fd < 0 || write(fd, "x", 1) < 0 || fsync(fd) < 0)
		return untried("open");
	if (!ioctl(fd, FIBMAP, &block))
		return 0;
	/* Of file systems that do not lie on one disk. */
	errno = errno == EINVAL ? ENOTTY : errno;
	return refused("FIBMAP");
}

static int copy_self(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0755);
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return -1;
	close(in);
	return n < 0 || close(out) < 0 ? -1 : 0;
}

/* What it is already. */
static int set_tick(void)
{
	struct timex t = { 0 };

	if (adjtimex(&t) < 0)
		return 1;
	t.modes = ADJ_TICK;
	return adjtimex(&t) < 0;
}

/* A program that has more capabilities than the VPS; it tells whether they are the host's. */
static int file_capabilities(const char *arg)
{
	struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1U << CAP_SYS_TIME,
	};
	int status;
	pid_t pid;

	(void)arg;
	if (chmod(".", 0755) < 0 || copy_self("program") < 0)
		return untried("copy");
	if (setxattr("program", "security.capability", &caps, XATTR_CAPS_SZ_2, 0) < 0)
		return refused("setxattr");
	pid = fork();
	if (pid == 0) {
		if (!geteuid())
			(void)!setresuid(1000, 1000, 1000);
		execl("program", "set-tick", (char *)0);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return untried("fork");
	errno = EPERM;
	return status ? refused("execve") : 0;
}

/* ---- terminals ----------------------------------------------------- */

/* The host's console is this terminal from now on. */
static int take_console(const char *arg)
{
	int console = control ? open("/dev/console", O_RDWR | O_NOCTTY) : -1, master, slave;

	(void)arg;
	if (control && console < 0)
		return refused("open");
	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		return refused("openpty");
	if (ioctl(slave, TIOCCONS) < 0)
		return refused("TIOCCONS");
	if (control)
		ioctl(console, TIOCCONS);
	return 0;
}

/* CVE-2023-28100: to paste is to type. A terminal without a screen does not know how. */
static int paste(const char *arg)
{
	char how = 3;
	int master, slave;

	(void)arg;
	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		return refused("openpty");
	return answered(ioctl(slave, TIOCLINUX, &how), "TIOCLINUX", ENOTTY);
}

static const struct attempt attempts[] = {
	{ "poweroff-cmd", rewrite, "/proc/sys/kernel/poweroff_cmd", 0 },
	{ "helpers-bound", rewrite, "/proc/sys/kernel/usermodehelper/bset", 0 },
	{ "suid-dumpable", rewrite, "/proc/sys/fs/suid_dumpable", 0 },
	{ "overcommit", rewrite, "/proc/sys/vm/overcommit_memory", 0 },
	{ "random-addresses", rewrite, "/proc/sys/kernel/randomize_va_space", 0 },
	{ "sysrq", rewrite, "/proc/sys/kernel/sysrq", 0 },
	{ "somaxconn", rewrite, "/proc/sys/net/core/somaxconn", 0 },
	{ "irq-affinity", rewrite, "/proc/irq/default_smp_affinity", 0 },
	{ "lo-mtu", rewrite, "/sys/class/net/lo/mtu", 0 },
	{ "power-state", open_to_write, "/sys/power/state", 0 },
	{ "drop-caches", open_to_write, "/proc/sys/vm/drop_caches", 0 },
	{ "all-of-proc", all_of, "/proc", 0 },
	{ "all-of-sys", all_of, "/sys", 0 },
	{ "device-kmsg", make_device, "c 1 11", 0 },
	{ "device-port", make_device, "c 1 4", 0 },
	{ "device-fuse", make_device, "c 10 229", 0 },
	{ "device-loop-control", make_device, "c 10 237", 0 },
	{ "device-tun", make_device, "c 10 200", 0 },
	{ "device-console", make_device, "c 5 1", 0 },
	{ "device-loop", make_device, "b 7 0", 0 },
	{ "immutable", immutable, NULL, 0 },
	{ "project", project, NULL, 0 },
	{ "project-by-call", project_by_call, NULL, 0 },
	{ "trusted-attribute", trusted, "trusted.vps.project", 0 },
	{ "freeze", freeze, NULL, 0 },
	{ "shutdown", shut_down, NULL, 0 },
	{ "fibmap", find_block, NULL, 0 },
	{ "file-capabilities", file_capabilities, NULL, 0 },
	{ "console", take_console, NULL, 0 },
	{ "paste", paste, NULL, 0 },
};

int main(int argc, char **argv)
{
	if (!strcmp(argv[0], "set-tick"))
		return set_tick();
	return tries_main(argc, argv, attempts, sizeof(attempts) / sizeof(*attempts));
}
