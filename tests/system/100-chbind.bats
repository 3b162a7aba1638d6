#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031,SC2086 # set by run, used by the helpers
# Addresses of contexts in the host's network: chbind, and chcontext and IPROOT by the same ways.

load ../lib/system
load ../lib/net
load ../lib/kill

setup_file() {
	build_static system/net
}

more_setup() {
	requires userns bpf ip
	new_root
	cp "$BUILD/system/net" "$root/net"
	make_cable
}

more_teardown() {
	finish_all
	remove_cable
}

@test "chbind: contexts and the host have one port each on their own, a stranger finds the right one" {
	begin_both
	serve host tcp4 tag=H bind=127.0.0.1,80 listen tcp4 tag=H "bind=$h4,80" listen \
		udp4 tag=H "bind=$h4,$port"
	for who in a b; do
		serve $who tcp4 tag=$who bind=0.0.0.0,80 listen tcp4 tag=L$who bind=127.0.0.2,80 listen \
			tcp6 v6only tag=6$who bind=::,80 listen udp4 tag=$who "bind=0.0.0.0,$port" \
			udp6 v6only tag=6$who "bind=::,$port"
	done
	check peer <<-END
		tcp4 connect=$h4,80 read | connect read=H/$h4/$p4
		tcp4 connect=$a4,80 read | connect read=a/$a4/$p4
		tcp4 connect=$a4b,80 read | connect read=a/$a4b/$p4
		tcp4 connect=$b4,80 read | connect read=b/$b4/$p4
		tcp4 connect=$b4b,80 read | connect read=b/$b4b/$p4
		tcp6 connect=$a6,80 read | connect read=6a/$a6/$p6
		tcp6 connect=$a6b,80 read | connect read=6a/$a6b/$p6
		tcp6 connect=$b6,80 read | connect read=6b/$b6/$p6
		tcp6 connect=$h6,80 | connect:ECONNREFUSED
		udp4 sendto=$h4,$port recv | sendto recv=H/$p4@$h4
		udp4 sendto=$a4,$port recv | sendto recv=a/$p4@$a4
		udp4 sendto=$b4,$port recv | sendto recv=b/$p4@$b4
		udp6 sendto=$a6,$port recv | sendto recv=6a/$p6@$a6
		udp6 sendto=$b6,$port recv | sendto recv=6b/$p6@$b6
	END
	for who in a b; do
		check $who <<-END
			tcp4 connect=127.0.0.1,80 read | connect read=$who/127.0.0.1/127.0.0.1
			tcp4 connect=127.0.0.2,80 read | connect read=L$who/127.0.0.2/127.0.0.1
			tcp6 connect=::1,80 read | connect read=6$who/::1/::1
			udp4 sendto=127.0.0.1,$port recv | sendto recv=$who/127.0.0.1@127.0.0.1
			udp6 sendto=::1,$port recv | sendto recv=6$who/::1@::1
		END
	done
	check host <<-END
		tcp4 connect=127.0.0.1,80 read | connect read=H/127.0.0.1/127.0.0.1
		tcp4 connect=$a4,80 read | connect read=a/$a4/$h4
	END
}

@test "chbind: inside, every address and the loopback have the names that they have anywhere" {
	begin_both
	serve a tcp4 tag=4 bind=0.0.0.0,80 listen tcp6 v6only tag=6 bind=::,80 listen \
		tcp6 dual tag=D bind=::,81 listen udp4 tag=4 bind=0.0.0.0,80 \
		udp6 v6only tag=6 bind=::,80 udp6 dual tag=D bind=::,81
	check a <<-END
		tcp4 name | name=0.0.0.0,0
		tcp4 bind=0.0.0.0,$port name listen name | bind name=0.0.0.0,$port listen name=0.0.0.0,$port
		tcp4 bind=0.0.0.0,0 name | bind name=0.0.0.0,+
		tcp4 bind=127.0.0.1,$port name listen name | bind name=127.0.0.1,$port listen name=127.0.0.1,$port
		tcp4 bind=127.1.2.3,$port name | bind name=127.0.0.3,$port
		tcp4 bind=$a4b,$port name | bind name=$a4b,$port
		tcp6 bind=::,$((port + 1)) name | bind name=::,$((port + 1))
		tcp6 dual bind=::,7 name listen name | bind name=::,7 listen name=::,7
		tcp6 v6only bind=::,8 name listen name | bind name=::,8 listen name=::,8
		tcp6 bind=::1,$port name listen name | bind name=::1,$port listen name=::1,$port
		tcp6 bind=::ffff:127.0.0.1,9 name listen name | bind name=::ffff:127.0.0.1,9 listen name=::ffff:127.0.0.1,9
		tcp6 bind=::ffff:0.0.0.0,10 name listen name | bind name=::ffff:0.0.0.0,10 listen name=::ffff:0.0.0.0,10
		tcp6 bind=$a6b,$port name | bind name=$a6b,$port
		udp4 bind=0.0.0.0,$port name | bind name=0.0.0.0,$port
		udp4 bind=0.0.0.0,0 name | bind name=0.0.0.0,+
		udp4 bind=127.0.0.1,$port name | bind name=127.0.0.1,$port
		udp6 dual bind=::,7 name | bind name=::,7
		udp6 v6only bind=::,8 name | bind name=::,8
		udp6 bind=::1,$port name | bind name=::1,$port
		udp6 bind=::ffff:127.0.0.1,9 name | bind name=::ffff:127.0.0.1,9
		udp6 bind=::ffff:0.0.0.0,10 name | bind name=::ffff:0.0.0.0,10
		tcp4 connect=127.0.0.1,80 name peer read | connect name=127.0.0.1,+ peer=127.0.0.1,80 read=4/127.0.0.1/127.0.0.1
		tcp4 connect=0.0.0.0,80 name peer read | connect name=127.0.0.1,+ peer=127.0.0.1,80 read=4/127.0.0.1/127.0.0.1
		tcp4 connect=$a4,80 name peer read | connect name=$a4,+ peer=$a4,80 read=4/$a4/$a4
		tcp6 connect=::1,80 name peer read | connect name=::1,+ peer=::1,80 read=6/::1/::1
		tcp6 connect=::,80 name peer read | connect name=::1,+ peer=::1,80 read=6/::1/::1
		tcp6 connect=::ffff:127.0.0.1,80 name peer read | connect name=::ffff:127.0.0.1,+ peer=::ffff:127.0.0.1,80 read=4/127.0.0.1/127.0.0.1
		tcp4 connect=127.0.0.1,81 peer read | connect peer=127.0.0.1,81 read=D/::ffff:127.0.0.1/::ffff:127.0.0.1
		tcp6 connect=::1,81 peer read | connect peer=::1,81 read=D/::1/::1
		udp4 sendto=127.0.0.1,80 recv name | sendto recv=4/127.0.0.1@127.0.0.1 name=0.0.0.0,+
		udp4 sendto=0.0.0.0,80 recv | sendto recv=4/127.0.0.1@127.0.0.1
		udp4 connect=127.0.0.1,80 name peer send recv | connect name=127.0.0.1,+ peer=127.0.0.1,80 send recv=4/127.0.0.1@127.0.0.1
		udp6 sendto=::1,80 recv | sendto recv=6/::1@::1
		udp6 connect=::1,80 name peer send recv | connect name=::1,+ peer=::1,80 send recv=6/::1@::1
		udp6 sendto=::ffff:127.0.0.1,80 recv | sendto recv=4/127.0.0.1@::ffff:127.0.0.1
		udp6 connect=::ffff:127.0.0.1,80 name peer send recv | connect name=::ffff:127.0.0.1,+ peer=::ffff:127.0.0.1,80 send recv=4/127.0.0.1@::ffff:127.0.0.1
		udp4 sendto=127.0.0.1,81 recv | sendto recv=D/::ffff:127.0.0.1@127.0.0.1
		udp6 sendto=::1,81 recv | sendto recv=D/::1@::1
	END
	check peer <<-END
		tcp4 connect=$a4,81 read | connect read=D/::ffff:$a4/::ffff:$p4
		tcp6 connect=$a6,81 read | connect read=D/$a6/$p6
		udp4 sendto=$a4,81 recv | sendto recv=D/::ffff:$p4@$a4
	END
}

# The loopback of context $1 as the host has it.
loop4() {
	echo "127.$(($1 >> 8)).$(($1 & 255)).1"
}

loop6() {
	printf 'fd76:7073:6c6f::%x' "$1"
}

@test "chbind: the loopback is its own: others' is nowhere, the host reaches it" {
	begin_both
	for who in a b; do
		serve $who tcp4 tag=$who "bind=127.0.0.1,$port" listen tcp6 tag=$who "bind=::1,$port" listen \
			udp4 tag=$who "bind=127.0.0.1,$port" udp6 tag=$who "bind=::1,$port"
	done
	check a <<-END
		tcp4 connect=$(loop4 "$b"),$port read | connect read=a/127.0.0.1/127.0.0.1
		udp4 sendto=$(loop4 "$b"),$port recv | sendto recv=a/127.0.0.1@127.0.0.1
		tcp6 connect=::ffff:$(loop4 "$b"),$port read | connect read=a/127.0.0.1/127.0.0.1
		tcp4 bind=$(loop4 "$b"),$((port + 1)) name | bind name=127.0.0.1,$((port + 1))
		tcp4 connect=$b4,$port | connect:ECONNREFUSED
	END
	check host <<-END
		tcp4 connect=$(loop4 "$a"),$port read | connect read=a/127.0.0.1/127.0.0.1
		tcp4 connect=$(loop4 "$b"),$port read | connect read=b/127.0.0.1/127.0.0.1
		udp4 sendto=$(loop4 "$a"),$port recv | sendto recv=a/127.0.0.1@$(loop4 "$a")
		tcp4 connect=127.0.0.1,$port | connect:ECONNREFUSED
		tcp6 connect=::1,$port | connect:ECONNREFUSED
		tcp6 connect=$(loop6 "$b"),$port read | connect read=b/::1/::1
		udp6 sendto=$(loop6 "$b"),$port recv | sendto recv=b/::1@$(loop6 "$b")
	END
}

