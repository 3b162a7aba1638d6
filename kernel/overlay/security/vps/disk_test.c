// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: tests of what is said about room on a disk.
 */
#include <kunit/test.h>

#include "vps.h"

static void free_within_limit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vps_disk_free(100, 0, 1000, false), 100);
	KUNIT_EXPECT_EQ(test, vps_disk_free(100, 30, 1000, false), 70);
	KUNIT_EXPECT_EQ(test, vps_disk_free(100, 100, 1000, false), 0);
	/* What cannot be refused goes beyond. */
	KUNIT_EXPECT_EQ(test, vps_disk_free(100, 101, 1000, false), 0);
	KUNIT_EXPECT_EQ(test, vps_disk_free(0, 0, 1000, false), 0);
	KUNIT_EXPECT_EQ(test, vps_disk_free(0, U64_MAX, 1000, false), 0);
}

static void free_on_file_system(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vps_disk_free(100, 30, 20, false), 20);
	KUNIT_EXPECT_EQ(test, vps_disk_free(100, 30, 0, false), 0);
	KUNIT_EXPECT_EQ(test, vps_disk_free(U64_MAX, 30, 20, false), 20);
}

static void free_without_end(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vps_disk_free(100, 30, 0, true), 70);
	KUNIT_EXPECT_EQ(test, vps_disk_free(100, 200, 0, true), 0);
}

static struct kunit_case disk_cases[] = {
	KUNIT_CASE(free_within_limit),
	KUNIT_CASE(free_on_file_system),
	KUNIT_CASE(free_without_end),
	{}
};

static struct kunit_suite disk_suite = {
	.name = "vps_disk",
	.test_cases = disk_cases,
};

kunit_test_suite(disk_suite);
