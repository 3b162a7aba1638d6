// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "engine.h"
#include "resource.h"
#include "util.h"

/**
 * struct place - where a context keeps a resource
 * @id: the context
 * @meter: what counts it, or NULL
 * @knob: NULL where a meter does
 * @v2: its v2 group
 * @group: the group with the controller, the same or one of v1; -1 without
 */
struct place {
	struct vps_host *host;
	uint32_t id;
	const struct vps_resource_entry *entry;
	const struct vps_meter *meter;
	const struct vps_knob *knob;
	int v2;
	int group;
};

static void close_place(struct place *place)
{
	closep(&place->group);
	closep(&place->v2);
}

/* ---- what this host can hold ---------------------------------------------------------- */

static const struct vps_knob *knob_of(const struct vps_host *host,
				      const struct vps_resource_entry *entry)
{
	int version = vps_controller_version(&host->cg, entry->controller);

	return version ? entry->knobs[version - 1] : NULL;
}

static const char *no_controller(enum vps_controller controller)
{
	static const char *const texts[VPS_CTL_COUNT] = {
		[VPS_CTL_PIDS] = "no pids controller here; boot without cgroup_disable=pids",
		[VPS_CTL_MEMORY] = "no memory controller here; boot without cgroup_disable=memory",
		[VPS_CTL_CPU] = "no cpu controller here; boot without cgroup_disable=cpu",
		/* blkio of v1 does not limit buffered writes. */
		[VPS_CTL_IO] = "needs the io controller of cgroup v2; boot without"
			       " cgroup_disable=io and with cgroup v2 only",
	};

	return texts[controller];
}

const char *vps_resource_refusal(struct vps_host *host, const struct vps_resource *resource)
{
	const struct vps_resource_entry *entry = vps_resource_entry(resource);
	const struct vps_meter *meter = vps_resource_meter(host, resource);
	const struct vps_knob *knob;

	if (meter)
		return meter->refusal(host, meter);
	if (!entry->knobs[0] && !entry->knobs[1])
		return host->engine->lacks;
	knob = knob_of(host, entry);
	if (!knob)
		return vps_controller_version(&host->cg, entry->controller) == 1 ?
		       entry->no_v1 : no_controller(entry->controller);
	if (!vps_controller_reaches(&host->cg, entry->controller))
		return "its controller is off in cgroup.subtree_control of freevps;"
		       " systemctl enable --now freevps.service (Delegate=yes)";
	if (!vps_controller_has_file(&host->cg, entry->controller, knob->hard))
		return "this kernel was built without it";
	return NULL;
}

static bool has_soft(const struct vps_host *host, const struct vps_resource *resource)
{
	const struct vps_meter *meter = vps_resource_meter(host, resource);

	if (meter)
		return meter->has_soft && meter->has_soft(host);
	return knob_of(host, vps_resource_entry(resource))->soft;
}

static int check_one(struct vps_host *host, const struct vps_limit *limit,
		     struct vps_fault *fault)
{
	const struct vps_resource *resource = limit->resource;
	const struct vps_resource_entry *entry = vps_resource_entry(resource);
	const char *why = vps_resource_refusal(host, resource);

	if (why)
		return vps_refuse(fault, -ENOTSUP, why, resource->name);
	if (limit->soft != VPS_LIMIT_INF && !has_soft(host, resource))
		return vps_refuse(fault, -ENOTSUP, entry->no_soft ?: "it has no soft limit",
				  resource->name);
	if (limit->soft != VPS_LIMIT_INF && limit->soft > limit->hard)
		return vps_refuse(fault, -EINVAL, "soft is above hard", resource->name);
	return 0;
}

int vps_limit_check(struct vps_host *host, const struct vps_limit *limits, size_t count,
		    struct vps_fault *fault)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++)
		rc = check_one(host, &limits[i], fault);
	return rc;
}

static int open_place(struct vps_host *host, uint32_t id, const struct vps_resource *resource,
		      struct place *ret_place)
{
	struct place place = {
		.host = host, .id = id, .entry = vps_resource_entry(resource),
		.meter = vps_resource_meter(host, resource), .group = -1,
	};

	if (!place.meter)
		place.knob = knob_of(host, place.entry);
	if (!place.knob && !place.meter)
		return -ENOTSUP;
	place.v2 = vps_group_open(&host->cg, id);
	if (place.v2 < 0)
		return place.v2;
	if (place.meter) {
		*ret_place = place;
		return 0;
	}
	place.group = vps_group_of_controller(&host->cg, id, place.entry->controller);
	if (place.group < 0) {
		closep(&place.v2);
		return place.group;
	}
	*ret_place = place;
	return 0;
}

