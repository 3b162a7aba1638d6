// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that are the old one or the new one, whole, at every instant. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/* What an exit before the end leaves to be removed; one at a time. */
static char *temporary;

static void remove_temporary(void)
{
	if (temporary)
		unlink(temporary);
}

/* A name that no pattern as "*.prom" finds, on the same file system. */
static char *make_template(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;
	char *text;

	if (asprintf(&text, "%.*s.%s.XXXXXX", dir, path, path + dir) < 0)
		cli_die(cli.failed, -ENOMEM, "%s", path);
	return text;
}

int cli_replace_open(const char *path)
{
	static bool registered;
	mode_t mask = umask(0);
	struct stat st;
	int fd;

	umask(mask);
	/* What is a device or a link would be one no longer. */
	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		cli_die(cli.failed, 0, "%s: is no plain file", path);
	if (!registered && atexit(remove_temporary))
		cli_die(cli.failed, 0, "atexit: no room");
	registered = true;
	temporary = make_template(path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		int err = -errno;

		free(temporary);
		temporary = NULL;
		cli_die(cli.failed, err, "%s", path);
	}
	if (fchmod(fd, 0666 & ~mask) < 0)
		cli_die(cli.failed, -errno, "%s", path);
	return fd;
}

int cli_replace_commit(const char *path, int fd)
{
	int err = 0;

	if (fsync(fd) < 0 || rename(temporary, path) < 0)
		err = -errno;
	if (err) {
		cli_warn(err, "%s", path);
		return err;
	}
	free(temporary);
	temporary = NULL;
	return 0;
}

int cli_replace_stdout(const char *path)
{
	int fd = cli_replace_open(path);

	if (dup2(fd, STDOUT_FILENO) < 0)
		cli_die(cli.failed, -errno, "%s", path);
	return fd;
}

int cli_replace_stdout_end(const char *path, int fd, bool whole)
{
	int err = 0;

	if (fflush(stdout))
		cli.output_err = -errno;
	if (whole && !cli.output_err && !ferror(stdout))
		err = cli_replace_commit(path, fd);
	close(fd);
	return err;
}
