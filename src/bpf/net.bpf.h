/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layout of what the network programs share with the library through maps. */
#ifndef VPS_NET_BPF_H
#define VPS_NET_BPF_H

#include <linux/types.h>

/**
 * struct vps_bpf_tcp - TCP connections of a context; only the programs write it
 * @held: what counts against the limit: established, and connects under way
 * @established: now
 * @peak: the most of @established
 * @hits: connections that were refused, repeated attempts too
 */
struct vps_bpf_tcp {
	__u64 held;
	__u64 established;
	__u64 peak;
	__u64 hits;
};

#endif /* VPS_NET_BPF_H */
