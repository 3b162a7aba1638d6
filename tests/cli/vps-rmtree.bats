# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # capture sets status, errors, output
load ../lib/cli

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "vps-rmtree: removes each tree and says what it could not" {
	mkdir -p one/a/b three keep
	touch one/a/file keep/file
	ln -s ../keep one/a/link
	ln -s keep link
	capture "$BUILD/vps-rmtree" one two link three
	expect "exit 1" [ "$status" -eq 1 ]
	expect "both reasons" [ "$errors" = "vps-rmtree: two: remove the tree: No such file or directory
vps-rmtree: link: remove the tree: Too many levels of symbolic links" ]
	[ ! -e one ]
	[ ! -e three ]
	[ -e keep/file ]
}

@test "vps-rmtree: wrong use" {
	capture "$BUILD/vps-rmtree"
	expect "exit 2" [ "$status" -eq 2 ]
	expect "the reason" [ "$errors" = "vps-rmtree: no DIR given (see vps-rmtree --help)" ]
}

@test "vps-rmtree: neither the root nor a way up is a tree" {
	for dir in / . .. ''; do
		capture "$BUILD/vps-rmtree" "$dir"
		expect "exit 1" [ "$status" -eq 1 ]
		expect "the reason" [ "$errors" = "vps-rmtree: ${dir:+$dir: }remove the tree: Invalid argument" ]
	done
}
