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

struct user_namespace {
	int level;
} CO_RE;

/* Two words before 6.3, and 64 bits since: the same on a little-endian machine. */
typedef struct {
	__u64 val;
} kernel_cap_t;

struct cred {
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
} CO_RE;

struct task_struct {
	const struct cred *cred;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
} CO_RE;

struct kernfs_node {
	__u64 id;
} CO_RE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} CO_RE;

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
} CO_RE;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} CO_RE;

struct net {
	__u64 net_cookie;
} CO_RE;

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	possible_net_t skc_net;
	unsigned char skc_reuseport : 1;
	unsigned char skc_ipv6only : 1;
} CO_RE;

struct sock {
	struct sock_common __sk_common;
	unsigned char sk_kern_sock : 1;
	struct sock_cgroup_data sk_cgrp_data;
} CO_RE;

#endif /* VPS_BPF_KERNEL_H */
