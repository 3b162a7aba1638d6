// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "filter.h"
#include "filter/filter.h"
#include "util.h"

int vps_filter_load(bool userns)
{
	struct sock_fprog program = {
		.len = userns ? ARRAY_SIZE(filter_userns) : ARRAY_SIZE(filter_plain),
		.filter = (struct sock_filter *)(userns ? filter_userns : filter_plain),
	};

	/* setuid programs work inside, so no_new_privs stays off: this needs CAP_SYS_ADMIN. */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}
