// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is counted as a context's on disk is what is there, to the byte, whatever is done: the
 * counter against a scan, on each kind of file system that trees can be on.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include "disk.h"

FIXTURE(disk) {
	struct disk disk;
};

FIXTURE_VARIANT(disk) {
	enum disk_kind kind;
};

FIXTURE_VARIANT_ADD(disk, ext4_1k) { EXT4_1K };
FIXTURE_VARIANT_ADD(disk, ext4_quota) { EXT4_QUOTA };
FIXTURE_VARIANT_ADD(disk, ext4_bigalloc) { EXT4_BIGALLOC };
FIXTURE_VARIANT_ADD(disk, ext4_inline) { EXT4_INLINE };
FIXTURE_VARIANT_ADD(disk, ext4_journal) { EXT4_JOURNAL };
FIXTURE_VARIANT_ADD(disk, ext4_grpid) { EXT4_GRPID };
FIXTURE_VARIANT_ADD(disk, tmpfs) { TMPFS };
FIXTURE_VARIANT_ADD(disk, tmpfs_quota) { TMPFS_QUOTA };

FIXTURE_SETUP(disk)
{
	bool made = disk_begin(&self->disk, variant->kind);

	if (*self->disk.why)
		SKIP(return, "%s", self->disk.why);
	ASSERT_TRUE(made);
}

FIXTURE_TEARDOWN(disk)
{
	EXPECT_TRUE(disk_end(&self->disk));
}

#define EXPECT_EXACT() EXPECT_TRUE(disk_is_exact_on_disk(&self->disk))

static struct vps_disk_counted counted(void)
{
	return vps_disk(DISK_CONTEXT);
}

static const char *numbered(const char *prefix, int number)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s%d", prefix, number);
	return name;
}

/* Some of everything, so that there is something to be wrong about. */
static bool furnish(void)
{
	return !mkdir("d", 0755) && !mkdir("d/d", 0755) && !file_make("small", 100) &&
	       !file_make("d/large", 700000) && !file_make("d/d/empty", 0) &&
	       !symlink("short", "link") && !mkfifo("fifo", 0600);
}

/* ---- what was there before it was a tree ---- */

TEST_F(disk, told)
{
	struct vps_disk_counted told;
	struct sum sum;

	ASSERT_TRUE(furnish());
	ASSERT_EQ(0, disk_tag(&self->disk));
	sum = disk_sum(&self->disk);
	told = counted();
	EXPECT_EQ(8, sum.inodes);
	EXPECT_LE(700000, sum.space);
	EXPECT_EQ(sum.space, told.space_used);
	EXPECT_EQ(sum.space, told.space_peak);
	EXPECT_EQ(sum.inodes, told.inodes_used);
	EXPECT_EQ(sum.inodes, told.inodes_peak);
}

TEST_F(disk, cold_unlink)
{
	struct sum empty = disk_sum(&self->disk);

	ASSERT_TRUE(furnish());
	ASSERT_EQ(0, disk_tag(&self->disk));
	ASSERT_TRUE(forget());
	EXPECT_EQ(0, unlink("d/large"));
	EXPECT_EXACT();
	ASSERT_TRUE(forget());
	EXPECT_EQ(0, unlink("d/d/empty"));
	EXPECT_EQ(0, rmdir("d/d"));
	EXPECT_EQ(0, rmdir("d"));
	ASSERT_TRUE(forget());
	EXPECT_EQ(0, unlink("small"));
	EXPECT_EQ(0, unlink("link"));
	EXPECT_EQ(0, unlink("fifo"));
	EXPECT_EXACT();
	EXPECT_EQ(1, counted().inodes_used);
	EXPECT_LE(empty.space, counted().space_used);
	EXPECT_GE(empty.space + 4096, counted().space_used);
}

TEST_F(disk, cold_truncate)
{
	ASSERT_TRUE(furnish());
	ASSERT_EQ(0, disk_tag(&self->disk));
	for (long size = 500000; size >= 0; size -= 100000) {
		ASSERT_TRUE(forget());
		EXPECT_EQ(0, truncate("d/large", size));
		EXPECT_EXACT();
	}
	EXPECT_GT(100000, counted().space_used);
}

