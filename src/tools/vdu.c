// SPDX-License-Identifier: GPL-2.0-or-later
/* vdu - tells what trees use: space and inodes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

enum {
	OPT_JOBS = 1,
	OPT_BLOCKSIZE,
	OPT_MAX_DEPTH,
	OPT_TOP,
	OPT_CTX,
};

/* How long it may take until somebody at a terminal wants to know how far it is. */
#define PROGRESS_AFTER_MS 2000

/**
 * struct row - a directory that will be printed
 * @tree: number of its operand
 */
struct row {
	int tree;
	char *path;
	struct vps_tree_size size;
};

/**
 * struct request - the command line, and what has been counted
 * @max_depth: how far below the trees directories are shown, if @has_depth
 * @top: how many are shown at the most; 0: all
 * @ctx: context or VPS whose account is asked for, or NULL
 * @tree: number of the operand that is being counted
 * @walked_ms: how long it has taken so far
 */
struct request {
	enum cli_format format;
	int human, apparent, cross, null, only_space, only_inodes, limit, verify;
	char *ctx;
	uint64_t jobs, block, max_depth, top;
	bool has_depth;
	struct row *rows;
	size_t count, room;
	int tree;
	int status;
	uint64_t walked_ms;
	bool shows_progress;
};

static struct request request = { .format = CLI_TABLE, .block = 1 };

static const struct poptOption options[] = {
	{ "space", 0, POPT_ARG_NONE, &request.only_space, 0, "space only", NULL },
	{ "inodes", 0, POPT_ARG_NONE, &request.only_inodes, 0, "inodes only", NULL },
	{ "apparent", 0, POPT_ARG_NONE, &request.apparent, 0,
	  "lengths of files instead of what is allocated for them", NULL },
	{ "human", 'h', POPT_ARG_NONE, &request.human, 0, "sizes with a unit (1.5M)", NULL },
	{ "blocksize", 0, POPT_ARG_STRING, NULL, OPT_BLOCKSIZE, "space in units of N bytes", "N" },
	{ "max-depth", 0, POPT_ARG_STRING, NULL, OPT_MAX_DEPTH,
	  "directories too, down to N below DIR", "N" },
	{ "top", 0, POPT_ARG_STRING, NULL, OPT_TOP, "the N largest directories", "N" },
	{ "cross", 0, POPT_ARG_NONE, &request.cross, 0, "other file systems too", NULL },
	{ "ctx", 'c', POPT_ARG_STRING, NULL, OPT_CTX,
	  "what the host has counted of the tree of this context or VPS", "N|NAME" },
	{ "limit", 0, POPT_ARG_NONE, &request.limit, 0, "with --ctx: its limits too", NULL },
	{ "verify", 0, POPT_ARG_NONE, &request.verify, 0,
	  "with --ctx: count the tree and compare", NULL },
	{ "jobs", 'j', POPT_ARG_STRING, NULL, OPT_JOBS, "threads (one a processor)", "N" },
	{ "null", '0', POPT_ARG_NONE, &request.null, 0,
	  "raw records that end with a zero byte, names as they are", NULL },
	{ "json", 0, POPT_ARG_VAL, &request.format, CLI_JSON, "an array of objects", NULL },
	{ "raw", 0, POPT_ARG_VAL, &request.format, CLI_RAW, "one record a line, no header", NULL },
	POPT_TABLEEND
};

/* ---- what the walk tells -------------------------------------------------------------- */

static uint64_t weight(const struct row *row)
{
	if (request.only_inodes)
		return row->size.inodes;
	return request.apparent ? row->size.apparent : row->size.space;
}

static int compare_weights(const void *a, const void *b)
{
	uint64_t x = weight(a), y = weight(b);

	return x == y ? strcmp(((const struct row *)a)->path, ((const struct row *)b)->path) :
			x < y ? 1 : -1;
}

