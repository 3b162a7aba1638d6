// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much address space a context has: always the sum of what its processes have, and never
 * more than it may.
 */
#include <alloca.h>
#include <pthread.h>
#include "vps_test.h"

#define MEGABYTE 1048576L

static long page;

FIXTURE(memory)
{
	struct limited here;
};

/* Its actor was born there: who is moved is charged from its next execve() on. */
FIXTURE_SETUP(memory)
{
	page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, limited_make(&self->here));
	ASSERT_LT(0, actor_do(&self->here.actor, act_be_born, 0));
}

FIXTURE_TEARDOWN(memory)
{
	EXPECT_TRUE(limited_end(&self->here));
}

static long used(void)
{
	return vps_used(SPACE, ONE);
}

/* What VmSize of all in the group sums up to, but of @moved, which is not charged. */
static long sum_of(const struct context *context, pid_t moved)
{
	char text[4096], *at = text, *end;
	long sum = 0;

	if (get_text(context->group, "cgroup.procs", text, sizeof(text)) < 0)
		return -1;
	for (long pid; (pid = strtol(at, &end, 10)) || end != at; at = end)
		if (pid != moved)
			sum += get_pid_number(pid, "statm");
	return page * sum;
}

/* Here that is all but the actor that was moved. */
static bool agrees(const struct limited *here)
{
	long sum = sum_of(&here->one, here->actor.pid);

	if (used() == sum && sum > 0)
		return true;
	fprintf(stderr, "# %ld used, %ld in processes\n", used(), sum);
	return false;
}

/* Nothing more is to be had from here on. */
static long close_up(void)
{
	return vps_limit(SPACE, ONE, used());
}

static long open_up(void)
{
	return vps_limit(SPACE, ONE, VPS_UNLIMITED);
}

/* ---- what actors do; areas are found again by their address ---- */

static long address_of(void *area)
{
	return area == MAP_FAILED ? -errno : (long)area;
}

/* Programs of 32 bits have addresses that are below 0 as well. */
static bool is_area(long value)
{
	return value < -4095 || value > 0;
}

static long act_map(long size)
{
	return address_of(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0));
}

