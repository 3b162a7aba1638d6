#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# What only a kernel with the FreeVPS patch does: it knows contexts, and holds them apart and to
# their flags by itself. All else is the same with both engines, and tested by the other files.

load ../lib/system
load ../lib/kill

setup_file() {
	build_static system/limit
	build_static system/net
	build_static system/vserver
}

more_setup() {
	requires kernel-engine
	new_root
	cp "$BUILD/system/limit" "$BUILD/system/vserver" "$root/bin/"
	outside=${contexts%/freevps}/$TAG
	mkdir "$outside"
}

more_teardown() {
	[ -z "${stranger-}" ] || end "$stranger"
	[ ! -d "${outside-}" ] || find "$outside" -depth -type d -exec rmdir {} +
}

vserver() {
	"$BUILD/system/vserver" "$@"
}

# The value of a field of a context, in the kernel's words.
field() {
	sed -n "s/^$2: *//p" "/proc/vservers/$1"
}

# Kilobytes of /proc/meminfo, as it is inside.
meminfo() {
	vps-enter "$ctx" sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" /proc/meminfo
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
	# A period may be over in between.
	same_load() {
		load=$(vps-stat --long -c "$ctx" | sed -n 's/^Load average: *//p')
		[ -n "$load" ] && [ "$load" = "$(field "$ctx" 'Load average')" ] &&
			[ "$load" = "$(vps-enter "$ctx" cut -d' ' -f1-3 /proc/loadavg)" ]
	}
	wait_until same_load
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
	[ "$(field "$ctx" 'Process Limit')" = 2048 ]
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

# ---- what the kernel counts --------------------------------------------------------

# number RESOURCE COLUMN: of what vlimit says of the context.
number() {
	vlimit -c "$ctx" --raw | awk -v r="$1" -v n="$2" '$2 == r { print $n }'
}

used() { number "$1" 3; }
peak() { number "$1" 4; }
hits() { number "$1" 7; }

is_used() {
	[ "$(used "$1")" = "$2" ]
}

has_hits() {
	[ "$(hits "$1")" -gt 0 ]
}

# Runs the small program that takes things, in the context; its words are in $T/took.$1.
takes() {
	file=$T/took.$1
	shift
	vps-enter "$ctx" limit "$@" >"$file" 3>&- &
	wait_until has_line "$file" made
}

# How many of them it got.
got() {
	sed -n 's/^made \([0-9]*\).*/\1/p' "$T/took.$1"
}

# The one that took "$*" ends.
ends() {
	pkill -KILL -fx "limit $*"
}

# A context that stays, with something small in it, and limits.
begin() {
	chcontext --silent --ctx "$ctx" --create
	[ $# -eq 0 ] || vlimit -c "$ctx" "$@"
	hold sleep 1000
}

# Ends all in it; what it had has come back.
finish() {
	vkill -c "$ctx" -s KILL --wait 10
	wait "$holder" || :
	holder=
	for name in proc vm files tcp; do
		wait_until is_used "$name" 0
	done
	chcontext --ctx "$ctx" --destroy
}

# KiB of address space of all processes of the context, as each says itself.
sum_of_spaces() {
	for pid in $(vps-stat --pids -c "$ctx"); do
		sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"
	done | awk '{ n += $1 } END { print n * 1024 }'
}

is_sum_of_spaces() {
	[ "$(used vm)" -eq "$(sum_of_spaces)" ]
}

@test "kernel engine: virtual memory is that of all processes together, to the page" {
	chcontext --silent --ctx "$ctx" --create
	hold sh -c 'sleep 1000 & limit map 1024 100 & exec sleep 1000'
	wait_until has_line "$T/hold.log" made
	wait_until has_processes 3
	wait_until is_sum_of_spaces
	[ "$(used vm)" -gt $((100 << 20)) ]
	before=$(used vm)
	pkill -USR1 -fx 'limit map 1024 100'
	wait_until has_line "$T/hold.log" gone
	[ "$(used vm)" -eq $((before - (100 << 20))) ]
	[ "$(peak vm)" -ge "$before" ]
	finish
}

@test "kernel engine: beyond vm there is no memory to be mapped, and nothing is the host's" {
	begin --vm 64M
	takes first map 1024 1000
	has_line "$T/took.first" '^made [1-6][0-9], else: Cannot allocate memory$'
	has_hits vm
	[ "$(used vm)" -le $((64 << 20)) ]
	[ "$(peak vm)" -le $((64 << 20)) ]
	# Another process gets nothing either, a fork included.
	run ! vps-enter "$ctx" -- sh -c 'dd if=/dev/zero of=/dev/null bs=16M count=1'
	host_takes map 1024 1000
	ends map 1024 1000
	vlimit -c "$ctx" --vm inf
	takes second map 1024 100
	[ "$(got second)" -eq 100 ]
	finish
}

# The same on the host, where nothing holds it: all that is wanted is to be had.
host_takes() {
	"$BUILD/system/limit" "$@" >"$T/took.host" 3>&- &
	stranger=$!
	wait_until has_line "$T/took.host" "^made ${*: -1}\$"
	end "$stranger"
	stranger=
}

@test "kernel engine: open files are counted over all processes, each once" {
	begin
	before=$(used files)
	takes first open 0
	own=$(($(used files) - before))
	ends open 0
	wait_until is_used files "$before"
	takes first open 50
	wait_until is_used files $((before + own + 50))
	takes second open 70
	wait_until is_used files $((before + 2 * own + 120))
	pkill -USR1 -fx 'limit open 50'
	wait_until is_used files $((before + 2 * own + 70))
	ends open 70
	wait_until is_used files $((before + own))
	finish
}

@test "kernel engine: beyond files none is opened, whoever has them, but by the host" {
	begin
	vlimit -c "$ctx" --files $(($(used files) + 100))
	takes first open 60
	[ "$(got first)" -eq 60 ]
	takes second open 61
	has_line "$T/took.second" '^made [0-9]*, else: Too many open files in system$'
	[ "$(got second)" -le 40 ]
	has_hits files
	[ "$(used files)" -le "$(number files 6)" ]
	[ "$(used files)" -ge $(($(number files 6) - 2)) ]
	host_takes open 200
	# What is closed is there for the others.
	pkill -USR1 -fx 'limit open 60'
	wait_until has_line "$T/took.first" gone
	takes third open 50
	[ "$(got third)" -eq 50 ]
	finish
}

@test "kernel engine: a limit of one context is not another's" {
	begin --files 50 --vm 64M --proc 20
	first=$ctx first_holder=$holder
	free_ctx
	begin
	takes first open 200
	takes second map 1024 200
	[ "$(got first) $(got second)" = "200 200" ]
	[ "$(ctx=$first hits files) $(ctx=$first hits vm)" = "0 0" ]
	finish
	ctx=$first holder=$first_holder
	finish
}

@test "kernel engine: a soft limit refuses nothing, and to pass it is a hit" {
	begin --proc 5:500 --files 30:3000 --vm 32M:8G
	[ "$(hits proc) $(hits files) $(hits vm)" = "0 0 0" ]
	run -0 vlimit -c "$ctx" --near 80% --raw
	[ -z "$output" ]
	takes first open 100
	takes second map 1024 100
	vps-enter "$ctx" -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait' 3>&- &
	wait_until has_hits proc
	[ "$(got first) $(got second)" = "100 100" ]
	has_hits files
	has_hits vm
	[ "$(number proc 5) $(number proc 6)" = "5 500" ]
	[ "$(number vm 5) $(number vm 6)" = "$((32 << 20)) $((8 << 30))" ]
	run -0 vlimit -c "$ctx" --near 100% --raw
	for name in proc files vm; do
		[[ $output == *"$ctx $name "* ]]
	done
	run -0 vlimit -c "$ctx" --since-last --raw
	for name in proc files vm; do
		[[ $output == *"$ctx $name "* ]]
	done
	run -0 vlimit -c "$ctx" --since-last --raw
	[ -z "$output" ]
	run -0 vlimit -c "$ctx" --json
	[[ $output =~ \"soft\":\ *5[,[:space:]] ]]
	finish
}

@test "kernel engine: peaks begin anew when asked for" {
	begin
	takes first open 200
	takes second map 1024 200
	ends open 200
	ends map 1024 200
	wait_until is_below files 200
	[ "$(peak files)" -ge 200 ]
	[ "$(peak vm)" -ge $((200 << 20)) ]
	run -0 vlimit -c "$ctx" --reset-peak
	[ "$(peak files) $(peak vm) $(peak proc)" = "- - -" ]
	takes first open 300
	[ "$(peak files)" -ge 300 ]
	[ "$(peak vm)" = - ]
	finish
}

is_below() {
	[ "$(used "$1")" -lt "$2" ]
}

# As vlimit writes it.
told() {
	told=$(field "$ctx" "$1")
	echo "${told/unlimited/inf}"
}

@test "kernel engine: /proc/vservers has the numbers of vlimit" {
	begin --proc 50:60 --vm 100M
	hold_more
	for pair in 'proc=Process Limit=tasks' 'vm=Memory Limit=Used memory' \
		'files=Files limit=Used files' 'tcp=TCP sockets limit=Established sockets'; do
		IFS='=' read -r name limit use <<<"$pair"
		[ "$(told "$limit")" = "$(number "$name" 6)" ]
		[ "$(told "$use")" = "$(used "$name")" ]
	done
	[ "$(told 'Process Limit') $(told 'Memory Limit')" = "60 $((100 << 20))" ]
	[ "$(told tasks)" -ge 3 ]
	[ "$(told 'Used memory')" -gt 0 ]
	[ "$(told 'Used files')" -gt 0 ]
	# And inside, where nobody else's are.
	vps-enter "$ctx" cat /proc/vservers/self >"$T/self"
	has_line "$T/self" '^Process Limit: 60$'
	has_line "$T/self" "^Memory Limit: $((100 << 20))\$"
	run -0 vlimit -c "$ctx" --files 777 --tcp 7
	[ "$(told 'Files limit') $(told 'TCP sockets limit')" = "777 7" ]
	finish
}

@test "kernel engine: inside, the machine is what the VPS may use of it" {
	has_v2_controller memory && has_v2_controller cpu || skip "requires cgroup v2 for memory and cpu"
	begin --rss 64M --cpu 50
	[ "$(meminfo MemTotal)" = 65536 ]
	[ "$(meminfo MemAvailable)" -le 65536 ]
	[ "$(meminfo MemFree)" -gt 0 ]
	[ "$(sed -n 's/^MemTotal:[^0-9]*\([0-9]*\).*/\1/p' /proc/meminfo)" -gt 65536 ]
	run -0 vps-enter "$ctx" grep -c ^processor /proc/cpuinfo
	[ "$output" = 1 ]
	run -0 vps-enter "$ctx" grep -c '^cpu[0-9]' /proc/stat
	[ "$output" = 1 ]
	finish
}

hold_more() {
	takes first open 10
	takes second map 1024 10
}

@test "kernel engine: what is moved in is not refused, and what runs keeps what it has" {
	begin
	takes first open 100
	for name in proc files vm; do
		run -0 vlimit -c "$ctx" "--$name" 4096
		[ "$(number "$name" 6)" = 4096 ]
	done
	run -0 vlimit -c "$ctx" --proc 1 --files 1
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == *"proc: "*" in use, above the limit: none can be started until enough have ended" ]]
	[[ ${lines[1]} == *"files: "*" in use, above the limit: none can be opened until enough are closed" ]]
	[ "$(used files)" -gt 100 ]
	before=$(used proc)
	new_stranger
	move "$stranger" "$contexts/$ctx/enter"
	[ "$(used proc)" -eq $((before + 1)) ]
	end "$stranger"
	stranger=
	vlimit -c "$ctx" --proc inf --files inf --vm inf
	finish
}

@test "kernel engine: a context has its addresses and no others, without any program, too" {
	requires bpf ip
	export T BUILD ctx groups="$contexts"
	run -0 --separate-stderr apart "$outside" '
		inside() { "$BUILD/system/vserver" into "$groups/$ctx/payload" "$BUILD/system/net" "$@"; }
		ip link set lo up
		ip link add near type veth peer name far
		ip addr add 192.0.2.1/24 dev near
		ip link set near up
		ip link set far up
		chcontext --silent --ctx "$ctx" --create
		chbind --silent --ctx "$ctx" --dev near --ip 192.0.2.5/24
		grep "^Addresses assigned" "/proc/vservers/$ctx"
		inside udp4 sendto=192.0.2.1,9 udp4 bind=192.0.2.1,0
		rm /sys/fs/bpf/vps/net[0-9]*-*/*_link
		inside udp4 sendto=192.0.2.1,9 udp4 bind=192.0.2.1,0 udp4 bind=192.0.2.5,0 sendto=192.0.2.1,9
		inside tcp4 bind=0.0.0.0,7000 listen serve >"$T/served" &
		server=$!
		until grep -q serve "$T/served"; do sleep 0.1; done
		"$BUILD/system/net" tcp4 connect=192.0.2.5,7000 tcp4 timeout=500 connect=192.0.2.1,7000
		kill "$server"
		wait "$server" || :
		chbind --silent --ctx "$ctx" --add --dev near --ip 192.0.2.6/24
		inside udp4 bind=192.0.2.6,0
		chbind --silent --ctx "$ctx" --del --ip 192.0.2.6
		inside udp4 bind=192.0.2.6,0
		grep "^Addresses assigned" "/proc/vservers/$ctx"
		vkill -c "$ctx" -s KILL --wait 10 || :
		chcontext --ctx "$ctx" --destroy'
	diff -u - <(echo "$output") <<-END
		Addresses assigned: near 192.0.2.5/24
		udp4 sendto
		udp4 bind:EADDRNOTAVAIL
		udp4 sendto:EPERM
		udp4 bind:EADDRNOTAVAIL
		udp4 bind sendto
		tcp4 connect
		tcp4 connect:ETIMEDOUT
		udp4 bind
		udp4 bind:EADDRNOTAVAIL
		Addresses assigned: near 192.0.2.5/24
	END
}
