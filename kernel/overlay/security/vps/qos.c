// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: what their devices may send and get, and what of a line is theirs.
 *
 * The most is held by a queue (tbf) at both ends of a device: at the one inside what the context
 * sends waits, and at the other what it gets. The least is a class (htb) of a line that others
 * have classes of, too. Both are the kernel's own, made by messages and read where they are: what
 * tc shows is what is told here.
 */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/if_ether.h>
#include <linux/math64.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/pkt_sched.h>
#include <net/rtnetlink.h>
#include <net/sch_generic.h>

#include "vnet.h"
#include "vps.h"

/* Bits a second. */
#define RATE_LEAST	8000ULL
#define RATE_MOST	1000000000000ULL

/* What may be sent at once after a pause, and what may have to wait: so much time of the rate. */
#define BURST_PARTS	50
#define QUEUE_PARTS	10
#define QUEUE_LEAST	(64U << 10)
#define QUEUE_MOST	(4U << 20)

/* Of the line; classes of contexts have their numbers. */
#define LINE		TC_H_MAKE(1U << 16, 0)
#define LINE_CLASS	TC_H_MAKE(1U << 16, 1)

/* Of filters there; any, but those that others use first. */
#define PREFERENCE	100U

/* One packet may be 64 KiB before it is cut. */
#define QUANTUM		(128U << 10)

/**
 * struct end - a device that is asked for a queue
 * @net: where it is; held by the context's init process, or by the caller
 * @ifindex: its number there; 0: there is no such end
 * @frame: bytes of its largest packet
 * @name: what it is called
 */
struct end {
	struct net *net;
	int ifindex;
	u32 frame;
	char name[IFNAMSIZ];
};

/* The one inside, and, of a pair, the one in the caller's network. */
enum { INSIDE, PORT, ENDS };

/**
 * struct option - what is said of a queue, a class or a filter
 * @type: TCA_*
 * @size: of @data; 0: it goes without saying
 * @data: its value
 */
struct option {
	int type;
	int size;
	const void *data;
};

/* ---- numbers ---- */

static bool is_rate(u64 rate)
{
	return rate >= RATE_LEAST && rate <= RATE_MOST;
}

/**
 * vps_qos_is - can a device have that?
 * @qos: what somebody says
 *
 * Return: true when it can.
 */
bool vps_qos_is(const struct vps_qos *qos)
{
	if (!qos->ifindex || qos->ifindex > INT_MAX || qos->link > INT_MAX || qos->reserved)
		return false;
	if (qos->max != VPS_UNLIMITED && !is_rate(qos->max))
		return false;
	return !qos->min || (qos->link && is_rate(qos->min) && qos->min <= qos->max);
}

/**
 * vps_qos_burst - what may be sent at once after a pause
 * @bytes: the rate, a second
 * @frame: bytes of the largest packet
 *
 * Return: bytes, of one packet at the least: a larger one would never be sent.
 */
u32 vps_qos_burst(u64 bytes, u32 frame)
{
	return clamp_t(u64, div_u64(bytes, BURST_PARTS), 2 * (u64)frame, U32_MAX);
}

/**
 * vps_qos_queue - what may wait to be sent
 * @bytes: the rate, a second
 * @frame: bytes of the largest packet
 *
 * Return: bytes.
 */
u32 vps_qos_queue(u64 bytes, u32 frame)
{
	u32 least = max(QUEUE_LEAST, 2 * frame);

	return clamp_t(u64, div_u64(bytes, QUEUE_PARTS), least, max(QUEUE_MOST, least));
}

static struct tc_ratespec to_spec(u64 bytes)
{
	return (struct tc_ratespec){
		.linklayer = TC_LINKLAYER_ETHERNET,
		.rate = min_t(u64, bytes, U32_MAX),
	};
}

/* The rate itself, where the other has no room for it. */
static struct option rate64(int type, const u64 *bytes)
{
	return (struct option){ type, *bytes > U32_MAX ? sizeof(*bytes) : 0, bytes };
}

static u32 to_ticks(u32 burst, u64 bytes)
{
	u64 ticks = PSCHED_NS2TICKS(mul_u64_u64_div_u64(burst, NSEC_PER_SEC, bytes));

	return min_t(u64, ticks, U32_MAX);
}

/* ---- ends ---- */

static void describe(const struct net_device *device, struct end *ret_end)
{
	ret_end->net = dev_net(device);
	ret_end->ifindex = device->ifindex;
	ret_end->frame = psched_mtu(device);
	strscpy(ret_end->name, device->name, sizeof(ret_end->name));
}

/* NULL: it is no pair, or its other end somewhere else. Under rtnl. */
static struct net_device *find_port(const struct net_device *device)
{
	const struct rtnl_link_ops *ops = device->rtnl_link_ops;
	struct net *net = current->nsproxy->net_ns;

	if (!ops || strcmp(ops->kind, "veth") || !net_eq(ops->get_link_net(device), net))
		return NULL;
	return __dev_get_by_index(net, dev_get_iflink(device));
}

