// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "counted.h"
#include "util.h"

#define NO_COUNT "its file system is none that the kernel counts, as ext4 and tmpfs are"

const char *vps_counted_refusal(const struct vps_host *host)
{
	const struct vps_tree_counter *counter = host->engine->trees;

	return counter && counter->works() ? NULL : host->engine->lacks;
}

const char *vps_counted_refusal_of(const struct vps_host *host, int fd)
{
	const char *why = vps_counted_refusal(host);
	struct statfs fs;

	if (why)
		return why;
	if (fstatfs(fd, &fs) < 0 || (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != TMPFS_MAGIC))
		return NO_COUNT;
	return NULL;
}

/* ---- what is there already ---------------------- */

/* What is handed to the walk. */
struct count {
	const struct vps_disk_spec *spec;
	int failed;
	struct vps_fault *fault;
};

static void note_fault(const char *path, int err, void *data)
{
	struct count *count = data;

	if (!count->failed)
		count->failed = vps_fault(count->fault, err, "count the tree", path);
}

static void tell(uint64_t names, void *data)
{
	const struct count *count = data;

	count->spec->progress(names, count->spec->data);
}

static int count_all(int fd, const char *path, struct count *count,
		     struct vps_tree_size *ret_size)
{
	const struct vps_walk_spec spec = {
		.fault = note_fault,
		.progress = count->spec->progress ? tell : NULL,
		.data = count,
	};
	struct vps_walk *walk;
	int rc = vps_walk_new(&spec, &walk);

	if (rc)
		return vps_fault(count->fault, rc, "count the tree", path);
	rc = vps_walk_tree(walk, fd, path, ret_size);
	vps_walk_free(walk);
	if (rc)
		return vps_fault(count->fault, rc, "count the tree", path);
	return count->failed;
}

int vps_counted_begin(const struct vps_host *host, uint32_t id, int fd, const char *path,
		      const struct vps_disk_spec *spec, struct vps_fault *fault)
{
	struct count count = { .spec = spec, .fault = fault };
	const char *why = vps_counted_refusal_of(host, fd);
	struct vps_tree_size size;
	int rc;

	if (why)
		return vps_refuse(fault, -ENOTSUP, why, path);
	rc = count_all(fd, path, &count, &size);
	if (rc)
		return rc;
	rc = host->engine->trees->begin(id, fd, &size);
	if (rc == -EOPNOTSUPP)
		return vps_refuse(fault, rc, NO_COUNT, path);
	if (rc == -EBUSY)
		return vps_refuse(fault, rc, "another context has it, or a part of it", path);
	return rc ? vps_fault(fault, rc, "have the kernel count", path) : 0;
}

void vps_counted_end(const struct vps_host *host, uint32_t id)
{
	if (!vps_counted_refusal(host))
		(void)host->engine->trees->end(id);	/* it may have none */
}

/* ---- limits ---------------------- */

int vps_counted_get(const struct vps_host *host, uint32_t id, struct vps_limit_state *ret_space,
		    struct vps_limit_state *ret_inodes)
{
	if (vps_counted_refusal(host))
		return -ENOENT;
	return host->engine->trees->get(id, ret_space, ret_inodes);
}

/* The kernel takes both kinds at once. */
static int set(const struct vps_host *host, uint32_t id, const struct vps_limit *space,
	       const struct vps_limit *inodes)
{
	struct vps_limit_state space_state, inodes_state;
	int rc = vps_counted_get(host, id, &space_state, &inodes_state);

	if (rc)
		return rc;
	if (space) {
		space_state.soft = space->soft;
		space_state.hard = space->hard;
	}
	if (inodes) {
		inodes_state.soft = inodes->soft;
		inodes_state.hard = inodes->hard;
	}
	return host->engine->trees->set(id, &space_state, &inodes_state);
}

int vps_counted_set_space(const struct vps_host *host, uint32_t id,
			  const struct vps_limit *limit)
{
	return set(host, id, limit, NULL);
}

int vps_counted_set_inodes(const struct vps_host *host, uint32_t id,
			   const struct vps_limit *limit)
{
	return set(host, id, NULL, limit);
}
