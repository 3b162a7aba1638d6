// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: the second wall around processes and the machine.
 *
 * What namespaces keep out of sight cannot be reached either, should one of them leak, nor by
 * processes that were never put into any. Files are not its matter, but that of the root and of
 * the mount namespace.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/lsm_hooks.h>
#include <linux/security.h>

#include "vps.h"

/* ---- processes ---- */

/*
 * Most calls that take a number find no stranger (vps_seen()). Left are those who are found by
 * their user, and what context 1 sees.
 */
static int may_touch(struct task_struct *task)
{
	bool reached;

	if (!static_branch_unlikely(&vps_active))
		return 0;
	rcu_read_lock();
	reached = vps_reaches(vps_current_rcu(), vps_task_context(task));
	rcu_read_unlock();
	return reached ? 0 : -EPERM;
}

/* Asked of all processes of a user or a group. */
static int may_see(struct task_struct *task)
{
	return vps_sees(task) ? 0 : -EPERM;
}

static int wall_task_setioprio(struct task_struct *task, int ioprio)
{
	return may_touch(task);
}

static int wall_task_setnice(struct task_struct *task, int nice)
{
	return may_touch(task);
}

static int wall_task_setpgid(struct task_struct *task, pid_t pgid)
{
	return may_touch(task);
}

/* All that there is of the task is its credentials. */
static int wall_task_prlimit(const struct cred *cred, const struct cred *target, unsigned int flags)
{
	struct vps_context *own;
	bool reached;

	if (!static_branch_unlikely(&vps_active) || !(flags & LSM_PRLIMIT_WRITE))
		return 0;
	rcu_read_lock();
	own = vps_current_rcu();
	/* Others have found it, and so it is theirs. */
	reached = own->id != VPS_CTX_ALL || own == vps_maker(target);
	rcu_read_unlock();
	return reached ? 0 : -EPERM;
}

/* Signals that a file sends are from who has opened it. */
static int wall_file_send_sigiotask(struct task_struct *task, struct fown_struct *owner,
				    int signal)
{
	bool reached;

	if (!static_branch_unlikely(&vps_active))
		return 0;
	rcu_read_lock();
	reached = vps_reaches(vps_maker(owner->file->f_cred), vps_task_context(task));
	rcu_read_unlock();
	return reached ? 0 : -EPERM;
}

/* ---- the machine ---- */

/* The host's alone, whatever capabilities say. */
static int host_only(void)
{
	return vps_on_host() ? 0 : -EPERM;
}

static int wall_syslog(int type)
{
	return host_only();
}

static int wall_settime(const struct timespec64 *time, const struct timezone *zone)
{
	return host_only();
}

static int wall_kernel_module_request(char *name)
{
	return host_only();
}

/* Firmware is loaded by drivers, on behalf of whoever comes first. */
static int wall_kernel_load_data(enum kernel_load_data_id id, bool contents)
{
	return id == LOADING_FIRMWARE ? 0 : host_only();
}

static int wall_kernel_read_file(struct file *file, enum kernel_read_file_id id, bool contents)
{
	return id == READING_FIRMWARE ? 0 : host_only();
}

#ifdef CONFIG_BPF_SYSCALL
static int wall_bpf(int command, union bpf_attr *attr, unsigned int size)
{
	return host_only();
}
#endif

#ifdef CONFIG_PERF_EVENTS
static int wall_perf_event_open(int type)
{
	return host_only();
}
#endif

/* What is on a disk is read by the kernel, which trusts it: no source, no mount. */
static int wall_fs_context_parse_param(struct fs_context *context, struct fs_parameter *param)
{
	/* 0 would say that the parameter has been taken. */
	if (!(context->fs_type->fs_flags & FS_REQUIRES_DEV))
		return -ENOPARAM;
	return host_only() ?: -ENOPARAM;
}

static int wall_sb_remount(struct super_block *sb, void *options)
{
	return sb->s_bdev ? host_only() : 0;
}

static struct security_hook_list wall_hooks[] __ro_after_init = {
	LSM_HOOK_INIT(file_send_sigiotask, wall_file_send_sigiotask),
	LSM_HOOK_INIT(task_getioprio, may_see),
	LSM_HOOK_INIT(task_movememory, may_touch),
	LSM_HOOK_INIT(task_prlimit, wall_task_prlimit),
	LSM_HOOK_INIT(task_setioprio, wall_task_setioprio),
	LSM_HOOK_INIT(task_setnice, wall_task_setnice),
	LSM_HOOK_INIT(task_setpgid, wall_task_setpgid),
	LSM_HOOK_INIT(task_setscheduler, may_touch),

#ifdef CONFIG_BPF_SYSCALL
	LSM_HOOK_INIT(bpf, wall_bpf),
#endif
	LSM_HOOK_INIT(fs_context_parse_param, wall_fs_context_parse_param),
	LSM_HOOK_INIT(kernel_load_data, wall_kernel_load_data),
	LSM_HOOK_INIT(kernel_module_request, wall_kernel_module_request),
	LSM_HOOK_INIT(kernel_read_file, wall_kernel_read_file),
#ifdef CONFIG_PERF_EVENTS
	LSM_HOOK_INIT(perf_event_open, wall_perf_event_open),
#endif
	LSM_HOOK_INIT(sb_remount, wall_sb_remount),
	LSM_HOOK_INIT(settime, wall_settime),
	LSM_HOOK_INIT(syslog, wall_syslog),
};

/**
 * vps_wall_init - raise the wall, at boot
 */
void __init vps_wall_init(void)
{
	security_add_hooks(wall_hooks, ARRAY_SIZE(wall_hooks), &vps_lsmid);
}
