// SPDX-License-Identifier: GPL-2.0-or-later
/* What pages tell: of the ledger, and of limits. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "pages.h"

/* As much as can be seen on a telephone. */
#define HOURS (7 * 24)
#define DAYS 35
#define MONTHS 24

static noreturn void die_no_memory(void)
{
	cli_die(cli.failed, -ENOMEM, "pages");
}

/* ---- VPSes --------------------------------------------------------------------------- */

/*
 * A name that is one stands for itself, and what no name has is written as its code: a ledger
 * that is damaged leads nobody out of the directory. The number behind the last dash, and that no
 * name is without it, makes files differ; none is index.html.
 */
static char *file_of(const char *name, uint32_t id)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		die_no_memory();
	for (const char *c = name; *c; c++) {
		char letter[2] = { *c, '\0' };

		if (vps_is_name(letter) || (c > name && strchr("._-", *c)))
			putc(*c, out);
		else
			fprintf(out, "=%02X", (unsigned char)*c);
	}
	fprintf(out, "%s%" PRIu32 ".html", *name ? "-" : "", id);
	if (fclose(out))
		die_no_memory();
	return text;
}

static struct subject *find_subject(struct gathered *gathered, const struct vps_report_row *row)
{
	char *file = file_of(row->name, row->id);
	struct subject *subject;

	HASH_FIND_STR(gathered->subjects, file, subject);
	if (subject) {
		free(file);
		return subject;
	}
	subject = calloc(1, sizeof(*subject));
	if (!subject || !(subject->name = strdup(row->name)))
		die_no_memory();
	subject->file = file;
	subject->id = row->id;
	HASH_ADD_KEYPTR(hh, gathered->subjects, subject->file, strlen(subject->file), subject);
	return subject;
}

static int compare_subjects(const void *a, const void *b)
{
	const struct subject *one = a, *two = b;
	int order = strcmp(one->name, two->name);

	return order ?: (one->id > two->id) - (one->id < two->id);
}

/* Not before the last one. */
static void add_row(struct subject *subject, enum vps_period period, const struct chart_row *row)
{
	size_t count = subject->periods[period].count, *room = &subject->periods[period].room;
	struct chart_row *rows = subject->periods[period].rows;

	if (count && rows[count - 1].start == row->start) {
		rows[count - 1].in += row->in;
		rows[count - 1].out += row->out;
		return;
	}
	if (count == *room) {
		*room = *room ? 2 * *room : 32;
		rows = reallocarray(rows, *room, sizeof(*rows));
		if (!rows)
			die_no_memory();
		subject->periods[period].rows = rows;
	}
	rows[count] = *row;
	subject->periods[period].count++;
}

/**
 * struct taking - rows of one report
 */
struct taking {
	struct gathered *gathered;
	enum vps_period period;
};

static int take_row(const struct vps_report_row *row, void *data)
{
	const struct taking *taking = data;
	struct chart_row added = {
		row->start, row->count.in, row->count.out, row->in_95, row->out_95,
	};

	add_row(find_subject(taking->gathered, row), taking->period, &added);
	/* Percentiles of different VPSes have no sum. */
	added.in_95 = added.out_95 = 0;
	add_row(&taking->gathered->all, taking->period, &added);
	return 0;
}

static int take_period(struct vps_ledger *ledger, struct gathered *gathered,
		       enum vps_period period, struct vps_fault *fault)
{
	struct taking taking = { gathered, period };
	struct vps_report_spec spec = {
		.period = period,
		.from = gathered->from[period],
		.to = gathered->to[period],
		.id = VPS_ID_ANY,
		.class = gathered->spec->class,
	};

	return vps_ledger_report(ledger, &spec, take_row, &taking, fault);
}

/* The period that the pages end with is the last of each kind, whole. */
static void find_times(struct gathered *gathered)
{
	static const unsigned int counts[PERIODS] = {
		[VPS_PERIOD_HOUR] = HOURS, [VPS_PERIOD_DAY] = DAYS, [VPS_PERIOD_MONTH] = MONTHS,
	};

	for (enum vps_period period = VPS_PERIOD_HOUR; period <= VPS_PERIOD_MONTH; period++) {
		uint64_t from = gathered->spec->to;

		gathered->to[period] = cli_period_end(period, from - 1);
		for (unsigned int i = 0; i < counts[period] && from; i++)
			from = cli_period_begin(period, from - 1);
		gathered->from[period] = from;
	}
}

