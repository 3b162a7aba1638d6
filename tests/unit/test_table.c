// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "capture.h"
#include "cli.h"
#include "tap.h"

static const char *const columns[] = { ">CTX", "NAME", ">Used memory", "NOTE", NULL };

static struct cli_table *fill(enum cli_format format)
{
	struct cli_table *table = cli_table_new(format, columns);

	cli_table_number(table, 3, NULL);
	cli_table_string(table, "web");
	cli_table_number(table, 1536, "1.5K");
	cli_table_string(table, "two words");
	cli_table_row(table);
	cli_table_number(table, 65534, NULL);
	cli_table_string(table, "\033[2Jx\377");
	cli_table_number(table, UINT64_MAX, "inf");
	cli_table_string(table, "");
	cli_table_row(table);
	return table;
}

static const char *print(struct capture *capture, struct cli_table *table)
{
	int err;

	capture_begin(capture, 1);
	err = cli_table_print(table);
	capture_end(capture);
	is_int(err, 0, "printed");
	return capture->text;
}

static void test_text(void)
{
	struct capture out;

	is_str(print(&out, fill(CLI_TABLE)),
	       "  CTX  NAME          Used memory  NOTE\n"
	       "    3  web                  1.5K  two words\n"
	       "65534  \\033[2Jx\\377          inf\n",
	       "columns are aligned and control bytes harmless");
	is_str(print(&out, fill(CLI_RAW)),
	       "3 web 1536 two\\040words\n"
	       "65534 \\033[2Jx\\377 18446744073709551615 -\n",
	       "raw has plain numbers and no field with a blank in it or nothing");
	is_str(print(&out, fill(CLI_LINES)),
	       "CTX: 3\nNAME: web\nUsed memory: 1.5K\nNOTE: two words\n"
	       "\nCTX: 65534\nNAME: \\033[2Jx\\377\nUsed memory: inf\nNOTE:\n",
	       "lines have a field each");
	is_str(print(&out, cli_table_new(CLI_TABLE, columns)),
	       "CTX  NAME  Used memory  NOTE\n", "an empty table is a header");
	is_str(print(&out, cli_table_new(CLI_RAW, columns)), "", "an empty raw one is nothing");
}

static void test_csv(void)
{
	static const char *const words[] = { "NAME", ">Two words", "GONE", NULL };
	struct cli_table *table = cli_table_new(CLI_CSV, words);
	struct capture out;

	cli_table_string(table, "a,b \"c\"");
	cli_table_number(table, 1536, "1.5K");
	cli_table_bool(table, true);
	cli_table_row(table);
	cli_table_string(table, "two\nlines");
	cli_table_none(table);
	cli_table_bool(table, false);
	cli_table_row(table);
	is_str(print(&out, table),
	       "name,two_words,gone\n"
	       "\"a,b \"\"c\"\"\",1536,yes\n"
	       "two\\012lines,,no\n",
	       "CSV has JSON's names, plain numbers, and quotes where they are needed");
}

static void test_many_rows(void)
{
	struct cli_table *table = cli_table_new(CLI_RAW, columns + 2);
	struct capture out;
	int i;

	for (i = 0; i < 500; i++) {
		cli_table_number(table, (uint64_t)i, NULL);
		cli_table_string(table, "x");
		cli_table_row(table);
	}
	ok(strstr(print(&out, table), "\n499 x\n") != NULL, "rows are kept as they grow");
}

static void test_json(void)
{
	struct capture out;
	struct cli_table *table;
	json_t *array, *row;

	array = json_loads(print(&out, fill(CLI_JSON)), 0, NULL);
	is_int(json_array_size(array), 2, "JSON is an array of a row each");
	row = json_array_get(array, 0);
	is_int(json_integer_value(json_object_get(row, "used_memory")), 1536,
	       "numbers are numbers, keys are lower case with _");
	is_str(json_string_value(json_object_get(row, "note")), "two words",
	       "strings are as they are");
	row = json_array_get(array, 1);
	is_str(json_string_value(json_object_get(row, "name")), "\\033[2Jx\\377",
	       "what is no UTF-8 is shown as in a table");
	ok(json_number_value(json_object_get(row, "used_memory")) > 1.8e19,
	   "a number too large for an integer is not another number");
	is_str(json_string_value(json_object_get(row, "note")), "", "empty is empty");
	json_decref(array);

	table = cli_table_new(CLI_JSON, columns + 3);
	cli_table_bool(table, true);
	cli_table_row(table);
	array = json_loads(print(&out, table), 0, NULL);
	ok(json_is_true(json_object_get(json_array_get(array, 0), "note")), "true is true");
	json_decref(array);

	table = cli_table_new(CLI_JSON, columns + 3);
	cli_table_string(table, "\xc2\x9b" "2J\xc3\xa4");
	cli_table_row(table);
	ok(strstr(print(&out, table), "\"\\u009B2J\\u00E4\"") != NULL,
	   "characters that a terminal would take for a command are escaped");

	array = json_loads(print(&out, cli_table_new(CLI_JSON, columns)), 0, NULL);
	ok(json_is_array(array) && json_array_size(array) == 0, "no row is an empty array");
	json_decref(array);
}

static void print_to_full(void)
{
	int full = open("/dev/full", O_WRONLY);

	dup2(full, 1);
	_exit(cli_table_print(fill(CLI_TABLE)) == -ENOSPC ? 42 : 0);
}

int main(void)
{
	struct capture out;

	test_text();
	test_csv();
	test_many_rows();
	test_json();
	is_int(capture_exit(&out, 1, print_to_full), 42, "a full disk is an error");
	return done();
}
