// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes of others are not found by their numbers.
 *
 * Each operation is tried on the host, on another context and on its own; from a context, from
 * context 1, which sees all and touches nothing, and from the host, where it is seen that it can be
 * done at all; as root and as a user; in the host's namespaces and in others.
 */
#include <linux/kcmp.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "vps_test.h"

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_WHO_PGRP 2
#define IOPRIO_BEST_EFFORT(level) (2 << 13 | (level))

/* The clock of a process, as clock_getcpuclockid() has it. */
#define CPU_CLOCK(pid) ((clockid_t)(~(unsigned int)(pid) << 3 | 2))

/* ---- by number ---- */

static long act_kill(long pid)
{
	return outcome(kill(pid, 0));
}

static long act_tgkill(long pid)
{
	return outcome(syscall(__NR_tgkill, pid, pid, 0));
}

static long act_tkill(long pid)
{
	return outcome(syscall(__NR_tkill, pid, 0));
}

static long act_sigqueue(long pid)
{
	return outcome(sigqueue(pid, SIGCONT, (union sigval){ .sival_int = 1 }));
}

static long act_tgsigqueue(long pid)
{
	siginfo_t info = { .si_code = SI_QUEUE, .si_pid = getpid() };

	return outcome(syscall(__NR_rt_tgsigqueueinfo, pid, pid, SIGCONT, &info));
}

static long act_ptrace(long pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return -errno;
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, NULL, __WALL) != pid)
		return -errno;
	return outcome(ptrace(PTRACE_DETACH, pid, NULL, NULL));
}

static char elsewhere[16] = "what is there";

static long act_vm_read(long pid)
{
	char here[sizeof(elsewhere)];
	struct iovec to = { here, sizeof(here) }, from = { elsewhere, sizeof(elsewhere) };

	return outcome(process_vm_readv(pid, &to, 1, &from, 1, 0));
}

static long act_vm_write(long pid)
{
	char here[sizeof(elsewhere)] = "what is there";
	struct iovec from = { here, sizeof(here) }, to = { elsewhere, sizeof(elsewhere) };

	return outcome(process_vm_writev(pid, &from, 1, &to, 1, 0));
}

static long act_kcmp(long pid)
{
	return outcome(syscall(__NR_kcmp, getpid(), pid, KCMP_VM, 0, 0));
}

static long act_robust_list(long pid)
{
	size_t length;
	void *head;

	return outcome(syscall(__NR_get_robust_list, pid, &head, &length));
}

static long act_pidfd_open(long pid)
{
	int fd = syscall(__NR_pidfd_open, pid, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long act_prlimit_get(long pid)
{
	struct rlimit limit;

	return outcome(prlimit(pid, RLIMIT_CORE, NULL, &limit));
}

static long act_prlimit_set(long pid)
{
	struct rlimit limit;

	if (prlimit(0, RLIMIT_CORE, NULL, &limit))
		return -errno;
	return outcome(prlimit(pid, RLIMIT_CORE, &limit, NULL));
}

static long act_setnice(long pid)
{
	return outcome(setpriority(PRIO_PROCESS, pid, 0));
}

static long act_getnice(long pid)
{
	errno = 0;
	getpriority(PRIO_PROCESS, pid);
	return -errno;
}

static long act_setscheduler(long pid)
{
	return outcome(sched_setscheduler(pid, SCHED_OTHER, &(struct sched_param){}));
}

static long act_getscheduler(long pid)
{
	return outcome(sched_getscheduler(pid));
}

static long act_setparam(long pid)
{
	return outcome(sched_setparam(pid, &(struct sched_param){}));
}

static long act_getparam(long pid)
{
	return outcome(sched_getparam(pid, &(struct sched_param){}));
}

/* struct sched_attr, which C libraries have or have not: its size, then SCHED_OTHER and nice 0. */
static __u32 attributes[12] = { sizeof(attributes) };

static long act_setattr(long pid)
{
	return outcome(syscall(__NR_sched_setattr, pid, attributes, 0));
}

static long act_getattr(long pid)
{
	__u32 told[ARRAY_SIZE(attributes)];

	return outcome(syscall(__NR_sched_getattr, pid, told, sizeof(told), 0));
}

static long act_interval(long pid)
{
	return outcome(sched_rr_get_interval(pid, &(struct timespec){}));
}

static long act_setaffinity(long pid)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	return outcome(sched_setaffinity(pid, sizeof(set), &set));
}

static long act_getaffinity(long pid)
{
	cpu_set_t set;

	return outcome(sched_getaffinity(pid, sizeof(set), &set));
}

static long act_setioprio(long pid)
{
	return outcome(syscall(__NR_ioprio_set, IOPRIO_WHO_PROCESS, pid, IOPRIO_BEST_EFFORT(4)));
}

static long act_getioprio(long pid)
{
	return outcome(syscall(__NR_ioprio_get, IOPRIO_WHO_PROCESS, pid));
}

static long act_getpgid(long pid)
{
	return outcome(getpgid(pid));
}

static long act_getsid(long pid)
{
	return outcome(getsid(pid));
}

static long act_clock(long pid)
{
	return outcome(syscall(__NR_clock_gettime, CPU_CLOCK(pid), &(struct timespec){}));
}

static long act_timer(long pid)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	int timer;

	if (syscall(__NR_timer_create, CPU_CLOCK(pid), &event, &timer))
		return -errno;
	return outcome(syscall(__NR_timer_delete, timer));
}

