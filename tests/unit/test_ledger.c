// SPDX-License-Identifier: GPL-2.0-or-later
/* The ledger's file: who may have it, what is refused, and what a failure leaves. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ledger.h"

static char dir[] = "/tmp/vps-ledger.XXXXXX";
static struct vps_fault fault;
static struct fake fake;
static struct vps_harvest_source source;

/* The working directory is the tests' own. */
#define PLACE "state"
#define FILE_NAME PLACE "/traffic.db"

static void fresh(void)
{
	must(!chmod(PLACE, 0700) || errno == ENOENT, PLACE);
	unlink(FILE_NAME);
	unlink(FILE_NAME "-wal");
	unlink(FILE_NAME "-shm");
	must(!rmdir(PLACE) || errno == ENOENT, PLACE);
	fake_init(&fake);
	source = fake_source(&fake);
	fake_count(fake_account(&fake, 100, 5, "web"), 0, 7000, 9000);
}

/* Opened once, or what it was. */
static int try_open(bool write)
{
	struct vps_ledger *ledger = NULL;
	int rc;

	fault = (struct vps_fault){ 0 };
	rc = vps_ledger_open(FILE_NAME, write, 50, &ledger, &fault);
	must(rc || ledger, "open");
	vps_ledger_close(ledger);
	return rc;
}

static int harvest_once(unsigned int wait_ms, uint64_t now)
{
	struct vps_ledger *ledger;
	struct vps_harvest result;
	int rc;

	fault = (struct vps_fault){ 0 };
	rc = vps_ledger_open(FILE_NAME, true, wait_ms, &ledger, &fault);
	if (rc)
		return rc;
	rc = vps_ledger_harvest(ledger, &source, now, &result, &fault);
	vps_ledger_close(ledger);
	return rc;
}

static int count_row(const struct vps_report_row *row, void *data)
{
	*(uint64_t *)data += row->count.in;
	return 0;
}

/* Bytes in of all that the report tells, or an error. */
static int64_t report_once(void)
{
	struct vps_report_spec spec = { .to = UINT64_MAX, .id = VPS_ID_ANY };
	struct vps_ledger *ledger;
	uint64_t sum = 0;
	int rc;

	fault = (struct vps_fault){ 0 };
	rc = vps_ledger_open(FILE_NAME, false, 50, &ledger, &fault);
	if (rc)
		return rc;
	rc = vps_ledger_report(ledger, &spec, count_row, &sum, &fault);
	vps_ledger_close(ledger);
	return rc ?: (int64_t)sum;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_mode & 07777;
}

static void overwrite(const char *path, const void *bytes, size_t size, off_t where)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	must(fd >= 0 && pwrite(fd, bytes, size, where) == (ssize_t)size, path);
	close(fd);
}

static void run_sql(const char *sql)
{
	sqlite3 *db;

	must(sqlite3_open(FILE_NAME, &db) == SQLITE_OK, FILE_NAME);
	must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
	sqlite3_close(db);
}

/* In a mount namespace, where the caller's function mounts what it wants. */
static void in_namespace(void (*run)(void), const char *what)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		if (unshare(CLONE_NEWNS) ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(77);
		run();
		_exit(tap_failed ? 1 : tap_count);
	}
	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status), what);
	if (WEXITSTATUS(status) == 77) {
		skip("needs root", what);
		return;
	}
	/* Its lines were printed, and counted on from ours. */
	if (WEXITSTATUS(status) == 1)
		tap_failed++;
	else
		tap_count = WEXITSTATUS(status);
}

/* ---- a file that is as it should be --------------------------- */

static void test_new(void)
{
	mode_t mask = umask(0);

	fresh();
	is_int(try_open(false), -ENOENT, "read: no directory");
	ok(access(PLACE, F_OK), "reading makes none");
	must(!mkdir(PLACE, 0755), PLACE);
	is_int(try_open(false), -ENOENT, "read: no file");
	is_str(fault.object, FILE_NAME, "it is named");
	ok(access(FILE_NAME, F_OK), "reading makes none");
	must(!rmdir(PLACE), PLACE);
	is_int(try_open(true), 0, "write");
	is_int(mode_of(PLACE), 0700, "the directory is closed to others");
	is_int(mode_of(FILE_NAME), 0600, "so is the file");
	is_int(try_open(false), 0, "read: a ledger without a harvest");
	is_int(report_once(), 0, "it tells of nothing");
	is_int(ask(FILE_NAME, "PRAGMA application_id"), 1448104820, "it is marked as a ledger");
	is_int(ask(FILE_NAME, "PRAGMA user_version"), 1, "of version 1");
	is_int(ask(FILE_NAME, "SELECT count(*) FROM pragma_journal_mode"
			      " WHERE journal_mode = 'wal'"), 1, "with a write-ahead log");
	is_int(harvest_once(50, MARCH), 0, "harvest");
	is_int(report_once(), 7000, "it is told");
	umask(mask);
}

