// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets in a network namespace that several contexts share: names that are in no file
 * system belong to contexts, and lists have one's own. What is connected stays so.
 */
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "vps_test.h"

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

#define NAME "vps-selftest"

struct name {
	struct sockaddr_un address;
	socklen_t length;
};

static struct name abstract(void)
{
	struct name name = { .address.sun_family = AF_UNIX };

	memcpy(name.address.sun_path + 1, NAME, strlen(NAME));
	name.length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(NAME);
	return name;
}

/* ---- what actors do, each with a server of its own ---- */

static int server = -1;
static int server_type;

static long act_serve(long type)
{
	struct name name = abstract();

	server_type = type;
	server = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&name.address, name.length))
		return -errno;
	return type == SOCK_DGRAM ? 0 : outcome(listen(server, 5));
}

static long act_stop(long unused)
{
	return outcome(close(server));
}

static long act_connect(long type)
{
	struct name name = abstract();
	int fd = socket(AF_UNIX, type, 0);
	long value = outcome(connect(fd, (struct sockaddr *)&name.address, name.length));

	if (!value && type == SOCK_DGRAM)
		value = outcome(send(fd, "c", 1, 0));
	close(fd);
	return value;
}

static long act_send(long unused)
{
	struct name name = abstract();
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	long value = outcome(sendto(fd, "s", 1, 0, (struct sockaddr *)&name.address,
				    name.length));

	close(fd);
	return value;
}

/* How many have come to the server since it was asked last. */
static long act_come(long unused)
{
	char byte;
	long come = 0;

	for (;;) {
		int got = server_type == SOCK_DGRAM ? recv(server, &byte, 1, 0)
						    : accept(server, NULL, NULL);

		if (got < 0)
			return errno == EAGAIN ? come : -errno;
		if (server_type != SOCK_DGRAM)
			close(got);
		come++;
	}
}

/* ---- lists ---- */

/* Of those that have the name. */
static long act_count_in_proc(long unused)
{
	FILE *list = fopen("/proc/self/net/unix", "re");
	char line[256];
	long count = 0;

	if (!list)
		return -errno;
	while (fgets(line, sizeof(line), list))
		count += !!strstr(line, " @" NAME "\n");
	fclose(list);
	return count;
}

struct request {
	struct nlmsghdr head;
	struct unix_diag_req body;
};

static long ask_diag(int flags, __u32 inode, char *answer, size_t size)
{
	struct request request = {
		.head = {
			.nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | flags,
		},
		.body = {
			.sdiag_family = AF_UNIX, .udiag_states = ~0U, .udiag_ino = inode,
			.udiag_show = UDIAG_SHOW_NAME, .udiag_cookie = { ~0U, ~0U },
		},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) != sizeof(request)) {
		close(fd);
		return -errno;
	}
	for (size_t got = 0;;) {
		ssize_t length = recv(fd, answer + got, size - got, 0);
		struct nlmsghdr *head = (void *)(answer + got);

		if (length < (ssize_t)sizeof(*head)) {
			close(fd);
			return length < 0 ? -errno : -EMSGSIZE;
		}
		got += length;
		/* A list ends in a message of its own. */
		if (!(flags & NLM_F_DUMP) || head->nlmsg_type == NLMSG_DONE ||
		    head->nlmsg_type == NLMSG_ERROR) {
			close(fd);
			return got;
		}
	}
}

/* Whether it has the name is seen by the only attribute that was asked for. */
static bool is_ours(const struct nlmsghdr *head)
{
	const struct unix_diag_msg *body = NLMSG_DATA(head);
	const struct nlattr *name = (const void *)(body + 1);

	return head->nlmsg_len >= NLMSG_LENGTH(sizeof(*body)) + sizeof(*name) + 1 + strlen(NAME) &&
	       name->nla_type == UNIX_DIAG_NAME &&
	       !memcmp((const char *)(name + 1) + 1, NAME, strlen(NAME));
}

