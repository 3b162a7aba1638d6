/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the addresses of a context need of the host: entries in the maps of the network
 * programs, an address on the loopback for ::1, and those that were put on a device for it.
 * The list itself, in order, is an attribute of the context's group.
 */
#ifndef VPS_LIBVPS_ADDR_H
#define VPS_LIBVPS_ADDR_H

#include "engine.h"

/* Takes back what was done for the addresses of a context that has no processes. */
int vps_addrs_end(struct vps_host *host, uint32_t id, int group);

/* Is this process in the network whose addresses are given? */
bool vps_addrs_at_home(void);

#endif /* VPS_LIBVPS_ADDR_H */
