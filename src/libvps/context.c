// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <time.h>

#include "addr.h"
#include "bpf.h"
#include "context.h"
#include "net.h"
#include "resource.h"
#include "subid.h"
#include "traffic.h"
#include "util.h"
#include "vnet.h"

/*
 * As stored. A new one's is followed by the path of the lock that its maker holds, since not
 * everybody who looks has the same run_dir. A kept one is kept again when what ran in it has
 * ended.
 */
#define NEW "new "
#define KEPT "kept"
#define RUNNING "running"
#define RUNNING_KEPT RUNNING " " KEPT

static const char *const state_names[] = {
	[VPS_STATE_NEW] = "new",
	[VPS_STATE_KEPT] = KEPT,
	[VPS_STATE_RUNNING] = RUNNING,
	[VPS_STATE_STALE] = "stale",
	[VPS_STATE_DEAD] = "dead",
	[VPS_STATE_REBOOTED] = "rebooted",
};

const char *vps_state_name(enum vps_state state)
{
	return state_names[state];
}

/* Texts of the first process as VPS_ATTR_INIT holds them. */
struct init_attr {
	pid_t pid;
	uint64_t start;
	int userns;
	uint64_t started_us;
};

static int get_init(int group, struct init_attr *ret_init)
{
	struct init_attr init = { 0 };
	char text[VPS_ATTR_MAX];
	int rc = vps_attr_get(group, VPS_ATTR_INIT, text, sizeof(text));

	if (rc)
		return rc;
	if (sscanf(text, "%d %" SCNu64 " %d %" SCNu64, &init.pid, &init.start, &init.userns,
		   &init.started_us) != 4)
		return -ENODATA;
	*ret_init = init;
	return 0;
}

