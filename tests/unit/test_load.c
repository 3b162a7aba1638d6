// SPDX-License-Identifier: GPL-2.0-or-later
/* Against e, of which the kernel's constants are powers. */
#include "tap.h"
#include "top.h"

static double after(uint64_t active, int periods, int which)
{
	struct top_load load = { { 0 } };

	while (periods--)
		top_load_add(&load, active);
	return top_load_average(&load, which);
}

static bool is_near(double value, double wanted)
{
	return value >= wanted - 0.011 && value <= wanted + 0.011;
}

static void test_rise(void)
{
	ok(is_near(after(1, 12, 0), 0.63), "one minute of one task: 1 - 1/e of it");
	ok(is_near(after(1, 60, 1), 0.63), "five minutes of it in the second");
	/* Rounding up, as the kernel does, is felt where a period adds so little. */
	ok(is_near(after(1, 180, 2), 0.65), "fifteen in the third");
	ok(is_near(after(3, 12, 1), 0.54), "three tasks, a fifth of the time");
	ok(after(1, 1000, 0) == 1.0, "it comes to be what it is the average of");
	ok(after(7, 5000, 2) == 7.0, "the slowest, too");
}

static void test_fall(void)
{
	struct top_load load = { { 0 } };
	int i;

	for (i = 0; i < 1000; i++)
		top_load_add(&load, 4);
	for (i = 0; i < 12; i++)
		top_load_add(&load, 0);
	ok(is_near(top_load_average(&load, 0), 1.47), "4/e of it a minute later");
	for (i = 0; i < 1000; i++)
		top_load_add(&load, 0);
	ok(top_load_average(&load, 0) == 0.0, "and nothing in the end");
	ok(top_load_average(&load, 2) < 0.05, "of the third next to nothing");
}

int main(void)
{
	test_rise();
	test_fall();
	return done();
}
