// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resource.h"
#include "tap.h"
#include "util.h"

#define INF VPS_LIMIT_INF
/* Outputs are written only on success: this stays otherwise. */
#define UNTOUCHED 77

static const struct {
	const char *resource;
	const char *text;
	int err;
	uint64_t soft;
	uint64_t hard;
} cases[] = {
	{ "proc", "100", 0, INF, 100 },
	{ "proc", "1K", 0, INF, 1024 },
	{ "proc", "inf", 0, INF, INF },
	{ "proc", "010", 0, INF, 10 },			/* never octal */
	{ "proc", "4194304", 0, INF, 4194304 },
	{ "proc", "4194305", -ERANGE, 0, 0 },
	{ "proc", "0", -ERANGE, 0, 0 },
	{ "rss", "512M", 0, INF, 512ULL << 20 },
	{ "rss", "512m", 0, INF, 512ULL << 20 },
	{ "rss", "256M:512M", 0, 256ULL << 20, 512ULL << 20 },
	{ "rss", "1G:1G", 0, 1ULL << 30, 1ULL << 30 },
	{ "rss", "inf:1T", 0, INF, 1ULL << 40 },
	{ "rss", "1P:inf", 0, 1ULL << 50, INF },
	{ "rss", "inf:inf", 0, INF, INF },
	{ "rss", "4096P", 0, INF, 1ULL << 62 },
	{ "rss", "4097P", -ERANGE, 0, 0 },
	{ "rss", "16384P", -ERANGE, 0, 0 },
	{ "rss", "18446744073709551615", -ERANGE, 0, 0 },
	{ "rss", "18446744073709551614", -ERANGE, 0, 0 },
	{ "rss", "99999999999999999999", -ERANGE, 0, 0 },
	{ "rss", "99999999999999999999999999999999999999", -ERANGE, 0, 0 },
	{ "rss", "4095", -ERANGE, 0, 0 },
	{ "rss", "2M:1M", -EDOM, 0, 0 },
	{ "rss", "", -EINVAL, 0, 0 },
	{ "rss", ":", -EINVAL, 0, 0 },
	{ "rss", "1M:", -EINVAL, 0, 0 },
	{ "rss", ":1M", -EINVAL, 0, 0 },
	{ "rss", "1M:2M:3M", -EINVAL, 0, 0 },
	{ "rss", "-1", -EINVAL, 0, 0 },
	{ "rss", "+1M", -EINVAL, 0, 0 },
	{ "rss", "1e3", -EINVAL, 0, 0 },
	{ "rss", "0x1000", -EINVAL, 0, 0 },
	{ "rss", "1E", -EINVAL, 0, 0 },
	{ "rss", "1MB", -EINVAL, 0, 0 },
	{ "rss", "1.5G", -EINVAL, 0, 0 },
	{ "rss", " 1M", -EINVAL, 0, 0 },
	{ "rss", "1M ", -EINVAL, 0, 0 },
	{ "rss", "Inf", -EINVAL, 0, 0 },
	{ "rss", "unlimited", -EINVAL, 0, 0 },
	{ "rss", "%", -EINVAL, 0, 0 },
	{ "rss", "-5%", -EINVAL, 0, 0 },
	{ "rss", "5%%", -EINVAL, 0, 0 },
	{ "rss", "0%", -ERANGE, 0, 0 },
	{ "rss", "101%", -ERANGE, 0, 0 },
	{ "rss", "20%:10%", -EDOM, 0, 0 },
	{ "swap", "0", 0, INF, 0 },
	{ "cpu", "50", 0, INF, 50 },
	{ "cpu", "150%", 0, INF, 150 },
	{ "cpu", "inf", 0, INF, INF },
	{ "cpu", "1K", -EINVAL, 0, 0 },
	{ "cpu", "0", -ERANGE, 0, 0 },
	{ "cpu", "819201", -ERANGE, 0, 0 },
	{ "cpu-weight", "10000", 0, INF, 10000 },
	{ "cpu-weight", "10001", -ERANGE, 0, 0 },
	{ "cpu-weight", "0", -ERANGE, 0, 0 },
	{ "cpu-weight", "inf", -EINVAL, 0, 0 },
	{ "cpu-weight", "50%", -EINVAL, 0, 0 },
	{ "rbps", "10M", 0, INF, 10ULL << 20 },
	{ "rbps", "10%", -EINVAL, 0, 0 },
	{ "wiops", "4294967294", 0, INF, 4294967294 },
	{ "wiops", "4294967295", -ERANGE, 0, 0 },
	{ "riops", "0", -ERANGE, 0, 0 },
};

static void test_parse(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vps_limit limit = { .soft = UNTOUCHED, .hard = UNTOUCHED };
		const struct vps_resource *resource = vps_resource_find(cases[i].resource);
		int err = vps_limit_parse(resource, cases[i].text, &limit);
		bool failed = cases[i].err;

		is_int(err, cases[i].err, "%s '%s'", cases[i].resource, cases[i].text);
		ok(limit.soft == (failed ? UNTOUCHED : cases[i].soft) &&
		   limit.hard == (failed ? UNTOUCHED : cases[i].hard) &&
		   limit.resource == (failed ? NULL : resource),
		   "%s '%s': value", cases[i].resource, cases[i].text);
	}
}