/* What is in a directory comes right behind it. */
static int compare_paths(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	const unsigned char *p = (const void *)x->path, *q = (const void *)y->path;

	if (x->tree != y->tree)
		return x->tree < y->tree ? -1 : 1;
	for (; *p && *p == *q; p++)
		q++;
	return (*p == '/' ? 1 : *p ? *p + 1 : 0) - (*q == '/' ? 1 : *q ? *q + 1 : 0);
}

/* Only the largest are kept: now and then the others go. */
static void keep_largest(void)
{
	qsort(request.rows, request.count, sizeof(*request.rows), compare_weights);
	while (request.count > request.top)
		free(request.rows[--request.count].path);
}

static void add_row(char *path, const struct vps_tree_size *size)
{
	if (!path)
		cli_die(CLI_FAILED, -ENOMEM, "directories");
	if (request.count == request.room) {
		request.room = request.room ? 2 * request.room : 64;
		request.rows = reallocarray(request.rows, request.room, sizeof(*request.rows));
		if (!request.rows)
			cli_die(CLI_FAILED, -ENOMEM, "directories");
	}
	request.rows[request.count++] = (struct row){ request.tree, path, *size };
	if (request.top && request.count >= 2 * request.top + 64)
		keep_largest();
}

static void report(const struct vps_walk_dir *dir, const struct vps_tree_size *size,
		   unsigned int depth, void *data)
{
	(void)data;
	if (!request.has_depth || depth <= request.max_depth)
		add_row(vps_walk_path(dir), size);
}

static void hide_progress(void)
{
	if (request.shows_progress)
		fputs("\r\033[K", stderr);
	request.shows_progress = false;
}

static void fault(const char *path, int err, void *data)
{
	(void)data;
	hide_progress();
	cli_warn(err, "%s", path);
	request.status = CLI_FAILED;
}

static void progress(uint64_t names, void *data)
{
	(void)data;
	request.walked_ms += VPS_WALK_PROGRESS_MS;
	if (request.walked_ms < PROGRESS_AFTER_MS)
		return;
	hide_progress();
	fprintf(stderr, "vdu: %" PRIu64 " names, %" PRIu64 " a second", names,
		names * 1000 / request.walked_ms);
	request.shows_progress = true;
}

static void count_tree(struct vps_walk *walk, const char *path)
{
	_cleanup_(cli_closep) int tree = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
							    O_CLOEXEC);
	struct vps_tree_size size;
	int err = tree < 0 ? -errno : vps_walk_tree(walk, tree, path, &size);

	if (err)
		fault(path, err, NULL);
}

/* ---- output ------------------------------------------------------------------------------- */

static uint64_t space_of(const struct row *row)
{
	uint64_t bytes = request.apparent ? row->size.apparent : row->size.space;

	return bytes / request.block + !!(bytes % request.block);
}

static void print_null(void)
{
	for (size_t i = 0; i < request.count; i++) {
		const struct row *row = &request.rows[i];

		if (!request.only_inodes)
			printf("%" PRIu64 " ", space_of(row));
		if (!request.only_space)
			printf("%" PRIu64 " ", row->size.inodes);
		printf("%s%c", row->path, '\0');
	}
	if (fflush(stdout))
		cli.output_err = -errno;
}

static void print_json(void)
{
	static const char *const columns[] = { "SPACE", "APPARENT", "INODES", "NAMES", "DIRECTORY",
					       NULL };
	struct cli_table *table = cli_table_new(CLI_JSON, columns);

	for (size_t i = 0; i < request.count; i++) {
		const struct row *row = &request.rows[i];

		cli_table_number(table, row->size.space, NULL);
		cli_table_number(table, row->size.apparent, NULL);
		cli_table_number(table, row->size.inodes, NULL);
		cli_table_number(table, row->size.names, NULL);
		cli_table_string(table, row->path);
		cli_table_row(table);
	}
	cli_table_print(table);
}

