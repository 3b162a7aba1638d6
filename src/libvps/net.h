/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network programs: attached once to the group of all contexts and pinned, so that they
 * outlive who attached them. They count the TCP connections of each context, hold its limit on
 * them (tcp.h), and bind it to its addresses (addr.c).
 *
 * Where the host has no BPF: -ENOSYS; no type information, or a program it refuses: -ENOTSUP;
 * not allowed to: -EPERM.
 */
#ifndef VPS_NET_H
#define VPS_NET_H

#include <stdint.h>

#include "cgroup.h"
#include "vps.h"

/* NULL when they are in place or could be, else what is missing; leaves nothing behind. */
const char *vps_net_refusal(const struct vps_cgroups *cg);

/* Brings the programs in place unless they are. */
int vps_net_prepare(const struct vps_cgroups *cg);

/*
 * A context is made, whose group is @group: from now on it is counted. Attaches the programs
 * unless they are.
 */
int vps_net_begin(const struct vps_cgroups *cg, int group);

/* It is gone; @id is its group's vps_group_cgroup_id(). */
void vps_net_end(const struct vps_cgroups *cg, uint64_t id);

/* The map of that name. -ENOENT where the programs are not in place. */
int vps_net_map(const struct vps_cgroups *cg, const char *name);

/*
 * Datagrams that come in by device @ifindex find sockets that serve every address of their
 * context. -ENOTSUP, -ENOENT, -EINVAL this kernel has no programs on devices
 */
int vps_net_steer(const struct vps_cgroups *cg, int ifindex);

/* The programs are over the host's own sockets too, from now on; off: not over new ones. */
int vps_net_fence(const struct vps_cgroups *cg);
int vps_net_unfence(const struct vps_cgroups *cg);
bool vps_net_is_fenced(const struct vps_cgroups *cg);

#endif /* VPS_NET_H */
