// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-capacity - what all contexts use and may use together, beside what the host has. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

/* How long CPU time is measured, in microseconds. */
#define MEASURED_US UINT64_C(1000000)

static int human, json, raw;

static const struct poptOption options[] = {
	{ "human", 'h', POPT_ARG_NONE, &human, 0, "sizes with a unit", NULL },
	{ "json", 0, POPT_ARG_NONE, &json, 0, "an array of objects", NULL },
	{ "raw", 0, POPT_ARG_NONE, &raw, 0, "one record a line, plain numbers", NULL },
	POPT_TABLEEND
};

static const char *const columns[] = {
	"RESOURCE", "UNIT", ">USED", ">PROMISED", ">AT MOST", ">NO LIMIT", ">HOST", ">USED%",
	">PROMISED%", NULL
};

/* For programs. */
static const char *const keys[] = {
	"RESOURCE", "UNIT", "USED", "PROMISED", "AT MOST", "NO LIMIT", "HOST", "USED PERCENT",
	"PROMISED PERCENT", NULL
};

/**
 * struct capacity - one resource, summed up over all contexts
 * @used, @promised, @most, @host: VPS_LIMIT_NONE where there is no such number
 * @promised: soft limits, and hard ones where there is no soft one
 * @unlimited: contexts without a limit
 */
struct capacity {
	const struct vps_resource *resource;
	uint64_t used;
	uint64_t promised;
	uint64_t most;
	uint64_t host;
	uint64_t unlimited;
};

/* One look at the host. */
struct look {
	struct vps_host *host;
	const char *trees;
	uint32_t *ids;
	size_t count;
	bool failed;
};

/* ---- adding up ------------------------------------------------------------------------ */

/* What does not fit is as much as can be said; two values above that have a meaning. */
static void add(uint64_t *sum, uint64_t value)
{
	if (value == VPS_LIMIT_NONE)
		return;
	if (*sum == VPS_LIMIT_NONE)
		*sum = 0;
	if (__builtin_add_overflow(*sum, value, sum) || *sum >= VPS_LIMIT_NONE)
		*sum = VPS_LIMIT_NONE - 1;
}

static bool is_limit(uint64_t value)
{
	return value != VPS_LIMIT_INF && value != VPS_LIMIT_NONE;
}

static void add_state(struct capacity *capacity, const struct vps_limit_state *state)
{
	bool hard = is_limit(state->hard);

	add(&capacity->used, state->used);
	if (hard)
		add(&capacity->most, state->hard);
	else
		capacity->unlimited++;
	if (is_limit(state->soft))
		add(&capacity->promised, state->soft);
	else if (hard)
		add(&capacity->promised, state->hard);
}

/* A context may be gone since it was listed; what is not counted of one knows no limit. */
static void add_up(struct look *look, struct capacity *capacity)
{
	struct vps_limit_state state;

	for (size_t i = 0; i < look->count; i++) {
		int err = vps_limit_get(look->host, look->ids[i], capacity->resource, &state);

		if (!err) {
			add_state(capacity, &state);
		} else if (err == -ENOTSUP) {
			capacity->unlimited++;
		} else if (err != -ENOENT && err != -ENODEV) {
			cli_warn(err, "context %u: %s", look->ids[i], capacity->resource->name);
			look->failed = true;
		}
	}
}

/* CPU time is a sum; what there is of CPUs, and limits, are rates. */
static void measure(struct look *look, struct capacity *capacity)
{
	struct capacity before = *capacity;
	int64_t begin;
	uint64_t took;

	add_up(look, &before);
	begin = cli_clock_us();
	usleep(MEASURED_US);
	add_up(look, capacity);
	took = (uint64_t)(cli_clock_us() - begin);
	if (before.used == VPS_LIMIT_NONE || capacity->used == VPS_LIMIT_NONE)
		return;
	/* Who has ended meanwhile took his time with him. */
	if (capacity->used < before.used)
		before.used = capacity->used;
	capacity->used = ((capacity->used - before.used) * 100 + took / 2) / took;
}