static void print_table(void)
{
	const char *columns[4];
	struct cli_table *table;
	size_t width = 0;
	char text[16];

	if (!request.only_inodes)
		columns[width++] = request.apparent ? ">APPARENT" : ">SPACE";
	if (!request.only_space)
		columns[width++] = ">INODES";
	columns[width++] = "DIRECTORY";
	columns[width] = NULL;
	table = cli_table_new(request.format, columns);
	for (size_t i = 0; i < request.count; i++) {
		const struct row *row = &request.rows[i];

		if (!request.only_inodes)
			cli_table_number(table, space_of(row), request.human ?
					 cli_human_size(space_of(row), text) : NULL);
		if (!request.only_space)
			cli_table_number(table, row->size.inodes, NULL);
		cli_table_string(table, row->path);
		cli_table_row(table);
	}
	cli_table_print(table);
}

static void print(void)
{
	if (request.top)
		keep_largest();
	else if (request.count)
		qsort(request.rows, request.count, sizeof(*request.rows), compare_paths);
	if (request.null)
		print_null();
	else if (request.format == CLI_JSON)
		print_json();
	else
		print_table();
}

/* ---- the command line ----------------------------------------------------------------------- */

static uint64_t parse(const char *option, char *text, uint64_t min, uint64_t max, bool is_size)
{
	uint64_t value;
	int err = is_size ? vps_parse_size(text, &value) : vps_parse_u64(text, &value);

	if (err || value < min || value > max)
		cli_usage("--%s: '%s' is no number from %" PRIu64 " to %" PRIu64, option, text, min,
			  max);
	free(text);
	return value;
}

static void parse_options(poptContext popt)
{
	int option;

	while ((option = cli_next(popt)) > 0)
		switch (option) {
		case OPT_JOBS:
			request.jobs = parse("jobs", cli_arg(popt), 1, VPS_WALK_THREADS_MAX, false);
			break;
		case OPT_BLOCKSIZE:
			request.block = parse("blocksize", cli_arg(popt), 1, INT64_MAX, true);
			break;
		case OPT_MAX_DEPTH:
			request.max_depth = parse("max-depth", cli_arg(popt), 0, UINT32_MAX, false);
			request.has_depth = true;
			break;
		case OPT_TOP:
			request.top = parse("top", cli_arg(popt), 1, 1000000, false);
			break;
		case OPT_CTX:
			free(request.ctx);
			request.ctx = cli_arg(popt);
			break;
		}
}

/* An account has no directories and no lengths. */
static void check_account(int count)
{
	if (count)
		cli_usage("--ctx takes no DIR");
	if (request.apparent || request.cross || request.null || request.has_depth || request.top)
		cli_usage("--ctx goes with --limit, --verify, --space, --inodes, --human,"
			  " --blocksize, --jobs, --json and --raw");
}

static void check(int count)
{
	if (request.ctx)
		check_account(count);
	else if (!count)
		cli_usage("no DIR given");
	if (!request.ctx && (request.limit || request.verify))
		cli_usage("--limit and --verify go with --ctx");
	if (request.only_space && request.only_inodes)
		cli_usage("--space and --inodes exclude each other");
	if (request.only_inodes && (request.apparent || request.block > 1 || request.human))
		cli_usage("--apparent, --blocksize and --human are for space");
	if (request.block > 1 && request.human)
		cli_usage("--blocksize and --human exclude each other");
	if (request.null && request.format == CLI_JSON)
		cli_usage("--null and --json exclude each other");
	if (request.format == CLI_JSON && !request.ctx &&
	    (request.only_space || request.only_inodes || request.apparent || request.block > 1))
		cli_usage("--json has everything, in bytes");
	if (request.human && (request.null || request.format != CLI_TABLE))
		cli_usage("--human is for tables");
	if (!request.top)
		request.has_depth = true;
}

static struct vps_walk *new_walk(void)
{
	struct vps_walk_spec spec = { .report = report, .fault = fault };
	struct vps_walk *walk;
	int err;