static long act_count_in_diag(long unused)
{
	static char answer[1 << 18];
	long length = ask_diag(NLM_F_DUMP, 0, answer, sizeof(answer)), count = 0;
	int left = length;

	if (length < 0)
		return length;
	for (struct nlmsghdr *head = (void *)answer; NLMSG_OK(head, left);
	     head = NLMSG_NEXT(head, left)) {
		if (head->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
		if (head->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			count += is_ours(head);
	}
	return count;
}

static long act_inode(long unused)
{
	struct stat st;

	return fstat(server, &st) ? -errno : (long)st.st_ino;
}

/* 0 when a socket of that number is told of. */
static long act_find_inode(long inode)
{
	char answer[4096];
	long length = ask_diag(0, inode, answer, sizeof(answer));
	struct nlmsghdr *head = (void *)answer;

	if (length < 0)
		return length;
	if (head->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
	return head->nlmsg_type == SOCK_DIAG_BY_FAMILY && is_ours(head) ? 0 : -EPROTO;
}

/* ---- the tests ---- */

#define ACTORS 4

FIXTURE(names)
{
	struct places places;
	struct actor *actors[ACTORS];	/* the host is the first, context 1 the second */
};

FIXTURE_VARIANT(names)
{
	uid_t user;
	__u64 spaces;
};

FIXTURE_VARIANT_ADD(names, root) {};
FIXTURE_VARIANT_ADD(names, user) { .user = SOMEBODY };
FIXTURE_VARIANT_ADD(names, root_in_namespaces) { .spaces = SPACES };
FIXTURE_VARIANT_ADD(names, user_in_namespaces) { .user = SOMEBODY, .spaces = SPACES };

FIXTURE_SETUP(names)
{
	ASSERT_EQ(0, places_make(&self->places, variant->user, variant->spaces));
	self->actors[0] = &self->places.host;
	self->actors[1] = &self->places.in_all;
	self->actors[2] = &self->places.in_one;
	self->actors[3] = &self->places.in_two;
}

FIXTURE_TEARDOWN(names)
{
	EXPECT_TRUE(places_end(&self->places));
}

TEST_F(names, of_others)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		for (int maker = 0; maker < ACTORS; maker++) {
			ASSERT_EQ(0, actor_do(self->actors[maker], act_serve, types[i]));
			for (int actor = 0; actor < ACTORS; actor++) {
				EXPECT_EQ(actor == maker ? 0 : -ECONNREFUSED,
					  actor_do(self->actors[actor], act_connect, types[i]))
					TH_LOG("type %d by %d of %d", types[i], actor, maker);
			}
			EXPECT_EQ(1, actor_do(self->actors[maker], act_come, 0));
			ASSERT_EQ(0, actor_do(self->actors[maker], act_stop, 0));
		}
	}
}

TEST_F(names, of_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		for (int actor = 0; actor < ACTORS; actor++) {
			EXPECT_EQ(-ECONNREFUSED,
				  actor_do(self->actors[actor], act_connect, types[i]));
			ASSERT_EQ(0, actor_do(self->actors[actor], act_serve, types[i]))
				TH_LOG("type %d by %d", types[i], actor);
			EXPECT_EQ(-EADDRINUSE, act_in(NULL, act_serve, types[i]));
		}
		for (int actor = 0; actor < ACTORS; actor++) {
			EXPECT_EQ(0, actor_do(self->actors[actor], act_connect, types[i]));
			for (int other = 0; other < ACTORS; other++)
				EXPECT_EQ(other == actor,
					  actor_do(self->actors[other], act_come, 0));
		}
		for (int actor = 0; actor < ACTORS; actor++)
			ASSERT_EQ(0, actor_do(self->actors[actor], act_stop, 0));
	}
}

TEST_F(names, of_datagrams)
{
	for (int maker = 0; maker < ACTORS; maker++) {
		ASSERT_EQ(0, actor_do(self->actors[maker], act_serve, SOCK_DGRAM));
		for (int actor = 0; actor < ACTORS; actor++) {
			EXPECT_EQ(actor == maker ? 0 : -ECONNREFUSED,
				  actor_do(self->actors[actor], act_send, 0))
				TH_LOG("by %d of %d", actor, maker);
		}
		EXPECT_EQ(1, actor_do(self->actors[maker], act_come, 0));
		ASSERT_EQ(0, actor_do(self->actors[maker], act_stop, 0));
	}
}

TEST_F(names, listed)
{
	long inodes[ACTORS];

	if (variant->spaces)
		SKIP(return, "each namespace has lists of its own");
	for (int i = 0; i < ACTORS; i++) {
		ASSERT_EQ(0, actor_do(self->actors[i], act_serve, SOCK_STREAM));
		inodes[i] = actor_do(self->actors[i], act_inode, 0);
		ASSERT_LT(0, inodes[i]);
	}
	for (int i = 0; i < ACTORS; i++) {
		long diag = actor_do(self->actors[i], act_count_in_diag, 0);

		EXPECT_EQ(i < 2 ? ACTORS : 1, actor_do(self->actors[i], act_count_in_proc, 0))
			TH_LOG("by %d", i);
		if (diag == -ENOENT || diag == -EPROTONOSUPPORT)
			SKIP(return, "requires a kernel with CONFIG_UNIX_DIAG");
		EXPECT_EQ(i < 2 ? ACTORS : 1, diag)
			TH_LOG("by %d", i);
		for (int j = 0; j < ACTORS; j++) {
			EXPECT_EQ(i < 2 || i == j ? 0 : -ENOENT,
				  actor_do(self->actors[i], act_find_inode, inodes[j]))
				TH_LOG("by %d of %d", i, j);
		}
	}
}

