// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-stat - what contexts there are and what they use. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli.h"

/* The longest --watch: a day. */
#define WATCH_MAX 86400

enum view { VIEW_USAGE, VIEW_LONG, VIEW_STATE, VIEW_PIDS };

/**
 * struct request - the command line
 * @words: contexts asked for, by number or name
 * @views: how many of --long, --state, --pids were given
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
};

/* One look at the host. */
struct look {
	struct vps_host *host;
	const struct request *request;
	struct cli_table *table;
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
		cli_usage("--long, --state and --pids exclude each other");
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
	if (look->request->view == VIEW_LONG)
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
	if (look->request->view == VIEW_USAGE || look->request->view == VIEW_LONG)
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

/* Exit status. */
static int take_look(struct vps_host *host, const struct request *request)
{
	struct look look = { .host = host, .request = request };
	struct timespec now;
	size_t i;

	clock_gettime(CLOCK_BOOTTIME, &now);
	look.now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	look.table = make_table(request);
	for (i = 0; i < request->count; i++)
		show_word(&look, request->words[i]);
	if (!request->count)
		show_all(&look);
	if (cli_table_print(look.table))
		look.failed = true;
	return look.failed ? CLI_FAILED : CLI_OK;
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
	status = take_look(host, &request);
	vps_host_close(host);
	for (i = 0; i < request.count; i++)
		free(request.words[i]);
	free(request.words);
	return status;
}
