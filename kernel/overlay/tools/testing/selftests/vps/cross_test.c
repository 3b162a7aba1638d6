// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way across the boundary of a context obeys the same rules, and after each the numbers
 * of processes are right.
 */
#include <linux/types.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include "vps_test.h"

#define A 100
#define B 101

#ifndef PIDFD_GET_CGROUP_NAMESPACE
#define PIDFD_GET_CGROUP_NAMESPACE _IO(0xFF, 1)
#define PIDFD_GET_IPC_NAMESPACE _IO(0xFF, 2)
#define PIDFD_GET_MNT_NAMESPACE _IO(0xFF, 3)
#define PIDFD_GET_NET_NAMESPACE _IO(0xFF, 4)
#define PIDFD_GET_PID_NAMESPACE _IO(0xFF, 5)
#define PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE _IO(0xFF, 6)
#define PIDFD_GET_USER_NAMESPACE _IO(0xFF, 9)
#define PIDFD_GET_UTS_NAMESPACE _IO(0xFF, 10)
#endif

/* Who goes where, for all processes of a test. */
static struct go {
	__u32 id;
	int group;
	pid_t pid;
} *go;

static long set_go(const struct context *where, pid_t pid)
{
	*go = (struct go){ .id = where->id, .group = where->group, .pid = pid };
	return 0;
}

/* ---- the ways ---- */

static long act_go_by_call(long unused)
{
	return vps_migrate(go->id, go->group, go->pid);
}

static long act_go_by_procs(long unused)
{
	return put_number(go->group, "cgroup.procs", go->pid);
}

/* Who is born there; 0 is a child of its own. */
static pid_t clone_into(int group)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = group,
	};
	pid_t pid = syscall(__NR_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : pid;
}

static long act_go_by_clone(long unused)
{
	pid_t pid = clone_into(go->group);
	int status;

	if (pid < 0)
		return pid;
	if (!pid)
		_exit(vps_current() == go->id ? 0 : 1);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -EPROTO : 0;
}

/* ---- what each of them obeys ---- */

FIXTURE(ways) {
	long before;
	struct context host, a, b, below;
	struct actor mover;
};

FIXTURE_VARIANT(ways) {
	long (*act)(long argument);
	bool born;	/* there; who is moved was elsewhere */
	bool call;	/* needs to be the host's administrator for whatever it does */
};

FIXTURE_VARIANT_ADD(ways, call) { .act = act_go_by_call, .call = true };
FIXTURE_VARIANT_ADD(ways, procs) { .act = act_go_by_procs };
FIXTURE_VARIANT_ADD(ways, clone) { .act = act_go_by_clone, .born = true };

FIXTURE_SETUP(ways)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	go = mmap(NULL, sizeof(*go), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, go);
	self->host.id = 0;
	self->host.group = group_make("plain");
	ASSERT_LE(0, self->host.group);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	ASSERT_EQ(0, context_make(&self->b, B, 0));
	self->below.id = A;
	self->below.group = group_make("100/below");
	ASSERT_LE(0, self->below.group);
	ASSERT_EQ(0, actor_start(&self->mover, NULL));
}

FIXTURE_TEARDOWN(ways)
{
	actor_end(&self->mover);
	EXPECT_TRUE(tests_end(self->before));
}

/* Of an actor that is in @from to @to, as the mover does it. */
#define GO(from, to) ({						\
	struct actor __traveller;				\
	long __value = actor_start(&__traveller, (from));	\
								\
	set_go((to), __traveller.pid);				\
	if (!__value)						\
		__value = actor_do(&self->mover, variant->act, 0); \
	actor_end(&__traveller);				\
	__value;						\
})

TEST_F(ways, the_host_may)
{
	EXPECT_EQ(0, GO(NULL, &self->a));
	EXPECT_EQ(0, GO(NULL, &self->below));
	EXPECT_EQ(0, GO(&self->a, &self->b));
	EXPECT_EQ(0, GO(&self->a, &self->below));
	EXPECT_EQ(0, GO(&self->below, &self->a));
	EXPECT_EQ(0, GO(&self->a, &self->host));
	EXPECT_EQ(0, vps_processes(A));
	EXPECT_EQ(0, vps_processes(B));
	EXPECT_EQ(0, vps_tasks(A));
	EXPECT_EQ(0, vps_tasks(B));
}

