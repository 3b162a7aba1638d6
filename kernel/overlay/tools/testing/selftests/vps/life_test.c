// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a context lives, and how it is to live in one: what holds it, what it is not allowed,
 * what it sees and reaches of others.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include "vps_test.h"

#define A 100
#define B 101

#define CAP(n) (1ULL << (n))

/* What the processes of a test tell each other. */
static struct shared {
	pid_t pid;
	unsigned long forks;
} *shared;

static int letters[2];	/* descriptors go from an actor to the test */
static struct sockaddr_in address;

FIXTURE(life) {
	long before;
	struct context a, b;
	struct actor actor;
};

FIXTURE_SETUP(life)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, contexts_dying());
	ASSERT_EQ(0, unshare(CLONE_NEWNET | CLONE_NEWUTS));
	ASSERT_EQ(0, loopback_up());
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, letters));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	ASSERT_EQ(0, context_make(&self->b, B, 0));
}

FIXTURE_TEARDOWN(life)
{
	if (self->actor.pid)
		actor_end(&self->actor);
	EXPECT_TRUE(tests_end(self->before));
}

/* ---- what holds a context that has ended ---- */

static long give(int fd)
{
	long value;

	if (fd < 0)
		return -errno;
	value = send_fd(letters[1], fd);
	close(fd);
	return value;
}

static int listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 8))
		return -1;
	return fd;
}

static int hold_listening(void)
{
	return listener();
}

static int hold_accepted(void)
{
	struct sockaddr_in where;
	socklen_t length = sizeof(where);
	int fd = listener(), client = socket(AF_INET, SOCK_STREAM, 0), accepted;

	getsockname(fd, (struct sockaddr *)&where, &length);
	if (connect(client, (struct sockaddr *)&where, sizeof(where)))
		return -1;
	accepted = accept(fd, NULL, NULL);
	close(fd);
	close(client);
	return accepted;
}

static int hold_udp(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int hold_udp6(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0);
}

static int hold_unix(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -1;
	close(fds[1]);
	return fds[0];
}

static int hold_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int hold_file(void)
{
	return open("/proc/self/stat", O_RDONLY);
}

static int hold_pipe(void)
{
	int fds[2];

	if (pipe(fds))
		return -1;
	close(fds[0]);
	return fds[1];
}

FIXTURE(holds) {
	long before;
	struct context a;
	struct actor actor;
};

FIXTURE_VARIANT(holds) {
	int (*make)(void);
	/*
	 * By a child, which has credentials of its context; sockets hold it without them.
	 */
	bool by_child;
};

FIXTURE_VARIANT_ADD(holds, listening) { .make = hold_listening };
FIXTURE_VARIANT_ADD(holds, accepted) { .make = hold_accepted };
FIXTURE_VARIANT_ADD(holds, udp) { .make = hold_udp };
FIXTURE_VARIANT_ADD(holds, udp6) { .make = hold_udp6 };
FIXTURE_VARIANT_ADD(holds, unix_pair) { .make = hold_unix };
FIXTURE_VARIANT_ADD(holds, netlink) { .make = hold_netlink };
FIXTURE_VARIANT_ADD(holds, file) { .make = hold_file, .by_child = true };
FIXTURE_VARIANT_ADD(holds, pipe) { .make = hold_pipe, .by_child = true };

FIXTURE_SETUP(holds)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, contexts_dying());
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, letters));
	ASSERT_EQ(0, context_make(&self->a, A, 0));
}

FIXTURE_TEARDOWN(holds)
{
	EXPECT_TRUE(tests_end(self->before));
}

static int (*make_held)(void);

static long act_hold(long by_child)
{
	pid_t pid;
	int status;

	if (!by_child)
		return give(make_held());
	pid = fork();
	if (!pid)
		_exit(-give(make_held()));
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return -WEXITSTATUS(status);
}

/* Where nothing is kept nothing is held. */
TEST_F(holds, nothing)
{
	make_held = variant->make;
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_hold, variant->by_child));
	actor_end(&self->actor);
	close(receive_fd(letters[0]));
	EXPECT_EQ(0, vps_destroy(A));
	EXPECT_EQ(0, group_remove("100"));
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
}

