/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvps: contexts and virtual private servers on one Linux kernel.
 *
 * Contract of every call here, unless its comment says otherwise:
 *  - it returns 0 (or a value >= 0 where said) or a negative errno;
 *  - it never prints, never exits and never reads the environment;
 *  - outputs are named ret_*, come last, and are written only on success;
 *  - descriptors it makes are close-on-exec;
 *  - it is not safe to use one struct vps_host from two threads at once.
 *
 * Where several steps can fail, struct vps_fault tells which object and which
 * step it was; it is written only on failure.
 */
#ifndef VPS_H
#define VPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Context numbers: the host, the observer of the whole system, then the VPSes. */
#define VPS_ID_HOST	0u
#define VPS_ID_ALL	1u
#define VPS_ID_MIN	3u
#define VPS_ID_MAX	65534u
/* First number given to a context that is neither configured nor named. */
#define VPS_ID_DYNAMIC	49152u
/* "Any free number" in struct vps_context_spec. */
#define VPS_ID_ANY	UINT32_MAX

/* User ids of a context in its own user namespace; the first one is id << 16. */
#define VPS_UID_COUNT	65536u

#define VPS_NAME_MAX	64
#define VPS_HOSTNAME_MAX 64

/* Processes and threads of a context unless a limit says otherwise. */
#define VPS_DEFAULT_PROC_MAX 2048u

#define VPS_CONFIG_DIR	"/etc/vservers"
#define VPS_TREE_DIR	"/var/lib/vservers"
#define VPS_RUN_DIR	"/run/vps"
#define VPS_STATE_DIR	"/var/lib/vps"

/**
 * struct vps_fault - which step on which object failed
 * @step: what was tried, in a few words ("mount /proc"); static text
 * @refused: @step is itself the reason ("is not running"); the error's text adds nothing
 * @object: the file, group or name it was tried on; may be empty
 */
struct vps_fault {
	const char *step;
	bool refused;
	char object[256];
};

/* ---- words and numbers (parse.c) ------------------------------------- */

/* Decimal digits only: no sign, space, octal, hex or suffix; empty is an error.
 *   -EINVAL not a number   -ERANGE too large */
int vps_parse_u64(const char *s, uint64_t *ret_value);

/* A context number, 0 to VPS_ID_MAX. -EINVAL, -ERANGE as above. */
int vps_parse_id(const char *s, uint32_t *ret_id);

/* Bytes or a count: digits and one of K M G T P (powers of 1024, either case).
 * -EINVAL, -ERANGE as above. */
int vps_parse_size(const char *s, uint64_t *ret_value);

/* "TERM", "SIGTERM", "15", "RTMIN+4", "RTMAX-1"; -EINVAL otherwise. */
int vps_parse_signal(const char *s, int *ret_signal);

/* [A-Za-z0-9][A-Za-z0-9._-]*, at most VPS_NAME_MAX bytes. */
bool vps_is_name(const char *s);

/* What sethostname(2) may be given: [A-Za-z0-9._-]+, at most VPS_HOSTNAME_MAX. */
bool vps_is_hostname(const char *s);

/* A name that a network device may have. */
bool vps_is_device(const char *s);

/* Bits a second, and the least and the most that a rate can be. */
#define VPS_RATE_LEAST	UINT64_C(8000)
#define VPS_RATE_MOST	UINT64_C(1000000000000)
/* Of a VPS's device. */
#define VPS_MTU_LEAST	576u
#define VPS_MTU_MOST	65535u

/* Digits and one of K M G T, powers of 1000. -EINVAL, -ERANGE not within the bounds above. */
int vps_parse_rate(const char *s, uint64_t *ret_rate);

/* "1500"; -EINVAL, -ERANGE. */
int vps_parse_mtu(const char *s, unsigned int *ret_mtu);

/* Context flags, the words of FreeVPS 1.1 and util-vserver. */
#define VPS_F_LOCK	(1u << 0)	/* processes inside cannot leave for another context */
#define VPS_F_SCHED	(1u << 1)	/* the scheduler shares CPU by context, not by process */
#define VPS_F_NPROC	(1u << 2)	/* the process limit is the context's, not the user's */
#define VPS_F_PRIVATE	(1u << 3)	/* nobody may enter a running context */
#define VPS_F_STOP	(1u << 4)	/* no new process */

/* "lock,nproc", one comma or blank between, in any order and case, "" is none; -EINVAL. */
int vps_parse_flags(const char *s, uint32_t *ret_flags);

/* Writes the words of @flags, comma separated; returns the length as snprintf does. */
int vps_format_flags(uint32_t flags, char *buf, size_t size);

/* A capability's name with or without "cap_", any case; -EINVAL for an unknown one. */
int vps_parse_cap(const char *s, int *ret_cap);

/* Addresses of one context, of both families. */
#define VPS_ADDRS_MAX 256
/* Room for an address with its prefix. */
#define VPS_ADDR_TEXT_MAX 56

/**
 * struct vps_addr - an address that a VPS has
 * @family: AF_INET or AF_INET6
 * @prefix: length of its network's prefix in bits; 32 or 128 where none was given
 * @bytes: in the order of the wire; of IPv4 the first four, the others 0
 */
struct vps_addr {
	int family;
	unsigned int prefix;
	unsigned char bytes[16];
};

/*
 * "192.0.2.1", "192.0.2.1/24", "192.0.2.1/255.255.255.0", "2001:db8::1/64".
 *   -EINVAL no address or no mask   -ERANGE such a prefix there is not
 *   -EDOM unspecified, loopback, multicast, link-local or mapped: no VPS can have it
 */
int vps_parse_addr(const char *s, struct vps_addr *ret_addr);

/* Without and with "/PREFIX". */
void vps_format_addr(const struct vps_addr *addr, char buf[VPS_ADDR_TEXT_MAX]);
void vps_format_addr_prefix(const struct vps_addr *addr, char buf[VPS_ADDR_TEXT_MAX]);

/*
 * "192.0.2.1/24, 2001:db8::1/64", separated by one comma or blanks.
 *   -EINVAL, -ERANGE, -EDOM as above   -E2BIG more than @max   -EEXIST one of them twice
 */
int vps_parse_addrs(const char *s, struct vps_addr *ret_addrs, size_t max, size_t *ret_count);

/* An address as vps_parse_addr() takes it, or a link-local one of IPv6; without a prefix. */
int vps_parse_gateway(const char *s, struct vps_addr *ret_addr);

