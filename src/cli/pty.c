// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>

#include "cli.h"
#include "terminal.h"

/* More than the kernel holds of a terminal's output (64 KiB and a line). */
#define REST_MAX (128 * 1024)

/* Bytes on their way; filled only when empty, so a stalled reader stalls the writer. */
struct flow {
	size_t start, end;
	char data[8192];
};

/**
 * struct relay - a terminal and the master of the pty that stands for it
 * @peer: the other side, kept open so that @master does not end before the child does
 * @ended: the child has ended; what is left in the pty is still shown
 * @rest: bytes that may still be shown then: its own children may write for ever
 */
struct relay {
	struct cli_terminal term;
	int master;
	int peer;
	int signals;
	struct vps_child *child;
	bool ended;
	size_t rest;
	struct flow keys;
	struct flow output;
};

enum { ON_IN, ON_OUT, ON_MASTER, ON_SIGNALS, ON_CHILD, ON_COUNT };

bool cli_has_tty(void)
{
	return isatty(0) || isatty(1) || isatty(2);
}

static bool is_empty(const struct flow *flow)
{
	return flow->start == flow->end;
}

static bool is_transient(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* False when @fd has ended. */
static bool flow_fill(struct flow *flow, int fd)
{
	ssize_t n = read(fd, flow->data, sizeof(flow->data));

	flow->start = 0;
	flow->end = n > 0 ? (size_t)n : 0;
	return n > 0 || is_transient(n);
}

static bool flow_drain(struct flow *flow, int fd)
{
	ssize_t n = write(fd, flow->data + flow->start, flow->end - flow->start);

	if (n > 0)
		flow->start += (size_t)n;
	return n >= 0 || is_transient(n);
}

static void copy_size(struct relay *relay)
{
	int fd = relay->term.in >= 0 ? relay->term.in : relay->term.out;
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0)
		ioctl(relay->master, TIOCSWINSZ, &size);
}

/*
 * The terminal is gone: the pty hangs up too, which ends its session. The caller's
 * descriptor keeps its number, for the caller to close.
 */
static void hang_up(struct relay *relay)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	cli_pass_signal(relay->child, SIGHUP);
	if (null >= 0)
		dup3(null, relay->master, O_CLOEXEC);
	cli_closep(&null);
	cli_closep(&relay->peer);
	cli_closep(&relay->term.in);
	cli_closep(&relay->term.out);
	relay->peer = relay->term.in = relay->term.out = relay->master = -1;
}

/* From the keyboard it would have reached the foreground job, so it does here. */
static void pass_signal(struct relay *relay, int sig)
{
	bool key = sig == SIGINT || sig == SIGQUIT;

	if (key && tcgetpgrp(relay->master) > 0 &&
	    ioctl(relay->master, TIOCSIG, sig) == 0)
		return;
	cli_pass_signal(relay->child, sig);
}

/* False when nothing is left to do but to end. */
static bool take_signal(struct relay *relay)
{
	struct signalfd_siginfo info;

	if (read(relay->signals, &info, sizeof(info)) != sizeof(info))
		return true;
	switch (info.ssi_signo) {
	case SIGWINCH:
		copy_size(relay);
		return true;
	case SIGTSTP:
		cli_terminal_restore(&relay->term);
		raise(SIGSTOP);
		return true;
	case SIGCONT:
		cli_terminal_raw(&relay->term);
		copy_size(relay);
		return true;
	}
	pass_signal(relay, (int)info.ssi_signo);
	return !relay->ended;
}

