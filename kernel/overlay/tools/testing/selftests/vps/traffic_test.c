// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a context sends and gets, to the byte: against known sizes and against what is seen on a
 * cable to another network namespace, where the peer is. And accounts: who is told what, how often,
 * and what stays when a context is gone.
 */
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include "vps_test.h"

#define LINES "/proc/vservers/traffic"
#define FRESH "/proc/vservers/trafstat"

#define IP4 20
#define IP6 40
#define UDP 8

#define PORT 7777
#define DEATHS 1000

/* ---- addresses ---- */

enum where { HERE, THERE, LOOPBACK, GROUP };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int family = AF_INET;	/* actors inherit it */

static union address address_of(enum where where)
{
	static const __u32 v4[] = { 0xc6120001, 0xc6120002, INADDR_LOOPBACK, 0xefff0001 };
	static const __u8 v6[][16] = {
		{ 0xfd, [15] = 1 }, { 0xfd, [15] = 2 }, { [15] = 1 }, { 0xff, 0x15, [15] = 9 },
	};
	union address address = { .any.sa_family = family };

	if (family == AF_INET6) {
		memcpy(&address.v6.sin6_addr, v6[where], 16);
		address.v6.sin6_port = htons(PORT);
	} else {
		address.v4.sin_addr.s_addr = htonl(v4[where]);
		address.v4.sin_port = htons(PORT);
	}
	return address;
}

static socklen_t length_of(void)
{
	return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static __u64 headers(void)
{
	return (family == AF_INET6 ? IP6 : IP4) + UDP;
}

/* ---- what is told ---- */

struct row {
	__u32 id;
	__u64 in, out, in_packets, out_packets, account;
	char name[VPS_NAME_SIZE];
};

#define ROWS_MAX (DEATHS + 100)

static struct row table[ROWS_MAX];
static int table_count;

/* All of /proc/vservers/traffic; how many are of @id. */
static int read_table(__u32 id)
{
	FILE *file = fopen(LINES, "re");
	char line[512];
	int found = 0;

	table_count = 0;
	while (file && table_count < ROWS_MAX && fgets(line, sizeof(line), file)) {
		struct row *row = &table[table_count];

		*row = (struct row){ 0 };
		if (sscanf(line, "%u %llu %llu %llu %llu %llu %71s", &row->id, &row->in, &row->out,
			   &row->in_packets, &row->out_packets, &row->account, row->name) < 6)
			break;
		table_count++;
		found += row->id == id;
	}
	if (file)
		fclose(file);
	return found;
}

/* The last one of @id. */
static struct row row_of(__u32 id)
{
	struct row none = { 0 };

	read_table(id);
	for (int i = table_count; i--;)
		if (table[i].id == id)
			return table[i];
	return none;
}

/* All of @id together. */
static struct row sum_of(__u32 id)
{
	struct row sum = { .id = id };

	read_table(id);
	for (int i = 0; i < table_count; i++) {
		if (table[i].id != id)
			continue;
		sum.in += table[i].in;
		sum.out += table[i].out;
		sum.in_packets += table[i].in_packets;
		sum.out_packets += table[i].out_packets;
	}
	return sum;
}

/* What is new of @id, of which the reader is the only one to be told. */
static struct row take(__u32 id)
{
	FILE *file = fopen(FRESH, "re");
	struct row sum = { .id = id };
	unsigned long long in, out;
	char line[512];
	__u32 other;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%u %llu %llu", &other, &in, &out) == 3 && other == id) {
			sum.in += in;
			sum.out += out;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

static long act_self(long out)
{
	return get_field("/proc/vservers/self", out ? "Outgoing traffic: " : "Incoming traffic: ");
}

static bool forgotten(__u32 id, __u64 account)
{
	return EVENTUALLY(vps_forget(id, account) != -EBUSY);
}

/* What tests leave behind. */
static void forget_all(void)
{
	read_table(0);
	for (int i = 0; i < table_count; i++)
		if (vps_exists(table[i].id))
			(void)forgotten(table[i].id, table[i].account);
}

/* ---- what actors do ---- */

static int sock = -1;

static long act_open(long where)
{
	union address address = address_of(where);
	int one = 1, size = 1 << 22;

	sock = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(sock, &address.any, length_of()))
		return -errno;
	setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

static long act_shut(long unused)
{
	return outcome(close(sock));
}

#define SIZE_BITS 24

/* To where (in the upper bits) how much. */
static long act_send(long what)
{
	static char payload[65536];
	union address address = address_of(what >> SIZE_BITS);
	ssize_t sent = sendto(sock, payload, what & ((1 << SIZE_BITS) - 1), 0, &address.any,
			      length_of());

	return sent < 0 ? -errno : sent;
}

static long message(enum where where, long size)
{
	return (long)where << SIZE_BITS | size;
}

static long act_receive(long unused)
{
	char payload[65536];
	ssize_t got = recv(sock, payload, sizeof(payload), 0);

	return got < 0 ? -errno : got;
}

static long act_join(long unused)
{
	struct ip_mreqn v4 = { .imr_ifindex = if_nametoindex("here") };
	struct ipv6_mreq v6 = { .ipv6mr_interface = v4.imr_ifindex };

	v4.imr_multiaddr = address_of(GROUP).v4.sin_addr;
	v6.ipv6mr_multiaddr = address_of(GROUP).v6.sin6_addr;
	if (family == AF_INET6)
		return outcome(setsockopt(sock, IPPROTO_IPV6, IPV6_JOIN_GROUP, &v6, sizeof(v6)) ?:
			       setsockopt(sock, IPPROTO_IPV6, IPV6_MULTICAST_IF,
					  &v6.ipv6mr_interface, sizeof(int)));
	return outcome(setsockopt(sock, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4)) ?:
		       setsockopt(sock, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof(v4)));
}

static long act_run(long command)
{
	return system((const char *)command);
}

/* ---- TCP: who listens sends @amount, gets as much, and closes first ---- */

static long amount = 3000000;

static bool send_all(int fd)
{
	static char block[100000];
	long left = amount;

	while (left) {
		size_t part = left < (long)sizeof(block) ? left : sizeof(block);
		ssize_t sent = send(fd, block, part, 0);

		if (sent <= 0)
			return false;
		left -= sent;
	}
	return true;
}

static bool receive_all(int fd)
{
	static char block[100000];
	long left = amount;

	while (left) {
		size_t part = left < (long)sizeof(block) ? left : sizeof(block);
		ssize_t got = recv(fd, block, part, 0);

		if (got <= 0)
			return false;
		left -= got;
	}
	return true;
}

static long act_listen(long where)
{
	union address address = address_of(where);
	int one = 1;

	sock = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(sock, &address.any, length_of()) || listen(sock, 1))
		return -errno;
	return 0;
}

