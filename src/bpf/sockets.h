/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which context a socket is of. That is remembered when it is made, and never asked of the
 * process at hand: in a softirq that is anybody.
 */
#ifndef VPS_BPF_SOCKETS_H
#define VPS_BPF_SOCKETS_H

/* How far below the root the group of all contexts may be: deeper than anybody's. */
#define LEVELS_MAX 16

#define CONTEXTS_MAX 65536

/* The group of all contexts. */
const volatile __u64 parent;

/* The cookie of the host's network namespace. */
const volatile __u64 host_net;

/* These programs are over the host's own sockets, and leave those of contexts alone. */
const volatile bool fence;

/**
 * struct of_socket - what is remembered of each socket
 * @context: in which it was made; VPS_BPF_HOST for the host's, where that is fenced
 * @counted: HELD, ESTABLISHED: in which numbers of the context it is
 * @of_kernel: nobody saw it begin, and nobody will see it end without a connection
 * @shared: it is in the host's network
 * @wild: WILD4, WILD6, DUAL: what it was bound to is every address, as it sees it
 * @listed: LISTED: it is in the table of listeners; UNLISTED: it found no room there
 * @chosen: its source was given to it when it connected, and not asked for
 */
struct of_socket {
	__u64 context;
	__u64 counted;
	__u32 of_kernel;
	__u8 shared;
	__u8 wild;
	__u8 listed;
	__u8 chosen;
};

#define HELD 1
#define ESTABLISHED 2

#define LISTED 1
#define UNLISTED 2

#define WILD4 4
#define WILD6 6
#define DUAL 46

/* Accepted sockets inherit what is remembered of the listener. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct of_socket);
} sockets SEC(".maps");

static __u64 context_of_current(void)
{
	for (int i = 0; i < LEVELS_MAX; i++) {
		__u64 group = bpf_get_current_ancestor_cgroup_id(i);

		if (!group)
			break;
		if (group == parent)
			return bpf_get_current_ancestor_cgroup_id(i + 1);
	}
	return 0;
}

static __u64 context_of_listener(struct __sk_buff *skb)
{
	for (int i = 0; i < LEVELS_MAX; i++) {
		__u64 group = bpf_skb_ancestor_cgroup_id(skb, i);

		if (!group)
			break;
		if (group == parent)
			return bpf_skb_ancestor_cgroup_id(skb, i + 1);
	}
	return 0;
}

static __u64 ancestor_of(struct cgroup *group, int level)
{
	struct cgroup___before_6_1 *old = (void *)group;
	struct cgroup *ancestor = NULL;
	__u64 id = 0;

	if (!bpf_core_field_exists(group->ancestors)) {
		bpf_core_read(&id, sizeof(id), &old->ancestor_ids[level]);
		return id;
	}
	bpf_core_read(&ancestor, sizeof(ancestor), &group->ancestors[level]);
	return BPF_CORE_READ(ancestor, kn, id);
}

/* For sockets that the kernel itself made, of MPTCP for one: no program saw them begin. */
static __u64 context_of_connection(struct bpf_sock *sk)
{
	struct sock *sock = (void *)bpf_skc_to_tcp_sock(sk);
	struct cgroup *group;
	int level;

	if (!sock)
		return 0;
	group = BPF_CORE_READ(sock, sk_cgrp_data.cgroup);
	level = BPF_CORE_READ(group, level);
	for (int i = 0; i < LEVELS_MAX && i < level; i++)
		if (ancestor_of(group, i) == parent)
			return ancestor_of(group, i + 1);
	return 0;
}

static struct of_socket *socket_of(struct bpf_sock *sk)
{
	return bpf_sk_storage_get(&sockets, sk, NULL, 0);
}

/* The same for one that may be the kernel's own making. */
static struct of_socket *tcp_socket_of(struct bpf_sock *sk, bool shared)
{
	struct of_socket *socket = socket_of(sk), begin = { .of_kernel = 1, .shared = shared };

	if (socket || fence)
		return socket;
	begin.context = context_of_connection(sk);
	if (!begin.context)
		return NULL;
	return bpf_sk_storage_get(&sockets, sk, &begin, BPF_SK_STORAGE_GET_F_CREATE);
}

#endif /* VPS_BPF_SOCKETS_H */
