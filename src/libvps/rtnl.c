// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <sched.h>
#include <string.h>

#include "rtnl.h"
#include "util.h"

/* ---- sockets ------------------------------------------------------------ */

int vps_rtnl_open(struct nl_sock **ret_sock)
{
	struct nl_sock *sock = nl_socket_alloc();
	int rc;

	if (!sock)
		return -ENOMEM;
	/* Close-on-exec by itself. Without multicast nobody but the kernel sends to it. */
	rc = nl_connect(sock, NETLINK_ROUTE);
	if (rc < 0) {
		nl_socket_free(sock);
		return rc == -NLE_NOMEM ? -ENOMEM : -EPROTONOSUPPORT;
	}
	*ret_sock = sock;
	return 0;
}

void vps_rtnl_closep(struct nl_sock **sock)
{
	if (*sock)
		nl_socket_free(*sock);
}

int vps_rtnl_netns(pid_t pid)
{
	char path[48];
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	else
		snprintf(path, sizeof(path), "/proc/thread-self/ns/net");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vps_rtnl_run_at(int netns, int (*step)(void *data), void *data)
{
	_cleanup_(closep) int own = vps_rtnl_netns(0);
	int rc;

	if (own < 0)
		return own;
	if (setns(netns, CLONE_NEWNET) < 0)
		return -errno;
	rc = step(data);
	return setns(own, CLONE_NEWNET) < 0 ? -errno : rc;
}

static int open_here(void *data)
{
	return vps_rtnl_open(data);
}

int vps_rtnl_open_at(int netns, struct nl_sock **ret_sock)
{
	return vps_rtnl_run_at(netns, open_here, ret_sock);
}

/* ---- messages ------------------------------------------------------------- */

struct nl_msg *vps_rtnl_message(int type, int flags, const void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (msg && nlmsg_append(msg, (void *)header, size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/**
 * struct answer - what came back
 * @rc: what the kernel said, exactly: the library's own errors are fewer than the system's
 */
struct answer {
	int (*take)(struct nlmsghdr *header, void *data);
	void *data;
	int rc;
};

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *data)
{
	struct answer *answer = data;

	(void)from;
	answer->rc = err->error;
	return NL_STOP;
}

static int on_object(struct nl_msg *msg, void *data)
{
	struct answer *answer = data;

	/* The rest is still read, or it would be the next one's answer. */
	if (!answer->rc && answer->take)
		answer->rc = answer->take(nlmsg_hdr(msg), answer->data);
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *data)
{
	(void)msg;
	(void)data;
	return NL_STOP;
}

static int library_errno(int err)
{
	switch (err) {
	case -NLE_NOMEM: return -ENOMEM;
	case -NLE_DUMP_INTR: return -EAGAIN;
	case -NLE_PERM: return -EPERM;
	default: return -EIO;
	}
}

static int receive(struct nl_sock *sock, struct answer *answer)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_CUSTOM);
	int rc;

	if (!cb)
		return -ENOMEM;
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, answer);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_object, answer);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, NULL);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, NULL);
	rc = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	if (answer->rc)
		return answer->rc;
	return rc < 0 ? library_errno(rc) : 0;
}

static int exchange(struct nl_sock *sock, struct nl_msg *msg, struct answer *answer)
{
	int rc;

	if (!msg)
		return -ENOMEM;
	rc = nl_send_auto(sock, msg);
	nlmsg_free(msg);
	return rc < 0 ? library_errno(rc) : receive(sock, answer);
}

int vps_rtnl_talk(struct nl_sock *sock, struct nl_msg *msg)
{
	struct answer answer = { 0 };

	return exchange(sock, msg, &answer);
}

int vps_rtnl_ask(struct nl_sock *sock, struct nl_msg *msg,
		 int (*take)(struct nlmsghdr *header, void *data), void *data)
{
	struct answer answer = { .take = take, .data = data };
	bool one = msg && !(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP);
	int rc = exchange(sock, msg, &answer), ack;

	/* One object is followed by its acknowledgement, an error is it. */
	if (!one || rc < 0)
		return rc;
	answer = (struct answer){ 0 };
	ack = receive(sock, &answer);
	return rc ?: ack;
}

/* ---- devices ---------------------------------------------------------------- */

static void read_kind(struct nlattr *info, char kind[16])
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	if (!nla_parse_nested(attrs, IFLA_INFO_MAX, info, NULL) && attrs[IFLA_INFO_KIND])
		nla_strlcpy(kind, attrs[IFLA_INFO_KIND], 16);
}