static long own_file(int command, void *argument)
{
	int ends[2];
	long value;

	if (pipe(ends))
		return -errno;
	value = outcome(fcntl(ends[0], command, argument));
	close(ends[0]);
	close(ends[1]);
	return value;
}

static long act_setown(long pid)
{
	return own_file(F_SETOWN, (void *)pid);
}

static long act_setown_ex(long pid)
{
	return own_file(F_SETOWN_EX, &(struct f_owner_ex){ .type = F_OWNER_PID, .pid = pid });
}

static long act_migrate_pages(long pid)
{
	unsigned long nodes = 1;

	return outcome(syscall(__NR_migrate_pages, pid, 8 * sizeof(nodes), &nodes, &nodes));
}

static long act_move_pages(long pid)
{
	void *page = elsewhere;
	int node = 0, status;

	return outcome(syscall(__NR_move_pages, pid, 1, &page, &node, &status, 0));
}

static const struct operation {
	const char *name;
	long (*act)(long pid);
	bool looks;	/* and does nothing else */
	bool traces;	/* which takes more than to be the same user */
	int hidden;	/* what it is that is not found, if not a process */
} operations[] = {
	{ "kill", act_kill },
	{ "tgkill", act_tgkill },
	{ "tkill", act_tkill },
	{ "sigqueue", act_sigqueue },
	{ "tgsigqueue", act_tgsigqueue },
	{ "ptrace", act_ptrace, .traces = true },
	{ "vm_read", act_vm_read, .traces = true },
	{ "vm_write", act_vm_write, .traces = true },
	{ "kcmp", act_kcmp, .looks = true, .traces = true },
	{ "robust_list", act_robust_list, .looks = true, .traces = true },
	{ "pidfd_open", act_pidfd_open, .looks = true },
	{ "prlimit_get", act_prlimit_get, .looks = true },
	{ "prlimit_set", act_prlimit_set },
	{ "setnice", act_setnice },
	{ "getnice", act_getnice, .looks = true },
	{ "setscheduler", act_setscheduler },
	{ "getscheduler", act_getscheduler, .looks = true },
	{ "setparam", act_setparam },
	{ "getparam", act_getparam, .looks = true },
	{ "setattr", act_setattr },
	{ "getattr", act_getattr, .looks = true },
	{ "interval", act_interval, .looks = true },
	{ "setaffinity", act_setaffinity },
	{ "getaffinity", act_getaffinity, .looks = true },
	{ "setioprio", act_setioprio },
	{ "getioprio", act_getioprio, .looks = true },
	{ "getpgid", act_getpgid, .looks = true },
	{ "getsid", act_getsid, .looks = true },
	{ "clock", act_clock, .looks = true, .hidden = EINVAL },
	{ "timer", act_timer, .looks = true, .hidden = EINVAL },
	{ "setown", act_setown, .looks = true },
	{ "setown_ex", act_setown_ex, .looks = true },
	{ "migrate_pages", act_migrate_pages, .traces = true },
	{ "move_pages", act_move_pages, .traces = true },
	{}
};

/* Not every kernel has all of them. No process has this number. */
static const struct operation *there(const struct operation *op)
{
	while (op->name && is_no_call(op->act(0x7fffffffL)))
		op++;
	return op;
}

FIXTURE(number)
{
	struct places places;
};

FIXTURE_VARIANT(number)
{
	uid_t user;
	__u64 spaces;
};

FIXTURE_VARIANT_ADD(number, root) {};
FIXTURE_VARIANT_ADD(number, user) { .user = SOMEBODY };
FIXTURE_VARIANT_ADD(number, root_in_namespaces) { .spaces = SPACES };
FIXTURE_VARIANT_ADD(number, user_in_namespaces) { .user = SOMEBODY, .spaces = SPACES };

FIXTURE_SETUP(number)
{
	ASSERT_EQ(0, places_make(&self->places, variant->user, variant->spaces));
}

FIXTURE_TEARDOWN(number)
{
	EXPECT_TRUE(places_end(&self->places));
}

