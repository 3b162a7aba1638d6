#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# What only a kernel with the FreeVPS patch does: it knows contexts, and holds them apart and to
# their flags by itself. All else is the same with both engines, and tested by the other files.

load ../lib/system
load ../lib/kill

setup_file() {
	build_static system/vserver
}

more_setup() {
	requires kernel-engine
	new_root
	cp "$BUILD/system/vserver" "$root/bin/"
	outside=${contexts%/freevps}/$TAG
	mkdir "$outside"
}

more_teardown() {
	[ -z "${stranger-}" ] || end "$stranger"
	[ ! -d "${outside-}" ] || rmdir "$outside"
}

vserver() {
	"$BUILD/system/vserver" "$@"
}

# The value of a field of a context, in the kernel's words.
field() {
	sed -n "s/^$2: *//p" "/proc/vservers/$1"
}

# Sets $stranger: a process of the host.
new_stranger() {
	sleep 1000 3>&- &
	stranger=$!
}

# Puts a process into a group as the kernel allows it.
move() {
	echo "$1" >"$2/cgroup.procs"
}

is_in() {
	grep -qx "$1" "$2/cgroup.procs"
}

# Sets $pid, of the first process as the host sees it.
hold_init() {
	hold "$@"
	pid=$(vps-stat --pids -c "$ctx" | head -n 1)
}

@test "kernel engine: it is found by trying" {
	run -0 vps-probe --raw
	[[ $output == *"engine kernel"* ]]
	[[ $output == *"kernel-engine yes"* ]]
	run -0 env VPS_ENGINE=kernel vps-probe --raw
	[[ $output == *"engine kernel"* ]]
	run -0 vps-stat --long -c 0
	[[ $output == *"engine: kernel"* ]]
}

@test "kernel engine: the kernel knows each group of a context, and its first process" {
	before=$(sed -n 's/^contexts count //p' /proc/vservers/setup)
	hold_init sleep 1000
	for part in . payload enter; do
		[ "$(<"$contexts/$ctx/$part/vps.id")" = "$ctx" ]
	done
	[ "$(field "$ctx" 'vserver id')" = "$ctx" ]
	[ "$(field "$ctx" 'init pid')" = "$pid" ]
	[ "$(sed -n 's/^contexts count //p' /proc/vservers/setup)" -eq $((before + 1)) ]
	run -0 vps-enter "$ctx" vserver own
	[ "$output" = "$ctx" ]
	[ "$(vserver own)" = 0 ]
	release TERM
	[ ! -e "/proc/vservers/$ctx" ]
	[ "$(sed -n 's/^contexts count //p' /proc/vservers/setup)" -eq "$before" ]
}

@test "kernel engine: inside there is its own context and no other" {
	hold_init sleep 1000
	run -0 vps-enter "$ctx" ls /proc/vservers
	[ "$output" = self ]
	vps-enter "$ctx" cat /proc/vservers/self >"$T/self"
	has_line "$T/self" "^vserver id: *$ctx\$"
	has_line "$T/self" '^init pid: *1$'
	release TERM
}

@test "kernel engine: vps-stat --long says what the kernel says, in the same words" {
	run -0 chcontext --silent --ctx "$ctx" --create --flag nproc,lock
	hold_init sh -c 'sleep 1000 & sleep 1000 & exec sleep 1000'
	wait_until has_processes 3
	vps-stat --long -c "$ctx" >"$T/stat"
	for word in 'vserver id' flags 'init pid' 'Process Count' tasks; do
		told=$(sed -n "s/^$word: *//p" "$T/stat")
		[ -n "$told" ]
		[ "$told" = "$(field "$ctx" "$word")" ]
	done
	[ "$(field "$ctx" flags)" = lock,nproc ]
	release TERM
	run -0 chcontext --ctx "$ctx" --destroy
}

has_processes() {
	[ "$(field "$ctx" 'Process Count')" -eq "$1" ]
}

