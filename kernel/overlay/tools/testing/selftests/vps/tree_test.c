// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree of a context: which directory can be one, what is told of it, what its edges are, and
 * that nothing keeps it when it is none any more.
 */
#include "disk.h"

FIXTURE(tree) {
	struct disk disk;
};

FIXTURE_VARIANT(tree) {
	enum disk_kind kind;
};

FIXTURE_VARIANT_ADD(tree, ext4) { EXT4_JOURNAL };
FIXTURE_VARIANT_ADD(tree, tmpfs) { TMPFS };

FIXTURE_SETUP(tree)
{
	bool made = disk_begin(&self->disk, variant->kind);

	if (*self->disk.why)
		SKIP(return, "%s", self->disk.why);
	ASSERT_TRUE(made);
}

FIXTURE_TEARDOWN(tree)
{
	EXPECT_TRUE(disk_end(&self->disk));
}

#define ID DISK_CONTEXT
#define OTHER 812
#define NOBODY 813

static long set_tree_at(__u32 id, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	long value = vps_set_tree(id, fd, 0, 0);

	close(fd);
	return value;
}

static long get_tree(__u32 id, struct vps_tree *tree)
{
	*tree = (struct vps_tree){ .size = sizeof(*tree), .dir_fd = 77 };
	return vserver(GET(VFS, ROOT), id, tree);
}

static long get_disk(__u32 id)
{
	struct vps_disk_counted counted = { .size = sizeof(counted) };

	return vserver(GET(VFS, DISK), id, &counted);
}

/* ---- the calls ---- */

TEST_F(tree, set)
{
	struct vps_disk_counted counted;
	struct vps_tree tree;

	EXPECT_EQ(-ENOENT, get_tree(ID, &tree));
	EXPECT_EQ(-ENOENT, get_disk(ID));
	EXPECT_EQ(-ENOENT, vps_drop_tree(ID));
	EXPECT_EQ(-ENOENT, vps_set_disk(ID, 1, 1));
	EXPECT_EQ(0, vps_set_tree(ID, self->disk.tree, 123456, 789));
	EXPECT_EQ(0, get_tree(ID, &tree));
	EXPECT_EQ(-1, tree.dir_fd);
	EXPECT_EQ(123456, tree.space);
	EXPECT_EQ(789, tree.inodes);
	counted = vps_disk(ID);
	EXPECT_EQ(123456, counted.space_used);
	EXPECT_EQ(123456, counted.space_peak);
	EXPECT_EQ(VPS_UNLIMITED, counted.space_soft);
	EXPECT_EQ(VPS_UNLIMITED, counted.space_hard);
	EXPECT_EQ(0, counted.space_hits);
	EXPECT_EQ(789, counted.inodes_used);
	EXPECT_EQ(789, counted.inodes_peak);
	EXPECT_EQ(VPS_UNLIMITED, counted.inodes_soft);
	EXPECT_EQ(VPS_UNLIMITED, counted.inodes_hard);
	EXPECT_EQ(0, counted.inodes_hits);
	EXPECT_EQ(0, counted.reserved);
	EXPECT_EQ(0, vps_drop_tree(ID));
	EXPECT_EQ(-ENOENT, vps_drop_tree(ID));
	EXPECT_EQ(-ENOENT, get_tree(ID, &tree));
	EXPECT_EQ(-ENOENT, get_disk(ID));
}

TEST_F(tree, set_what_is_none)
{
	struct vps_tree tree = { .size = sizeof(tree), .dir_fd = self->disk.tree };

	ASSERT_EQ(0, file_make("file", 10));
	ASSERT_EQ(0, mkfifo("fifo", 0600));
	EXPECT_EQ(-EBADF, vps_set_tree(ID, -1, 0, 0));
	EXPECT_EQ(-EBADF, vps_set_tree(ID, 1000, 0, 0));
	EXPECT_EQ(-ENOTDIR, set_tree_at(ID, "file"));
	EXPECT_EQ(-ENOTDIR, set_tree_at(ID, "fifo"));
	EXPECT_EQ(-ENOTDIR, set_tree_at(ID, "/dev/null"));
	EXPECT_EQ(-EOPNOTSUPP, set_tree_at(ID, "/proc"));
	EXPECT_EQ(-EOPNOTSUPP, set_tree_at(ID, "/sys"));
	EXPECT_EQ(-EOPNOTSUPP, vps_set_tree(ID, self->disk.context.group, 0, 0));
	EXPECT_EQ(-EINVAL, vps_set_tree(ID, self->disk.tree, 1ULL << 63, 0));
	EXPECT_EQ(-EINVAL, vps_set_tree(ID, self->disk.tree, 0, VPS_UNLIMITED));
	EXPECT_EQ(-EINVAL, vps_set_tree(0, self->disk.tree, 0, 0));
	EXPECT_EQ(-EINVAL, vps_set_tree(2, self->disk.tree, 0, 0));
	EXPECT_EQ(-ESRCH, vps_set_tree(NOBODY, self->disk.tree, 0, 0));
	tree.size = 20;
	EXPECT_EQ(-EINVAL, vserver(SET(VFS, ROOT), ID, &tree));
	EXPECT_EQ(-EFAULT, vserver(SET(VFS, ROOT), ID, NULL));
	EXPECT_EQ(-EINVAL, vserver(SET(VFS, DESTROY), ID, &tree));
	EXPECT_EQ(-ENOENT, get_disk(ID));
}

