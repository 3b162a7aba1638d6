// SPDX-License-Identifier: GPL-2.0-or-later
/* What has been understood of a foreign configuration, and what of it is lost. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "cli.h"
#include "foreign.h"

/* Longer values are shown by their beginning. */
#define SHOWN_MAX 60
#define WHY_SIZE sizeof(((struct vps_config_error *)0)->text)

static const char *const keys[FOREIGN_KEYS] = {
	"S_CONTEXT", "S_HOSTNAME", "S_DOMAINNAME", "S_FLAGS", "S_CAPS", "IPROOT", "IPROOTDEV",
	"IPROOTBCAST", "INIT", "ONBOOT", "ULIMIT", "LIMIT_PROC", "LIMIT_VM", "LIMIT_RSS",
	"LIMIT_FILES", "LIMIT_DISK", "LIMIT_INODES", NULL,
};

static void tell(struct foreign *f, bool refused, const char *format, va_list args)
{
	struct foreign_note note = { .where = f->where ?: "", .line = f->line,
				     .refused = refused };

	f->refused |= refused;
	(void)vsnprintf(note.text, sizeof(note.text), format, args);
	if (f->tell)
		f->tell(&note, f->data);
}

void foreign_lost(struct foreign *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(f, false, format, args);
	va_end(args);
}

void foreign_refuse(struct foreign *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(f, true, format, args);
	va_end(args);
}

/* The key's value, where to change it. */
static char **find(struct foreign *f, const char *key)
{
	for (size_t i = 0; i < FOREIGN_KEYS && keys[i]; i++)
		if (!strcmp(keys[i], key))
			return &f->values[i];
	abort();
}

const char *foreign_get(const struct foreign *f, const char *key)
{
	return *find((struct foreign *)f, key);
}

static void keep_text(const struct vps_config_error *err, void *data)
{
	snprintf(data, WHY_SIZE, "%s", err->text);
}

/* Would vps.conf(5) take it? Else *why is what its parser says. */
static bool is_taken(const char *key, const char *value, char *why)
{
	struct vps_config *config = NULL;
	int fd = memfd_create("value", MFD_CLOEXEC), err;

	if (fd < 0)
		cli_die(cli.failed, -errno, "configuration");
	/* Neither quotes nor anything else that a shell knows has a place in any value. */
	snprintf(why, WHY_SIZE, "%s='%.*s': cannot be a value", key, SHOWN_MAX, value);
	if (strpbrk(value, "\"'$`\\\n") || dprintf(fd, "%s=\"%s\"\n", key, value) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		err = -EINVAL;
	else
		err = vps_config_parse(fd, keep_text, why, &config);
	close(fd);
	vps_config_free(config);
	return !err;
}

static char *copy_of(const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		cli_die(cli.failed, -ENOMEM, "configuration");
	return copy;
}

void foreign_set(struct foreign *f, const char *key, const char *value)
{
	char why[WHY_SIZE];
	char **slot = find(f, key);

	if (*value && !is_taken(key, value, why)) {
		foreign_lost(f, "%s: not carried over", why);
		return;
	}
	free(*slot);
	*slot = *value ? copy_of(value) : NULL;
}

void foreign_add(struct foreign *f, const char *key, const char *word)
{
	const char *before = foreign_get(f, key);
	char *list;

	if (asprintf(&list, "%s%s%s", before ?: "", before ? " " : "", word) < 0)
		cli_die(cli.failed, -ENOMEM, "configuration");
	foreign_set(f, key, list);
	free(list);
}

void foreign_add_flag(struct foreign *f, const char *flag)
{
	static const char *const same[] = { "lock", "sched", "nproc", "private" };

	/* Each VPS has a first process of its own. */
	if (!strcmp(flag, "fakeinit"))
		return;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		if (!strcmp(flag, same[i])) {
			foreign_add(f, "S_FLAGS", flag);
			return;
		}
	foreign_lost(f, "flag '%.*s': has no counterpart", SHOWN_MAX, flag);
}

void foreign_add_cap(struct foreign *f, const char *cap)
{
	bool without = *cap == '~' || *cap == '!';
	const char *name = cap + without;
	char word[64];
	int number;

	if (vps_parse_cap(name, &number)) {
		foreign_lost(f, "capability '%.*s': there is none of this name", SHOWN_MAX, cap);
		return;
	}
	snprintf(word, sizeof(word), "%s%s", without ? "!" : "", name);
	foreign_add(f, "S_CAPS", word);
}

/* ---- addresses ------------------------------------------------------------------ */

void foreign_add_addr(struct foreign *f, struct foreign_addrs *addrs, const char *addr,
		      const char *device, const char *mask)
{
	char word[160];
	struct vps_addr parsed;
	const char *slash = !*mask || strchr(addr, '/') ? "" : "/";

	if ((size_t)snprintf(word, sizeof(word), "%s%s%s", addr, slash,
			     *slash ? mask : "") >= sizeof(word) ||
	    vps_parse_addr(word, &parsed)) {
		foreign_refuse(f, "'%.*s': is no address that a VPS can have", SHOWN_MAX, word);
		return;
	}
	if (*device && !strchr(word, '/'))
		foreign_lost(f, "%s: has no netmask: on %s it is alone in its network, where it "
			     "was in that of the device", word, device);
	if (!addrs->any)
		snprintf(addrs->device, sizeof(addrs->device), "%s", device);
	else if (strcmp(addrs->device, device))
		addrs->several = true;
	addrs->any = true;
	foreign_add(f, "IPROOT", word);
}

void foreign_end_addrs(struct foreign *f, const struct foreign_addrs *addrs,
		       const char *broadcast)
{
	if (!addrs->any)
		return;
	if (addrs->several) {
		foreign_lost(f, "addresses on several devices: IPROOTDEV is one; the host must "
			     "have them before the VPS starts");
		return;
	}
	foreign_set(f, "IPROOTDEV", addrs->device);
	if (*addrs->device)
		foreign_set(f, "IPROOTBCAST", broadcast);
}

/* ---- the whole ------------------------------------------------------------------ */

void foreign_print(const struct foreign *f, FILE *out)
{
	for (size_t i = 0; i < FOREIGN_KEYS; i++)
		if (f->values[i])
			fprintf(out, "%s=\"%s\"\n", keys[i], f->values[i]);
}

void foreign_free(struct foreign *f)
{
	for (size_t i = 0; i < FOREIGN_KEYS; i++) {
		free(f->values[i]);
		f->values[i] = NULL;
	}
}
