// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "child.h"
#include "util.h"

extern char **environ;

int vps_step_socket(int ret_sockets[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_sockets) < 0 ?
		-errno : 0;
}

/* Room for one descriptor beside the step. */
union control {
	struct cmsghdr header;
	char buf[CMSG_SPACE(sizeof(int))];
};

static int send_step(int socket, struct vps_step *step)
{
	struct iovec iov = { .iov_base = step, .iov_len = sizeof(*step) };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (step->fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &step->fd, sizeof(int));
	}
	while (sendmsg(socket, &msg, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int vps_step_done(int socket, pid_t pid, int fd)
{
	struct vps_step step = { .pid = pid, .fd = fd };

	return send_step(socket, &step);
}

int vps_step_go_on(int socket, int fd, struct vps_fault *fault)
{
	int rc = vps_step_done(socket, 0, fd);

	return rc && rc != -EPIPE ? vps_fault(fault, rc, "have its process go on", "") : 0;
}

int vps_step_wait(int socket, struct vps_step *ret_step)
{
	struct iovec iov = { .iov_base = ret_step, .iov_len = sizeof(*ret_step) };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	ssize_t n;

	*ret_step = (struct vps_step){ .fd = -1 };
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return vps_fault(&ret_step->fault, -errno, "hear of its process", "");
	if (n < 0)
		return -EPIPE;
	if ((size_t)n != sizeof(*ret_step))
		return -EPIPE;
	ret_step->fd = -1;
	if (msg.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(&ret_step->fd, CMSG_DATA(&control.header), sizeof(int));
	return ret_step->err;
}

int vps_step_execute(int socket, struct vps_fault *fault)
{
	struct vps_step step;
	int rc = vps_step_go_on(socket, -1, fault);

	if (rc)
		return rc;
	rc = vps_step_wait(socket, &step);
	/* It closed by itself. */
	if (rc == -EPIPE)
		return 0;
	if (fault)
		*fault = step.fault;
	return rc;
}

_Noreturn void vps_step_fail(int socket, int err, const struct vps_fault *fault)
{
	struct vps_step step = { .err = err, .fd = -1, .fault = *fault };

	send_step(socket, &step);
	_exit(127);
}

int vps_execute(char *const *argv, char *const *envp, int fd)
{
	environ = (char **)envp;
	if (fd < 0)
		execvp(argv[0], argv);
	else
		fexecve(fd, argv, envp);
	return -errno;
}

void vps_child_discard(struct vps_child *child)
{
	int status;

	pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
	vps_child_wait(child, &status);
}

int vps_child_wait(struct vps_child *child, int *ret_status)
{
	pid_t pid;

	do
		pid = waitpid(child->pid, ret_status, 0);
	while (pid < 0 && errno == EINTR);
	closep(&child->pidfd);
	child->pidfd = -1;
	return pid < 0 ? -errno : 0;
}
