# SPDX-License-Identifier: GPL-2.0-or-later
# The wrappers, with fakes in place of the tools: what they refuse, what they run, and what
# they leave behind. No root.
# shellcheck disable=SC2016,SC2154 # the fakes expand; bats sets
bats_require_minimum_version 1.5.0

setup() {
	BUILD=${BUILD:-$BATS_TEST_DIRNAME/../../build}
	export T=$BATS_TEST_TMPDIR
	export VPS_PATH=$T/bin VPS_LIB=$BUILD/vps-lib.sh
	export VPS_CONFIG_DIR=$T/etc VPS_TREE_DIR=$T/trees VPS_RUN_DIR=$T/run
	unset VPS_CONFIGURED
	mkdir "$T/bin" "$T/etc" "$T/trees" "$T/run"
	chmod 700 "$T/trees"
	: >"$T/log"
	: >"$T/contexts"
	fake vps-stat 'case "$*" in *--pids*) echo 1 ;; *) cat "$T/contexts" ;; esac'
	fake vkill ''
	fake vps-enter ''
	fake vps-rmtree 'rm -rf "$@"'
	fake vdisk ':'
	fake vnet ':'
	fake vtraf ':'
	fake chcontext '
		case "$*" in
		*--create*) echo "New security context is 7" ;;
		*--destroy*) flock "$T/contexts.lock" sed -i "/^$2 /d" "$T/contexts" ;;
		esac'
	fake_config
}

# A tool that notes how it was called, then runs $2.
fake() {
	printf '#!/bin/sh\necho "%s $*" >>"$T/log"\n%s\n' "$1" "$2" >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}

# Locks as the real one does; KEY=value lines of the file become VPS_CONF_KEY.
fake_config() {
	fake vps-config '
		if [ "$1" = --get ]; then
			sed -n "s/^$2=//p" "$VPS_CONFIG_DIR/$3.conf"
			exit
		fi
		[ "$1" != --check ] || exit 0
		while [ "$1" != -- ]; do
			case $1 in
			--lenient) lenient=1 ;;
			[!-]*) name=$1 ;;
			esac
			shift
		done
		shift
		exec 9>"$VPS_RUN_DIR/$name.lock"
		flock -n 9 || { echo "vps-config: $name: another operation is running" >&2; exit 125; }
		if [ -e "$VPS_CONFIG_DIR/$name.conf" ]; then
			while IFS="=" read -r key value; do
				case $key in [A-Z]*) export "VPS_CONF_$key=$value" ;; esac
			done <"$VPS_CONFIG_DIR/$name.conf"
		elif [ -z "$lenient" ]; then
			echo "vps-config: $name: No such file or directory" >&2
			exit 125
		fi
		VPS_CONFIGURED=$name exec "$@"'
}

vps() {
	echo "$1=$2" >>"$VPS_CONFIG_DIR/$3.conf"
}

calls() {
	grep -v '^vps-config ' "$T/log"
}

scripts='vps vps-create vps-set vps-start vps-stop vps-destroy vps-sweep vps-doctor'

@test "scripts: --help and --version print on stdout, exit 0" {
	for s in $scripts; do
		run --separate-stderr -0 "$BUILD/$s" --help
		[[ $output == Usage:* && -z $stderr ]]
		run --separate-stderr -0 "$BUILD/$s" --version
		[[ $output == "$s "[0-9]* && -z $stderr ]]
	done
}

@test "scripts: --help to a full disk fails" {
	for s in $scripts; do
		run ! sh -c '"$1" --help >/dev/full 2>/dev/null' sh "$BUILD/$s"
	done
}

@test "scripts: an unknown option is one line on stderr, exit 2" {
	for s in $scripts; do
		run --separate-stderr -2 "$BUILD/$s" --wrong
		[ "$stderr" = "$s: unknown option '--wrong' (see $s --help)" ]
		[ -z "$output" ]
	done
}

@test "scripts: a bad name is named, exit 2, nothing is run" {
	long=$(printf '%065d' 1)
	for s in vps-create vps-start vps-stop vps-destroy; do
		for name in '' .x _x a/b 'a b' ../x $'a\nb' 'ä' "$long"; do
			run --separate-stderr -2 "$BUILD/$s" "$name"
			[[ $stderr == "$s: bad name '"*"'"* ]]
			[ "${#stderr_lines[@]}" -eq 1 ]
		done
	done
	[ ! -s "$T/log" ]
}