static long act_map_shared(long size)
{
	return address_of(mmap(NULL, size, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* What is done to an area of a megabyte at @area. */
static long act_unmap(long area)
{
	return outcome(munmap((void *)area, MEGABYTE));
}

static long act_unmap_half(long area)
{
	return outcome(munmap((void *)area + MEGABYTE / 4, MEGABYTE / 2));
}

static long act_map_over(long area)
{
	long where = address_of(mmap((void *)area, MEGABYTE, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));

	return where == area ? 0 : where;
}

/* Half of it is there already. */
static long act_map_over_and_on(long area)
{
	long where = address_of(mmap((void *)area + MEGABYTE / 2, MEGABYTE, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));

	return where == area + MEGABYTE / 2 ? 0 : where;
}

static long act_protect(long area)
{
	return outcome(mprotect((void *)area, MEGABYTE / 2, PROT_READ)) ?:
	       outcome(mprotect((void *)area, MEGABYTE, PROT_NONE)) ?:
	       outcome(mprotect((void *)area, MEGABYTE, PROT_READ | PROT_WRITE)) ?:
	       outcome(madvise((void *)area, MEGABYTE, MADV_DONTNEED));
}

static long act_grow(long area)
{
	return address_of(mremap((void *)area, MEGABYTE, 2 * MEGABYTE, MREMAP_MAYMOVE));
}

static long act_shrink(long area)
{
	return address_of(mremap((void *)area, MEGABYTE, MEGABYTE / 2, 0));
}

static long act_dont_fork(long area)
{
	return outcome(madvise((void *)area, MEGABYTE, MADV_DONTFORK));
}

static long act_brk(long size)
{
	return sbrk(size) == (void *)-1 ? -errno : 0;
}

static void use_stack(long size)
{
	char *area = alloca(size);

	for (long at = size - 1; at >= 0; at -= 1024)
		SET_ONCE(area[at], 1);
}

/* 0, or the signal that ended who did. */
static long act_use_stack_in_child(long size)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		use_stack(size);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static long act_use_stack(long size)
{
	use_stack(size);
	return 0;
}

/* What the context has while a child shares its parent's memory. */
static long act_used_in_vfork(long unused)
{
	static long seen;
	pid_t pid = vfork();

	if (!pid) {
		SET_ONCE(seen, vps_used(SPACE, ONE));
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, NULL, 0);
	return GET_ONCE(seen);
}

static int gate[2] = { -1, -1 };

static void *thread_main(void *unused)
{
	char byte;

	return read(gate[0], &byte, 1) < 0 ? gate : NULL;
}

static long act_thread(long unused)
{
	pthread_t thread;

	return pipe(gate) ? -errno : -pthread_create(&thread, NULL, thread_main, NULL);
}

/* ---- the tests ---- */

TEST_F(memory, is_the_sum_of_processes)
{
	struct actor *actor = &self->here.actor;
	long first, second, area, before;

	EXPECT_TRUE(agrees(&self->here));
	before = used();
	first = actor_do(actor, act_leave_child, 0);
	ASSERT_LT(0, first);
	EXPECT_TRUE(agrees(&self->here));
	EXPECT_LT(before, used());
	area = actor_do(actor, act_map, MEGABYTE);
	ASSERT_TRUE(is_area(area));
	EXPECT_TRUE(agrees(&self->here));
	second = actor_do(actor, act_leave_child, 0);
	ASSERT_LT(0, second);
	EXPECT_TRUE(agrees(&self->here));
	EXPECT_EQ(0, actor_do(actor, act_kill_child, first));
	EXPECT_TRUE(EVENTUALLY(agrees(&self->here)));
	EXPECT_EQ(0, actor_do(actor, act_unmap, area));
	EXPECT_TRUE(agrees(&self->here));
	EXPECT_EQ(0, actor_do(actor, act_kill_child, second));
	EXPECT_TRUE(EVENTUALLY(agrees(&self->here)));
	EXPECT_EQ(0, vps_used(SPACE, TWO));
}

TEST_F(memory, maps)
{
	struct actor *actor = &self->here.actor;
	long before = used(), area = actor_do(actor, act_map, MEGABYTE), shared;

	ASSERT_TRUE(is_area(area));
	EXPECT_EQ(before + MEGABYTE, used());
	shared = actor_do(actor, act_map_shared, MEGABYTE);
	ASSERT_TRUE(is_area(shared));
	EXPECT_EQ(before + 2 * MEGABYTE, used());
	EXPECT_EQ(before + 2 * MEGABYTE, vps_peak(SPACE, ONE));
	EXPECT_TRUE(agrees(&self->here));

	ASSERT_EQ(0, close_up());
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_map, page));
	EXPECT_EQ(1, vps_hits(SPACE, ONE));
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_map_shared, page));
	EXPECT_EQ(2, vps_hits(SPACE, ONE));
	EXPECT_EQ(before + 2 * MEGABYTE, used());
	/* Nobody else is held by it. */
	EXPECT_TRUE(is_area(act_map(page)));
	EXPECT_TRUE(is_area(act_in(&self->here.two, act_map, page)));

	EXPECT_EQ(0, actor_do(actor, act_unmap, shared));
	EXPECT_EQ(before + MEGABYTE, used());
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_map, MEGABYTE + page));
	EXPECT_TRUE(is_area(actor_do(actor, act_map, MEGABYTE)));
	EXPECT_EQ(before + 2 * MEGABYTE, vps_peak(SPACE, ONE));
	EXPECT_EQ(0, actor_do(actor, act_unmap_half, area));
	EXPECT_EQ(before + 3 * MEGABYTE / 2, used());
	EXPECT_TRUE(agrees(&self->here));
	ASSERT_EQ(0, open_up());
	EXPECT_TRUE(is_area(actor_do(actor, act_map, MEGABYTE)));
	EXPECT_TRUE(agrees(&self->here));
}

/* What only changes hands, or manners, is not more than it was. */
TEST_F(memory, changes_within_the_limit)
{
	struct actor *actor = &self->here.actor;
	long area = actor_do(actor, act_map, 2 * MEGABYTE), before = used();

	ASSERT_TRUE(is_area(area));
	ASSERT_EQ(0, close_up());
	EXPECT_EQ(0, actor_do(actor, act_map_over, area));
	EXPECT_EQ(before, used());
	EXPECT_EQ(0, actor_do(actor, act_map_over_and_on, area));
	EXPECT_EQ(before, used());
	EXPECT_EQ(0, actor_do(actor, act_protect, area));
	EXPECT_EQ(before, used());
	/* Nothing was refused. */
	EXPECT_EQ(0, vps_hits(SPACE, ONE));
	EXPECT_TRUE(agrees(&self->here));
}

