#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # set by run
# bonnie++ in a VPS of which everything is counted and limited, and on the host, on the same disk;
# between these in control groups as deep, with the same controllers, that are no context, and in the
# VPS's context, with none of its namespaces and filters. For a machine whose clock counts
# instructions (run --icount), with a disk in memory: then it is the costs that differ.

bats_require_minimum_version 1.5.0

# More than that many times the instructions that it takes in groups alone are too many.
bar=1.02
rounds=3
# Rates are told in whole numbers, and not at all of what took less than half a second: a rate that is
# lower cannot be compared, and is left to another clock.
least=200
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
	vps-create disk --template busybox --ctx 71 --disk-kind counted --disk 400M --inodes 60000 \
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
	vps-stop disk
	vps-destroy --yes disk
	umount "$VPS_TREE_DIR"
	losetup --detach "$loop"
	umount /mnt
}

# The rates of the 8 columns, of its last line: fields 10, 12... as bonnie++(8) numbers them.
# Creating files and deleting them is one column, as in its own table.
rates() {
	tail -n 1 "$1" | awk -F, '
		function both(one, other) { return one * other ? 2 / (1 / one + 1 / other) : 0 }
		{
			printf "%s %s %s %s %s %s ", $10, $12, $14, $16, $18, $20
			print both($27, $31), both($33, $37)
		}'
}

options='-q -u root -s 192 -r 96 -n 8 -z 1'

# measure WHERE CMD...: a round there.
measure() {
	where=$1
	shift
	# shellcheck disable=SC2086 # words
	"$@" $options -m "$where" >"$BATS_TEST_TMPDIR/out" 2>/dev/null </dev/null
	rates "$BATS_TEST_TMPDIR/out" >>"$BATS_TEST_TMPDIR/$where"
}

one_round() {
	measure host bonnie++ -d "$VPS_TREE_DIR/host"
	measure group "$BUILD/system/vserver" into "$groups/bonnie/as/deep" bonnie++ \
		-d "$VPS_TREE_DIR/host"
	measure context "$BUILD/system/vserver" into "$groups/freevps/71/payload" bonnie++ \
		-d "$tree/inside"
	measure vps vps-enter disk -- bonnie++ -d /inside
}

# median WHERE COLUMN
median() {
	awk -v column="$2" '{ print $column }' "$BATS_TEST_TMPDIR/$1" | sort -n |
		awk '{ rate[NR] = $1 } END { print rate[int((NR + 1) / 2)] }'
}

@test "bonnie++: in a context, with everything limited, as few instructions as in its groups" {
	groups=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup2 .*/\1/p' /proc/self/mounts)
	mkdir -p "$groups/bonnie/as/deep"
	for dir in "$groups/bonnie" "$groups/bonnie/as"; do
		echo "+cpu +memory +pids" >"$dir/cgroup.subtree_control"
	done
	for _ in $(seq $rounds); do
		one_round
	done
	number=0 over=0
	for column in $columns; do
		number=$((number + 1))
		awk -v column="$column" -v bar=$bar -v least=$least -v host="$(median host $number)" \
			-v group="$(median group $number)" -v context="$(median context $number)" \
			-v vps="$(median vps $number)" 'BEGIN {
				if (host + 0 < least || group + 0 < least || context + 0 < least || vps + 0 < least)
					exit
				printf "# bonnie++ %s: %d/s on the host; instructions x %.3f in groups, x %.3f in " \
					"the context, x %.3f in the VPS\n", column, host, host / group,
					host / context, host / vps
				exit group / context > bar
			}' >&3 || over=$((over + 1))
	done
	[ $over -eq 0 ]
}
