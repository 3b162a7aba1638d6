// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: devices in a network of their own.
 *
 * The network is that of the init process, and what is in it is asked of it: nothing is noted
 * here, so nothing is left behind when it goes. What makes devices and queues is reached by
 * messages of rtnetlink, which are the caller's as if a program of his had sent them: what they
 * may, and which module they need, is decided there.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/if_link.h>
#include <linux/inetdevice.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/rtnetlink.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/veth.h>
#include <net/if_inet6.h>
#include <net/addrconf.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "vnet.h"
#include "vps.h"

/* More than any message here has, so that no attribute is ever without room. */
#define MESSAGE_SIZE	1024

/* ---- messages ---- */

/**
 * vps_rtnl_message - begin a message
 * @type: RTM_*
 * @flags: NLM_F_*, but for what all have
 * @header: that of its family
 * @size: of @header
 *
 * Return: the message, which has room for attributes, or NULL.
 */
struct sk_buff *vps_rtnl_message(int type, int flags, const void *header, size_t size)
{
	struct sk_buff *skb = nlmsg_new(MESSAGE_SIZE, GFP_KERNEL);
	struct nlmsghdr *nlh;

	if (!skb)
		return NULL;
	nlh = nlmsg_put(skb, 0, 0, type, size, NLM_F_REQUEST | NLM_F_ACK | flags);
	memcpy(nlmsg_data(nlh), header, size);
	return skb;
}

static int send(struct socket *sock, struct sk_buff *skb)
{
	/* To say whom it is for spares it being asked who has opened the socket. */
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	struct kvec vec = { .iov_base = skb->data, .iov_len = skb->len };
	int sent = kernel_sendmsg(sock, &msg, &vec, 1, skb->len);

	return min(sent, 0);
}

/* It has been answered when it has been sent. */
static int receive(struct socket *sock)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr said;
	} answer = {};
	struct kvec vec = { .iov_base = &answer, .iov_len = sizeof(answer) };
	struct msghdr msg = {};
	int got = kernel_recvmsg(sock, &msg, &vec, 1, sizeof(answer), MSG_DONTWAIT);

	if (got < 0)
		return got;
	return answer.header.nlmsg_type == NLMSG_ERROR ? answer.said.error : -EPROTO;
}

/**
 * vps_rtnl_talk - have a message done
 * @net: network namespace that it is about; held by the caller
 * @skb: the message, or NULL; is freed
 *
 * Return: 0, -ENOMEM, or what it is answered.
 */
int vps_rtnl_talk(struct net *net, struct sk_buff *skb)
{
	struct socket *sock;
	int err;

	if (!skb)
		return -ENOMEM;
	/* Where the header stands the length is of what there was at first. */
	nlmsg_end(skb, nlmsg_hdr(skb));
	err = sock_create_kern(net, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &sock);
	if (!err) {
		err = send(sock, skb) ?: receive(sock);
		sock_release(sock);
	}
	nlmsg_free(skb);
	return err;
}

/* ---- may these values be? ---- */

static bool is_name(const char *name)
{
	size_t length = strnlen(name, VPS_DEVICE_SIZE);

	return length < VPS_DEVICE_SIZE && dev_valid_name(name) &&
	       !strchr(name, '%') && !memchr_inv(name + length, 0, VPS_DEVICE_SIZE - length);
}

/**
 * vps_device_is - can there be such a device?
 * @device: what somebody says of one that is to be made
 *
 * Return: true when both its ends have names, and neither has a number.
 */
bool vps_device_is(const struct vps_device *device)
{
	return !device->ifindex && is_name(device->name) && is_name(device->port);
}

/**
 * vps_device_is_index - does it say which device, and no more?
 * @device: what somebody says of one that there is
 *
 * Return: true when it does.
 */
bool vps_device_is_index(const struct vps_device *device)
{
	return device->ifindex && device->ifindex <= INT_MAX &&
	       !memchr_inv(device->name, 0, sizeof(device->name) + sizeof(device->port));
}

/* ---- the network ---- */

/**
 * vps_vnet_get - the network of a context, if it has one of its own
 * @context: the context
 *
 * Return: it, held, or -ENONET: there is no init process, or it is in the machine's.
 */
