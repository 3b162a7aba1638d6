/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limit on established TCP connections, which the programs of net.h hold. */
#ifndef VPS_TCP_H
#define VPS_TCP_H

#include "cgroup.h"

/* What it uses of TCP connections. -ENODATA: it was made while there were no programs. */
int vps_tcp_get(const struct vps_cgroups *cg, int group, struct vps_limit_state *ret_state);

/* VPS_LIMIT_INF: none. -ENODATA as above. */
int vps_tcp_set(const struct vps_cgroups *cg, int group, uint64_t limit);

#endif /* VPS_TCP_H */
