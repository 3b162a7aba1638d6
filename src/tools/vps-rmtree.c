// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-rmtree - removes the trees of VPSes. */
#include "cli.h"

static const struct poptOption options[] = { POPT_TABLEEND };

int main(int argc, char **argv)
{
	int i, count, err, status = CLI_OK;
	struct vps_fault fault;
	const char **trees;
	poptContext popt;

	cli_init("vps-rmtree", CLI_FAILED, CLI_USAGE);
	popt = cli_options(argc, argv, options, "[--] DIR...");
	while (cli_next(popt) > 0)
		;
	trees = cli_operands(popt, &count);
	if (!count)
		cli_usage("no DIR given");
	for (i = 0; i < count; i++) {
		err = vps_tree_remove(trees[i], &fault);
		if (!err)
			continue;
		cli_warn_fault(err, &fault);
		status = CLI_FAILED;
	}
	return status;
}
