// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-top - who uses what now, again and again. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "top.h"

/* The longest delay: an hour, in microseconds. */
#define DELAY_MAX INT64_C(3600000000)

/**
 * struct request - the command line
 * @rounds: 0: until interrupted
 */
struct request {
	bool batch;
	uint64_t rounds;
	int64_t delay_us;
	struct top_order order;
	enum cli_format format;
	bool formatted;
};

static const struct poptOption options[] = {
	{ "batch", 'b', POPT_ARG_NONE, NULL, 'b', "tables one below the other, no full screen",
	  NULL },
	{ "rounds", 'n', POPT_ARG_STRING, NULL, 'n', "end after so many looks", "COUNT" },
	{ "delay", 'd', POPT_ARG_STRING, NULL, 'd', "between two looks; 2 unless given",
	  "SECONDS" },
	{ "sort", 's', POPT_ARG_STRING, NULL, 's',
	  "by cpu, mem, proc, in, out, limit, load, ctx or name", "WORD" },
	{ "reverse", 'r', POPT_ARG_NONE, NULL, 'r', "the other way round", NULL },
	{ "json", 0, POPT_ARG_NONE, NULL, 'j', "with --batch: an array of objects each time",
	  NULL },
	{ "raw", 0, POPT_ARG_NONE, NULL, 'R',
	  "with --batch: one record a line, plain numbers", NULL },
	POPT_TABLEEND
};

/* Seconds, with a tenth or without: "2", "0.5". */
static int64_t parse_delay(char *word)
{
	char *point = strchr(word, '.');
	uint64_t seconds, tenths = 0;
	bool bad = false;

	if (point) {
		bad = strlen(point) != 2 || vps_parse_u64(point + 1, &tenths);
		*point = '\0';
	}
	bad |= vps_parse_u64(word, &seconds) || seconds > DELAY_MAX / 1000000;
	if (point)
		*point = '.';
	if (bad || !(seconds + tenths) || (seconds * 10 + tenths) * 100000 > DELAY_MAX)
		cli_usage("--delay='%s': not seconds from 0.1 to 3600", word);
	return (int64_t)(seconds * 10 + tenths) * 100000;
}

static uint64_t parse_rounds(const char *word)
{
	uint64_t rounds;

	if (vps_parse_u64(word, &rounds) || !rounds)
		cli_usage("--rounds='%s': not a number from 1 up", word);
	return rounds;
}

static enum top_field parse_sort(const char *word)
{
	for (enum top_field field = 0; field < TOP_FIELDS; field++)
		if (top_columns[field].word && !strcmp(top_columns[field].word, word))
			return field;
	cli_usage("--sort='%s': not cpu, mem, proc, in, out, limit, load, ctx or name", word);
}

static void set_format(struct request *request, enum cli_format format)
{
	if (request->formatted && request->format != format)
		cli_usage("--json and --raw exclude each other");
	request->format = format;
	request->formatted = true;
}

static void take_option(struct request *request, int option, char *arg)
{
	switch (option) {
	case 'b': request->batch = true; break;
	case 'n': request->rounds = parse_rounds(arg); break;
	case 'd': request->delay_us = parse_delay(arg); break;
	case 's': request->order.field = parse_sort(arg); break;
	case 'r': request->order.reverse = true; break;
	case 'j': set_format(request, CLI_JSON); break;
	case 'R': set_format(request, CLI_RAW); break;
	}
}

static void parse(int argc, char **argv, struct request *request)
{
	poptContext popt = cli_options(argc, argv, options, "");
	const char **operands;
	int option;

	while ((option = cli_next(popt)) > 0) {
		_cleanup_(cli_freep) char *arg = cli_arg(popt);

		take_option(request, option, arg);
	}
	operands = cli_operands(popt, NULL);
	if (*operands)
		cli_usage("takes no operands");
	if (request->formatted && !request->batch)
		cli_usage("--json and --raw are for --batch");
	if (!request->batch && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		cli_usage("stdin and stdout are no terminal; use --batch");
}

/* Looks, and at who is active every five seconds, until the time has come. */
static void wait_until(struct top *top, int64_t then, int64_t *load_at)
{
	for (;;) {
		int64_t next = then < *load_at ? then : *load_at, left = next - cli_clock_us();

		if (left > 0) {
			struct timespec wait = { left / 1000000, left % 1000000 * 1000 };

			nanosleep(&wait, NULL);
			continue;
		}
		if (next == then)
			return;
		top_look_load(top);
		*load_at += TOP_LOAD_US;
	}
}

static void look(struct top *top)
{
	int err = top_look(top);

	if (err)
		cli_die(cli.failed, err, "contexts");
}

/* What changes between two looks is known from the second one on, which is the first told. */
static int batch(struct top *top, const struct request *request)
{
	int64_t look_at = cli_clock_us(), load_at = look_at + TOP_LOAD_US;

	look(top);
	for (uint64_t round = 0; !request->rounds || round < request->rounds; round++) {
		look_at += request->delay_us;
		wait_until(top, look_at, &load_at);
		look(top);
		if (round && request->format == CLI_TABLE)
			putchar('\n');
		if (top_print(top, &request->order, request->format))
			return CLI_FAILED;
	}
	return CLI_OK;
}

int main(int argc, char **argv)
{
	struct request request = { .delay_us = 2000000, .order = { TOP_CPU, false } };
	struct top top;
	int status;

	cli_init("vps-top", CLI_FAILED, CLI_USAGE);
	parse(argc, argv, &request);
	top_open(&top);
	status = request.batch ? batch(&top, &request) :
		 top_screen(&top, request.order, request.delay_us, request.rounds);
	top_close(&top);
	return status;
}
