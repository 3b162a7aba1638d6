// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID of other contexts is not there for those inside: not in the list, not by name, not by
 * what the host has in the cache of names or has mounted there, whichever way /proc is mounted.
 */
#include <grp.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "vps_test.h"

static const char *where = "/proc";

static const char *path_of(pid_t pid, const char *below)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%d%s", where, pid, below);
	return path;
}

/* ---- what actors do ---- */

/* How many numbers are listed, or an error. */
static long act_list(long unused)
{
	DIR *directory = opendir(where);
	struct dirent *entry;
	long count = 0;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory)))
		count += *entry->d_name >= '0' && *entry->d_name <= '9';
	closedir(directory);
	return count;
}

/* In how many ways of looking process @pid is there. */
static long act_find(long pid)
{
	char word[8];
	struct statfs fs;
	struct stat st;
	long found = 0;
	int fd;

	fd = open(path_of(pid, ""), O_PATH | O_CLOEXEC);
	found += fd >= 0;
	if (fd >= 0)
		close(fd);
	found += !stat(path_of(pid, ""), &st);
	found += !access(path_of(pid, ""), F_OK);
	found += !statfs(path_of(pid, ""), &fs);
	found += !stat(path_of(pid, "/task"), &st);
	found += get_text(AT_FDCWD, path_of(pid, "/stat"), word, sizeof(word)) > 0;
	found += get_text(AT_FDCWD, path_of(pid, "/comm"), word, sizeof(word)) > 0;
	return found;
}

#define ALL_WAYS 7

/* Whatever is said has to be that there is no such name. */
static long act_errno(long pid)
{
	struct stat st;

	return stat(path_of(pid, "/stat"), &st) ? -errno : 0;
}

static long act_self(long unused)
{
	return act_find(getpid());
}

static long act_read_at(long fd)
{
	char word[8];

	return get_text(fd, "stat", word, sizeof(word)) > 0;
}

static long act_list_in_namespace(long unused)
{
	long *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	pid = fork();
	if (!pid) {
		if (mount("proc", "/proc", "proc", 0, NULL))
			*shared = -errno;
		else
			*shared = act_list(0) * 100 + act_find(1);
		_exit(0);
	}
	return waitpid(pid, NULL, 0) == pid ? *shared : -errno;
}

/* ---- the tests ---- */

FIXTURE(hide)
{
	long before;
	struct context one;
	struct context two;
	struct actor inside;
	struct actor other;
};

FIXTURE_SETUP(hide)
{
	self->before = tests_begin();
	ASSERT_GE(self->before, 0);
	ASSERT_EQ(context_make(&self->one, 801, 0), 0);
	ASSERT_EQ(context_make(&self->two, 802, 0), 0);
	ASSERT_EQ(actor_start(&self->inside, &self->one), 0);
	ASSERT_EQ(actor_start(&self->other, &self->two), 0);
}

FIXTURE_TEARDOWN(hide)
{
	actor_end(&self->inside);
	actor_end(&self->other);
	close(self->one.group);
	close(self->two.group);
	EXPECT_TRUE(tests_end(self->before));
}

TEST_F(hide, the_list_is_ones_own)
{
	EXPECT_EQ(actor_do(&self->inside, act_list, 0), 1);
	EXPECT_GT(actor_do(&self->inside, act_leave_child, 0), 0);
	EXPECT_EQ(actor_do(&self->inside, act_list, 0), 2);
	EXPECT_GE(act_list(0), 5);
}

TEST_F(hide, strangers_are_not_there)
{
	const pid_t strangers[] = { 1, 2, getpid(), self->other.pid };

	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		EXPECT_EQ(actor_do(&self->inside, act_find, strangers[i]), 0);
		EXPECT_EQ(actor_do(&self->inside, act_errno, strangers[i]), -ENOENT);
		EXPECT_EQ(act_find(strangers[i]), ALL_WAYS);
	}
	EXPECT_EQ(actor_do(&self->inside, act_self, 0), ALL_WAYS);
	EXPECT_EQ(act_find(self->inside.pid), ALL_WAYS);
}

