// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The disk of a tree, of whatever kind: counted by the kernel (counted.c), a project quota
 * (quota.c) or an image (image.c). Nothing is remembered but in the tree's own file system and,
 * while it runs, in the context.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "counted.h"
#include "disk.h"
#include "image.h"
#include "quota.h"
#include "resource.h"
#include "sys.h"
#include "tree.h"
#include "util.h"

/* Inodes that ext4 has for itself and that no directory shows. */
#define EXT4_OWN_INODES 9

static const char *const kind_names[] = {
	[VPS_DISK_AUTO] = "auto",
	[VPS_DISK_COUNTED] = "counted",
	[VPS_DISK_QUOTA] = "quota",
	[VPS_DISK_IMAGE] = "image",
	[VPS_DISK_PLAIN] = "plain",
};

const char *vps_disk_kind_name(enum vps_disk_kind kind)
{
	return kind_names[kind];
}

int vps_parse_disk_kind(const char *s, enum vps_disk_kind *ret_kind)
{
	for (enum vps_disk_kind kind = VPS_DISK_AUTO; kind < VPS_DISK_PLAIN; kind++)
		if (!strcmp(s, kind_names[kind])) {
			*ret_kind = kind;
			return 0;
		}
	return -EINVAL;
}

/* ---- what a tree has ---------------------- */

