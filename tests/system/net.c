// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net WORD...: does what the words say, one after the other, and prints a line for each socket:
 * its kind and what came of each step. What fails is told as STEP:ERROR, and the socket is
 * left as it is till the next.
 *
 * Anywhere:
 *   wait=FILE       till it is there
 * Before sockets:
 *   uid=N[,CAP]     becomes that user, with this capability alone
 *   userns, netns   makes a namespace; the network has its loopback
 * A socket begins with its kind, tcp4 tcp6 mptcp4 mptcp6 sctp4 sctp6 udp4 udp6 udplite4 udplite6
 * ping4 ping6 raw4 raw6 packet:
 *   reuseport, freebind, v6only, dual, timeout=MS
 *   ports=LOW-HIGH  from which the kernel is to choose
 *   bind=ADDRESS,PORT  listen  connect=ADDRESS,PORT  disconnect
 *   try=ADDRESS,PORT   connects; the socket goes on if it cannot
 *   name, peer      its names; ports that are the kernel's choice are told as +
 *   at              its port, whatever it is
 *   from=ADDRESS    the source of datagrams that are sent from here on
 *   sendto=ADDRESS,PORT  send  recv  read  ping  broadcast
 *   bulk=BYTES      sends as many at once
 *   tag=WORD        what it answers with when it serves
 * At the end:
 *   serve           answers on all of them: TCP with TAG/OWN/PEER, UDP with TAG/PEER
 *   keep            stays
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

#define SOCKETS_MAX 64
#define PATIENCE_MS 10000
/* From here up ports are the kernel's choice. */
#define EPHEMERAL 32768

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_ll ll;
};

/**
 * struct one - a socket
 * @source: of what it sends; family 0 without
 */
struct one {
	int fd;
	int family;
	int type;
	const char *tag;
	union address source;
};

static struct one sockets[SOCKETS_MAX];
static size_t count;
static struct one *current;

static const struct kind {
	const char *word;
	int family, type, protocol;
} kinds[] = {
	{ "tcp4", AF_INET, SOCK_STREAM, 0 },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0 },
	{ "mptcp4", AF_INET, SOCK_STREAM, IPPROTO_MPTCP },
	{ "mptcp6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP },
	{ "sctp4", AF_INET, SOCK_STREAM, IPPROTO_SCTP },
	{ "sctp6", AF_INET6, SOCK_STREAM, IPPROTO_SCTP },
	{ "udp4", AF_INET, SOCK_DGRAM, 0 },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0 },
	{ "udplite4", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE },
	{ "udplite6", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE },
	{ "ping4", AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
	{ "ping6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6 },
	{ "raw4", AF_INET, SOCK_RAW, IPPROTO_ICMP },
	{ "raw6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 },
	{ "packet", AF_PACKET, SOCK_RAW, 0 },
	{ NULL, 0, 0, 0 },
};

/* ---- words ---------------------------------------------------------------------- */

/* What the step gave, or how it failed. */
static void tell(const char *step, int rc, const char *more)
{
	int err = errno == EINPROGRESS || errno == EALREADY ? ETIMEDOUT : errno;

	if (rc < 0)
		printf(" %s:%s", step, strerrorname_np(err));
	else
		printf(" %s%s%s", step, *more ? "=" : "", more);
	if (rc < 0)
		current = NULL;
}

/* A text of ADDRESS[,PORT] in the family of the socket. */
static socklen_t parse(const char *text, union address *ret)
{
	char copy[128], *port;

	snprintf(copy, sizeof(copy), "%s", text);
	port = strrchr(copy, ',');
	if (port)
		*port++ = '\0';
	memset(ret, 0, sizeof(*ret));
	ret->any.sa_family = (sa_family_t)current->family;
	ret->in.sin_port = htons((uint16_t)(port ? atoi(port) : 0));
	if (inet_pton(current->family, copy, current->family == AF_INET ?
		      (void *)&ret->in.sin_addr : (void *)&ret->in6.sin6_addr) != 1)
		errx(2, "%s: not an address of this socket", text);
	return current->family == AF_INET ? sizeof(ret->in) : sizeof(ret->in6);
}

static const char *plain(const union address *a)
{
	static char text[4][INET6_ADDRSTRLEN];
	static int turn;
	char *to = text[turn++ % 4];

	inet_ntop(a->any.sa_family, a->any.sa_family == AF_INET ? (void *)&a->in.sin_addr :
		  (void *)&a->in6.sin6_addr, to, INET6_ADDRSTRLEN);
	return to;
}

static void tell_name(const char *step, int rc, const union address *a)
{
	char text[80];
	int port = ntohs(a->in.sin_port);

	if (rc == 0 && port >= EPHEMERAL)
		snprintf(text, sizeof(text), "%s,+", plain(a));
	else if (rc == 0)
		snprintf(text, sizeof(text), "%s,%d", plain(a), port);
	tell(step, rc, rc ? "" : text);
}

/* ---- who it is ------------------------------------------------------------------ */

static void become(const char *value)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uid_t uid = (uid_t)atoi(value);
	const char *cap = strchr(value, ',');

	if (cap)
		data[0].effective = data[0].permitted = 1u << atoi(cap + 1);
	if (prctl(PR_SET_KEEPCAPS, 1) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid) ||
	    syscall(SYS_capset, &header, data))
		err(2, "uid=%s", value);
}

