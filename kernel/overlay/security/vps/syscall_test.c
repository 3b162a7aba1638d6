// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of how commands of vserver(2) are read.
 */

#include <kunit/test.h>
#include <linux/capability.h>
#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "syscall.h"

#define SET(category, command)	VC_CMD(VC_CAT_##category, VC_SET, VC_##category##_##command)
#define GET(category, command)	VC_CMD(VC_CAT_##category, VC_GET, VC_##category##_##command)

/*
 * All that the interface promises, whether it is there, and how large its structure was when it
 * was new. Who was told so then may hand in that for ever.
 */
static const struct promise {
	u32 cmd;
	bool there;
	u16 size_min;
} promises[] = {
	{ SET(COMPAT, NEW_CONTEXT), true, 24 },
	{ SET(COMPAT, NETWORK), true, 24 },
	{ SET(COMPAT, LIMITS), true, 24 },
	{ SET(CPU, CONTEXT), true, 96 },
	{ GET(CPU, CONTEXT), true },
	{ SET(CPU, DESTROY), true },
	{ SET(CPU, POLICY), true, 8 },
	{ GET(CPU, POLICY), true, 8 },
	{ SET(CPU, USAGE), true, 24 },
	{ GET(CPU, USAGE), true, 24 },
	{ SET(CPU, FLAGS), true, 8 },
	{ GET(CPU, FLAGS), true, 8 },
	{ SET(PROCESS, MIGRATE), true, 16 },
	{ GET(PROCESS, MIGRATE), true },
	{ SET(PROCESS, MAX), true, 24 },
	{ GET(PROCESS, MAX), true, 48 },
	{ SET(PROCESS, CAPS), true, 16 },
	{ GET(PROCESS, CAPS), true, 16 },
	{ SET(PROCESS, STOP), true, 8 },
	{ GET(PROCESS, STOP), true, 8 },
	{ SET(PROCESS, ALL), true, 8 },
	{ GET(PROCESS, ALL), true, 24 },
	{ SET(PROCESS, INIT), true, 8 },
	{ GET(PROCESS, INIT), true, 8 },
	{ SET(VNET, DEVICE), true, 40 },
	{ GET(VNET, DEVICE), true },
	{ SET(VNET, ATTACH), true, 40 },
	{ GET(VNET, ATTACH), true, 24 },
	{ SET(VNET, DESTROY), true, 40 },
	{ SET(VNET, QOS), true, 32 },
	{ GET(VNET, QOS), true, 32 },
	{ SET(NETADDR, PERMIT), true, 40 },
	{ GET(NETADDR, PERMIT), true, 24 },
	{ SET(NETADDR, REMOVE), true, 40 },
	{ SET(VFS, ROOT), true, 24 },
	{ GET(VFS, ROOT), true, 24 },
	{ SET(VFS, DESTROY), true },
	{ SET(VFS, DISK), true, 40 },
	{ GET(VFS, DISK), true, 88 },
	{ SET(VFS, FILES), true, 24 },
	{ GET(VFS, FILES), true, 48 },
	{ SET(MEMORY, TOTAL), true, 24 },
	{ GET(MEMORY, TOTAL), true, 48 },
	{ SET(MEMORY, RESIDENT), true, 24 },
	{ GET(MEMORY, RESIDENT), true, 48 },
	{ SET(OTHER, TCP), true, 24 },
	{ GET(OTHER, TCP), true, 48 },
	{ SET(OTHER, FORGET), true, 16 },
};

/* The numbers are the interface: spelled out, since the macros could be wrong in both. */
static void test_numbers(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, SET(CPU, CONTEXT), 0x02200001u);
	KUNIT_EXPECT_EQ(test, GET(CPU, FLAGS), 0x02400005u);
	KUNIT_EXPECT_EQ(test, SET(PROCESS, ALL), 0x03200005u);
	KUNIT_EXPECT_EQ(test, GET(OTHER, TCP), 0x08400001u);
	KUNIT_EXPECT_EQ(test, VC_CMD(VC_CAT_PROCESS, VC_VERSION, VC_PROCESS_CAPS), 0x03600003u);
	KUNIT_EXPECT_EQ(test, VPS_CMD_RESERVED, 0x009fff00u);
	KUNIT_EXPECT_EQ(test, VC_CATEGORY(0x0369ff03u), 3u);
	KUNIT_EXPECT_EQ(test, VC_SUBCAT(0xff9fffffu), 0u);
	KUNIT_EXPECT_EQ(test, VC_SUBCAT(0x00600000u), 3u);
	KUNIT_EXPECT_EQ(test, VC_COMMAND(0xffffff07u), 7u);
}