int vps_context_note_init(int group, pid_t pid, bool userns)
{
	struct vps_proc_stat stat;
	struct timespec now;
	char text[VPS_ATTR_MAX];
	int rc = vps_proc_stat(pid, &stat);

	if (rc)
		return rc;
	clock_gettime(CLOCK_BOOTTIME, &now);
	snprintf(text, sizeof(text), "%d %" PRIu64 " %d %" PRIu64, pid, stat.start, userns,
		 (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	rc = vps_attr_set(group, VPS_ATTR_INIT, text);
	if (rc)
		return rc;
	/* A host that cannot tell a reboot from a halt still runs VPSes: doctor names it. */
	vps_bpf_watch_init(pid, stat.start);
	return 0;
}

int vps_context_set_starting(int group)
{
	char text[VPS_ATTR_MAX];
	int rc = vps_attr_get(group, VPS_ATTR_STATE, text, sizeof(text));

	return rc || strcmp(text, RUNNING_KEPT) ? rc : vps_attr_set(group, VPS_ATTR_STATE, KEPT);
}

int vps_context_set_running(struct vps_host *host, uint32_t id, int group, pid_t pid)
{
	char text[VPS_ATTR_MAX];
	int rc = vps_attr_get(group, VPS_ATTR_STATE, text, sizeof(text));

	if (!rc && host->engine->set_init)
		rc = host->engine->set_init(id, pid);
	if (rc)
		return rc;
	return vps_attr_set(group, VPS_ATTR_STATE,
				 strncmp(text, NEW, strlen(NEW)) ? RUNNING_KEPT : RUNNING);
}

/* ---- state --------------------------------------------------------------- */

static void lock_name(uint32_t id, const char *name, char buf[VPS_NAME_MAX + 8])
{
	if (*name)
		snprintf(buf, VPS_NAME_MAX + 8, "%s.lock", name);
	else
		snprintf(buf, VPS_NAME_MAX + 8, ".%u.lock", id);
}

/* Is somebody alive who holds the lock of this file or directory? */
static bool is_locked(int dirfd, const char *path)
{
	_cleanup_(closep) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static enum vps_state dead_state(const struct init_attr *init)
{
	return vps_bpf_reboot_signal(init->pid, init->start) == SIGHUP ? VPS_STATE_REBOOTED :
									  VPS_STATE_DEAD;
}

/* @text: as it is noted, empty where it is not. */
static enum vps_state derive_state(const struct vps_host *host, int group, const char *text,
				   const struct init_attr *init)
{
	if (!*text)
		return is_locked(host->cg.parent_fd, ".") ? VPS_STATE_NEW : VPS_STATE_STALE;
	if (!strncmp(text, NEW, strlen(NEW)))
		return is_locked(AT_FDCWD, text + strlen(NEW)) ? VPS_STATE_NEW : VPS_STATE_STALE;
	/* Who is in one that was kept, and does not run, is about to become its first process. */
	if (vps_group_event(group, "populated"))
		return strcmp(text, KEPT) ? VPS_STATE_RUNNING : VPS_STATE_NEW;
	return strcmp(text, RUNNING) ? VPS_STATE_KEPT : dead_state(init);
}

static bool is_alive(const struct init_attr *init)
{
	struct vps_proc_stat stat;

	return init->pid && !vps_proc_stat(init->pid, &stat) && stat.start == init->start &&
	       stat.state != 'Z' && stat.state != 'X';
}

bool vps_context_has(int group, enum vps_attr attr)
{
	char text[2];
	int rc = vps_attr_get(group, attr, text, sizeof(text));

	/* What it is need not fit; that it is there is what counts. */
	return rc == -ERANGE || (!rc && *text);
}

int vps_context_info(struct vps_host *host, uint32_t id, struct vps_context_info *ret_info)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	struct vps_context_info info = { .id = id };
	char text[VPS_ATTR_MAX], state[VPS_ATTR_MAX];
	struct init_attr init = { 0 };

	if (group < 0)
		return group;
	if (!vps_attr_get(group, VPS_ATTR_NAME, text, sizeof(text)))
		snprintf(info.name, sizeof(info.name), "%.*s", VPS_NAME_MAX, text);
	/* Before its first process, which is noted first: what runs has one. */
	if (vps_attr_get(group, VPS_ATTR_STATE, state, sizeof(state)))
		*state = '\0';
	host->engine->get_flags(id, group, &info.flags);
	if (!get_init(group, &init)) {
		info.userns = init.userns;
		info.started_us = init.started_us;
		info.init = is_alive(&init) ? init.pid : 0;
	}
	info.bridged = vps_context_has(group, VPS_ATTR_VNET);
	info.state = derive_state(host, group, state, &init);
	*ret_info = info;
	return 0;
}

/* ---- finding ---------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int vps_context_list(struct vps_host *host, uint32_t **ret_ids, size_t *ret_count)
{
	_cleanup_(closedirp) DIR *groups = vps_groups_open(&host->cg);
	_cleanup_(freep) uint32_t *ids = NULL;
	size_t count = 0, room = 0;
	uint32_t id;

	while (groups && vps_groups_next(groups, &id)) {
		if (count == room) {
			uint32_t *more;

			room = room ? 2 * room : 64;
			more = reallocarray(ids, room, sizeof(*ids));
			if (!more)
				return -ENOMEM;
			ids = more;
		}
		ids[count++] = id;
	}
	if (count)
		qsort(ids, count, sizeof(*ids), compare_ids);
	*ret_ids = ids;
	*ret_count = count;
	ids = NULL;
	return 0;
}

static bool has_name(const struct vps_host *host, uint32_t id, const char *name)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	char text[VPS_ATTR_MAX];

	return group >= 0 && !vps_attr_get(group, VPS_ATTR_NAME, text, sizeof(text)) &&
	       !strcmp(text, name);
}

/*
 * The lock file of a VPS also holds the number it had last: a hint, checked against the
 * group, that spares a search through all contexts.
 */
static int read_hint(const struct vps_host *host, const char *name, uint32_t *ret_id)
{
	char lock[VPS_NAME_MAX + 8], text[16];
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	lock_name(0, name, lock);
	fd = vps_host_open_lock(host, lock);
	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ENOENT;
	text[n] = '\0';
	return vps_parse_id(text, ret_id);
}

static void write_hint(const struct vps_host *host, const char *name, uint32_t id)
{
	char lock[VPS_NAME_MAX + 8], text[16];
	_cleanup_(closep) int fd = -1;

	lock_name(0, name, lock);
	fd = vps_host_open_lock(host, lock);
	/* Of one length always: a disk may take a while to give back what is cut off. */
	snprintf(text, sizeof(text), "%05u", id);
	if (fd < 0 || pwrite(fd, text, strlen(text), 0) < 0)
		return;		/* a search finds it all the same */
}

int vps_context_find(struct vps_host *host, const char *name, uint32_t *ret_id)
{
	_cleanup_(freep) uint32_t *ids = NULL;
	uint32_t hint = 0;
	size_t count;
	int rc;

	if (!vps_is_name(name))
		return -EINVAL;
	if (!read_hint(host, name, &hint) && has_name(host, hint, name)) {
		*ret_id = hint;
		return 0;
	}
	rc = vps_context_list(host, &ids, &count);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++)
		if (has_name(host, ids[i], name)) {
			*ret_id = ids[i];
			return 0;
		}
	return -ENOENT;
}

int vps_context_of(struct vps_host *host, pid_t pid, uint32_t *ret_id)
{
	char path[PATH_MAX];
	int rc = vps_group_of_process(pid, path, sizeof(path));

	(void)host;
	if (!rc)
		*ret_id = vps_group_id_of_path(path);
	return rc;
}

/* ---- making and removing ------------------------------------------------------ */

static bool limits_processes(const struct vps_host *host)
{
	const struct vps_meter *meter = vps_resource_meter(host, vps_resource_find("proc"));

	return meter ? !meter->refusal(host, meter) :
		       vps_controller_version(&host->cg, VPS_CTL_PIDS) != 0;
}

/* A flag that would not hold is refused; the walls hold "lock" and "private" by themselves. */
static int check_flags(const struct vps_host *host, uint32_t flags)
{
	uint32_t counted = VPS_F_NPROC | (host->engine->limit_stops ? VPS_F_STOP : 0);

	if (flags & VPS_F_SCHED && !vps_controller_version(&host->cg, VPS_CTL_CPU))
		return -ENOTSUP;
	if (flags & counted && !limits_processes(host))
		return -ENOTSUP;
	return 0;
}

static int write_pids_max(const struct vps_host *host, uint32_t id)
{
	_cleanup_(closep) int group = vps_group_of_controller(&host->cg, id, VPS_CTL_PIDS);
	char text[16];

	if (group < 0)
		return group;
	snprintf(text, sizeof(text), "%u", VPS_DEFAULT_PROC_MAX);
	return vps_write_at(group, "pids.max", text);
}

/* The first limit of a new context. */
static int set_process_limit(const struct vps_host *host, uint32_t id, int group,
			     struct vps_fault *fault)
{
	const struct vps_limit limit = {
		.resource = vps_resource_find("proc"),
		.soft = VPS_LIMIT_INF, .hard = VPS_DEFAULT_PROC_MAX,
	};
	const struct vps_metered of = {
		.host = host, .meter = vps_resource_meter(host, limit.resource), .id = id,
		.group = group,
	};
	int rc;

	/* Where nothing counts, doctor names it. */
	if (of.meter)
		return limits_processes(host) ? of.meter->set(&of, &limit, fault) : 0;
	rc = write_pids_max(host, id);
	return rc && rc != -ENOTSUP ? vps_fault(fault, rc, "set the process limit", "") : 0;
}

static int set_first_state(const struct vps_host *host, int group, uint32_t id,
			   const struct vps_context_spec *spec)
{
	char lock[VPS_NAME_MAX + 8], text[VPS_ATTR_MAX];

	if (spec->keep)
		return vps_attr_set(group, VPS_ATTR_STATE, KEPT);
	lock_name(id, spec->name ?: "", lock);
	if (snprintf(text, sizeof(text), NEW "%s/%s", host->run_dir, lock) >= (int)sizeof(text))
		return -ENAMETOOLONG;
	return vps_attr_set(group, VPS_ATTR_STATE, text);
}

static int describe(struct vps_host *host, uint32_t id, int group,
		    const struct vps_context_spec *spec, struct vps_fault *fault)
{
	int rc = check_flags(host, spec->flags);

	if (rc)
		return vps_refuse(fault, rc, "a flag needs a controller that this host lacks", "");
	rc = set_process_limit(host, id, group, fault);
	if (rc)
		return rc;
	/* Where nothing counts, a limit on it is refused: doctor names it. */
	if (!vps_net_begin(&host->cg, group))
		rc = vps_traffic_begin(host, group, id, spec->name);
	if (rc == -E2BIG)
		return vps_refuse(fault, rc, "too many accounts of traffic wait to be harvested",
				  "");
	if (rc == -EPROTO)
		return vps_refuse(fault, rc, "another version of the tools counts traffic: stop all"
				  " once", "");
	if (rc)
		return vps_fault(fault, rc, "begin its account of traffic", "");
	rc = spec->name ? vps_attr_set(group, VPS_ATTR_NAME, spec->name) : 0;
	if (!rc && spec->flags)
		rc = host->engine->set_flags(&host->cg, id, group, spec->flags);
	if (!rc)
		rc = set_first_state(host, group, id, spec);
	return rc ? vps_fault(fault, rc, "write its identity", "") : 0;
}

/* A kernel that gives out numbers also knows contexts whose groups cannot be seen from here. */
static bool is_taken(const struct vps_host *host, uint32_t id)
{
	return host->engine->is_taken && host->engine->is_taken(id);
}

/* The lowest number from @first that has no group and whose user ids are nobody's. */
static int lowest_free(struct vps_host *host, uint32_t first, uint32_t *ret_id)
{
	_cleanup_(freep) uint32_t *ids = NULL;
	size_t count, i = 0;
	int rc = vps_context_list(host, &ids, &count);

	if (rc)
		return rc;
	for (uint32_t id = first ?: VPS_ID_MIN; id <= VPS_ID_MAX; id++) {
		while (i < count && ids[i] < id)
			i++;
		if ((i < count && ids[i] == id) || vps_subid_meets(id) == 1 || is_taken(host, id))
			continue;
		*ret_id = id;
		return 0;
	}
	return -ENOSPC;
}

/* An unnamed context has nobody's lock: this process is the one that sets it up. */
static int lock_unnamed(struct vps_host *host, uint32_t id, struct vps_fault *fault)
{
	char lock[VPS_NAME_MAX + 8];

	lock_name(id, "", lock);
	closep(&host->lock);
	host->lock = vps_host_open_lock(host, lock);
	if (host->lock < 0)
		return vps_fault(fault, host->lock, "open its lock", host->run_dir);
	if (flock(host->lock, LOCK_EX) < 0)
		return vps_fault(fault, -errno, "take its lock", host->run_dir);
	return 0;
}

/* Its maker was killed before it had a state: who holds the lock makes it again. */
static bool is_half_made(const struct vps_host *host, uint32_t id)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	char text[VPS_ATTR_MAX];

	return group >= 0 &&
	       vps_attr_get(group, VPS_ATTR_STATE, text, sizeof(text)) == -ENODATA;
}

