/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: the commands of vserver(2), as its tests see them too.
 */
#ifndef _SECURITY_VPS_SYSCALL_H
#define _SECURITY_VPS_SYSCALL_H

#include <linux/types.h>
#include <uapi/linux/vps.h>

#include "vps.h"

struct vps_command;

/* What VC_CATEGORY, VC_SUBCAT and VC_COMMAND do not read of a command. */
#define VPS_CMD_RESERVED	(~VC_CMD(0xff, 0x3, 0xff))

/* What any command may be told, or tell. */
union vps_data {
	u32 size;
	struct vps_create create;
	struct vps_policy policy;
	struct vps_flags flags;
	struct vps_migrate migrate;
	struct vps_caps caps;
	struct vps_switch on;
	struct vps_signal signal;
	struct vps_processes count;
	struct vps_init init;
	struct vps_new_context new_context;
	struct vps_limits limits;
	struct vps_bounds bounds;
	struct vps_counted counted;
	struct vps_cpu_usage usage;
	struct vps_tree tree;
	struct vps_disk_bounds disk_bounds;
	struct vps_disk_counted disk_counted;
	struct vps_address address;
	struct vps_addresses addresses;
	struct vps_forget forget;
	struct vps_device device;
	struct vps_devices devices;
	struct vps_qos qos;
};

/**
 * enum vps_ids - which numbers a command takes
 * @VPS_IDS_NONE: 0, which means nothing
 * @VPS_IDS_NEW: one that a context can have, if there is one or not
 * @VPS_IDS_CONTEXT: of a context that there is, not of the host
 * @VPS_IDS_ANY: of a context that there is, or of the host
 */
enum vps_ids {
	VPS_IDS_NONE,
	VPS_IDS_NEW,
	VPS_IDS_CONTEXT,
	VPS_IDS_ANY,
};

/**
 * struct vps_call - one call
 * @command: its row
 * @id: number of the context
 * @context: that context, where there must be one
 */
struct vps_call {
	const struct vps_command *command;
	u32 id;
	struct vps_context *context;
};

/**
 * struct vps_command - a row of the table of commands
 * @cmd: category, subcategory and command
 * @ids: which contexts it is for
 * @size_min: of its structure when the command was new; 0: it takes none
 * @size: of its structure today
 * @check: are these values that it takes? 0 or -EINVAL. NULL: it reads none.
 * @run: does it, with a reference to the context where there must be one; NULL: nothing does
 * @resource: of which it is a limit
 */
struct vps_command {
	u32 cmd;
	enum vps_ids ids;
	u16 size_min;
	u16 size;
	int (*check)(const union vps_data *data);
	long (*run)(const struct vps_call *call, union vps_data *data);
	enum vps_resource resource;
};

extern const struct vps_command vps_commands[];
extern const size_t vps_commands_count;

const struct vps_command *vps_command_find(u32 cmd);
long vps_command_version(u32 cmd);
bool vps_command_takes(const struct vps_command *command, u32 id);
bool vps_command_is_free(const struct vps_command *command, u32 id, u32 own);
int vps_command_size(const struct vps_command *command, size_t size);

#endif /* _SECURITY_VPS_SYSCALL_H */
