// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "cli.h"

/**
 * struct cli_table - rows kept until all widths are known
 * @widths: of the columns, while printing
 * @cells: texts, row by row (not for JSON)
 * @count, @room: of @cells
 * @next: column of the next field
 * @array, @object: JSON, and the row being filled
 */
struct cli_table {
	enum cli_format format;
	const char *const *columns;
	size_t width;
	size_t *widths;
	char **cells;
	size_t count, room;
	size_t next;
	json_t *array;
	json_t *object;
};

static noreturn void die_no_memory(void)
{
	cli_die(cli.failed, -ENOMEM, "table");
}

struct cli_table *cli_table_new(enum cli_format format, const char *const *columns)
{
	struct cli_table *table = calloc(1, sizeof(*table));

	if (!table)
		die_no_memory();
	table->format = format;
	table->columns = columns;
	while (columns[table->width])
		table->width++;
	table->widths = calloc(table->width, sizeof(size_t));
	if (!table->widths)
		die_no_memory();
	if (format == CLI_JSON) {
		table->array = json_array();
		table->object = json_object();
		if (!table->array || !table->object)
			die_no_memory();
	}
	return table;
}

static const char *title(const struct cli_table *table, size_t column)
{
	const char *name = table->columns[column];

	return *name == '>' ? name + 1 : name;
}

static char *clean(const char *s, const char *also)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	/* As nearly every one is: a table may have millions. */
	if (cli_is_clean(s, also)) {
		text = strdup(s);
		if (!text)
			die_no_memory();
		return text;
	}
	out = open_memstream(&text, &size);
	if (!out)
		die_no_memory();
	cli_print_clean(out, s, also);
	if (fclose(out))
		die_no_memory();
	return text;
}

static void add_cell(struct cli_table *table, const char *string)
{
	bool raw = table->format == CLI_RAW;

	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = reallocarray(table->cells, table->room, sizeof(char *));
		if (!table->cells)
			die_no_memory();
	}
	/* A raw record is split at spaces, so a field has none and is not empty. */
	if (raw && !*string)
		string = "-";
	table->cells[table->count++] = clean(string, raw ? " " : NULL);
	table->next++;
}

/* What programs call a column. */
static const char *make_key(const struct cli_table *table, size_t column, char key[64])
{
	size_t i = 0;
	const char *p;

	for (p = title(table, column); *p && i < 63; p++)
		key[i++] = *p == ' ' ? '_' : (char)tolower((unsigned char)*p);
	key[i] = '\0';
	return key;
}

static void add_json(struct cli_table *table, json_t *value)
{
	char key[64];

	if (json_object_set_new(table->object, make_key(table, table->next++, key), value))
		die_no_memory();
}

static bool is_for_people(const struct cli_table *table)
{
	return table->format == CLI_TABLE || table->format == CLI_LINES;
}

void cli_table_number(struct cli_table *table, uint64_t number, const char *text)
{
	char digits[24];

	if (table->format == CLI_JSON) {
		/* Above that jansson has no integer. */
		add_json(table, number <= INT64_MAX ? json_integer((json_int_t)number) :
						      json_real((double)number));
		return;
	}
	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	add_cell(table, text && is_for_people(table) ? text : digits);
}

void cli_table_string(struct cli_table *table, const char *string)
{
	_cleanup_(cli_freep) char *ascii = NULL;
	json_t *value;

	if (table->format != CLI_JSON) {
		add_cell(table, string);
		return;
	}
	value = json_string(string);
	if (!value) {	/* no UTF-8 */
		ascii = clean(string, NULL);
		value = json_string(ascii);
	}
	add_json(table, value);
}

void cli_table_real(struct cli_table *table, double value, const char *text)
{
	char digits[32];

	if (table->format == CLI_JSON) {
		add_json(table, json_real(value));
		return;
	}
	snprintf(digits, sizeof(digits), "%.2f", value);
	add_cell(table, text && is_for_people(table) ? text : digits);
}