static void prepare(const struct relay *relay, struct pollfd fds[ON_COUNT])
{
	bool shown = is_empty(&relay->output);
	bool taken = is_empty(&relay->keys);
	int child = relay->ended ? -1 : relay->child->pidfd;
	int master = relay->ended ? -1 : relay->master;

	/* Those without an event are there for their POLLHUP. */
	fds[ON_IN] = (struct pollfd){ .fd = relay->term.in };
	fds[ON_IN].events = taken && !relay->ended ? POLLIN : 0;
	fds[ON_OUT] = (struct pollfd){ .fd = relay->term.out };
	fds[ON_OUT].events = shown ? 0 : POLLOUT;
	fds[ON_MASTER] = (struct pollfd){ .fd = master };
	fds[ON_MASTER].events = (shown ? POLLIN : 0) | (taken ? 0 : POLLOUT);
	fds[ON_SIGNALS] = (struct pollfd){ relay->signals, POLLIN, 0 };
	fds[ON_CHILD] = (struct pollfd){ child, POLLIN, 0 };
}

/* Moves what can be moved; false when the terminal has gone. */
static bool move(struct relay *relay, const struct pollfd fds[ON_COUNT])
{
	struct cli_terminal *term = &relay->term;
	int seen = fds[ON_IN].revents | fds[ON_OUT].revents;

	if (seen & (POLLHUP | POLLERR | POLLNVAL))
		return false;
	if (fds[ON_IN].revents && !flow_fill(&relay->keys, term->in))
		return false;
	if (fds[ON_OUT].revents && !flow_drain(&relay->output, term->out))
		return false;
	if (fds[ON_MASTER].revents & POLLOUT)
		flow_drain(&relay->keys, relay->master);
	if (fds[ON_MASTER].revents & POLLIN)
		flow_fill(&relay->output, relay->master);
	if (term->out < 0)
		relay->output.start = relay->output.end;
	return true;
}

/* After the child: a read of the master waits for nothing, yet misses nothing written. */
static bool has_rest(struct relay *relay)
{
	if (!is_empty(&relay->output))
		return true;
	if (relay->master < 0 || relay->term.out < 0 || !relay->rest)
		return false;
	flow_fill(&relay->output, relay->master);
	relay->rest -= relay->output.end < relay->rest ? relay->output.end : relay->rest;
	return !is_empty(&relay->output);
}

static void relay_all(struct relay *relay)
{
	struct pollfd fds[ON_COUNT];

	while (!relay->ended || has_rest(relay)) {
		prepare(relay, fds);
		if (poll(fds, ON_COUNT, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (fds[ON_SIGNALS].revents && !take_signal(relay))
			return;
		if (fds[ON_CHILD].revents)
			relay->ended = true;
		if (!move(relay, fds))
			hang_up(relay);
	}
}

/* A signal that the caller has set to be ignored (nohup) stays ignored. */
static int open_signals(sigset_t *ret_before)
{
	static const int passed[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP,
	};
	struct sigaction action;
	sigset_t mask;
	size_t i;

	sigemptyset(&mask);
	sigaddset(&mask, SIGWINCH);
	sigaddset(&mask, SIGCONT);
	for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		sigaction(passed[i], NULL, &action);
		if (action.sa_handler != SIG_IGN)
			sigaddset(&mask, passed[i]);
	}
	sigprocmask(SIG_BLOCK, &mask, ret_before);
	return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

int cli_pty_run(int master, struct vps_child *child)
{
	struct relay relay = { .master = master, .child = child, .rest = REST_MAX };
	sigset_t before;
	int err, status;

	relay.signals = open_signals(&before);
	err = relay.signals < 0 ? -errno : cli_terminal_open(&relay.term);
	if (!err && fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		err = -errno;
	relay.peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (!err && relay.peer < 0)
		err = -errno;
	if (err)
		cli_die(cli.failed, err, "terminal");
	/* It may have changed since the pty was given it. */
	copy_size(&relay);
	cli_terminal_raw(&relay.term);
	relay_all(&relay);
	cli_terminal_close(&relay.term);
	cli_closep(&relay.peer);
	cli_closep(&relay.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	err = vps_child_wait(child, &status);
	if (err)
		cli_die(cli.failed, err, "wait");
	return status;
}
