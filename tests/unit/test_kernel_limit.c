// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel engine asks of a kernel, and makes of the answers: this one is played here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vps.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counted.h"
#include "engine.h"
#include "resource.h"
#include "tap.h"
#include "util.h"
#include "vserver.h"

#define ID 77
#define INF VPS_LIMIT_INF

/* A kernel that has one counter of one command, and one context, perhaps with a tree. */
static struct {
	uint32_t command;
	struct vps_counted counted;
	bool ended;
	bool counts_trees;
	bool has_tree;
	long begin_err;
	struct vps_tree tree;
	struct vps_disk_bounds bounds;
} kernel;

static long begin_tree(const struct vps_tree *tree)
{
	struct stat st;

	if (tree->size != sizeof(*tree))
		return -EINVAL;
	if (fstat(tree->dir_fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return -EBADF;
	if (kernel.has_tree)
		return -EEXIST;
	if (kernel.begin_err)
		return kernel.begin_err;
	kernel.has_tree = true;
	kernel.tree = *tree;
	kernel.bounds = (struct vps_disk_bounds){
		.space_soft = INF, .space_hard = INF, .inodes_soft = INF, .inodes_hard = INF,
	};
	return 0;
}

static long get_tree(struct vps_disk_counted *counted)
{
	if (counted->size != sizeof(*counted))
		return -EINVAL;
	*counted = (struct vps_disk_counted){
		.size = sizeof(*counted),
		.space_used = kernel.tree.space, .space_peak = 11, .space_hits = 12,
		.space_soft = kernel.bounds.space_soft, .space_hard = kernel.bounds.space_hard,
		.inodes_used = kernel.tree.inodes, .inodes_peak = 21, .inodes_hits = 22,
		.inodes_soft = kernel.bounds.inodes_soft,
		.inodes_hard = kernel.bounds.inodes_hard,
	};
	return 0;
}

static bool are_bounds(uint64_t soft, uint64_t hard)
{
	return soft == VPS_UNLIMITED || soft <= hard;
}

static long set_tree(const struct vps_disk_bounds *bounds)
{
	if (bounds->size != sizeof(*bounds) || bounds->reserved ||
	    !are_bounds(bounds->space_soft, bounds->space_hard) ||
	    !are_bounds(bounds->inodes_soft, bounds->inodes_hard))
		return -EINVAL;
	kernel.bounds = *bounds;
	return 0;
}

static long answer_of_tree(uint32_t cmd, uint32_t id, void *data)
{
	bool set = VC_SUBCAT(cmd) == VC_SET;

	if (!kernel.counts_trees)
		return -EOPNOTSUPP;
	if (VC_SUBCAT(cmd) == VC_VERSION)
		return id || data ? -EINVAL : 1;
	if (id != ID)
		return -ESRCH;
	if (VC_COMMAND(cmd) == VC_VFS_ROOT && set)
		return begin_tree(data);
	if (!kernel.has_tree)
		return -ENOENT;
	if (VC_COMMAND(cmd) == VC_VFS_DISK)
		return set ? set_tree(data) : get_tree(data);
	if (data)
		return -EINVAL;
	kernel.has_tree = false;
	return 0;
}

static bool is_of_tree(uint32_t cmd)
{
	return VC_CATEGORY(cmd) == VC_CAT_VFS && VC_COMMAND(cmd) != VC_VFS_FILES;
}

static long answer_of_counter(uint32_t cmd, uint32_t id, void *data)
{
	uint32_t command = VC_CMD(VC_CATEGORY(cmd), 0, VC_COMMAND(cmd));
	const struct vps_bounds *bounds = data;
	struct vps_counted *counted = data;

	if (command != kernel.command)
		return -EOPNOTSUPP;
	if (VC_SUBCAT(cmd) == VC_VERSION)
		return id || data ? -EINVAL : 1;
	if (VC_SUBCAT(cmd) == VC_SET) {
		if (bounds->size != sizeof(*bounds) || bounds->reserved ||
		    !are_bounds(bounds->soft, bounds->hard))
			return -EINVAL;
		if (id != ID || kernel.ended)
			return -ESRCH;
		kernel.counted.soft = bounds->soft;
		kernel.counted.hard = bounds->hard;
		return 0;
	}
	if (counted->size != sizeof(*counted))
		return -EINVAL;
	if (id != ID || kernel.ended)
		return -ESRCH;
	*counted = kernel.counted;
	counted->size = sizeof(*counted);
	return 0;
}

static long answer(uint32_t cmd, uint32_t id, void *data)
{
	return is_of_tree(cmd) ? answer_of_tree(cmd, id, data) : answer_of_counter(cmd, id, data);
}

static const struct {
	const char *resource;
	uint32_t command;
} counted[] = {
	{ "proc", VC_CMD(VC_CAT_PROCESS, 0, VC_PROCESS_MAX) },
	{ "vm", VC_CMD(VC_CAT_MEMORY, 0, VC_MEMORY_TOTAL) },
	{ "files", VC_CMD(VC_CAT_VFS, 0, VC_VFS_FILES) },
	{ "tcp", VC_CMD(VC_CAT_OTHER, 0, VC_OTHER_TCP) },
};

static void test_counted(const char *name, uint32_t command)
{
	struct vps_host host = { .engine = &vps_engine_kernel, .lock = -1 };
	const struct vps_resource *resource = vps_resource_find(name);
	struct vps_metered of = {
		.host = &host, .meter = vps_resource_meter(&host, resource), .id = ID, .group = -1,
	};
	struct vps_limit limit = { .resource = resource, .soft = 8192, .hard = 16384 };
	struct vps_limit_state state = { 0 };
	struct vps_fault fault;

	kernel.command = command;
	kernel.ended = false;
	kernel.counted = (struct vps_counted){ .used = 5, .peak = 6, .hits = 7 };
	ok(of.meter != NULL, "%s: the kernel counts it", name);
	ok(!vps_resource_refusal(&host, resource), "%s: it can be limited", name);
	is_int(vps_limit_check(&host, &limit, 1, &fault), 0, "%s: softly, too", name);
	is_int(of.meter->set(&of, &limit, &fault), 0, "%s: is set", name);
	is_int(of.meter->get(&of, &state), 0, "%s: is read", name);
	ok(state.used == 5 && state.peak == 6 && state.hits == 7 && state.soft == 8192 &&
	   state.hard == 16384, "%s: as the kernel says", name);
	limit.soft = INF;
	is_int(of.meter->set(&of, &limit, &fault), 0, "%s: without a soft limit", name);
	ok(kernel.counted.hard == 16384, "%s: with the hard one", name);
	limit.hard = INF;
	is_int(of.meter->set(&of, &limit, &fault), 0, "%s: is lifted", name);
	ok(kernel.counted.soft == VPS_UNLIMITED && kernel.counted.hard == VPS_UNLIMITED,
	   "%s: both of it", name);
	kernel.ended = true;
	is_int(of.meter->get(&of, &state), -ENODEV, "%s: of one that has ended", name);
	kernel.command = 0;
	is_str(vps_resource_refusal(&host, resource), host.engine->lacks,
	       "%s: a kernel without it", name);
	is_int(vps_limit_check(&host, &limit, 1, &fault), -ENOTSUP, "%s: is refused by it", name);
	ok(!strcmp(fault.object, name), "%s: by name", name);
}

/* The controllers count the rest with either engine, and a soft limit is not for all. */
static void test_others(void)
{
	static const char *const names[] = { "rss", "swap", "cpu", "cpu-weight", "wbps" };
	struct vps_host host = { .engine = &vps_engine_kernel, .lock = -1 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ok(!vps_resource_meter(&host, vps_resource_find(names[i])),
		   "%s: left to its controller", names[i]);
	host.engine = &vps_engine_stock;
	is_str(vps_resource_refusal(&host, vps_resource_find("vm")), host.engine->lacks,
	       "vm: not the stock engine's");
	is_str(vps_resource_refusal(&host, vps_resource_find("files")), host.engine->lacks,
	       "files: not the stock engine's");
}

/* ---- trees ---------------------- */

static void test_begin(const struct vps_host *host, int fd, const struct vps_tree_size *size)
{
	const struct vps_disk_spec spec = { .kind = VPS_DISK_COUNTED };
	struct vps_fault fault;

	ok(vps_counted_refusal(host) != NULL, "tree: a kernel that counts none");
	is_int(vps_counted_begin(host, ID, fd, "tree", &spec, &fault), -ENOTSUP,
	       "tree: is refused then");
	kernel.counts_trees = true;
	ok(!vps_counted_refusal_of(host, fd), "tree: one that does");
	kernel.begin_err = -EOPNOTSUPP;
	is_int(vps_counted_begin(host, ID, fd, "tree", &spec, &fault), -ENOTSUP,
	       "tree: not on this file system");
	kernel.begin_err = -EBUSY;
	is_int(vps_counted_begin(host, ID, fd, "tree", &spec, &fault), -EBUSY,
	       "tree: another has it");
	ok(fault.refused, "tree: and that is said");
	kernel.begin_err = 0;
	is_int(vps_counted_begin(host, ID, fd, "tree", &spec, &fault), 0, "tree: begins");
	ok(kernel.tree.space == size->space && kernel.tree.inodes == size->inodes &&
	   size->inodes == 3, "tree: with what is in it");
	is_int(vps_counted_begin(host, ID + 1, fd, "tree", &spec, &fault), -ENODEV,
	       "tree: of no context");
}

static void test_tree_limits(const struct vps_host *host)
{
	struct vps_limit limit = { .soft = 100, .hard = 200 };
	struct vps_limit_state space, inodes;

	is_int(vps_counted_set_space(host, ID, &limit), 0, "tree: limit of space");
	limit.soft = 3;
	limit.hard = 4;
	is_int(vps_counted_set_inodes(host, ID, &limit), 0, "tree: limit of inodes");
	is_int(vps_counted_get(host, ID, &space, &inodes), 0, "tree: is read");
	ok(space.used == kernel.tree.space && space.peak == 11 && space.hits == 12 &&
	   space.soft == 100 && space.hard == 200, "tree: space");
	ok(inodes.used == 3 && inodes.peak == 21 && inodes.hits == 22 && inodes.soft == 3 &&
	   inodes.hard == 4, "tree: inodes");
	limit.soft = INF;
	is_int(vps_counted_set_inodes(host, ID, &limit), 0, "tree: without a soft limit");
	vps_counted_end(host, ID);
	is_int(vps_counted_get(host, ID, &space, &inodes), -ENOENT, "tree: has ended");
	is_int(vps_counted_set_space(host, ID, &limit), -ENOENT, "tree: has no limits then");
}

/* On a file system that might be counted. */
static void test_tree(void)
{
	struct vps_host host = { .engine = &vps_engine_kernel, .lock = -1 };
	char dir[] = "/dev/shm/vps-test.XXXXXX";
	const struct vps_walk_spec spec = { .threads = 1 };
	struct vps_tree_size size;
	struct vps_walk *walk;
	int fd;

	if (!mkdtemp(dir)) {
		skip("needs /dev/shm", "tree");
		return;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	is_int(linkat(fd, "file", fd, "link", 0), 0, "tree: a link");
	is_int(mkdirat(fd, "dir", 0700), 0, "tree: a directory");
	is_int(vps_walk_new(&spec, &walk), 0, "tree: a walk");
	is_int(vps_walk_tree(walk, fd, dir, &size), 0, "tree: is walked");
	vps_walk_free(walk);
	test_begin(&host, fd, &size);
	test_tree_limits(&host);
	host.engine = &vps_engine_stock;
	is_str(vps_counted_refusal(&host), host.engine->lacks, "tree: not the stock engine's");
	unlinkat(fd, "file", 0);
	unlinkat(fd, "link", 0);
	unlinkat(fd, "dir", AT_REMOVEDIR);
	close(fd);
	rmdir(dir);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++)
		test_counted(counted[i].resource, counted[i].command);
	test_others();
	test_tree();
	return done();
}