@test "kernel engine: what is locked in is not moved out, by nobody" {
	hold_init sleep 1000
	move "$pid" "$outside"
	is_in "$pid" "$outside"
	move "$pid" "$contexts/$ctx/payload"
	run -0 chcontext --ctx "$ctx" --flag lock
	run ! move "$pid" "$outside"
	[[ $output == *"Invalid cross-device link"* ]]
	is_in "$pid" "$contexts/$ctx/payload"
	run -0 chcontext --ctx "$ctx" --flag nproc
	move "$pid" "$outside"
	move "$pid" "$contexts/$ctx/payload"
	release TERM
}

@test "kernel engine: nobody gets into a private context that runs" {
	new_stranger
	hold_init sleep 1000
	move "$stranger" "$contexts/$ctx/enter"
	move "$stranger" "$outside"
	run -0 vserver into "$contexts/$ctx/enter" true
	run -0 nsenter -t "$pid" -u true
	run -0 chcontext --ctx "$ctx" --flag private
	run ! move "$stranger" "$contexts/$ctx/enter"
	[[ $output == *"Permission denied"* ]]
	is_in "$stranger" "$outside"
	run -1 vserver into "$contexts/$ctx/enter" true
	[ "$output" = "vserver: clone3: Permission denied" ]
	run -1 nsenter -t "$pid" -u true
	[[ $output == *"Permission denied"* ]]
	run -125 vps-enter "$ctx" true
	one_line "vps-enter: $ctx: is private"
	# It can still be ended, and a new one of that number is nobody's secret before it runs.
	release TERM
	run -0 chcontext --silent --ctx "$ctx" --flag private --root "$root" -- vserver own
	[ "$output" = "$ctx" ]
}

@test "kernel engine: a private VPS on a network of its own starts all the same" {
	run -0 chcontext --silent --ctx "$ctx" --flag private --root "$root" --net none -- vserver own
	[ "$output" = "$ctx" ]
}

@test "kernel engine: the flag stop holds forks, and leaves the process limit as it is" {
	hold_init sh -c '(while :; do sleep 0.01; done) 2>/tmp/errors; exec sleep 1000'
	before=$(vlimit --raw -c "$ctx" | grep " proc ")
	run -0 chcontext --ctx "$ctx" --flag stop
	wait_until has_line "$root/tmp/errors" 'Resource temporarily unavailable'
	run -1 vserver into "$contexts/$ctx/payload" true
	[ "$output" = "vserver: clone3: Resource temporarily unavailable" ]
	run -125 vps-enter "$ctx" true
	one_line "vps-enter: $ctx: takes no new process"
	[ "${before##* 2048 *}" = "" ]
	[[ $(vlimit --raw -c "$ctx" | grep " proc ") == *" 2048 "* ]]
	dir=$(controller_dir pids "$ctx")
	[ -z "$dir" ] || [ "$(<"$dir/pids.max")" = 2048 ]
	# By the call, too.
	vserver stop "$ctx" 0
	run -0 vps-enter "$ctx" true
	release TERM
}

@test "kernel engine: those inside cannot act on contexts, nor leave theirs" {
	for userns in auto no; do
		run -1 inside vserver stop "$ctx" 0
		[ "$output" = "vserver: vserver: Operation not permitted" ]
	done
	# With all that root of the host has, and no namespace around it.
	run ! chcontext --silent --ctx "$ctx" --no-namespaces -- "$BUILD/system/vserver" stop "$ctx" 0
	[ "$output" = "vserver: vserver: Operation not permitted" ]
	for group in "$outside" "${contexts%/freevps}"; do
		run ! chcontext --silent --ctx "$ctx" --no-namespaces -- \
			bash -c 'echo 0 >"$1/cgroup.procs"' bash "$group"
		[[ $output == *"ermission denied"* || $output == *"not permitted"* ]]
		run -1 chcontext --silent --ctx "$ctx" --no-namespaces -- \
			"$BUILD/system/vserver" into "$group" true
		[[ $output == *"clone3: Operation not permitted" ]]
	done
}

