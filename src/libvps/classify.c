// SPDX-License-Identifier: LGPL-2.1-or-later
/* Puts the classes of addresses in force. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "../bpf/traffic.bpf.h"
#include "context.h"
#include "net.h"
#include "pins.h"
#include "traffic.h"
#include "util.h"

struct request {
	int fd;
	void (*report)(const struct vps_config_error *err, void *data);
	void *data;
};

/* ---- the file's stamp --------------------------------------------------------------- */

static int make_stamp(int fd, struct vps_bpf_stamp *ret_stamp)
{
	struct stat st;

	*ret_stamp = (struct vps_bpf_stamp){ 0 };
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_stamp = (struct vps_bpf_stamp){
		.device = st.st_dev,
		.inode = st.st_ino,
		.size = (__u64)st.st_size,
		.changed_ns = (__u64)st.st_ctim.tv_sec * 1000000000 + (__u64)st.st_ctim.tv_nsec,
	};
	return 0;
}

/* ---- numbers of classes -------------------------------------------------------------- */

/* The number that class @name has, or else gets: the first free one. */
static int number_of(int names, const char *name, __u32 *ret_number)
{
	struct vps_bpf_class class;
	__u32 number = 1;

	if (!strcmp(name, VPS_CLASS_OTHER)) {
		*ret_number = 0;
		return 0;
	}
	for (; !bpf_map_lookup_elem(names, &number, &class); number++)
		if (!strcmp(class.name, name)) {
			*ret_number = number;
			return 0;
		}
	if (number >= VPS_CLASSES_MAX)
		return -E2BIG;
	class = (struct vps_bpf_class){ 0 };
	snprintf(class.name, sizeof(class.name), "%s", name);
	if (bpf_map_update_elem(names, &number, &class, BPF_NOEXIST))
		return -errno;
	*ret_number = number;
	return 0;
}

/* ---- networks ----------------------------------------------------------------------- */

static struct vps_bpf_network key_of(const struct vps_addr *net)
{
	struct vps_bpf_network key = { .family = net->family == AF_INET ? 4 : 6 };

	key.prefix = 8 * sizeof(key.family) + net->prefix;
	memcpy(key.addr, net->bytes, sizeof(key.addr));
	return key;
}

static int fill(int map, int names, const struct vps_class_network *networks, size_t count)
{
	const char *before = NULL;
	__u32 number = 0;

	for (size_t i = 0; i < count; i++) {
		struct vps_bpf_network key = key_of(&networks[i].net);
		int rc = 0;

		/* There are far fewer classes than networks. */
		if (!before || strcmp(before, networks[i].class) != 0)
			rc = number_of(names, networks[i].class, &number);
		if (rc)
			return rc;
		before = networks[i].class;
		if (bpf_map_update_elem(map, &key, &number, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* A packet sees all of the old ones or all of the new. */
static int replace(int nets, int names, const struct vps_class_network *networks, size_t count)
{
	_cleanup_(closep) int map = -1;
	const __u32 first = 0;
	struct bpf_map_create_opts opts = {
		.sz = sizeof(opts), .map_flags = BPF_F_NO_PREALLOC,
	};
	int rc;

	if (!count)
		return bpf_map_delete_elem(nets, &first) && errno != ENOENT ? -errno : 0;
	map = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "traffic_net", sizeof(struct vps_bpf_network),
			     sizeof(__u32), VPS_CLASS_NETWORKS_MAX, &opts);
	if (map < 0)
		return -errno;
	rc = fill(map, names, networks, count);
	if (rc)
		return rc;
	return bpf_map_update_elem(nets, &first, &map, BPF_ANY) ? -errno : 0;
}

/* ---- all of it ---------------------------------------------------------------------- */

static bool is_in_force(int stamps, const struct vps_bpf_stamp *stamp)
{
	struct vps_bpf_stamp before;
	const __u32 first = 0;

	return !bpf_map_lookup_elem(stamps, &first, &before) &&
	       !memcmp(&before, stamp, sizeof(before));
}

/* Put in force by somebody else meanwhile, or now. */
static int put(int stamps, const struct vps_bpf_stamp *stamp,
	       const struct vps_class_network *networks, size_t count)
{
	_cleanup_(closep) int lock = vps_pins_lock();
	_cleanup_(closep) int nets = vps_traffic_open(VPS_TRAFFIC_NETS, NULL);
	_cleanup_(closep) int names = vps_traffic_open(VPS_TRAFFIC_CLASS, NULL);
	const __u32 first = 0;
	int rc;

	if (lock < 0 || nets < 0 || names < 0)
		return lock < 0 ? lock : nets < 0 ? nets : names;
	if (is_in_force(stamps, stamp))
		return 0;
	rc = replace(nets, names, networks, count);
	/* Last: who is killed before it has it to do again. */
	return rc ?: bpf_map_update_elem(stamps, &first, stamp, BPF_ANY) ? -errno : 0;
}

/* Nearly always there is nothing to do, and nobody to be waited for. */
static int classify(const struct request *request)
{
	_cleanup_(freep) struct vps_class_network *networks = NULL;
	_cleanup_(closep) int stamps = vps_traffic_open(VPS_TRAFFIC_STAMP, NULL);
	struct vps_bpf_stamp stamp;
	size_t count = 0;
	int rc = stamps < 0 ? stamps : make_stamp(request->fd, &stamp);

	if (rc || is_in_force(stamps, &stamp))
		return rc;
	if (request->fd >= 0)
		rc = vps_classes_parse(request->fd, request->report, request->data, &networks,
				       &count);
	return rc ?: put(stamps, &stamp, networks, count);
}

int vps_traffic_classify(struct vps_host *host, int fd,
			 void (*report)(const struct vps_config_error *err, void *data),
			 void *data, struct vps_fault *fault)
{
	struct request request = { .fd = fd, .report = report, .data = data };
	int rc = classify(&request);

	/* There has been no context yet; without classes all is as it is to be. */
	if (rc == -ENOENT && fd >= 0) {
		rc = vps_cgroups_make_parent(&host->cg, fault);
		if (rc)
			return rc;
		rc = vps_net_prepare(&host->cg) ?: classify(&request);
	}
	switch (rc) {
	case -ENOENT:
		return 0;
	case -EINVAL:
		return vps_refuse(fault, rc, "not in force", "");
	case -EFBIG:
		return vps_refuse(fault, rc, "more networks than a file may have", "");
	case -E2BIG:
		return vps_refuse(fault, rc, "more classes than the host can tell apart", "");
	}
	return rc ? vps_fault(fault, rc, "put classes of traffic in force", "") : 0;
}
