#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # set by run
# There may be other contexts on this host: what a test's own add is what is looked at.

load ../lib/system

# of RESOURCE COLUMN, of the last output: resource unit used promised most without host ...
of() {
	printf '%s\n' "${lines[@]}" | awk -v name="$1" -v n="$2" '$1 == name { print $n }'
}

look() {
	run -0 vps-capacity --raw
}

@test "capacity: limits are summed up, and contexts without one counted" {
	requires proc-limit
	look
	promised=$(of proc 4) without=$(of proc 6)
	free_ctx
	chcontext --silent --create --ctx "$ctx"
	vlimit -c "$ctx" --proc 100
	first=$ctx
	free_ctx
	chcontext --silent --create --ctx "$ctx"
	vlimit -c "$ctx" --proc inf
	look
	[ "$(of proc 4)" -eq $((promised + 100)) ]
	[ "$(of proc 5)" -ge "$(of proc 4)" ]
	[ "$(of proc 6)" -eq $((without + 1)) ]
	chcontext --ctx "$ctx" --destroy
	chcontext --ctx "$first" --destroy
}

@test "capacity: what is promised of memory is the soft limit" {
	requires memory-v2
	look
	promised=$(of rss 4) most=$(of rss 5)
	free_ctx
	chcontext --silent --create --ctx "$ctx"
	vlimit -c "$ctx" --rss 32M:64M
	look
	[ "$(of rss 4)" -eq $((promised + (32 << 20))) ]
	[ "$(of rss 5)" -eq $((most + (64 << 20))) ]
	chcontext --ctx "$ctx" --destroy
}

@test "capacity: the host's are memory, CPUs and the disk of the trees" {
	requires memory cpu
	look
	while read -r word kib _; do
		[ "$word" != MemTotal: ] || [ "$(of rss 7)" -eq $((kib * 1024)) ]
	done </proc/meminfo
	[ "$(of cpu 7)" -eq $((100 * $(getconf _NPROCESSORS_ONLN))) ]
	read -r blocks size <<<"$(stat -fc '%b %S' "$T")"
	disk=$(of disk 7)
	[ -z "$disk" ] || [ "$disk" -eq $((blocks * size)) ]
}

@test "capacity: CPU is what is used while it looks" {
	requires cpu
	new_root
	chcontext --silent --create --ctx "$ctx"
	vlimit -c "$ctx" --cpu 20
	look
	before=$(of cpu 3)
	hold sh -c 'while :; do :; done'
	look
	used=$(of cpu 3)
	# Others use some meanwhile; of a machine that is busy it gets less than its limit.
	[ "$used" -ge 1 ]
	[ "$used" -le $((before + 100)) ]
	[ "$(of cpu 4)" -ge 20 ]
	release TERM
	chcontext --ctx "$ctx" --destroy
}
