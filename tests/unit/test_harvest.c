// SPDX-License-Identifier: GPL-2.0-or-later
/* What is counted once, in which hour, for whom, and to whom it was told. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "ledger.h"

static char dir[] = "/tmp/vps-harvest.XXXXXX";
static struct vps_fault fault;
static struct fake fake;
static struct vps_harvest_source source;
static struct vps_ledger *ledger;

#define PATH "state/traffic.db"

static void open_ledger(void)
{
	vps_ledger_close(ledger);
	ledger = NULL;
	must(!vps_ledger_open(PATH, true, 20000, &ledger, &fault), "open");
}

static void fresh(void)
{
	vps_ledger_close(ledger);
	ledger = NULL;
	unlink(PATH);
	unlink(PATH "-wal");
	unlink(PATH "-shm");
	open_ledger();
	fake_init(&fake);
	source = fake_source(&fake);
}

static struct vps_harvest harvest(uint64_t now, const char *what)
{
	struct vps_harvest result = { 0 };

	is_int(vps_ledger_harvest(ledger, &source, now, &result, &fault), 0, "%s: harvest", what);
	return result;
}

static int64_t total(void)
{
	return ask(PATH, "SELECT ifnull(sum(bytes_in), 0) FROM usage");
}

/* Every sum that the ledger keeps is that of its rows. */
static void is_sound(const char *what)
{
	is_int(ask(PATH, "SELECT count(*) FROM vps WHERE bytes_in <>"
			 " (SELECT ifnull(sum(bytes_in), 0) FROM usage WHERE vps = id)"
			 " OR packets_out <>"
			 " (SELECT ifnull(sum(packets_out), 0) FROM usage WHERE vps = id)"),
	       0, "%s: a VPS has what its hours have", what);
}

/* ---- what is new ---------------------------------------------- */

static void test_delta(void)
{
	struct fake_account *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 7000, 9000);
	got = harvest(MARCH, "first");
	is_int(got.accounts, 1, "accounts");
	is_int(got.count.in, 7000, "all of a new counter is new");
	is_int(got.count.out_packets, 9, "packets too");
	got = harvest(MARCH, "again");
	is_int(got.count.in + got.count.out, 0, "nothing is new twice");
	fake_count(account, 0, 1, 2);
	fake_count(account, 1, 10, 20);
	got = harvest(MARCH + HOUR - 1, "later in the hour");
	is_int(got.count.in, 11, "what was added is new, in each class");
	is_int(got.count.out, 22, "and out");
	is_int(total(), 7011, "the hour has all of it");
	is_int(ask(PATH, "SELECT bytes_out FROM usage JOIN class ON class = id"
			 " WHERE name = 'local'"), 20, "the class is told apart");
	is_int(ask(PATH, "SELECT count(*) FROM usage"), 2, "a row for each class");
	is_int(ask(PATH, "SELECT hour FROM usage"), MARCH / HOUR, "of the hour in UTC");
	fake_count(account, 0, 0, 5);
	harvest(MARCH + HOUR, "the next hour");
	is_int(ask(PATH, "SELECT bytes_out FROM usage ORDER BY hour DESC, class"), 5,
	       "has what came in it");
	is_sound("after hours");
}

/* A field of a row that went back has begun anew; the others have not. */
static void test_went_back(void)
{
	struct fake_account *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 7000, 9000);
	harvest(MARCH, "first");
	account->counts[0].in = 300;
	account->counts[0].out = 9100;
	got = harvest(MARCH, "one went back");
	is_int(got.count.in, 300, "it counts in full");
	is_int(got.count.out, 100, "the other has what was added");
}

static void test_epoch(void)
{
	struct fake_account *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 7000, 9000);
	harvest(MARCH, "first");
	fake.epoch = 2;
	account->counts[0].in = 8000;
	account->counts[0].out = 1;
	got = harvest(MARCH, "the counters began anew");
	is_int(got.count.in, 8000, "above its mark too, all is new");
	is_int(got.count.out, 1, "and below");
	got = harvest(MARCH, "again");
	is_int(got.count.in, 0, "once");
	is_int(total(), 15000, "both epochs count");
	is_sound("after an epoch");
}

