#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # set by capture

load ../lib/cli

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# All that there is of a tree, one line a name.
list() {
	(cd "$1" && find . -printf '%p %y %m %U %G %n %s %l %T@ %b\n' | LC_ALL=C sort)
}

@test "vps-cptree: a copy is as the original, in every respect" {
	mkdir from to
	cd from
	mkdir -p deep/er/and/deeper "$(printf 'a\nb')"
	echo one >file && ln file hard && ln file deep/er/hard && chmod 640 file
	ln -s /etc/passwd link && ln -s none dangling
	mkfifo -m 601 fifo
	truncate -s 3M hole && printf x | dd of=hole bs=1 seek=2000000 conv=notrunc 2>/dev/null
	head -c 300000 /dev/urandom >big
	chmod 4755 big && chmod 1777 deep && chmod 0 deep/er/and
	: >empty
	if [ "$EUID" -eq 0 ]; then
		chown 12:34 big link fifo deep/er
	fi
	touch -d @1000000000.5 file deep/er/and deep "$(printf 'a\nb')" . big
	touch -h -d @1000000001 link
	cd ..
	for jobs in 1 4; do
		[ "$EUID" -eq 0 ] || chmod 700 from/deep/er/and
		capture "$BUILD/vps-cptree" -j $jobs from to
		expect "nothing said" [ "$status$output$errors" = 0 ]
		expect "the same" [ "$(list from)" = "$(list to)" ]
		cmp from/big to/big && cmp from/hole to/hole
		chmod -R u+rwx to && rm -rf to && mkdir to
	done
}

@test "vps-cptree: capabilities, access lists and attributes of users" {
	requires root setfacl setcap setfattr
	mkdir from to && echo x >from/file && mkdir from/dir
	setfacl -m u:1234:rw from/file && setfacl -d -m g:77:rx from/dir
	setcap cap_net_raw+ep from/file
	setfattr -n user.color -v blue from/file
	setfattr -n trusted.mine -v no from/file
	capture "$BUILD/vps-cptree" from to
	expect "done" [ "$status" = 0 ]
	expect "the same lists" [ "$(getfacl -R from 2>/dev/null | tail -n +2)" = "$(getfacl -R to 2>/dev/null | sed s/to/from/ | tail -n +2)" ]
	expect "capabilities" [ "$(getcap to/file)" = 'to/file cap_net_raw=ep' ]
	expect "the user's, not the host's" [ "$(getfattr -d -m - to/file 2>/dev/null | grep -c -e user.color -e trusted)" = 1 ]
}

@test "vps-cptree: a default access list is not inherited by what is copied" {
	requires root setfacl
	mkdir -p from/d/sub to && echo s >from/d/key && chmod 640 from/d/key
	mkfifo -m 660 from/d/fifo && ln from/d/key from/d/other
	setfacl -d -m u:1234:rwx from/d
	capture "$BUILD/vps-cptree" from to
	expect "done" [ "$status$errors" = 0 ]
	expect "the same lists" [ "$(cd from && getfacl -R . 2>/dev/null)" = "$(cd to && getfacl -R . 2>/dev/null)" ]
}

@test "vps-cptree: slashes, and paths longer than the kernel takes at once" {
	mkdir -p from/a to && echo x >from/a/file
	capture "$BUILD/vps-cptree" from/// to/
	expect "a copy" [ "$status$(cat to/a/file)" = 0x ]
	name=$(printf 'n%.0s' {1..250})
	(cd from && for _ in {1..20}; do mkdir "$name" && cd "$name" || exit; done
		echo deep >file && ln file link)
	rm -rf to/a
	capture "$BUILD/vps-cptree" from to
	expect "done" [ "$status$errors" = 0 ]
	expect "all of it" [ "$("$BUILD/vdu" --raw from | cut -d ' ' -f 1,2)" = "$("$BUILD/vdu" --raw to | cut -d ' ' -f 1,2)" ]
	"$BUILD/vps-rmtree" from to
}

