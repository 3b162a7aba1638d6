/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layout of what the network programs share with the library through maps. */
#ifndef VPS_NET_BPF_H
#define VPS_NET_BPF_H

#include <linux/types.h>

#include "traffic.bpf.h"

/**
 * struct vps_bpf_tcp - TCP sockets of a context; only the programs write it
 * @held: what counts against the limit: established, and connects under way
 * @established: now
 * @peak: the most of @established
 * @hits: connections that were refused, repeated attempts too
 * @listed: listeners that are in the table of listeners
 * @alike: of those, with SO_REUSEPORT
 * @unlisted: listeners that found no room there
 */
struct vps_bpf_tcp {
	__u64 held;
	__u64 established;
	__u64 peak;
	__u64 hits;
	__u64 listed;
	__u64 alike;
	__u64 unlisted;
};

/**
 * struct vps_bpf_net - what a context is in the host's network; only the library writes it
 * @id: its number, which its loopback is made from: 127.HI.LO.z
 * @first4: what 0.0.0.0 stands for; 0 without an address of IPv4
 * @first6: what :: stands for; zeros without one of IPv6
 * @loop6: what ::1 stands for; zeros where the host has no IPv6
 */
struct vps_bpf_net {
	__u32 id;
	__u32 first4;
	struct vps_bpf_addr first6;
	struct vps_bpf_addr loop6;
};

/* The key of that for the host itself, while it is fenced in. */
#define VPS_BPF_HOST 0

#endif /* VPS_NET_BPF_H */
