// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: how much of something is used, and how much may be.
 *
 * Without a lock: a charge is one exchange, so that no two get what there is for one, and none is
 * refused for what another one asked for in vain.
 */
#include <linux/bug.h>

#include "counter.h"

/**
 * vps_counter_init - nothing is used, and there is no limit
 * @counter: a new one
 */
void vps_counter_init(struct vps_counter *counter)
{
	*counter = (struct vps_counter) { .soft = VPS_UNLIMITED, .hard = VPS_UNLIMITED };
}

/**
 * vps_counter_hit - a limit was met
 * @counter: the counter
 */
void vps_counter_hit(struct vps_counter *counter)
{
	atomic64_inc(&counter->hits);
}

/* @n more made it @used. */
static void charged(struct vps_counter *counter, u64 used, u64 n)
{
	u64 soft = READ_ONCE(counter->soft);
	s64 peak = atomic64_read(&counter->peak);

	if (used > soft && used - n <= soft)
		vps_counter_hit(counter);
	while (used > (u64)peak &&
	       !atomic64_try_cmpxchg_relaxed(&counter->peak, &peak, used))
		;
}

/**
 * vps_counter_try - use more, if that may be
 * @counter: the counter
 * @n: how much more
 *
 * Return: false when it would be above the hard limit; nothing has changed then but the hits.
 */
bool vps_counter_try(struct vps_counter *counter, u64 n)
{
	s64 used = atomic64_read(&counter->used);
	u64 hard;

	do {
		hard = READ_ONCE(counter->hard);
		if (n > hard || (u64)used > hard - n) {
			vps_counter_hit(counter);
			return false;
		}
	} while (!atomic64_try_cmpxchg(&counter->used, &used, used + n));
	charged(counter, used + n, n);
	return true;
}

/**
 * vps_counter_charge - use more, whatever the limit
 * @counter: the counter
 * @n: how much more
 */
void vps_counter_charge(struct vps_counter *counter, u64 n)
{
	charged(counter, atomic64_add_return(n, &counter->used), n);
}

/**
 * vps_counter_uncharge - use less
 * @counter: the counter
 * @n: how much less
 */
void vps_counter_uncharge(struct vps_counter *counter, u64 n)
{
	WARN_ON_ONCE(atomic64_sub_return(n, &counter->used) < 0);
}

/**
 * vps_counter_bound - say how much may be used
 * @counter: the counter
 * @soft: a number or VPS_UNLIMITED, not above @hard
 * @hard: a number or VPS_UNLIMITED
 */
void vps_counter_bound(struct vps_counter *counter, u64 soft, u64 hard)
{
	WRITE_ONCE(counter->soft, soft);
	WRITE_ONCE(counter->hard, hard);
}
