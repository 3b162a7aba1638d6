#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# Each system call of each tool is its last, or fails by what may come of a full or broken
# machine: the next command needs no help, nothing is left over, and who fails says why in words.
# A few calls of each, evenly among all; VPS_TEST_FAULTS=0 is all of them.

load ../lib/system

faults=${VPS_TEST_FAULTS:-3}

more_setup() {
	requires userns strace leisure
	trap_tools
	hits=0
}

# ---- the calls of tools ------------------------------------------------------------

# Below $T/bin the tools as wrappers call them, each of which notes its calls ($trace), or does not
# survive, or has fail, call number $trap_count of $trap_call if it is $trap_tool.
trap_tools() {
	mkdir "$T/bin" "$T/traces" "$T/struck"
	export T trace trap_tool trap_call trap_count trap_what
	for tool in chbind chcontext vdisk vdu vkill vlimit vnet vps-config vps-cptree vps-enter vps-probe \
		vps-rmtree vps-stat vtraf; do
		cat >"$T/bin/$tool" <<-'END'
			#!/bin/sh
			tool=${0##*/}
			if [ -n "$trace" ]; then
				exec strace -qq -o "$T/traces/$tool.$$" "$BUILD/$tool" "$@"
			elif [ "$trap_tool" = "$tool" ]; then
				exec strace -qq -o "$T/struck/$$" -e "trace=$trap_call" \
					-e "inject=$trap_call:$trap_what:when=$trap_count" "$BUILD/$tool" "$@"
			fi
			exec "$BUILD/$tool" "$@"
		END
		chmod 755 "$T/bin/$tool"
	done
	trapped=$T/bin:$BUILD
}

# calls CMD...: notes "TOOL CALL COUNT" of each that its tools make from cli_init() on, in $T/calls;
# of all of them $faults. Not brk, which fails by telling the end that there is, never an error.
calls() {
	rm -f "$T"/traces/*
	trace=1 VPS_PATH=$trapped run -0 "$@"
	(cd "$T/traces" && awk -v wanted="$faults" '
		FNR == 1 { split("", count); begun = ended = 0; tool = FILENAME; sub(/\.[0-9]*$/, "", tool) }
		/^close_range/ { begun = 1 }
		/^execve/ && begun { ended = 1 } # what it executes is no tool
		match($0, /^[a-z0-9_]+\(/) {
			call = substr($0, 1, RLENGTH - 1)
			point = tool " " call " " ++count[call]
			if (begun && !ended && call !~ /^(brk|exit_group|rt_sigreturn)$/ && !seen[point]++)
				points[++n] = point
		}
		END {
			step = wanted && n > wanted ? n / wanted : 1
			for (i = step / 2; i <= n; i += step)
				print points[int(i) + 1]
		}' *) | sed '/^$/d' >"$T/calls"
	[ -s "$T/calls" ]
}

# broken WHAT CMD...: with the point that was read last. A wrapper may well do without the tool that
# has been killed, and say nothing.
broken() {
	trap_what=$1
	shift
	rm -f "$T"/struck/*
	VPS_PATH=$trapped trap_tool=$at_tool trap_call=$at_call trap_count=$at_count \
		run timeout -k 5 60 "$@" </dev/null
	! grep -qs -e INJECTED -e 'killed by' "$T"/struck/* || hits=$((hits + 1))
}

# For what is said when a test fails.
at() {
	echo "at $at_tool: $at_call $at_count: status $status: $output"
}

is_tidy() {
	[ -z "$(groups_of "$ctx")" ] || { at && return 1; }
	wait_until no_own_processes
}

no_own_processes() {
	[ -z "$(own_processes)" ]
}

# ---- killed ------------------------------------------------------------------------

@test "faults: killed at a call of a tool of vps-start: then start, stop" {
	new_vps LIMIT_PROC=50
	calls vps-start "$name"
	run -0 vps-stop "$name"
	while read -r at_tool at_call at_count; do
		broken signal=KILL vps-start "$name"
		[ "$status" -ne 0 ] || is_in_state "$ctx" running
		run vps-start "$name"
		[ "$status" -eq 0 ] || one_line "vps-start: $name: already running (context $ctx)" || at
		is_in_state "$ctx" running
		run -0 vps-enter "$name" true
		run -0 vps-stop "$name"
		is_tidy
	done <"$T/calls"
	[ "$hits" -gt 0 ]
}

@test "faults: killed at a call of a tool of vps-stop: then stop" {
	new_vps
	run -0 vps-start "$name"
	calls vps-stop "$name"
	while read -r at_tool at_call at_count; do
		run -0 vps-start "$name"
		broken signal=KILL vps-stop "$name"
		run -0 vps-stop "$name"
		is_tidy
	done <"$T/calls"
	[ "$hits" -gt 0 ]
}

@test "faults: killed at a call of a tool of vps-create: then destroy" {
	make_root "$T/source"
	name=$TAG
	ctx=none
	calls vps-create "$name" --from "$T/source"
	run -0 vps-destroy --yes "$name"
	while read -r at_tool at_call at_count; do
		broken signal=KILL vps-create "$name" --from "$T/source"
		run vps-destroy --yes "$name"
		[ "$status" -eq 0 ] || one_line "vps-destroy: $name: no such VPS" || at
		sweep
		[ -z "$(find "$VPS_TREE_DIR" "$VPS_CONFIG_DIR" -mindepth 1)" ]
	done <"$T/calls"
	[ "$hits" -gt 0 ]
}

@test "faults: killed at a call of a tool of vps-destroy: then destroy" {
	new_vps
	calls vps-destroy --yes "$name"
	while read -r at_tool at_call at_count; do
		make_root "$root"
		write_conf "$name" S_CONTEXT="$ctx"
		broken signal=KILL vps-destroy --yes "$name"
		run vps-destroy --yes "$name"
		[ "$status" -eq 0 ] || one_line "vps-destroy: $name: no such VPS" || at
		sweep
		[ -z "$(find "$VPS_TREE_DIR" "$VPS_CONFIG_DIR" -mindepth 1)" ]
	done <"$T/calls"
}

# Killed between two limits it has set one of them; the next call sets both.
@test "faults: killed at a call of vlimit: then vlimit" {
	new_root
	hold sleep 1000
	calls "$T/bin/vlimit" -c "$ctx" --proc 60
	while read -r at_tool at_call at_count; do
		broken signal=KILL "$T/bin/vlimit" -c "$ctx" --proc 60
		run -0 vlimit -c "$ctx" --proc 80
		[[ $(vlimit -c "$ctx" --raw | grep ' proc ') == *' 80 '* ]] || at
		is_in_state "$ctx" running
	done <"$T/calls"
	[ "$hits" -gt 0 ]
	release TERM
}

@test "faults: killed at a call of a harvest: the next one counts on" {
	# Not all are made where there is nothing new.
	[ "$faults" -eq 0 ] || faults=$((4 * faults))
	calls "$T/bin/vtraf" --harvest
	while read -r at_tool at_call at_count; do
		broken signal=KILL "$T/bin/vtraf" --harvest
		run -0 vtraf --harvest
		vtraf --report=hour >/dev/null
	done <"$T/calls"
	[ "$hits" -gt 0 ]
	[ -z "$(find "$VPS_STATE_DIR" -name '.*' -type f)" ]
}

# ---- disks -------------------------------------------------------------------------

# An image of 64M with something in it, that is not mounted.
new_image() {
	requires images
	tree=$VPS_TREE_DIR/$TAG
	image=$VPS_TREE_DIR/.$TAG.img
	mkdir "$tree"
	make_image
	head -c 3000000 /dev/urandom >"$T/data"
	cp "$T/data" "$tree/data"
	vdisk umount "$tree"
}

make_image() {
	vdisk create --kind image --size 64M "$tree"
}

no_device() {
	[ -z "$(losetup --noheadings --output NAME --associated "$image")" ]
}

# Whatever has been broken: the next who mounts it has all of it. Then it has 64M again.
is_whole() {
	{ vdisk mount "$tree" && cmp "$tree/data" "$T/data" && vdisk umount "$tree"; } ||
		{ at && return 1; }
	wait_until no_device
	e2fsck -fn "$image" || { at && return 1; }
	[ ! -e "$image.undo" ] || { at && return 1; }
	vdisk grow --size 64M "$tree" 2>/dev/null || vdisk shrink --size 64M "$tree"
}

@test "faults: killed at a call of a change of size: then the image is whole" {
	new_image
	for action in 'grow --size 96M' 'shrink --size 40M'; do
		# shellcheck disable=SC2086 # words
		calls "$T/bin/vdisk" $action "$tree"
		is_whole
		while read -r at_tool at_call at_count; do
			# shellcheck disable=SC2086 # words
			broken signal=KILL "$T/bin/vdisk" $action "$tree"
			is_whole
		done <"$T/calls"
	done
	[ "$hits" -gt 0 ]
	vdisk remove "$tree"
}

@test "faults: killed at a call of vdisk mount, umount: then the image is whole" {
	new_image
	calls "$T/bin/vdisk" mount "$tree"
	is_whole
	while read -r at_tool at_call at_count; do
		broken signal=KILL "$T/bin/vdisk" mount "$tree"
		is_whole
	done <"$T/calls"
	vdisk mount "$tree"
	calls "$T/bin/vdisk" umount "$tree"
	while read -r at_tool at_call at_count; do
		vdisk mount "$tree"
		broken signal=KILL "$T/bin/vdisk" umount "$tree"
		is_whole
	done <"$T/calls"
	[ "$hits" -gt 0 ]
	vdisk remove "$tree"
}

@test "faults: killed at a call of vdisk create, remove: then remove" {
	new_image
	vdisk remove "$tree"
	calls "$T/bin/vdisk" create --kind image --size 64M "$tree"
	vdisk remove "$tree"
	while read -r at_tool at_call at_count; do
		broken signal=KILL "$T/bin/vdisk" create --kind image --size 64M "$tree"
		is_removed
	done <"$T/calls"
	make_image
	calls "$T/bin/vdisk" remove "$tree"
	while read -r at_tool at_call at_count; do
		make_image
		broken signal=KILL "$T/bin/vdisk" remove "$tree"
		is_removed
	done <"$T/calls"
	[ "$hits" -gt 0 ]
}

is_removed() {
	run vdisk remove "$tree"
	[ "$status" -eq 0 ] || at
	sweep
	[ "$(find "$VPS_TREE_DIR" -mindepth 1)" = "$tree" ] ||
		{ at && find "$VPS_TREE_DIR" -ls && return 1; }
	wait_until no_device
}

# ---- failed ------------------------------------------------------------------------

# fails OWN CMD...: whatever fails in CMD, it ends by itself; status OWN comes with its words.
fails() {
	own=$1
	shift
	calls "$@"
	after
	while read -r at_tool at_call at_count; do
		for error in ENOMEM ENOSPC EIO EINTR; do
			broken "error=$error" "$@"
			case $status in
			0) ;;
			"$own" | 126) [[ $output == *"${1##*/}: "* || $output == *"$at_tool: "* ]] || { at && return 1; } ;;
			*) at && return 1 ;;
			esac
			after
		done
	done <"$T/calls"
}

