// SPDX-License-Identifier: GPL-2.0-or-later
/* Hours, days and months of UTC. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli.h"

/* In a pattern '9' is a digit and ' ' what is between a day and an hour. */
static const struct shape {
	enum vps_period period;
	const char *pattern;
} shapes[] = {
	{ VPS_PERIOD_MONTH, "9999-99" },
	{ VPS_PERIOD_DAY, "9999-99-99" },
	{ VPS_PERIOD_HOUR, "9999-99-99 99" },
};

#define SHAPES (sizeof(shapes) / sizeof(*shapes))

static bool has_shape(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++) {
		bool fits = *pattern == '9' ? *text >= '0' && *text <= '9' :
			    *pattern == ' ' ? *text == ' ' || *text == 'T' : *text == *pattern;

		if (!fits)
			return false;
	}
	return !*text;
}

/* @count digits, which are there. */
static int number_at(const char *text, int count)
{
	int number = 0;

	while (count-- > 0)
		number = 10 * number + *text++ - '0';
	return number;
}

int cli_parse_period(const char *text, enum vps_period *ret_period, uint64_t *ret_begin)
{
	struct tm asked = { .tm_mday = 1 }, tm;
	const struct shape *shape = shapes;
	time_t begin;

	while (shape < shapes + SHAPES && !has_shape(text, shape->pattern))
		shape++;
	if (shape == shapes + SHAPES)
		return -EINVAL;
	asked.tm_year = number_at(text, 4) - 1900;
	asked.tm_mon = number_at(text + 5, 2) - 1;
	if (shape->period != VPS_PERIOD_MONTH)
		asked.tm_mday = number_at(text + 8, 2);
	if (shape->period == VPS_PERIOD_HOUR)
		asked.tm_hour = number_at(text + 11, 2);
	/* What is not in the calendar comes back as another day. */
	tm = asked;
	begin = timegm(&tm);
	if (begin < 0 || tm.tm_mon != asked.tm_mon || tm.tm_mday != asked.tm_mday ||
	    tm.tm_hour != asked.tm_hour)
		return -EINVAL;
	*ret_period = shape->period;
	*ret_begin = (uint64_t)begin;
	return 0;
}

/* The period that @time is in, or the one @more after it. */
static uint64_t begin_of(enum vps_period period, uint64_t time, int more)
{
	time_t seconds = (time_t)time;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		cli_die(cli.failed, -EOVERFLOW, "time");
	tm.tm_sec = tm.tm_min = 0;
	if (period != VPS_PERIOD_HOUR)
		tm.tm_hour = 0;
	if (period == VPS_PERIOD_MONTH) {
		tm.tm_mday = 1;
		tm.tm_mon += more;
	} else if (period == VPS_PERIOD_DAY) {
		tm.tm_mday += more;
	} else {
		tm.tm_hour += more;
	}
	return (uint64_t)timegm(&tm);
}

uint64_t cli_period_begin(enum vps_period period, uint64_t time)
{
	return begin_of(period, time, 0);
}

uint64_t cli_period_end(enum vps_period period, uint64_t time)
{
	return begin_of(period, time, 1);
}

const char *cli_period_text(enum vps_period period, uint64_t time, char buf[CLI_PERIOD_TEXT])
{
	const struct shape *shape = shapes;
	time_t seconds = (time_t)time;
	struct tm tm;

	while (shape->period != period)
		shape++;
	if (!gmtime_r(&seconds, &tm) || !strftime(buf, CLI_PERIOD_TEXT, "%Y-%m-%dT%H", &tm))
		cli_die(cli.failed, -EOVERFLOW, "time");
	buf[strlen(shape->pattern)] = '\0';
	return buf;
}