TEST_F(holds, a_number_is_free_and_the_context_is_not)
{
	int fd, group;

	make_held = variant->make;
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_hold, variant->by_child));
	fd = receive_fd(letters[0]);
	ASSERT_LE(0, fd);
	actor_end(&self->actor);
	EXPECT_EQ(0, vps_destroy(A));
	EXPECT_EQ(-ESRCH, vps_exists(A));
	EXPECT_EQ(self->before, contexts());
	close(self->a.group);
	ASSERT_EQ(0, group_remove("100"));

	/* What the group itself held is gone after some grace periods, this is not. */
	group = group_make("later");
	ASSERT_EQ(0, vps_create(B, group, 0));
	ASSERT_EQ(0, vps_destroy(B));
	close(group);
	ASSERT_EQ(0, group_remove("later"));
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 1));

	ASSERT_EQ(0, context_make(&self->a, A, 0));
	EXPECT_EQ(A, act_in(&self->a, act_current, 0));
	EXPECT_EQ(1, contexts_dying());
	close(fd);
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
	EXPECT_EQ(0, vps_exists(A));
}

static int accept_from(int fd)
{
	struct sockaddr_in where;
	socklen_t length = sizeof(where);
	int client = socket(AF_INET, SOCK_STREAM, 0), accepted;

	if (getsockname(fd, (struct sockaddr *)&where, &length) ||
	    connect(client, (struct sockaddr *)&where, sizeof(where)))
		return -1;
	accepted = accept(fd, NULL, NULL);
	close(client);
	return accepted;
}

/* What a listener brings belongs to whoever listens, not to who happens to be there. */
TEST_F(holds, accepted_by_the_host)
{
	int fd, accepted;

	if (variant->make != hold_listening)
		SKIP(return, "is no listener");
	make_held = hold_listening;
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_hold, 0));
	fd = receive_fd(letters[0]);
	actor_end(&self->actor);
	accepted = accept_from(fd);
	ASSERT_LE(0, accepted);
	ASSERT_EQ(0, vps_destroy(A));
	close(self->a.group);
	ASSERT_EQ(0, group_remove("100"));
	close(fd);
	/* The listener is freed after a grace period; another context's end shows it is over. */
	fd = group_make("later");
	ASSERT_EQ(0, vps_create(B, fd, 0));
	close(fd);
	ASSERT_EQ(0, group_remove("later"));
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 1));
	close(accepted);
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
}

/* ---- how contexts end ---- */

FIXTURE(ends) {
	long before;
	struct context a, b;
	struct actor actor;
};

FIXTURE_VARIANT(ends) {
	bool by_rmdir;
};

FIXTURE_VARIANT_ADD(ends, destroyed) { };
FIXTURE_VARIANT_ADD(ends, removed) { .by_rmdir = true };

FIXTURE_SETUP(ends)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	ASSERT_EQ(0, context_make(&self->b, B, 0));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
}

FIXTURE_TEARDOWN(ends)
{
	actor_end(&self->actor);
	EXPECT_TRUE(tests_end(self->before));
}

static long act_leave_zombie(long unused)
{
	pid_t pid = fork();
	siginfo_t info;

	if (!pid)
		_exit(0);
	return waitid(P_PID, pid, &info, WEXITED | WNOWAIT) ? -errno : pid;
}

