// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "cli.h"

struct cli cli = { .name = "vps", .failed = CLI_FAILED, .usage = CLI_USAGE };

static bool keep_fds;

void cli_keep_fds(void)
{
	keep_fds = true;
}

/*
 * A standard descriptor that is closed would be taken by the next file opened. It gets
 * /dev/null the wrong way round, so that its use still fails as on a closed one.
 */
static void fill_stdio(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(cli.failed);
	}
}

/* A full disk must not look like success; exit status is all that can be changed here. */
static void check_stdout(void)
{
	int err = cli.output_err;

	if (!err && ferror(stdout))
		err = -EIO;
	if (fclose(stdout) && !err)
		err = -errno;
	if (!err)
		return;
	cli_warn(err, "stdout");
	_exit(cli.failed);
}

void cli_init(const char *name, int failed, int usage)
{
	cli.name = name;
	cli.failed = failed;
	cli.usage = usage;
	fill_stdio();
	if (!keep_fds && close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		cli_die(failed, -errno, "close_range");
	if (atexit(check_stdout))
		cli_die(failed, 0, "atexit: no room");
}

int cli_exit_status(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}
