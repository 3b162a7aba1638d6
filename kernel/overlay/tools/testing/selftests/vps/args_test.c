// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input: what is no command, no number, no structure, or not the caller's memory; and that
 * nothing comes back but what was asked for. The same for 64 and for 32 bits.
 */
#include <pthread.h>
#include "vps_test.h"

#define A 100

/* Three pages that both doors reach; the last is not there. */
static unsigned char *pages;
static long page_size;

static void make_pages(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

#ifdef __x86_64__
	flags |= MAP_32BIT;
#endif
	page_size = sysconf(_SC_PAGESIZE);
	pages = mmap(NULL, 3 * page_size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (pages != MAP_FAILED)
		munmap(pages + 2 * page_size, page_size);
}

/* What is at the very end of what is mapped. */
static void *at_end(size_t size)
{
	return pages + 2 * page_size - size;
}

/* ---- the commands that take a structure ---- */

/* With zeros behind the size, each of them does nothing, or fails as said here. */
static const struct call {
	const char *what;
	__u32 cmd;
	size_t size;
	long zeros;
} calls[] = {
	{ "create", SET(CPU, CONTEXT), sizeof(struct vps_create), -EBADF },
	{ "set flags", SET(CPU, FLAGS), sizeof(struct vps_flags), 0 },
	{ "get flags", GET(CPU, FLAGS), sizeof(struct vps_flags), 0 },
	{ "migrate", SET(PROCESS, MIGRATE), sizeof(struct vps_migrate), -EBADF },
	{ "set caps", SET(PROCESS, CAPS), sizeof(struct vps_caps), 0 },
	{ "get caps", GET(PROCESS, CAPS), sizeof(struct vps_caps), 0 },
	{ "set stop", SET(PROCESS, STOP), sizeof(struct vps_switch), 0 },
	{ "get stop", GET(PROCESS, STOP), sizeof(struct vps_switch), 0 },
	{ "signal", SET(PROCESS, ALL), sizeof(struct vps_signal), 0 },
	{ "count", GET(PROCESS, ALL), sizeof(struct vps_processes), 0 },
	{ "set init", SET(PROCESS, INIT), sizeof(struct vps_init), 0 },
	{ "get init", GET(PROCESS, INIT), sizeof(struct vps_init), 0 },
	{ "set threads", SET(PROCESS, MAX), sizeof(struct vps_bounds), 0 },
	{ "get threads", GET(PROCESS, MAX), sizeof(struct vps_counted), 0 },
	{ "set files", SET(VFS, FILES), sizeof(struct vps_bounds), 0 },
	{ "get files", GET(VFS, FILES), sizeof(struct vps_counted), 0 },
	{ "set space", SET(MEMORY, TOTAL), sizeof(struct vps_bounds), 0 },
	{ "get space", GET(MEMORY, TOTAL), sizeof(struct vps_counted), 0 },
	{ "set connections", SET(OTHER, TCP), sizeof(struct vps_bounds), 0 },
	{ "get connections", GET(OTHER, TCP), sizeof(struct vps_counted), 0 },
	{ "forget", SET(OTHER, FORGET), sizeof(struct vps_forget), -ENOENT },
	{ "make device", SET(VNET, DEVICE), sizeof(struct vps_device), -EINVAL },
	{ "attach device", SET(VNET, ATTACH), sizeof(struct vps_device), -EINVAL },
	{ "destroy device", SET(VNET, DESTROY), sizeof(struct vps_device), -EINVAL },
	{ "set rates", SET(VNET, QOS), sizeof(struct vps_qos), -EINVAL },
	{ "new context", SET(COMPAT, NEW_CONTEXT), sizeof(struct vps_new_context), -EBADF },
	{ "network", SET(COMPAT, NETWORK), sizeof(struct vps_addresses), 0 },
	{ "limits", SET(COMPAT, LIMITS), sizeof(struct vps_limits), -EINVAL },
	{ "set policy", SET(CPU, POLICY), sizeof(struct vps_policy), -ENODATA },
};

static const struct call *const calls_end = calls + ARRAY_SIZE(calls);

static bool is_get(const struct call *call)
{
	return VC_SUBCAT(call->cmd) == VC_GET;
}

FIXTURE(args) {
	long before;
	struct context a;
	int nothing;
};

FIXTURE_VARIANT(args) {
	door call;
};

FIXTURE_VARIANT_ADD(args, native) { .call = vserver };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(args, i386) { .call = vserver_i386 };
#endif

FIXTURE_SETUP(args)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, context_make(&self->a, A, 0));
	make_pages();
	ASSERT_NE(MAP_FAILED, pages);
	/* So that the descriptor 0 is no group. */
	self->nothing = open("/dev/null", O_RDWR);
	if (self->nothing < 0)
		self->nothing = open("/proc/self/stat", O_RDONLY);
	ASSERT_LE(0, dup2(self->nothing, 0));
}

