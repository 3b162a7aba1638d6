// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-stat - what contexts there are and what they use. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "vps-stat.h"

/* The longest --watch: a day. */
#define WATCH_MAX 86400

enum view { VIEW_USAGE, VIEW_LONG, VIEW_STATE, VIEW_PIDS, VIEW_METRICS };

/**
 * struct request - the command line
 * @words: contexts asked for, by number or name
 * @views: how many of --long, --state, --pids, --openmetrics were given
 * @output: a file in place of stdout, or NULL
 * @watch_s: seconds between two looks; 0 for one look
 */
struct request {
	char **words;
	size_t count;
	enum view view;
	unsigned int views;
	enum cli_format format;
	bool human;
	unsigned int watch_s;
	char *output;
};

/* One look at the host; @samples in place of @table for --openmetrics. */
struct look {
	struct vps_host *host;
	const struct request *request;
	struct cli_table *table;
	struct stat_samples *samples;
	uint64_t now_us;
	bool failed;
};

static const struct poptOption options[] = {
	{ "ctx", 'c', POPT_ARG_STRING, NULL, 'c',
	  "this context or VPS only, 0 is the host; may be repeated", "N|NAME" },
	{ "long", 0, POPT_ARG_NONE, NULL, 'l', "every field on a line of its own", NULL },
	{ "state", 0, POPT_ARG_NONE, NULL, 't', "state and name only", NULL },
	{ "pids", 0, POPT_ARG_NONE, NULL, 'p', "process numbers, one a line", NULL },
	{ "human", 'h', POPT_ARG_NONE, NULL, 'h', "sizes with a unit", NULL },
	{ "watch", 0, POPT_ARG_STRING, NULL, 'w', "repeat until interrupted", "SECONDS" },
	{ "json", 0, POPT_ARG_NONE, NULL, 'j', "an array of objects", NULL },
	{ "raw", 0, POPT_ARG_NONE, NULL, 'r', "one record a line, plain numbers", NULL },
	{ "openmetrics", 0, POPT_ARG_NONE, NULL, 'm', "all of it as Prometheus reads it", NULL },
	{ "output", 0, POPT_ARG_STRING, NULL, 'o',
	  "into FILE, which is the old one until it is whole", "FILE" },
	POPT_TABLEEND
};

static const char *const usage_columns[] = {
	">CTX", ">PROC", ">VSZ", ">RSS", ">userTIME", ">sysTIME", ">UPTIME", "NAME", NULL
};

static const char *const state_columns[] = { ">CTX", "STATE", "NAME", NULL };

/* The number alone where there are no keys. */
static const char *const pid_columns[] = { "CTX", "PID", NULL };

/* The words and the order of /proc/vservers/self, then what it does not have. */
static const char *const long_columns[] = {
	"vserver id", "flags", "init pid", "Process Count", "tasks", "Used memory",
	"Context RSS", "Load average", "state", "engine", "name", "uptime", NULL
};

/* ---- command line -------------------------------------------------------------- */

static void add_word(struct request *request, char *word)
{
	request->words = reallocarray(request->words, request->count + 1, sizeof(char *));
	if (!request->words)
		cli_die(CLI_FAILED, -ENOMEM, "--ctx");
	request->words[request->count++] = word;
}

static unsigned int parse_watch(const char *word)
{
	uint64_t seconds;

	if (vps_parse_u64(word, &seconds) || seconds < 1 || seconds > WATCH_MAX)
		cli_usage("--watch='%s': not a number from 1 to %d", word, WATCH_MAX);
	return (unsigned int)seconds;
}

static void set_view(struct request *request, enum view view)
{
	request->view = view;
	request->views++;
}

static void set_output(struct request *request, char *path)
{
	if (!*path)
		cli_usage("--output='': no file");
	free(request->output);
	request->output = path;
}

static void take_option(struct request *request, int option, poptContext popt)
{
	_cleanup_(cli_freep) char *watch = NULL;

	switch (option) {
	case 'c':
		add_word(request, cli_arg(popt));
		break;
	case 'l':
		set_view(request, VIEW_LONG);
		break;
	case 't':
		set_view(request, VIEW_STATE);
		break;
	case 'p':
		set_view(request, VIEW_PIDS);
		break;
	case 'h':
		request->human = true;
		break;
	case 'w':
		watch = cli_arg(popt);
		request->watch_s = parse_watch(watch);
		break;
	case 'j':
		request->format = CLI_JSON;
		break;
	case 'r':
		request->format = CLI_RAW;
		break;
	case 'm':
		set_view(request, VIEW_METRICS);
		break;
	case 'o':
		set_output(request, cli_arg(popt));
		break;
	}
}

