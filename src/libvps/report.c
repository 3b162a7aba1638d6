// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "util.h"

/* VPSes whose hours are held in memory at once. */
#define SLICE 256

/* bits a second: of bytes in an hour */
#define RATE(bytes) ((bytes) / 450)

/**
 * struct subject - a VPS that a report may tell of
 * @rank: among all of them, by name and then by number
 */
struct subject {
	int64_t vps;
	uint32_t id;
	size_t rank;
	char name[VPS_NAME_MAX + 1];
};

struct class_name {
	int64_t class;
	char name[VPS_CLASS_NAME_MAX + 1];
};

/**
 * struct report - a report that is being made
 * @subjects: those asked for, by @vps
 * @classes: all that there are, by @class
 * @class: of the table, VPS_CLASS_ALL or VPS_CLASS_EACH
 * @is_some: not all VPSes are asked for
 * @from, @to: hours
 */
struct report {
	struct vps_ledger *ledger;
	const struct vps_report_spec *spec;
	struct subject *subjects;
	size_t subject_count;
	struct class_name *classes;
	size_t class_count;
	int64_t class;
	bool is_some;
	int64_t from;
	int64_t to;
	int (*row)(const struct vps_report_row *row, void *data);
	void *data;
	bool is_stopped;
};

/* ---- who and what is asked for ----------------------------- */

static int by_vps(const void *a, const void *b)
{
	const struct subject *one = a, *two = b;

	return one->vps < two->vps ? -1 : one->vps > two->vps;
}

/* 0 in a length that SQLite has not got: what is longer than ours is damaged. */
static int copy_text(sqlite3_stmt *stmt, int column, char *to, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);
	size_t length = text ? strlen((const char *)text) : size;

	if (length >= size)
		return -EUCLEAN;
	memcpy(to, text, length + 1);
	return 0;
}

static int add_subject(struct report *report, sqlite3_stmt *stmt)
{
	struct subject *subject;

	/* Grows to the powers of 2. */
	if (!(report->subject_count & (report->subject_count - 1))) {
		size_t room = report->subject_count ? report->subject_count * 2 : 1;

		subject = reallocarray(report->subjects, room, sizeof(*subject));
		if (!subject)
			return -ENOMEM;
		report->subjects = subject;
	}
	subject = &report->subjects[report->subject_count];
	subject->vps = sqlite3_column_int64(stmt, 0);
	if (subject->vps < 1 || subject->vps > VPS_ROW_MAX)
		return -EUCLEAN;
	subject->id = (uint32_t)sqlite3_column_int64(stmt, 1);
	subject->rank = report->subject_count++;
	return copy_text(stmt, 2, subject->name, sizeof(subject->name));
}

static int load_subjects(struct report *report)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	const struct vps_report_spec *spec = report->spec;
	int rc = vps_sql_prepare(report->ledger->db,
				 "SELECT id, ctx, name FROM vps"
				 " WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR ctx = ?2)"
				 " ORDER BY name, ctx", &stmt);

	if (rc)
		return rc;
	if (spec->name)
		sqlite3_bind_text(stmt, 1, spec->name, -1, SQLITE_STATIC);
	if (spec->id != VPS_ID_ANY)
		sqlite3_bind_int64(stmt, 2, spec->id);
	report->is_some = spec->name || spec->id != VPS_ID_ANY;
	while ((rc = vps_sql_step(stmt)) > 0) {
		rc = add_subject(report, stmt);
		if (rc)
			return rc;
	}
	if (!rc && report->subject_count)
		qsort(report->subjects, report->subject_count, sizeof(struct subject), by_vps);
	return rc;
}

