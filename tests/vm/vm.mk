# SPDX-License-Identifier: GPL-2.0-or-later
# Tests in virtual machines with kernels of their own; see tests/vm/run. The output of each goes
# to $(O)/log/vm-NAME.tap; "make -j2 vm-plain vm-systemd" runs both at once.

VM_LOG = $(O)/log/$@.tap

# What all machines are given, made before several want to make it at once.
vm-tree: all $(SHARED)
	@BUILD=$(abspath $(O)) tests/vm/run --prepare

vm-plain vm-systemd: vm-%: vm-tree
	@mkdir -p $(O)/log
	@BUILD=$(abspath $(O)) tests/vm/run --init $* >$(VM_LOG) || rc=$$?; \
		sed -n 's/^skipped, /$@: skipped, /p' $(VM_LOG); \
		sed -n '/^vm: .*the end of its messages:/,$$p' $(VM_LOG); \
		scripts/dev/tap-sum $(VM_LOG) | sed 's/^/$@: /'; exit $${rc:-0}

vm-selftest: vm-tree
	@BUILD=$(abspath $(O)) tests/vm/selftest

vm-check: vm-selftest vm-plain vm-systemd

# What takes too long for each day.
soak: vm-tree
	@BUILD=$(abspath $(O)) VPS_TEST_ROUNDS=16 tests/vm/run --config debug
	@BUILD=$(abspath $(O)) VPS_TEST_ROUNDS=16 tests/vm/run --config debug --init systemd

.PHONY: vm-tree vm-plain vm-systemd vm-selftest vm-check soak
