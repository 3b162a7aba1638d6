/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TAP for the unit tests: ok(), is_int(), is_str(), skip(), and "return done();". */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused))
static bool tap_ok(bool pass, const char *file, int line, const char *format, ...)
{
	char name[256], *c;
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	for (c = name; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '#')
			*c = '?';
	printf("%sok %d - %s\n", pass ? "" : "not ", ++tap_count, name);
	if (!pass) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	/* A test that dies later, or forks, must not lose or repeat what was said. */
	fflush(stdout);
	return pass;
}

__attribute__((unused))
static bool tap_same(const char *got, const char *want)
{
	return got && want ? !strcmp(got, want) : got == want;
}

#define ok(pass, ...) tap_ok(pass, __FILE__, __LINE__, __VA_ARGS__)

#define is_int(got, want, ...) do { \
	long long got_ = (long long)(got), want_ = (long long)(want); \
	if (!ok(got_ == want_, __VA_ARGS__)) \
		printf("# got %lld, want %lld\n", got_, want_); \
} while (0)

#define is_str(got, want, ...) do { \
	const char *got_ = (got), *want_ = (want); \
	if (!ok(tap_same(got_, want_), __VA_ARGS__)) \
		printf("# got  '%s'\n# want '%s'\n", got_ ? got_ : "(none)", \
		       want_ ? want_ : "(none)"); \
} while (0)

/* One test that cannot run here; @why says what it needs ("needs root"). */
__attribute__((unused))
static void skip(const char *why, const char *what)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why);
	fflush(stdout);
}

/* The plan, and the exit status of main(). */
__attribute__((unused))
static int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0;
}

#endif /* TAP_H */
