// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes of others are not touched by who finds them without their number: by a handle, as
 * one of many, as its own child, or as whoever has to be told of what a file does.
 */
#include <sys/resource.h>
#include <sys/uio.h>

#include "vps_test.h"

#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#endif

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_WHO_PGRP 2
#define IOPRIO_WHO_USER 3
#define IOPRIO_BEST_EFFORT(level) (2 << 13 | (level))

FIXTURE(touch)
{
	struct places places;
};

FIXTURE_VARIANT(touch)
{
	uid_t user;
};

FIXTURE_VARIANT_ADD(touch, root) {};
FIXTURE_VARIANT_ADD(touch, user) { .user = SOMEBODY };

FIXTURE_SETUP(touch)
{
	ASSERT_EQ(0, places_make(&self->places, variant->user, 0));
}

FIXTURE_TEARDOWN(touch)
{
	EXPECT_TRUE(places_end(&self->places));
}

/* ---- of a child that was moved to another context ---- */

static long act_give_group(long pid)
{
	return outcome(setpgid(pid, pid));
}

static long act_wait_for(long pid)
{
	return outcome(waitpid(pid, NULL, WNOHANG));
}

static long act_kill(long pid)
{
	return outcome(kill(pid, 0));
}

static long act_reap(long pid)
{
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

TEST_F(touch, child)
{
	struct actor *const parents[] = { &self->places.in_one, &self->places.in_all };

	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		long child = actor_do(parents[i], act_leave_child, 0);

		ASSERT_LT(0, child);
		EXPECT_EQ(0, actor_do(parents[i], act_give_group, child));
		EXPECT_EQ(0, actor_do(parents[i], act_wait_for, child));
		EXPECT_EQ(0, actor_do(parents[i], act_kill, child));
		ASSERT_EQ(0, vps_migrate(TWO, self->places.two.group, child));
		EXPECT_EQ(i ? -EPERM : -ESRCH, actor_do(parents[i], act_give_group, child));
		EXPECT_EQ(-EPERM, actor_do(parents[i], act_kill, child));
		/* It is waited for nevertheless. */
		EXPECT_EQ(0, actor_do(parents[i], act_wait_for, child));
		ASSERT_EQ(0, kill(child, SIGKILL));
		EXPECT_EQ(0, actor_do(parents[i], act_reap, child));
	}
	EXPECT_EQ(1, vps_processes(TWO));
}

static long act_join_group(long group)
{
	return outcome(setpgid(0, group));
}

/* All are in one session, which the test began. */
TEST_F(touch, group_of_a_stranger)
{
	ASSERT_EQ(0, actor_do(&self->places.in_two, act_join_group, 0));
	EXPECT_EQ(-EPERM, actor_do(&self->places.in_one, act_join_group,
				   self->places.in_two.pid));
	EXPECT_EQ(0, actor_do(&self->places.host, act_join_group, self->places.in_two.pid));
}

/* ---- by handle ---- */

static int handle;

static long act_handle_signal(long unused)
{
	return outcome(syscall(__NR_pidfd_send_signal, handle, 0, NULL, 0));
}

static long act_handle_getfd(long unused)
{
	int got = syscall(__NR_pidfd_getfd, handle, STDERR_FILENO, 0);

	if (got < 0)
		return -errno;
	close(got);
	return 0;
}

static long act_handle_setns(long unused)
{
	return outcome(setns(handle, CLONE_NEWUTS));
}

static long act_handle_madvise(long unused)
{
	static char page[8192];
	struct iovec vector = {
		(void *)(((uintptr_t)page + 4095) & ~4095UL), 4096,
	};

	return outcome(syscall(__NR_process_madvise, handle, &vector, 1, MADV_COLD, 0));
}

