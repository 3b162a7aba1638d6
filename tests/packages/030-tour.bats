#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # set by run
# README.md and vps(7), followed line by line on a fresh Debian with the packages of "make deb": every
# command does what it shows. Its network is its own, with a device eth0.

load ../lib/packages
load ../lib/tour

# What a command left is not the host's to keep.
more_teardown() {
	for name in web mail shop www db; do
		for id in $(vps-stat --state --raw | awk -v name="$name" '$3 == name { print $1 }'); do
			end_context "$id"
		done
	done
}

# The disk of a machine of FreeVPS 1.1, with one VPS.
old_disk() {
	mkdir -p "$fresh/mnt/etc/vservers" "$fresh/mnt/vservers"
	make_root "$fresh/mnt/vservers/www"
	printf '%s\n' 'IPROOT=""' 'S_HOSTNAME=www' 'S_FLAGS="lock nproc fakeinit"' 'ULIMIT="-HS -u 200"' \
		'S_NICE=5' >"$fresh/mnt/etc/vservers/www.conf"
}

follow='
	dpkg -i /debs/freevps_*.deb /debs/libvps2_*.deb >/dev/null
	ip link set lo up
	ip link add eth0 type veth peer name far
	ip addr add 192.0.2.1/24 dev eth0
	ip link set far up
	ip link set eth0 up
	for run in /tour/*.run; do
		printed=${run%.run}.printed
		sh -eu "$run" >"$printed" 2>&1 </dev/null || echo "exit status $?" >>"$printed"
	done
'

@test "tour: README.md and vps(7) show what is printed" {
	requires no-contexts stock-engine
	unpack_debian
	old_disk
	mkdir "$fresh/debs" "$fresh/tour"
	cp "$BUILD"/deb/freevps_*.deb "$BUILD"/deb/libvps2_*.deb "$fresh/debs"
	tour_split "$fresh/tour" "$SRC/README.md" "$SRC/man/vps.7"
	in_root unshare --net sh -euc "$follow"
	differs=0
	for run in "$fresh"/tour/*.run; do
		tour_same "${run%.run}.shown" "${run%.run}.printed" >"$T/diff" && continue
		differs=$((differs + 1))
		{ echo "# $(<"$run")" && cat "$T/diff"; } >&2
	done
	[ "$differs" -eq 0 ]
}
