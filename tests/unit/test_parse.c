// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/capability.h>

#include "tap.h"
#include "util.h"

#define NAME_64 "a23456789-123456789-123456789-123456789-123456789-123456789-1234"

/* Outputs are written only on success: this stays otherwise. */
#define UNTOUCHED 77

struct number_case {
	const char *text;
	int err;
	uint64_t value;
};

static const struct number_case u64_cases[] = {
	{ "0", 0, 0 },
	{ "42", 0, 42 },
	{ "010", 0, 10 },			/* never octal */
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "99999999999999999999", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
	{ "1K", -EINVAL, 0 },
	{ "1\n", -EINVAL, 0 },
	{ "99999999999999999999x", -EINVAL, 0 },
};

static const struct number_case id_cases[] = {
	{ "0", 0, 0 },
	{ "65534", 0, VPS_ID_MAX },
	{ "65535", -ERANGE, 0 },
	{ "4294967299", -ERANGE, 0 },		/* 3 when cut to 32 bits */
	{ "", -EINVAL, 0 },			/* 0 would be the host */
	{ "web", -EINVAL, 0 },
};

static const struct number_case size_cases[] = {
	{ "0", 0, 0 },
	{ "64M", 0, 64ULL << 20 },
	{ "64m", 0, 64ULL << 20 },
	{ "1K", 0, 1024 },
	{ "3g", 0, 3ULL << 30 },
	{ "1T", 0, 1ULL << 40 },
	{ "16383P", 0, 16383ULL << 50 },
	{ "16384P", -ERANGE, 0 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "010K", 0, 10240 },
	{ "", -EINVAL, 0 },
	{ "K", -EINVAL, 0 },
	{ "1KB", -EINVAL, 0 },
	{ "1E", -EINVAL, 0 },
	{ "1 K", -EINVAL, 0 },
	{ "1.5K", -EINVAL, 0 },
	{ "1+", -EINVAL, 0 },
	{ "-1K", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
};

static int parse_id(const char *s, uint64_t *ret_value)
{
	uint32_t id = UNTOUCHED;
	int err = vps_parse_id(s, &id);

	*ret_value = id;
	return err;
}

static void test_numbers(const char *what, int (*parse)(const char *, uint64_t *),
			 const struct number_case *cases, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		uint64_t value = UNTOUCHED;

		is_int(parse(cases[i].text, &value), cases[i].err, "%s '%s'", what,
		       cases[i].text);
		ok(value == (cases[i].err ? UNTOUCHED : cases[i].value), "%s '%s': value", what,
		   cases[i].text);
	}
}