FIXTURE_TEARDOWN(args)
{
	EXPECT_TRUE(tests_end(self->before));
}

static void *zeros(void *place, const struct call *call, size_t size)
{
	memset(place, 0, call->size > size ? call->size : size);
	*(__u32 *)place = size;
	return place;
}

/* ---- the words ---- */

TEST_F(args, control)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		EXPECT_EQ(call->zeros, variant->call(call->cmd, A,
						     zeros(pages, call, call->size))) {
			TH_LOG("%s", call->what);
		}
	}
	EXPECT_EQ(0, variant->call(GET(CPU, CONTEXT), A, NULL));
	EXPECT_EQ(0, variant->call(GET(PROCESS, MIGRATE), 0, NULL));
	EXPECT_EQ(VPS_PATCH_VERSION, variant->call(0, 0, NULL));
}

TEST_F(args, reserved_bits)
{
	static const __u32 cmds[] = {
		0, GET(CPU, CONTEXT), SET(CPU, FLAGS), VC_CMD(VC_CAT_CPU, VC_VERSION, 0),
		VC_CMD(255, 0, 255), VC_CMD(VC_CAT_VNET, VC_SET, VC_VNET_QOS),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		for (int bit = 8; bit < 24; bit++) {
			if (bit == 21 || bit == 22)
				continue;
			EXPECT_EQ(-EINVAL, variant->call(cmds[i] | 1U << bit, A, NULL)) {
				TH_LOG("%#x and bit %d", cmds[i], bit);
			}
		}
}

TEST_F(args, unknown_commands)
{
	EXPECT_EQ(-EOPNOTSUPP, variant->call(VC_CMD(9, VC_SET, 1), A, NULL));
	EXPECT_EQ(-EOPNOTSUPP, variant->call(VC_CMD(255, VC_GET, 255), A, NULL));
	EXPECT_EQ(-EOPNOTSUPP, variant->call(VC_CMD(VC_CAT_CPU, 0, VC_CPU_CONTEXT), A, NULL));
	EXPECT_EQ(-EOPNOTSUPP, variant->call(VC_CMD(VC_CAT_CPU, VC_SET, 0), A, NULL));
	EXPECT_EQ(-EOPNOTSUPP, variant->call(VC_CMD(VC_CAT_CPU, VC_SET, 6), A, NULL));
	EXPECT_EQ(-EOPNOTSUPP, variant->call(VC_CMD(VC_CAT_CPU, VC_GET, VC_CPU_DESTROY), A, NULL));
	EXPECT_EQ(-EOPNOTSUPP, variant->call(VC_CMD(VC_CAT_CPU, VC_VERSION, 255), 0, NULL));
	EXPECT_EQ(-EOPNOTSUPP, variant->call(VC_CMD(9, VC_VERSION, 0), 0, NULL));
	EXPECT_EQ(0, variant->call(GET(CPU, CONTEXT), A, NULL));
}

TEST_F(args, numbers)
{
	static const __u32 bad[] = { 2, 65535, 65536, 0x10000 + A, 0x7fffffff, 0xffffffff };

	for (const struct call *call = calls; call < calls_end; call++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			EXPECT_EQ(-EINVAL, variant->call(call->cmd, bad[i],
							 zeros(pages, call, call->size))) {
				TH_LOG("%s %u", call->what, bad[i]);
			}
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, variant->call(GET(CPU, CONTEXT), bad[i], NULL));
		EXPECT_EQ(-EINVAL, variant->call(SET(CPU, DESTROY), bad[i], NULL));
		EXPECT_EQ(-EINVAL, variant->call(GET(PROCESS, MIGRATE), bad[i], NULL));
	}
	EXPECT_EQ(-ESRCH, variant->call(GET(CPU, CONTEXT), 1, NULL));
	EXPECT_EQ(-ESRCH, variant->call(SET(CPU, DESTROY), 1, NULL));
}

