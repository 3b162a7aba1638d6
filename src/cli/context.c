// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "cli.h"

/* What to do about it, where the system's own words do not tell. */
static noreturn void die_no_host(int err, const struct vps_fault *fault)
{
	switch (err) {
	case -EPERM:
		cli_die(cli.failed, 0, "must be run as root of the host");
	case -ENODEV:
		cli_die(cli.failed, 0, "cgroup2 is not mounted"
			" (mount -t cgroup2 cgroup2 /sys/fs/cgroup)");
	case -ENOTSUP:
		cli_die(cli.failed, 0, "%s: %s (see vps doctor)", fault->object,
			fault->step);
	}
	cli_warn_fault(err, fault);
	exit(cli.failed);
}

struct vps_host *cli_host(void)
{
	enum vps_engine_kind engine = VPS_ENGINE_ANY;
	const char *name = getenv("VPS_ENGINE");
	const char *dir = getenv("VPS_RUN_DIR");
	struct vps_fault fault = { .step = "" };
	struct vps_host *host;
	int err;

	if (name && vps_parse_engine(name, &engine))
		cli_die(cli.failed, 0, "VPS_ENGINE='%s': neither 'kernel' nor 'stock'",
			name);
	err = vps_host_open(engine, &host, &fault);
	if (err)
		die_no_host(err, &fault);
	if (dir && *dir)
		vps_host_set_run_dir(host, dir);
	return host;
}

/* Tells a VPS that is stopped from one that was never made. */
static bool is_configured(const char *name)
{
	const char *dir = getenv("VPS_CONFIG_DIR");
	_cleanup_(cli_freep) char *path = NULL;

	if (asprintf(&path, "%s/%s.conf", dir && *dir ? dir : VPS_CONFIG_DIR, name) < 0) {
		path = NULL;
		return false;
	}
	return access(path, F_OK) == 0;
}

static int find_number(struct vps_host *host, const char *word, uint32_t *ret_id)
{
	struct vps_context_info info;
	uint32_t id = cli_parse_ctx(word, VPS_ID_MIN);
	int err = vps_context_info(host, id, &info);

	if (err == -ENOENT)
		cli_warn(0, "%u: no such context", id);
	else if (err)
		cli_warn(err, "context %u", id);
	else
		*ret_id = id;
	return err;
}

static int find_name(struct vps_host *host, const char *name, uint32_t *ret_id)
{
	int err;

	if (!vps_is_name(name)) {
		cli_warn(0, "'%s': not a context number and not a name", name);
		return -EINVAL;
	}
	err = vps_context_find(host, name, ret_id);
	if (err == -ENOENT)
		cli_warn(0, "%s: %s", name,
			 is_configured(name) ? "not running" : "no such VPS");
	else if (err)
		cli_warn(err, "%s", name);
	return err;
}

int cli_find_context(struct vps_host *host, const char *word, uint32_t *ret_id)
{
	if (*word && !word[strspn(word, "0123456789")])
		return find_number(host, word, ret_id);
	return find_name(host, word, ret_id);
}

uint32_t cli_context(struct vps_host *host, const char *word)
{
	uint32_t id;

	if (cli_find_context(host, word, &id))
		exit(cli.failed);
	return id;
}

uint32_t cli_parse_ctx(const char *arg, uint32_t min)
{
	uint32_t id;

	if (vps_parse_id(arg, &id) || id < min)
		cli_usage("context '%s': not a number from %u to %u", arg, min,
			  VPS_ID_MAX);
	return id;
}