/* What the engine alone has counted never begins anew, and programs may have counted it before. */
static void test_by_engine(void)
{
	struct fake_account *own, *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 7000, 9000);
	fake_count(account, 1, 500, 500);
	own = fake_account(&fake, 101, 6, "mail");
	own->ended = own->by_engine = true;
	fake_count(own, 0, 40, 50);
	got = harvest(MARCH, "first");
	is_int(got.count.in, 7540, "both are new");
	fake.epoch = 2;
	memset(account->has, 0, sizeof(account->has));
	account->ended = account->by_engine = true;
	account->counts[0].in = 7500;
	account->counts[0].out = 9500;
	got = harvest(MARCH, "the programs' counters are gone");
	is_int(got.count.in + got.count.out, 0, "what they had counted is not new again");
	got = harvest(MARCH + HOUR, "an hour later");
	is_int(got.count.in + got.count.out, 0, "nor then");
	is_int(got.forgotten, 2, "and both are forgotten");
	is_int(total(), 7540, "each byte is there once");
	is_sound("after all");
}

static void test_boot(void)
{
	struct vps_harvest got;

	fresh();
	fake_count(fake_account(&fake, 100, 5, "web"), 0, 7000, 9000);
	fake_count(fake_account(&fake, 101, 6, "mail"), 0, 10, 10);
	harvest(MARCH, "first");
	fake_init(&fake);
	fake.boot[0] = '2';
	/* The same number of a group, which means nothing now. */
	fake_count(fake_account(&fake, 100, 6, "mail"), 0, 8000, 10000);
	got = harvest(MARCH, "another boot");
	is_int(got.count.in, 8000, "all is new, whatever the marks were");
	is_int(ask(PATH, "SELECT bytes_in FROM vps WHERE name = 'mail'"), 8010, "it goes on");
	is_int(ask(PATH, "SELECT count(*) FROM account"), 1, "accounts of the other boot are gone");
	is_int(ask(PATH, "SELECT count(*) FROM mark"), 1, "with their marks");
	is_sound("after a boot");
}

static void test_number_reused(void)
{
	struct fake_account *account;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 70, 0);
	harvest(MARCH, "first");
	account->ended = true;
	fake_count(account, 0, 7, 0);
	fake_count(fake_account(&fake, 101, 5, "mail"), 0, 1000, 0);
	fake_count(fake_account(&fake, 102, 5, ""), 0, 30000, 0);
	harvest(MARCH, "its number is another's");
	is_int(ask(PATH, "SELECT bytes_in FROM vps WHERE name = 'web'"), 77, "the first");
	is_int(ask(PATH, "SELECT bytes_in FROM vps WHERE name = 'mail'"), 1000, "the second");
	is_int(ask(PATH, "SELECT bytes_in FROM vps WHERE name = ''"), 30000, "one without a name");
	fake_count(fake_account(&fake, 103, 5, "web"), 0, 200, 0);
	fake_count(fake_account(&fake, 104, 6, "web"), 0, 4000, 0);
	harvest(MARCH, "started again");
	is_int(ask(PATH, "SELECT bytes_in FROM vps WHERE name = 'web' AND ctx = 5"), 277,
	       "two accounts of one VPS are one there");
	is_int(ask(PATH, "SELECT bytes_in FROM vps WHERE name = 'web' AND ctx = 6"), 4000,
	       "one name with another number is not");
	is_sound("after reuse");
}

static void test_renamed(void)
{
	struct fake_account *account;

	fresh();
	account = fake_account(&fake, 100, 5, "");
	fake_count(account, 0, 70, 0);
	harvest(MARCH, "without a name");
	strcpy(account->name, "web");
	fake_count(account, 0, 7, 0);
	harvest(MARCH, "with a name");
	is_int(ask(PATH, "SELECT bytes_in FROM vps WHERE name = ''"), 70, "what it had stays");
	is_int(ask(PATH, "SELECT bytes_in FROM vps WHERE name = 'web'"), 7, "what is new moves");
	is_sound("after a new name");
}

