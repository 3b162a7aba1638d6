#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers

load ../lib/system

more_setup() {
	requires userns
	new_vps
	conf=$VPS_CONFIG_DIR/$name.conf
}

# Refused with one line that matches, and nothing of a context was made.
refused() {
	run -1 vps-start "$name"
	one_line "$1" || { echo "not '$1'" >&2 && return 1; }
	no_context "$ctx"
	[ ! -e "$root/var/log/console.log" ]
}

@test "config: missing" {
	rm "$conf"
	refused "vps-config: *$name*"
	run -1 vps-start "no-such-$TAG"
	one_line "vps-config: *no-such-$TAG*No such file or directory"
}

@test "config: malformed lines are named by file and line" {
	for line in 'S_HOSTNAME=$(touch /tmp/x)' 'NONSENSE="1"' 'S_CONTEXT="2"' 'S_CONTEXT="abc"' \
		'NET="everything"' 'USERNS="perhaps"' 'INIT="sbin/init"' 'S_FLAGS="fast"' \
		'S_CAPS="no_such_cap"' 'ONBOOT="maybe"' \
		'DISK="floppy"' 'DISK_SPARSE="1"' 'ULIMIT="-n"' 'LIMIT_DISK="-1"' 'S_HOSTNAME="a b"' 'S_HOSTNAME="x' 'words'; do
		write_conf "$name" NET=shared
		printf '%s\n' "$line" >>"$conf"
		refused "*$conf:2: *"
	done
}

@test "config: several errors are all told by --check" {
	printf '%s\n' 'NET="x"' 'ONBOOT="no"' 'USERNS="y"' >"$conf"
	run -1 vps-config --check "$name"
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == *"$conf:1: "* ]]
	[[ ${lines[1]} == *"$conf:3: "* ]]
}

@test "config: what it says is never executed" {
	# shellcheck disable=SC2016 # on purpose
	for value in '$(touch /pwned)' '`touch /pwned`' '"; touch /pwned; "' '$HOME'; do
		printf 'S_HOSTNAME="%s"\n' "$value" >"$conf"
		run -1 vps-start "$name"
		run -0 vps-stop "$name"
		run -1 vps-config --get S_HOSTNAME "$name"
		[ ! -e /pwned ]
		[ ! -e "$root/pwned" ]
	done
}

@test "config: one that others could write, or that is no plain file, is not read" {
	chmod 666 "$conf"
	refused "vps-config: *$name*"
	chmod 644 "$conf"
	chown 65534 "$conf"
	refused "vps-config: *$name*"
	chown 0 "$conf"
	mv "$conf" "$T/elsewhere.conf"
	ln -s "$T/elsewhere.conf" "$conf"
	refused "vps-config: *$name*"
	rm "$conf"
	mkdir "$conf"
	refused "vps-config: *$name*"
	rmdir "$conf"
	mkfifo "$conf"
	refused "vps-config: *$name*"
}

@test "config: a directory of configurations that others could write is not trusted" {
	chmod 777 "$VPS_CONFIG_DIR"
	refused "vps-config: *$VPS_CONFIG_DIR*"
	chmod 755 "$VPS_CONFIG_DIR"
	chown 65534 "$VPS_CONFIG_DIR"
	refused "vps-config: *$VPS_CONFIG_DIR*"
	chown 0 "$VPS_CONFIG_DIR"
	run -0 vps-start "$name"
	run -0 vps-stop "$name"
}

@test "config: a limit that would not hold is refused by name" {
	if [ "$(engine)" = stock ]; then
		for word in vm=1G files=100; do
			printf 'LIMIT_%s="%s"\nS_CONTEXT="%s"\n' "$(tr a-z A-Z <<<"${word%=*}")" \
				"${word#*=}" "$ctx" >"$conf"
			refused "vps-start: $name: not started: ${word%=*}: not supported by the stock engine; boot a FreeVPS kernel"
		done
	fi
	printf 'LIMIT_CPU="5:6"\n' >"$conf"
	refused "vps-start: $name: not started: cpu: it has no soft limit"
	echo 'RATE_MAX="1M"' >"$conf"
	refused "*$conf:1: RATE_MAX: needs NET=bridge, not shared*"
	echo 'NET="bridge"' >"$conf"
	refused "*$conf:1: NET=bridge needs BRIDGE*"
	echo 'IPROOT="192.0.2.1"' >"$conf"
	refused "*192.0.2.1: no device of this host has this address*"
	# Empty, as a template has it, asks for nothing.
	printf 'LIMIT_PROC=""\nS_CONTEXT="%s"\n' "$ctx" >"$conf"
	run -0 vps-start "$name"
	run -0 vps-stop "$name"
}

