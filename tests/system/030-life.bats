#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers

load ../lib/system

more_setup() {
	requires userns
}

is_status() {
	run vps status "$1"
	[ "$output" = "$1: $2" ]
}

@test "life: create, start, status, list, enter, exec, ps, stop, destroy" {
	name=$TAG
	free_ctx
	run -0 vps create "$name" --template busybox --hostname box --ctx "$ctx"
	[ -z "$output" ]
	[ "$(stat -c '%u %a' "$VPS_TREE_DIR/$name")" = "0 755" ]
	run -3 vps status "$name"
	[ "$output" = "$name: stopped" ]

	run -0 vps start "$name"
	[ -z "$output" ]
	run -0 vps status "$name"
	[ "$output" = "$name: running, context $ctx" ]
	[ "$(cat "$VPS_TREE_DIR/$name/proc/cmdline" 2>/dev/null)" = "" ]

	run -0 vps list --raw
	has_output "$name $ctx running no $VPS_TREE_DIR/$name"
	run -0 vps enter "$name" hostname
	[ "$output" = box ]
	run -5 vps exec "$name" -- sh -c 'echo out; exit 5'
	[ "$output" = out ]
	run -0 vps ps "$name" -o args=
	[[ ${lines[0]} == *init* ]]

	run -0 vps stop "$name"
	[ -z "$output" ]
	run -3 vps status "$name"
	[ "$output" = "$name: stopped" ]
	no_context "$ctx"
	run -0 vps destroy --yes "$name"
	[ -z "$output" ]
	[ -z "$(ls -A "$VPS_TREE_DIR")" ]
	[ -z "$(ls -A "$VPS_CONFIG_DIR")" ]
	run -1 vps status "$name"
	one_line "vps: $name: no such VPS"
}

@test "life: the same again with the same name and USERNS=no" {
	free_ctx
	for round in 1 2; do
		run -0 vps create "$TAG" --userns no --ctx "$ctx"
		run -0 vps start "$TAG"
		run -0 vps exec "$TAG" grep -c . /proc/self/uid_map
		run -0 vps stop "$TAG"
		run -0 vps destroy --yes "$TAG"
		[ -z "$output" ] || { echo "round $round" >&2 && return 1; }
	done
}

@test "life: no process of ours stays on the host for a running VPS" {
	new_vps
	run -0 vps-start "$name"
	[ -z "$(own_processes)" ]
	run -0 vps-stop "$name"
}

@test "life: /etc/rc runs, its output is the console log of the tree" {
	new_vps
	printf '#!/bin/sh\necho from rc; touch /ran\nsleep 1000 &\n' >"$root/etc/rc"
	run -0 vps-start "$name"
	wait_until has_line "$root/var/log/console.log" 'from rc'
	[ -e "$root/ran" ]
	run -0 vps-stop "$name"
	no_context "$ctx"
}

@test "life: already running, already stopped" {
	new_vps
	run -0 vps-start "$name"
	run -1 vps-start "$name"
	one_line "vps-start: $name: already running (context $ctx)"
	run -1 vps-destroy --yes "$name"
	one_line "vps-destroy: $name: running; stop it first"
	[ -d "$root" ]
	run -0 vps-stop "$name"
	run -0 vps-stop "$name"
	[ -z "$output" ]
}

@test "life: of two starts at once one wins and the other says so" {
	new_vps
	for round in 1 2 3 4 5; do
		for n in 1 2; do
			{
				status=0
				vps-start "$name" >"$T/out.$n" 2>&1 || status=$?
				echo "$status" >"$T/status.$n"
			} 3>&- &
		done
		wait
		[ "$(sort "$T"/status.* | tr '\n' ' ')" = "0 1 " ]
		cat "$T"/out.* | grep -q \
			-e "^vps-config: $name: another operation is running$" \
			-e "^vps-start: $name: already running (context $ctx)$"
		[ "$(cat "$T"/out.* | wc -l)" -eq 1 ]
		is_in_state "$ctx" running
		run -0 vps-stop "$name" || { echo "round $round" >&2 && return 1; }
	done
}

