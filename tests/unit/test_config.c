// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

static int file_of(const void *text, size_t len)
{
	int fd = memfd_create("config", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))
		exit(99);
	return fd;
}

static int parse(const void *text, size_t len, struct vps_config **ret_config)
{
	int fd = file_of(text, len);
	int err;

	said[0] = '\0';
	*ret_config = NULL;
	err = vps_config_parse(fd, report, NULL, ret_config);
	close(fd);
	return err;
}

#define VALUE_64 "a23456789-123456789-123456789-123456789-123456789-123456789-1234"

#define ON_BRIDGE "NET=bridge\nBRIDGE=br0\n"

/* @key is set to @value (NULL: not set) when the file is right. */
static const struct {
	const char *text;
	const char *key;
	const char *value;
} right[] = {
	{ "", "ONBOOT", NULL },
	{ "\n\n  \t\n# comment\n  # another $HOME `x`\n", "ONBOOT", NULL },
	{ "ONBOOT=\"yes\"\n", "ONBOOT", "yes" },
	{ "ONBOOT='yes'\n", "ONBOOT", "yes" },
	{ "ONBOOT=99\n", "ONBOOT", "99" },
	{ "ONBOOT=yes\n", "ONBOOT", "yes" },
	{ "ONBOOT=yes", "ONBOOT", "yes" },
	{ "  ONBOOT=\"yes\"  \t\n", "ONBOOT", "yes" },
	{ "ONBOOT=yes # at night\n", "ONBOOT", "yes" },
	{ "ONBOOT=\"no\"\t#x\n", "ONBOOT", "no" },
	{ "ONBOOT=\n", "ONBOOT", NULL },
	{ "ONBOOT=\"\"\n", "ONBOOT", NULL },
	{ "ULIMIT=\"\"\nLIMIT_PROC=\n", "ULIMIT", NULL },
	{ "ULIMIT=\"-H -u 256 -n 1024  -v unlimited\"\n", "ULIMIT",
	  "-H -u 256 -n 1024  -v unlimited" },
	{ "LIMIT_PROC=100\n", "LIMIT_PROC", "100" },
	{ "LIMIT_RSS=\"256M:512M\"\n", "LIMIT_RSS", "256M:512M" },
	{ "LIMIT_RSS=25%\n", "LIMIT_RSS", "25%" },
	{ "LIMIT_SWAP=0\n", "LIMIT_SWAP", "0" },
	{ "LIMIT_CPU_WEIGHT=10\nLIMIT_RBPS=1M\n", "LIMIT_RBPS", "1M" },
	{ "S_CONTEXT=3\n", "S_CONTEXT", "3" },
	{ "S_CONTEXT=65534\n", "S_CONTEXT", "65534" },
	{ "S_HOSTNAME=" VALUE_64 "\n", "S_HOSTNAME", VALUE_64 },
	{ "S_DOMAINNAME=example.org\n", "S_DOMAINNAME", "example.org" },
	{ "S_FLAGS=\"lock,nproc\"\n", "S_FLAGS", "lock,nproc" },
	{ "S_FLAGS=\"lock nproc\"\n", "S_FLAGS", "lock nproc" },
	{ "S_CAPS=\"CAP_NET_RAW !sys_time\"\n", "S_CAPS", "CAP_NET_RAW !sys_time" },
	{ "S_CAPS=!net_raw,kill\n", "S_CAPS", "!net_raw,kill" },
	{ "NET=none\n", "NET", "none" },
	{ "NET=shared\n", "NET", "shared" },
	{ "INIT=auto\n", "INIT", "auto" },
	{ "INIT=builtin\n", "INIT", "builtin" },
	{ "INIT='/opt/my $init'\n", "INIT", "/opt/my $init" },
	{ "INIT=\"/opt/it's\"\n", "INIT", "/opt/it's" },
	{ "INIT=\"/opt/#1\"\n", "INIT", "/opt/#1" },
	{ "INIT=/opt/\xc3\xa4\n", "INIT", "/opt/\xc3\xa4" },
	{ "USERNS=no\n", "USERNS", "no" },
	{ "NET=bridge\nBRIDGE=br0\n", "BRIDGE", "br0" },
	{ ON_BRIDGE "IPROOT='192.0.2.1/24, 2001:db8::1/64 192.0.2.3/255.255.255.0'\n", "IPROOT",
	  "192.0.2.1/24, 2001:db8::1/64 192.0.2.3/255.255.255.0" },
	{ ON_BRIDGE "GATEWAY='192.0.2.1, fe80::1'\n", "GATEWAY", "192.0.2.1, fe80::1" },
	{ ON_BRIDGE "GATEWAY=2001:db8::1\n", "GATEWAY", "2001:db8::1" },
	{ ON_BRIDGE "IPROOT=2001:db8::1/64\nMTU=1280\n", "MTU", "1280" },
	{ ON_BRIDGE "MTU=576\nRATE_MIN=8K\nRATE_MAX=8000\nRATE_LINK=1T\n", "RATE_LINK", "1T" },
	{ "IPROOT=192.0.2.1\nIPROOTDEV=eth0\nIPROOTBCAST=192.0.2.255\n", "IPROOTDEV", "eth0" },
	{ "IPROOT=\nIPROOTDEV=\nBRIDGE=\nNET=none\n", "IPROOT", NULL },
};

