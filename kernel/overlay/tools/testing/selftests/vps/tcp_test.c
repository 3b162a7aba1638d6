// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many TCP connections a context has in ESTABLISHED, and how many it may have: whoever
 * connected, whoever accepted, and however they end.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include "vps_test.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define MANY 100

static int letters[2] = { -1, -1 };	/* from an actor to the test */

/* ---- addresses on the loopback device, by family and port, which fit into a number ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct place {
	int protocol;
	int family;
	int port;
};

static struct place place = { 0, AF_INET, 0 };	/* actors inherit it, and where they listen */

static union address address_of(int family, int port)
{
	union address address = { .any.sa_family = family };

	if (family == AF_INET6) {
		address.v6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
		address.v6.sin6_port = htons(port);
	} else {
		address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.v4.sin_port = htons(port);
	}
	return address;
}

static socklen_t length_of(int family)
{
	return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int new_socket(int flags)
{
	return socket(place.family, SOCK_STREAM | flags, place.protocol);
}

/* ---- what actors do; each may have a server, and connections ---- */

static int server = -1;
static int fds[2 * MANY];
static int fds_count;

static long keep(int fd)
{
	if (fds_count == 2 * MANY)
		return -ENOBUFS;
	fds[fds_count++] = fd;
	return fd;
}

/* The port on which it listens. */
static long act_listen(long unused)
{
	union address address = address_of(place.family, 0);
	socklen_t length = length_of(place.family);

	server = new_socket(SOCK_NONBLOCK);
	if (server < 0 || bind(server, &address.any, length) || listen(server, MANY) ||
	    getsockname(server, &address.any, &length))
		return -errno;
	return ntohs(place.family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static int connect_to(int port, int flags)
{
	union address address = address_of(place.family, port);
	int fd = new_socket(flags), err;

	if (fd < 0)
		return -errno;
	if (!connect(fd, &address.any, length_of(place.family)) || errno == EINPROGRESS)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static long act_connect(long port)
{
	int fd = connect_to(port, 0);

	return fd < 0 ? fd : keep(fd);
}

/* Does not wait for an answer. */
static long act_call(long port)
{
	int fd = connect_to(port, SOCK_NONBLOCK);

	return fd < 0 ? fd : keep(fd);
}

static bool is_established(int fd)
{
	struct tcp_info info = {};
	socklen_t length = sizeof(info);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) &&
	       info.tcpi_state == TCP_ESTABLISHED;
}

static long act_is_answered(long fd)
{
	return is_established(fd);
}

static long act_accept(long unused)
{
	int fd = accept(server, NULL, NULL);

	return fd < 0 ? -errno : keep(fd);
}

/* All that there are at the moment. */
static long act_accept_all(long unused)
{
	long count = 0, value;

	while ((value = act_accept(0)) >= 0)
		count++;
	return value == -EAGAIN ? count : value;
}

static long act_close_all(long unused)
{
	while (fds_count)
		close(fds[--fds_count]);
	return 0;
}

static long act_reset_all(long unused)
{
	struct linger linger = { .l_onoff = 1 };

	for (int i = 0; i < fds_count; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
			return -errno;
	return act_close_all(0);
}

static long act_server(long unused)
{
	return server;
}

/* Not connected yet. */
static long act_socket(long unused)
{
	int fd = new_socket(0);

	return fd < 0 ? -errno : keep(fd);
}

static long act_close_server(long unused)
{
	return outcome(close(server));
}

static long act_shut_down(long fd)
{
	return outcome(shutdown(fd, SHUT_WR));
}

static long act_send(long fd)
{
	return send_fd(letters[1], fd);
}

/* ---- the tests: a server of the host, or one inside ---- */

FIXTURE(tcp)
{
	struct limited here;
	struct actor host;
	long port;
};

FIXTURE_VARIANT(tcp)
{
	int family;
};

FIXTURE_VARIANT_ADD(tcp, v4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(tcp, v6) { .family = AF_INET6 };

FIXTURE_SETUP(tcp)
{
	place.family = variant->family;
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, letters));
	ASSERT_EQ(0, limited_make(&self->here));
	ASSERT_EQ(0, actor_start(&self->host, NULL));
	self->port = actor_do(&self->host, act_listen, 0);
	ASSERT_LT(0, self->port) {
		TH_LOG("cannot listen: %s", strerror(-self->port));
	}
}

FIXTURE_TEARDOWN(tcp)
{
	actor_end(&self->host);
	close(letters[0]);
	close(letters[1]);
	EXPECT_TRUE(limited_end(&self->here));
}

static long used(void)
{
	return vps_used(CONNECTIONS, ONE);
}

static bool comes_to(long number)
{
	return EVENTUALLY(used() == number);
}

static bool answered(struct actor *actor, long fd)
{
	return EVENTUALLY(actor_do(actor, act_is_answered, fd) == 1);
}

/* ---- connecting ---- */

TEST_F(tcp, connect)
{
	struct actor *actor = &self->here.actor;
	struct actor two;

	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 2));
	EXPECT_LE(0, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(1, used());
	EXPECT_LE(0, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(2, used());
	EXPECT_EQ(0, vps_hits(CONNECTIONS, ONE));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_call, self->port));
	EXPECT_EQ(2, vps_hits(CONNECTIONS, ONE));
	EXPECT_EQ(2, used());
	EXPECT_EQ(2, vps_peak(CONNECTIONS, ONE));

	/* Nobody else is held by it. */
	ASSERT_EQ(0, actor_start(&two, &self->here.two));
	EXPECT_LE(0, actor_do(&two, act_connect, self->port));
	EXPECT_EQ(1, vps_used(CONNECTIONS, TWO));
	EXPECT_LE(0, actor_do(&self->host, act_connect, self->port));
	EXPECT_EQ(4, actor_do(&self->host, act_accept_all, 0));
	actor_end(&two);

	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_TRUE(comes_to(0));
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 0));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, VPS_UNLIMITED));
	for (int i = 1; i <= 5; i++) {
		EXPECT_LE(0, actor_do(actor, act_connect, self->port));
		EXPECT_EQ(i, used());
	}
}