@test "vps-create: a name of digits only would be a number elsewhere" {
	run --separate-stderr -2 "$BUILD/vps-create" 123
	[ "$stderr" = "vps-create: bad name '123': only digits (see vps-create --help)" ]
}

@test "scripts: no name is wrong use" {
	for s in vps-create vps-set vps-start vps-stop vps-destroy; do
		run -2 "$BUILD/$s"
		[ "$output" = "$s: no name given (see $s --help)" ]
	done
}

@test "vps: no verb, an unknown verb and verbs of later versions, exit 2" {
	run -2 "$BUILD/vps"
	[ "$output" = "vps: no verb given (see vps --help)" ]
	run -2 "$BUILD/vps" fly
	[ "$output" = "vps: unknown verb 'fly' (see vps --help)" ]
	run -2 "$BUILD/vps" host-fence
	[ "$output" = "vps: host-fence: on, off or status (see vps --help)" ]
}

@test "vps-create: a bridge is named, and what is for one kind of network is for no other" {
	run -2 "$BUILD/vps-create" web --net bridge
	[ "$output" = "vps-create: --net=bridge needs --bridge (see vps-create --help)" ]
	for args in '--bridge=br0 --net=none' '--gateway 10.0.0.1 --net shared'; do
		# shellcheck disable=SC2086 # several words
		run -2 "$BUILD/vps-create" web $args
		[ "$output" = "vps-create: --bridge and --gateway are for --net bridge (see vps-create --help)" ]
	done
	for arg in --ip=eth0 --ip= --gateway=x '--bridge=a b' --bridge= --dev= '--dev=a/b'; do
		run -2 "$BUILD/vps-create" web --net bridge "$arg"
		[[ $output == "vps-create: ${arg%%=*}="* ]]
	done
	ln -sf "$BUILD/vps-config" "$T/bin/vps-config"
	run -2 "$BUILD/vps-create" web --ip 10.0.0.1/24 --net none
	[ "$output" = "vps-create: IPROOT: needs NET=shared or bridge, not none (see vps-create --help)" ]
	run -2 "$BUILD/vps-create" web --dev eth0 --net bridge --bridge br0
	[ "$output" = "vps-create: IPROOTDEV: needs NET=shared, not bridge (see vps-create --help)" ]
	run -2 "$BUILD/vps-create" web --net bridge --bridge br0 --ip 10.0.0.1/33
	[[ $output == "vps-create: IPROOT='10.0.0.1/33': must be addresses "* ]]
}

@test "vps-start: a device on the bridge is there before the first process" {
	printf '%s\n' NET=bridge BRIDGE=br0 'IPROOT=10.0.0.2/24, 2001:db8::2/64' GATEWAY=10.0.0.1 \
		MTU=1400 RATE_MIN=1M RATE_MAX=2M RATE_LINK=10M >"$T/etc/web.conf"
	mkdir "$T/trees/web"
	run -0 "$BUILD/vps-start" web
	run -0 grep -n -e '^vnet' -e '^chcontext' "$T/log"
	[[ ${lines[0]} == *:chcontext\ --create* ]]
	[[ ${lines[1]} == *":vnet add --ctx 7 --bridge br0 --ip 10.0.0.2/24 --ip 2001:db8::2/64 --gateway 10.0.0.1 --mtu 1400 --rate-min 1M --rate-max 2M --rate-link 10M" ]]
	[[ ${lines[2]} == *":chcontext --ctx 7 "*" --net bridge "* ]]
	fake vnet 'echo "vnet: br0: no such device" >&2; exit 1'
	: >"$T/log"
	run -1 "$BUILD/vps-start" web
	[ "$output" = "vps-start: web: not started: br0: no such device" ]
	run -0 grep '^chcontext' "$T/log"
	[[ $output == *--destroy* ]]
}

