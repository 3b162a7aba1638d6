/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts by descriptor: what a path leads to may be another thing the next moment, where its
 * directories are a VPS's to rename; what is open stays what it is.
 */
#ifndef VPS_MOUNT_H
#define VPS_MOUNT_H

/*
 * A new mount of @type that is nowhere yet, with MOUNT_ATTR_ @flags. @options: keys and values by
 * turns, then NULL. A descriptor or a negative errno, -ENODEV where the kernel has no such type.
 */
int vps_mount_make(const char *type, unsigned int flags, const char *const *options);

/*
 * A copy of what is @name below @dir ("": of @dir), that is nowhere yet, without what is mounted
 * below it, with @flags set as well. A descriptor or a negative errno.
 */
int vps_mount_copy(int dir, const char *name, unsigned int flags);

/* Mounts @mnt on what @on is open at: 0 or a negative errno. */
int vps_mount_put(int mnt, int on);

#endif /* VPS_MOUNT_H */