TEST_F(touch, handle)
{
	struct actor *const targets[] = { &self->places.in_two, &self->places.host };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct actor inside, all, host;

		handle = syscall(__NR_pidfd_open, targets[i]->pid, 0);
		ASSERT_LE(0, handle);
		ASSERT_EQ(0, actor_start(&inside, &self->places.one));
		ASSERT_EQ(0, actor_start(&all, &self->places.all));
		ASSERT_EQ(0, actor_start(&host, NULL));
		close(handle);
		ASSERT_EQ(0, actor_do(&inside, act_open_up, variant->user));
		ASSERT_EQ(0, actor_do(&all, act_open_up, variant->user));
		ASSERT_EQ(0, actor_do(&host, act_open_up, variant->user));

		EXPECT_EQ(0, actor_do(&host, act_handle_signal, 0));
		EXPECT_EQ(-EPERM, actor_do(&inside, act_handle_signal, 0));
		EXPECT_EQ(-EPERM, actor_do(&all, act_handle_signal, 0));

		EXPECT_EQ(0, actor_do(&host, act_handle_getfd, 0));
		EXPECT_EQ(-EPERM, actor_do(&inside, act_handle_getfd, 0));
		EXPECT_EQ(-EPERM, actor_do(&all, act_handle_getfd, 0));

		EXPECT_EQ(variant->user ? -EPERM : 0, actor_do(&host, act_handle_setns, 0));
		EXPECT_EQ(-EPERM, actor_do(&inside, act_handle_setns, 0));
		EXPECT_EQ(-EPERM, actor_do(&all, act_handle_setns, 0));

		EXPECT_EQ(variant->user ? -EPERM : 0, actor_do(&host, act_handle_madvise, 0));
		EXPECT_EQ(-EACCES, actor_do(&inside, act_handle_madvise, 0));
		EXPECT_EQ(-EPERM, actor_do(&all, act_handle_madvise, 0));

		actor_end(&inside);
		actor_end(&all);
		actor_end(&host);
	}
}

/* ---- walks over all there are ---- */

static int told;

static void tell(int signal)
{
	told++;
}

static long act_listen(long signal)
{
	struct sigaction action = { .sa_handler = tell, .sa_flags = SA_RESTART };

	return outcome(sigaction(signal, &action, NULL));
}

static long act_told(long unused)
{
	return GET_ONCE(told);
}

static long act_kill_all(long signal)
{
	return outcome(kill(-1, signal));
}

static long act_kill_own_group(long signal)
{
	return outcome(kill(0, signal));
}

/* All actors are in one group, that of the test. Nobody minds this signal. */
TEST_F(touch, signals_for_many)
{
	static long (*const acts[])(long signal) = { act_kill_own_group, act_kill_all };
	struct places *places = &self->places;
	struct actor *const others[] = { &places->host, &places->in_two, &places->in_all };
	struct actor sender;

	ASSERT_EQ(0, actor_start(&sender, &places->one));
	ASSERT_EQ(0, actor_do(&sender, act_open_up, variant->user));
	ASSERT_EQ(0, actor_do(&places->in_one, act_listen, SIGURG));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ASSERT_EQ(0, actor_do(others[i], act_listen, SIGURG));
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		EXPECT_EQ(0, actor_do(&sender, acts[i], SIGURG));
		EXPECT_EQ(i + 1, actor_do(&places->in_one, act_told, 0));
		for (size_t j = 0; j < ARRAY_SIZE(others); j++)
			EXPECT_EQ(0, actor_do(others[j], act_told, 0));
	}
	/* That it can be done. */
	EXPECT_EQ(0, actor_do(&places->host, act_kill_own_group, SIGURG));
	for (size_t j = 0; j < ARRAY_SIZE(others); j++)
		EXPECT_EQ(1, actor_do(others[j], act_told, 0));
	EXPECT_EQ(3, actor_do(&places->in_one, act_told, 0));
	actor_end(&sender);
}

static long act_set_own_nice(long nice)
{
	return outcome(setpriority(PRIO_PROCESS, 0, nice));
}

static long act_own_nice(long unused)
{
	return getpriority(PRIO_PROCESS, 0);
}