static int find_ends(struct net *net, u32 ifindex, struct end ret_ends[ENDS])
{
	struct net_device *inside, *port;

	rtnl_lock();
	inside = vps_vnet_device(net, ifindex);
	port = inside ? find_port(inside) : NULL;
	if (inside)
		describe(inside, &ret_ends[INSIDE]);
	if (port)
		describe(port, &ret_ends[PORT]);
	rtnl_unlock();
	return inside ? 0 : -ENODEV;
}

/* ---- messages ---- */

static int ask(struct net *net, int type, int flags, const struct tcmsg *tc, const char *kind,
	       const struct option *options, int count)
{
	struct sk_buff *skb = vps_rtnl_message(type, flags, tc, sizeof(*tc));
	struct nlattr *nest;
	int i;

	if (!skb)
		return -ENOMEM;
	nla_put_string(skb, TCA_KIND, kind);
	if (count) {
		nest = nla_nest_start_noflag(skb, TCA_OPTIONS);
		for (i = 0; i < count; i++) {
			if (options[i].size)
				nla_put(skb, options[i].type, options[i].size, options[i].data);
		}
		nla_nest_end(skb, nest);
	}
	return vps_rtnl_talk(net, skb);
}

/* What is there and is none of ours stays. */
static int remove_most(const struct end *end)
{
	const struct tcmsg tc = { .tcm_ifindex = end->ifindex, .tcm_parent = TC_H_ROOT };
	int err = ask(end->net, RTM_DELQDISC, 0, &tc, "tbf", NULL, 0);

	return err == -EINVAL || err == -ENOENT ? 0 : err;
}

static int set_most(const struct end *end, u64 bytes)
{
	const struct tcmsg tc = { .tcm_ifindex = end->ifindex, .tcm_parent = TC_H_ROOT };
	const u32 burst = vps_qos_burst(bytes, end->frame);
	const struct tc_tbf_qopt params = {
		.rate = to_spec(bytes), .limit = vps_qos_queue(bytes, end->frame),
	};
	const struct option options[] = {
		{ TCA_TBF_PARMS, sizeof(params), &params },
		{ TCA_TBF_BURST, sizeof(burst), &burst },
		rate64(TCA_TBF_RATE64, &bytes),
	};

	return ask(end->net, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, "tbf", options,
		   ARRAY_SIZE(options));
}

static int set_class(const struct end *port, u32 id, const struct vps_qos *qos)
{
	const struct tcmsg tc = {
		.tcm_ifindex = qos->link, .tcm_parent = LINE_CLASS, .tcm_handle = LINE | id,
	};
	const u64 least = div_u64(qos->min, BITS_PER_BYTE);
	const u64 most = div_u64(min(qos->max, RATE_MOST), BITS_PER_BYTE);
	const struct tc_htb_opt params = {
		.rate = to_spec(least), .ceil = to_spec(most), .quantum = QUANTUM,
		.buffer = to_ticks(vps_qos_burst(least, port->frame), least),
		.cbuffer = to_ticks(vps_qos_burst(most, port->frame), most),
	};
	const struct option options[] = {
		{ TCA_HTB_PARMS, sizeof(params), &params },
		rate64(TCA_HTB_RATE64, &least),
		rate64(TCA_HTB_CEIL64, &most),
	};

	return ask(port->net, RTM_NEWTCLASS, NLM_F_CREATE, &tc, "htb", options,
		   ARRAY_SIZE(options));
}

/* What has come in by the port is the context's, and is told so by the port's number. */
static struct tcmsg filter_header(u32 link, const struct end *port)
{
	return (struct tcmsg){
		.tcm_ifindex = link, .tcm_parent = LINE, .tcm_handle = port->ifindex,
		.tcm_info = TC_H_MAKE(PREFERENCE << 16, (__force u32)htons(ETH_P_ALL)),
	};
}

static int set_filter(const struct end *port, u32 id, u32 link)
{
	const struct tcmsg tc = filter_header(link, port);
	const u32 class = LINE | id;
	const struct option options[] = {
		{ TCA_FLOWER_CLASSID, sizeof(class), &class },
		{ TCA_FLOWER_INDEV, strlen(port->name) + 1, port->name },
	};

	return ask(port->net, RTM_NEWTFILTER, NLM_F_CREATE, &tc, "flower", options,
		   ARRAY_SIZE(options));
}

/* Another device of the context may have it still. */
static int remove_class(const struct end *port, u32 id, u32 link)
{
	const struct tcmsg filter = filter_header(link, port);
	const struct tcmsg class = { .tcm_ifindex = link, .tcm_handle = LINE | id };
	int err = ask(port->net, RTM_DELTFILTER, 0, &filter, "flower", NULL, 0);

	err = err ?: ask(port->net, RTM_DELTCLASS, 0, &class, "htb", NULL, 0);
	return err == -EBUSY ? 0 : err;
}

/* ---- setting ---- */

/* The line there, or NULL. Under rtnl. */
static struct Qdisc *find_line(const struct net_device *device)
{
	struct Qdisc *queue = rtnl_dereference(device->qdisc);

	return queue && queue->handle == LINE && !strcmp(queue->ops->id, "htb") ? queue : NULL;
}

