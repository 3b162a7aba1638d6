// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The first process of a context. The parent builds what only the host's root may build, in
 * a mount namespace of its own; the child, in its new user and pid namespaces from birth,
 * joins its groups, takes that mount namespace with it as a locked copy, and becomes the VPS.
 * The parent notes that the context runs; then the child executes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "addr.h"
#include "bpf.h"
#include "child.h"
#include "clock.h"
#include "context.h"
#include "disk.h"
#include "root.h"
#include "subid.h"
#include "sys.h"
#include "user.h"
#include "util.h"
#include "vnet.h"
#include "walls.h"

/**
 * struct start - one start under way, as parent and child share it
 * @exec_fd: that of @spawn as it may be seen inside; -1 when it is not wanted
 * @sockets: the parent's end, the child's end
 */
struct start {
	struct vps_host *host;
	const struct vps_spawn *spawn;
	uint32_t id;
	int group;
	int exec_fd;
	struct vps_root root;
	struct vps_join join;
	int sockets[2];
};

static bool has_own_mounts(const struct vps_spawn *spawn)
{
	return spawn->root || spawn->tree;
}

/* ---- the child ------------------------------------------------------------- */

static int raise_loopback(void)
{
	_cleanup_(closep) int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return sock < 0 || ioctl(sock, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

static int make_namespaces(const struct start *start, int root, struct vps_fault *fault)
{
	int flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
	int rc;

	if (start->spawn->net != VPS_NET_SHARED)
		flags |= CLONE_NEWNET;
	/* The working directory follows into the copy of the mount namespace; fds do not. */
	if (root >= 0 && fchdir(root) < 0)
		return vps_fault(fault, -errno, "enter the tree", "");
	if (unshare(flags) < 0)
		return vps_fault(fault, -errno, "make namespaces", "");
	rc = start->spawn->net != VPS_NET_SHARED ? raise_loopback() : 0;
	return rc ? vps_fault(fault, rc, "bring up", "lo") : 0;
}

static int set_names(const struct vps_spawn *spawn, struct vps_fault *fault)
{
	if (spawn->hostname && sethostname(spawn->hostname, strlen(spawn->hostname)) < 0)
		return vps_fault(fault, -errno, "set the host name", spawn->hostname);
	if (spawn->domainname && setdomainname(spawn->domainname, strlen(spawn->domainname)) < 0)
		return vps_fault(fault, -errno, "set the domain name", spawn->domainname);
	return 0;
}

/* A plain context of the host's admin, nothing taken away, has none: 2003's chcontext. */
static bool has_walls(const struct vps_spawn *spawn)
{
	return has_own_mounts(spawn) || spawn->caps != vps_caps_all();
}

/* What needs neither ids nor mounts, while the parent makes these. */
static int child_begin(const struct vps_spawn *spawn, struct vps_fault *fault)
{
	return has_walls(spawn) && spawn->userns ? vps_walls_filter(true, fault) : 0;
}

static int put_walls(const struct vps_spawn *spawn, struct vps_fault *fault)
{
	int rc;

	if (!has_walls(spawn))
		return 0;
	rc = spawn->userns ? 0 : vps_walls_filter(false, fault);
	return rc ?: vps_walls_raise(spawn->caps, spawn->net == VPS_NET_SHARED, fault);
}

/* What is its own from here on, and of what it sees of the host. */
static int move_in(const struct start *start, int root, struct vps_fault *fault)
{
	const struct vps_spawn *spawn = start->spawn;
	int rc = make_namespaces(start, root, fault);

	if (!rc)
		rc = spawn->root ? vps_root_enter(spawn, fault) : vps_root_own_proc(fault);
	return rc ?: set_names(spawn, fault);
}

/* Everything up to the point where only the command is missing. */
static int child_prepare(const struct start *start, int root, struct vps_fault *fault)
{
	const struct vps_spawn *spawn = start->spawn;
	int rc = spawn->userns ? vps_user_become_root(fault) : 0;

	if (!rc && !spawn->no_namespaces)
		rc = move_in(start, root, fault);
	if (!rc && !spawn->own_tty)
		rc = vps_walls_stdio(spawn->stdio, fault);
	if (!rc)
		rc = put_walls(spawn, fault);
	/* After the last change of rights, each of which unties. */
	if (!rc && spawn->tied && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		rc = vps_fault(fault, -errno, "tie it to its maker", "");
	return rc;
}

/* When all is prepared: what it takes to prepare may be more. */
static int put_rlimits(const struct vps_spawn *spawn, struct vps_fault *fault)
{
	for (size_t i = 0; i < spawn->rlimit_count; i++)
		if (setrlimit((__rlimit_resource_t)spawn->rlimits[i].resource,
			      &spawn->rlimits[i].value) < 0)
			return vps_fault(fault, -errno, "set a limit of its processes", "");
	return 0;
}

static _Noreturn void child_main(const struct start *start)
{
	const struct vps_spawn *spawn = start->spawn;
	struct vps_fault fault = { 0 };
	struct vps_step step;
	int sock = start->sockets[1], rc;

	close(start->sockets[0]);
	rc = child_begin(spawn, &fault);
	if (rc)
		vps_step_fail(sock, rc, &fault);
	if (vps_step_wait(sock, &step))		/* for the ids and the mounts */
		_exit(127);
	rc = child_prepare(start, step.fd, &fault);
	if (!rc)
		rc = vps_walls_tidy(&fault);
	if (rc)
		vps_step_fail(sock, rc, &fault);
	if (vps_step_done(sock, 0, -1) || vps_step_wait(sock, &step))	/* for the state */
		_exit(127);
	rc = put_rlimits(spawn, &fault);
	if (rc)
		vps_step_fail(sock, rc, &fault);
	rc = vps_execute(spawn->argv, spawn->envp, start->exec_fd);
	vps_fault(&fault, rc, "execute", spawn->argv[0]);
	vps_step_fail(sock, rc, &fault);
}

/* ---- the parent ------------------------------------------------------------- */

/* What the child said of its failure, or that it ended without a word. */
static int step_fault(int rc, const struct vps_step *step, struct vps_fault *fault)
{
	if (rc == -EPIPE)
		return vps_refuse(fault, -ECHILD, "its first process was killed", "");
	if (fault)
		*fault = step->fault;
	return rc;
}

static int write_map(int proc, const char *file, uint32_t base)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u %u", base, VPS_UID_COUNT);
	return vps_write_at(proc, file, map);
}

static int map_ids(struct start *start, pid_t pid, struct vps_fault *fault)
{
	uint32_t base = start->id << 16;
	_cleanup_(closep) int proc = -1;
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return vps_fault(fault, -errno, "open", path);
	rc = write_map(proc, "uid_map", base) ?: write_map(proc, "gid_map", base);
	if (rc)
		return vps_fault(fault, rc, "map its user ids", "");
	start->root.userns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
	if (start->root.userns < 0)
		return vps_fault(fault, -errno, "open its user namespace", "");
	start->root.base = base;
	rc = vps_group_delegate(start->group, base);
	return rc ? vps_fault(fault, rc, "delegate its group", "") : 0;
}

/* What the child may not raise itself; where this process may not either, the child says so. */
static void lift_rlimits(const struct vps_spawn *spawn, pid_t pid)
{
	for (size_t i = 0; i < spawn->rlimit_count; i++)
		(void)prlimit(pid, (__rlimit_resource_t)spawn->rlimits[i].resource,
			      &spawn->rlimits[i].value, NULL);
}

/* No more than @caps shall hold in the context, where the kernel has a say in that. */
static int bound(const struct start *start, uint64_t caps, struct vps_fault *fault)
{
	const struct vps_engine *engine = start->host->engine;
	int rc = engine->bound ? engine->bound(start->id, caps) : 0;

	return rc ? vps_fault(fault, rc, "bound the capabilities", "") : 0;
}

/* The child waits outside until it is in; one that was kept may be bound from the time before. */
static int join(const struct start *start, pid_t pid, struct vps_fault *fault)
{
	int rc = bound(start, UINT64_MAX, fault);

	if (rc)
		return rc;
	rc = vps_join_process(&start->join, pid);
	return rc ? vps_fault(fault, rc, "join its groups", "") : 0;
}

/* All that is the host's to do before the child can prepare itself. */
static int parent_prepare(struct start *start, pid_t pid, struct vps_fault *fault)
{
	const struct vps_spawn *spawn = start->spawn;
	int rc = join(start, pid, fault);

	if (!rc && spawn->userns)
		rc = map_ids(start, pid, fault);
	if (!rc && spawn->root)
		rc = vps_disk_adopt(start->group, spawn->root, &start->root.image, fault);
	if (!rc && has_own_mounts(spawn))
		rc = vps_root_build(&start->root, spawn, fault);
	return rc;
}

/* From the birth of the child to the moment in which it executes. */
static int parent_conduct(struct start *start, const struct vps_child *child,
			  struct vps_fault *fault)
{
	const struct vps_spawn *spawn = start->spawn;
	int rc = parent_prepare(start, child->pid, fault);
	int sock = start->sockets[0];
	struct vps_step step;

	if (rc)
		return rc;
	rc = vps_step_go_on(sock, start->root.fd, fault);
	if (rc)
		return rc;
	rc = vps_step_wait(sock, &step);
	if (rc)
		return step_fault(rc, &step, fault);
	if (spawn->net == VPS_NET_BRIDGE) {
		rc = vps_vnet_enter(start->host, start->id, start->group, child->pid, fault);
		if (rc)
			return rc;
	}
	lift_rlimits(spawn, child->pid);
	/* What it takes to prepare may be more than what holds from here on. */
	rc = bound(start, spawn->caps, fault);
	if (rc)
		return rc;
	/* Not before: until it is inside, its namespaces and its root are the host's. */
	rc = vps_context_note_init(start->group, child->pid, spawn->userns) ?:
	     vps_context_set_running(start->host, start->id, start->group, child->pid);
	if (rc)
		return vps_fault(fault, rc, "note that it runs", "");
	return vps_step_execute(sock, fault);
}

/* Looked up as it will be inside, so links stay in the tree. */
static bool is_in_tree(const char *root, const char *file)
{
	_cleanup_(closep) int tree = vps_tree_open(root, NULL);
	_cleanup_(closep) int found = tree < 0 ? -1 :
		vps_sys_openat2(tree, file, O_PATH, 0, VPS_RESOLVE_IN_TREE);

	return found >= 0;
}

static int prepare_executable(struct start *start, struct vps_fault *fault)
{
	const struct vps_spawn *spawn = start->spawn;

	/* Its mount would be gone with the exec, and for that the kernel takes milliseconds. */
	if (spawn->exec_fd < 0 || (spawn->exec_fallback && is_in_tree(spawn->root, *spawn->argv)))
		return 0;
	start->exec_fd = vps_wrap_file(spawn->exec_fd);
	return start->exec_fd < 0 ?
		vps_fault(fault, start->exec_fd, "wrap the first process's file", "") : 0;
}

/*
 * The kernel counts what a user namespace uses (inotify, ptys, other namespaces ...) on the
 * user who made it as well: as root, one VPS would use up the host's own. So the maker is, for
 * that moment, the VPS's root; its capabilities stay, and the signal that ties it to its parent
 * is put back.
 */
static pid_t clone_as(uid_t uid, int *ret_pidfd)
{
	int bits = prctl(PR_GET_SECUREBITS), tied = 0, err;
	pid_t parent = getppid(), pid;

	if (bits < 0 || prctl(PR_GET_PDEATHSIG, &tied) < 0 ||
	    prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP) < 0)
		return -errno;
	if (seteuid(uid) < 0)
		return -errno;
	pid = vps_sys_clone(CLONE_NEWPID | CLONE_NEWUSER, ret_pidfd);
	if (pid == 0)
		return 0;
	err = seteuid(0) < 0 || prctl(PR_SET_SECUREBITS, bits) < 0 ||
	      prctl(PR_SET_PDEATHSIG, tied) < 0 ? -errno : 0;
	if (tied && getppid() != parent)
		raise(tied);
	if (!err || pid < 0)
		return pid;
	vps_child_discard(&(struct vps_child){ .pid = pid, .pidfd = *ret_pidfd });
	return err;
}

static int make_child(struct start *start, struct vps_child *ret_child, struct vps_fault *fault)
{
	const struct vps_spawn *spawn = start->spawn;
	struct vps_child child = { .pidfd = -1 };
	int clock, rc = prepare_executable(start, fault);

	if (rc)
		return rc;
	if (has_own_mounts(spawn)) {
		/* May mount bpffs, which is for the host to keep. */
		vps_bpf_prepare();
		/* Mounts are prepared in here; the child's namespace becomes a copy of it. */
		if (unshare(CLONE_NEWNS) < 0)
			return vps_fault(fault, -errno, "make a mount namespace", "");
	}
	/* The host's root makes it, so that nobody inside can set it. */
	clock = spawn->no_namespaces ? -1 : vps_clock_make();
	child.pid = spawn->userns ? clone_as(start->id << 16, &child.pidfd) :
		vps_sys_clone(spawn->no_namespaces ? 0 : CLONE_NEWPID, &child.pidfd);
	if (child.pid == 0)
		child_main(start);
	vps_clock_leave(clock);
	if (child.pid < 0)
		return vps_fault(fault, child.pid, "make its first process", "");
	closep(&start->sockets[1]);
	start->sockets[1] = -1;
	rc = parent_conduct(start, &child, fault);
	if (rc)
		vps_child_discard(&child);
	else
		*ret_child = child;
	return rc;
}

static int check_state(const struct start *start, struct vps_fault *fault)
{
	struct vps_context_info info;
	int rc = vps_context_info(start->host, start->id, &info);

	if (rc)
		return vps_fault(fault, rc, "find the context", "");
	/* STALE: of a VPS whose lock nobody took, a context made by hand with a name. */
	if (info.state != VPS_STATE_NEW && info.state != VPS_STATE_KEPT &&
	    info.state != VPS_STATE_STALE)
		return vps_refuse(fault, -EBUSY, "the context is running", info.name);
	/* Of a start that was killed. */
	if (vps_group_event(start->group, "populated"))
		return vps_refuse(fault, -EBUSY, "somebody is in the context", info.name);
	if (start->spawn->userns && vps_subid_meets(start->id) == 1)
		return vps_refuse(fault, -EADDRINUSE,
				  "its user ids are given to a user of the host", "/etc/subuid");
	return 0;
}

/* The addresses that it was given are of the host's network. */
static int check_addrs(const struct start *start, struct vps_fault *fault)
{
	if (!vps_context_has(start->group, VPS_ATTR_ADDRS))
		return 0;
	if (start->spawn->net != VPS_NET_SHARED)
		return vps_refuse(fault, -EXDEV, "it has addresses in the host's network", "");
	return vps_addrs_at_home() ? 0 :
		vps_refuse(fault, -EXDEV, "this is not the host's network", "");
}

static int check_net(const struct start *start, struct vps_fault *fault)
{
	return start->spawn->net == VPS_NET_BRIDGE ?
		vps_vnet_expect(start->group, fault) : 0;
}

static int prepare_and_make(struct start *start, struct vps_child *ret_child,
			    struct vps_fault *fault)
{
	int rc = vps_join_open(&start->host->cg, start->id, "payload", &start->join);

	if (rc)
		return vps_fault(fault, rc, "open its groups", "");
	rc = vps_step_socket(start->sockets);
	if (rc)
		vps_fault(fault, rc, "make a socket", "");
	else
		rc = make_child(start, ret_child, fault);
	vps_join_close(&start->join);
	return rc;
}

int vps_context_spawn(struct vps_host *host, uint32_t id, const struct vps_spawn *spawn,
		      struct vps_child *ret_child, struct vps_fault *fault)
{
	struct start start = {
		.host = host, .spawn = spawn, .id = id, .exec_fd = -1,
		.root = { .fd = -1, .userns = -1 }, .sockets = { -1, -1 },
	};
	const char *why = vps_host_isolation_refusal(host);
	int rc;

	if (why && spawn->no_namespaces)
		return vps_refuse(fault, -ENOTSUP, why, "a context without namespaces");
	start.group = vps_group_open(&host->cg, id);
	if (start.group < 0)
		return vps_fault(fault, start.group, "find the context", "");
	/* Two starts at once: one of them. Let go when the command is executed. */
	if (flock(start.group, LOCK_EX | LOCK_NB) < 0)
		rc = vps_refuse(fault, -EBUSY, "the context is being started", "");
	else
		rc = check_state(&start, fault) ?: check_addrs(&start, fault);
	rc = rc ?: check_net(&start, fault);
	if (!rc) {
		rc = vps_context_set_starting(start.group);
		if (rc)
			vps_fault(fault, rc, "note that it starts", "");
	}
	rc = rc ?: prepare_and_make(&start, ret_child, fault);
	closep(&start.group);
	closep(&start.exec_fd);
	closep(&start.root.fd);
	closep(&start.root.userns);
	closep(&start.sockets[0]);
	closep(&start.sockets[1]);
	return rc;
}
