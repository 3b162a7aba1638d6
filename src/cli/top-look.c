// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <string.h>

#include "top.h"

/* Only of what is not on a disk. */
static double capacity(const char *name)
{
	uint64_t total;

	return vps_resource_capacity(vps_resource_find(name), "/", &total) ? 0 : (double)total;
}

void top_open(struct top *top)
{
	*top = (struct top){
		.host = cli_host(), .cpus = capacity("cpu") / 100,
		.memory = capacity("rss"), .procs = capacity("proc"),
	};
}

void top_close(struct top *top)
{
	free(top->rows);
	vps_host_close(top->host);
}

/* ---- one context ------------------------------------------------------------------------ */

static double share(double part, double whole)
{
	return whole > 0 ? part * 100 / whole : NAN;
}

static bool is_limit(uint64_t value)
{
	return value != VPS_LIMIT_INF && value != VPS_LIMIT_NONE;
}

static void note_near(struct top_row *row, const struct vps_resource *resource, double percent)
{
	if (isnan(percent) || (row->nearest && percent <= row->values[TOP_NEAR]))
		return;
	row->nearest = resource;
	row->values[TOP_NEAR] = percent;
}

static void take_level(struct top_row *row, const struct vps_resource *resource,
		       const struct vps_limit_state *state)
{
	uint64_t least = state->soft < state->hard ? state->soft : state->hard;

	if (state->used == VPS_LIMIT_NONE)
		return;
	if (is_limit(least))
		note_near(row, resource, share((double)state->used, (double)least));
	if (!strcmp(resource->name, "proc"))
		row->values[TOP_PROC] = (double)state->used;
	if (!is_limit(state->hard))
		return;
	if (!strcmp(resource->name, "proc"))
		row->values[TOP_PROC_CAP] = share((double)state->used, (double)state->hard);
	if (!strcmp(resource->name, "rss"))
		row->values[TOP_MEM_CAP] = share((double)state->used, (double)state->hard);
}

/* Of a limit in percent of one CPU; what is used of it is known by now. */
static void take_cpu(struct top_row *row, const struct vps_resource *resource,
		     const struct vps_limit_state *state)
{
	if (!is_limit(state->hard))
		return;
	row->values[TOP_CPU_CAP] = share(row->values[TOP_CPU], (double)state->hard);
	note_near(row, resource, row->values[TOP_CPU_CAP]);
}

/* What this host cannot limit is not near a limit. */
static void take_limits(const struct top *top, struct top_row *row)
{
	const struct vps_resource *resource;
	struct vps_limit_state state;

	for (size_t i = 0; (resource = vps_resource_at(i)); i++) {
		if (vps_limit_get(top->host, row->id, resource, &state))
			continue;
		if (resource->unit == VPS_UNIT_PERCENT)
			take_cpu(row, resource, &state);
		else if (resource->unit == resource->used_unit)
			take_level(row, resource, &state);
	}
}

static void take_load(struct top_row *row, const char *text)
{
	double *values = row->values;

	if (sscanf(text, "%lf %lf %lf", &values[TOP_LOAD1], &values[TOP_LOAD5],
		   &values[TOP_LOAD15]) == 3)
		return;
	for (int i = 0; i < 3; i++)
		values[TOP_LOAD1 + i] = row->loads ? top_load_average(&row->load, i) : NAN;
}

