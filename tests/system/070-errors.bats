#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# What goes wrong on a host: one clear line, the right exit status, nothing half made.

load ../lib/system

setup_file() {
	build_attempt
}

more_setup() {
	requires userns
	new_vps
}

more_teardown() {
	grep -o " $T/[^ ]*" /proc/self/mounts | sort -r | xargs -r -n 1 umount
}

# vps-start says why, in one line, and nothing of a context is left.
start_refused() {
	run -1 vps-start "$name"
	one_line "vps-start: $name: *$1*"
	[ -z "$(groups_of "$ctx")" ]
	run -3 vps status "$name"
}

@test "errors: the tree is missing, a link, a file, or within reach of strangers" {
	mv "$root" "$T/elsewhere"
	start_refused "$root*No such file or directory"
	ln -s "$T/elsewhere" "$root"
	start_refused "$root*link*"
	rm "$root"
	: >"$root"
	start_refused "$root*ot a directory"
	rm "$root"
	mv "$T/elsewhere" "$root"
	chmod 755 "$T" "$VPS_TREE_DIR"
	start_refused "$root*"
	chmod 700 "$VPS_TREE_DIR"
	run -0 vps-start "$name"
	run -0 vps-stop "$name"
}

@test "errors: a tree whose dev is a file, and one with nothing to run" {
	rm -r "${root:?}/dev"
	: >"$root/dev"
	start_refused "dev*"
	rm "$root/dev"
	write_conf "$name" S_CONTEXT="$ctx" INIT=/bin/none
	start_refused "/bin/none: execute: No such file or directory"
	printf 'garbage' >"$root/bin/none"
	start_refused "/bin/none: execute: Permission denied"
	# The directories that every VPS needs are made where they are missing.
	write_conf "$name" S_CONTEXT="$ctx"
	rmdir "$root/proc" "$root/sys"
	run -0 vps-start "$name"
	run -0 vps-stop "$name"
}

@test "errors: unknown VPS" {
	none=no-such-$TAG
	for tool in vps-start vps-stop 'vps-destroy --yes' 'vps status' 'vps restart' 'vps ps'; do
		# shellcheck disable=SC2086 # several words
		run -1 $tool "$none"
		one_line "*: *$none*: *" || { echo "$tool" >&2 && return 1; }
	done
	run -125 vps-enter "$none"
	one_line "vps-enter: $none: *"
	run -125 vps exec "$none" true
	one_line "vps-enter: $none: *"
}

# Whoever is not root, with the tools where he can reach them.
as_nobody() {
	env VPS_PATH="$T/tools" VPS_LIB="$T/tools/vps-lib.sh" PATH="$T/tools:$PATH" \
		"$T/tools/attempt" -u 65534 exec "$@"
}

