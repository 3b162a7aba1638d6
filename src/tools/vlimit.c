// SPDX-License-Identifier: GPL-2.0-or-later
/* vlimit - shows and sets what contexts may use, and what they have met of it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vlimit.h"

/* Above these a val stands for a resource: its place in the table. */
enum {
	OPT_NEAR = 256,
	OPT_SINCE,
	OPT_RESET,
	OPT_CONFIG,
	OPT_RESOURCES,
	OPT_JSON,
	OPT_RAW,
	OPT_METRICS,
	OPT_OUTPUT,
	OPT_RLIMIT,
	OPT_RESOURCE = 1024,
};

#define RESOURCES_MAX 32
#define RLIMITS_MAX 16

/* What was told by the last --since-last. */
#define MARKS_FILE "vlimit.hits"

/**
 * struct request - the command line
 * @words: contexts asked for, by number or name
 * @near: least percentage of a limit, 0 for all rows
 * @texts: value asked for of each resource, by its place in the table
 * @limits: the same, parsed
 * @output: a file in place of stdout, or NULL
 */
struct request {
	char **words;
	size_t word_count;
	bool all;
	bool human;
	uint64_t near;
	bool since;
	bool reset;
	bool config;
	bool resources;
	enum cli_format format;
	bool formatted;
	bool metrics;
	char *output;
	char *texts[RESOURCES_MAX];
	struct vps_limit limits[RESOURCES_MAX];
	size_t limit_count;
	char *rlimit_texts[RLIMITS_MAX];
	struct vps_rlimit rlimits[RLIMITS_MAX];
	size_t rlimit_count;
	const char **command;
};

static const struct poptOption fixed_options[] = {
	{ "ctx", 'c', POPT_ARG_STRING, NULL, 'c', "this context or VPS; may be repeated",
	  "N|NAME" },
	{ "all", 'a', POPT_ARG_NONE, NULL, 'a', "every context", NULL },
	{ "human", 'h', POPT_ARG_NONE, NULL, 'h', "sizes with a unit", NULL },
	{ "near", 0, POPT_ARG_STRING, NULL, OPT_NEAR,
	  "only what has come so near to a limit", "PERCENT" },
	{ "since-last", 0, POPT_ARG_NONE, NULL, OPT_SINCE,
	  "only what was hit since this was asked last", NULL },
	{ "reset-peak", 0, POPT_ARG_NONE, NULL, OPT_RESET, "begin new peaks", NULL },
	{ "resources", 0, POPT_ARG_NONE, NULL, OPT_RESOURCES,
	  "what can be limited, and why not where it cannot", NULL },
	{ "config", 0, POPT_ARG_NONE, NULL, OPT_CONFIG,
	  "check the limits, and print them as lines of a configuration", NULL },
	{ "rlimit", 0, POPT_ARG_STRING, NULL, OPT_RLIMIT,
	  "limit of each process of CMD; may be repeated", "NAME=[SOFT:]HARD" },
	{ "json", 0, POPT_ARG_NONE, NULL, OPT_JSON, "an array of objects", NULL },
	{ "raw", 0, POPT_ARG_NONE, NULL, OPT_RAW, "one record a line, plain numbers", NULL },
	{ "openmetrics", 0, POPT_ARG_NONE, NULL, OPT_METRICS, "all of it as Prometheus reads it",
	  NULL },
	{ "output", 0, POPT_ARG_STRING, NULL, OPT_OUTPUT,
	  "into FILE, which is the old one until it is whole", "FILE" },
};

#define FIXED (sizeof(fixed_options) / sizeof(*fixed_options))

static const char *const limit_columns[] = {
	">CTX", "RESOURCE", ">USED", ">PEAK", ">SOFT", ">HARD", ">HITS", NULL
};

static const char *const resource_columns[] = {
	"RESOURCE", "ALIAS", "UNIT", "KEY", "WHAT", "STATUS", NULL
};

/* ---- command line ---------------------------------------------------------------- */

static struct poptOption resource_option(size_t i, const char *word, bool shown)
{
	return (struct poptOption){
		.longName = word,
		.argInfo = POPT_ARG_STRING | (shown ? 0 : POPT_ARGFLAG_DOC_HIDDEN),
		.val = OPT_RESOURCE + (int)i,
		.descrip = vps_resource_at(i)->what,
		.argDescrip = "[SOFT:]HARD",
	};
}

