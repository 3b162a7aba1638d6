// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel engine: what a context has on disk. */
#include <errno.h>
#include <linux/vps.h>

#include "engine-kernel.h"
#include "engine.h"
#include "sys.h"

static int call(uint32_t subcategory, uint32_t command, uint32_t id, void *data)
{
	int rc = vps_sys_vserver(VC_CMD(VC_CAT_VFS, subcategory, command), id, data);

	/* It has ended meanwhile, and its group will be gone in a moment. */
	return rc == -ESRCH ? -ENODEV : rc;
}

static bool works(void)
{
	return vps_kernel_has(VC_CAT_VFS, VC_VFS_ROOT) &&
	       vps_kernel_has(VC_CAT_VFS, VC_VFS_DESTROY) &&
	       vps_kernel_has(VC_CAT_VFS, VC_VFS_DISK);
}

static int begin(uint32_t id, int dir, const struct vps_tree_size *size)
{
	struct vps_tree tree = {
		.size = sizeof(tree), .dir_fd = dir, .space = size->space, .inodes = size->inodes,
	};

	return call(VC_SET, VC_VFS_ROOT, id, &tree);
}

static int end(uint32_t id)
{
	return call(VC_SET, VC_VFS_DESTROY, id, NULL);
}

static int get(uint32_t id, struct vps_limit_state *ret_space,
	       struct vps_limit_state *ret_inodes)
{
	struct vps_disk_counted counted = { .size = sizeof(counted) };
	int rc = call(VC_GET, VC_VFS_DISK, id, &counted);

	if (rc)
		return rc;
	*ret_space = (struct vps_limit_state){
		.used = counted.space_used,
		.peak = counted.space_peak,
		.soft = counted.space_soft,
		.hard = counted.space_hard,
		.hits = counted.space_hits,
	};
	*ret_inodes = (struct vps_limit_state){
		.used = counted.inodes_used,
		.peak = counted.inodes_peak,
		.soft = counted.inodes_soft,
		.hard = counted.inodes_hard,
		.hits = counted.inodes_hits,
	};
	return 0;
}

static int set(uint32_t id, const struct vps_limit_state *space,
	       const struct vps_limit_state *inodes)
{
	struct vps_disk_bounds bounds = {
		.size = sizeof(bounds),
		.space_soft = space->soft, .space_hard = space->hard,
		.inodes_soft = inodes->soft, .inodes_hard = inodes->hard,
	};

	return call(VC_SET, VC_VFS_DISK, id, &bounds);
}

const struct vps_tree_counter vps_kernel_trees = {
	.works = works, .begin = begin, .end = end, .get = get, .set = set,
};
