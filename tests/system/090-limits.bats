#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers

load ../lib/system

more_setup() {
	requires userns
	export VPS_STATE_DIR=$T/state
	new_root
}

more_teardown() {
	weigh_contexts
}

# field RESOURCE NUMBER: of what vlimit says of the context.
field() {
	vlimit -c "$ctx" --raw | awk -v r="$1" -v n="$2" '$2 == r { print $n }'
}

used() { field "$1" 3; }
peak() { field "$1" 4; }
soft() { field "$1" 5; }
hard() { field "$1" 6; }
hits() { field "$1" 7; }

has_hits() {
	[ "$(hits "$1")" -gt 0 ]
}

# kept LIMIT...: a context by hand, with limits.
kept() {
	chcontext --silent --ctx "$ctx" --create
	vlimit -c "$ctx" "$@"
}

# The context is no longer needed.
drop() {
	release TERM
	chcontext --ctx "$ctx" --destroy
}

# refused PATTERN WORD...: vlimit says so in one line and changes nothing.
refused() {
	pattern=$1
	shift
	before=$(vlimit -c "$ctx" --raw | cut -d ' ' -f 2,5,6)
	run -1 vlimit -c "$ctx" "$@"
	one_line "vlimit: $pattern"
	[ "$(vlimit -c "$ctx" --raw | cut -d ' ' -f 2,5,6)" = "$before" ]
}

# Memory above hard is not to be swapped out instead; $no_swap is how the limit is written.
kills_at_hard() {
	no_swap=
	[ "$(wc -l </proc/swaps)" -gt 1 ] || return 0
	has_v2_controller memory || skip "requires no swap space, or the memory controller on cgroup v2"
	no_swap=$1
}

# What takes memory: a buffer of $1 bytes that is written.
eat='eat() { dd if=/dev/zero of=/dev/null bs=$1 count=1 2>/dev/null; }'

@test "limits: a fork bomb ends at proc, the hits are counted, the host forks on" {
	requires proc-limit
	kept --proc 30
	hold sh -c '(while :; do sleep 1000 & done) 2>/tmp/errors; exec sleep 1000'
	wait_until has_line "$root/tmp/errors" 'Resource temporarily unavailable'
	wait_until has_hits proc
	[ "$(used proc)" -le 30 ]
	[ "$(vps-stat --pids -c "$ctx" | wc -l)" -le 30 ]
	[ "$(hard proc)" -eq 30 ]
	bash -c 'true & wait'
	drop
}

@test "limits: the process limit of one context is not another's" {
	requires proc-limit
	kept --proc 5
	first=$ctx
	free_ctx
	hold sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; echo all; exec sleep 1000'
	wait_until has_line "$T/hold.log" all
	[ "$(used proc)" -eq 10 ]
	release TERM
	chcontext --ctx "$first" --destroy
}

@test "limits: above hard rss one inside is killed, and nothing else" {
	requires memory
	kills_at_hard --swap=0
	# shellcheck disable=SC2086 # one word or none
	kept --rss 32M $no_swap
	hold sh -c "$eat; sleep 1000 & eat 128M; echo status \$?; exec sleep 1000"
	wait_until has_line "$T/hold.log" 'status 137'
	[ "$(vps-stat --pids -c "$ctx" | wc -l)" -eq 2 ]
	has_hits rss
	[ "$(peak rss)" -le $((32 << 20)) ]
	[ "$(peak rss)" -ge $((16 << 20)) ]
	drop
}

@test "limits: without the limit the same memory is to be had" {
	requires memory
	kept --rss 256M
	hold sh -c "$eat; eat 128M; echo status \$?; exec sleep 1000"
	wait_until has_line "$T/hold.log" 'status 0'
	[ "$(hits rss)" -eq 0 ]
	drop
}

@test "limits: above soft rss memory is swapped out, and nobody is killed" {
	requires memory-v2 swap
	kept --rss 24M:96M
	hold sh -c "$eat; eat 48M; echo status \$?; exec sleep 1000"
	wait_until has_line "$T/hold.log" 'status 0'
	has_hits rss
	[ "$(soft rss)" -eq $((24 << 20)) ]
	[ "$(peak swap)" = - ] || [ "$(peak swap)" -gt 0 ]
	drop
}

