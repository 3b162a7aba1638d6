// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The relay between two terminals: a session plays the user with a terminal of its own,
 * the relay runs in it, and behind the relay a shell on a second terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <utmp.h>

#include "cli.h"
#include "tap.h"

#define PATIENCE_MS 20000

/**
 * struct session - a user at a terminal
 * @keyboard: master of the user's terminal
 * @screen: its slave, kept to look at its modes
 * @relay: process that runs cli_pty_run()
 * @seen, @length: what was shown since the session began
 */
struct session {
	int keyboard;
	int screen;
	pid_t relay;
	char *seen;
	size_t length;
};

static noreturn void run_shell(int slave, const char *script)
{
	login_tty(slave);
	execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	_exit(CLI_EXEC_NOENT);
}

static noreturn void run_relay(int screen, bool keys, const char *script)
{
	struct vps_child child;
	struct cli_pty pty;
	int stdio[3];

	if (login_tty(screen) || openpty(&pty.master, &pty.slave, NULL, NULL, NULL))
		_exit(99);
	if (!keys)
		dup2(open("/dev/null", O_RDONLY), 0);
	cli_pty_stdio(&pty, stdio);
	child.pid = fork();
	if (child.pid == 0) {
		close(pty.master);
		run_shell(pty.slave, script);
	}
	close(pty.slave);
	child.pidfd = pidfd_open(child.pid, 0);
	_exit(cli_exit_status(cli_pty_run(pty.master, &child)));
}

static struct session begin(bool keys, const char *script)
{
	struct winsize size = { .ws_row = 33, .ws_col = 99 };
	struct session s = { .seen = calloc(1, 1) };

	if (openpty(&s.keyboard, &s.screen, NULL, NULL, &size))
		abort();
	fcntl(s.keyboard, F_SETFD, FD_CLOEXEC);
	s.relay = fork();
	if (s.relay == 0) {
		close(s.keyboard);
		run_relay(s.screen, keys, script);
	}
	return s;
}

/* False when nothing more is shown in time. */
static bool look(struct session *s)
{
	struct pollfd p = { s->keyboard, POLLIN, 0 };
	char buf[4096];
	ssize_t n;

	if (poll(&p, 1, PATIENCE_MS) <= 0)
		return false;
	n = read(s->keyboard, buf, sizeof(buf));
	if (n <= 0)
		return false;
	s->seen = realloc(s->seen, s->length + (size_t)n + 1);
	memcpy(s->seen + s->length, buf, (size_t)n);
	s->length += (size_t)n;
	s->seen[s->length] = '\0';
	return true;
}

static bool sees(struct session *s, const char *text)
{
	while (!strstr(s->seen, text))
		if (!look(s))
			return false;
	return true;
}

static void type(struct session *s, const char *keys)
{
	if (write(s->keyboard, keys, strlen(keys)) < 0)
		perror("# write");
}

static bool is_raw(const struct session *s)
{
	struct termios modes;

	return tcgetattr(s->screen, &modes) == 0 && !(modes.c_lflag & (ICANON | ECHO));
}

/* A change of modes and the death of a process elsewhere give no event to wait for. */
static bool becomes(bool want, bool (*is)(const struct session *), const struct session *s)
{
	int i;

	for (i = 0; i < PATIENCE_MS / 10 && is(s) != want; i++)
		usleep(10000);
	return is(s) == want;
}

/* The exit status of the relay; what it still shows is read meanwhile. */
static int finish(struct session *s)
{
	int pidfd = pidfd_open(s->relay, 0);
	struct pollfd p[2] = { { pidfd, POLLIN, 0 }, { s->keyboard, POLLIN, 0 } };
	int status = -1;

	while (poll(p, 2, PATIENCE_MS) > 0) {
		if (p[1].revents & POLLIN)
			look(s);
		else if (p[0].revents)
			break;
	}
	if (waitpid(s->relay, &status, WNOHANG) != s->relay) {
		kill(s->relay, SIGKILL);
		waitpid(s->relay, NULL, 0);
		return -1;
	}
	close(pidfd);
	return cli_exit_status(status);
}

static void end(struct session *s)
{
	close(s->keyboard);
	close(s->screen);
	free(s->seen);
}

static void test_output(void)
{
	struct session s = begin(true, "seq 1 60000; echo last; exit 7");

	is_int(finish(&s), 7, "the status is the command's");
	ok(strstr(s.seen, "59999\r\n60000\r\nlast\r\n"), "the end of long output is shown");
	/* Digits of each number and a line end of two bytes. */
	is_int((long long)s.length, 9 * 3 + 90 * 4 + 900 * 5 + 9000 * 6 + 50001 * 7 + 6,
	       "no byte of it is lost or doubled");
	ok(!is_raw(&s), "the terminal is as it was");
	end(&s);
}

static void test_background_writer(void)
{
	struct session s = begin(true, "trap '' HUP; yes & echo started; exit 0");

	is_int(finish(&s), 0, "a child's child that writes for ever does not keep the relay");
	end(&s);
}

static void test_keys(void)
{
	struct session s = begin(true, "read word; echo got=$word; stty size; tty >/dev/null");

	ok(becomes(true, is_raw, &s), "the terminal is raw meanwhile");
	type(&s, "hello\r");
	ok(sees(&s, "got=hello"), "what is typed arrives");
	ok(sees(&s, "33 99"), "the size of the window is known inside");
	is_int(finish(&s), 0, "the command's terminal is a terminal");
	end(&s);
}

