# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # set by bats; used by the tests
# What the tests share that start VPSes. Each test has a directory of its own ($T) with the
# configurations, trees and locks of its VPSes, and names and numbers of its own, so that
# files may run side by side and beside real VPSes. teardown() removes what a test made and
# then fails it for whatever it left behind itself.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/trace.bash
. "${BASH_SOURCE[0]%/*}/trace.bash"

# This is read again for every test, and where each process takes a tenth of a second the
# tests would take hours: what the shell can do by itself it does.
SRC=$PWD
[ -z "${BATS_TEST_DIRNAME-}" ] || SRC=${BATS_TEST_DIRNAME%/tests/*}
BUILD=${BUILD:-$SRC/build}
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
[ -d "$BUILD" ] || exit 1
export BUILD VPS_PATH=$BUILD VPS_LIB=$BUILD/vps-lib.sh VPS_INIT=$BUILD/vps-init
PATH=$BUILD:$PATH:/usr/sbin:/sbin
unset VPS_CONFIGURED "${!VPS_CONF_@}"

# Where the groups of contexts are on cgroup2; "/freevps" without one.
while read -r _ contexts type _; do
	[ "$type" != cgroup2 ] || break
	contexts=
done </proc/self/mounts
contexts=$contexts/freevps

# ---- needs -------------------------------------------------------------------------

can_userns() {
	unshare --user true 2>/dev/null
}

has_static_busybox() {
	! ldd "$(command -v busybox)" >/dev/null 2>&1
}

# once CMD: found out for one test, true for all that follow.
once() {
	[ -e "$BATS_RUN_TMPDIR/$1" ] || { "$1" && : >"$BATS_RUN_TMPDIR/$1"; }
}

can_image() {
	for tool in mke2fs e2fsck resize2fs e2undo; do
		command -v $tool >/dev/null || return
	done
	[ -e /dev/loop-control ] && grep -qw ext4 /proc/filesystems
}

# Where a file system is mounted that holds limits of projects.
quota_mount() {
	awk '("," $4 ",") ~ /,prjquota,/ { print $2; exit }' /proc/self/mounts
}

# Can this resource be limited here?
can_limit() {
	vlimit --resources --raw | grep -q "^$1 .* ok\$"
}

# Does this shell have capability number $1?
has_capability() {
	while read -r word mask; do
		[ "$word" != CapEff: ] || [ $((0x$mask >> $1 & 1)) -eq 0 ] || return 0
	done </proc/self/status
	return 1
}

# Which engine this host has: stock or kernel.
engine() {
	vps-probe --raw | sed -n 's/^engine //p'
}

# An unknown word is a bug, not a skip.
requires() {
	for need; do
		case $need in
		root) [ "$EUID" -eq 0 ] || skip "requires root" ;;
		cgroup2) [ "$contexts" != /freevps ] || skip "requires a mounted cgroup2" ;;
		leisure)
			# What no kernel makes a difference to, and takes an emulated machine minutes.
			[ "${VPS_TEST_ROUNDS:-16}" -gt 2 ] || skip "requires time: left to vm-check"
			;;
		kernel-engine) [ "$(engine)" = kernel ] || skip "requires the kernel engine" ;;
		stock-engine) [ "$(engine)" = stock ] || skip "requires the stock engine" ;;
		no-contexts)
			[ -z "$(vps-stat --state --raw)" ] || skip "requires a host without contexts"
			;;
		userns) once can_userns || skip "requires user namespaces" ;;
		bpf) [ -r /sys/kernel/btf/vmlinux ] || skip "requires BPF type information" ;;
		landlock-scope) attempt has-scope || skip "requires Landlock scopes (Linux 6.12)" ;;
		proc-limit) can_limit proc || skip "requires a limit on processes" ;;
		pids | memory | cpu)
			[ -n "$(controller_dir "$need")" ] || skip "requires the $need controller"
			;;
		memory-v1)
			[[ $(controller_dir memory) == */memory/freevps ]] ||
				skip "requires the memory controller on cgroup v1"
			;;
		memory-v2)
			has_v2_controller memory || skip "requires the memory controller on cgroup v2"
			;;
		images) once can_image || skip "requires e2fsprogs, loop devices and ext4" ;;
		project-quota)
			[ -n "$(quota_mount)" ] || skip "requires a file system with project quotas"
			;;
		no-project-quota)
			[ "$(stat -fc %T "$T")" != xfs ] || skip "requires trees without project quotas"
			;;
		grow) has_capability 24 || skip "requires CAP_SYS_RESOURCE" ;;
		no-grow) ! has_capability 24 || skip "requires to be without CAP_SYS_RESOURCE" ;;
		io) has_v2_controller io || skip "requires the io controller on cgroup v2" ;;
		swap) [ "$(wc -l </proc/swaps)" -gt 1 ] || skip "requires swap space" ;;
		static-busybox)
			command -v busybox >/dev/null || skip "requires busybox"
			once has_static_busybox || skip "requires a static busybox"
			;;
		curl | dig | dnsmasq | ip | iperf3 | nginx | ping | promtool | \
			cc | debootstrap | script | setpriv | taskset | tmux | python3 | xz | sshd | losetup | \
			sqlite3 | strace)
			command -v "$need" >/dev/null || skip "requires $need"
			;;
		*)
			echo "bug: requires $need" >&2
			return 1
			;;
		esac
	done
}

