// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices in the network of a context, and their rates: made, moved, told, held to and removed by
 * the call, in a network of the test's own. What comes of it is looked at by other means.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include "vps_test.h"

#define MBIT 1000000ULL
#define FLOOD_MS 3000

FIXTURE(vnet) {
	long before;
	struct context one;
	struct actor machine;	/* in the machine's network */
	struct actor inside;	/* in one of its own, as the first process of the context */
};

static long set_init(pid_t pid)
{
	struct vps_init attr = { .size = sizeof(attr), .pid = pid };

	return vserver(SET(PROCESS, INIT), ONE, &attr);
}

FIXTURE_SETUP(vnet)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, context_make(&self->one, ONE, 0));
	ASSERT_EQ(0, actor_start(&self->machine, &self->one));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, actor_start_in(&self->inside, &self->one, CLONE_NEWNET));
	ASSERT_EQ(0, set_init(self->inside.pid));
}

FIXTURE_TEARDOWN(vnet)
{
	actor_end(&self->machine);
	actor_end(&self->inside);
	EXPECT_TRUE(tests_end(self->before));
}

/* ---- the call ---- */

static long make(const char *name, const char *port)
{
	struct vps_device attr = { .size = sizeof(attr) };

	snprintf(attr.name, sizeof(attr.name), "%s", name);
	snprintf(attr.port, sizeof(attr.port), "%s", port);
	return vserver(SET(VNET, DEVICE), ONE, &attr);
}

static long attach(__u32 ifindex)
{
	struct vps_device attr = { .size = sizeof(attr), .ifindex = ifindex };

	return vserver(SET(VNET, ATTACH), ONE, &attr);
}

static long destroy(__u32 ifindex)
{
	struct vps_device attr = { .size = sizeof(attr), .ifindex = ifindex };

	return vserver(SET(VNET, DESTROY), ONE, &attr);
}

static long list(struct vps_device *items, __u32 room)
{
	struct vps_devices attr = {
		.size = sizeof(attr), .count = room, .each = sizeof(*items),
		.list = (unsigned long)items,
	};
	long value = vserver(GET(VNET, ATTACH), ONE, &attr);

	return value ?: attr.count;
}

static long set_rates(__u32 ifindex, __u64 max, __u32 link, __u64 min)
{
	struct vps_qos attr = {
		.size = sizeof(attr), .ifindex = ifindex, .link = link, .max = max, .min = min,
	};

	return vserver(SET(VNET, QOS), ONE, &attr);
}

static struct vps_qos rates(__u32 ifindex, __u32 link)
{
	struct vps_qos attr = { .size = sizeof(attr), .ifindex = ifindex, .link = link };

	if (vserver(GET(VNET, QOS), ONE, &attr))
		attr = (struct vps_qos){ .max = 1, .min = 1 };
	return attr;
}

static long act_count(long unused)
{
	return vserver(GET(VNET, DEVICE), ONE, NULL);
}

static long act_list(long room)
{
	struct vps_device items[4];

	return list(items, room);
}

static long act_make(long unused)
{
	return make("eth7", "port7");
}

static long act_rate(long ifindex)
{
	return set_rates(ifindex, VPS_UNLIMITED, 0, 0);
}

/* ---- what there is ---- */

static long act_index(long name)
{
	return if_nametoindex((const char *)name);
}

static long index_inside(struct actor *actor, const char *name)
{
	return actor_do(actor, act_index, (long)name);
}

static long act_up(long name)
{
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long value;

	snprintf(request.ifr_name, IFNAMSIZ, "%s", (const char *)name);
	value = outcome(ioctl(fd, SIOCSIFFLAGS, &request));
	close(fd);
	return value;
}

/* ---- rtnetlink ---- */

struct message {
	struct nlmsghdr header;
	struct tcmsg tc;
	char attributes[2048];
};

static struct rtattr *put(struct message *message, int type, const void *data, size_t size)
{
	struct rtattr *attr = (void *)message + NLMSG_ALIGN(message->header.nlmsg_len);

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(attr), data, size);
	message->header.nlmsg_len = NLMSG_ALIGN(message->header.nlmsg_len) + RTA_SPACE(size);
	return attr;
}

