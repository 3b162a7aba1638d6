// SPDX-License-Identifier: LGPL-2.1-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys.h"
#include "util.h"

#define FILE_MAX_BYTES (64u * 1024)
/* Values and keys are shown cut to this, so that a message stays one line. */
#define SHOWN_MAX 40

/* Each check returns what the value should have been, or NULL when it is right. */

static const char *check_context(const char *value)
{
	uint32_t id;

	return vps_parse_id(value, &id) || id < VPS_ID_MIN ? "a number from 3 to 65534" : NULL;
}

static const char *check_hostname(const char *value)
{
	return vps_is_hostname(value) ? NULL :
	       "letters, digits, '.', '_' and '-', 64 at most";
}

static const char *check_flags(const char *value)
{
	uint32_t flags;

	return vps_parse_flags(value, &flags) ?
	       "a list of lock, sched, nproc, private and stop" : NULL;
}

static const char *check_caps(const char *value)
{
	static const char want[] = "capability names, each with '!' before it to take it away";
	char word[32];
	size_t len;
	int cap;

	for (; *value != '\0'; value += len) {
		value += *value == '!';
		len = strcspn(value, ", ");
		if (len >= sizeof(word))
			return want;
		memcpy(word, value, len);
		word[len] = '\0';
		if (vps_parse_cap(word, &cap))
			return want;
		if (value[len] != '\0' && value[++len] == '\0')
			return want;
	}
	return NULL;
}

static const char *check_onboot(const char *value)
{
	uint64_t order;

	if (!strcmp(value, "yes") || !strcmp(value, "no"))
		return NULL;
	return vps_parse_u64(value, &order) || order < 1 || order > 99 ?
		"yes, no or a number from 1 to 99" : NULL;
}

static const char *check_net(const char *value)
{
	return strcmp(value, "shared") && strcmp(value, "bridge") && strcmp(value, "none") ?
		"shared, bridge or none" : NULL;
}

static const char *check_addrs(const char *value)
{
	struct vps_addr addrs[VPS_ADDRS_MAX];
	size_t count;

	switch (vps_parse_addrs(value, addrs, VPS_ADDRS_MAX, &count)) {
	case 0: return NULL;
	case -EEXIST: return "addresses, none of them twice";
	case -E2BIG: return "256 addresses at the most";
	default: return "addresses that a VPS can have, as 192.0.2.1/24,2001:db8::1/64";
	}
}

static const char *check_device(const char *value)
{
	return vps_is_device(value) ? NULL : "the name of a network device";
}

static const char *check_broadcast(const char *value)
{
	struct in_addr in;

	return inet_pton(AF_INET, value, &in) == 1 ? NULL : "an IPv4 address";
}

static const char *check_gateway(const char *value)
{
	static const char want[] = "an address without prefix, or one of each family";
	size_t len = strcspn(value, ", "), blanks = strspn(value + len, ", ");
	struct vps_addr one, other;
	char word[VPS_ADDR_TEXT_MAX];

	if (len >= sizeof(word))
		return want;
	memcpy(word, value, len);
	word[len] = '\0';
	if (vps_parse_gateway(word, &one))
		return want;
	if (!value[len])
		return NULL;
	return vps_parse_gateway(value + len + blanks, &other) || one.family == other.family ?
		want : NULL;
}

static const char *check_mtu(const char *value)
{
	unsigned int mtu;

	return vps_parse_mtu(value, &mtu) ? "a number from 576 to 65535" : NULL;
}

static const char *check_rate(const char *value)
{
	uint64_t rate;

	return vps_parse_rate(value, &rate) ? "bits a second, as 512K, 100M or 1G" : NULL;
}

static const char *check_init(const char *value)
{
	if (!strcmp(value, "auto") || !strcmp(value, "builtin"))
		return NULL;
	return value[0] == '/' && value[1] != '\0' ? NULL :
	       "auto, builtin or an absolute path";
}

static const char *check_userns(const char *value)
{
	return strcmp(value, "auto") && strcmp(value, "no") ? "auto or no" : NULL;
}

/* As ulimit of a shell: letters, and a value for each. */
static const char *check_ulimit(const char *value)
{
	static const char want[] = "letters of ulimit with a value each, as -n 1024 -u 200";
	bool wants_value = false;
	char word[24];
	uint64_t number;

	for (size_t len; *value; value += len, value += strspn(value, " ")) {
		len = strcspn(value, " ");
		if (!len || len >= sizeof(word))
			return want;
		memcpy(word, value, len);
		word[len] = '\0';
		if (wants_value) {
			if (strcmp(word, "unlimited") && vps_parse_u64(word, &number))
				return want;
			wants_value = false;
		} else if (strcmp(word, "-H")) {
			if (len != 2 || *word != '-' || !strchr("cdefilmnqrstuvx", word[1]))
				return want;
			wants_value = true;
		}
	}
	return wants_value ? want : NULL;
}

