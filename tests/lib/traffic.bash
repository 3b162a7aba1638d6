# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # set by bats; used by the tests
# For tests of traffic: a machine two hops away, "far", where all that passes is measured. Its cable
# to the peer of net.bash carries packets as a wire would.

# As that of system.bash, and no account has had the number before.
free_ctx() {
	while :; do
		ctx=$((20000 + RANDOM % 25000))
		has_group "$ctx" || vtraf --all --raw | grep -q "^$ctx " || break
	done
	echo "$ctx" >>"$T/contexts"
}

# Sets $far and its addresses $f4 and $f6.
make_far() {
	far=f$TAG
	g4=10.254.$((RANDOM % 250)) g6=$(printf 'fdfe:%x:%x:' $((RANDOM + 1)) $((RANDOM + 1)))
	f4=$g4.2 f6=$g6:2
	ip netns add "$far"
	ip -n "$peer" link add far0 type veth peer name eth0 netns "$far"
	ip netns exec "$peer" "$BUILD/system/meter" offload far0 off
	ip netns exec "$far" "$BUILD/system/meter" offload eth0 off
	ip netns exec "$peer" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	ip -n "$peer" -batch - <<-END
		addr add $g4.1/24 dev far0
		addr add $g6:1/64 dev far0 nodad
		link set far0 up
	END
	ip -n "$far" -batch - <<-END
		addr add $f4/24 dev eth0
		addr add $f6/64 dev eth0 nodad
		link set lo up
		link set eth0 up
		route add default via $g4.1
		route add ::/0 via $g6:1
	END
	ip route add "$f4/32" via "$p4"
	ip -6 route add "$f6/128" via "$p6"
	wait_until reaches_far
}

reaches_far() {
	busybox ping -c 1 -W 1 "$f4" >/dev/null && busybox ping -c 1 -W 1 "$f6" >/dev/null
}

remove_far() {
	[ -z "${far-}" ] || ip netns del "$far" 2>/dev/null || :
}

offload() {
	"$BUILD/system/meter" offload "$2" "$1"
}

# iperf_server ADDRESS CMD...: serves one test.
iperf_server() {
	: >"$T/server" # the words of the one before
	"${@:2}" iperf3 -s -1 -B "$1" -p "$port" --forceflush >"$T/server" 2>&1 3>&- &
	server=$!
	wait_until has_line "$T/server" '^Server listening'
}

# iperf ADDRESS SERVER CLIENT OPTION...: a test between two programs, given by the words before them.
iperf() {
	# shellcheck disable=SC2086 # several words
	iperf_server "$1" $2
	$3 iperf3 -c "$1" -p "$port" "${@:4}" >"$T/client" 2>&1 || {
		cat "$T/client" "$T/server" >&2
		end "$server" || :
		return 1
	}
	wait_until is_served
}

is_served() {
	! kill -0 "$server" 2>/dev/null
}

# Has every connection with far come to its end, but for those that only wait?
is_quiet() {
	[ -z "$(ip netns exec "$far" ss -Htan state connected exclude time-wait)" ] &&
		[ -z "$(ss -Htan state connected exclude time-wait "dst $f4 or dst [$f6]")" ]
}

# What vtraf has of context $1, into $in and $out.
read_count() {
	read -r _ in out <<<"$(vtraf --raw -c "$1")"
}

# What the kernel engine counts by itself for context $1 is the same, now that nothing moves.
same_in_proc() {
	[ "$(engine)" = kernel ] || return 0
	read_count "$1"
	in_proc=$(awk -v id="$1" '$1 == id { sums = $2 " " $3 } END { print sums }' \
		/proc/vservers/traffic)
	echo "# vtraf has $in $out, /proc/vservers/traffic $in_proc" >&2
	[ "$in_proc" = "$in $out" ]
}

meter() {
	: >"$T/meter"
	ip netns exec "$far" "$BUILD/system/meter" count eth0 "$@" <"$T/end" >"$T/meter" 2>&1 3>&- &
	meter=$!
	exec 7>"$T/end"
	wait_until has_line "$T/meter" '^ready$'
}

meter_end() {
	exec 7>&-
	wait "$meter" || { cat "$T/meter" >&2 && return 1; }
}

# The bytes of these kinds, into $wire_in and $wire_out.
read_wire() {
	read -r wire_in wire_out <<<"$(awk -v kinds=" $* " \
		'index(kinds, " " $1 " ") { i += $2; o += $4 } END { print i + 0, o + 0 }' "$T/meter")"
}

# All kinds that there were, as "KIND IN/PACKETS OUT/PACKETS, ...".
kinds() {
	awk 'NF == 5 && $2 + $4 { printf "%s%s %d/%d %d/%d", sep, $1, $2, $3, $4, $5; sep = ", " }' \
		"$T/meter"
}

# observe ADDRESSES CMD...: what it sends and gets: counted, into $in and $out; on the wire:
# read_wire, kinds.
observe() {
	[ -p "$T/end" ] || mkfifo "$T/end"
	# shellcheck disable=SC2086 # several words
	meter $1
	shift
	read_count "$a"
	before_in=$in before_out=$out
	"$@" || { meter_end; return 1; }
	wait_until is_quiet
	meter_end
	read_count "$a"
	in=$((in - before_in)) out=$((out - before_out))
}

# Sets $a: a VPS with iperf3 and addresses at one end of a cable, whose other end is at the far host.
begin_on_cable() {
	new_root
	cp "$BUILD/system/net" "$root/net"
	copy_program "$(command -v iperf3)"
	make_cable
	make_far
	begin a "$a4/24" "$a6/64"
}

# all_ways JUDGE FUNCTION ADDRESS4 ADDRESS6: every protocol, family and direction, each judged by
# itself; where time is short one of three.
all_ways() {
	local number=0 bytes=6M
	[ "${VPS_TEST_ROUNDS:-16}" -gt 2 ] || bytes=1M
	for address in "$3" "$4"; do
		for way in '' -R; do
			for protocol in '' -u; do
				number=$((number + 1))
				[ "${VPS_TEST_ROUNDS:-16}" -gt 2 ] || [ $((number % 3)) -eq 1 ] || continue
				echo "# $2 $address ${protocol:-tcp} $way" >&2
				# shellcheck disable=SC2086 # a word or none
				$1 "$2" "$address" -b 400M -n $bytes $protocol $way || return
			done
		done
	done
}

# compare CMD...: it is counted as it is on the wire. Whether a connection that the VPS ended first
# still has its socket when the other's last packets come depends on how fast that is.
compare() {
	observe "$a4 $a6" "$@" || return
	echo "counted $in $out, on the wire $(kinds)"
	read_wire plain
	[ "$in" -ge "$wire_in" ] && [ "$out" -ge "$wire_out" ] || return
	read_wire plain wait
	[ "$in" -le "$wire_in" ] && [ "$out" -le "$wire_out" ]
}
