// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a load average is the average of. */
#include <errno.h>
#include <string.h>

#include "engine.h"
#include "util.h"

static bool is_active(const struct vps_proc_stat *stat)
{
	return stat->state == 'R' || stat->state == 'D';
}

/* A thread's own number has a directory in /proc, too, which is not listed there. */
static int add_threads(pid_t pid, uint64_t *tasks)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	struct vps_proc_stat stat;
	struct dirent *entry;
	uint64_t number;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (!vps_parse_u64(entry->d_name, &number) && !vps_proc_stat((pid_t)number, &stat))
			*tasks += is_active(&stat);
	return 0;
}

static int add_process(pid_t pid, uint64_t *tasks)
{
	struct vps_proc_stat stat;
	int rc = vps_proc_stat(pid, &stat);

	if (rc)		/* ended meanwhile */
		return rc == -ESRCH ? 0 : rc;
	if (stat.threads > 1)
		return add_threads(pid, tasks);
	*tasks += is_active(&stat);
	return 0;
}

int vps_context_active(struct vps_host *host, uint32_t id, uint64_t *ret_tasks)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	_cleanup_(freep) pid_t *pids = NULL;
	uint64_t tasks = 0;
	size_t count;
	int rc;

	if (group < 0)
		return group;
	rc = vps_group_pids(group, &pids, &count);
	for (size_t i = 0; !rc && i < count; i++)
		rc = add_process(pids[i], &tasks);
	if (!rc)
		*ret_tasks = tasks;
	return rc;
}
