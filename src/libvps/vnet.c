// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The device of a VPS on a bridge: a pair, one end on the host and a port of the bridge, the other
 * inside. All that the host has of it is found again by the context's number and what its group
 * remembers, which is written before there is a device: whoever is killed leaves nothing that the
 * next one does not find. One at a time holds vps_pins_lock().
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/stat.h>

#include "context.h"
#include "guard.h"
#include "pins.h"
#include "qos.h"
#include "traffic.h"
#include "util.h"
#include "vnet.h"

/**
 * struct work - one change under way
 * @group, @lock: closed by work_end()
 * @bridge, @others: found by vps_vnet_check()
 */
struct work {
	struct vps_host *host;
	uint32_t id;
	int group;
	int lock;
	struct nl_sock *sock;
	struct vps_link bridge;
	struct vps_vnet_others others;
	struct vps_vnet_note note;
};

static void work_end(struct work *work)
{
	vps_rtnl_closep(&work->sock);
	closep(&work->lock);
	closep(&work->group);
}

static int lock_and_open(struct work *work, struct vps_fault *fault)
{
	int rc;

	work->lock = vps_pins_lock();
	if (work->lock < 0)
		return vps_fault(fault, work->lock, "lock", VPS_PINS);
	rc = vps_rtnl_open(&work->sock);
	return rc ? vps_fault(fault, rc, "ask the kernel for devices", "") : 0;
}

static int work_begin(struct work *work, struct vps_host *host, uint32_t id,
		      struct vps_fault *fault)
{
	*work = (struct work){ .host = host, .id = id, .lock = -1 };
	work->group = vps_group_open(&host->cg, id);
	if (work->group < 0) {
		if (work->group == -ENOENT)
			return vps_refuse(fault, -ENOENT, "no such context", "");
		return vps_fault(fault, work->group, "open its group", "");
	}
	return lock_and_open(work, fault);
}

static int lacks(struct vps_fault *fault, int rc, const char *what, const char *step,
		 const char *object)
{
	if (rc == -ENOENT || rc == -EOPNOTSUPP || rc == -ENOSYS)
		return vps_refuse(fault, -ENOTSUP, what, object);
	return rc ? vps_fault(fault, rc, step, object) : 0;
}

/* ---- making ------------------------------------------------------------------------ */

static int put_end(struct nl_msg *msg, const char *name, const unsigned char mac[VPS_MAC_LEN],
		   unsigned int mtu)
{
	int failed = nla_put_string(msg, IFLA_IFNAME, name);

	failed = failed ?: nla_put(msg, IFLA_ADDRESS, VPS_MAC_LEN, mac);
	return failed ?: nla_put_u32(msg, IFLA_MTU, mtu);
}

/* The VPS's end: a header of its own, and what it is to be. */
static int put_peer(struct nl_msg *msg, const struct work *work)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	unsigned char mac[VPS_MAC_LEN];
	char name[IFNAMSIZ];
	struct nlattr *kind, *data, *peer;
	int failed;

	kind = nla_nest_start(msg, IFLA_LINKINFO);
	if (!kind || nla_put_string(msg, IFLA_INFO_KIND, "veth"))
		return -ENOMEM;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	peer = data ? nla_nest_start(msg, VETH_INFO_PEER) : NULL;
	if (!peer || nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO))
		return -ENOMEM;
	vps_vnet_peer_name(work->id, name);
	vps_vnet_peer_mac(work->id, mac);
	failed = put_end(msg, name, mac, work->note.vnet.mtu ?: work->bridge.mtu);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, data);
	nla_nest_end(msg, kind);
	return failed;
}

/* The MTU of the VPS's end is only its own: a bridge would take the least of its ports'. */
static int make_pair(const struct work *work, const char *name)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = vps_rtnl_message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
					      &info, sizeof(info));
	unsigned char mac[VPS_MAC_LEN];

	vps_vnet_port_mac(work->id, mac);
	if (msg && (put_end(msg, name, mac, work->bridge.mtu) || put_peer(msg, work))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return vps_rtnl_talk(work->sock, msg);
}

