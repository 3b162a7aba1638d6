// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * meter count DEVICE ADDRESS...: says "ready", and when standard input ends what has passed the
 * device to and from these addresses of IP, or to and from one of Ethernet, by the lengths in the
 * headers of IP: lines "KIND BYTES_IN PACKETS_IN BYTES_OUT PACKETS_OUT", seen from the addresses.
 * Fails where it missed packets, or where some had not been cut to what a wire takes.
 * meter offload DEVICE on|off: whether the device cuts, joins and checks packets later.
 *
 * Kinds: plain, and what no socket of the addresses' owner sends or gets: wait (a connection that
 * waits for its last packets, or whose end crossed them), reset (the answer to what has no
 * connection), icmp, fragment (headers of those behind the first), other.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRS_MAX 8
#define CONNECTIONS_MAX 4096
#define SEGMENTS_MAX 1024
#define BUFFER (256 << 20)

enum kind {
	PLAIN,
	WAIT,
	RESET,
	ICMP,
	FRAGMENT,
	OTHER,
	KINDS,
};

static const char *const kind_names[] = { "plain", "wait", "reset", "icmp", "fragment", "other" };

static struct {
	uint64_t bytes[2];
	uint64_t packets[2];
} counts[KINDS];

static unsigned char addrs[ADDRS_MAX][16];
static size_t addr_count;
static unsigned char mac[ETH_ALEN];
static bool by_mac;
static unsigned int mtu;
static unsigned long large;

/**
 * struct segment - one that the addresses' owner gets
 * @end: the sequence number behind it
 */
struct segment {
	uint32_t end;
	uint32_t len;
};

/**
 * struct connection - of TCP, by its two ports
 * @fin, @fin_end: the addresses' owner has sent its end, and what acknowledges that
 * @ended: the other has sent its own
 * @waits: the first end is acknowledged while there is no other
 * @waited: and then came the other
 * @unknown: the owner has been sent something when it knew of no such connection any more
 * @acked: the last that it has said it has
 * @last, @count: those that came last, plain ones only, and how many came
 */
struct connection {
	uint16_t own_port, port;
	bool fin, ended, waits, waited, unknown;
	uint32_t fin_end, acked;
	struct segment last[SEGMENTS_MAX];
	size_t count;
};

static struct connection connections[CONNECTIONS_MAX];
static size_t connection_count;

/**
 * struct packet - one that is looked at
 * @way: 0 to the addresses, 1 from them
 * @header, @len: of IP
 */
struct packet {
	int way;
	int protocol;
	size_t header, len;
	bool is_rest;
	const unsigned char *bytes;
	size_t there;
};

static void map4(const unsigned char *four, unsigned char addr[16])
{
	memset(addr, 0, 10);
	memset(addr + 10, 0xff, 2);
	memcpy(addr + 12, four, 4);
}

static bool is_ours(const unsigned char addr[16])
{
	for (size_t i = 0; i < addr_count; i++)
		if (!memcmp(addrs[i], addr, 16))
			return true;
	return false;
}

static bool look4(struct packet *packet, unsigned char from[16], unsigned char to[16])
{
	const struct iphdr *ip = (const void *)packet->bytes;

	if (packet->there < sizeof(*ip))
		return false;
	packet->header = ip->ihl * 4u;
	packet->len = ntohs(ip->tot_len);
	packet->protocol = ip->protocol;
	packet->is_rest = ntohs(ip->frag_off) & 0x1fff;
	map4((const unsigned char *)&ip->saddr, from);
	map4((const unsigned char *)&ip->daddr, to);
	return true;
}

static bool look6(struct packet *packet, unsigned char from[16], unsigned char to[16])
{
	const struct ip6_hdr *ip = (const void *)packet->bytes;
	const struct ip6_frag *fragment = (const void *)(ip + 1);

	if (packet->there < sizeof(*ip))
		return false;
	packet->header = sizeof(*ip);
	packet->len = ntohs(ip->ip6_plen) + sizeof(*ip);
	packet->protocol = ip->ip6_nxt;
	memcpy(from, &ip->ip6_src, 16);
	memcpy(to, &ip->ip6_dst, 16);
	if (ip->ip6_nxt != IPPROTO_FRAGMENT)
		return true;
	packet->header += sizeof(*fragment);
	packet->protocol = fragment->ip6f_nxt;
	packet->is_rest = fragment->ip6f_offlg & IP6F_OFF_MASK;
	return packet->there >= packet->header;
}

