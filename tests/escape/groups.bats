#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# Out of the control groups, which are the context.

load ../lib/system
load ../lib/escape

# Moves into every group that can be seen, upwards and downwards, on every hierarchy that can
# be mounted; prints where it managed to lift a limit.
leave='
	mkdir -p /tmp/g; cd /
	for mount in none cgroup2 pids memory cpu; do
		case $mount in
		none) dir=/sys/fs/cgroup ;;
		cgroup2) mount -t cgroup2 none /tmp/g && dir=/tmp/g || continue ;;
		*) mount -t cgroup -o $mount none /tmp/g && dir=/tmp/g || continue ;;
		esac
		for up in $dir $dir/.. $dir/../.. $dir/../enter; do
			echo $$ >$up/cgroup.procs
			mkdir $up/sub && echo $$ >$up/sub/cgroup.procs
			for file in pids.max memory.max memory.limit_in_bytes cgroup.max.depth \
				cgroup.max.descendants; do
				[ -e $up/$file ] && echo max >$up/$file && echo lifted $up/$file
			done
			[ -e $up/release_agent ] && echo /evil >$up/release_agent && echo agent
		done
		umount /tmp/g
	done 2>/dev/null'

is_inside() {
	while IFS=: read -r _ controllers path; do
		case ,$controllers, in
		,, | *,pids,* | *,memory,* | *,cpu,*)
			[[ $path == */freevps/"$ctx" || $path == */freevps*/"$ctx"/* ]] ||
				{ echo "pid $1 in $path" >&2 && return 1; }
			;;
		esac
	done <"/proc/$1/cgroup"
}

@test "escape: out of the groups of the context" {
	for userns in auto no; do
		for uid in 0 1000; do
			hold /attempt -u $uid exec sh -c "$leave; echo tried >&2; exec sleep 1000"
			wait_until has_line "$T/hold.log" tried
			for pid in $(vps-stat --pids -c "$ctx"); do
				is_inside "$pid"
			done
			[ "$(vps-stat --pids -c "$ctx" | wc -l)" -ge 1 ]
			! can_limit proc || [ "$(vlimit -c "$ctx" --raw | awk '$2 == "proc" { print $6 }')" = 2048 ]
			[ "$(cat "$contexts/$ctx/cgroup.max.depth")" = 16 ]
			run -1 grep -e lifted -e agent "$T/hold.log"
			release TERM
		done
	done
}

is_delegating() {
	grep -q ' cgroup2 .*nsdelegate' /proc/self/mounts
}

@test "escape: control of the above: without the walls the same gets out" {
	[ -n "$(controller_dir pids)" ] || skip "requires the pids controller"
	chcontext --silent --ctx "$ctx" -- sh -c "
		for dir in $contexts/.. $(controller_dir pids)/..; do
			echo \$\$ >\$dir/cgroup.procs
		done
		echo max >$(controller_dir pids "$ctx")/pids.max && echo lifted
		exec sleep 1000" >"$T/hold.log" 3>&- &
	holder=$!
	wait_until has_line "$T/hold.log" lifted
	[ "$(cat "$(controller_dir pids "$ctx")/pids.max")" = max ]
	# Where systemd mounts cgroup2 the kernel itself holds who is in a namespace of groups, and
	# one that knows contexts holds everybody.
	if is_delegating || [ "$(engine)" = kernel ]; then
		grep -qx "$(vps-stat --pids -c "$ctx")" "$contexts/$ctx/payload/cgroup.procs"
	else
		[ -z "$(cat "$contexts/$ctx/payload/cgroup.procs")" ]
	fi
	kill "$holder"
	wait "$holder" || :
	holder=
}
