# SPDX-License-Identifier: GPL-2.0-or-later
# Tests in virtual machines with kernels of their own; see tests/vm/run. The output of each goes
# to $(O)/log/vm-NAME.tap.
#
# An emulated machine keeps one processor busy: vm-quick runs two side by side, each with one
# processor of its own. The system tests run once, on the patched kernel: what the host's init could
# make a difference to with systemd, all else on the plain machine, and the life of VPSes in both. With
# its contexts switched off (vm-off) it shows what this host's own kernel may not: the stock engine with
# all controllers and systemd. What the patched kernel tests of itself has two processors. Another
# machine, which is idle most of the time, is on the cable of the one that has less to do. A short one
# has its power cut. "make vm-check" builds the kernel without the patch, too, and runs everything on
# both, with both inits, with two processors and at more instants, and what the Debian package of HEAD
# installs on the unpatched one, with systemd (vm-packages).

VM_OWN := tests/vm/machine.bats tests/vm/boot.bats
VM_SYSTEM := $(wildcard tests/system/*.bats tests/escape/*.bats)
VM_BOTH := $(addprefix tests/system/,030-life.bats 060-cgroup.bats)
VM_SYSTEMD := $(addprefix tests/system/,020-enter.bats 040-config.bats 050-kill9.bats \
	080-debian.bats 090-limits.bats 110-vnet.bats) $(addprefix tests/escape/,enter.bats groups.bats)
VM_OFF := $(addprefix tests/system/,060-cgroup.bats 090-limits.bats)
VM_SELFTESTS := $(wildcard kernel/overlay/tools/testing/selftests/vps/*_test.c)
VM_ITSELF := tests/vm/kunit $(VM_SELFTESTS)

vm-plain: VM_RUN := --kernel vps --cpus 1 $(VM_OWN) $(filter-out $(VM_SYSTEMD),$(VM_SYSTEM))
vm-systemd: VM_RUN := --kernel vps --cpus 1 --init systemd $(VM_OWN) tests/vm/systemd.bats \
	tests/vm/outside.bats $(VM_BOTH) $(VM_SYSTEMD)
vm-off: VM_RUN := --kernel off --cpus 1 --init systemd $(VM_OWN) tests/vm/systemd.bats $(VM_OFF)
vm-itself: VM_RUN := --kernel vps $(VM_ITSELF) tests/vm/stress.bats
vm-vps-plain-all: VM_RUN := --kernel vps
vm-vps-systemd-all: VM_RUN := --kernel vps --init systemd
vm-systemd-all: VM_RUN := --init systemd
vm-cuts: VM_RUN := --kernel off --cuts 3 tests/vm/ledger
vm-cuts-all: VM_RUN := --cuts 20 tests/vm/ledger
vm-resize: VM_RUN := --kernel off --cuts 3 tests/vm/resize
vm-resize-all: VM_RUN := --cuts 20 tests/vm/resize
vm-packages: VM_RUN = --init systemd --packages $(O)/deb \
	$(addprefix tests/vm/,packages.bats boot.bats systemd.bats)
vm-big: VM_RUN := --kernel vps --memory 5000 \
	kernel/overlay/tools/testing/selftests/vps/big_test.c
# As programs of another kind, which have a door of their own to the same kernel.
vm-i386: VM_RUN := --kernel vps --bits 32 $(VM_SELFTESTS)
VM_QUICK := vm-plain vm-systemd vm-off vm-itself vm-cuts vm-resize
VM_FULL := vm-plain-all vm-systemd-all vm-vps-plain-all vm-vps-systemd-all
$(VM_FULL): export VPS_TEST_ROUNDS ?= 8
VM_ALL := $(VM_QUICK) $(VM_FULL) vm-cuts-all vm-resize-all vm-packages vm-big vm-i386

VM_LOG = $(O)/log/$@.tap

# What all machines are given, made before several want to make it at once.
vm-kernels:
	@tests/vm/kernel vps >/dev/null

vm-root:
	@tests/vm/root >/dev/null

vm-tree: all $(SHARED) vm-kernels vm-root
	@BUILD=$(abspath $(O)) tests/vm/run --kernel vps --prepare

$(VM_ALL): vm-tree
	@mkdir -p $(O)/log
	@BUILD=$(abspath $(O)) tests/vm/run $(VM_RUN) >$(VM_LOG) || rc=$$?; \
		sed -n 's/^skipped, /$@: skipped, /p' $(VM_LOG); \
		sed -n '/^vm: .*the end of its messages:/,$$p' $(VM_LOG); \
		scripts/dev/tap-sum $(VM_LOG) | sed 's/^/$@: /'; exit $${rc:-0}

vm-packages: deb

vm-quick: $(VM_QUICK)

vm-selftest: vm-tree
	@BUILD=$(abspath $(O)) tests/vm/selftest

# Another architecture: what its kernel tests of itself, and programs of 64 bits and of 32 there.
vm-cross:
	@mkdir -p $(O)/log
	@BUILD=$(abspath $(O)) tests/vm/cross >$(VM_LOG) || rc=$$?; \
		scripts/dev/tap-sum -f $(VM_LOG); \
		scripts/dev/tap-sum $(VM_LOG) | sed 's/^/$@: /'; exit $${rc:-0}

vm-check: vm-selftest $(VM_FULL) vm-cuts-all vm-resize-all vm-packages vm-big vm-i386 vm-cross

# What takes too long for each day.
SOAK = BUILD=$(abspath $(O)) VPS_TEST_ROUNDS=16 tests/vm/run --config debug
soak: vm-tree check-packages
	@$(MAKE) FUZZ_TIME=600 fuzz
	@VPS_TEST_FAULTS=0 BUILD=$(abspath $(O)) bats -T tests/system/055-faults.bats
	@$(SOAK) --kernel vps
	@$(SOAK) --kernel vps --init systemd
	@$(SOAK)
	@$(SOAK) --init systemd

.PHONY: vm-tree vm-kernels vm-root $(VM_ALL) vm-quick vm-selftest vm-cross vm-check soak
