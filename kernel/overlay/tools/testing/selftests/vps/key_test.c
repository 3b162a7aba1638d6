// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys have numbers that are the same for all, and users whom several contexts may have: a key
 * is of the context that made it, and the host reaches all.
 */
#include <linux/keyctl.h>

#include "vps_test.h"

#define NAME "vps-selftest"
#define TEXT "a secret"
#define ALL_PERMISSIONS 0x3f3f3f3f

static long keyctl(int command, long a, long b, long c, long d)
{
	return syscall(__NR_keyctl, command, a, b, c, d);
}

static long add_key(const char *type, const char *text, long ring)
{
	return syscall(__NR_add_key, type, NAME, text, text ? strlen(text) : 0, ring);
}

/* Gives the number of a new key of which its user may do everything, also who has it not. */
static long make(const char *type, const char *text)
{
	long key = add_key(type, text, KEY_SPEC_SESSION_KEYRING);

	if (key < 0 || keyctl(KEYCTL_SETPERM, key, ALL_PERMISSIONS, 0, 0))
		return -errno;
	return key;
}

static long act_make(long unused)
{
	return make("user", TEXT);
}

static long act_make_ring(long unused)
{
	long ring = make("keyring", NULL), key;

	if (ring < 0)
		return ring;
	key = add_key("user", TEXT, ring);
	return key < 0 || keyctl(KEYCTL_SETPERM, key, ALL_PERMISSIONS, 0, 0) ? -errno : ring;
}

