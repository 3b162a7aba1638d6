// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of addresses and lists of them: which can be given, what is the same, and whose is what.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/inet.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/string.h>

#include "address.h"

#define ID 0x1234	/* its loopback is 127.18.52.0/24 */
#define NET 7

/* Of @bits, 0: that address alone. */
static struct vps_address address_of(const char *text, unsigned int bits)
{
	struct vps_address address = { .size = sizeof(address) };
	bool v6 = strchr(text, ':');

	address.family = v6 ? AF_INET6 : AF_INET;
	address.bits = bits ?: v6 ? 128 : 32;
	if (v6)
		in6_pton(text, -1, address.addr, -1, NULL);
	else
		in4_pton(text, -1, address.addr, -1, NULL);
	return address;
}

static bool can_be(const char *text, unsigned int bits)
{
	struct vps_address address = address_of(text, bits);

	return vps_address_is(&address);
}

static void address_is(struct kunit *test)
{
	static const char *const bad[] = {
		"0.0.0.0", "127.0.0.1", "127.18.52.1", "224.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:192.0.2.1", "ff02::1", "fd76:7073:6c6f::1234",
	};
	struct vps_address address;

	KUNIT_EXPECT_TRUE(test, can_be("192.0.2.1", 0));
	KUNIT_EXPECT_TRUE(test, can_be("192.0.2.1", 1));
	KUNIT_EXPECT_FALSE(test, can_be("192.0.2.1", 33));
	KUNIT_EXPECT_TRUE(test, can_be("2001:db8::1", 0));
	KUNIT_EXPECT_TRUE(test, can_be("2001:db8::1", 33));
	KUNIT_EXPECT_FALSE(test, can_be("2001:db8::1", 129));
	for (int i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_FALSE_MSG(test, can_be(bad[i], 0), "%s", bad[i]);

	address = address_of("192.0.2.1", 0);
	address.bits = 0;
	KUNIT_EXPECT_FALSE(test, vps_address_is(&address));
	address.bits = 32;
	address.prefix = 33;
	KUNIT_EXPECT_FALSE(test, vps_address_is(&address));
	address.prefix = 24;
	KUNIT_EXPECT_TRUE(test, vps_address_is(&address));
	address.addr[4] = 1;
	KUNIT_EXPECT_FALSE(test, vps_address_is(&address));
	address.addr[4] = 0;
	address.family = AF_UNIX;
	KUNIT_EXPECT_FALSE(test, vps_address_is(&address));
}

static void address_device(struct kunit *test)
{
	struct vps_address address = address_of("192.0.2.1", 0);

	strscpy(address.device, "eth0");
	KUNIT_EXPECT_TRUE(test, vps_address_is(&address));
	address.device[5] = 'x';
	KUNIT_EXPECT_FALSE(test, vps_address_is(&address));
	memset(address.device, 'x', sizeof(address.device));
	KUNIT_EXPECT_FALSE(test, vps_address_is(&address));
	strscpy_pad(address.device, "a/b");
	KUNIT_EXPECT_FALSE(test, vps_address_is(&address));
	strscpy_pad(address.device, "a\nb");
	KUNIT_EXPECT_FALSE(test, vps_address_is(&address));
}

static bool overlap(const char *one, unsigned int bits, const char *other, unsigned int others)
{
	struct vps_address a = address_of(one, bits), b = address_of(other, others);

	return vps_address_overlaps(&a, &b) && vps_address_overlaps(&b, &a);
}

static void address_overlaps(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, overlap("192.0.2.1", 0, "192.0.2.1", 0));
	KUNIT_EXPECT_FALSE(test, overlap("192.0.2.1", 0, "192.0.2.0", 0));
	KUNIT_EXPECT_TRUE(test, overlap("192.0.2.0", 24, "192.0.2.255", 0));
	KUNIT_EXPECT_FALSE(test, overlap("192.0.2.0", 24, "192.0.3.0", 0));
	KUNIT_EXPECT_TRUE(test, overlap("192.0.2.0", 23, "192.0.3.0", 24));
	KUNIT_EXPECT_TRUE(test, overlap("192.0.2.4", 30, "192.0.2.7", 0));
	KUNIT_EXPECT_FALSE(test, overlap("192.0.2.4", 30, "192.0.2.8", 0));
	KUNIT_EXPECT_TRUE(test, overlap("2001:db8::", 33, "2001:db8:7fff::1", 0));
	KUNIT_EXPECT_FALSE(test, overlap("2001:db8::", 33, "2001:db8:8000::1", 0));
	KUNIT_EXPECT_FALSE(test, overlap("32.1.13.184", 0, "2001:db8::", 32));
}

/* A new list, in place of the one before. */
static struct vps_permit *with(struct kunit *test, struct vps_permit *old, const char *text,
			       unsigned int bits)
{
	struct vps_address address = address_of(text, bits);
	struct vps_permit *permit = vps_permit_with(old, NET, &address);

	KUNIT_ASSERT_FALSE(test, IS_ERR(permit));
	kfree(old);
	return permit;
}

static bool has(const struct vps_permit *permit, const char *text, bool looped)
{
	struct vps_address address = address_of(text, 0);

	return vps_permit_has(permit, ID, address.family, address.addr, looped);
}