/*
 * "192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0"; an address alone is a network of one.
 *   -EINVAL, -ERANGE as vps_parse_addr()   -EDOM bits are set behind the prefix
 */
int vps_parse_network(const char *s, struct vps_addr *ret_net);

/* The same address, whatever the prefixes. */
bool vps_addr_equal(const struct vps_addr *a, const struct vps_addr *b);

/* ---- configuration of one VPS (config.c) ------------------------------ */

struct vps_config;

/**
 * struct vps_config_error - where a configuration is wrong
 * @line: counted from 1; 0 when the file as a whole is meant
 * @text: the reason, one line, no full stop
 */
struct vps_config_error {
	unsigned int line;
	char text[192];
};

/*
 * vps_config_parse - reads KEY="value" lines from @fd; nothing is executed.
 * Every error is passed to @report (may be NULL) with @data, in file order.
 *   -EINVAL at least one error was reported: *ret_config is written nevertheless and
 *	holds what is well-formed
 *   -EFBIG larger than 64 KiB
 *   other: of read(2)
 */
int vps_config_parse(int fd, void (*report)(const struct vps_config_error *err, void *data),
		     void *data, struct vps_config **ret_config);

/*
 * vps_config_open - opens @dir/@name.conf after checking owner and mode: @dir and
 * the file are root's and not writable by anyone else, the file is regular and
 * not a link. Returns a descriptor.
 *   -EINVAL bad name   -ENOENT no such VPS   -EPERM owner or mode   -ELOOP a link
 */
int vps_config_open(const char *dir, const char *name);

/* Is it a word that a configuration may set? */
bool vps_config_is_key(const char *key);

/* The value of @key, or NULL where the file does not set it or sets it to "". */
const char *vps_config_get(const struct vps_config *config, const char *key);

/* Walks the keys set, in the table's order: the i-th key and value; false past the end. */
bool vps_config_at(const struct vps_config *config, size_t i, const char **ret_key,
		   const char **ret_value);

void vps_config_free(struct vps_config *config);

/* ---- the host and its engine (host.c, engine.h) ------------------------ */

enum vps_engine_kind {
	VPS_ENGINE_ANY,
	VPS_ENGINE_KERNEL,
	VPS_ENGINE_STOCK,
};

/* "", "kernel", "stock"; -EINVAL otherwise. */
int vps_parse_engine(const char *s, enum vps_engine_kind *ret_kind);

struct vps_host;

/*
 * vps_host_open - finds the engine and the control groups of this machine.
 * Nothing is made or changed by it.
 *   -ENOTSUP the engine asked for is not there   -ENODEV cgroup2 is not mounted
 *   -EPERM   not root in the initial user namespace, or inside a context
 *   -EXDEV   contexts that the other engine made are there
 */
int vps_host_open(enum vps_engine_kind want, struct vps_host **ret_host,
		  struct vps_fault *fault);
void vps_host_close(struct vps_host *host);

/* Locks are in @dir instead of VPS_RUN_DIR; the string must outlive @host. */
void vps_host_set_run_dir(struct vps_host *host, const char *dir);

/* "stock" or "kernel". */
const char *vps_host_engine(const struct vps_host *host);

/* NULL when contexts keep their processes apart without namespaces, else what that needs. */
const char *vps_host_isolation_refusal(const struct vps_host *host);

/* Capabilities that no context has without a user namespace of its own, bit n is capability n. */
uint64_t vps_host_withheld(const struct vps_host *host);

/* NULL when the kernel engine works here, whichever one @host has; else why it does not. */
const char *vps_host_kernel_refusal(struct vps_host *host);

/* ---- contexts (context.c) ---------------------------------------------- */

/*
 * State of a context:
 *   VPS_STATE_NEW      being set up under its lock, or its first process is
 *   VPS_STATE_KEPT     made by hand, empty, stays until it is destroyed
 *   VPS_STATE_RUNNING  its first process has been or is about to be executed
 * and, derived when asked for, never stored:
 *   VPS_STATE_STALE    was being set up by somebody who is gone
 *   VPS_STATE_DEAD     was running and has no process left
 *   VPS_STATE_REBOOTED the same, and it ended by asking for a restart with reboot(2)
 *                      (a host that cannot tell says VPS_STATE_DEAD)
 */
enum vps_state {
	VPS_STATE_NEW,
	VPS_STATE_KEPT,
	VPS_STATE_RUNNING,
	VPS_STATE_STALE,
	VPS_STATE_DEAD,
	VPS_STATE_REBOOTED,
};

/* "new", "kept", "running", "stale", "dead", "rebooted". */
const char *vps_state_name(enum vps_state state);

/**
 * struct vps_context_info - what a context is
 * @id: its number
 * @state: as above
 * @flags: VPS_F_*
 * @init: pid of its first process in the host's pid namespace, 0 when none is alive
 * @userns: its processes live in a user namespace of their own
 * @bridged: it has a device on a bridge
 * @started_us: CLOCK_BOOTTIME when it began to run, 0 before
 * @name: the VPS it belongs to, "" when none
 */
struct vps_context_info {
	uint32_t id;
	enum vps_state state;
	uint32_t flags;
	pid_t init;
	bool userns;
	bool bridged;
	uint64_t started_us;
	char name[VPS_NAME_MAX + 1];
};

/**
 * struct vps_context_spec - what to make
 * @id: VPS_ID_MIN to VPS_ID_MAX, or VPS_ID_ANY for the lowest free from @first
 * @first: VPS_ID_MIN or VPS_ID_DYNAMIC; 0 means VPS_ID_MIN
 * @name: the VPS it belongs to (its lock is VPS_RUN_DIR/NAME.lock), or NULL
 * @flags: VPS_F_*
 * @keep: state VPS_STATE_KEPT instead of VPS_STATE_NEW
 */
struct vps_context_spec {
	uint32_t id;
	uint32_t first;
	const char *name;
	uint32_t flags;
	bool keep;
};

/*
 * vps_context_create - makes the groups of a context, empty, with the default
 * process limit.
 *   -EEXIST the number or the name is in use   -EADDRINUSE its user ids meet /etc/subuid
 *   -ENOSPC no number is free, or too many accounts wait in the kernel
 *   -EINVAL bad number or name
 */
int vps_context_create(struct vps_host *host, const struct vps_context_spec *spec,
		       uint32_t *ret_id, struct vps_fault *fault);

/* Removes an empty context. -ENOENT no such context, -EBUSY it has processes. */
int vps_context_destroy(struct vps_host *host, uint32_t id);

