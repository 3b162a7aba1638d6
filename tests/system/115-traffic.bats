#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031,SC2086 # set by run, used by the helpers
# Traffic of contexts in the host's network: what vtraf says is what was on the wire, as seen two
# hops away, where every packet has been cut to what a wire takes.

load ../lib/system
load ../lib/net
load ../lib/traffic

setup_file() {
	build_static system/meter
	build_static system/net
}

more_setup() {
	requires userns bpf ip iperf3
	begin_on_cable
}

more_teardown() {
	finish_all
	remove_far
	remove_cable
}

# The VPS is the server, or the client.
to_a() {
	iperf "$1" "vps-enter $a --" "ip netns exec $far" "${@:2}"
}

from_a() {
	iperf "$1" "ip netns exec $far" "vps-enter $a --" "${@:2}"
}

@test "traffic: equals the wire to the byte, TCP and UDP, both families, in and out, where the host cuts and joins packets" {
	offload on "$dev"
	all_ways compare to_a "$a4" "$a6"
	all_ways compare from_a "$f4" "$f6"
	same_in_proc "$a"
}

@test "traffic: and where it does not" {
	requires leisure
	offload off "$dev"
	all_ways compare to_a "$a4" "$a6"
	all_ways compare from_a "$f4" "$f6"
	same_in_proc "$a"
}

# tell WORDS...: for who reads the log.
tell() {
	printf '# %s\n' "$*" >&3
}

refused() {
	ip netns exec "$far" "$BUILD/system/net" "$1" "connect=$a4,$port" send recv >"$T/refused" || :
	grep -q ECONNREFUSED "$T/refused"
}

pinged() {
	ip netns exec "$far" busybox ping -c 2 "$a4" >/dev/null
}

@test "traffic: what no socket of a VPS sends or gets is not counted: resets, ping, unreachable ports" {
	for what in "refused tcp4" pinged "refused udp4"; do
		observe "$a4 $a6" $what
		tell "$what: counted $in $out, on the wire $(kinds)"
		[ "$in $out" = "0 0" ]
		read_wire plain reset icmp
		[ "$wire_in" -gt 0 ]
		[ "$wire_out" -gt 0 ]
	done
}

large_datagram() {
	on a /net udp4 "connect=$f4,$port" bulk=8000
}

@test "traffic: a datagram in fragments counts once, without the headers of the others" {
	observe "$a4 $a6" large_datagram
	tell "8000 bytes in fragments: counted $in $out, on the wire $(kinds)"
	read_wire plain
	[ "$out" -eq "$wire_out" ]
	[ "$out" -eq 8028 ]
	read_wire fragment
	[ "$wire_out" -eq 100 ]
	same_in_proc "$a"
}

on_port() {
	ip netns exec "$far" ss -Htln | grep -q ":$port "
}

# It connects, and is gone at once: what is left waits for the other end, which takes its time.
ends_first() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		on a /net tcp4 "connect=$f4,$port" >"$T/first"
		! grep : "$T/first" >&2 || return
	done
}

@test "traffic: of connections that the VPS ends first the last two packets are missing" {
	requires leisure
	ip netns exec "$far" busybox nc -ll -p "$port" -e sh -c 'cat; sleep 0.3' >"$T/far" 2>&1 3>&- &
	server=$!
	wait_until on_port
	observe "$a4 $a6" ends_first
	end "$server"
	tell "10 connections that the VPS ended first: counted $in $out, on the wire $(kinds)"
	read_wire wait
	missing_in=$wire_in missing_out=$wire_out
	read_wire plain wait
	[ "$missing_in $missing_out" = "520 520" ]
	[ "$in" -eq $((wire_in - missing_in)) ]
	[ "$out" -eq $((wire_out - missing_out)) ]
}

# It has read enough, where the other never has sent all.
ends_amid() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		on a /net tcp4 "connect=$f4,$port" recv >"$T/amid"
		! grep : "$T/amid" >&2 || return
	done
}

@test "traffic: where the VPS ends what the other still sends, what comes later has no socket" {
	# Much is under way at any time; nothing is lost.
	tc -n "$peer" qdisc add dev eth0 root tbf rate 1mbit burst 3k limit 100m
	ip netns exec "$far" busybox nc -ll -p "$port" -e yes >"$T/far" 2>&1 3>&- &
	server=$!
	wait_until on_port
	compare ends_amid
	end "$server"
	tell "what crossed the end: $(kinds)"
	read_wire wait
	[ "$wire_in" -gt 0 ]
	[ "$wire_out" -gt 0 ]
}

