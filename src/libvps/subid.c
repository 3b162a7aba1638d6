// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>

#include "subid.h"
#include "util.h"

/* "user:start:count"; what cannot be read so is no range of anybody's. */
static int line_meets(char *line, uint64_t base)
{
	uint64_t start, count;
	char *save, *word;

	line[strcspn(line, "\n")] = '\0';
	if (!strtok_r(line, ":", &save))
		return 0;
	word = strtok_r(NULL, ":", &save);
	if (!word || vps_parse_u64(word, &start))
		return 0;
	word = strtok_r(NULL, ":", &save);
	if (!word || vps_parse_u64(word, &count))
		return 0;
	return start < base + VPS_UID_COUNT && base < start + count;
}

static int file_meets(const char *path, uint64_t base)
{
	_cleanup_(fclosep) FILE *file = fopen(path, "re");
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (getline(&line, &size, file) > 0)
		if (line_meets(line, base))
			return 1;
	return ferror(file) ? -EIO : 0;
}

int vps_subid_meets(uint32_t id)
{
	int rc = file_meets("/etc/subuid", (uint64_t)id << 16);

	return rc ?: file_meets("/etc/subgid", (uint64_t)id << 16);
}