static const char *check_disk(const char *value)
{
	enum vps_disk_kind kind;

	return vps_parse_disk_kind(value, &kind) ? "auto, counted, quota or image" : NULL;
}

static const char *check_yes_no(const char *value)
{
	return strcmp(value, "yes") && strcmp(value, "no") ? "yes or no" : NULL;
}

/* The keys of limits are those of the table of resources, which checks them. */
static const struct key {
	const char *name;
	const char *(*check)(const char *value);
} keys[] = {
	{ "S_CONTEXT", check_context },
	{ "S_HOSTNAME", check_hostname },
	{ "S_DOMAINNAME", check_hostname },
	{ "S_FLAGS", check_flags },
	{ "S_CAPS", check_caps },
	{ "ONBOOT", check_onboot },
	{ "NET", check_net },
	{ "INIT", check_init },
	{ "USERNS", check_userns },
	{ "IPROOT", check_addrs },
	{ "IPROOTDEV", check_device },
	{ "IPROOTBCAST", check_broadcast },
	{ "ULIMIT", check_ulimit },
	{ "LIMIT_PROC", NULL },
	{ "LIMIT_VM", NULL },
	{ "LIMIT_RSS", NULL },
	{ "LIMIT_SWAP", NULL },
	{ "LIMIT_FILES", NULL },
	{ "LIMIT_TCP", NULL },
	{ "LIMIT_DISK", NULL },
	{ "LIMIT_INODES", NULL },
	{ "LIMIT_CPU", NULL },
	{ "LIMIT_CPU_WEIGHT", NULL },
	{ "LIMIT_RBPS", NULL },
	{ "LIMIT_WBPS", NULL },
	{ "LIMIT_RIOPS", NULL },
	{ "LIMIT_WIOPS", NULL },
	{ "BRIDGE", check_device },
	{ "GATEWAY", check_gateway },
	{ "MTU", check_mtu },
	{ "RATE_MAX", check_rate },
	{ "RATE_MIN", check_rate },
	{ "RATE_LINK", check_rate },
	{ "DISK", check_disk },
	{ "DISK_SPARSE", check_yes_no },
};

struct vps_config {
	char *values[ARRAY_SIZE(keys)];
};

struct parser {
	void (*report)(const struct vps_config_error *err, void *data);
	void *data;
	unsigned int line;
	bool failed;
	unsigned int seen[ARRAY_SIZE(keys)];	/* line of each key, 0 when not yet */
	struct vps_config *config;
};

static void complain(struct parser *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct parser *p, const char *format, ...)
{
	struct vps_config_error err = { .line = p->line };
	va_list args;

	p->failed = true;
	if (!p->report)
		return;
	va_start(args, format);
	(void)vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	p->report(&err, p->data);
}

static int find_key(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].name, name))
			return (int)i;
	return -ENOENT;
}

/* Is it the key of a resource, with a limit that could hold on some host? Says why not. */
static bool accept_limit(struct parser *p, const struct vps_resource *resource, const char *value)
{
	const char *key = resource->key;
	struct vps_limit limit;
	int err = vps_limit_parse(resource, value, &limit);

	if (err == -EDOM)
		complain(p, "%s='%.*s': soft is above hard", key, SHOWN_MAX, value);
	else if (err == -ERANGE)
		complain(p, "%s='%.*s': must be from %" PRIu64 " to %" PRIu64, key, SHOWN_MAX,
			 value, resource->min, resource->max);
	else if (err)
		complain(p, "%s='%.*s': must be a limit, as 100, 64M, 25%%, inf or SOFT:HARD",
			 key, SHOWN_MAX, value);
	return !err;
}

/* The key's place in the table when it may have this value, else -1 and said why. */
static int accept_value(struct parser *p, const char *name, const char *value)
{
	const struct vps_resource *resource = vps_resource_find(name);
	const char *wanted;
	int i = find_key(name);

	if (i < 0) {
		complain(p, "unknown key '%.*s'", SHOWN_MAX, name);
		return -1;
	}
	if (p->seen[i] != 0) {
		complain(p, "%s is set already in line %u", name, p->seen[i]);
		return -1;
	}
	p->seen[i] = p->line;
	if (*value == '\0')
		return i;
	if (resource)
		return accept_limit(p, resource, value) ? i : -1;
	wanted = keys[i].check(value);
	if (wanted)
		complain(p, "%s='%.*s': must be %s", name, SHOWN_MAX, value, wanted);
	return wanted ? -1 : i;
}

