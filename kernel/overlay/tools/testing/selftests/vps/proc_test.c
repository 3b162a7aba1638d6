// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/vservers: what it says, to whom, and that those inside find nothing else, neither what
 * the host has in the cache of names nor what it handed them open.
 */
#include <fnmatch.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/utsname.h>

#include "vps_test.h"

#define DIRECTORY "/proc/vservers"
#define MANY 1000

static char text[1 << 16];

static long read_all(int fd, char *buffer, size_t size)
{
	size_t used = 0;
	ssize_t got;

	while (used < size - 1 && (got = read(fd, buffer + used, size - 1 - used))) {
		if (got < 0)
			return -errno;
		used += got;
	}
	buffer[used] = 0;
	return used;
}

/* A file below /proc/vservers, into text. */
static long read_entry(const char *name)
{
	char path[64];
	long value;
	int fd;

	snprintf(path, sizeof(path), DIRECTORY "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	value = read_all(fd, text, sizeof(text));
	close(fd);
	return value;
}

static long read_context(__u32 id)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", id);
	return read_entry(name);
}

/* The value behind "@field: " of what was read, up to the end of its line. */
static const char *value_of(const char *field)
{
	static char value[256];
	size_t length = strlen(field);
	const char *line;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, field, length) || line[length] != ':')
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + length + 1, "\n"),
			 line + length + 1);
		return *value == ' ' ? value + 1 : value;
	}
	return "no such field";
}

/* ---- what actors do ---- */

/* Names there are, or the number of the first that is neither "." nor ".." nor "self". */
static long list_at(int fd)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	long found = 0;

	if (!directory)
		return -errno;
	rewinddir(directory);
	while ((entry = readdir(directory))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		found += strcmp(entry->d_name, "self") ? 1000 : 1;
	}
	closedir(directory);
	return found;
}

static long act_list(long unused)
{
	return list_at(open(DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static long act_list_at(long fd)
{
	return list_at(dup(fd));
}

static const char *const hidden[] = { "setup", "trafstat", "traffic", "801", "802", "0", "none" };

/* How many of those the caller finds that it must not find, in any way of looking. */
static long act_find(long unused)
{
	long found = 0;
	struct stat st;
	char path[64];
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		snprintf(path, sizeof(path), DIRECTORY "/%s", hidden[i]);
		fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		found += fd >= 0 || errno != ENOENT;
		if (fd >= 0)
			close(fd);
		found += !stat(path, &st) || errno != ENOENT;
		found += !access(path, F_OK) || errno != ENOENT;
		found += open(path, O_RDONLY | O_CLOEXEC) >= 0 || errno != ENOENT;
	}
	return found;
}

static long act_read_fd(long fd)
{
	char buffer[256];

	return pread(fd, buffer, sizeof(buffer), 0) < 0 ? -errno : 0;
}

/* The number that self says, or an error. */
static long act_self(long unused)
{
	long value = read_entry("self");

	return value < 0 ? value : strtol(value_of("vserver id"), NULL, 10);
}

static long act_open(long name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), DIRECTORY "/%s", (const char *)name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -errno : 0;
}

static long act_set_names(long unused)
{
	static const char node[] = "n\nvserver id: 0\033[2J\\", domain[] = "d.example";

	if (unshare(CLONE_NEWUTS) || sethostname(node, strlen(node)) ||
	    setdomainname(domain, strlen(domain)))
		return -errno;
	return 0;
}

/* ---- the tests ---- */

FIXTURE(proc)
{
	long before;
	struct context one;
	struct context two;
	struct actor in_one;
};

FIXTURE_SETUP(proc)
{
	self->before = tests_begin();
	ASSERT_GE(self->before, 0);
	ASSERT_EQ(context_make(&self->one, 801, VPS_LOCK | VPS_STOP), 0);
	ASSERT_EQ(context_make(&self->two, 802, 0), 0);
	ASSERT_EQ(actor_start(&self->in_one, &self->one), 0);
}

FIXTURE_TEARDOWN(proc)
{
	actor_end(&self->in_one);
	close(self->one.group);
	close(self->two.group);
	EXPECT_TRUE(tests_end(self->before));
}

TEST_F(proc, setup_says_what_this_is)
{
	char pattern[256];

	snprintf(pattern, sizeof(pattern),
		 "freevps patch version 2.0-1\n"
		 "freevps build [1-9]*[0-9]\n"
		 "syscall new_context %d\n"
		 "syscall context_network %d\n"
		 "syscall limits %d\n"
		 "syscall vserver %d\n"
		 "contexts count %ld\n",
		 __NR_vserver, __NR_vserver, __NR_vserver, __NR_vserver, self->before + 2);
	ASSERT_GT(read_entry("setup"), 0);
	EXPECT_EQ(fnmatch(pattern, text, 0), 0) {
		TH_LOG("%s", text);
	}
	/* The build was after this was written, and before it is run. */
	EXPECT_GT(strtol(strstr(text, "build ") + 6, NULL, 10), 0);
}

TEST_F(proc, fields_and_their_order)
{
	static const char pattern[] =
		"vserver id: 801\n"
		"nodename:\n"
		"domainname:\n"
		"flags: lock,stop\n"
		"init pid: 0\n"
		"CapBset: 0000[0-9a-f][0-9a-f][0-9a-f]fffffffff\n"
		"Process Limit: unlimited\n"
		"Process Count: 1\n"
		"tasks: 1\n"
		"Memory Limit: unlimited\n"
		"Used memory: 0\n"
		"Context RSS limit: *\n"
		"Context RSS: *\n"
		"Disk Limit: unlimited\n"
		"Used disk memory: 0\n"
		"Files limit: unlimited\n"
		"Used files: 0\n"
		"TCP sockets limit: unlimited\n"
		"Established sockets: 0\n"
		"Incoming traffic: 0\n"
		"Outgoing traffic: 0\n"
		"Load average: *.* *.* *.*\n";

	ASSERT_GT(read_context(801), 0);
	EXPECT_EQ(fnmatch(pattern, text, 0), 0) {
		TH_LOG("%s", text);
	}
	ASSERT_GT(read_context(802), 0);
	EXPECT_STREQ(value_of("flags"), "none");
	EXPECT_STREQ(value_of("Process Count"), "0");
}

/* ---- limits, and what is used of them ---- */

static int connection = -1;

static long act_use_all(long port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = port };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connection = socket(AF_INET, SOCK_STREAM, 0);
	if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return act_leave_child(0);
}

