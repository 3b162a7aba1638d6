/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * FreeVPS: contexts, and the one system call that acts on them.
 *
 *	long vserver(__u32 cmd, __u32 id, void *data)
 *
 * A context is a numbered set of control groups with all that is in them. 0 is the host,
 * 1 sees the whole system, 2 is reserved, 3 to 65534 are for virtual private servers.
 *
 * @cmd says what is done to what, in the layout of the proposal of October 2003:
 *
 *	bits 24-31	category, VC_CAT_*
 *	bits 21-22	subcategory, VC_SET, VC_GET or VC_VERSION
 *	bits 0-7	command
 *
 * and all other bits are zero. With VC_VERSION, @id and @data are 0 and the value is the
 * version of that command (command 0: of that category); cmd 0 gives the version of all.
 * What @data points to begins with a __u32, the size of the structure in bytes. Structures
 * only grow at the end: what a newer caller says in a part that this kernel does not know has
 * to be zero, and what this kernel would tell in a part that an older caller does not know is
 * left out.
 *
 * To set takes CAP_SYS_ADMIN in the initial user namespace and context 0; so does to get of a
 * context that is not the caller's own. What is checked first is what fails:
 *
 *	EINVAL		a reserved bit of @cmd is set
 *	EOPNOTSUPP	there is no such category, subcategory or command here
 *	EINVAL		@id is no number that the command takes
 *	EPERM		the caller may not do that
 *	EFAULT		@data cannot be read
 *	EINVAL		the size is less than the structure ever had, or no multiple of 4; or
 *			there is @data, and the command has no structure
 *	E2BIG		the size is more than that of a page, or what lies behind the
 *			structure as known here is not zero
 *	EINVAL		a value is out of its range, what is reserved is not zero
 *	ESRCH		there is no such context (or, where one is named, process)
 *
 * then what is said at each command, and at the end, where something is told,
 *
 *	EFAULT		@data cannot be written
 *
 * Where something is told, of what @data points to only the size is read, and it stays. To get
 * VC_NETADDR_PERMIT, VC_VNET_ATTACH and VC_VNET_QOS reads all of it.
 */
#ifndef _UAPI_LINUX_VPS_H
#define _UAPI_LINUX_VPS_H

#include <linux/capability.h>
#include <linux/types.h>

/* As <linux/lsm.h> numbers security modules; contexts are one. */
#define LSM_ID_VPS		114

#define VC_CATEGORY(c)		(((c) >> 24) & 0xFF)
#define VC_SUBCAT(c)		(((c) >> 21) & 0x3)
#define VC_COMMAND(c)		((c) & 0xFF)
#define VC_CMD(category, subcat, command) \
	((__u32)(category) << 24 | (__u32)(subcat) << 21 | (__u32)(command))

#define VC_SET			1
#define VC_GET			2
#define VC_VERSION		3

#define VC_CAT_VERSION		0
#define VC_CAT_COMPAT		1
#define VC_CAT_CPU		2
#define VC_CAT_PROCESS		3
#define VC_CAT_VNET		4
#define VC_CAT_NETADDR		5
#define VC_CAT_VFS		6
#define VC_CAT_MEMORY		7
#define VC_CAT_OTHER		8

/* What VC_CAT_VERSION answers: 2.0-1. */
#define VPS_PATCH_VERSION	((2 << 16) | (0 << 8) | 1)

#define VPS_CTX_HOST		0
#define VPS_CTX_ALL		1
#define VPS_CTX_MIN		3
#define VPS_CTX_MAX		65534

/* ---- flags of a context ---- */
#define VPS_LOCK		0x01		/* its processes cannot be moved out of it */
#define VPS_SCHED		0x02		/* CPU is shared by context, not by process */
#define VPS_NPROC		0x04		/* RLIMIT_NPROC does not hold inside */
#define VPS_PRIVATE		0x08		/* nothing enters it once it has an init process */
#define VPS_STOP		0x10		/* no new process */
#define VPS_FLAGS		0x1f

/* ---- limits ---- */

#define VPS_UNLIMITED		(~0ULL)