/* What is refused for another reason has had a place, and has it no more. */
TEST_F(tcp, connect_to_nobody)
{
	struct actor *actor = &self->here.actor;

	ASSERT_EQ(0, actor_do(&self->host, act_close_server, 0));
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 1));
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(-ECONNREFUSED, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(0, used());
	EXPECT_EQ(0, vps_hits(CONNECTIONS, ONE));
	self->port = actor_do(&self->host, act_listen, 0);
	ASSERT_LT(0, self->port);
	EXPECT_LE(0, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(1, used());
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
}

TEST_F(tcp, what_is_there_stays)
{
	struct actor *actor = &self->here.actor;
	long fd[3];

	for (int i = 0; i < 3; i++) {
		fd[i] = actor_do(actor, act_connect, self->port);
		ASSERT_LE(0, fd[i]);
	}
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 1));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(1, actor_do(actor, act_is_answered, fd[i]));
	EXPECT_EQ(3, used());
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
		EXPECT_EQ(0, actor_do(actor, act_shut_down, fd[i]));
		EXPECT_TRUE(comes_to(2 - i));
	}
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(0, actor_do(actor, act_shut_down, fd[2]));
	EXPECT_TRUE(comes_to(0));
	EXPECT_LE(0, actor_do(actor, act_connect, self->port));
}

TEST_F(tcp, soft_refuses_nothing)
{
	struct actor *actor = &self->here.actor;

	ASSERT_EQ(0, vps_bound(CONNECTIONS, ONE, 1, 3));
	for (long round = 1; round <= 3; round++) {
		EXPECT_LE(0, actor_do(actor, act_connect, self->port));
		EXPECT_EQ(round - 1, vps_hits(CONNECTIONS, ONE));
		EXPECT_LE(0, actor_do(actor, act_connect, self->port));
		EXPECT_EQ(round, vps_hits(CONNECTIONS, ONE));
		EXPECT_LE(0, actor_do(actor, act_connect, self->port));
		EXPECT_EQ(round, vps_hits(CONNECTIONS, ONE));
		EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
		EXPECT_TRUE(comes_to(0));
	}
}

/* ---- listening ---- */

