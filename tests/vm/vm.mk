# SPDX-License-Identifier: GPL-2.0-or-later
# Tests in a virtual machine with a kernel of its own; see tests/vm/run.

VM_RUN = BUILD=$(abspath $(O)) tests/vm/run

vm-check:
	@BUILD=$(abspath $(O)) tests/vm/selftest
	@$(VM_RUN)
	@$(VM_RUN) --init systemd

# What takes too long for each day.
soak:
	@$(VM_RUN) --config debug
	@$(VM_RUN) --config debug --init systemd

.PHONY: vm-check soak