static long act_serve(long unused)
{
	int fd = accept(sock, NULL, NULL);
	bool done = fd >= 0 && send_all(fd) && receive_all(fd) && !shutdown(fd, SHUT_WR);
	char byte;

	done = done && !recv(fd, &byte, 1, 0);
	close(fd);
	close(sock);
	return done;
}

/* Its end is the later one: what the one before does in TIME_WAIT is no socket's any more. */
static long act_visit(long where)
{
	union address address = address_of(where);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;
	bool done;

	done = !connect(fd, &address.any, length_of()) && receive_all(fd) && send_all(fd) &&
	       !recv(fd, &byte, 1, 0);
	close(fd);
	return done;
}

/* ---- what is on the cable ---- */

static int wire_open(void)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("here"),
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL)), size = 1 << 28;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

static bool is_tcp(const __u8 *packet)
{
	return packet[0] >> 4 == 4 ? packet[9] == IPPROTO_TCP :
	       packet[0] >> 4 == 6 && packet[6] == IPPROTO_TCP;
}

/* Adds all of TCP since it was read before, and remembers how long the longest was. */
static void wire_read(int fd, struct row *sum, long *longest)
{
	__u8 packet[64];
	ssize_t length;

	for (;;) {
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);

		length = recvfrom(fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC,
				  (struct sockaddr *)&from, &size);
		if (length < 0)
			return;
		if (!is_tcp(packet))
			continue;
		if (length > *longest)
			*longest = length;
		if (from.sll_pkttype == PACKET_OUTGOING) {
			sum->out += length;
			sum->out_packets++;
		} else {
			sum->in += length;
			sum->in_packets++;
		}
	}
}

/* What is sent is cut by then: before the cable, and seen so. */
static long act_cut(long device)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STSO };
	struct ifreq request = { .ifr_data = (void *)&value };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long err;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", (const char *)device);
	err = outcome(ioctl(fd, SIOCETHTOOL, &request));
	close(fd);
	return err;
}

