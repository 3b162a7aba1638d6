/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program that notes whether the first process of a VPS ended by reboot(2): its
 * parent may be gone by then, so nobody is left to see its wait status. Loaded once,
 * it lives in bpffs until the host reboots.
 *
 * @pid is as the caller sees it, @start_ticks is field 22 of /proc/PID/stat. Where the
 * host has no BPF: -ENOSYS; no type information or a program it refuses: -ENOTSUP; not
 * allowed to, or the pins' directory is not root's alone: -EPERM.
 */
#ifndef VPS_LIBVPS_BPF_H
#define VPS_LIBVPS_BPF_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Loads the program unless it is. A caller that makes itself a mount namespace does this
 * before: where no bpffs is mounted yet, one is mounted, and it has to outlive the caller.
 */
int vps_bpf_prepare(void);

/* From now on the end of this process is noted; prepares when nobody did. */
int vps_bpf_watch_init(pid_t pid, uint64_t start_ticks);

/* The signal that stands for how it ended: SIGHUP restart, SIGINT halt, 0 neither (or
 * not ended). -ENOENT not watched. */
int vps_bpf_reboot_signal(pid_t pid, uint64_t start_ticks);

/* -ENOENT not watched. */
int vps_bpf_forget_init(pid_t pid, uint64_t start_ticks);

/* 0 when it is in place or could be; leaves nothing behind. */
int vps_bpf_probe(void);

#endif /* VPS_LIBVPS_BPF_H */
