/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one door to system calls that the C library has no function for. Each returns
 * a value >= 0 or a negative errno.
 */
#ifndef VPS_SYS_H
#define VPS_SYS_H

#include <linux/openat2.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The ways into a VPS's tree: nothing resolves to outside of it or through /proc's links. */
#define VPS_RESOLVE_IN_TREE	(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
/* For what must be where it is said to be: no link at all, no other mount. */
#define VPS_RESOLVE_STRICT	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | \
				 RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

/* openat2(2); O_CLOEXEC is always added. */
int vps_sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode,
		    uint64_t resolve);

/* clone3(2) as fork: returns as fork(2) does, *ret_pidfd in the parent only. */
pid_t vps_sys_clone(uint64_t flags, int *ret_pidfd);

int vps_sys_pivot_root(const char *new_root, const char *put_old);

/* quotactl(2) of the file system that @fd is on. */
int vps_sys_quotactl(int fd, unsigned int command, uint32_t id, void *data);

/*
 * Closes the abstract unix sockets of everything outside to the caller and its children
 * (Landlock scope). -ENOTSUP where the kernel has no such scope.
 */
int vps_sys_landlock_scope(void);

/* vserver(2) of a FreeVPS kernel; -ENOSYS on others. */
int vps_sys_vserver(uint32_t command, uint32_t id, void *data);

#endif /* VPS_SYS_H */