/* A row of zeros says that it was there. */
static void test_zeros(void)
{
	struct fake_account *account;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	harvest(MARCH, "nothing counted");
	is_int(ask(PATH, "SELECT count(*) FROM usage"), 1, "it has a row");
	harvest(MARCH + 2 * HOUR, "two hours later");
	is_int(ask(PATH, "SELECT count(*) FROM usage"), 2, "and none for the hour between");
	account->ended = true;
	harvest(MARCH + 3 * HOUR, "it has ended");
	is_int(ask(PATH, "SELECT count(*) FROM usage"), 2, "it has no row any more");
	fake_count(account, 0, 5, 5);
	harvest(MARCH + 4 * HOUR, "its last sockets send");
	is_int(ask(PATH, "SELECT count(*) FROM usage"), 3, "it has");
}

static void test_overflow(void)
{
	struct fake_account *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	account->counts[0].in = UINT64_C(1) << 63;
	is_int(vps_ledger_harvest(ledger, &source, MARCH, &got, &fault), -EOVERFLOW,
	       "a counter of 64 bits");
	is_str(fault.step, "a sum no longer fits in 63 bits", "in words");
	account->counts[0].in = INT64_MAX;
	harvest(MARCH, "one of 63 bits");
	fake.epoch = 2;
	account->counts[0].in = 1;
	is_int(vps_ledger_harvest(ledger, &source, MARCH, &got, &fault), -EOVERFLOW,
	       "the sum of an hour");
	is_int(vps_ledger_harvest(ledger, &source, MARCH + HOUR, &got, &fault), -EOVERFLOW,
	       "the sum of a VPS");
	is_int(total(), INT64_MAX, "nothing has changed");
	account->counts[0].in = 0;
	account->counts[0].out = 4;
	harvest(MARCH, "of what fits");
	fake_account(&fake, 101, 6, "a")->counts[0].in = INT64_MAX;
	fake_account(&fake, 102, 7, "b")->counts[0].in = 1;
	is_int(vps_ledger_harvest(ledger, &source, MARCH, &got, &fault), -EOVERFLOW,
	       "the sum of what is new");
}

/* ---- the clock and forgetting -------------------------------------- */

static void test_forget(void)
{
	struct fake_account *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 7000, 9000);
	fake_count(account, 1, 70, 90);
	harvest(MARCH, "first");
	got = harvest(MARCH + 2 * HOUR, "silent");
	is_int(fake.forgets, 0, "it is there: not forgotten");
	account->ended = true;
	fake_count(account, 1, 1, 1);
	got = harvest(MARCH + 3 * HOUR, "ended");
	is_int(got.forgotten, 0, "one class has moved");
	got = harvest(MARCH + 4 * HOUR - 1, "silent for less than an hour");
	is_int(got.forgotten, 0, "not yet");
	got = harvest(MARCH + 4 * HOUR, "silent for an hour");
	is_int(got.forgotten, 1, "it is forgotten");
	is_int(ask(PATH, "SELECT count(*) FROM account"), 0, "in the ledger too");
	is_int(ask(PATH, "SELECT count(*) FROM mark"), 0, "with its marks");
	fake_count(account, 0, 7001, 1);
	got = harvest(MARCH + 5 * HOUR, "it reappears");
	is_int(got.count.in, 7001, "all of it is new");
	is_int(total(), 7071 + 7001, "nothing is lost or doubled");
	is_sound("after forgetting");
}

static void test_forget_fails(void)
{
	struct fake_account *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 7000, 9000);
	account->ended = true;
	harvest(MARCH, "first");
	fake.forget_error = -EBUSY;
	got = harvest(MARCH + HOUR, "cannot be forgotten");
	is_int(got.forgotten, 0, "it is not");
	is_int(fake.forgets, 1, "it was tried");
	fake_count(account, 0, 1, 0);
	got = harvest(MARCH + 2 * HOUR, "it goes on");
	is_int(got.count.in, 1, "from where it was");
	fake.forget_error = 0;
	got = harvest(MARCH + 3 * HOUR, "again");
	is_int(got.forgotten, 1, "then it is");
}

