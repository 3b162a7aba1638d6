// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cgroup.h"
#include "util.h"

#define PARENT "freevps"

/* A VPS's own groups: room for systemd inside, an end for a fork bomb of mkdir. */
#define MAX_DEPTH "16"
#define MAX_DESCENDANTS "4096"

#define LOOK_AGAIN_MS 100

static const char *const controllers[VPS_CTL_COUNT] = {
	[VPS_CTL_PIDS] = "pids",
	[VPS_CTL_MEMORY] = "memory",
	[VPS_CTL_CPU] = "cpu",
	[VPS_CTL_IO] = "io",
};

/* io of v1 (blkio) cannot limit buffered writes, so it is not used there. */
static const char *const v1_options[VPS_CTL_COUNT] = {
	[VPS_CTL_PIDS] = "pids",
	[VPS_CTL_MEMORY] = "memory",
	[VPS_CTL_CPU] = "cpu",
};

static int open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

static int find_mounts(struct vps_cgroups *cg)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char buf[2 * PATH_MAX];
	struct mntent entry;

	if (!mounts)
		return -errno;
	while (getmntent_r(mounts, &entry, buf, sizeof(buf))) {
		if (!strcmp(entry.mnt_type, "cgroup2") && !*cg->root)
			snprintf(cg->root, sizeof(cg->root), "%s", entry.mnt_dir);
		if (strcmp(entry.mnt_type, "cgroup"))
			continue;
		for (int i = 0; i < VPS_CTL_COUNT; i++)
			if (v1_options[i] && !*cg->v1[i] && hasmntopt(&entry, v1_options[i]))
				snprintf(cg->v1[i], sizeof(cg->v1[i]), "%s", entry.mnt_dir);
	}
	endmntent(mounts);
	return *cg->root ? 0 : -ENODEV;
}

static int open_below(const char *mount, const char *path)
{
	_cleanup_(closep) int fd = open_dir(AT_FDCWD, mount);

	return fd < 0 ? fd : open_dir(fd, path);
}

int vps_cgroups_open(struct vps_cgroups *cg)
{
	int rc;

	memset(cg, 0, sizeof(*cg));
	cg->parent_fd = -1;
	for (int i = 0; i < VPS_CTL_COUNT; i++)
		cg->v1_fd[i] = -1;
	rc = find_mounts(cg);
	if (rc)
		return rc;

	cg->parent_fd = open_below(cg->root, PARENT);
	for (int i = 0; i < VPS_CTL_COUNT; i++)
		if (*cg->v1[i])
			cg->v1_fd[i] = open_below(cg->v1[i], PARENT);
	return 0;
}

void vps_cgroups_close(struct vps_cgroups *cg)
{
	closep(&cg->parent_fd);
	for (int i = 0; i < VPS_CTL_COUNT; i++)
		closep(&cg->v1_fd[i]);
}

/* Is the controller among the words? "cpu" is not "cpuset". */
static bool is_among(const char *words, enum vps_controller controller)
{
	const char *word = controllers[controller];
	size_t len;

	for (; *words; words += len + (words[len] != '\0')) {
		len = strcspn(words, " \n");
		if (len == strlen(word) && !strncmp(words, word, len))
			return true;
	}
	return false;
}

/* Is it in @file ("cgroup.controllers") of the group? */
static bool has_controller(int group, const char *file, enum vps_controller controller)
{
	char have[256];

	return group >= 0 && vps_read_at(group, file, have, sizeof(have)) >= 0 &&
	       is_among(have, controller);
}

/*
 * Best effort: a controller that is missing or busy elsewhere is found missing again when
 * a limit wants its file, and the limit is refused then.
 */
static void enable_controllers(int group)
{
	char have[256], word[32];

	if (vps_read_at(group, "cgroup.controllers", have, sizeof(have)) < 0)
		return;
	for (int i = 0; i < VPS_CTL_COUNT; i++) {
		if (!is_among(have, (enum vps_controller)i))
			continue;
		snprintf(word, sizeof(word), "+%s", controllers[i]);
		vps_write_at(group, "cgroup.subtree_control", word);
	}
}

