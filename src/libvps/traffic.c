// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/traffic.bpf.h"
#include "context.h"
#include "net.h"
#include "pins.h"
#include "traffic.h"
#include "util.h"

/* How many entries are read with one call. */
#define BATCH 4096

#define FIRST_ROOM 256

#define OF_ANOTHER "was counted by another version of the tools: harvest with those"

/* An account and where its rows are among all. */
struct found {
	struct vps_account account;
	size_t first;
	size_t count;
};

/* What the engine has counted by itself for an account. */
struct own {
	struct vps_account account;
	struct vps_count count;
};

/* A row as the kernel has it, its processors summed up. */
struct raw {
	struct vps_bpf_row key;
	struct vps_count count;
};

/**
 * struct reading - what is being read
 * @cpus: values of one row
 * @groups: numbers of the groups that are there
 */
struct reading {
	int cpus;
	struct raw *raws;
	size_t raw_count, raw_room;
	struct found *founds;
	size_t found_count, found_room;
	struct own *owns;
	size_t own_count, own_room;
	uint64_t *groups;
	size_t group_count, group_room;
};

static void end_reading(struct reading *reading)
{
	free(reading->raws);
	free(reading->founds);
	free(reading->owns);
	free(reading->groups);
}

/* @array with room for one more than @count elements of @size; NULL, and it is as it was. */
static void *make_room(void *array, size_t size, size_t count, size_t *room)
{
	size_t more = *room ? 2 * *room : FIRST_ROOM;

	if (count < *room)
		return array;
	array = reallocarray(array, more, size);
	if (array)
		*room = more;
	return array;
}

static struct raw *add_raw(struct reading *reading)
{
	struct raw *raws = make_room(reading->raws, sizeof(*raws), reading->raw_count,
				     &reading->raw_room);

	if (!raws)
		return NULL;
	reading->raws = raws;
	return &raws[reading->raw_count++];
}

static struct found *add_found(struct reading *reading)
{
	struct found *founds = make_room(reading->founds, sizeof(*founds), reading->found_count,
					 &reading->found_room);

	if (!founds)
		return NULL;
	reading->founds = founds;
	return &founds[reading->found_count++];
}

static int take_own(void *data, const struct vps_account *account, const struct vps_count *count)
{
	struct reading *reading = data;
	struct own *owns = make_room(reading->owns, sizeof(*owns), reading->own_count,
				     &reading->own_room);

	if (!owns)
		return -ENOMEM;
	reading->owns = owns;
	owns[reading->own_count++] = (struct own){ *account, *count };
	return 0;
}

static uint64_t *add_group(struct reading *reading)
{
	uint64_t *groups = make_room(reading->groups, sizeof(*groups), reading->group_count,
				     &reading->group_room);

	if (!groups)
		return NULL;
	reading->groups = groups;
	return &groups[reading->group_count++];
}

/* ---- reading ----------------------------------------------------------------------- */

/*
 * Hands all entries of @map to @take, which fails with what it does not return 0 for. Keys and
 * values of one batch are in memory, since on many processors those are large.
 */
static int each_entry(int map, size_t key_size, size_t value_size,
		      int (*take)(struct reading *reading, const void *key, const void *value),
		      struct reading *reading)
{
	_cleanup_(freep) char *keys = calloc(BATCH, key_size);
	_cleanup_(freep) char *values = calloc(BATCH, value_size);
	__u32 count, place = 0;
	bool first = true, last = false;
	int rc = keys && values ? 0 : -ENOMEM;

	while (!rc && !last) {
		count = BATCH;
		if (bpf_map_lookup_batch(map, first ? NULL : &place, &place, keys, values, &count,
					 NULL)) {
			if (errno != ENOENT)
				return -errno;
			last = true;
		}
		first = false;
		for (__u32 i = 0; !rc && i < count; i++)
			rc = take(reading, keys + i * key_size, values + i * value_size);
	}
	return rc;
}