/* The port, as it is written in an address; the server stays for as long as the test. */
static int listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int fd;

	if (unshare(CLONE_NEWNET) || loopback_up())
		return -errno;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, length) || listen(fd, 5) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		return -errno;
	return address.sin_port;
}

static const struct {
	__u32 limit;
	const char *bound;
	const char *used;
} limit_fields[] = {
	{ THREADS, "Process Limit", "tasks" },
	{ SPACE, "Memory Limit", "Used memory" },
	{ FILES, "Files limit", "Used files" },
	{ CONNECTIONS, "TCP sockets limit", "Established sockets" },
};

/* The fields say what the calls say. */
static bool fields_agree(__u32 id)
{
	bool agree = read_context(id) > 0;

	for (size_t i = 0; agree && i < ARRAY_SIZE(limit_fields); i++) {
		struct vps_counted counted = vps_counted(limit_fields[i].limit, id);
		__u64 used = strtoull(value_of(limit_fields[i].used), NULL, 10);
		const char *bound = value_of(limit_fields[i].bound);

		agree = used == counted.used &&
			(counted.hard == VPS_UNLIMITED ? !strcmp(bound, "unlimited") :
			 strtoull(bound, NULL, 10) == counted.hard);
	}
	return agree && atol(value_of("Process Count")) == vps_processes(id) &&
	       atol(value_of("tasks")) == vps_tasks(id);
}

