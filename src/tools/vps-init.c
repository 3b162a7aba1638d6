// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first process of a VPS that has no init of its own. Static, without a library: it
 * runs in trees that may hold none, and stays in memory once per VPS.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RC		"/etc/rc"
#define RC_SHUTDOWN	"/etc/rc.shutdown"

/* Together less than vps-stop waits for a first process. */
#define RC_SHUTDOWN_MS	20000
#define TERM_MS		5000
#define KILL_MS		2000

#define POLL_MS		50
#define FOREVER		INT64_MAX

enum {
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NORUN = 126,
	EXIT_NOENT = 127,
};

static const char help[] =
	"Usage: vps-init [OPTION...] [--] [CMD...]\n"
	"The first process of a VPS: runs " RC ", or CMD and ends with it.\n"
	"\n"
	"  --help             show this text\n"
	"  --version          show the version\n";

/* Blocked for good, so that none is lost between two looks. */
static sigset_t handled;

/**
 * struct task - what was started by name, unlike the orphans that come by
 * @pid: 0 when it has ended
 * @status: its wait status then
 */
struct task {
	const char *name;
	pid_t pid;
	int status;
};

/* A message is one write, so that it stays one line among the output of others. */
static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	char line[256] = "vps-init: ";
	const size_t used = strlen(line);
	ssize_t written;
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	va_end(args);
	len = strlen(line);
	line[len++] = '\n';
	/* Nobody is left to tell of a console that cannot be written to. */
	written = write(STDERR_FILENO, line, len);
	(void)written;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The next signal, or 0 when it is @deadline. */
static int wait_signal(int64_t deadline)
{
	int64_t left = deadline == FOREVER ? FOREVER : deadline - now_ms();
	struct timespec timeout;
	int signal;

	if (left < 0)
		left = 0;
	timeout.tv_sec = left / 1000;
	timeout.tv_nsec = left % 1000 * 1000000;
	do
		signal = sigtimedwait(&handled, NULL, deadline == FOREVER ? NULL : &timeout);
	while (signal < 0 && errno == EINTR);
	return signal < 0 ? 0 : signal;
}

/* ---- processes ---------------------------------------------------------------- */

static noreturn void execute(char *const *argv)
{
	int err;

	sigprocmask(SIG_UNBLOCK, &handled, NULL);
	setsid();
	execvp(argv[0], argv);
	err = errno;
	say("%s: %s", argv[0], strerror(err));
	_exit(err == ENOENT ? EXIT_NOENT : EXIT_NORUN);
}

static struct task start(char *const *argv)
{
	struct task task = { .name = argv[0], .pid = fork() };

	if (task.pid == 0)
		execute(argv);
	if (task.pid < 0) {
		say("%s: fork: %s", task.name, strerror(errno));
		task.pid = 0;
		task.status = EXIT_NORUN << 8;
	}
	return task;
}

/* Reaps whoever has ended, @task (or NULL) among them; false when no child is left. */
static bool reap(struct task *task)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!task || pid != task->pid)
			continue;
		task->pid = 0;
		task->status = status;
	}
	return pid == 0;
}

static void say_end(const struct task *task)
{
	if (WIFSIGNALED(task->status))
		say("%s: killed by signal %d", task->name, WTERMSIG(task->status));
	else if (WEXITSTATUS(task->status))
		say("%s: exit status %d", task->name, WEXITSTATUS(task->status));
}

static bool is_alone(void)
{
	return kill(-1, 0) < 0 && errno == ESRCH;
}

static bool wait_alone(int64_t timeout)
{
	int64_t deadline = now_ms() + timeout;
	int64_t until;
	bool children;

	for (;;) {
		children = reap(NULL);
		if (is_alone())
			return true;
		if (now_ms() >= deadline)
			return false;
		/* Who was brought in from outside is nobody's child here: its end is silent. */
		until = children ? deadline : now_ms() + POLL_MS;
		wait_signal(until < deadline ? until : deadline);
	}
}

