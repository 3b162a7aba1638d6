# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034 # capture sets status, errors, output; refuses reads tool
load ../lib/cli

tool=vdu

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# A script with mounts of its own.
in_mounts() {
	capture env PATH="$BUILD:$PATH" unshare -rm bash -c "$1"
	[ "$status" -eq 0 ] || skip "requires user namespaces with mounts: $errors"
}

# field NAME JSON: of the first object.
field() {
	sed -n "s/^ *\"$1\": \([0-9]*\),*$/\1/p" <<<"$2" | head -n 1
}

# agrees DIR...: with what du and find say of each and of all.
agrees() {
	for jobs in 1 4; do
		capture "$BUILD/vdu" -j "$jobs" --json "$1"
		expect "success" [ "$status" -eq 0 ]
		expect "du's space" [ "$(field space "$output")" = "$(du -s --block-size=1 "$1" | cut -f 1)" ]
		expect "find's names" [ "$(field names "$output")" = "$(find "$1" -printf x | wc -c)" ]
		expect "find's inodes" [ "$(field inodes "$output")" = \
			"$(find "$1" -printf '%D:%i\n' | sort -u | wc -l)" ]
		expect "find's lengths" [ "$(field apparent "$output")" = \
			"$(find "$1" \( -type f -o -type l \) -printf '%D:%i %s\n' | sort -u |
				awk '{ n += $2 } END { print n + 0 }')" ]
	done
}

@test "vdu: wrong use" {
	refuses "no DIR given"
	refuses "--space and --inodes exclude each other" --space --inodes .
	refuses "--apparent, --blocksize and --human are for space" --inodes -h .
	refuses "--blocksize and --human exclude each other" --blocksize 1K -h .
	refuses "--null and --json exclude each other" -0 --json .
	for word in --space --inodes --apparent --blocksize=5; do
		refuses "--json has everything, in bytes" --json "$word" .
	done
	for word in --raw --json -0; do
		refuses "--human is for tables" -h "$word" .
	done
	for word in '' -1 +1 1e3 0x10 0 65 99999999999999999999; do
		refuses "--jobs: '$word' is no number from 1 to 64" --jobs="$word" .
	done
	for word in 0 '' 1.5; do
		refuses "--blocksize: '$word' is no number from 1 to 9223372036854775807" \
			--blocksize="$word" .
	done
	refuses "--top: '0' is no number from 1 to 1000000" --top 0 .
}

@test "vdu: agrees with du and find on files, links, holes, pipes and sockets" {
	mkdir -p tree/a/b tree/c
	head -c 100000 /dev/zero >tree/a/file
	truncate -s 1G tree/a/hole
	ln tree/a/file tree/c/link
	ln tree/a/file tree/a/b/link
	ln -s /etc tree/c/etc
	ln -s nowhere tree/c/nowhere
	mkfifo tree/c/fifo
	mkdir tree/empty
	agrees tree
	agrees tree/empty
}

@test "vdu: agrees with du and find on /usr/include and /etc" {
	agrees /usr/include
	agrees /etc/alternatives
}

@test "vdu: agrees with du and find on many files" {
	"$BUILD/bench/tree" files tree 5000
	agrees tree
}

@test "vdu: a hundred thousand names in one directory" {
	"$BUILD/bench/tree" flat tree 100000
	agrees tree
}

