// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "disk.h"
#include "net.h"
#include "resource.h"
#include "tcp.h"
#include "util.h"

/* Well below what the kernel takes for no limit at all. */
#define BYTES_MAX (UINT64_C(1) << 62)
#define BYTES_MIN 4096
#define PROC_MAX (UINT64_C(1) << 22)
/* A hundred times as many CPUs as any kernel is built for would overflow the quota. */
#define CPU_MAX UINT64_C(819200)
#define WEIGHT_MAX 10000
#define OPS_MAX (UINT32_MAX - UINT64_C(1))

static const struct vps_knob pids_v1 = {
	.used = "pids.current", .peak = "pids.peak", .hard = "pids.max",
	.hits = "pids.events", .hits_fields = { "max" },
	.decode = vps_decode_max, .encode = vps_encode_max,
};

/* The local file counts what our limit refused, and not what limits inside did. */
static const struct vps_knob pids_v2 = {
	.used = "pids.current", .peak = "pids.peak", .hard = "pids.max",
	.hits = "pids.events.local", .hits_fields = { "max" }, .hits_below = "pids.events",
	.decode = vps_decode_max, .encode = vps_encode_max,
};

static const struct vps_knob rss_v1 = {
	.used = "memory.usage_in_bytes", .peak = "memory.max_usage_in_bytes",
	.hard = "memory.limit_in_bytes", .hits = "memory.failcnt", .peak_resets = true,
	.decode = vps_decode_v1_bytes, .encode = vps_encode_v1_bytes,
};

static const struct vps_knob rss_v2 = {
	.used = "memory.current", .peak = "memory.peak",
	.soft = "memory.high", .hard = "memory.max",
	.hits = "memory.events.local", .hits_fields = { "high", "max" },
	.decode = vps_decode_max, .encode = vps_encode_max,
};

static const struct vps_knob swap_v2 = {
	.used = "memory.swap.current", .peak = "memory.swap.peak", .hard = "memory.swap.max",
	.hits = "memory.swap.events", .hits_fields = { "max" },
	.decode = vps_decode_max, .encode = vps_encode_max,
};

static const struct vps_knob cpu_v1 = {
	.used = "cpu.stat", .used_field = "usage_usec", .used_on_v2 = true,
	.hard = "cpu.cfs_quota_us", .hits = "cpu.stat", .hits_fields = { "nr_throttled" },
	.decode = vps_decode_cfs_quota, .encode = vps_encode_cfs_quota,
};

static const struct vps_knob cpu_v2 = {
	.used = "cpu.stat", .used_field = "usage_usec",
	.hard = "cpu.max", .hits = "cpu.stat", .hits_fields = { "nr_throttled" },
	.decode = vps_decode_cpu_max, .encode = vps_encode_cpu_max,
};

static const struct vps_knob weight_v1 = {
	.hard = "cpu.shares", .decode = vps_decode_shares, .encode = vps_encode_shares,
};

static const struct vps_knob weight_v2 = {
	.hard = "cpu.weight", .decode = vps_decode_max, .encode = vps_encode_max,
};

#define IO_KNOB(limit, total) { \
	.used = "io.stat", .used_field = total, .hard = "io.max", .argument = limit, \
	.decode = vps_decode_io_max, .encode = vps_encode_io_max, \
}
static const struct vps_knob rbps_v2 = IO_KNOB("rbps", "rbytes");
static const struct vps_knob wbps_v2 = IO_KNOB("wbps", "wbytes");
static const struct vps_knob riops_v2 = IO_KNOB("riops", "rios");
static const struct vps_knob wiops_v2 = IO_KNOB("wiops", "wios");

static const char *tcp_refusal(const struct vps_host *host, const struct vps_meter *meter)
{
	(void)meter;
	return vps_net_refusal(&host->cg);
}

static int tcp_get(const struct vps_metered *of, struct vps_limit_state *ret_state)
{
	return vps_tcp_get(&of->host->cg, of->group, ret_state);
}