static void take(struct look *look, const struct vps_resource *resource,
		 struct capacity *capacity)
{
	int err;

	*capacity = (struct capacity){
		.resource = resource, .used = look->count ? VPS_LIMIT_NONE : 0,
		.promised = 0, .most = 0, .host = VPS_LIMIT_NONE,
	};
	err = vps_resource_capacity(resource, look->trees, &capacity->host);
	if (err && err != -ENODATA && err != -ENOENT) {
		cli_warn(err, "%s", resource->name);
		look->failed = true;
	}
	if (resource->unit == VPS_UNIT_PERCENT)
		measure(look, capacity);
	else
		add_up(look, capacity);
}

/* ---- printing ------------------------------------------------------------------------- */

static void add_value(struct cli_table *table, const struct vps_resource *resource,
		      uint64_t value)
{
	char text[16];

	if (value == VPS_LIMIT_NONE)
		cli_table_none(table);
	else
		cli_table_number(table, value, human && resource->unit == VPS_UNIT_BYTES ?
				 cli_human_size(value, text) : NULL);
}

static void add_share(struct cli_table *table, uint64_t part, uint64_t whole)
{
	if (part == VPS_LIMIT_NONE || whole == VPS_LIMIT_NONE || !whole)
		cli_table_none(table);
	else
		cli_table_number(table, (uint64_t)((double)part * 100 / (double)whole + 0.5), NULL);
}

static void add_row(struct cli_table *table, const struct capacity *capacity)
{
	const struct vps_resource *resource = capacity->resource;

	cli_table_string(table, resource->name);
	cli_table_string(table, vps_unit_name(resource->unit));
	add_value(table, resource, capacity->used);
	add_value(table, resource, capacity->promised);
	add_value(table, resource, capacity->most);
	cli_table_number(table, capacity->unlimited, NULL);
	add_value(table, resource, capacity->host);
	add_share(table, capacity->used, capacity->host);
	add_share(table, capacity->promised, capacity->host);
	cli_table_row(table);
}

/* Of a weight, and of a rate of each disk, there is nothing to add up. */
static bool is_summed_up(struct look *look, const struct vps_resource *resource)
{
	return (resource->unit == resource->used_unit || resource->unit == VPS_UNIT_PERCENT) &&
	       !vps_resource_refusal(look->host, resource);
}

static int print(struct look *look)
{
	enum cli_format format = json ? CLI_JSON : raw ? CLI_RAW : CLI_TABLE;
	struct cli_table *table = cli_table_new(format, json ? keys : columns);
	const struct vps_resource *resource;
	struct capacity capacity;

	for (size_t i = 0; (resource = vps_resource_at(i)); i++) {
		if (!is_summed_up(look, resource))
			continue;
		take(look, resource, &capacity);
		add_row(table, &capacity);
	}
	return cli_table_print(table) || look->failed ? CLI_FAILED : CLI_OK;
}

int main(int argc, char **argv)
{
	const char *trees = getenv("VPS_TREE_DIR");
	struct look look = { .trees = trees && *trees ? trees : VPS_TREE_DIR };
	poptContext popt;
	int operands, err, status;

	cli_init("vps-capacity", CLI_FAILED, CLI_USAGE);
	popt = cli_options(argc, argv, options, "");
	while (cli_next(popt) > 0)
		;
	cli_operands(popt, &operands);
	if (operands)
		cli_usage("takes no operands");
	if (human + json + raw > 1)
		cli_usage("--human, --json and --raw exclude each other");
	look.host = cli_host();
	err = vps_context_list(look.host, &look.ids, &look.count);
	if (err)
		cli_die(CLI_FAILED, err, "contexts");
	status = print(&look);
	free(look.ids);
	vps_host_close(look.host);
	return status;
}
