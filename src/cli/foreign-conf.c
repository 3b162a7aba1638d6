// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * NAME.conf of FreeVPS 1.1 and vserver 0.x: a shell script that was sourced. What "vserver build"
 * wrote is understood, assignments of plain words wherever that has them; any other line could
 * change what these mean, so that it is refused.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "foreign.h"

#define FILE_MAX_BYTES (64 * 1024)
#define SHOWN_MAX 60
#define BLANKS " \t"
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

enum old {
	OLD_IPROOT, OLD_IPROOTDEV, OLD_IPROOTMASK, OLD_IPROOTBCAST, OLD_ONBOOT, OLD_HOSTNAME,
	OLD_DOMAINNAME, OLD_NICE, OLD_FLAGS, OLD_ULIMIT, OLD_CAPS, OLD_CONTEXT, OLD_COUNT,
};

static const char *const old_names[OLD_COUNT] = {
	"IPROOT", "IPROOTDEV", "IPROOTMASK", "IPROOTBCAST", "ONBOOT", "S_HOSTNAME",
	"S_DOMAINNAME", "S_NICE", "S_FLAGS", "ULIMIT", "S_CAPS", "S_CONTEXT",
};

/* Where in the file: within "if" the profile gets its default, "case" has one arm for each. */
enum place { AT_TOP, IN_IF, IN_CASE, IN_ARM };

/**
 * struct script - a file on its way
 * @at: what is next, in line @f->line
 * @profile: whose arm is taken; @chosen by the caller
 * @choice: there were arms; @taken: one was taken; @skips: this one is another's
 * @values: what was assigned last, in line @lines
 */
struct script {
	struct foreign *f;
	const char *at;
	char *profile;
	bool chosen;
	bool choice;
	enum place place;
	bool taken;
	bool skips;
	char *values[OLD_COUNT];
	unsigned int lines[OLD_COUNT];
};

/* ---- reading -------------------------------------------------------------------- */

/*
 * The word that begins here as a shell would see it, NULL where it would do more than read it.
 * A line may end in quotes: values are lists.
 */
static char *read_word(struct script *s)
{
	char *word = malloc(strlen(s->at) + 1), *to = word, quote = '\0';

	if (!word)
		cli_die(cli.failed, -ENOMEM, "configuration");
	for (; *s->at; s->at++) {
		char c = *s->at;

		if (c == '\\' && s->at[1] == '\n' && quote != '\'') {
			s->at++;
			s->f->line++;
		} else if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
		} else if (!quote && strchr(BLANKS ";\n", c)) {
			break;
		} else if ((quote != '\'' && strchr("$`\\", c)) ||
			   (!quote && strchr("|&<>()", c))) {
			free(word);
			return NULL;
		} else {
			s->f->line += c == '\n';
			*to++ = c == '\n' ? ' ' : c;
		}
	}
	*to = '\0';
	if (quote) {
		free(word);
		return NULL;
	}
	return word;
}

static void replace(char **slot, char *value)
{
	free(*slot);
	*slot = value;
}

/* Takes @value. */
static void assign(struct script *s, const char *name, size_t len, char *value)
{
	unsigned int i;

	for (i = 0; i < OLD_COUNT; i++)
		if (strlen(old_names[i]) == len && !memcmp(old_names[i], name, len))
			break;
	if (len == 7 && !memcmp(name, "PROFILE", len)) {
		if (s->chosen || s->skips)
			free(value);
		else
			replace(&s->profile, value);
		return;
	}
	if (i < OLD_COUNT && !s->skips) {
		replace(&s->values[i], value);
		s->lines[i] = s->f->line;
		return;
	}
	if (!s->skips && *value)
		foreign_lost(s->f, "%.*s='%.*s': has no counterpart", (int)len, name, SHOWN_MAX,
			     value);
	free(value);
}

/* One assignment or more, up to the end of the line. False where there is something else. */
static bool read_assignments(struct script *s)
{
	while (*s->at && *s->at != '\n' && *s->at != '#') {
		const char *name = s->at;
		size_t len = strspn(name, NAME_CHARS);
		char *value;

		if (!len || name[len] != '=' || (*name >= '0' && *name <= '9'))
			return false;
		if (s->place == IN_CASE || (s->place == IN_IF && strncmp(name, "PROFILE=", 8)))
			return false;
		s->at += len + 1;
		value = read_word(s);
		if (!value)
			return false;
		assign(s, name, len, value);
		s->at += strspn(s->at, BLANKS);
		if (*s->at == ';' && s->at[1] != ';')
			s->at += 1 + strspn(s->at + 1, BLANKS);
	}
	return true;
}

