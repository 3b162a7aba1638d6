#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016 # set by run, used by the helpers; shells inside expand
# What vtraf says of counters and keeps of them. That they are right is tested elsewhere.

load ../lib/system
load ../lib/traffic

setup_file() {
	build_static system/net
}

more_setup() {
	requires bpf ip
	ledger=$VPS_STATE_DIR/traffic.db
	# Whatever is sent to it leaves by a device and is lost.
	wire=w${T##*.}
	ip link add "$wire" type veth peer name "p$wire"
	ip address add 198.18.77.1/30 dev "$wire"
	ip link set "$wire" up
	ip link set "p$wire" up
	ip neighbour add 198.18.77.2 lladdr 02:00:00:00:00:02 dev "$wire"
}

more_teardown() {
	ip link delete "$wire" 2>/dev/null || :
}

# send COUNT: as many packets of 128 bytes with 100 of ours; in a context of the number $ctx.
send() {
	chcontext --silent --ctx "$ctx" -- bash -c '
		exec 9>/dev/udp/198.18.77.2/9
		for ((i = 0; i < '"$1"'; i++)); do printf %0100d 0 >&9; done'
}

# In a context that stays, of the VPS $name if that is set, until stop_sending.
send_and_stay() {
	[ -z "${name-}" ] || chcontext --silent --create --ctx "$ctx" --name "$name"
	chcontext --silent --ctx "$ctx" -- bash -c '
		exec 9>/dev/udp/198.18.77.2/9
		printf %0100d 0 >&9
		exec sleep 1000' </dev/null >/dev/null 2>&1 3>&- &
	holder=$!
	wait_until has_sent "$ctx"
}

stop_sending() {
	release TERM
	[ -z "${name-}" ] || chcontext --ctx "$ctx" --destroy
}

has_sent() {
	[ "$(vtraf -c "$1")" = "$1 0 128" ]
}

# Row of a limit in page $1: what is used, what may be.
limit_in() {
	sed -n 's/^<tr>.*>proc<.*<data value="\([0-9]*\)".*<data value="\([0-9]*\)".*<td>\(.*\) %<.*/\1 \2 \3/p' "$1"
}

# What of the output is of context $1.
lines_of() {
	printf '%s\n' "${lines[@]}" | grep "^ *$1[ ,]"
}

@test "vtraf: a line for each context that is there, as in 2003" {
	free_ctx
	send_and_stay
	run -0 --separate-stderr vtraf
	[ -z "$stderr" ]
	[ "$(lines_of "$ctx")" = "$ctx 0 128" ]
	[ "$(printf '%s\n' "${lines[@]}" | sort -n)" = "$output" ]
	[ -z "$(printf '%s\n' "${lines[@]}" | grep -vE '^[0-9]+ [0-9]+ [0-9]+$')" ]
	vtraf | while read ctx_ in out; do
		[ "$ctx_ $in $out" != "$ctx 0 128" ] || : >"$T/found"
	done
	[ -e "$T/found" ]
	[ ! -e "$VPS_STATE_DIR" ]
}

@test "vtraf: one context, by number and by name, and what is not there" {
	free_ctx
	name=$TAG
	send_and_stay
	for who in "$ctx" "$name"; do
		run -0 vtraf -c "$who"
		[ "$output" = "$ctx 0 128" ]
		run -0 vtraf -h -c "$who"
		[ "${lines[0]}" = "$(printf "%${#ctx}s  %-${#TAG}s  IN  OUT" CTX NAME)" ]
		[ "${lines[1]}" = "$ctx  $TAG   0  128" ]
	done
	run -0 vtraf -c "$name" --csv
	[ "${lines[0]}" = "ctx,name,account,class,in,out,in_packets,out_packets,ended" ]
	[[ ${lines[1]} == "$ctx,$TAG,"[0-9]*",other,0,128,0,1,no" ]]
	run -0 vtraf -c "$name" --json
	[[ $output == *'"out": 128,'*'"ended": false'* ]]
	run -1 vtraf -c "no-$TAG"
	[ "$output" = "vtraf: no-$TAG: no such VPS" ]
	stop_sending
	run -1 vtraf -c "$ctx"
	[ "$output" = "vtraf: $ctx: no such context" ]
}

@test "vtraf --all: contexts that are gone, by account" {
	free_ctx
	send 1
	send 2
	run -0 vtraf
	[ -z "$(lines_of "$ctx")" ]
	run -0 vtraf --all -c "$ctx"
	[ "$output" = "$(printf '%s\n' "$ctx 0 128" "$ctx 0 256")" ]
	run -0 vtraf --all -c "$ctx" --long
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[1]} == *" yes" ]]
}

