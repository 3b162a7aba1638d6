// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes trees for what walks trees; DIR is new.
 * tree files DIR N: N files of up to 12 KB, some forty to a directory of several levels
 * tree flat DIR N: N empty files in one directory
 * tree deep DIR N: N levels, on each of them a file and a second directory
 * tree bytes DIR: a name for each byte that a name can have, and all of them in one
 * tree cycle DIR N: two directories of N files, one in the other; whenever somebody opens the
 *	inner one, it becomes the outer one. Says "ready", and runs until it is killed.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static void enter(const char *name)
{
	if (mkdir(name, 0755) || chdir(name))
		err(1, "%s", name);
}

static void make_file(const char *name, size_t size)
{
	static const char content[12288];
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	if (fd < 0 || write(fd, content, size) != (ssize_t)size || close(fd))
		err(1, "%s", name);
}

static void make_files(long count)
{
	char name[64];

	for (long i = 0; i < count; i++) {
		long dir = i / 40;

		if (i % 40 == 0) {
			for (int part = 0; part < 3; part++) {
				snprintf(name, sizeof(name), "%02ld/%02ld/%02ld", dir / 900,
					 dir / 30 % 30, dir % 30);
				name[part * 3 + 2] = '\0';
				mkdir(name, 0755);
			}
		}
		snprintf(name, sizeof(name), "%02ld/%02ld/%02ld/file-%ld", dir / 900,
			 dir / 30 % 30, dir % 30, i);
		make_file(name, (size_t)(i * 2654435761u >> 8) % 12288);
	}
}

static void make_flat(long count)
{
	char name[32];

	for (long i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%ld", i);
		make_file(name, 0);
	}
}

static void make_deep(long levels)
{
	for (long i = 0; i < levels; i++) {
		make_file("f", 1);
		if (mkdir("other", 0755))
			err(1, "other");
		make_file("other/f", 1);
		enter("d");
	}
}

static void make_bytes(void)
{
	char name[2] = "", all[256];
	size_t n = 0;

	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/')
			continue;
		all[n++] = name[0] = (char)byte;
		if (byte == '.')
			continue;
		enter(name);
		make_file("x", 1);
		if (chdir(".."))
			err(1, "..");
	}
	all[n] = '\0';
	enter(all);
}

static void move(const char *from, const char *to)
{
	if (rename(from, to))
		err(1, "%s", from);
}

static void make_cycle(long count)
{
	static const char *const names[] = { "a", "b" };
	int notify = inotify_init1(IN_CLOEXEC);
	char event[4096];
	int watches[2];

	for (int i = 0; i < 2; i++) {
		enter(names[i]);
		make_flat(count);
		if (chdir(".."))
			err(1, "..");
		watches[i] = inotify_add_watch(notify, names[i], IN_OPEN);
	}
	move("b", "a/b");
	puts("ready");
	fflush(stdout);
	for (int outer = 0;;) {
		ssize_t n = read(notify, event, sizeof(event));
		char inner[8];

		if (n < 0)
			err(1, "inotify");
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(event + at);

			at += (ssize_t)(sizeof(*e) + e->len);
			if (e->wd != watches[!outer])
				continue;
			snprintf(inner, sizeof(inner), "%s/%s", names[outer], names[!outer]);
			move(inner, names[!outer]);
			snprintf(inner, sizeof(inner), "%s/%s", names[!outer], names[outer]);
			move(names[outer], inner);
			outer = !outer;
		}
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	long count = argc > 3 ? atol(argv[3]) : 0;

	umask(022);
	if (argc < 3)
		errx(2, "usage: tree files|flat|deep|bytes|cycle DIR [N]");
	enter(argv[2]);
	if (!strcmp(what, "files"))
		make_files(count);
	else if (!strcmp(what, "flat"))
		make_flat(count);
	else if (!strcmp(what, "deep"))
		make_deep(count);
	else if (!strcmp(what, "bytes"))
		make_bytes();
	else if (!strcmp(what, "cycle"))
		make_cycle(count);
	else
		errx(2, "unknown: %s", what);
	return 0;
}