@test "config: ULIMIT holds for the first process and for who enters, and none inside raises it" {
	write_conf "$name" S_CONTEXT="$ctx" ULIMIT="-H -n 200 -u 300 -f 1024 -c 0"
	vps-start "$name"
	limits=$(cat "/proc/$(vps-stat --long -c "$ctx" | sed -n 's/^init pid: *//p')/limits")
	[[ $limits == *"Max open files "*" 200 "*" 200 "* ]]
	[[ $limits == *"Max file size "*" 1048576 "*" 1048576 "* ]]
	[[ $limits == *"Max processes "*" 300 "*" 300 "* ]]
	run -0 vps-enter "$name" -- sh -c 'ulimit -n; ulimit -Hn; ulimit -u; ulimit -c'
	[ "$output" = $'200\n200\n300\n0' ]
	run ! vps-enter "$name" -- sh -c 'ulimit -Hn 201'
	run ! vps-enter "$name" -- sh -c 'dd if=/dev/zero of=/tmp/big bs=1M count=2'
	[ "$(stat -c %s "$root/tmp/big")" -eq 1048576 ]
	vps-stop "$name"
	# Without the key it is as whoever starts it has it.
	run -0 chcontext --silent --ctx "$ctx" --root "$root" --rlimit nofile=77:88 -- sh -c 'ulimit -Sn; ulimit -Hn'
	[ "$output" = $'77\n88' ]
	run -125 chcontext --silent --ctx "$ctx" --root "$root" --rlimit nonsense=1 -- true
	one_line "chcontext: --rlimit='nonsense=1': no such limit of a process *"
}

@test "config: bad names are no paths" {
	for word in ../x a/b .hidden -x '' 'a b' "$(printf 'x%.0s' {1..65})" $'a\nb' 'a;b' '*'; do
		for tool in vps-start vps-stop 'vps-destroy --yes' vps-create; do
			# shellcheck disable=SC2086 # several words
			run -2 $tool -- "$word"
			one_line "${tool%% *}: *" || { echo "$tool '$word'" >&2 && return 1; }
		done
	done
}

@test "config: stop and destroy work without a readable configuration" {
	run -0 vps-start "$name"
	echo 'NONSENSE' >"$conf"
	run -0 vps-stop "$name"
	no_context "$ctx"
	run -0 vps-destroy --yes "$name"
	[ ! -e "$conf" ]
	[ ! -e "$root" ]
}

@test "config: VPS_CONF_ variables of the caller do not count" {
	VPS_CONF_S_HOSTNAME=wrong VPS_CONFIGURED=$name run -0 vps-start "$name"
	run -0 vps-enter "$name" hostname
	[ "$output" = "$name" ]
	run -0 vps-stop "$name"
}

@test "config: LIMIT_VM and LIMIT_FILES hold from the first process on" {
	requires kernel-engine
	write_conf "$name" S_CONTEXT="$ctx" LIMIT_VM=1G:2G LIMIT_FILES=500
	run -0 vps-start "$name"
	[ "$(vlimit -c "$ctx" --raw | awk '$2 == "vm" { print $5, $6 }')" = "$((1 << 30)) $((2 << 30))" ]
	[ "$(vlimit -c "$ctx" --raw | awk '$2 == "files" { print $5, $6 }')" = "inf 500" ]
	[ "$(vlimit -c "$ctx" --raw | awk '$2 == "files" { print $3 }')" -gt 0 ]
	run -0 vps set "$name" --files 600:700
	[ "$(vlimit -c "$ctx" --raw | awk '$2 == "files" { print $5, $6 }')" = "600 700" ]
	run -0 vps-stop "$name"
}
