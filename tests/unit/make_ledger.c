// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_ledger FILE: a ledger for tests of the tools. Lines "TIME CTX NAME CLASS IN OUT" on stdin,
 * in the order of TIME (seconds since 1970), say what is new; each TIME is one harvest. NAME - is
 * none, CLASS one of other, local, peer.
 */
#include <inttypes.h>

#include "ledger.h"

static struct fake_account *find(struct fake *fake, uint32_t id, const char *name)
{
	for (size_t i = 0; i < fake->account_count; i++)
		if (fake->accounts[i].id == id && !strcmp(fake->accounts[i].name, name))
			return &fake->accounts[i];
	must(fake->account_count < FAKE_ACCOUNTS, "too many accounts");
	return fake_account(fake, fake->account_count + 1, id, name);
}

static size_t find_class(const struct fake *fake, const char *name)
{
	size_t i = 0;

	while (i < fake->class_count && strcmp(fake->classes[i], name))
		i++;
	must(i < fake->class_count, name);
	return i;
}

static void harvest(struct vps_ledger *ledger, struct fake *fake, uint64_t time)
{
	struct vps_harvest_source source = fake_source(fake);
	struct vps_fault fault = { .step = "" };
	struct vps_harvest done;

	must(!vps_ledger_harvest(ledger, &source, time, &done, &fault), "harvest");
	/* Who has no line in an hour is not there in it. */
	for (size_t i = 0; i < fake->account_count; i++)
		fake->accounts[i].is_forgotten = true;
}

int main(int argc, char **argv)
{
	struct vps_fault fault = { .step = "" };
	uint64_t time, last = 0, in, out;
	struct vps_ledger *ledger;
	char name[65], class[33];
	struct fake fake;
	uint32_t id;

	must(argc == 2, "usage: make_ledger FILE");
	must(!vps_ledger_open(argv[1], true, 1000, &ledger, &fault), argv[1]);
	fake_init(&fake);
	while (scanf("%" SCNu64 " %" SCNu32 " %64s %32s %" SCNu64 " %" SCNu64, &time, &id, name,
		     class, &in, &out) == 6) {
		if (last && time != last)
			harvest(ledger, &fake, last);
		/* What a ledger has from an earlier call was counted by other counters. */
		fake.epoch = last ? fake.epoch : time;
		last = time;
		fake_count(find(&fake, id, strcmp(name, "-") ? name : ""),
			   find_class(&fake, class), in, out);
	}
	if (last)
		harvest(ledger, &fake, last);
	must(feof(stdin), "a line that is none");
	vps_ledger_close(ledger);
	return 0;
}
