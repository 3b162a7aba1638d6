# SPDX-License-Identifier: GPL-2.0-or-later
# The project's own checkers find what they are for.
load ../lib/cli

setup() {
	T=$BATS_TEST_TMPDIR/tree
	mkdir "$T"
	(cd "$SRC" && cp -r --parents src scripts man etc .ci tests/bench "$T")
	mkdir -p "$T/tests"
}

layers() {
	"$SRC/scripts/dev/lint-layers" "$T"
}

# finds WORDS FILE LINE: FILE with LINE at its end is found with WORDS.
finds() {
	cp "$T/$2" "$BATS_TEST_TMPDIR/saved"
	printf '%s\n' "$3" >>"$T/$2"
	run layers
	mv "$BATS_TEST_TMPDIR/saved" "$T/$2"
	[ "$status" -eq 1 ] && [[ $output == *"$2:"*"$1"* ]] ||
		{ echo "not found: '$3' in $2" && return 1; }
}

@test "lint-layers: the tree as it is passes" {
	run layers
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
}

@test "lint-layers: calls past the layers are found" {
	finds "only sys.c calls syscall()" src/libvps/host.c 'int x(void) { return syscall(39); }'
	finds "only sys.c calls syscall()" src/tools/vkill.c 'int x(void) { return syscall (39); }'
	finds "libvps never prints" src/libvps/host.c 'void x(void) { printf("x"); }'
	finds "libvps never prints" src/libvps/host.c 'void x(void) { fputs("x", f); }'
	finds "libvps never exits" src/libvps/host.c 'void x(void) { exit(1); }'
	finds "libvps never reads the environment" src/libvps/host.c \
		'char *x(void) { return getenv("X"); }'
	finds "nothing is run through a shell" src/cli/init.c 'void x(void) { system("x"); }'
	finds "nothing is run through a shell" src/tools/vkill.c 'void x(void) { popen("x"); }'
	finds "numbers are parsed" src/tools/vkill.c 'int x(char *s) { return atoi(s); }'
	finds "no unbounded copy" src/libvps/host.c 'void x(char *s) { strcpy(s, s); }'
}

@test "lint-layers: headers past the layers are found" {
	finds "private to another layer" src/tools/vkill.c '#include "sys.h"'
	finds "private to another layer" src/tools/vkill.c '#include "engine.h"'
	finds "private to another layer" src/cli/init.c '#include "cgroup.h"'
	finds "not the kernel" src/tools/vkill.c '#include <linux/sched.h>'
	finds "only engines know an engine" src/libvps/spawn.c '#include "engine-stock.h"'
	finds "the UAPI" src/libvps/spawn.c '#include <linux/vps.h>'
	finds "control groups" src/tools/vkill.c 'const char *x = "/sys/fs/cgroup/freevps";'
	finds "control groups" src/tools/vkill.c 'const char *x = "cgroup.procs";'
}

@test "lint-layers: words in comments and strings are no calls" {
	printf '/* exit(1) and\n * printf("x") */ // system("x")\nconst char *x = "exit(1)";\n' \
		>>"$T/src/libvps/host.c"
	run layers
	[ "$status" -eq 0 ]
}

@test "lint-layers: a file without its licence is found" {
	sed -i 1d "$T/src/libvps/host.c"
	sed -i 1s/LGPL-2.1/GPL-2.0/ "$T/src/libvps/parse.c"
	sed -i 2d "$T/scripts/vps-start"
	sed -i 1d "$T/man/chcontext.8"
	run layers
	[ "$status" -eq 1 ]
	[[ $output == *src/libvps/host.c:1:* ]]
	[[ $output == *"src/libvps/parse.c:1: the licence here is LGPL-2.1-or-later"* ]]
	[[ $output == *scripts/vps-start:1:* ]]
	[[ $output == *man/chcontext.8:1:* ]]
}

@test "lint-layers: header and version script must agree" {
	sed -i '/vps_host_open;/d; s/^local:/\tvps_no_such;\n&/' "$T/src/libvps/libvps.sym"
	run layers
	[ "$status" -eq 1 ]
	[[ $output == *"vps_host_open of src/libvps/vps.h is missing"* ]]
	[[ $output == *"vps_no_such is not in src/libvps/vps.h"* ]]
}

@test "lint-layers: shell that is not ours to write is found" {
	finds "no eval" scripts/vps-start 'eval "x=$1"'
	finds "no eval" scripts/vps-start 'if local x; then :; fi; local y'
	finds "no eval" scripts/vps-start 'if true; then which sh; fi'
}

@test "lint-format: spacing, long lines and blanks are found" {
	command -v clang-format >/dev/null || skip "requires clang-format"
	f=$BATS_TEST_TMPDIR/x.c
	cp "$SRC/.clang-format" "$BATS_TEST_TMPDIR"
	printf 'int x(void)\n{\n\treturn 1;\n}\n' >"$f"
	"$SRC/scripts/dev/lint-format" "$f"
	for line in 'int y(int a) { if(a) return 1; }' 'int y ;' 'int y; ' \
		'        int y;' "int y; /* $(printf '%0100d' 0) */"; do
		{
			cat "$f"
			printf '%s\n' "$line"
		} >"$f.bad.c"
		run "$SRC/scripts/dev/lint-format" "$f.bad.c"
		[ "$status" -eq 1 ] || { echo "not found: $line" && return 1; }
	done
}

@test "tap-sum counts, and a file that died is a failure" {
	cd "$BATS_TEST_TMPDIR"
	printf '1..3\nok 1 - a\nok 2 b # skip requires root\nnot ok 3 c\n# why\n' >a
	printf '1..2\nok 1 - a\nResult: FAIL\n' >b
	printf 'ok 1 - a\nok\nResult: PASS\n' >c
	run "$SRC/scripts/dev/tap-sum" a b c
	[ "$output" = "3 passed, 2 failed, 1 skipped" ]
	run "$SRC/scripts/dev/tap-sum" -f a b c
	[ "$output" = $'a: not ok 3 c\n# why\nskipped, requires root: 1' ]
}