/* The whole system has a context, too, for who is to see it; it is not one of the servers'. */
TEST_F(args, number_1)
{
	struct vps_create *create = (void *)pages;

	memset(create, 0, sizeof(*create));
	create->size = sizeof(*create);
	create->cgroup_fd = group_make("1");
	EXPECT_EQ(0, variant->call(SET(CPU, CONTEXT), 1, create));
	EXPECT_EQ(0, variant->call(GET(CPU, CONTEXT), 1, NULL));
	EXPECT_EQ(self->before + 1, contexts());
	EXPECT_EQ(0, variant->call(SET(CPU, DESTROY), 1, NULL));
	EXPECT_EQ(-ESRCH, variant->call(GET(CPU, CONTEXT), 1, NULL));
}

TEST_F(args, data_where_there_are_none)
{
	memset(pages, 0, 64);
	EXPECT_EQ(-EINVAL, variant->call(GET(CPU, CONTEXT), A, pages));
	EXPECT_EQ(-EINVAL, variant->call(SET(CPU, DESTROY), A, pages));
	EXPECT_EQ(-EINVAL, variant->call(GET(PROCESS, MIGRATE), 0, pages));
	EXPECT_EQ(-EINVAL, variant->call(0, 0, pages));
	EXPECT_EQ(-EINVAL, variant->call(0, A, NULL));
	EXPECT_EQ(-EINVAL, variant->call(VC_CMD(VC_CAT_CPU, VC_VERSION, 0), A, NULL));
	EXPECT_EQ(-EINVAL, variant->call(VC_CMD(VC_CAT_CPU, VC_VERSION, 1), 0, pages));
	EXPECT_EQ(0, variant->call(GET(CPU, CONTEXT), A, NULL));
}

/* ---- the size ---- */

TEST_F(args, too_small)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		for (size_t size = 0; size < call->size; size++) {
			EXPECT_EQ(-EINVAL, variant->call(call->cmd, A, zeros(pages, call, size))) {
				TH_LOG("%s of %zu bytes", call->what, size);
			}
		}
	}
}

TEST_F(args, unaligned_size)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		for (size_t size = call->size + 1; size < call->size + 40; size++) {
			EXPECT_EQ(size % 4 ? -EINVAL : call->zeros,
				  variant->call(call->cmd, A, zeros(pages, call, size))) {
				TH_LOG("%s of %zu bytes", call->what, size);
			}
		}
	}
}

TEST_F(args, too_large)
{
	static const __u32 sizes[] = { 4, 4096, 8192, 0x7ffffffc, 0x80000000, 0xfffffffc };

	for (const struct call *call = calls; call < calls_end; call++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			__u32 size = i ? sizes[i] : page_size + sizes[i];

			memset(pages, 0, 2 * page_size);
			*(__u32 *)pages = size;
			EXPECT_EQ(size > page_size ? -E2BIG : call->zeros,
				  variant->call(call->cmd, A, pages)) {
				TH_LOG("%s of %u bytes", call->what, size);
			}
		}
	}
}

