// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: load averages.
 *
 * What the machine's is, for one context: how many of its tasks run or want to, or wait without
 * being interruptible, looked at every LOAD_FREQ. Nothing is kept where tasks are scheduled; who
 * looks is one piece of work, which is there as long as there is a context.
 *
 * A task whose group has had its share of the processors is one that wants to run: the load tells
 * what a context asks for. The machine's leaves it out.
 */
#include <linux/cgroup.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/loadavg.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "vps.h"

/* Added where two digits are shown: half of the last. */
#define HALF_DIGIT	(FIXED_1 / 200)

static const unsigned int exps[VPS_LOADS] = { EXP_1, EXP_5, EXP_15 };

static void step_load(struct work_struct *work);

static DECLARE_DELAYED_WORK(load_work, step_load);

/* ---- who is busy ---- */

static void count_task(struct task_struct *task, struct vps_busy *busy)
{
	unsigned int state = READ_ONCE(task->__state);

	if (state == TASK_RUNNING)
		busy->running++;
	else if (state & TASK_UNINTERRUPTIBLE && !(state & (TASK_NOLOAD | TASK_FROZEN)))
		busy->blocked++;
}

/* The lock of the core is held from one task to the next, however many there are. */
static void count_group(struct cgroup *group, struct vps_busy *busy)
{
	struct task_struct *task;
	struct css_task_iter it;

	css_task_iter_start(&group->self, 0, &it);
	while ((task = css_task_iter_next(&it))) {
		count_task(task, busy);
		cond_resched();
	}
	css_task_iter_end(&it);
}

/**
 * vps_busy_count - how many tasks of a context have something to do
 * @context: the context
 * @ret_busy: how many
 *
 * Sleeps. Who comes, goes or moves meanwhile may be counted or not.
 */
void vps_busy_count(struct vps_context *context, struct vps_busy *ret_busy)
{
	struct cgroup_subsys_state *head = vps_context_head(context), *css;

	*ret_busy = (struct vps_busy) {};
	if (!head)
		return;
	rcu_read_lock();
	css_for_each_descendant_pre(css, head) {
		if (!css_tryget(css))
			continue;
		rcu_read_unlock();
		count_group(css->cgroup, ret_busy);
		rcu_read_lock();
		css_put(css);
	}
	rcu_read_unlock();
	css_put(head);
}

/* ---- averages ---- */

/**
 * vps_load_periods - how many periods are over
 * @due: when the next one is, in jiffies; becomes the one after what is returned
 * @now: jiffies
 *
 * Return: their number; what is due in more than one period has not been looked at for long, and
 * begins anew.
 */
unsigned int vps_load_periods(unsigned long *due, unsigned long now)
{
	unsigned int periods;

	if (time_before(now, *due) && *due - now <= LOAD_FREQ)
		return 0;
	if (time_before(now, *due))
		*due = now;
	periods = (now - *due) / LOAD_FREQ + 1;
	*due += (unsigned long)periods * LOAD_FREQ;
	return periods;
}

/**
 * vps_load_step - go on with load averages
 * @load: the averages
 * @active: how many tasks are active
 * @periods: for how many periods they are taken to have been
 */
void vps_load_step(unsigned long load[VPS_LOADS], unsigned int active, unsigned int periods)
{
	int i;

	for (i = 0; i < VPS_LOADS; i++)
		WRITE_ONCE(load[i], calc_load_n(load[i], exps[i], (unsigned long)active * FIXED_1,
						periods));
}

/* Late or not, no context is older than it is. */
static unsigned int periods_of(struct vps_context *context, unsigned int periods)
{
	unsigned long age = nsecs_to_jiffies(ktime_get_boottime_ns() - context->born);

	return min_t(unsigned long, periods, age / LOAD_FREQ + 1);
}

static void step_context(struct vps_context *context, unsigned int periods)
{
	struct vps_busy busy;

	vps_busy_count(context, &busy);
	vps_load_step(context->load, busy.running + busy.blocked, periods_of(context, periods));
}

/* Of the work alone, which never runs twice at once. */
static unsigned long load_due;

static void step_load(struct work_struct *work)
{
	unsigned int periods = vps_load_periods(&load_due, jiffies);
	struct vps_context *context;
	bool any = false;
	u32 id;

	for (id = VPS_CTX_ALL; (context = vps_context_next(&id)); id++) {
		any = true;
		if (periods)
			step_context(context, periods);
		vps_context_put(context);
		cond_resched();
	}
	if (any)
		queue_delayed_work(system_unbound_wq, &load_work,
				   clamp_t(long, load_due - jiffies, 1, LOAD_FREQ));
}

/**
 * vps_load_start - there is a context whose load is to be known
 *
 * It can be found. Whether the work is about to end or not, it looks once more.
 */
void vps_load_start(void)
{
	queue_delayed_work(system_unbound_wq, &load_work, LOAD_FREQ);
}

/**
 * vps_load_get - load averages, of one, five and fifteen minutes
 * @context: the context; for the host they are the machine's
 * @ret_load: in units of 1/FIXED_1
 */
void vps_load_get(const struct vps_context *context, unsigned long ret_load[VPS_LOADS])
{
	int i;

	if (vps_is_host(context)) {
		get_avenrun(ret_load, 0, 0);
		return;
	}
	for (i = 0; i < VPS_LOADS; i++)
		ret_load[i] = READ_ONCE(context->load[i]);
}

/**
 * vps_load_show - the same as text
 * @seq: where to
 * @context: the context
 */
void vps_load_show(struct seq_file *seq, const struct vps_context *context)
{
	unsigned long load[VPS_LOADS];
	int i;

	vps_load_get(context, load);
	for (i = 0; i < VPS_LOADS; i++) {
		load[i] += HALF_DIGIT;
		seq_printf(seq, "%s%lu.%02lu", i ? " " : "", LOAD_INT(load[i]),
			   LOAD_FRAC(load[i]));
	}
}
