// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "util.h"

#define OWN_CLOCK "/proc/self/ns/time"

/* In whole seconds, downwards: no process begins before the clock does. */
static int set_clock(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_BOOTTIME, &now);
	snprintf(text, sizeof(text), "boottime -%lld 0\n", (long long)now.tv_sec);
	return vps_write_at(AT_FDCWD, "/proc/self/timens_offsets", text);
}

int vps_clock_make(void)
{
	_cleanup_(closep) int back = open(OWN_CLOCK, O_RDONLY | O_CLOEXEC);

	/* The way back is tried first: a process that has threads has none. */
	if (back < 0 || setns(back, CLONE_NEWTIME) < 0 || unshare(CLONE_NEWTIME) < 0)
		return -1;
	if (set_clock()) {
		(void)setns(back, CLONE_NEWTIME);
		return -1;
	}
	return steal_fd(&back);
}

void vps_clock_leave(int back)
{
	if (back < 0)
		return;
	(void)setns(back, CLONE_NEWTIME);
	close(back);
}

int vps_clock_flag(void)
{
	return access(OWN_CLOCK, F_OK) < 0 ? 0 : CLONE_NEWTIME;
}