/* -ENOENT: no image. */
static int look_at_image(const char *tree, struct vps_disk *ret_disk, struct vps_fault *fault)
{
	struct vps_disk disk = {
		.kind = VPS_DISK_IMAGE, .used = VPS_LIMIT_NONE, .inodes = VPS_LIMIT_NONE,
		.inodes_max = VPS_LIMIT_NONE, .tree_space = VPS_LIMIT_NONE,
		.tree_inodes = VPS_LIMIT_NONE,
	};
	struct vps_image image;
	struct statfs fs;
	int rc = vps_image_find(tree, &image, fault);

	if (rc)
		return rc;
	rc = vps_image_size(&image, &disk.size);
	if (rc)
		vps_refuse(fault, rc, "holds no ext4 file system", image.name);
	disk.reserved = vps_image_is_reserved(&image);
	disk.mounted = !rc && vps_image_is_mounted(&image);
	vps_image_close(&image);
	if (disk.mounted && statfs(tree, &fs) < 0)
		rc = vps_fault(fault, -errno, "look at the file system of", tree);
	if (rc)
		return rc;
	if (disk.mounted) {
		disk.used = disk.size - fs.f_bavail * (uint64_t)fs.f_bsize;
		disk.tree_space = (fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
		disk.inodes_max = fs.f_files;
		disk.inodes = fs.f_files - fs.f_ffree;
		disk.tree_inodes = disk.inodes - EXT4_OWN_INODES;
	}
	*ret_disk = disk;
	return 0;
}

static int look_at_quota(int fd, const char *tree, struct vps_disk *ret_disk,
			 struct vps_fault *fault)
{
	struct vps_disk disk = { .kind = VPS_DISK_QUOTA };
	struct vps_quota quota;
	int rc = vps_quota_project(fd, &disk.project);

	rc = rc ?: vps_quota_get(fd, disk.project, &quota);
	if (rc)
		return vps_fault(fault, rc, "read the quota of", tree);
	disk.size = quota.space_max;
	disk.used = disk.tree_space = quota.space;
	disk.inodes_max = quota.inodes_max;
	disk.inodes = disk.tree_inodes = quota.inodes;
	*ret_disk = disk;
	return 0;
}

static int look_at_plain(struct vps_disk *ret_disk)
{
	*ret_disk = (struct vps_disk){
		.kind = VPS_DISK_PLAIN, .size = VPS_LIMIT_INF, .used = VPS_LIMIT_NONE,
		.inodes_max = VPS_LIMIT_INF, .inodes = VPS_LIMIT_NONE,
		.tree_space = VPS_LIMIT_NONE, .tree_inodes = VPS_LIMIT_NONE,
	};
	return 0;
}

static int look_at_counted(const struct vps_host *host, uint32_t id, struct vps_disk *ret_disk)
{
	struct vps_limit_state space, inodes;
	int rc = vps_counted_get(host, id, &space, &inodes);

	if (rc)
		return rc;
	*ret_disk = (struct vps_disk){
		.kind = VPS_DISK_COUNTED, .size = space.hard, .used = space.used,
		.inodes_max = inodes.hard, .inodes = inodes.used,
		.tree_space = space.used, .tree_inodes = inodes.used,
	};
	return 0;
}

/* ---- of a context ---------------------- */

/* "counted /var/lib/vservers/web": the longest kind, a blank, a path. */
#define ATTR_MAX (8 + PATH_MAX)

static int read_attr(int group, enum vps_disk_kind *ret_kind, char tree[PATH_MAX])
{
	char text[ATTR_MAX], *path;
	int rc = vps_attr_get(group, VPS_ATTR_DISK, text, sizeof(text));

	if (rc)
		return rc;
	path = strchr(text, ' ');
	if (!path || strlen(path) > PATH_MAX)
		return -ENODATA;
	*path++ = '\0';
	if (vps_parse_disk_kind(text, ret_kind))
		return -ENODATA;
	memcpy(tree, path, strlen(path) + 1);
	return 0;
}

static int write_attr(int group, enum vps_disk_kind kind, const char *tree)
{
	_cleanup_(freep) char *path = realpath(tree, NULL);
	char text[ATTR_MAX];

	if (!path)
		return -errno;
	snprintf(text, sizeof(text), "%s %s", kind_names[kind], path);
	return vps_attr_set(group, VPS_ATTR_DISK, text);
}

static int look_of_group(const struct vps_host *host, uint32_t id, int group,
			 struct vps_disk *ret_disk, char tree[PATH_MAX])
{
	enum vps_disk_kind kind;
	struct vps_fault fault;
	int rc = read_attr(group, &kind, tree);
	int fd;

	if (rc)
		return rc;
	if (kind == VPS_DISK_COUNTED) {
		rc = look_at_counted(host, id, ret_disk);
		return rc == -ENOENT ? -ENODATA : rc;
	}
	if (kind == VPS_DISK_IMAGE) {
		rc = look_at_image(tree, ret_disk, &fault);
		/* Without it on the host nothing tells what is used. */
		return rc ?: ret_disk->mounted ? 0 : -ENODATA;
	}
	fd = vps_tree_open(tree, &fault);
	if (fd < 0)
		return fd;
	rc = look_at_quota(fd, tree, ret_disk, &fault);
	close(fd);
	return rc;
}

int vps_disk_of(struct vps_host *host, uint32_t id, struct vps_disk *ret_disk, char **ret_tree)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	struct vps_disk disk;
	char tree[PATH_MAX];
	int rc = group < 0 ? group : look_of_group(host, id, group, &disk, tree);

	if (rc)
		return rc;
	*ret_tree = strdup(tree);
	if (!*ret_tree)
		return -ENOMEM;
	*ret_disk = disk;
	return 0;
}

static const char *refusal(const struct vps_host *host, const struct vps_meter *meter)
{
	(void)meter;
	if (!vps_counted_refusal(host))
		return NULL;
	if (vps_sys_quotactl(-1, 0, 0, NULL) == -ENOSYS && access("/dev/loop-control", F_OK))
		return "needs project quotas or loop devices;"
		       " boot a kernel with CONFIG_QUOTACTL or CONFIG_BLK_DEV_LOOP";
	return NULL;
}

static bool has_soft(const struct vps_host *host)
{
	return !vps_counted_refusal(host);
}

static bool is_counted(int group)
{
	enum vps_disk_kind kind;
	char tree[PATH_MAX];

	return !read_attr(group, &kind, tree) && kind == VPS_DISK_COUNTED;
}

