// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine is the host's: its log, clock, modules, programs in the kernel, disks and names, as
 * which user and with whichever capabilities somebody asks. Kernel threads are the host's as well.
 */
#include <linux/bpf.h>
#include <linux/kexec.h>
#include <linux/perf_event.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include "vps_test.h"

/* Headers that have these get in each other's way. */
#define CONFIG_SET_STRING 1
#define CONFIG_CREATE 6
#define CONFIG_RECONFIGURE 7

#define NO_DISK "/dev/vps-selftest"

/* ---- what is the host's ---- */

static long opened(int fd)
{
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long act_log_size(long unused)
{
	return outcome(klogctl(10, NULL, 0));
}

static long act_log_read(long unused)
{
	char text[64];

	return outcome(klogctl(3, text, sizeof(text)));
}

static long act_log_level(long unused)
{
	char text[64] = "";

	get_text(AT_FDCWD, "/proc/sys/kernel/printk", text, sizeof(text));
	return outcome(klogctl(8, NULL, atoi(text)));
}

static long act_kmsg(long unused)
{
	return opened(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
}

static long act_proc_kmsg(long unused)
{
	return opened(open("/proc/kmsg", O_RDONLY | O_NONBLOCK));
}

static long act_settimeofday(long unused)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return outcome(settimeofday(&(struct timeval){ now.tv_sec, now.tv_nsec / 1000 }, NULL));
}

static long act_clock_settime(long unused)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return outcome(clock_settime(CLOCK_REALTIME, &now));
}

static long act_adjtimex(long unused)
{
	struct timex timex = {};

	if (adjtimex(&timex) < 0)
		return -EPROTO;	/* which everybody may */
	timex.modes = ADJ_TICK;
	return outcome(adjtimex(&timex));
}

static long act_clock_adjtime(long unused)
{
	struct timex timex = { .modes = ADJ_SETOFFSET };

	return outcome(clock_adjtime(CLOCK_REALTIME, &timex));
}

static long act_init_module(long unused)
{
	static char image[4096];

	return outcome(syscall(__NR_init_module, image, sizeof(image), ""));
}

static long act_finit_module(long unused)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	long value = outcome(syscall(__NR_finit_module, fd, "", 0));

	close(fd);
	return value;
}

static long act_delete_module(long unused)
{
	return outcome(syscall(__NR_delete_module, "vps_selftest", O_NONBLOCK));
}

/* Of programs of 32 bits it wants to know that they know the machine. */
static long act_kexec(long unused)
{
#if defined(__arm__) || defined(__aarch64__)
	long machine = KEXEC_ARCH_AARCH64;
#else
	long machine = KEXEC_ARCH_X86_64;
#endif

	return outcome(syscall(__NR_kexec_load, 0, 0, NULL, machine));
}

static long act_bpf(long unused)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1,
	};

	return opened(syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static long act_perf(long unused)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .exclude_kernel = 1,
		.config = PERF_COUNT_SW_TASK_CLOCK,
	};

	return opened(syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0));
}

#ifdef __NR_iopl
static long act_iopl(long unused)
{
	return outcome(syscall(__NR_iopl, 3)) ?: outcome(syscall(__NR_iopl, 0));
}
#endif

#ifdef __NR_ioperm
static long act_ioperm(long unused)
{
	return outcome(syscall(__NR_ioperm, 0x80, 1, 1)) ?:
	       outcome(syscall(__NR_ioperm, 0x80, 1, 0));
}
#endif

/* What Ctrl-Alt-Del does stays as it is. */
static long act_reboot(long unused)
{
	char text[16] = "";

	get_text(AT_FDCWD, "/proc/sys/kernel/ctrl-alt-del", text, sizeof(text));
	return outcome(reboot(atoi(text) ? RB_ENABLE_CAD : RB_DISABLE_CAD));
}

static long act_mount(long unused)
{
	return outcome(mount(NO_DISK, "/", "ext4", MS_RDONLY, NULL));
}

static long act_fsopen(long unused)
{
	int fd = syscall(__NR_fsopen, "ext4", 0);
	long value = -errno;

	if (fd < 0)
		return value;
	value = outcome(syscall(__NR_fsconfig, fd, CONFIG_SET_STRING, "source", NO_DISK, 0)) ?:
		outcome(syscall(__NR_fsconfig, fd, CONFIG_CREATE, NULL, NULL, 0));
	close(fd);
	return value;
}