static struct connection *find(const struct packet *packet, const struct tcphdr *tcp)
{
	uint16_t own = packet->way ? tcp->source : tcp->dest;
	uint16_t port = packet->way ? tcp->dest : tcp->source;

	for (size_t i = 0; i < connection_count; i++)
		if (connections[i].own_port == own && connections[i].port == port)
			return &connections[i];
	if (connection_count == CONNECTIONS_MAX)
		errx(1, "too many connections");
	connections[connection_count] = (struct connection){ .own_port = own, .port = port };
	return &connections[connection_count++];
}

static uint32_t end_of(const struct packet *packet, const struct tcphdr *tcp)
{
	return (uint32_t)(ntohl(tcp->seq) + packet->len - packet->header - tcp->doff * 4u +
			  tcp->fin);
}

static enum kind of_tcp_out(struct connection *connection, const struct packet *packet,
			    const struct tcphdr *tcp)
{
	if (tcp->rst && !tcp->seq)
		return RESET;
	/* An answer to what has no connection any more, or is too late for what is left of it. */
	if (tcp->rst && !tcp->ack) {
		connection->unknown = true;
		return WAIT;
	}
	if (tcp->ack)
		connection->acked = ntohl(tcp->ack_seq);
	if (tcp->fin)
		connection->fin_end = end_of(packet, tcp);
	connection->fin |= tcp->fin;
	return connection->waited ? WAIT : PLAIN;
}

static enum kind of_tcp_in(struct connection *connection, const struct packet *packet,
			   const struct tcphdr *tcp)
{
	/* The first for the socket, and one for each packet that was behind that. */
	if (tcp->rst)
		return WAIT;
	if (connection->waits && tcp->fin)
		connection->waited = true;
	connection->ended |= tcp->fin;
	connection->waits |= connection->fin && !connection->ended &&
			     ntohl(tcp->ack_seq) == connection->fin_end;
	if (connection->waited)
		return WAIT;
	connection->last[connection->count++ % SEGMENTS_MAX] =
		(struct segment){ .end = end_of(packet, tcp), .len = (uint32_t)packet->len };
	return PLAIN;
}

static enum kind of_tcp(const struct packet *packet)
{
	const struct tcphdr *tcp = (const void *)(packet->bytes + packet->header);
	struct connection *connection;

	if (packet->there < packet->header + sizeof(*tcp))
		errx(1, "a header is not whole");
	connection = find(packet, tcp);
	return packet->way ? of_tcp_out(connection, packet, tcp) :
			     of_tcp_in(connection, packet, tcp);
}

static void add(enum kind kind, int way, uint64_t bytes, uint64_t packets)
{
	counts[kind].bytes[way] += bytes;
	counts[kind].packets[way] += packets;
}

static void look(const unsigned char *bytes, size_t there, unsigned int protocol, bool from_mac)
{
	struct packet packet = { .bytes = bytes, .there = there };
	unsigned char from[16], to[16];

	if (protocol == ETH_P_IP ? !look4(&packet, from, to) :
	    protocol != ETH_P_IPV6 || !look6(&packet, from, to))
		return;
	if (!by_mac && is_ours(from) == is_ours(to))
		return;
	packet.way = by_mac ? from_mac : is_ours(from);
	if (packet.len > mtu)
		large++;
	if (packet.is_rest) {
		/* What it carries is part of the whole, its header is not. */
		add(FRAGMENT, packet.way, packet.header, 1);
		add(PLAIN, packet.way, packet.len - packet.header, 0);
		return;
	}
	switch (packet.protocol) {
	case IPPROTO_TCP:
		add(of_tcp(&packet), packet.way, packet.len, 1);
		return;
	case IPPROTO_UDP:
		if (protocol == ETH_P_IPV6 && packet.header > sizeof(struct ip6_hdr)) {
			add(FRAGMENT, packet.way, sizeof(struct ip6_frag), 0);
			packet.len -= sizeof(struct ip6_frag);
		}
		add(PLAIN, packet.way, packet.len, 1);
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		add(ICMP, packet.way, packet.len, 1);
		return;
	}
	add(OTHER, packet.way, packet.len, 1);
}

