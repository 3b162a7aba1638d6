// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every command of the proposal of 2003: which are there, what each does, and each way in which
 * it fails.
 */
#include <sys/mount.h>
#include "vps_test.h"

#define A 100
#define B 101

FIXTURE(rows) {
	long before;
	struct context a;
};

FIXTURE_SETUP(rows)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
}

FIXTURE_TEARDOWN(rows)
{
	EXPECT_TRUE(tests_end(self->before));
}

/* ---- which there are ---- */

enum { NEITHER = 0, MAY_SET = 1 << VC_SET, MAY_GET = 1 << VC_GET };

/* All commands of the proposal and what of each works. What comes to work is told here. */
static const struct row {
	__u8 category;
	__u8 command;
	__u8 works;
} rows[] = {
	{ VC_CAT_COMPAT, VC_COMPAT_NEW_CONTEXT, MAY_SET },
	{ VC_CAT_COMPAT, VC_COMPAT_NETWORK, MAY_SET },
	{ VC_CAT_COMPAT, VC_COMPAT_LIMITS, MAY_SET },
	{ VC_CAT_CPU, VC_CPU_CONTEXT, MAY_SET | MAY_GET },
	{ VC_CAT_CPU, VC_CPU_DESTROY, MAY_SET },
	{ VC_CAT_CPU, VC_CPU_POLICY, MAY_SET | MAY_GET },
	{ VC_CAT_CPU, VC_CPU_USAGE, MAY_SET | MAY_GET },
	{ VC_CAT_CPU, VC_CPU_FLAGS, MAY_SET | MAY_GET },
	{ VC_CAT_PROCESS, VC_PROCESS_MIGRATE, MAY_SET | MAY_GET },
	{ VC_CAT_PROCESS, VC_PROCESS_MAX, MAY_SET | MAY_GET },
	{ VC_CAT_PROCESS, VC_PROCESS_CAPS, MAY_SET | MAY_GET },
	{ VC_CAT_PROCESS, VC_PROCESS_STOP, MAY_SET | MAY_GET },
	{ VC_CAT_PROCESS, VC_PROCESS_ALL, MAY_SET | MAY_GET },
	{ VC_CAT_PROCESS, VC_PROCESS_INIT, MAY_SET | MAY_GET },
	{ VC_CAT_VNET, VC_VNET_DEVICE, MAY_SET | MAY_GET },
	{ VC_CAT_VNET, VC_VNET_ATTACH, MAY_SET | MAY_GET },
	{ VC_CAT_VNET, VC_VNET_DESTROY, MAY_SET },
	{ VC_CAT_VNET, VC_VNET_QOS, MAY_SET | MAY_GET },
	{ VC_CAT_NETADDR, VC_NETADDR_PERMIT, MAY_SET | MAY_GET },
	{ VC_CAT_NETADDR, VC_NETADDR_REMOVE, MAY_SET },
	{ VC_CAT_VFS, VC_VFS_ROOT, MAY_SET | MAY_GET },
	{ VC_CAT_VFS, VC_VFS_DESTROY, MAY_SET },
	{ VC_CAT_VFS, VC_VFS_DISK, MAY_SET | MAY_GET },
	{ VC_CAT_VFS, VC_VFS_FILES, MAY_SET | MAY_GET },
	{ VC_CAT_MEMORY, VC_MEMORY_TOTAL, MAY_SET | MAY_GET },
	{ VC_CAT_MEMORY, VC_MEMORY_RESIDENT, MAY_SET | MAY_GET },
	{ VC_CAT_OTHER, VC_OTHER_TCP, MAY_SET | MAY_GET },
	{ VC_CAT_OTHER, VC_OTHER_FORGET, MAY_SET },
};

static __u8 works(unsigned int category, unsigned int command)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].category == category && rows[i].command == command)
			return rows[i].works;
	return NEITHER;
}

static bool category_works(unsigned int category)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].category == category && rows[i].works)
			return true;
	return false;
}

TEST_F(rows, version)
{
	EXPECT_EQ(VPS_PATCH_VERSION, vserver(VC_CAT_VERSION, 0, NULL));
	EXPECT_EQ(0x20001, VPS_PATCH_VERSION);
}

/* The context is there, and what is said to it has the size of something. */
TEST_F(rows, each_row)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		__u32 words[32] = { 8 };
		long version;

		for (__u32 subcat = VC_SET; subcat <= VC_GET; subcat++) {
			long value = vserver(VC_CMD(row->category, subcat, row->command),
					     row->works ? 2 : A, words);

			EXPECT_EQ(!(row->works & 1 << subcat), value == -EOPNOTSUPP) {
				TH_LOG("category %u command %u subcategory %u: %ld", row->category,
				       row->command, subcat, value);
			}
		}
		version = vserver(VC_CMD(row->category, VC_VERSION, row->command), 0, NULL);
		EXPECT_TRUE(row->works ? version >= 1 : version == -EOPNOTSUPP) {
			TH_LOG("category %u command %u: version %ld", row->category, row->command,
			       version);
		}
	}
}

TEST_F(rows, versions_of_categories)
{
	for (unsigned int category = 1; category < 256; category++) {
		long version = vserver(VC_CMD(category, VC_VERSION, 0), 0, NULL);

		EXPECT_TRUE(category_works(category) ? version >= 1 : version == -EOPNOTSUPP) {
			TH_LOG("category %u: version %ld", category, version);
		}
	}
}

/* 2 is nobody's number, so that nothing is done. */
TEST_F(rows, nothing_else)
{
	for (unsigned int i = 0; i < 256 * 4 * 256; i++) {
		unsigned int category = i >> 10, subcat = i >> 8 & 3, command = i & 255;
		bool there = works(category, command) & 1 << subcat;
		long value;

		if (!category || subcat == VC_VERSION)
			continue;
		value = vserver(VC_CMD(category, subcat, command), 2, NULL);
		if (there ? value == -EINVAL : value == -EOPNOTSUPP)
			continue;
		EXPECT_EQ(there, false) {
			TH_LOG("category %u subcategory %u command %u: %ld", category, subcat,
			       command, value);
		}
		EXPECT_EQ(-EOPNOTSUPP, value);
	}
}

