#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# Out of the tree, into the host's processes, devices and kernel.

load ../lib/system
load ../lib/escape

@test "escape: by a second chroot" {
	everywhere breach_refused chroot-twice "$T/secret"
	control chroot "$root" /attempt chroot-twice "$T/secret"
	[ "$output" = secret ]
}

@test "escape: by a file handle" {
	read -r type handle < <(attempt print-handle "$T/secret")
	everywhere breach_refused open-handle "$type" "$handle"
	control chroot "$root" /attempt open-handle "$type" "$handle"
	[ "$output" = secret ]
}

@test "escape: through /proc/1/root and the host's processes" {
	sleep 1000 3>&- &
	stranger=$!
	mount -t proc proc "$root/proc"
	control chroot "$root" /attempt read "/proc/$stranger/root$T/secret"
	umount "$root/proc"
	for path in "/proc/1/root$T/secret" "/proc/$stranger/root$T/secret" \
		"/proc/self/root$T/secret" "/../../../$T/secret"; do
		everywhere breach_refused read "$path"
	done
	end "$stranger"
}

@test "escape: by a descriptor that the caller left open" {
	exec 7<"$T"
	control chroot "$root" /attempt by-descriptor 7 secret
	each_userns as_started breach_refused by-descriptor 7 secret
	each_userns as_started breach_refused fds
	each_userns as_entered breach_refused by-descriptor 7 secret
	each_userns as_entered breach_refused fds
	exec 7<&-
}

@test "escape: by the working directory of who starts or enters (CVE-2024-21626)" {
	cd "$T"
	control attempt chroot-here "$root" secret
	[ "$output" = secret ]
	everywhere breach_refused read secret
}

