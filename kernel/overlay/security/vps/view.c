// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: what each sees of the machine, in numbers.
 *
 * The text is in fs/proc/vps_view.c; sysinfo() is told here. What others hold a context to is read
 * where they hold it, and what it uses where they count it: nothing is counted twice.
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/cputime.h>
#include <linux/sched/loadavg.h>
#include <linux/swap.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>

#include "vps.h"

/* ---- memory ---- */

/**
 * vps_memory_split - what there is of memory within a limit
 * @memory: all of it, and what is used and cached, have been set
 */
void vps_memory_split(struct vps_memory *memory)
{
	memory->free = memory->total - min(memory->used, memory->total);
	memory->available = min(memory->free + memory->cached, memory->total);
	memory->swap_free = min(memory->swap_free,
				memory->swap_total - min(memory->swap_used, memory->swap_total));
}

#ifdef CONFIG_MEMCG
static struct mem_cgroup *get_memcg(struct vps_context *context)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	memcg = vps_memcg(context);
	if (memcg && !css_tryget(&memcg->css))
		memcg = NULL;
	rcu_read_unlock();
	return memcg;
}

/* What holds the groups above holds this one. */
static void bound_memory(struct vps_memory *memory)
{
	struct mem_cgroup *memcg;

	for (memcg = memory->memcg; memcg; memcg = parent_mem_cgroup(memcg)) {
		memory->total = min(memory->total, READ_ONCE(memcg->memory.max));
		memory->swap_total = min(memory->swap_total, READ_ONCE(memcg->swap.max));
	}
}

/* What can be had at once by who asks for more: files that are on disk as they are in memory. */
static unsigned long cached_memory(struct mem_cgroup *memcg)
{
	unsigned long kept = memcg_page_state(memcg, NR_FILE_DIRTY) +
			     memcg_page_state(memcg, NR_WRITEBACK);
	unsigned long files = memcg_page_state(memcg, NR_ACTIVE_FILE) +
			      memcg_page_state(memcg, NR_INACTIVE_FILE);

	return files - min(files, kept) +
	       memcg_page_state(memcg, NR_SLAB_RECLAIMABLE_B) / PAGE_SIZE;
}

/**
 * vps_memory_begin - what a context has of memory
 * @context: the context
 * @memory: what it has, in pages
 *
 * Sleeps.
 *
 * Return: false when it is the machine's that counts: when no memory controller, or nothing that is
 * less than the machine, holds the context. Else vps_memory_end() is to be called.
 */
bool vps_memory_begin(struct vps_context *context, struct vps_memory *memory)
{
	struct sysinfo machine;

	si_meminfo(&machine);
	si_swapinfo(&machine);
	*memory = (struct vps_memory) {
		.memcg = get_memcg(context),
		.total = machine.totalram,
		.swap_total = machine.totalswap,
		.swap_free = machine.freeswap,
	};
	if (!memory->memcg)
		return false;
	bound_memory(memory);
	if (memory->total == machine.totalram) {
		mem_cgroup_put(memory->memcg);
		return false;
	}
	mem_cgroup_flush_stats(memory->memcg);
	memory->used = page_counter_read(&memory->memcg->memory);
	memory->swap_used = page_counter_read(&memory->memcg->swap);
	memory->cached = cached_memory(memory->memcg);
	vps_memory_split(memory);
	return true;
}

/**
 * vps_memory_end - what vps_memory_begin() found is not needed any more
 * @memory: what it has told
 */
void vps_memory_end(struct vps_memory *memory)
{
	mem_cgroup_put(memory->memcg);
}
#else
bool vps_memory_begin(struct vps_context *context, struct vps_memory *memory)
{
	return false;
}

void vps_memory_end(struct vps_memory *memory)
{
}
#endif

/* ---- time ---- */

/*
 * In a time namespace whose clock since boot is another one, it is that clock that counts: when
 * processes began is told by it as well.
 */
static u64 up_time(const struct vps_context *context)
{
	u64 now = ktime_get_boottime_ns(), seen = timens_add_boottime_ns(now);

	return seen != now ? seen : now - context->born;
}

static void get_used_time(struct vps_context *context, struct vps_time *time)
{
	struct cgroup_subsys_state *head = vps_context_head(context);
	struct cgroup *group;

	if (!head)
		return;
	group = head->cgroup;
	cgroup_rstat_flush_hold(group);
	time->nice = group->bstat.ntime;
	cputime_adjust(&group->bstat.cputime, &group->prev_cputime, &time->user, &time->system);
	cgroup_rstat_flush_release(group);
	css_put(head);
	time->nice = min(time->nice, time->user);
	time->user -= time->nice;
}

/**
 * vps_time_idle - what is left of the processors
 * @time: all else has been set
 *
 * Return: nanoseconds; none when there were more processors once.
 */
u64 vps_time_idle(const struct vps_time *time)
{
	u64 all = time->age * time->processors, used = time->user + time->nice + time->system;

	return all - min(used, all);
}

/**
 * vps_time_get - how long a context has been there, and what it has done with its processors
 * @context: the context
 * @ret_time: nanoseconds
 *
 * Sleeps. Processors are those that the caller's group may use, as many as the context may.
 */
void vps_time_get(struct vps_context *context, struct vps_time *ret_time)
{
	*ret_time = (struct vps_time) {
		.age = ktime_get_boottime_ns() - context->born,
		.up = up_time(context),
		.processors = vps_cpu_count(context),
	};
	get_used_time(context, ret_time);
	ret_time->idle = vps_time_idle(ret_time);
}

/* ---- sysinfo() ---- */

static void set_memory(struct sysinfo *info, struct vps_context *context)
{
	struct vps_memory memory;

	if (!vps_memory_begin(context, &memory))
		return;
	info->totalram = memory.total;
	info->freeram = memory.free;
	info->sharedram = memcg_page_state(memory.memcg, NR_SHMEM);
	info->bufferram = 0;
	info->totalswap = memory.swap_total;
	info->freeswap = memory.swap_free;
	info->totalhigh = 0;
	info->freehigh = 0;
	vps_memory_end(&memory);
}

void __vps_sysinfo(struct sysinfo *info)
{
	struct vps_context *context = vps_current_get();
	int i;

	if (vps_sees_own(context)) {
		info->uptime = DIV_ROUND_UP_ULL(up_time(context), NSEC_PER_SEC);
		vps_load_get(context, info->loads);
		for (i = 0; i < VPS_LOADS; i++)
			info->loads[i] <<= SI_LOAD_SHIFT - FSHIFT;
		info->procs = min_t(u64, vps_context_tasks(context), U16_MAX);
		set_memory(info, context);
	}
	vps_context_put(context);
}
