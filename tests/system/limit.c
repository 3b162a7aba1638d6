// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * limit map SIZE COUNT: maps COUNT times SIZE KiB and keeps it.
 * limit open COUNT: opens COUNT files and keeps them.
 * limit rename FROM TO: by rename(2) alone.
 * The first two print "made N" and why there are not more, then wait for ever; SIGUSR1 gives all
 * back and prints "gone".
 */
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT_MAX 4096

static void *maps[COUNT_MAX];
static int files[COUNT_MAX];
static size_t size;
static int count;

static int map_one(int i)
{
	maps[i] = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return maps[i] == MAP_FAILED ? errno : 0;
}

static int open_one(int i)
{
	files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return files[i] < 0 ? errno : 0;
}

static void give_back(void)
{
	while (count--)
		if (size)
			munmap(maps[count], size);
		else
			close(files[count]);
}

int main(int argc, char **argv)
{
	int wanted = argc > 2 ? atoi(argv[argc - 1]) : -1, why = 0, signal;
	sigset_t set;

	if (argc == 4 && !strcmp(argv[1], "rename")) {
		if (rename(argv[2], argv[3]) < 0)
			err(1, "%s", argv[2]);
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "map"))
		size = (size_t)atoi(argv[2]) << 10;
	else if (argc != 3 || strcmp(argv[1], "open"))
		errx(2, "wrong use");
	if (wanted < 0 || wanted > COUNT_MAX)
		errx(2, "up to %d", COUNT_MAX);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* What the words take is had before. */
	setvbuf(stdout, NULL, _IONBF, 0);
	while (!why && count < wanted) {
		why = size ? map_one(count) : open_one(count);
		count += !why;
	}
	printf("made %d%s%s\n", count, why ? ", else: " : "", why ? strerror(why) : "");
	sigwait(&set, &signal);
	give_back();
	puts("gone");
	for (;;)
		pause();
}
