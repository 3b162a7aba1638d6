// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: what they have on disk.
 *
 * A tree is a directory with all that is in it on its file system. Each inode of it bears the
 * tree's number while it is in memory, and what the quota layer is told to give it or to take
 * from it is added up under that number. On the disk there is nothing: the number is inherited
 * when something is made, put on when something is looked up, and put on what is in memory
 * already when the tree becomes one. So who starts a server has to say how much is there.
 *
 * Numbers are never used again, and a tree that is gone is found by none: what still bears its
 * number is nobody's, until it is found in a tree again.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fileattr.h>
#include <linux/list.h>
#include <linux/lsm_hooks.h>
#include <linux/magic.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/string.h>
#include <linux/vps_disk.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "counter.h"
#include "vps.h"

/* EXT4_IOC_MIGRATE, which is ext4's own. */
#define EXT4_MIGRATE	_IO('f', 9)

/**
 * struct vps_disk - a tree, and what is in it
 * @number: what its inodes bear
 * @space: bytes, those included that are promised to what has not been written yet
 * @inodes: those that are in use, also if they have no name any more
 * @path: its root; keeps the file system from being unmounted
 * @sb: its file system; to compare with
 * @context: whose it is, held
 * @rcu: for freeing
 */
struct vps_disk {
	unsigned long number;
	struct vps_counter space;
	struct vps_counter inodes;
	struct path path;
	const struct super_block *sb;
	struct vps_context *context;
	struct rcu_head rcu;
};

/* Trees by number. Written under disks_lock, read under RCU. */
static DEFINE_XARRAY(disks);
/* Also guards the writing of context->disk. Outside of all that file systems lock. */
static DEFINE_MUTEX(disks_lock);
static unsigned long last_number;

/* Under RCU. */
static struct vps_disk *find_disk(u64 number)
{
	return number ? xa_load(&disks, number) : NULL;
}

static u64 tag_of(const struct inode *inode)
{
	return READ_ONCE(inode->i_vps_tree);
}

/* The tree that an inode is in, 0: none, or none any more. */
static u64 tree_of(const struct inode *inode)
{
	u64 number = tag_of(inode);

	rcu_read_lock();
	if (!find_disk(number))
		number = 0;
	rcu_read_unlock();
	return number;
}

/*
 * Without a lock: only a file with names in two trees, from before they were trees, could be found
 * in both at once; it is the one's or the other's then, and what changes at that instant may
 * be counted for the one and not for the other.
 */
static void put_tag(struct inode *inode, u64 number)
{
	if (tag_of(inode) != number && !tree_of(inode))
		WRITE_ONCE(inode->i_vps_tree, number);
}

/* ---- charging ---- */

/*
 * What ext4 makes in order to map a file by extents, which takes no more than FS_IOC_SETFLAGS: an
 * inode in no directory, whose blocks become those of the file without a word. No other is new,
 * nameless and given something. Without them the file stays as it is.
 */
static bool is_for_migration(const struct inode *inode)
{
	struct vps_disk *disk;
	unsigned long number;

	if (!(READ_ONCE(inode->i_state) & I_NEW) || inode->i_nlink)
		return false;
	xa_for_each(&disks, number, disk) {
		if (disk->sb == inode->i_sb)
			return true;
	}
	return false;
}

bool __vps_space_charge(const struct inode *inode, u64 bytes, bool forced)
{
	struct vps_disk *disk;
	bool may = true;

	rcu_read_lock();
	disk = find_disk(tag_of(inode));
	if (!disk)
		may = forced || !is_for_migration(inode);
	else if (forced)
		vps_counter_charge(&disk->space, bytes);
	else
		may = vps_counter_try(&disk->space, bytes);
	rcu_read_unlock();
	return may;
}

/* Not below zero, should there have been more than who started the server has said. */
static void give_back(struct vps_counter *counter, u64 n)
{
	s64 used = atomic64_read(&counter->used);

	while (!atomic64_try_cmpxchg(&counter->used, &used, used - min_t(u64, n, used)))
		;
}