TEST_F(memory, map_partly_over_another)
{
	struct actor *actor = &self->here.actor;
	long area = actor_do(actor, act_map, 2 * MEGABYTE), before;

	/* There is nothing above the first half. */
	ASSERT_TRUE(is_area(area));
	ASSERT_EQ(0, actor_do(actor, act_unmap, area + MEGABYTE));
	before = used();
	ASSERT_EQ(0, vps_limit(SPACE, ONE, before + MEGABYTE / 2 - page));
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_map_over_and_on, area));
	EXPECT_EQ(before, used());
	ASSERT_EQ(0, vps_limit(SPACE, ONE, before + MEGABYTE / 2));
	EXPECT_EQ(0, actor_do(actor, act_map_over_and_on, area));
	EXPECT_EQ(before + MEGABYTE / 2, used());
	EXPECT_TRUE(agrees(&self->here));
}

TEST_F(memory, remaps)
{
	struct actor *actor = &self->here.actor;
	long area = actor_do(actor, act_map, MEGABYTE), before = used();

	ASSERT_TRUE(is_area(area));
	ASSERT_EQ(0, close_up());
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_grow, area));
	EXPECT_LE(1, vps_hits(SPACE, ONE));
	EXPECT_EQ(before, used());
	EXPECT_EQ(area, actor_do(actor, act_shrink, area));
	EXPECT_EQ(before - MEGABYTE / 2, used());
	EXPECT_TRUE(agrees(&self->here));
	ASSERT_EQ(0, open_up());
	area = actor_do(actor, act_map, MEGABYTE);
	ASSERT_TRUE(is_area(area));
	before = used();
	EXPECT_TRUE(is_area(actor_do(actor, act_grow, area)));
	EXPECT_EQ(before + MEGABYTE, used());
	EXPECT_TRUE(agrees(&self->here));
}

TEST_F(memory, brk)
{
	struct actor *actor = &self->here.actor;
	long before = used();

	EXPECT_EQ(0, actor_do(actor, act_brk, MEGABYTE));
	EXPECT_EQ(before + MEGABYTE, used());
	EXPECT_TRUE(agrees(&self->here));
	ASSERT_EQ(0, close_up());
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_brk, page));
	EXPECT_EQ(1, vps_hits(SPACE, ONE));
	EXPECT_EQ(before + MEGABYTE, used());
	EXPECT_EQ(0, actor_do(actor, act_brk, -MEGABYTE));
	EXPECT_EQ(before, used());
	EXPECT_EQ(0, actor_do(actor, act_brk, page));
	EXPECT_EQ(before + page, used());
	EXPECT_TRUE(agrees(&self->here));
}

TEST_F(memory, stack)
{
	struct actor *actor = &self->here.actor;
	long before = used();

	EXPECT_EQ(0, actor_do(actor, act_use_stack, MEGABYTE));
	EXPECT_LE(before + MEGABYTE / 2, used());
	EXPECT_TRUE(agrees(&self->here));

	/* A child needs as much as its parent has, and this. */
	EXPECT_EQ(0, actor_do(actor, act_use_stack_in_child, 2 * MEGABYTE));
	EXPECT_TRUE(EVENTUALLY(agrees(&self->here)));
	before = used();
	ASSERT_EQ(0, vps_limit(SPACE, ONE, 2 * before + MEGABYTE / 4));
	EXPECT_EQ(SIGSEGV, actor_do(actor, act_use_stack_in_child, 2 * MEGABYTE));
	EXPECT_LE(1, vps_hits(SPACE, ONE));
	EXPECT_TRUE(EVENTUALLY(used() == before));
	EXPECT_TRUE(agrees(&self->here));
}

/* A child is a copy, but for what its parent keeps to itself. */
TEST_F(memory, fork)
{
	struct actor *actor = &self->here.actor;
	long area = actor_do(actor, act_map, MEGABYTE), before = used(), child;

	ASSERT_TRUE(is_area(area));
	child = actor_do(actor, act_leave_child, 0);
	ASSERT_LT(0, child);
	EXPECT_EQ(2 * before, used());
	EXPECT_EQ(0, actor_do(actor, act_kill_child, child));
	EXPECT_TRUE(EVENTUALLY(used() == before));

	ASSERT_EQ(0, vps_limit(SPACE, ONE, 2 * before - page));
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_leave_child, 0));
	EXPECT_EQ(1, vps_hits(SPACE, ONE));
	EXPECT_TRUE(EVENTUALLY(used() == before));
	EXPECT_EQ(2, vps_used(THREADS, ONE));
	EXPECT_EQ(0, act_fork(0));
	ASSERT_EQ(0, vps_limit(SPACE, ONE, 2 * before));
	EXPECT_EQ(0, actor_do(actor, act_fork, 0));
	EXPECT_EQ(0, actor_do(actor, act_dont_fork, area));
	child = actor_do(actor, act_leave_child, 0);
	ASSERT_LT(0, child);
	EXPECT_EQ(2 * before - MEGABYTE, used());
	EXPECT_TRUE(agrees(&self->here));
	EXPECT_EQ(0, actor_do(actor, act_kill_child, child));
	EXPECT_TRUE(EVENTUALLY(used() == before));
}

