/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What spawn.c and enter.c need of a context beyond vps.h. */
#ifndef VPS_CONTEXT_H
#define VPS_CONTEXT_H

#include "engine.h"

/* Notes that the context with group @group, which was kept, does not run any more. */
int vps_context_set_starting(int group);

/* Notes @pid as the first process of the context with group @group, when it is inside. */
int vps_context_note_init(int group, pid_t pid, bool userns);

/* Notes that context @id, with group @group, runs @pid: a private one is shut from here on. */
int vps_context_set_running(struct vps_host *host, uint32_t id, int group, pid_t pid);

/* Has it something in @attr, however long? */
bool vps_context_has(int group, enum vps_attr attr);

#endif /* VPS_CONTEXT_H */
