// SPDX-License-Identifier: LGPL-2.1-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#include "util.h"

/* The C library's classes depend on the locale, names must not. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_alnum(char c)
{
	return is_letter(c) || is_digit(c);
}

/* Takes the digits at *s and leaves *s behind them. */
static int take_digits(const char **s, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!is_digit(**s))
		return -EINVAL;
	for (; is_digit(**s); (*s)++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**s - '0'), &value))
			return -ERANGE;
	*ret_value = value;
	return 0;
}

int vps_parse_u64(const char *s, uint64_t *ret_value)
{
	uint64_t value;
	int err;

	/* "99999999999999999999x" is no number, rather than one too large. */
	if (s[strspn(s, "0123456789")] != '\0')
		return -EINVAL;
	err = take_digits(&s, &value);
	if (err)
		return err;
	*ret_value = value;
	return 0;
}

int vps_parse_id(const char *s, uint32_t *ret_id)
{
	uint64_t value;
	int err;

	err = vps_parse_u64(s, &value);
	if (err)
		return err;
	if (value > VPS_ID_MAX)
		return -ERANGE;
	*ret_id = (uint32_t)value;
	return 0;
}

int vps_parse_size(const char *s, uint64_t *ret_value)
{
	static const char units[] = "KMGTP";
	const char *unit, *end = s + strspn(s, "0123456789");
	unsigned int shift = 0;
	uint64_t value;
	int err;

	if (*end != '\0') {
		unit = strchr(units, *end & ~('a' ^ 'A'));
		if (!is_letter(*end) || !unit || end[1] != '\0')
			return -EINVAL;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	err = take_digits(&s, &value);
	if (err)
		return err;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_value = value << shift;
	return 0;
}

int vps_parse_rate(const char *s, uint64_t *ret_rate)
{
	static const char units[] = "KMGT";
	const char *unit, *end = s + strspn(s, "0123456789");
	uint64_t value, factor = 1;
	int err;

	if (*end != '\0') {
		unit = strchr(units, *end & ~('a' ^ 'A'));
		if (!is_letter(*end) || !unit || end[1] != '\0')
			return -EINVAL;
		for (const char *u = units; u <= unit; u++)
			factor *= 1000;
	}
	err = take_digits(&s, &value);
	if (err)
		return err;
	if (value > VPS_RATE_MOST / factor || value * factor < VPS_RATE_LEAST)
		return -ERANGE;
	*ret_rate = value * factor;
	return 0;
}

int vps_parse_mtu(const char *s, unsigned int *ret_mtu)
{
	uint64_t value;
	int err = vps_parse_u64(s, &value);

	if (err)
		return err;
	if (value < VPS_MTU_LEAST || value > VPS_MTU_MOST)
		return -ERANGE;
	*ret_mtu = (unsigned int)value;
	return 0;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP },	 { "INT", SIGINT },	  { "QUIT", SIGQUIT },
	{ "ILL", SIGILL },	 { "TRAP", SIGTRAP },	  { "ABRT", SIGABRT },
	{ "IOT", SIGIOT },	 { "BUS", SIGBUS },	  { "FPE", SIGFPE },
	{ "KILL", SIGKILL },	 { "USR1", SIGUSR1 },	  { "SEGV", SIGSEGV },
	{ "USR2", SIGUSR2 },	 { "PIPE", SIGPIPE },	  { "ALRM", SIGALRM },
	{ "TERM", SIGTERM },	 { "CHLD", SIGCHLD },	  { "CLD", SIGCHLD },
	{ "CONT", SIGCONT },	 { "STOP", SIGSTOP },	  { "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN },	 { "TTOU", SIGTTOU },	  { "URG", SIGURG },
	{ "XCPU", SIGXCPU },	 { "XFSZ", SIGXFSZ },	  { "VTALRM", SIGVTALRM },
	{ "PROF", SIGPROF },	 { "WINCH", SIGWINCH },	  { "IO", SIGIO },
	{ "POLL", SIGPOLL },	 { "PWR", SIGPWR },	  { "SYS", SIGSYS },
#ifdef SIGSTKFLT
	{ "STKFLT", SIGSTKFLT },
#endif
};

/* "RTMIN", "RTMIN+4", "RTMAX-1"; their numbers are known at run time only. */
static int parse_realtime(const char *s, int *ret_signal)
{
	bool up = !strncasecmp(s, "RTMIN", 5);
	uint64_t offset = 0;

	if (s[5] != '\0' && (s[5] != (up ? '+' : '-') || vps_parse_u64(s + 6, &offset) ||
			     offset > (uint64_t)(SIGRTMAX - SIGRTMIN)))
		return -EINVAL;
	*ret_signal = up ? SIGRTMIN + (int)offset : SIGRTMAX - (int)offset;
	return 0;
}

int vps_parse_signal(const char *s, int *ret_signal)
{
	uint64_t number;
	size_t i;

	if (is_digit(*s)) {
		if (vps_parse_u64(s, &number) || number > (uint64_t)SIGRTMAX)
			return -EINVAL;
		*ret_signal = (int)number;
		return 0;
	}
	if (!strncasecmp(s, "SIG", 3))
		s += 3;
	if (!strncasecmp(s, "RTMIN", 5) || !strncasecmp(s, "RTMAX", 5))
		return parse_realtime(s, ret_signal);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		if (!strcasecmp(s, signals[i].name)) {
			*ret_signal = signals[i].number;
			return 0;
		}
	return -EINVAL;
}

/* [A-Za-z0-9._-]* of at most @max bytes. */
static bool is_plain_word(const char *s, size_t max)
{
	size_t len;

	for (len = 0; s[len] != '\0'; len++)
		if (len == max || (!is_alnum(s[len]) && !strchr("._-", s[len])))
			return false;
	return true;
}

bool vps_is_name(const char *s)
{
	return is_alnum(*s) && is_plain_word(s, VPS_NAME_MAX);
}

bool vps_is_hostname(const char *s)
{
	return *s != '\0' && is_plain_word(s, VPS_HOSTNAME_MAX);
}

bool vps_is_device(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len >= IF_NAMESIZE || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (; *s; s++)
		if (*s == '/' || *s == ':' || (unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

static const struct {
	const char *word;
	uint32_t flag;
} flag_words[] = {
	{ "lock", VPS_F_LOCK },	      { "sched", VPS_F_SCHED }, { "nproc", VPS_F_NPROC },
	{ "private", VPS_F_PRIVATE }, { "stop", VPS_F_STOP },
};

static uint32_t flag_of(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flag_words); i++)
		if (strlen(flag_words[i].word) == len &&
		    !strncasecmp(word, flag_words[i].word, len))
			return flag_words[i].flag;
	return 0;
}

int vps_parse_flags(const char *s, uint32_t *ret_flags)
{
	uint32_t flag, flags = 0;
	size_t len;

	while (*s != '\0') {
		len = strcspn(s, ", ");
		flag = flag_of(s, len);
		if (!flag)
			return -EINVAL;
		flags |= flag;
		s += len;
		if (*s != '\0' && *++s == '\0')
			return -EINVAL;
	}
	*ret_flags = flags;
	return 0;
}

int vps_format_flags(uint32_t flags, char *buf, size_t size)
{
	size_t i, done = 0;

	if (size > 0)
		buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(flag_words); i++)
		if (flags & flag_words[i].flag)
			done += (size_t)snprintf(done < size ? buf + done : NULL,
						 done < size ? size - done : 0, "%s%s",
						 done ? "," : "", flag_words[i].word);
	return (int)done;
}

int vps_parse_cap(const char *s, int *ret_cap)
{
	bool bare = strncasecmp(s, "cap_", 4) != 0;
	cap_value_t cap;
	char name[32];
	int len;

	/* libcap also takes numbers, and ignores what follows the name. */
	if (s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")] != '\0')
		return -EINVAL;
	len = snprintf(name, sizeof(name), "%s%s", bare ? "cap_" : "", s);
	if (len < 0 || (size_t)len >= sizeof(name) || cap_from_name(name, &cap))
		return -EINVAL;
	*ret_cap = cap;
	return 0;
}

int vps_parse_engine(const char *s, enum vps_engine_kind *ret_kind)
{
	static const char *const words[] = {
		[VPS_ENGINE_ANY] = "",
		[VPS_ENGINE_KERNEL] = "kernel",
		[VPS_ENGINE_STOCK] = "stock",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(s, words[i])) {
			*ret_kind = (enum vps_engine_kind)i;
			return 0;
		}
	return -EINVAL;
}

/* ---- addresses ------------------------------------------------------------- */

static bool is_for_vps(const struct vps_addr *addr)
{
	struct in6_addr a;
	uint32_t v4;

	memcpy(&a, addr->bytes, sizeof(a));
	memcpy(&v4, addr->bytes, sizeof(v4));
	v4 = ntohl(v4);
	if (addr->family == AF_INET)
		return v4 >> 24 && v4 >> 24 != IN_LOOPBACKNET && v4 >> 28 < 0xe;
	return !IN6_IS_ADDR_UNSPECIFIED(&a) && !IN6_IS_ADDR_LOOPBACK(&a) &&
	       !IN6_IS_ADDR_MULTICAST(&a) && !IN6_IS_ADDR_LINKLOCAL(&a) &&
	       !IN6_IS_ADDR_V4MAPPED(&a);
}

/* A netmask of IPv4, "255.255.255.0". */
static int parse_mask(const char *s, unsigned int *ret_prefix)
{
	unsigned int ones = 0;
	struct in_addr in;
	uint32_t mask;

	if (inet_pton(AF_INET, s, &in) != 1)
		return -EINVAL;
	for (mask = ntohl(in.s_addr); mask & 0x80000000; mask <<= 1)
		ones++;
	if (mask)
		return -EINVAL;
	*ret_prefix = ones;
	return 0;
}

static int parse_prefix(const char *s, int family, unsigned int *ret_prefix)
{
	unsigned int max = family == AF_INET ? 32 : 128;
	uint64_t number;
	int err;

	if (family == AF_INET && strchr(s, '.'))
		return parse_mask(s, ret_prefix);
	err = vps_parse_u64(s, &number);
	if (err)
		return err;
	if (number > max)
		return -ERANGE;
	*ret_prefix = (unsigned int)number;
	return 0;
}

/* @least: the shortest prefix that may be. */
static int parse_prefixed(const char *s, unsigned int least, struct vps_addr *ret_addr)
{
	size_t len = strcspn(s, "/");
	char text[INET6_ADDRSTRLEN];
	struct vps_addr addr = { 0 };
	int err;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = '\0';
	addr.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(addr.family, text, addr.bytes) != 1)
		return -EINVAL;
	addr.prefix = addr.family == AF_INET ? 32 : 128;
	err = s[len] ? parse_prefix(s + len + 1, addr.family, &addr.prefix) : 0;
	if (err)
		return err;
	if (addr.prefix < least)
		return -ERANGE;
	*ret_addr = addr;
	return 0;
}

int vps_parse_addr(const char *s, struct vps_addr *ret_addr)
{
	struct vps_addr addr;
	int err = parse_prefixed(s, 1, &addr);

	if (err)
		return err;
	if (!is_for_vps(&addr))
		return -EDOM;
	*ret_addr = addr;
	return 0;
}

static bool is_first_of_network(const struct vps_addr *addr)
{
	for (unsigned int bit = addr->prefix; bit < 8 * sizeof(addr->bytes); bit++)
		if (addr->bytes[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

int vps_parse_network(const char *s, struct vps_addr *ret_net)
{
	struct vps_addr net;
	int err = parse_prefixed(s, 0, &net);

	if (err)
		return err;
	if (!is_first_of_network(&net))
		return -EDOM;
	*ret_net = net;
	return 0;
}

static int add_addr(const struct vps_addr *addr, struct vps_addr *addrs, size_t max,
		    size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		if (vps_addr_equal(&addrs[i], addr))
			return -EEXIST;
	if (*count == max)
		return -E2BIG;
	addrs[(*count)++] = *addr;
	return 0;
}

int vps_parse_addrs(const char *s, struct vps_addr *ret_addrs, size_t max, size_t *ret_count)
{
	char word[VPS_ADDR_TEXT_MAX];
	struct vps_addr addr;
	size_t count = 0, len;
	int err;

	do {
		s += strspn(s, " \t");
		len = strcspn(s, ", \t");
		if (!len || len >= sizeof(word))
			return -EINVAL;
		memcpy(word, s, len);
		word[len] = '\0';
		err = vps_parse_addr(word, &addr);
		if (!err)
			err = add_addr(&addr, ret_addrs, max, &count);
		if (err)
			return err;
		s += len;
		s += strspn(s, " \t");
		/* What ends with a comma lacks an address. */
		if (*s == ',' && !*++s)
			return -EINVAL;
	} while (*s);
	*ret_count = count;
	return 0;
}

int vps_parse_gateway(const char *s, struct vps_addr *ret_addr)
{
	struct vps_addr addr = { .family = AF_INET6, .prefix = 128 };
	struct in6_addr in6;

	if (strchr(s, '/'))
		return -EINVAL;
	if (inet_pton(AF_INET6, s, &in6) != 1 || !IN6_IS_ADDR_LINKLOCAL(&in6))
		return vps_parse_addr(s, ret_addr);
	memcpy(addr.bytes, &in6, sizeof(in6));
	*ret_addr = addr;
	return 0;
}

void vps_format_addr(const struct vps_addr *addr, char buf[VPS_ADDR_TEXT_MAX])
{
	inet_ntop(addr->family, addr->bytes, buf, VPS_ADDR_TEXT_MAX);
}

void vps_format_addr_prefix(const struct vps_addr *addr, char buf[VPS_ADDR_TEXT_MAX])
{
	size_t len;

	vps_format_addr(addr, buf);
	len = strlen(buf);
	snprintf(buf + len, VPS_ADDR_TEXT_MAX - len, "/%u", addr->prefix);
}

bool vps_addr_equal(const struct vps_addr *a, const struct vps_addr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}