/* Who is newer than the kernel is heard as long as he says nothing that it does not know. */
TEST_F(args, tail)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		for (size_t at = call->size; at < call->size + 24; at++) {
			size_t size = call->size + 24;

			zeros(pages, call, size);
			EXPECT_EQ(call->zeros, variant->call(call->cmd, A, pages));
			if (is_get(call))
				continue;
			zeros(pages, call, size);
			pages[at] = 1;
			EXPECT_EQ(-E2BIG, variant->call(call->cmd, A, pages)) {
				TH_LOG("%s with a tail at %zu", call->what, at);
			}
		}
		/* At the end of a page that holds nothing else, too. */
		zeros(pages, call, page_size);
		pages[page_size - 1] = 1;
		EXPECT_EQ(is_get(call) ? 0 : -E2BIG, variant->call(call->cmd, A, pages));
	}
}

/* ---- the memory ---- */

static void *const nowhere[] = { NULL, (void *)8, (void *)0xfffff000, (void *)0xfffffffc };

TEST_F(args, no_memory)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
			EXPECT_EQ(-EFAULT, variant->call(call->cmd, A, nowhere[i])) {
				TH_LOG("%s at %p", call->what, nowhere[i]);
			}
		}
		EXPECT_EQ(-EFAULT, variant->call(call->cmd, A, pages + 2 * page_size));
	}
}

#ifdef __LP64__
TEST_F(args, the_kernels_memory)
{
	static void *const kernel[] = {
		(void *)-1L, (void *)-4096L, (void *)0xffff888000000000, (void *)0xffffffff81000000,
		(void *)0x7ffffffffffc, (void *)0x800000000000,
	};

	if (variant->call != vserver)
		SKIP(return, "32 bits do not reach it");
	for (const struct call *call = calls; call < calls_end; call++) {
		for (size_t i = 0; i < ARRAY_SIZE(kernel); i++) {
			EXPECT_EQ(-EFAULT, vserver(call->cmd, A, kernel[i])) {
				TH_LOG("%s at %p", call->what, kernel[i]);
			}
		}
	}
}
#endif

TEST_F(args, at_the_end_of_a_page)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		size_t cut = call->size < 12 ? 4 : 8;

		zeros(at_end(call->size), call, call->size);
		EXPECT_EQ(call->zeros, variant->call(call->cmd, A, at_end(call->size))) {
			TH_LOG("%s", call->what);
		}
		/* Its size is there, the rest is not. */
		memset(at_end(cut), 0, cut);
		*(__u32 *)at_end(cut) = call->size;
		EXPECT_EQ(-EFAULT, variant->call(call->cmd, A, at_end(cut))) {
			TH_LOG("%s", call->what);
		}
		/* Only a part of its size is. */
		EXPECT_EQ(-EFAULT, variant->call(call->cmd, A, at_end(2)));
		/* What is known is there, the tail is not. */
		zeros(at_end(call->size), call, call->size);
		*(__u32 *)at_end(call->size) = call->size + 4;
		EXPECT_EQ(-EFAULT, variant->call(call->cmd, A, at_end(call->size))) {
			TH_LOG("%s", call->what);
		}
	}
}

TEST_F(args, across_two_pages)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		for (size_t before = 1; before < call->size; before++) {
			void *place = pages + page_size - before;

			EXPECT_EQ(call->zeros, variant->call(call->cmd, A,
							     zeros(place, call, call->size))) {
				TH_LOG("%s, %zu bytes before", call->what, before);
			}
		}
	}
}

TEST_F(args, memory_that_is_not_to_be_touched)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		zeros(pages, call, call->size);
		ASSERT_EQ(0, mprotect(pages, page_size, PROT_READ));
		EXPECT_EQ(is_get(call) ? -EFAULT : call->zeros,
			  variant->call(call->cmd, A, pages)) {
			TH_LOG("%s, to be read only", call->what);
		}
		ASSERT_EQ(0, mprotect(pages, page_size, PROT_NONE));
		EXPECT_EQ(-EFAULT, variant->call(call->cmd, A, pages)) TH_LOG("%s", call->what);
		ASSERT_EQ(0, mprotect(pages, page_size, PROT_READ | PROT_WRITE));
	}
}

