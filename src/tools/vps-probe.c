// SPDX-License-Identifier: GPL-2.0-or-later
/* Tells what only a system call can find out about this host, by trying it. */
#include "cli.h"

static enum cli_format format = CLI_TABLE;

static const struct poptOption options[] = {
	{ "json", 0, POPT_ARG_VAL, &format, CLI_JSON, "an array of objects", NULL },
	{ "raw", 0, POPT_ARG_VAL, &format, CLI_RAW, "one record a line, no header", NULL },
	POPT_TABLEEND
};

static void add(struct cli_table *table, const char *feature, const char *value)
{
	cli_table_string(table, feature);
	cli_table_string(table, value);
	cli_table_row(table);
}

int main(int argc, char **argv)
{
	static const char *const columns[] = { "FEATURE", "VALUE", NULL };
	_cleanup_(cli_host_closep) struct vps_host *host = NULL;
	struct cli_table *table;
	poptContext popt;
	int count;

	cli_init("vps-probe", CLI_FAILED, CLI_USAGE);
	popt = cli_options(argc, argv, options, "");
	while (cli_next(popt) > 0)
		;
	cli_operands(popt, &count);
	if (count)
		cli_usage("takes no operands");

	host = cli_host();
	table = cli_table_new(format, columns);
	add(table, "engine", vps_host_engine(host));
	add(table, "kernel-engine", vps_host_kernel_refusal(host) ?: "yes");
	add(table, "reboot", vps_host_sees_reboot(host) ? "no" : "yes");
	add(table, "addresses", vps_host_net_refusal(host) ?: "yes");
	add(table, "socket-scope", vps_host_scopes_sockets(host) ? "no" : "yes");
	return cli_table_print(table) ? CLI_FAILED : CLI_OK;
}
