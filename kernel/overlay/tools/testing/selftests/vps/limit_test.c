// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many threads a context has, and how many it may have; how limits count what they refuse;
 * and all limits at once while who is held by them is moved and killed. VPS_TEST_ROUNDS says for
 * how long, in units of two seconds.
 */
#include <netinet/in.h>
#include <pthread.h>
#include "vps_test.h"

FIXTURE(threads)
{
	struct limited here;
};

FIXTURE_SETUP(threads)
{
	ASSERT_EQ(0, limited_make(&self->here));
}

FIXTURE_TEARDOWN(threads)
{
	EXPECT_TRUE(limited_end(&self->here));
}

/* ---- what actors do ---- */

static long act_vfork(long unused)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : act_kill_child(pid);
}

/* A child that is dead, and not forgotten. */
static long act_leave_zombie(long unused)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0 || waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		return -errno;
	return pid;
}

static long act_reap(long pid)
{
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

static int gate[2] = { -1, -1 };

static void *thread_main(void *unused)
{
	char byte;

	return read(gate[0], &byte, 1) < 0 ? gate : NULL;
}

/* Threads that stay until act_end_threads(); how many there were to be had, of those wanted. */
static long act_threads(long wanted)
{
	pthread_t thread;
	long had;

	if (gate[0] < 0 && pipe(gate))
		return -errno;
	for (had = 0; had < wanted; had++) {
		int err = pthread_create(&thread, NULL, thread_main, NULL);

		if (err)
			return err == EAGAIN ? had : -err;
		pthread_detach(thread);
	}
	return had;
}

static long act_end_threads(long unused)
{
	close(gate[1]);
	close(gate[0]);
	gate[0] = -1;
	gate[1] = -1;
	return 0;
}

/* Into the group @group, without being there. */
static long clone_into(int group)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = group,
	};
	long pid = syscall(__NR_clone3, &args, sizeof(args));

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : act_reap(pid);
}

static bool has_threads(__u32 id, long number)
{
	return EVENTUALLY(vps_used(THREADS, id) == number);
}

/* ---- what is refused ---- */

FIXTURE(births)
{
	struct limited here;
};

FIXTURE_VARIANT(births)
{
	long (*act)(long unused);
};

FIXTURE_VARIANT_ADD(births, fork) { .act = act_fork };
FIXTURE_VARIANT_ADD(births, vfork) { .act = act_vfork };

FIXTURE_SETUP(births)
{
	ASSERT_EQ(0, limited_make(&self->here));
}

FIXTURE_TEARDOWN(births)
{
	EXPECT_TRUE(limited_end(&self->here));
}

TEST_F(births, end_at_the_limit)
{
	struct actor *actor = &self->here.actor;

	EXPECT_EQ(1, vps_used(THREADS, ONE));
	EXPECT_EQ(0, actor_do(actor, variant->act, 0));
	EXPECT_EQ(1, vps_used(THREADS, ONE));

	ASSERT_EQ(0, vps_limit(THREADS, ONE, 1));
	EXPECT_EQ(-EAGAIN, actor_do(actor, variant->act, 0));
	EXPECT_EQ(1, vps_hits(THREADS, ONE));
	EXPECT_EQ(1, vps_used(THREADS, ONE));
	EXPECT_EQ(-EAGAIN, actor_do(actor, variant->act, 0));
	EXPECT_EQ(2, vps_hits(THREADS, ONE));

	/* Nobody else is held by it. */
	EXPECT_EQ(0, variant->act(0));
	EXPECT_EQ(0, act_in(&self->here.two, variant->act, 0));

	ASSERT_EQ(0, vps_limit(THREADS, ONE, 2));
	EXPECT_EQ(0, actor_do(actor, variant->act, 0));
	ASSERT_EQ(0, vps_limit(THREADS, ONE, 0));
	EXPECT_EQ(-EAGAIN, actor_do(actor, variant->act, 0));
	ASSERT_EQ(0, vps_limit(THREADS, ONE, VPS_UNLIMITED));
	EXPECT_EQ(0, actor_do(actor, variant->act, 0));
	EXPECT_EQ(3, vps_hits(THREADS, ONE));
	EXPECT_EQ(2, vps_peak(THREADS, ONE));
}