/* Each resource is an option, and so is its other name. */
static const struct poptOption *make_options(void)
{
	static struct poptOption options[FIXED + 2 * RESOURCES_MAX + 1];
	const struct vps_resource *resource;
	size_t count = FIXED, i;

	memcpy(options, fixed_options, sizeof(fixed_options));
	for (i = 0; i < RESOURCES_MAX && (resource = vps_resource_at(i)); i++) {
		options[count++] = resource_option(i, resource->name, true);
		if (resource->alias)
			options[count++] = resource_option(i, resource->alias, false);
	}
	return options;
}

/* For whoever has misspelt one. */
static const char *known_resources(void)
{
	const struct vps_resource *resource;
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		cli_die(cli.failed, -ENOMEM, "options");
	fputs("resources are", out);
	for (i = 0; (resource = vps_resource_at(i)); i++)
		fprintf(out, "%s %s", i ? "," : "", resource->name);
	fclose(out);
	return text;
}

static void add_word(struct request *r, char *word)
{
	r->words = reallocarray(r->words, r->word_count + 1, sizeof(char *));
	if (!r->words)
		cli_die(cli.failed, -ENOMEM, "--ctx");
	r->words[r->word_count++] = word;
}

static void add_rlimit(struct request *r, char *text)
{
	if (r->rlimit_count == RLIMITS_MAX)
		cli_usage("--rlimit: more than %d", RLIMITS_MAX);
	r->rlimit_texts[r->rlimit_count++] = text;
}

static void set_format(struct request *r, enum cli_format format)
{
	r->format = format;
	r->formatted = true;
}

static void set_output(struct request *r, char *path)
{
	if (!*path)
		cli_usage("--output='': no file");
	free(r->output);
	r->output = path;
}

static void take_option(struct request *r, int option, char *arg)
{
	switch (option) {
	case 'c': add_word(r, arg); break;
	case 'a': r->all = true; break;
	case 'h': r->human = true; break;
	case OPT_NEAR: r->near = cli_take_percent("near", arg); break;
	case OPT_SINCE: r->since = true; break;
	case OPT_RESET: r->reset = true; break;
	case OPT_CONFIG: r->config = true; break;
	case OPT_RESOURCES: r->resources = true; break;
	case OPT_JSON: set_format(r, CLI_JSON); break;
	case OPT_RAW: set_format(r, CLI_RAW); break;
	case OPT_METRICS: r->metrics = true; break;
	case OPT_OUTPUT: set_output(r, arg); break;
	case OPT_RLIMIT: add_rlimit(r, arg); break;
	default:
		/* Twice, by both of its names perhaps: the last one counts. */
		free(r->texts[option - OPT_RESOURCE]);
		r->texts[option - OPT_RESOURCE] = arg;
	}
}

static noreturn void die_value(int err, const char *name, const char *text, uint64_t min,
			       uint64_t max)
{
	if (err == -EDOM)
		cli_usage("--%s='%s': soft is above hard", name, text);
	if (err == -ERANGE)
		cli_usage("--%s='%s': not from %" PRIu64 " to %" PRIu64, name, text, min, max);
	if (err != -EINVAL)
		cli_die(cli.failed, err, "--%s='%s'", name, text);
	cli_usage("--%s='%s': not a limit, as 100, 64M, 25%%, inf or SOFT:HARD", name, text);
}

static void parse_limits(struct request *r)
{
	const struct vps_resource *resource;
	size_t i;

	for (i = 0; i < RESOURCES_MAX && (resource = vps_resource_at(i)); i++) {
		int err;

		if (!r->texts[i])
			continue;
		err = vps_limit_parse(resource, r->texts[i], &r->limits[r->limit_count++]);
		if (err)
			die_value(err, resource->name, r->texts[i], resource->min, resource->max);
	}
}

static void parse_rlimits(struct request *r)
{
	for (size_t i = 0; i < r->rlimit_count; i++)
		cli_take_rlimit(r->rlimit_texts[i], &r->rlimits[i]);
}

