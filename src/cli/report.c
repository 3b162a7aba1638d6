// SPDX-License-Identifier: GPL-2.0-or-later
/* What the ledger has, as a table. */
#include <errno.h>
#include <inttypes.h>

#include "vtraf.h"

/**
 * struct report - one being filled
 * @classes: there is a column for them
 * @sum: of all rows; @rows: how many
 */
struct report {
	struct cli_table *table;
	enum vps_period period;
	bool human;
	bool classes;
	struct vps_count sum;
	size_t rows;
};

static void add_bytes(const struct report *report, uint64_t bytes)
{
	char text[16];

	cli_table_number(report->table, bytes,
			 report->human ? cli_human_size(bytes, text) : NULL);
}

static void add_rate(const struct report *report, uint64_t bits)
{
	char text[16];

	cli_table_number(report->table, bits,
			 report->human ? cli_human_rate(bits, text) : NULL);
}

static void add_count(const struct report *report, const struct vps_count *count)
{
	add_bytes(report, count->in);
	add_bytes(report, count->out);
	add_bytes(report, count->in + count->out);
}

static int add_row(const struct vps_report_row *row, void *data)
{
	struct report *report = data;
	struct cli_table *table = report->table;
	char text[CLI_PERIOD_TEXT];

	cli_table_string(table, cli_period_text(report->period, row->start, text));
	cli_table_number(table, row->id, NULL);
	cli_table_string(table, row->name);
	if (report->classes)
		cli_table_string(table, row->class ?: "");
	add_count(report, &row->count);
	add_rate(report, row->in_95);
	add_rate(report, row->out_95);
	cli_table_row(table);
	report->sum.in += row->count.in;
	report->sum.out += row->count.out;
	report->rows++;
	return 0;
}

/* Percentiles of different VPSes have no sum. */
static void add_total(const struct report *report)
{
	cli_table_string(report->table, "total");
	cli_table_none(report->table);
	cli_table_none(report->table);
	if (report->classes)
		cli_table_none(report->table);
	add_count(report, &report->sum);
	cli_table_none(report->table);
	cli_table_none(report->table);
	cli_table_row(report->table);
}

static int note_row(const struct vps_report_row *row, void *data)
{
	(void)row;
	*(bool *)data = true;
	return 1;
}

int traffic_was_ever(struct vps_ledger *ledger, const struct vps_report_spec *spec,
		     struct vps_fault *fault)
{
	struct vps_report_spec ever = *spec;
	const char *who;
	bool found = false;
	char number[24];
	int err;

	if (!spec->name && !spec->class && spec->id == VPS_ID_ANY)
		return 0;
	ever.period = VPS_PERIOD_MONTH;
	ever.from = 0;
	ever.to = INT64_MAX;
	err = vps_ledger_report(ledger, &ever, note_row, &found, fault);
	if (err < 0 || found)
		return err < 0 ? err : 0;
	snprintf(number, sizeof(number), "context %" PRIu32, spec->id);
	who = spec->class ?: spec->name;
	cli_warn(0, "%s: nothing of it is in the ledger", who ?: number);
	return -ENOENT;
}

int traffic_report(struct vps_ledger *ledger, const struct vps_report_spec *spec,
		   enum cli_format format, bool human, struct vps_fault *fault)
{
	struct report report = {
		.period = spec->period,
		.human = human,
		.classes = spec->class || spec->by_class,
	};
	const char *columns[10] = { "PERIOD", ">CTX", "NAME" };
	size_t width = 3;
	int err, print_err;

	if (report.classes)
		columns[width++] = "CLASS";
	columns[width++] = ">IN";
	columns[width++] = ">OUT";
	columns[width++] = ">TOTAL";
	columns[width++] = ">IN95";
	columns[width] = ">OUT95";
	report.table = cli_table_new(format, columns);
	err = vps_ledger_report(ledger, spec, add_row, &report, fault);
	if (!err && format == CLI_TABLE)
		add_total(&report);
	print_err = cli_table_print(report.table);
	if (!err && !report.rows)
		err = traffic_was_ever(ledger, spec, fault);
	return err ?: print_err;
}
