#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

@test "broken: the kernel warns" {
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	echo WARNING >/sys/kernel/debug/provoke-crash/DIRECT
}
