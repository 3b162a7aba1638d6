// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-config - checks and shows configurations, and runs a command with one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "cli.h"

/* The lock's descriptor in the command that --run executes. */
#define LOCK_FD 9
#define LOCK_WAIT_S 3
#define ENV_PREFIX "VPS_CONF_"

enum view { VIEW_CHECK, VIEW_GET, VIEW_LIST, VIEW_RUN };

/**
 * struct request - the command line
 * @dir: where the configurations are
 * @key: of --get
 * @words: names, or files where there is a slash in one
 * @command: of --run, NULL terminated
 */
struct request {
	enum view view;
	unsigned int views;
	const char *dir;
	const char *key;
	bool lock;
	bool lenient;
	bool formatted;
	enum cli_format format;
	const char **words;
	int count;
	const char **command;
};

static const struct poptOption options[] = {
	{ "check", 0, POPT_ARG_NONE, NULL, 'c', "say what is wrong in each (the default)", NULL },
	{ "get", 0, POPT_ARG_STRING, NULL, 'g', "the value of one key", "KEY" },
	{ "list", 0, POPT_ARG_NONE, NULL, 'l', "every key that is set", NULL },
	{ "run", 0, POPT_ARG_NONE, NULL, 'r', "run CMD with the keys in its environment", NULL },
	{ "lock", 0, POPT_ARG_NONE, NULL, 'k', "--run: hold the lock of the VPS meanwhile", NULL },
	{ "lenient", 0, POPT_ARG_NONE, NULL, 'e',
	  "go on with what is well-formed, or with nothing", NULL },
	{ "dir", 0, POPT_ARG_STRING, NULL, 'd', "configurations are in DIR", "DIR" },
	{ "json", 0, POPT_ARG_NONE, NULL, 'j', "--list: an array of objects", NULL },
	{ "raw", 0, POPT_ARG_NONE, NULL, 'w', "--list: key and value by one space", NULL },
	POPT_TABLEEND
};

static const char *dir_of(const char *variable, const char *otherwise)
{
	const char *dir = getenv(variable);

	return dir && *dir ? dir : otherwise;
}

static void set_view(struct request *r, enum view view)
{
	r->view = view;
	r->views++;
	/* From here on the status is the command's. */
	if (view == VIEW_RUN)
		cli.failed = CLI_EXEC_FAILED;
}

static void set_format(struct request *r, enum cli_format format)
{
	r->format = format;
	r->formatted = true;
}

static void take_option(struct request *r, int opt, poptContext popt)
{
	switch (opt) {
	case 'c':
		set_view(r, VIEW_CHECK);
		break;
	case 'g':
		set_view(r, VIEW_GET);
		r->key = cli_arg(popt);
		break;
	case 'l':
		set_view(r, VIEW_LIST);
		break;
	case 'r':
		set_view(r, VIEW_RUN);
		break;
	case 'k':
		r->lock = true;
		break;
	case 'e':
		r->lenient = true;
		break;
	case 'd':
		r->dir = cli_arg(popt);
		break;
	case 'j':
		set_format(r, CLI_JSON);
		break;
	case 'w':
		set_format(r, CLI_RAW);
		break;
	}
}

static bool is_file(const char *word)
{
	return strchr(word, '/') != NULL;
}

static void check_run(struct request *r)
{
	if (r->count < 1)
		cli_usage("no NAME given");
	if (!vps_is_name(r->words[0]))
		cli_usage("bad name '%s'", r->words[0]);
	r->command = r->words + 1;
	if (r->command[0] && !strcmp(r->command[0], "--"))
		r->command++;
	if (!r->command[0])
		cli_usage("no command given");
}

static void check_request(struct request *r)
{
	int i;

	if (r->views > 1)
		cli_usage("--check, --get, --list and --run exclude each other");
	if (r->lock && r->view != VIEW_RUN)
		cli_usage("--lock needs --run");
	if (r->lenient && r->view == VIEW_CHECK)
		cli_usage("--lenient needs --get, --list or --run");
	if (r->formatted && r->view != VIEW_LIST)
		cli_usage("--json and --raw need --list");
	if (r->key && !vps_config_is_key(r->key))
		cli_usage("--get='%s': no such key", r->key);
	if (r->view == VIEW_RUN) {
		check_run(r);
		return;
	}
	if (r->count < 1)
		cli_usage("no NAME given");
	if (r->view != VIEW_CHECK && r->count > 1)
		cli_usage("more than one NAME given");
	for (i = 0; i < r->count; i++)
		if (!is_file(r->words[i]) && !vps_is_name(r->words[i]))
			cli_usage("bad name '%s'", r->words[i]);
}

