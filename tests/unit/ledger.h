/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters that a test sets, and a ledger beside them. */
#ifndef LEDGER_TEST_H
#define LEDGER_TEST_H

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"
#include "vps.h"

#define FAKE_ACCOUNTS 64
#define FAKE_CLASSES 4

/* 2026-03-01 00:00 UTC */
#define MARCH UINT64_C(1772323200)
#define HOUR UINT64_C(3600)
#define DAY (24 * HOUR)

/**
 * struct fake - counters
 * @is_new: has the account a row of the class
 * @is_forgotten: vps_traffic_forget() was called for it; it is not read until it counts again
 */
struct fake_account {
	uint64_t key;
	uint32_t id;
	bool ended;
	bool by_engine;
	bool is_forgotten;
	char name[VPS_NAME_MAX + 1];
	bool has[FAKE_CLASSES];
	struct vps_count counts[FAKE_CLASSES];
};

struct fake {
	char boot[37];
	uint64_t epoch;
	size_t account_count;
	struct fake_account accounts[FAKE_ACCOUNTS];
	const char *classes[FAKE_CLASSES];
	size_t class_count;
	size_t reads;
	size_t forgets;
	int read_error;
	int forget_error;
};

__attribute__((unused))
static void must(bool good, const char *what)
{
	if (!good) {
		printf("Bail out! %s: %s\n", what, strerror(errno));
		exit(99);
	}
}

static void fake_add_rows(const struct fake_account *from, size_t account, struct vps_traffic *to)
{
	for (size_t i = 0; i < FAKE_CLASSES; i++)
		if (!i || from->has[i])
			to->rows[to->row_count++] = (struct vps_traffic_row){
				account, i, from->counts[i],
			};
}

static int fake_read(void *data, struct vps_traffic *ret_traffic, struct vps_fault *fault)
{
	struct vps_traffic traffic = { 0 };
	struct fake *fake = data;

	fake->reads++;
	if (fake->read_error) {
		fault->step = "read the counters";
		return fake->read_error;
	}
	memcpy(traffic.boot, fake->boot, sizeof(traffic.boot));
	traffic.epoch = fake->epoch;
	traffic.accounts = calloc(FAKE_ACCOUNTS, sizeof(*traffic.accounts));
	traffic.classes = calloc(FAKE_CLASSES, sizeof(*traffic.classes));
	traffic.rows = calloc(FAKE_ACCOUNTS * FAKE_CLASSES, sizeof(*traffic.rows));
	must(traffic.accounts && traffic.classes && traffic.rows, "calloc");
	for (; traffic.class_count < fake->class_count; traffic.class_count++)
		snprintf(traffic.classes[traffic.class_count], sizeof(*traffic.classes), "%s",
			 fake->classes[traffic.class_count]);
	for (size_t i = 0; i < fake->account_count; i++) {
		const struct fake_account *from = &fake->accounts[i];
		struct vps_account *to = &traffic.accounts[traffic.account_count];

		if (from->is_forgotten)
			continue;
		to->key = from->key;
		to->id = from->id;
		to->ended = from->ended;
		to->by_engine = from->by_engine;
		memcpy(to->name, from->name, sizeof(to->name));
		fake_add_rows(from, traffic.account_count++, &traffic);
	}
	*ret_traffic = traffic;
	return 0;
}

static int fake_forget(void *data, const struct vps_account *forgotten)
{
	struct fake *fake = data;

	fake->forgets++;
	if (fake->forget_error)
		return fake->forget_error;
	for (size_t i = 0; i < fake->account_count; i++) {
		struct fake_account *account = &fake->accounts[i];

		if (account->key != forgotten->key || account->is_forgotten)
			continue;
		account->is_forgotten = true;
		memset(account->counts, 0, sizeof(account->counts));
		memset(account->has, 0, sizeof(account->has));
		return 0;
	}
	return -ENOENT;
}

__attribute__((unused))
static void fake_init(struct fake *fake)
{
	*fake = (struct fake){
		.boot = "11111111-1111-4111-8111-111111111111",
		.epoch = 1,
		.classes = { VPS_CLASS_OTHER, "local", "peer" },
		.class_count = 3,
	};
}

__attribute__((unused))
static struct fake_account *fake_account(struct fake *fake, uint64_t key, uint32_t id,
					 const char *name)
{
	struct fake_account *account = &fake->accounts[fake->account_count++];

	*account = (struct fake_account){ .key = key, .id = id };
	snprintf(account->name, sizeof(account->name), "%s", name);
	return account;
}

__attribute__((unused))
static void fake_count(struct fake_account *account, size_t class, uint64_t in, uint64_t out)
{
	account->is_forgotten = false;
	account->has[class] = true;
	account->counts[class].in += in;
	account->counts[class].out += out;
	account->counts[class].in_packets += in / 1000;
	account->counts[class].out_packets += out / 1000;
}

__attribute__((unused))
static struct vps_harvest_source fake_source(struct fake *fake)
{
	return (struct vps_harvest_source){ fake_read, fake_forget, fake };
}

/* ---- the file, past the library ---------------------------- */

/* The number that @sql gives; -1 where there is none. */
__attribute__((unused))
static int64_t ask(const char *path, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t number = -1;
	sqlite3 *db;

	must(sqlite3_open(path, &db) == SQLITE_OK, path);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
		if (sqlite3_step(stmt) == SQLITE_ROW)
			number = sqlite3_column_int64(stmt, 0);
	} else {
		printf("# %s: %s\n", sql, sqlite3_errmsg(db));
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return number;
}

#endif /* LEDGER_TEST_H */
