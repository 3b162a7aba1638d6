#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# By what the kernel has for everybody: calls, mounts, files and sockets. All attempts are made
# at once, by few programs, for each who could make them; a test here is what came of one.

load ../lib/system
load ../lib/escape

setup_file() {
	for program in $TRIES; do
		build_static "escape/$program"
	done
}

setup() {
	made=$BATS_FILE_TMPDIR/made
	[ -e "$made" ] || make_all
}

# Once, by the first test. What came of NAME is in made/NAME, what the host became in changed.
make_all() {
	set_up
	mkdir "$made"
	echo 10 >"$made/actors"
	start_witness
	try_as_host >"$T/tried" 2>&1
	host_state >"$T/before"
	for userns in auto no; do
		try_as_vps
	done >>"$T/tried" 2>&1
	try_as_bare >>"$T/tried" 2>&1
	host_state >"$T/after"
	end "$stranger"
	diff "$T/before" "$T/after" >"$made/changed" || :
	awk -v dir="$made/" '{ print >(dir ($1 ~ /^[a-z\/]+$/ ? $2 : "other")) }' "$T/tried"
}

# A process of the host's.
start_witness() {
	cp "$BUILD/escape/calls" "$T/vpswitness"
	"$T/vpswitness" -s 3>&- &
	stranger=$!
}

more_setup() {
	requires userns ip
	new_root
	for program in $TRIES; do
		cp "$BUILD/escape/$program" "$root/$program"
	done
	mkdir "$root/nodes"
	mknod -m 666 "$root/nodes/zero" c 1 5
}

try_as_host() {
	mkdir "$T/control" "$T/control/nodes"
	mknod -m 666 "$T/control/nodes/zero" c 1 5
	for program in $TRIES; do
		# What would change the host's network has one of its own.
		(cd "$T/control" && unshare -n sh -c 'ip link set lo up; exec "$@"' -- \
			"$BUILD/escape/$program" -c -p "$stranger" -w host)
	done
}

# Its root, a user of it, and one who makes himself root of a namespace: started, then entered.
try_as_vps() {
	script='cd /tmp; for program in '$TRIES'; do
			/$program -p '$stranger' -w $1/root; /$program -p '$stranger' -u 1000 -w $1/user
			[ "$2" = no ] || /$program -p '$stranger' -u 1000 -n -w $1/nested
		done'
	inside sh -c "$script" - "started/$userns" "$userns"
	hold sleep 1000
	vps-enter "$ctx" -- sh -c "$script" - "entered/$userns" "$userns"
	release TERM
}