	spec.threads = (unsigned int)request.jobs;
	spec.cross = request.cross;
	if (isatty(STDERR_FILENO))
		spec.progress = progress;
	err = vps_walk_new(&spec, &walk);
	if (err)
		cli_die(CLI_FAILED, err, "memory");
	return walk;
}

static void count_trees(const char **trees, int count)
{
	struct vps_walk *walk = new_walk();

	for (request.tree = 0; request.tree < count; request.tree++)
		count_tree(walk, trees[request.tree]);
	hide_progress();
	vps_walk_free(walk);
}

/* ---- what the host has counted ---------------------------------------------------------- */

static void verify(const char *tree, const struct vps_disk *disk)
{
	const struct vps_tree_size *size;

	/* The last row is the tree itself. */
	count_trees(&tree, 1);
	if (!request.count)
		return;
	size = &request.rows[request.count - 1].size;
	if (size->space == disk->tree_space && size->inodes == disk->tree_inodes)
		return;
	cli_warn(0, "%s: counted now: %" PRIu64 " bytes, %" PRIu64 " inodes; accounted: %" PRIu64
		 " bytes, %" PRIu64 " inodes", tree, size->space, size->inodes,
		 disk->tree_space, disk->tree_inodes);
	request.status = CLI_FAILED;
}

static void add_space(struct cli_table *table, uint64_t bytes)
{
	uint64_t blocks = bytes / request.block + !!(bytes % request.block);
	char text[16];

	if (bytes == VPS_LIMIT_INF)
		cli_table_string(table, "inf");
	else
		cli_table_number(table, blocks,
				 request.human ? cli_human_size(blocks, text) : NULL);
}

static void print_account(const char *tree, const struct vps_disk *disk)
{
	const char *columns[6];
	struct cli_table *table;
	size_t width = 0;

	if (!request.only_inodes)
		columns[width++] = ">SPACE";
	if (!request.only_inodes && request.limit)
		columns[width++] = ">LIMIT";
	if (!request.only_space)
		columns[width++] = ">INODES";
	if (!request.only_space && request.limit)
		columns[width++] = ">INODE LIMIT";
	columns[width++] = "DIRECTORY";
	columns[width] = NULL;
	table = cli_table_new(request.format, columns);
	if (!request.only_inodes)
		add_space(table, disk->tree_space);
	if (!request.only_inodes && request.limit)
		add_space(table, disk->size);
	if (!request.only_space)
		cli_table_number(table, disk->tree_inodes, NULL);
	if (!request.only_space && request.limit && disk->inodes_max == VPS_LIMIT_INF)
		cli_table_string(table, "inf");
	else if (!request.only_space && request.limit)
		cli_table_number(table, disk->inodes_max, NULL);
	cli_table_string(table, tree);
	cli_table_row(table);
	cli_table_print(table);
}

static void account(void)
{
	struct vps_host *host = cli_host();
	uint32_t id = cli_context(host, request.ctx);
	_cleanup_(cli_freep) char *tree = NULL;
	struct vps_disk disk;
	int err = vps_disk_of(host, id, &disk, &tree);

	vps_host_close(host);
	if (err == -ENODATA)
		cli_die(CLI_FAILED, 0, "context %u: nobody keeps count of its tree; vdu DIR"
			" counts it", id);
	if (err)
		cli_die(CLI_FAILED, err, "context %u", id);
	if (request.verify)
		verify(tree, &disk);
	print_account(tree, &disk);
}

int main(int argc, char **argv)
{
	const char **trees;
	poptContext popt;
	int count;

	cli_init("vdu", CLI_FAILED, CLI_USAGE);
	popt = cli_options(argc, argv, options, "[--] DIR...");
	parse_options(popt);
	trees = cli_operands(popt, &count);
	check(count);
	if (request.ctx) {
		account();
	} else {
		count_trees(trees, count);
		print();
	}
	return request.status;
}
