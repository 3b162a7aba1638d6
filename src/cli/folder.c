// SPDX-License-Identifier: GPL-2.0-or-later
/* A directory of pages, of which all are the old ones or all are the new ones. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "pages.h"

/* Never that of a page: a page's does not begin with a dot. */
#define NEW_PREFIX "."
#define NEW_SUFFIX ".new"
#define SUFFIX ".html"

/* It stays: two who hold different files of one name would both be sure. */
#define LOCK ".vtraf.lock"

/* Of a page, what comes first; a name has nothing in it that must be escaped. */
#define MARK                                                           \
	"<!DOCTYPE html>\n"                                            \
	"<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"  \
	"<head>\n"                                                     \
	"<meta name=\"generator\" content=\"vtraf, which replaces and" \
	" removes %s\"/>\n"

/**
 * struct folder - as the header says
 * @names: of the new pages
 */
struct folder {
	const char *path;
	int fd;
	int lock;
	char **names;
	size_t count, room;
};

/* What an exit before the end leaves to be removed. */
static struct folder *unfinished;

static noreturn void die_no_memory(void)
{
	cli_die(cli.failed, -ENOMEM, "pages");
}

static char *new_name(const char *name)
{
	char *text;

	if (asprintf(&text, NEW_PREFIX "%s" NEW_SUFFIX, name) < 0)
		die_no_memory();
	return text;
}

/* ---- what is ours ------------------------------------------------------------ */

/* Is it the page @name? @part: or the beginning of one, of whatever length. */
static bool has_mark(int fd, const char *name, bool part)
{
	_cleanup_(cli_freep) char *mark = NULL;
	_cleanup_(cli_freep) char *text = NULL;
	int length = asprintf(&mark, MARK, name);
	ssize_t got;

	if (length < 0 || !(text = malloc((size_t)length)))
		die_no_memory();
	got = pread(fd, text, (size_t)length, 0);
	return got >= 0 && (part || got == length) && !memcmp(text, mark, (size_t)got);
}

