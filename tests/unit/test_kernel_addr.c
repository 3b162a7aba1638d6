// SPDX-License-Identifier: GPL-2.0-or-later
/* How the kernel engine brings the kernel's list of addresses to what it is to be. */
#include <errno.h>
#include <linux/vps.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"
#include "tap.h"
#include "util.h"
#include "vserver.h"

#define ID 77

/* A kernel that has one context, and lists as its own does, but for whose they are. */
static struct {
	bool lists;
	bool has_list;
	struct vps_address list[VPS_ADDRESSES_MAX];
	size_t count, most, calls;
	uint32_t taken;		/* the last byte of an address that another has */
} kernel;

static size_t find(const struct vps_address *address)
{
	size_t i = 0;

	while (i < kernel.count && (kernel.list[i].family != address->family ||
				    kernel.list[i].bits != address->bits ||
				    memcmp(kernel.list[i].addr, address->addr, 16)))
		i++;
	return i;
}

static long add(const struct vps_address *address)
{
	if (address->size != sizeof(*address) ||
	    address->bits != (address->family == AF_INET ? 32 : 128))
		return -EINVAL;
	if (find(address) < kernel.count)
		return -EEXIST;
	if (kernel.taken && address->addr[3] == kernel.taken)
		return -EADDRINUSE;
	if (kernel.count == VPS_ADDRESSES_MAX)
		return -ENOSPC;
	kernel.list[kernel.count++] = *address;
	kernel.has_list = true;
	if (kernel.count > kernel.most)
		kernel.most = kernel.count;
	return 0;
}

static long take(const struct vps_address *address)
{
	size_t at = find(address);

	if (!kernel.has_list)
		return -ENODATA;
	if (!address->family) {
		kernel.has_list = false;
		kernel.count = 0;
		return 0;
	}
	if (at == kernel.count)
		return -ENOENT;
	kernel.count--;
	memmove(&kernel.list[at], &kernel.list[at + 1],
		(kernel.count - at) * sizeof(*kernel.list));
	return 0;
}

static long get(struct vps_addresses *addresses)
{
	if (addresses->size != sizeof(*addresses) || addresses->each != sizeof(*kernel.list) ||
	    addresses->count != VPS_ADDRESSES_MAX)
		return -EINVAL;
	if (!kernel.has_list)
		return -ENODATA;
	memcpy((void *)(uintptr_t)addresses->list, kernel.list,
	       kernel.count * sizeof(*kernel.list));
	addresses->count = (uint32_t)kernel.count;
	return 0;
}

static long answer(uint32_t cmd, uint32_t id, void *data)
{
	if (VC_CATEGORY(cmd) != VC_CAT_NETADDR || !kernel.lists)
		return -EOPNOTSUPP;
	if (VC_SUBCAT(cmd) == VC_VERSION)
		return 1;
	if (id != ID)
		return -ESRCH;
	if (VC_SUBCAT(cmd) == VC_GET)
		return get(data);
	kernel.calls++;
	return VC_COMMAND(cmd) == VC_NETADDR_PERMIT ? add(data) : take(data);
}

static struct vps_bound bound(const char *text, const char *device)
{
	struct vps_bound bound = { 0 };

	ok(!vps_parse_addr(text, &bound.addr), "%s", text);
	snprintf(bound.device, sizeof(bound.device), "%s", device);
	return bound;
}

static bool is(size_t at, const struct vps_bound *item)
{
	const struct vps_address *kept = &kernel.list[at];

	return kept->family == item->addr.family && kept->prefix == item->addr.prefix &&
	       !memcmp(kept->addr, item->addr.bytes, 16) && !strcmp(kept->device, item->device);
}

static void test_set(const struct vps_addr_keeper *keeper)
{
	struct vps_bound items[] = {
		bound("192.0.2.1/24", "eth0"), bound("2001:db8::1/64", "eth0"),
		bound("192.0.2.2", ""),
	};

	is_int(keeper->set(ID, items, 2), 0, "set: two");
	ok(kernel.count == 2 && is(0, &items[0]) && is(1, &items[1]), "set: as they are");
	kernel.calls = 0;
	is_int(keeper->set(ID, items, 3), 0, "set: one more");
	ok(kernel.count == 3 && is(2, &items[2]), "set: behind the others");
	is_int(keeper->set(ID, items + 1, 2), 0, "set: one less");
	ok(kernel.count == 2 && is(0, &items[1]) && is(1, &items[2]), "set: the others stay");
	snprintf(items[2].device, sizeof(items[2].device), "eth1");
	is_int(keeper->set(ID, items + 1, 2), 0, "set: on another device");
	ok(kernel.count == 2 && is(1, &items[2]), "set: is told");
	is_int(keeper->set(ID, NULL, 0), 0, "set: none");
	ok(kernel.has_list && !kernel.count, "set: and it is held to that");
	kernel.taken = 2;
	is_int(keeper->set(ID, items, 3), -EADDRINUSE, "set: another's");
	kernel.taken = 0;
	is_int(keeper->forget(ID), 0, "forget");
	ok(!kernel.has_list, "forget: the list itself");
	is_int(keeper->forget(ID), 0, "forget: where there is none");
	is_int(keeper->set(ID + 1, items, 3), -ENODEV, "set: of no context");
}

/* All of the most that there may be for as many others. */
static void test_exchange(const struct vps_addr_keeper *keeper)
{
	static struct vps_bound items[2 * VPS_ADDRS_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		items[i].addr = (struct vps_addr){
			.family = AF_INET, .prefix = 32,
			.bytes = { 10, 0, (unsigned char)(i >> 8), (unsigned char)i },
		};
	is_int(keeper->set(ID, items, VPS_ADDRS_MAX), 0, "exchange: the most");
	is_int(keeper->set(ID, items + VPS_ADDRS_MAX, VPS_ADDRS_MAX), 0, "exchange: others");
	ok(kernel.count == VPS_ADDRS_MAX && kernel.most == VPS_ADDRS_MAX, "exchange: never more");
	ok(is(0, &items[VPS_ADDRS_MAX]), "exchange: in their order");
}

int main(void)
{
	const struct vps_addr_keeper *keeper = vps_engine_kernel.addrs;

	ok(!vps_engine_stock.addrs, "the stock engine has the programs alone");
	ok(!keeper->works(), "a kernel without lists");
	kernel.lists = true;
	ok(keeper->works(), "one with them");
	test_set(keeper);
	test_exchange(keeper);
	return done();
}