/* ---- the tests ---- */

FIXTURE(traffic)
{
	struct limited here;
	struct actor peer;
};

FIXTURE_VARIANT(traffic)
{
	int family;
};

FIXTURE_VARIANT_ADD(traffic, v4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(traffic, v6) { .family = AF_INET6 };

/* A cable from here to the peer's network. */
static long make_cable(struct actor *peer)
{
	static const char *const here[] = {
		"ip link set lo up",
		"ip addr add 198.18.0.1/30 dev here",
		"ip addr add fd00::1/64 dev here nodad",
		"ip link set here up",
	};
	static const char *const there[] = {
		"ip addr add 198.18.0.2/30 dev there",
		"ip addr add fd00::2/64 dev there nodad",
		"ip link set there up",
	};
	long value = actor_start_in(peer, NULL, CLONE_NEWNET);
	char command[128];

	snprintf(command, sizeof(command), "ip link add here type veth peer name there netns %d",
		 peer->pid);
	value = value ?: system(command);
	for (size_t i = 0; !value && i < ARRAY_SIZE(here); i++)
		value = system(here[i]);
	for (size_t i = 0; !value && i < ARRAY_SIZE(there); i++)
		value = actor_do(peer, act_run, (long)there[i]);
	return value;
}

FIXTURE_SETUP(traffic)
{
	self->peer = (struct actor){ -1, -1, -1 };
	self->here = (struct limited){ .actor = { -1, -1, -1 } };
	family = variant->family;
	if (system("ip -V >/dev/null"))
		SKIP(return, "ip of iproute2 is not there");
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, make_cable(&self->peer));
	ASSERT_EQ(0, limited_make(&self->here));
	forget_all();
	ASSERT_EQ(0, actor_do(&self->peer, act_open, THERE));
	ASSERT_EQ(0, actor_do(&self->here.actor, act_open, HERE));
}

FIXTURE_TEARDOWN(traffic)
{
	if (self->peer.pid < 0)
		return;
	actor_end(&self->peer);
	EXPECT_TRUE(limited_end(&self->here));
	forget_all();
	EXPECT_EQ(0, read_table(ONE));
	EXPECT_EQ(0, read_table(TWO));
}

static bool has_had(__u64 in, __u64 in_packets, __u64 out, __u64 out_packets)
{
	struct row row = row_of(ONE);

	if (row.in == in && row.in_packets == in_packets && row.out == out &&
	    row.out_packets == out_packets)
		return true;
	printf("# in %llu (%llu), out %llu (%llu), not %llu (%llu), %llu (%llu)\n", row.in,
	       row.in_packets, row.out, row.out_packets, in, in_packets, out, out_packets);
	return false;
}

TEST_F(traffic, datagrams)
{
	static const long sizes[] = { 0, 1, 17, 512, 1000, 1400 };
	struct actor *actor = &self->here.actor;
	__u64 out = 0, in = 0, count = 0;

	EXPECT_TRUE(has_had(0, 0, 0, 0));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(sizes[i], actor_do(actor, act_send, message(THERE, sizes[i])));
		EXPECT_EQ(sizes[i], actor_do(&self->peer, act_receive, 0));
		out += headers() + sizes[i];
		EXPECT_TRUE(has_had(in, count, out, count + 1));
		EXPECT_EQ(sizes[i], actor_do(&self->peer, act_send, message(HERE, sizes[i])));
		EXPECT_EQ(sizes[i], actor_do(actor, act_receive, 0));
		in += headers() + sizes[i];
		count++;
		EXPECT_TRUE(has_had(in, count, out, count));
	}
	EXPECT_EQ(in, actor_do(actor, act_self, 0));
	EXPECT_EQ(out, actor_do(actor, act_self, 1));
	EXPECT_EQ(in, get_field("/proc/vservers/801", "Incoming traffic: "));
	EXPECT_EQ(out, get_field("/proc/vservers/801", "Outgoing traffic: "));
	/* Nobody else's. */
	EXPECT_EQ(0, act_self(0) + act_self(1));
	EXPECT_EQ(0, row_of(TWO).in + row_of(TWO).out);
}