/* Forgotten by the kernel, but not by the ledger: the harvester was killed between. */
static void test_forget_half(void)
{
	struct fake_account *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 7000, 9000);
	harvest(MARCH, "first");
	account->ended = true;
	must(!fake_forget(&fake, &(struct vps_account){ .key = 100 }), "forget");
	got = harvest(MARCH + HOUR, "it is not there");
	is_int(got.count.in, 0, "nothing is new");
	fake_count(account, 0, 40, 0);
	got = harvest(MARCH + 2 * HOUR, "it reappears");
	is_int(got.count.in, 40, "below its mark, in full");
	is_int(total(), 7040, "nothing is lost or doubled");
}

static void test_clock(void)
{
	struct fake_account *account;
	struct vps_harvest got;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 70, 0);
	got = harvest(MARCH + 90 * DAY, "a clock that is ahead");
	is_int(got.behind, 0, "nobody can know");
	account->ended = true;
	fake_count(account, 0, 7, 0);
	got = harvest(MARCH, "set back");
	is_int(got.behind, 90 * DAY, "by how much is told");
	is_int(got.count.in, 7, "nothing is lost");
	is_int(ask(PATH, "SELECT bytes_in FROM usage ORDER BY hour"), 7, "the hour is the clock's");
	got = harvest(MARCH + HOUR / 2, "goes on");
	is_int(got.behind, 0, "told once");
	is_int(got.forgotten, 0, "not forgotten early");
	got = harvest(MARCH + HOUR, "silent for an hour");
	is_int(got.forgotten, 1, "nor only when that time comes again");
}

/* Nothing moved meanwhile, so the mark is from the future. */
static void test_clock_silent(void)
{
	struct vps_harvest got;

	fresh();
	fake_count(fake_account(&fake, 100, 5, "web"), 0, 70, 0);
	harvest(MARCH + 90 * DAY, "a clock that is ahead");
	fake.accounts[0].ended = true;
	got = harvest(MARCH, "set back");
	is_int(got.forgotten, 0, "not forgotten");
	got = harvest(MARCH + HOUR - 1, "for less than an hour");
	is_int(got.forgotten, 0, "not forgotten");
	got = harvest(MARCH + HOUR, "for an hour");
	is_int(got.forgotten, 1, "forgotten");
}

/* ---- telling -------------------------------------------------------- */

struct told {
	size_t count;
	uint64_t in;
	char lines[1024];
	int tell_error;
	int flush_error;
	bool is_flushed;
};

static int tell(uint32_t id, const char *name, const struct vps_count *count, void *data)
{
	struct told *told = data;
	size_t length = strlen(told->lines);

	if (told->tell_error && told->count)
		return told->tell_error;
	told->count++;
	told->in += count->in;
	snprintf(told->lines + length, sizeof(told->lines) - length, "%u %s %llu %llu;", id, name,
		 (unsigned long long)count->in, (unsigned long long)count->out);
	return 0;
}

static int flush(void *data)
{
	struct told *told = data;

	told->is_flushed = true;
	return told->flush_error;
}

static int reset(struct told *told, uint64_t now)
{
	struct vps_reset way = { tell, flush, told };

	fault = (struct vps_fault){ 0 };
	return vps_ledger_reset(ledger, &source, now, &way, &fault);
}

static void tells(uint64_t now, const char *want, const char *what)
{
	struct told told = { 0 };

	is_int(reset(&told, now), 0, "%s: reset", what);
	is_str(told.lines, want, "%s: told", what);
	ok(told.is_flushed, "%s: flushed", what);
}

static void test_reset(void)
{
	struct fake_account *account;

	fresh();
	account = fake_account(&fake, 100, 5, "web");
	fake_count(account, 0, 70, 1);
	fake_count(fake_account(&fake, 101, 4, "mail"), 0, 1000, 2);
	fake_count(fake_account(&fake, 102, 5, ""), 0, 5, 5);
	tells(MARCH, "4 mail 1000 2;5  5 5;5 web 70 1;", "the first");
	tells(MARCH, "4 mail 0 0;5  0 0;5 web 0 0;", "again: those that are there");
	fake_count(account, 1, 7, 0);
	account->ended = true;
	harvest(MARCH, "between");
	harvest(MARCH + 2 * HOUR, "between");
	ok(account->is_forgotten, "an account is forgotten");
	fake_account(&fake, 103, 9, "new");
	tells(MARCH + 3 * HOUR, "4 mail 0 0;5  0 0;5 web 7 0;9 new 0 0;", "what was forgotten");
	tells(MARCH + 3 * HOUR, "4 mail 0 0;5  0 0;9 new 0 0;", "who is gone and was told");
}

