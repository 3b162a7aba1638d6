// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys.h"
#include "vps.h"

/* In a child: there is no way back from a scope. */
int vps_host_scopes_sockets(struct vps_host *host)
{
	int status;
	pid_t pid;

	(void)host;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(vps_sys_landlock_scope() ? 1 : 0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOTSUP;
}
