// SPDX-License-Identifier: GPL-2.0-or-later
/* Attempts by system calls that know no namespace, or look past them; see tries.h. */
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fanotify.h>
#include <linux/io_uring.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#include "tries.h"

/* ---- keys, programs in the kernel, what watches the machine -------- */

static int key_session(const char *arg)
{
	(void)arg;
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ? refused("keyctl") : 0;
}

/* The keyring of a user is that of all who have his number. */
static int key_add(const char *arg)
{
	long key = syscall(SYS_add_key, "user", "vps-evil", "x", 1, KEY_SPEC_USER_KEYRING);

	(void)arg;
	if (key < 0)
		return refused("add_key");
	if (control)
		syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
	return 0;
}

/* The kernel may run a program of the host's to get it. */
static int key_request(const char *arg)
{
	(void)arg;
	return answered(syscall(SYS_request_key, "user", "vps-none", NULL, 0), "request_key",
			ENOKEY);
}

static int bpf_map(const char *arg)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1,
	};

	(void)arg;
	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0 ? refused("bpf") : 0;
}

static int bpf_load(const char *arg)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2,
		.insns = (unsigned long)program, .license = (unsigned long)"GPL",
	};

	(void)arg;
	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) < 0 ? refused("bpf") : 0;
}

/* The host's maps, among them those that hold the walls of the network. */
static int bpf_walk(const char *arg)
{
	union bpf_attr attr = { .start_id = 0 };

	(void)arg;
	return answered(syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr)), "bpf", ENOENT);
}

static int perf_machine(const char *arg)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK,
	};

	(void)arg;
	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0) < 0 ?
		refused("perf_event_open") : 0;
}

static int perf_own(const char *arg)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .exclude_kernel = 1,
		.config = PERF_COUNT_SW_PAGE_FAULTS,
	};

	(void)arg;
	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) < 0 ?
		refused("perf_event_open") : 0;
}

static int io_uring(const char *arg)
{
	struct io_uring_params params = { 0 };

	(void)arg;
	return syscall(SYS_io_uring_setup, 1, &params) < 0 ? refused("io_uring_setup") : 0;
}

static int user_faults(const char *arg)
{
	(void)arg;
	return syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY) < 0 ? refused("userfaultfd") : 0;
}

/* Names and events of all of a file system, of which the tree may be a part. */
static int watch_filesystem(const char *arg)
{
	int fd = (int)syscall(SYS_fanotify_init, FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME, O_RDONLY);

	(void)arg;
	if (fd < 0)
		return refused("fanotify_init");
	if (control && mount("none", ".", "tmpfs", 0, NULL) < 0)
		return untried("mount");
	return syscall(SYS_fanotify_mark, fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
		       FAN_CREATE | FAN_ONDIR, AT_FDCWD, control ? "." : "/") < 0 ?
		refused("fanotify_mark") : 0;
}

/* To be asked before anybody opens a file. */
static int judge_opens(const char *arg)
{
	(void)arg;
	return syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY) < 0 ?
		refused("fanotify_init") : 0;
}

static int kernel_log(const char *arg)
{
	char buf[64];

	(void)arg;
	return klogctl(3, buf, sizeof(buf)) < 0 ? refused("syslog") : 0;
}

/* ---- the machine --------------------------------------------------- */

static int set_zone(const char *arg)
{
	struct timezone zone = { 0 };

	(void)arg;
	return syscall(SYS_settimeofday, NULL, &zone) < 0 ? refused("settimeofday") : 0;
}

static int set_clock(const char *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &now);
	return clock_settime(CLOCK_REALTIME, &now) < 0 ? refused("clock_settime") : 0;
}

/* What it is already: the control leaves the host's clock alone. */
static int set_tick(const char *arg)
{
	struct timex t = { 0 };

	if (adjtimex(&t) < 0)
		return untried("adjtimex");
	t.modes = ADJ_TICK;
	if (*arg == 'c')
		return clock_adjtime(CLOCK_REALTIME, &t) < 0 ? refused("clock_adjtime") : 0;
	return adjtimex(&t) < 0 ? refused("adjtimex") : 0;
}

static int load_kernel(const char *arg)
{
	(void)arg;
	return syscall(SYS_kexec_load, 0, 0, NULL, 0) < 0 ? refused("kexec_load") : 0;
}

static int load_kernel_file(const char *arg)
{
	(void)arg;
	return answered(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, 0), "kexec_file_load",
			EBADF);
}