@test "kernel engine: who is inside makes no contexts, whichever engine he names" {
	for engine in '' kernel stock; do
		run -125 chcontext --silent --ctx "$ctx" --no-namespaces -- \
			env VPS_ENGINE=$engine chcontext true
		one_line "chcontext: must be run as root of the host"
		run -1 chcontext --silent --ctx "$ctx" -- env VPS_ENGINE=$engine vps-stat
		one_line "vps-stat: must be run as root of the host"
	done
}

@test "kernel engine: --no-namespaces: the context alone keeps processes apart" {
	new_stranger
	cat >"$T/look" <<-'END'
		for pid in /proc/[0-9]*; do
			echo "sees ${pid#/proc/}"
		done
		kill -0 "$1" 2>/dev/null && echo "reaches $1"
		[ ! -e "/proc/$1" ] || echo "finds $1"
		readlink /proc/self/ns/*
		exit 7
	END
	run -7 chcontext --silent --ctx "$ctx" --no-namespaces -- sh "$T/look" "$stranger"
	# The shell, and nobody else.
	[[ ${lines[0]} == "sees "* ]]
	[ "$(printf '%s\n' "${lines[@]}" | grep -c -e sees -e reaches -e finds)" -eq 1 ]
	# Nothing else is its own.
	[ "$(printf '%s\n' "${lines[@]:1}")" = "$(readlink /proc/self/ns/*)" ]
	no_context "$ctx"
	run -0 sh "$T/look" "$stranger" || [ "$status" -eq 7 ]
	[[ $output == *"reaches $stranger"*"finds $stranger"* ]]
}

@test "kernel engine: --no-namespaces: two contexts do not reach each other" {
	chcontext --silent --ctx "$ctx" --no-namespaces -- sleep 1000 3>&- &
	first=$!
	wait_until is_in_state "$ctx" running
	pid=$(vps-stat --pids -c "$ctx")
	other=$ctx
	free_ctx
	run -1 chcontext --silent --ctx "$ctx" --no-namespaces -- sh -c \
		'[ ! -e "/proc/$1" ] && kill "$1" 2>/dev/null' sh "$pid"
	[ -d "/proc/$pid" ]
	# One of the host's reaches both, and may enter.
	run -0 vps-enter "$other" -- sh -c 'kill -0 "$1" && [ -e "/proc/$1" ]' sh "$pid"
	kill "$pid"
	wait "$first" || :
	no_context "$other"
}

@test "kernel engine: the machine is the host's, whatever a context has" {
	run -1 chcontext --silent --ctx "$ctx" --no-namespaces -- date -s @1000000000
	[ "$(date +%Y)" -gt 2001 ]
	run -1 chcontext --silent --ctx "$ctx" --no-namespaces -- hostname other
	[ "$(hostname)" != other ]
	run -1 chcontext --silent --ctx "$ctx" --no-namespaces -- dmesg
	# What would not hold is refused; among user ids of its own it is its own.
	for word in CAP_SYS_TIME cap_bpf; do
		run -125 chcontext --silent --ctx "$ctx" --secure --cap "$word" true
		one_line "chcontext: --cap='$word': without a user namespace of its own, the kernel engine leaves it to the host"
	done
	no_context "$ctx"
}

@test "kernel engine: --no-namespaces: what the command leaves behind ends with it" {
	run -0 chcontext --silent --ctx "$ctx" --no-namespaces -- sh -c 'sleep 1000 3>&- & exit 0'
	no_context "$ctx"
	no_own_processes
}

@test "kernel engine: --no-namespaces: of a chcontext that is killed there is no trace when vkill has been" {
	chcontext --silent --ctx "$ctx" --no-namespaces -- sh -c 'sleep 1000 & wait' 3>&- &
	killed=$!
	wait_until has_context "$ctx"
	wait_until has_processes 2
	kill -KILL "$killed"
	wait "$killed" || :
	wait_until has_processes 1
	vkill -c "$ctx" -s KILL --wait 10
	run -0 chcontext --ctx "$ctx" --destroy
	[ ! -e "/proc/vservers/$ctx" ]
}

@test "kernel engine: capabilities end where the context says, whoever comes in" {
	tmpfs() {
		run vserver into "$contexts/$ctx/enter" mount -t tmpfs none "$T/point"
		umount "$T/point" 2>/dev/null || :
	}
	mkdir "$T/point"
	run -0 chcontext --silent --ctx "$ctx" --create
	tmpfs
	[ "$status" -eq 0 ]
	chcontext --silent --ctx "$ctx" --secure -- sleep 1000 3>&- &
	first=$!
	wait_until is_in_state "$ctx" running
	pid=$(vps-stat --pids -c "$ctx")
	[ "$(field "$ctx" CapBset)" = "$(sed -n 's/^CapBnd:\t*//p' "/proc/$pid/status")" ]
	tmpfs
	[ "$status" -ne 0 ]
	kill -KILL "$pid"
	wait "$first" || :
	# Of the next that runs in it more may hold again.
	[ "$(chcontext --silent --ctx "$ctx" -- sed -n 's/^CapBset: *//p' /proc/vservers/self)" = \
		"$(sed -n 's/^CapBnd:\t*//p' /proc/self/status)" ]
	run -0 chcontext --ctx "$ctx" --destroy
}

