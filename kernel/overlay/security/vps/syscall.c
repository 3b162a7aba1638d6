// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: vserver(2), which makes them, ends them and acts on them.
 *
 * A command is a row of a table, which says all that is checked before it runs; what runs
 * knows that its values are in range and that its context is there.
 */

#include <linux/bsearch.h>
#include <linux/build_bug.h>
#include <linux/capability.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>

#include "address.h"
#include "syscall.h"
#include "vnet.h"
#include "vps.h"

/*
 * What is in each of them, so no holes: through one, what was on the stack would go out, and
 * i386 would see another structure.
 */
static_assert(sizeof(struct vps_create) == 4 * sizeof(u32) + sizeof(u64) + VPS_NAME_SIZE);
static_assert(sizeof(struct vps_bounds) == 2 * sizeof(u32) + 2 * sizeof(u64));
static_assert(sizeof(struct vps_counted) == 2 * sizeof(u32) + 5 * sizeof(u64));
static_assert(sizeof(struct vps_cpu_usage) == 2 * sizeof(u32) + 2 * sizeof(u64));
static_assert(sizeof(struct vps_policy) == 2 * sizeof(u32));
static_assert(sizeof(struct vps_flags) == 2 * sizeof(u32));
static_assert(sizeof(struct vps_migrate) == 4 * sizeof(u32));
static_assert(sizeof(struct vps_caps) == 2 * sizeof(u32) + sizeof(u64));
static_assert(sizeof(struct vps_switch) == 2 * sizeof(u32));
static_assert(sizeof(struct vps_signal) == 2 * sizeof(u32));
static_assert(sizeof(struct vps_processes) == 2 * sizeof(u32) + 2 * sizeof(u64));
static_assert(sizeof(struct vps_init) == 2 * sizeof(u32));
static_assert(sizeof(struct vps_new_context) == 4 * sizeof(u32) + sizeof(u64));
static_assert(sizeof(struct vps_limits) == sizeof(struct vps_bounds));
static_assert(sizeof(struct vps_tree) == 2 * sizeof(u32) + 2 * sizeof(u64));
static_assert(sizeof(struct vps_disk_bounds) == 2 * sizeof(u32) + 4 * sizeof(u64));
static_assert(sizeof(struct vps_disk_counted) == 2 * sizeof(u32) + 10 * sizeof(u64));
static_assert(sizeof(struct vps_address) == 2 * sizeof(u32) + VPS_DEVICE_SIZE + 16);
static_assert(sizeof(struct vps_addresses) == 4 * sizeof(u32) + sizeof(u64));
static_assert(sizeof(struct vps_device) == 2 * sizeof(u32) + 2 * VPS_DEVICE_SIZE);
static_assert(sizeof(struct vps_devices) == sizeof(struct vps_addresses));
static_assert(sizeof(struct vps_qos) == 4 * sizeof(u32) + 2 * sizeof(u64));
static_assert(sizeof(struct vps_forget) == 2 * sizeof(u32) + sizeof(u64));

