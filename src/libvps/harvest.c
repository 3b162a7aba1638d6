// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "util.h"

/* Seconds for which an account that has ended must have been silent to be forgotten. */
#define SILENT 3600

/**
 * struct mark - up to where a counter of an account is in usage
 * @changed: the clock when it was last found to have moved
 */
struct mark {
	int64_t account;
	int64_t class;
	int64_t epoch;
	int64_t changed;
	struct vps_count count;
};

/**
 * struct known - an account that an earlier harvest saw in this boot
 */
struct known {
	int64_t key;
	int64_t vps;
	bool ended;
	uint32_t id;
	char name[VPS_NAME_MAX + 1];
};

/**
 * struct change - what one row of the counters brings to a VPS
 * @is_there: the account has not ended
 */
struct change {
	int64_t vps;
	int64_t class;
	bool is_there;
	struct vps_count count;
};

/* Statements that one harvest runs often. */
enum {
	FIND_VPS,
	ADD_VPS,
	SET_ACCOUNT,
	ADD_MARK,
	SET_MARK,
	ADD_USAGE,
	ADD_ZERO,
	ADD_TOTAL,
	STATEMENTS,
};

static const char *const statements[STATEMENTS] = {
	[FIND_VPS] = "SELECT id FROM vps WHERE name = ? AND ctx = ?",
	[ADD_VPS] = "INSERT INTO vps(name, ctx) VALUES(?, ?)",
	[SET_ACCOUNT] = "REPLACE INTO account VALUES(?, ?, ?)",
	[ADD_MARK] = "INSERT INTO mark VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
	[SET_MARK] = "UPDATE mark SET epoch = ?3, changed = ?4, bytes_in = ?5, bytes_out = ?6,"
		     " packets_in = ?7, packets_out = ?8 WHERE account = ?1 AND class = ?2",
	[ADD_USAGE] = "INSERT INTO usage VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
		      " bytes_in = bytes_in + excluded.bytes_in,"
		      " bytes_out = bytes_out + excluded.bytes_out,"
		      " packets_in = packets_in + excluded.packets_in,"
		      " packets_out = packets_out + excluded.packets_out",
	[ADD_ZERO] = "INSERT INTO usage VALUES(?, ?, ?, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
	[ADD_TOTAL] = "UPDATE vps SET bytes_in = bytes_in + ?2, bytes_out = bytes_out + ?3,"
		      " packets_in = packets_in + ?4, packets_out = packets_out + ?5"
		      " WHERE id = ?1",
};

/**
 * struct harvest - one harvest
 * @now, @last: the clock, and that of the last harvest
 * @known, @marks: by key, and by key and class
 * @classes: of the ledger, for each of the counters'
 * @changes: one for each row of the counters
 * @silent: accounts to forget
 */
struct harvest {
	struct vps_ledger *ledger;
	int64_t now;
	int64_t last;
	struct vps_traffic traffic;
	struct known *known;
	size_t known_count;
	struct mark *marks;
	size_t mark_count;
	int64_t *classes;
	struct change *changes;
	size_t change_count;
	const struct vps_account **silent;
	size_t silent_count;
	struct vps_harvest result;
	sqlite3_stmt *sql[STATEMENTS];
};

static int prepare(struct harvest *harvest)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < STATEMENTS; i++)
		rc = vps_sql_prepare(harvest->ledger->db, statements[i], &harvest->sql[i]);
	return rc;
}

/* ---- what the ledger knows ------------------------------------ */

/* The rows of table @what, for an array. */
static int count_rows(struct harvest *harvest, const char *what, size_t *ret_count)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc = vps_sql_prepare(harvest->ledger->db, what, &stmt) ?: vps_sql_step(stmt);

	if (rc < 0)
		return rc;
	*ret_count = (size_t)sqlite3_column_int64(stmt, 0);
	return 0;
}

