/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of contexts share: groups, contexts of groups, and actors, which are processes
 * that do somewhere else what a test asks them to.
 *
 * All groups are below one of their own, which is emptied before and after each test. What a
 * test leaves behind is seen there: the number of contexts is what it was.
 */
#ifndef VPS_TEST_H
#define VPS_TEST_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/sched.h>
#include <linux/vps.h>

#include "../kselftest_harness.h"

/* An emulated machine whose kernel checks itself is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#ifndef __NR_vserver
#define __NR_vserver 244
#endif

#define ROOT_GROUP "/sys/fs/cgroup"
#define TEST_GROUP ROOT_GROUP "/vps-selftest"

#define ALL_CAPS (~0ULL)
#define SOMEBODY 1000

/* ---- the call ---- */

/* What a command may take. */
union any {
	__u32 size;
	__u32 words[24];
	struct vps_create create;
	struct vps_policy policy;
	struct vps_flags flags;
	struct vps_migrate migrate;
	struct vps_caps caps;
	struct vps_switch on;
	struct vps_signal signal;
	struct vps_processes count;
	struct vps_init init;
	struct vps_new_context new;
	struct vps_tree tree;
	struct vps_disk_bounds disk_bounds;
	struct vps_disk_counted disk_counted;
	struct vps_limits limits;
	struct vps_addresses addresses;
	struct vps_bounds bounds;
	struct vps_counted counted;
	struct vps_forget forget;
};

static inline long vserver(__u32 cmd, __u32 id, void *data)
{
	long value = syscall(__NR_vserver, cmd, id, data);

	return value < 0 ? -errno : value;
}

/* There are two doors to it. */
typedef long (*door)(__u32 cmd, __u32 id, void *data);

#ifdef __x86_64__
#define __NR_vserver_i386 273

static inline long vserver_i386(__u32 cmd, __u32 id, void *data)
{
	long value;

	asm volatile("int $0x80" : "=a"(value)
		     : "a"((long)__NR_vserver_i386), "b"((long)cmd), "c"((long)id), "d"(data)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)value;
}
#endif

#define SET(category, command) VC_CMD(VC_CAT_##category, VC_SET, VC_##category##_##command)
#define GET(category, command) VC_CMD(VC_CAT_##category, VC_GET, VC_##category##_##command)

static inline long vps_create(__u32 id, int group, __u32 flags)
{
	struct vps_create create = {
		.size = sizeof(create), .flags = flags, .cgroup_fd = group, .caps = ALL_CAPS,
	};

	return vserver(SET(CPU, CONTEXT), id, &create);
}

static inline long vps_destroy(__u32 id)
{
	return vserver(SET(CPU, DESTROY), id, NULL);
}

static inline long vps_exists(__u32 id)
{
	return vserver(GET(CPU, CONTEXT), id, NULL);
}

static inline long vps_migrate(__u32 id, int group, pid_t pid)
{
	struct vps_migrate migrate = { .size = sizeof(migrate), .cgroup_fd = group, .pid = pid };

	return vserver(SET(PROCESS, MIGRATE), id, &migrate);
}

static inline long vps_current(void)
{
	return vserver(GET(PROCESS, MIGRATE), 0, NULL);
}

static inline long vps_set_flags(__u32 id, __u32 flags)
{
	struct vps_flags attr = { .size = sizeof(attr), .flags = flags };

	return vserver(SET(CPU, FLAGS), id, &attr);
}

static inline long vps_flags(__u32 id)
{
	struct vps_flags attr = { .size = sizeof(attr), .flags = ~0U };
	long value = vserver(GET(CPU, FLAGS), id, &attr);

	return value ? value : attr.flags;
}

static inline long vps_set_stop(__u32 id, __u32 on)
{
	struct vps_switch attr = { .size = sizeof(attr), .on = on };

	return vserver(SET(PROCESS, STOP), id, &attr);
}

static inline long vps_set_init(__u32 id, pid_t pid)
{
	struct vps_init attr = { .size = sizeof(attr), .pid = pid };

	return vserver(SET(PROCESS, INIT), id, &attr);
}

static inline long vps_init(__u32 id)
{
	struct vps_init attr = { .size = sizeof(attr), .pid = -1 };
	long value = vserver(GET(PROCESS, INIT), id, &attr);

	return value ? value : attr.pid;
}