/* A name is shown in lines of /proc and becomes part of paths. */
static const char name_chars[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

/* ---- may these values be? ---- */

static int check_name(const char name[VPS_NAME_SIZE])
{
	size_t len;

	if (name[VPS_NAME_SIZE - 1])
		return -EINVAL;
	len = strspn(name, name_chars);
	return memchr_inv(name + len, 0, VPS_NAME_SIZE - len) ? -EINVAL : 0;
}

static int check_create(const union vps_data *data)
{
	const struct vps_create *create = &data->create;

	if (create->flags & ~VPS_FLAGS || create->reserved)
		return -EINVAL;
	return check_name(create->name);
}

static int check_new_context(const union vps_data *data)
{
	return data->new_context.flags & ~VPS_FLAGS || data->new_context.reserved ? -EINVAL : 0;
}

static int check_flags(const union vps_data *data)
{
	return data->flags.flags & ~VPS_FLAGS ? -EINVAL : 0;
}

static int check_migrate(const union vps_data *data)
{
	return data->migrate.pid < 0 || data->migrate.reserved ? -EINVAL : 0;
}

static int check_caps(const union vps_data *data)
{
	return data->caps.reserved ? -EINVAL : 0;
}

static int check_switch(const union vps_data *data)
{
	return data->on.on > 1 ? -EINVAL : 0;
}

static int check_signal(const union vps_data *data)
{
	return data->signal.signal < 0 || data->signal.signal > _NSIG ? -EINVAL : 0;
}

/* Without a soft limit there is nothing that could be above the hard one. */
static bool are_bounds(u64 soft, u64 hard)
{
	return soft == VPS_UNLIMITED || soft <= hard;
}

static int check_bounds(const union vps_data *data)
{
	const struct vps_bounds *bounds = &data->bounds;

	if (bounds->reserved)
		return -EINVAL;
	return are_bounds(bounds->soft, bounds->hard) ? 0 : -EINVAL;
}

static int check_limits(const union vps_data *data)
{
	const struct vps_command *command = vps_command_find(data->limits.command);

	if (!command || command->check != check_bounds)
		return -EINVAL;
	return are_bounds(data->limits.soft, data->limits.hard) ? 0 : -EINVAL;
}

/* What is more than any machine has would not fit in what is written for it. */
static int check_usage(const union vps_data *data)
{
	const struct vps_cpu_usage *usage = &data->usage;

	if (usage->reserved || usage->min > U32_MAX)
		return -EINVAL;
	return usage->max != VPS_UNLIMITED && usage->max > U32_MAX ? -EINVAL : 0;
}

static int check_policy(const union vps_data *data)
{
	u32 policy = data->policy.policy;

	return policy == SCHED_NORMAL || policy == SCHED_IDLE ? 0 : -EINVAL;
}

static int check_init(const union vps_data *data)
{
	return data->init.pid < 0 ? -EINVAL : 0;
}

static int check_tree(const union vps_data *data)
{
	return data->tree.space > S64_MAX || data->tree.inodes > S64_MAX ? -EINVAL : 0;
}

static int check_disk(const union vps_data *data)
{
	const struct vps_disk_bounds *bounds = &data->disk_bounds;

	if (bounds->reserved)
		return -EINVAL;
	return are_bounds(bounds->space_soft, bounds->space_hard) &&
	       are_bounds(bounds->inodes_soft, bounds->inodes_hard) ? 0 : -EINVAL;
}

static int check_address(const union vps_data *data)
{
	return vps_address_is(&data->address) ? 0 : -EINVAL;
}

/* All of it 0 means all of them. */
static int check_removed(const union vps_data *data)
{
	const struct vps_address *address = &data->address;

	if (!memchr_inv(&address->family, 0, sizeof(*address) - sizeof(address->size)))
		return 0;
	return check_address(data);
}

/* Of devices the words are the same. Who has no room asks for their number only. */
static int check_list(const struct vps_addresses *list, size_t known)
{
	u32 each = list->each;

	return list->reserved || (list->count && (each < known || each % sizeof(u32) ||
						  each > PAGE_SIZE)) ? -EINVAL : 0;
}

static int check_addresses(const union vps_data *data)
{
	return check_list(&data->addresses, sizeof(struct vps_address));
}

static int check_device(const union vps_data *data)
{
	return vps_device_is(&data->device) ? 0 : -EINVAL;
}

static int check_device_index(const union vps_data *data)
{
	return vps_device_is_index(&data->device) ? 0 : -EINVAL;
}

static int check_devices(const union vps_data *data)
{
	return check_list(&data->addresses, sizeof(struct vps_device));
}

static int check_qos(const union vps_data *data)
{
	return vps_qos_is(&data->qos) ? 0 : -EINVAL;
}

/* What is asked for is not read. */
static int check_qos_asked(const union vps_data *data)
{
	struct vps_qos qos = data->qos;

	qos.max = VPS_UNLIMITED;
	qos.min = 0;
	return vps_qos_is(&qos) ? 0 : -EINVAL;
}

static int check_forget(const union vps_data *data)
{
	return data->forget.reserved ? -EINVAL : 0;
}

/* ---- the commands ---- */

static long set_context(const struct vps_call *call, union vps_data *data)
{
	return vps_group_create(call->id, &data->create);
}

/* That there is such a context has been seen. */
static long get_context(const struct vps_call *call, union vps_data *data)
{
	return 0;
}

static long set_destroy(const struct vps_call *call, union vps_data *data)
{
	return vps_group_destroy(call->context);
}

static long set_flags(const struct vps_call *call, union vps_data *data)
{
	vps_context_set_flags(call->context, VPS_FLAGS, data->flags.flags);
	return 0;
}

static long get_flags(const struct vps_call *call, union vps_data *data)
{
	data->flags.flags = READ_ONCE(call->context->flags);
	return 0;
}

static long set_migrate(const struct vps_call *call, union vps_data *data)
{
	return vps_group_migrate(call->context, data->migrate.cgroup_fd, data->migrate.pid);
}

static long get_own(const struct vps_call *call, union vps_data *data)
{
	return vps_current_id();
}

static long set_caps(const struct vps_call *call, union vps_data *data)
{
	vps_context_set_caps(call->context, data->caps.caps);
	return 0;
}

static long get_caps(const struct vps_call *call, union vps_data *data)
{
	data->caps.caps = READ_ONCE(call->context->caps);
	return 0;
}

static long set_stop(const struct vps_call *call, union vps_data *data)
{
	vps_context_set_flags(call->context, VPS_STOP, data->on.on ? VPS_STOP : 0);
	return 0;
}

static long get_stop(const struct vps_call *call, union vps_data *data)
{
	data->on.on = !!(READ_ONCE(call->context->flags) & VPS_STOP);
	return 0;
}

static long set_signal(const struct vps_call *call, union vps_data *data)
{
	return vps_group_signal(call->context, data->signal.signal);
}

static long get_count(const struct vps_call *call, union vps_data *data)
{
	data->count.processes = vps_context_processes(call->context);
	data->count.tasks = vps_context_tasks(call->context);
	return 0;
}

static long set_init(const struct vps_call *call, union vps_data *data)
{
	return vps_context_set_init(call->context, data->init.pid);
}

static long get_init(const struct vps_call *call, union vps_data *data)
{
	struct task_struct *init = vps_context_init(call->context);

	if (init) {
		data->init.pid = task_tgid_vnr(init);
		put_task_struct(init);
	}
	return 0;
}

static long set_limit(const struct vps_call *call, union vps_data *data)
{
	vps_limit_set(call->context, call->command->resource, &data->bounds);
	return 0;
}

static long get_limit(const struct vps_call *call, union vps_data *data)
{
	vps_limit_get(call->context, call->command->resource, &data->counted);
	return 0;
}

static long set_resident(const struct vps_call *call, union vps_data *data)
{
	return vps_memory_set(call->context, &data->bounds);
}

static long get_resident(const struct vps_call *call, union vps_data *data)
{
	return vps_memory_get(call->context, &data->counted);
}

static long set_policy(const struct vps_call *call, union vps_data *data)
{
	return vps_cpu_set_idle(call->context, data->policy.policy == SCHED_IDLE);
}

static long get_policy(const struct vps_call *call, union vps_data *data)
{
	int idle = vps_cpu_is_idle(call->context);

	data->policy.policy = idle ? SCHED_IDLE : SCHED_NORMAL;
	return min(idle, 0);
}

static long set_usage(const struct vps_call *call, union vps_data *data)
{
	return vps_cpu_set(call->context, &data->usage);
}

static long get_usage(const struct vps_call *call, union vps_data *data)
{
	return vps_cpu_get(call->context, &data->usage);
}

/* Made by two at once, it is made by one of them and entered by both. */
static long enter_or_create(u32 id, const struct vps_create *create)
{
	struct vps_context *context = vps_context_find(id);
	bool made = false;
	long err;

	if (!context) {
		err = vps_group_create(id, create);
		if (err && err != -EEXIST)
			return err;
		made = !err;
		context = vps_context_find(id);
		if (!context)
			return -ESRCH;
	}
	err = vps_group_migrate(context, create->cgroup_fd, 0);
	if (err && made)
		vps_group_destroy(context);
	vps_context_put(context);
	return err;
}

static long set_new_context(const struct vps_call *call, union vps_data *data)
{
	const struct vps_new_context *new = &data->new_context;
	const struct vps_create create = {
		.flags = new->flags,
		.cgroup_fd = new->cgroup_fd,
		.caps = ~new->remove_caps,
	};

	return enter_or_create(call->id, &create);
}

/* The structure is the same but for the command in its place for what is reserved. */
static long set_limits(const struct vps_call *call, union vps_data *data)
{
	struct vps_call of = *call;

	of.command = vps_command_find(data->limits.command);
	return of.command->run(&of, data);
}

static long set_tree(const struct vps_call *call, union vps_data *data)
{
	return vps_disk_attach(call->context, &data->tree);
}

static long get_tree(const struct vps_call *call, union vps_data *data)
{
	struct vps_disk_counted counted;
	int err = vps_disk_count(call->context, &counted);

	if (err)
		return err;
	data->tree.dir_fd = -1;
	data->tree.space = counted.space_used;
	data->tree.inodes = counted.inodes_used;
	return 0;
}

static long set_no_tree(const struct vps_call *call, union vps_data *data)
{
	return vps_disk_detach(call->context);
}

static long set_disk(const struct vps_call *call, union vps_data *data)
{
	return vps_disk_bound(call->context, &data->disk_bounds);
}

static long get_disk(const struct vps_call *call, union vps_data *data)
{
	return vps_disk_count(call->context, &data->disk_counted);
}

static long set_address(const struct vps_call *call, union vps_data *data)
{
	return vps_address_add(call->context, &data->address);
}

static long set_no_address(const struct vps_call *call, union vps_data *data)
{
	return vps_address_remove(call->context, &data->address);
}

static long set_network(const struct vps_call *call, union vps_data *data)
{
	u32 i, each = data->addresses.each;
	union vps_data one = {};
	long err = 0;

	for (i = 0; !err && i < data->addresses.count; i++) {
		void __user *item = u64_to_user_ptr(data->addresses.list + (u64)i * each);

		err = copy_struct_from_user(&one, sizeof(one.address), item, each) ?:
		      check_address(&one) ?: set_address(call, &one);
	}
	return err;
}

/*
 * As many of @count as there is room for. What a newer caller has room for and this kernel does not
 * know is 0.
 */
static long put_list(struct vps_addresses *list, const void *items, size_t known, u32 count)
{
	u32 i, each = list->each;

	for (i = 0; i < min(list->count, count); i++) {
		void __user *item = u64_to_user_ptr(list->list + (u64)i * each);

		if (copy_to_user(item, items + i * known, known) ||
		    clear_user(item + known, each - known) || put_user(each, (u32 __user *)item))
			return -EFAULT;
	}
	list->count = count;
	return 0;
}

static long get_addresses(const struct vps_call *call, union vps_data *data)
{
	struct vps_permit *permit = vps_address_copy(call->context);
	long err;

	if (IS_ERR(permit))
		return PTR_ERR(permit);
	err = put_list(&data->addresses, permit->items, sizeof(*permit->items), permit->count);
	kfree(permit);
	return err;
}

static long set_device(const struct vps_call *call, union vps_data *data)
{
	return vps_vnet_create(call->context, &data->device);
}

static long get_device_count(const struct vps_call *call, union vps_data *data)
{
	return vps_vnet_list(call->context, NULL);
}

static long set_attach(const struct vps_call *call, union vps_data *data)
{
	return vps_vnet_attach(call->context, &data->device);
}

static long get_devices(const struct vps_call *call, union vps_data *data)
{
	struct vps_device *list;
	long err, count = vps_vnet_list(call->context, &list);

	if (count < 0)
		return count;
	err = put_list(&data->addresses, list, sizeof(*list), count);
	kvfree(list);
	return err;
}

static long set_no_device(const struct vps_call *call, union vps_data *data)
{
	return vps_vnet_destroy(call->context, &data->device);
}

static long set_qos(const struct vps_call *call, union vps_data *data)
{
	return vps_qos_set(call->context, &data->qos);
}

static long get_qos(const struct vps_call *call, union vps_data *data)
{
	return vps_qos_get(call->context, &data->qos);
}

/* The context is gone; another one may have its number. */
static long set_forget(const struct vps_call *call, union vps_data *data)
{
	return vps_traffic_forget(call->id, data->forget.account);
}

/* ---- the table ---- */

/* By number: category, then subcategory, then command. */
const struct vps_command vps_commands[] = {
	{ VC_CMD(VC_CAT_COMPAT, VC_SET, VC_COMPAT_NEW_CONTEXT), VPS_IDS_NEW,
	  24, sizeof(struct vps_new_context), check_new_context, set_new_context },
	{ VC_CMD(VC_CAT_COMPAT, VC_SET, VC_COMPAT_NETWORK), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_addresses), check_addresses, set_network },
	{ VC_CMD(VC_CAT_COMPAT, VC_SET, VC_COMPAT_LIMITS), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_limits), check_limits, set_limits },

	{ VC_CMD(VC_CAT_CPU, VC_SET, VC_CPU_CONTEXT), VPS_IDS_NEW,
	  96, sizeof(struct vps_create), check_create, set_context },
	{ VC_CMD(VC_CAT_CPU, VC_SET, VC_CPU_DESTROY), VPS_IDS_CONTEXT,
	  0, 0, NULL, set_destroy },
	{ VC_CMD(VC_CAT_CPU, VC_SET, VC_CPU_POLICY), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_policy), check_policy, set_policy },
	{ VC_CMD(VC_CAT_CPU, VC_SET, VC_CPU_USAGE), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_cpu_usage), check_usage, set_usage },
	{ VC_CMD(VC_CAT_CPU, VC_SET, VC_CPU_FLAGS), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_flags), check_flags, set_flags },
	{ VC_CMD(VC_CAT_CPU, VC_GET, VC_CPU_CONTEXT), VPS_IDS_ANY,
	  0, 0, NULL, get_context },
	{ VC_CMD(VC_CAT_CPU, VC_GET, VC_CPU_POLICY), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_policy), NULL, get_policy },
	{ VC_CMD(VC_CAT_CPU, VC_GET, VC_CPU_USAGE), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_cpu_usage), NULL, get_usage },
	{ VC_CMD(VC_CAT_CPU, VC_GET, VC_CPU_FLAGS), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_flags), NULL, get_flags },

	{ VC_CMD(VC_CAT_PROCESS, VC_SET, VC_PROCESS_MIGRATE), VPS_IDS_ANY,
	  16, sizeof(struct vps_migrate), check_migrate, set_migrate },
	{ VC_CMD(VC_CAT_PROCESS, VC_SET, VC_PROCESS_MAX), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_bounds), check_bounds, set_limit, VPS_THREADS },
	{ VC_CMD(VC_CAT_PROCESS, VC_SET, VC_PROCESS_CAPS), VPS_IDS_CONTEXT,
	  16, sizeof(struct vps_caps), check_caps, set_caps },
	{ VC_CMD(VC_CAT_PROCESS, VC_SET, VC_PROCESS_STOP), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_switch), check_switch, set_stop },
	{ VC_CMD(VC_CAT_PROCESS, VC_SET, VC_PROCESS_ALL), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_signal), check_signal, set_signal },
	{ VC_CMD(VC_CAT_PROCESS, VC_SET, VC_PROCESS_INIT), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_init), check_init, set_init },
	{ VC_CMD(VC_CAT_PROCESS, VC_GET, VC_PROCESS_MIGRATE), VPS_IDS_NONE,
	  0, 0, NULL, get_own },
	{ VC_CMD(VC_CAT_PROCESS, VC_GET, VC_PROCESS_MAX), VPS_IDS_CONTEXT,
	  48, sizeof(struct vps_counted), NULL, get_limit, VPS_THREADS },
	{ VC_CMD(VC_CAT_PROCESS, VC_GET, VC_PROCESS_CAPS), VPS_IDS_CONTEXT,
	  16, sizeof(struct vps_caps), NULL, get_caps },
	{ VC_CMD(VC_CAT_PROCESS, VC_GET, VC_PROCESS_STOP), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_switch), NULL, get_stop },
	{ VC_CMD(VC_CAT_PROCESS, VC_GET, VC_PROCESS_ALL), VPS_IDS_ANY,
	  24, sizeof(struct vps_processes), NULL, get_count },
	{ VC_CMD(VC_CAT_PROCESS, VC_GET, VC_PROCESS_INIT), VPS_IDS_CONTEXT,
	  8, sizeof(struct vps_init), NULL, get_init },

	{ VC_CMD(VC_CAT_VNET, VC_SET, VC_VNET_DEVICE), VPS_IDS_CONTEXT,
	  40, sizeof(struct vps_device), check_device, set_device },
	{ VC_CMD(VC_CAT_VNET, VC_SET, VC_VNET_ATTACH), VPS_IDS_CONTEXT,
	  40, sizeof(struct vps_device), check_device_index, set_attach },
	{ VC_CMD(VC_CAT_VNET, VC_SET, VC_VNET_DESTROY), VPS_IDS_CONTEXT,
	  40, sizeof(struct vps_device), check_device_index, set_no_device },
	{ VC_CMD(VC_CAT_VNET, VC_SET, VC_VNET_QOS), VPS_IDS_CONTEXT,
	  32, sizeof(struct vps_qos), check_qos, set_qos },
	{ VC_CMD(VC_CAT_VNET, VC_GET, VC_VNET_DEVICE), VPS_IDS_CONTEXT,
	  0, 0, NULL, get_device_count },
	{ VC_CMD(VC_CAT_VNET, VC_GET, VC_VNET_ATTACH), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_devices), check_devices, get_devices },
	{ VC_CMD(VC_CAT_VNET, VC_GET, VC_VNET_QOS), VPS_IDS_CONTEXT,
	  32, sizeof(struct vps_qos), check_qos_asked, get_qos },

	{ VC_CMD(VC_CAT_NETADDR, VC_SET, VC_NETADDR_PERMIT), VPS_IDS_CONTEXT,
	  40, sizeof(struct vps_address), check_address, set_address },
	{ VC_CMD(VC_CAT_NETADDR, VC_SET, VC_NETADDR_REMOVE), VPS_IDS_CONTEXT,
	  40, sizeof(struct vps_address), check_removed, set_no_address },
	{ VC_CMD(VC_CAT_NETADDR, VC_GET, VC_NETADDR_PERMIT), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_addresses), check_addresses, get_addresses },

	{ VC_CMD(VC_CAT_VFS, VC_SET, VC_VFS_ROOT), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_tree), check_tree, set_tree },
	{ VC_CMD(VC_CAT_VFS, VC_SET, VC_VFS_DESTROY), VPS_IDS_CONTEXT,
	  0, 0, NULL, set_no_tree },
	{ VC_CMD(VC_CAT_VFS, VC_SET, VC_VFS_DISK), VPS_IDS_CONTEXT,
	  40, sizeof(struct vps_disk_bounds), check_disk, set_disk },
	{ VC_CMD(VC_CAT_VFS, VC_SET, VC_VFS_FILES), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_bounds), check_bounds, set_limit, VPS_FILES },
	{ VC_CMD(VC_CAT_VFS, VC_GET, VC_VFS_ROOT), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_tree), NULL, get_tree },
	{ VC_CMD(VC_CAT_VFS, VC_GET, VC_VFS_DISK), VPS_IDS_CONTEXT,
	  88, sizeof(struct vps_disk_counted), NULL, get_disk },
	{ VC_CMD(VC_CAT_VFS, VC_GET, VC_VFS_FILES), VPS_IDS_CONTEXT,
	  48, sizeof(struct vps_counted), NULL, get_limit, VPS_FILES },

	{ VC_CMD(VC_CAT_MEMORY, VC_SET, VC_MEMORY_TOTAL), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_bounds), check_bounds, set_limit, VPS_PAGES },
	{ VC_CMD(VC_CAT_MEMORY, VC_SET, VC_MEMORY_RESIDENT), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_bounds), check_bounds, set_resident },
	{ VC_CMD(VC_CAT_MEMORY, VC_GET, VC_MEMORY_TOTAL), VPS_IDS_CONTEXT,
	  48, sizeof(struct vps_counted), NULL, get_limit, VPS_PAGES },
	{ VC_CMD(VC_CAT_MEMORY, VC_GET, VC_MEMORY_RESIDENT), VPS_IDS_CONTEXT,
	  48, sizeof(struct vps_counted), NULL, get_resident },

	{ VC_CMD(VC_CAT_OTHER, VC_SET, VC_OTHER_TCP), VPS_IDS_CONTEXT,
	  24, sizeof(struct vps_bounds), check_bounds, set_limit, VPS_TCP },
	{ VC_CMD(VC_CAT_OTHER, VC_SET, VC_OTHER_FORGET), VPS_IDS_NEW,
	  16, sizeof(struct vps_forget), check_forget, set_forget },
	{ VC_CMD(VC_CAT_OTHER, VC_GET, VC_OTHER_TCP), VPS_IDS_CONTEXT,
	  48, sizeof(struct vps_counted), NULL, get_limit, VPS_TCP },
};