/*
 * To set any limit: VPS_UNLIMITED is none. Above @hard nothing more is given; what is had
 * already stays. Above @soft nothing is refused, and it counts as a hit to get there.
 *	EINVAL	@soft is above @hard
 */
struct vps_bounds {
	__u32 size;
	__u32 reserved;
	__aligned_u64 soft;
	__aligned_u64 hard;
};

/* To get any: @hits is how often @hard has refused and @soft has been passed. */
struct vps_counted {
	__u32 size;
	__u32 reserved;
	__aligned_u64 used;
	__aligned_u64 peak;
	__aligned_u64 soft;
	__aligned_u64 hard;
	__aligned_u64 hits;
};

/* ---- VC_CAT_CPU: a context and its share of the processors ---- */

/*
 * Set: makes the context @id of a group; get, without data: 0 when there is a context @id.
 *	EEXIST	the number is taken
 *	EBADF, ENOENT	@cgroup_fd is no directory of a group of the unified hierarchy, or
 *			that is being removed
 *	EBUSY	the group has, or has had, processes or groups in it, or is the root
 *	EXDEV	the group is inside another context
 *	ENOSPC	as many accounts of traffic as there may be wait for VC_OTHER_FORGET
 *	ENOMEM
 */
#define VC_CPU_CONTEXT		1
/* Set, without data: ends it; what is left of its groups cannot be entered any more.
 *	EBUSY	it has processes
 */
#define VC_CPU_DESTROY		2
/*
 * Set, get: struct vps_policy, in cpu.idle of the context's group. Not of the host.
 *	ENODATA	the group has no cpu controller
 */
#define VC_CPU_POLICY		3
/*
 * Set, get: struct vps_cpu_usage, in cpu.max and cpu.weight of the context's group. Not of the
 * host.
 *	EINVAL	@max is too small for the cpu controller, @min is all that there is, or the policy
 *		is SCHED_IDLE
 *	EBUSY	with what the other contexts have, no weight gives that share
 *	ENODATA	the group has no cpu controller
 */
#define VC_CPU_USAGE		4
/* Set, get: struct vps_flags, all of them at once. Not of the host. */
#define VC_CPU_FLAGS		5

/* With the NUL, which must be there; the rest is 0. Of A-Z a-z 0-9 . _ - only. */
#define VPS_NAME_SIZE		72

struct vps_create {
	__u32 size;
	__u32 flags;
	__s32 cgroup_fd;
	__u32 reserved;
	__aligned_u64 caps;	/* see struct vps_caps */
	char name[VPS_NAME_SIZE];
};

/*
 * In thousandths of one processor. @min is what it gets when all contexts want all, by its weight
 * among theirs: to set it gives it that weight, which later ones make less. 0 leaves it.
 */
struct vps_cpu_usage {
	__u32 size;
	__u32 reserved;
	__aligned_u64 max;	/* or VPS_UNLIMITED */
	__aligned_u64 min;
};

struct vps_policy {
	__u32 size;
	__u32 policy;		/* SCHED_NORMAL (0); SCHED_IDLE (5): only what nobody else wants */
};

struct vps_flags {
	__u32 size;
	__u32 flags;
};

/* ---- VC_CAT_PROCESS ---- */

/*
 * All but VC_PROCESS_MIGRATE and the count are not of the host.
 *
 * Set: moves a process and all its threads into a group of context @id, which may be 0.
 *	ESRCH	no such context, no such process
 *	EBADF, ENOENT	as above
 *	ESTALE	the group is not one of context @id
 *	EBUSY	a process of a context, and not of @id, traces it
 *	EXDEV	VPS_LOCK of the context where it is
 *	EACCES	VPS_PRIVATE of context @id
 *	other	of writing to cgroup.procs of that group
 * Get, with id 0 and without data: the number of the caller's context.
 */
#define VC_PROCESS_MIGRATE	1
/*
 * Set: struct vps_bounds, get: struct vps_counted, of threads. fork() fails with EAGAIN; what is
 * moved in is not refused.
 */
#define VC_PROCESS_MAX		2
/* Set, get: struct vps_caps, the capabilities that hold inside. */
#define VC_PROCESS_CAPS		3
/* Set, get: struct vps_switch; the flag VPS_STOP by itself. */
#define VC_PROCESS_STOP		4
/* Set: struct vps_signal, to each process, none escaping by forking.
 * Get: struct vps_processes.
 */