static int tcp_set(const struct vps_metered *of, const struct vps_limit *limit,
		   struct vps_fault *fault)
{
	int rc = vps_tcp_set(&of->host->cg, of->group, limit->hard);

	return rc ? vps_fault(fault, rc, "set the limit", "tcp") : 0;
}

static const struct vps_meter tcp_meter = {
	.refusal = tcp_refusal, .get = tcp_get, .set = tcp_set,
	.no_data = "was not counted from the start of this context; restart it",
};

/* ---- what the host has ---------------------------------------------------------- */

static int host_procs(uint64_t *ret_total)
{
	uint64_t pids, threads;
	int rc = vps_read_number(AT_FDCWD, "/proc/sys/kernel/pid_max", &pids);

	rc = rc ?: vps_read_number(AT_FDCWD, "/proc/sys/kernel/threads-max", &threads);
	if (!rc)
		*ret_total = pids < threads ? pids : threads;
	return rc;
}

static int meminfo(const char *field, uint64_t *ret_bytes)
{
	char text[8192];
	const char *line;
	uint64_t kib;
	ssize_t n = vps_read_at(AT_FDCWD, "/proc/meminfo", text, sizeof(text));

	if (n < 0)
		return (int)n;
	line = strstr(text, field);
	if (!line || sscanf(line + strlen(field), " %" SCNu64 " kB", &kib) != 1)
		return -ENODATA;
	*ret_bytes = kib * 1024;
	return 0;
}

static int host_memory(uint64_t *ret_total)
{
	return meminfo("MemTotal:", ret_total);
}

static int host_swap(uint64_t *ret_total)
{
	return meminfo("SwapTotal:", ret_total);
}

static int host_files(const char *trees, uint64_t *ret_total)
{
	(void)trees;
	return vps_read_number(AT_FDCWD, "/proc/sys/fs/file-max", ret_total);
}

static int host_cpus(const char *trees, uint64_t *ret_total)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	(void)trees;
	if (cpus < 1)
		return -ENODATA;
	*ret_total = 100 * (uint64_t)cpus;
	return 0;
}

static int host_space(const char *trees, uint64_t *ret_total)
{
	struct statvfs st;

	if (statvfs(trees, &st) < 0)
		return -errno;
	*ret_total = (uint64_t)st.f_blocks * st.f_frsize;
	return 0;
}

/* Some file systems make inodes as they are wanted. */
static int host_inodes(const char *trees, uint64_t *ret_total)
{
	struct statvfs st;

	if (statvfs(trees, &st) < 0)
		return -errno;
	*ret_total = st.f_files;
	return st.f_files ? 0 : -ENODATA;
}

/* ---- the table -------------------------------------------------------------------- */

#define IO_ROW(id, upper, text, limit_unit, total_unit, top) { \
	.face = { .name = #id, .key = "LIMIT_" upper, .what = text, .unit = limit_unit, \
		  .used_unit = total_unit, .min = 1, .max = top }, \
	.controller = VPS_CTL_IO, .knobs = { NULL, &id##_v2 }, \
}

