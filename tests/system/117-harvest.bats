#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031,SC2086 # set by run, used by the helpers
# What is counted comes into the ledger once: harvests are killed at any instant while there is
# traffic, contexts end and their numbers are given again, and others read beside them.

load ../lib/system
load ../lib/net
load ../lib/traffic

setup_file() {
	build_static system/meter
	build_static system/net
}

more_setup() {
	requires userns bpf ip iperf3
	begin_on_cable
	free_ctx
	b=$ctx
	iperf_server "$f4" ip netns exec "$far"
	vps-enter "$a" -- iperf3 -u -c "$f4" -p "$port" -b 20M -l 1000 -t 1000 >"$T/flood" 2>&1 3>&- &
	flood=$!
	wait_until has_traffic
}

more_teardown() {
	[ -z "${flood-}" ] || kill "$flood" 2>/dev/null || :
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || :
	finish_all
	[ -z "${b-}" ] || [ ! -d "$contexts/$b" ] || finish "$b"
	remove_far
	remove_cable
}

has_traffic() {
	read_count "$a"
	[ "$out" -gt 100000 ]
}

end_flood() {
	vkill -c "$a" -s KILL --wait 10
	wait "$flood" 2>/dev/null || :
	flood=
	end "$server" || :
	server=
	wait_until is_quiet
}

# All that contexts $a and $b ever had, "IN OUT": as it was counted; in the ledger; told by resets.
counted() {
	vtraf --all --raw | sum_up
}

harvested() {
	vtraf --report=month --raw | awk '{ print $2, $4, $5 }' | sum_up
}

told() {
	cat "$T/resets" | sum_up
}

sum_up() {
	awk -v a="$a" -v b="$b" '$1 == a || $1 == b { i += $2; o += $3 } END { print i + 0, o + 0 }'
}

# A short life of a context with the number that others had before it, with a little traffic.
live() {
	chcontext --silent --ctx "$b" --create
	chbind --silent --ctx "$b" --dev "$dev" --ip "$b4/24"
	chcontext --silent --ctx "$b" --root "$root" -- /net udp4 "connect=$f4,9" bulk=$((RANDOM % 1000 + 1)) \
		</dev/null >"$T/live" 2>&1 3>&-
	chcontext --silent --ctx "$b" --destroy
}

# harvest_killed: one that lives for a random time, sometimes to its end.
harvest_killed() {
	vtraf --harvest 3>&- &
	victim=$!
	sleep "0.00$((RANDOM % 6))"
	kill -KILL "$victim" 2>/dev/null || :
	wait "$victim" 2>"$T/said" || killed=$((killed + 1))
}

@test "harvest: killed at random instants under traffic, nothing is lost and nothing is there twice" {
	requires leisure
	killed=0 wanted=$((12 * ${VPS_TEST_ROUNDS:-16} + 8))
	# Some are faster.
	for ((tries = 0; killed < wanted && tries < 20 * wanted; tries++)); do
		harvest_killed
	done
	[ "$killed" -eq "$wanted" ]
	end_flood
	vtraf --harvest
	printf '# %s harvests killed; %s counted\n' "$killed" "$(counted)" >&3
	[ "$(counted)" = "$(harvested)" ]
	vtraf --harvest
	[ "$(counted)" = "$(harvested)" ]
}

@test "harvest: and with numbers that are given again, two harvesters at once and a reader of --reset beside them" {
	killed=0
	: >"$T/resets"
	(
		while [ ! -e "$T/stop" ]; do
			vtraf --harvest
		done
	) 3>&- &
	second=$!
	(
		while [ ! -e "$T/stop" ]; do
			vtraf --reset >>"$T/resets"
		done
	) 3>&- &
	reader=$!
	for _ in $(seq $((4 * ${VPS_TEST_ROUNDS:-16}))); do
		harvest_killed
		live
	done
	: >"$T/stop"
	wait "$second"
	wait "$reader"
	end_flood
	vtraf --harvest
	vtraf --reset >>"$T/resets"
	printf '# %s harvests killed, %s lives, %s resets; %s counted\n' "$killed" \
		"$(vtraf --all --raw | grep -c "^$b ")" "$(grep -c "^$a " "$T/resets")" "$(counted)" >&3
	[ "$(vtraf --all --raw | grep -c "^$b ")" -eq $((4 * ${VPS_TEST_ROUNDS:-16})) ]
	[ "$(counted)" = "$(harvested)" ]
	[ "$(counted)" = "$(told)" ]
}

@test "harvest: a reader of 2003 gets every byte" {
	requires leisure
	: >"$T/old"
	for _ in 1 2 3; do
		vtraf --reset | while read ctx in out; do
			echo "$ctx $in $out" >>"$T/old"
		done
	done
	end_flood
	vtraf --reset | while read ctx in out; do
		echo "$ctx $in $out" >>"$T/old"
	done
	mv "$T/old" "$T/resets"
	[ "$(counted)" = "$(told)" ]
}
