/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: what the rest of the kernel sees of them.
 */
#ifndef _LINUX_VPS_H
#define _LINUX_VPS_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct cred;
struct kern_ipc_perm;
struct pid;
struct rhashtable_compare_arg;
struct sock;
struct sysinfo;
struct task_struct;
struct vps_context;

/* For the longest that vps_tag_message() writes. */
#define VPS_TAG_SIZE	48

#ifdef CONFIG_VPS

/* On from the first context on, for ever: before it nothing here costs anything. */
DECLARE_STATIC_KEY_FALSE(vps_active);

bool __vps_on_host(void);
bool __vps_sees(struct task_struct *task);
bool __vps_sees_pid(struct pid *pid);
bool vps_sees_sk(const struct sock *sk);
bool __vps_owns_sk(const struct sock *sk);
u64 __vps_account(void);
bool __vps_reaches_account(u64 account);
u32 vps_ipc_key_hash(const void *key, u32 length, u32 seed);
u32 vps_ipc_hash(const void *object, u32 length, u32 seed);
int vps_ipc_cmp(struct rhashtable_compare_arg *arg, const void *object);
bool vps_sees_ipc(const struct kern_ipc_perm *perm);
bool __vps_may_set_names(void);
void __vps_sysinfo(struct sysinfo *info);
int __vps_tag_message(char *tag, int level);
bool __vps_may_enter(struct task_struct *task);
bool __vps_own_nproc(void);
void __vps_tcp_state(struct sock *sk, int from, int to);
bool __vps_tcp_connects(const struct sock *sk);
bool __vps_tcp_accepts(const struct sock *sk);
void __vps_tcp_forgets(const struct sock *sk);

/**
 * vps_sees - does the caller see that there is such a task?
 * @task: a task
 *
 * The host and context 1 see all, other contexts see what is in them.
 *
 * Return: true when it does.
 */
static inline bool vps_sees(struct task_struct *task)
{
	return !static_branch_unlikely(&vps_active) || __vps_sees(task);
}

/**
 * vps_seen - what the caller finds of what has been found by number
 * @pid: a process, a group or a session, or NULL; under RCU or tasklist_lock
 *
 * Return: the same, or NULL when it is not to be seen.
 */
static inline struct pid *vps_seen(struct pid *pid)
{
	if (static_branch_unlikely(&vps_active) && pid && !__vps_sees_pid(pid))
		return NULL;
	return pid;
}

/**
 * vps_on_host - is the caller in no context?
 *
 * Return: true when it is the host's.
 */
static inline bool vps_on_host(void)
{
	return !static_branch_unlikely(&vps_active) || __vps_on_host();
}

/**
 * vps_owns_sk - is a socket of the caller's own context?
 * @sk: a socket
 *
 * Names that are not in a file system are the context's: each has all of them.
 *
 * Return: true when it is.
 */
static inline bool vps_owns_sk(const struct sock *sk)
{
	return !static_branch_unlikely(&vps_active) || __vps_owns_sk(sk);
}

/**
 * vps_account - what marks an object as the caller's context's
 *
 * Return: a number that no other context ever has, 0 for the host.
 */
static inline u64 vps_account(void)
{
	return static_branch_unlikely(&vps_active) ? __vps_account() : 0;
}

/**
 * vps_reaches_account - may the caller do anything to an object?
 * @account: what vps_account() told its maker
 *
 * Return: true when it is of its own context, or the caller the host's.
 */
static inline bool vps_reaches_account(u64 account)
{
	return !static_branch_unlikely(&vps_active) || __vps_reaches_account(account);
}

/**
 * vps_may_set_names - may the caller set the names of its UTS namespace?
 *
 * The host's are not for contexts, whatever their capabilities.
 *
 * Return: true when it may, as far as contexts are concerned.
 */
static inline bool vps_may_set_names(void)
{
	return !static_branch_unlikely(&vps_active) || __vps_may_set_names();
}

/**
 * vps_sysinfo - tell the caller of its context what sysinfo() tells of the machine
 * @info: what it tells of the machine, in the machine's unit
 */
