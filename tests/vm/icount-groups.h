/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups as those of a context, by number, with the context or without. What fails ends the
 * program with words on what it was.
 */
#ifndef VPS_TEST_ICOUNT_GROUPS_H
#define VPS_TEST_ICOUNT_GROUPS_H

#include <stdbool.h>

enum kind { GROUPS, CONTEXT };

void groups_mount(const char *options);
void groups_make(int id, enum kind kind);
void groups_remove(int id, enum kind kind);
/* Moves process @pid, 0 is the caller, to where a context has its processes. */
void groups_move(int id, enum kind kind, int pid);
/* How many processes context @id has. */
unsigned long groups_processes(int id);
void groups_die(const char *what, int id);

#endif
