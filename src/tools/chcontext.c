// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chcontext - runs a command as the first process of a context, or makes or destroys a
 * context without a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum {
	OPT_CREATE = 256,
	OPT_DESTROY,
	OPT_CAP,
	OPT_SECURE,
	OPT_FLAG,
	OPT_HOSTNAME,
	OPT_DOMAINNAME,
	OPT_ROOT,
	OPT_TREE,
	OPT_NET,
	OPT_IP,
	OPT_DEV,
	OPT_BCAST,
	OPT_USERNS,
	OPT_NO_NAMESPACES,
	OPT_INIT,
	OPT_RLIMIT,
	OPT_DISCONNECT,
	OPT_SILENT,
};

#define RLIMITS_MAX 16

static const struct poptOption options[] = {
	{ "ctx", 'c', POPT_ARG_STRING, NULL, 'c', "number of the context", "N" },
	{ "xid", '\0', POPT_ARG_STRING, NULL, 'c', "the same as --ctx", "N" },
	{ "create", '\0', POPT_ARG_NONE, NULL, OPT_CREATE, "make the context and run nothing",
	  NULL },
	{ "name", 'n', POPT_ARG_STRING, NULL, 'n', "the VPS that the new context is for", "NAME" },
	{ "destroy", '\0', POPT_ARG_NONE, NULL, OPT_DESTROY,
	  "end what is left of the context and remove it", NULL },
	{ "cap", '\0', POPT_ARG_STRING, NULL, OPT_CAP, "keep a capability, or drop it (!CAP)",
	  "[!]CAP" },
	{ "secure", '\0', POPT_ARG_NONE, NULL, OPT_SECURE,
	  "drop what could harm the host (always so with --root)", NULL },
	{ "flag", '\0', POPT_ARG_STRING, NULL, OPT_FLAG, "lock, sched, nproc, private, stop",
	  "F[,F]..." },
	{ "hostname", '\0', POPT_ARG_STRING, NULL, OPT_HOSTNAME, "host name inside", "H" },
	{ "domainname", '\0', POPT_ARG_STRING, NULL, OPT_DOMAINNAME, "domain name inside", "D" },
	{ "root", '\0', POPT_ARG_STRING, NULL, OPT_ROOT, "directory that becomes / inside", "DIR" },
	{ "tree", '\0', POPT_ARG_STRING, NULL, OPT_TREE,
	  "directory to work in, seeing the host as a stranger", "DIR" },
	{ "net", '\0', POPT_ARG_STRING, NULL, OPT_NET, "shared (default), bridge or none", "NET" },
	{ "ip", '\0', POPT_ARG_STRING, NULL, OPT_IP,
	  "an address of the new context, or those of a device; may be repeated",
	  "ADDR[/PREFIX|/MASK]|IFACE" },
	{ "dev", '\0', POPT_ARG_STRING, NULL, OPT_DEV,
	  "put addresses that the host has not on this device, for as long as the context is",
	  "IFACE" },
	{ "bcast", '\0', POPT_ARG_STRING, NULL, OPT_BCAST, "with this broadcast address", "ADDR" },
	{ "userns", '\0', POPT_ARG_STRING, NULL, OPT_USERNS, "auto (default) or no", "MODE" },
	{ "no-namespaces", '\0', POPT_ARG_NONE, NULL, OPT_NO_NAMESPACES,
	  "nothing but the context keeps the command apart (kernel engine)", NULL },
	{ "init", '\0', POPT_ARG_STRING, NULL, OPT_INIT,
	  "run the first process of a system: auto, builtin or a path", "INIT" },
	{ "rlimit", '\0', POPT_ARG_STRING, NULL, OPT_RLIMIT,
	  "limit of each process inside; may be repeated", "NAME=[SOFT:]HARD" },
	{ "disconnect", '\0', POPT_ARG_NONE, NULL, OPT_DISCONNECT,
	  "do not wait; output goes to the console log of the root", NULL },
	{ "silent", '\0', POPT_ARG_NONE, NULL, OPT_SILENT, "do not print the number", NULL },
	POPT_TABLEEND
};

