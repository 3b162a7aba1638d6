// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "program.h"
#include "util.h"

static const char *const places[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

/* Well above those that they will have in the program. */
#define COPY_MIN 16

static int start(const char *const *argv, int out, const int *fds, pid_t *ret_pid)
{
	static char *const environment[] = {
		(char *)"PATH=/usr/sbin:/sbin:/usr/bin:/bin", (char *)"LC_ALL=C", NULL
	};
	posix_spawn_file_actions_t actions;
	int err = ENOENT;
	char path[64];

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	for (int i = 0; i < VPS_PROGRAM_FDS && fds[i] >= 0; i++)
		posix_spawn_file_actions_adddup2(&actions, fds[i], STDERR_FILENO + 1 + i);
	for (size_t i = 0; err == ENOENT && i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], argv[0]);
		err = posix_spawn(ret_pid, path, &actions, NULL, (char *const *)argv,
				  environment);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static int start_with_copies(const char *const *argv, int out, const int *fds, pid_t *ret_pid)
{
	int copies[VPS_PROGRAM_FDS] = { -1, -1, -1 };
	int rc = 0;

	for (int i = 0; !rc && i < VPS_PROGRAM_FDS && fds[i] >= 0; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, COPY_MIN);
		rc = copies[i] < 0 ? -errno : 0;
	}
	rc = rc ?: start(argv, out, copies, ret_pid);
	for (int i = 0; i < VPS_PROGRAM_FDS; i++)
		closep(&copies[i]);
	return rc;
}

/* The last line that is not empty and does not go on with the one before, cut to @size. */
static void read_last_line(int fd, char *line, size_t size)
{
	_cleanup_(fclosep) FILE *in = fdopen(fd, "re");
	_cleanup_(freep) char *text = NULL;
	size_t room = 0;

	*line = '\0';
	if (!in) {
		close(fd);
		return;
	}
	while (getline(&text, &room, in) > 0) {
		char *end = text + strcspn(text, "\r\n");

		*end = '\0';
		if (*text && *text != ' ' && *text != '\t')
			snprintf(line, size, "%s", text);
	}
}

/* "resize2fs: New size smaller than minimum", with the name once. */
static void note_said(const char *name, const char *said, struct vps_fault *fault)
{
	bool named = !strncmp(said, name, strlen(name));
	char object[256];

	snprintf(object, sizeof(object), "%s%s%s", named ? "" : name, named ? "" : ": ", said);
	vps_refuse(fault, 0, "failed", object);
}

int vps_program_run(const char *const *argv, const int fds[VPS_PROGRAM_FDS],
		    struct vps_fault *fault)
{
	_cleanup_(closep) int out = -1;
	int pipes[2], status, rc;
	char said[200];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return vps_fault(fault, -errno, "run", argv[0]);
	/* Above those that @fds become. */
	out = fcntl(pipes[1], F_DUPFD_CLOEXEC, COPY_MIN);
	rc = out < 0 ? -errno : 0;
	close(pipes[1]);
	rc = rc ?: start_with_copies(argv, out, fds, &pid);
	closep(&out);
	out = -1;
	if (rc) {
		close(pipes[0]);
		return rc == -ENOENT ? vps_refuse(fault, rc, "not found", argv[0]) :
				       vps_fault(fault, rc, "run", argv[0]);
	}
	read_last_line(pipes[0], said, sizeof(said));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return vps_fault(fault, -errno, "wait for", argv[0]);
	if (!WIFEXITED(status))
		return vps_refuse(fault, -EIO, "was killed", argv[0]);
	if (WEXITSTATUS(status))
		note_said(argv[0], said, fault);
	return WEXITSTATUS(status);
}
