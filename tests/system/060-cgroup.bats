#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers

load ../lib/system

more_setup() {
	requires userns
	new_root
}

# The groups of a process on every hierarchy that contexts are on, one path a line.
groups_of_pid() {
	awk -F : '$2 == "" || ("," $2 ",") ~ /,(pids|memory|cpu),/ { print $3 }' "/proc/$1/cgroup"
}

@test "cgroup: every process is in the context's group of every controller" {
	for userns in auto no; do
		hold sh -c 'sleep 1000 & exec sleep 1000'
		wait_until is_count 2
		for pid in $(vps-stat --pids -c "$ctx"); do
			groups_of_pid "$pid" >"$T/groups"
			[ -s "$T/groups" ]
			run -1 grep -v "/freevps\(.service\)\?/$ctx\(/payload.*\)\?\$" "$T/groups"
		done
		release TERM
		[ -z "$(groups_of "$ctx")" ]
	done
}

is_count() {
	[ "$(vps-stat --pids -c "$ctx" | wc -l)" -eq "$1" ]
}

@test "cgroup: inside, the own group is the root of all" {
	for userns in auto no; do
		run -0 inside sh -c 'grep ^0:: /proc/self/cgroup; ls -d /sys/fs/cgroup/cgroup.procs'
		[ "${lines[*]}" = "0::/ /sys/fs/cgroup/cgroup.procs" ]
	done
}

@test "cgroup: a fork bomb inside meets the default process limit" {
	requires proc-limit
	chcontext --silent --ctx "$ctx" --create
	[ "$(vlimit -c "$ctx" --raw | awk '$2 == "proc" { print $6 }')" -eq 2048 ]
	# A smaller one, so that the machine is not kept busy.
	vlimit -c "$ctx" --proc 40
	hold sh -c '(while :; do sleep 1000 & done) 2>/tmp/errors; exec sleep 1000'
	wait_until has_line "$root/tmp/errors" 'Resource temporarily unavailable'
	[ "$(vlimit -c "$ctx" --raw | awk '$2 == "proc" { print $3 }')" -le 40 ]
	[ "$(vps-stat --pids -c "$ctx" | wc -l)" -le 40 ]
	bash -c 'true & wait' # the host forks all the same
	release TERM
	chcontext --ctx "$ctx" --destroy
}

@test "cgroup: the limit holds for what enters too" {
	requires proc-limit
	chcontext --silent --ctx "$ctx" --create
	vlimit -c "$ctx" --proc 8
	hold sleep 1000
	run vps-enter "$ctx" -- sh -c 'for i in 1 2 3 4 5 6 7 8 9; do
		sleep 1000 >/dev/null 2>&1 & done; echo all'
	[[ $output == *"Resource temporarily unavailable"* ]]
	[[ $output != *all* ]]
	release TERM
	chcontext --ctx "$ctx" --destroy
}

@test "cgroup: inside may make sub-groups and use them, and not touch its own limits" {
	# By a process of its own: one that entered is in a group beside, which is not its to leave.
	hold sh -c 'mkdir /sys/fs/cgroup/sub; sleep 1000 & echo $! >/sys/fs/cgroup/sub/cgroup.procs
		grep ^0:: /proc/$!/cgroup; exec sleep 1000'
	wait_until has_line "$T/hold.log" '^0::/sub$'
	[ "$(wc -l <"$contexts/$ctx/payload/sub/cgroup.procs")" -eq 1 ]
	for file in cgroup.max.depth cgroup.max.descendants cgroup.freeze cgroup.kill pids.max \
		memory.max cpu.max; do
		run vps-enter "$ctx" -- sh -c "[ ! -e /sys/fs/cgroup/$file ] || echo 1 >/sys/fs/cgroup/$file"
		[[ $output == "" || $output == *"Permission denied"* || $output == *"nonexistent"* ]]
		[ "$status" -eq 0 ] || [ "$status" -eq 1 ]
	done
	[ "$(cat "$contexts/$ctx/cgroup.max.depth")" = 16 ]
	release TERM
	[ -z "$(groups_of "$ctx")" ]
}

@test "cgroup: groups inside end at a depth and a number" {
	run -0 inside sh -c 'cd /sys/fs/cgroup; n=0
		while mkdir d 2>/dev/null; do cd d; n=$((n + 1)); done; echo $n'
	[ "$output" -ge 8 ]
	[ "$output" -le 16 ]
	run -0 inside sh -c 'cd /sys/fs/cgroup; mkdir $(seq 5000) 2>/dev/null; set -- [0-9]*; echo $#'
	[ "$output" -ge 8 ]
	[ "$output" -le 4096 ]
	no_context "$ctx"
}

@test "cgroup: without a user namespace the groups are read-only inside" {
	userns=no
	run -1 inside mkdir /sys/fs/cgroup/sub
	[[ $output == *"Read-only file system"* ]]
	run -1 inside sh -c 'echo $$ >/sys/fs/cgroup/cgroup.procs'
	[[ $output == *"Read-only file system"* || $output == *"Permission denied"* ]]
}

@test "cgroup: deep groups with processes in them do not hinder the end" {
	hold sh -c 'cd /sys/fs/cgroup; for i in 1 2 3 4 5; do mkdir d; cd d
		sleep 1000 & echo $! >cgroup.procs; done; echo made; exec sleep 1000'
	wait_until has_line "$T/hold.log" made
	[ "$(vps-stat --pids -c "$ctx" | wc -l)" -eq 6 ]
	vkill -c "$ctx" -s KILL --wait 10
	status=0
	wait "$holder" || status=$?
	holder=
	[ "$status" -eq 137 ]
	[ -z "$(groups_of "$ctx")" ]
}

@test "cgroup: the identity is out of reach of those inside" {
	hold sleep 1000
	for userns in auto no; do
		run vps-enter "$ctx" -- sh -c 'echo 0 >/sys/fs/cgroup/../cgroup.procs; ls /sys/fs/cgroup/../'
		run -0 vps-stat --state --raw
		[[ $output == *"$ctx running"* ]]
	done
	release TERM
}

@test "cgroup: who is not root cannot lock a group that contexts are made under" {
	requires userns setpriv
	new_root
	hold sleep 1000
	# A group that there was before this test may be of another mode.
	[ "$(stat -c %a "$contexts/$ctx")" = 711 ]
	run ! setpriv --reuid 12345 --regid 12345 --clear-groups flock -n "$contexts/$ctx" true
	flock -n "$contexts" true
	# Inside, its own are to be seen by all.
	run -0 vps-enter "$ctx" -u user -- ls /sys/fs/cgroup/cgroup.procs
	release TERM
}
