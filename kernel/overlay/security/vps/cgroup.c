// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: the control groups that they consist of.
 *
 * A controller of the unified hierarchy that is always on. Each group points to a context; a
 * new one to its parent's. vserver() turns a group that nothing has ever been in into the
 * head of a new context. It has to be one that was never used, since dead processes, sockets
 * and cgroup namespaces may refer to a group that is empty by now, and what they give back
 * must go to where it came from.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "../../kernel/cgroup/cgroup-internal.h"
#include "vps.h"

DEFINE_STATIC_KEY_FALSE(vps_active);

static struct vps_css vps_root = {
	.context = &vps_host,
	.used = true,
};

/* ---- counting ---- */

static void charge_process(struct vps_context *context, struct task_struct *task)
{
	if (task->group_leader == task)
		atomic_inc(&context->processes);
}

/* What comes in is not refused: a server at its limit can be entered, and mended. */
static void charge(struct vps_context *context, struct task_struct *task)
{
	if (vps_is_host(context))
		return;
	vps_counter_charge(&context->counters[VPS_THREADS], 1);
	charge_process(context, task);
}

static bool try_charge(struct vps_context *context, struct task_struct *task)
{
	if (vps_is_host(context))
		return true;
	if (!vps_counter_try(&context->counters[VPS_THREADS], 1))
		return false;
	atomic64_inc(&context->forks);
	charge_process(context, task);
	return true;
}

static void uncharge(struct vps_context *context, struct task_struct *task)
{
	if (vps_is_host(context))
		return;
	vps_counter_uncharge(&context->counters[VPS_THREADS], 1);
	if (task->group_leader == task)
		WARN_ON_ONCE(atomic_dec_return(&context->processes) < 0);
}

/* Also back again. Within a context nothing changes, and no limit is met. */
static void move_charge(struct task_struct *task, struct cgroup_subsys_state *from,
			struct cgroup_subsys_state *to)
{
	if (to_vps_css(from)->context == to_vps_css(to)->context)
		return;
	uncharge(to_vps_css(from)->context, task);
	charge(to_vps_css(to)->context, task);
}

/* ---- crossing ---- */

