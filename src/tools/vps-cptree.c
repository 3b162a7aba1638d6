// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-cptree - copies the tree of a VPS. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "cli.h"

enum { OPT_JOBS = 1 };

static struct vps_copy_spec spec;
static uint64_t told_ms;
static int shows_progress;
static bool is_terminal;

static const struct poptOption options[] = {
	{ "progress", 0, POPT_ARG_NONE, &shows_progress, 0,
	  "tell how far it is, also where that is no terminal", NULL },
	{ "jobs", 'j', POPT_ARG_STRING, NULL, OPT_JOBS, "threads (one a processor)", "N" },
	POPT_TABLEEND
};

/* At a terminal one line that is written again each time; who reads a log reads the last. */
static void progress(uint64_t names, void *data)
{
	(void)data;
	told_ms += VPS_WALK_PROGRESS_MS;
	fprintf(stderr, "%s%" PRIu64 " names, %" PRIu64 " a second%s",
		is_terminal ? "\r\033[K" : "", names, names * 1000 / told_ms,
		is_terminal ? "" : "\n");
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		cli_die(CLI_FAILED, -errno, "%s", path);
	return fd;
}

static void parse(int argc, char **argv, const char ***ret_trees)
{
	poptContext popt = cli_options(argc, argv, options, "[--] FROM TO");
	uint64_t jobs;
	int count;

	while (cli_next(popt) > 0) {
		char *arg = cli_arg(popt);

		if (vps_parse_u64(arg, &jobs) || jobs < 1 || jobs > VPS_WALK_THREADS_MAX)
			cli_usage("--jobs: '%s' is no number from 1 to %d", arg,
				  VPS_WALK_THREADS_MAX);
		spec.threads = (unsigned int)jobs;
		free(arg);
	}
	*ret_trees = cli_operands(popt, &count);
	if (count != 2)
		cli_usage("takes two directories, FROM and TO");
}

int main(int argc, char **argv)
{
	struct vps_copied copied;
	struct vps_fault fault;
	const char **trees;
	int from, to, err;

	cli_init("vps-cptree", CLI_FAILED, CLI_USAGE);
	parse(argc, argv, &trees);
	from = open_dir(trees[0]);
	to = open_dir(trees[1]);
	is_terminal = isatty(STDERR_FILENO);
	if (is_terminal || shows_progress)
		spec.progress = progress;
	err = vps_tree_copy(from, trees[0], to, &spec, &copied, &fault);
	if (told_ms && is_terminal)
		fputs("\r\033[K", stderr);
	close(from);
	close(to);
	if (err) {
		cli_warn_fault(err, &fault);
		return CLI_FAILED;
	}
	if (copied.devices)
		cli_warn(0, "%s: %" PRIu64 " device nodes are left out", trees[0],
			 copied.devices);
	return CLI_OK;
}