static inline long vps_set_caps(__u32 id, __u64 caps)
{
	struct vps_caps attr = { .size = sizeof(attr), .caps = caps };

	return vserver(SET(PROCESS, CAPS), id, &attr);
}

static inline long vps_signal(__u32 id, int signal)
{
	struct vps_signal attr = { .size = sizeof(attr), .signal = signal };

	return vserver(SET(PROCESS, ALL), id, &attr);
}

static inline long vps_set_tree(__u32 id, int directory, __u64 space, __u64 inodes)
{
	struct vps_tree tree = {
		.size = sizeof(tree), .dir_fd = directory, .space = space, .inodes = inodes,
	};

	return vserver(SET(VFS, ROOT), id, &tree);
}

static inline long vps_drop_tree(__u32 id)
{
	return vserver(SET(VFS, DESTROY), id, NULL);
}

/* Hard limits, soft ones are the same. */
static inline long vps_set_disk(__u32 id, __u64 space, __u64 inodes)
{
	struct vps_disk_bounds bounds = {
		.size = sizeof(bounds), .space_soft = space, .space_hard = space,
		.inodes_soft = inodes, .inodes_hard = inodes,
	};

	return vserver(SET(VFS, DISK), id, &bounds);
}

static inline struct vps_disk_counted vps_disk(__u32 id)
{
	struct vps_disk_counted counted = { .size = sizeof(counted) };

	vserver(GET(VFS, DISK), id, &counted);
	return counted;
}

static inline struct vps_processes vps_count(__u32 id)
{
	struct vps_processes count = { .size = sizeof(count), .processes = ~0ULL, .tasks = ~0ULL };

	vserver(GET(PROCESS, ALL), id, &count);
	return count;
}

static inline long vps_processes(__u32 id)
{
	return vps_count(id).processes;
}

static inline long vps_tasks(__u32 id)
{
	return vps_count(id).tasks;
}

/* ---- limits, each by the command that sets it ---- */

#define THREADS SET(PROCESS, MAX)
#define FILES SET(VFS, FILES)
#define SPACE SET(MEMORY, TOTAL)
#define CONNECTIONS SET(OTHER, TCP)

static const __u32 all_limits[] = { THREADS, FILES, SPACE, CONNECTIONS };

/* The command that gets what the command @limit sets. */
static inline __u32 getter(__u32 limit)
{
	return VC_CMD(VC_CATEGORY(limit), VC_GET, VC_COMMAND(limit));
}

static inline long vps_bound(__u32 limit, __u32 id, __u64 soft, __u64 hard)
{
	struct vps_bounds bounds = { .size = sizeof(bounds), .soft = soft, .hard = hard };

	return vserver(limit, id, &bounds);
}

static inline long vps_limit(__u32 limit, __u32 id, __u64 hard)
{
	return vps_bound(limit, id, VPS_UNLIMITED, hard);
}

/* All of it is ~0 where nothing is told. */
static inline struct vps_counted vps_counted(__u32 limit, __u32 id)
{
	struct vps_counted counted;

	memset(&counted, 0xff, sizeof(counted));
	counted.size = sizeof(counted);
	vserver(getter(limit), id, &counted);
	return counted;
}

static inline long vps_used(__u32 limit, __u32 id)
{
	return vps_counted(limit, id).used;
}

static inline long vps_peak(__u32 limit, __u32 id)
{
	return vps_counted(limit, id).peak;
}

static inline long vps_hits(__u32 limit, __u32 id)
{
	return vps_counted(limit, id).hits;
}

static inline bool uses_nothing(__u32 id)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_limits); i++)
		if (vps_used(all_limits[i], id))
			return false;
	return true;
}

/* ---- accounts of traffic ---- */

static inline long vps_forget(__u32 id, __u64 account)
{
	struct vps_forget attr = { .size = sizeof(attr), .account = account };

	return vserver(SET(OTHER, FORGET), id, &attr);
}

/* ---- memory that others change ---- */

#define GET_ONCE(what) __atomic_load_n(&(what), __ATOMIC_SEQ_CST)
#define SET_ONCE(what, value) __atomic_store_n(&(what), (value), __ATOMIC_SEQ_CST)