static void delegate(const char *name)
{
	static const char *const files[] = { "", "cgroup.procs", "cgroup.threads" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", group_path(name), files[i]);
		if (chown(path, SOMEBODY, SOMEBODY))
			perror("# chown");
	}
}

TEST_F(ways, who_has_the_groups_may_not)
{
	delegate("");
	delegate("100");
	delegate("101");
	delegate("plain");
	set_go(&self->host, 0);
	ASSERT_EQ(0, actor_do(&self->mover, act_go_by_procs, 0));
	ASSERT_EQ(0, actor_do(&self->mover, act_become, SOMEBODY));

	EXPECT_EQ(variant->call ? -EPERM : 0, actor_do(&self->mover, variant->act, 0));
	set_go(&self->a, 0);
	EXPECT_EQ(-EPERM, actor_do(&self->mover, variant->act, 0));
	set_go(&self->a, self->mover.pid);
	EXPECT_EQ(-EPERM, actor_do(&self->mover, variant->act, 0));
	EXPECT_EQ(0, actor_do(&self->mover, act_current, 0));
}

static long act_drop_admin(long unused)
{
	struct { __u32 version; int pid; } head = { 0x20080522 };
	struct { __u32 effective, permitted, inheritable; } data[2];

	if (syscall(__NR_capget, &head, data))
		return -errno;
	data[0].effective &= ~(1U << 21);	/* CAP_SYS_ADMIN */
	data[0].permitted &= ~(1U << 21);
	return syscall(__NR_capset, &head, data) ? -errno : 0;
}

/* Number 0 is not enough. */
TEST_F(ways, root_without_admin_may_not)
{
	ASSERT_EQ(0, actor_do(&self->mover, act_drop_admin, 0));
	set_go(&self->host, 0);
	EXPECT_EQ(variant->call ? -EPERM : 0, actor_do(&self->mover, variant->act, 0));
	set_go(&self->a, 0);
	EXPECT_EQ(-EPERM, actor_do(&self->mover, variant->act, 0));
	EXPECT_EQ(0, actor_do(&self->mover, act_current, 0));
}

