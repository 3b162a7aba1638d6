# SPDX-License-Identifier: GPL-2.0-or-later
# The patch of Linux is made of its steps, and what is wrong with a step is seen: on a Linux of two
# files.
load ../lib/cli

setup() {
	for need in git patch xz; do
		command -v $need >/dev/null || skip "requires $need"
	done
	T=$BATS_TEST_TMPDIR/tree
	K=$T/kernel
	mkdir -p "$T/tests/vm" "$K/overlay/new" "$K/patches" "$BATS_TEST_TMPDIR/linux/old"
	(cd "$SRC" && cp -r --parents scripts/dev tests/vm/lib.sh "$T")
	(cd "$BATS_TEST_TMPDIR" && seq 20 >linux/old/numbers && echo all: >linux/Makefile &&
		tar -cJf linux.tar.xz linux)
	export KERNEL_TARBALL=$BATS_TEST_TMPDIR/linux.tar.xz VERSION=7 SOURCE_DATE_EPOCH=1000000000
	OUT=$BATS_TEST_TMPDIR/out
	echo 6.12.1 >"$K/BASE"
	cat >"$K/patches/cover-letter" <<-'END'
		From: One <one@example.org>
		Subject: The whole

		Why.
	END
	printf '%s\n' 'obj-y += a.o' 'obj-y += b.o' 'obj-y += linked.o' >"$K/overlay/new/Makefile"
	echo 'int a;' >"$K/overlay/new/a.c"
	echo 'int b;' >"$K/overlay/new/b.c"
	step first 'new/a.c new/Makefile' 5
	step second new/ 15
	printf '%s\n' '# steps' '' first second >"$K/patches/series"
}

# step NAME OVERLAY N: one that changes the line N.
step() {
	cat >"$K/patches/$1" <<-END
		From: One <one@example.org>
		Subject: new: The $1 step
		Overlay: $2

		Why the $1.

		Signed-off-by: One <one@example.org>
		---
		--- a/old/numbers
		+++ b/old/numbers
		@@ -$(($3 - 1)),3 +$(($3 - 1)),3 @@
		 $(($3 - 1))
		-$3
		+number $3
		 $(($3 + 1))
	END
}

make_patch() {
	"$T/scripts/dev/kernel-patch" "$OUT"
}

# refused WORDS: nothing is made, for this reason.
refused() {
	run make_patch
	[ "$status" -eq 1 ]
	[[ $output == *"$1"* ]] || { echo "not '$1' but: $output" && return 1; }
	[ ! -e "$OUT/series" ]
}

