#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by run; for the shell of the other root
# The packages of "make rpm". They are built here of what this distribution has, so a fresh Debian
# is where they run; rpm is told not to look for what it knows nothing of.

load ../lib/packages

more_setup() {
	command -v rpm >/dev/null || skip "requires rpm"
	[ -s "$tar" ] || skip "requires a Debian that could be built (debootstrap, network)"
	fresh=$T/fresh
	mkdir "$fresh"
}

in_rpm() {
	rpm --root "$fresh" --dbpath /var/lib/rpm --nodeps "$@"
}

install_packages() {
	in_rpm --install "$BUILD"/rpm/freevps-2*."$(uname -m)".rpm "$BUILD"/rpm/libvps-2*.rpm \
		"$BUILD"/rpm/freevps-kernel-patch-*.noarch.rpm
}

@test "rpm: rpmlint has nothing to say" {
	command -v rpmlint >/dev/null || skip "requires rpmlint"
	run -0 rpmlint --config "$SRC/tests/packages/rpmlint.toml" "$SRC/vps.spec" "$BUILD"/rpm/*.rpm
	[[ ${lines[-1]} == *" 0 errors, 0 warnings, "* ]]
}

@test "rpm: with a kernel, too, the spec is one" {
	run -0 rpmspec --with kernel --define "_sourcedir $T" --query "$SRC/vps.spec"
	[[ $output == *freevps-kernel-2* ]]
}

@test "rpm: a VPS lives by what is installed; removed, nothing is left but the ledger" {
	unpack_debian
	# Of the package "filesystem" where rpm is at home.
	mkdir -p "$fresh/usr/share/licenses" "$fresh/usr/share/man/man2"
	list_files >"$T/before"
	install_packages
	run -0 in_rpm --verify freevps libvps freevps-kernel-patch
	[ "$output" = "" ]
	all_resolve "/usr/lib*/libvps.so.2"
	in_root sh -eux -c "$life"
	run -0 in_rpm --erase freevps libvps freevps-kernel-patch
	list_files >"$T/after"
	only_the_ledger
}

@test "rpm: removal leaves configurations and trees" {
	unpack_debian
	install_packages
	in_root vps create "$TAG" --template busybox --ctx "$ctx"
	run in_rpm --erase freevps
	[ ! -e "$fresh/usr/sbin/vps" ]
	[ -x "$fresh/var/lib/vservers/$TAG/bin/busybox" ]
	[ "$(stat -c %a "$fresh/var/lib/vservers")" = 700 ]
	grep -q "^S_CONTEXT=\"$ctx\"" "$fresh/etc/vservers/$TAG.conf"
}
