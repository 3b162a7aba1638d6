# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of rates: is what arrived what was asked for?

# What TCP carries of a wire's bits, in packets of 1500 bytes.
goodput() {
	echo $(($1 * 1448 / 1514))
}

# near KBITS OF: within 5 percent of the goodput of a rate of OF.
near() {
	want=$(goodput "$2")
	[ $(($1 * 100)) -ge $((want * 95)) ] && [ $(($1 * 100)) -le $((want * 105)) ] ||
		{ echo "$1 kbit/s is not near $want" >&2 && return 1; }
}