/* By a descriptor that cannot even read. */
TEST_F(tree, set_by_path_descriptor)
{
	int fd = open(".", O_PATH | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vps_set_tree(ID, fd, 0, 1));
	close(fd);
	EXPECT_EQ(0, file_make("file", 10));
	EXPECT_EQ(2, vps_disk(ID).inodes_used);
}

TEST_F(tree, set_one_in_another)
{
	struct context other;

	ASSERT_EQ(0, context_make(&other, OTHER, 0));
	ASSERT_EQ(0, mkdir("d", 0755));
	ASSERT_EQ(0, mkdir("d/d", 0755));
	ASSERT_EQ(0, mkdir("e", 0755));
	ASSERT_EQ(0, set_tree_at(ID, "d"));
	EXPECT_EQ(-EEXIST, set_tree_at(ID, "d"));
	EXPECT_EQ(-EEXIST, set_tree_at(ID, "e"));
	EXPECT_EQ(-EBUSY, set_tree_at(OTHER, "d"));
	EXPECT_EQ(-EBUSY, set_tree_at(OTHER, "d/d"));
	EXPECT_EQ(-EBUSY, set_tree_at(OTHER, "."));
	EXPECT_EQ(-EBUSY, set_tree_at(OTHER, ".."));
	EXPECT_EQ(0, set_tree_at(OTHER, "e"));
	EXPECT_EQ(0, vps_drop_tree(ID));
	EXPECT_EQ(-EBUSY, set_tree_at(ID, "."));
	EXPECT_EQ(0, vps_destroy(OTHER));
	EXPECT_EQ(0, set_tree_at(ID, "."));
	close(other.group);
}

TEST_F(tree, bounds)
{
	struct vps_disk_bounds bounds = {
		.size = sizeof(bounds), .space_soft = 1000, .space_hard = 2000,
		.inodes_soft = 3, .inodes_hard = 4,
	};
	struct vps_disk_counted counted;
	struct stat st;

	ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 0, 1));
	EXPECT_EQ(0, vserver(SET(VFS, DISK), ID, &bounds));
	counted = vps_disk(ID);
	EXPECT_EQ(1000, counted.space_soft);
	EXPECT_EQ(2000, counted.space_hard);
	EXPECT_EQ(3, counted.inodes_soft);
	EXPECT_EQ(4, counted.inodes_hard);
	bounds.space_soft = 2001;
	EXPECT_EQ(-EINVAL, vserver(SET(VFS, DISK), ID, &bounds));
	bounds.space_soft = 2000;
	bounds.inodes_soft = 5;
	EXPECT_EQ(-EINVAL, vserver(SET(VFS, DISK), ID, &bounds));
	bounds.inodes_soft = 0;
	bounds.reserved = 1;
	EXPECT_EQ(-EINVAL, vserver(SET(VFS, DISK), ID, &bounds));
	EXPECT_EQ(1000, vps_disk(ID).space_soft);
	/* Less than there is already takes nothing away. */
	ASSERT_EQ(0, vps_set_disk(ID, VPS_UNLIMITED, VPS_UNLIMITED));
	ASSERT_EQ(0, file_make("file", 100000));
	ASSERT_EQ(0, vps_set_disk(ID, 1, 1));
	EXPECT_EQ(-EDQUOT, file_make("another", 0));
	EXPECT_EQ(0, stat("file", &st));
	EXPECT_EQ(100000, st.st_size);
	EXPECT_EQ(0, unlink("file"));
}

static struct disk *asked;

static long act_set_own(long id)
{
	return vps_set_tree(id, asked->tree, 0, 0);
}

static long act_set_disk(long id)
{
	return vps_set_disk(id, VPS_UNLIMITED, VPS_UNLIMITED);
}

static long act_drop(long id)
{
	return vps_drop_tree(id);
}

static long act_get(long id)
{
	struct vps_tree tree;

	return get_tree(id, &tree) ?: get_disk(id);
}

