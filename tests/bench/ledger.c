// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a ledger costs, without counters.
 * ledger fill FILE VPSES HOURS [CLASSES]: a new ledger that was harvested each hour, until now;
 *	what is over is added up, as harvests would have done
 * ledger harvest FILE VPSES TIMES: as many harvests, in which all have counted; prints the
 *	milliseconds of each
 * ledger report FILE hour|day|month [NAME]: prints the rows and the milliseconds of a report
 */
#include <err.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vps.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct vps_ledger *open_ledger(const char *path, bool write)
{
	struct vps_ledger *ledger;
	struct vps_fault fault;
	int rc = vps_ledger_open(path, write, 10000, &ledger, &fault);

	if (rc)
		errx(1, "%s: %s: %s", fault.object, fault.step, strerror(-rc));
	return ledger;
}

/* ---- counters that grow with each reading -------------------- */

struct counters {
	size_t accounts;
	size_t classes;
	uint64_t reads;
};

static int read_counters(void *data, struct vps_traffic *ret_traffic, struct vps_fault *fault)
{
	struct counters *counters = data;
	size_t n = counters->accounts, classes = counters->classes;
	struct vps_traffic traffic = {
		.boot = "00000000-0000-4000-8000-000000000000",
		.epoch = 1,
		.accounts = calloc(n + 1, sizeof(*traffic.accounts)),
		.account_count = n,
		.classes = calloc(classes, sizeof(*traffic.classes)),
		.class_count = classes,
		.rows = calloc(n * classes + 1, sizeof(*traffic.rows)),
	};

	(void)fault;
	if (!traffic.accounts || !traffic.classes || !traffic.rows)
		return -1;
	counters->reads++;
	for (size_t i = 0; i < classes; i++)
		snprintf(traffic.classes[i], sizeof(*traffic.classes), i ? "class%zu" : "other", i);
	for (size_t i = 0; i < n; i++) {
		traffic.accounts[i].key = 1000 + i;
		traffic.accounts[i].id = VPS_ID_MIN + (uint32_t)i;
		snprintf(traffic.accounts[i].name, sizeof(traffic.accounts[i].name), "vps%zu", i);
	}
	for (size_t i = 0; i < n * classes; i++) {
		uint64_t bytes = counters->reads * (i % 997 + 3) * 100003;

		traffic.rows[traffic.row_count++] = (struct vps_traffic_row){
			i / classes, i % classes, { bytes, bytes * 3, bytes / 700, bytes / 400 },
		};
	}
	*ret_traffic = traffic;
	return 0;
}

static int forget_counter(void *data, const struct vps_account *account)
{
	(void)data;
	(void)account;
	return 0;
}

static void harvest(struct vps_ledger *ledger, struct counters *counters, uint64_t when)
{
	struct vps_harvest_source source = { read_counters, forget_counter, counters };
	struct vps_harvest result;
	struct vps_fault fault;
	int rc = vps_ledger_harvest(ledger, &source, when, &result, &fault);

	if (rc)
		errx(1, "%s: %s: %s", fault.object, fault.step, strerror(-rc));
}

/* ---- commands -------------------------------------------------- */

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		errx(1, "%s: %s", sql, sqlite3_errmsg(db));
}

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t result = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		errx(1, "%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		result = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return result;
}

/* Usage alone: harvests of each hour would take an hour. */
static void fill_usage(sqlite3 *db, long long from, long long hours, long long classes)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db,
			       "INSERT INTO usage WITH RECURSIVE k(class) AS (SELECT 1 UNION ALL"
			       " SELECT class + 1 FROM k WHERE class < ?2)"
			       " SELECT ?1, id, class, abs(random()) % 4000000000,"
			       " abs(random()) % 9000000000, abs(random()) % 4000000,"
			       " abs(random()) % 9000000 FROM vps, k WHERE true"
			       " ON CONFLICT DO NOTHING", -1, &stmt, NULL))
		errx(1, "usage: %s", sqlite3_errmsg(db));
	for (long long hour = from; hour < from + hours; hour++) {
		sqlite3_bind_int64(stmt, 1, hour);
		sqlite3_bind_int64(stmt, 2, classes);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			errx(1, "usage: %s", sqlite3_errmsg(db));
		sqlite3_reset(stmt);
	}
	sqlite3_finalize(stmt);
}

