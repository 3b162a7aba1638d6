// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vserver() is told of memory and processors is what the files of the group say, and the
 * other way round; without the controller nothing is promised.
 */
#include "vps_test.h"

#define A 100
#define B 101
#define MEMORY SET(MEMORY, RESIDENT)
#define WHOLE 1000

FIXTURE(control) {
	long before;
	struct context a;
};

static long set_controllers(const char *text)
{
	return put_text(AT_FDCWD, TEST_GROUP "/cgroup.subtree_control", text);
}

FIXTURE_SETUP(control)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, put_text(AT_FDCWD, ROOT_GROUP "/cgroup.subtree_control", "+memory +cpu"));
	ASSERT_EQ(0, set_controllers("+memory +cpu"));
	ASSERT_EQ(0, context_make(&self->a, A, 0));
}

FIXTURE_TEARDOWN(control)
{
	EXPECT_TRUE(tests_end(self->before));
}

static bool says(const struct context *context, const char *name, const char *text)
{
	char found[64];

	return get_text(context->group, name, found, sizeof(found)) > 0 && !strcmp(found, text);
}

static long set_usage(__u32 id, __u64 max, __u64 min)
{
	struct vps_cpu_usage usage = { .size = sizeof(usage), .max = max, .min = min };

	return vserver(SET(CPU, USAGE), id, &usage);
}

static struct vps_cpu_usage get_usage(__u32 id)
{
	struct vps_cpu_usage usage;

	memset(&usage, 0xee, sizeof(usage));
	usage.size = sizeof(usage);
	vserver(GET(CPU, USAGE), id, &usage);
	return usage;
}

/* ---- memory ---- */

TEST_F(control, memory_is_in_the_files)
{
	ASSERT_EQ(0, vps_bound(MEMORY, A, 8 << 20, 16 << 20));
	EXPECT_TRUE(says(&self->a, "memory.high", "8388608\n"));
	EXPECT_TRUE(says(&self->a, "memory.max", "16777216\n"));
	ASSERT_EQ(0, vps_bound(MEMORY, A, VPS_UNLIMITED, VPS_UNLIMITED));
	EXPECT_TRUE(says(&self->a, "memory.high", "max\n"));
	EXPECT_TRUE(says(&self->a, "memory.max", "max\n"));
}

TEST_F(control, files_are_in_the_memory)
{
	ASSERT_EQ(0, put_text(self->a.group, "memory.high", "4194304"));
	ASSERT_EQ(0, put_text(self->a.group, "memory.max", "8388608"));
	EXPECT_EQ(4 << 20, vps_counted(MEMORY, A).soft);
	EXPECT_EQ(8 << 20, vps_counted(MEMORY, A).hard);
	EXPECT_EQ(0, vps_hits(MEMORY, A));
}

static long act_touch(long bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return memory == MAP_FAILED ? -errno : 0;
}

TEST_F(control, memory_is_used)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(vps_migrate(A, self->a.group, 0) || act_touch(8 << 20) ||
		      vps_current() != A);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_LE(8 << 20, vps_peak(MEMORY, A));
}

/* ---- processors ---- */

TEST_F(control, the_most_is_in_the_file)
{
	ASSERT_EQ(0, set_usage(A, WHOLE / 2, 0));
	EXPECT_TRUE(says(&self->a, "cpu.max", "50000 100000\n"));
	EXPECT_EQ(WHOLE / 2, get_usage(A).max);
	ASSERT_EQ(0, put_text(self->a.group, "cpu.max", "30000 20000"));
	EXPECT_EQ(WHOLE * 3 / 2, get_usage(A).max);
	ASSERT_EQ(0, set_usage(A, VPS_UNLIMITED, 0));
	EXPECT_EQ(VPS_UNLIMITED, get_usage(A).max);
	EXPECT_TRUE(says(&self->a, "cpu.weight", "100\n"));
}

