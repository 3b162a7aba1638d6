# SPDX-License-Identifier: GPL-2.0-or-later
# Reports and pictures of a ledger that a test makes, and what is refused. Counting needs contexts.
# shellcheck disable=SC2154,SC2034 # capture sets status, errors, output; refuses reads tool
load ../lib/cli
load ../lib/ledger

tool=vtraf

setup() {
	export VPS_STATE_DIR=$BATS_TEST_TMPDIR/state
	T=$BATS_TEST_TMPDIR
	# Whoever asks from there is told the same.
	export TZ=NPT-5:45
}

@test "vtraf: what does not go together" {
	refuses "takes no operands" web
	refuses "--reset and --harvest exclude each other" --harvest --reset
	refuses "--reset and --report exclude each other" --report=day --reset
	refuses "--openmetrics and --graph exclude each other" --graph=x.svg --openmetrics
	refuses "--ctx does not go with --reset" --reset -c 5
	refuses "--ctx does not go with --harvest" --harvest -c web
	refuses "--json does not go with --harvest" --harvest --json
	refuses "--output does not go with --reset" --reset --output "$T/x"
	refuses "--output does not go with --graph" --graph=x.png --output "$T/x"
	refuses "--json does not go with --openmetrics" --openmetrics --json
	refuses "--all does not go with --report" --report=day -a
	refuses "--long does not go with --report" --report=day --long
	refuses "--verbose needs --harvest" -v
	refuses "--name needs --report or --graph" -n web
	refuses "--from needs --report or --graph" --from 2026-10
	refuses "--to needs --report, --graph or --html" --to 2026-10
	refuses "--class needs --report, --graph or --html" --class other
	refuses "--each needs --graph" --each
	refuses "--each does not go with --report" --report=day --each
	refuses "--each and --ctx or --name exclude each other" --graph=x.svg --each -c 5
	refuses "--class=all: a graph is of one class, or of all together" --graph=x.svg --class=all
	refuses "--json, --csv and --raw exclude each other" --json --raw
	refuses "--human is for tables" -h --csv
}

@test "vtraf: what is no context, no name, no period, no picture, no class" {
	for word in 0 2 65535; do
		refuses "context '$word': not a number from 3 to 65534" --report=day -c "$word"
	done
	refuses "--ctx='': not a context number and not a name" -c ''
	refuses "--ctx='../x': not a context number and not a name" -c ../x
	refuses "--ctx='web': not a number, and --name is given" --report=day -c web -n web
	refuses "--name='-x': not a name" --report=day -n -x
	refuses "--report='year': neither hour nor day nor month" --report=year
	refuses "--graph='x.pdf': neither .svg nor .png" --graph=x.pdf
	refuses "--graph='.png': neither .svg nor .png" --graph=.png
	refuses "--class='': not a class" --report=day --class ''
	refuses "--output='': no file" --output ''
}

@test "vtraf: what is no time, or no range" {
	for word in '' 2026 2026-13 2026-02-29 2026-10-01T24 2026-10-01T10:00 now ' 2026-10'; do
		refuses "--from='$word': not YYYY-MM, YYYY-MM-DD or YYYY-MM-DDTHH" \
			--report=hour --from "$word"
		refuses "--to='$word': not YYYY-MM, YYYY-MM-DD or YYYY-MM-DDTHH" \
			--report=hour --to "$word"
	done
	refuses "--from='2026-10-01': finer than --report=month" --report=month --from 2026-10-01
	refuses "--to='2026-10-01T07': finer than --report=day" --report=day --to 2026-10-01T07
	refuses "--from='2026-10' is after --to='2026-09-30'" \
		--report=day --from 2026-10 --to 2026-09-30
	refuses "--from='9999-12' has not begun" --report=day --from 9999-12
}

