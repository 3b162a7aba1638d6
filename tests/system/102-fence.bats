#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031,SC2086 # set by run, used by the helpers
# The fence between the host's daemons and the addresses of contexts. It is the whole machine's:
# it is up for as long as a test needs it, and as it was afterwards.

load ../lib/system
load ../lib/net

setup_file() {
	build_static system/net
}

more_setup() {
	requires userns bpf ip
	was=$(chbind --fence status)
	new_root
	cp "$BUILD/system/net" "$root/net"
	make_cable
	ip addr add "$n4.5/24" dev "$dev"
	ip addr add "$n6:5/64" dev "$dev" nodad preferred_lft 0
	chbind --fence off
}

more_teardown() {
	chbind --silent --fence "${was:-off}"
	finish_all
	remove_cable
}

fence() {
	chbind --silent --fence "$1"
	[ "$(chbind --fence status)" = "$1" ]
}

# everywhere WHERE PORT PORT TAG: serves all that can be had on every address, by both families
# at once on the second port.
everywhere() {
	serve "$1" tcp4 tag=$4 bind=0.0.0.0,$2 listen tcp6 v6only tag=$4 bind=::,$2 listen \
		udp4 tag=$4 bind=0.0.0.0,$2 udp6 v6only tag=$4 bind=::,$2 \
		tcp6 dual tag=D$4 bind=::,$3 listen udp6 dual tag=D$4 bind=::,$3
}

# What strangers and all within get with A, B and the host on ports $1 and $2 everywhere.
check_all() {
	check peer <<-END
		tcp4 connect=$h4,$1 read | connect read=H/$h4/$p4
		tcp4 connect=$n4.5,$1 read | connect read=H/$n4.5/$p4
		tcp6 connect=$h6,$1 read | connect read=H/$h6/$p6
		tcp4 connect=$h4,$2 read | connect read=DH/::ffff:$h4/::ffff:$p4
		tcp4 connect=$n4.5,$2 read | connect read=DH/::ffff:$n4.5/::ffff:$p4
		tcp6 connect=$h6,$2 read | connect read=DH/$h6/$p6
		udp4 sendto=$h4,$1 recv | sendto recv=H/$p4@$h4
		udp4 sendto=$n4.5,$1 recv | sendto recv=H/$p4@$h4
		udp6 sendto=$h6,$1 recv | sendto recv=H/$p6@$h6
		udp4 sendto=$h4,$2 recv | sendto recv=DH/::ffff:$p4@$h4
		udp6 sendto=$h6,$2 recv | sendto recv=DH/$p6@$h6
		tcp4 connect=$a4,$1 read | connect read=a/$a4/$p4
		tcp4 connect=$a4b,$1 read | connect read=a/$a4b/$p4
		tcp6 connect=$a6b,$1 read | connect read=a/$a6b/$p6
		tcp4 connect=$a4b,$2 read | connect read=Da/::ffff:$a4b/::ffff:$p4
		tcp6 connect=$a6,$2 read | connect read=Da/$a6/$p6
		tcp4 connect=$b4,$1 read | connect read=b/$b4/$p4
		tcp6 connect=$b6,$1 read | connect read=b/$b6/$p6
		udp4 sendto=$a4b,$1 recv | sendto recv=a/$p4@$a4
		udp6 sendto=$b6,$1 recv | sendto recv=b/$p6@$b6
	END
	check host <<-END
		tcp4 connect=127.0.0.1,$1 read | connect read=H/127.0.0.1/127.0.0.1
		tcp4 connect=127.0.0.77,$1 read | connect read=H/127.0.0.77/127.0.0.1
		tcp6 connect=::1,$1 read | connect read=H/::1/::1
		tcp4 connect=127.0.0.1,$2 read | connect read=DH/::ffff:127.0.0.1/::ffff:127.0.0.1
		tcp6 connect=::1,$2 read | connect read=DH/::1/::1
		udp4 sendto=127.0.0.1,$1 recv | sendto recv=H/127.0.0.1@127.0.0.1
		udp6 sendto=::1,$1 recv | sendto recv=H/::1@::1
		udp4 connect=127.0.0.1,$1 send recv | connect send recv=H/127.0.0.1@127.0.0.1
		udp6 connect=::1,$1 send recv | connect send recv=H/::1@::1
		udp6 connect=::1,$2 send recv | connect send recv=DH/::1@::1
		tcp4 connect=$b4,$1 read | connect read=b/$b4/$h4
	END
	for who in a b; do
		check $who <<-END
			tcp4 connect=127.0.0.1,$1 read | connect read=$who/127.0.0.1/127.0.0.1
			tcp6 connect=::1,$2 read | connect read=D$who/::1/::1
			udp4 sendto=127.0.0.1,$1 recv | sendto recv=$who/127.0.0.1@127.0.0.1
		END
	done
}