# ---- the machine --------------------------------------------------------------------

# controller_dir NAME [CTX]: the v1 or v2 directory of contexts, or of one, with that controller.
controller_dir() {
	v1=$(awk -v c="$1" '$3 == "cgroup" && ("," $4 ",") ~ ("," c ",") { print $2; exit }' \
		/proc/self/mounts)
	if [ -n "$v1" ]; then
		echo "$v1/freevps${2:+/$2}"
	elif has_v2_controller "$1"; then
		echo "$contexts${2:+/$2}"
	fi
}

has_v2_controller() {
	grep -qw "$1" "${contexts%/freevps}/cgroup.controllers"
}

# Every group directory of context $1 (or a pattern) that there is, on whatever hierarchy.
groups_of() {
	for dir in "$contexts"/$1 /sys/fs/cgroup/*/freevps/$1; do
		[ ! -d "$dir" ] || echo "$dir"
	done
}

has_group() {
	for dir in "$contexts/$1" /sys/fs/cgroup/*/freevps/"$1"; do
		[ ! -d "$dir" ] || return 0
	done
	return 1
}

# ---- waiting ------------------------------------------------------------------------

# wait_until CMD...: until it succeeds; fails after half a minute of nothing, which is long for
# an emulated machine that shares its processor, too.
wait_until() {
	local deadline=$((SECONDS + 30))
	while [ "$SECONDS" -le "$deadline" ]; do
		"$@" 2>/dev/null && return 0
		sleep 0.01
	done
	echo "never happened: $*" >&2
	"$@"
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

is_empty() {
	grep -q '^populated 0' "$contexts/$1/cgroup.events"
}

has_context() {
	[ -d "$contexts/$1" ]
}

no_context() {
	[ ! -d "$contexts/$1" ] || { echo "context $1 is left" >&2 && return 1; }
}

has_line() {
	grep -qs -e "$2" "$1"
}

# ---- names, numbers, trees ----------------------------------------------------------

# A number that no context has; remembered for teardown.
free_ctx() {
	while :; do
		ctx=$((20000 + RANDOM % 25000))
		! has_group "$ctx" && break
	done
	echo "$ctx" >>"$T/contexts"
}

# A busybox tree without an init, with users of every kind.
make_root() {
	once make_model
	mkdir -p "$1"
	cp -a "$BATS_RUN_TMPDIR/model/." "$1"
	chmod 755 "$1"
}

make_model() {
	set -- "$BATS_RUN_TMPDIR/model"
	mkdir -p "$1"/{bin,sbin,etc,dev,proc,sys,tmp,root,home/user,var/log}
	cp "$(command -v busybox)" "$1/bin/busybox"
	chroot "$1" /bin/busybox --install -s /bin
	chmod 1777 "$1/tmp"
	chown 1000:1000 "$1/home/user"
	printf '%s\n' 'root:*:0:0:root:/root:/bin/sh' 'user:*:1000:1000:user:/home/user:/bin/sh' \
		>"$1/etc/passwd"
	printf '%s\n' root:x:0: tty:x:5: user:x:1000: extra:x:77:user >"$1/etc/group"
}

# Sets $ctx, $name and $root: a tree that chcontext can use, and a number for it.
new_root() {
	free_ctx
	root=$VPS_TREE_DIR/${1:-$TAG}
	make_root "$root"
}

# conf NAME [KEY=VALUE]...
write_conf() {
	conf=$VPS_CONFIG_DIR/$1.conf
	shift
	: >"$conf"
	for pair; do
		printf '%s="%s"\n' "${pair%%=*}" "${pair#*=}" >>"$conf"
	done
}

# Sets $name, $ctx, $root: a VPS that vps-start can start; its init is vps-init.
new_vps() {
	name=$TAG${vps_count:=0}
	vps_count=$((vps_count + 1))
	new_root "$name"
	printf '#!/bin/sh\n' >"$root/etc/rc"
	chmod 755 "$root/etc/rc"
	write_conf "$name" S_CONTEXT="$ctx" "$@"
}

# apart GROUP SCRIPT: with groups below GROUP, devices and a bpffs that nobody else has. Their root is
# as empty as the machine's, or there would be no controllers below it.
apart() {
	echo "$2" >"$T/script"
	(
		echo "$BASHPID" >"$1/cgroup.procs"
		# shellcheck disable=SC2016 # expanded there
		exec unshare -m -C bash -euc '
			umount -l "$1"
			mount -t cgroup2 none "$1"
			mkdir "$1/self"
			echo $$ >"$1/self/cgroup.procs"
			mount -t bpf bpf /sys/fs/bpf
			exec unshare -n -p -f --mount-proc bash -eu "$2"' - "${contexts%/freevps}" "$T/script"
	)
}

# Runs a command in $root as the first process of context $ctx.
inside() {
	chcontext --silent --ctx "$ctx" --root "$root" ${userns:+--userns "$userns"} \
		${net:+--net "$net"} -- "$@"
}

# As above, in the background, until release or teardown.
hold() {
	# A shell has its background ignore SIGINT, and what is ignored is not passed on.
	env --default-signal=INT,QUIT chcontext --silent --ctx "$ctx" --root "$root" \
		${userns:+--userns "$userns"} ${net:+--net "$net"} -- "$@" \
		</dev/null >"$T/hold.log" 2>&1 3>&- &
	holder=$!
	wait_until is_in_state "$ctx" running
}

# Sends the signal to the chcontext of hold; its exit status is in $status.
release() {
	kill -s "$1" "$holder"
	status=0
	wait "$holder" || status=$?
	holder=
}

# Whatever else is on this host may be more than this run may sweep: only its own counts.
sweep() {
	run vps-sweep
	[ "$status" -eq 0 ] || printf '%s\n' "${lines[@]}" | grep -qv -e "$TAG"
}

# Ends a process of the test's own and waits for it.
end() {
	kill "$1"
	wait "$1" 2>/dev/null || :
}

state_of() {
	vps-stat --state --raw | awk -v id="$1" '$1 == id { print $2 }'
}

is_in_state() {
	[ "$(state_of "$1")" = "$2" ]
}

# The small program of attempts, for inside: static, so it runs in any tree.
attempt() {
	"$BUILD/escape/attempt" "$@"
}

build_attempt() {
	build_static escape/attempt
}

# build_static NAME: $BUILD/NAME from tests/NAME.c, for use inside whatever tree.
build_static() {
	[ "$BUILD/$1" -nt "$SRC/tests/$1.c" ] && [ "$BUILD/$1" -nt "$SRC/tests/escape/tries.h" ] && return
	requires cc
	mkdir -p "$BUILD/${1%/*}"
	"${CC:-cc}" -static -O1 -Wall -Wextra -D_GNU_SOURCE \
		-I"$SRC/kernel/overlay/include/uapi" -o "$BUILD/$1.$$" "$SRC/tests/$1.c" &&
		mv "$BUILD/$1.$$" "$BUILD/$1"
}

# one_line PATTERN: the whole output of the last run is one line that matches.
one_line() {
	# shellcheck disable=SC2053 # a pattern
	[ "${#lines[@]}" -eq 1 ] && [[ ${lines[0]} == $1 ]] && return 0
	printf "not '%s' but:\n%s\n" "$1" "$output" >&2
	return 1
}

# ---- before and after ---------------------------------------------------------------

setup() {
	set_up
}

set_up() {
	requires root cgroup2 static-busybox
	T=$(mktemp -d /var/tmp/vps-test.XXXXXX)
	TAG=t${T##*.}
	export VPS_CONFIG_DIR=$T/conf VPS_TREE_DIR=$T/trees VPS_RUN_DIR=$T/run VPS_STATE_DIR=$T/state
	mkdir -m 755 "$VPS_CONFIG_DIR"
	mkdir -m 700 "$VPS_TREE_DIR"
	: >"$T/contexts"
	more_setup
}

# A file's own additions.
more_setup() { :; }
more_teardown() { :; }

# Numbers of this test: those it asked for, and those that carry its names.
own_contexts() {
	echo "$(<"$T/contexts")"
	vps-stat --state --raw | while read -r id _ owner; do
		[ "${owner#"$TAG"}" = "$owner" ] || echo "$id"
	done
}

own_processes() {
	# Without the variable, or grep would be found itself.
	for pid in $(env -u VPS_RUN_DIR grep -lsz "^VPS_RUN_DIR=$VPS_RUN_DIR\$" /proc/[0-9]*/environ); do
		pid=${pid#/proc/}
		echo "${pid%/environ}"
	done
}

# A test that leaves a context on purpose names it here, and teardown removes it.
leaves() {
	allowed="${allowed-} $*"
}

end_context() {
	for group in $(groups_of "$1"); do
		[ ! -e "$group/cgroup.kill" ] || echo 1 >"$group/cgroup.kill" 2>/dev/null || :
	done
	[ ! -d "$contexts/$1" ] || wait_until is_empty "$1" || :
	for group in $(groups_of "$1"); do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || :
	done
}

# What is left of the test, one line each; all of it is removed.
clean() {
	[ -z "${holder-}" ] || ! kill "$holder" 2>/dev/null || wait "$holder" || :
	for pid in $(own_processes); do
		echo "process $pid: $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
		kill -KILL "$pid" 2>/dev/null || :
	done
	for id in $(own_contexts); do
		has_group "$id" || continue
		case " ${allowed-} " in
		*" $id "*) ;;
		*) groups_of "$id" | sed 's/^/group /' ;;
		esac
		end_context "$id"
	done
	for left in "/run/vps/$TAG"* "/etc/vservers/$TAG"* "/var/lib/vservers/$TAG"*; do
		[ ! -e "$left" ] || echo "file $left"
	done
	points=
	while read -r _ _ _ _ point _; do
		case $point in
		"$T"/*)
			echo "mount $point"
			points="$point $points"
			;;
		esac
	done </proc/self/mountinfo
	for point in $points; do
		umount -l "$point"
	done
	rm -rf --one-file-system "$T"
}

teardown() {
	[ -n "${T-}" ] || return 0
	more_teardown
	left=$(clean)
	[ -z "$left" ] || printf 'left behind:\n%s\n' "$left" >&2
	[ -z "$left" ]
}