/**
 * struct request - the command line
 * @caps_add, @caps_drop: of --cap, bit n is capability n
 * @cap_words: what capability n was called
 */
struct request {
	uint32_t id;
	char *name;
	bool create;
	bool destroy;
	uint64_t caps_add, caps_drop;
	const char *cap_words[64];
	bool secure;
	uint32_t flags;
	bool flags_given;
	char *hostname;
	char *domainname;
	char *root;
	char *tree;
	enum vps_net net;
	struct cli_addrs addrs;
	bool no_userns;
	bool no_namespaces;
	char *init;
	struct vps_rlimit rlimits[RLIMITS_MAX];
	size_t rlimit_count;
	bool disconnect;
	bool silent;
	char **argv;
};

static void parse_cap(struct request *req, const char *word)
{
	bool drop = *word == '!';
	int cap;

	if (vps_parse_cap(word + drop, &cap))
		cli_usage("--cap='%s': no such capability", word);
	if (drop)
		req->caps_drop |= 1ULL << cap;
	else
		req->caps_add |= 1ULL << cap;
	req->cap_words[cap] = word;
}

static void parse_flags(struct request *req, const char *words)
{
	uint32_t flags;

	if (vps_parse_flags(words, &flags))
		cli_usage("--flag='%s': no such flag", words);
	req->flags |= flags;
	req->flags_given = true;
}

static char *parse_hostname(char *arg, const char *option)
{
	if (!vps_is_hostname(arg))
		cli_usage("%s='%s': not a host name", option, arg);
	return arg;
}

static void parse_word(struct request *req, int opt, const char *arg)
{
	if (opt == OPT_NET && !strcmp(arg, "none"))
		req->net = VPS_NET_NONE;
	else if (opt == OPT_NET && !strcmp(arg, "bridge"))
		req->net = VPS_NET_BRIDGE;
	else if (opt == OPT_NET && strcmp(arg, "shared"))
		cli_usage("--net='%s': neither shared, bridge nor none", arg);
	else if (opt == OPT_USERNS && !strcmp(arg, "no"))
		req->no_userns = true;
	else if (opt == OPT_USERNS && strcmp(arg, "auto"))
		cli_usage("--userns='%s': neither auto nor no", arg);
}

static void add_rlimit(struct request *req, const char *word)
{
	if (req->rlimit_count == RLIMITS_MAX)
		cli_usage("--rlimit: more than %d", RLIMITS_MAX);
	cli_take_rlimit(word, &req->rlimits[req->rlimit_count++]);
}

static void parse_option(struct request *req, int opt, char *arg)
{
	switch (opt) {
	case 'c': req->id = cli_parse_ctx(arg, VPS_ID_MIN); break;
	case 'n': req->name = arg; break;
	case OPT_CREATE: req->create = true; break;
	case OPT_DESTROY: req->destroy = true; break;
	case OPT_CAP: parse_cap(req, arg); break;
	case OPT_SECURE: req->secure = true; break;
	case OPT_FLAG: parse_flags(req, arg); break;
	case OPT_HOSTNAME: req->hostname = parse_hostname(arg, "--hostname"); break;
	case OPT_DOMAINNAME: req->domainname = parse_hostname(arg, "--domainname"); break;
	case OPT_ROOT: req->root = arg; break;
	case OPT_TREE: req->tree = arg; break;
	case OPT_NET:
	case OPT_USERNS: parse_word(req, opt, arg); break;
	case OPT_NO_NAMESPACES: req->no_namespaces = true; break;
	case OPT_IP: cli_take_ip(&req->addrs, arg); break;
	case OPT_DEV: req->addrs.device = arg; break;
	case OPT_BCAST: cli_take_broadcast(&req->addrs, arg); break;
	case OPT_INIT: req->init = arg; break;
	case OPT_RLIMIT: add_rlimit(req, arg); break;
	case OPT_DISCONNECT: req->disconnect = true; break;
	case OPT_SILENT: req->silent = true; break;
	}
}

