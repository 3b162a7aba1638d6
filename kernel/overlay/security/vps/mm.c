// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: their address space.
 *
 * An address space is charged to the context in which it was made, as long as it lasts: threads
 * and vfork() share it, and what is charged for it cannot move while they change it. So who was
 * moved is charged from his next execve() on.
 */
#include <linux/vps_mm.h>

#include "vps.h"

static struct vps_counter *pages_of(struct mm_struct *mm)
{
	return &mm->vps->counters[VPS_PAGES];
}

static struct vps_context *own_context(void)
{
	struct vps_context *context = vps_current_get();

	return vps_is_host(context) ? NULL : context;
}

int __vps_mm_fork(struct mm_struct *mm)
{
	struct vps_context *context = own_context();

	if (context && !vps_counter_try(&context->counters[VPS_PAGES], mm->total_vm)) {
		vps_context_put(context);
		return -ENOMEM;
	}
	mm->vps = context;
	return 0;
}

void __vps_mm_exec(struct mm_struct *mm)
{
	mm->vps = own_context();
	if (mm->vps)
		vps_counter_charge(pages_of(mm), mm->total_vm);
}

void __vps_mm_exit(struct mm_struct *mm)
{
	vps_counter_uncharge(pages_of(mm), mm->total_vm);
	vps_context_put(mm->vps);
	mm->vps = NULL;
}

void __vps_mm_account(struct mm_struct *mm, long npages)
{
	if (npages > 0)
		vps_counter_charge(pages_of(mm), npages);
	else
		vps_counter_uncharge(pages_of(mm), -npages);
}

bool __vps_mm_may_expand(struct mm_struct *mm, unsigned long npages)
{
	if (vps_counter_has(pages_of(mm), npages))
		return true;
	vps_counter_hit(pages_of(mm));
	return false;
}