static void test_interrupt_key(void)
{
	struct session s = begin(true, "trap 'echo caught; exit 3' INT; echo ready; "
				       "while :; do sleep 1; done");

	sees(&s, "ready");
	type(&s, "\003");
	ok(sees(&s, "caught"), "^C reaches the command");
	is_int(finish(&s), 3, "^C does not end the relay");
	end(&s);
}

static void test_resize(void)
{
	struct winsize size = { .ws_row = 11, .ws_col = 55 };
	struct session s = begin(true, "trap 'stty size; exit 0' WINCH; echo ready; "
				       "while :; do sleep 0.1; done");

	sees(&s, "ready");
	ioctl(s.keyboard, TIOCSWINSZ, &size);
	ok(sees(&s, "11 55"), "a resized window is resized inside");
	finish(&s);
	end(&s);
}

static void test_term(int signal, const char *name)
{
	struct session s = begin(true, "trap 'echo told; exit 5' TERM HUP; echo ready; "
				       "while :; do sleep 0.1; done");

	sees(&s, "ready");
	kill(s.relay, signal);
	ok(sees(&s, "told"), "%s to the relay reaches the command", name);
	is_int(finish(&s), 5, "and its status is kept");
	ok(!is_raw(&s), "and the terminal is as it was");
	end(&s);
}

static bool has_no_children(const struct session *s)
{
	(void)s;
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static void test_killed(void)
{
	struct session s = begin(true, "echo ready; exec cat");

	sees(&s, "ready");
	becomes(true, is_raw, &s);
	kill(s.relay, SIGKILL);
	waitpid(s.relay, NULL, 0);
	ok(becomes(false, is_raw, &s), "the terminal is as it was after kill -9");
	/* Orphans come to this process, which is their subreaper. */
	ok(becomes(true, has_no_children, &s), "nothing of the relay outlives it");
	end(&s);
}

static void test_suspended(void)
{
	struct session s = begin(true, "echo ready; read word; echo got=$word");
	int status;

	sees(&s, "ready");
	becomes(true, is_raw, &s);
	kill(s.relay, SIGTSTP);
	ok(waitpid(s.relay, &status, WUNTRACED) == s.relay && WIFSTOPPED(status),
	   "SIGTSTP stops the relay");
	ok(!is_raw(&s), "the terminal is as it was while stopped");
	kill(s.relay, SIGCONT);
	ok(becomes(true, is_raw, &s), "it is raw again when continued");
	type(&s, "again\r");
	ok(sees(&s, "got=again"), "and the relay goes on");
	is_int(finish(&s), 0, "to the end");
	end(&s);
}

static void test_hangup(const char *script, const char *what)
{
	struct session s = begin(true, script);
	struct pollfd p;

	sees(&s, "ready");
	close(s.screen);
	close(s.keyboard);
	p = (struct pollfd){ pidfd_open(s.relay, 0), POLLIN, 0 };
	ok(poll(&p, 1, PATIENCE_MS) == 1, "a terminal that goes away ends %s", what);
	kill(s.relay, SIGKILL);
	waitpid(s.relay, NULL, 0);
	close(p.fd);
	ok(becomes(true, has_no_children, &s), "and leaves nothing behind");
	free(s.seen);
}

static void test_late_reader(void)
{
	struct session s = begin(true, "head -c 100000 /dev/zero | tr '\\0' x; exit 2");

	/* More than the screen holds; the command has ended before anybody looks. */
	usleep(300000);
	is_int(finish(&s), 2, "the status of a command that ended with output pending");
	is_int((long long)s.length, 100000, "all its output is shown");
	end(&s);
}

static void test_stalled_screen(void)
{
	struct session s;
	struct pollfd p;
	char script[128];
	int ends[2];

	if (pipe(ends))
		abort();
	snprintf(script, sizeof(script), "echo ready; seq 1 200000 & read word; "
		 "echo >&%d; kill $!; exit 4", ends[1]);
	s = begin(true, script);
	close(ends[1]);
	sees(&s, "ready");
	becomes(true, is_raw, &s);
	/* Nobody reads the screen until its buffers are full. */
	usleep(300000);
	type(&s, "now\r");
	p = (struct pollfd){ ends[0], POLLIN, 0 };
	ok(poll(&p, 1, PATIENCE_MS) == 1 && p.revents & POLLIN,
	   "keys arrive while the screen is stalled");
	is_int(finish(&s), 4, "the status after that");
	close(ends[0]);
	end(&s);
}

static void test_no_keyboard(void)
{
	struct session s = begin(false, "trap 'exit 6' INT; [ -t 1 ] && echo ready; "
					"while :; do sleep 0.1; done");

	ok(sees(&s, "ready\r\n"), "lines are ended once");
	ok(!is_raw(&s), "the terminal is left alone when stdin is elsewhere");
	type(&s, "\003");
	is_int(finish(&s), 6, "^C of the terminal is passed to the command");
	end(&s);
}

int main(void)
{
	cli.name = "relay";
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	test_output();
	test_background_writer();
	test_keys();
	test_interrupt_key();
	test_resize();
	test_term(SIGTERM, "SIGTERM");
	test_term(SIGHUP, "SIGHUP");
	test_killed();
	test_suspended();
	test_hangup("trap 'exit 0' HUP; echo ready; while :; do sleep 0.1; done",
		    "the command");
	test_hangup("trap '' HUP; echo ready; cat", "one that ignores SIGHUP");
	test_late_reader();
	test_stalled_screen();
	test_no_keyboard();
	return done();
}
