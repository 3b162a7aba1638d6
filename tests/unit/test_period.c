// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>

#include "cli.h"
#include "tap.h"

static const struct {
	const char *text;
	int err;
	enum vps_period period;
	uint64_t begin, end;
	const char *shown;
} times[] = {
	{ "2026-10", 0, VPS_PERIOD_MONTH, 1790812800, 1793491200, "2026-10" },
	{ "2026-12", 0, VPS_PERIOD_MONTH, 1796083200, 1798761600, "2026-12" },
	{ "2024-02-29", 0, VPS_PERIOD_DAY, 1709164800, 1709251200, "2024-02-29" },
	{ "2026-10-31 23", 0, VPS_PERIOD_HOUR, 1793487600, 1793491200, "2026-10-31T23" },
	{ "2026-10-31T00", 0, VPS_PERIOD_HOUR, 1793404800, 1793408400, "2026-10-31T00" },
	/* Summer begins and ends in many places, not here. */
	{ "2026-03-29 02", 0, VPS_PERIOD_HOUR, 1774749600, 1774753200, "2026-03-29T02" },
	{ "1970-01", 0, VPS_PERIOD_MONTH, 0, 2678400, "1970-01" },
	{ "9999-12-31 23", 0, VPS_PERIOD_HOUR, 253402297200, 253402300800, "9999-12-31T23" },
	{ .text = "", .err = -EINVAL },
	{ .text = "2026", .err = -EINVAL },
	{ .text = "2026-1", .err = -EINVAL },
	{ .text = "2026-00", .err = -EINVAL },
	{ .text = "2026-13", .err = -EINVAL },
	{ .text = "1969-12", .err = -EINVAL },
	{ .text = "2026-02-29", .err = -EINVAL },
	{ .text = "2026-04-31", .err = -EINVAL },
	{ .text = "2026-10-00", .err = -EINVAL },
	{ .text = "2026-10-01 24", .err = -EINVAL },
	{ .text = "2026-10-01 1", .err = -EINVAL },
	{ .text = "2026-10-01 10:00", .err = -EINVAL },
	{ .text = "2026-10-01  10", .err = -EINVAL },
	{ .text = "2026-10-01 ", .err = -EINVAL },
	{ .text = " 2026-10", .err = -EINVAL },
	{ .text = "2026-10 ", .err = -EINVAL },
	{ .text = "2026/10/01", .err = -EINVAL },
	{ .text = "+026-10", .err = -EINVAL },
	{ .text = "2026-+1", .err = -EINVAL },
	{ .text = "today", .err = -EINVAL },
};

int main(void)
{
	/* Whoever asks from Kathmandu is told the same. */
	setenv("TZ", "NPT-5:45", 1);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		enum vps_period period = VPS_PERIOD_MONTH;
		uint64_t begin = 42;
		char buf[CLI_PERIOD_TEXT];

		is_int(cli_parse_period(times[i].text, &period, &begin), times[i].err, "'%s'",
		       times[i].text);
		if (times[i].err) {
			is_int(begin, 42, "'%s': nothing is written", times[i].text);
			continue;
		}
		is_int(period, times[i].period, "'%s': its kind", times[i].text);
		is_int(begin, times[i].begin, "'%s': its begin", times[i].text);
		is_int(cli_period_end(period, begin), times[i].end, "'%s': its end", times[i].text);
		is_int(cli_period_begin(period, times[i].end - 1), begin, "'%s': its last second",
		       times[i].text);
		is_str(cli_period_text(period, begin, buf), times[i].shown, "'%s': as it is shown",
		       times[i].text);
	}
	return done();
}
