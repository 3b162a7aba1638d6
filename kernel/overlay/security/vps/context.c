// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: the objects, and the table in which they are found by number.
 */
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/xarray.h>

#include "vps.h"

/* Static: the first task is in it long before memory can be had. */
struct vps_context vps_host = {
	.id = VPS_CTX_HOST,
	.caps = CAP_VALID_MASK,
	.lock = __SPIN_LOCK_UNLOCKED(vps_host.lock),
	/* What it uses is not counted. */
	.counters = {
		[0 ... VPS_RESOURCES - 1] = { .soft = VPS_UNLIMITED, .hard = VPS_UNLIMITED },
	},
};

/* Contexts that have not ended, by number. Written under its own lock, read under RCU. */
static DEFINE_XARRAY(vps_contexts);

/* All that are in memory, and those of them that are in the table. */
static atomic_t vps_objects;
static atomic_t vps_numbered;
/* Those of the table that are a server's. */
static atomic_t vps_servers;

static bool is_server(const struct vps_context *context)
{
	return context->id >= VPS_CTX_MIN;
}

/**
 * vps_context_tryget - hold a context that was found under RCU
 * @context: may be about to be freed
 *
 * Return: false when it is too late.
 */
bool vps_context_tryget(struct vps_context *context)
{
	return vps_is_host(context) || refcount_inc_not_zero(&context->refs);
}

/**
 * vps_context_get - hold a context that is held already
 * @context: the context
 */
void vps_context_get(struct vps_context *context)
{
	if (!vps_is_host(context))
		refcount_inc(&context->refs);
}

/**
 * vps_context_put - let go of a context
 * @context: the context; may be NULL
 *
 * Any context: sockets and credentials end in softirqs.
 */
void vps_context_put(struct vps_context *context)
{
	if (!context || vps_is_host(context) || !refcount_dec_and_test(&context->refs))
		return;
	put_pid(context->init);
	vps_address_free(context);
	vps_traffic_release(context->traffic);
	atomic_dec(&vps_objects);
	kfree_rcu(context, rcu);
}

/**
 * vps_context_find - a context by its number
 * @id: the number
 *
 * Return: the context, held, or NULL when there is none.
 */
struct vps_context *vps_context_find(u32 id)
{
	struct vps_context *context;

	if (id == VPS_CTX_HOST)
		return &vps_host;
	rcu_read_lock();
	context = xa_load(&vps_contexts, id);
	if (context && !vps_context_tryget(context))
		context = NULL;
	rcu_read_unlock();
	return context;
}

/**
 * vps_context_exists - is a number taken?
 * @id: the number
 *
 * Return: what is true as long as cgroup_mutex is held.
 */
bool vps_context_exists(u32 id)
{
	return xa_load(&vps_contexts, id);
}

/**
 * vps_context_next - walk all contexts but the host, by number
 * @id: the lowest number that may be returned; becomes that of what is returned
 *
 * Return: the context, held, or NULL behind the last.
 */
struct vps_context *vps_context_next(u32 *id)
{
	struct vps_context *context;
	unsigned long index = *id;

	rcu_read_lock();
	context = xa_find(&vps_contexts, &index, VPS_CTX_MAX, XA_PRESENT);
	while (context && !vps_context_tryget(context))
		context = xa_find_after(&vps_contexts, &index, VPS_CTX_MAX, XA_PRESENT);
	rcu_read_unlock();
	*id = index;
	return context;
}

/**
 * vps_context_total - how many servers' contexts there are
 *
 * Return: their number, without the host and the reserved ones.
 */
unsigned int vps_context_total(void)
{
	return atomic_read(&vps_servers);
}

/**
 * vps_context_dying - how many have ended and are held by a socket, a file or a dead process
 *
 * Return: their number.
 */
unsigned int vps_context_dying(void)
{
	return max(atomic_read(&vps_objects) - atomic_read(&vps_numbered), 0);
}

/**
 * vps_context_head - the first of the groups of a context
 * @context: the context
 *
 * Return: the group, held, or NULL once the context has ended.
 */
struct cgroup_subsys_state *vps_context_head(struct vps_context *context)
{
	struct cgroup_subsys_state *head;

	rcu_read_lock();
	head = rcu_dereference(context->head);
	if (head && !css_tryget(head))
		head = NULL;
	rcu_read_unlock();
	return head;
}

/**
 * vps_context_alloc - a new context, which nobody can find yet
 * @id: its number
 * @spec: what it is to be; has been checked
 *
 * Return: the context, held once, or NULL without memory.
 */
struct vps_context *vps_context_alloc(u32 id, const struct vps_create *spec)
{
	struct vps_context *context = kzalloc(sizeof(*context), GFP_KERNEL_ACCOUNT);

	if (!context)
		return NULL;
	context->traffic = vps_traffic_alloc(id, spec->name);
	if (!context->traffic) {
		kfree(context);
		return NULL;
	}
	context->id = id;
	context->born = ktime_get_boottime_ns();
	context->flags = spec->flags;
	context->caps = spec->caps & CAP_VALID_MASK;
	refcount_set(&context->refs, 1);
	spin_lock_init(&context->lock);
	vps_log_init(context);
	vps_limit_init(context);
	atomic_inc(&vps_objects);
	return context;
}

