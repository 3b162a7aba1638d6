# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # set by bats; used by the tests
# For tests in a virtual machine that has another one on its cable, the outside, which does what it
# is told by a line of its own: no test depends on the network that it is about.

# there CMD...: done outside; its status, and all that it prints.
there() {
	local id=$BASHPID.$RANDOM answer line=(/dev/vport*p1)
	{
		# Where there is nobody at the other end, this would wait for good.
		printf '%s %s\n' "$id" "${*@Q}" | timeout 20 cat ||
			{ echo "outside: nobody takes: $*" >&2 && return 255; }
		while IFS= read -r -t 120 answer; do
			case $answer in
			\|*) printf '%s\n' "${answer#|}" >&8 ;;
			"$id "*) return "${answer#* }" ;;
			esac
		done <&7
		echo "outside: no answer to: $*" >&2
		return 255
	} 8>&1 7<>"${line[0]}" >&7
}

# Sets $dev, $far and the addresses, as make_cable has them; $far is the card outside.
join_cable() {
	local cards=(/sys/class/net/e*)
	dev=${cards[1]##*/} far=eth0
	n4=10.77.1 n6=fd77:1:
	h4=$n4.1 p4=$n4.2 a4=$n4.11 a4b=$n4.12 b4=$n4.21 b4b=$n4.22
	h6=$n6:1 p6=$n6:2 a6=$n6:11 a6b=$n6:12 b6=$n6:21 b6b=$n6:22
	port=20000
	there sh -c "ip addr add $p4/24 dev $far && ip addr add $p6/64 dev $far nodad &&
		ip link set $far up"
	ip link set "$dev" up
}

leave_cable() {
	there sh -c "pkill 'net|frames|iperf3'; ip addr flush dev $far; ip link set $far down" || :
	ip addr flush dev "$dev"
	ip link set "$dev" down
}

reach() {
	case $1 in
	host) way=(env) ;;
	peer) way=(there) ;;
	*) way=(vps-enter "${!1}" --) ;;
	esac
}

# serve_there WORD...: the program "net" outside as a server, once it serves.
serve_there() {
	there sh -c "$BUILD/system/net ${*@Q} serve >/tmp/serve 2>&1 &"
	wait_until there grep -qx serve /tmp/serve
	run -1 there grep : /tmp/serve
}