static int compare_ids(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* The same context in the look before; or NULL. */
static const struct top_row *find_last(const struct top *top, const struct top_row *row)
{
	const struct top_row *last = !top->count ? NULL :
		bsearch(row, top->rows, top->count, sizeof(*row), compare_ids);

	return last && last->started_us == row->started_us && !strcmp(last->name, row->name) ?
	       last : NULL;
}

/* A counter that is less than it was has begun anew. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
	return now < before ? NAN : (double)(now - before) / seconds;
}

static void take_rates(struct top_row *row, const struct top_row *last, double seconds)
{
	if (!last || seconds <= 0)
		return;
	row->values[TOP_CPU] = rate(row->cpu_us, last->cpu_us, seconds) / 1e4;
	if (!row->counted || !last->counted)
		return;
	row->values[TOP_IN] = rate(row->in, last->in, seconds);
	row->values[TOP_OUT] = rate(row->out, last->out, seconds);
}

static int identify(const struct top *top, uint32_t id, struct top_row *row)
{
	struct vps_context_info info;
	int err = vps_context_info(top->host, id, &info);

	if (err)
		return err;
	*row = (struct top_row){ .id = id, .started_us = info.started_us };
	memcpy(row->name, info.name, sizeof(row->name));
	for (int i = 0; i < TOP_FIELDS; i++)
		row->values[i] = NAN;
	row->values[TOP_CTX] = id;
	return 0;
}

/* All of it but traffic, which is read of all contexts together, and has been. */
static int take_row(const struct top *top, struct top_row *row, int64_t now_us)
{
	const struct top_row *last = find_last(top, row);
	struct vps_usage usage;
	int err = vps_context_usage(top->host, row->id, &usage);

	if (err)
		return err;
	row->cpu_us = usage.user_us + usage.system_us;
	if (last) {
		row->load = last->load;
		row->loads = last->loads;
	}
	take_rates(row, last, (double)(now_us - top->at_us) / 1e6);
	row->values[TOP_MEM] = (double)usage.rss;
	row->values[TOP_PROC] = (double)usage.tasks;
	take_limits(top, row);
	take_load(row, usage.load);
	row->values[TOP_CPU_HOST] = share(row->values[TOP_CPU], top->cpus * 100);
	row->values[TOP_MEM_HOST] = share(row->values[TOP_MEM], top->memory);
	row->values[TOP_PROC_HOST] = share(row->values[TOP_PROC], top->procs);
	return 0;
}

/* ---- all of them ------------------------------------------------------------------------ */

static void count_traffic(struct top_row *rows, size_t count, const struct vps_traffic *traffic)
{
	for (size_t i = 0; i < traffic->row_count; i++) {
		const struct vps_traffic_row *of = &traffic->rows[i];
		const struct vps_account *account = &traffic->accounts[of->account];
		const struct top_row wanted = { .id = account->id };
		struct top_row *row;

		if (account->ended)
			continue;
		row = bsearch(&wanted, rows, count, sizeof(*rows), compare_ids);
		if (!row)
			continue;
		row->in += of->count.in;
		row->out += of->count.out;
		row->counted = true;
	}
}

/* To ask again each time what this host lacks would take longer than all the rest. */
static void read_traffic(struct top *top, struct top_row *rows, size_t count)
{
	struct vps_traffic traffic;
	struct vps_fault fault;

	if (top->no_traffic || !count)
		return;
	if (vps_traffic_read(top->host, &traffic, &fault)) {
		top->no_traffic = true;
		return;
	}
	count_traffic(rows, count, &traffic);
	vps_traffic_free(&traffic);
}

static void keep(struct top *top, struct top_row *rows, size_t count)
{
	int64_t now_us = cli_clock_us();
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!take_row(top, &rows[i], now_us))
			rows[kept++] = rows[i];
	free(top->rows);
	top->rows = rows;
	top->count = kept;
	top->at_us = now_us;
}

int top_look(struct top *top)
{
	_cleanup_(cli_freep) uint32_t *ids = NULL;
	struct top_row *rows;
	size_t count, found = 0;
	int err = vps_context_list(top->host, &ids, &count);

	if (err)
		return err;
	rows = calloc(count + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		found += !identify(top, ids[i], &rows[found]);
	read_traffic(top, rows, found);
	keep(top, rows, found);
	return 0;
}

void top_look_load(struct top *top)
{
	uint64_t active;

	for (size_t i = 0; i < top->count; i++) {
		struct top_row *row = &top->rows[i];

		if (vps_context_active(top->host, row->id, &active))
			continue;
		top_load_add(&row->load, active);
		row->loads++;
	}
}