/* A class that is below none borrows of nobody, and nobody would say so. */
static bool has_line(struct net *net, u32 link)
{
	struct net_device *device;
	struct Qdisc *line;
	bool has;

	rtnl_lock();
	device = __dev_get_by_index(net, link);
	line = device ? find_line(device) : NULL;
	has = line && line->ops->cl_ops->find(line, LINE_CLASS);
	rtnl_unlock();
	return has;
}

static int set_least(const struct end *port, u32 id, const struct vps_qos *qos)
{
	if (!qos->link)
		return 0;
	if (!port->ifindex)
		return -EXDEV;
	if (!has_line(port->net, qos->link))
		return -ENOLINK;
	if (!qos->min)
		return remove_class(port, id, qos->link);
	return set_class(port, id, qos) ?: set_filter(port, id, qos->link);
}

static int set_ends(u32 id, const struct vps_qos *qos, const struct end ends[ENDS])
{
	int i, err = set_least(&ends[PORT], id, qos);

	for (i = INSIDE; !err && i < ENDS; i++) {
		if (!ends[i].ifindex)
			continue;
		err = qos->max == VPS_UNLIMITED ? remove_most(&ends[i]) :
			set_most(&ends[i], div_u64(qos->max, BITS_PER_BYTE));
	}
	return err;
}

/**
 * vps_qos_set - say how much a device of a context may have, and has to get
 * @context: the context
 * @qos: has been checked
 *
 * Return: 0, or an errno as VC_VNET_QOS of vserver() has them.
 */
long vps_qos_set(struct vps_context *context, const struct vps_qos *qos)
{
	struct end ends[ENDS] = {};
	struct net *net;
	long err;

	/* The first two numbers of classes are the line's, and of what is nobody's. */
	if (qos->link && context->id < VPS_CTX_MIN)
		return -EINVAL;
	net = vps_vnet_get_to_change(context);
	if (IS_ERR(net))
		return PTR_ERR(net);
	err = find_ends(net, qos->ifindex, ends) ?: set_ends(context->id, qos, ends);
	put_net(net);
	return err;
}

/* ---- reading: what is told is what tc is told ---- */

static_assert((int)TCA_TBF_PARMS == (int)TCA_HTB_PARMS && (int)TCA_TBF_MAX <= (int)TCA_HTB_MAX);
static_assert(!offsetof(struct tc_tbf_qopt, rate) && !offsetof(struct tc_htb_opt, rate));

/* 0: nothing has been told. */
static u64 read_rate(const struct sk_buff *skb, int type64)
{
	struct nlattr *tb[TCA_HTB_MAX + 1];
	const struct tc_ratespec *spec;

	if (!skb->len || nla_parse_nested_deprecated(tb, TCA_HTB_MAX, (struct nlattr *)skb->data,
						     NULL, NULL) || !tb[TCA_HTB_PARMS])
		return 0;
	spec = nla_data(tb[TCA_HTB_PARMS]);
	return BITS_PER_BYTE * (tb[type64] ? nla_get_u64(tb[type64]) : spec->rate);
}

static u64 read_most(const struct net_device *device, struct sk_buff *skb)
{
	struct Qdisc *queue = rtnl_dereference(device->qdisc);

	if (queue && !strcmp(queue->ops->id, "tbf"))
		queue->ops->dump(queue, skb);
	return read_rate(skb, TCA_TBF_RATE64) ?: VPS_UNLIMITED;
}

static u64 read_least(const struct net_device *link, u32 id, struct sk_buff *skb)
{
	struct Qdisc *line = find_line(link);
	struct tcmsg tc;
	unsigned long class = line ? line->ops->cl_ops->find(line, LINE | id) : 0;

	if (class)
		line->ops->cl_ops->dump(line, class, skb, &tc);
	return read_rate(skb, TCA_HTB_RATE64);
}

/* Under rtnl. */
static int read_rates(struct net *net, u32 id, struct vps_qos *qos, struct sk_buff *skb)
{
	struct net_device *inside = vps_vnet_device(net, qos->ifindex), *link = NULL;

	if (qos->link)
		link = __dev_get_by_index(current->nsproxy->net_ns, qos->link);
	if (!inside || (qos->link && !link))
		return -ENODEV;
	qos->max = read_most(inside, skb);
	skb_trim(skb, 0);
	qos->min = link ? read_least(link, id, skb) : 0;
	return 0;
}

/**
 * vps_qos_get - how much a device of a context may have, and gets at the least
 * @context: the context
 * @qos: which device, and which line; has been checked; gets the rates
 *
 * Return: 0, -ENONET, -ENODEV or -ENOMEM.
 */
long vps_qos_get(struct vps_context *context, struct vps_qos *qos)
{
	struct net *net = vps_vnet_get(context);
	struct sk_buff *skb;
	long err = -ENOMEM;

	if (IS_ERR(net))
		return PTR_ERR(net);
	skb = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (skb) {
		rtnl_lock();
		err = read_rates(net, context->id, qos, skb);
		rtnl_unlock();
	}
	kfree_skb(skb);
	put_net(net);
	return err;
}
