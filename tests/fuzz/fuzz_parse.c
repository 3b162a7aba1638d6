// SPDX-License-Identifier: GPL-2.0-or-later
/* Any word to every parser: it is refused, or within its bounds and means one thing. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_numbers(const char *s)
{
	uint64_t value, bytes;
	char digits[32];
	uint32_t id;

	if (!vps_parse_u64(s, &value)) {
		snprintf(digits, sizeof(digits), "%" PRIu64, value);
		if (strcmp(s + strspn(s, "0"), value ? digits : ""))
			abort();
		if (vps_parse_size(s, &bytes) || bytes != value)
			abort();
	}
	if (!vps_parse_id(s, &id) && id > VPS_ID_MAX)
		abort();
}

static void check_words(const char *s)
{
	enum vps_engine_kind kind;
	uint32_t flags, again;
	int number;
	char text[64];

	if (!vps_parse_flags(s, &flags)) {
		if (vps_format_flags(flags, text, sizeof(text)) >= (int)sizeof(text) ||
		    vps_parse_flags(text, &again) || again != flags)
			abort();
	}
	if (!vps_parse_signal(s, &number) && (number < 0 || number > 64))
		abort();
	if (!vps_parse_cap(s, &number) && (number < 0 || number > 63))
		abort();
	vps_parse_engine(s, &kind);
	if (vps_is_name(s) && (strlen(s) > VPS_NAME_MAX || strchr(s, '/') || *s == '.'))
		abort();
	if (vps_is_hostname(s) && strlen(s) > VPS_HOSTNAME_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	check_numbers(s);
	check_words(s);
	free(s);
	return 0;
}
