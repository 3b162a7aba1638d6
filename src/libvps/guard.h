/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a VPS on a bridge may send: from its own hardware address and its own addresses, whatever
 * its root does. A program at the host's end of its device holds to that. Who calls these holds
 * vps_pins_lock().
 */
#ifndef VPS_GUARD_H
#define VPS_GUARD_H

#include "rtnl.h"

/*
 * From now on what comes from device @ifindex, the host's end, is context @id's and from @mac, or
 * is dropped; and all that passes is counted for its group, whose number is @account. -ENOSYS no
 * BPF; -ENOTSUP no type information, or a program is refused; -ENOENT no filters.
 */
int vps_guard_begin(struct nl_sock *sock, int ifindex, uint32_t id, uint64_t account,
		    const unsigned char mac[VPS_MAC_LEN]);

/* What goes to it comes from device @rates, or will. */
int vps_guard_expect(int ifindex, int rates);

/* It may be from this address too. */
int vps_guard_allow(struct nl_sock *sock, int ifindex, const struct vps_addr *addr);
void vps_guard_forbid(int ifindex, const struct vps_addr *addr);

/* The device is gone. */
void vps_guard_end(int ifindex);

/* What is noted of devices that are gone goes; -EINTR and others of the kernel. */
int vps_guard_shed(struct nl_sock *sock);

/* The program that finds the class of a packet in a device that holds rates: a descriptor. */
int vps_guard_classifier(void);

/* Is or was there any device on this host? Without a lock, and without making anything. */
bool vps_guard_was_used(void);

/* Makes ready what vps_guard_begin() needs, with its errors. */
int vps_guard_prepare(void);

/* Could all this be? Leaves nothing behind. */
int vps_guard_probe(void);

#endif /* VPS_GUARD_H */
