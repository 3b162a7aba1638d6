#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# Accounts of the kernel engine that no program has counted beside it: made where there was none, or
# left behind by counters that are gone. The kernel keeps them until somebody has noted them down.

load ../lib/system

setup_file() {
	build_static system/net
}

more_setup() {
	requires kernel-engine bpf ip
	free_ctx
	outside=${contexts%/freevps}/$TAG
}

more_teardown() {
	[ ! -d "${outside-}" ] || remove_groups
}

remove_groups() {
	find "$outside" -depth -type d -exec rmdir {} +
}

# live BYTES [CMD...]: a context that sends a datagram, with groups, devices and programs of its own
# that end with it; CMD is run before.
live() {
	[ ! -d "$outside" ] || remove_groups
	mkdir "$outside"
	export T BUILD ctx bytes=$1 last="${*:2}" groups="$contexts"
	apart "$outside" '
		ip link add near type veth peer name far
		ip addr add 192.0.2.1/24 dev near
		ip link set near up
		ip link set far up
		ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev near
		chcontext --silent --ctx "$ctx" --create
		"$BUILD/system/vserver" into "$groups/$ctx/payload" \
			"$BUILD/system/net" udp4 connect=192.0.2.9,9 bulk=$bytes >"$T/sent"
		$last
		chcontext --ctx "$ctx" --destroy' >"$T/live" 2>&1
	grep -qx 'udp4 connect bulk' "$T/sent"
}

# Lines of accounts of the context: what went out.
in_proc() {
	awk -v id="$ctx" '$1 == id { print $3 }' /proc/vservers/traffic
}

in_ledger() {
	vtraf --report=month --raw | awk -v id="$ctx" '$2 == id { out += $5 } END { print out + 0 }'
}

# What has been silent for an hour is forgotten.
an_hour_later() {
	sqlite3 "$VPS_STATE_DIR/traffic.db" 'UPDATE mark SET changed = changed - 3600'
}

is_forgotten() {
	an_hour_later
	vtraf --harvest
	[ -z "$(in_proc)" ]
}

@test "harvest: what the kernel alone has counted is noted down once, and then forgotten" {
	requires sqlite3
	live 1000
	[ "$(in_proc)" = 1028 ]
	vtraf --harvest
	[ "$(in_ledger)" = 1028 ]
	vtraf --harvest
	[ "$(in_ledger)" = 1028 ]
	[ "$(in_proc)" = 1028 ]
	# The number is another's by then, and that one's is left alone.
	live 500
	[ "$(in_proc)" = $'1028\n528' ]
	[ "$(vtraf --all --raw | awk -v id="$ctx" '$1 == id { print $3 }')" = $'1028\n528' ]
	is_forgotten || [ "$(in_proc)" = 528 ]
	[ "$(in_ledger)" = 1556 ]
	wait_until is_forgotten
	[ "$(in_ledger)" = 1556 ]
}

@test "harvest: what programs had counted before they were gone is not noted down again" {
	requires sqlite3
	live 1000 vtraf --harvest
	[ "$(in_ledger)" = 1028 ]
	[ "$(in_proc)" = 1028 ]
	vtraf --harvest
	[ "$(in_ledger)" = 1028 ]
	wait_until is_forgotten
	[ "$(in_ledger)" = 1028 ]
}
