// SPDX-License-Identifier: LGPL-2.1-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "../bpf/net.bpf.h"
#include "addr.h"
#include "net.h"
#include "rtnl.h"
#include "util.h"
#include "vnet.h"

/* "ADDRESS/PREFIX@DEVICE " of each, at its longest. */
#define WORD_MAX (VPS_ADDR_TEXT_MAX + IFNAMSIZ + 2)
#define TEXT_MAX (VPS_ADDRS_MAX * WORD_MAX + 1)
/* The attribute of a context that had addresses and has none any more. */
#define NOTHING "-"

#define LOOPBACK_INDEX 1

/**
 * struct list - addresses of a context, the first of each family is its main one
 */
struct list {
	struct vps_bound *items;
	size_t count;
};

/**
 * struct change - a change of them under way
 * @id, @cgroup_id: the context, and its group's number
 * @owners: the map
 * @there: all addresses of the host
 * @bound: it was given some before
 * @device: index of that of @spec, 0 until it is needed
 * @taken: how many of @after have been looked at
 * @steered: the device that has been looked after last
 */
struct change {
	struct vps_host *host;
	const struct vps_addr_spec *spec;
	uint32_t id;
	int group;
	uint64_t cgroup_id;
	int owners;
	struct nl_sock *sock;
	struct vps_link_addr *there;
	size_t there_count;
	struct list before, after;
	bool bound;
	int device;
	size_t taken;
	int steered;
	struct vps_fault *fault;
};

/* ---- the list as it is kept ----------------------------------------------------- */

static int append(struct list *list, const struct vps_bound *item)
{
	struct vps_bound *more = reallocarray(list->items, list->count + 1, sizeof(*item));

	if (!more)
		return -ENOMEM;
	list->items = more;
	list->items[list->count++] = *item;
	return 0;
}

static bool contains(const struct list *list, const struct vps_addr *addr)
{
	for (size_t i = 0; i < list->count; i++)
		if (vps_addr_equal(&list->items[i].addr, addr))
			return true;
	return false;
}

static int parse_word(const char *word, struct vps_bound *ret_item)
{
	char text[WORD_MAX];
	struct vps_bound item = { 0 };
	char *device;

	snprintf(text, sizeof(text), "%s", word);
	device = strchr(text, '@');
	if (device) {
		*device = '\0';
		snprintf(item.device, sizeof(item.device), "%.15s", device + 1);
	}
	if (vps_parse_addr(text, &item.addr))
		return -EBADMSG;
	*ret_item = item;
	return 0;
}

/* -ENODATA: it was never given any. */
static int read_list(int group, struct list *ret_list)
{
	_cleanup_(freep) char *text = calloc(2, TEXT_MAX);
	struct list list = { 0 };
	struct vps_bound item;
	char *word, *save;
	int rc;

	if (!text)
		return -ENOMEM;
	rc = vps_attr_get(group, VPS_ATTR_ADDRS, text, 2 * TEXT_MAX);
	if (rc || !*text)
		return rc ?: -ENODATA;
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (!strcmp(word, NOTHING))
			continue;
		rc = parse_word(word, &item) ?: append(&list, &item);
		if (rc) {
			free(list.items);
			return rc;
		}
	}
	*ret_list = list;
	return 0;
}

/* Appends to @text, which has room for all that there may be. */
static size_t put_words(char *text, size_t len, const struct list *list, const struct list *but)
{
	char word[VPS_ADDR_TEXT_MAX];

	for (size_t i = 0; i < list->count; i++) {
		const struct vps_bound *item = &list->items[i];

		if (but && contains(but, &item->addr))
			continue;
		vps_format_addr_prefix(&item->addr, word);
		len += (size_t)snprintf(text + len, WORD_MAX, "%s%s%s ", word,
					*item->device ? "@" : "", item->device);
	}
	return len;
}

/* What is in either of the two, so that whoever comes after a kill knows what to take back. */
static int write_lists(int group, const struct list *list, const struct list *other)
{
	_cleanup_(freep) char *text = calloc(2, TEXT_MAX);
	size_t len;

	if (!text)
		return -ENOMEM;
	len = put_words(text, 0, list, NULL);
	if (other)
		len = put_words(text, len, other, list);
	return vps_attr_set(group, VPS_ATTR_ADDRS, len ? text : NOTHING);
}

