// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger.h"
#include "util.h"

/* Rows of usage that one harvest adds up at the most: some milliseconds. */
#define CLOSE_ROWS 20000

/* ---- periods, in UTC ------------------------------------ */

/* Hour of the first day of the month of @hour, or of the one that is @later months later. */
static int64_t month_start(int64_t hour, int later)
{
	time_t time = (time_t)hour * 3600;
	struct tm tm;

	gmtime_r(&time, &tm);
	tm = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + later, .tm_mday = 1 };
	return timegm(&tm) / 3600;
}

int64_t vps_period_start(enum vps_period period, int64_t hour)
{
	switch (period) {
	case VPS_PERIOD_MONTH:
		return month_start(hour, 0);
	case VPS_PERIOD_DAY:
		return hour - hour % 24;
	default:
		return hour;
	}
}

int64_t vps_period_end(enum vps_period period, int64_t hour)
{
	switch (period) {
	case VPS_PERIOD_MONTH:
		return month_start(hour, 1);
	case VPS_PERIOD_DAY:
		return hour - hour % 24 + 24;
	default:
		return hour + 1;
	}
}

struct vps_past *vps_pasts_new(struct vps_pasts *pasts)
{
	if (pasts->count == pasts->room) {
		size_t room = pasts->room ? pasts->room * 2 : 256;
		struct vps_past *grown = reallocarray(pasts->pasts, room, sizeof(*grown));

		if (!grown)
			return NULL;
		pasts->pasts = grown;
		pasts->room = room;
	}
	pasts->pasts[pasts->count] = (struct vps_past){ 0 };
	return &pasts->pasts[pasts->count++];
}

/* ---- adding up a span ------------------------------------- */

/**
 * struct bin - what one VPS had of one class
 * @hour: of the last value
 * @in, @out: bytes of each hour in which there was any row; room for all hours of the span
 */
struct bin {
	struct bin *next;
	int64_t class;
	int64_t hour;
	struct vps_count count;
	size_t used;
	uint64_t *in;
	uint64_t *out;
};

/**
 * struct adding - a span that is being added up
 * @bins: lists, one for each VPS of the span; all together is the first of a list
 * @length: hours of the span
 */
struct adding {
	struct bin **bins;
	size_t bin_count;
	size_t length;
	int64_t class;
};

static void free_adding(struct adding *adding)
{
	for (size_t i = 0; adding->bins && i < adding->bin_count; i++) {
		for (struct bin *bin = adding->bins[i], *next; bin; bin = next) {
			next = bin->next;
			free(bin);
		}
	}
	free(adding->bins);
}

static struct bin *find_bin(struct adding *adding, size_t vps, int64_t class)
{
	struct bin **at = &adding->bins[vps], *bin;

	for (; (bin = *at); at = &bin->next)
		if (bin->class == class)
			return bin;
	bin = malloc(sizeof(*bin) + 2 * adding->length * sizeof(uint64_t));
	if (!bin)
		return NULL;
	*bin = (struct bin){ .class = class, .hour = -1 };
	bin->in = (uint64_t *)(bin + 1);
	bin->out = bin->in + adding->length;
	*at = bin;
	return bin;
}

static int add_to_bin(struct adding *adding, size_t vps, int64_t class, int64_t hour,
		      const struct vps_count *count)
{
	struct bin *bin = find_bin(adding, vps, class);

	if (!bin)
		return -ENOMEM;
	if (bin->hour != hour) {
		bin->hour = hour;
		bin->in[bin->used] = 0;
		bin->out[bin->used++] = 0;
	}
	/* They fit where the sum of all does. */
	bin->in[bin->used - 1] += count->in;
	bin->out[bin->used - 1] += count->out;
	return vps_count_add(&bin->count, count);
}

/* What @stmt is at: a row of usage. */
static int add_row(struct adding *adding, const struct vps_span *span, int64_t hour,
		   sqlite3_stmt *stmt)
{
	size_t vps = (size_t)(sqlite3_column_int64(stmt, 0) - span->first);
	int64_t class = sqlite3_column_int64(stmt, 1);
	struct vps_count count;
	int rc;

	vps_sql_column_count(stmt, 2, &count);
	/* All together is needed for the hours in which it was there. */
	rc = add_to_bin(adding, vps, VPS_CLASS_ALL, hour, &count);
	if (rc || (adding->class != VPS_CLASS_EACH && adding->class != class))
		return rc;
	return add_to_bin(adding, vps, class, hour, &count);
}

