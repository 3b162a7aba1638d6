// SPDX-License-Identifier: GPL-2.0-or-later
/* The table on the whole of a terminal, which may be of any size and change it. */
#include <errno.h>
#include <ncurses.h>
#include <string.h>
#include <time.h>

#include "top.h"

/* Lines above the rows: two of sums, an empty one, the headings. */
#define HEAD_LINES 4
/* Names shorter than that are not cut. */
#define NAME_WIDTH 7

static const char help[] =
	"q quit  r reverse  by: c cpu m mem p proc i in o out l limit a load x ctx n name";

/**
 * struct view - what is on the screen
 * @first: row at the top
 * @shown: which columns have room
 * @err: why the last look failed
 */
struct view {
	struct top *top;
	struct top_order order;
	size_t first;
	bool shown[TOP_FIELDS];
	int err;
};

/* ---- columns ------------------------------------------------------------------------------- */

static int width_of_all(const struct view *view)
{
	int width = NAME_WIDTH;

	for (int i = 0; i < TOP_NAME; i++)
		width += view->shown[i] ? top_columns[i].width + 1 : 0;
	return width;
}

/* Drops those of the highest rank until the rest has room, never those without a rank. */
static void choose_columns(struct view *view)
{
	int rank, highest = 0;

	for (int i = 0; i < TOP_FIELDS; i++) {
		view->shown[i] = true;
		if (top_columns[i].rank > highest)
			highest = top_columns[i].rank;
	}
	for (rank = highest; rank > 0 && width_of_all(view) > COLS; rank--)
		for (int i = 0; i < TOP_FIELDS; i++)
			if (top_columns[i].rank == rank)
				view->shown[i] = false;
}

/* ---- drawing --------------------------------------------------------------------- */

/* Writes @text into the rest of the line; what has no room is left out. */
static int put(int y, int x, int width, bool right, const char *text)
{
	int len = (int)strlen(text), room = COLS - x;

	if (room <= 0)
		return x + width + 1;
	if (right && len < width)
		mvaddnstr(y, x + width - len, text, room - (width - len));
	else
		mvaddnstr(y, x, text, width && width < room ? width : room);
	return x + width + 1;
}

static void draw_headings(const struct view *view, int y)
{
	int x = 0;

	attron(A_REVERSE);
	mvhline(y, 0, ' ', COLS);
	for (int i = 0; i < TOP_FIELDS; i++) {
		const char *title = top_columns[i].title;

		if (!view->shown[i])
			continue;
		if ((int)view->order.field == i)
			attron(A_BOLD | A_UNDERLINE);
		x = put(y, x, top_columns[i].width, *title == '>', title + (*title == '>'));
		attroff(A_BOLD | A_UNDERLINE);
	}
	attroff(A_REVERSE);
}

static void draw_row(const struct view *view, int y, const struct top_row *row)
{
	char buf[80];
	int x = 0;

	for (int i = 0; i < TOP_FIELDS; i++)
		if (view->shown[i])
			x = put(y, x, top_columns[i].width, *top_columns[i].title == '>',
				top_text(row, (enum top_field)i, buf));
}

/* What is not known of one adds nothing. */
static double sum_of(const struct top *top, enum top_field field)
{
	double sum = 0;

	for (size_t i = 0; i < top->count; i++)
		if (top->rows[i].values[field] > 0)
			sum += top->rows[i].values[field];
	return sum;
}

static void draw_sums(const struct view *view)
{
	const struct top *top = view->top;
	double load[3] = { 0, 0, 0 };
	char text[160], used[16], total[16], clock[16];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	getloadavg(load, 3);
	snprintf(text, sizeof(text), "%s  %zu contexts, %s engine  host: load %.2f %.2f %.2f",
		 clock, top->count, vps_host_engine(top->host), load[0], load[1], load[2]);
	put(0, 0, 0, false, text);
	if (view->err) {
		snprintf(text, sizeof(text), "cannot look: %s", strerror(-view->err));
	} else {
		cli_human_size((uint64_t)sum_of(top, TOP_MEM), used);
		cli_human_size((uint64_t)top->memory, total);
		snprintf(text, sizeof(text),
			 "all contexts: cpu %.1f%% of %.0f%%  mem %s of %s  proc %.0f of %.0f",
			 sum_of(top, TOP_CPU), top->cpus * 100, used, total,
			 sum_of(top, TOP_PROC), top->procs);
	}
	put(1, 0, 0, false, text);
}

