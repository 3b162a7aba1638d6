// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a tree uses, counted by several threads. A directory is read by one of them in one go;
 * the names of the directories in it are kept until somebody takes them, last in first out, so
 * that what is kept stays small. All is done relative to open directories; of those that wait
 * only so many stay open, and the others are opened again on the way down from one above.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

/* Without memory an entry is not added; its own member tells. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->lost = true)
#include <uthash.h>

#include "tree.h"
#include "util.h"
#include "vps.h"

#define BUFFER_SIZE (64 * 1024)
#define STACK_SIZE (512 * 1024)
/* Of those that wait; and how many descriptors are left for whatever else there is. */
#define OPEN_MAX_WAITING 512
#define OPEN_MIN_WAITING 4
#define OPEN_OTHERS 16
/* How often a directory is looked for that is exchanged for something else and back. */
#define SWAPS_MAX 8
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* The file of a hard link, once. */
struct linked {
	struct {
		dev_t dev;
		ino_t ino;
	} key;
	bool lost;
	UT_hash_handle hh;
};

/**
 * struct vps_walk_dir - a directory that is being counted
 * @up: the one that it is in; NULL for the tree itself
 * @mark: the one above whose depth is the next lower power of two
 * @above, @below: neighbours among those that wait, last in above
 * @pending: 1 while it is being read, and 1 for each directory in it that is not done
 * @users: threads that are opening something in it
 * @fd: -1 while it is not open
 * @companion: a visitor's, while it is being read
 * @names, @taken, @end: names of directories in it, each with its zero; offset of the first
 *	that nobody has taken, and of the end
 */
struct vps_walk_dir {
	struct vps_walk_dir *up;
	const struct vps_walk_dir *mark;
	struct vps_walk_dir *above, *below;
	unsigned int depth;
	size_t pending;
	unsigned int users;
	int fd;
	int companion;
	dev_t dev;
	ino_t ino;
	struct vps_tree_size size;
	char *names;
	size_t taken, end;
	char name[];
};

/**
 * struct vps_walk - a count over one or several trees
 * @lock: guards all that follows but @spec, and every directory but one that is being read
 * @changed: something waits, or all is done
 * @top, @bottom: directories that wait, with names that nobody has taken
 * @open: how many directories are open that wait or have waited; @open_max: should be
 * @busy: threads that have taken a name and may add to those that wait
 * @running: threads
 * @seen: names
 * @failed: -errno after which nothing more is read
 * @linked_lock: guards @linked, files of several names
 */
struct vps_walk {
	struct vps_walk_spec spec;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct vps_walk_dir *top, *bottom;
	unsigned int open, open_max;
	unsigned int busy;
	unsigned int running;
	uint64_t seen;
	int failed;
	pthread_mutex_t linked_lock;
	struct linked *linked;
};

/* ---- one directory -------------------------------------------------------------------- */

static struct vps_walk_dir *make_dir(struct vps_walk_dir *up, const char *name)
{
	size_t size = strlen(name) + 1;
	struct vps_walk_dir *dir = calloc(1, sizeof(*dir) + size);

	if (!dir)
		return NULL;
	dir->up = up;
	dir->mark = dir;
	dir->depth = up ? up->depth + 1 : 0;
	dir->pending = 1;
	dir->fd = -1;
	dir->companion = -1;
	memcpy(dir->name, name, size);
	return dir;
}

static void free_dir(struct vps_walk_dir *dir)
{
	closep(&dir->fd);
	closep(&dir->companion);
	free(dir->names);
	free(dir);
}

/* The path of @name in @dir, or with an empty @name of @dir, from below @top on. */
static char *path_below(const struct vps_walk_dir *top, const struct vps_walk_dir *dir,
			const char *name)
{
	size_t size = strlen(name) + 1;
	const struct vps_walk_dir *p;
	char *path, *end;

	for (p = dir; p != top; p = p->up)
		size += strlen(p->name) + 1;
	path = malloc(size);
	if (!path)
		return NULL;
	end = path + size - strlen(name) - 1;
	memcpy(end, name, strlen(name) + 1);
	for (p = dir; p != top; p = p->up) {
		size_t len = strlen(p->name);

		/* No second one behind that of "/", and none at the end. */
		if (*end && (p->up || !len || p->name[len - 1] != '/'))
			*--end = '/';
		end -= len;
		memcpy(end, p->name, len);
	}
	return memmove(path, end, strlen(end) + 1);
}

