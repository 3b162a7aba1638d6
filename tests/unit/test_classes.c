// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"
#include "util.h"

/* What was said about a file: "LINE: TEXT" lines. */
static char said[4096];

static void report(const struct vps_config_error *err, void *data)
{
	size_t len = strlen(said);

	(void)data;
	snprintf(said + len, sizeof(said) - len, "%u: %s\n", err->line, err->text);
}

static int parse(const void *text, size_t len, struct vps_class_network **ret_networks,
		 size_t *ret_count)
{
	int fd = memfd_create("classes", MFD_CLOEXEC);
	int err;

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		exit(99);
	said[0] = '\0';
	err = vps_classes_parse(fd, report, NULL, ret_networks, ret_count);
	if (fcntl(fd, F_GETFD) < 0)
		exit(98);
	close(fd);
	return err;
}

static void test_right(void)
{
	static const char text[] = "# ours\n\n10.0.0.0/8 local\n\t2001:db8::/32\tlocal # and this\n"
				   "192.0.2.1 one\r\n::/0 world\n0.0.0.0/0 other";
	struct vps_class_network *networks = NULL;
	char net[VPS_ADDR_TEXT_MAX], all[512] = "";
	size_t count = 0;

	is_int(parse(text, strlen(text), &networks, &count), 0, "a file");
	is_str(said, "", "nothing is said");
	is_int(count, 5, "networks");
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(all);

		vps_format_addr_prefix(&networks[i].net, net);
		snprintf(all + len, sizeof(all) - len, "%u %s %s\n", networks[i].line, net,
			 networks[i].class);
	}
	is_str(all, "7 0.0.0.0/0 other\n3 10.0.0.0/8 local\n5 192.0.2.1/32 one\n"
		    "6 ::/0 world\n4 2001:db8::/32 local\n", "by family and prefix");
	free(networks);
}

static void test_wrong(void)
{
	static const struct {
		const char *text;
		size_t len;
		const char *said;
	} cases[] = {
		{ "10.0.0.0/8\n", 0, "1: not a network and its class\n" },
		{ "local\n", 0, "1: not a network and its class\n" },
		{ "10.0.0.0/8 a b\n", 0, "1: not a network and its class\n" },
		{ "10.0.0.0/8 -a\n", 0, "1: '-a': not the name of a class\n" },
		{ "10.0.0.0/8 a/b\n", 0, "1: 'a/b': not the name of a class\n" },
		{ "10.0.0.0/8 a23456789-123456789-123456789-123\n", 0,
		  "1: 'a23456789-123456789-123456789-123': not the name of a class\n" },
		{ "\n10.0.0.1/8 a\n", 0, "2: '10.0.0.1/8': bits are set behind the prefix\n" },
		{ "10.0.0.0/40 a\n", 0, "1: '10.0.0.0/40': no such prefix\n" },
		{ "ten a\n", 0, "1: 'ten': not a network\n" },
		{ "10.0.0.0/8 a\0b\n", 15, "1: has a zero byte\n" },
		/* Both are told, and each with its line. */
		{ "ten a\n10.0.0.0/8 a\n#\n10.0.0.0/8 b\n", 0,
		  "1: 'ten': not a network\n4: 10.0.0.0/8: is there twice\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vps_class_network *networks = NULL;
		size_t count = 77, len = cases[i].len ?: strlen(cases[i].text);

		is_int(parse(cases[i].text, len, &networks, &count), -EINVAL, "'%s'",
		       cases[i].text);
		is_str(said, cases[i].said, "'%s': said", cases[i].text);
		ok(!networks && count == 77, "'%s': untouched", cases[i].text);
	}
}

/* As many as there can be, and one more. */
static void test_many(void)
{
	size_t count = 0, len = 0, size = (VPS_CLASS_NETWORKS_MAX + 1) * 24;
	struct vps_class_network *networks = NULL;
	char *text = malloc(size);

	if (!text)
		exit(99);
	for (unsigned int i = 0; i < VPS_CLASS_NETWORKS_MAX; i++)
		len += (size_t)snprintf(text + len, size - len, "10.%u.%u.%u c%u\n", i >> 16,
					i >> 8 & 255, i & 255, i % 255);
	is_int(parse(text, len, &networks, &count), 0, "as many as can be");
	is_int(count, VPS_CLASS_NETWORKS_MAX, "all of them");
	free(networks);
	len += (size_t)snprintf(text + len, size - len, "11.0.0.0 c\n");
	is_int(parse(text, len, &networks, &count), -EFBIG, "one more");
	is_int(parse("", 0, &networks, &count), 0, "none");
	is_int(count, 0, "none: no network");
	free(text);
}

int main(void)
{
	test_right();
	test_wrong();
	test_many();
	return done();
}
