// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * make-filter: prints the system call filters of VPSes as C, for libvps. libseccomp takes most
 * of a millisecond to compose one, and each start and each entry would wait for it.
 *
 * They refuse calls that reach past every namespace, or that have been the way out before, and
 * name what is refused, not what is allowed: distributions of any age must boot inside.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <linux/tiocl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

#define FIRST_UNKNOWN 467

/* Refused in every VPS, with EPERM. */
static const int refused[] = {
	/* kernel, machine, time */
	SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(iopl), SCMP_SYS(ioperm),
	SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(syslog),
	SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(stime),
	/* tracing and programs in the kernel */
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(lookup_dcookie),
	/* file handles walk out of any root (CVE-2014-3519, "Shocker") */
	SCMP_SYS(open_by_handle_at),
	/* keyrings are per user of the host where there is no user namespace */
	SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
	/* fault handling in user space: a tool of kernel exploits more than of programs */
	SCMP_SYS(userfaultfd),
	SCMP_SYS(quotactl), SCMP_SYS(quotactl_fd), SCMP_SYS(nfsservctl),
};

/* Answered with ENOSYS, so that programs take their older way. */
static const int absent[] = {
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
};

/* Without a user namespace of its own: what root of the host could do with a mount. */
static const int refused_plain[] = {
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(umount), SCMP_SYS(pivot_root),
	SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fspick),
	SCMP_SYS(fsmount), SCMP_SYS(fsconfig), SCMP_SYS(mount_setattr), SCMP_SYS(setns),
	SCMP_SYS(fanotify_init), SCMP_SYS(vhangup), SCMP_SYS(name_to_handle_at),
};

static const struct {
	unsigned int request;
	bool plain_only;	/* the user namespace is wall enough */
} refused_ioctls[] = {
	{ TIOCSTI, false },		/* types into the terminal of who started or entered it */
	{ TIOCLINUX, false },		/* the same by the console's selection */
	{ FS_IOC_FSSETXATTR, true },	/* the owner may change its project: out of the quota */
	{ FS_IOC_SETFLAGS, true },
	{ FS_IOC32_SETFLAGS, true },
};

static int refuse_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++)
		rc = seccomp_rule_add(filter, action, calls[i], 0);
	return rc;
}

static int refuse_ioctls(scmp_filter_ctx filter, bool userns)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(refused_ioctls); i++) {
		if (userns && refused_ioctls[i].plain_only)
			continue;
		/* The kernel looks at 32 bits only, so the filter must too (CVE-2019-10063). */
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu,
					      refused_ioctls[i].request));
	}
	return rc;
}

static int refuse_namespaces(scmp_filter_ctx filter)
{
	static const unsigned long flags[] = {
		CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
		CLONE_NEWUTS, CLONE_NEWCGROUP,
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(flags); i++) {
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
		if (!rc)
			rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
					      SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	}
	/* Its flags are behind a pointer; the C library falls back to clone. */
	return rc ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int add_rules(scmp_filter_ctx filter, bool userns)
{
	int rc;

	rc = refuse_all(filter, SCMP_ACT_ERRNO(EPERM), refused, ARRAY_SIZE(refused));
	if (!rc)
		rc = refuse_all(filter, SCMP_ACT_ERRNO(ENOSYS), absent, ARRAY_SIZE(absent));
	if (!rc)
		rc = refuse_ioctls(filter, userns);
	/*
	 * vsock speaks to the hypervisor and has no namespace. The family is behind a pointer
	 * in i386's socketcall, so C libraries that know only that make no socket at all.
	 */
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, AF_VSOCK));
	if (!rc && !userns)
		rc = refuse_all(filter, SCMP_ACT_ERRNO(EPERM), refused_plain,
				ARRAY_SIZE(refused_plain));
	if (!rc && !userns)
		rc = refuse_namespaces(filter);
	return rc;
}

static int compose(scmp_filter_ctx filter, bool userns)
{
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	/* A search tree: fewer steps for each call, and for the kernel when it takes it in. */
	if (!rc)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
#if defined(__x86_64__)
	/* Programs of 32 bits run inside, under the same rules. */
	if (!rc)
		rc = seccomp_arch_add(filter, SCMP_ARCH_X86);
#elif defined(__aarch64__)
	if (!rc)
		rc = seccomp_arch_add(filter, SCMP_ARCH_ARM);
#endif
	return rc ?: add_rules(filter, userns);
}

static void print_code(const struct sock_filter *code, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt, code[i].jf,
		       code[i].k);
}

/*
 * Calls that came after this list was made (467 is open_tree_attr, 469 file_setattr) may do
 * what the list refuses. They have the same number everywhere, and names that libseccomp
 * does not know yet, so these three instructions are written out and go before its own.
 */
static void print_newest(void)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_UNKNOWN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	print_code(code, ARRAY_SIZE(code));
}

/* libseccomp hands out what it has made only through a descriptor. */
static int print_composed(scmp_filter_ctx filter)
{
	struct sock_filter code[BPF_MAXINSNS];
	FILE *file = tmpfile();
	size_t count;
	int rc = file ? seccomp_export_bpf(filter, fileno(file)) : -errno;

	if (rc)
		return rc;
	rewind(file);
	count = fread(code, sizeof(*code), ARRAY_SIZE(code), file);
	fclose(file);
	print_code(code, count);
	return count ? 0 : -EIO;
}

static int print_filter(const char *name, bool userns)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? compose(filter, userns) : -ENOMEM;

	printf("static const struct sock_filter %s[] = {\n", name);
	if (!userns)
		print_newest();
	if (!rc)
		rc = print_composed(filter);
	printf("};\n");
	seccomp_release(filter);
	return rc;
}

int main(void)
{
	int rc = print_filter("filter_userns", true) ?: print_filter("filter_plain", false);

	if (rc)
		fprintf(stderr, "make-filter: %s\n", strerror(-rc));
	return rc || fflush(stdout) ? 1 : 0;
}