char *vps_walk_path(const struct vps_walk_dir *dir)
{
	return path_below(NULL, dir, "");
}

/* Tells that @name in @dir (itself, where it is empty) cannot be counted. */
static void report_fault(struct vps_walk *walk, const struct vps_walk_dir *dir, const char *name,
			 int err)
{
	_cleanup_(freep) char *path = path_below(NULL, dir, name);

	pthread_mutex_lock(&walk->lock);
	walk->spec.fault(path ?: name, err, walk->spec.data);
	pthread_mutex_unlock(&walk->lock);
}

/* Anybody can make files of all but any length. */
static void add(uint64_t *to, uint64_t number)
{
	if (__builtin_add_overflow(*to, number, to))
		*to = UINT64_MAX;
}

static void add_size(struct vps_tree_size *to, const struct vps_tree_size *size)
{
	add(&to->space, size->space);
	add(&to->apparent, size->apparent);
	add(&to->inodes, size->inodes);
	add(&to->names, size->names);
}

/* Is it the first of its links? */
static int is_first_link(struct vps_walk *walk, const struct stat *st)
{
	struct linked *made = calloc(1, sizeof(*made)), *found;
	bool lost;

	if (!made)
		return -ENOMEM;
	made->key.dev = st->st_dev;
	made->key.ino = st->st_ino;
	pthread_mutex_lock(&walk->linked_lock);
	HASH_FIND(hh, walk->linked, &made->key, sizeof(made->key), found);
	if (!found)
		HASH_ADD(hh, walk->linked, key, sizeof(made->key), made);
	pthread_mutex_unlock(&walk->linked_lock);
	lost = made->lost;
	if (found || lost)
		free(made);
	return lost ? -ENOMEM : !found;
}

static int count(struct vps_walk *walk, struct vps_tree_size *size, const struct stat *st)
{
	bool has_links = !S_ISDIR(st->st_mode) && st->st_nlink > 1;
	int first = has_links ? is_first_link(walk, st) : 1;

	if (first < 0)
		return first;
	size->names++;
	if (!first)
		return 0;
	size->inodes++;
	add(&size->space, (uint64_t)st->st_blocks * 512);
	if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
		add(&size->apparent, (uint64_t)st->st_size);
	return 0;
}

static void visit(struct vps_walk *walk, struct vps_walk_dir *dir, const char *name,
		  const struct stat *st)
{
	struct vps_walk_name visited = { dir, dir->fd, name, st, &dir->companion };
	int rc = walk->spec.visit ? walk->spec.visit(&visited, walk->spec.data) : 0;

	if (rc)
		report_fault(walk, dir, name, rc);
}

static int add_name(struct vps_walk_dir *dir, const char *name, size_t *room)
{
	size_t len = strlen(name) + 1;

	if (dir->end + len > *room) {
		size_t more = *room ? *room * 2 : 256;
		char *names;

		while (more < dir->end + len)
			more *= 2;
		names = realloc(dir->names, more);
		if (!names)
			return -ENOMEM;
		dir->names = names;
		*room = more;
	}
	memcpy(dir->names + dir->end, name, len);
	dir->end += len;
	dir->pending++;
	return 0;
}

