# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# What the parts of the virtual machine share: where things are, and the cache of what is
# made once.

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=scripts/dev/lib.sh
. "$top/scripts/dev/lib.sh"

die() {
	echo "${0##*/}: $1" >&2
	exit 1
}

say() {
	echo "-- $1" >&2
}

# need_of SET TOOL...: SET is one of install-deps.
need_of() {
	set_name=$1
	shift
	for tool; do
		command -v "$tool" >/dev/null ||
			die "$tool: not found; \"scripts/dev/install-deps $set_name\" installs it"
	done
}

need() {
	need_of vm "$@"
}

digest() {
	sha256sum | cut -c 1-16
}

store=${XDG_CACHE_HOME:-${HOME:?}/.cache}/freevps
# What makers share, for the next one.
leftover=

# cached NAME MAKER: prints the directory NAME of the cache. Where it is missing, MAKER is
# called with an empty directory, which gets the name only when MAKER succeeded. Two at
# once: the second waits for what the first makes.
cached() {
	mkdir -p "$store"
	exec 8>"$store/$1.lock"
	flock -n 8 || {
		say "waiting for another run, which makes $1"
		flock 8
	}
	if [ ! -d "$store/$1" ]; then
		making=$(mktemp -d "$store/making.XXXXXX")
		trap 'rm -rf "$making" ${leftover:+"$leftover"}' EXIT
		trap interrupted HUP INT TERM
		chmod 755 "$making"
		"$2" "$making" >&2
		mv "$making" "$store/$1"
		trap - EXIT
	fi
	exec 8>&-
	echo "$store/$1"
}

# step LOG TEXT CMD...: one command of a maker; its log is shown only when it fails.
step() {
	step_log=$1
	say "$2"
	shift 2
	began=$(date +%s)
	logged "$step_log" "$@" || {
		tail -n 30 "$step_log"
		return 1
	}
	echo "   done in $(($(date +%s) - began)) s"
}

# What a kernel says when something is wrong with it.
complaints='Kernel panic|BUG:|WARNING: |Oops|general protection fault|INFO: possible'
complaints="$complaints|INFO: task .* blocked|detected stalls|KASAN:|suspicious RCU|UBSAN:"
complaints="$complaints|list_(add|del) corruption|refcount_t:|ODEBUG:"

# complaints_in FILE: those that nobody asked for. A test that has a process of a context meet an oops
# says so before; that one line it may have, and no other.
complaints_in() {
	wanted='vps-selftest: an oops is wanted'
	grep -aE "$complaints|$wanted" "$1" | awk -v wanted="$wanted" '
		index($0, wanted) { asked = 1; next }
		asked && /\[vps [0-9]+\] Oops: invalid opcode/ { asked = 0; next }
		{ print }'
}