/* Of whichever has a disk, with the options that it has. */
static long act_remount(long unused)
{
	unsigned long flags = MS_REMOUNT;
	struct statvfs fs;
	struct stat st;

	if (stat("/", &st) || statvfs("/", &fs))
		return -EPROTO;
	if (!major(st.st_dev))
		return -ENODEV;
	flags |= fs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME);
	flags |= fs.f_flag & ST_RELATIME ? MS_RELATIME : 0;
	return outcome(mount(NULL, "/", NULL, flags, NULL));
}

static long act_reconfigure(long unused)
{
	struct stat st;
	long value;
	int fd;

	if (stat("/", &st))
		return -EPROTO;
	if (!major(st.st_dev))
		return -ENODEV;
	fd = syscall(__NR_fspick, AT_FDCWD, "/", 0);
	if (fd < 0)
		return -errno;
	value = outcome(syscall(__NR_fsconfig, fd, CONFIG_RECONFIGURE, NULL, NULL, 0));
	close(fd);
	return value;
}

static long act_sethostname(long unused)
{
	struct utsname names;

	uname(&names);
	return outcome(sethostname(names.nodename, strlen(names.nodename)));
}

static long act_setdomainname(long unused)
{
	struct utsname names;

	uname(&names);
	return outcome(setdomainname(names.domainname, strlen(names.domainname)));
}

static const struct operation {
	const char *name;
	long (*act)(long unused);
	int host;	/* how it fails for the host's root: what is asked for is not there */
	int user;	/* how it fails for a user, if not with EPERM */
	int spaces;	/* the same for root of namespaces of its own; -1: not at all */
} operations[] = {
	{ "log_size", act_log_size },
	{ "log_read", act_log_read },
	{ "log_level", act_log_level },
	{ "kmsg", act_kmsg },
	{ "proc_kmsg", act_proc_kmsg, .user = EACCES },
	{ "settimeofday", act_settimeofday },
	{ "clock_settime", act_clock_settime },
	{ "adjtimex", act_adjtimex },
	{ "clock_adjtime", act_clock_adjtime },
	{ "init_module", act_init_module, .host = ENOEXEC },
	{ "finit_module", act_finit_module, .host = ENOEXEC },
	{ "delete_module", act_delete_module, .host = ENOENT },
	{ "kexec", act_kexec },
	{ "bpf", act_bpf },
	{ "perf", act_perf },
#ifdef __NR_iopl
	{ "iopl", act_iopl },
#endif
#ifdef __NR_ioperm
	{ "ioperm", act_ioperm },
#endif
	/* There it is for the ends of its processes alone. */
	{ "reboot", act_reboot, .spaces = EINVAL },
	{ "mount", act_mount, .host = ENOENT },
	{ "fsopen", act_fsopen, .host = ENOENT },
	{ "remount", act_remount },
	{ "reconfigure", act_reconfigure },
	{ "sethostname", act_sethostname, .spaces = -1 },
	{ "setdomainname", act_setdomainname, .spaces = -1 },
};

FIXTURE(machine)
{
	struct places places;
};

FIXTURE_VARIANT(machine)
{
	uid_t user;
	__u64 spaces;
};

FIXTURE_VARIANT_ADD(machine, root) {};
FIXTURE_VARIANT_ADD(machine, user) { .user = SOMEBODY };
FIXTURE_VARIANT_ADD(machine, root_in_namespaces) { .spaces = SPACES };
FIXTURE_VARIANT_ADD(machine, user_in_namespaces) { .user = SOMEBODY, .spaces = SPACES };

FIXTURE_SETUP(machine)
{
	ASSERT_EQ(0, places_make(&self->places, variant->user, variant->spaces));
}

FIXTURE_TEARDOWN(machine)
{
	EXPECT_TRUE(places_end(&self->places));
}

/* How it fails inside; the host's root in the same namespaces can do it. */
static long refused(const struct operation *op, bool user, bool spaces)
{
	if (user)
		return -(op->user ?: EPERM);
	if (spaces && op->spaces < 0)
		return 0;
	return -(spaces && op->spaces ? op->spaces : EPERM);
}

