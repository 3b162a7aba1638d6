# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034 # refuses reads them
load ../lib/cli

tool=chcontext
usage_status=125

@test "chcontext: what is no address, and what is no broadcast address" {
	for word in 1.2.3 300.1.1.1 1.2.3.4/ fd00::g 10.3.3.4/255.0.255.0 ''; do
		refuses "--ip='$word': not an address" --ip "$word" true
	done
	refuses "--ip='10.3.3.4/33': there is no such prefix" --ip 10.3.3.4/33 true
	refuses "--ip='127.0.0.5': no VPS can have this address" --ip 127.0.0.5 true
	refuses "--ip='no-such-device': neither an address nor a device" --ip no-such-device true
	refuses "--bcast='fd00::1': not an address of IPv4" --ip 10.3.3.4 --dev x --bcast fd00::1 true
}

@test "chcontext: more addresses than a context can have" {
	local many=() i
	for ((i = 1; i <= 257; i++)); do
		many+=(--ip "10.254.$((i / 250)).$((i % 250))")
	done
	refuses "--ip: more than 256 addresses" "${many[@]}" true
}

@test "chcontext: addresses are in the host's network, and of a context that is made" {
	refuses "--dev goes with --ip" --dev x true
	refuses "--bcast goes with --dev" --bcast 10.3.3.255 true
	refuses "--bcast goes with --dev" --ip 10.3.3.4 --bcast 10.3.3.255 true
	refuses "--ip goes with --net=shared" --net none --ip 10.3.3.4 true
	refuses "--ip goes with --net=shared" --ctx 7 --net bridge --ip 10.3.3.4 true
	refuses "--ip goes with --create or a command" --ctx 7 --destroy --ip 10.3.3.4
	refuses "--ip goes with --create or a command" --ctx 7 --flag stop --ip 10.3.3.4
}

@test "chcontext: --no-namespaces with what needs namespaces" {
	refuses "--no-namespaces excludes --root and --tree" --no-namespaces --root /x true
	refuses "--no-namespaces excludes --root and --tree" --no-namespaces --root /x --init auto
	refuses "--no-namespaces excludes --root and --tree" --no-namespaces --tree /x true
	refuses "--no-namespaces excludes --hostname and --domainname" --no-namespaces --hostname x true
	refuses "--no-namespaces excludes --hostname and --domainname" --no-namespaces --domainname x true
	refuses "--no-namespaces goes with --net=shared" --no-namespaces --net none true
	refuses "--no-namespaces goes with --net=shared" --no-namespaces --ctx 7 --net bridge true
	refuses "--no-namespaces goes with a command" --no-namespaces --create
	refuses "--no-namespaces goes with a command" --no-namespaces --ctx 7 --flag stop
}