@test "fence: the host, and two contexts, have ports on every address at once, whoever comes first" {
	begin_both
	fence on
	everywhere host 80 $port H
	everywhere a 80 $port a
	everywhere b 80 $port b
	check_all 80 $port
	check host <<-END
		tcp4 bind=0.0.0.0,$((port + 3)) listen name | bind listen name=0.0.0.0,$((port + 3))
		tcp6 dual bind=::,$((port + 4)) listen name | bind listen name=::,$((port + 4))
		udp4 bind=0.0.0.0,$((port + 3)) name | bind name=0.0.0.0,$((port + 3))
		udp6 v6only bind=::,$((port + 4)) name | bind name=::,$((port + 4))
	END
	everywhere b $((port + 1)) $((port + 2)) b
	everywhere a $((port + 1)) $((port + 2)) a
	everywhere host $((port + 1)) $((port + 2)) H
	check_all $((port + 1)) $((port + 2))
	prints_none "^[tu][cd]p $((port + 1)) " chbind --blockers --raw
}

@test "fence: the host answers for nobody else, and the other way" {
	begin_both
	fence on
	everywhere host $port $((port + 1)) H
	check peer <<-END
		tcp4 connect=$a4,$port | connect:ECONNREFUSED
		tcp4 connect=$b4b,$((port + 1)) | connect:ECONNREFUSED
		tcp6 connect=$a6b,$port | connect:ECONNREFUSED
		tcp6 connect=$b6,$((port + 1)) | connect:ECONNREFUSED
		udp4 timeout=300 sendto=$a4,$port recv | sendto recv:EAGAIN
		udp4 timeout=300 sendto=$b4b,$((port + 1)) recv | sendto recv:EAGAIN
		udp6 timeout=300 sendto=$a6,$port recv | sendto recv:EAGAIN
	END
	check a <<-END
		tcp4 connect=127.0.0.1,$port | connect:ECONNREFUSED
		tcp6 connect=::1,$port | connect:ECONNREFUSED
		tcp4 connect=$h4,$port read | connect read=H/$h4/$a4
		udp4 timeout=300 sendto=127.0.0.1,$port recv | sendto recv:EAGAIN
	END
	everywhere a $((port + 2)) $((port + 3)) a
	check peer <<-END
		tcp4 connect=$h4,$((port + 2)) | connect:ECONNREFUSED
		tcp6 connect=$h6,$((port + 3)) | connect:ECONNREFUSED
		udp4 timeout=300 sendto=$h4,$((port + 2)) recv | sendto recv:EAGAIN
	END
}

