#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154,SC2034,SC2016,SC2030,SC2031 # set by run, used by the helpers

load ../lib/system

more_setup() {
	requires userns
	name=$TAG
	tree=$VPS_TREE_DIR/$name
	image=$VPS_TREE_DIR/.$name.img
}

more_teardown() {
	[ -z "${quota_trees-}" ] || rm -rf --one-file-system "$quota_trees"
}

# Trees are where the file system holds limits of projects.
on_quota() {
	requires project-quota
	quota_trees=$(mktemp -d "$(quota_mount)/vps-test.XXXXXX")
	export VPS_TREE_DIR=$quota_trees
	tree=$VPS_TREE_DIR/$name
}

# make OPTION...: a VPS, and its number when it is started.
make() {
	free_ctx
	vps-create "$name" --ctx "$ctx" "$@"
}

# Inside.
in_vps() {
	vps-enter "$name" -- sh -c "$1"
}

# field RESOURCE NUMBER: of what vlimit says of the context.
field() {
	vlimit -c "$ctx" --raw | awk -v r="$1" -v n="$2" '$2 == r { print $n }'
}

# df_field NUMBER [OPTION]: of df inside, for its root.
df_field() {
	in_vps "df -P -k ${2-} /" | awk -v n="$1" 'NR == 2 { print $n }'
}

no_device() {
	[ -z "$(losetup --noheadings --output NAME --associated "$image")" ]
}

is_unmounted() {
	! mountpoint -q "$tree"
}

# Writes inside until it is refused: what the last error was.
fill() {
	in_vps 'i=0; while dd if=/dev/zero of=/fill bs=64k count=1 seek=$i conv=notrunc 2>/tmp/why; do i=$((i + 1)); done
		tail -n 1 /tmp/why; dd if=/dev/zero of=/fill2 bs=1k count=100 2>&1 | head -n 1'
}

# Makes files inside until it is refused.
fill_inodes() {
	in_vps 'mkdir -p /many; cd /many; i=0
		while true >$i; do i=$((i + 1)); done 2>/dev/null; echo $i'
}

sums() {
	(cd "$tree" && find bin etc data -type f -print0 2>/dev/null | sort -z | xargs -0 sha1sum)
}

# All that a start does not touch.
list_tree() {
	(cd "$tree" && find bin etc srv -printf '%p %y %m %U %G %n %l %TY\n' | sort)
}

# What a start writes to logs is on the disk.
is_counted() {
	sync -f "$tree" && vdu --ctx "$ctx" --verify
}

# ---- images ----------------------------------------------------------------------------

@test "disk: an image ends where its limit is, for bytes, and df says so" {
	requires images losetup
	make --disk 64M --disk-kind image
	vps-start "$name"
	[ "$(field disk 6)" -eq $((64 << 20)) ]
	run fill
	[[ $output == *'No space left on device'* ]]
	[ "$(field disk 3)" -gt $((63 << 20)) ]
	[ "$(df_field 4)" -lt 256 ]
	[ "$(df_field 4)" -eq $((($(field disk 6) - $(field disk 3)) / 1024)) ]
	[ "$(df_field 2)" -le $((64 << 10)) ]
	[ "$(df_field 2)" -ge $((50 << 10)) ]
	in_vps 'rm /fill'
	in_vps 'echo again >/more'
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: an image ends where its limit is, for inodes, and is never less tight" {
	requires images
	make --disk 128M --inodes 1000 --disk-kind image
	run -0 vps-config --get LIMIT_INODES "$name"
	[ -z "$output" ]
	vps-start "$name"
	limit=$(field inodes 6)
	[ "$limit" -le 1000 ] && [ "$limit" -gt 900 ]
	run -0 fill_inodes
	[ "$(field inodes 3)" -eq "$limit" ]
	[ "$(df_field 2 -i)" -eq "$limit" ]
	[ "$(df_field 4 -i)" -eq 0 ]
	# What is not below holds; what is cannot be had.
	vlimit -c "$ctx" --inodes 1000
	run -1 vlimit -c "$ctx" --inodes 500
	one_line "vlimit: inodes: an image's number of files *"
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: an image is mounted while its VPS runs, and nothing is left of it after" {
	requires images losetup
	make --disk 32M --disk-kind image
	is_unmounted
	no_device
	[ "$(stat -c '%u %a' "$image")" = '0 600' ]
	vps-start "$name"
	mountpoint -q "$tree"
	vps-stop "$name"
	is_unmounted
	wait_until no_device
	vps-start "$name"
	in_vps 'test -s /bin/busybox'
	vps-stop "$name"
	vps-destroy --yes "$name"
	[ -z "$(ls -A "$VPS_TREE_DIR")" ]
}

