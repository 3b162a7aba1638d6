#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# Network programs of tools whose maps have another layout. They are the whole machine's: the test
# has groups, a network and a bpffs of its own, where there are no other contexts.

load ../lib/system

more_setup() {
	requires userns bpf ip
	alone=${contexts%/freevps}/$TAG
	mkdir "$alone"
}

more_teardown() {
	[ -z "${alone-}" ] || find "$alone" -depth -type d -exec rmdir {} + || :
}

@test "layout: a VPS on a bridge has an account where the programs for sockets wait" {
	free_ctx
	export first=$ctx
	free_ctx
	export second=$ctx
	run -0 --separate-stderr apart "$alone" '
		ip link set lo up
		why=$(vnet check 2>&1) || {  echo "no bridges: ${why##*: }"; exit 0; }
		ip link add br0 type bridge
		ip link set br0 up
		chcontext --silent --ctx "$first" --create
		own=$(echo /sys/fs/bpf/vps/net[0-9]*-*)
		mv "$own" "/sys/fs/bpf/vps/net99-${own##*-}"
		chcontext --silent --ctx "$second" --create
		[ -z "$(vtraf --all --raw -c "$second")" ]
		vnet add --ctx "$second" --bridge br0 --ip 192.0.2.5/24
		vtraf --raw -c "$second"
		vnet del --ctx "$second" || :
		chcontext --ctx "$second" --destroy
		chcontext --ctx "$first" --destroy'
	[[ $output != "no bridges: "* ]] || skip "requires bridged networks: ${output##*: }"
	[ "$output" = "$second 0 0" ] || { echo "$output $stderr" >&2 && false; }
}

@test "layout: programs of another are waited for while there are contexts, and go with the last" {
	free_ctx
	export first=$ctx
	free_ctx
	export second=$ctx
	# The kernel engine counts connections by itself.
	engine=$(engine)
	export engine
	run -0 --separate-stderr apart "$alone" '
		ip link set lo up
		ip link add near type veth peer name far
		create() { chcontext --silent --ctx "$1" --create; }
		refuses() { ! "$@" || echo "not refused: $*"; }
		refuses_tcp() { [ "$engine" = kernel ] || refuses vlimit -c "$1" --tcp 5; }
		create "$first"
		own=$(echo /sys/fs/bpf/vps/net[0-9]*-*)
		other=/sys/fs/bpf/vps/net99-${own##*-}
		mv "$own" "$other"
		# Those that another group had are not of this one.
		mkdir /sys/fs/bpf/vps/net99-1
		create "$second"
		refuses_tcp "$second"
		refuses chbind --ctx "$second" --dev near --ip 192.0.2.5/24
		refuses_tcp "$first"
		[ -e "$other/connect4_link" ]
		[ ! -e "$own" ]
		chcontext --ctx "$second" --destroy
		create "$second"
		[ ! -e "$own" ]
		chcontext --ctx "$second" --destroy
		chcontext --ctx "$first" --destroy
		create "$second"
		[ -e "$own/connect4_link" ]
		[ ! -e "$other" ]
		[ -e /sys/fs/bpf/vps/net99-1 ]
		vlimit -c "$second" --tcp 5
		chbind --silent --ctx "$second" --dev near --ip 192.0.2.5/24
		chbind --list --raw --ctx "$second"
		chcontext --ctx "$second" --destroy
		echo done'
	[ "$output" = "$ctx 192.0.2.5/24 near -"$'\n'done ]
	why="VPSes run that were started by tools of another version: stop all once"
	said="chbind: addresses: $why"
	[ "$engine" = kernel ] || said="vlimit: tcp: $why
$said
vlimit: tcp: $why"
	[ "$stderr" = "$said" ] || { echo "$stderr" >&2 && false; }
}

@test "layout: counters of another are told, and stay; what is there of it is not taken for ours" {
	free_ctx
	export first=$ctx
	run -0 --separate-stderr apart "$alone" '
		ip link set lo up
		export VPS_STATE_DIR=/run/state
		mount -t tmpfs none /run
		mkdir -m 700 /run/state /run/vps
		chcontext --silent --ctx "$first" --create
		own=$(echo /sys/fs/bpf/vps/traffic[0-9]*)
		mkdir /sys/fs/bpf/vps/traffic99
		vtraf --harvest || echo "status $?"
		[ -d /sys/fs/bpf/vps/traffic99 ]
		# Without ours, and in the place of ours.
		mv "$own" /sys/fs/bpf/vps/traffic98
		vtraf --harvest || echo "status $?"
		mv /sys/fs/bpf/vps/traffic98 "$own"
		rmdir /sys/fs/bpf/vps/traffic99
		vtraf --harvest && echo harvested
		mv "$own/traffic_rows" "$own/kept"
		bpftool map create "$own/traffic_rows" type percpu_hash key 16 value 16 entries 9 \
			name rows flags 1
		vtraf --harvest || echo "status $?"
		chcontext --silent --create || echo "status $?"
		rm "$own/traffic_rows"
		mv "$own/kept" "$own/traffic_rows"
		vtraf --harvest && echo harvested
		chcontext --ctx "$first" --destroy' || { echo "$output $stderr" >&2 && false; }
	[ "$(grep -c "^harvested" <<<"$output")" -eq 2 ]
	[ "$(grep -c "^status 1$" <<<"$output")" -eq 3 ]
	[ "$(grep -c "^status 125$" <<<"$output")" -eq 1 ]
	grep -x "vtraf: /sys/fs/bpf/vps/traffic99: counted by another version of the tools, and not harvested" <<<"$stderr"
	[ "$(grep -c "was counted by another version of the tools: harvest with those" <<<"$stderr")" -eq 2 ]
	grep "another version of the tools counts traffic: stop all once" <<<"$stderr"
}

@test "layout: a number that a context out of sight has is not given out, nor taken from it" {
	requires kernel-engine
	run -0 chcontext --create
	export ctx=${output##* }
	# Who sees no context would take the first.
	run -0 --separate-stderr apart "$alone" '
		mount -t tmpfs none /run
		mkdir -m 700 /run/vps
		chcontext --silent --ctx "$ctx" --create 2>/dev/null && exit 1
		other=$(chcontext --create)
		echo "${other##* }"
		chcontext --ctx "${other##* }" --destroy' || { echo "$output $stderr" >&2 && false; }
	[ "$output" -gt "$ctx" ]
	[ -e "/proc/vservers/$ctx" ]
	run -0 chcontext --ctx "$ctx" --destroy
}
