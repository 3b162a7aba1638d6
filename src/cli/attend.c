// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <termios.h>

#include "cli.h"

/*
 * Before the command runs, which may ask at once: keys as the user has them, the window's
 * size; lines are ended once, on the way to the terminal.
 */
static void copy_terminal(int from, int slave)
{
	struct termios modes;
	struct winsize size;

	if (tcgetattr(from, &modes) == 0) {
		if (from != 0)
			modes.c_oflag &= ~(tcflag_t)OPOST;
		tcsetattr(slave, TCSANOW, &modes);
	}
	if (ioctl(from, TIOCGWINSZ, &size) == 0)
		ioctl(slave, TIOCSWINSZ, &size);
}

void cli_pty_stdio(const struct cli_pty *pty, int stdio[3])
{
	copy_terminal(isatty(0) ? 0 : isatty(1) ? 1 : 2, pty->slave);
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd))
			stdio[fd] = pty->slave;
}

void cli_pty_open(struct cli_pty *pty, int stdio[3])
{
	if (!cli_has_tty())
		return;
	pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->master < 0 || unlockpt(pty->master) < 0)
		cli_die(cli.failed, -errno, "/dev/ptmx");
	pty->slave = ioctl(pty->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->slave < 0)
		cli_die(cli.failed, -errno, "/dev/ptmx");
	cli_pty_stdio(pty, stdio);
}

/* Of /proc/PID/status: is it the first one of a pid namespace, and which signals it handles. */
static bool is_deaf_init(pid_t pid, int signal)
{
	char path[32], line[256];
	uint64_t caught = 0;
	bool init = false;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		if (!strncmp(line, "NSpid:", 6))
			init = !strcmp(strrchr(line, '\t') ?: "", "\t1\n");
		sscanf(line, "SigCgt: %" SCNx64, &caught);
	}
	if (status)
		fclose(status);
	return init && !(caught & 1ULL << (signal - 1));
}

void cli_pass_signal(const struct vps_child *child, int signal)
{
	/* The kernel spares the first process of a pid namespace what it does not handle. */
	if (is_deaf_init(child->pid, signal))
		signal = SIGKILL;
	pidfd_send_signal(child->pidfd, signal, NULL, 0);
}

/* Those that mean the command, but for what the caller wants ignored (nohup). */
static void passed_signals(sigset_t *ret_set)
{
	static const int passed[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
	struct sigaction action;

	sigemptyset(ret_set);
	for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
		sigaction(passed[i], NULL, &action);
		if (action.sa_handler != SIG_IGN)
			sigaddset(ret_set, passed[i]);
	}
}

static bool has_ended(const struct vps_child *child)
{
	siginfo_t info = { 0 };

	return waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid;
}

static int wait_passing_on(struct vps_child *child)
{
	int status, signal, rc;
	sigset_t set;

	passed_signals(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Asked each time anew: it may have ended before the signals were blocked. */
	while (!has_ended(child)) {
		signal = sigwaitinfo(&set, NULL);
		if (signal > 0 && signal != SIGCHLD)
			cli_pass_signal(child, signal);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	rc = vps_child_wait(child, &status);
	if (!rc)
		return status;
	cli_warn(rc, "the command");
	return CLI_EXEC_FAILED << 8;
}

int cli_pty_attend(struct cli_pty *pty, struct vps_child *child)
{
	if (pty->master < 0)
		return wait_passing_on(child);
	close(pty->slave);
	return cli_pty_run(pty->master, child);
}
