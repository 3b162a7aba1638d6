// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first process of a machine that counts. Each word of its command line is a place where it
 * runs /program, and tells in the manner of its lines what the whole of it cost:
 *
 *	here	in the group where all begin; also when there is no word
 *	group	in groups like those of a context
 *	near	as here, while there are such groups with a process in them
 *	beside	as here, while there is a context with a process in it
 *	inside	in that context
 *
 * Then it turns the machine off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "icount-groups.h"

enum { GROUP_ID = 3, CONTEXT_ID = 4, NEAR_ID = 5 };

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void into_group(void)
{
	groups_make(GROUP_ID, GROUPS);
	groups_move(GROUP_ID, GROUPS, 0);
}

static void into_context(void)
{
	groups_move(CONTEXT_ID, CONTEXT, 0);
}

/* They and the process in them stay until the machine ends. */
static void keep(int id, enum kind kind)
{
	pid_t pid;

	groups_make(id, kind);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	groups_move(id, kind, pid);
}

static void make_groups(void)
{
	keep(NEAR_ID, GROUPS);
}

static void make_context(void)
{
	keep(CONTEXT_ID, CONTEXT);
}

static const struct place {
	const char *word;
	void (*before)(void); /* in the process that goes on with other places */
	void (*enter)(void);  /* in the one that runs the program */
} places[] = {
	{ "here", NULL, NULL },
	{ "group", NULL, into_group },
	{ "near", make_groups, NULL },
	{ "beside", make_context, NULL },
	{ "inside", NULL, into_context },
};

/* @how: what the program is told, NULL to be itself. */
static int run(void (*enter)(void), char *how)
{
	char *argv[] = { "program", how, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (enter)
			enter();
		execv("/program", argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return status;
}

static int visit(const char *word)
{
	double begin;
	int status;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (strcmp(places[i].word, word))
			continue;
		if (places[i].before)
			places[i].before();
		printf("vm: begin %s\n", word);
		fflush(stdout);
		begin = now_ns();
		status = run(places[i].enter, NULL);
		printf("whole %.0f\nvm: end %d\n", now_ns() - begin, status);
		fflush(stdout);
		return status;
	}
	printf("vm: no such place: %s\n", word);
	return -1;
}

static int visit_all(char **words)
{
	/* The first run pays for what is cached afterwards. */
	run(NULL, "warm");
	if (!*words)
		return visit("here");
	groups_mount(NULL);
	for (; *words; words++)
		if (visit(*words))
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	int status = -1;
	pid_t pid;

	(void)argc;
	mount("proc", "/proc", "proc", 0, NULL);
	/* The first process must not end, whatever becomes of what it does. */
	pid = fork();
	if (pid == 0)
		exit(visit_all(argv + 1) ? 1 : 0);
	while (wait(&status) != pid)
		;
	printf("vm: over %d\n", status);
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
