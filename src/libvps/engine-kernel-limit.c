// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel engine: what the kernel itself counts of a context, and holds it to. */
#include <assert.h>
#include <errno.h>
#include <linux/vps.h>
#include <string.h>

#include "engine-kernel.h"
#include "resource.h"
#include "sys.h"
#include "util.h"

static_assert(VPS_LIMIT_INF == VPS_UNLIMITED, "no limit has two values");

static const char *refusal(const struct vps_host *host, const struct vps_meter *meter)
{
	if (vps_kernel_has(VC_CATEGORY(meter->command), VC_COMMAND(meter->command)))
		return NULL;
	return host->engine->lacks;
}

static bool has_soft(const struct vps_host *host)
{
	(void)host;
	return true;
}

static int call(const struct vps_metered *of, uint32_t subcategory, void *data)
{
	uint32_t command = of->meter->command;
	int rc = vps_sys_vserver(VC_CMD(VC_CATEGORY(command), subcategory, VC_COMMAND(command)),
				 of->id, data);

	/* It has ended meanwhile, and its group will be gone in a moment. */
	return rc == -ESRCH ? -ENODEV : rc;
}

static int get(const struct vps_metered *of, struct vps_limit_state *ret_state)
{
	struct vps_counted counted = { .size = sizeof(counted) };
	int rc = call(of, VC_GET, &counted);

	if (rc)
		return rc;
	*ret_state = (struct vps_limit_state){
		.used = counted.used,
		.peak = counted.peak,
		.soft = counted.soft,
		.hard = counted.hard,
		.hits = counted.hits,
	};
	return 0;
}

static int set(const struct vps_metered *of, const struct vps_limit *limit,
	       struct vps_fault *fault)
{
	struct vps_bounds bounds = {
		.size = sizeof(bounds), .soft = limit->soft, .hard = limit->hard,
	};
	int rc = call(of, VC_SET, &bounds);

	return rc ? vps_fault(fault, rc, "set the limit", limit->resource->name) : 0;
}

#define METER(category, number) { \
	.refusal = refusal, .has_soft = has_soft, .get = get, .set = set, \
	.command = VC_CMD(category, 0, number), \
}

static const struct {
	const char *resource;
	struct vps_meter meter;
} meters[] = {
	{ "proc", METER(VC_CAT_PROCESS, VC_PROCESS_MAX) },
	{ "vm", METER(VC_CAT_MEMORY, VC_MEMORY_TOTAL) },
	{ "files", METER(VC_CAT_VFS, VC_VFS_FILES) },
	{ "tcp", METER(VC_CAT_OTHER, VC_OTHER_TCP) },
};

const struct vps_meter *vps_kernel_meter(const char *resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(meters); i++)
		if (!strcmp(meters[i].resource, resource))
			return &meters[i].meter;
	return NULL;
}