#define VC_PROCESS_ALL		5
/* Set, get: struct vps_init.
 *	EXDEV	the process is not in that context
 */
#define VC_PROCESS_INIT		6

struct vps_migrate {
	__u32 size;
	__s32 cgroup_fd;
	__s32 pid;		/* in the caller's pid namespace; 0 is the caller */
	__u32 reserved;
};

/*
 * The machine is the host's: in its user namespace nothing in a context has these, whatever
 * struct vps_caps says.
 */
#define VPS_CAPS_MACHINE	((1ULL << CAP_SYS_MODULE) | (1ULL << CAP_SYS_RAWIO) | \
				 (1ULL << CAP_SYS_TIME) | (1ULL << CAP_AUDIT_CONTROL) | \
				 (1ULL << CAP_MAC_OVERRIDE) | (1ULL << CAP_MAC_ADMIN) | \
				 (1ULL << CAP_SYSLOG) | (1ULL << CAP_AUDIT_READ) | \
				 (1ULL << CAP_PERFMON) | (1ULL << CAP_BPF))

struct vps_caps {
	__u32 size;
	__u32 reserved;
	__aligned_u64 caps;	/* bit n is capability n; bits of unknown ones are ignored */
};

struct vps_switch {
	__u32 size;
	__u32 on;		/* 0 or 1 */
};

struct vps_signal {
	__u32 size;
	__s32 signal;		/* up to 64; 0 only looks whether it may be sent */
};

struct vps_processes {
	__u32 size;
	__u32 reserved;
	__aligned_u64 processes;
	__aligned_u64 tasks;
};

struct vps_init {
	__u32 size;
	__s32 pid;		/* in the caller's pid namespace; 0: none, or not seen there */
};

/* ---- VC_CAT_COMPAT: the three calls of FreeVPS 1.1 ---- */

/*
 * Set: struct vps_new_context. Makes context @id of the group when there is none, and moves
 * the caller into it; when there is one, @flags and @remove_caps change nothing. Errors are
 * those of VC_CPU_CONTEXT and VC_PROCESS_MIGRATE.
 */
#define VC_COMPAT_NEW_CONTEXT	1
/*
 * Set: struct vps_addresses. Permits each of the list by its turn, as VC_NETADDR_PERMIT does, with
 * its errors; what came before one that fails stays.
 *	EFAULT	@list cannot be read
 */
#define VC_COMPAT_NETWORK	2
/*
 * Set: struct vps_limits, as @command does of its struct vps_bounds, with its errors.
 *	EINVAL	@command sets no such limit, or as there
 */
#define VC_COMPAT_LIMITS	3

struct vps_new_context {
	__u32 size;
	__u32 flags;
	__s32 cgroup_fd;
	__u32 reserved;
	__aligned_u64 remove_caps;	/* what is taken from all capabilities */
};

struct vps_limits {
	__u32 size;
	__u32 command;		/* such as VC_CMD(VC_CAT_PROCESS, VC_SET, VC_PROCESS_MAX) */
	__aligned_u64 soft;
	__aligned_u64 hard;
};

/* ---- VC_CAT_VNET: not of the host ---- */

/*
 * Of the network of the context's init process, which has to be another one than the machine's;
 * loopbacks are no devices here. All of them:
 *	ENONET	the context has no network of its own
 *	EPERM	set: the caller has no CAP_NET_ADMIN in the initial user namespace
 *	ENOMEM
 *
 * Set: struct vps_device, of which @ifindex is 0. Makes a pair (veth), @name in the context's
 * network and @port in the caller's; the value is the number of the former. Both are down.
 *	EEXIST	there is a device of that name
 *	ENODEV	it was given another name inside before its number was told
 *	EOPNOTSUPP	the kernel has no such pairs
 * Get, without data: the value is how many there are.
 */
