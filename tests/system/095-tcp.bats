#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# The limit on established TCP connections.

load ../lib/system

setup_file() {
	build_static system/tcp
}

more_setup() {
	requires userns
	new_root
	cp "$BUILD/system/tcp" "$root/tcp"
	vlimit --resources --raw | grep -qw '^tcp' || skip "requires the limit on tcp"
}

# listens WHERE ADDRESS: "host" or "inside"; sets $listener and, as two words, $at.
listens() {
	where=$1
	file=$root/tmp/at
	rm -f "$file"
	if [ "$where" = host ]; then
		"$BUILD/system/tcp" listen "$2" "$file" 3>&- &
	else
		vps-enter "$ctx" env ${MPTCP:+MPTCP=1} /tcp listen "$2" /tmp/at 3>&- &
	fi
	listener=$!
	wait_until test -e "$file"
	at=$(<"$file")
}

# connects WHERE COUNT: its pid on the host is in $client, its words in $T/made.
connects() {
	: >"$T/made"
	# shellcheck disable=SC2086 # two words
	if [ "$1" = host ]; then
		"$BUILD/system/tcp" connect $at "$2" >"$T/made" 3>&- &
	else
		vps-enter "$ctx" env ${MPTCP:+MPTCP=1} /tcp connect $at "$2" >"$T/made" 3>&- &
	fi
	wait_until has_line "$T/made" made
	client=$(pgrep -f "tcp connect $at" | tail -n 1)
}

tcp() {
	vlimit -c "$ctx" --raw | awk -v n="$1" '$2 == "tcp" { print $n }'
}

uses() {
	[ "$(tcp 3)" -eq "$1" ]
}

# A running context, whose processes the test starts and ends.
begin() {
	hold sleep 1000
	vlimit -c "$ctx" --tcp "$1"
}

finish() {
	vkill -c "$ctx" -s KILL --wait 10
	[ "$where" = inside ] || end "$listener"
	wait "$holder" || :
	holder=
}

# again SIGNAL: the client does as the signal says, and says what it has then.
again() {
	: >"$T/made"
	kill -s "$1" "$client"
	wait_until has_line "$T/made" made
}

@test "tcp: the connection beyond the limit is refused, one that is closed frees a place" {
	for address in 127.0.0.1 ::1; do
		begin 4
		listens host "$address"
		connects inside 6
		has_line "$T/made" '^made 4, else: Resource temporarily unavailable$'
		uses 4
		[ "$(tcp 7)" -eq 2 ]
		again USR1
		has_line "$T/made" '^made 4, else: Resource temporarily unavailable$'
		[ "$(tcp 7)" -eq 3 ]
		again USR2
		wait_until uses 0
		[ "$(tcp 4)" -eq 4 ]
		finish
	done
}

@test "tcp: the connection from outside beyond the limit finds nobody, one that is closed frees a place" {
	for address in 127.0.0.1 ::1; do
		begin 4
		listens inside "$address"
		connects host 6
		has_line "$T/made" '^made 4, else: Connection timed out$'
		uses 4
		[ "$(tcp 7)" -ge 2 ]
		again USR1
		has_line "$T/made" '^made 4, else: Connection timed out$'
		uses 4
		again USR2
		wait_until uses 0
		end "$client"
		finish
	done
}

@test "tcp: both ends inside are two, and all are gone with the processes" {
	begin inf
	listens inside 127.0.0.1
	connects inside 5
	has_line "$T/made" '^made 5$'
	uses 10
	[ "$(tcp 7)" -eq 0 ]
	kill -KILL "$client"
	wait_until uses 0
	finish
}

@test "tcp: lowered below what is in use it waits, raised it lets in, both while it runs" {
	begin inf
	listens host 127.0.0.1
	connects inside 6
	uses 6
	run -0 vlimit -c "$ctx" --tcp 3
	[ "$output" = "vlimit: context $ctx: tcp: 6 in use, above the limit: none can be made until enough have ended" ]
	again USR1
	has_line "$T/made" '^made 5, else: Resource'
	run -0 vlimit -c "$ctx" --tcp 7
	again USR1
	has_line "$T/made" '^made 6$'
	finish
}

