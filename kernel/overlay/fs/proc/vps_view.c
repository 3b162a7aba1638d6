// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: what each sees of the machine, as text.
 *
 *	meminfo		its limits on memory and swap, and what it uses
 *	loadavg		its own load
 *	uptime		since it was made
 *	stat		its processors, and what it has done with them
 *	cpuinfo		as many processors as it may use
 *
 * These files have been made by others, who know nothing of contexts. What they show is kept, for
 * the host and for context 1, and in its place comes what asks first who reads. So nothing changes
 * where they are made; one that is not there, or is opened in another way some day, is left alone.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/memcontrol.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pid_namespace.h>
#include <linux/seq_file.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>

#include "../../security/vps/vps.h"
#include "internal.h"

typedef int (*show_t)(struct seq_file *seq, void *v);
typedef int (*open_t)(struct inode *inode, struct file *file);

/* The context whose part of the machine is to be shown, held; NULL: who reads sees all of it. */
static struct vps_context *get_viewer(void)
{
	struct vps_context *context;

	if (vps_on_host())
		return NULL;
	context = vps_current_get();
	if (vps_sees_own(context))
		return context;
	vps_context_put(context);
	return NULL;
}

/* Has @own show what a context sees, and @machine, with @data, what others see. */
static int show_view(struct seq_file *seq, void *data, show_t machine,
		     void (*own)(struct seq_file *seq, struct vps_context *context))
{
	struct vps_context *context = get_viewer();

	if (!context)
		return machine(seq, data);
	own(seq, context);
	vps_context_put(context);
	return 0;
}

/* ---- meminfo ---- */

static show_t machine_meminfo __ro_after_init;

static void show_kb(struct seq_file *seq, const char *label, u64 kb)
{
	seq_put_decimal_ull_width(seq, label, kb, 8);
	seq_puts(seq, " kB\n");
}

static void show_pages(struct seq_file *seq, const char *label, unsigned long pages)
{
	show_kb(seq, label, (u64)pages << (PAGE_SHIFT - 10));
}

static void show_bytes(struct seq_file *seq, const char *label, unsigned long bytes)
{
	show_kb(seq, label, bytes >> 10);
}

static unsigned long swap_cache(struct mem_cgroup *memcg)
{
#ifdef CONFIG_SWAP
	return memcg_page_state(memcg, NR_SWAPCACHE);
#else
	return 0;
#endif
}

static void show_cached(struct seq_file *seq, struct mem_cgroup *memcg)
{
	unsigned long swapcache = swap_cache(memcg);
	unsigned long files = memcg_page_state(memcg, NR_FILE_PAGES);

	show_kb(seq, "Buffers:        ", 0);
	show_pages(seq, "Cached:         ", files - min(files, swapcache));
	show_pages(seq, "SwapCached:     ", swapcache);
}

static void show_lists(struct seq_file *seq, struct mem_cgroup *memcg)
{
	unsigned long active_anon = memcg_page_state(memcg, NR_ACTIVE_ANON);
	unsigned long inactive_anon = memcg_page_state(memcg, NR_INACTIVE_ANON);
	unsigned long active_file = memcg_page_state(memcg, NR_ACTIVE_FILE);
	unsigned long inactive_file = memcg_page_state(memcg, NR_INACTIVE_FILE);

	show_pages(seq, "Active:         ", active_anon + active_file);
	show_pages(seq, "Inactive:       ", inactive_anon + inactive_file);
	show_pages(seq, "Active(anon):   ", active_anon);
	show_pages(seq, "Inactive(anon): ", inactive_anon);
	show_pages(seq, "Active(file):   ", active_file);
	show_pages(seq, "Inactive(file): ", inactive_file);
	show_pages(seq, "Unevictable:    ", memcg_page_state(memcg, NR_UNEVICTABLE));
}

static void show_used(struct seq_file *seq, struct mem_cgroup *memcg)
{
	unsigned long reclaimable = memcg_page_state(memcg, NR_SLAB_RECLAIMABLE_B);
	unsigned long unreclaimable = memcg_page_state(memcg, NR_SLAB_UNRECLAIMABLE_B);

	show_pages(seq, "Dirty:          ", memcg_page_state(memcg, NR_FILE_DIRTY));
	show_pages(seq, "Writeback:      ", memcg_page_state(memcg, NR_WRITEBACK));
	show_pages(seq, "AnonPages:      ", memcg_page_state(memcg, NR_ANON_MAPPED));
	show_pages(seq, "Mapped:         ", memcg_page_state(memcg, NR_FILE_MAPPED));
	show_pages(seq, "Shmem:          ", memcg_page_state(memcg, NR_SHMEM));
	show_bytes(seq, "KReclaimable:   ", reclaimable);
	show_bytes(seq, "Slab:           ", reclaimable + unreclaimable);
	show_bytes(seq, "SReclaimable:   ", reclaimable);
	show_bytes(seq, "SUnreclaim:     ", unreclaimable);
	show_kb(seq, "KernelStack:    ", memcg_page_state(memcg, NR_KERNEL_STACK_KB));
	show_pages(seq, "PageTables:     ", memcg_page_state(memcg, NR_PAGETABLE));
	show_pages(seq, "VmallocUsed:    ", memcg_page_state(memcg, MEMCG_VMALLOC));
	show_bytes(seq, "Percpu:         ", memcg_page_state(memcg, MEMCG_PERCPU_B));
}

