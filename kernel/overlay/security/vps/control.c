// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: what other controllers hold them to.
 *
 * Memory and processors are the matter of controllers that the group of a context may have. Their
 * limits have one place, the files of that group, and what is told here is written there and read
 * there, with all that is checked of who writes to them.
 */
#include <linux/cpumask.h>
#include <linux/cpuset.h>
#include <linux/kstrtox.h>
#include <linux/memcontrol.h>
#include <linux/seq_file.h>

#include "../../fs/kernfs/kernfs-internal.h"
#include "../../kernel/cgroup/cgroup-internal.h"
#include "vps.h"

/* For any number with "max" and a newline. */
#define TEXT_SIZE	48

/* Of cpu.max, microseconds; cpu.weight has these bounds. */
#define CPU_PERIOD	100000
#define WEIGHT_MIN	1
#define WEIGHT_MAX	10000

/* What a processor has, in the unit of struct vps_cpu_usage. */
#define CPU_WHOLE	1000

/**
 * struct group_file - a file of the group of a context, as if somebody had it open
 * @node: held, and not removed meanwhile
 * @ctx: what the core keeps for an open file
 * @open: what its functions are called with
 */
struct group_file {
	struct kernfs_node *node;
	struct cgroup_file_ctx ctx;
	struct kernfs_open_file open;
};

static struct kernfs_node *get_node(struct vps_context *context, const char *name)
{
	struct cgroup_subsys_state *head = vps_context_head(context);
	struct kernfs_node *node = NULL;

	if (head) {
		node = kernfs_find_and_get(head->cgroup->kn, name);
		css_put(head);
	}
	return node;
}

/* -ENODATA when there is no such file: the group lacks the controller, or is gone. */
static int open_file(struct group_file *file, struct vps_context *context, const char *name)
{
	struct kernfs_node *node = get_node(context, name);

	if (node && !kernfs_get_active(node)) {
		kernfs_put(node);
		node = NULL;
	}
	if (!node)
		return -ENODATA;
	*file = (struct group_file) {
		.node = node,
		.ctx.ns = &init_cgroup_ns,
		.open.kn = node,
	};
	file->open.priv = &file->ctx;
	return 0;
}

static void close_file(struct group_file *file)
{
	kernfs_put_active(file->node);
	kernfs_put(file->node);
}

static int write_file(struct vps_context *context, const char *name, char *text)
{
	struct group_file file;
	ssize_t n;
	int err = open_file(&file, context, name);

	if (err)
		return err;
	n = file.node->attr.ops->write(&file.open, text, strlen(text), 0);
	close_file(&file);
	return n < 0 ? n : 0;
}

static int read_file(struct vps_context *context, const char *name, char text[TEXT_SIZE])
{
	struct seq_file seq = { .buf = text, .size = TEXT_SIZE - 1 };
	struct group_file file;
	int err = open_file(&file, context, name);

	if (err)
		return err;
	seq.private = &file.open;
	err = file.node->attr.ops->seq_show(&seq, NULL);
	close_file(&file);
	if (!err && seq_has_overflowed(&seq))
		err = -ENODATA;
	text[seq.count] = '\0';
	return err;
}

/* ---- memory ---- */

static int write_bytes(struct vps_context *context, const char *name, u64 bytes)
{
	char text[TEXT_SIZE] = "max";

	if (bytes != VPS_UNLIMITED)
		snprintf(text, sizeof(text), "%llu", bytes);
	return write_file(context, name, text);
}

/**
 * vps_memory_set - have the memory controller hold a context to a limit
 * @context: the context
 * @bounds: bytes
 *
 * What is above is reclaimed; what cannot be is taken from processes inside.
 *
 * Return: 0, or -ENODATA when the context's group has no memory controller.
 */
int vps_memory_set(struct vps_context *context, const struct vps_bounds *bounds)
{
	return write_bytes(context, "memory.high", bounds->soft) ?:
	       write_bytes(context, "memory.max", bounds->hard);
}

#ifdef CONFIG_MEMCG
/**
 * vps_memcg - what counts the memory of a context
 * @context: the context
 *
 * Return: that of the group that is the context's, if that has its files, not of those above it.
 * Under RCU.
 */
struct mem_cgroup *vps_memcg(struct vps_context *context)
{
	struct cgroup_subsys_state *css = rcu_dereference(context->head);

	if (css)
		css = rcu_dereference(css->cgroup->subsys[memory_cgrp_id]);
	return css && css->flags & CSS_VISIBLE ? mem_cgroup_from_css(css) : NULL;
}

static u64 pages_to_user(unsigned long pages)
{
	return pages == PAGE_COUNTER_MAX ? VPS_UNLIMITED : (u64)pages * PAGE_SIZE;
}

/**
 * vps_memory_get - what the memory controller holds a context to, and what it uses
 * @context: the context
 * @ret_counted: in bytes; its size is left as it is
 *
 * Return: 0, or -ENODATA when the context's group has no memory controller.
 */
int vps_memory_get(struct vps_context *context, struct vps_counted *ret_counted)
{
	struct mem_cgroup *memcg;
	atomic_long_t *events;

	rcu_read_lock();
	memcg = vps_memcg(context);
	if (memcg) {
		events = memcg->memory_events_local;
		ret_counted->used = (u64)page_counter_read(&memcg->memory) * PAGE_SIZE;
		ret_counted->peak = (u64)READ_ONCE(memcg->memory.watermark) * PAGE_SIZE;
		ret_counted->soft = pages_to_user(READ_ONCE(memcg->memory.high));
		ret_counted->hard = pages_to_user(READ_ONCE(memcg->memory.max));
		ret_counted->hits = atomic_long_read(&events[MEMCG_HIGH]) +
				    atomic_long_read(&events[MEMCG_MAX]);
	}
	rcu_read_unlock();
	return memcg ? 0 : -ENODATA;
}
#else
int vps_memory_get(struct vps_context *context, struct vps_counted *ret_counted)
{
	return -ENODATA;
}
#endif

