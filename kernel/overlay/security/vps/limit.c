// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: limits, as they are told and asked for.
 */
#include <linux/mm.h>

#include "vps.h"

/* Bytes for users, something larger in the counter. */
static const unsigned int shifts[VPS_RESOURCES] = {
	[VPS_PAGES] = PAGE_SHIFT,
};

static u64 from_user(enum vps_resource resource, u64 value)
{
	return value == VPS_UNLIMITED ? value : value >> shifts[resource];
}

static u64 to_user(enum vps_resource resource, u64 value)
{
	return value == VPS_UNLIMITED ? value : value << shifts[resource];
}

/**
 * vps_limit_init - a context without any limit
 * @context: a new one
 */
void vps_limit_init(struct vps_context *context)
{
	int i;

	for (i = 0; i < VPS_RESOURCES; i++)
		vps_counter_init(&context->counters[i]);
}

/**
 * vps_limit_set - set a limit
 * @context: the context
 * @resource: on what
 * @bounds: in users' units
 */
void vps_limit_set(struct vps_context *context, enum vps_resource resource,
		   const struct vps_bounds *bounds)
{
	vps_counter_bound(&context->counters[resource], from_user(resource, bounds->soft),
			  from_user(resource, bounds->hard));
}

/**
 * vps_limit_get - a limit, and what is used
 * @context: the context
 * @resource: of what
 * @ret_counted: in users' units; its size is left as it is
 */
void vps_limit_get(struct vps_context *context, enum vps_resource resource,
		   struct vps_counted *ret_counted)
{
	struct vps_counter *counter = &context->counters[resource];

	ret_counted->used = to_user(resource, vps_counter_used(counter));
	ret_counted->peak = to_user(resource, atomic64_read(&counter->peak));
	ret_counted->soft = to_user(resource, READ_ONCE(counter->soft));
	ret_counted->hard = to_user(resource, READ_ONCE(counter->hard));
	ret_counted->hits = atomic64_read(&counter->hits);
}