/* The answer takes the place of the question. */
static long talk(struct message *message)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	long value = given(send(fd, message, message->header.nlmsg_len, 0));

	if (value > 0)
		value = given(recv(fd, message, sizeof(*message), 0));
	close(fd);
	if (value > 0 && message->header.nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)&message->tc)->error;
	return value < 0 ? value : 0;
}

static struct message about(int type, int flags, int ifindex, __u32 parent, __u32 handle)
{
	return (struct message){
		.header = {
			.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags,
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
		},
		.tc = { .tcm_ifindex = ifindex, .tcm_parent = parent, .tcm_handle = handle },
	};
}

static struct rtattr *find(void *first, int length, int type)
{
	for (struct rtattr *attr = first; RTA_OK(attr, length); attr = RTA_NEXT(attr, length))
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
	return NULL;
}

/* Attribute @type of the options of what is asked for, of that kind; NULL: it is of another. */
static void *option(struct message *message, const char *kind, int type)
{
	int length = message->header.nlmsg_len - NLMSG_LENGTH(sizeof(struct tcmsg));
	struct rtattr *said, *options;

	/* Of a queue that is none there is nothing but the end of the answer. */
	if (talk(message) || message->header.nlmsg_type == NLMSG_ERROR)
		return NULL;
	length = message->header.nlmsg_len - NLMSG_LENGTH(sizeof(struct tcmsg));
	said = find(message->attributes, length, TCA_KIND);
	options = find(message->attributes, length, TCA_OPTIONS);
	if (!said || strcmp(RTA_DATA(said), kind) || !options)
		return NULL;
	options = find(RTA_DATA(options), RTA_PAYLOAD(options), type);
	return options ? RTA_DATA(options) : NULL;
}

/* Bytes a second of the tbf at the root of a device, 0: there is none. */
static long act_most(long ifindex)
{
	struct message message = about(RTM_GETQDISC, NLM_F_ACK | NLM_F_ECHO, ifindex, TC_H_ROOT, 0);
	struct tc_tbf_qopt *params = option(&message, "tbf", TCA_TBF_PARMS);

	return params ? params->rate.rate : 0;
}

#define LINE 0x10000

static struct tc_htb_opt class_of(int link, __u32 minor)
{
	const int flags = NLM_F_ACK | NLM_F_ECHO;
	struct message message = about(RTM_GETTCLASS, flags, link, 0, LINE | minor);
	struct tc_htb_opt *params = option(&message, "htb", TCA_HTB_PARMS);

	return params ? *params : (struct tc_htb_opt){};
}

static void end_options(struct message *message, struct rtattr *options)
{
	options->rta_len = (char *)message + message->header.nlmsg_len - (char *)options;
}

static long make_line(int link)
{
	const int flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	struct message queue = about(RTM_NEWQDISC, flags, link, TC_H_ROOT, LINE);
	struct message class = about(RTM_NEWTCLASS, flags, link, LINE, LINE | 1);
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10 };
	struct tc_ratespec spec = { .linklayer = 1, .rate = 125000000 };
	struct tc_htb_opt params = {
		.rate = spec, .ceil = spec,
		.buffer = 1 << 16, .cbuffer = 1 << 16, .quantum = 1 << 16,
	};
	struct rtattr *options;

	put(&queue, TCA_KIND, "htb", 4);
	options = put(&queue, TCA_OPTIONS, NULL, 0);
	put(&queue, TCA_HTB_INIT, &glob, sizeof(glob));
	end_options(&queue, options);
	put(&class, TCA_KIND, "htb", 4);
	options = put(&class, TCA_OPTIONS, NULL, 0);
	put(&class, TCA_HTB_PARMS, &params, sizeof(params));
	end_options(&class, options);
	return talk(&queue) ?: talk(&class);
}

/* ---- devices ---- */