/* -ENOENT no such context. */
int vps_context_info(struct vps_host *host, uint32_t id, struct vps_context_info *ret_info);

/* The context of the VPS called @name: -ENOENT when it has none. */
int vps_context_find(struct vps_host *host, const char *name, uint32_t *ret_id);

/* All contexts, ascending; free(3) the array. Returns 0. */
int vps_context_list(struct vps_host *host, uint32_t **ret_ids, size_t *ret_count);

/* The context of process @pid (0 is the caller), VPS_ID_HOST when in none. -ESRCH. */
int vps_context_of(struct vps_host *host, pid_t pid, uint32_t *ret_id);

/* Replaces the flags. -ENOENT. */
int vps_context_set_flags(struct vps_host *host, uint32_t id, uint32_t flags);

/* Host pids of every process; free(3) the array. -ENOENT. */
int vps_context_pids(struct vps_host *host, uint32_t id, pid_t **ret_pids, size_t *ret_count);

/* A pidfd of the first process. -ENOENT no context, -ESRCH it has none alive. */
int vps_context_init(struct vps_host *host, uint32_t id);

/* Sends @signal to every process, none escaping by forking. -ENOENT, -EINVAL. */
int vps_context_signal(struct vps_host *host, uint32_t id, int signal);

/* SIGKILL to every process at once. Returns before they are gone. -ENOENT. */
int vps_context_kill(struct vps_host *host, uint32_t id);

/* Stops or continues every process; returns when all are. -ENOENT, -ETIMEDOUT. */
int vps_context_freeze(struct vps_host *host, uint32_t id, bool frozen);

/* Waits until no process is left; @timeout_ms < 0 is for ever. -ETIMEDOUT, -ENOENT. */
int vps_context_wait(struct vps_host *host, uint32_t id, int timeout_ms);

/* For three load averages and the blanks between them. */
#define VPS_LOAD_SIZE	64

/**
 * struct vps_usage - what a context uses now
 * @procs: processes (not threads)
 * @tasks: threads of all processes
 * @vsz: sum of the processes' virtual memory, bytes
 * @rss: resident memory, bytes: the memory controller's count where there is one,
 *	else the sum over the processes (shared pages count each time)
 * @user_us, @system_us: CPU time, dead processes' included
 * @load: load averages of one, five and fifteen minutes, as in /proc/loadavg; those of the host are
 *	the whole machine's; "" where nobody counts them (stock engine)
 */
struct vps_usage {
	uint64_t procs;
	uint64_t tasks;
	uint64_t vsz;
	uint64_t rss;
	uint64_t user_us;
	uint64_t system_us;
	char load[VPS_LOAD_SIZE];
};

/* @id VPS_ID_HOST: every process that is in no context. -ENOENT. */
int vps_context_usage(struct vps_host *host, uint32_t id, struct vps_usage *ret_usage);

/* Threads that run or cannot be interrupted now, of which load is the average. -ENOENT. */
int vps_context_active(struct vps_host *host, uint32_t id, uint64_t *ret_tasks);

/* Why this host cannot give contexts addresses and limits of TCP; NULL when it can. */
const char *vps_host_net_refusal(struct vps_host *host);

/* Can this host tell a reboot from a halt of a VPS? 0 yes, else why not:
 *   -ENOTSUP no BPF type information in the kernel   -EPERM, ENOSYS no BPF
 */
int vps_host_sees_reboot(struct vps_host *host);

/* Can this host shut its abstract unix sockets to VPSes in its network? 0, -ENOTSUP. */
int vps_host_scopes_sockets(struct vps_host *host);

/* ---- running something in a context (spawn.c) -------------------------- */

enum vps_net {
	VPS_NET_SHARED,		/* the host's network */
	VPS_NET_NONE,		/* an own one with nothing but a loopback */
	VPS_NET_BRIDGE,		/* an own one with the device of vps_vnet_add() */
};

/**
 * struct vps_rlimit - a limit of one process, which what it starts inherits
 * @resource: RLIMIT_*
 */
struct vps_rlimit {
	int resource;
	struct rlimit value;
};

/**
 * struct vps_spawn - the first process of a context and the walls around it
 * @argv: command, NULL terminated
 * @envp: its whole environment
 * @exec_fd: executes this file; -1 for none
 * @exec_fallback: @exec_fd only where @root has no argv[0]
 * @root: path of the tree that becomes "/", or NULL for the host's own root
 * @tree: without @root: a directory to run in, in which the context's root is root,
 *	while the rest of the host's files are as a stranger sees them; or NULL
 * @hostname, @domainname: or NULL
 * @caps: bounding set, bit n is capability n
 * @net: VPS_NET_*
 * @userns: give it a user namespace of its own with VPS_UID_COUNT ids (needs @root or
 *	@tree; always with @tree)
 * @no_namespaces: only the context keeps it apart, see vps_host_isolation_refusal(): of the other
 *	members, those that need namespaces are not set
 * @own_tty: file descriptors 0-2 are a log, not the caller's (root only):
 *	/dev/console of the VPS, which is var/log/console.log of its tree
 * @tied: it is killed when the thread that started it ends
 * @rlimits, @rlimit_count: limits of each process, which nobody inside can raise
 * @stdio: what becomes fds 0-2 when not @own_tty (usually 0, 1, 2)
 */
struct vps_spawn {
	char *const *argv;
	char *const *envp;
	int exec_fd;
	bool exec_fallback;
	const char *root;
	const char *tree;
	const char *hostname;
	const char *domainname;
	uint64_t caps;
	enum vps_net net;
	bool userns;
	bool no_namespaces;
	bool own_tty;
	bool tied;
	const struct vps_rlimit *rlimits;
	size_t rlimit_count;
	int stdio[3];
};

/*
 * Capabilities that a VPS keeps, with and without a user namespace of its own, and with a device
 * on a bridge: then what the host holds it to would be no wall for its network's administrator.
 */
uint64_t vps_caps_default(bool userns, bool bridged);

/* All that this kernel has. */
uint64_t vps_caps_all(void);

/**
 * struct vps_child - a process started in a context; the caller's child
 * @pid: in the caller's pid namespace
 * @pidfd: to wait for it without a race
 */
struct vps_child {
	pid_t pid;
	int pidfd;
};

/*
 * vps_context_spawn - runs the first process of context @id (NEW or KEPT, empty).
 * Returns when the command has been executed or could not be; then nothing of it is left.
 * The calling process gets a private mount namespace of its own by this call.
 *   -EBUSY   the context is running already
 *   -ENODATA VPS_NET_BRIDGE, and it has no device
 *   -ENOTSUP @spawn->no_namespaces, and this engine needs them
 *   -ENOENT  no such context; or, when fault->step is "execute", no such command
 *   -EACCES  and others of execve when fault->step is "execute"
 */
