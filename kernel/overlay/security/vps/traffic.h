/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: accounts of what they send and get.
 */
#ifndef _SECURITY_VPS_TRAFFIC_H
#define _SECURITY_VPS_TRAFFIC_H

#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <uapi/linux/vps.h>

struct sk_buff;

/* Which way a packet goes, as its context has it. */
enum vps_way {
	VPS_IN,
	VPS_OUT,
	VPS_WAYS,
};

/**
 * struct vps_flow - what has gone one way, as it is on the wire
 * @bytes: with the headers of IP
 * @packets: those that others were put together of, or are cut into
 */
struct vps_flow {
	u64 bytes;
	u64 packets;
};

/**
 * struct vps_meter - what one processor has counted
 * @bytes: by way
 * @packets: by way
 * @sync: on 32-bit machines, that nobody reads half a number
 */
struct vps_meter {
	u64_stats_t bytes[VPS_WAYS];
	u64_stats_t packets[VPS_WAYS];
	struct u64_stats_sync sync;
};

/**
 * struct vps_traffic - an account, which outlives its context until it is forgotten
 * @node: in the tree of accounts; @node, @ended, @meters, @total and @told are guarded by its lock
 * @refs: by what may still count, by the tree and by readers
 * @id: of the context; a later one may have the same
 * @account: as the context's; no other ever has it
 * @ended: so has the context
 * @meters: of each processor; NULL as soon as nothing can count any more
 * @total: what they had then
 * @told: how many bytes trafstat has told of, by way
 * @name: of the VPS, or ""
 */
struct vps_traffic {
	struct rb_node node;
	refcount_t refs;
	u32 id;
	u64 account;
	bool ended;
	struct vps_meter __percpu *meters;
	struct vps_flow total[VPS_WAYS];
	u64 told[VPS_WAYS];
	char name[VPS_NAME_SIZE];
};

/* Accounts of contexts that are gone: when so many wait, no context is made. Tests have fewer. */
extern unsigned int vps_traffic_room;

struct vps_traffic *vps_traffic_alloc(u32 id, const char *name);
bool vps_traffic_is_full(void);
void vps_traffic_begin(struct vps_traffic *traffic, u64 account);
void vps_traffic_end(struct vps_traffic *traffic);
void vps_traffic_release(struct vps_traffic *traffic);
int vps_traffic_forget(u32 id, u64 account);

struct vps_traffic *vps_traffic_next(u32 *id, u64 *account);
void vps_traffic_put(struct vps_traffic *traffic);
void vps_traffic_read(struct vps_traffic *traffic, struct vps_flow ret_flows[VPS_WAYS]);
void vps_traffic_peek(const struct vps_traffic *traffic, struct vps_flow ret_flows[VPS_WAYS]);
void vps_traffic_take(struct vps_traffic *traffic, u64 ret_bytes[VPS_WAYS]);
void vps_traffic_give_back(struct vps_traffic *traffic, const u64 bytes[VPS_WAYS]);

u32 vps_traffic_wire(const struct sk_buff *skb, u32 *ret_packets);
void vps_traffic_count(struct vps_traffic *traffic, enum vps_way way, const struct sk_buff *skb);

void vps_traffic_start(void);
void vps_traffic_init(void);

#endif /* _SECURITY_VPS_TRAFFIC_H */
