# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # set by bats; used by the tests
# Commands that are killed at many instants.

rounds=${VPS_TEST_ROUNDS:-16}

# Sets $whole: microseconds that the command takes when nobody kills it.
measure() {
	from=${EPOCHREALTIME/[.,]/}
	run -0 "$@"
	whole=$((${EPOCHREALTIME/[.,]/} - from))
}

# Runs the command and kills it at the round's instant, from its first to beyond its last: in
# every other round with all of its helpers, else alone, and they run on to their end. What it
# started in a context lives on, as it must.
kill_at() {
	instant=$((whole * $1 * 11 / (10 * rounds)))
	setsid --fork "${@:2}" >"$T/killed.log" 2>&1 </dev/null 3>&-
	sleep "$(printf '%d.%06d' $((instant / 1000000)) $((instant % 1000000)))"
	killed=
	for pid in $(own_processes | sort -n); do
		kill -KILL "$pid" 2>/dev/null || :
		killed="$killed $pid"
		[ $(($1 % 2)) -eq 0 ] || break
	done
	wait_until no_own_processes
	# One that is dying has lost its environment before it has left its group.
	for pid in $killed; do
		wait_until has_ended "$pid"
	done
}

has_ended() {
	[ ! -e "/proc/$1" ] || grep -qs '^State:.Z' "/proc/$1/status"
}

no_own_processes() {
	[ -z "$(own_processes)" ]
}