/* ---- the maps ------------------------------------------------------------------- */

static struct vps_bpf_addr mapped(uint32_t address)
{
	return (struct vps_bpf_addr){ .words = { 0, 0, htonl(0xffff), address } };
}

static struct vps_bpf_addr as_key(const struct vps_addr *addr)
{
	struct vps_bpf_addr key;
	uint32_t address;

	if (addr->family == AF_INET) {
		memcpy(&address, addr->bytes, sizeof(address));
		return mapped(address);
	}
	memcpy(&key, addr->bytes, sizeof(key));
	return key;
}

/* The network 127.HI.LO.0 of a context. */
static struct vps_bpf_addr loop4_key(uint32_t id)
{
	return mapped(htonl((uint32_t)IN_LOOPBACKNET << 24 | id << 8));
}

/* What ::1 of a context is: of a prefix of our own, below fd00::/8 where everybody chooses. */
static struct vps_addr loop6(uint32_t id)
{
	struct vps_addr addr = {
		.family = AF_INET6, .prefix = 128,
		.bytes = { 0xfd, 'v', 'p', 's', 'l', 'o', [14] = (unsigned char)(id >> 8),
			   [15] = (unsigned char)id },
	};

	return addr;
}

static const struct vps_addr *first_of(const struct list *list, int family)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].addr.family == family)
			return &list->items[i].addr;
	return NULL;
}

/* What the programs are to take for "every address", and for the loopback. */
static int write_net(const struct change *c, bool has_loop6)
{
	_cleanup_(closep) int nets = vps_net_map(&c->host->cg, "nets");
	const struct vps_addr *first4 = first_of(&c->after, AF_INET);
	const struct vps_addr *first6 = first_of(&c->after, AF_INET6);
	struct vps_addr own = loop6(c->id);
	struct vps_bpf_net net = { .id = c->id };

	if (nets < 0)
		return nets;
	if (first4)
		memcpy(&net.first4, first4->bytes, sizeof(net.first4));
	if (first6)
		net.first6 = as_key(first6);
	if (has_loop6)
		net.loop6 = as_key(&own);
	return bpf_map_update_elem(nets, &c->cgroup_id, &net, BPF_ANY) ? -errno : 0;
}

/* The context whose group has that number. -ENOENT: none any more. */
static int find_by_group(struct vps_host *host, uint64_t cgroup_id,
			 struct vps_context_info *ret_info)
{
	_cleanup_(freep) uint32_t *ids = NULL;
	size_t count;
	int rc = vps_context_list(host, &ids, &count);

	for (size_t i = 0; !rc && i < count; i++) {
		_cleanup_(closep) int group = vps_group_open(&host->cg, ids[i]);
		uint64_t found;

		if (group >= 0 && !vps_group_cgroup_id(group, &found) && found == cgroup_id)
			return vps_context_info(host, ids[i], ret_info);
	}
	return rc ?: -ENOENT;
}

static int refuse_owned(const struct change *c, const char *text, uint64_t owner)
{
	struct vps_context_info info;
	char object[sizeof(c->fault->object)];
	int rc = find_by_group(c->host, owner, &info);

	/* Of one that somebody else removed. */
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return vps_fault(c->fault, rc, "find out whose it is", text);
	snprintf(object, sizeof(object), "%s of %s%s%u%s", text, info.name,
		 *info.name ? " (context " : "context ", info.id, *info.name ? ")" : "");
	return vps_refuse(c->fault, -EADDRINUSE, "another VPS has this address", object);
}

static int own(const struct change *c, const struct vps_bpf_addr *key, const char *text)
{
	uint64_t owner;
	int rc;

	if (!bpf_map_lookup_elem(c->owners, key, &owner) && owner != c->cgroup_id) {
		rc = refuse_owned(c, text, owner);
		if (rc)
			return rc;
	}
	return bpf_map_update_elem(c->owners, key, &c->cgroup_id, BPF_ANY) ?
		vps_fault(c->fault, -errno, "note whose it is", text) : 0;
}

static void disown(int owners, const struct vps_bpf_addr *key, uint64_t cgroup_id)
{
	uint64_t owner;

	if (!bpf_map_lookup_elem(owners, key, &owner) && owner == cgroup_id)
		bpf_map_delete_elem(owners, key);
}

