// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: what their processes have the kernel say.
 *
 * Each line bears the number of the context, an oops too. What is not important is bounded, so
 * that nobody inside drives out of the log what others have to read there.
 */
#include <linux/kern_levels.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "vps.h"

/* A trace of the stack is about 50 lines. */
#define LOG_INTERVAL	(5 * HZ)
#define LOG_BURST	200

/**
 * vps_log_init - nothing has been said
 * @context: a new context
 */
void vps_log_init(struct vps_context *context)
{
	ratelimit_state_init(&context->log, LOG_INTERVAL, LOG_BURST);
	/* What it would say about itself, it would say in the middle of printk(). */
	ratelimit_set_flags(&context->log, RATELIMIT_MSG_ON_RELEASE);
}

static bool is_bounded(int level)
{
	return level >= LOGLEVEL_WARNING && !oops_in_progress;
}

static int tag_message(struct vps_context *context, char *tag, int level)
{
	unsigned int missed;

	if (!is_bounded(level))
		return scnprintf(tag, VPS_TAG_SIZE, "[vps %u] ", context->id);
	if (!___ratelimit(&context->log, __func__))
		return -EBUSY;
	missed = xchg(&context->log.missed, 0);
	if (!missed)
		return scnprintf(tag, VPS_TAG_SIZE, "[vps %u] ", context->id);
	return scnprintf(tag, VPS_TAG_SIZE, "[vps %u, %u lines dropped] ", context->id, missed);
}

int __vps_tag_message(char *tag, int level)
{
	struct vps_context *context;
	int length = 0;

	/* Which task an interrupt meets says nothing. */
	if (!in_task() || !rcu_is_watching())
		return 0;
	rcu_read_lock();
	context = vps_current_rcu();
	if (!vps_is_host(context))
		length = tag_message(context, tag, level);
	rcu_read_unlock();
	return length;
}
