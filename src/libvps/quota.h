/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Project quotas of ext4 and XFS: a tree whose files all carry the number of one project is
 * counted by the file system itself, and bounded by it.
 */
#ifndef VPS_QUOTA_H
#define VPS_QUOTA_H

#include <stdint.h>

#include "vps.h"

/* NULL when limits of projects hold on the file system of @fd, else why not. */
const char *vps_quota_refusal(int fd);

/* The project of the tree @fd, all of which has been labelled. -ENODATA: it has none. */
int vps_quota_project(int fd, uint32_t *ret_project);

/*
 * vps_quota_label - gives the tree @fd, called @path, a project that no other file has, and labels
 * everything in it; what is made in it later inherits that. Nothing may run in it. Links,
 * fifos and sockets, which cannot be labelled, are made anew.
 */
int vps_quota_label(int fd, const char *path, void (*progress)(uint64_t names, void *data),
		    void *data, uint32_t *ret_project, struct vps_fault *fault);

/**
 * struct vps_quota - of a project
 * @space, @inodes: what its files use, bytes and number
 * @space_max, @inodes_max: limits, or VPS_LIMIT_INF
 */
struct vps_quota {
	uint64_t space;
	uint64_t inodes;
	uint64_t space_max;
	uint64_t inodes_max;
};

int vps_quota_get(int fd, uint32_t project, struct vps_quota *ret_quota);

/* Bytes are rounded down to KiB. */
int vps_quota_set_space(int fd, uint32_t project, uint64_t bytes);
int vps_quota_set_inodes(int fd, uint32_t project, uint64_t inodes);

/* No limit on either. */
int vps_quota_clear(int fd, uint32_t project);

#endif /* VPS_QUOTA_H */