/* Of servers that were there before the test. */
static __u64 weights_elsewhere(void)
{
	DIR *directory = opendir(ROOT_GROUP "/freevps");
	struct dirent *entry;
	char name[300], text[32];
	__u64 sum = 0;

	while (directory && (entry = readdir(directory))) {
		snprintf(name, sizeof(name), "%s/cpu.weight", entry->d_name);
		if (entry->d_name[0] != '.' &&
		    get_text(dirfd(directory), name, text, sizeof(text)) > 0)
			sum += strtoull(text, NULL, 10);
	}
	if (directory)
		closedir(directory);
	return sum;
}

static __u64 all_processors(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) * WHOLE;
}

TEST_F(control, the_least_is_a_share)
{
	__u64 others = weights_elsewhere() + 100, weight;
	struct context b;
	char text[32];

	ASSERT_EQ(0, context_make(&b, B, 0));
	EXPECT_EQ(all_processors() * 100 / (100 + others), get_usage(A).min);
	ASSERT_EQ(0, set_usage(A, VPS_UNLIMITED, all_processors() * 3 / 4));
	snprintf(text, sizeof(text), "%llu\n", others * 3);
	EXPECT_TRUE(says(&self->a, "cpu.weight", text));
	EXPECT_EQ(all_processors() * 3 / 4, get_usage(A).min);
	for (weight = 1; weight <= 10000; weight *= 10) {
		ASSERT_EQ(0, put_number(self->a.group, "cpu.weight", weight));
		EXPECT_EQ(all_processors() * weight / (weight + others), get_usage(A).min);
	}
}

TEST_F(control, shares_that_are_too_large)
{
	struct context b;

	ASSERT_EQ(0, context_make(&b, B, 0));
	EXPECT_EQ(-EINVAL, set_usage(A, VPS_UNLIMITED, all_processors()));
	EXPECT_EQ(-EINVAL, set_usage(A, 0, 0));
	ASSERT_EQ(0, put_text(b.group, "cpu.weight", "10000"));
	EXPECT_EQ(-EBUSY, set_usage(A, VPS_UNLIMITED, all_processors() * 3 / 4));
	EXPECT_TRUE(says(&self->a, "cpu.weight", "100\n"));
}

static long set_policy(__u32 id, __u32 policy)
{
	struct vps_policy data = { .size = sizeof(data), .policy = policy };

	return vserver(SET(CPU, POLICY), id, &data);
}

static long get_policy(__u32 id)
{
	struct vps_policy data = { .size = sizeof(data), .policy = 77 };

	return vserver(GET(CPU, POLICY), id, &data) ?: data.policy;
}

TEST_F(control, the_policy_is_in_the_file)
{
	EXPECT_EQ(SCHED_OTHER, get_policy(A));
	ASSERT_EQ(0, set_policy(A, SCHED_IDLE));
	EXPECT_TRUE(says(&self->a, "cpu.idle", "1\n"));
	EXPECT_EQ(SCHED_IDLE, get_policy(A));
	EXPECT_EQ(-EINVAL, set_usage(A, VPS_UNLIMITED, WHOLE / 10));
	EXPECT_EQ(0, set_usage(A, WHOLE / 2, 0));
	EXPECT_EQ(-EINVAL, set_policy(A, SCHED_BATCH));
	ASSERT_EQ(0, set_policy(A, SCHED_OTHER));
	EXPECT_TRUE(says(&self->a, "cpu.idle", "0\n"));
	EXPECT_EQ(SCHED_OTHER, get_policy(A));
	ASSERT_EQ(0, put_text(self->a.group, "cpu.idle", "1"));
	EXPECT_EQ(SCHED_IDLE, get_policy(A));
}

