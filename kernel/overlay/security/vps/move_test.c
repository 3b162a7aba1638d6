// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: tests of the rule for crossing boundaries.
 */
#include <kunit/test.h>

#include "vps.h"

static void move_by_host(struct kunit *test)
{
	struct vps_move move = { .by_host = true };

	KUNIT_EXPECT_EQ(test, vps_move_check(&move), 0);
	move.by_host = false;
	KUNIT_EXPECT_EQ(test, vps_move_check(&move), -EPERM);
}

static void move_flags(struct kunit *test)
{
	struct vps_move move = { .by_host = true };

	/* What each flag of either side forbids, with and without an init process. */
	for (int bit = 0; bit < 5; bit++) {
		move.from_flags = 1 << bit;
		move.to_flags = 0;
		KUNIT_EXPECT_EQ(test, vps_move_check(&move), 1 << bit == VPS_LOCK ? -EXDEV : 0);
		move.from_flags = 0;
		move.to_flags = 1 << bit;
		move.to_inited = false;
		KUNIT_EXPECT_EQ(test, vps_move_check(&move), 0);
		move.to_inited = true;
		KUNIT_EXPECT_EQ(test, vps_move_check(&move),
				1 << bit == VPS_PRIVATE ? -EACCES : 0);
	}
}

static void move_order(struct kunit *test)
{
	struct vps_move move = {
		.from_flags = VPS_FLAGS,
		.to_flags = VPS_FLAGS,
		.to_ended = true,
		.to_inited = true,
		.traced = true,
		.splits = true,
		.kernel = true,
	};

	KUNIT_EXPECT_EQ(test, vps_move_check(&move), -EINVAL);
	move.kernel = false;
	KUNIT_EXPECT_EQ(test, vps_move_check(&move), -EPERM);
	move.by_host = true;
	KUNIT_EXPECT_EQ(test, vps_move_check(&move), -EBUSY);
	move.traced = false;
	KUNIT_EXPECT_EQ(test, vps_move_check(&move), -EOPNOTSUPP);
	move.splits = false;
	KUNIT_EXPECT_EQ(test, vps_move_check(&move), -ESRCH);
	move.to_ended = false;
	KUNIT_EXPECT_EQ(test, vps_move_check(&move), -EXDEV);
	move.from_flags = 0;
	KUNIT_EXPECT_EQ(test, vps_move_check(&move), -EACCES);
	move.to_flags = 0;
	KUNIT_EXPECT_EQ(test, vps_move_check(&move), 0);
}

static struct kunit_case move_cases[] = {
	KUNIT_CASE(move_by_host),
	KUNIT_CASE(move_flags),
	KUNIT_CASE(move_order),
	{}
};

static struct kunit_suite move_suite = {
	.name = "vps_move",
	.test_cases = move_cases,
};

kunit_test_suite(move_suite);
