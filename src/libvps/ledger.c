// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"
#include "util.h"

/* In the header of the file: "VPSt". */
#define APPLICATION 1448104820
#define QUOTE(number) #number
#define PRAGMA(name, number) "PRAGMA " name " = " QUOTE(number) ";"

/* STRICT: a sum that overflows becomes a real, which such a column refuses. */
#define SCHEMA_1 \
	PRAGMA("application_id", APPLICATION) \
	"CREATE TABLE state(" \
	" boot TEXT NOT NULL, harvested INTEGER NOT NULL, told INTEGER NOT NULL) STRICT;" \
	"INSERT INTO state VALUES('', 0, 0);" \
	"CREATE TABLE vps(" \
	" id INTEGER PRIMARY KEY, ctx INTEGER NOT NULL, name TEXT NOT NULL," \
	" bytes_in INTEGER NOT NULL DEFAULT 0, bytes_out INTEGER NOT NULL DEFAULT 0," \
	" packets_in INTEGER NOT NULL DEFAULT 0, packets_out INTEGER NOT NULL DEFAULT 0," \
	" told_bytes_in INTEGER NOT NULL DEFAULT 0, told_bytes_out INTEGER NOT NULL DEFAULT 0," \
	" told_packets_in INTEGER NOT NULL DEFAULT 0," \
	" told_packets_out INTEGER NOT NULL DEFAULT 0," \
	" UNIQUE(name, ctx)) STRICT;" \
	"CREATE TABLE class(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;" \
	"CREATE TABLE account(" \
	" key INTEGER PRIMARY KEY, vps INTEGER NOT NULL, ended INTEGER NOT NULL) STRICT;" \
	"CREATE TABLE mark(" \
	" account INTEGER NOT NULL, class INTEGER NOT NULL, epoch INTEGER NOT NULL," \
	" changed INTEGER NOT NULL," \
	" bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL," \
	" packets_in INTEGER NOT NULL, packets_out INTEGER NOT NULL," \
	" PRIMARY KEY(account, class)) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE usage(" \
	" hour INTEGER NOT NULL, vps INTEGER NOT NULL, class INTEGER NOT NULL," \
	" bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL," \
	" packets_in INTEGER NOT NULL, packets_out INTEGER NOT NULL," \
	" PRIMARY KEY(hour, vps, class)) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE open(" \
	" period INTEGER NOT NULL, start INTEGER NOT NULL, next INTEGER NOT NULL," \
	" PRIMARY KEY(period, start)) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE past(" \
	" period INTEGER NOT NULL, start INTEGER NOT NULL," \
	" class INTEGER NOT NULL, vps INTEGER NOT NULL, hours INTEGER NOT NULL," \
	" bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL," \
	" packets_in INTEGER NOT NULL, packets_out INTEGER NOT NULL," \
	" in_95 INTEGER NOT NULL, out_95 INTEGER NOT NULL," \
	" PRIMARY KEY(period, start, class, vps)) STRICT, WITHOUT ROWID;"

/* The first makes an empty file a ledger, the next one makes version 2 of version 1 ... */
static const char *const migrations[] = {
	SCHEMA_1 PRAGMA("user_version", 1),
};

#define VERSION ((int64_t)ARRAY_SIZE(migrations))

int vps_ledger_fault(struct vps_fault *fault, int err, const char *path)
{
	switch (err) {
	case -EUCLEAN:
		return vps_refuse(fault, err, "is damaged, or is no ledger", path);
	case -EPROTO:
		return vps_refuse(fault, err, "was made by a newer version", path);
	case -EBUSY:
		return vps_refuse(fault, err, "is locked by another program", path);
	case -EOVERFLOW:
		return vps_refuse(fault, err, "a sum no longer fits in 63 bits", path);
	case -EPERM:
		return vps_refuse(fault, err,
				  "must be root's file (0600) in root's directory (0700)", path);
	case -EROFS:
	case -ENOSPC:
		return vps_fault(fault, err, "write", path);
	case -ENOENT:
		return vps_fault(fault, err, "open", path);
	default:
		return vps_fault(fault, err, "use", path);
	}
}

/* ---- the file ------------------------------------------- */

/* Who is not root can have a ledger of his own, and would be fooled by nobody but himself. */
static bool is_own(const struct stat *st, mode_t forbidden)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & forbidden);
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int open_dir(const char *path, bool make)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (make && mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return is_own(&st, 022) ? steal_fd(&fd) : -EPERM;
}

/*
 * SQLite would make the file with the caller's umask. An existing one is never opened here: to
 * close it would let go of all locks that this process has on it.
 */
static int make_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return fsync(dir) < 0 ? -errno : 0;
}

static int check_file(const char *dir_path, const char *name, bool write)
{
	_cleanup_(closep) int dir = open_dir(dir_path, write);
	struct stat st;
	int rc;

	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT || !write)
			return -errno;
		rc = make_file(dir, name);
		if (rc)
			return rc;
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	}
	return S_ISREG(st.st_mode) && is_own(&st, 077) ? 0 : -EPERM;
}

/* The file is there and fit to be opened: its path, in which no directory is a link, since SQLite
 * refuses those with a link that is the file. */