TEST_F(tree, inside)
{
	struct context other;

	asked = &self->disk;
	ASSERT_EQ(0, context_make(&other, OTHER, 0));
	EXPECT_EQ(-EPERM, act_in(&self->disk.context, act_set_own, ID));
	ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 0, 1));
	EXPECT_EQ(0, act_in(&self->disk.context, act_get, ID));
	EXPECT_EQ(-EPERM, act_in(&self->disk.context, act_set_disk, ID));
	EXPECT_EQ(-EPERM, act_in(&self->disk.context, act_drop, ID));
	EXPECT_EQ(-EPERM, act_in(&other, act_get, ID));
	EXPECT_EQ(-ENOENT, act_in(&other, act_get, OTHER));
	EXPECT_EQ(0, act_in(NULL, act_get, ID));
	close(other.group);
}

/* ---- the edges ---- */

static long move(const char *from, const char *to, int flags)
{
	return outcome(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags));
}

TEST_F(tree, edges)
{
	struct context other;

	ASSERT_EQ(0, context_make(&other, OTHER, 0));
	ASSERT_EQ(0, mkdir("../other", 0755));
	ASSERT_EQ(0, file_make("file", 10));
	ASSERT_EQ(0, mkdir("d", 0755));
	ASSERT_EQ(0, file_make("../file", 10));
	ASSERT_EQ(0, file_make("../other/file", 10));
	ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 100000, 3));
	ASSERT_EQ(0, set_tree_at(OTHER, "../other"));

	EXPECT_EQ(-EXDEV, move("file", "../new", 0));
	EXPECT_EQ(-EXDEV, move("../file", "new", 0));
	EXPECT_EQ(-EXDEV, move("file", "../other/new", 0));
	EXPECT_EQ(-EXDEV, move("../other/file", "new", 0));
	EXPECT_EQ(-EXDEV, move("d", "../d", 0));
	EXPECT_EQ(-EXDEV, move("file", "../file", RENAME_EXCHANGE));
	EXPECT_EQ(-EXDEV, move("../file", "file", RENAME_EXCHANGE));
	EXPECT_EQ(-EXDEV, outcome(link("file", "../new")));
	EXPECT_EQ(-EXDEV, outcome(link("../file", "new")));
	EXPECT_EQ(-EXDEV, outcome(link("file", "../other/new")));

	EXPECT_EQ(0, move("file", "d/file", 0));
	EXPECT_EQ(0, outcome(link("d/file", "new")));
	EXPECT_EQ(0, move("../file", "../new", 0));
	EXPECT_EQ(0, outcome(link("../new", "../file")));
	/* The tree has a name outside. */
	EXPECT_EQ(0, move("../tree", "../renamed", 0));
	EXPECT_EQ(0, file_make("../renamed/inside", 10));
	EXPECT_EQ(4, vps_disk(ID).inodes_used);

	/* What was a tree has no edges. */
	EXPECT_EQ(0, vps_drop_tree(ID));
	EXPECT_EQ(0, vps_destroy(OTHER));
	EXPECT_EQ(0, move("new", "../moved", 0));
	EXPECT_EQ(0, outcome(link("d/file", "../linked")));
	EXPECT_EQ(0, move("../other/file", "new", 0));
	close(other.group);
}

/* ---- what df says ---- */

TEST_F(tree, df)
{
	struct statfs whole, before, limited;

	ASSERT_EQ(0, file_make("file", 1 << 20));
	ASSERT_EQ(0, syncfs(self->disk.tree));
	ASSERT_EQ(0, statfs(".", &whole));
	ASSERT_EQ(0, disk_tag(&self->disk));
	ASSERT_EQ(0, statfs(".", &before));
	EXPECT_EQ(whole.f_blocks, before.f_blocks);
	EXPECT_EQ(whole.f_files, before.f_files);

	ASSERT_EQ(0, vps_set_disk(ID, 4 << 20, VPS_UNLIMITED));
	ASSERT_EQ(0, statfs("file", &limited));
	EXPECT_EQ((4 << 20) / limited.f_bsize, limited.f_blocks);
	EXPECT_EQ(vps_disk(ID).space_used,
		  (limited.f_blocks - limited.f_bfree) * limited.f_bsize);
	EXPECT_EQ(limited.f_bfree, limited.f_bavail);
	EXPECT_EQ(whole.f_files, limited.f_files);
	EXPECT_EQ(whole.f_ffree, limited.f_ffree);
	EXPECT_EQ(whole.f_type, limited.f_type);

	ASSERT_EQ(0, vps_set_disk(ID, 1 << 19, 100));
	ASSERT_EQ(0, statfs(".", &limited));
	EXPECT_EQ(0, limited.f_bfree);
	EXPECT_EQ(0, limited.f_bavail);
	EXPECT_EQ(vps_disk(ID).space_used, limited.f_blocks * limited.f_bsize);
	EXPECT_EQ(100, limited.f_files);
	EXPECT_EQ(98, limited.f_ffree);

	/* There is no more than there is. */
	ASSERT_EQ(0, vps_set_disk(ID, 1ULL << 40, 1ULL << 40));
	ASSERT_EQ(0, statfs(".", &limited));
	EXPECT_EQ(whole.f_bfree, limited.f_bfree);
	EXPECT_EQ(whole.f_ffree, limited.f_ffree);

	/* Outside nothing is another one's matter. */
	ASSERT_EQ(0, vps_set_disk(ID, 4 << 20, 100));
	ASSERT_EQ(0, statfs("..", &limited));
	EXPECT_EQ(whole.f_blocks, limited.f_blocks);
	EXPECT_EQ(whole.f_files, limited.f_files);
}