@test "disk: for the host's users an image is without setuid and devices, inside setuid works" {
	requires images
	build_attempt
	make --disk 32M --disk-kind image
	vdisk mount "$tree"
	cp "$BUILD/escape/attempt" "$tree/attempt"
	vps-start "$name"
	options=$(awk -v p="$tree" '$5 == p { print $6 }' /proc/self/mountinfo)
	[[ ,$options, == *,nosuid,* ]]
	[[ ,$options, == *,nodev,* ]]
	in_vps 'echo secret >/secret && chmod 600 /secret && chmod 4755 /attempt'
	run -0 vps-enter "$name" -u www-data -- /attempt read /secret
	[ "$output" = secret ]
	in_vps 'chmod 755 /attempt'
	run -1 vps-enter "$name" -u www-data -- /attempt read /secret
	[ "$(stat -c %u "$tree/attempt")" -eq 0 ]
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: an image takes its space at once, a sparse one when it is written to" {
	requires images
	make --disk 200M --disk-kind image
	[ $(($(stat -c %b "$image") * 512)) -ge $((200 << 20)) ]
	run -0 vdisk status --raw "$tree"
	[ "$output" = "image unmounted $((200 << 20)) - - - $tree" ]
	vps-destroy --yes "$name"
	make --disk 200M --disk-kind image --sparse
	[ $(($(stat -c %b "$image") * 512)) -lt $((50 << 20)) ]
	run -0 vps-config --get DISK_SPARSE "$name"
	[ "$output" = yes ]
	vps-start "$name"
	run -0 vdisk status --raw "$tree"
	[[ $output == "image mounted,sparse "* ]]
	vps-stop "$name"
	# Without the word in its configuration it is not run sparse.
	sed -i /DISK_SPARSE/d "$VPS_CONFIG_DIR/$name.conf"
	vps-start "$name"
	[ $(($(stat -c %b "$image") * 512)) -ge $((200 << 20)) ]
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: what is reserved stays so when the host trims its file systems" {
	requires images losetup
	make --disk 64M --disk-kind image
	vdisk mount "$tree"
	fstrim "$tree" 2>/dev/null || :
	[ $(($(stat -c %b "$image") * 512)) -ge $((64 << 20)) ]
	vdisk umount "$tree"
	vps-destroy --yes "$name"
}

@test "disk: no more is promised than there is, sparse or not" {
	requires images
	mount -t tmpfs -o size=100m,mode=700 none "$VPS_TREE_DIR"
	for sparse in '' --sparse; do
		run -1 make --disk 200M --disk-kind image $sparse
		one_line "vdisk: *: more than the host has left *"
		[ -z "$(ls -A "$VPS_TREE_DIR")" ]
	done
	make --disk 60M --disk-kind image --sparse
	mkdir -m 700 "$VPS_TREE_DIR/second"
	run -1 vdisk create --size 60M --sparse --kind image "$VPS_TREE_DIR/second"
	one_line "vdisk: *: more than the host has left *"
	rmdir "$VPS_TREE_DIR/second"
	vps-destroy --yes "$name"
	umount "$VPS_TREE_DIR"
}

@test "disk: where the host is full after all, a sparse image says so, and is whole again later" {
	requires images
	mount -t tmpfs -o size=100m,mode=700 none "$VPS_TREE_DIR"
	make --disk 60M --disk-kind image --sparse
	vps-start "$name"
	in_vps 'echo before >/before && sync'
	# Files of the host's own that were not promised to anybody.
	dd if=/dev/zero of="$VPS_TREE_DIR/own" bs=1M 2>/dev/null || :
	run ! in_vps 'dd if=/dev/zero of=/fill bs=1M count=30 conv=fsync'
	[[ $output == *'I/O error'* || $output == *'No space left'* || $output == *'Read-only'* ]]
	vps-stop "$name"
	run -0 vps-doctor --raw
	[[ $output == *"promised"* ]]
	rm "$VPS_TREE_DIR/own"
	vps-start "$name"
	[ "$(cat "$tree/before")" = before ]
	in_vps 'rm -f /fill && dd if=/dev/zero of=/fill bs=1M count=20 conv=fsync'
	vps-stop "$name"
	vps-destroy --yes "$name"
	umount "$VPS_TREE_DIR"
}

@test "disk: an image is made larger and smaller between stop and start" {
	requires images
	make --disk 64M --disk-kind image
	before=$(vdisk mount "$tree" && sums && vdisk umount "$tree")
	for size in 160M 40M 100M; do
		vps-set "$name" --disk "$size"
		vps-start "$name"
		[ "$(field disk 6)" -eq $((${size%M} << 20)) ]
		[ "$(stat -c %s "$image")" -eq $((${size%M} << 20)) ]
		[ "$(sums)" = "$before" ]
		vps-stop "$name"
	done
	vps-destroy --yes "$name"
}

