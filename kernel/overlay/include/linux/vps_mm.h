/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: what the management of memory asks of them.
 */
#ifndef _LINUX_VPS_MM_H
#define _LINUX_VPS_MM_H

#include <linux/mm_types.h>
#include <linux/vps.h>

#ifdef CONFIG_VPS

int __vps_mm_fork(struct mm_struct *mm);
void __vps_mm_exec(struct mm_struct *mm);
void __vps_mm_exit(struct mm_struct *mm);
void __vps_mm_account(struct mm_struct *mm, long npages);
bool __vps_mm_may_expand(struct mm_struct *mm, unsigned long npages);

static inline bool vps_mm_is_charged(const struct mm_struct *mm)
{
	return static_branch_unlikely(&vps_active) && mm->vps;
}

/**
 * vps_mm_init - an address space that is charged to nobody
 * @mm: a new one, maybe a copy
 */
static inline void vps_mm_init(struct mm_struct *mm)
{
	mm->vps = NULL;
}

/**
 * vps_mm_fork - charge a copy of an address space to the caller's context
 * @mm: the copy, with its total_vm
 *
 * Return: 0 or -ENOMEM.
 */
static inline int vps_mm_fork(struct mm_struct *mm)
{
	return static_branch_unlikely(&vps_active) ? __vps_mm_fork(mm) : 0;
}

/**
 * vps_mm_exec - charge an address space for a new program to the caller's context
 * @mm: the new one, with its total_vm
 */
static inline void vps_mm_exec(struct mm_struct *mm)
{
	if (static_branch_unlikely(&vps_active))
		__vps_mm_exec(mm);
}

/**
 * vps_mm_exit - an address space is not there any more
 * @mm: nobody uses it
 */
static inline void vps_mm_exit(struct mm_struct *mm)
{
	if (vps_mm_is_charged(mm))
		__vps_mm_exit(mm);
}

/**
 * vps_mm_account - an address space has grown or shrunk
 * @mm: the address space
 * @npages: what is added to its total_vm
 */
static inline void vps_mm_account(struct mm_struct *mm, long npages)
{
	if (vps_mm_is_charged(mm))
		__vps_mm_account(mm, npages);
}

/**
 * vps_mm_may_expand - may an address space grow?
 * @mm: the address space
 * @npages: by how much
 *
 * Nothing is reserved: those who grow at the same moment may get one request each too much.
 *
 * Return: true when it may, as far as contexts are concerned.
 */
static inline bool vps_mm_may_expand(struct mm_struct *mm, unsigned long npages)
{
	return !vps_mm_is_charged(mm) || __vps_mm_may_expand(mm, npages);
}

#else /* !CONFIG_VPS */

static inline void vps_mm_init(struct mm_struct *mm) { }
static inline int vps_mm_fork(struct mm_struct *mm) { return 0; }
static inline void vps_mm_exec(struct mm_struct *mm) { }
static inline void vps_mm_exit(struct mm_struct *mm) { }
static inline void vps_mm_account(struct mm_struct *mm, long npages) { }
static inline bool vps_mm_may_expand(struct mm_struct *mm, unsigned long npages) { return true; }

#endif /* CONFIG_VPS */

#endif /* _LINUX_VPS_MM_H */
