/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clock since boot that a VPS has. uptime(1), and when processes began, are told by it; all
 * that is told inside by any other clock is the machine's.
 */
#ifndef VPS_CLOCK_H
#define VPS_CLOCK_H

/*
 * The children of the caller have a clock of their own from now on, which begins now. Returns a
 * descriptor for vps_clock_leave(), or -1 where there are no such clocks: they do without.
 */
int vps_clock_make(void);

/* No more of them do; closes @back, which may be -1. */
void vps_clock_leave(int back);

/* What setns(2) takes to enter that of another process; 0 where there are no such clocks. */
int vps_clock_flag(void);

#endif /* VPS_CLOCK_H */