/* In the machine's order; what is nobody's own is not there. */
static void show_memory(struct seq_file *seq, const struct vps_memory *memory)
{
	show_pages(seq, "MemTotal:       ", memory->total);
	show_pages(seq, "MemFree:        ", memory->free);
	show_pages(seq, "MemAvailable:   ", memory->available);
	show_cached(seq, memory->memcg);
	show_lists(seq, memory->memcg);
	show_pages(seq, "SwapTotal:      ", memory->swap_total);
	show_pages(seq, "SwapFree:       ", memory->swap_free);
	show_used(seq, memory->memcg);
}

static int meminfo_show(struct seq_file *seq, void *v)
{
	struct vps_context *context = get_viewer();
	struct vps_memory memory;
	bool own = context && vps_memory_begin(context, &memory);

	if (own) {
		show_memory(seq, &memory);
		vps_memory_end(&memory);
	}
	vps_context_put(context);
	return own ? 0 : machine_meminfo(seq, v);
}

/* ---- loadavg ---- */

static show_t machine_loadavg __ro_after_init;

static void show_loadavg(struct seq_file *seq, struct vps_context *context)
{
	struct vps_busy busy;

	vps_busy_count(context, &busy);
	vps_load_show(seq, context);
	seq_printf(seq, " %u/%llu %d\n", busy.running, vps_context_tasks(context),
		   idr_get_cursor(&task_active_pid_ns(current)->idr) - 1);
}

static int loadavg_show(struct seq_file *seq, void *v)
{
	return show_view(seq, v, machine_loadavg, show_loadavg);
}

/* ---- uptime ---- */

static show_t machine_uptime __ro_after_init;

/* Of seconds, two digits behind the point are told. */
static void show_seconds(struct seq_file *seq, u64 ns, char end)
{
	u32 rest;
	u64 seconds = div_u64_rem(ns, NSEC_PER_SEC, &rest);

	seq_printf(seq, "%llu.%02lu%c", seconds, rest / (NSEC_PER_SEC / 100), end);
}

static void show_uptime(struct seq_file *seq, struct vps_context *context)
{
	struct vps_time time;

	vps_time_get(context, &time);
	show_seconds(seq, time.up, ' ');
	show_seconds(seq, time.idle, '\n');
}

static int uptime_show(struct seq_file *seq, void *v)
{
	return show_view(seq, v, machine_uptime, show_uptime);
}

/* ---- stat ---- */

static open_t machine_stat __ro_after_init;

/* Which processor did how much of it nobody knows who has them only in part: each did the same. */
static void show_processor(struct seq_file *seq, const struct vps_time *time, unsigned int part)
{
	seq_put_decimal_ull(seq, " ", nsec_to_clock_t(div_u64(time->user, part)));
	seq_put_decimal_ull(seq, " ", nsec_to_clock_t(div_u64(time->nice, part)));
	seq_put_decimal_ull(seq, " ", nsec_to_clock_t(div_u64(time->system, part)));
	seq_put_decimal_ull(seq, " ", nsec_to_clock_t(div_u64(time->idle, part)));
	seq_puts(seq, " 0 0 0 0 0 0\n");
}

/* Of the namespace, when the clock since boot is its own, as when processes began. */
static s64 birth_time(const struct vps_context *context)
{
	struct timespec64 boot;
	u64 seen = timens_add_boottime_ns(0);

	getboottime64(&boot);
	return div_s64(timespec64_to_ns(&boot) + (seen ? -seen : context->born), NSEC_PER_SEC);
}

/* Interrupts and switches of tasks are not counted for contexts, and not shown. */
static void show_stat(struct seq_file *seq, struct vps_context *context)
{
	struct vps_busy busy;
	struct vps_time time;
	unsigned int cpu, shown = 0;

	vps_time_get(context, &time);
	vps_busy_count(context, &busy);
	seq_puts(seq, "cpu ");
	show_processor(seq, &time, 1);
	for_each_online_cpu(cpu) {
		if (shown++ == time.processors)
			break;
		seq_printf(seq, "cpu%u", cpu);
		show_processor(seq, &time, time.processors);
	}
	seq_printf(seq, "btime %lld\nprocesses %lld\n", birth_time(context),
		   (long long)atomic64_read(&context->forks));
	seq_printf(seq, "procs_running %u\nprocs_blocked %u\n", busy.running, busy.blocked);
}

static int stat_show(struct seq_file *seq, void *v)
{
	return show_view(seq, v, (show_t)seq->private, show_stat);
}

/* What single_open() has made is this file's alone, and keeps nothing else here. */
static int stat_open(struct inode *inode, struct file *file)
{
	int err = machine_stat(inode, file);
	struct seq_file *seq;

	if (err)
		return err;
	seq = file->private_data;
	seq->private = seq->op->show;
	*(show_t *)&seq->op->show = stat_show;
	return 0;
}