static int get_counted(const struct vps_metered *of, bool inodes,
		       struct vps_limit_state *ret_state)
{
	struct vps_limit_state states[2];
	int rc = vps_counted_get(of->host, of->id, &states[false], &states[true]);

	if (!rc)
		*ret_state = states[inodes];
	return rc == -ENOENT ? -ENODATA : rc;
}

/* What cannot be read says nothing of the context's other limits: -ENODATA. */
static int get_state(const struct vps_metered *of, bool inodes,
		     struct vps_limit_state *ret_state)
{
	struct vps_disk disk;
	char tree[PATH_MAX];

	if (is_counted(of->group))
		return get_counted(of, inodes, ret_state);
	if (look_of_group(of->host, of->id, of->group, &disk, tree))
		return -ENODATA;
	*ret_state = (struct vps_limit_state){
		.used = inodes ? disk.inodes : disk.used,
		.hard = inodes ? disk.inodes_max : disk.size,
		.soft = VPS_LIMIT_NONE, .peak = VPS_LIMIT_NONE, .hits = VPS_LIMIT_NONE,
	};
	return 0;
}

static int get_space(const struct vps_metered *of, struct vps_limit_state *ret_state)
{
	return get_state(of, false, ret_state);
}

static int get_inodes(const struct vps_metered *of, struct vps_limit_state *ret_state)
{
	return get_state(of, true, ret_state);
}

static int set_quota(const char *tree, uint64_t limit,
		     int (*set)(int fd, uint32_t project, uint64_t limit),
		     struct vps_fault *fault)
{
	_cleanup_(closep) int fd = vps_tree_open(tree, fault);
	uint32_t project;
	int rc;

	if (fd < 0)
		return fd;
	rc = vps_quota_project(fd, &project);
	rc = rc ?: set(fd, project, limit);
	return rc ? vps_fault(fault, rc, "set the quota of", tree) : 0;
}

static int resize_image(const char *tree, uint64_t size, bool in_use, struct vps_fault *fault)
{
	struct vps_image image;
	int rc;

	if (size == VPS_LIMIT_INF)
		return vps_refuse(fault, -EINVAL, "an image has a size", tree);
	rc = vps_image_open(tree, &image, fault);
	if (rc)
		return rc;
	rc = vps_image_resize(&image, size, in_use, fault);
	vps_image_close(&image);
	return rc;
}

static int set_space(const struct vps_metered *of, const struct vps_limit *limit,
		     struct vps_fault *fault)
{
	enum vps_disk_kind kind;
	char tree[PATH_MAX];
	int rc = read_attr(of->group, &kind, tree);

	if (!rc && kind == VPS_DISK_COUNTED)
		rc = vps_counted_set_space(of->host, of->id, limit);
	if (rc || kind == VPS_DISK_COUNTED)
		return rc ? vps_fault(fault, rc, "set the limit", "disk") : 0;
	if (kind == VPS_DISK_QUOTA)
		return set_quota(tree, limit->hard, vps_quota_set_space, fault);
	return resize_image(tree, limit->hard, vps_group_event(of->group, "populated") != 0,
			    fault);
}

/* How many files an image of @size will have room for: groups of blocks have as many each. */
static uint64_t inodes_at(const struct vps_disk *disk, uint64_t size)
{
	const uint64_t group = UINT64_C(128) << 20;
	uint64_t groups = disk->size / group + !!(disk->size % group);

	return disk->inodes_max / groups * (size / group + !!(size % group));
}

/* Only what the kernel counts has a soft limit. */
static int check_soft(const struct vps_metered *of, const struct vps_limit *limit,
		      const struct vps_limit *limits, size_t count, struct vps_fault *fault)
{
	(void)limits;
	(void)count;
	if (limit->soft == VPS_LIMIT_INF || is_counted(of->group))
		return 0;
	return vps_refuse(fault, -ENOTSUP, "it has no soft limit", limit->resource->name);
}

