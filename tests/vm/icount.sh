# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# A machine with one CPU whose clock goes on by a nanosecond with each instruction: times in it
# are counts, and the same each time that the same is done. For who has read tests/vm/lib.sh.

count_needs() {
	need qemu-system-x86_64 timeout cpio cc
}

# count_compile BINARY SOURCE...
count_compile() {
	binary=$1
	shift
	"${CC:-cc}" -static -O2 -Wall -Wextra -D_GNU_SOURCE -I"$top/kernel/overlay/include/uapi" \
		-o "$binary" "$@"
}

# count_ramdisk FILE DIR [PROGRAM]: of what boots in directory DIR and runs the static PROGRAM,
# or a few system calls.
count_ramdisk() {
	mkdir -p "$2/dev" "$2/proc"
	count_compile "$2/init" "$top/tests/vm/icount-init.c" "$top/tests/vm/icount-groups.c"
	if [ -n "${3:-}" ]; then
		cp "$3" "$2/program"
		! readelf -l "$3" | grep -q INTERP || die "$3: is not static"
	else
		count_compile "$2/program" "$top/tests/vm/icount-calls.c"
	fi
	(cd "$2" && find . | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible) >"$1"
}

# count_machine KERNEL RAMDISK MEGABYTES DAY [PLACE...]: PLACE as tests/vm/icount-init.c has them.
# Prints its console and never returns. Addresses are the same in every boot; random numbers, and
# what is hashed with them, go by the DAY of January on which it boots and by nothing else.
count_machine() {
	kernel_of=$1
	ramdisk_of=$2
	base=2020-01-$(printf %02d "$4")
	memory=$3
	shift 4
	exec timeout 1800 qemu-system-x86_64 -accel tcg -icount shift=0,sleep=off -smp 1 \
		-cpu Nehalem -m "$memory" -rtc "base=$base,clock=vm" \
		-nodefaults -no-user-config -display none -no-reboot -serial stdio \
		-kernel "$kernel_of" -initrd "$ramdisk_of" \
		-append "console=ttyS0 quiet panic=-1 norandmaps -- $*" </dev/null
}

# count_check CONSOLE WHAT: that the program ended well everywhere.
count_check() {
	sed -i 's/\r$//' "$1"
	grep -q '^vm: over 0$' "$1" || {
		tail -n 20 "$1" >&2
		die "$2: the program did not end well"
	}
}

# count_costs CONSOLE PLACE: "NAME NANOSECONDS" lines of what ran there.
count_costs() {
	sed -n "/^vm: begin $2\$/,/^vm: end/ s/^\([^ ]*\) \([0-9.]*\)\$/\1 \2/p" "$1"
}