@test "life: a start and a stop at once leave it running or stopped, nothing between" {
	new_vps
	for round in 1 2 3 4 5; do
		vps-start "$name" >/dev/null 2>&1 3>&- &
		vps-stop "$name" >/dev/null 2>&1 3>&- || :
		wait
		run vps status "$name"
		[[ $output == "$name: running"* || $output == "$name: stopped" ]] ||
			{ echo "round $round: $output" >&2 && return 1; }
		run -0 vps-stop "$name"
	done
}

@test "life: two VPSes with one number: the second is told" {
	new_vps
	first=$name number=$ctx
	new_vps
	sed -i "s/^S_CONTEXT=.*/S_CONTEXT=\"$number\"/" "$VPS_CONFIG_DIR/$name.conf"
	run -0 vps-start "$first"
	run -1 vps-start "$name"
	one_line "vps-start: $name: not started: $number: the context is in use"
	is_in_state "$number" running
	run -0 vps-stop "$first"
	run -0 vps-start "$name"
	run -0 vps-stop "$name"
}

@test "life: --all starts what is ONBOOT, stop --all ends everything" {
	new_vps ONBOOT=yes
	first=$ctx
	new_vps
	second=$ctx
	run -0 vps-start --all
	is_in_state "$first" running
	no_context "$second"
	[ "$(vps-stat --state --raw | grep -c " $TAG")" -eq 1 ]
	run -0 vps-stop "${TAG}0" "${TAG}1"
	no_context "$first"
}

@test "life: restart is a new first process" {
	new_vps
	run -0 vps start "$name"
	before=$(vps-stat --pids -c "$name" | head -n 1)
	run -0 vps restart "$name"
	[ -z "$output" ]
	[ "$(vps-stat --pids -c "$name" | head -n 1)" != "$before" ]
	run -0 vps stop "$name"
}

# The init of these VPSes takes reboot and halt from inside.
@test "life: halt from inside ends it, sweep removes what is left" {
	new_vps
	run -0 vps-start "$name"
	vps-enter "$name" halt || :
	wait_until is_empty "$ctx"
	is_status "$name" "stopped (dead, context $ctx is to be swept)"
	sweep
	has_output "$name: context $ctx removed (dead)"
	no_context "$ctx"
}

has_output() {
	printf '%s\n' "${lines[@]}" | grep -qx -e "$1"
}

@test "life: a forced reboot and a forced halt are told apart" {
	requires bpf
	new_vps
	run -0 vps-start "$name"
	run vps-enter "$name" -- reboot -f
	wait_until is_empty "$ctx"
	is_status "$name" "stopped (rebooted, context $ctx is to be swept)"
	sweep
	has_output "$name: started again after its reboot"
	is_in_state "$ctx" running
	run vps-enter "$name" -- poweroff -f
	wait_until is_empty "$ctx"
	is_in_state "$ctx" dead
	sweep
	no_context "$ctx"
}

@test "life: reboot from inside, and sweep starts it again" {
	requires bpf
	new_vps
	printf '#!/bin/sh\necho up >>/boots\n' >"$root/etc/rc"
	run -0 vps-start "$name"
	wait_until has_line "$root/boots" up
	vps-enter "$name" reboot || :
	wait_until is_empty "$ctx"
	sweep
	has_output "$name: started again after its reboot"
	wait_until test "$(grep -c up "$root/boots")" -eq 2
	is_in_state "$ctx" running
	run -0 vps-stop "$name"
}

@test "life: start and stop clear what ended by itself" {
	new_vps
	run -0 vps-start "$name"
	for verb in start stop start; do
		vkill -c "$name" -s KILL --wait 10
		is_in_state "$ctx" dead
		run -0 "vps-$verb" "$name"
		[ "$verb" = start ] || no_context "$ctx"
		[ "$verb" = start ] || run -0 vps-start "$name"
	done
	vkill -c "$name" -s KILL --wait 10
	run -0 vps-destroy --yes "$name"
	no_context "$ctx"
	[ ! -e "$root" ]
}

@test "life: an init that does not listen is killed after the time-out" {
	new_vps INIT=/bin/deaf
	printf '#!/bin/sh\ntrap "" TERM USR2 INT\nwhile :; do sleep 1000; done\n' >"$root/bin/deaf"
	chmod 755 "$root/bin/deaf"
	run -0 vps-start "$name"
	run -0 vps-stop --timeout 1 "$name"
	one_line "vps-stop: $name: has not ended by itself within 1 s; killed"
	no_context "$ctx"
}

