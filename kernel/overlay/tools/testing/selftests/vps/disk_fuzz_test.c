// SPDX-License-Identifier: GPL-2.0-only
/*
 * Anything in any order, by several at once who meet in the same directories, without limits and
 * at them, while what is in memory is dropped: in the end the counter is what a scan finds. What
 * each of them does follows from a seed. VPS_TEST_ROUNDS says how often.
 */
#include <setjmp.h>
#include <sys/xattr.h>
#include "disk.h"

#define WORKERS 3
#define DEEDS 250

static enum disk_kind kind;

FIXTURE(fuzz) {
	struct disk disk;
};

FIXTURE_VARIANT(fuzz) {
	enum disk_kind kind;
};

FIXTURE_VARIANT_ADD(fuzz, ext4_1k) { EXT4_1K };
FIXTURE_VARIANT_ADD(fuzz, ext4_quota) { EXT4_QUOTA };
FIXTURE_VARIANT_ADD(fuzz, ext4_bigalloc) { EXT4_BIGALLOC };
FIXTURE_VARIANT_ADD(fuzz, ext4_inline) { EXT4_INLINE };
FIXTURE_VARIANT_ADD(fuzz, ext4_journal) { EXT4_JOURNAL };
FIXTURE_VARIANT_ADD(fuzz, ext4_grpid) { EXT4_GRPID };
FIXTURE_VARIANT_ADD(fuzz, tmpfs) { TMPFS };
FIXTURE_VARIANT_ADD(fuzz, tmpfs_quota) { TMPFS_QUOTA };

FIXTURE_SETUP(fuzz)
{
	bool made = disk_begin(&self->disk, variant->kind);

	if (*self->disk.why)
		SKIP(return, "%s", self->disk.why);
	ASSERT_TRUE(made);
	kind = variant->kind;
}

FIXTURE_TEARDOWN(fuzz)
{
	EXPECT_TRUE(disk_end(&self->disk));
}

/* ---- chance ---- */

static unsigned int seed;

static unsigned int any(unsigned int below)
{
	return rand_r(&seed) / 7 % below;
}

static const char *any_directory(void)
{
	static const char *const names[] = { "d0", "d1", "d0/e", "." };

	return names[any(ARRAY_SIZE(names))];
}

/* Of few, so that they are met again. */
static const char *any_name(void)
{
	static char names[4][64];
	static int last;

	last = (last + 1) % 4;
	snprintf(names[last], sizeof(names[last]), "%s/f%u", any_directory(), any(12));
	return names[last];
}

static long any_offset(void)
{
	return any(2) ? any(64) * 4096L : any(1 << 20);
}

static long any_bytes(void)
{
	return any(4) ? any(20000) : any(400000);
}

/* ---- deeds: what is refused is refused ---- */

static void with_file(int flags, void (*deed)(int fd))
{
	int fd = open(any_name(), flags | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0644);

	if (fd < 0)
		return;
	deed(fd);
	close(fd);
}

static void write_some(int fd)
{
	for (unsigned int i = any(4) + 1; i; i--)
		put_bytes(fd, any_offset(), any_bytes());
	if (!any(4))
		fdatasync(fd);
}

static void scatter(int fd)
{
	for (unsigned int i = any(40); i; i--)
		put_bytes(fd, any(200) * 8192L, 4096);
}

static void truncate_it(int fd)
{
	if (ftruncate(fd, any(3) ? any_offset() : 0))
		return;
	if (any(2))
		put_bytes(fd, any_offset(), any_bytes());
}

static void allocate(int fd)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE,
	};
	int mode = modes[any(ARRAY_SIZE(modes))];
	long unit = any(3) ? 16 << 10 : 1;

	(void)!fallocate(fd, mode, any(40) * unit, (any(40) + 1) * unit);
}

static sigjmp_buf refused;

static void on_sigbus(int signal)
{
	siglongjmp(refused, 1);
}

