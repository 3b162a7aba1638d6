/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of trees share: a file system of its own, in a mount namespace of its own, with
 * a directory on it that is the tree of a context, and a scan that says what is in there.
 *
 * The test's working directory is the tree.
 */
#ifndef VPS_DISK_H
#define VPS_DISK_H

#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include "vps_test.h"

#define DISK_CONTEXT 811
#define DISK_SIZE (48L << 20)

/* Not in the headers that programs see. */
#define EXTENTS_FLAG 0x00080000
#define INLINE_FLAG 0x10000000
#define EXT4_MIGRATE _IO('f', 9)

#define OPEN_NEW (O_RDWR | O_CREAT | O_CLOEXEC)

/* ---- file systems ---- */

enum disk_kind {
	EXT4_1K,
	EXT4_QUOTA,
	EXT4_BIGALLOC,
	EXT4_INLINE,
	EXT4_JOURNAL,
	EXT4_GRPID,
	TMPFS,
	TMPFS_QUOTA,
};

/* Options of mkfs.ext4, which a tmpfs has none of, and of mount. */
static const struct {
	const char *make;
	const char *options;
} disk_kinds[] = {
	[EXT4_1K] = { "-b 1024" },
	[EXT4_QUOTA] = { "-b 4096 -O quota,project -E quotatype=usrquota:grpquota:prjquota" },
	[EXT4_BIGALLOC] = { "-b 4096 -O bigalloc -C 16384" },
	[EXT4_INLINE] = { "-b 4096 -O inline_data" },
	[EXT4_JOURNAL] = { "-b 4096", "data=journal" },
	[EXT4_GRPID] = { "-b 4096", "grpid" },
	[TMPFS] = { NULL, "size=48m,nr_inodes=8192" },
	[TMPFS_QUOTA] = { NULL, "size=48m,usrquota,grpquota" },
};

struct disk {
	char base[32];		/* where all is; a tmpfs */
	char why[160];		/* it cannot be, when it cannot be */
	long before;
	struct context context;
	int tree;
	int held[16];		/* files that are in use and have no name */
};

