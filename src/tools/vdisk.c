// SPDX-License-Identifier: GPL-2.0-or-later
/* vdisk - disks of VPSes: images, project quotas, and what is promised of the host's. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

enum {
	OPT_SIZE = 1,
	OPT_INODES,
	OPT_KIND,
	OPT_CTX,
};

/**
 * struct request - the command line
 * @ctx: VPS_ID_HOST without --ctx
 */
struct request {
	const struct verb *verb;
	struct vps_disk_spec spec;
	uint32_t ctx;
	int sparse;
	int human;
	enum cli_format format;
	bool has_size;
	bool has_inodes;
	bool has_kind;
	const char **trees;
	int count;
	struct cli_table *table;
};

static struct request request = {
	.spec = { .size = VPS_LIMIT_INF, .inodes = VPS_LIMIT_INF },
	.format = CLI_TABLE,
};

static const struct poptOption options[] = {
	{ "size", 0, POPT_ARG_STRING, NULL, OPT_SIZE, "bytes, with K M G T P", "V" },
	{ "inodes", 0, POPT_ARG_STRING, NULL, OPT_INODES, "files at the most", "V" },
	{ "kind", 0, POPT_ARG_STRING, NULL, OPT_KIND, "auto, counted, quota or image",
	  "KIND" },
	{ "sparse", 0, POPT_ARG_NONE, &request.sparse, 0,
	  "an image takes space from the host as it is written to", NULL },
	{ "ctx", 'c', POPT_ARG_STRING, NULL, OPT_CTX, "context that the disk is for", "N" },
	{ "human", 'h', POPT_ARG_NONE, &request.human, 0, "sizes with a unit (1.5M)", NULL },
	{ "json", 0, POPT_ARG_VAL, &request.format, CLI_JSON, "an array of objects", NULL },
	{ "raw", 0, POPT_ARG_VAL, &request.format, CLI_RAW, "one record a line, no header", NULL },
	POPT_TABLEEND
};

/* ---- what is done to one tree ---------------------- */

static int create(const char *tree, struct vps_fault *fault)
{
	_cleanup_(cli_host_closep) struct vps_host *host = cli_host();

	return vps_disk_create(host, tree, &request.spec, fault);
}

static int attach(const char *tree, struct vps_fault *fault)
{
	_cleanup_(cli_host_closep) struct vps_host *host = cli_host();

	return vps_disk_attach(host, request.ctx, tree, &request.spec, fault);
}

static int change(const char *tree, bool grow, struct vps_fault *fault)
{
	_cleanup_(cli_host_closep) struct vps_host *host = cli_host();
	struct vps_disk disk;
	int err = vps_disk_look(host, tree, &disk, fault);

	if (err)
		return err;
	if (disk.kind != VPS_DISK_PLAIN && disk.size != VPS_LIMIT_INF &&
	    (grow ? request.spec.size < disk.size : request.spec.size > disk.size)) {
		cli_warn(0, "%s: %s", tree, grow ? "is larger already" : "is smaller already");
		return -ECANCELED;
	}
	return vps_disk_resize(host, tree, request.spec.size, fault);
}

static int grow(const char *tree, struct vps_fault *fault)
{
	return change(tree, true, fault);
}

static int shrink(const char *tree, struct vps_fault *fault)
{
	return change(tree, false, fault);
}

static void add_number(uint64_t value, bool bytes)
{
	char text[16];

	if (value == VPS_LIMIT_NONE)
		cli_table_none(request.table);
	else if (value == VPS_LIMIT_INF)
		cli_table_string(request.table, "inf");
	else
		cli_table_number(request.table, value, bytes && request.human ?
				 cli_human_size(value, text) : NULL);
}

static const char *state(const struct vps_disk *disk)
{
	if (disk->kind != VPS_DISK_IMAGE)
		return "-";
	if (!disk->mounted)
		return disk->reserved ? "unmounted" : "unmounted,sparse";
	return disk->reserved ? "mounted" : "mounted,sparse";
}

static int status(const char *tree, struct vps_fault *fault)
{
	_cleanup_(cli_host_closep) struct vps_host *host = cli_host();
	struct vps_disk disk;
	int err = vps_disk_look(host, tree, &disk, fault);

	if (err)
		return err;
	cli_table_string(request.table, vps_disk_kind_name(disk.kind));
	cli_table_string(request.table, state(&disk));
	add_number(disk.size, true);
	add_number(disk.used, true);
	add_number(disk.inodes_max, false);
	add_number(disk.inodes, false);
	cli_table_string(request.table, tree);
	cli_table_row(request.table);
	return 0;
}

/* ---- the command line ---------------------- */