#define VC_VNET_DEVICE		1
/*
 * Set: struct vps_device, of which only @ifindex is said, a number in the caller's network. Moves
 * that device into the context's; the value is its number there.
 *	ENODEV	there is no such device
 *	EEXIST	there is one of that name in the context's network
 *	EINVAL	it is one that cannot be moved
 * Get: struct vps_devices.
 *	EFAULT	@list cannot be written
 */
#define VC_VNET_ATTACH		2
/*
 * Set: struct vps_device, of which only @ifindex is said, a number in the context's network.
 * Removes that device, and of a pair both ends. Hardware is given back to the caller's network.
 *	ENODEV	there is no such device
 *	EEXIST, EINVAL	as above, of hardware
 */
#define VC_VNET_DESTROY		3
/*
 * Set, get: struct vps_qos. @max is that of a queue (tbf) at the device, and at the other end of a
 * pair when that is in the caller's network; it takes the place of another one there, and to set
 * VPS_UNLIMITED removes it. @min is that of a class (htb) 1:N of @link, where N is the context's
 * number, below a class 1:1 that is there: in it is what has come in by the other end of the pair.
 * With @link and without @min it is removed, which is to be done before the device is. What was
 * done before something failed stays. Get of what is not there is VPS_UNLIMITED and 0; that of
 * one's own context sees a @link of its own network only.
 *	EINVAL	set: @link is given, and the context is VPS_CTX_ALL
 *	ENODEV	there is no such device, or to get, no such link
 *	EXDEV	@link is given, and the device has no other end in the caller's network
 *	ENOLINK	@link has no class 1:1 of htb, or is not there
 *	ENOENT	the kernel has no tbf or flower, or there is no class to be removed
 */
#define VC_VNET_QOS		4

#define VPS_DEVICE_SIZE		16

struct vps_device {
	__u32 size;
	__u32 ifindex;
	char name[VPS_DEVICE_SIZE];	/* in the context's network; what is behind it is 0 */
	char port[VPS_DEVICE_SIZE];	/* in the caller's; not told */
};

struct vps_devices {
	__u32 size;
	__u32 count;		/* for how many there is room; becomes how many there are */
	__u32 each;		/* size of a struct vps_device, when there is room for one */
	__u32 reserved;
	__aligned_u64 list;	/* pointer to the first of them */
};

/* Bits a second, with headers of Ethernet, in whole bytes; 8000 to 10^12. */
struct vps_qos {
	__u32 size;
	__u32 ifindex;		/* of the device, in the context's network */
	__u32 link;		/* of a device in the caller's where contexts share a line, or 0 */
	__u32 reserved;
	__aligned_u64 max;	/* each way; or VPS_UNLIMITED */
	__aligned_u64 min;	/* of the line, when others want it all, at most @max; or 0 */
};

/* ---- VC_CAT_NETADDR ---- */

/*
 * Not of the host. A context that was given an address is bound to those that it has, and to a
 * loopback of its own, in the network namespace of who gave it the first: 127.HI.LO.0/24 and
 * fd76:7073:6c6f::HILO by its number. So it is when the last has been removed; one that was never
 * given any is bound to none.
 *
 * Set: struct vps_address, one more.
 *	EADDRINUSE	another context has it, or a part of it
 *	EXDEV	the others are of another network namespace
 *	EEXIST	the context has it
 *	ENOSPC	the context has VPS_ADDRESSES_MAX
 *	ENOMEM
 * Get: struct vps_addresses.
 *	ENODATA	the context was never given any
 *	ENOMEM
 *	EFAULT	@list cannot be written
 */
#define VC_NETADDR_PERMIT	1
/*
 * Set: struct vps_address, of which @family, @bits and @addr say which. With 0 for each, all, and
 * the context is bound to none.
 *	ENODATA	the context was never given any
 *	ENOENT	it has no such address
 *	ENOMEM
 */
#define VC_NETADDR_REMOVE	2

/* Of one context. */
#define VPS_ADDRESSES_MAX	256

struct vps_address {
	__u32 size;
	__u16 family;		/* AF_INET (2) or AF_INET6 (10) */
	__u8 bits;		/* from the first on; what differs behind them is permitted, too */
	__u8 prefix;		/* of the network that it is in, to be shown */
	char device[VPS_DEVICE_SIZE];	/* where it is, to be shown, or ""; what is behind is 0 */
	__u8 addr[16];		/* of AF_INET in the first four, the others are 0 */
};

