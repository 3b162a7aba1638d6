/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of what can be limited: what users call it, and in which files of which
 * cgroup version it is, or what else counts it. Everything else treats all resources alike.
 */
#ifndef VPS_RESOURCE_H
#define VPS_RESOURCE_H

#include "cgroup.h"
#include "engine.h"
#include "vps.h"

/**
 * struct vps_knob - the files that hold a resource on one cgroup version
 * @used, @peak, @soft, @hard: names, NULL where there is none
 * @used_field: field of @used; NULL: it is one number
 * @used_on_v2: @used is in the v2 group whatever version the controller has
 * @hits, @hits_fields: file, and the fields whose sum counts; without fields one number
 * @hits_below: where @hits is missing, older kernels have this file, in whose group a
 *	process was refused, so that those of all groups below are summed up
 * @peak_resets: a 0 written to @peak resets it
 * @decode, @encode: between the text of @soft and @hard and the resource's unit;
 *	@argument is theirs
 */
struct vps_knob {
	const char *used;
	const char *peak;
	const char *soft;
	const char *hard;
	const char *used_field;
	bool used_on_v2;
	const char *hits;
	const char *hits_fields[3];
	const char *hits_below;
	bool peak_resets;
	int (*decode)(const char *text, const char *argument, uint64_t *ret_value);
	int (*encode)(int group, const char *file, const char *argument, uint64_t value);
	const char *argument;
};

/**
 * struct vps_metered - whose of what a meter is to tell
 * @id, @group: the context and its v2 group
 */
struct vps_metered {
	const struct vps_host *host;
	const struct vps_meter *meter;
	uint32_t id;
	int group;
};

/**
 * struct vps_meter - what counts a resource in place of a controller
 * @refusal: why this host cannot, or NULL
 * @has_soft: may there be a soft limit? NULL: no
 * @get, @set: -ENODATA when it is not counted, for which @no_data tells what is to be done
 * @check: would @limit, one of @limits that are set together, hold? Before any is set; or NULL
 * @command: what several meters with the same functions are told apart by
 */
struct vps_meter {
	const char *(*refusal)(const struct vps_host *host, const struct vps_meter *meter);
	bool (*has_soft)(const struct vps_host *host);
	int (*get)(const struct vps_metered *of, struct vps_limit_state *ret_state);
	int (*set)(const struct vps_metered *of, const struct vps_limit *limit,
		   struct vps_fault *fault);
	int (*check)(const struct vps_metered *of, const struct vps_limit *limit,
		     const struct vps_limit *limits, size_t count, struct vps_fault *fault);
	const char *no_data;
	uint32_t command;
};

/**
 * struct vps_resource_entry - a row of the table
 * @face: what callers see
 * @meter: what counts it where the engine has no meter of its own; NULL: @controller does, by
 *	@knobs, or where there are none only an engine
 * @knobs: of cgroup v1 and v2; NULL where the version has none
 * @no_v1, @no_soft: why v1 has none; why @knobs[0] has no soft limit
 * @host_total: what the host has of it, for percentages; or NULL
 * @capacity: the same where there are no percentages of it; @trees: a directory on the disk meant
 */
struct vps_resource_entry {
	struct vps_resource face;
	const struct vps_meter *meter;
	enum vps_controller controller;
	const struct vps_knob *knobs[2];
	const char *no_v1;
	const char *no_soft;
	int (*host_total)(uint64_t *ret_total);
	int (*capacity)(const char *trees, uint64_t *ret_total);
};

static inline const struct vps_resource_entry *
vps_resource_entry(const struct vps_resource *resource)
{
	/* The face is the first member of its row. */
	return (const struct vps_resource_entry *)resource;
}

/* The engine's, or the row's, or NULL. */
const struct vps_meter *vps_resource_meter(const struct vps_host *host,
					   const struct vps_resource *resource);

/* ---- codec.c ---------------------------------------------------------------------- */

/* "max" or a number. */
int vps_decode_max(const char *text, const char *argument, uint64_t *ret_value);
int vps_encode_max(int group, const char *file, const char *argument, uint64_t value);

/* Bytes of cgroup v1, whose largest number means none. */
int vps_decode_v1_bytes(const char *text, const char *argument, uint64_t *ret_value);
int vps_encode_v1_bytes(int group, const char *file, const char *argument, uint64_t value);

/* "QUOTA PERIOD" of cpu.max, and cpu.cfs_quota_us beside its period; percent. */
int vps_decode_cpu_max(const char *text, const char *argument, uint64_t *ret_value);
int vps_encode_cpu_max(int group, const char *file, const char *argument, uint64_t value);
int vps_decode_cfs_quota(const char *text, const char *argument, uint64_t *ret_value);
int vps_encode_cfs_quota(int group, const char *file, const char *argument, uint64_t value);

/* cpu.shares, of which 1024 are a weight of 100. */
int vps_decode_shares(const char *text, const char *argument, uint64_t *ret_value);
int vps_encode_shares(int group, const char *file, const char *argument, uint64_t value);

/* The key @argument of io.max, of all disks at once. */
int vps_decode_io_max(const char *text, const char *argument, uint64_t *ret_value);
int vps_encode_io_max(int group, const char *file, const char *argument, uint64_t value);

/* The sum over all disks of field @field of io.stat. */
int vps_sum_io_stat(const char *text, const char *field, uint64_t *ret_value);

#endif /* VPS_RESOURCE_H */
