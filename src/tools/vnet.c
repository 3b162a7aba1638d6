// SPDX-License-Identifier: GPL-2.0-or-later
/* vnet - the device of a context on a bridge of the host: made, changed, removed, listed. */
#include <errno.h>
#include <string.h>

#include "cli.h"

/* Addresses in a line of the table. */
#define SHOWN_MAX 4

enum {
	OPT_CTX = 1,
	OPT_BRIDGE,
	OPT_IP,
	OPT_DEL,
	OPT_GATEWAY,
	OPT_MTU,
	OPT_RATE_MIN,
	OPT_RATE_MAX,
	OPT_RATE_LINK,
};

/**
 * struct request - the command line
 * @ctx: VPS_ID_HOST without --ctx
 * @vnet: what is asked for; its rates are VPS_RATE_KEEP where they are not
 * @gone: addresses of --del
 */
struct request {
	const struct verb *verb;
	uint32_t ctx;
	struct vps_vnet vnet;
	struct vps_addr gone[VPS_ADDRS_MAX];
	size_t gone_count;
	enum cli_format format;
};

static struct request request = {
	.vnet = {
		.rate_min = VPS_RATE_KEEP, .rate_max = VPS_RATE_KEEP, .rate_link = VPS_RATE_KEEP,
	},
	.format = CLI_TABLE,
};

static const struct poptOption options[] = {
	{ "ctx", 'c', POPT_ARG_STRING, NULL, OPT_CTX, "number of the context", "N" },
	{ "bridge", 0, POPT_ARG_STRING, NULL, OPT_BRIDGE, "bridge of the host", "BRIDGE" },
	{ "ip", 0, POPT_ARG_STRING, NULL, OPT_IP, "an address of the VPS; may be repeated",
	  "ADDR/PREFIX" },
	{ "add", 0, POPT_ARG_STRING, NULL, OPT_IP, "the same as --ip", "ADDR/PREFIX" },
	{ "del", 0, POPT_ARG_STRING, NULL, OPT_DEL, "an address that it loses; may be repeated",
	  "ADDR" },
	{ "gateway", 0, POPT_ARG_STRING, NULL, OPT_GATEWAY,
	  "where packets for other networks go; one of each family", "ADDR" },
	{ "mtu", 0, POPT_ARG_STRING, NULL, OPT_MTU, "bytes of a packet at the most", "N" },
	{ "rate-min", 0, POPT_ARG_STRING, NULL, OPT_RATE_MIN,
	  "bits a second that are its own, with K M G T, or none", "R" },
	{ "rate-max", 0, POPT_ARG_STRING, NULL, OPT_RATE_MAX, "bits a second at the most", "R" },
	{ "rate-link", 0, POPT_ARG_STRING, NULL, OPT_RATE_LINK,
	  "bits a second that all VPSes of the bridge have", "R" },
	{ "json", 0, POPT_ARG_VAL, &request.format, CLI_JSON, "an array of objects", NULL },
	{ "raw", 0, POPT_ARG_VAL, &request.format, CLI_RAW, "one record a line, no header", NULL },
	POPT_TABLEEND
};

/* ---- actions ---------------------- */

static uint64_t given(uint64_t rate)
{
	return rate == VPS_RATE_KEEP ? 0 : rate;
}

static int add(struct vps_host *host, struct vps_fault *fault)
{
	struct vps_vnet vnet = request.vnet;

	vnet.rate_min = given(vnet.rate_min);
	vnet.rate_max = given(vnet.rate_max);
	vnet.rate_link = given(vnet.rate_link);
	return vps_vnet_add(host, request.ctx, &vnet, fault);
}

static int no_context(int err, struct vps_fault *fault)
{
	*fault = (struct vps_fault){ .refused = true };
	fault->step = err == -ENOENT ? "no such context" : "the context has no device on a bridge";
	return err;
}

static int set(struct vps_host *host, struct vps_fault *fault)
{
	const struct vps_vnet *vnet = &request.vnet;
	const struct vps_vnet_change change = {
		.gone = request.gone, .gone_count = request.gone_count,
		.added = vnet->addrs, .added_count = vnet->addr_count,
		.rate_min = vnet->rate_min, .rate_max = vnet->rate_max,
		.rate_link = vnet->rate_link,
	};

	return vps_vnet_change(host, request.ctx, &change, fault);
}

static int del(struct vps_host *host, struct vps_fault *fault)
{
	return vps_vnet_remove(host, request.ctx, fault);
}

static void tell(const char *device, void *data)
{
	(void)data;
	printf("%s: removed\n", device);
}

static int sweep(struct vps_host *host, struct vps_fault *fault)
{
	return vps_vnet_sweep(host, tell, NULL, fault);
}

