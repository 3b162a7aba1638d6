#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# What common programs say of the machine inside a VPS that has limits: the kernel engine alone shows
# it; see also 127-top.bats for what the stock engine tells the host.

load ../lib/system
load ../lib/net

more_setup() {
	requires kernel-engine memory-v2 cpu
	new_root
}

more_teardown() {
	[ -z "${cpuset_of-}" ] || give_back_cpuset
}

# begin LIMIT...: a context that stays, with these limits, and programs $programs in a directory of
# their own: busybox runs its own of a name first.
begin() {
	mkdir "$root/programs"
	for program in $programs; do
		path=$(command -v "$program") || skip "requires $program"
		copy_program "$path"
		cp "$path" "$root/programs/"
	done
	chcontext --silent --ctx "$ctx" --create
	vlimit -c "$ctx" "$@"
	begun=$(date +%s)
	hold sleep 1000
}

finish() {
	vkill -c "$ctx" -s KILL --wait 10
	wait "$holder" || :
	holder=
	chcontext --ctx "$ctx" --destroy
}

# What program $1 says inside.
says() {
	vps-enter "$ctx" -- env TERM=dumb TZ=UTC LC_ALL=C "/programs/$1" "${@:2}"
}

# Seconds since 1970 when that began which $@ prints the uptime of.
since() {
	date -u -d "$("$@" uptime -s)" +%s
}

@test "inside: free, uptime and top tell of the VPS" {
	[ -e /lib/terminfo/d/dumb ] || skip "requires terminfo"
	mkdir -p "$root/lib/terminfo/d"
	cp /lib/terminfo/d/dumb "$root/lib/terminfo/d/"
	programs="free uptime top"
	begin --rss 64M --cpu 50
	says free -b >"$T/free"
	awk '/^Mem:/ { ok = $2 == 64 * 1048576 && $3 > 0 && $3 + $4 <= $2 && $7 <= $2 } END { exit !ok }' \
		"$T/free"
	[ "$(since says)" -ge $((begun - 1)) ]
	[ "$(since env TZ=UTC LC_ALL=C)" -lt $((begun - 1)) ]
	says top -b -n 1 -1 >"$T/top"
	has_line "$T/top" '^MiB Mem : *64\.0 total'
	# The first, and top itself.
	has_line "$T/top" '^Tasks: *2 total'
	[ "$(grep -o '%Cpu[0-9]*' "$T/top")" = %Cpu0 ]
	[ "$(grep -c '^ *[0-9][0-9]* ' "$T/top")" -eq 2 ]
	finish
}

# ---- processors ----------------------------------------------------------------------

# Gives groups below that of contexts a set of processors, where they have none.
take_cpuset() {
	for group in "${contexts%/freevps}" "$contexts"; do
		grep -qw cpuset "$group/cgroup.subtree_control" && continue
		cpuset_of="$group ${cpuset_of-}"
		echo +cpuset >"$group/cgroup.subtree_control"
	done
}

give_back_cpuset() {
	for group in $cpuset_of; do
		echo -cpuset >"$group/cgroup.subtree_control"
	done
	cpuset_of=
}

@test "inside: nproc tells the processors of its group, and a limit on time changes nothing there" {
	has_v2_controller cpuset || skip "requires the cpuset controller on cgroup v2"
	[ "$(nproc)" -gt 1 ] || skip "requires two processors"
	programs=nproc
	begin --cpu 50
	[ "$(says nproc)" = "$(nproc)" ]
	[ "$(vps-enter "$ctx" grep -c ^processor /proc/cpuinfo)" = 1 ]
	vlimit -c "$ctx" --cpu inf
	[ "$(vps-enter "$ctx" grep -c ^processor /proc/cpuinfo)" = "$(nproc)" ]
	take_cpuset
	echo 0 >"$contexts/$ctx/cpuset.cpus"
	[ "$(says nproc)" = 1 ]
	[ "$(vps-enter "$ctx" grep -c ^processor /proc/cpuinfo)" = 1 ]
	finish
	give_back_cpuset
}

