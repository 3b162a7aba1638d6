# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# What demo, check and install-deps share: steps that say what they do and how long they take.

# The last thing somebody wrote to the log $1, short enough for one line.
last_line() {
	tail -n 1 "$1" 2>/dev/null | tr -cd '[:print:]' | cut -c 1-60
}

job=
others=
follow=

# The terminal's interrupt may not reach what is in the background: it is told by hand.
interrupted() {
	for pid in $job $others; do
		kill "$pid" 2>/dev/null || :
	done
	exit 1
}

# await PID LOG: until the child PID has ended, whose status it returns. A line every few
# seconds tells that it goes on, and where it is: the last line of $follow, or of LOG.
await() {
	job=$1
	waited=0
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.2
		waited=$((waited + 1))
		case $waited in
		10 | *[05]0) echo "   ... $((waited / 5)) s: $(last_line "${follow:-$2}")" ;;
		esac
	done
	status=0
	wait "$job" || status=$?
	job=
	return $status
}

# logged LOG CMD...: runs CMD with its output in LOG; returns CMD's status.
logged() {
	log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null &
	await $! "$log"
}
