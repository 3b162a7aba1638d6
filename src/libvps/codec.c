// SPDX-License-Identifier: LGPL-2.1-or-later
/* How the kernel's files write limits. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "resource.h"
#include "util.h"

#define PERIOD_US 100000
/* Rounded down to a page this is what an unlimited v1 file says; larger pages say less. */
#define V1_NO_LIMIT (INT64_MAX - UINT64_C(0xffff))

static int write_number(int group, const char *file, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return vps_write_at(group, file, text);
}

int vps_decode_max(const char *text, const char *argument, uint64_t *ret_value)
{
	(void)argument;
	if (strncmp(text, "max", 3))
		return vps_parse_line(text, ret_value);
	*ret_value = VPS_LIMIT_INF;
	return 0;
}

int vps_encode_max(int group, const char *file, const char *argument, uint64_t value)
{
	(void)argument;
	if (value == VPS_LIMIT_INF)
		return vps_write_at(group, file, "max");
	return write_number(group, file, value);
}

int vps_decode_v1_bytes(const char *text, const char *argument, uint64_t *ret_value)
{
	int rc = vps_parse_line(text, ret_value);

	(void)argument;
	if (!rc && *ret_value >= V1_NO_LIMIT)
		*ret_value = VPS_LIMIT_INF;
	return rc;
}

int vps_encode_v1_bytes(int group, const char *file, const char *argument, uint64_t value)
{
	(void)argument;
	if (value == VPS_LIMIT_INF)
		return vps_write_at(group, file, "-1");
	return write_number(group, file, value);
}

/* Whoever else wrote the quota may have chosen half a percent. */
static uint64_t percent_of(uint64_t quota, uint64_t period)
{
	return period ? (quota * 100 + period / 2) / period : 0;
}

int vps_decode_cpu_max(const char *text, const char *argument, uint64_t *ret_value)
{
	uint64_t quota, period;

	(void)argument;
	if (!strncmp(text, "max", 3)) {
		*ret_value = VPS_LIMIT_INF;
		return 0;
	}
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &quota, &period) != 2)
		return -EINVAL;
	*ret_value = percent_of(quota, period);
	return 0;
}

int vps_encode_cpu_max(int group, const char *file, const char *argument, uint64_t value)
{
	char text[48];

	(void)argument;
	if (value == VPS_LIMIT_INF)
		snprintf(text, sizeof(text), "max %d", PERIOD_US);
	else
		snprintf(text, sizeof(text), "%" PRIu64 " %d", value * (PERIOD_US / 100),
			 PERIOD_US);
	return vps_write_at(group, file, text);
}

/* The period is the kernel's default, since nobody else writes into a context's group. */
int vps_decode_cfs_quota(const char *text, const char *argument, uint64_t *ret_value)
{
	uint64_t quota;
	int rc;

	(void)argument;
	if (*text == '-') {
		*ret_value = VPS_LIMIT_INF;
		return 0;
	}
	rc = vps_parse_line(text, &quota);
	if (!rc)
		*ret_value = percent_of(quota, PERIOD_US);
	return rc;
}

int vps_encode_cfs_quota(int group, const char *file, const char *argument, uint64_t value)
{
	int rc;

	(void)argument;
	if (value == VPS_LIMIT_INF)
		return vps_write_at(group, file, "-1");
	rc = write_number(group, "cpu.cfs_period_us", PERIOD_US);
	return rc ?: write_number(group, file, value * (PERIOD_US / 100));
}

int vps_decode_shares(const char *text, const char *argument, uint64_t *ret_value)
{
	uint64_t shares;
	int rc = vps_parse_line(text, &shares);

	(void)argument;
	if (!rc)
		*ret_value = (shares * 100 + 512) / 1024;
	return rc;
}

int vps_encode_shares(int group, const char *file, const char *argument, uint64_t value)
{
	(void)argument;
	return write_number(group, file, (value * 1024 + 50) / 100);
}

/* ---- disks ------------------------------------------------------------------------- */

/* What is made of other disks is limited by them. */
static bool is_disk(const char *name)
{
	static const char *const made[] = { "loop", "ram", "zram", "dm-", "md", "sr", "fd" };

	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		if (!strncmp(name, made[i], strlen(made[i])))
			return false;
	return *name != '.';
}

/* Calls @visit with "MAJOR:MINOR" of each disk until it fails; -ENODEV: there is none. */
static int for_disks(int (*visit)(const char *device, void *data), void *data)
{
	_cleanup_(closedirp) DIR *dir = opendir("/sys/block");
	struct dirent *entry;
	int rc = -ENODEV;

	while (dir && (entry = readdir(dir))) {
		char path[300], device[24];
		ssize_t n;

		if (!is_disk(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/dev", entry->d_name);
		n = vps_read_at(dirfd(dir), path, device, sizeof(device));
		if (n < 0)	/* pulled out */
			continue;
		device[strcspn(device, "\n")] = '\0';
		rc = visit(device, data);
		if (rc)
			return rc;
	}
	return rc;
}

/* The value of "@key=value" among the words of the line; NULL when it has none. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	for (; *line && *line != '\n'; line += strcspn(line, " \n"), line += *line == ' ')
		if (!strncmp(line, key, len) && line[len] == '=')
			return line + len + 1;
	return NULL;
}

struct io {
	const char *text;
	const char *key;
	uint64_t value;
	int group;
	const char *file;
};

/* A disk without a limit is one for which there is none. */
static int widest_visit(const char *device, void *data)
{
	struct io *io = data;
	const char *line = vps_find_line(io->text, device);
	const char *word = line ? value_of(line, io->key) : NULL;
	uint64_t value = VPS_LIMIT_INF;

	if (word && strncmp(word, "max", 3) && sscanf(word, "%" SCNu64, &value) != 1)
		return -EINVAL;
	if (value > io->value)
		io->value = value;
	return 0;
}

int vps_decode_io_max(const char *text, const char *argument, uint64_t *ret_value)
{
	struct io io = { .text = text, .key = argument };
	int rc = for_disks(widest_visit, &io);

	if (!rc)
		*ret_value = io.value;
	return rc;
}

static int write_visit(const char *device, void *data)
{
	const struct io *io = data;
	char text[64];

	if (io->value == VPS_LIMIT_INF)
		snprintf(text, sizeof(text), "%s %s=max", device, io->key);
	else
		snprintf(text, sizeof(text), "%s %s=%" PRIu64, device, io->key, io->value);
	return vps_write_at(io->group, io->file, text);
}

int vps_encode_io_max(int group, const char *file, const char *argument, uint64_t value)
{
	struct io io = { .group = group, .file = file, .key = argument, .value = value };

	return for_disks(write_visit, &io);
}

static int sum_visit(const char *device, void *data)
{
	struct io *io = data;
	const char *line = vps_find_line(io->text, device);
	const char *word = line ? value_of(line, io->key) : NULL;
	uint64_t value;

	if (word && sscanf(word, "%" SCNu64, &value) == 1)
		io->value += value;
	return 0;
}

int vps_sum_io_stat(const char *text, const char *field, uint64_t *ret_value)
{
	struct io io = { .text = text, .key = field };
	int rc = for_disks(sum_visit, &io);

	if (!rc)
		*ret_value = io.value;
	return rc;
}