static long act_reap(long pid)
{
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

TEST_F(ends, a_zombie_holds_it)
{
	pid_t zombie;

	zombie = actor_do(&self->actor, act_leave_zombie, 0);
	ASSERT_LT(0, zombie);
	ASSERT_EQ(0, vps_migrate(B, self->b.group, self->actor.pid));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(0, variant->by_rmdir ? 0 : vps_destroy(A));
	EXPECT_EQ(0, group_remove("100"));
	EXPECT_EQ(-ESRCH, vps_exists(A));
	EXPECT_EQ(self->before + 1, contexts());
	close(self->a.group);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	EXPECT_EQ(0, vps_processes(A));
	EXPECT_EQ(1, contexts_dying());
	EXPECT_EQ(0, actor_do(&self->actor, act_reap, zombie));
	EXPECT_EQ(0, vps_processes(A));
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
}

/* A hundred times, so that one that stays would be seen. */
TEST_F(ends, come_and_go)
{
	for (int i = 0; i < 100; i++) {
		struct context context;

		ASSERT_EQ(0, context_make(&context, 200, 0));
		if (i % 4 == 0)
			EXPECT_EQ(200, act_in(&context, act_current, 0));
		if (!variant->by_rmdir)
			ASSERT_EQ(0, vps_destroy(200));
		close(context.group);
		ASSERT_EQ(0, group_remove("200"));
	}
	EXPECT_EQ(self->before + 2, contexts());
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
}

/* ---- the first process ---- */

static long act_own_init(long unused)
{
	return vps_init(A);
}

static long act_init_of_namespace(long unused)
{
	int fds[2];
	long value = -EPROTO;
	pid_t pid;

	if (unshare(CLONE_NEWPID) || pipe(fds))
		return -errno;
	pid = fork();
	if (!pid) {
		while (!GET_ONCE(shared->pid))
			nap();
		value = vps_init(A);
		if (write(fds[1], &value, sizeof(value)) != sizeof(value))
			_exit(1);
		pause();
	}
	close(fds[1]);
	SET_ONCE(shared->forks, pid);
	if (read(fds[0], &value, sizeof(value)) != sizeof(value))
		return -EPIPE;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return value;
}

TEST_F(life, init_in_pid_namespaces)
{
	struct actor stranger;
	pid_t init;

	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	actor_ask(&self->actor, act_init_of_namespace, 0);
	ASSERT_TRUE(EVENTUALLY(GET_ONCE(shared->forks)));
	init = GET_ONCE(shared->forks);
	ASSERT_EQ(0, vps_set_init(A, init));
	EXPECT_EQ(init, vps_init(A));
	SET_ONCE(shared->pid, init);
	EXPECT_EQ(1, actor_hear(&self->actor));
	/* It has died meanwhile. */
	EXPECT_EQ(0, vps_init(A));

	/* Where it is not seen it has no number. */
	ASSERT_EQ(0, actor_start(&stranger, &self->a));
	ASSERT_EQ(0, vps_set_init(A, stranger.pid));
	EXPECT_EQ(stranger.pid, actor_do(&stranger, act_own_init, 0));
	actor_end(&self->actor);
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	EXPECT_EQ(0, actor_do(&self->actor, act_init_of_namespace, 0));
	actor_end(&stranger);
	EXPECT_EQ(0, vps_init(A));
}

TEST_F(life, init_goes_elsewhere)
{
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, vps_set_init(A, self->actor.pid));
	ASSERT_EQ(0, vps_migrate(B, self->b.group, self->actor.pid));
	EXPECT_EQ(-EXDEV, vps_set_init(A, self->actor.pid));
	EXPECT_EQ(0, vps_set_init(B, self->actor.pid));
	EXPECT_EQ(self->actor.pid, vps_init(B));
}

/* ---- flags ---- */

static long act_limit(long limit)
{
	struct rlimit rlimit = { limit, limit };

	return setrlimit(RLIMIT_NPROC, &rlimit) ? -errno : act_become(SOMEBODY);
}

/* What a program is that was executed by one who has too many processes. */
static void __attribute__((constructor)) executed(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--executed"))
		_exit(0);
}

static long act_execute_over_limit(long unused)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (act_limit(1))
			_exit(1);
		execl("/proc/self/exe", "life_test", "--executed", NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return -WEXITSTATUS(status);
}