/* What is counted by the kernel's number of its group goes with the group. */
static int remove_group(struct vps_host *host, uint32_t id)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	uint64_t cgroup_id;
	int rc;

	/* Half of one may be left. */
	if (group < 0 || vps_group_cgroup_id(group, &cgroup_id))
		return vps_group_remove(&host->cg, id);
	/* Only what it has become: with a number that is taken, the context is somebody else's. */
	rc = host->engine->end && host->engine->owns(group) ? host->engine->end(id) : 0;
	if (rc)
		return rc;
	vps_vnet_end(host, id, group);
	rc = vps_group_remove(&host->cg, id);
	if (rc)
		return rc;
	vps_net_end(&host->cg, cgroup_id);
	return 0;
}

/* The groups of a context, and in them one of the engine's; a descriptor of the first. */
static int make_groups(struct vps_host *host, uint32_t id, const char *name,
		       struct vps_fault *fault)
{
	_cleanup_(closep) int group = vps_group_make(&host->cg, id, fault);
	char number[16];
	int rc;

	if (group == -EEXIST && is_half_made(host, id) && !remove_group(host, id))
		group = vps_group_make(&host->cg, id, fault);
	if (group < 0)
		return group;
	/* A group is of its context from the start: what is below has to be made later. */
	rc = host->engine->begin ? host->engine->begin(id, group, name ?: "") : 0;
	snprintf(number, sizeof(number), "%u", id);
	if (rc == -ENOSPC)
		vps_refuse(fault, rc, "too many accounts of traffic wait in the kernel to be"
			   " harvested", "");
	else if (rc)
		vps_fault(fault, rc, "make the context", number);
	else
		rc = vps_group_fill(&host->cg, id, group, fault);
	if (!rc)
		return steal_fd(&group);
	remove_group(host, id);
	return rc;
}