# ---- memory --------------------------------------------------------------------------

# Kilobytes resident of the process that has most of them.
largest() {
	for pid in $(vps-stat --pids -c "$ctx"); do
		sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null || :
	done | sort -n | tail -n 1
}

@test "inside: who takes 80 percent of the memory takes them of the VPS's, and is not killed" {
	programs="stress-ng"
	limit=$((128 << 10)) # kilobytes
	begin --rss "${limit}K" --swap 0
	says stress-ng --temp-path /tmp --vm 1 --vm-bytes 80% --vm-keep --timeout 10 >"$T/stress" 2>&1 3>&- &
	stress=$!
	most=0
	while ! is_gone "$stress"; do
		now=$(largest)
		[ "${now:-0}" -le "$most" ] || most=$now
		sleep 0.2
	done
	wait "$stress"
	cat "$T/stress"
	echo "# $most KiB of $limit, $(head -n 1 /proc/meminfo) on the host" >&2
	grep -q 'successful run completed' "$T/stress"
	grep -qx 'oom_kill 0' "$contexts/$ctx/memory.events"
	[ $((most * 100)) -ge $((limit * 80)) ]
	[ $((most * 100)) -le $((limit * 90)) ]
	finish
}

# ---- load ----------------------------------------------------------------------------

# What the host has of it, "1 5 15".
load_of() {
	sed -n 's/^Load average: *//p' "/proc/vservers/$ctx"
}

has_other_load() {
	load=$(load_of)
	[ "$load" != "$before" ]
}

# follows TASKS PERIODS: each average of $load is what the kernel's formula makes of so many tasks
# that were busy for so many periods, within 5 percent and what is cut off by two digits.
follows() {
	awk -v tasks="$1" -v periods="$2" '{
		split("1884 2014 2037", kept)	# of 2048: what is left after 5 seconds
		for (i = 1; i <= 3; i++) {
			wanted = tasks * (1 - (kept[i] / 2048) ^ periods)
			apart = $i - wanted
			if (apart < 0)
				apart = -apart
			if (apart > wanted * 0.05 + 0.005)
				exit 1
		}
	}' <<<"$load"
}

# goes_on TASKS: it does, after the next period, or after one more where the machine was late.
goes_on() {
	for late in 1 2 3; do
		! follows "$1" $((periods + late)) || break
	done
	periods=$((periods + late))
	echo "# $periods periods of $1 busy: $load" >&2
	follows "$1" "$periods"
}

# A period may be over in between.
all_say_the_same() {
	load=$(load_of)
	[ "$load" = "$(vps-stat --long -c "$ctx" | sed -n 's/^Load average: *//p')" ] &&
		[ "$load" = "$(vps-enter "$ctx" cut -d ' ' -f 1-3 /proc/loadavg)" ] &&
		[ "$(says uptime | sed 's/.*load average: //; s/,//g')" = "$load" ] &&
		[ "$load" = "$(load_of)" ]
}

@test "inside: the load follows what is busy, and is the one that the host reads" {
	programs=uptime
	begin --cpu 50
	[ "$(load_of)" = "0.00 0.00 0.00" ]
	# Entered once, since who enters is busy, too.
	vps-enter "$ctx" -- sh -c 'for i in 1 2 3; do (while :; do :; done) & done; wait' 3>&- &
	periods=0 began=$SECONDS
	while [ "$periods" -lt 6 ]; do
		before=$(load_of)
		wait_until has_other_load
		goes_on 3
	done
	# A period is 5 seconds, the first is under way, and to look takes some.
	[ $((SECONDS - began)) -ge $((5 * (periods - 1))) ]
	[ $((SECONDS - began)) -le $((5 * (periods + 1))) ]
	wait_until all_say_the_same
	[ "${load%% *}" != 0.00 ]
	finish
}