const size_t vps_commands_count = ARRAY_SIZE(vps_commands);

static int compare_cmd(const void *key, const void *row)
{
	u32 cmd = *(const u32 *)key;
	u32 other = ((const struct vps_command *)row)->cmd;

	return cmd < other ? -1 : cmd > other;
}

/**
 * vps_command_find - the row of a command
 * @cmd: category, subcategory and command
 *
 * Return: the row, or NULL when there is none or when nothing does yet what it is for
 */
const struct vps_command *vps_command_find(u32 cmd)
{
	const struct vps_command *command = bsearch(&cmd, vps_commands, vps_commands_count,
						    sizeof(*vps_commands), compare_cmd);

	return command && command->run ? command : NULL;
}

/**
 * vps_command_version - which version of a command there is here
 * @cmd: 0, or category and command with VC_VERSION
 *
 * Return: the version, or -EOPNOTSUPP when neither to set nor to get is possible
 */
long vps_command_version(u32 cmd)
{
	const struct vps_command *command;

	if (VC_CATEGORY(cmd) == VC_CAT_VERSION)
		return VC_COMMAND(cmd) ? -EOPNOTSUPP : VPS_PATCH_VERSION;
	for (command = vps_commands; command < vps_commands + vps_commands_count; command++) {
		if (command->run && VC_CATEGORY(command->cmd) == VC_CATEGORY(cmd) &&
		    (!VC_COMMAND(cmd) || VC_COMMAND(command->cmd) == VC_COMMAND(cmd)))
			return 1;
	}
	return -EOPNOTSUPP;
}