/* ---- what comes back ---- */

/*
 * The answer to two callers who had other bytes there is the same: nothing of it is what was
 * there, nor what the kernel happened to have. What is behind it is left alone.
 */
TEST_F(args, nothing_else_comes_back)
{
	ASSERT_EQ(0, vps_set_flags(A, VPS_LOCK | VPS_SCHED));
	ASSERT_EQ(0, vps_set_caps(A, 0x123));
	for (const struct call *call = calls; call < calls_end; call++) {
		unsigned char *first = pages, *second = pages + page_size;
		size_t sizes[] = { call->size, call->size + 32 };

		if (!is_get(call))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			size_t size = sizes[i];

			memset(first, 0xa5, size + 64);
			memset(second, 0x5a, size + 64);
			*(__u32 *)first = *(__u32 *)second = size;
			EXPECT_EQ(0, variant->call(call->cmd, A, first));
			EXPECT_EQ(0, variant->call(call->cmd, A, second));
			EXPECT_EQ(0, memcmp(first, second, size)) TH_LOG("%s", call->what);
			EXPECT_EQ(size, *(__u32 *)first);
			for (size_t at = size; at < size + 64; at++) {
				EXPECT_EQ(0xa5, first[at]);
				EXPECT_EQ(0x5a, second[at]);
			}
			for (size_t at = call->size; at < size; at++)
				EXPECT_EQ(0, first[at]);
		}
	}
}

TEST_F(args, the_right_things_come_back)
{
	union any *any = (void *)pages;

	ASSERT_EQ(0, vps_set_flags(A, VPS_NPROC | VPS_STOP));
	ASSERT_EQ(0, vps_set_caps(A, 0x1234567887));
	any->size = sizeof(any->flags);
	EXPECT_EQ(0, variant->call(GET(CPU, FLAGS), A, any));
	EXPECT_EQ(VPS_NPROC | VPS_STOP, any->flags.flags);
	any->size = sizeof(any->caps);
	EXPECT_EQ(0, variant->call(GET(PROCESS, CAPS), A, any));
	EXPECT_EQ(0x1234567887 & 0x1ffffffffff, any->caps.caps);
	any->size = sizeof(any->on);
	EXPECT_EQ(0, variant->call(GET(PROCESS, STOP), A, any));
	EXPECT_EQ(1, any->on.on);
	ASSERT_EQ(0, vps_bound(FILES, A, 0x123456789, 0xabcdef0123));
	any->size = sizeof(any->counted);
	EXPECT_EQ(0, variant->call(GET(VFS, FILES), A, any));
	EXPECT_EQ(0x123456789, any->counted.soft);
	EXPECT_EQ(0xabcdef0123, any->counted.hard);
	EXPECT_EQ(0, any->counted.used);
}

/* Whichever door they come through, 64 bits are 64 bits. */
TEST_F(args, bounds_are_wide)
{
	union any *any = (void *)pages;

	any->bounds = (struct vps_bounds) {
		.size = sizeof(any->bounds), .soft = 1ULL << 32, .hard = 1ULL << 33,
	};
	EXPECT_EQ(0, variant->call(SET(OTHER, TCP), A, any));
	EXPECT_EQ(1ULL << 32, vps_counted(CONNECTIONS, A).soft);
	EXPECT_EQ(1ULL << 33, vps_counted(CONNECTIONS, A).hard);
	any->bounds.soft = (1ULL << 33) + 1;
	EXPECT_EQ(-EINVAL, variant->call(SET(OTHER, TCP), A, any));
	any->bounds.reserved = 1;
	any->bounds.soft = 0;
	EXPECT_EQ(-EINVAL, variant->call(SET(OTHER, TCP), A, any));
	EXPECT_EQ(1ULL << 32, vps_counted(CONNECTIONS, A).soft);
}

