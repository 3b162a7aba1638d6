#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The virtual machine is what the other tests take it for: were a part of it missing, they
# would skip, and nobody would notice.

bats_require_minimum_version 1.5.0

has_config() {
	zcat /proc/config.gz | grep -qx "CONFIG_$1=y"
}

@test "machine: control groups are version 2 alone, with every controller" {
	run -1 grep -c '^[^ ]* [^ ]* cgroup ' /proc/mounts
	for controller in cpuset cpu io memory pids; do
		grep -w $controller /sys/fs/cgroup/cgroup.controllers
	done
}

@test "machine: swap is on" {
	grep -q '^/dev/' /proc/swaps
}

@test "machine: /var/lib/vservers is root's alone and has project quota" {
	[ "$(stat -c '%a %u' /var/lib/vservers)" = '700 0' ]
	mkdir -p /var/lib/vservers/quota
	chattr +P -p 77 /var/lib/vservers/quota
	setquota -P 77 0 100 0 0 /var/lib/vservers
	: >/var/lib/vservers/quota/file
	chown 1000 /var/lib/vservers/quota/file
	# To root of the host no quota applies.
	run ! setpriv --reuid 1000 --clear-groups dd if=/dev/zero bs=1k count=200 \
		7>>/var/lib/vservers/quota/file of=/dev/fd/7 status=none
	[ "$(stat -c %s /var/lib/vservers/quota/file)" -le 102400 ]
	rm -r /var/lib/vservers/quota
}

@test "machine: the kernel has types for BPF, Landlock and the BPF module" {
	[ -s /sys/kernel/btf/vmlinux ]
	grep -w landlock /sys/kernel/security/lsm
	grep -w bpf /sys/kernel/security/lsm
	awk '$3 == "bpf" { found = 1 } END { exit !found }' /proc/mounts
}

# What the programs have counted of context 9 is gone. The kernel engine counts by itself.
without_counts() {
	if vps-probe --raw | grep -q '^engine kernel'; then
		vlimit -c 9 --tcp 6
		return
	fi
	run -1 vlimit -c 9 --tcp 6
	[ "$output" = "vlimit: tcp: was not counted from the start of this context; restart it" ]
}

# Here nobody else's contexts are in the way.
@test "machine: network programs of another build are replaced, missing ones attached, counts kept" {
	chcontext --silent --ctx 9 --create
	vlimit -c 9 --tcp 5
	pins=$(echo /sys/fs/bpf/vps/net[0-9]*-*)
	own=$(echo "$pins"/tcp_use_*)
	before=$(bpftool -j link show pinned "$pins/connect4_link" | grep -o '"prog_id":[0-9]*')
	mv "$own" "$pins/tcp_use_another"
	# As one who is killed between two pins leaves it.
	rm "$pins/sock_ops_link" "$pins/tcp_limit"
	chcontext --silent --ctx 10 --create
	[ "$(echo "$pins"/tcp_use_*)" = "$own" ]
	[ -e "$pins/sock_ops_link" ]
	[ "$(bpftool -j link show pinned "$pins/connect4_link" | grep -o '"prog_id":[0-9]*')" != "$before" ]
	vlimit -c 9 --tcp 6
	vlimit -c 10 --tcp 7
	rm -r "$pins"
	without_counts
	chcontext --ctx 10 --destroy
	chcontext --silent --ctx 10 --create
	vlimit -c 10 --tcp 7
	without_counts
	chcontext --ctx 9 --destroy
	chcontext --ctx 10 --destroy
	[ "$(bpftool -j map dump pinned "$pins/tcp_use")" = '[]' ]
	[ "$(bpftool -j map dump pinned "$pins/tcp_limit")" = '[]' ]
}

@test "machine: two network cards are on one cable" {
	ip netns add far
	mapfile -t cards < <(cd /sys/class/net && printf "%s\n" e*)
	[ "${#cards[@]}" -eq 2 ]
	ip link set "${cards[1]}" netns far
	ip addr add 10.99.0.1/24 dev "${cards[0]}"
	ip link set "${cards[0]}" up
	ip -n far addr add 10.99.0.2/24 dev "${cards[1]}"
	ip -n far link set "${cards[1]}" up
	ip netns exec far busybox ping -c 1 -w 5 10.99.0.1
	ip netns del far
	ip addr flush dev "${cards[0]}"
	ip link set "${cards[0]}" down
}

@test "machine: the tools are installed" {
	chcontext --version
	vps --version
	run -0 chcontext --ctx 9 --secure --hostname x -- ps ax
	[ "${lines[0]}" = "New security context is 9" ]
	[ "${#lines[@]}" -eq 3 ]
}
