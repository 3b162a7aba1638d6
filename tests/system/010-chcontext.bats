#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers

load ../lib/system

more_setup() {
	free_ctx
}

# A busybox tree; its first process is what the test says.
with_root() {
	requires userns
	new_root
}

@test "chcontext: prints the number, runs the command, removes the context" {
	run -0 chcontext --ctx "$ctx" -- sh -c 'echo inside'
	[ "${lines[0]}" = "New security context is $ctx" ]
	[ "${lines[1]}" = inside ]
	no_context "$ctx"
}

@test "chcontext: --xid is --ctx, --silent prints no number" {
	run -0 chcontext --silent --xid "$ctx" echo inside
	[ "$output" = inside ]
}

@test "chcontext: without --ctx the number is 49152 or above, and free again" {
	run -0 chcontext true
	[[ $output =~ ^"New security context is "([0-9]+)$ ]]
	[ "${BASH_REMATCH[1]}" -ge 49152 ]
	no_context "${BASH_REMATCH[1]}"
}

@test "chcontext: exit status is the command's, or 128 + its signal" {
	run -0 chcontext --silent --ctx "$ctx" true
	run -1 chcontext --silent --ctx "$ctx" false
	run -77 chcontext --silent --ctx "$ctx" sh -c 'exit 77'
	# The first process of a pid namespace cannot end itself by a signal it does not handle.
	run -137 chcontext --silent --ctx "$ctx" sh -c '(kill -KILL $$) ; exec sh -c "exit 137"'
}

@test "chcontext: a command that is killed gives 128 + 9, a context that is killed too" {
	chcontext --silent --ctx "$ctx" sleep 1000 3>&- &
	pid=$!
	wait_until is_in_state "$ctx" running
	vkill -c "$ctx" -s KILL
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 137 ]
	no_context "$ctx"
}

@test "chcontext: 127 for no such command, 126 for one that cannot run" {
	run -127 chcontext --silent --ctx "$ctx" /no/such/command
	one_line "chcontext: /no/such/command: execute: No such file or directory"
	run -126 chcontext --silent --ctx "$ctx" /etc/passwd
	one_line "chcontext: /etc/passwd: execute: Permission denied"
	run -126 chcontext --silent --ctx "$ctx" /
	one_line "chcontext: /: execute: *"
	no_context "$ctx"
}

@test "chcontext: wrong use is 125 and one line" {
	for words in '' '--ctx 2 true' '--ctx 0 true' '--ctx 65535 true' '--ctx 002 true' \
		'--ctx -5 true' '--ctx 1x true' '--ctx 99999999999999999999 true' \
		'--cap nonsense true' '--flag nonsense true' '--net bridge true' '--net x true' \
		'--userns maybe true' '--create true' '--destroy' '--name x true' \
		'--root /a --tree /b true' '--init auto true' '--disconnect true' '--nonsense'; do
		# shellcheck disable=SC2086 # several words
		run -125 chcontext $words
		one_line "chcontext: *" || { echo "for '$words'" >&2 && return 1; }
	done
	run -125 chcontext --ctx '' true
	one_line "chcontext: *"
	run -125 chcontext --hostname 'a b' true
	one_line "chcontext: *"
}

@test "chcontext: shows its own processes only" {
	requires root
	sleep 1000 3>&- &
	run -0 chcontext --ctx "$ctx" --secure --hostname x -- ps ax -o pid=,args=
	kill "$!"
	[ "${lines[0]}" = "New security context is $ctx" ]
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[1]} == *"1 ps ax"* ]]
}

@test "chcontext: --no-namespaces is refused where nothing would keep the command apart" {
	requires stock-engine
	run -125 chcontext --ctx "$ctx" --no-namespaces -- touch "$T/ran"
	one_line "chcontext: --no-namespaces: not supported by the stock engine; boot a FreeVPS kernel"
	[ ! -e "$T/ran" ]
	no_context "$ctx"
}

@test "chcontext: host name and domain name are the context's own" {
	before=$(uname -n)
	run -0 chcontext --silent --ctx "$ctx" --hostname vps-x --domainname example.org \
		sh -c 'uname -n; cat /proc/sys/kernel/domainname'
	[ "${lines[*]}" = "vps-x example.org" ]
	[ "$(uname -n)" = "$before" ]
}

@test "chcontext: --net none has a loopback that is up and nothing else" {
	with_root
	inside_net() { chcontext --silent --ctx "$ctx" --root "$root" --net "$1" -- sh -c "$2"; }
	run -0 inside_net none 'ls /sys/class/net; ping -c 1 -W 2 127.0.0.1 >/dev/null && echo up'
	[ "${lines[*]}" = "lo up" ]
	run -0 inside_net shared 'readlink /proc/self/ns/net'
	[ "$output" = "$(readlink /proc/self/ns/net)" ]
}