@test "disk: an image does not shrink under a running VPS, nor below what is in it" {
	requires images
	make --disk 100M --disk-kind image
	vps-start "$name"
	run -1 vps-set "$name" --disk 50M
	one_line "vps-set: $name: *shrinks only while its VPS is stopped"
	[ "$(vps-config --get LIMIT_DISK "$name")" = 100M ]
	in_vps 'dd if=/dev/zero of=/fill bs=1M count=60 2>/dev/null'
	vps-stop "$name"
	run -1 vdisk shrink --size 40M "$tree"
	one_line "vdisk: resize2fs: *minimum*"
	run -1 vdisk grow --size 50M "$tree"
	one_line "vdisk: $tree: is larger already"
	vps-start "$name"
	[ "$(stat -c %s "$tree/fill")" -eq $((60 << 20)) ]
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: an image grows while something writes to it" {
	requires images grow
	make --disk 64M --disk-kind image
	vps-start "$name"
	in_vps 'setsid sh -c "i=0; while [ ! -e /stop ]; do dd if=/dev/zero of=/f bs=1M count=8 conv=fsync; i=\$((i + 1)); echo \$i >/turns; done" >/dev/null 2>&1 &'
	wait_until test -s "$tree/turns"
	for size in 80M 128M 300M; do
		vps-set "$name" --disk "$size"
		[ "$(field disk 6)" -eq $((${size%M} << 20)) ]
		turns=$(<"$tree/turns")
		wait_until eval '[ "$(cat "$tree/turns")" -gt "$turns" ]'
	done
	[ "$(df_field 2)" -gt $((270 << 10)) ]
	in_vps ': >/stop'
	vps-stop "$name"
	e2fsck -fn "$image"
	vps-destroy --yes "$name"
}

@test "disk: where growing is a privilege it waits for the next start" {
	requires images no-grow
	make --disk 64M --disk-kind image
	vps-start "$name"
	run -1 vps-set "$name" --disk 100M
	one_line "vps-set: $name: *to grow under a running VPS takes CAP_SYS_RESOURCE; stop it first"
	[ "$(field disk 6)" -eq $((64 << 20)) ]
	[ "$(stat -c %s "$image")" -eq $((64 << 20)) ]
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: a change of size that is killed at any moment loses nothing" {
	requires images
	make --disk 200M --disk-kind image
	vdisk mount "$tree"
	mkdir "$tree/data"
	cp -a /usr/include/linux "$tree/data/"
	dd if=/dev/urandom of="$tree/data/big" bs=1M count=20 2>/dev/null
	before=$(sums)
	vdisk umount "$tree"
	for ((round = 0; round < ${VPS_TEST_ROUNDS:-8}; round++)); do
		delay=0.$(printf %03d $((5 + RANDOM % 200)))
		for action in 'shrink --size 80M' 'grow --size 200M'; do
			# shellcheck disable=SC2086 # words
			setsid vdisk $action "$tree" >/dev/null 2>&1 3>&- &
			victim=$!
			sleep "$delay"
			kill -KILL -- "-$victim" 2>/dev/null || :
			wait "$victim" 2>/dev/null || :
		done
		vdisk mount "$tree"
		[ "$(sums)" = "$before" ]
		vdisk umount "$tree"
		wait_until no_device
		e2fsck -fn "$image"
		[ ! -e "$image.undo" ]
	done
	vdisk grow --size 200M "$tree" || vdisk shrink --size 200M "$tree"
	[ "$(stat -c %s "$image")" -eq $((200 << 20)) ]
	vps-destroy --yes "$name"
}

@test "disk: a change of size after one that was cut short begins with what is there" {
	requires images losetup
	make --disk 200M --disk-kind image
	vdisk mount "$tree"
	mkdir "$tree/data"
	head -c 40000000 /dev/urandom >"$tree/data/big"
	before=$(sums)
	vdisk umount "$tree"
	# As if killed when resize2fs had done, and its record was still there.
	cp --sparse=always "$image" "$T/copy"
	loop=$(losetup --find --show "$image")
	e2fsck -fp "$loop" >/dev/null || [ $? -eq 1 ]
	resize2fs -z "$image.undo" "$loop" 90M
	losetup --detach "$loop"
	[ "$(vdisk status --raw "$tree" | cut -d ' ' -f 3)" -eq $((90 << 20)) ]
	# A record that cannot be made, since something is in its way, ends the next change.
	run -0 vdisk shrink --size 90M "$tree"
	[ ! -e "$image.undo" ]
	[ "$(stat -c %s "$image")" -eq $((90 << 20)) ]
	vdisk mount "$tree"
	[ "$(sums)" = "$before" ]
	vdisk umount "$tree"
	wait_until no_device
	e2fsck -fn "$image"
	# A file that is longer than what is in it gives the rest back.
	truncate -s 150M "$image"
	vdisk grow --size 90M "$tree"
	[ "$(stat -c %s "$image")" -eq $((90 << 20)) ]
	truncate -s 150M "$image"
	vdisk mount "$tree"
	[ "$(stat -c %s "$image")" -eq $((90 << 20)) ]
	[ "$(sums)" = "$before" ]
	vps-destroy --yes "$name"
}

@test "disk: an image is not mounted with a change pending while somebody holds its device" {
	requires images losetup
	make --disk 64M --disk-kind image
	loop=$(losetup --find --show "$image")
	: >"$image.undo"
	run -1 vdisk mount "$tree"
	one_line "vdisk: *: somebody holds its loop device, *"
	losetup --detach "$loop"
	vdisk mount "$tree"
	[ ! -e "$image.undo" ]
	vdisk umount "$tree"
	vps-destroy --yes "$name"
}

