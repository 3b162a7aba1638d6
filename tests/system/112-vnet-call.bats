#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# Devices of a VPS's own network by vserver(2) alone; what vnet gives is in 110-vnet.bats.

load ../lib/system
load ../lib/net
load ../lib/rates

# Where time is short machines that are emulated run beside each other, and wait for their turn
# longer than what may be sent at once lasts.
[ "${VPS_TEST_ROUNDS:-16}" -gt 2 ] || least=80

setup_file() {
	build_static system/vserver
}

more_setup() {
	requires kernel-engine ip iperf3
	new_root
	copy_program "$(command -v iperf3)"
	# Whoever makes the devices has the other end of them.
	other=o$TAG
	ip netns add "$other"
	net=none
	hold sleep 1000
}

more_teardown() {
	[ -z "${server-}" ] || end "$server"
	[ -z "${other-}" ] || ip netns del "$other"
}

there() {
	ip netns exec "$other" "$@"
}

vserver() {
	there "$BUILD/system/vserver" "$@"
}

inside_net() {
	nsenter -t "$(vps-stat --pids -c "$ctx" | head -n 1)" -n "$@"
}

listens() {
	there ss -Hltn | grep -q ':5201 '
}

# measure [-R]: kilobits a second that arrived, into $kbits.
measure() {
	kbits=$(vps-enter "$ctx" -- iperf3 -c 10.99.0.1 -t 5 -f k "$@" |
		awk '/receiver/ { print int($7) }')
	echo "# measured: $kbits kbit/s" >&2
}

@test "vnet by the call: a device is made, told, held to its rate in each direction, and destroyed" {
	number=$(vserver device "$ctx" eth0 port0)
	vserver devices "$ctx" >"$T/devices"
	has_line "$T/devices" "^$number eth0\$"
	there ip addr add 10.99.0.1/24 dev port0
	there ip link set port0 up
	inside_net ip addr add 10.99.0.2/24 dev eth0
	inside_net ip link set eth0 up
	ip netns exec "$other" iperf3 -s >"$T/server" 2>&1 3>&- &
	server=$!
	wait_until listens
	[ "$(vserver rate "$ctx" "$number" 5000000)" = 5000000 ]
	has_rate 5000 measure
	has_rate 5000 measure -R
	[ "$(vserver rate "$ctx" "$number" 10000000)" = 10000000 ]
	has_rate 10000 measure
	vserver destroy "$ctx" "$number"
	run ! there ip link show port0
	vserver devices "$ctx" >"$T/devices"
	run ! grep -q eth0 "$T/devices"
	release TERM
}