TEST_F(threads, are_counted_and_refused)
{
	struct actor *actor = &self->here.actor;

	EXPECT_EQ(5, actor_do(actor, act_threads, 5));
	EXPECT_EQ(6, vps_used(THREADS, ONE));
	EXPECT_EQ(6, vps_tasks(ONE));
	EXPECT_EQ(1, vps_processes(ONE));
	EXPECT_EQ(0, actor_do(actor, act_end_threads, 0));
	EXPECT_TRUE(has_threads(ONE, 1));

	ASSERT_EQ(0, vps_limit(THREADS, ONE, 4));
	EXPECT_EQ(3, actor_do(actor, act_threads, 5));
	EXPECT_EQ(4, vps_used(THREADS, ONE));
	EXPECT_EQ(1, vps_hits(THREADS, ONE));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_fork, 0));
	EXPECT_EQ(0, actor_do(actor, act_end_threads, 0));
	EXPECT_TRUE(has_threads(ONE, 1));
	EXPECT_EQ(0, actor_do(actor, act_fork, 0));
}

/* Who is dead counts until somebody has waited for it. */
TEST_F(threads, zombies)
{
	struct actor *actor = &self->here.actor;
	long zombie;

	ASSERT_EQ(0, vps_limit(THREADS, ONE, 2));
	zombie = actor_do(actor, act_leave_zombie, 0);
	ASSERT_LT(0, zombie);
	EXPECT_EQ(2, vps_used(THREADS, ONE));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_fork, 0));
	EXPECT_EQ(0, actor_do(actor, act_reap, zombie));
	EXPECT_EQ(1, vps_used(THREADS, ONE));
	EXPECT_EQ(0, actor_do(actor, act_fork, 0));
}

TEST_F(threads, of_groups_below)
{
	int below = group_make("801/below");
	struct actor actor;

	ASSERT_LE(0, below);
	ASSERT_EQ(0, actor_start(&actor, NULL));
	ASSERT_EQ(0, vps_migrate(ONE, below, actor.pid));
	EXPECT_EQ(2, vps_used(THREADS, ONE));
	ASSERT_EQ(0, vps_limit(THREADS, ONE, 2));
	EXPECT_EQ(-EAGAIN, actor_do(&actor, act_fork, 0));
	EXPECT_EQ(-EAGAIN, actor_do(&self->here.actor, act_fork, 0));
	actor_end(&actor);
	EXPECT_EQ(1, vps_used(THREADS, ONE));
	EXPECT_EQ(0, actor_do(&self->here.actor, act_fork, 0));
	close(below);
}

/* ---- who comes from elsewhere ---- */

TEST_F(threads, moving_in_is_allowed)
{
	struct actor first, second;

	ASSERT_EQ(0, vps_limit(THREADS, ONE, 0));
	ASSERT_EQ(0, actor_start(&first, NULL));
	ASSERT_EQ(0, actor_start(&second, NULL));
	EXPECT_EQ(0, vps_migrate(ONE, self->here.one.group, first.pid));
	EXPECT_EQ(2, vps_used(THREADS, ONE));
	EXPECT_EQ(0, put_number(self->here.one.group, "cgroup.procs", second.pid));
	EXPECT_EQ(3, vps_used(THREADS, ONE));
	EXPECT_EQ(0, vps_hits(THREADS, ONE));
	EXPECT_EQ(3, vps_peak(THREADS, ONE));
	EXPECT_EQ(-EAGAIN, actor_do(&first, act_fork, 0));
	EXPECT_EQ(-EAGAIN, actor_do(&second, act_fork, 0));
	EXPECT_EQ(2, vps_hits(THREADS, ONE));
	actor_end(&first);
	actor_end(&second);
}

