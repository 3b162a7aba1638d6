// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "cli.h"

/* Above any letter that a tool gives as val. */
enum {
	OPT_HELP = 0x7f00,
	OPT_USAGE,
	OPT_VERSION,
};

/* popt's own --help also takes -?, and exits before anything else is looked at. */
static struct poptOption common[] = {
	{ "help", 0, POPT_ARG_NONE, NULL, OPT_HELP, "show this text", NULL },
	{ "usage", 0, POPT_ARG_NONE, NULL, OPT_USAGE, "show the options only", NULL },
	{ "version", 0, POPT_ARG_NONE, NULL, OPT_VERSION, "show the version", NULL },
	POPT_TABLEEND
};

poptContext cli_options(int argc, char **argv, const struct poptOption *options,
			const char *operands)
{
	/* popt keeps a pointer to it. */
	static struct poptOption all[3];
	char help[128];

	if (argc < 1)
		cli_die(cli.usage, 0, "no argument vector");
	all[0] = (struct poptOption){
		.argInfo = POPT_ARG_INCLUDE_TABLE,
		.arg = (void *)options,
		.descrip = "Options:",
	};
	all[1] = (struct poptOption){
		.argInfo = POPT_ARG_INCLUDE_TABLE,
		.arg = common,
		.descrip = "Help:",
	};
	cli.popt = poptGetContext(NULL, argc, (const char **)argv, all,
				  POPT_CONTEXT_POSIXMEHARDER);
	if (!cli.popt)
		cli_die(cli.failed, -ENOMEM, "options");
	snprintf(help, sizeof(help), "[OPTION...] %s", operands);
	poptSetOtherOptionHelp(cli.popt, help);
	return cli.popt;
}

int cli_next(poptContext popt)
{
	int opt = poptGetNextOpt(popt);

	switch (opt) {
	case OPT_HELP:
		poptPrintHelp(popt, stdout, 0);
		exit(CLI_OK);
	case OPT_USAGE:
		poptPrintUsage(popt, stdout, 0);
		exit(CLI_OK);
	case OPT_VERSION:
		printf("%s %s\n", cli.name, VPS_VERSION);
		exit(CLI_OK);
	}
	if (opt == POPT_ERROR_BADOPT && cli.known)
		cli_usage("%s: %s; %s", poptBadOption(popt, POPT_BADOPTION_NOALIAS),
			  poptStrerror(opt), cli.known());
	if (opt < -1)
		cli_usage("%s: %s", poptBadOption(popt, POPT_BADOPTION_NOALIAS),
			  poptStrerror(opt));
	return opt;
}

char *cli_arg(poptContext popt)
{
	return poptGetOptArg(popt);
}

const char *cli_action(int *argc, char **argv)
{
	const char *word = *argc > 1 && *argv[1] != '-' ? argv[1] : NULL;

	if (word)
		memmove(argv + 1, argv + 2, (size_t)(--*argc) * sizeof(*argv));
	return word;
}

const char **cli_operands(poptContext popt, int *ret_count)
{
	static const char *none[] = { NULL };
	const char **operands = poptGetArgs(popt) ?: none;
	int count = 0;

	while (operands[count])
		count++;
	if (ret_count)
		*ret_count = count;
	return operands;
}