static int take_row(struct reading *reading, const void *key, const void *value)
{
	struct raw *raw = add_raw(reading);
	const struct vps_bpf_count *counts = value;

	if (!raw)
		return -ENOMEM;
	*raw = (struct raw){ 0 };
	memcpy(&raw->key, key, sizeof(raw->key));
	for (int i = 0; i < reading->cpus; i++) {
		raw->count.in += counts[i].in;
		raw->count.out += counts[i].out;
		raw->count.in_packets += counts[i].in_packets;
		raw->count.out_packets += counts[i].out_packets;
	}
	return 0;
}

static int take_account(struct reading *reading, const void *key, const void *value)
{
	struct found *found = add_found(reading);
	const struct vps_bpf_account *account = value;

	if (!found)
		return -ENOMEM;
	*found = (struct found){ .account.id = account->id };
	memcpy(&found->account.key, key, sizeof(found->account.key));
	snprintf(found->account.name, sizeof(found->account.name), "%.*s", VPS_NAME_MAX,
		 account->name);
	return 0;
}

static int read_groups(const struct vps_cgroups *cg, struct reading *reading)
{
	_cleanup_(closedirp) DIR *groups = vps_groups_open(cg);
	struct dirent *entry;
	uint64_t *group;
	uint32_t id;

	while (groups && (entry = vps_groups_next(groups, &id))) {
		group = add_group(reading);
		if (!group)
			return -ENOMEM;
		*group = entry->d_ino;
	}
	return 0;
}

/* Before the maps: what an engine has begun to count has its account there by then. */
static int read_engine(const struct vps_host *host, struct reading *reading)
{
	return host->engine->each_account ?
	       host->engine->each_account(take_own, reading) : 0;
}

/* An account is begun before its first row and after its group. */
static int read_maps(const struct vps_cgroups *cg, struct reading *reading, uint64_t *ret_epoch)
{
	const size_t value_size = sizeof(struct vps_bpf_count);
	uint32_t rows_id;
	_cleanup_(closep) int rows = vps_traffic_open(VPS_TRAFFIC_ROWS, &rows_id);
	_cleanup_(closep) int accounts = vps_traffic_open(VPS_TRAFFIC_ACCOUNT, NULL);
	int rc;

	if (rows < 0 || accounts < 0)
		return rows < 0 ? rows : accounts;
	reading->cpus = libbpf_num_possible_cpus();
	if (reading->cpus < 0)
		return reading->cpus;
	rc = each_entry(rows, sizeof(struct vps_bpf_row), value_size * (size_t)reading->cpus,
			take_row, reading);
	rc = rc ?: each_entry(accounts, sizeof(uint64_t), sizeof(struct vps_bpf_account),
			      take_account, reading);
	rc = rc ?: read_groups(cg, reading);
	if (!rc)
		*ret_epoch = rows_id;
	return rc;
}

/* ---- putting it together --------------------------------------------------------------- */

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_raws(const void *a, const void *b)
{
	const struct raw *x = a, *y = b;

	return compare_u64(x->key.account, y->key.account) ?:
	       compare_u64(x->key.class, y->key.class);
}

static int compare_keys(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return compare_u64(x->account.key, y->account.key);
}

static int compare_ids(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return compare_u64(x->account.id, y->account.id) ?: compare_keys(a, b);
}

static int compare_groups(const void *a, const void *b)
{
	return compare_u64(*(const uint64_t *)a, *(const uint64_t *)b);
}

/* qsort(3) may not be given what was never allocated. */
static void sort(void *array, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	if (count)
		qsort(array, count, size, compare);
}

static void sort_raws(struct reading *reading)
{
	sort(reading->raws, reading->raw_count, sizeof(*reading->raws), compare_raws);
}

static void sort_founds(struct reading *reading)
{
	sort(reading->founds, reading->found_count, sizeof(*reading->founds), compare_keys);
}

/*
 * Packets that came after an account was forgotten have begun a row that is in none: it is an
 * account without a name.
 */
