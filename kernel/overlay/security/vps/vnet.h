/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: devices in a network of their own, and what those may send.
 */
#ifndef _SECURITY_VPS_VNET_H
#define _SECURITY_VPS_VNET_H

#include <linux/types.h>
#include <uapi/linux/vps.h>

struct net;
struct net_device;
struct seq_file;
struct sk_buff;
struct vps_context;

/* ---- vnet.c ---- */

struct sk_buff *vps_rtnl_message(int type, int flags, const void *header, size_t size);
int vps_rtnl_talk(struct net *net, struct sk_buff *skb);

bool vps_device_is(const struct vps_device *device);
bool vps_device_is_index(const struct vps_device *device);

struct net *vps_vnet_get(struct vps_context *context);
struct net *vps_vnet_get_to_change(struct vps_context *context);
struct net_device *vps_vnet_device(struct net *net, u32 ifindex);
long vps_vnet_create(struct vps_context *context, const struct vps_device *device);
long vps_vnet_attach(struct vps_context *context, const struct vps_device *device);
long vps_vnet_destroy(struct vps_context *context, const struct vps_device *device);
long vps_vnet_list(struct vps_context *context, struct vps_device **ret_list);
void vps_vnet_show(struct seq_file *seq, struct vps_context *context);

/* ---- qos.c ---- */

bool vps_qos_is(const struct vps_qos *qos);
u32 vps_qos_burst(u64 bytes, u32 frame);
u32 vps_qos_queue(u64 bytes, u32 frame);
long vps_qos_set(struct vps_context *context, const struct vps_qos *qos);
long vps_qos_get(struct vps_context *context, struct vps_qos *qos);

#endif /* _SECURITY_VPS_VNET_H */