static inline void vps_sysinfo(struct sysinfo *info)
{
	if (static_branch_unlikely(&vps_active))
		__vps_sysinfo(info);
}

/**
 * vps_tag_message - what a line of the kernel's log begins with, and whether it may be there
 * @tag: for VPS_TAG_SIZE bytes
 * @level: how important the line is
 *
 * Return: length of the tag, 0 if what is said has to do with no context, or -EBUSY when the
 * caller's context has said too much.
 */
static inline int vps_tag_message(char *tag, int level)
{
	return static_branch_unlikely(&vps_active) ? __vps_tag_message(tag, level) : 0;
}

/**
 * vps_may_enter - may the caller enter namespaces of a task?
 * @task: a task
 *
 * Return: true when it may, as far as contexts are concerned.
 */
static inline bool vps_may_enter(struct task_struct *task)
{
	return !static_branch_unlikely(&vps_active) || __vps_may_enter(task);
}

/**
 * vps_own_nproc - is the number of the caller's processes its context's matter only?
 *
 * Return: true when it is, so that RLIMIT_NPROC does not hold.
 */
static inline bool vps_own_nproc(void)
{
	return static_branch_unlikely(&vps_active) && __vps_own_nproc();
}

/**
 * vps_tcp_state - a TCP connection goes on
 * @sk: its socket
 * @from: state that it was in
 * @to: state that it will be in
 */
static inline void vps_tcp_state(struct sock *sk, int from, int to)
{
	if (static_branch_unlikely(&vps_active))
		__vps_tcp_state(sk, from, to);
}

/**
 * vps_tcp_connects - is there a place for what a socket connects to?
 * @sk: the socket, in TCP_SYN_SENT, so that it has taken its place
 *
 * Return: true when there is.
 */
static inline bool vps_tcp_connects(const struct sock *sk)
{
	return !static_branch_unlikely(&vps_active) || __vps_tcp_connects(sk);
}

/**
 * vps_tcp_accepts - take a place for a connection that has come in
 * @sk: the listener
 *
 * It is given back by vps_tcp_state(), when the new socket leaves TCP_SYN_RECV.
 *
 * Return: true when there was one.
 */
static inline bool vps_tcp_accepts(const struct sock *sk)
{
	return !static_branch_unlikely(&vps_active) || __vps_tcp_accepts(sk);
}

/**
 * vps_tcp_forgets - give back what vps_tcp_accepts() has taken
 * @sk: the listener, for which no new socket was made
 */
static inline void vps_tcp_forgets(const struct sock *sk)
{
	if (static_branch_unlikely(&vps_active))
		__vps_tcp_forgets(sk);
}

#else /* !CONFIG_VPS */

static inline bool vps_sees(struct task_struct *task) { return true; }
static inline struct pid *vps_seen(struct pid *pid) { return pid; }
static inline bool vps_on_host(void) { return true; }
static inline bool vps_sees_sk(const struct sock *sk) { return true; }
static inline bool vps_owns_sk(const struct sock *sk) { return true; }
static inline u64 vps_account(void) { return 0; }
static inline bool vps_reaches_account(u64 account) { return true; }
static inline bool vps_sees_ipc(const struct kern_ipc_perm *perm) { return true; }
static inline bool vps_may_set_names(void) { return true; }
static inline void vps_sysinfo(struct sysinfo *info) { }

/* What a hash table does without any. */
#define vps_ipc_key_hash	NULL
#define vps_ipc_hash		NULL
#define vps_ipc_cmp		NULL

static inline int vps_tag_message(char *tag, int level) { return 0; }
static inline bool vps_may_enter(struct task_struct *task) { return true; }
static inline bool vps_own_nproc(void) { return false; }
static inline void vps_tcp_state(struct sock *sk, int from, int to) { }
static inline bool vps_tcp_connects(const struct sock *sk) { return true; }
static inline bool vps_tcp_accepts(const struct sock *sk) { return true; }
static inline void vps_tcp_forgets(const struct sock *sk) { }

#endif /* CONFIG_VPS */

#endif /* _LINUX_VPS_H */
