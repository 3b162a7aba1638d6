#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# VPSes on a bridge of the host. Each test has a bridge of its own, and on it another machine: a
# network namespace.

load ../lib/system
load ../lib/rates
load ../lib/net

setup_file() {
	build_static system/frames
}

more_setup() {
	requires userns bpf ip
	why=$(vnet check 2>&1) || skip "requires bridged networks: ${why##*: }"
	bridge=b$TAG other=$TAG net=bridge contexts_begun='' servers=''
	net4=10.$((RANDOM % 200 + 20)).$((RANDOM % 250)) net6=fd77:$((RANDOM % 9999)):$((RANDOM % 9999)):
	ip link add "$bridge" type bridge
	ip link set "$bridge" up
	ip addr add "$net4.1/24" dev "$bridge"
	ip addr add "$net6:1/64" dev "$bridge" nodad
	index=$(<"/sys/class/net/$bridge/ifindex")
	ip netns add "$other"
	ip link add "p$TAG" type veth peer name eth0 netns "$other"
	ip link set "p$TAG" master "$bridge" up
	ip -n "$other" link set lo up
	ip -n "$other" link set eth0 up
	ip -n "$other" addr add "$net4.2/24" dev eth0
	ip -n "$other" addr add "$net6:2/64" dev eth0 nodad
}

more_teardown() {
	for pid in $servers; do
		end "$pid"
	done
	for id in ${contexts_begun-}; do
		finish "$id"
	done
	[ -z "${other-}" ] || ip netns del "$other" 2>/dev/null || :
	[ -z "${bridge-}" ] || ip link del "$bridge" 2>/dev/null || :
	vnet sweep >/dev/null
}

finish() {
	[ -d "$contexts/$1" ] || return 0
	vkill -c "$1" -s KILL --wait 10 2>/dev/null || :
	chcontext --ctx "$1" --destroy
}

# A command on the other machine.
there() {
	ip netns exec "$other" "$@"
}

# give N [OPTION]...: a context with address N that runs nothing yet; sets $ctx and $root.
give() {
	new_root "$TAG$1"
	chcontext --ctx "$ctx" --create >/dev/null
	contexts_begun="$contexts_begun $ctx"
	vnet add --ctx "$ctx" --bridge "$bridge" --ip "$net4.$1/24" --ip "$net6:$1/64" "${@:2}"
}

begin() {
	give "$@"
	hold_first
}

# A context made by hand is running as soon as something is in it: here the command has begun.
hold_first() {
	hold sleep 1000
	wait_until has_begun
}

has_begun() {
	grep -qs sleep "/proc/$(head -n 1 "$contexts/$ctx/payload/cgroup.procs")/comm"
}

mac_of() {
	printf '02:76:70:73:%02x:%02x' $(($1 >> 8)) $(($1 & 255))
}

answers() {
	"${@:2}" busybox ping -c 1 -W 1 "$1" >/dev/null
}

# get ADDRESS CMD...: the front page of its web server.
get() {
	printf 'GET / HTTP/1.0\r\n\r\n' | "${@:2}" nc -w 5 "$1" 80
}

# A program of the host in the tree of the context.
bring() {
	path=$(command -v "$1")
	copy_program "$path"
	# There it may be a link to busybox, which absolute is the host's.
	cp --remove-destination "$path" "$root/bin/"
}

# What the kernel has of context $1, and of the rates of the bridge.
traces() {
	for path in "/sys/class/net/vps$1" "/sys/class/net/vpsi$1" "/sys/class/net/vpsu$index" \
		"/sys/class/net/vpsd$index"; do
		[ ! -e "$path" ] || echo "$path"
	done
	! command -v bpftool >/dev/null ||
		bpftool map dump pinned /sys/fs/bpf/vps/vnet2/ports 2>/dev/null | grep -w "\"context\": $1" || :
}

no_traces() {
	left=$(traces "$1")
	[ -z "$left" ] || { echo "left of context $1: $left" >&2 && return 1; }
}

