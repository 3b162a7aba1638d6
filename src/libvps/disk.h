/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits on the disk of a context, for the table of resources. */
#ifndef VPS_DISK_H
#define VPS_DISK_H

#include "engine.h"

/* What counts them: -ENODATA when the context was given no tree. */
extern const struct vps_meter vps_disk_space_meter;
extern const struct vps_meter vps_disk_inodes_meter;

/*
 * vps_disk_adopt - @tree is going to be the root of the context. If that is to be on an image, it
 * is mounted; limits that were not set for this context are none.
 *   -EBUSY its image is not mounted
 */
int vps_disk_adopt(int group, const char *tree, bool *ret_image, struct vps_fault *fault);

#endif /* VPS_DISK_H */