int vps_context_spawn(struct vps_host *host, uint32_t id, const struct vps_spawn *spawn,
		      struct vps_child *ret_child, struct vps_fault *fault);

/**
 * struct vps_enter - a further process of a running context
 * @argv, @envp: as above; PATH of @envp finds the command inside
 * @user: name or number of a user in the VPS's own /etc/passwd, NULL is root
 * @stdio: what becomes fds 0-2
 * @caps: bounding set
 */
struct vps_enter {
	char *const *argv;
	char *const *envp;
	const char *user;
	int stdio[3];
	uint64_t caps;
};

/*
 * vps_context_enter - runs a command in the namespaces of a running context, with no higher
 * limits of a process than its first process has.
 *   -ENOENT no such context (or command: fault->step "execute")   -ESRCH nothing runs in it
 *   -EACCES it is private   -EINVAL fault->step "user": no such or malformed user
 */
int vps_context_enter(struct vps_host *host, uint32_t id, const struct vps_enter *enter,
		      struct vps_child *ret_child, struct vps_fault *fault);

/*
 * vps_context_openpty - a new terminal of the context's own /dev/pts: master
 * and slave, the slave owned by the root of the VPS.
 *   -ESRCH nothing runs in it   -ENOTTY what is at /dev/pts/ptmx inside is none
 */
int vps_context_openpty(struct vps_host *host, uint32_t id, int *ret_master, int *ret_slave,
			struct vps_fault *fault);

/* Waits for @child and closes its pidfd; returns its wait status in *ret_status. */
int vps_child_wait(struct vps_child *child, int *ret_status);

/* ---- limits (resource.c, limit.c) ------------------------------------------ */

/* No limit. */
#define VPS_LIMIT_INF		UINT64_MAX
/* A number that there is not: the resource or this kernel has none. */
#define VPS_LIMIT_NONE		(UINT64_MAX - 1)

enum vps_unit {
	VPS_UNIT_NONE,
	VPS_UNIT_COUNT,
	VPS_UNIT_BYTES,
	VPS_UNIT_PERCENT,	/* of one CPU */
	VPS_UNIT_WEIGHT,	/* beside other contexts */
	VPS_UNIT_US,		/* microseconds of CPU time */
	VPS_UNIT_BYTES_S,	/* bytes a second, of each disk */
	VPS_UNIT_COUNT_S,	/* operations a second, of each disk */
};

/**
 * struct vps_resource - something that can be limited
 * @name: as an option of vlimit
 * @alias: another word for it, or NULL
 * @key: in a configuration
 * @what: a few words
 * @over: what happens when the limit is set below what is in use; or NULL
 * @unit: of the limits
 * @used_unit: of what is used, and of the peak
 * @min, @max: bounds of a limit
 */
struct vps_resource {
	const char *name;
	const char *alias;
	const char *key;
	const char *what;
	const char *over;
	enum vps_unit unit;
	enum vps_unit used_unit;
	uint64_t min;
	uint64_t max;
};

/* "bytes", "processes" ... for people. */
const char *vps_unit_name(enum vps_unit unit);

/* The i-th resource, supported here or not; NULL past the end. */
const struct vps_resource *vps_resource_at(size_t i);

/* By name, alias or key; NULL when there is none. */
const struct vps_resource *vps_resource_find(const char *word);

/* NULL when limits of @resource hold on this host, else why not. */
const char *vps_resource_refusal(struct vps_host *host, const struct vps_resource *resource);

/*
 * vps_resource_capacity - what the host has of it in all, in the unit of its limits; of disks,
 * what the file system of directory @trees has.
 *   -ENODATA there is no such number   other: it could not be read
 */
int vps_resource_capacity(const struct vps_resource *resource, const char *trees,
			  uint64_t *ret_total);

/**
 * struct vps_limit - a limit asked for
 * @soft, @hard: in the unit of @resource, or VPS_LIMIT_INF
 */
struct vps_limit {
	const struct vps_resource *resource;
	uint64_t soft;
	uint64_t hard;
};

/*
 * vps_limit_parse - "HARD" or "SOFT:HARD"; each is a number, for bytes and counts with
 * K M G T P (powers of 1024), or "inf", or for what the host has much of "25%". HARD
 * alone is without a soft limit.
 *   -EINVAL not of this form   -ERANGE below min or above max   -EDOM soft above hard
 *   other: the host's size could not be read
 */
int vps_limit_parse(const struct vps_resource *resource, const char *text,
		    struct vps_limit *ret_limit);

/*
 * vps_limit_check - could this host hold all of them? Changes nothing.
 *   -ENOTSUP no: fault->object is the resource, fault->step the reason
 */
int vps_limit_check(struct vps_host *host, const struct vps_limit *limits, size_t count,
		    struct vps_fault *fault);

/*
 * vps_limit_set - sets all of them or none.
 *   -ENOENT no such context   -ENOTSUP as above
 *   -EBUSY more is in use and cannot be reclaimed (memory on cgroup v1)
 */
int vps_limit_set(struct vps_host *host, uint32_t id, const struct vps_limit *limits,
		  size_t count, struct vps_fault *fault);

/**
 * struct vps_limit_state - what a context has of one resource; VPS_LIMIT_NONE for what
 *	there is not
 * @used, @peak: in the resource's used_unit; some count from the context's beginning
 * @soft, @hard: in the resource's unit, or VPS_LIMIT_INF
 * @hits: how often a limit was met
 */
struct vps_limit_state {
	uint64_t used;
	uint64_t peak;
	uint64_t soft;
	uint64_t hard;
	uint64_t hits;
};

/* -ENOENT no such context   -ENOTSUP the resource is not supported here */
int vps_limit_get(struct vps_host *host, uint32_t id, const struct vps_resource *resource,
		  struct vps_limit_state *ret_state);

/*
 * vps_limit_reset_peak - from now on the peak is that of the time since. Where the kernel
 * cannot forget the old one, the peak is VPS_LIMIT_NONE until it is exceeded.
 *   -ENOENT no such context   -ENOTSUP not supported here, or without a peak
 */
int vps_limit_reset_peak(struct vps_host *host, uint32_t id,
			 const struct vps_resource *resource);

/* ---- trees (tree.c) ------------------------------------------------------ */