/* @needs: options besides the tree */
static const struct verb {
	const char *name;
	int (*run)(const char *tree, struct vps_fault *fault);
	bool size, inodes, kind, ctx, table;
} verbs[] = {
	{ .name = "create", .run = create, .size = true, .inodes = true, .kind = true },
	{ .name = "attach", .run = attach, .kind = true, .ctx = true },
	{ .name = "mount", .run = vps_disk_mount },
	{ .name = "umount", .run = vps_disk_unmount },
	{ .name = "grow", .run = grow, .size = true },
	{ .name = "shrink", .run = shrink, .size = true },
	{ .name = "remove", .run = vps_disk_remove },
	{ .name = "status", .run = status, .table = true },
};

static const struct verb *find_verb(const char *word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (word && !strcmp(verbs[i].name, word))
			return &verbs[i];
	if (!word)
		cli_usage("no action given: create, attach, mount, umount, grow, shrink,"
			  " remove or status");
	cli_usage("'%s': not create, attach, mount, umount, grow, shrink, remove or status", word);
}

static void set_limit(const char *option, const char *name, char *text, uint64_t *ret_value)
{
	struct vps_limit limit;
	int err = vps_limit_parse(vps_resource_find(name), text, &limit);

	if (err || limit.soft != VPS_LIMIT_INF || limit.hard == VPS_LIMIT_INF)
		cli_usage("--%s='%s': not a number of %s", option, text,
			  vps_unit_name(vps_resource_find(name)->unit));
	*ret_value = limit.hard;
	free(text);
}

static void take_option(int option, char *arg)
{
	switch (option) {
	case OPT_SIZE:
		set_limit("size", "disk", arg, &request.spec.size);
		request.has_size = true;
		break;
	case OPT_INODES:
		set_limit("inodes", "inodes", arg, &request.spec.inodes);
		request.has_inodes = true;
		break;
	case OPT_KIND:
		if (vps_parse_disk_kind(arg, &request.spec.kind))
			cli_usage("--kind='%s': not auto, counted, quota or image", arg);
		request.has_kind = true;
		free(arg);
		break;
	case OPT_CTX:
		request.ctx = cli_parse_ctx(arg, VPS_ID_MIN);
		free(arg);
		break;
	}
}

static void check(void)
{
	const struct verb *verb = request.verb;

	if (request.count < 1)
		cli_usage("no DIR given");
	if (verb->ctx && (!request.ctx || request.count > 1))
		cli_usage("%s takes --ctx and one DIR", verb->name);
	if (!verb->ctx && request.ctx)
		cli_usage("--ctx is for attach");
	if ((request.has_size && !verb->size) || (request.has_inodes && !verb->inodes) ||
	    ((request.has_kind || request.sparse) && !verb->kind))
		cli_usage("%s does not take all of these options", verb->name);
	if (verb->size && !verb->kind && !request.has_size)
		cli_usage("%s takes --size", verb->name);
	if (!verb->table && (request.human || request.format != CLI_TABLE))
		cli_usage("--human, --json and --raw are for status");
}

static void parse(int argc, char **argv)
{
	const char *action = cli_action(&argc, argv);
	poptContext popt = cli_options(argc, argv, options, "ACTION DIR...");
	int option;

	while ((option = cli_next(popt)) > 0)
		take_option(option, cli_arg(popt));
	request.trees = cli_operands(popt, &request.count);
	if (!action && request.count) {
		action = *request.trees++;
		request.count--;
	}
	request.verb = find_verb(action);
}

static const char *const columns[] = {
	"KIND", "STATE", ">SIZE", ">USED", ">INODES", ">IUSED", "DIRECTORY", NULL
};

/* How far labelling or counting is, for somebody at a terminal. */
static void progress(uint64_t names, void *data)
{
	(void)data;
	fprintf(stderr, "\r\033[Kvdisk: %" PRIu64 " files done", names);
}

int main(int argc, char **argv)
{
	bool shows = isatty(STDERR_FILENO);
	int failed = CLI_OK;

	cli_init("vdisk", CLI_FAILED, CLI_USAGE);
	parse(argc, argv);
	check();
	request.spec.sparse = request.sparse;
	if (shows)
		request.spec.progress = progress;
	if (request.verb->table)
		request.table = cli_table_new(request.format, columns);
	for (int i = 0; i < request.count; i++) {
		struct vps_fault fault;
		int err = request.verb->run(request.trees[i], &fault);

		if (!err)
			continue;
		if (err != -ECANCELED)
			cli_warn_fault(err, &fault);
		failed = CLI_FAILED;
	}
	if (request.table && cli_table_print(request.table))
		return CLI_FAILED;
	return failed;
}