@test "chbind: nobody from outside reaches a loopback, by its address on the host either" {
	begin_both
	serve b tcp6 tag=b "bind=::1,$port" listen udp6 tag=b "bind=::1,$port"
	ip -n "$peer" route add "$(loop6 "$b")" via "$h6"
	for where in a peer; do
		net $where tcp6 timeout=500 "connect=$(loop6 "$b"),$port" read \
			udp6 timeout=500 "sendto=$(loop6 "$b"),$port" recv >"$T/got"
		prints_none b/ cat "$T/got"
	done
}

@test "chbind: an address that is not its own can be neither bound to nor sent from" {
	begin_both
	check a <<-END
		tcp4 bind=$h4,$port | bind:EADDRNOTAVAIL
		tcp4 bind=$b4,$port | bind:EADDRNOTAVAIL
		tcp4 bind=$b4,0 | bind:EADDRNOTAVAIL
		tcp4 bind=$b4,80 | bind:EADDRNOTAVAIL
		tcp4 bind=$p4,$port | bind:EADDRNOTAVAIL
		tcp4 freebind bind=$p4,$port | bind:EADDRNOTAVAIL
		tcp4 freebind bind=$b4b,$port | bind:EADDRNOTAVAIL
		tcp6 bind=$h6,$port | bind:EADDRNOTAVAIL
		tcp6 bind=$b6,$port | bind:EADDRNOTAVAIL
		tcp6 freebind bind=$b6b,$port | bind:EADDRNOTAVAIL
		tcp6 bind=::ffff:$h4,$port | bind:EADDRNOTAVAIL
		tcp6 bind=::ffff:$b4,$port | bind:EADDRNOTAVAIL
		tcp6 freebind bind=::ffff:$b4,$port | bind:EADDRNOTAVAIL
		tcp6 bind=$(loop6 "$b"),$port | bind:EADDRNOTAVAIL
		udp4 bind=$h4,$port | bind:EADDRNOTAVAIL
		udp4 bind=$b4,$port | bind:EADDRNOTAVAIL
		udp4 bind=$b4,0 | bind:EADDRNOTAVAIL
		udp4 freebind bind=$b4,$port | bind:EADDRNOTAVAIL
		udp4 bind=224.0.0.251,5353 | bind:EADDRNOTAVAIL
		udp4 bind=$n4.255,$port | bind:EADDRNOTAVAIL
		udp6 bind=$h6,$port | bind:EADDRNOTAVAIL
		udp6 bind=$b6,$port | bind:EADDRNOTAVAIL
		udp6 freebind bind=$b6,$port | bind:EADDRNOTAVAIL
		udp6 bind=::ffff:$b4,$port | bind:EADDRNOTAVAIL
		udp6 bind=$(loop6 "$b"),$port | bind:EADDRNOTAVAIL
		udp4 from=$b4 sendto=$p4,$port | sendto:EADDRNOTAVAIL
		udp4 from=$h4 sendto=$p4,$port | sendto:EADDRNOTAVAIL
		udp4 from=$h4 sendto=127.0.0.1,$port | sendto:EADDRNOTAVAIL
		udp6 from=$b6 sendto=$p6,$port | sendto:EADDRNOTAVAIL
		udp6 from=$h6 sendto=$p6,$port | sendto:EADDRNOTAVAIL
		udp6 from=::ffff:$b4 sendto=::ffff:$p4,$port | sendto:EADDRNOTAVAIL
		udp4 connect=$p4,$port from=$b4 send | connect send:EADDRNOTAVAIL
		udp6 connect=$p6,$port from=$b6 send | connect send:EADDRNOTAVAIL
		tcp4 bind=$a4b,$port listen | bind listen
		tcp6 bind=$a6b,$port listen | bind listen
	END
}

@test "chbind: what it sends has its first address, or the one of its own that it asked for" {
	begin_both
	serve peer tcp4 tag=P bind=0.0.0.0,$port listen tcp6 v6only tag=P bind=::,$port listen \
		udp4 tag=P bind=0.0.0.0,$port udp6 v6only tag=P bind=::,$port
	check a <<-END
		tcp4 connect=$p4,$port name peer read | connect name=$a4,+ peer=$p4,$port read=P/$p4/$a4
		tcp4 bind=0.0.0.0,0 connect=$p4,$port read | bind connect read=P/$p4/$a4
		tcp4 bind=$a4b,0 connect=$p4,$port name read | bind connect name=$a4b,+ read=P/$p4/$a4b
		tcp6 connect=$p6,$port name read | connect name=$a6,+ read=P/$p6/$a6
		tcp6 bind=::,0 connect=$p6,$port read | bind connect read=P/$p6/$a6
		tcp6 bind=$a6b,0 connect=$p6,$port read | bind connect read=P/$p6/$a6b
		tcp6 connect=::ffff:$p4,$port name read | connect name=::ffff:$a4,+ read=P/$p4/$a4
		tcp6 bind=::ffff:$a4b,0 connect=::ffff:$p4,$port read | bind connect read=P/$p4/$a4b
		udp4 sendto=$p4,$port recv name | sendto recv=P/$a4@$p4 name=0.0.0.0,+
		udp4 bind=0.0.0.0,0 sendto=$p4,$port recv | bind sendto recv=P/$a4@$p4
		udp4 bind=$a4b,0 sendto=$p4,$port recv | bind sendto recv=P/$a4b@$p4
		udp4 from=$a4b sendto=$p4,$port recv | sendto recv=P/$a4b@$p4
		udp4 bind=0.0.0.0,$port from=$a4b sendto=$p4,$port recv | bind sendto recv=P/$a4b@$p4
		udp6 v6only bind=::,$port from=$a6b sendto=$p6,$port recv | bind sendto recv=P/$a6b@$p6
		udp6 dual bind=::,7 from=$a6b sendto=$p6,$port recv | bind sendto recv=P/$a6b@$p6
		udp6 dual bind=::,8 from=::ffff:$a4b sendto=::ffff:$p4,$port recv | bind sendto recv=P/$a4b@::ffff:$p4
		udp4 connect=$p4,$port name send recv | connect name=$a4,+ send recv=P/$a4@$p4
		udp4 bind=$a4b,0 connect=$p4,$port send recv | bind connect send recv=P/$a4b@$p4
		udp4 connect=$p4,$port disconnect sendto=$p4,$port recv | connect disconnect sendto recv=P/$a4@$p4
		udp4 connect=127.0.0.1,$port disconnect connect=$p4,$port name | connect disconnect connect name=$a4,+
		udp4 connect=$p4,$port disconnect connect=127.0.0.1,$port name | connect disconnect connect name=127.0.0.1,+
		udp4 bind=$a4b,0 connect=$p4,$port disconnect connect=$p4,$port name | bind connect disconnect connect name=$a4b,+
		udp6 connect=::1,$port disconnect connect=$p6,$port name | connect disconnect connect name=$a6,+
		tcp4 try=127.0.0.1,$port connect=$p4,$port read | try:ECONNREFUSED connect read=P/$p4/$a4
		tcp6 try=::1,$port connect=$p6,$port read | try:ECONNREFUSED connect read=P/$p6/$a6
		tcp4 bind=$a4b,0 try=$p4,$((port + 1)) connect=$p4,$port read | bind try:ECONNREFUSED connect read=P/$p4/$a4b
		tcp4 connect=$p4,$port disconnect connect=$p4,$port read | connect disconnect connect read=P/$p4/$a4
		udp6 sendto=$p6,$port recv | sendto recv=P/$a6@$p6
		udp6 bind=::,0 sendto=$p6,$port recv | bind sendto recv=P/$a6@$p6
		udp6 v6only bind=::,0 sendto=$p6,$port recv | bind sendto recv=P/$a6@$p6
		udp6 bind=$a6b,0 sendto=$p6,$port recv | bind sendto recv=P/$a6b@$p6
		udp6 from=$a6b sendto=$p6,$port recv | sendto recv=P/$a6b@$p6
		udp6 connect=$p6,$port name send recv | connect name=$a6,+ send recv=P/$a6@$p6
		udp6 sendto=::ffff:$p4,$port recv | sendto recv=P/$a4@::ffff:$p4
		udp6 bind=::,0 sendto=::ffff:$p4,$port recv | bind sendto recv=P/$a4@::ffff:$p4
		udp6 connect=::ffff:$p4,$port send recv | connect send recv=P/$a4@::ffff:$p4
		udp6 from=::ffff:$a4b sendto=::ffff:$p4,$port recv | sendto recv=P/$a4b@::ffff:$p4
	END
	begin four "$n4.31/24"
	begin six "$n6:31/64"
	check four <<-END
		tcp4 connect=$p4,$port read | connect read=P/$p4/$n4.31
		tcp6 connect=$p6,$port | connect:ENETUNREACH
		udp6 sendto=$p6,$port | sendto:ENETUNREACH
		udp6 connect=$p6,$port | connect:ENETUNREACH
		tcp6 dual bind=::,$port listen name | bind listen name=::,$port
	END
	check six <<-END
		tcp6 connect=$p6,$port read | connect read=P/$p6/$n6:31
		tcp4 connect=$p4,$port | connect:ENETUNREACH
		udp4 sendto=$p4,$port | sendto:ENETUNREACH
		udp4 connect=$p4,$port | connect:ENETUNREACH
		tcp6 connect=::ffff:$p4,$port | connect:ENETUNREACH
		udp6 sendto=::ffff:$p4,$port | sendto:ENETUNREACH
	END
}