struct vps_addresses {
	__u32 size;
	__u32 count;		/* for how many there is room; becomes how many there are */
	__u32 each;		/* size of a struct vps_address, when there is room for one */
	__u32 reserved;
	__aligned_u64 list;	/* pointer to the first of them */
};

/* ---- VC_CAT_VFS: not of the host ---- */

/*
 * Set: struct vps_tree, a directory with all that is in it on its file system is what the context
 * has on disk; it is counted from here on, together with what is said to be there already: the
 * sums of st_blocks * 512 and of inodes, seen after syncfs() and while nobody changes it. Nothing
 * is renamed or linked into it or out of it, EXDEV. Its file system is not unmounted.
 *	EBADF, ENOTDIR	@dir_fd is no directory
 *	EOPNOTSUPP	the file system does not tell what it gives and takes: it is neither ext4
 *			with extents nor tmpfs
 *	EEXIST	the context has one already
 *	EBUSY	the directory is in, or has in it, another context's
 *	ENOMEM
 * Get: struct vps_tree, with -1 as @dir_fd and what there is now.
 *	ENOENT	the context has none
 */
#define VC_VFS_ROOT		1
/* Set, without data: it is the context's no more, nor counted. The end of the context does it, too.
 *	ENOENT	the context has none
 */
#define VC_VFS_DESTROY		2
/*
 * Set: struct vps_disk_bounds, get: struct vps_disk_counted. More fails with EDQUOT; there may be
 * a few blocks more in which the file system keeps order. df shows hard limits as the size.
 *	ENOENT	the context has no tree
 */
#define VC_VFS_DISK		3
/* Set: struct vps_bounds, get: struct vps_counted, of open files. More fails with ENFILE. */
#define VC_VFS_FILES		4

struct vps_tree {
	__u32 size;
	__s32 dir_fd;
	__aligned_u64 space;	/* bytes, at most 2^63 - 1, as inodes */
	__aligned_u64 inodes;
};

struct vps_disk_bounds {
	__u32 size;
	__u32 reserved;
	__aligned_u64 space_soft;	/* bytes */
	__aligned_u64 space_hard;
	__aligned_u64 inodes_soft;
	__aligned_u64 inodes_hard;
};

struct vps_disk_counted {
	__u32 size;
	__u32 reserved;
	__aligned_u64 space_used;	/* bytes */
	__aligned_u64 space_peak;
	__aligned_u64 space_soft;
	__aligned_u64 space_hard;
	__aligned_u64 space_hits;
	__aligned_u64 inodes_used;
	__aligned_u64 inodes_peak;
	__aligned_u64 inodes_soft;
	__aligned_u64 inodes_hard;
	__aligned_u64 inodes_hits;
};

/* ---- VC_CAT_MEMORY: not of the host ---- */

/*
 * Set: struct vps_bounds, get: struct vps_counted, of bytes of address space, whole pages. More
 * fails with ENOMEM.
 */
#define VC_MEMORY_TOTAL		1
/* Get: struct vps_counted, of bytes; set it in the memory controller of the context's group.
 *	ENODATA	the group has no memory controller
 */
#define VC_MEMORY_RESIDENT	2

/* ---- VC_CAT_OTHER: not of the host ---- */

/*
 * Set: struct vps_bounds, get: struct vps_counted, of TCP connections in ESTABLISHED, by both
 * families. connect() fails with EAGAIN, who comes from outside is not answered.
 */
#define VC_OTHER_TCP		1
/*
 * Set: struct vps_forget. An account of traffic stays in /proc/vservers when its context is gone,
 * if there is anything in it; this drops it. The number may be another context's meanwhile.
 *	ENOENT	there is no such account of a context @id
 *	EBUSY	the context has not ended, or is still held by a socket, a file or a dead process
 */
#define VC_OTHER_FORGET		2

struct vps_forget {
	__u32 size;
	__u32 reserved;
	__aligned_u64 account;	/* as in /proc/vservers/traffic */
};

#endif /* _UAPI_LINUX_VPS_H */