/* The host has nothing to say through it but what the bridge forwards. */
static int silence(struct nl_sock *sock, int ifindex)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = vps_rtnl_message(RTM_NEWLINK, NLM_F_ACK, &info, sizeof(info));
	struct nlattr *families = msg ? nla_nest_start(msg, IFLA_AF_SPEC) : NULL;
	struct nlattr *ip6 = families ? nla_nest_start(msg, AF_INET6) : NULL;
	int rc;

	if (!ip6 || nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nla_nest_end(msg, ip6);
	nla_nest_end(msg, families);
	rc = vps_rtnl_talk(sock, msg);
	return rc == -EAFNOSUPPORT ? 0 : rc;
}

static int plug_in(struct nl_sock *sock, int ifindex, int bridge)
{
	struct ifinfomsg info = {
		.ifi_family = AF_UNSPEC, .ifi_index = ifindex,
		.ifi_flags = IFF_UP, .ifi_change = IFF_UP,
	};
	struct nl_msg *msg = vps_rtnl_message(RTM_NEWLINK, NLM_F_ACK, &info, sizeof(info));

	if (msg && nla_put_u32(msg, IFLA_MASTER, (uint32_t)bridge)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return vps_rtnl_talk(sock, msg);
}

/* Whatever is there of an earlier start goes; a device that is not ours stays. */
static int clear_name(struct work *work, const char *name, struct vps_fault *fault)
{
	struct vps_link link;
	uint32_t id;
	int rc = vps_rtnl_link(work->sock, name, &link);

	if (rc)
		return rc == -ENODEV ? 0 : vps_fault(fault, rc, "look at", name);
	if (!vps_vnet_is_port(&link, &id))
		return vps_refuse(fault, -EEXIST, "is a device of somebody else", name);
	rc = vps_rtnl_remove_link(work->sock, link.ifindex);
	vps_guard_end(link.ifindex);
	return rc && rc != -ENODEV ? vps_fault(fault, rc, "remove", name) : 0;
}

#define NO_GUARD "this kernel lacks BPF, or filters of devices (CONFIG_NET_SCH_INGRESS," \
		 " CONFIG_NET_CLS_BPF)"

/* Where the programs for sockets cannot be, a context is made without an account. */
static int ensure_account(struct work *work, struct vps_fault *fault)
{
	struct vps_context_info info;
	int rc = vps_context_info(work->host, work->id, &info);

	rc = rc ?: vps_traffic_ensure(work->host, work->group, work->id, info.name);
	return rc ? vps_fault(fault, rc, "begin its account of traffic", "") : 0;
}

static int guard_port(struct work *work, struct vps_fault *fault)
{
	const struct vps_vnet *vnet = &work->note.vnet;
	unsigned char mac[VPS_MAC_LEN];
	uint64_t account;
	int rc = vps_group_cgroup_id(work->group, &account);

	vps_vnet_peer_mac(work->id, mac);
	rc = rc ?: vps_guard_begin(work->sock, work->note.port, work->id, account, mac);
	for (size_t i = 0; !rc && i < vnet->addr_count; i++)
		rc = vps_guard_allow(work->sock, work->note.port, &vnet->addrs[i]);
	return lacks(fault, rc, NO_GUARD, "guard", vnet->bridge);
}

/* ---- rates -------------------------------------------------------------------------- */

static struct vps_qos qos_of(uint32_t id, const struct vps_vnet_note *note)
{
	return (struct vps_qos){
		.id = id, .port = note->port,
		.min = note->vnet.rate_min, .max = note->vnet.rate_max,
	};
}

/* Those that were there before anybody had a rate: they too could take what is warranted. */
static int put_others_on(const struct work *work, struct vps_fault *fault)
{
	_cleanup_(freep) uint32_t *ids = NULL;
	struct vps_vnet_note note;
	struct vps_link link;
	size_t count;
	int rc = vps_context_list(work->host, &ids, &count);

	if (rc)
		return vps_fault(fault, rc, "list contexts", "");
	for (size_t i = 0; !rc && i < count; i++) {
		_cleanup_(closep) int group = vps_group_open(&work->host->cg, ids[i]);
		struct vps_qos qos;

		if (group < 0 || ids[i] == work->id || vps_vnet_read(group, &note) ||
		    note.bridge != work->bridge.ifindex ||
		    vps_rtnl_link_at(work->sock, note.port, &link))
			continue;
		qos = qos_of(ids[i], &note);
		rc = vps_qos_set(work->sock, work->bridge.ifindex, &qos, fault);
	}
	if (rc)
		return rc;
	rc = vps_qos_commit(work->sock, work->bridge.ifindex);
	return rc ? vps_fault(fault, rc, "put all VPSes on the rates of", work->bridge.name) : 0;
}

/*
 * Once a VPS of the bridge has a rate, all go through the devices that hold rates, until the last
 * VPS of the bridge is gone.
 */
static int set_rates(const struct work *work, struct vps_fault *fault)
{
	const struct vps_vnet *vnet = &work->note.vnet;
	int bridge = work->bridge.ifindex, rc;
	bool on = vps_qos_is_on(work->sock, bridge);
	struct vps_qos qos = qos_of(work->id, &work->note);

	if (!on && !work->others.rated && !vnet->rate_min && !vnet->rate_max)
		return 0;
	rc = vps_qos_begin(work->sock, bridge,
			   vps_vnet_line(work->sock, bridge, vnet, &work->others), fault);
	rc = rc ?: vps_qos_set(work->sock, bridge, &qos, fault);
	return rc || on ? rc : put_others_on(work, fault);
}

/* ---- the whole device ------------------------------------------------------------------ */

static void remove_all(struct nl_sock *sock, struct vps_host *host, uint32_t id,
		       const struct vps_vnet_note *note)
{
	struct vps_vnet_others others;
	struct vps_link link;
	char name[IFNAMSIZ];
	uint32_t owner;

	vps_vnet_port_name(id, name);
	/* Where nothing is noted yet it is what was being made. */
	if (!vps_rtnl_link(sock, name, &link) && vps_vnet_is_port(&link, &owner) &&
	    (!note->port || link.ifindex == note->port)) {
		vps_rtnl_remove_link(sock, link.ifindex);
		vps_guard_end(link.ifindex);
	}
	vps_guard_end(note->port);
	for (size_t i = 0; i < note->vnet.addr_count; i++)
		vps_guard_forbid(note->port, &note->vnet.addrs[i]);
	vps_qos_remove(sock, note->bridge, id);
	if (!vps_vnet_look_around(host, sock, id, note->bridge, &others) && !others.count)
		vps_qos_end(sock, note->bridge);
}

/* What the guard knows of a device before, which went with the network that it was in. */
static int forget_port(struct work *work, struct vps_fault *fault)
{
	int port = work->note.port, rc;

	if (!port)
		return 0;
	vps_guard_end(port);
	for (size_t i = 0; i < work->note.vnet.addr_count; i++)
		vps_guard_forbid(port, &work->note.vnet.addrs[i]);
	work->note.port = 0;
	rc = vps_vnet_write(work->group, &work->note);
	return rc ? vps_fault(fault, rc, "note the device", "") : 0;
}

/* The pair, guarded before it is plugged in, as work->note says. */
static int build(struct work *work, struct vps_fault *fault)
{
	char name[IFNAMSIZ];
	struct vps_link link;
	int rc;

	vps_vnet_port_name(work->id, name);
	rc = forget_port(work, fault) ?: clear_name(work, name, fault);
	if (rc)
		return rc;
	/* Before there is a device, so that who looks for one finds that there may be. */
	rc = vps_guard_prepare();
	if (rc)
		return lacks(fault, rc, NO_GUARD, "load the guard of", name);
	rc = make_pair(work, name);
	if (rc)
		return lacks(fault, rc, "this kernel lacks veth devices (CONFIG_VETH)",
			     "make the device", name);
	rc = vps_rtnl_link(work->sock, name, &link);
	if (rc)
		return vps_fault(fault, rc, "look at", name);
	work->note.port = link.ifindex;
	work->note.bridge = work->bridge.ifindex;
	rc = vps_vnet_write(work->group, &work->note);
	if (rc)
		return vps_fault(fault, rc, "note the device", name);
	rc = ensure_account(work, fault) ?: guard_port(work, fault);
	rc = rc ?: set_rates(work, fault);
	if (rc)
		return rc;
	rc = silence(work->sock, link.ifindex) ?:
	     plug_in(work->sock, link.ifindex, work->bridge.ifindex);
	return rc ? vps_fault(fault, rc, "plug the device into", work->bridge.name) : 0;
}

/* ---- of contexts ------------------------------------------------------------------------ */

/* The first process of what runs in a network of its own; 0: nothing runs. */
static int running_in(struct work *work, pid_t *ret_pid, struct vps_fault *fault)
{
	_cleanup_(closep) int own = vps_rtnl_netns(0);
	_cleanup_(closep) int netns = -1;
	struct vps_context_info info;
	struct stat a, b;
	int rc = vps_context_info(work->host, work->id, &info);

	if (rc)
		return vps_fault(fault, rc, "look at the context", "");
	*ret_pid = 0;
	if (!info.init)
		return info.state == VPS_STATE_RUNNING ?
			vps_refuse(fault, -ESRCH, "its first process is gone", "") : 0;
	netns = vps_rtnl_netns(info.init);
	if (netns == -EACCES)
		return vps_refuse(fault, netns, "is private", info.name);
	if (own < 0 || netns < 0 || fstat(own, &a) < 0 || fstat(netns, &b) < 0)
		return vps_fault(fault, -ESRCH, "look at its network", "");
	if (a.st_ino == b.st_ino)
		return vps_refuse(fault, -EBUSY, "runs in the host's network", info.name);
	*ret_pid = info.init;
	return 0;
}

static int check(struct work *work, const struct vps_vnet *vnet, struct vps_fault *fault)
{
	return vps_vnet_check(work->host, work->sock, work->id, vnet, &work->bridge,
			      &work->others, fault);
}

static int add(struct work *work, const struct vps_vnet *vnet, struct vps_fault *fault)
{
	struct vps_vnet_note before;
	pid_t pid;
	int rc;

	if (!vps_vnet_read(work->group, &before))
		return vps_refuse(fault, -EEXIST, "the context has a device on a bridge already",
				  before.vnet.bridge);
	rc = running_in(work, &pid, fault) ?: check(work, vnet, fault);
	if (rc)
		return rc;
	work->note = (struct vps_vnet_note){ .vnet = *vnet, .bridge = work->bridge.ifindex };
	rc = vps_vnet_write(work->group, &work->note);
	if (rc)
		return vps_fault(fault, rc, "note the device", "");
	rc = build(work, fault);
	if (!rc && pid)
		rc = vps_vnet_move_in(work->sock, work->id, &work->note, pid, fault);
	if (rc) {
		remove_all(work->sock, work->host, work->id, &work->note);
		vps_vnet_forget(work->group);
	}
	return rc;
}

int vps_vnet_add(struct vps_host *host, uint32_t id, const struct vps_vnet *vnet,
		 struct vps_fault *fault)
{
	struct work work;
	int rc = work_begin(&work, host, id, fault) ?: add(&work, vnet, fault);

	work_end(&work);
	return rc;
}

int vps_vnet_expect(int group, struct vps_fault *fault)
{
	struct vps_vnet_note note;

	if (vps_vnet_read(group, &note))
		return vps_refuse(fault, -ENODATA, "the context has no device on a bridge;"
				  " vnet add gives it one", "");
	return 0;
}

/* Is the device there as it was made, and waits? If not it went with the process before. */
static bool is_waiting(const struct work *work)
{
	char name[IFNAMSIZ], peer[IFNAMSIZ];
	struct vps_link link, other;

	vps_vnet_port_name(work->id, name);
	vps_vnet_peer_name(work->id, peer);
	return !vps_rtnl_link(work->sock, name, &link) && link.ifindex == work->note.port &&
	       !vps_rtnl_link(work->sock, peer, &other) && link.peer == other.ifindex &&
	       work->note.bridge == work->bridge.ifindex && link.master == work->note.bridge;
}

/* What was true when it was added may not be any more: it may have waited for long. */
static int enter(struct work *work, pid_t pid, struct vps_fault *fault)
{
	int rc = vps_vnet_read(work->group, &work->note);

	if (rc)
		return vps_fault(fault, rc, "read what device it has", "");
	rc = check(work, &work->note.vnet, fault);
	if (rc)
		return rc;
	rc = is_waiting(work) ? set_rates(work, fault) : build(work, fault);
	return rc ?: vps_vnet_move_in(work->sock, work->id, &work->note, pid, fault);
}

int vps_vnet_enter(struct vps_host *host, uint32_t id, int group, pid_t pid,
		   struct vps_fault *fault)
{
	struct work work = { .host = host, .id = id, .group = group, .lock = -1 };
	int rc = lock_and_open(&work, fault) ?: enter(&work, pid, fault);

	work.group = -1;
	work_end(&work);
	return rc;
}

/* ---- changing ------------------------------------------------------------------------ */

/* -1: it has not. */
static int find_addr(const struct vps_vnet *vnet, const struct vps_addr *addr)
{
	for (size_t i = 0; i < vnet->addr_count; i++)
		if (vps_addr_equal(&vnet->addrs[i], addr))
			return (int)i;
	return -1;
}

static int refuse_addr(struct vps_fault *fault, int err, const char *why,
		       const struct vps_addr *addr)
{
	char text[VPS_ADDR_TEXT_MAX];

	vps_format_addr(addr, text);
	return vps_refuse(fault, err, why, text);
}

static int apply_addrs(const struct vps_vnet_change *change, struct vps_vnet *vnet,
		       struct vps_fault *fault)
{
	for (size_t i = 0; i < change->gone_count; i++) {
		int at = find_addr(vnet, &change->gone[i]);

		if (at < 0)
			return refuse_addr(fault, -EADDRNOTAVAIL, "it has no such address",
					   &change->gone[i]);
		vnet->addr_count--;
		memmove(&vnet->addrs[at], &vnet->addrs[at + 1],
			(vnet->addr_count - (size_t)at) * sizeof(*vnet->addrs));
	}
	for (size_t i = 0; i < change->added_count; i++) {
		if (find_addr(vnet, &change->added[i]) >= 0)
			return refuse_addr(fault, -EEXIST, "it has this address already",
					   &change->added[i]);
		if (vnet->addr_count == VPS_ADDRS_MAX)
			return refuse_addr(fault, -E2BIG, "a VPS has 256 at the most",
					   &change->added[i]);
		vnet->addrs[vnet->addr_count++] = change->added[i];
	}
	return 0;
}

static int apply(const struct vps_vnet_change *change, struct vps_vnet *vnet,
		 struct vps_fault *fault)
{
	if (change->rate_min != VPS_RATE_KEEP)
		vnet->rate_min = change->rate_min;
	if (change->rate_max != VPS_RATE_KEEP)
		vnet->rate_max = change->rate_max;
	if (change->rate_link != VPS_RATE_KEEP)
		vnet->rate_link = change->rate_link;
	return apply_addrs(change, vnet, fault);
}

/*
 * From @before to what work->note says; @there: the device is. Whenever this is cut short, nothing
 * may be sent from an address that the note does not tell of, and that so may be given to another.
 */
static int take_effect(struct work *work, const struct vps_vnet *before, bool there, pid_t pid,
		       struct vps_fault *fault)
{
	const struct vps_vnet *vnet = &work->note.vnet;
	int rc;

	for (size_t i = 0; there && i < before->addr_count; i++)
		if (find_addr(vnet, &before->addrs[i]) < 0)
			vps_guard_forbid(work->note.port, &before->addrs[i]);
	rc = vps_vnet_write(work->group, &work->note);
	if (rc)
		return vps_fault(fault, rc, "note the device", "");
	for (size_t i = 0; there && !rc && i < vnet->addr_count; i++)
		if (find_addr(before, &vnet->addrs[i]) < 0)
			rc = vps_guard_allow(work->sock, work->note.port, &vnet->addrs[i]);
	if (rc)
		return vps_fault(fault, rc, "allow its addresses", "");
	rc = there ? set_rates(work, fault) : 0;
	if (rc || !there || !pid)
		return rc;
	return vps_vnet_change_inside(work->sock, work->id, before, vnet, pid, fault);
}

static int change(struct work *work, const struct vps_vnet_change *asked,
		  struct vps_fault *fault)
{
	struct vps_vnet before, after;
	struct vps_link link;
	pid_t pid = 0;
	bool there;
	int rc = vps_vnet_read(work->group, &work->note);

	if (rc)
		return vps_vnet_expect(work->group, fault) ?: rc;
	before = after = work->note.vnet;
	rc = apply(asked, &after, fault);
	if (!rc && asked->added_count)
		rc = running_in(work, &pid, fault);
	else if (!rc && asked->gone_count)
		(void)running_in(work, &pid, NULL);
	rc = rc ?: check(work, &after, fault);
	if (rc)
		return rc;
	/* It may be made only with the next first process, or be removed by the VPS's root. */
	there = !vps_rtnl_link_at(work->sock, work->note.port, &link);
	work->note.vnet = after;
	rc = take_effect(work, &before, there, pid, fault);
	if (rc) {
		work->note.vnet = before;
		(void)take_effect(work, &after, there, pid, NULL);
	}
	return rc;
}

int vps_vnet_change(struct vps_host *host, uint32_t id, const struct vps_vnet_change *asked,
		    struct vps_fault *fault)
{
	struct work work;
	int rc = work_begin(&work, host, id, fault) ?: change(&work, asked, fault);

	work_end(&work);
	return rc;
}

int vps_vnet_get(struct vps_host *host, uint32_t id, struct vps_vnet_state *ret_state)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	_cleanup_(vps_rtnl_closep) struct nl_sock *sock = NULL;
	struct vps_vnet_state state = { .present = false };
	struct vps_vnet_note note;
	struct vps_link link;
	int rc;

	if (group < 0)
		return group;
	rc = vps_vnet_read(group, &note) ?: vps_rtnl_open(&sock);
	if (rc)
		return rc;
	state.vnet = note.vnet;
	vps_vnet_port_name(id, state.device);
	vps_vnet_peer_mac(id, state.mac);
	state.present = !vps_rtnl_link(sock, state.device, &link) && link.ifindex == note.port;
	state.mtu = note.vnet.mtu ?: state.present ? link.mtu : 0;
	*ret_state = state;
	return 0;
}