/* Rules over several options. */
static void check(const struct request *r)
{
	bool filtered = r->near || r->since;
	bool shows = !r->limit_count && !r->reset && !*r->command && !r->config;

	if (r->all && r->word_count)
		cli_usage("--all and --ctx exclude each other");
	if (r->rlimit_count && !*r->command)
		cli_usage("--rlimit needs a command");
	if (r->reset && (r->limit_count || *r->command || r->config))
		cli_usage("--reset-peak goes with --ctx or --all alone");
	if (r->config && (r->word_count || r->all || *r->command || !r->limit_count))
		cli_usage("--config goes with limits alone");
	if (r->resources && (r->word_count || r->all || filtered || r->metrics || !shows))
		cli_usage("--resources goes with --json, --raw and --output alone");
	if (!shows && (filtered || r->human || r->formatted || r->metrics || r->output))
		cli_usage("--human, --near, --since-last, --json, --raw, --openmetrics and"
			  " --output are for showing");
	if (r->metrics && (filtered || r->human || r->formatted))
		cli_usage("--openmetrics goes with --ctx or --all and --output alone");
	if (r->limit_count && !r->config && r->word_count != 1)
		cli_usage("limits are set for one --ctx");
	if (*r->command && !r->limit_count && r->word_count)
		cli_usage("--ctx with a command needs a limit to set");
	if (!*r->command && !r->config && !r->resources && !r->all && !r->word_count)
		cli_usage("neither --ctx nor --all given");
}

/* With a command the status is the command's; wrong use may come before it is seen. */
static void expect_command(void)
{
	cli.failed = CLI_EXEC_FAILED;
	cli.usage = CLI_EXEC_FAILED;
}

static void parse(int argc, char **argv, struct request *r)
{
	poptContext popt = cli_options(argc, argv, make_options(), "[--] [CMD...]");
	int option, i;

	cli.known = known_resources;
	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			expect_command();
	while ((option = cli_next(popt)) > 0)
		take_option(r, option, cli_arg(popt));
	r->command = cli_operands(popt, NULL);
	if (*r->command)
		expect_command();
	parse_limits(r);
	parse_rlimits(r);
	check(r);
}

/* ---- showing --------------------------------------------------------------------- */

/* One look at the host; @samples in place of @table for --openmetrics. */
struct look {
	struct vps_host *host;
	const struct request *request;
	const struct vps_resource *resources[RESOURCES_MAX];
	size_t resource_count;
	struct cli_table *table;
	struct cli_marks *marks;
	struct limit_samples *samples;
	bool failed;
};

static void add_value(const struct look *look, uint64_t value, enum vps_unit unit)
{
	char text[24];

	if (value == VPS_LIMIT_NONE)
		cli_table_none(look->table);
	else if (value == VPS_LIMIT_INF)
		cli_table_string(look->table, "inf");
	else if (unit == VPS_UNIT_US)
		cli_table_number(look->table, value, cli_human_time(value, text));
	else if (look->request->human && (unit == VPS_UNIT_BYTES || unit == VPS_UNIT_BYTES_S))
		cli_table_number(look->table, value, cli_human_size(value, text));
	else
		cli_table_number(look->table, value, NULL);
}

static bool is_asked_for(const struct look *look, const struct vps_resource *resource,
			 const struct vps_limit_state *state)
{
	uint64_t near = look->request->near;

	return !near || cli_limit_is_near(resource, state, near);
}

/* Leaves what is new in @state->hits; false when there is nothing new. */
static bool is_news(const struct look *look, const struct vps_context_info *info,
		    const struct vps_resource *resource, struct vps_limit_state *state)
{
	uint64_t last, now = state->hits;
	char key[96];

	if (!look->marks)
		return true;
	if (now == VPS_LIMIT_NONE || !now)
		return false;
	/* Another context that has the number by now began at another time. */
	snprintf(key, sizeof(key), "%u %" PRIu64 " %s", info->id, info->started_us,
		 resource->name);
	last = cli_marks_get(look->marks, key);
	cli_marks_set(look->marks, key, now);
	state->hits = now < last ? now : now - last;
	return state->hits > 0;
}

