// SPDX-License-Identifier: GPL-2.0-or-later
/* vtraf - tells what contexts have sent and received, now and in the ledger. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "vtraf.h"

/* How long somebody else may be at work on the ledger. */
#define LOCKED_MS 10000

/* Bits, for the table of what goes with what. */
enum mode {
	SHOW = 1 << 0,
	RESET = 1 << 1,
	HARVEST = 1 << 2,
	CHECK_CLASSES = 1 << 3,
	METRICS = 1 << 4,
	REPORT = 1 << 5,
	GRAPH = 1 << 6,
	PAGES = 1 << 7,
};

/* Of a limit, in percent. */
#define NEAR 80

/* What is no option's letter. */
enum {
	OPT_NEAR = 256,
};

/**
 * struct request - the command line
 * @modes: those asked for, of which one remains
 * @spec: of a report or a graph
 * @near: as --near says, or 0
 * @partial: what is printed is not all
 */
struct request {
	unsigned int modes;
	int all, human, longer, verbose, each, json, raw, csv;
	int reset, harvest, metrics;
	char *ctx, *name, *report, *graph, *from, *to, *class, *classes, *output,
		*html;
	uint64_t near;
	enum cli_format format;
	struct vps_report_spec spec;
	uint64_t now;
	bool partial;
};

static struct request request = { .spec.id = VPS_ID_ANY };

static const struct poptOption options[] = {
	{ "ctx", 'c', POPT_ARG_STRING, &request.ctx, 0, "this context or VPS only", "N|NAME" },
	{ "all", 'a', POPT_ARG_NONE, &request.all, 0, "contexts that are gone, too", NULL },
	{ "human", 'h', POPT_ARG_NONE, &request.human, 0, "sizes with a unit", NULL },
	{ "long", 0, POPT_ARG_NONE, &request.longer, 0,
	  "name, packets, and each class for itself", NULL },
	{ "reset", 0, POPT_ARG_NONE, &request.reset, 0, "what is new since the last --reset",
	  NULL },
	{ "harvest", 0, POPT_ARG_NONE, &request.harvest, 0,
	  "move what was counted into the ledger", NULL },
	{ "verbose", 'v', POPT_ARG_NONE, &request.verbose, 0, "with --harvest: say how much",
	  NULL },
	{ "check-classes", 0, POPT_ARG_STRING, &request.classes, 0,
	  "say what is wrong in a file of classes", "FILE" },
	{ "report", 0, POPT_ARG_STRING, &request.report, 0, "what is in the ledger",
	  "hour|day|month" },
	{ "graph", 0, POPT_ARG_STRING, &request.graph, 0, "the same as a picture",
	  "FILE.svg|FILE.png" },
	{ "html", 0, POPT_ARG_STRING, &request.html, 0, "the same as pages, one for each VPS",
	  "DIR" },
	{ "near", 0, POPT_ARG_STRING, NULL, OPT_NEAR,
	  "of pages: a limit is told when so much of it is used (80)", "PERCENT" },
	{ "name", 'n', POPT_ARG_STRING, &request.name, 0,
	  "of reports and graphs: this VPS only", "NAME" },
	{ "from", 0, POPT_ARG_STRING, &request.from, 0,
	  "from its beginning on; YYYY-MM, YYYY-MM-DD or YYYY-MM-DDTHH, UTC", "T" },
	{ "to", 0, POPT_ARG_STRING, &request.to, 0, "until its end", "T" },
	{ "class", 0, POPT_ARG_STRING, &request.class, 0, "this class, or each for itself",
	  "CLASS|all" },
	{ "each", 0, POPT_ARG_NONE, &request.each, 0, "of graphs: a curve for each VPS", NULL },
	{ "openmetrics", 0, POPT_ARG_NONE, &request.metrics, 0, "counters as Prometheus reads them",
	  NULL },
	{ "output", 0, POPT_ARG_STRING, &request.output, 0,
	  "into FILE, which is the old one until it is whole", "FILE" },
	{ "json", 0, POPT_ARG_NONE, &request.json, 0, "an array of objects", NULL },
	{ "csv", 0, POPT_ARG_NONE, &request.csv, 0, "for spreadsheets", NULL },
	{ "raw", 0, POPT_ARG_NONE, &request.raw, 0, "one record a line, no header", NULL },
	POPT_TABLEEND
};