TEST_F(vnet, make_and_destroy)
{
	long inside = make("eth0", "port0");

	ASSERT_LT(0, inside);
	EXPECT_EQ(inside, index_inside(&self->inside, "eth0"));
	EXPECT_NE(0, if_nametoindex("port0"));
	EXPECT_EQ(0, if_nametoindex("eth0"));
	EXPECT_EQ(1, act_count(0));
	EXPECT_EQ(1, actor_do(&self->inside, act_count, 0));

	EXPECT_EQ(-EEXIST, make("eth0", "port1"));
	EXPECT_EQ(-EEXIST, make("eth1", "port0"));
	EXPECT_EQ(0, if_nametoindex("port1"));
	EXPECT_EQ(1, act_count(0));

	EXPECT_EQ(0, destroy(inside));
	EXPECT_EQ(0, if_nametoindex("port0"));
	EXPECT_EQ(0, index_inside(&self->inside, "eth0"));
	EXPECT_EQ(0, act_count(0));
	EXPECT_EQ(-ENODEV, destroy(inside));
}

TEST_F(vnet, values)
{
	struct vps_device attr = { .size = sizeof(attr), .ifindex = 1, .name = "a", .port = "b" };

	EXPECT_EQ(-EINVAL, vserver(SET(VNET, DEVICE), ONE, &attr));
	EXPECT_EQ(-EINVAL, vserver(SET(VNET, ATTACH), ONE, &attr));
	EXPECT_EQ(-EINVAL, vserver(SET(VNET, DESTROY), ONE, &attr));
	EXPECT_EQ(-EINVAL, make("eth%d", "port0"));
	EXPECT_EQ(-EINVAL, make("", "port0"));
	EXPECT_EQ(-EINVAL, make("eth0", ""));
	EXPECT_EQ(-EINVAL, attach(0));
	EXPECT_EQ(-EINVAL, destroy(1U << 31));
	EXPECT_EQ(0, act_count(0));
	EXPECT_EQ(-EINVAL, vserver(GET(VNET, DEVICE), 0, NULL));
	EXPECT_EQ(-ESRCH, vserver(GET(VNET, DEVICE), TWO, NULL));
}

TEST_F(vnet, list)
{
	struct vps_device items[3] = {};
	long first = make("eth0", "port0"), second = make("eth1", "port1");

	ASSERT_LT(0, first);
	ASSERT_LT(0, second);
	EXPECT_EQ(2, list(NULL, 0));
	EXPECT_EQ(2, list(items, 3));
	EXPECT_EQ(first, items[0].ifindex);
	EXPECT_STREQ("eth0", items[0].name);
	EXPECT_EQ(sizeof(items[0]), items[0].size);
	EXPECT_EQ(second, items[1].ifindex);
	EXPECT_STREQ("eth1", items[1].name);
	EXPECT_EQ(0, items[2].size);
	EXPECT_EQ(2, actor_do(&self->inside, act_list, 1));
	EXPECT_EQ(-EFAULT, list((void *)8, 1));
}

TEST_F(vnet, attach)
{
	long inside;

	ASSERT_LT(0, make("eth0", "port0"));
	ASSERT_LT(0, make("eth1", "eth0"));
	inside = attach(if_nametoindex("port0"));
	EXPECT_LT(0, inside);
	EXPECT_EQ(inside, index_inside(&self->inside, "port0"));
	EXPECT_EQ(0, if_nametoindex("port0"));
	EXPECT_EQ(3, act_count(0));
	EXPECT_EQ(-EEXIST, attach(if_nametoindex("eth0")));
	EXPECT_EQ(-EINVAL, attach(if_nametoindex("lo")));
	EXPECT_EQ(-ENODEV, attach(12345));
	EXPECT_EQ(-ENODEV, destroy(1));
	EXPECT_EQ(0, destroy(inside));
	EXPECT_EQ(1, act_count(0));
}

/* They end with it, and the other ends with them. */
TEST_F(vnet, network_goes)
{
	ASSERT_LT(0, make("eth0", "port0"));
	actor_end(&self->inside);
	EXPECT_TRUE(EVENTUALLY(!if_nametoindex("port0")));
	EXPECT_EQ(-ENONET, act_count(0));
	ASSERT_EQ(0, actor_start_in(&self->inside, &self->one, CLONE_NEWNET));
}