/* Before anybody has accepted it, too. */
TEST_F(tcp, from_outside)
{
	struct actor *actor = &self->here.actor;
	long port = actor_do(actor, act_listen, 0), first, third;

	ASSERT_LT(0, port);
	EXPECT_EQ(0, used());
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 2));
	first = actor_do(&self->host, act_connect, port);
	EXPECT_LE(0, first);
	EXPECT_TRUE(comes_to(1));
	EXPECT_LE(0, actor_do(&self->host, act_connect, port));
	EXPECT_TRUE(comes_to(2));
	EXPECT_EQ(0, vps_hits(CONNECTIONS, ONE));

	/* It has been there, as the hit tells, and has no answer. */
	third = actor_do(&self->host, act_call, port);
	ASSERT_LE(0, third);
	EXPECT_TRUE(EVENTUALLY(vps_hits(CONNECTIONS, ONE) > 0));
	EXPECT_EQ(0, actor_do(&self->host, act_is_answered, third));
	EXPECT_EQ(2, actor_do(actor, act_accept_all, 0));
	EXPECT_EQ(2, used());
	EXPECT_EQ(2, vps_peak(CONNECTIONS, ONE));
	/* The host connects to itself meanwhile. */
	EXPECT_LE(0, actor_do(&self->host, act_connect, self->port));

	/* It asks again, and gets the place of who is gone. */
	EXPECT_EQ(0, actor_do(&self->host, act_shut_down, first));
	EXPECT_TRUE(answered(&self->host, third));
	EXPECT_TRUE(comes_to(2));
	EXPECT_EQ(2, vps_peak(CONNECTIONS, ONE));
	EXPECT_EQ(1, actor_do(actor, act_accept_all, 0));
}

/* Both ends of it are the context's. */
TEST_F(tcp, within)
{
	struct actor *actor = &self->here.actor;
	long port = actor_do(actor, act_listen, 0), fd;

	ASSERT_LT(0, port);
	EXPECT_LE(0, actor_do(actor, act_connect, port));
	EXPECT_TRUE(comes_to(2));
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 4));
	EXPECT_LE(0, actor_do(actor, act_connect, port));
	EXPECT_TRUE(comes_to(4));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, port));
	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_TRUE(comes_to(0));
	EXPECT_EQ(2, actor_do(actor, act_accept_all, 0));
	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));

	/* Where there is a place for one of them only, the other one does not answer. */
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 1));
	fd = actor_do(actor, act_call, port);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(EVENTUALLY(vps_hits(CONNECTIONS, ONE) > 1));
	EXPECT_EQ(0, actor_do(actor, act_is_answered, fd));
	EXPECT_EQ(0, used());
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 2));
	EXPECT_TRUE(answered(actor, fd));
	EXPECT_TRUE(comes_to(2));
}

/* ---- how places come back ---- */

FIXTURE(ends)
{
	struct limited here;
	struct actor host;
	long port;
};

FIXTURE_VARIANT(ends)
{
	bool by_host;
	bool listens;	/* the context; or it connects */
	long (*end)(long unused);
};

FIXTURE_VARIANT_ADD(ends, connected_closes) { false, false, act_close_all };
FIXTURE_VARIANT_ADD(ends, connected_resets) { false, false, act_reset_all };
FIXTURE_VARIANT_ADD(ends, connected_is_closed) { true, false, act_close_all };
FIXTURE_VARIANT_ADD(ends, connected_is_reset) { true, false, act_reset_all };
FIXTURE_VARIANT_ADD(ends, accepted_closes) { false, true, act_close_all };
FIXTURE_VARIANT_ADD(ends, accepted_resets) { false, true, act_reset_all };
FIXTURE_VARIANT_ADD(ends, accepted_is_closed) { true, true, act_close_all };
FIXTURE_VARIANT_ADD(ends, accepted_is_reset) { true, true, act_reset_all };
FIXTURE_VARIANT_ADD(ends, connected_exits) { false, false, NULL };
FIXTURE_VARIANT_ADD(ends, accepted_exits) { false, true, NULL };

FIXTURE_SETUP(ends)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	ASSERT_EQ(0, limited_make(&self->here));
	ASSERT_EQ(0, actor_start(&self->host, NULL));
}

FIXTURE_TEARDOWN(ends)
{
	actor_end(&self->host);
	EXPECT_TRUE(limited_end(&self->here));
}

TEST_F(ends, give_places_back)
{
	struct actor *inside = &self->here.actor, *host = &self->host;
	struct actor *from = variant->listens ? host : inside;
	struct actor *to = variant->listens ? inside : host;
	long port = actor_do(to, act_listen, 0);

	ASSERT_LT(0, port);
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 5));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 5; i++)
			EXPECT_LE(0, actor_do(from, act_connect, port));
		EXPECT_TRUE(comes_to(5));
		EXPECT_EQ(5, actor_do(to, act_accept_all, 0));
		EXPECT_EQ(5, used());
		if (!variant->end)
			break;
		EXPECT_EQ(0, actor_do(variant->by_host ? host : inside, variant->end, 0));
		EXPECT_TRUE(comes_to(0));
		EXPECT_EQ(0, actor_do(variant->by_host ? inside : host, act_close_all, 0));
	}
	if (!variant->end) {
		kill(inside->pid, SIGKILL);
		EXPECT_EQ(SIGKILL, WTERMSIG(actor_end(inside)));
		inside->pid = -1;
		EXPECT_TRUE(comes_to(0));
	}
	EXPECT_EQ(5, vps_peak(CONNECTIONS, ONE));
	EXPECT_EQ(0, vps_hits(CONNECTIONS, ONE));
}

