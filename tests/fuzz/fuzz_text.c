// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names and messages of any bytes, on their way to a terminal, a program or a spreadsheet: nothing
 * but what is printable gets there, records stay records, and JSON says what was meant.
 */
#include <jansson.h>

#include "cli.h"
#include "fuzz.h"

static const char *const columns[] = { "NAME", ">SIZE", "NOTE", NULL };

/* Calls @print with stdout a string, which is returned; free it. */
static char *printed(void (*print)(const void *data), const void *data)
{
	FILE *real = stdout;
	char *text = NULL;
	size_t size;

	stdout = open_memstream(&text, &size);
	CHECK(stdout);
	print(data);
	CHECK(!fclose(stdout) && strlen(text) == size);
	stdout = real;
	return text;
}

struct table {
	enum cli_format format;
	const char *string;
};

/* Two rows, the second without a number. */
static void print_table(const void *data)
{
	const struct table *from = data;
	struct cli_table *table = cli_table_new(from->format, columns);

	for (int row = 0; row < 2; row++) {
		cli_table_string(table, from->string);
		if (row)
			cli_table_none(table);
		else
			cli_table_number(table, 7, NULL);
		cli_table_string(table, row ? "last" : from->string);
		cli_table_row(table);
	}
	CHECK(!cli_table_print(table));
}

static size_t count(const char *text, char wanted)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == wanted;
	return n;
}

static void check_json(const char *text, const char *string)
{
	json_t *all = json_loads(text, 0, NULL), *value = json_string(string);
	const json_t *name = json_object_get(json_array_get(all, 0), "name");

	CHECK(json_array_size(all) == 2 && json_is_string(name));
	CHECK(!value || json_equal((json_t *)name, value));
	json_decref(value);
	json_decref(all);
}

static void check_table(enum cli_format format, const char *string)
{
	const struct table table = { format, string };
	char *text = printed(print_table, &table);

	if (format == CLI_JSON)
		check_json(text, string);
	if (format == CLI_RAW)
		CHECK(count(text, '\n') == 2 && count(text, ' ') == 4);
	if (format == CLI_TABLE || format == CLI_CSV)
		CHECK(count(text, '\n') == 3);
	/* JSON need not escape DEL, which does nothing to a terminal. */
	for (char *c = text; *c; c++)
		if (*c == '\n' || (format == CLI_JSON && *c == 0x7f))
			*c = ' ';
	CHECK(fuzz_is_plain(text));
	free(text);
}

static void print_clean(const void *string)
{
	cli_print_clean(stdout, string, " ");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string = fuzz_text(data, size);
	char *clean = printed(print_clean, string);

	CHECK(fuzz_is_plain(clean) && !strchr(clean, ' '));
	CHECK(cli_is_clean(string, " ") == !strcmp(string, clean));
	for (int format = CLI_TABLE; format <= CLI_CSV; format++)
		check_table((enum cli_format)format, string);
	free(clean);
	free(string);
	return 0;
}
