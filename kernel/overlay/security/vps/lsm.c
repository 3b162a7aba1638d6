// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: what the security module asks of them.
 */
#include <linux/cred.h>
#include <linux/lsm_hooks.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>

#include "vps.h"

/**
 * struct vps_cred - what credentials know of contexts
 * @context: the one whose process had them made, held; NULL is the host. Open files have
 *	credentials, and so hold it, too.
 */
struct vps_cred {
	struct vps_context *context;
};

struct lsm_blob_sizes vps_blob_sizes __ro_after_init = {
	.lbs_cred = sizeof(struct vps_cred),
	.lbs_ipc = sizeof(u64),
	.lbs_key = sizeof(u64),
};

static struct vps_cred *vps_cred(const struct cred *cred)
{
	return cred->security + vps_blob_sizes.lbs_cred;
}

/**
 * vps_maker - the context whose process had credentials made, under RCU
 * @cred: the credentials, which hold it
 *
 * Return: the context.
 */
struct vps_context *vps_maker(const struct cred *cred)
{
	return vps_cred(cred)->context ?: &vps_host;
}

/**
 * vps_actor - the context from which somebody acts with credentials, under RCU
 * @cred: the credentials
 *
 * Who was moved and has not executed anything since has those of where he was, and acts from
 * where he is.
 *
 * Return: the context.
 */
struct vps_context *vps_actor(const struct cred *cred)
{
	return cred == current_cred() ? vps_current_rcu() : vps_maker(cred);
}

static int vps_cred_prepare(struct cred *new, const struct cred *old, gfp_t gfp)
{
	struct vps_context *context;

	rcu_read_lock();
	/* Of a task that was moved they are renewed here, at the latest when it executes. */
	context = vps_actor(old);
	if (!vps_is_host(context)) {
		vps_context_get(context);
		vps_cred(new)->context = context;
	}
	rcu_read_unlock();
	return 0;
}

static void vps_cred_transfer(struct cred *new, const struct cred *old)
{
	vps_cred_prepare(new, old, GFP_KERNEL);
}

static void vps_cred_free(struct cred *cred)
{
	vps_context_put(vps_cred(cred)->context);
	vps_cred(cred)->context = NULL;
}

/* Those of a context that can be used at all. */
static u64 usable_caps(const struct vps_context *context, struct user_namespace *ns)
{
	u64 caps = READ_ONCE(context->caps);

	if (ns->level || vps_is_host(context))
		return caps;
	caps &= ~VPS_CAPS_MACHINE;
	/* Whose memory one may read one may page out with it. */
	if (context->id == VPS_CTX_ALL)
		caps &= ~BIT_ULL(CAP_SYS_NICE);
	/* Elsewhere it ends the processes of that namespace, and no more. */
	if (task_active_pid_ns(current) == &init_pid_ns)
		caps &= ~BIT_ULL(CAP_SYS_BOOT);
	return caps;
}

/*
 * The bound of a context holds in the host's user namespace and in those right below, one of
 * which the context's may be. What its users make for themselves below is their own.
 */
static int vps_capable(const struct cred *cred, struct user_namespace *ns, int cap,
		       unsigned int opts)
{
	struct vps_context *own;
	u64 caps;

	if (!static_branch_unlikely(&vps_active) || ns->level > 1 || !in_task())
		return 0;
	rcu_read_lock();
	/* Also of whoever has opened the file that is used. */
	own = vps_cred(cred)->context;
	caps = usable_caps(vps_current_rcu(), ns) & (own ? READ_ONCE(own->caps) : ~0ULL);
	rcu_read_unlock();
	return caps & BIT_ULL(cap) ? 0 : -EPERM;
}

/* Never -ESRCH: kill_pid_info() would look for the task again, for ever. */
static int vps_task_kill(struct task_struct *target, struct kernel_siginfo *info, int signal,
			 const struct cred *cred)
{
	struct vps_context *own;
	bool reached;

	if (!static_branch_unlikely(&vps_active))
		return 0;
	rcu_read_lock();
	/* On behalf of somebody who asked for it long ago. */
	own = cred ? vps_actor(cred) : vps_current_rcu();
	reached = vps_reaches(own, vps_task_context(target));
	rcu_read_unlock();
	return reached ? 0 : -EPERM;
}

static int vps_ptrace_access_check(struct task_struct *target, unsigned int mode)
{
	struct vps_context *own;
	bool reached;

	if (!static_branch_unlikely(&vps_active))
		return 0;
	rcu_read_lock();
	own = vps_current_rcu();
	reached = vps_reaches(own, vps_task_context(target)) ||
		  (own->id == VPS_CTX_ALL && !(mode & PTRACE_MODE_ATTACH));
	rcu_read_unlock();
	return reached ? 0 : -EPERM;
}