/* ---- waiting for events ---- */

static inline void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* What a grace period of RCU or another process has to do first is given a minute. */
#define EVENTUALLY(condition) ({				\
	time_t __end = time(NULL) + 60;				\
	bool __is;						\
								\
	while (!(__is = (condition)) && time(NULL) < __end)	\
		nap();						\
	__is;							\
})

/* ---- files ---- */

static inline long put_text(int directory, const char *name, const char *text)
{
	int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
	long value;

	if (fd < 0)
		return -errno;
	value = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return value;
}

static inline long put_number(int directory, const char *name, long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", number);
	return put_text(directory, name, text);
}

static inline long get_text(int directory, const char *name, char *text, size_t size)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	text[0] = 0;
	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	if (length < 0)
		length = -errno;
	text[length < 0 ? 0 : length] = 0;
	close(fd);
	return length;
}

/* The number behind @key in a file of lines "key number", or -1. */
static inline long get_field(const char *name, const char *key)
{
	char text[4096];
	char *found;

	if (get_text(AT_FDCWD, name, text, sizeof(text)) < 0)
		return -1;
	found = strstr(text, key);
	return found ? strtol(found + strlen(key), NULL, 10) : -1;
}

/* The first number in the file @name of process @pid, or -1. */
static inline long get_pid_number(pid_t pid, const char *name)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return get_text(AT_FDCWD, path, text, sizeof(text)) > 0 ? strtol(text, NULL, 10) : -1;
}

static inline long contexts(void)
{
	return get_field("/proc/vservers/setup", "contexts count ");
}

static inline long contexts_dying(void)
{
	return get_field(ROOT_GROUP "/vps.stat", "dying ");
}

/* ---- groups ---- */

static inline const char *group_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s%s", TEST_GROUP, *name ? "/" : "", name);
	return path;
}

