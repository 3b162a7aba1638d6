# SPDX-License-Identifier: GPL-2.0-or-later
# The patch of Linux, its checks, packages of patched kernels; see kernel/README.md.

KERNEL_OUT := $(O)/kernel
KERNEL_TOOL = BUILD=$(abspath $(O)) VERSION=$(VERSION) scripts/dev/$(1)

# One file, and a numbered series.
kernel-patch:
	@$(call KERNEL_TOOL,kernel-patch) $(KERNEL_OUT)

# What is applied: an archive of make dist has it, in a working tree make kernel-patch makes it.
PATCH_DIR := $(if $(wildcard kernel/patch),kernel/patch,$(KERNEL_OUT))
KERNEL_SRCDIR ?= $(PREFIX)/src/freevps-kernel
install-kernel-patch:
	install -d "$(DESTDIR)$(KERNEL_SRCDIR)/series"
	install -m 644 $(PATCH_DIR)/freevps-*.patch kernel/config/vps.config \
		"$(DESTDIR)$(KERNEL_SRCDIR)"
	install -m 644 $(PATCH_DIR)/series/*.patch "$(DESTDIR)$(KERNEL_SRCDIR)/series"
	install -m 755 kernel/build-kernel "$(DESTDIR)$(KERNEL_SRCDIR)"

# Quick: what needs no compiler beyond the kernels of the tests.
kernel-check: KERNEL_CHECK :=
kernel-quick: KERNEL_CHECK := --quick
kernel-check kernel-quick:
	@mkdir -p $(O)/log
	@$(call KERNEL_TOOL,kernel-check) $(KERNEL_CHECK) >$(O)/log/kernel.tap || rc=$$?; \
		sed -n '/^ok 1 /,/^ok/ s/^# /kernel: /p' $(O)/log/kernel.tap; \
		scripts/dev/tap-sum -f $(O)/log/kernel.tap; \
		scripts/dev/tap-sum $(O)/log/kernel.tap | sed 's/^/kernel: /'; exit $${rc:-0}

# KERNEL_CONFIG=FILE: a distribution's instead of that of the tests. RPM=1: no .deb.
kernel:
	@$(call KERNEL_TOOL,kernel-package) $(if $(RPM),--rpm) $(KERNEL_OUT)/package $(KERNEL_CONFIG)

# Whether nothing that FreeVPS needs is dropped from KERNEL_CONFIG.
kernel-config:
	@$(call KERNEL_TOOL,kernel-package) --configure $(KERNEL_OUT)/package $(KERNEL_CONFIG)

# The kernel's own tests in user space, static, for tests/vm/run, which knows where the header of
# their harness is (KSELFTEST).
SELFTESTS := kernel/overlay/tools/testing/selftests/vps
UAPI := kernel/overlay/include/uapi
SELFTEST_PROGRAMS := $(patsubst $(SELFTESTS)/%.c,$(KERNEL_OUT)/selftests/%,$(wildcard $(SELFTESTS)/*.c))

kernel-selftests: $(SELFTEST_PROGRAMS)

$(SELFTEST_PROGRAMS): $(KERNEL_OUT)/selftests/%: $(SELFTESTS)/%.c $(wildcard $(SELFTESTS)/*.h) \
		$(UAPI)/linux/vps.h $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -O2 -Wall -D_GNU_SOURCE $(SELFTEST_CFLAGS) -isystem $(UAPI) \
		-I$(KSELFTEST)/vps -static -o $@ $< -lpthread

.PHONY: kernel-patch install-kernel-patch kernel-check kernel-quick kernel kernel-config kernel-selftests
