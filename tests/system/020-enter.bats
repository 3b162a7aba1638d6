#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers

load ../lib/system

more_setup() {
	requires userns
	new_root
	hold sleep 1000
}

more_teardown() {
	[ -z "${holder-}" ] || ! kill -0 "$holder" 2>/dev/null || release TERM
}

# On a terminal of 24 lines and 80 columns with nobody at the keys; carriage returns left out.
on_terminal() {
	requires script
	[ -p "$T/quiet" ] || mkfifo "$T/quiet"
	SHELL=/bin/bash TERM=dumb timeout 60 script -qec "stty rows 24 cols 80; $1" /dev/null <>"$T/quiet" |
		tr -d '\r'
}

@test "vps-enter: exit status is the command's, 127, 126, or 128 + signal" {
	run -0 vps-enter "$ctx" true
	run -1 vps-enter "$ctx" false
	run -77 vps-enter "$ctx" -- sh -c 'exit 77'
	run -143 vps-enter "$ctx" -- sh -c 'kill -TERM $$'
	run -137 vps-enter "$ctx" -- sh -c 'kill -KILL $$'
	run -127 vps-enter "$ctx" /no/such
	one_line "vps-enter: /no/such: execute: No such file or directory"
	run -126 vps-enter "$ctx" /etc
	one_line "vps-enter: /etc: execute: Permission denied"
	run -126 vps-enter "$ctx" /etc/passwd
	one_line "vps-enter: /etc/passwd: execute: Permission denied"
}

@test "vps-enter: many at once, each with its own status" {
	for ((round = 0; round < 20; round++)); do
		pids=
		for ((i = 0; i < 8; i++)); do
			vps-enter "$ctx" -- sh -c "exit $i" &
			pids="$pids $!"
		done
		i=0
		for pid in $pids; do
			status=0
			wait "$pid" || status=$?
			[ "$status" -eq $i ] || { echo "round $round: $status, not $i" && return 1; }
			i=$((i + 1))
		done
	done
}

@test "vps-enter: the clock since boot is the VPS's, and its processes began by it" {
	[ -e /proc/self/ns/time ] || skip "requires time namespaces"
	run -0 vps-enter "$ctx" -- sh -c \
		'cut -d. -f1 /proc/uptime; cut -d" " -f22 /proc/1/stat; cut -d" " -f22 /proc/self/stat'
	up=${lines[0]} first=${lines[1]} second=${lines[2]}
	[ "$up" -lt "$(cut -d. -f1 /proc/uptime)" ]
	[ "$first" -le "$second" ]
	[ "$second" -le $(((up + 2) * 100)) ]
}

@test "vps-enter: standard output and error stay apart" {
	vps-enter "$ctx" -- sh -c 'echo out; echo err >&2' >"$T/out" 2>"$T/err"
	[ "$(cat "$T/out")" = out ]
	[ "$(cat "$T/err")" = err ]
}

@test "vps-enter: pipes carry every byte both ways, and a closed one ends the writer" {
	head -c 3000000 /dev/urandom >"$T/bytes"
	vps-enter "$ctx" cat <"$T/bytes" >"$T/back"
	cmp "$T/back" "$T/bytes"
	run -0 bash -o pipefail -c 'vps-enter '"$ctx"' yes | head -n 2; echo "${PIPESTATUS[0]}"'
	[ "${lines[*]}" = "y y 141" ]
}

@test "vps-enter: inside it is root, in the tree, in the same processes and names" {
	run -0 vps-enter "$ctx" -- sh -c 'id -u; pwd; cat /proc/1/comm; echo $HOME $USER $SHELL'
	[ "${lines[*]}" = "0 /root sleep /root root /bin/sh" ]
	mkfifo "$root/tmp/wait"
	vps-enter "$ctx" cat /tmp/wait 3>&- &
	wait_until is_count 2
	for ns in mnt pid uts ipc cgroup user net; do
		[ "$(vps-stat --pids -c "$ctx" | sed "s|.*|/proc/&/ns/$ns|" | xargs -n 1 readlink |
			uniq | wc -l)" -eq 1 ]
	done
	: >"$root/tmp/wait"
	wait "$!"
}