TEST_F(disk, opened_before)
{
	int fd, directory;

	ASSERT_TRUE(furnish());
	fd = open("d/large", O_RDWR | O_CLOEXEC);
	directory = open("d/d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, directory);
	ASSERT_EQ(0, disk_tag(&self->disk));
	EXPECT_EQ(0, put_bytes(fd, 5 << 20, 300000));
	EXPECT_EXACT();
	EXPECT_EQ(0, mkdirat(directory, "new", 0755));
	EXPECT_EQ(0, mknodat(directory, "file", S_IFREG | 0644, 0));
	EXPECT_EXACT();
	EXPECT_EQ(0, ftruncate(fd, 0));
	EXPECT_EXACT();
	close(directory);
	close(fd);
}

/* Its last blocks are given to it when it is written, which is later. */
TEST_F(disk, dirty_before)
{
	struct sum sum;
	int fd;

	fd = open("file", OPEN_NEW, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, put_pieces(fd, 50));
	sum = disk_sum(&self->disk);
	ASSERT_EQ(0, vps_set_tree(DISK_CONTEXT, self->disk.tree, sum.space, sum.inodes));
	EXPECT_TRUE(disk_is_exact(&self->disk));
	EXPECT_EXACT();
	EXPECT_EQ(0, ftruncate(fd, 0));
	EXPECT_EXACT();
	close(fd);
}

/* What nobody can find is not the tree's, then or later. */
TEST_F(disk, unlinked_before)
{
	char path[64];
	int fd;

	fd = open("file", OPEN_NEW, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, put_bytes(fd, 0, 200000));
	ASSERT_EQ(0, unlink("file"));
	ASSERT_EQ(0, disk_tag(&self->disk));
	EXPECT_EXACT();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_GT(0, linkat(AT_FDCWD, path, AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
	close(fd);
	EXPECT_EXACT();
}

/* ---- names ---- */

TEST_F(disk, unlinked_open)
{
	ASSERT_EQ(0, disk_tag(&self->disk));
	for (int i = 0; i < 10; i++) {
		const char *name = numbered("file", i);

		ASSERT_EQ(0, file_make(name, 30000 * i));
		ASSERT_TRUE(disk_hold(&self->disk, open(name, O_RDWR | O_CLOEXEC)));
		EXPECT_EQ(0, unlink(name));
	}
	EXPECT_EXACT();
	EXPECT_EQ(11, counted().inodes_used);
	EXPECT_LE(30000 * 45, counted().space_used);
	ASSERT_TRUE(forget());
	EXPECT_EQ(0, put_bytes(self->disk.held[3], 1 << 20, 100000));
	EXPECT_EQ(0, ftruncate(self->disk.held[4], 0));
	EXPECT_EXACT();
	disk_let_go(&self->disk);
	EXPECT_EXACT();
	EXPECT_EQ(1, counted().inodes_used);
	EXPECT_GT(30000, counted().space_used);
}

TEST_F(disk, links)
{
	struct vps_disk_counted before;

	ASSERT_EQ(0, disk_tag(&self->disk));
	ASSERT_EQ(0, mkdir("d", 0755));
	ASSERT_EQ(0, file_make("d/link0", 123456));
	before = counted();
	for (int i = 1; i < 40; i++)
		EXPECT_EQ(0, link("d/link0", numbered("d/link", i)));
	EXPECT_EXACT();
	EXPECT_EQ(before.inodes_used, counted().inodes_used);
	for (int i = 0; i < 39; i++) {
		if (i % 13 == 0)
			ASSERT_TRUE(forget());
		EXPECT_EQ(0, unlink(numbered("d/link", i)));
	}
	EXPECT_EXACT();
	EXPECT_EQ(before.inodes_used, counted().inodes_used);
	EXPECT_EQ(0, unlink("d/link39"));
	EXPECT_EXACT();
	EXPECT_EQ(before.inodes_used - 1, counted().inodes_used);
}

TEST_F(disk, many_in_a_directory)
{
	ASSERT_EQ(0, disk_tag(&self->disk));
	ASSERT_EQ(0, mkdir("d", 0755));
	for (int i = 0; i < 1500; i++)
		ASSERT_EQ(0, mknod(numbered("d/a file with a longer name ", i), S_IFREG | 0600, 0));
	EXPECT_EXACT();
	EXPECT_EQ(1502, counted().inodes_used);
	ASSERT_TRUE(forget());
	for (int i = 0; i < 1500; i++)
		ASSERT_EQ(0, unlink(numbered("d/a file with a longer name ", i)));
	EXPECT_EXACT();
	EXPECT_EQ(0, rmdir("d"));
	EXPECT_EXACT();
	EXPECT_EQ(1, counted().inodes_used);
}

TEST_F(disk, long_symlinks)
{
	char target[1000];

	memset(target, 't', sizeof(target));
	ASSERT_EQ(0, disk_tag(&self->disk));
	for (int length = 1; length < (int)sizeof(target); length += 37) {
		char name[32];

		snprintf(name, sizeof(name), "link%d", length);
		target[length] = 0;
		EXPECT_EQ(0, symlink(target, name));
		target[length] = 't';
	}
	EXPECT_EXACT();
	ASSERT_TRUE(forget());
	for (int length = 1; length < (int)sizeof(target); length += 37)
		EXPECT_EQ(0, unlink(numbered("link", length)));
	EXPECT_EXACT();
}

TEST_F(disk, rename_and_exchange)
{
	ASSERT_EQ(0, disk_tag(&self->disk));
	ASSERT_TRUE(furnish());
	ASSERT_EQ(0, file_make("other", 50000));
	EXPECT_EQ(0, renameat2(AT_FDCWD, "other", AT_FDCWD, "d/large", RENAME_EXCHANGE));
	EXPECT_EXACT();
	EXPECT_EQ(0, rename("other", "small"));
	EXPECT_EXACT();
	EXPECT_EQ(0, mkdir("empty", 0755));
	EXPECT_EQ(0, rename("d/d", "empty"));
	EXPECT_EXACT();
	EXPECT_EQ(0, renameat2(AT_FDCWD, "empty", AT_FDCWD, "d", RENAME_EXCHANGE));
	EXPECT_EXACT();
	ASSERT_TRUE(forget());
	EXPECT_EQ(0, rename("empty/large", "d/empty"));
	EXPECT_EXACT();
	EXPECT_EQ(0, renameat2(AT_FDCWD, "fifo", AT_FDCWD, "link", RENAME_EXCHANGE));
	EXPECT_EQ(0, unlink("fifo"));
	EXPECT_EXACT();
}

TEST_F(disk, special_files)
{
	struct sockaddr_un address = { AF_UNIX, "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_EQ(0, disk_tag(&self->disk));
	EXPECT_EQ(0, mkfifo("fifo", 0600));
	EXPECT_EQ(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	EXPECT_EQ(0, mknod("device", S_IFCHR | 0600, makedev(1, 3)));
	EXPECT_EXACT();
	EXPECT_EQ(4, counted().inodes_used);
	close(fd);
	ASSERT_TRUE(forget());
	EXPECT_EQ(0, unlink("fifo"));
	EXPECT_EQ(0, unlink("socket"));
	EXPECT_EQ(0, unlink("device"));
	EXPECT_EXACT();
	EXPECT_EQ(1, counted().inodes_used);
}

TEST_F(disk, nameless_files)
{
	char path[64];
	int fd;

	ASSERT_EQ(0, disk_tag(&self->disk));
	fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	ASSERT_LE(0, fd);
	EXPECT_EQ(2, counted().inodes_used);
	EXPECT_EQ(0, put_bytes(fd, 0, 250000));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(0, linkat(AT_FDCWD, path, AT_FDCWD, "file", AT_SYMLINK_FOLLOW));
	close(fd);
	EXPECT_EXACT();
	EXPECT_EQ(2, counted().inodes_used);
	fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	EXPECT_EQ(0, put_bytes(fd, 0, 250000));
	EXPECT_LE(500000, counted().space_used);
	close(fd);
	EXPECT_EXACT();
	EXPECT_EQ(2, counted().inodes_used);
	EXPECT_EQ(0, unlink("file"));
	EXPECT_EXACT();
}

/* ---- blocks ---- */

TEST_F(disk, xattr_blocks)
{
	static char value[800];

	/* Which cannot be in the inode; of two files with the same ones. */
	ASSERT_EQ(0, disk_tag(&self->disk));
	ASSERT_EQ(0, mkdir("d", 0755));
	for (int i = 0; i < 4; i++) {
		const char *name = numbered("d/file", i);

		ASSERT_EQ(0, file_make(name, 5000));
		memset(value, 'a' + i / 2, sizeof(value));
		EXPECT_EQ(0, setxattr(name, "trusted.vps.test", value, sizeof(value), 0));
	}
	EXPECT_EQ(0, setxattr("d", "trusted.vps.test", value, sizeof(value), 0));
	EXPECT_EXACT();
	ASSERT_TRUE(forget());
	EXPECT_EQ(0, setxattr("d/file0", "trusted.vps.test", "short", 5, XATTR_REPLACE));
	EXPECT_EQ(0, removexattr("d/file1", "trusted.vps.test"));
	EXPECT_EXACT();
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, unlink(numbered("d/file", i)));
	EXPECT_EQ(0, rmdir("d"));
	EXPECT_EXACT();
}

TEST_F(disk, fallocate)
{
	static const struct {
		int mode;
		long offset, bytes;
	} steps[] = {
		{ 0, 0, 1 << 20 },
		{ FALLOC_FL_KEEP_SIZE, 2 << 20, 1 << 20 },
		{ FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100000, 300000 },
		{ FALLOC_FL_ZERO_RANGE, 50000, 200000 },
		{ FALLOC_FL_COLLAPSE_RANGE, 64 << 10, 128 << 10 },
		{ FALLOC_FL_INSERT_RANGE, 128 << 10, 64 << 10 },
		{ FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8 << 20 },
	};
	int done = 0;
	int fd;

	ASSERT_EQ(0, disk_tag(&self->disk));
	fd = open("file", OPEN_NEW, 0644);
	ASSERT_LE(0, fd);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		/* Not all file systems know all of it. */
		done += !fallocate(fd, steps[i].mode, steps[i].offset, steps[i].bytes);
		EXPECT_EQ(0, put_pieces(fd, 5));
		EXPECT_EXACT();
	}
	EXPECT_LE(3, done);
	close(fd);
	EXPECT_EQ(0, unlink("file"));
	EXPECT_EXACT();
}

TEST_F(disk, scattered)
{
	int fd;

	ASSERT_EQ(0, disk_tag(&self->disk));
	fd = open("file", OPEN_NEW, 0644);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, put_pieces(fd, 400));
	EXPECT_TRUE(disk_is_exact(&self->disk));
	EXPECT_EXACT();
	/* In between, so that there are fewer extents again. */
	for (int i = 0; i < 200; i++)
		EXPECT_EQ(0, put_bytes(fd, (2L * i + 1) * (16 << 10), 16 << 10));
	EXPECT_EXACT();
	EXPECT_EQ(0, ftruncate(fd, 3 << 20));
	EXPECT_EXACT();
	close(fd);
	ASSERT_TRUE(forget());
	EXPECT_EQ(0, unlink("file"));
	EXPECT_EXACT();
}

TEST_F(disk, direct)
{
	void *data;
	int fd;

	ASSERT_EQ(0, posix_memalign(&data, 4096, 64 << 10));
	memset(data, 'v', 64 << 10);
	ASSERT_EQ(0, disk_tag(&self->disk));
	fd = open("file", OPEN_NEW | O_DIRECT, 0644);
	ASSERT_LE(0, fd);
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(64 << 10, pwrite(fd, data, 64 << 10, (long)i * (96 << 10)));
	EXPECT_EXACT();
	EXPECT_LE(20 * (64 << 10), counted().space_used);
	close(fd);
	EXPECT_EQ(0, unlink("file"));
	EXPECT_EXACT();
	free(data);
}

TEST_F(disk, mapped)
{
	char *data;
	int fd;

	ASSERT_EQ(0, disk_tag(&self->disk));
	fd = open("file", OPEN_NEW, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 1 << 20));
	data = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, data);
	close(fd);
	for (long i = 0; i < 1 << 20; i += 3 * 4096)
		data[i] = 'v';
	EXPECT_TRUE(disk_is_exact(&self->disk));
	EXPECT_EXACT();
	EXPECT_LE(300 << 10, counted().space_used);
	EXPECT_EQ(0, unlink("file"));
	EXPECT_LE(300 << 10, counted().space_used);
	EXPECT_EQ(0, munmap(data, 1 << 20));
	EXPECT_EXACT();
}

