/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rates of VPSes on a bridge. For each direction the bridge has a device of its own, in which
 * every VPS of the bridge has a class; what goes through the host's ends of their devices is
 * sent through these. So nothing that holds a rate is within reach of a VPS.
 */
#ifndef VPS_QOS_H
#define VPS_QOS_H

#include "rtnl.h"

/**
 * struct vps_qos - what a VPS has of the bridge, bits a second, 0: none
 * @port: index of the host's end of its device
 */
struct vps_qos {
	uint32_t id;
	int port;
	uint64_t min;
	uint64_t max;
};

/* What a VPS with these rates has in any case: enough to be heard where nothing is warranted. */
uint64_t vps_qos_least(uint64_t min, uint64_t max);

/* Is the bridge's traffic sent through such devices, wholly? */
bool vps_qos_is_on(struct nl_sock *sock, int bridge);

/* The rate of the slowest hardware among the ports of the bridge; 0: none tells. */
uint64_t vps_qos_hardware_rate(const struct vps_link *links, size_t count, int bridge);

/* Makes the devices; @line: what all have together, 0 where it is not known. */
int vps_qos_begin(struct nl_sock *sock, int bridge, uint64_t line, struct vps_fault *fault);

/* All VPSes of the bridge have been set. */
int vps_qos_commit(struct nl_sock *sock, int bridge);

/* Makes or changes the classes of one VPS, and sends its traffic through them. */
int vps_qos_set(struct nl_sock *sock, int bridge, const struct vps_qos *qos,
		struct vps_fault *fault);

/* Its device is gone. */
void vps_qos_remove(struct nl_sock *sock, int bridge, uint32_t id);

/* No VPS of the bridge is left. */
void vps_qos_end(struct nl_sock *sock, int bridge);

/* Is it one of these devices? Then of which bridge. */
bool vps_qos_is_device(const struct vps_link *link, int *ret_bridge);

#endif /* VPS_QOS_H */
