/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts, inside.
 *
 * Every group of the unified hierarchy points to the context that it is in (cgroup.c); a task
 * is in the context of its group, and there is no other truth. Contexts are found by number in
 * an array under RCU (context.c).
 */
#ifndef _SECURITY_VPS_H
#define _SECURITY_VPS_H

#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ratelimit_types.h>
#include <linux/refcount.h>
#include <linux/vps.h>
#include <uapi/linux/vps.h>

#include "counter.h"
#include "traffic.h"

/**
 * enum vps_resource - what a context has a limit on, for itself alone
 * @VPS_THREADS: threads, until they are reaped
 * @VPS_FILES: open files
 * @VPS_PAGES: of address space
 * @VPS_TCP: TCP connections in ESTABLISHED
 * @VPS_RESOURCES: how many there are
 */
enum vps_resource {
	VPS_THREADS,
	VPS_FILES,
	VPS_PAGES,
	VPS_TCP,
	VPS_RESOURCES,
};

/* Load averages: of one, five and fifteen minutes. */
#define VPS_LOADS	3

/**
 * struct vps_context - a context
 * @id: its number
 * @flags: VPS_LOCK and the others; a bit is read where it matters, without a lock
 * @caps: capabilities that hold inside; read and written without a lock
 * @refs: by the table of numbers, by each of its groups, by credentials and by sockets; the
 *	host is not counted
 * @head: the first of its groups; NULL once it has ended. Written under cgroup_mutex, read there
 *	or under RCU.
 * @account: the number of that group, which no other ever gets
 * @born: when it was made, nanoseconds since the machine's boot
 * @ended: nothing enters any more. Set under cgroup_mutex, read there or as a hint.
 * @processes: thread groups in it, until they are reaped
 * @forks: threads that have been made in it
 * @load: load averages. Written by the work that steps them alone.
 * @connecting: sockets that may be in ESTABLISHED soon, and have their place
 * @lock: guards @init and the writing of @flags
 * @init: what is its first process, or NULL
 * @log: how much its processes have the kernel say
 * @disk: what it has on disk, or NULL; read under RCU
 * @permit: its addresses, or NULL: whichever; read under RCU
 * @traffic: its account; the host has none
 * @rcu: for freeing
 * @counters: what it uses of each resource
 */
struct vps_context {
	u32 id;
	u32 flags;
	u64 caps;
	refcount_t refs;
	struct cgroup_subsys_state __rcu *head;
	u64 account;
	u64 born;
	bool ended;
	atomic_t processes;
	atomic64_t forks;
	unsigned long load[VPS_LOADS];
	atomic64_t connecting;
	spinlock_t lock;	/* @init, writing of @flags */
	struct pid *init;
	struct ratelimit_state log;
	struct vps_disk __rcu *disk;
	struct vps_permit __rcu *permit;
	struct vps_traffic *traffic;
	struct rcu_head rcu;
	struct vps_counter counters[VPS_RESOURCES];
};

extern struct vps_context vps_host;

static inline bool vps_is_host(const struct vps_context *context)
{
	return context == &vps_host;
}

/* Is what who is in there sees of the machine what it has of it? */
static inline bool vps_sees_own(const struct vps_context *context)
{
	return context->id > VPS_CTX_ALL;
}

/* ---- context.c ---- */

struct vps_context *vps_context_find(u32 id);
bool vps_context_exists(u32 id);
struct vps_context *vps_context_next(u32 *id);
bool vps_context_tryget(struct vps_context *context);
void vps_context_get(struct vps_context *context);
void vps_context_put(struct vps_context *context);
unsigned int vps_context_total(void);
unsigned int vps_context_dying(void);
struct cgroup_subsys_state *vps_context_head(struct vps_context *context);

struct vps_context *vps_context_alloc(u32 id, const struct vps_create *spec);
int vps_context_publish(struct vps_context *context);
void vps_context_end(struct vps_context *context);

u64 vps_context_processes(struct vps_context *context);
u64 vps_context_tasks(struct vps_context *context);
void vps_context_set_caps(struct vps_context *context, u64 caps);
void vps_context_set_flags(struct vps_context *context, u32 mask, u32 flags);
int vps_context_set_init(struct vps_context *context, pid_t nr);
struct task_struct *vps_context_init(struct vps_context *context);
bool vps_context_has_init(struct vps_context *context);

/* ---- cgroup.c ---- */

/**
 * struct vps_css - a group, as contexts see it
 * @css: what the cgroup core knows of it
 * @context: the one that it is in. Changed once at most, while nobody can be in the group.
 * @used: something is or has been in it. Guarded by cgroup_mutex.
 */
struct vps_css {
	struct cgroup_subsys_state css;
	struct vps_context *context;
	bool used;
};

static inline struct vps_css *to_vps_css(struct cgroup_subsys_state *css)
{
	return container_of(css, struct vps_css, css);
}

/* Of a task that is not current: under RCU. */
static inline struct vps_context *vps_task_context(struct task_struct *task)
{
	return to_vps_css(task_css(task, vps_cgrp_id))->context;
}

/* May be gone as soon as RCU is left, when another task moves the caller. */
static inline struct vps_context *vps_current_rcu(void)
{
	return vps_task_context(current);
}

u32 vps_current_id(void);
struct vps_context *vps_current_get(void);

int vps_group_create(u32 id, const struct vps_create *spec);
int vps_group_destroy(struct vps_context *context);
int vps_group_migrate(struct vps_context *context, int cgroup_fd, pid_t nr);
int vps_group_signal(struct vps_context *context, int signal);

/* ---- limit.c ---- */

