/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: how much of something is used, and how much may be.
 */
#ifndef _SECURITY_VPS_COUNTER_H
#define _SECURITY_VPS_COUNTER_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/types.h>
#include <uapi/linux/vps.h>

/**
 * struct vps_counter - of one resource; on a cache line of its own, since all processors write it
 * @used: how much is used
 * @peak: the most that ever was
 * @soft: to get above it counts as a hit, VPS_UNLIMITED: nothing does
 * @hard: nothing more is given above it, VPS_UNLIMITED: there is no limit
 * @hits: how often @soft was passed and @hard refused
 */
struct vps_counter {
	atomic64_t used;
	atomic64_t peak;
	u64 soft;
	u64 hard;
	atomic64_t hits;
} ____cacheline_aligned_in_smp;

void vps_counter_init(struct vps_counter *counter);
bool vps_counter_try(struct vps_counter *counter, u64 n);
void vps_counter_charge(struct vps_counter *counter, u64 n);
void vps_counter_uncharge(struct vps_counter *counter, u64 n);
void vps_counter_hit(struct vps_counter *counter);
void vps_counter_bound(struct vps_counter *counter, u64 soft, u64 hard);

/**
 * vps_counter_used - how much is used
 * @counter: the counter
 *
 * Return: the number.
 */
static inline u64 vps_counter_used(const struct vps_counter *counter)
{
	return atomic64_read(&counter->used);
}

/**
 * vps_counter_has - is there room?
 * @counter: the counter
 * @n: for how much, on top of what is used
 *
 * Return: true when there was, a moment ago.
 */
static inline bool vps_counter_has(const struct vps_counter *counter, u64 n)
{
	u64 hard = READ_ONCE(counter->hard);

	return n <= hard && vps_counter_used(counter) <= hard - n;
}

#endif /* _SECURITY_VPS_COUNTER_H */
