# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # set by bats; used by the tests
# What the tests of packages share: a fresh Debian of their own as the root of a mount namespace, in
# which what is installed is all there is of us. Processors, groups and BPF programs are the host's.

# What the packages depend on, so that nothing is fetched when they are installed.
debian_packages=busybox-static,e2fsprogs,iproute2,libbpf1,libjansson4,libncursesw6,libnl-3-200,libpopt0,libsqlite3-0
load ../lib/system
load ../lib/debian

setup_file() {
	[ "$EUID" -ne 0 ] || fetch_debian 2>&3
}

more_setup() {
	[ -s "$tar" ] || skip "requires a Debian that could be built (debootstrap, network)"
	fresh=$T/fresh
	mkdir "$fresh"
}

# Removal stops all VPSes of the machine: it does where a test has lifted this policy.
unpack_debian() {
	tar -C "$fresh" --numeric-owner -xpf "$tar"
	printf '#!/bin/sh\nexit 101\n' >"$fresh/usr/sbin/policy-rc.d"
	chmod 755 "$fresh/usr/sbin/policy-rc.d"
	free_ctx
}

# in_root CMD...: with the fresh Debian as its root. A chroot would not do: nobody can make a user
# namespace in one.
in_root() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 NAME="$TAG" CTX="${ctx-}" \
		unshare --mount --propagation private sh -euc '
		mount --bind "$1" "$1"
		cd "$1"
		mount -t proc proc proc
		mount --rbind /sys sys
		mount --rbind /dev dev
		mount -t tmpfs -o mode=755 tmpfs run
		mkdir run/old
		pivot_root . run/old
		cd /
		umount -l /run/old
		rmdir /run/old
		shift
		exec "$@"' sh "$fresh" "$@" 3>&-
}

# Everything there is in the fresh Debian, with mode and owner, but for what a package manager notes
# down itself.
list_files() {
	(cd "$fresh" && find . \( -path ./var/lib/dpkg -o -path ./var/lib/rpm -o -path ./var/log \
		-o -path ./var/cache \) -prune -o -printf '%M %U:%G %p %l\n') | LC_ALL=C sort
}

# What was counted is the administrator's.
only_the_ledger() {
	run diff "$T/before" "$T/after"
	! grep '^[<>]' <<<"$output" | grep -v '^> [^ ]* 0:0 ./var/lib/vps\(/traffic.db\)\? $'
}

# The life of a VPS, by what is installed: a script for in_root.
life='
	vps doctor --raw >/dev/null || [ $? -eq 1 ]
	vps create "$NAME" --template busybox --ctx "$CTX"
	vps start "$NAME"
	[ "$(vps exec "$NAME" -- hostname)" = "$NAME" ]
	vps exec "$NAME" -- ps | grep -q "^ *1 root .*init"
	vps list --raw | grep -q "^$NAME $CTX running "
	vlimit --raw -c "$NAME" | grep -q "^$CTX proc "
	vps stop "$NAME"
	vps destroy "$NAME" --yes
	[ -z "$(ls /var/lib/vservers)$(ls /etc/vservers)" ]
'

# all_resolve PATTERN: every program and library that is installed finds its libraries.
all_resolve() {
	run in_root sh -c 'ldd $1 /usr/sbin/v* /usr/sbin/ch[bc]* 2>&1' sh "$1"
	[[ $output == *libvps.so* && $output == */usr/sbin/chcontext* ]]
	[[ $output != *"not found"* && $output != *"No such file"* ]]
}
