// SPDX-License-Identifier: GPL-2.0-only
/*
 * FreeVPS contexts: /proc/vservers.
 *
 *	setup		version of the patch, number of the system call, how many contexts
 *	self		the reader's context
 *	<number>	another one's, as text by the same function
 *	trafstat	"CONTEXT IN OUT", bytes; to read a line to its end is to set them to 0
 *	traffic		"CONTEXT IN OUT IN_PACKETS OUT_PACKETS ACCOUNT NAME"; never set to 0
 *
 * Of the last two a context that is gone has its lines as well, until its account is forgotten.
 *
 * Inside a context there is self and nothing else. A name is not hidden by its mode, so it is
 * asked at each look-up who looks, of what is in the cache as well.
 *
 * Nothing here is kept for a context: its inode has its number, and who reads looks it up.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <linux/utsname.h>
#include <asm/unistd.h>
#ifdef CONFIG_ARM64
#include <asm/unistd_compat_32.h>
#endif

#include "../../security/vps/address.h"
#include "../../security/vps/vnet.h"
#include "../../security/vps/vps.h"
#include "internal.h"

/* Positions in the directory: behind all files that have a name, context by context. */
#define FIRST_CONTEXT_ENTRY	256

/* Numbers of inodes: below those that are given to entries of /proc as they come. */
#define FIRST_CONTEXT_INO	0xE0000000U

/* Numbers of contexts that running ones are counted above: 0, 1, 2, and one more since 2003. */
#define UNCOUNTED_CONTEXTS	4

/* Architectures where it has no number do not have the call. */
#ifndef __NR_vserver
#define __NR_vserver (-1)
#endif

/* Programs of 32 bits have another number for it. */
#if defined(__NR_ia32_vserver)
#define NR_COMPAT_VSERVER __NR_ia32_vserver
#elif defined(__NR_compat32_vserver)
#define NR_COMPAT_VSERVER __NR_compat32_vserver
#else
#define NR_COMPAT_VSERVER __NR_vserver
#endif

static struct proc_dir_entry *self_entry;

static bool sees_all(void)
{
	return vps_current_id() <= VPS_CTX_ALL;
}

/* ---- setup ---- */

static int setup_show(struct seq_file *seq, void *v)
{
	static const char *const calls[] = {
		"new_context", "context_network", "limits", "vserver",
	};
	int number = in_compat_syscall() ? NR_COMPAT_VSERVER : __NR_vserver;
	int i;

	seq_printf(seq, "freevps patch version %u.%u-%u\n", VPS_PATCH_VERSION >> 16,
		   VPS_PATCH_VERSION >> 8 & 0xff, VPS_PATCH_VERSION & 0xff);
	seq_printf(seq, "freevps build %lld\n", (long long)VPS_BUILD);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		seq_printf(seq, "syscall %s %d\n", calls[i], number);
	seq_printf(seq, "contexts count %u\n", vps_context_total() + UNCOUNTED_CONTEXTS);
	return 0;
}

/* ---- one context ---- */

static void show_flags(struct seq_file *seq, u32 flags)
{
	static const struct {
		u32 flag;
		const char *word;
	} words[] = {
		{ VPS_LOCK, "lock" }, { VPS_SCHED, "sched" }, { VPS_NPROC, "nproc" },
		{ VPS_PRIVATE, "private" }, { VPS_STOP, "stop" },
	};
	const char *before = "";
	int i;

	seq_puts(seq, "flags: ");
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!(flags & words[i].flag))
			continue;
		seq_printf(seq, "%s%s", before, words[i].word);
		before = ",";
	}
	seq_puts(seq, *before ? "\n" : "none\n");
}

/* What users have chosen must not look like a line of ours, nor reach a terminal as it is. */
static void show_text(struct seq_file *seq, const char *field, const char *text)
{
	seq_printf(seq, "%s:%s%*pE\n", field, *text ? " " : "", (int)strlen(text), text);
}

static struct uts_namespace *get_uts(struct task_struct *task)
{
	struct uts_namespace *uts = NULL;

	task_lock(task);
	if (task->nsproxy) {
		uts = task->nsproxy->uts_ns;
		get_uts_ns(uts);
	}
	task_unlock(task);
	return uts;
}

static void show_names(struct seq_file *seq, struct task_struct *task)
{
	struct uts_namespace *uts = task ? get_uts(task) : NULL;
	struct new_utsname names = {};

	if (uts) {
		down_read(&uts_sem);
		names = uts->name;
		up_read(&uts_sem);
		put_uts_ns(uts);
	}
	show_text(seq, "nodename", names.nodename);
	show_text(seq, "domainname", names.domainname);
}