/* ---- at the limits ---- */

TEST_F(disk, refused_inodes)
{
	struct vps_disk_counted before, after;

	if (variant->kind == EXT4_GRPID)
		SKIP(return, "with grpid inodes are not refused");
	ASSERT_TRUE(furnish());
	ASSERT_EQ(0, disk_tag(&self->disk));
	before = counted();
	ASSERT_EQ(0, vps_set_disk(DISK_CONTEXT, VPS_UNLIMITED, before.inodes_used));
	for (int i = 0; i < 30; i++) {
		EXPECT_EQ(-EDQUOT, outcome(open("new", OPEN_NEW, 0600)));
		EXPECT_EQ(-EDQUOT, outcome(open(".", O_TMPFILE | O_RDWR, 0600)));
		EXPECT_EQ(-EDQUOT, outcome(mkdir("new", 0700)));
		EXPECT_EQ(-EDQUOT, outcome(symlink("target", "new")));
		EXPECT_EQ(-EDQUOT, outcome(mkfifo("new", 0600)));
	}
	after = counted();
	EXPECT_EQ(before.inodes_used, after.inodes_used);
	EXPECT_EQ(before.space_used, after.space_used);
	EXPECT_LE(before.inodes_hits + 150, after.inodes_hits);
	EXPECT_EQ(before.space_hits, after.space_hits);
	EXPECT_EXACT();
	/* A name is none, and one that goes makes room for one. */
	EXPECT_EQ(0, link("small", "name"));
	EXPECT_EQ(0, unlink("fifo"));
	EXPECT_EQ(0, mkfifo("fifo", 0600));
	EXPECT_EQ(-EDQUOT, outcome(mkfifo("another", 0600)));
	EXPECT_EQ(0, vps_set_disk(DISK_CONTEXT, VPS_UNLIMITED, before.inodes_used + 1));
	EXPECT_EQ(0, mkfifo("another", 0600));
	EXPECT_EXACT();
}

