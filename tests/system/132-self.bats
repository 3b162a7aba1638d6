#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# What /proc/vservers/self says inside a VPS, by what others say of the same. That its limits and
# flags are those that were set is in 130-kernel-engine.bats; its load in 131-inside.bats.

load ../lib/system
load ../lib/net
load ../lib/traffic

setup_file() {
	for name in limit meter net tcp vserver; do
		build_static "system/$name"
	done
}

more_setup() {
	requires kernel-engine ip
	new_root
}

more_teardown() {
	exec 8>&- # whoever is to be asked is not, any more
	finish_all
	remove_far
	remove_cable
}

# A shell inside, which reads itself, tells what is in /proc/vservers/self each time that it is
# asked; not in its tree, of whose size something is told.
begin_to_ask() {
	mkfifo "$T/ask"
	exec 8<>"$T/ask"
	vps-enter "$ctx" -- sh -c 'while read -r _; do
		while read -r line; do echo "$line"; done </proc/vservers/self
		echo .
	done' <"$T/ask" >>"$T/self" 3>&- 8>&- &
}

ask() {
	: >"$T/self"
	echo >&8
	wait_until has_line "$T/self" '^\.$'
}

# self FIELD: what it was told last.
self() {
	sed -n "s/^$1: //p" "$T/self"
}

# What the host's own /proc has of its processes, in bytes.
spaces() {
	for pid in $(vps-stat --pids -c "$ctx"); do
		sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"
	done | awk '{ sum += $1 } END { print sum * 1024 }'
}

all_fields_agree() {
	ask
	group=$contexts/$ctx
	resident=$(<"$group/memory.current")
	pid=$(vps-stat --pids -c "$ctx" | head -n 1)
	echo "# $(tr '\n' ';' <"$T/self") $resident $(spaces)" >"$T/fields"
	[ "$(self 'vserver id')" = "$ctx" ] && [ "$(self 'init pid')" = 1 ] &&
		[ "$(self nodename).$(self domainname)" = "$(nsenter -t "$pid" -u \
			sh -c 'echo "$(uname -n).$(cat /proc/sys/kernel/domainname)"')" ] &&
		[ "$(self CapBset)" = "$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")" ] &&
		[ "$(self 'Process Count')" = "$(cat "$group"/*/cgroup.procs | wc -l)" ] &&
		[ "$(self tasks)" = "$(cat "$group"/*/cgroup.threads | wc -l)" ] &&
		[ "$(self 'Used memory')" = "$(spaces)" ] &&
		[ "$(self 'Context RSS limit')" = "$(<"$group/memory.max")" ] &&
		[ $(($(self 'Context RSS') * 100)) -ge $((resident * 95)) ] &&
		[ $(($(self 'Context RSS') * 100)) -le $((resident * 105)) ]
}

@test "self: what the host's own numbers of the VPS are" {
	requires memory-v2
	begin a
	vlimit -c "$ctx" --rss 64M
	vps-enter "$ctx" -- sh -c 'sleep 1000 & sleep 1000 & wait' 3>&- &
	begin_to_ask
	wait_until all_fields_agree || { cat "$T/fields" >&2 && return 1; }
	[ "$(self 'Process Count')" -ge 5 ]
}

# The fields of vps_proc(5), one a line.
in_page() {
	sed -n '/^\.Ss .*self and/,/^\.El/ s/^\.It Li //p' "$SRC/man/vps_proc.5" |
		sed 's/ , /\n/g'
}

@test "self: its fields are those of vps_proc(5), in that order" {
	make_cable
	begin a "$a4/24" "$a6/64"
	begin_to_ask
	ask
	in_page >"$T/page"
	sed 's/:.*//; /^\.$/d' "$T/self" | uniq | diff -u "$T/page" - >&2
}

@test "self: on the host it is of processes and load" {
	for use in 'Used memory' 'Context RSS' 'Used disk memory' 'Used files' 'Established sockets' \
		'Incoming traffic' 'Outgoing traffic'; do
		has_line /proc/vservers/self "^$use: 0\$"
	done
	[ "$(grep -c ' [Ll]imit: unlimited$' /proc/vservers/self)" -eq 6 ]
	run ! grep '^Addresses' /proc/vservers/self
	has_line /proc/vservers/self '^tasks: [1-9]'
}

# ---- files -----------------------------------------------------------------------------

# Descriptors of process $1.
descriptors() {
	set -- "/proc/$1/fd"/*
	echo $#
}

has_closed() {
	ask
	[ $((files - $(self 'Used files'))) -eq $((open - $(descriptors "$pid"))) ]
}

@test "self: what a program closes is what its descriptors were" {
	cp "$BUILD/system/limit" "$root/bin/"
	begin a
	vps-enter "$ctx" limit open 50 >"$T/took" 3>&- &
	wait_until has_line "$T/took" '^made 50$'
	pid=$(pgrep -fx 'limit open 50')
	begin_to_ask
	ask
	files=$(self 'Used files') open=$(descriptors "$pid")
	kill -USR1 "$pid"
	wait_until has_line "$T/took" gone
	[ "$(descriptors "$pid")" -eq $((open - 50)) ]
	wait_until has_closed
}

# ---- disk ------------------------------------------------------------------------------

# As du and find count it, on the host.
disk_agrees() {
	sync -f "$root"
	ask
	space=$(du -sx --block-size=1 "$root" | cut -f 1)
	inodes=$(find "$root" -xdev -printf '%i\n' | sort -u | wc -l)
	used=$(vlimit -c "$ctx" --raw | awk '$2 == "inodes" { print $3 }')
	echo "# disk $(self 'Used disk memory') $space, inodes $used $inodes" >"$T/disk"
	[ "$(self 'Used disk memory')" = "$space" ] && [ "$used" = "$inodes" ]
}

@test "self: its disk is what du says of the tree, and its inodes those that find has seen" {
	free_ctx
	chcontext --silent --ctx "$ctx" --create
	vdisk attach --ctx "$ctx" --kind counted "$root"
	vlimit -c "$ctx" --disk 100M
	run_first "$ctx"
	begin_to_ask
	wait_until disk_agrees || { cat "$T/disk" >&2 && return 1; }
	before=$space
	vps-enter "$ctx" -- sh -c 'mkdir -p /srv/deep && cd /srv && ln -s /nowhere link &&
		dd if=/dev/zero of=file bs=1k count=777 && ln file deep/other && cp file gone && rm gone &&
		dd if=/dev/zero of=hole bs=1k count=10 seek=5000' 2>"$T/dd"
	wait_until disk_agrees || { cat "$T/disk" >&2 && return 1; }
	[ $((space - before)) -ge $((787 << 10)) ]
	[ "$(self 'Disk Limit')" = $((100 << 20)) ]
}

# ---- network ---------------------------------------------------------------------------

# What ip says of addresses, from standard input, in the words of self.
as_assigned() {
	awk '{ sub(/@.*/, "", $1); for (i = 3; i <= NF; i++) print $1, $i }' | grep -v ' fe80:' | sort
}