/* It is none, or one that nobody has signed. */
static int load_module(const char *arg)
{
	long rc;

	if (*arg == 'm')
		rc = syscall(SYS_init_module, "no module", 9, "");
	else
		rc = syscall(SYS_finit_module, open("/proc/self/exe", O_RDONLY), "", 0);
	return rc < 0 && errno == EKEYREJECTED ? 0 : answered(rc, arg, ENOEXEC);
}

static int unload_module(const char *arg)
{
	(void)arg;
	return answered(syscall(SYS_delete_module, "vps_none", O_NONBLOCK), "delete_module",
			ENOENT);
}

/* No swap space is on it: the kernel finds that when it has let the caller in. */
static int swap(const char *arg)
{
	int fd = open("swap", O_CREAT | O_RDWR, 0600);

	if (fd < 0)
		return untried("open");
	if (*arg == 'f')
		return answered(swapoff("swap"), "swapoff", EINVAL);
	return answered(swapon("swap", 0), "swapon", EINVAL);
}

static int sync_quota(const char *arg)
{
	(void)arg;
	return quotactl(QCMD(Q_SYNC, USRQUOTA), NULL, 0, NULL) < 0 ? refused("quotactl") : 0;
}

static int account(const char *arg)
{
	(void)arg;
	return answered(acct("/"), "acct", EISDIR);
}

#if defined(__x86_64__)
static int use_ports(const char *arg)
{
	if (*arg == 'l')
		return iopl(3) < 0 ? refused("iopl") : 0;
	return ioperm(0x80, 1, 1) < 0 ? refused("ioperm") : 0;
}
#endif

/* What it is already. */
static int three_keys(const char *arg)
{
	char now = '0';
	int fd = open("/proc/sys/kernel/ctrl-alt-del", O_RDONLY);

	(void)arg;
	if (fd < 0 || read(fd, &now, 1) < 0)
		return refused("read");
	return reboot(now == '0' ? RB_DISABLE_CAD : RB_ENABLE_CAD) < 0 ? refused("reboot") : 0;
}

/* ---- more than a share of it --------------------------------------- */

static int real_time(const char *arg)
{
	struct sched_param param = { .sched_priority = 1 };

	(void)arg;
	return sched_setscheduler(0, SCHED_FIFO, &param) < 0 ? refused("sched_setscheduler") : 0;
}

static int be_nicer(const char *arg)
{
	(void)arg;
	return setpriority(PRIO_PROCESS, 0, -20) < 0 ? refused("setpriority") : 0;
}

static int first_at_disks(const char *arg)
{
	(void)arg;
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		       IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 0)) < 0 ? refused("ioprio_set") : 0;
}

static int spared_by_oom(const char *arg)
{
	(void)arg;
	return write_text("/proc/self/oom_score_adj", "-1000") < 0 ? refused("oom_score_adj") : 0;
}

static int raise_limit(const char *arg)
{
	struct rlimit limit;

	(void)arg;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return untried("getrlimit");
	limit.rlim_max++;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? refused("setrlimit") : 0;
}

/* ---- a process of the host, by the number that it has there -------- */

/* Inside that number may be somebody else's. */
static int not_him(const char *step)
{
	char path[64], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", witness);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && read(fd, comm, sizeof(comm) - 1) > 0 && !strncmp(comm, WITNESS, 10))
		return 0;
	errno = ESRCH;
	return refused(step);
}

static int signal_him(const char *arg)
{
	(void)arg;
	return kill(witness, 0) < 0 ? refused("kill") : not_him("kill");
}

static int hold_him(const char *arg)
{
	(void)arg;
	return syscall(SYS_pidfd_open, witness, 0) < 0 ? refused("pidfd_open") :
		not_him("pidfd_open");
}

static int read_him(const char *arg)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", witness, arg);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? refused("open") : not_him("open");
}

static int trace_him(const char *arg)
{
	(void)arg;
	return ptrace(PTRACE_SEIZE, witness, NULL, NULL) < 0 ? refused("ptrace") :
		not_him("ptrace");
}

static int limit_him(const char *arg)
{
	struct rlimit limit;

	(void)arg;
	return prlimit(witness, RLIMIT_NOFILE, NULL, &limit) < 0 ? refused("prlimit") :
		not_him("prlimit");
}

