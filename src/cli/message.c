// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli.h"

static bool is_clean(unsigned char c, const char *also)
{
	return c >= ' ' && c <= '~' && !(also && strchr(also, c));
}

bool cli_is_clean(const char *s, const char *also)
{
	while (*s && is_clean((unsigned char)*s, also))
		s++;
	return !*s;
}

void cli_print_clean(FILE *out, const char *s, const char *also)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (!is_clean(c, also))
			fprintf(out, "\\%03o", c);
		else
			putc(c, out);
	}
}

/* One write(2), so that lines of several processes do not mix; unless memory is out. */
static void say(int err, const char *hint, const char *format, va_list args)
{
	_cleanup_(cli_freep) char *text = NULL;
	_cleanup_(cli_freep) char *line = NULL;
	size_t size = 0;
	FILE *out;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	out = open_memstream(&line, &size) ?: stderr;
	fprintf(out, "%s: ", cli.name);
	cli_print_clean(out, text ?: format, NULL);
	if (err)
		fprintf(out, ": %s", strerror(-err));
	fprintf(out, "%s\n", hint);
	if (out == stderr)
		return;
	if (fclose(out) == 0)
		fwrite(line, 1, size, stderr);
}

void cli_warn(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(err, "", format, args);
	va_end(args);
}

void cli_die(int status, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(err, "", format, args);
	va_end(args);
	exit(status);
}

void cli_usage(const char *format, ...)
{
	char hint[64];
	va_list args;

	snprintf(hint, sizeof(hint), " (see %s --help)", cli.name);
	va_start(args, format);
	say(0, hint, format, args);
	va_end(args);
	exit(cli.usage);
}

void cli_warn_fault(int err, const struct vps_fault *fault)
{
	const char *step = fault->step ?: "";

	if (fault->refused)
		err = 0;
	if (*fault->object && *step)
		cli_warn(err, "%s: %s", fault->object, step);
	else
		cli_warn(err, "%s", *step ? step : fault->object);
}
