/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traffic as people and programs read it: what is counted now, reports, graphs. */
#ifndef VPS_CLI_VTRAF_H
#define VPS_CLI_VTRAF_H

#include "cli.h"

/**
 * struct traffic_view - which accounts are shown, and how
 * @id: of contexts of this number alone; or VPS_ID_ANY
 * @name: of this VPS alone; or NULL
 * @gone: those of contexts that are gone, too
 * @by_class: a line for each class
 */
struct traffic_view {
	enum cli_format format;
	bool human;
	uint32_t id;
	const char *name;
	bool gone;
	bool by_class;
};

/* Prints them: 0, -ENOENT there was none, or -errno of the output (which is said at exit). */
int traffic_show(const struct vps_traffic *traffic, const struct traffic_view *view);

/* The same as Prometheus reads it; without @gone, or two of one number and name are one series. */
void traffic_show_metrics(const struct vps_traffic *traffic, const struct traffic_view *view);

/**
 * struct traffic_news - lines "CTX IN OUT", one for each number
 * @rows: as they were told
 */
struct traffic_news {
	struct traffic_news_row *rows;
	size_t count, room;
};

/* For vps_ledger_reset(), with a struct traffic_news, which keeps them until they are printed. */
int traffic_tell(uint32_t id, const char *name, const struct vps_count *count, void *news);
int traffic_flush(void *news);

/*
 * 0: the ledger has something that @spec asks for, of whatever time, or it asks for all. -ENOENT,
 * which is said: what was never there is a slip of the pen, and no traffic of it would be a bill of
 * nothing.
 */
int traffic_was_ever(struct vps_ledger *ledger, const struct vps_report_spec *spec,
		     struct vps_fault *fault);

/*
 * traffic_report - prints what the ledger has. 0; -ENOENT as above; or another error of the
 * ledger or the output.
 */
int traffic_report(struct vps_ledger *ledger, const struct vps_report_spec *spec,
		   enum cli_format format, bool human, struct vps_fault *fault);

/**
 * struct traffic_graph - what is drawn
 * @path: of the picture; @png: else SVG
 * @each: a curve for each VPS, else all that @spec asks for is one
 * @now: the end of what can have been counted
 */
struct traffic_graph {
	const char *path;
	bool png;
	bool each;
	uint64_t now;
};

/* Draws what the ledger has, says what failed, and returns it; -ENOENT as above. */
int traffic_draw(struct vps_ledger *ledger, const struct vps_report_spec *spec,
		 const struct traffic_graph *graph);

/**
 * struct traffic_pages - what pages are made of
 * @directory: where
 * @to: the end of what they tell
 * @class: of this class alone; or NULL
 * @host: whose limits are told; or NULL: of no limits
 * @near: a limit is near when so much of it is used, in percent
 */
struct traffic_pages {
	const char *directory;
	uint64_t to;
	const char *class;
	struct vps_host *host;
	uint64_t near;
};

/*
 * traffic_write_pages - a page for each VPS and one of all. Says what failed, and returns it;
 * -ENOENT as above.
 */
int traffic_write_pages(struct vps_ledger *ledger, const struct traffic_pages *spec);

/*
 * traffic_tics - calls @tic for labels of [@from, @to], where hours, days or months begin: @most,
 * unless years are too many. @after: seconds after @from
 */
void traffic_tics(uint64_t from, uint64_t to, unsigned int most,
		  void (*tic)(uint64_t after, const char *label, void *data), void *data);

#endif /* VPS_CLI_VTRAF_H */
