// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a context sees of the machine is what it has of it: its limits, its use, its load, its age.
 * The host sees the machine at the same moment, and each context its own.
 */
#include <ctype.h>
#include <sys/sysinfo.h>

#include "vps_test.h"

#define A 100
#define B 101
#define LIMIT (64 << 20)
/* For the group above both. */
#define LESS (32 << 20)
#define BUSY 2
/* Seconds: of a period of load averages, and those in which some are looked at. */
#define PERIOD 5
#define LOADED (4 * PERIOD + 2)

FIXTURE(view) {
	long before;
	struct context a;
	struct context b;
	struct actor in_a;
	struct actor in_b;
};

static long set_controllers(const char *text)
{
	return put_text(AT_FDCWD, TEST_GROUP "/cgroup.subtree_control", text);
}

FIXTURE_SETUP(view)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, put_text(AT_FDCWD, ROOT_GROUP "/cgroup.subtree_control", "+memory +cpu"));
	ASSERT_EQ(0, set_controllers("+memory +cpu"));
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	ASSERT_EQ(0, context_make(&self->b, B, 0));
	ASSERT_EQ(0, actor_start(&self->in_a, &self->a));
	ASSERT_EQ(0, actor_start(&self->in_b, &self->b));
}

FIXTURE_TEARDOWN(view)
{
	actor_end(&self->in_a);
	actor_end(&self->in_b);
	EXPECT_TRUE(tests_end(self->before));
}

/* ---- what actors see; for the host they are called as they are ---- */

/* Fields of /proc/meminfo, kB; -1 without it. */
static const char *const memory_fields[] = {
	"MemTotal:", "MemFree:", "MemAvailable:", "SwapTotal:", "SwapFree:", "AnonPages:",
	"Buffers:",
};

enum { TOTAL, FREE, AVAILABLE, SWAP_TOTAL, SWAP_FREE, ANON, BUFFERS };

static long act_memory(long field)
{
	return get_field("/proc/meminfo", memory_fields[field]);
}

enum { INFO_TOTAL, INFO_UPTIME, INFO_PROCS, INFO_SWAP, INFO_LOAD };

static long act_sysinfo(long field)
{
	struct sysinfo info;

	if (sysinfo(&info))
		return -errno;
	switch (field) {
	case INFO_TOTAL:
		return info.totalram * info.mem_unit >> 10;
	case INFO_UPTIME:
		return info.uptime;
	case INFO_PROCS:
		return info.procs;
	case INFO_SWAP:
		return info.totalswap * info.mem_unit >> 10;
	default:
		return info.loads[0];
	}
}

/* Of all lines of a file, those that begin with @word and a digit. */
static long count_lines(const char *name, const char *word, bool numbered)
{
	FILE *file = fopen(name, "re");
	char line[4096];
	long n = 0;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		n += !strncmp(line, word, strlen(word)) &&
		     (!numbered || isdigit((unsigned char)line[strlen(word)]));
	fclose(file);
	return n;
}

static long act_cpuinfo(long unused)
{
	return count_lines("/proc/cpuinfo", "processor", false);
}

static long act_stat_cpus(long unused)
{
	return count_lines("/proc/stat", "cpu", true);
}

/* The number behind the first word of a line of /proc/stat, some of which are long; or -1. */
static long stat_field(const char *word)
{
	FILE *file = fopen("/proc/stat", "re");
	char line[4096];
	long value = -1;

	if (!file)
		return -errno;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, word, strlen(word)))
			value = strtol(line + strlen(word), NULL, 10);
	fclose(file);
	return value;
}

static long act_btime(long unused)
{
	return stat_field("btime ");
}

static long act_forks(long unused)
{
	return stat_field("processes ");
}

/* Milliseconds: since the birth of what the caller sees, or what was left of its processors. */
static long act_uptime(long idle)
{
	double up, left;
	char text[64];

	if (get_text(AT_FDCWD, "/proc/uptime", text, sizeof(text)) < 0 ||
	    sscanf(text, "%lf %lf", &up, &left) != 2)
		return -1;
	return (idle ? left : up) * 1000 + 0.5;
}

/* Hundredths; of one minute. */
static long load_of(const char *name, const char *before)
{
	char text[4096], *found;
	double load;

	if (get_text(AT_FDCWD, name, text, sizeof(text)) < 0)
		return -1;
	found = strstr(text, before);
	if (!found || sscanf(found + strlen(before), "%lf", &load) != 1)
		return -1;
	return load * 100 + 0.5;
}

static long act_load(long unused)
{
	return load_of("/proc/loadavg", "");
}

/* What is behind the averages: tasks that run, or all. */
static long act_tasks(long all)
{
	int running, threads;
	char text[128];

	if (get_text(AT_FDCWD, "/proc/loadavg", text, sizeof(text)) < 0 ||
	    sscanf(text, "%*s %*s %*s %d/%d", &running, &threads) != 2)
		return -1;
	return all ? threads : running;
}

static long load_by_host(__u32 id)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/vservers/%u", id);
	return load_of(name, "Load average: ");
}

