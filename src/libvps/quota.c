// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "quota.h"
#include "sys.h"
#include "util.h"

/* On the tree, when all of it is labelled: its project. */
#define MARK "trusted.vps.project"

/* Above the numbers that /etc/projid of a host may have. */
#define PROJECT_MIN 65536u
#define PROJECT_MAX (PROJECT_MIN + 1000000)

#define COMMAND(c) QCMD(c, PRJQUOTA)

const char *vps_quota_refusal(int fd)
{
	struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };

	if (vps_sys_quotactl(fd, COMMAND(Q_XGETQSTATV), 0, &state))
		return "its file system has no project quotas";
	if (!(state.qs_flags & FS_QUOTA_PDQ_ACCT))
		return "its file system counts no projects; make it with -O quota,project and"
		       " mount it with prjquota";
	if (!(state.qs_flags & FS_QUOTA_PDQ_ENFD))
		return "its file system does not hold limits of projects; mount it with prjquota";
	return NULL;
}

/* ---- what a project uses ---------------------- */

int vps_quota_get(int fd, uint32_t project, struct vps_quota *ret_quota)
{
	struct if_dqblk dq = { 0 };
	int rc = vps_sys_quotactl(fd, COMMAND(Q_GETQUOTA), project, &dq);

	/* XFS knows nothing of a project without a file. */
	if (rc && rc != -ENOENT)
		return rc;
	*ret_quota = (struct vps_quota){
		.space = dq.dqb_curspace,
		.inodes = dq.dqb_curinodes,
		.space_max = dq.dqb_bhardlimit ? dq.dqb_bhardlimit << QIF_DQBLKSIZE_BITS :
						 VPS_LIMIT_INF,
		.inodes_max = dq.dqb_ihardlimit ?: VPS_LIMIT_INF,
	};
	return 0;
}

int vps_quota_set_space(int fd, uint32_t project, uint64_t bytes)
{
	struct if_dqblk dq = { .dqb_valid = QIF_BLIMITS };

	if (bytes != VPS_LIMIT_INF)
		dq.dqb_bhardlimit = bytes >> QIF_DQBLKSIZE_BITS;
	return vps_sys_quotactl(fd, COMMAND(Q_SETQUOTA), project, &dq);
}

int vps_quota_set_inodes(int fd, uint32_t project, uint64_t inodes)
{
	struct if_dqblk dq = { .dqb_valid = QIF_ILIMITS };

	if (inodes != VPS_LIMIT_INF)
		dq.dqb_ihardlimit = inodes;
	return vps_sys_quotactl(fd, COMMAND(Q_SETQUOTA), project, &dq);
}

int vps_quota_clear(int fd, uint32_t project)
{
	return vps_quota_set_space(fd, project, VPS_LIMIT_INF) ?:
	       vps_quota_set_inodes(fd, project, VPS_LIMIT_INF);
}

/* ---- labels ---------------------- */

static int read_label(int fd, uint32_t *ret_project)
{
	struct fsxattr attr;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr) < 0)
		return -errno;
	if (!(attr.fsx_xflags & FS_XFLAG_PROJINHERIT))
		return -ENODATA;
	*ret_project = attr.fsx_projid;
	return 0;
}

static int write_label(int fd, uint32_t project, bool is_dir)
{
	uint32_t flag = is_dir ? FS_XFLAG_PROJINHERIT : 0;
	struct fsxattr attr;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr) < 0)
		return -errno;
	if (attr.fsx_projid == project && (attr.fsx_xflags & flag) == flag)
		return 0;
	attr.fsx_projid = project;
	attr.fsx_xflags |= flag;
	return ioctl(fd, FS_IOC_FSSETXATTR, &attr) < 0 ? -errno : 0;
}

int vps_quota_project(int fd, uint32_t *ret_project)
{
	uint32_t project = 0;
	uint64_t marked;
	char text[24];
	ssize_t n = fgetxattr(fd, MARK, text, sizeof(text) - 1);
	int rc;

	if (n < 0)
		return -ENODATA;
	text[n] = '\0';
	/* A copy of the tree may have the mark, and has not the label. */
	rc = read_label(fd, &project);
	if (rc || vps_parse_u64(text, &marked) || marked != project)
		return -ENODATA;
	*ret_project = project;
	return 0;
}

static int copy_xattrs(int dir, const char *from, const char *to)
{
	char source[PATH_MAX], target[PATH_MAX], names[4096], value[4096];
	ssize_t size;

	snprintf(source, sizeof(source), "/proc/self/fd/%d/%s", dir, from);
	snprintf(target, sizeof(target), "/proc/self/fd/%d/%s", dir, to);
	size = llistxattr(source, names, sizeof(names));
	if (size < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		ssize_t len = lgetxattr(source, name, value, sizeof(value));

		if (len < 0 || lsetxattr(target, name, value, (size_t)len, 0) < 0)
			return -errno;
	}
	return 0;
}