@test "chbind: what is bound to every address serves each, in both contexts" {
	begin_both
	local e=$((port + 1)) d=$((port + 2))
	for who in a b; do
		serve $who tcp4 tag=4$who bind=0.0.0.0,$port listen tcp6 v6only tag=6$who bind=::,$port listen \
			tcp6 dual tag=D$who bind=::,$d listen udp4 tag=4$who bind=0.0.0.0,$port \
			udp6 v6only tag=6$who bind=::,$port udp6 dual tag=D$who bind=::,$d
	done
	serve a tcp4 tag=E "bind=$a4b,$e" listen udp4 tag=E "bind=$a4b,$e" \
		tcp6 tag=E "bind=$a6b,$e" listen udp6 tag=E "bind=$a6b,$e"
	serve a tcp4 tag=W "bind=0.0.0.0,$e" listen udp4 tag=W "bind=0.0.0.0,$e" \
		tcp6 v6only tag=W "bind=::,$e" listen udp6 v6only tag=W "bind=::,$e"
	for who in a b; do
		local x4=${who}4 x4b=${who}4b x6=${who}6 x6b=${who}6b
		check peer <<-END
			tcp4 connect=${!x4},$port read | connect read=4$who/${!x4}/$p4
			tcp4 connect=${!x4b},$port read | connect read=4$who/${!x4b}/$p4
			tcp6 connect=${!x6},$port read | connect read=6$who/${!x6}/$p6
			tcp6 connect=${!x6b},$port read | connect read=6$who/${!x6b}/$p6
			tcp4 connect=${!x4},$d read | connect read=D$who/::ffff:${!x4}/::ffff:$p4
			tcp4 connect=${!x4b},$d read | connect read=D$who/::ffff:${!x4b}/::ffff:$p4
			tcp6 connect=${!x6},$d read | connect read=D$who/${!x6}/$p6
			tcp6 connect=${!x6b},$d read | connect read=D$who/${!x6b}/$p6
			udp4 sendto=${!x4},$port recv | sendto recv=4$who/$p4@${!x4}
			udp4 sendto=${!x4b},$port recv | sendto recv=4$who/$p4@${!x4}
			udp6 sendto=${!x6},$port recv | sendto recv=6$who/$p6@${!x6}
			udp6 sendto=${!x6b},$port recv | sendto recv=6$who/$p6@${!x6}
			udp4 sendto=${!x4},$d recv | sendto recv=D$who/::ffff:$p4@${!x4}
			udp4 sendto=${!x4b},$d recv | sendto recv=D$who/::ffff:$p4@${!x4}
			udp6 sendto=${!x6},$d recv | sendto recv=D$who/$p6@${!x6}
			udp6 sendto=${!x6b},$d recv | sendto recv=D$who/$p6@${!x6}
		END
		check $who <<-END
			tcp4 connect=127.0.0.1,$port read | connect read=4$who/127.0.0.1/127.0.0.1
			tcp4 connect=127.0.0.9,$port read | connect read=4$who/127.0.0.9/127.0.0.1
			tcp4 connect=${!x4b},$port read | connect read=4$who/${!x4b}/${!x4}
			tcp6 connect=::1,$port read | connect read=6$who/::1/::1
			tcp4 connect=127.0.0.1,$d read | connect read=D$who/::ffff:127.0.0.1/::ffff:127.0.0.1
			tcp6 connect=::1,$d read | connect read=D$who/::1/::1
			udp4 sendto=127.0.0.1,$port recv | sendto recv=4$who/127.0.0.1@127.0.0.1
			udp4 connect=127.0.0.1,$port send recv | connect send recv=4$who/127.0.0.1@127.0.0.1
			udp4 sendto=${!x4b},$port recv | sendto recv=4$who/${!x4}@${!x4}
			udp6 sendto=::1,$port recv | sendto recv=6$who/::1@::1
			udp6 connect=::1,$port send recv | connect send recv=6$who/::1@::1
			udp4 sendto=127.0.0.1,$d recv | sendto recv=D$who/::ffff:127.0.0.1@127.0.0.1
			udp6 connect=::1,$d send recv | connect send recv=D$who/::1@::1
		END
	done
	check peer <<-END
		tcp4 connect=$a4b,$e read | connect read=E/$a4b/$p4
		tcp4 connect=$a4,$e read | connect read=W/$a4/$p4
		tcp6 connect=$a6b,$e read | connect read=E/$a6b/$p6
		tcp6 connect=$a6,$e read | connect read=W/$a6/$p6
		udp4 sendto=$a4b,$e recv | sendto recv=E/$p4@$a4b
		udp4 sendto=$a4,$e recv | sendto recv=W/$p4@$a4
		udp6 sendto=$a6b,$e recv | sendto recv=E/$p6@$a6b
		udp6 sendto=$a6,$e recv | sendto recv=W/$p6@$a6
	END
}

# How many of 20 connections to $1 get which answer, as "TAG COUNT" lines.
spread() {
	local words=()
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		words+=(tcp4 "connect=$1,$port" read)
	done
	net peer "${words[@]}" | sed 's/.*read=//; s,/.*,,' | sort | uniq -c | awk '{ print $2, $1 }'
}

@test "chbind: SO_REUSEPORT: all listeners get connections, whichever ends leaves the others served" {
	begin_both
	serve b tcp4 tag=B bind=0.0.0.0,$port listen
	for end in first last; do
		serve a tcp4 tag=first reuseport bind=0.0.0.0,$port listen
		first=$server
		serve a tcp4 tag=last reuseport bind=0.0.0.0,$port listen
		last=$server
		run -0 spread "$a4"
		[[ $output == *first* && $output == *last* && $output != *B* ]]
		run -0 spread "$a4b"
		[[ $output != *B* ]]
		end "${!end}"
		[ $end = first ] && rest=last || rest=first
		for address in "$a4" "$a4b"; do
			run -0 spread "$address"
			[ "$output" = "$rest 20" ]
		done
		net a tcp4 connect=127.0.0.1,$port read | grep -q "read=$rest/"
		end "${!rest}"
	done
	check peer <<-END
		tcp4 connect=$a4b,$port read | connect:ECONNREFUSED
		tcp4 connect=$b4b,$port read | connect read=B/$b4b/$p4
	END
}

@test "chbind: SO_REUSEPORT: connections to a second address are shared, too" {
	begin_both
	serve a tcp4 tag=first reuseport bind=0.0.0.0,$port listen
	serve a tcp4 tag=last reuseport bind=0.0.0.0,$port listen
	run -0 spread "$a4b"
	[[ $output == *first* && $output == *last* ]]
}

@test "chbind: ports below 1024: root and who has the capability there, nobody else" {
	begin_both
	local all="tcp4 bind=0.0.0.0,80 listen | %
		tcp4 bind=127.0.0.1,81 | %
		tcp4 bind=$a4,82 | %
		tcp4 bind=$a4b,1023 | %
		tcp6 bind=::,83 | %
		tcp6 bind=::1,84 | %
		tcp6 bind=$a6b,85 | %
		tcp6 bind=::ffff:$a4,86 | %
		udp4 bind=0.0.0.0,53 | %
		udp4 bind=$a4,54 | %
		udp6 bind=::,55 | %
		udp6 v6only bind=::,56 | %"
	sed 's/%/bind/; s/listen . bind/listen | bind listen/' <<<"$all" | sed 's/^\t*//' >"$T/allowed"
	sed 's/%/bind:EACCES/; s/^\t*//' <<<"$all" >"$T/refused"
	check a <"$T/allowed"
	check a uid=1000,10 <"$T/allowed"
	check a uid=1000 <"$T/refused"
	# CAP_NET_RAW is none for ports.
	check a uid=1000,13 <"$T/refused"
	check a uid=1000 userns <"$T/refused"
	check a uid=1000 <<-END
		tcp4 bind=0.0.0.0,1024 listen | bind listen
		udp6 bind=::,1024 | bind
	END
	check a <<-END
		tcp4 bind=$b4,80 | bind:EADDRNOTAVAIL
	END
}

@test "chbind: a network namespace made inside is left alone" {
	begin_both
	check a netns <<-END
		tcp4 bind=0.0.0.0,80 listen name | bind listen name=0.0.0.0,80
		tcp4 connect=127.0.0.1,80 name peer | connect name=127.0.0.1,+ peer=127.0.0.1,80
		tcp4 bind=127.0.0.1,81 listen name | bind listen name=127.0.0.1,81
		tcp4 connect=127.0.0.1,81 peer | connect peer=127.0.0.1,81
		tcp6 bind=::1,82 listen name | bind listen name=::1,82
		tcp6 connect=::1,82 name | connect name=::1,+
		tcp4 bind=127.77.0.1,83 name | bind name=127.77.0.1,83
		udp4 bind=0.0.0.0,84 connect=127.0.0.1,84 send recv | bind connect send recv=x@127.0.0.1
		udp6 bind=::,85 connect=::1,85 send recv | bind connect send recv=x@::1
		tcp4 bind=$a4,86 | bind:EADDRNOTAVAIL
	END
}

