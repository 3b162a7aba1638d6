// SPDX-License-Identifier: GPL-2.0-or-later
/* vps-translate - the configuration of another program in the words of vps.conf(5). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "foreign.h"

static char *profile;

static const struct poptOption options[] = {
	{ "profile", 'p', POPT_ARG_STRING, &profile, 0,
	  "of a file with profiles, this one (the one it says itself)", "NAME" },
	POPT_TABLEEND
};

/* "PATH/FILE:LINE: " before the text, as far as there is one. */
static void tell(const struct foreign_note *note, void *data)
{
	const char *path = data;
	char line[16] = "";

	if (note->line)
		snprintf(line, sizeof(line), ":%u", note->line);
	cli_warn(0, "%s%s%s%s: %s", path, *note->where ? "/" : "", note->where, line, note->text);
}

int main(int argc, char **argv)
{
	struct foreign f = { .tell = tell };
	_cleanup_(cli_closep) int fd = -1;
	const char **words;
	poptContext popt;
	struct stat st;
	int count, err;

	cli_init("vps-translate", CLI_FAILED, CLI_USAGE);
	popt = cli_options(argc, argv, options, "[--] FILE | DIR");
	while (cli_next(popt) > 0)
		;
	words = cli_operands(popt, &count);
	if (count != 1)
		cli_usage("takes one FILE or DIR");
	fd = open(words[0], O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		cli_die(CLI_FAILED, -errno, "%s", words[0]);
	f.data = (void *)words[0];
	if (S_ISDIR(st.st_mode) && profile)
		cli_usage("--profile is for files");
	err = S_ISDIR(st.st_mode) ? foreign_read_dir(&f, fd) :
				    foreign_read_conf(&f, fd, profile ?: "");
	if (err)
		cli_die(CLI_FAILED, err, "%s", words[0]);
	if (!f.refused)
		foreign_print(&f, stdout);
	foreign_free(&f);
	return f.refused ? CLI_FAILED : CLI_OK;
}
