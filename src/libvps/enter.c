// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A further process of a running context. An intermediate process enters the namespaces; it
 * has the caller as its parent and so can make the wanted process the caller's child too. Both
 * are undumpable, so that nobody inside can look into them. The wanted one is put into the
 * groups when all is done that takes more rights than hold inside.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "child.h"
#include "clock.h"
#include "context.h"
#include "sys.h"
#include "user.h"
#include "util.h"
#include "walls.h"

/**
 * struct entry - one entering under way
 * @caps: what both the caller and the VPS's first process allow
 * @scope: the VPS is in the host's network, so the host's abstract sockets are near
 */
struct entry {
	const struct vps_enter *enter;
	struct vps_context_info info;
	int init;
	uint64_t caps;
	bool scope;
	struct vps_join join;
	int sockets[2];
};

/* ---- inside ------------------------------------------------------------------- */

static void take_terminal(void)
{
	/* Whichever of them is the terminal that the caller made for this session. */
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd) && !ioctl(fd, TIOCSCTTY, 0))
			return;
}

/* The first process is 1 in here; who may not look has his own. */
static void read_rlimits(struct rlimit limits[RLIM_NLIMITS])
{
	for (unsigned int i = 0; i < RLIM_NLIMITS; i++)
		if (prlimit(1, (__rlimit_resource_t)i, NULL, &limits[i]) < 0)
			(void)getrlimit((__rlimit_resource_t)i, &limits[i]);
}

/* No more than the first process has, nor than the caller. */
static void put_rlimits(const struct rlimit limits[RLIM_NLIMITS])
{
	for (unsigned int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit want = limits[i], have;

		if (getrlimit((__rlimit_resource_t)i, &have) < 0)
			continue;
		if (want.rlim_max > have.rlim_max)
			want.rlim_max = have.rlim_max;
		if (want.rlim_cur > want.rlim_max)
			want.rlim_cur = want.rlim_max;
		(void)setrlimit((__rlimit_resource_t)i, &want);
	}
}

static _Noreturn void inner_main(const struct entry *entry)
{
	const struct vps_enter *enter = entry->enter;
	char *shell_argv[] = { "-sh", NULL };
	char *const *argv = enter->argv;
	struct vps_fault fault = { 0 };
	struct vps_user user;
	struct rlimit limits[RLIM_NLIMITS];
	struct vps_step step;
	int rc, sock = entry->sockets[1];

	read_rlimits(limits);
	rc = vps_user_find(enter->user ?: "root", &user, &fault);
	if (!rc)
		rc = vps_walls_stdio(enter->stdio, &fault);
	if (!rc)
		rc = vps_walls_filter(entry->info.userns, &fault);
	if (!rc)
		rc = vps_walls_raise(entry->caps, entry->scope, &fault);
	if (!rc)
		rc = vps_walls_tidy(&fault);
	if (!rc)
		take_terminal();
	if (!rc)
		rc = vps_user_become(&user, enter->envp, &fault);
	if (rc)
		vps_step_fail(sock, rc, &fault);
	/* A caller that is gone wants nothing executed any more. */
	if (vps_step_done(sock, 0, -1) || vps_step_wait(sock, &step))
		_exit(127);
	put_rlimits(limits);
	if (argv) {
		rc = vps_execute(argv, environ, -1);
	} else {
		argv = shell_argv;
		execv(user.shell, argv);
		rc = -errno;
	}
	vps_fault(&fault, rc, "execute", enter->argv ? argv[0] : user.shell);
	vps_step_fail(sock, rc, &fault);
}