static int check_kernel(struct vps_host *host, struct vps_fault *fault)
{
	const char *missing = vps_vnet_missing(true);

	(void)host;
	*fault = (struct vps_fault){ .step = missing, .refused = true };
	return missing ? -ENOTSUP : 0;
}

/* ---- the list ---------------------- */

static const char *const columns[] = {
	">CTX", "DEVICE", "BRIDGE", "MAC", ">MTU", ">RATE_MIN", ">RATE_MAX", "ADDRESSES", "NAME",
	NULL
};

static void show_rate(struct cli_table *table, uint64_t rate)
{
	if (rate)
		cli_table_number(table, rate, NULL);
	else
		cli_table_none(table);
}

/* All of them, or for people the first few. */
static void show_addrs(struct cli_table *table, const struct vps_vnet *vnet)
{
	char text[VPS_ADDRS_MAX * VPS_ADDR_TEXT_MAX], word[VPS_ADDR_TEXT_MAX];
	size_t len = 0;

	for (size_t i = 0; i < vnet->addr_count; i++) {
		if (i == SHOWN_MAX && request.format == CLI_TABLE) {
			snprintf(text + len, sizeof(text) - len, ",+%zu", vnet->addr_count - i);
			break;
		}
		vps_format_addr_prefix(&vnet->addrs[i], word);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? "," : "", word);
	}
	if (len)
		cli_table_string(table, text);
	else
		cli_table_none(table);
}

static void show(struct cli_table *table, const struct vps_context_info *info,
		 const struct vps_vnet_state *state)
{
	const unsigned char *mac = state->mac;
	char text[24];

	cli_table_number(table, info->id, NULL);
	if (state->present)
		cli_table_string(table, state->device);
	else
		cli_table_none(table);
	cli_table_string(table, state->vnet.bridge);
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	cli_table_string(table, text);
	if (state->mtu)
		cli_table_number(table, state->mtu, NULL);
	else
		cli_table_none(table);
	show_rate(table, state->vnet.rate_min);
	show_rate(table, state->vnet.rate_max);
	show_addrs(table, &state->vnet);
	cli_table_string(table, *info->name ? info->name : "-");
	cli_table_row(table);
}

static int list(struct vps_host *host, struct vps_fault *fault)
{
	struct cli_table *table = cli_table_new(request.format, columns);
	_cleanup_(cli_freep) uint32_t *ids = NULL;
	struct vps_vnet_state state;
	struct vps_context_info info;
	size_t count;
	int err;

	if (request.ctx) {
		err = vps_vnet_get(host, request.ctx, &state);
		err = err ?: vps_context_info(host, request.ctx, &info);
		if (err)
			return no_context(err, fault);
		show(table, &info, &state);
		return cli_table_print(table) ? -ECANCELED : 0;
	}
	err = vps_context_list(host, &ids, &count);
	if (err) {
		*fault = (struct vps_fault){ .step = "list contexts" };
		return err;
	}
	for (size_t i = 0; i < count; i++)
		if (!vps_vnet_get(host, ids[i], &state) && !vps_context_info(host, ids[i], &info))
			show(table, &info, &state);
	return cli_table_print(table) ? -ECANCELED : 0;
}

/* ---- the command line ---------------------- */

/* Which options an action takes, and needs. */
#define BIT(option)	(1u << (option))
#define RATES		(BIT(OPT_RATE_MIN) | BIT(OPT_RATE_MAX) | BIT(OPT_RATE_LINK))

static unsigned int seen;

static const struct verb {
	const char *name;
	int (*run)(struct vps_host *host, struct vps_fault *fault);
	unsigned int takes, needs;
	bool table;
} verbs[] = {
	{ .name = "add", .run = add, .needs = BIT(OPT_CTX) | BIT(OPT_BRIDGE),
	  .takes = BIT(OPT_IP) | BIT(OPT_GATEWAY) | BIT(OPT_MTU) | RATES },
	{ .name = "set", .run = set, .needs = BIT(OPT_CTX),
	  .takes = BIT(OPT_IP) | BIT(OPT_DEL) | RATES },
	{ .name = "del", .run = del, .needs = BIT(OPT_CTX) },
	{ .name = "list", .run = list, .takes = BIT(OPT_CTX), .table = true },
	{ .name = "sweep", .run = sweep },
	{ .name = "check", .run = check_kernel },
};

#define VERBS "add, set, del, list, sweep or check"

static const struct verb *find_verb(const char *word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (word && !strcmp(verbs[i].name, word))
			return &verbs[i];
	if (!word)
		cli_usage("no action given: " VERBS);
	cli_usage("'%s': not " VERBS, word);
}

