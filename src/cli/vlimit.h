/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits as Prometheus reads them. */
#ifndef VPS_CLI_VLIMIT_H
#define VPS_CLI_VLIMIT_H

#include "cli.h"

/* What a context has of one resource. */
struct limit_sample {
	uint32_t id;
	char name[VPS_NAME_MAX + 1];
	const struct vps_resource *resource;
	struct vps_limit_state state;
};

/* All of them, since the samples of a metric stand together. */
struct limit_samples {
	struct limit_sample *samples;
	size_t count, room;
};

void limit_samples_add(struct limit_samples *samples, const struct vps_context_info *info,
		       const struct vps_resource *resource, const struct vps_limit_state *state);

/* Prints them, and frees. */
void limit_samples_print(struct limit_samples *samples);

#endif /* VPS_CLI_VLIMIT_H */