/**
 * vps_command_takes - does a command take this number?
 * @command: its row
 * @id: of a context
 *
 * Return: true when it does; whether there is such a context is not asked.
 */
bool vps_command_takes(const struct vps_command *command, u32 id)
{
	if (id == VPS_CTX_HOST)
		return command->ids == VPS_IDS_NONE || command->ids == VPS_IDS_ANY;
	if (command->ids == VPS_IDS_NONE)
		return false;
	return id == VPS_CTX_ALL || (id >= VPS_CTX_MIN && id <= VPS_CTX_MAX);
}

/**
 * vps_command_is_free - is a command everybody's?
 * @command: its row
 * @id: the context that is asked about
 * @own: the caller's
 *
 * Return: true when no privilege is needed.
 */
bool vps_command_is_free(const struct vps_command *command, u32 id, u32 own)
{
	if (VC_SUBCAT(command->cmd) != VC_GET)
		return false;
	return command->ids == VPS_IDS_NONE || id == own;
}

/**
 * vps_command_size - can a structure of a command have this size?
 * @command: its row
 * @size: what its first member says
 *
 * Return: 0, -EINVAL when it is too small or no number of __u32, -E2BIG when it is larger
 * than a page, which bounds what is read of it
 */
int vps_command_size(const struct vps_command *command, size_t size)
{
	if (size < command->size_min || size % sizeof(u32))
		return -EINVAL;
	return size > PAGE_SIZE ? -E2BIG : 0;
}