static int read_meter(const struct place *place, struct vps_limit_state *ret_state)
{
	const struct vps_metered of = {
		.host = place->host, .meter = place->meter, .id = place->id, .group = place->v2,
	};

	return place->meter->get(&of, ret_state);
}

/* ---- the limits themselves --------------------------------------------------------------- */

/* The flag stop has taken the place of the process limit, which waits in an attribute. */
static bool is_stopped(const struct place *place)
{
	const struct vps_engine *engine = place->host->engine;
	uint32_t flags;

	return engine->limit_stops && place->entry->controller == VPS_CTL_PIDS &&
	       !engine->get_flags(place->id, place->v2, &flags) && flags & VPS_F_STOP;
}

static int read_waiting(const struct place *place, uint64_t *ret_value)
{
	char text[VPS_ATTR_MAX];
	int rc = vps_attr_get(place->v2, VPS_ATTR_PROC, text, sizeof(text));

	if (!rc)
		return vps_decode_max(text, NULL, ret_value);
	if (rc == -ENODATA)
		*ret_value = VPS_DEFAULT_PROC_MAX;
	return rc == -ENODATA ? 0 : rc;
}

static int write_waiting(const struct place *place, uint64_t value)
{
	char text[24] = "max";

	if (value != VPS_LIMIT_INF)
		snprintf(text, sizeof(text), "%" PRIu64, value);
	return vps_attr_set(place->v2, VPS_ATTR_PROC, text);
}

static int read_limit(const struct place *place, const char *file, uint64_t *ret_value)
{
	char text[8192];
	ssize_t n;

	if (is_stopped(place))
		return read_waiting(place, ret_value);
	n = vps_read_at(place->group, file, text, sizeof(text));
	if (n < 0)
		return (int)n;
	return place->knob->decode(text, place->knob->argument, ret_value);
}

/* *ret_soft stays as it is where there is no soft limit. */
static int read_limits(const struct place *place, uint64_t *ret_soft, uint64_t *ret_hard)
{
	struct vps_limit_state state;
	int rc = 0;

	if (place->meter) {
		rc = read_meter(place, &state);
		if (rc)
			return rc;
		if (state.soft != VPS_LIMIT_NONE)
			*ret_soft = state.soft;
		*ret_hard = state.hard;
		return 0;
	}
	if (place->knob->soft)
		rc = read_limit(place, place->knob->soft, ret_soft);
	return rc ?: read_limit(place, place->knob->hard, ret_hard);
}

static int write_limit(const struct place *place, const char *file, uint64_t value)
{
	if (is_stopped(place))
		return write_waiting(place, value);
	return place->knob->encode(place->group, file, place->knob->argument, value);
}

static int limit_fault(const struct vps_host *host, int rc, const char *what,
		       const struct vps_limit *limit, struct vps_fault *fault)
{
	const struct vps_meter *meter = vps_resource_meter(host, limit->resource);
	const char *name = limit->resource->name;

	/* What v1 says instead of killing. */
	if (rc == -EBUSY)
		return vps_refuse(fault, rc, "more is in use and cannot be reclaimed", name);
	if (rc == -ENODATA && meter && meter->no_data)
		return vps_refuse(fault, rc, meter->no_data, name);
	return vps_fault(fault, rc, what, name);
}

static int write_meter(const struct place *place, const struct vps_limit *limit,
		       struct vps_fault *fault)
{
	const struct vps_metered of = {
		.host = place->host, .meter = place->meter, .id = place->id, .group = place->v2,
	};
	int rc = place->meter->set(&of, limit, fault);

	return rc == -ENODATA ? limit_fault(place->host, rc, "set the limit", limit, fault) : rc;
}

static int write_limits(const struct place *place, const struct vps_limit *limit,
			struct vps_fault *fault)
{
	int rc = 0;

	if (place->meter)
		return write_meter(place, limit, fault);
	if (place->knob->soft)
		rc = write_limit(place, place->knob->soft, limit->soft);
	rc = rc ?: write_limit(place, place->knob->hard, limit->hard);
	return rc ? limit_fault(place->host, rc, "set the limit", limit, fault) : 0;
}