/* Those of an image are made with it: a limit holds that is not below, and will not be. */
static int check_inodes(const struct vps_metered *of, const struct vps_limit *limit,
			const struct vps_limit *limits, size_t count, struct vps_fault *fault)
{
	struct vps_disk disk;
	char tree[PATH_MAX];
	uint64_t size;
	int rc = check_soft(of, limit, NULL, 0, fault);

	if (rc)
		return rc;
	rc = look_of_group(of->host, of->id, of->group, &disk, tree);
	if (rc)
		return vps_fault(fault, rc, "set the limit", "inodes");
	if (disk.kind != VPS_DISK_IMAGE)
		return 0;
	size = disk.size;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(limits[i].resource->name, "disk") && limits[i].hard != VPS_LIMIT_INF)
			size = limits[i].hard;
	if (limit->hard < inodes_at(&disk, size))
		return vps_refuse(fault, -ENOTSUP, "an image's number of files is set when it is"
				  " made, and grows with it", "inodes");
	return 0;
}

static int set_inodes(const struct vps_metered *of, const struct vps_limit *limit,
		      struct vps_fault *fault)
{
	enum vps_disk_kind kind;
	char tree[PATH_MAX];
	int rc = read_attr(of->group, &kind, tree);

	if (!rc && kind == VPS_DISK_COUNTED)
		rc = vps_counted_set_inodes(of->host, of->id, limit);
	if (rc)
		return vps_fault(fault, rc, "set the limit", "inodes");
	if (kind != VPS_DISK_QUOTA)
		return 0;
	return set_quota(tree, limit->hard, vps_quota_set_inodes, fault);
}

#define NO_DISK "its tree is not on a disk of its own; a start with LIMIT_DISK puts it there"

const struct vps_meter vps_disk_space_meter = {
	.refusal = refusal, .has_soft = has_soft, .get = get_space, .set = set_space,
	.check = check_soft, .no_data = NO_DISK,
};

const struct vps_meter vps_disk_inodes_meter = {
	.refusal = refusal, .has_soft = has_soft, .get = get_inodes, .set = set_inodes,
	.check = check_inodes, .no_data = NO_DISK,
};

/* ---- making it ready ---------------------- */

static int mount_image(const char *tree, bool reserve, struct vps_fault *fault)
{
	struct vps_image image;
	int rc = vps_image_open(tree, &image, fault);

	if (rc)
		return rc;
	rc = reserve ? vps_image_reserve(&image, fault) : 0;
	rc = rc ?: vps_image_mount(&image, fault);
	vps_image_close(&image);
	return rc;
}

static int clear_quota(int fd, const char *tree, uint32_t project, struct vps_fault *fault)
{
	int rc = vps_quota_clear(fd, project);

	return rc ? vps_fault(fault, rc, "clear the quota of", tree) : 0;
}

/* Limits are those that are set from now on. */
static int label_tree(const char *tree, const struct vps_disk_spec *spec,
		      struct vps_fault *fault)
{
	_cleanup_(closep) int fd = vps_tree_open(tree, fault);
	uint32_t project = 0;
	const char *why;
	int rc = 0;

	if (fd < 0)
		return fd;
	why = vps_quota_refusal(fd);
	if (why)
		return vps_refuse(fault, -ENOTSUP, why, tree);
	if (vps_quota_project(fd, &project))
		rc = vps_quota_label(fd, tree, spec->progress, spec->data, &project, fault);
	return rc ?: clear_quota(fd, tree, project, fault);
}

static bool has_image(const char *tree)
{
	struct vps_fault fault;
	struct vps_image image;
	int rc = vps_image_find(tree, &image, &fault);

	if (!rc)
		vps_image_close(&image);
	return rc != -ENOENT;
}

