/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeVPS contexts: what the rest of the kernel sees of them.
 */
#ifndef _LINUX_VPS_H
#define _LINUX_VPS_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct sock;
struct task_struct;
struct vps_context;

#ifdef CONFIG_VPS

/* On from the first context on, for ever: before it nothing here costs anything. */
DECLARE_STATIC_KEY_FALSE(vps_active);

void __vps_sk_alloc(struct sock *sk);
void __vps_sk_clone(struct sock *sk);
void __vps_sk_free(struct sock *sk);
bool __vps_sees(struct task_struct *task);
bool __vps_may_enter(struct task_struct *task);
bool __vps_own_nproc(void);

/**
 * vps_sk_alloc - a new socket belongs to the context of the task that makes it
 * @sk: the socket, not a kernel's own
 */
static inline void vps_sk_alloc(struct sock *sk)
{
	if (static_branch_unlikely(&vps_active))
		__vps_sk_alloc(sk);
}

/**
 * vps_sk_clone - an accepted socket belongs to its listener's context
 * @sk: the new one, which is a copy
 */
static inline void vps_sk_clone(struct sock *sk)
{
	if (static_branch_unlikely(&vps_active))
		__vps_sk_clone(sk);
}

/**
 * vps_sk_free - the context is not held by this socket any more
 * @sk: a socket that nobody uses
 */
static inline void vps_sk_free(struct sock *sk)
{
	if (static_branch_unlikely(&vps_active))
		__vps_sk_free(sk);
}

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

#else /* !CONFIG_VPS */

static inline void vps_sk_alloc(struct sock *sk) { }
static inline void vps_sk_clone(struct sock *sk) { }
static inline void vps_sk_free(struct sock *sk) { }
static inline bool vps_sees(struct task_struct *task) { return true; }
static inline bool vps_may_enter(struct task_struct *task) { return true; }
static inline bool vps_own_nproc(void) { return false; }

#endif /* CONFIG_VPS */

#endif /* _LINUX_VPS_H */