static void check_word(const struct request *request, const char *word)
{
	uint32_t id;

	if (vps_parse_id(word, &id) || id != VPS_ID_HOST)
		return;
	if (request->view == VIEW_STATE || request->view == VIEW_PIDS)
		cli_usage("--ctx=%s: the host is shown without --state and --pids", word);
}

static void parse(int argc, char **argv, struct request *request)
{
	poptContext popt = cli_options(argc, argv, options, "");
	const char **operands;
	int option;
	size_t i;

	while ((option = cli_next(popt)) > 0)
		take_option(request, option, popt);
	operands = cli_operands(popt, NULL);
	if (*operands)
		cli_usage("'%s': contexts are given with --ctx", *operands);
	if (request->views > 1)
		cli_usage("--long, --state, --pids and --openmetrics exclude each other");
	if (request->view == VIEW_METRICS && (request->human || request->format != CLI_TABLE))
		cli_usage("--openmetrics goes with --ctx and --output alone");
	if (request->watch_s && (request->view == VIEW_METRICS || request->output))
		cli_usage("--watch does not go with --openmetrics and --output");
	for (i = 0; i < request->count; i++)
		check_word(request, request->words[i]);
}

/* ---- fields -------------------------------------------------------------------- */

static uint64_t uptime(const struct look *look, const struct vps_context_info *info)
{
	if (info->id == VPS_ID_HOST)
		return look->now_us;
	if (info->state != VPS_STATE_RUNNING || !info->started_us)
		return 0;
	/* It may have begun after the clock was read. */
	if (info->started_us > look->now_us)
		return 0;
	return look->now_us - info->started_us;
}

/* People get KiB as from ps(1), or a unit; programs get bytes. */
static void add_size(const struct look *look, uint64_t bytes)
{
	char text[24];

	if (look->request->human)
		cli_human_size(bytes, text);
	else
		snprintf(text, sizeof(text), "%" PRIu64, (bytes + 512) / 1024);
	cli_table_number(look->table, bytes, text);
}

static void add_time(const struct look *look, uint64_t us)
{
	char text[24];

	cli_table_number(look->table, us, cli_human_time(us, text));
}

static void add_usage_row(const struct look *look, const struct vps_context_info *info,
			  const struct vps_usage *usage)
{
	cli_table_number(look->table, info->id, NULL);
	cli_table_number(look->table, usage->procs, NULL);
	add_size(look, usage->vsz);
	add_size(look, usage->rss);
	add_time(look, usage->user_us);
	add_time(look, usage->system_us);
	add_time(look, uptime(look, info));
	cli_table_string(look->table, info->name);
	cli_table_row(look->table);
}

static void format_flags(uint32_t flags, char *buf, size_t size)
{
	if (vps_format_flags(flags, buf, size) <= 0)
		snprintf(buf, size, "none");
}

static void add_long_row(const struct look *look, const struct vps_context_info *info,
			 const struct vps_usage *usage)
{
	char flags[64];

	format_flags(info->flags, flags, sizeof(flags));
	cli_table_number(look->table, info->id, NULL);
	cli_table_string(look->table, flags);
	cli_table_number(look->table, (uint64_t)info->init, NULL);
	cli_table_number(look->table, usage->procs, NULL);
	cli_table_number(look->table, usage->tasks, NULL);
	cli_table_number(look->table, usage->vsz, NULL);
	cli_table_number(look->table, usage->rss, NULL);
	if (*usage->load)
		cli_table_string(look->table, usage->load);
	else
		cli_table_none(look->table);
	cli_table_string(look->table, vps_state_name(info->state));
	cli_table_string(look->table, vps_host_engine(look->host));
	cli_table_string(look->table, info->name);
	add_time(look, uptime(look, info));
	cli_table_row(look->table);
}

/* ---- looking --------------------------------------------------------------------- */

static int show_pids(const struct look *look, uint32_t id)
{
	_cleanup_(cli_freep) pid_t *pids = NULL;
	size_t count, i;
	int err = vps_context_pids(look->host, id, &pids, &count);

	for (i = 0; !err && i < count; i++) {
		if (look->request->format == CLI_JSON)
			cli_table_number(look->table, id, NULL);
		cli_table_number(look->table, (uint64_t)pids[i], NULL);
		cli_table_row(look->table);
	}
	return err;
}

static int show_usage(const struct look *look, const struct vps_context_info *info)
{
	struct vps_usage usage;
	int err = vps_context_usage(look->host, info->id, &usage);

	if (err)
		return err;
	if (look->samples)
		stat_samples_add(look->samples, info, &usage, uptime(look, info));
	else if (look->request->view == VIEW_LONG)
		add_long_row(look, info, &usage);
	else
		add_usage_row(look, info, &usage);
	return 0;
}

