// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what contexts see of the machine: load averages, memory, processors.
 */
#include <kunit/test.h>
#include <linux/sched/loadavg.h>

#include "vps.h"

/* ---- load ---- */

/* A minute is twelve periods, after which 1 - 1/e of a load is told; five minutes are 60. */
static void load_rises(struct kunit *test)
{
	static const unsigned long percent[VPS_LOADS] = { 63, 18, 6 };
	unsigned long load[VPS_LOADS] = {};
	int i;

	for (i = 0; i < 12; i++)
		vps_load_step(load, 3, 1);
	for (i = 0; i < VPS_LOADS; i++) {
		KUNIT_EXPECT_GE(test, load[i], 3 * FIXED_1 * (percent[i] - 1) / 100);
		KUNIT_EXPECT_LE(test, load[i], 3 * FIXED_1 * (percent[i] + 1) / 100);
	}
}

static void load_stays(struct kunit *test)
{
	unsigned long load[VPS_LOADS] = { 2 * FIXED_1, 2 * FIXED_1, 2 * FIXED_1 };
	int i;

	for (i = 0; i < 1000; i++)
		vps_load_step(load, 2, 1 + i % 3);
	for (i = 0; i < VPS_LOADS; i++)
		KUNIT_EXPECT_EQ(test, load[i], 2 * FIXED_1);
}

static void load_ends(struct kunit *test)
{
	unsigned long load[VPS_LOADS] = { 100 * FIXED_1, 100 * FIXED_1, 100 * FIXED_1 };
	int i;

	for (i = 0; i < 12 * 60 * 24; i++)
		vps_load_step(load, 0, 1);
	for (i = 0; i < VPS_LOADS; i++)
		KUNIT_EXPECT_EQ(test, load[i], 0);
}

/* What was late is what it would have been, but for rounding. */
static void load_catches_up(struct kunit *test)
{
	unsigned long late[VPS_LOADS] = {}, load[VPS_LOADS] = {};
	int i;

	for (i = 0; i < 7; i++)
		vps_load_step(load, 5, 1);
	vps_load_step(late, 5, 7);
	for (i = 0; i < VPS_LOADS; i++)
		KUNIT_EXPECT_LE(test, abs((long)(load[i] - late[i])), 5 * FIXED_1 / 100);
}

/* More tasks than there can be numbers of. */
static void load_has_room(struct kunit *test)
{
	unsigned long load[VPS_LOADS] = {};

	vps_load_step(load, 400000, 100000);
	KUNIT_EXPECT_LE(test, load[0], 400000UL * FIXED_1);
	if (IS_ENABLED(CONFIG_64BIT))
		KUNIT_EXPECT_GE(test, load[0], 400000UL * FIXED_1 / 100 * 99);
}

static void periods(struct kunit *test)
{
	unsigned long start = -(2UL * LOAD_FREQ), due = start;

	/* Across the end of what jiffies can be. */
	KUNIT_EXPECT_EQ(test, vps_load_periods(&due, start - 1), 0);
	KUNIT_EXPECT_EQ(test, due, start);
	KUNIT_EXPECT_EQ(test, vps_load_periods(&due, start), 1);
	KUNIT_EXPECT_EQ(test, vps_load_periods(&due, start + LOAD_FREQ - 1), 0);
	KUNIT_EXPECT_EQ(test, vps_load_periods(&due, start + 4 * LOAD_FREQ + 1), 4);
	KUNIT_EXPECT_EQ(test, due, start + 5 * LOAD_FREQ);
	/* Nobody has looked for so long that it seems to be ahead. */
	KUNIT_EXPECT_EQ(test, vps_load_periods(&due, due - 2 * LOAD_FREQ), 1);
	KUNIT_EXPECT_EQ(test, due, start + 4 * LOAD_FREQ);
}

/* As the first time, later than 32 bits of jiffies: all of it is over at once. */
static void periods_are_long(struct kunit *test)
{
	unsigned long due = 0, now = min_t(u64, (1ULL << 32) + HZ, ULONG_MAX / 4);

	KUNIT_EXPECT_GT(test, vps_load_periods(&due, now), 1);
	KUNIT_EXPECT_GT(test, due, now);
	KUNIT_EXPECT_LE(test, due - now, LOAD_FREQ);
}

/* ---- memory ---- */

static void memory_adds_up(struct kunit *test)
{
	struct vps_memory memory = {
		.total = 1000, .used = 400, .cached = 300,
		.swap_total = 100, .swap_used = 40, .swap_free = 1000,
	};

	vps_memory_split(&memory);
	KUNIT_EXPECT_EQ(test, memory.free, 600);
	KUNIT_EXPECT_EQ(test, memory.available, 900);
	KUNIT_EXPECT_EQ(test, memory.swap_free, 60);
}

/* A limit that was lowered, counts that are late, and swap that others have used up. */
static void memory_is_bounded(struct kunit *test)
{
	struct vps_memory memory = {
		.total = 1000, .used = 1200, .cached = 1500,
		.swap_total = 100, .swap_used = 120,
	};

	vps_memory_split(&memory);
	KUNIT_EXPECT_EQ(test, memory.free, 0);
	KUNIT_EXPECT_EQ(test, memory.available, 1000);
	KUNIT_EXPECT_EQ(test, memory.swap_free, 0);
	memory.swap_used = 0;
	memory.swap_free = 7;
	vps_memory_split(&memory);
	KUNIT_EXPECT_EQ(test, memory.swap_free, 7);
}

/* ---- processors ---- */

static void processors_are_whole(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vps_cpu_whole(VPS_UNLIMITED, 4), 4);
	KUNIT_EXPECT_EQ(test, vps_cpu_whole(4000, 4), 4);
	KUNIT_EXPECT_EQ(test, vps_cpu_whole(3001, 4), 4);
	KUNIT_EXPECT_EQ(test, vps_cpu_whole(3000, 4), 3);
	KUNIT_EXPECT_EQ(test, vps_cpu_whole(1001, 4), 2);
	KUNIT_EXPECT_EQ(test, vps_cpu_whole(1, 4), 1);
	KUNIT_EXPECT_EQ(test, vps_cpu_whole(0, 4), 1);
	KUNIT_EXPECT_EQ(test, vps_cpu_whole(5000, 1), 1);
}

static void time_is_left(struct kunit *test)
{
	struct vps_time time = {
		.age = 100, .user = 30, .nice = 10, .system = 20, .processors = 2,
	};

	KUNIT_EXPECT_EQ(test, vps_time_idle(&time), 140);
	time.user = 500;
	KUNIT_EXPECT_EQ(test, vps_time_idle(&time), 0);
}

static struct kunit_case view_cases[] = {
	KUNIT_CASE(load_rises),
	KUNIT_CASE(load_stays),
	KUNIT_CASE(load_ends),
	KUNIT_CASE(load_catches_up),
	KUNIT_CASE(load_has_room),
	KUNIT_CASE(periods),
	KUNIT_CASE(periods_are_long),
	KUNIT_CASE(memory_adds_up),
	KUNIT_CASE(memory_is_bounded),
	KUNIT_CASE(processors_are_whole),
	KUNIT_CASE(time_is_left),
	{}
};

static struct kunit_suite view_suite = {
	.name = "vps_view",
	.test_cases = view_cases,
};

kunit_test_suite(view_suite);