/* ---- the call ---- */

static bool permitted(const struct vps_command *command, u32 id)
{
	u32 own = vps_current_id();

	if (vps_command_is_free(command, id, own))
		return true;
	return own == VPS_CTX_HOST && capable(CAP_SYS_ADMIN);
}

/*
 * The size is what was read first. It may be another one when the whole is copied: that is
 * written over before anything looks at it.
 */
static int data_read(const struct vps_command *command, void __user *udata, union vps_data *data)
{
	u32 size;
	int err;

	memset(data, 0, sizeof(*data));
	if (!command->size)
		return udata ? -EINVAL : 0;
	if (get_user(size, (u32 __user *)udata))
		return -EFAULT;
	err = vps_command_size(command, size);
	if (err)
		return err;
	if (command->check) {
		err = copy_struct_from_user(data, command->size, udata, size);
		if (err)
			return err;
	}
	data->size = size;
	return command->check ? command->check(data) : 0;
}

static int data_write(const struct vps_command *command, void __user *udata,
		      const union vps_data *data)
{
	size_t known = min_t(size_t, command->size, data->size);

	if (VC_SUBCAT(command->cmd) != VC_GET || !command->size)
		return 0;
	if (copy_to_user(udata, data, known))
		return -EFAULT;
	return clear_user(udata + known, data->size - known) ? -EFAULT : 0;
}

