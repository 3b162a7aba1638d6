/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VPS_MOUNTS_H
#define VPS_MOUNTS_H

#include <stddef.h>

/*
 * vps_mounts_below - looks for a mount on or below directory @dirfd, in whatever part of
 * this mount namespace it is seen: where the file system is mounted twice, what hangs in
 * one place keeps the directory of the other from being removed as well.
 *   0 none   -EBUSY there is one: its path is in @where   other: of /proc
 */
int vps_mounts_below(int dirfd, char *where, size_t size);

#endif /* VPS_MOUNTS_H */
