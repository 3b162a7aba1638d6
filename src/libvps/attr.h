/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is remembered of a context beside what the kernel knows of it: short texts in extended
 * attributes of its group, so that they live and die with it and no state file can go stale.
 */
#ifndef VPS_ATTR_H
#define VPS_ATTR_H

#include <stddef.h>

enum vps_attr {
	VPS_ATTR_STATE,		/* "new", "kept", "running" */
	VPS_ATTR_NAME,
	VPS_ATTR_FLAGS,		/* as vps_format_flags(); the stock engine's */
	VPS_ATTR_INIT,		/* "PID START USERNS STARTED_US" of the first process */
	VPS_ATTR_PROC,		/* process limit for when the flag stop goes; the stock engine's */
	VPS_ATTR_PEAKS,		/* "NAME=VALUE ..." of peaks that were reset */
	VPS_ATTR_DISK,		/* kind and path of the tree: "image PATH" */
	VPS_ATTR_ADDRS,		/* "ADDRESS/PREFIX[@DEVICE] ..." or "-" */
	VPS_ATTR_VNET,		/* its device on a bridge, see vnet-attr.c; "" is none */
	VPS_ATTR_COUNT,
};

/* What all but VPS_ATTR_DISK, VPS_ATTR_ADDRS and VPS_ATTR_VNET have room in. */
#define VPS_ATTR_MAX 256

int vps_attr_set(int group, enum vps_attr attr, const char *text);

/* -ENODATA when unset, -ERANGE when @size is too small for it. */
int vps_attr_get(int group, enum vps_attr attr, char *buf, size_t size);

/* 0 when groups below @root, a mounted cgroup2, can have attributes. */
int vps_attr_probe(const char *root);

#endif /* VPS_ATTR_H */