/* By the number that it has where this /proc is mounted; 0: none, or not seen there. */
static pid_t init_number(struct seq_file *seq, struct task_struct *init)
{
	return init ? task_tgid_nr_ns(init, proc_pid_ns(file_inode(seq->file)->i_sb)) : 0;
}

/* Without an init process, the reader's own context has the names that the reader sees. */
static void show_init(struct seq_file *seq, struct vps_context *context)
{
	struct task_struct *init = vps_context_init(context), *named = init;

	if (!named && vps_current_id() == context->id)
		named = current;
	show_names(seq, named);
	show_flags(seq, READ_ONCE(context->flags));
	seq_printf(seq, "init pid: %d\n",
		   init_number(seq, vps_is_host(context) ? init_pid_ns.child_reaper : init));
	if (init)
		put_task_struct(init);
}

static void show_limit(struct seq_file *seq, const char *field, u64 limit)
{
	if (limit != VPS_UNLIMITED)
		seq_printf(seq, "%s: %llu\n", field, limit);
	else
		seq_printf(seq, "%s: unlimited\n", field);
}

static void show_counted(struct seq_file *seq, const char *limit, const char *used,
			 const struct vps_counted *counted)
{
	show_limit(seq, limit, counted->hard);
	seq_printf(seq, "%s: %llu\n", used, counted->used);
}

static void show_resource(struct seq_file *seq, struct vps_context *context,
			  enum vps_resource resource, const char *limit, const char *used)
{
	struct vps_counted counted;

	vps_limit_get(context, resource, &counted);
	show_counted(seq, limit, used, &counted);
}

static void show_processes(struct seq_file *seq, struct vps_context *context)
{
	struct vps_counted counted;

	vps_limit_get(context, VPS_THREADS, &counted);
	show_limit(seq, "Process Limit", counted.hard);
	seq_printf(seq, "Process Count: %llu\n", vps_context_processes(context));
	seq_printf(seq, "tasks: %llu\n", vps_context_tasks(context));
}

static void show_resident(struct seq_file *seq, struct vps_context *context)
{
	struct vps_counted counted = { .hard = VPS_UNLIMITED };

	vps_memory_get(context, &counted);
	show_counted(seq, "Context RSS limit", "Context RSS", &counted);
}

/* Where it has no tree nothing is counted. */
static void show_disk(struct seq_file *seq, struct vps_context *context)
{
	struct vps_disk_counted counted = { .space_hard = VPS_UNLIMITED };

	vps_disk_count(context, &counted);
	show_limit(seq, "Disk Limit", counted.space_hard);
	seq_printf(seq, "Used disk memory: %llu\n", counted.space_used);
}

static void show_addresses(struct seq_file *seq, struct vps_context *context)
{
	struct vps_permit *permit = vps_address_copy(context);
	u32 i;

	if (IS_ERR(permit)) {
		vps_vnet_show(seq, context);
		return;
	}
	for (i = 0; i < permit->count; i++) {
		const struct vps_address *address = &permit->items[i];

		seq_puts(seq, "Addresses assigned: ");
		if (*address->device)
			seq_printf(seq, "%*pE ", (int)strlen(address->device), address->device);
		seq_printf(seq, address->family == AF_INET ? "%pI4/%u\n" : "%pI6c/%u\n",
			   address->addr, address->prefix);
	}
	kfree(permit);
}

static void show_traffic(struct seq_file *seq, struct vps_context *context)
{
	struct vps_flow flows[VPS_WAYS] = {};

	if (!vps_is_host(context))
		vps_traffic_peek(context->traffic, flows);
	seq_printf(seq, "Incoming traffic: %llu\n", flows[VPS_IN].bytes);
	seq_printf(seq, "Outgoing traffic: %llu\n", flows[VPS_OUT].bytes);
}

static void context_show(struct seq_file *seq, struct vps_context *context)
{
	seq_printf(seq, "vserver id: %u\n", context->id);
	show_init(seq, context);
	seq_printf(seq, "CapBset: %016llx\n", READ_ONCE(context->caps) & CAP_VALID_MASK);
	show_processes(seq, context);
	show_resource(seq, context, VPS_PAGES, "Memory Limit", "Used memory");
	show_resident(seq, context);
	show_disk(seq, context);
	show_resource(seq, context, VPS_FILES, "Files limit", "Used files");
	show_resource(seq, context, VPS_TCP, "TCP sockets limit", "Established sockets");
	show_addresses(seq, context);
	show_traffic(seq, context);
	seq_puts(seq, "Load average: ");
	vps_load_show(seq, context);
	seq_putc(seq, '\n');
}

static int self_show(struct seq_file *seq, void *v)
{
	struct vps_context *context = vps_current_get();

	context_show(seq, context);
	vps_context_put(context);
	return 0;
}