/* ---- devices -------------------------------------------------------------------- */

static const struct vps_link_addr *on_host(const struct change *c, const struct vps_addr *addr)
{
	for (size_t i = 0; i < c->there_count; i++)
		if (vps_addr_equal(&c->there[i].addr, addr))
			return &c->there[i];
	return NULL;
}

static int remove_from_device(struct nl_sock *sock, const struct vps_bound *item)
{
	struct vps_link link;
	int rc;

	if (!*item->device)
		return 0;
	rc = vps_rtnl_link(sock, item->device, &link) ?:
	     vps_rtnl_remove_addr(sock, link.ifindex, &item->addr);
	/* Gone with its device, or by somebody's hand. */
	return rc == -ENODEV || rc == -EADDRNOTAVAIL ? 0 : rc;
}

/*
 * The kernel takes away with the first address of a network all others that a device has in it,
 * of whomever they are, unless it is told to keep them.
 */
static int keep_others(const char *device)
{
	char path[64];
	uint64_t keeps;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/promote_secondaries", device);
	if (!vps_read_number(AT_FDCWD, path, &keeps) && keeps)
		return 0;
	return vps_write_at(AT_FDCWD, path, "1");
}

static int put_on_device(const struct change *c, struct vps_bound *item, int *ret_ifindex)
{
	const struct vps_addr *broadcast = c->spec->broadcast;
	struct in_addr in, *to = NULL;
	int rc;

	if (broadcast && item->addr.family == AF_INET) {
		memcpy(&in, broadcast->bytes, sizeof(in));
		to = &in;
	}
	/* The host goes on to be seen by its own. */
	rc = item->addr.family == AF_INET ? keep_others(item->device) : 0;
	if (rc)
		return vps_fault(c->fault, rc, "set promote_secondaries of the device",
				 item->device);
	rc = vps_rtnl_add_spare_addr(c->sock, c->device, &item->addr, to);
	/* Somebody else was faster: it is his. */
	if (rc == -EEXIST)
		item->device[0] = '\0';
	else if (rc)
		return vps_fault(c->fault, rc, "put an address on the device", item->device);
	*ret_ifindex = c->device;
	return 0;
}

static int steer(struct change *c, int ifindex)
{
	int rc = ifindex == c->steered ? 0 : vps_net_steer(&c->host->cg, ifindex);

	c->steered = ifindex;
	return rc ? vps_fault(c->fault, rc, "attach a program (clsact) for datagrams", "") : 0;
}

/* ---- changing ------------------------------------------------------------------- */

static int take(struct change *c, struct vps_bound *item)
{
	const struct vps_link_addr *there = on_host(c, &item->addr);
	struct vps_bpf_addr key = as_key(&item->addr);
	char text[VPS_ADDR_TEXT_MAX];
	int ifindex = there ? there->ifindex : 0, rc;

	vps_format_addr(&item->addr, text);
	rc = own(c, &key, text);
	if (!rc && *item->device)
		rc = put_on_device(c, item, &ifindex);
	return rc ?: steer(c, ifindex);
}

static int give_back(const struct change *c, const struct vps_bound *item)
{
	struct vps_bpf_addr key = as_key(&item->addr);

	disown(c->owners, &key, c->cgroup_id);
	return remove_from_device(c->sock, item);
}

/* With its device, on which it was already or was put. */
static struct vps_bound placed(const struct change *c, const struct vps_bound *item)
{
	const struct vps_link_addr *there = on_host(c, &item->addr);
	struct vps_bound bound = *item;

	if (!*bound.device && there &&
	    !if_indextoname((unsigned int)there->ifindex, bound.device))
		bound.device[0] = '\0';
	return bound;
}

static int keep_list(const struct change *c, const struct vps_addr_keeper *keeper,
		     const struct list *list)
{
	struct list all = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < list->count; i++) {
		struct vps_bound item = placed(c, &list->items[i]);

		rc = append(&all, &item);
	}
	rc = rc ?: keeper->set(c->id, all.items, all.count);
	free(all.items);
	return rc;
}

