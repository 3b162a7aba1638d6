/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says, line by line, and what makes it speak.
 */
#ifndef LOG_H
#define LOG_H

#include <sys/mount.h>
#include <sys/resource.h>

#include "vps_test.h"

#define PROVOKE "/sys/kernel/debug/provoke-crash/"
#define WORDS "vps-selftest: words"

/* Whatever is said from now on can be read there. */
static inline int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END))
		return -errno;
	return log;
}

/* The text of the next line; false when there is none. */
static inline bool log_next(int log, char *text, size_t size)
{
	char record[8192];
	ssize_t length;
	char *begin;

	/* Lines that came and went before they were read are no end. */
	do
		length = read(log, record, sizeof(record) - 1);
	while (length < 0 && errno == EPIPE);
	if (length <= 0)
		return false;
	record[length] = 0;
	begin = strchr(record, ';');
	if (!begin)
		return false;
	begin++;
	begin[strcspn(begin, "\n")] = 0;
	snprintf(text, size, "%s", begin);
	return true;
}

/* What a line begins with of whose process caused it; NULL, "" is the host. */
static inline const char *log_tag(long id)
{
	static char tag[32];

	snprintf(tag, sizeof(tag), id ? "[vps %ld] " : "", id);
	return tag;
}

/*
 * Lines since the last look that have @words in them; -EPROTO when one of these does not begin with
 * exactly the tag of context @id.
 */
static inline long log_count(int log, long id, const char *words)
{
	const char *tag = log_tag(id);
	bool wrong = false;
	char text[1024];
	long count = 0;

	while (log_next(log, text, sizeof(text))) {
		if (!strstr(text, words))
			continue;
		count++;
		if (strncmp(text, tag, strlen(tag)) || text[strlen(tag)] == '[') {
			fprintf(stderr, "# not of context %ld: %s\n", id, text);
			wrong = true;
		}
	}
	return wrong ? -EPROTO : count;
}

/* The kernel's writer of lines bounds those of one opened file. */
static inline long say(int level, const char *words)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[128];
	long value;

	if (fd < 0)
		return -errno;
	snprintf(line, sizeof(line), "<%d>%s\n", level, words);
	value = outcome(write(fd, line, strlen(line)));
	close(fd);
	return value;
}

/* Level and number of lines in one number. */
#define LINES(level, count) ((level) << 16 | (count))

static inline long act_say(long lines)
{
	long value = 0;

	for (int i = 0; !value && i < (lines & 0xffff); i++)
		value = say(lines >> 16, WORDS);
	return value;
}

/* What LKDTM does at once is written into a file; true when there is one. */
static inline bool can_provoke(const char *where)
{
	char path[128];

	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	snprintf(path, sizeof(path), PROVOKE "%s", where);
	return !access(path, W_OK);
}

static inline long provoke(const char *where, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), PROVOKE "%s", where);
	return put_text(AT_FDCWD, path, what);
}

#endif /* LOG_H */