TEST_F(proc, limits_and_what_is_used_of_them)
{
	int port = listen_somewhere();
	struct actor actor;
	long child;

	ASSERT_LE(0, port);
	ASSERT_EQ(actor_bear(&actor, &self->two), 0);
	child = actor_do(&actor, act_use_all, port);
	ASSERT_GT(child, 0);
	EXPECT_TRUE(fields_agree(802)) {
		TH_LOG("%s", text);
	}
	EXPECT_STREQ(value_of("Process Count"), "3");
	EXPECT_STREQ(value_of("tasks"), "3");
	EXPECT_STREQ(value_of("Used files"), "1");
	EXPECT_STREQ(value_of("Established sockets"), "1");
	EXPECT_GT(strtol(value_of("Used memory"), NULL, 10), 4095);
	EXPECT_STREQ(value_of("Memory Limit"), "unlimited");

	ASSERT_EQ(vps_bound(THREADS, 802, 10, 77), 0);
	ASSERT_EQ(vps_bound(FILES, 802, 10, 78), 0);
	ASSERT_EQ(vps_bound(CONNECTIONS, 802, 10, 0xffffffffffULL), 0);
	ASSERT_EQ(vps_bound(SPACE, 802, 10, 1ULL << 40), 0);
	EXPECT_TRUE(fields_agree(802)) {
		TH_LOG("%s", text);
	}
	EXPECT_STREQ(value_of("Process Limit"), "77");
	EXPECT_STREQ(value_of("Memory Limit"), "1099511627776");
	EXPECT_STREQ(value_of("Files limit"), "78");
	EXPECT_STREQ(value_of("TCP sockets limit"), "1099511627775");

	EXPECT_EQ(actor_do(&actor, act_kill_child, child), 0);
	EXPECT_EQ(actor_end(&actor), 0);
	EXPECT_TRUE(EVENTUALLY(uses_nothing(802)));
	EXPECT_TRUE(fields_agree(802));
	EXPECT_STREQ(value_of("Used memory"), "0");
	EXPECT_TRUE(fields_agree(801));
}

TEST_F(proc, init_gives_its_number_and_its_names)
{
	struct utsname names;
	char number[16];

	uname(&names);
	ASSERT_EQ(vps_set_init(801, self->in_one.pid), 0);
	ASSERT_GT(read_context(801), 0);
	snprintf(number, sizeof(number), "%d", self->in_one.pid);
	EXPECT_STREQ(value_of("init pid"), number);
	EXPECT_STREQ(value_of("nodename"), names.nodename);
	ASSERT_EQ(actor_do(&self->in_one, act_set_names, 0), 0);
	ASSERT_GT(read_context(801), 0);
	EXPECT_STREQ(value_of("nodename"), "n\\nvserver id: 0\\e[2J\\");
	EXPECT_STREQ(value_of("domainname"), "d.example");
	EXPECT_EQ(strstr(text + 1, "\nvserver id"), NULL);
	ASSERT_EQ(vps_set_init(801, 0), 0);
	ASSERT_GT(read_context(801), 0);
	EXPECT_STREQ(value_of("init pid"), "0");
}

TEST_F(proc, self_is_the_readers)
{
	struct utsname names;

	EXPECT_EQ(act_self(0), 0);
	uname(&names);
	EXPECT_STREQ(value_of("init pid"), "1");
	EXPECT_STREQ(value_of("nodename"), names.nodename);
	EXPECT_EQ(actor_do(&self->in_one, act_self, 0), 801);
	EXPECT_EQ(act_in(&self->two, act_self, 0), 802);
}