@test "limits: without swap space for it, memory above hard is not swapped out" {
	requires memory-v2 swap
	kept --rss 24M --swap 0
	hold sh -c "$eat; eat 48M; echo status \$?; exec sleep 1000"
	wait_until has_line "$T/hold.log" 'status 137'
	vlimit -c "$ctx" --swap inf
	vkill -c "$ctx" -s KILL --wait 10
	wait "$holder" || :
	hold sh -c "$eat; eat 48M; echo status \$?; exec sleep 1000"
	wait_until has_line "$T/hold.log" 'status 0'
	drop
}

# CPU time of the context and the time of day into $spent and $now, with nothing in between.
look_at_clocks() {
	while read -r key spent; do
		now=$EPOCHREALTIME
		[ "$key" != usage_usec ] || break
	done <"$contexts/$ctx/cpu.stat"
}

# Percent of one CPU that the context had over three seconds, into $share.
measure_cpu() {
	look_at_clocks
	before=$spent from=${now/./}
	sleep 3
	look_at_clocks
	share=$(((spent - before) * 100 / (${now/./} - from)))
	echo "measured: $share percent"
}

# Whoever runs beside the tests may have less, so that what may be had is there to be had.
weigh_contexts() {
	for file in "$contexts/cpu.weight" /sys/fs/cgroup/cpu/freevps/cpu.shares; do
		[ ! -w "$file" ] || echo "${1:-$([ "${file##*.}" = shares ] && echo 1024 || echo 100)}" >"$file"
	done
}

# Never more than $1 percent; as much, but for what a busy machine has no CPU for.
is_held_at() {
	for try in 1 2 3 4 5; do
		measure_cpu
		[ "$share" -le $(($1 + 5)) ] || return 1
		[ "$share" -lt $(($1 - 5)) ] || return 0
	done
	return 1
}

@test "limits: half a CPU is half a CPU" {
	requires cpu
	kept --cpu 50
	weigh_contexts 10000
	hold sh -c 'while :; do :; done'
	is_held_at 50
	has_hits cpu
	vlimit -c "$ctx" --cpu 20
	is_held_at 20
	vkill -c "$ctx" -s KILL --wait 10
	wait "$holder" || :
	holder=
	chcontext --ctx "$ctx" --destroy
}

@test "limits: two who want one CPU share it by weight" {
	requires cpu taskset
	kept --cpu-weight 300
	first=$ctx
	hold sh -c 'while :; do :; done'
	first_holder=$holder
	free_ctx
	kept --cpu-weight 100
	hold sh -c 'while :; do :; done'
	cpu=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')
	for pid in $(vps-stat --pids -c "$first") $(vps-stat --pids -c "$ctx"); do
		taskset -cp "$cpu" "$pid" >/dev/null
	done
	own=$(used cpu) others=$(ctx=$first used cpu)
	sleep 3
	own=$(($(used cpu) - own)) others=$(($(ctx=$first used cpu) - others))
	echo "measured: $others and $own"
	[ $((others * 10)) -ge $((own * 22)) ]
	[ $((others * 10)) -le $((own * 40)) ]
	for id in "$first" "$ctx"; do
		vkill -c "$id" -s KILL --wait 10
		chcontext --ctx "$id" --destroy
	done
	wait "$holder" "$first_holder" || :
	holder=
}

@test "limits: writes are as slow as they may be" {
	requires io
	kept --wbps 1M
	hold sh -c 'cd /root; t=$(date +%s); dd if=/dev/zero of=f bs=64k count=64 conv=fsync 2>/dev/null
		echo took $(($(date +%s) - t)); exec sleep 1000'
	wait_until has_line "$T/hold.log" took
	[ "$(sed -n 's/^took //p' "$T/hold.log")" -ge 2 ]
	[ "$(used wbps)" -ge $((4 << 20)) ]
	drop
}

@test "limits: lowered and raised while it runs" {
	requires proc-limit
	kept --proc 100
	hold sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done
		while read -r line; do (echo "got $line"); done </go; exec sleep 1000' 2>/dev/null
	wait_until is_count 10 || vlimit -c "$ctx"
	run -0 vlimit -c "$ctx" --proc 4
	one_line "vlimit: context $ctx: proc: 1[01] in use, above the limit: none can be started*"
	run vps-enter "$ctx" -- sh -c 'sleep 0 & wait'
	[[ $output == *"Resource temporarily unavailable"* ]]
	[ "$(used proc)" -ge 10 ]
	has_hits proc
	run -0 vlimit -c "$ctx" --proc 100
	[ -z "$output" ]
	run -0 vps-enter "$ctx" -- sh -c 'sleep 0 & wait; echo done'
	[ "$output" = "done" ]
	drop
}

is_count() {
	[ "$(vps-stat --pids -c "$ctx" | wc -l)" -ge "$1" ]
}

@test "limits: more in use than can be reclaimed, cgroup v1: refused, all of it" {
	requires memory-v1 proc-limit
	kept --rss 256M
	hold sh -c 'x=$(head -c 20000000 /dev/zero | tr "\0" x); echo has; read -r y </dev/zero'
	wait_until has_line "$T/hold.log" has
	refused 'rss: more is in use and cannot be reclaimed' --proc 77 --cpu 30 --rss 4M
	drop
}

# The one that has read 20 MB.
big_process() {
	ps -o pid=,rss= -p "$(vps-stat --pids -c "$ctx" | paste -sd,)" | awk '$2 > 16000 { print $1 }'
}

is_within() {
	[ "$(used "$1")" -le "$(hard "$1")" ]
}

# With one CPU the kernel may kill others too: it does not wait until the first has ended.
@test "limits: less memory than is in use, cgroup v2: said, reclaimed or killed" {
	requires memory-v2
	kept --rss 256M --swap 0
	hold sh -c 'sh -c '\''x=$(head -c 20000000 /dev/zero | tr "\0" x); echo has; sleep 1000; : $x'\''
		echo status $?; exec sleep 1000'
	wait_until has_line "$T/hold.log" has
	pid=$(big_process)
	run -0 vlimit -c "$ctx" --rss 8M
	one_line "vlimit: context $ctx: rss: * in use, above the limit: *killed"
	wait_until is_gone "$pid"
	wait_until is_within rss
	vkill -c "$ctx" -s KILL --wait 10
	wait "$holder" || :
	holder=
	chcontext --ctx "$ctx" --destroy
}

@test "limits: what this host cannot hold is refused by name, and nothing is changed" {
	kept --proc 55
	for name in disk inodes; do
		refused "$name: its tree is not on a disk of its own; *" --proc 44 "--$name" 1M
	done
	refused "cpu: it has no soft limit" --proc 44 --cpu 10:20
	if [ "$(engine)" = stock ]; then
		for name in vm files; do
			refused "$name: not supported by the stock engine; boot a FreeVPS kernel" \
				--proc 44 "--$name" 1G
		done
		for name in disk inodes; do
			refused "$name: it has no soft limit" --proc 44 "--$name" 1M:2M
		done
		refused "proc: it has no soft limit" --proc 10:20
		! can_limit tcp || refused "tcp: it has no soft limit" --proc 44 --tcp 10:20
	else
		# Of these four, the kernel engine can have all.
		for name in proc vm files tcp; do
			can_limit "$name"
		done
	fi
	# Each word of the table is either settable or says why not.
	while read -r name _ _ _ _ status; do
		[ "$status" = ok ] || refused "$name: *" "--$name" 1M
	done < <(vlimit --resources --raw)
	chcontext --ctx "$ctx" --destroy
}

@test "limits: soft rss and io on cgroup v1 are refused by name" {
	requires memory-v1
	kept --proc 55
	refused "rss: a soft limit needs cgroup v2: v1 has no memory.high" --rss 1M:2M
	refused "swap: needs cgroup v2: v1 counts memory and swap as one sum" --swap 1M
	requires_no_io=$(vlimit --resources --raw | awk '$1 == "rbps" { print $6 }')
	[ "$requires_no_io" = ok ] || refused "rbps: needs the io controller of cgroup v2; *" --rbps 1M
	chcontext --ctx "$ctx" --destroy
}

@test "limits: percent of the host, in whole pages" {
	requires memory
	kept --rss 25%
	total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
	[ "$(hard rss)" -eq $((total * 1024 / 4 / 4096 * 4096)) ]
	chcontext --ctx "$ctx" --destroy
}

@test "limits: CPU time is that of cpu.stat and of vps-stat" {
	kept --proc 50
	hold sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo done; exec sleep 1000'
	wait_until has_line "$T/hold.log" 'done'
	vkill -c "$ctx" -s STOP
	stat=$(awk '$1 == "usage_usec" { print $2 }' "$contexts/$ctx/cpu.stat")
	[ "$(used cpu)" -ge "$stat" ]
	[ "$(used cpu)" -le $((stat + 20000)) ]
	sum=$(vps-stat -c "$ctx" --raw | awk '{ print $5 + $6 }')
	[ "$sum" -ge $((stat - 20000)) ]
	[ "$sum" -le $((stat + 20000)) ]
	vkill -c "$ctx" -s CONT
	drop
}

@test "limits: reading leaves peak and hits; new peaks begin when asked for" {
	requires proc-limit
	kept --proc 6
	hold sh -c '(for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done); exec sleep 1000'
	wait_until has_hits proc
	vkill -c "$ctx" -s KILL --wait 10
	wait "$holder" || :
	[ "$(peak proc)" -eq 6 ]
	[ "$(peak proc)" -eq 6 ]
	[ "$(hits proc)" -gt 0 ]
	vlimit -c "$ctx" --reset-peak
	[ "$(peak proc)" = - ]
	[ "$(peak rss)" = - ] || [ "$(peak rss)" -le "$((8 << 20))" ]
	vlimit -c "$ctx" --proc 9
	hold sh -c 'for i in 1 2 3 4 5 6 7; do sleep 1000 & done; exec sleep 1000'
	wait_until is_count 8
	[ "$(peak proc)" -eq 8 ]
	drop
}

@test "limits: hits are told once by --since-last" {
	requires proc-limit
	kept --proc 3
	hold sh -c '(sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000 &); exec sleep 1000'
	wait_until has_hits proc
	run -0 vlimit -c "$ctx" --since-last --raw
	[[ $output == "$ctx proc "* ]]
	[ "${#lines[@]}" -eq 1 ]
	run -0 vlimit -c "$ctx" --since-last --raw
	[ -z "$output" ]
	vps-enter "$ctx" -- sh -c 'sleep 0 & sleep 0 & sleep 0 & wait' || :
	run -0 vlimit -c "$ctx" --since-last --raw
	[[ $output == "$ctx proc "* ]]
	[ "$(stat -c %a "$VPS_STATE_DIR")" = 700 ]
	# A number that another context has had.
	drop
	kept --proc 3
	hold sh -c '(sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000 &); exec sleep 1000'
	wait_until has_hits proc
	[ "$(grep -c "^$ctx " "$VPS_STATE_DIR/vlimit.hits")" -eq 1 ]
	run -0 vlimit -a --since-last --raw
	[[ $output == *"$ctx proc "* ]]
	drop
	# Nothing is kept of what is gone.
	run -0 vlimit -a --since-last --raw
	run -1 grep "^$ctx " "$VPS_STATE_DIR/vlimit.hits"
}

@test "limits: --near shows who is near" {
	requires proc-limit
	kept --proc 10
	run -0 vlimit -c "$ctx" --near 80% --raw
	[ -z "$output" ]
	hold sh -c 'for i in 1 2 3 4 5 6 7; do sleep 1000 & done; exec sleep 1000'
	wait_until is_count 8
	run -0 vlimit -c "$ctx" --near 80% --raw
	[[ $output == "$ctx proc 8 "* ]]
	[ "${#lines[@]}" -eq 1 ]
	run -0 vlimit -c "$ctx" --near 81 --raw
	[ -z "$output" ]
	drop
}

@test "limits: the flag stop waits in front of the process limit" {
	requires proc-limit
	kept --proc 44
	file=$(controller_dir pids "$ctx")/pids.max
	chcontext --ctx "$ctx" --flag stop
	is_held_by 0 44
	vlimit -c "$ctx" --proc 33
	is_held_by 0 33
	chcontext --ctx "$ctx" --flag lock
	is_held_by 33 33
	vlimit -c "$ctx" --proc 22
	chcontext --ctx "$ctx" --flag lock,nproc
	is_held_by 22 22
	chcontext --ctx "$ctx" --destroy
}

# is_held_by MAX LIMIT: what holds the processes of the stock engine, and what vlimit says of it.
is_held_by() {
	[ "$(engine)" = kernel ] || [ "$(cat "$file")" = "$1" ]
	[ "$(hard proc)" -eq "$2" ]
}

@test "limits: contexts that are not there" {
	run -1 vlimit -c "$ctx" --raw
	one_line "vlimit: $ctx: no such context"
	run -1 vlimit -c "$ctx" --proc 5
	one_line "vlimit: $ctx: no such context"
	run -1 vlimit -c "$TAG-none" --raw
	one_line "vlimit: $TAG-none: no such VPS"
	kept --proc 5
	run -1 vlimit -c "$TAG-none" -c "$ctx" --raw
	[[ $output == *"$ctx proc "* ]]
	chcontext --ctx "$ctx" --destroy
}

@test "limits: of a configuration, in force before the first process of the VPS" {
	requires proc-limit memory
	kills_at_hard LIMIT_SWAP=0
	new_vps LIMIT_PROC=40 LIMIT_RSS=24M LIMIT_CPU=60 LIMIT_CPU_WEIGHT=50 S_FLAGS="lock nproc" \
		${no_swap:+"$no_swap"}
	printf '#!/bin/sh\n%s\neat 96M\necho status $? >/root/status\n' "$eat" >"$root/etc/rc"
	run -0 vps-start "$name"
	[ -z "$output" ]
	wait_until has_line "$root/root/status" 'status 137'
	[ "$(hard proc) $(hard rss) $(hard cpu) $(hard cpu-weight)" = "40 $((24 << 20)) 60 50" ]
	run -0 vps status "$name"
	run -1 vps-start "$name"
	one_line "vps-start: $name: already running (context $ctx)"
	[ "$(hard proc)" -eq 40 ]
	run -0 vps-stop "$name"
	# Again, without the limit.
	write_conf "$name" S_CONTEXT="$ctx"
	rm "$root/root/status"
	run -0 vps-start "$name"
	wait_until has_line "$root/root/status" 'status 0'
	[ "$(hard proc) $(hard rss)" = "2048 inf" ]
	run -0 vps-stop "$name"
}

@test "limits: one that cannot be held stops the start, and nothing is left" {
	requires memory-v1
	new_vps LIMIT_PROC=40 LIMIT_RSS=12M:24M
	run -1 vps-start "$name"
	one_line "vps-start: $name: not started: rss: a soft limit needs cgroup v2: v1 has no memory.high"
	no_context "$ctx"
	[ -z "$(groups_of "$ctx")" ]
}

@test "limits: a first process that fails behind the limits leaves nothing" {
	new_vps LIMIT_PROC=40 INIT=/none
	run -1 vps-start "$name"
	one_line "vps-start: $name: not started: /none: *"
	[ -z "$(groups_of "$ctx")" ]
}

@test "limits: vps set changes the configuration, and what runs at once" {
	requires proc-limit
	new_vps LIMIT_PROC=40
	printf '#!/bin/sh\nsleep 1000 &\n' >"$root/etc/rc"
	conf=$VPS_CONFIG_DIR/$name.conf
	run -0 vps set "$name" --proc 50
	[ "$(vps-config --get LIMIT_PROC "$name")" = 50 ]
	run -0 vps-start "$name"
	[ "$(hard proc)" -eq 50 ]
	run -0 vps set "$name" --nproc=60 --cpu 70
	[ -z "$output" ]
	[ "$(hard proc) $(hard cpu)" = "60 70" ]
	[ "$(vps-config --get LIMIT_PROC "$name") $(vps-config --get LIMIT_CPU "$name")" = "60 70" ]
	cp "$conf" "$T/before"
	for words in '--proc 70 --cpu 5:6' '--proc 70 --wiops 0' '--proc 1e3' '--proc 6:5' '--foo 5'; do
		# shellcheck disable=SC2086 # several words
		run vps set "$name" $words
		[ "$status" -ne 0 ]
		one_line "vps-set: $name: *"
		[ "$(hard proc)" -eq 60 ]
		cmp "$conf" "$T/before"
	done
	[[ $output == *"resources are proc, vm, rss"* ]]
	wait_until is_count 2
	run -0 vps set "$name" --proc 1
	one_line "vps-set: $name: context $ctx: proc: * in use, above the limit: *"
	run -0 vps set "$name" --proc 60
	run -0 vps-stop "$name"
	run -0 vps-start "$name"
	[ "$(hard proc)" -eq 60 ]
	run -0 vps-stop "$name"
}

@test "limits: given to vps create" {
	requires proc-limit
	free_ctx
	made=${TAG}made
	run -0 vps create "$made" --ctx "$ctx" --limit nproc=70 --limit=cpu=80
	[ "$(vps-config --get LIMIT_PROC "$made") $(vps-config --get LIMIT_CPU "$made")" = "70 80" ]
	run -0 vps start "$made"
	[ "$(hard proc) $(hard cpu)" = "70 80" ]
	run -0 vps stop "$made"
	run -0 vps destroy --yes "$made"
	for word in cpu=5:6 proc=0 foo=5 rss=1e3; do
		run vps create "$made" --limit "$word"
		[ "$status" -ne 0 ]
		one_line "vps-create: --limit: *"
		[ -z "$(ls -A "$VPS_CONFIG_DIR")" ]
		[ ! -e "$VPS_TREE_DIR/$made" ]
	done
}