/*
 * Whatever the caller's umask: the kernel looks at each directory on the way to a group with
 * the rights of whoever mounts cgroup2 inside. Those of the host are not to be opened by
 * anybody else, who could lock them.
 */
static int make_group_of_mode(int dirfd, const char *name, mode_t mode)
{
	mode_t mask = umask(0);
	int rc = mkdirat(dirfd, name, mode) < 0 ? -errno : 0;

	umask(mask);
	return rc;
}

static int make_group(int dirfd, const char *name)
{
	return make_group_of_mode(dirfd, name, 0711);
}

static int make_parent(const char *mount, int *fd, struct vps_fault *fault)
{
	_cleanup_(closep) int root = open_dir(AT_FDCWD, mount);
	int rc;

	if (root < 0)
		return vps_fault(fault, root, "open", mount);
	rc = make_group(root, PARENT);
	if (rc && rc != -EEXIST)
		return vps_fault(fault, rc, "make the group " PARENT, mount);
	closep(fd);
	*fd = open_dir(root, PARENT);
	return *fd < 0 ? vps_fault(fault, *fd, "open the group " PARENT, mount) : 0;
}

int vps_cgroups_make_parent(struct vps_cgroups *cg, struct vps_fault *fault)
{
	int rc;

	if (cg->parent_fd < 0) {
		_cleanup_(closep) int root = open_dir(AT_FDCWD, cg->root);

		rc = make_parent(cg->root, &cg->parent_fd, fault);
		if (rc)
			return rc;
		enable_controllers(root);
		enable_controllers(cg->parent_fd);
	}
	for (int i = 0; i < VPS_CTL_COUNT; i++) {
		if (!*cg->v1[i] || cg->v1_fd[i] >= 0)
			continue;
		rc = make_parent(cg->v1[i], &cg->v1_fd[i], fault);
		if (rc)
			return rc;
	}
	return 0;
}

DIR *vps_groups_open(const struct vps_cgroups *cg)
{
	int fd = cg->parent_fd < 0 ? -1 : open_dir(cg->parent_fd, ".");
	DIR *groups = fd < 0 ? NULL : fdopendir(fd);

	if (!groups && fd >= 0)
		close(fd);
	return groups;
}

struct dirent *vps_groups_next(DIR *groups, uint32_t *ret_id)
{
	struct dirent *entry;

	do
		entry = readdir(groups);
	while (entry && (entry->d_type != DT_DIR || vps_parse_id(entry->d_name, ret_id)));
	return entry;
}

int vps_group_open(const struct vps_cgroups *cg, uint32_t id)
{
	char name[16];

	if (cg->parent_fd < 0)
		return -ENOENT;
	snprintf(name, sizeof(name), "%u", id);
	return open_dir(cg->parent_fd, name);
}

int vps_group_make(struct vps_cgroups *cg, uint32_t id, struct vps_fault *fault)
{
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "%u", id);
	rc = make_group(cg->parent_fd, name);
	if (rc == -EEXIST)
		return vps_refuse(fault, rc, "the context is in use", name);
	if (rc)
		return vps_fault(fault, rc, "make its group", name);
	rc = open_dir(cg->parent_fd, name);
	return rc < 0 ? vps_fault(fault, rc, "open its group", name) : rc;
}

