# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the tests share that run tools without root and without contexts.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib/trace.bash
. "${BASH_SOURCE[0]%/*}/trace.bash"

SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$SRC/build}" && pwd) || exit 1
export BUILD VPS_PATH=$BUILD VPS_LIB=$BUILD/vps-lib.sh VPS_INIT=$BUILD/vps-init
PATH=$BUILD:$PATH:/usr/sbin:/sbin
unset VPS_CONFIGURED VPS_ENGINE "${!VPS_CONF_@}"

# An unknown word is a bug, not a skip.
requires() {
	for need; do
		case $need in
		root) [ "$EUID" -eq 0 ] || skip "requires root" ;;
		no-root) [ "$EUID" -ne 0 ] || skip "requires not to be root" ;;
		full) [ -c /dev/full ] || skip "requires /dev/full" ;;
		setpriv | script | setfacl | setcap | setfattr | mkfs.btrfs | gnuplot | mandoc | xmllint | \
			chromium)
			command -v "$need" >/dev/null || skip "requires $need"
			;;
		*)
			echo "bug: requires $need" >&2
			return 1
			;;
		esac
	done
}

# refuses TEXT ARG...: wrong use of $tool, said in one line, before anything is looked at; with
# status $usage_status, where that is not 2.
refuses() {
	text=$1
	shift
	capture "$BUILD/$tool" "$@"
	expect "exit ${usage_status:-2}" [ "$status" -eq "${usage_status:-2}" ] &&
		expect "'$text'" [ "$errors" = "$tool: $text (see $tool --help)" ]
}

# Every program and script that was built, one a line.
tools() {
	for file in "$BUILD"/*; do
		case ${file##*/} in
		*.so* | *.sh | *.a) ;;
		*) [ ! -f "$file" ] || [ ! -x "$file" ] || echo "${file##*/}" ;;
		esac
	done
}

is_script() {
	[ "$(head -c 2 "$BUILD/$1")" = '#!' ]
}

# for_tools FUNCTION: calls it with each tool; fails when it failed for any, and names them.
for_tools() {
	failed=
	for tool in $(tools); do
		"$1" "$tool" || failed="$failed $tool"
	done
	[ -z "$failed" ] || echo "$1 failed for:$failed"
	[ -z "$failed" ]
}

# capture CMD...: sets status, output and errors, which are kept apart.
capture() {
	status=0
	"$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null || status=$?
	output=$(cat "$BATS_TEST_TMPDIR/out")
	errors=$(cat "$BATS_TEST_TMPDIR/err")
}

# expect WHAT CMD...: says what was expected, and what came, when CMD fails.
expect() {
	what=$1
	shift
	"$@" && return
	printf '%s: expected %s; got status %s\n--- stdout\n%s\n--- stderr\n%s\n' \
		"${tool-}" "$what" "$status" "$output" "$errors"
	return 1
}

# one_line TEXT: it is one line, not empty.
one_line() {
	[ -n "$1" ] && [ "${1//$'\n'/}" = "$1" ]
}
