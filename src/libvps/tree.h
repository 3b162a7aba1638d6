/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VPS_TREE_H
#define VPS_TREE_H

#include <limits.h>
#include <stdint.h>

/*
 * vps_tree_parent - opens the directory that @path is in and copies the last name of @path,
 * which then is looked up as a name: with a slash behind it a link would be followed
 * whatever flags say. Returns a descriptor (O_PATH).
 *   -EINVAL it has no name of its own   -ENAMETOOLONG
 */
int vps_tree_parent(const char *path, char ret_name[NAME_MAX + 1]);

/*
 * vps_tree_open_below - opens @path below directory @from, which it never leaves and whose links
 * it does not follow; it may be longer than the kernel takes at once, and is written to.
 * @flags are of openat2(2). Returns a descriptor.
 */
int vps_tree_open_below(int from, char *path, uint64_t flags);

/* 0, or -ENOTEMPTY */
int vps_tree_check_empty(int tree);

#endif /* VPS_TREE_H */
