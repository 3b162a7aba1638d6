#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# What /proc/vservers/self says inside a VPS, by what others say of the same. That limits are those
# that were set, and what flags there are, is in 130-kernel-engine.bats; its load in 131-inside.bats.

load ../lib/system
load ../lib/net

more_setup() {
	requires kernel-engine ip
	new_root
}

more_teardown() {
	exec 8>&- # whoever is to be asked is not, any more
	finish_all
}

# A shell inside, which reads itself, writes /proc/vservers/self to a file each time that it is asked.
begin_to_ask() {
	mkfifo "$T/ask"
	exec 8<>"$T/ask"
	vps-enter "$ctx" -- sh -c 'while read -r _; do
		while read -r line; do echo "$line"; done </proc/vservers/self >/tmp/self
		: >/tmp/told
	done' <"$T/ask" 3>&- 8>&- &
}

ask() {
	rm -f "$root/tmp/told"
	echo >&8
	wait_until test -e "$root/tmp/told"
}

# self FIELD: what it was told last.
self() {
	sed -n "s/^$1: //p" "$root/tmp/self"
}

# What the host's own /proc has of its processes, in bytes.
spaces() {
	for pid in $(vps-stat --pids -c "$ctx"); do
		sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"
	done | awk '{ sum += $1 } END { print sum * 1024 }'
}

all_fields_agree() {
	ask
	group=$contexts/$ctx
	resident=$(<"$group/memory.current")
	pid=$(vps-stat --pids -c "$ctx" | head -n 1)
	echo "# $(tr '\n' ';' <"$root/tmp/self") $resident $(spaces)" >"$T/fields"
	[ "$(self 'vserver id')" = "$ctx" ] && [ "$(self 'init pid')" = 1 ] &&
		[ "$(self nodename).$(self domainname)" = "$(nsenter -t "$pid" -u \
			sh -c 'echo "$(uname -n).$(cat /proc/sys/kernel/domainname)"')" ] &&
		[ "$(self CapBset)" = "$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")" ] &&
		[ "$(self 'Process Count')" = "$(cat "$group"/*/cgroup.procs | wc -l)" ] &&
		[ "$(self tasks)" = "$(cat "$group"/*/cgroup.threads | wc -l)" ] &&
		[ "$(self 'Used memory')" = "$(spaces)" ] &&
		[ "$(self 'Context RSS limit')" = "$(<"$group/memory.max")" ] &&
		[ $(($(self 'Context RSS') * 100)) -ge $((resident * 95)) ] &&
		[ $(($(self 'Context RSS') * 100)) -le $((resident * 105)) ]
}

@test "self: what the host's own numbers of the VPS are" {
	requires memory-v2
	begin a
	vlimit -c "$ctx" --rss 64M
	vps-enter "$ctx" -- sh -c 'sleep 1000 & sleep 1000 & wait' 3>&- &
	begin_to_ask
	wait_until all_fields_agree || { cat "$T/fields" >&2 && return 1; }
	[ "$(self 'Process Count')" -ge 5 ]
}