static const struct proc_ops stat_ops = {
	.proc_flags = PROC_ENTRY_PERMANENT,
	.proc_open = stat_open,
	.proc_read_iter = seq_read_iter,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

/* ---- cpuinfo ---- */

static open_t machine_cpuinfo __ro_after_init;

/* What the machine's are shown by; set by each that opens the file, to the same. */
static const struct seq_operations *machine_ops;

/* How many are shown. */
static unsigned int shown_processors(void)
{
	struct vps_context *context = get_viewer();
	unsigned int count = nr_cpu_ids;

	if (context)
		count = vps_cpu_count(context);
	vps_context_put(context);
	return count;
}

static unsigned int shown(struct seq_file *seq)
{
	return (uintptr_t)seq->private;
}

static void *if_shown(struct seq_file *seq, void *v, loff_t pos)
{
	return pos <= cpumask_nth(shown(seq) - 1, cpu_online_mask) ? v : NULL;
}

/* Found once for each piece that is read. */
static void *cpuinfo_start(struct seq_file *seq, loff_t *pos)
{
	void *v = machine_ops->start(seq, pos);

	seq->private = (void *)(uintptr_t)shown_processors();
	return if_shown(seq, v, *pos);
}

static void *cpuinfo_next(struct seq_file *seq, void *v, loff_t *pos)
{
	v = machine_ops->next(seq, v, pos);
	return if_shown(seq, v, *pos);
}

static void cpuinfo_stop(struct seq_file *seq, void *v)
{
	machine_ops->stop(seq, v);
}

/* Where all are written at once (arm64), it ends before the first that is not shown. */
static int cpuinfo_show(struct seq_file *seq, void *v)
{
	char *at = seq->buf + seq->count;
	int err = machine_ops->show(seq, v);
	const char *end = seq->buf + seq->count;
	unsigned int left;

	for (left = shown(seq); (at = strnstr(at, "processor\t:", end - at)) && left; left--)
		at++;
	if (at)
		seq->count = at - seq->buf;
	return err;
}

static const struct seq_operations cpuinfo_view = {
	.start = cpuinfo_start,
	.next = cpuinfo_next,
	.stop = cpuinfo_stop,
	.show = cpuinfo_show,
};

static int cpuinfo_open(struct inode *inode, struct file *file)
{
	int err = machine_cpuinfo(inode, file);
	struct seq_file *seq;

	if (err)
		return err;
	seq = file->private_data;
	WRITE_ONCE(machine_ops, seq->op);
	seq->op = &cpuinfo_view;
	return 0;
}

static const struct proc_ops cpuinfo_ops = {
	.proc_flags = PROC_ENTRY_PERMANENT,
	.proc_open = cpuinfo_open,
	.proc_read_iter = seq_read_iter,
	.proc_lseek = seq_lseek,
	.proc_release = seq_release,
};

/* ---- taking over ---- */

/* By a mount, since whatever else finds an entry does so under locks that only generic.c has. */
static struct proc_dir_entry *__init find_entry(struct vfsmount *mnt, const char *name,
						open_t release)
{
	struct proc_dir_entry *entry = NULL;
	struct path path;

	if (!vfs_path_lookup(mnt->mnt_root, mnt, name, 0, &path)) {
		entry = PDE(d_inode(path.dentry));
		path_put(&path);
	}
	if (entry && S_ISREG(entry->mode) && entry->proc_ops->proc_release == release)
		return entry;
	pr_warn("vps: /proc/%s: contexts see the machine's\n", name);
	return NULL;
}

static void __init take_show(struct vfsmount *mnt, const char *name, show_t show, show_t *ret_show)
{
	struct proc_dir_entry *entry = find_entry(mnt, name, single_release);

	if (!entry)
		return;
	*ret_show = entry->single_show;
	WRITE_ONCE(entry->single_show, show);
}

/* @ops have the functions that those have which they come in the place of. */
static void __init take_open(struct vfsmount *mnt, const char *name, const struct proc_ops *ops,
			     open_t *ret_open)
{
	struct proc_dir_entry *entry = find_entry(mnt, name, ops->proc_release);

	if (!entry)
		return;
	*ret_open = entry->proc_ops->proc_open;
	WRITE_ONCE(entry->proc_ops, ops);
}

/* All have been made, and nobody has a program yet, nor is in a context. */
static int __init view_init(void)
{
	struct vfsmount *mnt = kern_mount(get_fs_type("proc"));

	if (IS_ERR(mnt)) {
		pr_warn("vps: /proc: contexts see the machine's: error %ld\n", PTR_ERR(mnt));
		return PTR_ERR(mnt);
	}
	take_show(mnt, "meminfo", meminfo_show, &machine_meminfo);
	take_show(mnt, "loadavg", loadavg_show, &machine_loadavg);
	take_show(mnt, "uptime", uptime_show, &machine_uptime);
	take_open(mnt, "stat", &stat_ops, &machine_stat);
	take_open(mnt, "cpuinfo", &cpuinfo_ops, &machine_cpuinfo);
	kern_unmount(mnt);
	return 0;
}
late_initcall(view_init);