static int find_file(const char *path, bool write, char **ret_path)
{
	_cleanup_(freep) char *dir = dir_of(path), *real = NULL;
	const char *name = name_of(path);
	int rc = dir ? check_file(dir, name, write) : -ENOMEM;
	char *out;

	if (rc)
		return rc;
	real = realpath(dir, NULL);
	if (!real)
		return -errno;
	if (asprintf(&out, "%s/%s", real, name) < 0)
		return -ENOMEM;
	*ret_path = out;
	return 0;
}

/* ---- its content ------------------------------------------ */

static int read_number(sqlite3 *db, const char *text, int64_t *ret_number)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc = vps_sql_prepare(db, text, &stmt) ?: vps_sql_step(stmt);

	if (rc < 0)
		return rc;
	*ret_number = rc ? sqlite3_column_int64(stmt, 0) : 0;
	return 0;
}

/* The version; 0: there is nothing in it. In a transaction: it may be made at this moment. */
static int read_version(sqlite3 *db, int64_t *ret_version)
{
	int64_t application = 0, version = 0, tables = 0;
	int rc = read_number(db, "PRAGMA application_id", &application);

	if (!rc)
		rc = read_number(db, "PRAGMA user_version", &version);
	if (!rc)
		rc = read_number(db, "SELECT count(*) FROM sqlite_master", &tables);
	if (rc)
		return rc;
	if (!application && !version && !tables) {
		*ret_version = 0;
		return 0;
	}
	if (application != APPLICATION || version < 1)
		return -EUCLEAN;
	*ret_version = version;
	return version > VERSION ? -EPROTO : 0;
}

static int look_at_version(sqlite3 *db, int64_t *ret_version)
{
	int rc = vps_sql_begin(db, "BEGIN") ?: read_version(db, ret_version);

	vps_sql_rollback(db);
	return rc;
}

static int migrate(sqlite3 *db)
{
	int64_t version;
	int rc = vps_sql_begin(db, "BEGIN IMMEDIATE") ?: read_version(db, &version);

	for (; !rc && version < VERSION; version++)
		rc = vps_sql_run(db, migrations[version]);
	if (!rc)
		rc = vps_sql_commit(db);
	vps_sql_rollback(db);
	return rc;
}

/* Readers do not wait for who writes, nor he for them. */
static int set_wal(sqlite3 *db)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc = vps_sql_prepare(db, "PRAGMA journal_mode = WAL", &stmt) ?: vps_sql_step(stmt);

	if (rc < 0)
		return rc;
	return rc && !strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") ? 0 : -EROFS;
}

static int prepare_write(sqlite3 *db)
{
	int64_t version;
	int rc;

	if (sqlite3_db_readonly(db, "main"))
		return -EROFS;
	/* Nothing of a file that is none of ours may change. */
	rc = look_at_version(db, &version) ?: set_wal(db);
	if (!rc)
		rc = vps_sql_run(db, "PRAGMA synchronous = FULL");
	if (rc)
		return rc;
	return version < VERSION ? migrate(db) : 0;
}

static int prepare_read(sqlite3 *db)
{
	int64_t version;
	int rc = look_at_version(db, &version);

	if (rc)
		return rc;
	/* One of an older version waits for a harvest; there has been none so far. */
	return version < VERSION ? -ENOENT : 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Where two make a ledger at once, SQLite tells one that it is busy and does not wait. */
static int prepare_waiting(sqlite3 *db, int (*prepare)(sqlite3 *db), unsigned int wait_ms)
{
	uint64_t until = now_ms() + wait_ms;
	int rc;

	while ((rc = prepare(db)) == -EBUSY && now_ms() < until)
		usleep(2000);
	return rc;
}

static int open_db(struct vps_ledger *ledger, bool write, unsigned int wait_ms)
{
	int flags = write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	_cleanup_(freep) char *path = NULL;
	int rc = find_file(ledger->path, write, &path);

	if (rc)
		return rc;
	rc = sqlite3_open_v2(path, &ledger->db,
			     flags | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE |
				     SQLITE_OPEN_NOMUTEX, NULL);
	if (rc)
		return ledger->db ? vps_sql_errno(ledger->db, rc) : -ENOMEM;
	sqlite3_busy_timeout(ledger->db, wait_ms > INT_MAX ? INT_MAX : (int)wait_ms);
	/* For a file of its own it would look into the environment. */
	rc = vps_sql_run(ledger->db, "PRAGMA temp_store = MEMORY");
	if (rc)
		return rc;
	return prepare_waiting(ledger->db, write ? prepare_write : prepare_read, wait_ms);
}

int vps_ledger_open(const char *path, bool write, unsigned int wait_ms,
		    struct vps_ledger **ret_ledger, struct vps_fault *fault)
{
	struct vps_ledger *ledger = calloc(1, sizeof(*ledger));
	int rc = -ENOMEM;

	if (ledger) {
		ledger->path = strdup(path);
		if (ledger->path)
			rc = open_db(ledger, write, wait_ms);
	}
	if (rc) {
		vps_ledger_close(ledger);
		return vps_ledger_fault(fault, rc, path);
	}
	*ret_ledger = ledger;
	return 0;
}

void vps_ledger_close(struct vps_ledger *ledger)
{
	if (!ledger)
		return;
	sqlite3_finalize(ledger->read_hour);
	sqlite3_close(ledger->db);
	free(ledger->path);
	free(ledger);
}