@test "vps-set: rates are written, and changed where it runs" {
	printf '%s\n' NET=bridge BRIDGE=br0 RATE_MAX=1M >"$T/etc/web.conf"
	echo "7 running web" >"$T/contexts"
	run -0 "$BUILD/vps-set" web --rate-max 2M --rate-min=none
	grep -qx 'vnet set --ctx 7 --rate-max=2M --rate-min=none' "$T/log"
	[ "$(cat "$T/etc/web.conf")" = "$(printf '%s\n' NET=bridge BRIDGE=br0 'RATE_MAX="2M"' 'RATE_MIN=""')" ]
	fake vnet 'echo "vnet: context 7: the context has no device on a bridge" >&2; exit 1'
	run -1 "$BUILD/vps-set" web --rate-max 3M
	grep -qx 'RATE_MAX="2M"' "$T/etc/web.conf"
	run -2 "$BUILD/vps-set" web --rate-max 3M --proc 10
	[ "$output" = "vps-set: limits and rates: one kind at a time (see vps-set --help)" ]
}

@test "vps-create: values are checked before anything is made" {
	for arg in --ctx=2 --ctx=010 --ctx=65535 --ctx=-3 --ctx= --userns=yes --net=wild \
		--init=sh '--init=/bin/a b' '--hostname=a b' --hostname= --template=windows \
		--template=debian: --template=debian:../x --limit=rss --limit= --limit=--rss=1 \
		'--limit=rss=1 2' '--limit=rss=$x'; do
		run -2 "$BUILD/vps-create" web "$arg"
		[[ $output == "vps-create: ${arg%%=*}='${arg#*=}': "* ]]
	done
	run -2 "$BUILD/vps-create" web --template busybox --from /x
	[ "$output" = "vps-create: --template and --from exclude each other (see vps-create --help)" ]
	run -2 "$BUILD/vps-create" web --mirror http://x
	run -2 "$BUILD/vps-create" web other
	run -2 "$BUILD/vps-create" web --ctx
	[ "$output" = "vps-create: --ctx needs a value (see vps-create --help)" ]
	[ ! -s "$T/log" ]
}

@test "vps-create: never over a configuration, a link or a tree with something in it" {
	vps NET shared one
	run -1 "$BUILD/vps-create" one
	[ "$output" = "vps-create: one: exists already ($T/etc/one.conf)" ]
	ln -s /nowhere "$T/trees/two"
	run -1 "$BUILD/vps-create" two
	[ "$output" = "vps-create: $T/trees/two: is a link" ]
	mkdir -p "$T/trees/three/x"
	run -1 "$BUILD/vps-create" three
	[ "$output" = "vps-create: $T/trees/three: not empty" ]
	[ -d "$T/trees/three/x" ]
}

@test "vps-create: a source that is not there leaves nothing behind" {
	[ "$EUID" -eq 0 ] || skip "requires root (the directory of trees must be root's)"
	run -1 "$BUILD/vps-create" web --from "$T/none"
	[ "$output" = "vps-create: $T/none: no VPS, directory or tar" ]
	[ -z "$(ls -A "$T/trees")" ]
	[ -z "$(ls -A "$T/etc")" ]
}

@test "vps-start: makes the context, then runs init in it as configured" {
	vps S_CONTEXT 7 web
	vps S_CAPS 'net_raw,!mknod' web
	vps S_FLAGS 'nproc private' web
	vps INIT builtin web
	run -0 "$BUILD/vps-start" web
	[ -z "$output" ]
	run calls
	[ "$output" = "chcontext --name web --ctx 7 --root $T/trees/web --hostname web --net shared --userns auto --init builtin --flag nproc --flag private --cap net_raw --cap !mknod --disconnect --silent" ]
}

@test "vps-start: addresses are given by the command that makes the context" {
	printf '%s\n' S_CONTEXT=7 'IPROOT=10.0.0.2/24, 2001:db8::2/64 10.0.0.3' IPROOTDEV=eth0 \
		IPROOTBCAST=10.0.0.255 >"$T/etc/web.conf"
	mkdir "$T/trees/web"
	words='--dev eth0 --bcast 10.0.0.255 --ip 10.0.0.2/24 --ip 2001:db8::2/64 --ip 10.0.0.3'
	run -0 "$BUILD/vps-start" web
	run calls
	[[ $output == "chcontext --name web --ctx 7 $words --root $T/trees/web "*" --disconnect --silent" ]]
	: >"$T/log"
	echo 'LIMITS=--proc=50' >>"$T/etc/web.conf"
	fake vlimit ''
	run -0 "$BUILD/vps-start" web
	run calls
	[ "${lines[0]}" = "chcontext --create --name web --ctx 7 $words" ]
	[ "${lines[1]}" = "vlimit --ctx 7 --proc=50" ]
	[[ ${lines[2]} == "chcontext --ctx 7 --root $T/trees/web "* ]]
	[[ ${lines[2]} != *--ip* ]]
	[ "${#lines[@]}" -eq 3 ]
}