static int read_link(struct nlmsghdr *header, struct vps_link *ret_link)
{
	struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct vps_link link = { 0 };

	if (nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 || !attrs[IFLA_IFNAME])
		return -EIO;
	link.ifindex = info->ifi_index;
	link.up = info->ifi_flags & IFF_UP;
	nla_strlcpy(link.name, attrs[IFLA_IFNAME], sizeof(link.name));
	if (attrs[IFLA_MTU])
		link.mtu = nla_get_u32(attrs[IFLA_MTU]);
	if (attrs[IFLA_IFALIAS])
		nla_strlcpy(link.alias, attrs[IFLA_IFALIAS], sizeof(link.alias));
	if (attrs[IFLA_MASTER])
		link.master = (int)nla_get_u32(attrs[IFLA_MASTER]);
	if (attrs[IFLA_LINK])
		link.peer = (int)nla_get_u32(attrs[IFLA_LINK]);
	if (attrs[IFLA_ADDRESS] && nla_len(attrs[IFLA_ADDRESS]) == VPS_MAC_LEN)
		memcpy(link.mac, nla_data(attrs[IFLA_ADDRESS]), VPS_MAC_LEN);
	if (attrs[IFLA_LINKINFO])
		read_kind(attrs[IFLA_LINKINFO], link.kind);
	*ret_link = link;
	return 0;
}

static int take_link(struct nlmsghdr *header, void *data)
{
	return header->nlmsg_type == RTM_NEWLINK ? read_link(header, data) : 0;
}

static int get_link(struct nl_sock *sock, const char *name, int ifindex,
		    struct vps_link *ret_link)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = vps_rtnl_message(RTM_GETLINK, 0, &info, sizeof(info));
	struct vps_link link = { 0 };
	int rc;

	if (msg && name && nla_put_string(msg, IFLA_IFNAME, name) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	rc = vps_rtnl_ask(sock, msg, take_link, &link);
	if (rc)
		return rc;
	if (!link.ifindex)
		return -ENODEV;
	*ret_link = link;
	return 0;
}

int vps_rtnl_link(struct nl_sock *sock, const char *name, struct vps_link *ret_link)
{
	return vps_is_device(name) ? get_link(sock, name, 0, ret_link) : -ENODEV;
}

int vps_rtnl_link_at(struct nl_sock *sock, int ifindex, struct vps_link *ret_link)
{
	return get_link(sock, NULL, ifindex, ret_link);
}

/**
 * struct list - what a dump has brought so far
 * @items: @count of @size bytes, room for @room
 */
struct list {
	void *items;
	size_t count;
	size_t room;
	size_t size;
};

static int append(struct list *list, const void *item)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		void *more = reallocarray(list->items, room, list->size);

		if (!more)
			return -ENOMEM;
		list->items = more;
		list->room = room;
	}
	memcpy((char *)list->items + list->count++ * list->size, item, list->size);
	return 0;
}

static int dump(struct nl_sock *sock, int type, const void *header, size_t size,
		int (*take)(struct nlmsghdr *header, void *data), struct list *list)
{
	int rc;

	/* What changed in the midst of it is read anew. */
	do {
		list->count = 0;
		rc = vps_rtnl_ask(sock, vps_rtnl_message(type, NLM_F_DUMP, header, size), take,
				  list);
	} while (rc == -EAGAIN);
	if (rc)
		free(list->items);
	return rc;
}

static int take_link_of_list(struct nlmsghdr *header, void *data)
{
	struct vps_link link;
	int rc = read_link(header, &link);

	return rc ?: append(data, &link);
}

int vps_rtnl_links(struct nl_sock *sock, struct vps_link **ret_links, size_t *ret_count)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct list list = { .size = sizeof(struct vps_link) };
	int rc = dump(sock, RTM_GETLINK, &info, sizeof(info), take_link_of_list, &list);

	if (rc)
		return rc;
	*ret_links = list.items;
	*ret_count = list.count;
	return 0;
}

int vps_rtnl_make_link(struct nl_sock *sock, const char *name, const char *kind,
		       const unsigned char *mac)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = vps_rtnl_message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
					      &info, sizeof(info));
	struct nlattr *nest;

	if (!msg || nla_put_string(msg, IFLA_IFNAME, name) ||
	    (mac && nla_put(msg, IFLA_ADDRESS, VPS_MAC_LEN, mac)) ||
	    !(nest = nla_nest_start(msg, IFLA_LINKINFO)) ||
	    nla_put_string(msg, IFLA_INFO_KIND, kind)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nla_nest_end(msg, nest);
	return vps_rtnl_talk(sock, msg);
}

int vps_rtnl_set_up(struct nl_sock *sock, int ifindex)
{
	struct ifinfomsg info = {
		.ifi_family = AF_UNSPEC, .ifi_index = ifindex,
		.ifi_flags = IFF_UP, .ifi_change = IFF_UP,
	};

	return vps_rtnl_talk(sock, vps_rtnl_message(RTM_NEWLINK, NLM_F_ACK, &info,
						    sizeof(info)));
}

int vps_rtnl_set_alias(struct nl_sock *sock, int ifindex, const char *alias)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = vps_rtnl_message(RTM_NEWLINK, NLM_F_ACK, &info, sizeof(info));

	if (msg && nla_put_string(msg, IFLA_IFALIAS, alias)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return vps_rtnl_talk(sock, msg);
}

