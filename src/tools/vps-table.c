// SPDX-License-Identifier: GPL-2.0-or-later
/* Gives shell scripts the table, raw and JSON output of the other tools. */
#include <errno.h>
#include <string.h>

#include "cli.h"

static enum cli_format format = CLI_TABLE;

static const struct poptOption options[] = {
	{ "json", 0, POPT_ARG_VAL, &format, CLI_JSON, "an array of objects", NULL },
	{ "raw", 0, POPT_ARG_VAL, &format, CLI_RAW, "one record a line, no header", NULL },
	POPT_TABLEEND
};

/* A right-aligned column holds numbers, and words where there is none. */
static void add_field(struct cli_table *table, const char *column, const char *field)
{
	uint64_t number;

	if (*column == '>' && !vps_parse_u64(field, &number))
		cli_table_number(table, number, NULL);
	else
		cli_table_string(table, field);
}

static void add_line(struct cli_table *table, const char *const *columns, char *line,
		     unsigned int number)
{
	char *rest = line;

	for (; *columns; columns++) {
		if (!rest)
			cli_die(CLI_FAILED, 0, "line %u: too few fields", number);
		add_field(table, *columns, strsep(&rest, "\t"));
	}
	if (rest)
		cli_die(CLI_FAILED, 0, "line %u: too many fields", number);
	cli_table_row(table);
}

int main(int argc, char **argv)
{
	_cleanup_(cli_freep) char *line = NULL;
	const char *const *columns;
	struct cli_table *table;
	unsigned int number = 0;
	size_t size = 0;
	poptContext popt;
	ssize_t length;
	int count;

	cli_init("vps-table", CLI_FAILED, CLI_USAGE);
	popt = cli_options(argc, argv, options, "COLUMN...");
	while (cli_next(popt) > 0)
		;
	columns = cli_operands(popt, &count);
	if (!count)
		cli_usage("no column given");

	table = cli_table_new(format, columns);
	while ((length = getline(&line, &size, stdin)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		add_line(table, columns, line, ++number);
	}
	if (ferror(stdin))
		cli_die(CLI_FAILED, -EIO, "standard input");
	return cli_table_print(table) ? CLI_FAILED : CLI_OK;
}