/* 1: @file is ours   0: it is not   -ENOENT, or why that cannot be known */
static int is_ours(const struct folder *folder, const char *file, const char *name, bool part)
{
	/* Not to wait for the other end of what might be a FIFO. */
	_cleanup_(cli_closep) int fd = openat(folder->fd, file, O_RDONLY | O_NOFOLLOW |
					      O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && has_mark(fd, name, part);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && !strcmp(text + length - end_length, end);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_new_page(const struct folder *folder, const char *name)
{
	return folder->count && bsearch(&name, folder->names, folder->count,
					sizeof(*folder->names), compare_names);
}

/* Is @file one that somebody who was killed did not finish? */
static bool is_left(const struct folder *folder, const char *file)
{
	_cleanup_(cli_freep) char *name = NULL;

	if (*file != *NEW_PREFIX || !ends_with(file, SUFFIX NEW_SUFFIX))
		return false;
	name = strdup(file + strlen(NEW_PREFIX));
	if (!name)
		die_no_memory();
	name[strlen(name) - strlen(NEW_SUFFIX)] = '\0';
	return is_ours(folder, file, name, true) > 0;
}

static bool is_gone(const struct folder *folder, const char *file)
{
	return *file != *NEW_PREFIX && ends_with(file, SUFFIX) && !is_new_page(folder, file) &&
	       is_ours(folder, file, file, false) > 0;
}

/* Those of which @is_it says so. */
static int remove_files(const struct folder *folder,
			bool (*is_it)(const struct folder *folder, const char *file))
{
	int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (errno = 0, (entry = readdir(dir)))
		if (is_it(folder, entry->d_name) && unlinkat(folder->fd, entry->d_name, 0) < 0)
			err = -errno;
	if (errno)
		err = -errno;
	closedir(dir);
	return err;
}

/* ---- the directory --------------------------------------------------------------- */

static void discard(void)
{
	if (unfinished)
		remove_files(unfinished, is_left);
}

/* One that we make can be read by all, as the pages can. */
static int open_directory(const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	bool made = !mkdir(path, 0755);
	int fd;

	if (!made && errno != EEXIST)
		cli_die(cli.failed, -errno, "%s", path);
	fd = open(path, flags);
	if (fd < 0 || (made && fchmod(fd, 0755) < 0))
		cli_die(cli.failed, -errno, "%s", path);
	return fd;
}

static void check_directory(const struct folder *folder)
{
	struct stat st;

	if (fstat(folder->fd, &st) < 0)
		cli_die(cli.failed, -errno, "%s", folder->path);
	if ((st.st_uid && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		cli_die(cli.failed, 0, "%s: must be root's, and writable by root alone",
			folder->path);
}

/* Of a file that strangers cannot open: a lock is all they would need to stop us. */
static void lock_directory(struct folder *folder)
{
	folder->lock = openat(folder->fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (folder->lock < 0)
		cli_die(cli.failed, -errno, "%s/" LOCK, folder->path);
	if (!flock(folder->lock, LOCK_EX | LOCK_NB))
		return;
	if (errno != EWOULDBLOCK)
		cli_die(cli.failed, -errno, "%s/" LOCK, folder->path);
	cli_die(cli.failed, 0, "%s: another vtraf is writing there", folder->path);
}

struct folder *folder_open(const char *path)
{
	struct folder *folder = calloc(1, sizeof(*folder));
	int err;

	if (!folder)
		die_no_memory();
	folder->path = path;
	folder->fd = open_directory(path);
	check_directory(folder);
	lock_directory(folder);
	err = remove_files(folder, is_left);
	if (err)
		cli_die(cli.failed, err, "%s", path);
	unfinished = folder;
	if (atexit(discard))
		cli_die(cli.failed, 0, "atexit: no room");
	return folder;
}

static void note_name(struct folder *folder, const char *name)
{
	if (folder->count == folder->room) {
		folder->room = folder->room ? 2 * folder->room : 64;
		folder->names = reallocarray(folder->names, folder->room, sizeof(char *));
	}
	if (!folder->names || !(folder->names[folder->count++] = strdup(name)))
		die_no_memory();
}

FILE *folder_begin(struct folder *folder, const char *name)
{
	_cleanup_(cli_freep) char *file = new_name(name);
	int ours = is_ours(folder, name, name, false), fd;
	FILE *page;

	if (!ours)
		cli_die(cli.failed, 0, "%s/%s: is not a page of vtraf's, and in the way",
			folder->path, name);
	if (ours < 0 && ours != -ENOENT)
		cli_die(cli.failed, ours, "%s/%s", folder->path, name);
	fd = openat(folder->fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	page = fd < 0 || fchmod(fd, 0644) < 0 ? NULL : fdopen(fd, "w");
	if (!page)
		cli_die(cli.failed, -errno, "%s/%s", folder->path, name);
	note_name(folder, name);
	fprintf(page, MARK, name);
	return page;
}

void folder_end(struct folder *folder, FILE *page)
{
	bool failed = ferror(page);

	errno = 0;
	if (fclose(page) || failed)
		cli_die(cli.failed, errno ? -errno : -EIO, "%s/%s", folder->path,
			folder->names[folder->count - 1]);
}

void folder_commit(struct folder *folder)
{
	int err;

	/* What is not on the disk takes the place of nothing that is. */
	if (syncfs(folder->fd) < 0)
		cli_die(cli.failed, -errno, "%s", folder->path);
	for (size_t i = 0; i < folder->count; i++) {
		_cleanup_(cli_freep) char *file = new_name(folder->names[i]);

		if (renameat(folder->fd, file, folder->fd, folder->names[i]) < 0)
			cli_die(cli.failed, -errno, "%s/%s", folder->path, folder->names[i]);
	}
	unfinished = NULL;
	if (folder->count)
		qsort(folder->names, folder->count, sizeof(*folder->names), compare_names);
	err = remove_files(folder, is_gone);
	if (err)
		cli_die(cli.failed, err, "%s", folder->path);
	for (size_t i = 0; i < folder->count; i++)
		free(folder->names[i]);
	free(folder->names);
	close(folder->lock);
	close(folder->fd);
	free(folder);
}