static int count_entry(struct vps_walk *walk, struct vps_walk_dir *dir,
		       const struct dirent64 *entry, size_t *room)
{
	struct stat st;

	if (entry->d_type == DT_DIR)
		return add_name(dir, entry->d_name, room);
	if (fstatat(dir->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		/* What has gone since is not in the tree. */
		if (errno != ENOENT)
			report_fault(walk, dir, entry->d_name, -errno);
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return add_name(dir, entry->d_name, room);
	visit(walk, dir, entry->d_name, &st);
	return count(walk, &dir->size, &st);
}

static bool is_self_or_parent(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Counts all that is in it and is no directory. */
static int read_dir(struct vps_walk *walk, struct vps_walk_dir *dir)
{
	_Alignas(struct dirent64) char buffer[BUFFER_SIZE];
	size_t room = 0;
	ssize_t n;
	int rc = 0;

	while (!rc && (n = getdents64(dir->fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; !rc && at < n;) {
			const struct dirent64 *entry = (void *)(buffer + at);

			at += entry->d_reclen;
			if (!is_self_or_parent(entry->d_name))
				rc = count_entry(walk, dir, entry, &room);
		}
	}
	/* One that was removed meanwhile is empty. */
	if (!rc && n < 0 && errno != ENOENT)
		report_fault(walk, dir, "", -errno);
	closep(&dir->companion);
	dir->companion = -1;
	return rc;
}

/* ---- those that wait, under the lock ------------------------------------------------------ */

static void unlink_dir(struct vps_walk *walk, struct vps_walk_dir *dir)
{
	*(dir->above ? &dir->above->below : &walk->top) = dir->below;
	*(dir->below ? &dir->below->above : &walk->bottom) = dir->above;
	dir->above = dir->below = NULL;
}

static void close_dir(struct vps_walk *walk, struct vps_walk_dir *dir)
{
	if (dir->fd >= 0)
		walk->open--;
	closep(&dir->fd);
	dir->fd = -1;
}

/*
 * Those at the bottom are needed last. At some depths they stay open all the same, from which
 * the way down to the others is short; several are closed at once, so that it is not always
 * the same ones that are passed over.
 */
static void close_some(struct vps_walk *walk)
{
	unsigned int kept = walk->open_max / 4, few = walk->open_max / 2, step = 16;

	if (walk->open <= walk->open_max)
		return;
	while (walk->top->depth / step > kept)
		step *= 2;
	for (struct vps_walk_dir *dir = walk->bottom; dir != walk->top && walk->open > few;
	     dir = dir->above)
		if (dir->up && dir->depth % step && !dir->users)
			close_dir(walk, dir);
}

static void push_dir(struct vps_walk *walk, struct vps_walk_dir *dir)
{
	dir->below = walk->top;
	*(walk->top ? &walk->top->above : &walk->bottom) = dir;
	walk->top = dir;
	walk->open++;
	close_some(walk);
	pthread_cond_broadcast(&walk->changed);
}

/* From the next one above that is open; the tree itself always is. */
static int open_again(struct vps_walk *walk, struct vps_walk_dir *dir)
{
	struct vps_walk_dir *from = dir->up;
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closep) int fd = -1;
	struct stat st;

	while (from->fd < 0)
		from = from->up;
	path = path_below(from, dir, "");
	if (!path)
		return -ENOMEM;
	fd = vps_tree_open_below(from->fd, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != dir->dev || st.st_ino != dir->ino)
		return -ESTALE;
	dir->fd = steal_fd(&fd);
	walk->open++;
	close_some(walk);
	return 0;
}

/* A directory whose last part is counted adds to the one above, and so on. */
static void finish_part(struct vps_walk *walk, struct vps_walk_dir *dir)
{
	while (dir && !--dir->pending) {
		struct vps_walk_dir *up = dir->up;

		if (walk->spec.report && !walk->failed)
			walk->spec.report(dir, &dir->size, dir->depth, walk->spec.data);
		if (up)
			add_size(&up->size, &dir->size);
		else	/* the tree itself; who waits for it frees it */
			break;
		free_dir(dir);
		dir = up;
	}
}

/* ---- threads ------------------------------------------------------------------------------ */

/* One that cannot be read is counted all the same, without what is in it. */
static int count_unread(struct vps_walk *walk, struct vps_walk_dir *up, const char *name,
			const struct stat *st, int err, struct vps_tree_size *size)
{
	report_fault(walk, up, name, err);
	return count(walk, size, st);
}

/*
 * Opens the directory @name of @up. 0: there is none to read, since it has gone, is of
 * another file system or something else now; *@st tells what it was. A mount that is made
 * only when somebody opens it stays unmade.
 */
static int open_dir(struct vps_walk *walk, struct vps_walk_dir *up, const char *name,
		    struct stat *st, int *ret_fd)
{
	*ret_fd = -1;
	for (int i = 0; i < SWAPS_MAX; i++) {
		int fd;

		if (fstatat(up->fd, name, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
			return -errno;
		if (!S_ISDIR(st->st_mode) || (!walk->spec.cross && st->st_dev != up->dev))
			return 0;
		fd = openat(up->fd, name, DIR_FLAGS);
		if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
			return -errno;
		if (fd < 0)
			continue;
		/* It may be another one than a moment ago. */
		if (fstat(fd, st) < 0 || (!walk->spec.cross && st->st_dev != up->dev)) {
			close(fd);
			return 0;
		}
		*ret_fd = fd;
		return 0;
	}
	return 0;
}

/* Is it one of those above, which somebody has moved into what is below it? (Brent) */
static bool is_above(const struct vps_walk_dir *up, const struct stat *st)
{
	return up->mark->ino == st->st_ino && up->mark->dev == st->st_dev;
}

/* Opens @name of @up; NULL when there is nothing to read, and what there was is in *@size. */
static int enter_dir(struct vps_walk *walk, struct vps_walk_dir *up, const char *name,
		     struct vps_tree_size *size, struct vps_walk_dir **ret_dir)
{
	struct stat st = { 0 };
	struct vps_walk_dir *dir;
	int fd, rc;

	*ret_dir = NULL;
	rc = open_dir(walk, up, name, &st, &fd);
	if (rc == -ENOENT)
		return 0;
	if (rc && !S_ISDIR(st.st_mode)) {
		report_fault(walk, up, name, rc);
		return 0;
	}
	if (rc)
		return count_unread(walk, up, name, &st, rc, size);
	if (fd < 0)	/* another one has its name now, or it is of another file system */
		return S_ISDIR(st.st_mode) ? 0 : count(walk, size, &st);
	if (is_above(up, &st)) {
		close(fd);
		return 0;
	}
	dir = make_dir(up, name);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	dir->fd = fd;
	dir->dev = st.st_dev;
	dir->ino = st.st_ino;
	if (dir->depth & (dir->depth - 1))
		dir->mark = up->mark;
	visit(walk, dir, "", &st);
	*ret_dir = dir;
	return count(walk, &dir->size, &st);
}

/* Counts one directory of @up, and has those in it wait. */
static void count_dir(struct vps_walk *walk, struct vps_walk_dir *up, const char *name)
{
	struct vps_tree_size lone = { 0 };
	struct vps_walk_dir *dir = NULL;
	int rc = enter_dir(walk, up, name, &lone, &dir);

	if (!rc && dir)
		rc = read_dir(walk, dir);
	pthread_mutex_lock(&walk->lock);
	walk->failed = walk->failed ?: rc;
	walk->seen += dir ? dir->size.names : lone.names;
	add_size(&up->size, &lone);
	up->users--;
	if (up->taken == up->end && !up->users && up->up)
		close_dir(walk, up);
	if (dir && dir->end) {
		push_dir(walk, dir);
	} else if (dir) {
		close(dir->fd);
		dir->fd = -1;
	}
	finish_part(walk, dir ?: up);
	pthread_mutex_unlock(&walk->lock);
}

/* The names of @dir that nobody has taken are lost to the count. */
static void give_up(struct vps_walk *walk, struct vps_walk_dir *dir)
{
	unlink_dir(walk, dir);
	if (dir->up && !dir->users)
		close_dir(walk, dir);
	for (; dir->taken < dir->end; dir->taken += strlen(dir->names + dir->taken) + 1)
		dir->pending--;
	dir->pending++;
	finish_part(walk, dir);
}

/* The directory whose names are to be taken next, open; NULL when none waits. */
static struct vps_walk_dir *open_top(struct vps_walk *walk)
{
	struct vps_walk_dir *dir;
	int rc;

	while ((dir = walk->top)) {
		rc = 0;
		if (!walk->failed && dir->fd < 0)
			rc = open_again(walk, dir);
		if (!walk->failed && !rc)
			break;
		if (rc) {
			_cleanup_(freep) char *path = vps_walk_path(dir);

			walk->spec.fault(path ?: dir->name, rc, walk->spec.data);
		}
		give_up(walk, dir);
	}
	return dir;
}

static void *run_thread(void *data)
{
	struct vps_walk *walk = data;

	pthread_mutex_lock(&walk->lock);
	for (;;) {
		struct vps_walk_dir *dir = open_top(walk);
		const char *name;

		if (!dir && !walk->busy)
			break;
		if (!dir) {
			pthread_cond_wait(&walk->changed, &walk->lock);
			continue;
		}
		name = dir->names + dir->taken;
		dir->taken += strlen(name) + 1;
		if (dir->taken == dir->end)
			unlink_dir(walk, dir);
		dir->users++;
		walk->busy++;
		pthread_mutex_unlock(&walk->lock);
		count_dir(walk, dir, name);
		pthread_mutex_lock(&walk->lock);
		walk->busy--;
	}
	walk->running--;
	pthread_cond_broadcast(&walk->changed);
	pthread_mutex_unlock(&walk->lock);
	return NULL;
}

/* ---- for callers -------------------------------------------------------------------------- */

static unsigned int processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned int)CPU_COUNT(&set);
}

/* Each thread has one open, too. */
static unsigned int most_open(unsigned int threads)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > OPEN_MAX_WAITING + threads +
	    OPEN_OTHERS)
		return OPEN_MAX_WAITING;
	if (limit.rlim_cur < OPEN_MIN_WAITING + threads + OPEN_OTHERS)
		return OPEN_MIN_WAITING;
	return (unsigned int)limit.rlim_cur - threads - OPEN_OTHERS;
}

int vps_walk_new(const struct vps_walk_spec *spec, struct vps_walk **ret_walk)
{
	struct vps_walk *walk = calloc(1, sizeof(*walk));
	pthread_condattr_t attr;

	if (!walk)
		return -ENOMEM;
	walk->spec = *spec;
	if (!walk->spec.threads)
		walk->spec.threads = processors();
	if (walk->spec.threads > VPS_WALK_THREADS_MAX)
		walk->spec.threads = VPS_WALK_THREADS_MAX;
	walk->open_max = most_open(walk->spec.threads);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&walk->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&walk->lock, NULL);
	pthread_mutex_init(&walk->linked_lock, NULL);
	*ret_walk = walk;
	return 0;
}

