// SPDX-License-Identifier: LGPL-2.1-or-later
/* Accounts of traffic: from the making of a context until all of it is in the ledger. */
#include <errno.h>
#include <stdio.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/traffic.bpf.h"
#include "context.h"
#include "engine.h"
#include "pins.h"
#include "traffic.h"
#include "util.h"

/* ---- maps -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t key_size;
	size_t value_size;
} maps[] = {
	[VPS_TRAFFIC_ROWS] = {
		"traffic_rows", sizeof(struct vps_bpf_row), sizeof(struct vps_bpf_count),
	},
	[VPS_TRAFFIC_ACCOUNT] = {
		"traffic_account", sizeof(uint64_t), sizeof(struct vps_bpf_account),
	},
	[VPS_TRAFFIC_CLASS] = {
		"traffic_class", sizeof(uint32_t), sizeof(struct vps_bpf_class),
	},
	[VPS_TRAFFIC_NETS] = { "traffic_nets", sizeof(uint32_t), sizeof(uint32_t) },
	[VPS_TRAFFIC_STAMP] = {
		"traffic_stamp", sizeof(uint32_t), sizeof(struct vps_bpf_stamp),
	},
};

int vps_traffic_open(enum vps_traffic_map map, uint32_t *ret_map_id)
{
	char path[sizeof(VPS_PINS_TRAFFIC) + 32];
	_cleanup_(closep) int fd = -1;
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	snprintf(path, sizeof(path), VPS_PINS_TRAFFIC "/%s", maps[map].name);
	fd = vps_pins_open(path);
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.key_size != maps[map].key_size || info.value_size != maps[map].value_size)
		return -EPROTO;
	if (ret_map_id)
		*ret_map_id = info.id;
	return steal_fd(&fd);
}

/* ---- their life ----------------------------------------------------------------------- */

/* Its first row, with what each processor has: nothing. */
static int begin_row(int rows, uint64_t key)
{
	struct vps_bpf_row row = { .account = key };
	int cpus = libbpf_num_possible_cpus();
	struct vps_bpf_count *none = cpus < 0 ? NULL : calloc((size_t)cpus, sizeof(*none));
	int rc;

	if (!none)
		return cpus < 0 ? cpus : -ENOMEM;
	rc = bpf_map_update_elem(rows, &row, none, BPF_NOEXIST) ? -errno : 0;
	free(none);
	return rc;
}

static int begin(int group, uint32_t id, const char *name)
{
	_cleanup_(closep) int rows = vps_traffic_open(VPS_TRAFFIC_ROWS, NULL);
	_cleanup_(closep) int accounts = vps_traffic_open(VPS_TRAFFIC_ACCOUNT, NULL);
	struct vps_bpf_account account = { .id = id };
	uint64_t key;
	int rc;

	if (rows < 0 || accounts < 0)
		return rows < 0 ? rows : accounts;
	rc = vps_group_cgroup_id(group, &key);
	if (rc)
		return rc;
	snprintf(account.name, sizeof(account.name), "%s", name ?: "");
	if (bpf_map_update_elem(accounts, &key, &account, BPF_ANY))
		return -errno;
	rc = begin_row(rows, key);
	if (rc)
		bpf_map_delete_elem(accounts, &key);
	return rc;
}

static bool is_zero(const struct vps_count *count)
{
	return !(count->in | count->out | count->in_packets | count->out_packets);
}

/* Where nobody harvests, those that had no traffic make room. */
static int forget_empty(struct vps_host *host)
{
	_cleanup_(vps_traffic_free) struct vps_traffic traffic = { 0 };
	int rc = vps_traffic_read(host, &traffic, NULL);
	size_t row = 0;

	for (size_t i = 0; !rc && i < traffic.account_count; i++) {
		bool empty = true;

		for (; row < traffic.row_count && traffic.rows[row].account == i; row++)
			empty = empty && is_zero(&traffic.rows[row].count);
		if (empty && traffic.accounts[i].ended)
			rc = vps_traffic_forget(host, &traffic.accounts[i]);
		/* What a dead one's sockets still hold is left for later. */
		if (rc == -EBUSY)
			rc = 0;
	}
	return rc;
}

int vps_traffic_begin(struct vps_host *host, int group, uint32_t id, const char *name)
{
	int rc = begin(group, id, name);

	if (rc != -E2BIG)
		return rc;
	return forget_empty(host) ?: begin(group, id, name);
}

int vps_traffic_ensure(struct vps_host *host, int group, uint32_t id, const char *name)
{
	_cleanup_(closep) int accounts = vps_traffic_open(VPS_TRAFFIC_ACCOUNT, NULL);
	struct vps_bpf_account account;
	uint64_t key;
	int rc = accounts < 0 ? accounts : vps_group_cgroup_id(group, &key);

	if (rc || !bpf_map_lookup_elem(accounts, &key, &account))
		return rc;
	return vps_traffic_begin(host, group, id, name);
}

/* Is the group there that it is the account of? */
static bool has_group(const struct vps_cgroups *cg, const struct vps_account *account)
{
	_cleanup_(closep) int group = vps_group_open(cg, account->id);
	uint64_t key;

	return group >= 0 && !vps_group_cgroup_id(group, &key) && key == account->key;
}

/* What the engine has counted for itself. */
static int forget_engines(const struct vps_host *host, const struct vps_account *account)
{
	/* One without a number has only what came after it was forgotten. */
	if (!host->engine->forget || account->id == VPS_ID_HOST)
		return 0;
	return host->engine->forget(account->id, account->key);
}

int vps_traffic_forget(struct vps_host *host, const struct vps_account *account)
{
	_cleanup_(closep) int rows = vps_traffic_open(VPS_TRAFFIC_ROWS, NULL);
	_cleanup_(closep) int accounts = vps_traffic_open(VPS_TRAFFIC_ACCOUNT, NULL);
	_cleanup_(closep) int classes = vps_traffic_open(VPS_TRAFFIC_CLASS, NULL);
	struct vps_bpf_row row = { .account = account->key };
	struct vps_bpf_class class;
	int rc;

	if (has_group(&host->cg, account))
		return -EBUSY;
	rc = forget_engines(host, account);
	if (rc || account->by_engine)
		return rc;
	if (rows < 0 || accounts < 0 || classes < 0)
		return rows < 0 ? rows : accounts < 0 ? accounts : classes;
	for (__u32 i = 0; !i || !bpf_map_lookup_elem(classes, &i, &class); i++) {
		row.class = i;
		if (bpf_map_delete_elem(rows, &row) && errno != ENOENT)
			return -errno;
	}
	return bpf_map_delete_elem(accounts, &account->key) && errno != ENOENT ? -errno : 0;
}