TEST_F(vnet, no_network_of_its_own)
{
	const pid_t inits[] = { 0, self->machine.pid };

	for (size_t i = 0; i < ARRAY_SIZE(inits); i++) {
		ASSERT_EQ(0, set_init(inits[i]));
		EXPECT_EQ(-ENONET, make("eth0", "port0"));
		EXPECT_EQ(-ENONET, attach(1));
		EXPECT_EQ(-ENONET, destroy(1));
		EXPECT_EQ(-ENONET, act_count(0));
		EXPECT_EQ(-ENONET, list(NULL, 0));
		EXPECT_EQ(-ENONET, act_rate(2));
	}
	EXPECT_EQ(0, if_nametoindex("port0"));
}

static long act_drop(long capability)
{
	struct {
		__u32 version;
		int pid;
	} header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct {
		__u32 effective;
		__u32 permitted;
		__u32 inheritable;
	} sets[2] = {};

	if (syscall(__NR_capget, &header, sets))
		return -errno;
	sets[0].effective &= ~(1U << capability);
	return outcome(syscall(__NR_capset, &header, sets));
}

TEST_F(vnet, rights)
{
	long inside = make("eth0", "port0");
	struct actor host;

	ASSERT_LT(0, inside);
	EXPECT_EQ(-EPERM, actor_do(&self->inside, act_make, 0));
	EXPECT_EQ(-EPERM, actor_do(&self->inside, act_rate, inside));
	ASSERT_EQ(0, actor_start(&host, NULL));
	EXPECT_EQ(0, actor_do(&host, act_rate, inside));
	EXPECT_EQ(0, actor_do(&host, act_drop, CAP_NET_ADMIN));
	EXPECT_EQ(-EPERM, actor_do(&host, act_make, 0));
	EXPECT_EQ(-EPERM, actor_do(&host, act_rate, inside));
	EXPECT_EQ(1, actor_do(&host, act_count, 0));
	actor_end(&host);
}

/* ---- what is shown ---- */

static long act_address(long unused)
{
	struct ifreq request = { .ifr_name = "eth0" };
	struct sockaddr_in *address = (void *)&request.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long value;

	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(0xc0000205);
	value = outcome(ioctl(fd, SIOCSIFADDR, &request));
	address->sin_addr.s_addr = htonl(0xffffff00);
	value = value ?: outcome(ioctl(fd, SIOCSIFNETMASK, &request));
	close(fd);
	return value;
}

static long act_is_shown(long unused)
{
	char text[4096];

	get_text(AT_FDCWD, "/proc/vservers/self", text, sizeof(text));
	return !!strstr(text, "\nAddresses assigned: eth0 192.0.2.5/24\n");
}

TEST_F(vnet, self)
{
	ASSERT_LT(0, make("eth0", "port0"));
	EXPECT_EQ(0, actor_do(&self->inside, act_is_shown, 0));
	ASSERT_EQ(0, actor_do(&self->inside, act_address, 0));
	EXPECT_EQ(1, actor_do(&self->inside, act_is_shown, 0));
}

/* ---- rates ---- */

TEST_F(vnet, most)
{
	long inside = make("eth0", "port0"), port = if_nametoindex("port0");

	ASSERT_LT(0, inside);
	EXPECT_EQ(VPS_UNLIMITED, rates(inside, 0).max);
	EXPECT_EQ(0, set_rates(inside, 100 * MBIT, 0, 0));
	EXPECT_EQ(100 * MBIT, rates(inside, 0).max);
	EXPECT_EQ(0, rates(inside, 0).min);
	EXPECT_EQ(12500000, act_most(port));
	EXPECT_EQ(12500000, actor_do(&self->inside, act_most, inside));

	EXPECT_EQ(0, set_rates(inside, 40000 * MBIT, 0, 0));
	EXPECT_EQ(40000 * MBIT, rates(inside, 0).max);
	EXPECT_EQ(0, set_rates(inside, 8000, 0, 0));
	EXPECT_EQ(8000, rates(inside, 0).max);
	EXPECT_EQ(1000, act_most(port));

	EXPECT_EQ(0, set_rates(inside, VPS_UNLIMITED, 0, 0));
	EXPECT_EQ(VPS_UNLIMITED, rates(inside, 0).max);
	EXPECT_EQ(0, act_most(port));
	EXPECT_EQ(0, set_rates(inside, VPS_UNLIMITED, 0, 0));
	EXPECT_EQ(-EINVAL, set_rates(inside, 7999, 0, 0));
	EXPECT_EQ(-EINVAL, set_rates(inside, MBIT, 0, MBIT));
	EXPECT_EQ(-ENODEV, set_rates(12345, MBIT, 0, 0));
	EXPECT_EQ(-ENODEV, set_rates(1, MBIT, 0, 0));
}