@test "vps-start: a failing init is said with its step, and not tried again, exit 1" {
	vps NET none web
	fake chcontext 'echo "chcontext: /x: No such file or directory" >&2; exit 125'
	run -1 "$BUILD/vps-start" web
	[ "$output" = "vps-start: web: not started: /x: No such file or directory" ]
	[ "$(calls | grep -c '^chcontext')" -eq 1 ]
}

@test "vps-start: limits are set between the context and its first process" {
	vps S_CONTEXT 7 web
	vps S_FLAGS 'nproc private' web
	vps LIMITS '--proc=50 --rss=1G' web
	fake vlimit ''
	run -0 "$BUILD/vps-start" web
	[ -z "$output" ]
	run calls
	[ "${lines[0]}" = "chcontext --create --name web --ctx 7 --flag nproc private" ]
	[ "${lines[1]}" = "vlimit --ctx 7 --proc=50 --rss=1G" ]
	[[ ${lines[2]} == "chcontext --ctx 7 --root $T/trees/web --hostname web "*" --disconnect --silent" ]]
	[ "${#lines[@]}" -eq 3 ]
}

@test "vps-start: a limit that cannot be held, or an init that fails behind it, leaves nothing" {
	vps LIMITS '--vm=1G' web
	fake vlimit 'echo "vlimit: vm: not here" >&2; exit 1'
	run -1 "$BUILD/vps-start" web
	[ "$output" = "vps-start: web: not started: vm: not here" ]
	[ "$(calls | grep -c 'chcontext --ctx 7 --destroy')" -eq 1 ]
	[ "$(calls | grep -c -e --root)" -eq 0 ]
	fake vlimit ''
	fake chcontext '
		case "$*" in
		*--create*) echo "New security context is 7" ;;
		*--root*) echo "chcontext: /x: no" >&2; exit 125 ;;
		esac'
	run -1 "$BUILD/vps-start" web
	[ "$output" = "vps-start: web: not started: /x: no" ]
	[ "$(calls | grep -c 'chcontext --ctx 7 --destroy')" -eq 2 ]
}

# As the real one: checks, then shows lines or sets.
fake_vlimit() {
	fake vlimit '
		case "$*" in *--vm*) echo "vlimit: vm: not here" >&2; exit 1 ;; esac
		[ "$1" != --config ] || printf "%s\n" "LIMIT_PROC=\"5\"" "LIMIT_RSS=\"1G\""'
}

@test "vps-set: writes the lines of these limits and no others" {
	fake_vlimit
	printf '%s\n' '# mine' 'LIMIT_RSS="2G" # old' 'LIMIT_RSSX=1' ' LIMIT_PROC=9' 'NET=none' \
		>"$T/etc/web.conf"
	run -0 "$BUILD/vps-set" web --proc 5 --rss=1G
	[ -z "$output" ]
	run cat "$T/etc/web.conf"
	[ "$output" = '# mine
LIMIT_RSSX=1
NET=none
LIMIT_PROC="5"
LIMIT_RSS="1G"' ]
	[ "$(ls -A "$T/etc")" = web.conf ]
	run -1 grep 'vlimit --ctx' "$T/log"
	echo "5 running web" >"$T/contexts"
	run -0 "$BUILD/vps-set" web --proc 5 --rss=1G
	grep -q '^vlimit --ctx 5 --proc=5 --rss=1G$' "$T/log"
}

@test "vps-set: what is refused changes nothing" {
	fake_vlimit
	vps NET none web
	echo "5 running web" >"$T/contexts"
	run -1 "$BUILD/vps-set" web --proc 5 --vm 1G
	[ "$output" = "vps-set: web: vm: not here" ]
	run -1 grep 'vlimit --ctx' "$T/log"
	fake vlimit 'case $1 in --config) echo "LIMIT_PROC=5" ;; *) echo "vlimit: x: busy" >&2; exit 1 ;; esac'
	run -1 "$BUILD/vps-set" web --proc 5
	[ "$output" = "vps-set: web: x: busy" ]
	[ "$(cat "$T/etc/web.conf")" = NET=none ]
	[ "$(ls -A "$T/etc")" = web.conf ]
	run -1 "$BUILD/vps-set" nobody --proc 5
	for words in web 'web --proc' 'web x --proc 5' '--proc 5' 'web -c 5'; do
		# shellcheck disable=SC2086 # several words
		run -2 "$BUILD/vps-set" $words
	done
	for word in '5;x' '$(x)' 'a b' $'5\n6' '*' ''; do
		run "$BUILD/vps-set" web "--proc=$word"
		[ "$(cat "$T/etc/web.conf")" = NET=none ]
	done
	run -2 "$BUILD/vps-set" web '--proc=5;x'
	[ "$output" = "vps-set: bad limit '--proc=5;x' (see vps-set --help)" ]
}

@test "vps-start: running already is said, exit 1; the others are started" {
	vps NET shared one
	vps NET shared two
	fake chcontext '
		case "$*" in
		*--name\ one*) echo "chcontext: one: has a context already" >&2; exit 125 ;;
		esac'
	echo "5 running one" >"$T/contexts"
	run -1 "$BUILD/vps-start" one two
	[ "$output" = "vps-start: one: already running (context 5)" ]
	grep -q 'chcontext --name two --root' "$T/log"
}

