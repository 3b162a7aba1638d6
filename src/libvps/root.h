/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root of a VPS, built in two halves. The host's half works in a private mount
 * namespace that the host's user namespace owns: what it mounts cannot be changed or taken
 * away from inside. The VPS's half works inside, with the VPS's rights only.
 */
#ifndef VPS_ROOT_H
#define VPS_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "vps.h"

/**
 * struct vps_root - a root under construction
 * @fd: the mount that becomes "/" (or the working directory), O_PATH
 * @base: first host user id of the VPS; 0 without a user namespace
 * @userns: descriptor of its user namespace, -1 without
 * @image: the tree is a disk of its own, which is without setuid for the host's users only
 */
struct vps_root {
	int fd;
	uid_t base;
	int userns;
	bool image;
};

/* The host's half: a copy of the tree as a mount of its own, /dev and /sys on it. */
int vps_root_build(struct vps_root *root, const struct vps_spawn *spawn,
		   struct vps_fault *fault);

/*
 * The VPS's half, in a new mount namespace with the root as working directory: makes it
 * "/", detaches all else, mounts /proc and what else is of this VPS alone.
 */
int vps_root_enter(const struct vps_spawn *spawn, struct vps_fault *fault);

/* Without a root of its own: a /proc that shows its own processes only. */
int vps_root_own_proc(struct vps_fault *fault);

#endif /* VPS_ROOT_H */