static int enter_namespaces(const struct entry *entry, struct vps_fault *fault)
{
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
		    CLONE_NEWCGROUP | vps_clock_flag();

	/* Before anything of the VPS can see this process. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return vps_fault(fault, -errno, "become undumpable", "");
	if (entry->info.userns)
		flags |= CLONE_NEWUSER;
	if (setns(entry->init, flags) < 0)
		return vps_fault(fault, -errno, "enter its namespaces", "");
	return entry->info.userns ? vps_user_become_root(fault) : 0;
}

static _Noreturn void outer_main(const struct entry *entry)
{
	struct vps_fault fault = { 0 };
	int sock = entry->sockets[1], rc, pidfd;
	pid_t pid;

	close(entry->sockets[0]);
	rc = enter_namespaces(entry, &fault);
	if (rc)
		vps_step_fail(sock, rc, &fault);
	pid = vps_sys_clone(CLONE_PARENT, &pidfd);
	if (pid == 0)
		inner_main(entry);
	if (pid < 0) {
		vps_fault(&fault, pid, "make a process", "");
		vps_step_fail(sock, pid, &fault);
	}
	_exit(vps_step_done(sock, pid, pidfd) ? 127 : 0);
}

/* ---- outside --------------------------------------------------------------------- */

/*
 * Until it is known who the new process is, which the intermediate one says, and that it is
 * ready, which it says itself: whichever comes first. On failure *ret_child tells whether there
 * is one to end.
 */
static int wait_ready(int sock, struct vps_child *ret_child, struct vps_fault *fault)
{
	bool ready = false;
	int failed = 0;

	while (!ready || !ret_child->pid) {
		struct vps_step step;
		int rc = vps_step_wait(sock, &step);

		if (rc == -EPIPE)
			return failed ?: rc;
		if (rc && fault)
			*fault = step.fault;
		failed = failed ?: rc;
		if (step.pid)
			*ret_child = (struct vps_child){ .pid = step.pid, .pidfd = step.fd };
		else
			ready = true;
	}
	return failed;
}

/* Before it executes anything. */
static int join(const struct entry *entry, const struct vps_child *child, struct vps_fault *fault)
{
	int rc = vps_join_process(&entry->join, child->pid);

	if (rc == -ESRCH)	/* ended with the first process */
		return vps_refuse(fault, rc, "nothing runs in it any more", entry->info.name);
	return rc ? vps_fault(fault, rc, "join its groups", "") : 0;
}

static int wait_outer(struct entry *entry, struct vps_child *outer, struct vps_child *ret_child,
		      struct vps_fault *fault)
{
	struct vps_child child = { .pidfd = -1 };
	int sock = entry->sockets[0], status, rc;

	rc = wait_ready(sock, &child, fault);
	vps_child_wait(outer, &status);
	if (rc == -EPIPE && !child.pid)
		return vps_refuse(fault, -ESRCH, "nothing runs in it any more", entry->info.name);
	if (rc == -EPIPE)
		rc = vps_refuse(fault, -ECHILD, "the process was killed", entry->info.name);
	if (!rc)
		rc = join(entry, &child, fault) ?: vps_step_execute(sock, fault);
	if (!rc)
		*ret_child = child;
	else if (child.pid)
		vps_child_discard(&child);
	return rc;
}

static int run_entry(struct entry *entry, struct vps_child *ret_child, struct vps_fault *fault)
{
	struct vps_child outer = { .pidfd = -1 };
	int rc = vps_step_socket(entry->sockets);

	if (rc)
		return vps_fault(fault, rc, "make a socket", "");
	outer.pid = vps_sys_clone(0, &outer.pidfd);
	if (outer.pid == 0)
		outer_main(entry);
	close(entry->sockets[1]);
	rc = outer.pid < 0 ? vps_fault(fault, outer.pid, "make a process", "") :
			     wait_outer(entry, &outer, ret_child, fault);
	close(entry->sockets[0]);
	return rc;
}

static bool shares_network(pid_t pid)
{
	struct stat own, other;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return stat("/proc/self/ns/net", &own) < 0 || stat(path, &other) < 0 ||
	       own.st_ino == other.st_ino;
}

/* Of the first process: what its configuration took away, an entering one must not have. */
static int bounding_set(const struct vps_context_info *info, int init, uint64_t *ret_caps)
{
	char path[32], text[8192], *line;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)info->init);
	n = vps_read_at(AT_FDCWD, path, text, sizeof(text));
	/* Alive still, so the number was its own all the time. */
	if (n < 0 || pidfd_send_signal(init, 0, NULL, 0) < 0)
		return -ESRCH;
	line = strstr(text, "\nCapBnd:");
	return line && sscanf(line, "\nCapBnd: %" SCNx64, ret_caps) == 1 ? 0 : -ESRCH;
}