@test "vps-start: a leftover of the same VPS gives way" {
	vps NET shared web
	fake chcontext '
		case "$*" in
		*--name*)
			[ ! -s "$T/contexts" ] ||
				{ echo "chcontext: web: has a context already" >&2; exit 125; }
			;;
		*--destroy*) : >"$T/contexts" ;;
		esac'
	for state in new stale dead rebooted; do
		echo "5 $state web" >"$T/contexts"
		run -0 "$BUILD/vps-start" web
		[ -z "$output" ]
	done
}

@test "vps-start: the lock is not believed to be held because a variable says so" {
	run -1 env VPS_CONFIGURED=web "$BUILD/vps-start" web
	[ "$output" = "vps-config: web: No such file or directory" ]
}

@test "scripts: one that finds the lock taken says so, exit 1" {
	vps NET shared web
	exec 8>"$T/run/web.lock"
	flock -n 8
	for s in vps-start vps-stop vps-create "vps-destroy --yes"; do
		# shellcheck disable=SC2086 # two words
		run -1 "$BUILD"/$s web 8>&-
		[ "$output" = "vps-config: web: another operation is running" ]
	done
	run -0 "$BUILD/vps-sweep" 8>&-
	[ -z "$output" ]
}

@test "vps-start --all: those with ONBOOT=yes that do not run" {
	vps ONBOOT yes one
	vps ONBOOT no two
	vps ONBOOT yes three
	echo "5 running three" >"$T/contexts"
	run -0 "$BUILD/vps-start" --all
	run grep -c -e --root "$T/log"
	[ "$output" = 1 ]
	grep -q "$T/trees/one" "$T/log"
	run -2 "$BUILD/vps-start" --all one
}

@test "vps-start --all: by their numbers, those of one number at once; --all stops them backwards" {
	vps ONBOOT yes middle
	vps ONBOOT 9 early
	vps ONBOOT 51 late
	vps ONBOOT 51 later
	# Each of the last two ends only when the other has begun.
	fake chcontext '
		case "$*" in
		*--name\ lat*)
			set -- "$2"
			: >"$T/begun.$1"
			n=0
			until [ -e "$T/begun.late" ] && [ -e "$T/begun.later" ]; do
				n=$((n + 1)); [ $n -lt 100 ] || exit 125
				sleep 0.1
			done
			;;
		esac'
	[ "$(nproc)" -gt 1 ] || skip "requires two processors"
	run -0 "$BUILD/vps-start" --all
	[ -z "$output" ]
	run sed -n 's/.*--name \([a-z]*\) .*/\1/p' "$T/log"
	[ "${lines[0]} ${lines[1]}" = "early middle" ]
	[[ "${lines[2]} ${lines[3]}" = "late later" || "${lines[2]} ${lines[3]}" = "later late" ]]
	printf '%s\n' '5 running early' '6 running other' '7 running late' >"$T/contexts"
	: >"$T/log"
	fake chcontext
	run -0 "$BUILD/vps-stop" --all
	run sed -n 's/^chcontext --ctx \([0-9]*\) --destroy/\1/p' "$T/log"
	[ "${lines[*]}" = "7 6 5" ]
}

