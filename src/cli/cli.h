/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every tool shares: options, messages, exit codes, tables, JSON. A tool
 * parses its options into a struct, checks it, then acts.
 */
#ifndef VPS_CLI_H
#define VPS_CLI_H

#include <popt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <unistd.h>

#include "vps.h"

/* Tools that execute a command: their own failure, cannot run, not found. */
enum {
	CLI_EXEC_FAILED = 125,
	CLI_EXEC_NORUN = 126,
	CLI_EXEC_NOENT = 127,
};

/* All others. */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
};

/* The search path of what is executed in a VPS. */
#define CLI_INSIDE_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/**
 * struct cli - one tool's command line
 * @name: as in its messages
 * @failed, @usage: exit codes for own failure and wrong use (an exec tool: 125 both)
 * @known: what is said with an unknown option ("known are ..."); or NULL
 * @output_err: -errno of output that failed before the exit
 */
struct cli {
	const char *name;
	int failed;
	int usage;
	const char *(*known)(void);
	int output_err;
	poptContext popt;
};

extern struct cli cli;

/*
 * cli_init - names the tool, makes a full or closed stdout a failure at exit (--help
 * included), puts /dev/null on any of fds 0-2 that is closed, and marks every other
 * inherited descriptor close-on-exec: one left open by the caller may be a way out of
 * a VPS.
 */
void cli_init(const char *name, int failed, int usage);

/* Before cli_init(): for a tool whose command has use for inherited descriptors. */
void cli_keep_fds(void);

/*
 * cli_options - begins parsing: POSIX order, --help, --usage and --version besides
 * @options. @operands is shown in --help ("[--] CMD...").
 */
poptContext cli_options(int argc, char **argv, const struct poptOption *options,
			const char *operands);

/* The next option's val, or -1 at the end; a bad option ends the tool with usage. */
int cli_next(poptContext popt);

/* The argument of the option just returned; free(3) it. */
char *cli_arg(poptContext popt);

/*
 * Before cli_options(): takes a first word that is no option out of @argv, since the options
 * behind it would end there otherwise. NULL when there is none.
 */
const char *cli_action(int *argc, char **argv);

/* What follows the options, NULL terminated, never NULL. */
const char **cli_operands(poptContext popt, int *ret_count);