/* To be born there is no moving. */
TEST_F(threads, birth_from_the_host)
{
	ASSERT_EQ(0, vps_limit(THREADS, ONE, 1));
	EXPECT_EQ(-EAGAIN, clone_into(self->here.one.group));
	EXPECT_EQ(1, vps_hits(THREADS, ONE));
	EXPECT_EQ(1, vps_used(THREADS, ONE));
	EXPECT_EQ(0, clone_into(self->here.two.group));
	ASSERT_EQ(0, vps_limit(THREADS, ONE, 2));
	EXPECT_EQ(0, clone_into(self->here.one.group));
	EXPECT_EQ(1, vps_used(THREADS, ONE));
	EXPECT_EQ(1, vps_hits(THREADS, ONE));
}

/* With all its threads, at once, here and there. */
TEST_F(threads, move_as_a_whole)
{
	struct actor *actor = &self->here.actor;
	int root = group_open("");

	ASSERT_EQ(3, actor_do(actor, act_threads, 3));
	EXPECT_EQ(4, vps_used(THREADS, ONE));
	EXPECT_EQ(0, vps_migrate(TWO, self->here.two.group, actor->pid));
	EXPECT_EQ(0, vps_used(THREADS, ONE));
	EXPECT_EQ(4, vps_used(THREADS, TWO));
	EXPECT_EQ(0, vps_migrate(0, root, actor->pid));
	EXPECT_EQ(0, vps_used(THREADS, TWO));
	EXPECT_EQ(0, vps_migrate(ONE, self->here.one.group, actor->pid));
	EXPECT_EQ(4, vps_used(THREADS, ONE));
	EXPECT_EQ(4, vps_peak(THREADS, ONE));
	EXPECT_EQ(4, vps_peak(THREADS, TWO));
	EXPECT_EQ(0, actor_do(actor, act_end_threads, 0));
	EXPECT_TRUE(has_threads(ONE, 1));
	close(root);
}

/* ---- how limits count ---- */

/* Each time it is passed from below, whatever comes on top. */
TEST_F(threads, soft_refuses_nothing)
{
	struct actor *actor = &self->here.actor;
	long first, second;

	ASSERT_EQ(0, vps_bound(THREADS, ONE, 1, VPS_UNLIMITED));
	for (long round = 1; round <= 3; round++) {
		first = actor_do(actor, act_leave_child, 0);
		ASSERT_LT(0, first);
		EXPECT_EQ(round, vps_hits(THREADS, ONE));
		second = actor_do(actor, act_leave_child, 0);
		ASSERT_LT(0, second);
		EXPECT_EQ(round, vps_hits(THREADS, ONE));
		EXPECT_EQ(3, vps_used(THREADS, ONE));
		EXPECT_EQ(0, actor_do(actor, act_kill_child, first));
		EXPECT_EQ(2, vps_used(THREADS, ONE));
		EXPECT_EQ(0, actor_do(actor, act_fork, 0));
		EXPECT_EQ(round, vps_hits(THREADS, ONE));
		EXPECT_EQ(0, actor_do(actor, act_kill_child, second));
		EXPECT_EQ(1, vps_used(THREADS, ONE));
	}
}

TEST_F(threads, peak_is_the_most_there_ever_was)
{
	struct actor *actor = &self->here.actor;
	long children[3];

	EXPECT_EQ(1, vps_peak(THREADS, ONE));
	for (int i = 0; i < 3; i++) {
		children[i] = actor_do(actor, act_leave_child, 0);
		ASSERT_LT(0, children[i]);
		EXPECT_EQ(i + 2, vps_peak(THREADS, ONE));
	}
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, actor_do(actor, act_kill_child, children[i]));
	EXPECT_EQ(1, vps_used(THREADS, ONE));
	EXPECT_EQ(4, vps_peak(THREADS, ONE));
	/* What was refused has never been. */
	ASSERT_EQ(0, vps_limit(THREADS, ONE, 1));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_fork, 0));
	EXPECT_EQ(4, vps_peak(THREADS, ONE));
}