void __vps_space_uncharge(const struct inode *inode, u64 bytes)
{
	struct vps_disk *disk;

	rcu_read_lock();
	disk = find_disk(tag_of(inode));
	if (disk)
		give_back(&disk->space, bytes);
	rcu_read_unlock();
}

bool __vps_inode_charge(const struct inode *inode)
{
	struct vps_disk *disk;
	bool may = true;

	if (IS_NOQUOTA(inode))
		return true;
	rcu_read_lock();
	disk = find_disk(tag_of(inode));
	if (disk)
		may = vps_counter_try(&disk->inodes, 1);
	rcu_read_unlock();
	return may;
}

/* An inode that was refused ends with S_NOQUOTA: it had not been charged. Its blocks had. */
void __vps_inode_uncharge(const struct inode *inode)
{
	struct vps_disk *disk;

	if (IS_NOQUOTA(inode))
		return;
	rcu_read_lock();
	disk = find_disk(tag_of(inode));
	if (disk)
		give_back(&disk->inodes, 1);
	rcu_read_unlock();
}

/* ---- what is in a tree ---- */

/* With "grpid" ext4 does not say which directory an inode is for before it is there. */
static void charge_late(struct inode *inode, u64 number)
{
	struct vps_disk *disk;

	rcu_read_lock();
	disk = find_disk(number);
	if (disk) {
		vps_counter_charge(&disk->space, inode_get_bytes(inode));
		vps_counter_charge(&disk->inodes, 1);
	}
	rcu_read_unlock();
}

/* An inode gets a name, on disk or in memory. */
static void disk_d_instantiate(struct dentry *dentry, struct inode *inode)
{
	struct inode *directory;
	u64 number;

	if (!inode)
		return;
	/* Nothing that has no inode yet is moved. */
	directory = d_inode(dentry->d_parent);
	if (!directory || !tag_of(directory) || tag_of(directory) == tag_of(inode))
		return;
	number = tree_of(directory);
	if (!number || tree_of(inode))
		return;
	put_tag(inode, number);
	if (READ_ONCE(inode->i_state) & I_NEW)
		charge_late(inode, number);
}

static bool same_tree(const struct inode *one, const struct inode *other)
{
	return tag_of(one) == tag_of(other) || tree_of(one) == tree_of(other);
}

/* A tree itself may have another name: that is its parent's matter. */
static int disk_inode_rename(struct inode *old_dir, struct dentry *old_dentry,
			     struct inode *new_dir, struct dentry *new_dentry)
{
	return same_tree(old_dir, new_dir) ? 0 : -EXDEV;
}

static int disk_inode_link(struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry)
{
	return same_tree(d_inode(old_dentry), dir) ? 0 : -EXDEV;
}

/* As above: by this way it can be told. */
static int disk_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd != EXT4_MIGRATE)
		return 0;
	return tree_of(file_inode(file)) ? -EOPNOTSUPP : 0;
}

/* Until there is a tree nobody is asked. */
static struct security_hook_list disk_hooks[] __ro_after_init = {
	LSM_HOOK_INIT(d_instantiate, disk_d_instantiate),
	LSM_HOOK_INIT(file_ioctl, disk_file_ioctl),
	LSM_HOOK_INIT(file_ioctl_compat, disk_file_ioctl),
	LSM_HOOK_INIT(inode_link, disk_inode_link),
	LSM_HOOK_INIT(inode_rename, disk_inode_rename),
};

/* ---- what is in memory when it becomes one ---- */

struct place {
	struct list_head list;
	struct dentry *directory;
};

static int queue_directory(struct list_head *queue, struct dentry *directory)
{
	struct place *place = kmalloc(sizeof(*place), GFP_KERNEL);

	if (!place)
		return -ENOMEM;
	place->directory = dget(directory);
	list_add(&place->list, queue);
	return 0;
}

