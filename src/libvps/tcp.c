// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../bpf/net.bpf.h"
#include "net.h"
#include "tcp.h"
#include "util.h"

/* -ENODATA when it is not counted. */
static int read_use(const struct vps_cgroups *cg, int group, uint64_t *ret_id,
		    struct vps_bpf_tcp *ret_tcp)
{
	_cleanup_(closep) int use = vps_net_map(cg, "tcp_use");
	int rc = vps_group_cgroup_id(group, ret_id);

	if (rc)
		return rc;
	if (use < 0)
		return use == -ENOENT ? -ENODATA : use;
	if (!bpf_map_lookup_elem(use, ret_id, ret_tcp))
		return 0;
	return errno == ENOENT ? -ENODATA : -errno;
}

int vps_tcp_get(const struct vps_cgroups *cg, int group, struct vps_limit_state *ret_state)
{
	_cleanup_(closep) int limits = vps_net_map(cg, "tcp_limit");
	struct vps_bpf_tcp tcp;
	uint64_t id, limit;
	int rc = read_use(cg, group, &id, &tcp);

	if (rc || limits < 0)
		return rc ?: limits;
	if (bpf_map_lookup_elem(limits, &id, &limit)) {
		if (errno != ENOENT)
			return -errno;
		limit = VPS_LIMIT_INF;
	}
	*ret_state = (struct vps_limit_state){
		.used = tcp.established,
		.peak = tcp.peak,
		.soft = VPS_LIMIT_NONE,
		.hard = limit,
		.hits = tcp.hits,
	};
	return 0;
}

int vps_tcp_set(const struct vps_cgroups *cg, int group, uint64_t limit)
{
	_cleanup_(closep) int limits = vps_net_map(cg, "tcp_limit");
	struct vps_bpf_tcp tcp;
	uint64_t id;
	int rc = read_use(cg, group, &id, &tcp);

	if (rc || limits < 0)
		return rc ?: limits;
	if (limit != VPS_LIMIT_INF) {
		rc = bpf_map_update_elem(limits, &id, &limit, BPF_ANY) ? -errno : 0;
		/* It may have been destroyed meanwhile. */
		if (!rc && read_use(cg, group, &id, &tcp) == -ENODATA)
			bpf_map_delete_elem(limits, &id);
		return rc;
	}
	return bpf_map_delete_elem(limits, &id) && errno != ENOENT ? -errno : 0;
}