TEST_F(vnet, least)
{
	long inside = make("eth0", "port0");
	struct tc_htb_opt class;
	const int lo = 1;

	ASSERT_LT(0, inside);
	EXPECT_EQ(-ENOLINK, set_rates(inside, 100 * MBIT, lo, 10 * MBIT));
	EXPECT_EQ(-ENOLINK, set_rates(inside, 100 * MBIT, 12345, 10 * MBIT));
	ASSERT_EQ(0, make_line(lo));
	EXPECT_EQ(0, rates(inside, lo).min);
	EXPECT_EQ(0, set_rates(inside, 100 * MBIT, lo, 10 * MBIT));
	EXPECT_EQ(100 * MBIT, rates(inside, lo).max);
	EXPECT_EQ(10 * MBIT, rates(inside, lo).min);
	class = class_of(lo, ONE);
	EXPECT_EQ(1250000, class.rate.rate);
	EXPECT_EQ(12500000, class.ceil.rate);

	EXPECT_EQ(0, set_rates(inside, VPS_UNLIMITED, lo, 20 * MBIT));
	EXPECT_EQ(20 * MBIT, rates(inside, lo).min);
	EXPECT_EQ(0, set_rates(inside, VPS_UNLIMITED, lo, 0));
	EXPECT_EQ(0, rates(inside, lo).min);
	EXPECT_EQ(0, class_of(lo, ONE).rate.rate);
	EXPECT_EQ(-ENOENT, set_rates(inside, VPS_UNLIMITED, lo, 0));

	/* What has both ends inside comes in nowhere. */
	ASSERT_LT(0, attach(if_nametoindex("port0")));
	EXPECT_EQ(-EXDEV, set_rates(inside, VPS_UNLIMITED, lo, MBIT));
}

static __u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* Frames for nobody, as many as the device takes. */
static long act_flood(long ifindex)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex };
	const __u64 end = now_ms() + FLOOD_MS;
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	char frame[1000] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	long value = fd < 0 ? -errno : 0;

	while (!value && now_ms() < end) {
		if (sendto(fd, frame, sizeof(frame), 0, (void *)&to, sizeof(to)) < 0 &&
		    errno != ENOBUFS)
			value = -errno;
	}
	close(fd);
	return value;
}

static long act_got(long name)
{
	char text[4096], *found;

	get_text(AT_FDCWD, "/proc/self/net/dev", text, sizeof(text));
	found = strstr(text, (const char *)name);
	return found ? strtol(found + strlen((const char *)name) + 1, NULL, 10) : -1;
}

/* 1 MB a second each way, and what is let pass at once. */
TEST_F(vnet, rates_hold)
{
	const long most = FLOOD_MS * 1000L;
	long inside = make("eth0", "port0"), port = if_nametoindex("port0"), before, got;

	ASSERT_LT(0, inside);
	ASSERT_EQ(0, set_rates(inside, 8 * MBIT, 0, 0));
	ASSERT_EQ(0, act_up((long)"port0"));
	ASSERT_EQ(0, actor_do(&self->inside, act_up, (long)"eth0"));

	before = act_got((long)"port0");
	ASSERT_EQ(0, actor_do(&self->inside, act_flood, inside));
	got = act_got((long)"port0") - before;
	EXPECT_LT(most * 9 / 10, got) TH_LOG("out: %ld", got);
	EXPECT_GT(most * 11 / 10, got) TH_LOG("out: %ld", got);

	before = actor_do(&self->inside, act_got, (long)"eth0");
	ASSERT_EQ(0, act_flood(port));
	got = actor_do(&self->inside, act_got, (long)"eth0") - before;
	EXPECT_LT(most * 9 / 10, got) TH_LOG("in: %ld", got);
	EXPECT_GT(most * 11 / 10, got) TH_LOG("in: %ld", got);
}

TEST_HARNESS_MAIN
