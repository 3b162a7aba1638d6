// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "cli.h"
#include "terminal.h"

/*
 * O_NONBLOCK set on an inherited descriptor would stay with the shell that shares it, so
 * the terminal is opened anew. Where that is not permitted its writes block.
 */
static int reopen(int fd, int mode)
{
	char path[32];
	int new_fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	new_fd = open(path, mode | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (new_fd < 0)
		new_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return new_fd;
}

/* Where stdout and stderr are redirected, echo still belongs on the terminal. */
static int find_output(void)
{
	int fd;

	for (fd = 1; fd <= 2; fd++)
		if (isatty(fd))
			return fd;
	return 0;
}

/* c_cflag and speeds are left out: a driver may change what it was asked for. */
static bool is_mode(int fd, const struct termios *mode)
{
	struct termios now;

	return tcgetattr(fd, &now) == 0 && now.c_iflag == mode->c_iflag &&
	       now.c_oflag == mode->c_oflag && now.c_lflag == mode->c_lflag;
}

/* A session of its own, so that no signal of the terminal or to the job reaches it. */
static noreturn void guard(const struct cli_terminal *term, int leash)
{
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	if (dup2(term->in, 0) < 0 || dup2(leash, 1) < 0 || close_range(2, ~0U, 0) < 0)
		_exit(CLI_FAILED);
	while (read(1, &byte, 1) < 0 && errno == EINTR)
		;
	if (is_mode(0, &term->raw))
		tcsetattr(0, TCSANOW, &term->before);
	_exit(CLI_OK);
}

static int start_guardian(struct cli_terminal *term)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		guard(term, ends[0]);
	close(ends[0]);
	term->leash = ends[1];
	if (pid < 0)
		return -errno;
	term->guardian = pid;
	return 0;
}

int cli_terminal_open(struct cli_terminal *term)
{
	int out = find_output();

	*term = (struct cli_terminal){ .in = -1, .out = -1, .leash = -1 };
	if (tcgetattr(isatty(0) ? 0 : out, &term->before) < 0)
		return -errno;
	term->raw = term->before;
	cfmakeraw(&term->raw);
	term->out = reopen(out, O_WRONLY);
	if (!isatty(0))
		return 0;
	term->in = reopen(0, O_RDONLY);
	if (term->in < 0)
		return -errno;
	return start_guardian(term);
}

void cli_terminal_raw(struct cli_terminal *term)
{
	if (term->in < 0)
		return;
	while (tcsetattr(term->in, TCSANOW, &term->raw) < 0 && errno == EINTR)
		;
}

void cli_terminal_restore(struct cli_terminal *term)
{
	if (term->in >= 0 && is_mode(term->in, &term->raw))
		tcsetattr(term->in, TCSANOW, &term->before);
}

void cli_terminal_close(struct cli_terminal *term)
{
	cli_terminal_restore(term);
	cli_closep(&term->leash);
	if (term->guardian > 0)
		while (waitpid(term->guardian, NULL, 0) < 0 && errno == EINTR)
			;
	cli_closep(&term->in);
	cli_closep(&term->out);
}
