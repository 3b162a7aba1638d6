#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers
# At whoever starts or enters a VPS: the terminal, the tool's file, the process itself.

load ../lib/system
load ../lib/escape

on_terminal() {
	requires script
	[ -p "$T/quiet" ] || mkfifo "$T/quiet"
	SHELL=/bin/bash TERM=dumb timeout 30 script -qec "$1" /dev/null <>"$T/quiet" | tr -d '\r'
}

# Types a command line into the terminal; a shell that reads it there afterwards runs it.
typed() {
	on_terminal "$1; read -t 0.3 line; echo got=\$line"
}

@test "escape: by typing into the admin's terminal" {
	run -0 typed "$BUILD/escape/attempt type-ahead 'evil
'"
	[ "${lines[-1]}" = got=evil ]
	for userns in auto no; do
		for what in type-ahead type-ahead-high; do
			run -0 typed "chcontext --silent --ctx $ctx --root $root --userns $userns -- /attempt $what 'evil
'"
			[[ $output == *"refused: TIOCSTI: EPERM"* ]]
			[ "${lines[-1]}" = got= ]
		done
		hold sleep 1000
		for user in root user; do
			run -0 typed "vps-enter $ctx -u $user -- /attempt type-ahead 'evil
'"
			[[ $output == *"refused: TIOCSTI: EPERM"* ]]
			[ "${lines[-1]}" = got= ]
		done
		release TERM
	done
}

@test "escape: the terminal inside is never the admin's" {
	control on_terminal "chroot $root /bin/busybox stat -L -c %d:%i /dev/fd/0 || chroot $root true"
	for userns in auto no; do
		outside=$(on_terminal "stat -L -c %d:%i /proc/self/fd/0")
		hold sleep 1000
		inner=$(on_terminal "vps-enter $ctx stat -L -c %d:%i /proc/self/fd/0")
		[ -n "$inner" ]
		[ "$inner" != "$outside" ]
		release TERM
	done
}

# A library that is preloaded into whatever is executed from the host's file in this tree: it
# opens that very file and lets somebody else write it when it is executed no more
# (CVE-2019-5736).
make_trap() {
	requires cc
	"${CC:-cc}" -shared -fPIC -o "$root/trap.so" "$SRC/tests/escape/trap.c"
	echo /trap.so >"$root/etc/ld.so.preload"
	for tool; do
		ldd "$tool" | grep -o '/[^ ]*'
	done | sort -u | while read -r lib; do
		mkdir -p "$root${lib%/*}"
		cp -L "$lib" "$root$lib"
	done
	printf '#!/proc/self/exe\n' >"$root/bin/trap"
	chmod 755 "$root/bin/trap"
}

@test "escape: by overwriting the tool that enters" {
	for tool in chcontext vps-enter; do
		cp "$BUILD/shared/$tool" "$T/$tool"
		sum=$(sha256sum <"$T/$tool")
		make_trap "$T/$tool"
		for userns in auto no; do
			rm -f "$root/result"
			if [ $tool = chcontext ]; then
				run "$T/chcontext" --silent --ctx "$ctx" --root "$root" --userns $userns \
					--disconnect /bin/trap
			else
				hold sleep 1000
				run "$T/vps-enter" "$ctx" /bin/trap
			fi
			wait_until test -s "$root/result"
			case $tool in
			chcontext) wait_until is_empty "$ctx" && chcontext --ctx "$ctx" --destroy ;;
			*) release TERM ;;
			esac
			[[ $(cat "$root/result") == refused:* ]]
			[ "$(sha256sum <"$T/$tool")" = "$sum" ]
		done
	done
}

@test "escape: control of the above: a tool that is not sealed is overwritten" {
	cp "$(command -v nsenter)" "$T/nsenter"
	make_trap "$T/nsenter"
	sum=$(sha256sum <"$T/nsenter")
	userns=no
	hold sleep 1000
	run "$T/nsenter" -t "$(vps-stat --pids -c "$ctx")" --mount --pid --root /bin/trap
	wait_until test -e "$root/result"
	wait_until differs
	release TERM
}

differs() {
	[ "$(sha256sum <"$T/nsenter")" != "$sum" ]
}

# watched STATUS: what the watcher had of the process that entered and ended so.
watched() {
	if [ "$(engine)" = kernel ]; then
		# It is no process of the VPS before it is about to execute: there is nothing to see.
		vkill -c "$ctx" -s KILL || :
	else
		[ "$1" -ne 0 ] # refused, or ended by the watcher's end
	fi
	wait "$holder" || :
	holder=
	if [ "$(engine)" = kernel ]; then
		run ! grep -x breached "$T/hold.log"
	else
		has_line "$T/hold.log" '^shut$'
	fi
}

# Until the watcher has ended, who may come too late on a busy machine to see the first who enters.
# In the kernel engine's contexts it does not see any.
enter_watched() {
	tries=100
	[ "$(engine)" != kernel ] || tries=3
	while [ $((tries -= 1)) -ge 0 ] && kill -0 "$holder" 2>/dev/null; do
		run vps-enter "$ctx" -u u200000 true
	done
	[ "$(engine)" = kernel ] || [ $tries -ge 0 ]
}

# A long /etc/passwd keeps the entering process busy inside, where the watcher sees it.
@test "escape: by looking into a process that enters" {
	seq 2000 200000 | sed 's/.*/u&:x:&:100:a user of many:\/:\/bin\/sh/' >>"$root/etc/passwd"
	net=none # where Landlock is no wall
	for userns in auto no; do
		for as in 0 1000; do
			rm -f "$root"/tmp/*
			hold /attempt -u $as watch vps-enter /tmp/ready
			wait_until test -e "$root/tmp/ready"
			enter_watched
			watched "$status"
			cat "$T/hold.log"
		done
	done
}

@test "escape: control of the above: the watcher sees into an ordinary process" {
	net=none
	for userns in auto no; do
		run -0 inside sh -c 'sleep 1000 & exec /attempt watch sleep /tmp/ready'
		[ "${lines[-1]}" = breached ]
	done
}

@test "escape: into the host by its abstract sockets" {
	requires landlock-scope
	"$BUILD/escape/attempt" listen-abstract "$TAG" "$T/listens" 3>&- &
	listener=$!
	wait_until test -e "$T/listens"
	control chroot "$root" /attempt connect-abstract "$TAG"
	[ "$output" = host ]
	everywhere breach_refused connect-abstract "$TAG"
	end "$listener"
}

@test "escape: the host's abstract sockets, with a network of its own" {
	"$BUILD/escape/attempt" listen-abstract "$TAG" "$T/listens" 3>&- &
	listener=$!
	wait_until test -e "$T/listens"
	for userns in auto no; do
		run -1 chcontext --silent --ctx "$ctx" --root "$root" --net none --userns $userns -- \
			/attempt connect-abstract "$TAG"
		[ "$output" = "refused: connect: ECONNREFUSED" ]
	done
	end "$listener"
}
