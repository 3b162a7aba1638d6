# SPDX-License-Identifier: GPL-2.0-or-later
# The patch of Linux; see kernel/README.md.

KERNEL_OUT := $(O)/kernel
KERNEL_TOOL = BUILD=$(abspath $(O)) VERSION=$(VERSION) scripts/dev/$(1)

# One file, and a numbered series.
kernel-patch:
	@$(call KERNEL_TOOL,kernel-patch) $(KERNEL_OUT)

# The kernel's own tests in user space, static, for tests/vm/run, which knows where the header of
# their harness is (KSELFTEST).
SELFTESTS := kernel/overlay/tools/testing/selftests/vps
UAPI := kernel/overlay/include/uapi
SELFTEST_PROGRAMS := $(patsubst $(SELFTESTS)/%.c,$(KERNEL_OUT)/selftests/%,$(wildcard $(SELFTESTS)/*.c))

kernel-selftests: $(SELFTEST_PROGRAMS)

$(SELFTEST_PROGRAMS): $(KERNEL_OUT)/selftests/%: $(SELFTESTS)/%.c $(wildcard $(SELFTESTS)/*.h) \
		$(UAPI)/linux/vps.h $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -O2 -Wall -D_GNU_SOURCE -isystem $(UAPI) -I$(KSELFTEST)/vps -static \
		-o $@ $< -lpthread -lcap

.PHONY: kernel-patch kernel-selftests