@test "vps-enter: only TERM and LANG of the environment go in, no descriptor" {
	run -0 env -i PATH="$PATH" SECRET=1 TERM=dumb LANG=C VPS_ENGINE= \
		"$BUILD/vps-enter" "$ctx" env 7</
	[ "$(printf '%s\n' "${lines[@]%%=*}" | sort | tr '\n' ' ')" = \
		"HOME LANG LOGNAME PATH SHELL TERM USER " ]
	run -0 vps-enter "$ctx" ls /proc/self/fd 7</
	[ "${lines[*]}" = "0 1 2 3" ]
}

@test "vps-enter: it is in its context's groups, not in those of the VPS itself" {
	vps-enter "$ctx" sleep 1000 3>&- &
	pid=$!
	wait_until is_count 2
	for inner in $(vps-stat --pids -c "$ctx"); do
		while IFS=: read -r _ controllers path; do
			case ,$controllers, in
			,, | *,pids,* | *,memory,* | *,cpu,*) [[ $path == */freevps*/$ctx* ]] ;;
			esac
		done <"/proc/$inner/cgroup"
	done
	[ "$(wc -l <"$contexts/$ctx/enter/cgroup.procs")" -eq 1 ]
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 143 ]
	wait_until is_count 1
}

is_count() {
	[ "$(vps-stat --pids -c "$ctx" | wc -l)" -eq "$1" ]
}

@test "vps-enter: -u finds users in the VPS's own /etc/passwd, groups too" {
	run -0 vps-enter "$ctx" -u user -- sh -c 'id -u; id -g; id -G; pwd; echo $HOME $USER'
	[ "${lines[*]}" = "1000 1000 1000 77 /home/user /home/user user" ]
	run -0 vps-enter "$ctx" -u 1000 id -un
	[ "$output" = user ]
	run -0 vps-enter -u user "$ctx" id -un
	[ "$output" = user ]
	run -0 vps-enter "$ctx" -u 0 id -u
	[ "$output" = 0 ]
	run -0 vps-enter "$ctx" -u user grep CapEff /proc/self/status
	[[ $output == *0000000000000000 ]]
}

@test "vps-enter: unknown and malformed users are refused before anything runs" {
	for user in nobody4 4242 -1 4294967295 4294967296 65536 -0 +0 ' 0' 0x0 '' root: 'us er' \
		18446744073709551616 $'user\nroot'; do
		run -125 vps-enter "$ctx" --user="$user" touch /ran
		one_line "vps-enter: *" || { echo "for '$user'" >&2 && return 1; }
		[ ! -e "$root/ran" ]
	done
}

@test "vps-enter: an id that is out of range in /etc/passwd is nobody's, never root's" {
	for line in bad:x:4294967295:0: bad:x:-1:-1: bad:x:0x0:0: bad:x:4294967296:0: bad:x::0: \
		bad:x:0 bad bad: bad:x:65536:0: bad:x:1000:4294967295: bad:x:abc:def: bad::::::: \
		bad:x:1e0:0:; do
		echo "$line:/:/bin/sh" >"$root/etc/passwd"
		run vps-enter "$ctx" -u bad id -u
		[ "$status" -eq 125 ] || { echo "for '$line': $output" >&2 && return 1; }
		one_line "vps-enter: *"
	done
}

@test "vps-enter: whatever is at /etc/passwd, root comes in to mend it, nobody else" {
	break_passwd() {
		rm -rf "$root/etc/passwd"
		"$@"
	}
	for kind in true 'mkfifo etc/passwd' 'mkdir etc/passwd' 'touch etc/passwd' \
		'ln -s passwd etc/passwd' 'ln -s /proc/kmsg etc/passwd' \
		'ln -s /dev/zero etc/passwd' 'truncate -s 1G etc/passwd'; do
		# shellcheck disable=SC2086 # several words
		(cd "$root" && break_passwd $kind)
		run -0 timeout 20 vps-enter "$ctx" grep -c '^Uid:.0' /proc/self/status
		run -125 timeout 20 vps-enter "$ctx" -u user true
		one_line "vps-enter: user: *"
	done
}