/* What failed has not been written to, nor has what was only read. */
TEST_F(args, nothing_is_written_on_failure)
{
	for (const struct call *call = calls; call < calls_end; call++) {
		memset(pages, 0x77, 128);
		*(__u32 *)pages = call->size - 4;
		EXPECT_EQ(-EINVAL, variant->call(call->cmd, A, pages));
		*(__u32 *)pages = call->size;
		EXPECT_GT(0, variant->call(call->cmd, 2, pages));
		if (is_get(call))
			EXPECT_EQ(-ESRCH, variant->call(call->cmd, A + 1, pages));
		EXPECT_EQ(call->size, *(__u32 *)pages);
		for (size_t at = 4; at < 128; at++)
			EXPECT_EQ(0x77, pages[at]) TH_LOG("%s", call->what);
	}
}

/* ---- memory that changes under the call ---- */

static struct {
	bool end;
	__u32 *words;
	__u32 size;
} flip;

/* Makes the size what it must not be, puts something into the tail, and takes both back. */
static void *flip_main(void *unused)
{
	static const __u32 sizes[] = { 0, 4, 0xffffffff, 4096, 64 };
	unsigned int i = 0;

	while (!GET_ONCE(flip.end)) {
		SET_ONCE(flip.words[0], sizes[i++ % ARRAY_SIZE(sizes)]);
		SET_ONCE(flip.words[flip.size / 4], 1);
		SET_ONCE(flip.words[1], VPS_LOCK);
		SET_ONCE(flip.words[0], flip.size);
		SET_ONCE(flip.words[flip.size / 4], 0);
		SET_ONCE(flip.words[1], 0);
	}
	return NULL;
}

static bool is_expected(const struct call *call, long value)
{
	return value == 0 || value == -EINVAL || value == -E2BIG || value == -EFAULT ||
	       value == call->zeros || value == -ESRCH || value == -EXDEV || value == -ENONET;
}

TEST_F(args, changing_memory)
{
	pthread_t thread;

	memset(pages, 0, page_size);
	flip.words = (void *)pages;
	flip.size = 24;
	flip.words[0] = flip.size;
	ASSERT_EQ(0, pthread_create(&thread, NULL, flip_main, NULL));
	for (const struct call *call = calls; call < calls_end; call++) {
		for (int i = 0; i < 2000; i++) {
			long value = variant->call(call->cmd, A, pages);

			EXPECT_TRUE(is_expected(call, value)) {
				TH_LOG("%s: %ld", call->what, value);
				break;
			}
		}
	}
	SET_ONCE(flip.end, true);
	pthread_join(thread, NULL);
	/* Nothing but what was said in one piece has been done. */
	EXPECT_EQ(0, vps_flags(A) & ~VPS_FLAGS);
	EXPECT_EQ(0, vps_exists(A));
	EXPECT_EQ(self->before + 1, contexts());
}

/* Memory that comes and goes: the call fails, or does all of it. */
static void *remap_main(void *unused)
{
	while (!GET_ONCE(flip.end)) {
		mprotect(pages + page_size, page_size, PROT_NONE);
		mprotect(pages + page_size, page_size, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

TEST_F(args, vanishing_memory)
{
	pthread_t thread;
	struct vps_flags *attr = (void *)(pages + page_size - 4);

	memset(pages, 0, 2 * page_size);
	attr->size = sizeof(*attr);
	ASSERT_EQ(0, pthread_create(&thread, NULL, remap_main, NULL));
	for (int i = 0; i < 5000; i++) {
		long value = variant->call(GET(CPU, FLAGS), A, attr);

		EXPECT_TRUE(value == 0 || value == -EFAULT) TH_LOG("%ld", value);
		value = variant->call(SET(CPU, FLAGS), A, attr);
		EXPECT_TRUE(value == 0 || value == -EFAULT) TH_LOG("%ld", value);
	}
	SET_ONCE(flip.end, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, vps_flags(A));
}

TEST_HARNESS_MAIN
