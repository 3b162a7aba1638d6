// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <string.h>

#include "top.h"

/* What has no rank is there however small the terminal is. */
const struct top_column top_columns[TOP_FIELDS] = {
	[TOP_CTX] = { ">CTX", "ctx", 5, 0, "ctx", 'x' },
	[TOP_CPU] = { ">CPU%", "cpu_percent", 5, 0, "cpu", 'c' },
	[TOP_CPU_HOST] = { ">HOST", "cpu_host_percent", 4, 6, NULL, 0 },
	[TOP_CPU_CAP] = { ">CAP", "cpu_cap_percent", 4, 7, NULL, 0 },
	[TOP_MEM] = { ">MEM", "memory", 5, 1, "mem", 'm' },
	[TOP_MEM_HOST] = { ">HOST", "memory_host_percent", 4, 6, NULL, 0 },
	[TOP_MEM_CAP] = { ">CAP", "memory_cap_percent", 4, 7, NULL, 0 },
	[TOP_PROC] = { ">PROC", "processes", 5, 2, "proc", 'p' },
	[TOP_PROC_HOST] = { ">HOST", "processes_host_percent", 4, 10, NULL, 0 },
	[TOP_PROC_CAP] = { ">CAP", "processes_cap_percent", 4, 9, NULL, 0 },
	[TOP_IN] = { ">IN/s", "in_per_second", 5, 4, "in", 'i' },
	[TOP_OUT] = { ">OUT/s", "out_per_second", 5, 4, "out", 'o' },
	[TOP_NEAR] = { "NEAREST", "nearest_percent", 10, 3, "limit", 'l' },
	[TOP_LOAD1] = { ">LOAD1", "load1", 5, 5, "load", 'a' },
	[TOP_LOAD5] = { ">LOAD5", "load5", 5, 8, NULL, 0 },
	[TOP_LOAD15] = { ">LOAD15", "load15", 6, 8, NULL, 0 },
	[TOP_NAME] = { "NAME", "name", 0, 0, "name", 'n' },
};

/* ---- order ------------------------------------------------------------------------------- */

/* What is not known comes last, whichever way. */
static int compare_values(double x, double y, bool ascending)
{
	if (isnan(x) || isnan(y))
		return isnan(x) - isnan(y);
	return ascending ? (x > y) - (x < y) : (x < y) - (x > y);
}

static int compare(const void *a, const void *b, void *data)
{
	const struct top_row *x = *(struct top_row *const *)a, *y = *(struct top_row *const *)b;
	const struct top_order *order = data;
	enum top_field field = order->field;
	/* Names from A, numbers of contexts from the lowest; all else the most first. */
	bool ascending = (field == TOP_NAME || field == TOP_CTX) != order->reverse;
	int less = field != TOP_NAME ?
		   compare_values(x->values[field], y->values[field], ascending) :
		   strcmp(ascending ? x->name : y->name, ascending ? y->name : x->name);

	return less ?: (x->id > y->id) - (x->id < y->id);
}

struct top_row **top_sort(const struct top *top, const struct top_order *order)
{
	struct top_row **rows = calloc(top->count + 1, sizeof(struct top_row *));

	if (!rows)
		cli_die(cli.failed, -ENOMEM, "contexts");
	for (size_t i = 0; i < top->count; i++)
		rows[i] = &top->rows[i];
	qsort_r(rows, top->count, sizeof(*rows), compare, (void *)order);
	return rows;
}

/* ---- text --------------------------------------------------------------------------------- */

static const char *percent(double value, char buf[80])
{
	snprintf(buf, 80, "%.*f", value < 99.95 ? 1 : 0, value);
	return buf;
}

/* Names are the host's, but files that hold them may have been damaged. */
static const char *clean_name(const char *name, char buf[80])
{
	size_t i;

	for (i = 0; i < 79 && name[i]; i++)
		buf[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
	buf[i] = '\0';
	return i ? buf : "-";
}

static const char *nearest(const struct top_row *row, char buf[80])
{
	snprintf(buf, 80, "%s %.0f%%", row->nearest->name, row->values[TOP_NEAR]);
	return buf;
}

const char *top_text(const struct top_row *row, enum top_field field, char buf[80])
{
	double value = row->values[field];
	char size[16];

	if (field == TOP_NAME)
		return clean_name(row->name, buf);
	if (isnan(value))
		return "-";
	switch (field) {
	case TOP_CTX:
	case TOP_PROC:
		snprintf(buf, 80, "%.0f", value);
		return buf;
	case TOP_MEM:
	case TOP_IN:
	case TOP_OUT:
		snprintf(buf, 80, "%s", cli_human_size((uint64_t)(value + 0.5), size));
		return buf;
	case TOP_NEAR:
		return nearest(row, buf);
	case TOP_LOAD1:
	case TOP_LOAD5:
	case TOP_LOAD15:
		snprintf(buf, 80, "%.2f", value);
		return buf;
	default:
		return percent(value, buf);
	}
}

/* ---- without a screen ------------------------------------------------------------------------ */

static bool is_whole(enum top_field field)
{
	return field == TOP_CTX || field == TOP_MEM || field == TOP_PROC || field == TOP_IN ||
	       field == TOP_OUT;
}

static void add_field(struct cli_table *table, const struct top_row *row, enum top_field field)
{
	double value = row->values[field];
	char buf[80];

	if (field == TOP_NAME)
		cli_table_string(table, row->name);
	else if (isnan(value))
		cli_table_none(table);
	else if (is_whole(field))
		cli_table_number(table, (uint64_t)(value + 0.5), top_text(row, field, buf));
	else
		cli_table_real(table, (double)(uint64_t)(value * 100 + 0.5) / 100,
			       top_text(row, field, buf));
}

/* People see the nearest limit with its percentage, programs beside it. */
static void add_row(struct cli_table *table, const struct top_row *row, bool people)
{
	for (enum top_field field = 0; field < TOP_FIELDS; field++) {
		if (field == TOP_NEAR && !people) {
			if (row->nearest)
				cli_table_string(table, row->nearest->name);
			else
				cli_table_none(table);
		}
		add_field(table, row, field);
	}
	cli_table_row(table);
}

int top_print(const struct top *top, const struct top_order *order, enum cli_format format)
{
	_cleanup_(cli_freep) struct top_row **rows = top_sort(top, order);
	bool people = format == CLI_TABLE;
	const char *columns[TOP_FIELDS + 2];
	struct cli_table *table;
	size_t count = 0;

	for (enum top_field field = 0; field < TOP_FIELDS; field++) {
		if (field == TOP_NEAR && !people)
			columns[count++] = "nearest";
		columns[count++] = people ? top_columns[field].title : top_columns[field].json;
	}
	columns[count] = NULL;
	table = cli_table_new(format, columns);
	for (size_t i = 0; i < top->count; i++)
		add_row(table, rows[i], people);
	return cli_table_print(table);
}