TEST_F(machine, is_the_hosts)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct operation *op = &operations[i];
		long value = op->act(0);

		/* Not in this kernel, or not on this machine. */
		if (is_no_call(value) || value == -ENODEV) {
			TH_LOG("%s is not there", op->name);
			continue;
		}
		EXPECT_EQ(-op->host, value)
			TH_LOG("%s by the host", op->name);
		EXPECT_EQ(refused(op, variant->user, variant->spaces),
			  actor_do(&self->places.in_one, op->act, 0))
			TH_LOG("%s", op->name);
		EXPECT_EQ(refused(op, variant->user, false),
			  actor_do(&self->places.in_all, op->act, 0))
			TH_LOG("%s by context 1", op->name);
	}
}

/* ---- modules that the kernel itself asks for ---- */

#define ASKED "/tmp/vps-selftest.asked"

/* What the kernel runs instead of modprobe is this program: it writes down whose it is. */
static void __attribute__((constructor)) run_as_modprobe(int argc, char **argv)
{
	FILE *asked;

	if (argc != 4 || strcmp(argv[1], "-q") || strcmp(argv[2], "--"))
		return;
	asked = fopen(ASKED, "we");
	if (asked)
		fprintf(asked, "%s in %ld\n", argv[3], vps_current());
	_exit(asked && !fclose(asked) ? 0 : 1);
}

static long act_ask_for_module(long unused)
{
	/* Nobody has such sockets. */
	return opened(socket(AF_ROSE, SOCK_DGRAM, 0));
}

#define MODPROBE "/proc/sys/kernel/modprobe"

TEST_F(machine, modules_are_asked_for_by_the_host)
{
	char before[PATH_MAX], text[PATH_MAX] = "";
	ssize_t length;

	if (get_text(AT_FDCWD, MODPROBE, before, sizeof(before)) < 0)
		SKIP(return, "requires a kernel with CONFIG_MODULES");
	length = readlink("/proc/self/exe", text, sizeof(text) - 1);
	ASSERT_LT(0, length);
	ASSERT_EQ(0, put_text(AT_FDCWD, MODPROBE, text));
	unlink(ASKED);
	EXPECT_EQ(-EAFNOSUPPORT, actor_do(&self->places.in_one, act_ask_for_module, 0));
	EXPECT_EQ(-EAFNOSUPPORT, actor_do(&self->places.in_all, act_ask_for_module, 0));
	EXPECT_EQ(-1, access(ASKED, F_OK));
	EXPECT_EQ(-EAFNOSUPPORT, actor_do(&self->places.host, act_ask_for_module, 0));
	EXPECT_LT(0, get_text(AT_FDCWD, ASKED, text, sizeof(text)));
	EXPECT_STREQ("net-pf-11 in 0\n", text);
	unlink(ASKED);
	before[strcspn(before, "\n")] = 0;
	EXPECT_EQ(0, put_text(AT_FDCWD, MODPROBE, before));
}

/* ---- names ---- */

static long act_name_itself(long unused)
{
	return outcome(sethostname("inside", 6));
}

static long act_is_inside(long unused)
{
	struct utsname names;

	uname(&names);
	return !strcmp(names.nodename, "inside");
}

TEST_F(machine, a_context_has_its_name)
{
	struct places *places = &self->places;

	if (!variant->spaces) {
		EXPECT_EQ(-EPERM, actor_do(&places->in_one, act_name_itself, 0));
		EXPECT_EQ(0, act_is_inside(0));
		return;
	}
	EXPECT_EQ(variant->user ? -EPERM : 0, actor_do(&places->in_one, act_name_itself, 0));
	EXPECT_EQ(!variant->user, actor_do(&places->in_one, act_is_inside, 0));
	EXPECT_EQ(0, actor_do(&places->in_two, act_is_inside, 0));
	EXPECT_EQ(0, act_is_inside(0));
}

/* ---- kernel threads ---- */

#define PF_KTHREAD 0x00200000