static void test_table_sorted(struct kunit *test)
{
	for (size_t i = 1; i < vps_commands_count; i++)
		KUNIT_EXPECT_LT_MSG(test, vps_commands[i - 1].cmd, vps_commands[i].cmd,
				    "row %zu", i);
}

static void test_table_complete(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vps_commands_count, ARRAY_SIZE(promises));
	for (size_t i = 0; i < ARRAY_SIZE(promises); i++) {
		const struct vps_command *found = vps_command_find(promises[i].cmd);
		size_t rows = 0;

		for (size_t row = 0; row < vps_commands_count; row++)
			rows += vps_commands[row].cmd == promises[i].cmd;
		KUNIT_EXPECT_EQ_MSG(test, rows, 1, "command %#x", promises[i].cmd);
		KUNIT_EXPECT_EQ_MSG(test, !!found, promises[i].there, "command %#x",
				    promises[i].cmd);
		if (!found)
			continue;
		KUNIT_EXPECT_EQ(test, found->cmd, promises[i].cmd);
		KUNIT_EXPECT_EQ_MSG(test, found->size_min, promises[i].size_min, "command %#x",
				    promises[i].cmd);
	}
}

static bool is_promised(u32 cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(promises); i++) {
		if (promises[i].there && promises[i].cmd == cmd)
			return true;
	}
	return false;
}

static void test_find_nothing_else(struct kunit *test)
{
	for (u32 category = 0; category <= 0xff; category++)
		for (u32 subcat = 0; subcat <= 3; subcat++)
			for (u32 command = 0; command <= 0xff; command++) {
				u32 cmd = VC_CMD(category, subcat, command);

				if (!!vps_command_find(cmd) != is_promised(cmd))
					KUNIT_FAIL(test, "command %#x", cmd);
			}
}

/* What is to be told is asked for by more than its size. */
static bool is_question(u32 cmd)
{
	return cmd == GET(NETADDR, PERMIT) || cmd == GET(VNET, ATTACH) || cmd == GET(VNET, QOS);
}

static void test_row_is_whole(struct kunit *test)
{
	for (size_t i = 0; i < vps_commands_count; i++) {
		const struct vps_command *row = &vps_commands[i];
		bool set = VC_SUBCAT(row->cmd) == VC_SET;

		if (!row->run)
			continue;
		/* What is checked is what is read. */
		KUNIT_EXPECT_EQ_MSG(test, !!row->check,
				    (set && row->size) || is_question(row->cmd),
				    "command %#x", row->cmd);
		KUNIT_EXPECT_LE(test, row->size_min, row->size);
		KUNIT_EXPECT_EQ(test, !row->size_min, !row->size);
		KUNIT_EXPECT_EQ(test, row->size_min % sizeof(u32), 0);
		KUNIT_EXPECT_LE(test, row->size, sizeof(union vps_data));
		/* What sets is told of whom: id 0 is then the host, not nothing. */
		KUNIT_EXPECT_FALSE(test, set && row->ids == VPS_IDS_NONE);
	}
}

/* Is something there that is @cmd in the bits of @mask? */
static bool any_promised(u32 mask, u32 cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(promises); i++) {
		if (promises[i].there && !((promises[i].cmd ^ cmd) & mask))
			return true;
	}
	return false;
}

