// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The stock engine: any Linux with cgroup v2. To the kernel a context is a control group, and
 * that is all; flags are remembered, and the walls hold them.
 */
#include <errno.h>
#include <string.h>

#include "engine.h"
#include "util.h"

static const char *stock_refusal(const struct vps_cgroups *cg)
{
	/* cgroup2 has had them since 5.0; what else is needed fails by name. */
	return vps_attr_probe(cg->root) ? "cgroup2 has no extended attributes here" : NULL;
}

static bool stock_owns(int group)
{
	return !vps_group_is_context(group);
}

static int stock_get_flags(uint32_t id, int group, uint32_t *ret_flags)
{
	char text[VPS_ATTR_MAX];
	int rc = vps_attr_get(group, VPS_ATTR_FLAGS, text, sizeof(text));

	(void)id;
	if (rc == -ENODATA)
		*ret_flags = 0;
	else if (!rc)
		rc = vps_parse_flags(text, ret_flags);
	return rc == -ENODATA ? 0 : rc;
}

/* A limit of 0 holds the flag stop; the limit before comes back when the flag goes. */
static int change_stop(const struct vps_cgroups *cg, uint32_t id, int v2_group, bool stop)
{
	_cleanup_(closep) int group = vps_group_of_controller(cg, id, VPS_CTL_PIDS);
	char text[VPS_ATTR_MAX];
	ssize_t n;
	int rc;

	if (group < 0)
		return group == -ENOTSUP ? 0 : group;
	if (!stop) {
		rc = vps_attr_get(v2_group, VPS_ATTR_PROC, text, sizeof(text));
		if (rc == -ENODATA)
			snprintf(text, sizeof(text), "%u", VPS_DEFAULT_PROC_MAX);
		else if (rc)
			return rc;
		return vps_write_at(group, "pids.max", text);
	}
	n = vps_read_at(group, "pids.max", text, sizeof(text));
	if (n < 0)
		return (int)n;
	text[strcspn(text, "\n")] = '\0';
	rc = vps_attr_set(v2_group, VPS_ATTR_PROC, text);
	return rc ?: vps_write_at(group, "pids.max", "0");
}

static int stock_set_flags(const struct vps_cgroups *cg, uint32_t id, int group, uint32_t flags)
{
	char text[VPS_ATTR_MAX];
	uint32_t before;
	int rc = stock_get_flags(id, group, &before);

	if (!rc && (before ^ flags) & VPS_F_STOP)
		rc = change_stop(cg, id, group, flags & VPS_F_STOP);
	if (rc)
		return rc;
	vps_format_flags(flags, text, sizeof(text));
	return vps_attr_set(group, VPS_ATTR_FLAGS, text);
}

const struct vps_engine vps_engine_stock = {
	.kind = VPS_ENGINE_STOCK,
	.name = "stock",
	.limit_stops = true,
	.lacks = "not supported by the stock engine; boot a FreeVPS kernel",
	.foreign = "is of the kernel engine, and this is the stock engine (see VPS_ENGINE)",
	.refusal = stock_refusal,
	.owns = stock_owns,
	.get_flags = stock_get_flags,
	.set_flags = stock_set_flags,
};