static int vps_ptrace_traceme(struct task_struct *parent)
{
	bool reached;

	if (!static_branch_unlikely(&vps_active))
		return 0;
	rcu_read_lock();
	reached = vps_reaches(vps_task_context(parent), vps_current_rcu());
	rcu_read_unlock();
	return reached ? 0 : -EPERM;
}

bool __vps_on_host(void)
{
	return vps_current_id() == VPS_CTX_HOST;
}

bool __vps_may_set_names(void)
{
	return current->nsproxy->uts_ns != &init_uts_ns || __vps_on_host();
}

bool __vps_sees(struct task_struct *task)
{
	struct vps_context *own;
	bool sees;

	rcu_read_lock();
	own = vps_current_rcu();
	sees = own->id == VPS_CTX_ALL || vps_reaches(own, vps_task_context(task));
	rcu_read_unlock();
	return sees;
}

/* A child that is not where its parent is has still to be waited for. */
static bool finds(struct task_struct *task)
{
	bool own;

	rcu_read_lock();
	own = same_thread_group(rcu_dereference(task->real_parent), current);
	rcu_read_unlock();
	return own || __vps_sees(task);
}

/* A group may have been moved in part. What has no task any more is nobody's. */
bool __vps_sees_pid(struct pid *pid)
{
	struct task_struct *task;
	enum pid_type type;
	bool hidden = false;

	for (type = PIDTYPE_PID; type < PIDTYPE_MAX; type++) {
		task = pid_task(pid, type);
		if (task && finds(task))
			return true;
		hidden |= !!task;
	}
	return !hidden;
}

bool __vps_may_enter(struct task_struct *task)
{
	struct vps_context *own, *target;
	bool may;

	rcu_read_lock();
	own = vps_current_rcu();
	target = vps_task_context(task);
	may = own == target ||
	      (vps_is_host(own) && !(READ_ONCE(target->flags) & VPS_PRIVATE &&
				     vps_context_has_init(target)));
	rcu_read_unlock();
	return may;
}

bool __vps_own_nproc(void)
{
	bool own;

	rcu_read_lock();
	own = READ_ONCE(vps_current_rcu()->flags) & VPS_NPROC;
	rcu_read_unlock();
	return own;
}

const struct lsm_id vps_lsmid = {
	.name = "vps",
	.id = LSM_ID_VPS,
};

/* By which the security framework knows that there is such a hook. */
static struct static_key_false *key_of(const struct security_hook_list *hook)
{
	const struct lsm_static_call *call = hook->scalls;

	while (call->hl != hook)
		call++;
	return call->active;
}

/**
 * vps_hooks_add - hook in what nobody is to be asked yet, at boot
 * @hooks: what all of the host would go through for nothing
 * @count: of them
 */
void __init vps_hooks_add(struct security_hook_list *hooks, int count)
{
	security_add_hooks(hooks, count, &vps_lsmid);
	while (count--)
		static_branch_disable(key_of(&hooks[count]));
}

/**
 * vps_hooks_start - be asked from now on and for ever
 * @hooks: of vps_hooks_add(), maybe started before
 * @count: of them
 */
void vps_hooks_start(const struct security_hook_list *hooks, int count)
{
	while (count--)
		static_branch_enable(key_of(&hooks[count]));
}

static struct security_hook_list vps_hooks[] __ro_after_init = {
	LSM_HOOK_INIT(capable, vps_capable),
	LSM_HOOK_INIT(cred_free, vps_cred_free),
	LSM_HOOK_INIT(cred_prepare, vps_cred_prepare),
	LSM_HOOK_INIT(cred_transfer, vps_cred_transfer),
	LSM_HOOK_INIT(ptrace_access_check, vps_ptrace_access_check),
	LSM_HOOK_INIT(ptrace_traceme, vps_ptrace_traceme),
	LSM_HOOK_INIT(task_kill, vps_task_kill),
};

static int __init vps_init(void)
{
	security_add_hooks(vps_hooks, ARRAY_SIZE(vps_hooks), &vps_lsmid);
	vps_wall_init();
	vps_objects_init();
	vps_tcp_init();
	vps_disk_init();
	vps_address_init();
	vps_traffic_init();
	return 0;
}

DEFINE_LSM(vps) = {
	.name = "vps",
	.order = LSM_ORDER_LAST,
	.init = vps_init,
	.blobs = &vps_blob_sizes,
};