@test "vps-cptree: a name that becomes another file takes none of its links along" {
	requires root
	mkdir -p from/big from/a/b/c/d/live/snap from/a/b/c/d/live/snap2
	# While one thread copies the first, another waits with what it has seen of the live name.
	head -c 200000000 /dev/zero >from/big/file && ln from/big/file from/big/link
	for _ in {1..8}; do
		rm -rf to && mkdir to
		echo old >from/a/b/c/d/live/file
		ln -f from/a/b/c/d/live/file from/a/b/c/d/live/snap/file && ln -f from/a/b/c/d/live/file from/a/b/c/d/live/snap2/file
		"$BUILD/vps-cptree" -j 2 from to 3>&- &
		copier=$!
		until [ -s to/big/file ] || [ -s to/big/link ]; do sleep 0.001; done
		echo NEW >from/new && mv from/new from/a/b/c/d/live/file
		wait "$copier"
		expect "snapshots as they are" [ "$(cat to/a/b/c/d/live/*/file)" = "old
old" ]
	done
}

@test "vps-cptree: a lease on a file is waited for" {
	requires root
	mkdir from to && echo x >from/file
	perl -e 'use Fcntl; open my $f, "+<", "from/file" or die; $SIG{IO} = sub { fcntl($f, 1024, 2) };
		fcntl($f, 1024, 1) or die; $| = 1; print "held\n"; sleep 20' >held 3>&- &
	holder=$!
	until [ -s held ]; do sleep 0.01; done
	capture "$BUILD/vps-cptree" from to
	kill "$holder" 2>/dev/null || :
	wait "$holder" 2>/dev/null || :
	expect "a copy" [ "$status$(cat to/file)" = 0x ]
}

@test "vps-cptree: devices are left out and counted, sockets are left out" {
	requires root
	mkdir from to && mknod from/null c 1 3 && mknod from/disk b 8 0
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "from/socket", Listen => 1)'
	capture "$BUILD/vps-cptree" from to
	expect "said" [ "$status$errors" = "0vps-cptree: from: 2 device nodes are left out" ]
	expect "nothing" [ -z "$(ls -A to)" ]
}

@test "vps-cptree: files share their space where the file system can" {
	requires root mkfs.btrfs
	truncate -s 300M disk && mkfs.btrfs -q disk && mkdir mnt
	# Twice what is in it would not find room.
	capture unshare --mount sh -c 'mount -o loop disk mnt && mkdir mnt/from mnt/to &&
		head -c 120000000 /dev/urandom >mnt/from/big && sync && "$1" mnt/from mnt/to &&
		cmp mnt/from/big mnt/to/big && head -c 100000000 /dev/zero >mnt/other' sh \
		"$BUILD/vps-cptree"
	expect "room for all" [ "$status$errors" = 0 ]
}

@test "vps-cptree: what is there is not overwritten, and nothing is followed" {
	mkdir from to other && echo new >from/file && echo old >other/file
	ln -s ../other to/sub && mkdir from/sub && echo new >from/sub/file
	capture "$BUILD/vps-cptree" from to
	expect "refused" [ "$status$errors" = "1vps-cptree: from/sub: copy: File exists" ]
	expect "untouched" [ "$(cat other/file)" = old ]
	rm -rf to/* && ln -s ../other/file to/file
	capture "$BUILD/vps-cptree" from to
	expect "refused" [ "$status" = 1 ]
	expect "untouched" [ "$(cat other/file)" = old ]
}

@test "vps-cptree: a full disk ends it with one line" {
	requires root
	mkdir from to && head -c 3000000 /dev/urandom >from/big && mkdir from/{1..50}
	capture unshare --mount sh -c 'mount -t tmpfs -o size=1m none to && exec "$1" from to' sh \
		"$BUILD/vps-cptree"
	expect "the reason" [ "$status$errors" = "1vps-cptree: from/big: copy: No space left on device" ]
}

@test "vps-cptree: a tree that changes under it never leads outside" {
	requires root
	mkdir -p from/dir/sub outside && echo secret >outside/secret && echo x >from/dir/sub/file
	# A directory is a link to somewhere else every other moment.
	(cd from && while :; do
		mv dir was && ln -s ../outside dir
		rm dir && mv was dir
	done) 2>/dev/null 3>&- &
	churner=$!
	for _ in {1..40}; do
		mkdir to
		"$BUILD/vps-cptree" from to 2>/dev/null || :
		[ ! -e to/dir/secret ] || [ -L to/dir ]
		rm -rf to
	done
	kill "$churner"
	wait "$churner" 2>/dev/null || :
	expect "only what was there" [ "$(ls outside)" = secret ]
}

@test "vps-cptree: wrong use" {
	for words in '' from 'from to more' '-j 0 from to' '-j x from to'; do
		# shellcheck disable=SC2086 # words
		capture "$BUILD/vps-cptree" $words
		expect "wrong use of '$words'" [ "$status" = 2 ]
	done
	capture "$BUILD/vps-cptree" none nowhere
	expect "missing" [ "$status$errors" = "1vps-cptree: none: No such file or directory" ]
}