@test "chcontext: root inside is id << 16 outside, and plain root with --userns no" {
	with_root
	for userns in auto no; do
		hold sleep 1000
		pid=$(vps-stat --pids -c "$ctx")
		uid=$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")
		case $userns in
		auto) [ "$uid" -eq $((ctx << 16)) ] ;;
		no) [ "$uid" -eq 0 ] ;;
		esac
		[ "$(vps-enter "$ctx" id -u)" = 0 ]
		release TERM
	done
}

@test "chcontext: files made inside belong to plain users in the tree" {
	with_root
	inside sh -c 'touch /tmp/a; touch /tmp/b; chown 1000:77 /tmp/b'
	run -0 stat -c %u:%g "$root/tmp/a" "$root/tmp/b"
	[ "${lines[*]}" = "0:0 1000:77" ]
}

bound() {
	chcontext --silent --ctx "$ctx" "$@" sed -n 's/^CapBnd:\t*//p' /proc/self/status
}

@test "chcontext: --cap keeps or drops, --secure drops what could harm the host" {
	all=$(sed -n 's/^CapBnd:\t*//p' /proc/self/status)
	[ "$(bound)" = "$all" ]
	[ $((0x$(bound --cap '!sys_boot') & 1 << 22)) -eq 0 ]
	[ $((0x$(bound --cap '!CAP_SYS_BOOT') | 1 << 22)) -eq $((0x$all)) ]
	for cap in 2 16 17 19 21 25; do # dac_read_search module rawio ptrace admin time
		[ $((0x$(bound --secure) & 1 << cap)) -eq 0 ]
	done
	[ $((0x$(bound --secure --cap sys_ptrace) & 1 << 19)) -ne 0 ]
}

@test "chcontext: a command inside a tree has no more than the default capabilities" {
	with_root
	for userns in auto no; do
		held=$(inside sed -n 's/^CapEff:\t*//p' /proc/self/status)
		[ $((0x$held & (1 << 16 | 1 << 17 | 1 << 22 | 1 << 25))) -eq $((1 << 22)) ]
	done
	# Without a user namespace: none that reads any file, traces or mounts.
	[ $((0x$held & (1 << 2 | 1 << 19 | 1 << 21))) -eq 0 ]
}

@test "chcontext: --flag is kept, shown and can be changed" {
	run -0 chcontext --ctx "$ctx" --create --flag nproc --flag lock
	vps-stat --long -c "$ctx" | grep -q '^flags: *lock.*nproc'
	run -0 chcontext --ctx "$ctx" --flag private
	vps-stat --long -c "$ctx" | grep '^flags:' >"$T/flags"
	grep -q private "$T/flags"
	run -1 grep -q lock "$T/flags"
	run -0 chcontext --ctx "$ctx" --destroy
	run -125 chcontext --ctx "$ctx" --flag private
	one_line "chcontext: $ctx: no such context"
}

@test "chcontext: --create makes a context that is kept, --destroy removes it" {
	run -0 chcontext --ctx "$ctx" --create
	[ "$output" = "New security context is $ctx" ]
	is_in_state "$ctx" kept
	run -125 chcontext --ctx "$ctx" --create
	one_line "chcontext: $ctx: the context is in use"
	run -0 chcontext --silent --ctx "$ctx" echo in it
	[ "$output" = "in it" ]
	run -0 chcontext --ctx "$ctx" --destroy
	[ -z "$output" ]
	no_context "$ctx"
	run -125 chcontext --ctx "$ctx" --destroy
	one_line "chcontext: $ctx: no such context"
}

@test "chcontext: a running context is neither started again nor destroyed" {
	with_root
	hold sleep 1000
	run -125 chcontext --silent --ctx "$ctx" true
	one_line "chcontext: *the context is running"
	run -125 chcontext --ctx "$ctx" --destroy
	one_line "chcontext: $ctx: the context is running"
	is_in_state "$ctx" running
	release TERM
}

@test "chcontext: --create --name twice is refused, whatever the number" {
	exec 9>"$T/lock"
	mkdir -p "$VPS_RUN_DIR"
	first=$ctx
	run -0 chcontext --ctx "$first" --create --name "$TAG"
	free_ctx
	run -125 chcontext --ctx "$ctx" --create --name "$TAG"
	one_line "chcontext: $TAG: has a context already"
	no_context "$ctx"
	run -0 chcontext --ctx "$first" --destroy
}

