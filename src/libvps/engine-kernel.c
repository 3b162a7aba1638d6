// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel engine: a kernel with the FreeVPS patch. The kernel knows the context of each
 * group, keeps its flags and its first process, and holds it to them. What else there is to
 * remember is remembered as with the stock engine.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vps.h>
#include <string.h>

#include "engine-kernel.h"
#include "engine.h"
#include "sys.h"
#include "util.h"

static_assert(VPS_F_LOCK == VPS_LOCK && VPS_F_SCHED == VPS_SCHED && VPS_F_NPROC == VPS_NPROC &&
	      VPS_F_PRIVATE == VPS_PRIVATE && VPS_F_STOP == VPS_STOP, "flags have two values");
static_assert(VPS_ID_MIN == VPS_CTX_MIN && VPS_ID_MAX == VPS_CTX_MAX, "numbers have two bounds");
static_assert(VPS_NAME_MAX < VPS_NAME_SIZE, "a name does not fit");

static int set(uint32_t category, uint32_t command, uint32_t id, void *data)
{
	return vps_sys_vserver(VC_CMD(category, VC_SET, command), id, data);
}

bool vps_kernel_has(uint32_t category, uint32_t command)
{
	return vps_sys_vserver(VC_CMD(category, VC_VERSION, command), 0, NULL) >= 1;
}

/* What a context cannot do without; limits are asked about one by one. */
static bool has_commands(void)
{
	return vps_kernel_has(VC_CAT_CPU, VC_CPU_CONTEXT) &&
	       vps_kernel_has(VC_CAT_CPU, VC_CPU_DESTROY) &&
	       vps_kernel_has(VC_CAT_CPU, VC_CPU_FLAGS) &&
	       vps_kernel_has(VC_CAT_PROCESS, VC_PROCESS_CAPS) &&
	       vps_kernel_has(VC_CAT_PROCESS, VC_PROCESS_INIT);
}

/* Without its controller, which can be turned off alone, no context can be made. */
static bool has_controller(const struct vps_cgroups *cg)
{
	_cleanup_(closep) int root = open(cg->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return !faccessat(root, "vps.id", F_OK, 0);
}

static const char *kernel_refusal(const struct vps_cgroups *cg)
{
	if (access("/proc/vservers/setup", F_OK) < 0)
		return "this kernel has no FreeVPS patch";
	if (vps_sys_vserver(VC_CMD(VC_CAT_VERSION, 0, 0), 0, NULL) < 0 || !has_commands())
		return "the kernel's FreeVPS patch is older than these tools";
	return has_controller(cg) ? NULL :
		"the vps controller is off; boot without cgroup_disable=vps";
}

static bool kernel_is_taken(uint32_t id)
{
	return !vps_sys_vserver(VC_CMD(VC_CAT_CPU, VC_GET, VC_CPU_CONTEXT), id, NULL);
}

static int kernel_begin(uint32_t id, int group, const char *name)
{
	struct vps_create create = {
		.size = sizeof(create), .cgroup_fd = group, .caps = UINT64_MAX,
	};

	snprintf(create.name, sizeof(create.name), "%s", name);
	return set(VC_CAT_CPU, VC_CPU_CONTEXT, id, &create);
}

static int kernel_end(uint32_t id)
{
	int rc = set(VC_CAT_CPU, VC_CPU_DESTROY, id, NULL);

	return rc == -ESRCH ? 0 : rc;
}

static int kernel_get_flags(uint32_t id, int group, uint32_t *ret_flags)
{
	struct vps_flags flags = { .size = sizeof(flags) };
	int rc = vps_sys_vserver(VC_CMD(VC_CAT_CPU, VC_GET, VC_CPU_FLAGS), id, &flags);

	(void)group;
	if (!rc)
		*ret_flags = flags.flags;
	return rc;
}

static int kernel_set_flags(const struct vps_cgroups *cg, uint32_t id, int group, uint32_t flags)
{
	struct vps_flags attr = { .size = sizeof(attr), .flags = flags };

	(void)cg;
	(void)group;
	return set(VC_CAT_CPU, VC_CPU_FLAGS, id, &attr);
}

static int kernel_set_init(uint32_t id, pid_t pid)
{
	struct vps_init init = { .size = sizeof(init), .pid = pid };

	return set(VC_CAT_PROCESS, VC_PROCESS_INIT, id, &init);
}

static int kernel_bound(uint32_t id, uint64_t caps)
{
	struct vps_caps attr = { .size = sizeof(attr), .caps = caps };

	return set(VC_CAT_PROCESS, VC_PROCESS_CAPS, id, &attr);
}

/* What the kernel counts by itself is shown in /proc/vservers; the ledger's source is elsewhere. */
static int kernel_forget(uint32_t id, uint64_t account)
{
	struct vps_forget forget = { .size = sizeof(forget), .account = account };
	int rc = set(VC_CAT_OTHER, VC_OTHER_FORGET, id, &forget);

	return rc == -ENOENT || rc == -EOPNOTSUPP ? 0 : rc;
}

static int kernel_load(uint32_t id, char ret_load[VPS_LOAD_SIZE])
{
	char path[64], text[32768];
	const char *line;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/vservers/%u", id);
	n = vps_read_at(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	line = vps_find_line(text, "Load average:");
	if (!line || strcspn(line, "\n") >= VPS_LOAD_SIZE)
		return -ENODATA;
	snprintf(ret_load, VPS_LOAD_SIZE, "%.*s", (int)strcspn(line, "\n"), line);
	return 0;
}

const struct vps_engine vps_engine_kernel = {
	.kind = VPS_ENGINE_KERNEL,
	.name = "kernel",
	.isolates = true,
	.withheld = VPS_CAPS_MACHINE,
	.lacks = "not supported by the kernel engine of this version",
	.foreign = "is of the stock engine, and this is the kernel engine (see VPS_ENGINE)",
	.refusal = kernel_refusal,
	.owns = vps_group_is_context,
	.is_taken = kernel_is_taken,
	.begin = kernel_begin,
	.end = kernel_end,
	.get_flags = kernel_get_flags,
	.set_flags = kernel_set_flags,
	.set_init = kernel_set_init,
	.bound = kernel_bound,
	.each_account = vps_kernel_each_account,
	.forget = kernel_forget,
	.meter = vps_kernel_meter,
	.trees = &vps_kernel_trees,
	.addrs = &vps_kernel_addrs,
	.load = kernel_load,
};
