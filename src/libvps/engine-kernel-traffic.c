// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel has counted by itself: /proc/vservers/traffic, see vps_proc(5). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine-kernel.h"
#include "util.h"

#define TRAFFIC "/proc/vservers/traffic"

/* The kernel takes any name from who makes a context by the call. */
static void set_name(struct vps_account *account, const char *name)
{
	if (vps_is_name(name))
		snprintf(account->name, sizeof(account->name), "%s", name);
}

static int parse_line(char *line, struct vps_account *account, struct vps_count *count)
{
	int length = 0;

	line[strcspn(line, "\n")] = '\0';
	*account = (struct vps_account){ .by_engine = true };
	if (sscanf(line,
		   "%" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 "%n",
		   &account->id, &count->in, &count->out, &count->in_packets, &count->out_packets,
		   &account->key, &length) != 6 || line[length] != ' ')
		return -EPROTO;
	set_name(account, line + length + 1);
	return 0;
}

int vps_kernel_each_account(int (*take)(void *data, const struct vps_account *account,
					const struct vps_count *count), void *data)
{
	_cleanup_(fclosep) FILE *file = fopen(TRAFFIC, "re");
	_cleanup_(freep) char *line = NULL;
	struct vps_account account;
	struct vps_count count;
	size_t room = 0;
	int rc = 0;

	if (!file)
		return -errno;
	while (!rc && getline(&line, &room, file) > 0)
		rc = parse_line(line, &account, &count) ?: take(data, &account, &count);
	return rc ?: ferror(file) ? -EIO : 0;
}