/* ---- processors ---- */

static int read_weight(struct vps_context *context, u32 *ret_weight)
{
	char text[TEXT_SIZE];
	int err = read_file(context, "cpu.weight", text);

	return err ?: kstrtou32(text, 10, ret_weight);
}

/* Of all other contexts together, as far as they have one. */
static u64 weights_beside(struct vps_context *context)
{
	struct vps_context *other;
	u32 weight, id;
	u64 sum = 0;

	for (id = VPS_CTX_ALL; (other = vps_context_next(&id)); id++) {
		if (other != context && !read_weight(other, &weight))
			sum += weight;
		vps_context_put(other);
	}
	return sum;
}

static u64 all_processors(void)
{
	return (u64)num_online_cpus() * CPU_WHOLE;
}

/* -EBUSY: what all others have is too much, or too little, for any weight to be that share. */
static int write_share(struct vps_context *context, u64 min)
{
	u64 whole = all_processors(), weight;
	char text[TEXT_SIZE];

	if (min >= whole)
		return -EINVAL;
	weight = DIV64_U64_ROUND_UP(min * weights_beside(context), whole - min);
	if (weight > WEIGHT_MAX)
		return -EBUSY;
	snprintf(text, sizeof(text), "%llu", max_t(u64, weight, WEIGHT_MIN));
	return write_file(context, "cpu.weight", text);
}

static int write_quota(struct vps_context *context, u64 max)
{
	char text[TEXT_SIZE];

	if (max == VPS_UNLIMITED)
		snprintf(text, sizeof(text), "max");
	else
		snprintf(text, sizeof(text), "%llu %u", max * (CPU_PERIOD / CPU_WHOLE), CPU_PERIOD);
	return write_file(context, "cpu.max", text);
}

/**
 * vps_cpu_set - say how much of the processors a context may have, and has to get
 * @context: the context
 * @usage: has been checked; a least share of 0 leaves it as it is
 *
 * Return: 0, or an errno as VC_CPU_USAGE of vserver() has them.
 */
int vps_cpu_set(struct vps_context *context, const struct vps_cpu_usage *usage)
{
	int err = usage->min ? write_share(context, usage->min) : 0;

	return err ?: write_quota(context, usage->max);
}

static int read_quota(struct vps_context *context, u64 *ret_max)
{
	u64 quota, period;
	char text[TEXT_SIZE];
	int err = read_file(context, "cpu.max", text);

	if (err)
		return err;
	if (sscanf(text, "%llu %llu", &quota, &period) == 2 && period)
		*ret_max = div64_u64(quota * CPU_WHOLE, period);
	else
		*ret_max = VPS_UNLIMITED;
	return 0;
}

/**
 * vps_cpu_get - how much of the processors a context may have, and gets at the least
 * @context: the context
 * @ret_usage: thousandths of one processor; its size is left as it is
 *
 * Return: 0, or -ENODATA when the context's group has no cpu controller.
 */
int vps_cpu_get(struct vps_context *context, struct vps_cpu_usage *ret_usage)
{
	u32 weight;
	int err = read_weight(context, &weight) ?: read_quota(context, &ret_usage->max);

	if (!err)
		ret_usage->min = div64_u64(all_processors() * weight,
					   weight + weights_beside(context));
	return err;
}

/**
 * vps_cpu_set_idle - have a context get only what nobody else wants of the processors, or not
 * @context: the context
 * @idle: whether
 *
 * Return: 0, or -ENODATA when the context's group has no cpu controller.
 */
int vps_cpu_set_idle(struct vps_context *context, bool idle)
{
	char text[] = { '0' + idle, '\0' };

	return write_file(context, "cpu.idle", text);
}

/**
 * vps_cpu_is_idle - does a context get only what nobody else wants?
 * @context: the context
 *
 * Return: 1 when it does, 0 when it does not, -ENODATA as above.
 */
int vps_cpu_is_idle(struct vps_context *context)
{
	char text[TEXT_SIZE];

	return read_file(context, "cpu.idle", text) ?: text[0] == '1';
}

/**
 * vps_cpu_whole - how many processors a share of them looks like
 * @max: thousandths of one processor; VPS_UNLIMITED
 * @processors: how many there are
 *
 * Return: as many as it takes, one at the least.
 */
unsigned int vps_cpu_whole(u64 max, unsigned int processors)
{
	if (max >= (u64)processors * CPU_WHOLE)
		return processors;
	return max ? DIV_ROUND_UP((unsigned int)max, CPU_WHOLE) : 1;
}

/* Not to the processors that the caller has chosen, but to those it could choose. */
static unsigned int allowed_processors(void)
{
	unsigned int n = num_online_cpus();
	cpumask_var_t mask;

	if (!alloc_cpumask_var(&mask, GFP_KERNEL))
		return n;
	cpuset_cpus_allowed(current, mask);
	n = cpumask_weight_and(mask, cpu_online_mask);
	free_cpumask_var(mask);
	return max(n, 1U);
}

/**
 * vps_cpu_count - how many processors the caller's context may use
 * @context: the context
 *
 * Return: those of the caller's cpuset, but no more than cpu.max of the context's group lets be
 * busy at once.
 */
unsigned int vps_cpu_count(struct vps_context *context)
{
	u64 max = VPS_UNLIMITED;

	/* No controller: no limit. */
	if (read_quota(context, &max))
		max = VPS_UNLIMITED;
	return vps_cpu_whole(max, allowed_processors());
}