TEST_F(threads, what_is_there_stays)
{
	struct actor *actor = &self->here.actor;
	long children[3];

	for (int i = 0; i < 3; i++) {
		children[i] = actor_do(actor, act_leave_child, 0);
		ASSERT_LT(0, children[i]);
	}
	ASSERT_EQ(0, vps_limit(THREADS, ONE, 2));
	EXPECT_EQ(0, vps_hits(THREADS, ONE));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(4 - i, vps_used(THREADS, ONE));
		EXPECT_EQ(0, kill(children[i], 0));
		EXPECT_EQ(-EAGAIN, actor_do(actor, act_fork, 0));
		EXPECT_EQ(0, actor_do(actor, act_kill_child, children[i]));
	}
	EXPECT_EQ(1, vps_used(THREADS, ONE));
	EXPECT_EQ(0, actor_do(actor, act_fork, 0));
	EXPECT_EQ(3, vps_hits(THREADS, ONE));
}

/* Several who take what is left at once: none is too many, and none is lost. */
static long act_fork_on(long rounds)
{
	long made = 0;

	for (long i = 0; i < rounds; i++) {
		long value = act_fork(0);

		if (value && value != -EAGAIN)
			return value;
		made += !value;
	}
	return made;
}

TEST_F(threads, many_at_once)
{
	struct actor actors[4];
	long made = 0;

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, actor_start(&actors[i], &self->here.one));
	ASSERT_EQ(0, vps_limit(THREADS, ONE, 6));
	for (int i = 0; i < 4; i++)
		actor_ask(&actors[i], act_fork_on, 200);
	for (int i = 0; i < 4; i++) {
		long value = actor_hear(&actors[i]);

		EXPECT_LE(0, value);
		made += value;
	}
	EXPECT_LT(0, made);
	EXPECT_EQ(800 - made, vps_hits(THREADS, ONE));
	EXPECT_EQ(6, vps_peak(THREADS, ONE));
	EXPECT_EQ(5, vps_used(THREADS, ONE));
	for (int i = 0; i < 4; i++)
		actor_end(&actors[i]);
}

/* ---- all limits at once ---- */

#define HORDE 4
#define CHILDREN 6	/* of each thread of it, at once */

/* Less than it would have. */
#define HORDE_THREADS 14
#define HORDE_FILES 20
#define HORDE_CONNECTIONS 2
#define HORDE_SPACES 14	/* as large as its own */

static struct sockaddr_in horde_address = { .sin_family = AF_INET };
static unsigned long *attempts;	/* to have a child */

static void do_something(unsigned int *seed)
{
	int fd;

	switch (rand_r(seed) / 7 % 4) {
	case 0:
		fd = open("/", O_RDONLY | O_DIRECTORY);
		break;
	case 1:
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (fd >= 0)
			connect(fd, (struct sockaddr *)&horde_address, sizeof(horde_address));
		break;
	case 2:
		mmap(NULL, rand_r(seed) & 8 ? 1 << 28 : 1 << 20, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		return;
	default:
		fd = dup(0);
		break;
	}
	/* Or it stays open for as long as its process is there. */
	if (fd >= 0 && rand_r(seed) & 8)
		close(fd);
}

static void child_main(unsigned int seed)
{
	alarm(60);
	for (int i = rand_r(&seed) / 7 % 20; i; i--)
		do_something(&seed);
	_exit(0);
}

/* A few children at a time, since on the host nothing holds it. */
static void *horde_main(void *number)
{
	unsigned int seed = 1000 * getpid() + (long)number;
	pid_t pids[CHILDREN];

	for (;;) {
		for (int i = 0; i < CHILDREN; i++) {
			seed++;
			pids[i] = fork();
			if (!pids[i])
				child_main(seed);
			__atomic_add_fetch(attempts, 1, __ATOMIC_RELAXED);
		}
		for (int i = 0; i < CHILDREN; i++)
			if (pids[i] > 0)
				waitpid(pids[i], NULL, 0);
	}
	return NULL;
}

/* Returns when all its threads are there, so that it is as large as it gets. */
static pid_t horde_start(void)
{
	char path[32];
	struct stat st;
	pthread_t thread;
	pid_t pid = fork();

	if (pid > 0) {
		snprintf(path, sizeof(path), "/proc/%d/task", pid);
		return EVENTUALLY(!stat(path, &st) && st.st_nlink == 2 + HORDE) ? pid : -1;
	}
	if (pid < 0)
		return -1;
	for (long i = 1; i < HORDE; i++)
		pthread_create(&thread, NULL, horde_main, (void *)i);
	horde_main(NULL);
	_exit(0);
}

static int horde_listen(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(horde_address);

	horde_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&horde_address, length) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&horde_address, &length))
		return -errno;
	return fd;
}