TEST_F(tree, df_without_end)
{
	struct statfs limited;
	int fd;

	ASSERT_EQ(0, mkdir("mount", 0755));
	ASSERT_EQ(0, mount("none", "mount", "tmpfs", 0, "size=0,nr_inodes=0"));
	fd = open("mount", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vps_set_tree(ID, fd, 0, 1));
	close(fd);
	ASSERT_EQ(0, statfs("mount", &limited));
	EXPECT_EQ(0, limited.f_blocks);
	ASSERT_EQ(0, vps_set_disk(ID, 1 << 20, 10));
	ASSERT_EQ(0, file_make("mount/file", 100000));
	ASSERT_EQ(0, statfs("mount", &limited));
	EXPECT_EQ((1 << 20) / limited.f_bsize, limited.f_blocks);
	EXPECT_EQ(10, limited.f_files);
	EXPECT_EQ(8, limited.f_ffree);
	EXPECT_EQ(0, vps_drop_tree(ID));
	EXPECT_EQ(0, umount2("mount", 0));
}

/* ---- the end ---- */

TEST_F(tree, keeps_its_file_system)
{
	ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 0, 0));
	close(self->disk.tree);
	self->disk.tree = -1;
	ASSERT_EQ(0, chdir("../.."));
	EXPECT_EQ(-EBUSY, outcome(umount2("fs", 0)));
	EXPECT_EQ(0, vps_drop_tree(ID));
	EXPECT_EQ(0, umount2("fs", 0));
	/* For the end of the test. */
	ASSERT_EQ(0, mount("none", "fs", "tmpfs", 0, NULL));
}

TEST_F(tree, ends_with_its_context)
{
	ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 0, 0));
	close(self->disk.tree);
	self->disk.tree = -1;
	ASSERT_EQ(0, chdir("../.."));
	EXPECT_EQ(0, vps_destroy(ID));
	EXPECT_EQ(0, umount2("fs", 0));
	ASSERT_EQ(0, mount("none", "fs", "tmpfs", 0, NULL));
}

/* By whoever removes its group: soon. */
TEST_F(tree, ends_with_its_group)
{
	ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 0, 0));
	close(self->disk.tree);
	self->disk.tree = -1;
	ASSERT_EQ(0, chdir("../.."));
	EXPECT_EQ(0, group_remove("811"));
	EXPECT_EQ(-ESRCH, vps_exists(ID));
	EXPECT_TRUE(EVENTUALLY(!umount2("fs", 0)));
	ASSERT_EQ(0, mount("none", "fs", "tmpfs", 0, NULL));
}

/* A server that restarts has its tree at once. */
TEST_F(tree, next_life)
{
	struct context next;

	ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 0, 0));
	for (int life = 0; life < 20; life++) {
		ASSERT_EQ(0, group_remove("811"));
		ASSERT_EQ(0, context_make(&next, ID, 0));
		ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 0, 1));
		EXPECT_EQ(0, mkdir("d", 0755));
		EXPECT_EQ(2, vps_disk(ID).inodes_used);
		EXPECT_EQ(0, rmdir("d"));
		close(next.group);
	}
}

/* Whoever is told too little does not begin to count backwards. */
TEST_F(tree, told_too_little)
{
	ASSERT_EQ(0, file_make("file", 100000));
	ASSERT_EQ(0, mkdir("d", 0755));
	ASSERT_EQ(0, vps_set_tree(ID, self->disk.tree, 10, 0));
	EXPECT_EQ(0, unlink("file"));
	EXPECT_EQ(0, rmdir("d"));
	EXPECT_EQ(0, vps_disk(ID).space_used);
	EXPECT_EQ(0, vps_disk(ID).inodes_used);
	EXPECT_EQ(0, mkdir("d", 0755));
	EXPECT_EQ(1, vps_disk(ID).inodes_used);
}

TEST_HARNESS_MAIN