@test "chbind: a random port and a listener without bind are served at its own addresses alone" {
	begin_both
	serve a udp4 tag=a "sendto=$p4,9" at udp6 dual tag=a6 bind=::,0 at tcp4 tag=L listen at
	{ read -r u4 && read -r u6 && read -r t; } < <(sed -n 's/.* at=//p' "$T/serve")
	check peer <<-END
		udp4 sendto=$a4,$u4 recv | sendto recv=a/$p4@$a4
		udp4 sendto=$a4b,$u4 recv | sendto recv=a/$p4@$a4
		udp4 timeout=300 sendto=$h4,$u4 recv | sendto recv:EAGAIN
		udp4 timeout=300 sendto=$b4,$u4 recv | sendto recv:EAGAIN
		udp6 sendto=$a6,$u6 recv | sendto recv=a6/$p6@$a6
		udp6 timeout=300 sendto=$h6,$u6 recv | sendto recv:EAGAIN
		udp6 timeout=300 sendto=$b6,$u6 recv | sendto recv:EAGAIN
		udp4 timeout=300 sendto=$b4,$u6 recv | sendto recv:EAGAIN
		tcp4 connect=$a4,$t read | connect read=L/$a4/$p4
		tcp4 connect=$a4b,$t read | connect read=L/$a4b/$p4
		tcp4 timeout=500 connect=$h4,$t | connect:ETIMEDOUT
		tcp4 timeout=500 connect=$b4,$t | connect:ECONNREFUSED
	END
	check b <<-END
		udp4 timeout=300 sendto=127.0.0.1,$u4 recv | sendto recv:EAGAIN
		udp4 timeout=300 sendto=$h4,$u4 recv | sendto recv:EAGAIN
		tcp4 timeout=500 connect=127.0.0.1,$t | connect:ECONNREFUSED
	END
	check host <<-END
		udp4 timeout=300 sendto=127.0.0.1,$u4 recv | sendto recv:EAGAIN
		tcp4 timeout=500 connect=127.0.0.1,$t | connect:ETIMEDOUT
	END
}

@test "chbind: a daemon of the host on every address is in the way, named, and answers for nobody else" {
	[ "$(chbind --fence status)" = off ] || skip "requires the fence to be down"
	begin a "$a4/24" "$a6/64" "$a4b/24"
	launch host tcp4 tag=H bind=0.0.0.0,$port listen tcp6 v6only tag=H bind=::,$port listen \
		udp4 tag=H bind=0.0.0.0,$port "wait=$T/go" serve
	daemon=$server
	wait_until has_line "$T/serve" '^udp4 bind'
	reach_net peer
	"${way[@]}" tcp4 "connect=$h4,$port" "wait=$T/went" read >"$T/under-way" 3>&- &
	client=$!
	daemons="$daemons $client"
	wait_until has_line "$T/under-way" connect
	check a <<-END
		tcp4 bind=0.0.0.0,$port listen | bind:EADDRINUSE
		tcp4 bind=127.0.0.1,$port | bind:EADDRINUSE
		tcp4 bind=$a4b,$port | bind:EADDRINUSE
		tcp6 v6only bind=::,$port | bind:EADDRINUSE
		udp4 bind=0.0.0.0,$port | bind:EADDRINUSE
		udp4 bind=127.0.0.1,$port | bind:EADDRINUSE
		tcp4 bind=0.0.0.0,$((port + 1)) listen | bind listen
	END
	run -0 chbind --blockers --raw
	[[ $'\n'$output$'\n' == *$'\n'"tcp $port $daemon net"$'\n'* ]]
	[[ $'\n'$output$'\n' == *$'\n'"udp $port $daemon net"$'\n'* ]]
	run -0 chbind --blockers
	[[ ${lines[0]} == 'PROTOCOL '*'PORT '*'PID  COMMAND' ]]
	run -0 --separate-stderr chbind --ctx "$a" --add --dev "$dev" --ip "$n4.13/24"
	[ "$output" = "ipv4root is now $a4 $a6 $a4b $n4.13" ]
	[[ $stderr == *"chbind: port $port/tcp: net (process $daemon) of the host has it on every address: no VPS can"* ]]
	run -0 --separate-stderr chbind --silent --ctx "$a" --del --ip "$n4.13"
	[ "$output$stderr" = "" ]
	: >"$T/go"
	check peer <<-END
		tcp4 connect=$h4,$port read | connect read=H/$h4/$p4
		tcp4 connect=$a4,$port | connect:ECONNREFUSED
		tcp4 connect=$a4b,$port | connect:ECONNREFUSED
		tcp6 connect=$a6,$port | connect:ECONNREFUSED
		tcp6 connect=$h6,$port read | connect read=H/$h6/$p6
	END
	check a <<-END
		tcp4 connect=127.0.0.1,$port | connect:ECONNREFUSED
		tcp6 connect=::1,$port | connect:ECONNREFUSED
		tcp4 connect=$h4,$port read | connect read=H/$h4/$a4
	END
	: >"$T/went"
	wait "$client"
	[ "$(cat "$T/under-way")" = "tcp4 connect read=H/$h4/$p4" ]
}

@test "chbind: sockets of a context without addresses are as they were" {
	begin a
	serve a tcp4 tag=a bind=0.0.0.0,$port listen tcp6 tag=a v6only bind=::1,$port listen \
		udp4 tag=a bind=0.0.0.0,$port
	check peer <<-END
		tcp4 connect=$h4,$port read | connect read=a/$h4/$p4
		udp4 sendto=$h4,$port recv | sendto recv=a/$p4@$h4
	END
	check host <<-END
		tcp4 connect=127.0.0.1,$port read | connect read=a/127.0.0.1/127.0.0.1
		tcp6 connect=::1,$port read | connect read=a/::1/::1
		udp4 sendto=127.0.0.1,$port recv | sendto recv=a/127.0.0.1@127.0.0.1
	END
	check a <<-END
		tcp4 bind=$h4,$((port + 1)) name | bind name=$h4,$((port + 1))
		tcp4 bind=0.0.0.0,80 | bind:EACCES
		tcp4 connect=127.0.0.1,$port name | connect name=127.0.0.1,+
		tcp4 connect=$h4,$port read | connect read=a/$h4/$h4
		udp4 sendto=127.0.0.1,$port recv | sendto recv=a/127.0.0.1@127.0.0.1
	END
	run -0 chbind --list --raw --ctx "$a"
	[ "$output" = "" ]
	# One that gets them, and loses them again, while somebody has a socket there.
	chbind --silent --ctx "$a" --dev "$dev" --ip "$a4/24"
	chbind --silent --ctx "$a" --del --ip "$a4"
	check peer <<-END
		tcp4 timeout=500 connect=$h4,$port | connect:ETIMEDOUT
	END
}

# refused_protocol KIND NAME: a context with addresses has none of it, everybody else has.
refused_protocol() {
	local all="${1}4 bind=0.0.0.0,$port | bind
		${1}6 bind=::1,$port | bind"
	"$BUILD/system/net" "${1}4" bind=127.0.0.1,0 | grep -qx "${1}4 bind" || skip "requires $2"
	begin_both
	begin c
	check a <<-END
		${1}4 | socket:EPROTONOSUPPORT
		${1}6 | socket:EPROTONOSUPPORT
	END
	sed 's/^\t*//' <<<"$all" >"$T/all"
	check a netns <"$T/all"
	check c <"$T/all"
	check peer <"$T/all"
}

@test "chbind: there is no MPTCP, whose listeners would serve one address alone" {
	refused_protocol mptcp MPTCP
}

@test "chbind: there is no SCTP, which nobody asks before it binds" {
	refused_protocol sctp SCTP
}

@test "chbind: there is no UDP-Lite, which nobody asks before it binds" {
	refused_protocol udplite UDP-Lite
}

@test "chbind: the range that a port is chosen from is the kernel's alone to say" {
	"$BUILD/system/net" tcp4 ports=$port-$port | grep -qx 'tcp4 ports' ||
		skip "requires IP_LOCAL_PORT_RANGE (Linux 6.3)"
	begin_both
	begin c
	check a <<-END
		tcp4 ports=$port-$port | ports:EPERM
		tcp6 ports=$port-$port | ports:EPERM
		udp4 ports=$port-$port | ports:EPERM
		udp6 ports=$port-$port | ports:EPERM
	END
	check a netns <<-END
		tcp4 ports=40001-40001 bind=127.0.0.1,0 at | ports bind at=40001
		udp6 ports=40001-40001 bind=::1,0 at | ports bind at=40001
	END
	check c <<-END
		tcp4 ports=40001-40001 bind=127.0.0.1,0 at | ports bind at=40001
		udp6 ports=40001-40001 bind=::1,0 at | ports bind at=40001
	END
	check host <<-END
		udp4 ports=40001-40001 bind=127.0.0.1,0 at | ports bind at=40001
	END
}