/*
 * vps_tree_open - opens a VPS's tree: a directory, not a link, that strangers on
 * the host cannot reach (some directory above it, or the tree itself, is root's and
 * closed to others), so that a setuid file in it is harmless. Returns a descriptor.
 *   -ENOENT, -ENOTDIR, -ELOOP a link   -EPERM reachable by others
 */
int vps_tree_open(const char *path, struct vps_fault *fault);

/*
 * vps_tree_remove - removes everything in the tree and the tree, never crossing into
 * another mount and never following a link.
 *   -EBUSY something is mounted below it (nothing was removed)   -ENOENT no such tree
 *   -ENOTDIR, -ELOOP it is no directory or a link
 */
int vps_tree_remove(const char *path, struct vps_fault *fault);

/* ---- what a tree uses (walk.c) ------------------------------------------- */

/**
 * struct vps_tree_size - a hard link is counted once, in the directory that was read first
 * @space: bytes that are allocated
 * @apparent: sum of the lengths of files and symbolic links
 * @inodes: files of whatever kind, the tree itself included
 * @names: the same, with a hard link counted each time
 */
struct vps_tree_size {
	uint64_t space;
	uint64_t apparent;
	uint64_t inodes;
	uint64_t names;
};

#define VPS_WALK_THREADS_MAX 64
#define VPS_WALK_PROGRESS_MS 500

struct stat;
struct vps_walk;
struct vps_walk_dir;

/**
 * struct vps_walk_name - a name that a walk has met
 * @dir, @fd: the directory that it is in
 * @name: in there; "" for the directory itself
 * @st: what it is
 * @companion: -1 at first; a descriptor that is kept with the directory until all that is in
 *	it has been told, and then closed
 */
struct vps_walk_name {
	const struct vps_walk_dir *dir;
	int fd;
	const char *name;
	const struct stat *st;
	int *companion;
};

/**
 * struct vps_walk_spec - how to count; the calls come one at a time, from any thread
 * @threads: 0: one for each processor that this process may use
 * @cross: go into other file systems that are mounted in the tree
 * @report: a directory, @depth below the tree, is counted with all below it; or NULL
 * @visit: called for each name that is counted, hard links each time, from several threads at
 *	once; a directory and what is in it that is no directory from one thread, in this order; or
 *	NULL. What it returns but 0 is told to @fault
 * @fault: @path cannot be read, or not whole
 * @progress: called now and then with the names seen so far; or NULL
 * @data: handed to them
 */
struct vps_walk_spec {
	unsigned int threads;
	bool cross;
	void (*report)(const struct vps_walk_dir *dir, const struct vps_tree_size *size,
		       unsigned int depth, void *data);
	int (*visit)(const struct vps_walk_name *name, void *data);
	void (*fault)(const char *path, int err, void *data);
	void (*progress)(uint64_t names, void *data);
	void *data;
};

int vps_walk_new(const struct vps_walk_spec *spec, struct vps_walk **ret_walk);
void vps_walk_free(struct vps_walk *walk);

/*
 * vps_walk_tree - counts the directory @tree and all below it. Links are not followed, and a
 * file that an earlier call of the same @walk has counted is not counted again by
 * another of its names. What changes meanwhile is counted or not. @path is what the tree is
 * called in reports. Faults of single files are reported and do not fail the call.
 */
int vps_walk_tree(struct vps_walk *walk, int tree, const char *path,
		  struct vps_tree_size *ret_size);

/* In a report: the path of @dir, to be free(3)d; NULL without memory. */
char *vps_walk_path(const struct vps_walk_dir *dir);

/* ---- copies of trees (copy.c) --------------------------------------------- */

/**
 * struct vps_copy_spec - how to copy
 * @threads: 0: one for each processor that this process may use
 * @progress: called now and then with the names seen so far; or NULL
 * @data: handed to it
 */
struct vps_copy_spec {
	unsigned int threads;
	void (*progress)(uint64_t names, void *data);
	void *data;
};

/**
 * struct vps_copied - what has been copied
 * @names: names, hard links each time
 * @cloned: files that share their space with the original
 * @devices: device nodes that were left out
 */
struct vps_copied {
	uint64_t names;
	uint64_t cloned;
	uint64_t devices;
};

/*
 * vps_tree_copy - copies what is in directory @from, called @path, into the empty directory @to:
 * owners, modes, times, hard links, holes, access lists, capabilities and user.* attributes.
 * Files share their space where the file system can. Device nodes, sockets and other file systems
 * are left out. Nothing is read or written outside of the two, whatever changes in @from
 * meanwhile. Writes end at a quota as they would for anybody. At the first failure it stops.
 */
int vps_tree_copy(int from, const char *path, int to, const struct vps_copy_spec *spec,
		  struct vps_copied *ret_copied, struct vps_fault *fault);

/* ---- disks (disk.c) -------------------------------------------------------- */

/* How the disk space of a tree is counted and bounded. */
enum vps_disk_kind {
	VPS_DISK_AUTO,		/* the one it has, or else the first below that this host can */
	VPS_DISK_COUNTED,	/* by the kernel, while its context lasts */
	VPS_DISK_QUOTA,		/* a project of its file system */
	VPS_DISK_IMAGE,		/* a file system of its own in a file beside it */
	VPS_DISK_PLAIN,		/* not at all */
};

/* "auto", "counted", "quota", "image"; -EINVAL otherwise. */
int vps_parse_disk_kind(const char *s, enum vps_disk_kind *ret_kind);

/* "counted", "quota", "image", "plain". */
const char *vps_disk_kind_name(enum vps_disk_kind kind);

/**
 * struct vps_disk - what a tree has; VPS_LIMIT_NONE for what there is not
 * @project: of a quota
 * @mounted: of an image
 * @reserved: no other can have what it does not use yet
 * @size, @used: bytes, VPS_LIMIT_INF without limit; of an image @used has what the file system
 *	itself needs, so that what is left is what can be written
 * @inodes_max, @inodes: files of whatever kind
 * @tree_space, @tree_inodes: what the tree uses, as vps_walk_tree() would count it
 */
struct vps_disk {
	enum vps_disk_kind kind;
	uint32_t project;
	bool mounted;
	bool reserved;
	uint64_t size;
	uint64_t used;
	uint64_t inodes_max;
	uint64_t inodes;
	uint64_t tree_space;
	uint64_t tree_inodes;
};

/* -ENOENT no such tree. */
int vps_disk_look(struct vps_host *host, const char *tree, struct vps_disk *ret_disk,
		  struct vps_fault *fault);