void vps_limit_init(struct vps_context *context);
void vps_limit_set(struct vps_context *context, enum vps_resource resource,
		   const struct vps_bounds *bounds);
void vps_limit_get(struct vps_context *context, enum vps_resource resource,
		   struct vps_counted *ret_counted);

/* ---- control.c ---- */

int vps_memory_set(struct vps_context *context, const struct vps_bounds *bounds);
int vps_memory_get(struct vps_context *context, struct vps_counted *ret_counted);
int vps_cpu_set(struct vps_context *context, const struct vps_cpu_usage *usage);
int vps_cpu_get(struct vps_context *context, struct vps_cpu_usage *ret_usage);
int vps_cpu_set_idle(struct vps_context *context, bool idle);
int vps_cpu_is_idle(struct vps_context *context);
unsigned int vps_cpu_whole(u64 max, unsigned int processors);
unsigned int vps_cpu_count(struct vps_context *context);
#ifdef CONFIG_MEMCG
struct mem_cgroup *vps_memcg(struct vps_context *context);
#endif

/* ---- load.c ---- */

/**
 * struct vps_busy - tasks that have something to do
 * @running: on a processor, or waiting for one
 * @blocked: waiting for what nothing can interrupt
 */
struct vps_busy {
	unsigned int running;
	unsigned int blocked;
};

void vps_busy_count(struct vps_context *context, struct vps_busy *ret_busy);
unsigned int vps_load_periods(unsigned long *due, unsigned long now);
void vps_load_step(unsigned long load[VPS_LOADS], unsigned int active, unsigned int periods);
void vps_load_start(void);
void vps_load_get(const struct vps_context *context, unsigned long ret_load[VPS_LOADS]);
void vps_load_show(struct seq_file *seq, const struct vps_context *context);

/* ---- view.c ---- */

/**
 * struct vps_memory - what a context has of memory, in pages
 * @memcg: what counts it, held
 * @total: the least of all limits on it
 * @used: by the context, with what it caches
 * @cached: what is given back when more is wanted
 * @free: what it does not use
 * @available: that, and what is cached
 * @swap_total: the least of all limits on swap
 * @swap_used: by the context
 * @swap_free: what there is left of it, here and on the machine
 */
struct vps_memory {
	struct mem_cgroup *memcg;
	unsigned long total;
	unsigned long used;
	unsigned long cached;
	unsigned long free;
	unsigned long available;
	unsigned long swap_total;
	unsigned long swap_used;
	unsigned long swap_free;
};

/**
 * struct vps_time - what a context has done since it was made, in nanoseconds
 * @age: how long ago that was
 * @up: the same by the clock since boot that the caller has
 * @user: in programs
 * @nice: in those with a low priority
 * @system: in the kernel
 * @idle: what is left of @age on its processors
 * @processors: how many it may use
 */
struct vps_time {
	u64 age;
	u64 up;
	u64 user;
	u64 nice;
	u64 system;
	u64 idle;
	unsigned int processors;
};

void vps_memory_split(struct vps_memory *memory);
bool vps_memory_begin(struct vps_context *context, struct vps_memory *memory);
void vps_memory_end(struct vps_memory *memory);
u64 vps_time_idle(const struct vps_time *time);
void vps_time_get(struct vps_context *context, struct vps_time *ret_time);

/* ---- lsm.c, wall.c, objects.c, log.c, tcp.c ---- */

extern const struct lsm_id vps_lsmid;
extern struct lsm_blob_sizes vps_blob_sizes;

/* Can who is in context @own do something to what is in context @target? */
static inline bool vps_reaches(const struct vps_context *own, const struct vps_context *target)
{
	return own == target || vps_is_host(own);
}

struct security_hook_list;

void vps_hooks_add(struct security_hook_list *hooks, int count);
void vps_hooks_start(const struct security_hook_list *hooks, int count);
void vps_log_init(struct vps_context *context);
struct vps_context *vps_maker(const struct cred *cred);
struct vps_context *vps_actor(const struct cred *cred);
void vps_wall_init(void);
void vps_objects_init(void);
void vps_tcp_init(void);

/* ---- disk.c ---- */

int vps_disk_attach(struct vps_context *context, const struct vps_tree *tree);
int vps_disk_detach(struct vps_context *context);
int vps_disk_bound(struct vps_context *context, const struct vps_disk_bounds *bounds);
int vps_disk_count(struct vps_context *context, struct vps_disk_counted *ret_counted);
u64 vps_disk_free(u64 limit, u64 used, u64 free, bool endless);
void vps_disk_ended(void);
void vps_disk_init(void);

/* ---- address.c ---- */

int vps_address_add(struct vps_context *context, const struct vps_address *address);
int vps_address_remove(struct vps_context *context, const struct vps_address *address);
struct vps_permit *vps_address_copy(struct vps_context *context);
void vps_address_free(struct vps_context *context);
void vps_address_init(void);

/* ---- move.c ---- */

/**
 * struct vps_move - a task on its way from one context into another
 * @from_flags: of where it is
 * @to_flags: of where it goes
 * @to_ended: that has ended
 * @to_inited: that has an init process
 * @by_host: who moves it is in context 0 and may administrate the machine
 * @traced: by somebody in a context other than that
 * @splits: it would leave threads of its process behind
 * @kernel: it is a kernel thread
 */
struct vps_move {
	u32 from_flags;
	u32 to_flags;
	bool to_ended;
	bool to_inited;
	bool by_host;
	bool traced;
	bool splits;
	bool kernel;
};

int vps_move_check(const struct vps_move *move);

#endif /* _SECURITY_VPS_H */
