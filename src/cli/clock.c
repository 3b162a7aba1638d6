// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>

#include "cli.h"

int64_t cli_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
