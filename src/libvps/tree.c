// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "mounts.h"
#include "sys.h"
#include "tree.h"
#include "util.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY)
/* Directories kept open at once, and the tree; those between are found again by "..". */
#define OPEN_MAX_LEVELS 32
/* What one openat2(2) takes of a path. */
#define STEP_MAX (PATH_MAX - 1)
/* How often something else may have changed the tree meanwhile until it is given up. */
#define RACES_MAX 1000

int vps_tree_parent(const char *path, char ret_name[NAME_MAX + 1])
{
	_cleanup_(freep) char *copy = NULL;
	size_t len = strlen(path);
	const char *parent = ".";
	char *slash;
	int fd;

	while (len > 0 && path[len - 1] == '/')
		len--;
	copy = strndup(path, len);
	if (!copy)
		return -ENOMEM;
	slash = strrchr(copy, '/');
	if (slash) {
		*slash = '\0';
		parent = slash == copy ? "/" : copy;
	}
	slash = slash ? slash + 1 : copy;
	if (*slash == '\0' || !strcmp(slash, ".") || !strcmp(slash, ".."))
		return -EINVAL;
	if (strlen(slash) > NAME_MAX)
		return -ENAMETOOLONG;
	fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	memcpy(ret_name, slash, strlen(slash) + 1);
	return fd;
}

/* Is it the root directory, or a directory through which only root can go? */
static int look_at(int fd, const struct statx *lower, struct statx *ret_stx)
{
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, ret_stx) < 0)
		return -errno;
	if (ret_stx->stx_uid == 0 && !(ret_stx->stx_mode & (S_IXGRP | S_IXOTH)))
		return 0;
	/* ".." of the root is the root; a bind mount may have the same inode as its parent. */
	if (lower && lower->stx_ino == ret_stx->stx_ino &&
	    lower->stx_dev_major == ret_stx->stx_dev_major &&
	    lower->stx_dev_minor == ret_stx->stx_dev_minor &&
	    lower->stx_mnt_id == ret_stx->stx_mnt_id)
		return -EPERM;
	return -EAGAIN;
}