static void take_addr(const char *option, const char *arg, struct vps_addr *addrs, size_t *count)
{
	struct vps_addr addr;
	int err = vps_parse_addr(arg, &addr);

	if (err == -ERANGE)
		cli_usage("--%s='%s': there is no such prefix", option, arg);
	if (err == -EDOM)
		cli_usage("--%s='%s': no VPS can have this address", option, arg);
	if (err)
		cli_usage("--%s='%s': not an address, as 192.0.2.1/24 or 2001:db8::1/64", option,
			  arg);
	for (size_t i = 0; i < *count; i++)
		if (vps_addr_equal(&addrs[i], &addr))
			cli_usage("--%s='%s': given twice", option, arg);
	if (*count == VPS_ADDRS_MAX)
		cli_usage("--%s='%s': a VPS has %d at the most", option, arg, VPS_ADDRS_MAX);
	addrs[(*count)++] = addr;
}

static void take_gateway(const char *arg)
{
	struct vps_vnet *vnet = &request.vnet;

	if (vnet->gateway_count == VPS_GATEWAYS_MAX)
		cli_usage("--gateway='%s': one of each family at the most", arg);
	if (vps_parse_gateway(arg, &vnet->gateways[vnet->gateway_count]))
		cli_usage("--gateway='%s': not an address without prefix", arg);
	if (vnet->gateway_count++ && vnet->gateways[0].family == vnet->gateways[1].family)
		cli_usage("--gateway='%s': one of each family at the most", arg);
}

static uint64_t take_rate(const char *option, const char *arg)
{
	uint64_t rate = 0;
	int err = strcmp(arg, "none") ? vps_parse_rate(arg, &rate) : 0;

	if (err == -ERANGE)
		cli_usage("--%s='%s': not from 8K to 1T", option, arg);
	if (err)
		cli_usage("--%s='%s': not bits a second, as 512K, 100M or 1G", option, arg);
	return rate;
}

static void take_option(int option, char *arg)
{
	struct vps_vnet *vnet = &request.vnet;

	seen |= BIT(option);
	switch (option) {
	case OPT_CTX: request.ctx = cli_parse_ctx(arg, VPS_ID_MIN); break;
	case OPT_BRIDGE:
		if (!vps_is_device(arg))
			cli_usage("--bridge='%s': not a name of a device", arg);
		snprintf(vnet->bridge, sizeof(vnet->bridge), "%s", arg);
		break;
	case OPT_IP: take_addr("ip", arg, vnet->addrs, &vnet->addr_count); break;
	case OPT_DEL: take_addr("del", arg, request.gone, &request.gone_count); break;
	case OPT_GATEWAY: take_gateway(arg); break;
	case OPT_MTU:
		if (vps_parse_mtu(arg, &vnet->mtu))
			cli_usage("--mtu='%s': not a number from 576 to 65535", arg);
		break;
	case OPT_RATE_MIN: vnet->rate_min = take_rate("rate-min", arg); break;
	case OPT_RATE_MAX: vnet->rate_max = take_rate("rate-max", arg); break;
	case OPT_RATE_LINK: vnet->rate_link = take_rate("rate-link", arg); break;
	}
	free(arg);
}

static void check(int count)
{
	const struct verb *verb = request.verb;
	const struct vps_vnet *vnet = &request.vnet;

	if (count)
		cli_usage("takes an action and options only");
	if (seen & ~(verb->takes | verb->needs))
		cli_usage("%s does not take all of these options", verb->name);
	if (verb->needs & ~seen)
		cli_usage("%s needs --ctx%s", verb->name,
			  verb->needs & BIT(OPT_BRIDGE) ? " and --bridge" : "");
	if (verb->run == set && seen == BIT(OPT_CTX))
		cli_usage("set: nothing to set was given");
	if (!verb->table && request.format != CLI_TABLE)
		cli_usage("--json and --raw are for list");
	if (vnet->rate_max && vnet->rate_max != VPS_RATE_KEEP &&
	    vnet->rate_min != VPS_RATE_KEEP && vnet->rate_min > vnet->rate_max)
		cli_usage("--rate-min is above --rate-max");
}

static void parse(int argc, char **argv)
{
	const char *action = cli_action(&argc, argv);
	poptContext popt = cli_options(argc, argv, options, "ACTION");
	const char **operands;
	int option, count;

	while ((option = cli_next(popt)) > 0)
		take_option(option, cli_arg(popt));
	operands = cli_operands(popt, &count);
	if (!action && count) {
		action = *operands;
		count--;
	}
	request.verb = find_verb(action);
	check(count);
}

int main(int argc, char **argv)
{
	struct vps_host *host;
	struct vps_fault fault;
	int err;

	cli_init("vnet", CLI_FAILED, CLI_USAGE);
	parse(argc, argv);
	host = cli_host();
	err = request.verb->run(host, &fault);
	if (err && err != -ECANCELED && request.ctx && !*fault.object)
		snprintf(fault.object, sizeof(fault.object), "context %u", request.ctx);
	if (err && err != -ECANCELED)
		cli_warn_fault(err, &fault);
	vps_host_close(host);
	return err ? CLI_FAILED : CLI_OK;
}