@test "chbind: ping works, raw and packet sockets are closed" {
	begin_both
	check a <<-END
		raw4 | socket:EPERM
		raw6 | socket:EPERM
		packet | socket:EPERM
	END
	read -r low high </proc/sys/net/ipv4/ping_group_range
	{ [ "$low" -le $((a << 16)) ] && [ "$high" -ge $((a << 16)) ]; } ||
		skip "requires net.ipv4.ping_group_range to have the groups of VPSes"
	check a <<-END
		ping4 ping=$p4 | ping
		ping4 ping=127.0.0.1 | ping
		ping4 bind=$a4,0 ping=$p4 | bind ping
		ping6 bind=$a6b,0 ping=$p6 | bind ping
		ping4 bind=$b4,0 timeout=500 ping=$p4 | bind ping:EPERM
	END
}

@test "chbind: ping(8) works, from its own addresses alone" {
	requires ping
	copy_program "$(command -v ping)"
	begin_both
	ping=("$(command -v ping)" -n -c 1 -W 5)
	read -r low high </proc/sys/net/ipv4/ping_group_range
	{ [ "$low" -le $((a << 16)) ] && [ "$high" -ge $((a << 16)) ]; } ||
		skip "requires net.ipv4.ping_group_range to have the groups of VPSes"
	for address in "$p4" "$p6" 127.0.0.1 ::1 "$h4" "$b4"; do
		run -0 on a "${ping[@]}" "$address"
		[[ $output == *"64 bytes from $address: "* ]]
	done
	run -0 on a "${ping[@]}" -I "$a4b" "$p4"
	[[ $output == *" from $a4b "* ]]
	run -1 on a "${ping[@]}" -W 1 -I "$b4" "$p4"
}

# ---- real programs ------------------------------------------------------------------

# nginx in $root, serving /srv/NAME as the index of context NAME.
make_nginx() {
	copy_program "$(command -v nginx)"
	mkdir -p "$root"/srv/{a,b} "$root/etc/nginx" "$root/var/log/nginx" "$root/var/lib/nginx"
	for who in a b; do
		echo "nginx of $who" >"$root/srv/$who/index.html"
		cat >"$root/etc/nginx/$who.conf" <<-END
			user root root;
			daemon off;
			pid /tmp/nginx.$who;
			error_log stderr;
			events { worker_connections 64; }
			http {
				access_log off;
				client_body_temp_path /tmp/nginx.$who.body;
				server {
					listen 80;
					listen [::]:80;
					root /srv/$who;
				}
			}
		END
	done
}

gets() {
	run -0 on "$1" curl -sg --max-time 10 "http://$2/"
	[ "$output" = "$3" ] || {
		echo "at $1 from $2: $output" >&2
		return 1
	}
}

inside_gets() {
	run -0 on "$1" wget -qO - "http://$2/"
	[ "$output" = "$3" ]
}

answers() {
	on "$1" curl -sgo /dev/null --max-time 1 "http://$2/"
}

@test "chbind: nginx and busybox httpd: each VPS and the host have port 80" {
	requires nginx curl
	make_nginx
	begin_both
	serve host tcp4 tag=H bind=127.0.0.1,80 listen
	for who in a b; do
		vps-enter "${!who}" -- nginx -e stderr -c /etc/nginx/$who.conf >"$T/nginx.$who" 2>&1 3>&- &
		daemons="${daemons-} $!"
	done
	wait_until answers peer "$a4"
	wait_until answers peer "$b4"
	for who in a b; do
		for address in 4 4b 6 6b; do
			at=$who$address
			case $address in
			4*) gets peer "${!at}" "nginx of $who" ;;
			6*) gets peer "[${!at}]" "nginx of $who" ;;
			esac
		done
		inside_gets $who 127.0.0.1 "nginx of $who"
		inside_gets $who '[::1]' "nginx of $who"
	done
	check host <<-END
		tcp4 connect=127.0.0.1,80 read | connect read=H/127.0.0.1/127.0.0.1
	END
	gets host "$b4b" "nginx of b"
	check peer <<-END
		tcp4 connect=$h4,80 | connect:ECONNREFUSED
	END
	for who in a b; do
		vps-enter "${!who}" -- httpd -f -p 8080 -h /srv/$who 3>&- &
		daemons="$daemons $!"
	done
	wait_until answers peer "$a4b:8080"
	wait_until answers peer "$b4b:8080"
	for who in a b; do
		at=${who}4
		gets peer "${!at}:8080" "nginx of $who"
		inside_gets $who 127.0.0.1:8080 "nginx of $who"
	done
}

asks() {
	run -0 on "$1" dig +short +tries=1 +time=3 "@$2" -p 53 name.example "$3"
	[ "$output" = "$4" ] || {
		echo "at $1 from $2 for $3: $output" >&2
		return 1
	}
}

@test "chbind: dnsmasq: questions at each address and at the loopback are answered from there" {
	requires dnsmasq dig
	copy_program "$(command -v dnsmasq)"
	copy_program "$(command -v dig)"
	begin_both
	for who in a b; do
		[ $who = a ] && n=1 || n=2
		vps-enter "${!who}" -- dnsmasq -k -u root -R -h -x "/tmp/dns.$who" -C /dev/null \
			--log-facility=- --address=/name.example/192.0.2.$n \
			--address=/name.example/2001:db8::$n >"$T/dns.$who" 2>&1 3>&- &
		daemons="${daemons-} $!"
	done
	wait_until test -s "$root/tmp/dns.a"
	wait_until test -s "$root/tmp/dns.b"
	asks peer "$a4" A 192.0.2.1
	asks peer "$a4b" A 192.0.2.1
	asks peer "$a6" AAAA 2001:db8::1
	asks peer "$a6b" AAAA 2001:db8::1
	asks peer "$b4" A 192.0.2.2
	asks peer "$b6b" A 192.0.2.2
	for who in a b; do
		[ $who = a ] && n=1 || n=2
		asks $who 127.0.0.1 A 192.0.2.$n
		asks $who ::1 A 192.0.2.$n
		run -0 on $who dig +tcp +short +time=3 @127.0.0.1 name.example
		[ "$output" = 192.0.2.$n ]
	done
	run -0 on peer dig +tcp +short +time=3 "@$a4b" name.example
	[ "$output" = 192.0.2.1 ]
}

# ---- chbind itself ------------------------------------------------------------------

# has_address ADDRESS: the machine has it on the cable.
has_address() {
	ip -o addr show dev "$dev" | grep -qF " $1/"
}

# Those of the cable, and the loopbacks of this test's contexts.
addresses() {
	ip addr show scope global dev "$dev"
	while read -r one; do
		ip -o addr show dev lo | grep -F " $(loop6 "$one")/" || :
	done <"$T/contexts"
}

lacks_address() {
	! has_address "$1" || { echo "$1 is there" >&2 && return 1; }
}

