// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many files a context has open, and how many it may have, however they come about and
 * whoever closes them.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include "vps_test.h"

#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif

static int letters[2] = { -1, -1 };	/* from an actor to the test and back */

/* ---- ways to open something; those that open two say so by their second ---- */

struct opened {
	int fds[2];
};

static int open_directory(struct opened *opened)
{
	return opened->fds[0] = open("/", O_RDONLY | O_DIRECTORY);
}

static int open_path(struct opened *opened)
{
	return opened->fds[0] = open("/", O_PATH);
}

static int open_proc(struct opened *opened)
{
	return opened->fds[0] = open("/proc/self/stat", O_RDONLY);
}

static int open_pipe(struct opened *opened)
{
	return pipe(opened->fds);
}

static int open_socket(struct opened *opened)
{
	return opened->fds[0] = socket(AF_INET, SOCK_STREAM, 0);
}

static int open_socket_pair(struct opened *opened)
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, opened->fds);
}

static int open_memory(struct opened *opened)
{
	return opened->fds[0] = memfd_create("vps-selftest", 0);
}

static int open_epoll(struct opened *opened)
{
	return opened->fds[0] = epoll_create1(0);
}

static int open_event(struct opened *opened)
{
	return opened->fds[0] = eventfd(0, 0);
}

static int open_timer(struct opened *opened)
{
	return opened->fds[0] = timerfd_create(CLOCK_MONOTONIC, 0);
}

static int open_inotify(struct opened *opened)
{
	return opened->fds[0] = inotify_init();
}

static int open_pidfd(struct opened *opened)
{
	return opened->fds[0] = syscall(__NR_pidfd_open, getpid(), 0);
}

static int server = -1;		/* of the host, as is who has connected to it */
static struct sockaddr_in address = { .sin_family = AF_INET };

static int open_accepted(struct opened *opened)
{
	return opened->fds[0] = accept(server, NULL, NULL);
}

/* Many have connected; nobody waits for one. */
static bool serve(void)
{
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (unshare(CLONE_NEWNET) || loopback_up())
		return false;
	server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(server, (struct sockaddr *)&address, length) || listen(server, 16) ||
	    getsockname(server, (struct sockaddr *)&address, &length))
		return false;
	for (int i = 0; i < 8; i++)
		if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, length))
			return false;
	return true;
}

/* ---- each of them ---- */

FIXTURE(ways)
{
	struct limited here;
};

FIXTURE_VARIANT(ways)
{
	int (*make)(struct opened *opened);
	int files;
};

FIXTURE_VARIANT_ADD(ways, directory) { open_directory, 1 };
FIXTURE_VARIANT_ADD(ways, path) { open_path, 1 };
FIXTURE_VARIANT_ADD(ways, proc) { open_proc, 1 };
FIXTURE_VARIANT_ADD(ways, pipe) { open_pipe, 2 };
FIXTURE_VARIANT_ADD(ways, socket) { open_socket, 1 };
FIXTURE_VARIANT_ADD(ways, socket_pair) { open_socket_pair, 2 };
FIXTURE_VARIANT_ADD(ways, accepted) { open_accepted, 1 };
FIXTURE_VARIANT_ADD(ways, memory) { open_memory, 1 };
FIXTURE_VARIANT_ADD(ways, epoll) { open_epoll, 1 };
FIXTURE_VARIANT_ADD(ways, event) { open_event, 1 };
FIXTURE_VARIANT_ADD(ways, timer) { open_timer, 1 };
FIXTURE_VARIANT_ADD(ways, inotify) { open_inotify, 1 };
FIXTURE_VARIANT_ADD(ways, pidfd) { open_pidfd, 1 };

/* Actors inherit it. */
static int (*make)(struct opened *opened);
static struct opened last = { { -1, -1 } };

FIXTURE_SETUP(ways)
{
	make = variant->make;
	ASSERT_TRUE(serve());
	ASSERT_EQ(0, limited_make(&self->here));
	ASSERT_LT(0, actor_do(&self->here.actor, act_be_born, 0));
}

FIXTURE_TEARDOWN(ways)
{
	EXPECT_TRUE(limited_end(&self->here));
}

/* What was opened last can be closed. */
static long act_open(long unused)
{
	last = (struct opened) { { -1, -1 } };
	return outcome(make(&last));
}

static long act_close_last(long unused)
{
	long value = outcome(close(last.fds[0]));

	if (last.fds[1] >= 0)
		value = value ?: outcome(close(last.fds[1]));
	return value;
}

static bool has_files(__u32 id, long number)
{
	return EVENTUALLY(vps_used(FILES, id) == number);
}

