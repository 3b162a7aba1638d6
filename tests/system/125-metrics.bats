#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2016 # set by run; shells inside expand
# Metrics of vlimit and vps-stat: the same numbers as in their tables, in words of Prometheus.

load ../lib/system

# A VPS whose process limit was met, until drop.
busy_context() {
	new_root
	chcontext --silent --create --ctx "$ctx" --name "$TAG"
	vlimit -c "$ctx" --proc 5
	hold sh -c '(while :; do sleep 1000 & done) 2>/tmp/errors; exec sleep 1000'
	wait_until has_line "$root/tmp/errors" 'Resource temporarily unavailable'
}

drop() {
	release TERM
	chcontext --ctx "$ctx" --destroy
}

# sample METRIC [LABEL=VALUE,]...: its value for the context, of the last output.
sample() {
	printf '%s\n' "${lines[@]}" |
		sed -n "s/^$1{ctx=\"$ctx\",name=\"$TAG\"${2:+,$2}} //p"
}

# What vlimit's table has of resource $1 in column $2.
column() {
	vlimit -c "$ctx" --raw | awk -v name="$1" -v n="$2" '$2 == name { print $n }'
}

@test "vlimit --openmetrics: the numbers of its table" {
	requires proc-limit
	busy_context
	used=$(column proc 3) hits=$(column proc 7)
	[ "$used" -ge 1 ]
	[ "$hits" -ge 1 ]
	run -0 vlimit -c "$ctx" --openmetrics
	[ "${lines[0]}" = "# HELP vps_limit_used What is used of a resource now." ]
	[ "${lines[1]}" = "# TYPE vps_limit_used gauge" ]
	[ "${lines[-1]}" = "# EOF" ]
	[ "$(sample vps_limit_used 'resource="proc"')" = "$used" ]
	[ "$(sample vps_limit_hard 'resource="proc"')" = 5 ]
	told=$(sample vps_limit_hits_total 'resource="proc"')
	[ "$told" -ge "$hits" ]
	[ "$told" -le "$(column proc 7)" ]
	# No limit is a number that every number is below.
	hard=$(column tcp 6)
	[ "$(sample vps_limit_hard 'resource="tcp"')" = "${hard/inf/+Inf}" ]
	drop
}

@test "vlimit --openmetrics: CPUs and seconds, not percent and microseconds" {
	requires cpu
	new_root
	chcontext --silent --create --ctx "$ctx" --name "$TAG"
	vlimit -c "$ctx" --cpu 105
	hold sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo done; exec sleep 1000'
	wait_until has_line "$T/hold.log" 'done'
	us=$(column cpu 3)
	run -0 vlimit -c "$ctx" --openmetrics
	[ "$(sample vps_limit_hard_cpus 'resource="cpu"')" = 1.05 ]
	seconds=$(sample vps_limit_consumed_seconds_total 'resource="cpu"')
	awk -v us="$us" -v s="$seconds" 'BEGIN { exit !(us > 0 && s * 1e6 - us < 1e6 && s * 1e6 >= us) }'
	[ -z "$(sample vps_limit_used_seconds 'resource="cpu"')" ]
	drop
}

@test "vps-stat --openmetrics: the numbers of its table, and of the host" {
	requires proc-limit
	busy_context
	run -0 vps-stat --openmetrics
	[ "$(sample vps_state 'state="running"')" = 1 ]
	[ "$(sample vps_processes)" = "$(vps-stat --raw -c "$ctx" | cut -d ' ' -f 2)" ]
	[ "$(sample vps_threads)" = "$(sample vps_processes)" ]
	[[ $(sample vps_cpu_seconds_total 'mode="system"') =~ ^[0-9]+\.[0-9]{6}$ ]]
	[[ $(sample vps_uptime_seconds) =~ ^[0-9]+\.[0-9]{6}$ ]]
	printf '%s\n' "${lines[@]}" | grep -qE '^vps_load15\{ctx="0",name="host"\} [0-9]+\.[0-9]+$'
	load=$(vps-stat --long -c "$ctx" | sed -n 's/^Load average: //p')
	[ "$load" != - ] || [ -z "$(sample vps_load1)" ]
	[ "$load" = - ] || [[ $(sample vps_load1) =~ ^[0-9]+\.[0-9][0-9]$ ]]
	drop
}

@test "metrics: Prometheus's own tool finds no fault" {
	requires promtool proc-limit
	busy_context
	for tool in "vlimit -a" vps-stat; do
		# shellcheck disable=SC2086 # several words
		$tool --openmetrics >"$T/metrics"
		grep -q "name=\"$TAG\"" "$T/metrics"
		run -0 promtool check metrics <"$T/metrics"
		[ -z "$output" ]
		# It does find what is wrong.
		sed 's/_total/_sum_of_all/' "$T/metrics" >"$T/wrong"
		run ! promtool check metrics <"$T/wrong"
	done
	drop
}

@test "metrics --output: the file is the old one until all are in it" {
	busy_context
	for tool in vlimit vps-stat; do
		run -0 $tool -c "$ctx" --openmetrics --output "$T/vps.prom"
		[ -z "$output" ]
		[ "$(tail -n 1 "$T/vps.prom")" = "# EOF" ]
		cp "$T/vps.prom" "$T/before"
		run -1 $tool -c "$ctx" -c "$TAG-none" --openmetrics --output "$T/vps.prom"
		cmp "$T/vps.prom" "$T/before"
	done
	[ -z "$(find "$T" -maxdepth 1 -name '.vps*')" ]
	drop
}
