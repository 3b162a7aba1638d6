// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the extended attributes of a context's group remember, whoever has written them. What was
 * understood is written so that it is understood the same again. The first byte says who reads.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "context.h"
#include "engine.h"
#include "fuzz.h"
#include "vnet.h"

static struct vps_host host = { .engine = &vps_engine_stock };

static void read_device(void)
{
	struct vps_vnet_note note, again;
	const struct vps_vnet *vnet = &note.vnet;

	if (vps_vnet_read(0, &note))
		return;
	CHECK(memchr(vnet->bridge, '\0', sizeof(vnet->bridge)));
	CHECK(vnet->addr_count <= VPS_ADDRS_MAX && vnet->gateway_count <= VPS_GATEWAYS_MAX);
	CHECK(!vps_vnet_write(0, &note));
	fuzz_file((const uint8_t *)fuzz_attr(), strlen(fuzz_attr()));
	CHECK(!vps_vnet_read(0, &again));
	CHECK(!memcmp(&note, &again, sizeof(note)));
}

static void read_addresses(void)
{
	struct vps_bound *addrs = NULL;
	size_t count = 0;

	if (vps_context_addrs(&host, 7, &addrs, &count))
		return;
	for (size_t i = 0; i < count; i++)
		CHECK(memchr(addrs[i].device, '\0', sizeof(addrs[i].device)));
	free(addrs);
}

static void read_context(void)
{
	struct vps_context_info info;

	if (vps_context_info(&host, 7, &info))
		return;
	CHECK(memchr(info.name, '\0', sizeof(info.name)) && info.state <= VPS_STATE_REBOOTED);
}

static void read_disk(void)
{
	struct vps_disk disk;
	char *tree = NULL;

	if (vps_disk_of(&host, 7, &disk, &tree))
		return;
	CHECK(disk.kind <= VPS_DISK_PLAIN && strlen(tree) < PATH_MAX);
	free(tree);
}

static void (*const readers[])(void) = {
	read_device, read_addresses, read_context, read_disk,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_one_of(readers, ARRAY_SIZE(readers), data, size);
}
