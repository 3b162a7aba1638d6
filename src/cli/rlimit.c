// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "cli.h"

static const struct {
	const char *name;
	int resource;
} names[] = {
	{ "as", RLIMIT_AS },		 { "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },		 { "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },	 { "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },	 { "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },	 { "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },	 { "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },	 { "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING }, { "stack", RLIMIT_STACK },
};

static int find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i].name) == len && !strncmp(names[i].name, name, len))
			return names[i].resource;
	return -ENOENT;
}

static int parse_value(const char *text, size_t len, rlim_t *ret_value)
{
	uint64_t value;
	char word[32];
	int err;

	if (len >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, len);
	word[len] = '\0';
	if (!strcmp(word, "inf") || !strcmp(word, "unlimited")) {
		*ret_value = RLIM_INFINITY;
		return 0;
	}
	err = vps_parse_size(word, &value);
	if (err)
		return err;
	if (value >= RLIM_INFINITY)
		return -ERANGE;
	*ret_value = (rlim_t)value;
	return 0;
}

int cli_parse_rlimit(const char *word, struct vps_rlimit *ret_rlimit)
{
	const char *value = strchr(word, '='), *hard;
	struct vps_rlimit rlimit;
	int err;

	if (!value)
		return -EINVAL;
	rlimit.resource = find(word, (size_t)(value - word));
	if (rlimit.resource < 0)
		return -ENOENT;
	hard = strchr(++value, ':');
	err = parse_value(value, hard ? (size_t)(hard - value) : strlen(value),
			  &rlimit.value.rlim_cur);
	rlimit.value.rlim_max = rlimit.value.rlim_cur;
	if (!err && hard)
		err = parse_value(hard + 1, strlen(hard + 1), &rlimit.value.rlim_max);
	if (err)
		return err;
	if (rlimit.value.rlim_cur > rlimit.value.rlim_max)
		return -EDOM;
	*ret_rlimit = rlimit;
	return 0;
}

void cli_take_rlimit(const char *word, struct vps_rlimit *ret_rlimit)
{
	int err = cli_parse_rlimit(word, ret_rlimit);

	if (err == -ENOENT)
		cli_usage("--rlimit='%s': no such limit of a process", word);
	if (err)
		cli_usage("--rlimit='%s': not NAME=HARD or NAME=SOFT:HARD", word);
}
