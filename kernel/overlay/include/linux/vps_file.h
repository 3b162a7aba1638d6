/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: the files that they have open.
 */
#ifndef _LINUX_VPS_FILE_H
#define _LINUX_VPS_FILE_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/lsm_hooks.h>
#include <linux/vps.h>

#ifdef CONFIG_VPS

extern struct lsm_blob_sizes vps_blob_sizes;

bool __vps_file_charge(struct vps_context *context);
void __vps_file_uncharge(struct vps_context *context);

/* Who had them made; NULL is the host. It is here since each file of the host's passes by. */
static inline struct vps_context *vps_cred_context(const struct cred *cred)
{
	return *(struct vps_context **)(cred->security + vps_blob_sizes.lbs_cred);
}

/**
 * vps_file_charge - may there be one more open file?
 * @cred: of who opens it
 *
 * Return: true when there may, and it is counted.
 */
static inline bool vps_file_charge(const struct cred *cred)
{
	return !static_branch_likely(&vps_active) || !vps_cred_context(cred) ||
	       __vps_file_charge(vps_cred_context(cred));
}

/**
 * vps_file_uncharge - what was counted could not be opened
 * @cred: of who opens it
 */
static inline void vps_file_uncharge(const struct cred *cred)
{
	if (static_branch_likely(&vps_active) && vps_cred_context(cred))
		__vps_file_uncharge(vps_cred_context(cred));
}

/**
 * vps_file_free - an open file is not there any more
 * @file: the file; the kernel's own have not been counted
 */
static inline void vps_file_free(const struct file *file)
{
	if (static_branch_likely(&vps_active) && vps_cred_context(file->f_cred) &&
	    !(file->f_mode & FMODE_NOACCOUNT))
		__vps_file_uncharge(vps_cred_context(file->f_cred));
}

#else /* !CONFIG_VPS */

static inline bool vps_file_charge(const struct cred *cred) { return true; }
static inline void vps_file_uncharge(const struct cred *cred) { }
static inline void vps_file_free(const struct file *file) { }

#endif /* CONFIG_VPS */

#endif /* _LINUX_VPS_FILE_H */