/* What takes namespaces. */
static void check_no_namespaces(const struct request *req)
{
	static const char what[] = "--no-namespaces";

	if (req->root || req->tree)
		cli_usage("%s excludes --root and --tree", what);
	if (req->hostname || req->domainname)
		cli_usage("%s excludes --hostname and --domainname", what);
	if (req->net != VPS_NET_SHARED)
		cli_usage("%s goes with --net=shared", what);
	if (!*req->argv)
		cli_usage("%s goes with a command", what);
}

/* Rules over several options. */
static void check(const struct request *req)
{
	bool runs = *req->argv || req->init;

	if (req->create && req->destroy)
		cli_usage("--create and --destroy exclude each other");
	if ((req->create || req->destroy) && runs)
		cli_usage("--create and --destroy run no command");
	if (req->destroy && req->id == VPS_ID_ANY)
		cli_usage("--destroy needs --ctx");
	if (req->name && !req->create && !req->disconnect)
		cli_usage("--name goes with --create or --disconnect");
	if (req->name && !vps_is_name(req->name))
		cli_usage("--name='%s': not a name of a VPS", req->name);
	if (req->net == VPS_NET_BRIDGE && req->id == VPS_ID_ANY)
		cli_usage("--net=bridge needs --ctx, of a context that vnet gave a device");
	cli_check_addrs(&req->addrs);
	if (req->addrs.count && req->net != VPS_NET_SHARED)
		cli_usage("--ip goes with --net=shared");
	if (req->addrs.count && !req->create && !runs)
		cli_usage("--ip goes with --create or a command");
	if (req->root && req->tree)
		cli_usage("--root and --tree exclude each other");
	if (req->tree && req->no_userns)
		cli_usage("--tree needs a user namespace");
	if (req->init && (*req->argv || !req->root))
		cli_usage("--init goes with --root and without a command");
	if (req->init && strcmp(req->init, "auto") && strcmp(req->init, "builtin") &&
	    req->init[0] != '/')
		cli_usage("--init='%s': neither auto, builtin nor a path", req->init);
	if (req->rlimit_count && !runs)
		cli_usage("--rlimit goes with a command or --init");
	if (req->disconnect && !req->root)
		cli_usage("--disconnect goes with --root");
	if (req->no_namespaces)
		check_no_namespaces(req);
	if (!req->create && !req->destroy && !runs &&
	    (!req->flags_given || req->id == VPS_ID_ANY))
		cli_usage("a command is missing");
}

static uint64_t bounding_set(const struct request *req, bool userns)
{
	bool walls = req->root || req->tree || req->secure;
	bool bridged = req->net == VPS_NET_BRIDGE;
	uint64_t caps = walls ? vps_caps_default(userns, bridged) : vps_caps_all();

	return (caps | req->caps_add) & ~req->caps_drop & vps_caps_all();
}

/* False when nobody can be told: then there must be no context. */
static bool announce(const struct request *req, uint32_t id)
{
	if (req->silent || dprintf(STDOUT_FILENO, "New security context is %u\n", id) > 0)
		return true;
	cli_warn(-errno, "standard output");
	return false;
}

/* The exit status for an operation on a context as a whole. */
static int outcome(int rc, uint32_t id)
{
	if (rc == -ENOENT)
		cli_warn(0, "%u: no such context", id);
	else if (rc == -EBUSY)
		cli_warn(0, "%u: the context is running", id);
	else if (rc)
		cli_warn(rc, "context %u", id);
	return rc ? CLI_EXEC_FAILED : 0;
}

/* A context and its addresses; or dies with neither. */
static uint32_t make(struct vps_host *host, const struct request *req,
		     const struct vps_context_spec *spec)
{
	struct vps_fault fault;
	uint32_t id;
	int rc = vps_context_create(host, spec, &id, &fault);

	if (rc) {
		cli_warn_fault(rc, &fault);
		exit(CLI_EXEC_FAILED);
	}
	if (!req->addrs.count || !cli_set_addrs(host, id, &req->addrs, VPS_ADDRS_REPLACE))
		return id;
	outcome(vps_context_destroy(host, id), id);
	exit(CLI_EXEC_FAILED);
}

