# SPDX-License-Identifier: GPL-2.0-or-later
# That what README.md and the pages show is taken whole, and compared strictly.
load ../lib/cli
load ../lib/tour

shown='CTX  PROC   RSS  UPTIME   NAME
  3     2  1.5M  0m00s22  web'

# same TEXT: is that the same as $shown?
same() {
	tour_same <(echo "$shown") <(echo "$1")
}

@test "tour: what is measured and how wide columns are is the machine's" {
	same "$shown"
	same 'CTX  PROC  RSS    UPTIME  NAME
  3    12  300  3h14m07  web'
}

@test "tour: a word, a column, a line, a number that is none of use, or its kind is a difference" {
	run ! same "${shown/web/wab}"
	run ! same "${shown/  3 /  4 }"
	run ! same "${shown/RSS/VSZ}"
	run ! same "${shown/ 1.5M/}"
	run ! same "${shown/1.5M/-}"
	run ! same "${shown/1.5M/0m00s22}"
	run ! same "${shown%$'\n'*}"
	run ! same "$shown"$'\nexit status 1'
	run ! same ""
	shown='web: 3 running'
	run ! same 'web: 4 running'
}

@test "tour: commands are taken from blocks of README.md and EXAMPLES of pages" {
	dir=$BATS_TEST_TMPDIR
	printf '%s\n' 'text' '    # not run' '```console' '# one' 'a' 'b' '# two' '```' '# no command' \
		>"$dir/x.md"
	printf '%s\n' '.Sh FILES' '.Bd -literal' '# not run' '.Ed' '.Sh EXAMPLES' \
		'.Bd -literal -offset indent' '# three' 'c' '.Ed' >"$dir/x.7"
	tour_split "$dir" "$dir/x.md" "$dir/x.7"
	[ "$(cat "$dir"/*.run)" = $'one\ntwo\nthree' ]
	[ "$(cat "$dir/001.shown")" = $'a\nb' ]
	[ -e "$dir/002.shown" ] && [ ! -s "$dir/002.shown" ]
	[ "$(cat "$dir/003.shown")" = c ]
	[ ! -e "$dir/004.run" ]
	printf '%s\n' '```console' 'printed' '```' >"$dir/y.md"
	run ! tour_split "$dir" "$dir/y.md"
}
