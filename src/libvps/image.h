/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree's own disk: an ext4 file system in the file ".NAME.img" beside the directory NAME, on
 * which it is mounted, without device nodes and setuid for the host's users.
 */
#ifndef VPS_IMAGE_H
#define VPS_IMAGE_H

#include <limits.h>

#include "vps.h"

/* Below that there is hardly room for a journal. */
#define VPS_IMAGE_MIN (UINT64_C(16) << 20)

/**
 * struct vps_image - its file
 * @fd: the file   @parent: the directory that it and the tree are in
 * @name: of the file, in there
 * @tree: path of the directory that it is mounted on
 */
struct vps_image {
	int fd;
	int parent;
	const char *tree;
	char name[NAME_MAX + 1];
};

/*
 * vps_image_find - the image of @tree, which must outlive it, to look at.
 *   -ENOENT it has none   -EPERM somebody else could write to it
 */
int vps_image_find(const char *tree, struct vps_image *ret_image, struct vps_fault *fault);

/* The same, locked, which all that changes it needs. -EBUSY somebody is at work on it, for long */
int vps_image_open(const char *tree, struct vps_image *ret_image, struct vps_fault *fault);
void vps_image_close(struct vps_image *image);

/*
 * vps_image_create - makes one of @size bytes with room for @inodes files at the most (0: as many
 * as is usual). @sparse: its space is not taken from the host before it is written to;
 * all the same no more is promised than there is.
 *   -EEXIST   -ENOSPC the host has not as much   -ENOENT no mke2fs
 */
int vps_image_create(const char *tree, uint64_t size, uint64_t inodes, bool sparse,
		     struct vps_fault *fault);

/* Takes from the host what is not allocated yet, to give nothing back. Unmounts it. -ENOSPC */
int vps_image_reserve(const struct vps_image *image, struct vps_fault *fault);

/*
 * Mends what a crash has left and mounts it, unless it is mounted.
 *   -EUCLEAN it needs e2fsck   -EBUSY somebody keeps it from being mended
 */
int vps_image_mount(const struct vps_image *image, struct vps_fault *fault);

/*
 * -EBUSY somebody of the host uses it; a VPS that runs on it has a mount of its own, and goes on.
 * 0 where it is not mounted.
 */
int vps_image_unmount(const struct vps_image *image, struct vps_fault *fault);

bool vps_image_is_mounted(const struct vps_image *image);

/*
 * vps_image_resize - grows while it is mounted; if that is not possible, or it shrinks, it is
 * unmounted meanwhile. @in_use: a VPS runs on it, which is not to be tried then.
 *   -EBUSY it cannot be unmounted   -ENOSPC the host, or the files in it, need more
 */
int vps_image_resize(const struct vps_image *image, uint64_t size, bool in_use,
		     struct vps_fault *fault);

/* Unmounts and removes it. -EBUSY somebody uses it, a VPS that runs on it included */
int vps_image_remove(const struct vps_image *image, struct vps_fault *fault);

/* Has all its space been taken from the host? */
bool vps_image_is_reserved(const struct vps_image *image);

/* Length of the file system, which is what was asked for last. */
int vps_image_size(const struct vps_image *image, uint64_t *ret_size);

#endif /* VPS_IMAGE_H */
