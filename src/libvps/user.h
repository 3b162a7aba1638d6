/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users of a VPS, looked up in its own files by a process that is inside already. */
#ifndef VPS_USER_H
#define VPS_USER_H

#include <limits.h>
#include <sys/types.h>

#include "vps.h"

struct vps_user {
	char name[256];
	uid_t uid;
	gid_t gid;
	char home[PATH_MAX];
	char shell[PATH_MAX];
};

/* @word is a name or a number; both must be in /etc/passwd (root always is known). */
int vps_user_find(const char *word, struct vps_user *ret_user, struct vps_fault *fault);

/* Root of the user namespace just entered. */
int vps_user_become_root(struct vps_fault *fault);

/* Its ids and groups, its home, and @envp with what login sets as the environment. */
int vps_user_become(const struct vps_user *user, char *const *envp, struct vps_fault *fault);

#endif /* VPS_USER_H */
