#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the host's init does with VPSes, whichever init it is.

bats_require_minimum_version 1.5.0

@test "boot: a VPS with ONBOOT runs once the host has started" {
	run -0 vps status vmboot
	run -0 vps-enter vmboot -- ps
	[[ $output == *vps-init* ]]
}

@test "boot: starting all again changes nothing" {
	before=$(vps-stat --pids -c vmboot)
	run -0 vps-start --all
	[ "$(vps-stat --pids -c vmboot)" = "$before" ]
}

@test "boot: a sweep changes nothing" {
	before=$(vps-stat --pids -c vmboot)
	run -0 vps-sweep
	[ "$(vps-stat --pids -c vmboot)" = "$before" ]
}