static int own_strays(struct reading *reading)
{
	size_t known = reading->found_count;
	uint64_t before = 0;

	for (size_t i = 0; i < reading->raw_count; i++) {
		struct found stray = { .account.key = reading->raws[i].key.account };
		struct found *found;

		if (stray.account.key == before ||
		    bsearch(&stray, reading->founds, known, sizeof(stray), compare_keys))
			continue;
		before = stray.account.key;
		found = add_found(reading);
		if (!found)
			return -ENOMEM;
		*found = stray;
	}
	sort_founds(reading);
	return 0;
}

/* Contexts that were made where no program counts, or whose counters are gone. */
static int add_owns(const struct vps_cgroups *cg, struct reading *reading)
{
	size_t known = reading->found_count;

	for (size_t i = 0; i < reading->own_count; i++) {
		const struct own *own = &reading->owns[i];
		struct found one = { .account = own->account }, *found;
		struct raw *raw;

		if ((known && bsearch(&one, reading->founds, known, sizeof(one), compare_keys)) ||
		    vps_group_is_there(cg, own->account.key))
			continue;
		found = add_found(reading);
		raw = add_raw(reading);
		if (!found || !raw)
			return -ENOMEM;
		*found = one;
		*raw = (struct raw){ .key.account = own->account.key, .count = own->count };
	}
	if (reading->found_count > known) {
		sort_raws(reading);
		sort_founds(reading);
	}
	return 0;
}

/* Gives each account its rows, by class; and notes whether its group is there. */
static int join(const struct vps_cgroups *cg, struct reading *reading)
{
	size_t row = 0;
	int rc;

	sort(reading->groups, reading->group_count, sizeof(*reading->groups), compare_groups);
	sort_raws(reading);
	sort_founds(reading);
	rc = own_strays(reading) ?: add_owns(cg, reading);
	if (rc)
		return rc;
	for (size_t i = 0; i < reading->found_count; i++) {
		struct found *found = &reading->founds[i];
		uint64_t key = found->account.key;

		found->account.ended = !bsearch(&key, reading->groups, reading->group_count,
						sizeof(key), compare_groups);
		found->first = row;
		while (row < reading->raw_count && reading->raws[row].key.account == key)
			row++;
		found->count = row - found->first;
	}
	sort(reading->founds, reading->found_count, sizeof(*reading->founds), compare_ids);
	return 0;
}

static void add_row(struct vps_traffic *traffic, size_t account, size_t class,
		    const struct vps_count *count)
{
	traffic->rows[traffic->row_count++] = (struct vps_traffic_row){
		.account = account, .class = class, .count = *count,
	};
}

/* Rows of classes whose name is not known there are none: the names were read later. */
static int lay_out(const struct reading *reading, struct vps_traffic *traffic)
{
	static const struct vps_count none;

	traffic->accounts = calloc(reading->found_count + 1, sizeof(*traffic->accounts));
	traffic->rows = calloc(reading->found_count + reading->raw_count + 1,
			       sizeof(*traffic->rows));
	if (!traffic->accounts || !traffic->rows)
		return -ENOMEM;
	traffic->account_count = reading->found_count;
	for (size_t i = 0; i < reading->found_count; i++) {
		const struct found *found = &reading->founds[i];
		const struct raw *raw = reading->raws + found->first;

		traffic->accounts[i] = found->account;
		if (!found->count || raw->key.class)
			add_row(traffic, i, 0, &none);
		for (size_t n = 0; n < found->count; n++, raw++) {
			if (raw->key.class >= traffic->class_count)
				return -EPROTO;
			add_row(traffic, i, raw->key.class, &raw->count);
		}
	}
	return 0;
}

/* Numbers of classes are given from 1 up, and none is ever taken back. */
static int read_classes(struct vps_traffic *traffic)
{
	_cleanup_(closep) int names = vps_traffic_open(VPS_TRAFFIC_CLASS, NULL);
	struct vps_bpf_class class;
	uint32_t number = 1;

	if (names < 0)
		return names;
	traffic->classes = calloc(VPS_CLASSES_MAX, sizeof(*traffic->classes));
	if (!traffic->classes)
		return -ENOMEM;
	snprintf(traffic->classes[0], sizeof(traffic->classes[0]), VPS_CLASS_OTHER);
	while (number < VPS_CLASSES_MAX && !bpf_map_lookup_elem(names, &number, &class))
		snprintf(traffic->classes[number++], sizeof(traffic->classes[0]), "%.*s",
			 VPS_CLASS_NAME_MAX, class.name);
	traffic->class_count = number;
	return 0;
}

