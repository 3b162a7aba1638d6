// SPDX-License-Identifier: GPL-2.0-or-later
/* What the ledger has, as a picture that gnuplot draws. */
#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "vtraf.h"

/* More curves than can be told apart are one. */
#define CURVES_MAX 10

/* Beyond them a picture has more tics than room, and beside a legend there is less of it. */
#define TICS_MAX 16
#define TICS_MAX_EACH 11

/* A mean over less is no mean. */
#define MEAN_MIN_S 300

/* What was counted in one period. */
struct point {
	uint64_t start;
	uint64_t in, out;
};

/**
 * struct curve - of one VPS, or of all
 * @points: in their order
 */
struct curve {
	char *label;
	struct point *points;
	size_t count, room;
	uint64_t in, out;
};

/**
 * struct plot - what has been read of the ledger
 * @script: for gnuplot
 * @unit: by which rates are divided; @unit_name: of that
 * @peak_in, @peak_out: the highest rates
 */
struct plot {
	const struct vps_report_spec *spec;
	const struct traffic_graph *graph;
	struct curve *curves;
	size_t count;
	FILE *script;
	double unit;
	const char *unit_name;
	double peak_in, peak_out;
};

static noreturn void die_no_memory(void)
{
	cli_die(cli.failed, -ENOMEM, "graph");
}

/* ---- what is drawn ------------------------------------------------------------------- */

static struct curve *find_curve(struct plot *plot, const char *label)
{
	struct curve *curve;

	for (size_t i = 0; i < plot->count; i++)
		if (!strcmp(plot->curves[i].label, label))
			return &plot->curves[i];
	plot->curves = reallocarray(plot->curves, plot->count + 1, sizeof(*plot->curves));
	if (!plot->curves)
		die_no_memory();
	curve = &plot->curves[plot->count++];
	*curve = (struct curve){ .label = strdup(label) };
	if (!curve->label)
		die_no_memory();
	return curve;
}

/* Not before the last one. */
static void add_point(struct curve *curve, const struct point *point)
{
	struct point *last = curve->count ? &curve->points[curve->count - 1] : NULL;

	curve->in += point->in;
	curve->out += point->out;
	if (last && last->start == point->start) {
		last->in += point->in;
		last->out += point->out;
		return;
	}
	if (curve->count == curve->room) {
		curve->room = curve->room ? 2 * curve->room : 64;
		curve->points = reallocarray(curve->points, curve->room, sizeof(struct point));
		if (!curve->points)
			die_no_memory();
	}
	curve->points[curve->count++] = *point;
}

static int take_row(const struct vps_report_row *row, void *data)
{
	struct point point = { row->start, row->count.in, row->count.out };
	struct plot *plot = data;
	char number[24];

	snprintf(number, sizeof(number), "context %" PRIu32, row->id);
	add_point(find_curve(plot, !plot->graph->each ? "" : *row->name ? row->name : number),
		  &point);
	return 0;
}

static int compare_sums(const void *a, const void *b)
{
	const struct curve *x = a, *y = b;
	uint64_t p = x->in + x->out, q = y->in + y->out;

	return p == q ? strcmp(x->label, y->label) : p < q ? 1 : -1;
}