static int gather_traffic(struct vps_ledger *ledger, struct gathered *gathered)
{
	struct vps_report_spec ever = { .class = gathered->spec->class, .id = VPS_ID_ANY };
	struct vps_fault fault = { .step = "" };
	int err = traffic_was_ever(ledger, &ever, &fault);

	if (err == -ENOENT)
		return err;
	for (enum vps_period period = VPS_PERIOD_HOUR; !err && period <= VPS_PERIOD_MONTH; period++)
		err = take_period(ledger, gathered, period, &fault);
	if (err)
		cli_warn_fault(err, &fault);
	HASH_SORT(gathered->subjects, compare_subjects);
	return err;
}

/* ---- limits ---------------------------------------------------------------------------- */

static void add_limit(struct gathered *gathered, const struct near_limit *limit)
{
	struct near_limit *limits = reallocarray(gathered->limits, gathered->limit_count + 1,
						 sizeof(*limits));

	if (!limits)
		die_no_memory();
	gathered->limits = limits;
	limits[gathered->limit_count] = *limit;
	limits[gathered->limit_count++].file = file_of(limit->context.name, limit->context.id);
}

static int gather_context(struct gathered *gathered, uint32_t id)
{
	struct vps_host *host = gathered->spec->host;
	struct near_limit limit;
	int err = vps_context_info(host, id, &limit.context);

	for (size_t i = 0; !err && (limit.resource = vps_resource_at(i)); i++) {
		err = vps_limit_get(host, id, limit.resource, &limit.state);
		if (err == -ENOTSUP)
			err = 0;
		else if (!err && cli_limit_is_near(limit.resource, &limit.state,
						   gathered->spec->near))
			add_limit(gathered, &limit);
	}
	return err;
}

/* A context may be gone since it was listed. */
static int gather_limits(struct gathered *gathered)
{
	_cleanup_(cli_freep) uint32_t *ids = NULL;
	size_t count = 0;
	int err = vps_context_list(gathered->spec->host, &ids, &count);

	if (err)
		cli_warn(err, "contexts");
	for (size_t i = 0; !err && i < count; i++) {
		err = gather_context(gathered, ids[i]);
		if (err == -ENOENT || err == -ENODEV)
			err = 0;
		else if (err)
			cli_warn(err, "context %" PRIu32, ids[i]);
	}
	return err;
}

/* ---- all ------------------------------------------------------------------------------- */

int gather(struct vps_ledger *ledger, const struct traffic_pages *spec,
	   struct gathered *ret_gathered)
{
	int err;

	*ret_gathered = (struct gathered){ .spec = spec };
	find_times(ret_gathered);
	err = gather_traffic(ledger, ret_gathered);
	return !err && spec->host ? gather_limits(ret_gathered) : err;
}

static void free_rows(struct subject *subject)
{
	for (size_t i = 0; i < PERIODS; i++)
		free(subject->periods[i].rows);
}

void gather_free(struct gathered *gathered)
{
	struct subject *subject, *next;

	HASH_ITER(hh, gathered->subjects, subject, next) {
		HASH_DEL(gathered->subjects, subject);
		free_rows(subject);
		free(subject->file);
		free(subject->name);
		free(subject);
	}
	free_rows(&gathered->all);
	for (size_t i = 0; i < gathered->limit_count; i++)
		free(gathered->limits[i].file);
	free(gathered->limits);
}

const struct chart_row *gather_month(const struct gathered *gathered,
				     const struct subject *subject)
{
	size_t count = subject->periods[VPS_PERIOD_MONTH].count;
	const struct chart_row *last = subject->periods[VPS_PERIOD_MONTH].rows + count;
	uint64_t month = cli_period_begin(VPS_PERIOD_MONTH, gathered->spec->to - 1);

	return count && (--last)->start == month ? last : NULL;
}
