#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# vps-init as the first process of a pid namespace and nothing more: no context, no walls.
# shellcheck disable=SC2154,SC2016 # set by run and the helpers; expanded inside

load ../lib/system

more_setup() {
	root=$T/root
	make_root "$root"
	cp "$BUILD/vps-init" "$root/vps-init"
	mknod -m 666 "$root/dev/null" c 1 3
	log=$T/init.log
}

# rc NAME: /etc/NAME of the tree from standard input.
write_rc() {
	{
		echo '#!/bin/sh'
		cat
	} >"$root/etc/$1"
	chmod 755 "$root/etc/$1"
}

# Sets $holder and $init, its pid on the host.
start_init() {
	unshare --fork --pid --kill-child --mount-proc="$root/proc" \
		chroot "$root" /vps-init "$@" </dev/null >"$log" 2>&1 3>&- &
	holder=$!
	wait_until is_started
}

# Executed, and asleep: it sleeps nowhere but where it waits for signals.
is_started() {
	init=$(pgrep -P "$holder") && [ "$(cat "/proc/$init/comm" 2>/dev/null)" = vps-init ] &&
		grep -q '^State:.S' "/proc/$init/status"
}

# How the first process has ended: unshare dies of the same signal.
ends_with() {
	status=0
	wait "$holder" || status=$?
	holder=
	[ "$status" -eq "$1" ] || { echo "status $status" >&2; return 1; }
}

HALTED=130
RESTARTED=129

from_inside() {
	nsenter -t "$init" -m -p -r -w -- "$@"
}

children_are() {
	[ "$(pgrep -c -P "$init")" -eq "$1" ]
}

@test "vps-init: not the first process: one line, exit 1" {
	run -1 --separate-stderr vps-init
	[ -z "$output" ]
	[ "$stderr" = "vps-init: is not the first process of a VPS" ]
	run -1 vps-init -- true
}

@test "vps-init: --help, --version, wrong options, a full standard output" {
	run -0 vps-init --help
	[ "${lines[0]}" = "Usage: vps-init [OPTION...] [--] [CMD...]" ]
	run -0 vps-init --version
	one_line "vps-init [0-9]*"
	run -2 vps-init --no-such
	one_line "vps-init: --no-such: unknown option (see --help)"
	run -1 sh -c 'vps-init --help >/dev/full'
	one_line "vps-init: standard output: No space left on device"
}

