// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of counters: the limit is met exactly, at its ends and by many at once.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>

#include "counter.h"

static void counter_is_exact(struct kunit *test)
{
	struct vps_counter counter;

	vps_counter_init(&counter);
	vps_counter_bound(&counter, VPS_UNLIMITED, 3);
	KUNIT_EXPECT_TRUE(test, vps_counter_try(&counter, 2));
	KUNIT_EXPECT_TRUE(test, vps_counter_has(&counter, 1));
	KUNIT_EXPECT_FALSE(test, vps_counter_has(&counter, 2));
	KUNIT_EXPECT_FALSE(test, vps_counter_try(&counter, 2));
	KUNIT_EXPECT_TRUE(test, vps_counter_try(&counter, 1));
	KUNIT_EXPECT_FALSE(test, vps_counter_try(&counter, 1));
	KUNIT_EXPECT_EQ(test, vps_counter_used(&counter), 3);
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter.hits), 2);
	vps_counter_uncharge(&counter, 1);
	KUNIT_EXPECT_TRUE(test, vps_counter_try(&counter, 1));
	vps_counter_uncharge(&counter, 3);
	KUNIT_EXPECT_EQ(test, vps_counter_used(&counter), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter.peak), 3);
}

static void counter_ends(struct kunit *test)
{
	struct vps_counter counter;

	vps_counter_init(&counter);
	KUNIT_EXPECT_TRUE(test, vps_counter_try(&counter, S64_MAX));
	vps_counter_uncharge(&counter, S64_MAX);
	vps_counter_bound(&counter, VPS_UNLIMITED, 0);
	KUNIT_EXPECT_FALSE(test, vps_counter_try(&counter, 1));
	KUNIT_EXPECT_FALSE(test, vps_counter_try(&counter, U64_MAX));
	KUNIT_EXPECT_EQ(test, vps_counter_used(&counter), 0);
}

static void counter_below_use(struct kunit *test)
{
	struct vps_counter counter;

	vps_counter_init(&counter);
	vps_counter_charge(&counter, 5);
	vps_counter_bound(&counter, VPS_UNLIMITED, 2);
	KUNIT_EXPECT_FALSE(test, vps_counter_try(&counter, 1));
	vps_counter_charge(&counter, 1);
	KUNIT_EXPECT_EQ(test, vps_counter_used(&counter), 6);
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter.hits), 1);
	vps_counter_uncharge(&counter, 5);
	KUNIT_EXPECT_TRUE(test, vps_counter_try(&counter, 1));
}

static void counter_soft(struct kunit *test)
{
	struct vps_counter counter;

	vps_counter_init(&counter);
	vps_counter_bound(&counter, 2, VPS_UNLIMITED);
	KUNIT_EXPECT_TRUE(test, vps_counter_try(&counter, 2));
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter.hits), 0);
	KUNIT_EXPECT_TRUE(test, vps_counter_try(&counter, 1));
	KUNIT_EXPECT_TRUE(test, vps_counter_try(&counter, 1));
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter.hits), 1);
	vps_counter_uncharge(&counter, 2);
	vps_counter_charge(&counter, 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter.hits), 2);
	vps_counter_uncharge(&counter, 4);
}

#define ROUNDS	20000
#define LIMIT	3

/* One of several that want what there is for LIMIT of them. */
struct greedy {
	struct vps_counter *counter;
	struct completion done;
	bool over;
};

static int be_greedy(void *data)
{
	struct greedy *greedy = data;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (!vps_counter_try(greedy->counter, 1))
			continue;
		if (vps_counter_used(greedy->counter) > LIMIT)
			greedy->over = true;
		vps_counter_uncharge(greedy->counter, 1);
	}
	complete(&greedy->done);
	return 0;
}

static void counter_by_many(struct kunit *test)
{
	struct vps_counter counter;
	struct greedy greedy[2 * LIMIT] = {};
	int i;

	vps_counter_init(&counter);
	vps_counter_bound(&counter, VPS_UNLIMITED, LIMIT);
	for (i = 0; i < ARRAY_SIZE(greedy); i++) {
		greedy[i].counter = &counter;
		init_completion(&greedy[i].done);
		if (IS_ERR(kthread_run(be_greedy, &greedy[i], "vps_counter_test")))
			complete(&greedy[i].done);
	}
	for (i = 0; i < ARRAY_SIZE(greedy); i++) {
		wait_for_completion(&greedy[i].done);
		KUNIT_EXPECT_FALSE(test, greedy[i].over);
	}
	KUNIT_EXPECT_EQ(test, vps_counter_used(&counter), 0);
	KUNIT_EXPECT_LE(test, atomic64_read(&counter.peak), LIMIT);
	KUNIT_EXPECT_GE(test, atomic64_read(&counter.peak), 1);
}

static struct kunit_case counter_cases[] = {
	KUNIT_CASE(counter_is_exact),
	KUNIT_CASE(counter_ends),
	KUNIT_CASE(counter_below_use),
	KUNIT_CASE(counter_soft),
	KUNIT_CASE(counter_by_many),
	{}
};

static struct kunit_suite counter_suite = {
	.name = "vps_counter",
	.test_cases = counter_cases,
};

kunit_test_suite(counter_suite);