void cli_table_none(struct cli_table *table)
{
	if (table->format == CLI_JSON)
		add_json(table, json_null());
	else
		add_cell(table, table->format == CLI_CSV ? "" : "-");
}

void cli_table_bool(struct cli_table *table, bool value)
{
	if (table->format == CLI_JSON)
		add_json(table, json_boolean(value));
	else
		add_cell(table, value ? "yes" : "no");
}

void cli_table_row(struct cli_table *table)
{
	table->next = 0;
	if (table->format != CLI_JSON)
		return;
	if (json_array_append_new(table->array, table->object))
		die_no_memory();
	table->object = json_object();
	if (!table->object)
		die_no_memory();
}

static size_t column_width(const struct cli_table *table, size_t column)
{
	size_t width = strlen(title(table, column));
	size_t i;

	for (i = column; i < table->count; i += table->width)
		if (strlen(table->cells[i]) > width)
			width = strlen(table->cells[i]);
	return width;
}

static void print_blanks(size_t count)
{
	while (count--)
		putchar(' ');
}

static void print_cell(const struct cli_table *table, size_t column, size_t width,
		       const char *text)
{
	bool right = table->columns[column][0] == '>', last = column + 1 == table->width;
	size_t len = strlen(text), blanks = width > len ? width - len : 0;

	if (column && (len || right || !last))
		print_blanks(2);
	if (right)
		print_blanks(blanks);
	fwrite(text, 1, len, stdout);
	if (!right && !last)
		print_blanks(blanks);
}

static void print_aligned(const struct cli_table *table)
{
	size_t i, column;

	for (column = 0; column < table->width; column++) {
		table->widths[column] = column_width(table, column);
		print_cell(table, column, table->widths[column], title(table, column));
	}
	putchar('\n');
	for (i = 0; i < table->count; i++) {
		column = i % table->width;
		print_cell(table, column, table->widths[column], table->cells[i]);
		if (column + 1 == table->width)
			putchar('\n');
	}
}

static void print_raw(const struct cli_table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		printf("%s%c", table->cells[i], (i + 1) % table->width ? ' ' : '\n');
}

static void print_lines(const struct cli_table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		printf("%s%s:%s%s\n", i && i % table->width == 0 ? "\n" : "",
		       title(table, i % table->width), *table->cells[i] ? " " : "",
		       table->cells[i]);
}

/* RFC 4180, but for the ends of lines, which are those of this system. */
static void print_csv_field(const char *text, bool last)
{
	bool quoted = strpbrk(text, "\",\r\n") != NULL;
	const char *p;

	if (quoted)
		putchar('"');
	for (p = text; *p; p++) {
		if (*p == '"')
			putchar('"');
		putchar(*p);
	}
	if (quoted)
		putchar('"');
	putchar(last ? '\n' : ',');
}

static void print_csv(const struct cli_table *table)
{
	char key[64];
	size_t i;

	for (i = 0; i < table->width; i++)
		print_csv_field(make_key(table, i, key), i + 1 == table->width);
	for (i = 0; i < table->count; i++)
		print_csv_field(table->cells[i], (i + 1) % table->width == 0);
}

/*
 * What is behind ASCII has characters that are commands to terminals, too. And of a number the
 * digits that it was given with, not those that it is kept in.
 */
#define JSON_FLAGS (JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15))

int cli_table_print(struct cli_table *table)
{
	int err = 0;
	size_t i;

	if (table->format == CLI_TABLE)
		print_aligned(table);
	else if (table->format == CLI_RAW)
		print_raw(table);
	else if (table->format == CLI_CSV)
		print_csv(table);
	else if (table->format == CLI_LINES)
		print_lines(table);
	else if (json_dumpf(table->array, stdout, JSON_FLAGS) || putchar('\n') < 0)
		err = -EIO;
	if (fflush(stdout))
		err = -errno;
	cli.output_err = err;
	for (i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->widths);
	json_decref(table->array);
	json_decref(table->object);
	free(table);
	return err;
}
