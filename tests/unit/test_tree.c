// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "util.h"

/* The tests' own directory is the working directory; the tree is "t". */
static char dir[] = "/tmp/vps-tree.XXXXXX";
static struct vps_fault fault;

static void must(bool good, const char *what)
{
	if (!good) {
		printf("Bail out! %s: %s\n", what, strerror(errno));
		exit(99);
	}
}

static char *absolute(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make_dir(const char *path)
{
	must(!mkdir(path, 0755), path);
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	must(fd >= 0, path);
	close(fd);
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static unsigned int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int count = 0;

	must(d, "/proc/self/fd");
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

static int remove_tree(const char *path)
{
	unsigned int fds = count_fds();
	int err;

	fault = (struct vps_fault){ 0 };
	err = vps_tree_remove(path, &fault);
	is_int(count_fds(), fds, "remove %s: no descriptor left", path);
	return err;
}

static void test_kinds(void)
{
	make_dir("t");
	make_dir("t/empty");
	make_dir("t/sub");
	make_dir("t/sub/sub");
	make_file("t/file");
	make_file("t/sub/sub/.hidden");
	make_dir("outside");
	make_file("outside/keep");
	must(!symlink("../outside", "t/link") && !symlink("../../outside/keep", "t/sub/link") &&
	     !symlink("/", "t/sub/root") && !symlink("loop", "t/loop"), "symlink");
	must(!mkfifo("t/fifo", 0600) && !link("outside/keep", "t/hard"), "mkfifo, link");
	must(!chmod("t/sub/sub/.hidden", 0), "chmod");
	is_int(remove_tree("t"), 0, "a tree of files, links and a FIFO");
	ok(!exists("t"), "it is gone");
	ok(exists("outside/keep"), "what its links point to is not");
	make_dir("t");
	is_int(remove_tree("./t//"), 0, "slashes behind an empty tree");
	ok(!exists("t"), "it is gone");
}

static void refused(const char *path, int want, const char *what)
{
	is_int(remove_tree(path), want, "remove: %s", what);
	ok(fault.step && *fault.step, "remove: %s: step told", what);
	is_str(fault.object, path, "remove: %s: object told", what);
}

static void test_refused(void)
{
	must(!symlink("outside", "l"), "symlink");
	make_file("f");
	refused("absent", -ENOENT, "nothing there");
	refused("l", -ELOOP, "a link");
	refused("l/", -ELOOP, "a link with a slash behind");
	refused("f", -ENOTDIR, "a file");
	refused("/", -EINVAL, "the root directory");
	refused("", -EINVAL, "no name");
	refused(".", -EINVAL, "the working directory");
	refused("outside/..", -EINVAL, "a way up");
	refused("absent/t", -ENOENT, "no directory above");
	ok(exists("outside/keep"), "what the link points to is there");
	must(!unlink("l") && !unlink("f"), "unlink");
}

/* Deeper than any path can say, and than there may be descriptors. */
static void test_deep(void)
{
	static char name[201];
	struct rlimit old, low = { 64, 64 };
	int i, fd, next;

	memset(name, 'd', sizeof(name) - 1);
	make_dir("t");
	fd = open("t", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < 400; i++) {
		must(!mkdirat(fd, "beside", 0755) && !mkdirat(fd, name, 0755), "mkdirat");
		next = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		must(next >= 0, "openat");
		close(fd);
		fd = next;
	}
	close(fd);
	must(!getrlimit(RLIMIT_NOFILE, &old), "getrlimit");
	low.rlim_max = old.rlim_max;
	must(!setrlimit(RLIMIT_NOFILE, &low), "setrlimit");
	is_int(remove_tree("t"), 0, "400 levels of 200 bytes with 64 descriptors");
	ok(!exists("t"), "it is gone");
	must(!setrlimit(RLIMIT_NOFILE, &old), "setrlimit");
}

static void test_wide(void)
{
	char name[32];
	int i;

	make_dir("t");
	for (i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "t/%d", i);
		if (i % 3)
			make_file(name);
		else
			make_dir(name);
	}
	is_int(remove_tree("t"), 0, "2000 names in a directory");
	ok(!exists("t"), "it is gone");
}

/* Makes and moves things where the walk is, less often than it would give up. */
static void *disturb(void *arg)
{
	char from[32], to[32];
	int i;

	(void)arg;
	for (i = 0; i < 900; i++) {
		snprintf(from, sizeof(from), "t/%d", i % 40);
		snprintf(to, sizeof(to), "t/%d/new%d", (i * 7 + 1) % 40, i);
		if (i % 3)
			(void)!mknod(to, S_IFREG | 0600, 0);
		else
			(void)!rename(from, to);
	}
	return NULL;
}

static void test_changing(void)
{
	char name[64];
	pthread_t thread;
	int i, k, err;

	make_dir("t");
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "t/%d", i);
		make_dir(name);
		for (k = 0; k < 20; k++) {
			snprintf(name, sizeof(name), "t/%d/%d", i, k);
			make_file(name);
		}
	}
	must(!pthread_create(&thread, NULL, disturb, NULL), "thread");
	err = remove_tree("t");
	pthread_join(thread, NULL);
	is_int(err, 0, "a tree whose directories are moved about");
	ok(!exists("t"), "it is gone");
	if (exists("t"))
		remove_tree("t");
}