static void test_empty(void)
{
	fresh();
	must(!mkdir(PLACE, 0700), PLACE);
	overwrite(FILE_NAME, "", 0, 0);
	is_int(try_open(false), -ENOENT, "read: an empty file is no ledger yet");
	is_int(try_open(true), 0, "write: it becomes one");
	is_int(try_open(false), 0, "read: it is one");
}

static void test_relative(void)
{
	struct vps_ledger *ledger = NULL;

	must(!symlink(PLACE, "link"), "symlink");
	is_int(vps_ledger_open("link/traffic.db", true, 50, &ledger, &fault), 0,
	       "its directory may be a link");
	vps_ledger_close(ledger);
	must(!chdir(PLACE), PLACE);
	ledger = NULL;
	is_int(vps_ledger_open("traffic.db", true, 50, &ledger, &fault), 0, "no directory named");
	vps_ledger_close(ledger);
	must(!chdir("..") && !unlink("link"), "chdir, unlink");
}

/* A harvester that was killed leaves a log, and the host may be gone since: no shared memory. */
static void test_log_left(void)
{
	int status;
	pid_t pid;

	fresh();
	is_int(harvest_once(50, MARCH), 0, "harvest");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		struct vps_ledger *ledger;
		struct vps_harvest result;

		fake_count(&fake.accounts[0], 0, 5, 0);
		if (!vps_ledger_open(FILE_NAME, true, 50, &ledger, &fault) &&
		    !vps_ledger_harvest(ledger, &source, MARCH, &result, &fault))
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	must(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "killed");
	ok(!access(FILE_NAME "-wal", F_OK), "a harvester that is killed leaves its log");
	unlink(FILE_NAME "-shm");
	is_int(report_once(), 7005, "what it committed is told");
}

static void test_created_at_once(void)
{
	enum { MANY = 12 };
	int status, failed = 0, gate[2];
	pid_t pids[MANY];
	char byte;

	for (int round = 0; round < 5; round++) {
		fresh();
		must(!pipe2(gate, O_CLOEXEC), "pipe");
		for (int i = 0; i < MANY; i++) {
			pids[i] = fork();
			must(pids[i] >= 0, "fork");
			if (pids[i])
				continue;
			close(gate[1]);
			/* All start when the parent closes its end. */
			_exit(read(gate[0], &byte, 1) ? 1 : -harvest_once(20000, MARCH));
		}
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < MANY; i++) {
			must(waitpid(pids[i], &status, 0) == pids[i], "waitpid");
			if (status)
				printf("# %s: %s\n", fault.step, strerror(WEXITSTATUS(status)));
			failed += status != 0;
		}
		if (report_once() != 7000)
			failed++;
	}
	is_int(failed, 0, "many who make it and harvest at once");
}

/* ---- what is refused --------------------------------------------- */

static void refused(int want, const char *words, const char *what)
{
	is_int(try_open(true), want, "write: %s", what);
	is_str(fault.step, words, "write: %s: in words", what);
	is_str(fault.object, FILE_NAME, "write: %s: named", what);
	is_int(try_open(false), want, "read: %s", what);
	is_str(fault.step, words, "read: %s: in words", what);
}

static void test_owner(void)
{
	static const char words[] = "must be root's file (0600) in root's directory (0700)";

	fresh();
	is_int(try_open(true), 0, "a ledger");
	must(!chmod(FILE_NAME, 0640), "chmod");
	refused(-EPERM, words, "a file that the group reads");
	must(!chmod(FILE_NAME, 0600) && !chmod(PLACE, 0720), "chmod");
	refused(-EPERM, words, "a directory that the group writes");
	must(!chmod(PLACE, 0702), "chmod");
	refused(-EPERM, words, "a directory that others write");
	must(!chmod(PLACE, 0755), "chmod");
	is_int(try_open(true), 0, "a directory that others read");
	if (geteuid()) {
		skip("needs root", "a file that is not root's");
		return;
	}
	must(!chown(FILE_NAME, 1, 1), "chown");
	refused(-EPERM, words, "a file that is not root's");
	must(!chown(FILE_NAME, 0, 0) && !chown(PLACE, 1, 1), "chown");
	refused(-EPERM, words, "a directory that is not root's");
	must(!chown(PLACE, 0, 0), "chown");
}

