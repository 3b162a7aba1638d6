# SPDX-License-Identifier: GPL-2.0-or-later
# What vps-import refuses before it looks at anything; what it does is in tests/system.
# shellcheck disable=SC2154 # capture sets status, errors, output
load ../lib/cli
load ../lib/foreign

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	tool=vps-import
	mkdir etc trees run old
	export VPS_CONFIG_DIR=$PWD/etc VPS_TREE_DIR=$PWD/trees VPS_RUN_DIR=$PWD/run
}

# fails TEXT ARG...: status 1, and TEXT last.
fails() {
	text=$1
	shift
	capture "$BUILD/vps-import" --trees "$PWD/old" --dry-run "$@"
	expect "exit 1" [ "$status" -eq 1 ] &&
		expect "'$text'" [ "${errors##*$'\n'}" = "vps-import: $text" ] &&
		expect "nothing on stdout" [ -z "$output" ]
}

@test "vps-import: wrong use" {
	refuses "no name given"
	refuses "no name given" --dry-run --move
	refuses "--all takes no names" --all web
	refuses "bad name '.web'" .web
	refuses "'a b': a blank in it" 'a b'
	refuses "--trees needs a value" web --trees
	refuses "--profile: empty" --profile= web
}

@test "vps-import: nothing there, not a configuration, only digits" {
	fails "web: no configuration ($PWD/etc/web.conf)" web
	fails "./nowhere: no configuration (./nowhere)" ./nowhere
	: >etc/12.conf
	fails "12: a VPS cannot have a name of digits only" 12
}

@test "vps-import: --all where nothing is to be imported" {
	capture "$BUILD/vps-import" --all
	expect "silence" [ "$status$output$errors" = 0 ]
	mkdir etc/none
	capture "$BUILD/vps-import" --all
	expect "a directory that is no configuration is none" [ "$status$output$errors" = 0 ]
}