static struct dentry *unqueue_directory(struct list_head *queue)
{
	struct place *place = list_first_entry_or_null(queue, struct place, list);
	struct dentry *directory;

	if (!place)
		return NULL;
	directory = place->directory;
	list_del(&place->list);
	kfree(place);
	return directory;
}

/*
 * What follows @previous, whose hold is given up, up to the next directory, which is returned with
 * one; or up to anything when others want the processor. What is unhashed has no name on disk, and
 * has not been counted.
 */
static struct dentry *tag_children(struct dentry *directory, struct dentry *previous, u64 number)
{
	struct dentry *child, *found = NULL;

	spin_lock(&directory->d_lock);
	child = previous ? d_next_sibling(previous) : d_first_child(directory);
	hlist_for_each_entry_from(child, d_sib) {
		if (!simple_positive(child))
			continue;
		spin_lock_nested(&child->d_lock, DENTRY_D_LOCK_NESTED);
		if (simple_positive(child)) {
			put_tag(d_inode(child), number);
			if (d_is_dir(child) || need_resched())
				found = dget_dlock(child);
		}
		spin_unlock(&child->d_lock);
		if (found)
			break;
	}
	spin_unlock(&directory->d_lock);
	dput(previous);
	return found;
}

/*
 * Lookups in a directory and changes to it take its lock, so nothing in it is half there; what is
 * looked up later finds the number on the directory. Nothing is moved past the walk, since that
 * would be from one tree into another.
 */
static int tag_directory(struct dentry *directory, u64 number, struct list_head *queue)
{
	struct inode *inode = d_inode(directory);
	struct dentry *child = NULL;
	int err = 0;

	inode_lock(inode);
	put_tag(inode, number);
	while (!err && (child = tag_children(directory, child, number))) {
		if (d_is_dir(child))
			err = queue_directory(queue, child);
		cond_resched();
	}
	inode_unlock(inode);
	dput(child);
	return err;
}

/*
 * Nothing is dropped from memory instead: what is dirty would get its last blocks with no number
 * on it.
 */
static int tag_all(struct dentry *root, u64 number)
{
	LIST_HEAD(queue);
	struct dentry *directory;
	int err = queue_directory(&queue, root);

	while ((directory = unqueue_directory(&queue))) {
		if (!err)
			err = tag_directory(directory, number, &queue);
		dput(directory);
	}
	return err;
}

/* ---- trees ---- */

static struct vps_disk *disk_of(const struct vps_context *context)
{
	return rcu_dereference_protected(context->disk, lockdep_is_held(&disks_lock));
}

static void drop(struct vps_disk *disk)
{
	RCU_INIT_POINTER(disk->context->disk, NULL);
	xa_erase(&disks, disk->number);
	path_put(&disk->path);
	vps_context_put(disk->context);
	kfree_rcu(disk, rcu);
}

static void drop_ended(void)
{
	struct vps_disk *disk;
	unsigned long number;

	lockdep_assert_held(&disks_lock);
	xa_for_each(&disks, number, disk) {
		if (READ_ONCE(disk->context->ended))
			drop(disk);
	}
}

static void drop_ended_work(struct work_struct *work)
{
	mutex_lock(&disks_lock);
	drop_ended();
	mutex_unlock(&disks_lock);
}

static DECLARE_WORK(ended_work, drop_ended_work);

/**
 * vps_disk_ended - a context has ended, and with it what it has on disk
 *
 * Soon, since that may take long: any locks may be held.
 */
void vps_disk_ended(void)
{
	schedule_work(&ended_work);
}

/* Blocks and inodes are given and taken by the quota layer alone there. */
static bool is_counted(struct dentry *root)
{
	const struct super_block *sb = root->d_sb;
	struct fileattr attr = {};

	if (sb->s_magic == TMPFS_MAGIC)
		return true;
	/* Not one that it shares its number with, nor as one of these. */
	if (sb->s_magic != EXT4_SUPER_MAGIC || strcmp(sb->s_type->name, "ext4"))
		return false;
	return !vfs_fileattr_get(root, &attr) && attr.flags & (FS_EXTENT_FL | FS_INLINE_DATA_FL);
}