/* ---- the command line ------------------------------------------------------------------ */

static const char *mode_name(unsigned int mode)
{
	switch (mode) {
	case RESET: return "--reset";
	case HARVEST: return "--harvest";
	case CHECK_CLASSES: return "--check-classes";
	case METRICS: return "--openmetrics";
	case REPORT: return "--report";
	case PAGES: return "--html";
	default: return "--graph";
	}
}

/* A graph is of a report. */
static void check_mode(void)
{
	unsigned int modes = (request.reset ? RESET : 0) | (request.harvest ? HARVEST : 0) |
			     (request.classes ? CHECK_CLASSES : 0) |
			     (request.metrics ? METRICS : 0) | (request.report ? REPORT : 0) |
			     (request.graph ? GRAPH : 0) |
			     (request.html ? PAGES : 0);
	unsigned int first = modes & -modes, others = modes & ~first;

	if (others && modes != (REPORT | GRAPH))
		cli_usage("%s and %s exclude each other", mode_name(first),
			  mode_name(others & -others));
	if (modes & GRAPH)
		modes = GRAPH;
	request.modes = modes ?: SHOW;
}

static void check_options(void)
{
	const struct {
		const char *option;
		bool given;
		unsigned int modes;
		const char *needs;
	} rules[] = {
		{ "--ctx", request.ctx, SHOW | METRICS | REPORT | GRAPH, NULL },
		{ "--all", request.all, SHOW, NULL },
		{ "--human", request.human, SHOW | REPORT, NULL },
		{ "--long", request.longer, SHOW, NULL },
		{ "--verbose", request.verbose, HARVEST, "--harvest" },
		{ "--name", request.name, REPORT | GRAPH, "--report or --graph" },
		{ "--from", request.from, REPORT | GRAPH, "--report or --graph" },
		{ "--to", request.to, REPORT | GRAPH | PAGES, "--report, --graph or --html" },
		{ "--class", request.class, REPORT | GRAPH | PAGES, "--report, --graph or --html" },
		{ "--near", request.near, PAGES, "--html" },
		{ "--each", request.each, GRAPH, "--graph" },
		{ "--output", request.output, SHOW | METRICS | REPORT, NULL },
		{ "--json", request.json, SHOW | REPORT, NULL },
		{ "--csv", request.csv, SHOW | REPORT, NULL },
		{ "--raw", request.raw, SHOW | REPORT, NULL },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (!rules[i].given || (rules[i].modes & request.modes))
			continue;
		if (request.modes == SHOW)
			cli_usage("%s needs %s", rules[i].option, rules[i].needs);
		cli_usage("%s does not go with %s", rules[i].option, mode_name(request.modes));
	}
}

/* Without any of them counters are lines for programs and reports tables for people. */
static void check_format(void)
{
	if (request.json + request.csv + request.raw > 1)
		cli_usage("--json, --csv and --raw exclude each other");
	if (request.human && (request.json || request.csv || request.raw))
		cli_usage("--human is for tables");
	request.format = request.json ? CLI_JSON :
			 request.csv ? CLI_CSV :
			 request.raw ? CLI_RAW :
			 request.modes == SHOW && !request.human && !request.longer ? CLI_RAW :
										      CLI_TABLE;
}

