/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layout of what the programs that count traffic share with the library through maps. */
#ifndef VPS_TRAFFIC_BPF_H
#define VPS_TRAFFIC_BPF_H

#include <linux/types.h>

/* An address in the order of the wire; of IPv4 as ::ffff:a.b.c.d. */
struct vps_bpf_addr {
	__u32 words[4];
};

/**
 * struct vps_bpf_row - which traffic is counted together
 * @account: group of the context
 * @class: number of the class of the other end's address; 0: of none
 */
struct vps_bpf_row {
	__u64 account;
	__u32 class;
	__u32 none;
};

/* Only the programs write it, each processor its own. */
struct vps_bpf_count {
	__u64 in;
	__u64 out;
	__u64 in_packets;
	__u64 out_packets;
};

/* Whose an account is; only the library writes and reads it. */
struct vps_bpf_account {
	__u32 id;
	char name[68];
};

/* The name of a class; only the library writes and reads it. */
struct vps_bpf_class {
	char name[36];
};

/**
 * struct vps_bpf_network - the key of a class
 * @prefix: in bits, with those of @family
 * @family: 4 or 6
 * @addr: in the order of the wire; of IPv4 the first word, the others 0
 */
struct vps_bpf_network {
	__u32 prefix;
	__u32 family;
	__u32 addr[4];
};

/* Of the file that the networks were read from: the same file has the same. */
struct vps_bpf_stamp {
	__u64 device;
	__u64 inode;
	__u64 size;
	__u64 changed_ns;
};

#endif /* VPS_TRAFFIC_BPF_H */
