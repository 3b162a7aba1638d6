#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016 # set by run, used by the helpers
# What another machine on the cable gets of this one, a host with VPSes: nothing of it is a network
# namespace, and the card is no veth.

load ../lib/system
load ../lib/net
load ../lib/outside

more_setup() {
	was=$(chbind --fence status)
	join_cable
}

more_teardown() {
	local vps
	for vps in ${begun-}; do
		! has_context "${vps#*:}" || vps-stop "${vps%:*}" >&2 || :
	done
	for pid in ${daemons-}; do
		end "$pid" || :
	done
	chbind --silent --fence "${was:-off}"
	[ -z "${bridge-}" ] || ip link del "$bridge"
	vnet sweep >/dev/null
	leave_cable
}

# nginx_conf TEXT: of one that has TEXT on every address, and something else on the loopback alone.
nginx_conf() {
	cat <<-END
		user root root;
		pid /tmp/nginx.pid;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path /tmp/nginx.body;
			server {
				listen 80;
				listen [::]:80;
				location / { return 200 "$1\n"; }
			}
			server {
				listen 127.0.0.1:8080;
				location / { return 200 "$1, within\n"; }
			}
		}
	END
}

# nginx_in DIRECTORY TEXT: ready to be started there.
nginx_in() {
	root=$1 copy_program "$(command -v nginx)"
	mkdir -p "$1/var/lib/nginx"
	nginx_conf "$2" >"$1/etc/nginx.conf"
}

# httpd_in DIRECTORY TEXT
httpd_in() {
	mkdir -p "$1/www" "$1/within"
	echo "$2" >"$1/www/index.html"
	echo "$2, within" >"$1/within/index.html"
}

# dns_words NUMBER: of a dnsmasq that knows name.example by it.
dns_words() {
	echo "-u root -R -h -C /dev/null --log-facility=/dev/null --cache-size=0" \
		"--address=/name.example/192.0.2.$1 --address=/name.example/2001:db8::$1"
}

# rc TEXT: what the VPS starts; it is up when all of it has been.
rc() {
	printf '#!/bin/sh\n%s\n: >/up\n' "$1" >"$root/etc/rc"
}

start() {
	run -0 vps-start "$name"
	begun="${begun-} $name:$ctx"
	wait_until test -e "$root/up"
}

