/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network programs: attached once to the group of all contexts and pinned, so that they
 * outlive who attached them. They count the TCP connections of each context and hold its limit.
 *
 * Where the host has no BPF: -ENOSYS; no type information, or a program it refuses: -ENOTSUP;
 * not allowed to: -EPERM.
 */
#ifndef VPS_NET_H
#define VPS_NET_H

#include <stdint.h>

#include "cgroup.h"
#include "vps.h"

/* 0 when they are in place or could be; leaves nothing behind. */
int vps_net_probe(const struct vps_cgroups *cg);

/*
 * A context is made, whose group is @group: from now on it is counted. Attaches the programs
 * unless they are.
 */
int vps_net_begin(const struct vps_cgroups *cg, int group);

/* It is gone; @id is its group's vps_group_cgroup_id(). */
void vps_net_end(const struct vps_cgroups *cg, uint64_t id);

/* What it uses of TCP connections. -ENODATA: it was made while there were no programs. */
int vps_tcp_get(const struct vps_cgroups *cg, int group, struct vps_limit_state *ret_state);

/* VPS_LIMIT_INF: none. -ENODATA as above. */
int vps_tcp_set(const struct vps_cgroups *cg, int group, uint64_t limit);

#endif /* VPS_NET_H */
