// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits that are nearly met. */
#include <string.h>

#include "cli.h"

uint64_t cli_take_percent(const char *option, char *text)
{
	size_t len = strlen(text);
	uint64_t percent;

	if (len && text[len - 1] == '%')
		text[len - 1] = '\0';
	if (vps_parse_u64(text, &percent) || percent < 1 || percent > 100)
		cli_usage("--%s='%s': not a percentage from 1 to 100", option, text);
	free(text);
	return percent;
}

static bool is_near(uint64_t used, uint64_t limit, uint64_t percent)
{
	if (limit == VPS_LIMIT_INF || limit == VPS_LIMIT_NONE)
		return false;
	return (double)used * 100 >= (double)limit * (double)percent;
}

bool cli_limit_is_near(const struct vps_resource *resource, const struct vps_limit_state *state,
		       uint64_t percent)
{
	/* A sum over time is never near a rate. */
	if (resource->unit != resource->used_unit || state->used == VPS_LIMIT_NONE)
		return false;
	return is_near(state->used, state->soft, percent) ||
	       is_near(state->used, state->hard, percent);
}
