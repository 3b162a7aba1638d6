/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: the list of addresses of one, as it is kept.
 */
#ifndef _SECURITY_VPS_ADDRESS_H
#define _SECURITY_VPS_ADDRESS_H

#include <linux/rcupdate.h>
#include <linux/types.h>
#include <uapi/linux/vps.h>

/**
 * struct vps_permit - the addresses of a context; replaced, never changed
 * @rcu: for freeing
 * @net: cookie of the network namespace where they hold
 * @count: how many there are
 * @items: the addresses, in the order in which they were given
 */
struct vps_permit {
	struct rcu_head rcu;
	u64 net;
	u32 count;
	struct vps_address items[] __counted_by(count);
};

bool vps_address_is(const struct vps_address *address);
bool vps_address_overlaps(const struct vps_address *one, const struct vps_address *other);

struct vps_permit *vps_permit_with(const struct vps_permit *old, u64 net,
				   const struct vps_address *address);
struct vps_permit *vps_permit_without(const struct vps_permit *old,
				      const struct vps_address *address);
bool vps_permit_overlaps(const struct vps_permit *permit, const struct vps_address *address);
bool vps_permit_has(const struct vps_permit *permit, u32 id, u16 family, const u8 *addr,
		    bool looped);

#endif /* _SECURITY_VPS_ADDRESS_H */