# ---- what there is ---------------------------------------------------------------------

@test "vnet: the first process has device, addresses and routes from the beginning" {
	give 5 --mtu 1400
	run -0 inside sh -c 'ip addr; ip route; ip -6 route; cat /sys/class/net/*/address; ls /sys/class/net'
	[[ $output == *"eth0"*"mtu 1400"* ]]
	[[ $output == *"inet $net4.5/24"* ]]
	[[ $output == *"$net6:5/64"* ]]
	[[ $output == *"default via $net4.1 "* ]]
	[[ $output == *"default via $net6:1 "* ]]
	[[ $output == *"$(mac_of "$ctx")"* ]]
	[ "${lines[-2]} ${lines[-1]}" = "eth0 lo" ]
	# And again in the same context, whose device went with the process.
	run -0 inside ip addr
	[[ $output == *"inet $net4.5/24"* ]]
}

@test "vnet: reached by name of both families from another machine, and from another VPS" {
	begin 5
	mkdir "$root/www"
	echo hello >"$root/www/index.html"
	vps-enter "$ctx" httpd -p 80 -h /www
	for address in "$net4.5" "$net6:5"; do
		run -0 get "$address" there busybox
		[ "${lines[-1]}" = hello ]
	done
	first=$ctx first_holder=$holder
	begin 6
	run -0 get "$net4.5" vps-enter "$ctx"
	[ "${lines[-1]}" = hello ]
	answers "$net4.2" vps-enter "$ctx"
	answers "$net6:2" vps-enter "$ctx"
	# The bridge keeps its own MTU, whatever a VPS has.
	[ "$(<"/sys/class/net/$bridge/mtu")" -eq 1500 ]
}

@test "vnet: nginx and ping(8), of both families" {
	requires nginx curl ping
	begin 5
	bring nginx
	bring ping
	mkdir -p "$root"/{srv,etc/nginx,var/lib/nginx}
	echo "nginx on a bridge" >"$root/srv/index.html"
	cat >"$root/etc/nginx/nginx.conf" <<-END
		user root root;
		pid /tmp/nginx.pid;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path /tmp/nginx.body;
			server {
				listen 80;
				listen [::]:80;
				root /srv;
			}
		}
	END
	vps-enter "$ctx" nginx -e stderr -c /etc/nginx/nginx.conf
	for address in "$net4.5" "[$net6:5]"; do
		run -0 there curl -sg --max-time 10 "http://$address/"
		[ "$output" = "nginx on a bridge" ]
		run -0 curl -sg --max-time 10 "http://$address/"
		[ "$output" = "nginx on a bridge" ]
	done
	for address in "$net4.2" "$net6:2" 127.0.0.1 ::1; do
		run -0 vps-enter "$ctx" ping -n -c 1 -W 5 "$address"
		[[ $output == *"64 bytes from $address: "* ]]
	done
	for address in "$net4.5" "$net6:5"; do
		run -0 there ping -n -c 1 -W 5 "$address"
	done
}

@test "vnet: a gateway that was asked for, and none where there is none" {
	give 5 --gateway "$net4.9"
	run -0 inside ip route
	[[ $output == *"default via $net4.9 "* ]]
	ip addr flush dev "$bridge"
	new_root more
	chcontext --ctx "$ctx" --create >/dev/null
	contexts_begun="$contexts_begun $ctx"
	vnet add --ctx "$ctx" --bridge "$bridge" --ip "$net4.7/24" --gateway fe80::1
	run -0 inside sh -c 'ip route; ip -6 route'
	[[ $output != *"default via $net4"* ]]
	[[ $output == *"default via fe80::1 "* ]]
}

@test "vnet: without a bridge there is nothing but a loopback, and no device is refused by name" {
	new_root
	net=none
	run -0 inside ls /sys/class/net
	[ "$output" = lo ]
	net=bridge
	run -125 inside true
	[[ $output == *"the context has no device on a bridge; vnet add gives it one" ]]
}