@test "kernel engine: kill -9 at any instant leaves no context" {
	dying=$(dying_contexts)
	measure chcontext --silent --ctx "$ctx" --create
	run -0 chcontext --ctx "$ctx" --destroy
	for ((round = 0; round < rounds; round++)); do
		kill_at "$round" chcontext --silent --ctx "$ctx" --create
		# Whatever there is: it is made, or destroyed, and then gone.
		run chcontext --silent --ctx "$ctx" --create
		[ "$status" -eq 0 ] || one_line "chcontext: $ctx: the context is in use"
		[ -e "/proc/vservers/$ctx" ]
		kill_at "$round" chcontext --ctx "$ctx" --destroy
		run chcontext --ctx "$ctx" --destroy
		[ "$status" -eq 0 ] || one_line "chcontext: $ctx: no such context"
		no_context "$ctx"
		[ ! -e "/proc/vservers/$ctx" ]
	done
	wait_until no_more_dying "$dying"
}

dying_contexts() {
	sed -n 's/^dying //p' "${contexts%/freevps}/vps.stat"
}

no_more_dying() {
	[ "$(dying_contexts)" -le "$1" ]
}

@test "kernel engine: contexts of two engines on one boot are refused" {
	requires no-contexts
	hold_init sleep 1000
	for words in "vps-stat" "vkill -c $ctx" "vlimit -c $ctx"; do
		# shellcheck disable=SC2086 # several words
		VPS_ENGINE=stock run -1 $words
		one_line "${words%% *}: context $ctx: is of the kernel engine, and this is the stock engine*"
	done
	free_ctx
	VPS_ENGINE=stock run -125 chcontext --ctx "$ctx" true
	one_line "chcontext: context *: is of the kernel engine, and this is the stock engine*"
	no_context "$ctx"
	release TERM
	VPS_ENGINE=stock run -0 chcontext --silent --ctx "$ctx" --create
	[ ! -e "/proc/vservers/$ctx" ]
	for engine in '' kernel; do
		VPS_ENGINE=$engine run -1 vps-stat
		one_line "vps-stat: context $ctx: is of the stock engine, and this is the kernel engine*"
	done
	VPS_ENGINE=stock run -125 chcontext --ctx "$ctx" --no-namespaces true
	one_line "chcontext: --no-namespaces: not supported by the stock engine; boot a FreeVPS kernel"
	VPS_ENGINE=stock run -0 chcontext --ctx "$ctx" --destroy
	run -0 vps-stat
}
