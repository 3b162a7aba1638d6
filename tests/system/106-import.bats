#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# VPSes of FreeVPS 1.1 and util-vserver become ours, and run.
# shellcheck disable=SC2154,SC2030,SC2031 # set by run

load ../lib/system
load ../lib/foreign
load ../lib/kill
load ../lib/net

more_setup() {
	old=$T/vservers
	mkdir "$old"
	name=$TAG
}

more_teardown() {
	remove_cable
}

# An old tree of VPS $name, with what a copy must keep.
old_tree() {
	make_root "$old/$name"
	mkdir -p "$old/$name/etc"
	echo kept >"$old/$name/home/user/file"
	ln "$old/$name/home/user/file" "$old/$name/home/user/link"
	chown 1000:77 "$old/$name/home/user/file"
	printf '#!/bin/sh\n' >"$old/$name/etc/rc"
	chmod 755 "$old/$name/etc/rc"
}

old_conf() {
	legacy_conf "$VPS_CONFIG_DIR/$name.conf" "${1:-box}"
	cp "$VPS_CONFIG_DIR/$name.conf" "$T/before"
}

# old_dir LINE...: of util-vserver, without limits that need a controller.
old_dir() {
	printf '%s\n' "${@:-context 1234}" | util_vserver "$VPS_CONFIG_DIR/$name"
	rm -r "$VPS_CONFIG_DIR/$name/rlimits"
	ln -s "$old/$name" "$VPS_CONFIG_DIR/$name/vdir"
}

import() {
	run vps import --trees "$old" "$@"
}

has_no_scraps() {
	[ -z "$(find "$VPS_TREE_DIR" "$VPS_CONFIG_DIR" -maxdepth 1 -name '.*')" ]
}

is_imported() {
	[ "$status" -eq 0 ] || { echo "status $status: $output" >&2 && return 1; }
	vps-config --check "$name" &&
		[ "$(stat -c '%u:%g %h' "$VPS_TREE_DIR/$name/home/user/file")" = "1000:77 2" ] &&
		has_no_scraps
}

runs() {
	run -0 vps start "$name"
	run -0 vps exec "$name" -- sh -c 'hostname; cat /home/user/file'
	[ "$output" = "$1"$'\n'kept ]
	run -0 vps stop "$name"
}

# With each of these on the device.
runs_with() {
	run -0 vps start "$name"
	shown=$(ip addr show dev "$dev")
	run -0 vps stop "$name"
	for word; do
		[[ $shown == *" $word"* ]] || { echo "$word is not there: $shown" >&2 && return 1; }
	done
	[[ $(ip addr show dev "$dev") != *" $1/"* ]]
}

@test "import: a configuration of FreeVPS 1.1, its tree copied, and the VPS runs" {
	requires proc-limit userns
	old_tree
	old_conf www
	import "$name"
	is_imported
	[[ $output == *"S_NICE='5': has no counterpart"* ]]
	# The old one is no configuration of ours, and nobody complains of that.
	[[ $output != *vps-config:* ]]
	cmp "$T/before" "$VPS_CONFIG_DIR/$name.conf.old"
	[ -e "$old/$name/home/user/file" ]
	[ "$(vps-config --get LIMIT_PROC "$name")" = 200 ]
	runs www
	import "$name"
	[ "$status" -eq 1 ]
	[[ $output == *"$name: is a VPS already" ]]
}

@test "import: a directory of util-vserver, its tree moved, and the VPS runs" {
	requires userns
	free_ctx
	old_tree
	old_dir "context $ctx"
	import --move "$name"
	is_imported
	[ ! -e "$old/$name" ]
	[ "$(vps-config --get S_CONTEXT "$name")" = "$ctx" ]
	runs db.example.org
}

@test "import: addresses of old configurations are on their device while the VPS runs" {
	requires userns bpf ip
	make_cable
	old_tree
	printf '%s\n' "IPROOT=\"$dev:$a4/24\"" "IPROOTBCAST=$n4.255" S_FLAGS=fakeinit \
		>"$VPS_CONFIG_DIR/$name.conf"
	import "$name"
	is_imported
	runs_with "$a4" "$n4.255"

	run -0 vps destroy --yes "$name"
	old_dir "interfaces/dev $dev" "interfaces/0/ip $b4" "interfaces/0/prefix 24" \
		"interfaces/1/ip $b6" "interfaces/1/prefix 64"
	import "$name"
	is_imported
	runs_with "$b4" "$b6"
}

@test "import: --dry-run shows all and changes nothing" {
	old_tree
	old_conf
	find "$T" -printf '%p %T@ %s\n' | sort >"$BATS_TEST_TMPDIR/before"
	import --dry-run "$name"
	[ "$status" -eq 0 ]
	[[ $output == *'S_HOSTNAME="box"'*'NET="shared"'* ]]
	[[ $output == *"S_NICE='5'"* ]]
	find "$T" -printf '%p %T@ %s\n' | sort | diff "$BATS_TEST_TMPDIR/before" -
}

@test "import: --all takes what is no VPS yet, each once" {
	requires proc-limit
	new_vps
	ours=$name
	name=$TAG-a
	old_tree
	old_conf
	name=$TAG-b
	old_tree
	old_dir
	import --all
	[ "$status" -eq 0 ]
	for name in "$TAG-a" "$TAG-b"; do
		is_imported
	done
	[ ! -e "$VPS_CONFIG_DIR/$ours.conf.old" ]
	import --all
	[ "$status/$output" = 0/ ]
}

@test "import: a tree that is in its place already stays there" {
	requires proc-limit
	old_tree
	mv "$old/$name" "$VPS_TREE_DIR"
	inode=$(stat -c %i "$VPS_TREE_DIR/$name")
	old_conf
	import "$name"
	is_imported
	[ "$(stat -c %i "$VPS_TREE_DIR/$name")" = "$inode" ]
}

