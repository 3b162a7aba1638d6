// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the calls cost that a context's walls and counters sit in: "NAME NANOSECONDS" for
 * one of each. For tests/vm/icount, where a nanosecond is an instruction. With an argument it
 * does all less often and says nothing.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 256

static int pair[2];
static int tcp[2];
static int listener;
static struct sockaddr_in address;
static char *pages;

static void check(int good)
{
	if (!good)
		abort();
}

static void call_getppid(void)
{
	getppid();
}

static void call_open(void)
{
	int fd = open("/program", O_RDONLY | O_CLOEXEC);

	check(fd >= 0 && close(fd) == 0);
}

static void call_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	check(pid > 0 && waitpid(pid, NULL, 0) == pid);
}

static void close_both(const int *fds)
{
	check(close(fds[0]) == 0 && close(fds[1]) == 0);
}

static void call_socketpair(void)
{
	int fds[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	close_both(fds);
}

static void call_pipe(void)
{
	int fds[2];

	check(pipe(fds) == 0);
	close_both(fds);
}

/* There and back again. */
static void round_trip(const int *ends)
{
	char byte = 0;

	for (int i = 0; i < 2; i++)
		check(write(ends[i], &byte, 1) == 1 && read(ends[!i], &byte, 1) == 1);
}

static void call_unix_echo(void)
{
	round_trip(pair);
}

static void call_tcp_echo(void)
{
	round_trip(tcp);
}

/* Reset, so that no end waits out its time. */
static void connect_both(int *fds)
{
	static const struct linger reset = { .l_onoff = 1 };

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	check(fds[0] >= 0);
	check(connect(fds[0], (struct sockaddr *)&address, sizeof(address)) == 0);
	fds[1] = accept(listener, NULL, NULL);
	check(fds[1] >= 0);
	check(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
}

static void call_tcp_connect(void)
{
	int fds[2];

	connect_both(fds);
	close_both(fds);
}

static void call_mmap(void)
{
	void *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(map != MAP_FAILED && munmap(map, 1 << 20) == 0);
}

/* All pages at once: one is PAGES times cheaper, see below. */
static void call_faults(void)
{
	for (size_t i = 0; i < PAGES; i++)
		pages[i * PAGE] = 1;
	check(madvise(pages, PAGES * PAGE, MADV_DONTNEED) == 0);
}

static const struct {
	const char *name;
	void (*call)(void);
	int rounds;
	int each; /* of what has the name, in one call */
} calls[] = {
	{ "getppid", call_getppid, 200000, 1 },
	{ "open+close", call_open, 15000, 1 },
	{ "pipe+close", call_pipe, 4000, 1 },
	{ "socketpair+close", call_socketpair, 12000, 1 },
	{ "socketpair-echo", call_unix_echo, 10000, 1 },
	{ "tcp-echo", call_tcp_echo, 3000, 1 },
	{ "tcp-connect+close", call_tcp_connect, 800, 1 },
	{ "mmap+munmap", call_mmap, 6000, 1 },
	{ "page-fault", call_faults, 150, PAGES },
	{ "fork+exit+wait", call_fork, 600, 1 },
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	check(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0 && close(fd) == 0);
}

static void set_up(void)
{
	static const int one = 1;
	socklen_t size = sizeof(address);

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	raise_loopback();
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	check(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	check(listen(listener, 8) == 0);
	check(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
	connect_both(tcp);
	for (int i = 0; i < 2; i++)
		check(setsockopt(tcp[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
	/* Small pages, whatever the host's policy on huge ones. */
	pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	check(pages != MAP_FAILED);
	madvise(pages, PAGES * PAGE, MADV_NOHUGEPAGE);
}

static void repeat(void (*call)(void), int rounds)
{
	for (int n = 0; n < rounds; n++)
		call();
}

int main(int argc, char **argv)
{
	(void)argv;
	set_up();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		double begin;

		/* What the call before left to be done later is not billed to this one. */
		usleep(100000);
		repeat(calls[i].call, calls[i].rounds / 10);
		if (argc > 1)
			continue;
		begin = now_ns();
		repeat(calls[i].call, calls[i].rounds);
		printf("%s %.2f\n", calls[i].name,
		       (now_ns() - begin) / calls[i].rounds / calls[i].each);
	}
	return 0;
}
