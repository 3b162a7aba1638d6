// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

#include "cli.h"

/* Executed by its descriptor, through a mount that nobody can write through. */
static bool is_sealed(int exe)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	struct statvfs fs;

	return name && !strncmp(name, "/dev/fd/", strlen("/dev/fd/")) &&
	       fstatvfs(exe, &fs) == 0 && fs.f_flag & ST_RDONLY;
}

int cli_seal_self(char **argv)
{
	_cleanup_(cli_closep) int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_(cli_closep) int wrapped = -1;

	if (exe < 0)
		return -errno;
	if (is_sealed(exe))
		/* execve of a descriptor leaves its number as the process's name. */
		return prctl(PR_SET_NAME, cli.name) < 0 ? -errno : 0;
	wrapped = vps_wrap_file(exe);
	if (wrapped < 0)
		return wrapped;
	fexecve(wrapped, argv, environ);
	return -errno;
}
