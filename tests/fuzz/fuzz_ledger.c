// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A ledger whose rows say anything that their columns can hold, as after damage or by another's
 * hand: reports, a reset and a harvest are right or fail, by an error that they may have. Of the
 * input each eleven bytes are a row: its table, and a byte for each number.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "vps.h"

#define ROW 11
#define NOW UINT64_C(1772323200)	/* 2026-03-01 00:00 UTC */

static char dir[64], path[80];
static sqlite3 *template;

static const char *const inserts[] = {
	"INSERT OR REPLACE INTO vps"
	" VALUES(?1, ?2, 'a' || char(?3 & 255), ?4, ?5, ?6, ?7, ?8, ?9, 0, 0)",
	"INSERT OR REPLACE INTO usage VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	"INSERT OR REPLACE INTO past VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0)",
	"INSERT OR REPLACE INTO open VALUES(?1, ?2, ?3)",
	"INSERT OR REPLACE INTO account VALUES(?1, ?2, ?3)",
	"INSERT OR REPLACE INTO mark VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	"INSERT OR REPLACE INTO class VALUES(?1, 'c' || char(?2 & 255))",
	"UPDATE state SET harvested = ?1, told = ?2",
};

/* What a byte means: small ones themselves, hours around now, and the ends of what there is. */
static int64_t number(uint8_t byte)
{
	static const int64_t ends[] = {
		INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, INT64_MAX / 3600,
		INT64_MIN / 3600, INT32_MAX, INT32_MIN, UINT32_MAX, 10000000, 9999999, 10000001,
		65534, 65535, NOW, -2,
	};

	if (byte < 64)
		return byte;
	if (byte < 192)
		return (int64_t)(NOW / 3600) + byte - 128;
	return byte < 240 ? -(int64_t)(byte - 191) : ends[byte - 240];
}

static void put_row(sqlite3 *db, const uint8_t *row)
{
	sqlite3_stmt *stmt;

	CHECK(!sqlite3_prepare_v2(db, inserts[*row % ARRAY_SIZE(inserts)], -1, &stmt, NULL));
	for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++)
		CHECK(!sqlite3_bind_int64(stmt, i, number(row[i])));
	sqlite3_step(stmt);	/* a name that is there twice is refused */
	sqlite3_finalize(stmt);
}

/* ---- counters: one account that has had a little ------------------------------ */

static int read_counters(void *data, struct vps_traffic *ret_traffic, struct vps_fault *fault)
{
	struct vps_traffic traffic = {
		.epoch = 1, .account_count = 1, .class_count = 1, .row_count = 1,
	};

	(void)data;
	(void)fault;
	snprintf(traffic.boot, sizeof(traffic.boot), "11111111-1111-4111-8111-111111111111");
	traffic.accounts = calloc(1, sizeof(*traffic.accounts));
	traffic.classes = calloc(1, sizeof(*traffic.classes));
	traffic.rows = calloc(1, sizeof(*traffic.rows));
	CHECK(traffic.accounts && traffic.classes && traffic.rows);
	traffic.accounts[0].key = 1;
	traffic.accounts[0].id = 7;
	snprintf(traffic.accounts[0].name, sizeof(traffic.accounts[0].name), "web");
	snprintf(traffic.classes[0], sizeof(traffic.classes[0]), VPS_CLASS_OTHER);
	traffic.rows[0].count = (struct vps_count){ 1000, 2000, 1, 2 };
	*ret_traffic = traffic;
	return 0;
}

static int forget_counter(void *data, const struct vps_account *account)
{
	(void)data;
	CHECK(account->key == 1);
	return 0;
}

static const struct vps_harvest_source source = { read_counters, forget_counter, NULL };

/* ---- what is asked ------------------------------------------------------------- */

static void check_error(int rc)
{
	CHECK(!rc || rc == -EUCLEAN || rc == -EOVERFLOW || rc == -ERANGE || rc == -EPROTO);
}

static int take_row(const struct vps_report_row *row, void *data)
{
	const struct vps_report_spec *spec = data;

	CHECK(row->name && strlen(row->name) <= 8);
	CHECK(row->start >= spec->from && row->start < spec->to);
	return 0;
}

static int tell(uint32_t id, const char *name, const struct vps_count *count, void *data)
{
	(void)data;
	(void)id;
	CHECK(strlen(name) <= 8 && count);
	return 0;
}

static int flush(void *data)
{
	(void)data;
	return 0;
}

static void ask(struct vps_ledger *ledger)
{
	static const struct vps_reset reset = { tell, flush, NULL };
	struct vps_harvest harvest;
	struct vps_fault fault = { 0 };

	for (int i = 0; i < 6; i++) {
		struct vps_report_spec spec = {
			.period = (enum vps_period)(i % 3), .id = VPS_ID_ANY, .by_class = i >= 3,
			.from = NOW - 40 * 86400, .to = NOW + 40 * 86400,
		};

		check_error(vps_ledger_report(ledger, &spec, take_row, &spec, &fault));
	}
	check_error(vps_ledger_harvest(ledger, &source, NOW, &harvest, &fault));
	check_error(vps_ledger_reset(ledger, &source, NOW + 3600, &reset, &fault));
}

/* ---- the file ------------------------------------------------------------------ */

static void clean_up(void)
{
	unlink(path);
	rmdir(dir);
}

/* An empty ledger, which each input begins with. */
static void begin(void)
{
	struct vps_ledger *ledger;
	struct vps_fault fault = { 0 };
	sqlite3_backup *backup;
	sqlite3 *db;

	snprintf(dir, sizeof(dir), "%s/fuzz.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	CHECK(mkdtemp(dir) && !atexit(clean_up));
	snprintf(path, sizeof(path), "%s/traffic.db", dir);
	CHECK(!vps_ledger_open(path, true, 0, &ledger, &fault));
	vps_ledger_close(ledger);
	CHECK(!sqlite3_open(path, &db) && !sqlite3_open(":memory:", &template));
	backup = sqlite3_backup_init(template, "main", db, "main");
	CHECK(backup && sqlite3_backup_step(backup, -1) == SQLITE_DONE);
	sqlite3_backup_finish(backup);
	sqlite3_close(db);
}

static void fill(const uint8_t *data, size_t size)
{
	sqlite3_backup *backup;
	sqlite3 *db;

	CHECK(!sqlite3_open(path, &db));
	sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	backup = sqlite3_backup_init(db, "main", template, "main");
	CHECK(backup && sqlite3_backup_step(backup, -1) == SQLITE_DONE);
	sqlite3_backup_finish(backup);
	sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
	for (; size >= ROW; data += ROW, size -= ROW)
		put_row(db, data);
	CHECK(!sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
	sqlite3_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vps_ledger *ledger;
	struct vps_fault fault = { 0 };

	if (!template)
		begin();
	fill(data, size);
	CHECK(!vps_ledger_open(path, true, 0, &ledger, &fault));
	ask(ledger);
	vps_ledger_close(ledger);
	return 0;
}