after() { :; }

@test "faults: an error at a call of chcontext" {
	new_root
	after() {
		sweep
		is_tidy
	}
	fails 125 "$T/bin/chcontext" --silent --ctx "$ctx" --root "$root" -- true
	after() {
		run chcontext --silent --ctx "$ctx" --destroy
		sweep
		is_tidy
	}
	fails 125 "$T/bin/chcontext" --silent --ctx "$ctx" --create
	[ "$hits" -gt 0 ]
}

@test "faults: an error at a call of vps-enter" {
	new_root
	hold sleep 1000
	after() {
		is_in_state "$ctx" running
	}
	fails 125 "$T/bin/vps-enter" "$ctx" true
	[ "$hits" -gt 0 ]
	run -0 vps-enter "$ctx" true
	release TERM
}

@test "faults: an error at a call of vlimit, vkill, vps-stat, vtraf, vdu" {
	new_root
	hold sleep 1000
	fails 1 "$T/bin/vlimit" -c "$ctx" --proc 60
	fails 1 "$T/bin/vlimit" -c "$ctx"
	fails 1 "$T/bin/vkill" -c "$ctx" -s CONT
	fails 1 "$T/bin/vps-stat" --json
	fails 1 "$T/bin/vtraf" --harvest
	fails 1 "$T/bin/vdu" "$root/etc"
	[ "$hits" -gt 0 ]
	is_in_state "$ctx" running
	release TERM
}

@test "faults: an error at a call of a tool of vps-start" {
	new_vps LIMIT_PROC=50
	after() {
		run -0 vps-stop "$name"
		is_tidy
	}
	fails 1 vps-start "$name"
	[ "$hits" -gt 0 ]
}

@test "faults: an error at a call of vdisk" {
	new_image
	after() { is_whole; }
	for action in 'grow --size 96M' 'shrink --size 40M' mount status; do
		# shellcheck disable=SC2086 # words
		fails 1 "$T/bin/vdisk" $action "$tree"
	done
	after() { vdisk mount "$tree"; }
	vdisk mount "$tree"
	fails 1 "$T/bin/vdisk" umount "$tree"
	vdisk remove "$tree"
	after() { is_removed; }
	fails 1 "$T/bin/vdisk" create --kind image --size 64M "$tree"
	[ "$hits" -gt 0 ]
}