@test "disk: the disk of a running VPS is not removed, nor is a VPS started without its disk" {
	requires images
	make --disk 32M --disk-kind image
	vps-start "$name"
	run -1 vdisk remove "$tree"
	one_line "vdisk: $tree: is in use elsewhere: a VPS runs on it, *"
	mountpoint -q "$tree"
	[ -e "$image" ]
	vps-stop "$name"
	run -125 chcontext --silent --ctx "$ctx" --root "$tree" -- /bin/true
	one_line "chcontext: $tree: its disk is not mounted"
	[ -z "$(ls -A "$tree")" ]
	mkdir -m 700 "$VPS_TREE_DIR/full"
	: >"$VPS_TREE_DIR/full/file"
	run -1 vdisk create --kind image --size 32M "$VPS_TREE_DIR/full"
	one_line "vdisk: *Directory not empty"
	[ ! -e "$VPS_TREE_DIR/.full.img" ]
	vps-destroy --yes "$name"
}

@test "disk: limits of an image are set all or none, and inodes do not stand in its way" {
	requires images
	make --disk 64M --disk-kind image
	vps-start "$name"
	before=$(vlimit -c "$ctx" --raw | cut -d ' ' -f 2,6)
	run -1 vlimit -c "$ctx" --proc 44 --disk 300M --inodes "$(field inodes 6)"
	one_line "vlimit: inodes: an image's number of files *"
	[ "$(vlimit -c "$ctx" --raw | cut -d ' ' -f 2,6)" = "$before" ]
	run -1 vps-set "$name" --inodes 1M
	one_line "vps-set: $name: inodes: an image's number of files *"
	# One that cannot be read says nothing of the others.
	chmod 644 "$image"
	[ "$(field proc 6)" -eq 2048 ]
	[ "$(field cpu-weight 6)" -eq 100 ]
	chmod 600 "$image"
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: what was sparse is reserved from then on, and a device's next user may discard" {
	requires images losetup
	make --disk 64M --disk-kind image --sparse
	vdisk mount "$tree"
	free_ctx
	chcontext --silent --ctx "$ctx" --create
	vdisk attach --ctx "$ctx" "$tree"
	fstrim "$tree" 2>/dev/null || :
	[ $(($(stat -c %b "$image") * 512)) -ge $((64 << 20)) ]
	loop=$(losetup --noheadings --output NAME --associated "$image")
	[ "$(cat "/sys/block/${loop#/dev/}/queue/discard_max_bytes")" -eq 0 ]
	chcontext --ctx "$ctx" --destroy
	vdisk umount "$tree"
	truncate -s 20M "$T/other"
	losetup "$loop" "$T/other"
	most=$(cat "/sys/block/${loop#/dev/}/queue/discard_max_bytes")
	losetup --detach "$loop"
	[ "$most" -gt 0 ]
	vps-destroy --yes "$name"
}

@test "disk: what a killed create leaves is swept, its image as well" {
	requires images
	setsid vps-create "$name" --disk 200M --disk-kind image >/dev/null 2>&1 3>&- &
	victim=$!
	wait_until eval '[ -e "$VPS_TREE_DIR/..$name.new.img" ] && mountpoint -q "$VPS_TREE_DIR/.$name.new"'
	kill -KILL -- "-$victim"
	wait "$victim" 2>/dev/null || :
	wait_until sweep
	[ -z "$(ls -A "$VPS_TREE_DIR")" ]
	make --disk 32M --disk-kind image
	# Between the image and the tree getting their names.
	mv "$tree" "$VPS_TREE_DIR/.$name.new"
	rm "$VPS_CONFIG_DIR/$name.conf"
	sweep
	[ -z "$(ls -A "$VPS_TREE_DIR")" ]
}

@test "disk: sweep unmounts what a VPS leaves that ended by itself" {
	requires images
	make --disk 32M --disk-kind image
	vps-start "$name"
	vkill -c "$ctx" -s KILL --wait 10
	mountpoint -q "$tree"
	sweep
	is_unmounted
	vps-destroy --yes "$name"
}

@test "disk: an image that is no image, or others', or in use, is refused by name" {
	requires images
	make --disk 32M --disk-kind image
	chmod 644 "$image"
	run -1 vps-start "$name"
	one_line "vps-start: $name: *no plain file of root's alone"
	chmod 600 "$image"
	exec 8<"$image"
	flock 8
	run -1 vps-start "$name"
	one_line "vps-start: $name: *somebody is at work on it"
	exec 8<&-
	mkdir "$tree/in-the-way"
	run -1 vps-start "$name"
	one_line "vps-start: $name: *Directory not empty"
	rmdir "$tree/in-the-way"
	# What was mounted for a start that fails is unmounted.
	sed -i 's/^LIMIT_DISK=.*/LIMIT_DISK="1M"/' "$VPS_CONFIG_DIR/$name.conf"
	run -1 vps-start "$name"
	one_line "vps-start: $name: *at least 16M"
	is_unmounted
	no_context "$ctx"
	dd if=/dev/zero of="$image" bs=1M count=32 conv=notrunc 2>/dev/null
	run -1 vps-start "$name"
	[[ ${lines[0]} == *"needs e2fsck by hand"* ]]
	no_context "$ctx"
	is_unmounted
	vps-destroy --yes "$name"
}

@test "disk: with DISK=image there must be one, with DISK=quota a file system that has them" {
	requires images no-project-quota
	make
	printf '%s\n' 'DISK="image"' 'LIMIT_DISK="64M"' >>"$VPS_CONFIG_DIR/$name.conf"
	run -1 vps-start "$name"
	one_line "vps-start: $name: *has no image; *"
	sed -i s/image/quota/ "$VPS_CONFIG_DIR/$name.conf"
	run -1 vps-start "$name"
	one_line "vps-start: $name: *file system *"
	sed -i /^DISK=/d "$VPS_CONFIG_DIR/$name.conf"
	if [ "$(engine)" = stock ]; then
		run -1 vps-start "$name"
		one_line "vps-start: $name: *file system *"
	fi
	no_context "$ctx"
	run -1 vps-create "$TAG-2" --disk 64M --disk-kind quota
	one_line "vdisk: *file system *"
	[ ! -e "$VPS_TREE_DIR/$TAG-2" ]
	vps-destroy --yes "$name"
}

@test "disk: a copy of a VPS with an image has one of its own" {
	requires images
	make --disk 64M --disk-kind image
	vps-start "$name"
	in_vps 'echo unique >/mark'
	free_ctx
	vps-create "$TAG-2" --from "$name" --disk 48M --disk-kind image
	vps-start "$TAG-2"
	[ "$(vps-enter "$TAG-2" -- cat /mark)" = unique ]
	vps-stop "$TAG-2" "$name"
	# One that does not run is mounted for the copy, and only there.
	vps-create "$TAG-3" --from "$tree///"
	[ "$(cat "$VPS_TREE_DIR/$TAG-3/mark")" = unique ]
	is_unmounted
	wait_until no_device
	run -1 vps-create "$TAG-4" --from "$TAG-2" --disk 16M --disk-kind image --limit inodes=70
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"No space left on device" ]]
	vps-destroy --yes "$TAG-2" "$TAG-3" "$name"
}

