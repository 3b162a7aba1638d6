/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the kernel engine share. */
#ifndef VPS_ENGINE_KERNEL_H
#define VPS_ENGINE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct vps_addr_keeper;
struct vps_account;
struct vps_count;
struct vps_meter;
struct vps_tree_counter;

/* Is command @command of @category there, in a version that is known here? */
bool vps_kernel_has(uint32_t category, uint32_t command);

/* What the kernel counts this resource with, or NULL where a controller does. */
const struct vps_meter *vps_kernel_meter(const char *resource);

/* As each_account of struct vps_engine. */
int vps_kernel_each_account(int (*take)(void *data, const struct vps_account *account,
					const struct vps_count *count), void *data);

extern const struct vps_tree_counter vps_kernel_trees;
extern const struct vps_addr_keeper vps_kernel_addrs;

#endif /* VPS_ENGINE_KERNEL_H */
