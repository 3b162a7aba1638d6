// SPDX-License-Identifier: GPL-2.0-or-later
/* chbind - gives a context its addresses in the host's network. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

enum {
	OPT_IP = 256,
	OPT_BCAST,
	OPT_DEV,
	OPT_ADD,
	OPT_DEL,
	OPT_LIST,
	OPT_FENCE,
	OPT_BLOCKERS,
	OPT_SILENT,
	OPT_JSON,
	OPT_RAW,
};

/**
 * struct request - the command line
 * @word: the context, by number or name; NULL where none is given
 * @changes: how many of --add, --del and --list
 * @fence: "on", "off", "status"
 */
static struct request {
	char *word;
	struct cli_addrs addrs;
	enum vps_addrs_change change;
	int changes;
	bool list;
	char *fence;
	bool blockers;
	bool silent;
	enum cli_format format;
	const char **command;
} request;

static const struct poptOption options[] = {
	{ "ctx", 'c', POPT_ARG_STRING, NULL, 'c', "the context; without one CMD is given a new one",
	  "N|NAME" },
	{ "ip", '\0', POPT_ARG_STRING, NULL, OPT_IP,
	  "an address, or those of a device; may be repeated, the first is the main one",
	  "ADDR[/PREFIX|/MASK]|IFACE" },
	{ "dev", '\0', POPT_ARG_STRING, NULL, OPT_DEV,
	  "put addresses that the host has not on this device, for as long as the context is",
	  "IFACE" },
	{ "bcast", '\0', POPT_ARG_STRING, NULL, OPT_BCAST, "with this broadcast address", "ADDR" },
	{ "add", '\0', POPT_ARG_NONE, NULL, OPT_ADD, "besides those that it has", NULL },
	{ "del", '\0', POPT_ARG_NONE, NULL, OPT_DEL, "take these from it", NULL },
	{ "list", '\0', POPT_ARG_NONE, NULL, OPT_LIST, "show the addresses of contexts", NULL },
	{ "fence", '\0', POPT_ARG_STRING, NULL, OPT_FENCE,
	  "the host's own daemons leave VPSes' addresses to them: on, off or status", "WORD" },
	{ "blockers", '\0', POPT_ARG_NONE, NULL, OPT_BLOCKERS,
	  "show the host's daemons that serve every address", NULL },
	{ "silent", '\0', POPT_ARG_NONE, NULL, OPT_SILENT, "do not print the addresses", NULL },
	{ "json", '\0', POPT_ARG_NONE, NULL, OPT_JSON, "an array of objects", NULL },
	{ "raw", '\0', POPT_ARG_NONE, NULL, OPT_RAW, "one record a line", NULL },
	POPT_TABLEEND
};

/* ---- command line --------------------------------------------------------------- */

static void take_option(int option, char *arg)
{
	switch (option) {
	case 'c': request.word = arg; break;
	case OPT_IP: cli_take_ip(&request.addrs, arg); break;
	case OPT_BCAST: cli_take_broadcast(&request.addrs, arg); break;
	case OPT_DEV: request.addrs.device = arg; break;
	case OPT_ADD: request.change = VPS_ADDRS_ADD; request.changes++; break;
	case OPT_DEL: request.change = VPS_ADDRS_REMOVE; request.changes++; break;
	case OPT_LIST: request.list = true; request.changes++; break;
	case OPT_FENCE: request.fence = arg; break;
	case OPT_BLOCKERS: request.blockers = true; break;
	case OPT_SILENT: request.silent = true; break;
	case OPT_JSON: request.format = CLI_JSON; break;
	case OPT_RAW: request.format = CLI_RAW; break;
	}
}

static void parse(int argc, char **argv)
{
	poptContext popt = cli_options(argc, argv, options, "[--] [CMD...]");
	int option;

	while ((option = cli_next(popt)) > 0)
		take_option(option, cli_arg(popt));
	request.command = cli_operands(popt, NULL);
	if (*request.command)
		cli.failed = cli.usage = CLI_EXEC_FAILED;
}