static long act_user_nice(long unused)
{
	return getpriority(PRIO_USER, 0);
}

static long act_group_nice(long unused)
{
	return getpriority(PRIO_PGRP, 0);
}

static long act_set_user_nice(long nice)
{
	setpriority(PRIO_USER, 0, nice);
	return 0;
}

static long act_set_group_nice(long nice)
{
	setpriority(PRIO_PGRP, 0, nice);
	return 0;
}

TEST_F(touch, nice_of_many)
{
	struct places *places = &self->places;
	/* A user cannot take it back. */
	const int low = 5, lower = 9, lowest = 12;

	/* What is told is the best that is found. */
	ASSERT_EQ(0, actor_do(&places->in_one, act_set_own_nice, low));
	EXPECT_EQ(low, actor_do(&places->in_one, act_user_nice, 0));
	EXPECT_EQ(low, actor_do(&places->in_one, act_group_nice, 0));
	EXPECT_GE(0, actor_do(&places->host, act_user_nice, 0));
	EXPECT_EQ(0, actor_do(&places->host, act_group_nice, 0));

	ASSERT_EQ(0, actor_do(&places->in_one, act_set_user_nice, lower));
	EXPECT_EQ(lower, actor_do(&places->in_one, act_own_nice, 0));
	ASSERT_EQ(0, actor_do(&places->in_one, act_set_group_nice, lowest));
	EXPECT_EQ(lowest, actor_do(&places->in_one, act_own_nice, 0));
	ASSERT_EQ(0, actor_do(&places->in_all, act_set_user_nice, 1));
	EXPECT_EQ(1, actor_do(&places->in_all, act_own_nice, 0));
	EXPECT_EQ(0, actor_do(&places->host, act_own_nice, 0));
	EXPECT_EQ(0, actor_do(&places->in_two, act_own_nice, 0));
	EXPECT_EQ(lowest, actor_do(&places->in_one, act_own_nice, 0));
	EXPECT_EQ(0, getpriority(PRIO_PROCESS, 0));
}

/* As root that would be all of the host's. */
TEST_F(touch, nice_of_many_from_the_host)
{
	if (!variant->user)
		SKIP(return, "the host's root is more than the test");
	ASSERT_EQ(0, actor_do(&self->places.host, act_set_user_nice, 3));
	EXPECT_EQ(3, actor_do(&self->places.host, act_own_nice, 0));
	EXPECT_EQ(3, actor_do(&self->places.in_one, act_own_nice, 0));
	EXPECT_EQ(3, actor_do(&self->places.in_two, act_own_nice, 0));
}

static long act_own_ioprio(long unused)
{
	return syscall(__NR_ioprio_get, IOPRIO_WHO_PROCESS, 0);
}

static long act_set_own_ioprio(long level)
{
	return outcome(syscall(__NR_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_BEST_EFFORT(level)));
}

static long act_user_ioprio(long unused)
{
	return syscall(__NR_ioprio_get, IOPRIO_WHO_USER, getuid());
}

static long act_group_ioprio(long unused)
{
	return syscall(__NR_ioprio_get, IOPRIO_WHO_PGRP, 0);
}

static long act_set_user_ioprio(long level)
{
	return outcome(syscall(__NR_ioprio_set, IOPRIO_WHO_USER, getuid(),
			       IOPRIO_BEST_EFFORT(level)));
}

static long act_set_group_ioprio(long level)
{
	return outcome(syscall(__NR_ioprio_set, IOPRIO_WHO_PGRP, 0, IOPRIO_BEST_EFFORT(level)));
}

