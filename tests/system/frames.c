// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frames send DEVICE MAC ADDR4 ADDR6 OTHER4 OTHER6: sends frames of every kind, each with its name
 * in it: what a VPS with MAC, ADDR4 and ADDR6 may send, and what it may not, in between.
 * frames watch DEVICE TENS: for so many times ten seconds says "ready", then the name of each frame
 * that comes, until "end".
 */
#include <arpa/inet.h>
#include <err.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 2048
/* Short, since a frame of ARP is not longer than the shortest there is. */
#define MARK "vf:"

static const unsigned char others_mac[6] = { 0x02, 0, 0, 0, 0, 0x99 };

/* What is sent of. */
static unsigned char mac[6], own4[4], own6[16], own_ll[16], other4[4], other6[16], other_ll[16];
static const unsigned char none[16];
static int sock;
static struct sockaddr_ll to;

static unsigned char frame[FRAME_MAX];
static size_t len;

/* The name is in an option of neighbour discovery, behind which there can be nothing. */
#define OPTION_LEN 62
static bool in_option;

static void put(const void *bytes, size_t count)
{
	memcpy(frame + len, bytes, count);
	len += count;
}

static void put16(unsigned int value)
{
	uint16_t be = htons((uint16_t)value);

	put(&be, sizeof(be));
}

static void put8(unsigned int value)
{
	frame[len++] = (unsigned char)value;
}

static void begin(const unsigned char source[6], unsigned int type)
{
	static const unsigned char all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	len = 0;
	put(all, 6);
	put(source, 6);
	put16(type);
}