/* 1: the class that is asked for was never seen. */
static int load_classes(struct report *report)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	const char *name = report->spec->class;
	bool found = !name;
	int rc = vps_sql_prepare(report->ledger->db, "SELECT id, name FROM class ORDER BY id",
				 &stmt);

	report->class = report->spec->by_class ? VPS_CLASS_EACH : VPS_CLASS_ALL;
	while (!rc && (rc = vps_sql_step(stmt)) > 0) {
		struct class_name *class = reallocarray(report->classes, report->class_count + 1,
							sizeof(*class));

		if (!class)
			return -ENOMEM;
		report->classes = class;
		class += report->class_count++;
		class->class = sqlite3_column_int64(stmt, 0);
		rc = copy_text(stmt, 1, class->name, sizeof(class->name));
		if (!rc && name && !strcmp(class->name, name)) {
			report->class = class->class;
			found = true;
		}
	}
	return rc ?: !found;
}

static const struct subject *find_subject(const struct report *report, int64_t vps)
{
	struct subject key = { .vps = vps };

	return bsearch(&key, report->subjects, report->subject_count, sizeof(key), by_vps);
}

static const char *find_class(const struct report *report, int64_t class)
{
	for (size_t i = 0; i < report->class_count; i++)
		if (report->classes[i].class == class)
			return report->classes[i].name;
	return NULL;
}

/* ---- one period ---------------------------------------------- */

/* 1: its sums are kept   0: they are not */
static int is_past(struct report *report, int64_t start)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc;

	if (report->spec->period == VPS_PERIOD_HOUR)
		return 0;
	rc = vps_sql_prepare(report->ledger->db,
			     "SELECT 1 FROM open WHERE period = ? AND start = ?", &stmt);
	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, report->spec->period);
	sqlite3_bind_int64(stmt, 2, start);
	rc = vps_sql_step(stmt);
	return rc < 0 ? rc : !rc;
}

static int read_past(struct report *report, const struct vps_span *span, struct vps_pasts *pasts)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	bool each = report->class == VPS_CLASS_EACH;
	int rc = vps_sql_prepare(report->ledger->db,
				 "SELECT vps, class, hours, bytes_in, bytes_out, packets_in,"
				 " packets_out, in_95, out_95 FROM past"
				 " WHERE period = ? AND start = ? AND class >= ? AND class <= ?"
				 " AND vps >= ? AND vps < ?", &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, report->spec->period);
	sqlite3_bind_int64(stmt, 2, span->from);
	sqlite3_bind_int64(stmt, 3, each ? VPS_CLASS_ALL + 1 : report->class);
	sqlite3_bind_int64(stmt, 4, each ? INT64_MAX : report->class);
	sqlite3_bind_int64(stmt, 5, span->first);
	sqlite3_bind_int64(stmt, 6, span->last);
	while ((rc = vps_sql_step(stmt)) > 0) {
		struct vps_past *past = vps_pasts_new(pasts);

		if (!past)
			return -ENOMEM;
		past->vps = sqlite3_column_int64(stmt, 0);
		past->class = sqlite3_column_int64(stmt, 1);
		past->hours = sqlite3_column_int64(stmt, 2);
		vps_sql_column_count(stmt, 3, &past->count);
		past->in_95 = (uint64_t)sqlite3_column_int64(stmt, 7);
		past->out_95 = (uint64_t)sqlite3_column_int64(stmt, 8);
	}
	return rc;
}

static int read_span(struct report *report, bool past, const struct vps_span *span,
		     struct vps_pasts *pasts)
{
	uint64_t rows = 0;

	return past ? read_past(report, span, pasts) :
		      vps_past_sum(report->ledger, span, report->class, pasts, &rows);
}

static int read_period(struct report *report, int64_t start, struct vps_pasts *pasts)
{
	struct vps_span span = { start, vps_period_end(report->spec->period, start), 0, 0 };
	int past = is_past(report, start);
	int rc = past < 0 ? past : 0;

	for (size_t i = 0; !rc && i < report->subject_count; i++) {
		int64_t vps = report->subjects[i].vps;

		if (vps < span.last)
			continue;
		span.first = vps;
		span.last = report->is_some ? vps + 1 : past ? INT64_MAX : vps + SLICE;
		rc = read_span(report, past, &span, pasts);
	}
	return rc;
}

/**
 * struct line - a row before it is told
 */
struct line {
	const struct vps_past *past;
	const struct subject *subject;
	const char *class;
};