static void map(int fd)
{
	size_t size = 256 << 10;
	char *data;

	if (ftruncate(fd, size))
		return;
	data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return;
	if (!sigsetjmp(refused, 1))
		for (unsigned int i = any(40); i; i--)
			SET_ONCE(data[any(64) * 4096], 'm');
	munmap(data, size);
}

static void write_direct(int fd)
{
	static void *data;

	if (!data && posix_memalign(&data, 4096, 128 << 10))
		return;
	(void)!pwrite(fd, data, (any(32) + 1) * 4096, any(64) * 4096L);
}

static void set_attribute(int fd)
{
	static char value[3000];

	memset(value, 'a' + any(3), sizeof(value));
	if (any(4))
		fsetxattr(fd, any(2) ? "user.one" : "user.two", value, any(sizeof(value)), 0);
	else
		fremovexattr(fd, any(2) ? "user.one" : "user.two");
}

static void map_otherwise(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return;
	flags ^= EXTENTS_FLAG;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
	ioctl(fd, EXT4_MIGRATE);
}

static void make_nameless(void)
{
	int fd = open(any_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	char path[64];

	if (fd < 0)
		return;
	put_bytes(fd, any_offset(), any_bytes());
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)!linkat(AT_FDCWD, path, AT_FDCWD, any_name(), AT_SYMLINK_FOLLOW);
	close(fd);
}

static void make_symlink(void)
{
	char target[2000];

	memset(target, 't', sizeof(target));
	target[any(2) ? any(60) + 1 : any(sizeof(target) - 1) + 1] = 0;
	(void)!symlink(target, any_name());
}

/* Kept open until there is another one. */
static void use_unlinked(void)
{
	static int held = -1;
	const char *name = any_name();

	close(held);
	held = open(name, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	unlink(name);
	if (held >= 0)
		write_some(held);
}

static void remove_it(void)
{
	const char *name = any_name();

	if (unlink(name))
		rmdir(name);
}

static void rename_it(void)
{
	static const int flags[] = { 0, 0, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT };

	/* Nobody is told of what ext4 leaves behind with grpid. */
	renameat2(AT_FDCWD, any_name(), AT_FDCWD, any_name(),
		  flags[any(kind == EXT4_GRPID ? 4 : 5)]);
}

static void fill_directory(void)
{
	char name[128];

	for (unsigned int i = any(40); i; i--) {
		snprintf(name, sizeof(name), "%s/with a long name, so that it takes room %u",
			 any_directory(), any(100));
		if (mknod(name, S_IFREG | 0600, 0))
			unlink(name);
	}
}

static void do_one(void)
{
	switch (any(22)) {
	case 0 ... 3:
		return with_file(O_RDWR | O_CREAT, write_some);
	case 4:
		return with_file(O_RDWR | O_CREAT, scatter);
	case 5:
		return with_file(O_RDWR | O_CREAT | O_TRUNC, write_some);
	case 6 ... 7:
		return with_file(O_RDWR, truncate_it);
	case 8 ... 9:
		return with_file(O_RDWR | O_CREAT, allocate);
	case 10:
		return with_file(O_RDWR | O_CREAT, map);
	case 11:
		return with_file(O_RDWR | O_CREAT | O_DIRECT, write_direct);
	case 12:
		return with_file(O_RDWR | O_CREAT, set_attribute);
	case 13:
		return with_file(O_RDWR | O_CREAT, map_otherwise);
	case 14:
		return make_nameless();
	case 15:
		return make_symlink();
	case 16:
		return use_unlinked();
	case 17 ... 18:
		return remove_it();
	case 19:
		return rename_it();
	case 20:
		return fill_directory();
	case 21:
		if (any(2))
			(void)!mkdir(any_name(), 0755);
		else if (any(2))
			(void)!mkfifo(any_name(), 0600);
		else
			(void)!link(any_name(), any_name());
	}
}

static void work(void)
{
	signal(SIGBUS, on_sigbus);
	for (int i = 0; i < DEEDS; i++) {
		mkdir("d0", 0755);
		mkdir("d1", 0755);
		mkdir("d0/e", 0755);
		do_one();
	}
	_exit(0);
}

/* ---- the tests ---- */

static int rounds(void)
{
	const char *text = getenv("VPS_TEST_ROUNDS");
	int number = text ? atoi(text) : 2;

	return number > 0 ? number : 1;
}

/* Several at once, each with his seed; false when one of them broke down. */
static bool do_all(int round)
{
	pid_t pids[WORKERS];
	int left = WORKERS, status;
	bool good = true;

	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			seed = 1000 * round + i;
			work();
		}
	}
	while (left) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			good &= !status;
			left--;
			continue;
		}
		if (pid < 0)
			return false;
		for (int i = 0; i < 20; i++)
			nap();
		put_text(AT_FDCWD, "/proc/sys/vm/drop_caches", "3");
	}
	return good;
}