static void check(void)
{
	bool other = request.fence || request.blockers, given = request.addrs.count;

	if (request.changes > 1)
		cli_usage("--add, --del and --list exclude each other");
	if (other && (request.changes || given || request.word || *request.command))
		cli_usage("--fence and --blockers stand alone");
	if (request.fence && strcmp(request.fence, "on") && strcmp(request.fence, "off") &&
	    strcmp(request.fence, "status"))
		cli_usage("--fence='%s': not on, off or status", request.fence);
	if (request.list && (given || *request.command))
		cli_usage("--list takes neither --ip nor a command");
	if (!request.list && !other && !given)
		cli_usage("no --ip given");
	if (!request.list && !request.blockers && request.format != CLI_TABLE)
		cli_usage("--json and --raw go with --list or --blockers");
	if (!request.list && !other && !request.word && (request.changes || !*request.command))
		cli_usage("--ctx or a command is missing");
	cli_check_addrs(&request.addrs);
	if (request.addrs.device && request.change == VPS_ADDRS_REMOVE)
		cli_usage("--dev goes with adding");
}

/* ---- showing -------------------------------------------------------------------- */

static const char *const list_columns[] = { ">CTX", "ADDRESS", "DEVICE", "NAME", NULL };
static const char *const blocker_columns[] = { "PROTOCOL", ">PORT", ">PID", "COMMAND", NULL };

static int list_context(struct vps_host *host, uint32_t id, struct cli_table *table)
{
	struct vps_context_info info;
	char text[VPS_ADDR_TEXT_MAX];
	struct vps_bound *addrs;
	size_t count;
	int err = vps_context_info(host, id, &info) ?: vps_context_addrs(host, id, &addrs, &count);

	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		vps_format_addr_prefix(&addrs[i].addr, text);
		cli_table_number(table, id, NULL);
		cli_table_string(table, text);
		if (*addrs[i].device)
			cli_table_string(table, addrs[i].device);
		else
			cli_table_none(table);
		if (*info.name)
			cli_table_string(table, info.name);
		else
			cli_table_none(table);
		cli_table_row(table);
	}
	free(addrs);
	return 0;
}

static int list(struct vps_host *host)
{
	struct cli_table *table = cli_table_new(request.format, list_columns);
	uint32_t *ids = NULL;
	size_t count = 0;
	int err;

	if (request.word)
		err = list_context(host, cli_context(host, request.word), table);
	else
		err = vps_context_list(host, &ids, &count);
	for (size_t i = 0; !err && i < count; i++) {
		err = list_context(host, ids[i], table);
		if (err == -ENODATA || err == -ENOENT)
			err = 0;
	}
	free(ids);
	/* Without addresses of its own it has the host's. */
	if (err && (err != -ENODATA || !request.word))
		cli_die(cli.failed, err, "%s", request.word ?: "contexts");
	return cli_table_print(table) ? cli.failed : CLI_OK;
}

static int list_blockers(struct vps_host *host)
{
	struct cli_table *table = cli_table_new(request.format, blocker_columns);
	struct vps_blocker *blockers;
	size_t count;
	int err = vps_host_blockers(host, &blockers, &count);

	if (err)
		cli_die(cli.failed, err, "sockets of the host");
	for (size_t i = 0; i < count; i++) {
		cli_table_string(table, blockers[i].udp ? "udp" : "tcp");
		cli_table_number(table, blockers[i].port, NULL);
		if (blockers[i].pid)
			cli_table_number(table, (uint64_t)blockers[i].pid, NULL);
		else
			cli_table_none(table);
		cli_table_string(table, blockers[i].command);
		cli_table_row(table);
	}
	free(blockers);
	return cli_table_print(table) ? cli.failed : CLI_OK;
}