@test "vps-init: runs /etc/rc once, says that it failed, and stays" {
	echo 'echo "rc as $$ in $PWD"; exit 3' | write_rc rc
	start_init
	wait_until has_line "$log" 'exit status 3'
	[ "$(cat "$log")" = "rc as 2 in /
vps-init: /etc/rc: exit status 3" ]
	kill -USR2 "$init"
	ends_with $HALTED
	[ "$(grep -c '^rc' "$log")" -eq 1 ]
}

@test "vps-init: an /etc/rc killed by a signal, or not executable, is named" {
	echo 'kill -SEGV $$' | write_rc rc
	start_init
	wait_until has_line "$log" '^vps-init: /etc/rc: killed by signal 11$'
	kill -USR2 "$init"
	ends_with $HALTED
	chmod 644 "$root/etc/rc"
	start_init
	wait_until has_line "$log" '^vps-init: /etc/rc: Permission denied$'
	kill -USR2 "$init"
	ends_with $HALTED
}

@test "vps-init: without /etc/rc it waits in silence" {
	start_init
	kill -HUP "$init"
	kill -WINCH "$init"
	children_are 0
	kill -USR2 "$init"
	ends_with $HALTED
	[ ! -s "$log" ]
}

@test "vps-init: busybox halt, poweroff and reboot from inside" {
	for word in "halt $HALTED" "poweroff $HALTED" "reboot $RESTARTED"; do
		start_init
		# It may be ended with the rest before it has ended by itself.
		from_inside "/bin/${word% *}" || [ $? -eq 143 ]
		ends_with "${word#* }"
	done
}

@test "vps-init: signals USR1 USR2 PWR halt, TERM INT restart" {
	for word in "USR1 $HALTED" "USR2 $HALTED" "PWR $HALTED" "TERM $RESTARTED" \
		"INT $RESTARTED"; do
		start_init
		kill -"${word% *}" "$init"
		ends_with "${word#* }"
	done
}

@test "vps-init: reaps orphans" {
	write_rc rc <<-'END'
		i=0
		while [ $i -lt 50 ]; do
			(sh -c : &)
			i=$((i + 1))
		done
		(sleep 1000 &)
		echo started
	END
	start_init
	wait_until has_line "$log" started
	wait_until children_are 1
	kill -USR2 "$init"
	ends_with $HALTED
}

@test "vps-init: /etc/rc.shutdown runs first, then all are terminated, stopped ones too" {
	write_rc rc <<-'END'
		echo $$ >/pid
		trap 'echo terminated; exit' TERM
		sleep 1000 &
		echo started
		wait
	END
	echo 'kill -0 "$(cat /pid)" && echo shutdown' | write_rc rc.shutdown
	start_init
	wait_until has_line "$log" started
	kill -STOP "$(pgrep -P "$init")"
	SECONDS=0
	kill -USR2 "$init"
	ends_with $HALTED
	[ $SECONDS -lt 4 ]
	[ "$(cat "$log")" = "started
shutdown
terminated" ]
}

@test "vps-init: the first request stands" {
	write_rc rc.shutdown <<-'END'
		echo began
		read -r line </fifo
		exit 4
	END
	mkfifo "$root/fifo"
	start_init
	kill -TERM "$init"
	wait_until has_line "$log" began
	kill -USR1 "$init"
	kill -TERM "$init"
	echo go >"$root/fifo"
	ends_with $RESTARTED
	[ "$(cat "$log")" = "began
vps-init: /etc/rc.shutdown: exit status 4" ]
}

@test "vps-init: an /etc/rc.shutdown that hangs is given up" {
	echo 'sleep 1000' | write_rc rc.shutdown
	start_init
	SECONDS=0
	kill -USR2 "$init"
	ends_with $HALTED
	[ $SECONDS -ge 19 ] && [ $SECONDS -lt 28 ]
	[ "$(cat "$log")" = "vps-init: /etc/rc.shutdown: not ended within 20 s" ]
}

@test "vps-init: who ignores SIGTERM is killed" {
	write_rc rc <<-'END'
		trap '' TERM
		echo started
		while :; do sleep 1000; done
	END
	start_init
	wait_until has_line "$log" started
	SECONDS=0
	kill -USR2 "$init"
	ends_with $HALTED
	[ $SECONDS -ge 4 ] && [ $SECONDS -lt 7 ]
	has_line "$log" '^vps-init: killing what does not end$'
}

@test "vps-init: who was brought in from outside ends in order and is waited for" {
	start_init
	from_inside /bin/sh -c 'trap "sleep 0.3; echo bye; exit 9" TERM
		echo in; while :; do sleep 0.1; done' >"$T/in.log" 2>&1 3>&- &
	visitor=$!
	wait_until has_line "$T/in.log" in
	SECONDS=0
	kill -USR2 "$init"
	ends_with $HALTED
	[ $SECONDS -lt 4 ]
	status=0
	wait "$visitor" || status=$?
	[ "$status" -eq 9 ]
	has_line "$T/in.log" bye
}

@test "vps-init: with a command, its exit status is the first process's" {
	echo 'echo no' | write_rc rc
	echo 'echo no' | write_rc rc.shutdown
	touch "$root/plain"
	for word in 'exit 0' 'exit 77' 'kill -KILL $$' 'exec /no/such' 'exec /plain'; do
		status=0
		unshare --fork --pid --mount-proc="$root/proc" \
			chroot "$root" /vps-init -- sh -c "$word" >>"$T/out" 2>&1 || status=$?
		statuses="${statuses-} $status"
	done
	[ "$statuses" = " 0 77 137 127 126" ]
	run -1 grep -x no "$T/out"
	run -127 unshare -fp chroot "$root" /vps-init /no/such
	one_line "vps-init: /no/such: No such file or directory"
	run -126 unshare -fp chroot "$root" /vps-init /plain
	one_line "vps-init: /plain: Permission denied"
}

@test "vps-init: a command gets the other signals; what it leaves behind is ended" {
	write_rc cmd <<-'END'
		(trap 'echo orphan ended; exit' TERM; while :; do sleep 0.1; done) &
		trap 'echo hup' HUP
		trap 'echo winch; exit 5' WINCH
		echo started
		while :; do sleep 0.1; done
	END
	start_init /etc/cmd
	wait_until has_line "$log" started
	kill -HUP "$init"
	wait_until has_line "$log" hup
	kill -WINCH "$init"
	ends_with 5
	has_line "$log" 'orphan ended'
}

@test "vps-init: a command can be halted and restarted" {
	for word in "USR1 $HALTED" "TERM $RESTARTED"; do
		start_init sleep 1000
		kill -"${word% *}" "$init"
		ends_with "${word#* }"
	done
}

@test "vps-init: costs little memory of its own and no time" {
	start_init
	anon=$(awk '/^RssAnon:/ { print $2 }' "/proc/$init/status")
	[ "$anon" -le 128 ] || { echo "$anon kB" >&2; false; }
	switches=$(awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$init/status")
	sleep 0.5
	[ "$(awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$init/status")" -eq \
		"$switches" ]
	kill -USR2 "$init"
	ends_with $HALTED
}
