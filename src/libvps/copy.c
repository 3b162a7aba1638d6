// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A copy of a tree: the walk of walk.c, which makes at each name what it meets. A directory is made
 * when it is visited and stays open, as its companion, while what is in it is copied. Its times
 * come when all below it is done, since what is made in it changes them, and so does its default
 * access list, which would change what is made in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

/* Without memory an entry is not added; its own member tells. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->lost = true)
#include <uthash.h>

#include "tree.h"
#include "util.h"

#define BUFFER_SIZE (128 * 1024)
#define CHUNK_MAX ((size_t)1 << 30)
#define DEFAULT_ACL "system.posix_acl_default"
/* How long somebody may take to give up a lease on a file; the kernel waits 45 s. */
#define LEASE_TRIES 1200
#define LEASE_PAUSE_NS 50000000

/*
 * The first copy of a file of several names, as name_to_handle_at(2) tells: its path would be the
 * tenant's to make long.
 */
struct linked {
	struct {
		dev_t dev;
		ino_t ino;
	} key;
	bool lost;
	UT_hash_handle hh;
	struct file_handle *handle;
};

/**
 * struct copy - a copy under way
 * @from, @to: the original, and what is copied into
 * @skip: length of what the original's paths begin with
 * @lock: guards @links and the making of what is in it
 * @failed: -errno, after which nothing more is copied
 * @no_clones: the file system has none
 */
struct copy {
	const struct vps_copy_spec *spec;
	int from, to;
	size_t skip;
	pthread_mutex_t lock;
	struct linked *links;
	struct vps_fault *fault;
	atomic_int failed;
	atomic_bool no_clones;
	atomic_uint_fast64_t cloned, devices;
};

/* ---- what a file has besides its data -------------------------------------- */

static bool is_kept(const char *name)
{
	return !strncmp(name, "user.", 5) || !strcmp(name, "security.capability") ||
	       !strcmp(name, "system.posix_acl_access");
}

static int copy_xattr(int from, int to, const char *name)
{
	_cleanup_(freep) char *value = NULL;
	ssize_t size = fgetxattr(from, name, NULL, 0);

	if (size < 0)
		return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
	value = malloc((size_t)size + 1);
	if (!value)
		return -ENOMEM;
	size = fgetxattr(from, name, value, (size_t)size);
	if (size < 0)
		return errno == ENODATA ? 0 : -errno;
	return fsetxattr(to, name, value, (size_t)size, 0) < 0 ? -errno : 0;
}

static int copy_xattrs(int from, int to)
{
	_cleanup_(freep) char *names = NULL;
	ssize_t size = flistxattr(from, NULL, 0);
	int rc = 0;

	if (size <= 0)
		return size < 0 && errno != ENOTSUP ? -errno : 0;
	names = malloc((size_t)size);
	if (!names)
		return -ENOMEM;
	size = flistxattr(from, names, (size_t)size);
	if (size < 0)
		return -errno;
	for (const char *name = names; !rc && name < names + size; name += strlen(name) + 1)
		if (is_kept(name))
			rc = copy_xattr(from, to, name);
	return rc;
}

/* The owner first: a change of it takes setuid and capabilities away. */
static int dress(int from, int to, const struct stat *st)
{
	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	return copy_xattrs(from, to);
}

/* ---- data -------------------------------------- */

/* Not every pair of file systems copies by itself. */
static int copy_by_hand(int from, int to, off_t at, off_t end)
{
	char buffer[BUFFER_SIZE];

	while (at < end) {
		size_t most = (size_t)(end - at) < sizeof(buffer) ? (size_t)(end - at) :
								  sizeof(buffer);
		ssize_t n = pread(from, buffer, most, at);
		ssize_t done = 0;

		if (n <= 0)
			return n < 0 ? -errno : 0;
		while (done < n) {
			ssize_t more = pwrite(to, buffer + done, (size_t)(n - done), at + done);

			if (more < 0)
				return -errno;
			done += more;
		}
		at += n;
	}
	return 0;
}

static int copy_extent(int from, int to, off_t at, off_t end)
{
	off_t in = at, out = at;

	while (in < end) {
		size_t most = (size_t)(end - in) < CHUNK_MAX ? (size_t)(end - in) : CHUNK_MAX;
		ssize_t n = copy_file_range(from, &in, to, &out, most, 0);

		if (!n)
			return 0;
		if (n > 0)
			continue;
		if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
			return -errno;
		return copy_by_hand(from, to, in, end);
	}
	return 0;
}

