// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/attr.h>

#include "tc.h"
#include "util.h"

/* Places of filters, the first asked first. */
#define PRIO_PROGRAM 1
#define PRIO_REDIRECT 2

/* The kernel's unit of time in classes. */
#define NS_PER_TICK 64
#define NS_PER_S UINT64_C(1000000000)

/*
 * What a class may send at once when it has been idle: as much as makes up for a timer that is
 * late on a busy processor, and little beside what is measured in seconds.
 */
#define BURST_NS UINT64_C(20000000)
#define BURST_BYTES 3200
/* Each class in turn sends as much, since a packet may be 64 KiB and more before it is cut. */
#define QUANTUM (128u << 10)

/* Ethernet's: preamble, check sum and gap, and the shortest frame with them. */
#define FRAME_AROUND 24
#define FRAME_LEAST 84

/* How long the last in a queue may have to wait, and a queue in bytes. */
#define QUEUE_MS 100
#define QUEUE_LEAST (64u << 10)
#define QUEUE_MOST (4u << 20)
/*
 * Of the other kind: what is in memory for packets is up to twice their bytes, the least of them
 * as many; and flows enough for one VPS, since each class has its own.
 */
#define QUEUE_MEMORY 2
#define PACKET_LEAST 64
#define QUEUE_PACKETS 10240
#define QUEUE_FLOWS 128
/* Of a full packet, before a queue that measures waiting takes it for a jam. */
#define FRAME_BITS UINT64_C(12112)

static struct nl_msg *message(int type, int flags, int ifindex, uint32_t parent, uint32_t handle,
			      uint32_t info, const char *kind)
{
	struct tcmsg tc = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_parent = parent,
		.tcm_handle = handle, .tcm_info = info,
	};
	struct nl_msg *msg = vps_rtnl_message(type, NLM_F_ACK | flags, &tc, sizeof(tc));

	if (msg && kind && nla_put_string(msg, TCA_KIND, kind) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* Sends it if it was filled (@failed is not 0 where it was not). */
static int talk(struct nl_sock *sock, struct nl_msg *msg, int failed)
{
	if (failed) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return vps_rtnl_talk(sock, msg);
}

static int unless_there(int rc)
{
	return rc == -EEXIST ? 0 : rc;
}

/* ---- filters ---------------------------------------------------------------- */

int vps_tc_add_places(struct nl_sock *sock, int ifindex)
{
	struct nl_msg *msg = message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex,
				     TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, 0), 0, "clsact");

	return unless_there(vps_rtnl_talk(sock, msg));
}

static struct nl_msg *filter(int ifindex, enum vps_tc_place place, uint32_t prio)
{
	static const uint32_t parents[] = {
		[VPS_TC_INGRESS] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		[VPS_TC_EGRESS] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
		[VPS_TC_QUEUE] = TC_H_MAKE(1u << 16, 0),
	};

	/* Without NLM_F_EXCL and with a number of its own it takes the place of what is there. */
	return message(RTM_NEWTFILTER, NLM_F_CREATE, ifindex, parents[place], 1,
		       TC_H_MAKE(prio << 16, htons(ETH_P_ALL)), "bpf");
}

int vps_tc_add_program(struct nl_sock *sock, int ifindex, enum vps_tc_place place, int program,
		       bool verdict)
{
	struct nl_msg *msg = filter(ifindex, place, PRIO_PROGRAM);
	struct nlattr *options = msg ? nla_nest_start(msg, TCA_OPTIONS) : NULL;
	int failed;

	if (!options) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	failed = nla_put_u32(msg, TCA_BPF_FD, (uint32_t)program) ?:
		 nla_put_string(msg, TCA_BPF_NAME, "freevps");
	if (!failed && verdict)
		failed = nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	nla_nest_end(msg, options);
	return talk(sock, msg, failed);
}

static int put_redirect(struct nl_msg *msg, int to)
{
	struct tc_mirred mirred = {
		.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (__u32)to,
	};
	struct nlattr *actions = nla_nest_start(msg, TCA_BPF_ACT);
	struct nlattr *first = actions ? nla_nest_start(msg, 1) : NULL;
	struct nlattr *options;
	int failed;

	if (!first || nla_put_string(msg, TCA_ACT_KIND, "mirred"))
		return -ENOMEM;
	options = nla_nest_start(msg, TCA_ACT_OPTIONS);
	if (!options)
		return -ENOMEM;
	failed = nla_put(msg, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	nla_nest_end(msg, options);
	nla_nest_end(msg, first);
	nla_nest_end(msg, actions);
	return failed;
}

/*
 * A device that only shapes takes nothing but what this action has marked. Filters that match
 * everything are not in all kernels; this one, in the language of old, is where the other is.
 */
int vps_tc_add_redirect(struct nl_sock *sock, int ifindex, enum vps_tc_place place, int to)
{
	struct sock_filter all = { .code = BPF_RET | BPF_K, .k = UINT32_MAX };
	struct nl_msg *msg = filter(ifindex, place, PRIO_REDIRECT);
	struct nlattr *options = msg ? nla_nest_start(msg, TCA_OPTIONS) : NULL;
	int failed;

	if (!options) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	failed = put_redirect(msg, to) ?: nla_put_u16(msg, TCA_BPF_OPS_LEN, 1);
	failed = failed ?: nla_put(msg, TCA_BPF_OPS, sizeof(all), &all);
	nla_nest_end(msg, options);
	return talk(sock, msg, failed);
}

/* ---- classes --------------------------------------------------------------------- */

int vps_tc_add_htb(struct nl_sock *sock, int ifindex, uint32_t other)
{
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = other };
	struct nl_msg *msg = message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_ROOT,
				     TC_H_MAKE(1u << 16, 0), 0, "htb");
	struct nlattr *options = msg ? nla_nest_start(msg, TCA_OPTIONS) : NULL;
	int failed;

	if (!options) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	failed = nla_put(msg, TCA_HTB_INIT, sizeof(glob), &glob);
	nla_nest_end(msg, options);
	return unless_there(talk(sock, msg, failed));
}

