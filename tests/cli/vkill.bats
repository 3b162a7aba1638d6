# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034 # capture sets status, errors, output; refuses reads tool
load ../lib/cli

tool=vkill

@test "vkill: neither a context nor a process" {
	refuses "neither --ctx nor a process number given"
	refuses "neither --ctx nor a process number given" -s KILL
}

@test "vkill: what is no process number" {
	for word in 0 -1 +1 1x 0x10 1. '' 99999999999; do
		refuses "'$word': not a process number" -- "$word"
	done
}

@test "vkill: one bad number, and nobody is signalled" {
	sleep 60 3>&- &
	refuses "'x': not a process number" -s KILL -- $! x
	kill "$!"
}

@test "vkill: a signal that there is not" {
	refuses "--signal='NONE': no such signal" -s NONE 1
	refuses "--signal='-9': no such signal" -s -9 1
	refuses "--signal='': no such signal" --signal= 1
}

@test "vkill: what needs a context" {
	refuses "--init and --wait need --ctx" --init 77
	refuses "--init and --wait need --ctx" --wait 3 77
	refuses "--init and process numbers exclude each other" -c 7 --init 77
	refuses "--wait='1s': not a number of seconds" -c 7 --wait 1s
}

@test "vkill: root of the host only" {
	requires no-root
	capture "$BUILD/vkill" -c 7
	[ "$status" -eq 1 ]
	[ "$errors" = "vkill: must be run as root of the host" ]
}