static void own_network(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		err(2, "netns");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		err(2, "netns: lo");
	close(fd);
}

/* ---- a socket ------------------------------------------------------------------- */

static void set_timeout(int ms)
{
	struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	setsockopt(current->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	setsockopt(current->fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

static void set(const char *word, int level, int option, int value)
{
	if (setsockopt(current->fd, level, option, &value, sizeof(value)))
		tell(word, -1, "");
}

static void make(const struct kind *kind)
{
	static int lines;

	printf("%s%s", lines++ ? "\n" : "", kind->word);
	if (count == SOCKETS_MAX)
		errx(2, "too many sockets");
	current = &sockets[count];
	*current = (struct one){ .family = kind->family, .type = kind->type, .tag = "-" };
	current->fd = socket(kind->family, kind->type, kind->protocol);
	if (current->fd < 0) {
		tell("socket", -1, "");
		return;
	}
	set_timeout(PATIENCE_MS);
	/* What closed connections leave is in nobody's way. */
	if (kind->type == SOCK_STREAM)
		set("reuseaddr", SOL_SOCKET, SO_REUSEADDR, 1);
	count++;
}

/* ---- datagrams ------------------------------------------------------------------ */

static int send_from(const union address *to, socklen_t len)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr align;
	} control = { 0 };
	struct in6_pktinfo info6 = { .ipi6_addr = current->source.in6.sin6_addr };
	struct in_pktinfo info4 = { .ipi_spec_dst = current->source.in.sin_addr };
	struct iovec data = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_name = (void *)to, .msg_namelen = len, .msg_iov = &data, .msg_iovlen = 1,
	};
	bool v4 = current->family == AF_INET;
	size_t size = v4 ? sizeof(info4) : sizeof(info6);
	struct cmsghdr *head;

	if (current->source.any.sa_family) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(size);
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
		head->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
		head->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(head), v4 ? (void *)&info4 : (void *)&info6, size);
	}
	return (int)sendmsg(current->fd, &msg, 0);
}

static void receive(void)
{
	char text[256], line[400];
	union address from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(current->fd, text, sizeof(text) - 1, 0, &from.any, &len);

	if (n >= 0) {
		text[n] = '\0';
		snprintf(line, sizeof(line), "%s@%s", text, plain(&from));
	}
	tell("recv", n < 0 ? -1 : 0, n < 0 ? "" : line);
}

