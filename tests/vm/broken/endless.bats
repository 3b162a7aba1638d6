#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

@test "broken: never ends" {
	sleep 1d
}