static int make_context(struct vps_host *host, const struct vps_context_spec *spec,
			uint32_t *ret_id, struct vps_fault *fault)
{
	_cleanup_(closep) int group = -1;
	uint32_t id = spec->id;
	int rc = 0;

	if (id == VPS_ID_ANY)
		rc = lowest_free(host, spec->first, &id);
	if (rc)
		return vps_fault(fault, rc, "find a free number", "");
	group = make_groups(host, id, spec->name, fault);
	if (group < 0)
		return group;
	/* Before it has a state: who sees it new must see that somebody is at work on it. */
	if (!spec->name && !spec->keep)
		rc = lock_unnamed(host, id, fault);
	if (!rc)
		rc = describe(host, id, group, spec, fault);
	if (rc) {
		remove_group(host, id);
		return rc;
	}
	*ret_id = id;
	return 0;
}

int vps_context_create(struct vps_host *host, const struct vps_context_spec *spec,
		       uint32_t *ret_id, struct vps_fault *fault)
{
	_cleanup_(closep) int lock = -1;
	uint32_t id = 0, other;
	int rc;

	if (spec->id != VPS_ID_ANY && (spec->id < VPS_ID_MIN || spec->id > VPS_ID_MAX))
		return vps_refuse(fault, -EINVAL, "the number of a context is 3 to 65534", "");
	if (spec->name && !vps_is_name(spec->name))
		return vps_refuse(fault, -EINVAL, "is no name of a VPS", spec->name);
	rc = vps_cgroups_make_parent(&host->cg, fault);
	if (rc)
		return rc;
	/* Held until the new group has its state; the same one whatever run_dir is. */
	lock = openat(host->cg.parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return vps_fault(fault, -errno, "lock the group of all contexts", "");
	/* Others may have made the first one meanwhile. */
	rc = vps_host_check_engine(host, fault);
	if (rc)
		return rc;
	if (spec->name && !vps_context_find(host, spec->name, &other))
		return vps_refuse(fault, -EEXIST, "has a context already", spec->name);
	rc = make_context(host, spec, &id, fault);
	if (rc)
		return rc;
	if (spec->name)
		write_hint(host, spec->name, id);
	*ret_id = id;
	return 0;
}

int vps_context_destroy(struct vps_host *host, uint32_t id)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	_cleanup_(closep) int lock = -1;
	struct init_attr init;
	bool watched;
	int rc;

	if (group < 0)
		return group;
	/* Somebody is starting it right now. */
	if (flock(group, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	watched = !get_init(group, &init);
	if (vps_group_event(group, "populated"))
		return -EBUSY;
	/* Nobody gives it an address meanwhile. */
	lock = openat(host->cg.parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return -errno;
	/* While the group is there it is known what there is to take back. */
	rc = vps_addrs_end(host, id, group) ?: remove_group(host, id);
	if (!rc && watched)
		vps_bpf_forget_init(init.pid, init.start);
	return rc;
}

int vps_context_set_flags(struct vps_host *host, uint32_t id, uint32_t flags)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	int rc;

	if (group < 0)
		return group;
	rc = check_flags(host, flags);
	return rc ?: host->engine->set_flags(&host->cg, id, group, flags);
}

/* ---- its processes --------------------------------------------------------------- */

int vps_context_pids(struct vps_host *host, uint32_t id, pid_t **ret_pids, size_t *ret_count)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);

	return group < 0 ? group : vps_group_pids(group, ret_pids, ret_count);
}

