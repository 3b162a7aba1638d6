#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
load ../lib/cli

# What fails in as many ways as a test can. (A line that begins with @test bats takes for its own.)
failures() {
	sed 's/^@case/@''test/' <<-'EOF'
		bats_require_minimum_version 1.5.0
		outer() { inner "$@"; }
		inner() {
			:
			"$@"
		}
		setup() { [ "$BATS_TEST_NUMBER" -ne 1 ] || false; }
		teardown() { [ "$BATS_TEST_NUMBER" -ne 2 ] || outer false; }
		@case "setup" { :; }
		@case "teardown" { :; }
		@case "command" {
			:
			false
			:
		}
		@case "within functions" {
			outer :
			outer false
		}
		@case "brackets" {
			[ 1 = 1 ]
			[ 1 = 2 ]
		}
		@case "words" {
			[[ 1 = 2 ]]
		}
		@case "numbers" {
			((1 == 2))
		}
		@case "run" {
			run true
			[ "$status" -eq 1 ]
		}
		@case "run -0" {
			run -0 false
			:
		}
		@case "subshell" {
			(exit 3)
		}
		@case "pipe" {
			true | outer false
		}
		@case "loop" {
			for i in 1 2 3; do
				[ $i -ne 2 ]
			done
		}
		@case "no such command" {
			there-is-no-such-command
		}
		@case "no such file" {
			source /nonexistent/file
		}
		@case "unset" {
			set -u
			echo "$there_is_none"
		}
		@case "return" {
			:
			return 4
		}
		@case "substitution" {
			x=$(outer false)
		}
	EOF
}

# said_of LINE: what bats says of them with that line before them.
said_of() {
	(echo "$1" && failures) >"$BATS_TEST_TMPDIR/some.bats"
	(cd "$BATS_TEST_TMPDIR" && run env -i PATH=/usr/local/bin:/usr/bin:/bin bats --tap some.bats &&
		echo "$output")
}

@test "what is said of a test that fails is what bats says" {
	bats=$(said_of '')
	ours=$(said_of "load $SRC/tests/lib/trace")
	diff -u <(echo "$bats") <(echo "$ours")
	expect "no test that succeeds" [ "$(grep -c '^not ok' <<<"$ours")" -eq 17 ]
	expect "lines" [ "$(grep -c '^# .*line [0-9]' <<<"$ours")" -ge 16 ]
}