static long act_user_namespace(long unused)
{
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

TEST_F(ways, root_of_a_user_namespace_may_not)
{
	ASSERT_EQ(0, actor_do(&self->mover, act_user_namespace, 0));
	set_go(&self->a, 0);
	EXPECT_GT(0, actor_do(&self->mover, variant->act, 0));
	EXPECT_EQ(0, actor_do(&self->mover, act_current, 0));
	EXPECT_EQ(0, vps_processes(A));
}

TEST_F(ways, nobody_leaves_by_himself)
{
	struct actor other;

	ASSERT_EQ(0, actor_start(&other, NULL));
	ASSERT_EQ(0, vps_migrate(A, self->a.group, self->mover.pid));

	set_go(&self->below, 0);
	EXPECT_EQ(variant->call ? -EPERM : 0, actor_do(&self->mover, variant->act, 0));
	set_go(&self->b, 0);
	EXPECT_EQ(-EPERM, actor_do(&self->mover, variant->act, 0));
	set_go(&self->host, 0);
	EXPECT_EQ(-EPERM, actor_do(&self->mover, variant->act, 0));
	EXPECT_EQ(A, actor_do(&self->mover, act_current, 0));
	/* Nor is somebody else brought in, or from there to elsewhere. */
	if (!variant->born) {
		int refused = variant->call ? EPERM : ESRCH;

		set_go(&self->a, other.pid);
		EXPECT_EQ(-refused, actor_do(&self->mover, variant->act, 0));
		set_go(&self->b, other.pid);
		EXPECT_EQ(-refused, actor_do(&self->mover, variant->act, 0));
		EXPECT_EQ(0, actor_do(&other, act_current, 0));
	}
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(0, vps_processes(B));
	actor_end(&other);
}

TEST_F(ways, lock)
{
	if (variant->born)
		SKIP(return, "who is born comes from the host");
	ASSERT_EQ(0, vps_set_flags(A, VPS_LOCK));
	EXPECT_EQ(-EXDEV, GO(&self->a, &self->b));
	EXPECT_EQ(-EXDEV, GO(&self->a, &self->host));
	EXPECT_EQ(-EXDEV, GO(&self->below, &self->host));
	EXPECT_EQ(0, GO(&self->a, &self->below));
	EXPECT_EQ(0, GO(NULL, &self->a));
	EXPECT_EQ(0, GO(&self->b, &self->a));
	ASSERT_EQ(0, vps_set_flags(A, 0));
	EXPECT_EQ(0, GO(&self->a, &self->b));
}

TEST_F(ways, private)
{
	struct actor init;

	ASSERT_EQ(0, actor_start(&init, &self->a));
	ASSERT_EQ(0, vps_set_flags(A, VPS_PRIVATE));
	EXPECT_EQ(0, GO(NULL, &self->a));
	ASSERT_EQ(0, vps_set_init(A, init.pid));
	EXPECT_EQ(-EACCES, GO(NULL, &self->a));
	EXPECT_EQ(-EACCES, GO(NULL, &self->below));
	EXPECT_EQ(-EACCES, GO(&self->b, &self->a));
	EXPECT_EQ(1, vps_processes(A));

	/* Not of what is in there already. */
	set_go(&self->below, init.pid);
	if (!variant->born)
		EXPECT_EQ(0, actor_do(&self->mover, variant->act, 0));

	ASSERT_EQ(0, vps_set_flags(A, 0));
	EXPECT_EQ(0, GO(NULL, &self->a));
	ASSERT_EQ(0, vps_set_flags(A, VPS_PRIVATE));
	actor_end(&init);
	EXPECT_EQ(0, GO(NULL, &self->a));
}

/* No new process: none is born, but who is there may come. */
TEST_F(ways, stop)
{
	ASSERT_EQ(0, vps_set_stop(A, 1));
	EXPECT_EQ(variant->born ? -EAGAIN : 0, GO(NULL, &self->a));
	EXPECT_EQ(variant->born ? -EAGAIN : 0, GO(NULL, &self->below));
	EXPECT_EQ(0, vps_processes(A));
	ASSERT_EQ(0, vps_set_stop(A, 0));
	EXPECT_EQ(0, GO(NULL, &self->a));
}

TEST_F(ways, into_an_ended_one)
{
	struct context left = { .id = 0, .group = self->b.group };

	ASSERT_EQ(0, vps_destroy(B));
	EXPECT_EQ(variant->call ? -ESTALE : -ESRCH, GO(NULL, &left));
	left.id = B;
	EXPECT_EQ(-ESRCH, GO(NULL, &left));
	left.id = A;
	EXPECT_EQ(variant->call ? -ESTALE : -ESRCH, GO(NULL, &left));
	/* Nor has another context with its number anything to do with it. */
	ASSERT_EQ(0, vps_create(B, group_make("again"), 0));
	left.id = B;
	EXPECT_EQ(variant->call ? -ESTALE : -ESRCH, GO(NULL, &left));
	EXPECT_EQ(0, vps_processes(B));
}

TEST_F(ways, into_a_removed_group)
{
	ASSERT_EQ(0, group_remove("101"));
	EXPECT_EQ(-ESRCH, vps_exists(B));
	EXPECT_EQ(variant->call ? -ESRCH : -ENOENT, GO(NULL, &self->b));
}

/* ---- what the host has opened ---- */

FIXTURE(opened) {
	long before;
	struct context a;
	struct actor actor;
};

static int opened;

FIXTURE_SETUP(opened)
{
	self->before = tests_begin();
	ASSERT_EQ(0, context_make(&self->a, A, 0));
}

FIXTURE_TEARDOWN(opened)
{
	actor_end(&self->actor);
	EXPECT_TRUE(tests_end(self->before));
}

static long act_write_opened(long pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%ld", pid);
	return write(opened, text, strlen(text)) < 0 ? -errno : 0;
}

TEST_F(opened, is_of_no_use_inside)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.threads" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", group_path(""), files[i]);
		opened = open(path, O_WRONLY);
		ASSERT_LE(0, opened);
		if (i)
			actor_end(&self->actor);
		ASSERT_EQ(0, actor_start(&self->actor, &self->a));
		/* That a thread by itself cannot go to another domain is said before. */
		EXPECT_EQ(i ? -EOPNOTSUPP : -EPERM, actor_do(&self->actor, act_write_opened, 0));
		EXPECT_EQ(A, actor_do(&self->actor, act_current, 0));
		if (!i)
			EXPECT_EQ(0, act_write_opened(self->actor.pid));
		EXPECT_EQ(i ? A : 0, actor_do(&self->actor, act_current, 0));
	}
}