/**
 * vps_context_publish - let a context be found by its number
 * @context: a new one; the table takes over the caller's hold
 *
 * Return: 0, -EEXIST when the number is taken, -ENOSPC when too many accounts wait, or -ENOMEM.
 */
int vps_context_publish(struct vps_context *context)
{
	int err;

	if (vps_traffic_is_full())
		return -ENOSPC;
	err = xa_insert(&vps_contexts, context->id, context, GFP_KERNEL);
	if (err)
		return err == -EBUSY ? -EEXIST : err;
	vps_traffic_begin(context->traffic, context->account);
	atomic_inc(&vps_numbered);
	if (is_server(context))
		atomic_inc(&vps_servers);
	vps_load_start();
	return 0;
}

/**
 * vps_context_end - let nothing find or enter a context any more
 * @context: one that has not ended; freed by whoever holds it last
 *
 * Its number is free at once: a server that restarts gets it back, although sockets of its
 * last life may be around for a minute. Its account stays, and may be one of several that have
 * that number.
 */
void vps_context_end(struct vps_context *context)
{
	lockdep_assert_held(&cgroup_mutex);

	WRITE_ONCE(context->ended, true);
	vps_traffic_end(context->traffic);
	RCU_INIT_POINTER(context->head, NULL);
	xa_erase(&vps_contexts, context->id);
	atomic_dec(&vps_numbered);
	if (is_server(context))
		atomic_dec(&vps_servers);
	vps_context_put(context);
}

/* The host is not counted: what is nowhere else is there. */
static u64 not_in_contexts(u64 all, u64 (*count)(struct vps_context *))
{
	struct vps_context *context;
	u64 elsewhere = 0;
	u32 id;

	for (id = VPS_CTX_ALL; (context = vps_context_next(&id)); id++) {
		elsewhere += count(context);
		vps_context_put(context);
	}
	/* Some come and go meanwhile. */
	return all > elsewhere ? all - elsewhere : 0;
}

/**
 * vps_context_processes - how many processes are in a context
 * @context: the context
 *
 * Return: the number of thread groups, those included that nobody has waited for.
 */
u64 vps_context_processes(struct vps_context *context)
{
	if (vps_is_host(context))
		return not_in_contexts(nr_processes(), vps_context_processes);
	return atomic_read(&context->processes);
}

/**
 * vps_context_tasks - how many threads are in a context
 * @context: the context
 *
 * Return: their number, those included that nobody has waited for.
 */
u64 vps_context_tasks(struct vps_context *context)
{
	if (vps_is_host(context))
		return not_in_contexts(nr_threads, vps_context_tasks);
	return vps_counter_used(&context->counters[VPS_THREADS]);
}

/**
 * vps_context_set_caps - say which capabilities hold inside
 * @context: the context
 * @caps: bit n is capability n
 */
void vps_context_set_caps(struct vps_context *context, u64 caps)
{
	WRITE_ONCE(context->caps, caps & CAP_VALID_MASK);
}

/**
 * vps_context_set_flags - change flags
 * @context: the context
 * @mask: those that are meant
 * @flags: what they become
 */
void vps_context_set_flags(struct vps_context *context, u32 mask, u32 flags)
{
	spin_lock(&context->lock);
	WRITE_ONCE(context->flags, (context->flags & ~mask) | (flags & mask));
	spin_unlock(&context->lock);
}

static bool is_inside(struct pid *pid, struct vps_context *context)
{
	struct task_struct *task;
	bool inside;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	inside = task && vps_task_context(task) == context;
	rcu_read_unlock();
	return inside;
}

/**
 * vps_context_set_init - say which process is the first of a context
 * @context: the context
 * @nr: its number in the caller's pid namespace; 0: none
 *
 * Return: 0, -ESRCH without such a process, -EXDEV when it is not in there.
 */
int vps_context_set_init(struct vps_context *context, pid_t nr)
{
	struct pid *pid = nr ? find_get_pid(nr) : NULL;

	if (nr && !(pid && pid_has_task(pid, PIDTYPE_TGID))) {
		put_pid(pid);
		return -ESRCH;
	}
	if (nr && !is_inside(pid, context)) {
		put_pid(pid);
		return -EXDEV;
	}
	spin_lock(&context->lock);
	swap(context->init, pid);
	spin_unlock(&context->lock);
	put_pid(pid);
	return 0;
}

/**
 * vps_context_init - the first process of a context
 * @context: the context
 *
 * Return: the process, held, or NULL when there is none, or none in there any more.
 */
struct task_struct *vps_context_init(struct vps_context *context)
{
	struct task_struct *task;

	rcu_read_lock();
	spin_lock(&context->lock);
	task = context->init ? pid_task(context->init, PIDTYPE_TGID) : NULL;
	if (task && vps_task_context(task) == context)
		get_task_struct(task);
	else
		task = NULL;
	spin_unlock(&context->lock);
	rcu_read_unlock();
	return task;
}

/**
 * vps_context_has_init - has a context a first process?
 * @context: the context
 *
 * Return: true when one has been named that is still in there.
 */
bool vps_context_has_init(struct vps_context *context)
{
	struct task_struct *init = vps_context_init(context);

	if (init)
		put_task_struct(init);
	return init;
}