@test "vtraf --harvest: silent, once, and the ledger is root's alone" {
	free_ctx
	send 3
	run -0 vtraf --harvest
	[ -z "$output" ]
	[ "$(stat -c '%a %u' "$ledger" "$VPS_STATE_DIR")" = "$(printf '%s\n' '600 0' '700 0')" ]
	run -0 vtraf --harvest
	run -0 vtraf --report=month -c "$ctx" --csv
	[[ ${lines[1]} == *",$ctx,,0,384,384,"* ]]
	run -0 vtraf --harvest --verbose
	[[ $output == *" bytes in, "*" out" ]]
}

@test "vtraf --harvest: many at once count nothing twice" {
	free_ctx
	send 5
	for i in 1 2 3 4 5 6 7 8; do
		vtraf --harvest 3>&- &
		pids="${pids-} $!"
	done
	for pid in $pids; do
		wait "$pid"
	done
	run -0 vtraf --report=month -c "$ctx" --csv
	[[ ${lines[1]} == *",$ctx,,0,640,640,"* ]]
}

@test "vtraf --harvest: a ledger that cannot be is said in one line, exit 1" {
	mkdir -m 777 "$VPS_STATE_DIR"
	chmod 777 "$VPS_STATE_DIR"
	run -1 vtraf --harvest
	[ "$output" = "vtraf: $ledger: must be root's file (0600) in root's directory (0700)" ]
	run -1 vtraf --reset
	[ "$output" = "vtraf: $ledger: must be root's file (0600) in root's directory (0700)" ]
}

# As on a host whose kernel has no programs for groups.
without_bpf() {
	unshare -m sh -c 'mount -t bpf none /sys/fs/bpf && exec "$@"' sh \
		setpriv --bounding-set=-sys_admin,-bpf,-perfmon --inh-caps=-sys_admin,-bpf,-perfmon "$@"
}

@test "vtraf: a host that never could count is said, but for a harvest; one that once could is" {
	requires setpriv
	run -1 without_bpf vtraf
	[[ ${lines[*]} == "vtraf: traffic: needs BPF programs "* ]]
	run -0 without_bpf vtraf --harvest
	[ -z "$output" ]
	[ ! -e "$ledger" ]
	vtraf --harvest
	run -1 without_bpf vtraf --harvest
	[[ ${lines[*]} == "vtraf: traffic: needs BPF programs "* ]]
}

@test "vtraf --reset: the cron line of 2003" {
	free_ctx
	send 1
	vtraf --reset | while read c in out; do
		[ "$c" != "$ctx" ] || echo "$in $out" >>"$T/traf.$c"
	done
	send 2
	send 3
	vtraf --reset | while read c in out; do
		[ "$c" != "$ctx" ] || echo "$in $out" >>"$T/traf.$c"
	done
	[ "$(cat "$T/traf.$ctx")" = "$(printf '%s\n' '0 128' '0 640')" ]
	run -0 vtraf --reset
	[ -z "$(lines_of "$ctx")" ]
	run -0 vtraf --report=month -c "$ctx" --csv
	[[ ${lines[1]} == *",$ctx,,0,768,768,"* ]]
}