static void add_row(const struct look *look, const struct vps_context_info *info,
		    const struct vps_resource *resource, const struct vps_limit_state *state)
{
	if (look->samples) {
		limit_samples_add(look->samples, info, resource, state);
		return;
	}
	cli_table_number(look->table, info->id, NULL);
	cli_table_string(look->table, resource->name);
	add_value(look, state->used, resource->used_unit);
	add_value(look, state->peak, resource->used_unit);
	add_value(look, state->soft, resource->unit);
	add_value(look, state->hard, resource->unit);
	add_value(look, state->hits, VPS_UNIT_COUNT);
	cli_table_row(look->table);
}

static int show_context(const struct look *look, uint32_t id)
{
	struct vps_context_info info = { .id = id };
	struct vps_limit_state state;
	size_t i;
	int err = look->marks || look->samples ? vps_context_info(look->host, id, &info) : 0;

	for (i = 0; !err && i < look->resource_count; i++) {
		const struct vps_resource *resource = look->resources[i];

		err = vps_limit_get(look->host, id, resource, &state);
		if (err == -ENOTSUP)
			err = 0;
		else if (!err && is_asked_for(look, resource, &state) &&
			 is_news(look, &info, resource, &state))
			add_row(look, &info, resource, &state);
	}
	return err;
}

static int reset_context(const struct look *look, uint32_t id)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < look->resource_count; i++) {
		err = vps_limit_reset_peak(look->host, id, look->resources[i]);
		if (err == -ENOTSUP)	/* it has none */
			err = 0;
	}
	return err;
}

static int visit(const struct look *look, uint32_t id)
{
	return look->request->reset ? reset_context(look, id) : show_context(look, id);
}

/* A context may be gone since it was listed; one that was asked for must be there. */
static void visit_all(struct look *look)
{
	_cleanup_(cli_freep) uint32_t *ids = NULL;
	size_t count, i;
	int err = vps_context_list(look->host, &ids, &count);

	if (err)
		cli_die(cli.failed, err, "contexts");
	for (i = 0; i < count; i++) {
		err = visit(look, ids[i]);
		if (!err || err == -ENOENT || err == -ENODEV)
			continue;
		cli_warn(err, "context %u", ids[i]);
		look->failed = true;
	}
}

static void visit_word(struct look *look, const char *word)
{
	uint32_t id;
	int err = cli_find_context(look->host, word, &id);

	if (!err) {
		err = visit(look, id);
		if (err)
			cli_warn(err, "context %u", id);
	}
	look->failed |= err != 0;
}

static void visit_asked_for(struct look *look)
{
	const struct request *r = look->request;

	for (size_t i = 0; i < r->word_count; i++)
		visit_word(look, r->words[i]);
	if (r->all)
		visit_all(look);
}

static int print_metrics(struct look *look)
{
	visit_asked_for(look);
	limit_samples_print(look->samples);
	return look->failed ? cli.failed : CLI_OK;
}

static int print_table(struct look *look)
{
	const struct request *r = look->request;

	if (r->since)
		look->marks = cli_marks_open(MARKS_FILE);
	look->table = cli_table_new(r->format, limit_columns);
	visit_asked_for(look);
	/* Nothing is forgotten that could not be told. */
	if (!r->reset && cli_table_print(look->table))
		return cli.failed;
	/* When all were seen, what is left is of contexts that are gone. */
	if (look->marks && cli_marks_save(look->marks, !r->all || look->failed))
		look->failed = true;
	return look->failed ? cli.failed : CLI_OK;
}

static int take_look(struct vps_host *host, const struct request *r)
{
	struct limit_samples samples = { .count = 0 };
	struct look look = { .host = host, .request = r, .samples = r->metrics ? &samples : NULL };
	const struct vps_resource *resource;
	size_t i;

	for (i = 0; i < RESOURCES_MAX && (resource = vps_resource_at(i)); i++)
		if (!vps_resource_refusal(host, resource))
			look.resources[look.resource_count++] = resource;
	return look.samples ? print_metrics(&look) : print_table(&look);
}

static int list_resources(struct vps_host *host, const struct request *r)
{
	struct cli_table *table = cli_table_new(r->format, resource_columns);
	const struct vps_resource *resource;
	size_t i;

	for (i = 0; (resource = vps_resource_at(i)); i++) {
		cli_table_string(table, resource->name);
		cli_table_string(table, resource->alias ?: "");
		cli_table_string(table, vps_unit_name(resource->unit));
		cli_table_string(table, resource->key);
		cli_table_string(table, resource->what);
		cli_table_string(table, vps_resource_refusal(host, resource) ?: "ok");
		cli_table_row(table);
	}
	return cli_table_print(table) ? cli.failed : CLI_OK;
}

