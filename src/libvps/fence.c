// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The host among its VPSes: a daemon of its own that serves every address would stand on the
 * port of each of them.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include "../bpf/net.bpf.h"
#include "engine.h"
#include "net.h"
#include "rtnl.h"
#include "util.h"

/* ---- the fence ------------------------------------------------------------------ */

/* The address of the host that is seen by whoever is far away. False where there is none. */
static bool main_address(int family, const char *far, void *ret_address, size_t size)
{
	_cleanup_(closep) int sock = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9) };
	bool v4 = family == AF_INET;
	struct sockaddr *address = v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
	socklen_t len = v4 ? sizeof(in) : sizeof(in6);

	/* Nothing is sent: a route is looked up. */
	if (sock < 0 || inet_pton(family, far, v4 ? (void *)&in.sin_addr : &in6.sin6_addr) != 1 ||
	    connect(sock, address, len) < 0 || getsockname(sock, address, &len) < 0)
		return false;
	memcpy(ret_address, v4 ? (void *)&in.sin_addr : &in6.sin6_addr, size);
	return true;
}

static bool is_of_vps(const struct vps_host *host, const struct vps_bpf_addr *addr)
{
	_cleanup_(closep) int owners = vps_net_map(&host->cg, "owners");
	uint64_t owner;

	return owners >= 0 && !bpf_map_lookup_elem(owners, addr, &owner);
}

static int write_host(const struct vps_host *host)
{
	_cleanup_(closep) int nets = vps_net_map(&host->cg, "nets");
	const uint64_t id = VPS_BPF_HOST;
	struct vps_bpf_net net = { .loop6.words[3] = htonl(1) };

	if (nets < 0)
		return nets;
	/* Documentation's own addresses are nobody's. */
	if (!main_address(AF_INET, "198.51.100.1", &net.first4, sizeof(net.first4)) ||
	    is_of_vps(host, &(struct vps_bpf_addr){ { 0, 0, htonl(0xffff), net.first4 } }))
		net.first4 = htonl(INADDR_LOOPBACK);
	if (!main_address(AF_INET6, "2001:db8::1", &net.first6, sizeof(net.first6)) ||
	    is_of_vps(host, &net.first6))
		memset(&net.first6, 0, sizeof(net.first6));
	return bpf_map_update_elem(nets, &id, &net, BPF_ANY) ? -errno : 0;
}

static int steer_all(const struct vps_host *host)
{
	_cleanup_(vps_rtnl_closep) struct nl_sock *sock = NULL;
	_cleanup_(freep) struct vps_link *links = NULL;
	size_t count = 0;
	int rc = vps_rtnl_open(&sock) ?: vps_rtnl_links(sock, &links, &count);

	for (size_t i = 0; !rc && i < count; i++)
		if (links[i].up)
			rc = vps_net_steer(&host->cg, links[i].ifindex);
	return rc;
}

int vps_host_fence(struct vps_host *host, bool on, struct vps_fault *fault)
{
	int rc;

	if (!on) {
		/* What was bound with it goes on to be served by what stays. */
		rc = host->cg.parent_fd < 0 ? 0 : vps_net_unfence(&host->cg);
		return rc ? vps_fault(fault, rc, "take the programs away", "") : 0;
	}
	rc = vps_cgroups_make_parent(&host->cg, fault);
	if (rc)
		return rc;
	rc = vps_net_fence(&host->cg);
	if (rc)
		return vps_fault(fault, rc, "attach the programs to the host", "");
	rc = steer_all(host);
	if (rc)
		return vps_fault(fault, rc, "attach a program (clsact) for datagrams", "");
	/* Last: from here on it holds. */
	rc = write_host(host);
	return rc ? vps_fault(fault, rc, "note the host's addresses", "") : 0;
}

bool vps_host_is_fenced(struct vps_host *host)
{
	return host->cg.parent_fd >= 0 && vps_net_is_fenced(&host->cg);
}

/* ---- who stands in the way ------------------------------------------------------ */

/**
 * struct search - sockets that serve every address
 * @inodes: of those in @found
 * @ephemeral: ports from here up are nobody's for long
 */
struct search {
	struct vps_blocker *found;
	uint32_t *inodes;
	size_t count;
	uint8_t protocol;
	uint64_t ephemeral;
};

static bool is_known(const struct search *s, uint16_t port)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->found[i].port == port && s->found[i].udp == (s->protocol == IPPROTO_UDP))
			return true;
	return false;
}

