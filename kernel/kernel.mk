# SPDX-License-Identifier: GPL-2.0-or-later
# The patch of Linux; see kernel/README.md.

KERNEL_OUT := $(O)/kernel
KERNEL_TOOL = BUILD=$(abspath $(O)) VERSION=$(VERSION) scripts/dev/$(1)

# One file, and a numbered series.
kernel-patch:
	@$(call KERNEL_TOOL,kernel-patch) $(KERNEL_OUT)

.PHONY: kernel-patch