static void permit_has(struct kunit *test)
{
	struct vps_permit *permit = with(test, NULL, "192.0.2.1", 0);

	permit = with(test, permit, "198.51.100.0", 28);
	permit = with(test, permit, "2001:db8::1", 0);
	KUNIT_EXPECT_TRUE(test, has(permit, "192.0.2.1", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "192.0.2.2", false));
	KUNIT_EXPECT_TRUE(test, has(permit, "198.51.100.15", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "198.51.100.16", false));
	KUNIT_EXPECT_TRUE(test, has(permit, "2001:db8::1", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "2001:db8::", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "fe80::1", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "0.0.0.0", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "::", true));

	KUNIT_EXPECT_TRUE(test, has(permit, "127.18.52.9", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "127.18.53.9", true));
	KUNIT_EXPECT_FALSE(test, has(permit, "127.0.0.1", true));
	KUNIT_EXPECT_TRUE(test, has(permit, "fd76:7073:6c6f::1234", true));
	KUNIT_EXPECT_FALSE(test, has(permit, "fd76:7073:6c6f::1234", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "fd76:7073:6c6f::1235", true));
	KUNIT_EXPECT_FALSE(test, has(permit, "fd76:7073:6c6f::1:1234", true));
	KUNIT_EXPECT_FALSE(test, has(permit, "::1", true));
	kfree(permit);
}

/* A range that has all that begins with 1 has no loopback but its own. */
static void permit_has_no_loops(struct kunit *test)
{
	struct vps_permit *permit = with(test, NULL, "64.0.0.0", 2);

	permit = with(test, permit, "fc00::", 7);
	KUNIT_EXPECT_TRUE(test, has(permit, "126.0.0.1", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "127.0.0.1", true));
	KUNIT_EXPECT_TRUE(test, has(permit, "fd76:7073:6c70::1", false));
	KUNIT_EXPECT_FALSE(test, has(permit, "fd76:7073:6c6f::1", true));
	kfree(permit);
}

static long error_with(const struct vps_permit *old, u64 net, const char *text, unsigned int bits)
{
	struct vps_address address = address_of(text, bits);

	return PTR_ERR_OR_ZERO(vps_permit_with(old, net, &address));
}

static void permit_changes(struct kunit *test)
{
	struct vps_address second = address_of("192.0.2.2", 0), other = address_of("192.0.2.9", 0);
	struct vps_permit *permit = with(test, NULL, "192.0.2.1", 0), *less;

	permit = with(test, permit, "192.0.2.2", 0);
	permit = with(test, permit, "192.0.2.3", 0);
	KUNIT_EXPECT_EQ(test, permit->count, 3);
	KUNIT_EXPECT_EQ(test, permit->net, NET);
	KUNIT_EXPECT_EQ(test, error_with(permit, NET, "192.0.2.3", 0), -EEXIST);
	KUNIT_EXPECT_EQ(test, error_with(permit, NET + 1, "192.0.2.4", 0), -EXDEV);
	KUNIT_EXPECT_TRUE(test, vps_permit_overlaps(permit, &second));
	KUNIT_EXPECT_FALSE(test, vps_permit_overlaps(permit, &other));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vps_permit_without(permit, &other)), -ENOENT);
	second.bits = 31;
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vps_permit_without(permit, &second)), -ENOENT);
	second.bits = 32;

	less = vps_permit_without(permit, &second);
	KUNIT_ASSERT_FALSE(test, IS_ERR(less));
	KUNIT_EXPECT_EQ(test, less->count, 2);
	KUNIT_EXPECT_EQ(test, less->net, NET);
	KUNIT_EXPECT_EQ(test, less->items[0].addr[3], 1);
	KUNIT_EXPECT_EQ(test, less->items[1].addr[3], 3);
	kfree(less);
	kfree(permit);
}

static void permit_ends(struct kunit *test)
{
	struct vps_permit *permit = NULL, *less;
	struct vps_address first;
	char text[16];

	for (int i = 0; i < VPS_ADDRESSES_MAX; i++) {
		snprintf(text, sizeof(text), "10.0.%d.%d", i >> 4, i & 15);
		permit = with(test, permit, text, 0);
	}
	KUNIT_EXPECT_EQ(test, permit->count, VPS_ADDRESSES_MAX);
	KUNIT_EXPECT_TRUE(test, has(permit, "10.0.15.15", false));
	KUNIT_EXPECT_EQ(test, error_with(permit, NET, "10.1.0.0", 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, error_with(permit, NET, "10.0.0.0", 0), -EEXIST);
	while (permit->count) {
		first = permit->items[0];
		less = vps_permit_without(permit, &first);
		KUNIT_ASSERT_FALSE(test, IS_ERR(less));
		kfree(permit);
		permit = less;
	}
	KUNIT_EXPECT_FALSE(test, has(permit, "10.0.15.15", false));
	KUNIT_EXPECT_TRUE(test, has(permit, "127.18.52.1", true));
	kfree(permit);
}

static struct kunit_case address_cases[] = {
	KUNIT_CASE(address_is),
	KUNIT_CASE(address_device),
	KUNIT_CASE(address_overlaps),
	KUNIT_CASE(permit_has),
	KUNIT_CASE(permit_has_no_loops),
	KUNIT_CASE(permit_changes),
	KUNIT_CASE(permit_ends),
	{}
};

static struct kunit_suite address_suite = {
	.name = "vps_address",
	.test_cases = address_cases,
};

kunit_test_suite(address_suite);