static int take_socket(struct nlmsghdr *header, void *data)
{
	const struct inet_diag_msg *msg = nlmsg_data(header);
	static const __be32 any[4];
	struct search *s = data;
	uint16_t port = ntohs(msg->id.idiag_sport);
	struct vps_blocker *found;
	uint32_t *inodes;

	if (memcmp(msg->id.idiag_src, any, sizeof(any)) || !msg->idiag_inode || !port ||
	    (s->protocol == IPPROTO_UDP && port >= s->ephemeral) || is_known(s, port))
		return 0;
	found = reallocarray(s->found, s->count + 1, sizeof(*found));
	if (found)
		s->found = found;
	inodes = reallocarray(s->inodes, s->count + 1, sizeof(*inodes));
	if (inodes)
		s->inodes = inodes;
	if (!found || !inodes)
		return -ENOMEM;
	s->inodes[s->count] = msg->idiag_inode;
	s->found[s->count++] = (struct vps_blocker){
		.port = port, .udp = s->protocol == IPPROTO_UDP,
	};
	return 0;
}

static int search_sockets(struct nl_sock *sock, struct search *s, uint8_t family)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = family, .sdiag_protocol = s->protocol,
		.idiag_states = 1u << (s->protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE),
	};
	struct nl_msg *msg = vps_rtnl_message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request,
					      sizeof(request));

	return vps_rtnl_ask(sock, msg, take_socket, s);
}

static int search_all(struct search *s)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct nl_sock *sock = nl_socket_alloc();
	int rc = sock ? 0 : -ENOMEM;

	if (!rc && nl_connect(sock, NETLINK_SOCK_DIAG))
		rc = -ENOTSUP;
	for (size_t i = 0; !rc && i < ARRAY_SIZE(protocols); i++) {
		s->protocol = protocols[i];
		rc = search_sockets(sock, s, AF_INET) ?: search_sockets(sock, s, AF_INET6);
	}
	nl_socket_free(sock);
	return rc;
}

static void name_owner(struct search *s, uint32_t inode, pid_t pid, int proc)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->inodes[i] != inode || s->found[i].pid)
			continue;
		s->found[i].pid = pid;
		if (vps_read_at(proc, "comm", s->found[i].command,
				sizeof(s->found[i].command)) > 0)
			s->found[i].command[strcspn(s->found[i].command, "\n")] = '\0';
	}
}

static void look_at_process(struct search *s, const char *name)
{
	_cleanup_(closedirp) DIR *fds = NULL;
	_cleanup_(closep) int proc = -1;
	char path[32], text[64];
	struct dirent *entry;
	unsigned int inode;
	uint64_t pid;
	ssize_t n;

	if (vps_parse_u64(name, &pid))
		return;

	snprintf(path, sizeof(path), "/proc/%.16s", name);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%.16s/fd", name);
	fds = proc < 0 ? NULL : opendir(path);
	while (fds && (entry = readdir(fds))) {
		n = readlinkat(dirfd(fds), entry->d_name, text, sizeof(text) - 1);
		if (n <= 0)
			continue;
		text[n] = '\0';
		if (sscanf(text, "socket:[%u]", &inode) == 1)
			name_owner(s, inode, (pid_t)pid, proc);
	}
}

static void name_owners(struct search *s)
{
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		look_at_process(s, entry->d_name);
}

/* Sockets of a context that was given no addresses are its own affair. */
static void drop_those_of_contexts(struct search *s)
{
	char group[PATH_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++)
		if (!s->found[i].pid ||
		    vps_group_of_process(s->found[i].pid, group, sizeof(group)) ||
		    vps_group_id_of_path(group) == VPS_ID_HOST)
			s->found[kept++] = s->found[i];
	s->count = kept;
}

int vps_host_blockers(struct vps_host *host, struct vps_blocker **ret_blockers,
		      size_t *ret_count)
{
	struct search s = { .ephemeral = 32768 };
	char text[32];
	int rc;

	(void)host;
	if (vps_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", text,
			sizeof(text)) > 0) {
		text[strcspn(text, "\t ")] = '\0';
		vps_parse_u64(text, &s.ephemeral);
	}
	rc = search_all(&s);
	if (!rc && s.count)
		name_owners(&s);
	free(s.inodes);
	if (rc) {
		free(s.found);
		return rc;
	}
	drop_those_of_contexts(&s);
	*ret_blockers = s.found;
	*ret_count = s.count;
	return 0;
}