static bool by_host(void)
{
	return vps_is_host(vps_current_rcu()) && ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/* Its tracer stays where it is: then who is in there would have it in hand elsewhere. Under RCU. */
static bool is_traced(struct task_struct *task, const struct vps_context *target)
{
	struct task_struct *tracer = ptrace_parent(task);

	return tracer && !vps_is_host(vps_task_context(tracer)) &&
	       vps_task_context(tracer) != target;
}

/* May @task, now in group @from, go on in group @to? Under RCU. */
static int may_move(struct task_struct *task, struct cgroup_subsys_state *from,
		    struct cgroup_subsys_state *to)
{
	struct vps_context *source = to_vps_css(from)->context;
	struct vps_context *target = to_vps_css(to)->context;
	struct vps_move move;

	if (source == target && !READ_ONCE(target->ended))
		return 0;
	move = (struct vps_move) {
		.from_flags = READ_ONCE(source->flags),
		.to_flags = READ_ONCE(target->flags),
		.to_ended = READ_ONCE(target->ended),
		.to_inited = vps_context_has_init(target),
		.by_host = by_host(),
		.traced = is_traced(task, target),
		.splits = from->cgroup->dom_cgrp == to->cgroup->dom_cgrp,
		.kernel = task->flags & PF_KTHREAD,
	};
	return vps_move_check(&move);
}

static int vps_can_attach(struct cgroup_taskset *tset)
{
	struct cgroup_subsys_state *to;
	struct task_struct *task;
	int err = 0;

	cgroup_taskset_for_each(task, to, tset) {
		rcu_read_lock();
		err = may_move(task, task_css(task, vps_cgrp_id), to);
		rcu_read_unlock();
		if (err)
			return err;
	}
	/* Nothing fails from here on. */
	cgroup_taskset_for_each(task, to, tset) {
		move_charge(task, task_css(task, vps_cgrp_id), to);
		to_vps_css(to)->used = true;
	}
	return 0;
}

/* Another controller has refused. */
static void vps_cancel_attach(struct cgroup_taskset *tset)
{
	struct cgroup_subsys_state *to;
	struct task_struct *task;

	cgroup_taskset_for_each(task, to, tset)
		move_charge(task, to, task_css(task, vps_cgrp_id));
}

/*
 * @cset is where the child will be. It is another group than the parent's with
 * CLONE_INTO_CGROUP only, and then cgroup_mutex is held.
 */
static int vps_can_fork(struct task_struct *task, struct css_set *cset)
{
	struct cgroup_subsys_state *from = task_css_check(current, vps_cgrp_id, true);
	struct cgroup_subsys_state *to = cset->subsys[vps_cgrp_id];
	struct vps_context *context = to_vps_css(to)->context;
	int err;

	if (from != to) {
		rcu_read_lock();
		err = may_move(task, from, to);
		rcu_read_unlock();
		if (err)
			return err;
		to_vps_css(to)->used = true;
	}
	if (READ_ONCE(context->flags) & VPS_STOP)
		return -EAGAIN;
	return try_charge(context, task) ? 0 : -EAGAIN;
}

static void vps_cancel_fork(struct task_struct *task, struct css_set *cset)
{
	uncharge(to_vps_css(cset->subsys[vps_cgrp_id])->context, task);
}

/* Not when it exits: until somebody has waited for it, it is a process of the context. */
static void vps_release(struct task_struct *task)
{
	uncharge(to_vps_css(task_css(task, vps_cgrp_id))->context, task);
}

/* ---- groups ---- */

static struct cgroup_subsys_state *vps_css_alloc(struct cgroup_subsys_state *parent)
{
	struct vps_css *group;

	if (!parent)
		return &vps_root.css;
	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return ERR_PTR(-ENOMEM);
	group->context = to_vps_css(parent)->context;
	vps_context_get(group->context);
	to_vps_css(parent)->used = true;
	return &group->css;
}

/* Removing its head ends a context that nobody has ended, before rmdir() returns. */
static void vps_css_killed(struct cgroup_subsys_state *css)
{
	struct vps_context *context = to_vps_css(css)->context;

	if (rcu_access_pointer(context->head) == css) {
		vps_context_end(context);
		vps_disk_ended();
	}
}

static void vps_css_free(struct cgroup_subsys_state *css)
{
	vps_context_put(to_vps_css(css)->context);
	kfree(to_vps_css(css));
}

/*
 * The core gives groups the state of an implicit controller only from the first write to the
 * root's cgroup.subtree_control on, which on some hosts never comes.
 */
static void vps_bind(struct cgroup_subsys_state *root)
{
	if (root->cgroup->root == &cgrp_dfl_root)
		root->cgroup->subtree_ss_mask |= 1 << vps_cgrp_id;
}

static u64 vps_id_read(struct cgroup_subsys_state *css, struct cftype *cft)
{
	return to_vps_css(css)->context->id;
}

static int vps_stat_show(struct seq_file *file, void *v)
{
	seq_printf(file, "contexts %u\ndying %u\n", vps_context_total(), vps_context_dying());
	return 0;
}

/* That there are files, and none of v1, also keeps v1 mounts from taking the controller. */
static struct cftype vps_files[] = {
	{
		.name = "id",
		.read_u64 = vps_id_read,
	},
	{
		.name = "stat",
		.seq_show = vps_stat_show,
		.flags = CFTYPE_ONLY_ON_ROOT,
	},
	{}
};

struct cgroup_subsys vps_cgrp_subsys = {
	.css_alloc = vps_css_alloc,
	.css_killed = vps_css_killed,
	.css_free = vps_css_free,
	.can_attach = vps_can_attach,
	.cancel_attach = vps_cancel_attach,
	.can_fork = vps_can_fork,
	.cancel_fork = vps_cancel_fork,
	.release = vps_release,
	.bind = vps_bind,
	.dfl_cftypes = vps_files,
	.early_init = true,
	.implicit_on_dfl = true,
	.threaded = true,
};

/* ---- what vserver() does to them ---- */

/* The head of a context that has not ended. */
static struct cgroup_subsys_state *head_of(const struct vps_context *context)
{
	return rcu_dereference_protected(context->head, lockdep_is_held(&cgroup_mutex));
}

static struct cgroup_subsys_state *get_group(int cgroup_fd)
{
	struct cgroup_subsys_state *css;
	struct file *file = fget_raw(cgroup_fd);

	if (!file)
		return ERR_PTR(-EBADF);
	css = css_tryget_online_from_dir(file->f_path.dentry, &vps_cgrp_subsys);
	fput(file);
	return css;
}

/* Can @css be the head of a new context? */
static int check_head(struct cgroup_subsys_state *css)
{
	struct cgroup *group = css->cgroup;

	if (cgroup_is_dead(group))
		return -ENOENT;
	if (!vps_is_host(to_vps_css(css)->context))
		return -EXDEV;
	if (to_vps_css(css)->used || group->dom_cgrp != group)
		return -EBUSY;
	return 0;
}

static int make_head(struct vps_context *context, struct cgroup_subsys_state *css)
{
	int err = vps_context_exists(context->id) ? -EEXIST : check_head(css);

	if (err)
		return err;
	context->account = cgroup_id(css->cgroup);
	rcu_assign_pointer(context->head, css);
	/* By the group; not let go of before it is freed. */
	vps_context_get(context);
	err = vps_context_publish(context);
	if (err) {
		vps_context_put(context);
		return err;
	}
	to_vps_css(css)->context = context;
	return 0;
}

/**
 * vps_group_create - make a group the head of a new context
 * @id: number of the context
 * @spec: what it is to be; has been checked
 *
 * Return: 0, or an errno as VC_CPU_CONTEXT of vserver() has them.
 */
int vps_group_create(u32 id, const struct vps_create *spec)
{
	struct vps_context *context;
	struct cgroup_subsys_state *css;
	int err;

	css = get_group(spec->cgroup_fd);
	if (IS_ERR(css))
		return PTR_ERR(css);
	context = vps_context_alloc(id, spec);
	if (!context) {
		css_put(css);
		return -ENOMEM;
	}
	vps_traffic_start();
	static_branch_enable(&vps_active);
	cgroup_lock();
	err = make_head(context, css);
	cgroup_unlock();
	if (err)
		vps_context_put(context);
	css_put(css);
	return err;
}

/**
 * vps_group_destroy - end a context
 * @context: the context
 *
 * Return: 0, -EBUSY when processes are in it, -ESRCH when it has ended meanwhile.
 */
int vps_group_destroy(struct vps_context *context)
{
	int err = 0;

	cgroup_lock();
	if (context->ended)
		err = -ESRCH;
	else if (cgroup_is_populated(head_of(context)->cgroup))
		err = -EBUSY;
	else
		vps_context_end(context);
	cgroup_unlock();
	/* By now, so that its file system can be unmounted. */
	if (!err)
		vps_disk_detach(context);
	return err;
}

static int move_process(struct cgroup *group, pid_t nr)
{
	struct task_struct *leader;
	bool locked;
	char text[12];
	int err;

	snprintf(text, sizeof(text), "%d", nr);
	leader = cgroup_procs_write_start(text, true, &locked);
	if (IS_ERR(leader)) {
		/* Nor the lock, which sparse cannot know. */
		__release(&cgroup_threadgroup_rwsem);
		return PTR_ERR(leader);
	}
	err = cgroup_migrate_vet_dst(group) ?: cgroup_attach_task(group, leader, true);
	cgroup_procs_write_finish(leader, locked);
	return err;
}

/**
 * vps_group_migrate - move a process into a group of a context
 * @context: the context
 * @cgroup_fd: directory of the group
 * @nr: the process in the caller's pid namespace; 0: the caller
 *
 * Return: 0, or an errno as VC_PROCESS_MIGRATE of vserver() has them.
 */
int vps_group_migrate(struct vps_context *context, int cgroup_fd, pid_t nr)
{
	struct cgroup_subsys_state *css = get_group(cgroup_fd);
	int err;

	if (IS_ERR(css))
		return PTR_ERR(css);
	cgroup_lock();
	if (cgroup_is_dead(css->cgroup))
		err = -ENOENT;
	else if (to_vps_css(css)->context != context)
		err = -ESTALE;
	else
		err = move_process(css->cgroup, nr);
	cgroup_unlock();
	css_put(css);
	return err;
}

static int signal_group(struct cgroup *group, int signal)
{
	struct task_struct *leader;
	struct css_task_iter it;
	int err = 0;

	css_task_iter_start(&group->self, CSS_TASK_ITER_PROCS, &it);
	while (!err && (leader = css_task_iter_next(&it))) {
		/* As to "all" by kill(2): what is being forked by one of them gets it too. */
		err = group_send_sig_info(signal, SEND_SIG_NOINFO, leader, PIDTYPE_MAX);
		if (err == -ESRCH)
			err = 0;
	}
	css_task_iter_end(&it);
	return err;
}

/**
 * vps_group_signal - send a signal to each process of a context
 * @context: the context
 * @signal: the signal; 0 only checks
 *
 * None escapes by forking: none forks meanwhile.
 *
 * Return: 0, -ESRCH when the context has ended meanwhile, -EPERM of a caller without CAP_KILL.
 */
int vps_group_signal(struct vps_context *context, int signal)
{
	struct cgroup_subsys_state *css;
	int err = 0;

	cgroup_lock();
	cgroup_attach_lock(true);
	if (context->ended)
		err = -ESRCH;
	else
		css_for_each_descendant_pre(css, head_of(context))
			err = err ?: signal_group(css->cgroup, signal);
	cgroup_attach_unlock(true);
	cgroup_unlock();
	return err;
}

/* ---- whose context ---- */

/**
 * vps_current_id - number of the caller's context
 *
 * Return: the number.
 */
u32 vps_current_id(void)
{
	u32 id;

	rcu_read_lock();
	id = vps_current_rcu()->id;
	rcu_read_unlock();
	return id;
}

/**
 * vps_current_get - the caller's context
 *
 * Return: the context, held.
 */
struct vps_context *vps_current_get(void)
{
	struct vps_context *context;

	rcu_read_lock();
	/* A group that has a task holds it; who moves the task holds the next one. */
	context = vps_current_rcu();
	vps_context_get(context);
	rcu_read_unlock();
	return context;
}