static int open_device(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = BUFFER;
	struct ifreq request = { 0 };

	if (sock < 0)
		err(1, "socket");
	at.sll_ifindex = (int)if_nametoindex(name);
	if (!at.sll_ifindex)
		err(1, "%s", name);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFMTU, &request) < 0)
		err(1, "%s: MTU", name);
	mtu = (unsigned int)request.ifr_mtu;
	if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		err(1, "SO_RCVBUFFORCE");
	if (bind(sock, (struct sockaddr *)&at, sizeof(at)) < 0)
		err(1, "bind");
	return sock;
}

static bool is_for_owner(const struct ether_header *frame)
{
	return !by_mac || !memcmp(frame->ether_dhost, mac, ETH_ALEN);
}

static void drain(int sock)
{
	unsigned char bytes[256];
	const struct ether_header *frame = (const void *)bytes;
	ssize_t n;

	while ((n = recv(sock, bytes, sizeof(bytes), 0)) >= (ssize_t)sizeof(*frame)) {
		bool from = by_mac && !memcmp(frame->ether_shost, mac, ETH_ALEN);

		if (from || is_for_owner(frame))
			look(bytes + sizeof(*frame), (size_t)n - sizeof(*frame),
			     ntohs(frame->ether_type), from);
	}
}

/*
 * What had not been acknowledged when the owner knew of no such connection: no packet tells how
 * much of it came before the end.
 */
static void settle(const struct connection *connection)
{
	for (size_t i = 0; i < SEGMENTS_MAX && i < connection->count; i++) {
		const struct segment *segment = &connection->last[i];

		if ((int32_t)(segment->end - connection->acked) < 0)
			continue;
		counts[PLAIN].bytes[0] -= segment->len;
		counts[PLAIN].packets[0]--;
		add(WAIT, 0, segment->len, 1);
	}
}

static int print(int sock)
{
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);

	if (getsockopt(sock, SOL_PACKET, PACKET_STATISTICS, &stats, &size) < 0)
		err(1, "PACKET_STATISTICS");
	for (int i = 0; i < KINDS; i++)
		printf("%s %ju %ju %ju %ju\n", kind_names[i], (uintmax_t)counts[i].bytes[0],
		       (uintmax_t)counts[i].packets[0], (uintmax_t)counts[i].bytes[1],
		       (uintmax_t)counts[i].packets[1]);
	if (stats.tp_drops || large)
		errx(1, "%u packets missed, %lu longer than the wire takes", stats.tp_drops,
		     large);
	return 0;
}

static int count(const char *device)
{
	int sock = open_device(device);
	struct pollfd fds[] = { { 0, POLLIN, 0 }, { sock, POLLIN, 0 } };
	char byte;

	puts("ready");
	fflush(stdout);
	while (poll(fds, 2, -1) >= 0) {
		drain(sock);
		if (fds[0].revents && read(0, &byte, 1) <= 0)
			break;
	}
	drain(sock);
	for (size_t i = 0; i < connection_count; i++)
		if (connections[i].unknown)
			settle(&connections[i]);
	return print(sock);
}

static int offload(const char *device, bool on)
{
	static const uint32_t commands[] = {
		ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO,
	};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		struct ethtool_value value = { .cmd = commands[i], .data = on };

		request.ifr_data = (void *)&value;
		if (ioctl(sock, SIOCETHTOOL, &request) < 0)
			err(1, "%s: %#x", device, commands[i]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "offload"))
		return offload(argv[2], !strcmp(argv[3], "on"));
	if (argc < 4 || argc > 3 + ADDRS_MAX || strcmp(argv[1], "count") != 0)
		errx(2, "usage: meter count DEVICE ADDRESS... | meter offload DEVICE on|off");
	for (int i = 3; i < argc; i++, addr_count++) {
		unsigned char four[4];

		if (sscanf(argv[i], "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1],
			   &mac[2], &mac[3], &mac[4], &mac[5]) == ETH_ALEN && argc == 4)
			by_mac = true;
		else if (inet_pton(AF_INET, argv[i], four) == 1)
			map4(four, addrs[addr_count]);
		else if (inet_pton(AF_INET6, argv[i], addrs[addr_count]) != 1)
			errx(2, "%s: no address", argv[i]);
	}
	return count(argv[2]);
}
