/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's terminal while a relay uses it: raw, and given back as it was.
 */
#ifndef VPS_CLI_TERMINAL_H
#define VPS_CLI_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/**
 * struct cli_terminal - what of fds 0-2 is a terminal
 * @in: to read keys from, -1 when fd 0 is none
 * @out: to write to, -1 when there is nowhere
 * @before: modes as found
 * @raw: modes while relaying; in use only when @in is there
 * @guardian: process that puts @before back when this one cannot, 0 when none
 * @leash: closed by the end of this process, which the guardian waits for
 */
struct cli_terminal {
	int in;
	int out;
	struct termios before;
	struct termios raw;
	pid_t guardian;
	int leash;
};

/* Finds the terminal and starts its guardian; its modes are not changed yet. */
int cli_terminal_open(struct cli_terminal *term);

/* Raw if there is an @in; stops the process where it is a background job of its shell. */
void cli_terminal_raw(struct cli_terminal *term);

/* Puts the modes back, unless somebody else has changed them since. */
void cli_terminal_restore(struct cli_terminal *term);

/* Restores, ends the guardian and closes. */
void cli_terminal_close(struct cli_terminal *term);

#endif /* VPS_CLI_TERMINAL_H */