/* What is asked for in percent is that part of what /proc/meminfo says. */
static void test_percent(void)
{
	const struct vps_resource *rss = vps_resource_find("rss");
	struct vps_limit whole, quarter;
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	is_int(vps_limit_parse(rss, "100%", &whole), 0, "all of the memory");
	is_int(vps_limit_parse(rss, "25%:50%", &quarter), 0, "a quarter of the memory");
	ok(whole.hard == pages, "all of it");
	ok(quarter.soft / 4096 == pages / 4 / 4096, "a quarter of it");
	ok(quarter.hard / 4096 == pages / 2 / 4096, "a half of it");
}

/* Names, aliases and keys are one set of words, each of one resource. */
static void test_table(void)
{
	const struct vps_resource *r;
	size_t count = 0;
	bool same = true, bounded = true, said = true;

	for (size_t i = 0; (r = vps_resource_at(i)); i++, count++) {
		same &= vps_resource_find(r->name) == r && vps_resource_find(r->key) == r;
		same &= !r->alias || vps_resource_find(r->alias) == r;
		bounded &= r->min <= r->max && r->max < VPS_LIMIT_NONE;
		said &= *r->what && *vps_unit_name(r->unit);
		ok(!strncmp(r->key, "LIMIT_", 6), "%s: key %s", r->name, r->key);
	}
	ok(count >= 14, "resources are there");
	ok(same, "each word finds its own resource");
	ok(bounded, "bounds are bounds");
	ok(said, "each has a description and a unit");
	ok(!vps_resource_find("") && !vps_resource_find("fd") && !vps_resource_find("RSS"),
	   "other words find nothing");
}

typedef int (*decoder)(const char *, const char *, uint64_t *);

static const struct {
	const char *what;
	decoder decode;
	const char *text;
	int err;
	uint64_t value;
} texts[] = {
	{ "max", vps_decode_max, "max\n", 0, INF },
	{ "max", vps_decode_max, "12\n", 0, 12 },
	{ "max", vps_decode_max, "", -EINVAL, 0 },
	{ "max", vps_decode_max, "-1\n", -EINVAL, 0 },
	{ "v1 bytes", vps_decode_v1_bytes, "9223372036854771712\n", 0, INF },
	{ "v1 bytes", vps_decode_v1_bytes, "9223372036854710272\n", 0, INF },	/* 64 KiB pages */
	{ "v1 bytes", vps_decode_v1_bytes, "4611686018427387904\n", 0, 1ULL << 62 },
	{ "cpu.max", vps_decode_cpu_max, "max 100000\n", 0, INF },
	{ "cpu.max", vps_decode_cpu_max, "150000 100000\n", 0, 150 },
	{ "cpu.max", vps_decode_cpu_max, "25000 50000\n", 0, 50 },
	{ "cpu.max", vps_decode_cpu_max, "5\n", -EINVAL, 0 },
	{ "cfs quota", vps_decode_cfs_quota, "-1\n", 0, INF },
	{ "cfs quota", vps_decode_cfs_quota, "50000\n", 0, 50 },
	{ "shares", vps_decode_shares, "1024\n", 0, 100 },
	{ "shares", vps_decode_shares, "2\n", 0, 0 },
};

static void test_decode(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t value = UNTOUCHED;

		is_int(texts[i].decode(texts[i].text, NULL, &value), texts[i].err, "%s: '%s'",
		       texts[i].what, texts[i].text);
		if (!texts[i].err)
			ok(value == texts[i].value, "%s: '%s': value", texts[i].what,
			   texts[i].text);
	}
}

static void empty(int dirfd, const char *file)
{
	close(openat(dirfd, file, O_CREAT | O_TRUNC | O_WRONLY, 0600));
}

/* What was written is what is read, in a directory that stands for a group. */
static void test_encode(void)
{
	char dir[] = "/tmp/test_limit.XXXXXX", text[64];
	int group = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY) : -1;
	bool same = true;

	empty(group, "cpu.cfs_period_us");
	for (uint64_t weight = 1; weight <= 10000; weight++) {
		uint64_t got = 0;

		empty(group, "limit");
		vps_encode_shares(group, "limit", NULL, weight);
		vps_read_at(group, "limit", text, sizeof(text));
		same &= !vps_decode_shares(text, NULL, &got) && got == weight;
	}
	ok(same, "a weight is the same after shares");
	is_int(vps_encode_cpu_max(group, "limit", NULL, INF), 0, "cpu.max: none");
	vps_read_at(group, "limit", text, sizeof(text));
	ok(!strncmp(text, "max 100000", 10), "cpu.max: its text");
	is_int(vps_encode_cfs_quota(group, "limit", NULL, 150), 0, "quota");
	vps_read_at(group, "limit", text, sizeof(text));
	ok(!strncmp(text, "150000", 6), "quota: its text");
	is_int(vps_encode_max(group, "absent", NULL, 5), -ENOENT, "a file that is not there");
	unlinkat(group, "limit", 0);
	unlinkat(group, "cpu.cfs_period_us", 0);
	close(group);
	rmdir(dir);
}

int main(void)
{
	test_table();
	test_parse();
	test_percent();
	test_decode();
	test_encode();
	return done();
}
