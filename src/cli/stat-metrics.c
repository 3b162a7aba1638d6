// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vps-stat.h"

void stat_samples_add(struct stat_samples *samples, const struct vps_context_info *info,
		      const struct vps_usage *usage, uint64_t uptime_us)
{
	if (samples->count == samples->room) {
		samples->room = samples->room ? 2 * samples->room : 64;
		samples->samples = reallocarray(samples->samples, samples->room,
						sizeof(*samples->samples));
		if (!samples->samples)
			cli_die(cli.failed, -ENOMEM, "metrics");
	}
	samples->samples[samples->count++] = (struct stat_sample){ *info, *usage, uptime_us };
}

static uint64_t procs(const struct stat_sample *sample)
{
	return sample->usage.procs;
}

static uint64_t tasks(const struct stat_sample *sample)
{
	return sample->usage.tasks;
}

static uint64_t vsz(const struct stat_sample *sample)
{
	return sample->usage.vsz;
}

static uint64_t rss(const struct stat_sample *sample)
{
	return sample->usage.rss;
}

static const struct {
	const char *name;
	const char *help;
	uint64_t (*value)(const struct stat_sample *sample);
} gauges[] = {
	{ "vps_processes", "Processes.", procs },
	{ "vps_threads", "Threads of all processes.", tasks },
	{ "vps_virtual_memory_bytes", "Virtual memory of all processes.", vsz },
	{ "vps_resident_memory_bytes", "Resident memory.", rss },
};

static void print_seconds(const char *metric, const struct stat_sample *sample,
			  const struct cli_label *labels, uint64_t us)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 ".%06u", us / 1000000,
		 (unsigned int)(us % 1000000));
	cli_metric(metric, sample->info.id, sample->info.name, labels, text);
}

static void print_gauges(const struct stat_samples *samples)
{
	for (size_t i = 0; i < sizeof(gauges) / sizeof(*gauges); i++) {
		cli_metric_family(gauges[i].name, "gauge", gauges[i].help);
		for (size_t k = 0; k < samples->count; k++) {
			const struct stat_sample *sample = &samples->samples[k];

			cli_metric_number(gauges[i].name, sample->info.id, sample->info.name, NULL,
					  gauges[i].value(sample));
		}
	}
}

static void print_cpu(const struct stat_samples *samples)
{
	static const struct cli_label user[] = { { "mode", "user" }, { NULL, NULL } };
	static const struct cli_label system_mode[] = { { "mode", "system" }, { NULL, NULL } };
	const char *metric = "vps_cpu_seconds_total";

	cli_metric_family(metric, "counter", "CPU time, of processes that have ended too.");
	for (size_t i = 0; i < samples->count; i++) {
		const struct stat_sample *sample = &samples->samples[i];

		print_seconds(metric, sample, user, sample->usage.user_us);
		print_seconds(metric, sample, system_mode, sample->usage.system_us);
	}
}

static void print_uptime(const struct stat_samples *samples)
{
	const char *metric = "vps_uptime_seconds";

	cli_metric_family(metric, "gauge", "Time since it began to run.");
	for (size_t i = 0; i < samples->count; i++)
		if (samples->samples[i].uptime_us)
			print_seconds(metric, &samples->samples[i], NULL,
				      samples->samples[i].uptime_us);
}

static void print_state(const struct stat_samples *samples)
{
	const char *metric = "vps_state";

	cli_metric_family(metric, "gauge", "1 for the state that it is in.");
	for (size_t i = 0; i < samples->count; i++) {
		const struct vps_context_info *info = &samples->samples[i].info;
		const struct cli_label labels[] = {
			{ "state", vps_state_name(info->state) }, { NULL, NULL },
		};

		cli_metric_number(metric, info->id, info->name, labels, 1);
	}
}

/* The word number @which of "0.12 0.05 0.01". */
static void print_load(const struct stat_sample *sample, const char *metric, int which)
{
	char words[3][VPS_LOAD_SIZE];

	if (sscanf(sample->usage.load, "%63s %63s %63s", words[0], words[1], words[2]) == 3)
		cli_metric(metric, sample->info.id, sample->info.name, NULL, words[which]);
}

/* The names that node_exporter has for the machine's. */
static void print_loads(const struct stat_samples *samples)
{
	static const char *const metrics[] = { "vps_load1", "vps_load5", "vps_load15" };
	static const char *const helps[] = {
		"Load average of one minute.", "Load average of five minutes.",
		"Load average of fifteen minutes.",
	};

	for (int which = 0; which < 3; which++) {
		cli_metric_family(metrics[which], "gauge", helps[which]);
		for (size_t i = 0; i < samples->count; i++)
			print_load(&samples->samples[i], metrics[which], which);
	}
}

void stat_samples_print(struct stat_samples *samples)
{
	print_gauges(samples);
	print_cpu(samples);
	print_loads(samples);
	print_uptime(samples);
	print_state(samples);
	cli_metrics_end();
	free(samples->samples);
}