/* Beneath the programs, where the engine does that; without it they are all that there is. */
static int keep(const struct change *c, const struct list *list)
{
	const struct vps_addr_keeper *keeper = c->host->engine->addrs;

	if (!keeper || !keeper->works())
		return 0;
	return list ? keep_list(c, keeper, list) : keeper->forget(c->id);
}

static int hold_to(const struct change *c, const struct list *list)
{
	int rc = keep(c, list);

	if (rc == -EADDRINUSE)
		return vps_refuse(c->fault, rc, "another context has one of these", "");
	return rc ? vps_fault(c->fault, rc, "have the kernel hold it to its addresses", "") : 0;
}

/* From c->before to c->after. */
static int apply(struct change *c)
{
	int rc = write_lists(c->group, &c->after, &c->before);

	if (rc)
		return vps_fault(c->fault, rc, "note the addresses", "");
	for (c->taken = 0; !rc && c->taken < c->after.count; c->taken++)
		if (!contains(&c->before, &c->after.items[c->taken].addr))
			rc = take(c, &c->after.items[c->taken]);
	return rc;
}

static int settle(struct change *c)
{
	int rc = 0, failed;

	for (size_t i = 0; i < c->before.count; i++) {
		if (contains(&c->after, &c->before.items[i].addr))
			continue;
		failed = give_back(c, &c->before.items[i]);
		rc = rc ? rc : failed;
	}
	rc = rc ?: write_lists(c->group, &c->after, NULL);
	return rc ? vps_fault(c->fault, rc, "take back addresses", "") : 0;
}

/* Whatever was taken of the new ones. */
static void undo(struct change *c)
{
	for (size_t i = 0; i < c->taken; i++)
		if (!contains(&c->before, &c->after.items[i].addr))
			give_back(c, &c->after.items[i]);
	(void)keep(c, c->bound ? &c->before : NULL);
	if (c->bound)
		write_lists(c->group, &c->before, NULL);
	else
		vps_attr_set(c->group, VPS_ATTR_ADDRS, "");
}

/* Its own loopback, of both families, and where datagrams for it pass. */
static int prepare_loopback(struct change *c)
{
	struct vps_bpf_addr key4 = loop4_key(c->id), key6;
	struct vps_addr addr = loop6(c->id);
	int rc = own(c, &key4, "its loopback"), added;

	if (rc)
		return rc;
	key6 = as_key(&addr);
	added = vps_rtnl_add_spare_addr(c->sock, LOOPBACK_INDEX, &addr, NULL);
	/* A host without IPv6 has no ::1 for anybody. */
	if (!added || added == -EEXIST)
		rc = own(c, &key6, "its loopback");
	rc = rc ?: steer(c, LOOPBACK_INDEX);
	if (rc)
		return rc;
	rc = write_net(c, !added || added == -EEXIST);
	return rc ? vps_fault(c->fault, rc, "note its network", "") : 0;
}

/* ---- what is asked for ---------------------------------------------------------- */

/* What is on no device of the host may be that of a VPS on a bridge. */
static int check_bridged(const struct change *c)
{
	struct vps_vnet vnet = { 0 };

	for (size_t i = 0; i < c->after.count; i++) {
		const struct vps_bound *item = &c->after.items[i];

		if (*item->device && !contains(&c->before, &item->addr))
			vnet.addrs[vnet.addr_count++] = item->addr;
	}
	return vnet.addr_count ?
		vps_vnet_check_others(c->host, c->sock, c->id, &vnet, c->fault) : 0;
}

static int find_device(struct change *c)
{
	struct vps_link link;
	int rc;

	if (c->device)
		return 0;
	rc = vps_rtnl_link(c->sock, c->spec->device, &link);
	if (rc)
		return vps_refuse(c->fault, rc, "no such device", c->spec->device);
	c->device = link.ifindex;
	return 0;
}

static int add_item(struct change *c, const struct vps_addr *addr)
{
	struct vps_bound item = { .addr = *addr };
	const struct vps_link_addr *there = on_host(c, addr);
	char text[VPS_ADDR_TEXT_MAX];
	int rc;

	vps_format_addr(addr, text);
	if (!there && !c->spec->device)
		return vps_refuse(c->fault, -EADDRNOTAVAIL,
				  "no device of this host has this address", text);
	if (!there) {
		rc = find_device(c);
		if (rc)
			return rc;
		snprintf(item.device, sizeof(item.device), "%s", c->spec->device);
	}
	if (c->after.count == VPS_ADDRS_MAX)
		return vps_refuse(c->fault, -E2BIG, "more than 256 addresses", "");
	return append(&c->after, &item);
}