# What of the host or, in the control, of a machine of the same kind is for everybody.
state_of_all() {
	sh -c 'hostname; cat /proc/sys/kernel/domainname; grep -h vps-evil /proc/self/mountinfo
		grep -hw $((0x76707365)) /proc/sysvipc/*
		for pid; do cut -d " " -f 3,18,19 "/proc/$pid/stat" || echo gone; done' state "$@"
}

@test "escape: by what has everybody as its object" {
	sleep 1000 3>&- &
	strangers=$!
	"$BUILD/escape/attempt" -u 1000 exec sleep 1000 3>&- &
	strangers="$strangers $!"
	wait_until grep -q sleep "/proc/$!/comm"
	before=$(state_of_all $strangers)
	for userns in auto no; do
		run inside /attempt everybody
		run inside /attempt -u 1000 exec /attempt everybody
		[ "$(state_of_all $strangers)" = "$before" ] ||
			{ state_of_all $strangers >&2 && return 1; }
	done
	for pid in $strangers; do
		end "$pid"
	done
	export -f state_of_all
	export T BUILD
	run -0 unshare -m -u -i -p -f --mount-proc bash -c 'sleep 1000 3>&- &
		before=$(state_of_all $!)
		"$BUILD/escape/attempt" everybody
		[ "$(state_of_all $!)" != "$before" ] && state_of_all $!'
	[[ $output == *vps-evil*vps-evil*"$((0x76707365))"*gone* ]]
}

# Nothing that tells of who enters is the VPS's to say.
@test "escape: by a /proc of its own making, for who enters (CVE-2015-1334)" {
	userns=auto
	hold sh -c 'mount -t tmpfs none /proc && mkdir -p /proc/self/fd /proc/self/attr /proc/1 /proc/sys &&
		echo fake >/proc/1/comm && ln -s / /proc/self/root && ln -s /etc/passwd /proc/self/uid_map &&
		echo ready; exec sleep 1000'
	wait_until has_line "$T/hold.log" ready
	run -0 vps-enter "$ctx" cat /proc/1/comm # the precondition
	[ "$output" = fake ]
	way=(vps-enter "$ctx" --)
	refuses_all_calls
	breach_refused read "$T/secret"
	run -0 vps-enter "$ctx" -u user id -u
	[ "$output" = 1000 ]
	release TERM
}

@test "escape: by making a device node" {
	control chroot "$root" /attempt mknod /tmp/zero c 1 5
	control chroot "$root" /attempt read /tmp/zero
	rm "$root/tmp/zero"
	for place in /tmp /dev; do
		everywhere breach_refused mknod $place/zero2 c 1 5
		everywhere breach_refused mknod $place/mem c 1 1
		# shellcheck disable=SC2046 # two words
		everywhere breach_refused mknod $place/disk b $(disk)
	done
	[ -z "$(ls "$root/tmp")" ]
}

@test "escape: by a device node that is in the tree already" {
	mknod -m 666 "$root/zero" c 1 5
	# shellcheck disable=SC2046 # two words
	mknod -m 666 "$root/disk" b $(disk)
	control chroot "$root" /attempt read /zero
	everywhere breach_refused read /zero
	everywhere breach_refused read /disk
	# nodev is locked: neither a remount nor a bind mount loses it.
	try='/attempt mount remount none / ""; /attempt read /zero && echo remounted
		mkdir -p /tmp/again; mount --bind / /tmp/again
		/attempt mount remount none /tmp/again ""; /attempt read /tmp/again/zero && echo bound'
	everywhere script_refused "($try) 2>/dev/null | grep -x -e remounted -e bound"
	mount --bind "$root" "$root"
	mount -o remount,bind,nodev "$root"
	run -1 chroot "$root" /attempt read /zero
	control chroot "$root" sh -c '/attempt mount remount none / ""; /attempt read /zero'
	umount "$root"
}

@test "escape: by mounting what is the host's" {
	# shellcheck disable=SC2046 # two words
	mknod "$root/disk" b $(disk)
	control unshare -m "$BUILD/escape/attempt" mount devtmpfs none "$root/tmp" ""
	for type in devtmpfs ext4 debugfs tracefs securityfs pstore efivarfs configfs; do
		everywhere breach_refused mount "$type" /disk /tmp ""
	done
}

@test "escape: by writing to the kernel's settings" {
	for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/swappiness \
		/proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger /proc/sys/kernel/panic \
		/sys/kernel/uevent_helper /sys/kernel/mm/ksm/run; do
		[ -e "$file" ] || continue
		control attempt open-to-write "$file"
		everywhere breach_refused open-to-write "$file"
	done
	before=$(cat /proc/sys/kernel/core_pattern)
	everywhere breach_refused write /proc/sys/kernel/core_pattern '|/evil'
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
}

@test "escape: by taking masks and read-only mounts off" {
	control grep -q -v '^0* ' /proc/kallsyms
	everywhere script_refused '
		for path in /proc/kallsyms /proc/keys /proc/kcore /proc/kmsg /proc/sys /proc/bus \
			/proc/irq /proc/fs /proc/acpi /proc/sysrq-trigger /sys/firmware /sys /proc /dev; do
			/attempt umount $path
		done >/dev/null
		/attempt mount remount none /sys "" >/dev/null
		/attempt mount proc none /proc "" >/dev/null
		/attempt mount sysfs none /sys "" >/dev/null
		exec 2>/dev/null
		grep -v "^0* " /proc/kallsyms | head -n 1
		grep . /proc/keys
		for file in /proc/kcore /proc/kmsg /sys/firmware/dmi/tables/DMI; do
			/attempt read $file | grep -a -v -e "^refused" -e "^$" | head -c 1 | grep -q -a . &&
				echo $file
		done
		for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger \
			/sys/kernel/uevent_helper /proc/irq/default_smp_affinity; do
			/attempt open-to-write $file >/dev/null && echo $file
		done'
}

@test "escape: by system calls that reach past every namespace" {
	attempt system-calls >"$T/host"
	for call in bpf keyctl add_key perf_event_open; do
		run -1 grep "^$call EPERM" "$T/host"
	done
	everywhere refuses_all_calls
}

refuses_all_calls() {
	run "${way[@]}" /attempt system-calls
	[ "$status" -eq 0 ]
	for line in "${lines[@]}"; do
		[[ $line == *" EPERM" ]] || { echo "$line" >&2 && return 1; }
	done
}

@test "escape: by the numbers that 32-bit programs use" {
	[ "$(uname -m)" = x86_64 ] || skip "requires x86_64"
	run attempt old-call
	[[ $output == "refused: bpf: E"* && $output != *EPERM ]] || skip "requires 32-bit system calls"
	everywhere breach_refused old-call
	[[ $output == *EPERM ]]
}

@test "escape: by a user namespace, where the VPS has none of its own" {
	control attempt userns
	control attempt clone-userns
	userns=no
	for who in as_started as_entered as_user; do
		$who breach_refused userns
		$who breach_refused clone-userns
	done
}