/*
 * vps_disk_of - the same of the tree that context @id was given by vps_disk_attach(), whose
 * path is to be free(3)d.
 *   -ENOENT no such context   -ENODATA it was given none
 */
int vps_disk_of(struct vps_host *host, uint32_t id, struct vps_disk *ret_disk,
		char **ret_tree);

/**
 * struct vps_disk_spec - what a tree is to have
 * @kind: of disk
 * @size, @inodes: limits; VPS_LIMIT_INF: none, which an image cannot do without @size
 * @sparse: of an image: take space from the host only when it is written to; never is
 *	more promised than there is
 * @progress: called now and then with how many files have been labelled or counted; or NULL
 * @data: handed to it
 */
struct vps_disk_spec {
	enum vps_disk_kind kind;
	uint64_t size;
	uint64_t inodes;
	bool sparse;
	void (*progress)(uint64_t names, void *data);
	void *data;
};

/*
 * vps_disk_create - gives the directory @tree, in which nothing runs, a disk: labels it, or
 * makes an image, which then is mounted on it if it is empty. What is counted by the kernel needs
 * nothing before there is a context.
 *   -EEXIST it has one   -ENOTSUP this host cannot: fault->step is the reason
 *   -ENOSPC the host has not as much left   -ERANGE an image of that size is too small
 */
int vps_disk_create(struct vps_host *host, const char *tree, const struct vps_disk_spec *spec,
		    struct vps_fault *fault);

/*
 * vps_disk_attach - makes ready what @tree has, or if it has nothing has the kernel count it or
 * gives it a quota, and remembers it for limits of context @id, in which nothing runs yet.
 * @spec: kind, sparse and progress.
 *   -ENOENT no such context or tree   -ENOTSUP as above   -EUCLEAN the image needs e2fsck
 */
int vps_disk_attach(struct vps_host *host, uint32_t id, const char *tree,
		    const struct vps_disk_spec *spec, struct vps_fault *fault);

/* Mounts an image, after mending what a crash has left; nothing where it is mounted or there is
 * none. The same for unmounting: -EBUSY somebody uses it. */
int vps_disk_mount(const char *tree, struct vps_fault *fault);
int vps_disk_unmount(const char *tree, struct vps_fault *fault);

/*
 * vps_disk_resize - another limit in bytes; that of an image is changed while nothing runs on it.
 *   -EBUSY a VPS runs on it   -ENODATA it has no disk   -ENOSPC as above, or its files
 *   need more
 */
int vps_disk_resize(struct vps_host *host, const char *tree, uint64_t size,
		    struct vps_fault *fault);

/* Removes an image with all that is in it, or the limits of a quota. 0 where there is none. */
int vps_disk_remove(const char *tree, struct vps_fault *fault);

/* ---- devices on a bridge (vnet.c) ------------------------------------------- */

/* With less there is no IPv6. */
#define VPS_MTU_IPV6 1280

/* Gateways: one of each family. */
#define VPS_GATEWAYS_MAX 2

/**
 * struct vps_vnet - the device of a context on a bridge of the host
 * @bridge: its name
 * @addrs: of the VPS, each with the prefix of its network
 * @gateways: where packets for other networks go; without one of a family it is an address of
 *	the bridge in one of the networks, or nowhere
 * @mtu: 0: that of the bridge
 * @rate_min, @rate_max: bits a second that are its own, and at the most, in each direction;
 *	0: none
 * @rate_link: what all VPSes of the bridge have together; 0: what its hardware says
 */
struct vps_vnet {
	char bridge[16];
	struct vps_addr addrs[VPS_ADDRS_MAX];
	size_t addr_count;
	struct vps_addr gateways[VPS_GATEWAYS_MAX];
	size_t gateway_count;
	unsigned int mtu;
	uint64_t rate_min;
	uint64_t rate_max;
	uint64_t rate_link;
};

/**
 * struct vps_vnet_state - what there is of it
 * @device: the host's end; inside it is eth0
 * @mac: of the VPS's end, by which it is known
 * @mtu: of what it is sent
 * @present: the host's end is there
 */
struct vps_vnet_state {
	struct vps_vnet vnet;
	char device[16];
	unsigned char mac[6];
	unsigned int mtu;
	bool present;
};

/*
 * vps_vnet_add - gives a context a device on a bridge, from which nothing can be sent but from
 * its addresses. Where nothing runs in it yet, the first process finds it there
 * (VPS_NET_BRIDGE); what runs in a network of its own gets it at once.
 *   -ENOENT no such context   -EEXIST it has one; a device of that name is somebody else's
 *   -ENODEV no such bridge   -EMEDIUMTYPE it is none   -EADDRINUSE somebody has the address
 *   -ENETUNREACH a gateway is in none of the networks   -EDQUOT more is warranted than there is
 *   -ENODATA a warrant needs a known rate of the whole   -ENOTSUP this kernel cannot
 *   -EMSGSIZE the MTU is above the bridge's, or too small for an address
 */
int vps_vnet_add(struct vps_host *host, uint32_t id, const struct vps_vnet *vnet,
		 struct vps_fault *fault);

/* A rate that stays as it is. */
#define VPS_RATE_KEEP UINT64_MAX

/**
 * struct vps_vnet_change - what is to be other than it is
 * @gone, @gone_count: addresses that it loses, whatever their prefix
 * @added, @added_count: those that it gets
 * @rate_min, @rate_max, @rate_link: 0: none any more; or VPS_RATE_KEEP
 */
struct vps_vnet_change {
	const struct vps_addr *gone;
	size_t gone_count;
	const struct vps_addr *added;
	size_t added_count;
	uint64_t rate_min;
	uint64_t rate_max;
	uint64_t rate_link;
};

/*
 * vps_vnet_change - changes addresses and rates of the device, at once where it runs. Only a new
 * address depends on what its root has done inside. Errors as above.
 *   -ENODATA the context has no device   -EADDRNOTAVAIL it has no such address
 *   -EEXIST it has the address already   -E2BIG more than VPS_ADDRS_MAX
 */
int vps_vnet_change(struct vps_host *host, uint32_t id, const struct vps_vnet_change *change,
		    struct vps_fault *fault);

/* -ENOENT no such context   -ENODATA it has no device */
int vps_vnet_get(struct vps_host *host, uint32_t id, struct vps_vnet_state *ret_state);
int vps_vnet_remove(struct vps_host *host, uint32_t id, struct vps_fault *fault);

