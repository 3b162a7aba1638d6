// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "capture.h"
#include "cli.h"
#include "tap.h"

static struct capture captured;

static const char *fault_text(int err, const struct vps_fault *fault)
{
	capture_begin(&captured, 2);
	cli_warn_fault(err, fault);
	return capture_end(&captured);
}

static const char *warn_text(int err, const char *text)
{
	capture_begin(&captured, 2);
	cli_warn(err, "%s", text);
	return capture_end(&captured);
}

static void test_warn(void)
{
	is_str(warn_text(-ENOENT, "/etc/x"), "tool: /etc/x: No such file or directory\n",
	       "object and reason");
	is_str(warn_text(0, "web: not running"), "tool: web: not running\n",
	       "no reason without an error");
	is_str(warn_text(0, "a\nb\033[31m\177\t"), "tool: a\\012b\\033[31m\\177\\011\n",
	       "control bytes cannot end the line or colour it");
	is_str(warn_text(0, "\302\233x\377"), "tool: \\302\\233x\\377\n",
	       "control bytes above 127 neither");
	is_str(warn_text(0, "100%s"), "tool: 100%s\n", "a percent sign is a percent sign");
}

static void test_fault(void)
{
	const struct vps_fault both = { .step = "mount /proc", .object = "/srv/x" };
	const struct vps_fault step = { .step = "fork" };
	const struct vps_fault object = { .object = "web" };

	is_str(fault_text(-EBUSY, &both),
	       "tool: /srv/x: mount /proc: Device or resource busy\n", "object, step, reason");
	is_str(fault_text(-EAGAIN, &step),
	       "tool: fork: Resource temporarily unavailable\n", "step alone");
	is_str(fault_text(-EPERM, &object),
	       "tool: web: Operation not permitted\n", "object alone");
}

static void die(void)
{
	cli_die(125, -EPERM, "context %d", 7);
}

static void use_wrongly(void)
{
	cli_usage("'%s': not a number", "x");
}

static void test_exit(void)
{
	is_int(capture_exit(&captured, 2, die), 125, "cli_die exits with its status");
	is_str(captured.text, "tool: context 7: Operation not permitted\n", "and says why");
	is_int(capture_exit(&captured, 2, use_wrongly), 2, "cli_usage exits with that of usage");
	is_str(captured.text, "tool: 'x': not a number (see tool --help)\n",
	       "and points at --help");
}

static void test_status(void)
{
	is_int(cli_exit_status(7 << 8), 7, "the command's own status");
	is_int(cli_exit_status(0), 0, "success");
	is_int(cli_exit_status(9), 137, "128 and the signal");
	is_int(cli_exit_status(11 | 0x80), 139, "with a core or without");
}

int main(void)
{
	cli.name = "tool";
	test_warn();
	test_fault();
	test_exit();
	test_status();
	return done();
}
