// SPDX-License-Identifier: GPL-2.0-or-later
/* Reports against the same worked out by SQL from the rows alone. */
#include <sys/stat.h>

#include "ledger.h"

static char dir[] = "/tmp/vps-report.XXXXXX";
static struct vps_fault fault;
static struct fake fake;
static struct vps_harvest_source source;
static struct vps_ledger *ledger;

#define PATH "state/traffic.db"

static void fresh(void)
{
	vps_ledger_close(ledger);
	ledger = NULL;
	unlink(PATH);
	unlink(PATH "-wal");
	unlink(PATH "-shm");
	must(!vps_ledger_open(PATH, true, 20000, &ledger, &fault), "open");
	fake_init(&fake);
	source = fake_source(&fake);
}

static void harvest(uint64_t now)
{
	struct vps_harvest result;
	int rc = vps_ledger_harvest(ledger, &source, now, &result, &fault);

	if (rc)
		printf("# harvest: %s: %s\n", fault.step, strerror(-rc));
	must(!rc, "harvest");
}

static void run_sql(const char *sql)
{
	sqlite3 *db;
	char *said = NULL;

	must(sqlite3_open(PATH, &db) == SQLITE_OK, PATH);
	if (sqlite3_exec(db, sql, NULL, NULL, &said) != SQLITE_OK)
		printf("# %s: %s\n", sql, said);
	must(!said, "sql");
	sqlite3_close(db);
}

/* ---- a report as text ------------------------------------------- */

static FILE *text;

static int print_row(const struct vps_report_row *row, void *data)
{
	(void)data;
	fprintf(text, "%llu %u '%s' %s %llu %llu %llu %llu %u %llu %llu\n",
		(unsigned long long)row->start, row->id, row->name, row->class ?: "-",
		(unsigned long long)row->count.in, (unsigned long long)row->count.out,
		(unsigned long long)row->count.in_packets,
		(unsigned long long)row->count.out_packets, row->hours,
		(unsigned long long)row->in_95, (unsigned long long)row->out_95);
	return 0;
}

/* Freed by the caller. */
static char *report(const struct vps_report_spec *spec)
{
	char *out = NULL;
	size_t size;

	text = open_memstream(&out, &size);
	must(text, "open_memstream");
	must(!vps_ledger_report(ledger, spec, print_row, NULL, &fault), "report");
	fclose(text);
	return out;
}

/*
 * The same of all VPSes and times without a line of the library's: ?1 class, ?2 0: all together,
 * 1: that class, 2: each. %s is where a period begins.
 */
static const char in_sql[] =
	"WITH u AS MATERIALIZED (SELECT %s AS p, hour, vps, CASE ?2 WHEN 0 THEN 0 ELSE class END AS"
	" k, sum(bytes_in) AS i, sum(bytes_out) AS o, sum(packets_in) AS pi, sum(packets_out) AS po"
	" FROM usage GROUP BY hour, vps, k),"
	" h AS MATERIALIZED (SELECT DISTINCT p, vps, hour FROM u),"
	" k AS MATERIALIZED (SELECT DISTINCT p, vps, k FROM u),"
	" v AS (SELECT h.p, h.vps, k.k, h.hour, ifnull(u.i, 0) AS i, ifnull(u.o, 0) AS o,"
	" ifnull(pi, 0) AS pi, ifnull(po, 0) AS po FROM h JOIN k ON k.p = h.p AND k.vps = h.vps"
	" LEFT JOIN u ON u.hour = h.hour AND u.vps = h.vps AND u.k = k.k),"
	" r AS (SELECT *, count(*) OVER (PARTITION BY p, vps, k) AS n,"
	" row_number() OVER (PARTITION BY p, vps, k ORDER BY i) AS ri,"
	" row_number() OVER (PARTITION BY p, vps, k ORDER BY o) AS ro FROM v)"
	" SELECT format('%%d %%d ''%%s'' %%s %%d %%d %%d %%d %%d %%d %%d', p, ctx, vps.name,"
	" CASE ?2 WHEN 0 THEN '-' ELSE class.name END, sum(i), sum(o), sum(pi), sum(po), n,"
	" sum(i * (ri = (n * 95 + 99) / 100)) / 450, sum(o * (ro = (n * 95 + 99) / 100)) / 450)"
	" FROM r JOIN vps ON vps.id = r.vps LEFT JOIN class ON class.id = k"
	" WHERE ?2 <> 1 OR class.name = ?1"
	" GROUP BY p, r.vps, k ORDER BY p, vps.name, ctx, class.name";