static int find_running(struct vps_host *host, uint32_t id, struct vps_context_info *ret_info,
			struct vps_fault *fault)
{
	int rc = vps_context_info(host, id, ret_info);
	char word[VPS_NAME_MAX + 1];
	int init;

	snprintf(word, sizeof(word), "%u", id);
	if (rc)
		return vps_fault(fault, rc, "find the context", word);
	if (*ret_info->name)
		snprintf(word, sizeof(word), "%s", ret_info->name);
	if (ret_info->flags & VPS_F_PRIVATE)
		return vps_refuse(fault, -EACCES, "is private", word);
	if (ret_info->flags & VPS_F_STOP)
		return vps_refuse(fault, -EACCES, "takes no new process", word);
	init = ret_info->state == VPS_STATE_RUNNING ? vps_context_init(host, id) : -ESRCH;
	return init < 0 ? vps_refuse(fault, init, "is not running", word) : init;
}

int vps_context_enter(struct vps_host *host, uint32_t id, const struct vps_enter *enter,
		      struct vps_child *ret_child, struct vps_fault *fault)
{
	struct entry entry = { .enter = enter };
	_cleanup_(closep) int init = find_running(host, id, &entry.info, fault);
	int rc;

	if (init < 0)
		return init;
	entry.init = init;
	entry.scope = shares_network(entry.info.init);
	rc = bounding_set(&entry.info, init, &entry.caps);
	if (rc)
		return vps_refuse(fault, rc, "is not running", entry.info.name);
	entry.caps &= enter->caps;
	rc = vps_join_open(&host->cg, id, "enter", &entry.join);
	if (rc)
		return vps_fault(fault, rc, "open its groups", "");
	rc = run_entry(&entry, ret_child, fault);
	vps_join_close(&entry.join);
	return rc;
}

/* ---- its terminals -------------------------------------------------------------------- */

/* The root directory of the context's first process; @init proves that it is that one. */
static int open_root(const struct vps_context_info *info, int init)
{
	_cleanup_(closep) int root = -1;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)info->init);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	/* Alive still, so the number was its own all the time. */
	return pidfd_send_signal(init, 0, NULL, 0) < 0 ? -errno : steal_fd(&root);
}

/* Whatever the VPS put at that path is looked at before it is opened. */
static int open_ptmx(int root)
{
	_cleanup_(closep) int found = vps_sys_openat2(root, "dev/pts/ptmx", O_PATH, 0,
						      VPS_RESOLVE_IN_TREE);
	struct statfs fs;
	struct stat st;
	char path[32];
	int master;

	if (found < 0 || fstat(found, &st) < 0 || fstatfs(found, &fs) < 0)
		return -ENOTTY;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) ||
	    fs.f_type != DEVPTS_SUPER_MAGIC)
		return -ENOTTY;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	master = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return master < 0 ? -errno : master;
}

int vps_context_openpty(struct vps_host *host, uint32_t id, int *ret_master, int *ret_slave,
			struct vps_fault *fault)
{
	struct vps_context_info info;
	_cleanup_(closep) int init = find_running(host, id, &info, fault);
	_cleanup_(closep) int root = -1, master = -1;
	int slave, unlock = 0;

	if (init < 0)
		return init;
	root = open_root(&info, init);
	if (root < 0)
		return vps_fault(fault, root, "open its root", info.name);
	master = open_ptmx(root);
	if (master < 0)
		return vps_fault(fault, master, "open its terminal", "/dev/pts/ptmx");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return vps_fault(fault, -errno, "unlock its terminal", "");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return vps_fault(fault, -errno, "open its terminal", "");
	if (info.userns && fchown(slave, id << 16, (gid_t)-1) < 0) {
		close(slave);
		return vps_fault(fault, -errno, "give it its terminal", "");
	}
	*ret_master = steal_fd(&master);
	*ret_slave = slave;
	return 0;
}
