/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups of contexts: freevps/<id> with payload/ and enter/ below on cgroup v2, and
 * freevps/<id> on each v1 hierarchy that has one of the controllers we use. Knows
 * nothing of what a context is.
 */
#ifndef VPS_CGROUP_H
#define VPS_CGROUP_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vps.h"

enum vps_controller {
	VPS_CTL_PIDS,
	VPS_CTL_MEMORY,
	VPS_CTL_CPU,
	VPS_CTL_IO,
	VPS_CTL_COUNT,
};

/**
 * struct vps_cgroups - where control groups are on this machine
 * @root: the cgroup2 mount
 * @parent_fd: the group of all contexts, freevps; -1 while it does not exist
 * @v1: mount of each controller that is bound to v1, "" otherwise
 * @v1_fd: the freevps group there; -1 while it does not exist
 */
struct vps_cgroups {
	char root[PATH_MAX];
	int parent_fd;
	char v1[VPS_CTL_COUNT][PATH_MAX];
	int v1_fd[VPS_CTL_COUNT];
};

/* -ENODEV no cgroup2 is mounted. */
int vps_cgroups_open(struct vps_cgroups *cg);
void vps_cgroups_close(struct vps_cgroups *cg);

/* Makes the parent groups and turns the controllers on for what is below. */
int vps_cgroups_make_parent(struct vps_cgroups *cg, struct vps_fault *fault);

/* The directory of the groups of all contexts; NULL where there is none, or it cannot be read. */
DIR *vps_groups_open(const struct vps_cgroups *cg);

/* The next group of a context in it; NULL behind the last. */
struct dirent *vps_groups_next(DIR *groups, uint32_t *ret_id);

/* Is there a group of this number, wherever it is? */
bool vps_group_is_there(const struct vps_cgroups *cg, uint64_t cgroup_id);

/* The directory freevps/<id> on v2. -ENOENT. */
int vps_group_open(const struct vps_cgroups *cg, uint32_t id);

/*
 * The directory freevps/<id>, new and with nothing in it: a descriptor, or -EEXIST. The rest is
 * made by vps_group_fill(). Half of it is left on failure: vps_group_remove() takes that away too.
 */
int vps_group_make(struct vps_cgroups *cg, uint32_t id, struct vps_fault *fault);
int vps_group_fill(struct vps_cgroups *cg, uint32_t id, int group, struct vps_fault *fault);

/* Is it, to a FreeVPS kernel, a group of a context? */
bool vps_group_is_context(int group);

/* -EBUSY it has processes. Absent parts are no error. */
int vps_group_remove(const struct vps_cgroups *cg, uint32_t id);

/* Gives payload/ of @id to the user ids that begin at @base. */
int vps_group_delegate(int group, uid_t base);

/* Directory of @id that holds the files of @controller; -ENOTSUP without it. */
int vps_group_of_controller(const struct vps_cgroups *cg, uint32_t id,
			    enum vps_controller controller);

/* Which cgroup version has @controller; 0: none. */
int vps_controller_version(const struct vps_cgroups *cg, enum vps_controller controller);

/* Do contexts get @controller? False where it is not turned on for what is below freevps. */
bool vps_controller_reaches(const struct vps_cgroups *cg, enum vps_controller controller);

/* Does a group with @controller have @file here? True while there is no group to look at. */
bool vps_controller_has_file(const struct vps_cgroups *cg, enum vps_controller controller,
			     const char *file);

/* The kernel's own number of a group, which it never uses again. */
int vps_group_cgroup_id(int group, uint64_t *ret_id);

/* The number in @file, or behind @field ("max 3") in it. -ENODATA, -ENOENT. */
int vps_group_number(int group, const char *file, const char *field, uint64_t *ret_value);

/* The sum of that over the group and all below. */
int vps_group_sum(int group, const char *file, const char *field, uint64_t *ret_value);

/**
 * struct vps_join - open cgroup.procs of all groups of a context
 *
 * Written by the host's root: who is inside already has no say in who joins, nor has a process
 * that has lost rights on its way in.
 */
struct vps_join {
	int fds[1 + VPS_CTL_COUNT];
};

/* @part is "payload" or "enter". */
int vps_join_open(const struct vps_cgroups *cg, uint32_t id, const char *part,
		  struct vps_join *ret_join);
int vps_join_process(const struct vps_join *join, pid_t pid);
void vps_join_close(struct vps_join *join);

/* Host pids of every process in the group and below. */
int vps_group_pids(int group, pid_t **ret_pids, size_t *ret_count);

/* 1 or 0: @field ("populated", "frozen") of cgroup.events. */
int vps_group_event(int group, const char *field);

/* Waits until @field is @value. -ETIMEDOUT; @timeout_ms < 0 is for ever. */
int vps_group_wait(int group, const char *field, int value, int timeout_ms);

/* Path of the v2 group of @pid (0: this process) below the mount, "/..." . -ESRCH, -ENOTSUP. */
int vps_group_of_process(pid_t pid, char *buf, size_t size);

/* Number of context of such a path; VPS_ID_HOST for others. */
uint32_t vps_group_id_of_path(const char *path);

#endif /* VPS_CGROUP_H */