/* Moves a directory on the way down when something far below it has been removed. */
static void *move_above(void *arg)
{
	char event[4096];

	must(read(*(int *)arg, event, sizeof(event)) > 0, "inotify");
	must(!rename("t/d/d/d", "t/moved"), "rename");
	return NULL;
}

static void test_moved(void)
{
	char path[256] = "t", name[32];
	int i, fd, events;
	pthread_t thread;

	make_dir("t");
	for (i = 0; i < 60; i++) {
		strcat(path, "/d");
		make_dir(path);
	}
	events = inotify_init1(IN_CLOEXEC);
	must(events >= 0 && inotify_add_watch(events, path, IN_DELETE) >= 0, "inotify");
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		must(!mknodat(fd, name, S_IFREG | 0600, 0), name);
	}
	close(fd);
	must(!pthread_create(&thread, NULL, move_above, &events), "thread");
	is_int(remove_tree("t"), 0, "a directory above the walk is moved");
	ok(!exists("t"), "it is gone");
	pthread_join(thread, NULL);
	close(events);
}

/* Puts something else in the place of directory @path. */
static void put_link(const char *path)
{
	must(!rename(path, "moved") && !symlink("../outside", path), "rename, symlink");
}

static void put_mount(const char *path)
{
	must(!mount("outside", path, NULL, MS_BIND, NULL), "mount");
}

struct swap {
	int events;
	void (*put)(const char *path);
};

/* Waits until the walk is in one of two directories, then swaps the other. */
static void *swap_other(void *arg)
{
	const struct swap *swap = arg;
	union {
		struct inotify_event event;
		char bytes[4096];
	} u;

	must(read(swap->events, &u, sizeof(u)) > 0, "inotify");
	swap->put(u.event.wd == 1 ? "t/b" : "t/a");
	return NULL;
}

static void fill(const char *path)
{
	char name[64];
	int i;

	make_dir(path);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%s/%d", path, i);
		must(!mknod(name, S_IFREG | 0600, 0), name);
	}
}

/* The walk knows both directories by name when one of them becomes something else. */
static int remove_swapped(void (*put)(const char *path))
{
	struct swap swap = { inotify_init1(IN_CLOEXEC), put };
	pthread_t thread;
	int err;

	make_dir("t");
	fill("t/a");
	fill("t/b");
	must(inotify_add_watch(swap.events, "t/a", IN_DELETE) == 1 &&
	     inotify_add_watch(swap.events, "t/b", IN_DELETE) == 2, "inotify");
	must(!pthread_create(&thread, NULL, swap_other, &swap), "thread");
	err = vps_tree_remove("t", &fault);
	pthread_join(thread, NULL);
	close(swap.events);
	return err;
}

static void test_swapped(void)
{
	is_int(remove_swapped(put_link), 0, "a directory that becomes a link");
	ok(!exists("t"), "it is gone");
	ok(exists("outside/keep"), "what the link points to is not");
	is_int(remove_tree("moved"), 0, "what was moved out of the tree");
}