@test "vps-enter: without a command the shell of the user runs" {
	run -0 vps-enter "$ctx" <<<'echo $0; id -u'
	[ "${lines[*]}" = "-sh 0" ]
	printf '#!/bin/sh\necho own shell\n' >"$root/bin/own"
	chmod 755 "$root/bin/own"
	sed -i '/^user/s|/bin/sh|/bin/own|' "$root/etc/passwd"
	run -0 vps-enter "$ctx" -u user
	[ "$output" = "own shell" ]
	sed -i '/^user/s|/bin/own|/bin/none|' "$root/etc/passwd"
	run -127 vps-enter "$ctx" -u user
	one_line "vps-enter: /bin/none: execute: No such file or directory"
}

@test "vps-enter: no terminal where there is none outside, an own one where there is" {
	run -1 vps-enter "$ctx" tty </dev/null
	run -0 on_terminal "vps-enter $ctx -- tty; tty"
	[[ ${lines[0]} == /dev/pts/[0-9]* ]]
	run -0 on_terminal "vps-enter $ctx -- sh -c 'ls -l /proc/self/fd/0; test -t 0 && test -t 1 && test -t 2 && ps -o tty= && : >/dev/tty && echo controlling'"
	[ "${lines[-1]}" = controlling ]
}

@test "vps-enter: only what is a terminal is replaced by one" {
	run -0 on_terminal "vps-enter $ctx -- sh -c 'test -t 0 && echo in; test -t 1 || echo no-out; test -t 2 && echo err' | cat"
	[ "${lines[*]}" = "in no-out err" ]
	run -0 on_terminal "echo data | vps-enter $ctx -- sh -c 'cat; test -t 1 && echo out'"
	[ "${lines[*]}" = "data out" ]
	run -0 on_terminal "vps-enter $ctx -- sh -c 'echo to-file >&2' 2>$T/err; cat $T/err"
	[ "$output" = to-file ]
}

@test "vps-enter: exit status and all of the output come through the terminal" {
	run -0 on_terminal "vps-enter $ctx -- sh -c 'seq 20000; exit 9' >$T/seq.out; echo \$?"
	[ "$output" = 9 ]
	on_terminal "vps-enter $ctx -- seq 20000" >"$T/seq"
	cmp "$T/seq" <(seq 20000)
}

@test "vps-enter: the window's size goes in, and its changes" {
	run -0 on_terminal "vps-enter $ctx -- stty size"
	one_line "24 80"
	run -0 on_terminal "
		vps-enter $ctx -- sh -c 'trap \"stty size; exit\" WINCH; echo ready >/tmp/ready; while :; do sleep 0.01; done' </dev/tty &
		until [ -s $root/tmp/ready ]; do sleep 0.01; done
		stty rows 33 cols 99
		wait"
	[ "${lines[-1]}" = "33 99" ]
}

@test "vps-enter: keys reach the command, ctrl-c as SIGINT" {
	requires script
	mkfifo "$T/keys"
	SHELL=/bin/bash TERM=dumb script -qec "vps-enter $ctx -- sh -c 'trap \"echo interrupted; exit 5\" INT; echo ready >/tmp/ready; while :; do sleep 0.01; done'; echo status \$?" \
		/dev/null <"$T/keys" >"$T/screen" 3>&- &
	exec 8>"$T/keys"
	wait_until has_line "$root/tmp/ready" ready
	printf '\003' >&8
	wait_until has_line "$T/screen" 'status 5'
	exec 8>&-
	has_line "$T/screen" interrupted
	wait "$!"
}