/* ---- without a command ------------------------------------------------------- */

static int create(struct vps_host *host, const struct request *req)
{
	struct vps_context_spec spec = {
		.id = req->id, .name = req->name, .flags = req->flags, .keep = !req->name,
	};
	uint32_t id = make(host, req, &spec);

	if (announce(req, id))
		return 0;
	vps_context_destroy(host, id);
	return CLI_EXEC_FAILED;
}

static int destroy(struct vps_host *host, uint32_t id)
{
	struct vps_context_info info;
	int rc = vps_context_info(host, id, &info);

	/* One without a name is new only while somebody else is about to start it. */
	if (!rc && info.state == VPS_STATE_NEW && !*info.name)
		return outcome(-EBUSY, id);
	/* Of one that nobody sets up any more or that has ended, processes may be left. */
	if (!rc && info.state != VPS_STATE_RUNNING && info.state != VPS_STATE_KEPT) {
		rc = vps_context_kill(host, id);
		if (!rc)
			rc = vps_context_wait(host, id, 10000);
	}
	if (!rc)
		rc = vps_context_destroy(host, id);
	return outcome(rc, id);
}

/* ---- with a command ------------------------------------------------------------- */

/* The system's own first process where the root has one; ours is passed as a descriptor. */
static void choose_init(struct vps_spawn *spawn, const char *init, char *argv[2])
{
	const char *builtin = getenv("VPS_INIT") ?: VPS_INIT_PATH;
	bool is_path = init[0] == '/';

	argv[0] = strdup(is_path ? init : "/sbin/init");
	argv[1] = NULL;
	if (!argv[0])
		cli_die(CLI_EXEC_FAILED, -ENOMEM, "--init");
	spawn->argv = argv;
	if (is_path)
		return;
	spawn->exec_fd = open(builtin, O_RDONLY | O_CLOEXEC);
	if (spawn->exec_fd < 0)
		cli_die(CLI_EXEC_FAILED, -errno, "%s", builtin);
	spawn->exec_fallback = !strcmp(init, "auto");
	if (!spawn->exec_fallback)
		argv[0] = "vps-init";
}

/* An absent context is made for this command, and ends with it unless it is of a VPS. */
static uint32_t have_context(struct vps_host *host, const struct request *req, bool *ret_made)
{
	struct vps_context_spec spec = {
		.id = req->id, .first = req->name ? VPS_ID_MIN : VPS_ID_DYNAMIC,
		.name = req->name, .flags = req->flags,
	};
	struct vps_context_info info;

	*ret_made = false;
	if (req->id != VPS_ID_ANY && !req->name && !vps_context_info(host, req->id, &info)) {
		if (req->addrs.count)
			cli_die(CLI_EXEC_FAILED, 0,
				"%u: the context is there already; chbind changes its addresses",
				req->id);
		if (req->flags_given)
			vps_context_set_flags(host, req->id, req->flags);
		return req->id;
	}
	*ret_made = true;
	return make(host, req, &spec);
}

static int exec_error(int err, const struct vps_fault *fault)
{
	if (strcmp(fault->step, "execute"))
		return CLI_EXEC_FAILED;
	return err == -ENOENT ? CLI_EXEC_NOENT : CLI_EXEC_NORUN;
}

/* Waits for the command; the context that was made for it goes with it. */
static int attend(struct vps_host *host, uint32_t id, const struct request *req,
		  struct cli_pty *pty, struct vps_child *child)
{
	int status = cli_pty_attend(pty, child);

	/* Where it was the init of its pid namespace the kernel ends the rest now. */
	if (req->no_namespaces)
		vps_context_kill(host, id);
	vps_context_wait(host, id, 10000);
	return cli_exit_status(status);
}

