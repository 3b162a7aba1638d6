/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an engine is to the rest of the library. Membership (cgroup.h), what is remembered
 * (attr.h) and the walls (spawn.c) are the same with every engine.
 */
#ifndef VPS_ENGINE_H
#define VPS_ENGINE_H

#include "attr.h"
#include "cgroup.h"
#include "vps.h"

/**
 * struct vps_engine - one way to implement contexts
 * @probe: 0 when it works here, -ENOTSUP when not
 */
struct vps_engine {
	enum vps_engine_kind kind;
	const char *name;
	int (*probe)(const struct vps_cgroups *cg);
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