static int read_boot(char boot[37])
{
	char text[64];
	ssize_t n = vps_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));

	if (n < 0)
		return (int)n;
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) != 36)
		return -EPROTO;
	memcpy(boot, text, 37);
	return 0;
}

void vps_traffic_free(struct vps_traffic *traffic)
{
	free(traffic->accounts);
	free(traffic->classes);
	free(traffic->rows);
	*traffic = (struct vps_traffic){ 0 };
}

static int read_all(const struct vps_host *host, struct vps_traffic *ret_traffic)
{
	_cleanup_(vps_traffic_free) struct vps_traffic traffic = { 0 };
	_cleanup_(end_reading) struct reading reading = { 0 };
	int rc = read_boot(traffic.boot);

	rc = rc ?: read_engine(host, &reading);
	rc = rc ?: read_maps(&host->cg, &reading, &traffic.epoch);
	rc = rc ?: read_classes(&traffic);
	rc = rc ?: join(&host->cg, &reading);
	rc = rc ?: lay_out(&reading, &traffic);
	if (rc)
		return rc;
	*ret_traffic = traffic;
	traffic = (struct vps_traffic){ 0 };
	return 0;
}

/* No context has been made yet where programs could count. */
static int read_engine_alone(const struct vps_host *host, struct vps_traffic *ret_traffic)
{
	_cleanup_(vps_traffic_free) struct vps_traffic traffic = { .class_count = 1 };
	_cleanup_(end_reading) struct reading reading = { 0 };
	int rc = read_boot(traffic.boot) ?: read_engine(host, &reading);

	if (rc)
		return rc;
	traffic.classes = calloc(1, sizeof(*traffic.classes));
	if (!traffic.classes)
		return -ENOMEM;
	snprintf(traffic.classes[0], sizeof(traffic.classes[0]), VPS_CLASS_OTHER);
	rc = join(&host->cg, &reading) ?: lay_out(&reading, &traffic);
	if (rc)
		return rc;
	*ret_traffic = traffic;
	traffic = (struct vps_traffic){ 0 };
	return 0;
}

int vps_traffic_other(char **ret_path)
{
	_cleanup_(closedirp) DIR *pins = opendir(VPS_PINS);
	const char *own = strrchr(VPS_PINS_TRAFFIC, '/') + 1;
	struct dirent *entry;

	while (pins && (entry = readdir(pins)))
		if (!strncmp(entry->d_name, "traffic", strlen("traffic")) &&
		    strcmp(entry->d_name, own) != 0)
			return asprintf(ret_path, VPS_PINS "/%s", entry->d_name) < 0 ? -ENOMEM : 0;
	return -ENOENT;
}

/* Nothing of ours is there: is there another's, or could there be ours? */
static int read_without(struct vps_host *host, struct vps_traffic *ret_traffic,
			struct vps_fault *fault)
{
	_cleanup_(freep) char *other = NULL;
	const char *refusal;

	if (!vps_traffic_other(&other))
		return vps_refuse(fault, -EPROTO, OF_ANOTHER, other);
	refusal = vps_net_refusal(&host->cg);
	return refusal ? vps_refuse(fault, -ENOTSUP, refusal, "traffic") :
			 read_engine_alone(host, ret_traffic);
}

int vps_traffic_read(struct vps_host *host, struct vps_traffic *ret_traffic,
		     struct vps_fault *fault)
{
	int rc = read_all(host, ret_traffic);

	switch (rc) {
	case 0:
		return 0;
	case -ENOENT:
		return read_without(host, ret_traffic, fault);
	case -EPROTO:
		return vps_refuse(fault, rc, OF_ANOTHER, VPS_PINS_TRAFFIC);
	}
	return vps_fault(fault, rc, "read the counters of traffic", "");
}
