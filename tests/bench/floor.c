// SPDX-License-Identifier: GPL-2.0-or-later
/* floor ROOT CMD...: what five namespaces, a new root and an exec cost at the least. */
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
			      CLONE_NEWCGROUP | SIGCHLD;
	pid_t pid = argc < 3 ? -1 : (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	int status;

	if (pid < 0)
		err(125, "clone");
	if (pid > 0)
		return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 125;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(argv[1], argv[1], NULL, MS_BIND | MS_REC, NULL) || chdir(argv[1]) ||
	    syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH))
		err(125, "%s", argv[1]);
	execv(argv[2], argv + 2);
	err(127, "%s", argv[2]);
}
