# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034
# Attempts to get out of a VPS. Each is made as root and as an ordinary user, as a process of
# the VPS and as one that entered it, with a user namespace and without; and once without the
# wall, which must work: an attempt that never works proves nothing.

# Programs of many attempts (tests/escape/tries.h).
TRIES="calls mounts files sockets"

setup_file() {
	build_attempt
}

more_setup() {
	requires userns
	new_root
	cp "$BUILD/escape/attempt" "$root/attempt"
	echo secret >"$T/secret"
	chmod 644 "$T/secret"
}

# A part of the host that a link in the tree leads to; nothing may appear or change there.
part_of_host() {
	host=$T/host
	mkdir -p "$host"/{dev,proc,sys,var/log,etc}
	echo untouched | tee "$host/file" "$host/var/log/console.log" >/dev/null
	echo 'only-on-host:x:0:0::/:/bin/sh' >"$host/etc/passwd"
	before=$(fingerprint)
}

fingerprint() {
	find "$host" -printf '%p %y %m %U %s %T@\n' -type f -exec sha256sum {} + | sort
}

is_unchanged() {
	[ "$(fingerprint)" = "$before" ] || { fingerprint >&2 && return 1; }
}

# A disk of this machine: major and minor number.
disk() {
	awk 'NR > 2 { print $1, $2; exit }' /proc/partitions
}

# Without the wall it works.
control() {
	run "$@"
	[ "$status" -eq 0 ] || { echo "control failed: $*: $status: $output" >&2 && return 1; }
}

# breach_refused WHAT ARGUMENT...: the attempt was made and refused.
breach_refused() {
	run "${way[@]}" /attempt "$@"
	[ "$status" -eq 1 ] && return 0
	echo "not refused (userns $userns): ${way[*]} $*: $status: $output" >&2
	return 1
}

# The same for a script, which prints what gave way.
script_refused() {
	run "${way[@]}" sh -c "$1"
	[ -z "$output" ] && return 0
	echo "not refused (userns $userns): ${way[*]}: $output" >&2
	return 1
}

as_started() {
	way=(inside)
	"$@"
}

as_user() {
	way=(inside /attempt -u 1000 exec)
	"$@"
}

as_entered() {
	hold sleep 1000
	way=(vps-enter "$ctx" --)
	"$@"
	way=(vps-enter "$ctx" -u user --)
	"$@"
	release TERM
}

each_userns() {
	for userns in auto no; do
		"$@" || return 1
	done
}

everywhere() {
	for userns in auto no; do
		as_started "$@" && as_user "$@" && as_entered "$@" || return 1
	done
}
