/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which context a socket is of: that of the group in which it was made. Most sockets need
 * nothing else remembered, and to remember costs more than all that is done here for them.
 */
#ifndef VPS_BPF_SOCKETS_H
#define VPS_BPF_SOCKETS_H

/* How far below the root the group of all contexts may be: deeper than anybody's. */
#define LEVELS_MAX 16
/* How far below that a VPS can make groups: more than cgroup.max.depth lets it. */
#define LEVELS_BELOW 32

#define CONTEXTS_MAX 65536

/* The group of all contexts. */
const volatile __u64 parent;

/* The cookie of the host's network namespace. */
const volatile __u64 host_net;

/* These programs are over the host's own sockets, and leave those of contexts alone. */
const volatile bool fence;

/**
 * struct of_socket - what is remembered of a socket that serves every address, or listens
 * @context: whose it is
 * @wild: WILD4, WILD6, DUAL: what it was bound to is every address, as it sees it
 * @listed: how many places it has in the table of listeners
 * @unlisted: it found none
 * @alike: others may listen at the same place
 */
struct of_socket {
	__u64 context;
	__u8 wild;
	__u8 listed;
	__u8 unlisted;
	__u8 alike;
	__u8 none[4];
};

#define WILD4 4
#define WILD6 6
#define DUAL 46

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct of_socket);
} sockets SEC(".maps");

/*
 * What takes a while to find out and stays as it is.
 * @host: the host's network
 * @level: how far below the root the groups of contexts are
 */
struct {
	struct net *host;
	__u64 level;
} seen;

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

static __u64 context_of_packet(struct __sk_buff *skb)
{
	for (int i = 0; !seen.level && i < LEVELS_MAX; i++)
		if (bpf_skb_ancestor_cgroup_id(skb, i) == parent)
			seen.level = i + 1;
	return seen.level ? bpf_skb_ancestor_cgroup_id(skb, seen.level) : 0;
}

/*
 * In a softirq the process at hand is anybody, and of sockets of MPTCP the kernel is the maker.
 * Upwards from the socket's own group, which is a few levels below.
 */
static __u64 context_of_tcp(struct bpf_sock *sk)
{
	struct sock *sock = (void *)bpf_skc_to_tcp_sock(sk);
	struct cgroup_subsys_state *above;
	struct cgroup *group;
	__u64 id, below = 0;

	if (!sock)
		return 0;
	group = sock->sk_cgrp_data.cgroup;
	for (int i = 0; i < LEVELS_BELOW; i++) {
		id = group->kn->id;
		if (id == parent)
			return below;
		above = group->self.parent;
		if (!above)
			break;
		below = id;
		group = above->cgroup;
	}
	return 0;
}

static struct net *network_of(struct bpf_sock *sk)
{
	struct sock *sock = (void *)bpf_skc_to_tcp_sock(sk);

	if (sock)
		return sock->__sk_common.skc_net.net;
	/* Of others no more is told than where they are. */
	bpf_probe_read_kernel(&sock, sizeof(sock), &sk);
	return BPF_CORE_READ(sock, __sk_common.skc_net.net);
}

/* In a network of the VPS's own making? */
static bool is_elsewhere(struct bpf_sock *sk)
{
	struct net *net = network_of(sk);

	if (net == seen.host)
		return false;
	if (BPF_CORE_READ(net, net_cookie) != host_net)
		return true;
	seen.host = net;
	return false;
}

static bool is_of_kernel(struct bpf_sock *sk)
{
	struct sock *sock = (void *)bpf_skc_to_tcp_sock(sk);

	return sock && BPF_CORE_READ_BITFIELD_PROBED(sock, sk_kern_sock);
}

static __u64 context_of(struct bpf_sock_addr *ctx)
{
	__u64 context = context_of_current();

	if (!context && ctx->type == SOCK_STREAM && ctx->sk)
		context = context_of_tcp(ctx->sk);
	return context;
}

static struct of_socket *socket_of(struct bpf_sock *sk)
{
	return bpf_sk_storage_get(&sockets, sk, NULL, 0);
}

static struct of_socket *note_socket(struct bpf_sock *sk, __u64 context)
{
	struct of_socket begin = { .context = context };

	return bpf_sk_storage_get(&sockets, sk, &begin, BPF_SK_STORAGE_GET_F_CREATE);
}

#endif /* VPS_BPF_SOCKETS_H */