/* ---- setting ----------------------------------------------------------------------- */

static noreturn void die_fault(int err, const struct vps_fault *fault)
{
	cli_warn_fault(err, fault);
	exit(cli.failed);
}

/* The lines for vps.conf(5), once it is known that this host can hold to them. */
static int print_config(struct vps_host *host, const struct request *r)
{
	const struct vps_resource *resource;
	struct vps_fault fault;
	size_t i;
	int err = vps_limit_check(host, r->limits, r->limit_count, &fault);

	if (err)
		die_fault(err, &fault);
	for (i = 0; i < RESOURCES_MAX && (resource = vps_resource_at(i)); i++)
		if (r->texts[i])
			printf("%s=\"%s\"\n", resource->key, r->texts[i]);
	return CLI_OK;
}

/* To be said when the limit is set, and asked before: then it may be less. */
static void note_excess(struct vps_host *host, uint32_t id, const struct vps_limit *limit,
			uint64_t *ret_used)
{
	const struct vps_resource *resource = limit->resource;
	struct vps_limit_state state;
	uint64_t least = limit->soft < limit->hard ? limit->soft : limit->hard;

	*ret_used = VPS_LIMIT_NONE;
	if (resource->unit != resource->used_unit ||
	    vps_limit_get(host, id, resource, &state) || state.used == VPS_LIMIT_NONE)
		return;
	if (state.used > least)
		*ret_used = state.used;
}

static void set_limits(struct vps_host *host, const struct request *r)
{
	uint32_t id = cli_context(host, r->words[0]);
	uint64_t used[RESOURCES_MAX];
	struct vps_fault fault;
	size_t i;
	int err;

	for (i = 0; i < r->limit_count; i++)
		note_excess(host, id, &r->limits[i], &used[i]);
	err = vps_limit_set(host, id, r->limits, r->limit_count, &fault);
	if (err)
		die_fault(err, &fault);
	for (i = 0; i < r->limit_count; i++)
		if (used[i] != VPS_LIMIT_NONE)
			cli_warn(0, "context %u: %s: %" PRIu64 " in use, above the limit: %s", id,
				 r->limits[i].resource->name, used[i],
				 r->limits[i].resource->over ?: "it stays in use");
}

static noreturn void run(const struct request *r)
{
	size_t i;
	int err;

	for (i = 0; i < r->rlimit_count; i++)
		if (prlimit(0, (__rlimit_resource_t)r->rlimits[i].resource, &r->rlimits[i].value,
			    NULL) < 0)
			cli_die(CLI_EXEC_FAILED, -errno, "--rlimit='%s'", r->rlimit_texts[i]);
	execvp(r->command[0], (char *const *)r->command);
	err = -errno;
	cli_die(err == -ENOENT ? CLI_EXEC_NOENT : CLI_EXEC_NORUN, err, "%s", r->command[0]);
}

static int show(struct vps_host *host, const struct request *r)
{
	return r->resources ? list_resources(host, r) : take_look(host, r);
}

/* Some contexts alone do not take the place of all. */
static int show_into(struct vps_host *host, const struct request *r)
{
	int fd = cli_replace_stdout(r->output), status = show(host, r);

	return cli_replace_stdout_end(r->output, fd, !status) ? cli.failed : status;
}

int main(int argc, char **argv)
{
	struct request request = { .near = 0 };
	struct vps_host *host;
	int status = CLI_OK;

	cli_init("vlimit", CLI_FAILED, CLI_USAGE);
	parse(argc, argv, &request);
	/* The limits of a process are nothing of the host's: anybody may lower his own. */
	if (*request.command && !request.limit_count)
		run(&request);
	host = cli_host();
	if (request.config)
		status = print_config(host, &request);
	else if (request.limit_count)
		set_limits(host, &request);
	else
		status = request.output ? show_into(host, &request) : show(host, &request);
	vps_host_close(host);
	if (*request.command)
		run(&request);
	return status;
}
