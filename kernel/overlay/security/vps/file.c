// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: the files that they have open. Charged is the context whose process had the
 * credentials made that open it, and they do not change as long as it is open.
 */
#include <linux/fs.h>

#include "vps.h"

bool __vps_file_charge(const struct cred *cred)
{
	struct vps_context *context = vps_maker(cred);

	return vps_is_host(context) || vps_counter_try(&context->counters[VPS_FILES], 1);
}

void __vps_file_uncharge(const struct cred *cred)
{
	struct vps_context *context = vps_maker(cred);

	if (!vps_is_host(context))
		vps_counter_uncharge(&context->counters[VPS_FILES], 1);
}

void __vps_file_free(const struct file *file)
{
	if (!(file->f_mode & FMODE_NOACCOUNT))
		__vps_file_uncharge(file->f_cred);
}