@test "fence: what the host has on one address, and what it sends, is as without" {
	fence on
	# On devices where no context has an address, too.
	everywhere host $((port + 10)) $((port + 11)) H
	check peer <<-END
		udp4 sendto=$h4,$((port + 10)) recv | sendto recv=H/$p4@$h4
		udp6 sendto=$h6,$((port + 10)) recv | sendto recv=H/$p6@$h6
		udp4 sendto=$n4.5,$((port + 11)) recv | sendto recv=DH/::ffff:$p4@$h4
		tcp4 connect=$h4,$((port + 11)) read | connect read=DH/::ffff:$h4/::ffff:$p4
	END
	serve peer tcp4 tag=P bind=0.0.0.0,$port listen tcp6 v6only tag=P bind=::,$port listen \
		udp4 tag=P bind=0.0.0.0,$port udp6 v6only tag=P bind=::,$port
	check host <<-END
		tcp4 connect=$p4,$port name read | connect name=$h4,+ read=P/$p4/$h4
		tcp4 bind=0.0.0.0,0 connect=$p4,$port read | bind connect read=P/$p4/$h4
		tcp4 bind=$n4.5,0 connect=$p4,$port read | bind connect read=P/$p4/$n4.5
		tcp6 connect=$p6,$port read | connect read=P/$p6/$h6
		tcp6 bind=::,0 connect=$p6,$port read | bind connect read=P/$p6/$h6
		tcp6 dual bind=::,0 connect=::ffff:$p4,$port read | bind connect read=P/$p4/$h4
		udp4 sendto=$p4,$port recv | sendto recv=P/$h4@$p4
		udp4 bind=0.0.0.0,0 sendto=$p4,$port recv | bind sendto recv=P/$h4@$p4
		udp4 bind=0.0.0.0,0 connect=$p4,$port send recv | bind connect send recv=P/$h4@$p4
		udp4 bind=0.0.0.0,$((port + 1)) sendto=$p4,$port recv | bind sendto recv=P/$h4@$p4
		udp4 connect=$p4,$port send recv | connect send recv=P/$h4@$p4
		udp6 sendto=$p6,$port recv | sendto recv=P/$h6@$p6
		udp6 bind=::,0 sendto=$p6,$port recv | bind sendto recv=P/$h6@$p6
		udp6 v6only bind=::,0 connect=$p6,$port send recv | bind connect send recv=P/$h6@$p6
		udp6 bind=::,0 sendto=::ffff:$p4,$port recv | bind sendto recv=P/$h4@::ffff:$p4
		tcp4 bind=$h4,$port listen name | bind listen name=$h4,$port
		tcp4 bind=127.0.0.1,$((port + 2)) listen name | bind listen name=127.0.0.1,$((port + 2))
		tcp4 connect=127.0.0.1,$((port + 2)) name | connect name=127.0.0.1,+
		tcp6 bind=::1,$((port + 2)) name | bind name=::1,$((port + 2))
		tcp4 bind=$n4.99,$port | bind:EADDRNOTAVAIL
		udp4 bind=0.0.0.0,$((port + 2)) from=$n4.5 sendto=$p4,$port recv | bind sendto recv=P/$n4.5@$p4
		udp6 v6only bind=::,$((port + 2)) from=$n6:5 sendto=$p6,$port recv | bind sendto recv=P/$n6:5@$p6
		udp6 dual bind=::,$((port + 6)) from=$n6:5 sendto=$p6,$port recv | bind sendto recv=P/$n6:5@$p6
		udp6 dual bind=::,$((port + 7)) sendto=::ffff:$p4,$port recv | bind sendto recv=P/$h4@::ffff:$p4
		udp6 dual bind=::,$((port + 8)) sendto=$p6,$port recv | bind sendto recv=P/$h6@$p6
	END
	# In a network of its own there is none.
	check host netns <<-END
		tcp4 bind=0.0.0.0,$port listen | bind listen
		tcp4 connect=127.0.0.1,$port name | connect name=127.0.0.1,+
		udp6 bind=::,$port connect=::1,$port send recv | bind connect send recv=x@::1
	END
}

@test "fence: who hears broadcasts of DHCP is left alone" {
	begin a "$a4/24"
	fence on
	local free=
	for number in 68 1900 137; do
		"$BUILD/system/net" udp4 bind=0.0.0.0,$number | grep -q : || { free=$number && break; }
	done
	[ -n "$free" ] || skip "requires a free port that hears broadcasts"
	serve host udp4 tag=H bind=0.0.0.0,$free
	check peer <<-END
		udp4 broadcast sendto=$n4.255,$free recv | sendto recv=H/$p4@$h4
		udp4 broadcast bind=$p4,0 sendto=$h4,$free recv | bind sendto recv=H/$p4@$h4
	END
	check a <<-END
		udp4 bind=0.0.0.0,$free | bind:EADDRINUSE
	END
}

