/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the library starts processes: the child works step by step, in rhythm with the
 * parent over a socket that closes by itself when the command is executed. A parent
 * that dies closes it too, and the child ends before it has executed anything.
 */
#ifndef VPS_CHILD_H
#define VPS_CHILD_H

#include "vps.h"

/**
 * struct vps_step - what is said on the socket
 * @err: 0 the step is done, else the negative errno of @fault
 * @pid: of a process made in the step, in the host's pid namespace
 * @fd: a descriptor passed along, the receiver's to close; -1 for none
 */
struct vps_step {
	int err;
	pid_t pid;
	int fd;
	struct vps_fault fault;
};

int vps_step_socket(int ret_sockets[2]);

/* One side says that it is done with a step; @pid 0 and @fd -1 for nothing to pass. */
int vps_step_done(int socket, pid_t pid, int fd);

/*
 * The same for who waits for the answer: when it could not be said, there is none. A peer that is
 * gone is no failure here, since it has left word of why, or its status tells.
 */
int vps_step_go_on(int socket, int fd, struct vps_fault *fault);

/* Has the other execute its command, which is what it waits for; 0 when it does. */
int vps_step_execute(int socket, struct vps_fault *fault);

/* The other waits for that. -EPIPE: the peer is gone, or has executed its command. */
int vps_step_wait(int socket, struct vps_step *ret_step);

/* The child's end: it tells why and exits. */
_Noreturn void vps_step_fail(int socket, int err, const struct vps_fault *fault);

/* Executes @argv with @envp's PATH, or with the file @fd unless it is -1. Returns -errno. */
int vps_execute(char *const *argv, char *const *envp, int fd);

/* Kills what a failed start left, waits for it, and closes its pidfd. */
void vps_child_discard(struct vps_child *child);

#endif /* VPS_CHILD_H */
