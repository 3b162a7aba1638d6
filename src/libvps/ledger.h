/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the ledger share: how SQLite is asked, and what its tables mean.
 *
 *   state     one row: the boot of all accounts and marks, the clock of the last harvest, and
 *             whether vps_ledger_reset() was ever called
 *   vps       contexts of one number and name, with what they had in all and what of it was told
 *   class     names; from 1 up, so that 0 can stand for all together
 *   account   of this boot, by the kernel's number of its group
 *   mark      up to where a counter of an account is in usage
 *   usage     what was new in an hour (hours since 1970); a row of zeros: it was there
 *   open      days and months that are not in past, or of which only the VPSes below next are
 *   past      usage of whole days and months, so that a report need not add it up again
 *
 * A period that has usage and is not in open is in past: who writes usage opens its periods in
 * the same transaction.
 */
#ifndef VPS_LEDGER_H
#define VPS_LEDGER_H

#include <sqlite3.h>
#include <stdlib.h>

#include "vps.h"

/**
 * struct vps_ledger - an open ledger
 * @path: for messages
 * @read_hour: prepared once, for vps_past_sum(), which many reports call for each hour
 */
struct vps_ledger {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *read_hour;
};

/* Instead of one of table class. */
#define VPS_CLASS_ALL	INT64_C(0)
#define VPS_CLASS_EACH	INT64_C(-1)

/* ---- SQL (sql.c) --------------------------------------- */

/* The errno of what SQLite said last. */
int vps_sql_errno(sqlite3 *db, int rc);

/* Runs statements that return nothing. */
int vps_sql_run(sqlite3 *db, const char *text);

int vps_sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **ret_stmt);

/* 1: there is a row   0: there is none left */
int vps_sql_step(sqlite3_stmt *stmt);

/* Runs a statement that returns nothing, which can then be bound anew. */
int vps_sql_do(sqlite3_stmt *stmt);

/* Four values from @first on. A value above INT64_MAX is the caller's to refuse. */
void vps_sql_bind_count(sqlite3_stmt *stmt, int first, const struct vps_count *count);
void vps_sql_column_count(sqlite3_stmt *stmt, int first, struct vps_count *ret_count);

/* @what is "BEGIN" or "BEGIN IMMEDIATE". */
int vps_sql_begin(sqlite3 *db, const char *what);
int vps_sql_commit(sqlite3 *db);
/* Does nothing where no transaction is open. */
void vps_sql_rollback(sqlite3 *db);

static inline void vps_sql_finalizep(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}

/* Notes what is wrong with the ledger in words of its own and returns @err. */
int vps_ledger_fault(struct vps_fault *fault, int err, const char *path);

/* Adds, and refuses what a column cannot hold. -EOVERFLOW. */
int vps_count_add(struct vps_count *sum, const struct vps_count *count);

static inline bool vps_count_is_zero(const struct vps_count *count)
{
	return !(count->in | count->out | count->in_packets | count->out_packets);
}

/* Of the clock; what a ledger has above is damaged. */
#define VPS_HOUR_MAX	INT64_C(10000000)

/* Of the number of a VPS, which is counted from 1 up; the same. */
#define VPS_ROW_MAX	(INT64_C(1) << 48)

/* ---- periods and their sums (past.c) --------------------- */

/* The hour in which the period that holds @hour begins, and the one in which the next does. */
int64_t vps_period_start(enum vps_period period, int64_t hour);
int64_t vps_period_end(enum vps_period period, int64_t hour);

/**
 * struct vps_past - what a VPS had of a class in a period
 * @vps, @class: of the tables; class may be VPS_CLASS_ALL
 * @hours: in which the VPS was there, with this class or not
 * @in_95, @out_95: bytes of an hour
 */
struct vps_past {
	int64_t vps;
	int64_t class;
	int64_t hours;
	struct vps_count count;
	uint64_t in_95;
	uint64_t out_95;
};

/**
 * struct vps_pasts - an array of them that grows
 */
struct vps_pasts {
	struct vps_past *pasts;
	size_t count;
	size_t room;
};

/* The next element, all zero; NULL: no memory. */
struct vps_past *vps_pasts_new(struct vps_pasts *pasts);

static inline void vps_pasts_freep(struct vps_pasts *pasts)
{
	free(pasts->pasts);
}

/**
 * struct vps_span - hours and VPSes: those from @from and @first on, below @to and @last
 */
struct vps_span {
	int64_t from;
	int64_t to;
	int64_t first;
	int64_t last;
};

/*
 * vps_past_sum - adds up the usage of a span, which is a period or a part of one, and appends a
 * row for each VPS and class: @class, VPS_CLASS_ALL, or VPS_CLASS_EACH, which is all together too
 * @rows: number of rows of usage it read is added here
 */
int vps_past_sum(struct vps_ledger *ledger, const struct vps_span *span, int64_t class,
		 struct vps_pasts *pasts, uint64_t *rows);

/* Tells that usage of @hour is about to change: its day and its month are not past any more. */
int vps_past_open(struct vps_ledger *ledger, int64_t hour);

/* Adds up some of what is over at @hour: so much that a harvest need not wait for it. */
int vps_past_close(struct vps_ledger *ledger, int64_t hour);

#endif /* VPS_LEDGER_H */
