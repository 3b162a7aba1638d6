#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A host whose init is systemd.

bats_require_minimum_version 1.5.0

# The directory of the context of the VPS that started with the host.
group() {
	pid=$(vps-stat --pids -c vmboot | head -n 1)
	sed -n 's,^0::\(.*\)/payload.*,/sys/fs/cgroup\1,p' "/proc/$pid/cgroup"
}

has_controllers() {
	for controller in cpu io memory pids; do
		grep -w $controller "$(group)/cgroup.controllers" || return 1
	done
}

@test "systemd: the host has started without a failed unit" {
	run -0 systemctl is-system-running --wait
	[ "$output" = running ]
}

@test "systemd: a VPS is in no unit's group, and has controllers" {
	has_controllers
	run -0 systemctl status vps.service
	[[ $output != *vps-init* ]]
}

@test "systemd: restarting freevps.service harms no VPS" {
	before=$(vps-stat --pids -c vmboot)
	systemctl restart freevps.service
	[ "$(vps-stat --pids -c vmboot)" = "$before" ]
	run -0 vps-enter vmboot -- true
	systemctl stop freevps.service
	systemctl start freevps.service
	[ "$(vps-stat --pids -c vmboot)" = "$before" ]
	run -0 vps-enter vmboot -- true
}

@test "systemd: daemon-reload and a changed property keep the controllers" {
	systemctl daemon-reload
	systemctl set-property --runtime vm-tests.service CPUWeight=50
	systemctl daemon-reexec
	has_controllers
}

@test "systemd: vps@NAME.service starts and stops a VPS" {
	vps-create vmunit --template busybox
	systemctl start vps@vmunit.service
	run -0 vps status vmunit
	systemctl stop vps@vmunit.service
	run -3 vps status vmunit
	vps-destroy --yes vmunit
}

runs() {
	vps status "$1" >/dev/null
}

@test "systemd: the sweep of the timer starts again what was rebooted from inside" {
	vps-create vmagain --template busybox
	vps-start vmagain
	run vps-enter vmagain -- reboot
	for _ in {1..100}; do
		runs vmagain || break
		sleep 0.1
	done
	systemctl start vps-sweep.timer
	systemctl is-active vps-sweep.timer
	systemctl start vps-sweep.service
	runs vmagain
	systemctl stop vps-sweep.timer
	vps-stop vmagain
	vps-destroy --yes vmagain
}