static int load_accounts(struct harvest *harvest)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	size_t count;
	int rc = count_rows(harvest, "SELECT count(*) FROM account", &count) ?:
		 vps_sql_prepare(harvest->ledger->db,
				 "SELECT key, vps, ended, ctx, name FROM account"
				 " JOIN vps ON id = vps ORDER BY key", &stmt);

	if (rc)
		return rc;
	harvest->known = calloc(count + 1, sizeof(*harvest->known));
	if (!harvest->known)
		return -ENOMEM;
	while ((rc = vps_sql_step(stmt)) > 0 && harvest->known_count < count) {
		struct known *known = &harvest->known[harvest->known_count++];

		known->key = sqlite3_column_int64(stmt, 0);
		known->vps = sqlite3_column_int64(stmt, 1);
		known->ended = sqlite3_column_int(stmt, 2);
		known->id = (uint32_t)sqlite3_column_int64(stmt, 3);
		snprintf(known->name, sizeof(known->name), "%s", sqlite3_column_text(stmt, 4));
	}
	return rc;
}

static int load_marks(struct harvest *harvest)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	size_t count;
	int rc = count_rows(harvest, "SELECT count(*) FROM mark", &count) ?:
		 vps_sql_prepare(harvest->ledger->db,
				 "SELECT account, class, epoch, changed, bytes_in, bytes_out,"
				 " packets_in, packets_out FROM mark ORDER BY account, class",
				 &stmt);

	if (rc)
		return rc;
	harvest->marks = calloc(count + 1, sizeof(*harvest->marks));
	if (!harvest->marks)
		return -ENOMEM;
	while ((rc = vps_sql_step(stmt)) > 0 && harvest->mark_count < count) {
		struct mark *mark = &harvest->marks[harvest->mark_count++];

		mark->account = sqlite3_column_int64(stmt, 0);
		mark->class = sqlite3_column_int64(stmt, 1);
		mark->epoch = sqlite3_column_int64(stmt, 2);
		mark->changed = sqlite3_column_int64(stmt, 3);
		vps_sql_column_count(stmt, 4, &mark->count);
	}
	return rc;
}

/*
 * Accounts of another boot are gone with their counters. Until somebody has asked for what is
 * new, new is what this boot had.
 */
static int begin_boot(struct harvest *harvest, bool was_told)
{
	sqlite3 *db = harvest->ledger->db;
	int rc = vps_sql_run(db, "DELETE FROM account; DELETE FROM mark");

	if (rc || was_told)
		return rc;
	return vps_sql_run(db, "UPDATE vps SET told_bytes_in = bytes_in,"
			   " told_bytes_out = bytes_out, told_packets_in = packets_in,"
			   " told_packets_out = packets_out");
}

static int load_state(struct harvest *harvest)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	bool same_boot, was_told;
	int rc = vps_sql_prepare(harvest->ledger->db,
				 "SELECT harvested, told, boot = ? FROM state", &stmt);

	if (rc)
		return rc;
	sqlite3_bind_text(stmt, 1, harvest->traffic.boot, -1, SQLITE_STATIC);
	rc = vps_sql_step(stmt);
	if (rc <= 0)
		return rc ?: -EUCLEAN;
	harvest->last = sqlite3_column_int64(stmt, 0);
	was_told = sqlite3_column_int(stmt, 1);
	same_boot = sqlite3_column_int(stmt, 2);
	sqlite3_reset(stmt);
	if (harvest->last > harvest->now)
		harvest->result.behind = (uint64_t)(harvest->last - harvest->now);
	return same_boot ? 0 : begin_boot(harvest, was_told);
}

static int save_state(struct harvest *harvest)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc = vps_sql_prepare(harvest->ledger->db, "UPDATE state SET boot = ?, harvested = ?",
				 &stmt);

	if (rc)
		return rc;
	sqlite3_bind_text(stmt, 1, harvest->traffic.boot, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, harvest->now);
	return vps_sql_do(stmt);
}

/* The number in the ledger of each class of the counters. */
static int load_classes(struct harvest *harvest)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *add = NULL, *find = NULL;
	size_t count = harvest->traffic.class_count;
	sqlite3 *db = harvest->ledger->db;
	int rc = vps_sql_prepare(db, "INSERT INTO class(name) VALUES(?) ON CONFLICT DO NOTHING",
				 &add) ?:
		 vps_sql_prepare(db, "SELECT id FROM class WHERE name = ?", &find);

	if (rc)
		return rc;
	harvest->classes = calloc(count + 1, sizeof(*harvest->classes));
	if (!harvest->classes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *name = harvest->traffic.classes[i];

		sqlite3_bind_text(add, 1, name, -1, SQLITE_STATIC);
		sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC);
		rc = vps_sql_do(add) ?: vps_sql_step(find);
		if (rc <= 0)
			return rc ?: -EUCLEAN;
		harvest->classes[i] = sqlite3_column_int64(find, 0);
		sqlite3_reset(find);
	}
	return 0;
}

