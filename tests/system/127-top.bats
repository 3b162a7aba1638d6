#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2016,SC2034 # set by run; shells inside expand; used by the helpers
# What vps-top knows of a busy context, and its full screen on a real terminal.

load ../lib/system

more_setup() {
	screen=s${T##*.}
}

more_teardown() {
	[ ! -e "$T/tmux" ] || tmux -S "$T/tmux" kill-server 2>/dev/null || :
}

# A VPS that takes all the CPU it may have, until drop.
busy_context() {
	new_root
	chcontext --silent --create --ctx "$ctx" --name "$TAG"
	vlimit -c "$ctx" --proc 8 ${1:+--cpu "$1"}
	hold sh -c 'sleep 1000 & while :; do :; done'
}

drop() {
	release TERM
	chcontext --ctx "$ctx" --destroy
}

# field N: of the last output's line of raw fields of the context.
field() {
	printf '%s\n' "${lines[@]}" | awk -v id="$ctx" -v n="$1" '$1 == id { print $n }'
}

# at_least VALUE WANTED
at_least() {
	awk -v value="$1" -v wanted="$2" 'BEGIN { exit !(value != "-" && value >= wanted) }'
}

@test "top --batch: what a context uses, of the host and of its caps" {
	requires proc-limit cpu
	busy_context 30
	run -0 vps-top -b -n 1 -d 1 --raw
	[ "$(field 18)" = "$TAG" ]
	at_least "$(field 2)" 1
	# 30 percent of one CPU is the cap, and a tenth of a second may be above it.
	at_least 45 "$(field 2)"
	cpus=$(getconf _NPROCESSORS_ONLN)
	awk -v cpu="$(field 2)" -v host="$(field 3)" -v cap="$(field 4)" -v n="$cpus" 'BEGIN {
		d = cpu / n - host; e = cpu / 0.3 - cap
		exit !(d < 0.02 && d > -0.02 && e < 0.05 && e > -0.05) }'
	[ "$(field 8)" -eq 2 ]
	[ "$(field 10)" = 25.00 ]
	drop
}

@test "top --batch: rounds, order, JSON and the table" {
	requires proc-limit
	busy_context
	first=$ctx
	free_ctx
	chcontext --silent --create --ctx "$ctx" --name "$TAG-idle"
	run -0 vps-top -b -n 2 -d 0.2 --raw -s cpu
	[ "$(printf '%s\n' "${lines[@]}" | grep -c "$TAG-idle\$")" -eq 2 ]
	[ "$(printf '%s\n' "${lines[@]}" | grep -o "$TAG.*\$" | head -n 2)" = "$TAG"$'\n'"$TAG-idle" ]
	run -0 vps-top -b -n 1 -d 0.2 --raw -s cpu -r
	[ "$(printf '%s\n' "${lines[@]}" | grep -o "$TAG.*\$")" = "$TAG-idle"$'\n'"$TAG" ]
	run -0 vps-top -b -n 1 -d 0.2
	[[ ${lines[0]} == *CTX*CPU%*HOST*CAP*MEM*NEAREST*LOAD1*LOAD5*LOAD15*NAME ]]
	run -0 vps-top -b -n 1 -d 0.2 --json
	[[ $output == \[*\"cpu_host_percent\":\ *\"load1\":\ *\"name\":\ \"$TAG\"*\] ]]
	chcontext --ctx "$ctx" --destroy
	ctx=$first
	drop
}

@test "top: load averages, by the kernel or by looking" {
	requires proc-limit
	busy_context
	# Two periods of looking; of one task that always runs each adds a twelfth of what is missing.
	run -0 vps-top -b -n 1 -d 11 --raw
	if [ "$(engine)" = stock ]; then
		[ "$(field 15)" = 0.15 ]
		[ "$(field 16)" = 0.03 ]
	else
		at_least "$(field 15)" 0.08
	fi
	drop
	run -0 vps-top -b -n 1 -d 0.1 --raw
	[[ $output != *"$TAG"* ]]
}

on_screen() {
	shown=$(tmux -S "$T/tmux" capture-pane -p)
	[[ $shown == *$1* ]]
}

# has_gone TEXT
has_gone() {
	! on_screen "$1"
}

@test "top: the full screen, keys, sizes, and the terminal as it was" {
	requires tmux proc-limit
	busy_context
	export LC_ALL=C.UTF-8
	tmux -S "$T/tmux" -f /dev/null new-session -d -s "$screen" -x 80 -y 24 \
		"stty -a >'$T/before'; vps-top -d 0.2; echo \$? >'$T/status'; stty -a >'$T/after'; sleep 1000"
	wait_until on_screen "$TAG"
	on_screen "q quit"
	on_screen "all contexts: cpu"
	# Both shares of CPU and memory, what is nearest, load and name have room on 80 columns.
	[ "$(grep -o 'CTX.*' <<<"$shown" | tr -s ' ')" = \
		"CTX CPU% HOST CAP MEM HOST CAP PROC IN/s OUT/s NEAREST LOAD1 NAME" ]
	[ "$(wc -L <<<"$shown")" -le 80 ]
	tmux -S "$T/tmux" resize-window -x 130 -y 20
	wait_until on_screen LOAD15
	tmux -S "$T/tmux" resize-window -x 24 -y 4
	wait_until has_gone LOAD1
	wait_until has_gone CTX
	tmux -S "$T/tmux" resize-window -x 3 -y 1
	tmux -S "$T/tmux" resize-window -x 80 -y 24
	wait_until on_screen "q quit"
	tmux -S "$T/tmux" send-keys n r x Up Down PPage NPage C-l
	wait_until on_screen "$TAG"
	tmux -S "$T/tmux" send-keys q
	wait_until [ -s "$T/status" ]
	[ "$(cat "$T/status")" = 0 ]
	wait_until [ -s "$T/after" ]
	# The size is another, as it was made.
	cmp <(sed 1d "$T/before") <(sed 1d "$T/after")
	tmux -S "$T/tmux" kill-server
	drop
}

@test "top: a terminal that is gone, and a signal, end it" {
	requires script proc-limit
	export TERM=vt100
	script -qec 'vps-top -d 0.2' /dev/null </dev/zero >"$T/out" 2>&1 3>&- &
	viewer=$!
	wait_until has_line "$T/out" contexts
	top=$(pgrep -n -P "$(pgrep -P "$viewer" | head -n 1)" -x vps-top || pgrep -P "$viewer" -x vps-top)
	kill -KILL "$viewer"
	wait "$viewer" || :
	wait_until is_gone "$top"
}
