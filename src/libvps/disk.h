/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits on the disk of a context, for the table of resources. */
#ifndef VPS_DISK_H
#define VPS_DISK_H

#include "engine.h"

/* Why this host can hold none, or NULL. */
const char *vps_disk_refusal(const struct vps_host *host);

/* -ENODATA: the context was given no tree. */
int vps_disk_get_space(const struct vps_host *host, int group,
		       struct vps_limit_state *ret_state);
int vps_disk_get_inodes(const struct vps_host *host, int group,
			struct vps_limit_state *ret_state);

int vps_disk_set_space(const struct vps_host *host, int group, uint64_t limit,
		       struct vps_fault *fault);
int vps_disk_set_inodes(const struct vps_host *host, int group, uint64_t limit,
			struct vps_fault *fault);

/* Would @limit, one of @limits that are set together, hold? */
int vps_disk_check_inodes(const struct vps_host *host, int group,
			  const struct vps_limit *limits, size_t count, uint64_t limit,
			  struct vps_fault *fault);

/*
 * vps_disk_adopt - @tree is going to be the root of the context. If that is to be on an image, it
 * is mounted; limits that were not set for this context are none.
 *   -EBUSY its image is not mounted
 */
int vps_disk_adopt(int group, const char *tree, bool *ret_image, struct vps_fault *fault);

#endif /* VPS_DISK_H */
