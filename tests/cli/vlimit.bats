# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034 # capture sets status, errors, output; refuses reads tool
load ../lib/cli

tool=vlimit

setup() {
	export VPS_STATE_DIR=$BATS_TEST_TMPDIR/state
}

@test "vlimit: nothing asked for, and things that exclude each other" {
	refuses "neither --ctx nor --all given"
	refuses "--all and --ctx exclude each other" -a -c 5
	refuses "--resources goes with --json, --raw and --output alone" --resources -a
	refuses "--resources goes with --json, --raw and --output alone" --resources --openmetrics
	refuses "--config goes with limits alone" --config
	refuses "--config goes with limits alone" --config --rss 1M -c 5
	refuses "--reset-peak goes with --ctx or --all alone" --reset-peak -c 5 --rss 1M
	refuses "limits are set for one --ctx" --rss 1M
	refuses "limits are set for one --ctx" --rss 1M -a
	refuses "limits are set for one --ctx" --rss 1M -c 5 -c 6
	for words in --json -h --openmetrics --output=x; do
		refuses "--human, --near, --since-last, --json, --raw, --openmetrics and --output are for showing" \
			"$words" --rss 1M -c 5
	done
	for words in --json --raw -h --near=5 --since-last; do
		refuses "--openmetrics goes with --ctx or --all and --output alone" \
			-a --openmetrics "$words"
	done
	refuses "--output='': no file" -a --output ''
	refuses "--rlimit needs a command" -a --rlimit nofile=5
}

@test "vlimit: what is no limit" {
	for word in '' -1 +1 1e3 0x10 1.5G 1M: :1M 1M:2M:3M 1MB 1X ' 1' unlimited; do
		refuses "--rss='$word': not a limit, as 100, 64M, 25%, inf or SOFT:HARD" \
			-c 5 --rss="$word"
	done
	refuses "--cpu-weight='inf': not a limit, as 100, 64M, 25%, inf or SOFT:HARD" \
		-c 5 --cpu-weight inf
}

@test "vlimit: out of bounds" {
	for word in 0 4095 4097P 99999999999999999999 18446744073709551615; do
		refuses "--rss='$word': not from 4096 to 4611686018427387904" -c 5 --rss="$word"
	done
	refuses "--proc='0': not from 1 to 4194304" -c 5 --proc 0
	refuses "--proc='0': not from 1 to 4194304" -c 5 --nproc 0
	refuses "--cpu-weight='10001': not from 1 to 10000" -c 5 --cpu-weight 10001
	refuses "--rss='2M:1M': soft is above hard" -c 5 --rss 2M:1M
}

@test "vlimit: an unknown resource is told the known ones, all of which are options" {
	capture "$BUILD/vlimit" -c 5 --sockets 3
	[ "$status" -eq 2 ]
	[[ $errors == "vlimit: --sockets: unknown option; resources are proc, vm, rss, "* ]]
	known=${errors#*resources are }
	known=${known% (see*}
	[ "$(tr -d ' ' <<<"$known" | tr ',' '\n' | wc -l)" -ge 14 ]
	for name in ${known//,/}; do
		refuses "--$name='x': not a limit, as 100, 64M, 25%, inf or SOFT:HARD" -c 5 "--$name" x
		"$BUILD/vlimit" --help | grep -q -e "--$name="
	done
}

@test "vlimit: near is a percentage" {
	for word in 0 101 x -5 80x; do
		refuses "--near='$word': not a percentage from 1 to 100" -a --near="$word"
	done
	refuses "--near='': not a percentage from 1 to 100" -a --near=%
}

@test "vlimit: contexts are numbers from 3 on" {
	requires root
	for word in 0 1 2 65535; do
		refuses "context '$word': not a number from 3 to 65534" -c "$word"
	done
}

@test "vlimit: limits of a process, and the command's own status" {
	capture "$BUILD/vlimit" --rlimit nofile=64:128 --rlimit core=0 sh -c \
		'echo "$(ulimit -n) $(ulimit -Hn) $(ulimit -c)"; exit 7'
	[ "$status" -eq 7 ]
	[ "$output" = "64 128 0" ]
	capture "$BUILD/vlimit" --rlimit nofile=64 -- sh -c 'echo "$(ulimit -n) $(ulimit -Hn)"'
	[ "$output" = "64 64" ]
}

@test "vlimit: a command that cannot run, 126 and 127, and own failures, 125" {
	capture "$BUILD/vlimit" --rlimit nofile=64 -- "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 127 ]
	capture "$BUILD/vlimit" --rlimit nofile=64 -- /
	[ "$status" -eq 126 ]
	for word in nofile nofile= nofile=-1 nofile=5:4 nofile=1e3 nofile=5:6:7 nofile=:5 =5; do
		capture "$BUILD/vlimit" --rlimit "$word" true
		[ "$status" -eq 125 ]
		one_line "$errors"
		[[ $errors == "vlimit: --rlimit='$word': "* ]]
	done
	capture "$BUILD/vlimit" --rlimit files=5 true
	[ "$errors" = "vlimit: --rlimit='files=5': no such limit of a process (see vlimit --help)" ]
	capture "$BUILD/vlimit" --no-such -- true
	[ "$status" -eq 125 ]
	capture "$BUILD/vlimit" -c 5 --rss 1e3 true
	[ "$status" -eq 125 ]
}

@test "vlimit: root of the host only, but for limits of a process" {
	requires no-root
	for words in -a "-c 5 --rss 1M" --resources "--config --rss 1M"; do
		# shellcheck disable=SC2086 # several words
		capture "$BUILD/vlimit" $words
		[ "$status" -eq 1 ]
		[ "$errors" = "vlimit: must be run as root of the host" ]
	done
	capture "$BUILD/vlimit" --rlimit core=0 true
	[ "$status" -eq 0 ]
}