/* What is shared is there once, and nothing is needed to share it. */
TEST_F(memory, shared_by_who_has_it)
{
	struct actor *actor = &self->here.actor;
	long before = used();

	ASSERT_EQ(0, close_up());
	EXPECT_EQ(before, actor_do(actor, act_used_in_vfork, 0));
	EXPECT_EQ(before, used());
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_fork, 0));
	ASSERT_EQ(0, open_up());
	EXPECT_EQ(0, actor_do(actor, act_thread, 0));
	EXPECT_EQ(3, vps_tasks(ONE));
	EXPECT_TRUE(agrees(&self->here));
}

TEST_F(memory, what_is_there_stays)
{
	struct actor *actor = &self->here.actor;
	long area = actor_do(actor, act_map, MEGABYTE), before = used();

	ASSERT_TRUE(is_area(area));
	ASSERT_EQ(0, vps_limit(SPACE, ONE, 0));
	EXPECT_EQ(before, used());
	EXPECT_EQ(0, actor_do(actor, act_protect, area));
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_map, page));
	EXPECT_EQ(0, actor_do(actor, act_unmap, area));
	EXPECT_EQ(before - MEGABYTE, used());
	EXPECT_EQ(-ENOMEM, actor_do(actor, act_map, page));
	ASSERT_EQ(0, vps_limit(SPACE, ONE, before));
	EXPECT_TRUE(is_area(actor_do(actor, act_map, MEGABYTE)));
}

TEST_F(memory, soft_refuses_nothing)
{
	struct actor *actor = &self->here.actor;
	long area;

	ASSERT_EQ(0, vps_bound(SPACE, ONE, used(), VPS_UNLIMITED));
	for (long round = 1; round <= 3; round++) {
		area = actor_do(actor, act_map, MEGABYTE);
		ASSERT_TRUE(is_area(area));
		EXPECT_EQ(round, vps_hits(SPACE, ONE));
		EXPECT_TRUE(is_area(actor_do(actor, act_grow, area)));
		EXPECT_EQ(round, vps_hits(SPACE, ONE));
		ASSERT_EQ(0, vps_bound(SPACE, ONE, used(), VPS_UNLIMITED));
	}
}

/* ---- who comes from elsewhere ---- */

TEST_F(memory, of_who_was_moved)
{
	long before = used(), child;
	struct actor actor;

	ASSERT_EQ(0, close_up());
	ASSERT_EQ(0, actor_start(&actor, &self->here.one));
	EXPECT_EQ(before, used());
	EXPECT_TRUE(is_area(actor_do(&actor, act_map, MEGABYTE)));
	EXPECT_EQ(before, used());
	EXPECT_EQ(0, vps_hits(SPACE, ONE));
	/* Its children are born here. */
	EXPECT_EQ(-ENOMEM, actor_do(&actor, act_fork, 0));
	ASSERT_EQ(0, open_up());
	child = actor_do(&actor, act_leave_child, 0);
	ASSERT_LT(0, child);
	EXPECT_EQ(before + page * get_pid_number(child, "statm"), used());

	/* Who leaves takes nothing along, to whoever it is that has room. */
	before = used();
	ASSERT_EQ(0, vps_limit(SPACE, TWO, 0));
	ASSERT_EQ(0, vps_migrate(TWO, self->here.two.group, child));
	EXPECT_EQ(before, used());
	EXPECT_EQ(0, vps_used(SPACE, TWO));
	/* Its parent cannot reach it there. */
	EXPECT_EQ(0, kill(child, SIGKILL));
	actor_end(&actor);
	EXPECT_TRUE(EVENTUALLY(used() < before));
	EXPECT_TRUE(agrees(&self->here));
}

/* ---- execve() ---- */

/*
 * Says that it is there, and is there until nobody listens any more. @fds is what it reads, and
 * what it writes.
 */