/* Of process @pid as the kernel has it. */
static unsigned long flags_of(const char *pid)
{
	char path[64], text[1024];
	unsigned long flags = 0;
	char *behind;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	if (get_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return 0;
	behind = strrchr(text, ')');
	return behind && sscanf(behind, ") %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 ? flags : 0;
}

/* Of which context it is, or -1 when it is gone; the root of the hierarchy is the host's. */
static long context_of(const char *pid)
{
	char path[PATH_MAX], text[PATH_MAX] = "";
	char *group;

	snprintf(path, sizeof(path), "/proc/%.16s/cgroup", pid);
	get_text(AT_FDCWD, path, text, sizeof(text));
	group = strstr(text, "0::/");
	if (!group)
		return -1;
	group += strlen("0::");
	group[strcspn(group, "\n")] = 0;
	if (!group[1])
		return 0;
	snprintf(path, sizeof(path), "%s%.2048s/vps.id", ROOT_GROUP, group);
	return get_text(AT_FDCWD, path, text, sizeof(text)) > 0 ? atol(text) : -1;
}

static bool is_named(const char *pid, const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	return get_text(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	       !strncmp(text, name, strlen(name));
}

/* How many there are whose name begins with @name; -EPROTO when one is not the host's. */
static long kernel_threads(const char *name)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	long count = 0;

	while (count >= 0 && (entry = readdir(directory))) {
		if (*entry->d_name < '1' || *entry->d_name > '9')
			continue;
		if (!(flags_of(entry->d_name) & PF_KTHREAD) || !is_named(entry->d_name, name))
			continue;
		count = context_of(entry->d_name) > 0 ? -EPROTO : count + 1;
	}
	closedir(directory);
	return count;
}

/* What watches how busy the machine is has this name. */
#define WATCHER "psimon"

static long act_watch_pressure(long unused)
{
	static const char watch[] = "some 500000 1000000";
	int fd = open("/proc/pressure/cpu", O_RDWR);

	return fd < 0 ? -ENODEV : outcome(write(fd, watch, sizeof(watch)));
}

static long act_make_worlds(long unused)
{
	return outcome(unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC)) ?:
	       outcome(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) ?:
	       outcome(mount("none", "/tmp", "tmpfs", 0, NULL));
}

TEST_F(machine, kernel_threads_are_the_hosts)
{
	long before = kernel_threads(WATCHER);

	if (variant->user || variant->spaces)
		SKIP(return, "to have one made takes root of the host's namespaces");
	ASSERT_LE(0, before);
	EXPECT_EQ(0, actor_do(&self->places.in_one, act_make_worlds, 0));
	EXPECT_LT(0, kernel_threads(""));
	if (actor_do(&self->places.in_one, act_watch_pressure, 0) == -ENODEV)
		SKIP(return, "requires a kernel with CONFIG_PSI");
	EXPECT_TRUE(EVENTUALLY(kernel_threads(WATCHER) == before + 1));
	EXPECT_EQ(1, vps_tasks(ONE));
}

/* What works for it in the kernel is its own thread, is counted, and ends with it. */
static long act_start_poller(long unused)
{
	/* struct io_uring_params: flags, to have a thread, and how many ms that is busy. */
	__u32 params[30] = { [2] = 1 << 1, [4] = 100 };

	return outcome(syscall(__NR_io_uring_setup, 1, params));
}

TEST_F(machine, no_kernel_thread_is_made_inside)
{
	char path[64], pid[16];
	struct dirent *entry;
	long threads = 0;
	DIR *directory;

	if (is_no_call(actor_do(&self->places.in_one, act_start_poller, 0)))
		SKIP(return, "requires a kernel with CONFIG_IO_URING");
	EXPECT_EQ(2, vps_tasks(ONE));
	snprintf(path, sizeof(path), "/proc/%d/task", self->places.in_one.pid);
	directory = opendir(path);
	ASSERT_NE(NULL, directory);
	while ((entry = readdir(directory))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(pid, sizeof(pid), "%.15s", entry->d_name);
		EXPECT_EQ(0, flags_of(pid) & PF_KTHREAD);
		EXPECT_EQ(ONE, context_of(pid));
		threads++;
	}
	closedir(directory);
	EXPECT_EQ(2, threads);
	EXPECT_LT(0, kernel_threads(""));
}

TEST_HARNESS_MAIN
