// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"

static void add_addr(struct cli_addrs *addrs, const struct vps_addr *addr)
{
	if (addrs->count == VPS_ADDRS_MAX)
		cli_usage("--ip: more than %d addresses", VPS_ADDRS_MAX);
	addrs->items[addrs->count++] = *addr;
}

static void add_device(struct cli_addrs *addrs, const char *word)
{
	struct vps_addr *found;
	size_t count;
	int err = vps_device_addrs(word, &found, &count);

	if (err == -ENODEV)
		cli_usage("--ip='%s': neither an address nor a device", word);
	if (err)
		cli_die(cli.failed, err, "--ip='%s'", word);
	if (!count)
		cli_die(cli.failed, 0, "--ip='%s': the device has no address", word);
	for (size_t i = 0; i < count; i++)
		add_addr(addrs, &found[i]);
	free(found);
}

void cli_take_ip(struct cli_addrs *addrs, char *word)
{
	struct vps_addr addr;
	int err = vps_parse_addr(word, &addr);

	if (err == -EDOM)
		cli_usage("--ip='%s': no VPS can have this address", word);
	if (err == -ERANGE)
		cli_usage("--ip='%s': there is no such prefix", word);
	if (!err)
		add_addr(addrs, &addr);
	else if (strpbrk(word, "/:") || !word[strspn(word, "0123456789.")])
		cli_usage("--ip='%s': not an address", word);
	else
		add_device(addrs, word);
	free(word);
}

void cli_take_broadcast(struct cli_addrs *addrs, char *word)
{
	/* Of every kind but those that a VPS could have, an address of IPv4 is a broadcast one. */
	if (vps_parse_addr(word, &addrs->broadcast) || addrs->broadcast.family != AF_INET ||
	    addrs->broadcast.prefix != 32)
		cli_usage("--bcast='%s': not an address of IPv4", word);
	free(word);
}

void cli_check_addrs(const struct cli_addrs *addrs)
{
	if (addrs->device && !addrs->count)
		cli_usage("--dev goes with --ip");
	if (addrs->broadcast.family && !addrs->device)
		cli_usage("--bcast goes with --dev");
}

int cli_set_addrs(struct vps_host *host, uint32_t id, const struct cli_addrs *addrs,
		  enum vps_addrs_change change)
{
	const struct vps_addr_spec spec = {
		.change = change, .addrs = addrs->items, .count = addrs->count,
		.device = addrs->device,
		.broadcast = addrs->broadcast.family ? &addrs->broadcast : NULL,
	};
	struct vps_fault fault;
	int err = vps_context_set_addrs(host, id, &spec, &fault);

	if (err)
		cli_warn_fault(err, &fault);
	return err;
}