/* ---- accounts ---------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	const struct known *one = a, *two = b;

	return one->key < two->key ? -1 : one->key > two->key;
}

static int by_account(const void *a, const void *b)
{
	const struct mark *one = a, *two = b;

	if (one->account != two->account)
		return one->account < two->account ? -1 : 1;
	return one->class < two->class ? -1 : one->class > two->class;
}

static struct mark *find_mark(const struct harvest *harvest, int64_t account, int64_t class)
{
	struct mark key = { .account = account, .class = class };

	return bsearch(&key, harvest->marks, harvest->mark_count, sizeof(key), by_account);
}

/* The number in the ledger of a VPS, which is made where there is none. */
static int find_vps(struct harvest *harvest, const struct vps_account *account, int64_t *ret_vps)
{
	sqlite3_stmt *find = harvest->sql[FIND_VPS], *add = harvest->sql[ADD_VPS];
	int rc;

	sqlite3_bind_text(find, 1, account->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(find, 2, account->id);
	rc = vps_sql_step(find);
	if (rc > 0)
		*ret_vps = sqlite3_column_int64(find, 0);
	sqlite3_reset(find);
	if (rc)
		return rc < 0 ? rc : 0;
	sqlite3_bind_text(add, 1, account->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(add, 2, account->id);
	rc = vps_sql_do(add);
	if (!rc)
		*ret_vps = sqlite3_last_insert_rowid(harvest->ledger->db);
	return rc;
}

/* The VPS that an account belongs to; the ledger learns what is new about the account. */
static int match_account(struct harvest *harvest, const struct vps_account *account,
			 int64_t *ret_vps)
{
	sqlite3_stmt *set = harvest->sql[SET_ACCOUNT];
	struct known key = { .key = (int64_t)account->key };
	const struct known *known = bsearch(&key, harvest->known, harvest->known_count,
					    sizeof(key), by_key);
	bool same = known && known->id == account->id && !strcmp(known->name, account->name);
	int rc = 0;

	if (same)
		*ret_vps = known->vps;
	else
		rc = find_vps(harvest, account, ret_vps);
	if (rc || (same && known->ended == account->ended))
		return rc;
	sqlite3_bind_int64(set, 1, key.key);
	sqlite3_bind_int64(set, 2, *ret_vps);
	sqlite3_bind_int64(set, 3, account->ended);
	return vps_sql_do(set);
}

/* ---- counters ------------------------------------------------------ */

/* What is below its mark began anew, and has counted all since. */
static uint64_t new_of(uint64_t value, uint64_t mark)
{
	return value >= mark ? value - mark : value;
}

static int check_count(const struct vps_count *count)
{
	struct vps_count sum = { 0 };

	return vps_count_add(&sum, count);
}

static int write_mark(struct harvest *harvest, const struct mark *mark, bool is_new)
{
	sqlite3_stmt *stmt = is_new ? harvest->sql[ADD_MARK] : harvest->sql[SET_MARK];

	sqlite3_bind_int64(stmt, 1, mark->account);
	sqlite3_bind_int64(stmt, 2, mark->class);
	sqlite3_bind_int64(stmt, 3, mark->epoch);
	sqlite3_bind_int64(stmt, 4, mark->changed);
	vps_sql_bind_count(stmt, 5, &mark->count);
	return vps_sql_do(stmt);
}

/* Writes the mark of a row and what is new of it to @ret_new; 1: it has long been silent. */
static int move_mark(struct harvest *harvest, const struct vps_traffic_row *row,
		     struct vps_count *ret_new)
{
	const struct vps_account *account = &harvest->traffic.accounts[row->account];
	const struct vps_count *count = &row->count;
	struct mark mark = {
		.account = (int64_t)account->key,
		.class = harvest->classes[row->class],
		/* No map has the number 0. */
		.epoch = account->by_engine ? 0 : (int64_t)harvest->traffic.epoch,
		.changed = harvest->now,
		.count = *count,
	};
	struct mark *old = find_mark(harvest, mark.account, mark.class), from = { 0 };
	bool same;

	if (old && old->epoch == mark.epoch)
		from = *old;
	else if (old && account->by_engine)
		from = mark;	/* it was counted by programs as long as there were any */
	*ret_new = (struct vps_count){
		.in = new_of(count->in, from.count.in),
		.out = new_of(count->out, from.count.out),
		.in_packets = new_of(count->in_packets, from.count.in_packets),
		.out_packets = new_of(count->out_packets, from.count.out_packets),
	};
	same = old && old->epoch == mark.epoch && !memcmp(&old->count, count, sizeof(*count));
	/* A clock that was set back must not make it wait for that time to come again. */
	if (same && old->changed <= harvest->now)
		return harvest->now - old->changed >= SILENT;
	return write_mark(harvest, &mark, !old);
}

static int take_row(struct harvest *harvest, const struct vps_traffic_row *row, int64_t vps)
{
	struct change *change = &harvest->changes[harvest->change_count];
	int rc = check_count(&row->count);

	if (rc)
		return rc;
	rc = move_mark(harvest, row, &change->count);
	if (rc < 0)
		return rc;
	change->vps = vps;
	change->class = harvest->classes[row->class];
	change->is_there = !harvest->traffic.accounts[row->account].ended;
	harvest->change_count++;
	return vps_count_add(&harvest->result.count, &change->count) ?: rc;
}

static int take_account(struct harvest *harvest, size_t account, size_t *row)
{
	const struct vps_traffic *traffic = &harvest->traffic;
	bool silent = traffic->accounts[account].ended;
	int64_t vps;
	int rc = match_account(harvest, &traffic->accounts[account], &vps);

	for (; !rc && *row < traffic->row_count && traffic->rows[*row].account == account; ++*row) {
		rc = take_row(harvest, &traffic->rows[*row], vps);
		if (rc < 0)
			return rc;
		silent = silent && rc > 0;
		rc = 0;
	}
	if (!rc && silent)
		harvest->silent[harvest->silent_count++] = &traffic->accounts[account];
	return rc;
}

static int take_accounts(struct harvest *harvest)
{
	const struct vps_traffic *traffic = &harvest->traffic;
	size_t row = 0;
	int rc = 0;

	harvest->changes = calloc(traffic->row_count + 1, sizeof(*harvest->changes));
	harvest->silent = calloc(traffic->account_count + 1, sizeof(*harvest->silent));
	if (!harvest->changes || !harvest->silent)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < traffic->account_count; i++)
		rc = take_account(harvest, i, &row);
	harvest->result.accounts = traffic->account_count;
	return rc;
}

/* ---- usage ------------------------------------------------------------ */

static int by_subject(const void *a, const void *b)
{
	const struct change *one = a, *two = b;

	if (one->vps != two->vps)
		return one->vps < two->vps ? -1 : 1;
	return one->class < two->class ? -1 : one->class > two->class;
}

/* Accounts of one VPS are one there. */
static int merge_changes(struct harvest *harvest)
{
	struct change *changes = harvest->changes;
	size_t used = 0;

	qsort(changes, harvest->change_count, sizeof(*changes), by_subject);
	for (size_t i = 0; i < harvest->change_count; i++) {
		if (used && !by_subject(&changes[used - 1], &changes[i])) {
			int rc = vps_count_add(&changes[used - 1].count, &changes[i].count);

			if (rc)
				return rc;
			changes[used - 1].is_there |= changes[i].is_there;
			continue;
		}
		changes[used++] = changes[i];
	}
	harvest->change_count = used;
	return 0;
}

static int write_usage(struct harvest *harvest, const struct change *change)
{
	bool zero = vps_count_is_zero(&change->count);
	sqlite3_stmt *stmt = zero ? harvest->sql[ADD_ZERO] : harvest->sql[ADD_USAGE];

	if (zero && !change->is_there)
		return 0;
	sqlite3_bind_int64(stmt, 1, harvest->now / 3600);
	sqlite3_bind_int64(stmt, 2, change->vps);
	sqlite3_bind_int64(stmt, 3, change->class);
	if (!zero)
		vps_sql_bind_count(stmt, 4, &change->count);
	return vps_sql_do(stmt);
}

/* All that a VPS ever had must fit, and with it every sum of a part of it. */
static int write_total(struct harvest *harvest, int64_t vps, const struct vps_count *count)
{
	sqlite3_stmt *stmt = harvest->sql[ADD_TOTAL];

	if (vps_count_is_zero(count))
		return 0;
	sqlite3_bind_int64(stmt, 1, vps);
	vps_sql_bind_count(stmt, 2, count);
	return vps_sql_do(stmt);
}

static int write_changes(struct harvest *harvest)
{
	const struct change *changes = harvest->changes;
	struct vps_count sum = { 0 };
	int rc = merge_changes(harvest);

	for (size_t i = 0; !rc && i < harvest->change_count; i++) {
		rc = vps_count_add(&sum, &changes[i].count) ?: write_usage(harvest, &changes[i]);
		if (rc || (i + 1 < harvest->change_count && changes[i + 1].vps == changes[i].vps))
			continue;
		rc = write_total(harvest, changes[i].vps, &sum);
		sum = (struct vps_count){ 0 };
	}
	return rc;
}

/* ---- the whole of it ----------------------------------------------------- */

static int open_hour(struct harvest *harvest)
{
	return vps_past_open(harvest->ledger, harvest->now / 3600);
}

static int close_over(struct harvest *harvest)
{
	return vps_past_close(harvest->ledger, harvest->now / 3600);
}

/* What happens between reading the counters and the end of the transaction. */
static int move_counters(struct harvest *harvest)
{
	static int (*const steps[])(struct harvest *) = {
		load_state, load_accounts, load_marks, load_classes, prepare, take_accounts,
		open_hour, write_changes, close_over, save_state,
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(steps); i++)
		rc = steps[i](harvest);
	return rc;
}

static int remove_account(struct harvest *harvest, uint64_t key)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *account = NULL, *marks = NULL;
	sqlite3 *db = harvest->ledger->db;
	int rc = vps_sql_prepare(db, "DELETE FROM account WHERE key = ?", &account) ?:
		 vps_sql_prepare(db, "DELETE FROM mark WHERE account = ?", &marks);

	if (rc)
		return rc;
	sqlite3_bind_int64(account, 1, (int64_t)key);
	sqlite3_bind_int64(marks, 1, (int64_t)key);
	return vps_sql_do(account) ?: vps_sql_do(marks);
}