static long processors(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/* ---- memory ---- */

TEST_F(view, memory_is_what_it_may_use)
{
	long machine = act_memory(TOTAL);

	ASSERT_LT(LIMIT >> 10, machine);
	ASSERT_EQ(0, put_number(self->a.group, "memory.max", LIMIT));
	EXPECT_EQ(LIMIT >> 10, actor_do(&self->in_a, act_memory, TOTAL));
	EXPECT_EQ(LIMIT >> 10, actor_do(&self->in_a, act_sysinfo, INFO_TOTAL));
	EXPECT_EQ(machine, act_memory(TOTAL));
	EXPECT_EQ(machine, act_sysinfo(INFO_TOTAL));
	EXPECT_EQ(machine, actor_do(&self->in_b, act_memory, TOTAL));
	EXPECT_EQ(machine, actor_do(&self->in_b, act_sysinfo, INFO_TOTAL));
}

TEST_F(view, memory_is_what_the_groups_above_let_it_use)
{
	ASSERT_EQ(0, put_number(self->a.group, "memory.max", LIMIT));
	ASSERT_EQ(0, put_number(AT_FDCWD, TEST_GROUP "/memory.max", LESS));
	EXPECT_EQ(LESS >> 10, actor_do(&self->in_a, act_memory, TOTAL));
	EXPECT_EQ(LESS >> 10, actor_do(&self->in_b, act_sysinfo, INFO_TOTAL));
}

static long act_hold(long bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return memory == MAP_FAILED ? -errno : 0;
}

TEST_F(view, memory_that_is_used_is_not_free)
{
	long before, after;

	ASSERT_EQ(0, put_number(self->a.group, "memory.max", LIMIT));
	before = actor_do(&self->in_a, act_memory, FREE);
	ASSERT_LT(LESS >> 10, before);
	ASSERT_EQ(0, actor_do(&self->in_a, act_hold, LESS));
	after = actor_do(&self->in_a, act_memory, FREE);
	EXPECT_LE(LESS >> 10, before - after);
	EXPECT_GE((LESS >> 10) + 2048, before - after);
	EXPECT_LE(after, actor_do(&self->in_a, act_memory, AVAILABLE));
	EXPECT_GE(LIMIT >> 10, actor_do(&self->in_a, act_memory, AVAILABLE));
	EXPECT_LE(LESS >> 10, actor_do(&self->in_a, act_memory, ANON));
	EXPECT_EQ(0, actor_do(&self->in_a, act_memory, BUFFERS));
}

TEST_F(view, swap_is_what_it_may_use)
{
	long machine = act_memory(SWAP_TOTAL);

	ASSERT_EQ(0, put_number(self->a.group, "memory.max", LIMIT));
	EXPECT_EQ(machine, actor_do(&self->in_a, act_memory, SWAP_TOTAL));
	ASSERT_EQ(0, put_text(self->a.group, "memory.swap.max", "0"));
	EXPECT_EQ(0, actor_do(&self->in_a, act_memory, SWAP_TOTAL));
	EXPECT_EQ(0, actor_do(&self->in_a, act_memory, SWAP_FREE));
	EXPECT_EQ(0, actor_do(&self->in_a, act_sysinfo, INFO_SWAP));
	EXPECT_EQ(machine, act_memory(SWAP_TOTAL));
}

TEST_F(view, without_the_controller_it_is_the_machine)
{
	ASSERT_EQ(0, set_controllers("-memory -cpu"));
	EXPECT_EQ(act_memory(TOTAL), actor_do(&self->in_a, act_memory, TOTAL));
	EXPECT_EQ(act_sysinfo(INFO_TOTAL), actor_do(&self->in_a, act_sysinfo, INFO_TOTAL));
	EXPECT_EQ(processors(), actor_do(&self->in_a, act_cpuinfo, 0));
}

/* Who reads counts, not who has opened it. */
static long act_read_total(long fd)
{
	char text[256] = "";
	long total;

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return -errno;
	return sscanf(text, "MemTotal: %ld", &total) == 1 ? total : -EBADMSG;
}

TEST_F(view, an_open_file_shows_nothing_more)
{
	int fd = open("/proc/meminfo", O_RDONLY);
	struct actor actor;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, put_number(self->a.group, "memory.max", LIMIT));
	ASSERT_EQ(0, actor_start(&actor, &self->a));
	EXPECT_EQ(LIMIT >> 10, actor_do(&actor, act_read_total, fd));
	EXPECT_EQ(act_memory(TOTAL), act_read_total(fd));
	actor_end(&actor);
	close(fd);
}

/* ---- time ---- */

