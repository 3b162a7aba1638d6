// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "image.h"
#include "loop.h"
#include "mount.h"
#include "program.h"
#include "sys.h"
#include "tree.h"
#include "util.h"

/* <linux/ext4.h> of older distributions does not exist. */
#ifndef EXT4_IOC_RESIZE_FS
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)
#endif

#define BLOCK UINT64_C(4096)
#define UNDO ".undo"
/* As descriptors of the programs that work on it. */
#define DEVICE "/proc/self/fd/3"
#define DIRECTORY "/proc/self/fd/4/"
/* What a group of blocks covers; inodes have 256 bytes. */
#define GROUP (32768 * BLOCK)
#define INODES_A_BLOCK 16
/* How long a file system that was unmounted, or somebody at work, may take to be gone. */
#define GONE_TRIES 200
#define GONE_PAUSE_NS 10000000

/* ---- the file ---------------------- */

static int image_name(const char *base, char name[NAME_MAX + 1])
{
	return snprintf(name, NAME_MAX + 1, ".%s.img", base) > NAME_MAX - (int)strlen(UNDO) ?
		-ENAMETOOLONG : 0;
}

static int open_parent(const char *tree, struct vps_image *image)
{
	char base[NAME_MAX + 1];

	image->fd = -1;
	image->tree = tree;
	image->parent = vps_tree_parent(tree, base);
	return image->parent < 0 ? image->parent : image_name(base, image->name);
}

static int check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && !st.st_uid && !(st.st_mode & 077) && st.st_nlink == 1 ?
		0 : -EPERM;
}

int vps_image_find(const char *tree, struct vps_image *ret_image, struct vps_fault *fault)
{
	struct vps_image image;
	int rc = open_parent(tree, &image);

	if (!rc)
		image.fd = vps_sys_openat2(image.parent, image.name, O_RDWR, 0,
					   VPS_RESOLVE_STRICT);
	rc = rc ?: image.fd < 0 ? image.fd : 0;
	if (rc)
		vps_fault(fault, rc, "open the image of the tree", tree);
	else if (check_file(image.fd))
		rc = vps_refuse(fault, -EPERM, "is no plain file of root's alone", image.name);
	if (rc)
		vps_image_close(&image);
	else
		*ret_image = image;
	return rc;
}

/* Who is at work may be about to end, or to die. */
static bool lock_image(const struct vps_image *image)
{
	const struct timespec pause = { .tv_nsec = GONE_PAUSE_NS };

	for (int i = 0; i < GONE_TRIES; i++) {
		if (!flock(image->fd, LOCK_EX | LOCK_NB))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

int vps_image_open(const char *tree, struct vps_image *ret_image, struct vps_fault *fault)
{
	struct vps_image image;
	int rc = vps_image_find(tree, &image, fault);

	if (rc)
		return rc;
	if (!lock_image(&image)) {
		rc = vps_refuse(fault, -EBUSY, "somebody is at work on it", image.name);
		vps_image_close(&image);
		return rc;
	}
	*ret_image = image;
	return 0;
}

void vps_image_close(struct vps_image *image)
{
	closep(&image->fd);
	closep(&image->parent);
	image->fd = image->parent = -1;
}

/* Fields of the ext4 superblock: Documentation/filesystems/ext4/super.rst. */
struct super {
	uint32_t inodes, blocks_lo, other[4], log_block_size, more[7];
	uint16_t magic, rest;
	uint32_t gap[9], incompat, filler[59], blocks_hi;
};

_Static_assert(offsetof(struct super, magic) == 0x38, "magic");
_Static_assert(offsetof(struct super, incompat) == 0x60, "incompat");
_Static_assert(offsetof(struct super, blocks_hi) == 0x150, "blocks_hi");

static int read_super(const struct vps_image *image, struct super *ret_super)
{
	struct super super;

	if (pread(image->fd, &super, sizeof(super), 1024) != sizeof(super) ||
	    le16toh(super.magic) != 0xEF53 || le32toh(super.log_block_size) > 6)
		return -EUCLEAN;
	*ret_super = super;
	return 0;
}

int vps_image_size(const struct vps_image *image, uint64_t *ret_size)
{
	struct super super;
	uint64_t blocks;
	int rc = read_super(image, &super);

	if (rc)
		return rc;
	blocks = le32toh(super.blocks_lo);
	if (le32toh(super.incompat) & 0x80)
		blocks |= (uint64_t)le32toh(super.blocks_hi) << 32;
	*ret_size = blocks << (10 + le32toh(super.log_block_size));
	return 0;
}

/* ---- room on the host ---------------------- */

/* What was promised to it and it has not taken yet. */
static uint64_t owed_to(const struct stat *st)
{
	uint64_t size = (uint64_t)st->st_size, taken = (uint64_t)st->st_blocks * 512;

	return taken < size ? size - taken : 0;
}

bool vps_image_is_reserved(const struct vps_image *image)
{
	struct stat st;

	return !fstat(image->fd, &st) && !owed_to(&st);
}

static int owed_to_others(int parent, const char *name, uint64_t *ret_sum)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t sum = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);
		struct stat st;

		if (*entry->d_name != '.' || len < 6 || strcmp(entry->d_name + len - 4, ".img") ||
		    !strcmp(entry->d_name, name))
			continue;
		if (!fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
			sum += owed_to(&st);
	}
	*ret_sum = sum;
	return 0;
}