TEST_F(proc, memory_is_what_the_controller_says)
{
	struct context three;
	struct actor actor;
	char limit[32];
	int root;

	if (get_text(AT_FDCWD, ROOT_GROUP "/cgroup.controllers", text, sizeof(text)) < 0 ||
	    !strstr(text, "memory"))
		SKIP(return, "no memory controller");
	root = open(ROOT_GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_EQ(put_text(root, "cgroup.subtree_control", "+memory"), 0);
	close(root);
	root = group_open("");
	ASSERT_EQ(put_text(root, "cgroup.subtree_control", "+memory"), 0);
	ASSERT_EQ(context_make(&three, 803, 0), 0);
	ASSERT_EQ(put_text(three.group, "memory.max", "67108864"), 0);
	ASSERT_EQ(actor_start(&actor, &three), 0);
	EXPECT_GT(actor_do(&actor, act_leave_child, 0), 0);
	ASSERT_GT(read_context(803), 0);
	snprintf(limit, sizeof(limit), "%s", value_of("Context RSS limit"));
	EXPECT_STREQ(limit, "67108864");
	EXPECT_GT(strtol(value_of("Context RSS"), NULL, 10), 4095);
	actor_end(&actor);
	close(three.group);
	groups_clear_at(root);
	put_text(root, "cgroup.subtree_control", "-memory");
	close(root);
}

TEST_F(proc, inside_there_is_self_alone)
{
	EXPECT_EQ(actor_do(&self->in_one, act_list, 0), 1);
	EXPECT_EQ(actor_do(&self->in_one, act_find, 0), 0);
	/* The same directory and the same names, from where they are seen. */
	EXPECT_GE(act_list(0), 5001);
	EXPECT_GE(act_find(0), 20);
}

/* What the host holds is in the cache: two open files and a directory. */
TEST_F(proc, inside_the_cache_is_no_way_in)
{
	int setup = open(DIRECTORY "/setup", O_RDONLY | O_CLOEXEC);
	int number = open(DIRECTORY "/802", O_RDONLY | O_CLOEXEC);
	int traffic = open(DIRECTORY "/traffic", O_RDONLY | O_CLOEXEC);
	int directory = open(DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct actor actor;

	ASSERT_EQ(act_read_fd(number), 0);
	ASSERT_EQ(act_read_fd(traffic), 0);
	/* It has inherited them. */
	ASSERT_EQ(actor_start(&actor, &self->two), 0);
	EXPECT_EQ(actor_do(&actor, act_find, 0), 0);
	EXPECT_EQ(actor_do(&actor, act_list_at, directory), 1);
	EXPECT_EQ(actor_do(&actor, act_read_fd, number), -EPERM);
	EXPECT_EQ(actor_do(&actor, act_read_fd, traffic), -EPERM);
	EXPECT_EQ(act_read_fd(number), 0);
	actor_end(&actor);
	close(directory);
	close(traffic);
	close(number);
	close(setup);
}

TEST_F(proc, inside_looking_takes_no_mount_away)
{
	char word[16];

	ASSERT_EQ(unshare(CLONE_NEWNS), 0);
	ASSERT_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ASSERT_EQ(mount("/proc/sys/kernel/ostype", DIRECTORY "/setup", NULL, MS_BIND, NULL), 0);
	EXPECT_EQ(actor_do(&self->in_one, act_find, 0), 0);
	EXPECT_GT(get_text(AT_FDCWD, DIRECTORY "/setup", word, sizeof(word)), 0);
	EXPECT_STREQ(word, "Linux\n");
	ASSERT_EQ(umount2(DIRECTORY "/setup", MNT_DETACH), 0);
}

TEST_F(proc, context_1_sees_all)
{
	struct context all;

	ASSERT_EQ(context_make(&all, VPS_CTX_ALL, 0), 0);
	EXPECT_EQ(act_in(&all, act_list, 0), act_list(0));
	EXPECT_EQ(act_in(&all, act_open, (long)"802"), 0);
	EXPECT_EQ(act_in(&all, act_open, (long)"traffic"), 0);
	EXPECT_EQ(act_in(&all, act_self, 0), 1);
	close(all.group);
}

TEST_F(proc, modes)
{
	struct actor user = {};

	ASSERT_EQ(actor_start(&user, NULL), 0);
	ASSERT_EQ(actor_do(&user, act_become, SOMEBODY), 0);
	EXPECT_EQ(actor_do(&user, act_self, 0), 0);
	EXPECT_EQ(actor_do(&user, act_open, (long)"setup"), 0);
	EXPECT_EQ(actor_do(&user, act_open, (long)"801"), -EACCES);
	EXPECT_EQ(actor_do(&user, act_open, (long)"trafstat"), -EACCES);
	EXPECT_EQ(actor_do(&user, act_open, (long)"traffic"), -EACCES);
	actor_end(&user);
}

TEST_F(proc, numbers_are_written_one_way)
{
	static const char *const names[] = {
		"0", "2", "0801", "801 ", "+801", "804", "65535", "66337", "4294968097",
	};

	EXPECT_EQ(act_open((long)"801"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(act_open((long)names[i]), -ENOENT) {
			TH_LOG("'%s'", names[i]);
		}
	}
}

TEST_F(proc, an_ended_context_is_gone_and_its_number_is_anothers)
{
	int fd = open(DIRECTORY "/802", O_RDONLY | O_CLOEXEC);
	struct stat st;

	ASSERT_GE(fd, 0);
	close(self->two.group);
	ASSERT_EQ(group_remove("802"), 0);
	EXPECT_EQ(act_read_fd(fd), -ESRCH);
	EXPECT_EQ(act_open((long)"802"), -ENOENT);
	EXPECT_NE(stat(DIRECTORY "/802", &st), 0);
	ASSERT_EQ(context_make(&self->two, 802, VPS_NPROC), 0);
	ASSERT_GT(read_context(802), 0);
	EXPECT_STREQ(value_of("flags"), "nproc");
	close(fd);
}

TEST_F(proc, an_open_file_holds_no_context)
{
	int fd = open(DIRECTORY "/802", O_RDONLY | O_CLOEXEC);

	ASSERT_EQ(act_read_fd(fd), 0);
	close(self->two.group);
	ASSERT_EQ(group_remove("802"), 0);
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
	close(fd);
	self->two.group = -1;
}

TEST_F(proc, traffic_has_a_line_for_each)
{
	struct vps_create create = {
		.size = sizeof(create), .caps = ALL_CAPS, .name = "web",
	};
	struct stat st;
	char line[64];

	create.cgroup_fd = group_make("803");
	ASSERT_EQ(vserver(SET(CPU, CONTEXT), 803, &create), 0);
	ASSERT_EQ(fstat(create.cgroup_fd, &st), 0);
	ASSERT_GT(read_entry("trafstat"), 0);
	EXPECT_NE(strstr(text, "801 0 0\n802 0 0\n803 0 0\n"), NULL) {
		TH_LOG("%s", text);
	}
	ASSERT_GT(read_entry("traffic"), 0);
	snprintf(line, sizeof(line), "\n803 0 0 0 0 %lu web\n", (unsigned long)st.st_ino);
	EXPECT_NE(strstr(text, line), NULL) {
		TH_LOG("%s", text);
	}
	close(create.cgroup_fd);
}

/* More than fit into one buffer, and found one by one. */
TEST_F(proc, a_thousand)
{
	char part[100];
	long lines = 0, names;
	ssize_t got;
	int fd;

	names = act_list(0);
	for (__u32 id = 2000; id < 2000 + MANY; id++) {
		struct context context;

		ASSERT_EQ(context_make(&context, id, 0), 0);
		close(context.group);
	}
	EXPECT_EQ(act_list(0), names + MANY * 1000);
	fd = open(DIRECTORY "/trafstat", O_RDONLY | O_CLOEXEC);
	while ((got = read(fd, part, sizeof(part))) > 0)
		for (ssize_t i = 0; i < got; i++)
			lines += part[i] == '\n';
	close(fd);
	EXPECT_EQ(lines, MANY + 2);
	for (__u32 id = 2000; id < 2000 + MANY; id++) {
		ASSERT_GT(read_context(id), 0);
		ASSERT_EQ(strtol(value_of("vserver id"), NULL, 10), (long)id);
	}
	EXPECT_EQ(contexts(), self->before + 2 + MANY);
}

/* Reads whatever is there until it is killed. */
static long act_read_on(long unused)
{
	for (;;) {
		act_list(0);
		read_entry("self");
		read_entry("traffic");
		for (__u32 id = 810; id < 820; id++)
			if (read_context(id) == 0)
				_exit(1);
	}
}

TEST_F(proc, readers_while_contexts_come_and_go)
{
	const char *rounds = getenv("VPS_TEST_ROUNDS");
	struct actor readers[3];
	struct context context;
	int status;

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(actor_start(&readers[i], i == 2 ? &self->two : NULL), 0);
		actor_ask(&readers[i], act_read_on, 0);
	}
	for (int round = 0; round < 100 * (rounds ? atoi(rounds) : 2); round++) {
		__u32 id = 810 + round % 10;
		struct actor actor;
		char name[8];

		ASSERT_EQ(context_make(&context, id, 0), 0);
		ASSERT_EQ(actor_start(&actor, &context), 0);
		ASSERT_EQ(vps_set_init(id, actor.pid), 0);
		actor_end(&actor);
		ASSERT_EQ(round % 2 ? vps_destroy(id) : 0, 0);
		close(context.group);
		snprintf(name, sizeof(name), "%u", id);
		ASSERT_EQ(group_remove(name), 0);
	}
	for (int i = 0; i < 3; i++) {
		kill(readers[i].pid, SIGKILL);
		status = actor_end(&readers[i]);
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

TEST_HARNESS_MAIN