TEST_F(view, it_is_as_old_as_it_is)
{
	long first = actor_do(&self->in_a, act_uptime, false), machine = act_uptime(false);

	EXPECT_LE(0, first);
	EXPECT_GT(machine, first);
	sleep(1);
	EXPECT_LE(first + 1000, actor_do(&self->in_a, act_uptime, false));
	EXPECT_LE(machine + 1000, act_uptime(false));
	/* Of both, what is less than a hundredth is not told. */
	EXPECT_LE(actor_do(&self->in_a, act_uptime, true),
		  (actor_do(&self->in_a, act_uptime, false) + 10) * processors());
	EXPECT_LE(1, actor_do(&self->in_a, act_sysinfo, INFO_UPTIME));
	EXPECT_GT(act_sysinfo(INFO_UPTIME), actor_do(&self->in_a, act_sysinfo, INFO_UPTIME));
}

TEST_F(view, it_was_born_when_it_was)
{
	long now = time(NULL), born = actor_do(&self->in_a, act_btime, 0);

	EXPECT_LE(now - 60, born);
	EXPECT_GE(now + 1, born);
	EXPECT_GT(born, act_btime(0));
}

/* ---- processors ---- */

TEST_F(view, processors_are_what_it_may_use)
{
	EXPECT_EQ(processors(), actor_do(&self->in_a, act_cpuinfo, 0));
	EXPECT_EQ(processors(), actor_do(&self->in_a, act_stat_cpus, 0));
	ASSERT_EQ(0, put_text(self->a.group, "cpu.max", "100000 100000"));
	EXPECT_EQ(1, actor_do(&self->in_a, act_cpuinfo, 0));
	EXPECT_EQ(1, actor_do(&self->in_a, act_stat_cpus, 0));
	ASSERT_EQ(0, put_text(self->a.group, "cpu.max", "10000 100000"));
	EXPECT_EQ(1, actor_do(&self->in_a, act_cpuinfo, 0));
	EXPECT_EQ(processors(), act_cpuinfo(0));
	EXPECT_EQ(processors(), act_stat_cpus(0));
	EXPECT_EQ(processors(), actor_do(&self->in_b, act_cpuinfo, 0));
}

TEST_F(view, processes_are_its_own)
{
	long forks = actor_do(&self->in_a, act_forks, 0);

	EXPECT_EQ(1, actor_do(&self->in_a, act_tasks, true));
	EXPECT_EQ(1, actor_do(&self->in_a, act_tasks, false));
	EXPECT_EQ(1, actor_do(&self->in_a, act_sysinfo, INFO_PROCS));
	EXPECT_LE(0, forks);
	ASSERT_EQ(0, actor_do(&self->in_a, act_fork, 0));
	EXPECT_EQ(forks + 1, actor_do(&self->in_a, act_forks, 0));
	EXPECT_LT(1, act_tasks(true));
}

/* ---- load ---- */

static long act_be_busy(long n)
{
	pid_t pid;

	while (n--) {
		pid = fork();
		if (pid < 0)
			return -errno;
		if (!pid)
			for (;;)
				;
	}
	return 0;
}

/* What is told is the sum of so many periods, each with the share that it has after a minute. */
static long expected(int periods)
{
	double kept = 1;

	while (periods--)
		kept *= 1884.0 / 2048;	/* exp(-5/60) */
	return BUSY * (1 - kept) * 100 + 0.5;
}

static bool is_near(long load, long wanted)
{
	return labs(load - wanted) * 100 <= wanted * 5 + 100;
}

TEST_F(view, load_is_its_own)
{
	long load, steps = 0, last = 0;
	time_t end;

	ASSERT_EQ(0, actor_do(&self->in_a, act_be_busy, BUSY));
	/* When the first period ends, nobody knows; each is seen by a load that has changed. */
	for (end = time(NULL) + LOADED; time(NULL) < end; nap()) {
		load = load_by_host(A);
		if (load == last)
			continue;
		last = load;
		steps++;
		EXPECT_TRUE(is_near(load, expected(steps))) {
			TH_LOG("after %ld: %ld, not %ld", steps, load, expected(steps));
		}
	}
	EXPECT_LE(LOADED / PERIOD - 1, steps);
	EXPECT_GE(LOADED / PERIOD + 1, steps);
	EXPECT_EQ(0, load_by_host(B));
	EXPECT_EQ(0, actor_do(&self->in_b, act_load, 0));
}

/* A period may end between two looks, but not at each. */
static bool sees_same(struct actor *actor, __u32 id)
{
	long host = load_by_host(id);
	long inside = actor_do(actor, act_load, 0);
	long called = actor_do(actor, act_sysinfo, INFO_LOAD) * 100 / (1 << SI_LOAD_SHIFT);

	return host > 0 && host == inside && labs(called - inside) <= 1 &&
	       load_by_host(id) == host;
}

TEST_F(view, load_is_the_same_inside)
{
	ASSERT_EQ(0, actor_do(&self->in_a, act_be_busy, BUSY));
	EXPECT_TRUE(EVENTUALLY(load_by_host(A) > 0));
	EXPECT_TRUE(EVENTUALLY(sees_same(&self->in_a, A)));
	EXPECT_EQ(BUSY + 1, actor_do(&self->in_a, act_tasks, false));
	EXPECT_EQ(BUSY + 1, actor_do(&self->in_a, act_tasks, true));
}

TEST_HARNESS_MAIN
