# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Configurations as the programs of 2003 to 2015 left them.

# legacy_conf FILE HOSTNAME: what "vserver build" wrote, filled in by an admin.
legacy_conf() {
	cat >"$1" <<-END
		if [ "" = "" ] ; then
			PROFILE=prod
		fi
		# Addresses, one for each profile
		# IPROOT="eth0:1.2.3.4 eth1:2.3.4.5"
		case \$PROFILE in
		prod)
			IPROOT=""
			#IPROOTMASK=
			#IPROOTDEV=eth0
			S_HOSTNAME=$2
			;;
		backup)
			IPROOT=198.51.100.4
			IPROOTMASK=255.255.255.0
			IPROOTDEV=eth0
			S_HOSTNAME=
			;;
		esac
		ONBOOT=yes
		S_DOMAINNAME=
		S_NICE=5
		# lock, sched, nproc, private
		S_FLAGS="lock nproc"
		ULIMIT="-HS -u 200 -n 512"
		S_CAPS="CAP_NET_RAW"
		#S_CONTEXT=
	END
}

# util_vserver DIR: as "vserver build" of util-vserver makes one, with limits added; lines
# "PATH VALUE" on the standard input are further files. vdir is the caller's.
util_vserver() {
	{
		cat <<-END
			uts/nodename db.example.org
			flags lock
			bcapabilities NET_RAW
			apps/init/mark default
			apps/init/style plain
			apps/pkgmgmt/internal
			fstab none /proc proc defaults 0 0
			rlimits/nproc 100
			rlimits/rss.hard 100000
			rlimits/rss.soft 50000
		END
		cat
	} | while read -r path value; do
		mkdir -p "$1/$(dirname "$path")"
		printf '%s\n' "$value" >>"$1/$path"
	done
}
