/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a piece of code writes to a standard descriptor. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct capture {
	int fd;
	int saved;
	FILE *file;
	char text[8192];
};

__attribute__((unused))
static void capture_begin(struct capture *capture, int fd)
{
	fflush(NULL);
	capture->fd = fd;
	capture->saved = dup(fd);
	capture->file = tmpfile();
	if (!capture->file || dup2(fileno(capture->file), fd) < 0)
		abort();
}

__attribute__((unused))
static const char *capture_end(struct capture *capture)
{
	size_t n;

	fflush(NULL);
	dup2(capture->saved, capture->fd);
	close(capture->saved);
	rewind(capture->file);
	n = fread(capture->text, 1, sizeof(capture->text) - 1, capture->file);
	capture->text[n] = '\0';
	fclose(capture->file);
	return capture->text;
}

/* The exit status of @run in a process of its own, whose output is captured as well. */
__attribute__((unused))
static int capture_exit(struct capture *capture, int fd, void (*run)(void))
{
	int status = -1;
	pid_t pid;

	capture_begin(capture, fd);
	pid = fork();
	if (pid == 0) {
		run();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	capture_end(capture);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif /* CAPTURE_H */