#define BYTES(s) s, sizeof(s) - 1
#define FLAGS_WANTED "must be a list of lock, sched, nproc, private and stop"
#define CAPS_WANTED "must be capability names, each with '!' before it to take it away"
#define NOT_SET "not KEY=\"value\" with no blank before '='"

#define ULIMIT_WANT "letters of ulimit with a value each, as -n 1024 -u 200\n"

#define ADDRS_WANT "addresses that a VPS can have, as 192.0.2.1/24,2001:db8::1/64\n"
#define GATEWAY_WANT "an address without prefix, or one of each family\n"
#define RATE_WANT "bits a second, as 512K, 100M or 1G\n"

static const struct {
	const char *text;
	size_t len;
	const char *errors;
} wrong[] = {
	{ BYTES("FOO=1\n"), "1: unknown key 'FOO'\n" },
	{ BYTES("onboot=yes\n"), "1: unknown key 'onboot'\n" },
	{ BYTES("ONBOOT=yes\n\nONBOOT=no\n"), "3: ONBOOT is set already in line 1\n" },
	{ BYTES("ONBOOT=\nONBOOT=no\n"), "2: ONBOOT is set already in line 1\n" },
	{ BYTES("ONBOOT=si\nONBOOT=no\n"),
	  "1: ONBOOT='si': must be yes, no or a number from 1 to 99\n"
	  "2: ONBOOT is set already in line 1\n" },
	{ BYTES("ONBOOT\n"), "1: " NOT_SET "\n" },
	{ BYTES("ONBOOT =yes\n"), "1: " NOT_SET "\n" },
	{ BYTES("ONBOOT= yes\n"), "1: text after the value: 'yes'\n" },
	{ BYTES("=yes\n"), "1: " NOT_SET "\n" },
	{ BYTES("export ONBOOT=yes\n"), "1: " NOT_SET "\n" },
	{ BYTES(". /etc/other\n"), "1: " NOT_SET "\n" },
	{ BYTES("ONBOOT=\"yes\n"), "1: closing \" is missing\n" },
	{ BYTES("ONBOOT='yes\"\n"), "1: closing ' is missing\n" },
	{ BYTES("ONBOOT=\""), "1: closing \" is missing\n" },
	{ BYTES("ONBOOT=yes\"\n"), "1: '\"' in a value without quotes\n" },
	{ BYTES("ONBOOT=yes;id\n"), "1: ';' in a value without quotes\n" },
	{ BYTES("ONBOOT=yes&\n"), "1: '&' in a value without quotes\n" },
	{ BYTES("ONBOOT=yes#\n"), "1: '#' in a value without quotes\n" },
	{ BYTES("ONBOOT=\"yes\"#\n"), "1: text after the value: '#'\n" },
	{ BYTES("ONBOOT=\"yes\"no\n"), "1: text after the value: 'no'\n" },
	{ BYTES("ONBOOT=\"yes\" no\n"), "1: text after the value: 'no'\n" },
	{ BYTES("ONBOOT=yes no\n"), "1: text after the value: 'no'\n" },
	{ BYTES("INIT=\"$HOME\"\n"), "1: '$' in the value: nothing is expanded here\n" },
	{ BYTES("INIT=\"`id`\"\n"), "1: '`' in the value: nothing is expanded here\n" },
	{ BYTES("INIT=\"/a\\\"b\"\n"), "1: '\\' in the value: nothing is expanded here\n" },
	{ BYTES("INIT=$(id)\n"), "1: '$' in the value: nothing is expanded here\n" },
	{ BYTES("ONBOOT=yes\r\nNET=none\r\n"),
	  "1: carriage return at the end of the line\n"
	  "2: carriage return at the end of the line\n" },
	{ BYTES("ONBOOT=y\res\n"), "1: control byte 0x0d\n" },
	{ BYTES("ONBOOT=\"y\0s\"\nNET=all\n"),
	  "1: control byte 0x00\n2: NET='all': must be shared, bridge or none\n" },
	{ BYTES("# \033[2J\n"), "1: control byte 0x1b\n" },
	{ BYTES("# \177\n"), "1: control byte 0x7f\n" },
	{ BYTES("\0"), "1: control byte 0x00\n" },
	{ BYTES("S_CONTEXT=2\n"), "1: S_CONTEXT='2': must be a number from 3 to 65534\n" },
	{ BYTES("S_CONTEXT=65535\n"), "1: S_CONTEXT='65535': must be a number from 3 to 65534\n" },
	{ BYTES("S_CONTEXT=0x10\n"), "1: S_CONTEXT='0x10': must be a number from 3 to 65534\n" },
	{ BYTES("S_HOSTNAME=a/b\n"),
	  "1: S_HOSTNAME='a/b': must be letters, digits, '.', '_' and '-', 64 at most\n" },
	{ BYTES("S_FLAGS=lokc\n"), "1: S_FLAGS='lokc': " FLAGS_WANTED "\n" },
	{ BYTES("S_CAPS=net_rawr\n"), "1: S_CAPS='net_rawr': " CAPS_WANTED "\n" },
	{ BYTES("S_CAPS='!!kill'\n"), "1: S_CAPS='!!kill': " CAPS_WANTED "\n" },
	{ BYTES("S_CAPS='kill,'\n"), "1: S_CAPS='kill,': " CAPS_WANTED "\n" },
	{ BYTES("S_CAPS='!'\n"), "1: S_CAPS='!': " CAPS_WANTED "\n" },
	{ BYTES("ONBOOT=0\n"), "1: ONBOOT='0': must be yes, no or a number from 1 to 99\n" },
	{ BYTES("NET=bridge\n"), "1: NET=bridge needs BRIDGE\n" },
	{ BYTES("NET=bridge\nBRIDGE=a/b\n"),
	  "2: BRIDGE='a/b': must be the name of a network device\n" },
	{ BYTES("NET=bridge\nBRIDGE=..\n"),
	  "2: BRIDGE='..': must be the name of a network device\n" },
	{ BYTES("NET=bridge\nBRIDGE=a234567890123456\n"),
	  "2: BRIDGE='a234567890123456': must be the name of a network device\n" },
	{ BYTES(ON_BRIDGE "IPROOT=192.0.2.1,192.0.2.1/24\n"),
	  "3: IPROOT='192.0.2.1,192.0.2.1/24': must be addresses, none of them twice\n" },
	{ BYTES(ON_BRIDGE "IPROOT=192.0.2.1,\n"), "3: IPROOT='192.0.2.1,': must be " ADDRS_WANT },
	{ BYTES(ON_BRIDGE "IPROOT=192.0.2.1/33\n"),
	  "3: IPROOT='192.0.2.1/33': must be " ADDRS_WANT },
	{ BYTES(ON_BRIDGE "IPROOT=127.0.0.1\n"), "3: IPROOT='127.0.0.1': must be " ADDRS_WANT },
	{ BYTES(ON_BRIDGE "IPROOT=eth0\n"), "3: IPROOT='eth0': must be " ADDRS_WANT },
	{ BYTES(ON_BRIDGE "GATEWAY='192.0.2.1 192.0.2.2'\n"),
	  "3: GATEWAY='192.0.2.1 192.0.2.2': must be " GATEWAY_WANT },
	{ BYTES(ON_BRIDGE "GATEWAY=192.0.2.1/24\n"),
	  "3: GATEWAY='192.0.2.1/24': must be " GATEWAY_WANT },
	{ BYTES(ON_BRIDGE "GATEWAY=192.0.2.1,fe80::1,fe80::2\n"),
	  "3: GATEWAY='192.0.2.1,fe80::1,fe80::2': must be " GATEWAY_WANT },
	{ BYTES(ON_BRIDGE "MTU=575\n"), "3: MTU='575': must be a number from 576 to 65535\n" },
	{ BYTES(ON_BRIDGE "RATE_MAX=100MB\n"), "3: RATE_MAX='100MB': must be " RATE_WANT },
	{ BYTES(ON_BRIDGE "RATE_MIN=7999\n"), "3: RATE_MIN='7999': must be " RATE_WANT },
	{ BYTES(ON_BRIDGE "RATE_LINK=1.5G\n"), "3: RATE_LINK='1.5G': must be " RATE_WANT },
	{ BYTES(ON_BRIDGE "RATE_MIN=1G\nRATE_MAX=999999999\n"),
	  "3: RATE_MIN='1G': is above RATE_MAX\n" },
	{ BYTES(ON_BRIDGE "IPROOT=192.0.2.1/24,2001:db8::1/64\nMTU=1279\n"),
	  "4: MTU='1279': IPv6 needs 1280, and IPROOT has an address of it\n" },
	{ BYTES("RATE_MAX=5M\nIPROOT=192.0.2.1\nNET=none\nGATEWAY=192.0.2.9\n"),
	  "4: GATEWAY: needs NET=bridge, not none\n1: RATE_MAX: needs NET=bridge, not none\n"
	  "2: IPROOT: needs NET=shared or bridge, not none\n" },
	{ BYTES("MTU=1500\nIPROOT=192.0.2.1\nIPROOTDEV=eth0\nIPROOTBCAST=192.0.2.255\n"),
	  "1: MTU: needs NET=bridge, not shared\n" },
	{ BYTES(ON_BRIDGE "IPROOTDEV=eth0\nIPROOTBCAST=192.0.2.255\n"),
	  "3: IPROOTDEV: needs NET=shared, not bridge\n"
	  "4: IPROOTBCAST: needs NET=shared, not bridge\n" },
	{ BYTES("IPROOTDEV='a b'\nIPROOTBCAST=::1\n"),
	  "1: IPROOTDEV='a b': must be the name of a network device\n"
	  "2: IPROOTBCAST='::1': must be an IPv4 address\n" },
	{ BYTES("INIT=sbin/init\n"),
	  "1: INIT='sbin/init': must be auto, builtin or an absolute path\n" },
	{ BYTES("INIT=/\n"), "1: INIT='/': must be auto, builtin or an absolute path\n" },
	{ BYTES("USERNS=yes\n"), "1: USERNS='yes': must be auto or no\n" },
	{ BYTES("LIMIT_RSS=64MB\nLIMIT_CPU=0\nLIMIT_PROC=20:10\nLIMIT_CPU_WEIGHT=inf\n"),
	  "1: LIMIT_RSS='64MB': must be a limit, as 100, 64M, 25%, inf or SOFT:HARD\n"
	  "2: LIMIT_CPU='0': must be from 1 to 819200\n"
	  "3: LIMIT_PROC='20:10': soft is above hard\n"
	  "4: LIMIT_CPU_WEIGHT='inf': must be a limit, as 100, 64M, 25%, inf or SOFT:HARD\n" },
	{ BYTES("LIMIT_VM=1G\nLIMIT_FILES=x\n"),
	  "2: LIMIT_FILES='x': must be a limit, as 100, 64M, 25%, inf or SOFT:HARD\n" },
	{ BYTES("DISK=floppy\nDISK_SPARSE=1\n"),
	  "1: DISK='floppy': must be auto, counted, quota or image\n"
	  "2: DISK_SPARSE='1': must be yes or no\n" },
	{ BYTES("ULIMIT=-n\n"), "1: ULIMIT='-n': must be " ULIMIT_WANT },
	{ BYTES("ULIMIT=\"-S -n 5\"\n"), "1: ULIMIT='-S -n 5': must be " ULIMIT_WANT },
	{ BYTES("ULIMIT=\"n 5\"\n"), "1: ULIMIT='n 5': must be " ULIMIT_WANT },
	{ BYTES("ULIMIT=\"-n 5 6\"\n"), "1: ULIMIT='-n 5 6': must be " ULIMIT_WANT },
	{ BYTES("ULIMIT=\"-n -5\"\n"), "1: ULIMIT='-n -5': must be " ULIMIT_WANT },
	{ BYTES("ULIMIT=\"-zz 5\"\n"), "1: ULIMIT='-zz 5': must be " ULIMIT_WANT },
	{ BYTES("LIMIT_FOO=1\n"), "1: unknown key 'LIMIT_FOO'\n" },
	{ BYTES("ONBOOT=" VALUE_64 "\n"),
	  "1: ONBOOT='a23456789-123456789-123456789-123456789-': "
	  "must be yes, no or a number from 1 to 99\n" },
};

