// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>

#include "ledger.h"
#include "util.h"

static int io_errno(sqlite3 *db, int rc)
{
	int err = sqlite3_system_errno(db);

	if (err == ENOSPC || err == EDQUOT || err == EFBIG || rc == SQLITE_IOERR_SHMSIZE)
		return -ENOSPC;
	if (err == EROFS || err == EACCES || err == EPERM || err == ENOMEM || err == EMFILE)
		return -err;
	return -EIO;
}

int vps_sql_errno(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		/* What is to be undone before it is read is the making of a ledger. */
		return rc == SQLITE_READONLY_ROLLBACK ? -ENOENT : -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_IOERR:
		return rc == SQLITE_IOERR_NOMEM ? -ENOMEM : io_errno(db, rc);
	case SQLITE_CANTOPEN:
		/* The file is there; its log cannot be made, which readers need too. */
		return sqlite3_system_errno(db) == ENOENT ? -EROFS : io_errno(db, rc);
	case SQLITE_CONSTRAINT:
		/* A sum that is no integer any more: the tables are strict. */
		return rc == SQLITE_CONSTRAINT_DATATYPE ? -EOVERFLOW : -EUCLEAN;
	default:
		/* The statements are ours: where one makes no sense, the tables are not. */
		return -EUCLEAN;
	}
}

int vps_sql_run(sqlite3 *db, const char *text)
{
	return vps_sql_errno(db, sqlite3_exec(db, text, NULL, NULL, NULL));
}

int vps_sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **ret_stmt)
{
	return vps_sql_errno(db, sqlite3_prepare_v2(db, text, -1, ret_stmt, NULL));
}

int vps_sql_step(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	return rc == SQLITE_ROW ? 1 : vps_sql_errno(sqlite3_db_handle(stmt), rc);
}

int vps_sql_do(sqlite3_stmt *stmt)
{
	int rc = vps_sql_step(stmt);

	sqlite3_reset(stmt);
	return rc;
}

void vps_sql_bind_count(sqlite3_stmt *stmt, int first, const struct vps_count *count)
{
	sqlite3_bind_int64(stmt, first, (int64_t)count->in);
	sqlite3_bind_int64(stmt, first + 1, (int64_t)count->out);
	sqlite3_bind_int64(stmt, first + 2, (int64_t)count->in_packets);
	sqlite3_bind_int64(stmt, first + 3, (int64_t)count->out_packets);
}

void vps_sql_column_count(sqlite3_stmt *stmt, int first, struct vps_count *ret_count)
{
	*ret_count = (struct vps_count){
		.in = (uint64_t)sqlite3_column_int64(stmt, first),
		.out = (uint64_t)sqlite3_column_int64(stmt, first + 1),
		.in_packets = (uint64_t)sqlite3_column_int64(stmt, first + 2),
		.out_packets = (uint64_t)sqlite3_column_int64(stmt, first + 3),
	};
}

int vps_sql_begin(sqlite3 *db, const char *what)
{
	return vps_sql_run(db, what);
}

int vps_sql_commit(sqlite3 *db)
{
	return vps_sql_run(db, "COMMIT");
}

void vps_sql_rollback(sqlite3 *db)
{
	/* Some errors have ended the transaction already. */
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

static int add(uint64_t *sum, uint64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum) || *sum > INT64_MAX)
		return -EOVERFLOW;
	return 0;
}

int vps_count_add(struct vps_count *sum, const struct vps_count *count)
{
	int rc = add(&sum->in, count->in) ?: add(&sum->out, count->out);

	if (rc)
		return rc;
	return add(&sum->in_packets, count->in_packets) ?:
	       add(&sum->out_packets, count->out_packets);
}