int vps_group_fill(struct vps_cgroups *cg, uint32_t id, int group, struct vps_fault *fault)
{
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "%u", id);
	rc = make_group_of_mode(group, "payload", 0755);
	if (!rc)
		rc = make_group(group, "enter");
	if (rc)
		return vps_fault(fault, rc, "make its group", name);
	enable_controllers(group);
	vps_write_at(group, "cgroup.max.depth", MAX_DEPTH);
	vps_write_at(group, "cgroup.max.descendants", MAX_DESCENDANTS);
	for (int i = 0; i < VPS_CTL_COUNT; i++) {
		if (cg->v1_fd[i] < 0)
			continue;
		rc = make_group(cg->v1_fd[i], name);
		/* Left from a context whose v2 group is gone: empty, ours, good. */
		if (rc && rc != -EEXIST)
			return vps_fault(fault, rc, "make its v1 group", cg->v1[i]);
	}
	return 0;
}

/* The last process may be a zombie that its parent has not waited for yet: v1 says EBUSY. */
static int remove_group(int dirfd, const char *name)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 500; i++) {
		if (!unlinkat(dirfd, name, AT_REMOVEDIR) || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

/* Calls @visit for every group below @group, children first; depth is bounded by max.depth. */
static int walk_below(int group, int (*visit)(int dirfd, const char *name, void *data), void *data)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	int fd = open_dir(group, "."), rc;
	struct dirent *entry;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -errno;
	}
	while ((entry = readdir(dir))) {
		_cleanup_(closep) int child = -1;

		/* Inside, a group may be called anything, ".hidden" too. */
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		child = open_dir(dirfd(dir), entry->d_name);
		if (child == -ENOENT)	/* removed from inside meanwhile */
			continue;
		if (child < 0)
			return child;
		rc = walk_below(child, visit, data);
		if (!rc)
			rc = visit(dirfd(dir), entry->d_name, data);
		if (rc)
			return rc;
	}
	return 0;
}

static int remove_visit(int dirfd, const char *name, void *data)
{
	(void)data;
	return remove_group(dirfd, name);
}

int vps_group_remove(const struct vps_cgroups *cg, uint32_t id)
{
	_cleanup_(closep) int group = vps_group_open(cg, id);
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "%u", id);
	if (group >= 0 && vps_group_event(group, "populated") == 1)
		return -EBUSY;
	/* The v2 group holds the identity, so it goes last. */
	for (int i = 0; i < VPS_CTL_COUNT; i++) {
		rc = cg->v1_fd[i] < 0 ? 0 : remove_group(cg->v1_fd[i], name);
		if (rc)
			return rc;
	}
	if (group < 0)
		return group == -ENOENT ? 0 : group;
	rc = walk_below(group, remove_visit, NULL);
	return rc ?: remove_group(cg->parent_fd, name);
}

