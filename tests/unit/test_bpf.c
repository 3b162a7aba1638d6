// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How the end of a VPS's first process is noted. Needs root and BPF. Works on a bpffs of
 * its own in a mount namespace of its own: what the host has pinned is not touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf.h"
#include "sys.h"
#include "util.h"

#define BPFFS "/sys/fs/bpf"

static int failures, count;

static void check(bool ok, const char *name, int got)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++count, name);
	if (!ok) {
		printf("# got %d\n", got);
		failures++;
	}
}

static void check_is(int got, int want, const char *name)
{
	check(got == want, name, got);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- ways to end -------------------------------------------------------------- */

static void end_restart(void)
{
	reboot(RB_AUTOBOOT);
}

static void end_halt(void)
{
	reboot(RB_HALT_SYSTEM);
}

static void end_poweroff(void)
{
	reboot(RB_POWER_OFF);
}

static void end_exit(void)
{
}

static void end_killed(void)
{
	pause();
}

static void restart_by_child(void)
{
	if (fork() == 0)
		reboot(RB_AUTOBOOT);
	pause();
}

static void *thread_pause(void *arg)
{
	pause();
	return arg;
}

static void *thread_restart(void *arg)
{
	_Atomic int *leader = arg;

	while (leader && *leader)
		syscall(SYS_futex, leader, FUTEX_WAIT, 1, NULL);
	reboot(RB_AUTOBOOT);
	return arg;
}

static void restart_among_threads(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&thread, NULL, thread_pause, NULL);
	reboot(RB_AUTOBOOT);
}

static void restart_by_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_restart, NULL);
	pause();
}

static void restart_after_leader(void)
{
	static _Atomic int alive = 1;
	pthread_t thread;

	/* The kernel clears it and wakes who waits when this thread has ended. */
	syscall(SYS_set_tid_address, &alive);
	pthread_create(&thread, NULL, thread_restart, (void *)&alive);
	syscall(SYS_exit, 0);
}

static void restart_of_inner(void)
{
	int pidfd;
	pid_t pid = vps_sys_clone(CLONE_NEWPID, &pidfd);

	if (pid == 0)
		reboot(RB_AUTOBOOT);
	waitpid(pid, NULL, 0);
}

/* ---- one first process ----------------------------------------------------------- */

struct init {
	pid_t pid;
	uint64_t start;
	int go;
};

static struct init init_new(void (*end)(void))
{
	struct vps_proc_stat stat;
	struct init init;
	int pidfd, fds[2];
	char byte;

	must(pipe2(fds, O_CLOEXEC) == 0, "pipe");
	init.pid = vps_sys_clone(CLONE_NEWPID, &pidfd);
	must(init.pid >= 0, "clone3");
	if (init.pid == 0) {
		close(fds[1]);
		must(read(fds[0], &byte, 1) == 0, "read");
		end();
		_exit(0);
	}
	close(fds[0]);
	close(pidfd);
	must(vps_proc_stat(init.pid, &stat) == 0, "stat");
	init.start = stat.start;
	init.go = fds[1];
	return init;
}

static void init_end(const struct init *init, bool kill_it)
{
	if (kill_it)
		kill(init->pid, SIGKILL);
	close(init->go);
	must(waitpid(init->pid, NULL, 0) == init->pid, "waitpid");
}

static const struct {
	const char *name;
	void (*end)(void);
	int want;
	bool kill;
} ends[] = {
	{ "restart", end_restart, SIGHUP, false },
	{ "halt", end_halt, SIGINT, false },
	{ "power-off", end_poweroff, SIGINT, false },
	{ "exit", end_exit, 0, false },
	{ "killed from outside", end_killed, 0, true },
	{ "restart by a child", restart_by_child, SIGHUP, false },
	{ "restart by the leader of threads", restart_among_threads, SIGHUP, false },
	{ "restart by a thread", restart_by_thread, SIGHUP, false },
	{ "restart by a thread that outlived the leader", restart_after_leader, SIGHUP, false },
	{ "restart of an inner pid namespace only", restart_of_inner, 0, false },
};

static void test_ends(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		struct init init = init_new(ends[i].end);

		must(vps_bpf_watch_init(init.pid, init.start) == 0, "watch");
		init_end(&init, ends[i].kill);
		check_is(vps_bpf_reboot_signal(init.pid, init.start), ends[i].want, ends[i].name);
		must(vps_bpf_forget_init(init.pid, init.start) == 0, "forget");
	}
}