# lists CTX LINE...: what --list says of it, without its number.
lists() {
	local wanted=''
	[ $# -eq 1 ] || wanted=$(printf "$1 %s\n" "${@:2}")
	run -0 chbind --list --raw --ctx "$1"
	[ "$output" = "$wanted" ] || {
		echo "$output" >&2
		return 1
	}
}

# says OUTPUT CMD...: done, with nothing else on either of the outputs than this, and lines on
# daemons of the machine, which are none of ours.
says() {
	run -0 --separate-stderr "${@:2}"
	[ "$output" = "$1" ] && ! grep -v '^chbind: port ' <<<"${stderr:-chbind: port }" && return
	printf '%s\n' "$output" "$stderr" >&2
	return 1
}

@test "chbind: --add, --del, others instead: at once, in order, as --list has it" {
	begin_both
	serve peer tcp4 tag=P bind=0.0.0.0,$port listen tcp6 v6only tag=P bind=::,$port listen
	serve a tcp4 tag=a bind=0.0.0.0,$port listen udp4 tag=a "bind=$a4b,$port" udp4 tag=a1 "bind=$a4,$port"
	lists "$a" "$a4/24 $dev -" "$a6/64 $dev -" "$a4b/24 $dev -" "$a6b/64 $dev -"
	run -0 chbind --list --ctx "$a"
	[[ ${lines[0]} =~ ^' '*'CTX  ADDRESS '+' DEVICE '+' NAME'$ ]]
	[[ ${lines[1]} =~ ^' '*"$a  $a4/24 "+" $dev  -"$ ]]
	[ "${#lines[@]}" -eq 5 ]
	run -0 chbind --list --json --ctx "$a"
	[[ ${output//[[:space:]]/} == '[{"ctx":'$a',"address":"'$a4'/24","device":"'$dev'","name":null},{'* ]]
	says "ipv4root is now $a4 $a6 $a4b $a6b $n4.13" \
		chbind --ctx "$a" --add --dev "$dev" --ip "$n4.13/24"
	lists "$a" "$a4/24 $dev -" "$a6/64 $dev -" "$a4b/24 $dev -" "$a6b/64 $dev -" "$n4.13/24 $dev -"
	has_address "$n4.13"
	check peer <<-END
		tcp4 connect=$n4.13,$port read | connect read=a/$n4.13/$p4
		udp4 sendto=$a4b,$port recv | sendto recv=a/$p4@$a4b
	END
	# Again is once.
	says "ipv4root is now $a4 $a6 $a4b $a6b $n4.13" \
		chbind --ctx "$a" --add --dev "$dev" --ip "$n4.13/24" --ip "$a4/24"
	# On the device it stays reachable, but not for who had it.
	ip addr del "$a4b/24" dev "$dev"
	ip addr add "$a4b/24" dev "$dev"
	says "ipv4root is now $a4 $a6 $a6b" chbind --ctx "$a" --del --ip "$a4b" --ip "$n4.13"
	lacks_address "$n4.13"
	lacks_address "$a4b"
	ip addr add "$a4b/24" dev "$dev"
	check peer <<-END
		udp4 timeout=400 sendto=$a4b,$port recv | sendto recv:EAGAIN
		tcp4 timeout=400 connect=$a4b,$port | connect:ECONNREFUSED
		tcp4 connect=$a4,$port read | connect read=a/$a4/$p4
	END
	check a <<-END
		tcp4 bind=$a4b,0 | bind:EADDRNOTAVAIL
		udp4 from=$a4b sendto=$p4,$port | sendto:EADDRNOTAVAIL
		tcp4 connect=$p4,$port read | connect read=P/$p4/$a4
	END
	# Others, in another order: the first is the main one.
	says "ipv4root is now $n4.14 $a4 $a6b $a6" chbind --ctx "$a" --dev "$dev" \
		--ip "$n4.14/24" --ip "$a4/24" --ip "$a6b/64" --ip "$a6/64"
	lists "$a" "$n4.14/24 $dev -" "$a4/24 $dev -" "$a6b/64 $dev -" "$a6/64 $dev -"
	check a <<-END
		tcp4 connect=$p4,$port read | connect read=P/$p4/$n4.14
		tcp6 connect=$p6,$port read | connect read=P/$p6/$a6b
		tcp4 bind=$a4,0 connect=$p4,$port read | bind connect read=P/$p4/$a4
	END
	says "ipv4root is now nothing" chbind --ctx "$a" --del --ip "$n4.14" --ip "$a4" --ip "$a6" --ip "$a6b"
	lists "$a"
	check a <<-END
		tcp4 connect=$p4,$port | connect:ENETUNREACH
		tcp4 bind=$a4,0 | bind:EADDRNOTAVAIL
		tcp4 bind=$h4,0 | bind:EADDRNOTAVAIL
		tcp4 bind=0.0.0.0,$((port + 1)) listen | bind listen
		tcp4 connect=127.0.0.1,$((port + 1)) name | connect name=127.0.0.1,+
	END
	lists "$b" "$b4/24 $dev -" "$b6/64 $dev -" "$b4b/24 $dev -" "$b6b/64 $dev -"
}

@test "chbind: what --dev puts on a device goes, what was there stays; all of a device by its name" {
	ip addr add "$n4.40/24" dev "$dev"
	ip addr add "$n6:40/64" dev "$dev" nodad
	begin a
	# A destination without a prefix is one host.
	says "ipv4root is now $n4.41 $n4.40 $n6:40 $n6:41" chbind --ctx "$a" --dev "$dev" \
		--ip "$n4.41" --ip "$n4.40/24" --ip "$n6:40/64" --ip "$n6:41/64"
	lists "$a" "$n4.41/32 $dev -" "$n4.40/24 - -" "$n6:40/64 - -" "$n6:41/64 $dev -"
	says "ipv4root is now $n4.41" chbind --ctx "$a" --ip "$n4.41"
	for address in "$n4.40" "$n6:40" "$n4.41"; do
		has_address "$address"
	done
	lacks_address "$n6:41"
	says "ipv4root is now $n4.43 $n4.44" chbind --ctx "$a" --dev "$dev" --bcast "$n4.99" \
		--ip "$n4.43/255.255.255.0" --ip "$n4.44/25"
	lacks_address "$n4.41"
	ip -o addr show dev "$dev" | grep -qF "$n4.43/24 brd $n4.99 "
	ip -o addr show dev "$dev" | grep -qF "$n4.44/25 brd $n4.99 "
	run -0 chbind --silent --ctx "$a" --ip "$dev"
	for address in "$h4/24 -" "$n4.40/24 -" "$n4.43/24 $dev" "$n4.44/25 $dev" "$n6:40/64 -" "$h6/64 -"; do
		chbind --list --raw --ctx "$a" | grep -qFx "$a $address -"
	done
	[ "$(chbind --list --raw --ctx "$a" | wc -l)" -eq 6 ]
	finish "$a"
	for address in "$h4" "$n4.40" "$n6:40" "$h6"; do
		has_address "$address"
	done
	lacks_address "$n4.43"
	prints_none "$(loop6 "$a")/" ip -o addr show dev lo
	begin b "$b4/24" "$b6/64"
	# By somebody's hand, or with its device.
	ip addr del "$b4/24" dev "$dev"
	says "ipv4root is now $b6" chbind --ctx "$b" --del --ip "$b4"
	remove_cable
	says "ipv4root is now nothing" chbind --ctx "$b" --del --ip "$b6"
}

@test "chbind: the host goes on to be seen by its own addresses" {
	begin a "$a4/24" "$n6:3/64"
	serve peer tcp4 tag=P bind=0.0.0.0,$port listen tcp6 v6only tag=P bind=::,$port listen
	ip -o addr show dev "$dev" | grep -F "$n6:3/64" | grep -q deprecated
	# The address nearest to the peer's would be chosen, were it not for that.
	check host <<-END
		tcp6 connect=$p6,$port read | connect read=P/$p6/$h6
		tcp4 connect=$p4,$port read | connect read=P/$p4/$h4
	END
	ip -o addr show dev lo | grep -F "$(loop6 "$a")" | grep -q deprecated
}

@test "chbind: with a command: in a new context that ends with it, or after a change" {
	serve peer tcp4 tag=P bind=0.0.0.0,$port listen
	run -0 chbind --silent --dev "$dev" --ip "$a4/24" -- "$BUILD/system/net" tcp4 "connect=$p4,$port" read
	[ "$output" = "tcp4 connect read=P/$p4/$a4" ]
	lacks_address "$a4"
	run -7 chbind --silent --dev "$dev" --ip "$a4/24" -- sh -c 'exit 7'
	run -127 chbind --silent --dev "$dev" --ip "$a4/24" -- /does/not/exist
	run -126 chbind --silent --dev "$dev" --ip "$a4/24" -- /etc/passwd
	run -125 chbind --silent --ip "$a4/24" -- true
	one_line "chbind: $a4: no device of this host has this address"
	lacks_address "$a4"
	begin a
	run -0 chbind --silent --ctx "$a" --dev "$dev" --ip "$a4/24" -- ip -o addr show dev "$dev"
	[[ $output == *" $a4/24 "* ]]
	run -3 chbind --silent --ctx "$a" --ip "$a4/24" -- sh -c 'exit 3'
}

@test "chbind: what is wrong is one line, and changes nothing" {
	requires leisure
	begin_both
	addresses >"$T/addresses"
	chbind --list --raw --ctx "$a" >"$T/list"
	local many=() i
	free_ctx
	for ((i = 0; i < 257; i++)); do
		many+=(--ip "10.254.$((i / 250)).$((i % 250 + 1))/32")
	done
	while IFS='|' read -r code message words; do
		# shellcheck disable=SC2086 # words
		run -"$code" chbind $words
		one_line "chbind: $message"
		addresses | diff "$T/addresses" - >&2
		chbind --list --raw --ctx "$a" | diff "$T/list" - >&2
	done <<-END
		2|--ip='1.2.3': not an address *|--ctx $a --ip 1.2.3
		2|--ip='300.1.1.1': not an address *|--ctx $a --ip 300.1.1.1
		2|--ip='1.2.3.4/': not an address *|--ctx $a --ip 1.2.3.4/
		2|--ip='fd00::g': not an address *|--ctx $a --ip fd00::g
		2|--ip='10.3.3.4/33': there is no such prefix *|--ctx $a --ip 10.3.3.4/33
		2|--ip='fd00::1/129': there is no such prefix *|--ctx $a --ip fd00::1/129
		2|--ip='10.3.3.4/255.0.255.0': not an address *|--ctx $a --ip 10.3.3.4/255.0.255.0
		2|--ip='0.0.0.0': no VPS can have this address *|--ctx $a --ip 0.0.0.0
		2|--ip='127.0.0.5': no VPS can have this address *|--ctx $a --ip 127.0.0.5 --dev $dev
		2|--ip='224.0.0.1': no VPS can have this address *|--ctx $a --ip 224.0.0.1 --dev $dev
		2|--ip='255.255.255.255': no VPS can have this address *|--ctx $a --ip 255.255.255.255
		2|--ip='::1': no VPS can have this address *|--ctx $a --ip ::1
		2|--ip='fe80::1': no VPS can have this address *|--ctx $a --ip fe80::1
		2|--ip='::ffff:10.1.1.1': no VPS can have this address *|--ctx $a --ip ::ffff:10.1.1.1
		2|--ip='x$TAG': neither an address nor a device *|--ctx $a --ip x$TAG
		1|$n4.50: no device of this host has this address|--ctx $a --ip $n4.50/24
		1|$n4.50: no device of this host has this address|--ctx $a --ip $a4 --ip $n4.50/24
		1|x$TAG: no such device|--ctx $a --ip $n4.50/24 --dev x$TAG
		1|$b4 of context $b: another VPS has this address|--ctx $a --ip $b4
		1|$b6b of context $b: another VPS has this address|--ctx $a --add --dev $dev --ip $n4.50/24 --ip $b6b
		1|$n4.50: it has no such address|--ctx $a --del --ip $a4 --ip $n4.50
		1|$ctx: no such context|--ctx $ctx --ip $a4
		2|--bcast goes with --dev *|--ctx $a --ip $a4 --bcast $n4.255
		2|--bcast='x': not an address of IPv4 *|--ctx $a --dev $dev --ip $n4.50 --bcast x
		2|--bcast='fd00::1': not an address of IPv4 *|--ctx $a --dev $dev --ip $n4.50 --bcast fd00::1
		2|--add, --del and --list exclude each other *|--ctx $a --add --del --ip $a4
		2|--add, --del and --list exclude each other *|--ctx $a --add --list
		2|--list takes neither --ip nor a command *|--ctx $a --list --ip $a4
		2|--json and --raw go with --list or --blockers *|--ctx $a --json --ip $a4
		2|--dev goes with adding *|--ctx $a --del --dev $dev --ip $a4
		2|no --ip given *|--ctx $a
		2|no --ip given *|--ctx $a --dev $dev
		2|--ctx or a command is missing *|--ip $a4
		2|--fence and --blockers stand alone *|--ctx $a --fence on
		2|--fence='maybe': not on, off or status *|--fence maybe
		2|--fence and --blockers stand alone *|--blockers --list
	END
	for word in "$a" "$a --dev $dev"; do
		# shellcheck disable=SC2086 # words
		run -2 chbind --ctx $word "${many[@]}"
		one_line "chbind: --ip: more than 256 addresses *"
	done
	chbind --silent --ctx "$a" --add --dev "$dev" "${many[@]:0:504}"
	run -1 chbind --silent --ctx "$a" --add --dev "$dev" "${many[@]:504}"
	one_line "chbind: more than 256 addresses"
	[ "$(chbind --list --raw --ctx "$a" | wc -l)" -eq 256 ]
	[ "$(ip -o addr show dev "$dev" | grep -c ' 10\.254\.')" -eq 252 ]
	chbind --silent --ctx "$a" --dev "$dev" --ip "$a4/24" --ip "$a6/64" --ip "$a4b/24" --ip "$a6b/64"
	addresses | diff "$T/addresses" - >&2
}

@test "chbind: a context with a network of its own has no addresses in the host's, nor the other way" {
	net=none
	hold sleep 1000
	run -1 chbind --ctx "$ctx" --dev "$dev" --ip "$a4/24"
	one_line "chbind: the context has a network of its own"
	lacks_address "$a4"
	vkill -c "$ctx" -s KILL --wait 10
	wait "$holder" || :
	holder=
	free_ctx
	chcontext --silent --create --ctx "$ctx"
	chbind --silent --ctx "$ctx" --dev "$dev" --ip "$a4/24"
	run -125 chcontext --silent --ctx "$ctx" --root "$root" --net none -- true
	one_line "chcontext: it has addresses in the host's network"
	lists "$ctx" "$a4/24 $dev -"
	chcontext --destroy --ctx "$ctx"
	lacks_address "$a4"
	run -1 ip netns exec "$peer" "$BUILD/chbind" --ctx 3 --ip "$p4"
	[ "${#lines[@]}" -eq 1 ]
	run -1 chbind --ctx "no$TAG" --ip "$h4"
	one_line "chbind: no$TAG: no such VPS"
	run -1 chbind --ctx "$ctx" --ip "$h4"
	one_line "chbind: $ctx: no such context"
}

@test "chbind: replaced programs keep addresses, connections and counts" {
	begin_both
	vlimit -c "$a" --tcp 3
	serve a tcp4 tag=a bind=0.0.0.0,$port listen udp4 tag=a bind=0.0.0.0,$port
	serve peer tcp4 tag=P bind=0.0.0.0,$port listen
	launch a tcp4 "connect=$h4,1" tcp4 "connect=$a4,$port" "wait=/tmp/go" read tcp4 "connect=$p4,$port" read
	client=$server
	wait_until has_line "$T/serve" 'tcp4 connect$'
	before=$(vlimit -c "$a" --raw | grep ' tcp ')
	pin=$(own_pin)
	# Who makes the next context takes the programs for those of another build.
	rm "$pin"
	begin c "$n4.51/24"
	[ -e "$pin" ]
	[ "$(vlimit -c "$a" --raw | grep ' tcp ')" = "$before" ]
	: >"$root/tmp/go"
	wait "$client"
	has_line "$T/serve" "^tcp4 connect read=a/$a4/$a4$"
	has_line "$T/serve" "^tcp4 connect read=P/$p4/$a4$"
	lists "$a" "$a4/24 $dev -" "$a6/64 $dev -" "$a4b/24 $dev -" "$a6b/64 $dev -"
	check peer <<-END
		tcp4 connect=$a4,$port read | connect read=a/$a4/$p4
		tcp4 connect=$a4b,$port read | connect read=a/$a4b/$p4
		udp4 sendto=$a4b,$port recv | sendto recv=a/$p4@$a4
	END
	check a <<-END
		tcp4 bind=$b4,$port | bind:EADDRNOTAVAIL
		tcp4 bind=$n4.51,$port | bind:EADDRNOTAVAIL
		tcp4 connect=$p4,$port read | connect read=P/$p4/$a4
		tcp4 connect=127.0.0.1,$port read | connect read=a/127.0.0.1/127.0.0.1
	END
	[ "$(vlimit -c "$a" --raw | awk '$2 == "tcp" { print $6 }')" = 3 ]
}

# ---- chcontext ----------------------------------------------------------------------

@test "chcontext: --ip: there before the command runs, gone with the context" {
	serve peer tcp4 tag=P bind=0.0.0.0,$port listen tcp6 v6only tag=P bind=::,$port listen
	ip addr add "$n4.40/24" dev "$dev"
	free_ctx
	run -0 chcontext --silent --ctx "$ctx" --dev "$dev" --ip "$a4/24" --ip "$a6/64" -- \
		"$BUILD/system/net" tcp4 "connect=$p4,$port" read tcp6 "connect=$p6,$port" read
	[ "${lines[0]}" = "tcp4 connect read=P/$p4/$a4" ]
	[ "${lines[1]}" = "tcp6 connect read=P/$p6/$a6" ]
	no_context "$ctx"
	no_trace "$a4" "$a6"
	run -0 chcontext --silent --ctx "$ctx" --dev "$dev" --bcast "$n4.99" --ip "$a4/24" \
		--ip "$n4.40/24" -- ip -o addr show dev "$dev"
	[[ $output == *" $a4/24 brd $n4.99 "* ]]
	no_trace "$a4"
	has_address "$n4.40"
	run -7 chcontext --silent --ctx "$ctx" --root "$root" --dev "$dev" --ip "$a4/24" -- sh -c 'exit 7'
	no_trace "$a4"
	chcontext --silent --create --ctx "$ctx" --dev "$dev" --ip "$n4.40" --ip "$a4/24"
	lists "$ctx" "$n4.40/32 - -" "$a4/24 $dev -"
	run -0 chcontext --silent --ctx "$ctx" -- "$BUILD/system/net" tcp4 "connect=$p4,$port" read
	[ "$output" = "tcp4 connect read=P/$p4/$n4.40" ]
	chcontext --destroy --ctx "$ctx"
	no_trace "$a4"
	chcontext --silent --create --ctx "$ctx" --ip "$dev"
	for address in "$h4/24" "$n4.40/24" "$h6/64"; do
		chbind --list --raw --ctx "$ctx" | grep -qFx "$ctx $address - -"
	done
	chcontext --destroy --ctx "$ctx"
	has_address "$h4"
}

@test "chcontext: --ip: an address that cannot be had is one line, and nothing is made" {
	begin b "$b4/24"
	addresses >"$T/addresses"
	free_ctx
	while IFS='|' read -r message words; do
		for rest in --create '-- true'; do
			run -125 chcontext --ctx "$ctx" $words $rest
			one_line "chcontext: $message"
			no_context "$ctx"
			addresses | diff "$T/addresses" - >&2
		done
	done <<-END
		$n4.50: no device of this host has this address|--ip $n4.50/24
		$n4.51: no device of this host has this address|--ip $h4 --ip $n4.51/24
		x$TAG: no such device|--ip $n4.50/24 --dev x$TAG
		$b4 of context $b: another VPS has this address|--dev $dev --ip $n4.50/24 --ip $n6:50/64 --ip $b4
	END
	run -125 chcontext --ctx "$b" --dev "$dev" --ip "$n4.50/24" -- true
	one_line "chcontext: $b: the context is there already; chbind changes its addresses"
	run -125 chcontext --create --ctx "$b" --dev "$dev" --ip "$n4.50/24"
	lists "$b" "$b4/24 $dev -"
	run -125 ip netns exec "$peer" "$BUILD/chcontext" --ctx "$ctx" --ip "$p4" -- true
	no_context "$ctx"
	addresses | diff "$T/addresses" - >&2
}

@test "chcontext: --ip: where the command cannot run the addresses are taken back" {
	addresses >"$T/addresses"
	free_ctx
	while IFS='|' read -r code message words; do
		run -"$code" chcontext --silent --ctx "$ctx" --dev "$dev" --ip "$a4/24" --ip "$a6/64" $words
		one_line "chcontext: $message"
		no_context "$ctx"
		no_trace "$a4" "$a6"
	done <<-END
		127|/does/not/exist: execute: *|-- /does/not/exist
		126|/etc/passwd: execute: *|-- /etc/passwd
		125|*$T/none*|--root $T/none -- true
		127|/does/not/exist: execute: *|--root $root -- /does/not/exist
	END
	run -125 bash -c "exec chcontext --ctx $ctx --dev $dev --ip $a4/24 -- true >/dev/full"
	no_context "$ctx"
	run -125 bash -c "exec chcontext --ctx $ctx --dev $dev --ip $a4/24 --create >/dev/full"
	no_context "$ctx"
	addresses | diff "$T/addresses" - >&2
}

@test "chcontext: --ip: killed at any call that changes something, a sweep leaves no address" {
	requires strace leisure
	# Who comes first loads the programs, which is many calls.
	begin b "$b4/24"
	addresses >"$T/addresses"
	free_ctx
	for call in sendmsg fsetxattr bpf; do
		for ((count = 1; ; count++)); do
			run strace -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$count" \
				chcontext --silent --ctx "$ctx" --dev "$dev" --ip "$a4/24" --ip "$a6/64" -- true
			[ "$status" -ne 0 ] || break
			[ "$status" -eq 137 ]
			vkill -c "$ctx" -s KILL --wait 10 2>/dev/null || :
			sweep
			no_context "$ctx"
			addresses | diff "$T/addresses" - >&2
		done
		[ "$count" -gt 3 ]
	done
}

# ---- VPSes --------------------------------------------------------------------------

# no_trace ADDRESS...: no device has them, nor the loopback of $ctx.
no_trace() {
	for address; do
		lacks_address "$address" || return
	done
	prints_none " $(loop6 "$ctx")/" ip -o addr show dev lo
}

# The last run has told of nothing but daemons of the machine, which are none of ours.
tells_nothing() {
	! grep -ve '^$' -e ': port [0-9]*/[tcudp]*: ' <<<"$output" >&2
}

new_bound_vps() {
	new_vps IPROOT="$a4/24 $a6/64, $n4.40/24" IPROOTDEV="$dev" IPROOTBCAST="$n4.99"
	cp "$BUILD/system/net" "$root/net"
	ip addr add "$n4.40/24" dev "$dev"
}

@test "chbind: IPROOT: there from the first process on, gone with the VPS however it ends" {
	new_bound_vps
	printf '#!/bin/sh\n/net tcp4 tag=V bind=0.0.0.0,80 listen tcp6 tag=V v6only bind=::,80 listen serve >/served 2>&1 &\n' \
		>"$root/etc/rc"
	for end in stop kill-and-sweep kill-and-start kill-and-stop destroy; do
		run -0 vps-start "$name"
		tells_nothing
		wait_until has_line "$root/served" '^serve$'
		lists "$ctx" "$a4/24 $dev $name" "$a6/64 $dev $name" "$n4.40/24 - $name"
		ip -o addr show dev "$dev" | grep -qF "$a4/24 brd $n4.99 "
		check peer <<-END
			tcp4 connect=$a4,80 read | connect read=V/$a4/$p4
			tcp4 connect=$n4.40,80 read | connect read=V/$n4.40/$p4
			tcp6 connect=$a6,80 read | connect read=V/$a6/$p6
		END
		rm "$root/served"
		case $end in
		stop)
			run -0 vps-stop "$name"
			;;
		kill-*)
			kill -KILL "$(vps-stat --long -c "$ctx" | sed -n 's/^init pid: *//p')"
			wait_until is_in_state "$ctx" dead
			;;&
		*-sweep)
			sweep
			;;
		*-start)
			run -0 vps-start "$name"
			has_address "$a4"
			;;&
		*-st*)
			run -0 vps-stop "$name"
			;;
		destroy)
			run -0 vps-stop "$name"
			run -0 vps-destroy --yes "$name"
			;;
		esac
		no_trace "$a4" "$a6"
		has_address "$n4.40"
	done
}