TEST_F(number, of_others)
{
	const pid_t others[] = {
		self->places.in_two.pid, self->places.in_all.pid, self->places.host.pid, getpid(),
		/* With a pid namespace of its own it is itself. */
		variant->spaces ? getppid() : 1,
	};
	const struct operation *op;

	for (op = there(operations); op->name; op = there(op + 1)) {
		for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
			EXPECT_EQ(-(op->hidden ?: ESRCH),
				  actor_do(&self->places.in_one, op->act, others[i]))
				TH_LOG("%s of %zu", op->name, i);
		}
	}
}

static long act_on_itself(long operation)
{
	return operations[operation].act(getpid());
}

TEST_F(number, of_ones_own)
{
	long child = actor_do(&self->places.in_one, act_leave_child, 0);
	const struct operation *op;

	ASSERT_LT(0, child);
	for (op = there(operations); op->name; op = there(op + 1)) {
		EXPECT_EQ(0, actor_do(&self->places.in_one, op->act, child))
			TH_LOG("%s of a child", op->name);
		if (op->act != act_ptrace) {
			EXPECT_EQ(0, actor_do(&self->places.in_one, act_on_itself, op - operations))
				TH_LOG("%s of itself", op->name);
		}
	}
}

TEST_F(number, from_the_host)
{
	const struct operation *op;

	for (op = there(operations); op->name; op = there(op + 1)) {
		/* Nobody but root traces across user namespaces. */
		if (op->traces && variant->user && variant->spaces)
			continue;
		EXPECT_EQ(0, actor_do(&self->places.host, op->act, self->places.in_one.pid))
			TH_LOG("%s", op->name);
	}
}

TEST_F(number, from_context_1)
{
	const struct operation *op;

	for (op = there(operations); op->name; op = there(op + 1)) {
		if (op->traces && variant->user && variant->spaces)
			continue;
		EXPECT_EQ(op->looks ? 0 : -EPERM,
			  actor_do(&self->places.in_all, op->act, self->places.in_one.pid))
			TH_LOG("%s of a context", op->name);
		EXPECT_EQ(op->looks ? 0 : -EPERM,
			  actor_do(&self->places.in_all, op->act, self->places.host.pid))
			TH_LOG("%s of the host", op->name);
	}
}

/* ---- by number, of groups, of children and on sockets ---- */

static long act_lead(long unused)
{
	return outcome(setsid());
}

static long act_kill_group(long group)
{
	return outcome(kill(-group, 0));
}

static long act_nice_of_group(long group)
{
	errno = 0;
	getpriority(PRIO_PGRP, group);
	return -errno;
}

static long act_ioprio_of_group(long group)
{
	return outcome(syscall(__NR_ioprio_get, IOPRIO_WHO_PGRP, group));
}

static long act_setown_group(long group)
{
	return own_file(F_SETOWN, (void *)-group);
}

TEST_F(number, of_groups)
{
	static long (*const acts[])(long group) = {
		act_kill_group, act_nice_of_group, act_ioprio_of_group, act_setown_group,
	};
	struct actor *const others[] = { &self->places.in_two, &self->places.host };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		ASSERT_EQ(0, actor_do(others[i], act_lead, 0));
		for (size_t j = 0; j < ARRAY_SIZE(acts); j++) {
			pid_t group = others[i]->pid;

			EXPECT_EQ(-ESRCH, actor_do(&self->places.in_one, acts[j], group))
				TH_LOG("%zu of %zu", j, i);
			EXPECT_EQ(0, actor_do(&self->places.host, acts[j], group))
				TH_LOG("%zu of %zu", j, i);
			EXPECT_EQ(j ? 0 : -EPERM, actor_do(&self->places.in_all, acts[j], group))
				TH_LOG("%zu of %zu", j, i);
		}
	}
}

/* Who says where it comes from may say what is not true, as far as it sees. */
static long act_claim(long pid)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] = {};
	struct iovec data = { "x", 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	struct ucred claim = { .pid = pid, .uid = getuid(), .gid = getgid() };
	int ends[2];
	long value;

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_CREDENTIALS;
	head->cmsg_len = CMSG_LEN(sizeof(claim));
	memcpy(CMSG_DATA(head), &claim, sizeof(claim));
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends))
		return -errno;
	value = outcome(sendmsg(ends[0], &message, 0));
	close(ends[0]);
	close(ends[1]);
	return value;
}

TEST_F(number, in_credentials)
{
	if (variant->user)
		SKIP(return, "a user may name nobody but itself");
	EXPECT_EQ(0, actor_do(&self->places.host, act_claim, self->places.in_two.pid));
	EXPECT_EQ(-ESRCH, actor_do(&self->places.in_one, act_claim, self->places.in_two.pid));
	EXPECT_EQ(-ESRCH, actor_do(&self->places.in_one, act_claim, self->places.host.pid));
	EXPECT_EQ(0, actor_do(&self->places.in_one, act_claim, actor_do(&self->places.in_one,
									act_leave_child, 0)));
}

TEST_HARNESS_MAIN