static const struct vps_resource_entry table[] = {
	{
		.face = { .name = "proc", .alias = "nproc", .key = "LIMIT_PROC",
			  .what = "processes and threads", .unit = VPS_UNIT_COUNT,
			  .used_unit = VPS_UNIT_COUNT, .min = 1, .max = PROC_MAX,
			  .over = "none can be started until enough have ended" },
		.controller = VPS_CTL_PIDS, .knobs = { &pids_v1, &pids_v2 },
		.host_total = host_procs,
	}, {
		.face = { .name = "vm", .alias = "as", .key = "LIMIT_VM",
			  .what = "virtual memory of all processes", .unit = VPS_UNIT_BYTES,
			  .used_unit = VPS_UNIT_BYTES, .min = BYTES_MIN, .max = BYTES_MAX,
			  .over = "no more is given until enough is given back" },
		.host_total = host_memory,
	}, {
		.face = { .name = "rss", .key = "LIMIT_RSS", .what = "resident memory",
			  .unit = VPS_UNIT_BYTES, .used_unit = VPS_UNIT_BYTES,
			  .min = BYTES_MIN, .max = BYTES_MAX,
			  .over = "it is reclaimed, and above hard processes inside are killed" },
		.controller = VPS_CTL_MEMORY, .knobs = { &rss_v1, &rss_v2 },
		.no_soft = "a soft limit needs cgroup v2: v1 has no memory.high",
		.host_total = host_memory,
	}, {
		.face = { .name = "swap", .key = "LIMIT_SWAP", .what = "swap space",
			  .unit = VPS_UNIT_BYTES, .used_unit = VPS_UNIT_BYTES,
			  .min = 0, .max = BYTES_MAX,
			  .over = "no more is swapped out, and what is out stays" },
		.controller = VPS_CTL_MEMORY, .knobs = { NULL, &swap_v2 },
		.no_v1 = "needs cgroup v2: v1 counts memory and swap as one sum",
		.host_total = host_swap,
	}, {
		.face = { .name = "files", .alias = "nofile", .key = "LIMIT_FILES",
			  .what = "open files of all processes", .unit = VPS_UNIT_COUNT,
			  .used_unit = VPS_UNIT_COUNT, .min = 1, .max = INT64_MAX,
			  .over = "none can be opened until enough are closed" },
		.capacity = host_files,
	}, {
		.face = { .name = "tcp", .alias = "nsock", .key = "LIMIT_TCP",
			  .what = "established TCP connections", .unit = VPS_UNIT_COUNT,
			  .used_unit = VPS_UNIT_COUNT, .min = 0, .max = UINT32_MAX,
			  .over = "none can be made until enough have ended" },
		.meter = &tcp_meter,
	}, {
		.face = { .name = "disk", .key = "LIMIT_DISK", .what = "disk space of its tree",
			  .unit = VPS_UNIT_BYTES, .used_unit = VPS_UNIT_BYTES,
			  .min = BYTES_MIN, .max = BYTES_MAX,
			  .over = "nothing can be written until enough is removed" },
		.meter = &vps_disk_space_meter, .capacity = host_space,
	}, {
		.face = { .name = "inodes", .key = "LIMIT_INODES", .what = "files of its tree",
			  .unit = VPS_UNIT_COUNT, .used_unit = VPS_UNIT_COUNT,
			  .min = 1, .max = INT64_MAX,
			  .over = "none can be made until enough are removed" },
		.meter = &vps_disk_inodes_meter, .capacity = host_inodes,
	}, {
		.face = { .name = "cpu", .key = "LIMIT_CPU",
			  .what = "CPU time, percent of one CPU", .unit = VPS_UNIT_PERCENT,
			  .used_unit = VPS_UNIT_US, .min = 1, .max = CPU_MAX },
		.controller = VPS_CTL_CPU, .knobs = { &cpu_v1, &cpu_v2 },
		.capacity = host_cpus,
	}, {
		.face = { .name = "cpu-weight", .key = "LIMIT_CPU_WEIGHT",
			  .what = "share of a busy CPU, 1 to 10000 (100)",
			  .unit = VPS_UNIT_WEIGHT, .min = 1, .max = WEIGHT_MAX },
		.controller = VPS_CTL_CPU, .knobs = { &weight_v1, &weight_v2 },
	},
	IO_ROW(rbps, "RBPS", "bytes read a second, of each disk", VPS_UNIT_BYTES_S,
	       VPS_UNIT_BYTES, INT64_MAX),
	IO_ROW(wbps, "WBPS", "bytes written a second, of each disk", VPS_UNIT_BYTES_S,
	       VPS_UNIT_BYTES, INT64_MAX),
	IO_ROW(riops, "RIOPS", "reads a second, of each disk", VPS_UNIT_COUNT_S,
	       VPS_UNIT_COUNT, OPS_MAX),
	IO_ROW(wiops, "WIOPS", "writes a second, of each disk", VPS_UNIT_COUNT_S,
	       VPS_UNIT_COUNT, OPS_MAX),
};