/* ---- threads ---- */

#define THREAD_COUNT 5

FIXTURE(threads) {
	long before;
	struct context a, b;
	struct actor actor;
};

FIXTURE_SETUP(threads)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	ASSERT_EQ(0, context_make(&self->b, B, 0));
}

FIXTURE_TEARDOWN(threads)
{
	actor_end(&self->actor);
	EXPECT_TRUE(tests_end(self->before));
}

static int gate[2];

static void *thread_main(void *unused)
{
	char byte;

	while (read(gate[0], &byte, 1) < 0)
		;
	return NULL;
}

static void *thread_pause(void *unused)
{
	for (;;)
		pause();
	return NULL;
}

static pthread_t threads[THREAD_COUNT];

static long act_start_threads(long unused)
{
	for (int i = 0; i < THREAD_COUNT; i++)
		if (pthread_create(&threads[i], NULL, thread_main, NULL))
			return -errno;
	return 0;
}

static long act_join_threads(long unused)
{
	for (int i = 0; i < THREAD_COUNT; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

TEST_F(threads, go_together)
{
	ASSERT_EQ(0, pipe(gate));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_start_threads, 0));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(1 + THREAD_COUNT, vps_tasks(A));
	EXPECT_EQ(0, vps_migrate(B, self->b.group, self->actor.pid));
	EXPECT_EQ(0, vps_processes(A));
	EXPECT_EQ(0, vps_tasks(A));
	EXPECT_EQ(1, vps_processes(B));
	EXPECT_EQ(1 + THREAD_COUNT, vps_tasks(B));
	ASSERT_EQ(THREAD_COUNT, write(gate[1], "12345", THREAD_COUNT));
	EXPECT_EQ(0, actor_do(&self->actor, act_join_threads, 0));
	EXPECT_TRUE(EVENTUALLY(vps_tasks(B) == 1));
	EXPECT_EQ(1, vps_processes(B));
}

static pid_t thread_id;

static void *thread_tell(void *unused)
{
	SET_ONCE(thread_id, syscall(__NR_gettid));
	return thread_main(NULL);
}

static long act_one_thread(long unused)
{
	thread_id = 0;
	if (pthread_create(&threads[0], NULL, thread_tell, NULL))
		return -errno;
	while (!GET_ONCE(thread_id))
		sched_yield();
	return thread_id;
}

/* Whichever of them is named: it is the process that goes. */
TEST_F(threads, named_by_one)
{
	pid_t thread;

	ASSERT_EQ(0, pipe(gate));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	thread = actor_do(&self->actor, act_one_thread, 0);
	ASSERT_LT(0, thread);
	EXPECT_EQ(0, vps_migrate(B, self->b.group, thread));
	EXPECT_EQ(0, vps_tasks(A));
	EXPECT_EQ(2, vps_tasks(B));
	EXPECT_EQ(1, vps_processes(B));
	EXPECT_EQ(0, put_number(self->a.group, "cgroup.procs", thread));
	EXPECT_EQ(2, vps_tasks(A));
	EXPECT_EQ(0, vps_tasks(B));
}

