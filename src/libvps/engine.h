/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an engine is to the rest of the library. Membership (cgroup.h), what is remembered
 * (attr.h) and the walls (spawn.c) are the same with every engine; what a context is to the
 * kernel is the engine's.
 */
#ifndef VPS_ENGINE_H
#define VPS_ENGINE_H

#include "attr.h"
#include "cgroup.h"
#include "vps.h"

struct vps_meter;

/**
 * struct vps_tree_counter - how an engine counts what the tree of a context uses
 * @works: does it here?
 * @begin: counts directory @dir from now on, in which @size is already. -EEXIST the context has a
 *	tree   -EBUSY another has this one   -EOPNOTSUPP not on this file system
 * @end: no more. -ENOENT it has none
 * @get: what it uses, and both limits. -ENOENT as above
 * @set: soft and hard of both
 */
struct vps_tree_counter {
	bool (*works)(void);
	int (*begin)(uint32_t id, int dir, const struct vps_tree_size *size);
	int (*end)(uint32_t id);
	int (*get)(uint32_t id, struct vps_limit_state *ret_space,
		   struct vps_limit_state *ret_inodes);
	int (*set)(uint32_t id, const struct vps_limit_state *space,
		   const struct vps_limit_state *inodes);
};

/**
 * struct vps_addr_keeper - how an engine holds a context to its addresses, beneath the programs
 * @works: does it here?
 * @set: these and no others from now on, in the order in which they are added. -EADDRINUSE another
 *	context has one   -EXDEV not in this network
 * @forget: it is held to none, as one that was never given any
 */
struct vps_addr_keeper {
	bool (*works)(void);
	int (*set)(uint32_t id, const struct vps_bound *addrs, size_t count);
	int (*forget)(uint32_t id);
};

/**
 * struct vps_engine - one way to implement contexts
 * @isolates: a context keeps its processes apart even without namespaces
 * @limit_stops: the flag stop is a process limit of 0, and the real one waits in VPS_ATTR_PROC
 * @withheld: capabilities that nothing in a context has in the host's user namespace
 * @lacks: what is said of what it cannot hold
 * @foreign: what is said of a context that is not its own
 * @refusal: NULL when it works here, else why it does not
 * @owns: is the context that has group @group one of its own?
 * @is_taken: has this number a context, wherever its group is? or NULL
 * @begin: makes the context of a group in which nothing has ever been, or NULL
 * @end: nothing enters it any more, or NULL; 0 when it has ended before
 * @get_flags, @set_flags: VPS_F_* of context @id with group @group
 * @set_init: notes its first process, or NULL
 * @bound: no more than these capabilities hold inside, or NULL
 * @each_account: hands over what it has counted by itself, of contexts there or gone, until @take
 *	does not return 0; or NULL
 * @forget: drops its own account of traffic of a context that is gone, by the number of its group,
 *	or NULL; 0 when there is none, -EBUSY when something may still count in it
 * @meter: what it counts the resource of this name by itself with, or NULL; or NULL
 * @trees: what it counts trees with, or NULL
 * @addrs: what it holds addresses with, or NULL
 * @load: load averages of context @id as text; or NULL
 */
struct vps_engine {
	enum vps_engine_kind kind;
	const char *name;
	bool isolates;
	bool limit_stops;
	uint64_t withheld;
	const char *lacks;
	const char *foreign;
	const char *(*refusal)(const struct vps_cgroups *cg);
	bool (*owns)(int group);
	bool (*is_taken)(uint32_t id);
	int (*begin)(uint32_t id, int group, const char *name);
	int (*end)(uint32_t id);
	int (*get_flags)(uint32_t id, int group, uint32_t *ret_flags);
	int (*set_flags)(const struct vps_cgroups *cg, uint32_t id, int group, uint32_t flags);
	int (*set_init)(uint32_t id, pid_t pid);
	int (*bound)(uint32_t id, uint64_t caps);
	int (*each_account)(int (*take)(void *data, const struct vps_account *account,
					const struct vps_count *count), void *data);
	int (*forget)(uint32_t id, uint64_t account);
	const struct vps_meter *(*meter)(const char *resource);
	const struct vps_tree_counter *trees;
	const struct vps_addr_keeper *addrs;
	int (*load)(uint32_t id, char ret_load[VPS_LOAD_SIZE]);
};

extern const struct vps_engine vps_engine_stock;
extern const struct vps_engine vps_engine_kernel;

/**
 * struct vps_host - this machine, opened
 * @run_dir: where locks are
 * @lock: of an unnamed context while it is new; -1 otherwise
 */
struct vps_host {
	const struct vps_engine *engine;
	const char *run_dir;
	struct vps_cgroups cg;
	int lock;
};

/* -EXDEV: contexts of another engine are there. */
int vps_host_check_engine(const struct vps_host *host, struct vps_fault *fault);

/* Opens (and makes) a file of run_dir that is locked by flock(2). */
int vps_host_open_lock(const struct vps_host *host, const char *name);

#endif /* VPS_ENGINE_H */