static int join_him(const char *arg)
{
	int fd = (int)syscall(SYS_pidfd_open, witness, 0);

	(void)arg;
	if (fd < 0)
		return refused("pidfd_open");
	return setns(fd, CLONE_NEWUTS | CLONE_NEWIPC) < 0 ? refused("setns") : not_him("setns");
}

/* ---- other numbers of the same calls ------------------------------- */

#if defined(__x86_64__)
/* x32, which a filter has to know of. */
static int by_x32(const char *arg)
{
	union bpf_attr attr = { .start_id = 0 };

	(void)arg;
	return answered(syscall(0x40000000 | SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr)),
			"bpf", ENOENT);
}

static long call_32(long nr, long a, long b, long c, long d, long e)
{
	__asm__ volatile("int $0x80"
			 : "+a"(nr) : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	if (nr < 0 && nr > -4096) {
		errno = (int)-nr;
		return -1;
	}
	return nr;
}

/* What is below 4G can be pointed to. */
static int key_add_32(const char *arg)
{
	static char type[] = "user", name[] = "vps-evil";

	(void)arg;
	return call_32(286, (long)type, (long)name, (long)name, 1, KEY_SPEC_THREAD_KEYRING) < 0 ?
		refused("add_key") : 0;
}

/* The family is behind a pointer. */
static int vsock_32(const char *arg)
{
	static unsigned int args[3] = { 40, 1, 0 };

	(void)arg;
	return call_32(102, 1, (long)args, 0, 0, 0) < 0 ? refused("socketcall") : 0;
}
#endif

static const struct attempt attempts[] = {
	{ "key-session", key_session, NULL, 0 },
	{ "key-add", key_add, NULL, 0 },
	{ "key-request", key_request, NULL, 0 },
	{ "bpf-map", bpf_map, NULL, 0 },
	{ "bpf-load", bpf_load, NULL, 0 },
	{ "bpf-walk", bpf_walk, NULL, 0 },
	{ "perf-machine", perf_machine, NULL, 0 },
	{ "perf-own", perf_own, NULL, 0 },
	{ "io-uring", io_uring, NULL, 0 },
	{ "userfaultfd", user_faults, NULL, 0 },
	{ "fanotify-filesystem", watch_filesystem, NULL, 0 },
	{ "fanotify-judge", judge_opens, NULL, 0 },
	{ "kernel-log", kernel_log, NULL, 0 },
	{ "settimeofday", set_zone, NULL, 0 },
	{ "clock-settime", set_clock, NULL, 0 },
	{ "adjtimex", set_tick, "a", 0 },
	{ "clock-adjtime", set_tick, "c", 0 },
	{ "kexec", load_kernel, NULL, 0 },
	{ "kexec-file", load_kernel_file, NULL, 0 },
	{ "module", load_module, "memory", 0 },
	{ "module-file", load_module, "file", 0 },
	{ "module-unload", unload_module, NULL, 0 },
	{ "swapon", swap, "n", 0 },
	{ "swapoff", swap, "f", 0 },
	{ "quotactl", sync_quota, NULL, 0 },
	{ "acct", account, NULL, 0 },
#if defined(__x86_64__)
	{ "iopl", use_ports, "l", 0 },
	{ "ioperm", use_ports, "p", 0 },
	{ "x32-bpf", by_x32, NULL, 0 },
	{ "i386-add-key", key_add_32, NULL, 0 },
	{ "i386-vsock", vsock_32, NULL, 0 },
#endif
	{ "ctrl-alt-del", three_keys, NULL, 0 },
	{ "real-time", real_time, NULL, 0 },
	{ "nice", be_nicer, NULL, 0 },
	{ "ionice", first_at_disks, NULL, 0 },
	{ "oom-score", spared_by_oom, NULL, CAP_SYS_RESOURCE },
	{ "hard-limit", raise_limit, NULL, CAP_SYS_RESOURCE },
	{ "host-kill", signal_him, NULL, 0 },
	{ "host-pidfd", hold_him, NULL, 0 },
	{ "host-environ", read_him, "environ", 0 },
	{ "host-mem", read_him, "mem", 0 },
	{ "host-ns", read_him, "ns/net", 0 },
	{ "host-trace", trace_him, NULL, 0 },
	{ "host-prlimit", limit_him, NULL, 0 },
	{ "host-setns", join_him, NULL, 0 },
};

int main(int argc, char **argv)
{
	return tries_main(argc, argv, attempts, sizeof(attempts) / sizeof(*attempts));
}