/* Bytes written from @offset on before the first refusal, which is what *@ret_error says. */
static long put_until(int fd, long offset, long *ret_error)
{
	long done = 0;

	while (done < DISK_SIZE) {
		*ret_error = put_bytes(fd, offset + done, 1024);
		if (*ret_error)
			break;
		done += 1024;
	}
	return done;
}

TEST_F(disk, refused_space)
{
	struct vps_disk_counted full;
	__u64 limit;
	long error;
	int fd;

	ASSERT_TRUE(furnish());
	ASSERT_EQ(0, disk_tag(&self->disk));
	limit = counted().space_used + (1 << 20);
	ASSERT_EQ(0, vps_set_disk(DISK_CONTEXT, limit, VPS_UNLIMITED));
	fd = open("file", OPEN_NEW, 0644);
	ASSERT_LE(0, fd);
	/* What is kept in the inode, and rounded up, is no more than a block or two. */
	EXPECT_LT((1 << 20) - (40 << 10), put_until(fd, 0, &error));
	EXPECT_EQ(-EDQUOT, error);
	EXPECT_TRUE(disk_is_exact(&self->disk));
	EXPECT_EXACT();
	full = counted();
	EXPECT_GE(limit + (32 << 10), full.space_used);
	EXPECT_LE(limit - (40 << 10), full.space_used);
	EXPECT_LT(0, full.space_hits);
	EXPECT_EQ(-EDQUOT, outcome(fallocate(fd, 0, 4 << 20, 4 << 20)));
	EXPECT_EXACT();
	/* As much as is given back. */
	EXPECT_EQ(0, ftruncate(fd, 0));
	EXPECT_LT((1 << 20) - (40 << 10), put_until(fd, 0, &error));
	EXPECT_EXACT();
	EXPECT_EQ(0, vps_set_disk(DISK_CONTEXT, VPS_UNLIMITED, VPS_UNLIMITED));
	EXPECT_EQ(0, put_bytes(fd, 4 << 20, 1 << 20));
	EXPECT_EXACT();
	close(fd);
}

