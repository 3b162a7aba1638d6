// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys.h"

/* Reserved on most machines; arm64 has it among the numbers of its own. */
#ifndef __NR_vserver
#define __NR_vserver 244
#endif

#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#endif

/* Landlock ABI with scopes; <linux/landlock.h> of older distributions lacks the field. */
#define LANDLOCK_ABI_SCOPE 6
struct vps_landlock_ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

static long result(long rc)
{
	return rc < 0 ? -errno : rc;
}

int vps_sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode,
		    uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = resolve,
	};
	long rc;

	/* EAGAIN: a rename raced with a ".." below RESOLVE_IN_ROOT; openat2(2) says retry. */
	do
		rc = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (rc < 0 && (errno == EAGAIN || errno == EINTR));
	return (int)result(rc);
}

pid_t vps_sys_clone(uint64_t flags, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		/* A sibling takes over the signal that its maker's parent gets. */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	int pidfd = -1;
	long rc;

	args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	rc = result(syscall(SYS_clone3, &args, sizeof(args)));
	if (rc > 0)
		*ret_pidfd = pidfd;
	return (pid_t)rc;
}

int vps_sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)result(syscall(SYS_pivot_root, new_root, put_old));
}

int vps_sys_quotactl(int fd, unsigned int command, uint32_t id, void *data)
{
	return (int)result(syscall(SYS_quotactl_fd, fd, command, id, data));
}

int vps_sys_landlock_scope(void)
{
	struct vps_landlock_ruleset_attr attr = {
		.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
	};
	long abi, fd, rc;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < LANDLOCK_ABI_SCOPE)
		return -ENOTSUP;
	fd = result(syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0));
	if (fd < 0)
		return (int)fd;
	rc = result(syscall(SYS_landlock_restrict_self, (int)fd, 0));
	close((int)fd);
	return (int)rc;
}

int vps_sys_vserver(uint32_t command, uint32_t id, void *data)
{
	return (int)result(syscall(__NR_vserver, command, id, data));
}