const char *vps_unit_name(enum vps_unit unit)
{
	static const char *const names[] = {
		[VPS_UNIT_NONE] = "",
		[VPS_UNIT_COUNT] = "number",
		[VPS_UNIT_BYTES] = "bytes",
		[VPS_UNIT_PERCENT] = "percent",
		[VPS_UNIT_WEIGHT] = "weight",
		[VPS_UNIT_US] = "microseconds",
		[VPS_UNIT_BYTES_S] = "bytes/s",
		[VPS_UNIT_COUNT_S] = "number/s",
	};

	return names[unit];
}

const struct vps_resource *vps_resource_at(size_t i)
{
	return i < ARRAY_SIZE(table) ? &table[i].face : NULL;
}

const struct vps_resource *vps_resource_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct vps_resource *face = &table[i].face;

		if (!strcmp(face->name, word) || !strcmp(face->key, word) ||
		    (face->alias && !strcmp(face->alias, word)))
			return face;
	}
	return NULL;
}

const struct vps_meter *vps_resource_meter(const struct vps_host *host,
					   const struct vps_resource *resource)
{
	const struct vps_meter *meter = NULL;

	if (host->engine->meter)
		meter = host->engine->meter(resource->name);
	return meter ?: vps_resource_entry(resource)->meter;
}

int vps_resource_capacity(const struct vps_resource *resource, const char *trees,
			  uint64_t *ret_total)
{
	const struct vps_resource_entry *entry = vps_resource_entry(resource);

	if (entry->capacity)
		return entry->capacity(trees, ret_total);
	return entry->host_total ? entry->host_total(ret_total) : -ENODATA;
}

/* ---- values ------------------------------------------------------------------------ */

static int parse_percent(const struct vps_resource *resource, char *digits, uint64_t *ret_value)
{
	int (*total)(uint64_t *) = vps_resource_entry(resource)->host_total;
	uint64_t percent, have;
	int rc;

	digits[strlen(digits) - 1] = '\0';
	rc = vps_parse_u64(digits, &percent);
	if (rc)
		return rc;
	/* Percent is what it is counted in. */
	if (resource->unit == VPS_UNIT_PERCENT) {
		*ret_value = percent;
		return 0;
	}
	if (!total)
		return -EINVAL;
	if (percent > 100)
		return -ERANGE;
	rc = total(&have);
	if (!rc)
		*ret_value = have / 100 * percent + have % 100 * percent / 100;
	return rc;
}

/* One of the two numbers, @len bytes of @text. */
static int parse_value(const struct vps_resource *resource, const char *text, size_t len,
		       uint64_t *ret_value)
{
	bool plain = resource->unit == VPS_UNIT_PERCENT || resource->unit == VPS_UNIT_WEIGHT;
	uint64_t value;
	char word[32];
	int rc;

	if (len >= sizeof(word))
		return text[strspn(text, "0123456789")] && len ? -EINVAL : -ERANGE;
	memcpy(word, text, len);
	word[len] = '\0';
	if (!strcmp(word, "inf")) {
		*ret_value = VPS_LIMIT_INF;
		return resource->unit == VPS_UNIT_WEIGHT ? -EINVAL : 0;
	}
	if (len && word[len - 1] == '%')
		rc = parse_percent(resource, word, &value);
	else
		rc = plain ? vps_parse_u64(word, &value) : vps_parse_size(word, &value);
	if (rc)
		return rc;
	if (value < resource->min || value > resource->max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int vps_limit_parse(const struct vps_resource *resource, const char *text,
		    struct vps_limit *ret_limit)
{
	struct vps_limit limit = { .resource = resource, .soft = VPS_LIMIT_INF };
	const char *colon = strchr(text, ':');
	const char *hard = colon ? colon + 1 : text;
	int rc = 0;

	if (colon)
		rc = parse_value(resource, text, (size_t)(colon - text), &limit.soft);
	rc = rc ?: parse_value(resource, hard, strlen(hard), &limit.hard);
	if (rc)
		return rc;
	if (limit.soft != VPS_LIMIT_INF && limit.soft > limit.hard)
		return -EDOM;
	*ret_limit = limit;
	return 0;
}