/* Removes what is left of contexts that are gone; @told gets the name of each device. */
int vps_vnet_sweep(struct vps_host *host, void (*told)(const char *device, void *data),
		   void *data, struct vps_fault *fault);

/* What this kernel lacks for it, with @rates for rates too; NULL: nothing. */
const char *vps_vnet_missing(bool rates);

/* ---- addresses of contexts in the host's network (addr.c) ------------------- */

/**
 * struct vps_bound - an address of a context
 * @device: on which it was put for the context; "" when some device had it before
 */
struct vps_bound {
	struct vps_addr addr;
	char device[16];
};

enum vps_addrs_change {
	VPS_ADDRS_REPLACE,
	VPS_ADDRS_ADD,
	VPS_ADDRS_REMOVE,
};

/**
 * struct vps_addr_spec - a change of a context's addresses
 * @addrs, @count: which
 * @device: gets those that no device has, until the context has them no longer; or NULL
 * @broadcast: of IPv4, of those that it gets; or NULL
 */
struct vps_addr_spec {
	enum vps_addrs_change change;
	const struct vps_addr *addrs;
	size_t count;
	const char *device;
	const struct vps_addr *broadcast;
};

/*
 * vps_context_set_addrs - from now on the context has these addresses and no others, and a
 * loopback of its own. The first of each family is the one that it is seen by. Sockets that are
 * bound already stay where they are.
 *   -ENOENT no such context (VPS_ADDRS_REMOVE: no such address)
 *   -EADDRINUSE another VPS has it   -EADDRNOTAVAIL the host has it not, and no @device
 *   -E2BIG more than VPS_ADDRS_MAX   -ENODEV no such device
 *   -ENOTSUP this host cannot   -ENODATA it was made before the programs that do it
 *   -EXDEV the context or the caller has another network than the host
 */
int vps_context_set_addrs(struct vps_host *host, uint32_t id, const struct vps_addr_spec *spec,
			  struct vps_fault *fault);

/* Its addresses in order; free(3) the array. -ENODATA: it was given none and has the host's. */
int vps_context_addrs(struct vps_host *host, uint32_t id, struct vps_bound **ret_addrs,
		      size_t *ret_count);

/* Those of a device of the host that a VPS can have; free(3) the array. -ENODEV. */
int vps_device_addrs(const char *device, struct vps_addr **ret_addrs, size_t *ret_count);

/* ---- the host among its VPSes (fence.c) --------------------------------------- */

/*
 * vps_host_fence - sockets of the host that are bound to every address from now on leave the
 * addresses of VPSes to them. Again: with the host's addresses and devices as they are now.
 *   -ENOTSUP, -EPERM, -ENOSYS as vps_context_set_addrs()
 */
int vps_host_fence(struct vps_host *host, bool on, struct vps_fault *fault);
bool vps_host_is_fenced(struct vps_host *host);

/**
 * struct vps_blocker - a socket of the host that serves every address
 * @pid: of one of the processes that have it, 0 where none was found
 * @command: of that
 */
struct vps_blocker {
	bool udp;
	uint16_t port;
	pid_t pid;
	char command[32];
};

/* Those whose ports no VPS can have; free(3) the array. -ENOTSUP the kernel does not tell. */
int vps_host_blockers(struct vps_host *host, struct vps_blocker **ret_blockers,
		      size_t *ret_count);

/* ---- traffic (traffic.c, class.c) --------------------------------------------- */

/* Classes of addresses that the host can tell apart in one boot, those of earlier files too. */
#define VPS_CLASSES_MAX 256
#define VPS_CLASS_NAME_MAX 32
/* What no network of the file holds. Always class 0. */
#define VPS_CLASS_OTHER "other"

/* Networks and the classes that they are of: "NETWORK/PREFIX CLASS" lines, # for comments. */
#define VPS_CLASS_FILE "traffic-classes"

/* At the layer of IP, both families, as on the wire; from 0 up, never back. */
struct vps_count {
	uint64_t in;
	uint64_t out;
	uint64_t in_packets;
	uint64_t out_packets;
};

/**
 * struct vps_account - the traffic of one context from its creation to its end
 * @key: the kernel's number of its group, which it never uses again until the host boots
 * @id: number of the context, which may be another one's after it
 * @ended: the context is gone; what its last sockets send may still come
 * @by_engine: it has ended, and only the engine has counted it, as VPS_CLASS_OTHER
 * @name: the VPS it belongs to, "" when none
 */
struct vps_account {
	uint64_t key;
	uint32_t id;
	bool ended;
	bool by_engine;
	char name[VPS_NAME_MAX + 1];
};

/**
 * struct vps_traffic_row - what an account has of one class
 * @account, @class: index into the two arrays of struct vps_traffic
 */
struct vps_traffic_row {
	size_t account;
	size_t class;
	struct vps_count count;
};

/**
 * struct vps_traffic - all that is counted now
 * @boot: the kernel's random_id of this boot, 36 characters
 * @epoch: of the counters: in another one of the same boot they began anew from 0
 * @accounts: by number, then by key; those of contexts that are gone stay until
 *	vps_traffic_forget()
 * @classes: names; the first is VPS_CLASS_OTHER
 * @rows: by account, then by class; each account has one of class 0 at least
 */
struct vps_traffic {
	char boot[37];
	uint64_t epoch;
	struct vps_account *accounts;
	size_t account_count;
	char (*classes)[VPS_CLASS_NAME_MAX + 1];
	size_t class_count;
	struct vps_traffic_row *rows;
	size_t row_count;
};

/*
 * vps_traffic_read - reads all counters. The fields of one row are not read at one instant: one
 * may be a packet ahead of another, which the next read has too.
 *   -ENOTSUP, -EPERM, -ENOSYS this host cannot count: vps_host_net_refusal()
 *   -EPROTO another version of the tools counts
 */
int vps_traffic_read(struct vps_host *host, struct vps_traffic *ret_traffic,
		     struct vps_fault *fault);
void vps_traffic_free(struct vps_traffic *traffic);

/*
 * Where counters of another version of the tools are, which its own have to harvest: 0, and the
 * path is to be free(3)d. -ENOENT there are none.
 */
int vps_traffic_other(char **ret_path);

/* Forgets an account, of which everything is in the ledger, of a context that is gone.
 *   -ENOENT no such account   -EBUSY its context is there, or sockets of it are */
int vps_traffic_forget(struct vps_host *host, const struct vps_account *account);

/**
 * struct vps_class_network - a line of the file of classes
 * @net: its first address, and the prefix, which may be 0
 * @line: counted from 1
 */