/* ---- what is handed from one to the other ---- */

static int handed;

static long act_send_on_handed(long unused)
{
	return outcome(send(handed, "h", 1, 0));
}

static long act_reconnect_handed(long unused)
{
	struct name name = abstract();

	return outcome(connect(handed, (struct sockaddr *)&name.address, name.length));
}

static long act_accept_on_handed(long unused)
{
	int fd = accept(handed, NULL, NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

FIXTURE(handed)
{
	long before;
	struct context one;
	struct actor inside;
};

FIXTURE_SETUP(handed)
{
	self->before = tests_begin();
	ASSERT_LE(0, self->before);
	ASSERT_EQ(0, context_make(&self->one, ONE, 0));
}

FIXTURE_TEARDOWN(handed)
{
	actor_end(&self->inside);
	close(handed);
	EXPECT_TRUE(tests_end(self->before));
}

TEST_F(handed, connected)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct name name = abstract();

		if (i)
			actor_end(&self->inside);
		ASSERT_EQ(0, act_serve(types[i]));
		handed = socket(AF_UNIX, types[i], 0);
		ASSERT_EQ(0, connect(handed, (struct sockaddr *)&name.address, name.length));
		ASSERT_EQ(0, actor_start(&self->inside, &self->one));
		ASSERT_EQ(0, actor_do(&self->inside, act_open_up, 0));
		EXPECT_EQ(0, actor_do(&self->inside, act_send_on_handed, 0));
		EXPECT_EQ(1, act_come(0));
		/* To connect it anew is to look for a name. */
		if (types[i] == SOCK_DGRAM) {
			EXPECT_EQ(-ECONNREFUSED,
				  actor_do(&self->inside, act_reconnect_handed, 0));
			EXPECT_EQ(0, act_reconnect_handed(0));
		}
		act_stop(0);
	}
}

/* Who listens is the host, whoever waits: as init does it for its services. */
TEST_F(handed, listening)
{
	ASSERT_EQ(0, act_serve(SOCK_STREAM));
	handed = server;
	ASSERT_EQ(0, fcntl(handed, F_SETFL, 0));
	ASSERT_EQ(0, actor_start(&self->inside, &self->one));
	ASSERT_EQ(0, actor_do(&self->inside, act_open_up, 0));
	EXPECT_EQ(-ECONNREFUSED, actor_do(&self->inside, act_connect, SOCK_STREAM));
	EXPECT_EQ(0, act_connect(SOCK_STREAM));
	EXPECT_EQ(0, actor_do(&self->inside, act_accept_on_handed, 0));
}

static long act_bind_handed(long unused)
{
	struct name name = abstract();

	return outcome(bind(handed, (struct sockaddr *)&name.address, name.length));
}

/* The name is where the socket was made, whoever binds it. */
TEST_F(handed, bound_inside)
{
	handed = socket(AF_UNIX, SOCK_DGRAM, 0);
	ASSERT_EQ(0, actor_start(&self->inside, &self->one));
	ASSERT_EQ(0, actor_do(&self->inside, act_open_up, 0));
	EXPECT_EQ(0, actor_do(&self->inside, act_bind_handed, 0));
	EXPECT_EQ(-ECONNREFUSED, actor_do(&self->inside, act_send, 0));
	EXPECT_EQ(0, act_send(0));
}

/* Ends of a pair have no name, and are nobody's to look for. */
TEST_F(handed, pair)
{
	int ends[2];
	char byte;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	handed = ends[0];
	ASSERT_EQ(0, actor_start(&self->inside, &self->one));
	ASSERT_EQ(0, actor_do(&self->inside, act_open_up, 0));
	EXPECT_EQ(0, actor_do(&self->inside, act_send_on_handed, 0));
	EXPECT_EQ(1, recv(ends[1], &byte, 1, MSG_DONTWAIT));
	close(ends[1]);
}

TEST_HARNESS_MAIN