/* "WORD)" or "*)", which begins an arm. */
static bool read_arm(struct script *s, const char *line, size_t len)
{
	size_t name = len - 1;
	bool any = name == 1 && *line == '*';

	if (len < 2 || line[name] != ')' || (!any && strspn(line, NAME_CHARS ".-") != name))
		return false;
	s->place = IN_ARM;
	s->choice = true;
	s->skips = s->taken ||
		   (!any && (strlen(s->profile) != name || memcmp(s->profile, line, name)));
	s->taken |= !s->skips;
	if (s->skips)
		foreign_lost(s->f, "profile '%.*s': not taken, as '%s' is", (int)name, line,
			     s->profile);
	return true;
}

static bool is_line(const char *line, size_t len, const char *const *known)
{
	for (; *known; known++)
		if (strlen(*known) == len && !memcmp(*known, line, len))
			return true;
	return false;
}

/* What "vserver build" wrote around assignments; where it expanded $PROFILE by mistake, too. */
static bool read_skeleton(struct script *s, const char *line, size_t len)
{
	static const char *const begin_if[] = {
		"if [ \"$PROFILE\" = \"\" ] ; then", "if [ \"$PROFILE\" = \"\" ]; then",
		"if [ \"\" = \"\" ] ; then", NULL,
	};
	static const char *const begin_case[] = {
		"case $PROFILE in", "case \"$PROFILE\" in", NULL,
	};
	static const char *const end_if[] = { "fi", NULL }, *const end_arm[] = { ";;", NULL },
				 *const end_case[] = { "esac", NULL };

	if (s->place == AT_TOP && is_line(line, len, begin_if))
		s->place = IN_IF;
	else if (s->place == IN_IF && is_line(line, len, end_if))
		s->place = AT_TOP;
	else if (s->place == AT_TOP && is_line(line, len, begin_case))
		s->place = IN_CASE, s->taken = false;
	else if (s->place == IN_CASE && is_line(line, len, end_case))
		s->place = AT_TOP;
	else if (s->place == IN_ARM && is_line(line, len, end_arm))
		s->place = IN_CASE, s->skips = false;
	else if (s->place == IN_ARM && is_line(line, len, end_case))
		s->place = AT_TOP, s->skips = false;
	else
		return s->place == IN_CASE && len && read_arm(s, line, len);
	return true;
}

static void read_line(struct script *s)
{
	const char *line = s->at;
	unsigned int number = s->f->line;
	size_t len = strcspn(line, "\n");

	while (len && strchr(BLANKS "\r", line[len - 1]))
		len--;
	if (!len || *line == '#')
		s->at += strcspn(s->at, "\n");
	else if (read_skeleton(s, line, len))
		s->at += strcspn(s->at, "\n");
	else if (!read_assignments(s)) {
		s->f->line = number;
		foreign_refuse(s->f, "'%.*s': is no assignment of plain words, and nothing is "
			       "executed", (int)(len < SHOWN_MAX ? len : SHOWN_MAX), line);
		s->at = line + strcspn(line, "\n");
	}
	s->at += strcspn(s->at, "\n");
}

static void read_script(struct script *s)
{
	for (s->f->line = 1; *s->at; s->f->line++) {
		s->at += strspn(s->at, BLANKS);
		read_line(s);
		s->at += *s->at == '\n';
	}
	if (s->place != AT_TOP)
		foreign_refuse(s->f, "ends in the middle of 'if' or 'case'");
	s->f->line = 0;
	if (s->place == AT_TOP && s->chosen && s->choice && !s->taken)
		foreign_refuse(s->f, "has no profile '%s'", s->profile);
}

/* ---- translating ---------------------------------------------------------------- */

/* The next word of a list, into @word; NULL at its end. */
static const char *next_word(const char *list, char *word, size_t size)
{
	size_t len;

	list += strspn(list, BLANKS);
	len = strcspn(list, BLANKS);
	snprintf(word, size, "%.*s", (int)len, list);
	return len ? list + len : NULL;
}

/* The value as a list, and notes are of its line from now on. */
static const char *old(struct script *s, enum old which)
{
	s->f->line = s->lines[which];
	return s->values[which] ?: "";
}

static void set_addresses(struct script *s)
{
	const char *mask = s->values[OLD_IPROOTMASK] ?: "";
	const char *device = s->values[OLD_IPROOTDEV] ?: "", *list;
	struct foreign_addrs addrs = { 0 };
	char word[160];

	for (list = old(s, OLD_IPROOT); (list = next_word(list, word, sizeof(word)));) {
		char *colon = strchr(word, ':');

		/* All of the host's, which is what a VPS without addresses of its own has. */
		if (!strcmp(word, "ALL") || !strcmp(word, "0.0.0.0")) {
			if (strcmp(word, s->values[OLD_IPROOT]))
				foreign_refuse(s->f, "IPROOT: %s among others", word);
			return;
		}
		if (colon)
			*colon = '\0';
		foreign_add_addr(s->f, &addrs, colon ? colon + 1 : word,
				 colon ? word : device, mask);
	}
	foreign_end_addrs(s->f, &addrs, s->values[OLD_IPROOTBCAST] ?: "");
}

