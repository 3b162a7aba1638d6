# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # kbits is set by the tests
# For tests of rates: is what arrived what was asked for?

# What TCP carries of a wire's bits, in packets of 1500 bytes.
goodput() {
	echo $(($1 * 1448 / 1514))
}

least=95 # of a hundred

# near KBITS OF: at most 5 percent from the goodput of a rate of OF.
near() {
	want=$(goodput "$2")
	if [ $(($1 * 100)) -lt $((want * least)) ] || ! is_within "$1" "$2"; then
		echo "$1 kbit/s is not near $want" >&2
		return 1
	fi
}

# is_within KBITS OF: no more than that.
is_within() {
	[ $(($1 * 100)) -le $(($(goodput "$2") * 105)) ]
}

# has_rate OF CMD...: what CMD measures, into $kbits, is near it. A machine that has other work
# gets less through at times, but never more: one of three is enough.
has_rate() {
	for _ in 1 2 3; do
		"${@:2}" || return
		! near "$kbits" "$1" || return 0
		is_within "$kbits" "$1" || return
	done
	return 1
}
