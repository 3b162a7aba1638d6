// SPDX-License-Identifier: LGPL-2.1-or-later
/* The stock engine: any Linux with cgroup v2. */
#include <errno.h>

#include "engine.h"

static int stock_probe(const struct vps_cgroups *cg)
{
	/* cgroup2 has had them since 5.0; what else is needed fails by name. */
	return vps_attr_probe(cg->root) ? -ENOTSUP : 0;
}

const struct vps_engine vps_engine_stock = {
	.kind = VPS_ENGINE_STOCK,
	.name = "stock",
	.probe = stock_probe,
};