static void read_all(void)
{
	char text[256];
	size_t len = 0;
	ssize_t n;

	while ((n = read(current->fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	tell("read", n < 0 ? -1 : 0, text);
}

static void ping(const char *to)
{
	struct icmphdr echo4 = { .type = ICMP_ECHO };
	struct icmp6_hdr echo6 = { .icmp6_type = ICMP6_ECHO_REQUEST };
	union address peer;
	socklen_t len = parse(to, &peer);
	bool v4 = current->family == AF_INET;
	char answer[64];
	ssize_t n = sendto(current->fd, v4 ? (void *)&echo4 : (void *)&echo6,
			   v4 ? sizeof(echo4) : sizeof(echo6), 0, &peer.any, len);

	if (n >= 0)
		n = recv(current->fd, answer, sizeof(answer), 0);
	tell("ping", n < 0 ? -1 : 0, "");
}

static void send_bulk(size_t bytes)
{
	char *zeros = calloc(1, bytes);

	tell("bulk", zeros && send(current->fd, zeros, bytes, 0) == (ssize_t)bytes ? 0 : -1, "");
	free(zeros);
}

/* ---- steps ---------------------------------------------------------------------- */

static bool step_option(const char *word, const char *value)
{
	if (!strcmp(word, "reuseport"))
		set(word, SOL_SOCKET, SO_REUSEPORT, 1);
	else if (!strcmp(word, "broadcast"))
		set(word, SOL_SOCKET, SO_BROADCAST, 1);
	else if (!strcmp(word, "freebind"))
		set(word, IPPROTO_IP, IP_FREEBIND, 1);
	else if (!strcmp(word, "v6only") || !strcmp(word, "dual"))
		set(word, IPPROTO_IPV6, IPV6_V6ONLY, *word == 'v');
	else if (!strcmp(word, "timeout"))
		set_timeout(atoi(value));
	else if (!strcmp(word, "tag"))
		current->tag = value;
	else if (!strcmp(word, "from"))
		parse(value, &current->source);
	else
		return false;
	return true;
}

static void tell_port(void)
{
	union address a;
	socklen_t len = sizeof(a);
	char text[8];
	int rc = getsockname(current->fd, &a.any, &len);

	snprintf(text, sizeof(text), "%d", rc ? 0 : ntohs(a.in.sin_port));
	tell("at", rc, text);
}

static void set_ports(const char *value)
{
	unsigned int low = 0, high = 0, range;

	if (sscanf(value, "%u-%u", &low, &high) != 2)
		errx(2, "%s: not LOW-HIGH", value);
	range = high << 16 | low;
	tell("ports", setsockopt(current->fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range,
				 sizeof(range)), "");
}

static void try_connect(const char *value)
{
	struct one *one = current;
	union address a;
	socklen_t len = parse(value, &a);

	tell("try", connect(current->fd, &a.any, len), "");
	current = one;
}

static void disconnect(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	tell("disconnect", connect(current->fd, &none, sizeof(none)), "");
}

static void step(const char *word, const char *value)
{
	union address a;
	socklen_t len = sizeof(a);

	if (step_option(word, value))
		return;
	if (!strcmp(word, "bind"))
		len = parse(value, &a), tell(word, bind(current->fd, &a.any, len), "");
	else if (!strcmp(word, "connect"))
		len = parse(value, &a), tell(word, connect(current->fd, &a.any, len), "");
	else if (!strcmp(word, "disconnect"))
		disconnect();
	else if (!strcmp(word, "ports"))
		set_ports(value);
	else if (!strcmp(word, "try"))
		try_connect(value);
	else if (!strcmp(word, "listen"))
		tell(word, listen(current->fd, 64), "");
	else if (!strcmp(word, "name"))
		tell_name(word, getsockname(current->fd, &a.any, &len), &a);
	else if (!strcmp(word, "peer"))
		tell_name(word, getpeername(current->fd, &a.any, &len), &a);
	else if (!strcmp(word, "at"))
		tell_port();
	else if (!strcmp(word, "sendto"))
		len = parse(value, &a), tell(word, send_from(&a, len), "");
	else if (!strcmp(word, "send"))
		tell(word, send_from(NULL, 0), "");
	else if (!strcmp(word, "bulk"))
		send_bulk(strtoul(value, NULL, 10));
	else if (!strcmp(word, "recv"))
		receive();
	else if (!strcmp(word, "read"))
		read_all();
	else if (!strcmp(word, "ping"))
		ping(value);
	else
		errx(2, "unknown word %s", word);
}

/* ---- serving -------------------------------------------------------------------- */

static void answer_stream(const struct one *one)
{
	union address own, peer;
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
	int fd = accept(one->fd, &peer.any, &peer_len);

	if (fd < 0)
		return;
	if (!getsockname(fd, &own.any, &own_len))
		dprintf(fd, "%s/%s/%s", one->tag, plain(&own), plain(&peer));
	close(fd);
}

static void answer_datagram(const struct one *one)
{
	char text[256];
	union address peer;
	socklen_t len = sizeof(peer);

	if (recvfrom(one->fd, text, sizeof(text), 0, &peer.any, &len) < 0)
		return;
	snprintf(text, sizeof(text), "%s/%s", one->tag, plain(&peer));
	if (sendto(one->fd, text, strlen(text), 0, &peer.any, len) < 0)
		warn("answer to %s", plain(&peer));
}

static void serve(void)
{
	struct pollfd polled[SOCKETS_MAX];

	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){ .fd = sockets[i].fd, .events = POLLIN };
	while (poll(polled, count, -1) > 0)
		for (size_t i = 0; i < count; i++)
			if (!(polled[i].revents & POLLIN))
				polled[i].fd = polled[i].revents ? -1 : polled[i].fd;
			else if (sockets[i].type == SOCK_STREAM)
				answer_stream(&sockets[i]);
			else
				answer_datagram(&sockets[i]);
	err(1, "poll");
}

static bool is_done_alone(const char *word)
{
	const char *value = strchr(word, '=');
	const struct kind *kind = kinds;

	for (; kind->word; kind++)
		if (!strcmp(kind->word, word))
			break;
	if (kind->word) {
		make(kind);
	} else if (!strncmp(word, "uid=", 4)) {
		become(value + 1);
	} else if (!strncmp(word, "wait=", 5)) {
		fflush(stdout);
		while (access(value + 1, F_OK))
			usleep(10000);
	} else if (!strcmp(word, "userns")) {
		if (unshare(CLONE_NEWUSER))
			err(2, "userns");
	} else if (!strcmp(word, "netns")) {
		own_network();
	} else if (!strcmp(word, "serve") || !strcmp(word, "keep")) {
		printf("\n%s\n", word);
		fflush(stdout);
		if (*word == 's')
			serve();
		pause();
	} else {
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char word[32], *value = strchr(argv[i], '=');

		snprintf(word, sizeof(word), "%.*s", (int)strcspn(argv[i], "="), argv[i]);
		if (!is_done_alone(argv[i]) && current)
			step(word, value ? value + 1 : "");
	}
	putchar('\n');
	return 0;
}
