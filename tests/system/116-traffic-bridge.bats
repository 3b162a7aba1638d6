#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031,SC2086 # set by run, used by the helpers
# Traffic of VPSes on a bridge: counted at the host's end of their devices, it is all that passes
# there. Behind another port of the bridge every packet has been cut to what a wire takes.

load ../lib/system
load ../lib/net
load ../lib/traffic

setup_file() {
	build_static system/meter
	build_static system/net
}

more_setup() {
	requires userns bpf ip iperf3
	why=$(vnet check 2>&1) || skip "requires bridged networks: ${why##*: }"
	bridge=b$TAG far=f$TAG net=bridge port=$((20000 + RANDOM % 10000))
	n4=10.$((RANDOM % 200 + 20)).$((RANDOM % 250)) n6=fd78:$((RANDOM % 9999)):$((RANDOM % 9999)):
	a4=$n4.5 a6=$n6:5 f4=$n4.2 f6=$n6:2 h4=$n4.1
	ip link add "$bridge" type bridge mcast_snooping 0
	ip link set "$bridge" up
	ip addr add "$h4/24" dev "$bridge"
	ip netns add "$far"
	ip link add "p$TAG" type veth peer name eth0 netns "$far"
	offload off "p$TAG"
	ip netns exec "$far" "$BUILD/system/meter" offload eth0 off
	# What the bridge itself and its port have to say is none of anybody's.
	for device in "p$TAG" "$bridge"; do
		echo 1 >"/proc/sys/net/ipv6/conf/$device/disable_ipv6"
	done
	ip link set "p$TAG" master "$bridge" up
	ip -n "$far" -batch - <<-END
		addr add $f4/24 dev eth0
		addr add $f6/64 dev eth0 nodad
		link set lo up
		link set eth0 up
	END
	new_root
	copy_program "$(command -v iperf3)"
	cp "$BUILD/system/net" "$root/net"
	chcontext --silent --ctx "$ctx" --create
	vnet add --ctx "$ctx" --bridge "$bridge" --ip "$a4/24" --ip "$a6/64"
	a=$ctx
	hold sleep 1000
	wait_until is_in_state "$a" running
	mac=$(printf '02:76:70:73:%02x:%02x' $((a >> 8)) $((a & 255)))
	silence inside "$f4" "$f6" "$(ip -n "$far" -j link show eth0 | sed 's/.*"address":"\([^"]*\)".*/\1/')"
	silence "ip netns exec $far" "$a4" "$a6" "$mac"
	wait_until reaches_vps
	wait_until is_silent
}

more_teardown() {
	[ -z "${a-}" ] || [ ! -d "$contexts/$a" ] || finish "$a"
	[ -z "${far-}" ] || ip netns del "$far" 2>/dev/null || :
	[ -z "${bridge-}" ] || ip link del "$bridge" 2>/dev/null || :
	vnet sweep >/dev/null
}

# silence WHERE ADDRESS4 ADDRESS6 MAC: it knows its neighbour and asks for no router.
silence() {
	$1 sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/router_solicitations
		echo 1 >/proc/sys/net/ipv6/conf/eth0/mldv2_unsolicited_report_interval'
	$1 ip neigh replace "$2" lladdr "$4" dev eth0 nud permanent
	$1 ip neigh replace "$3" lladdr "$4" dev eth0 nud permanent
}

# Has nobody said anything of himself for as long as reports of listeners may take?
is_silent() {
	read_count "$a"
	before="$in $out"
	sleep 1.2
	read_count "$a"
	[ "$in $out" = "$before" ]
}

reaches_vps() {
	ip netns exec "$far" busybox ping -c 1 -W 1 "$a4" >/dev/null &&
		ip netns exec "$far" busybox ping -c 1 -W 1 "$a6" >/dev/null
}

# inside CMD...: by the host's own hand, in its network.
inside() {
	nsenter -t "$(vps-stat --pids -c "$a" | head -n 1)" -n "$@"
}

to_vps() {
	iperf "$1" "vps-enter $a --" "ip netns exec $far" "${@:2}"
}

from_vps() {
	iperf "$1" "ip netns exec $far" "vps-enter $a --" "${@:2}"
}

is_quiet() {
	[ -z "$(ip netns exec "$far" ss -Htan state connected exclude time-wait)" ] &&
		[ -z "$(inside ss -Htan state connected exclude time-wait)" ]
}

every='plain wait reset icmp fragment other'

# same CMD...: whatever it sends and gets, of every kind, is counted as it is on the wire.
same() {
	observe "$mac" "$@" || return
	echo "counted $in $out, on the wire $(kinds)"
	read_wire $every
	[ "$in $out" = "$wire_in $wire_out" ]
}

@test "traffic, bridge: equals the wire to the byte where the VPS's device cuts and joins packets" {
	all_ways same to_vps "$a4" "$a6"
	all_ways same from_vps "$f4" "$f6"
}

@test "traffic, bridge: and where it does not" {
	requires leisure
	inside "$BUILD/system/meter" offload eth0 off
	offload off "vps$a"
	all_ways same to_vps "$a4" "$a6"
	all_ways same from_vps "$f4" "$f6"
}

mixture() {
	# Nobody is there: resets and unreachable ports.
	ip netns exec "$far" "$BUILD/system/net" tcp4 "connect=$a4,$port" udp4 "connect=$a4,$port" \
		send recv >"$T/refused" || :
	[ "$(grep -c ECONNREFUSED "$T/refused")" -eq 2 ]
	reaches_vps
	vps-enter "$a" -- /net udp4 "connect=$f4,$port" bulk=8000
}

@test "traffic, bridge: resets, ping, unreachable ports and fragments are counted too" {
	same mixture
	read_wire reset
	[ "$wire_out" -gt 0 ]
	read_wire icmp
	[ "$wire_in" -gt 0 ]
	[ "$wire_out" -gt 0 ]
	read_wire fragment
	[ "$wire_out" -gt 0 ]
}

# A datagram of nothing in the shortest frame that a card sends.
send_padded() {
	ip netns exec "$far" perl -e '
		my ($index, $to, $from, $target) = @ARGV;
		my $mac = pack "C6", map { hex } split /:/, $to;
		my $ip = pack "CCnnnCCna4a4", 0x45, 0, 28, 0, 0, 64, 17, 0,
			map { pack "C4", split /\./ } $from, $target;
		my $sum = 0;
		$sum += $_ for unpack "n*", $ip;
		$sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
		substr($ip, 10, 2) = pack "n", ~$sum & 0xffff;
		my $frame = $mac . pack("C6n", 2, 0, 0, 0, 0, 9, 0x800) . $ip . pack("nnnn", 9, 9, 8, 0);
		socket my $socket, 17, 3, 0 or die "socket: $!";
		send $socket, $frame . "\0" x (60 - length $frame), 0,
			pack("SnlSCCa8", 17, 0x800, $index, 0, 0, 6, $mac) or die "send: $!";
	' "$(ip netns exec "$far" cat /sys/class/net/eth0/ifindex)" "$mac" "$f4" "$a4"
}

has_come() {
	read_count "$a"
	[ "$in" -gt "$1" ]
}

@test "traffic, bridge: what fills the shortest frames is not counted" {
	# Filters of bridged packets, where there are any, cut off what fills them.
	filters=/proc/sys/net/bridge/bridge-nf-call-iptables was=0
	[ ! -e $filters ] || { was=$(cat $filters) && echo 0 >$filters; }
	read_count "$a"
	before=$in
	send_padded
	wait_until has_come "$before" || :
	[ ! -e $filters ] || echo "$was" >$filters
	[ $((in - before)) -eq 28 ]
}

@test "traffic, bridge: what is for others is not counted, nor what the guard drops" {
	requires leisure
	# A bridge that has forgotten where everybody is sends to all.
	ip link set "$bridge" type bridge ageing_time 0
	inside ip addr add "$n4.77/24" dev eth0
	same ip netns exec "$far" busybox ping -c 3 "$h4"
	same ip netns exec "$far" "$BUILD/system/net" udp4 broadcast "connect=$n4.255,$port" bulk=1000
	[ "$in" -eq 0 ]
	run -1 same inside busybox ping -c 1 -W 1 -I "$n4.77" "$f4"
	[ "$out" -eq 0 ]
}

# Packets that do not find room in the queue of a rate are counted, and gone.
@test "traffic, bridge: what a rate holds back is counted once" {
	vnet set --ctx "$a" --rate-max 20M
	same to_vps "$a4" -n 1M
	observe "$mac" from_vps "$f4" -n 1M
	read_wire $every
	[ "$in" -eq "$wire_in" ]
	[ "$out" -ge "$wire_out" ]
	[ "$out" -lt $((wire_out + wire_out / 4)) ]
}