/* What is all digits is a number. */
static void check_who(void)
{
	struct vps_report_spec *spec = &request.spec;
	bool is_number = request.ctx && *request.ctx &&
			 !request.ctx[strspn(request.ctx, "0123456789")];

	if (is_number)
		spec->id = cli_parse_ctx(request.ctx, VPS_ID_MIN);
	else if (request.ctx && request.name)
		cli_usage("--ctx='%s': not a number, and --name is given", request.ctx);
	else if (request.ctx && !vps_is_name(request.ctx))
		cli_usage("--ctx='%s': not a context number and not a name", request.ctx);
	else
		spec->name = request.ctx;
	if (request.name && !vps_is_name(request.name))
		cli_usage("--name='%s': not a name", request.name);
	if (request.name)
		spec->name = request.name;
	if (request.each && (request.ctx || request.name))
		cli_usage("--each and --ctx or --name exclude each other");
}

static enum vps_period parse_report(const char *word)
{
	if (!strcmp(word, "hour"))
		return VPS_PERIOD_HOUR;
	if (!strcmp(word, "day"))
		return VPS_PERIOD_DAY;
	if (!strcmp(word, "month"))
		return VPS_PERIOD_MONTH;
	cli_usage("--report='%s': neither hour nor day nor month", word);
}

/* The beginning of @text and, of what @text is, the end. */
static enum vps_period parse_time(const char *option, const char *text, uint64_t *ret_begin,
				  uint64_t *ret_end)
{
	enum vps_period period;

	if (cli_parse_period(text, &period, ret_begin))
		cli_usage("--%s='%s': not YYYY-MM, YYYY-MM-DD or YYYY-MM-DDTHH", option, text);
	*ret_end = cli_period_end(period, *ret_begin);
	/* Hours are the finest, and of a day there is no report by the month. */
	if (request.report && period < parse_report(request.report))
		cli_usage("--%s='%s': finer than --report=%s", option, text, request.report);
	return period;
}

/* A picture has as many steps as can be seen, and not less than it was asked for by. */
static enum vps_period choose_period(uint64_t from, uint64_t to, enum vps_period finest)
{
	if (finest == VPS_PERIOD_HOUR || to - from <= 62 * 86400)
		return VPS_PERIOD_HOUR;
	return finest == VPS_PERIOD_DAY || to - from <= 1100 * 86400 ? VPS_PERIOD_DAY :
								       VPS_PERIOD_MONTH;
}

/* With no --from: the day, the month or the year that ends with @end. */
static uint64_t default_from(enum vps_period period, uint64_t end)
{
	char text[CLI_PERIOD_TEXT];
	uint64_t from;

	if (period == VPS_PERIOD_HOUR)
		return end > 86400 ? end - 86400 : 0;
	if (period == VPS_PERIOD_DAY)
		return cli_period_begin(VPS_PERIOD_MONTH, end - 1);
	cli_period_text(VPS_PERIOD_MONTH, end - 1, text);
	snprintf(text + 5, sizeof(text) - 5, "01");
	cli_parse_period(text, &period, &from);
	return from;
}

static void check_range(void)
{
	enum vps_period finest = VPS_PERIOD_MONTH, unit;
	/* A picture of which nothing is said is of a month. */
	enum vps_period period = request.report ? parse_report(request.report) : VPS_PERIOD_DAY;
	struct vps_report_spec *spec = &request.spec;
	uint64_t ignored;

	spec->to = cli_period_end(request.report ? period : VPS_PERIOD_HOUR, request.now);
	if (request.to)
		finest = parse_time("to", request.to, &ignored, &spec->to);
	spec->from = default_from(period, spec->to);
	if (request.from) {
		unit = parse_time("from", request.from, &spec->from, &ignored);
		finest = unit < finest ? unit : finest;
	}
	if (request.from && request.to && spec->from >= spec->to)
		cli_usage("--from='%s' is after --to='%s'", request.from, request.to);
	if (spec->from >= spec->to)
		cli_usage("--from='%s' has not begun", request.from);
	spec->period = request.report ? period : choose_period(spec->from, spec->to, finest);
}

/* Limits are those of now. */
static void check_end(void)
{
	uint64_t ignored;

	request.spec.to = cli_period_end(VPS_PERIOD_HOUR, request.now);
	if (request.to)
		parse_time("to", request.to, &ignored, &request.spec.to);
	if (request.to && request.near)
		cli_usage("--near and --to exclude each other");
}