static int check_closed(int tree)
{
	_cleanup_(closep) int fd = -1;
	struct statx stx, upper;
	int err, up;

	for (err = look_at(tree, NULL, &stx); err == -EAGAIN; stx = upper) {
		up = openat(fd < 0 ? tree : fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return -errno;
		closep(&fd);
		fd = up;
		err = look_at(fd, &stx, &upper);
	}
	return err;
}

int vps_tree_open(const char *path, struct vps_fault *fault)
{
	_cleanup_(closep) int parent = -1;
	_cleanup_(closep) int fd = -1;
	char name[NAME_MAX + 1];
	int err;

	parent = vps_tree_parent(path, name);
	if (parent < 0)
		return vps_fault(fault, parent, "open the tree", path);
	/* It may be a mount itself: the disk of the VPS. */
	fd = vps_sys_openat2(parent, name, DIRECTORY, 0,
			     VPS_RESOLVE_STRICT & ~(uint64_t)RESOLVE_NO_XDEV);
	if (fd < 0)
		return vps_fault(fault, fd, "open the tree", path);
	err = check_closed(fd);
	if (err)
		return vps_refuse(fault, err, "no directory above is root's and closed to others",
				 path);
	return steal_fd(&fd);
}

int vps_tree_open_below(int from, char *path, uint64_t flags)
{
	uint64_t resolve = VPS_RESOLVE_STRICT & ~(uint64_t)RESOLVE_NO_XDEV;
	_cleanup_(closep) int fd = -1;
	size_t left = strlen(path);

	for (;;) {
		size_t step = left;
		int next;

		while (step > STEP_MAX || (step < left && path[step] != '/'))
			step--;
		path[step] = '\0';
		next = vps_sys_openat2(fd < 0 ? from : fd, path,
				       step < left ? O_PATH | O_DIRECTORY : flags, 0, resolve);
		if (next < 0 || step == left)
			return next;
		closep(&fd);
		fd = next;
		path += step + 1;
		left -= step + 1;
	}
}

int vps_tree_check_empty(int tree)
{
	int fd = openat(tree, ".", DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			return -ENOTEMPTY;
	return 0;
}

/**
 * struct level - a directory on the way down to the one being emptied
 * @dir: NULL while it is not among the open ones
 * @name: in the directory above; none in the tree's own level
 * @dev, @ino: to know it again when it is found through ".."
 */
struct level {
	DIR *dir;
	char *name;
	dev_t dev;
	ino_t ino;
};

/**
 * struct walk - where the removal is
 * @parent, @tree: the directory that the tree is in, and its name there
 * @levels: @count of them, the deepest last
 */
struct walk {
	int parent;
	const char *tree;
	struct level *levels;
	size_t count;
	size_t size;
	unsigned int races;
};

static void close_level(struct level *level)
{
	if (level->dir)
		closedir(level->dir);
	level->dir = NULL;
}

static void pop(struct walk *w)
{
	struct level *level = &w->levels[--w->count];

	close_level(level);
	free(level->name);
}

static void walk_end(struct walk *w)
{
	while (w->count > 0)
		pop(w);
	free(w->levels);
}

static struct level *top(struct walk *w)
{
	return &w->levels[w->count - 1];
}

/* Somebody else changed the tree: look again, but not for ever. */
static int raced(struct walk *w, int err)
{
	return ++w->races > RACES_MAX ? err : 0;
}

/* Flags that keep even root from removing a file or a name in a directory. */
static void clear_flags(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 ||
	    !(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)))
		return;
	flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* Only files and directories are opened: to open a device can be to use it. */
static void clear_flags_at(int dirfd, const char *name)
{
	_cleanup_(closep) int path = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closep) int fd = -1;
	char link[32];
	struct stat st;

	if (path < 0 || fstat(path, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path);
	fd = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		clear_flags(fd);
}

/* unlinkat(2) of what may already be gone. */
static int remove_name(int dirfd, const char *name, int flags)
{
	if (unlinkat(dirfd, name, flags) == 0 || errno == ENOENT)
		return 0;
	if (errno != EPERM)
		return -errno;
	clear_flags(dirfd);
	clear_flags_at(dirfd, name);
	return unlinkat(dirfd, name, flags) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Where the name of the topmost level is. */
static int above(const struct walk *w)
{
	return w->count < 2 ? w->parent : dirfd(w->levels[w->count - 2].dir);
}

/* Takes over @fd and, when it succeeds, @name. */
static int push(struct walk *w, int fd, char *name)
{
	struct level *grown, *level;
	struct stat st;
	int err;

	if (w->count == w->size) {
		grown = reallocarray(w->levels, w->size * 2 + 16, sizeof(*grown));
		if (!grown) {
			close(fd);
			return -ENOMEM;
		}
		w->levels = grown;
		w->size = w->size * 2 + 16;
	}
	level = &w->levels[w->count];
	level->dir = fstat(fd, &st) < 0 ? NULL : fdopendir(fd);
	if (!level->dir) {
		err = -errno;
		close(fd);
		return err;
	}
	level->name = name;
	level->dev = st.st_dev;
	level->ino = st.st_ino;
	w->count++;
	if (w->count > OPEN_MAX_LEVELS + 1)
		close_level(&w->levels[w->count - 1 - OPEN_MAX_LEVELS]);
	return 0;
}

static int enter(struct walk *w, const char *name)
{
	const int at = dirfd(top(w)->dir);
	char *copy;
	int err, fd;

	fd = vps_sys_openat2(at, name, DIRECTORY, 0, VPS_RESOLVE_STRICT);
	if (fd == -EXDEV)
		return -EBUSY;
	if (fd == -ENOENT)
		return 0;
	/* It is no directory any more: the pass over this level after this one removes it. */
	if (fd == -ENOTDIR || fd == -ELOOP)
		return raced(w, fd);
	if (fd < 0)
		return fd;
	copy = strdup(name);
	if (!copy) {
		close(fd);
		return -ENOMEM;
	}
	err = push(w, fd, copy);
	if (err)
		free(copy);
	return err;
}

/* Opens the level below the topmost again; -ESTALE when it is not where it was. */
static int reopen(struct walk *w)
{
	struct level *level = &w->levels[w->count - 2];
	struct stat st;
	int err, fd;

	if (level->dir)
		return 0;
	fd = vps_sys_openat2(dirfd(top(w)->dir), "..", DIRECTORY, 0,
			     RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0) {
		err = -errno;
	} else if (st.st_dev != level->dev || st.st_ino != level->ino) {
		err = -ESTALE;
	} else {
		level->dir = fdopendir(fd);
		if (level->dir)
			return 0;
		err = -errno;
	}
	close(fd);
	return err;
}

/* The topmost level has no entry left. */
static int leave(struct walk *w)
{
	int err;

	err = w->count > 1 ? reopen(w) : 0;
	/* It has been moved: whatever is where now is found from the top. */
	if (err == -ESTALE) {
		while (w->count > 1)
			pop(w);
		rewinddir(top(w)->dir);
		return raced(w, err);
	}
	if (err)
		return err;
	err = remove_name(above(w), top(w)->name ?: w->tree, AT_REMOVEDIR);
	if (err == -ENOTEMPTY || err == -EEXIST) {
		rewinddir(top(w)->dir);
		return raced(w, err);
	}
	if (err == -ENOTDIR)
		err = raced(w, err);
	if (!err)
		pop(w);
	return err;
}

static int remove_entry(struct walk *w, const struct dirent *entry)
{
	int err;

	if (entry->d_type == DT_DIR)
		return enter(w, entry->d_name);
	err = remove_name(dirfd(top(w)->dir), entry->d_name, 0);
	return err == -EISDIR ? enter(w, entry->d_name) : err;
}

/* One entry of the topmost level, or the level itself; its name in @what meanwhile. */
static int step(struct walk *w, char what[NAME_MAX + 1])
{
	struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(top(w)->dir);
	} while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
	if (!entry && errno)
		return -errno;
	snprintf(what, NAME_MAX + 1, "%s", entry ? entry->d_name : "");
	return entry ? remove_entry(w, entry) : leave(w);
}

static size_t append(char *buf, size_t size, size_t len, const char *name)
{
	int added = snprintf(buf + len, size - len, "/%s", name);

	return added < 0 || (size_t)added >= size - len ? size - 1 : len + (size_t)added;
}

/* The way from @path down to @what, as far as there is room. */
static int walk_fault(const struct walk *w, int err, const char *path, const char *what,
		      struct vps_fault *fault)
{
	char object[sizeof(fault->object)];
	size_t i, len;

	snprintf(object, sizeof(object), "%s", path);
	len = strlen(object);
	for (i = 1; i < w->count; i++)
		len = append(object, sizeof(object), len, w->levels[i].name);
	if (*what != '\0')
		append(object, sizeof(object), len, what);
	return vps_fault(fault, err, "remove", object);
}

static int remove_all(struct walk *w, int fd, const char *path, struct vps_fault *fault)
{
	char what[NAME_MAX + 1] = "";
	int err;

	err = push(w, fd, NULL);
	while (!err && w->count > 0)
		err = step(w, what);
	return err ? walk_fault(w, err, path, what, fault) : 0;
}

int vps_tree_remove(const char *path, struct vps_fault *fault)
{
	_cleanup_(closep) int parent = -1;
	_cleanup_(closep) int fd = -1;
	_cleanup_(walk_end) struct walk w = { 0 };
	char name[NAME_MAX + 1], where[sizeof(fault->object)];
	int err;

	parent = vps_tree_parent(path, name);
	if (parent < 0)
		return vps_fault(fault, parent, "remove the tree", path);
	fd = vps_sys_openat2(parent, name, DIRECTORY, 0, VPS_RESOLVE_STRICT);
	if (fd == -EXDEV)
		return vps_refuse(fault, -EBUSY, "it is a mount", path);
	if (fd < 0)
		return vps_fault(fault, fd, "remove the tree", path);
	err = vps_mounts_below(fd, where, sizeof(where));
	if (err == -EBUSY)
		return vps_refuse(fault, err, "something is mounted in the tree", where);
	if (err)
		return vps_fault(fault, err, "look for mounts", path);
	w.parent = parent;
	w.tree = name;
	return remove_all(&w, steal_fd(&fd), path, fault);
}