# ---- project quotas -----------------------------------------------------------------------

@test "disk: a quota ends where its limit is, for bytes and inodes, and df says so" {
	on_quota
	make --disk 20M --inodes 1000 --disk-kind quota
	vps-start "$name"
	[ "$(field disk 6)" -eq $((20 << 20)) ]
	[ "$(field inodes 6)" -eq 1000 ]
	[ "$(df_field 2)" -eq $((20 << 10)) ]
	[ "$(df_field 2 -i)" -eq 1000 ]
	run fill
	[[ $output == *'Disk quota exceeded'* || $output == *'No space left on device'* ]]
	[ "$(field disk 3)" -gt $((19 << 20)) ]
	[ "$(field disk 3)" -le $((20 << 20)) ]
	[ "$(df_field 4)" -lt 100 ]
	in_vps 'rm /fill /fill2'
	run -0 fill_inodes
	[ "$(field inodes 3)" -eq 1000 ]
	# The host's own are not in it.
	echo x >"$quota_trees/file"
	vps-set "$name" --disk 30M --inodes 2000
	in_vps 'echo more >/more'
	[ "$(df_field 2)" -eq $((30 << 10)) ]
	vps-set "$name" --inodes 100
	run -1 in_vps ': >/one-more'
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: what vdu walks is what a quota has counted, for a tree that was there before" {
	on_quota
	make
	mkdir "$tree/srv/" && cd "$tree/srv"
	mkfifo fifo
	ln -s /nowhere link
	ln -s "$(printf 'x%.0s' {1..200})" long
	chown -h 12:34 link
	touch -h -d @1000000000 link
	echo data >file
	ln file other
	printf '%s\n' 'LIMIT_DISK="100M"' 'DISK="quota"' >>"$VPS_CONFIG_DIR/$name.conf"
	list_tree >"$T/before"
	vps-start "$name"
	list_tree >"$T/after"
	diff "$T/before" "$T/after"
	wait_until is_counted
	[ "$(vdu --ctx "$name" --raw)" = "$(vdu --raw "$tree")" ]
	run -0 vdu --ctx "$name" --limit --raw
	[ "$(cut -d ' ' -f 2 <<<"$output")" -eq $((100 << 20)) ]
	# Renames and links inside go on.
	in_vps 'cd /srv && mv link link2 && ln file third && mv file /root/'
	vps-stop "$name"
	vps-start "$name"
	wait_until is_counted
	vps-stop "$name"
	cd /
	vps-destroy --yes "$name"
}