static void test_right(void)
{
	struct vps_config *config;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(right); i++) {
		is_int(parse(right[i].text, strlen(right[i].text), &config), 0, "right: %s",
		       right[i].text);
		is_str(said, "", "right: %s: nothing said", right[i].text);
		if (config)
			is_str(vps_config_get(config, right[i].key), right[i].value,
			       "right: %s: value", right[i].text);
		vps_config_free(config);
	}
}

static void test_wrong(void)
{
	struct vps_config *config;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		is_int(parse(wrong[i].text, wrong[i].len, &config), -EINVAL, "wrong: %s",
		       wrong[i].text);
		is_str(said, wrong[i].errors, "wrong: %s: errors", wrong[i].text);
		vps_config_free(config);
	}
}

/* What is right in a file with errors can still be had, the first of two lines counting. */
static void test_rest(void)
{
	static const char text[] = "NET=none\nFOO=1\nNET=shared\nONBOOT=yes\nINIT=x\nUSERNS=\n";
	struct vps_config *config;
	const char *key = NULL, *value = NULL;

	is_int(parse(text, strlen(text), &config), -EINVAL, "partly wrong");
	is_str(vps_config_get(config, "NET"), "none", "the first line counts");
	is_str(vps_config_get(config, "INIT"), NULL, "a bad value is none");
	is_str(vps_config_get(config, "FOO"), NULL, "an unknown key has no value");
	ok(vps_config_at(config, 0, &key, &value), "a first setting");
	is_str(key, "ONBOOT", "in the table's order");
	is_str(value, "yes", "with its value");
	ok(vps_config_at(config, 1, &key, &value), "a second setting");
	is_str(key, "NET", "whatever the file's order is");
	ok(!vps_config_at(config, 2, &key, &value), "no third one");
	vps_config_free(config);
	for (size_t i = 0; vps_resource_at(i); i++)
		ok(vps_config_is_key(vps_resource_at(i)->key), "%s is a key",
		   vps_resource_at(i)->key);
	ok(!vps_config_is_key("LIMITS"), "LIMITS is none: vps-config --run has a use for it");
	ok(vps_config_is_key("NET") && vps_config_is_key("ULIMIT"), "words of the table");
	ok(!vps_config_is_key("FOO") && !vps_config_is_key(""), "other words");
}