/* Within one context threads may be in several groups; in several contexts they may not. */
TEST_F(threads, are_not_split)
{
	int parent = group_make("parent"), child = group_make("parent/child");
	int below = group_make("100/below");
	pid_t thread;

	ASSERT_LE(0, below);
	ASSERT_EQ(0, pipe(gate));
	ASSERT_EQ(0, actor_start(&self->actor, NULL));
	thread = actor_do(&self->actor, act_one_thread, 0);
	ASSERT_LT(0, thread);

	EXPECT_EQ(-EOPNOTSUPP, put_number(self->a.group, "cgroup.threads", thread));
	ASSERT_EQ(0, vps_create(102, child, 0));
	ASSERT_EQ(0, put_number(parent, "cgroup.procs", self->actor.pid));
	ASSERT_EQ(0, put_text(child, "cgroup.type", "threaded"));
	EXPECT_EQ(-EOPNOTSUPP, put_number(child, "cgroup.threads", thread));
	EXPECT_EQ(-EOPNOTSUPP, put_number(child, "cgroup.procs", self->actor.pid));
	EXPECT_EQ(-EOPNOTSUPP, vps_migrate(102, child, self->actor.pid));
	EXPECT_EQ(0, vps_tasks(102));
	EXPECT_EQ(0, actor_do(&self->actor, act_current, 0));

	ASSERT_EQ(0, put_text(below, "cgroup.type", "threaded"));
	EXPECT_EQ(0, vps_migrate(A, self->a.group, self->actor.pid));
	EXPECT_EQ(0, put_number(below, "cgroup.threads", thread));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(2, vps_tasks(A));
	EXPECT_EQ(0, vps_migrate(B, self->b.group, self->actor.pid));
	EXPECT_EQ(0, vps_tasks(A));
	EXPECT_EQ(2, vps_tasks(B));
}

/* ---- ways of being born and of ending ---- */

static long act_vfork(long unused)
{
	pid_t pid = vfork();

	if (!pid) {
		char byte;

		_exit(read(gate[0], &byte, 1) == 1 ? 0 : 1);
	}
	return pid < 0 ? -errno : waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

TEST_F(threads, vfork)
{
	ASSERT_EQ(0, pipe(gate));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	actor_ask(&self->actor, act_vfork, 0);
	EXPECT_TRUE(EVENTUALLY(vps_processes(A) == 2));
	EXPECT_EQ(2, vps_tasks(A));
	ASSERT_EQ(1, write(gate[1], "1", 1));
	EXPECT_EQ(0, actor_hear(&self->actor));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(1, vps_tasks(A));
}

/* What the program is when it has executed itself: one thread that waits for its end. */
static void __attribute__((constructor)) executed(int argc, char **argv)
{
	char byte;

	if (argc == 2 && !strcmp(argv[1], "--executed"))
		_exit(read(0, &byte, 1) == 1 ? 7 : 8);
}

static void *thread_execute(void *unused)
{
	execl("/proc/self/exe", "cross_test", "--executed", NULL);
	_exit(9);
}

static long act_execute_in_a_thread(long unused)
{
	pthread_t thread;

	dup2(gate[0], 0);
	act_start_threads(0);
	pthread_create(&thread, NULL, thread_execute, NULL);
	pthread_join(thread, NULL);
	return -EPROTO;
}

TEST_F(threads, execution_by_one)
{
	ASSERT_EQ(0, pipe(gate));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	EXPECT_EQ(-EPIPE, actor_do(&self->actor, act_execute_in_a_thread, 0));
	EXPECT_TRUE(EVENTUALLY(vps_tasks(A) == 1));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(0, vps_migrate(B, self->b.group, self->actor.pid));
	EXPECT_EQ(0, vps_tasks(A));
	EXPECT_EQ(1, vps_processes(B));
	ASSERT_EQ(1, write(gate[1], "1", 1));
	EXPECT_EQ(7, WEXITSTATUS(actor_end(&self->actor)));
	EXPECT_EQ(0, vps_tasks(B));
	EXPECT_EQ(0, vps_processes(B));
}

static long act_leave_zombie(long unused)
{
	pid_t pid = fork();
	siginfo_t info;

	if (!pid)
		_exit(0);
	if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		return -errno;
	return pid;
}

static long act_reap(long pid)
{
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

/* They count where they died, until they are waited for; so does what is wrong with them. */
TEST_F(threads, zombies)
{
	pid_t zombie;

	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	zombie = actor_do(&self->actor, act_leave_zombie, 0);
	ASSERT_LT(0, zombie);
	EXPECT_EQ(2, vps_processes(A));
	EXPECT_EQ(2, vps_tasks(A));
	EXPECT_GE(0, vps_migrate(B, self->b.group, zombie));
	EXPECT_EQ(2, vps_processes(A));
	EXPECT_EQ(0, vps_migrate(B, self->b.group, self->actor.pid));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(1, vps_processes(B));
	EXPECT_EQ(0, actor_do(&self->actor, act_reap, zombie));
	EXPECT_EQ(0, vps_processes(A));
	EXPECT_EQ(0, vps_tasks(A));
	EXPECT_EQ(1, vps_processes(B));
}

static long act_leader_ends(long unused)
{
	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, thread_pause, NULL))
			return -errno;
	syscall(__NR_exit, 0);
	return 0;
}

