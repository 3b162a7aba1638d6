// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /etc/vservers/NAME/ of util-vserver: a file for each setting, whose name says what it is. Every
 * name in the directory is looked at, so that what is not known is told as well.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "foreign.h"

#define FILE_MAX_BYTES 4096
#define NAME_SIZE 128
/* Of a file three directories down. */
#define PATH_SIZE 1024
#define BLANKS " \t\r\n"

/**
 * struct place - a directory on its way
 * @fd: of the directory
 * @addrs: of all interfaces
 * @broadcast: of the last that has one
 * @limits: directories below dlimits
 */
struct place {
	struct foreign *f;
	int fd;
	struct foreign_addrs addrs;
	char broadcast[NAME_SIZE];
	unsigned int limits;
};

/**
 * struct entry - what is done with a file or directory
 * @name: or "*" or NULL, any other
 * @lost: where nothing takes it: why it is lost; NULL where nothing is
 */
struct entry {
	const char *name;
	void (*take)(struct place *p, const char *path);
	const char *lost;
};

/* ---- reading -------------------------------------------------------------------- */

/* The whole of a small file, without what follows the last line; false when there is none. */
static bool read_text(const struct place *p, const char *path, char *text)
{
	_cleanup_(cli_closep) int fd = openat(p->fd, path,
					      O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, FILE_MAX_BYTES);

	if (len < 0 || len == FILE_MAX_BYTES || memchr(text, '\0', (size_t)len))
		return false;
	text[len] = '\0';
	return true;
}

/* The first line of it. */
static bool read_value(const struct place *p, const char *path, char *value)
{
	char text[FILE_MAX_BYTES], *line = text;

	if (!read_text(p, path, text))
		return false;
	line += strspn(line, BLANKS);
	line[strcspn(line, "\r\n")] = '\0';
	for (size_t len = strlen(line); len && strchr(BLANKS, line[len - 1]);)
		line[--len] = '\0';
	if (strlen(line) >= NAME_SIZE)
		return false;
	memcpy(value, line, strlen(line) + 1);
	return true;
}

/* The value of a file that is there, or it is lost. */
static bool need_value(struct place *p, const char *path, char *value)
{
	if (read_value(p, path, value))
		return true;
	foreign_lost(p->f, "cannot be read");
	return false;
}

