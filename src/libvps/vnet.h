/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of bridged networks share, and what contexts need of them. */
#ifndef VPS_VNET_H
#define VPS_VNET_H

#include "engine.h"
#include "rtnl.h"

/**
 * struct vps_vnet_note - what a context's group remembers
 * @bridge: its index when the device was made: another one of that name is another one
 * @port: index of the host's end; 0 before there is one
 */
struct vps_vnet_note {
	struct vps_vnet vnet;
	int bridge;
	int port;
};

/* ---- remembering (vnet-attr.c) ------------------------------------------------ */

/* -ENODATA: it has no device. */
int vps_vnet_read(int group, struct vps_vnet_note *ret_note);
int vps_vnet_write(int group, const struct vps_vnet_note *note);
int vps_vnet_forget(int group);

/* The devices of context @id, and the hardware addresses of both ends. */
void vps_vnet_port_name(uint32_t id, char name[IFNAMSIZ]);
void vps_vnet_peer_name(uint32_t id, char name[IFNAMSIZ]);
void vps_vnet_port_mac(uint32_t id, unsigned char mac[VPS_MAC_LEN]);
void vps_vnet_peer_mac(uint32_t id, unsigned char mac[VPS_MAC_LEN]);

/* Is @link the host's end of some context's device? */
bool vps_vnet_is_port(const struct vps_link *link, uint32_t *ret_id);

/* ---- judging (vnet-check.c) ---------------------------------------------------- */

/* Is @gateway in the network of one of the addresses? */
bool vps_vnet_reaches(const struct vps_vnet *vnet, const struct vps_addr *gateway);

/* Has no other VPS on whatever bridge one of its addresses? */
int vps_vnet_check_others(struct vps_host *host, struct nl_sock *sock, uint32_t id,
			  const struct vps_vnet *vnet, struct vps_fault *fault);

/**
 * struct vps_vnet_others - what the other VPSes of a bridge have
 * @count: how many there are
 * @min: the sum of what is warranted them, and of what they have without that
 * @link: the least of what they say of the whole, 0: nothing
 * @rated: one of them has a rate
 */
struct vps_vnet_others {
	size_t count;
	uint64_t min;
	uint64_t link;
	bool rated;
};

/* Those on bridge @bridge but context @id. */
int vps_vnet_look_around(struct vps_host *host, struct nl_sock *sock, uint32_t id, int bridge,
			 struct vps_vnet_others *ret_others);

/* The rate of the whole; 0: it is not known. */
uint64_t vps_vnet_line(struct nl_sock *sock, int bridge, const struct vps_vnet *vnet,
		       const struct vps_vnet_others *others);

/* Can context @id have it? Then its bridge, and who else is there. */
int vps_vnet_check(struct vps_host *host, struct nl_sock *sock, uint32_t id,
		   const struct vps_vnet *vnet, struct vps_link *ret_bridge,
		   struct vps_vnet_others *ret_others, struct vps_fault *fault);

/* ---- inside (vnet-inside.c) ------------------------------------------------------ */

/* The name of the device inside. */
#define VPS_VNET_INSIDE "eth0"

/*
 * Moves the VPS's end into the network of process @pid, and sets it up there: name, addresses,
 * routes. @sock is the host's.
 */
int vps_vnet_move_in(struct nl_sock *sock, uint32_t id, const struct vps_vnet_note *note,
		     pid_t pid, struct vps_fault *fault);

/*
 * The addresses of a device that is inside become those of @vnet, which were those of @before. What
 * its root has done there keeps none from going, which the guard sees to, but may keep one from
 * being added.
 */
int vps_vnet_change_inside(struct nl_sock *sock, uint32_t id, const struct vps_vnet *before,
			   const struct vps_vnet *vnet, pid_t pid, struct vps_fault *fault);

/* ---- for contexts (vnet.c) --------------------------------------------------------- */

/* The first process @pid has a network of its own: the device is put into it. */
int vps_vnet_enter(struct vps_host *host, uint32_t id, int group, pid_t pid,
		   struct vps_fault *fault);

/* Does the context have one? For a start that is to fail early. */
int vps_vnet_expect(int group, struct vps_fault *fault);

/*
 * The context's group is about to go. Not when it is gone: its number may be another one's then.
 */
void vps_vnet_end(struct vps_host *host, uint32_t id, int group);

#endif /* VPS_VNET_H */
