# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # capture sets status, errors, output
load ../lib/cli
load ../lib/foreign

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	tool=vps-translate
}

# translate ARG...: what it says of files is without its own name.
translate() {
	capture "$BUILD/vps-translate" "$@"
	errors=${errors//vps-translate: /}
}

# result STATUS OUTPUT ERRORS
result() {
	expect "exit $1" [ "$status" -eq "$1" ] &&
		expect "stdout '$2'" [ "$output" = "$2" ] &&
		expect "stderr '$3'" [ "$errors" = "$3" ]
}

# Of a file with these lines, what is told is as the last operand says.
conf() {
	printf '%s\n' "$@" >x.conf
	translate x.conf
}

no_init="S_FLAGS: without fakeinit the scripts of a runlevel were started; now /sbin/init of the tree is, where there is one"
no_host="S_HOSTNAME: is empty: the VPS had the host's name, now it is its own"

@test "vps-translate: what vserver build wrote" {
	legacy_conf web.conf www.example.org
	translate web.conf
	result 0 'S_HOSTNAME="www.example.org"
S_FLAGS="lock nproc"
S_CAPS="CAP_NET_RAW"
ONBOOT="yes"
ULIMIT="-n 512"
LIMIT_PROC="200"' "web.conf:13: profile 'backup': not taken, as 'prod' is
web.conf:24: $no_init
web.conf:22: S_NICE='5': has no counterpart; LIMIT_CPU_WEIGHT shares processors"
	vps-translate web.conf 2>/dev/null >ours.conf
	vps-config --check ./ours.conf
}

@test "vps-translate: another profile, one that is not there" {
	legacy_conf web.conf www
	translate --profile backup web.conf
	expect "its addresses" [ "$(grep ^IPROOT <<<"$output")" = 'IPROOT="198.51.100.4/255.255.255.0"
IPROOTDEV="eth0"' ]
	expect "no name" [ "${output#*S_HOSTNAME}" = "$output" ]
	translate --profile none web.conf
	expect "refused" [ "$status/$output/${errors##*$'\n'}" = "1//web.conf: has no profile 'none'" ]
	echo S_HOSTNAME=x >x.conf
	translate --profile none x.conf
	expect "one without profiles is taken" [ "$status/$output" = '0/S_HOSTNAME="x"' ]
}

@test "vps-translate: addresses with and without devices and netmasks" {
	conf 'IPROOT="eth0:192.0.2.1/24 192.0.2.2/255.255.255.0"' IPROOTDEV=eth0 \
		IPROOTBCAST=192.0.2.255 S_FLAGS=fakeinit S_HOSTNAME=x
	result 0 'S_HOSTNAME="x"
IPROOT="192.0.2.1/24 192.0.2.2/255.255.255.0"
IPROOTDEV="eth0"
IPROOTBCAST="192.0.2.255"' ""
	conf 'IPROOT="eth0:192.0.2.1/24 eth1:198.51.100.1/24"' S_FLAGS=fakeinit S_HOSTNAME=x
	result 0 'S_HOSTNAME="x"
IPROOT="192.0.2.1/24 198.51.100.1/24"' "x.conf:1: addresses on several devices: IPROOTDEV is one; the host must have them before the VPS starts"
	conf IPROOT=eth0:192.0.2.1 S_FLAGS=fakeinit S_HOSTNAME=x
	expect "told" [ "${errors%%: on*}" = "x.conf:1: 192.0.2.1: has no netmask" ]
	for all in ALL 0.0.0.0; do
		conf "IPROOT=$all" IPROOTDEV=eth0 S_FLAGS=fakeinit S_HOSTNAME=x
		result 0 'S_HOSTNAME="x"' ""
	done
}

@test "vps-translate: without an address a VPS would have all of the host's: refused" {
	for wrong in 127.0.0.1 example.org 192.0.2.300 '192.0.2.1 ALL' eth0:; do
		conf "IPROOT='$wrong'" S_HOSTNAME=x
		expect "refused" [ "$status/$output" = 1/ ]
	done
}

@test "vps-translate: what would have to be executed is refused, line by line" {
	conf 'S_HOSTNAME=`hostname`' 'S_CONTEXT=$((3 + 4))' "S_NICE=\"\$NICE\"" '. /etc/common' \
		'S_CAPS=a reboot' 'f() { :; }' 'S_CONTEXT=4 && reboot' '"S_CONTEXT"=4' 'S_FLAGS="lock'
	what="is no assignment of plain words, and nothing is executed"
	result 1 "" "x.conf:1: 'S_HOSTNAME=\`hostname\`': $what
x.conf:2: 'S_CONTEXT=\$((3 + 4))': $what
x.conf:3: 'S_NICE=\"\$NICE\"': $what
x.conf:4: '. /etc/common': $what
x.conf:5: 'S_CAPS=a reboot': $what
x.conf:6: 'f() { :; }': $what
x.conf:7: 'S_CONTEXT=4 && reboot': $what
x.conf:8: '\"S_CONTEXT\"=4': $what
x.conf:9: 'S_FLAGS=\"lock': $what"
}

@test "vps-translate: conditions other than on the profile are refused" {
	for line in 'if true; then' 'case $(hostname) in' 'for i in a; do' 'while :; do' 'fi' 'esac' ';;' \
		'prod)' 'if [ "$PROFILE" = "" ] ; then reboot'; do
		conf "$line"
		expect "refused: $line" [ "$status" -eq 1 ]
	done
	conf 'if [ "$PROFILE" = "" ] ; then' 'S_CONTEXT=3' 'fi'
	expect "only the profile" [ "$status" -eq 1 ]
	conf 'case $PROFILE in' 'prod)' 'S_CONTEXT=3'
	result 1 "" "x.conf:2: profile 'prod': not taken, as '' is
x.conf:4: ends in the middle of 'if' or 'case'"
}

@test "vps-translate: words as a shell joins them, the last assignment counts" {
	conf 'S_CONTEXT=3; S_HOSTNAME=a"b"'"'c' # remark" 'S_CONTEXT=4' 'S_FLAGS="lock' 'fakeinit" ' \
		'S_CAPS="net_raw \' ' !kill"'
	result 0 'S_CONTEXT="4"
S_HOSTNAME="abc"
S_FLAGS="lock"
S_CAPS="net_raw !kill"' ""
}

@test "vps-translate: what has no counterpart is told with its line" {
	conf 'FOO=bar' 'EMPTY=' 'S_FLAGS="fakeinit ulimit"' 'S_CAPS="CAP_FOO"' 'S_CONTEXT=1' \
		'S_HOSTNAME="a b"' 'ULIMIT="-u -n 5"' 'ONBOOT=maybe' $'S_DOMAINNAME="\033[31m"'
	expect "nothing is taken" [ "$status/$output" = 0/ ]
	for line in "1: FOO='bar': has no counterpart" "3: flag 'ulimit': has no counterpart" \
		"4: capability 'CAP_FOO': there is none of this name" "5: S_CONTEXT='1': must be" \
		"6: S_HOSTNAME='a b': must be" "7: ULIMIT='-u -n': must be" \
		"8: ONBOOT='maybe': is not yes" '9: control byte 0x1b'; do
		expect "$line" grep -qF "x.conf:$line" <<<"$errors"
	done
	expect "no escape sequence" [ "${errors#*$'\033'}" = "$errors" ]
}

@test "vps-translate: the process limit is the VPS's with nproc, each user's without" {
	conf 'ULIMIT="-Hu 100"' S_FLAGS='"nproc fakeinit"' S_HOSTNAME=x
	result 0 'S_HOSTNAME="x"
S_FLAGS="nproc"
LIMIT_PROC="100"' ""
	conf 'ULIMIT="-HS -u 100 -c unlimited"' S_FLAGS=fakeinit S_HOSTNAME=x
	result 0 'S_HOSTNAME="x"
ULIMIT="-u 100 -c unlimited"' ""
}

@test "vps-translate: a directory of util-vserver" {
	util_vserver db <<-END
		context 1234
		interfaces/dev eth0
		interfaces/bcast 192.0.2.255
		interfaces/0/ip 192.0.2.20
		interfaces/0/mask 255.255.255.0
		interfaces/0/name db
		interfaces/1/ip 2001:db8::20
		interfaces/1/prefix 64
		interfaces/2/ip 192.0.2.99
		interfaces/2/disabled
		dlimits/0/directory /nowhere
		dlimits/0/space_total 1048576
		dlimits/0/inodes_total 50000
		dlimits/0/reserved 0
	END
	translate db
	page=$(getconf PAGESIZE)
	result 0 'S_CONTEXT="1234"
S_HOSTNAME="db.example.org"
S_FLAGS="lock"
S_CAPS="NET_RAW"
IPROOT="192.0.2.20/255.255.255.0 2001:db8::20/64"
IPROOTDEV="eth0"
IPROOTBCAST="192.0.2.255"
ONBOOT="yes"
LIMIT_PROC="100"
LIMIT_RSS="'"$((50000 * page)):$((100000 * page))"'"
LIMIT_DISK="1073741824"
LIMIT_INODES="50000"' "db/apps/pkgmgmt: has no counterpart
db/interfaces/2: is disabled"
}

@test "vps-translate: every file that is not known is told, wherever it is" {
	util_vserver db <<-END
		flags virt_mem
		ccapabilities raw_icmp
		fstab none /tmp tmpfs size=16m 0 0
		interfaces/0/ip 192.0.2.20
		interfaces/0/nodev
		interfaces/0/peer 192.0.2.1
		rlimits/nsock 100
		rlimits/as 10M
		rlimits/nproc.min 5
		uts/machine i686
		scripts/pre-start reboot
		sched/fill-rate 5
		apps/init/depends web
		odd 1
		name other
	END
	rm db/uts/nodename
	translate db
	expect "done" [ "$status" -eq 0 ]
	for line in "flags:2: flag 'virt_mem': has no counterpart" "ccapabilities:1: 'raw_icmp': has" \
		"fstab:2: '/tmp': is not mounted" "interfaces/0/peer: has" "rlimits/nsock: has" \
		"rlimits/as: '10M': is no number" "rlimits/nproc.min: has" "uts/machine: has" \
		"scripts: scripts are not run" "sched: has" "apps/init/depends: has" "odd: has" "name: is not taken"; do
		expect "$line" grep -qF "db/$line" <<<"$errors"
	done
	expect "no name" grep -qF "db: uts/nodename is not there" <<<"$errors"
	expect "nodev: the host has it" [ "${output#*IPROOTDEV}" = "$output" ]
}

@test "vps-translate: a directory limit is for the tree alone" {
	mkdir tree other
	util_vserver db <<-END
		dlimits/0/directory $PWD/other
		dlimits/0/space_total 1
		dlimits/1/directory $PWD/tree
		dlimits/1/space_total 8
	END
	ln -s "$PWD/tree" db/vdir
	translate db
	expect "the tree's" [ "$(grep LIMIT_DISK <<<"$output")" = 'LIMIT_DISK="8192"' ]
	expect "the other's is told" grep -qF 'db/dlimits/0: ' <<<"$errors"
}

@test "vps-translate: no configuration, none at all, too large" {
	mkdir empty
	translate empty
	result 1 "" "empty: has neither vdir nor context nor apps: is no configuration"
	translate nowhere
	result 1 "" "nowhere: No such file or directory"
	head -c 70000 /dev/zero | tr '\0' '#' >x.conf
	translate x.conf
	result 1 "" "x.conf: File too large"
	printf 'S_CONTEXT=3\0reboot\n' >x.conf
	translate x.conf
	expect "a NUL ends nothing" [ "$status" -eq 1 ]
}

@test "vps-translate: wrong use" {
	refuses "takes one FILE or DIR"
	refuses "takes one FILE or DIR" a b
	mkdir db
	refuses "--profile is for files" --profile x db
}