@test "chcontext: --tree works there as root and is a stranger elsewhere" {
	with_root
	echo secret >"$T/secret"
	mkdir "$T/open"
	chmod 711 "$T"
	echo own >"$T/open/own"
	chmod 600 "$T/open/own"
	run -0 chcontext --silent --ctx "$ctx" --tree "$root" -- sh -c \
		'pwd; id -u; echo new >etc/new; cat ../../open/own 2>/dev/null || echo stranger'
	[ "${lines[*]}" = "$root 0 stranger" ]
	[ "$(stat -c %u "$root/etc/new")" -eq 0 ]
}

@test "chcontext: --tree does not pass on any descriptor" {
	with_root
	run -1 chcontext --silent --ctx "$ctx" --root "$root" -- sh -c 'ls /proc/self/fd | grep -v "^[0-3]$"' 7</
	run -1 chcontext --silent --ctx "$ctx" -- sh -c 'ls /proc/self/fd | grep -v "^[0-3]$"' 7</
}

@test "chcontext: standard descriptors stay apart, input flows" {
	with_root
	echo text | inside sh -c 'cat; echo wrong >&2; exit 3' >"$T/out" 2>"$T/err" || status=$?
	[ "$status" -eq 3 ]
	[ "$(cat "$T/out")" = text ]
	[ "$(cat "$T/err")" = wrong ]
}

@test "chcontext: much output through a pipe is whole" {
	with_root
	[ "$(inside sh -c 'yes 123456789 | head -c 3000000' | wc -c)" -eq 3000000 ]
}

@test "chcontext: a closed standard descriptor is no other file inside" {
	with_root
	inside sh -c 'readlink /proc/self/fd/0' <&- >"$T/out"
	[ "$(cat "$T/out")" = /dev/null ]
}

@test "chcontext: the caller's umask, environment and ignored signals stay outside" {
	with_root
	(
		umask 077
		trap '' USR1
		inside sh -c 'umask; grep SigIgn /proc/self/status; env' >"$T/out"
	)
	has_line "$T/out" '^0*22$'
	# 32 and 33 are the C library's own; under make they are ignored from the start.
	has_line "$T/out" '^SigIgn:.0*\(180000000\)\?$'
	run -1 grep VPS_ "$T/out"
	has_line "$T/out" '^PATH='
}

@test "chcontext: signals reach a command that handles them, and end one that does not" {
	with_root
	for sig in TERM INT HUP; do
		hold sh -c "trap 'echo got; exit 42' $sig; echo ready; while :; do sleep 0.01; done"
		wait_until has_line "$T/hold.log" ready
		release "$sig"
		[ "$status" -eq 42 ]
		has_line "$T/hold.log" got
	done
	hold sleep 1000
	release TERM
	[ "$status" -eq 137 ]
	no_context "$ctx"
}

@test "chcontext: what is left behind by the command ends with it" {
	with_root
	run -0 inside sh -c '(sleep 1000 &) ; setsid sleep 1000 & exit 0'
	no_context "$ctx"
}

@test "chcontext: --disconnect returns at once; output is the console log of the tree" {
	with_root
	run -0 chcontext --silent --ctx "$ctx" --root "$root" --disconnect -- \
		sh -c 'echo told; echo console >>/dev/console; exec sleep 1000'
	[ -z "$output" ]
	is_in_state "$ctx" running
	wait_until has_line "$root/var/log/console.log" console
	has_line "$root/var/log/console.log" told
	vkill -c "$ctx" -s KILL --wait 10
	is_in_state "$ctx" dead
	run -0 chcontext --ctx "$ctx" --destroy
}

@test "chcontext: the tree's own /dev, and nothing of the host's mounts" {
	with_root
	for userns in auto no; do
		run -0 inside sh -c 'ls /dev | tr "\n" " "'
		[ "$output" = "console fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero " ]
		run -1 inside grep -e "$T" -e /mnt -e "$(findmnt -no SOURCE / | cut -d '[' -f 1) /mnt" \
			/proc/mounts
		run -0 inside awk '{ print $5 }' /proc/self/mountinfo
		for point in "${lines[@]}"; do
			case $point in
			/ | /dev | /dev/* | /proc | /proc/* | /sys | /sys/firmware | /sys/fs/cgroup | /sys/kernel/mm) ;;
			*) echo "mount $point" >&2 && return 1 ;;
			esac
		done
	done
}

@test "chcontext: no root of this machine is told in one line" {
	requires setpriv
	chmod -R go+rX "$BUILD" 2>/dev/null || :
	run -125 setpriv --reuid 65534 --regid 65534 --clear-groups "$BUILD/chcontext" true
	one_line "chcontext: must be run as root of the host"
	run -125 unshare --user --map-root-user "$BUILD/chcontext" true
	one_line "chcontext: must be run as root of the host"
}
