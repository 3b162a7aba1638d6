// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel engine: the addresses that a context is held to. */
#include <assert.h>
#include <errno.h>
#include <linux/vps.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine-kernel.h"
#include "engine.h"
#include "sys.h"
#include "util.h"

static_assert(VPS_ADDRS_MAX == VPS_ADDRESSES_MAX, "the number of addresses has two bounds");
static_assert(sizeof(((struct vps_bound *)NULL)->device) == VPS_DEVICE_SIZE,
	      "names of devices have two sizes");

static int call(uint32_t subcategory, uint32_t command, uint32_t id, void *data)
{
	int rc = vps_sys_vserver(VC_CMD(VC_CAT_NETADDR, subcategory, command), id, data);

	/* It has ended meanwhile, and its group will be gone in a moment. */
	return rc == -ESRCH ? -ENODEV : rc;
}

static bool works(void)
{
	return vps_kernel_has(VC_CAT_NETADDR, VC_NETADDR_PERMIT) &&
	       vps_kernel_has(VC_CAT_NETADDR, VC_NETADDR_REMOVE);
}

/* That address alone, whatever its network. */
static struct vps_address as_kernels(const struct vps_bound *bound)
{
	struct vps_address address = {
		.size = sizeof(address),
		.family = (uint16_t)bound->addr.family,
		.bits = bound->addr.family == AF_INET ? 32 : 128,
		.prefix = (uint8_t)bound->addr.prefix,
	};

	memcpy(address.device, bound->device, strlen(bound->device));
	memcpy(address.addr, bound->addr.bytes, sizeof(address.addr));
	return address;
}

static bool is_among(const struct vps_address *address, const struct vps_bound *addrs,
		     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct vps_address other = as_kernels(&addrs[i]);

		if (!memcmp(address, &other, sizeof(other)))
			return true;
	}
	return false;
}

/* Room for all that there may be; one that was never given any has none. */
static int get_list(uint32_t id, struct vps_address **ret_list, size_t *ret_count)
{
	struct vps_address *list = calloc(VPS_ADDRESSES_MAX, sizeof(*list));
	struct vps_addresses addresses = {
		.size = sizeof(addresses), .count = VPS_ADDRESSES_MAX, .each = sizeof(*list),
		.list = (uintptr_t)list,
	};
	int rc = list ? call(VC_GET, VC_NETADDR_PERMIT, id, &addresses) : -ENOMEM;

	if (rc && rc != -ENODATA) {
		free(list);
		return rc;
	}
	*ret_list = list;
	*ret_count = rc ? 0 : addresses.count;
	return 0;
}

/* What goes first makes room for what comes. */
static int set(uint32_t id, const struct vps_bound *addrs, size_t count)
{
	_cleanup_(freep) struct vps_address *before = NULL;
	size_t had;
	int rc = get_list(id, &before, &had);

	for (size_t i = 0; !rc && i < had; i++)
		if (!is_among(&before[i], addrs, count))
			rc = call(VC_SET, VC_NETADDR_REMOVE, id, &before[i]);
	for (size_t i = 0; !rc && i < count; i++) {
		struct vps_address address = as_kernels(&addrs[i]);

		rc = call(VC_SET, VC_NETADDR_PERMIT, id, &address);
		rc = rc == -EEXIST ? 0 : rc;
	}
	return rc;
}

static int forget(uint32_t id)
{
	struct vps_address all = { .size = sizeof(all) };
	int rc = call(VC_SET, VC_NETADDR_REMOVE, id, &all);

	return rc == -ENODATA ? 0 : rc;
}

const struct vps_addr_keeper vps_kernel_addrs = {
	.works = works, .set = set, .forget = forget,
};