int vps_rtnl_remove_link(struct nl_sock *sock, int ifindex)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };

	return vps_rtnl_talk(sock, vps_rtnl_message(RTM_DELLINK, NLM_F_ACK, &info,
						    sizeof(info)));
}

/* ---- addresses ------------------------------------------------------------------ */

static size_t addr_len(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static int take_addr(struct nlmsghdr *header, void *data)
{
	struct ifaddrmsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFA_MAX + 1], *attr;
	struct vps_link_addr addr = { 0 };

	if (nlmsg_parse(header, sizeof(*info), attrs, IFA_MAX, NULL) < 0)
		return -EIO;
	/* Where the other end has an address of its own, IFA_ADDRESS is that. */
	attr = attrs[IFA_LOCAL] ?: attrs[IFA_ADDRESS];
	if ((info->ifa_family != AF_INET && info->ifa_family != AF_INET6) || !attr ||
	    nla_len(attr) != (int)addr_len(info->ifa_family))
		return 0;
	addr.ifindex = (int)info->ifa_index;
	addr.addr.family = info->ifa_family;
	addr.addr.prefix = info->ifa_prefixlen;
	memcpy(addr.addr.bytes, nla_data(attr), addr_len(info->ifa_family));
	return append(data, &addr);
}

static void name_devices(struct vps_link_addr *addrs, size_t count,
			 const struct vps_link *links, size_t link_count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < link_count; k++)
			if (links[k].ifindex == addrs[i].ifindex)
				memcpy(addrs[i].device, links[k].name, IFNAMSIZ);
}

int vps_rtnl_bare_addrs(struct nl_sock *sock, struct vps_link_addr **ret_addrs,
			size_t *ret_count)
{
	struct ifaddrmsg info = { .ifa_family = AF_UNSPEC };
	struct list list = { .size = sizeof(struct vps_link_addr) };
	int rc = dump(sock, RTM_GETADDR, &info, sizeof(info), take_addr, &list);

	if (rc)
		return rc;
	*ret_addrs = list.items;
	*ret_count = list.count;
	return 0;
}

int vps_rtnl_addrs(struct nl_sock *sock, struct vps_link_addr **ret_addrs, size_t *ret_count)
{
	_cleanup_(freep) struct vps_link *links = NULL;
	size_t link_count = 0;
	int rc = vps_rtnl_links(sock, &links, &link_count);

	rc = rc ?: vps_rtnl_bare_addrs(sock, ret_addrs, ret_count);
	if (!rc)
		name_devices(*ret_addrs, *ret_count, links, link_count);
	return rc;
}

static struct nl_msg *addr_message(int type, int flags, int ifindex, const struct vps_addr *addr)
{
	struct ifaddrmsg info = {
		.ifa_family = (unsigned char)addr->family,
		.ifa_prefixlen = (unsigned char)addr->prefix,
		.ifa_index = (unsigned int)ifindex,
	};
	int len = (int)addr_len(addr->family);
	struct nl_msg *msg = vps_rtnl_message(type, flags | NLM_F_ACK, &info, sizeof(info));

	if (msg && (nla_put(msg, IFA_LOCAL, len, addr->bytes) < 0 ||
		    nla_put(msg, IFA_ADDRESS, len, addr->bytes) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int put_ipv6(struct nl_msg *msg, bool spare)
{
	struct ifa_cacheinfo life = { .ifa_valid = UINT32_MAX };
	int rc = nla_put_u32(msg, IFA_FLAGS, IFA_F_NODAD);

	return rc < 0 || !spare ? rc : nla_put(msg, IFA_CACHEINFO, sizeof(life), &life);
}

static int add_addr(struct nl_sock *sock, int ifindex, const struct vps_addr *addr,
		    const struct in_addr *broadcast, bool spare)
{
	struct nl_msg *msg = addr_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr);
	int rc = 0;

	if (!msg)
		return -ENOMEM;
	if (addr->family == AF_INET6)
		rc = put_ipv6(msg, spare);
	else if (broadcast)
		rc = nla_put(msg, IFA_BROADCAST, sizeof(*broadcast), broadcast);
	if (rc < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return vps_rtnl_talk(sock, msg);
}

int vps_rtnl_add_addr(struct nl_sock *sock, int ifindex, const struct vps_addr *addr,
		      const struct in_addr *broadcast)
{
	return add_addr(sock, ifindex, addr, broadcast, false);
}

int vps_rtnl_add_spare_addr(struct nl_sock *sock, int ifindex, const struct vps_addr *addr,
			    const struct in_addr *broadcast)
{
	return add_addr(sock, ifindex, addr, broadcast, true);
}

int vps_rtnl_remove_addr(struct nl_sock *sock, int ifindex, const struct vps_addr *addr)
{
	return vps_rtnl_talk(sock, addr_message(RTM_DELADDR, 0, ifindex, addr));
}