/* Chance may not get there: files of @bytes until there may be no more; none stays. */
static long fill_up(long bytes)
{
	long made = 0, refused = 0;
	char name[32];

	while (!refused && made < 5000) {
		snprintf(name, sizeof(name), "fill-%ld", made++);
		refused = file_make(name, bytes);
	}
	while (made--) {
		snprintf(name, sizeof(name), "fill-%ld", made);
		unlink(name);
	}
	return refused;
}

#define EXPECT_ROUND(round) do {						\
	EXPECT_TRUE(do_all(round));						\
	EXPECT_TRUE(disk_is_exact(&self->disk));				\
	EXPECT_TRUE(disk_is_exact_on_disk(&self->disk));			\
} while (0)

TEST_F_TIMEOUT(fuzz, anything, 280)
{
	ASSERT_EQ(0, disk_tag(&self->disk));
	for (int round = 0; round < rounds(); round++)
		EXPECT_ROUND(round);
}

TEST_F_TIMEOUT(fuzz, at_the_limits, 280)
{
	struct vps_disk_counted counted;

	ASSERT_EQ(0, disk_tag(&self->disk));
	EXPECT_ROUND(100);
	for (int round = 0; round < rounds(); round++) {
		counted = vps_disk(DISK_CONTEXT);
		ASSERT_EQ(0, vps_set_disk(DISK_CONTEXT, counted.space_used + (200 << 10),
					  VPS_UNLIMITED));
		EXPECT_ROUND(200 + round);
		counted = vps_disk(DISK_CONTEXT);
		/* Blocks in which order is kept are not refused. */
		EXPECT_GE(counted.space_hard + (2 << 20), counted.space_used);
		EXPECT_EQ(-EDQUOT, fill_up(64 << 10));
		EXPECT_LT(0, vps_disk(DISK_CONTEXT).space_hits);

		ASSERT_EQ(0, vps_set_disk(DISK_CONTEXT, VPS_UNLIMITED, counted.inodes_used + 5));
		EXPECT_ROUND(300 + round);
		counted = vps_disk(DISK_CONTEXT);
		if (variant->kind != EXT4_GRPID) {
			EXPECT_GE(counted.inodes_hard, counted.inodes_used);
			EXPECT_EQ(-EDQUOT, fill_up(0));
			EXPECT_LT(0, vps_disk(DISK_CONTEXT).inodes_hits);
		}

		ASSERT_EQ(0, vps_set_disk(DISK_CONTEXT, counted.space_used, counted.inodes_used));
		EXPECT_ROUND(400 + round);
	}
}

/* Where nothing is known of it when it becomes a tree, and again. */
TEST_F_TIMEOUT(fuzz, between_lives, 280)
{
	ASSERT_EQ(0, disk_tag(&self->disk));
	for (int round = 0; round < rounds(); round++) {
		EXPECT_ROUND(500 + round);
		ASSERT_EQ(0, vps_drop_tree(DISK_CONTEXT));
		EXPECT_TRUE(do_all(600 + round));
		if (round % 2)
			ASSERT_TRUE(forget());
		ASSERT_EQ(0, disk_tag(&self->disk));
		EXPECT_ROUND(700 + round);
	}
}

TEST_HARNESS_MAIN