/*
 * Only now, when all of it is on the disk. Ended in between, the marks stay until the host boots:
 * what reappears is below them and counts in full.
 */
static int forget(struct harvest *harvest, const struct vps_harvest_source *source)
{
	sqlite3 *db = harvest->ledger->db;
	size_t count = 0;
	int rc;

	for (size_t i = 0; i < harvest->silent_count; i++)
		if (!source->forget(source->data, harvest->silent[i]))
			harvest->silent[count++] = harvest->silent[i];
	harvest->result.forgotten = count;
	if (!count)
		return 0;
	rc = vps_sql_begin(db, "BEGIN IMMEDIATE");
	for (size_t i = 0; !rc && i < count; i++)
		rc = remove_account(harvest, harvest->silent[i]->key);
	if (!rc)
		rc = vps_sql_commit(db);
	vps_sql_rollback(db);
	return rc;
}

static void free_harvest(struct harvest *harvest)
{
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(harvest->sql[i]);
	vps_traffic_free(&harvest->traffic);
	free(harvest->known);
	free(harvest->marks);
	free(harvest->classes);
	free(harvest->changes);
	free(harvest->silent);
}

int vps_ledger_harvest(struct vps_ledger *ledger, const struct vps_harvest_source *source,
		       uint64_t now, struct vps_harvest *ret_harvest, struct vps_fault *fault)
{
	struct harvest harvest = { .ledger = ledger, .now = (int64_t)now };
	int rc;

	if (now / 3600 > VPS_HOUR_MAX)
		return vps_refuse(fault, -ERANGE, "such a clock is not set", "");
	/* The counters are read under the lock: two who harvest would take the same else. */
	rc = vps_sql_begin(ledger->db, "BEGIN IMMEDIATE");
	if (rc)
		return vps_ledger_fault(fault, rc, ledger->path);
	rc = source->read(source->data, &harvest.traffic, fault);
	if (rc) {
		vps_sql_rollback(ledger->db);
		return rc;
	}
	rc = move_counters(&harvest) ?: vps_sql_commit(ledger->db);
	vps_sql_rollback(ledger->db);
	if (!rc)
		rc = forget(&harvest, source);
	free_harvest(&harvest);
	if (rc)
		return vps_ledger_fault(fault, rc, ledger->path);
	*ret_harvest = harvest.result;
	return 0;
}
