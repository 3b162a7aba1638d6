// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A context's device as its group remembers it, in words: bridge, index of the bridge, of the
 * host's end, MTU, rates (warranted, at the most, of the whole), addresses, "via", gateways.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "util.h"
#include "vnet.h"

#define NOTE_MAX ((VPS_ADDRS_MAX + VPS_GATEWAYS_MAX + 4) * VPS_ADDR_TEXT_MAX)

static size_t put_addr(char *text, size_t len, const struct vps_addr *addr, bool prefix)
{
	char word[VPS_ADDR_TEXT_MAX];

	if (prefix)
		vps_format_addr_prefix(addr, word);
	else
		vps_format_addr(addr, word);
	return len + (size_t)snprintf(text + len, NOTE_MAX - len, " %s", word);
}

int vps_vnet_write(int group, const struct vps_vnet_note *note)
{
	const struct vps_vnet *vnet = &note->vnet;
	char text[NOTE_MAX];
	size_t len = (size_t)snprintf(text, sizeof(text),
				      "%s %d %d %u %" PRIu64 " %" PRIu64 " %" PRIu64,
				      vnet->bridge, note->bridge, note->port, vnet->mtu,
				      vnet->rate_min, vnet->rate_max, vnet->rate_link);

	for (size_t i = 0; i < vnet->addr_count; i++)
		len = put_addr(text, len, &vnet->addrs[i], true);
	len += (size_t)snprintf(text + len, sizeof(text) - len, " via");
	for (size_t i = 0; i < vnet->gateway_count; i++)
		len = put_addr(text, len, &vnet->gateways[i], false);
	return vps_attr_set(group, VPS_ATTR_VNET, text);
}

int vps_vnet_forget(int group)
{
	return vps_attr_set(group, VPS_ATTR_VNET, "");
}

/* Addresses up to "via", gateways behind it. */
static int read_addrs(char *words, struct vps_vnet *vnet)
{
	bool via = false;
	char *rest, *word;
	int rc = 0;

	for (word = strtok_r(words, " ", &rest); word && !rc; word = strtok_r(NULL, " ", &rest)) {
		if (!strcmp(word, "via"))
			via = true;
		else if (!via && vnet->addr_count < VPS_ADDRS_MAX)
			rc = vps_parse_addr(word, &vnet->addrs[vnet->addr_count++]);
		else if (via && vnet->gateway_count < VPS_GATEWAYS_MAX)
			rc = vps_parse_gateway(word, &vnet->gateways[vnet->gateway_count++]);
	}
	return rc || !via ? -ENODATA : 0;
}

int vps_vnet_read(int group, struct vps_vnet_note *ret_note)
{
	struct vps_vnet_note note = { 0 };
	struct vps_vnet *vnet = &note.vnet;
	char text[NOTE_MAX];
	int at = 0, rc = vps_attr_get(group, VPS_ATTR_VNET, text, sizeof(text));

	if (rc)
		return rc;
	if (sscanf(text, "%15s %d %d %u %" SCNu64 " %" SCNu64 " %" SCNu64 "%n", vnet->bridge,
		   &note.bridge, &note.port, &vnet->mtu, &vnet->rate_min, &vnet->rate_max,
		   &vnet->rate_link, &at) != 7 || !at)
		return -ENODATA;
	rc = read_addrs(text + at, vnet);
	if (!rc)
		*ret_note = note;
	return rc;
}

/* ---- names -------------------------------------------------------------------------- */

void vps_vnet_port_name(uint32_t id, char name[IFNAMSIZ])
{
	snprintf(name, IFNAMSIZ, "vps%u", id);
}

/* Only while it waits for the VPS's first process. */
void vps_vnet_peer_name(uint32_t id, char name[IFNAMSIZ])
{
	snprintf(name, IFNAMSIZ, "vpsi%u", id);
}

/* Of those that everybody may give himself, and by the context's number no two are the same. */
void vps_vnet_peer_mac(uint32_t id, unsigned char mac[VPS_MAC_LEN])
{
	const unsigned char bytes[VPS_MAC_LEN] = {
		0x02, 'v', 'p', 's', (unsigned char)(id >> 8), (unsigned char)id,
	};

	memcpy(mac, bytes, VPS_MAC_LEN);
}

/* High, since a bridge takes the lowest of its ports for its own, which then would change. */
void vps_vnet_port_mac(uint32_t id, unsigned char mac[VPS_MAC_LEN])
{
	vps_vnet_peer_mac(id, mac);
	mac[0] = 0xfe;
}

bool vps_vnet_is_port(const struct vps_link *link, uint32_t *ret_id)
{
	unsigned char mac[VPS_MAC_LEN];
	uint32_t id;

	if (strncmp(link->name, "vps", 3) || vps_parse_id(link->name + 3, &id) ||
	    strcmp(link->kind, "veth"))
		return false;
	vps_vnet_port_mac(id, mac);
	if (memcmp(mac, link->mac, VPS_MAC_LEN) != 0)
		return false;
	*ret_id = id;
	return true;
}
