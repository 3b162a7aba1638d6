#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# What is wanted of a process in a context is not of the host's.
@test "broken: the kernel stumbles" {
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	echo 0 >/proc/sys/kernel/panic_on_oops
	echo '<3>vps-selftest: an oops is wanted' >/dev/kmsg
	(echo BUG >/sys/kernel/debug/provoke-crash/DIRECT) || :
}
