#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # set by run; for the shell of the other root
# The packages of "make deb", in a fresh Debian.

load ../lib/packages

packages() {
	echo "$BUILD"/deb/*_"$(dpkg --print-architecture)".deb "$BUILD"/deb/*_all.deb
}

# All but those for debuggers.
copy_packages() {
	mkdir "$fresh/debs"
	for deb in $(packages); do
		[[ $deb == *-dbgsym_* ]] || cp "$deb" "$fresh/debs"
	done
}

install='
	dpkg -i /debs/freevps_*.deb /debs/libvps2_*.deb /debs/freevps-kernel-patch_*.deb
'

@test "deb: lintian has nothing to say" {
	command -v lintian >/dev/null || skip "requires lintian"
	run -0 lintian --allow-root --fail-on error,warning "$BUILD"/deb/*.changes
	[ "$output" = "" ]
}

@test "deb: there are the four packages, and what is in the sources is not in them" {
	for name in freevps libvps2 libvps-dev freevps-kernel-patch; do
		ls "$BUILD/deb/$name"_*.deb
	done
	for deb in $(packages); do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$fresh"
	done
	run grep -rlE '@[A-Z]+DIR@|@VERSION@|@PREFIX@|/usr/local/s?bin/v' "$fresh" --binary-files=without-match
	[ "$output" = "" ]
	run grep -rl -e "$BUILD" "$fresh"
	[ "$output" = "" ]
}

@test "deb: a VPS lives by what is installed; purged, nothing is left but the ledger" {
	unpack_debian
	copy_packages
	list_files >"$T/before"
	in_root sh -eux -c "$install$life"
	[ -d "$fresh/var/lib/vservers" ]
	run -0 in_root dpkg -r freevps libvps2 freevps-kernel-patch
	[ ! -e "$fresh/usr/sbin/vps" ]
	[ -e "$fresh/etc/cron.d/vps" ]
	run -0 in_root dpkg -P freevps libvps2 freevps-kernel-patch
	list_files >"$T/after"
	only_the_ledger
}

@test "deb: all libraries are found; units and init script are enabled, the fence is not" {
	unpack_debian
	copy_packages
	in_root sh -eux -c "$install"
	all_resolve "/usr/lib/*/libvps.so.2"
	run -0 in_root sh -c 'ls /etc/systemd/system/*.wants /etc/rc2.d /etc/rc0.d'
	for link in freevps.service vps.service vps-sweep.timer; do
		[[ $'\n'$output$'\n' == *$'\n'"$link"$'\n'* ]]
	done
	[[ $output == *S??vps* && $output == *K??vps* ]]
	[[ $output != *vps-fence* ]]
	[ "$(stat -c %a "$fresh/var/lib/vservers")" = 700 ]
}

@test "deb: an upgrade changes nothing of a VPS that runs; purge leaves its files" {
	unpack_debian
	copy_packages
	in_root sh -eux -c "$install"'
		vps create "$NAME" --template busybox --ctx "$CTX"
		vps start "$NAME"
		pid=$(vps-stat --pids -c "$NAME" | head -n 1)
		dpkg -i /debs/freevps_*.deb
		[ "$(vps-stat --pids -c "$NAME" | head -n 1)" = "$pid" ]
		vps stop "$NAME"
		dpkg -P freevps
		[ -x "/var/lib/vservers/$NAME/bin/busybox" ]
		grep -q S_CONTEXT "/etc/vservers/$NAME.conf"
		[ "$(stat -c %a /var/lib/vservers)" = 700 ]'
}

@test "deb: removal stops what runs" {
	requires no-contexts
	unpack_debian
	copy_packages
	in_root sh -eux -c "$install"'
		vps create "$NAME" --template busybox --ctx "$CTX"
		vps start "$NAME"
		printf "#!/bin/sh\nexit 0\n" >/usr/sbin/policy-rc.d
		dpkg -r freevps'
	[ -z "$(groups_of "$ctx")" ]
}

@test "deb: a program is built with libvps-dev and runs with libvps2" {
	requires cc
	for deb in "$BUILD"/deb/libvps2_*.deb "$BUILD"/deb/libvps-dev_*.deb; do
		dpkg-deb -x "$deb" "$fresh"
	done
	printf '%s\n' '#include <vps.h>' \
		'int main(void) { uint32_t id; return vps_parse_id("42", &id) || id != 42; }' >"$T/use.c"
	lib=$(echo "$fresh"/usr/lib/*/)
	export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$fresh
	# shellcheck disable=SC2046 # several flags
	${CC:-cc} -o "$T/use" "$T/use.c" $(pkg-config --cflags --libs libvps)
	LD_LIBRARY_PATH=$lib run -0 "$T/use"
}

@test "deb: built again elsewhere, the bytes are the same" {
	run -0 "$SRC/scripts/dev/make-dist" "$T/dist"
	cmp "$T"/dist/*.tar.gz "$BUILD"/freevps-*.tar.gz
	run -0 "$SRC/scripts/dev/make-deb" "$T"/dist/*.tar.gz "$T/a-longer-name"
	for deb in $(packages); do
		cmp "$deb" "$T/a-longer-name/${deb##*/}"
	done
}