static void test_version(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, VPS_PATCH_VERSION, 0x20001);
	KUNIT_EXPECT_EQ(test, vps_command_version(0), VPS_PATCH_VERSION);
	KUNIT_EXPECT_EQ(test, vps_command_version(VC_CMD(VC_CAT_VERSION, VC_VERSION, 0)),
			VPS_PATCH_VERSION);
	KUNIT_EXPECT_EQ(test, vps_command_version(VC_CMD(VC_CAT_VERSION, VC_VERSION, 1)),
			-EOPNOTSUPP);
	for (size_t i = 0; i < ARRAY_SIZE(promises); i++) {
		u32 cmd = promises[i].cmd | VC_CMD(0, VC_VERSION, 0);

		KUNIT_EXPECT_EQ_MSG(test, vps_command_version(cmd),
				    any_promised(VC_CMD(0xff, 0, 0xff), cmd) ? 1 : -EOPNOTSUPP,
				    "command %#x", cmd);
	}
	for (u32 category = 1; category <= 0xff; category++) {
		u32 cmd = VC_CMD(category, VC_VERSION, 0);

		KUNIT_EXPECT_EQ_MSG(test, vps_command_version(cmd),
				    any_promised(VC_CMD(0xff, 0, 0), cmd) ? 1 : -EOPNOTSUPP,
				    "category %u", category);
	}
}

static void expect_takes(struct kunit *test, u32 cmd, bool none, bool contexts)
{
	const struct vps_command *command = vps_command_find(cmd);
	static const struct {
		u32 id;
		bool context;
	} ids[] = {
		{ 1, true }, { 2 }, { 3, true }, { 4, true }, { 49152, true }, { 65534, true },
		{ 65535 }, { 65536 }, { 65539 }, { SZ_2G }, { SZ_2G + 3u }, { U32_MAX },
	};

	KUNIT_ASSERT_NOT_NULL(test, command);
	KUNIT_EXPECT_EQ_MSG(test, vps_command_takes(command, 0), none, "command %#x id 0", cmd);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		KUNIT_EXPECT_EQ_MSG(test, vps_command_takes(command, ids[i].id),
				    contexts && ids[i].context, "command %#x id %u", cmd,
				    ids[i].id);
}

static void test_ids(struct kunit *test)
{
	expect_takes(test, SET(COMPAT, NEW_CONTEXT), false, true);
	expect_takes(test, SET(COMPAT, NETWORK), false, true);
	expect_takes(test, SET(COMPAT, LIMITS), false, true);
	expect_takes(test, SET(CPU, CONTEXT), false, true);
	expect_takes(test, GET(CPU, CONTEXT), true, true);
	expect_takes(test, SET(CPU, DESTROY), false, true);
	expect_takes(test, SET(CPU, POLICY), false, true);
	expect_takes(test, GET(CPU, POLICY), false, true);
	expect_takes(test, SET(CPU, FLAGS), false, true);
	expect_takes(test, GET(CPU, FLAGS), false, true);
	expect_takes(test, SET(PROCESS, MIGRATE), true, true);
	expect_takes(test, GET(PROCESS, MIGRATE), true, false);
	expect_takes(test, SET(PROCESS, CAPS), false, true);
	expect_takes(test, GET(PROCESS, CAPS), false, true);
	expect_takes(test, SET(PROCESS, STOP), false, true);
	expect_takes(test, GET(PROCESS, STOP), false, true);
	expect_takes(test, SET(PROCESS, ALL), false, true);
	expect_takes(test, GET(PROCESS, ALL), true, true);
	expect_takes(test, SET(PROCESS, INIT), false, true);
	expect_takes(test, GET(PROCESS, INIT), false, true);
	expect_takes(test, SET(VFS, ROOT), false, true);
	expect_takes(test, GET(VFS, ROOT), false, true);
	expect_takes(test, SET(VFS, DESTROY), false, true);
	expect_takes(test, SET(VFS, DISK), false, true);
	expect_takes(test, GET(VFS, DISK), false, true);
	expect_takes(test, SET(VNET, DEVICE), false, true);
	expect_takes(test, GET(VNET, DEVICE), false, true);
	expect_takes(test, SET(VNET, ATTACH), false, true);
	expect_takes(test, GET(VNET, ATTACH), false, true);
	expect_takes(test, SET(VNET, DESTROY), false, true);
	expect_takes(test, SET(VNET, QOS), false, true);
	expect_takes(test, GET(VNET, QOS), false, true);
	expect_takes(test, SET(NETADDR, PERMIT), false, true);
	expect_takes(test, GET(NETADDR, PERMIT), false, true);
	expect_takes(test, SET(NETADDR, REMOVE), false, true);
	expect_takes(test, SET(OTHER, FORGET), false, true);
}