static bool has_quota(int fd)
{
	uint32_t project;

	return !vps_quota_project(fd, &project) && !vps_quota_refusal(fd);
}

/* -ENOTSUP: the kernel does not count it. */
static int count_tree(const struct vps_host *host, uint32_t id, const char *tree,
		      const struct vps_disk_spec *spec, struct vps_fault *fault)
{
	_cleanup_(closep) int fd = vps_tree_open(tree, fault);

	if (fd < 0)
		return fd;
	if (!has_quota(fd))
		return vps_counted_begin(host, id, fd, tree, spec, fault);
	/* One that has a quota keeps it, unless asked for another. */
	return vps_refuse(fault, spec->kind == VPS_DISK_AUTO ? -ENOTSUP : -EEXIST,
			  "has a quota and is to be counted without", tree);
}

static int make_plain_ready(const struct vps_host *host, uint32_t id, const char *tree,
			    const struct vps_disk_spec *spec, enum vps_disk_kind *ret_kind,
			    struct vps_fault *fault)
{
	int rc = -ENOTSUP;

	if (spec->kind != VPS_DISK_QUOTA) {
		rc = count_tree(host, id, tree, spec, fault);
		if (!rc)
			*ret_kind = VPS_DISK_COUNTED;
		if (rc != -ENOTSUP || spec->kind == VPS_DISK_COUNTED)
			return rc;
	}
	rc = label_tree(tree, spec, fault);
	if (!rc)
		*ret_kind = VPS_DISK_QUOTA;
	return rc;
}

static int make_ready(const struct vps_host *host, uint32_t id, const char *tree,
		      const struct vps_disk_spec *spec, enum vps_disk_kind *ret_kind,
		      struct vps_fault *fault)
{
	bool image = has_image(tree);
	int rc;

	if (image && spec->kind == VPS_DISK_QUOTA)
		return vps_refuse(fault, -EEXIST, "has an image and is to have a quota", tree);
	if (image && spec->kind == VPS_DISK_COUNTED)
		return vps_refuse(fault, -EEXIST, "has an image and is to be counted without",
				  tree);
	if (!image && spec->kind == VPS_DISK_IMAGE)
		return vps_refuse(fault, -ENODATA, "has no image; vps-create NEW --from this VPS"
				  " --disk SIZE makes one", tree);
	if (!image)
		return make_plain_ready(host, id, tree, spec, ret_kind, fault);
	rc = mount_image(tree, !spec->sparse, fault);
	if (!rc)
		*ret_kind = VPS_DISK_IMAGE;
	return rc;
}

int vps_disk_attach(struct vps_host *host, uint32_t id, const char *tree,
		    const struct vps_disk_spec *spec, struct vps_fault *fault)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	enum vps_disk_kind kind = VPS_DISK_PLAIN;
	int rc;

	if (group < 0)
		return vps_fault(fault, group, "open its group", "");
	if (vps_group_event(group, "populated"))
		return vps_refuse(fault, -EBUSY, "something runs in the context", tree);
	/* What it had before; and what has changed since, nobody knows. */
	vps_counted_end(host, id);
	rc = make_ready(host, id, tree, spec, &kind, fault);
	if (rc)
		return rc;
	rc = write_attr(group, kind, tree);
	if (rc && kind == VPS_DISK_COUNTED)
		vps_counted_end(host, id);
	return rc ? vps_fault(fault, rc, "note the disk", tree) : 0;
}

/* What is in it would not be seen any more. */
static int check_empty(const char *tree, struct vps_fault *fault)
{
	_cleanup_(closep) int fd = vps_tree_open(tree, fault);
	int rc = fd < 0 ? fd : vps_tree_check_empty(fd);

	return fd >= 0 && rc ? vps_fault(fault, rc, "make an image for", tree) : rc;
}

static int adopt_image(int group, const char *tree, const struct vps_image *image,
		       struct vps_fault *fault)
{
	int rc;