TEST_F(disk, passed_soft)
{
	struct vps_disk_bounds bounds = { .size = sizeof(bounds) };

	ASSERT_EQ(0, disk_tag(&self->disk));
	bounds.space_hard = VPS_UNLIMITED;
	bounds.space_soft = counted().space_used + 100000;
	bounds.inodes_hard = VPS_UNLIMITED;
	bounds.inodes_soft = 3;
	ASSERT_EQ(0, vserver(SET(VFS, DISK), DISK_CONTEXT, &bounds));
	ASSERT_EQ(0, file_make("one", 50000));
	ASSERT_EQ(0, file_make("two", 10000));
	EXPECT_EQ(0, counted().inodes_hits);
	EXPECT_EQ(0, counted().space_hits);
	ASSERT_EQ(0, file_make("three", 100000));
	EXPECT_EQ(1, counted().inodes_hits);
	EXPECT_EQ(1, counted().space_hits);
	EXPECT_EXACT();
}

/* ---- what a file system does by itself ---- */

/* By blocks, not by extents; -EOPNOTSUPP when this one does not do that. */
static int open_block_mapped(const char *name)
{
	int fd = open(name, OPEN_NEW, 0644);
	int flags;

	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags) && flags & EXTENTS_FLAG) {
		flags &= ~EXTENTS_FLAG;
		if (!ioctl(fd, FS_IOC_SETFLAGS, &flags))
			return fd;
	}
	close(fd);
	return -EOPNOTSUPP;
}