static void test_size(void)
{
	static char text[64 * 1024 + 1];
	struct vps_config *config;
	int fd;

	memset(text, '#', sizeof(text));
	is_int(parse(text, sizeof(text) - 1, &config), 0, "64 KiB");
	vps_config_free(config);
	is_int(parse(text, sizeof(text), &config), -EFBIG, "one byte more");
	ok(!config, "one byte more: nothing returned");
	fd = file_of("FOO=1\n", 6);
	is_int(vps_config_parse(fd, NULL, NULL, &config), -EINVAL, "errors without a listener");
	vps_config_free(config);
	close(fd);
	is_int(vps_config_parse(-1, report, NULL, &config), -EBADF, "no file");
}

static void make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fchmod(fd, mode))
		exit(99);
	close(fd);
}

static void opens(const char *dir, const char *name, int want, const char *what)
{
	int fd = vps_config_open(dir, name);

	is_int(fd < 0 ? fd : 0, want, "open: %s", what);
	if (fd >= 0) {
		ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "open: %s: close-on-exec", what);
		close(fd);
	}
}

static void test_open_as_root(const char *dir)
{
	opens(dir, "web", 0, "root's file");
	opens(dir, "absent", -ENOENT, "an absent file");
	opens(dir, "link", -ELOOP, "a link");
	opens(dir, "fifo", -EPERM, "a FIFO");
	opens(dir, "dir", -EPERM, "a directory");
	opens(dir, "loose", -EPERM, "a file that the group may write");
	opens(dir, "other", -EPERM, "another user's file");
	if (chmod(dir, 0777))
		exit(99);
	opens(dir, "web", -EPERM, "a directory that all may write");
	if (chmod(dir, 0755) || chown(dir, 1, 0))
		exit(99);
	opens(dir, "web", -EPERM, "another user's directory");
}

static void test_open(void)
{
	static const char *const files[] = {
		"web.conf", "loose.conf", "other.conf", "link.conf", "fifo.conf", "dir.conf",
	};
	char dir[] = "/tmp/vps-config.XXXXXX";
	size_t i;

	if (!mkdtemp(dir) || chdir(dir))
		exit(99);
	make_file("web.conf", 0644);
	make_file("loose.conf", 0664);
	make_file("other.conf", 0644);
	if (symlink("web.conf", "link.conf") || mkfifo("fifo.conf", 0600) ||
	    mkdir("dir.conf", 0700))
		exit(99);
	opens(dir, "../web", -EINVAL, "a bad name");
	opens("/nonexistent", "web", -ENOENT, "no such directory");
	if (geteuid() == 0 && !chown("other.conf", 1, 0)) {
		test_open_as_root(dir);
	} else {
		opens(dir, "web", -EPERM, "a directory that is not root's");
		skip("needs root", "open: root's files");
	}
	for (i = 0; i < ARRAY_SIZE(files); i++)
		remove(files[i]);
	rmdir(dir);
}

int main(void)
{
	test_right();
	test_wrong();
	test_rest();
	test_size();
	test_open();
	return done();
}