	if (!vps_image_is_mounted(image))
		return vps_refuse(fault, -EBUSY, "its disk is not mounted", tree);
	rc = write_attr(group, VPS_DISK_IMAGE, tree);
	return rc ? vps_fault(fault, rc, "note the disk", tree) : 0;
}

static int adopt_quota(int group, const char *tree, struct vps_fault *fault)
{
	_cleanup_(closep) int fd = vps_tree_open(tree, fault);
	enum vps_disk_kind kind = VPS_DISK_PLAIN;
	char path[PATH_MAX];
	uint32_t project;
	int rc;

	if (fd < 0)
		return fd;
	if (vps_quota_project(fd, &project) || vps_quota_refusal(fd) ||
	    !read_attr(group, &kind, path))
		return 0;
	rc = clear_quota(fd, tree, project, fault);
	if (rc)
		return rc;
	rc = write_attr(group, VPS_DISK_QUOTA, tree);
	return rc ? vps_fault(fault, rc, "note the disk", tree) : 0;
}

int vps_disk_adopt(int group, const char *tree, bool *ret_image, struct vps_fault *fault)
{
	struct vps_image image;
	int rc = vps_image_find(tree, &image, fault);

	*ret_image = !rc;
	if (rc == -ENOENT)
		return adopt_quota(group, tree, fault);
	if (rc)
		return rc;
	rc = adopt_image(group, tree, &image, fault);
	vps_image_close(&image);
	return rc;
}

static int create_image(const char *tree, const struct vps_disk_spec *spec,
			struct vps_fault *fault)
{
	struct vps_fault other;
	int rc;

	if (spec->size == VPS_LIMIT_INF)
		return vps_refuse(fault, -EINVAL, "an image has a size", tree);
	if (spec->size < VPS_IMAGE_MIN)
		return vps_refuse(fault, -ERANGE, "an image has at least 16M", tree);
	rc = check_empty(tree, fault);
	if (rc)
		return rc;
	rc = vps_image_create(tree, spec->size, spec->inodes == VPS_LIMIT_INF ? 0 : spec->inodes,
			      spec->sparse, fault);
	if (rc)
		return rc;
	rc = mount_image(tree, false, fault);
	if (rc)
		(void)vps_disk_remove(tree, &other);
	return rc;
}

/* The best that a tree without one can have. @fd: the tree */
static enum vps_disk_kind best_kind(const struct vps_host *host, int fd)
{
	if (has_quota(fd))
		return VPS_DISK_QUOTA;
	if (!vps_counted_refusal_of(host, fd))
		return VPS_DISK_COUNTED;
	return vps_quota_refusal(fd) ? VPS_DISK_IMAGE : VPS_DISK_QUOTA;
}

int vps_disk_create(struct vps_host *host, const char *tree, const struct vps_disk_spec *spec,
		    struct vps_fault *fault)
{
	enum vps_disk_kind kind = spec->kind;
	_cleanup_(closep) int fd = -1;
	const char *why;
	int rc;

	if (has_image(tree))
		return vps_fault(fault, -EEXIST, "make an image", tree);
	fd = vps_tree_open(tree, fault);
	if (fd < 0)
		return fd;
	if (kind == VPS_DISK_AUTO)
		kind = best_kind(host, fd);
	if (kind == VPS_DISK_IMAGE)
		return create_image(tree, spec, fault);
	if (kind == VPS_DISK_COUNTED) {
		why = vps_counted_refusal_of(host, fd);
		return why ? vps_refuse(fault, -ENOTSUP, why, tree) : 0;
	}
	rc = label_tree(tree, spec, fault);
	rc = rc ?: set_quota(tree, spec->size, vps_quota_set_space, fault);
	return rc ?: set_quota(tree, spec->inodes, vps_quota_set_inodes, fault);
}

/* ---- for those that know it by its tree ---------------------- */