static int add_hour(struct vps_ledger *ledger, struct adding *adding,
		    const struct vps_span *span, int64_t hour, uint64_t *rows)
{
	sqlite3_stmt *stmt = ledger->read_hour;
	int rc;

	sqlite3_bind_int64(stmt, 1, hour);
	sqlite3_bind_int64(stmt, 2, span->first);
	sqlite3_bind_int64(stmt, 3, span->last);
	while ((rc = vps_sql_step(stmt)) > 0) {
		++*rows;
		rc = add_row(adding, span, hour, stmt);
		if (rc)
			break;
	}
	sqlite3_reset(stmt);
	return rc;
}

static int add_hours(struct vps_ledger *ledger, struct adding *adding,
		     const struct vps_span *span, uint64_t *rows)
{
	int rc = 0;

	if (!ledger->read_hour)
		rc = vps_sql_prepare(ledger->db,
				     "SELECT vps, class, bytes_in, bytes_out, packets_in,"
				     " packets_out FROM usage WHERE hour = ? AND vps >= ?"
				     " AND vps < ? ORDER BY vps, class", &ledger->read_hour);
	for (int64_t hour = span->from; !rc && hour < span->to; hour++)
		rc = add_hour(ledger, adding, span, hour, rows);
	return rc;
}

/* Orders @values so far that the one at @rank is where it would be among sorted ones. */
static uint64_t select_rank(uint64_t *values, size_t count, size_t rank)
{
	size_t low = 0, high = count - 1;

	while (low < high) {
		uint64_t pivot = values[low + (high - low) / 2];
		size_t i = low, k = high;

		for (;;) {
			while (values[i] < pivot)
				i++;
			while (values[k] > pivot)
				k--;
			if (i >= k)
				break;
			uint64_t swap = values[i];

			values[i++] = values[k];
			values[k--] = swap;
		}
		if (rank <= k)
			high = k;
		else
			low = k + 1;
	}
	return values[rank];
}

/* The hours of which nothing is in @values had none. */
static uint64_t percentile(uint64_t *values, size_t count, size_t hours)
{
	size_t rank = (hours * 95 + 99) / 100;
	size_t none = hours - count;

	return rank <= none ? 0 : select_rank(values, count, rank - none - 1);
}

static int append_bins(const struct adding *adding, const struct vps_span *span,
		       struct vps_pasts *pasts)
{
	for (size_t i = 0; i < adding->bin_count; i++) {
		size_t hours = adding->bins[i] ? adding->bins[i]->used : 0;

		for (struct bin *bin = adding->bins[i]; bin; bin = bin->next) {
			struct vps_past *past;

			if (adding->class != VPS_CLASS_EACH && bin->class != adding->class)
				continue;
			past = vps_pasts_new(pasts);
			if (!past)
				return -ENOMEM;
			past->vps = span->first + (int64_t)i;
			past->class = bin->class;
			past->hours = (int64_t)hours;
			past->count = bin->count;
			past->in_95 = percentile(bin->in, bin->used, hours);
			past->out_95 = percentile(bin->out, bin->used, hours);
		}
	}
	return 0;
}

int vps_past_sum(struct vps_ledger *ledger, const struct vps_span *span, int64_t class,
		 struct vps_pasts *pasts, uint64_t *rows)
{
	struct adding adding = {
		.bin_count = (size_t)(span->last - span->first),
		.length = (size_t)(span->to - span->from),
		.class = class,
	};
	int rc;

	adding.bins = calloc(adding.bin_count, sizeof(struct bin *));
	if (!adding.bins)
		return -ENOMEM;
	rc = add_hours(ledger, &adding, span, rows) ?: append_bins(&adding, span, pasts);
	free_adding(&adding);
	return rc;
}

/* ---- what is over ------------------------------------------ */

static int open_period(struct vps_ledger *ledger, enum vps_period period, int64_t hour)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *drop = NULL, *open = NULL;
	int64_t start = vps_period_start(period, hour);
	int rc = vps_sql_prepare(ledger->db, "DELETE FROM past WHERE period = ? AND start = ?",
				 &drop) ?:
		 vps_sql_prepare(ledger->db,
				 "INSERT INTO open VALUES(?, ?, 1) ON CONFLICT DO UPDATE"
				 " SET next = 1 WHERE next > 1", &open);

	if (rc)
		return rc;
	sqlite3_bind_int64(drop, 1, period);
	sqlite3_bind_int64(drop, 2, start);
	sqlite3_bind_int64(open, 1, period);
	sqlite3_bind_int64(open, 2, start);
	return vps_sql_do(drop) ?: vps_sql_do(open);
}