/* Those in whose way a VPS would be, and who are in its way. */
static void warn_of_blockers(struct vps_host *host)
{
	struct vps_blocker *blockers;
	size_t count;

	if (vps_host_blockers(host, &blockers, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		char who[64] = "a daemon";

		if (blockers[i].pid)
			snprintf(who, sizeof(who), "%s (process %d)", blockers[i].command,
				 (int)blockers[i].pid);
		cli_warn(0, "port %u/%s: %s of the host has it on every address: no VPS can",
			 blockers[i].port, blockers[i].udp ? "udp" : "tcp", who);
	}
	free(blockers);
}

static int fence(struct vps_host *host)
{
	struct vps_fault fault;
	int err;

	if (!strcmp(request.fence, "status")) {
		puts(vps_host_is_fenced(host) ? "on" : "off");
		return CLI_OK;
	}
	err = vps_host_fence(host, !strcmp(request.fence, "on"), &fault);
	if (err) {
		cli_warn_fault(err, &fault);
		return cli.failed;
	}
	if (!strcmp(request.fence, "on") && !request.silent)
		warn_of_blockers(host);
	return CLI_OK;
}

/* ---- binding -------------------------------------------------------------------- */

/* As in 2003, and only once it is so. */
static void announce(struct vps_host *host, uint32_t id)
{
	char text[VPS_ADDR_TEXT_MAX];
	struct vps_bound *addrs;
	size_t count;

	if (request.silent || vps_context_addrs(host, id, &addrs, &count))
		return;
	fputs("ipv4root is now", stdout);
	for (size_t i = 0; i < count; i++) {
		vps_format_addr(&addrs[i].addr, text);
		printf(" %s", text);
	}
	puts(count ? "" : " nothing");
	free(addrs);
	/* Before whatever the command prints. */
	if (fflush(stdout))
		cli.output_err = -errno;
	warn_of_blockers(host);
}

static int bind_context(struct vps_host *host, uint32_t id)
{
	int err = cli_set_addrs(host, id, &request.addrs, request.change);

	if (!err)
		announce(host, id);
	return err;
}

static noreturn void execute(void)
{
	int err;

	execvp(request.command[0], (char *const *)request.command);
	err = -errno;
	cli_die(err == -ENOENT ? CLI_EXEC_NOENT : CLI_EXEC_NORUN, err, "%s", request.command[0]);
}

/* Waits for the command in a context that was made for it. */
static int run(struct vps_host *host, uint32_t id)
{
	struct vps_spawn spawn = {
		.argv = (char *const *)request.command, .envp = environ, .exec_fd = -1,
		.caps = vps_caps_all(), .tied = true, .stdio = { 0, 1, 2 },
	};
	struct cli_pty pty = { -1, -1 };
	struct vps_child child;
	struct vps_fault fault;
	int err = vps_context_spawn(host, id, &spawn, &child, &fault), status;

	if (err) {
		cli_warn_fault(err, &fault);
		if (strcmp(fault.step, "execute"))
			return CLI_EXEC_FAILED;
		return err == -ENOENT ? CLI_EXEC_NOENT : CLI_EXEC_NORUN;
	}
	status = cli_pty_attend(&pty, &child);
	vps_context_wait(host, id, 10000);
	return cli_exit_status(status);
}

static int run_in_new(struct vps_host *host)
{
	struct vps_context_spec spec = { .id = VPS_ID_ANY, .first = VPS_ID_DYNAMIC };
	struct vps_fault fault;
	uint32_t id;
	int err = vps_context_create(host, &spec, &id, &fault), status = CLI_EXEC_FAILED;

	if (err) {
		cli_warn_fault(err, &fault);
		return status;
	}
	if (!bind_context(host, id))
		status = run(host, id);
	err = vps_context_destroy(host, id);
	if (err)
		cli_warn(err, "context %u", id);
	return status;
}

int main(int argc, char **argv)
{
	struct vps_host *host;
	int status = CLI_OK;

	cli_init("chbind", CLI_FAILED, CLI_USAGE);
	parse(argc, argv);
	check();
	host = cli_host();
	if (request.fence)
		status = fence(host);
	else if (request.blockers)
		status = list_blockers(host);
	else if (request.list)
		status = list(host);
	else if (!request.word)
		status = run_in_new(host);
	else if (bind_context(host, cli_context(host, request.word)))
		status = cli.failed;
	vps_host_close(host);
	if (request.word && *request.command && !status)
		execute();
	return status;
}
