# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154,SC2094,SC2034 # top is of who uses this; files are only read
# The kernel patch as it is kept in kernel/: steps, each of them a file of kernel/patches and the
# files of kernel/overlay that enter with it. kernel/README.md says what they look like.

base=$(cat "$top/kernel/BASE")
source_series=${base%.*}
tarball=${KERNEL_TARBALL:-/usr/src/linux-source-$source_series.tar.xz}

# What a kernel is compiled with in tests; the code is the same without.
kcflags="-fno-var-tracking -gno-statement-frontiers"

need_tarball() {
	[ -r "$tarball" ] || die "$tarball: cannot be read; \
the package linux-source-$source_series has it, or set KERNEL_TARBALL="
}

# What is dated: the last commit, where there is one.
source_date() {
	echo "${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null ||
		stat -c %Y "$top/kernel/BASE")}"
}

# The names of the steps, in their order.
steps() {
	[ -r "$top/kernel/patches/series" ] || die "no kernel patch in this tree"
	sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$top/kernel/patches/series"
}

overlay_files() {
	(cd "$top/kernel/overlay" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort)
}

# field NAME STEP: what the header of the step says there, a line each.
field() {
	sed -n "/^\$/q; s/^$1:[[:space:]]*//p" "$top/kernel/patches/$2"
}

# The message of a commit: all between the header and the line of three dashes.
message() {
	field Subject "$1"
	sed -e '/^---$/,$d' -e '1,/^$/ { /^$/!d; }' "$top/kernel/patches/$1"
}

diff_of() {
	sed '1,/^---$/d' "$top/kernel/patches/$1"
}

# The existing files that the steps "$@" edit.
edited_files() {
	for step_name; do
		diff_of "$step_name" | sed -n 's,^+++ b/\([^	]*\).*,\1,p'
	done | LC_ALL=C sort -u
}

# plan DIRECTORY: a list there for each step, by its name, of the files that enter with it. Each
# file of the overlay enters once.
plan() {
	overlay_files >"$1/waiting"
	: >"$1/entered"
	for step_name in $(steps); do
		[ -r "$top/kernel/patches/$step_name" ] || die "$step_name: no such patch"
		for line in '^From: .* <.*>$' '^Subject: .' '^$' '^Signed-off-by: .' '^---$'; do
			grep -q "$line" "$top/kernel/patches/$step_name" || die "$step_name: no line '$line'"
		done
		: >"$1/$step_name"
		for word in $(field Overlay "$step_name"); do
			awk -v word="$word" 'word ~ /\/$/ ? index($0, word) == 1 : $0 == word' \
				"$1/waiting" >"$1/now"
			[ -s "$1/now" ] || die "$step_name: $word: nothing of the overlay that has not entered"
			cat "$1/now" >>"$1/$step_name"
			LC_ALL=C comm -23 "$1/waiting" "$1/now" >"$1/left"
			mv "$1/left" "$1/waiting"
		done
		cat "$1/$step_name" >>"$1/entered"
		! diff_of "$step_name" | grep -E '^(--- /dev/null|\+\+\+ /dev/null)' >&2 ||
			die "$step_name: adds or removes a file; new ones belong in the overlay"
	done
	[ ! -s "$1/waiting" ] || die "$(head -n 1 "$1/waiting"): enters at no step"
	rm -f "$1/now"
}

# A Makefile has no object whose source has not entered: $1, of the overlay; $2 has what entered.
staged_makefile() {
	awk -v directory="${1%/*}" '
		FILENAME != "-" { if (FNR == NR) entered[$0]; else overlay[$0]; next }
		match($0, /= *[A-Za-z0-9_-]+\.o *$/) {
			name = substr($0, RSTART, RLENGTH)
			gsub(/[= ]|\.o/, "", name)
			source = directory "/" name ".c"
			if (source in overlay && !(source in entered))
				next
		}
		{ print }' "$2" "$3" - <"$top/kernel/overlay/$1"
}

# A file is touched only when it changes: what make has compiled stays.
put() {
	if [ -e "$2" ] && cmp -s "$1" "$2"; then
		return 0
	fi
	mkdir -p "${2%/*}"
	cp "$1" "$2"
}

# apply_step TREE PLAN STEP
apply_step() {
	entered=$2/entered-now
	for step_name in $(steps); do
		cat "$2/$step_name"
		[ "$step_name" != "$3" ] || break
	done >"$entered"
	overlay_files >"$2/overlay"
	while read -r file; do
		case $file in
		Makefile | */Makefile)
			staged_makefile "$file" "$entered" "$2/overlay" >"$2/file"
			put "$2/file" "$1/$file"
			;;
		*)
			grep -qxF "$file" "$2/$3" || continue
			[ ! -e "$1/$file" ] || die "$file: is there already; edit it by a patch"
			put "$top/kernel/overlay/$file" "$1/$file"
			;;
		esac || return 1
	done <"$entered"
	! diff_of "$3" | grep -q '^+++ ' ||
		diff_of "$3" | patch -d "$1" -p1 -s -f --fuzz=0 --no-backup-if-mismatch
}

# apply_all TREE: the whole patch, on a tree of Linux as it is.
apply_all() {
	mkdir "$1.plan"
	plan "$1.plan"
	for one_step in $(steps); do
		apply_step "$1" "$1.plan" "$one_step" || return 1
	done
	rm -r "$1.plan"
}

# kept FRAGMENT CONFIG: every option of FRAGMENT is in CONFIG; says which are not.
kept() {
	grep '^CONFIG_' "$1" | {
		dropped=0
		while read -r line; do
			grep -qxF "$line" "$2" && continue
			echo "dropped by Kconfig: $line"
			dropped=1
		done
		return $dropped
	}
}

# fragments LINUX NAME...: these configurations as one; the last that names an option decides.
fragments() {
	merging=$(mktemp -d "${TMPDIR:-/var/tmp}/kernel-config.XXXXXX")
	script=$1/scripts/kconfig/merge_config.sh
	shift
	# shellcheck disable=SC2046 # names
	(cd "$top/kernel/config" && sh "$script" -m -Q -O "$merging" $(printf '%s.config ' "$@")) >&2 &&
		cat "$merging/.config"
	rm -r "$merging"
}
