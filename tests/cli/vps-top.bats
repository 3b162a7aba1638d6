# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034 # capture sets status, errors, output; refuses reads tool
load ../lib/cli

tool=vps-top

@test "vps-top: wrong use" {
	refuses "takes no operands" -b web
	refuses "--json and --raw exclude each other" -b --json --raw
	refuses "--json and --raw are for --batch" --json
	refuses "stdin and stdout are no terminal; use --batch"
}

@test "vps-top: what is no number and no word" {
	for word in 0 0.0 .5 1. 1.25 -1 1e3 3600.1 3601 '' ' 1' x; do
		refuses "--delay='$word': not seconds from 0.1 to 3600" -b -d "$word"
	done
	for word in 0 -1 1.5 '' x; do
		refuses "--rounds='$word': not a number from 1 up" -b -n "$word"
	done
	refuses "--sort='CPU': not cpu, mem, proc, in, out, limit, load, ctx or name" -b -s CPU
}

@test "vps-top: a terminal that nobody knows" {
	requires root script
	status=0
	output=$(TERM=no-such script -qec "$BUILD/vps-top" /dev/null </dev/null) || status=$?
	[ "$status" -eq 1 ]
	[ "${output%$'\r'}" = "vps-top: terminal 'no-such': not known; use --batch" ]
}

@test "vps-top: root of the host only" {
	requires no-root
	capture "$BUILD/vps-top" -b
	[ "$status" -eq 1 ]
	[ "$errors" = "vps-top: must be run as root of the host" ]
	[ -z "$output" ]
}
