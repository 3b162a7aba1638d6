#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# A real distribution: systemd and sysvinit as first process, a web server that the host
# reaches.

load ../lib/system
load ../lib/debian

setup_file() {
	[ "$EUID" -ne 0 ] || fetch_debian 2>&3
}

more_setup() {
	requires userns
	[ -s "$tar" ] || skip "requires a Debian that could be built (debootstrap, network)"
	find_port
	name=$TAG
	free_ctx
	root=$VPS_TREE_DIR/$name
}

find_port() {
	while :; do
		port=$((20000 + RANDOM % 10000))
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
	done
}

# make_debian systemd|sysvinit [OPTION...]: a VPS whose web server listens on $port.
make_debian() {
	init=$1
	shift
	run -0 vps-create "$name" --from "$tar" --ctx "$ctx" "$@"
	[ "$init" = sysvinit ] || ln -sf /lib/systemd/systemd "$root/sbin/init"
	printf 'server { listen 127.0.0.1:%s; root /var/www/html; }\n' "$port" \
		>"$root/etc/nginx/sites-available/default"
	echo "from $TAG" >"$root/var/www/html/index.html"
}

answers() {
	timeout 5 busybox wget -qO - "http://127.0.0.1:$port/index.html" 2>/dev/null |
		grep -qx "from $TAG"
}

# Longer than wait_until: a whole system boots, maybe on a slow machine.
wait_for_boot() {
	for _ in 1 2 3 4 5 6; do
		wait_until answers 2>/dev/null && return 0
	done
	tail -n 20 "$root/var/log/console.log" >&2
	return 1
}

# Orderly and whole: nothing was killed, no process is left, the port is free.
stop_all() {
	pids=$(vps-stat --pids -c "$name")
	run -0 vps-stop "$name"
	[ -z "$output" ]
	[ -z "$(groups_of "$ctx")" ]
	for pid in $pids; do
		[ ! -e "/proc/$pid" ] || ! grep -q "/$ctx" "/proc/$pid/cgroup"
	done
	run ! answers
}

@test "debian: systemd boots, all is as a user of Debian expects, stop ends every process" {
	make_debian systemd
	run -0 vps-start "$name"
	wait_for_boot
	run vps-enter "$name" systemctl is-system-running --wait
	[ "$output" = running ] || { vps-enter "$name" systemctl --failed --no-legend >&2; false; }
	run -0 vps-enter "$name" cat /proc/1/comm
	[ "$output" = systemd ]
	# Where it could, it has turned controllers on for its units: no process may join beside.
	payload=$contexts/$ctx/payload
	[ -z "$(cat "$payload/cgroup.controllers")" ] || [ -n "$(cat "$payload/cgroup.subtree_control")" ]
	[ "$(vps-stat --pids -c "$name" | wc -l)" -gt 3 ]
	run -0 vps-enter "$name" -u www-data id -un
	[ "$output" = www-data ]
	run -0 vps-enter "$name" -- sh -c 'apt-get --version | head -n 1; dpkg -s nginx-light | grep ^Status:
		ps -C nginx -o user= | sort -u; mkdir /root/x; su www-data -s /bin/sh -c id >/dev/null'
	[[ ${lines[1]} == *"install ok installed" ]]
	[ "${lines[2]}${lines[3]}" = rootwww-data ]
	stop_all
}

@test "debian: reboot and poweroff from inside, with systemd" {
	requires bpf
	make_debian systemd
	run -0 vps-start "$name"
	wait_for_boot
	run vps-enter "$name" systemctl reboot
	wait_until is_in_state "$ctx" rebooted
	sweep
	wait_for_boot
	run vps-enter "$name" systemctl poweroff
	wait_until is_in_state "$ctx" dead
	sweep
	[ -z "$(groups_of "$ctx")" ]
}

@test "debian: sysvinit boots and is stopped; without a user namespace, too, reboot and halt from inside" {
	make_debian sysvinit
	run -0 vps-start "$name"
	wait_for_boot
	run -0 vps-enter "$name" cat /proc/1/comm
	[ "$output" = init ]
	stop_all
	sed -i '/^USERNS=/d; $aUSERNS="no"' "$VPS_CONFIG_DIR/$name.conf"
	run -0 vps-start "$name"
	wait_for_boot
	if [ -r /sys/kernel/btf/vmlinux ]; then
		run vps-enter "$name" reboot
		wait_until is_in_state "$ctx" rebooted
		sweep
		wait_for_boot
	fi
	run vps-enter "$name" halt
	wait_until is_empty "$ctx"
	sweep
	[ -z "$(groups_of "$ctx")" ]
}
