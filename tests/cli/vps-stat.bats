# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034 # capture sets status, errors, output; refuses reads tool
load ../lib/cli

tool=vps-stat

@test "vps-stat: views exclude each other" {
	for word in --state --pids --openmetrics; do
		refuses "--long, --state, --pids and --openmetrics exclude each other" --long "$word"
	done
}

@test "vps-stat: metrics and files are of one look and one form" {
	for word in --json --raw -h; do
		refuses "--openmetrics goes with --ctx and --output alone" --openmetrics "$word"
	done
	refuses "--watch does not go with --openmetrics and --output" --openmetrics --watch 5
	refuses "--watch does not go with --openmetrics and --output" --output x --watch 5
	refuses "--output='': no file" --output ''
}

@test "vps-stat: a context is an option's value" {
	refuses "'7': contexts are given with --ctx" 7
}

@test "vps-stat: the host has no state and no list of processes" {
	refuses "--ctx=0: the host is shown without --state and --pids" --state -c 0
	refuses "--ctx=00: the host is shown without --state and --pids" -c 00 --pids
}

@test "vps-stat: seconds to wait" {
	for word in 0 -1 1.5 86401 ''; do
		refuses "--watch='$word': not a number from 1 to 86400" --watch="$word"
	done
}

@test "vps-stat: an engine that there is not" {
	export VPS_ENGINE=other
	capture "$BUILD/vps-stat"
	[ "$status" -eq 1 ]
	[ "$errors" = "vps-stat: VPS_ENGINE='other': neither 'kernel' nor 'stock'" ]
}

@test "vps-stat: root of the host only" {
	requires no-root
	capture "$BUILD/vps-stat"
	[ "$status" -eq 1 ]
	[ "$errors" = "vps-stat: must be run as root of the host" ]
	[ -z "$output" ]
}
