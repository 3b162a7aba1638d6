// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: the second wall around what is found by a number, a key or a name that is
 * the same for all: System V IPC, message queues, sockets without a file, and keys.
 *
 * Sockets hold their context. The others bear its account, which no other context ever has, and
 * hold nothing: what a context leaves behind is reached by the host alone.
 */
#include <linux/cred.h>
#include <linux/ipc.h>
#include <linux/jhash.h>
#include <linux/key.h>
#include <linux/lsm_hooks.h>
#include <linux/rhashtable.h>
#include <linux/vps_sock.h>

#include "vps.h"

u64 __vps_account(void)
{
	u64 account;

	rcu_read_lock();
	account = vps_current_rcu()->account;
	rcu_read_unlock();
	return account;
}

bool __vps_reaches_account(u64 account)
{
	u64 own = __vps_account();

	return !own || own == account;
}

/* ---- sockets ---- */

bool __vps_owns_sk(const struct sock *sk)
{
	bool own;

	rcu_read_lock();
	own = vps_current_rcu() == (sk->sk_vps ?: &vps_host);
	rcu_read_unlock();
	return own;
}

/**
 * vps_sees_sk - does the caller see that there is such a socket?
 * @sk: a socket
 *
 * Return: true when it does, by the rule of vps_sees().
 */
bool vps_sees_sk(const struct sock *sk)
{
	u32 id = vps_current_id();

	return id == VPS_CTX_HOST || id == VPS_CTX_ALL || __vps_owns_sk(sk);
}
EXPORT_SYMBOL_GPL(vps_sees_sk);

/* What is accepted is made by who connects. @new is nobody's yet. */
static int objects_unix_stream_connect(struct sock *sk, struct sock *listener, struct sock *new)
{
	vps_sk_free(new);
	new->sk_vps = listener->sk_vps;
	vps_sk_clone(new);
	return 0;
}

/* ---- System V IPC ---- */

static u64 *ipc_account(const struct kern_ipc_perm *perm)
{
	return perm->security + vps_blob_sizes.lbs_ipc;
}

static int objects_ipc_alloc(struct kern_ipc_perm *perm)
{
	*ipc_account(perm) = vps_account();
	return 0;
}

static u32 hash_key(const key_t *key, u64 account, u32 seed)
{
	return jhash(key, sizeof(*key), seed ^ (u32)account);
}

/**
 * vps_ipc_key_hash - where a key of the caller's context is, in a table of objects by key
 * @key: the key
 * @length: its size
 * @seed: of the table
 *
 * Each context has all keys.
 *
 * Return: the hash.
 */
u32 vps_ipc_key_hash(const void *key, u32 length, u32 seed)
{
	return hash_key(key, vps_account(), seed);
}

/**
 * vps_ipc_hash - where an object of System V IPC is, in a table of them by key
 * @object: the object
 * @length: of its key
 * @seed: of the table
 *
 * Return: the hash.
 */
u32 vps_ipc_hash(const void *object, u32 length, u32 seed)
{
	const struct kern_ipc_perm *perm = object;

	return hash_key(&perm->key, *ipc_account(perm), seed);
}

/**
 * vps_ipc_cmp - has an object the key, and is it of the caller's context?
 * @arg: has the key
 * @object: the object
 *
 * Return: 0 when it is.
 */
int vps_ipc_cmp(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct kern_ipc_perm *perm = object;

	return perm->key != *(const key_t *)arg->key || *ipc_account(perm) != vps_account();
}

/**
 * vps_sees_ipc - does the caller see that there is an object of System V IPC?
 * @perm: the object
 *
 * Return: true when it does, by the rule of vps_sees().
 */
bool vps_sees_ipc(const struct kern_ipc_perm *perm)
{
	return vps_reaches_account(*ipc_account(perm)) || vps_current_id() == VPS_CTX_ALL;
}

static int objects_ipc_permission(struct kern_ipc_perm *perm, short flags)
{
	return vps_reaches_account(*ipc_account(perm)) ? 0 : -EACCES;
}

/* For the owner no permission is asked; without @perm it is asked how many there are. */
static int objects_ipc_control(struct kern_ipc_perm *perm, int command)
{
	return !perm || vps_reaches_account(*ipc_account(perm)) ? 0 : -EPERM;
}

/* ---- keys ---- */

#ifdef CONFIG_KEYS

static u64 *key_account(const struct key *key)
{
	return key->security + vps_blob_sizes.lbs_key;
}

/* @cred is the kernel's, for the keyrings of a user namespace. */
static int objects_key_alloc(struct key *key, const struct cred *cred, unsigned long flags)
{
	*key_account(key) = vps_account();
	return 0;
}

static int objects_key_permission(key_ref_t ref, const struct cred *cred,
				  enum key_need_perm need)
{
	u64 own;

	if (!static_branch_unlikely(&vps_active))
		return 0;
	rcu_read_lock();
	own = vps_actor(cred)->account;
	rcu_read_unlock();
	return !own || own == *key_account(key_ref_to_ptr(ref)) ? 0 : -EACCES;
}

#endif /* CONFIG_KEYS */

static struct security_hook_list objects_hooks[] __ro_after_init = {
	LSM_HOOK_INIT(ipc_permission, objects_ipc_permission),
#ifdef CONFIG_KEYS
	LSM_HOOK_INIT(key_alloc, objects_key_alloc),
	LSM_HOOK_INIT(key_permission, objects_key_permission),
#endif
	LSM_HOOK_INIT(msg_queue_alloc_security, objects_ipc_alloc),
	LSM_HOOK_INIT(msg_queue_msgctl, objects_ipc_control),
	LSM_HOOK_INIT(sem_alloc_security, objects_ipc_alloc),
	LSM_HOOK_INIT(sem_semctl, objects_ipc_control),
	LSM_HOOK_INIT(shm_alloc_security, objects_ipc_alloc),
	LSM_HOOK_INIT(shm_shmctl, objects_ipc_control),
	LSM_HOOK_INIT(unix_stream_connect, objects_unix_stream_connect),
};

/**
 * vps_objects_init - raise the wall, at boot
 */
void __init vps_objects_init(void)
{
	security_add_hooks(objects_hooks, ARRAY_SIZE(objects_hooks), &vps_lsmid);
}