static int compare_starts(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* The curves with least traffic become one. */
static void fold_small(struct plot *plot)
{
	struct curve all = { .label = NULL }, sum = { .label = NULL };
	size_t i, p;

	if (plot->count)
		qsort(plot->curves, plot->count, sizeof(*plot->curves), compare_sums);
	if (plot->count <= CURVES_MAX)
		return;
	for (i = CURVES_MAX - 1; i < plot->count; i++) {
		struct curve *curve = &plot->curves[i];

		/* Each begins anew: they are put in order below. */
		for (p = 0; p < curve->count; p++) {
			struct point point = curve->points[p];

			add_point(&all, &point);
		}
		free(curve->label);
		free(curve->points);
	}
	qsort(all.points, all.count, sizeof(*all.points), compare_starts);
	for (p = 0; p < all.count; p++)
		add_point(&sum, &all.points[p]);
	free(all.points);
	if (asprintf(&sum.label, "%zu others", plot->count - (CURVES_MAX - 1)) < 0)
		die_no_memory();
	plot->count = CURVES_MAX;
	plot->curves[CURVES_MAX - 1] = sum;
}

/* ---- time ------------------------------------------------------------------------------ */

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t end_of(const struct plot *plot, const struct point *point)
{
	return smaller(cli_period_end(plot->spec->period, point->start), plot->graph->now);
}

/* Is there a mean yet? */
static bool is_drawn(const struct plot *plot, const struct point *point)
{
	return end_of(plot, point) >= point->start + MEAN_MIN_S;
}

static double rate_of(const struct plot *plot, const struct point *point, uint64_t bytes)
{
	return (double)bytes * 8 / (double)(end_of(plot, point) - point->start) / plot->unit;
}

/**
 * struct tic_writer - how many labels have been written to @script
 */
struct tic_writer {
	FILE *script;
	unsigned int count;
};

static void write_tic(uint64_t after, const char *label, void *data)
{
	struct tic_writer *writer = data;

	fprintf(writer->script, "%s\"%s\" %" PRIu64, writer->count++ ? ", " : "", label, after);
}

static void write_tics(const struct plot *plot)
{
	struct tic_writer writer = { .script = plot->script };

	fputs("set xtics (", plot->script);
	traffic_tics(plot->spec->from, plot->spec->to,
		     plot->graph->each ? TICS_MAX_EACH : TICS_MAX, write_tic, &writer);
	fputs(")\n", plot->script);
}

/* ---- the script ------------------------------------------------------------------------ */

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static void find_peaks(struct plot *plot)
{
	for (size_t i = 0; i < plot->count; i++) {
		const struct curve *curve = &plot->curves[i];

		for (size_t p = 0; p < curve->count; p++) {
			const struct point *point = &curve->points[p];

			if (!is_drawn(plot, point))
				continue;
			plot->peak_in = larger(plot->peak_in, rate_of(plot, point, point->in));
			plot->peak_out = larger(plot->peak_out, rate_of(plot, point, point->out));
		}
	}
}

/* From here on rates are in the unit. */
static void find_unit(struct plot *plot)
{
	static const char *const names[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s",
					     "Pbit/s" };
	size_t unit = 0;

	plot->unit = 1;
	find_peaks(plot);
	while (larger(plot->peak_in, plot->peak_out) >= 1000 * plot->unit &&
	       unit + 1 < sizeof(names) / sizeof(*names)) {
		plot->unit *= 1000;
		unit++;
	}
	plot->unit_name = names[unit];
	plot->peak_in /= plot->unit;
	plot->peak_out /= plot->unit;
}

static void write_height(const struct plot *plot, double peak)
{
	fprintf(plot->script, "set yrange [0:%g]\n", peak > 0 ? peak * 1.08 : 1);
}

/* Text between quotes in which nothing means anything but itself. */
static void write_quoted(FILE *script, const char *text)
{
	putc('\'', script);
	for (; *text; text++) {
		if (*text == '\'')
			putc('\'', script);
		putc((unsigned char)*text < ' ' ? '?' : *text, script);
	}
	putc('\'', script);
}

static void write_title(const struct plot *plot)
{
	const struct vps_report_spec *spec = plot->spec;
	enum vps_period unit = spec->from % 86400 || spec->to % 86400 ? VPS_PERIOD_HOUR :
								       VPS_PERIOD_DAY;
	char from[CLI_PERIOD_TEXT], to[CLI_PERIOD_TEXT], number[24];
	_cleanup_(cli_freep) char *title = NULL;

	snprintf(number, sizeof(number), "context %" PRIu32, spec->id);
	cli_period_text(unit, spec->from, from);
	cli_period_text(unit, spec->to - 1, to);
	if (asprintf(&title, "Traffic of %s%s%s, %s%s%s",
		     spec->name ?: spec->id != VPS_ID_ANY ? number :
		     plot->graph->each ? "each VPS" : "all VPSes",
		     spec->class ? ", class " : "", spec->class ?: "", from,
		     strcmp(from, to) ? " to " : "", strcmp(from, to) ? to : "") < 0)
		die_no_memory();
	fputs("set title ", plot->script);
	write_quoted(plot->script, title);
	putc('\n', plot->script);
}

/* Each period is a step; what was not counted is a gap, for which gnuplot has an empty line. */
static void write_data(const struct plot *plot, size_t number)
{
	const struct curve *curve = &plot->curves[number];
	uint64_t from = plot->spec->from, last = 0;

	fprintf(plot->script, "$c%zu << END\n", number);
	for (size_t p = 0; p < curve->count; p++) {
		const struct point *point = &curve->points[p];
		uint64_t end = end_of(plot, point);
		double in, out;

		if (!is_drawn(plot, point))
			continue;
		in = rate_of(plot, point, point->in);
		out = rate_of(plot, point, point->out);
		if (last && point->start != last)
			fputc('\n', plot->script);
		fprintf(plot->script, "%" PRIu64 " %.6g %.6g\n%" PRIu64 " %.6g %.6g\n",
			point->start - from, in, out, end - from, in, out);
		last = end;
	}
	fputs("END\n", plot->script);
}

static void write_head(const struct plot *plot)
{
	static const char *const means[] = {
		[VPS_PERIOD_HOUR] = "hour", [VPS_PERIOD_DAY] = "day",
		[VPS_PERIOD_MONTH] = "month",
	};
	FILE *script = plot->script;
	int height = plot->graph->each ? 760 : 460;

	fputs("set encoding utf8\n", script);
	if (plot->graph->png)
		fprintf(script, "if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) {\n"
				"set terminal pngcairo noenhanced size 1000,%d font 'sans,10'\n"
				"} else {\n"
				"set terminal png noenhanced size 1000,%d\n}\n", height, height);
	else
		fprintf(script, "set terminal svg noenhanced size 1000,%d font 'sans,12'"
				" background '#ffffff'\n", height);
	fprintf(script, "set xrange [0:%" PRIu64 "]\n", plot->spec->to - plot->spec->from);
	fprintf(script, "set ylabel '%s, mean of each %s'\n", plot->unit_name,
		means[plot->spec->period]);
	fputs("set xlabel 'UTC'\nset format y '%g'\nset tics nomirror out\nset border 3\n"
	      "set grid back lt 1 lw 0.5 lc rgb '#d8d8d8'\nset lmargin 10\nset rmargin 4\n",
	      script);
}

/* A direction of a curve, with what it sums up to. */
static void write_legend(const struct plot *plot, const char *what, uint64_t bytes)
{
	_cleanup_(cli_freep) char *text = NULL;
	char size[16];

	if (asprintf(&text, "%s %s", what, cli_human_size(bytes, size)) < 0)
		die_no_memory();
	fputs(" title ", plot->script);
	write_quoted(plot->script, text);
}

static void write_empty(const struct plot *plot)
{
	write_height(plot, 0);
	fputs("set label 'nothing in the ledger' at graph 0.5,0.5 center\n"
	      "plot NaN notitle\n", plot->script);
}

static void write_one(const struct plot *plot)
{
	const struct curve *curve = &plot->curves[0];

	write_height(plot, larger(plot->peak_in, plot->peak_out));
	fputs("set key outside top right horizontal\n"
	      "plot $c0 using 1:2 with filledcurves y=0 lc rgb '#a8dba8' notitle, \\\n"
	      "'' using 1:2 with lines lw 1.5 lc rgb '#2e8b57'", plot->script);
	write_legend(plot, "in", curve->in);
	fputs(", \\\n'' using 1:3 with lines lw 1.5 lc rgb '#1f4e9c'", plot->script);
	write_legend(plot, "out", curve->out);
	putc('\n', plot->script);
}

/* Both directions of many would be a tangle: each has a half of the picture. */
static void write_each(const struct plot *plot)
{
	static const char *const colours[CURVES_MAX] = {
		"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
		"#8c564b", "#e377c2", "#bcbd22", "#17becf", "#7f7f7f",
	};

	fputs("set key outside right top vertical Left reverse maxcols 1\nset rmargin 26\n"
	      "set multiplot layout 2,1\nset xlabel\n", plot->script);
	for (int out = 0; out < 2; out++) {
		write_height(plot, out ? plot->peak_out : plot->peak_in);
		fprintf(plot->script, "set ylabel '%s %s'\n", out ? "out," : "in,",
			plot->unit_name);
		if (out)
			fputs("set xlabel 'UTC'\nunset title\n", plot->script);
		for (size_t i = 0; i < plot->count; i++) {
			const struct curve *curve = &plot->curves[i];

			fprintf(plot->script, "%s$c%zu using 1:%d with lines lw 1.5 lc rgb '%s'",
				i ? ", \\\n" : "plot ", i, out ? 3 : 2, colours[i]);
			write_legend(plot, curve->label, out ? curve->out : curve->in);
		}
		putc('\n', plot->script);
	}
	fputs("unset multiplot\n", plot->script);
}

static bool has_data(const struct plot *plot)
{
	for (size_t i = 0; i < plot->count; i++)
		for (size_t p = 0; p < plot->curves[i].count; p++)
			if (is_drawn(plot, &plot->curves[i].points[p]))
				return true;
	return false;
}

static void write_script(struct plot *plot)
{
	find_unit(plot);
	write_head(plot);
	write_title(plot);
	write_tics(plot);
	for (size_t i = 0; i < plot->count; i++)
		write_data(plot, i);
	if (!has_data(plot))
		write_empty(plot);
	else if (plot->graph->each)
		write_each(plot);
	else
		write_one(plot);
}

/* ---- gnuplot --------------------------------------------------------------------------- */

static int spawn_gnuplot(int in, int out, int errors, pid_t *ret_pid)
{
	char *const argv[] = { "gnuplot", "-d", NULL };
	posix_spawn_file_actions_t actions;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	err = -posix_spawn_file_actions_adddup2(&actions, in, 0);
	if (!err)
		err = -posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (!err)
		err = -posix_spawn_file_actions_adddup2(&actions, errors, 2);
	if (!err)
		err = -posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* The line that says something, among those with which it points at the place. */
static void warn_gnuplot(int errors)
{
	char text[1024], *line, *rest = text;
	ssize_t len = pread(errors, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (line[strspn(line, " \t^")])
			break;
	cli_warn(0, "gnuplot: %s", line ? line + strspn(line, " \t^") : "failed");
}

static int run_gnuplot(int script, int out)
{
	_cleanup_(cli_closep) int errors = memfd_create("gnuplot", MFD_CLOEXEC);
	struct stat st;
	int err, status;
	pid_t pid;

	err = errors < 0 ? -errno : spawn_gnuplot(script, out, errors, &pid);
	if (err == -ENOENT)
		cli_warn(0, "--graph: gnuplot is not installed (package gnuplot-nox on Debian,"
			    " gnuplot on Fedora)");
	else if (err)
		cli_warn(err, "gnuplot");
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!cli_exit_status(status) && !fstat(out, &st) && st.st_size > 0)
		return 0;
	warn_gnuplot(errors);
	return -EIO;
}

static int draw(struct plot *plot)
{
	_cleanup_(cli_closep) int out = cli_replace_open(plot->graph->path);
	int fd = memfd_create("script", MFD_CLOEXEC), err;

	plot->script = fd < 0 ? NULL : fdopen(fd, "w");
	if (!plot->script)
		cli_die(cli.failed, -errno, "graph");
	write_script(plot);
	if (fflush(plot->script) || lseek(fd, 0, SEEK_SET) < 0)
		cli_die(cli.failed, -errno, "graph");
	err = run_gnuplot(fd, out);
	fclose(plot->script);
	return err ?: cli_replace_commit(plot->graph->path, out);
}

int traffic_draw(struct vps_ledger *ledger, const struct vps_report_spec *spec,
		 const struct traffic_graph *graph)
{
	struct plot plot = { .spec = spec, .graph = graph };
	struct vps_fault fault = { .step = "" };
	int err = vps_ledger_report(ledger, spec, take_row, &plot, &fault);

	if (!err && !plot.count)
		err = traffic_was_ever(ledger, spec, &fault);
	if (err && err != -ENOENT) {
		cli_warn_fault(err, &fault);
	} else if (!err) {
		fold_small(&plot);
		err = draw(&plot);
	}
	for (size_t i = 0; i < plot.count; i++) {
		free(plot.curves[i].label);
		free(plot.curves[i].points);
	}
	free(plot.curves);
	return err;
}
