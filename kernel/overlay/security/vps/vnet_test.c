// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of devices of contexts: what can be said of one, and what its queues are made of.
 */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "vnet.h"

#define MOST 1000000000000ULL

static bool can_be(u32 ifindex, const char *name, const char *port)
{
	struct vps_device device = { .ifindex = ifindex };

	strscpy(device.name, name, sizeof(device.name));
	strscpy(device.port, port, sizeof(device.port));
	return vps_device_is(&device);
}

static void device_is(struct kunit *test)
{
	static const char *const bad[] = { "", ".", "..", "a b", "a/b", "a:b", "eth%d", "%" };
	struct vps_device device = { .name = "eth0", .port = "vps3" };

	KUNIT_EXPECT_TRUE(test, vps_device_is(&device));
	KUNIT_EXPECT_TRUE(test, can_be(0, "fifteen-letters", "x"));
	KUNIT_EXPECT_FALSE(test, can_be(1, "eth0", "vps3"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_FALSE_MSG(test, can_be(0, bad[i], "vps3"), "%s", bad[i]);
		KUNIT_EXPECT_FALSE_MSG(test, can_be(0, "eth0", bad[i]), "%s", bad[i]);
	}
	device.port[VPS_DEVICE_SIZE - 1] = 'x';
	KUNIT_EXPECT_FALSE(test, vps_device_is(&device));
	memset(device.name, 'n', sizeof(device.name));
	device.port[VPS_DEVICE_SIZE - 1] = 0;
	KUNIT_EXPECT_FALSE(test, vps_device_is(&device));
}

static void device_is_index(struct kunit *test)
{
	struct vps_device device = {};

	KUNIT_EXPECT_FALSE(test, vps_device_is_index(&device));
	device.ifindex = INT_MAX;
	KUNIT_EXPECT_TRUE(test, vps_device_is_index(&device));
	device.ifindex++;
	KUNIT_EXPECT_FALSE(test, vps_device_is_index(&device));
	device.ifindex = 2;
	device.port[VPS_DEVICE_SIZE - 1] = 1;
	KUNIT_EXPECT_FALSE(test, vps_device_is_index(&device));
	device = (struct vps_device){ .ifindex = 2, .name = "eth0" };
	KUNIT_EXPECT_FALSE(test, vps_device_is_index(&device));
}

#define OF(index, ...)	vps_qos_is(&(const struct vps_qos){ .ifindex = (index), __VA_ARGS__ })
#define QOS(...)	OF(2, __VA_ARGS__)

static void qos_is(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, QOS(.max = VPS_UNLIMITED));
	KUNIT_EXPECT_TRUE(test, QOS(.max = 8000));
	KUNIT_EXPECT_TRUE(test, QOS(.max = MOST));
	KUNIT_EXPECT_FALSE(test, QOS(.max = 0));
	KUNIT_EXPECT_FALSE(test, QOS(.max = 7999));
	KUNIT_EXPECT_FALSE(test, QOS(.max = MOST + 1));
	KUNIT_EXPECT_FALSE(test, QOS(.max = VPS_UNLIMITED - 1));
	KUNIT_EXPECT_FALSE(test, QOS(.max = 8000, .reserved = 1));
	KUNIT_EXPECT_FALSE(test, OF(0, .max = 8000));
	KUNIT_EXPECT_FALSE(test, OF(1U << 31, .max = 8000));

	KUNIT_EXPECT_TRUE(test, QOS(.max = 8000, .link = 3));
	KUNIT_EXPECT_TRUE(test, QOS(.max = 8000, .min = 8000, .link = 3));
	KUNIT_EXPECT_TRUE(test, QOS(.max = VPS_UNLIMITED, .min = MOST, .link = 3));
	KUNIT_EXPECT_FALSE(test, QOS(.max = 8000, .min = 8000));
	KUNIT_EXPECT_FALSE(test, QOS(.max = 8000, .min = 8001, .link = 3));
	KUNIT_EXPECT_FALSE(test, QOS(.max = 8000, .min = 7999, .link = 3));
	KUNIT_EXPECT_FALSE(test, QOS(.max = 8000, .min = 8000, .link = 1U << 31));
	KUNIT_EXPECT_FALSE(test, QOS(.max = VPS_UNLIMITED, .min = VPS_UNLIMITED, .link = 3));
}

/* The largest packet always gets through, and waits for no more than the rest of what waits. */
static void qos_sizes(struct kunit *test)
{
	static const u64 rates[] = { 1000, 125000, 12500000, 1250000000, MOST / 8 };
	static const u32 frames[] = { 82, 1514, 9014, 65549 };

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(frames); j++) {
			u32 burst = vps_qos_burst(rates[i], frames[j]);

			KUNIT_EXPECT_GE(test, burst, 2 * frames[j]);
			KUNIT_EXPECT_GE(test, burst, rates[i] / 50);
			KUNIT_EXPECT_GE(test, vps_qos_queue(rates[i], frames[j]), 2 * frames[j]);
		}
	}
	KUNIT_EXPECT_EQ(test, vps_qos_burst(12500000, 1514), 250000);
	KUNIT_EXPECT_EQ(test, vps_qos_burst(1000, 1514), 3028);
	KUNIT_EXPECT_EQ(test, vps_qos_queue(1000, 1514), 64 << 10);
	KUNIT_EXPECT_EQ(test, vps_qos_queue(12500000, 1514), 1250000);
	KUNIT_EXPECT_EQ(test, vps_qos_queue(MOST / 8, 1514), 4 << 20);
}

static struct kunit_case vnet_cases[] = {
	KUNIT_CASE(device_is),
	KUNIT_CASE(device_is_index),
	KUNIT_CASE(qos_is),
	KUNIT_CASE(qos_sizes),
	{}
};

static struct kunit_suite vnet_suite = {
	.name = "vps_vnet",
	.test_cases = vnet_cases,
};

kunit_test_suite(vnet_suite);