@test "vtraf --reset: what could not be written is told again" {
	free_ctx
	vtraf --harvest
	send 1
	run -1 bash -c 'vtraf --reset >/dev/full'
	[ "$output" = "vtraf: stdout: No space left on device" ]
	run -1 bash -c 'vtraf --reset >&-'
	# Whoever reads is gone before there is anything to read.
	run -0 bash -c 'vtraf --reset | true; [ ${PIPESTATUS[0]} = 141 ] || echo ${PIPESTATUS[0]}'
	if [ -z "$output" ]; then
		run -0 vtraf --reset
		[ "$(lines_of "$ctx")" = "$ctx 0 128" ]
	fi
	run -0 vtraf --reset
	[ -z "$(lines_of "$ctx")" ]
}

@test "vtraf --reset: two of one number are one line" {
	free_ctx
	send_and_stay
	stop_sending
	name=$TAG
	send_and_stay
	run -0 vtraf --reset
	[ "$(lines_of "$ctx")" = "$ctx 0 256" ]
	run -0 vtraf --reset
	[ "$(lines_of "$ctx")" = "$ctx 0 0" ]
	stop_sending
}

@test "vtraf: classes, and errors in their file" {
	free_ctx
	echo '198.18.77.0/30 wire' >"$VPS_CONFIG_DIR/traffic-classes"
	run -0 vtraf
	name=$TAG
	send_and_stay
	run -0 vtraf -c "$ctx" --long --raw
	grep -qE "^$ctx $TAG [0-9]+ wire 0 128 0 1 no$" <<<"$output"
	echo 'nonsense' >>"$VPS_CONFIG_DIR/traffic-classes"
	run -1 --separate-stderr vtraf -c "$ctx"
	[ "$output" = "$ctx 0 128" ]
	[[ $stderr == "vtraf: $VPS_CONFIG_DIR/traffic-classes:2: "* ]]
	run -1 vtraf --harvest
	[[ $output == "vtraf: $VPS_CONFIG_DIR/traffic-classes:2: "* ]]
	[ "${#lines[@]}" -eq 1 ]
	run -0 vtraf --report=month -n "$TAG" --class wire --csv
	[[ ${lines[1]} == *",wire,0,128,128,"* ]]
	rm "$VPS_CONFIG_DIR/traffic-classes"
	run -0 vtraf --harvest
	stop_sending
}

@test "vtraf: a file of classes that others can change is not read" {
	free_ctx
	file=$VPS_CONFIG_DIR/traffic-classes
	said="vtraf: $file: must be a plain file, and like its directory be root's and writable by root alone"
	echo '198.18.77.0/30 wire' >"$file"
	chmod 666 "$file"
	run -1 vtraf --harvest
	[ "$output" = "$said" ]
	chmod 644 "$file"
	chown 1 "$file"
	run -1 vtraf --harvest
	[ "$output" = "$said" ]
	mv "$file" "$T/elsewhere"
	chown 0 "$T/elsewhere"
	ln -s "$T/elsewhere" "$file"
	run -1 vtraf --harvest
	[ "$output" = "$said" ]
	rm "$file"
	mkfifo "$file"
	run -1 vtraf --harvest
	[ "$output" = "$said" ]
	rm "$file"
	chmod 777 "$VPS_CONFIG_DIR"
	mv "$T/elsewhere" "$file"
	run -1 vtraf --harvest
	[ "$output" = "$said" ]
	[ -e "$ledger" ]
	chmod 755 "$VPS_CONFIG_DIR"
}

