#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # set by run
# Programs that want too much, for long: in a VPS that is at its limits, and beside it on the host,
# which has none. 38 s a round of VPS_TEST_ROUNDS; where there are few, each has its turn once.

bats_require_minimum_version 1.5.0

# In turns, since who has no file to open, or no memory, comes to no other limit. A comma for a blank.
turns=('fork,2,--fork-max,16 clone,1,--clone-max,64' 'vm,2,--vm-bytes,96M mmap,2,--mmap-bytes,64M
	mremap,1,--mremap-bytes,32M brk,1 dir,1' 'open,2 dup,1' 'sock,2 dentry,1,--dentries,2048
	hdd,1,--hdd-bytes,64M link,1 rename,1')
limits='proc=16 vm=800M rss=100M files=200 tcp=1 disk=48M inodes=700'
turn=6	# seconds; what looks for trouble is slower

setup_file() {
	vps-probe --raw | grep -q '^engine kernel' || skip "requires the kernel engine"
	command -v stress-ng || skip "requires stress-ng"
	seconds=$((${#turns[@]} * turn))
	[ "$VPS_TEST_ROUNDS" -le 2 ] || seconds=$((VPS_TEST_ROUNDS * 38)) turn=30
	vps-create stress --template busybox --ctx 70 --disk-kind counted --disk 48M --inodes 700
	tree=/var/lib/vservers/stress
	# With all that it is linked to, below the names that it is linked to.
	for file in $(command -v stress-ng) $(ldd "$(command -v stress-ng)" | grep -o '/[^ ]*'); do
		mkdir -p "$tree${file%/*}"
		cp -L "$file" "$tree$file"
	done
	contexts=$(grep contexts /proc/vservers/setup)
	export contexts
	mkdir -p "$tree/var/tmp"
	vps-start stress
	# shellcheck disable=SC2046,SC2086 # words
	vlimit -c 70 $(printf -- '--%s ' $limits)
	both
}

teardown_file() {
	[ ! -e /var/lib/vservers/stress ] || vps-destroy --yes stress
}

# used RESOURCE
used() {
	vlimit -c 70 --raw | awk -v resource="$1" '$2 == resource { print $3 }'
}

# What the processes that are there have, by the host's own /proc: init, and what it runs.
has_no_more() {
	pids=$(vps-stat --pids -c 70)
	own_files=0 own_space=0
	for pid in $pids; do
		own_files=$((own_files + $(find "/proc/$pid/fd" -type l | wc -l)))
		own_space=$((own_space + $(cut -d ' ' -f 1 /proc/"$pid"/statm) * 4096))
	done
	[ "$(used proc)" -eq "$(echo "$pids" | wc -l)" ] && [ "$(used vm)" -eq $own_space ] &&
		[ "$(used files)" -le $own_files ] && [ "$(used tcp)" -eq 0 ]
}

count_is_as_before() {
	[ "$(grep contexts /proc/vservers/setup)" = "$contexts" ]
}

eventually() {
	for _ in $(seq 100); do
		! "$@" || return 0
		sleep 0.2
	done
	"$@"
}

# wants WHERE CLASS CMD...
wants() {
	log=$BATS_FILE_TMPDIR/$1-${2%%,*}
	class=${2//,/ }
	shift 2
	# shellcheck disable=SC2086 # words
	"$@" stress-ng --$class --temp-path /var/tmp --timeout "$turn" >>"$log" 2>&1 3>&- </dev/null || :
}

both() {
	end=$(($(date +%s) + seconds))
	for ((i = 0; i < ${#turns[@]} || $(date +%s) < end; i++)); do
		for class in ${turns[i % ${#turns[@]}]}; do
			wants host "$class" &
			wants inside "$class" vps-enter stress -- &
		done
		wait
	done
}

@test "stress: on the host nothing is missing" {
	# shellcheck disable=SC2048 # words
	for class in ${turns[*]}; do
		log=$BATS_FILE_TMPDIR/host-${class%%,*}
		tail -n 3 "$log"
		grep -q 'successful run completed' "$log"
		run -1 grep 'fail\|error' "$log"
	done
}

@test "stress: inside it came to its limits, and not past them" {
	tail -n 3 "$BATS_FILE_TMPDIR"/inside-*
	vlimit -c 70
	# Reclaim keeps it below the limit of what is resident; connections come and go too fast for one.
	for one in $limits; do
		vlimit -c 70 --raw | awk -v resource="${one%=*}" '
			$2 == resource { seen = 1; exit !($4 <= $6 && ($7 > 0 || resource ~ /^(rss|tcp)$/)) }
			END { if (!seen) exit 1 }'
	done
}

@test "stress: when it is over the VPS has what its own processes have" {
	eventually has_no_more
	sync -f /var/lib/vservers/stress
	vdu --ctx 70 --verify
}

@test "stress: and nothing of its context stays" {
	vps-stop stress
	eventually count_is_as_before
}