TEST_F(rows, no_commands_in_category_0)
{
	for (__u32 subcat = 0; subcat <= VC_GET; subcat++)
		for (unsigned int command = 0; command < 256; command++) {
			if (!subcat && !command)
				continue;
			EXPECT_EQ(-EOPNOTSUPP, vserver(VC_CMD(0, subcat, command), 0, NULL));
		}
}

/* ---- CPU: contexts ---- */

static long create(__u32 id, int group, const struct vps_create *change)
{
	struct vps_create attr = *change;

	attr.size = sizeof(attr);
	attr.cgroup_fd = group;
	return vserver(SET(CPU, CONTEXT), id, &attr);
}

TEST_F(rows, create)
{
	struct vps_create attr = { .flags = VPS_LOCK | VPS_SCHED, .caps = 0x21, .name = "web" };
	struct vps_caps caps = { .size = sizeof(caps) };
	int group = group_make("b");

	ASSERT_LE(0, group);
	EXPECT_EQ(-ESRCH, vps_exists(B));
	EXPECT_EQ(0, create(B, group, &attr));
	EXPECT_EQ(0, vps_exists(B));
	EXPECT_EQ(VPS_LOCK | VPS_SCHED, vps_flags(B));
	EXPECT_EQ(0, vserver(GET(PROCESS, CAPS), B, &caps));
	EXPECT_EQ(0x21, caps.caps);
	EXPECT_EQ(self->before + 2, contexts());
	EXPECT_EQ(0, vps_processes(B));
}

