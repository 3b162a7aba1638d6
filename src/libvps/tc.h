/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queues, classes and filters of network devices. What is there already is changed to what is
 * asked for, so that each can be repeated. -ENOENT: the kernel knows no such queue, filter or
 * action.
 */
#ifndef VPS_TC_H
#define VPS_TC_H

#include "rtnl.h"

/* Where filters of a device are: for what comes from it, what goes to it, what its queue sorts. */
enum vps_tc_place {
	VPS_TC_INGRESS,
	VPS_TC_EGRESS,
	VPS_TC_QUEUE,
};

/* Makes room for filters at ingress and egress. */
int vps_tc_add_places(struct nl_sock *sock, int ifindex);

/* A program as filter; @verdict: it decides itself, else it names a class. */
int vps_tc_add_program(struct nl_sock *sock, int ifindex, enum vps_tc_place place, int program,
		       bool verdict);

/* Behind it: everything goes to be sent by device @to. */
int vps_tc_add_redirect(struct nl_sock *sock, int ifindex, enum vps_tc_place place, int to);

/* The queue of a device: classes 1:N, the default one is @other. */
int vps_tc_add_htb(struct nl_sock *sock, int ifindex, uint32_t other);

/*
 * Class 1:@minor, below 1:@parent; bits a second warranted and at the most. With @parent 0 it
 * stands for the wire, and Ethernet's own bits count.
 */
int vps_tc_add_class(struct nl_sock *sock, int ifindex, uint32_t parent, uint32_t minor,
		     uint64_t rate, uint64_t most);

/* A class that has none below: its queue, with no more in it than takes a moment at @most. */
int vps_tc_add_leaf(struct nl_sock *sock, int ifindex, uint32_t minor, uint64_t most);

/* -ENOENT, -EINVAL, -ENODEV there is none. */
int vps_tc_remove_class(struct nl_sock *sock, int ifindex, uint32_t minor);

#endif /* VPS_TC_H */