static void test_not_watched(void)
{
	struct init init = init_new(end_restart);

	init_end(&init, false);
	check_is(vps_bpf_reboot_signal(init.pid, init.start), -ENOENT,
		 "who is not watched makes no entry");
	check_is(vps_bpf_forget_init(init.pid, init.start), -ENOENT, "nor can it be forgotten");
}

static void test_forgotten(void)
{
	struct init init = init_new(end_restart);

	must(vps_bpf_watch_init(init.pid, init.start) == 0, "watch");
	check_is(vps_bpf_reboot_signal(init.pid, init.start), 0, "nothing noted while it runs");
	check_is(vps_bpf_reboot_signal(init.pid, init.start + 1), -ENOENT,
		 "the same pid at another time is another process");
	check_is(vps_bpf_forget_init(init.pid, init.start), 0, "forget");
	init_end(&init, false);
	check_is(vps_bpf_reboot_signal(init.pid, init.start), -ENOENT, "forgotten stays so");
}

/* Watched from inside a pid namespace of the host's: the pid is that namespace's. */
static void test_inner_host(void)
{
	int pidfd, status;
	pid_t pid = vps_sys_clone(CLONE_NEWPID | CLONE_NEWNS, &pidfd);

	must(pid >= 0, "clone3");
	if (pid == 0) {
		struct init init;
		int got;

		must(mount("proc", "/proc", "proc", 0, NULL) == 0, "mount /proc");
		init = init_new(end_restart);
		must(vps_bpf_watch_init(init.pid, init.start) == 0, "watch");
		init_end(&init, false);
		got = vps_bpf_reboot_signal(init.pid, init.start);
		vps_bpf_forget_init(init.pid, init.start);
		_exit(got == SIGHUP ? 0 : 1);
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	check_is(status, 0, "watched from within a pid namespace");
}

/* ---- the pins ---------------------------------------------------------------------- */

static void mount_private(void)
{
	must(unshare(CLONE_NEWNS) == 0, "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "make mounts private");
	while (umount2(BPFFS, MNT_DETACH) == 0)
		;
}

static void test_probe(void)
{
	struct statfs fs;

	check_is(vps_bpf_probe(), 0, "probe");
	must(statfs(BPFFS, &fs) == 0, "statfs");
	check(fs.f_type == SYSFS_MAGIC, "probe mounts nothing", (int)fs.f_type);
	check_is(vps_bpf_reboot_signal(1, 1), -ENOENT, "nothing is watched before the first");
}

static void test_first_users(void)
{
	int i, bad = 0, status, mounts = 0;

	for (i = 0; i < 8; i++)
		if (fork() == 0)
			_exit(vps_bpf_watch_init(1000 + i, 1) ? 1 : 0);
	while (wait(&status) > 0)
		bad += status != 0;
	check_is(bad, 0, "first users at the same time");
	for (bad = i = 0; i < 8; i++)
		bad += vps_bpf_forget_init(1000 + i, 1) != 0;
	check_is(bad, 0, "they share one map");
	while (umount2(BPFFS, MNT_DETACH) == 0)
		mounts++;
	check_is(mounts, 1, "and one bpffs");
	check_is(vps_bpf_prepare(), 0, "prepare");
}

static void test_half_pinned(void)
{
	must(unlink(BPFFS "/vps/v1/init_reboot") == 0, "unlink");
	check_is(vps_bpf_prepare(), 0, "a pin left by a killed loader is replaced");
}

static void test_owner(void)
{
	must(chown(BPFFS "/vps", 1000, 0) == 0, "chown");
	check_is(vps_bpf_watch_init(1, 1), -EPERM, "a stranger's directory is not trusted");
	check_is(vps_bpf_probe(), -EPERM, "probe says so");
	must(chown(BPFFS "/vps", 0, 0) == 0, "chown");
}

int main(void)
{
	if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		puts("1..0 # SKIP requires root and BPF type information");
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	mount_private();
	test_probe();
	test_first_users();
	test_half_pinned();
	test_owner();
	test_ends();
	test_not_watched();
	test_forgotten();
	test_inner_host();
	printf("1..%d\n", count);
	return failures != 0;
}
