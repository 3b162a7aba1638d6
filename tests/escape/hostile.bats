#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# Tools of the host at work on a tree whose every name and file is the tenant's: none hangs, none
# leaves the tree, and none prints to a terminal what the tenant wrote for it.

load ../lib/system
load ../lib/escape

more_setup() {
	requires userns leisure
	new_root
	part_of_host
	nasty=$'\e]0;owned\a\e[2Jnew\nline\r\xff'
}

KINDS="fifo socket directory loop outside empty binary huge"

# put KIND PATH: it is there, whatever was before.
put() {
	rm -rf "${2:?}"
	mkdir -p "${2%/*}"
	case $1 in
	fifo) mkfifo "$2" ;;
	socket) "$BUILD/escape/attempt" make-socket "$2" ;;
	directory) mkdir "$2" ;;
	loop) ln -s "${2##*/}" "$2" ;;
	outside) ln -s "$host/file" "$2" ;;
	empty) : >"$2" ;;
	binary) head -c 100000 /dev/urandom >"$2" ;;
	huge) truncate -s 1T "$2" ;;
	esac
}

# calm CMD...: it ends, and says nothing that a terminal obeys.
calm() {
	run timeout 60 "$@"
	[ "$status" -lt 124 ] || [ "$status" -eq 125 ] || [ "$status" -eq 126 ] || [ "$status" -eq 127 ] ||
		{ echo "$*: $status: ${output@Q}" >&2 && return 1; }
	case $output in
	*[$'\e\a\r']*) echo "$*: ${output@Q}" >&2 && return 1 ;;
	esac
	is_unchanged
}

@test "escape: whatever is where a VPS's users are looked up" {
	for userns in auto no; do
		hold sleep 1000
		for path in etc/passwd etc/group; do
			cp "$root/$path" "$T/saved"
			for kind in $KINDS; do
				put $kind "$root/$path"
				calm vps-enter "$ctx" true
				[ "$status" -eq 0 ] || [ "$status" -eq 125 ]
				calm vps-enter "$ctx" -u user true
				[ $path = etc/group ] || [ "$status" -eq 125 ]
			done
			rm -rf "${root:?}/$path"
			cp "$T/saved" "$root/$path"
		done
		release TERM
	done
}

@test "escape: users that are none, or have a terminal's commands for names" {
	printf '%s\n' "$nasty:*:1:1::/:$nasty" 'wrapped:*:4294967296:0::/:/bin/sh' \
		'minus:*:-1:0::/:/bin/sh' 'far:*:65536:0::/:/bin/sh' 'none' ':::::::' \
		'group:*:7:4294967295::/:/bin/sh' >>"$root/etc/passwd"
	for userns in auto no; do
		hold sleep 1000
		for user in wrapped minus far none '' group 65536 -1 4294967296 "$nasty"; do
			calm vps-enter "$ctx" -u "$user" -- /bin/busybox id -u
			[ "$status" -eq 125 ] || [ "$status" -eq 2 ] || [ "$output" = 1 ] ||
				{ echo "${user@Q}: $status $output" >&2 && return 1; }
		done
		release TERM
	done
}

@test "escape: whatever is where a start looks" {
	new_vps
	for path in dev proc sys var/log var/log/console.log etc/rc sbin/init; do
		for kind in fifo outside huge; do
			rm -rf "$T/saved"
			cp -a "$root" "$T/saved"
			put $kind "$root/$path"
			calm vps-start "$name"
			[ "$status" -ne 0 ] || calm vps-stop --timeout 1 "$name"
			no_context "$ctx"
			rm -rf --one-file-system "${root:?}"
			mv "$T/saved" "$root"
		done
	done
}

# A tree that nobody likes to walk.
hostile_tree() {
	for kind in $KINDS; do
		put $kind "$1/$kind"
		put $kind "$1/$nasty/$kind$nasty"
	done
	mkdir "$1/deep"
	# Deeper than any path may be.
	(cd "$1/deep" && for _ in $(seq 60); do
		mkdir "$(printf '%0100d' 0)" && cd "$(printf '%0100d' 0)" || exit
	done)
}

@test "escape: a tree with everything in it is counted, copied and removed" {
	hostile_tree "$root/in"
	run find "$root/in" -maxdepth 1 # the control, without a terminal
	[[ $output == *$nasty* ]]
	calm vdu "$root"
	calm vdu -a "$root"
	mkdir "$T/copy"
	calm vps-cptree "$root" "$T/copy"
	[ "$status" -eq 0 ]
	[ -p "$T/copy/in/fifo" ]
	[ "$(readlink "$T/copy/in/outside")" = "$host/file" ]
	[ "$(du -s "$T/copy" | cut -f 1)" -lt 100000 ]
	calm vps-rmtree "$T/copy"
	[ "$status" -eq 0 ]
	[ ! -e "$T/copy" ]
	calm vps-create "${TAG}from" --from "$root"
	[ "$status" -eq 0 ]
	calm vps-destroy --yes "${TAG}from"
	[ "$status" -eq 0 ]
}

# Each directory is now itself, now a link to the host's.
@test "escape: directories are exchanged for links while a tree is walked" {
	mkdir -p "$root/a/b" "$root/a/c"
	seq 300 | sed "s|.*|$root/a/b/&|" | xargs touch
	ln -s "$host" "$root/a/link"
	"$BUILD/escape/attempt" exchange "$root/a/b" "$root/a/link" 3>&- &
	racer=$!
	for _ in $(seq "$((${VPS_TEST_ROUNDS:-16} / 4))"); do
		calm vdu "$root"
		rm -rf "$T/copy"
		mkdir "$T/copy"
		calm vps-cptree "$root" "$T/copy"
		run ! grep -rqs -e untouched -e only-on-host "$T/copy" --exclude-dir=link
	done
	calm vps-rmtree "$root/a"
	run cp -rL "$host" "$T/copy/a" # the control
	grep -rqs only-on-host "$T/copy" --exclude-dir=link
	kill "$racer" 2>/dev/null || : # what it renames may be gone
	wait "$racer" || :
	is_unchanged
}