static void test_reset_fails(void)
{
	struct told told = { .tell_error = -EPIPE };

	fresh();
	fake_count(fake_account(&fake, 100, 5, "web"), 0, 70, 1);
	fake_count(fake_account(&fake, 101, 6, "mail"), 0, 7, 1);
	is_int(reset(&told, MARCH), -EPIPE, "the second cannot be told");
	ok(!told.is_flushed, "nothing is flushed");
	ok(!fault.step, "the words are the caller's");
	told = (struct told){ .flush_error = -ENOSPC };
	is_int(reset(&told, MARCH), -ENOSPC, "what was told cannot be flushed");
	is_int(total(), 77, "it was harvested all the same");
	tells(MARCH, "5 web 70 1;6 mail 7 1;", "once more: all is told again");
}

/* What was there before somebody began to ask is not new. */
static void test_reset_boot(void)
{
	fresh();
	fake_count(fake_account(&fake, 100, 5, "web"), 0, 70, 1);
	fake_count(fake_account(&fake, 101, 6, "mail"), 0, 7, 1);
	harvest(MARCH, "a boot in which nobody asks");
	fake_init(&fake);
	fake.boot[0] = '2';
	fake_count(fake_account(&fake, 100, 5, "web"), 0, 300, 3);
	tells(MARCH + DAY, "5 web 300 3;", "the first tells of this boot alone");
	fake_count(&fake.accounts[0], 0, 1, 1);
	harvest(MARCH + DAY, "after it was told");
	fake_init(&fake);
	fake.boot[0] = '3';
	fake_count(fake_account(&fake, 100, 7, "db"), 0, 20, 2);
	tells(MARCH + 2 * DAY, "5 web 1 1;7 db 20 2;", "a later one of all that was not told");
}

/* ---- all at once, and killed --------------------------------------------- */

/**
 * struct shared - counters that one process moves while others read them
 * @told: what readers of --reset were told and did not lose
 */
struct shared {
	struct fake fake;
	uint64_t told;
	bool stop;
};

static struct shared *shared;

/* The copy is of one instant for each field, as the kernel's is. */
static int shared_read(void *data, struct vps_traffic *ret_traffic, struct vps_fault *read_fault)
{
	struct fake copy;

	(void)data;
	memcpy(&copy, &shared->fake, sizeof(copy));
	for (size_t i = 0; i < copy.account_count; i++)
		copy.accounts[i].counts[0].in =
			__atomic_load_n(&shared->fake.accounts[i].counts[0].in, __ATOMIC_RELAXED);
	return fake_read(&copy, ret_traffic, read_fault);
}

static int shared_forget(void *data, const struct vps_account *account)
{
	(void)data;
	(void)account;
	return -EBUSY;
}

static const struct vps_harvest_source shared_source = { shared_read, shared_forget, NULL };

static void grow(void)
{
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
		for (size_t i = 0; i < shared->fake.account_count; i++)
			__atomic_fetch_add(&shared->fake.accounts[i].counts[0].in, 1 + i,
					   __ATOMIC_RELAXED);
}

static void harvest_for_ever(void)
{
	struct vps_ledger *mine;
	struct vps_harvest result;

	for (uint64_t i = 0; !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED); i++) {
		if (vps_ledger_open(PATH, true, 20000, &mine, &fault) ||
		    vps_ledger_harvest(mine, &shared_source, MARCH + i % 50 * HOUR, &result,
				       &fault)) {
			printf("# harvest: %s\n", fault.step);
			_exit(1);
		}
		vps_ledger_close(mine);
	}
}

/* Long enough for the others to come between, if they could. */
static int shared_flush(void *data)
{
	(void)data;
	usleep(3000);
	return 0;
}