@test "vnet: a context that runs in a network of its own gets a device at once, and loses it" {
	new_root
	net=none
	hold_first
	contexts_begun=$ctx
	vnet add --ctx "$ctx" --bridge "$bridge" --ip "$net4.5/24"
	answers "$net4.5" there
	run -1 vnet add --ctx "$ctx" --bridge "$bridge" --ip "$net4.6/24"
	[ "$output" = "vnet: $bridge: the context has a device on a bridge already" ]
	vnet del --ctx "$ctx"
	no_traces "$ctx"
	run -0 vps-enter "$ctx" ls /sys/class/net
	[ "$output" = lo ]
	run -1 vnet del --ctx "$ctx"
	[ "$output" = "vnet: context $ctx: the context has no device on a bridge; vnet add gives it one" ]
}

@test "vnet: list tells what was given" {
	begin 5 --rate-max 5M
	run -0 vnet list --ctx "$ctx" --raw
	[ "$output" = "$ctx vps$ctx $bridge $(mac_of "$ctx") 1500 - 5000000 $net4.5/24,$net6:5/64 -" ]
	run -0 vnet list --ctx "$ctx" --json
	[[ $output == *'"rate_max": 5000000'* ]]
}

# ---- what it may send --------------------------------------------------------------------

@test "vnet: sends from its own addresses and as nobody else" {
	begin 5
	cp "$BUILD/system/frames" "$root/frames"
	ip netns exec "$other" "$BUILD/system/frames" watch eth0 2 >"$T/seen" 3>&- &
	servers=$!
	wait_until has_line "$T/seen" ready
	run -0 vps-enter "$ctx" /frames send eth0 "$(mac_of "$ctx")" "$net4.5" "$net6:5" "$net4.2" \
		"$net6:2"
	wait_until has_line "$T/seen" end
	servers=
	run -0 grep -c '^good-' "$T/seen"
	[ "$output" = "$(grep -c 'send_.*"good-' "$SRC/tests/system/frames.c")" ]
	run -1 grep '^bad-' "$T/seen"
}

# In $root, apart from busybox's programs of the same names.
bring_tools() {
	mkdir -p "$root/tools"
	for tool in ip tc; do
		copy_program "$(command -v $tool)"
		cp "$(command -v $tool)" "$root/tools/"
	done
	cp "$BUILD/system/frames" "$root/frames"
}

# look DEVICE: into $T/seen the names of the frames sent by it that come to the other machine.
look() {
	ip netns exec "$other" "$BUILD/system/frames" watch eth0 2 >"$T/seen" 3>&- &
	servers=$!
	wait_until has_line "$T/seen" ready
	vps-enter "$name" /frames send "$1" "$(mac_of "$ctx")" "$net4.5" "$net6:5" "$net4.2" "$net6:2"
	wait_until has_line "$T/seen" end
	servers=
}

# What comes in by a cable within goes out by eth0, but by the ifb first. The filter must not match
# what has been there, since whatever matches takes the ifb's mark away. vps-enter brings nobody in
# with what S_CAPS gives: it is what the VPS starts.
@test "vnet: an ifb of its own leads past the guard, so that its root makes none" {
	for caps in '' CAP_NET_ADMIN; do
		new_vps NET=bridge BRIDGE="$bridge" IPROOT="$net4.5/24, $net6:5/64" ${caps:+S_CAPS=$caps}
		contexts_begun="$contexts_begun $ctx"
		bring_tools
		cat >"$root/etc/rc" <<-'END'
			#!/bin/sh
			{
				/tools/ip link add ifb9 type ifb &&
				/tools/ip link add near type veth peer name far &&
				for device in ifb9 near far; do /tools/ip link set $device up; done &&
				/tools/tc qdisc add dev far clsact &&
				/tools/tc filter add dev far ingress protocol all u32 match u32 0 0 \
					action mirred egress redirect dev eth0 &&
				/tools/tc qdisc add dev eth0 clsact &&
				/tools/tc filter add dev eth0 egress protocol all u32 match u32 0 0 \
					indev far action mirred egress redirect dev ifb9
				echo "status $?"
			} >/went 2>&1
		END
		run -0 vps-start "$name"
		wait_until has_line "$root/went" '^status '
		[ -n "$caps" ] && device=near || device=eth0
		look "$device"
		if [ -n "$caps" ]; then
			# Were it not for that, there would be nothing to be kept from.
			[ "$(<"$root/went")" = 'status 0' ]
			has_line "$T/seen" '^bad-ip4$'
		else
			has_line "$root/went" 'Operation not permitted'
			has_line "$T/seen" '^good-ip4$'
			prints_none '^bad-' cat "$T/seen"
		fi
		run -0 vps-stop "$name"
	done
}

@test "vnet: rates change and addresses go whatever its root has done to the device" {
	begin 5
	nsenter -t "$(head -n 1 "$contexts/$ctx/payload/cgroup.procs")" -n \
		ip link set eth0 netns "$other" name "gone$ctx"
	vnet set --ctx "$ctx" --rate-max 3M
	run -0 tc class show dev "vpsd$index"
	[[ $output == *"ceil 3Mbit"* ]]
	run -1 vnet set --ctx "$ctx" --add "$net4.6/24"
	[[ $output == "vnet: "*"find its device inside"* ]]
	run -0 vnet list --ctx "$ctx" --raw
	[[ $output == *" 3000000 $net4.5/24,$net6:5/64 -" ]]
	vnet set --ctx "$ctx" --del "$net4.5"
	run -0 vnet list --ctx "$ctx" --raw
	[[ $output == *" 3000000 $net6:5/64 -" ]]
}

# In the VPS's network as its administrator, who its own root is only if he is trusted.
administer() {
	nsenter -t "$(vps-stat --pids -c "$ctx" | head -n 1)" -n "$@"
}

@test "vnet: its root is not the administrator of its network" {
	begin 5
	for words in "addr add $net4.77/24 dev eth0" 'link set eth0 down' 'link add ifb0 type ifb' \
		'link set eth0 address 02:00:00:00:00:77'; do
		# shellcheck disable=SC2086 # several words
		run ! vps-enter "$ctx" ip $words
		# shellcheck disable=SC2086
		run ! vps-enter "$ctx" unshare -Ur ip $words
	done
	answers "$net4.2" vps-enter "$ctx"
	administer ip link add ifb0 type ifb
	administer ip link del ifb0
}

@test "vnet: an address or a hardware address that its root takes himself is none" {
	begin 5
	answers "$net4.2" vps-enter "$ctx"
	administer ip addr add "$net4.77/24" dev eth0
	run -1 answers "$net4.77" there
	administer ip addr add "$net6:77/64" dev eth0
	run -1 answers "$net6:77" there
	administer ip link set eth0 address 02:00:00:00:00:77
	run -1 answers "$net4.2" vps-enter "$ctx"
	administer ip link set eth0 address "$(mac_of "$ctx")"
	answers "$net4.2" vps-enter "$ctx"
	administer ip link set eth0 down
	administer ip link set eth0 name other
	administer ip link set other up
	vnet set --ctx "$ctx" --add "$net4.78/24"
	answers "$net4.78" there
}

@test "vnet: addresses come and go while it runs" {
	begin 5
	run -1 answers "$net4.6" there
	vnet set --ctx "$ctx" --add "$net4.6/24" --add "$net6:6/64"
	# Who has asked in vain asks again only after a while.
	wait_until answers "$net4.6" there
	wait_until answers "$net6:6" there
	vnet set --ctx "$ctx" --del "$net4.6" --del "$net6:5"
	run -1 answers "$net4.6" there
	run -1 answers "$net6:5" there
	# Not even when its root takes it back.
	administer ip addr add "$net4.6/24" dev eth0
	run -1 answers "$net4.6" there
	run -1 vnet set --ctx "$ctx" --del "$net4.6"
	[ "$output" = "vnet: $net4.6: it has no such address" ]
	run -1 vnet set --ctx "$ctx" --add "$net4.5/24"
	[ "$output" = "vnet: $net4.5: it has this address already" ]
	run -0 vnet list --ctx "$ctx" --raw
	[[ $output == *" $net4.5/24,$net6:6/64 -" ]]
}

# ---- what is refused -----------------------------------------------------------------------

@test "vnet: what cannot be is refused in one line, and nothing is left" {
	requires leisure
	begin 5
	first=$ctx
	new_root second
	chcontext --ctx "$ctx" --create >/dev/null
	contexts_begun="$contexts_begun $ctx"
	while IFS='|' read -r args want; do
		# shellcheck disable=SC2086 # several words
		run -1 vnet add --ctx "$ctx" $args
		[ "$output" = "vnet: $want" ] || { echo "$args: $output" >&2 && false; }
		no_traces "$ctx"
		run -1 vnet list --ctx "$ctx"
	done <<-END
		--bridge none$TAG --ip $net4.6/24|none$TAG: no such device
		--bridge p$TAG --ip $net4.6/24|p$TAG: is no bridge
		--bridge $bridge --ip $net4.5/24|$net4.5: context $first: has this address already
		--bridge $bridge --ip $net6:5/64|$net6:5: context $first: has this address already
		--bridge $bridge --ip $net4.1/24|$net4.1: the host itself has this address
		--bridge $bridge --ip $net4.6/24 --gateway 10.9.9.9|10.9.9.9: the gateway is in no network of the addresses
		--bridge $bridge --ip $net4.6 --gateway $net4.1|$net4.1: the gateway is in no network of the addresses
		--bridge $bridge --ip $net4.6/24 --gateway $net4.6|$net4.6: is no gateway but the VPS's own
		--bridge $bridge --ip $net4.6/24 --mtu 9000|$bridge: has a smaller MTU than the VPS is to have
		--bridge $bridge --ip $net6:6/64 --mtu 1279|$net6:6: IPv6 needs an MTU of 1280
		--bridge $bridge --rate-min 1M|$bridge: no hardware tells the rate of the whole, of which some is to be warranted; set it (--rate-link, RATE_LINK)
		--bridge $bridge --rate-min 11M --rate-link 10M|$bridge: 11016K of 10M: more would be warranted than there is
	END
	vnet set --ctx "$first" --rate-min 60M --rate-link 100M
	run -1 vnet add --ctx "$ctx" --bridge "$bridge" --rate-min 70M
	[ "$output" = "vnet: $bridge: 130M of 100M: more would be warranted than there is" ]
	run -0 vnet add --ctx "$ctx" --bridge "$bridge" --rate-min 40M
	# And who has no rate is to have a little.
	new_root third
	chcontext --ctx "$ctx" --create >/dev/null
	contexts_begun="$contexts_begun $ctx"
	run -1 vnet add --ctx "$ctx" --bridge "$bridge"
	[ "$output" = "vnet: $bridge: 100016K of 100M: more would be warranted than there is" ]
}

@test "vnet: an address of who shares the host's network is refused, with its name, and the other way" {
	requires leisure
	begin 5
	first=$ctx
	new_root second
	chcontext --silent --ctx "$ctx" --create --name "s$TAG"
	contexts_begun="$contexts_begun $ctx"
	for address in "$net4.5/24" "$net6:5/64"; do
		run -1 chbind --ctx "$ctx" --dev "$bridge" --ip "$address"
		[ "$output" = "chbind: ${address%/*}: context $first: has this address already" ]
	done
	chbind --silent --ctx "$ctx" --dev "$bridge" --ip "$net4.6/24" --ip "$net6:6/64"
	second=$ctx
	new_root third
	chcontext --silent --ctx "$ctx" --create
	contexts_begun="$contexts_begun $ctx"
	for address in "$net4.6/24" "$net6:6/64"; do
		run -1 vnet add --ctx "$ctx" --bridge "$bridge" --ip "$address"
		[ "$output" = "vnet: ${address%/*}: VPS s$TAG: has this address already" ]
		run -1 vnet set --ctx "$first" --add "$address"
		[ "$output" = "vnet: ${address%/*}: VPS s$TAG: has this address already" ]
	done
	no_traces "$ctx"
	# Given back it is free, either way.
	chbind --silent --ctx "$second" --del --ip "$net4.6"
	vnet set --ctx "$first" --del "$net4.5"
	vnet add --ctx "$ctx" --bridge "$bridge" --ip "$net4.6/24"
	chbind --silent --ctx "$second" --add --dev "$bridge" --ip "$net4.5/24"
}

@test "vnet: wrong use is told, exit 2" {
	while IFS='|' read -r args want; do
		# shellcheck disable=SC2086 # several words
		run -2 vnet $args
		[ "$output" = "vnet: $want (see vnet --help)" ] || { echo "$args: $output" >&2 && false; }
	done <<-END
		|no action given: add, set, del, list, sweep or check
		fly|'fly': not add, set, del, list, sweep or check
		add|add needs --ctx and --bridge
		add --ctx 20001|add needs --ctx and --bridge
		add --ctx 20001 --bridge a/b|--bridge='a/b': not a name of a device
		add --ctx 20001 --bridge b --ip 1.2.3|--ip='1.2.3': not an address, as 192.0.2.1/24 or 2001:db8::1/64
		add --ctx 20001 --bridge b --ip 1.2.3.4/33|--ip='1.2.3.4/33': there is no such prefix
		add --ctx 20001 --bridge b --ip 1.2.3.4/255.0.255.0|--ip='1.2.3.4/255.0.255.0': not an address, as 192.0.2.1/24 or 2001:db8::1/64
		add --ctx 20001 --bridge b --ip 127.0.0.1|--ip='127.0.0.1': no VPS can have this address
		add --ctx 20001 --bridge b --ip 1.2.3.4 --ip 1.2.3.4/8|--ip='1.2.3.4/8': given twice
		add --ctx 20001 --bridge b --gateway 1.2.3.4/8|--gateway='1.2.3.4/8': not an address without prefix
		add --ctx 20001 --bridge b --gateway 1.2.3.4 --gateway 1.2.3.5|--gateway='1.2.3.5': one of each family at the most
		add --ctx 20001 --bridge b --mtu 100|--mtu='100': not a number from 576 to 65535
		add --ctx 20001 --bridge b --rate-max 5MB|--rate-max='5MB': not bits a second, as 512K, 100M or 1G
		add --ctx 20001 --bridge b --rate-max 1|--rate-max='1': not from 8K to 1T
		add --ctx 20001 --bridge b --rate-max 1M --rate-min 2M|--rate-min is above --rate-max
		set --ctx 20001|set: nothing to set was given
		set --ctx 20001 --bridge b --rate-max 1M|set does not take all of these options
		del --ctx 20001 --json|--json and --raw are for list
		list more|takes an action and options only
	END
	addrs=
	for n in {1..257}; do
		addrs="$addrs --ip 10.0.$((n / 250)).$((n % 250 + 1))/8"
	done
	# shellcheck disable=SC2086 # several words
	run -2 vnet add --ctx 20001 --bridge b $addrs
	[ "$output" = "vnet: --ip='10.0.1.8/8': a VPS has 256 at the most (see vnet --help)" ]
}

@test "vnet: 256 addresses" {
	new_root
	chcontext --ctx "$ctx" --create >/dev/null
	contexts_begun=$ctx
	addrs=
	for n in {1..256}; do
		addrs="$addrs --ip $net6:a$n/64"
	done
	# shellcheck disable=SC2086 # several words
	vnet add --ctx "$ctx" --bridge "$bridge" $addrs
	run -0 inside ip -6 addr
	[ "$(grep -c "$net6" <<<"$output")" -eq 256 ]
	hold_first
	answers "$net6:a1" there
	answers "$net6:a256" there
}

@test "vnet: what a context that waits was promised is nobody else's" {
	new_root
	chcontext --ctx "$ctx" --create --name "w$TAG" >/dev/null
	contexts_begun=$ctx
	first=$ctx
	vnet add --ctx "$ctx" --bridge "$bridge" --ip "$net4.5/24" --rate-min 60M --rate-link 100M
	new_root more
	chcontext --ctx "$ctx" --create >/dev/null
	contexts_begun="$contexts_begun $first $ctx"
	run -1 vnet add --ctx "$ctx" --bridge "$bridge" --ip "$net4.5/24"
	[ "$output" = "vnet: $net4.5: VPS w$TAG: has this address already" ]
	run -1 chbind --ctx "$ctx" --dev "$bridge" --ip "$net4.9/24" --ip "$net4.5/24"
	[ "$output" = "chbind: $net4.5: VPS w$TAG: has this address already" ]
	run -1 vnet add --ctx "$ctx" --bridge "$bridge" --rate-min 70M
	[ "$output" = "vnet: $bridge: 130M of 100M: more would be warranted than there is" ]
	# Nor what the host has taken since it was added.
	vnet add --ctx "$ctx" --bridge "$bridge" --ip "$net4.8/24"
	ip addr add "$net4.8/24" dev "$bridge"
	run -125 inside true
	[[ $output == *"$net4.8: the host itself has this address" ]]
}

# ---- rates -----------------------------------------------------------------------------------

# serve PORT: on the other machine.
serve() {
	ip netns exec "$other" iperf3 -s -p "$1" >/dev/null 2>&1 3>&- &
	servers="$servers $!"
	wait_until listens "$1"
}

listens() {
	there ss -Hltn | grep -q ":$1 "
}

# measure CTX PORT SECONDS [-R]: kilobits a second that arrived, into $kbits.
measure() {
	kbits=$(vps-enter "$1" iperf3 -c "$net4.2" -p "$2" -t "$3" -f k "${@:4}" |
		awk '/receiver/ { print int($7) }' | tail -n 1)
	echo "measured: $kbits kbit/s" >&2
}

@test "vnet: a VPS has the most of its rate in each direction, also when it is changed" {
	requires iperf3
	begin 5 --rate-max 5M
	bring iperf3
	serve 5201
	has_rate 5000 measure "$ctx" 5201 5
	has_rate 5000 measure "$ctx" 5201 5 -R
	vnet set --ctx "$ctx" --rate-max 10M
	has_rate 10000 measure "$ctx" 5201 5
	vnet set --ctx "$ctx" --rate-max none
	measure "$ctx" 5201 2
	[ "$kbits" -gt 20000 ]
}

@test "vnet: what is warranted is its own while another sends all it can" {
	requires iperf3
	# One that was there before there were any rates.
	begin 6
	bring iperf3
	flood=$ctx
	[ ! -e "/sys/class/net/vpsu$index" ]
	begin 5 --rate-min 9M --rate-link 12M
	bring iperf3
	serve 5201
	serve 5202
	# The whole is 12M, for who has no rate, too.
	has_rate 12000 measure "$flood" 5202 3
	for direction in '' -R; do
		# shellcheck disable=SC2086 # nothing or one word
		vps-enter "$flood" iperf3 -c "$net4.2" -p 5202 -t 9 -P 8 $direction >/dev/null 2>&1 3>&- &
		flooder=$!
		sleep 2
		# shellcheck disable=SC2086 # nothing or one word
		measure "$ctx" 5201 5 $direction
		kill "$flooder" 2>/dev/null || :
		wait "$flooder" || :
		[ $((kbits * 100)) -ge $(($(goodput 9000) * 95)) ]
		[ "$kbits" -le $(($(goodput 12000) * 105 / 100)) ]
		sleep 1
	done
}

# ---- what is left ------------------------------------------------------------------------------

@test "vnet: all goes with the context, and the devices of rates with the last of the bridge" {
	begin 5 --rate-max 5M
	first=$ctx first_holder=$holder
	begin 6
	[ -e "/sys/class/net/vpsu$index" ]
	finish "$first"
	[ -e "/sys/class/net/vpsu$index" ]
	[ ! -e "/sys/class/net/vps$first" ]
	[ -e "/sys/class/net/vps$ctx" ]
	kill -KILL "$(head -n 1 "$contexts/$ctx/payload/cgroup.procs")"
	wait_until is_empty "$ctx"
	chcontext --ctx "$ctx" --destroy
	no_traces "$ctx"
	no_traces "$first"
	vnet add --ctx "$ctx" --bridge "$bridge" 2>/dev/null && false
	no_traces "$ctx"
}

@test "vnet: sweep removes devices without a context, and nobody else's" {
	give 5 --rate-max 5M
	# Whoever removes groups by hand leaves the rest.
	end_context "$ctx"
	[ -e "/sys/class/net/vps$ctx" ]
	ip link add "vps$((ctx + 1))" type bridge
	ip link add "vpsu999$ctx" type ifb 2>/dev/null || :
	run -0 vnet sweep
	[[ $output != *"vpsu999$ctx"* ]]
	[[ $output == *"vps$ctx: removed"* ]]
	[[ $output == *"vpsu$index: removed"* ]]
	[ -e "/sys/class/net/vps$((ctx + 1))" ]
	ip link del "vpsu999$ctx"
	no_traces "$ctx"
	chcontext --ctx $((ctx + 1)) --create >/dev/null
	echo $((ctx + 1)) >>"$T/contexts"
	contexts_begun=$((ctx + 1))
	run -1 vnet add --ctx $((ctx + 1)) --bridge "$bridge" --ip "$net4.5/24"
	ip link del "vps$((ctx + 1))"
	[ "$output" = "vnet: vps$((ctx + 1)): is a device of somebody else" ]
}

@test "vnet: sweep makes nothing where nobody ever had a device" {
	unshare -m sh -c 'umount -l /sys/fs/bpf && vnet sweep && ! mountpoint -q /sys/fs/bpf'
}

# ---- of a VPS -------------------------------------------------------------------------------------

@test "vnet: a VPS is started on its bridge, its rates change, and nothing is left when it stops" {
	new_vps NET=bridge BRIDGE="$bridge" IPROOT="$net4.5/24, $net6:5/64" GATEWAY="$net4.2" \
		RATE_MAX=5M MTU=1400
	vps-start "$name"
	answers "$net4.5" there
	answers "$net6:5" there
	run -0 vps-enter "$name" ip route
	[[ $output == *"default via $net4.2 "* ]]
	vps-set "$name" --rate-max 7M
	run -0 vnet list --ctx "$ctx" --raw
	[[ $output == *" 7000000 "* ]]
	grep -qx 'RATE_MAX="7M"' "$VPS_CONFIG_DIR/$name.conf"
	run -0 tc class show dev "vpsd$index"
	[[ $output == *"ceil 7Mbit"* ]]
	run -1 vps-set "$name" --rate-min 1M
	[[ $output == "vps-set: $name: $bridge: no hardware tells the rate"* ]]
	vps-stop "$name"
	no_traces "$ctx"
	sed -i "s/$bridge/none$TAG/" "$VPS_CONFIG_DIR/$name.conf"
	run -1 vps-start "$name"
	[ "$output" = "vps-start: $name: not started: none$TAG: no such device" ]
	no_context "$ctx"
}

@test "vnet: a start that is killed at any instant leaves nothing that the next does not clean" {
	new_vps NET=bridge BRIDGE="$bridge" IPROOT="$net4.5/24" RATE_MAX=5M
	for delay in 0.01 0.03 0.05 0.08 0.12 0.2; do
		setsid vps-start "$name" >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$delay"
		kill -KILL -- "-$pid" 2>/dev/null || :
		wait "$pid" || :
		if is_in_state "$ctx" running; then
			vps-stop "$name"
		else
			vps-start "$name"
			answers "$net4.5" there
			vps-stop "$name"
		fi
		no_context "$ctx"
		no_traces "$ctx"
	done
}
