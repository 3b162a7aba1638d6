// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * connect ADDRESS PORT COUNT: connects and closes COUNT times and prints how many times a second.
 * connect -l PORT: accepts and closes for ever.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void serve(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((unsigned short)port),
	};
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, peer;

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(sock, 1024) < 0)
		die("listen");
	for (;;) {
		peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
		if (peer >= 0)
			close(peer);
	}
}

/* By a reset: what waits for late packets would use up the ports. */
static void connect_once(const struct sockaddr_in *address)
{
	struct linger now = { .l_onoff = 1 };
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) < 0 ||
	    connect(sock, (const struct sockaddr *)address, sizeof(*address)) < 0)
		die("connect");
	close(sock);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct timespec begin, end;
	long count;

	if (argc == 3 && !strcmp(argv[1], "-l"))
		serve(atoi(argv[2]));
	if (argc != 4 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
		return 2;
	address.sin_port = htons((unsigned short)atoi(argv[2]));
	count = atol(argv[3]);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < count; i++)
		connect_once(&address);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.0f\n", (double)count / ((double)(end.tv_sec - begin.tv_sec) +
					  (double)(end.tv_nsec - begin.tv_nsec) / 1e9));
	return 0;
}
