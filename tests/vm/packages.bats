#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A host whose FreeVPS is that of the Debian package: how it started, and what becomes of it when that
# is removed and installed again.

bats_require_minimum_version 1.5.0

trees=/var/lib/vservers
onboot='vmlow vmboot vmleft vmright'

# When the first process of a VPS started, in ticks.
started() {
	awk '{ print $22 }' "/proc/$(vps-stat --pids -c "$1" | head -n 1)/stat"
}

@test "packages: what runs is theirs" {
	[ "$(command -v vps)" = /usr/sbin/vps ]
	for unit in freevps.service vps.service vps-sweep.timer vps-fence.service; do
		run -0 dpkg -S "$(systemctl show -P FragmentPath $unit)"
		[[ $output == freevps:* ]]
	done
}

@test "packages: they have turned their units on, but for the fence" {
	run systemctl is-enabled freevps.service vps.service vps-sweep.timer vps-fence.service
	[ "$output" = $'enabled\nenabled\nenabled\ndisabled' ]
	run systemctl is-active freevps.service vps.service vps-sweep.timer vps-fence.service
	[ "$output" = $'active\nactive\nactive\ninactive' ]
}

@test "packages: at boot all with ONBOOT have started, in its order" {
	[ "$(started vmlow)" -le "$(started vmboot)" ]
	for name in vmleft vmright; do
		[ "$(started vmboot)" -le "$(started $name)" ]
	done
}

@test "packages: removal ends all in the opposite order, those with one number at once" {
	run -0 dpkg -r freevps
	[ "$(cat $trees/vmleft/ended $trees/vmright/ended)" = $'met\nmet' ]
	for name in vmleft vmright; do
		[ ! $trees/vmboot/ended -ot $trees/$name/ended ]
	done
	[ ! $trees/vmlow/ended -ot $trees/vmboot/ended ]
	[ -z "$(find /sys/fs/cgroup/freevps -mindepth 1 -type d)" ]
	rm $trees/*/ended
}

@test "packages: purged, they leave VPSes and the ledger, and no unit" {
	run -0 dpkg -P freevps
	[ -z "$(systemctl list-unit-files --no-legend '*vps*')" ]
	run -0 find / -xdev \( -path /src -o -path /root \) -prune -o \
		\( -name '*vps*' -o -name '*vserver*' \) -print
	[ "$(sort <<<"$output")" = $'/etc/vservers\n/var/lib/vps\n/var/lib/vservers' ]
	run -0 systemctl is-system-running
}

@test "packages: installed on a host that runs, they start what has ONBOOT" {
	run -0 dpkg -i /src/debs/*.deb
	for name in $onboot; do
		run -0 vps status "$name"
	done
}
