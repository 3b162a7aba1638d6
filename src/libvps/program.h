/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VPS_PROGRAM_H
#define VPS_PROGRAM_H

#include "vps.h"

#define VPS_PROGRAM_FDS 3

/*
 * vps_program_run - runs a program of this host's, without input and with an environment of its
 * own, and waits for it. The descriptors @fds, as many as are not -1, are 3, 4 and 5 in it; a
 * lock that is on one of them lasts as long as the program even if the caller does not. What
 * it says is lost but for the last error, which is in the object of @fault when it fails.
 * Returns its exit status.
 *   -ENOENT no such program   -EIO it was killed
 */
int vps_program_run(const char *const *argv, const int fds[VPS_PROGRAM_FDS],
		    struct vps_fault *fault);

#endif /* VPS_PROGRAM_H */
