/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loop devices: files as disks. A file has one at the most, however often it is mounted. */
#ifndef VPS_LOOP_H
#define VPS_LOOP_H

#include <stdbool.h>

/* "/dev/loop", a number and a zero. */
#define VPS_LOOP_PATH_MAX 24

/* The device of file @image. Returns a descriptor, to read only; -ENOENT: it has none. */
int vps_loop_find(int image, char ret_path[VPS_LOOP_PATH_MAX]);

/*
 * vps_loop_attach - the device of @image, or a new one, which goes with its last user; the caller
 * holds a lock that keeps others from doing the same. @reserved: a new one keeps the space
 * of the file whatever is discarded on it. Returns a descriptor, to read only.
 */
int vps_loop_attach(int image, bool reserved, char ret_path[VPS_LOOP_PATH_MAX]);

/* Removes devices that were made for files which they have no longer. */
void vps_loop_forget_unused(void);

/* Is the file system of @fd on the device of @image? */
bool vps_loop_holds(int image, int fd);

/* The file has another length now. */
int vps_loop_resized(int device);

#endif /* VPS_LOOP_H */
