/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few fields of the kernel's own structures that the programs read. Their offsets
 * here mean nothing: they are found again by name in the running kernel's type
 * information when a program is loaded.
 */
#ifndef VPS_BPF_KERNEL_H
#define VPS_BPF_KERNEL_H

#define CO_RE __attribute__((preserve_access_index))

struct pid_namespace {
	int reboot;	/* what its init is said to have died of; 0 without reboot(2) */
} CO_RE;

struct upid {
	int nr;
	struct pid_namespace *ns;
} CO_RE;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} CO_RE;

struct task_struct {
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
} CO_RE;

#endif /* VPS_BPF_KERNEL_H */