/* One that it has already stays as it is: whether it was put on its device, too. */
static int keep_item(struct change *c, const struct vps_addr *addr)
{
	for (size_t i = 0; i < c->before.count; i++)
		if (vps_addr_equal(&c->before.items[i].addr, addr))
			return append(&c->after, &c->before.items[i]);
	return -ENOENT;
}

static bool is_asked(const struct vps_addr_spec *spec, const struct vps_addr *addr)
{
	for (size_t i = 0; i < spec->count; i++)
		if (vps_addr_equal(&spec->addrs[i], addr))
			return true;
	return false;
}

static int compute(struct change *c)
{
	const struct vps_addr_spec *spec = c->spec;
	char text[VPS_ADDR_TEXT_MAX];
	int rc = 0;

	for (size_t i = 0; !rc && spec->change != VPS_ADDRS_REPLACE && i < c->before.count; i++)
		if (spec->change == VPS_ADDRS_ADD ||
		    !is_asked(spec, &c->before.items[i].addr))
			rc = append(&c->after, &c->before.items[i]);
	for (size_t i = 0; !rc && i < spec->count; i++) {
		const struct vps_addr *addr = &spec->addrs[i];

		if (spec->change == VPS_ADDRS_REMOVE) {
			vps_format_addr(addr, text);
			rc = contains(&c->before, addr) ? 0 :
				vps_refuse(c->fault, -ENOENT, "it has no such address", text);
		} else if (!contains(&c->after, addr)) {
			rc = keep_item(c, addr);
			rc = rc == -ENOENT ? add_item(c, addr) : rc;
		}
	}
	return rc ?: check_bridged(c);
}

/* In a network of its own these addresses are nobody's business. */
static int check_network(const struct change *c)
{
	struct stat own, other;
	struct vps_context_info info;
	char path[48];

	if (!vps_addrs_at_home())
		return vps_refuse(c->fault, -EXDEV, "this is not the host's network", "");
	if (vps_context_info(c->host, c->id, &info) || !info.init)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)info.init);
	if (stat("/proc/thread-self/ns/net", &own) < 0 || stat(path, &other) < 0)
		return 0;
	return own.st_ino == other.st_ino ? 0 :
		vps_refuse(c->fault, -EXDEV, "the context has a network of its own", "");
}

static int check_counted(const struct change *c)
{
	_cleanup_(closep) int use = vps_net_map(&c->host->cg, "tcp_use");
	struct vps_bpf_tcp tcp;

	if (use == -ENOENT)
		return vps_refuse(c->fault, -ENOTSUP, vps_net_refusal(&c->host->cg) ?:
				  "made before the programs for it: restart it", "addresses");
	if (use < 0)
		return vps_fault(c->fault, use, "open the network programs", "");
	if (bpf_map_lookup_elem(use, &c->cgroup_id, &tcp))
		return vps_refuse(c->fault, -ENODATA,
				  "made before the programs for it: restart it", "");
	return 0;
}

static int conduct(struct change *c)
{
	int rc = check_network(c) ?: check_counted(c);

	if (rc)
		return rc;
	rc = vps_rtnl_bare_addrs(c->sock, &c->there, &c->there_count);
	if (rc)
		return vps_fault(c->fault, rc, "list the addresses of the host", "");
	rc = read_list(c->group, &c->before);
	if (rc && rc != -ENODATA)
		return vps_fault(c->fault, rc, "read its addresses", "");
	c->bound = !rc;
	rc = compute(c);
	if (rc)
		return rc;
	rc = apply(c) ?: prepare_loopback(c);
	rc = rc ?: hold_to(c, &c->after);
	if (rc) {
		undo(c);
		return rc;
	}
	return settle(c);
}