TEST_F(life, nproc)
{
	struct actor other, over;

	/* One more of that user, so that each is one too many. */
	ASSERT_EQ(0, actor_start(&other, NULL));
	ASSERT_EQ(0, actor_do(&other, act_become, SOMEBODY));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_start(&over, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_limit, 1));

	EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(-EAGAIN, actor_do(&over, act_execute_over_limit, 0));
	ASSERT_EQ(0, vps_set_flags(A, VPS_NPROC));
	EXPECT_EQ(0, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(0, actor_do(&over, act_execute_over_limit, 0));
	ASSERT_EQ(0, vps_set_flags(A, 0));
	EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(1 + 1, vps_processes(A));
	/* On the host nothing is changed by it. */
	ASSERT_EQ(0, vps_set_flags(A, VPS_NPROC));
	ASSERT_EQ(0, vps_migrate(0, group_make("plain"), self->actor.pid));
	EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_fork, 0));
	actor_end(&other);
	actor_end(&over);
}

static void *thread_main(void *unused)
{
	return NULL;
}

static long act_thread(long unused)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, thread_main, NULL);

	if (!err)
		pthread_join(thread, NULL);
	return -err;
}

static long act_vfork(long unused)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

TEST_F(life, stop)
{
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	EXPECT_EQ(0, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_thread, 0));
	ASSERT_EQ(0, vps_set_stop(A, 1));
	EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_vfork, 0));
	EXPECT_EQ(-EAGAIN, actor_do(&self->actor, act_thread, 0));
	EXPECT_EQ(A, actor_do(&self->actor, act_current, 0));
	/* It is that context's matter only. */
	EXPECT_EQ(0, act_fork(0));
	EXPECT_EQ(0, act_in(&self->b, act_fork, 0));
	ASSERT_EQ(0, vps_set_stop(A, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_vfork, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_thread, 0));
}

/* ---- capabilities ---- */

static long act_chroot(long unused)
{
	return chroot("/") ? -errno : 0;
}

static long act_mknod(long unused)
{
	const char *name = "/dev/vps-selftest";

	if (mknod(name, S_IFCHR | 0600, makedev(1, 3)))
		return -errno;
	unlink(name);
	return 0;
}

static long act_uts_namespace(long unused)
{
	return unshare(CLONE_NEWUTS) ? -errno : 0;
}

static long write_own(const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	return put_text(AT_FDCWD, path, text);
}

/* With root there being root here, so that another can be made inside. */
static long act_user_namespace(long unused)
{
	if (unshare(CLONE_NEWUSER))
		return -errno;
	return write_own("uid_map", "0 0 1") ?: write_own("setgroups", "deny") ?:
	       write_own("gid_map", "0 0 1");
}

static const struct bounded {
	long (*act)(long argument);
	__u64 cap;
} bounded[] = {
	{ act_chroot, CAP(CAP_SYS_CHROOT) },
	{ act_mknod, CAP(CAP_MKNOD) },
	{ act_uts_namespace, CAP(CAP_SYS_ADMIN) },
};

TEST_F(life, caps)
{
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	for (size_t i = 0; i < ARRAY_SIZE(bounded); i++) {
		EXPECT_EQ(0, actor_do(&self->actor, bounded[i].act, 0)) TH_LOG("%zu", i);
		ASSERT_EQ(0, vps_set_caps(A, ~bounded[i].cap));
		for (size_t j = 0; j < ARRAY_SIZE(bounded); j++) {
			EXPECT_EQ(i == j ? -EPERM : 0,
				  actor_do(&self->actor, bounded[j].act, 0)) {
				TH_LOG("without %zu: %zu", i, j);
			}
		}
		ASSERT_EQ(0, vps_set_caps(A, ALL_CAPS));
		EXPECT_EQ(0, actor_do(&self->actor, bounded[i].act, 0)) TH_LOG("%zu", i);
	}
	/* Those of the neighbours and the host are theirs. */
	ASSERT_EQ(0, vps_set_caps(A, 0));
	for (size_t i = 0; i < ARRAY_SIZE(bounded); i++) {
		EXPECT_EQ(-EPERM, actor_do(&self->actor, bounded[i].act, 0));
		EXPECT_EQ(0, act_in(&self->b, bounded[i].act, 0));
		EXPECT_EQ(0, act_in(NULL, bounded[i].act, 0));
	}
}