struct net *vps_vnet_get(struct vps_context *context)
{
	struct task_struct *init = vps_context_init(context);
	struct net *net = NULL;

	if (!init)
		return ERR_PTR(-ENONET);
	task_lock(init);
	if (init->nsproxy && !net_eq(init->nsproxy->net_ns, &init_net))
		net = get_net(init->nsproxy->net_ns);
	task_unlock(init);
	put_task_struct(init);
	return net ?: ERR_PTR(-ENONET);
}

/**
 * vps_vnet_get_to_change - the network of a context, for who changes it
 * @context: the context
 *
 * What a message of rtnetlink is asked is asked of all that is done.
 *
 * Return: it, held, -EPERM or -ENONET.
 */
struct net *vps_vnet_get_to_change(struct vps_context *context)
{
	return capable(CAP_NET_ADMIN) ? vps_vnet_get(context) : ERR_PTR(-EPERM);
}

static bool is_shown(const struct net_device *device)
{
	return !(device->flags & IFF_LOOPBACK);
}

/**
 * vps_vnet_device - a device of a context
 * @net: its network
 * @ifindex: number of the device there
 *
 * Return: it, or NULL. Under rtnl.
 */
struct net_device *vps_vnet_device(struct net *net, u32 ifindex)
{
	struct net_device *device = __dev_get_by_index(net, ifindex);

	return device && is_shown(device) ? device : NULL;
}

/* ---- making ---- */

static int make_pair(struct net *net, const struct vps_device *device)
{
	const struct ifinfomsg info = {};
	struct sk_buff *skb = vps_rtnl_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info,
					       sizeof(info));
	struct nlattr *link, *data, *port;

	if (!skb)
		return -ENOMEM;
	nla_put_string(skb, IFLA_IFNAME, device->name);
	link = nla_nest_start(skb, IFLA_LINKINFO);
	nla_put_string(skb, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(skb, IFLA_INFO_DATA);
	port = nla_nest_start(skb, VETH_INFO_PEER);
	skb_put_data(skb, &info, sizeof(info));
	nla_put_string(skb, IFLA_IFNAME, device->port);
	/* The caller's network: found in its own pid namespace. */
	nla_put_u32(skb, IFLA_NET_NS_PID, task_pid_vnr(current));
	nla_nest_end(skb, port);
	nla_nest_end(skb, data);
	nla_nest_end(skb, link);
	return vps_rtnl_talk(net, skb);
}

/* Who has CAP_NET_ADMIN inside may have given it another name by now. */
static long find_index(struct net *net, const char *name)
{
	struct net_device *device;
	long ifindex;

	rcu_read_lock();
	device = dev_get_by_name_rcu(net, name);
	ifindex = device ? device->ifindex : -ENODEV;
	rcu_read_unlock();
	return ifindex;
}

/**
 * vps_vnet_create - make a device in the network of a context, and its other end in the caller's
 * @context: the context
 * @device: names of both; have been checked
 *
 * Return: number of the device inside, or an errno as VC_VNET_DEVICE of vserver() has them.
 */
long vps_vnet_create(struct vps_context *context, const struct vps_device *device)
{
	struct net *net = vps_vnet_get_to_change(context);
	long ret;

	if (IS_ERR(net))
		return PTR_ERR(net);
	ret = make_pair(net, device) ?: find_index(net, device->name);
	put_net(net);
	return ret;
}

/* ---- moving and removing ---- */

/* Under rtnl. Its number becomes another one when that is taken there. */
static long move(struct net_device *device, struct net *net)
{
	return dev_change_net_namespace(device, net, NULL) ?: device->ifindex;
}

/**
 * vps_vnet_attach - move a device of the caller's network into that of a context
 * @context: the context
 * @device: number of the device; has been checked
 *
 * Return: its number there, or an errno as VC_VNET_ATTACH of vserver() has them.
 */
long vps_vnet_attach(struct vps_context *context, const struct vps_device *device)
{
	struct net *net = vps_vnet_get_to_change(context);
	struct net_device *found;
	long ret = -ENODEV;

	if (IS_ERR(net))
		return PTR_ERR(net);
	rtnl_lock();
	found = __dev_get_by_index(current->nsproxy->net_ns, device->ifindex);
	if (found)
		ret = move(found, net);
	rtnl_unlock();
	put_net(net);
	return ret;
}

