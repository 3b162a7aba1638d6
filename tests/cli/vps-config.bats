# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # capture sets status, errors, output
load ../lib/cli

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir etc run
	chmod 755 etc run
	export VPS_CONFIG_DIR=$PWD/etc VPS_RUN_DIR=$PWD/run
	# Who is not root has no other directory that would be taken for one of configurations.
	[ "$EUID" -eq 0 ] || VPS_CONFIG_DIR=/
}

# config ARG...: the tool, its output in $output and $errors.
config() {
	capture "$BUILD/vps-config" "$@"
}

# result STATUS OUTPUT ERRORS
result() {
	expect "exit $1" [ "$status" -eq "$1" ] &&
		expect "stdout '$2'" [ "$output" = "$2" ] &&
		expect "stderr '$3'" [ "$errors" = "$3" ]
}

good() {
	printf '%s\n' '# web server' 'S_CONTEXT="12"' "S_HOSTNAME='www'" 'ONBOOT=yes' \
		'S_CAPS="CAP_NET_RAW !CAP_KILL"' 'NET=none' 'ULIMIT=""' >"$1"
}

bad() {
	printf '%s\n' 'NET=none' 'FOO=1' 'ONBOOT=$(reboot)' 'S_FLAGS="lock' >"$1"
}

bad_errors() {
	printf '%s\n' "vps-config: $1:2: unknown key 'FOO'" \
		"vps-config: $1:3: '\$' in the value: nothing is expanded here" \
		"vps-config: $1:4: closing \" is missing"
}

@test "vps-config: a right file is passed in silence" {
	good web.conf
	config --check ./web.conf
	result 0 "" ""
	config ./web.conf
	result 0 "" ""
}

@test "vps-config: every error of a wrong file is told with its line" {
	bad web.conf
	config --check ./web.conf
	result 1 "" "$(bad_errors ./web.conf)"
}

@test "vps-config: one wrong file, and the others are checked all the same" {
	good good.conf
	echo X=1 >x.conf
	echo Y=1 >y.conf
	config ./x.conf ./absent.conf ./good.conf ./y.conf
	result 1 "" "vps-config: ./x.conf:1: unknown key 'X'
vps-config: ./absent.conf: No such file or directory
vps-config: ./y.conf:1: unknown key 'Y'"
}

@test "vps-config: what a file brings along does not reach the terminal" {
	printf 'A\033[31mB=1\n\233=2\nNET="a\303\244"\n' >x.conf
	config ./x.conf
	result 1 "" "vps-config: ./x.conf:1: control byte 0x1b
vps-config: ./x.conf:2: not KEY=\"value\" with no blank before '='
vps-config: ./x.conf:3: NET='a\\303\\244': must be shared, bridge or none"
}

@test "vps-config: a file too large, a directory" {
	head -c 70000 /dev/zero | tr '\0' '#' >x.conf
	config ./x.conf
	result 1 "" "vps-config: ./x.conf: File too large"
	config ./etc
	result 1 "" "vps-config: ./etc: Is a directory"
}

@test "vps-config: --get" {
	good web.conf
	config --get S_HOSTNAME ./web.conf
	result 0 www ""
	config --get USERNS ./web.conf
	result 0 "" ""
	config --get ULIMIT ./web.conf
	result 0 "" ""
}

@test "vps-config: --list" {
	good web.conf
	config --list ./web.conf
	result 0 "S_CONTEXT=12
S_HOSTNAME=www
S_CAPS=CAP_NET_RAW !CAP_KILL
ONBOOT=yes
NET=none" ""
	config --list --raw ./web.conf
	[ "${output%%$'\n'*}" = "S_CONTEXT 12" ]
	config --list --json ./web.conf
	json=$(printf %s "$output" | tr -d ' \n')
	[ "${json%%,\{*}" = '[{"key":"S_CONTEXT","value":"12"}' ]
}

@test "vps-config: of a wrong file nothing is shown, but with --lenient what is right" {
	bad web.conf
	config --list ./web.conf
	result 1 "" "$(bad_errors ./web.conf)"
	config --get NET ./web.conf
	result 1 "" "$(bad_errors ./web.conf)"
	config --lenient --list ./web.conf
	result 0 NET=none "$(bad_errors ./web.conf)"
}

@test "vps-config: wrong use" {
	hint="(see vps-config --help)"
	config
	result 125 "" "vps-config: no NAME given $hint"
	config --get FOO web
	result 125 "" "vps-config: --get='FOO': no such key $hint"
	config --list web db
	result 125 "" "vps-config: more than one NAME given $hint"
	config --list --check web
	result 125 "" "vps-config: --check, --get, --list and --run exclude each other $hint"
	config --lock web
	result 125 "" "vps-config: --lock needs --run $hint"
	config --lenient web
	result 125 "" "vps-config: --lenient needs --get, --list or --run $hint"
	config --json web
	result 125 "" "vps-config: --json and --raw need --list $hint"
	for name in '' .. .web _web -- 'we b' "$(printf '%065d' 1)"; do
		config --check -- "$name"
		result 125 "" "vps-config: bad name '$name' $hint"
	done
	config --run ./web.conf -- true
	result 125 "" "vps-config: bad name './web.conf' $hint"
	config --run web --
	result 125 "" "vps-config: no command given $hint"
}