static bool is_key_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* These mean something to a shell; who writes one expects what does not happen here. */
static bool is_expansion(char c)
{
	return c == '$' || c == '`' || c == '\\';
}

static bool is_bare_char(char c)
{
	return is_key_char(c) || strchr("!./,:+@%=-", c) || (unsigned char)c >= 0x80;
}

/*
 * The length of the value that begins at @s, its quotes not counted, or -EINVAL after
 * having said why. *ret_begin and *ret_end are where it begins and what follows it.
 */
static int scan_value(struct parser *p, const char *s, const char **ret_begin,
		      const char **ret_end)
{
	const char quote = *s == '"' || *s == '\'' ? *s : '\0';
	const char *begin = s + (quote != '\0');

	for (s = begin; *s != '\0' && *s != quote; s++) {
		if (quote != '\'' && is_expansion(*s)) {
			complain(p, "'%c' in the value: nothing is expanded here", *s);
			return -EINVAL;
		}
		if (quote == '\0' && (*s == ' ' || *s == '\t'))
			break;
		if (quote == '\0' && !is_bare_char(*s)) {
			complain(p, "'%c' in a value without quotes", *s);
			return -EINVAL;
		}
	}
	*ret_begin = begin;
	*ret_end = s;
	if (quote != '\0') {
		if (*s == '\0') {
			complain(p, "closing %c is missing", quote);
			return -EINVAL;
		}
		(*ret_end)++;
	}
	return (int)(s - begin);
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* A line that is no comment; 0, or -ENOMEM. */
static int parse_setting(struct parser *p, char *name)
{
	_cleanup_(freep) char *value = NULL;
	const char *begin, *rest, *after;
	char *equals = name;
	int i, len;

	while (is_key_char(*equals))
		equals++;
	if (equals == name || *equals != '=') {
		complain(p, "not KEY=\"value\" with no blank before '='");
		return 0;
	}
	len = scan_value(p, equals + 1, &begin, &rest);
	if (len < 0)
		return 0;
	/* As in a shell, '#' begins a comment only where a word could begin. */
	after = skip_blanks(rest);
	if (*after != '\0' && (*after != '#' || after == rest)) {
		complain(p, "text after the value: '%.*s'", SHOWN_MAX, after);
		return 0;
	}
	value = strndup(begin, (size_t)len);
	if (!value)
		return -ENOMEM;
	*equals = '\0';
	i = accept_value(p, name, value);
	if (i >= 0 && *value != '\0') {
		p->config->values[i] = value;
		value = NULL;
	}
	return 0;
}

/* Control bytes have no use here, and a terminal that shows the file would obey them. */
static bool is_clean(struct parser *p, const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c == '\r' && i + 1 == len)
			complain(p, "carriage return at the end of the line");
		else if ((c < ' ' && c != '\t') || c == 0x7f)
			complain(p, "control byte 0x%02x", c);
		else
			continue;
		return false;
	}
	return true;
}

/* @text has room for a NUL behind its @len bytes. */
static int parse_text(struct parser *p, char *text, size_t len)
{
	char *line, *end, *next;
	int err;

	for (line = text; line < text + len; line = next) {
		end = memchr(line, '\n', (size_t)(text + len - line)) ?: text + len;
		next = end + 1;
		*end = '\0';
		p->line++;
		if (!is_clean(p, line, (size_t)(end - line)))
			continue;
		line += strspn(line, " \t");
		if (*line == '\0' || *line == '#')
			continue;
		err = parse_setting(p, line);
		if (err)
			return err;
	}
	return 0;
}

/* ---- what several keys say together ---------------------- */

/* The value of key @name or NULL; from now on complaints are of its line. */
static const char *set_at(struct parser *p, const char *name)
{
	int i = find_key(name);

	if (i < 0 || !p->config->values[i])
		return NULL;
	p->line = p->seen[i];
	return p->config->values[i];
}

/* What would be promised and not held is refused, as a limit that cannot be. */
static void check_net_keys(struct parser *p, const char *net)
{
	static const char *const of_bridge[] = {
		"BRIDGE", "GATEWAY", "MTU", "RATE_MAX", "RATE_MIN", "RATE_LINK",
	};
	static const char *const of_shared[] = { "IPROOTDEV", "IPROOTBCAST" };
	bool bridge = !strcmp(net, "bridge"), shared = !strcmp(net, "shared");

	for (size_t k = 0; !bridge && k < ARRAY_SIZE(of_bridge); k++)
		if (set_at(p, of_bridge[k]))
			complain(p, "%s: needs NET=bridge, not %s", of_bridge[k], net);
	for (size_t k = 0; !shared && k < ARRAY_SIZE(of_shared); k++)
		if (set_at(p, of_shared[k]))
			complain(p, "%s: needs NET=shared, not %s", of_shared[k], net);
	if (!bridge && !shared && set_at(p, "IPROOT"))
		complain(p, "IPROOT: needs NET=shared or bridge, not %s", net);
}