/* Whoever promises waits for the others: no more is promised than there is. */
static int lock_room(const struct vps_image *image)
{
	_cleanup_(closep) int fd = openat(image->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return -errno;
	return steal_fd(&fd);
}

static int check_room(const struct vps_image *image, int dir, uint64_t need,
		      struct vps_fault *fault)
{
	struct statfs fs;
	uint64_t owed = 0, room;
	int rc = fstatfs(dir, &fs) < 0 ? -errno : 0;

	rc = rc ?: owed_to_others(image->parent, image->name, &owed);
	if (rc)
		return vps_fault(fault, rc, "look for room for", image->name);
	room = fs.f_bavail * (uint64_t)fs.f_frsize;
	if (room < owed || room - owed < need)
		return vps_refuse(fault, -ENOSPC, "more than the host has left that is not promised"
				  " to others", image->name);
	return 0;
}

/* Makes the file longer, or with its own length takes what it lacks; as it was if that fails. */
static int extend(const struct vps_image *image, uint64_t size, bool sparse,
		  struct vps_fault *fault)
{
	_cleanup_(closep) int dir = lock_room(image);
	struct stat st;
	int rc = dir < 0 ? dir : fstat(image->fd, &st) < 0 ? -errno : 0;

	if (rc)
		return vps_fault(fault, rc, "look at", image->name);
	if (size < (uint64_t)st.st_size)
		size = (uint64_t)st.st_size;
	rc = check_room(image, dir, size - (uint64_t)st.st_size + owed_to(&st), fault);
	if (rc)
		return rc;
	rc = sparse ? ftruncate(image->fd, (off_t)size) :
		      fallocate(image->fd, 0, 0, (off_t)size);
	if (!rc)
		return 0;
	rc = vps_fault(fault, -errno, "take the space for", image->name);
	(void)!ftruncate(image->fd, st.st_size);
	return rc;
}

static int wait_until_gone(const struct vps_image *image)
{
	struct timespec pause = { .tv_nsec = GONE_PAUSE_NS };
	char path[VPS_LOOP_PATH_MAX];

	for (int i = 0; i < GONE_TRIES; i++) {
		int device = vps_loop_find(image->fd, path);

		if (device < 0)
			return device == -ENOENT ? 0 : device;
		close(device);
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

/* Unmounts it, and waits until nobody else has it. */
static int free_device(const struct vps_image *image, struct vps_fault *fault)
{
	int rc = vps_image_unmount(image, fault);

	if (rc)
		return rc;
	rc = wait_until_gone(image);
	if (rc == -EBUSY)
		return vps_refuse(fault, rc, "is in use elsewhere: a VPS runs on it, or somebody"
				  " has mounts of his own", image->tree);
	return rc ? vps_fault(fault, rc, "look for loop devices", "") : 0;
}

int vps_image_reserve(const struct vps_image *image, struct vps_fault *fault)
{
	int rc;

	if (vps_image_is_reserved(image))
		return 0;
	/* With another device, which gives nothing back. */
	rc = free_device(image, fault);
	return rc ?: extend(image, 0, false, fault);
}

/* @inodes 0: as many as is usual. */
static int make_file_system(const struct vps_image *image, uint64_t inodes,
			    struct vps_fault *fault)
{
	char number[24];
	const char *argv[] = { "mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-b", "4096", "-E",
			       "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0",
			       DEVICE, inodes ? "-N" : NULL, number, NULL };
	int rc;

	snprintf(number, sizeof(number), "%" PRIu64, inodes);
	rc = vps_program_run(argv, (int[]){ image->fd, -1, -1 }, fault);
	return rc > 0 ? -EIO : rc;
}

/*
 * mke2fs rounds up, to whole blocks of inodes in each group; a limit is never less tight. Where it
 * leaves out a last group that is too small, more than one try is needed.
 */
static int make_file_system_of(const struct vps_image *image, uint64_t size, uint64_t inodes,
			       struct vps_fault *fault)
{
	uint64_t step = INODES_A_BLOCK * (size / GROUP + !!(size % GROUP));
	uint64_t number = inodes - inodes % step;
	struct super super;
	int rc;

	if (!inodes)
		return make_file_system(image, 0, fault);
	for (; number; number -= number > step ? step : number) {
		rc = make_file_system(image, number, fault);
		if (rc)
			return rc;
		if (read_super(image, &super))
			break;
		if (le32toh(super.inodes) <= inodes)
			return 0;
	}
	return vps_refuse(fault, -ERANGE, "an image of that size cannot have so few files",
			  image->tree);
}

int vps_image_create(const char *tree, uint64_t size, uint64_t inodes, bool sparse,
		     struct vps_fault *fault)
{
	struct vps_image image = { .fd = -1, .parent = -1 };
	int rc = open_parent(tree, &image);

	if (!rc) {
		image.fd = openat(image.parent, image.name,
				  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		rc = image.fd < 0 || flock(image.fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	}
	if (rc) {
		vps_fault(fault, rc, "make the image of the tree", tree);
	} else {
		rc = extend(&image, size & ~(BLOCK - 1), sparse, fault) ?:
		     make_file_system_of(&image, size, inodes, fault);
		if (rc)
			(void)unlinkat(image.parent, image.name, 0);
	}
	vps_image_close(&image);
	return rc;
}

/* ---- mending ---------------------- */

static void undo_name(const struct vps_image *image, char name[NAME_MAX + 1])
{
	snprintf(name, NAME_MAX + 1, "%.*s" UNDO, NAME_MAX - (int)strlen(UNDO), image->name);
}

static int run(const char *const *argv, const struct vps_image *image, int device,
	       struct vps_fault *fault)
{
	return vps_program_run(argv, (int[]){ device, image->parent, image->fd }, fault);
}

/* Exit status of e2fsck: 1 it has mended something. */
static int check_file_system(const struct vps_image *image, int device, bool whole,
			     struct vps_fault *fault)
{
	const char *argv[] = { "e2fsck", "-p", DEVICE, whole ? "-f" : NULL, NULL };
	int rc = run(argv, image, device, fault);

	if (rc > 1)
		return vps_refuse(fault, -EUCLEAN, "needs e2fsck by hand", image->name);
	return rc < 0 ? rc : 0;
}

static bool has_undo(const struct vps_image *image)
{
	char name[NAME_MAX + 1];

	undo_name(image, name);
	return !faccessat(image->parent, name, F_OK, 0);
}

/* A change of size was cut short: back to before it, from what it overwrote. */
static int take_back(const struct vps_image *image, int device, struct vps_fault *fault)
{
	char name[NAME_MAX + 1], path[sizeof(DIRECTORY) + NAME_MAX];
	const char *argv[] = { "e2undo", path, DEVICE, NULL };
	int rc;

	if (!has_undo(image))
		return 0;
	undo_name(image, name);
	snprintf(path, sizeof(path), DIRECTORY "%s", name);
	rc = run(argv, image, device, fault);
	if (rc < 0)
		return rc;
	/* One that is no record was begun before anything was overwritten, if the check agrees. */
	rc = check_file_system(image, device, true, fault);
	if (!rc && unlinkat(image->parent, name, 0) < 0)
		rc = vps_fault(fault, -errno, "remove", name);
	return rc;
}

static int set_length(const struct vps_image *image, int device, uint64_t size)
{
	if (ftruncate(image->fd, (off_t)size) < 0)
		return -errno;
	return device < 0 ? 0 : vps_loop_resized(device);
}

/* What a change that was cut short had set aside or was about to give back: nobody uses it. */
static int cut_rest(const struct vps_image *image, int device, struct vps_fault *fault)
{
	struct stat st;
	uint64_t size;
	int rc = vps_image_size(image, &size);

	if (!rc)
		rc = fstat(image->fd, &st) < 0 ? -errno : 0;
	if (!rc && (uint64_t)st.st_size > size)
		rc = set_length(image, device, size);
	return rc ? vps_fault(fault, rc, "set the length of", image->name) : 0;
}

static int attach(const struct vps_image *image, char path[VPS_LOOP_PATH_MAX],
		  struct vps_fault *fault)
{
	int device = vps_loop_attach(image->fd, vps_image_is_reserved(image), path);

	return device < 0 ? vps_fault(fault, device, "find a loop device for", image->name) :
			    device;
}

/* ---- mounting ---------------------- */

static int open_tree_dir(const struct vps_image *image, uint64_t flags, uint64_t resolve)
{
	char base[NAME_MAX + 1];
	int parent = vps_tree_parent(image->tree, base);
	int fd = parent;

	if (parent >= 0)
		fd = vps_sys_openat2(parent, base, flags | O_DIRECTORY, 0, resolve);
	closep(&parent);
	return fd;
}

bool vps_image_is_mounted(const struct vps_image *image)
{
	_cleanup_(closep) int tree =
		open_tree_dir(image, O_PATH, VPS_RESOLVE_STRICT & ~(uint64_t)RESOLVE_NO_XDEV);

	return tree >= 0 && vps_loop_holds(image->fd, tree);
}

/* A mount that is nowhere yet. */
static int make_mount(const char *device)
{
	const char *const options[] = { "source", device, "errors", "remount-ro", NULL };

	return vps_mount_make("ext4", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, options);
}

static int mount_device(const char *device, int tree)
{
	_cleanup_(closep) int mnt = make_mount(device);

	return mnt < 0 ? mnt : vps_mount_put(mnt, tree);
}

/*
 * Its device, after a check unless somebody has it already: then it is mounted elsewhere, as a VPS
 * has it, and whole, or is only being looked at.
 */
static int open_checked(const struct vps_image *image, char path[VPS_LOOP_PATH_MAX],
			struct vps_fault *fault)
{
	_cleanup_(closep) int device = vps_loop_find(image->fd, path);
	int rc;

	if (device >= 0 && !has_undo(image))
		return steal_fd(&device);
	closep(&device);
	device = -1;
	rc = wait_until_gone(image);
	if (rc)
		return vps_refuse(fault, rc, "somebody holds its loop device, and a change of its"
				  " size must be taken back first", image->name);
	device = attach(image, path, fault);
	if (device < 0)
		return device;
	rc = take_back(image, device, fault) ?: check_file_system(image, device, false, fault);
	if (!rc)
		rc = cut_rest(image, device, fault);
	return rc ?: steal_fd(&device);
}

int vps_image_mount(const struct vps_image *image, struct vps_fault *fault)
{
	_cleanup_(closep) int device = -1;
	_cleanup_(closep) int tree = -1;
	char path[VPS_LOOP_PATH_MAX];
	int rc;

	if (vps_image_is_mounted(image))
		return 0;
	tree = open_tree_dir(image, O_PATH, VPS_RESOLVE_STRICT);
	if (tree < 0)
		return vps_fault(fault, tree, "open the directory to mount on", image->tree);
	rc = vps_tree_check_empty(tree);
	if (rc)
		return vps_fault(fault, rc, "mount its image", image->tree);
	device = open_checked(image, path, fault);
	if (device < 0)
		return device;
	rc = mount_device(path, tree);
	return rc ? vps_fault(fault, rc, "mount its image", image->tree) : 0;
}

int vps_image_unmount(const struct vps_image *image, struct vps_fault *fault)
{
	if (!vps_image_is_mounted(image))
		return 0;
	if (umount2(image->tree, UMOUNT_NOFOLLOW) < 0)
		return vps_fault(fault, -errno, "unmount", image->tree);
	vps_loop_forget_unused();
	return 0;
}

/* ---- another size ---------------------- */

/*
 * By the file system itself, in whose @tree it is asked: where the power goes, its journal has the
 * size before or the one after. -EPERM: the kernel lets only who has CAP_SYS_RESOURCE.
 */
static int grow_by_itself(const struct vps_image *image, int device, int tree, uint64_t have,
			  uint64_t size, struct vps_fault *fault)
{
	uint64_t blocks = size / BLOCK;
	int rc = extend(image, size, !vps_image_is_reserved(image), fault);

	if (rc)
		return rc;
	rc = vps_loop_resized(device);
	if (!rc && (ioctl(tree, EXT4_IOC_RESIZE_FS, &blocks) < 0 || syncfs(tree) < 0))
		rc = -errno;
	if (!rc)
		return 0;
	/* After any other failure it may have grown by a part. */
	if (rc == -EPERM)
		(void)set_length(image, device, have);
	return vps_fault(fault, rc, "grow the file system of", image->tree);
}

static int grow_mounted(const struct vps_image *image, uint64_t have, uint64_t size,
			struct vps_fault *fault)
{
	char path[VPS_LOOP_PATH_MAX];
	_cleanup_(closep) int device = vps_loop_find(image->fd, path);
	_cleanup_(closep) int tree =
		open_tree_dir(image, O_RDONLY, VPS_RESOLVE_STRICT & ~(uint64_t)RESOLVE_NO_XDEV);

	if (device < 0 || tree < 0)
		return vps_fault(fault, device < 0 ? device : tree, "open", image->tree);
	return grow_by_itself(image, device, tree, have, size, fault);
}

/* Mounted for it where nobody comes. */
static int grow_aside(const struct vps_image *image, uint64_t have, uint64_t size,
		      struct vps_fault *fault)
{
	char path[VPS_LOOP_PATH_MAX];
	int rc = free_device(image, fault), device, mnt, tree;

	if (rc)
		return rc;
	device = open_checked(image, path, fault);
	if (device < 0)
		return device;
	mnt = make_mount(path);
	tree = mnt < 0 ? mnt : openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = tree < 0 ? vps_fault(fault, mnt < 0 ? mnt : -errno, "mount", image->name) :
			grow_by_itself(image, device, tree, have, size, fault);
	closep(&tree);
	closep(&mnt);
	closep(&device);
	vps_loop_forget_unused();
	return rc;
}

static int run_resize(const struct vps_image *image, int device, uint64_t size,
		      struct vps_fault *fault)
{
	char undo[NAME_MAX + 1], path[sizeof(DIRECTORY) + NAME_MAX], length[24];
	const char *argv[] = { "resize2fs", "-z", path, DEVICE, length, NULL };
	struct vps_fault other;
	uint64_t now;
	int rc;

	undo_name(image, undo);
	snprintf(path, sizeof(path), DIRECTORY "%s", undo);
	snprintf(length, sizeof(length), "%" PRIu64 "K", size / 1024);
	rc = run(argv, image, device, fault);
	if (rc) {
		if (!take_back(image, device, &other) && !vps_image_size(image, &now))
			(void)set_length(image, device, now);
		return rc > 0 ? -ENOSPC : rc;
	}
	/* From here on there is no way back, and then none is needed. */
	if (unlinkat(image->parent, undo, 0) < 0)
		return vps_fault(fault, -errno, "remove", undo);
	return 0;
}

/* The file, its length, and that there is no record any more. */
static int put_on_disk(const struct vps_image *image)
{
	_cleanup_(closep) int dir = openat(image->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 || fsync(image->fd) < 0 || fsync(dir) < 0 ? -errno : 0;
}

/*
 * A record, be it empty, has whoever comes next check the whole file system: the check here may be
 * killed as well.
 */
static int note_change(const struct vps_image *image)
{
	char name[NAME_MAX + 1];
	int fd;

	undo_name(image, name);
	fd = openat(image->parent, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* What was asked for before may have been cut short: what is there is found out first. */
static int change(const struct vps_image *image, int device, uint64_t size,
		  struct vps_fault *fault)
{
	uint64_t have = 0;
	int rc = note_change(image);

	if (rc)
		return vps_fault(fault, rc, "make a record beside", image->name);
	rc = take_back(image, device, fault);
	if (rc)
		return rc;
	rc = vps_image_size(image, &have);
	if (rc)
		return vps_fault(fault, rc, "read the size of", image->name);
	if (size > have) {
		rc = extend(image, size, !vps_image_is_reserved(image), fault);
		if (rc)
			return rc;
		rc = vps_loop_resized(device);
		if (rc)
			return vps_fault(fault, rc, "tell the loop device of", image->name);
	}
	rc = size == have ? 0 : run_resize(image, device, size, fault);
	if (rc)
		return rc;
	rc = set_length(image, device, size) ?: put_on_disk(image);
	return rc ? vps_fault(fault, rc, "set the length of", image->name) : 0;
}

static int resize_unmounted(const struct vps_image *image, uint64_t size,
			    struct vps_fault *fault)
{
	_cleanup_(closep) int device = -1;
	char path[VPS_LOOP_PATH_MAX];
	int rc = free_device(image, fault);

	if (rc)
		return rc;
	device = attach(image, path, fault);
	rc = device < 0 ? device : change(image, device, size, fault);
	closep(&device);
	device = -1;
	vps_loop_forget_unused();
	return rc;
}

static int resize_offline(const struct vps_image *image, uint64_t size, struct vps_fault *fault)
{
	bool mounted = vps_image_is_mounted(image);
	struct vps_fault other;
	int rc = resize_unmounted(image, size, fault);

	if (mounted) {
		int again = vps_image_mount(image, rc ? &other : fault);

		rc = rc ?: again;
	}
	return rc;
}

static bool has_length(const struct vps_image *image, uint64_t size)
{
	struct stat st;

	return !fstat(image->fd, &st) && (uint64_t)st.st_size == size;
}

int vps_image_resize(const struct vps_image *image, uint64_t size, bool in_use,
		     struct vps_fault *fault)
{
	uint64_t have;
	bool mounted;
	int rc = vps_image_size(image, &have);

	size &= ~(BLOCK - 1);
	if (rc)
		return vps_refuse(fault, rc, "holds no ext4 file system", image->name);
	if (size == have && !has_undo(image) && (in_use || has_length(image, size)))
		return 0;
	if (size < VPS_IMAGE_MIN)
		return vps_refuse(fault, -ERANGE, "an image has at least 16M", image->name);
	mounted = vps_image_is_mounted(image);
	if (size > have && !has_undo(image) && (mounted || !in_use)) {
		rc = mounted ? grow_mounted(image, have, size, fault) :
			       grow_aside(image, have, size, fault);
		if (rc != -EPERM)
			return rc;
		if (in_use)
			return vps_refuse(fault, -EBUSY, "to grow under a running VPS takes"
					  " CAP_SYS_RESOURCE; stop it first", image->tree);
	}
	if (in_use)
		return vps_refuse(fault, -EBUSY, "an image shrinks only while its VPS is stopped",
				  image->tree);
	return resize_offline(image, size, fault);
}

/* The VPS that runs on it has a mount of its own. */
static int check_unused(const struct vps_image *image, struct vps_fault *fault)
{
	bool mounted = vps_image_is_mounted(image);
	struct vps_fault other;
	int rc = free_device(image, fault);

	if (rc && mounted)
		(void)vps_image_mount(image, &other);
	return rc;
}

int vps_image_remove(const struct vps_image *image, struct vps_fault *fault)
{
	char undo[NAME_MAX + 1];
	int rc = check_unused(image, fault);

	if (rc)
		return rc;
	undo_name(image, undo);
	if (unlinkat(image->parent, undo, 0) < 0 && errno != ENOENT)
		return vps_fault(fault, -errno, "remove", undo);
	if (unlinkat(image->parent, image->name, 0) < 0)
		return vps_fault(fault, -errno, "remove", image->name);
	return 0;
}