@test "vtraf: without a ledger" {
	for words in --report=day "--graph=$T/x.svg"; do
		capture "$BUILD/vtraf" "$words"
		[ "$status" -eq 1 ]
		[ "$errors" = "vtraf: $VPS_STATE_DIR/traffic.db: there is no ledger yet; vtraf --harvest makes it" ]
	done
	[ ! -e "$VPS_STATE_DIR" ] && [ ! -e "$T/x.svg" ]
}

@test "vtraf: counting is for root of the host" {
	requires no-root
	for words in "" --json --reset --harvest --openmetrics; do
		# shellcheck disable=SC2086 # none is no word
		capture "$BUILD/vtraf" $words
		[ "$status" -eq 1 ]
		[ "$errors" = "vtraf: must be run as root of the host" ]
	done
}

@test "vtraf --report: hours, days and months of UTC, the last included" {
	a_ledger
	report --report=month --from 2026-10 --to 2026-10
	[ "$output" = "\
PERIOD   CTX  NAME        IN      OUT    TOTAL  IN95  OUT95
2026-10   10  shop         8       10       18     0      0
2026-10    9  web_1  4500450  4500900  9001350  8000  10002
total      -  -      4500458  4500910  9001368     -      -" ]
	report --report=day --from 2026-10 --to 2026-10-01 --raw
	[ "$output" = "\
2026-10-01 10 shop 7 8 15 0 0
2026-10-01 9 web_1 4500450 4500900 9001350 8000 10002" ]
	report --report=hour --from 2026-10-01T01 --to '2026-10-31 23' --raw
	[ "$output" = "\
2026-10-01T01 9 web_1 3600000 0 3600000 8000 0
2026-10-31T23 10 shop 1 2 3 0 0" ]
	report --report=month --to 2026-10 --raw
	[ "$(cut -d ' ' -f 1-4 <<<"$output")" = "\
2026-09 9 web_1 11
2026-10 10 shop 8
2026-10 9 web_1 4500450" ]
	report --report=day --to 2026-10-31 --raw
	[ "$(cut -d ' ' -f 1,3 <<<"$output")" = "\
2026-10-01 shop
2026-10-01 web_1
2026-10-31 shop" ]
	report --report=hour --to 2026-10-01T23 --raw
	[ "$(wc -l <<<"$output")" -eq 3 ]
	report --report=hour --to 2026-10-02T00 --raw
	[ "$output" = "2026-10-01T01 9 web_1 3600000 0 3600000 8000 0" ]
}

@test "vtraf --report: of one VPS, of one number, of one class, of each class" {
	a_ledger
	report --report=month --from 2026-10 --to 2026-10 -n shop --raw
	[ "$output" = "2026-10 10 shop 8 10 18 0 0" ]
	for words in "-c 10" "-c shop" "-c 10 -n shop"; do
		# shellcheck disable=SC2086 # several words
		report --report=month --from 2026-10 --to 2026-10 $words --raw
		[ "$output" = "2026-10 10 shop 8 10 18 0 0" ]
	done
	report --report=month --from 2026-10 --to 2026-10 --class local -n web_1
	[ "$output" = "\
PERIOD   CTX  NAME   CLASS   IN  OUT  TOTAL  IN95  OUT95
2026-10    9  web_1  local  450  900   1350     1      2
total      -  -      -      450  900   1350     -      -" ]
	report --report=month --from 2026-10 --to 2026-10 --class all -n shop --raw
	[ "$output" = "\
2026-10 10 shop other 7 8 15 0 0
2026-10 10 shop peer 1 2 3 0 0" ]
}

@test "vtraf --report: for people, spreadsheets and programs" {
	a_ledger
	report --report=month --from 2026-10 --to 2026-10 -n web_1 -h
	[ "$output" = "\
PERIOD   CTX  NAME     IN   OUT  TOTAL       IN95     OUT95
2026-10    9  web_1  4.3M  4.3M   8.6M  8.0kbit/s  10kbit/s
total      -  -      4.3M  4.3M   8.6M          -         -" ]
	report --report=month --from 2026-10 --to 2026-10 -n web_1 --csv
	[ "$output" = "\
period,ctx,name,in,out,total,in95,out95
2026-10,9,web_1,4500450,4500900,9001350,8000,10002" ]
	report --report=month --from 2026-10 --to 2026-10 -n web_1 --json
	[ "$(tr -d ' \n' <<<"$output")" = '[{"period":"2026-10","ctx":9,"name":"web_1","in":4500450,"out":4500900,"total":9001350,"in95":8000,"out95":10002}]' ]
}

@test "vtraf --report: no traffic is no failure, what never was is one" {
	a_ledger
	report --report=month --from 2025-01 --to 2025-12 -n shop
	[ "${output##*$'\n'}" = "total     -  -      0    0      0     -      -" ]
	report --report=month --from 2025-01 --to 2025-12 -n shop --csv
	[ "$output" = "period,ctx,name,in,out,total,in95,out95" ]
	for words in "-n shpo" "-c shpo" "--class shpo"; do
		# shellcheck disable=SC2086 # several words
		capture "$BUILD/vtraf" --report=month --from 2026-10 --to 2026-10 $words
		[ "$status" -eq 1 ]
		[ "$errors" = "vtraf: shpo: nothing of it is in the ledger" ]
	done
	capture "$BUILD/vtraf" --graph="$T/x.svg" -n shpo
	[ "$status" -eq 1 ]
	[ "$errors" = "vtraf: shpo: nothing of it is in the ledger" ]
	[ ! -e "$T/x.svg" ]
	capture "$BUILD/vtraf" --report=month --from 2026-10 --to 2026-10 -c 99
	[ "$errors" = "vtraf: context 99: nothing of it is in the ledger" ]
}

# What SQLite leaves there when it is killed before the file is fit to have writers and readers.
@test "vtraf --report: a ledger that was being made when the power failed" {
	mkdir -m 700 "$VPS_STATE_DIR"
	(umask 077 && head -c 4096 /dev/zero >"$VPS_STATE_DIR/traffic.db")
	printf '\xd9\xd5\x05\xf9\x20\xa1\x63\xd7%0504d' 0 | tr 0 '\0' >"$VPS_STATE_DIR/traffic.db-journal"
	capture "$BUILD/vtraf" --report=day
	[ "$status" -eq 1 ]
	[ "$errors" = "vtraf: $VPS_STATE_DIR/traffic.db: there is no ledger yet; vtraf --harvest makes it" ]
}

@test "vtraf --report: a ledger that is none, or that others can change" {
	mkdir -m 700 "$VPS_STATE_DIR"
	(umask 077 && head -c 8192 /dev/zero | tr '\0' x >"$VPS_STATE_DIR/traffic.db")
	capture "$BUILD/vtraf" --report=day
	[ "$status" -eq 1 ]
	[ "$errors" = "vtraf: $VPS_STATE_DIR/traffic.db: is damaged, or is no ledger" ]
	chmod 666 "$VPS_STATE_DIR/traffic.db"
	capture "$BUILD/vtraf" --report=day
	[ "$status" -eq 1 ]
	[ "$errors" = "vtraf: $VPS_STATE_DIR/traffic.db: must be root's file (0600) in root's directory (0700)" ]
}

@test "vtraf --output: the file is the old one until it is whole" {
	a_ledger
	umask 022
	echo old >"$T/bill.csv"
	report --report=month --from 2026-10 --to 2026-10 -n shop --csv --output "$T/bill.csv"
	[ -z "$output" ]
	[ "$(tail -n 1 "$T/bill.csv")" = "2026-10,10,shop,8,10,18,0,0" ]
	[ "$(stat -c %a "$T/bill.csv")" = 644 ]
	capture "$BUILD/vtraf" --report=month -n nobody --csv --output "$T/bill.csv"
	[ "$status" -eq 1 ]
	[ "$(tail -n 1 "$T/bill.csv")" = "2026-10,10,shop,8,10,18,0,0" ]
	ln -s bill.csv "$T/link"
	# Never a device of the host's: should it be replaced after all, the machine would suffer.
	mkfifo "$T/fifo"
	for file in "$T/fifo" "$T/link" "$T"; do
		capture "$BUILD/vtraf" --report=month --output "$file"
		[ "$status" -eq 1 ]
		[ "$errors" = "vtraf: $file: is no plain file" ]
	done
	[ -p "$T/fifo" ]
	capture "$BUILD/vtraf" --report=month --output "$T/none/bill.csv"
	[ "$errors" = "vtraf: $T/none/bill.csv: No such file or directory" ]
	[ "$(cd "$T" && echo .[a-z]*)" = ".[a-z]*" ]
}

@test "vtraf: a full disk under a report is a failure" {
	requires full
	a_ledger
	status=0
	errors=$("$BUILD/vtraf" --report=month --from 2026-10 --to 2026-10 2>&1 >/dev/full) || status=$?
	[ "$status" -eq 1 ]
	[ "$errors" = "vtraf: stdout: No space left on device" ]
}

# What stands in for gnuplot keeps the script.
fake_gnuplot() {
	mkdir -p "$T/bin"
	printf '#!/bin/sh\n[ "$*" = -d ] || exit 9\ncat >"%s/script"\n%s\n' "$T" "$1" >"$T/bin/gnuplot"
	chmod +x "$T/bin/gnuplot"
	PATH=$T/bin:$PATH
}

graph() {
	report "--graph=$T/x.svg" "$@"
}

@test "vtraf --graph: hours without a row are a gap, rates have their unit, names are as they are" {
	fake_gnuplot 'echo picture'
	a_ledger
	make_ledger <<-END
		2026-11-02T00:00 9 web_1 other 450000000 900000000
		2026-11-02T01:00 9 web_1 other 0 0
		2026-11-02T05:00 9 web_1 other 450000 450000
	END
	graph -n web_1 --from 2026-11-02 --to 2026-11-02
	[ "$(cat "$T/x.svg")" = picture ]
	grep -qx "set title 'Traffic of web_1, 2026-11-02'" "$T/script"
	grep -q 'svg noenhanced' "$T/script"
	grep -qx "set ylabel 'Mbit/s, mean of each hour'" "$T/script"
	grep -qx 'set xrange \[0:86400\]' "$T/script"
	[ "$(sed -n '/^\$c0 <</,/^END/p' "$T/script")" = "\
\$c0 << END
0 1 2
3600 1 2
3600 0 0
7200 0 0

18000 0.001 0.001
21600 0.001 0.001
END" ]
	grep -q "title 'in 430M'" "$T/script"
	grep -q '"02 Nov" 0, "02:00" 7200' "$T/script"
}

@test "vtraf --graph: steps fit the time asked for" {
	fake_gnuplot 'echo picture'
	a_ledger
	while read -r from to period count; do
		graph --from "$from" --to "$to"
		expect "$from to $to: by the $period" \
			grep -q "mean of each $period'" "$T/script"
		tics=$(sed -n 's/^set xtics//p' "$T/script")
		expect "$count tics in $tics" [ "$(tr -cd , <<<"$tics" | wc -c)" -eq "$((count - 1))" ]
	done <<-END
		2026-10-01T03 2026-10-01T05 hour 4
		2026-10-01 2026-10-01 hour 13
		2026-10 2026-10 hour 16
		2026-10 2026-12 day 13
		2026-01 2026-12 day 13
		2020-01 2026-12 month 15
	END
	[[ $tics == *'"Jan 2020" 0, "Jul 2020" '* ]]
	graph --report=month --from 2026-01 --to 2026-12
	grep -q "mean of each month'" "$T/script"
}

@test "vtraf --graph --each: the ten with most traffic, and the others as one" {
	fake_gnuplot 'echo picture'
	for ((i = 1; i <= 13; i++)); do
		echo "2026-10-01T0$((i % 3)):00 $((2 + i)) vps$i other ${i}000 0"
	done | sort | make_ledger
	graph --each --from 2026-10-01 --to 2026-10-01
	[ "$(grep -c '^\$c[0-9]* <<' "$T/script")" -eq 10 ]
	grep -q "title 'vps13 13K'" "$T/script"
	grep -q "title '4 others 9.8K'" "$T/script"
	[ "$(sed -n '/^\$c9 <</,/^END/p' "$T/script" | wc -l)" -eq 8 ]
}

@test "vtraf --graph: without gnuplot, or where it fails, the picture is the old one" {
	a_ledger
	echo old >"$T/x.svg"
	mkdir "$T/bare"
	ln -s "$(command -v cat)" "$T/bare"
	PATH=$T/bare capture "$BUILD/vtraf" --graph="$T/x.svg"
	[ "$status" -eq 1 ]
	[ "$errors" = "vtraf: --graph: gnuplot is not installed (package gnuplot-nox on Debian, gnuplot on Fedora)" ]
	fake_gnuplot 'printf "\nplot x\n     ^\n\"-\" line 3: undefined variable: x\n" >&2; echo half; exit 1'
	capture "$BUILD/vtraf" --graph="$T/x.svg"
	[ "$status" -eq 1 ]
	[[ $errors == "vtraf: gnuplot: "* ]]
	one_line "$errors"
	fake_gnuplot 'kill -9 $$'
	capture "$BUILD/vtraf" --graph="$T/x.svg"
	[ "$status" -eq 1 ]
	fake_gnuplot ':'
	capture "$BUILD/vtraf" --graph="$T/x.svg"
	[ "$status" -eq 1 ]
	[ "$(cat "$T/x.svg")" = old ]
	[ "$(cd "$T" && echo .[a-z]*)" = ".[a-z]*" ]
}

@test "vtraf --graph: gnuplot draws all kinds of it" {
	requires gnuplot
	a_ledger
	make_ledger <<-END
		2026-11-02T00:00 9 web_1 other 0 0
		2026-11-03T00:00 9 web_1 other 900000000000000 100000000000000
	END
	for words in "-n web_1" --each "--from 2026-11-02 --to 2026-11-02" \
		"--from 2026-11-03 --to 2026-11-03" "--from 2020-01 --to 2020-01" \
		"--from 2020-01 --to 2020-01 --each" "--from 2020-01 --to 2026-12"; do
		# shellcheck disable=SC2086 # several words
		report "--graph=$T/x.svg" $words
		grep -q '^<svg' "$T/x.svg"
		grep -q '</svg>' "$T/x.svg"
		# shellcheck disable=SC2086 # several words
		report "--graph=$T/x.png" $words
		[ "$(head -c 4 "$T/x.png" | tail -c 3)" = PNG ]
	done
	report "--graph=$T/x.svg" -n web_1 --from 2026-11-03 --to 2026-11-03
	grep -q '>Traffic of web_1, 2026-11-03<' "$T/x.svg"
	grep -q '>Tbit/s, mean of each hour<' "$T/x.svg"
}

@test "vtraf --check-classes: every error with its line" {
	printf '%s\n' '# ours' '192.0.2.0/24 local' '2001:db8::/32	local # both families' \
		'0.0.0.0/0 world' >"$T/good"
	capture "$BUILD/vtraf" --check-classes "$T/good"
	[ "$status" -eq 0 ] && [ -z "$output$errors" ]
	printf '%s\n' '192.0.2.0/24 local' 'nonsense local' '192.0.2.1/24 x' '198.51.100.0/24 -x' \
		>"$T/bad"
	capture "$BUILD/vtraf" --check-classes "$T/bad"
	[ "$status" -eq 1 ]
	[ "$(cut -d : -f 1-3 <<<"$errors")" = "$(printf "vtraf: $T/bad:%d\n" 2 3 4)" ]
	capture "$BUILD/vtraf" --check-classes "$T/none"
	[ "$errors" = "vtraf: $T/none: No such file or directory" ]
	refuses "--harvest and --check-classes exclude each other" --harvest --check-classes x
}
