// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A metric has one unit, so that its samples can be compared and summed up; resources that have it
 * in common share the metric and are told apart by a label.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vlimit.h"

enum field { USED, CONSUMED, PEAK, SOFT, HARD, HITS, FIELDS };

static const struct {
	const char *word;
	const char *help;
	bool counter;
} fields[FIELDS] = {
	[USED] = { "used", "What is used of a resource now", false },
	[CONSUMED] = { "consumed", "What was used of a resource since the context was made", true },
	[PEAK] = { "peak", "The most that was used of a resource at once", false },
	[SOFT] = { "soft", "The soft limit of a resource", false },
	[HARD] = { "hard", "The hard limit of a resource", false },
	[HITS] = { "hits", "How often a limit of a resource was met", true },
};

/* Base units, as Prometheus wants them: a CPU is 1. */
static const struct {
	const char *suffix;
	const char *help;
} units[] = {
	[VPS_UNIT_COUNT] = { "", "" },
	[VPS_UNIT_BYTES] = { "_bytes", ", in bytes" },
	[VPS_UNIT_PERCENT] = { "_cpus", ", in CPUs" },
	[VPS_UNIT_WEIGHT] = { "_weight", ", beside other contexts" },
	[VPS_UNIT_US] = { "_seconds", ", in seconds of a CPU" },
	[VPS_UNIT_BYTES_S] = { "_bytes_per_second", ", in bytes a second" },
	[VPS_UNIT_COUNT_S] = { "_per_second", ", in operations a second" },
};

#define UNITS (sizeof(units) / sizeof(*units))

void limit_samples_add(struct limit_samples *samples, const struct vps_context_info *info,
		       const struct vps_resource *resource, const struct vps_limit_state *state)
{
	struct limit_sample *sample;

	if (samples->count == samples->room) {
		samples->room = samples->room ? 2 * samples->room : 64;
		samples->samples = reallocarray(samples->samples, samples->room, sizeof(*sample));
		if (!samples->samples)
			cli_die(cli.failed, -ENOMEM, "metrics");
	}
	sample = &samples->samples[samples->count++];
	sample->id = info->id;
	memcpy(sample->name, info->name, sizeof(sample->name));
	sample->resource = resource;
	sample->state = *state;
}

/* VPS_LIMIT_NONE where there is none of @field in @unit. */
static uint64_t value_of(const struct limit_sample *sample, enum field field, enum vps_unit unit)
{
	const struct vps_resource *resource = sample->resource;
	const struct vps_limit_state *state = &sample->state;
	/* A sum over time is not what a rate is the limit of. */
	bool level = resource->unit == resource->used_unit;

	switch (field) {
	case USED:
		return level && unit == resource->used_unit ? state->used : VPS_LIMIT_NONE;
	case CONSUMED:
		return !level && unit == resource->used_unit ? state->used : VPS_LIMIT_NONE;
	case PEAK:
		return unit == resource->used_unit ? state->peak : VPS_LIMIT_NONE;
	case SOFT:
		return unit == resource->unit ? state->soft : VPS_LIMIT_NONE;
	case HARD:
		return unit == resource->unit ? state->hard : VPS_LIMIT_NONE;
	default:
		return unit == VPS_UNIT_COUNT ? state->hits : VPS_LIMIT_NONE;
	}
}

static void format_value(uint64_t value, enum vps_unit unit, char text[32])
{
	if (value == VPS_LIMIT_INF)
		snprintf(text, 32, "+Inf");
	else if (unit == VPS_UNIT_US)
		snprintf(text, 32, "%" PRIu64 ".%06u", value / 1000000,
			 (unsigned int)(value % 1000000));
	else if (unit == VPS_UNIT_PERCENT)
		snprintf(text, 32, "%" PRIu64 ".%02u", value / 100, (unsigned int)(value % 100));
	else
		snprintf(text, 32, "%" PRIu64, value);
}

static void print_family(const char *metric, enum field field, enum vps_unit unit)
{
	char help[128];

	snprintf(help, sizeof(help), "%s%s.", fields[field].help, units[unit].help);
	cli_metric_family(metric, fields[field].counter ? "counter" : "gauge", help);
}

static void print_metric(const struct limit_samples *samples, enum field field,
			 enum vps_unit unit)
{
	char metric[64], text[32];
	bool begun = false;

	snprintf(metric, sizeof(metric), "vps_limit_%s%s%s", fields[field].word,
		 units[unit].suffix, fields[field].counter ? "_total" : "");
	for (size_t i = 0; i < samples->count; i++) {
		const struct limit_sample *sample = &samples->samples[i];
		const struct cli_label labels[] = {
			{ "resource", sample->resource->name }, { NULL, NULL },
		};
		uint64_t value = value_of(sample, field, unit);

		if (value == VPS_LIMIT_NONE)
			continue;
		if (!begun)
			print_family(metric, field, unit);
		begun = true;
		format_value(value, unit, text);
		cli_metric(metric, sample->id, sample->name, labels, text);
	}
}

void limit_samples_print(struct limit_samples *samples)
{
	for (enum field field = 0; field < FIELDS; field++)
		for (enum vps_unit unit = VPS_UNIT_COUNT; unit < UNITS; unit++)
			print_metric(samples, field, unit);
	cli_metrics_end();
	free(samples->samples);
}
