/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the targets share. A file that the library or a tool opens to read is, while fuzz_file() is
 * in force, one that holds what the fuzzer wants: the linker has put __wrap_open() and its like
 * (files.c) in the place of the real ones.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What must hold of whatever was read. */
#define CHECK(condition) ((condition) ? (void)0 : abort())

/* The input as a string; free it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* A descriptor of a file with these bytes, at its beginning. */
int fuzz_fd(const uint8_t *data, size_t size);

/* From here on files and extended attributes that are read hold this; until fuzz_no_file(). */
void fuzz_file(const uint8_t *data, size_t size);
void fuzz_no_file(void);

/* Has what the first byte names ('a' is the first of @readers) read the rest; for the fuzzer. */
int fuzz_one_of(void (*const readers[])(void), size_t count, const uint8_t *data, size_t size);

/* What was written to an extended attribute last, as a string; or NULL. */
const char *fuzz_attr(void);

/* Would a terminal and a line take it as it is? */
static inline bool fuzz_is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			return false;
	return true;
}

#endif /* FUZZ_H */