TEST_F(ways, end_at_the_limit)
{
	struct actor *actor = &self->here.actor;
	long hits;

	EXPECT_EQ(0, vps_used(FILES, ONE));
	EXPECT_EQ(0, actor_do(actor, act_open, 0));
	EXPECT_EQ(variant->files, vps_used(FILES, ONE));
	EXPECT_EQ(0, actor_do(actor, act_close_last, 0));
	EXPECT_TRUE(has_files(ONE, 0));

	ASSERT_EQ(0, vps_limit(FILES, ONE, variant->files));
	EXPECT_EQ(0, actor_do(actor, act_open, 0));
	EXPECT_EQ(0, vps_hits(FILES, ONE));
	ASSERT_EQ(0, vps_limit(FILES, ONE, 2 * variant->files - 1));
	EXPECT_EQ(-ENFILE, actor_do(actor, act_open, 0));
	hits = vps_hits(FILES, ONE);
	EXPECT_EQ(1, hits);
	/* With two of them, the first one has been given back. */
	EXPECT_TRUE(has_files(ONE, variant->files));
	EXPECT_EQ(0, act_open(0));
	EXPECT_EQ(0, act_close_last(0));

	ASSERT_EQ(0, vps_limit(FILES, ONE, 2 * variant->files));
	EXPECT_EQ(0, actor_do(actor, act_open, 0));
	EXPECT_EQ(2 * variant->files, vps_used(FILES, ONE));
	EXPECT_EQ(0, actor_do(actor, act_close_last, 0));
	EXPECT_TRUE(has_files(ONE, variant->files));
	ASSERT_EQ(0, vps_limit(FILES, ONE, 0));
	EXPECT_EQ(-ENFILE, actor_do(actor, act_open, 0));
	EXPECT_TRUE(has_files(ONE, variant->files));
	ASSERT_EQ(0, vps_limit(FILES, ONE, VPS_UNLIMITED));
	EXPECT_EQ(0, actor_do(actor, act_open, 0));
	EXPECT_EQ(2 * variant->files, vps_used(FILES, ONE));
}

/* ---- who is charged, and for how long ---- */

FIXTURE(files)
{
	struct limited here;
};

FIXTURE_SETUP(files)
{
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, letters));
	ASSERT_EQ(0, limited_make(&self->here));
	ASSERT_LT(0, actor_do(&self->here.actor, act_be_born, 0));
}

FIXTURE_TEARDOWN(files)
{
	close(letters[0]);
	close(letters[1]);
	EXPECT_TRUE(limited_end(&self->here));
}

/* What is opened has numbers from here on, so that it can be closed without the rest. */
#define HIGH 64

static long act_open_one(long unused)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY), high;

	if (fd < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD, HIGH);
	close(fd);
	return given(high);
}

static long act_open_many(long number)
{
	for (long i = 0; i < number; i++) {
		long value = act_open_one(0);

		if (value < 0)
			return value == -ENFILE ? i : value;
	}
	return number;
}

static long act_close_all(long unused)
{
	return outcome(syscall(__NR_close_range, HIGH, ~0U, 0));
}

static long act_dup(long fd)
{
	return given(dup(fd));
}

static long act_send(long fd)
{
	return send_fd(letters[1], fd);
}

static long act_receive(long unused)
{
	return receive_fd(letters[1]);
}

TEST_F(files, one_by_one)
{
	struct actor *actor = &self->here.actor;

	EXPECT_EQ(100, actor_do(actor, act_open_many, 100));
	EXPECT_EQ(100, vps_used(FILES, ONE));
	EXPECT_EQ(100, vps_peak(FILES, ONE));
	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_TRUE(has_files(ONE, 0));
	ASSERT_EQ(0, vps_limit(FILES, ONE, 70));
	EXPECT_EQ(70, actor_do(actor, act_open_many, 100));
	EXPECT_EQ(70, vps_used(FILES, ONE));
	EXPECT_EQ(1, vps_hits(FILES, ONE));
	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_TRUE(has_files(ONE, 0));
	EXPECT_EQ(100, vps_peak(FILES, ONE));
	EXPECT_EQ(0, vps_used(FILES, TWO));
	EXPECT_EQ(0, vps_peak(FILES, TWO));
}