@test "kernel-patch: one patch, and a series with a cover letter, that make the same tree" {
	make_patch
	cp -r "$BATS_TEST_TMPDIR/linux" "$BATS_TEST_TMPDIR/patched"
	patch -d "$BATS_TEST_TMPDIR/patched" -p1 <"$OUT/freevps-7-linux-6.12.1.patch"
	[ "$(sed -n 5p "$BATS_TEST_TMPDIR/patched/old/numbers")" = "number 5" ]
	cmp "$K/overlay/new/Makefile" "$BATS_TEST_TMPDIR/patched/new/Makefile"
	cd "$BATS_TEST_TMPDIR/linux"
	export HOME=$BATS_TEST_TMPDIR
	git init -q
	git config user.name Two
	git config user.email two@example.org
	git add -A
	git commit -q -m Linux
	git am -q "$OUT"/series/000[12]-*.patch
	[ "$(git log -1 --format='%an %ae %at %s')" = "One one@example.org 1000000000 new: The second step" ]
	[ "$(git log -1 --format=%b)" = "Why the second.

Signed-off-by: One <one@example.org>" ]
	diff -r -x .git . "$BATS_TEST_TMPDIR/patched"
	grep -x 'Subject: \[PATCH 0/2\] The whole' "$OUT/series/0000-cover-letter.patch"
	grep -x 'Why.' "$OUT/series/0000-cover-letter.patch"
	run ! grep -F '***' "$OUT/series/0000-cover-letter.patch"
}

@test "kernel-patch: a Makefile names an object when its source has entered" {
	make_patch
	grep -x '+obj-y += a.o' "$OUT"/series/0001-*
	grep -x '+obj-y += linked.o' "$OUT"/series/0001-*
	run ! grep 'b\.o' "$OUT"/series/0001-*
	grep -x '+obj-y += b.o' "$OUT"/series/0002-*
}

@test "kernel-patch: the same comes out whoever makes it, whenever" {
	make_patch
	mv "$OUT" "$OUT.1"
	printf '[user]\n\tname = Three\n[diff]\n\tnoprefix = true\n\talgorithm = histogram\n' \
		>"$BATS_TEST_TMPDIR/.gitconfig"
	HOME=$BATS_TEST_TMPDIR TZ=Asia/Tokyo LC_ALL=C.UTF-8 make_patch
	diff -r "$OUT.1" "$OUT"
}

@test "kernel-patch: the size is told, of new and of existing files" {
	run -0 make_patch
	[[ $output == *": 9 lines: 4 of them changes in 1 existing files; in 3 new files 5 of code without comments, 0 of documentation, 0 of tests; 0 lines of tests in user space beside it"* ]]
}

@test "kernel-patch: one that only edits has no code of its own" {
	rm -r "$K/overlay/new"
	step first "" 5
	echo first >"$K/patches/series"
	# Nobody is asked for what is not there: nothing ever comes from here.
	mkfifo "$BATS_TEST_TMPDIR/nobody"
	run -0 timeout 20 "$T/scripts/dev/kernel-patch" "$OUT" <>"$BATS_TEST_TMPDIR/nobody"
	[[ $output == *": 2 lines: 2 of them changes in 1 existing files; in 0 new files 0 of code without comments"* ]]
	[[ $output != *"No such file"* ]]
}

@test "kernel-patch: each bound is held" {
	# What is no code may be there in any number.
	{
		printf '/*\n'
		seq 7000 | sed 's/^/ * /'
		printf ' */\n\n\n// more\n'
		seq 5996
	} >"$K/overlay/new/a.c"
	run -0 make_patch
	[[ $output == *"6000 of code without comments"* ]]
	echo one_more >>"$K/overlay/new/a.c"
	run -1 make_patch
	[[ $output == *"kernel-patch: lines of code in new files: 6001, at most 6000"* ]]
	run -0 "$T/scripts/dev/kernel-patch" --any-size "$OUT"
	echo >"$K/overlay/new/a.c"
	{
		sed '/^---$/q' "$K/patches/second"
		printf '%s\n' '--- a/old/numbers' '+++ b/old/numbers' '@@ -15 +15,199 @@' -15
		seq 301 499 | sed 's/^/+/'
	} >"$BATS_TEST_TMPDIR/second"
	mv "$BATS_TEST_TMPDIR/second" "$K/patches/second"
	run -1 make_patch
	[[ $output == *"kernel-patch: changed lines of existing files: 202, at most 200"* ]]
}

@test "kernel-patch: a file of the overlay that enters at no step is refused" {
	echo >"$K/overlay/forgotten.c"
	refused "forgotten.c: enters at no step"
}

@test "kernel-patch: a file that enters twice, or is not there, is refused" {
	sed -i 's/^Overlay: .*/& new\/a.c/' "$K/patches/second"
	refused "second: new/a.c: nothing of the overlay that has not entered"
}

@test "kernel-patch: a new file that Linux has already is refused" {
	mkdir "$K/overlay/old"
	echo >"$K/overlay/old/numbers"
	sed -i 's/^Overlay: .*/& old\//' "$K/patches/first"
	refused "old/numbers: is there already; edit it by a patch"
}

@test "kernel-patch: an edit that adds a file is refused" {
	printf '%s\n' '--- /dev/null' '+++ b/old/more' '@@ -0,0 +1 @@' +1 >>"$K/patches/second"
	refused "second: adds or removes a file"
}

@test "kernel-patch: an edit that does not apply, or only somehow, is refused" {
	sed -i 's/^ 14$/ fourteen/' "$K/patches/second"
	refused "second: does not apply"
}

@test "kernel-patch: a step without words is refused" {
	sed -i '/^Subject/d' "$K/patches/first"
	refused "first: no line '^Subject: .'"
}

# A Linux that is packaged by naming its configuration; build-kernel and what it is given.
packages() {
	mkdir -p "$BATS_TEST_TMPDIR/linux/scripts"
	cd "$BATS_TEST_TMPDIR" || return
	printf '#!/bin/sh\n' >linux/scripts/config
	chmod 755 linux/scripts/config
	cat >linux/Makefile <<-'END'
		olddefconfig: ; @sed -i /DROPPED/d .config
		bindeb-pkg: ; @cp .config ../linux$(LOCALVERSION)_$(KDEB_PKGVERSION).deb; cat new/a.c
	END
	tar -cJf linux.tar.xz linux
	make_patch
	mkdir kit
	cp "$SRC/kernel/build-kernel" "$OUT"/*.patch kit
	echo CONFIG_VPS=y >kit/vps.config
	echo CONFIG_EXT4=y >config
}

build_kernel() {
	kit/build-kernel --tarball linux.tar.xz "$@" kernels config
}

@test "build-kernel: packages of Linux, the patch beside it and a configuration with what it needs" {
	packages
	run -0 build_kernel
	[[ $output == *"int a;"* ]]
	run cat "kernels/linux-freevps7_6.12.1-1.deb"
	[ "$output" = "CONFIG_EXT4=y
CONFIG_VPS=y" ]
	[ ! -e kernels/linux ]
}

@test "build-kernel: no more than the configuration, or the tree, where that is asked for" {
	packages
	run -0 build_kernel --configure
	[ "$(ls kernels)" = config ]
	run -0 build_kernel --tree
	[ "$(sed -n 5p kernels/linux/old/numbers)" = "number 5" ]
}

@test "build-kernel: what Kconfig drops, and a patch that does not apply, are errors" {
	packages
	echo CONFIG_DROPPED=y >>kit/vps.config
	run -1 build_kernel
	[[ $output == *"vps.config: CONFIG_DROPPED=y: dropped by Kconfig"* ]]
	sed -i 's/^-5$/-five/' kit/freevps-7-linux-6.12.1.patch
	run -1 build_kernel
	[ -z "$(ls kernels/*.deb 2>/dev/null)" ]
}

@test "build-kernel: what is not there or is no option is named" {
	packages
	run -1 kit/build-kernel --tarball nowhere kernels config
	[ "$output" = "build-kernel: nowhere: cannot be read" ]
	run -2 kit/build-kernel --fast kernels config
	[ "$output" = "build-kernel: unknown option '--fast' (see build-kernel --help)" ]
	mv kit/freevps-7-linux-6.12.1.patch kit/other.patch
	run -1 build_kernel --patch kit/other.patch
	[[ $output == *"kit/other.patch: not called freevps-"* ]]
}

# A Linux that is compiled by putting its files together, with a word of warning.
compiles() {
	for need in gcc flex bison bc pahole sparse; do
		command -v $need >/dev/null || skip "requires $need"
	done
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	cp -r "$SRC/tests/vm" "$T/tests"
	cp -r "$SRC/kernel/config" "$K"
	cd "$BATS_TEST_TMPDIR" || return
	cat >linux/Makefile <<-'END'
		allnoconfig: ; cp $(KCONFIG_ALLCONFIG) .config
		bzImage: ; @mkdir -p arch/x86/boot && cat old/* new/*.c >arch/x86/boot/bzImage 2>/dev/null; \
			echo >>compiled; cat compiled >vmlinux; echo "old/numbers:1:2: warning: 1"
		kernelversion: ; @echo 6.12.1
		%.o: ; @echo "$@: warning: W=$(W) C=$(C)"
	END
	for file in scripts/checkpatch.pl scripts/spelling.txt scripts/const_structs.checkpatch \
		scripts/kernel-doc scripts/syscalltbl.sh scripts/syscallhdr.sh scripts/syscall.tbl \
		arch/arm64/kernel/Makefile.syscalls tools/testing/selftests/kselftest.h \
		tools/testing/selftests/kselftest_harness.h; do
		mkdir -p "linux/${file%/*}"
		echo >"linux/$file"
	done
	tar -cJf linux.tar.xz linux
}

kernels() {
	"$T/tests/vm/kernel" "$@" 2>"$BATS_TEST_TMPDIR/said"
}

@test "vm kernels: the patched one is made of what is left of the other, and what was said is kept" {
	compiles
	mapfile -t made < <(kernels stock vps)
	run ! grep number "${made[0]}/bzImage"
	[ "$(grep -c number "${made[1]}/bzImage")" = 2 ]
	[ "$(zcat "${made[0]}/vmlinux.gz" | wc -l)" = 1 ]
	[ "$(zcat "${made[1]}/vmlinux.gz" | wc -l)" = 2 ]
	[ "$(cat "${made[0]}/warnings" "${made[1]}/warnings" | uniq)" = "old/numbers:1:2: warning: 1" ]
	[ "$(cat "${made[1]}/strict")" = "new/a.o: warning: W=1 C=2
new/b.o: warning: W=1 C=2" ]
	[ -d "${made[1]}/linux/tools/testing/selftests/vps" ]
	[ "$(kernels stock vps)" = "$(printf '%s\n' "${made[@]}")" ]
	run ! ls -d "$XDG_CACHE_HOME"/freevps/tree.*
}

@test "vm kernels: the other is never made of a patched one" {
	compiles
	mapfile -t made < <(kernels vps stock)
	run ! grep number "${made[1]}/bzImage"
}

@test "vm kernels: what is not compiled makes no new one, what is does" {
	compiles
	first=$(kernels vps)
	mkdir -p "$K/overlay/Documentation"
	echo words >"$K/overlay/Documentation/new.rst"
	sed -i 's/^Overlay: .*/& Documentation\/new.rst/; s/^Why.*/Because./' "$K/patches/first"
	[ "$(kernels vps)" = "$first" ]
	echo 'int c;' >"$K/overlay/new/b.c"
	[ "$(kernels vps)" != "$first" ]
}
