# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034 # capture sets status, errors, output; refuses reads tool
load ../lib/cli

tool=vps-capacity

@test "vps-capacity: wrong use" {
	refuses "takes no operands" web
	for words in "-h --json" "--json --raw" "-h --raw"; do
		# shellcheck disable=SC2086 # several words
		refuses "--human, --json and --raw exclude each other" $words
	done
}

@test "vps-capacity: a verb of vps" {
	capture "$BUILD/vps" capacity web
	[ "$status" -eq 2 ]
	[ "$errors" = "vps-capacity: takes no operands (see vps-capacity --help)" ]
}

@test "vps-capacity: root of the host only" {
	requires no-root
	capture "$BUILD/vps-capacity"
	[ "$status" -eq 1 ]
	[ "$errors" = "vps-capacity: must be run as root of the host" ]
	[ -z "$output" ]
}