/* Another name for a file that is open is no file. */
TEST_F(files, copies_are_none)
{
	struct actor *actor = &self->here.actor;
	long fd = actor_do(actor, act_open_one, 0), copy, child;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vps_limit(FILES, ONE, 1));
	copy = actor_do(actor, act_dup, fd);
	EXPECT_LE(0, copy);
	child = actor_do(actor, act_leave_child, 0);
	EXPECT_LT(0, child);
	EXPECT_EQ(1, vps_used(FILES, ONE));
	/* Each of these was one of its holders; the last one counts. */
	EXPECT_EQ(0, actor_do(actor, act_close, fd));
	EXPECT_EQ(0, actor_do(actor, act_close, copy));
	EXPECT_EQ(1, vps_used(FILES, ONE));
	EXPECT_EQ(-ENFILE, actor_do(actor, act_open_one, 0));
	EXPECT_EQ(0, actor_do(actor, act_kill_child, child));
	EXPECT_TRUE(has_files(ONE, 0));
	EXPECT_LE(0, actor_do(actor, act_open_one, 0));
}

/* Its credentials are still those of where it was. */
TEST_F(files, of_who_was_moved)
{
	struct actor actor;

	ASSERT_EQ(0, vps_limit(FILES, ONE, 0));
	ASSERT_EQ(0, actor_start(&actor, &self->here.one));
	EXPECT_LE(0, actor_do(&actor, act_open_one, 0));
	EXPECT_EQ(0, vps_used(FILES, ONE));
	EXPECT_EQ(0, actor_do(&actor, act_belong, 0));
	EXPECT_EQ(-ENFILE, actor_do(&actor, act_open_one, 0));
	EXPECT_EQ(1, vps_hits(FILES, ONE));
	ASSERT_EQ(0, vps_limit(FILES, ONE, 1));
	EXPECT_LE(0, actor_do(&actor, act_open_one, 0));
	EXPECT_EQ(1, vps_used(FILES, ONE));
	/* And it is the same on its way out. */
	ASSERT_EQ(0, vps_migrate(TWO, self->here.two.group, actor.pid));
	EXPECT_EQ(1, vps_used(FILES, ONE));
	EXPECT_EQ(0, vps_used(FILES, TWO));
	EXPECT_EQ(-ENFILE, actor_do(&actor, act_open_one, 0));
	EXPECT_EQ(0, actor_do(&actor, act_belong, 0));
	EXPECT_LE(0, actor_do(&actor, act_open_one, 0));
	EXPECT_EQ(1, vps_used(FILES, TWO));
	actor_end(&actor);
	EXPECT_TRUE(has_files(ONE, 0));
	EXPECT_TRUE(has_files(TWO, 0));
}

TEST_F(files, given_away_are_still_ones_own)
{
	struct actor *actor = &self->here.actor;
	long fd = actor_do(actor, act_open_one, 0);
	struct actor other;
	int got;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vps_limit(FILES, ONE, 1));
	ASSERT_EQ(0, actor_do(actor, act_send, fd));
	EXPECT_EQ(0, actor_do(actor, act_close, fd));
	/* On its way it is held, too. */
	EXPECT_EQ(1, vps_used(FILES, ONE));
	got = receive_fd(letters[0]);
	ASSERT_LE(0, got);
	EXPECT_EQ(1, vps_used(FILES, ONE));
	EXPECT_EQ(-ENFILE, actor_do(actor, act_open_one, 0));

	/* To another context, where it is closed last. */
	ASSERT_EQ(0, actor_bear(&other, &self->here.two));
	close(got);
	EXPECT_EQ(1, vps_used(FILES, ONE));
	EXPECT_EQ(0, vps_used(FILES, TWO));
	actor_end(&other);
	EXPECT_TRUE(has_files(ONE, 0));
	EXPECT_LE(0, actor_do(actor, act_open_one, 0));
}

TEST_F(files, received_are_not_ones_own)
{
	struct actor *actor = &self->here.actor;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vps_limit(FILES, ONE, 0));
	ASSERT_EQ(0, send_fd(letters[0], fd));
	close(fd);
	EXPECT_LE(0, actor_do(actor, act_receive, 0));
	EXPECT_EQ(0, vps_used(FILES, ONE));
	EXPECT_EQ(0, vps_hits(FILES, ONE));
	EXPECT_EQ(-ENFILE, actor_do(actor, act_open_one, 0));
}