TEST_F(rows, create_numbers)
{
	static const __u32 bad[] = { 0, 2, 65535, 65536, 0x80000000, 0xffffffff };
	static const __u32 good[] = { 3, 65534 };
	int group = group_make("b");

	ASSERT_LE(0, group);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, vps_create(bad[i], group, 0));
		EXPECT_NE(0, vps_destroy(bad[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct context context;

		EXPECT_EQ(0, context_make(&context, good[i], 0));
		EXPECT_EQ(0, vps_exists(good[i]));
		EXPECT_EQ(0, vps_destroy(good[i]));
		EXPECT_EQ(-ESRCH, vps_exists(good[i]));
	}
}

TEST_F(rows, create_values)
{
	struct vps_create name = {}, tail = { .name = "web\0x" };
	int group = group_make("b");

	ASSERT_LE(0, group);
	memset(name.name, 'n', sizeof(name.name));
	EXPECT_EQ(-EINVAL, create(B, group, &name));
	EXPECT_EQ(-EINVAL, create(B, group, &tail));
	EXPECT_EQ(-EINVAL, create(B, group, &(struct vps_create){ .reserved = 1 }));
	for (int bit = 5; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, create(B, group, &(struct vps_create){ .flags = 1U << bit }));
	EXPECT_EQ(-ESRCH, vps_exists(B));

	name.name[sizeof(name.name) - 1] = 0;
	EXPECT_EQ(0, create(B, group, &name));
}

TEST_F(rows, create_existing)
{
	int group = group_make("b");

	ASSERT_LE(0, group);
	EXPECT_EQ(-EEXIST, vps_create(A, group, 0));
	EXPECT_EQ(0, vps_create(B, group, 0));
}

static int v1_group(void)
{
	mkdir("/tmp/vps-selftest-v1", 0700);
	if (mount("none", "/tmp/vps-selftest-v1", "cgroup", 0, "none,name=vps-selftest"))
		return -errno;
	mkdir("/tmp/vps-selftest-v1/g", 0700);
	return open("/tmp/vps-selftest-v1/g", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void v1_end(void)
{
	rmdir("/tmp/vps-selftest-v1/g");
	umount("/tmp/vps-selftest-v1");
	rmdir("/tmp/vps-selftest-v1");
}

/* What is no group, for all that take one. */
TEST_F(rows, groups_that_are_none)
{
	int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int temporary = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = open(group_path("100/cgroup.procs"), O_RDWR | O_CLOEXEC);
	int fds[] = { -1, 1 << 20, -100, proc, temporary, file };
	struct vps_new_context new = { .size = sizeof(new) };
	int v1 = v1_group(), removed = group_make("removed");

	ASSERT_LE(0, proc);
	ASSERT_LE(0, temporary);
	ASSERT_LE(0, file);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		EXPECT_EQ(-EBADF, vps_create(B, fds[i], 0)) TH_LOG("descriptor %zu", i);
		EXPECT_EQ(-EBADF, vps_migrate(A, fds[i], 0)) TH_LOG("descriptor %zu", i);
		new.cgroup_fd = fds[i];
		EXPECT_EQ(-EBADF, vserver(SET(COMPAT, NEW_CONTEXT), B, &new));
	}

	ASSERT_LE(0, removed);
	ASSERT_EQ(0, group_remove("removed"));
	EXPECT_EQ(-ENOENT, vps_create(B, removed, 0));
	EXPECT_EQ(-ENOENT, vps_migrate(A, removed, 0));

	EXPECT_LE(0, v1);
	EXPECT_EQ(-ENOENT, vps_create(B, v1, 0));
	EXPECT_EQ(-ENOENT, vps_migrate(A, v1, 0));
	new.cgroup_fd = v1;
	EXPECT_EQ(-ENOENT, vserver(SET(COMPAT, NEW_CONTEXT), B, &new));
	close(v1);
	v1_end();
	EXPECT_EQ(-ESRCH, vps_exists(B));
	EXPECT_EQ(0, vps_current());
}

/* The controller stays where it is, whatever is mounted. */
TEST_F(rows, no_v1_hierarchy_takes_the_controller)
{
	mkdir("/tmp/vps-selftest-v1", 0700);
	EXPECT_EQ(-1, mount("none", "/tmp/vps-selftest-v1", "cgroup", 0, "vps"));
	EXPECT_EQ(EINVAL, errno);
	rmdir("/tmp/vps-selftest-v1");
	EXPECT_EQ(0, vps_exists(A));
}

static long act_enter(long group)
{
	return put_text(group, "cgroup.procs", "0");
}

TEST_F(rows, create_needs_a_new_leaf)
{
	int root = open(ROOT_GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int parent = group_make("parent"), child = group_make("parent/child");
	int used = group_make("used"), busy = group_make("busy"), emptied = group_make("emptied");
	int below = group_make("100/below");
	struct actor actor;

	ASSERT_LE(0, root);
	ASSERT_LE(0, child);
	ASSERT_LE(0, below);
	EXPECT_EQ(-EBUSY, vps_create(B, root, 0));
	EXPECT_EQ(-EBUSY, vps_create(B, parent, 0));

	ASSERT_EQ(0, actor_start(&actor, NULL));
	EXPECT_EQ(0, actor_do(&actor, act_enter, busy));
	EXPECT_EQ(-EBUSY, vps_create(B, busy, 0));
	actor_end(&actor);
	EXPECT_EQ(-EBUSY, vps_create(B, busy, 0));

	EXPECT_EQ(0, act_in(NULL, act_enter, used));
	EXPECT_EQ(-EBUSY, vps_create(B, used, 0));

	ASSERT_LE(0, group_make("emptied/child"));
	ASSERT_EQ(0, group_remove("emptied/child"));
	EXPECT_EQ(-EBUSY, vps_create(B, emptied, 0));

	EXPECT_EQ(-EXDEV, vps_create(B, below, 0));
	EXPECT_EQ(-EXDEV, vps_create(B, self->a.group, 0));
	EXPECT_EQ(-ESRCH, vps_exists(B));
	EXPECT_EQ(0, vps_create(B, child, 0));
}

TEST_F(rows, create_in_threaded_groups)
{
	int parent = group_make("parent"), child = group_make("parent/child");

	ASSERT_LE(0, child);
	ASSERT_EQ(0, put_text(child, "cgroup.type", "threaded"));
	EXPECT_EQ(-EBUSY, vps_create(B, child, 0));
	EXPECT_EQ(-EBUSY, vps_create(B, parent, 0));
	EXPECT_EQ(-ESRCH, vps_exists(B));
}

TEST_F(rows, destroy)
{
	struct actor actor;

	ASSERT_EQ(0, actor_start(&actor, &self->a));
	EXPECT_EQ(-EBUSY, vps_destroy(A));
	EXPECT_EQ(0, vps_exists(A));
	actor_end(&actor);
	EXPECT_EQ(0, vps_destroy(A));
	EXPECT_EQ(-ESRCH, vps_exists(A));
	EXPECT_EQ(-ESRCH, vps_destroy(A));
	EXPECT_EQ(self->before, contexts());

	/* What is left of its group serves nobody, not even another context. */
	EXPECT_EQ(-ESRCH, act_in(NULL, act_enter, self->a.group));
	EXPECT_EQ(-EXDEV, vps_create(B, self->a.group, 0));
	EXPECT_EQ(0, group_remove("100"));
	close(self->a.group);
	EXPECT_EQ(0, context_make(&self->a, A, 0));
	EXPECT_EQ(0, act_in(NULL, act_enter, self->a.group));
}

TEST_F(rows, destroy_sees_who_is_below)
{
	struct actor actor;
	int below = group_make("100/below");

	ASSERT_LE(0, below);
	ASSERT_EQ(0, actor_start(&actor, NULL));
	EXPECT_EQ(0, vps_migrate(A, below, actor.pid));
	EXPECT_EQ(-EBUSY, vps_destroy(A));
	actor_end(&actor);
	EXPECT_EQ(0, vps_destroy(A));
	EXPECT_EQ(-ESRCH, act_in(NULL, act_enter, below));
}

TEST_F(rows, rmdir_of_the_head_ends_it)
{
	EXPECT_EQ(0, group_remove("100"));
	EXPECT_EQ(-ESRCH, vps_exists(A));
	EXPECT_EQ(self->before, contexts());
}

TEST_F(rows, destroy_numbers)
{
	EXPECT_EQ(-EINVAL, vps_destroy(0));
	EXPECT_EQ(-EINVAL, vps_destroy(2));
	EXPECT_EQ(-EINVAL, vps_destroy(65535));
	EXPECT_EQ(-EINVAL, vps_destroy(0xffffffff));
	EXPECT_EQ(-ESRCH, vps_destroy(B));
}

TEST_F(rows, flags)
{
	EXPECT_EQ(0, vps_flags(A));
	for (int bit = 0; bit < 5; bit++) {
		EXPECT_EQ(0, vps_set_flags(A, 1U << bit));
		EXPECT_EQ(1L << bit, vps_flags(A));
	}
	EXPECT_EQ(0, vps_set_flags(A, VPS_FLAGS));
	EXPECT_EQ(VPS_FLAGS, vps_flags(A));
	for (int bit = 5; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, vps_set_flags(A, 1U << bit));
	EXPECT_EQ(VPS_FLAGS, vps_flags(A));
	EXPECT_EQ(0, vps_set_flags(A, 0));
	EXPECT_EQ(0, vps_flags(A));
	EXPECT_EQ(-ESRCH, vps_flags(B));
	EXPECT_EQ(-ESRCH, vps_set_flags(B, 0));
	EXPECT_EQ(-EINVAL, vps_set_flags(0, 0));
}

/* ---- PROCESS ---- */

TEST_F(rows, migrate)
{
	struct context b;
	struct actor actor;

	ASSERT_EQ(0, context_make(&b, B, 0));
	ASSERT_EQ(0, actor_start(&actor, NULL));
	EXPECT_EQ(0, vps_current());
	EXPECT_EQ(0, actor_do(&actor, act_current, 0));
	EXPECT_EQ(0, vps_migrate(A, self->a.group, actor.pid));
	EXPECT_EQ(A, actor_do(&actor, act_current, 0));
	EXPECT_EQ(1, vps_processes(A));
	EXPECT_EQ(0, vps_migrate(B, b.group, actor.pid));
	EXPECT_EQ(B, actor_do(&actor, act_current, 0));
	EXPECT_EQ(0, vps_processes(A));
	EXPECT_EQ(1, vps_processes(B));
	EXPECT_EQ(0, vps_migrate(B, b.group, actor.pid));
	EXPECT_EQ(1, vps_processes(B));
	EXPECT_EQ(0, vps_migrate(0, group_open(""), actor.pid));
	EXPECT_EQ(0, actor_do(&actor, act_current, 0));
	EXPECT_EQ(0, vps_processes(B));
	actor_end(&actor);
}

TEST_F(rows, migrate_errors)
{
	struct vps_migrate attr = { .size = sizeof(attr), .cgroup_fd = self->a.group };
	struct context b;
	struct actor actor;
	pid_t gone;

	ASSERT_EQ(0, context_make(&b, B, 0));
	ASSERT_EQ(0, actor_start(&actor, NULL));
	EXPECT_EQ(-ESTALE, vps_migrate(A, b.group, actor.pid));
	EXPECT_EQ(-ESTALE, vps_migrate(0, b.group, actor.pid));
	EXPECT_EQ(-ESTALE, vps_migrate(A, group_open(""), actor.pid));
	EXPECT_EQ(-ESRCH, vps_migrate(102, self->a.group, actor.pid));
	EXPECT_EQ(-EINVAL, vps_migrate(2, self->a.group, actor.pid));
	EXPECT_EQ(-EINVAL, vps_migrate(65535, self->a.group, actor.pid));
	EXPECT_EQ(-EINVAL, vps_migrate(A, self->a.group, -1));
	EXPECT_EQ(-EINVAL, vps_migrate(A, self->a.group, -actor.pid));
	attr.reserved = 1;
	EXPECT_EQ(-EINVAL, vserver(SET(PROCESS, MIGRATE), A, &attr));
	EXPECT_EQ(0, actor_do(&actor, act_current, 0));
	gone = actor.pid;
	actor_end(&actor);
	EXPECT_EQ(-ESRCH, vps_migrate(A, self->a.group, gone));
	EXPECT_EQ(-ESRCH, vps_migrate(A, self->a.group, 1 << 30));
	EXPECT_EQ(0, vps_processes(A));
}

TEST_F(rows, migrate_no_kernel_thread)
{
	EXPECT_EQ(-EINVAL, vps_migrate(A, self->a.group, 2));
	EXPECT_EQ(0, vps_processes(A));
}

TEST_F(rows, migrate_no_internal_processes)
{
	int below = group_make("100/below");

	ASSERT_LE(0, below);
	if (put_text(AT_FDCWD, ROOT_GROUP "/cgroup.subtree_control", "+memory") ||
	    put_text(AT_FDCWD, TEST_GROUP "/cgroup.subtree_control", "+memory") ||
	    put_text(self->a.group, "cgroup.subtree_control", "+memory"))
		SKIP(return, "the controller memory is not on this hierarchy");
	EXPECT_EQ(-EBUSY, act_in(&self->a, act_current, 0));
	self->a.group = below;
	EXPECT_EQ(A, act_in(&self->a, act_current, 0));
}

TEST_F(rows, current_takes_nothing)
{
	__u32 size = 4;

	EXPECT_EQ(-EINVAL, vserver(GET(PROCESS, MIGRATE), A, NULL));
	EXPECT_EQ(-EINVAL, vserver(GET(PROCESS, MIGRATE), 0, &size));
}

TEST_F(rows, caps)
{
	struct vps_caps attr = { .size = sizeof(attr), .caps = 0x21 };

	EXPECT_EQ(0, vserver(SET(PROCESS, CAPS), A, &attr));
	attr.caps = 0;
	EXPECT_EQ(0, vserver(GET(PROCESS, CAPS), A, &attr));
	EXPECT_EQ(0x21, attr.caps);
	attr.reserved = 1;
	EXPECT_EQ(-EINVAL, vserver(SET(PROCESS, CAPS), A, &attr));
	EXPECT_EQ(-ESRCH, vps_set_caps(B, 0));
	EXPECT_EQ(-EINVAL, vps_set_caps(0, 0));

	/* Bits that no capability has are ignored. */
	EXPECT_EQ(0, vps_set_caps(A, 0xc000000000000001));
	EXPECT_EQ(0, vserver(GET(PROCESS, CAPS), A, &attr));
	EXPECT_EQ(1, attr.caps);
}

TEST_F(rows, stop)
{
	struct vps_switch attr = { .size = sizeof(attr), .on = 7 };

	ASSERT_EQ(0, vps_set_flags(A, VPS_LOCK));
	EXPECT_EQ(0, vserver(GET(PROCESS, STOP), A, &attr));
	EXPECT_EQ(0, attr.on);
	EXPECT_EQ(0, vps_set_stop(A, 1));
	EXPECT_EQ(0, vserver(GET(PROCESS, STOP), A, &attr));
	EXPECT_EQ(1, attr.on);
	EXPECT_EQ(VPS_LOCK | VPS_STOP, vps_flags(A));
	EXPECT_EQ(0, vps_set_stop(A, 0));
	EXPECT_EQ(VPS_LOCK, vps_flags(A));
	EXPECT_EQ(-EINVAL, vps_set_stop(A, 2));
	EXPECT_EQ(-EINVAL, vps_set_stop(A, 0xffffffff));
	EXPECT_EQ(-ESRCH, vps_set_stop(B, 1));
	EXPECT_EQ(-ESRCH, vserver(GET(PROCESS, STOP), B, &attr));
	EXPECT_EQ(-EINVAL, vps_set_stop(0, 1));
}

TEST_F(rows, signal_all)
{
	struct actor first, second;

	EXPECT_EQ(0, vps_signal(A, 0));
	ASSERT_EQ(0, actor_start(&first, &self->a));
	ASSERT_EQ(0, actor_start(&second, &self->a));
	EXPECT_EQ(2, vps_processes(A));
	EXPECT_EQ(2, vps_tasks(A));
	EXPECT_EQ(0, vps_signal(A, 0));
	EXPECT_EQ(A, actor_do(&first, act_current, 0));
	EXPECT_EQ(-EINVAL, vps_signal(A, 65));
	EXPECT_EQ(-EINVAL, vps_signal(A, -1));
	EXPECT_EQ(-ESRCH, vps_signal(B, 0));
	EXPECT_EQ(-EINVAL, vps_signal(0, 0));
	EXPECT_EQ(0, vps_signal(A, SIGKILL));
	EXPECT_EQ(SIGKILL, WTERMSIG(actor_end(&first)));
	EXPECT_EQ(SIGKILL, WTERMSIG(actor_end(&second)));
	EXPECT_TRUE(EVENTUALLY(vps_processes(A) == 0));
}

TEST_F(rows, count)
{
	struct vps_processes attr = { .size = sizeof(attr), .reserved = 7 };

	EXPECT_EQ(0, vserver(GET(PROCESS, ALL), A, &attr));
	EXPECT_EQ(0, attr.processes);
	EXPECT_EQ(0, attr.tasks);
	EXPECT_EQ(0, attr.reserved);
	EXPECT_EQ(-ESRCH, vserver(GET(PROCESS, ALL), B, &attr));
}

TEST_F(rows, init)
{
	struct actor inside, outside;

	ASSERT_EQ(0, actor_start(&inside, &self->a));
	ASSERT_EQ(0, actor_start(&outside, NULL));
	EXPECT_EQ(0, vps_init(A));
	EXPECT_EQ(-EXDEV, vps_set_init(A, outside.pid));
	EXPECT_EQ(0, vps_init(A));
	EXPECT_EQ(0, vps_set_init(A, inside.pid));
	EXPECT_EQ(inside.pid, vps_init(A));
	EXPECT_EQ(0, vps_set_init(A, 0));
	EXPECT_EQ(0, vps_init(A));
	EXPECT_EQ(-EINVAL, vps_set_init(A, -1));
	EXPECT_EQ(-ESRCH, vps_set_init(A, 1 << 30));
	EXPECT_EQ(-ESRCH, vps_set_init(B, 0));
	EXPECT_EQ(-ESRCH, vps_init(B));
	EXPECT_EQ(-EINVAL, vps_set_init(0, 0));
	actor_end(&inside);
	actor_end(&outside);
}

/* ---- limits ---- */

FIXTURE(limits) {
	long before;
	struct context a;
};

FIXTURE_VARIANT(limits) {
	__u32 limit;
};

FIXTURE_VARIANT_ADD(limits, threads) { .limit = THREADS };
FIXTURE_VARIANT_ADD(limits, files) { .limit = FILES };
FIXTURE_VARIANT_ADD(limits, space) { .limit = SPACE };
FIXTURE_VARIANT_ADD(limits, connections) { .limit = CONNECTIONS };

FIXTURE_SETUP(limits)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
}

FIXTURE_TEARDOWN(limits)
{
	EXPECT_TRUE(tests_end(self->before));
}

static bool is_bound(__u32 limit, __u32 id, __u64 soft, __u64 hard)
{
	struct vps_counted counted = vps_counted(limit, id);

	return counted.soft == soft && counted.hard == hard;
}

TEST_F(limits, new_context_has_none)
{
	struct vps_counted counted = vps_counted(variant->limit, A);

	EXPECT_EQ(0, counted.used);
	EXPECT_EQ(0, counted.peak);
	EXPECT_EQ(0, counted.hits);
	EXPECT_EQ(0, counted.reserved);
	EXPECT_EQ(VPS_UNLIMITED, counted.soft);
	EXPECT_EQ(VPS_UNLIMITED, counted.hard);
}

TEST_F(limits, are_told_as_they_were_set)
{
	static const __u64 bounds[][2] = {
		{ 0, 0 }, { 0, 1 << 20 }, { 1 << 20, 1 << 20 }, { 1ULL << 40, 1ULL << 50 },
		{ 1 << 20, VPS_UNLIMITED }, { VPS_UNLIMITED, 0 }, { VPS_UNLIMITED, 1 << 20 },
		{ VPS_UNLIMITED, VPS_UNLIMITED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		EXPECT_EQ(0, vps_bound(variant->limit, A, bounds[i][0], bounds[i][1]));
		EXPECT_TRUE(is_bound(variant->limit, A, bounds[i][0], bounds[i][1])) {
			TH_LOG("bounds %zu", i);
		}
	}
}

/* Nothing is changed by what fails. */
TEST_F(limits, errors)
{
	struct vps_bounds bounds = { .size = sizeof(bounds), .reserved = 1 };
	struct vps_counted counted = { .size = sizeof(counted) };
	__u32 limit = variant->limit;

	ASSERT_EQ(0, vps_bound(limit, A, 1 << 20, 1 << 21));
	EXPECT_EQ(-EINVAL, vps_bound(limit, A, 1 << 21, 1 << 20));
	EXPECT_EQ(-EINVAL, vps_bound(limit, A, 1, 0));
	EXPECT_EQ(-EINVAL, vps_bound(limit, A, VPS_UNLIMITED - 1, 1 << 21));
	EXPECT_EQ(-EINVAL, vserver(limit, A, &bounds));
	EXPECT_EQ(-EFAULT, vserver(limit, A, NULL));
	EXPECT_EQ(-EFAULT, vserver(getter(limit), A, NULL));
	EXPECT_TRUE(is_bound(limit, A, 1 << 20, 1 << 21));

	EXPECT_EQ(-ESRCH, vps_limit(limit, B, 1));
	EXPECT_EQ(-ESRCH, vserver(getter(limit), B, &counted));
	EXPECT_EQ(-EINVAL, vps_limit(limit, 0, VPS_UNLIMITED));
	EXPECT_EQ(-EINVAL, vserver(getter(limit), 0, &counted));
}

/* Nor are another limit, another context, and who has the number later. */
TEST_F(limits, are_of_one_thing_and_one_context)
{
	struct context b;

	ASSERT_EQ(0, context_make(&b, B, 0));
	ASSERT_EQ(0, vps_bound(variant->limit, A, 0, 1 << 20));
	for (size_t i = 0; i < ARRAY_SIZE(all_limits); i++) {
		EXPECT_TRUE(is_bound(all_limits[i], B, VPS_UNLIMITED, VPS_UNLIMITED));
		if (all_limits[i] != variant->limit)
			EXPECT_TRUE(is_bound(all_limits[i], A, VPS_UNLIMITED, VPS_UNLIMITED));
	}
	ASSERT_EQ(0, vps_destroy(A));
	close(self->a.group);
	ASSERT_EQ(0, group_remove("100"));
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	EXPECT_TRUE(is_bound(variant->limit, A, VPS_UNLIMITED, VPS_UNLIMITED));
}

/* Of the memory controller, which is the group's own or is not there. */
TEST_F(rows, resident)
{
	struct vps_counted counted = { .size = sizeof(counted), .reserved = 7, .used = 7 };
	struct context b;

	EXPECT_EQ(-ENODATA, vserver(GET(MEMORY, RESIDENT), A, &counted));
	EXPECT_EQ(7, counted.used);
	EXPECT_EQ(-ESRCH, vserver(GET(MEMORY, RESIDENT), B, &counted));
	EXPECT_EQ(-EINVAL, vserver(GET(MEMORY, RESIDENT), 0, &counted));
	if (put_text(AT_FDCWD, ROOT_GROUP "/cgroup.subtree_control", "+memory") ||
	    put_text(AT_FDCWD, TEST_GROUP "/cgroup.subtree_control", "+memory"))
		SKIP(return, "the controller memory is not on this hierarchy");
	ASSERT_EQ(0, context_make(&b, B, 0));
	EXPECT_EQ(0, vserver(GET(MEMORY, RESIDENT), B, &counted));
	EXPECT_EQ(0, counted.reserved);
	EXPECT_EQ(VPS_UNLIMITED, counted.soft);
	EXPECT_EQ(VPS_UNLIMITED, counted.hard);
	EXPECT_EQ(0, counted.hits);
	ASSERT_EQ(0, put_text(b.group, "memory.high", "33554432"));
	ASSERT_EQ(0, put_text(b.group, "memory.max", "67108864"));
	EXPECT_EQ(B, act_in(&b, act_current, 0));
	EXPECT_EQ(0, act_in(&b, act_fork, 0));
	EXPECT_EQ(0, vserver(GET(MEMORY, RESIDENT), B, &counted));
	EXPECT_EQ(33554432, counted.soft);
	EXPECT_EQ(67108864, counted.hard);
	EXPECT_LT(0, counted.peak);
	EXPECT_GT(67108864, counted.peak);
}

/* ---- COMPAT ---- */

static struct vps_new_context new_context = { .size = sizeof(new_context) };

static long act_new_context(long id)
{
	long value = vserver(SET(COMPAT, NEW_CONTEXT), id, &new_context);

	return value ? value : vps_current();
}

TEST_F(rows, new_context_makes_one)
{
	struct vps_caps caps = { .size = sizeof(caps) };
	struct actor actor;

	new_context.cgroup_fd = group_make("b");
	new_context.flags = VPS_SCHED;
	new_context.remove_caps = 1 << 3;
	ASSERT_EQ(0, actor_start(&actor, NULL));
	EXPECT_EQ(B, actor_do(&actor, act_new_context, B));
	EXPECT_EQ(VPS_SCHED, vps_flags(B));
	EXPECT_EQ(0, vserver(GET(PROCESS, CAPS), B, &caps));
	EXPECT_EQ(0x17, caps.caps & 0x1f);
	EXPECT_EQ(1, vps_processes(B));
	/* There is no way on from there. */
	EXPECT_EQ(-EPERM, actor_do(&actor, act_new_context, A));
	actor_end(&actor);
	EXPECT_EQ(0, vps_exists(B));
}

TEST_F(rows, new_context_enters_one)
{
	new_context.cgroup_fd = self->a.group;
	EXPECT_EQ(A, act_in(NULL, act_new_context, A));
	EXPECT_EQ(0, vps_flags(A));
	new_context.cgroup_fd = group_make("b");
	EXPECT_EQ(-ESTALE, act_in(NULL, act_new_context, A));
}

TEST_F(rows, new_context_errors)
{
	int busy = group_make("parent");

	ASSERT_LE(0, group_make("parent/child"));
	new_context.cgroup_fd = busy;
	EXPECT_EQ(-EBUSY, act_in(NULL, act_new_context, B));
	new_context.cgroup_fd = group_make("100/below");
	EXPECT_EQ(-EXDEV, act_in(NULL, act_new_context, B));
	new_context.cgroup_fd = group_open("parent/child");
	EXPECT_EQ(-EINVAL, act_in(NULL, act_new_context, 0));
	EXPECT_EQ(-EINVAL, act_in(NULL, act_new_context, 2));
	EXPECT_EQ(-EINVAL, act_in(NULL, act_new_context, 65535));
	new_context.flags = 1 << 5;
	EXPECT_EQ(-EINVAL, act_in(NULL, act_new_context, B));
	new_context.flags = 0;
	new_context.reserved = 1;
	EXPECT_EQ(-EINVAL, act_in(NULL, act_new_context, B));
	new_context.reserved = 0;
	EXPECT_EQ(-ESRCH, vps_exists(B));
	EXPECT_EQ(B, act_in(NULL, act_new_context, B));
}

/* A context that was made for somebody who cannot go there is not left behind. */
TEST_F(rows, new_context_all_or_nothing)
{
	new_context.cgroup_fd = group_make("b");
	if (put_text(AT_FDCWD, ROOT_GROUP "/cgroup.subtree_control", "+memory") ||
	    put_text(AT_FDCWD, TEST_GROUP "/cgroup.subtree_control", "+memory") ||
	    put_text(new_context.cgroup_fd, "cgroup.subtree_control", "+memory"))
		SKIP(return, "the controller memory is not on this hierarchy");
	EXPECT_EQ(-EBUSY, act_in(NULL, act_new_context, B));
	EXPECT_EQ(-ESRCH, vps_exists(B));
	EXPECT_EQ(self->before + 1, contexts());
	new_context.cgroup_fd = group_make("c");
	EXPECT_EQ(B, act_in(NULL, act_new_context, B));
}

static struct vps_address network[3];

static long set_network(__u32 count, __u32 each)
{
	struct vps_addresses list = { .size = sizeof(list), .count = count, .each = each };

	list.list = (uintptr_t)network;
	for (int i = 0; i < 3; i++) {
		network[i] = (struct vps_address){ .size = sizeof(network[i]), .family = AF_INET,
						   .bits = 32, .addr = { 192, 0, 2, i + 1 } };
	}
	return vserver(SET(COMPAT, NETWORK), A, &list);
}

/* How many addresses context A has, and the last of them. */
static int last_address(void)
{
	struct vps_address found[4] = {};
	struct vps_addresses list = { .size = sizeof(list), .count = 4, .each = sizeof(*found) };

	list.list = (uintptr_t)found;
	if (vserver(GET(NETADDR, PERMIT), A, &list))
		return -1;
	return list.count * 10 + (list.count ? found[list.count - 1].addr[3] : 0);
}

TEST_F(rows, network_is_a_list_of_addresses)
{
	struct vps_addresses list = { .size = sizeof(list), .count = 1, .each = sizeof(*network) };

	EXPECT_EQ(0, set_network(0, 0));
	EXPECT_EQ(-1, last_address());
	EXPECT_EQ(-EFAULT, vserver(SET(COMPAT, NETWORK), A, &list));
	EXPECT_EQ(-EINVAL, set_network(1, sizeof(*network) - 4));
	EXPECT_EQ(-1, last_address());
	EXPECT_EQ(0, set_network(2, sizeof(*network)));
	EXPECT_EQ(22, last_address());
	EXPECT_EQ(-EEXIST, set_network(3, sizeof(*network)));
	EXPECT_EQ(22, last_address());
	/* What is behind the first, for a caller of a later version, has to be 0. */
	EXPECT_EQ(-E2BIG, set_network(1, sizeof(*network) + 4));
	list.list = (uintptr_t)network;
	network[0].family = AF_UNIX;
	EXPECT_EQ(-EINVAL, vserver(SET(COMPAT, NETWORK), A, &list));
	EXPECT_EQ(-ESRCH, vserver(SET(COMPAT, NETWORK), B, &list));
}

TEST_F(rows, limits_are_told_which)
{
	struct vps_limits limits = { .size = sizeof(limits), .soft = 7, .hard = 8 };
	static const __u32 some[] = { SET(PROCESS, MAX), SET(VFS, FILES), SET(OTHER, TCP) };
	static const __u32 same[] = { GET(PROCESS, MAX), GET(VFS, FILES), GET(OTHER, TCP) };
	struct vps_counted counted = { .size = sizeof(counted) };

	for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
		limits.command = some[i];
		EXPECT_EQ(0, vserver(SET(COMPAT, LIMITS), A, &limits));
		EXPECT_EQ(0, vserver(same[i], A, &counted));
		EXPECT_EQ(7, counted.soft);
		EXPECT_EQ(8, counted.hard);
	}
	EXPECT_EQ(-ESRCH, vserver(SET(COMPAT, LIMITS), B, &limits));
	limits.soft = 9;
	EXPECT_EQ(-EINVAL, vserver(SET(COMPAT, LIMITS), A, &limits));
	limits.soft = 0;
	limits.command = SET(VFS, DISK);
	EXPECT_EQ(-EINVAL, vserver(SET(COMPAT, LIMITS), A, &limits));
	/* That command's own error. */
	limits.command = SET(MEMORY, RESIDENT);
	EXPECT_EQ(-ENODATA, vserver(SET(COMPAT, LIMITS), A, &limits));
}

/* ---- who may ---- */

static int spare;
static pid_t bystander;

/*
 * Each command that works, with what makes it succeed for the host's root. What is made is
 * undone at once.
 */
static const struct call {
	__u32 cmd;
	union any data;
	long value;	/* when it succeeds, or as much as it can */
} calls[] = {
	{ SET(CPU, CONTEXT), { .create = { .size = sizeof(struct vps_create) } } },
	{ SET(CPU, DESTROY) },
	{ SET(CPU, FLAGS), { .flags = { .size = sizeof(struct vps_flags) } } },
	{ SET(PROCESS, MIGRATE), { .migrate = { .size = sizeof(struct vps_migrate) } } },
	{ SET(PROCESS, CAPS), { .caps = { .size = sizeof(struct vps_caps), .caps = ALL_CAPS } } },
	{ SET(PROCESS, STOP), { .on = { .size = sizeof(struct vps_switch) } } },
	{ SET(PROCESS, ALL), { .signal = { .size = sizeof(struct vps_signal) } } },
	{ SET(PROCESS, INIT), { .init = { .size = sizeof(struct vps_init) } } },
	{ SET(PROCESS, MAX), { .bounds = { .size = sizeof(struct vps_bounds) } } },
	{ SET(VFS, FILES), { .bounds = { .size = sizeof(struct vps_bounds) } } },
	{ SET(MEMORY, TOTAL), { .bounds = { .size = sizeof(struct vps_bounds) } } },
	{ SET(OTHER, TCP), { .bounds = { .size = sizeof(struct vps_bounds) } } },
	{ SET(OTHER, FORGET), { .forget = { .size = sizeof(struct vps_forget) } }, -ENOENT },
	{ SET(COMPAT, NEW_CONTEXT), { .new = { .size = sizeof(struct vps_new_context) } } },
	{ SET(COMPAT, NETWORK), { .addresses = { .size = sizeof(struct vps_addresses) } } },
	{ SET(COMPAT, LIMITS), { .limits = {
		.size = sizeof(struct vps_limits), .command = SET(PROCESS, MAX) } } },
	{ SET(CPU, POLICY), { .policy = { .size = sizeof(struct vps_policy) } }, -ENODATA },
	{ GET(CPU, POLICY), { .policy = { .size = sizeof(struct vps_policy) } }, -ENODATA },
	{ GET(CPU, CONTEXT) },
	{ GET(CPU, FLAGS), { .flags = { .size = sizeof(struct vps_flags) } } },
	{ GET(PROCESS, CAPS), { .caps = { .size = sizeof(struct vps_caps) } } },
	{ GET(PROCESS, STOP), { .on = { .size = sizeof(struct vps_switch) } } },
	{ GET(PROCESS, ALL), { .count = { .size = sizeof(struct vps_processes) } } },
	{ GET(PROCESS, INIT), { .init = { .size = sizeof(struct vps_init) } } },
	{ GET(PROCESS, MAX), { .counted = { .size = sizeof(struct vps_counted) } } },
	{ GET(VFS, FILES), { .counted = { .size = sizeof(struct vps_counted) } } },
	{ GET(MEMORY, TOTAL), { .counted = { .size = sizeof(struct vps_counted) } } },
	{ GET(MEMORY, RESIDENT), { .counted = { .size = sizeof(struct vps_counted) } }, -ENODATA },
	{ GET(OTHER, TCP), { .counted = { .size = sizeof(struct vps_counted) } } },
};

/* To context B, which is made of the group @spare by the call that makes one. */
static long do_call(const struct call *call, __u32 id)
{
	struct call copy = *call;

	if (call->cmd == SET(CPU, CONTEXT))
		copy.data.create.cgroup_fd = spare;
	if (call->cmd == SET(PROCESS, MIGRATE)) {
		copy.data.migrate.cgroup_fd = spare;
		copy.data.migrate.pid = bystander;
	}
	if (call->cmd == SET(COMPAT, NEW_CONTEXT))
		copy.data.new.cgroup_fd = spare;
	return vserver(call->cmd, id, copy.data.size ? &copy.data : NULL);
}

static bool makes(const struct call *call)
{
	return call->cmd == SET(CPU, CONTEXT);
}

static long act_call(long i)
{
	return do_call(&calls[i], B);
}

static long act_call_own(long i)
{
	return do_call(&calls[i], A);
}

static long act_call_none(long i)
{
	return do_call(&calls[i], 102);
}

/* A call with data that cannot be read: who may not is told before it is. */
static long act_call_bad(long i)
{
	return vserver(calls[i].cmd, B, calls[i].data.size ? (void *)-1L : NULL);
}

FIXTURE(who) {
	long before;
	struct context a, b;
	struct actor actor, bystander;
};

FIXTURE_VARIANT(who) {
	bool inside;
	long uid;
	bool user_namespace;
	bool may;
};

FIXTURE_VARIANT_ADD(who, root) { .may = true };
FIXTURE_VARIANT_ADD(who, user) { .uid = SOMEBODY };
FIXTURE_VARIANT_ADD(who, root_of_a_user_namespace) { .user_namespace = true };
FIXTURE_VARIANT_ADD(who, root_inside) { .inside = true };
FIXTURE_VARIANT_ADD(who, user_inside) { .inside = true, .uid = SOMEBODY };

static long act_user_namespace(long unused)
{
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

FIXTURE_SETUP(who)
{
	self->before = tests_begin();
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	ASSERT_EQ(0, context_make(&self->b, B, 0));
	spare = self->b.group;
	ASSERT_EQ(0, actor_start(&self->bystander, NULL));
	bystander = self->bystander.pid;
	ASSERT_EQ(0, actor_start(&self->actor, variant->inside ? &self->a : NULL));
	if (variant->uid)
		ASSERT_EQ(0, actor_do(&self->actor, act_become, variant->uid));
	if (variant->user_namespace)
		ASSERT_EQ(0, actor_do(&self->actor, act_user_namespace, 0));
}

FIXTURE_TEARDOWN(who)
{
	actor_end(&self->actor);
	actor_end(&self->bystander);
	EXPECT_TRUE(tests_end(self->before));
}

/* That moves or ends what the other calls need. */
static bool takes_away(const struct call *call)
{
	return call->cmd == SET(CPU, DESTROY) || call->cmd == SET(COMPAT, NEW_CONTEXT);
}

TEST_F(who, to_another_context)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		long expected = variant->may ? calls[i].value : -EPERM;

		if (variant->may && takes_away(&calls[i]))
			continue;
		if (variant->may && makes(&calls[i]))
			expected = -EEXIST;
		EXPECT_EQ(expected, actor_do(&self->actor, act_call, i)) {
			TH_LOG("call %#x", calls[i].cmd);
		}
	}
	EXPECT_EQ(0, vps_exists(B));
	EXPECT_EQ(variant->may, vps_processes(B));
}

TEST_F(who, cannot_tell_which_there_are)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (makes(&calls[i]) || calls[i].cmd == SET(COMPAT, NEW_CONTEXT) ||
		    (variant->may && calls[i].cmd == SET(OTHER, FORGET)))
			continue;
		EXPECT_EQ(variant->may ? -ESRCH : -EPERM,
			  actor_do(&self->actor, act_call_none, i)) {
			TH_LOG("call %#x", calls[i].cmd);
		}
	}
}