@test "vtraf --openmetrics: as Prometheus reads it, into a file that is whole" {
	free_ctx
	name=$TAG
	send_and_stay
	run -0 vtraf --openmetrics -c "$ctx"
	[ "$output" = "\
# HELP vps_traffic_bytes_total Bytes at the layer of IP since the context was made.
# TYPE vps_traffic_bytes_total counter
vps_traffic_bytes_total{ctx=\"$ctx\",name=\"$TAG\",class=\"other\",direction=\"in\"} 0
vps_traffic_bytes_total{ctx=\"$ctx\",name=\"$TAG\",class=\"other\",direction=\"out\"} 128
# HELP vps_traffic_packets_total Packets since the context was made.
# TYPE vps_traffic_packets_total counter
vps_traffic_packets_total{ctx=\"$ctx\",name=\"$TAG\",class=\"other\",direction=\"in\"} 0
vps_traffic_packets_total{ctx=\"$ctx\",name=\"$TAG\",class=\"other\",direction=\"out\"} 1
# EOF" ]
	run -0 vtraf --openmetrics --output "$T/vps.prom"
	[ -z "$output" ]
	[ "$(tail -n 1 "$T/vps.prom")" = "# EOF" ]
	[ -z "$(find "$T" -maxdepth 1 -name '.vps*')" ]
	! command -v promtool >/dev/null || promtool check metrics <"$T/vps.prom"
	stop_sending
	run -0 vtraf --openmetrics
	[[ $output != *"$TAG"* ]]
}

@test "vps-stop: the ledger has what a VPS sent; a ledger that fails is said and stops nothing" {
	requires userns
	new_vps
	cp "$BUILD/system/net" "$root/net"
	vps-start "$name"
	vps-enter "$name" -- /net udp4 connect=198.18.77.2,9 "send=$(printf %0100d 0)" || :
	sent=$(vtraf -c "$name")
	[ "${sent%% *}" = "$ctx" ]
	run -0 vps-stop "$name"
	[ -z "$output" ]
	run -0 vtraf --report=month -n "$name" --raw
	[ "$(cut -d ' ' -f 2,4,5 <<<"$output")" = "$sent" ]
	rm -r "$VPS_STATE_DIR"
	mkdir "$VPS_STATE_DIR"
	chmod 777 "$VPS_STATE_DIR"
	vps-start "$name"
	run -0 vps-stop "$name"
	[ "$output" = "vtraf: $ledger: must be root's file (0600) in root's directory (0700)" ]
	no_context "$ctx"
	vps-start "$name"
	run -0 vps-stop --all
	no_context "$ctx"
}

@test "vps-sweep: harvests" {
	free_ctx
	send 1
	sweep
	run -0 vtraf --report=month -c "$ctx" --csv
	[[ ${lines[1]} == *",$ctx,,0,128,128,"* ]]
}

@test "vtraf --html: limits that are nearly met, of contexts that have a page and those that have none" {
	free_ctx
	name=$TAG
	send_and_stay
	vtraf --harvest
	pages=$T/pages
	run -0 vlimit -c "$ctx" --proc 5
	run -0 vtraf --html="$pages"
	grep -q '<p>None is used to 80 % or more.</p>' "$pages/$name-$ctx.html"
	run -0 vlimit -c "$ctx" --near 20 --raw
	[[ $output == "$ctx proc 1 "* ]]
	run -0 vtraf --html="$pages" --near 20
	[ "$(limit_in "$pages/$name-$ctx.html")" = "1 5 20" ]
	grep -q "<a href=\"$name-$ctx.html\">$name</a></th><td class=\"word\">proc</td>" "$pages/index.html"
	run -0 vtraf --html="$pages" --near 21%
	grep -q '<p>None is used to 21 % or more.</p>' "$pages/$name-$ctx.html"
	# Limits are those of now.
	run -0 vtraf --html="$pages" --to "$(date -u +%Y-%m-%dT%H)"
	run ! grep '<h2>Limits' "$pages/index.html" "$pages/$name-$ctx.html"
	stop_sending
	# What was never harvested has no page.
	free_ctx
	name=
	send_and_stay
	run -0 vlimit -c "$ctx" --proc 5
	run -0 vtraf --html="$pages" --near 20
	grep -q "<th scope=\"row\">context $ctx</th><td class=\"word\">proc</td>" "$pages/index.html"
	[ ! -e "$pages/$ctx.html" ]
	stop_sending
}
