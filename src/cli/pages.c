// SPDX-License-Identifier: GPL-2.0-or-later
/* Pages of traffic: one of all VPSes and one of each. */
#include <inttypes.h>
#include <string.h>

#include "pages.h"

#define INDEX "index.html"

static const char *const period_names[PERIODS] = {
	[VPS_PERIOD_HOUR] = "Hours", [VPS_PERIOD_DAY] = "Days", [VPS_PERIOD_MONTH] = "Months",
};

/* ---- limits ---------------------------------------------------------------------------- */

static void write_value(FILE *page, uint64_t value, enum vps_unit unit)
{
	if (value == VPS_LIMIT_NONE || value == VPS_LIMIT_INF)
		fputs("<td>-</td>", page);
	else if (unit == VPS_UNIT_BYTES)
		markup_bytes(page, value, NULL);
	else
		fprintf(page, "<td><data value=\"%" PRIu64 "\">%" PRIu64 "</data></td>", value,
			value);
}

/* Both are above what can be reached where there is none. */
static uint64_t lower_limit(const struct vps_limit_state *state)
{
	return state->soft < state->hard ? state->soft : state->hard;
}

static void write_name(FILE *page, const char *name, uint32_t id)
{
	if (*name)
		markup_text(page, name);
	else
		fprintf(page, "context %" PRIu32, id);
}

/* With its link where it has a page. */
static void write_who(FILE *page, const struct gathered *gathered, const struct near_limit *limit)
{
	struct subject *subject;

	HASH_FIND_STR(gathered->subjects, limit->file, subject);
	if (subject)
		fprintf(page, "<a href=\"%s\">", subject->file);
	write_name(page, limit->context.name, limit->context.id);
	if (subject)
		fputs("</a>", page);
}

static void write_limit(FILE *page, const struct gathered *gathered,
			const struct near_limit *limit, bool whose)
{
	uint64_t lower = lower_limit(&limit->state);

	fputs("<tr><th scope=\"row\">", page);
	if (whose) {
		write_who(page, gathered, limit);
		fprintf(page, "</th><td class=\"word\">%s</td>", limit->resource->name);
	} else {
		fprintf(page, "%s</th>", limit->resource->name);
	}
	write_value(page, limit->state.used, limit->resource->used_unit);
	write_value(page, lower, limit->resource->unit);
	fprintf(page, "<td>%.0f %%</td></tr>\n",
		lower ? (double)limit->state.used * 100 / (double)lower : 100);
}

/* Those of @subject, or all. */
static void write_limits(FILE *page, const struct gathered *gathered,
			 const struct subject *subject)
{
	bool any = false;

	if (!gathered->spec->host)
		return;
	fputs("<h2>Limits</h2>\n", page);
	for (size_t i = 0; i < gathered->limit_count; i++) {
		const struct near_limit *limit = &gathered->limits[i];

		if (subject && strcmp(subject->file, limit->file))
			continue;
		if (!any)
			fprintf(page, "<table class=\"limits\"><thead><tr>%s<th%s>Resource</th>"
				      "<th>Used</th><th>Limit</th><th></th></tr></thead><tbody>\n",
				subject ? "" : "<th>VPS</th>", subject ? "" : " class=\"word\"");
		any = true;
		write_limit(page, gathered, limit, !subject);
	}
	if (any)
		fputs("</tbody></table>\n", page);
	else
		fprintf(page, "<p>None is used to %" PRIu64 " %% or more.</p>\n",
			gathered->spec->near);
}

/* ---- a period ---------------------------------------------------------------------------- */

