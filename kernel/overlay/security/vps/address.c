// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: their addresses in a network namespace that they share.
 *
 * Programs of control groups say what "every address" and the loopback of a context are; they
 * come after these hooks of sockets, which let pass what they will translate and refuse what is
 * somebody else's. What counts is beneath, and holds without any program: a packet that a socket
 * of the context sends is from an address of its own, and one that it gets is to one of its own.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/lsm_hooks.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/nsproxy.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/addrconf.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/route.h>
#include <net/sock.h>

#include "address.h"
#include "vps.h"

/* Guards the writing of all lists, so that an address is one context's, and vps_net. */
static DEFINE_MUTEX(addresses_mutex);

/**
 * struct vps_net - of each network namespace
 * @hooked: its packets are looked at
 */
struct vps_net {
	bool hooked;
};

static unsigned int vps_net_id __ro_after_init;

/* ---- addresses ---- */

static unsigned int address_bytes(u16 family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static bool is_any(u16 family, const u8 *addr)
{
	return !memchr_inv(addr, 0, address_bytes(family));
}

static bool is_loopback(u16 family, const u8 *addr)
{
	return family == AF_INET ? addr[0] == IN_LOOPBACKNET :
				   ipv6_addr_loopback((const struct in6_addr *)addr);
}

/* Where each context has a loopback of IPv6: fd76:7073:6c6f::HILO. */
static const u8 loops6[14] = { 0xfd, 'v', 'p', 's', 'l', 'o' };

static bool is_of_loops(u16 family, const u8 *addr)
{
	return family == AF_INET ? addr[0] == IN_LOOPBACKNET :
				   !memcmp(addr, loops6, 6);
}

static bool is_own_loop(u32 id, u16 family, const u8 *addr)
{
	if (family == AF_INET)
		return addr[0] == IN_LOOPBACKNET && addr[1] == id >> 8 && addr[2] == (id & 0xff);
	return !memcmp(addr, loops6, sizeof(loops6)) && addr[14] == id >> 8 &&
	       addr[15] == (id & 0xff);
}

static bool starts_alike(const u8 *one, const u8 *other, unsigned int bits)
{
	unsigned int bytes = bits / 8, rest = bits % 8;

	if (memcmp(one, other, bytes))
		return false;
	return !rest || !((one[bytes] ^ other[bytes]) >> (8 - rest));
}

static bool is_device(const char *name)
{
	size_t length = strnlen(name, VPS_DEVICE_SIZE);

	if (length == VPS_DEVICE_SIZE || memchr_inv(name + length, 0, VPS_DEVICE_SIZE - length))
		return false;
	return !length || dev_valid_name(name);
}

/* IPv4 in an address of IPv6. */
static bool is_mapped(u16 family, const u8 *addr)
{
	return family == AF_INET6 && ipv6_addr_v4mapped((const struct in6_addr *)addr);
}

/**
 * vps_address_is - can a context have this address?
 * @address: what somebody says
 *
 * What is nobody's, everybody's or a loopback cannot be given.
 *
 * Return: true when it is one.
 */
bool vps_address_is(const struct vps_address *address)
{
	u16 family = address->family;
	const u8 *addr = address->addr;
	unsigned int bytes = address_bytes(family);

	if (family != AF_INET && family != AF_INET6)
		return false;
	if (!address->bits || address->bits > 8 * bytes || address->prefix > 8 * bytes)
		return false;
	if (memchr_inv(addr + bytes, 0, sizeof(address->addr) - bytes))
		return false;
	if (is_any(family, addr) || is_loopback(family, addr) || is_of_loops(family, addr) ||
	    is_mapped(family, addr))
		return false;
	return addr[0] < (family == AF_INET ? 224 : 255) && is_device(address->device);
}

/**
 * vps_address_overlaps - is there an address that both are?
 * @one: an address, or a range
 * @other: another one
 *
 * Return: true when there is.
 */
bool vps_address_overlaps(const struct vps_address *one, const struct vps_address *other)
{
	return one->family == other->family &&
	       starts_alike(one->addr, other->addr, min(one->bits, other->bits));
}

/* ---- lists ---- */

static bool is_same(const struct vps_address *one, const struct vps_address *other)
{
	return one->bits == other->bits && vps_address_overlaps(one, other);
}

static struct vps_permit *permit_alloc(u64 net, u32 count)
{
	struct vps_permit *permit = kzalloc(struct_size(permit, items, count),
					    GFP_KERNEL_ACCOUNT);

	if (!permit)
		return ERR_PTR(-ENOMEM);
	permit->net = net;
	permit->count = count;
	return permit;
}

static u32 permit_find(const struct vps_permit *permit, const struct vps_address *address)
{
	u32 i;

	for (i = 0; i < permit->count && !is_same(&permit->items[i], address); i++)
		;
	return i;
}

/**
 * vps_permit_with - a list with one more address
 * @old: the list, or NULL
 * @net: network namespace of who adds it
 * @address: which; has been checked
 *
 * Return: the new one, -EXDEV, -EEXIST, -ENOSPC or -ENOMEM.
 */
struct vps_permit *vps_permit_with(const struct vps_permit *old, u64 net,
				   const struct vps_address *address)
{
	u32 count = old ? old->count : 0;
	struct vps_permit *permit;

	if (old && old->net != net)
		return ERR_PTR(-EXDEV);
	if (old && permit_find(old, address) < count)
		return ERR_PTR(-EEXIST);
	if (count == VPS_ADDRESSES_MAX)
		return ERR_PTR(-ENOSPC);
	permit = permit_alloc(net, count + 1);
	if (IS_ERR(permit))
		return permit;
	if (count)
		memcpy(permit->items, old->items, flex_array_size(permit, items, count));
	permit->items[count] = *address;
	return permit;
}

/**
 * vps_permit_without - a list without one of its addresses
 * @old: the list
 * @address: which
 *
 * Return: the new one, -ENOENT or -ENOMEM.
 */
struct vps_permit *vps_permit_without(const struct vps_permit *old,
				      const struct vps_address *address)
{
	u32 at = permit_find(old, address), i;
	struct vps_permit *permit;

	if (at == old->count)
		return ERR_PTR(-ENOENT);
	permit = permit_alloc(old->net, old->count - 1);
	if (IS_ERR(permit))
		return permit;
	for (i = 0; i < permit->count; i++)
		permit->items[i] = old->items[i + (i >= at)];
	return permit;
}

/**
 * vps_permit_overlaps - has a list something of an address?
 * @permit: the list
 * @address: an address, or a range
 *
 * Return: true when it has.
 */
bool vps_permit_overlaps(const struct vps_permit *permit, const struct vps_address *address)
{
	u32 i;

	for (i = 0; i < permit->count; i++) {
		if (vps_address_overlaps(&permit->items[i], address))
			return true;
	}
	return false;
}

/**
 * vps_permit_has - is an address the context's?
 * @permit: its list
 * @id: its number
 * @family: of @addr
 * @addr: the address
 * @looped: it is about the loopback device, which alone has loopbacks of IPv6
 *
 * Return: true when it is on the list, or of the context's loopback.
 */
bool vps_permit_has(const struct vps_permit *permit, u32 id, u16 family, const u8 *addr,
		    bool looped)
{
	u32 i;

	if (is_of_loops(family, addr))
		return is_own_loop(id, family, addr) && (looped || family == AF_INET);
	for (i = 0; i < permit->count; i++) {
		const struct vps_address *item = &permit->items[i];

		if (item->family == family && starts_alike(item->addr, addr, item->bits))
			return true;
	}
	return false;
}

/* ---- what a socket may say ---- */

/* The list that holds for a context there, or NULL. With addresses_mutex or under RCU. */
static const struct vps_permit *permit_of(const struct vps_context *context, const struct net *net)
{
	const struct vps_permit *permit = NULL;

	if (context)
		permit = rcu_dereference_check(context->permit, lockdep_is_held(&addresses_mutex));
	return permit && permit->net == net->net_cookie ? permit : NULL;
}

/* With addresses_mutex or under RCU. */
static bool is_anothers(const struct vps_context *context, const struct net *net,
			const struct vps_address *address)
{
	const struct vps_permit *permit;
	struct vps_context *other;
	bool has = false;
	u32 id;

	for (id = VPS_CTX_ALL; !has && (other = vps_context_next(&id)); id++) {
		permit = permit_of(other, net);
		has = other != context && permit && vps_permit_overlaps(permit, address);
		vps_context_put(other);
	}
	return has;
}

static bool is_for_ping(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_ICMP || sk->sk_protocol == IPPROTO_ICMPV6;
}

/*
 * Every address and the loopback, whosever, are what a program makes of them. What is for ping
 * asks nobody for an address, and is told with the packet.
 */
static int check_said(const struct sock *sk, u16 family, const void *said)
{
	const struct vps_permit *permit;
	const u8 *addr = said;
	bool may;

	if (is_mapped(family, addr)) {
		family = AF_INET;
		addr += 12;
	}
	if (is_any(family, addr) || is_loopback(family, addr) || is_for_ping(sk))
		return 0;
	rcu_read_lock();
	permit = permit_of(sk->sk_vps, sock_net(sk));
	may = !permit || vps_permit_has(permit, sk->sk_vps->id, family, addr, true);
	rcu_read_unlock();
	return may ? 0 : -EADDRNOTAVAIL;
}

static bool is_held(const struct sock *sk)
{
	return sk && sk->sk_vps && (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);
}

static int address_socket_bind(struct socket *sock, struct sockaddr *address, int length)
{
	if (!is_held(sock->sk))
		return 0;
	/* What is too short, or of another family, the protocol refuses. */
	if (length >= sizeof(struct sockaddr_in) && address->sa_family == AF_INET)
		return check_said(sock->sk, AF_INET, &((struct sockaddr_in *)address)->sin_addr);
	if (length >= SIN6_LEN_RFC2133 && address->sa_family == AF_INET6)
		return check_said(sock->sk, AF_INET6,
				  &((struct sockaddr_in6 *)address)->sin6_addr);
	return 0;
}

/* It may have been bound before its context had addresses. */
static int address_socket_connect(struct socket *sock, struct sockaddr *address, int length)
{
	struct sock *sk = sock->sk;

	if (!is_held(sk) || length < sizeof(sa_family_t) || address->sa_family == AF_UNSPEC)
		return 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return check_said(sk, AF_INET6, &sk->sk_v6_rcv_saddr);
#endif
	return check_said(sk, AF_INET, &sk->sk_rcv_saddr);
}

/* These pass by all that is beneath. */
static int address_socket_create(int family, int type, int protocol, int kern)
{
	const struct vps_permit *permit;

	if (kern || (family != PF_PACKET && family != PF_XDP))
		return 0;
	rcu_read_lock();
	permit = permit_of(vps_current_rcu(), current->nsproxy->net_ns);
	rcu_read_unlock();
	return permit ? -EPERM : 0;
}

/* ---- packets ---- */

/**
 * struct end - one end of a packet
 * @net: where it is
 * @family: of the address
 * @protocol: what is in the packet
 * @addr: the address
 * @looped: the packet is on the loopback device
 */
struct end {
	struct net *net;
	u16 family;
	u8 protocol;
	const u8 *addr;
	bool looped;
};

static void read_end(struct end *end, const struct sk_buff *skb, bool v4, bool source)
{
	if (v4) {
		end->family = AF_INET;
		end->addr = (const u8 *)(source ? &ip_hdr(skb)->saddr : &ip_hdr(skb)->daddr);
		end->protocol = ip_hdr(skb)->protocol;
	} else {
		end->family = AF_INET6;
		end->addr = (const u8 *)(source ? &ipv6_hdr(skb)->saddr : &ipv6_hdr(skb)->daddr);
		end->protocol = ipv6_hdr(skb)->nexthdr;
	}
}

static bool is_of_host(const struct end *end)
{
	__be32 address;

	if (end->family == AF_INET) {
		memcpy(&address, end->addr, sizeof(address));
		return inet_addr_type(end->net, address) == RTN_LOCAL;
	}
#if IS_BUILTIN(CONFIG_IPV6)
	return ipv6_chk_addr(end->net, (const struct in6_addr *)end->addr, NULL, 0);
#else
	return false;
#endif
}

/*
 * Nobody is asked before a socket for ping sends: it has the host's addresses, but no other
 * context's. A raw one that writes its own headers can say no more than that, either. Under RCU.
 */
static bool may_ping(const struct sock *sk, const struct end *end)
{
	struct vps_address address = { .family = end->family };

	if (!is_for_ping(sk) || sk->sk_protocol != end->protocol || !is_of_host(end))
		return false;
	if (end->family == AF_INET6 && is_of_loops(end->family, end->addr))
		return false;
	address.bits = 8 * address_bytes(end->family);
	memcpy(address.addr, end->addr, address_bytes(end->family));
	return !is_anothers(NULL, end->net, &address);
}

/* Under RCU. */
static bool may_have(const struct sock *sk, const struct end *end)
{
	const struct vps_permit *permit = permit_of(sk->sk_vps, end->net);

	return !permit ||
	       vps_permit_has(permit, sk->sk_vps->id, end->family, end->addr, end->looped) ||
	       may_ping(sk, end);
}

static unsigned int address_out(void *unused, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct end end = { .net = state->net };
	const struct sock *sk;

	/* Not skb->sk, which a tunnel leaves as it is: what it sends is the host's. */
	sk = sk_to_full_sk(state->sk);
	if (!sk || !sk_fullsock(sk) || !sk->sk_vps)
		return NF_ACCEPT;
	end.looped = state->out && state->out->flags & IFF_LOOPBACK;
	read_end(&end, skb, state->pf == NFPROTO_IPV4, true);
	if (may_have(sk, &end))
		return NF_ACCEPT;
	/* The only error that connect() by TCP does not wait after. */
	return sk->sk_state == TCP_SYN_SENT ? NF_DROP_ERR(-ECONNREFUSED) : NF_DROP_ERR(-EPERM);
}

/*
 * Before a socket gets a packet. A connection of IPv4 that is established has an address that it
 * can send from; what comes to a loopback of IPv6 is always looked at.
 */
static int address_socket_sock_rcv_skb(struct sock *sk, struct sk_buff *skb)
{
	struct end end = { .net = sock_net(sk) };
	bool may;

	if (!is_held(sk) || (sk->sk_family == AF_INET && sk->sk_protocol == IPPROTO_TCP &&
			     sk->sk_state == TCP_ESTABLISHED))
		return 0;
	read_end(&end, skb, sk->sk_family == AF_INET || skb->protocol == htons(ETH_P_IP), false);
	end.looped = skb->skb_iif == LOOPBACK_IFINDEX;
	rcu_read_lock();
	may = may_have(sk, &end);
	rcu_read_unlock();
	return may ? 0 : -EPERM;
}

/* Of both families, before anything else. */
static const struct nf_hook_ops address_ops = {
	.hook = address_out,
	.pf = NFPROTO_INET,
	.hooknum = NF_INET_LOCAL_OUT,
	.priority = NF_IP_PRI_FIRST,
};

static int hook_net(struct net *net)
{
	struct vps_net *own = net_generic(net, vps_net_id);
	int err = own->hooked ? 0 : nf_register_net_hook(net, &address_ops);

	if (!err)
		own->hooked = true;
	return err;
}

static void __net_exit address_net_exit(struct net *net)
{
	struct vps_net *own = net_generic(net, vps_net_id);

	if (own->hooked)
		nf_unregister_net_hook(net, &address_ops);
}

static struct pernet_operations address_net_ops = {
	.exit = address_net_exit,
	.id = &vps_net_id,
	.size = sizeof(struct vps_net),
};

/* Until there is a list nobody is asked. */
static struct security_hook_list address_hooks[] __ro_after_init = {
	LSM_HOOK_INIT(socket_bind, address_socket_bind),
	LSM_HOOK_INIT(socket_connect, address_socket_connect),
	LSM_HOOK_INIT(socket_create, address_socket_create),
	LSM_HOOK_INIT(socket_sock_rcv_skb, address_socket_sock_rcv_skb),
};

/* ---- a context and its list ---- */

static struct vps_permit *permit_locked(struct vps_context *context)
{
	return rcu_dereference_protected(context->permit, lockdep_is_held(&addresses_mutex));
}

static void replace(struct vps_context *context, struct vps_permit *permit)
{
	struct vps_permit *old = permit_locked(context);

	rcu_assign_pointer(context->permit, permit);
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * vps_address_add - give a context an address
 * @context: the context
 * @address: which; has been checked
 *
 * Return: 0, or an errno as VC_NETADDR_PERMIT of vserver() has them.
 */
int vps_address_add(struct vps_context *context, const struct vps_address *address)
{
	struct net *net = current->nsproxy->net_ns;
	struct vps_permit *permit;
	int err;

	guard(mutex)(&addresses_mutex);
	err = is_anothers(context, net, address) ? -EADDRINUSE : hook_net(net);
	if (err)
		return err;
	permit = vps_permit_with(permit_locked(context), net->net_cookie, address);
	if (IS_ERR(permit))
		return PTR_ERR(permit);
	vps_hooks_start(address_hooks, ARRAY_SIZE(address_hooks));
	replace(context, permit);
	return 0;
}

/**
 * vps_address_remove - take an address from a context
 * @context: the context
 * @address: which, or zeros for all of them and the list itself
 *
 * Return: 0, or an errno as VC_NETADDR_REMOVE of vserver() has them.
 */
int vps_address_remove(struct vps_context *context, const struct vps_address *address)
{
	struct vps_permit *old, *permit = NULL;

	guard(mutex)(&addresses_mutex);
	old = permit_locked(context);
	if (!old)
		return -ENODATA;
	if (address->family)
		permit = vps_permit_without(old, address);
	if (IS_ERR(permit))
		return PTR_ERR(permit);
	replace(context, permit);
	return 0;
}

/**
 * vps_address_copy - the list of a context, as it is now
 * @context: the context
 *
 * Return: a copy that the caller frees, -ENODATA when it has no list, or -ENOMEM.
 */
struct vps_permit *vps_address_copy(struct vps_context *context)
{
	const struct vps_permit *permit;

	guard(mutex)(&addresses_mutex);
	permit = permit_locked(context);
	if (!permit)
		return ERR_PTR(-ENODATA);
	return kmemdup(permit, struct_size(permit, items, permit->count), GFP_KERNEL_ACCOUNT) ?:
	       ERR_PTR(-ENOMEM);
}

/**
 * vps_address_free - a context has no list any more
 * @context: one that nobody holds
 */
void vps_address_free(struct vps_context *context)
{
	struct vps_permit *permit = rcu_dereference_protected(context->permit, true);

	if (permit)
		kfree_rcu(permit, rcu);
}

/**
 * vps_address_init - hook in, at boot
 */
void __init vps_address_init(void)
{
	vps_hooks_add(address_hooks, ARRAY_SIZE(address_hooks));
}

/* Memory for it is there later than hooks are. */
static int __init address_net_init(void)
{
	return register_pernet_subsys(&address_net_ops);
}
subsys_initcall(address_net_init);
