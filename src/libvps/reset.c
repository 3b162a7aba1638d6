// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>

#include "ledger.h"
#include "util.h"

/* What @stmt is at: a VPS, what it had, and what of it was told. */
static int tell_row(sqlite3_stmt *stmt, const struct vps_reset *reset)
{
	const char *name = (const char *)sqlite3_column_text(stmt, 1);
	struct vps_count count, told;

	vps_sql_column_count(stmt, 2, &count);
	vps_sql_column_count(stmt, 6, &told);
	count.in -= told.in;
	count.out -= told.out;
	count.in_packets -= told.in_packets;
	count.out_packets -= told.out_packets;
	return reset->tell((uint32_t)sqlite3_column_int64(stmt, 0), name ?: "", &count,
			   reset->data);
}

/* @ret_stopped: what is returned is what the caller's function returned */
static int tell_all(struct vps_ledger *ledger, const struct vps_reset *reset, bool *ret_stopped)
{
	_cleanup_(vps_sql_finalizep) sqlite3_stmt *stmt = NULL;
	int rc = vps_sql_prepare(ledger->db,
				 "SELECT ctx, name, bytes_in, bytes_out, packets_in, packets_out,"
				 " told_bytes_in, told_bytes_out, told_packets_in, told_packets_out"
				 " FROM vps WHERE bytes_in <> told_bytes_in"
				 " OR bytes_out <> told_bytes_out OR packets_in <> told_packets_in"
				 " OR packets_out <> told_packets_out"
				 " OR id IN (SELECT vps FROM account WHERE NOT ended)"
				 " ORDER BY ctx, name", &stmt);

	while (!rc && (rc = vps_sql_step(stmt)) > 0) {
		rc = tell_row(stmt, reset);
		*ret_stopped = rc != 0;
	}
	if (rc)
		return rc;
	rc = reset->flush(reset->data);
	*ret_stopped = rc != 0;
	return rc;
}

int vps_ledger_reset(struct vps_ledger *ledger, const struct vps_harvest_source *source,
		     uint64_t now, const struct vps_reset *reset, struct vps_fault *fault)
{
	struct vps_harvest harvest;
	bool stopped = false;
	int rc = vps_ledger_harvest(ledger, source, now, &harvest, fault);

	if (rc)
		return rc;
	/* Locked from the first word to the commit: two who reset would tell the same else. */
	rc = vps_sql_begin(ledger->db, "BEGIN IMMEDIATE") ?: tell_all(ledger, reset, &stopped);
	if (!rc)
		rc = vps_sql_run(ledger->db,
				 "UPDATE vps SET told_bytes_in = bytes_in,"
				 " told_bytes_out = bytes_out, told_packets_in = packets_in,"
				 " told_packets_out = packets_out WHERE bytes_in <> told_bytes_in"
				 " OR bytes_out <> told_bytes_out OR packets_in <> told_packets_in"
				 " OR packets_out <> told_packets_out;"
				 "UPDATE state SET told = 1") ?:
		     vps_sql_commit(ledger->db);
	vps_sql_rollback(ledger->db);
	return !rc || stopped ? rc : vps_ledger_fault(fault, rc, ledger->path);
}