static void executed_main(const char *fds)
{
	char byte = 'x', *end;
	int in = strtol(fds, &end, 10), out = strtol(end, NULL, 10);

	if (write(out, &byte, 1) != 1)
		_exit(1);
	close(out);
	if (read(in, &byte, 1) < 0)
		_exit(1);
	_exit(0);
}

__attribute__((constructor)) static void executed(void)
{
	const char *fds = getenv("VPS_TEST_EXECUTED");

	if (fds)
		executed_main(fds);
}

static int in[2], out[2];

/* A child that has executed something and has had no copy of its parent's memory, or an error. */
static long act_execute(long unused)
{
	char *const none[] = { "vps-selftest", "none", NULL };
	char fds[32], byte;
	pid_t pid;

	if (pipe(in) || pipe(out))
		return -errno;
	snprintf(fds, sizeof(fds), "%d %d", in[0], out[1]);
	setenv("VPS_TEST_EXECUTED", fds, 1);
	pid = vfork();
	if (!pid) {
		close(in[1]);
		close(out[0]);
		execv("/proc/self/exe", none);
		_exit(1);
	}
	close(in[0]);
	close(out[1]);
	if (pid < 0)
		return -errno;
	if (read(out[0], &byte, 1) == 1)
		return pid;
	waitpid(pid, NULL, 0);
	return -ENOEXEC;
}

static long act_end_executed(long pid)
{
	close(in[1]);
	close(out[0]);
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

/* At once, without a child in between. */
static long act_execute_self(long fds)
{
	char *const none[] = { "vps-selftest", "none", NULL };

	setenv("VPS_TEST_EXECUTED", (char *)fds, 1);
	execv("/proc/self/exe", none);
	return -errno;
}

TEST_F(memory, execute)
{
	struct actor *actor = &self->here.actor;
	long before = used(), child = actor_do(actor, act_execute, 0), size;

	ASSERT_LT(0, child);
	size = page * get_pid_number(child, "statm");
	EXPECT_LT(0, size);
	EXPECT_EQ(before + size, used());
	EXPECT_TRUE(agrees(&self->here));
	EXPECT_EQ(0, actor_do(actor, act_end_executed, child));
	EXPECT_TRUE(EVENTUALLY(used() == before));

	ASSERT_EQ(0, close_up());
	EXPECT_EQ(-ENOEXEC, actor_do(actor, act_execute, 0));
	EXPECT_LE(1, vps_hits(SPACE, ONE));
	EXPECT_TRUE(EVENTUALLY(used() == before));
	EXPECT_TRUE(agrees(&self->here));
}

TEST_F(memory, execute_of_who_was_moved)
{
	int to[2], from[2];
	char fds[32], byte;
	struct actor actor;
	long before;

	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(from));
	snprintf(fds, sizeof(fds), "%d %d", to[0], from[1]);
	ASSERT_EQ(0, actor_start(&actor, &self->here.one));
	EXPECT_EQ(0, actor_do(&actor, act_close, to[1]));
	before = used();
	actor_ask(&actor, act_execute_self, (long)fds);
	ASSERT_EQ(1, read(from[0], &byte, 1));
	EXPECT_EQ(before + page * get_pid_number(actor.pid, "statm"), used());
	EXPECT_LT(before, used());
	EXPECT_TRUE(agrees(&self->here));
	close(to[1]);
	EXPECT_EQ(0, actor_end(&actor));
	EXPECT_TRUE(EVENTUALLY(used() == before));
	close(to[0]);
	close(from[0]);
	close(from[1]);
}

/* ---- several at once ---- */

static void *map_main(void *unused)
{
	for (int i = 0; i < 500; i++) {
		void *area = mmap(NULL, MEGABYTE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (area == MAP_FAILED)
			continue;
		mprotect(area, MEGABYTE / 2, PROT_READ);
		munmap(area + MEGABYTE / 4, MEGABYTE / 4);
		munmap(area, MEGABYTE);
	}
	return NULL;
}

static long act_map_at_once(long unused)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, map_main, NULL))
			return -EAGAIN;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

TEST_F(memory, many_at_once)
{
	struct actor *actor = &self->here.actor;
	struct actor others[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, actor_bear(&others[i], &self->here.one));
		actor_ask(&others[i], act_map_at_once, 0);
	}
	EXPECT_EQ(0, actor_do(actor, act_map_at_once, 0));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, actor_hear(&others[i]));
		actor_end(&others[i]);
	}
	EXPECT_TRUE(EVENTUALLY(agrees(&self->here)));
}

TEST_HARNESS_MAIN
