# SPDX-License-Identifier: GPL-2.0-or-later
# Tests in virtual machines with kernels of their own; see tests/vm/run. The output of each goes
# to $(O)/log/vm-NAME.tap.
#
# An emulated machine keeps one processor busy: vm-quick runs two side by side, each with one
# processor of its own, and all that depends on the host's init in both. What does not, the
# attempts to escape, is divided between them. "make vm-check" runs everything in both, with
# two processors and at more instants.

VM_OWN := tests/vm/machine.bats tests/vm/boot.bats $(wildcard tests/system/*.bats)
VM_ESCAPES := $(wildcard tests/escape/*.bats)
VM_HALF := $(addprefix tests/escape/,enter.bats groups.bats)

vm-plain: VM_RUN := --cpus 1 $(VM_OWN) $(filter-out $(VM_HALF),$(VM_ESCAPES))
vm-systemd: VM_RUN := --cpus 1 --init systemd $(VM_OWN) tests/vm/systemd.bats $(VM_HALF)
vm-systemd-all: VM_RUN := --init systemd
vm-plain-all vm-systemd-all: export VPS_TEST_ROUNDS ?= 8
VM_QUICK := vm-plain vm-systemd
VM_ALL := $(VM_QUICK) vm-plain-all vm-systemd-all

VM_LOG = $(O)/log/$@.tap

# What all machines are given, made before several want to make it at once.
vm-tree: all $(SHARED)
	@BUILD=$(abspath $(O)) tests/vm/run --prepare

$(VM_ALL): vm-tree
	@mkdir -p $(O)/log
	@BUILD=$(abspath $(O)) tests/vm/run $(VM_RUN) >$(VM_LOG) || rc=$$?; \
		sed -n 's/^skipped, /$@: skipped, /p' $(VM_LOG); \
		sed -n '/^vm: .*the end of its messages:/,$$p' $(VM_LOG); \
		scripts/dev/tap-sum $(VM_LOG) | sed 's/^/$@: /'; exit $${rc:-0}

vm-quick: $(VM_QUICK)

vm-selftest: vm-tree
	@BUILD=$(abspath $(O)) tests/vm/selftest

vm-check: vm-selftest vm-plain-all vm-systemd-all

# What takes too long for each day.
soak: vm-tree
	@BUILD=$(abspath $(O)) VPS_TEST_ROUNDS=16 tests/vm/run --config debug
	@BUILD=$(abspath $(O)) VPS_TEST_ROUNDS=16 tests/vm/run --config debug --init systemd

.PHONY: vm-tree $(VM_ALL) vm-quick vm-selftest vm-check soak
