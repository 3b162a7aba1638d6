// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>

#include "cli.h"

/* @value in the largest unit, of which each is @base of the one before, that leaves a digit. */
static double scale(double value, double base, unsigned int *ret_unit)
{
	/* What would be rounded to @base is 1.0 of the next unit. */
	for (*ret_unit = 0; value >= base - 0.5 && *ret_unit < 6; (*ret_unit)++)
		value /= base;
	return value;
}

static int digits(double value, unsigned int unit)
{
	return unit > 0 && value < 9.95 ? 1 : 0;
}

const char *cli_human_size(uint64_t bytes, char buf[16])
{
	static const char *const units[] = { "", "K", "M", "G", "T", "P", "E" };
	unsigned int unit;
	double value = scale((double)bytes, 1024, &unit);

	snprintf(buf, 16, "%.*f%s", digits(value, unit), value, units[unit]);
	return buf;
}

const char *cli_human_rate(uint64_t bits, char buf[16])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
	unsigned int unit;
	double value = scale((double)bits, 1000, &unit);

	snprintf(buf, 16, "%.*f%sbit/s", digits(value, unit), value, units[unit]);
	return buf;
}

const char *cli_human_time(uint64_t us, char buf[24])
{
	uint64_t s = us / 1000000;
	unsigned int centi = us / 10000 % 100;
	unsigned int sec = s % 60, min = s / 60 % 60, hour = s / 3600 % 24;

	if (s < 3600)
		snprintf(buf, 24, "%um%02us%02u", min, sec, centi);
	else if (s < 86400)
		snprintf(buf, 24, "%uh%02um%02u", hour, min, sec);
	else
		snprintf(buf, 24, "%" PRIu64 "d%02uh%02u", s / 86400, hour, min);
	return buf;
}