@test "errors: without root" {
	chmod 711 "$T"
	mkdir "$T/tools"
	for tool in "$BUILD"/vps* "$BUILD"/chcontext "$BUILD"/vkill; do
		[ ! -f "$tool" ] || cp "$tool" "$T/tools/"
	done
	cp "$BUILD/escape/attempt" "$T/tools/"
	for words in "chcontext true" "chcontext --ctx $ctx --create" "vps-enter $name"; do
		# shellcheck disable=SC2086 # several words
		run -125 as_nobody $words
		one_line "${words%% *}: must be run as root of the host"
	done
	for words in "vps-start $name" "vps-stop $name" "vps-destroy --yes $name" \
		"vps-create ${TAG}new" "vps-sweep" "vps-stat" "vkill -c $ctx"; do
		# shellcheck disable=SC2086 # several words
		run -1 as_nobody $words
		one_line "*: *" || { echo "$words" >&2 && return 1; }
	done
	[ -d "$root" ]
	[ "$(find "$VPS_TREE_DIR" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}

@test "errors: cgroup2 is not mounted" {
	without_cgroup2() {
		unshare -m sh -c 'umount -l "$1" && shift && exec "$@"' sh "${contexts%/freevps}" "$@"
	}
	run -125 without_cgroup2 chcontext true
	one_line "chcontext: *cgroup2*"
	run -1 without_cgroup2 vps-start "$name"
	one_line "*cgroup2*"
	run -125 without_cgroup2 vps-enter "$name"
	one_line "vps-enter: *cgroup2*"
	run -1 without_cgroup2 vps-stat
	one_line "vps-stat: *cgroup2*"
	[ -z "$(groups_of "$ctx")" ]
	[ ! -e "$root/var/log/console.log" ]
}

@test "errors: the disk of the trees is full" {
	mount -t tmpfs -o size=1m,mode=700 none "$VPS_TREE_DIR"
	for from in "--template busybox" "--from $T/source"; do
		[ -d "$T/source" ] || make_root "$T/source"
		# shellcheck disable=SC2086 # two words
		run -1 vps-create "${TAG}full" $from
		one_line "*No space left on device*"
		[ -z "$(ls -A "$VPS_TREE_DIR")" ]
		[ ! -e "$VPS_CONFIG_DIR/${TAG}full.conf" ]
	done
}

@test "errors: a VPS on a full disk starts all the same, without a log" {
	mount -t tmpfs -o size=3m,mode=700 none "$VPS_TREE_DIR"
	make_root "$root"
	rmdir "$root/var/log" # its log cannot be made
	write_conf "$name" S_CONTEXT="$ctx" USERNS=no
	cat /dev/zero >"$root/fill" 2>/dev/null || :
	run -0 vps-start "$name"
	run -0 vps-enter "$name" echo works
	[ "$output" = works ]
	run -0 vps-stop "$name"
	[ -z "$(groups_of "$ctx")" ]
}

@test "errors: the directory of locks is full or read-only" {
	mkdir -p "$VPS_RUN_DIR"
	mount -t tmpfs -o size=4k,nr_inodes=1,mode=700 none "$VPS_RUN_DIR"
	run -1 vps-start "$name"
	one_line "vps-config: *$VPS_RUN_DIR*No space left on device"
	mount -o remount,ro "$VPS_RUN_DIR"
	run -1 vps-start "$name"
	one_line "vps-config: *$VPS_RUN_DIR*Read-only file system"
	[ -z "$(groups_of "$ctx")" ]
	umount "$VPS_RUN_DIR"
	run -0 vps-start "$name"
	run -0 vps-stop "$name"
}

@test "errors: the directory of configurations is read-only" {
	mount --bind "$VPS_CONFIG_DIR" "$VPS_CONFIG_DIR"
	mount -o remount,bind,ro "$VPS_CONFIG_DIR"
	run -1 vps-create "${TAG}new"
	one_line "vps-create: *$VPS_CONFIG_DIR*Read-only file system"
	[ ! -e "$VPS_TREE_DIR/${TAG}new" ]
	[ ! -e "$VPS_TREE_DIR/.${TAG}new.new" ]
	run -1 vps-destroy --yes "$name"
	one_line "vps-destroy: $VPS_CONFIG_DIR: read-only"
	[ -d "$root" ]
	run -0 vps-start "$name"
	run -0 vps-stop "$name"
}

@test "errors: the directory of trees is read-only" {
	mount --bind "$VPS_TREE_DIR" "$VPS_TREE_DIR"
	mount -o remount,bind,ro "$VPS_TREE_DIR"
	run -1 vps-create "${TAG}new"
	one_line "*Read-only file system*"
	[ -z "$(find "$VPS_CONFIG_DIR" -name "*${TAG}new*")" ]
	run -1 vps-destroy --yes "$name"
	one_line "*Read-only file system*"
	[ -e "$VPS_CONFIG_DIR/$name.conf" ]
}

@test "errors: a tree on a read-only file system starts without a log" {
	mount --bind "$root" "$root"
	mount -o remount,bind,ro "$root"
	write_conf "$name" S_CONTEXT="$ctx" USERNS=no
	run -0 vps-start "$name"
	run -0 vps-enter "$name" echo works
	[ "$output" = works ]
	run -0 vps-stop "$name"
}

@test "errors: a full standard output is a failure" {
	run -125 bash -c "exec chcontext --ctx $ctx true >/dev/full"
	one_line "chcontext: *No space left on device"
	[ -z "$(groups_of "$ctx")" ]
	run -1 bash -c 'vps-stat >/dev/full'
	run -1 bash -c 'vps list >/dev/full'
}

@test "errors: create from what is no VPS, no directory, no tar, or a broken one" {
	head -c 100000 /dev/urandom >"$T/noise"
	make_root "$T/source"
	tar -C "$T/source" -czf "$T/whole.tar.gz" .
	head -c 300000 "$T/whole.tar.gz" >"$T/broken.tar.gz"
	for from in "$T/none" "no-such-$TAG" "$T/noise" "$T/broken.tar.gz" /dev/null ''; do
		run vps-create "${TAG}new" --from "$from"
		[ "$status" -eq 1 ] || [ "$status" -eq 2 ]
		one_line "vps-create: *"
		[ -z "$(find "$VPS_TREE_DIR" "$VPS_CONFIG_DIR" -name "*${TAG}new*")" ]
	done
}

@test "errors: user ids that are given to a user of the host are not taken" {
	awk -F : '{ print int($2 / 65536), int(($2 + $3 - 1) / 65536) }' /etc/subuid 2>/dev/null |
		sort -n | head -n 1 >"$T/subuid"
	read -r first last <"$T/subuid" || skip "requires /etc/subuid"
	number=$((first < 3 ? last : first))
	[ "$number" -ge 3 ] || skip "requires /etc/subuid above 196608"
	write_conf "$name" S_CONTEXT="$number"
	run -1 vps-start "$name"
	one_line "*/etc/subuid*"
}
