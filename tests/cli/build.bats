# SPDX-License-Identifier: GPL-2.0-or-later
# What is built and installed: the library's face, where files go, what the build refuses.
load ../lib/cli

# Functions that the public header declares.
public_functions() {
	sed -e 's|/\*.*\*/||' -e '/\/\*/,/\*\//d' "$SRC/src/libvps/vps.h" |
		grep -o '\bvps_[a-z0-9_]*(' | tr -d '(' | LC_ALL=C sort -u
}

# What is built is taken as it is, whatever flags it was built with.
in_tree() {
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$SRC" -o all "$@"
}

@test "libvps exports what vps.h declares and nothing else" {
	run nm -D --defined-only "$BUILD/libvps.so"
	[ "$status" -eq 0 ]
	got=$(awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' <<<"$output" | LC_ALL=C sort)
	diff <(public_functions) - <<<"$got"
}

@test "libvps's version is in the names that programs link with" {
	run readelf -d "$BUILD/libvps.so"
	[[ $output == *'soname: [libvps.so.2]'* ]]
	[ "$(readlink -f "$BUILD/libvps.so")" = "$(readlink -f "$BUILD/libvps.so.2")" ]
}

@test "vps-init needs no library" {
	run readelf -d "$BUILD/vps-init"
	[[ $output != *NEEDED* ]]
}

@test "no file that is built still has a place to fill in" {
	run grep -lE '@[A-Z]+DIR@|@VERSION@|@PREFIX@' "$BUILD"/vps* "$BUILD"/libvps.pc \
		"$BUILD"/etc/*/* --binary-files=without-match
	[ "$output" = "" ]
}

@test "a build directory is the same whatever it is called: nothing is compiled again" {
	out=$BATS_TEST_TMPDIR/out
	in_tree O="$out" "$out/flags"
	cp "$out/flags" "$BATS_TEST_TMPDIR/before"
	relative=$(realpath --relative-to="$SRC" "$out")
	in_tree O="$relative" "$relative/flags"
	diff "$BATS_TEST_TMPDIR/before" "$out/flags"
}

@test "install puts every file where it belongs, uninstall takes it away" {
	root=$BATS_TEST_TMPDIR/root
	in_tree install O="$BUILD" DESTDIR="$root"
	for file in sbin/vps sbin/vps-start sbin/chcontext lib/vps/vps-init \
		lib/vps/vps-lib.sh lib/libvps.so.2 lib/pkgconfig/libvps.pc include/vps.h \
		share/man/man8/chcontext.8 share/bash-completion/completions/vps; do
		[ -e "$root/usr/local/$file" ] || { echo "missing: $file" && return 1; }
	done
	[ -e "$root/etc/init.d/vps" ]
	[ "$(stat -c %a "$root/var/lib/vservers")" = 700 ]
	grep -q '^\. .*/lib/vps/vps-lib.sh' "$root/usr/local/sbin/vps-start"
	in_tree uninstall O="$BUILD" DESTDIR="$root"
	run find "$root" ! -type d
	[ "$output" = "" ]
}

@test "a program is built against the installed library with pkg-config alone" {
	root=$BATS_TEST_TMPDIR/root
	in_tree install O="$BUILD" DESTDIR="$root"
	cat >"$BATS_TEST_TMPDIR/use.c" <<-'END'
		#include <stdio.h>
		#include <vps.h>
		int main(void)
		{
			uint32_t id;

			return vps_parse_id("42", &id) || printf("%u\n", id) < 0;
		}
	END
	export PKG_CONFIG_PATH=$root/usr/local/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
	flags=$(pkg-config --cflags --libs libvps)
	! nm -D "$BUILD/libvps.so" | grep -q __asan || flags="$flags -fsanitize=address,undefined"
	# shellcheck disable=SC2086 # several flags
	${CC:-cc} -o "$BATS_TEST_TMPDIR/use" "$BATS_TEST_TMPDIR/use.c" $flags
	LD_LIBRARY_PATH=$root/usr/local/lib run "$BATS_TEST_TMPDIR/use"
	[ "$output" = 42 ]
}

@test "a missing library is named before anything is compiled" {
	fake=$BATS_TEST_TMPDIR/pkg-config
	printf '#!/bin/sh\ncase $* in *seccomp*) exit 1 ;; esac\nexec pkg-config "$@"\n' >"$fake"
	chmod +x "$fake"
	run in_tree all O="$BATS_TEST_TMPDIR/out" PKG_CONFIG="$fake"
	[ "$status" -eq 2 ]
	[[ $output == *"libseccomp: not known to"*"install-deps build"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
}

@test "make doc: all pages, which lead to each other" {
	requires mandoc
	in_tree O="$BATS_TEST_TMPDIR" doc
	cd "$BATS_TEST_TMPDIR/doc"
	for page in "$SRC"/man/*.[1-8]; do
		page=${page##*/}
		grep -q "<a href=\"$page.html\">${page%.*}(${page##*.})</a></dt><dd>[a-z]" index.html
		grep -q '<a href="index.html">' "$page.html"
		grep -q 'id="EXAMPLES"\|id="NAME"' "$page.html"
	done
	links=$(grep -oh 'href="[^"#:]*"' ./*.html | cut -d '"' -f 2 | sort -u)
	[ "$(wc -w <<<"$links")" -gt 20 ]
	for link in $links; do
		[ -s "$link" ] || { echo "$link"; return 1; }
	done
	# What is ours is not looked for elsewhere.
	run ! grep -E 'href="https:[^"]*/(vps[^"]*|vtraf|vlimit|chbind)\.[0-9]"' ./*.html
	[ "$(grep -c 'class="Xr" href="vps.conf.5.html"' vtraf.8.html)" -ge 1 ]
}

@test "the version is the same in the Makefile, NEWS and both kinds of packages" {
	version=$(sed -n 's/^VERSION := //p' "$SRC/Makefile")
	grep -q "^## $version" "$SRC/NEWS.md"
	[ "$(sed -n '1s/^freevps (\(.*\)) .*/\1/p' "$SRC/debian/changelog")" = "$version" ]
	[ "$(sed -n 's/^Version: *//p' "$SRC/vps.spec")" = "$version" ]
	[ "$(sed -n 's/^%global patch_base //p' "$SRC/vps.spec")" = "$(cat "$SRC/kernel/BASE")" ]
}

@test "install-kernel-patch: the patch, the series, and what builds a kernel of them" {
	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$BATS_TEST_TMPDIR/out/kernel/series"
	: >"$BATS_TEST_TMPDIR/out/kernel/freevps-7-linux-6.12.1.patch"
	: >"$BATS_TEST_TMPDIR/out/kernel/series/0001-one.patch"
	[ ! -d "$SRC/kernel/patch" ] || skip "requires a tree that make dist has not made"
	in_tree install-kernel-patch O="$BATS_TEST_TMPDIR/out" DESTDIR="$root"
	run find "$root/usr/local/src/freevps-kernel" -type f -printf '%m %P\n'
	[ "$(sort <<<"$output")" = "644 freevps-7-linux-6.12.1.patch
644 series/0001-one.patch
644 vps.config
755 build-kernel" ]
}