@test "traffic: loopback and addresses of the same machine are not billed, nor what a network of a VPS's own keeps" {
	requires leisure
	begin b "$b4/24"
	serve a tcp4 tag=A "bind=0.0.0.0,$port" listen
	check a <<-END
		tcp4 connect=127.0.0.1,$port read | connect read=A/127.0.0.1/127.0.0.1
		tcp4 connect=$a4,$port read | connect read=A/$a4/$a4
	END
	check b <<-END
		tcp4 connect=$a4,$port read | connect read=A/$a4/$b4
	END
	check host <<-END
		tcp4 connect=$a4,$port read | connect read=A/$a4/$h4
	END
	for who in $a $b; do
		read_count $who
		[ "$in $out" = "0 0" ]
	done
	same_in_proc "$a"
	# A stranger is.
	check peer <<-END
		tcp4 connect=$a4,$port read | connect read=A/$a4/$p4
	END
	read_count "$a"
	[ "$in" -gt 0 ]
	[ "$out" -gt 0 ]
}

# Between two networks in it, over a cable: its own root may make those.
@test "traffic: what a network of a VPS's own keeps is not billed" {
	on a busybox unshare -n sh -c '
		ip link set lo up
		busybox ip link add v0 type veth peer name v1
		busybox ip addr add 10.99.0.1/24 dev v0
		busybox ip link set v0 up
		busybox ip link set v1 up
		/net udp4 connect=10.99.0.2,9 bulk=1000' >"$T/own" 2>&1
	grep -q '^udp4 connect bulk$' "$T/own"
	read_count "$a"
	[ "$in $out" = "0 0" ]
}

# Bytes of class $1 that the context has, in and out.
of_class() {
	vtraf --long --raw -c "$a" | awk -v class="$1" '$4 == class { i = $5; o = $6 } END { print i + 0, o + 0 }'
}

@test "traffic: each class for itself, by the longest prefix, changed while the VPS runs" {
	printf '%s\n' "$f4/32 far # the one" "$g4.0/24 near" "0.0.0.0/0 world" "$f6/128 far" \
		>"$VPS_CONFIG_DIR/traffic-classes"
	vtraf --harvest
	from_a "$f4" -n 1M
	from_a "$f6" -n 1M
	read -r in out <<<"$(of_class far)"
	[ "$out" -gt 100000 ]
	[ "$in" -gt 0 ]
	[ "$(of_class near)$(of_class world)$(of_class other)" = "0 00 00 0" ]
	on a /net udp4 "connect=$p4,$port" bulk=500
	[ "$(of_class world)" = "0 528" ]
	# All of IPv6 is none of IPv4.
	printf '%s\n' "$g4.0/24 near" "::/0 six" >"$VPS_CONFIG_DIR/traffic-classes"
	vtraf --harvest
	on a /net udp4 "connect=$f4,$port" bulk=500
	on a /net udp4 "connect=$p4,$port" bulk=500
	[ "$(of_class near)" = "0 528" ]
	[ "$(of_class other)" = "0 528" ]
	[ "$(of_class far)" = "$in $out" ]
	rm "$VPS_CONFIG_DIR/traffic-classes"
	vtraf --harvest
	on a /net udp4 "connect=$f4,$port" bulk=500
	[ "$(of_class other)" = "0 1056" ]
	# What the context has is the sum.
	read_count "$a"
	[ "$out" -eq $(($(of_class far | cut -d " " -f 2) + 528 + 528 + 1056)) ]
}

@test "traffic: a file of classes with errors changes nothing" {
	requires leisure
	echo "$f4/32 far" >"$VPS_CONFIG_DIR/traffic-classes"
	vtraf --harvest
	printf '%s\n' "$g4.1/24 near" "$g4.0/24 near" "$g4.0/24 other" >"$VPS_CONFIG_DIR/traffic-classes"
	run -1 vtraf --harvest
	[ "${#lines[@]}" -eq 2 ]
	[[ $output == *"traffic-classes:1: "*"bits are set behind the prefix"* ]]
	[[ $output == *"$g4.0/24: is there twice"* ]]
	on a /net udp4 "connect=$f4,$port" bulk=500
	[ "$(of_class far)" = "0 528" ]
	rm "$VPS_CONFIG_DIR/traffic-classes"
	vtraf --harvest
}

@test "traffic: a number that is given again does not inherit, and what has ended stays counted" {
	requires leisure
	from_a "$f4" -n 1M
	read_count "$a"
	before="$in $out"
	[ "$out" -gt 100000 ]
	finish "$a"
	chcontext --silent --ctx "$a" --create
	read_count "$a"
	[ "$in $out" = "0 0" ]
	vtraf --all --raw | grep "^$a " >"$T/all"
	[ "$(wc -l <"$T/all")" -eq 2 ]
	read -r in out <<<"$before"
	awk -v in_before="$in" -v out_before="$out" \
		'$2 >= in_before && $3 >= out_before { ok = 1 } END { exit !ok }' "$T/all"
	chcontext --ctx "$a" --destroy
}