struct vps_class_network {
	struct vps_addr net;
	unsigned int line;
	char class[VPS_CLASS_NAME_MAX + 1];
};

/* Networks that such a file can have. */
#define VPS_CLASS_NETWORKS_MAX 65536

/*
 * vps_classes_parse - reads "NETWORK/PREFIX CLASS" lines from @fd, where # begins a comment. Every
 * error is passed to @report (may be NULL) with @data, in file order, networks that are there
 * twice last. free(3) the array.
 *   -EINVAL at least one error was reported   -EFBIG more than VPS_CLASS_NETWORKS_MAX
 */
int vps_classes_parse(int fd, void (*report)(const struct vps_config_error *err, void *data),
		      void *data, struct vps_class_network **ret_networks, size_t *ret_count);

/*
 * vps_traffic_classify - from now on traffic is of the classes that the file @fd tells, by the
 * address at the other end, the longest prefix first; -1: all is of VPS_CLASS_OTHER. Does nothing
 * when the same file, unchanged, is in force. What is counted stays as it is. Errors and @report
 * as above.
 *   -E2BIG more than VPS_CLASSES_MAX in one boot, those of earlier files too
 *   -ENOTSUP this host cannot count
 */
int vps_traffic_classify(struct vps_host *host, int fd,
			 void (*report)(const struct vps_config_error *err, void *data),
			 void *data, struct vps_fault *fault);

/* ---- the ledger (ledger.c, harvest.c, reset.c, report.c) -------------------------- */

#define VPS_LEDGER VPS_STATE_DIR "/traffic.db"

struct vps_ledger;

/*
 * vps_ledger_open - opens the file of all traffic that ever was; with @write it is made if there
 * is none, with its directory. Only root can read or write it. All calls on a ledger:
 *   -ENOENT there is none   -EUCLEAN it is corrupt, or no ledger   -EPROTO a newer version's
 *   -EBUSY somebody has it locked for longer than @wait_ms   -EPERM it or its directory can be
 *   changed by others   -EOVERFLOW a sum does not fit in 63 bits   -EROFS, -EACCES, -ENOSPC, -EIO
 *   as the words say   -ENOMEM
 * What was counted stays where it is until a later harvest.
 */
int vps_ledger_open(const char *path, bool write, unsigned int wait_ms,
		    struct vps_ledger **ret_ledger, struct vps_fault *fault);
void vps_ledger_close(struct vps_ledger *ledger);

/**
 * struct vps_harvest_source - where counters are read from
 * @read: as vps_traffic_read(); what it writes is freed with vps_traffic_free()
 * @forget: as vps_traffic_forget()
 */
struct vps_harvest_source {
	int (*read)(void *data, struct vps_traffic *ret_traffic, struct vps_fault *fault);
	int (*forget)(void *data, const struct vps_account *account);
	void *data;
};

/**
 * struct vps_harvest - what one harvest brought
 * @accounts: that there are; @forgotten: of those, how many are gone from the counters now
 * @count: what was new
 * @behind: seconds that the clock is behind the last harvest's; 0: it is not
 */
struct vps_harvest {
	size_t accounts;
	size_t forgotten;
	struct vps_count count;
	uint64_t behind;
};

/*
 * vps_ledger_harvest - moves what has been counted since the last harvest into the hour of @now
 * (seconds since 1970), in one transaction with the marks up to where it was counted. Ended at
 * any instant it has happened or not. The counters are read when nobody else can write.
 *   -ERANGE no clock says @now
 */
int vps_ledger_harvest(struct vps_ledger *ledger, const struct vps_harvest_source *source,
		       uint64_t now, struct vps_harvest *ret_harvest, struct vps_fault *fault);

/*
 * vps_ledger_reset - tells of each VPS (contexts of one number and name) that had traffic since the
 * last call, or is there, what is new of it, and marks it as told when @tell of the last and then
 * @flush returned 0. Ended before that, the next call tells it again. It harvests first. Nobody
 * else can write the ledger from the first @tell on. The first call that a ledger sees tells of
 * this boot alone. Ends with what @tell or @flush returns if that is not 0.
 */
struct vps_reset {
	int (*tell)(uint32_t id, const char *name, const struct vps_count *count, void *data);
	int (*flush)(void *data);
	void *data;
};

int vps_ledger_reset(struct vps_ledger *ledger, const struct vps_harvest_source *source,
		     uint64_t now, const struct vps_reset *reset, struct vps_fault *fault);

enum vps_period {
	VPS_PERIOD_HOUR,
	VPS_PERIOD_DAY,
	VPS_PERIOD_MONTH,
};

/**
 * struct vps_report_spec - what is asked for; periods are those of UTC
 * @from, @to: seconds since 1970: periods that begin in [@from, @to)
 * @name: of this VPS alone; or NULL
 * @id: of contexts of this number alone; or VPS_ID_ANY
 * @class: of this class alone; or NULL: of all together
 * @by_class: of each class for itself
 */
struct vps_report_spec {
	enum vps_period period;
	uint64_t from;
	uint64_t to;
	const char *name;
	uint32_t id;
	const char *class;
	bool by_class;
};

/**
 * struct vps_report_row - what a VPS (contexts of one number and name) had in a period
 * @start: of the period, seconds since 1970
 * @class: or NULL: all together
 * @hours: of the period in which it was there and harvested
 * @in_95, @out_95: bits a second: of the means of those hours the one that 95 of 100 do not exceed
 *	(nearest rank)
 */
struct vps_report_row {
	uint64_t start;
	uint32_t id;
	const char *name;
	const char *class;
	struct vps_count count;
	unsigned int hours;
	uint64_t in_95;
	uint64_t out_95;
};

/*
 * By period, then by name and number, then by class; periods in which a VPS was not there have no
 * row. The names in a row are the library's until @row returns. Ends with what @row returns if
 * that is not 0.
 */
int vps_ledger_report(struct vps_ledger *ledger, const struct vps_report_spec *spec,
		      int (*row)(const struct vps_report_row *row, void *data), void *data,
		      struct vps_fault *fault);

/* ---- files of the host's that run inside (mount.c) -------------------------- */

/*
 * vps_wrap_file - a descriptor of the same file through a read-only mount of its own. What is
 * executed through it can be opened as /proc/PID/exe, but not be written, whoever root inside
 * is (CVE-2019-5736). The mount goes with its last descriptor and process.
 *   -EPERM not root of this machine
 */
int vps_wrap_file(int fd);

#ifdef __cplusplus
}
#endif
#endif /* VPS_H */