static long run(const struct vps_command *command, u32 id, union vps_data *data)
{
	struct vps_call call = { .command = command, .id = id };
	long ret;

	if (command->ids == VPS_IDS_NONE || command->ids == VPS_IDS_NEW)
		return command->run(&call, data);
	call.context = vps_context_find(id);
	if (!call.context)
		return -ESRCH;
	ret = command->run(&call, data);
	vps_context_put(call.context);
	return ret;
}

/**
 * sys_vserver - act on a context
 *
 * @cmd: category, subcategory and command, see include/uapi/linux/vps.h
 * @id: the number of the context
 * @data: the structure of the command, or NULL when it has none
 *
 * Checked in this order:
 *
 * - %-EINVAL: a reserved bit of @cmd is set;
 * - %-EOPNOTSUPP: there is no such category, subcategory or command, or nothing does it;
 * - %-EINVAL: @id is no number that the command takes; for a version, @id or @data is not 0;
 * - %-EPERM: the caller is not in context 0 or has no %CAP_SYS_ADMIN in the initial user
 *   namespace, and the command is not to get what is of the caller's own context;
 * - %-EINVAL: @data is not NULL and the command has no structure;
 * - %-EFAULT: the size cannot be read;
 * - %-EINVAL: the size is too small, or no multiple of 4;
 * - %-E2BIG: the size is larger than a page, or what lies behind the known part is not zero;
 * - %-EFAULT: the structure cannot be read;
 * - %-EINVAL: a value is out of its range, or something reserved is not zero;
 * - %-ESRCH: there is no such context.
 *
 * Then it is the command's turn:
 *
 * - %-EEXIST: to create: there is such a context; of a tree, of an address: the context has it;
 * - %-EBADF, %-ENOENT: to create, to migrate: the descriptor is no group of the unified
 *   hierarchy, or of one that is being removed;
 * - %-EBADF, %-ENOTDIR, %-EOPNOTSUPP: of a tree: the descriptor is no directory, or its file
 *   system does not tell what is in it;
 * - %-ENOENT: of a disk: the context has no tree; to forget: there is no such account;
 * - %-EBUSY: to create: the group is or was in use, or is the root; to destroy: there are
 *   processes in the context; of a tree: it has in it, or is in, another context's; to forget:
 *   the context has not ended, or is held by a socket, a file or a dead process;
 * - %-ENOSPC: to create: too many accounts wait to be forgotten;
 * - %-EXDEV: to create: the group is in another context; to migrate: the process is held by
 *   %VPS_LOCK where it is; to name the init process: it is not in the context;
 * - %-EACCES: to migrate: %VPS_PRIVATE;
 * - %-ESTALE: to migrate: the group is not in the context;
 * - %-ESRCH: to migrate, to name the init process: there is no such process; to migrate: the
 *   context has ended;
 * - %-EAGAIN, %-EINVAL, %-EOPNOTSUPP: to migrate: as writing to cgroup.procs of the group;
 * - %-ENODATA: of resident memory, of processors: the context's group has not that controller;
 * - %-EINVAL, %-EBUSY: to set the use of processors: the controller does not take that, or the
 *   policy is %SCHED_IDLE, or no weight gives that share;
 * - %-EFAULT, %-EINVAL: of a list of addresses: it cannot be read, or one of it is none;
 * - %-EADDRINUSE: of an address: another context has it, or a part of it;
 * - %-ENOSPC: of an address: the context has as many as it can;
 * - %-EXDEV: of an address: the others are of another network namespace;
 * - %-ENODATA, %-ENOENT: of addresses: the context was never given any; it has not that one;
 * - %-ENONET: of devices: the context has no network of its own;
 * - %-EPERM: to make, to attach, to destroy a device, to set its rates: the caller has no
 *   %CAP_NET_ADMIN;
 * - %-ENODEV: of a device: there is none of that number; it was given another name meanwhile;
 * - %-EEXIST: to make, to attach a device: there is one of that name;
 * - %-EINVAL: to attach, to destroy a device: it stays where it is;
 * - %-EXDEV: of the least rate: the other end of the device is not in the caller's network, or
 *   there is none;
 * - %-ENOLINK: of the least rate: the line has no class that the context's could be below;
 * - %-ENOENT: of rates: the kernel has not what they take, or there is none to take away;
 * - %-EOPNOTSUPP: to make a device: the kernel has no veth;
 * - %-ENOMEM: to create, to migrate, of a tree, of addresses, of devices;
 * - %-EFAULT: to get: the structure, or the list, cannot be written.
 *
 * Return: 0 or what was asked for, or one of these.
 */
SYSCALL_DEFINE3(vserver, u32, cmd, u32, id, void __user *, data)
{
	const struct vps_command *command;
	union vps_data known;
	long ret;

	if (cmd & VPS_CMD_RESERVED)
		return -EINVAL;
	if (!cmd || VC_SUBCAT(cmd) == VC_VERSION) {
		ret = vps_command_version(cmd);
		return ret > 0 && (id || data) ? -EINVAL : ret;
	}
	command = vps_command_find(cmd);
	if (!command)
		return -EOPNOTSUPP;
	if (!vps_command_takes(command, id))
		return -EINVAL;
	if (!permitted(command, id))
		return -EPERM;
	ret = data_read(command, data, &known);
	if (ret)
		return ret;
	ret = run(command, id, &known);
	return ret < 0 ? ret : data_write(command, data, &known) ?: ret;
}
