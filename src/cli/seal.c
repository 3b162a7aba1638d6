// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>

#include "cli.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Kernels before 6.3 do not know MFD_EXEC; later ones may be set to demand it. */
static int make_memfd(void)
{
	int fd = memfd_create(cli.name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(cli.name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int copy(int to, int from)
{
	ssize_t n;

	do
		n = sendfile(to, from, NULL, 1 << 20);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

int cli_seal_self(char **argv)
{
	_cleanup_(cli_closep) int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_(cli_closep) int memfd = -1;
	int seals, err;

	if (exe < 0)
		return -errno;
	seals = fcntl(exe, F_GET_SEALS);
	if (seals >= 0 && (seals & SEALS) == SEALS)
		/* execve of a descriptor leaves its number as the process's name. */
		return prctl(PR_SET_NAME, cli.name) < 0 ? -errno : 0;
	memfd = make_memfd();
	if (memfd < 0)
		return -errno;
	err = copy(memfd, exe);
	if (err)
		return err;
	if (fcntl(memfd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	fexecve(memfd, argv, environ);
	return -errno;
}