@test "tcp: the limit of one context is not another's, nor the host's" {
	begin 1
	listens host 127.0.0.1
	connects host 3
	has_line "$T/made" '^made 3$'
	first=$ctx first_holder=$holder
	end "$client"
	free_ctx
	begin inf
	connects inside 3
	has_line "$T/made" '^made 3$'
	uses 3
	[ "$(ctx=$first tcp 3)" -eq 0 ]
	finish
	ctx=$first holder=$first_holder where=inside
	finish
}

@test "tcp: a network of its own inside is counted too" {
	net=none
	begin 4
	listens inside 127.0.0.1
	connects inside 4
	has_line "$T/made" '^made 2, else: '
	uses 4
	finish
}

# As deep as it gets below the group of the context: its own, and 15 that it makes.
@test "tcp: in groups as deep as can be made inside, too" {
	listens host 127.0.0.1
	chcontext --silent --ctx "$ctx" --create
	vlimit -c "$ctx" --tcp 4
	chcontext --silent --ctx "$ctx" --root "$root" -- sh -c '
		dir=/sys/fs/cgroup
		while mkdir "$dir/deeper" 2>/dev/null; do dir=$dir/deeper; done
		echo 0 >"$dir/cgroup.procs" && cat /proc/self/cgroup
		exec /tcp connect "$@"' - $at 6 >"$T/made" 3>&- &
	holder=$!
	wait_until has_line "$T/made" '^made 4, else: Resource temporarily unavailable$'
	[ "$(sed -n 's/^0:://p' "$T/made" | tr -cd / | wc -c)" -eq 15 ]
	uses 4
	[ "$(tcp 7)" -eq 2 ]
	finish_kept
	end "$listener"
}

@test "tcp: MPTCP is counted" {
	export MPTCP=1
	begin 4
	"$BUILD/system/tcp" listen 127.0.0.1 "$T/probe" 3>&- &
	listener=$!
	wait_until test -e "$T/probe" || skip "requires MPTCP"
	end "$listener"
	listens host 127.0.0.1
	connects inside 6
	has_line "$T/made" '^made 4, else: Resource'
	uses 4
	finish
}

@test "tcp: what MPTCP adds to a connection by itself is counted" {
	export MPTCP=1
	net=none
	begin inf
	init=$(vps-stat --pids -c "$ctx" | head -n 1)
	nsenter -t "$init" -n sh -c 'ip mptcp limits set subflow 2 add_addr_accepted 2 &&
		ip addr add 10.0.0.2/24 dev lo && ip mptcp endpoint add 10.0.0.2 subflow' ||
		skip "requires MPTCP"
	listens inside 127.0.0.1
	connects inside 1
	wait_until uses 4
	kill -KILL "$client"
	wait_until uses 0
	finish
}

@test "tcp: a connect that fails holds no place" {
	begin 1
	listens host 127.0.0.1
	end "$listener"
	for _ in 1 2 3; do
		connects inside 1
		has_line "$T/made" '^made 0, else: Connection refused$'
		pkill -KILL -f "tcp connect $at"
	done
	[ "$(tcp 7)" -eq 0 ]
	where=inside
	finish
}

@test "tcp: a connect that fails before its first packet holds no place either" {
	net=none
	begin 2
	at="192.0.2.1 9"
	connects inside 3
	has_line "$T/made" '^made 0, else: Network is unreachable$'
	listens inside 127.0.0.1
	connects inside 1
	has_line "$T/made" '^made 1$'
	finish
}

