# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034
# What the benchmarks share: a place of their own, busybox roots, timing and bars.

: "${BUILD:?}"
bin=$BUILD/bench
work=
groups=
failed=0
started=$(date +%s)
told=$started

# A line now and then, where somebody waits longer than two seconds.
progress() {
	now=$(date +%s)
	[ $((now - told)) -ge 2 ] || return 0
	told=$now
	echo "  $1 ($((now - started)) s)"
}

make_root() {
	mkdir -p "$1/bin" "$1/sbin" "$1/etc" "$1/dev" "$1/proc" "$1/sys" "$1/tmp"
	ln "$work/busybox" "$1/bin/busybox"
	for name in sh true sleep cat; do
		ln -s busybox "$1/bin/$name"
	done
	ln -s ../bin/busybox "$1/sbin/init"
	echo 'root::0:0:root:/:/bin/sh' >"$1/etc/passwd"
	echo '::sysinit:/bin/true' >"$1/etc/inittab"
}

# make_vps NAME USERNS
make_vps() {
	make_root "$work/trees/$1"
	printf 'S_HOSTNAME="%s"\nNET="shared"\nUSERNS="%s"\n' "$1" "$2" >"$work/conf/$1.conf"
}

# One group directory for the floor on each hierarchy that contexts use.
find_groups() {
	groups=
	while read -r _ dir type options _; do
		case $type in
		cgroup2) groups=$dir/vps-bench-$$${groups:+:$groups} ;;
		cgroup)
			case ,$options, in
			*,pids,* | *,memory,* | *,cpu,*)
				groups=${groups:+$groups:}$dir/vps-bench-$$
				;;
			esac
			;;
		esac
	done </proc/self/mounts
}

each_group() {
	(
		IFS=:
		for dir in $groups; do
			"$@" "$dir"
		done
	)
}

setup() {
	command -v busybox >/dev/null || {
		echo "busybox: not found; scripts/dev/install-deps bench installs it" >&2
		exit 1
	}
	work=$(mktemp -d /var/tmp/vps-bench.XXXXXX)
	mkdir -p "$work/trees" "$work/conf" "$work/run" "$work/times"
	cp "$(command -v busybox)" "$work/busybox"
	VPS_CONFIG_DIR=$work/conf VPS_TREE_DIR=$work/trees VPS_RUN_DIR=$work/run
	VPS_PATH=$BUILD VPS_LIB=$BUILD/vps-lib.sh VPS_INIT=$BUILD/vps-init
	PATH=$BUILD:$PATH
	export VPS_CONFIG_DIR VPS_TREE_DIR VPS_RUN_DIR VPS_PATH VPS_LIB VPS_INIT PATH
	find_groups
	each_group mkdir
	floor_base=$((65000 << 16))
}

stop_vps() {
	vps-stop --timeout 0 "$1" 2>/dev/null
}

finish() {
	status=$?
	trap - EXIT
	[ -n "$work" ] || exit $status
	for conf in "$work"/conf/*.conf; do
		[ -e "$conf" ] || continue
		name=${conf##*/}
		stop_vps "${name%.conf}" || :
	done
	[ ! -d "$work/lxc/peer" ] || lxc-stop -k -P "$work/lxc" -n peer 2>/dev/null || :
	[ -z "$groups" ] || each_group rmdir || :
	rm -rf --one-file-system "$work"
	exit $status
}

first_pid() {
	vps-stat --long -c "$1" | sed -n 's/^init pid: *//p'
}

# timed SERIES CMD...: adds the microseconds of CMD to SERIES.
timed() {
	series=$1
	shift
	"$bin/timer" "$@" >>"$work/times/$series" || {
		echo "$series: failed" >&2
		exit 1
	}
}

median() {
	sort -n "$work/times/$1" |
		awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

pass() {
	echo "PASS  $1"
}

fail() {
	echo "FAIL  $1"
	failed=1
}

# What is said of a bar that does not hold; where bars are only reported that is no failure.
missed() {
	[ -n "${report-}" ] && echo MISS || echo FAIL
}

# bar SERIES PEER LIMIT: SERIES takes at most LIMIT times as long as PEER.
bar() {
	[ -e "$work/times/$2" ] || {
		echo "SKIP  $1 / $2: $2 was not timed"
		return 0
	}
	awk -v what="$1 / $2" -v a="$(median "$1")" -v b="$(median "$2")" -v limit="$3" \
		-v missed="$(missed)" 'BEGIN {
		ok = a / b <= limit
		printf "%s  %s: %.2f, at most %.2f\n", ok ? "PASS" : missed, what, a / b, limit
		exit !ok
	}' || failed=1
}
