// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "mounts.h"
#include "util.h"

/**
 * struct mount - one line of /proc/self/mountinfo
 * @device: "major:minor" of the file system
 * @root: which directory of the file system is mounted
 * @point: where
 */
struct mount {
	uint64_t id;
	uint64_t parent;
	char *device;
	char *root;
	char *point;
	char *line;
};

struct mounts {
	struct mount *all;
	size_t count;
};

static void mounts_free(struct mounts *m)
{
	while (m->count > 0)
		free(m->all[--m->count].line);
	free(m->all);
}

/* Blanks, newlines and backslashes are written as \ooo there. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++, out++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out = *s;
		}
	}
	*out = '\0';
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime ..."; takes over @line. */
static int parse_mount(char *line, struct mount *ret_mount)
{
	struct mount m = { .line = line };
	char *id = strsep(&line, " "), *parent = strsep(&line, " ");

	m.device = strsep(&line, " ");
	m.root = strsep(&line, " ");
	m.point = strsep(&line, " ");
	if (!m.point || vps_parse_u64(id, &m.id) || vps_parse_u64(parent, &m.parent))
		return -EIO;
	unescape(m.root);
	unescape(m.point);
	*ret_mount = m;
	return 0;
}

static int add_mount(struct mounts *m, const char *line)
{
	struct mount *grown = reallocarray(m->all, m->count + 1, sizeof(*m->all));
	char *copy;
	int err;

	if (!grown)
		return -ENOMEM;
	m->all = grown;
	copy = strdup(line);
	if (!copy)
		return -ENOMEM;
	err = parse_mount(copy, &m->all[m->count]);
	if (err)
		free(copy);
	else
		m->count++;
	return err;
}

static int mounts_read(struct mounts *m)
{
	_cleanup_(fclosep) FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	int err;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0) {
		err = add_mount(m, line);
		if (err)
			return err;
	}
	return ferror(file) ? -EIO : 0;
}

static const struct mount *find_mount(const struct mounts *m, uint64_t id)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->all[i].id == id)
			return &m->all[i];
	return NULL;
}

/* What of @path is below @dir ("" is @dir itself, else "/..."), or NULL when nothing is. */
static const char *below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	/* The root directory is the only one whose name ends in a slash. */
	if (len > 0 && dir[len - 1] == '/')
		len--;
	if (strncmp(path, dir, len) || (path[len] != '\0' && path[len] != '/'))
		return NULL;
	return path + len;
}

/* Path of @path, which is seen through mount @m, in the mounted file system itself. */
static int inner_path(const struct mount *m, const char *path, char *buf, size_t size)
{
	const char *rest = below(path, m->point);
	size_t root_len = strcmp(m->root, "/") ? strlen(m->root) : 0;
	int len;

	if (!rest)
		return -ENOENT;
	len = snprintf(buf, size, "%.*s%s", (int)root_len, m->root, rest);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

/* Where a directory is: the mount it is seen through, and its path. */
static int locate(int dirfd, uint64_t *ret_mount, char path[PATH_MAX])
{
	char link[32];
	struct statx stx;
	ssize_t len;

	if (statx(dirfd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return -errno;
	if (!(stx.stx_mask & STATX_MNT_ID))
		return -ENOSYS;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	len = readlink(link, path, PATH_MAX);
	if (len < 0)
		return -errno;
	if (len == PATH_MAX)
		return -ENAMETOOLONG;
	path[len] = '\0';
	*ret_mount = stx.stx_mnt_id;
	return 0;
}

static int find_below(const struct mounts *m, const struct mount *home, const char *dir,
		      const char **ret_point)
{
	char inner[2 * PATH_MAX];
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct mount *parent = find_mount(m, m->all[i].parent);

		/* The root of the namespace, and what was covered by a mount since. */
		if (!parent || parent == &m->all[i] || strcmp(parent->device, home->device))
			continue;
		if (inner_path(parent, m->all[i].point, inner, sizeof(inner)))
			continue;
		if (below(inner, dir)) {
			*ret_point = m->all[i].point;
			return -EBUSY;
		}
	}
	return 0;
}

int vps_mounts_below(int dirfd, char *where, size_t size)
{
	_cleanup_(mounts_free) struct mounts m = { 0 };
	char path[PATH_MAX], dir[2 * PATH_MAX];
	const struct mount *home;
	const char *point;
	uint64_t id = 0;
	int err;

	err = locate(dirfd, &id, path);
	if (!err)
		err = mounts_read(&m);
	if (err)
		return err;
	home = find_mount(&m, id);
	if (!home)
		return -ENOENT;
	err = inner_path(home, path, dir, sizeof(dir));
	if (err)
		return err;
	/* A mount on the directory itself: it was opened through it. */
	if (!strcmp(path, home->point)) {
		snprintf(where, size, "%s", path);
		return -EBUSY;
	}
	err = find_below(&m, home, dir, &point);
	if (err == -EBUSY)
		snprintf(where, size, "%s", point);
	return err;
}