/* Whether it has them then. ext4 does not say when it cannot do it. */
static bool set_extents(int fd)
{
	int flags = 0;

	ioctl(fd, FS_IOC_GETFLAGS, &flags);
	flags |= EXTENTS_FLAG;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
	ioctl(fd, FS_IOC_GETFLAGS, &flags);
	return flags & EXTENTS_FLAG;
}

/* It would get blocks that nobody is charged with. */
TEST_F(disk, migrated_to_extents)
{
	struct vps_disk_counted before;
	int fd, few;

	ASSERT_EQ(0, disk_tag(&self->disk));
	fd = open_block_mapped("file");
	few = open_block_mapped("few");
	if (fd < 0 || few < 0)
		SKIP(return, "no file is mapped by blocks here");
	ASSERT_EQ(0, put_pieces(fd, 60));
	ASSERT_EQ(0, put_pieces(few, 3));
	EXPECT_EXACT();
	before = counted();
	for (int i = 0; i < 5; i++) {
		EXPECT_EQ(-EOPNOTSUPP, outcome(ioctl(fd, EXT4_MIGRATE)));
		EXPECT_FALSE(set_extents(fd));
	}
	EXPECT_EXACT();
	EXPECT_EQ(before.space_used, counted().space_used);
	EXPECT_TRUE(set_extents(few));
	EXPECT_EXACT();
	EXPECT_EQ(0, put_pieces(few, 60));
	EXPECT_EXACT();
	close(fd);
	close(few);
	EXPECT_EQ(0, unlink("file"));
	EXPECT_EQ(0, unlink("few"));
	EXPECT_EXACT();
}

