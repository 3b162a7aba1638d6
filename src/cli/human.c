// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>

#include "cli.h"

const char *cli_human_size(uint64_t bytes, char buf[16])
{
	static const char *const units[] = { "", "K", "M", "G", "T", "P", "E" };
	double value = (double)bytes;
	unsigned int i = 0;

	/* What would be rounded to 1024 is 1.0 of the next unit. */
	for (; value >= 1023.5 && i < 6; i++)
		value /= 1024;
	snprintf(buf, 16, "%.*f%s", i > 0 && value < 9.95 ? 1 : 0, value, units[i]);
	return buf;
}

const char *cli_human_rate(uint64_t bits, char buf[16])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
	double value = (double)bits;
	unsigned int i = 0;

	/* What would be rounded to 1000 is 1.0 of the next unit. */
	for (; value >= 999.5 && i < 6; i++)
		value /= 1000;
	snprintf(buf, 16, "%.*f%sbit/s", i > 0 && value < 9.95 ? 1 : 0, value, units[i]);
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