/* As time that it takes at @rate bytes a second. */
static uint32_t burst_ticks(uint64_t rate)
{
	uint64_t ns = BURST_BYTES * NS_PER_S / rate;

	return (uint32_t)((ns > BURST_NS ? ns : BURST_NS) / NS_PER_TICK);
}

/* @line: as on a wire. What a VPS has is counted as it sends it, whatever is below the bridge. */
static struct tc_ratespec rate_spec(uint64_t rate, bool line)
{
	return (struct tc_ratespec){
		.linklayer = TC_LINKLAYER_ETHERNET,
		.overhead = line ? FRAME_AROUND : 0,
		.mpu = line ? FRAME_LEAST : 0,
		.rate = rate > UINT32_MAX ? UINT32_MAX : (__u32)rate,
	};
}

int vps_tc_add_class(struct nl_sock *sock, int ifindex, uint32_t parent, uint32_t minor,
		     uint64_t rate, uint64_t most)
{
	uint64_t bytes = rate / 8, ceil = most / 8;
	struct tc_htb_opt opt = {
		.rate = rate_spec(bytes, !parent), .ceil = rate_spec(ceil, !parent),
		.buffer = burst_ticks(bytes), .cbuffer = burst_ticks(ceil), .quantum = QUANTUM,
	};
	struct nl_msg *msg = message(RTM_NEWTCLASS, NLM_F_CREATE, ifindex,
				     TC_H_MAKE(1u << 16, parent), TC_H_MAKE(1u << 16, minor), 0,
				     "htb");
	struct nlattr *options = msg ? nla_nest_start(msg, TCA_OPTIONS) : NULL;
	int failed;

	if (!options) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	failed = nla_put(msg, TCA_HTB_PARMS, sizeof(opt), &opt);
	if (!failed && bytes > UINT32_MAX)
		failed = nla_put_u64(msg, TCA_HTB_RATE64, bytes);
	if (!failed && ceil > UINT32_MAX)
		failed = nla_put_u64(msg, TCA_HTB_CEIL64, ceil);
	nla_nest_end(msg, options);
	return talk(sock, msg, failed);
}

static struct nl_msg *queue(int ifindex, uint32_t minor, const char *kind)
{
	return message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex,
		       TC_H_MAKE(1u << 16, minor), 0, 0, kind);
}

static int add_fifo(struct nl_sock *sock, int ifindex, uint32_t minor, uint32_t bytes)
{
	struct tc_fifo_qopt fifo = { .limit = bytes };
	struct nl_msg *msg = queue(ifindex, minor, "bfifo");

	return talk(sock, msg, msg ? nla_put(msg, TCA_OPTIONS, sizeof(fifo), &fifo) : 0);
}

/* @flows: 0 of one that is there, which keeps its own. */
static int add_codel(struct nl_sock *sock, int ifindex, uint32_t minor, uint32_t bytes,
		     uint32_t target_us, uint32_t flows)
{
	uint32_t packets = bytes / PACKET_LEAST < QUEUE_PACKETS ? bytes / PACKET_LEAST :
								   QUEUE_PACKETS;
	struct nl_msg *msg = queue(ifindex, minor, "fq_codel");
	struct nlattr *options = msg ? nla_nest_start(msg, TCA_OPTIONS) : NULL;
	int failed;

	if (!options) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	failed = nla_put_u32(msg, TCA_FQ_CODEL_TARGET, target_us) ?:
		 nla_put_u32(msg, TCA_FQ_CODEL_INTERVAL, target_us * 20);
	failed = failed ?: nla_put_u32(msg, TCA_FQ_CODEL_LIMIT, packets);
	failed = failed ?: nla_put_u32(msg, TCA_FQ_CODEL_MEMORY_LIMIT, QUEUE_MEMORY * bytes);
	if (!failed && flows)
		failed = nla_put_u32(msg, TCA_FQ_CODEL_FLOWS, flows);
	nla_nest_end(msg, options);
	return talk(sock, msg, failed);
}

/* Where there is one, a queue that keeps waiting short and flows apart. */
int vps_tc_add_leaf(struct nl_sock *sock, int ifindex, uint32_t minor, uint64_t most)
{
	uint64_t target = FRAME_BITS * 3 / 2 * 1000000 / most;
	uint32_t target_us = target > 5000 ? (uint32_t)target : 5000, bytes;
	uint64_t moment = most / 8 * QUEUE_MS / 1000;
	int rc;

	bytes = moment < QUEUE_LEAST ? QUEUE_LEAST :
		moment > QUEUE_MOST ? QUEUE_MOST : (uint32_t)moment;
	rc = add_codel(sock, ifindex, minor, bytes, target_us, QUEUE_FLOWS);
	if (rc == -EINVAL)
		rc = add_codel(sock, ifindex, minor, bytes, target_us, 0);
	return rc == -ENOENT ? add_fifo(sock, ifindex, minor, bytes) : rc;
}

int vps_tc_remove_class(struct nl_sock *sock, int ifindex, uint32_t minor)
{
	return vps_rtnl_talk(sock, message(RTM_DELTCLASS, 0, ifindex, 0,
					   TC_H_MAKE(1u << 16, minor), 0, NULL));
}
