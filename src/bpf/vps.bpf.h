/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layout of what the programs share with the library through maps. */
#ifndef VPS_BPF_H
#define VPS_BPF_H

#include <linux/types.h>

/**
 * struct vps_bpf_init - a VPS's first process; unlike a pid alone it is never reused
 * @pid: in the pid namespace of who watches it
 * @pad: zero
 * @start: as field 22 of /proc/PID/stat
 */
struct vps_bpf_init {
	__u32 pid;
	__u32 pad;
	__u64 start;
};

#endif /* VPS_BPF_H */
