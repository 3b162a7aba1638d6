/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: what they have on disk, as file systems see it.
 */
#ifndef _LINUX_VPS_DISK_H
#define _LINUX_VPS_DISK_H

#include <linux/fs.h>
#include <linux/vps.h>

struct kstatfs;

#ifdef CONFIG_VPS

bool __vps_space_charge(const struct inode *inode, u64 bytes, bool forced);
void __vps_space_uncharge(const struct inode *inode, u64 bytes);
bool __vps_inode_charge(const struct inode *inode);
void __vps_inode_uncharge(const struct inode *inode);
void __vps_statfs(struct dentry *dentry, struct kstatfs *stat);

/**
 * vps_inode_init - an inode in memory is in no context's tree yet
 * @inode: a new one, or what another one has left
 */
static inline void vps_inode_init(struct inode *inode)
{
	inode->i_vps_tree = 0;
}

/**
 * vps_inode_inherit - what is made is in the tree of the directory that it is for
 * @inode: a new one
 * @dir: the directory, or NULL
 *
 * Before it is charged, which is long before it has a name.
 */
static inline void vps_inode_inherit(struct inode *inode, const struct inode *dir)
{
	if (static_branch_unlikely(&vps_active) && dir)
		inode->i_vps_tree = READ_ONCE(dir->i_vps_tree);
}

/**
 * vps_space_charge - an inode is to have more space
 * @inode: the inode
 * @bytes: how much more
 * @forced: it has to, whatever the limit
 *
 * Return: false when the context in whose tree it is may not have that much.
 */
static inline bool vps_space_charge(const struct inode *inode, u64 bytes, bool forced)
{
	return !static_branch_unlikely(&vps_active) ||
	       __vps_space_charge(inode, bytes, forced);
}

/**
 * vps_space_uncharge - an inode has less space
 * @inode: the inode
 * @bytes: how much less
 */
static inline void vps_space_uncharge(const struct inode *inode, u64 bytes)
{
	if (static_branch_unlikely(&vps_active))
		__vps_space_uncharge(inode, bytes);
}

/**
 * vps_inode_charge - an inode is to be on disk
 * @inode: a new one
 *
 * Return: false when the context in whose tree it is may not have more.
 */
static inline bool vps_inode_charge(const struct inode *inode)
{
	return !static_branch_unlikely(&vps_active) || __vps_inode_charge(inode);
}

/**
 * vps_inode_uncharge - an inode is on disk no more
 * @inode: the inode
 */
static inline void vps_inode_uncharge(const struct inode *inode)
{
	if (static_branch_unlikely(&vps_active))
		__vps_inode_uncharge(inode);
}

/**
 * vps_statfs - in a tree, its limits are the size of the file system
 * @dentry: what was asked about
 * @stat: what the file system says
 */
static inline void vps_statfs(struct dentry *dentry, struct kstatfs *stat)
{
	if (static_branch_unlikely(&vps_active))
		__vps_statfs(dentry, stat);
}

#else /* !CONFIG_VPS */

static inline void vps_inode_init(struct inode *inode) { }
static inline void vps_inode_inherit(struct inode *inode, const struct inode *dir) { }

static inline bool vps_space_charge(const struct inode *inode, u64 bytes, bool forced)
{
	return true;
}

static inline void vps_space_uncharge(const struct inode *inode, u64 bytes) { }
static inline bool vps_inode_charge(const struct inode *inode) { return true; }
static inline void vps_inode_uncharge(const struct inode *inode) { }
static inline void vps_statfs(struct dentry *dentry, struct kstatfs *stat) { }

#endif /* CONFIG_VPS */

#endif /* _LINUX_VPS_DISK_H */
