/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network devices and their addresses, by rtnetlink. A socket belongs to the network namespace
 * in which it was opened, whoever uses it later.
 */
#ifndef VPS_RTNL_H
#define VPS_RTNL_H

#include <net/if.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "vps.h"

#define VPS_MAC_LEN 6

/* In the namespace of this thread. */
int vps_rtnl_open(struct nl_sock **ret_sock);

/* In the network namespace @netns; this thread is back in its own when it returns. */
int vps_rtnl_open_at(int netns, struct nl_sock **ret_sock);

/* A descriptor of the network namespace of process @pid; 0 is this thread. -ENOENT, -EACCES */
int vps_rtnl_netns(pid_t pid);

/* Runs @step in the network namespace @netns, and is back in its own then. */
int vps_rtnl_run_at(int netns, int (*step)(void *data), void *data);

void vps_rtnl_closep(struct nl_sock **sock);

/* ---- messages: all others here are made of these ---------------------- */

/* A new request with its first @size bytes, which are the kernel's header of that @type. */
struct nl_msg *vps_rtnl_message(int type, int flags, const void *header, size_t size);

/* Sends and frees it; 0 or what the kernel answered. NULL is -ENOMEM. */
int vps_rtnl_talk(struct nl_sock *sock, struct nl_msg *msg);

/* The same where the answer is objects: @take gets each, what it returns but 0 ends the call. */
int vps_rtnl_ask(struct nl_sock *sock, struct nl_msg *msg,
		 int (*take)(struct nlmsghdr *header, void *data), void *data);

/* ---- devices ---------------------------------------------------------- */

/**
 * struct vps_link - a network device
 * @kind: "bridge", "veth", "ifb"; "" of hardware and others without one
 * @alias: words that somebody gave it
 * @master: index of the bridge that it is a port of, or 0
 * @peer: index of the other end of a veth, in its own namespace; 0 where there is none
 * @up: by its administrator
 */
struct vps_link {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[16];
	char alias[32];
	unsigned char mac[VPS_MAC_LEN];
	unsigned int mtu;
	int master;
	int peer;
	bool up;
};

/* -ENODEV no such device. */
int vps_rtnl_link(struct nl_sock *sock, const char *name, struct vps_link *ret_link);
int vps_rtnl_link_at(struct nl_sock *sock, int ifindex, struct vps_link *ret_link);

/* All of them; free(3) the array. */
int vps_rtnl_links(struct nl_sock *sock, struct vps_link **ret_links, size_t *ret_count);

/*
 * One of a kind that needs no more words. @mac: or NULL. -EEXIST; -EOPNOTSUPP there is no such
 * kind.
 */
int vps_rtnl_make_link(struct nl_sock *sock, const char *name, const char *kind,
		       const unsigned char *mac);

int vps_rtnl_set_up(struct nl_sock *sock, int ifindex);
int vps_rtnl_set_alias(struct nl_sock *sock, int ifindex, const char *alias);
int vps_rtnl_remove_link(struct nl_sock *sock, int ifindex);

/* ---- addresses -------------------------------------------------------- */

/**
 * struct vps_link_addr - an address of a device
 * @device: its name; "" where it is gone meanwhile
 */
struct vps_link_addr {
	int ifindex;
	char device[IFNAMSIZ];
	struct vps_addr addr;
};

/* Those of all devices, of both families; free(3) the array. */
int vps_rtnl_addrs(struct nl_sock *sock, struct vps_link_addr **ret_addrs, size_t *ret_count);

/* The same without the names of devices, for which there is a look at all of them. */
int vps_rtnl_bare_addrs(struct nl_sock *sock, struct vps_link_addr **ret_addrs,
			size_t *ret_count);

/*
 * vps_rtnl_add_addr - gives device @ifindex an address, of IPv6 without looking whether
 * somebody else has it. @broadcast: of IPv4, or NULL.
 *   -EEXIST it has it already   -ENODEV no such device
 */
int vps_rtnl_add_addr(struct nl_sock *sock, int ifindex, const struct vps_addr *addr,
		      const struct in_addr *broadcast);

/* The same for one that nobody is to be seen by who has not asked for it (of IPv6: deprecated). */
int vps_rtnl_add_spare_addr(struct nl_sock *sock, int ifindex, const struct vps_addr *addr,
			    const struct in_addr *broadcast);

/* -EADDRNOTAVAIL it has no such address with that prefix. */
int vps_rtnl_remove_addr(struct nl_sock *sock, int ifindex, const struct vps_addr *addr);

#endif /* VPS_RTNL_H */