/* A closed one whose address is still in use is no connection. */
static long time_waits(void)
{
	return get_field("/proc/self/net/sockstat", " tw ");
}

TEST_F(tcp, time_wait_is_no_connection)
{
	struct actor *actor = &self->here.actor;

	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, MANY));
	for (int i = 0; i < MANY; i++)
		ASSERT_LE(0, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(MANY, used());
	EXPECT_EQ(MANY, actor_do(&self->host, act_accept_all, 0));
	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_EQ(0, actor_do(&self->host, act_close_all, 0));
	EXPECT_TRUE(comes_to(0));
	/* How many of them there are is not the context's matter; here they are. */
	EXPECT_TRUE(EVENTUALLY(time_waits() > 0)) {
		TH_LOG("%ld", time_waits());
	}
	EXPECT_EQ(0, used());
	for (int i = 0; i < MANY; i++)
		ASSERT_LE(0, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(MANY, used());
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
}

/* ---- whose they are ---- */

TEST_F(tcp, given_away_are_still_ones_own)
{
	struct actor *actor = &self->here.actor;
	long fd = actor_do(actor, act_connect, self->port);
	struct actor two;
	int got;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 1));
	ASSERT_EQ(0, actor_do(actor, act_send, fd));
	ASSERT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_EQ(1, used());
	got = receive_fd(letters[0]);
	ASSERT_LE(0, got);
	EXPECT_EQ(1, used());
	ASSERT_EQ(0, actor_start(&two, &self->here.two));
	close(got);
	EXPECT_EQ(1, actor_do(&two, act_is_answered, got));
	EXPECT_EQ(1, used());
	EXPECT_EQ(0, vps_used(CONNECTIONS, TWO));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
	actor_end(&two);
	EXPECT_TRUE(comes_to(0));
	EXPECT_LE(0, actor_do(actor, act_connect, self->port));
}

/* Who connects it does not matter, who made it is held. */
TEST_F(tcp, connected_elsewhere)
{
	struct actor *actor = &self->here.actor;
	union address address = address_of(variant->family, self->port);
	int got[2];

	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 1));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, actor_do(actor, act_send, actor_do(actor, act_socket, 0)));
		got[i] = receive_fd(letters[0]);
		ASSERT_LE(0, got[i]);
	}
	EXPECT_EQ(0, used());
	EXPECT_EQ(0, connect(got[0], &address.any, length_of(variant->family)));
	EXPECT_EQ(1, used());
	EXPECT_EQ(-1, connect(got[1], &address.any, length_of(variant->family)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_EQ(1, used());
	close(got[0]);
	EXPECT_TRUE(comes_to(0));
	EXPECT_EQ(0, connect(got[1], &address.any, length_of(variant->family)));
	close(got[1]);
}

/* Who accepts does not matter, who listens does. */
TEST_F(tcp, accepted_elsewhere)
{
	struct actor *actor = &self->here.actor;
	long port = actor_do(actor, act_listen, 0);
	int listener, accepted;

	ASSERT_LT(0, port);
	ASSERT_EQ(0, actor_do(actor, act_send, actor_do(actor, act_server, 0)));
	listener = receive_fd(letters[0]);
	ASSERT_LE(0, listener);
	EXPECT_LE(0, actor_do(&self->host, act_connect, port));
	EXPECT_TRUE(comes_to(1));
	accepted = accept(listener, NULL, NULL);
	ASSERT_LE(0, accepted);
	EXPECT_EQ(1, used());
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_accept, 0));
	close(accepted);
	EXPECT_TRUE(comes_to(0));
	close(listener);
}