/* "tool: " text [": " reason of -err] on one line of stderr, control bytes shown as \ooo. */
void cli_warn(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, then exit(@status). @err 0 leaves the reason out. */
noreturn void cli_die(int status, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* cli_die() with the usage code and a hint at --help. */
noreturn void cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* cli_warn() of a libvps failure: "tool: " object ": " step ": " reason. */
void cli_warn_fault(int err, const struct vps_fault *fault);

/* Opens the host with the engine that VPS_ENGINE names, or dies with cli.failed. */
struct vps_host *cli_host(void);

/*
 * "N" or a VPS's name to its context; dies with cli.failed when there is none. What is
 * all digits is a number; one below VPS_ID_MIN is wrong use.
 */
uint32_t cli_context(struct vps_host *host, const char *word);

/* The same for one operand of many: warns and returns -errno. */
int cli_find_context(struct vps_host *host, const char *word, uint32_t *ret_id);

/* --ctx's argument; dies with usage when it is no number or below @min. */
uint32_t cli_parse_ctx(const char *arg, uint32_t min);

/* Prints @s with every byte that is not printable ASCII, and those in @also, as \ooo. */
void cli_print_clean(FILE *out, const char *s, const char *also);

/* Would it be printed as it is? */
bool cli_is_clean(const char *s, const char *also);

/* Exit status of an exec tool for a wait status: the command's, or 128 + signal. */
int cli_exit_status(int wait_status);

/* ---- tables and JSON ----------------------------------------------------- */

enum cli_format {
	CLI_TABLE,	/* aligned columns with a header */
	CLI_RAW,	/* one record a line, fields by one space, no header, plain numbers */
	CLI_JSON,	/* an array of objects */
	CLI_LINES,	/* "name: value" lines, an empty one between records */
	CLI_CSV,	/* a line of JSON's keys, then one record a line, plain numbers */
};

struct cli_table;

/*
 * Fields are given in the order of @columns (NULL terminated, must outlive the table); a
 * name that begins with '>' is aligned right. JSON keys are the names in lower case with
 * spaces as '_'.
 */
struct cli_table *cli_table_new(enum cli_format format, const char *const *columns);

/*
 * A field of the row being filled: @text is for people (NULL: the number in
 * decimal); raw, JSON and CSV take the number.
 */
void cli_table_number(struct cli_table *table, uint64_t number, const char *text);
void cli_table_string(struct cli_table *table, const char *string);

/* The same of a number with a fraction, of which raw and CSV have two digits. */
void cli_table_real(struct cli_table *table, double value, const char *text);

/* "yes" or "no", true or false in JSON. */
void cli_table_bool(struct cli_table *table, bool value);

/* A field that has nothing: "-", null in JSON, empty in CSV. */
void cli_table_none(struct cli_table *table);

/* Ends a row. */
void cli_table_row(struct cli_table *table);

/* Prints all and frees; returns 0, or -errno of the output (which is said at exit). */
int cli_table_print(struct cli_table *table);

/* Microseconds of a clock that nobody sets. */
int64_t cli_clock_us(void);

/* 1536 -> "1.5K"; the result is in @buf. */
const char *cli_human_size(uint64_t bytes, char buf[16]);

/* Bits a second, by powers of 1000: 1500000 -> "1.5Mbit/s". */
const char *cli_human_rate(uint64_t bits, char buf[16]);

/* As vserver-stat of 2003: 1m02s03, 2h03m04, 5d06h07. */
const char *cli_human_time(uint64_t us, char buf[24]);

/* ---- metrics as Prometheus reads them (metrics.c) --------------------------- */

struct cli_label {
	const char *name;
	const char *value;
};

/* What a metric is, "gauge" or "counter"; then come all its samples. */
void cli_metric_family(const char *metric, const char *type, const char *help);

/* A sample of a context; @labels besides ctx and name, one without a name last, or NULL. */
void cli_metric(const char *metric, uint32_t id, const char *name,
		const struct cli_label *labels, const char *value);
void cli_metric_number(const char *metric, uint32_t id, const char *name,
		       const struct cli_label *labels, uint64_t value);
void cli_metrics_end(void);

/* ---- addresses in the host's network (addrs.c) ------------------------------ */

/**
 * struct cli_addrs - what --ip, --dev and --bcast have given
 * @items: of --ip, those of named devices too
 * @broadcast: family 0 where none is given
 */
struct cli_addrs {
	struct vps_addr items[VPS_ADDRS_MAX];
	size_t count;
	const char *device;
	struct vps_addr broadcast;
};

/* The argument of --ip, an address or a device, or of --bcast; free it, or die with usage. */
void cli_take_ip(struct cli_addrs *addrs, char *word);
void cli_take_broadcast(struct cli_addrs *addrs, char *word);

/* Which of the three go together; dies with usage. */
void cli_check_addrs(const struct cli_addrs *addrs);

/* Changes those of a context; says what failed and returns it. */
int cli_set_addrs(struct vps_host *host, uint32_t id, const struct cli_addrs *addrs,
		  enum vps_addrs_change change);

/* ---- hours, days and months of UTC (period.c) ------------------------------ */

#define CLI_PERIOD_TEXT 24

/* YYYY-MM, YYYY-MM-DD or, with a blank or a T, YYYY-MM-DD HH, and nothing else. -EINVAL. */
int cli_parse_period(const char *text, enum vps_period *ret_period, uint64_t *ret_begin);

/* Of the period that @time is in: its first second, and the one behind its last. */
uint64_t cli_period_begin(enum vps_period period, uint64_t time);
uint64_t cli_period_end(enum vps_period period, uint64_t time);

/* As cli_parse_period() takes it, with a T; the result is in @buf. */
const char *cli_period_text(enum vps_period period, uint64_t time, char buf[CLI_PERIOD_TEXT]);

/* ---- limits of one process (rlimit.c) ------------------------------------- */

/*
 * "NAME=VALUE" or "NAME=SOFT:HARD", names as in prlimit(1), values in the kernel's units with
 * K M G T P, or "inf". -ENOENT no such name, -EDOM soft above hard, -EINVAL, -ERANGE.
 */
int cli_parse_rlimit(const char *word, struct vps_rlimit *ret_rlimit);

/* The same for --rlimit's argument; dies with usage. */
void cli_take_rlimit(const char *word, struct vps_rlimit *ret_rlimit);

/* ---- limits that are nearly met (near.c) ----------------------------------- */

/* "80" or "80%", 1 to 100, as the argument of --@option; free(3)s it, or dies with usage. */
uint64_t cli_take_percent(const char *option, char *text);

/* Is so much of the soft or the hard limit used? */
bool cli_limit_is_near(const struct vps_resource *resource, const struct vps_limit_state *state,
		       uint64_t percent);

/* ---- numbers of the last look (marks.c) ------------------------------------ */

struct cli_marks;

/* Reads @file of VPS_STATE_DIR (the variable of that name, else the above); or dies. */
struct cli_marks *cli_marks_open(const char *file);

/* 0 where there is none. */
uint64_t cli_marks_get(const struct cli_marks *marks, const char *key);

/* @key has no newline. */
void cli_marks_set(struct cli_marks *marks, const char *key, uint64_t value);

/* Writes what was set, and if @all what was not, and frees; says what failed and returns it. */
int cli_marks_save(struct cli_marks *marks, bool all);

/* ---- whole files (replace.c) ------------------------------------------------- */

/*
 * A descriptor of a new file, empty, which @path is from cli_replace_commit() on, and which an
 * exit before that removes. One at a time. Dies where that cannot be, or @path is no plain file.
 */
int cli_replace_open(const char *path);

/* Says what failed and returns it; then @path is as it was. @fd stays open. */
int cli_replace_commit(const char *path, int fd);

/* The same for all that is printed from now on; the end is that of what is @whole alone. */
int cli_replace_stdout(const char *path);
int cli_replace_stdout_end(const char *path, int fd, bool whole);

/* ---- terminals (pty.c) ---------------------------------------------------- */

/* Is any of fds 0-2 a terminal? */
bool cli_has_tty(void);

/*
 * cli_pty_run - relays between the caller's terminal and @master until @child
 * ends and its output is drained; window size and signals are passed on, and the
 * terminal is as it was before whatever way this process ends, kill -9 included.
 * Fds 0-2 that are no terminal keep flowing as they are. Returns the wait status.
 */
int cli_pty_run(int master, struct vps_child *child);

/**
 * struct cli_pty - the terminal of a command in a context
 * @master, @slave: -1 while there is none
 */
struct cli_pty {
	int master;
	int slave;
};

/* Where any of fds 0-2 is a terminal: a new one, and the slave in its place in @stdio. */
void cli_pty_open(struct cli_pty *pty, int stdio[3]);

/* The same for a terminal that is open already. */
void cli_pty_stdio(const struct cli_pty *pty, int stdio[3]);

/* Waits for the command with its terminal or without, passing signals on: the wait status. */
int cli_pty_attend(struct cli_pty *pty, struct vps_child *child);

/* @signal for the command, or SIGKILL where it is an init that would ignore @signal. */
void cli_pass_signal(const struct vps_child *child, int signal);

/*
 * cli_seal_self - executes the running tool once more, through a mount that nobody can write
 * through, so that a process it starts without a user namespace cannot lead anybody to
 * the tool's file. Returns only when done or impossible (-errno).
 */
int cli_seal_self(char **argv);

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void cli_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* For any pointer variable that is free(3)d. */
static inline void cli_freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cli_host_closep(struct vps_host **host)
{
	if (*host)
		vps_host_close(*host);
}

#endif /* VPS_CLI_H */