@test "import: files shared with other trees are not taken as they are" {
	requires proc-limit
	old_tree
	old_conf
	ln "$old/$name/home/user/file" "$old/pool"
	import --move "$name"
	[ "$status" -eq 1 ]
	[[ $output == *"$old/$name: 2 files are links"* || $output == *"$old/$name: 1 files are links"* ]]
	[ -e "$old/$name" ]
	cmp "$T/before" "$VPS_CONFIG_DIR/$name.conf"
	import "$name"
	is_imported
}

@test "import: immutable files are not taken as they are" {
	requires proc-limit
	old_tree
	old_conf
	chattr +i "$old/$name/bin/busybox" 2>/dev/null || skip "requires a file system with attributes"
	import --move "$name"
	chattr -i "$old/$name/bin/busybox"
	[ "$status" -eq 1 ]
	[[ $output == *"$old/$name: 1 files are immutable (unified?); it has to be copied" ]]
	[ -e "$old/$name" ]
}

@test "import: a limit that this host cannot hold is switched off and told" {
	requires stock-engine
	old_tree
	old_dir
	mkdir "$VPS_CONFIG_DIR/$name/rlimits"
	echo 100000 >"$VPS_CONFIG_DIR/$name/rlimits/as"
	import "$name"
	is_imported
	[[ $output == *"$name: LIMIT_VM: switched off in the configuration: "* ]]
	grep -q '^#LIMIT_VM="' "$VPS_CONFIG_DIR/$name.conf"
	[ -z "$(vps-config --get LIMIT_VM "$name")" ]
}

@test "import: a tree with a limit on its disk gets a disk, and runs" {
	requires images no-project-quota userns
	free_ctx
	old_tree
	old_dir "context $ctx" "dlimits/0/directory $old/$name" "dlimits/0/space_total 65536" \
		"dlimits/0/inodes_total 20000"
	import --dry-run --move "$name"
	[[ $output == *"$name: its tree is not copied: LIMIT_DISK"* ]]
	import "$name"
	[ "$status" -eq 0 ]
	[[ $output != *"not copied"* ]]
	vps-config --check "$name"
	run -0 vps start "$name"
	run -0 vps exec "$name" -- sh -c 'cat /home/user/file; df -k / | tail -n 1'
	[ "${lines[0]}" = kept ]
	[ "$(awk '{ print ($2 > 32768 && $2 <= 65536) }' <<<"${lines[1]}")" = 1 ]
	run -0 vps stop "$name"
	run -0 vps destroy --yes "$name"
}

@test "import: what is mounted in the tree, and owners that are contexts, are refused by name" {
	old_tree
	old_conf
	mount -t tmpfs none "$old/$name/home"
	import "$name"
	umount "$old/$name/home"
	[ "$status" -eq 1 ]
	[[ $output == *"$name: $old/$name/home: is mounted; unmount it first" ]]
	chown 83886080 "$old/$name/home/user/file"
	import "$name"
	[ "$status" -eq 1 ]
	[[ $output == *"$old/$name/home/user/"*": owner above 65535"* ]]
	cmp "$T/before" "$VPS_CONFIG_DIR/$name.conf"
	[ -z "$(ls -A "$VPS_TREE_DIR")" ]
}

@test "import: no tree, a line that is no assignment, a name in use: nothing is changed" {
	old_conf
	import "$name"
	[ "$status" -eq 1 ]
	[[ $output == *"$name: no tree ($old/$name, or --trees)" ]]
	old_tree
	echo reboot >>"$VPS_CONFIG_DIR/$name.conf"
	import "$name"
	[ "$status" -eq 1 ]
	[[ $output == *": 'reboot': is no assignment"* ]]
	cp "$T/before" "$VPS_CONFIG_DIR/$name.conf"
	chown 1000 "$VPS_CONFIG_DIR/$name.conf"
	import "$name"
	[ "$status" -eq 1 ]
	[[ $output == *"$VPS_CONFIG_DIR/$name.conf: must be root's and writable by root alone" ]]
	chown 0 "$VPS_CONFIG_DIR/$name.conf"
	: >"$VPS_CONFIG_DIR/$name.conf.old"
	import "$name"
	[ "$status" -eq 1 ]
	[[ $output == *"$name.conf.old: exists already" ]]
	[ -z "$(ls -A "$VPS_TREE_DIR")" ]
	cmp "$T/before" "$VPS_CONFIG_DIR/$name.conf"
}

@test "import: killed at any instant, the next one ends what was begun" {
	requires proc-limit
	for move in '' --move; do
		for round in $(seq 0 "$rounds"); do
			old_tree
			old_conf
			if [ "$round" = 0 ]; then
				measure vps-import --trees "$old" $move "$name"
			else
				kill_at "$round" vps-import --trees "$old" $move "$name"
			fi
			vps-config --check "$name" 2>/dev/null || import $move "$name"
			is_imported || { echo "killed in round $round" >&2 && return 1; }
			cmp "$T/before" "$VPS_CONFIG_DIR/$name.conf.old"
			run -0 vps destroy --yes "$name"
			rm -rf "$old" "$VPS_CONFIG_DIR/$name.conf.old"
			mkdir "$old"
		done
	done
}

@test "import: killed, and what is left is swept" {
	requires proc-limit
	old_tree
	old_conf
	measure vps-import --trees "$old" --dry-run "$name"
	for round in $(seq "$rounds"); do
		kill_at "$round" vps-import --trees "$old" "$name"
		sweep
		has_no_scraps
	done
	[ -e "$old/$name/home/user/file" ]
}
