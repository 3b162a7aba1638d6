// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: the one rule for every way across the boundary of a context, be it a write
 * to cgroup.procs, clone3() or vserver().
 */
#include <linux/errno.h>

#include "vps.h"

/**
 * vps_move_check - may a task leave one context for another?
 * @move: what is known of the two, the task and who moves it
 *
 * Return: 0, or in this order
 *	-EINVAL a kernel thread is the host's
 *	-EPERM who moves it is not the host's administrator
 *	-EBUSY somebody in a context, and not in the one where it goes, traces it
 *	-EOPNOTSUPP a process is in one context as a whole
 *	-ESRCH the other context has ended
 *	-EXDEV VPS_LOCK where it is
 *	-EACCES VPS_PRIVATE where it goes, and that has an init process
 */
int vps_move_check(const struct vps_move *move)
{
	if (move->kernel)
		return -EINVAL;
	if (!move->by_host)
		return -EPERM;
	if (move->traced)
		return -EBUSY;
	if (move->splits)
		return -EOPNOTSUPP;
	if (move->to_ended)
		return -ESRCH;
	if (move->from_flags & VPS_LOCK)
		return -EXDEV;
	if (move->to_flags & VPS_PRIVATE && move->to_inited)
		return -EACCES;
	return 0;
}
