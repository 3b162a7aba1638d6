/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an engine is to the rest of the library. Membership (cgroup.h) and isolation
 * (spawn.c) are the same with every engine; the identity of a context is the engine's.
 */
#ifndef VPS_ENGINE_H
#define VPS_ENGINE_H

#include "cgroup.h"
#include "vps.h"

/* Identity of a context, kept by the engine as short texts. */
enum vps_attr {
	VPS_ATTR_STATE,		/* "new", "kept", "running" */
	VPS_ATTR_NAME,
	VPS_ATTR_FLAGS,		/* as vps_format_flags() */
	VPS_ATTR_INIT,		/* "PID START USERNS STARTED_US" of the first process */
	VPS_ATTR_PROC,		/* process limit for when the flag stop goes */
	VPS_ATTR_PEAKS,		/* "NAME=VALUE ..." of peaks that were reset */
	VPS_ATTR_DISK,		/* "image PATH" or "quota PATH" of the tree */
	VPS_ATTR_ADDRS,		/* "ADDRESS/PREFIX[@DEVICE] ..." or "-" */
	VPS_ATTR_VNET,		/* its device on a bridge, see vnet-attr.c; "" is none */
	VPS_ATTR_COUNT,
};

/* What all but VPS_ATTR_DISK, VPS_ATTR_ADDRS and VPS_ATTR_VNET have room in. */
#define VPS_ATTR_MAX 256

/**
 * struct vps_engine - one way to implement contexts
 * @probe: 0 when it works here, -ENOTSUP when not
 * @get: text of @attr of the context whose v2 group is @group; -ENODATA when unset
 */
struct vps_engine {
	enum vps_engine_kind kind;
	const char *name;
	int (*probe)(const struct vps_cgroups *cg);
	int (*set)(int group, enum vps_attr attr, const char *text);
	int (*get)(int group, enum vps_attr attr, char *buf, size_t size);
};

extern const struct vps_engine vps_engine_stock;

/**
 * struct vps_host - this machine, opened
 * @run_dir: where locks are
 * @lock: of an unnamed context while it is new; -1 otherwise
 */
struct vps_host {
	const struct vps_engine *engine;
	const char *run_dir;
	struct vps_cgroups cg;
	int lock;
};

/* Opens (and makes) a file of run_dir that is locked by flock(2). */
int vps_host_open_lock(const struct vps_host *host, const char *name);

#endif /* VPS_ENGINE_H */