/* What holds the last one holds the context that was charged. */
TEST_F(files, closed_after_the_end)
{
	struct actor *actor = &self->here.actor;
	long fd = actor_do(actor, act_open_one, 0);
	int got;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vps_limit(FILES, ONE, 1));
	ASSERT_EQ(0, actor_do(actor, act_send, fd));
	got = receive_fd(letters[0]);
	ASSERT_LE(0, got);
	actor_end(actor);
	actor->pid = -1;
	EXPECT_EQ(1, vps_used(FILES, ONE));
	ASSERT_EQ(0, vps_destroy(ONE));
	close(self->here.one.group);
	ASSERT_EQ(0, group_remove("801"));
	/* Who has the number now is another one. */
	ASSERT_EQ(0, context_make(&self->here.one, ONE, 0));
	ASSERT_EQ(0, actor_start(actor, &self->here.one));
	ASSERT_EQ(0, actor_do(actor, act_belong, 0));
	EXPECT_EQ(0, vps_used(FILES, ONE));
	EXPECT_LE(0, actor_do(actor, act_open_one, 0));
	EXPECT_EQ(1, vps_used(FILES, ONE));
	EXPECT_LE(1, contexts_dying());
	EXPECT_EQ(0, actor_do(actor, act_close, got));
	close(got);
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
	EXPECT_EQ(1, vps_used(FILES, ONE));
}

TEST_F(files, what_is_open_stays)
{
	struct actor *actor = &self->here.actor;
	long fd = actor_do(actor, act_open_one, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(4, actor_do(actor, act_open_many, 4));
	ASSERT_EQ(0, vps_limit(FILES, ONE, 2));
	EXPECT_EQ(5, vps_used(FILES, ONE));
	EXPECT_EQ(-ENFILE, actor_do(actor, act_open_one, 0));
	for (int left = 4; left >= 2; left--) {
		EXPECT_EQ(0, actor_do(actor, act_close, fd++));
		EXPECT_TRUE(has_files(ONE, left));
		EXPECT_EQ(-ENFILE, actor_do(actor, act_open_one, 0));
	}
	EXPECT_EQ(0, actor_do(actor, act_close, fd));
	EXPECT_TRUE(has_files(ONE, 1));
	EXPECT_LE(0, actor_do(actor, act_open_one, 0));
}

TEST_F(files, soft_refuses_nothing)
{
	struct actor *actor = &self->here.actor;

	ASSERT_EQ(0, vps_bound(FILES, ONE, 3, 6));
	EXPECT_EQ(3, actor_do(actor, act_open_many, 3));
	EXPECT_EQ(0, vps_hits(FILES, ONE));
	EXPECT_EQ(3, actor_do(actor, act_open_many, 3));
	EXPECT_EQ(1, vps_hits(FILES, ONE));
	EXPECT_EQ(-ENFILE, actor_do(actor, act_open_one, 0));
	EXPECT_EQ(2, vps_hits(FILES, ONE));
	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_TRUE(has_files(ONE, 0));
	EXPECT_EQ(4, actor_do(actor, act_open_many, 4));
	EXPECT_EQ(3, vps_hits(FILES, ONE));
}

/* ---- executing is opening ---- */

static long act_execute(long unused)
{
	char *const none[] = { "vps-selftest", "none", NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		setenv("VPS_TEST_EXECUTED", "1", 1);
		execv("/proc/self/exe", none);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/* Who is executed does nothing. */
__attribute__((constructor)) static void executed(void)
{
	if (getenv("VPS_TEST_EXECUTED"))
		_exit(0);
}

TEST_F(files, execute)
{
	struct actor *actor = &self->here.actor;

	EXPECT_EQ(0, actor_do(actor, act_execute, 0));
	EXPECT_TRUE(has_files(ONE, 0));
	EXPECT_LE(1, vps_peak(FILES, ONE));
	ASSERT_EQ(0, vps_limit(FILES, ONE, 0));
	EXPECT_EQ(-ENFILE, actor_do(actor, act_execute, 0));
	EXPECT_EQ(0, act_execute(0));
}

/* ---- several at once ---- */

#define EACH 200

static void *open_main(void *unused)
{
	return (void *)act_open_many(EACH);
}

/* How many four threads have got; each goes on until it gets none. */
static long act_open_at_once(long unused)
{
	pthread_t threads[4];
	void *had;
	long all = 0;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, open_main, NULL))
			return -EAGAIN;
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &had);
		if ((long)had < 0)
			return (long)had;
		all += (long)had;
	}
	return all;
}

TEST_F(files, many_at_once)
{
	struct actor *actor = &self->here.actor;

	for (int round = 0; round < 20; round++) {
		EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
		EXPECT_TRUE(has_files(ONE, 0));
		ASSERT_EQ(0, vps_limit(FILES, ONE, EACH));
		EXPECT_EQ(EACH, actor_do(actor, act_open_at_once, 0));
		EXPECT_EQ(EACH, vps_used(FILES, ONE));
		EXPECT_EQ(EACH, vps_peak(FILES, ONE));
	}
}

TEST_HARNESS_MAIN