static void test_free(struct kunit *test)
{
	for (size_t i = 0; i < vps_commands_count; i++) {
		const struct vps_command *row = &vps_commands[i];
		bool get = VC_SUBCAT(row->cmd) == VC_GET;

		if (!row->run)
			continue;
		KUNIT_EXPECT_EQ(test, vps_command_is_free(row, 0, 0), get);
		KUNIT_EXPECT_EQ(test, vps_command_is_free(row, 7, 7), get);
		KUNIT_EXPECT_EQ(test, vps_command_is_free(row, 7, 0),
				row->cmd == GET(PROCESS, MIGRATE));
		KUNIT_EXPECT_EQ(test, vps_command_is_free(row, 0, 7),
				row->cmd == GET(PROCESS, MIGRATE));
		KUNIT_EXPECT_EQ(test, vps_command_is_free(row, 8, 7),
				row->cmd == GET(PROCESS, MIGRATE));
		/* Who sees all is told no more of others by this call than they. */
		KUNIT_EXPECT_EQ(test, vps_command_is_free(row, 7, 1),
				row->cmd == GET(PROCESS, MIGRATE));
	}
}

static void test_size(struct kunit *test)
{
	/* One that has grown from 16 bytes to 24. */
	static const struct vps_command grown = { .size_min = 16, .size = 24 };

	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 15), -EINVAL);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 16), 0);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 17), -EINVAL);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 18), -EINVAL);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 20), 0);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 24), 0);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, 28), 0);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, PAGE_SIZE + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, PAGE_SIZE + 4), -E2BIG);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, U32_MAX - 3), -E2BIG);
	KUNIT_EXPECT_EQ(test, vps_command_size(&grown, U32_MAX), -EINVAL);
}

static int check(struct kunit *test, u32 cmd, const union vps_data *data)
{
	const struct vps_command *command = vps_command_find(cmd);

	KUNIT_ASSERT_NOT_NULL(test, command);
	KUNIT_ASSERT_NOT_NULL(test, command->check);
	return command->check(data);
}

static void expect_taken(struct kunit *test, u32 cmd, const union vps_data *data)
{
	KUNIT_EXPECT_EQ_MSG(test, check(test, cmd, data), 0, "command %#x", cmd);
}

static void expect_refused(struct kunit *test, u32 cmd, const union vps_data *data)
{
	KUNIT_EXPECT_EQ_MSG(test, check(test, cmd, data), -EINVAL, "command %#x", cmd);
}

/* Not on the stack, of which a test with many of them would take too much. */
#define DATA(member, ...) ({							\
	static const union vps_data data = { .member = { __VA_ARGS__ } };	\
	&data;									\
})

static void test_check_context(struct kunit *test)
{
	expect_taken(test, SET(COMPAT, NEW_CONTEXT),
		     DATA(new_context, .flags = 0x1f, .cgroup_fd = -1, .remove_caps = U64_MAX));
	expect_refused(test, SET(COMPAT, NEW_CONTEXT), DATA(new_context, .flags = 0x20));
	expect_refused(test, SET(COMPAT, NEW_CONTEXT), DATA(new_context, .reserved = 1));

	expect_taken(test, SET(CPU, CONTEXT), DATA(create, .flags = 0x1f, .caps = U64_MAX));
	expect_refused(test, SET(CPU, CONTEXT), DATA(create, .flags = 0x20));
	expect_refused(test, SET(CPU, CONTEXT), DATA(create, .flags = 1u << 31));
	expect_refused(test, SET(CPU, CONTEXT), DATA(create, .reserved = 1u << 31));

	expect_taken(test, SET(CPU, FLAGS), DATA(flags, .flags = 0));
	expect_taken(test, SET(CPU, FLAGS), DATA(flags, .flags = 0x1f));
	expect_refused(test, SET(CPU, FLAGS), DATA(flags, .flags = 0x20));
	expect_refused(test, SET(CPU, FLAGS), DATA(flags, .flags = 1u << 31));
}