static bool leader_is_dead(pid_t pid)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return get_text(AT_FDCWD, path, text, sizeof(text)) > 0 && strstr(text, ") Z ");
}

/* A process whose first thread has ended is one process still. */
TEST_F(threads, leader_ends_first)
{
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	actor_ask(&self->actor, act_leader_ends, 0);
	EXPECT_TRUE(EVENTUALLY(leader_is_dead(self->actor.pid)));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(3, vps_tasks(A));
	EXPECT_EQ(-EBUSY, vps_destroy(A));
	EXPECT_EQ(0, vps_signal(A, SIGKILL));
	actor_end(&self->actor);
	EXPECT_EQ(0, vps_processes(A));
	EXPECT_EQ(0, vps_tasks(A));
	EXPECT_EQ(0, vps_destroy(A));
}

/* What is refused has not been counted. */
TEST_F(threads, failed_forks)
{
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, vps_set_stop(A, 1));
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(1, vps_tasks(A));
	ASSERT_EQ(0, vps_set_stop(A, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(1, vps_processes(A));
}

/* By a controller that is asked before or after: who may not be born has not been counted. */
TEST_F(threads, forks_that_others_refuse)
{
	struct context below = { .id = A };

	ASSERT_EQ(0, actor_start(&self->actor, NULL));
	if (put_text(AT_FDCWD, ROOT_GROUP "/cgroup.subtree_control", "+pids") ||
	    put_text(AT_FDCWD, TEST_GROUP "/cgroup.subtree_control", "+pids"))
		SKIP(return, "the controller pids is not on this hierarchy");
	ASSERT_EQ(0, put_text(self->a.group, "pids.max", "1"));
	below.group = self->a.group;
	ASSERT_EQ(0, vps_migrate(A, below.group, self->actor.pid));
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(1, vps_tasks(A));
	ASSERT_EQ(0, put_text(self->a.group, "pids.max", "max"));
	EXPECT_EQ(0, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(1, vps_tasks(A));
}

TEST_F(threads, born_inside)
{
	pid_t pid;

	ASSERT_EQ(0, actor_start(&self->actor, NULL));
	pid = clone_into(self->a.group);
	if (!pid)
		for (;;)
			pause();
	ASSERT_LT(0, pid);
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(1, vps_tasks(A));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, vps_processes(A));
	EXPECT_EQ(0, vps_tasks(A));
}

/* ---- namespaces ---- */

static const struct kind {
	const char *name;
	int flag;
	unsigned int get;
} kinds[] = {
	{ "uts", CLONE_NEWUTS, PIDFD_GET_UTS_NAMESPACE },
	{ "ipc", CLONE_NEWIPC, PIDFD_GET_IPC_NAMESPACE },
	{ "net", CLONE_NEWNET, PIDFD_GET_NET_NAMESPACE },
	{ "pid", CLONE_NEWPID, PIDFD_GET_PID_NAMESPACE },
	{ "cgroup", CLONE_NEWCGROUP, PIDFD_GET_CGROUP_NAMESPACE },
	{ "mnt", CLONE_NEWNS, PIDFD_GET_MNT_NAMESPACE },
	{ "user", 0, PIDFD_GET_USER_NAMESPACE },
	{ "pid_for_children", 0, PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE },
};

static int target_pidfd;
static pid_t target_pid;

FIXTURE(spaces) {
	long before;
	struct context a, b;
	struct actor target, other;
};

FIXTURE_SETUP(spaces)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	ASSERT_EQ(0, context_make(&self->b, B, 0));
	ASSERT_EQ(0, actor_start(&self->target, &self->a));
	target_pid = self->target.pid;
	target_pidfd = syscall(__NR_pidfd_open, target_pid, 0);
	ASSERT_LE(0, target_pidfd);
}