/**
 * vps_vnet_destroy - take a device from the network of a context
 * @context: the context
 * @device: number of the device there; has been checked
 *
 * One that nobody can remove, which stands for hardware, becomes one of the caller's network.
 *
 * Return: 0, or an errno as VC_VNET_DESTROY of vserver() has them.
 */
long vps_vnet_destroy(struct vps_context *context, const struct vps_device *device)
{
	struct net *net = vps_vnet_get_to_change(context);
	struct net_device *found;
	long ret = -ENODEV;

	if (IS_ERR(net))
		return PTR_ERR(net);
	rtnl_lock();
	found = vps_vnet_device(net, device->ifindex);
	if (found)
		ret = rtnl_delete_link(found, 0, NULL);
	if (ret == -EOPNOTSUPP)
		ret = min(move(found, current->nsproxy->net_ns), 0L);
	rtnl_unlock();
	put_net(net);
	return ret;
}

/* ---- telling ---- */

static void describe(const struct net_device *device, struct vps_device *ret_item)
{
	ret_item->size = sizeof(*ret_item);
	ret_item->ifindex = device->ifindex;
	strscpy(ret_item->name, device->name, sizeof(ret_item->name));
}

/* Under rtnl, so that it counts what it tells. */
static long list_devices(struct net *net, struct vps_device **ret_list)
{
	struct net_device *device;
	long count = 0, i = 0;

	for_each_netdev(net, device)
		count += is_shown(device);
	if (!ret_list)
		return count;
	*ret_list = kvcalloc(count, sizeof(**ret_list), GFP_KERNEL_ACCOUNT);
	if (!*ret_list)
		return -ENOMEM;
	for_each_netdev(net, device) {
		if (is_shown(device))
			describe(device, &(*ret_list)[i++]);
	}
	return count;
}

/**
 * vps_vnet_list - the devices in the network of a context
 * @context: the context
 * @ret_list: becomes what the caller frees by kvfree(); NULL: only their number is asked for
 *
 * Return: how many there are, -ENONET or -ENOMEM.
 */
long vps_vnet_list(struct vps_context *context, struct vps_device **ret_list)
{
	struct net *net = vps_vnet_get(context);
	long count;

	if (IS_ERR(net))
		return PTR_ERR(net);
	rtnl_lock();
	count = list_devices(net, ret_list);
	rtnl_unlock();
	put_net(net);
	return count;
}

static void show_name(struct seq_file *seq, const struct net_device *device)
{
	seq_printf(seq, "Addresses assigned: %*pE ", (int)strlen(device->name), device->name);
}

/* Under RCU. A link-local address is nobody's doing. */
static void show_device(struct seq_file *seq, const struct net_device *device)
{
	struct in_device *v4 = __in_dev_get_rcu(device);
	struct inet6_dev *v6 = __in6_dev_get(device);
	const struct inet6_ifaddr *addr6;
	const struct in_ifaddr *addr4;

	if (v4) {
		in_dev_for_each_ifa_rcu(addr4, v4) {
			show_name(seq, device);
			seq_printf(seq, "%pI4/%u\n", &addr4->ifa_local, addr4->ifa_prefixlen);
		}
	}
	if (v6) {
		list_for_each_entry_rcu(addr6, &v6->addr_list, if_list) {
			if (addr6->scope == IFA_LINK)
				continue;
			show_name(seq, device);
			seq_printf(seq, "%pI6c/%u\n", &addr6->addr, addr6->prefix_len);
		}
	}
}

/**
 * vps_vnet_show - what the devices in the network of a context have for addresses, as text
 * @seq: where to
 * @context: the context; without such a network nothing is shown
 */
void vps_vnet_show(struct seq_file *seq, struct vps_context *context)
{
	struct net *net = vps_vnet_get(context);
	struct net_device *device;

	if (IS_ERR(net))
		return;
	rcu_read_lock();
	for_each_netdev_rcu(net, device) {
		if (is_shown(device))
			show_device(seq, device);
	}
	rcu_read_unlock();
	put_net(net);
}