static int set_one(struct vps_host *host, uint32_t id, const struct vps_limit *limit,
		   struct vps_fault *fault)
{
	_cleanup_(close_place) struct place place = { .v2 = -1, .group = -1 };
	int rc = open_place(host, id, limit->resource, &place);

	return rc ? limit_fault(host, rc, "set the limit", limit, fault) :
		    write_limits(&place, limit, fault);
}

static int get_one(struct vps_host *host, uint32_t id, const struct vps_resource *resource,
		   struct vps_limit *ret_limit)
{
	_cleanup_(close_place) struct place place = { .v2 = -1, .group = -1 };
	struct vps_limit limit = { .resource = resource, .soft = VPS_LIMIT_INF };
	int rc = open_place(host, id, resource, &place);

	rc = rc ?: read_limits(&place, &limit.soft, &limit.hard);
	if (!rc)
		*ret_limit = limit;
	return rc;
}

static int get_all(struct vps_host *host, uint32_t id, const struct vps_limit *limits,
		   size_t count, struct vps_limit *before, struct vps_fault *fault)
{
	int rc;

	for (size_t i = 0; i < count; i++) {
		rc = get_one(host, id, limits[i].resource, &before[i]);
		if (rc)
			return limit_fault(host, rc, "read the limit", &limits[i], fault);
	}
	return 0;
}

static int set_all(struct vps_host *host, uint32_t id, const struct vps_limit *limits,
		   size_t count, const struct vps_limit *before, struct vps_fault *fault)
{
	struct vps_fault other;
	size_t done;
	int rc = 0;

	for (done = 0; !rc && done < count; done++)
		rc = set_one(host, id, &limits[done], fault);
	if (!rc)
		return 0;
	/* The one that failed may have its soft limit already. */
	while (done--)
		set_one(host, id, &before[done], &other);
	return rc;
}

static int check_all(struct vps_host *host, uint32_t id, int group,
		     const struct vps_limit *limits, size_t count, struct vps_fault *fault)
{
	struct vps_metered of = { .host = host, .id = id, .group = group };
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++) {
		of.meter = vps_resource_meter(host, limits[i].resource);
		if (of.meter && of.meter->check)
			rc = of.meter->check(&of, &limits[i], limits, count, fault);
	}
	return rc;
}

int vps_limit_set(struct vps_host *host, uint32_t id, const struct vps_limit *limits,
		  size_t count, struct vps_fault *fault)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	struct vps_limit *before;
	int rc;

	if (group < 0)
		return vps_fault(fault, group, "open its group", "");
	rc = vps_limit_check(host, limits, count, fault);
	if (rc)
		return rc;
	before = calloc(count + 1, sizeof(*before));
	if (!before)
		return vps_fault(fault, -ENOMEM, "set the limit", "");
	rc = get_all(host, id, limits, count, before, fault);
	rc = rc ?: check_all(host, id, group, limits, count, fault);
	rc = rc ?: set_all(host, id, limits, count, before, fault);
	free(before);
	return rc;
}

/* ---- peaks that were reset ------------------------------------------------------------- */

/* The text of VPS_ATTR_PEAKS is "proc=3 rss=4096"; where the word of @name begins, or NULL. */
static char *find_mark(char *text, const char *name)
{
	size_t len = strlen(name);

	for (char *p = text; *p; p += strcspn(p, " "), p += *p == ' ')
		if (!strncmp(p, name, len) && p[len] == '=')
			return p;
	return NULL;
}

/* The highest of before the reset; -ENODATA when there was none. */
static int read_mark(const struct place *place, uint64_t *ret_value)
{
	const char *name = place->entry->face.name;
	char text[VPS_ATTR_MAX];
	char *mark;
	int rc = vps_attr_get(place->v2, VPS_ATTR_PEAKS, text, sizeof(text));

	if (rc)
		return rc;
	mark = find_mark(text, name);
	if (!mark)
		return -ENODATA;
	mark += strlen(name) + 1;
	mark[strcspn(mark, " ")] = '\0';
	return vps_parse_u64(mark, ret_value);
}

