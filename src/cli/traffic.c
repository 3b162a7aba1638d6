// SPDX-License-Identifier: GPL-2.0-or-later
/* What is counted now, and what is new since the last time. */
#include <errno.h>
#include <string.h>

#include "vtraf.h"

static const char *const plain_columns[] = { ">CTX", ">IN", ">OUT", NULL };
static const char *const human_columns[] = { ">CTX", "NAME", ">IN", ">OUT", NULL };
static const char *const class_columns[] = {
	">CTX", "NAME", ">ACCOUNT", "CLASS", ">IN", ">OUT", ">IN PACKETS", ">OUT PACKETS",
	"ENDED", NULL
};

static void add_count(struct vps_count *sum, const struct vps_count *count)
{
	sum->in += count->in;
	sum->out += count->out;
	sum->in_packets += count->in_packets;
	sum->out_packets += count->out_packets;
}

static bool is_shown(const struct vps_account *account, const struct traffic_view *view)
{
	return (view->gone || !account->ended) &&
	       (view->id == VPS_ID_ANY || view->id == account->id) &&
	       (!view->name || !strcmp(view->name, account->name));
}

static void add_bytes(struct cli_table *table, uint64_t bytes, bool human)
{
	char text[16];

	cli_table_number(table, bytes, human ? cli_human_size(bytes, text) : NULL);
}

static void add_class(struct cli_table *table, const struct vps_account *account,
		      const char *class, const struct vps_count *count, bool human)
{
	cli_table_number(table, account->id, NULL);
	cli_table_string(table, account->name);
	cli_table_number(table, account->key, NULL);
	cli_table_string(table, class);
	add_bytes(table, count->in, human);
	add_bytes(table, count->out, human);
	cli_table_number(table, count->in_packets, NULL);
	cli_table_number(table, count->out_packets, NULL);
	cli_table_bool(table, account->ended);
	cli_table_row(table);
}

static void add_sum(struct cli_table *table, const struct vps_account *account,
		    const struct vps_count *sum, bool human)
{
	cli_table_number(table, account->id, NULL);
	if (human)
		cli_table_string(table, account->name);
	add_bytes(table, sum->in, human);
	add_bytes(table, sum->out, human);
	cli_table_row(table);
}

/* Returns the row behind the last of account number @a, which begin with @row. */
static size_t show_account(struct cli_table *table, const struct vps_traffic *traffic, size_t a,
			   size_t row, const struct traffic_view *view)
{
	const struct vps_account *account = &traffic->accounts[a];
	struct vps_count sum = { .in = 0 };
	bool shown = is_shown(account, view);

	for (; row < traffic->row_count && traffic->rows[row].account == a; row++) {
		const struct vps_traffic_row *r = &traffic->rows[row];

		add_count(&sum, &r->count);
		if (shown && view->by_class)
			add_class(table, account, traffic->classes[r->class], &r->count,
				  view->human);
	}
	if (shown && !view->by_class)
		add_sum(table, account, &sum, view->human);
	return row;
}

int traffic_show(const struct vps_traffic *traffic, const struct traffic_view *view)
{
	struct cli_table *table;
	size_t a, row = 0, shown = 0;
	int err;

	table = cli_table_new(view->format, view->by_class ? class_columns :
			      view->human ? human_columns : plain_columns);
	for (a = 0; a < traffic->account_count; a++) {
		shown += is_shown(&traffic->accounts[a], view);
		row = show_account(table, traffic, a, row, view);
	}
	err = cli_table_print(table);
	return err ?: shown ? 0 : -ENOENT;
}

/* ---- metrics ------------------------------------------------------------------------ */

static void print_metric(const char *metric, const struct vps_account *account,
			 const char *class, const char *direction, uint64_t value)
{
	const struct cli_label labels[] = {
		{ "class", class }, { "direction", direction }, { NULL, NULL },
	};

	cli_metric_number(metric, account->id, account->name, labels, value);
}

static void print_family(const struct vps_traffic *traffic, const struct traffic_view *view,
			 const char *metric, const char *help, bool packets)
{
	cli_metric_family(metric, "counter", help);
	for (size_t i = 0; i < traffic->row_count; i++) {
		const struct vps_traffic_row *row = &traffic->rows[i];
		const struct vps_account *account = &traffic->accounts[row->account];
		const char *class = traffic->classes[row->class];

		if (!is_shown(account, view))
			continue;
		print_metric(metric, account, class, "in",
			     packets ? row->count.in_packets : row->count.in);
		print_metric(metric, account, class, "out",
			     packets ? row->count.out_packets : row->count.out);
	}
}

void traffic_show_metrics(const struct vps_traffic *traffic, const struct traffic_view *view)
{
	print_family(traffic, view, "vps_traffic_bytes_total",
		     "Bytes at the layer of IP since the context was made.", false);
	print_family(traffic, view, "vps_traffic_packets_total",
		     "Packets since the context was made.", true);
	cli_metrics_end();
}

/* ---- what is new ---------------------------------------------------------------------- */

struct traffic_news_row {
	uint32_t id;
	uint64_t in, out;
};

int traffic_tell(uint32_t id, const char *name, const struct vps_count *count, void *data)
{
	struct traffic_news *news = data;

	(void)name;
	if (news->count == news->room) {
		size_t room = news->room ? 2 * news->room : 64;
		void *rows = reallocarray(news->rows, room, sizeof(*news->rows));

		if (!rows)
			return -ENOMEM;
		news->rows = rows;
		news->room = room;
	}
	news->rows[news->count++] = (struct traffic_news_row){ id, count->in, count->out };
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct traffic_news_row *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

int traffic_flush(void *data)
{
	struct cli_table *table = cli_table_new(CLI_RAW, plain_columns);
	struct traffic_news *news = data;
	int err;

	if (news->count)
		qsort(news->rows, news->count, sizeof(*news->rows), compare_numbers);
	for (size_t i = 0; i < news->count;) {
		struct traffic_news_row sum = news->rows[i];

		/* Who reads the lines keeps a sum for each number: it has one line. */
		while (++i < news->count && news->rows[i].id == sum.id) {
			sum.in += news->rows[i].in;
			sum.out += news->rows[i].out;
		}
		cli_table_number(table, sum.id, NULL);
		cli_table_number(table, sum.in, NULL);
		cli_table_number(table, sum.out, NULL);
		cli_table_row(table);
	}
	err = cli_table_print(table);
	/* A pipe cannot be synced; a file that cannot be is not written. */
	if (!err && fsync(STDOUT_FILENO) < 0 && errno != EINVAL && errno != EROFS)
		err = cli.output_err = -errno;
	return err;
}
