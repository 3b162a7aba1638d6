# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # set by bats; used by the tests
# For tests of addresses in the host's network: a cable between this machine and a network
# namespace, "the peer", and contexts with addresses on the machine's end of it. All of it is
# the test's own, with addresses and names that hardly anybody else has.

# Sets $dev, $peer and the addresses: of the host, the peer, and two for each of A and B.
make_cable() {
	dev=h$TAG peer=p$TAG
	n4=10.$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
	n6=$(printf 'fd%02x:%x:%x:' $((RANDOM % 256)) $((RANDOM + 1)) $((RANDOM + 1)))
	h4=$n4.1 p4=$n4.2 a4=$n4.11 a4b=$n4.12 b4=$n4.21 b4b=$n4.22
	h6=$n6:1 p6=$n6:2 a6=$n6:11 a6b=$n6:12 b6=$n6:21 b6b=$n6:22
	port=$((20000 + RANDOM % 10000))
	ip netns add "$peer"
	ip link add "$dev" type veth peer name eth0 netns "$peer"
	ip -batch - <<-END
		addr add $h4/24 dev $dev
		addr add $h6/64 dev $dev nodad
		link set $dev up
	END
	ip -n "$peer" -batch - <<-END
		addr add $p4/24 dev eth0
		addr add $p6/64 dev eth0 nodad
		link set lo up
		link set eth0 up
	END
}

remove_cable() {
	[ -z "${peer-}" ] || ip netns del "$peer" 2>/dev/null || :
	# It may be on its way already, with its other end.
	[ -z "${dev-}" ] || ip link del "$dev" 2>/dev/null || :
}

# begin NAME ADDRESS...: context NAME with these addresses, whose number is then in $NAME.
begin() {
	local who=$1 options=()
	shift
	free_ctx
	for address; do
		options+=(--ip "$address")
	done
	chcontext --silent --ctx "$ctx" --create
	[ $# -eq 0 ] || chbind --silent --ctx "$ctx" --dev "$dev" "${options[@]}"
	run_first "$ctx"
	printf -v "$who" %s "$ctx"
}

# The first process of a context that is there.
run_first() {
	chcontext --silent --ctx "$1" --root "$root" -- sleep 1000 </dev/null >"$T/first.$1" 2>&1 3>&- &
	started="${started-} $1"
	wait_until is_in_state "$1" running
}

begin_both() {
	begin a "$a4/24" "$a6/64" "$a4b/24" "$a6b/64"
	begin b "$b4/24" "$b6/64" "$b4b/24" "$b6b/64"
}

finish() {
	vkill -c "$1" -s KILL --wait 10 2>/dev/null || :
	chcontext --ctx "$1" --destroy
}

finish_all() {
	for one in ${started-}; do
		! has_group "$one" || finish "$one" || :
	done
	# What was in a context is gone already.
	for one in ${daemons-}; do
		end "$one" 2>/dev/null || :
	done
	daemons=
}

# reach WHERE: sets $way, what a command is to follow to be run at host, peer, a or b.
reach() {
	case $1 in
	host) way=(env) ;;
	peer) way=(ip netns exec "$peer") ;;
	*) way=(vps-enter "${!1}" --) ;;
	esac
}

# on WHERE CMD...
on() {
	reach "$1"
	"${way[@]}" "${@:2}"
}

# net WHERE WORD...: the program, in the foreground.
net() {
	reach_net "$1"
	"${way[@]}" "${@:2}"
}

reach_net() {
	reach "$1"
	case $1 in
	host | peer) way+=("$BUILD/system/net") ;;
	*) way+=(/net) ;;
	esac
}

# launch WHERE WORD...: the program in the background, to be waited for; its pid is in $server.
launch() {
	reach_net "$1"
	: >"$T/serve"
	"${way[@]}" "${@:2}" >"$T/serve" 2>"$T/serve.err" 3>&- &
	server=$!
	daemons="${daemons-} $server"
}

# serve WHERE WORD...: the program as a server, once it serves.
serve() {
	launch "$@" serve
	if ! wait_until has_line "$T/serve" '^serve$' || grep -q : "$T/serve"; then
		cat "$T/serve" "$T/serve.err" >&2
		return 1
	fi
}

# check WHERE [WORD...]: lines "WORDS | WHAT IS TOLD" from standard input, each a socket; all of
# them in one run of the program.
check() {
	local where=$1 words=()
	shift
	: >"$T/wanted"
	while IFS='|' read -r left right; do
		[ -n "$left" ] || continue
		# shellcheck disable=SC2206 # words
		words+=($left)
		right=${right# }
		echo "${left%% *}${right:+ $right}" >>"$T/wanted"
	done
	net "$where" "$@" "${words[@]}" >"$T/got" 2>&1 || echo "status $?" >>"$T/got"
	diff -u "$T/wanted" "$T/got" >&2
}

# copy_program FILE: with its libraries into $root, where links may lead to the host's busybox.
copy_program() {
	for file in "$1" $(ldd "$1" | grep -o '/[^ )]*'); do
		mkdir -p "$root${file%/*}"
		cp -L --remove-destination "$file" "$root$file"
	done
}

# The name by which the programs of this build are known to be in place.
own_pin() {
	for pin in /sys/fs/bpf/vps/net*-*/tcp_use_*; do
		grep -qa "${pin##*_}" "$BUILD/chbind" || continue
		echo "$pin"
		return
	done
	return 1
}

# prints_none PATTERN CMD...: no line of it matches.
prints_none() {
	"${@:2}" >"$T/printed" || :
	! grep -e "$1" "$T/printed" >&2
}