static int write_mark(const struct place *place, uint64_t value)
{
	const char *name = place->entry->face.name;
	char text[VPS_ATTR_MAX], marks[VPS_ATTR_MAX];
	char *mark, *rest;
	int rc = vps_attr_get(place->v2, VPS_ATTR_PEAKS, text, sizeof(text));

	if (rc == -ENODATA)
		*text = '\0';
	else if (rc)
		return rc;
	mark = find_mark(text, name);
	if (mark) {
		rest = mark + strcspn(mark, " ");
		rest += *rest == ' ';
		memmove(mark, rest, strlen(rest) + 1);
	}
	if (snprintf(marks, sizeof(marks), "%s=%" PRIu64 "%s%s", name, value, *text ? " " : "",
		     text) >= (int)sizeof(marks))
		return -E2BIG;
	return vps_attr_set(place->v2, VPS_ATTR_PEAKS, marks);
}

int vps_limit_reset_peak(struct vps_host *host, uint32_t id, const struct vps_resource *resource)
{
	_cleanup_(close_place) struct place place = { .v2 = -1, .group = -1 };
	struct vps_limit_state state;
	uint64_t peak;
	int rc = open_place(host, id, resource, &place);

	if (rc)
		return rc;
	if (place.meter) {
		rc = read_meter(&place, &state);
		if (rc == -ENODATA || (!rc && state.peak == VPS_LIMIT_NONE))
			return -ENOTSUP;
		return rc ?: write_mark(&place, state.peak);
	}
	if (!place.knob->peak)
		return -ENOTSUP;
	if (place.knob->peak_resets)
		return vps_write_at(place.group, place.knob->peak, "0");
	rc = vps_group_number(place.group, place.knob->peak, NULL, &peak);
	if (rc)
		return rc == -ENOENT ? -ENOTSUP : rc;
	return write_mark(&place, peak);
}

/* ---- what is used ------------------------------------------------------------------------ */

static uint64_t number_or_none(int group, const char *file, const char *field)
{
	uint64_t value;

	return file && !vps_group_number(group, file, field, &value) ? value : VPS_LIMIT_NONE;
}

static uint64_t used_of(const struct place *place)
{
	const struct vps_knob *knob = place->knob;
	char text[8192];
	uint64_t value;

	if (place->entry->controller != VPS_CTL_IO)
		return number_or_none(knob->used_on_v2 ? place->v2 : place->group, knob->used,
				      knob->used_field);
	if (vps_read_at(place->group, knob->used, text, sizeof(text)) < 0 ||
	    vps_sum_io_stat(text, knob->used_field, &value))
		return VPS_LIMIT_NONE;
	return value;
}

/* What it was since its reset, which is known only when it is more than before. */
static uint64_t peak_since(const struct place *place, uint64_t peak)
{
	uint64_t mark;

	if (peak != VPS_LIMIT_NONE && !read_mark(place, &mark) && peak <= mark)
		return VPS_LIMIT_NONE;
	return peak;
}

static uint64_t hits_of(const struct place *place)
{
	const struct vps_knob *knob = place->knob;
	uint64_t value, sum = 0;

	if (!knob->hits)
		return VPS_LIMIT_NONE;
	if (!knob->hits_fields[0])
		return number_or_none(place->group, knob->hits, NULL);
	for (size_t i = 0; knob->hits_fields[i]; i++) {
		value = number_or_none(place->group, knob->hits, knob->hits_fields[i]);
		if (value == VPS_LIMIT_NONE && knob->hits_below &&
		    vps_group_sum(place->group, knob->hits_below, knob->hits_fields[i], &value))
			return VPS_LIMIT_NONE;
		if (value == VPS_LIMIT_NONE)
			return VPS_LIMIT_NONE;
		sum += value;
	}
	return sum;
}

static int read_knobs(const struct place *place, struct vps_limit_state *state)
{
	int rc = read_limits(place, &state->soft, &state->hard);

	if (rc)
		return rc;
	state->used = used_of(place);
	state->peak = number_or_none(place->group, place->knob->peak, NULL);
	state->hits = hits_of(place);
	return 0;
}

int vps_limit_get(struct vps_host *host, uint32_t id, const struct vps_resource *resource,
		  struct vps_limit_state *ret_state)
{
	_cleanup_(close_place) struct place place = { .v2 = -1, .group = -1 };
	struct vps_limit_state state = { .soft = VPS_LIMIT_NONE };
	int rc = open_place(host, id, resource, &place);

	if (rc)
		return rc;
	rc = place.meter ? read_meter(&place, &state) : read_knobs(&place, &state);
	if (rc)		/* the context is there, the file or the count is not */
		return rc == -ENOENT || rc == -ENODATA ? -ENOTSUP : rc;
	state.peak = peak_since(&place, state.peak);
	*ret_state = state;
	return 0;
}
