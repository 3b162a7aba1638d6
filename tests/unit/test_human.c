// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>

#include "cli.h"
#include "tap.h"

#define S 1000000ULL

static const struct {
	uint64_t value;
	const char *text;
} sizes[] = {
	{ 0, "0" },
	{ 1, "1" },
	{ 1023, "1023" },
	{ 1024, "1.0K" },
	{ 1536, "1.5K" },
	{ 10188, "9.9K" },
	{ 10189, "10K" },			/* never 10.0K */
	{ 1023 * 1024, "1023K" },
	{ 1024 * 1024 - 1, "1.0M" },		/* never 1024K */
	{ 1ULL << 30, "1.0G" },
	{ 300ULL << 40, "300T" },
	{ 1ULL << 50, "1.0P" },
	{ UINT64_MAX, "16E" },
}, rates[] = {
	{ 0, "0bit/s" },
	{ 999, "999bit/s" },
	{ 1000, "1.0kbit/s" },
	{ 9949, "9.9kbit/s" },
	{ 9950, "10kbit/s" },
	{ 999499, "999kbit/s" },
	{ 999500, "1.0Mbit/s" },
	{ 2500000000000ULL, "2.5Tbit/s" },
	{ UINT64_MAX, "18Ebit/s" },
}, times[] = {
	{ 0, "0m00s00" },
	{ 9999, "0m00s00" },
	{ 10000, "0m00s01" },
	{ 62 * S + 30000, "1m02s03" },
	{ 3600 * S - 1, "59m59s99" },
	{ 3600 * S, "1h00m00" },
	{ 2 * 3600 * S + 3 * 60 * S + 4 * S, "2h03m04" },
	{ 86400 * S - 1, "23h59m59" },
	{ 5 * 86400 * S + 6 * 3600 * S + 7 * 60 * S, "5d06h07" },
	{ UINT64_MAX, "213503982d08h01" },
};

int main(void)
{
	char buf[24];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		is_str(cli_human_size(sizes[i].value, buf), sizes[i].text,
		       "%" PRIu64 " bytes", sizes[i].value);
	for (i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		is_str(cli_human_rate(rates[i].value, buf), rates[i].text,
		       "%" PRIu64 " bits a second", rates[i].value);
	for (i = 0; i < sizeof(times) / sizeof(*times); i++)
		is_str(cli_human_time(times[i].value, buf), times[i].text,
		       "%" PRIu64 " us", times[i].value);
	return done();
}
