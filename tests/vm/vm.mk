# SPDX-License-Identifier: GPL-2.0-or-later
# Tests in virtual machines with kernels of their own; see tests/vm/run. The output of each goes
# to $(O)/log/vm-NAME.tap.
#
# An emulated machine keeps one processor busy, so what vm-quick runs is divided among
# machines that run side by side: the whole suite on a plain host, in two parts, and under
# systemd what a host's init has to do with. "make vm-check" runs the whole suite on both.

VM_TESTS := $(wildcard tests/system/*.bats tests/escape/*.bats)
VM_OWN := tests/vm/machine.bats tests/vm/boot.bats
vm_some = $(foreach n,$(1),$(filter tests/system/$(n)-%,$(VM_TESTS)))

vm-plain-b: VM_RUN := $(call vm_some,025 030 050 070)
vm-plain-a: VM_RUN := $(VM_OWN) $(filter-out $(call vm_some,025 030 050 070),$(VM_TESTS))
vm-systemd: VM_RUN := --init systemd $(VM_OWN) tests/vm/systemd.bats $(call vm_some,030 060 080)
vm-systemd-all: VM_RUN := --init systemd
VM_QUICK := vm-plain-a vm-plain-b vm-systemd

VM_LOG = $(O)/log/$@.tap

# What all machines are given, made before several want to make it at once.
vm-tree: all $(SHARED)
	@BUILD=$(abspath $(O)) tests/vm/run --prepare

$(VM_QUICK) vm-systemd-all: vm-tree
	@mkdir -p $(O)/log
	@BUILD=$(abspath $(O)) tests/vm/run $(VM_RUN) >$(VM_LOG) || rc=$$?; \
		sed -n 's/^skipped, /$@: skipped, /p' $(VM_LOG); \
		sed -n '/^vm: .*the end of its messages:/,$$p' $(VM_LOG); \
		scripts/dev/tap-sum $(VM_LOG) | sed 's/^/$@: /'; exit $${rc:-0}

vm-quick: $(VM_QUICK)

vm-selftest: vm-tree
	@BUILD=$(abspath $(O)) tests/vm/selftest

vm-check: vm-selftest vm-plain-a vm-plain-b vm-systemd-all

# What takes too long for each day.
soak: vm-tree
	@BUILD=$(abspath $(O)) VPS_TEST_ROUNDS=16 tests/vm/run --config debug
	@BUILD=$(abspath $(O)) VPS_TEST_ROUNDS=16 tests/vm/run --config debug --init systemd

.PHONY: vm-tree $(VM_QUICK) vm-systemd-all vm-quick vm-selftest vm-check soak