void vps_walk_free(struct vps_walk *walk)
{
	struct linked *link, *next;

	if (!walk)
		return;
	HASH_ITER(hh, walk->linked, link, next) {
		HASH_DEL(walk->linked, link);
		free(link);
	}
	pthread_cond_destroy(&walk->changed);
	pthread_mutex_destroy(&walk->lock);
	pthread_mutex_destroy(&walk->linked_lock);
	free(walk);
}

/* With the lock: until all threads have ended; tells about progress meanwhile. */
static void wait_for_threads(struct vps_walk *walk)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	while (walk->running) {
		until.tv_nsec += VPS_WALK_PROGRESS_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		while (walk->running)
			if (pthread_cond_timedwait(&walk->changed, &walk->lock, &until) ==
			    ETIMEDOUT)
				break;
		if (walk->running && walk->spec.progress)
			walk->spec.progress(walk->seen, walk->spec.data);
	}
}

/* What waits is counted by as many threads as can be had, if need be by this one. */
static int run_threads(struct vps_walk *walk)
{
	pthread_t threads[VPS_WALK_THREADS_MAX];
	unsigned int made = 0;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_mutex_lock(&walk->lock);
	walk->running = walk->spec.threads;
	while (made < walk->spec.threads &&
	       !pthread_create(&threads[made], &attr, run_thread, walk))
		made++;
	walk->running -= walk->spec.threads - made;
	if (made)
		wait_for_threads(walk);
	else
		walk->running = 1;
	pthread_mutex_unlock(&walk->lock);
	pthread_attr_destroy(&attr);
	if (!made)
		run_thread(walk);
	while (made--)
		pthread_join(threads[made], NULL);
	return walk->failed;
}

static int open_root(struct vps_walk *walk, int tree, const char *path,
		     struct vps_walk_dir **ret_root)
{
	struct vps_walk_dir *root = make_dir(NULL, path);
	struct stat st;
	int rc;

	if (!root)
		return -ENOMEM;
	root->fd = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0 || fstat(root->fd, &st) < 0) {
		rc = -errno;
		free_dir(root);
		return rc;
	}
	root->dev = st.st_dev;
	root->ino = st.st_ino;
	visit(walk, root, "", &st);
	rc = count(walk, &root->size, &st);
	if (rc)
		free_dir(root);
	else
		*ret_root = root;
	return rc;
}

int vps_walk_tree(struct vps_walk *walk, int tree, const char *path,
		  struct vps_tree_size *ret_size)
{
	struct vps_walk_dir *root = NULL;
	int rc = open_root(walk, tree, path, &root);

	if (rc)
		return rc;
	walk->failed = read_dir(walk, root);
	walk->seen += root->size.names;
	if (root->end)
		push_dir(walk, root);
	finish_part(walk, root);
	rc = root->end ? run_threads(walk) : walk->failed;
	if (!rc)
		*ret_size = root->size;
	free_dir(root);
	walk->open = 0;
	return rc;
}