@test "chbind: IPROOT: the end of who has the first address of a network leaves the others theirs" {
	m4=10.251.$((RANDOM % 250))
	ip -n "$peer" addr add "$m4.9/24" dev eth0
	# As the kernel has it by itself.
	echo 0 >"/proc/sys/net/ipv4/conf/$dev/promote_secondaries"
	new_vps IPROOT="$m4.1/24" IPROOTDEV="$dev"
	run -0 vps-start "$name"
	first=$name
	new_vps IPROOT="$m4.2/24 $m4.3/24" IPROOTDEV="$dev"
	cp "$BUILD/system/net" "$root/net"
	run -0 vps-start "$name"
	run -0 ip -o -4 addr show dev "$dev"
	[[ $output != *" $m4.1/24 "*" secondary "*" $m4.2/24 "* ]]
	[[ $output == *" $m4.2/24 "*" secondary "* ]]
	run -0 vps-stop "$first"
	lacks_address "$m4.1"
	has_address "$m4.2"
	has_address "$m4.3"
	b=$name
	serve b tcp4 tag=b bind=0.0.0.0,$port listen
	check peer <<-END
		tcp4 connect=$m4.2,$port read | connect read=b/$m4.2/$m4.9
		tcp4 connect=$m4.3,$port read | connect read=b/$m4.3/$m4.9
	END
	run -0 vps-stop "$name"
	lacks_address "$m4.2"
}

