# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A real Debian as a tar, which is built once and kept, keyed by what is in it: debian_packages,
# where a file needs others.

suite=bookworm
packages=${debian_packages:-systemd,sysvinit-core,sysv-rc,initscripts,insserv,procps,nginx-light}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/freevps
tar=$cache/debian-$suite-$(printf %s "$packages" | sha256sum | cut -c 1-8).tar

# Nobody else builds it meanwhile, and no child keeps the lock.
fetch_debian() {
	mkdir -p "$cache"
	(
		flock 9
		[ -s "$tar" ] || build_tar
	) 9>"$tar.lock"
}

build_tar() {
	build=$(mktemp -d /var/tmp/vps-debian.XXXXXX)
	mkdir -m 755 "$build/conf"
	mkdir -m 700 "$build/trees"
	echo "# building a Debian $suite once, for a minute or two: $tar" >&2
	if VPS_CONFIG_DIR=$build/conf VPS_TREE_DIR=$build/trees VPS_RUN_DIR=$build/run \
		vps-create debian --template "debian:$suite" --include "$packages" \
		>"$build/log" 2>&1 9>&- 3>&-; then
		tar -C "$build/trees/debian" -cf "$tar.new" . && mv "$tar.new" "$tar"
	else
		sed 's/^/# /' "$build/log" >&2
	fi
	rm -rf --one-file-system "$build"
}