/* One of its own, instead of that which the host has given it. */
static long act_join(long unused)
{
	return outcome(keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
}

/* ---- operations on a key ---- */

static long act_read(long key)
{
	char text[sizeof(TEXT)] = "";

	if (keyctl(KEYCTL_READ, key, (long)text, sizeof(text), 0) < 0)
		return -errno;
	return strcmp(text, TEXT) ? -EPROTO : 0;
}

static long act_describe(long key)
{
	char text[128];

	return outcome(keyctl(KEYCTL_DESCRIBE, key, (long)text, sizeof(text), 0));
}

static long act_label(long key)
{
	char text[128];

	return outcome(keyctl(KEYCTL_GET_SECURITY, key, (long)text, sizeof(text), 0));
}

static long act_find(long key)
{
	return outcome(keyctl(KEYCTL_GET_KEYRING_ID, key, 0, 0, 0));
}

static long act_update(long key)
{
	return outcome(keyctl(KEYCTL_UPDATE, key, (long)TEXT, strlen(TEXT), 0));
}

static long act_link(long key)
{
	if (keyctl(KEYCTL_LINK, key, KEY_SPEC_PROCESS_KEYRING, 0, 0))
		return -errno;
	return outcome(keyctl(KEYCTL_UNLINK, key, KEY_SPEC_PROCESS_KEYRING, 0, 0));
}

static long act_chown(long key)
{
	return outcome(keyctl(KEYCTL_CHOWN, key, getuid(), -1, 0));
}

static long act_setperm(long key)
{
	return outcome(keyctl(KEYCTL_SETPERM, key, ALL_PERMISSIONS, 0, 0));
}

static long act_timeout(long key)
{
	return outcome(keyctl(KEYCTL_SET_TIMEOUT, key, 0, 0, 0));
}

static long act_revoke(long key)
{
	return outcome(keyctl(KEYCTL_REVOKE, key, 0, 0, 0));
}

static long act_invalidate(long key)
{
	return outcome(keyctl(KEYCTL_INVALIDATE, key, 0, 0, 0));
}

/* ---- operations on a keyring ---- */

static long act_ring_read(long ring)
{
	__u32 keys[8];

	return outcome(keyctl(KEYCTL_READ, ring, (long)keys, sizeof(keys), 0));
}

static long act_ring_search(long ring)
{
	return outcome(keyctl(KEYCTL_SEARCH, ring, (long)"user", (long)NAME, 0));
}

static long act_ring_add(long ring)
{
	return outcome(add_key("user", TEXT, ring));
}

static long act_ring_link(long ring)
{
	if (keyctl(KEYCTL_LINK, ring, KEY_SPEC_PROCESS_KEYRING, 0, 0))
		return -errno;
	return outcome(keyctl(KEYCTL_UNLINK, ring, KEY_SPEC_PROCESS_KEYRING, 0, 0));
}

static long act_ring_clear(long ring)
{
	return outcome(keyctl(KEYCTL_CLEAR, ring, 0, 0, 0));
}

static long act_ring_restrict(long ring)
{
	return outcome(keyctl(KEYCTL_RESTRICT_KEYRING, ring, 0, 0, 0));
}

static const struct operation {
	const char *name;
	long (*make)(long unused);
	long (*act)(long key);
	int refused;	/* how it fails for strangers */
	bool ends;	/* it is of no use afterwards */
} operations[] = {
	{ "read", act_make, act_read, ENOKEY },
	{ "describe", act_make, act_describe, EACCES },
	{ "label", act_make, act_label, ENOKEY },
	{ "find", act_make, act_find, EACCES },
	{ "update", act_make, act_update, EACCES },
	{ "link", act_make, act_link, EACCES },
	{ "chown", act_make, act_chown, EACCES },
	{ "setperm", act_make, act_setperm, EACCES },
	{ "timeout", act_make, act_timeout, EACCES },
	{ "revoke", act_make, act_revoke, EACCES, .ends = true },
	{ "invalidate", act_make, act_invalidate, EACCES, .ends = true },
	{ "read ring", act_make_ring, act_ring_read, ENOKEY },
	{ "search", act_make_ring, act_ring_search, EACCES },
	{ "add", act_make_ring, act_ring_add, EACCES },
	{ "link ring", act_make_ring, act_ring_link, EACCES },
	{ "clear", act_make_ring, act_ring_clear, EACCES },
	{ "restrict", act_make_ring, act_ring_restrict, EACCES, .ends = true },
};

#define ACTORS 4

FIXTURE(keys)
{
	struct places places;
	struct actor *actors[ACTORS];	/* the host is the last */
};

FIXTURE_VARIANT(keys)
{
	uid_t user;
	__u64 spaces;
};

FIXTURE_VARIANT_ADD(keys, root) {};
FIXTURE_VARIANT_ADD(keys, user) { .user = SOMEBODY };
FIXTURE_VARIANT_ADD(keys, root_in_namespaces) { .spaces = SPACES };
FIXTURE_VARIANT_ADD(keys, user_in_namespaces) { .user = SOMEBODY, .spaces = SPACES };

FIXTURE_SETUP(keys)
{
	if (is_no_call(act_find(KEY_SPEC_SESSION_KEYRING)))
		SKIP(return, "requires a kernel with CONFIG_KEYS");
	ASSERT_EQ(0, places_make(&self->places, variant->user, variant->spaces));
	self->actors[0] = &self->places.in_one;
	self->actors[1] = &self->places.in_two;
	self->actors[2] = &self->places.in_all;
	self->actors[3] = &self->places.host;
	for (int i = 0; i < ACTORS; i++)
		ASSERT_EQ(0, actor_do(self->actors[i], act_join, 0));
}

FIXTURE_TEARDOWN(keys)
{
	EXPECT_TRUE(places_end(&self->places));
}

/* The host is the last who tries, the maker the last but one, so that there is something left. */
TEST_F(keys, by_number)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct operation *op = &operations[i];

		for (int maker = 0; maker < ACTORS; maker++) {
			long key = actor_do(self->actors[maker], op->make, 0);

			ASSERT_LT(0, key)
				TH_LOG("%s: %ld of %d", op->name, key, maker);
			for (int i = 0; i < ACTORS - 1; i++) {
				if (i == maker)
					continue;
				EXPECT_EQ(-op->refused, actor_do(self->actors[i], op->act, key))
					TH_LOG("%s by %d of %d", op->name, i, maker);
			}
			if (!op->ends) {
				EXPECT_EQ(0, actor_do(self->actors[maker], op->act, key))
					TH_LOG("%s by %d", op->name, maker);
			}
			EXPECT_EQ(0, actor_do(&self->places.host, op->act, key))
				TH_LOG("%s by the host of %d", op->name, maker);
		}
	}
}

TEST_F(keys, ended_by_ones_own)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct operation *op = &operations[i];

		for (int maker = 0; op->ends && maker < ACTORS; maker++) {
			long key = actor_do(self->actors[maker], op->make, 0);

			EXPECT_EQ(0, actor_do(self->actors[maker], op->act, key))
				TH_LOG("%s by %d", op->name, maker);
		}
	}
}

static long act_listed(long key)
{
	FILE *list = fopen("/proc/keys", "re");
	unsigned int number;
	char line[256];
	long found = 0;

	if (!list)
		return -errno;
	while (fgets(line, sizeof(line), list))
		found += sscanf(line, "%x ", &number) == 1 && number == key;
	fclose(list);
	return found;
}

TEST_F(keys, listed)
{
	for (int maker = 0; maker < ACTORS; maker++) {
		long key = actor_do(self->actors[maker], act_make, 0);

		ASSERT_LT(0, key);
		for (int actor = 0; actor < ACTORS; actor++) {
			EXPECT_EQ(actor == maker || actor == ACTORS - 1,
				  actor_do(self->actors[actor], act_listed, key))
				TH_LOG("by %d of %d", actor, maker);
		}
	}
}