static void open_periods(sqlite3 *db)
{
	run(db, "INSERT INTO open SELECT DISTINCT 1, hour / 24 * 24, 1 FROM usage WHERE true"
		" ON CONFLICT DO NOTHING");
	run(db, "INSERT INTO open SELECT DISTINCT 2,"
		" unixepoch(hour * 3600, 'unixepoch', 'start of month') / 3600, 1"
		" FROM (SELECT DISTINCT hour FROM usage) WHERE true ON CONFLICT DO NOTHING");
}

static void fill(const char *path, size_t vpses, long long hours, size_t classes)
{
	struct counters counters = { .accounts = vpses, .classes = classes };
	uint64_t now = (uint64_t)time(NULL);
	struct vps_ledger *ledger = open_ledger(path, true);
	sqlite3 *db;

	harvest(ledger, &counters, now);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL))
		errx(1, "%s: %s", path, sqlite3_errmsg(db));
	run(db, "PRAGMA synchronous = OFF; BEGIN");
	fill_usage(db, (long long)(now / 3600) - hours + 1, hours, (long long)classes);
	open_periods(db);
	run(db, "COMMIT");
	counters.accounts = 0;
	while (number(db, "SELECT count(*) FROM open") > 2)
		harvest(ledger, &counters, now);
	sqlite3_close(db);
	vps_ledger_close(ledger);
}

static void harvests(const char *path, size_t vpses, long long times)
{
	struct counters counters = { .accounts = vpses, .classes = 1 };
	uint64_t now = (uint64_t)time(NULL);

	for (long long i = 0; i < times; i++) {
		double start = now_ms();
		struct vps_ledger *ledger = open_ledger(path, true);

		harvest(ledger, &counters, now + (uint64_t)i * 60);
		vps_ledger_close(ledger);
		printf("%.1f\n", now_ms() - start);
	}
}

static int count_row(const struct vps_report_row *row, void *data)
{
	uint64_t *rows = data;

	(void)row;
	++*rows;
	return 0;
}

static void report(const char *path, const char *period, const char *name)
{
	struct vps_report_spec spec = {
		.period = !strcmp(period, "hour") ? VPS_PERIOD_HOUR :
			  !strcmp(period, "day") ? VPS_PERIOD_DAY : VPS_PERIOD_MONTH,
		.to = UINT64_MAX,
		.name = name,
		.id = VPS_ID_ANY,
	};
	double start = now_ms();
	struct vps_ledger *ledger = open_ledger(path, false);
	struct vps_fault fault;
	uint64_t rows = 0;
	int rc = vps_ledger_report(ledger, &spec, count_row, &rows, &fault);

	if (rc)
		errx(1, "%s: %s: %s", fault.object, fault.step, strerror(-rc));
	vps_ledger_close(ledger);
	printf("%" PRIu64 " rows, %.1f ms\n", rows, now_ms() - start);
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";

	if (argc > 4 && !strcmp(what, "fill"))
		fill(argv[2], (size_t)atol(argv[3]), atol(argv[4]),
		     argc > 5 ? (size_t)atol(argv[5]) : 1);
	else if (argc > 4 && !strcmp(what, "harvest"))
		harvests(argv[2], (size_t)atol(argv[3]), atol(argv[4]));
	else if (argc > 3 && !strcmp(what, "report"))
		report(argv[2], argv[3], argv[4]);
	else
		errx(2, "usage: ledger fill FILE VPSES HOURS [CLASSES] | harvest FILE VPSES TIMES |"
			" report FILE hour|day|month [NAME]");
	return 0;
}
