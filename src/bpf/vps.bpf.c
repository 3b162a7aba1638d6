// SPDX-License-Identifier: LGPL-2.1-or-later
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "kernel.h"
#include "vps.bpf.h"

/* More than a VPS can have init processes; room is taken per entry in use. */
#define WATCHED_MAX 65536
/* MAX_PID_NS_LEVEL of the kernel. */
#define LEVELS_MAX 32

/*
 * First processes of running VPSes, and the signal that reboot(2) inside gave them:
 * SIGHUP restart, SIGINT halt or power-off, 0 neither. Only the library makes and
 * removes entries, so other software's pid namespaces take no room.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WATCHED_MAX);
	__type(key, struct vps_bpf_init);
	__type(value, __u32);
} init_reboot SEC(".maps");

const volatile __u64 ns_per_tick = 10000000;

static struct upid *upid_at(struct pid *pid, __u32 level)
{
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
}

static void note_reboot(struct task_struct *init, struct pid *pid, __u32 level, __u32 signal)
{
	struct vps_bpf_init key = {
		.start = BPF_CORE_READ(init, start_boottime) / ns_per_tick,
	};
	__u32 i, *noted;

	/* Whoever watches it may sit in any pid namespace above and know it by that number. */
	for (i = 0; i < LEVELS_MAX && i < level; i++) {
		key.pid = BPF_CORE_READ(upid_at(pid, i), nr);
		noted = bpf_map_lookup_elem(&init_reboot, &key);
		if (noted)
			*noted = signal;
	}
}

/*
 * Any thread of an init may be the last one, its leader need not be; and reboot(2)
 * sets the namespace's signal before it kills. So each exit of such a thread looks.
 */
SEC("raw_tp/sched_process_exit")
int init_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *own;
	int signal;

	if (!level)
		return 0;
	own = upid_at(pid, level);
	if (BPF_CORE_READ(own, nr) != 1)
		return 0;
	signal = BPF_CORE_READ(own, ns, reboot);
	if (signal)
		note_reboot(leader, pid, level, signal);
	return 0;
}

/* What the kernel calls GPL-compatible; section 3 of the LGPL allows it. */
char vps_license[] SEC("license") = "GPL";