static const char *const begins[] = {
	[VPS_PERIOD_HOUR] = "hour * 3600",
	[VPS_PERIOD_DAY] = "unixepoch(hour * 3600, 'unixepoch', 'start of day')",
	[VPS_PERIOD_MONTH] = "unixepoch(hour * 3600, 'unixepoch', 'start of month')",
};

static char *work_out(const struct vps_report_spec *spec)
{
	sqlite3_stmt *stmt = NULL;
	char *out = NULL, sql[4096];
	size_t size;
	sqlite3 *db;
	FILE *file = open_memstream(&out, &size);

	must(file && sqlite3_open(PATH, &db) == SQLITE_OK, PATH);
	snprintf(sql, sizeof(sql), in_sql, begins[spec->period]);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		printf("# %s\n", sqlite3_errmsg(db));
	must(stmt, "prepare");
	sqlite3_bind_text(stmt, 1, spec->class, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 2, spec->class ? 1 : spec->by_class ? 2 : 0);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		fprintf(file, "%s\n", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	fclose(file);
	return out;
}

/* Is the line of that VPS and time? */
static bool is_asked(const char *line, const struct vps_report_spec *spec)
{
	char name[VPS_NAME_MAX + 1] = "", head[128];
	unsigned long long start;
	unsigned int id;

	/* What sscanf(3) is given it measures to the end. */
	snprintf(head, sizeof(head), "%.*s", (int)strcspn(line, "\n"), line);
	if (sscanf(head, "%llu %u '%64[^']", &start, &id, name) < 2)
		return false;
	return start >= spec->from && start < spec->to &&
	       (spec->id == VPS_ID_ANY || spec->id == id) &&
	       (!spec->name || !strcmp(spec->name, name));
}

static size_t line_length(const char *line)
{
	return strcspn(line, "\n") + 1;
}

/* @got is the lines of @all that are asked for. */
static bool same(const char *got, const char *all, const struct vps_report_spec *spec)
{
	for (; *all; all += line_length(all)) {
		if (!is_asked(all, spec))
			continue;
		if (strncmp(got, all, line_length(all))) {
			printf("# got  '%.*s'\n# want '%.*s'\n", (int)strcspn(got, "\n"), got,
			       (int)strcspn(all, "\n"), all);
			return false;
		}
		got += line_length(got);
	}
	return !*got;
}

/* ---- months of several VPSes -------------------------------------- */

#define BEGIN (MARCH - 2 * DAY)
#define HOURS (34 * 24)

/* One is there always, others come, go, stop and start again, in classes that come and go. */
static void live(void)
{
	unsigned int seed = 3;

	fake_account(&fake, 1, 10, "always");
	fake_account(&fake, 2, 11, "some");
	fake_account(&fake, 3, 11, "number-reused");
	fake_account(&fake, 4, 9, "some");
	fake_account(&fake, 5, 50000, "");
	for (int hour = 0; hour < HOURS; hour++) {
		for (size_t i = 0; i < fake.account_count; i++) {
			struct fake_account *account = &fake.accounts[i];
			bool there = !i || (hour / (int)(100 * i)) % 2;
			size_t class = (size_t)rand_r(&seed) % 7;

			account->ended = !there;
			if (!there)
				continue;
			account->is_forgotten = false;
			/* Only some hours have more than one class. */
			fake_count(account, class < 3 ? class : 0,
				   (uint64_t)rand_r(&seed) * (1 + i), (uint64_t)rand_r(&seed));
			if (class == 6)
				fake_count(account, 1, (uint64_t)rand_r(&seed) / 3, 5);
		}
		/* Some hours are not harvested at all. */
		if (hour % 41)
			harvest(BEGIN + (uint64_t)hour * HOUR + 60);
	}
}

/* Of all VPSes and times what may be asked for, where @spec says the rest. */
static int count_wrong(struct vps_report_spec *spec, const char *all, int *asked)
{
	static const char *const names[] = { NULL, "some", "always", "nobody" };
	static const uint32_t ids[] = { VPS_ID_ANY, 11, 9 };
	static const uint64_t spans[][2] = {
		{ 0, UINT64_MAX },
		{ MARCH - DAY, MARCH + 31 * DAY },
		{ MARCH + 1, MARCH + 31 * DAY + 1 },
	};
	int wrong = 0;

	for (int i = 0; i < 4 * 3 * 3; i++) {
		char *got;

		/* There are many hours, and nothing about them is kept. */
		if (spec->period == VPS_PERIOD_HOUR && i % 5)
			continue;
		spec->name = names[i % 4];
		spec->id = ids[i / 4 % 3];
		spec->from = spans[i / 12][0];
		spec->to = spans[i / 12][1];
		got = report(spec);
		++*asked;
		if (!same(got, all, spec)) {
			printf("# period %d, name %s, id %u, class %s %d, from %llu\n",
			       spec->period, spec->name ?: "-", spec->id, spec->class ?: "-",
			       spec->by_class, (unsigned long long)spec->from);
			wrong++;
		}
		free(got);
	}
	return wrong;
}

/* Every kind of question, against the rows. */
static void is_exact(const char *what)
{
	static const char *const classes[] = { NULL, "each", "other", "peer", "nothing" };
	int wrong = 0, asked = 0;

	for (int i = 0; i < 3 * 5; i++) {
		const char *class = classes[i / 3];
		bool each = class && !strcmp(class, "each");
		struct vps_report_spec spec = {
			.period = (enum vps_period)(i % 3),
			.class = each ? NULL : class,
			.by_class = each,
		};
		char *all = work_out(&spec);

		wrong += count_wrong(&spec, all, &asked);
		free(all);
	}
	is_int(asked, 400, "%s: every kind of question was asked", what);
	is_int(wrong, 0, "%s: all answers are those of the rows", what);
}

/* All months that begin before @to. */
static bool is_right(uint64_t to)
{
	struct vps_report_spec spec = { VPS_PERIOD_MONTH, .to = to, .id = VPS_ID_ANY };
	char *got = report(&spec), *all = work_out(&spec);
	bool right = same(got, all, &spec);

	free(got);
	free(all);
	return right;
}

static void forget_past(void)
{
	run_sql("INSERT INTO open SELECT DISTINCT period, start, 1 FROM past WHERE true"
		" ON CONFLICT DO UPDATE SET next = 1; DELETE FROM past");
}

static int64_t past_rows(void)
{
	return ask(PATH, "SELECT count(*) FROM past");
}

static void test_exact(void)
{
	int64_t kept;

	fresh();
	live();
	kept = past_rows();
	ok(kept > 300, "days and months that are over were added up");
	is_int(ask(PATH, "SELECT count(*) FROM open"), 2, "all but today and this month");
	is_exact("with sums that are kept");
	run_sql("UPDATE past SET bytes_in = bytes_in + 1");
	ok(!is_right(UINT64_MAX), "they are what is told, not worked out again");
	forget_past();
	is_exact("without");
	while (ask(PATH, "SELECT count(*) FROM open") > 2)
		harvest(BEGIN + HOURS * HOUR - 1);
	is_int(past_rows(), kept, "they are added up again");
}

/* ---- clocks and cut periods ----------------------------------------- */

/* Goes on where the sums are kept already. */
static void test_set_back(void)
{
	int64_t kept;

	fresh();
	live();
	kept = past_rows();
	fake_count(&fake.accounts[0], 1, 123456789, 77);
	harvest(MARCH + 5 * DAY);
	ok(past_rows() < kept, "the sums of that day and month are dropped");
	is_int(ask(PATH, "SELECT count(*) FROM open"), 4, "and no others");
	is_exact("set back");
	fake_count(&fake.accounts[0], 1, 1, 1);
	harvest(BEGIN + HOURS * HOUR - 1);
	is_int(past_rows(), kept, "they are added up again");
	ok(is_right(UINT64_MAX), "rightly");
}

static void fill_many(void)
{
	fresh();
	for (uint64_t i = 0; i < 40; i++)
		fake_account(&fake, 1 + i, 100 + (uint32_t)i, "many");
	harvest(MARCH);
	run_sql("INSERT INTO usage WITH RECURSIVE h(hour) AS (SELECT 492312 UNION ALL"
		" SELECT hour + 1 FROM h WHERE hour < 492312 + 743)"
		" SELECT hour, id, 1, abs(random()) % 1000000000, abs(random()) % 1000000000,"
		" abs(random()) % 10000, abs(random()) % 10000 FROM h, vps WHERE true"
		" ON CONFLICT DO NOTHING");
}

static bool is_open(void)
{
	return ask(PATH, "SELECT count(*) FROM open WHERE period = 2 AND start = 492312");
}

/* A month is added up some VPSes at a time, and is told right all the while. */
static void test_bounded(void)
{
	int steps = 0, wrong = 0;

	fill_many();
	fake.account_count = 0;
	while (is_open()) {
		harvest(MARCH + 31 * DAY);
		wrong += !is_right(MARCH + DAY);
		must(++steps < 50, "it ends");
	}
	ok(steps > 1, "a harvest adds up a part of it");
	is_int(wrong, 0, "it is told right all the while");
}

/* While a part of a month is added up, the clock goes back into it. */
static void test_bounded_set_back(void)
{
	fill_many();
	while (ask(PATH, "SELECT next FROM open WHERE period = 2 AND start = 492312") == 1)
		harvest(MARCH + 31 * DAY);
	ok(is_open(), "a part of it is added up");
	fake_count(&fake.accounts[0], 0, 1000000, 1000000);
	harvest(MARCH + 3 * HOUR);
	for (int i = 0; i < 50 && is_open(); i++)
		harvest(MARCH + 31 * DAY);
	ok(!is_open(), "all is added up");
	ok(is_right(MARCH + DAY), "and all of it is right");
}

/* ---- what a row says ---------------------------------------------------- */

static struct vps_report_row last_row;
static char last_class[VPS_CLASS_NAME_MAX + 1];
static int rows;

static int keep_row(const struct vps_report_row *row, void *data)
{
	last_row = *row;
	/* The text is the library's, until this returns. */
	snprintf(last_class, sizeof(last_class), "%s", row->class ?: "");
	rows++;
	return data ? *(int *)data : 0;
}

/* Hours of 450, 900 ... bytes: means of 1, 2 ... bits a second. */
static void is_percentile(int hours, int64_t want)
{
	struct vps_report_spec spec = { VPS_PERIOD_MONTH, .to = UINT64_MAX, .id = VPS_ID_ANY };
	struct fake_account *account;

	fresh();
	account = fake_account(&fake, 1, 5, "web");
	for (int hour = 0; hour < hours; hour++) {
		/* In no order: 7 and the number of hours have nothing in common. */
		fake_count(account, 0, 450 * (uint64_t)(hour * 7 % hours + 1), 0);
		harvest(MARCH + (uint64_t)hour * HOUR);
	}
	rows = 0;
	is_int(vps_ledger_report(ledger, &spec, keep_row, NULL, &fault), 0, "report");
	is_int(rows, 1, "of one month");
	is_int(last_row.hours, hours, "of %d hours", hours);
	is_int(last_row.in_95, want, "95 of 100 of %d hours do not exceed it", hours);
	is_int(last_row.out_95, 0, "of none it is none");
}

static void test_percentile(void)
{
	is_percentile(1, 1);
	is_percentile(2, 2);
	is_percentile(19, 19);
	is_percentile(20, 19);
	is_percentile(40, 38);
	is_percentile(100, 95);
	is_percentile(720, 684);
}

/* A class that is there in few hours has none in the others. */
static void test_percentile_class(void)
{
	struct vps_report_spec spec = {
		VPS_PERIOD_MONTH, .to = UINT64_MAX, .id = VPS_ID_ANY, .class = "peer",
	};
	struct fake_account *account;

	fresh();
	account = fake_account(&fake, 1, 5, "web");
	for (int hour = 0; hour < 40; hour++) {
		fake_count(account, 0, 1, 1);
		/* The counters' row comes with the first traffic, and stays. */
		if (hour >= 37)
			fake_count(account, 2, 4500, 0);
		harvest(MARCH + (uint64_t)hour * HOUR);
	}
	is_int(vps_ledger_report(ledger, &spec, keep_row, NULL, &fault), 0, "report");
	is_int(last_row.hours, 40, "the hours are those of the VPS");
	is_int(last_row.in_95, 10, "in 3 of 40 hours: more than 5 of 100");
	is_str(last_class, "peer", "the class is told");
	run_sql("DELETE FROM usage WHERE hour = (SELECT max(hour) FROM usage) AND class = 3");
	is_int(vps_ledger_report(ledger, &spec, keep_row, NULL, &fault), 0, "report");
	is_int(last_row.in_95, 0, "in 2 of 40: not");
}

/* Classes of an hour are added before hours are compared. */
static void test_percentile_sum(void)
{
	struct vps_report_spec spec = { VPS_PERIOD_DAY, .to = UINT64_MAX, .id = VPS_ID_ANY };
	struct fake_account *account;

	fresh();
	account = fake_account(&fake, 1, 5, "web");
	for (int hour = 0; hour < 20; hour++) {
		fake_count(account, 0, 450 * (uint64_t)hour, 0);
		fake_count(account, 1, 450 * (uint64_t)(20 - hour), 0);
		harvest(MARCH + (uint64_t)hour * HOUR);
	}
	is_int(vps_ledger_report(ledger, &spec, keep_row, NULL, &fault), 0, "report");
	is_int(last_row.in_95, 20, "the sum is the same in each hour");
	is_str(last_class, "", "no class is told");
}

static void test_stopped(void)
{
	struct vps_report_spec spec = { VPS_PERIOD_HOUR, .to = UINT64_MAX, .id = VPS_ID_ANY };
	int stop = -EPIPE;

	rows = 0;
	fault = (struct vps_fault){ 0 };
	is_int(vps_ledger_report(ledger, &spec, keep_row, &stop, &fault), -EPIPE, "stopped");
	is_int(rows, 1, "at once");
	ok(!fault.step, "the words are the caller's");
	stop = 3;
	is_int(vps_ledger_report(ledger, &spec, keep_row, &stop, &fault), 3, "by any number");
	is_int(vps_ledger_report(ledger, &spec, keep_row, NULL, &fault), 0, "and again to its end");
}

static int harvest_meanwhile(const struct vps_report_row *row, void *data)
{
	struct vps_ledger *other = NULL;
	struct vps_harvest result;

	(void)row;
	rows++;
	fake_count(&fake.accounts[0], 0, 1, 1);
	if (vps_ledger_open(PATH, true, 100, &other, &fault) ||
	    vps_ledger_harvest(other, &source, MARCH + DAY + (uint64_t)rows * HOUR, &result,
			       &fault))
		++*(int *)data;
	vps_ledger_close(other);
	return 0;
}

static void test_snapshot(void)
{
	struct vps_report_spec spec = { VPS_PERIOD_HOUR, .to = UINT64_MAX, .id = VPS_ID_ANY };
	int failed = 0;

	rows = 0;
	is_int(vps_ledger_report(ledger, &spec, harvest_meanwhile, &failed, &fault), 0, "report");
	is_int(failed, 0, "harvests go on meanwhile");
	is_int(rows, 20, "and are not in it");
	rows = 0;
	is_int(vps_ledger_report(ledger, &spec, keep_row, NULL, &fault), 0, "report");
	is_int(rows, 40, "but in the next one");
}

int main(void)
{
	must(mkdtemp(dir) && !chdir(dir), dir);
	test_exact();
	test_set_back();
	test_bounded();
	test_bounded_set_back();
	test_percentile();
	test_percentile_class();
	test_percentile_sum();
	test_stopped();
	test_snapshot();
	fresh();
	vps_ledger_close(ledger);
	must(!unlink(PATH) && !rmdir("state") && !chdir("/") && !rmdir(dir), dir);
	return done();
}