/* The context that was given @tree to count; -ENOENT none. */
static int find_context(struct vps_host *host, const char *tree, uint32_t *ret_id)
{
	_cleanup_(closedirp) DIR *groups = vps_groups_open(&host->cg);
	_cleanup_(freep) char *path = realpath(tree, NULL);
	enum vps_disk_kind kind;
	char other[PATH_MAX];
	uint32_t id;

	if (!path)
		return -errno;
	while (groups && vps_groups_next(groups, &id)) {
		_cleanup_(closep) int group = vps_group_open(&host->cg, id);

		if (group < 0 || read_attr(group, &kind, other) || kind != VPS_DISK_COUNTED ||
		    strcmp(path, other) != 0)
			continue;
		*ret_id = id;
		return 0;
	}
	return -ENOENT;
}

int vps_disk_look(struct vps_host *host, const char *tree, struct vps_disk *ret_disk,
		  struct vps_fault *fault)
{
	int rc = look_at_image(tree, ret_disk, fault);
	_cleanup_(closep) int fd = -1;
	uint32_t id;

	if (rc != -ENOENT)
		return rc;
	fd = vps_tree_open(tree, fault);
	if (fd < 0)
		return fd;
	if (has_quota(fd))
		return look_at_quota(fd, tree, ret_disk, fault);
	if (!find_context(host, tree, &id) && !look_at_counted(host, id, ret_disk))
		return 0;
	return look_at_plain(ret_disk);
}

int vps_disk_mount(const char *tree, struct vps_fault *fault)
{
	return has_image(tree) ? mount_image(tree, false, fault) : 0;
}

int vps_disk_unmount(const char *tree, struct vps_fault *fault)
{
	struct vps_image image;
	int rc;

	if (!has_image(tree))
		return 0;
	rc = vps_image_open(tree, &image, fault);
	if (rc)
		return rc;
	rc = vps_image_unmount(&image, fault);
	vps_image_close(&image);
	return rc;
}

static int resize_counted(struct vps_host *host, const char *tree, uint64_t size,
			  struct vps_fault *fault)
{
	const struct vps_limit limit = { .soft = VPS_LIMIT_INF, .hard = size };
	uint32_t id;
	int rc = find_context(host, tree, &id);

	rc = rc ?: vps_counted_set_space(host, id, &limit);
	return rc ? vps_fault(fault, rc, "set the limit of", tree) : 0;
}

int vps_disk_resize(struct vps_host *host, const char *tree, uint64_t size,
		    struct vps_fault *fault)
{
	struct vps_disk disk;
	int rc = vps_disk_look(host, tree, &disk, fault);

	if (rc)
		return rc;
	switch (disk.kind) {
	case VPS_DISK_IMAGE:
		return resize_image(tree, size, false, fault);
	case VPS_DISK_QUOTA:
		return set_quota(tree, size, vps_quota_set_space, fault);
	case VPS_DISK_COUNTED:
		return resize_counted(host, tree, size, fault);
	default:
		return vps_refuse(fault, -ENODATA, "has no disk of its own", tree);
	}
}

static int forget_quota(const char *tree, struct vps_fault *fault)
{
	_cleanup_(closep) int fd = vps_tree_open(tree, fault);
	uint32_t project;

	/* One that others can reach was never labelled. */
	if (fd < 0)
		return fd == -ENOENT || fd == -EPERM ? 0 : fd;
	if (vps_quota_project(fd, &project) || vps_quota_refusal(fd))
		return 0;
	return clear_quota(fd, tree, project, fault);
}

int vps_disk_remove(const char *tree, struct vps_fault *fault)
{
	struct vps_image image;
	int rc;

	if (!has_image(tree))
		return forget_quota(tree, fault);
	rc = vps_image_open(tree, &image, fault);
	if (rc)
		return rc;
	rc = vps_image_remove(&image, fault);
	vps_image_close(&image);
	return rc;
}
