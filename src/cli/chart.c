// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pictures of traffic inside a page: what came in above a line, what went out below it. Across,
 * places are hours or percent, so that a picture is as wide as there is room and its text is not
 * stretched; downwards they are pixels.
 */
#include <inttypes.h>

#include "pages.h"
#include "vtraf.h"

#define HEIGHT 170

/* For the labels of the time. */
#define FOOT 22

/* Of labels that have room on a telephone. */
#define TICS_MAX 5

/* Of lines with a value. */
#define LINES 5

/* What there was, and nothing went by. */
#define LEAST 0.5

/**
 * struct scale - from values to places
 * @line: between two lines with a value
 * @unit: by which values are divided, @unit_name: of that
 * @zero: place of the line from which bars grow
 */
struct scale {
	double line;
	double unit;
	const char *unit_name;
	unsigned int above, below;
	double zero;
	double pixels;
};

static bool is_rate(const struct chart *chart)
{
	return chart->period == VPS_PERIOD_HOUR;
}

/* Bytes of an hour as bits a second. */
static double value_of(const struct chart *chart, uint64_t bytes)
{
	return is_rate(chart) ? (double)bytes / 450 : (double)bytes;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* ---- values ---------------------------------------------------------------------- */

static void find_unit(const struct chart *chart, double most, struct scale *scale)
{
	static const char *const names[] = { "", "K", "M", "G", "T", "P", "E" };
	double base = is_rate(chart) ? 1000 : 1024;
	size_t unit = 0;

	scale->unit = 1;
	while (most >= base * scale->unit && unit + 1 < sizeof(names) / sizeof(*names)) {
		scale->unit *= base;
		unit++;
	}
	scale->unit_name = unit == 1 && is_rate(chart) ? "k" : names[unit];
}

/* The least of 1, 2, 5, 10 ... units that is not below @least. */
static double find_line(double least, double unit)
{
	static const int steps[] = { 1, 2, 5 };
	double line = unit / 10;

	/* There is no half a byte. */
	if (line < 1)
		line = 1;
	for (double ten = line;; ten *= 10)
		for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
			if ((line = ten * steps[i]) >= least)
				return line;
}

static unsigned int count_lines(double most, double line)
{
	unsigned int count = (unsigned int)(most / line);

	return count + (count * line < most);
}

static void find_scale(const struct chart *chart, struct scale *scale)
{
	double in = 0, out = 0;

	for (size_t i = 0; i < chart->count; i++) {
		in = larger(in, value_of(chart, chart->rows[i].in));
		out = larger(out, value_of(chart, chart->rows[i].out));
	}
	if (chart->mark) {
		in = larger(in, (double)chart->mark->in_95);
		out = larger(out, (double)chart->mark->out_95);
	}
	find_unit(chart, larger(in, out), scale);
	scale->line = find_line((in + out) / LINES, scale->unit);
	scale->above = count_lines(in, scale->line) ?: 1;
	scale->below = count_lines(out, scale->line);
	scale->pixels = HEIGHT / (scale->line * (scale->above + scale->below));
	scale->zero = scale->above * scale->line * scale->pixels;
}

static void draw_line(FILE *page, const char *class, double y)
{
	fprintf(page, "<line class=\"%s\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", class, y, y);
}

static void draw_lines(FILE *page, const struct scale *scale)
{
	for (unsigned int i = 0; i <= scale->above + scale->below; i++) {
		unsigned int lines = i < scale->above ? scale->above - i : i - scale->above;
		double value = lines * scale->line;
		double y = i * scale->line * scale->pixels;

		draw_line(page, i == scale->above ? "zero" : "grid", y);
		fprintf(page, "<text class=\"y\" x=\"-6\" y=\"%.1f\" dy=\".32em\">%g%s</text>\n", y,
			value / scale->unit, value > 0 ? scale->unit_name : "");
	}
}

/* ---- time --------------------------------------------------------------------------- */

struct tic_writer {
	FILE *page;
	const struct chart *chart;
};

static void draw_tic(uint64_t after, const char *label, void *data)
{
	const struct tic_writer *writer = data;
	const struct chart *chart = writer->chart;
	double x = (double)after * 100 / (double)(chart->to - chart->from);

	fprintf(writer->page,
		"<line x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>"
		"<text class=\"x\" x=\"%.2f%%\" y=\"%d\">%s</text>\n",
		x, x, HEIGHT, HEIGHT + 5, x, HEIGHT + FOOT - 4, label);
}

/* ---- bars ---------------------------------------------------------------------------- */

/* In hours; days and months have room between them. */
static void find_place(const struct chart *chart, const struct chart_row *row, uint64_t *ret_from,
		       uint64_t *ret_to)
{
	uint64_t from = (row->start - chart->from) / 3600;
	uint64_t to = (cli_period_end(chart->period, row->start) - chart->from) / 3600;
	uint64_t room = (to - from) / 10;

	*ret_from = from + room;
	*ret_to = to - room;
}

/* One shape for all, since a page has hundreds; bars that touch have one outline. */
static void draw_bars(FILE *page, const struct chart *chart, const struct scale *scale, bool out)
{
	uint64_t from, to, next = 0, ignored;
	bool joined = false;

	fprintf(page, "<path class=\"%s\" d=\"", out ? "out" : "in");
	for (size_t i = 0; i < chart->count; i++) {
		const struct chart_row *row = &chart->rows[i];
		double value = value_of(chart, out ? row->out : row->in);
		double height = larger(value * scale->pixels, LEAST);

		find_place(chart, row, &from, &to);
		if (!joined)
			fprintf(page, "M%" PRIu64 " %.1f", from, scale->zero);
		fprintf(page, "V%.1fH%" PRIu64, scale->zero + (out ? height : -height), to);
		if (i + 1 < chart->count)
			find_place(chart, row + 1, &next, &ignored);
		joined = i + 1 < chart->count && next == to;
		if (!joined)
			fprintf(page, "V%.1fZ", scale->zero);
	}
	fputs("\"/>", page);
}

void chart_draw(FILE *page, const struct chart *chart)
{
	struct tic_writer writer = { page, chart };
	struct scale scale;

	find_scale(chart, &scale);
	fprintf(page, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\""
		      " height=\"%d\" aria-label=\"", HEIGHT + FOOT);
	markup_text(page, chart->label);
	fputs("\">\n", page);
	draw_lines(page, &scale);
	traffic_tics(chart->from, chart->to, TICS_MAX, draw_tic, &writer);
	fprintf(page, "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 %" PRIu64 " %d\""
		      " preserveAspectRatio=\"none\">", HEIGHT,
		(chart->to - chart->from) / 3600, HEIGHT);
	draw_bars(page, chart, &scale, false);
	draw_bars(page, chart, &scale, true);
	fputs("</svg>\n", page);
	draw_line(page, "zero", scale.zero);
	if (chart->mark) {
		draw_line(page, "mark", scale.zero - (double)chart->mark->in_95 * scale.pixels);
		draw_line(page, "mark", scale.zero + (double)chart->mark->out_95 * scale.pixels);
	}
	fputs("\n</svg>\n", page);
}
