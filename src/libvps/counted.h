/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees that the kernel itself counts while their context lasts, and bounds. Nothing of it is
 * on the disk, so that a tree is counted anew for each context.
 */
#ifndef VPS_COUNTED_H
#define VPS_COUNTED_H

#include "engine.h"

/* NULL when trees are counted on this host, else why not. */
const char *vps_counted_refusal(const struct vps_host *host);

/* The same of the tree @fd, as far as can be told before it is tried. */
const char *vps_counted_refusal_of(const struct vps_host *host, int fd);

/*
 * vps_counted_begin - the tree @fd, called @path, is that of context @id from now on, in which
 * nothing runs, and without a limit. Nobody should write to it meanwhile.
 *   -ENOTSUP its file system cannot be counted   -EBUSY another context has it
 */
int vps_counted_begin(const struct vps_host *host, uint32_t id, int fd, const char *path,
		      const struct vps_disk_spec *spec, struct vps_fault *fault);

/* It has none any more. */
void vps_counted_end(const struct vps_host *host, uint32_t id);

/* -ENOENT no such context, or it has no tree */
int vps_counted_get(const struct vps_host *host, uint32_t id, struct vps_limit_state *ret_space,
		    struct vps_limit_state *ret_inodes);

/* Either limit, the other stays. */
int vps_counted_set_space(const struct vps_host *host, uint32_t id,
			  const struct vps_limit *limit);
int vps_counted_set_inodes(const struct vps_host *host, uint32_t id,
			   const struct vps_limit *limit);

#endif /* VPS_COUNTED_H */
