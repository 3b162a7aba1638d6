# SPDX-License-Identifier: GPL-2.0-or-later
# How results of kernels come out of the virtual machine: what is lost there is missed by nobody.
load ../lib/cli

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p build/kernel/selftests
}

# program LINE...: a selftest that does this.
program() {
	printf '%s\n' '#!/bin/sh' "$@" >build/kernel/selftests/a_test
	chmod 755 build/kernel/selftests/a_test
}

@test "vm: results of a selftest bear its name, what it said of a failure is behind it" {
	program 'echo "TAP version 13"' 'echo 1..3' 'echo "ok 1 global.a"' \
		'echo "# here it broke" >&2' 'echo "not ok 2 global.b"' 'echo "ok 3 - c # SKIP no d"' 'exit 1'
	run -1 "$SRC/tests/vm/one" kernel/overlay/a_test.c
	[ "$output" = "TAP version 13
1..3
ok 1 - selftest a_test: global.a
# here it broke
not ok 2 - selftest a_test: global.b
#   here it broke
ok 3 - selftest a_test: c # SKIP no d" ]
}

@test "vm: a selftest that says nothing has failed, though it ends well" {
	program 'echo "# all is fine"'
	run -0 "$SRC/tests/vm/one" a_test.c
	[ "${lines[1]}" = "1..1" ]
	[ "${lines[2]}" = "not ok 1 - selftest a_test: had no result" ]
}

@test "vm: a selftest that is killed, or is not there, has failed" {
	program 'echo 1..2' 'echo "ok 1 a"' 'kill -SEGV $$'
	run ! "$SRC/tests/vm/one" a_test.c
	run ! "$SRC/tests/vm/one" b_test.c
	[[ $output == *"not ok 1 - selftest b_test: had no result" ]]
}

@test "vm: a selftest that is skipped as a whole says why" {
	program 'echo "1..0 # SKIP no such kernel"' 'exit 4'
	run -0 "$SRC/tests/vm/one" a_test.c
	[ "$output" = "1..0 # SKIP no such kernel" ]
}

@test "vm: each case of the kernel's tests of itself is a result" {
	mkdir -p suites/one suites/two
	printf '%s\n' 'KTAP version 1' 1..1 '    KTAP version 1' '    # Subtest: one' '    1..2' \
		'    ok 1 a' '        KTAP version 1' '        ok 1 parameter' \
		'    # b: EXPECTATION FAILED at x.c:1' '    not ok 2 b' 'not ok 1 one' >suites/one/results
	printf '%s\n' 'KTAP version 1' 1..1 '    KTAP version 1' '    # Subtest: two' '    1..1' \
		'    ok 1 c # SKIP why' 'ok 1 two' >suites/two/results
	run -0 "$SRC/tests/vm/kunit" suites
	[ "$output" = "# Subtest: one
1..2
ok 1 - kunit one: a
# b: EXPECTATION FAILED at x.c:1
not ok 2 - kunit one: b
# Subtest: two
1..1
ok 1 - kunit two: c # SKIP why" ]
}

@test "vm: a kernel without results of its tests has failed" {
	mkdir none
	run -1 "$SRC/tests/vm/kunit" none
	[ "${lines[1]}" = "not ok 1 - kunit: the kernel has no result" ]
}

# oops WHAT CODE: of a console.
oops() {
	printf '%s\n' "[  368.486771] Oops: $1: 0000 [#1] SMP" '[  368.486900] RIP: 0010:f+0x4b/0xc0' \
		"[  368.487000] Code: f0 c1 $2 c3" '[  368.491256] Code: f0 c1 66 <90> c3' >console
}

@test "vm: an oops is the emulator's where no breakpoint is, and only then" {
	oops int3 '66 <90>'
	run -0 "$SRC/tests/vm/slipped" console
	oops int3 'cc <90>'
	run -1 "$SRC/tests/vm/slipped" console
	oops 'invalid opcode' '66 <90>'
	run -1 "$SRC/tests/vm/slipped" console
	echo '[    1.0] Code: 66 <90>' >console
	run -1 "$SRC/tests/vm/slipped" console
}

@test "vm: of a machine that begins again the last results count" {
	printf '%s\n' 1..3 'ok 1 a' 'ok 2 b # SKIP why' 'not ok 3 c' >first
	printf '%s\n' 1..3 'ok 1 a' 'not ok 2 b' 'vm: it broke; once more' 1..3 'ok 1 a' >second
	run -0 "$SRC/scripts/dev/tap-sum" first second
	[ "$output" = "2 passed, 1 failed, 1 skipped" ]
}