static inline int group_open(const char *name)
{
	int fd = open(group_path(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static inline int group_make(const char *name)
{
	return mkdir(group_path(name), 0755) ? -errno : group_open(name);
}

static inline int group_remove(const char *name)
{
	return rmdir(group_path(name)) ? -errno : 0;
}

static inline bool group_is_empty(int group)
{
	char text[256];

	return get_text(group, "cgroup.events", text, sizeof(text)) < 0 ||
	       strstr(text, "populated 0");
}

/* Removes what is below; who is in there is killed. */
static inline void groups_clear_at(int group)
{
	struct dirent *entry;
	DIR *directory = fdopendir(dup(group));

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		int below;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below = openat(group, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below < 0)
			continue;
		put_text(below, "cgroup.kill", "1");
		(void)EVENTUALLY(group_is_empty(below));
		groups_clear_at(below);
		close(below);
		unlinkat(group, entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
}

static inline void groups_clear(void)
{
	int group = open(TEST_GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (group < 0)
		return;
	groups_clear_at(group);
	close(group);
	rmdir(TEST_GROUP);
}

/* ---- contexts ---- */

struct context {
	__u32 id;
	int group;
};

/* The context of a new group which has its number for a name. */
static inline long context_make(struct context *context, __u32 id, __u32 flags)
{
	char name[32];

	snprintf(name, sizeof(name), "%u", id);
	context->id = id;
	context->group = group_make(name);
	if (context->group < 0)
		return context->group;
	return vps_create(id, context->group, flags);
}

/* ---- actors ---- */

struct order {
	long (*act)(long argument);
	long argument;
};

struct actor {
	pid_t pid;
	int orders;
	int answers;
};

static inline void actor_main(int orders, int answers)
{
	struct order order;
	long answer;

	signal(SIGALRM, SIG_DFL);
	while (read(orders, &order, sizeof(order)) == sizeof(order) && order.act) {
		answer = order.act(order.argument);
		if (write(answers, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

/* Users of a user namespace are those of the host that have the same numbers. */
static inline long map_users(pid_t pid)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	long value = 0;

	for (size_t i = 0; !value && i < ARRAY_SIZE(files); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		value = put_text(AT_FDCWD, path, "0 0 65536");
	}
	return value;
}

/*
 * It is a child of the caller and starts in context @where, NULL is the host, and in new namespaces
 * @spaces (CLONE_NEW*).
 */
static inline long actor_start_in(struct actor *actor, const struct context *where, __u64 spaces)
{
	struct clone_args args = { .flags = spaces, .exit_signal = SIGCHLD };
	int orders[2], answers[2];
	long value = 0;

	*actor = (struct actor){ -1, -1, -1 };
	if (pipe2(orders, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
		return -errno;
	actor->pid = spaces ? syscall(__NR_clone3, &args, sizeof(args)) : fork();
	if (actor->pid < 0)
		return -errno;
	if (!actor->pid) {
		close(orders[1]);
		close(answers[0]);
		actor_main(orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	actor->orders = orders[1];
	actor->answers = answers[0];
	if (spaces & CLONE_NEWUSER)
		value = map_users(actor->pid);
	if (!value && where)
		value = vps_migrate(where->id, where->group, actor->pid);
	return value;
}

static inline long actor_start(struct actor *actor, const struct context *where)
{
	return actor_start_in(actor, where, 0);
}

static inline void actor_ask(struct actor *actor, long (*act)(long argument), long argument)
{
	struct order order = { act, argument };

	if (write(actor->orders, &order, sizeof(order)) != sizeof(order))
		perror("# an actor takes no orders");
}

/* What the last order came to; -EPIPE when the actor is gone. */
static inline long actor_hear(struct actor *actor)
{
	long answer;

	return read(actor->answers, &answer, sizeof(answer)) == sizeof(answer) ? answer : -EPIPE;
}

static inline long actor_do(struct actor *actor, long (*act)(long argument), long argument)
{
	actor_ask(actor, act, argument);
	return actor_hear(actor);
}

/* Returns what waitpid() said. */
static inline int actor_end(struct actor *actor)
{
	int status = -1;

	signal(SIGPIPE, SIG_IGN);
	if (write(actor->orders, &(struct order){}, sizeof(struct order)) < 0)
		errno = 0;	/* it is gone already */
	close(actor->orders);
	close(actor->answers);
	waitpid(actor->pid, &status, 0);
	return status;
}

/* What @act comes to in a process of its own in context @where. */
static inline long act_in(const struct context *where, long (*act)(long argument), long argument)
{
	struct actor actor;
	long value = actor_start(&actor, where);

	if (!value)
		value = actor_do(&actor, act, argument);
	actor_end(&actor);
	return value;
}

/* ---- what actors do ---- */

static inline long act_current(long unused)
{
	return vps_current();
}

static inline long act_become(long id)
{
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		return -errno;
	return 0;
}

static inline long act_fork(long unused)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(0);
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

/* A child that stays, and does nothing. */
static inline long act_leave_child(long unused)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	return pid < 0 ? -errno : pid;
}

/* What a call came to that has failed when it is negative. */
static inline long outcome(long value)
{
	return value < 0 ? -errno : 0;
}

/* Is that what comes of a call that the kernel does not have? */
static inline bool is_no_call(long value)
{
	return value < 0 && value == outcome(syscall(~0L));
}

/*
 * Becomes a user whom another process of that user's may trace. Its credentials are those of its
 * context then, as are those of who has executed something there.
 */
static inline long act_open_up(long id)
{
	long value = act_become(id);

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);	/* of Yama, where there is one */
	return value ?: outcome(prctl(PR_SET_DUMPABLE, 1));
}

/* What is opened from now on is the context's, and no more that from which it came. */
static inline long act_belong(long unused)
{
	return outcome(setgroups(0, NULL));
}

/*
 * A child takes the orders from now on, whose memory is its context's, too; the actor is the one
 * that waits for it. Returns its number.
 */
static inline long act_be_born(long unused)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid)
		return getpid();
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		_exit(1);
	_exit(WEXITSTATUS(status));
}

static inline long act_kill_child(long pid)
{
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		return -errno;
	return 0;
}

static inline long act_close(long fd)
{
	return outcome(close(fd));
}

/* ---- a network namespace of the test's own ---- */

static inline int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	err = ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return err;
}

/* ---- descriptors from one process to another, by a pair of sockets ---- */

/* The sender keeps it. */
static inline long send_fd(int letters, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(fd))] = {};
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(letters, &message, MSG_DONTWAIT) == 1 ? 0 : -errno;
}

static inline int receive_fd(int letters)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(letters, &message, MSG_DONTWAIT) != 1)
		return -errno;
	if (!CMSG_FIRSTHDR(&message) || message.msg_flags & MSG_CTRUNC)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* ---- before and after each test ---- */

/*
 * At its first connection the kernel changes its own code. An emulated machine does not always bear
 * that another processor runs that code at the same moment.
 */
static inline void connect_once(void)
{
	const struct sockaddr nowhere = { .sa_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	connect(fd, &nowhere, sizeof(nowhere));
	close(fd);
}

/* Contexts that were there before are not the test's. */
static inline long tests_begin(void)
{
	connect_once();
	groups_clear();
	if (mkdir(TEST_GROUP, 0755))
		return -errno;
	return contexts();
}

static inline bool tests_end(long before)
{
	groups_clear();
	return EVENTUALLY(contexts() == before && contexts_dying() == 0);
}

/* ---- the places from which, and at which, something is tried ---- */

struct places {
	long before;
	struct context one;
	struct context two;
	struct context all;	/* which sees all and touches nothing */
	struct actor host;
	struct actor in_one;
	struct actor in_two;
	struct actor in_all;
};

#define ONE 801
#define TWO 802

/* What a server has of its own, but for its files. */
#define SPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS)

/* Those in contexts ONE and TWO are in namespaces @spaces of their own; all are user @user. */
static inline long places_make(struct places *places, uid_t user, __u64 spaces)
{
	struct actor *const actors[] = {
		&places->host, &places->in_one, &places->in_two, &places->in_all,
	};
	long value = tests_begin();

	if (value < 0)
		return value;
	places->before = value;
	value = context_make(&places->one, ONE, 0) ?:
		context_make(&places->two, TWO, 0) ?:
		context_make(&places->all, VPS_CTX_ALL, 0) ?:
		actor_start(&places->host, NULL) ?:
		actor_start_in(&places->in_one, &places->one, spaces) ?:
		actor_start_in(&places->in_two, &places->two, spaces) ?:
		actor_start(&places->in_all, &places->all);
	for (size_t i = 0; !value && i < ARRAY_SIZE(actors); i++)
		value = actor_do(actors[i], act_open_up, user);
	return value;
}

static inline bool places_end(struct places *places)
{
	actor_end(&places->host);
	actor_end(&places->in_one);
	actor_end(&places->in_two);
	actor_end(&places->in_all);
	close(places->one.group);
	close(places->two.group);
	close(places->all.group);
	return tests_end(places->before);
}

/* ---- a context that gets limits, one beside it, and somebody in the first ---- */

struct limited {
	long before;
	struct context one;
	struct context two;
	struct actor actor;
};

static inline long limited_make(struct limited *limited)
{
	limited->actor = (struct actor){ -1, -1, -1 };
	limited->before = tests_begin();
	if (limited->before < 0)
		return limited->before;
	return context_make(&limited->one, ONE, 0) ?:
	       context_make(&limited->two, TWO, 0) ?:
	       actor_start(&limited->actor, &limited->one);
}

/* Whatever there was has been given back by who is gone. */
static inline bool limited_end(struct limited *limited)
{
	bool nothing = true;

	if (limited->actor.pid > 0)
		actor_end(&limited->actor);
	vps_signal(ONE, SIGKILL);
	vps_signal(TWO, SIGKILL);
	if (!vps_exists(ONE))
		nothing &= EVENTUALLY(uses_nothing(ONE));
	if (!vps_exists(TWO))
		nothing &= EVENTUALLY(uses_nothing(TWO));
	close(limited->one.group);
	close(limited->two.group);
	return tests_end(limited->before) && nothing;
}

/* An actor that was born in a context; 0, or what failed. */
static inline long actor_bear(struct actor *actor, const struct context *where)
{
	long value = actor_start(actor, where);

	if (!value)
		value = actor_do(actor, act_be_born, 0);
	return value < 0 ? value : 0;
}

/* What a call that gives a descriptor or a number of things gave. */
static inline long given(long value)
{
	return value < 0 ? -errno : value;
}

#endif /* VPS_TEST_H */
