/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses what now: looks at contexts, one after the other, and what has changed between two. */
#ifndef VPS_CLI_TOP_H
#define VPS_CLI_TOP_H

#include "cli.h"

/* ---- load averages (load.c) ----------------------------------------------------------- */

/* How often the kernel looks who is active, in microseconds. */
#define TOP_LOAD_US INT64_C(5000000)

/* In the kernel's fixed point. */
struct top_load {
	uint64_t averages[3];
};

/* What follows when @active tasks were so at the end of a period. */
void top_load_add(struct top_load *load, uint64_t active);

/* Of one, five or fifteen minutes: @which is 0, 1 or 2. */
double top_load_average(const struct top_load *load, int which);

/* ---- looking (top-look.c) ---------------------------------------------------------------- */

enum top_field {
	TOP_CTX,
	TOP_CPU,
	TOP_CPU_HOST,
	TOP_CPU_CAP,
	TOP_MEM,
	TOP_MEM_HOST,
	TOP_MEM_CAP,
	TOP_PROC,
	TOP_PROC_HOST,
	TOP_PROC_CAP,
	TOP_IN,
	TOP_OUT,
	TOP_NEAR,
	TOP_LOAD1,
	TOP_LOAD5,
	TOP_LOAD15,
	TOP_NAME,
	TOP_FIELDS,
};

/**
 * struct top_row - a context
 * @started_us: tells it from another one that had its number before
 * @values: by enum top_field, but for TOP_NAME; NAN: not known
 * @nearest: what TOP_NEAR percent of is used; or NULL
 * @cpu_us, @in, @out: counters of which the rates are
 * @counted: the last two are known
 * @load, @loads: from how many periods
 */
struct top_row {
	uint32_t id;
	uint64_t started_us;
	char name[VPS_NAME_MAX + 1];
	double values[TOP_FIELDS];
	const struct vps_resource *nearest;
	uint64_t cpu_us;
	uint64_t in, out;
	bool counted;
	struct top_load load;
	unsigned int loads;
};

/**
 * struct top - the last look
 * @rows: ascending by number
 * @cpus, @memory, @procs: what the host has; 0: not known
 * @at_us: when that was, by a clock that is never set; 0: there was none
 * @no_traffic: this host does not count it
 */
struct top {
	struct vps_host *host;
	struct top_row *rows;
	size_t count;
	double cpus, memory, procs;
	int64_t at_us;
	bool no_traffic;
};

void top_open(struct top *top);
void top_close(struct top *top);

/* Looks again. Contexts that end meanwhile are left out. -errno: then all is as it was. */
int top_look(struct top *top);

/* Every TOP_LOAD_US, where the engine keeps no load averages. */
void top_look_load(struct top *top);

/* ---- order and text (top-table.c) ----------------------------------------------------- */

/**
 * struct top_column - how a field is shown
 * @title, @json: its heading, and its key
 * @width: in the full screen; 0: what is left
 * @rank: those of the highest rank go first where there is no room
 * @word, @key: for sorting by it; or NULL and 0
 */
struct top_column {
	const char *title;
	const char *json;
	int width;
	int rank;
	const char *word;
	char key;
};

extern const struct top_column top_columns[TOP_FIELDS];

struct top_order {
	enum top_field field;
	bool reverse;
};

/* Pointers to all rows in that order; free(3) the array. */
struct top_row **top_sort(const struct top *top, const struct top_order *order);

/* For people, "-" where it is not known. */
const char *top_text(const struct top_row *row, enum top_field field, char buf[80]);

/* Prints all rows; -errno of the output, which is said at exit. */
int top_print(const struct top *top, const struct top_order *order, enum cli_format format);

/* ---- the full screen (top-screen.c) ------------------------------------------------------- */

/* Until q is pressed, or for so many @rounds, if not 0; looks again after @delay_us. */
int top_screen(struct top *top, struct top_order order, int64_t delay_us, uint64_t rounds);

#endif /* VPS_CLI_TOP_H */