static long act_join_by_name(long unused)
{
	long ring = keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)NAME, 0, 0, 0);

	if (ring < 0 || keyctl(KEYCTL_SETPERM, ring, ALL_PERMISSIONS, 0, 0))
		return -errno;
	return ring;
}

/* 0 when that is what it has already. */
static long act_join_again(long unused)
{
	return keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)NAME, 0, 0, 0);
}

/* The same name is another ring for each. */
TEST_F(keys, joined_by_name)
{
	long rings[ACTORS];

	/* The host first: it would find those of others, which are its to find. */
	for (int i = ACTORS - 1; i >= 0; i--) {
		rings[i] = actor_do(self->actors[i], act_join_by_name, 0);
		ASSERT_LT(0, rings[i])
			TH_LOG("by %d", i);
		for (int j = i + 1; j < ACTORS; j++) {
			EXPECT_NE(rings[j], rings[i])
				TH_LOG("%d and %d", i, j);
		}
		EXPECT_EQ(0, actor_do(self->actors[i], act_join_again, 0))
			TH_LOG("by %d", i);
	}
}

static long act_add_to_users(long unused)
{
	return outcome(add_key("user", TEXT, KEY_SPEC_USER_KEYRING));
}

/* A user of two contexts is one user, unless their namespaces differ: who comes first has it. */
TEST_F(keys, of_users)
{
	ASSERT_EQ(0, actor_do(&self->places.host, act_add_to_users, 0));
	EXPECT_EQ(variant->spaces ? 0 : -ENOKEY,
		  actor_do(&self->places.in_one, act_add_to_users, 0));
	EXPECT_EQ(-ENOKEY, actor_do(&self->places.in_all, act_add_to_users, 0));
}

/* ---- what is inherited ---- */

static long act_request(long unused)
{
	return outcome(syscall(__NR_request_key, "user", NAME, NULL, 0));
}

FIXTURE(inherited)
{
	long before;
	struct context one;
	struct actor inside;
	struct actor host;
};

FIXTURE_VARIANT(inherited)
{
	uid_t user;
};

FIXTURE_VARIANT_ADD(inherited, root) {};
FIXTURE_VARIANT_ADD(inherited, user) { .user = SOMEBODY };

FIXTURE_SETUP(inherited)
{
	if (is_no_call(act_join(0)))
		SKIP(return, "requires a kernel with CONFIG_KEYS");
	self->before = tests_begin();
	ASSERT_LE(0, self->before);
	ASSERT_EQ(0, context_make(&self->one, ONE, 0));
	ASSERT_LT(0, act_make(0));
	ASSERT_EQ(0, keyctl(KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, ALL_PERMISSIONS, 0, 0));
	ASSERT_EQ(0, actor_start(&self->inside, &self->one));
	ASSERT_EQ(0, actor_start(&self->host, NULL));
	ASSERT_EQ(0, actor_do(&self->inside, act_open_up, variant->user));
	ASSERT_EQ(0, actor_do(&self->host, act_open_up, variant->user));
}

FIXTURE_TEARDOWN(inherited)
{
	actor_end(&self->inside);
	actor_end(&self->host);
	EXPECT_TRUE(tests_end(self->before));
}

TEST_F(inherited, session)
{
	static const struct {
		long (*act)(long ring);
		int refused;
	} acts[] = {
		{ act_ring_read, ENOKEY }, { act_ring_search, EACCES }, { act_ring_add, EACCES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		EXPECT_EQ(0, actor_do(&self->host, acts[i].act, KEY_SPEC_SESSION_KEYRING))
			TH_LOG("%zu", i);
		EXPECT_EQ(-acts[i].refused,
			  actor_do(&self->inside, acts[i].act, KEY_SPEC_SESSION_KEYRING))
			TH_LOG("%zu", i);
	}
	EXPECT_EQ(0, actor_do(&self->host, act_request, 0));
	EXPECT_EQ(-EACCES, actor_do(&self->inside, act_request, 0));
	ASSERT_EQ(0, actor_do(&self->inside, act_join, 0));
	EXPECT_EQ(-ENOKEY, actor_do(&self->inside, act_request, 0));
	EXPECT_LT(0, actor_do(&self->inside, act_make, 0));
	EXPECT_EQ(0, actor_do(&self->inside, act_request, 0));
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		EXPECT_EQ(0, actor_do(&self->inside, acts[i].act, KEY_SPEC_SESSION_KEYRING))
			TH_LOG("%zu", i);
	}
}

TEST_HARNESS_MAIN