@test "vps-stop: asks init, then removes the context" {
	vps NET shared web
	echo "5 running web" >"$T/contexts"
	run -0 "$BUILD/vps-stop" --timeout 3 web
	[ -z "$output" ]
	run calls
	[ "${lines[2]}" = "vkill -c 5 --init -s TERM --wait 3" ]
	[ "${lines[3]}" = "vtraf --harvest" ]
	[ "${lines[4]}" = "chcontext --ctx 5 --destroy" ]
}

@test "vps-stop: without a ledger it stops all the same, and that is said" {
	vps NET shared web
	fake vtraf 'echo "vtraf: traffic.db: No space left on device" >&2; exit 1'
	for words in web --all; do
		echo "5 running web" >"$T/contexts"
		run -0 "$BUILD/vps-stop" "$words"
		[ "${lines[0]}" = "vtraf: traffic.db: No space left on device" ]
		[ ! -s "$T/contexts" ]
	done
}

@test "vps-stop: what does not end is killed, and that is said" {
	vps NET shared web
	echo "5 running web" >"$T/contexts"
	fake vkill 'case "$*" in *--init*) exit 1 ;; *KILL*) : >"$T/killed" ;; esac'
	fake chcontext '[ -e "$T/killed" ]'
	run -0 "$BUILD/vps-stop" --timeout 3 web
	[ "$output" = "vps-stop: web: has not ended by itself within 3 s; killed" ]
}

@test "vps-stop: a stopped one is done, an unknown one is not, exit 1" {
	vps NET shared web
	run -0 "$BUILD/vps-stop" web
	[ -z "$output" ]
	run -1 "$BUILD/vps-stop" nobody
	[ "$output" = "vps-stop: nobody: no such VPS" ]
	for value in '' x -1 1.5 99999; do
		run -2 "$BUILD/vps-stop" "--timeout=$value" web
		[[ $output == "vps-stop: --timeout='$value': not a number of seconds"* ]]
	done
}

@test "vps-stop --all: every context with a name" {
	printf '%s\n' '5 running one' '6 dead two' '49152 kept -' >"$T/contexts"
	run -0 "$BUILD/vps-stop" --all
	[ "$(cat "$T/contexts")" = "49152 kept -" ]
	[ "$(tail -n 1 "$T/log")" = "vtraf --harvest" ]
}

@test "vps-destroy: without a terminal only with --yes" {
	vps NET shared web
	run -2 "$BUILD/vps-destroy" web </dev/null
	[ "$output" = "vps-destroy: web: no terminal to ask on; --yes does not ask" ]
	[ -e "$T/etc/web.conf" ]
}

@test "vps-destroy: a running one is left as it is" {
	vps NET shared web
	echo "5 running web" >"$T/contexts"
	run -1 "$BUILD/vps-destroy" --yes web
	[ "$output" = "vps-destroy: web: running; stop it first" ]
	[ -e "$T/etc/web.conf" ]
}

@test "vps-destroy: removes context, tree, configuration and halves of a create" {
	vps NET shared web
	mkdir "$T/trees/web" "$T/trees/.web.new"
	touch "$T/etc/.web.conf.new" "$T/run/.web.log"
	echo "5 dead web" >"$T/contexts"
	run -0 "$BUILD/vps-destroy" web --yes
	[ -z "$output" ]
	[ -z "$(find "$T/trees" "$T/etc" -mindepth 1; find "$T/run" -name "*.log")" ]
	[ ! -s "$T/contexts" ]
	# A create that was cut short before it had a tree.
	touch "$T/etc/.web.conf.new"
	run -0 "$BUILD/vps-destroy" web --yes
	[ -z "$(ls -A "$T/etc")" ]
	run -1 "$BUILD/vps-destroy" web --yes
	[ "$output" = "vps-destroy: web: no such VPS" ]
}

@test "vps-destroy: a tree that cannot be removed keeps its configuration" {
	vps NET shared web
	mkdir "$T/trees/web"
	fake vps-rmtree 'echo "vps-rmtree: $1: something is mounted below" >&2; exit 1'
	run -1 "$BUILD/vps-destroy" --yes web
	[ "$output" = "vps-rmtree: $T/trees/web: something is mounted below" ]
	[ -e "$T/etc/web.conf" ]
}