@test "disk: a quota holds no limit that the configuration does not have" {
	on_quota
	make --disk 20M --inodes 1000 --disk-kind quota
	# The kind that it has it keeps.
	sed -i /^DISK=/d "$VPS_CONFIG_DIR/$name.conf"
	vps-start "$name"
	run -0 vdisk status --raw "$tree"
	[[ $output == "quota "* ]]
	vps-stop "$name"
	sed -i /LIMIT_DISK/d "$VPS_CONFIG_DIR/$name.conf"
	vps-start "$name"
	[ "$(field disk 6)" = inf ]
	[ "$(field inodes 6)" = 1000 ]
	in_vps 'dd if=/dev/zero of=/f bs=1M count=30 2>/dev/null'
	vps-stop "$name"
	sed -i /LIMIT_INODES/d "$VPS_CONFIG_DIR/$name.conf"
	vps-start "$name"
	[ "$(field disk 6)/$(field inodes 6)" = inf/inf ]
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: no two trees share a project, and a copy of a tree has one of its own" {
	on_quota
	make --disk 50M --disk-kind quota
	free_ctx
	vps-create "$TAG-2" --disk 50M --disk-kind quota
	cp -a "$tree" "$quota_trees/$TAG-3"
	for each in "$name" "$TAG-2"; do
		vps-start "$each"
		vps-enter "$each" -- dd if=/dev/zero of=/f bs=1M count=30
		vps-stop "$each"
	done
	sed "/S_CONTEXT/d" "$VPS_CONFIG_DIR/$name.conf" >"$VPS_CONFIG_DIR/$TAG-3.conf"
	vps-start "$TAG-3"
	vps-enter "$TAG-3" -- dd if=/dev/zero of=/f bs=1M count=30
	vps-stop "$TAG-3"
	[ "$(lsattr -pd "$quota_trees"/* | awk '{ print $1 }' | sort -u | wc -l)" -eq 3 ]
	vps-destroy --yes "$name" "$TAG-2" "$TAG-3"
}

@test "disk: a file's owner inside does not get it out of the quota" {
	on_quota
	build_attempt
	requires cc
	for userns in auto no; do
		make --disk 50M --disk-kind quota --userns "$userns"
		cp "$BUILD/escape/attempt" "$tree/attempt"
		vps-start "$name"
		in_vps 'dd if=/dev/zero of=/f bs=1M count=10 2>/dev/null; mkdir /d; chown 1000:1000 /f /d'
		for user in 0 1000; do
			for file in /f /d; do
				run -1 vps-enter "$name" -- /attempt -u "$user" set-project "$file" 0
				[[ $output == *"refused: FS_IOC_FSSETXATTR: E"* ]]
			done
		done
		[ "$(lsattr -pd "$tree/f" | awk '{ print $1 }')" -ge 65536 ]
		vps-stop "$name"
		# On the host it works: what is asked for is possible.
		"$BUILD/escape/attempt" set-project "$tree/f" 0
		vps-destroy --yes "$name"
	done
}

@test "disk: a quota whose labelling was cut short is labelled at the next start" {
	on_quota
	make
	mkdir "$tree/srv" && (cd "$tree/srv" && touch $(seq 3000))
	printf '%s\n' 'LIMIT_DISK="100M"' 'DISK="quota"' >>"$VPS_CONFIG_DIR/$name.conf"
	setsid vps-start "$name" >/dev/null 2>&1 3>&- &
	victim=$!
	wait_until eval '[ "$(lsattr -pd "$tree" | awk "{ print \$1 }")" -ge 65536 ]'
	kill -KILL -- "-$victim" 2>/dev/null || :
	wait "$victim" 2>/dev/null || :
	vps-stop "$name"
	vps-start "$name"
	wait_until is_counted
	vps-stop "$name"
	vps-destroy --yes "$name"
}

# ---- counted by the kernel -------------------------------------------------------------

# on_fs TYPE: trees are on a new file system that the kernel counts.
on_fs() {
	requires kernel-engine
	case $1 in
	tmpfs) mount -t tmpfs -o size=300m,mode=700 none "$VPS_TREE_DIR" ;;
	ext4)
		requires images losetup
		truncate -s 300M "$T/ext4"
		mkfs.ext4 -q -F "$T/ext4"
		# Some kernels mount nothing that somebody may write to, as mount -o loop may.
		loop=$(losetup --find --show "$T/ext4")
		mount -o nodev "$loop" "$VPS_TREE_DIR" || { losetup --detach "$loop" && return 1; }
		losetup --detach "$loop"
		chmod 700 "$VPS_TREE_DIR"
		rmdir "$VPS_TREE_DIR/lost+found"
		;;
	esac
}

# A context that has ended holds its tree for a moment longer.
off_fs() {
	wait_until umount "$VPS_TREE_DIR"
	rm -f "$T/ext4"
}

# kind_is KIND: what vdisk says of the tree.
kind_is() {
	[[ $(vdisk status --raw "$tree") == "$1 "* ]]
}