static void check_rates(struct parser *p)
{
	const char *max = set_at(p, "RATE_MAX"), *min = set_at(p, "RATE_MIN");
	uint64_t most, least;

	if (max && min && !vps_parse_rate(max, &most) && !vps_parse_rate(min, &least) &&
	    least > most)
		complain(p, "RATE_MIN='%s': is above RATE_MAX", min);
}

static void check_small_mtu(struct parser *p)
{
	const char *addrs = set_at(p, "IPROOT"), *text = set_at(p, "MTU");
	unsigned int mtu;

	/* What is no address of IPv6 has no colon. */
	if (addrs && text && strchr(addrs, ':') && !vps_parse_mtu(text, &mtu) &&
	    mtu < VPS_MTU_IPV6)
		complain(p, "MTU='%s': IPv6 needs 1280, and IPROOT has an address of it", text);
}

/* Was key @name met, right or wrong? */
static bool has_seen(const struct parser *p, const char *name)
{
	int i = find_key(name);

	return i >= 0 && p->seen[i];
}

static void check_whole(struct parser *p)
{
	const char *net = set_at(p, "NET");

	if (net && !strcmp(net, "bridge") && !has_seen(p, "BRIDGE"))
		complain(p, "NET=bridge needs BRIDGE");
	/* One that is wrong has been complained of. */
	if (net || !has_seen(p, "NET") || !p->failed)
		check_net_keys(p, net ?: "shared");
	check_rates(p);
	check_small_mtu(p);
}

/* Fills @buf as far as the file goes. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(fd, buf + done, size - done);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	return (ssize_t)done;
}

int vps_config_parse(int fd, void (*report)(const struct vps_config_error *err, void *data),
		     void *data, struct vps_config **ret_config)
{
	struct parser p = { .report = report, .data = data };
	_cleanup_(freep) char *text = malloc(FILE_MAX_BYTES + 1);
	ssize_t len;
	int err;

	if (!text)
		return -ENOMEM;
	len = read_all(fd, text, FILE_MAX_BYTES + 1);
	if (len < 0)
		return (int)len;
	if ((size_t)len > FILE_MAX_BYTES)
		return -EFBIG;
	p.config = calloc(1, sizeof(*p.config));
	if (!p.config)
		return -ENOMEM;
	err = parse_text(&p, text, (size_t)len);
	if (err) {
		vps_config_free(p.config);
		return err;
	}
	check_whole(&p);
	*ret_config = p.config;
	return p.failed ? -EINVAL : 0;
}

/* Only root may say how a VPS is walled in. */
static int check_owner(int fd, mode_t type)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != type || st.st_uid != 0 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return -EPERM;
	return 0;
}

int vps_config_open(const char *dir, const char *name)
{
	_cleanup_(closep) int dirfd = -1;
	_cleanup_(closep) int fd = -1;
	char file[VPS_NAME_MAX + sizeof(".conf")];
	int err;

	if (!vps_is_name(name))
		return -EINVAL;
	snprintf(file, sizeof(file), "%s.conf", name);
	dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	err = check_owner(dirfd, S_IFDIR);
	if (err)
		return err;
	/* Not to wait for the other end of what might be a FIFO. */
	fd = vps_sys_openat2(dirfd, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
			     VPS_RESOLVE_STRICT);
	if (fd < 0)
		return fd;
	err = check_owner(fd, S_IFREG);
	return err ?: steal_fd(&fd);
}

bool vps_config_is_key(const char *key)
{
	return find_key(key) >= 0;
}

const char *vps_config_get(const struct vps_config *config, const char *key)
{
	int i = find_key(key);

	return i < 0 ? NULL : config->values[i];
}

bool vps_config_at(const struct vps_config *config, size_t i, const char **ret_key,
		   const char **ret_value)
{
	size_t k;

	for (k = 0; k < ARRAY_SIZE(keys); k++) {
		if (!config->values[k] || i-- > 0)
			continue;
		*ret_key = keys[k].name;
		*ret_value = config->values[k];
		return true;
	}
	return false;
}

void vps_config_free(struct vps_config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		free(config->values[i]);
	free(config);
}