static void test_check_process(struct kunit *test)
{
	expect_taken(test, SET(PROCESS, MIGRATE), DATA(migrate, .cgroup_fd = -1, .pid = 0));
	expect_taken(test, SET(PROCESS, MIGRATE), DATA(migrate, .pid = S32_MAX));
	expect_refused(test, SET(PROCESS, MIGRATE), DATA(migrate, .pid = -1));
	expect_refused(test, SET(PROCESS, MIGRATE), DATA(migrate, .reserved = 1));

	expect_taken(test, SET(PROCESS, CAPS), DATA(caps, .caps = U64_MAX));
	expect_refused(test, SET(PROCESS, CAPS), DATA(caps, .reserved = 1));

	expect_taken(test, SET(PROCESS, STOP), DATA(on, .on = 1));
	expect_refused(test, SET(PROCESS, STOP), DATA(on, .on = 2));
	expect_refused(test, SET(PROCESS, STOP), DATA(on, .on = U32_MAX));

	expect_taken(test, SET(PROCESS, ALL), DATA(signal, .signal = 0));
	expect_taken(test, SET(PROCESS, ALL), DATA(signal, .signal = 64));
	expect_refused(test, SET(PROCESS, ALL), DATA(signal, .signal = 65));
	expect_refused(test, SET(PROCESS, ALL), DATA(signal, .signal = -1));
	expect_refused(test, SET(PROCESS, ALL), DATA(signal, .signal = S32_MIN));

	expect_taken(test, SET(PROCESS, INIT), DATA(init, .pid = 0));
	expect_refused(test, SET(PROCESS, INIT), DATA(init, .pid = -1));
}

static void test_check_bounds(struct kunit *test)
{
	static const u32 cmds[] = {
		SET(PROCESS, MAX), SET(VFS, FILES), SET(MEMORY, TOTAL), SET(MEMORY, RESIDENT),
		SET(OTHER, TCP),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		expect_taken(test, cmds[i], DATA(bounds, .soft = 0, .hard = 0));
		expect_taken(test, cmds[i], DATA(bounds, .soft = 5, .hard = 5));
		expect_taken(test, cmds[i], DATA(bounds, .soft = 5, .hard = VPS_UNLIMITED));
		expect_taken(test, cmds[i], DATA(bounds, .soft = VPS_UNLIMITED, .hard = 0));
		expect_refused(test, cmds[i], DATA(bounds, .soft = 6, .hard = 5));
		expect_refused(test, cmds[i], DATA(bounds, .reserved = 1));
	}
}

/* It is told which limit, and takes what that one takes. */
static void test_check_limits(struct kunit *test)
{
	static const u32 others[] = {
		0, GET(PROCESS, MAX), SET(CPU, USAGE), SET(VFS, DISK), SET(COMPAT, LIMITS),
		SET(PROCESS, MAX) | 1u << 8,
	};

	expect_taken(test, SET(COMPAT, LIMITS),
		     DATA(limits, .command = SET(PROCESS, MAX), .soft = 5, .hard = 5));
	expect_taken(test, SET(COMPAT, LIMITS),
		     DATA(limits, .command = SET(MEMORY, RESIDENT), .soft = VPS_UNLIMITED));
	expect_refused(test, SET(COMPAT, LIMITS),
		       DATA(limits, .command = SET(VFS, FILES), .soft = 6, .hard = 5));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		const union vps_data data = { .limits = { .command = others[i] } };

		expect_refused(test, SET(COMPAT, LIMITS), &data);
	}
}

static void test_check_usage(struct kunit *test)
{
	expect_taken(test, SET(CPU, POLICY), DATA(policy, .policy = 0));
	expect_taken(test, SET(CPU, POLICY), DATA(policy, .policy = 5));
	expect_refused(test, SET(CPU, POLICY), DATA(policy, .policy = 1));
	expect_refused(test, SET(CPU, POLICY), DATA(policy, .policy = U32_MAX));

	expect_taken(test, SET(CPU, USAGE), DATA(usage, .max = U32_MAX, .min = U32_MAX));
	expect_taken(test, SET(CPU, USAGE), DATA(usage, .max = VPS_UNLIMITED));
	expect_refused(test, SET(CPU, USAGE), DATA(usage, .max = U32_MAX + 1ULL));
	expect_refused(test, SET(CPU, USAGE), DATA(usage, .min = U32_MAX + 1ULL));
	expect_refused(test, SET(CPU, USAGE), DATA(usage, .reserved = 1));
}