static int get_directory(int fd, struct path *ret_path)
{
	struct file *file = fget_raw(fd);
	int err = 0;

	if (!file)
		return -EBADF;
	if (!d_can_lookup(file->f_path.dentry)) {
		err = -ENOTDIR;
	} else if (!is_counted(file->f_path.dentry)) {
		err = -EOPNOTSUPP;
	} else {
		*ret_path = file->f_path;
		path_get(ret_path);
	}
	fput(file);
	return err;
}

static bool overlaps(struct dentry *root)
{
	struct vps_disk *disk;
	unsigned long number;

	xa_for_each(&disks, number, disk) {
		if (disk->sb == root->d_sb && (is_subdir(disk->path.dentry, root) ||
					       is_subdir(root, disk->path.dentry)))
			return true;
	}
	return false;
}

static struct vps_disk *make(struct vps_context *context, const struct path *path,
			     const struct vps_tree *tree)
{
	struct vps_disk *disk = kzalloc(sizeof(*disk), GFP_KERNEL_ACCOUNT);

	if (!disk)
		return NULL;
	disk->number = ++last_number;
	vps_counter_init(&disk->space);
	vps_counter_charge(&disk->space, tree->space);
	vps_counter_init(&disk->inodes);
	vps_counter_charge(&disk->inodes, tree->inodes);
	disk->path = *path;
	disk->sb = path->dentry->d_sb;
	disk->context = context;
	return disk;
}

/* Takes over @path. What has a number already when it fails has that of nothing. */
static int attach(struct vps_context *context, const struct path *path,
		  const struct vps_tree *tree)
{
	struct vps_disk *disk = make(context, path, tree);
	int err;

	if (!disk)
		return -ENOMEM;
	err = xa_insert(&disks, disk->number, disk, GFP_KERNEL);
	if (err) {
		kfree(disk);
		return err;
	}
	err = tag_all(path->dentry, disk->number);
	if (err) {
		xa_erase(&disks, disk->number);
		kfree_rcu(disk, rcu);
		return err;
	}
	vps_context_get(context);
	rcu_assign_pointer(context->disk, disk);
	return 0;
}

/**
 * vps_disk_attach - say what a context has on disk
 * @context: the context
 * @tree: a directory, and how much is in it
 *
 * Return: 0, or an errno as VC_VFS_ROOT of vserver() has them.
 */
int vps_disk_attach(struct vps_context *context, const struct vps_tree *tree)
{
	struct path path;
	int err = get_directory(tree->dir_fd, &path);

	if (err)
		return err;
	vps_hooks_start(disk_hooks, ARRAY_SIZE(disk_hooks));
	mutex_lock(&disks_lock);
	/* One that has just ended may have been this one's. */
	drop_ended();
	if (READ_ONCE(context->ended))
		err = -ESRCH;
	else if (disk_of(context))
		err = -EEXIST;
	else if (overlaps(path.dentry))
		err = -EBUSY;
	else
		err = attach(context, &path, tree);
	mutex_unlock(&disks_lock);
	if (err)
		path_put(&path);
	return err;
}

/**
 * vps_disk_detach - let a context have nothing on disk
 * @context: the context
 *
 * Return: 0, or -ENOENT when it has nothing.
 */
int vps_disk_detach(struct vps_context *context)
{
	struct vps_disk *disk;

	mutex_lock(&disks_lock);
	disk = disk_of(context);
	if (disk)
		drop(disk);
	mutex_unlock(&disks_lock);
	return disk ? 0 : -ENOENT;
}

/**
 * vps_disk_bound - say how much a context may have on disk
 * @context: the context
 * @bounds: soft ones are not above hard ones
 *
 * Return: 0, or -ENOENT when it has no tree.
 */
