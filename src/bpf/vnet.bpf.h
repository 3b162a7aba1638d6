/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layout of what the programs of bridged networks share with the library through maps. */
#ifndef VPS_VNET_BPF_H
#define VPS_VNET_BPF_H

#include <linux/types.h>

/**
 * struct vps_bpf_port - the host's end of a VPS's device; only the library writes it
 * @mac: of the VPS's end
 * @context: whose it is
 * @rates: a device that holds rates, through which comes what goes to the VPS; or 0
 * @account: the context's group
 */
struct vps_bpf_port {
	__u8 mac[6];
	__u16 unused;
	__u32 context;
	__u32 rates;
	__u64 account;
};

/**
 * struct vps_bpf_port_addr - an address that may be sent from through a device
 * @ifindex: of the host's end
 * @family: 4 or 6
 * @addr: in the order of the wire; of IPv4 the first four, the others 0
 */
struct vps_bpf_port_addr {
	__u32 ifindex;
	__u32 family;
	__u8 addr[16];
};

#endif /* VPS_VNET_BPF_H */