static void test_no_file(void)
{
	static const char words[] = "must be root's file (0600) in root's directory (0700)";

	fresh();
	must(!mkdir(PLACE, 0700) && !symlink("/etc/passwd", FILE_NAME), "symlink");
	refused(-EPERM, words, "a link");
	must(!unlink(FILE_NAME) && !symlink("absent", FILE_NAME), "symlink");
	refused(-EPERM, words, "a link to nothing");
	ok(access(PLACE "/absent", F_OK), "nothing is made behind it");
	must(!unlink(FILE_NAME) && !mkdir(FILE_NAME, 0700), "mkdir");
	refused(-EPERM, words, "a directory");
	must(!rmdir(FILE_NAME) && !mkfifo(FILE_NAME, 0600), "mkfifo");
	refused(-EPERM, words, "a FIFO");
}

static void test_foreign(void)
{
	static const char words[] = "is damaged, or is no ledger";
	char text[5000];

	fresh();
	must(!mkdir(PLACE, 0700), PLACE);
	memset(text, 'x', sizeof(text));
	overwrite(FILE_NAME, text, sizeof(text), 0);
	refused(-EUCLEAN, words, "a text");
	unlink(FILE_NAME);
	run_sql("CREATE TABLE t(x)");
	must(!chmod(FILE_NAME, 0600), "chmod");
	refused(-EUCLEAN, words, "another program's database");
	is_int(ask(FILE_NAME, "SELECT count(*) FROM pragma_journal_mode"
			      " WHERE journal_mode = 'delete'"), 1, "which stays as it is");
	fresh();
	is_int(try_open(true), 0, "a ledger");
	run_sql("PRAGMA application_id = 7");
	refused(-EUCLEAN, words, "an application of another number");
	run_sql("PRAGMA application_id = 1448104820; PRAGMA user_version = 0");
	refused(-EUCLEAN, words, "a ledger without a version");
	run_sql("PRAGMA user_version = 2");
	refused(-EPROTO, "was made by a newer version", "a newer ledger");
	run_sql("PRAGMA user_version = 1; DROP TABLE usage");
	is_int(harvest_once(50, MARCH), -EUCLEAN, "harvest: a table is missing");
	is_str(fault.step, words, "in words");
	is_int(report_once(), -EUCLEAN, "report: a table is missing");
}

static void test_damaged(void)
{
	char noise[4096];

	fresh();
	is_int(harvest_once(50, MARCH), 0, "harvest");
	memset(noise, 0xa5, sizeof(noise));
	for (int page = 2; page <= ask(FILE_NAME, "PRAGMA page_count"); page++)
		overwrite(FILE_NAME, noise, sizeof(noise), (page - 1) * 4096);
	is_int(harvest_once(50, MARCH), -EUCLEAN, "harvest: noise in all pages but the first");
	is_int(report_once(), -EUCLEAN, "report: noise in all pages but the first");
	is_int(fake.forgets, 0, "nothing is forgotten");
	fresh();
	is_int(harvest_once(50, UINT64_MAX), -ERANGE, "harvest: a clock that cannot be");
	is_int(harvest_once(50, MARCH), 0, "harvest");
	run_sql("UPDATE usage SET hour = 9000000000000000000");
	is_int(report_once(), -EUCLEAN, "report: an hour that cannot be");
	fresh();
	is_int(harvest_once(50, MARCH), 0, "harvest");
	run_sql("UPDATE vps SET id = 9223372036854775807;"
		"UPDATE usage SET vps = 9223372036854775807");
	is_int(report_once(), -EUCLEAN, "report: a VPS's number that cannot be");
	run_sql("UPDATE open SET next = 9223372036854775807");
	is_int(harvest_once(60, MARCH + 40 * DAY), -EUCLEAN, "harvest: the same in what is open");
	must(!truncate(FILE_NAME, 6000), "truncate");
	is_int(harvest_once(50, MARCH), -EUCLEAN, "harvest: cut short");
}

/* ---- what happens now and then ------------------------------------- */

static void test_locked(void)
{
	sqlite3 *db;

	fresh();
	is_int(harvest_once(50, MARCH), 0, "harvest");
	must(sqlite3_open(FILE_NAME, &db) == SQLITE_OK, FILE_NAME);
	must(!sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), "lock");
	fake_count(&fake.accounts[0], 0, 5, 0);
	fake.reads = 0;
	is_int(harvest_once(20, MARCH), -EBUSY, "harvest: locked");
	is_str(fault.step, "is locked by another program", "in words");
	is_int(fake.reads, 0, "the counters are not read before it is ours");
	is_int(report_once(), 7000, "a report does not wait");
	sqlite3_close(db);
	is_int(harvest_once(20, MARCH), 0, "harvest: free again");
	is_int(report_once(), 7005, "with what was counted meanwhile");
}