/* So that its queue is never full. */
static void accept_all(int listener)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
}

static long limit_all(__u32 id, pid_t pid)
{
	long space = sysconf(_SC_PAGESIZE) * get_pid_number(pid, "statm");

	return vps_limit(THREADS, id, HORDE_THREADS) ?:
	       vps_limit(FILES, id, HORDE_FILES) ?:
	       vps_limit(CONNECTIONS, id, HORDE_CONNECTIONS) ?:
	       vps_limit(SPACE, id, HORDE_SPACES * space);
}

/* It has done something at each place before it is moved on. */
static long move_about(pid_t pid, const struct context *const places[3], int listener)
{
	for (int i = 1; i < 12; i++) {
		const struct context *to = places[i % 3];
		unsigned long before = GET_ONCE(*attempts);
		long value = vps_migrate(to->id, to->group, pid);

		if (value)
			return value;
		if (!EVENTUALLY(GET_ONCE(*attempts) >= before + 2 * HORDE * CHILDREN))
			return -ETIME;
		accept_all(listener);
	}
	return 0;
}

FIXTURE(all)
{
	struct limited here;
	struct context host;
	int listener;
	bool refused[ARRAY_SIZE(all_limits)];
};

FIXTURE_SETUP(all)
{
	ASSERT_EQ(0, limited_make(&self->here));
	actor_end(&self->here.actor);
	self->here.actor.pid = -1;
	self->host.group = group_open("");
	ASSERT_LE(0, self->host.group);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	self->listener = horde_listen();
	ASSERT_LE(0, self->listener);
	attempts = mmap(NULL, sizeof(*attempts), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, attempts);
}

FIXTURE_TEARDOWN(all)
{
	close(self->listener);
	close(self->host.group);
	EXPECT_TRUE(limited_end(&self->here));
}

static bool all_refused(const bool *refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_limits); i++)
		if (!refused[i])
			return false;
	return true;
}

static int seconds(void)
{
	const char *text = getenv("VPS_TEST_ROUNDS");
	int rounds = text ? atoi(text) : 2;

	return 2 * (rounds > 0 ? rounds : 1);
}

/* Each limit has been met, or this was no test of it; that takes as long as it takes. */
TEST_F_TIMEOUT(all, at_once, 280)
{
	const struct context *const places[] = { &self->host, &self->here.one, &self->here.two };
	time_t end = time(NULL) + seconds();

	for (int round = 0; time(NULL) < end || !all_refused(self->refused); round++) {
		long count = contexts();
		pid_t pid = horde_start();

		ASSERT_LT(round, 1000);
		ASSERT_LT(0, pid);
		ASSERT_EQ(0, limit_all(ONE, pid));
		ASSERT_EQ(0, limit_all(TWO, pid));
		EXPECT_EQ(0, move_about(pid, places, self->listener));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		/* Those who were born in one of them are there. */
		for (__u32 id = ONE; id <= TWO; id++) {
			EXPECT_TRUE(EVENTUALLY(!vps_signal(id, SIGKILL) && !vps_tasks(id)));
			EXPECT_TRUE(EVENTUALLY(uses_nothing(id)));
			EXPECT_GE(HORDE_FILES, vps_peak(FILES, id));
			EXPECT_GE(HORDE_CONNECTIONS, vps_peak(CONNECTIONS, id));
			for (size_t i = 0; i < ARRAY_SIZE(all_limits); i++)
				self->refused[i] |= vps_hits(all_limits[i], id) > 0;
		}
		ASSERT_EQ(0, round % 2 ? vps_destroy(ONE) : 0);
		close(self->here.one.group);
		ASSERT_EQ(0, group_remove("801"));
		ASSERT_EQ(0, context_make(&self->here.one, ONE, 0));
		ASSERT_EQ(count, contexts());
	}
}

TEST_HARNESS_MAIN