/* Whoever has opened it: who reads it has to see it as well. */
static int number_show(struct seq_file *seq, void *v)
{
	struct vps_context *context;

	if (!sees_all())
		return -EPERM;
	context = vps_context_find((uintptr_t)seq->private);
	if (!context)
		return -ESRCH;
	context_show(seq, context);
	vps_context_put(context);
	return 0;
}

static int number_open(struct inode *inode, struct file *file)
{
	return single_open(file, number_show, inode->i_private);
}

static const struct file_operations number_file_operations = {
	.open = number_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static const struct inode_operations number_inode_operations = {
	.setattr = proc_nochmod_setattr,
};

/* ---- traffic ---- */

/* The longest line: six numbers and a name, and what is between. */
#define LINE_SIZE	(6 * 21 + VPS_NAME_SIZE + 1)

/**
 * struct reader - who has trafstat or traffic open
 * @lock: guards all else, since several threads may read
 * @takes: of trafstat: what a line tells is set to 0
 * @id: of the account whose line is next
 * @account: likewise
 * @traffic: the account whose line is being read, held; NULL between lines
 * @taken: what that line tells, when it @takes
 * @length: of that line
 * @done: how much of it has been read
 * @line: its text
 */
struct reader {
	struct mutex lock;	/* all else */
	bool takes;
	u32 id;
	u64 account;
	struct vps_traffic *traffic;
	u64 taken[VPS_WAYS];
	unsigned int length;
	unsigned int done;
	char line[LINE_SIZE];
};

static void make_line(struct reader *reader)
{
	struct vps_traffic *traffic = reader->traffic;
	struct vps_flow flows[VPS_WAYS];

	reader->done = 0;
	if (reader->takes) {
		vps_traffic_take(traffic, reader->taken);
		reader->length = scnprintf(reader->line, LINE_SIZE, "%u %llu %llu\n", traffic->id,
					   reader->taken[VPS_IN], reader->taken[VPS_OUT]);
		return;
	}
	vps_traffic_read(traffic, flows);
	reader->length = scnprintf(reader->line, LINE_SIZE, "%u %llu %llu %llu %llu %llu %s\n",
				   traffic->id, flows[VPS_IN].bytes, flows[VPS_OUT].bytes,
				   flows[VPS_IN].packets, flows[VPS_OUT].packets,
				   traffic->account, traffic->name);
}

/* What has not been read to its end is told once more. */
static void end_line(struct reader *reader)
{
	if (!reader->traffic)
		return;
	if (reader->takes && reader->done < reader->length)
		vps_traffic_give_back(reader->traffic, reader->taken);
	vps_traffic_put(reader->traffic);
	reader->traffic = NULL;
}

static bool has_line(struct reader *reader)
{
	if (reader->traffic)
		return true;
	reader->traffic = vps_traffic_next(&reader->id, &reader->account);
	if (!reader->traffic)
		return false;
	reader->account++;
	make_line(reader);
	return true;
}

static void read_lines(struct reader *reader, struct iov_iter *to)
{
	while (iov_iter_count(to) && !fatal_signal_pending(current) && has_line(reader)) {
		size_t left = reader->length - reader->done;
		size_t copied = copy_to_iter(reader->line + reader->done, left, to);

		reader->done += copied;
		if (copied < left)
			return;
		end_line(reader);
		cond_resched();
	}
}

/* By lines, not by pages as other files: what is in a page that nobody reads would be lost. */
static ssize_t traffic_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct reader *reader = iocb->ki_filp->private_data;
	size_t size = iov_iter_count(to);
	ssize_t copied;

	if (!sees_all())
		return -EPERM;
	mutex_lock(&reader->lock);
	if (!iocb->ki_pos) {
		end_line(reader);
		reader->id = 0;
		reader->account = 0;
	}
	read_lines(reader, to);
	copied = size - iov_iter_count(to);
	/* There is more, and it could not be written. */
	if (!copied && size && reader->traffic)
		copied = -EFAULT;
	mutex_unlock(&reader->lock);
	if (copied > 0)
		iocb->ki_pos += copied;
	return copied;
}

/* To the start and nowhere else: lines are longer or shorter when they are read again. */
static loff_t traffic_lseek(struct file *file, loff_t offset, int whence)
{
	if (offset || whence != SEEK_SET)
		return -ESPIPE;
	return vfs_setpos(file, 0, 0);
}

static int traffic_open(struct inode *inode, struct file *file)
{
	struct reader *reader = kzalloc(sizeof(*reader), GFP_KERNEL_ACCOUNT);

	if (!reader)
		return -ENOMEM;
	mutex_init(&reader->lock);
	reader->takes = pde_data(inode);
	file->private_data = reader;
	return 0;
}

static int traffic_release(struct inode *inode, struct file *file)
{
	struct reader *reader = file->private_data;

	end_line(reader);
	kfree(reader);
	return 0;
}