static void test_check_disk(struct kunit *test)
{
	expect_taken(test, SET(VFS, ROOT), DATA(tree, .dir_fd = -1));
	expect_taken(test, SET(VFS, ROOT), DATA(tree, .space = S64_MAX, .inodes = S64_MAX));
	expect_refused(test, SET(VFS, ROOT), DATA(tree, .space = 1ULL << 63));
	expect_refused(test, SET(VFS, ROOT), DATA(tree, .inodes = U64_MAX));

	expect_taken(test, SET(VFS, DISK), DATA(disk_bounds, .space_soft = 0));
	expect_taken(test, SET(VFS, DISK),
		     DATA(disk_bounds, .space_soft = 7, .space_hard = 7,
			  .inodes_soft = U64_MAX, .inodes_hard = U64_MAX));
	expect_refused(test, SET(VFS, DISK), DATA(disk_bounds, .reserved = 1));
	expect_refused(test, SET(VFS, DISK), DATA(disk_bounds, .space_soft = 8, .space_hard = 7));
	expect_taken(test, SET(VFS, DISK),
		     DATA(disk_bounds, .inodes_soft = U64_MAX, .inodes_hard = 7));
	expect_refused(test, SET(VFS, DISK),
		       DATA(disk_bounds, .inodes_soft = 8, .inodes_hard = 7));
}

static void test_check_forget(struct kunit *test)
{
	expect_taken(test, SET(OTHER, FORGET), DATA(forget, .account = U64_MAX));
	expect_refused(test, SET(OTHER, FORGET), DATA(forget, .reserved = 1));
}

static int check_named(struct kunit *test, const char *name, size_t len)
{
	union vps_data data = { .create = { .flags = 0 } };

	memcpy(data.create.name, name, len);
	return check(test, SET(CPU, CONTEXT), &data);
}

static bool is_name_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static void test_name(struct kunit *test)
{
	char full[VPS_NAME_SIZE];

	KUNIT_EXPECT_EQ(test, check_named(test, "", 0), 0);
	KUNIT_EXPECT_EQ(test, check_named(test, "web-1.example_org", 17), 0);
	for (int c = 1; c <= 0xff; c++) {
		char name[] = { 'a', c, 'z' };

		KUNIT_EXPECT_EQ_MSG(test, check_named(test, name, 3),
				    is_name_char(c) ? 0 : -EINVAL, "character %#x", c);
	}
	KUNIT_EXPECT_EQ(test, check_named(test, "\0a", 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, check_named(test, "web\0\nroot", 9), -EINVAL);

	memset(full, 'n', sizeof(full));
	KUNIT_EXPECT_EQ(test, check_named(test, full, sizeof(full)), -EINVAL);
	KUNIT_EXPECT_EQ(test, check_named(test, full, sizeof(full) - 1), 0);
	full[3] = 0;
	KUNIT_EXPECT_EQ(test, check_named(test, full, sizeof(full)), -EINVAL);
	KUNIT_EXPECT_EQ(test, check_named(test, full, sizeof(full) - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, check_named(test, full, 3), 0);
}

static struct kunit_case vps_syscall_cases[] = {
	KUNIT_CASE(test_numbers),
	KUNIT_CASE(test_table_sorted),
	KUNIT_CASE(test_table_complete),
	KUNIT_CASE(test_find_nothing_else),
	KUNIT_CASE(test_row_is_whole),
	KUNIT_CASE(test_version),
	KUNIT_CASE(test_ids),
	KUNIT_CASE(test_free),
	KUNIT_CASE(test_size),
	KUNIT_CASE(test_check_context),
	KUNIT_CASE(test_check_process),
	KUNIT_CASE(test_check_bounds),
	KUNIT_CASE(test_check_limits),
	KUNIT_CASE(test_check_usage),
	KUNIT_CASE(test_check_disk),
	KUNIT_CASE(test_check_forget),
	KUNIT_CASE(test_name),
	{ }
};

static struct kunit_suite vps_syscall_suite = {
	.name = "vps_syscall",
	.test_cases = vps_syscall_cases,
};

kunit_test_suite(vps_syscall_suite);