/* In its user namespace, too; what is made below that is its own business. */
TEST_F(life, caps_in_user_namespaces)
{
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_user_namespace, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_chroot, 0));
	ASSERT_EQ(0, vps_set_caps(A, ~CAP(CAP_SYS_CHROOT)));
	EXPECT_EQ(-EPERM, actor_do(&self->actor, act_chroot, 0));
	actor_end(&self->actor);

	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_user_namespace, 0));
	ASSERT_EQ(0, actor_do(&self->actor, act_user_namespace, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_chroot, 0));
	EXPECT_EQ(-EPERM, actor_do(&self->actor, act_mknod, 0));
}

/* Whoever becomes root inside, by whichever way, is no more than that. */
TEST_F(life, caps_after_a_change_of_user)
{
	ASSERT_EQ(0, vps_set_caps(A, ~CAP(CAP_SYS_CHROOT)));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_become, 0));
	EXPECT_EQ(-EPERM, actor_do(&self->actor, act_chroot, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_mknod, 0));
}

/* ---- signals to all ---- */

#define BOMBS 20

/* It is another process each time, and what signals it has it leaves behind. */
static void bomb(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
		__atomic_add_fetch(&shared->forks, 1, __ATOMIC_SEQ_CST);
	}
}

static long act_bombs(long unused)
{
	for (int i = 0; i < BOMBS; i++) {
		pid_t pid = fork();

		if (!pid)
			bomb();
		if (pid < 0)
			return -errno;
	}
	return 0;
}

/* Is each process that is in there stopped, or dead? */
static bool all_are_stopped(int group)
{
	static char procs[65536];
	char *next = procs, path[64], stat[512], *state;

	if (get_text(group, "cgroup.procs", procs, sizeof(procs)) < 0)
		return false;
	while (*next) {
		long pid = strtol(next, &next, 10);

		next += *next == '\n';
		snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
		if (get_text(AT_FDCWD, path, stat, sizeof(stat)) < 0)
			continue;
		state = strrchr(stat, ')');
		if (state && state[2] != 'T' && state[2] != 'Z' && state[2] != 'X')
			return false;
	}
	return true;
}

static int rounds(void)
{
	const char *text = getenv("VPS_TEST_ROUNDS");
	int value = text ? atoi(text) : 2;

	return value > 0 ? value : 1;
}

TEST_F_TIMEOUT(life, nobody_escapes_a_signal, 300)
{
	unsigned long forks;

	/* Who is orphaned comes to us, and goes by himself. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	signal(SIGCHLD, SIG_IGN);
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_bombs, 0));
	for (int i = 0; i < 5 * rounds(); i++) {
		forks = GET_ONCE(shared->forks);
		EXPECT_TRUE(EVENTUALLY(GET_ONCE(shared->forks) > forks + 100));
		ASSERT_EQ(0, vps_signal(A, SIGSTOP));
		EXPECT_TRUE(EVENTUALLY(all_are_stopped(self->a.group)));
		forks = GET_ONCE(shared->forks);
		for (int j = 0; j < 20; j++)
			nap();
		EXPECT_EQ(forks, GET_ONCE(shared->forks));
		EXPECT_TRUE(all_are_stopped(self->a.group));
		ASSERT_EQ(0, vps_signal(A, SIGCONT));
	}
	forks = GET_ONCE(shared->forks);
	EXPECT_TRUE(EVENTUALLY(GET_ONCE(shared->forks) > forks + 100));
	ASSERT_EQ(0, vps_signal(A, SIGKILL));
	EXPECT_TRUE(EVENTUALLY(vps_tasks(A) == 0));
	EXPECT_EQ(0, vps_destroy(A));
}

TEST_F(life, a_signal_goes_to_all_groups_and_no_further)
{
	struct context below = { .id = A, .group = group_make("100/below") };
	struct actor deep, neighbour, host;

	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_start(&deep, &below));
	ASSERT_EQ(0, actor_start(&neighbour, &self->b));
	ASSERT_EQ(0, actor_start(&host, NULL));
	ASSERT_EQ(0, vps_signal(A, SIGKILL));
	EXPECT_EQ(SIGKILL, WTERMSIG(actor_end(&self->actor)));
	EXPECT_EQ(SIGKILL, WTERMSIG(actor_end(&deep)));
	EXPECT_EQ(B, actor_do(&neighbour, act_current, 0));
	EXPECT_EQ(0, actor_do(&host, act_current, 0));
	actor_end(&neighbour);
	actor_end(&host);
	self->actor.pid = 0;
}

/* ---- what is seen of others ---- */

/* How many processes there are in /proc, or how many of them are not the caller's context's. */
static long act_list(long strangers)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	long found = 0;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid && (!strangers || pid != getpid()))
			found++;
	}
	closedir(directory);
	return found;
}