/* What ends with the last use of it. */
static inline int loop_attach(const char *image)
{
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int backing = open(image, O_RDWR | O_CLOEXEC);
	int device = -1;
	char path[32];

	for (int tries = 0; control >= 0 && backing >= 0 && tries < 100; tries++) {
		snprintf(path, sizeof(path), "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
		device = open(path, O_RDWR | O_CLOEXEC);
		config.fd = backing;
		if (device >= 0 && !ioctl(device, LOOP_CONFIGURE, &config))
			break;
		close(device);
		device = -1;
		nap();
	}
	close(control);
	close(backing);
	if (device < 0)
		return -1;
	/* Some kernels do not mount what somebody may write. */
	backing = device;
	device = open(path, O_RDONLY | O_CLOEXEC);
	close(backing);
	return device;
}

static inline bool program_run(const char *format, const char *one, const char *two)
{
	char command[512], whole[640];

	snprintf(command, sizeof(command), format, one, two);
	snprintf(whole, sizeof(whole), "PATH=$PATH:/usr/sbin:/sbin; %s >/dev/null 2>&1", command);
	return !system(whole);
}

static inline bool disk_cannot(struct disk *disk, const char *why)
{
	snprintf(disk->why, sizeof(disk->why), "%s", why);
	return false;
}

static inline bool ext4_mount(struct disk *disk, const char *make, const char *options)
{
	bool mounted;
	char path[32];
	int fd;

	if (access("/dev/loop-control", R_OK | W_OK))
		return disk_cannot(disk, "there are no loop devices");
	if (!program_run("mkfs.ext4 -V", "", ""))
		return disk_cannot(disk, "there is no mkfs.ext4");
	fd = open("image", OPEN_NEW, 0600);
	if (fd < 0 || ftruncate(fd, DISK_SIZE) || close(fd))
		return false;
	if (!program_run("mkfs.ext4 -q -F -m 0 -J size=4 -N 4096 %s %s", make, "image"))
		return disk_cannot(disk, "mkfs.ext4 cannot make this one");
	fd = loop_attach("image");
	if (fd < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	mounted = !mount(path, "fs", "ext4", MS_NOATIME, options);
	close(fd);
	return mounted;
}

static inline bool disk_mount(struct disk *disk, const char *make, const char *options)
{
	snprintf(disk->base, sizeof(disk->base), "/tmp/vps-disk.XXXXXX");
	if (!mkdtemp(disk->base) || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", disk->base, "tmpfs", 0, "size=256m") || chdir(disk->base) ||
	    mkdir("fs", 0755))
		return false;
	if (make)
		return ext4_mount(disk, make, options);
	return !mount("none", "fs", "tmpfs", MS_NOATIME, options);
}

static inline void disk_unmount(struct disk *disk)
{
	if (chdir("/"))
		return;
	umount2(disk->base, MNT_DETACH);
	rmdir(disk->base);
}

/* False with a reason, where there is one. */
static inline bool disk_begin(struct disk *disk, enum disk_kind kind)
{
	const char *make = disk_kinds[kind].make;
	const char *options = disk_kinds[kind].options;

	memset(disk, 0, sizeof(*disk));
	memset(disk->held, -1, sizeof(disk->held));
	disk->before = tests_begin();
	if (disk->before < 0 || context_make(&disk->context, DISK_CONTEXT, 0))
		return false;
	if (!disk_mount(disk, make, options) || chdir("fs") || mkdir("tree", 0755) ||
	    mkdir("lower", 0755) || chdir("tree")) {
		if (!*disk->why)
			fprintf(stderr, "# no file system: %s\n", strerror(errno));
		disk_unmount(disk);
		vps_destroy(DISK_CONTEXT);
		close(disk->context.group);
		tests_end(disk->before);
		return false;
	}
	disk->tree = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return disk->tree >= 0;
}

/* Nothing keeps the file system, nor the context. */
static inline bool disk_end(struct disk *disk)
{
	bool is_free;

	for (size_t i = 0; i < ARRAY_SIZE(disk->held); i++)
		close(disk->held[i]);
	close(disk->tree);
	vps_destroy(DISK_CONTEXT);
	close(disk->context.group);
	is_free = !chdir(disk->base) && !umount2("fs", 0);
	if (!is_free)
		fprintf(stderr, "# cannot be unmounted: %s\n", strerror(errno));
	disk_unmount(disk);
	return tests_end(disk->before) && is_free;
}

/* ---- what is in a tree ---- */

struct sum {
	__u64 space;
	__u64 inodes;
	ino_t *linked;		/* those with several names that have been met */
	size_t links;
};

/* Of a file that is in its inode ext4 says that it had a sector for each 512 bytes. */
static inline __u64 inline_space(int fd, const struct stat *st)
{
	int flags = 0;

	ioctl(fd, FS_IOC_GETFLAGS, &flags);
	return flags & INLINE_FLAG ? (st->st_size + 511) / 512 * 512 : 0;
}

static inline __u64 space_of(int directory, const char *name, const struct stat *st)
{
	__u64 space = st->st_blocks * 512;
	int fd;

	if (!S_ISREG(st->st_mode))
		return space;
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		space -= inline_space(fd, st);
	close(fd);
	return space;
}

static inline bool sum_has(struct sum *sum, ino_t ino)
{
	for (size_t i = 0; i < sum->links; i++)
		if (sum->linked[i] == ino)
			return true;
	sum->linked = realloc(sum->linked, (sum->links + 1) * sizeof(ino));
	sum->linked[sum->links++] = ino;
	return false;
}

/* @name is in @directory, which is in @device; or "" for that itself. */
static inline void sum_add(struct sum *sum, int directory, const char *name, dev_t device)
{
	struct dirent *entry;
	struct stat st;
	DIR *below;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) || st.st_dev != device)
		return;
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1 && sum_has(sum, st.st_ino))
		return;
	sum->space += space_of(directory, name, &st);
	sum->inodes++;
	if (!S_ISDIR(st.st_mode))
		return;
	below = fdopendir(openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while (below && (entry = readdir(below)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			sum_add(sum, dirfd(below), entry->d_name, device);
	if (below)
		closedir(below);
}

static inline struct sum disk_sum(struct disk *disk)
{
	struct sum sum = {};
	struct stat st;

	fstat(disk->tree, &st);
	sum_add(&sum, disk->tree, ".", st.st_dev);
	free(sum.linked);
	for (size_t i = 0; i < ARRAY_SIZE(disk->held); i++) {
		if (disk->held[i] < 0 || fstat(disk->held[i], &st))
			continue;
		sum.space += st.st_blocks * 512 - inline_space(disk->held[i], &st);
		sum.inodes++;
	}
	return sum;
}

static inline bool disk_is_exact_now(struct disk *disk, bool tell)
{
	struct sum sum = disk_sum(disk);
	struct vps_disk_counted counted = vps_disk(DISK_CONTEXT);

	if (counted.space_used == sum.space && counted.inodes_used == sum.inodes)
		return true;
	if (tell)
		fprintf(stderr, "# counted %llu bytes in %llu inodes, there are %llu in %llu\n",
			counted.space_used, counted.inodes_used, sum.space, sum.inodes);
	return false;
}

/* What is dirty may be written at any time, and then take a block more. */
static inline bool disk_is_exact(struct disk *disk)
{
	for (int i = 0; i < 3; i++)
		if (disk_is_exact_now(disk, false))
			return true;
	return disk_is_exact_now(disk, true);
}

static inline bool disk_is_exact_on_disk(struct disk *disk)
{
	return !syncfs(disk->tree) && disk_is_exact(disk);
}

static inline long disk_tag(struct disk *disk)
{
	struct sum sum;

	if (syncfs(disk->tree))
		return -errno;
	sum = disk_sum(disk);
	return vps_set_tree(DISK_CONTEXT, disk->tree, sum.space, sum.inodes);
}

static inline bool disk_hold(struct disk *disk, int fd)
{
	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(disk->held); i++) {
		if (disk->held[i] < 0) {
			disk->held[i] = fd;
			return true;
		}
	}
	return false;
}

static inline void disk_let_go(struct disk *disk)
{
	for (size_t i = 0; i < ARRAY_SIZE(disk->held); i++) {
		if (disk->held[i] >= 0)
			close(disk->held[i]);
		disk->held[i] = -1;
	}
}

/* Everything that can be found on disk again. */
static inline bool forget(void)
{
	sync();
	return !put_text(AT_FDCWD, "/proc/sys/vm/drop_caches", "3");
}

/* ---- files ---- */

static inline long put_bytes(int fd, long offset, long bytes)
{
	static char data[64 << 10];

	memset(data, 'v', sizeof(data));
	while (bytes > 0) {
		long part = bytes < (long)sizeof(data) ? bytes : (long)sizeof(data);
		ssize_t done = pwrite(fd, data, part, offset);

		if (done < 0)
			return -errno;
		offset += done;
		bytes -= done;
	}
	return 0;
}

static inline long file_make(const char *name, long bytes)
{
	int fd = open(name, OPEN_NEW, 0644);
	long value;

	if (fd < 0)
		return -errno;
	value = put_bytes(fd, 0, bytes);
	close(fd);
	return value;
}

/* Of many extents: there is nothing between them. */
static inline long put_pieces(int fd, int pieces)
{
	long value = 0;

	for (int i = 0; !value && i < pieces; i++)
		value = put_bytes(fd, 2L * i * (16 << 10), 16 << 10);
	return value;
}

#endif /* VPS_DISK_H */