int vps_group_delegate(int group, uid_t base)
{
	/* What /sys/kernel/cgroup/delegate names and a manager inside needs. */
	static const char *const files[] = {
		"payload", "payload/cgroup.procs", "payload/cgroup.threads",
		"payload/cgroup.subtree_control", "payload/memory.oom.group",
		"payload/memory.reclaim",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (fchownat(group, files[i], base, base, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT)
			return -errno;
	return 0;
}

int vps_group_of_controller(const struct vps_cgroups *cg, uint32_t id,
			    enum vps_controller controller)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", id);
	switch (vps_controller_version(cg, controller)) {
	case 1:
		return cg->v1_fd[controller] < 0 ? -ENOENT :
						   open_dir(cg->v1_fd[controller], name);
	case 2:
		return vps_group_open(cg, id);
	default:
		return -ENOTSUP;
	}
}

int vps_controller_version(const struct vps_cgroups *cg, enum vps_controller controller)
{
	_cleanup_(closep) int root = -1;

	if (*cg->v1[controller])
		return 1;
	root = open_dir(AT_FDCWD, cg->root);
	return has_controller(root, "cgroup.controllers", controller) ? 2 : 0;
}

bool vps_controller_reaches(const struct vps_cgroups *cg, enum vps_controller controller)
{
	if (*cg->v1[controller] || cg->parent_fd < 0)
		return true;
	return has_controller(cg->parent_fd, "cgroup.subtree_control", controller);
}

bool vps_controller_has_file(const struct vps_cgroups *cg, enum vps_controller controller,
			     const char *file)
{
	int parent = *cg->v1[controller] ? cg->v1_fd[controller] : cg->parent_fd;

	return parent < 0 || !faccessat(parent, file, F_OK, 0);
}

int vps_join_open(const struct vps_cgroups *cg, uint32_t id, const char *part,
		  struct vps_join *ret_join)
{
	struct vps_join join = { .fds = { [0 ... VPS_CTL_COUNT] = -1 } };
	char path[64];
	int rc = 0;

	snprintf(path, sizeof(path), "%u/%s/cgroup.procs", id, part);
	join.fds[0] = openat(cg->parent_fd, path, O_WRONLY | O_CLOEXEC);
	if (join.fds[0] < 0)
		rc = -errno;
	snprintf(path, sizeof(path), "%u/cgroup.procs", id);
	for (int i = 0; !rc && i < VPS_CTL_COUNT; i++) {
		if (cg->v1_fd[i] < 0)
			continue;
		join.fds[1 + i] = openat(cg->v1_fd[i], path, O_WRONLY | O_CLOEXEC);
		if (join.fds[1 + i] < 0)
			rc = -errno;
	}
	if (rc)
		vps_join_close(&join);
	else
		*ret_join = join;
	return rc;
}

int vps_join_process(const struct vps_join *join, pid_t pid)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)pid);

	for (size_t i = 0; i < ARRAY_SIZE(join->fds); i++)
		if (join->fds[i] >= 0 && write(join->fds[i], text, (size_t)len) != len)
			return -errno;
	return 0;
}

void vps_join_close(struct vps_join *join)
{
	for (size_t i = 0; i < ARRAY_SIZE(join->fds); i++)
		closep(&join->fds[i]);
}

struct pids {
	pid_t *list;
	size_t count;
	size_t room;
};

static int add_pid(struct pids *pids, pid_t pid)
{
	if (pids->count == pids->room) {
		size_t room = pids->room ? 2 * pids->room : 64;
		pid_t *list = reallocarray(pids->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		pids->list = list;
		pids->room = room;
	}
	pids->list[pids->count++] = pid;
	return 0;
}

static int pids_visit(int dirfd, const char *name, void *data)
{
	_cleanup_(closep) int group = open_dir(dirfd, name);
	_cleanup_(fclosep) FILE *procs = NULL;
	struct pids *pids = data;
	int fd, pid, rc = 0;

	if (group < 0)
		return group == -ENOENT ? 0 : group;
	fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	procs = fdopen(fd, "r");
	if (!procs) {
		close(fd);
		return -ENOMEM;
	}
	/* A threaded group answers EOPNOTSUPP: its processes are listed by the one above. */
	while (!rc && fscanf(procs, "%d", &pid) == 1)
		rc = add_pid(pids, pid);
	return rc;
}

int vps_group_pids(int group, pid_t **ret_pids, size_t *ret_count)
{
	struct pids pids = { 0 };
	int rc = walk_below(group, pids_visit, &pids);

	if (rc) {
		free(pids.list);
		return rc;
	}
	*ret_pids = pids.list;
	*ret_count = pids.count;
	return 0;
}

struct sum {
	const char *file;
	const char *field;
	uint64_t value;
};

static void add_field(int group, struct sum *sum)
{
	uint64_t value;

	if (!vps_group_number(group, sum->file, sum->field, &value))
		sum->value += value;
}

static int sum_visit(int dirfd, const char *name, void *data)
{
	_cleanup_(closep) int group = open_dir(dirfd, name);

	if (group >= 0)
		add_field(group, data);
	return 0;
}

int vps_group_sum(int group, const char *file, const char *field, uint64_t *ret_value)
{
	struct sum sum = { .file = file, .field = field };
	int rc = walk_below(group, sum_visit, &sum);

	if (rc)
		return rc;
	add_field(group, &sum);
	*ret_value = sum.value;
	return 0;
}

bool vps_group_is_context(int group)
{
	uint64_t id;

	return !vps_read_number(group, "vps.id", &id) && id != VPS_ID_HOST;
}

int vps_group_cgroup_id(int group, uint64_t *ret_id)
{
	struct stat st;

	if (fstat(group, &st) < 0)
		return -errno;
	*ret_id = st.st_ino;
	return 0;
}

bool vps_group_is_there(const struct vps_cgroups *cg, uint64_t cgroup_id)
{
	/* What the kernel calls a handle of kernfs is the number. */
	enum { KERNFS = 0xfe };
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(cgroup_id)];
	} name = { .handle = { .handle_bytes = sizeof(cgroup_id), .handle_type = KERNFS } };
	_cleanup_(closep) int mount = open(cg->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closep) int group = -1;

	memcpy(name.handle.f_handle, &cgroup_id, sizeof(cgroup_id));
	group = mount < 0 ? -1 : open_by_handle_at(mount, &name.handle, O_PATH | O_CLOEXEC);
	return group >= 0 || errno != ESTALE;
}