/* Those that never sleep, and always new ones. */
static void want_all(bool fork_on)
{
	for (;;) {
		pid_t pid = fork_on ? fork() : -1;

		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

static long start_wanting(const struct context *context, __u32 id, int count, bool fork_on)
{
	while (count--) {
		pid_t pid = fork();

		if (!pid) {
			if (vps_migrate(id, context->group, 0))
				_exit(1);
			want_all(fork_on);
		}
		if (pid < 0)
			return -errno;
	}
	return 0;
}

/* Microseconds. */
static long cpu_time(const struct context *context)
{
	char text[1024];
	unsigned long used;

	get_text(context->group, "cpu.stat", text, sizeof(text));
	return sscanf(text, "usage_usec %lu", &used) == 1 ? (long)used : -1;
}

#define FLOOD_SECONDS 6
#define FLOOD_PERCENT 75
#define FLOOD_SLACK 10	/* to equal weights it would be 50 */

TEST_F_TIMEOUT(control, the_least_holds_against_a_flood, 120)
{
	int processors = sysconf(_SC_NPROCESSORS_ONLN);
	long own, flood, percent;
	struct context b;

	ASSERT_EQ(0, context_make(&b, B, 0));
	ASSERT_EQ(0, start_wanting(&b, B, 8 * processors, false));
	ASSERT_EQ(0, start_wanting(&b, B, 8 * processors, true));
	ASSERT_EQ(0, start_wanting(&self->a, A, processors, false));
	ASSERT_TRUE(EVENTUALLY(vps_processes(B) >= 16 * processors &&
			       vps_processes(A) == processors));
	ASSERT_EQ(0, set_usage(A, VPS_UNLIMITED, all_processors() * FLOOD_PERCENT / 100));
	own = cpu_time(&self->a);
	flood = cpu_time(&b);
	sleep(FLOOD_SECONDS);
	own = cpu_time(&self->a) - own;
	flood = cpu_time(&b) - flood;
	percent = own * 100 / (own + flood);
	TH_LOG("%ld %% of the processors, promised %d %%", percent, FLOOD_PERCENT);
	EXPECT_LE(FLOOD_PERCENT - FLOOD_SLACK, percent);
	EXPECT_LT(0, flood);
	EXPECT_TRUE(EVENTUALLY(!vps_signal(A, SIGKILL) && !vps_signal(B, SIGKILL) &&
			       waitpid(-1, NULL, WNOHANG) < 0));
}

#define IDLE_PERCENT 5

TEST_F_TIMEOUT(control, the_idle_get_what_is_left, 120)
{
	int processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct context b;
	long own, other;

	ASSERT_EQ(0, context_make(&b, B, 0));
	ASSERT_EQ(0, start_wanting(&b, B, processors, false));
	ASSERT_EQ(0, start_wanting(&self->a, A, processors, false));
	ASSERT_EQ(0, set_policy(A, SCHED_IDLE));
	ASSERT_TRUE(EVENTUALLY(vps_processes(A) == processors &&
			       vps_processes(B) == processors));
	own = cpu_time(&self->a);
	other = cpu_time(&b);
	sleep(2);
	own = cpu_time(&self->a) - own;
	other = cpu_time(&b) - other;
	EXPECT_GT(IDLE_PERCENT, own * 100 / (own + other)) TH_LOG("%ld %ld", own, other);
	/* Alone it gets all. */
	ASSERT_EQ(0, vps_signal(B, SIGKILL));
	own = cpu_time(&self->a);
	sleep(1);
	EXPECT_LT(250000, cpu_time(&self->a) - own);
	EXPECT_TRUE(EVENTUALLY(!vps_signal(A, SIGKILL) && waitpid(-1, NULL, WNOHANG) < 0));
}

/* ---- without the controllers ---- */

TEST_F(control, nothing_is_promised_without)
{
	struct vps_bounds bounds = { .size = sizeof(bounds) };
	struct vps_counted counted = { .size = sizeof(counted) };
	struct vps_cpu_usage usage = { .size = sizeof(usage), .max = WHOLE };

	ASSERT_EQ(0, set_controllers("-memory -cpu"));
	EXPECT_EQ(-ENODATA, vserver(SET(MEMORY, RESIDENT), A, &bounds));
	EXPECT_EQ(-ENODATA, vserver(GET(MEMORY, RESIDENT), A, &counted));
	EXPECT_EQ(-ENODATA, vserver(SET(CPU, USAGE), A, &usage));
	EXPECT_EQ(-ENODATA, vserver(GET(CPU, USAGE), A, &usage));
	EXPECT_EQ(-ENODATA, set_policy(A, SCHED_OTHER));
	EXPECT_EQ(-ENODATA, get_policy(A));
}

TEST_HARNESS_MAIN