static void write_rows(FILE *page, const struct subject *subject, enum vps_period period,
		       bool percentiles)
{
	const char *bits = percentiles ? "<th>95 % in</th><th>95 % out</th>" : "";

	fprintf(page, "<table class=\"%s\"><thead><tr><th></th><th>In</th><th>Out</th>"
		      "<th class=\"wide\">Total</th>%s</tr></thead><tbody>\n",
		period_names[period], bits);
	/* What is asked for most is what was last. */
	for (size_t i = subject->periods[period].count; i-- > 0;) {
		const struct chart_row *row = &subject->periods[period].rows[i];

		fputs("<tr>", page);
		markup_period(page, period, row->start);
		markup_bytes(page, row->in, NULL);
		markup_bytes(page, row->out, NULL);
		markup_bytes(page, row->in + row->out, "wide");
		if (percentiles) {
			markup_rate(page, row->in_95);
			markup_rate(page, row->out_95);
		}
		fputs("</tr>\n", page);
	}
	fputs("</tbody></table>\n", page);
}

/* @mark: of a VPS, whose percentiles are those of one line. */
static void write_chart(FILE *page, const struct gathered *gathered,
			const struct subject *subject, enum vps_period period,
			const struct chart_row *mark)
{
	struct chart chart = {
		.period = period,
		.from = gathered->from[period],
		.to = gathered->to[period],
		.rows = subject->periods[period].rows,
		.count = subject->periods[period].count,
		.mark = mark,
		.label = period_names[period],
	};
	char text[CLI_PERIOD_TEXT];

	fprintf(page, "<figure><figcaption>%s: <b class=\"in\">in</b> above the line,"
		      " <b class=\"out\">out</b> below",
		period == VPS_PERIOD_HOUR ? "Bits a second, mean of each hour" : "Bytes");
	if (mark)
		fprintf(page, "; <b class=\"mark\">- -</b> 95th percentile of %s",
			cli_period_text(VPS_PERIOD_MONTH, mark->start, text));
	fputs("</figcaption>\n", page);
	chart_draw(page, &chart);
	fputs("</figure>\n", page);
}

static void write_periods(FILE *page, const struct gathered *gathered,
			  const struct subject *subject)
{
	bool single = subject != &gathered->all;
	const char *heading = single ? "h2" : "h3";

	for (enum vps_period period = VPS_PERIOD_HOUR; period <= VPS_PERIOD_MONTH; period++) {
		const struct chart_row *mark = NULL;

		if (single && period == VPS_PERIOD_HOUR)
			mark = gather_month(gathered, subject);
		fprintf(page, "<%s>%s</%s>\n", heading, period_names[period], heading);
		write_chart(page, gathered, subject, period, mark);
		if (!subject->periods[period].count) {
			fputs("<p>Nothing in the ledger.</p>\n", page);
			continue;
		}
		if (period != VPS_PERIOD_MONTH)
			fputs("<details><summary>Numbers</summary>\n", page);
		write_rows(page, subject, period, single && period != VPS_PERIOD_HOUR);
		if (period != VPS_PERIOD_MONTH)
			fputs("</details>\n", page);
	}
}

/* ---- what every page has ------------------------------------------------------------------ */

static void write_until(FILE *page, const struct gathered *gathered)
{
	const struct traffic_pages *spec = gathered->spec;
	char text[CLI_PERIOD_TEXT];

	cli_period_text(VPS_PERIOD_HOUR, spec->to - 1, text);
	fprintf(page, "<p class=\"soft\">Until the end of %.10s %s:00 UTC", text, text + 11);
	if (spec->class) {
		fputs("; class ", page);
		markup_text(page, spec->class);
	}
	fputs("</p>\n", page);
}

static void write_end(FILE *page)
{
	fputs("<footer>Sizes by powers of 1024, rates in bits a second by powers of 1000."
	      " Hours, days and months are those of UTC. The 95th percentile is of hourly means."
	      "</footer>\n", page);
	markup_end(page);
}

/* ---- the page of a VPS --------------------------------------------------------------------- */

static void write_figure(FILE *page, const char *what, const char *text)
{
	fprintf(page, "<div><dt>%s</dt><dd>%s</dd></div>\n", what, text);
}