/* Runs @test where a mount can be made: 0 passed, 1 failed, 77 it could not be made. */
static void in_namespace(int (*test)(void), const char *what)
{
	pid_t pid = fork();
	int status = -1;

	must(pid >= 0, "fork");
	if (pid == 0) {
		if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(77);
		_exit(test());
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("needs root or user namespaces", what);
	else
		is_int(status, 0, "%s", what);
}

/* The mount is named and nothing has been removed. */
static int stays(const char *where)
{
	int err = vps_tree_remove("t", &fault);

	if (err != -EBUSY || !exists("t/a first") || strcmp(fault.object, where)) {
		printf("# %d, %s: %s\n", err, fault.object, fault.step);
		fflush(stdout);
		return 1;
	}
	return 0;
}

static int mount_below(void)
{
	if (mount("none", "t/a b/c", "tmpfs", 0, NULL))
		return 77;
	return stays(absolute("t/a b/c"));
}

static int mount_file(void)
{
	if (mount("outside/keep", "t/a first", NULL, MS_BIND, NULL))
		return 77;
	return stays(absolute("t/a first"));
}

static int mount_itself(void)
{
	if (mount("t", "t", NULL, MS_BIND, NULL))
		return 77;
	return stays("t");
}

/* The directory is seen in two places and the mount is below the other one. */
static int mount_elsewhere(void)
{
	if (mount(".", "outside", NULL, MS_BIND, NULL) ||
	    mount("none", "outside/t/a b/c", "tmpfs", 0, NULL))
		return 77;
	return stays(absolute("outside/t/a b/c"));
}

/* A mount beside the tree whose path begins alike is none of its business. */
static int mount_beside(void)
{
	if (mount("none", "tt", "tmpfs", 0, NULL))
		return 77;
	return vps_tree_remove("t", &fault) ? 1 : 0;
}

static int mount_meanwhile(void)
{
	return remove_swapped(put_mount) != -EBUSY || !exists("outside/keep");
}

static void test_mounts(void)
{
	in_namespace(mount_meanwhile, "a mount that is made meanwhile");
	if (exists("t"))
		is_int(remove_tree("t"), 0, "and when it is gone");
	make_dir("t");
	make_file("t/a first");
	make_dir("t/a b");
	make_dir("t/a b/c");
	make_dir("tt");
	in_namespace(mount_below, "a mount below the tree");
	in_namespace(mount_file, "a mount on a file of the tree");
	in_namespace(mount_itself, "a tree that is a mount");
	in_namespace(mount_elsewhere, "a mount below the tree, made through another path");
	in_namespace(mount_beside, "a mount beside the tree");
	if (exists("t"))
		is_int(remove_tree("t"), 0, "without mounts");
	must(!rmdir("tt"), "rmdir");
}

static bool set_flags(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && !ioctl(fd, FS_IOC_SETFLAGS, &flags);

	close(fd);
	return good;
}

static void test_flags(void)
{
	make_dir("t");
	make_dir("t/d");
	make_file("t/d/f");
	make_file("t/d/g");
	make_file("t/immutable");
	if (set_flags("t/immutable", FS_IMMUTABLE_FL)) {
		must(set_flags("t/d/f", FS_APPEND_FL) && set_flags("t/d", FS_IMMUTABLE_FL) &&
		     set_flags("t", FS_APPEND_FL), "FS_IOC_SETFLAGS");
		is_int(remove_tree("t"), 0, "immutable and append-only files and directories");
		ok(!exists("t"), "they are gone");
	} else {
		skip("needs root and a file system with flags", "immutable files");
		is_int(remove_tree("t"), 0, "a tree without flags");
	}
}

/* To open it would be to use it: this one cannot be opened at all. */
static void test_device(void)
{
	make_dir("t");
	if (mknod("t/device", S_IFCHR | 0600, makedev(0, 0)))
		skip("needs root", "a device");
	is_int(remove_tree("t"), 0, "a tree with a device");
}

static void opens(const char *path, int want, const char *what)
{
	int fd = vps_tree_open(path, &fault);

	is_int(fd < 0 ? fd : 0, want, "open: %s", what);
	if (fd >= 0) {
		ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "open: %s: close-on-exec", what);
		close(fd);
	} else {
		is_str(fault.object, path, "open: %s: object told", what);
	}
}

static void test_open(void)
{
	make_dir("p");
	make_dir("p/t");
	make_file("p/f");
	must(!symlink("t", "p/l") && !symlink("p", "q"), "symlink");
	must(!chmod(dir, 0755), "chmod");
	opens("p/t", -EPERM, "a tree that all can reach");
	opens("p/l", -ELOOP, "a link");
	opens("p/l/", -ELOOP, "a link with a slash behind");
	opens("p/f", -ENOTDIR, "a file");
	opens("p/absent", -ENOENT, "nothing there");
	opens("/", -EINVAL, "the root directory");
	must(!chmod("p", 0700), "chmod");
	if (geteuid()) {
		opens("p/t", -EPERM, "a directory above is closed, but not root's");
		skip("needs root", "open: trees that are closed");
	} else {
		opens("p/t", 0, "the directory above is closed");
		opens("p/t/", 0, "the same with a slash behind");
		opens("q/t", 0, "the same through a link above");
		must(!chmod("p", 0710), "chmod");
		opens("p/t", -EPERM, "the group can reach it");
		must(!chmod("p", 0701), "chmod");
		opens("p/t", -EPERM, "others can reach it");
		must(!chmod("p/t", 0700), "chmod");
		opens("p/t", 0, "the tree itself is closed");
		must(!chown("p/t", 1, 1), "chown");
		opens("p/t", -EPERM, "the tree is closed, but not root's");
		must(!chmod("p", 0755) && !chmod(dir, 0700), "chmod");
		opens("p/t", 0, "a directory further above is closed");
	}
	must(!unlink("q"), "unlink");
	is_int(remove_tree("p"), 0, "remove p");
}

int main(void)
{
	must(mkdtemp(dir) && !chdir(dir), dir);
	test_kinds();
	test_refused();
	test_deep();
	test_wide();
	test_changing();
	test_moved();
	test_swapped();
	test_mounts();
	test_flags();
	test_device();
	test_open();
	is_int(remove_tree(dir), 0, "all of the tests' own");
	return done();
}