static void end_all(void)
{
	kill(-1, SIGTERM);
	/* Who is stopped would not see it. */
	kill(-1, SIGCONT);
	if (wait_alone(TERM_MS))
		return;
	say("killing what does not end");
	kill(-1, SIGKILL);
	wait_alone(KILL_MS);
}

/* ---- the end --------------------------------------------------------------------- */

static void run_rc_shutdown(void)
{
	char *argv[] = { RC_SHUTDOWN, NULL };
	int64_t deadline = now_ms() + RC_SHUTDOWN_MS;
	struct task task;

	if (access(RC_SHUTDOWN, X_OK) < 0)
		return;
	task = start(argv);
	/* Whatever else is asked for now: the first request stands. */
	while (reap(&task), task.pid) {
		if (!wait_signal(deadline)) {
			say("%s: not ended within %d s", RC_SHUTDOWN, RC_SHUTDOWN_MS / 1000);
			return;
		}
	}
	say_end(&task);
}

/* Inside a pid namespace reboot(2) ends that namespace; the file systems are the host's. */
static noreturn void shut_down(int how, bool has_rc)
{
	if (has_rc)
		run_rc_shutdown();
	end_all();
	reboot(how);
	say("reboot: %s", strerror(errno));
	_exit(EXIT_FAILED);
}

/* What busybox's halt, poweroff and reboot send, ctrl-alt-del and the power's failing. */
static int reboot_command(int signal)
{
	switch (signal) {
	case SIGUSR1:
		return RB_HALT_SYSTEM;
	case SIGUSR2:
	case SIGPWR:
		return RB_POWER_OFF;
	case SIGTERM:
	case SIGINT:
		return RB_AUTOBOOT;
	}
	return 0;
}

/* ---- the two ways to live ------------------------------------------------------ */

static noreturn void run_rc(void)
{
	char *argv[] = { RC, NULL };
	struct task task = { 0 };
	bool running;
	int how;

	if (access(RC, X_OK) == 0)
		task = start(argv);
	else if (errno != ENOENT)
		say("%s: %s", RC, strerror(errno));
	for (;;) {
		how = reboot_command(wait_signal(FOREVER));
		if (how)
			shut_down(how, true);
		running = task.pid;
		reap(&task);
		if (running && !task.pid)
			say_end(&task);
	}
}

static noreturn void run_command(char *const *argv)
{
	struct task task = start(argv);
	int signal, how;

	while (task.pid) {
		signal = wait_signal(FOREVER);
		how = reboot_command(signal);
		if (how)
			shut_down(how, false);
		if (signal != SIGCHLD)
			kill(task.pid, signal);
		reap(&task);
	}
	end_all();
	_exit(WIFSIGNALED(task.status) ? 128 + WTERMSIG(task.status) :
					 WEXITSTATUS(task.status));
}

static noreturn void print(const char *text)
{
	fputs(text, stdout);
	if (fclose(stdout)) {
		say("standard output: %s", strerror(errno));
		exit(EXIT_FAILED);
	}
	exit(0);
}

/* By hand: popt is much for a program that stays. Returns where CMD begins. */
static int parse(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] != '-')
		return 1;
	if (!strcmp(argv[1], "--"))
		return 2;
	if (!strcmp(argv[1], "--help"))
		print(help);
	if (!strcmp(argv[1], "--version"))
		print("vps-init " VPS_VERSION "\n");
	for (char *p = argv[1]; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';	/* a terminal would obey it */
	say("%s: unknown option (see --help)", argv[1]);
	exit(EXIT_USAGE);
}

int main(int argc, char **argv)
{
	int command = parse(argc, argv);

	if (getpid() != 1) {
		say("is not the first process of a VPS");
		return EXIT_FAILED;
	}
	/* A first process is not even sent what it neither blocks nor catches. */
	sigfillset(&handled);
	sigdelset(&handled, SIGPIPE);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	/* Executed by descriptor, it would be called by that descriptor's number. */
	prctl(PR_SET_NAME, "vps-init");
	umask(022);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
	if (command < argc)
		run_command(argv + command);
	run_rc();
}
