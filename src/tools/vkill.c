// SPDX-License-Identifier: GPL-2.0-or-later
/* vkill - sends a signal to a whole context, or to processes that are in one. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>

#include "cli.h"

/**
 * struct request - the command line
 * @context: number or name, NULL for any context
 * @init: only the context's first process
 * @wait_s: seconds until the context must be empty; -1 for no waiting
 * @pids: NULL terminated words
 */
struct request {
	char *context;
	int signal;
	bool init;
	int wait_s;
	const char **pids;
};

static const struct poptOption options[] = {
	{ "ctx", 'c', POPT_ARG_STRING, NULL, 'c', "context, or the VPS it belongs to",
	  "N|NAME" },
	{ "signal", 's', POPT_ARG_STRING, NULL, 's', "signal by name or number (TERM)",
	  "SIG" },
	{ "init", 0, POPT_ARG_NONE, NULL, 'i', "signal the context's first process only",
	  NULL },
	{ "wait", 0, POPT_ARG_STRING, NULL, 'w', "then wait until the context is empty",
	  "SECONDS" },
	POPT_TABLEEND
};

static pid_t parse_pid(const char *word)
{
	uint64_t pid;

	if (vps_parse_u64(word, &pid) || pid == 0 || pid > INT_MAX)
		cli_usage("'%s': not a process number", word);
	return (pid_t)pid;
}

static int parse_seconds(const char *word)
{
	uint64_t seconds;

	if (vps_parse_u64(word, &seconds) || seconds > INT_MAX / 1000)
		cli_usage("--wait='%s': not a number of seconds", word);
	return (int)seconds;
}

static void take_option(struct request *request, int option, const char *arg)
{
	switch (option) {
	case 'c':
		free(request->context);
		request->context = strdup(arg);
		if (!request->context)
			cli_die(CLI_FAILED, -ENOMEM, "--ctx");
		break;
	case 's':
		if (vps_parse_signal(arg, &request->signal))
			cli_usage("--signal='%s': no such signal", arg);
		break;
	case 'w':
		request->wait_s = parse_seconds(arg);
		break;
	}
}

static void check(const struct request *request)
{
	const char **pid;

	if (!request->context && !*request->pids)
		cli_usage("neither --ctx nor a process number given");
	if (!request->context && (request->init || request->wait_s >= 0))
		cli_usage("--init and --wait need --ctx");
	if (request->init && *request->pids)
		cli_usage("--init and process numbers exclude each other");
	for (pid = request->pids; *pid; pid++)
		parse_pid(*pid);
}

static void parse(int argc, char **argv, struct request *request)
{
	poptContext popt = cli_options(argc, argv, options, "[--] [PID...]");
	int option;

	while ((option = cli_next(popt)) > 0) {
		if (option == 'i') {
			request->init = true;
		} else {
			_cleanup_(cli_freep) char *arg = cli_arg(popt);

			take_option(request, option, arg);
		}
	}
	request->pids = cli_operands(popt, NULL);
	check(request);
}

/* Whoever gets the number meanwhile is not met: the descriptor stays the old process's. */
static bool signal_pid(struct vps_host *host, pid_t pid, uint32_t id, int signal)
{
	_cleanup_(cli_closep) int fd = pidfd_open(pid, 0);
	uint32_t in;
	int err;

	if (fd < 0) {
		/* ENOENT, EINVAL: a thread that is no process. */
		cli_warn(errno == EINVAL ? -ESRCH : -errno, "process %d", (int)pid);
		return false;
	}
	err = vps_context_of(host, pid, &in);
	if (!err && in != id && id != VPS_ID_ANY) {
		cli_warn(0, "process %d: not in context %u", (int)pid, id);
		return false;
	}
	if (!err && in < VPS_ID_MIN) {
		cli_warn(0, "process %d: not in a context", (int)pid);
		return false;
	}
	if (!err && pidfd_send_signal(fd, signal, NULL, 0) < 0)
		err = -errno;
	if (err)
		cli_warn(err, "process %d", (int)pid);
	return !err;
}

static int signal_init(struct vps_host *host, uint32_t id, int signal)
{
	_cleanup_(cli_closep) int fd = vps_context_init(host, id);

	if (fd < 0)
		return fd;
	return pidfd_send_signal(fd, signal, NULL, 0) < 0 ? -errno : 0;
}

/* Signal 0 asks only whether there is somebody. */
static int probe(struct vps_host *host, uint32_t id)
{
	pid_t *pids;
	size_t count;
	int err = vps_context_pids(host, id, &pids, &count);

	if (err)
		return err;
	free(pids);
	return count ? 0 : -ESRCH;
}

static bool signal_context(struct vps_host *host, uint32_t id,
			   const struct request *request)
{
	int err;

	if (request->init)
		err = signal_init(host, id, request->signal);
	else if (request->signal == 0)
		err = probe(host, id);
	else if (request->signal == SIGKILL)
		err = vps_context_kill(host, id);
	else
		err = vps_context_signal(host, id, request->signal);
	if (err)
		cli_warn(err, "context %u", id);
	return !err;
}

static bool wait_empty(struct vps_host *host, uint32_t id, int seconds)
{
	int err = vps_context_wait(host, id, seconds * 1000);

	if (!err || err == -ENOENT)
		return true;
	if (err == -ETIMEDOUT)
		cli_warn(0, "context %u: not empty after %d s", id, seconds);
	else
		cli_warn(err, "context %u", id);
	return false;
}

int main(int argc, char **argv)
{
	_cleanup_(cli_host_closep) struct vps_host *host = NULL;
	struct request request = { .signal = SIGTERM, .wait_s = -1 };
	uint32_t id = VPS_ID_ANY;
	const char **pid;
	bool done = true;

	cli_init("vkill", CLI_FAILED, CLI_USAGE);
	parse(argc, argv, &request);
	host = cli_host();
	if (request.context)
		id = cli_context(host, request.context);
	free(request.context);
	for (pid = request.pids; *pid; pid++)
		done &= signal_pid(host, parse_pid(*pid), id, request.signal);
	if (!*request.pids)
		done = signal_context(host, id, &request);
	if (done && request.wait_s >= 0)
		done = wait_empty(host, id, request.wait_s);
	return done ? CLI_OK : CLI_FAILED;
}
