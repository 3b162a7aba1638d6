// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/stat.h>

#include "filter.h"
#include "sys.h"
#include "util.h"
#include "walls.h"

#define BIT(n) (1ULL << (n))

/* Harmless where the host's user namespace judges: what touches only the VPS's own things. */
#define CAPS_PLAIN (BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | \
		    BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | \
		    BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) | \
		    BIT(CAP_SYS_BOOT) | BIT(CAP_AUDIT_WRITE) | BIT(CAP_SETFCAP))

/* The VPS's own user namespace judges these, not the host's. */
#define CAPS_USERNS (CAPS_PLAIN | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_NET_BROADCAST) | \
		     BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) | BIT(CAP_IPC_LOCK) | \
		     BIT(CAP_IPC_OWNER) | BIT(CAP_SYS_PTRACE) | BIT(CAP_SYS_ADMIN) | \
		     BIT(CAP_SYS_NICE) | BIT(CAP_SYS_RESOURCE) | BIT(CAP_SYS_TTY_CONFIG) | \
		     BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_LEASE) | BIT(CAP_AUDIT_CONTROL) | \
		     BIT(CAP_MKNOD))

/*
 * Over a device on a bridge no VPS is its network's administrator: what is redirected by a device
 * of its own making (ifb) is marked not to be looked at again, and that mark goes through the
 * cable, past what guards the host's end.
 */
uint64_t vps_caps_default(bool userns, bool bridged)
{
	uint64_t caps = userns ? CAPS_USERNS : CAPS_PLAIN;

	return bridged ? caps & ~BIT(CAP_NET_ADMIN) : caps;
}

uint64_t vps_caps_all(void)
{
	return BIT(cap_max_bits()) - 1;
}

static int clear_inheritable(void)
{
	cap_t caps = cap_get_proc();
	int rc = 0;

	if (!caps || cap_clear_flag(caps, CAP_INHERITABLE) < 0 || cap_set_proc(caps) < 0)
		rc = -errno;
	cap_free(caps);
	return rc;
}

static int drop_caps(uint64_t caps)
{
	for (int cap = 0; cap < cap_max_bits(); cap++) {
		if (caps & BIT(cap))
			continue;
		if (cap_get_bound(cap) == 1 && cap_drop_bound(cap) < 0)
			return -errno;
	}
	/* Root's next exec takes the bounding set, and what it has inherited besides. */
	return clear_inheritable() ?: cap_reset_ambient() < 0 ? -errno : 0;
}

int vps_walls_filter(bool userns, struct vps_fault *fault)
{
	int rc = vps_filter_load(userns);

	return rc ? vps_fault(fault, rc, "load the system call filter", "") : 0;
}

int vps_walls_raise(uint64_t caps, bool scope, struct vps_fault *fault)
{
	int rc;

	rc = scope ? vps_sys_landlock_scope() : 0;
	if (rc && rc != -ENOTSUP)
		return vps_fault(fault, rc, "close the host's abstract sockets", "");
	rc = drop_caps(caps);
	return rc ? vps_fault(fault, rc, "bound the capabilities", "") : 0;
}

int vps_walls_tidy(struct vps_fault *fault)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	setsid();	/* fails only for the leader of a session: then it is done */
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		sigaction(sig, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return vps_fault(fault, -errno, "close descriptors", "");
	return 0;
}

int vps_walls_stdio(const int stdio[3], struct vps_fault *fault)
{
	int high[3];

	/* Out of the way first: one of them may be 0, 1 or 2 and wanted elsewhere. */
	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
		if (high[i] < 0)
			return vps_fault(fault, -errno, "duplicate a descriptor", "");
	}
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			return vps_fault(fault, -errno, "duplicate a descriptor", "");
	return 0;
}