@test "vps-config: --run passes the command's status, 126 and 127" {
	config --run --lenient web -- sh -c 'exit 3'
	result 3 "" ""
	config --run --lenient web sh -c 'exit 125'
	result 125 "" ""
	config --run --lenient web -- "$PWD/absent"
	result 127 "" "vps-config: $PWD/absent: No such file or directory"
	config --run --lenient web -- "$PWD"
	result 126 "" "vps-config: $PWD: Permission denied"
}

@test "vps-config: --run: no configuration" {
	config --run web -- true
	result 125 "" "vps-config: web: No such file or directory"
	config --run --lock web -- true
	result 125 "" "vps-config: web: No such file or directory"
	[ ! -e run/web.lock ]
}

@test "vps-config: --run: the caller's environment does not pass for configuration" {
	export VPS_CONF_NET=none VPS_CONF_FOO=1 VPS_CONFIGURED=db VPS_OTHER=1
	config --run --lenient web -- env
	expect "no key" [ -z "$(grep ^VPS_CONF_ out)" ]
	expect "the name" [ "$(grep ^VPS_CONFIGURED= out)" = VPS_CONFIGURED=web ]
	expect "all others" grep -qx VPS_OTHER=1 out
}

@test "vps-config: --run: the keys set are in the environment" {
	requires root
	good etc/web.conf
	config --run web -- env
	expect "exit 0" [ "$status" -eq 0 ]
	expect "the keys" [ "$(grep ^VPS_CONF_ out | sort)" = "VPS_CONF_NET=none
VPS_CONF_ONBOOT=yes
VPS_CONF_S_CAPS=CAP_NET_RAW !CAP_KILL
VPS_CONF_S_CONTEXT=12
VPS_CONF_S_HOSTNAME=www" ]
}

@test "vps-config: --run: a wrong file stops it, but --lenient does not" {
	requires root
	bad etc/web.conf
	config --run web -- env
	result 125 "" "$(bad_errors "$PWD/etc/web.conf")"
	config --run --lenient web -- env
	expect "exit 0" [ "$status" -eq 0 ]
	expect "what is right" [ "$(grep ^VPS_CONF_ out)" = VPS_CONF_NET=none ]
	expect "the errors" [ "$errors" = "$(bad_errors "$PWD/etc/web.conf")" ]
}

@test "vps-config: --lock: is the command's descriptor 9, and free afterwards" {
	config --run --lock --lenient web -- sh -c '[ /proc/self/fd/9 -ef run/web.lock ]'
	result 0 "" ""
	config --run --lock --lenient web -- flock -n run/web.lock true
	expect "the lock is held" [ "$status" -eq 1 ]
	flock -n run/web.lock true
	expect "mode 0600" [ "$(stat -c %a run/web.lock)" = 600 ]
}

@test "vps-config: --lock: whichever descriptor the lock gets, the command has it" {
	held() {
		"$BUILD/vps-config" --run --lock --lenient web -- \
			sh -c '[ /proc/self/fd/9 -ef run/web.lock ]'
	}
	held 3</dev/null 4</dev/null 5</dev/null 6</dev/null 7</dev/null 8</dev/null 9<&-
	held 3</dev/null 4</dev/null 5</dev/null 6</dev/null 7</dev/null 8<&- 9<&-
	held 3</dev/null 4</dev/null 5</dev/null 6</dev/null 7</dev/null 8</dev/null 9</dev/null
}

@test "vps-config: --lock: two at once, one wins and the other says so" {
	exec 8>run/web.lock
	flock -n 8
	for lenient in '' --lenient; do
		[ -n "$lenient" ] || [ "$EUID" -eq 0 ] || continue
		good etc/web.conf
		config --run --lock $lenient web -- touch ran
		result 125 "" "vps-config: web: another operation is running"
	done
	[ ! -e ran ]
	config --run --lock --lenient db -- true
	result 0 "" ""
}

@test "vps-config: --lock: no link is followed, no directory of others is used" {
	ln -s ../planted run/web.lock
	config --run --lock --lenient web -- true
	result 125 "" "vps-config: $PWD/run/web.lock: Too many levels of symbolic links"
	[ ! -e planted ]
	chmod 777 run
	config --run --lock --lenient db -- true
	result 125 "" "vps-config: $PWD/run: not the caller's alone"
	rm -r run
	config --run --lock --lenient db -- stat -c %a run
	result 0 700 ""
}

@test "vps-config: only root's own files in root's own directory count" {
	good etc/web.conf
	text="must be a plain file, and like its directory be root's and writable by root alone"
	if [ "$EUID" -ne 0 ]; then
		config --dir "$PWD/etc" web
		result 1 "" "vps-config: web: $PWD/etc/web.conf: $text"
		return
	fi
	config web
	result 0 "" ""
	ln -s web.conf etc/link.conf
	config link
	result 1 "" "vps-config: link: $PWD/etc/link.conf: $text"
	chmod 666 etc/web.conf
	config web
	result 1 "" "vps-config: web: $PWD/etc/web.conf: $text"
	config --run --lenient web -- printenv VPS_CONF_NET
	expect "nothing of it is used" [ -z "$output" ]
	chmod 644 etc/web.conf
	chmod 777 etc
	config web
	result 1 "" "vps-config: web: $PWD/etc/web.conf: $text"
}

@test "vps-config: --dir" {
	requires root
	mkdir -m 755 other
	good other/web.conf
	config --dir "$PWD/other" --get NET web
	result 0 none ""
}