static long act_stat(long pid)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%ld", pid);
	return stat(path, &status) ? -errno : 0;
}

static long open_below(long pid, const char *what)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, what);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long act_open_status(long pid)
{
	return open_below(pid, "status");
}

static long act_open_task(long pid)
{
	char name[64];

	snprintf(name, sizeof(name), "task/%ld/stat", pid);
	return open_below(pid, name);
}

static long act_chdir(long pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld", pid);
	return chdir(path) ? -errno : 0;
}

static int held;	/* the directory of a process, opened by the host */

static long act_open_held(long unused)
{
	int fd = openat(held, "status", O_RDONLY);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

TEST_F(life, processes_of_others_are_not_seen)
{
	static long (*const acts[])(long) = {
		act_stat, act_open_status, act_open_task, act_chdir,
	};
	struct actor neighbour, brother;

	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_start(&neighbour, &self->b));
	EXPECT_EQ(1, actor_do(&self->actor, act_list, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_list, 1));
	ASSERT_EQ(0, actor_start(&brother, &self->a));
	EXPECT_EQ(2, actor_do(&self->actor, act_list, 0));

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		/* Looked up by us, they are in the cache of names. */
		EXPECT_EQ(0, act_in(NULL, acts[i], 1));
		EXPECT_EQ(0, act_in(NULL, acts[i], neighbour.pid));
		EXPECT_EQ(-ENOENT, actor_do(&self->actor, acts[i], 1)) TH_LOG("%zu", i);
		EXPECT_EQ(-ENOENT, actor_do(&self->actor, acts[i], getpid())) TH_LOG("%zu", i);
		EXPECT_EQ(-ENOENT, actor_do(&self->actor, acts[i], neighbour.pid));
		EXPECT_EQ(0, actor_do(&self->actor, acts[i], brother.pid)) TH_LOG("%zu", i);
		EXPECT_EQ(0, actor_do(&self->actor, acts[i], self->actor.pid));
		EXPECT_EQ(0, act_in(NULL, acts[i], 1));
		EXPECT_EQ(0, act_in(NULL, acts[i], neighbour.pid));
	}
	actor_end(&neighbour);
	actor_end(&brother);
}

TEST_F(life, the_host_sees_all)
{
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	EXPECT_EQ(0, act_stat(self->actor.pid));
	EXPECT_EQ(0, act_open_status(self->actor.pid));
	EXPECT_LT(3, act_list(0));
}

/* What the host has opened and left open shows nothing of what is in there. */
TEST_F(life, open_directories_of_processes)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", getpid());
	held = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, held);
	ASSERT_EQ(0, act_open_held(0));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	EXPECT_GT(0, actor_do(&self->actor, act_open_held, 0));
	EXPECT_EQ(0, act_open_held(0));
}

/* ---- what is reached of others ---- */

static long act_kill(long pid)
{
	return kill(pid, 0) ? -errno : 0;
}

static long act_trace(long pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return -errno;
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	waitpid(pid, NULL, __WALL);
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) ? -errno : 0;
}

static long act_kill_all(long signal)
{
	return kill(-1, signal) ? -errno : 0;
}