TEST_F(touch, ioprio_of_many)
{
	struct places *places = &self->places;

	ASSERT_EQ(0, actor_do(&places->host, act_set_own_ioprio, 1));
	ASSERT_EQ(0, actor_do(&places->in_two, act_set_own_ioprio, 2));
	ASSERT_EQ(0, actor_do(&places->in_one, act_set_own_ioprio, 6));
	EXPECT_EQ(IOPRIO_BEST_EFFORT(6), actor_do(&places->in_one, act_user_ioprio, 0));
	EXPECT_EQ(IOPRIO_BEST_EFFORT(6), actor_do(&places->in_one, act_group_ioprio, 0));
	EXPECT_GE(IOPRIO_BEST_EFFORT(1), actor_do(&places->host, act_user_ioprio, 0));
	EXPECT_EQ(IOPRIO_BEST_EFFORT(1), actor_do(&places->host, act_group_ioprio, 0));

	/* It ends at the first whom it may not touch, be there others to whom it may do it. */
	EXPECT_EQ(-EPERM, actor_do(&places->in_one, act_set_user_ioprio, 7));
	EXPECT_EQ(-EPERM, actor_do(&places->in_one, act_set_group_ioprio, 7));
	EXPECT_EQ(-EPERM, actor_do(&places->in_all, act_set_user_ioprio, 3));
	EXPECT_EQ(-EPERM, actor_do(&places->in_all, act_set_group_ioprio, 3));
	EXPECT_EQ(IOPRIO_BEST_EFFORT(1), actor_do(&places->host, act_own_ioprio, 0));
	EXPECT_EQ(IOPRIO_BEST_EFFORT(2), actor_do(&places->in_two, act_own_ioprio, 0));
	/* The test, which is root, is in their group. */
	ASSERT_EQ(0, actor_do(&places->host, variant->user ? act_set_user_ioprio :
			      act_set_group_ioprio, 5));
	EXPECT_EQ(IOPRIO_BEST_EFFORT(5), actor_do(&places->in_one, act_own_ioprio, 0));
}

/* ---- owners of files ---- */

static int owned[2];

/* Whatever comes is told to process @pid. */
static long act_own(long pid)
{
	if (pipe(owned) || fcntl(owned[0], F_SETOWN, pid) ||
	    fcntl(owned[0], F_SETFL, O_ASYNC | O_NONBLOCK))
		return -errno;
	return 0;
}

static long act_feed(long unused)
{
	char byte;

	/* Only what comes to an empty pipe is told. */
	while (read(owned[0], &byte, 1) == 1)
		;
	return write(owned[1], "x", 1) == 1 ? 0 : -errno;
}

TEST_F(touch, owner_of_a_file)
{
	struct actor owner;

	ASSERT_EQ(0, actor_start(&owner, &self->places.one));
	ASSERT_EQ(0, actor_do(&owner, act_open_up, variant->user));
	ASSERT_EQ(0, actor_do(&owner, act_listen, SIGIO));
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_own, owner.pid));
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_feed, 0));
	EXPECT_EQ(1, actor_do(&owner, act_told, 0));
	ASSERT_EQ(0, vps_migrate(TWO, self->places.two.group, owner.pid));
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_feed, 0));
	EXPECT_EQ(1, actor_do(&owner, act_told, 0));
	ASSERT_EQ(0, vps_migrate(ONE, self->places.one.group, owner.pid));
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_feed, 0));
	EXPECT_EQ(2, actor_do(&owner, act_told, 0));
	actor_end(&owner);
}

/* Context 1 may name whom it sees, and tells nothing. */
TEST_F(touch, owner_of_a_file_of_context_1)
{
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_listen, SIGIO));
	ASSERT_EQ(0, actor_do(&self->places.in_all, act_own, self->places.in_one.pid));
	ASSERT_EQ(0, actor_do(&self->places.in_all, act_feed, 0));
	EXPECT_EQ(0, actor_do(&self->places.in_one, act_told, 0));
	ASSERT_EQ(0, actor_do(&self->places.host, act_own, self->places.in_one.pid));
	ASSERT_EQ(0, actor_do(&self->places.host, act_feed, 0));
	EXPECT_EQ(1, actor_do(&self->places.in_one, act_told, 0));
}

TEST_HARNESS_MAIN
