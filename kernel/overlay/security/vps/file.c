// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: the files that they have open. Charged is the context whose process had the
 * credentials made that open it, and they do not change as long as it is open.
 */
#include <linux/vps_file.h>

#include "vps.h"

bool __vps_file_charge(struct vps_context *context)
{
	return vps_counter_try(&context->counters[VPS_FILES], 1);
}

void __vps_file_uncharge(struct vps_context *context)
{
	vps_counter_uncharge(&context->counters[VPS_FILES], 1);
}