static const struct proc_ops traffic_operations = {
	.proc_flags = PROC_ENTRY_PERMANENT,
	.proc_open = traffic_open,
	.proc_read_iter = traffic_read_iter,
	.proc_lseek = traffic_lseek,
	.proc_release = traffic_release,
};

/* ---- the directory ---- */

static bool is_context(u32 id)
{
	struct vps_context *context = vps_context_find(id);

	vps_context_put(context);
	return context;
}

/*
 * What the host has looked up is in the cache for all. An error, not 0: who is inside must not
 * have the host's entry dropped, with what is mounted on it.
 */
static int hidden_revalidate(struct dentry *dentry, unsigned int flags)
{
	struct inode *inode = d_inode_rcu(dentry);

	if (!sees_all())
		return -ENOENT;
	return inode && (PDE(inode) || is_context((uintptr_t)inode->i_private));
}

static const struct dentry_operations hidden_dentry_operations = {
	.d_revalidate = hidden_revalidate,
	.d_delete = always_delete_dentry,
};

static struct dentry *number_instantiate(struct dentry *dentry, u32 id)
{
	struct inode *inode = new_inode(dentry->d_sb);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_ino = FIRST_CONTEXT_INO + id;
	inode->i_mode = S_IFREG | 0400;
	inode->i_uid = GLOBAL_ROOT_UID;
	inode->i_gid = GLOBAL_ROOT_GID;
	inode->i_private = (void *)(uintptr_t)id;
	inode->i_op = &number_inode_operations;
	inode->i_fop = &number_file_operations;
	simple_inode_init_ts(inode);
	d_set_d_op(dentry, &hidden_dentry_operations);
	return d_splice_alias(inode, dentry);
}

static bool is_self(const struct qstr *name)
{
	return name->len == self_entry->namelen &&
	       !memcmp(name->name, self_entry->name, name->len);
}

static struct dentry *vservers_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	unsigned int id = name_to_int(&dentry->d_name);

	if (!sees_all() && !is_self(&dentry->d_name))
		return ERR_PTR(-ENOENT);
	if (id == ~0U)
		return proc_lookup(dir, dentry, flags);
	if (id == VPS_CTX_HOST || !is_context(id))
		return ERR_PTR(-ENOENT);
	return number_instantiate(dentry, id);
}

static int readdir_self(struct file *file, struct dir_context *ctx)
{
	if (!dir_emit_dots(file, ctx) || ctx->pos > 2)
		return 0;
	if (dir_emit(ctx, self_entry->name, self_entry->namelen, self_entry->low_ino, DT_REG))
		ctx->pos++;
	return 0;
}

static int readdir_numbers(struct file *file, struct dir_context *ctx)
{
	u32 id = ctx->pos - FIRST_CONTEXT_ENTRY;
	char name[PROC_NUMBUF];
	unsigned int len;

	for (;; id++) {
		struct vps_context *context = vps_context_next(&id);

		vps_context_put(context);
		ctx->pos = FIRST_CONTEXT_ENTRY + id;
		if (!context)
			return 0;
		len = snprintf(name, sizeof(name), "%u", id);
		if (!dir_emit(ctx, name, len, FIRST_CONTEXT_INO + id, DT_REG))
			return 0;
		cond_resched();
	}
}

static int vservers_readdir(struct file *file, struct dir_context *ctx)
{
	if (!sees_all())
		return readdir_self(file, ctx);
	if (ctx->pos < FIRST_CONTEXT_ENTRY) {
		int err = proc_readdir(file, ctx);

		if (err <= 0)
			return err;
		ctx->pos = FIRST_CONTEXT_ENTRY;
	}
	return readdir_numbers(file, ctx);
}

static const struct file_operations vservers_file_operations = {
	.llseek = generic_file_llseek,
	.read = generic_read_dir,
	.iterate_shared = vservers_readdir,
};

static const struct inode_operations vservers_inode_operations = {
	.lookup = vservers_lookup,
	.setattr = proc_nochmod_setattr,
};

static void __init hide(struct proc_dir_entry *entry)
{
	entry->proc_dops = &hidden_dentry_operations;
}

static int __init vservers_init(void)
{
	struct proc_dir_entry *dir = proc_mkdir("vservers", NULL);

	dir->proc_iops = &vservers_inode_operations;
	dir->proc_dir_ops = &vservers_file_operations;
	self_entry = proc_create_single("self", 0444, dir, self_show);
	hide(proc_create_single("setup", 0444, dir, setup_show));
	hide(proc_create_data("trafstat", 0400, dir, &traffic_operations, (void *)true));
	hide(proc_create_data("traffic", 0400, dir, &traffic_operations, (void *)false));
	return 0;
}
fs_initcall(vservers_init);
