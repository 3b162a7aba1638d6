#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# By what a VPS puts into its own tree for the host's tools to stumble on.

load ../lib/system
load ../lib/escape

more_setup() {
	requires userns
	new_root
	cp "$BUILD/escape/attempt" "$root/attempt"
	part_of_host
}

start_detached() {
	run chcontext --silent --ctx "$ctx" --root "$root" --userns "$userns" --disconnect -- \
		sh -c 'echo output; echo more >>/dev/console; exec sleep 1000'
}

# What it started; it may have refused to.
end_detached() {
	[ "$status" -eq 125 ] || vkill -c "$ctx" -s KILL --wait 10
	[ "$status" -eq 125 ] || chcontext --ctx "$ctx" --destroy
}

@test "escape: dev, proc or sys of the tree is a link to the host's" {
	for dir in dev proc sys; do
		for to in "$host/$dir" "../../host/$dir" "/..$host/$dir" /proc/self/cwd; do
			for userns in auto no; do
				rm -rf "${root:?}/$dir"
				ln -s "$to" "$root/$dir"
				start_detached
				[ "$status" -eq 125 ]
				one_line "chcontext: *$dir*"
				no_context "$ctx"
				is_unchanged
			done
		done
		rm "$root/$dir"
		mkdir "$root/$dir"
	done
	ln -s "$host/dev" "$root/by-hand"
	control touch "$root/by-hand/null"
	[ "$(fingerprint)" != "$before" ]
}

# By path, as others have done it.
naive() {
	for _ in $(seq 100); do
		mkdir -p "$root/dev/made" 2>/dev/null || :
		[ ! -e "$host/dev/made" ] || return 0
	done
	return 1
}

# exchange_while_starting DIR: with what $root/link is, and back, again and again.
exchange_while_starting() {
	"$BUILD/escape/attempt" exchange "$root/$1" "$root/link" 3>&- &
	racer=$!
	for _ in $(seq "$((${VPS_TEST_ROUNDS:-16} / 2))"); do
		for userns in auto no; do
			run inside /attempt open-to-write /proc/sys/kernel/core_pattern
			# Refused, without such a file (2), or not started.
			case $status in
			1 | 2 | 125) ;;
			*) echo "$status: $output" >&2 && false ;;
			esac
			is_unchanged
		done
	done
}

@test "escape: what is mounted on is exchanged for a link while it starts (CVE-2021-30465)" {
	for dir in proc dev; do
		ln -s "$host/$dir" "$root/link"
		exchange_while_starting $dir
		[ $dir = proc ] || control naive
		end "$racer"
		find "$root/$dir" "$root/link" -maxdepth 0 -type l -delete
		[ ! -d "$root/link" ] || mv "$root/link" "$root/$dir"
	done
}

@test "escape: what is mounted on is exchanged for another directory while it starts" {
	mkdir "$root/link"
	for dir in proc dev sys; do
		exchange_while_starting $dir
		end "$racer"
	done
}

@test "escape: the console's log is a link, a directory, a fifo or a device" {
	log=$root/var/log/console.log
	for make in "ln -s $host/file" "ln -s ../../../../../$host/file" "ln $root/etc/passwd" \
		mkdir mkfifo "mknod -m 666"; do
		case $make in
		mknod*) set -- "$log" c 1 1 ;;
		*) set -- "$log" ;;
		esac
		for userns in auto no; do
			rm -rf "$log"
			$make "$@"
			start_detached
			is_unchanged
			end_detached
		done
	done
	rm -rf "$log"
	ln -s "$host/file" "$log"
	control sh -c "echo output >>$log"
	[ "$(fingerprint)" != "$before" ]
}

@test "escape: var or var/log of the tree is a link to the host's" {
	for userns in auto no; do
		for make in "var/log $host/var/log" "var $host/var"; do
			rm -rf "${root:?}/var"
			mkdir -p "$root/var"
			rm -rf "${root:?}/${make% *}"
			ln -s "${make#* }" "$root/${make% *}"
			start_detached
			is_unchanged
			end_detached
		done
	done
	control sh -c "echo output >>$root/var/log/console.log"
	[ "$(fingerprint)" != "$before" ]
}

@test "escape: users are never those of the host" {
	ln -sf "$host/etc/passwd" "$root/etc/passwd"
	control grep -q only-on-host "$root/etc/passwd"
	for userns in auto no; do
		hold sleep 1000
		run -125 vps-enter "$ctx" -u only-on-host true
		one_line "vps-enter: *only-on-host*"
		release TERM
	done
	is_unchanged
}

