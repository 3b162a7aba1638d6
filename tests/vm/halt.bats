#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# After the host has stopped its VPSes, just before it halts.

bats_require_minimum_version 1.5.0

@test "halt: the VPS that started with the host was ended in order" {
	[ "$(cat /var/lib/vservers/vmboot/ended)" = 'in order' ]
}

@test "halt: no context is left" {
	run -0 vps-stat --state --raw
	[ -z "$output" ]
}