/* Also to an address of the cable's: it does not leave. */
TEST_F(traffic, loopback)
{
	struct actor *actor = &self->here.actor;

	EXPECT_EQ(100, actor_do(actor, act_send, message(HERE, 100)));
	EXPECT_EQ(100, actor_do(actor, act_receive, 0));
	EXPECT_EQ(0, actor_do(actor, act_shut, 0));
	EXPECT_EQ(0, actor_do(actor, act_open, LOOPBACK));
	EXPECT_EQ(100, actor_do(actor, act_send, message(LOOPBACK, 100)));
	EXPECT_EQ(100, actor_do(actor, act_receive, 0));
	EXPECT_TRUE(has_had(0, 0, 0, 0));
}

/* What a group gets goes out once, and the copy for those who listen here has not come in. */
TEST_F(traffic, groups)
{
	struct actor *actor = &self->here.actor;

	ASSERT_EQ(0, actor_do(actor, act_shut, 0));
	ASSERT_EQ(0, actor_do(actor, act_open, GROUP));
	ASSERT_EQ(0, actor_do(actor, act_join, 0));
	EXPECT_EQ(100, actor_do(actor, act_send, message(GROUP, 100)));
	EXPECT_EQ(100, actor_do(actor, act_receive, 0));
	EXPECT_TRUE(has_had(0, 0, headers() + 100, 1));
}

/* A socket is of who has made it, wherever it is, and a dead one's is nobody's. */
TEST_F(traffic, of_the_socket)
{
	struct actor *actor = &self->here.actor;

	ASSERT_EQ(0, vps_migrate(TWO, self->here.two.group, actor->pid));
	EXPECT_EQ(10, actor_do(actor, act_send, message(THERE, 10)));
	EXPECT_TRUE(has_had(0, 0, headers() + 10, 1));
	EXPECT_EQ(0, row_of(TWO).out);
	EXPECT_EQ(0, actor_do(actor, act_shut, 0));
	EXPECT_EQ(0, actor_do(actor, act_open, HERE));
	EXPECT_EQ(10, actor_do(actor, act_send, message(THERE, 10)));
	EXPECT_TRUE(has_had(0, 0, headers() + 10, 1));
	EXPECT_EQ(headers() + 10, row_of(TWO).out);
}

/* The server closes first, so it is the peer. */
static void check_tcp(struct __test_metadata *_metadata, struct actor *server,
		      struct actor *visitor, int wire)
{
	struct row row, seen = { 0 };
	long longest = 0;

	ASSERT_EQ(0, actor_do(server, act_listen, THERE));
	actor_ask(server, act_serve, 0);
	EXPECT_EQ(1, actor_do(visitor, act_visit, THERE));
	EXPECT_EQ(1, actor_hear(server));
	/* Until what says that it has heard of the end has come, too. */
	(void)EVENTUALLY((wire_read(wire, &seen, &longest), row = row_of(ONE),
			  seen.in == row.in && seen.out == row.out));
	EXPECT_LE(longest, 1500);
	EXPECT_GT(seen.out, amount);
	EXPECT_GT(seen.in, amount);
	EXPECT_EQ(seen.out, row.out);
	EXPECT_EQ(seen.in, row.in);
	EXPECT_EQ(seen.out_packets, row.out_packets);
	EXPECT_EQ(seen.in_packets, row.in_packets);
}

TEST_F(traffic, connections)
{
	struct actor *actor = &self->here.actor;
	int wire = wire_open();

	ASSERT_LE(0, wire);
	ASSERT_EQ(0, act_cut((long)"here"));
	ASSERT_EQ(0, actor_do(&self->peer, act_cut, (long)"there"));
	check_tcp(_metadata, &self->peer, actor, wire);
	close(wire);
}

/* Put together before it comes in, it is what it was. */
TEST_F(traffic, connections_put_together)
{
	struct actor *actor = &self->here.actor;
	struct row row;

	ASSERT_EQ(0, actor_do(&self->peer, act_listen, THERE));
	actor_ask(&self->peer, act_serve, 0);
	EXPECT_EQ(1, actor_do(actor, act_visit, THERE));
	EXPECT_EQ(1, actor_hear(&self->peer));
	row = row_of(ONE);
	/* At least one header for each 1500 bytes, and few more packets than these. */
	EXPECT_GE(row.in_packets, amount / 1500);
	EXPECT_GE(row.in, amount + row.in_packets * (headers() - UDP + 20));
	EXPECT_LE(row.in, amount + row.in_packets * (headers() - UDP + 60));
	EXPECT_GE(row.out_packets, amount / 1500);
	EXPECT_GE(row.out, amount + row.out_packets * (headers() - UDP + 20));
}

/* ---- who is told what ---- */