/* One of the same kind beside it. */
static int make_twin(int dir, const char *name, const struct stat *st, const char *twin)
{
	char target[PATH_MAX];
	ssize_t len;

	if (!S_ISLNK(st->st_mode))
		return mknodat(dir, twin, st->st_mode, st->st_rdev) < 0 ? -errno : 0;
	len = readlinkat(dir, name, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	return symlinkat(target, dir, twin) < 0 ? -errno : 0;
}

static int dress_twin(int dir, const char *name, const struct stat *st, const char *twin)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int rc;

	if (fchownat(dir, twin, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st->st_mode) && fchmodat(dir, twin, st->st_mode & 07777, 0) < 0)
		return -errno;
	rc = copy_xattrs(dir, name, twin);
	if (rc)
		return rc;
	if (utimensat(dir, twin, times, AT_SYMLINK_NOFOLLOW) < 0 ||
	    renameat(dir, twin, dir, name) < 0)
		return -errno;
	return 0;
}

/* What cannot be opened cannot be labelled either: a new one inherits from its directory. */
static int remake(int dir, const char *name, const struct stat *st)
{
	char twin[64];
	int rc = -EEXIST;

	for (unsigned int i = 0; rc == -EEXIST && i < 100; i++) {
		snprintf(twin, sizeof(twin), ".vps-new-%ju-%u", (uintmax_t)st->st_ino, i);
		rc = make_twin(dir, name, st, twin);
	}
	if (rc)
		return rc;
	rc = dress_twin(dir, name, st, twin);
	if (rc)
		(void)unlinkat(dir, twin, 0);
	return rc;
}

/* What is handed to the walk. */
struct labels {
	uint32_t project;
	void (*progress)(uint64_t names, void *data);
	void *data;
	int failed;
	struct vps_fault *fault;
};

static int label(const struct vps_walk_name *name, void *data)
{
	const struct labels *labels = data;
	_cleanup_(closep) int fd = -1;

	if (!*name->name)
		return write_label(name->fd, labels->project, true);
	if (!S_ISREG(name->st->st_mode))
		return remake(name->fd, name->name, name->st);
	fd = openat(name->fd, name->name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : write_label(fd, labels->project, false);
}

static void note_fault(const char *path, int err, void *data)
{
	struct labels *labels = data;

	if (!labels->failed)
		labels->failed = vps_fault(labels->fault, err, "label with its project", path);
}

static void tell(uint64_t names, void *data)
{
	struct labels *labels = data;

	labels->progress(names, labels->data);
}

static int label_all(int fd, const char *path, struct labels *labels)
{
	struct vps_walk_spec spec = {
		.visit = label,
		.fault = note_fault,
		.progress = labels->progress ? tell : NULL,
		.data = labels,
	};
	struct vps_tree_size size;
	struct vps_walk *walk;
	int rc = vps_walk_new(&spec, &walk);

	if (rc)
		return vps_fault(labels->fault, rc, "label with its project", path);
	rc = vps_walk_tree(walk, fd, path, &size);
	vps_walk_free(walk);
	if (rc)
		return vps_fault(labels->fault, rc, "label with its project", path);
	return labels->failed;
}

/*
 * A project that no file has. With the lock of the directory that the tree is in: the tree has
 * it before anybody else looks.
 */
static int take_project(int fd, uint32_t *ret_project)
{
	_cleanup_(closep) int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vps_quota quota;
	uint32_t project;
	int rc;

	if (parent < 0 || flock(parent, LOCK_EX) < 0)
		return -errno;
	for (project = PROJECT_MIN; project < PROJECT_MAX; project++) {
		rc = vps_quota_get(fd, project, &quota);
		if (rc || !quota.inodes)
			break;
	}
	if (project == PROJECT_MAX)
		return -ENOSPC;
	/* What somebody left behind who had it before. */
	rc = rc ?: vps_quota_clear(fd, project);
	rc = rc ?: write_label(fd, project, true);
	if (!rc)
		*ret_project = project;
	return rc;
}

/* One that was begun to be labelled has its project already. */
static int find_project(int fd, uint32_t *ret_project)
{
	uint32_t project = 0;

	if (!read_label(fd, &project) && project >= PROJECT_MIN && project < PROJECT_MAX) {
		*ret_project = project;
		return 0;
	}
	return take_project(fd, ret_project);
}

int vps_quota_label(int fd, const char *path, void (*progress)(uint64_t names, void *data),
		    void *data, uint32_t *ret_project, struct vps_fault *fault)
{
	struct labels labels = { .progress = progress, .data = data, .fault = fault };
	char text[24];
	int rc = find_project(fd, &labels.project);

	if (rc)
		return vps_fault(fault, rc, "find a project for the tree", path);
	rc = label_all(fd, path, &labels);
	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%u", labels.project);
	if (fsetxattr(fd, MARK, text, strlen(text), 0) < 0)
		return vps_fault(fault, -errno, "mark the tree as labelled", path);
	*ret_project = labels.project;
	return 0;
}