static int show_context(const struct look *look, uint32_t id)
{
	struct vps_context_info info;
	int err = vps_context_info(look->host, id, &info);

	if (err)
		return err;
	if (look->request->view == VIEW_PIDS)
		return show_pids(look, id);
	if (look->request->view != VIEW_STATE)
		return show_usage(look, &info);
	cli_table_number(look->table, id, NULL);
	cli_table_string(look->table, vps_state_name(info.state));
	cli_table_string(look->table, info.name);
	cli_table_row(look->table);
	return 0;
}

static void show_host(struct look *look)
{
	static const struct vps_context_info info = {
		.id = VPS_ID_HOST, .state = VPS_STATE_RUNNING, .init = 1, .name = "host",
	};
	int err = show_usage(look, &info);

	if (!err)
		return;
	cli_warn(err, "host");
	look->failed = true;
}

/* A context may be gone since it was listed; one that was asked for must be there. */
static void show_all(struct look *look)
{
	_cleanup_(cli_freep) uint32_t *ids = NULL;
	size_t count, i;
	int err = vps_context_list(look->host, &ids, &count);

	if (err)
		cli_die(CLI_FAILED, err, "contexts");
	if (look->request->view != VIEW_STATE && look->request->view != VIEW_PIDS)
		show_host(look);
	for (i = 0; i < count; i++) {
		err = show_context(look, ids[i]);
		if (!err || err == -ENOENT)
			continue;
		cli_warn(err, "context %u", ids[i]);
		look->failed = true;
	}
}

static void show_word(struct look *look, const char *word)
{
	uint32_t id;
	int err;

	if (!vps_parse_id(word, &id) && id == VPS_ID_HOST) {
		show_host(look);
		return;
	}
	err = cli_find_context(look->host, word, &id);
	if (!err) {
		err = show_context(look, id);
		if (err)
			cli_warn(err, "context %u", id);
	}
	look->failed |= err != 0;
}

static struct cli_table *make_table(const struct request *request)
{
	bool json = request->format == CLI_JSON;

	switch (request->view) {
	case VIEW_LONG:
		return cli_table_new(request->format == CLI_TABLE ? CLI_LINES :
				     request->format, long_columns);
	case VIEW_STATE:
		return cli_table_new(request->format, state_columns);
	case VIEW_PIDS:
		return cli_table_new(json ? CLI_JSON : CLI_RAW, pid_columns + !json);
	default:
		return cli_table_new(request->format, usage_columns);
	}
}

static void show_asked_for(struct look *look)
{
	const struct request *request = look->request;

	for (size_t i = 0; i < request->count; i++)
		show_word(look, request->words[i]);
	if (!request->count)
		show_all(look);
}

static void print_metrics(struct look *look)
{
	show_asked_for(look);
	stat_samples_print(look->samples);
}

static void print_table(struct look *look)
{
	look->table = make_table(look->request);
	show_asked_for(look);
	if (cli_table_print(look->table))
		look->failed = true;
}

/* Exit status. */
static int take_look(struct vps_host *host, const struct request *request)
{
	struct stat_samples samples = { .count = 0 };
	struct look look = { .host = host, .request = request };
	struct timespec now;

	if (request->view == VIEW_METRICS)
		look.samples = &samples;
	clock_gettime(CLOCK_BOOTTIME, &now);
	look.now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	if (look.samples)
		print_metrics(&look);
	else
		print_table(&look);
	return look.failed ? CLI_FAILED : CLI_OK;
}

/* Some contexts alone do not take the place of all. */
static int look_into(struct vps_host *host, const struct request *request)
{
	int fd = cli_replace_stdout(request->output), status = take_look(host, request);

	return cli_replace_stdout_end(request->output, fd, !status) ? CLI_FAILED : status;
}

static noreturn void watch(struct vps_host *host, const struct request *request)
{
	static const char clear[] = "\033[H\033[2J";
	bool screen = isatty(1);

	for (;;) {
		if (screen)
			fputs(clear, stdout);
		if (take_look(host, request))
			exit(CLI_FAILED);
		sleep(request->watch_s);
		if (!screen && request->format == CLI_TABLE)
			putchar('\n');
	}
}

int main(int argc, char **argv)
{
	struct request request = { .view = VIEW_USAGE };
	struct vps_host *host;
	size_t i;
	int status;

	cli_init("vps-stat", CLI_FAILED, CLI_USAGE);
	parse(argc, argv, &request);
	host = cli_host();
	if (request.watch_s)
		watch(host, &request);
	status = request.output ? look_into(host, &request) : take_look(host, &request);
	vps_host_close(host);
	for (i = 0; i < request.count; i++)
		free(request.words[i]);
	free(request.words);
	free(request.output);
	return status;
}