static void write_month(FILE *page, const struct gathered *gathered, const struct subject *subject)
{
	const struct chart_row *row = gather_month(gathered, subject);
	char text[CLI_PERIOD_TEXT], buf[16];

	fprintf(page, "<h2>%s</h2>\n",
		cli_period_text(VPS_PERIOD_MONTH, gathered->spec->to - 1, text));
	if (!row) {
		fputs("<p>Nothing in the ledger.</p>\n", page);
		return;
	}
	fputs("<dl>\n", page);
	write_figure(page, "In", cli_human_size(row->in, buf));
	write_figure(page, "Out", cli_human_size(row->out, buf));
	write_figure(page, "Total", cli_human_size(row->in + row->out, buf));
	write_figure(page, "95th percentile in", cli_human_rate(row->in_95, buf));
	write_figure(page, "95th percentile out", cli_human_rate(row->out_95, buf));
	fputs("</dl>\n", page);
}

static void write_subject(FILE *page, const struct gathered *gathered,
			  const struct subject *subject)
{
	char number[24];

	snprintf(number, sizeof(number), "context %" PRIu32, subject->id);
	markup_begin(page, *subject->name ? subject->name : number);
	fputs("<nav><a href=\"" INDEX "\">All VPSes</a></nav>\n<h1>", page);
	write_name(page, subject->name, subject->id);
	fputs("</h1>\n", page);
	if (*subject->name)
		fprintf(page, "<p class=\"soft\">%s</p>\n", number);
	write_until(page, gathered);
	write_month(page, gathered, subject);
	write_limits(page, gathered, subject);
	write_periods(page, gathered, subject);
	write_end(page);
}

/* ---- the page of all ------------------------------------------------------------------------ */

static void write_line(FILE *page, const struct gathered *gathered, const struct subject *subject)
{
	const struct chart_row *row = gather_month(gathered, subject);

	fprintf(page, "<tr><th scope=\"row\"><a href=\"%s\">", subject->file);
	write_name(page, subject->name, subject->id);
	fputs("</a></th>", page);
	if (row) {
		markup_bytes(page, row->in, NULL);
		markup_bytes(page, row->out, NULL);
		markup_bytes(page, row->in + row->out, "wide");
		markup_rate(page, row->in_95);
		markup_rate(page, row->out_95);
	} else {
		fputs("<td>-</td><td>-</td><td class=\"wide\">-</td><td>-</td><td>-</td>", page);
	}
	fputs("</tr>\n", page);
}

static void write_index(FILE *page, const struct gathered *gathered)
{
	char text[CLI_PERIOD_TEXT];
	struct subject *subject;

	markup_begin(page, "Traffic");
	/* There may be a thousand lines before it. */
	fputs("<nav><a href=\"#all\">All together</a></nav>\n<h1>Traffic</h1>\n", page);
	write_until(page, gathered);
	write_limits(page, gathered, NULL);
	fprintf(page, "<h2>VPSes in %s</h2>\n",
		cli_period_text(VPS_PERIOD_MONTH, gathered->spec->to - 1, text));
	fputs("<table class=\"VPSes\"><thead><tr><th>VPS</th><th>In</th><th>Out</th>"
	      "<th class=\"wide\">Total</th><th>95 % in</th><th>95 % out</th></tr></thead>"
	      "<tbody>\n", page);
	for (subject = gathered->subjects; subject; subject = subject->hh.next)
		write_line(page, gathered, subject);
	fputs("</tbody></table>\n<h2 id=\"all\">All together</h2>\n", page);
	write_periods(page, gathered, &gathered->all);
	write_end(page);
}

static void write_all(struct folder *folder, const struct gathered *gathered)
{
	const struct subject *subject;
	FILE *page;

	for (subject = gathered->subjects; subject; subject = subject->hh.next) {
		page = folder_begin(folder, subject->file);
		write_subject(page, gathered, subject);
		folder_end(folder, page);
	}
	page = folder_begin(folder, INDEX);
	write_index(page, gathered);
	folder_end(folder, page);
	folder_commit(folder);
}

int traffic_write_pages(struct vps_ledger *ledger, const struct traffic_pages *spec)
{
	struct gathered gathered;
	int err = gather(ledger, spec, &gathered);

	if (!err)
		write_all(folder_open(spec->directory), &gathered);
	gather_free(&gathered);
	return err;
}
