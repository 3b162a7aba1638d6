// SPDX-License-Identifier: LGPL-2.1-or-later
/* The file of classes of addresses. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define FIRST_ROOM 64
#define BLANKS " \t\r"

/**
 * struct parser - a file that is being read
 * @line: number of the line at hand
 */
struct parser {
	void (*report)(const struct vps_config_error *err, void *data);
	void *data;
	unsigned int line;
	bool failed;
	struct vps_class_network *networks;
	size_t count, room;
};

static void complain(struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct parser *parser, const char *format, ...)
{
	struct vps_config_error err = { .line = parser->line };
	va_list args;

	parser->failed = true;
	if (!parser->report)
		return;
	va_start(args, format);
	(void)vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	parser->report(&err, parser->data);
}

static int add_network(struct parser *parser, const struct vps_class_network *network)
{
	if (parser->count == VPS_CLASS_NETWORKS_MAX)
		return -EFBIG;
	if (parser->count == parser->room) {
		size_t room = parser->room ? 2 * parser->room : FIRST_ROOM;
		void *more = reallocarray(parser->networks, room, sizeof(*parser->networks));

		if (!more)
			return -ENOMEM;
		parser->networks = more;
		parser->room = room;
	}
	parser->networks[parser->count++] = *network;
	return 0;
}

static bool take_class(struct parser *parser, const char *word, struct vps_class_network *network)
{
	if (!vps_is_name(word) || strlen(word) > VPS_CLASS_NAME_MAX) {
		complain(parser, "'%.40s': not the name of a class", word);
		return false;
	}
	snprintf(network->class, sizeof(network->class), "%s", word);
	return true;
}

static bool take_net(struct parser *parser, const char *word, struct vps_class_network *network)
{
	switch (vps_parse_network(word, &network->net)) {
	case 0:
		return true;
	case -ERANGE:
		complain(parser, "'%.60s': no such prefix", word);
		return false;
	case -EDOM:
		complain(parser, "'%.60s': bits are set behind the prefix", word);
		return false;
	}
	complain(parser, "'%.60s': not a network", word);
	return false;
}

static int take_line(struct parser *parser, char *line)
{
	struct vps_class_network network = { .line = parser->line };
	char *net, *class, *rest;

	line[strcspn(line, "#\n")] = '\0';
	net = strtok_r(line, BLANKS, &rest);
	if (!net)
		return 0;
	class = strtok_r(NULL, BLANKS, &rest);
	if (!class || strtok_r(NULL, BLANKS, &rest)) {
		complain(parser, "not a network and its class");
		return 0;
	}
	if (!take_net(parser, net, &network) || !take_class(parser, class, &network))
		return 0;
	return add_network(parser, &network);
}

static int compare_nets(const void *a, const void *b)
{
	const struct vps_class_network *x = a, *y = b;

	if (x->net.family != y->net.family)
		return x->net.family < y->net.family ? -1 : 1;
	if (x->net.prefix != y->net.prefix)
		return x->net.prefix < y->net.prefix ? -1 : 1;
	return memcmp(x->net.bytes, y->net.bytes, sizeof(x->net.bytes));
}

static int compare_lines(const void *a, const void *b)
{
	const struct vps_class_network *x = a, *y = b;

	return compare_nets(a, b) ?: x->line < y->line ? -1 : x->line > y->line;
}

/* Which of two lines would hold? */
static void refuse_twice(struct parser *parser)
{
	char text[VPS_ADDR_TEXT_MAX];

	if (parser->count)
		qsort(parser->networks, parser->count, sizeof(*parser->networks), compare_lines);
	for (size_t i = 1; i < parser->count; i++) {
		if (compare_nets(&parser->networks[i - 1], &parser->networks[i]))
			continue;
		vps_format_addr_prefix(&parser->networks[i].net, text);
		parser->line = parser->networks[i].line;
		complain(parser, "%s: is there twice", text);
	}
}

static int parse(struct parser *parser, FILE *file)
{
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int rc = 0;

	while (!rc && (len = getline(&line, &size, file)) >= 0) {
		parser->line++;
		if (strlen(line) != (size_t)len)
			complain(parser, "has a zero byte");
		else
			rc = take_line(parser, line);
	}
	if (!rc && ferror(file))
		rc = errno ? -errno : -EIO;
	refuse_twice(parser);
	return rc ?: parser->failed ? -EINVAL : 0;
}

int vps_classes_parse(int fd, void (*report)(const struct vps_config_error *err, void *data),
		      void *data, struct vps_class_network **ret_networks, size_t *ret_count)
{
	struct parser parser = { .report = report, .data = data };
	_cleanup_(fclosep) FILE *file = NULL;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int rc;

	file = copy < 0 ? NULL : fdopen(copy, "re");
	if (!file)
		return -errno;
	rc = parse(&parser, file);
	if (rc) {
		free(parser.networks);
		return rc;
	}
	*ret_networks = parser.networks;
	*ret_count = parser.count;
	return 0;
}