@test "life: INIT as a path that is not there fails, and nothing is left" {
	new_vps INIT=/no/init
	run -1 vps-start "$name"
	one_line "vps-start: $name: not started: */no/init: execute: No such file or directory"
	no_context "$ctx"
}

@test "life: the tree's own /sbin/init is the first process, a link inside included" {
	new_vps
	printf '#!/bin/sh\necho own >/which\nexec sleep 1000\n' >"$root/bin/own"
	chmod 755 "$root/bin/own"
	ln -sf /bin/own "$root/sbin/init"
	run -0 vps-start "$name"
	wait_until has_line "$root/which" own
	run -0 vps-stop --timeout 1 "$name"
}

@test "life: capabilities, flags and names of the configuration hold" {
	new_vps S_HOSTNAME=own.name S_DOMAINNAME=own.domain S_FLAGS="nproc,lock" \
		S_CAPS='!net_raw,!CAP_SYS_BOOT' NET=none
	run -0 vps-start "$name"
	run -0 vps-enter "$name" -- sh -c 'uname -n; cat /proc/sys/kernel/domainname; ls /sys/class/net'
	[ "${lines[*]}" = "own.name own.domain lo" ]
	held=$(awk '/^CapBnd:/ { print $2 }' "/proc/$(vps-stat --pids -c "$name" | head -n 1)/status")
	[ $((0x$held & (1 << 13 | 1 << 22))) -eq 0 ]
	vps-stat --long -c "$name" | grep -q '^flags: *lock.*nproc'
	run -0 vps-stop "$name"
}

@test "life: create never touches what is there" {
	mkdir -p "$VPS_TREE_DIR/$TAG"
	echo mine >"$VPS_TREE_DIR/$TAG/file"
	run -1 vps-create "$TAG"
	one_line "vps-create: $VPS_TREE_DIR/$TAG: not empty"
	[ "$(cat "$VPS_TREE_DIR/$TAG/file")" = mine ]
	rm -r "${VPS_TREE_DIR:?}/$TAG"
	write_conf "$TAG" ONBOOT=no
	run -1 vps-create "$TAG"
	one_line "vps-create: $TAG: exists already ($VPS_CONFIG_DIR/$TAG.conf)"
	[ ! -e "$VPS_TREE_DIR/$TAG" ]
}

@test "life: create --from VPS, DIR and TAR copies owners, modes and links" {
	new_vps
	mkdir "$root/srv"
	chown 1000:77 "$root/srv"
	chmod 2751 "$root/srv"
	install -m 4755 "$root/bin/busybox" "$root/srv/suid"
	ln "$root/etc/passwd" "$root/srv/hard"
	ln -s ../../../etc/passwd "$root/srv/soft"
	tar -C "$root" -czf "$T/tree.tar.gz" .
	for from in "$name" "$root" "$T/tree.tar.gz"; do
		run -0 vps-create "${TAG}copy" --from "$from" --ctx "$ctx"
		copy=$VPS_TREE_DIR/${TAG}copy
		run -0 stat -c '%u:%g %a' "$copy/srv" "$copy/srv/suid"
		[ "${lines[*]}" = "1000:77 2751 0:77 4755" ]
		[ "$copy/srv/hard" -ef "$copy/etc/passwd" ]
		[ "$(readlink "$copy/srv/soft")" = ../../../etc/passwd ]
		run -0 vps-start "${TAG}copy"
		run -0 vps-stop "${TAG}copy"
		run -0 vps-destroy --yes "${TAG}copy"
	done
}

@test "life: many at once start, run and are stopped" {
	for _ in 1 2 3 4 5 6 7 8; do
		new_vps
	done
	for n in 0 1 2 3 4 5 6 7; do
		vps-start "$TAG$n" 3>&- &
	done
	wait
	[ "$(vps-stat --state --raw | grep -c " running ${TAG}[0-7]\$")" -eq 8 ]
	run -0 vps-stop "$TAG"{0..7}
	[ "$(vps-stat --state --raw | grep -c " $TAG")" -eq 0 ]
}
