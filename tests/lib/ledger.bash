# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A ledger that a test makes, for what reads it. BUILD and VPS_STATE_DIR are set.

# A ledger of lines "TIME CTX NAME CLASS IN OUT" on stdin, TIME as date(1) reads it, with a T.
make_ledger() {
	while read -r time rest; do
		printf '%s %s\n' "$(date -u -d "${time/T/ }" +%s)" "$rest"
	done | "$BUILD/unit/make_ledger" "$VPS_STATE_DIR/traffic.db"
}

a_ledger() {
	make_ledger <<-END
		2026-09-30T23:59 9 web_1 other 11 22
		2026-10-01T00:00 9 web_1 other 900000 4500000
		2026-10-01T00:00 9 web_1 local 450 900
		2026-10-01T00:00 10 shop other 7 8
		2026-10-01T01:30 9 web_1 other 3600000 0
		2026-10-31T23:59 10 shop peer 1 2
		2026-11-01T00:00 9 web_1 other 33 44
	END
}

# report ARG...: of vtraf, all is well, and there is nothing else to say.
report() {
	capture "$BUILD/vtraf" "$@"
	expect "exit 0" [ "$status" -eq 0 ] && expect "nothing on stderr" [ -z "$errors" ]
}
