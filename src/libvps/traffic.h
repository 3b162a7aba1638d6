/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters of traffic. The programs of net.c and guard.c count into maps that are pinned in a
 * directory of their own, and stay when those programs are replaced.
 */
#ifndef VPS_TRAFFIC_H
#define VPS_TRAFFIC_H

#include <stdint.h>

#include "cgroup.h"
#include "vps.h"

enum vps_traffic_map {
	VPS_TRAFFIC_ROWS,
	VPS_TRAFFIC_ACCOUNT,
	VPS_TRAFFIC_CLASS,
	VPS_TRAFFIC_NETS,
	VPS_TRAFFIC_STAMP,
};

/*
 * One of the maps, and the kernel's number of it (or NULL). -ENOENT where nothing is counted;
 * -EPROTO where another version counts.
 */
int vps_traffic_open(enum vps_traffic_map map, uint32_t *ret_map_id);

/*
 * A context is made, whose group is @group: from now on it has an account. The programs are in
 * place. -E2BIG too many accounts wait to be harvested
 */
int vps_traffic_begin(struct vps_host *host, int group, uint32_t id, const char *name);

/* The same for one that may have been made where nothing counted. */
int vps_traffic_ensure(struct vps_host *host, int group, uint32_t id, const char *name);

#endif /* VPS_TRAFFIC_H */
