// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "engine.h"
#include "util.h"

static int add_process(pid_t pid, struct vps_usage *usage)
{
	struct vps_proc_stat stat;
	int rc = vps_proc_stat(pid, &stat);

	if (rc)		/* ended meanwhile */
		return rc == -ESRCH ? 0 : rc;
	usage->procs++;
	usage->tasks += stat.threads;
	usage->vsz += stat.vsz;
	usage->rss += stat.rss;
	return 0;
}

/* cpu.stat of v2 is kept without a cpu controller too, and counts the dead as well. */
static int add_times(int dirfd, const char *path, struct vps_usage *usage)
{
	char text[1024];
	const char *user, *system;
	ssize_t n = vps_read_at(dirfd, path, text, sizeof(text));

	if (n < 0)
		return (int)n;
	user = vps_find_line(text, "user_usec");
	system = vps_find_line(text, "system_usec");
	if (!user || vps_parse_line(user, &usage->user_us) ||
	    !system || vps_parse_line(system, &usage->system_us))
		return -ENOTSUP;
	return 0;
}

/* The controller counts a shared page once, and what the kernel holds for the context. */
static int controller_rss(const struct vps_host *host, uint32_t id, uint64_t *ret_rss)
{
	_cleanup_(closep) int group = vps_group_of_controller(&host->cg, id, VPS_CTL_MEMORY);
	bool v1 = vps_controller_version(&host->cg, VPS_CTL_MEMORY) == 1;

	if (group < 0)
		return group;
	return vps_read_number(group, v1 ? "memory.usage_in_bytes" : "memory.current", ret_rss);
}

static int context_usage(struct vps_host *host, uint32_t id, struct vps_usage *usage)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	_cleanup_(freep) pid_t *pids = NULL;
	uint64_t rss;
	size_t count;
	int rc;

	if (group < 0)
		return group;
	rc = vps_group_pids(group, &pids, &count);
	for (size_t i = 0; !rc && i < count; i++)
		rc = add_process(pids[i], usage);
	if (!rc)
		rc = add_times(group, "cpu.stat", usage);
	if (!rc && !controller_rss(host, id, &rss))
		usage->rss = rss;
	return rc;
}

static int compare_pids(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All times of the machine but those of the contexts, dead ones included. */
static void host_times(const struct vps_host *host, struct vps_usage *usage)
{
	struct vps_usage all = { 0 }, contexts = { 0 };
	_cleanup_(closep) int root = open(host->cg.root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (add_times(root, "cpu.stat", &all))
		return;
	if (host->cg.parent_fd >= 0)
		add_times(host->cg.parent_fd, "cpu.stat", &contexts);
	usage->user_us = all.user_us - contexts.user_us;
	usage->system_us = all.system_us - contexts.system_us;
}

/* The processes of every context, sorted. */
static int foreign_pids(const struct vps_host *host, pid_t **ret_pids, size_t *ret_count)
{
	int rc;

	*ret_pids = NULL;
	*ret_count = 0;
	if (host->cg.parent_fd < 0)
		return 0;
	rc = vps_group_pids(host->cg.parent_fd, ret_pids, ret_count);
	if (!rc && *ret_count)
		qsort(*ret_pids, *ret_count, sizeof(**ret_pids), compare_pids);
	return rc;
}

static int host_usage(struct vps_host *host, struct vps_usage *usage)
{
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	_cleanup_(freep) pid_t *foreign = NULL;
	struct dirent *entry;
	uint64_t number;
	size_t count;
	int rc;

	if (!proc)
		return -errno;
	rc = foreign_pids(host, &foreign, &count);
	while (!rc && (entry = readdir(proc))) {
		pid_t pid;

		if (vps_parse_u64(entry->d_name, &number))
			continue;
		pid = (pid_t)number;
		if (!count || !bsearch(&pid, foreign, count, sizeof(pid), compare_pids))
			rc = add_process(pid, usage);
	}
	if (!rc)
		host_times(host, usage);
	return rc;
}

/* Of /proc/loadavg, what is before the third blank. */
static int machine_load(char ret_load[VPS_LOAD_SIZE])
{
	char text[256], *end = text;
	ssize_t n = vps_read_at(AT_FDCWD, "/proc/loadavg", text, sizeof(text));

	if (n < 0)
		return (int)n;
	for (int i = 0; end && i < 3; i++)
		end = strchr(end + !!i, ' ');
	if (!end || end - text >= VPS_LOAD_SIZE)
		return -ENODATA;
	snprintf(ret_load, VPS_LOAD_SIZE, "%.*s", (int)(end - text), text);
	return 0;
}

/* Nothing, not zeros, where it is not known. */
static void add_load(const struct vps_host *host, uint32_t id, struct vps_usage *usage)
{
	int rc = -ENOTSUP;

	if (id == VPS_ID_HOST)
		rc = machine_load(usage->load);
	else if (host->engine->load)
		rc = host->engine->load(id, usage->load);
	if (rc)
		usage->load[0] = '\0';
}

int vps_context_usage(struct vps_host *host, uint32_t id, struct vps_usage *ret_usage)
{
	struct vps_usage usage = { 0 };
	int rc = id == VPS_ID_HOST ? host_usage(host, &usage) : context_usage(host, id, &usage);

	if (rc)
		return rc;
	add_load(host, id, &usage);
	*ret_usage = usage;
	return 0;
}