@test "tcp: MPTCP, too" {
	export MPTCP=1
	net=none
	begin 2
	at="192.0.2.1 9"
	connects inside 4
	has_line "$T/made" '^made 0, else: Network is unreachable$'
	unset MPTCP
	listens inside 127.0.0.1
	connects inside 1
	has_line "$T/made" '^made 1$'
	finish
}

@test "tcp: without memory for a socket's place there is no connection" {
	net=none
	begin 2
	init=$(vps-stat --pids -c "$ctx" | head -n 1)
	nsenter -t "$init" -n --mount sh -c 'echo 0 >/proc/sys/net/core/optmem_max' ||
		nsenter -t "$init" -n sysctl -qw net.core.optmem_max=0 ||
		skip "requires optmem_max of a network"
	listens inside 127.0.0.1
	connects inside 1
	if [ "$(engine)" = kernel ]; then
		# It needs none: whose a socket is stands in the socket.
		has_line "$T/made" '^made 1$'
	else
		has_line "$T/made" '^made 0, else: Cannot allocate memory$'
	fi
	finish
}

@test "tcp: of many at once no more than the limit get through" {
	begin 5
	listens host 127.0.0.1
	for n in 1 2 3 4 5 6 7 8; do
		vps-enter "$ctx" /tcp connect $at 5 >"$T/made.$n" 3>&- &
	done
	for n in 1 2 3 4 5 6 7 8; do
		wait_until has_line "$T/made.$n" made
	done
	[ "$(cat "$T"/made.* | awk '{ n += $2 } END { print n }')" -eq 5 ]
	uses 5
	[ "$(tcp 7)" -eq 35 ]
	finish
}

@test "tcp: in force from the first process on, by LIMIT_TCP and by --tcp before CMD" {
	listens host 127.0.0.1
	chcontext --silent --ctx "$ctx" --create
	vlimit -c "$ctx" --tcp 2
	chcontext --silent --ctx "$ctx" --root "$root" -- /tcp connect $at 4 >"$T/made" 3>&- &
	holder=$!
	wait_until has_line "$T/made" '^made 2, else: Resource'
	finish_kept
	new_vps LIMIT_TCP=2
	cp "$BUILD/system/tcp" "$root/tcp"
	printf '#!/bin/sh\n/tcp connect %s 4 >/made &\n' "$at" >"$root/etc/rc"
	run -0 vps-start "$name"
	wait_until has_line "$root/made" '^made 2, else: Resource'
	run -0 vps-stop "$name"
	end "$listener"
}

finish_kept() {
	vkill -c "$ctx" -s KILL --wait 10
	wait "$holder" || :
	holder=
	chcontext --ctx "$ctx" --destroy
}

@test "tcp: what is no number of connections is refused" {
	hold sleep 1000
	soft=2:5
	[ "$(engine)" = stock ] || soft=6:5
	for value in -1 '' 1e3 0x10 4294967296 5:3 "$soft" 10%; do
		run vlimit -c "$ctx" --tcp "$value"
		[ "$status" -ne 0 ]
		one_line "vlimit: *"
		[ "$(tcp 6)" = inf ]
	done
	where=inside
	finish
}

@test "tcp: the peak can begin anew" {
	begin inf
	listens host 127.0.0.1
	connects inside 6
	again USR2
	wait_until uses 0
	[ "$(tcp 4)" -eq 6 ]
	run -0 vlimit -c "$ctx" --reset-peak
	[ "$(tcp 4)" = - ]
	finish
}

@test "tcp: a soft limit refuses nothing, and to pass it is a hit" {
	requires kernel-engine
	begin 2:5
	listens host 127.0.0.1
	connects inside 4
	has_line "$T/made" '^made 4$'
	uses 4
	[ "$(tcp 5) $(tcp 6) $(tcp 7)" = "2 5 1" ]
	again USR1
	again USR1
	has_line "$T/made" '^made 5, else: Resource temporarily unavailable$'
	[ "$(tcp 7)" -gt 1 ]
	finish
}
