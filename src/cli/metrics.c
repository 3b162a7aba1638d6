// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Metrics in the text format of Prometheus. OpenMetrics has a counter's type without _total;
 * node_exporter's collector of files, which reads the older format, would then know none.
 */
#include <inttypes.h>

#include "cli.h"

void cli_metric_family(const char *metric, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

static void print_label(const char *name, const char *value)
{
	printf("%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", stdout);
			continue;
		}
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	putchar('"');
}

void cli_metric(const char *metric, uint32_t id, const char *name,
		const struct cli_label *labels, const char *value)
{
	printf("%s{ctx=\"%" PRIu32 "\",", metric, id);
	print_label("name", name);
	for (; labels && labels->name; labels++) {
		putchar(',');
		print_label(labels->name, labels->value);
	}
	printf("} %s\n", value);
}

void cli_metric_number(const char *metric, uint32_t id, const char *name,
		       const struct cli_label *labels, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	cli_metric(metric, id, name, labels, text);
}

void cli_metrics_end(void)
{
	puts("# EOF");
}