/* It is its context's where its maker is now, and after that has ended. */
TEST_F(tcp, of_who_has_moved_and_of_who_has_ended)
{
	struct actor *actor = &self->here.actor;
	long fd = actor_do(actor, act_connect, self->port);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vps_migrate(TWO, self->here.two.group, actor->pid));
	EXPECT_EQ(1, used());
	EXPECT_EQ(0, vps_used(CONNECTIONS, TWO));
	EXPECT_LE(0, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(1, used());
	EXPECT_EQ(1, vps_used(CONNECTIONS, TWO));
	ASSERT_EQ(0, vps_destroy(ONE));
	close(self->here.one.group);
	ASSERT_EQ(0, group_remove("801"));
	EXPECT_EQ(1, actor_do(actor, act_is_answered, fd));
	ASSERT_EQ(0, context_make(&self->here.one, ONE, 0));
	EXPECT_EQ(0, used());
	EXPECT_LE(1, contexts_dying());
	EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	EXPECT_EQ(0, vps_used(CONNECTIONS, TWO));
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
}

/* ---- several at once ---- */

static long target;

/* Connects more often than there are places, leaves, and comes again. */
static void *connect_main(void *unused)
{
	int mine[8];

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
			mine[i] = connect_to(target, SOCK_NONBLOCK);
		for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
			if (mine[i] >= 0)
				close(mine[i]);
	}
	return NULL;
}

static long act_connect_at_once(long port)
{
	pthread_t threads[4];

	target = port;
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, connect_main, NULL))
			return -EAGAIN;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

TEST_F(tcp, many_connect_at_once)
{
	struct actor *actor = &self->here.actor;

	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 6));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, actor_do(actor, act_connect_at_once, self->port));
		EXPECT_LE(0, actor_do(&self->host, act_accept_all, 0));
		EXPECT_EQ(0, actor_do(&self->host, act_close_all, 0));
	}
	EXPECT_GE(6, vps_peak(CONNECTIONS, ONE));
	EXPECT_LT(0, vps_peak(CONNECTIONS, ONE));
	EXPECT_LT(0, vps_hits(CONNECTIONS, ONE));
	EXPECT_TRUE(comes_to(0));
	/* Each of the places is still there. */
	for (int i = 0; i < 6; i++)
		EXPECT_LE(0, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
}

TEST_F(tcp, many_come_at_once)
{
	struct actor *actor = &self->here.actor;
	long port = actor_do(actor, act_listen, 0);

	ASSERT_LT(0, port);
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 6));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, actor_do(&self->host, act_connect_at_once, port));
		EXPECT_LE(0, actor_do(actor, act_accept_all, 0));
		EXPECT_EQ(0, actor_do(actor, act_close_all, 0));
	}
	EXPECT_GE(6, vps_peak(CONNECTIONS, ONE));
	EXPECT_LT(0, vps_peak(CONNECTIONS, ONE));
	EXPECT_LT(0, vps_hits(CONNECTIONS, ONE));
	EXPECT_TRUE(comes_to(0));
	for (int i = 0; i < 6; i++)
		EXPECT_LE(0, actor_do(&self->host, act_connect, port));
	EXPECT_TRUE(comes_to(6));
}

/* ---- MPTCP ---- */

TEST_F(tcp, subflows_count)
{
	struct actor *actor = &self->here.actor;
	struct actor host, inside;
	int fd = socket(variant->family, SOCK_STREAM, IPPROTO_MPTCP);
	long port;

	if (fd < 0)
		SKIP(return, "this kernel has no MPTCP");
	close(fd);
	place = (struct place) { IPPROTO_MPTCP, variant->family, 0 };
	ASSERT_EQ(0, actor_start(&host, NULL));
	ASSERT_EQ(0, actor_start(&inside, &self->here.one));
	port = actor_do(&host, act_listen, 0);
	ASSERT_LT(0, port);
	ASSERT_EQ(0, vps_limit(CONNECTIONS, ONE, 2));
	EXPECT_LE(0, actor_do(&inside, act_connect, port));
	EXPECT_EQ(1, used());
	EXPECT_LE(0, actor_do(&inside, act_connect, port));
	EXPECT_EQ(2, used());
	EXPECT_GT(0, actor_do(&inside, act_connect, port));
	EXPECT_EQ(-EAGAIN, actor_do(actor, act_connect, self->port));
	EXPECT_EQ(2, used());
	EXPECT_EQ(0, actor_do(&inside, act_close_all, 0));
	EXPECT_EQ(2, actor_do(&host, act_accept_all, 0));
	EXPECT_EQ(0, actor_do(&host, act_close_all, 0));
	EXPECT_TRUE(comes_to(0));
	actor_end(&inside);
	actor_end(&host);
}

TEST_HARNESS_MAIN