@test "disk: what the kernel counts ends where its limit is, for bytes and inodes, and df says so" {
	for fs in tmpfs ext4; do
		on_fs "$fs"
		make --disk 20M --inodes 1000
		run -0 vps-config --get LIMIT_INODES "$name"
		[ "$output" = 1000 ]
		kind_is plain
		vps-start "$name"
		kind_is counted
		[ "$(field disk 6) $(field inodes 6)" = "$((20 << 20)) 1000" ]
		grep -qx "Disk Limit: $((20 << 20))" "/proc/vservers/$ctx"
		grep -qx "Used disk memory: $(field disk 3)" "/proc/vservers/$ctx"
		[ "$(df_field 2)" -eq $((20 << 10)) ]
		[ "$(df_field 2 -i)" -eq 1000 ]
		run fill
		[[ $output == *'Disk quota exceeded'* ]]
		[ "$(field disk 3)" -gt $((19 << 20)) ]
		# ext4's account of a file may be a block or two more.
		[ "$(field disk 3)" -le $(((20 << 20) + 16384)) ]
		[ "$(field disk 4)" -ge "$(field disk 3)" ]
		[ "$(field disk 7)" -gt 0 ]
		[ "$(df_field 4)" -lt 100 ]
		in_vps 'rm /fill /fill2'
		run -0 fill_inodes
		[ "$(field inodes 3)" -eq 1000 ]
		[ "$(field inodes 7)" -gt 0 ]
		[ "$(df_field 4 -i)" -eq 0 ]
		vps-set "$name" --disk 30M --inodes 2000
		in_vps 'echo more >/more'
		[ "$(df_field 2)" -eq $((30 << 10)) ]
		[ "$(vdisk status --raw "$tree" | cut -d ' ' -f 1-3,5)" = "counted - $((30 << 20)) 2000" ]
		vdisk grow --size 40M "$tree"
		[ "$(field disk 6) $(field inodes 6)" = "$((40 << 20)) 2000" ]
		run -0 vps-set "$name" --inodes 100
		one_line "vps-set: $name: context $ctx: inodes: * in use, above the limit: *"
		run -1 in_vps ': >/one-more'
		# The host's own are not in it, nor what somebody else has there.
		before=$(field inodes 3)
		echo x >"$VPS_TREE_DIR/.own"
		[ "$(field inodes 3)" -eq "$before" ]
		rm "$VPS_TREE_DIR/.own"
		vps-stop "$name"
		kind_is plain
		vps-destroy --yes "$name"
		off_fs
	done
}

@test "disk: what the kernel has counted is what vdu walks, to the byte" {
	for fs in tmpfs ext4; do
		on_fs "$fs"
		make --limit disk=200M
		mkdir "$tree/srv"
		(cd "$tree/srv" && mkfifo fifo && ln -s /nowhere link &&
			ln -s "$(printf 'x%.0s' {1..200})" long && echo data >file && ln file other)
		vps-start "$name"
		wait_until is_counted
		[ "$(vdu --ctx "$name" --raw)" = "$(vdu --raw "$tree")" ]
		run -0 vdu --ctx "$name" --limit --raw
		[ "$(cut -d ' ' -f 2 <<<"$output")" -eq $((200 << 20)) ]
		in_vps 'cd /srv && mv link link2 && ln file third && mv file /root/ && rm fifo other &&
			mkdir -p deep/er && dd if=/dev/zero of=deep/er/f bs=1k count=777 2>/dev/null &&
			dd if=/dev/zero of=hole bs=1k count=10 seek=5000 2>/dev/null &&
			cp -r /bin/busybox copy && : >copy && rm -r deep && mv hole deep'
		wait_until is_counted
		[ "$(field disk 3) $(field inodes 3)" = "$(vdu --raw "$tree" | cut -d ' ' -f 1,2)" ]
		# By the host, while it runs.
		dd if=/dev/zero of="$tree/srv/hosts" bs=1k count=333 2>/dev/null
		rm "$tree/srv/link2"
		wait_until is_counted
		vps-stop "$name"
		vps-destroy --yes "$name"
		off_fs
	done
}

@test "disk: what the host changes in a stopped tree is counted at the next start" {
	for fs in tmpfs ext4; do
		on_fs "$fs"
		make --limit disk=100M
		vps-start "$name"
		in_vps 'dd if=/dev/zero of=/big bs=1M count=20 2>/dev/null'
		wait_until is_counted
		vps-stop "$name"
		rm "$tree/big"
		dd if=/dev/zero of="$tree/new" bs=1M count=3 2>/dev/null
		mkdir "$tree/srv" && (cd "$tree/srv" && touch $(seq 500))
		vps-start "$name"
		wait_until is_counted
		[ "$(field disk 3)" -lt $((20 << 20)) ]
		[ "$(field inodes 3)" -gt 500 ]
		# Whatever was cached: all of it is given back when it goes. (Its services write as well.)
		rm -r "$tree/srv"
		[ "$(field inodes 3)" -lt 500 ]
		wait_until is_counted
		vps-stop "$name"
		vps-destroy --yes "$name"
		off_fs
	done
}

@test "disk: nothing is linked or renamed across the border of a tree that is counted" {
	build_static system/limit
	move() {
		"$BUILD/system/limit" rename "$1" "$2"
	}
	for fs in tmpfs ext4; do
		on_fs "$fs"
		make --limit disk=100M
		echo x >"$VPS_TREE_DIR/.own"
		vps-start "$name"
		run ! ln "$VPS_TREE_DIR/.own" "$tree/srv"
		[[ $output == *"Invalid cross-device link"* ]]
		run ! ln "$tree/etc/passwd" "$VPS_TREE_DIR/.link"
		[[ $output == *"Invalid cross-device link"* ]]
		run ! move "$VPS_TREE_DIR/.own" "$tree/own"
		[[ $output == *"Invalid cross-device link"* ]]
		run ! move "$tree/etc/passwd" "$VPS_TREE_DIR/.passwd"
		[[ $output == *"Invalid cross-device link"* ]]
		wait_until is_counted
		# mv copies, and inside all goes on.
		mv "$VPS_TREE_DIR/.own" "$tree/own"
		in_vps 'mkdir /dir && mv /own /dir/ && ln /dir/own /dir/link && mv /dir /root/'
		wait_until is_counted
		vps-stop "$name"
		# And with its context the border is gone.
		wait_until move "$tree/root/dir/own" "$VPS_TREE_DIR/.own"
		rm "$VPS_TREE_DIR/.own"
		vps-destroy --yes "$name"
		off_fs
	done
}