@test "chbind: IPROOT: one that cannot be had stops the start, and nothing is left" {
	begin b "$b4/24"
	new_bound_vps
	addresses >"$T/addresses"
	while IFS='|' read -r words message; do
		write_conf "$name" S_CONTEXT="$ctx" IPROOT="$words" IPROOTDEV="$dev"
		run -1 vps-start "$name"
		[ "${lines[-1]}" = "vps-start: $name: not started: $message" ]
		addresses | diff "$T/addresses" - >&2
		no_context "$ctx"
	done <<-END
		$a4/24 $b4|$b4 of context $b: another VPS has this address
	END
	write_conf "$name" S_CONTEXT="$ctx" IPROOT="$a4 $n4.50"
	run -1 vps-start "$name"
	[ "${lines[-1]}" = "vps-start: $name: not started: $a4: no device of this host has this address" ]
	write_conf "$name" S_CONTEXT="$ctx" IPROOT="$a4" IPROOTDEV="x$TAG"
	run -1 vps-start "$name"
	[ "${lines[-1]}" = "vps-start: $name: not started: x$TAG: no such device" ]
	# Two that are to have the same.
	write_conf "$name" S_CONTEXT="$ctx" IPROOT="$a4/24" IPROOTDEV="$dev"
	run -0 vps-start "$name"
	first=$name first_ctx=$ctx
	new_vps IPROOT="$n4.60/24 $a4/24" IPROOTDEV="$dev"
	run -1 vps-start "$name"
	[ "${lines[-1]}" = "vps-start: $name: not started: $a4 of $first (context $first_ctx): another VPS has this address" ]
	lacks_address "$n4.60"
	has_address "$a4"
	run -0 vps-stop "$first"
	addresses | diff "$T/addresses" - >&2
}

@test "chbind: kill -9 of chbind: the next one has it right, the end takes everything away" {
	rounds=$((rounds / 2 + 1))
	free_ctx
	addresses >"$T/addresses"
	chcontext --silent --create --ctx "$ctx"
	local all=() address
	for address in 10 11 12 13 14 15 16 17; do
		all+=(--ip "$n4.$address/24" --ip "$n6:$address/64")
	done
	measure chbind --silent --ctx "$ctx" --dev "$dev" "${all[@]}"
	chcontext --destroy --ctx "$ctx"
	for ((round = 0; round < rounds; round++)); do
		chcontext --silent --create --ctx "$ctx"
		chbind --silent --ctx "$ctx" --dev "$dev" --ip "$n4.10/24" --ip "$n4.99/24"
		kill_at "$round" chbind --silent --ctx "$ctx" --dev "$dev" "${all[@]}"
		if [ $((round % 3)) -ne 0 ]; then
			chbind --silent --ctx "$ctx" --dev "$dev" --ip "$n4.13/24"
			lists "$ctx" "$n4.13/24 $dev -"
			[ "$(ip -o addr show dev "$dev" scope global | wc -l)" -eq 3 ]
		fi
		chcontext --destroy --ctx "$ctx"
		addresses | diff "$T/addresses" - >&2
	done
}

@test "chbind: kill -9 of vps-start and vps-stop: the next command leaves no address" {
	new_bound_vps
	rounds=$((rounds / 2 + 1))
	addresses >"$T/addresses"
	measure vps-start "$name"
	run -0 vps-stop "$name"
	addresses | diff "$T/addresses" - >&2
	for ((round = 0; round < rounds; round++)); do
		kill_at "$round" vps-start "$name"
		case $((round % 3)) in
		0) run -0 vps-stop "$name" ;;
		1)
			run vps-start "$name"
			[ "$status" -eq 0 ] || one_line "vps-start: $name: already running (context $ctx)"
			lists "$ctx" "$a4/24 $dev $name" "$a6/64 $dev $name" "$n4.40/24 - $name"
			has_address "$a4"
			kill_at "$round" vps-stop "$name"
			run -0 vps-stop "$name"
			;;
		2)
			vkill -c "$ctx" -s KILL --wait 10 2>/dev/null || :
			sweep
			# One that has no name yet is nobody's until its number is wanted.
			run -0 vps-start "$name"
			run -0 vps-stop "$name"
			;;
		esac
		addresses | diff "$T/addresses" - >&2
	done
}
