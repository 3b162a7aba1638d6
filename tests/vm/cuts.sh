# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154 # set by run
# A machine whose power is cut: its emulator is killed while what is inside changes what is kept on
# a disk. What had not been sent to the disk is gone, as with a real one; what a disk loses of a
# cache of its own is not. The disk is slow: most of a change is then between two writes, where the
# power is to go.
#
# What is inside is a program, "PROGRAM ROUNDS [new]", that makes the disk when it is new and does
# ROUNDS changes, or changes without an end if that is 0. It says, each a line that is outside
# before anything else happens,
#   found BYTES   what is on the disk, first and last
#   begun BYTES   what changes since the boot come to, with the one that begins now
#   done BYTES    the same when that change has returned
# A line that was never said means that it failed; so does any other.

vm=
boots=0
number=0
writes_per_second=40
# Of a change and of a round of the machine, in milliseconds; measured as soon as there is one.
change_ms=200
round_ms=400

random() {
	od -An -N4 -tu4 /dev/urandom | tr -d ' '
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

tell() {
	echo "$1" | tee -a "$work/tap"
}

# power_on WORD...: for the program inside. What the machine says comes by descriptor 3.
power_on() {
	boots=$((boots + 1))
	console=$work/console.$boots
	TMPDIR=$work machine 1 384 "cut $life $*" "$console" -serial stdio \
		-pidfile "$work/pid" \
		-drive "if=virtio,format=raw,cache=none,iops_wr=$writes_per_second,file=$work/kept" \
		>"$work/line" 2>>"$work/qemu" &
	vm=$!
	exec 3<"$work/line"
}

# At once and for sure; one that has only begun to be started has no file yet.
cut_power() {
	if [ -s "$work/pid" ]; then
		kill -KILL "$(cat "$work/pid")" 2>/dev/null || :
	else
		kill "$vm" 2>/dev/null || :
	fi
	wait "$vm" 2>/dev/null || :
	rm -f "$work/pid"
	vm=
}

await_power_off() {
	wait "$vm" || echo "qemu: $?" >>"$work/qemu"
	vm=
}

# The next line of the machine into $word and $bytes; what is none of the program's goes on. One
# without an end was cut off.
read_line() {
	while IFS= read -r line <&3; do
		line=${line%"$(printf '\r')"}
		echo "$line" >>"$work/lines"
		word=${line%% *} bytes=${line#* }
		case $word in
		begun) begun=$bytes ;;
		'done') finished=$bytes ;;
		found) ;;
		*)
			tell "$line"
			case $line in 'vm: Linux '* | 'vm: end 0') ;; *) broke_down=1 ;; esac
			continue
			;;
		esac
		return 0
	done
	return 1
}

# Until the machine has done $1 changes and begun one more.
follow() {
	left=$1
	began=
	while read_line; do
		now=$(now_ms)
		if [ "$word" = 'done' ]; then
			[ -n "$began" ] || continue
			change_ms=$((now - began))
			left=$((left - 1))
		else
			[ -z "$began" ] || round_ms=$((now - began))
			began=$now
			[ "$left" -gt 0 ] || return 0
		fi
	done
	return 1
}

# A time of a round to cut the power at, from "begun" on: within the change most times.
choose_time() {
	span=$((change_ms + change_ms / 4))
	[ $(($(random) % 4)) -ne 0 ] || span=$round_ms
	ms=$(($(random) % (span + 1)))
}

# What it has said before its end.
read_rest() {
	while read_line; do
		:
	done
	exec 3<&-
}

# judge WHAT: what the machine finds is what was there before and what it had done since; what it
# had begun may be there already.
judge() {
	number=$((number + 1))
	result='not ok'
	word=
	while [ "$word" != found ]; do
		read_line || bytes=nothing word=found
	done
	case $broke_down$bytes in
	$((before + finished)) | $((before + begun))) result=ok ;;
	esac
	tell "$result $number - ${life##*/}: $1: $bytes there, $((before + finished)) done,\
 $((before + begun)) begun"
	[ "$result" = ok ] || tail -n 12 "$work/lines" | sed 's/^/# /' | tee -a "$work/tap"
	before=$bytes finished=0 begun=0 broke_down=
	[ "$bytes" != nothing ]
}

# One life, which begins with a look at what was left by $what.
live_and_cut() {
	power_on 0 ${new:+new}
	judge "$what" && follow $(($(random) % 4)) || return 1
	choose_time
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	cut_power
	read_rest
	what="power cut $boots, $ms ms after the beginning of a change, one took $change_ms ms"
	new=
}

live_and_end() {
	power_on 3 ${new:+new}
	judge "$what" && judge 'in the end' || return 1
	read_rest
	await_power_off
}

# cuts N PROGRAM. A machine that says no more has ended.
cuts() {
	life=$2
	before=0 finished=0 begun=0 broke_down=
	what='a new disk'
	new=1
	tell "1..$(($1 + 2))"
	mkfifo "$work/line"
	truncate -s 512M "$work/kept"
	: >"$work/lines"
	while [ $boots -lt "$1" ]; do
		live_and_cut || break
	done
	[ $boots -lt "$1" ] || [ -n "$vm" ] || live_and_end || :
	[ -z "$vm" ] || await_power_off
}
