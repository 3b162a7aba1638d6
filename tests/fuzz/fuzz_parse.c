// SPDX-License-Identifier: GPL-2.0-or-later
/* Any word to every parser: it is refused, or within its bounds and means one thing. */
#include <inttypes.h>
#include <sys/socket.h>

#include "cli.h"
#include "fuzz.h"

static void check_numbers(const char *s)
{
	uint64_t value, bytes;
	char digits[32];
	uint32_t id;

	if (!vps_parse_u64(s, &value)) {
		snprintf(digits, sizeof(digits), "%" PRIu64, value);
		if (strcmp(s + strspn(s, "0"), value ? digits : ""))
			abort();
		if (vps_parse_size(s, &bytes) || bytes != value)
			abort();
	}
	if (!vps_parse_id(s, &id) && id > VPS_ID_MAX)
		abort();
}

static void check_amounts(const char *s)
{
	const struct vps_resource *resource;
	struct vps_limit limit;
	struct vps_rlimit rlimit;
	unsigned int mtu;
	uint64_t rate;

	if (!vps_parse_rate(s, &rate))
		CHECK(rate >= VPS_RATE_LEAST && rate <= VPS_RATE_MOST);
	if (!vps_parse_mtu(s, &mtu))
		CHECK(mtu >= VPS_MTU_LEAST && mtu <= VPS_MTU_MOST);
	for (size_t i = 0; (resource = vps_resource_at(i)); i++)
		if (!vps_limit_parse(resource, s, &limit))
			CHECK(limit.soft <= limit.hard || limit.soft == VPS_LIMIT_INF);
	cli_parse_rlimit(s, &rlimit);
}

/* ---- addresses ---------------------------------------------------------------- */

static bool is_equal(const struct vps_addr *a, const struct vps_addr *b)
{
	return a->family == b->family && a->prefix == b->prefix &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* What is understood is written so that @parse understands the same. */
static void check_addr(const char *s, int (*parse)(const char *s, struct vps_addr *ret_addr))
{
	struct vps_addr addr = { 0 }, again = { 0 };
	char text[VPS_ADDR_TEXT_MAX];

	if (parse(s, &addr))
		return;
	CHECK(addr.prefix <= (addr.family == AF_INET ? 32u : 128u));
	vps_format_addr_prefix(&addr, text);
	if (parse == vps_parse_gateway)
		vps_format_addr(&addr, text);
	CHECK(!parse(text, &again) && is_equal(&addr, &again));
}

static void check_addrs(const char *s)
{
	struct vps_addr addrs[4];
	size_t count = 0;

	check_addr(s, vps_parse_addr);
	check_addr(s, vps_parse_gateway);
	check_addr(s, vps_parse_network);
	if (!vps_parse_addrs(s, addrs, ARRAY_SIZE(addrs), &count))
		CHECK(count <= ARRAY_SIZE(addrs));
}

/* ---- hours, days and months --------------------------------------------------- */

static void check_period(const char *s)
{
	enum vps_period period;
	char text[CLI_PERIOD_TEXT];
	uint64_t begin;

	if (cli_parse_period(s, &period, &begin))
		return;
	CHECK(cli_period_begin(period, begin) == begin && cli_period_end(period, begin) > begin);
	cli_period_text(period, begin, text);
	CHECK(!strcmp(text, s) || (period == VPS_PERIOD_HOUR && s[10] == ' '));
}

/* ---- words -------------------------------------------------------------------- */

static void check_words(const char *s)
{
	enum vps_engine_kind kind;
	enum vps_disk_kind disk;
	uint32_t flags, again;
	int number;
	char text[64];

	if (!vps_parse_flags(s, &flags)) {
		if (vps_format_flags(flags, text, sizeof(text)) >= (int)sizeof(text) ||
		    vps_parse_flags(text, &again) || again != flags)
			abort();
	}
	if (!vps_parse_signal(s, &number) && (number < 0 || number > 64))
		abort();
	if (!vps_parse_cap(s, &number) && (number < 0 || number > 63))
		abort();
	vps_parse_engine(s, &kind);
	if (!vps_parse_disk_kind(s, &disk) && disk != VPS_DISK_AUTO)
		CHECK(!strcmp(vps_disk_kind_name(disk), s));
	if (vps_is_device(s))
		CHECK(strlen(s) < 16 && !strpbrk(s, "/: \t\r\n\033\177"));
	if (vps_is_name(s) && (strlen(s) > VPS_NAME_MAX || strchr(s, '/') || *s == '.'))
		abort();
	if (vps_is_hostname(s) && strlen(s) > VPS_HOSTNAME_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_text(data, size);

	check_numbers(s);
	check_amounts(s);
	check_addrs(s);
	check_period(s);
	check_words(s);
	free(s);
	return 0;
}
