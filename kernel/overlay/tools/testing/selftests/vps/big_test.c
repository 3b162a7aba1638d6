// SPDX-License-Identifier: GPL-2.0-only
/*
 * A context with 100000 tasks: it is counted, shown and ended like a small one.
 */
#include <sys/sysinfo.h>
#include "vps_test.h"

#define A 100
#define TASKS 100000
#define STACK 1024UL	/* of each; it does nothing but sleep */

/* What the kernel has for each, with some for itself. */
#define MEMORY_MB 4000UL

static int asleep(void *unused)
{
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
	return 0;
}

static long act_crowd(long count)
{
	char *stacks = mmap(NULL, count * STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stacks == MAP_FAILED)
		return -errno;
	for (long i = 1; i <= count; i++) {
		if (clone(asleep, stacks + i * STACK,
			  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM, NULL) < 0)
			return -errno;
	}
	return 0;
}

static long show(const char *path)
{
	return get_field(path, "\ntasks: ");
}

static long act_show(long unused)
{
	return show("/proc/vservers/self");
}

static unsigned long memory_mb(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? 0 : info.totalram / 1024 * info.mem_unit / 1024;
}

static long allow(const char *name, long number)
{
	return put_number(AT_FDCWD, name, number);
}

FIXTURE(big) {
	long before;
	struct context a;
	struct actor actor;
};

FIXTURE_SETUP(big)
{
	if (memory_mb() < MEMORY_MB)
		SKIP(return, "requires %lu MB of memory", MEMORY_MB);
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, allow("/proc/sys/kernel/threads-max", 2 * TASKS));
	ASSERT_EQ(0, allow("/proc/sys/kernel/pid_max", 4 * TASKS));
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
}

FIXTURE_TEARDOWN(big)
{
	EXPECT_TRUE(tests_end(self->before));
}

TEST_F_TIMEOUT(big, all_are_counted_shown_and_ended, 900)
{
	long before = vps_tasks(A);

	ASSERT_EQ(0, actor_do(&self->actor, act_crowd, TASKS));
	EXPECT_EQ(before + TASKS, vps_tasks(A));
	EXPECT_EQ(before, vps_processes(A));
	EXPECT_EQ(before + TASKS, vps_used(THREADS, A));
	EXPECT_EQ(before + TASKS, show("/proc/vservers/100"));
	EXPECT_EQ(before + TASKS, actor_do(&self->actor, act_show, 0));
	ASSERT_EQ(0, vps_limit(THREADS, A, before + TASKS));
	EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_crowd, 1));
	ASSERT_EQ(0, vps_signal(A, SIGKILL));
	actor_end(&self->actor);
	EXPECT_TRUE(EVENTUALLY(!vps_tasks(A)));
	EXPECT_EQ(0, vps_used(THREADS, A));
}

TEST_HARNESS_MAIN