@test "vdu: ten thousand levels, with directories that wait on each of them" {
	"$BUILD/bench/tree" deep tree 10000
	for jobs in 1 4; do
		capture "$BUILD/vdu" -j "$jobs" --raw tree
		expect "40 001 names: a file, two directories and a file on each level" \
			[ "$status ${output#* }" = "0 40001 tree" ]
	done
	space=$(du -s --block-size=1 tree | cut -f 1)
	expect "du's space" [ "${output%% *}" = "$space" ]
	capture "$BUILD/vdu" --max-depth 2 --raw --inodes tree
	expect "three levels" [ "$output" = "40001 tree
39997 tree/d
39993 tree/d/d
2 tree/d/other
2 tree/other" ]
	rm -rf tree
}

# On ext4 the order of names is by chance; tmpfs shows the last one first, so that all else waits.
@test "vdu: ten thousand levels on each of which something waits, with few descriptors" {
	mkdir disk
	in_mounts "mount -t tmpfs none disk && $BUILD/bench/tree deep disk/tree 10000 && ulimit -n 64 &&
		for jobs in 1 4; do timeout 60 vdu -j \$jobs --raw --inodes disk/tree; done"
	expect "everything, twice" [ "$output$errors" = "40001 disk/tree
40001 disk/tree" ]
}

@test "vdu: a deep tree that is renamed at its top costs itself, and nothing beside it" {
	mkdir disk
	in_mounts "mount -t tmpfs none disk && mkdir disk/tree && $BUILD/bench/tree deep disk/tree/z 500 &&
		mkdir -p disk/tree/sib{1..50}/{1..9}
		while :; do mv disk/tree/z disk/tree/y; mv disk/tree/y disk/tree/z; done 2>/dev/null &
		for n in {1..40}; do (ulimit -n 28; timeout 60 vdu -j 1 --raw --inodes disk/tree); done
		kill %1"
	expect "never less than all the others" [ "$(sort -n <<<"$output" | head -n 1 | cut -d ' ' -f 1)" -ge 501 ]
	expect "never the tree itself" [ -z "$(grep 'disk/tree: ' <<<"$errors")" ]
}

@test "vdu: a directory that is moved into what is below it, again and again" {
	"$BUILD/bench/tree" cycle tree 2000 >ready 3>&- &
	until [ -s ready ]; do sleep 0.01; done
	for _ in {1..10}; do
		capture timeout 60 "$BUILD/vdu" -j 1 --raw --inodes tree
		expect "an end, and not much more than there is" \
			[ "$status" -le 1 ] && [ "${output%% *}" -le 20000 ]
	done
	kill %1
}

@test "vdu: names with every byte, escaped in text, as they are with -0" {
	"$BUILD/bench/tree" bytes tree
	agrees tree
	capture "$BUILD/vdu" --max-depth 1 tree
	[ "$(wc -l <<<"$output")" -eq 256 ]
	[[ $output == *'tree/\012'* ]]
	run ! grep -q '[^[:print:]]' <<<"$output"
	"$BUILD/vdu" -0 --max-depth 1 --inodes tree | LC_ALL=C sort -z >vdu.out
	{
		printf '508 tree\0'
		find tree -mindepth 1 -maxdepth 1 -type d -empty -printf '1 %p\0'
		find tree -mindepth 1 -maxdepth 1 -type d ! -empty -printf '2 %p\0'
	} | LC_ALL=C sort -z >find.out
	cmp vdu.out find.out
}

@test "vdu: a name with a line feed is itself in JSON" {
	mkdir $'a\nb'
	capture "$BUILD/vdu" --json $'a\nb'
	[[ $output == *'"directory": "a\nb"'* ]]
}

@test "vdu: a hard link is counted once over all operands, in the first" {
	mkdir one two
	head -c 100000 /dev/zero >one/file
	ln one/file two/file
	capture "$BUILD/vdu" --raw one two
	mapfile -t space < <(du -s --block-size=1 one two | cut -f 1)
	expect "du's words" [ "$output" = "${space[0]} 2 one
${space[1]} 1 two" ]
	capture "$BUILD/vdu" --raw two one
	expect "the other way round" [ "${output##*$'\n'}" = "${space[1]} 1 one" ]
}

@test "vdu: an operand that is none is named, and the others are counted" {
	mkdir dir
	: >file
	ln -s dir link
	for bad in file link none; do
		capture "$BUILD/vdu" --raw --inodes "$bad" dir
		expect "exit 1 and the other" [ "$status$output" = "11 dir" ]
		case $bad in
		none) expect "its error" [ "$errors" = "vdu: none: No such file or directory" ] ;;
		*) expect "its error" [ "$errors" = "vdu: $bad: Not a directory" ] ;;
		esac
	done
	capture "$BUILD/vdu" --raw --inodes link/
	expect "with a slash behind it a link is followed" [ "$status$output" = "01 link/" ]
}

@test "vdu: what cannot be read is named, the rest is counted" {
	mkdir -p tree/open tree/closed/in
	: >tree/open/file
	chmod 0 tree/closed
	if [ "$EUID" -eq 0 ]; then
		requires setpriv
		chmod -R o+rX . 2>/dev/null || :
		chmod 0 tree/closed
		chmod o+x "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR/.."
		capture setpriv --reuid 12345 --clear-groups --bounding-set -all "$BUILD/vdu" --raw --inodes tree
	else
		capture "$BUILD/vdu" --raw --inodes tree
	fi
	chmod 755 tree/closed
	expect "exit 1, four of five" [ "$status $output" = "1 4 tree" ]
	expect "its error" [ "$errors" = "vdu: tree/closed: Permission denied" ]
}

@test "vdu: a directory whose names can be read and nothing else" {
	requires root setpriv
	mkdir -p tree/names/{a,b,c}
	chmod 744 tree/names
	chmod o+x "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR/.."
	capture setpriv --reuid 12345 --clear-groups --bounding-set -all "$BUILD/vdu" --raw tree
	expect "two that were seen" [ "$status $output" = "1 $((2 * 4096)) 2 tree" ]
	expect "three errors" [ "$(wc -l <<<"$errors")" -eq 3 ]
}

@test "vdu: the largest directories, largest first" {
	for n in 1 2 3 4 5; do
		mkdir -p "tree/$n/sub"
		head -c $((n * 100000)) /dev/zero >"tree/$n/sub/file"
	done
	capture "$BUILD/vdu" --top 4 --raw --space tree
	expect "tree, 5, 5/sub, 4" [ "$(cut -d ' ' -f 2 <<<"$output" | tr '\n' ' ')" = \
		"tree tree/5 tree/5/sub tree/4 " ]
	capture "$BUILD/vdu" --top 2 --max-depth 1 --raw --space tree
	expect "tree and 5" [ "$(cut -d ' ' -f 2 <<<"$output" | tr '\n' ' ')" = "tree tree/5 " ]
}

@test "vdu: units" {
	mkdir tree
	head -c 3000000 /dev/zero >tree/file
	bytes=$(du -s --block-size=1 tree | cut -f 1)
	capture "$BUILD/vdu" --space --blocksize 1M --raw tree
	expect "rounded up" [ "$output" = "$(((bytes + 1048575) / 1048576)) tree" ]
	capture "$BUILD/vdu" --apparent --space -h tree
	expect "2.9M" [ "$output" = "APPARENT  DIRECTORY
    2.9M  tree" ]
}

@test "vdu: a tree that changes all the time" {
	mkdir tree
	for n in 1 2 3; do
		while :; do
			mkdir -p "tree/$n/a/b/c" && : >"tree/$n/a/b/c/file"
			rm -rf "tree/$n"
		done 2>/dev/null 3>&- &
	done
	for _ in {1..100}; do
		capture "$BUILD/vdu" -j 4 --raw tree
		expect "success without a word" [ "$status$errors" = 0 ]
	done
	kill %1 %2 %3
}

@test "vdu: one file system unless told otherwise" {
	mkdir -p tree/disk/below
	: >tree/file
	in_mounts "mount -t tmpfs none tree/disk && : >tree/disk/a && : >tree/disk/b &&
		vdu --raw --inodes tree && vdu --cross --raw --inodes tree &&
		vdu --raw --inodes tree/disk"
	expect "without, with, the disk alone" [ "$output" = "2 tree
5 tree
3 tree/disk" ]
}

@test "vdu: a tree that is mounted below itself has an end" {
	mkdir -p tree/a/b
	: >tree/a/file
	in_mounts "mount --bind tree tree/a/b && mount --rbind tree tree/a/b/a/b &&
		timeout 60 vdu --raw tree >out && timeout 60 vdu --cross --raw tree >out && du -s tree"
}