static void reset_for_ever(void)
{
	struct vps_ledger *mine;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		struct told told = { 0 };
		struct vps_reset way = { tell, shared_flush, &told };

		if (vps_ledger_open(PATH, true, 20000, &mine, &fault) ||
		    vps_ledger_reset(mine, &shared_source, MARCH, &way, &fault)) {
			printf("# reset: %s\n", fault.step);
			_exit(1);
		}
		__atomic_fetch_add(&shared->told, told.in, __ATOMIC_RELAXED);
		vps_ledger_close(mine);
	}
}

static pid_t start(void (*run)(void))
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (!pid) {
		run();
		_exit(0);
	}
	return pid;
}

static int end(pid_t pid)
{
	int status = -1;

	must(waitpid(pid, &status, 0) == pid, "waitpid");
	return status;
}

static void begin_shared(void)
{
	fresh();
	vps_ledger_close(ledger);
	ledger = NULL;
	memset(shared, 0, sizeof(*shared));
	fake_init(&shared->fake);
	for (uint64_t i = 0; i < 8; i++)
		fake_account(&shared->fake, 100 + i, 5 + (uint32_t)i, "many");
}

static void is_conserved(const char *what)
{
	struct vps_harvest result;
	uint64_t sum = 0;

	open_ledger();
	is_int(vps_ledger_harvest(ledger, &shared_source, MARCH, &result, &fault), 0,
	       "%s: the last harvest", what);
	for (size_t i = 0; i < shared->fake.account_count; i++)
		sum += shared->fake.accounts[i].counts[0].in;
	is_int(total(), sum, "%s: the ledger has what was counted, to the byte", what);
	is_sound(what);
}

static void test_at_once(void)
{
	struct told told = { 0 };
	struct vps_reset last = { tell, shared_flush, &told };
	pid_t pids[5];
	int failed = 0;

	begin_shared();
	pids[0] = start(grow);
	pids[1] = start(harvest_for_ever);
	pids[2] = start(harvest_for_ever);
	pids[3] = start(reset_for_ever);
	pids[4] = start(reset_for_ever);
	usleep(1500000);
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 5; i++)
		failed += end(pids[i]) != 0;
	is_int(failed, 0, "two who harvest and two who reset at once");
	is_conserved("at once");
	is_int(ask(PATH, "SELECT sum(told_bytes_in) FROM vps"), (int64_t)shared->told,
	       "what was marked as told is what was told");
	is_int(vps_ledger_reset(ledger, &shared_source, MARCH, &last, &fault), 0, "the last reset");
	is_int(told.in + shared->told, total(), "and with the last it is all there is");
}

/* At random instants, under counters that grow. */
static void test_killed(void)
{
	unsigned int seed = 7;
	int killed = 0;
	pid_t counter;

	begin_shared();
	counter = start(grow);
	for (int i = 0; i < 150; i++) {
		pid_t pid = start(i % 3 ? harvest_for_ever : reset_for_ever);

		usleep((useconds_t)(rand_r(&seed) % 12000));
		kill(pid, SIGKILL);
		killed += WIFSIGNALED(end(pid));
	}
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	is_int(end(counter), 0, "the counters");
	is_int(killed, 150, "all were killed at their work");
	ok(total() > 0, "some of them had done something");
	is_conserved("killed");
	ok(ask(PATH, "SELECT sum(told_bytes_in) FROM vps") >= (int64_t)shared->told,
	   "nothing was told without being marked");
	is_int(ask(PATH, "SELECT count(*) FROM pragma_integrity_check"
			 " WHERE integrity_check = 'ok'"), 1, "the file is sound");
}

int main(void)
{
	must(mkdtemp(dir) && !chdir(dir), dir);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	must(shared != MAP_FAILED, "mmap");
	test_delta();
	test_went_back();
	test_epoch();
	test_by_engine();
	test_boot();
	test_number_reused();
	test_renamed();
	test_zeros();
	test_overflow();
	test_forget();
	test_forget_fails();
	test_forget_half();
	test_clock();
	test_clock_silent();
	test_reset();
	test_reset_fails();
	test_reset_boot();
	test_at_once();
	test_killed();
	fresh();
	vps_ledger_close(ledger);
	must(!unlink(PATH) && !rmdir("state") && !chdir("/") && !rmdir(dir), dir);
	return done();
}
