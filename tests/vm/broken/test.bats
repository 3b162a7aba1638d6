#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

@test "broken: this one holds" {
	true
}

@test "broken: this one does not" {
	false
}

@test "broken: this one cannot be known" {
	skip "requires a reason"
}
