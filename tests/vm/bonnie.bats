#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # set by run
# bonnie++ in a VPS of which everything is counted and limited, and on the host, on the same disk.
# For a machine whose clock counts instructions (run --icount), with a disk in memory: then it is
# the costs that differ.

bats_require_minimum_version 1.5.0

# More than that many times the host's instructions are too many.
bar=1.02
rounds=3
columns='putc block-write rewrite getc block-read seeks create-delete random-create-delete'

setup_file() {
	vps-probe --raw | grep -q '^engine kernel' || skip "requires the kernel engine"
	command -v bonnie++ || skip "requires bonnie++"
	export VPS_TREE_DIR=/var/lib/bonnie tree=/var/lib/bonnie/disk
	mount -t tmpfs -o size=600M tmpfs /mnt
	truncate -s 512M /mnt/image
	mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 /mnt/image
	mkdir $VPS_TREE_DIR
	loop=$(losetup --find --show /mnt/image)
	export loop
	mount -o noatime "$loop" $VPS_TREE_DIR
	chmod 700 $VPS_TREE_DIR
	vps-create disk --template busybox --ctx 71 --disk-kind counted --disk 400M --inodes 30000 \
		--limit proc=100 --limit vm=1G --limit files=1000 --limit tcp=100 --limit rss=700M
	# With all that it is linked to, below the names that it is linked to.
	for file in $(command -v bonnie++) $(ldd "$(command -v bonnie++)" | grep -o '/[^ ]*'); do
		mkdir -p "$tree${file%/*}"
		cp -L "$file" "$tree$file"
	done
	vps-start disk
	mkdir -p $tree/inside $VPS_TREE_DIR/host
}

teardown_file() {
	vps-destroy --yes disk
	umount "$VPS_TREE_DIR"
	losetup --detach "$loop"
	umount /mnt
}

# The rates of the 8 columns, of its last line: fields 10, 12... as bonnie++(8) numbers them.
# Creating files and deleting them is one column, as in its own table.
rates() {
	tail -n 1 "$1" | awk -F, '{
		printf "%s %s %s %s %s %s ", $10, $12, $14, $16, $18, $20
		print 2 / (1 / $27 + 1 / $31), 2 / (1 / $33 + 1 / $37)
	}'
}

options='-q -u root -s 96 -r 48 -n 4 -z 1 -m'

one_round() {
	# shellcheck disable=SC2086 # words
	bonnie++ $options host -d $VPS_TREE_DIR/host >"$BATS_TEST_TMPDIR/out" 2>/dev/null </dev/null
	rates "$BATS_TEST_TMPDIR/out" >>"$BATS_TEST_TMPDIR/host"
	# shellcheck disable=SC2086 # words
	vps-enter disk -- bonnie++ $options inside -d /inside >"$BATS_TEST_TMPDIR/out" 2>/dev/null </dev/null
	rates "$BATS_TEST_TMPDIR/out" >>"$BATS_TEST_TMPDIR/inside"
}

# median WHERE COLUMN
median() {
	awk -v column="$2" '{ print $column }' "$BATS_TEST_TMPDIR/$1" | sort -n |
		awk '{ rate[NR] = $1 } END { print rate[int((NR + 1) / 2)] }'
}

@test "bonnie++: inside, with everything limited, as few instructions as on the host" {
	for _ in $(seq $rounds); do
		one_round
	done
	number=0 over=0
	for column in $columns; do
		number=$((number + 1))
		awk -v column="$column" -v bar=$bar -v host="$(median host $number)" \
			-v inside="$(median inside $number)" 'BEGIN {
				printf "# bonnie++ %-22s host %10.1f/s inside %10.1f/s, instructions x %.3f\n",
					column, host, inside, host / inside
				exit !(inside > 0 && host / inside <= bar)
			}' >&3 || over=$((over + 1))
	done
	[ $over -eq 0 ]
}
