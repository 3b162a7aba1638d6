// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel engine asks of a kernel, and makes of the answers: this one is played here. */
#include <errno.h>
#include <linux/vps.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine.h"
#include "resource.h"
#include "tap.h"
#include "util.h"

#define ID 77
#define INF VPS_LIMIT_INF

/* A kernel that has one counter of one command, and one context. */
static struct {
	uint32_t command;
	struct vps_counted counted;
	bool ended;
} kernel;

static long answer(uint32_t cmd, uint32_t id, void *data)
{
	uint32_t command = VC_CMD(VC_CATEGORY(cmd), 0, VC_COMMAND(cmd));
	const struct vps_bounds *bounds = data;
	struct vps_counted *counted = data;

	if (command != kernel.command)
		return -EOPNOTSUPP;
	if (VC_SUBCAT(cmd) == VC_VERSION)
		return id || data ? -EINVAL : 1;
	if (VC_SUBCAT(cmd) == VC_SET) {
		if (bounds->size != sizeof(*bounds) || bounds->reserved ||
		    bounds->soft > bounds->hard)
			return -EINVAL;
		if (id != ID || kernel.ended)
			return -ESRCH;
		kernel.counted.soft = bounds->soft;
		kernel.counted.hard = bounds->hard;
		return 0;
	}
	if (counted->size != sizeof(*counted))
		return -EINVAL;
	if (id != ID || kernel.ended)
		return -ESRCH;
	*counted = kernel.counted;
	counted->size = sizeof(*counted);
	return 0;
}

/* In place of the C library's. */
long syscall(long number, ...)
{
	uint32_t cmd, id;
	va_list args;
	void *data;
	long rc;

	(void)number;
	va_start(args, number);
	cmd = va_arg(args, uint32_t);
	id = va_arg(args, uint32_t);
	data = va_arg(args, void *);
	va_end(args);
	rc = answer(cmd, id, data);
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

static const struct {
	const char *resource;
	uint32_t command;
} counted[] = {
	{ "proc", VC_CMD(VC_CAT_PROCESS, 0, VC_PROCESS_MAX) },
	{ "vm", VC_CMD(VC_CAT_MEMORY, 0, VC_MEMORY_TOTAL) },
	{ "files", VC_CMD(VC_CAT_VFS, 0, VC_VFS_FILES) },
	{ "tcp", VC_CMD(VC_CAT_OTHER, 0, VC_OTHER_TCP) },
};

static void test_counted(const char *name, uint32_t command)
{
	struct vps_host host = { .engine = &vps_engine_kernel, .lock = -1 };
	const struct vps_resource *resource = vps_resource_find(name);
	struct vps_metered of = {
		.host = &host, .meter = vps_resource_meter(&host, resource), .id = ID, .group = -1,
	};
	struct vps_limit limit = { .resource = resource, .soft = 8192, .hard = 16384 };
	struct vps_limit_state state = { 0 };
	struct vps_fault fault;

	kernel.command = command;
	kernel.ended = false;
	kernel.counted = (struct vps_counted){ .used = 5, .peak = 6, .hits = 7 };
	ok(of.meter != NULL, "%s: the kernel counts it", name);
	ok(!vps_resource_refusal(&host, resource), "%s: it can be limited", name);
	is_int(vps_limit_check(&host, &limit, 1, &fault), 0, "%s: softly, too", name);
	is_int(of.meter->set(&of, &limit, &fault), 0, "%s: is set", name);
	is_int(of.meter->get(&of, &state), 0, "%s: is read", name);
	ok(state.used == 5 && state.peak == 6 && state.hits == 7 && state.soft == 8192 &&
	   state.hard == 16384, "%s: as the kernel says", name);
	limit.soft = limit.hard = INF;
	is_int(of.meter->set(&of, &limit, &fault), 0, "%s: is lifted", name);
	ok(kernel.counted.soft == VPS_UNLIMITED && kernel.counted.hard == VPS_UNLIMITED,
	   "%s: both of it", name);
	kernel.ended = true;
	is_int(of.meter->get(&of, &state), -ENODEV, "%s: of one that has ended", name);
	kernel.command = 0;
	is_str(vps_resource_refusal(&host, resource), host.engine->lacks,
	       "%s: a kernel without it", name);
	is_int(vps_limit_check(&host, &limit, 1, &fault), -ENOTSUP, "%s: is refused by it", name);
	ok(!strcmp(fault.object, name), "%s: by name", name);
}

/* The controllers count the rest with either engine, and a soft limit is not for all. */
static void test_others(void)
{
	static const char *const names[] = { "rss", "swap", "cpu", "cpu-weight", "wbps" };
	struct vps_host host = { .engine = &vps_engine_kernel, .lock = -1 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ok(!vps_resource_meter(&host, vps_resource_find(names[i])),
		   "%s: left to its controller", names[i]);
	host.engine = &vps_engine_stock;
	is_str(vps_resource_refusal(&host, vps_resource_find("vm")), host.engine->lacks,
	       "vm: not the stock engine's");
	is_str(vps_resource_refusal(&host, vps_resource_find("files")), host.engine->lacks,
	       "files: not the stock engine's");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++)
		test_counted(counted[i].resource, counted[i].command);
	test_others();
	return done();
}
