# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
# What the wrappers share. A script sets $me, sources this and defines help().

PATH=${VPS_PATH:+$VPS_PATH:}@SBINDIR@:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022
config_dir=${VPS_CONFIG_DIR:-/etc/vservers}
tree_dir=${VPS_TREE_DIR:-/var/lib/vservers}
run_dir=${VPS_RUN_DIR:-/run/vps}
newline='
'

# One line, whatever bytes an operand brought along.
warn() {
	case $1 in
	*[[:cntrl:]]*) printf '%s: %s\n' "$me" "$(printf %s "$1" | tr '[:cntrl:]' '?')" >&2 ;;
	*) printf '%s: %s\n' "$me" "$1" >&2 ;;
	esac
}

die() {
	warn "$2"
	exit "$1"
}

usage() {
	die 2 "$1 (see $me --help)"
}

# --help and --version, and the end of what is no option of the script.
common_option() {
	case $1 in
	--help)
		help
		exit 0
		;;
	--version)
		printf '%s %s\n' "$me" '@VERSION@'
		exit 0
		;;
	--) ;; # a name never begins with a dash
	*) usage "unknown option '$1'" ;;
	esac
}

need_name() {
	case $1 in
	'' | *[!A-Za-z0-9._-]* | [._-]*) usage "bad name '$1'" ;;
	esac
	[ ${#1} -le 64 ] || usage "bad name '$1': longer than 64"
}

# What a tool said last, without its name, to be part of a message of ours.
reason() {
	reason=${1##*"$newline"}
	reason=${reason#*: }
}

# Is this script running under the lock of VPS $1, with its configuration? Descriptor 9
# tells: the variable alone may come from anywhere.
# shellcheck disable=SC3013 # -ef is in POSIX since 2024, and in every sh long before
configured() {
	[ "${VPS_CONFIGURED-}" = "$1" ] && [ /proc/self/fd/9 -ef "$run_dir/$1.lock" ]
}

# Runs this script again under the lock of VPS $1, with the operands that follow; it
# may be without a readable configuration when $lenient is set, and has none when $alien is.
run_locked() {
	locked=$1
	shift
	status=0
	vps-config --run --lock ${lenient:+--lenient} ${alien:+--dir "$run_dir"} "$locked" -- \
		"$0" "$@" || status=$?
	[ "$status" -le 2 ] || status=1
	return "$status"
}

# The same for all VPSes of $batch at once, with the options that follow; sets $failed.
run_batch() {
	pids=
	for name in $batch; do
		run_locked "$name" "$@" "$name" &
		pids="$pids $!"
	done
	batch=
	for pid in $pids; do
		wait "$pid" || failed=1
	done
}

# The place of VPS $1 when the host starts, 1 to 99, into $place; empty: it is not started then.
# Fails when its configuration is not readable.
find_place() {
	place=$(vps-config --get ONBOOT "$1") || return 1
	case $place in
	yes) place=50 ;;
	no) place= ;;
	esac
}

# The context of VPS $1 into $ctx and $state; fails when it has none.
find_context() {
	contexts=$(vps-stat --state --raw) || exit 1
	while read -r ctx state owner; do
		if [ "$owner" = "$1" ] && [ "$ctx" != 0 ]; then
			return 0
		fi
	done <<-END
		$contexts
	END
	ctx='' state=''
	return 1
}

# Removes context $1 and whatever is still in it.
remove_context() {
	chcontext --ctx "$1" --destroy 2>/dev/null && return 0
	vkill -c "$1" -s KILL --wait 10 2>/dev/null || :
	chcontext --ctx "$1" --destroy
}

# What was counted so far, into the ledger. Where that fails it has been said; what was counted
# stays for the next time, and nobody waits for long.
harvest() {
	timeout 30 vtraf --harvest </dev/null
}

# Is there anything on this host that is called $1?
is_known() {
	[ -e "$config_dir/$1.conf" ] || [ -L "$config_dir/$1.conf" ] ||
		[ -e "$tree_dir/$1" ] || [ -L "$tree_dir/$1" ] || [ -e "$tree_dir/.$1.img" ] ||
		[ -e "$config_dir/.$1.conf.new" ] || is_begun "$1"
}

# Is there something left of a create of VPS $1 that did not come to its end?
is_begun() {
	[ -e "$tree_dir/.$1.new" ] || [ -e "$tree_dir/..$1.new.img" ]
}

# The places of configurations and trees are there, and closed to others: whoever reaches a tree
# could use the setuid files in it.
need_places() {
	[ -d "$config_dir" ] || mkdir -p "$config_dir" || exit 1
	[ -d "$tree_dir" ] || { mkdir -p "${tree_dir%/*}" && mkdir -m 700 "$tree_dir"; } || exit 1
	mode=$(stat -c '%u %a' "$tree_dir")
	case $mode in
	'0 700') ;;
	*) die 1 "$tree_dir: must be root's and closed to others (chown root, chmod 700)" ;;
	esac
}

# The disk of VPS $1 that is being made is whole. It comes before the tree: without a directory
# nobody takes it for a VPS.
keep_disk() {
	[ -e "$tree_dir/..$1.new.img" ] || return 0
	vdisk umount "$tree_dir/.$1.new" || exit 1
	mv -T "$tree_dir/..$1.new.img" "$tree_dir/.$1.img"
}

# What is mounted on the tree of VPS $1 is its own disk: it goes with the context.
unmount_disk() {
	[ ! -e "$tree_dir/.$1.img" ] || vdisk umount "$tree_dir/$1"
}

# Removes tree $1 and its disk.
remove_tree() {
	if [ -d "$1" ] || [ -e "${1%/*}/.${1##*/}.img" ]; then
		vdisk remove "$1" || return
	fi
	if [ -e "$1" ] || [ -L "$1" ]; then
		vps-rmtree "$1" || return
	fi
}

# What a create of VPS $1 that was cut short leaves beside its tree.
remove_scraps() {
	rm -f "$run_dir/.$1.log" "$config_dir/.$1.conf.new"
}