@test "disk: a soft limit of what is counted refuses nothing, and to pass it is a hit" {
	on_fs tmpfs
	make --limit disk=10M:30M --limit inodes=600:5000
	vps-start "$name"
	[ "$(field disk 5) $(field disk 6)" = "$((10 << 20)) $((30 << 20))" ]
	[ "$(field inodes 5) $(field inodes 6)" = "600 5000" ]
	hits=$(field disk 7)
	in_vps 'dd if=/dev/zero of=/f bs=1M count=15 2>/dev/null; mkdir /many; cd /many; i=0
		while [ $i -lt 700 ]; do : >$i; i=$((i + 1)); done'
	[ "$(field disk 7)" -gt "$hits" ]
	[ "$(field inodes 7)" -gt 0 ]
	run -0 vlimit -c "$ctx" --near 100 --raw
	[[ $output == *"$ctx disk "*"$ctx inodes "* ]]
	in_vps 'rm -r /many /f'
	[ "$(field disk 4)" -gt $((15 << 20)) ]
	vlimit -c "$ctx" --reset-peak
	[ "$(field disk 4)" = - ]
	vlimit -c "$ctx" --disk inf --inodes inf
	[ "$(field disk 5) $(field disk 6) $(field inodes 6)" = "inf inf inf" ]
	vps-stop "$name"
	run -2 vps-create "$TAG-2" --limit disk=10M:30M --disk-kind image
	[ ! -e "$VPS_TREE_DIR/$TAG-2" ]
	vps-destroy --yes "$name"
	off_fs
}

@test "disk: one tree is counted for one context, and for the next when that has ended" {
	on_fs tmpfs
	make --limit disk=100M
	vps-start "$name"
	first=$ctx
	free_ctx
	chcontext --silent --ctx "$ctx" --create
	run -1 vdisk attach --ctx "$ctx" --kind counted "$tree"
	one_line "vdisk: $tree: another context has it, or a part of it"
	ctx=$first
	vps-stop "$name"
	ctx=$(tail -n 1 "$T/contexts")
	vdisk attach --ctx "$ctx" "$tree"
	kind_is counted
	is_counted
	# Once more, after a change of the host's.
	echo x >"$tree/more"
	vdisk attach --ctx "$ctx" --kind counted "$tree"
	is_counted
	chcontext --ctx "$ctx" --destroy
	kind_is plain
	vps-destroy --yes "$name"
	off_fs
}

@test "disk: an image stays one, and DISK=counted is refused where nothing counts" {
	requires images
	make --disk 32M --disk-kind image
	sed -i 's/^DISK=.*/DISK="counted"/' "$VPS_CONFIG_DIR/$name.conf"
	run -1 vps-start "$name"
	one_line "vps-start: $name: not started: $tree: has an image and is to be counted without"
	sed -i /^DISK=/d "$VPS_CONFIG_DIR/$name.conf"
	vps-start "$name"
	kind_is image
	vps-stop "$name"
	is_unmounted
	vps-destroy --yes "$name"
	[ "$(engine)" = stock ] || return 0
	make
	echo 'DISK="counted"' >>"$VPS_CONFIG_DIR/$name.conf"
	run -1 vps-start "$name"
	one_line "vps-start: $name: not started: $tree: not supported by the stock engine; boot a FreeVPS kernel"
	no_context "$ctx"
	run -1 vdisk create --kind counted "$tree"
	one_line "vdisk: $tree: not supported by the stock engine; boot a FreeVPS kernel"
	vps-destroy --yes "$name"
}

# ---- without ----------------------------------------------------------------------------------

@test "disk: a VPS that was started without cannot be given a limit, and is told what to do" {
	make
	vps-start "$name"
	run -1 vlimit -c "$ctx" --disk 100M
	one_line "vlimit: disk: its tree is not on a disk of its own*"
	run -1 vdu --ctx "$ctx"
	one_line "vdu: context $ctx: nobody keeps count of its tree*"
	vps-stop "$name"
	vps-destroy --yes "$name"
}

@test "disk: vdisk refuses what makes no sense" {
	mkdir -m 700 "$VPS_TREE_DIR/plain"
	cd "$VPS_TREE_DIR"
	run -1 vdisk grow --size 1G plain
	one_line "vdisk: plain: has no disk of its own"
	run -1 vdisk status none
	[ "${lines[0]}" = "vdisk: none: open the tree: No such file or directory" ]
	run -1 vdisk create --kind image --size 1M plain
	one_line "vdisk: plain: an image has at least 16M"
	run -1 vdisk create --kind image plain
	one_line "vdisk: plain: an image has a size"
	free_ctx
	run -1 vdisk attach --ctx "$ctx" plain
	one_line "vdisk: open its group: No such file or directory"
	vdisk umount plain
	vdisk remove plain
	[ "$(vdisk status --raw plain)" = "plain - inf - inf - plain" ]
	[ "$(ls -A)" = plain ]
}
