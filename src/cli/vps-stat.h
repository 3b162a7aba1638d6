/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What contexts are and use, as Prometheus reads it. */
#ifndef VPS_CLI_VPS_STAT_H
#define VPS_CLI_VPS_STAT_H

#include "cli.h"

/* One context; @uptime_us 0: it does not run. */
struct stat_sample {
	struct vps_context_info info;
	struct vps_usage usage;
	uint64_t uptime_us;
};

/* All of them, since the samples of a metric stand together. */
struct stat_samples {
	struct stat_sample *samples;
	size_t count, room;
};

void stat_samples_add(struct stat_samples *samples, const struct vps_context_info *info,
		      const struct vps_usage *usage, uint64_t uptime_us);

/* Prints them, and frees. */
void stat_samples_print(struct stat_samples *samples);

#endif /* VPS_CLI_VPS_STAT_H */
