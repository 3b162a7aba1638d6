// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "attr.h"

/* trusted.*: only the initial user namespace's administrator reads or writes them. */
static const char *const names[VPS_ATTR_COUNT] = {
	[VPS_ATTR_STATE] = "trusted.vps.state",
	[VPS_ATTR_NAME] = "trusted.vps.name",
	[VPS_ATTR_FLAGS] = "trusted.vps.flags",
	[VPS_ATTR_INIT] = "trusted.vps.init",
	[VPS_ATTR_PROC] = "trusted.vps.proc",
	[VPS_ATTR_PEAKS] = "trusted.vps.peaks",
	[VPS_ATTR_DISK] = "trusted.vps.disk",
	[VPS_ATTR_VNET] = "trusted.vps.vnet",
	[VPS_ATTR_ADDRS] = "trusted.vps.addrs",
};

int vps_attr_probe(const char *root)
{
	char probe[1];

	if (getxattr(root, names[VPS_ATTR_STATE], probe, sizeof(probe)) < 0 && errno != ENODATA)
		return -errno;
	return 0;
}

int vps_attr_set(int group, enum vps_attr attr, const char *text)
{
	return fsetxattr(group, names[attr], text, strlen(text), 0) < 0 ? -errno : 0;
}

int vps_attr_get(int group, enum vps_attr attr, char *buf, size_t size)
{
	ssize_t n = fgetxattr(group, names[attr], buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}