/* Before there is a context. */
static void check_isolation(struct vps_host *host, const struct request *req)
{
	const char *why = vps_host_isolation_refusal(host);

	if (req->no_namespaces && why)
		cli_die(CLI_EXEC_FAILED, 0, "--no-namespaces: %s", why);
}

/* What was asked for by name and would not hold. */
static void check_caps(struct vps_host *host, const struct request *req, bool userns)
{
	uint64_t vain = userns ? 0 : req->caps_add & vps_host_withheld(host);

	if (vain)
		cli_die(CLI_EXEC_FAILED, 0, "--cap='%s': without a user namespace of its own, "
			"the %s engine leaves it to the host",
			req->cap_words[__builtin_ctzll(vain)], vps_host_engine(host));
}

static int run(struct vps_host *host, const struct request *req)
{
	char *inside[] = { CLI_INSIDE_PATH, "HOME=/root", "TERM=linux", "container=freevps", NULL };
	bool userns = (req->root || req->tree) && !req->no_userns;
	struct vps_spawn spawn = {
		.argv = req->argv, .envp = req->root ? inside : environ, .exec_fd = -1,
		.root = req->root, .tree = req->tree,
		.hostname = req->hostname, .domainname = req->domainname,
		.caps = bounding_set(req, userns), .net = req->net, .userns = userns,
		.no_namespaces = req->no_namespaces,
		.own_tty = req->disconnect, .tied = !req->disconnect, .stdio = { 0, 1, 2 },
		.rlimits = req->rlimits, .rlimit_count = req->rlimit_count,
	};
	struct cli_pty pty = { -1, -1 };
	struct vps_child child;
	struct vps_fault fault;
	char *init_argv[2];
	int rc, status = 0;
	uint32_t id;
	bool made;

	check_isolation(host, req);
	check_caps(host, req, userns);
	if (req->init)
		choose_init(&spawn, req->init, init_argv);
	/* A command of the host's admin keeps his terminal, one of a foreign tree does not. */
	if (req->root && !req->disconnect)
		cli_pty_open(&pty, spawn.stdio);
	id = have_context(host, req, &made);
	if (!announce(req, id)) {
		if (made)
			outcome(vps_context_destroy(host, id), id);
		return CLI_EXEC_FAILED;
	}
	rc = vps_context_spawn(host, id, &spawn, &child, &fault);
	if (rc) {
		cli_warn_fault(rc, &fault);
		status = exec_error(rc, &fault);
	} else if (!req->disconnect) {
		status = attend(host, id, req, &pty, &child);
	}
	if (made && (rc || !req->disconnect))
		outcome(vps_context_destroy(host, id), id);
	return status;
}

static struct request parse(int argc, char **argv)
{
	struct request req = { .id = VPS_ID_ANY };
	poptContext popt = cli_options(argc, argv, options, "[--] CMD...");
	int opt;

	while ((opt = cli_next(popt)) >= 0)
		parse_option(&req, opt, cli_arg(popt));
	req.argv = (char **)cli_operands(popt, NULL);
	return req;
}

static void seal(char **argv)
{
	int rc = cli_seal_self(argv);

	/* What is missing to be root of this machine is said in the same words always. */
	if (rc == -EPERM)
		vps_host_close(cli_host());
	if (rc)
		cli_die(CLI_EXEC_FAILED, rc, "guard its own file");
}

int main(int argc, char **argv)
{
	struct vps_host *host;
	struct request req;
	int status;

	cli_init("chcontext", CLI_EXEC_FAILED, CLI_EXEC_FAILED);
	req = parse(argc, argv);
	check(&req);
	if (req.root && req.no_userns)
		seal(argv);
	host = cli_host();
	if (req.destroy)
		status = destroy(host, req.id);
	else if (req.create)
		status = create(host, &req);
	else if (!*req.argv && !req.init)
		status = outcome(vps_context_set_flags(host, req.id, req.flags), req.id);
	else
		status = run(host, &req);
	vps_host_close(host);
	return status;
}