static void for_lines(struct place *p, const char *path,
		      void (*take)(struct foreign *f, const char *line))
{
	char text[FILE_MAX_BYTES], *rest = text, *line;

	if (!read_text(p, path, text)) {
		foreign_lost(p->f, "cannot be read");
		return;
	}
	for (p->f->line = 1; (line = strsep(&rest, "\n")); p->f->line++) {
		line += strspn(line, BLANKS);
		line[strcspn(line, BLANKS)] = '\0';
		if (*line && *line != '#')
			take(p->f, line);
	}
	p->f->line = 0;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static const struct entry *find_entry(const struct entry *entries, const char *name)
{
	while (entries->name && strcmp(entries->name, "*") && strcmp(entries->name, name))
		entries++;
	return entries;
}

/* Each name in @path by its row in @entries, whose last is for the others. */
static void for_entries(struct place *p, const char *path, const struct entry *entries)
{
	struct dirent **names;
	int count = scandirat(p->fd, *path ? path : ".", &names, is_shown, alphasort);
	char below[PATH_SIZE];

	if (count < 0)
		foreign_lost(p->f, "cannot be read");
	for (int i = 0; i < count; i++) {
		const struct entry *entry = find_entry(entries, names[i]->d_name);

		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "",
			 names[i]->d_name);
		p->f->where = below;
		if (entry->take)
			entry->take(p, below);
		else if (entry->lost)
			foreign_lost(p->f, "%s", entry->lost);
		p->f->where = path;
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

static const char none[] = "has no counterpart";

/* ---- names and flags ------------------------------------------------------------ */

static void take_to(struct place *p, const char *path, const char *key)
{
	char value[NAME_SIZE];

	if (need_value(p, path, value))
		foreign_set(p->f, key, value);
}

static void take_context(struct place *p, const char *path)
{
	take_to(p, path, "S_CONTEXT");
}

static void take_hostname(struct place *p, const char *path)
{
	take_to(p, path, "S_HOSTNAME");
}

static void take_domainname(struct place *p, const char *path)
{
	take_to(p, path, "S_DOMAINNAME");
}

static void take_uts(struct place *p, const char *path)
{
	static const struct entry entries[] = {
		{ "nodename", take_hostname, NULL },
		{ "domainname", take_domainname, NULL },
		{ NULL, NULL, none },
	};

	for_entries(p, path, entries);
}

static void take_flags(struct place *p, const char *path)
{
	for_lines(p, path, foreign_add_flag);
}

static void take_caps(struct place *p, const char *path)
{
	for_lines(p, path, foreign_add_cap);
}

static void lose_line(struct foreign *f, const char *line)
{
	foreign_lost(f, "'%.60s': has no counterpart", line);
}

static void lose_lines(struct place *p, const char *path)
{
	for_lines(p, path, lose_line);
}

/* ---- addresses ------------------------------------------------------------------ */

/* The value of one interface, or of all; "" where there is none. */
static void find_value(struct place *p, const char *path, const char *name, char *value)
{
	char file[PATH_SIZE + NAME_SIZE];

	snprintf(file, sizeof(file), "%s/%s", path, name);
	if (read_value(p, file, value))
		return;
	snprintf(file, sizeof(file), "interfaces/%s", name);
	if (!read_value(p, file, value))
		*value = '\0';
}

static bool has(struct place *p, const char *path, const char *name)
{
	char file[PATH_SIZE + NAME_SIZE];

	snprintf(file, sizeof(file), "%s/%s", path, name);
	return !faccessat(p->fd, file, F_OK, 0);
}

/* Files besides those that are read here. */
static void lose_interface(struct place *p, const char *path)
{
	static const struct entry entries[] = {
		{ "ip", NULL, NULL }, { "dev", NULL, NULL }, { "prefix", NULL, NULL },
		{ "mask", NULL, NULL }, { "bcast", NULL, NULL }, { "nodev", NULL, NULL },
		{ "only_ip", NULL, NULL },
		/* A label of the address, by which ifconfig knows it. */
		{ "name", NULL, NULL },
		{ NULL, NULL, none },
	};

	for_entries(p, path, entries);
}

static void take_interface(struct place *p, const char *path)
{
	char ip[NAME_SIZE], dev[NAME_SIZE], mask[NAME_SIZE], bcast[NAME_SIZE];
	struct stat st;

	if (fstatat(p->fd, path, &st, 0) < 0 || !S_ISDIR(st.st_mode)) {
		foreign_lost(p->f, "%s", none);
		return;
	}
	if (has(p, path, "disabled")) {
		foreign_lost(p->f, "is disabled");
		return;
	}
	find_value(p, path, "ip", ip);
	find_value(p, path, "dev", dev);
	find_value(p, path, "prefix", mask);
	if (!*mask)
		find_value(p, path, "mask", mask);
	find_value(p, path, "bcast", bcast);
	if (has(p, path, "nodev") || has(p, path, "only_ip"))
		*dev = '\0';
	foreign_add_addr(p->f, &p->addrs, ip, dev, mask);
	if (*bcast)
		memcpy(p->broadcast, bcast, sizeof(bcast));
	lose_interface(p, path);
}

static void take_interfaces(struct place *p, const char *path)
{
	static const struct entry entries[] = {
		{ "dev", NULL, NULL }, { "prefix", NULL, NULL }, { "mask", NULL, NULL },
		{ "bcast", NULL, NULL },
		{ "*", take_interface, NULL },
	};

	for_entries(p, path, entries);
	foreign_end_addrs(p->f, &p->addrs, p->broadcast);
}

/* ---- limits --------------------------------------------------------------------- */

static const struct limit {
	const char *name;
	const char *key;
	bool pages;
} limits[] = {
	{ "nproc", "LIMIT_PROC", false },
	{ "as", "LIMIT_VM", true },
	{ "rss", "LIMIT_RSS", true },
	{ "nofile", "LIMIT_FILES", false },
	{ "openfd", "LIMIT_FILES", false },
};

/* A number of units of @unit bytes each, or "inf", as vps.conf(5) has it; false: lost. */
static bool read_number(struct place *p, const char *path, uint64_t unit, char *text)
{
	char value[NAME_SIZE];
	uint64_t number;

	if (!need_value(p, path, value))
		return false;
	if (!strcmp(value, "inf")) {
		memcpy(text, value, sizeof("inf"));
		return true;
	}
	if (vps_parse_u64(value, &number) || __builtin_mul_overflow(number, unit, &number)) {
		foreign_lost(p->f, "'%s': is no number", value);
		return false;
	}
	snprintf(text, NAME_SIZE, "%llu", (unsigned long long)number);
	return true;
}

/* "rss", "rss.hard" and "rss.soft": the first is both, and read before them. */
static void take_rlimit(struct place *p, const char *path)
{
	const char *name = strchr(path, '/') + 1, *dot = strchrnul(name, '.'), *before;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char number[NAME_SIZE], both[2 * NAME_SIZE + 2];
	const struct limit *limit = limits;
	const struct limit *const end = limits + sizeof(limits) / sizeof(*limits);

	while (limit < end && (strlen(limit->name) != (size_t)(dot - name) ||
			       memcmp(limit->name, name, (size_t)(dot - name))))
		limit++;
	if (limit == end || (*dot && strcmp(dot, ".hard") && strcmp(dot, ".soft"))) {
		foreign_lost(p->f, "%s", none);
		return;
	}
	if (!read_number(p, path, limit->pages ? page : 1, number))
		return;
	before = foreign_get(p->f, limit->key);
	if (strcmp(dot, ".soft"))
		before = NULL;
	else if (!before)
		before = "inf";
	snprintf(both, sizeof(both), "%s%s%s", number, before ? ":" : "", before ?: "");
	foreign_set(p->f, limit->key, both);
}

static void take_rlimits(struct place *p, const char *path)
{
	static const struct entry entries[] = { { "*", take_rlimit, NULL } };

	for_entries(p, path, entries);
}

/* Is this limit for the tree of the VPS? With no tree to look at, for whatever it says. */
static bool is_of_tree(struct place *p, const char *directory)
{
	struct stat tree, other;

	if (fstatat(p->fd, "vdir", &tree, 0) < 0 || stat(directory, &other) < 0)
		return true;
	return tree.st_dev == other.st_dev && tree.st_ino == other.st_ino;
}

static void take_space(struct place *p, const char *path)
{
	char number[NAME_SIZE];

	if (read_number(p, path, 1024, number))
		foreign_set(p->f, "LIMIT_DISK", number);
}

static void take_inodes(struct place *p, const char *path)
{
	char number[NAME_SIZE];

	if (read_number(p, path, 1, number))
		foreign_set(p->f, "LIMIT_INODES", number);
}

static void take_reserved(struct place *p, const char *path)
{
	char value[NAME_SIZE];

	if (need_value(p, path, value) && strcmp(value, "0"))
		foreign_lost(p->f, "'%s': %s", value, none);
}

static void take_dlimit(struct place *p, const char *path)
{
	static const struct entry entries[] = {
		{ "directory", NULL, NULL },
		{ "space_total", take_space, NULL },
		{ "inodes_total", take_inodes, NULL },
		{ "reserved", take_reserved, NULL },
		{ NULL, NULL, none },
	};
	char directory[NAME_SIZE], file[PATH_SIZE + NAME_SIZE];

	snprintf(file, sizeof(file), "%s/directory", path);
	if (!read_value(p, file, directory)) {
		foreign_lost(p->f, "does not say for which directory");
	} else if (!is_of_tree(p, directory) || p->limits) {
		foreign_lost(p->f, "'%s': only the tree as a whole has a limit", directory);
	} else {
		p->limits++;
		for_entries(p, path, entries);
	}
}

static void take_dlimits(struct place *p, const char *path)
{
	static const struct entry entries[] = { { "*", take_dlimit, NULL } };

	for_entries(p, path, entries);
}

/* ---- starting ------------------------------------------------------------------- */

static void take_mark(struct place *p, const char *path)
{
	char value[NAME_SIZE];

	if (!need_value(p, path, value) || !*value)
		return;
	if (!strcmp(value, "default"))
		foreign_set(p->f, "ONBOOT", "yes");
	else
		foreign_lost(p->f, "'%s': is not default, so it is not started with the host",
			     value);
}

static void take_style(struct place *p, const char *path)
{
	char value[NAME_SIZE];

	if (need_value(p, path, value) && strcmp(value, "plain") && *value)
		foreign_lost(p->f, "'%s': /sbin/init of the tree is started, where there is one",
			     value);
}

static void take_init(struct place *p, const char *path)
{
	static const struct entry entries[] = {
		{ "mark", take_mark, NULL },
		{ "style", take_style, NULL },
		{ "depends", NULL, "has no counterpart; numbers as ONBOOT are an order" },
		{ NULL, NULL, none },
	};

	/* Without a style, the scripts of a runlevel were started. */
	if (!has(p, path, "style"))
		foreign_lost(p->f, "style is not there: /sbin/init of the tree is started, where "
			     "there is one");
	for_entries(p, path, entries);
}

static void take_apps(struct place *p, const char *path)
{
	static const struct entry entries[] = {
		{ "init", take_init, NULL },
		{ NULL, NULL, none },
	};

	for_entries(p, path, entries);
}

/* What each VPS has is not to be mounted; a path to mount on is the second word. */
static void take_fstab(struct place *p, const char *path)
{
	char text[FILE_MAX_BYTES], *rest = text, *line, *word;

	if (!read_text(p, path, text)) {
		foreign_lost(p->f, "cannot be read");
		return;
	}
	for (p->f->line = 1; (line = strsep(&rest, "\n")); p->f->line++) {
		line += strspn(line, BLANKS);
		if (!*line || *line == '#')
			continue;
		word = line + strcspn(line, BLANKS);
		word += strspn(word, BLANKS);
		word[strcspn(word, BLANKS)] = '\0';
		if (strcmp(word, "/proc") && strcmp(word, "/dev/pts") && strcmp(word, "/sys"))
			foreign_lost(p->f, "'%.60s': is not mounted; etc/fstab of the tree, or the "
				     "host, can", word);
	}
	p->f->line = 0;
}

int foreign_read_dir(struct foreign *f, int dirfd)
{
	static const char processors[] =
		"has no counterpart; LIMIT_CPU and LIMIT_CPU_WEIGHT are for processors";
	static const struct entry entries[] = {
		{ "context", take_context, NULL },
		{ "hostname", take_hostname, NULL },
		{ "domainname", take_domainname, NULL },
		{ "uts", take_uts, NULL },
		{ "flags", take_flags, NULL }, { "cflags", take_flags, NULL },
		{ "bcapabilities", take_caps, NULL }, { "capabilities", take_caps, NULL },
		{ "ccapabilities", lose_lines, NULL }, { "ncapabilities", lose_lines, NULL },
		{ "nflags", lose_lines, NULL },
		{ "interfaces", take_interfaces, NULL },
		{ "rlimits", take_rlimits, NULL },
		{ "ulimits", NULL, "has no counterpart; ULIMIT is for single processes" },
		{ "dlimits", take_dlimits, NULL },
		{ "apps", take_apps, NULL },
		{ "fstab", take_fstab, NULL }, { "fstab.local", take_fstab, NULL },
		{ "fstab.remote", take_fstab, NULL },
		{ "sched", NULL, processors }, { "schedule", NULL, processors },
		{ "cpuset", NULL, processors }, { "nice", NULL, processors },
		{ "cgroup", NULL, processors },
		{ "scripts", NULL, "scripts are not run" },
		/* Of util-vserver itself. */
		{ "vdir", NULL, NULL }, { "run", NULL, NULL }, { "cache", NULL, NULL },
		{ "noisy", NULL, NULL },
		{ "name", NULL, "is not taken: the VPS has the name of the directory" },
		{ NULL, NULL, none },
	};
	struct place p = { .f = f, .fd = dirfd };

	if (faccessat(dirfd, "vdir", F_OK, AT_SYMLINK_NOFOLLOW) &&
	    faccessat(dirfd, "context", F_OK, AT_SYMLINK_NOFOLLOW) &&
	    faccessat(dirfd, "apps", F_OK, AT_SYMLINK_NOFOLLOW)) {
		foreign_refuse(f, "has neither vdir nor context nor apps: is no configuration");
		return 0;
	}
	for_entries(&p, "", entries);
	f->where = "";
	if (!foreign_get(f, "S_HOSTNAME"))
		foreign_lost(f, "uts/nodename is not there: the VPS had the host's name, now it "
			     "is its own");
	return 0;
}