/* Where there is room for rows only, there are rows only. */
static void draw(struct view *view)
{
	_cleanup_(cli_freep) struct top_row **rows = top_sort(view->top, &view->order);
	int head = LINES > HEAD_LINES + 1 ? HEAD_LINES : 0;
	int foot = LINES > HEAD_LINES + 2 ? 1 : 0, room = LINES - head - foot;
	size_t last = view->top->count > (size_t)room ? view->top->count - (size_t)room : 0;

	if (view->first > last)
		view->first = last;
	erase();
	choose_columns(view);
	if (head) {
		draw_sums(view);
		draw_headings(view, head - 1);
	}
	for (int y = 0; y < room && view->first + (size_t)y < view->top->count; y++)
		draw_row(view, head + y, rows[view->first + (size_t)y]);
	if (foot) {
		attron(A_DIM);
		put(LINES - 1, 0, 0, false, help);
		attroff(A_DIM);
	}
	refresh();
}

/* ---- keys ------------------------------------------------------------------------ */

static void sort_by(struct view *view, int key)
{
	for (int i = 0; i < TOP_FIELDS; i++) {
		if (!top_columns[i].key || top_columns[i].key != key)
			continue;
		view->order = (struct top_order){ (enum top_field)i, false };
		view->first = 0;
	}
}

static void scroll_by(struct view *view, int lines)
{
	if (lines < 0 && (size_t)-lines > view->first)
		view->first = 0;
	else
		view->first += (size_t)lines;
}

/* Returns false for the end. */
static bool press(struct view *view, int key)
{
	switch (key) {
	case 'q':
		return false;
	case 'r':
		view->order.reverse = !view->order.reverse;
		break;
	case KEY_UP: scroll_by(view, -1); break;
	case KEY_DOWN: scroll_by(view, 1); break;
	case KEY_PPAGE: scroll_by(view, -(LINES - HEAD_LINES - 1)); break;
	case KEY_NPAGE: scroll_by(view, LINES - HEAD_LINES - 1); break;
	case KEY_HOME: view->first = 0; break;
	case 'L' - '@':	/* ^L: something else has written on it */
		clearok(curscr, TRUE);
		break;
	default:
		sort_by(view, key);
	}
	return true;
}

/* ---- the screen ------------------------------------------------------------------ */

static void leave_screen(void)
{
	if (!isendwin())
		endwin();
}

static void enter_screen(void)
{
	const char *type = getenv("TERM");

	if (!newterm(NULL, stdout, stdin))
		cli_die(cli.failed, 0, "terminal '%s': not known; use --batch", type ?: "");
	/* Whatever way it ends, but for signals, of which ncurses takes care. */
	if (atexit(leave_screen))
		leave_screen();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
}

static int milliseconds_to(int64_t then)
{
	int64_t left = then - cli_clock_us();

	/* Rounded up: to wake too early would be to go round once more. */
	return left <= 0 ? 0 : left > 3600000000 ? 3600000 : (int)((left + 999) / 1000);
}

/* Waits for a key until @then: false for the end. */
static bool attend(struct view *view, int64_t then)
{
	int key;

	timeout(milliseconds_to(then));
	key = getch();
	/* A terminal that has gone answers at once, for ever. */
	if (key == ERR && !isatty(STDIN_FILENO))
		return false;
	return key == ERR || press(view, key);
}

int top_screen(struct top *top, struct top_order order, int64_t delay_us, uint64_t rounds)
{
	struct view view = { .top = top, .order = order };
	int64_t look_at = cli_clock_us(), load_at = look_at + TOP_LOAD_US;

	enter_screen();
	for (uint64_t round = 0;;) {
		int64_t now = cli_clock_us();

		if (now >= load_at) {
			top_look_load(top);
			load_at += TOP_LOAD_US;
		}
		if (now >= look_at) {
			if (rounds && round++ == rounds)
				break;
			view.err = top_look(top);
			look_at = cli_clock_us() + delay_us;
		}
		draw(&view);
		if (!attend(&view, look_at < load_at ? look_at : load_at))
			break;
	}
	leave_screen();
	return CLI_OK;
}