int vps_context_set_addrs(struct vps_host *host, uint32_t id, const struct vps_addr_spec *spec,
			  struct vps_fault *fault)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	_cleanup_(vps_rtnl_closep) struct nl_sock *sock = NULL;
	_cleanup_(closep) int owners = -1;
	_cleanup_(closep) int lock = -1;
	struct change c = {
		.host = host, .spec = spec, .id = id, .group = group, .fault = fault,
	};
	int rc;

	if (group < 0)
		return vps_fault(fault, group, "find the context", "");
	/* One change at a time, of whatever context: an address is one's alone. */
	lock = openat(host->cg.parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return vps_fault(fault, -errno, "lock the group of all contexts", "");
	rc = vps_group_cgroup_id(group, &c.cgroup_id) ?: vps_rtnl_open(&sock);
	if (rc)
		return vps_fault(fault, rc, "open a route socket", "");
	owners = vps_net_map(&host->cg, "owners");
	c.owners = owners;
	c.sock = sock;
	rc = conduct(&c);
	free(c.there);
	free(c.before.items);
	free(c.after.items);
	return rc;
}

int vps_context_addrs(struct vps_host *host, uint32_t id, struct vps_bound **ret_addrs,
		      size_t *ret_count)
{
	_cleanup_(closep) int group = vps_group_open(&host->cg, id);
	struct list list;
	int rc = group < 0 ? group : read_list(group, &list);

	if (rc)
		return rc;
	*ret_addrs = list.items;
	*ret_count = list.count;
	return 0;
}

int vps_device_addrs(const char *device, struct vps_addr **ret_addrs, size_t *ret_count)
{
	_cleanup_(vps_rtnl_closep) struct nl_sock *sock = NULL;
	_cleanup_(freep) struct vps_link_addr *all = NULL;
	_cleanup_(freep) struct vps_addr *addrs = NULL;
	char text[VPS_ADDR_TEXT_MAX];
	size_t count, found = 0;
	struct vps_link link;
	int rc;

	if (!vps_is_device(device))
		return -ENODEV;
	rc = vps_rtnl_open(&sock) ?: vps_rtnl_link(sock, device, &link);
	rc = rc ?: vps_rtnl_addrs(sock, &all, &count);
	if (rc)
		return rc;
	addrs = calloc(count + 1, sizeof(*addrs));
	if (!addrs)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		vps_format_addr_prefix(&all[i].addr, text);
		/* What no VPS can have, as link-local ones, does not parse. */
		if (all[i].ifindex == link.ifindex && !vps_parse_addr(text, &addrs[found]))
			found++;
	}
	*ret_addrs = addrs;
	*ret_count = found;
	addrs = NULL;
	return 0;
}

/* ---- for the rest of the library ------------------------------------------------ */

static int end_addrs(struct vps_host *host, uint32_t id, int group, const struct list *list)
{
	_cleanup_(vps_rtnl_closep) struct nl_sock *sock = NULL;
	_cleanup_(closep) int owners = vps_net_map(&host->cg, "owners");
	_cleanup_(closep) int nets = vps_net_map(&host->cg, "nets");
	struct change c = { .host = host, .owners = owners };
	struct vps_bpf_addr key4 = loop4_key(id), key6;
	struct vps_addr addr = loop6(id);
	int rc = vps_group_cgroup_id(group, &c.cgroup_id) ?: vps_rtnl_open(&sock);

	c.sock = sock;
	if (rc)
		return rc;
	/* What cannot be taken away keeps nobody from ending; it is a spare address. */
	for (size_t i = 0; i < list->count; i++)
		give_back(&c, &list->items[i]);
	rc = vps_rtnl_remove_addr(sock, LOOPBACK_INDEX, &addr);
	key6 = as_key(&addr);
	disown(owners, &key6, c.cgroup_id);
	disown(owners, &key4, c.cgroup_id);
	if (nets >= 0)
		bpf_map_delete_elem(nets, &c.cgroup_id);
	return rc == -EADDRNOTAVAIL ? 0 : rc;
}

int vps_addrs_end(struct vps_host *host, uint32_t id, int group)
{
	struct list list;
	int rc = read_list(group, &list);

	if (rc)
		return rc == -ENODATA ? 0 : rc;
	rc = end_addrs(host, id, group, &list);
	free(list.items);
	return rc;
}

bool vps_addrs_at_home(void)
{
	struct stat own, home;

	return stat("/proc/thread-self/ns/net", &own) < 0 || stat("/proc/1/ns/net", &home) < 0 ||
	       own.st_ino == home.st_ino;
}