static void test_lock_awaited(void)
{
	int status, ready[2];
	char byte = 0;
	pid_t pid;

	must(!pipe2(ready, O_CLOEXEC), "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		sqlite3 *db;

		if (sqlite3_open(FILE_NAME, &db) ||
		    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ||
		    write(ready[1], &byte, 1) != 1)
			_exit(1);
		usleep(100000);
		sqlite3_close(db);
		_exit(0);
	}
	must(read(ready[0], &byte, 1) == 1, "the other one locks");
	is_int(harvest_once(20000, MARCH), 0, "harvest: waits for who has it locked");
	must(waitpid(pid, &status, 0) == pid && !status, "the other one");
	close(ready[0]);
	close(ready[1]);
}

static void test_source_fails(void)
{
	fresh();
	fake.read_error = -ENOSYS;
	is_int(harvest_once(50, MARCH), -ENOSYS, "the counters cannot be read");
	is_str(fault.step, "read the counters", "in their words");
	fake.read_error = 0;
	is_int(harvest_once(50, MARCH), 0, "then they can");
	is_int(report_once(), 7000, "nothing was lost");
}

/* Grows until a file of its own is at a bound that stands for the disk's. */
static void test_too_large(void)
{
	struct rlimit old, low;
	int rc = 0;

	fresh();
	is_int(harvest_once(50, MARCH), 0, "harvest");
	signal(SIGXFSZ, SIG_IGN);
	must(!getrlimit(RLIMIT_FSIZE, &old), "getrlimit");
	low = (struct rlimit){ 30000, old.rlim_max };
	must(!setrlimit(RLIMIT_FSIZE, &low), "setrlimit");
	for (int i = 0; i < 200 && !rc; i++) {
		fake_count(&fake.accounts[0], 0, 3, 1);
		rc = harvest_once(50, MARCH + (uint64_t)i * HOUR);
	}
	is_int(rc, -ENOSPC, "no more fits");
	is_str(fault.step, "write", "in words");
	must(!setrlimit(RLIMIT_FSIZE, &old), "setrlimit");
	signal(SIGXFSZ, SIG_DFL);
	is_int(harvest_once(50, MARCH + 300 * HOUR), 0, "then there is room");
	is_int(report_once(), (int64_t)fake.accounts[0].counts[0].in, "nothing was lost");
}

static void disk_full(void)
{
	int rc = 0;

	must(!mkdir("small", 0700) && !mount("none", "small", "tmpfs", 0, "size=256k,mode=700"),
	     "tmpfs");
	must(!chdir("small"), "small");
	fresh();
	for (uint64_t i = 0; i < 30; i++)
		fake_account(&fake, 200 + i, 10, "other");
	for (int i = 0; i < 5000 && !rc; i++) {
		fake_count(&fake.accounts[0], 0, 3, 1);
		rc = harvest_once(50, MARCH + (uint64_t)i * HOUR);
	}
	is_int(rc, -ENOSPC, "a full disk");
	is_str(fault.step, "write", "in words");
	ok(report_once() >= 7000 || report_once() == -ENOSPC, "what is there can be told, or not");
	must(!mount("none", ".", "tmpfs", MS_REMOUNT, "size=1m"), "remount");
	must(!chdir("..") && !chdir("small"), "small");
	is_int(harvest_once(50, MARCH + 5000 * HOUR), 0, "then there is room");
	is_int(report_once(), (int64_t)fake.accounts[0].counts[0].in, "nothing was lost");
}

static void disk_read_only(void)
{
	fresh();
	must(!harvest_once(50, MARCH), "harvest");
	must(!mount(PLACE, PLACE, NULL, MS_BIND, NULL) &&
	     !mount(NULL, PLACE, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "bind");
	is_int(harvest_once(50, MARCH), -EROFS, "write: a read-only file system");
	is_str(fault.step, "write", "in words");
	is_int(report_once(), -EROFS, "read: a read-only file system");
	must(!umount(PLACE), "umount");
}

int main(void)
{
	must(mkdtemp(dir) && !chdir(dir), dir);
	test_new();
	test_empty();
	test_relative();
	test_log_left();
	test_created_at_once();
	test_owner();
	test_no_file();
	test_foreign();
	test_damaged();
	test_locked();
	test_lock_awaited();
	test_source_fails();
	test_too_large();
	in_namespace(disk_full, "a full disk");
	in_namespace(disk_read_only, "a read-only file system");
	fresh();
	must(!rmdir("small") || errno == ENOENT, "small");
	must(!chdir("/") && !rmdir(dir), dir);
	return done();
}