static struct {
	__u32 id;
	bool end;
	__u64 in[2], out[2];
} readers;

static void *reader_main(void *number)
{
	long i = (long)number;

	while (!GET_ONCE(readers.end)) {
		struct row row = take(readers.id);

		readers.in[i] += row.in;
		readers.out[i] += row.out;
	}
	return NULL;
}

TEST_F(traffic, two_readers_get_each_byte_once)
{
	struct actor *actor = &self->here.actor;
	pthread_t threads[2];
	struct row row, rest;
	__u64 last = 0;

	readers = (typeof(readers)) { .id = ONE };
	for (long i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, reader_main, (void *)i));
	for (int i = 0; i < 1000; i++) {
		EXPECT_EQ(i, actor_do(actor, act_send, message(THERE, i)));
		if (i % 16)
			continue;
		actor_do(&self->peer, act_send, message(HERE, i));
		row = row_of(ONE);
		EXPECT_LE(last, row.out);
		last = row.out;
	}
	SET_ONCE(readers.end, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	rest = take(ONE);
	row = row_of(ONE);
	EXPECT_EQ(1000 * headers() + 999 * 1000 / 2, row.out);
	EXPECT_LT(0, row.in);
	EXPECT_EQ(row.out, readers.out[0] + readers.out[1] + rest.out);
	EXPECT_EQ(row.in, readers.in[0] + readers.in[1] + rest.in);
	rest = take(ONE);
	EXPECT_EQ(0, rest.in + rest.out);
}

/* A line is told when its last byte has been read, and not before. */
TEST_F(traffic, a_line_that_is_cut_is_told_again)
{
	struct actor *actor = &self->here.actor;
	char text[256] = "", part[256], line[64];
	int fd = open(FRESH, O_RDONLY | O_CLOEXEC);
	struct row row;

	EXPECT_EQ(100, actor_do(actor, act_send, message(THERE, 100)));
	ASSERT_EQ(7, read(fd, part, 7));
	EXPECT_EQ(0, strncmp(part, "801 0 1", 7));
	/* While that one has it in hand, it is not another's. */
	EXPECT_EQ(0, take(ONE).out);
	close(fd);
	row = take(ONE);
	EXPECT_EQ(headers() + 100, row.out);

	/* By bytes, as a shell reads. */
	EXPECT_EQ(100, actor_do(actor, act_send, message(THERE, 100)));
	fd = open(FRESH, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_CUR));
	for (size_t at = 0; at < sizeof(text) - 1 && read(fd, text + at, 1) == 1;)
		at++;
	snprintf(line, sizeof(line), "801 0 %llu\n802 0 0\n", headers() + 100);
	EXPECT_STREQ(line, text);
	EXPECT_EQ(0, read(fd, text, 1));
	/* From the start again. */
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(16, read(fd, part, sizeof(part)));
	EXPECT_EQ(0, strncmp(part, "801 0 0\n802 0 0\n", 16));
	close(fd);

	/* What cannot be written has not been read. */
	EXPECT_EQ(100, actor_do(actor, act_send, message(THERE, 100)));
	fd = open(FRESH, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-1, syscall(__NR_read, fd, 8L, 100L));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
	EXPECT_EQ(headers() + 100, take(ONE).out);
}

/* ---- those that are gone ---- */

/* Its group, its context and all in it; another may have its number at once. */
static void end_context(struct context *context)
{
	char name[32];

	snprintf(name, sizeof(name), "%u", context->id);
	close(context->group);
	if (!EVENTUALLY(group_remove(name) != -EBUSY))
		perror("# a group is still in use");
}