static void parse(int argc, char **argv, struct request *r)
{
	poptContext popt = cli_options(argc, argv, options, "NAME... | --run NAME [--] CMD...");
	int opt;

	while ((opt = cli_next(popt)) > 0)
		take_option(r, opt, popt);
	r->words = cli_operands(popt, &r->count);
}

/* ---- reading -------------------------------------------------------------------- */

/* A file given by its path is the caller's own affair; a VPS's must be root's alone. */
static int open_config(const struct request *r, const char *word)
{
	int fd;

	if (!is_file(word))
		return vps_config_open(r->dir, word);
	fd = open(word, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void warn_open(const struct request *r, const char *word, int err)
{
	if (!is_file(word) && (err == -EPERM || err == -ELOOP))
		cli_warn(0, "%s: %s/%s.conf: must be a plain file, and like its directory be "
			 "root's and writable by root alone", word, r->dir, word);
	else
		cli_warn(err, "%s", word);
}

struct listener {
	const struct request *request;
	const char *word;
};

static void report(const struct vps_config_error *err, void *data)
{
	const struct listener *l = data;

	if (is_file(l->word))
		cli_warn(0, "%s:%u: %s", l->word, err->line, err->text);
	else
		cli_warn(0, "%s/%s.conf:%u: %s", l->request->dir, l->word, err->line, err->text);
}

/* Says what is wrong. With errors in it *ret_config is what is well-formed, else NULL. */
static int read_config(const struct request *r, const char *word, struct vps_config **ret_config)
{
	struct listener listener = { .request = r, .word = word };
	_cleanup_(cli_closep) int fd = -1;
	int err;

	*ret_config = NULL;
	fd = open_config(r, word);
	if (fd < 0) {
		/* Nothing to go on with is nothing to complain of, when it may be missing. */
		if (!r->lenient || fd != -ENOENT)
			warn_open(r, word, fd);
		return fd;
	}
	err = vps_config_parse(fd, report, &listener, ret_config);
	if (err && err != -EINVAL)
		cli_warn(err, "%s", word);
	return err;
}

/* The configuration to use, NULL where there is none and none is needed. */
static struct vps_config *need_config(const struct request *r)
{
	struct vps_config *config;

	if (read_config(r, r->words[0], &config) && !r->lenient)
		exit(cli.failed);
	return config;
}

/* ---- showing -------------------------------------------------------------------- */

static int check(const struct request *r)
{
	struct vps_config *config;
	int i, status = CLI_OK;

	for (i = 0; i < r->count; i++) {
		if (read_config(r, r->words[i], &config))
			status = CLI_FAILED;
		vps_config_free(config);
	}
	return status;
}

static int get(const struct request *r)
{
	struct vps_config *config = need_config(r);
	const char *value = config ? vps_config_get(config, r->key) : NULL;

	if (value)
		puts(value);
	vps_config_free(config);
	return CLI_OK;
}

static int list(const struct request *r)
{
	static const char *const columns[] = { "KEY", "VALUE", NULL };
	struct vps_config *config = need_config(r);
	const char *key, *value;
	struct cli_table *table;
	size_t i;

	if (!r->formatted) {
		for (i = 0; config && vps_config_at(config, i, &key, &value); i++)
			printf("%s=%s\n", key, value);
		vps_config_free(config);
		return CLI_OK;
	}
	table = cli_table_new(r->format, columns);
	for (i = 0; config && vps_config_at(config, i, &key, &value); i++) {
		cli_table_string(table, key);
		cli_table_string(table, value);
		cli_table_row(table);
	}
	vps_config_free(config);
	return cli_table_print(table) ? CLI_FAILED : CLI_OK;
}

/* ---- running -------------------------------------------------------------------- */

/* Whoever may write here could hold the lock of any VPS, or plant a link for root. */
static int open_run_dir(const char *dir)
{
	struct stat st;
	int fd;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		cli_die(cli.failed, -errno, "%s", dir);
	fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		cli_die(cli.failed, -errno, "%s", dir);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		cli_die(cli.failed, 0, "%s: not the caller's alone", dir);
	return fd;
}

static int open_lock(const char *dir, const char *file)
{
	_cleanup_(cli_closep) int run_dir = open_run_dir(dir);
	int fd;

	fd = openat(run_dir, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0)
		cli_die(cli.failed, -errno, "%s/%s", dir, file);
	return fd;
}

static void on_alarm(int sig)
{
	(void)sig;	/* only to interrupt flock(2) */
}

/*
 * What a killed wrapper had begun may hold the lock until it has noticed, and whoever only
 * looks whether it is held holds it for a moment.
 */
static int lock_within(int fd, unsigned int seconds)
{
	struct sigaction action = { .sa_handler = on_alarm }, before;
	int err;

	sigaction(SIGALRM, &action, &before);
	alarm(seconds);
	err = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	alarm(0);
	sigaction(SIGALRM, &before, NULL);
	return err;
}

static void take_lock(const char *name)
{
	const char *dir = dir_of("VPS_RUN_DIR", VPS_RUN_DIR);
	char file[VPS_NAME_MAX + sizeof(".lock")];
	int fd, err;

	snprintf(file, sizeof(file), "%s.lock", name);
	fd = open_lock(dir, file);
	err = lock_within(fd, LOCK_WAIT_S);
	if (err == -EINTR)
		cli_die(cli.failed, 0, "%s: another operation is running", name);
	if (err)
		cli_die(cli.failed, err, "%s/%s", dir, file);
	/* dup2() to itself would leave it close-on-exec. */
	if (fd == LOCK_FD ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, LOCK_FD) < 0)
		cli_die(cli.failed, -errno, "%s/%s", dir, file);
}

/* What the caller happens to have set must not pass for configuration. */
static void clear_environment(void)
{
	static const char configured[] = "VPS_CONFIGURED=";
	char **from, **to = environ;

	for (from = environ; from && *from; from++)
		if (strncmp(*from, ENV_PREFIX, strlen(ENV_PREFIX)) &&
		    strncmp(*from, configured, strlen(configured)))
			*to++ = *from;
	if (to)
		*to = NULL;
}

/* All limits in one variable, as vlimit takes them; LIMITS is no key. */
static void export_limits(const struct vps_config *config)
{
	_cleanup_(cli_freep) char *words = NULL;
	const struct vps_resource *resource;
	size_t size, i;
	FILE *out = open_memstream(&words, &size);

	if (!out)
		cli_die(cli.failed, -ENOMEM, "environment");
	for (i = 0; config && (resource = vps_resource_at(i)); i++) {
		const char *value = vps_config_get(config, resource->key);

		if (value)
			fprintf(out, "%s--%s=%s", ftell(out) ? " " : "", resource->name, value);
	}
	if (fclose(out) || (*words && setenv(ENV_PREFIX "LIMITS", words, 1)))
		cli_die(cli.failed, -ENOMEM, "environment");
}

static void export_config(const char *name, const struct vps_config *config)
{
	char variable[sizeof(ENV_PREFIX) + 32];
	const char *key, *value;
	size_t i;

	clear_environment();
	for (i = 0; config && vps_config_at(config, i, &key, &value); i++) {
		snprintf(variable, sizeof(variable), ENV_PREFIX "%s", key);
		if (setenv(variable, value, 1))
			cli_die(cli.failed, -errno, "environment");
	}
	export_limits(config);
	if (setenv("VPS_CONFIGURED", name, 1))
		cli_die(cli.failed, -errno, "environment");
}

/* A mistyped name should not leave a lock behind. */
static void need_file(const struct request *r)
{
	_cleanup_(cli_closep) int fd = open_config(r, r->words[0]);

	if (fd >= 0)
		return;
	warn_open(r, r->words[0], fd);
	exit(cli.failed);
}

static noreturn void run(const struct request *r)
{
	struct vps_config *config;
	int err;

	if (r->lock) {
		if (!r->lenient)
			need_file(r);
		take_lock(r->words[0]);
	}
	config = need_config(r);
	export_config(r->words[0], config);
	vps_config_free(config);
	execvp(r->command[0], (char *const *)r->command);
	err = -errno;
	cli_die(err == -ENOENT ? CLI_EXEC_NOENT : CLI_EXEC_NORUN, err, "%s", r->command[0]);
}

int main(int argc, char **argv)
{
	struct request request = {
		.view = VIEW_CHECK,
		.dir = dir_of("VPS_CONFIG_DIR", VPS_CONFIG_DIR),
	};

	cli_init("vps-config", CLI_FAILED, CLI_EXEC_FAILED);
	parse(argc, argv, &request);
	check_request(&request);
	switch (request.view) {
	case VIEW_CHECK:
		return check(&request);
	case VIEW_GET:
		return get(&request);
	case VIEW_LIST:
		return list(&request);
	case VIEW_RUN:
		break;
	}
	run(&request);
}