FIXTURE_TEARDOWN(spaces)
{
	actor_end(&self->target);
	actor_end(&self->other);
	EXPECT_TRUE(tests_end(self->before));
}

static long act_setns(long i)
{
	return setns(target_pidfd, kinds[i].flag) ? -errno : 0;
}

static long act_get_namespace(long i)
{
	int fd = ioctl(target_pidfd, kinds[i].get, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long act_open_link(long i)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", target_pid, kinds[i].name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

#define EACH_KIND(setns_value, get_value, link_value) do {				\
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {				\
		if (kinds[i].flag)							\
			EXPECT_EQ(setns_value, actor_do(&self->other, act_setns, i))	\
				TH_LOG("%s", kinds[i].name);				\
		EXPECT_EQ(get_value, actor_do(&self->other, act_get_namespace, i))	\
			TH_LOG("%s", kinds[i].name);					\
		EXPECT_EQ(link_value, actor_do(&self->other, act_open_link, i))		\
			TH_LOG("%s", kinds[i].name);					\
	}										\
} while (0)

TEST_F(spaces, of_a_context_by_the_host)
{
	ASSERT_EQ(0, actor_start(&self->other, NULL));
	EACH_KIND(0, 0, 0);
	ASSERT_EQ(0, vps_set_init(A, target_pid));
	EACH_KIND(0, 0, 0);
}

TEST_F(spaces, of_a_private_context_by_the_host)
{
	ASSERT_EQ(0, vps_set_flags(A, VPS_PRIVATE));
	ASSERT_EQ(0, actor_start(&self->other, NULL));
	EACH_KIND(0, 0, 0);
	ASSERT_EQ(0, vps_set_init(A, target_pid));
	EACH_KIND(-EPERM, -EACCES, -EACCES);
}

TEST_F(spaces, by_a_neighbour)
{
	ASSERT_EQ(0, actor_start(&self->other, &self->b));
	EACH_KIND(-EPERM, -EACCES, -ENOENT);
}

TEST_F(spaces, by_those_inside)
{
	ASSERT_EQ(0, vps_set_flags(A, VPS_PRIVATE));
	ASSERT_EQ(0, vps_set_init(A, target_pid));
	ASSERT_EQ(0, actor_start(&self->other, NULL));
	ASSERT_EQ(-EACCES, vps_migrate(A, self->a.group, self->other.pid));
	ASSERT_EQ(0, vps_set_flags(A, 0));
	ASSERT_EQ(0, vps_migrate(A, self->a.group, self->other.pid));
	ASSERT_EQ(0, vps_set_flags(A, VPS_PRIVATE));
	EACH_KIND(0, 0, 0);
}

TEST_F(spaces, of_the_host_from_inside)
{
	ASSERT_EQ(0, vps_migrate(0, group_make("plain"), target_pid));
	ASSERT_EQ(0, actor_start(&self->other, &self->a));
	EACH_KIND(-EPERM, -EACCES, -ENOENT);
}

TEST_HARNESS_MAIN
