// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The stock engine: any Linux with cgroup v2. Identity is in extended attributes of the
 * context's group, so it lives and dies with the group and no state file can go stale.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "engine.h"

/* trusted.*: only the initial user namespace's administrator reads or writes them. */
static const char *const names[VPS_ATTR_COUNT] = {
	[VPS_ATTR_STATE] = "trusted.vps.state",
	[VPS_ATTR_NAME] = "trusted.vps.name",
	[VPS_ATTR_FLAGS] = "trusted.vps.flags",
	[VPS_ATTR_INIT] = "trusted.vps.init",
	[VPS_ATTR_PROC] = "trusted.vps.proc",
	[VPS_ATTR_PEAKS] = "trusted.vps.peaks",
	[VPS_ATTR_DISK] = "trusted.vps.disk",
	[VPS_ATTR_VNET] = "trusted.vps.vnet",
	[VPS_ATTR_ADDRS] = "trusted.vps.addrs",
};

static int stock_probe(const struct vps_cgroups *cg)
{
	char probe[1];

	/* cgroup2 has had extended attributes since 5.0; what else is needed fails by name. */
	if (getxattr(cg->root, names[VPS_ATTR_STATE], probe, sizeof(probe)) < 0 &&
	    errno != ENODATA)
		return -ENOTSUP;
	return 0;
}

static int stock_set(int group, enum vps_attr attr, const char *text)
{
	return fsetxattr(group, names[attr], text, strlen(text), 0) < 0 ? -errno : 0;
}

static int stock_get(int group, enum vps_attr attr, char *buf, size_t size)
{
	ssize_t n = fgetxattr(group, names[attr], buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

const struct vps_engine vps_engine_stock = {
	.kind = VPS_ENGINE_STOCK,
	.name = "stock",
	.probe = stock_probe,
	.set = stock_set,
	.get = stock_get,
};
