#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

@test "broken: the kernel panics" {
	echo 1 >/proc/sys/kernel/sysrq
	echo c >/proc/sysrq-trigger
}