/* What is a hole stays one. */
static int copy_extents(int from, int to, off_t size)
{
	off_t at = 0, end;
	int rc = 0;

	while (!rc && at < size) {
		at = lseek(from, at, SEEK_DATA);
		if (at < 0 && errno == ENXIO)
			break;
		end = at < 0 ? -1 : lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return -errno;
		if (end > size)
			end = size;
		rc = copy_extent(from, to, at, end);
		at = end;
	}
	return rc ?: ftruncate(to, size) < 0 ? -errno : 0;
}

static int copy_data(struct copy *copy, int from, int to, const struct stat *st)
{
	if (!st->st_size)
		return 0;
	if (!copy->no_clones) {
		if (!ioctl(to, FICLONE, from)) {
			copy->cloned++;
			return 0;
		}
		if (errno == EOPNOTSUPP || errno == EXDEV || errno == ENOTTY)
			copy->no_clones = true;
	}
	/* Most files are small and whole. */
	if (st->st_size <= BUFFER_SIZE && st->st_blocks * 512 >= st->st_size)
		return copy_by_hand(from, to, 0, st->st_size);
	return copy_extents(from, to, st->st_size);
}

/* ---- one name -------------------------------------- */

/* A fifo that is opened must not be waited for, but who has a lease is asked to give it up. */
static int open_file(const struct vps_walk_name *name)
{
	const struct timespec pause = { .tv_nsec = LEASE_PAUSE_NS };
	int fd = -1;

	for (int i = 0; i < LEASE_TRIES; i++) {
		fd = openat(name->fd, name->name,
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0 || errno != EAGAIN)
			break;
		nanosleep(&pause, NULL);
	}
	return fd < 0 ? -errno : fd;
}