@test "vps-enter: the terminal is as before after any end, kill -9 included" {
	run -0 on_terminal "
		stty -g >$T/before
		vps-enter $ctx true
		stty -g >$T/after.ordinary
		for sig in KILL TERM; do
			vps-enter $ctx sleep 1000 </dev/tty &
			until stty -a | grep -q -e -icanon; do sleep 0.01; done
			kill -\$sig \$!
			wait \$!
			n=0
			until stty -g | cmp -s - $T/before || [ \$((n += 1)) -gt 300 ]; do sleep 0.01; done
			stty -g >$T/after.\$sig
		done"
	for end in ordinary KILL TERM; do
		cmp "$T/before" "$T/after.$end"
	done
}

@test "vps-enter: what runs behind a killed vps-enter on a terminal hangs up" {
	run on_terminal "
		vps-enter $ctx -- sh -c 'echo >/tmp/ready; sleep 1000' </dev/tty &
		until [ -e $root/tmp/ready ]; do sleep 0.01; done
		kill -KILL \$!"
	wait_until is_count 1
}

@test "vps-enter: a context with the flag private is not entered" {
	run -0 chcontext --ctx "$ctx" --flag private
	run -125 vps-enter "$ctx" touch /ran
	one_line "vps-enter: $ctx: is private"
	[ ! -e "$root/ran" ]
}

@test "vps-enter: no such context, bad numbers, no operand" {
	release TERM
	run -125 vps-enter "$ctx" true
	one_line "vps-enter: $ctx: no such context"
	run -125 vps-enter no-such-vps true
	one_line "vps-enter: no-such-vps: *"
	for word in 0 1 2 65535 010 ../x '' -; do
		run -125 vps-enter "$word" true
		one_line "vps-enter: *" || { echo "for '$word'" >&2 && return 1; }
	done
	run -125 vps-enter
	one_line "vps-enter: the name of a VPS is missing*"
}

@test "vps-enter: a context in which nothing runs" {
	release TERM
	run -0 chcontext --ctx "$ctx" --create
	run -125 vps-enter "$ctx" true
	one_line "vps-enter: $ctx: is not running"
	run -0 chcontext --ctx "$ctx" --destroy
}

@test "vps-enter: without a user namespace the same holds" {
	release TERM
	userns=no
	hold sleep 1000
	run -0 vps-enter "$ctx" -u user -- sh -c 'id -u; exit 0'
	[ "$output" = 1000 ]
	run -77 vps-enter "$ctx" -- sh -c 'exit 77'
	run -0 on_terminal "vps-enter $ctx -- tty"
	[[ ${lines[0]} == /dev/pts/[0-9]* ]]
	run -0 vps-enter "$ctx" sed -n 's/^Name:\t//p' /proc/self/status
	[ "$output" = sed ]
}

# Somebody is in the context, who has not got its root yet.
is_beginning() {
	[ -n "$(vps-stat --pids -c "$ctx")" ]
}

@test "vps-enter: a context whose first process is not in its root yet is not entered" {
	requires userns strace
	touch "$root/inside"
	for userns in auto no; do
		free_ctx
		chcontext --silent --ctx "$ctx" --create
		for life in first second; do
			strace -f -qq -o "$T/calls" -e trace=pivot_root -e inject=pivot_root:delay_enter=2000000 \
				chcontext --silent --ctx "$ctx" --root "$root" --userns $userns -- sleep 1000 \
				</dev/null 3>&- &
			wait_until is_beginning
			[ "$(state_of "$ctx")" = new ]
			run -125 vps-enter "$ctx" -- ls /inside
			one_line "vps-enter: $ctx: is not running"
			run -125 chcontext --silent --ctx "$ctx" --root "$root" -- true
			one_line "chcontext: the context is being started"
			wait_until is_in_state "$ctx" running
			run -0 vps-enter "$ctx" -- ls /inside
			vkill -c "$ctx" -s KILL
			wait_until is_in_state "$ctx" kept
		done
		chcontext --ctx "$ctx" --destroy
	done
}
