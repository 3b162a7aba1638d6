// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli.h"
#include "tap.h"

/* Executed by a descriptor, its second life; nothing else does that to a test. */
static bool is_second_life(void)
{
	return !strncmp((const char *)getauxval(AT_EXECFN), "/dev/fd/", strlen("/dev/fd/"));
}

static void test_sealed(int argc)
{
	char comm[16] = "";

	is_int(argc, 1, "it has the same arguments");
	prctl(PR_GET_NAME, comm);
	is_str(comm, "sealed", "it has the tool's name");
	/* open(2) would say ETXTBSY first, as long as it runs. */
	is_int(access("/proc/self/exe", W_OK) < 0 ? errno : 0, EROFS,
	       "it cannot be written, not even by root");
}

int main(int argc, char **argv)
{
	bool second = is_second_life();
	int rc;

	cli.name = "sealed";
	rc = cli_seal_self(argv);
	if (second) {
		is_int(rc, 0, "what is sealed is not executed again");
		test_sealed(argc);
	} else if (geteuid()) {
		is_int(rc, -EPERM, "only root of the machine can");
	} else {
		is_int(rc, 0, "it is executed again");
	}
	return done();
}