TEST_F(who, before_data_are_read)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!calls[i].data.size)
			continue;
		EXPECT_EQ(variant->may ? -EFAULT : -EPERM,
			  actor_do(&self->actor, act_call_bad, i)) {
			TH_LOG("call %#x", calls[i].cmd);
		}
	}
}

/* Inside, one's own context can be asked about, by everybody; it cannot be changed. */
TEST_F(who, own_context)
{
	if (!variant->inside)
		SKIP(return, "is not inside");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		bool get = VC_SUBCAT(calls[i].cmd) == VC_GET;

		EXPECT_EQ(get ? calls[i].value : -EPERM,
			  actor_do(&self->actor, act_call_own, i)) {
			TH_LOG("call %#x", calls[i].cmd);
		}
	}
	EXPECT_EQ(A, actor_do(&self->actor, act_current, 0));
}

static long act_version(long cmd)
{
	return vserver(cmd, 0, NULL);
}

/* Versions and one's own number are everybody's to know. */
TEST_F(who, versions)
{
	EXPECT_EQ(VPS_PATCH_VERSION, actor_do(&self->actor, act_version, 0));
	EXPECT_LE(1, actor_do(&self->actor, act_version,
			      VC_CMD(VC_CAT_CPU, VC_VERSION, VC_CPU_CONTEXT)));
	EXPECT_EQ(variant->inside ? A : 0, actor_do(&self->actor, act_current, 0));
}

TEST_HARNESS_MAIN