TEST_F(hide, the_cache_is_no_way_in)
{
	int directory = open(path_of(self->other.pid, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct actor actor;

	ASSERT_EQ(act_find(self->other.pid), ALL_WAYS);
	EXPECT_EQ(actor_do(&self->inside, act_find, self->other.pid), 0);
	EXPECT_EQ(actor_do(&self->inside, act_errno, self->other.pid), -ENOENT);
	/* It inherits the directory, which opens nothing. */
	ASSERT_EQ(actor_start(&actor, &self->one), 0);
	EXPECT_EQ(actor_do(&actor, act_read_at, directory), 0);
	EXPECT_EQ(act_read_at(directory), 1);
	actor_end(&actor);
	close(directory);
}

TEST_F(hide, looking_takes_no_mount_away)
{
	struct stat before, after;

	ASSERT_EQ(unshare(CLONE_NEWNS), 0);
	ASSERT_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ASSERT_EQ(stat("/proc/sys", &before), 0);
	ASSERT_EQ(mount("/proc/sys", path_of(self->other.pid, ""), NULL, MS_BIND, NULL), 0);
	EXPECT_EQ(actor_do(&self->inside, act_find, self->other.pid), 0);
	EXPECT_EQ(stat(path_of(self->other.pid, ""), &after), 0);
	EXPECT_EQ(before.st_ino, after.st_ino);
	ASSERT_EQ(umount2(path_of(self->other.pid, ""), MNT_DETACH), 0);
}

TEST_F(hide, who_is_moved_goes_out_of_sight)
{
	struct actor moved;

	ASSERT_EQ(actor_start(&moved, &self->one), 0);
	EXPECT_EQ(actor_do(&self->inside, act_find, moved.pid), ALL_WAYS);
	ASSERT_EQ(vps_migrate(802, self->two.group, moved.pid), 0);
	EXPECT_EQ(actor_do(&self->inside, act_find, moved.pid), 0);
	EXPECT_EQ(actor_do(&self->other, act_find, moved.pid), ALL_WAYS);
	EXPECT_EQ(actor_do(&moved, act_self, 0), ALL_WAYS);
	actor_end(&moved);
}

TEST_F(hide, as_anybody)
{
	ASSERT_EQ(actor_do(&self->inside, act_become, SOMEBODY), 0);
	EXPECT_EQ(actor_do(&self->inside, act_list, 0), 1);
	EXPECT_EQ(actor_do(&self->inside, act_find, 1), 0);
	EXPECT_EQ(actor_do(&self->inside, act_self, 0), ALL_WAYS);
}

TEST_F(hide, with_hidepid)
{
	static const char *const options[] = { "hidepid=0", "hidepid=1", "hidepid=2", "hidepid=4" };
	char here[] = "/tmp/hide-XXXXXX";

	ASSERT_EQ(unshare(CLONE_NEWNS), 0);
	ASSERT_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ASSERT_NE(mkdtemp(here), NULL);
	where = here;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct actor actor;

		ASSERT_EQ(mount("proc", here, "proc", 0, options[i]), 0);
		ASSERT_EQ(act_find(1), ALL_WAYS);
		ASSERT_EQ(actor_start(&actor, &self->one), 0);
		/* Itself, and who was there before. */
		EXPECT_EQ(actor_do(&actor, act_list, 0), 2);
		EXPECT_EQ(actor_do(&actor, act_find, 1), 0);
		EXPECT_EQ(actor_do(&actor, act_errno, 1), -ENOENT);
		EXPECT_EQ(actor_do(&actor, act_self, 0), ALL_WAYS);
		actor_end(&actor);
		ASSERT_EQ(umount(here), 0);
	}
	rmdir(here);
}

TEST_F(hide, in_a_pid_namespace)
{
	EXPECT_EQ(actor_do(&self->inside, act_list_in_namespace, 0), 100 + ALL_WAYS);
}

TEST_F(hide, context_1_sees_all)
{
	struct context all;

	ASSERT_EQ(context_make(&all, VPS_CTX_ALL, 0), 0);
	EXPECT_GE(act_in(&all, act_list, 0), 5);
	EXPECT_EQ(act_in(&all, act_find, 1), ALL_WAYS);
	EXPECT_EQ(act_in(&all, act_find, self->other.pid), ALL_WAYS);
	close(all.group);
}

TEST_HARNESS_MAIN
