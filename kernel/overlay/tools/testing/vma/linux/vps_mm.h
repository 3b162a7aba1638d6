/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_VPS_MM_H
#define _LINUX_VPS_MM_H

struct mm_struct;

static inline void vps_mm_account(struct mm_struct *mm, long npages)
{
}

#endif /* _LINUX_VPS_MM_H */