int vps_vnet_remove(struct vps_host *host, uint32_t id, struct vps_fault *fault)
{
	struct work work;
	int rc = work_begin(&work, host, id, fault);

	if (!rc && vps_vnet_read(work.group, &work.note))
		rc = vps_vnet_expect(work.group, fault);
	else if (!rc) {
		remove_all(work.sock, host, id, &work.note);
		rc = vps_vnet_forget(work.group);
		if (rc)
			vps_fault(fault, rc, "forget the device", "");
	}
	work_end(&work);
	return rc;
}

void vps_vnet_end(struct vps_host *host, uint32_t id, int group)
{
	struct work work = { .host = host, .id = id, .group = -1, .lock = -1 };

	if (vps_vnet_read(group, &work.note))
		return;
	/* What cannot be removed now, vps_vnet_sweep() removes. */
	if (!lock_and_open(&work, NULL)) {
		remove_all(work.sock, host, id, &work.note);
		vps_vnet_forget(group);
	}
	work_end(&work);
}

/* ---- what is left behind ------------------------------------------------------------------ */

/* Is it of a context that is gone or knows nothing of it, or of a bridge without a VPS? */
static bool is_left(const struct work *work, const struct vps_link *link)
{
	_cleanup_(closep) int group = -1;
	struct vps_vnet_others others;
	struct vps_vnet_note note;
	int bridge, rc;
	uint32_t id;

	if (vps_qos_is_device(link, &bridge))
		return !vps_vnet_look_around(work->host, work->sock, VPS_ID_ANY, bridge,
					     &others) && !others.count;
	if (!vps_vnet_is_port(link, &id))
		return false;
	group = vps_group_open(&work->host->cg, id);
	rc = group < 0 ? group : vps_vnet_read(group, &note);
	return rc == -ENOENT || rc == -ENODATA || (!rc && note.port != link->ifindex);
}

static int sweep(struct work *work, void (*told)(const char *device, void *data), void *data)
{
	_cleanup_(freep) struct vps_link *links = NULL;
	size_t count;
	int rc = vps_rtnl_links(work->sock, &links, &count);

	for (size_t i = 0; !rc && i < count; i++) {
		if (!is_left(work, &links[i]))
			continue;
		rc = vps_rtnl_remove_link(work->sock, links[i].ifindex);
		rc = rc == -ENODEV ? 0 : rc;
		if (!rc && told)
			told(links[i].name, data);
	}
	return rc ?: vps_guard_shed(work->sock);
}

int vps_vnet_sweep(struct vps_host *host, void (*told)(const char *device, void *data),
		   void *data, struct vps_fault *fault)
{
	struct work work = { .host = host, .group = -1, .lock = -1 };
	int rc;

	/* Where BPF is not there, or nobody ever had a device, nothing is made for looking. */
	if (!vps_guard_was_used())
		return 0;
	rc = lock_and_open(&work, fault);
	if (!rc) {
		rc = sweep(&work, told, data);
		if (rc)
			vps_fault(fault, rc, "remove what is left", "");
	}
	work_end(&work);
	return rc;
}