TEST_F(disk, overlay)
{
	if (variant->kind == EXT4_GRPID)
		SKIP(return, "with grpid whiteouts are not counted");
	ASSERT_EQ(0, file_make("../lower/file", 200000));
	ASSERT_EQ(0, file_make("../lower/other", 100000));
	ASSERT_EQ(0, mkdir("../lower/d", 0755));
	ASSERT_EQ(0, file_make("../lower/d/file", 10));
	ASSERT_EQ(0, mkdir("upper", 0755));
	ASSERT_EQ(0, mkdir("work", 0755));
	ASSERT_EQ(0, mkdir("../../merged", 0755));
	ASSERT_EQ(0, disk_tag(&self->disk));
	if (mount("none", "../../merged", "overlay", 0,
		  "lowerdir=../lower,upperdir=upper,workdir=work"))
		SKIP(return, "no overlay on this file system");
	EXPECT_EXACT();
	EXPECT_EQ(0, file_make("../../merged/new", 300000));
	EXPECT_EXACT();
	EXPECT_EQ(0, file_make("../../merged/file", 1000));
	EXPECT_LE(500000, counted().space_used);
	EXPECT_EXACT();
	EXPECT_EQ(0, unlink("../../merged/other"));
	EXPECT_EQ(0, unlink("../../merged/d/file"));
	EXPECT_EQ(0, rmdir("../../merged/d"));
	EXPECT_EXACT();
	EXPECT_EQ(0, mkdir("../../merged/d", 0755));
	EXPECT_EQ(0, file_make("../../merged/d/file", 70000));
	EXPECT_EQ(0, mkdir("../../merged/e", 0755));
	EXPECT_EQ(0, rename("../../merged/d", "../../merged/e/d"));
	EXPECT_EXACT();
	/* The limit holds there, too. */
	EXPECT_EQ(0, vps_set_disk(DISK_CONTEXT, counted().space_used, VPS_UNLIMITED));
	EXPECT_EQ(-EDQUOT, file_make("../../merged/more", 100000));
	EXPECT_EXACT();
	EXPECT_EQ(0, umount2("../../merged", 0));
	EXPECT_EXACT();
}

/* ---- another life ---- */

TEST_F(disk, tree_again)
{
	int fd;

	ASSERT_TRUE(furnish());
	ASSERT_EQ(0, disk_tag(&self->disk));
	fd = open("held", OPEN_NEW, 0644);
	ASSERT_LE(0, fd);
	for (int life = 0; life < 4; life++) {
		ASSERT_EQ(0, vps_drop_tree(DISK_CONTEXT));
		EXPECT_EQ(0, put_bytes(fd, life << 20, 100000));
		EXPECT_EQ(0, mkdir(numbered("between", life), 0755));
		if (life % 2)
			ASSERT_TRUE(forget());
		ASSERT_EQ(0, disk_tag(&self->disk));
		EXPECT_EXACT();
		EXPECT_EQ(0, put_bytes(fd, (life << 20) + 200000, 100000));
		EXPECT_EQ(0, file_make(numbered("d/d/life", life), 20000));
		EXPECT_EQ(0, truncate("d/large", 100000 * life));
		EXPECT_EQ(0, link("d/large", numbered("link to large ", life)));
		EXPECT_EQ(0, rename(numbered("between", life), "d/moved"));
		EXPECT_EQ(0, rmdir("d/moved"));
		EXPECT_EXACT();
	}
	close(fd);
}

/* Nobody is charged with what is nobody's. */
TEST_F(disk, outside)
{
	struct vps_disk_counted before;

	ASSERT_EQ(0, disk_tag(&self->disk));
	before = counted();
	ASSERT_EQ(0, vps_set_disk(DISK_CONTEXT, before.space_used, before.inodes_used));
	EXPECT_EQ(0, file_make("../file", 300000));
	EXPECT_EQ(0, mkdir("../d", 0755));
	EXPECT_EQ(0, rename("../file", "../d/file"));
	EXPECT_EQ(0, link("../d/file", "../link"));
	EXPECT_EQ(0, unlink("../d/file"));
	EXPECT_EQ(before.space_used, counted().space_used);
	EXPECT_EQ(before.inodes_used, counted().inodes_used);
	EXPECT_EXACT();
}

TEST_HARNESS_MAIN