int vps_group_number(int group, const char *file, const char *field, uint64_t *ret_value)
{
	char text[4096];
	const char *number = text;
	ssize_t n = vps_read_at(group, file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (field)
		number = vps_find_line(text, field);
	return number ? vps_parse_line(number, ret_value) : -ENODATA;
}

static int event_value(const char *text, const char *field)
{
	const char *value = vps_find_line(text, field);

	return value ? *value == '1' : -ENOTSUP;
}

int vps_group_event(int group, const char *field)
{
	char text[256];
	ssize_t n = vps_read_at(group, "cgroup.events", text, sizeof(text));

	return n < 0 ? (int)n : event_value(text, field);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int vps_group_wait(int group, const char *field, int value, int timeout_ms)
{
	_cleanup_(closep) int events = openat(group, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd poll_fd = { .fd = events, .events = POLLPRI };
	int64_t end = now_ms() + timeout_ms;
	char text[256];

	if (events < 0)
		return -errno;
	for (;;) {
		ssize_t n = pread(events, text, sizeof(text) - 1, 0);
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();

		if (n < 0)	/* ENODEV: the group has been removed */
			return errno == ENODEV ? -ENOENT : -errno;
		text[n] = '\0';
		if (event_value(text, field) == value)
			return 0;
		if (timeout_ms >= 0 && left <= 0)
			return -ETIMEDOUT;
		/* A group that is removed within 10 ms of its last event wakes nobody. */
		if (left < 0 || left > LOOK_AGAIN_MS)
			left = LOOK_AGAIN_MS;
		if (poll(&poll_fd, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

int vps_group_of_process(pid_t pid, char *buf, size_t size)
{
	char file[32], text[8192] = "\n", *path;
	ssize_t n;

	if (pid)
		snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	else
		snprintf(file, sizeof(file), "/proc/self/cgroup");
	/* Behind a newline, so that every line begins with one. */
	n = vps_read_at(AT_FDCWD, file, text + 1, sizeof(text) - 1);
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	path = strstr(text, "\n0::");
	if (!path)
		return -ENOTSUP;
	path += strlen("\n0::");
	path[strcspn(path, "\n")] = '\0';
	return snprintf(buf, size, "%s", path) < (int)size ? 0 : -ENAMETOOLONG;
}

uint32_t vps_group_id_of_path(const char *path)
{
	static const char parent[] = "/" PARENT "/";
	char word[16];
	uint32_t id;
	size_t n;

	if (strncmp(path, parent, strlen(parent)))
		return VPS_ID_HOST;
	path += strlen(parent);
	n = strcspn(path, "/");
	if (n >= sizeof(word))
		return VPS_ID_HOST;
	memcpy(word, path, n);
	word[n] = '\0';
	return vps_parse_id(word, &id) ? VPS_ID_HOST : id;
}
