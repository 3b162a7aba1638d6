/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages of HTML that stand for themselves: the directory, the text, the pictures. */
#ifndef VPS_CLI_PAGES_H
#define VPS_CLI_PAGES_H

#include <uthash.h>

#include "vtraf.h"

/* ---- a directory of pages (folder.c) ----------------------------------------- */

/*
 * Every page says in its first bytes that it is ours, and its name. What does not is never
 * replaced nor removed.
 */
struct folder;

/*
 * Makes @path if there is nothing. Dies where others could write in it, or somebody is at work
 * there. One at a time; an exit before the commit leaves all as it was.
 */
struct folder *folder_open(const char *path);

/* A new page, with its first bytes, up to the inside of <head>; or dies. One at a time. */
FILE *folder_begin(struct folder *folder, const char *name);
void folder_end(struct folder *folder, FILE *page);

/* The new pages take the place of the old ones, which are removed where no new one is; or dies. */
void folder_commit(struct folder *folder);

/* ---- text (markup.c) ----------------------------------------------------------- */

/* With what means something escaped, and what is not printable ASCII as \ooo. */
void markup_text(FILE *page, const char *text);

/* From the inside of <head> to that of <body>, and the end. */
void markup_begin(FILE *page, const char *title);
void markup_end(FILE *page);

/* Cells of a table; @class may be NULL. A rate is bits a second, without the unit. */
void markup_bytes(FILE *page, uint64_t bytes, const char *class);
void markup_rate(FILE *page, uint64_t bits);
void markup_period(FILE *page, enum vps_period period, uint64_t start);

/* ---- pictures (chart.c) ---------------------------------------------------------- */

/**
 * struct chart_row - what was counted in a period
 * @in_95, @out_95: bits a second; nothing where the row is a sum of several VPSes
 */
struct chart_row {
	uint64_t start;
	uint64_t in, out;
	uint64_t in_95, out_95;
};

/**
 * struct chart - rows of [@from, @to), in their order; hours as rates, others as bytes
 * @mark: whose percentiles have a line each; or NULL
 */
struct chart {
	enum vps_period period;
	uint64_t from;
	uint64_t to;
	const struct chart_row *rows;
	size_t count;
	const struct chart_row *mark;
	const char *label;
};

/* An element <svg>, as wide as there is room. */
void chart_draw(FILE *page, const struct chart *chart);

/* ---- what is told (gather.c) -------------------------------------------------------- */

#define PERIODS 3

/**
 * struct subject - a VPS, or all of them together
 * @file: its page, which no other subject has
 * @rows: by period
 */
struct subject {
	char *file;
	char *name;
	uint32_t id;
	struct {
		struct chart_row *rows;
		size_t count, room;
	} periods[PERIODS];
	UT_hash_handle hh;
};

/**
 * struct near_limit - a limit that is nearly met
 * @file: of the page of its context, if there is one
 */
struct near_limit {
	char *file;
	struct vps_context_info context;
	const struct vps_resource *resource;
	struct vps_limit_state state;
};

/**
 * struct gathered - by name and number; limits by number
 * @from, @to: by period
 */
struct gathered {
	const struct traffic_pages *spec;
	uint64_t from[PERIODS], to[PERIODS];
	struct subject all;
	struct subject *subjects;
	struct near_limit *limits;
	size_t limit_count;
};

/* 0, or an error, which is said. */
int gather(struct vps_ledger *ledger, const struct traffic_pages *spec,
	   struct gathered *ret_gathered);

void gather_free(struct gathered *gathered);

/* Its row for the month that the pages end with; or NULL. */
const struct chart_row *gather_month(const struct gathered *gathered,
				     const struct subject *subject);

#endif /* VPS_CLI_PAGES_H */
