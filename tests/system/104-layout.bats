#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# Network programs of tools whose maps have another layout. They are the whole machine's: the test
# has groups, a network and a bpffs of its own, where there are no other contexts.

load ../lib/system

more_setup() {
	requires userns bpf ip
	alone=${contexts%/freevps}/$TAG
	mkdir "$alone"
}

more_teardown() {
	[ -z "${alone-}" ] || find "$alone" -depth -type d -exec rmdir {} + || :
}

# apart SCRIPT: with groups, devices and a bpffs that nobody else has. Their root is as empty as the
# machine's, or there would be no controllers below it.
apart() {
	echo "$1" >"$T/script"
	(
		echo "$BASHPID" >"$alone/cgroup.procs"
		exec unshare -m -C bash -euc '
			umount -l "$1"
			mount -t cgroup2 none "$1"
			mkdir "$1/self"
			echo $$ >"$1/self/cgroup.procs"
			mount -t bpf bpf /sys/fs/bpf
			exec unshare -n -p -f --mount-proc bash -eu "$2"' - "${contexts%/freevps}" "$T/script"
	)
}

@test "layout: programs of another are waited for while there are contexts, and go with the last" {
	free_ctx
	export first=$ctx
	free_ctx
	export second=$ctx
	run -0 --separate-stderr apart '
		ip link set lo up
		ip link add near type veth peer name far
		create() { chcontext --silent --ctx "$1" --create; }
		refuses() { ! "$@" || echo "not refused: $*"; }
		create "$first"
		own=$(echo /sys/fs/bpf/vps/net[0-9]*-*)
		other=/sys/fs/bpf/vps/net99-${own##*-}
		mv "$own" "$other"
		# Those that another group had are not of this one.
		mkdir /sys/fs/bpf/vps/net99-1
		create "$second"
		refuses vlimit -c "$second" --tcp 5
		refuses chbind --ctx "$second" --dev near --ip 192.0.2.5/24
		refuses vlimit -c "$first" --tcp 5
		[ -e "$other/connect4_link" ]
		[ ! -e "$own" ]
		chcontext --ctx "$second" --destroy
		create "$second"
		[ ! -e "$own" ]
		chcontext --ctx "$second" --destroy
		chcontext --ctx "$first" --destroy
		create "$second"
		[ -e "$own/connect4_link" ]
		[ ! -e "$other" ]
		[ -e /sys/fs/bpf/vps/net99-1 ]
		vlimit -c "$second" --tcp 5
		chbind --silent --ctx "$second" --dev near --ip 192.0.2.5/24
		chbind --list --raw --ctx "$second"
		chcontext --ctx "$second" --destroy
		echo done'
	[ "$output" = "$ctx 192.0.2.5/24 near -"$'\n'done ]
	why="VPSes run that were started by tools of another version: stop all once"
	[ "$stderr" = "vlimit: tcp: $why
chbind: addresses: $why
vlimit: tcp: $why" ] || { echo "$stderr" >&2 && false; }
}