TEST_F(life, kill_of_all_from_inside)
{
	struct actor neighbour, brother, host;

	ASSERT_EQ(0, actor_start(&host, NULL));
	ASSERT_EQ(0, actor_start(&neighbour, &self->b));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	/* To reach nobody is no failure. */
	EXPECT_EQ(0, actor_do(&self->actor, act_kill_all, SIGKILL));
	ASSERT_EQ(0, actor_start(&brother, &self->a));
	EXPECT_EQ(0, actor_do(&self->actor, act_kill_all, SIGKILL));
	EXPECT_EQ(SIGKILL, WTERMSIG(actor_end(&brother)));
	EXPECT_EQ(A, actor_do(&self->actor, act_current, 0));
	EXPECT_EQ(B, actor_do(&neighbour, act_current, 0));
	EXPECT_EQ(0, actor_do(&host, act_current, 0));
	actor_end(&host);
	actor_end(&neighbour);
}

/* A process group is no way, either. */
static long act_kill_group(long group)
{
	return kill(-group, SIGKILL) ? -errno : 0;
}

TEST_F(life, process_groups_across_contexts)
{
	struct actor leader, member;

	ASSERT_EQ(0, actor_start(&leader, NULL));
	ASSERT_EQ(0, actor_start(&member, &self->a));
	ASSERT_EQ(0, setpgid(leader.pid, leader.pid));
	ASSERT_EQ(0, setpgid(member.pid, leader.pid));
	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	EXPECT_EQ(0, actor_do(&self->actor, act_kill_group, leader.pid));
	EXPECT_EQ(SIGKILL, WTERMSIG(actor_end(&member)));
	EXPECT_EQ(0, actor_do(&leader, act_current, 0));
	/* Of those who are left none is there. */
	EXPECT_EQ(-ESRCH, actor_do(&self->actor, act_kill_group, leader.pid));
	actor_end(&leader);
}

/* Who was traced inside is not in the hands of the inside when he is elsewhere. */
static long act_seize(long pid)
{
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL) ? -errno : 0;
}

TEST_F(life, traced_ones_stay)
{
	struct actor traced;

	ASSERT_EQ(0, actor_start(&self->actor, &self->a));
	ASSERT_EQ(0, actor_start(&traced, &self->a));
	ASSERT_EQ(0, actor_do(&self->actor, act_seize, traced.pid));
	EXPECT_EQ(-EBUSY, vps_migrate(B, self->b.group, traced.pid));
	EXPECT_EQ(-EBUSY, vps_migrate(0, group_make("plain"), traced.pid));
	EXPECT_EQ(A, actor_do(&traced, act_current, 0));
	actor_end(&self->actor);
	EXPECT_EQ(0, vps_migrate(B, self->b.group, traced.pid));
	self->actor = traced;
}

/* ---- who sees the whole system ---- */

TEST_F(life, number_1_sees_all_and_touches_nothing)
{
	struct context all;
	struct actor neighbour;

	ASSERT_EQ(0, context_make(&all, VPS_CTX_ALL, 0));
	ASSERT_EQ(0, actor_start(&self->actor, &all));
	ASSERT_EQ(0, actor_start(&neighbour, &self->b));
	EXPECT_EQ(1, actor_do(&self->actor, act_current, 0));
	EXPECT_EQ(0, actor_do(&self->actor, act_stat, 1));
	EXPECT_EQ(0, actor_do(&self->actor, act_stat, neighbour.pid));
	EXPECT_EQ(0, actor_do(&self->actor, act_open_status, neighbour.pid));
	EXPECT_LT(3, actor_do(&self->actor, act_list, 0));
	EXPECT_EQ(-EPERM, actor_do(&self->actor, act_kill, 1));
	EXPECT_EQ(-EPERM, actor_do(&self->actor, act_kill, neighbour.pid));
	EXPECT_EQ(-EPERM, actor_do(&self->actor, act_trace, neighbour.pid));
	EXPECT_EQ(-ENOENT, actor_do(&neighbour, act_stat, self->actor.pid));
	actor_end(&neighbour);
	actor_end(&self->actor);
	self->actor.pid = 0;
	EXPECT_EQ(0, vps_destroy(VPS_CTX_ALL));
}

TEST_HARNESS_MAIN
