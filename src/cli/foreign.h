/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configurations of FreeVPS 1.1, vserver 0.x and util-vserver, in the words of vps.conf(5).
 * They are read, never executed. What has no counterpart is told, each setting by itself.
 */
#ifndef VPS_FOREIGN_H
#define VPS_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * struct foreign_note - what is to be known of one setting
 * @where: the file below the directory, or ""
 * @line: of the file, or 0
 * @refused: nothing may be made of it all; else what was set is only not carried over
 */
struct foreign_note {
	const char *where;
	unsigned int line;
	bool refused;
	char text[300];
};

#define FOREIGN_KEYS 18

/**
 * struct foreign - what has been understood
 * @values: of the keys, in the order of foreign.c
 * @where, @line: what is being read, for notes
 */
struct foreign {
	void (*tell)(const struct foreign_note *note, void *data);
	void *data;
	char *values[FOREIGN_KEYS];
	const char *where;
	unsigned int line;
	bool refused;
};

/* What is not carried over, and what keeps all from being translated. */
void foreign_lost(struct foreign *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void foreign_refuse(struct foreign *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Sets @key, which a later call overrides, to what vps.conf(5) takes there; with anything else
 * it is lost, in the words of the configuration's own parser. Empty values are none.
 */
void foreign_set(struct foreign *f, const char *key, const char *value);
/* Appends a word to the list @key. */
void foreign_add(struct foreign *f, const char *key, const char *word);

const char *foreign_get(const struct foreign *f, const char *key);

/* A flag or capability of theirs, as lists of both kinds of configurations have them. */
void foreign_add_flag(struct foreign *f, const char *flag);
void foreign_add_cap(struct foreign *f, const char *cap);

/**
 * struct foreign_addrs - the devices that addresses are for, until all are known
 * @device: of the first address that has one
 * @several: another address has another one, or none
 */
struct foreign_addrs {
	char device[64];
	bool any;
	bool several;
};

/* An address with what it is put on, each of the last three "" where it is not known. */
void foreign_add_addr(struct foreign *f, struct foreign_addrs *addrs, const char *addr,
		      const char *device, const char *mask);
void foreign_end_addrs(struct foreign *f, const struct foreign_addrs *addrs,
		       const char *broadcast);

/*
 * A file of shell assignments, of which @profile ("" the file's own) is taken; and a directory.
 * 0, also where it is refused, or a negative errno.
 */
int foreign_read_conf(struct foreign *f, int fd, const char *profile);
int foreign_read_dir(struct foreign *f, int dirfd);

void foreign_print(const struct foreign *f, FILE *out);
void foreign_free(struct foreign *f);

#endif /* VPS_FOREIGN_H */