int vps_past_open(struct vps_ledger *ledger, int64_t hour)
{
	return open_period(ledger, VPS_PERIOD_DAY, hour) ?:
	       open_period(ledger, VPS_PERIOD_MONTH, hour);
}

/* 1: there is one that is over at @hour, with VPSes from @ret_next on to add up   0: none */
static int find_over(struct vps_ledger *ledger, enum vps_period period, int64_t hour,
		     int64_t *ret_start, int64_t *ret_next)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc = vps_sql_prepare(ledger->db,
				 "SELECT start, next FROM open WHERE period = ? ORDER BY start"
				 " LIMIT 1", &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, period);
	rc = vps_sql_step(stmt);
	if (rc <= 0)
		return rc;
	*ret_start = sqlite3_column_int64(stmt, 0);
	*ret_next = sqlite3_column_int64(stmt, 1);
	if (*ret_start < 0 || *ret_start > VPS_HOUR_MAX || *ret_next < 1 || *ret_next > VPS_ROW_MAX)
		return -EUCLEAN;
	return vps_period_end(period, *ret_start) <= hour;
}

static int keep_pasts(struct vps_ledger *ledger, enum vps_period period, int64_t start,
		      const struct vps_pasts *pasts)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc = vps_sql_prepare(ledger->db,
				 "INSERT INTO past VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &stmt);

	for (size_t i = 0; !rc && i < pasts->count; i++) {
		const struct vps_past *past = &pasts->pasts[i];

		sqlite3_bind_int64(stmt, 1, period);
		sqlite3_bind_int64(stmt, 2, start);
		sqlite3_bind_int64(stmt, 3, past->class);
		sqlite3_bind_int64(stmt, 4, past->vps);
		sqlite3_bind_int64(stmt, 5, past->hours);
		vps_sql_bind_count(stmt, 6, &past->count);
		sqlite3_bind_int64(stmt, 10, (int64_t)past->in_95);
		sqlite3_bind_int64(stmt, 11, (int64_t)past->out_95);
		rc = vps_sql_do(stmt);
	}
	return rc;
}

/* Notes that the VPSes below @next are done; with @done that all are. */
static int note_next(struct vps_ledger *ledger, enum vps_period period, int64_t start,
		     int64_t next, bool done)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	const char *text = done ? "DELETE FROM open WHERE period = ? AND start = ?" :
				  "UPDATE open SET next = ?3 WHERE period = ?1 AND start = ?2";
	int rc = vps_sql_prepare(ledger->db, text, &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, period);
	sqlite3_bind_int64(stmt, 2, start);
	if (!done)
		sqlite3_bind_int64(stmt, 3, next);
	return vps_sql_do(stmt);
}

static int last_vps(struct vps_ledger *ledger, int64_t *ret_last)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc = vps_sql_prepare(ledger->db, "SELECT max(id) FROM vps", &stmt) ?:
		 vps_sql_step(stmt);

	if (rc < 0)
		return rc;
	*ret_last = sqlite3_column_int64(stmt, 0);
	return 0;
}

/* 1: there may be more to do   0: there is not */
static int close_some(struct vps_ledger *ledger, enum vps_period period, int64_t hour,
		      int64_t last, uint64_t *rows)
{
	_cleanup_(vps_pasts_freep) struct vps_pasts pasts = { 0 };
	struct vps_span span;
	int rc = find_over(ledger, period, hour, &span.from, &span.first);

	if (rc <= 0)
		return rc;
	span.to = vps_period_end(period, span.from);
	span.last = span.first + CLOSE_ROWS / (span.to - span.from);
	/* To look for the rows of an hour is worth a row. */
	*rows += (uint64_t)(span.to - span.from);
	rc = vps_past_sum(ledger, &span, VPS_CLASS_EACH, &pasts, rows) ?:
	     keep_pasts(ledger, period, span.from, &pasts);
	if (!rc)
		rc = note_next(ledger, period, span.from, span.last, span.last > last);
	return rc ?: 1;
}

int vps_past_close(struct vps_ledger *ledger, int64_t hour)
{
	uint64_t rows = 0;
	int64_t last;
	int rc = last_vps(ledger, &last);

	for (int p = VPS_PERIOD_DAY; !rc && p <= VPS_PERIOD_MONTH; p++) {
		do {
			rc = close_some(ledger, (enum vps_period)p, hour, last, &rows);
		} while (rc > 0 && rows < CLOSE_ROWS);
		if (rc > 0)
			return 0;
	}
	return rc;
}