static void set_flags(struct script *s)
{
	bool nproc = false, init = false;
	const char *list;
	char word[64];

	for (list = old(s, OLD_FLAGS); (list = next_word(list, word, sizeof(word)));) {
		nproc |= !strcmp(word, "nproc");
		init |= !strcmp(word, "fakeinit");
		foreign_add_flag(s->f, word);
	}
	if (!init)
		foreign_lost(s->f, "S_FLAGS: without fakeinit the scripts of a runlevel were "
			     "started; now /sbin/init of the tree is, where there is one");
}

/* With the flag nproc, -u was the limit of the whole. */
static void set_ulimit(struct script *s, const char *word, const char *value)
{
	const char *flags = foreign_get(s->f, "S_FLAGS");
	char letter = word[strlen(word) - 1], both[72];

	if (letter == 'u' && flags && strstr(flags, "nproc")) {
		foreign_set(s->f, "LIMIT_PROC", strcmp(value, "unlimited") ? value : "inf");
		return;
	}
	snprintf(both, sizeof(both), "-%c %s", letter, value);
	foreign_add(s->f, "ULIMIT", both);
}

/* "-HS -u 1000 -Hn 1024": H and S stand alone or before another letter. */
static void set_ulimits(struct script *s)
{
	const char *list = old(s, OLD_ULIMIT);
	char word[64], value[64];

	while ((list = next_word(list, word, sizeof(word)))) {
		size_t letters = *word == '-' ? 1 + strspn(word + 1, "HS") : 0;

		if (letters > 1 && !word[letters])
			continue;
		if (!letters || !word[letters] || word[letters + 1] ||
		    !(list = next_word(list, value, sizeof(value)))) {
			foreign_lost(s->f, "ULIMIT: '%s': not carried over, and what follows it",
				     word);
			return;
		}
		set_ulimit(s, word, value);
	}
}

static void set_names(struct script *s)
{
	const char *domain = old(s, OLD_DOMAINNAME);

	foreign_set(s->f, "S_DOMAINNAME", strcmp(domain, "none") ? domain : "");
	foreign_set(s->f, "S_HOSTNAME", old(s, OLD_HOSTNAME));
	if (!*old(s, OLD_HOSTNAME))
		foreign_lost(s->f, "S_HOSTNAME: is empty: the VPS had the host's name, now it is "
			     "its own");
	foreign_set(s->f, "S_CONTEXT", old(s, OLD_CONTEXT));
}

static void translate(struct script *s)
{
	const char *list, *word = old(s, OLD_ONBOOT);
	char cap[64];

	if (*word && strcmp(word, "yes"))
		foreign_lost(s->f, "ONBOOT='%.*s': is not yes, so it is not started with the host",
			     SHOWN_MAX, word);
	else
		foreign_set(s->f, "ONBOOT", word);
	set_names(s);
	set_addresses(s);
	set_flags(s);
	set_ulimits(s);
	for (list = old(s, OLD_CAPS); (list = next_word(list, cap, sizeof(cap)));)
		foreign_add_cap(s->f, cap);
	if (*old(s, OLD_NICE))
		foreign_lost(s->f, "S_NICE='%.*s': has no counterpart; LIMIT_CPU_WEIGHT shares "
			     "processors", SHOWN_MAX, s->values[OLD_NICE]);
	s->f->line = 0;
}

/* The whole of a small file, NULL with the reason in *ret_err. */
static char *read_file(int fd, int *ret_err)
{
	char *text = malloc(FILE_MAX_BYTES + 1);
	size_t len = 0;
	ssize_t n = 0;

	*ret_err = -ENOMEM;
	while (text && (n = read(fd, text + len, FILE_MAX_BYTES + 1 - len)) > 0)
		len += (size_t)n;
	if (text)
		*ret_err = n < 0 ? -errno : len > FILE_MAX_BYTES ? -EFBIG :
			   memchr(text, '\0', len) ? -EILSEQ : 0;
	if (!*ret_err) {
		text[len] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

int foreign_read_conf(struct foreign *f, int fd, const char *profile)
{
	struct script s = { .f = f, .chosen = *profile };
	_cleanup_(cli_freep) char *text = NULL;
	int err;

	text = read_file(fd, &err);
	if (!text)
		return err;
	s.at = text;
	s.profile = strdup(profile);
	if (!s.profile)
		return -ENOMEM;
	read_script(&s);
	if (!f->refused)
		translate(&s);
	free(s.profile);
	for (size_t i = 0; i < OLD_COUNT; i++)
		free(s.values[i]);
	return 0;
}