# In the host's namespaces and its files: nothing but the context is around it.
try_as_bare() {
	[ "$(engine)" = kernel ] || return 0
	echo 12 >"$made/actors"
	mkdir "$T/bare" "$T/bare/nodes"
	chmod 1777 "$T/bare"
	mknod -m 666 "$T/bare/nodes/zero" c 1 5
	(cd "$T/bare" && chcontext --silent --ctx "$ctx" --no-namespaces --secure -- sh -c '
		for program in '"$TRIES"'; do
			"$1/$program" -p "$2" -w bare/root
			"$1/$program" -p "$2" -u 1000 -w bare/user
		done' - "$BUILD/escape" "$stranger")
}

# All that the attempts would change, and nothing that changes by itself.
host_state() {
	for file in kernel/{core_pattern,poweroff_cmd,usermodehelper/bset,randomize_va_space} \
		kernel/{hostname,ctrl-alt-del,sysrq} fs/suid_dumpable vm/overcommit_memory \
		net/core/somaxconn; do
		tail -v -n +1 "/proc/sys/$file" 2>/dev/null || :
	done
	tail -n +1 /proc/irq/default_smp_affinity /sys/fs/cgroup/*/release_agent 2>/dev/null || :
	grep vps-evil /proc/keys /proc/net/unix /proc/self/cgroup || :
	grep -v ' - bpf ' /proc/self/mountinfo
	cat /proc/swaps
	[ ! -e /proc/modules ] || cut -d ' ' -f 1 /proc/modules
	ip -o address show dev lo
	ip -o link show dev lo
	ip route show table all | grep 198.51.100 || :
	cut -d ' ' -f 3-8,18,19,41 "/proc/$stranger/stat"
	cat "/proc/$stranger/oom_score_adj" "/proc/$stranger/limits"
	find "$root" \( -type b -o -type c \) ! -path "$root/nodes/*"
}

# Is this a kernel that lets its root do what he likes?
is_open() {
	[ ! -e /sys/kernel/security/lockdown ] || grep -qF '[none]' /sys/kernel/security/lockdown
}

# shut NAME [by-file]: without a wall it works, with it nobody did it, and the host is what it was.
# By file: whoever has the host's files as their owner may.
shut() {
	[ -e "$made/$1" ] || { cat "$made"/* >&2 && return 1; }
	tried=0
	while read -r who _ result step reason; do
		case $who:$result:$reason in
		host:done:* | host:closed:*) ;;
		host:refused:ENO* | host:refused:EBUSY | host:refused:E*SUPP*)
			skip "requires $1: $step: $reason where nothing is in the way"
			;;
		host:refused:EPERM) is_open && echo "control: $step" >&2 && return 1
			skip "requires a kernel that is not locked down"
			;;
		host:*) echo "control: $result $step $reason" >&2 && return 1 ;;
		*:refused:* | *:closed:*) tried=$((tried + 1)) ;;
		bare/root:done:*)
			[ "${2-}" = by-file ] || { echo "$who: $1: done" >&2 && return 1; }
			tried=$((tried + 1))
			;;
		*) echo "$who: $1: $result $step $reason" >&2 && return 1 ;;
		esac
	done <"$made/$1"
	[ "$tried" -eq "$(<"$made/actors")" ] || { cat "$made/$1" "$made/other" >&2 && return 1; }
	[ ! -s "$made/changed" ] || { cat "$made/changed" >&2 && return 1; }
}

@test "escape: a session's keyring" {
	shut key-session
}

@test "escape: a key for all of a user's processes" {
	shut key-add
}

@test "escape: a key that a program of the host's would get" {
	shut key-request
}

@test "escape: a map of BPF" {
	shut bpf-map
}

@test "escape: a program of BPF" {
	shut bpf-load
}

@test "escape: the host's maps of BPF, one by one" {
	shut bpf-walk
}

@test "escape: events of all processes on a processor" {
	shut perf-machine
}

@test "escape: events of its own" {
	shut perf-own
}

@test "escape: io_uring" {
	shut io-uring
}

@test "escape: faults handled by itself" {
	shut userfaultfd
}

@test "escape: events of the whole file system (fanotify)" {
	shut fanotify-filesystem
}

@test "escape: a say in who opens files (fanotify)" {
	shut fanotify-judge
}

@test "escape: the kernel's log" {
	shut kernel-log
}

@test "escape: settimeofday" {
	shut settimeofday
}

@test "escape: clock_settime" {
	shut clock-settime
}

@test "escape: the clock's speed, by adjtimex" {
	shut adjtimex
}

@test "escape: the clock's speed, by clock_adjtime" {
	shut clock-adjtime
}

@test "escape: another kernel, by kexec_load" {
	shut kexec
}

@test "escape: another kernel, by kexec_file_load" {
	shut kexec-file
}

@test "escape: a module from memory" {
	shut module
}

@test "escape: a module from a file" {
	shut module-file
}

@test "escape: a module unloaded" {
	shut module-unload
}

@test "escape: swap space" {
	shut swapon
}

@test "escape: no swap space" {
	shut swapoff
}

@test "escape: quotactl" {
	shut quotactl
}

@test "escape: accounting of processes" {
	shut acct
}

@test "escape: I/O ports, all" {
	shut iopl
}

@test "escape: an I/O port" {
	shut ioperm
}

@test "escape: bpf by its x32 number" {
	shut x32-bpf
}

@test "escape: add_key by its 32-bit number" {
	shut i386-add-key
}

@test "escape: vsock by the 32-bit call for all sockets" {
	shut i386-vsock
}

@test "escape: what ctrl-alt-del does" {
	shut ctrl-alt-del
}

@test "escape: real-time scheduling" {
	shut real-time
}

@test "escape: a higher priority" {
	shut nice
}

@test "escape: a higher priority at disks" {
	shut ionice
}

@test "escape: never killed for memory" {
	shut oom-score
}

@test "escape: a higher hard limit" {
	shut hard-limit
}

@test "escape: a signal to the host's process" {
	shut host-kill
}

@test "escape: a descriptor of the host's process" {
	shut host-pidfd
}

@test "escape: the host's process's environment" {
	shut host-environ
}

@test "escape: the host's process's memory" {
	shut host-mem
}

@test "escape: the host's process's network" {
	shut host-ns
}

@test "escape: a trace of the host's process" {
	shut host-trace
}

@test "escape: the host's process's limits" {
	shut host-prlimit
}

@test "escape: setns to the host's process" {
	shut host-setns
}

@test "escape: /sys made writable" {
	shut sys-writable
}

@test "escape: devices on the root, by mount_setattr" {
	shut root-devices
}

@test "escape: devices on a copy of the root that is mounted nowhere" {
	shut copy-devices
}

@test "escape: devices on a copy of all mounts" {
	shut copies-devices
}

@test "escape: what is beneath /sys" {
	shut sys-uncover
}

@test "escape: what is beneath /dev" {
	shut dev-uncover
}

@test "escape: /sys moved away" {
	shut sys-carry
}

@test "escape: another size of the host's tmpfs, by fspick" {
	shut dev-reconfigure
}

@test "escape: another size of the host's tmpfs, by remounting" {
	shut dev-remount
}

@test "escape: options of the host's file system, by fspick" {
	shut root-reconfigure
}

@test "escape: options of the host's file system, by remounting" {
	shut root-remount
}

@test "escape: devtmpfs by fsopen" {
	shut new-devtmpfs
}

@test "escape: debugfs by fsopen" {
	shut new-debugfs
}

@test "escape: tracefs by fsopen" {
	shut new-tracefs
}

@test "escape: securityfs by fsopen" {
	shut new-securityfs
}

@test "escape: hugetlbfs by fsopen" {
	shut new-hugetlbfs
}

@test "escape: pstore by fsopen" {
	shut new-pstore
}

@test "escape: a device of the tree through an overlay" {
	shut overlay-device
}

@test "escape: other owners of the tree's files (id-mapped mount)" {
	shut id-mapped
}

@test "escape: a directory renamed out of a bind mount (CVE-2015-2925)" {
	shut rename-out
}

@test "escape: the process namespace above" {
	shut pid-parent
}

@test "escape: the user namespace above" {
	shut user-parent
}

@test "escape: the host's mount namespace by its number" {
	shut mount-namespaces
}

@test "escape: a release agent of a hierarchy of its own (CVE-2022-0492)" {
	shut release-agent
}

@test "escape: a release agent of the host's hierarchy (CVE-2022-0492)" {
	# Of a controller that is on version 2 alone there is none.
	! grep -q '^host .* refused mount EINVAL$' "$made/release-agent-memory" ||
		skip "requires memory on cgroup v1"
	shut release-agent-memory
}

@test "escape: what the host notes about the context's group" {
	shut group-attribute
}

@test "escape: the program that switches the machine off" {
	shut poweroff-cmd by-file
}

@test "escape: the capabilities of the kernel's helpers" {
	shut helpers-bound
}

@test "escape: dumps of setuid programs" {
	shut suid-dumpable by-file
}

@test "escape: promises of memory" {
	shut overcommit by-file
}

@test "escape: predictable addresses" {
	shut random-addresses by-file
}

@test "escape: what sysrq may do" {
	shut sysrq by-file
}

@test "escape: the length of the host's queues" {
	shut somaxconn by-file
}

@test "escape: who serves interrupts" {
	shut irq-affinity by-file
}

@test "escape: packets on lo, by /sys" {
	shut lo-mtu
}

@test "escape: sleep" {
	shut power-state
}

@test "escape: the host's caches" {
	shut drop-caches by-file
}

@test "escape: anything that can be written in /proc" {
	shut all-of-proc by-file
}

@test "escape: anything that can be written in /sys" {
	shut all-of-sys by-file
}

@test "escape: the kernel's log as a device" {
	shut device-kmsg
}

@test "escape: I/O ports as a device" {
	shut device-port
}

@test "escape: fuse" {
	shut device-fuse
}

@test "escape: loop devices" {
	shut device-loop-control
}

@test "escape: a loop device" {
	shut device-loop
}

@test "escape: tun" {
	shut device-tun
}

@test "escape: the console as a device" {
	shut device-console
}

@test "escape: a file that the host cannot remove" {
	shut immutable
}

@test "escape: another project, by ioctl" {
	shut project
}

@test "escape: another project, by file_setattr" {
	shut project-by-call
}

@test "escape: what the host notes about a tree" {
	shut trusted-attribute
}

@test "escape: the file system frozen" {
	shut freeze
}

@test "escape: the file system shut down" {
	shut shutdown
}

@test "escape: where on the disk a file is" {
	shut fibmap
}

@test "escape: a program with more capabilities than the VPS" {
	shut file-capabilities
}

@test "escape: the host's console on a terminal of its own" {
	shut console
}

@test "escape: pasting into a terminal (CVE-2023-28100)" {
	shut paste
}

@test "escape: raw packets" {
	shut raw
}

@test "escape: raw packets of IPv6" {
	shut raw-ipv6
}

@test "escape: frames" {
	shut packet
}

@test "escape: frames without their heads" {
	shut packet-datagram
}

@test "escape: XDP" {
	shut xdp
}

@test "escape: vsock" {
	shut vsock
}

@test "escape: marked packets" {
	shut mark
}

@test "escape: buffers of any size" {
	shut buffer
}

@test "escape: connections of others (IP_TRANSPARENT)" {
	shut transparent
}

@test "escape: connections put together (TCP_REPAIR)" {
	shut repair
}

@test "escape: tables of the packet filter (CVE-2021-22555)" {
	shut packet-tables
}

@test "escape: packets on lo, by ioctl" {
	shut mtu
}

@test "escape: an address of the host's" {
	shut address
}

@test "escape: a route of the host's" {
	shut route
}

@test "escape: the name of the host's device" {
	shut alias
}

@test "escape: a device that is none, for the host's udev" {
	shut uevent
}

@test "escape: a socket cut off" {
	shut cut
}

@test "escape: the audit system" {
	shut audit
}