/* A bridge that follows who listens to what drops what is wrong in these. */
static void fill_lengths(void)
{
	unsigned int type = (unsigned int)(frame[12] << 8 | frame[13]), sum = 0;

	if (type == ETHERTYPE_IPV6) {
		frame[18] = (unsigned char)((len - 54) >> 8);
		frame[19] = (unsigned char)(len - 54);
	}
	if (type != ETHERTYPE_IP)
		return;
	frame[16] = (unsigned char)((len - 14) >> 8);
	frame[17] = (unsigned char)(len - 14);
	for (int i = 14; i < 34; i += 2)
		sum += (unsigned int)(frame[i] << 8 | frame[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame[24] = (unsigned char)(sum >> 8);
	frame[25] = (unsigned char)sum;
}

static void finish(const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), MARK "%s;", name);
	put(text, in_option ? OPTION_LEN : strlen(text));
	in_option = false;
	while (len < 60)
		put8(0);
	fill_lengths();
	/* A frame that is dropped on its way is no error of who sends it. */
	if (sendto(sock, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		warn("%s", name);
}

static void ip4_of(const unsigned char source[4], unsigned int protocol, unsigned int fragment)
{
	put8(0x45);
	put8(0);
	put16(20 + 8 + 40);
	put16(1);
	put16(fragment);
	put8(64);
	put8(protocol);
	put16(0);
	put(source, 4);
	put("\xff\xff\xff\xff", 4);
}

static void udp(unsigned int port)
{
	put16(port);
	put16(9);
	put16(48);
	put16(0);
}

static void ip4(const unsigned char source[4])
{
	ip4_of(source, 17, 0);
	udp(9);
}

static void send_ip4(const char *name, const unsigned char from[6], const unsigned char source[4])
{
	begin(from, ETHERTYPE_IP);
	ip4(source);
	finish(name);
}

static void send_port(const char *name, unsigned int port, unsigned int fragment)
{
	begin(mac, ETHERTYPE_IP);
	ip4_of(own4, 17, fragment);
	udp(port);
	finish(name);
}

/* @type: of IGMP; of another protocol its first byte. */
static void send_group(const char *name, unsigned int protocol, unsigned int type)
{
	begin(mac, ETHERTYPE_IP);
	ip4_of(own4, protocol, 0);
	put8(type);
	put("\0\0\0\xe0\0\0\x16", 7);
	finish(name);
}

static void send_arp(const char *name, unsigned int op, const unsigned char from[6],
		     const unsigned char source[4])
{
	begin(mac, ETHERTYPE_ARP);
	put16(1);
	put16(ETHERTYPE_IP);
	put8(6);
	put8(4);
	put16(op);
	put(from, 6);
	put(source, 4);
	put(none, 6);
	put(source, 4);
	finish(name);
}

static void ip6(const unsigned char source[16], unsigned int next)
{
	static const unsigned char all[16] = { 0xff, 2, [15] = 1 };

	begin(mac, ETHERTYPE_IPV6);
	put("\x60\0\0\0", 4);
	put16(200);
	put8(next);
	put8(255);
	put(source, 16);
	put(all, 16);
}

static void send_udp6(const char *name, const unsigned char source[16])
{
	ip6(source, 17);
	udp(9);
	finish(name);
}

static void options(int count, unsigned int kind, const unsigned char address[6])
{
	for (; count > 0; count--) {
		put8(kind);
		put8(1);
		put(address, 6);
	}
	put8(253);
	put8((OPTION_LEN + 2) / 8);
	in_option = true;
}

static bool is_discovery(unsigned int type)
{
	return type == 133 || type == 135 || type == 136;
}

/* @hidden: behind so many extension headers. */
static void send_icmp6(const char *name, const unsigned char source[16], unsigned int type,
		       const unsigned char target[16], int hidden)
{
	ip6(source, hidden ? 60 : 58);
	for (int i = hidden; i > 0; i--) {
		put8(i > 1 ? 60 : 58);
		put8(0);
		put("\1\4\0\0\0\0", 6);
	}
	put8(type);
	put8(0);
	put16(0);
	put("\0\0\0\0", 4);
	put(target, 16);
	if (is_discovery(type))
		options(0, 0, none);
	finish(name);
}

/* With @count options that tell of hardware address @address. */
static void send_discovery(const char *name, unsigned int type, int count, unsigned int kind,
			   const unsigned char address[6])
{
	ip6(own6, 58);
	put8(type);
	put8(0);
	put16(0);
	put("\0\0\0\0", 4);
	if (type != 133)
		put(own6, 16);
	options(count, kind, address);
	finish(name);
}

static void send_cut_option(const char *name)
{
	ip6(own6, 58);
	put8(136);
	put8(0);
	put16(0);
	put("\0\0\0\0", 4);
	put(own6, 16);
	put8(253);
	put8(200);
	finish(name);
}

/* Behind so many extension headers. */
static void send_udp6_from(const char *name, unsigned int port, int hidden)
{
	ip6(own6, hidden ? 60 : 17);
	for (int i = hidden; i > 0; i--) {
		put8(i > 1 ? 60 : 17);
		put8(0);
		put("\1\4\0\0\0\0", 6);
	}
	udp(port);
	finish(name);
}

static void send_protocol6(const char *name, unsigned int protocol)
{
	ip6(own6, protocol);
	finish(name);
}

static void send_fragment(const char *name, unsigned int type, const unsigned char target[16])
{
	ip6(own6, 44);
	put8(58);
	put8(0);
	put16(1);	/* the first, and more */
	put("\0\0\0\7", 4);
	put8(type);
	put8(0);
	put16(0);
	put("\0\0\0\0", 4);
	put(target, 16);
	finish(name);
}

static void send_vlan(const char *name)
{
	begin(mac, 0x8100);
	put16(7);
	put16(ETHERTYPE_IP);
	ip4(own4);
	finish(name);
}

static void send_stp(const char *name)
{
	begin(mac, 40);
	put("\x42\x42\x03", 3);
	finish(name);
}

/*
 * 135 asks for a neighbour, 136 is its answer, 133 asks for a router, 134 is his answer, 137 a
 * redirect, 130 and 151 are of routers of multicast, 128 is a ping.
 */
static void send_all(void)
{
	send_ip4("good-ip4", mac, own4);
	send_ip4("bad-mac", others_mac, own4);
	send_ip4("bad-ip4", mac, other4);
	send_ip4("bad-ip4-none", mac, none);
	send_arp("good-arp", 1, mac, own4);
	send_arp("good-arp-reply", 2, mac, own4);
	send_arp("good-arp-probe", 1, mac, none);
	send_arp("bad-arp-none", 2, mac, none);
	send_arp("bad-arp-mac", 2, others_mac, own4);
	send_arp("bad-arp-ip4", 2, mac, other4);
	send_arp("bad-arp-ask", 1, mac, other4);
	send_arp("bad-arp-op", 4, mac, own4);
	send_arp("bad-arp-with-more-behind-it", 1, mac, own4);
	send_udp6("good-ip6", own6);
	send_udp6("good-ip6-link", own_ll);
	send_udp6("bad-ip6", other6);
	send_udp6("bad-ip6-link", other_ll);
	send_udp6("bad-ip6-none", none);
	send_icmp6("good-ping6", own6, 128, own6, 0);
	send_icmp6("good-ping6-hidden", own6, 128, own6, 3);
	send_icmp6("good-solicit", own6, 135, other6, 0);
	send_icmp6("good-solicit-probe", none, 135, own6, 0);
	send_icmp6("bad-solicit-probe", none, 135, other6, 0);
	send_icmp6("good-advertise", own6, 136, own6, 0);
	send_icmp6("good-advertise-link", own_ll, 136, own_ll, 0);
	send_icmp6("bad-advertise", own6, 136, other6, 0);
	send_icmp6("bad-advertise-hidden", own6, 136, other6, 2);
	send_icmp6("bad-advertise-deep", own6, 136, other6, 9);
	send_icmp6("bad-advertise-none", none, 136, own6, 0);
	send_fragment("bad-advertise-fragment", 136, other6);
	send_icmp6("bad-router", own_ll, 134, own6, 0);
	send_icmp6("bad-router-hidden", own_ll, 134, own6, 1);
	send_icmp6("bad-redirect", own_ll, 137, own6, 0);
	send_port("good-dhcp-asks", 68, 0);
	send_port("bad-dhcp", 67, 0);
	send_port("bad-dhcp-fragment", 67, 0x2000);
	send_port("good-fragment-rest", 67, 0x2001);
	send_port("bad-dhcp-v6-by-ip4", 547, 0);
	send_udp6_from("bad-dhcp6", 547, 0);
	send_udp6_from("bad-dhcp6-hidden", 547, 2);
	send_udp6_from("good-ip6-deep", 9, 8);
	send_group("good-igmp-report", 2, 0x16);
	send_group("bad-igmp-query", 2, 0x11);
	send_group("bad-igmp-router", 2, 0x30);
	send_group("bad-pim", 103, 0x20);
	send_protocol6("bad-pim6", 103);
	send_icmp6("bad-listener-query", own_ll, 130, none, 0);
	send_icmp6("bad-listener-query-hidden", own_ll, 130, none, 1);
	send_icmp6("bad-multicast-router", own_ll, 151, none, 0);
	send_discovery("good-solicit-mac", 135, 1, 1, mac);
	send_discovery("bad-solicit-mac", 135, 1, 1, others_mac);
	send_discovery("good-advertise-mac", 136, 1, 2, mac);
	send_discovery("bad-advertise-mac", 136, 1, 2, others_mac);
	send_discovery("good-router-solicit-mac", 133, 1, 1, mac);
	send_discovery("bad-router-solicit-mac", 133, 1, 1, others_mac);
	send_discovery("good-options", 135, 3, 14, others_mac);
	send_discovery("bad-options-many", 135, 4, 14, others_mac);
	send_cut_option("bad-option-cut");
	send_vlan("bad-vlan");
	send_stp("bad-stp");
	begin(mac, 0x8035);
	finish("bad-rarp");
	begin(mac, 0x88b5);
	finish("bad-type");
	send_ip4("end", mac, own4);
}

static void parse_mac(const char *text)
{
	unsigned int b[6];

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6)
		errx(1, "%s: no MAC", text);
	for (int i = 0; i < 6; i++)
		mac[i] = (unsigned char)b[i];
	own_ll[0] = other_ll[0] = 0xfe;
	own_ll[1] = other_ll[1] = 0x80;
	memcpy(own_ll + 8, mac, 3);
	memcpy(own_ll + 13, mac + 3, 3);
	own_ll[8] ^= 2;
	own_ll[11] = 0xff;
	own_ll[12] = 0xfe;
	other_ll[15] = 1;
}

static void parse(int family, const char *text, void *bytes)
{
	if (inet_pton(family, text, bytes) != 1)
		errx(1, "%s: no address", text);
}

static void open_device(const char *device)
{
	sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	to.sll_family = AF_PACKET;
	to.sll_protocol = htons(ETH_P_ALL);
	to.sll_ifindex = (int)if_nametoindex(device);
	if (sock < 0 || bind(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "%s", device);
}

/* True at the end. */
static bool show(void)
{
	char text[FRAME_MAX + 1];
	ssize_t n = recv(sock, text, FRAME_MAX, MSG_TRUNC);
	char *name, *end;

	if (n <= 0 || n > FRAME_MAX)
		return false;
	name = memmem(text, (size_t)n, MARK, strlen(MARK));
	end = name ? memchr(name, ';', (size_t)(text + n - name)) : NULL;
	if (!end)
		return false;
	*end = '\0';
	printf("%s\n", name + strlen(MARK));
	fflush(stdout);
	return !strcmp(name + strlen(MARK), "end");
}

static int watch(int seconds)
{
	time_t end = time(NULL) + seconds;
	struct pollfd fd = { .fd = sock, .events = POLLIN };

	printf("ready\n");
	fflush(stdout);
	while (time(NULL) <= end)
		if (poll(&fd, 1, 200) == 1 && show())
			return 0;
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "watch")) {
		open_device(argv[2]);
		return watch((int)(argv[3][0] - '0') * 10);
	}
	if (argc != 8 || strcmp(argv[1], "send") != 0)
		errx(2, "send DEVICE MAC ADDR4 ADDR6 OTHER4 OTHER6, or watch DEVICE TENS");
	parse_mac(argv[3]);
	parse(AF_INET, argv[4], own4);
	parse(AF_INET6, argv[5], own6);
	parse(AF_INET, argv[6], other4);
	parse(AF_INET6, argv[7], other6);
	open_device(argv[2]);
	send_all();
	return 0;
}
