#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# kill -9 at any instant: the next command needs no help, and nothing is left over.

load ../lib/system
load ../lib/kill

is_tidy() {
	[ -z "$(groups_of "$ctx")" ] || { groups_of "$ctx" >&2 && return 1; }
	[ "$(own_contexts)" = "$(<"$T/contexts")" ]
}

more_setup() {
	requires userns
}

@test "kill -9: vps-start, then start, stop" {
	new_vps
	measure vps-start "$name"
	run -0 vps-stop "$name"
	for ((round = 0; round < rounds; round++)); do
		kill_at "$round" vps-start "$name"
		# It may have got so far that the VPS runs.
		run vps-start "$name"
		[ "$status" -eq 0 ] || one_line "vps-start: $name: already running (context $ctx)"
		is_in_state "$ctx" running
		run -0 vps-enter "$name" true
		run -0 vps-stop "$name"
		is_tidy
	done
}

@test "kill -9: vps-start, then stop; and destroy" {
	new_vps USERNS=no
	measure vps-start "$name"
	run -0 vps-stop "$name"
	for ((round = 0; round < rounds; round++)); do
		kill_at "$round" vps-start "$name"
		run -0 vps-stop "$name"
		[ -z "$output" ]
		# A group that did not come to have a name is nobody's until it is needed again.
		run -0 vps-start "$name"
		run -0 vps-stop "$name"
		is_tidy
	done
	for ((round = 0; round < rounds; round += 4)); do
		make_root "$root"
		write_conf "$name" S_CONTEXT="$ctx"
		kill_at "$round" vps-start "$name"
		is_in_state "$ctx" running && vps-stop "$name"
		run -0 vps-destroy --yes "$name"
		sweep
		is_tidy
		[ -z "$(ls -A "$VPS_TREE_DIR")" ]
	done
}

@test "kill -9: vps-stop, then stop, start" {
	new_vps
	run -0 vps-start "$name"
	measure vps-stop "$name"
	is_tidy
	for ((round = 0; round < rounds; round++)); do
		run -0 vps-start "$name"
		kill_at "$round" vps-stop "$name"
		run -0 vps-stop "$name"
		is_tidy
		run -0 vps-start "$name"
		kill_at "$round" vps-stop "$name"
		run vps-start "$name"
		[ "$status" -eq 0 ] || one_line "vps-start: $name: already running (context $ctx)"
		run -0 vps-stop "$name"
		is_tidy
	done
}

@test "kill -9: vps-create, then create, destroy, sweep" {
	name=$TAG
	ctx=none
	measure vps-create "$name"
	run -0 vps-destroy --yes "$name"
	for ((round = 0; round < rounds; round++)); do
		kill_at "$round" vps-create "$name"
		case $((round % 3)) in
		0)
			run vps-create "$name"
			[ "$status" -eq 0 ] || one_line "vps-create: $name: exists already *" ||
				one_line "vps-create: $VPS_TREE_DIR/$name: not empty"
			;;
		1) sweep ;;
		esac
		run vps-destroy --yes "$name"
		[ "$status" -eq 0 ] || one_line "vps-destroy: $name: no such VPS"
		[ -z "$(find "$VPS_TREE_DIR" "$VPS_CONFIG_DIR" -mindepth 1)" ]
	done
}

@test "kill -9: vps-create --from a tar" {
	make_root "$T/source"
	tar -C "$T/source" -cf "$T/source.tar" .
	name=$TAG
	ctx=none
	measure vps-create "$name" --from "$T/source.tar"
	run -0 vps-destroy --yes "$name"
	for ((round = 0; round < rounds; round++)); do
		kill_at "$round" vps-create "$name" --from "$T/source.tar"
		run vps-destroy --yes "$name"
		[ "$status" -eq 0 ] || one_line "vps-destroy: $name: no such VPS"
		[ -z "$(find "$VPS_TREE_DIR" "$VPS_CONFIG_DIR" -mindepth 1)" ]
		sweep
	done
}

@test "kill -9: vps-destroy, then destroy" {
	new_vps
	measure vps-destroy --yes "$name"
	for ((round = 0; round < rounds; round++)); do
		make_root "$root"
		write_conf "$name" S_CONTEXT="$ctx"
		kill_at "$round" vps-destroy --yes "$name"
		run vps-destroy --yes "$name"
		[ "$status" -eq 0 ] || one_line "vps-destroy: $name: no such VPS"
		[ -z "$(ls -A "$VPS_TREE_DIR")" ]
		[ -z "$(ls -A "$VPS_CONFIG_DIR")" ]
	done
}

# A context of a killed chcontext either does not run, and is anybody's to remove or use, or
# runs on like the child of any killed shell, and is ended by number.
@test "kill -9: chcontext, then the same number again" {
	new_root
	for userns in auto no; do
		measure inside true
		for ((round = 0; round < rounds; round++)); do
			kill_at "$round" "$BUILD/chcontext" --silent --ctx "$ctx" --root "$root" \
				--userns "$userns" -- sleep 1000
			case $(state_of "$ctx") in
			running) vkill -c "$ctx" -s KILL --wait 10 ;;
			esac
			sweep
			no_context "$ctx"
			run -0 inside echo again
			[ "$output" = again ]
			is_tidy
		done
	done
}

@test "kill -9: vps-enter, and the VPS runs on" {
	new_vps
	run -0 vps-start "$name"
	measure vps-enter "$name" true
	wait_until is_count 1 # its /etc/rc has ended
	for ((round = 0; round < rounds; round++)); do
		kill_at "$round" vps-enter "$name" sleep 0.01
		is_in_state "$ctx" running
		run -0 vps-enter "$name" echo works
		[ "$output" = works ]
	done
	wait_until is_count 1
	run -0 vps-stop "$name"
	is_tidy
}

is_count() {
	[ "$(vps-stat --pids -c "$ctx" | wc -l)" -eq "$1" ]
}

@test "kill -9: the tools that vps-start calls, one after the other" {
	new_vps LIMIT_PROC=50
	mkdir "$T/bin"
	for tool in chcontext vlimit vps-config; do
		for when in before after; do
			# It does its part or not, and kills the wrapper with itself.
			case $when in
			before) work=: ;;
			after) work="$BUILD/$tool \"\$@\"" ;;
			esac
			printf '#!/bin/sh\n%s\nkill -KILL $PPID $$\n' "$work" >"$T/bin/$tool"
			chmod 755 "$T/bin/$tool"
			run env VPS_PATH="$T/bin:$BUILD" vps-start "$name"
			[ "$status" -ne 0 ]
			run -0 vps-stop "$name"
			is_tidy
			run env VPS_PATH="$T/bin:$BUILD" vps-start "$name"
			run vps-start "$name"
			[ "$status" -eq 0 ] || one_line "vps-start: $name: already running (context $ctx)"
			run -0 vps-stop "$name"
			is_tidy
		done
		rm "$T/bin/$tool"
	done
}
