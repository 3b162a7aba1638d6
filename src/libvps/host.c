// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bpf.h"
#include "engine.h"
#include "net.h"
#include "util.h"

static const struct vps_engine *const engines[] = {
	&vps_engine_kernel,
	&vps_engine_stock,
};

/* Root of a VPS is root too, but not of this machine. */
static int check_initial_root(void)
{
	unsigned int inside, outside, count;
	char map[256];
	ssize_t n;

	if (geteuid() != 0)
		return -EPERM;
	n = vps_read_at(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map));
	if (n < 0)
		return (int)n;
	if (sscanf(map, "%u %u %u", &inside, &outside, &count) != 3 || inside || outside ||
	    count != UINT32_MAX)
		return -EPERM;
	return 0;
}

/* A FreeVPS kernel shows a process its own context alone, and to the host's it shows more. */
static bool is_inside(void)
{
	return !access("/proc/vservers/self", F_OK) && access("/proc/vservers/setup", F_OK) < 0;
}

/* NULL when none of the kind that is wanted works here; *ret_why is what the last one lacks. */
static const struct vps_engine *pick_engine(enum vps_engine_kind want,
					    const struct vps_cgroups *cg, const char **ret_why)
{
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		if (want != VPS_ENGINE_ANY && want != engines[i]->kind)
			continue;
		*ret_why = engines[i]->refusal(cg);
		if (!*ret_why)
			return engines[i];
	}
	return NULL;
}

/* All contexts of one boot are of one engine, so that the first that is somebody's tells. */
int vps_host_check_engine(const struct vps_host *host, struct vps_fault *fault)
{
	_cleanup_(closedirp) DIR *groups = vps_groups_open(&host->cg);
	char name[24], state[VPS_ATTR_MAX];
	uint32_t id;

	while (groups && vps_groups_next(groups, &id)) {
		_cleanup_(closep) int group = vps_group_open(&host->cg, id);

		if (group < 0)
			continue;
		/* Half of one, whose maker was killed before it was anybody's. */
		if (!vps_group_is_context(group) &&
		    vps_attr_get(group, VPS_ATTR_STATE, state, sizeof(state)))
			continue;
		if (host->engine->owns(group))
			return 0;
		snprintf(name, sizeof(name), "context %u", id);
		return vps_refuse(fault, -EXDEV, host->engine->foreign, name);
	}
	return 0;
}

int vps_host_open(enum vps_engine_kind want, struct vps_host **ret_host, struct vps_fault *fault)
{
	struct vps_host *host;
	const char *why = NULL;
	int rc;

	rc = check_initial_root();
	if (rc)
		return vps_refuse(fault, rc, "root of this machine is needed", "");
	if (is_inside())
		return vps_refuse(fault, -EPERM, "inside a context, which only the host makes", "");
	host = calloc(1, sizeof(*host));
	if (!host)
		return vps_fault(fault, -ENOMEM, "open the host", "");
	host->run_dir = VPS_RUN_DIR;
	host->lock = -1;
	rc = vps_cgroups_open(&host->cg);
	if (rc) {
		free(host);
		return vps_fault(fault, rc, "find a mounted cgroup2", "/proc/self/mounts");
	}
	host->engine = pick_engine(want, &host->cg, &why);
	rc = host->engine ? vps_host_check_engine(host, fault) :
			    vps_refuse(fault, -ENOTSUP, why, want == VPS_ENGINE_KERNEL ?
				       "kernel engine" : "stock engine");
	if (rc) {
		vps_host_close(host);
		return rc;
	}
	*ret_host = host;
	return 0;
}

void vps_host_close(struct vps_host *host)
{
	if (!host)
		return;
	closep(&host->lock);
	vps_cgroups_close(&host->cg);
	free(host);
}

void vps_host_set_run_dir(struct vps_host *host, const char *dir)
{
	host->run_dir = dir;
}

const char *vps_host_engine(const struct vps_host *host)
{
	return host->engine->name;
}

const char *vps_host_isolation_refusal(const struct vps_host *host)
{
	return host->engine->isolates ? NULL : host->engine->lacks;
}

uint64_t vps_host_withheld(const struct vps_host *host)
{
	return host->engine->withheld;
}

const char *vps_host_kernel_refusal(struct vps_host *host)
{
	return vps_engine_kernel.refusal(&host->cg);
}

int vps_host_open_lock(const struct vps_host *host, const char *name)
{
	_cleanup_(closep) int dir = -1;
	int fd;

	if (mkdir(host->run_dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = open(host->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

const char *vps_host_net_refusal(struct vps_host *host)
{
	return vps_net_refusal(&host->cg);
}

int vps_host_sees_reboot(struct vps_host *host)
{
	(void)host;
	return vps_bpf_probe();
}