/* 1: it is another file by now than the one that the walk has met. */
static int copy_file(struct copy *copy, const struct vps_walk_name *name)
{
	_cleanup_(closep) int from = open_file(name);
	_cleanup_(closep) int to = -1;
	struct stat st;
	int rc;

	if (from < 0)
		return from == -ENOENT || from == -ELOOP ? 1 : from;
	if (fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 1;
	to = openat(*name->companion, name->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	rc = copy_data(copy, from, to, &st) ?: dress(from, to, &st);
	if (rc)
		return rc;
	if (futimens(to, (struct timespec[2]){ st.st_atim, st.st_mtim }) < 0)
		return -errno;
	return st.st_dev != name->st->st_dev || st.st_ino != name->st->st_ino;
}

static int copy_link(const struct vps_walk_name *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(name->fd, name->name, target, sizeof(target) - 1);

	if (len < 0)
		return errno == ENOENT || errno == EINVAL ? 1 : -errno;
	target[len] = '\0';
	return symlinkat(target, *name->companion, name->name) < 0 ? -errno : 0;
}

/* Links and fifos, which have nothing to be opened for. */
static int copy_special(const struct vps_walk_name *name)
{
	const struct stat *st = name->st;
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int to = *name->companion;
	int rc = 0;

	if (S_ISLNK(st->st_mode))
		rc = copy_link(name);
	else if (mkfifoat(to, name->name, 0600) < 0)
		rc = -errno;
	if (rc)
		return rc;
	if (fchownat(to, name->name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name->name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(to, name->name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* 1: nothing was made, or of another file than the one that the walk has met. */
static int make_one(struct copy *copy, const struct vps_walk_name *name)
{
	switch (name->st->st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(copy, name);
	case S_IFLNK:
	case S_IFIFO:
		return copy_special(name);
	case S_IFBLK:
	case S_IFCHR:
		copy->devices++;
		return 0;
	default:
		return 0;
	}
}

/* ---- several names of one file -------------------------------------- */

static struct file_handle *handle_of(int dir, const char *name)
{
	_cleanup_(freep) struct file_handle *most = calloc(1, sizeof(*most) + MAX_HANDLE_SZ);
	struct file_handle *handle;
	size_t size;
	int mount;

	if (!most)
		return NULL;
	most->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(dir, name, most, &mount, 0) < 0)
		return NULL;
	size = sizeof(*handle) + most->handle_bytes;
	handle = malloc(size);
	return handle ? memcpy(handle, most, size) : NULL;
}

static int link_again(const struct copy *copy, const struct vps_walk_name *name,
		      struct file_handle *handle)
{
	_cleanup_(closep) int first = open_by_handle_at(copy->to, handle, O_PATH | O_CLOEXEC);

	if (first < 0 || linkat(first, "", *name->companion, name->name, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static void free_linked(struct linked *linked)
{
	free(linked->handle);
	free(linked);
}

/* Where the file system has no handles each name becomes a file of its own. */
static int remember(struct copy *copy, const struct vps_walk_name *name)
{
	struct linked *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->key.dev = name->st->st_dev;
	made->key.ino = name->st->st_ino;
	made->handle = handle_of(*name->companion, name->name);
	if (!made->handle) {
		free_linked(made);
		return 0;
	}
	HASH_ADD(hh, copy->links, key, sizeof(made->key), made);
	if (made->lost) {
		free_linked(made);
		return -ENOMEM;
	}
	return 0;
}

/* With the lock: whoever meets another of its names waits until the first is there. */
static int copy_linked(struct copy *copy, const struct vps_walk_name *name)
{
	struct linked key = { 0 }, *found;
	struct stat st;
	int rc;

	key.key.dev = name->st->st_dev;
	key.key.ino = name->st->st_ino;
	HASH_FIND(hh, copy->links, &key.key, sizeof(key.key), found);
	if (found)
		return link_again(copy, name, found->handle);
	rc = make_one(copy, name);
	/* Of sockets and devices there is no copy. */
	if (rc || faccessat(*name->companion, name->name, F_OK, AT_SYMLINK_NOFOLLOW))
		return rc;
	/* What cannot be opened may have been exchanged while it was copied. */
	if (!S_ISREG(name->st->st_mode) &&
	    (fstatat(name->fd, name->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	     st.st_ino != name->st->st_ino))
		return 1;
	return remember(copy, name);
}

/* ---- directories -------------------------------------- */

/* "." or "./...": the path of @dir below the tree, to be free(3)d. */
static char *path_of(const struct copy *copy, const struct vps_walk_dir *dir)
{
	_cleanup_(freep) char *whole = vps_walk_path(dir);
	const char *rest = whole ? whole + copy->skip : NULL;
	char *path = NULL;

	while (rest && *rest == '/')
		rest++;
	if (rest && asprintf(&path, ".%s%s", *rest ? "/" : "", rest) < 0)
		return NULL;
	return path;
}

/* Makes @path, whose last part is not there yet, and opens it. */
static int make_dir(const struct copy *copy, char *path)
{
	char *name = strrchr(path, '/');
	_cleanup_(closep) int up = -1;

	*name++ = '\0';
	up = vps_tree_open_below(copy->to, path, O_PATH | O_DIRECTORY);
	if (up < 0)
		return up;
	if (mkdirat(up, name, 0700) < 0)
		return -errno;
	return vps_tree_open_below(up, name, O_RDONLY | O_DIRECTORY);
}

/* The tree itself is there; and each file system has a directory of the other name. */
static int open_dir(const struct copy *copy, char *path)
{
	int fd = -ENOENT;

	if (!strcmp(path, ".") || !strcmp(path, "./lost+found"))
		fd = vps_tree_open_below(copy->to, path, O_RDONLY | O_DIRECTORY);
	return fd == -ENOENT ? make_dir(copy, path) : fd;
}

static int copy_dir(struct copy *copy, const struct vps_walk_name *name)
{
	_cleanup_(freep) char *path = path_of(copy, name->dir);
	int to = path ? open_dir(copy, path) : -ENOMEM;

	if (to < 0)
		return to;
	*name->companion = to;
	return dress(name->fd, to, name->st);
}

/* All in it is there. */
static int finish_dir(const struct copy *copy, const struct vps_walk_dir *dir)
{
	_cleanup_(freep) char *there = path_of(copy, dir), *here = path_of(copy, dir);
	_cleanup_(closep) int from = -1;
	_cleanup_(closep) int to = -1;
	struct stat st;
	int rc;

	if (!there || !here)
		return -ENOMEM;
	from = vps_tree_open_below(copy->from, there, O_RDONLY | O_DIRECTORY);
	/* It has gone meanwhile: it keeps the times of its copy. */
	if (from < 0)
		return from == -ENOENT || from == -ENOTDIR || from == -ELOOP ? 0 : from;
	to = vps_tree_open_below(copy->to, here, O_RDONLY | O_DIRECTORY);
	if (to < 0)
		return to;
	rc = copy_xattr(from, to, DEFAULT_ACL);
	if (rc)
		return rc;
	if (fstat(from, &st) < 0 ||
	    futimens(to, (struct timespec[2]){ st.st_atim, st.st_mtim }) < 0)
		return -errno;
	return 0;
}

/* ---- the whole -------------------------------------- */

static int visit(const struct vps_walk_name *name, void *data)
{
	struct copy *copy = data;
	int rc;

	if (copy->failed)
		return 0;
	if (!*name->name)
		return copy_dir(copy, name);
	if (name->st->st_nlink < 2) {
		rc = make_one(copy, name);
	} else {
		pthread_mutex_lock(&copy->lock);
		rc = copy_linked(copy, name);
		pthread_mutex_unlock(&copy->lock);
	}
	return rc < 0 ? rc : 0;
}

static void note_fault(const char *path, int err, void *data)
{
	struct copy *copy = data;

	if (!copy->failed)
		copy->failed = vps_fault(copy->fault, err, "copy", path);
}

static void finish(const struct vps_walk_dir *dir, const struct vps_tree_size *size,
		   unsigned int depth, void *data)
{
	struct copy *copy = data;
	int rc = copy->failed ? 0 : finish_dir(copy, dir);

	(void)size;
	(void)depth;
	if (rc) {
		_cleanup_(freep) char *path = vps_walk_path(dir);

		note_fault(path ?: "", rc, copy);
	}
}

static void tell(uint64_t names, void *data)
{
	struct copy *copy = data;

	copy->spec->progress(names, copy->spec->data);
}

static void free_copy(struct copy *copy)
{
	struct linked *link, *next;

	HASH_ITER(hh, copy->links, link, next) {
		HASH_DEL(copy->links, link);
		free_linked(link);
	}
	pthread_mutex_destroy(&copy->lock);
}

/* Who has CAP_SYS_RESOURCE writes beyond quotas. */
static int hold_to_quotas(bool hold)
{
	const cap_value_t resource = CAP_SYS_RESOURCE;
	cap_flag_value_t may = CAP_CLEAR;
	cap_t caps = cap_get_proc();
	int rc = caps ? 0 : -errno;

	if (!rc && (cap_get_flag(caps, resource, CAP_PERMITTED, &may) < 0 ||
		    cap_set_flag(caps, CAP_EFFECTIVE, 1, &resource, hold ? CAP_CLEAR : may) < 0 ||
		    cap_set_proc(caps) < 0))
		rc = -errno;
	if (caps)
		cap_free(caps);
	return rc;
}

static int copy_all(struct copy *copy, int from, const char *path, uint64_t *ret_names)
{
	struct vps_walk_spec spec = {
		.threads = copy->spec->threads,
		.visit = visit,
		.report = finish,
		.fault = note_fault,
		.progress = copy->spec->progress ? tell : NULL,
		.data = copy,
	};
	struct vps_tree_size size;
	struct vps_walk *walk;
	int rc = vps_walk_new(&spec, &walk);

	if (rc)
		return vps_fault(copy->fault, rc, "copy", path);
	rc = vps_walk_tree(walk, from, path, &size);
	vps_walk_free(walk);
	if (copy->failed)
		return copy->failed;
	if (rc)
		return vps_fault(copy->fault, rc, "copy", path);
	*ret_names = size.names;
	return 0;
}

int vps_tree_copy(int from, const char *path, int to, const struct vps_copy_spec *spec,
		  struct vps_copied *ret_copied, struct vps_fault *fault)
{
	struct copy copy = {
		.spec = spec, .from = from, .to = to, .skip = strlen(path), .fault = fault,
	};
	uint64_t names = 0;
	int rc;

	pthread_mutex_init(&copy.lock, NULL);
	rc = hold_to_quotas(true);
	if (rc) {
		vps_fault(fault, rc, "give up CAP_SYS_RESOURCE for", path);
	} else {
		rc = copy_all(&copy, from, path, &names);
		(void)hold_to_quotas(false);
	}
	if (!rc)
		*ret_copied = (struct vps_copied){
			.names = names, .cloned = copy.cloned, .devices = copy.devices,
		};
	free_copy(&copy);
	return rc;
}
