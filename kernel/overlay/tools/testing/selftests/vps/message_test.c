// SPDX-License-Identifier: GPL-2.0-only
/*
 * What processes of a context have the kernel say bears its number, and is bounded unless it is
 * important. What the host's have it say, and interrupts whomever they meet, is the host's.
 */
#include "log.h"

/* As many lines of a context there may be in so many seconds. */
#define BURST 200
#define INTERVAL 5

static int *nowhere;

static long act_crash(long unused)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){});
		prctl(PR_SET_NAME, "vps-selftest");
		signal(SIGSEGV, SIG_DFL);
		*GET_ONCE(nowhere) = 1;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV ? 0 : -EPROTO;
}

static long act_provoke(long unused)
{
	return provoke("DIRECT", "REPORT_STACK");
}

/* Of all that programs do which ends them, by whomever. */
#define LIMIT "/proc/sys/kernel/printk_ratelimit"

FIXTURE(message)
{
	struct places places;
	int log;
	char limit[16];
};

FIXTURE_VARIANT(message)
{
	uid_t user;
	__u64 spaces;
};

FIXTURE_VARIANT_ADD(message, root) {};
FIXTURE_VARIANT_ADD(message, user) { .user = SOMEBODY };
FIXTURE_VARIANT_ADD(message, root_in_namespaces) { .spaces = SPACES };
FIXTURE_VARIANT_ADD(message, user_in_namespaces) { .user = SOMEBODY, .spaces = SPACES };

FIXTURE_SETUP(message)
{
	ASSERT_EQ(0, places_make(&self->places, variant->user, variant->spaces));
	ASSERT_LT(0, get_text(AT_FDCWD, LIMIT, self->limit, sizeof(self->limit)));
	ASSERT_EQ(0, put_text(AT_FDCWD, LIMIT, "0"));
	self->log = log_open();
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(message)
{
	close(self->log);
	EXPECT_EQ(0, put_text(AT_FDCWD, LIMIT, self->limit));
	EXPECT_TRUE(places_end(&self->places));
}

/* Whatever user it is, and whichever namespaces it has. */
TEST_F(message, of_a_crash)
{
	struct places *places = &self->places;

	ASSERT_EQ(0, actor_do(&places->host, act_crash, 0));
	if (log_count(self->log, 0, "vps-selftest[") != 1)
		SKIP(return, "this kernel does not say that a program has crashed");
	ASSERT_EQ(0, actor_do(&places->in_one, act_crash, 0));
	EXPECT_EQ(1, log_count(self->log, ONE, "vps-selftest["));
	ASSERT_EQ(0, actor_do(&places->in_two, act_crash, 0));
	EXPECT_EQ(1, log_count(self->log, TWO, "vps-selftest["));
	ASSERT_EQ(0, actor_do(&places->in_all, act_crash, 0));
	EXPECT_EQ(1, log_count(self->log, VPS_CTX_ALL, "vps-selftest["));
	ASSERT_EQ(0, actor_do(&places->host, act_crash, 0));
	EXPECT_EQ(1, log_count(self->log, 0, "vps-selftest["));
}

TEST_F(message, of_the_kernels_own)
{
	if (variant->user || variant->spaces)
		SKIP(return, "the file is root's of the host");
	if (!can_provoke("DIRECT"))
		SKIP(return, "requires a kernel with CONFIG_LKDTM");
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_provoke, 0));
	EXPECT_LT(1, log_count(self->log, ONE, "lkdtm: "));
	ASSERT_EQ(0, actor_do(&self->places.host, act_provoke, 0));
	EXPECT_LT(1, log_count(self->log, 0, "lkdtm: "));
}

/* ---- how many ---- */

FIXTURE(many)
{
	struct places places;
	int log;
};

FIXTURE_SETUP(many)
{
	ASSERT_EQ(0, places_make(&self->places, 0, 0));
	self->log = log_open();
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(many)
{
	close(self->log);
	EXPECT_TRUE(places_end(&self->places));
}

/* Lines of context ONE, and how many have been dropped as they say themselves. */
static long count_with_dropped(int log, unsigned int *dropped)
{
	unsigned int id, missed;
	char text[1024];
	long count = 0;

	while (log_next(log, text, sizeof(text))) {
		if (!strstr(text, WORDS))
			continue;
		if (sscanf(text, "[vps %u, %u lines dropped] ", &id, &missed) == 2)
			*dropped += missed;
		count++;
	}
	return count;
}

TEST_F(many, are_bounded)
{
	const time_t begin = time(NULL);
	unsigned int dropped = 0;
	long said = 3 * BURST, come;

	ASSERT_EQ(0, actor_do(&self->places.in_one, act_say, LINES(4, BURST)));
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_say, LINES(6, 2 * BURST)));
	come = count_with_dropped(self->log, &dropped);
	EXPECT_LE(BURST, come);
	EXPECT_GE(BURST * (1 + (time(NULL) - begin + 1) / INTERVAL), come);

	/* What is important is not, nor are others. */
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_say, LINES(3, BURST / 2)));
	EXPECT_EQ(BURST / 2, log_count(self->log, ONE, WORDS));
	ASSERT_EQ(0, actor_do(&self->places.in_two, act_say, LINES(6, 1)));
	EXPECT_EQ(1, log_count(self->log, TWO, WORDS));

	/* Some time later it says how much is missing, to the last line. */
	do {
		nap();
		ASSERT_EQ(0, actor_do(&self->places.in_one, act_say, LINES(6, 1)));
		said++;
		come += count_with_dropped(self->log, &dropped);
	} while (come + dropped < said && time(NULL) - begin < 60);
	EXPECT_EQ(said, come + dropped);
	EXPECT_LT(0, dropped);
}

TEST_F(many, of_the_host_are_not)
{
	ASSERT_EQ(0, actor_do(&self->places.host, act_say, LINES(6, 2 * BURST)));
	EXPECT_EQ(2 * BURST, log_count(self->log, 0, WORDS));
}

/* ---- interrupts ---- */

/* On each processor, all the time. */
static long act_spin(long unused)
{
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all) || fork())
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		sched_setaffinity(0, sizeof(one), &one);
		for (;;)
			;
	}
	return 0;
}

/* Something that a device has to tell of: returns of the carriage, on a serial line. */
static void have_interrupts(void)
{
	int fd = open("/dev/ttyS0", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	char returns[256];

	memset(returns, '\r', sizeof(returns));
	if (fd < 0 || write(fd, returns, sizeof(returns)) < 0)
		nap();
	close(fd);
	nap();
}

#define INTERRUPT "INT_HW_IRQ_EN"
/* Another place is no place on this machine: it takes LKDTM away from where it is. */
#define NOWHERE "INT_HARDWARE_ENTRY"

TEST_F(many, interrupts)
{
	long come = 0, value;

	if (access("/dev/ttyS0", W_OK))
		SKIP(return, "requires a serial line");
	if (!can_provoke(INTERRUPT))
		SKIP(return, "requires a kernel with CONFIG_LKDTM and CONFIG_KPROBES");
	ASSERT_EQ(0, actor_do(&self->places.in_one, act_spin, 0));
	if (provoke(INTERRUPT, "REPORT_STACK"))
		SKIP(return, "there is no place for LKDTM where interrupts are handled");
	for (time_t end = time(NULL) + 60; come >= 0 && come < 50 && time(NULL) < end;) {
		have_interrupts();
		value = log_count(self->log, 0, "lkdtm: Crash point");
		come = value < 0 ? value : come + value;
	}
	provoke(NOWHERE, "REPORT_STACK");
	EXPECT_LE(50, come);
}

TEST_HARNESS_MAIN
