/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs of attempts share: PROGRAM [-c] [-p PID] [-u UID [-n]] [-w WHO] makes all
 * attempts of its table, each in a process and a directory of its own, and prints a line for
 * each:
 *
 *	WHO NAME done                    it worked
 *	WHO NAME refused STEP ERRNO
 *	WHO NAME closed STEP ERRNO       the kernel closed that hole, and all it takes was there
 *	WHO NAME untried STEP ERRNO      it could not even begin
 *	WHO NAME died SIGNAL
 *
 * -c: the control, without a wall, as the host's root; what must not reach the host (mounts) is
 * made in namespaces of its own. -n: as root of a user namespace that the user makes for himself.
 * -p: a process of the host, by its number there, which is this program with -s, called WITNESS.
 * Static, so that it runs in any tree.
 */
#ifndef TRIES_H
#define TRIES_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a host's process that attempts look for is called. */
#define WITNESS "vpswitness"

/**
 * struct attempt - one way out
 * @arg: of @run, so that many may share it
 * @cap: what the control needs besides (a capability), or 0
 */
struct attempt {
	const char *name;
	int (*run)(const char *arg);
	const char *arg;
	int cap;
};

static const char *who = "-", *trying;
static bool control;
static pid_t witness;

static int say(const char *what, const char *step)
{
	printf("%s %s %s %s %s\n", who, trying, what, step, strerrorname_np(errno) ?: "?");
	return 1;
}

static inline int refused(const char *step)
{
	return say("refused", step);
}

static inline int closed(const char *step)
{
	return say("closed", step);
}

static inline int untried(const char *step)
{
	return say("untried", step);
}

/* Of a call that is harmless because it is wrong: @reached is how the kernel says so. */
static inline int answered(long rc, const char *step, int reached)
{
	return rc < 0 && errno != reached ? refused(step) : 0;
}

static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

/* A user namespace with the caller as its root, and namespaces of @flags. */
static inline int become_nested(int flags)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[32];

	if (unshare(CLONE_NEWUSER | flags) < 0)
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (write_text("/proc/self/uid_map", map) < 0 ||
	    write_text("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return write_text("/proc/self/gid_map", map);
}

static inline bool has_cap(int cap)
{
	struct { unsigned int version; int pid; } head = { 0x20080522, 0 };
	struct { unsigned int effective, permitted, inheritable; } data[2];

	return !syscall(SYS_capget, &head, data) &&
	       data[cap / 32].effective & 1U << (cap % 32);
}

static inline int make_attempt(const struct attempt *a)
{
	char dir[] = "try.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return untried("mkdtemp");
	if (control && a->cap && !has_cap(a->cap)) {
		errno = ENOTSUP;
		return refused("capability");
	}
	if (control && (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) < 0 ||
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		return untried("unshare");
	alarm(20);
	if (a->run(a->arg))
		return 1;
	printf("%s %s done\n", who, trying);
	return 0;
}

static inline void make_all(const struct attempt *attempts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int status;
		pid_t pid;

		trying = attempts[i].name;
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			exit(make_attempt(&attempts[i]));
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			untried("fork");
		else if (WIFSIGNALED(status))
			printf("%s %s died %d\n", who, trying, WTERMSIG(status));
	}
}

static inline int become_user(uid_t uid)
{
	/* Who changed his user may map ids of a namespace when he may be looked into again. */
	return setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	       setresuid(uid, uid, uid) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 ? -1 : 0;
}

static inline int tries_main(int argc, char **argv, const struct attempt *attempts, size_t count)
{
	bool nested = false;
	uid_t uid = 0;
	int opt;

	while ((opt = getopt(argc, argv, "cnp:su:w:")) >= 0) {
		switch (opt) {
		case 'c': control = true; break;
		case 'n': nested = true; break;
		case 'p': witness = atoi(optarg); break;
		case 's': return pause();
		case 'u': uid = (uid_t)atoi(optarg); break;
		case 'w': who = optarg; break;
		default: return 2;
		}
	}
	if ((uid && become_user(uid) < 0) || (nested && become_nested(CLONE_NEWNS) < 0)) {
		perror("become the user");
		return 2;
	}
	make_all(attempts, count);
	return fflush(stdout) ? 2 : 0;
}

#endif