@test "vps-sweep: silent when there is nothing to do" {
	vps NET shared web
	printf '%s\n' '5 running web' '6 new other' '49152 kept -' >"$T/contexts"
	run -0 "$BUILD/vps-sweep"
	[ -z "$output" ]
	[ "$(tr '\n' , <"$T/log")" = "vps-stat --state --raw,vnet sweep,vtraf --harvest," ]
}

@test "vps-sweep: without a ledger the rest is done, exit 1" {
	fake vtraf 'echo "vtraf: traffic.db: No space left on device" >&2; exit 1'
	echo '7 dead -' >"$T/contexts"
	run -1 "$BUILD/vps-sweep"
	[ "$output" = "vtraf: traffic.db: No space left on device" ]
	[ ! -s "$T/contexts" ]
}

@test "vps traffic: is vtraf" {
	run -0 "$BUILD/vps" traffic --report=day -n web
	run calls
	[ "$output" = "vtraf --report=day -n web" ]
}

@test "vps-sweep: removes what is dead, starts what rebooted, clears unfinished creates" {
	vps NET shared one
	vps NET shared two
	mkdir "$T/trees/.three.new" "$T/trees/.not ours.new"
	printf '%s\n' '5 dead one' '6 rebooted two' '7 dead -' >"$T/contexts"
	ln -s "$BUILD/vps-start" "$T/bin/"
	run -0 "$BUILD/vps-sweep"
	[ "${lines[0]}" = "one: context 5 removed (dead)" ]
	[ "${lines[1]}" = "two: started again after its reboot" ]
	[ "${lines[2]}" = "three: tree of an unfinished create removed" ]
	[ "$(ls -A "$T/trees")" = ".not ours.new" ]
	grep -q "$T/trees/two" "$T/log"
	grep -q "chcontext --ctx 7 --destroy" "$T/log"
}

@test "vps status: 0 running, 3 stopped, 1 unknown" {
	vps NET shared web
	vps NET shared off
	printf '%s\n' '5 running web' >"$T/contexts"
	run -0 "$BUILD/vps" status web
	[ "$output" = "web: running, context 5" ]
	run -3 "$BUILD/vps" status off
	[ "$output" = "off: stopped" ]
	run -1 "$BUILD/vps" status nobody
	[ "$output" = "vps: nobody: no such VPS" ]
	echo '5 dead web' >"$T/contexts"
	run -3 "$BUILD/vps" status web
	[ "$output" = "web: stopped (dead, context 5 is to be swept)" ]
}

@test "vps list: configurations, trees and contexts, each once" {
	vps ONBOOT yes web
	mkdir "$T/trees/web" "$T/trees/bare"
	printf '%s\n' '5 running web' '9 dead ghost' >"$T/contexts"
	ln -s "$BUILD/vps-table" "$T/bin/"
	run -0 "$BUILD/vps" list --raw
	[ "${lines[0]}" = "bare - stopped - $T/trees/bare" ]
	[ "${lines[1]}" = "ghost 9 dead - -" ]
	[ "${lines[2]}" = "web 5 running yes $T/trees/web" ]
}

@test "vps: the long verbs and enter become their own commands" {
	for verb in create start stop destroy set sweep doctor enter; do
		fake "vps-$verb" ''
		run -0 "$BUILD/vps" "$verb" a --b 'c d'
	done
	run cat "$T/log"
	[ "${lines[0]}" = "vps-create a --b c d" ]
	[ "${#lines[@]}" -eq 8 ]
	run -0 "$BUILD/vps" exec web -- ls -l
	grep -q '^vps-enter web -- ls -l$' "$T/log"
	run -2 "$BUILD/vps" exec web
	[ "$output" = "vps: exec: no command given (see vps --help)" ]
}

@test "vps restart: stops, then starts; a failing stop ends it" {
	fake vps-stop ''
	fake vps-start ''
	run -0 "$BUILD/vps" restart --timeout 5 web
	run cat "$T/log"
	[ "${lines[0]}" = "vps-stop --timeout=5 web" ]
	[ "${lines[1]}" = "vps-start web" ]
	fake vps-stop 'exit 1'
	run -1 "$BUILD/vps" restart web
	[ "$(grep -c '^vps-start' "$T/log")" -eq 1 ]
}
