# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# What demo, check and install-deps share: steps that say what they do and how long they take.

# The last thing somebody wrote to the log $1, short enough for one line.
last_line() {
	tail -n 1 "$1" 2>/dev/null | tr -cd '[:print:]' | cut -c 1-60
}

job=
follow=

# The terminal's interrupt may not reach what is in the background: it is told by hand.
interrupted() {
	[ -z "$job" ] || kill "$job" 2>/dev/null || :
	exit 1
}

# logged LOG CMD...: runs CMD with its output in LOG; a line every few seconds tells that
# it goes on, and where it is: the last line of $follow, or of LOG. Returns CMD's status.
logged() {
	log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null &
	job=$!
	waited=0
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.2
		waited=$((waited + 1))
		case $waited in
		10 | *[05]0) echo "   ... $((waited / 5)) s: $(last_line "${follow:-$log}")" ;;
		esac
	done
	status=0
	wait "$job" || status=$?
	job=
	return $status
}
