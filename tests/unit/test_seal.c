// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli.h"
#include "tap.h"

#define WRITE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool is_sealed(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = fcntl(fd, F_GET_SEALS);

	close(fd);
	return seals >= 0 && (seals & WRITE_SEALS) == WRITE_SEALS;
}

int main(int argc, char **argv)
{
	char comm[16] = "";
	bool copied = is_sealed();
	int fd, rc;

	cli.name = "sealed";
	rc = cli_seal_self(argv);
	if (!copied) {
		ok(false, "a copy was executed");
		printf("# error %d\n", rc);
		return done();
	}
	is_int(rc, 0, "a sealed copy is not copied again");
	is_int(argc, 1, "it has the same arguments");
	prctl(PR_GET_NAME, comm);
	is_str(comm, "sealed", "it has the tool's name");
	fd = open("/proc/self/exe", O_RDWR | O_CLOEXEC);
	ok(fd < 0 || write(fd, "x", 1) < 0, "it cannot be written");
	return done();
}