static void test_signals(void)
{
	const struct {
		const char *text;
		int err;
		int number;
	} cases[] = {
		{ "TERM", 0, SIGTERM },
		{ "SIGTERM", 0, SIGTERM },
		{ "sigterm", 0, SIGTERM },
		{ "hup", 0, SIGHUP },
		{ "SYS", 0, SIGSYS },
		{ "15", 0, 15 },
		{ "0", 0, 0 },
		{ "64", 0, 64 },
		{ "RTMIN", 0, SIGRTMIN },
		{ "RTMIN+4", 0, SIGRTMIN + 4 },
		{ "SIGRTMIN+3", 0, SIGRTMIN + 3 },
		{ "rtmax-1", 0, SIGRTMAX - 1 },
		{ "RTMAX", 0, SIGRTMAX },
		{ "RTMAX-30", 0, SIGRTMIN },
		{ "65", -EINVAL, 0 },
		{ "4294967311", -EINVAL, 0 },
		{ "-9", -EINVAL, 0 },
		{ "9x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "SIG", -EINVAL, 0 },
		{ "SIG15", -EINVAL, 0 },
		{ "SIGSIGTERM", -EINVAL, 0 },
		{ "TERMX", -EINVAL, 0 },
		{ "RTMIN+31", -EINVAL, 0 },
		{ "RTMIN-1", -EINVAL, 0 },
		{ "RTMAX+1", -EINVAL, 0 },
		{ "RTMAX-31", -EINVAL, 0 },
		{ "RTMIN+", -EINVAL, 0 },
		{ "RTMINX", -EINVAL, 0 },
		{ "RTMIN+-1", -EINVAL, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int number = UNTOUCHED;

		is_int(vps_parse_signal(cases[i].text, &number), cases[i].err, "signal '%s'",
		       cases[i].text);
		is_int(number, cases[i].err ? UNTOUCHED : cases[i].number, "signal '%s': number",
		       cases[i].text);
	}
}

static void test_words(void)
{
	static const struct {
		const char *text;
		bool name;
		bool hostname;
	} cases[] = {
		{ "web", true, true },
		{ "Web-1.example_x", true, true },
		{ "9", true, true },
		{ NAME_64, true, true },
		{ NAME_64 "5", false, false },
		{ "", false, false },
		{ ".", false, true },
		{ "..", false, true },
		{ "-x", false, true },
		{ "_x", false, true },
		{ ".x", false, true },
		{ "a/b", false, false },
		{ "a b", false, false },
		{ "a\n", false, false },
		{ "a\xc3\xa4", false, false },
		{ "a*", false, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		is_int(vps_is_name(cases[i].text), cases[i].name, "name '%s'", cases[i].text);
		is_int(vps_is_hostname(cases[i].text), cases[i].hostname, "hostname '%s'",
		       cases[i].text);
	}
}

static void test_flags(void)
{
	static const struct {
		const char *text;
		int err;
		uint32_t flags;
		const char *words;
	} cases[] = {
		{ "", 0, 0, "" },
		{ "lock", 0, VPS_F_LOCK, "lock" },
		{ "nproc,LOCK", 0, VPS_F_LOCK | VPS_F_NPROC, "lock,nproc" },
		{ "lock nproc", 0, VPS_F_LOCK | VPS_F_NPROC, "lock,nproc" },
		{ "lock,lock", 0, VPS_F_LOCK, "lock" },
		{ "stop,private,nproc,sched,lock", 0, 0x1f, "lock,sched,nproc,private,stop" },
		{ "loc", -EINVAL, 0, "" },
		{ "locks", -EINVAL, 0, "" },
		{ "lock,", -EINVAL, 0, "" },
		{ ",lock", -EINVAL, 0, "" },
		{ "lock,,nproc", -EINVAL, 0, "" },
		{ "lock;nproc", -EINVAL, 0, "" },
		{ ",", -EINVAL, 0, "" },
	};
	char buf[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t flags = UNTOUCHED;

		is_int(vps_parse_flags(cases[i].text, &flags), cases[i].err, "flags '%s'",
		       cases[i].text);
		is_int(flags, cases[i].err ? UNTOUCHED : cases[i].flags, "flags '%s': bits",
		       cases[i].text);
		is_int(vps_format_flags(cases[i].flags, buf, sizeof(buf)),
		       strlen(cases[i].words), "length of '%s'", cases[i].words);
		is_str(buf, cases[i].words, "words of '%s'", cases[i].text);
	}
	is_int(vps_format_flags(VPS_F_LOCK | VPS_F_NPROC, buf, 6), 10, "flags cut: length");
	is_str(buf, "lock,", "flags cut: text");
	is_int(vps_format_flags(VPS_F_LOCK | VPS_F_NPROC, NULL, 0), 10, "flags nowhere");
}

static void test_caps(void)
{
	static const struct {
		const char *text;
		int err;
		int cap;
	} cases[] = {
		{ "cap_chown", 0, CAP_CHOWN },
		{ "CAP_NET_RAW", 0, CAP_NET_RAW },
		{ "net_raw", 0, CAP_NET_RAW },
		{ "Sys_Time", 0, CAP_SYS_TIME },
		{ "", -EINVAL, 0 },
		{ "cap_", -EINVAL, 0 },
		{ "7", -EINVAL, 0 },
		{ "cap_7", -EINVAL, 0 },
		{ "cap_chown=ep", -EINVAL, 0 },
		{ "chown,kill", -EINVAL, 0 },
		{ "all", -EINVAL, 0 },
		{ "net_raw_but_much_longer_than_any_name", -EINVAL, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int cap = UNTOUCHED;

		is_int(vps_parse_cap(cases[i].text, &cap), cases[i].err, "capability '%s'",
		       cases[i].text);
		is_int(cap, cases[i].err ? UNTOUCHED : cases[i].cap, "capability '%s': number",
		       cases[i].text);
	}
}

static void test_engines(void)
{
	enum vps_engine_kind kind = VPS_ENGINE_ANY;

	is_int(vps_parse_engine("stock", &kind), 0, "engine stock");
	is_int(kind, VPS_ENGINE_STOCK, "engine stock: kind");
	is_int(vps_parse_engine("kernel", &kind), 0, "engine kernel");
	is_int(kind, VPS_ENGINE_KERNEL, "engine kernel: kind");
	is_int(vps_parse_engine("Stock", &kind), -EINVAL, "engine in capitals");
	is_int(kind, VPS_ENGINE_KERNEL, "engine in capitals: kind untouched");
	is_int(vps_parse_engine("", &kind), 0, "engine ''");
	is_int(kind, VPS_ENGINE_ANY, "engine '': any");
}

static void test_rates(void)
{
	static const struct {
		const char *text;
		int err;
		uint64_t rate;
	} cases[] = {
		{ "8000", 0, 8000 },
		{ "8k", 0, 8000 },
		{ "5M", 0, 5000000 },
		{ "100M", 0, 100000000 },
		{ "1T", 0, UINT64_C(1000000000000) },
		{ "1000000000001", -ERANGE, 0 },
		{ "7999", -ERANGE, 0 },
		{ "0", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "18446744073709551G", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "M", -EINVAL, 0 },
		{ "1.5M", -EINVAL, 0 },
		{ "5Mbit", -EINVAL, 0 },
		{ "-5M", -EINVAL, 0 },
		{ "5P", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t rate = UNTOUCHED;

		is_int(vps_parse_rate(cases[i].text, &rate), cases[i].err, "rate '%s'",
		       cases[i].text);
		is_int(rate, cases[i].err ? UNTOUCHED : cases[i].rate, "rate '%s': bits",
		       cases[i].text);
	}
}

static void test_address_lists(void)
{
	static const struct {
		const char *text;
		int err;
		size_t count;
	} cases[] = {
		{ "192.0.2.1", 0, 1 },
		{ " 192.0.2.1/24 ,\t2001:db8::1/64  192.0.2.3", 0, 3 },
		{ "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4", 0, 4 },
		{ "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5", -E2BIG, 0 },
		{ "192.0.2.1/24,192.0.2.1/25", -EEXIST, 0 },
		{ "192.0.2.1,,192.0.2.2", -EINVAL, 0 },
		{ "192.0.2.1,", -EINVAL, 0 },
		{ "192.0.2.1 ,", -EINVAL, 0 },
		{ ",192.0.2.1", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ " ", -EINVAL, 0 },
		{ "192.0.2.1/33", -ERANGE, 0 },
		{ "192.0.2.1 224.0.0.1", -EDOM, 0 },
	};
	struct vps_addr addrs[4];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t count = 0;

		is_int(vps_parse_addrs(cases[i].text, addrs, ARRAY_SIZE(addrs), &count),
		       cases[i].err, "addresses '%s'", cases[i].text);
		is_int(count, cases[i].count, "addresses '%s': count", cases[i].text);
	}
	is_int(vps_parse_gateway("fe80::1", addrs), 0, "a gateway may be link-local");
	is_int(vps_parse_gateway("192.0.2.1", addrs), 0, "a gateway of IPv4");
	is_int(vps_parse_gateway("192.0.2.1/24", addrs), -EINVAL, "a gateway has no prefix");
	is_int(vps_parse_gateway("::1", addrs), -EDOM, "a gateway is not here");
}

static void test_addresses(void)
{
	static const struct {
		const char *text;
		int err;
		const char *shown;
	} cases[] = {
		{ "192.0.2.1", 0, "192.0.2.1/32" },
		{ "192.0.2.1/24", 0, "192.0.2.1/24" },
		{ "192.0.2.1/255.255.255.192", 0, "192.0.2.1/26" },
		{ "192.0.2.1/255.0.255.0", -EINVAL, NULL },
		{ "192.0.2.1/0", -ERANGE, NULL },
		{ "192.0.2.1/33", -ERANGE, NULL },
		{ "192.0.2.1/", -EINVAL, NULL },
		{ "192.0.2.1/24/24", -EINVAL, NULL },
		{ "192.0.2.01", -EINVAL, NULL },
		{ "192.0.2", -EINVAL, NULL },
		{ " 192.0.2.1", -EINVAL, NULL },
		{ "192.0.2.256", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ "web.example", -EINVAL, NULL },
		{ "2001:DB8:0::1", 0, "2001:db8::1/128" },
		{ "2001:db8::1/64", 0, "2001:db8::1/64" },
		{ "2001:db8::1/129", -ERANGE, NULL },
		{ "2001:db8::1/255.0.0.0", -EINVAL, NULL },
		{ "2001:db8::1%eth0", -EINVAL, NULL },
		{ "0.0.0.0", -EDOM, NULL },
		{ "0.1.2.3", -EDOM, NULL },
		{ "127.0.0.1", -EDOM, NULL },
		{ "224.0.0.1", -EDOM, NULL },
		{ "255.255.255.255", -EDOM, NULL },
		{ "::", -EDOM, NULL },
		{ "::1", -EDOM, NULL },
		{ "ff02::1", -EDOM, NULL },
		{ "fe80::1", -EDOM, NULL },
		{ "::ffff:192.0.2.1", -EDOM, NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", -EINVAL, NULL },
	};
	char shown[VPS_ADDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vps_addr addr = { .prefix = UNTOUCHED };

		is_int(vps_parse_addr(cases[i].text, &addr), cases[i].err, "address '%s'",
		       cases[i].text);
		if (cases[i].err) {
			is_int(addr.prefix, UNTOUCHED, "address '%s': untouched", cases[i].text);
			continue;
		}
		vps_format_addr_prefix(&addr, shown);
		is_str(shown, cases[i].shown, "address '%s': shown", cases[i].text);
	}
}

static void test_networks(void)
{
	static const struct {
		const char *text;
		int err;
		const char *shown;
	} cases[] = {
		{ "192.0.2.0/24", 0, "192.0.2.0/24" },
		{ "192.0.2.1", 0, "192.0.2.1/32" },
		{ "0.0.0.0/0", 0, "0.0.0.0/0" },
		{ "224.0.0.0/4", 0, "224.0.0.0/4" },
		{ "10.0.0.0/255.0.0.0", 0, "10.0.0.0/8" },
		{ "::/0", 0, "::/0" },
		{ "2001:db8::/32", 0, "2001:db8::/32" },
		{ "2001:db8::8000/113", 0, "2001:db8::8000/113" },
		{ "192.0.2.1/24", -EDOM, NULL },
		{ "192.0.2.128/24", -EDOM, NULL },
		{ "2001:db8::1/64", -EDOM, NULL },
		{ "2001:db8::8000/112", -EDOM, NULL },
		{ "128.0.0.0/0", -EDOM, NULL },
		{ "192.0.2.0/33", -ERANGE, NULL },
		{ "::/129", -ERANGE, NULL },
		{ "192.0.2.0/", -EINVAL, NULL },
		{ "192.0.2/24", -EINVAL, NULL },
		{ "/24", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
	};
	char shown[VPS_ADDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vps_addr net = { .prefix = UNTOUCHED };

		is_int(vps_parse_network(cases[i].text, &net), cases[i].err, "network '%s'",
		       cases[i].text);
		if (cases[i].err) {
			is_int(net.prefix, UNTOUCHED, "network '%s': untouched", cases[i].text);
			continue;
		}
		vps_format_addr_prefix(&net, shown);
		is_str(shown, cases[i].shown, "network '%s': shown", cases[i].text);
	}
}

int main(void)
{
	test_numbers("u64", vps_parse_u64, u64_cases, ARRAY_SIZE(u64_cases));
	test_numbers("id", parse_id, id_cases, ARRAY_SIZE(id_cases));
	test_numbers("size", vps_parse_size, size_cases, ARRAY_SIZE(size_cases));
	test_signals();
	test_words();
	test_flags();
	test_caps();
	test_engines();
	test_addresses();
	test_address_lists();
	test_networks();
	test_rates();
	return done();
}