static void check_class(void)
{
	if (!request.class)
		return;
	if (!*request.class || strlen(request.class) > VPS_CLASS_NAME_MAX)
		cli_usage("--class='%s': not a class", request.class);
	request.spec.by_class = !strcmp(request.class, "all");
	if (!request.spec.by_class)
		request.spec.class = request.class;
	else if (request.graph)
		cli_usage("--class=all: a graph is of one class, or of all together");
	else if (request.html)
		cli_usage("--class=all: pages are of one class, or of all together");
}

static bool ends_with(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return len > end_len && !strcmp(path + len - end_len, end);
}

static void check(int operands)
{
	if (operands)
		cli_usage("takes no operands");
	check_mode();
	check_options();
	check_format();
	check_who();
	if (request.report || request.graph)
		check_range();
	if (request.html)
		check_end();
	check_class();
	if (request.graph && !ends_with(request.graph, ".svg") &&
	    !ends_with(request.graph, ".png"))
		cli_usage("--graph='%s': neither .svg nor .png", request.graph);
	if (request.html && !*request.html)
		cli_usage("--html='': no directory");
	if (request.output && !*request.output)
		cli_usage("--output='': no file");
}

/* ---- classes --------------------------------------------------------------------------- */

static bool is_roots_alone(int fd, mode_t type)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == type && !st.st_uid &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* Who can write it says what customers pay. A descriptor; -EPERM for an owner or a mode. */
static int open_classes(const char *dir)
{
	_cleanup_(cli_closep) int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dirfd;

	/* Not to wait for the other end of what might be a FIFO. */
	if (fd >= 0)
		fd = openat(dirfd, VPS_CLASS_FILE,
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (is_roots_alone(dirfd, S_IFDIR) && is_roots_alone(fd, S_IFREG))
		return fd;
	close(fd);
	return -EPERM;
}

static void report_class(const struct vps_config_error *error, void *path)
{
	if (error->line)
		cli_warn(0, "%s:%u: %s", (const char *)path, error->line, error->text);
	else
		cli_warn(0, "%s: %s", (const char *)path, error->text);
}

static void warn_fault(int err, const struct vps_fault *fault, const char *object)
{
	if (fault->step && (*fault->step || *fault->object))
		cli_warn_fault(err, fault);
	else
		cli_warn(err, "%s", object);
}

/* What is wrong with the file is said; then the classes are those from before. */
static bool load_classes(struct vps_host *host)
{
	const char *dir = getenv("VPS_CONFIG_DIR");
	_cleanup_(cli_freep) char *path = NULL;
	_cleanup_(cli_closep) int fd = -1;
	struct vps_fault fault = { .step = "" };
	int err;

	if (!dir || !*dir)
		dir = VPS_CONFIG_DIR;
	if (asprintf(&path, "%s/%s", dir, VPS_CLASS_FILE) < 0)
		cli_die(cli.failed, -ENOMEM, "classes");
	fd = open_classes(dir);
	if (fd == -EPERM || fd == -ELOOP)
		cli_warn(0, "%s: must be a plain file, and like its directory be root's and "
			    "writable by root alone", path);
	else if (fd < 0 && fd != -ENOENT)
		cli_warn(fd, "%s", path);
	if (fd < 0 && fd != -ENOENT)
		return false;
	err = vps_traffic_classify(host, fd < 0 ? -1 : fd, report_class, path, &fault);
	if (err && err != -EINVAL)
		warn_fault(err, &fault, path);
	return !err;
}

/* ---- counters and ledger --------------------------------------------------------------- */

static int read_counters(void *host, struct vps_traffic *ret_traffic, struct vps_fault *fault)
{
	return vps_traffic_read(host, ret_traffic, fault);
}

static int forget(void *host, const struct vps_account *account)
{
	return vps_traffic_forget(host, account);
}

static char *ledger_path(void)
{
	const char *dir = getenv("VPS_STATE_DIR");
	char *path;

	if (asprintf(&path, "%s/%s", dir && *dir ? dir : VPS_STATE_DIR,
		     strrchr(VPS_LEDGER, '/') + 1) < 0)
		cli_die(cli.failed, -ENOMEM, "ledger");
	return path;
}

static noreturn void die_fault(int err, const struct vps_fault *fault, const char *object)
{
	warn_fault(err, fault, object);
	exit(cli.failed);
}

static struct vps_ledger *open_ledger(bool write)
{
	_cleanup_(cli_freep) char *path = ledger_path();
	struct vps_fault fault = { .step = "" };
	struct vps_ledger *ledger;
	int err = vps_ledger_open(path, write, LOCKED_MS, &ledger, &fault);

	if (err == -ENOENT && !write)
		cli_die(cli.failed, 0, "%s: there is no ledger yet; vtraf --harvest makes it",
			path);
	if (err)
		die_fault(err, &fault, path);
	return ledger;
}

/* A host that never could count has nothing to lose; one that could before has. */
static bool never_counted(struct vps_host *host)
{
	_cleanup_(cli_freep) char *path = ledger_path();
	const char *refusal;

	/* To find out takes longer than a harvest. */
	if (!access(path, F_OK))
		return false;
	refusal = vps_host_net_refusal(host);
	if (refusal && request.verbose)
		cli_warn(0, "nothing is counted: %s", refusal);
	return refusal != NULL;
}

/* ---- the modes ------------------------------------------------------------------------- */

/* What other tools have counted and not harvested is said each time: it is somebody's money. */
static bool warn_other(void)
{
	_cleanup_(cli_freep) char *path = NULL;

	if (vps_traffic_other(&path))
		return false;
	cli_warn(0, "%s: counted by another version of the tools, and not harvested", path);
	return true;
}

static int harvest(void)
{
	struct vps_harvest_source source = { read_counters, forget, cli_host() };
	struct vps_fault fault = { .step = "" };
	struct vps_ledger *ledger;
	struct vps_harvest done;
	bool classified;
	int err;

	if (never_counted(source.data))
		return CLI_OK;
	classified = load_classes(source.data);
	ledger = open_ledger(true);
	err = vps_ledger_harvest(ledger, &source, request.now, &done, &fault);
	if (err)
		die_fault(err, &fault, "ledger");
	/* Less than that is the time that somebody else had the ledger. */
	if (done.behind * 1000 > LOCKED_MS)
		cli_warn(0, "the clock is %" PRIu64 " s behind the last harvest", done.behind);
	if (request.verbose)
		printf("%zu accounts, %zu closed, %" PRIu64 " bytes in, %" PRIu64 " out\n",
		       done.accounts, done.forgotten, done.count.in, done.count.out);
	vps_ledger_close(ledger);
	vps_host_close(source.data);
	return warn_other() || !classified ? CLI_FAILED : CLI_OK;
}

static int reset(void)
{
	struct vps_harvest_source source = { read_counters, forget, cli_host() };
	struct vps_fault fault = { .step = "" };
	struct traffic_news news = { .rows = NULL };
	struct vps_reset told = { traffic_tell, traffic_flush, &news };
	bool classified = load_classes(source.data);
	struct vps_ledger *ledger = open_ledger(true);
	int err = vps_ledger_reset(ledger, &source, request.now, &told, &fault);

	/* A full disk under the output is said at exit. */
	if (err && !cli.output_err)
		warn_fault(err, &fault, "ledger");
	free(news.rows);
	vps_ledger_close(ledger);
	vps_host_close(source.data);
	return err || !classified ? CLI_FAILED : CLI_OK;
}

/* Of whatever file, which is not in force by that. */
static int check_classes(char *path)
{
	_cleanup_(cli_closep) int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	struct vps_class_network *networks = NULL;
	size_t count;
	int err;

	if (fd < 0)
		cli_die(cli.failed, -errno, "%s", path);
	err = vps_classes_parse(fd, report_class, path, &networks, &count);
	if (!err)
		free(networks);
	else if (err != -EINVAL)
		cli_warn(err, "%s", path);
	return err ? CLI_FAILED : CLI_OK;
}

/* Which it is when it is not counted. */
static int warn_none(const struct traffic_view *view)
{
	if (view->id != VPS_ID_ANY)
		cli_warn(0, "context %" PRIu32 ": has no account", view->id);
	else if (view->name)
		cli_warn(0, "%s: has no account", view->name);
	else
		return CLI_OK;
	return CLI_FAILED;
}

static int show(struct vps_host *host, const struct vps_traffic *traffic)
{
	struct traffic_view view = {
		.format = request.format,
		.human = request.human,
		.id = request.spec.id,
		.name = request.spec.name,
		.gone = request.all,
		.by_class = request.longer || request.json || request.csv,
	};

	/* One that is not there is told from one that is not counted. */
	if (request.ctx && !request.all) {
		view.id = cli_context(host, request.ctx);
		view.name = NULL;
	}
	if (request.modes == METRICS)
		traffic_show_metrics(traffic, &view);
	else if (traffic_show(traffic, &view) == -ENOENT)
		return warn_none(&view);
	return CLI_OK;
}

static int show_counters(void)
{
	struct vps_host *host = cli_host();
	struct vps_fault fault = { .step = "" };
	bool classified = load_classes(host);
	struct vps_traffic traffic;
	int err, status;

	err = vps_traffic_read(host, &traffic, &fault);
	if (err)
		die_fault(err, &fault, "traffic");
	status = show(host, &traffic);
	vps_traffic_free(&traffic);
	vps_host_close(host);
	return classified ? status : CLI_FAILED;
}

static int report(void)
{
	struct vps_ledger *ledger = open_ledger(false);
	struct vps_fault fault = { .step = "" };
	int err = traffic_report(ledger, &request.spec, request.format, request.human, &fault);

	if (err && err != -ENOENT && !cli.output_err)
		warn_fault(err, &fault, "ledger");
	request.partial = err != 0;
	vps_ledger_close(ledger);
	return err ? CLI_FAILED : CLI_OK;
}

static int graph(void)
{
	struct vps_ledger *ledger = open_ledger(false);
	struct traffic_graph drawn = {
		.path = request.graph,
		.png = ends_with(request.graph, ".png"),
		.each = request.each,
		.now = request.now,
	};
	int err = traffic_draw(ledger, &request.spec, &drawn);

	vps_ledger_close(ledger);
	return err ? CLI_FAILED : CLI_OK;
}

static int pages(void)
{
	struct vps_ledger *ledger = open_ledger(false);
	_cleanup_(cli_host_closep) struct vps_host *host = request.to ? NULL : cli_host();
	struct traffic_pages spec = {
		.directory = request.html,
		.to = request.spec.to,
		.class = request.spec.class,
		.host = host,
		.near = request.near ?: NEAR,
	};
	int err = traffic_write_pages(ledger, &spec);

	vps_ledger_close(ledger);
	return err ? CLI_FAILED : CLI_OK;
}

static int act(void)
{
	switch (request.modes) {
	case RESET: return reset();
	case HARVEST: return harvest();
	case CHECK_CLASSES: return check_classes(request.classes);
	case REPORT: return report();
	case GRAPH: return graph();
	case PAGES: return pages();
	default: return show_counters();
	}
}

/* What is not whole does not take the place of what was. */
static int act_into(const char *path)
{
	int fd = cli_replace_stdout(path), status = act();

	return cli_replace_stdout_end(path, fd, !request.partial) ? CLI_FAILED : status;
}

int main(int argc, char **argv)
{
	poptContext popt;
	int operands, option;

	cli_init("vtraf", CLI_FAILED, CLI_USAGE);
	request.now = (uint64_t)time(NULL);
	popt = cli_options(argc, argv, options, "");
	while ((option = cli_next(popt)) > 0)
		if (option == OPT_NEAR)
			request.near = cli_take_percent("near", cli_arg(popt));
	cli_operands(popt, &operands);
	check(operands);
	return request.output ? act_into(request.output) : act();
}
