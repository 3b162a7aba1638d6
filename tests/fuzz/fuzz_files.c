// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the library reads in files that are not its own: the kernel's, with what a VPS could put
 * into them (names of commands, mount points), and a VPS's. The first byte says who reads the
 * rest.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "cgroup.h"
#include "fuzz.h"
#include "mounts.h"
#include "resource.h"
#include "subid.h"
#include "user.h"
#include "util.h"

static void read_stat(void)
{
	struct vps_proc_stat stat = { 0 };

	CHECK(vps_proc_stat(1, &stat) <= 0);
}

static void read_mounts(void)
{
	char where[64];
	int rc;

	memset(where, 'x', sizeof(where));
	rc = vps_mounts_below(0, where, sizeof(where));
	CHECK(rc <= 0);
	CHECK(rc != -EBUSY || memchr(where, '\0', sizeof(where)));
}

static void read_numbers(void)
{
	uint64_t value;

	vps_read_number(0, "number", &value);
	vps_group_number(0, "memory.events", "oom", &value);
	vps_group_number(0, "memory.current", NULL, &value);
	vps_group_event(0, "populated");
	vps_group_event(0, "frozen");
}

static void read_group(void)
{
	char path[200];
	int rc = vps_group_of_process(1, path, sizeof(path));

	CHECK(rc <= 0);
	if (!rc)
		CHECK(!strchr(path, '\n') && vps_group_id_of_path(path) <= VPS_ID_MAX);
}

static void read_limits(void)
{
	static const struct {
		int (*decode)(const char *text, const char *argument, uint64_t *ret_value);
		const char *argument;
	} codecs[] = {
		{ vps_decode_max, NULL }, { vps_decode_v1_bytes, NULL },
		{ vps_decode_cpu_max, NULL }, { vps_decode_cfs_quota, NULL },
		{ vps_decode_shares, NULL }, { vps_decode_io_max, "rbps" },
		{ vps_sum_io_stat, "rbytes" },
	};
	char text[8192];
	uint64_t value;

	if (vps_read_at(0, "limit", text, sizeof(text)) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		CHECK(codecs[i].decode(text, codecs[i].argument, &value) <= 0);
}

static void read_subids(void)
{
	vps_subid_meets(3);
	vps_subid_meets(VPS_ID_MAX);
}

/* The user's groups are read while he is become, which ends there. */
static void read_user(const char *word)
{
	char *const nothing[] = { NULL };
	struct vps_fault fault = { 0 };
	struct vps_user user;

	if (vps_user_find(word, &user, &fault))
		return;
	CHECK(user.uid < 65536 && user.gid < 65536);
	CHECK(memchr(user.name, '\0', sizeof(user.name)) && *user.home && *user.shell);
	CHECK(vps_user_become(&user, nothing, &fault));
}

static void read_users(void)
{
	read_user("root");
	read_user("web");
	read_user("1000");
}

static void (*const readers[])(void) = {
	read_stat, read_mounts, read_numbers, read_group, read_limits, read_subids, read_users,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_one_of(readers, ARRAY_SIZE(readers), data, size);
}
