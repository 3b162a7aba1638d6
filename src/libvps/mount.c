// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#include "mount.h"
#include "util.h"

int vps_mount_make(const char *type, unsigned int flags, const char *const *options)
{
	_cleanup_(closep) int fs = fsopen(type, FSOPEN_CLOEXEC);
	int mnt;

	if (fs < 0)
		return -errno;
	for (; *options; options += 2)
		if (fsconfig(fs, FSCONFIG_SET_STRING, options[0], options[1], 0) < 0)
			return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, flags);
	return mnt < 0 ? -errno : mnt;
}

int vps_mount_copy(int dir, const char *name, unsigned int flags)
{
	struct mount_attr attr = { .attr_set = flags, .propagation = MS_PRIVATE };
	_cleanup_(closep) int mnt = open_tree(dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					      AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);

	if (mnt < 0 || mount_setattr(mnt, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return steal_fd(&mnt);
}

int vps_mount_put(int mnt, int on)
{
	return move_mount(mnt, "", on, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}

int vps_wrap_file(int fd)
{
	return vps_mount_copy(fd, "", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
}