@test "escape: a tree that is a link, or that strangers can reach, is not started" {
	ln -s "$root" "$VPS_TREE_DIR/link"
	for userns in auto no; do
		run -125 chcontext --silent --ctx "$ctx" --root "$VPS_TREE_DIR/link" --userns $userns true
		one_line "chcontext: $VPS_TREE_DIR/link: *"
		chmod 755 "$T" "$VPS_TREE_DIR"
		run -125 chcontext --silent --ctx "$ctx" --root "$root" --userns $userns true
		one_line "chcontext: $root: *"
		chmod 700 "$VPS_TREE_DIR"
		run -0 chcontext --silent --ctx "$ctx" --root "$root" --userns $userns true
	done
	no_context "$ctx"
}

@test "escape: a setuid file of a VPS, run by a stranger on the host" {
	chmod 711 "$T"
	for userns in auto no; do
		run -0 inside sh -c 'cp /attempt /suid; chown 0:0 /suid; chmod 4755 /suid'
		[ "$(stat -c '%u %a' "$root/suid")" = "0 4755" ]
		# It works inside, and is out of reach outside.
		run -0 inside /attempt -u 1000 exec /suid read /proc/self/status
		[[ $output == *Uid:?1000?0?0?0* ]]
		run attempt -u 65534 exec "$root/suid" read /proc/self/status
		[ "$status" -ne 0 ]
		[[ $output == *"Permission denied"* ]]
	done
	cp "$root/suid" "$T/suid"
	chmod 4755 "$T/suid"
	control attempt -u 65534 exec "$T/suid" read /proc/self/status
	[[ $output == *Uid:?65534?0?0?0* ]]
}

# Makes $T/evil.tar; members that tar itself would not write.
evil_tar() {
	mkdir -p "$T/members/sub"
	echo overwritten >"$T/members/file"
	(
		cd "$T/members" || exit
		ln -s "$host" link
		ln -s / slash
		tar -cf "$T/evil.tar" link slash
		tar -rf "$T/evil.tar" --transform "s|^file|link/file|" file
		tar -rf "$T/evil.tar" -P --transform "s|^file|$host/file|" file
		tar -rf "$T/evil.tar" -P --transform "s|^file|../../host/file|" file
		tar -rf "$T/evil.tar" -P --transform "s|^file|slash$host/file|" file
		tar -rf "$T/evil.tar" -P --transform "s|^file|sub/../../../../..$host/file|" file
	)
}

@test "escape: a tar whose members lie outside" {
	evil_tar
	run vps-create "${TAG}evil" --from "$T/evil.tar"
	is_unchanged
	# Whether it is made or not: nothing of it is half made.
	case $status in
	0) [ -d "$VPS_TREE_DIR/${TAG}evil" ] ;;
	1) [ ! -e "$VPS_TREE_DIR/${TAG}evil" ] && [ ! -e "$VPS_CONFIG_DIR/${TAG}evil.conf" ] ;;
	esac
	[ ! -e "$VPS_TREE_DIR/.${TAG}evil.new" ]
	mkdir "$T/plain"
	run tar -C "$T/plain" -xPf "$T/evil.tar" # the control
	[ "$(cat "$host/file")" = overwritten ]
}

# The wall behind tar's own care: who unpacks is a stranger to the host.
@test "escape: who unpacks is root in the tree and a stranger outside of it" {
	chmod 711 "$T"
	for try in "echo x >$host/file" "rm $host/file" "touch $host/new" "ln -s x $host/link" \
		"chmod 777 $host/file" "echo x >link/file" "mknod node b 8 0 && cat node" \
		"chroot $host /bin/true" "mount --bind $host mnt && touch mnt/new"; do
		ln -sfn "$host" "$root/link"
		mkdir -p "$root/mnt"
		run -1 chcontext --silent --ctx "$ctx" --tree "$root" -- sh -c "{ $try; } || exit 1"
		is_unchanged
	done
	run -0 chcontext --silent --ctx "$ctx" --tree "$root" -- sh -c 'echo x >own; chown 5:5 own'
	control sh -c "echo x >$host/file"
}

@test "escape: a tar with device nodes makes none" {
	mkdir -p "$T/members/bin"
	mknod "$T/members/zero" c 1 5
	mknod "$T/members/disk" b 8 0
	cp "$root/bin/busybox" "$T/members/bin/"
	tar -C "$T/members" -cf "$T/nodes.tar" .
	run -0 vps-create "${TAG}nodes" --from "$T/nodes.tar"
	[ -z "$(find "$VPS_TREE_DIR/${TAG}nodes" -type b -o -type c)" ]
	[ -x "$VPS_TREE_DIR/${TAG}nodes/bin/busybox" ]
	mkdir "$T/plain"
	control tar -C "$T/plain" -xf "$T/nodes.tar"
	[ -b "$T/plain/disk" ]
}

@test "escape: destroy follows no link and crosses no mount" {
	new_vps
	ln -s "$host" "$root/link"
	mkdir "$root/mnt"
	mount --bind "$host" "$root/mnt"
	run -1 vps-destroy --yes "$name"
	[ -d "$root" ]
	is_unchanged
	umount "$root/mnt"
	run -0 vps-destroy --yes "$name"
	[ ! -e "$root" ]
	is_unchanged
}