TEST_F(traffic, an_account_waits_until_it_is_forgotten)
{
	struct actor *actor = &self->here.actor;
	struct row first, second;

	EXPECT_EQ(100, actor_do(actor, act_send, message(THERE, 100)));
	first = row_of(ONE);
	EXPECT_EQ(-EBUSY, vps_forget(ONE, first.account));
	EXPECT_EQ(-ENOENT, vps_forget(ONE, first.account + 1));
	EXPECT_EQ(-ENOENT, vps_forget(TWO, first.account));
	actor_end(actor);
	actor->pid = -1;
	end_context(&self->here.one);
	EXPECT_EQ(-ESRCH, vps_exists(ONE));
	EXPECT_EQ(1, read_table(ONE));
	EXPECT_TRUE(has_had(0, 0, headers() + 100, 1));
	EXPECT_EQ(headers() + 100, take(ONE).out);
	EXPECT_EQ(0, take(ONE).out);
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
	EXPECT_TRUE(has_had(0, 0, headers() + 100, 1));

	/* Its number is another's, which has an account of its own. */
	ASSERT_EQ(0, context_make(&self->here.one, ONE, 0));
	EXPECT_EQ(2, read_table(ONE));
	second = row_of(ONE);
	EXPECT_NE(first.account, second.account);
	EXPECT_EQ(0, second.out);
	EXPECT_EQ(-EBUSY, vps_forget(ONE, second.account));
	EXPECT_EQ(0, vps_forget(ONE, first.account));
	EXPECT_EQ(-ENOENT, vps_forget(ONE, first.account));
	EXPECT_EQ(1, read_table(ONE));

	/* Without anything in it, there is nothing to wait for. */
	end_context(&self->here.one);
	EXPECT_EQ(0, read_table(ONE));
	EXPECT_TRUE(EVENTUALLY(vps_forget(ONE, second.account) == -ENOENT));
	ASSERT_EQ(0, context_make(&self->here.one, ONE, 0));
}

/*
 * Adds to @noted what contexts that have ended had, and forgets it; nobody is to take it any more.
 * Returns how many accounts that was.
 */
static int harvest(__u32 id, struct row *noted)
{
	int forgotten = 0;

	read_table(id);
	for (int i = 0; i < table_count; i++) {
		if (table[i].id != id || vps_forget(id, table[i].account))
			continue;
		noted->out += table[i].out;
		noted->out_packets += table[i].out_packets;
		forgotten++;
	}
	return forgotten;
}

/* While others read, and harvests come at any instant. */
TEST_F_TIMEOUT(traffic, of_many_deaths_none_is_lost, 300)
{
	struct row noted = { .id = TWO + 1 }, rest;
	int harvests = 0, forgotten = 0;
	__u64 bytes = 0, taken = 0;
	pthread_t threads[2];
	struct context context;

	readers = (typeof(readers)) { .id = TWO + 1 };
	for (long i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, reader_main, (void *)i));
	for (int i = 1; i <= DEATHS; i++) {
		struct actor one;

		ASSERT_EQ(0, context_make(&context, TWO + 1, 0));
		ASSERT_EQ(0, actor_start(&one, &context));
		ASSERT_EQ(0, actor_do(&one, act_open, HERE));
		EXPECT_EQ(i, actor_do(&one, act_send, message(THERE, i)));
		bytes += headers() + i;
		actor_end(&one);
		end_context(&context);
		if (random() % 8)
			continue;
		taken += take(TWO + 1).out;
		forgotten += harvest(TWO + 1, &noted);
		harvests++;
	}
	SET_ONCE(readers.end, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	taken += take(TWO + 1).out + readers.out[0] + readers.out[1];
	EXPECT_EQ(bytes, taken);
	rest = sum_of(TWO + 1);
	EXPECT_EQ(bytes, noted.out + rest.out);
	EXPECT_EQ(DEATHS, noted.out_packets + rest.out_packets);
	EXPECT_EQ(DEATHS, forgotten + read_table(TWO + 1));
	EXPECT_LT(0, forgotten);
	EXPECT_LT(0, readers.out[0] + readers.out[1]);
	TH_LOG("%d deaths, %d harvests: %llu bytes", DEATHS, harvests, bytes);
	forget_all();
	EXPECT_EQ(0, read_table(TWO + 1));
}

/* Inside there is one's own sum and nothing else. */
static long act_look(long name)
{
	int fd = open((const char *)name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long act_forget(long account)
{
	return vps_forget(ONE, account);
}

TEST_F(traffic, inside)
{
	struct actor *actor = &self->here.actor;

	EXPECT_EQ(0, act_look((long)LINES));
	EXPECT_EQ(-ENOENT, actor_do(actor, act_look, (long)LINES));
	EXPECT_EQ(-ENOENT, actor_do(actor, act_look, (long)FRESH));
	EXPECT_EQ(-EPERM, actor_do(actor, act_forget, row_of(ONE).account));
	EXPECT_EQ(50, actor_do(actor, act_send, message(THERE, 50)));
	EXPECT_EQ(headers() + 50, actor_do(actor, act_self, 1));
	EXPECT_EQ(0, actor_do(actor, act_self, 0));
}

TEST_HARNESS_MAIN