int vps_context_init(struct vps_host *host, uint32_t id)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	_cleanup_(closep) int pidfd = -1;
	struct init_attr init;

	if (group < 0)
		return group;
	if (get_init(group, &init))
		return -ESRCH;
	/* Opened first, compared then: what was compared cannot be another one any more. */
	pidfd = pidfd_open(init.pid, 0);
	if (pidfd < 0)
		return -errno;
	return is_alive(&init) ? steal_fd(&pidfd) : -ESRCH;
}

int vps_context_kill(struct vps_host *host, uint32_t id)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);

	return group < 0 ? group : vps_write_at(group, "cgroup.kill", "1");
}

int vps_context_freeze(struct vps_host *host, uint32_t id, bool frozen)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	int rc;

	if (group < 0)
		return group;
	rc = vps_write_at(group, "cgroup.freeze", frozen ? "1" : "0");
	return rc ?: vps_group_wait(group, "frozen", frozen, 10000);
}

int vps_context_signal(struct vps_host *host, uint32_t id, int signal)
{
	_cleanup_(freep) pid_t *pids = NULL;
	size_t count;
	int rc, thawed;

	if (signal == SIGKILL)
		return vps_context_kill(host, id);
	if (signal < 0 || signal > SIGRTMAX)
		return -EINVAL;
	/* Frozen processes neither fork nor end, so the list is complete and stays true. */
	rc = vps_context_freeze(host, id, true);
	if (!rc)
		rc = vps_context_pids(host, id, &pids, &count);
	for (size_t i = 0; !rc && i < count; i++)
		if (kill(pids[i], signal) < 0 && errno != ESRCH)
			rc = -errno;
	thawed = vps_context_freeze(host, id, false);
	return rc ?: thawed;
}

int vps_context_wait(struct vps_host *host, uint32_t id, int timeout_ms)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);

	return group < 0 ? group : vps_group_wait(group, "populated", 0, timeout_ms);
}
