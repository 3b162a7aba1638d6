// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers that a tool saw when it last looked, in a file of "KEY NUMBER" lines. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/**
 * struct mark - one number
 * @seen: it is of this look, not only of the file
 */
struct mark {
	char *key;
	uint64_t value;
	bool seen;
};

/**
 * struct cli_marks - what is in the file, and what is to be
 * @dir: descriptor of its directory
 * @tree: of struct mark, for tsearch(3)
 */
struct cli_marks {
	char *file;
	int dir;
	void *tree;
};

static int compare(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static struct mark *find(const struct cli_marks *marks, const char *key)
{
	const struct mark wanted = { .key = (char *)key };
	struct mark *const *found = tfind(&wanted, &marks->tree, compare);

	return found ? *found : NULL;
}

uint64_t cli_marks_get(const struct cli_marks *marks, const char *key)
{
	const struct mark *mark = find(marks, key);

	return mark ? mark->value : 0;
}

static struct mark *put(struct cli_marks *marks, const char *key, uint64_t value)
{
	struct mark *mark = find(marks, key);

	if (!mark) {
		mark = calloc(1, sizeof(*mark));
		if (mark)
			mark->key = strdup(key);
		if (!mark || !mark->key || !tsearch(mark, &marks->tree, compare))
			cli_die(cli.failed, -ENOMEM, "%s", marks->file);
	}
	mark->value = value;
	return mark;
}

void cli_marks_set(struct cli_marks *marks, const char *key, uint64_t value)
{
	put(marks, key, value)->seen = true;
}

/* A line that is damaged is as none: it can only make something be told twice. */
static void take_line(struct cli_marks *marks, char *line)
{
	char *blank = strrchr(line, ' ');
	uint64_t value;

	line[strcspn(line, "\n")] = '\0';
	if (!blank || vps_parse_u64(blank + 1, &value))
		return;
	*blank = '\0';
	put(marks, line, value);
}

static void read_file(struct cli_marks *marks)
{
	int fd = openat(marks->dir, marks->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_(cli_freep) char *line = NULL;
	size_t size = 0;

	if (!in && errno != ENOENT)
		cli_die(cli.failed, -errno, "%s", marks->file);
	while (in && getline(&line, &size, in) > 0)
		take_line(marks, line);
	if (in)
		fclose(in);
}

struct cli_marks *cli_marks_open(const char *file)
{
	const char *dir = getenv("VPS_STATE_DIR");
	struct cli_marks *marks = calloc(1, sizeof(*marks));
	struct stat st;

	if (!dir || !*dir)
		dir = VPS_STATE_DIR;
	if (!marks || asprintf(&marks->file, "%s", file) < 0)
		cli_die(cli.failed, -ENOMEM, "%s", file);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		cli_die(cli.failed, -errno, "%s", dir);
	marks->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (marks->dir < 0 || fstat(marks->dir, &st) < 0)
		cli_die(cli.failed, -errno, "%s", dir);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		cli_die(cli.failed, 0, "%s: not the caller's alone", dir);
	read_file(marks);
	return marks;
}

/* twalk(3) passes nothing on but this. */
static FILE *walk_out;
static bool walk_all;

static void write_mark(const void *node, VISIT visit, int depth)
{
	const struct mark *mark = *(struct mark *const *)node;

	(void)depth;
	if ((visit == postorder || visit == leaf) && (walk_all || mark->seen))
		fprintf(walk_out, "%s %" PRIu64 "\n", mark->key, mark->value);
}

static void free_mark(void *node)
{
	struct mark *mark = node;

	free(mark->key);
	free(mark);
}

/* The file is the old one or the new one, whole, at every instant. */
static int replace_file(struct cli_marks *marks, bool all)
{
	_cleanup_(cli_freep) char *temporary = NULL;
	int fd, err = 0;

	if (asprintf(&temporary, ".%s.%d", marks->file, (int)getpid()) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	fd = openat(marks->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	walk_out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!walk_out)
		return -errno;
	walk_all = all;
	twalk(marks->tree, write_mark);
	if (ferror(walk_out))
		err = -EIO;
	if (fclose(walk_out) && !err)
		err = -errno;
	if (!err && renameat(marks->dir, temporary, marks->dir, marks->file) < 0)
		err = -errno;
	if (err)
		unlinkat(marks->dir, temporary, 0);
	return err;
}

int cli_marks_save(struct cli_marks *marks, bool all)
{
	int err = replace_file(marks, all);

	if (err)
		cli_warn(err, "%s", marks->file);
	tdestroy(marks->tree, free_mark);
	close(marks->dir);
	free(marks->file);
	free(marks);
	return err;
}