static int by_rank(const void *a, const void *b)
{
	const struct line *one = a, *two = b;

	if (one->subject != two->subject)
		return one->subject->rank < two->subject->rank ? -1 : 1;
	return one->class && two->class ? strcmp(one->class, two->class) : 0;
}

static int tell(struct report *report, int64_t start, const struct line *line)
{
	const struct vps_past *past = line->past;
	struct vps_report_row row = {
		.start = (uint64_t)start * 3600,
		.id = line->subject->id,
		.name = line->subject->name,
		.class = line->class,
		.count = past->count,
		.hours = (unsigned int)past->hours,
		.in_95 = RATE(past->in_95),
		.out_95 = RATE(past->out_95),
	};
	int rc = report->row(&row, report->data);

	report->is_stopped = rc != 0;
	return rc;
}

static int tell_period(struct report *report, int64_t start, const struct vps_pasts *pasts)
{
	_cleanup_(freep) struct line *lines = calloc(pasts->count ?: 1, sizeof(*lines));
	size_t count = 0;
	int rc = 0;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < pasts->count; i++) {
		struct line *line = &lines[count];

		line->past = &pasts->pasts[i];
		if (report->class == VPS_CLASS_EACH && line->past->class == VPS_CLASS_ALL)
			continue;
		line->subject = find_subject(report, line->past->vps);
		line->class = find_class(report, line->past->class);
		/* Between those asked for there may be others. */
		if (!line->subject)
			continue;
		count++;
	}
	qsort(lines, count, sizeof(*lines), by_rank);
	for (size_t i = 0; !rc && i < count; i++)
		rc = tell(report, start, &lines[i]);
	return rc;
}

/* ---- all periods ----------------------------------------------- */

/* 1: the first hour from @hour on that has usage   0: there is none */
static int next_hour(sqlite3_stmt *stmt, int64_t hour, int64_t *ret_hour)
{
	int rc;

	sqlite3_bind_int64(stmt, 1, hour);
	rc = vps_sql_step(stmt);
	if (rc > 0)
		*ret_hour = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return rc > 0 && *ret_hour > VPS_HOUR_MAX ? -EUCLEAN : rc;
}

static int tell_periods(struct report *report)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	enum vps_period period = report->spec->period;
	int64_t hour = report->from;
	int rc = vps_sql_prepare(report->ledger->db,
				 "SELECT hour FROM usage WHERE hour >= ? ORDER BY hour LIMIT 1",
				 &stmt);

	if (rc)
		return rc;
	while ((rc = next_hour(stmt, hour, &hour)) > 0) {
		_cleanup_(vps_pasts_freep) struct vps_pasts pasts = { 0 };
		int64_t start = vps_period_start(period, hour);

		hour = vps_period_end(period, start);
		if (start >= report->to)
			return 0;
		/* That of the first hour began before what is asked for. */
		if (start < report->from)
			continue;
		rc = read_period(report, start, &pasts) ?: tell_period(report, start, &pasts);
		if (rc)
			return rc;
	}
	return rc;
}

/* Seconds to the first hour that begins at or after them. */
static int64_t round_up(uint64_t seconds)
{
	return (int64_t)(seconds / 3600 + (seconds % 3600 != 0));
}

int vps_ledger_report(struct vps_ledger *ledger, const struct vps_report_spec *spec,
		      int (*row)(const struct vps_report_row *row, void *data), void *data,
		      struct vps_fault *fault)
{
	struct report report = {
		.ledger = ledger,
		.spec = spec,
		.from = round_up(spec->from),
		.to = round_up(spec->to),
		.row = row,
		.data = data,
	};
	/* One state of the ledger, whoever harvests meanwhile. */
	int rc = vps_sql_begin(ledger->db, "BEGIN");

	if (!rc)
		rc = load_subjects(&report) ?: load_classes(&report);
	if (!rc)
		rc = tell_periods(&report);
	else if (rc > 0)
		rc = 0;
	vps_sql_rollback(ledger->db);
	free(report.subjects);
	free(report.classes);
	return !rc || report.is_stopped ? rc : vps_ledger_fault(fault, rc, ledger->path);
}
