// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-enter - runs a command or a shell in a running VPS. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct poptOption options[] = {
	{ "user", 'u', POPT_ARG_STRING, NULL, 'u', "user of the VPS, by name or number", "USER" },
	POPT_TABLEEND
};

/* The terminal of the VPS's own /dev/pts, so that programs inside find its name. */
static void open_terminal(struct vps_host *host, uint32_t id, struct cli_pty *pty,
			  int stdio[3])
{
	struct vps_fault fault;
	int rc;

	if (!cli_has_tty())
		return;
	rc = vps_context_openpty(host, id, &pty->master, &pty->slave, &fault);
	if (rc == -ENOTTY) {
		/* A VPS without /dev/pts is entered to be mended. */
		cli_pty_open(pty, stdio);
		return;
	}
	if (rc) {
		cli_warn_fault(rc, &fault);
		exit(CLI_EXEC_FAILED);
	}
	cli_pty_stdio(pty, stdio);
}

static char *const *make_environment(void)
{
	static char path[] = CLI_INSIDE_PATH;
	static char *env[4] = { path };
	const char *names[] = { "TERM", "LANG" };
	size_t n = 1;

	/* Nothing else of the host's environment concerns those inside. */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = getenv(names[i]);

		if (value && asprintf(&env[n], "%s=%s", names[i], value) > 0)
			n++;
	}
	env[n] = NULL;
	return env;
}

static int enter(struct vps_host *host, uint32_t id, const char *user, char **own_argv,
		 const char **argv)
{
	struct cli_pty pty = { -1, -1 };
	struct vps_enter enter = {
		.argv = *argv ? (char *const *)argv : NULL,
		.envp = make_environment(),
		.user = user,
		.stdio = { 0, 1, 2 },
	};
	struct vps_context_info info;
	struct vps_child child;
	struct vps_fault fault;
	int rc;

	rc = vps_context_info(host, id, &info);
	if (rc)
		cli_die(CLI_EXEC_FAILED, rc, "context %u", id);
	enter.caps = vps_caps_default(info.userns, info.bridged);
	if (!info.userns) {
		rc = cli_seal_self(own_argv);
		if (rc)
			cli_die(CLI_EXEC_FAILED, rc, "guard its own file");
	}
	open_terminal(host, id, &pty, enter.stdio);
	rc = vps_context_enter(host, id, &enter, &child, &fault);
	if (!rc)
		return cli_exit_status(cli_pty_attend(&pty, &child));
	cli_warn_fault(rc, &fault);
	if (strcmp(fault.step, "execute"))
		return CLI_EXEC_FAILED;
	return rc == -ENOENT ? CLI_EXEC_NOENT : CLI_EXEC_NORUN;
}

/* Options stand before the name or behind it, as people type them. */
static const char **parse(int argc, char **argv, char **user)
{
	poptContext popt = cli_options(argc, argv, options, "NAME|N [-u USER] [--] [CMD...]");

	while (cli_next(popt) >= 0)
		*user = cli_arg(popt);
	return cli_operands(popt, NULL);
}

static int count(const char **words)
{
	int n = 0;

	while (words[n])
		n++;
	return n;
}

int main(int argc, char **argv)
{
	const char **operands, *name;
	struct vps_host *host;
	char *user = NULL;
	uint32_t id;
	int status;

	cli_init("vps-enter", CLI_EXEC_FAILED, CLI_EXEC_FAILED);
	operands = parse(argc, argv, &user);
	name = *operands;
	if (!name)
		cli_usage("the name of a VPS is missing");
	/* The name stands where a command line has the program's own. */
	operands = parse(count(operands), (char **)operands, &user);
	host = cli_host();
	id = cli_context(host, name);
	status = enter(host, id, user, argv, operands);
	vps_host_close(host);
	return status;
}
