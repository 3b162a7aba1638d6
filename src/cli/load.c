// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * As the kernel works out its own load averages: a mean in which the past fades away, in fixed
 * point, rounded up while it rises so that it comes to be what it is the average of.
 */
#include "top.h"

#define SHIFT 11
#define ONE (UINT64_C(1) << SHIFT)

/* What is left of the past after five seconds: e to the power of -1/12, -1/60 and -1/180. */
static const uint64_t left[3] = { 1884, 2014, 2037 };

void top_load_add(struct top_load *load, uint64_t active)
{
	active <<= SHIFT;
	for (int i = 0; i < 3; i++) {
		uint64_t average = load->averages[i];
		uint64_t sum = average * left[i] + active * (ONE - left[i]);

		if (active >= average)
			sum += ONE - 1;
		load->averages[i] = sum >> SHIFT;
	}
}

/* Hundredths, rounded as /proc/loadavg has them. */
double top_load_average(const struct top_load *load, int which)
{
	uint64_t average = load->averages[which] + ONE / 200;

	return (double)(average >> SHIFT) + (double)(((average & (ONE - 1)) * 100) >> SHIFT) / 100;
}
