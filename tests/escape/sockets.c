// SPDX-License-Identifier: GPL-2.0-or-later
/* Attempts by sockets, in the host's network; see tries.h. */
#include <arpa/inet.h>
#include <linux/audit.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tries.h"

/* "FAMILY TYPE PROTOCOL". */
static int make(const char *arg)
{
	int family, type, protocol;

	sscanf(arg, "%d %d %d", &family, &type, &protocol);
	return socket(family, type, protocol) < 0 ? refused("socket") : 0;
}

/* "LEVEL OPTION". */
static int set_option(const char *arg)
{
	int sock = socket(AF_INET, SOCK_STREAM, 0), level, option;

	sscanf(arg, "%d %d", &level, &option);
	if (sock < 0)
		return untried("socket");
	return setsockopt(sock, level, option, &(int){ 1 }, sizeof(int)) < 0 ?
		refused("setsockopt") : 0;
}

/* CVE-2021-22555 and others of its kind: tables of a packet filter, as their administrator. */
static int packet_tables(const char *arg)
{
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	char info[84] = "filter";
	socklen_t size = sizeof(info);

	(void)arg;
	if (sock < 0)
		return untried("socket");
	/* Where there are none of the old kind nobody knows the option. */
	return getsockopt(sock, IPPROTO_IP, 64, info, &size) < 0 ? refused("getsockopt") : 0;
}

/* What it is already. */
static int set_mtu(const char *arg)
{
	int sock = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req = { .ifr_name = "lo" };

	(void)arg;
	if (sock < 0 || ioctl(sock, SIOCGIFMTU, &req) < 0)
		return untried("SIOCGIFMTU");
	return ioctl(sock, SIOCSIFMTU, &req) < 0 ? refused("SIOCSIFMTU") : 0;
}

/* ---- netlink -------------------------------------------------------------------------------- */

struct message {
	struct nlmsghdr head;
	char body[256];
};

static void add(struct message *m, unsigned short type, const void *data, size_t size)
{
	struct rtattr *attr = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->head.nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attr), data, size);
	m->head.nlmsg_len = NLMSG_ALIGN(m->head.nlmsg_len) + RTA_ALIGN(attr->rta_len);
}

/* The kernel's answer is in errno. */
static int ask(int protocol, struct message *m)
{
	int sock = socket(AF_NETLINK, SOCK_RAW, protocol);
	struct { struct nlmsghdr head; struct nlmsgerr error; char rest[512]; } answer;
	ssize_t n;

	m->head.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (sock < 0 || send(sock, m, m->head.nlmsg_len, 0) < 0)
		return -1;
	n = recv(sock, &answer, sizeof(answer), 0);
	if (n < 0 || answer.head.nlmsg_type != NLMSG_ERROR)
		return n < 0 ? -1 : 0;
	errno = -answer.error.error;
	return errno ? -1 : 0;
}

static int add_address(const char *arg)
{
	struct in_addr addr = { inet_addr(arg) };
	struct message m = { .head = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .nlmsg_type = RTM_NEWADDR,
	} };
	struct ifaddrmsg *body = NLMSG_DATA(&m.head);

	*body = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1 };
	add(&m, IFA_LOCAL, &addr, sizeof(addr));
	return ask(NETLINK_ROUTE, &m) < 0 ? refused("RTM_NEWADDR") : 0;
}

static int add_route(const char *arg)
{
	struct in_addr addr = { inet_addr(arg) };
	struct message m = { .head = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_NEWROUTE,
		.nlmsg_flags = NLM_F_CREATE,
	} };
	struct rtmsg *body = NLMSG_DATA(&m.head);

	*body = (struct rtmsg){
		.rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_BLACKHOLE,
	};
	add(&m, RTA_DST, &addr, sizeof(addr));
	return ask(NETLINK_ROUTE, &m) < 0 ? refused("RTM_NEWROUTE") : 0;
}

static int change_link(const char *arg)
{
	struct message m = { .head = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK,
	} };
	struct ifinfomsg *body = NLMSG_DATA(&m.head);

	body->ifi_index = 1;
	add(&m, IFLA_IFALIAS, arg, strlen(arg));
	return ask(NETLINK_ROUTE, &m) < 0 ? refused("RTM_NEWLINK") : 0;
}

/* As if a device had come: the host's udev runs what its rules say. */
static int fake_event(const char *arg)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);

	if (sock < 0)
		return refused("socket");
	return answered(sendto(sock, arg, strlen(arg) + 1, 0, (struct sockaddr *)&to, sizeof(to)),
			"sendto", ESRCH);
}

/* Of the network, whoever has made it: it is one's own here, so that there is one. */
static int cut_socket(const char *arg)
{
	struct message m = { .head = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct inet_diag_req_v2)),
		.nlmsg_type = SOCK_DESTROY,
	} };
	struct inet_diag_req_v2 *body = NLMSG_DATA(&m.head);
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr;
	socklen_t size = sizeof(addr);

	(void)arg;
	if (sock < 0 || listen(sock, 1) < 0 ||
	    getsockname(sock, (struct sockaddr *)&addr, &size) < 0)
		return untried("listen");
	*body = (struct inet_diag_req_v2){
		.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP,
		.id = { .idiag_sport = addr.sin_port,
			.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
	};
	return ask(NETLINK_SOCK_DIAG, &m) < 0 ? refused("SOCK_DESTROY") : 0;
}

static int ask_audit(const char *arg)
{
	struct message m = { .head = { .nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = AUDIT_GET } };

	(void)arg;
	return ask(NETLINK_AUDIT, &m) < 0 ? refused("AUDIT_GET") : 0;
}

static const struct attempt attempts[] = {
	{ "raw", make, "2 3 1", 0 },		/* AF_INET, SOCK_RAW, ICMP */
	{ "raw-ipv6", make, "10 3 58", 0 },
	{ "packet", make, "17 3 768", 0 },	/* ETH_P_ALL */
	{ "packet-datagram", make, "17 2 8", 0 },
	{ "xdp", make, "44 3 0", 0 },
	{ "vsock", make, "40 1 0", 0 },
	{ "mark", set_option, "1 36", 0 },		/* SO_MARK */
	{ "buffer", set_option, "1 33", 0 },		/* SO_RCVBUFFORCE */
	{ "transparent", set_option, "0 19", 0 },	/* IP_TRANSPARENT */
	{ "repair", set_option, "6 19", 0 },		/* TCP_REPAIR */
	{ "packet-tables", packet_tables, NULL, 0 },
	{ "mtu", set_mtu, NULL, 0 },
	{ "address", add_address, "198.51.100.66", 0 },
	{ "route", add_route, "198.51.100.67", 0 },
	{ "alias", change_link, "vps-evil", 0 },
	{ "uevent", fake_event, "add@/vps-evil", 0 },
	{ "cut", cut_socket, NULL, 0 },
	{ "audit", ask_audit, NULL, 0 },
};

int main(int argc, char **argv)
{
	return tries_main(argc, argv, attempts, sizeof(attempts) / sizeof(*attempts));
}