# pages WHERE "URL TEXT"...: what is got there of all of them.
pages() {
	local where=$1 pair urls=() wanted=''
	shift
	for pair; do
		urls+=("http://${pair%% *}/")
		wanted+=${pair#* }$'\n'
	done
	run -0 on "$where" curl -sg --max-time 10 "${urls[@]}"
	[ "$output" = "${wanted%$'\n'}" ] || diff -u <(echo "${wanted%$'\n'}") <(echo "$output") >&2
}

# asks WHERE NUMBER ADDRESS...: each answers by name and number, by UDP, from where it was asked.
asks() {
	local where=$1 number=$2 address words=() wanted=''
	shift 2
	for address; do
		words+=("@$address" name.example A)
		wanted+=192.0.2.$number$'\n'
	done
	run -0 on "$where" dig +short +tries=1 +time=5 "${words[@]}"
	[ "$output" = "${wanted%$'\n'}" ] || { echo "at $where from $*: $output" >&2 && return 1; }
}

@test "outside: web and name servers of the host and of two VPSes, all on every address, each by its own" {
	requires nginx curl dnsmasq dig
	run -0 there hostname
	[ "$output" = outside ]
	ip addr add "$h4/24" dev "$dev"
	ip addr add "$h6/64" dev "$dev" nodad
	chbind --silent --fence on
	nginx_conf host | sed "s,/tmp/,$T/,g" >"$T/nginx.conf"
	nginx -e stderr -c "$T/nginx.conf" -g 'daemon off;' >"$T/nginx.log" 2>&1 3>&- &
	daemons=$!
	# shellcheck disable=SC2046 # words
	dnsmasq -k -x "$T/dns.pid" $(dns_words 1) >"$T/dns.log" 2>&1 3>&- &
	daemons="$daemons $!"
	wait_until test -s "$T/dns.pid"
	new_vps IPROOT="$a4/24 $a6/64 $a4b/24 $a6b/64" IPROOTDEV="$dev"
	nginx_in "$root" "VPS a"
	copy_program "$(command -v dnsmasq)"
	cp "$BUILD/system/net" "$root/net"
	rc "nginx -e stderr -c /etc/nginx.conf; dnsmasq -x /tmp/dns.pid $(dns_words 2)"
	start
	a=$name
	new_vps IPROOT="$b4/24 $b6/64 $b4b/24 $b6b/64" IPROOTDEV="$dev"
	httpd_in "$root" "VPS b"
	copy_program "$(command -v dnsmasq)"
	rc "httpd -p 80 -h /www; httpd -p 127.0.0.1:8080 -h /within
		dnsmasq -x /tmp/dns.pid $(dns_words 3)"
	start
	b=$name
	pages peer "$h4 host" "[$h6] host" "$a4 VPS a" "$a4b VPS a" "[$a6] VPS a" "[$a6b] VPS a" \
		"$b4 VPS b" "$b4b VPS b" "[$b6] VPS b" "[$b6b] VPS b"
	pages host "127.0.0.1 host" "[::1] host" "127.0.0.1:8080 host, within" "$a4b VPS a" "$b4 VPS b"
	for who in a b; do
		run -0 on $who sh -c 'for at in 127.0.0.1 "[::1]" 127.0.0.1:8080; do
			wget -qO - "http://$at/"
		done'
		[ "$output" = "VPS $who"$'\n'"VPS $who"$'\n'"VPS $who, within" ]
	done
	check peer <<-END
		tcp4 connect=$h4,8080 | connect:ECONNREFUSED
		tcp4 connect=$a4,8080 | connect:ECONNREFUSED
		tcp4 connect=$b4b,8080 | connect:ECONNREFUSED
	END
	asks peer 1 "$h4" "$h6"
	asks peer 2 "$a4" "$a4b" "$a6" "$a6b"
	asks peer 3 "$b4" "$b4b" "$b6" "$b6b"
	asks host 1 127.0.0.1 ::1
	# And what they send is seen with their own addresses.
	serve_there tcp4 tag=P bind=0.0.0.0,$port listen tcp6 tag=P v6only bind=::,$port listen \
		udp4 tag=P bind=0.0.0.0,$port
	check a <<-END
		tcp4 connect=$p4,$port read | connect read=P/$p4/$a4
		tcp4 bind=$a4b,0 connect=$p4,$port read | bind connect read=P/$p4/$a4b
		tcp6 connect=$p6,$port read | connect read=P/$p6/$a6
		udp4 sendto=$p4,$port recv | sendto recv=P/$a4@$p4
		udp4 from=$a4b sendto=$p4,$port recv | sendto recv=P/$a4b@$p4
		udp4 from=$b4 sendto=$p4,$port | sendto:EADDRNOTAVAIL
		udp4 from=$h4 sendto=$p4,$port | sendto:EADDRNOTAVAIL
	END
	# The end of one is not that of its neighbours.
	run -0 vps-stop "$a"
	pages peer "$h4 host" "[$b6b] VPS b" "$b4 VPS b"
	check peer <<-END
		tcp4 timeout=500 connect=$a4,80 | connect:ETIMEDOUT
	END
}

# A bridge whose only card is the one of the cable; the host's addresses are on it.
make_bridge() {
	bridge=b$TAG
	ip link add "$bridge" type bridge
	ip link set "$dev" master "$bridge"
	ip link set "$bridge" up
	ip addr add "$h4/24" dev "$bridge"
	ip addr add "$h6/64" dev "$bridge" nodad
}

# What got there from the VPS, or the other way, in kilobits a second.
carried() {
	vps-enter "$name" iperf3 -c "$p4" -O 1 -t 5 -f k "$@" | awk '/receiver/ { print int($7) }'
}

# has_rate KBITS [-R]: within 5 percent of what TCP carries of it in packets of 1500 bytes. Never
# more; an emulated machine that shares its processor may have less now and then.
has_rate() {
	local got want=$(($1 * 1448 / 1514)) try
	shift
	for try in 1 2 3; do
		got=$(carried "$@")
		echo "measured: $got kbit/s of $want" >&2
		[ $((got * 100)) -le $((want * 105)) ] || return 1
		[ $((got * 100)) -lt $((want * 95)) ] || return 0
	done
	return 1
}

@test "outside: a VPS on a bridge is reached, seen by its own addresses, and has its rate" {
	requires nginx curl iperf3
	make_bridge
	new_vps NET=bridge BRIDGE="$bridge" IPROOT="$a4/24 $a6/64" GATEWAY="$p4" RATE_MAX=5M
	nginx_in "$root" "VPS on a bridge"
	copy_program "$(command -v iperf3)"
	cp "$BUILD/system/net" "$root/net"
	rc "nginx -e stderr -c /etc/nginx.conf"
	start
	a=$name
	pages peer "$a4 VPS on a bridge" "[$a6] VPS on a bridge"
	there busybox ping -c 1 -W 5 "$a4"
	there busybox ping -c 1 -W 5 "$a6"
	on a busybox ping -c 1 -W 5 "$p4"
	serve_there tcp4 tag=P bind=0.0.0.0,$port listen tcp6 tag=P v6only bind=::,$port listen
	check a <<-END
		tcp4 connect=$p4,$port read | connect read=P/$p4/$a4
		tcp6 connect=$p6,$port read | connect read=P/$p6/$a6
	END
	there sh -c 'iperf3 -s >/tmp/iperf3 2>&1 &'
	wait_until there sh -c 'ss -Hltn | grep -q :5201'
	has_rate 5000
	has_rate 5000 -R
}

# watched CMD...: the names of the frames that are seen outside while it runs.
watched() {
	there sh -c "$BUILD/system/frames watch $far 6 >/tmp/seen 2>&1 &"
	wait_until there grep -qx ready /tmp/seen
	"$@"
	wait_until there grep -qx end /tmp/seen
	there cat /tmp/seen
}

@test "outside: nobody sees frames of a VPS with addresses that are not its own" {
	make_bridge
	new_vps NET=bridge BRIDGE="$bridge" IPROOT="$a4/24 $a6/64"
	cp "$BUILD/system/frames" "$root/frames"
	rc :
	start
	words=("$(printf '02:76:70:73:%02x:%02x' $((ctx >> 8)) $((ctx & 255)))" "$a4" "$a6" "$p4" "$p6")
	# It would, if they were sent.
	watched "$BUILD/system/frames" send "$bridge" "${words[@]}" >"$T/all"
	for kind in bad-ip4 bad-mac bad-arp-ip4 bad-ip6 bad-advertise bad-dhcp; do
		has_line "$T/all" "^$kind$"
	done
	watched vps-enter "$name" /frames send eth0 "${words[@]}" >"$T/seen"
	prints_none '^bad-' cat "$T/seen"
	[ "$(grep -c '^good-' "$T/seen")" -eq "$(grep -c 'send_.*"good-' "$SRC/tests/system/frames.c")" ]
}