@test "fence: on: whoever was there before is named; once more: new addresses; off: as before" {
	begin a "$a4/24" "$a6/64"
	[ "$(chbind --fence status)" = off ]
	serve host tcp4 tag=old bind=0.0.0.0,$port listen
	launch peer tcp4 "connect=$h4,$port" "wait=$T/go" read
	client=$server
	wait_until has_line "$T/serve" connect
	run -0 vps host-fence on
	[[ $output == *"chbind: port $port/tcp: net (process "*") of the host has it on every address: no VPS can"* ]]
	[ "$(vps host-fence status)" = on ]
	check a <<-END
		tcp4 bind=0.0.0.0,$port | bind:EADDRINUSE
	END
	: >"$T/go"
	wait "$client"
	has_line "$T/serve" "^tcp4 connect read=old/$h4/$p4$"
	serve host tcp4 tag=H bind=0.0.0.0,$((port + 1)) listen udp4 tag=H bind=0.0.0.0,$((port + 1))
	serve a tcp4 tag=a bind=0.0.0.0,$((port + 1)) listen
	ip addr add "$n4.6/24" dev "$dev"
	fence on
	check peer <<-END
		tcp4 connect=$n4.6,$((port + 1)) read | connect read=H/$n4.6/$p4
		udp4 sendto=$n4.6,$((port + 1)) recv | sendto recv=H/$p4@$h4
		tcp4 connect=$a4,$((port + 1)) read | connect read=a/$a4/$p4
	END
	# Programs of another build take the place of these.
	rm "$(own_pin)"
	begin b "$b4/24"
	own_pin
	[ "$(chbind --fence status)" = on ]
	serve host tcp4 tag=H bind=0.0.0.0,$((port + 2)) listen
	serve b tcp4 tag=b bind=0.0.0.0,$((port + 1)) listen tcp4 tag=b bind=0.0.0.0,$((port + 2)) listen
	check peer <<-END
		tcp4 connect=$h4,$((port + 1)) read | connect read=H/$h4/$p4
		tcp4 connect=$h4,$((port + 2)) read | connect read=H/$h4/$p4
		tcp4 connect=$b4,$((port + 2)) read | connect read=b/$b4/$p4
	END
	fence off
	run -0 chbind --fence off
	[ "$output" = "" ]
	prints_none host_bind ls "$(dirname "$(own_pin)")"
	serve host tcp4 tag=H bind=0.0.0.0,$((port + 3)) listen udp4 tag=H bind=0.0.0.0,$((port + 3))
	check a <<-END
		tcp4 bind=0.0.0.0,$((port + 3)) | bind:EADDRINUSE
		udp4 bind=0.0.0.0,$((port + 3)) | bind:EADDRINUSE
		tcp4 bind=0.0.0.0,$((port + 4)) | bind
	END
	# What was bound under it is served as before, too.
	check host <<-END
		tcp4 connect=127.0.0.1,$((port + 2)) read | connect read=H/127.0.0.1/127.0.0.1
		tcp4 connect=127.0.0.1,$((port + 3)) read | connect read=H/127.0.0.1/127.0.0.1
		tcp4 connect=$h4,$((port + 3)) read | connect read=H/$h4/$h4
	END
}

@test "fence: real daemons of the host and of VPSes on ports 80 and 53" {
	requires nginx curl dnsmasq dig
	begin_both
	fence on
	cat >"$T/nginx.conf" <<-END
		user root root;
		daemon off;
		pid $T/nginx.pid;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $T/nginx.body;
			server {
				listen 80;
				listen [::]:80;
				location / { return 200 "the host's nginx"; }
			}
		}
	END
	nginx -e stderr -c "$T/nginx.conf" >"$T/nginx.log" 2>&1 3>&- &
	daemons="${daemons-} $!"
	dnsmasq -k -u root -R -h -x "$T/dns.pid" -C /dev/null --log-facility=- --cache-size=0 \
		--address=/name.example/192.0.2.9 >"$T/dns.log" 2>&1 3>&- &
	daemons="$daemons $!"
	serve a tcp4 tag=a bind=0.0.0.0,80 listen udp4 tag=a bind=0.0.0.0,53
	for address in "$h4" "$n4.5" "[$h6]"; do
		wait_until ip netns exec "$peer" curl -sg --max-time 5 -o "$T/got" "http://$address/"
		[ "$(<"$T/got")" = "the host's nginx" ]
	done
	for address in 127.0.0.1 '[::1]' "$h4"; do
		[ "$(curl -sg --max-time 5 "http://$address/")" = "the host's nginx" ]
	done
	wait_until test -s "$T/dns.pid"
	for address in "$h4" "$n4.5" "$h6"; do
		[ "$(ip netns exec "$peer" dig +short +tries=1 +time=3 "@$address" name.example)" = 192.0.2.9 ]
	done
	for address in 127.0.0.1 ::1; do
		[ "$(dig +short +tries=1 +time=3 "@$address" name.example)" = 192.0.2.9 ]
	done
	check peer <<-END
		tcp4 connect=$a4,80 read | connect read=a/$a4/$p4
		udp4 sendto=$a4b,53 recv | sendto recv=a/$p4@$a4
		tcp4 connect=$b4,80 | connect:ECONNREFUSED
	END
}