assigned() {
	ask
	self 'Addresses assigned' | sort
}

@test "self: its addresses are those that ip shows at the device, but for the host's" {
	requires bpf
	make_cable
	begin a "$a4/24" "$a6/64" "$a4b/24" "$a6b/64"
	begin_to_ask
	ip -br addr show dev "$dev" | as_assigned | grep -v -e " $h4/" -e " $h6/" >"$T/shown"
	assigned | diff -u "$T/shown" - >&2
	[ "$(wc -l <"$T/shown")" -eq 4 ]
	chbind --silent --ctx "$ctx" --del --ip "$a4b"
	sed -i "/ $a4b\//d" "$T/shown"
	assigned | diff -u "$T/shown" - >&2
}

@test "self: addresses in a network of its own are told with its virtual devices" {
	make_cable
	net=none
	hold sleep 1000
	for i in 0 1; do
		ip netns exec "$peer" "$BUILD/system/vserver" device "$ctx" "eth$((i + 5))" "port$i"
	done
	first=$(vps-stat --pids -c "$ctx" | head -n 1)
	nsenter -t "$first" -n ip -batch - <<-END
		link set lo up
		addr add 10.99.0.2/24 dev eth5
		addr add 10.99.0.3/32 dev eth5
		addr add fd00:99::2/64 dev eth5 nodad
		addr add 169.254.0.2/16 dev eth6
		link set eth5 up
		link set eth6 up
	END
	begin_to_ask
	nsenter -t "$first" -n ip -br addr | grep -v '^lo ' | as_assigned >"$T/shown"
	[ "$(cut -d ' ' -f 1 "$T/shown" | uniq -c | tr -s ' \n' ' ')" = " 3 eth5 1 eth6 " ]
	assigned | diff -u "$T/shown" - >&2
	release TERM
}

# The last packet of each has come: as the host and the far end have them.
all_established() {
	[ "$(ss -Htn state established "src $a4 or src [$a6]" | wc -l)" -eq "$1" ] &&
		[ "$(ip netns exec "$far" ss -Htn state established | wc -l)" -eq "$1" ]
}

# Whoever is to be talked with: TCP at both ends, and UDP at the far one.
listen() {
	far_tcp=(ip netns exec "$far" "$BUILD/system/tcp")
	"${far_tcp[@]}" listen "$f4" "$T/far" 3>&- &
	daemons="${daemons-} $!"
	vps-enter "$a" /tcp listen "$a6" /tmp/at 3>&- &
	ip netns exec "$far" "$BUILD/system/net" udp4 tag=F "bind=$f4,$port" serve >"$T/serves" 3>&- &
	daemons="$daemons $!"
	wait_until has_line "$T/serves" '^serve$'
	wait_until test -e "$T/far"
	wait_until test -e "$root/tmp/at"
}

# connects COUNT FILE CMD...: to what has written itself to the file. The meter is not to wait for
# it.
connects() {
	: >"$T/made"
	# shellcheck disable=SC2046 # two words
	"${@:3}" connect $(<"$2") "$1" >"$T/made" 3>&- 7>&- &
	daemons="$daemons $!"
	wait_until has_line "$T/made" "^made $1\$"
}

# Connections in and out that stay, and a datagram that is answered.
talk() {
	connects 5 "$T/far" vps-enter "$a" /tcp
	connects 2 "$root/tmp/at" "${far_tcp[@]}"
	wait_until all_established 7
	on a /net udp4 timeout=20000 "sendto=$f4,$port" recv >"$T/told"
	has_line "$T/told" '^udp4 sendto recv=F/'
}

traffic() {
	ask
	echo "$(self 'Incoming traffic') $(self 'Outgoing traffic')"
}

@test "self: connections are those that ss shows, and traffic what was on the wire" {
	requires userns bpf
	cp "$BUILD/system/net" "$BUILD/system/tcp" "$root/"
	make_cable
	make_far
	begin a "$a4/24" "$a6/64"
	begin_to_ask
	listen
	[ "$(traffic)" = "0 0" ]
	mkfifo "$T/end"
	meter "$a4" "$a6"
	talk
	meter_end
	read_wire plain
	echo "# $(traffic), on the wire $(kinds)" >&2
	[ "$(traffic)" = "$wire_in $wire_out" ]
	[ "$wire_in" -ne "$wire_out" ]
	[ "$(self 'Established sockets')" -eq 7 ]
}
