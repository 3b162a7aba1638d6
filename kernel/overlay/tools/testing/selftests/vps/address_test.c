// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contexts that are held to their addresses, without any program that translates for them: what
 * they bind to, what they send from and what they get, in a network namespace where there are
 * others' addresses, too. All of them are on the loopback device, so what is sent without a
 * choice has the address where it goes.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include "vps_test.h"

#define THREE 803

/* ---- addresses by a number, in three forms ---- */

enum form { V4, V6, MAPPED };

static enum form form;	/* actors inherit it */

enum {
	MINE = 1,	/* of context ONE, as is ALSO_MINE */
	THEIRS,		/* of context TWO */
	HOSTS,
	ALSO_MINE,
	ADDRESSES,
	LOCAL,		/* the loopback of all */
	OWN_LOCAL,	/* of ONE */
	OTHER_LOCAL,	/* of TWO */
	ANY,
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int family_of(void)
{
	return form == V4 ? AF_INET : AF_INET6;
}

static socklen_t length_of(void)
{
	return form == V4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static const char *text_of(int number)
{
	static const char *const texts[][2] = {
		[LOCAL] = { "127.0.0.1", "::1" },
		[OWN_LOCAL] = { "127.3.33.1", "fd76:7073:6c6f::321" },
		[OTHER_LOCAL] = { "127.3.34.1", "fd76:7073:6c6f::322" },
		[ANY] = { "0.0.0.0", "::" },
	};
	static char text[64], mapped[80];

	if (number >= LOCAL)
		snprintf(text, sizeof(text), "%s", texts[number][form == V6]);
	else
		snprintf(text, sizeof(text), form == V6 ? "2001:db8::%d" : "192.0.2.%d", number);
	if (form != MAPPED)
		return text;
	snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
	return mapped;
}

static union address address_of(int number, int port)
{
	union address address = { .any.sa_family = family_of() };

	if (form == V4) {
		inet_pton(AF_INET, text_of(number), &address.v4.sin_addr);
		address.v4.sin_port = htons(port);
	} else {
		inet_pton(AF_INET6, text_of(number), &address.v6.sin6_addr);
		address.v6.sin6_port = htons(port);
	}
	return address;
}

/* ---- the namespace ---- */

/* By itself, so that it is no second one of a network, whose first has what is sent there. */
static long put_v4(int number)
{
	struct ifreq request = {};
	struct sockaddr_in *address = (void *)&request.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long value;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "lo:%d", number);
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(0xc0000200 + number);
	value = outcome(ioctl(fd, SIOCSIFADDR, &request));
	address->sin_addr.s_addr = htonl(INADDR_BROADCAST);
	value = value ?: outcome(ioctl(fd, SIOCSIFNETMASK, &request));
	close(fd);
	return value;
}

static long put_v6(const char *text)
{
	struct {
		struct in6_addr addr;
		__u32 prefix;
		int ifindex;
	} request = { .prefix = 128, .ifindex = if_nametoindex("lo") };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	long value;

	inet_pton(AF_INET6, text, &request.addr);
	value = outcome(ioctl(fd, SIOCSIFADDR, &request));
	close(fd);
	return value;
}

static long make_network(void)
{
	long value = outcome(unshare(CLONE_NEWNET)) ?: outcome(loopback_up());

	for (int i = MINE; !value && i < ADDRESSES; i++) {
		char text[32];

		snprintf(text, sizeof(text), "2001:db8::%d", i);
		value = put_v4(i) ?: put_v6(text);
	}
	value = value ?: put_v6("fd76:7073:6c6f::321") ?: put_v6("fd76:7073:6c6f::322");
	return value ?: put_text(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", "0 0");
}

/* ---- the call ---- */

static struct vps_address list_item(int number)
{
	struct vps_address item = {
		.size = sizeof(item), .family = form == V6 ? AF_INET6 : AF_INET,
		.bits = form == V6 ? 128 : 32, .prefix = 24, .device = "lo",
	};
	union address address = address_of(number, 0);

	if (form == V4)
		memcpy(item.addr, &address.v4.sin_addr, 4);
	else if (form == MAPPED)
		memcpy(item.addr, (char *)&address.v6.sin6_addr + 12, 4);
	else
		memcpy(item.addr, &address.v6.sin6_addr, 16);
	return item;
}

static long permit(__u32 id, int number)
{
	struct vps_address item = list_item(number);

	return vserver(SET(NETADDR, PERMIT), id, &item);
}

static long forbid(__u32 id, int number)
{
	struct vps_address item = list_item(number);

	return vserver(SET(NETADDR, REMOVE), id, &item);
}

static long forget(__u32 id)
{
	struct vps_address all = { .size = sizeof(all) };

	return vserver(SET(NETADDR, REMOVE), id, &all);
}

/* How many it has; as many as there is room for are in @items. */
static long get_list(__u32 id, struct vps_address *items, __u32 room)
{
	struct vps_addresses list = {
		.size = sizeof(list), .count = room, .each = sizeof(*items),
		.list = (uintptr_t)items,
	};
	long value = vserver(GET(NETADDR, PERMIT), id, &list);

	return value ?: list.count;
}

/* ---- what actors do ---- */

#define FROM_TO(from, to) ((from) << 8 | (to))

static int kept = -1;

static int new_socket(int type)
{
	return socket(family_of(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static long bind_to(int fd, int number)
{
	union address address = address_of(number, 0);

	return outcome(bind(fd, &address.any, length_of()));
}

static long act_bind(long number)
{
	int stream = new_socket(SOCK_STREAM), datagram = new_socket(SOCK_DGRAM);
	long value = bind_to(stream, number), other = bind_to(datagram, number);

	close(stream);
	close(datagram);
	return value == other ? value : -EUCLEAN;
}

static int port_of(int fd)
{
	union address address;
	socklen_t length = sizeof(address);

	if (getsockname(fd, &address.any, &length))
		return -errno;
	return ntohs(form == V4 ? address.v4.sin_port : address.v6.sin6_port);
}

/* The port of a socket that is kept. */
static long act_serve(long number)
{
	long value;

	close(kept);
	kept = new_socket(SOCK_DGRAM);
	value = bind_to(kept, number);
	return value ?: port_of(kept);
}

static long act_listen(long number)
{
	long value;

	close(kept);
	kept = new_socket(SOCK_STREAM);
	value = bind_to(kept, number) ?: outcome(listen(kept, 8));
	return value ?: port_of(kept);
}

/* Before there is a list, and after that. */
static long act_keep_bound(long number)
{
	kept = new_socket(SOCK_DGRAM);
	return bind_to(kept, number);
}

static long act_connect_kept(long to)
{
	union address address = address_of(to, 9);

	return outcome(connect(kept, &address.any, length_of()));
}

static long act_send_kept(long to)
{
	union address address = address_of(to, 9);

	return outcome(sendto(kept, "", 1, 0, &address.any, length_of()));
}

/* What has come: the number that was sent. */
static long act_receive(long unused)
{
	char byte;

	return recv(kept, &byte, 1, 0) == 1 ? byte : -errno;
}

static int server_port;	/* set in the test, and sent along with what an actor is to do */

#define TO(port, argument) ((long)(port) << 16 | (argument))

/* From the address that is bound, if any; what is said is where it goes. */
static long send_from(long what, bool bound)
{
	int from = what >> 8 & 0xff, to = what & 0xff, fd = new_socket(SOCK_DGRAM);
	union address address = address_of(to, what >> 16);
	long value = bound ? bind_to(fd, from) : 0;
	char byte = to;

	if (!value)
		value = outcome(sendto(fd, &byte, 1, 0, &address.any, length_of()));
	close(fd);
	return value;
}

static long act_send(long what)
{
	return send_from(what, false);
}

static long act_send_bound(long what)
{
	return send_from(what, true);
}

static size_t put_source(struct cmsghdr *header, int from)
{
	union address source = address_of(from, 0);

	if (form == V4) {
		struct in_pktinfo info = { .ipi_spec_dst = source.v4.sin_addr };

		header->cmsg_level = SOL_IP;
		header->cmsg_type = IP_PKTINFO;
		header->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(header), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_addr = source.v6.sin6_addr };

		header->cmsg_level = SOL_IPV6;
		header->cmsg_type = IPV6_PKTINFO;
		header->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(header), &info, sizeof(info));
	}
	return CMSG_ALIGN(header->cmsg_len);
}

/* The source is said with the datagram. */
static long act_send_with(long what)
{
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {}, byte = what;
	union address address = address_of(what & 0xff, what >> 16);
	int fd = new_socket(SOCK_DGRAM);
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = length_of(),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	long value;

	message.msg_controllen = put_source(CMSG_FIRSTHDR(&message), what >> 8 & 0xff);
	value = outcome(sendmsg(fd, &message, 0));
	close(fd);
	return value;
}

/* Its source is chosen for it; established when there is one who has it. */
static long act_connect(long what)
{
	union address address = address_of(what & 0xff, what >> 16);
	int fd = new_socket(SOCK_STREAM);
	struct pollfd poll_for = { .fd = fd, .events = POLLOUT };
	long value = outcome(connect(fd, &address.any, length_of()));
	socklen_t length = sizeof(int);
	int err = 0;

	if (value == -EINPROGRESS) {
		if (poll(&poll_for, 1, what >> 8 & 0xff ? 300 : 10000) != 1)
			err = ETIMEDOUT;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length);
		value = -err;
	}
	close(fd);
	return value;
}

#define BRIEFLY 1

/* A whole packet, header and all. */
static long act_forge(long what)
{
	union address from = address_of(what >> 8 & 0xff, 0), to = address_of(what & 0xff, 0);
	int fd = socket(family_of(), SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	char packet[64] = {};
	long value;

	if (fd < 0)
		return -errno;
	if (form == V4) {
		struct iphdr *header = (void *)packet;

		header->version = 4;
		header->ihl = 5;
		header->ttl = 9;
		header->protocol = IPPROTO_UDP;
		header->saddr = from.v4.sin_addr.s_addr;
		header->daddr = to.v4.sin_addr.s_addr;
	} else {
		struct ip6_hdr *header = (void *)packet;

		header->ip6_vfc = 6 << 4;
		header->ip6_plen = htons(sizeof(packet) - sizeof(*header));
		header->ip6_nxt = IPPROTO_UDP;
		header->ip6_hlim = 9;
		header->ip6_src = from.v6.sin6_addr;
		header->ip6_dst = to.v6.sin6_addr;
	}
	value = outcome(sendto(fd, packet, sizeof(packet), 0, &to.any, length_of()));
	close(fd);
	return value;
}

/* 0 when there was an answer. */
static long act_ping(long to)
{
	bool v4 = form == V4;
	int fd = socket(family_of(), SOCK_DGRAM | SOCK_CLOEXEC, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	union address address = address_of(to, 0);
	char echo[16] = { v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST };
	struct pollfd poll_for = { .fd = fd, .events = POLLIN };
	long value;

	if (fd < 0)
		return -errno;
	value = outcome(sendto(fd, echo, sizeof(echo), 0, &address.any, length_of()));
	if (!value && poll(&poll_for, 1, 10000) != 1)
		value = -ETIMEDOUT;
	close(fd);
	return value;
}

static long act_packet(long unused)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long act_leave_network(long unused)
{
	return outcome(unshare(CLONE_NEWNET)) ?: outcome(loopback_up());
}

static long act_permit(long number)
{
	return permit(ONE, number);
}

static long act_count(long id)
{
	return get_list(id, NULL, 0);
}

/* ---- the tests ---- */

FIXTURE(address)
{
	struct limited here;
	struct actor host;
	struct actor two;
};

FIXTURE_VARIANT(address)
{
	enum form form;
};

FIXTURE_VARIANT_ADD(address, v4) { .form = V4 };
FIXTURE_VARIANT_ADD(address, v6) { .form = V6 };
FIXTURE_VARIANT_ADD(address, mapped) { .form = MAPPED };

FIXTURE_SETUP(address)
{
	form = variant->form;
	ASSERT_EQ(0, make_network());
	ASSERT_EQ(0, limited_make(&self->here));
	ASSERT_EQ(0, actor_start(&self->host, NULL));
	ASSERT_EQ(0, actor_start(&self->two, &self->here.two));
	server_port = actor_do(&self->host, act_serve, ANY);
	ASSERT_LT(0, server_port);
}

FIXTURE_TEARDOWN(address)
{
	actor_end(&self->host);
	actor_end(&self->two);
	EXPECT_TRUE(limited_end(&self->here));
}

#define GIVE() do {						\
	ASSERT_EQ(0, permit(ONE, MINE));			\
	ASSERT_EQ(0, permit(ONE, ALSO_MINE));			\
	ASSERT_EQ(0, permit(TWO, THEIRS));			\
} while (0)

#define ACT(act, argument) actor_do(&self->here.actor, act, argument)
#define HOST(act, argument) actor_do(&self->host, act, argument)

static bool comes(struct actor *actor, long byte)
{
	return EVENTUALLY(actor_do(actor, act_receive, 0) == byte);
}

/* ---- without a list, and who has none ---- */

TEST_F(address, not_before)
{
	for (int i = MINE; i < ADDRESSES; i++) {
		EXPECT_EQ(0, ACT(act_bind, i));
		EXPECT_EQ(0, ACT(act_send, TO(server_port, i)));
		EXPECT_TRUE(comes(&self->host, i));
	}
	EXPECT_EQ(0, ACT(act_packet, 0));
	EXPECT_EQ(-ENODATA, get_list(ONE, NULL, 0));
	EXPECT_EQ(-ENODATA, forget(ONE));

	/* That others have one does not matter. */
	ASSERT_EQ(0, permit(TWO, THEIRS));
	EXPECT_EQ(0, ACT(act_bind, HOSTS));
	EXPECT_EQ(0, ACT(act_send, TO(server_port, HOSTS)));
	EXPECT_TRUE(comes(&self->host, HOSTS));
	EXPECT_EQ(0, ACT(act_packet, 0));
}

TEST_F(address, the_host)
{
	GIVE();
	for (int i = MINE; i < ADDRESSES; i++) {
		EXPECT_EQ(0, HOST(act_bind, i));
		EXPECT_EQ(0, HOST(act_send, TO(server_port, i)));
		EXPECT_TRUE(comes(&self->host, i));
		EXPECT_EQ(0, HOST(act_send_with, TO(server_port, FROM_TO(i, HOSTS))));
		EXPECT_TRUE(comes(&self->host, HOSTS));
	}
	EXPECT_EQ(0, HOST(act_packet, 0));
}

/* ---- what it says ---- */

TEST_F(address, bind)
{
	GIVE();
	EXPECT_EQ(0, ACT(act_bind, MINE));
	EXPECT_EQ(0, ACT(act_bind, ALSO_MINE));
	EXPECT_EQ(-EADDRNOTAVAIL, ACT(act_bind, THEIRS));
	EXPECT_EQ(-EADDRNOTAVAIL, ACT(act_bind, HOSTS));
	EXPECT_EQ(0, actor_do(&self->two, act_bind, THEIRS));
	EXPECT_EQ(-EADDRNOTAVAIL, actor_do(&self->two, act_bind, MINE));
	/* What stands for something else. */
	EXPECT_EQ(0, ACT(act_bind, ANY));
	EXPECT_EQ(0, ACT(act_bind, LOCAL));
	EXPECT_EQ(0, ACT(act_bind, OWN_LOCAL));
	EXPECT_EQ(form == V6 ? -EADDRNOTAVAIL : 0, ACT(act_bind, OTHER_LOCAL));
}

TEST_F(address, bound_before)
{
	ASSERT_EQ(0, ACT(act_keep_bound, HOSTS));
	GIVE();
	EXPECT_EQ(-EPERM, ACT(act_send_kept, HOSTS));
	EXPECT_EQ(-EADDRNOTAVAIL, ACT(act_connect_kept, HOSTS));
}

/* ---- what it sends ---- */

TEST_F(address, send)
{
	GIVE();
	EXPECT_EQ(0, ACT(act_send, TO(server_port, MINE)));
	EXPECT_TRUE(comes(&self->host, MINE));
	EXPECT_EQ(-EPERM, ACT(act_send, TO(server_port, HOSTS)));
	EXPECT_EQ(-EPERM, ACT(act_send, TO(server_port, THEIRS)));
	EXPECT_EQ(-EPERM, ACT(act_send, TO(server_port, LOCAL)));
	EXPECT_EQ(0, ACT(act_send_bound, TO(server_port, FROM_TO(MINE, HOSTS))));
	EXPECT_TRUE(comes(&self->host, HOSTS));
	EXPECT_EQ(0, ACT(act_send_bound, TO(server_port, FROM_TO(OWN_LOCAL, LOCAL))));
	EXPECT_TRUE(comes(&self->host, LOCAL));
	EXPECT_EQ(-EPERM, ACT(act_send_bound, TO(server_port, FROM_TO(LOCAL, LOCAL))));
	EXPECT_EQ(-EPERM, ACT(act_send_bound, TO(server_port, FROM_TO(ANY, HOSTS))));
	EXPECT_EQ(-EAGAIN, HOST(act_receive, 0));
}

TEST_F(address, send_with_a_source)
{
	GIVE();
	EXPECT_EQ(0, ACT(act_send_with, TO(server_port, FROM_TO(MINE, HOSTS))));
	EXPECT_TRUE(comes(&self->host, HOSTS));
	EXPECT_EQ(0, ACT(act_send_with, TO(server_port, FROM_TO(ALSO_MINE, HOSTS))));
	EXPECT_TRUE(comes(&self->host, HOSTS));
	EXPECT_EQ(-EPERM, ACT(act_send_with, TO(server_port, FROM_TO(HOSTS, HOSTS))));
	EXPECT_EQ(-EPERM, ACT(act_send_with, TO(server_port, FROM_TO(THEIRS, HOSTS))));
	EXPECT_EQ(-EPERM, ACT(act_send_with, TO(server_port, FROM_TO(ANY, HOSTS))));
	EXPECT_EQ(-EAGAIN, HOST(act_receive, 0));
}

TEST_F(address, connect)
{
	long port = HOST(act_listen, ANY);

	ASSERT_LT(0, port);
	GIVE();
	EXPECT_EQ(0, ACT(act_connect, TO(port, MINE)));
	EXPECT_EQ(-ECONNREFUSED, ACT(act_connect, TO(port, HOSTS)));
	EXPECT_EQ(-ECONNREFUSED, ACT(act_connect, TO(port, THEIRS)));
	EXPECT_EQ(-ECONNREFUSED, ACT(act_connect, TO(port, LOCAL)));
	EXPECT_EQ(0, HOST(act_connect, TO(port, HOSTS)));
}

TEST_F(address, forge)
{
	if (form == MAPPED)
		SKIP(return, "raw sockets have no such addresses");
	EXPECT_EQ(0, ACT(act_forge, FROM_TO(HOSTS, THEIRS)));
	GIVE();
	EXPECT_EQ(0, ACT(act_forge, FROM_TO(MINE, HOSTS)));
	EXPECT_EQ(-EPERM, ACT(act_forge, FROM_TO(HOSTS, MINE)));
	EXPECT_EQ(-EPERM, ACT(act_forge, FROM_TO(THEIRS, HOSTS)));
	EXPECT_EQ(-EPERM, ACT(act_forge, FROM_TO(LOCAL, LOCAL)));
	EXPECT_EQ(0, HOST(act_forge, FROM_TO(MINE, HOSTS)));
	EXPECT_EQ(-EPERM, ACT(act_packet, 0));
}

/* It has the host's addresses, but nobody else's. */
TEST_F(address, ping)
{
	if (form == MAPPED)
		SKIP(return, "there is no ping of such addresses");
	GIVE();
	EXPECT_EQ(0, ACT(act_ping, MINE));
	EXPECT_EQ(0, ACT(act_ping, HOSTS));
	EXPECT_EQ(0, ACT(act_ping, LOCAL));
	/* By IPv6 nobody tells who pings that it was not sent: there is no answer. */
	EXPECT_EQ(form == V6 ? -ETIMEDOUT : -EPERM, ACT(act_ping, THEIRS));
	EXPECT_EQ(0, HOST(act_ping, THEIRS));
}

/* ---- what it gets ---- */

TEST_F(address, receive)
{
	long port;

	GIVE();
	port = ACT(act_serve, ANY);
	ASSERT_LT(0, port);
	EXPECT_EQ(0, HOST(act_send, TO(port, HOSTS)));
	EXPECT_EQ(0, HOST(act_send, TO(port, THEIRS)));
	EXPECT_EQ(0, HOST(act_send, TO(port, LOCAL)));
	EXPECT_EQ(0, HOST(act_send, TO(port, MINE)));
	EXPECT_TRUE(comes(&self->here.actor, MINE));
	EXPECT_EQ(0, HOST(act_send, TO(port, OTHER_LOCAL)));
	EXPECT_EQ(0, HOST(act_send, TO(port, OWN_LOCAL)));
	EXPECT_TRUE(comes(&self->here.actor, OWN_LOCAL));
	EXPECT_EQ(0, HOST(act_send, TO(port, ALSO_MINE)));
	EXPECT_TRUE(comes(&self->here.actor, ALSO_MINE));
	EXPECT_EQ(-EAGAIN, ACT(act_receive, 0));
}

TEST_F(address, be_connected_to)
{
	long port;

	GIVE();
	port = ACT(act_listen, ANY);
	ASSERT_LT(0, port);
	EXPECT_EQ(0, HOST(act_connect, TO(port, MINE)));
	EXPECT_EQ(0, HOST(act_connect, TO(port, ALSO_MINE)));
	EXPECT_EQ(-ETIMEDOUT, HOST(act_connect, TO(port, FROM_TO(BRIEFLY, HOSTS))));
	EXPECT_EQ(-ETIMEDOUT, HOST(act_connect, TO(port, FROM_TO(BRIEFLY, THEIRS))));
	EXPECT_EQ(-ETIMEDOUT, HOST(act_connect, TO(port, FROM_TO(BRIEFLY, LOCAL))));
}

/* ---- where it holds ---- */

TEST_F(address, another_network)
{
	GIVE();
	ASSERT_EQ(0, ACT(act_leave_network, 0));
	EXPECT_EQ(0, ACT(act_bind, LOCAL));
	EXPECT_EQ(0, ACT(act_send, TO(9, LOCAL)));
	EXPECT_EQ(0, ACT(act_packet, 0));
	EXPECT_EQ(2, ACT(act_count, ONE));

	ASSERT_EQ(0, HOST(act_leave_network, 0));
	EXPECT_EQ(-EXDEV, HOST(act_permit, HOSTS));
	EXPECT_EQ(2, get_list(ONE, NULL, 0));
	/* There the same address may be another one's. */
	ASSERT_EQ(0, forget(ONE));
	EXPECT_EQ(-EADDRINUSE, permit(ONE, THEIRS));
	EXPECT_EQ(0, HOST(act_permit, THEIRS));
}

/* ---- the list ---- */

TEST_F(address, list)
{
	struct vps_address items[3] = {}, mine = list_item(MINE), also = list_item(ALSO_MINE);

	GIVE();
	EXPECT_EQ(-EEXIST, permit(ONE, MINE));
	EXPECT_EQ(-EADDRINUSE, permit(ONE, THEIRS));
	EXPECT_EQ(2, get_list(ONE, items, 3));
	EXPECT_EQ(0, memcmp(&items[0], &mine, sizeof(mine)));
	EXPECT_EQ(0, memcmp(&items[1], &also, sizeof(also)));
	EXPECT_EQ(0, items[2].size);
	memset(items, 0, sizeof(items));
	EXPECT_EQ(2, get_list(ONE, items, 1));
	EXPECT_EQ(0, items[1].size);

	EXPECT_EQ(-ENOENT, forbid(ONE, THEIRS));
	EXPECT_EQ(0, forbid(ONE, MINE));
	EXPECT_EQ(-ENOENT, forbid(ONE, MINE));
	EXPECT_EQ(1, get_list(ONE, items, 3));
	EXPECT_EQ(0, memcmp(&items[0], &also, sizeof(also)));
	EXPECT_EQ(-EADDRNOTAVAIL, ACT(act_bind, MINE));
	EXPECT_EQ(0, permit(TWO, MINE));
	EXPECT_EQ(0, actor_do(&self->two, act_bind, MINE));
}

TEST_F(address, empty_list)
{
	GIVE();
	ASSERT_EQ(0, forbid(ONE, MINE));
	ASSERT_EQ(0, forbid(ONE, ALSO_MINE));
	EXPECT_EQ(0, get_list(ONE, NULL, 0));
	EXPECT_EQ(-EADDRNOTAVAIL, ACT(act_bind, MINE));
	EXPECT_EQ(-EPERM, ACT(act_send, TO(server_port, MINE)));
	EXPECT_EQ(0, ACT(act_bind, OWN_LOCAL));
	ASSERT_EQ(0, forget(ONE));
	EXPECT_EQ(-ENODATA, get_list(ONE, NULL, 0));
	EXPECT_EQ(0, ACT(act_bind, HOSTS));
	EXPECT_EQ(0, ACT(act_send, TO(server_port, HOSTS)));
}

TEST_F(address, range)
{
	struct vps_address item = list_item(MINE);

	ASSERT_EQ(0, permit(TWO, HOSTS));
	item.bits -= 3;
	EXPECT_EQ(-EADDRINUSE, vserver(SET(NETADDR, PERMIT), ONE, &item));
	ASSERT_EQ(0, forget(TWO));
	EXPECT_EQ(0, vserver(SET(NETADDR, PERMIT), ONE, &item));
	EXPECT_EQ(-EADDRINUSE, permit(TWO, HOSTS));
	for (int i = MINE; i < ADDRESSES; i++) {
		EXPECT_EQ(0, ACT(act_bind, i));
		EXPECT_EQ(0, ACT(act_send, TO(server_port, i)));
	}
	EXPECT_EQ(-ENOENT, forbid(ONE, MINE));
	EXPECT_EQ(0, vserver(SET(NETADDR, REMOVE), ONE, &item));
}

TEST_F(address, many)
{
	struct vps_address item = list_item(MINE);
	static struct vps_address items[VPS_ADDRESSES_MAX];
	int last = item.family == AF_INET ? 3 : 15;

	for (int i = 0; i < VPS_ADDRESSES_MAX; i++) {
		item.addr[last] = i;
		item.addr[last - 1] = 7;
		ASSERT_EQ(0, vserver(SET(NETADDR, PERMIT), ONE, &item));
	}
	item.addr[last - 1] = 8;
	EXPECT_EQ(-ENOSPC, vserver(SET(NETADDR, PERMIT), ONE, &item));
	EXPECT_EQ(VPS_ADDRESSES_MAX, get_list(ONE, items, VPS_ADDRESSES_MAX));
	EXPECT_EQ(VPS_ADDRESSES_MAX - 1, items[VPS_ADDRESSES_MAX - 1].addr[last]);
	item.addr[last - 1] = 7;
	item.addr[last] = 0;
	EXPECT_EQ(0, vserver(SET(NETADDR, REMOVE), ONE, &item));
	EXPECT_EQ(0, permit(ONE, MINE));
	EXPECT_EQ(0, ACT(act_bind, MINE));
}

/* An address is free again with the end of who had it. */
TEST_F(address, context_ends)
{
	struct context three;

	ASSERT_EQ(0, context_make(&three, THREE, 0));
	ASSERT_EQ(0, permit(THREE, MINE));
	EXPECT_EQ(-EADDRINUSE, permit(ONE, MINE));
	ASSERT_EQ(0, vps_destroy(THREE));
	EXPECT_EQ(0, permit(ONE, MINE));
	close(three.group);
}

TEST_F(address, who_may)
{
	GIVE();
	EXPECT_EQ(-EPERM, ACT(act_permit, HOSTS));
	EXPECT_EQ(2, ACT(act_count, ONE));
	EXPECT_EQ(-EPERM, ACT(act_count, TWO));
	EXPECT_EQ(-ESRCH, get_list(THREE, NULL, 0));
	EXPECT_EQ(-ESRCH, permit(THREE, MINE));
}

TEST_F(address, proc)
{
	char path[64], text[4096], line[128];

	GIVE();
	snprintf(path, sizeof(path), "/proc/vservers/%d", ONE);
	ASSERT_LT(0, get_text(AT_FDCWD, path, text, sizeof(text)));
	snprintf(line, sizeof(line), "\nAddresses assigned: lo %s%d/24\nAddresses assigned: lo ",
		 form == V6 ? "2001:db8::" : "192.0.2.", MINE);
	EXPECT_NE(NULL, strstr(text, line)) TH_LOG("%s", text);
	ASSERT_EQ(0, forget(ONE));
	ASSERT_LT(0, get_text(AT_FDCWD, path, text, sizeof(text)));
	EXPECT_EQ(NULL, strstr(text, "Addresses assigned"));
}

/* ---- bad input ---- */

static long permit_item(struct vps_address item)
{
	return vserver(SET(NETADDR, PERMIT), ONE, &item);
}

TEST_F(address, bad_address)
{
	static const int bad[] = { LOCAL, OWN_LOCAL, OTHER_LOCAL, ANY };
	struct vps_address item = list_item(MINE), changed;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, permit(ONE, bad[i]));
#define EXPECT_BAD(member, value) do {				\
	changed = item;						\
	changed.member = value;					\
	EXPECT_EQ(-EINVAL, permit_item(changed));		\
} while (0)
	EXPECT_BAD(family, AF_UNIX);
	EXPECT_BAD(family, 0);
	EXPECT_BAD(bits, 0);
	EXPECT_BAD(bits, item.bits + 1);
	EXPECT_BAD(prefix, item.bits + 1);
	EXPECT_BAD(device[0], '/');
	EXPECT_BAD(device[VPS_DEVICE_SIZE - 1], 'x');
	EXPECT_BAD(size, sizeof(item) - 4);
	EXPECT_BAD(size, sizeof(item) + 1);
	if (item.family == AF_INET)
		EXPECT_BAD(addr[4], 1);
	EXPECT_EQ(-ENODATA, get_list(ONE, NULL, 0));
	EXPECT_EQ(-EFAULT, vserver(SET(NETADDR, PERMIT), ONE, NULL));
	memset(item.device, 0, sizeof(item.device));
	EXPECT_EQ(0, permit_item(item));
}

TEST_F(address, bad_list)
{
	struct vps_address items[2];
	struct vps_addresses list = {
		.size = sizeof(list), .count = 2, .each = sizeof(*items), .list = 8,
	};
	struct {
		struct vps_address known;
		__u32 tail;
	} newer;

	EXPECT_EQ(-ENODATA, vserver(GET(NETADDR, PERMIT), ONE, &list));
	ASSERT_EQ(0, permit(ONE, MINE));
	EXPECT_EQ(-EFAULT, vserver(GET(NETADDR, PERMIT), ONE, &list));
	list.list = (uintptr_t)items;
	list.each = sizeof(*items) - 4;
	EXPECT_EQ(-EINVAL, vserver(GET(NETADDR, PERMIT), ONE, &list));
	list.each = sizeof(*items) + 2;
	EXPECT_EQ(-EINVAL, vserver(GET(NETADDR, PERMIT), ONE, &list));
	list.each = sizeof(*items);
	list.reserved = 1;
	EXPECT_EQ(-EINVAL, vserver(GET(NETADDR, PERMIT), ONE, &list));
	list.reserved = 0;
	list.size = sizeof(list) - 4;
	EXPECT_EQ(-EINVAL, vserver(GET(NETADDR, PERMIT), ONE, &list));

	/* Who knows more of each has 0 there. */
	newer.tail = 0xa5;
	list = (struct vps_addresses) {
		.size = sizeof(list), .count = 1, .each = sizeof(newer), .list = (uintptr_t)&newer,
	};
	EXPECT_EQ(0, vserver(GET(NETADDR, PERMIT), ONE, &list));
	EXPECT_EQ(1, list.count);
	EXPECT_EQ(sizeof(newer), newer.known.size);
	EXPECT_EQ(0, newer.tail);
}

TEST_HARNESS_MAIN
