// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a picture of a time has its labels. */
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "vtraf.h"

/* A tic is where a period begins whose place in the next longer one is a multiple of @every. */
static const struct step {
	enum vps_period period;
	int every;
} steps[] = {
	{ VPS_PERIOD_HOUR, 1 }, { VPS_PERIOD_HOUR, 2 }, { VPS_PERIOD_HOUR, 3 },
	{ VPS_PERIOD_HOUR, 6 }, { VPS_PERIOD_HOUR, 12 }, { VPS_PERIOD_DAY, 1 },
	{ VPS_PERIOD_DAY, 2 }, { VPS_PERIOD_DAY, 7 }, { VPS_PERIOD_MONTH, 1 },
	{ VPS_PERIOD_MONTH, 2 }, { VPS_PERIOD_MONTH, 3 }, { VPS_PERIOD_MONTH, 6 },
	{ VPS_PERIOD_MONTH, 12 },
};

#define STEPS (sizeof(steps) / sizeof(*steps))

static bool is_tic(const struct step *step, uint64_t time, struct tm *ret_tm)
{
	time_t seconds = (time_t)time;

	if (!gmtime_r(&seconds, ret_tm))
		return false;
	if (step->period == VPS_PERIOD_HOUR)
		return ret_tm->tm_hour % step->every == 0;
	if (step->period == VPS_PERIOD_MONTH)
		return ret_tm->tm_mon % step->every == 0;
	/* What is too near to the 1st of the next month has none. */
	return step->every == 1 || ((ret_tm->tm_mday - 1) % step->every == 0 &&
				    ret_tm->tm_mday <= 30 - step->every / 3);
}

/* Tells them to @tic if there is one; returns how many, or one more than @most. */
static unsigned int tell_tics(uint64_t from, uint64_t to, const struct step *step,
			      unsigned int most,
			      void (*tic)(uint64_t after, const char *label, void *data),
			      void *data)
{
	uint64_t time = cli_period_begin(step->period, from);
	unsigned int count = 0;
	char label[24];
	struct tm tm;

	for (; time <= to && count <= most; time = cli_period_end(step->period, time)) {
		if (time < from || !is_tic(step, time, &tm))
			continue;
		count++;
		if (!tic)
			continue;
		if (step->period == VPS_PERIOD_HOUR && tm.tm_hour)
			strftime(label, sizeof(label), "%H:%M", &tm);
		else if (step->period != VPS_PERIOD_MONTH)
			strftime(label, sizeof(label), "%d %b", &tm);
		else
			strftime(label, sizeof(label), step->every < 12 ? "%b %Y" : "%Y", &tm);
		tic(time - from, label, data);
	}
	return count;
}

void traffic_tics(uint64_t from, uint64_t to, unsigned int most,
		  void (*tic)(uint64_t after, const char *label, void *data), void *data)
{
	const struct step *step = steps;

	while (step < steps + STEPS - 1 && tell_tics(from, to, step, most, NULL, NULL) > most)
		step++;
	tell_tics(from, to, step, UINT_MAX, tic, data);
}
