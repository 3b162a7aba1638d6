// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tcp listen ADDRESS FILE: listens, writes "ADDRESS PORT" to FILE and accepts for ever.
 * tcp connect ADDRESS PORT COUNT: makes connections one after the other and keeps them;
 * prints "made N" and what the others got. SIGUSR1 closes one and tries for two, SIGUSR2
 * closes all; each prints such a line again.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define COUNT_MAX 1000
#define PATIENCE_MS 1500

static int made[COUNT_MAX];
static int count;

static struct addrinfo *resolve(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *info;
	int rc = getaddrinfo(address, port, &hints, &info);

	if (rc)
		errx(1, "%s: %s", address, gai_strerror(rc));
	return info;
}

static int make_socket(const struct addrinfo *info, int flags)
{
	int fd = socket(info->ai_family, SOCK_STREAM | flags,
			getenv("MPTCP") ? IPPROTO_MPTCP : 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

/* MPTCP adds nothing to a connection that nobody has used in both directions. */
static void talk(int fd)
{
	if (getenv("MPTCP") && write(fd, "x", 1) != 1)
		err(1, "write");
}

static int do_listen(const char *address, const char *path)
{
	struct addrinfo *info = resolve(address, "0");
	struct sockaddr_storage name;
	socklen_t size = sizeof(name);
	char port[NI_MAXSERV], part[4096];
	int fd = make_socket(info, 0);
	FILE *file;

	if (bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, COUNT_MAX) ||
	    getsockname(fd, (void *)&name, &size))
		err(1, "listen");
	getnameinfo((void *)&name, size, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
	snprintf(part, sizeof(part), "%s.part", path);
	file = fopen(part, "w");
	if (!file || fprintf(file, "%s %s\n", address, port) < 0 || fclose(file) ||
	    rename(part, path))
		err(1, "%s", path);
	for (;;) {
		int accepted = accept(fd, NULL, NULL);

		if (accepted < 0)
			err(1, "accept");
		talk(accepted);
	}
}

static int try_connect(const struct addrinfo *info)
{
	int fd = make_socket(info, SOCK_NONBLOCK), error = 0;
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(error);

	if (!connect(fd, info->ai_addr, info->ai_addrlen))
		goto made_it;
	if (errno != EINPROGRESS) {
		error = errno;
		goto failed;
	}
	error = ETIMEDOUT;
	if (poll(&poll_fd, 1, PATIENCE_MS) != 1)
		goto failed;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error)
		goto failed;
made_it:
	talk(fd);
	made[count++] = fd;
	return 0;
failed:
	close(fd);
	return error;
}

static void try_several(const struct addrinfo *info, int wanted)
{
	int last = 0;

	while (wanted--) {
		int error = try_connect(info);

		last = error ?: last;
	}
	printf("made %d%s%s\n", count, last ? ", else: " : "", last ? strerror(last) : "");
	fflush(stdout);
}

static int do_connect(const char *address, const char *port, int wanted)
{
	struct addrinfo *info = resolve(address, port);
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (try_several(info, wanted); !sigwait(&set, &signal); try_several(info, wanted)) {
		int closing = signal == SIGUSR1 ? 1 : count;

		while (closing-- && count)
			close(made[--count]);
		wanted = signal == SIGUSR1 ? 2 : 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "listen"))
		return do_listen(argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "connect") && atoi(argv[4]) <= COUNT_MAX / 2)
		return do_connect(argv[2], argv[3], atoi(argv[4]));
	errx(2, "usage: tcp listen ADDRESS FILE | tcp connect ADDRESS PORT COUNT");
}
