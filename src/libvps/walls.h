/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process gives up for good before it runs something of a VPS. */
#ifndef VPS_WALLS_H
#define VPS_WALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "vps.h"

/* System calls. With a user namespace it may come before its mounts are made, else after. */
int vps_walls_filter(bool userns, struct vps_fault *fault);

/*
 * Abstract sockets (with @scope) and the capability bounding set, after the filter: each still
 * may be done then. Called by the process itself, root in its user namespace.
 */
int vps_walls_raise(uint64_t caps, bool scope, struct vps_fault *fault);

/* A new session, a calm signal state, no descriptor beyond 0-2 after the next exec. */
int vps_walls_tidy(struct vps_fault *fault);

/* Makes @stdio the descriptors 0-2. */
int vps_walls_stdio(const int stdio[3], struct vps_fault *fault);

#endif /* VPS_WALLS_H */