int vps_disk_bound(struct vps_context *context, const struct vps_disk_bounds *bounds)
{
	struct vps_disk *disk;

	mutex_lock(&disks_lock);
	disk = disk_of(context);
	if (disk) {
		vps_counter_bound(&disk->space, bounds->space_soft, bounds->space_hard);
		vps_counter_bound(&disk->inodes, bounds->inodes_soft, bounds->inodes_hard);
	}
	mutex_unlock(&disks_lock);
	return disk ? 0 : -ENOENT;
}

/**
 * vps_disk_count - how much a context has on disk, and may have
 * @context: the context
 * @ret_counted: what there is to tell; its size stays
 *
 * Return: 0, or -ENOENT when it has no tree.
 */
int vps_disk_count(struct vps_context *context, struct vps_disk_counted *ret_counted)
{
	const struct vps_disk *disk;

	rcu_read_lock();
	disk = rcu_dereference(context->disk);
	if (disk) {
		*ret_counted = (struct vps_disk_counted) {
			.size = ret_counted->size,
			.space_used = vps_counter_used(&disk->space),
			.space_peak = atomic64_read(&disk->space.peak),
			.space_soft = READ_ONCE(disk->space.soft),
			.space_hard = READ_ONCE(disk->space.hard),
			.space_hits = atomic64_read(&disk->space.hits),
			.inodes_used = vps_counter_used(&disk->inodes),
			.inodes_peak = atomic64_read(&disk->inodes.peak),
			.inodes_soft = READ_ONCE(disk->inodes.soft),
			.inodes_hard = READ_ONCE(disk->inodes.hard),
			.inodes_hits = atomic64_read(&disk->inodes.hits),
		};
	}
	rcu_read_unlock();
	return disk ? 0 : -ENOENT;
}

/* ---- what df says ---- */

/**
 * vps_disk_free - how much more there may be
 * @limit: of all
 * @used: how much there is
 * @free: how much there is room for on the file system
 * @endless: the file system has no limit, and does not tell
 *
 * Return: the least of it.
 */
u64 vps_disk_free(u64 limit, u64 used, u64 free, bool endless)
{
	u64 left = limit > used ? limit - used : 0;

	return endless ? left : min(left, free);
}

static void show_space(const struct vps_counter *space, struct kstatfs *stat)
{
	u64 hard = READ_ONCE(space->hard);
	bool endless = !stat->f_blocks;
	u64 used;

	if (hard == VPS_UNLIMITED || stat->f_bsize <= 0)
		return;
	used = div_u64(vps_counter_used(space) + stat->f_bsize - 1, stat->f_bsize);
	stat->f_bfree = vps_disk_free(div_u64(hard, stat->f_bsize), used, stat->f_bfree, endless);
	stat->f_bavail = endless ? stat->f_bfree : min(stat->f_bavail, stat->f_bfree);
	stat->f_blocks = used + stat->f_bfree;
}

static void show_inodes(const struct vps_counter *inodes, struct kstatfs *stat)
{
	u64 hard = READ_ONCE(inodes->hard);
	u64 used = vps_counter_used(inodes);

	if (hard == VPS_UNLIMITED)
		return;
	stat->f_ffree = vps_disk_free(hard, used, stat->f_ffree, !stat->f_files);
	stat->f_files = used + stat->f_ffree;
}

void __vps_statfs(struct dentry *dentry, struct kstatfs *stat)
{
	const struct vps_disk *disk;

	rcu_read_lock();
	disk = find_disk(tag_of(d_inode(dentry)));
	if (disk) {
		show_space(&disk->space, stat);
		show_inodes(&disk->inodes, stat);
	}
	rcu_read_unlock();
}

/**
 * vps_disk_init - have file systems tell what is in which tree, at boot
 */
void __init vps_disk_init(void)
{
	vps_hooks_add(disk_hooks, ARRAY_SIZE(disk_hooks));
}
