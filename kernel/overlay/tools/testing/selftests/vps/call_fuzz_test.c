// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls by who knows the grammar and does not keep to it: all commands, sizes, numbers, flags and
 * pointers, right ones and all but right ones, from four threads at once whose memory is changed by
 * others under the call, while contexts come and go. What the call says is an error that it may
 * have, and in the end nothing is left. What each does follows from VPS_TEST_SEED, which is told;
 * VPS_TEST_ROUNDS says for how long, in units of two seconds.
 *
 * Who calls is in a pid namespace of its own: whatever number he takes for a process, it is one of
 * his.
 */
#include <pthread.h>
#include <setjmp.h>
#include <sys/mount.h>
#include "vps_test.h"

#define CALLERS 4
#define CALLS 600
#define NUMBERS 6
#define FIRST 700
#define CHILDREN 3

/* ---- what is told to who waits for the end ---- */

static struct shared {
	unsigned long calls;
	unsigned long done;	/* of these, what did not fail */
	unsigned long wrong;
	bool end;
} *shared;

static void wrong(const char *what, __u32 cmd, __u32 id, long value)
{
	if (__atomic_fetch_add(&shared->wrong, 1, __ATOMIC_SEQ_CST) < 10)
		fprintf(stderr, "# %s: command %#x, number %u: %ld\n", what, cmd, id, value);
}

/* ---- chance ---- */

struct caller {
	unsigned int seed;
	pthread_t thread;
	unsigned char *own;	/* pages of nobody else's */
};

static unsigned int any(struct caller *caller, unsigned int below)
{
	return rand_r(&caller->seed) / 7 % below;
}

static __u32 any_word(struct caller *caller)
{
	return (__u32)rand_r(&caller->seed) << 16 ^ rand_r(&caller->seed);
}

#define SOME(caller, of) any(caller, ARRAY_SIZE(of))

/* ---- the grammar ---- */

struct known {
	__u32 cmd;
	size_t size;
};

static const struct known grammar[] = {
	{ SET(COMPAT, NEW_CONTEXT), sizeof(struct vps_new_context) },
	{ SET(COMPAT, NETWORK), sizeof(struct vps_addresses) },
	{ SET(COMPAT, LIMITS), sizeof(struct vps_limits) },
	{ SET(CPU, CONTEXT), sizeof(struct vps_create) },
	{ SET(CPU, CONTEXT), sizeof(struct vps_create) },
	{ GET(CPU, CONTEXT), 0 },
	{ SET(CPU, DESTROY), 0 },
	{ SET(CPU, POLICY), sizeof(struct vps_policy) },
	{ GET(CPU, POLICY), sizeof(struct vps_policy) },
	{ SET(CPU, USAGE), sizeof(struct vps_cpu_usage) },
	{ GET(CPU, USAGE), sizeof(struct vps_cpu_usage) },
	{ SET(CPU, FLAGS), sizeof(struct vps_flags) },
	{ GET(CPU, FLAGS), sizeof(struct vps_flags) },
	{ SET(PROCESS, MIGRATE), sizeof(struct vps_migrate) },
	{ GET(PROCESS, MIGRATE), 0 },
	{ SET(PROCESS, MAX), sizeof(struct vps_bounds) },
	{ GET(PROCESS, MAX), sizeof(struct vps_counted) },
	{ SET(PROCESS, CAPS), sizeof(struct vps_caps) },
	{ GET(PROCESS, CAPS), sizeof(struct vps_caps) },
	{ SET(PROCESS, STOP), sizeof(struct vps_switch) },
	{ GET(PROCESS, STOP), sizeof(struct vps_switch) },
	{ SET(PROCESS, ALL), sizeof(struct vps_signal) },
	{ GET(PROCESS, ALL), sizeof(struct vps_processes) },
	{ SET(PROCESS, INIT), sizeof(struct vps_init) },
	{ GET(PROCESS, INIT), sizeof(struct vps_init) },
	{ SET(VNET, DEVICE), sizeof(struct vps_device) },
	{ SET(VNET, ATTACH), sizeof(struct vps_device) },
	{ SET(VNET, DESTROY), sizeof(struct vps_device) },
	{ SET(VNET, QOS), sizeof(struct vps_qos) },
	{ GET(VNET, QOS), sizeof(struct vps_qos) },
	{ SET(NETADDR, PERMIT), sizeof(struct vps_address) },
	{ GET(NETADDR, PERMIT), sizeof(struct vps_addresses) },
	{ SET(NETADDR, REMOVE), sizeof(struct vps_address) },
	{ SET(VFS, ROOT), sizeof(struct vps_tree) },
	{ GET(VFS, ROOT), sizeof(struct vps_tree) },
	{ SET(VFS, DESTROY), 0 },
	{ SET(VFS, DISK), sizeof(struct vps_disk_bounds) },
	{ GET(VFS, DISK), sizeof(struct vps_disk_counted) },
	{ SET(VFS, FILES), sizeof(struct vps_bounds) },
	{ GET(VFS, FILES), sizeof(struct vps_counted) },
	{ SET(MEMORY, TOTAL), sizeof(struct vps_bounds) },
	{ GET(MEMORY, TOTAL), sizeof(struct vps_counted) },
	{ SET(MEMORY, RESIDENT), sizeof(struct vps_bounds) },
	{ GET(MEMORY, RESIDENT), sizeof(struct vps_counted) },
	{ SET(OTHER, TCP), sizeof(struct vps_bounds) },
	{ GET(OTHER, TCP), sizeof(struct vps_counted) },
	{ SET(OTHER, FORGET), sizeof(struct vps_forget) },
};

static const struct known *any_known(struct caller *caller)
{
	const struct known *known = &grammar[SOME(caller, grammar)];

	/* He would soon be inside for good. */
	if (VC_CATEGORY(known->cmd) == VC_CAT_COMPAT && any(caller, 8))
		known = &grammar[SOME(caller, grammar)];
	return known;
}

static __u32 any_cmd(struct caller *caller, const struct known *known)
{
	switch (any(caller, 20)) {
	case 0: return any_word(caller);
	case 1: return known->cmd ^ 1U << any(caller, 32);
	case 2: return VC_CMD(any(caller, 11), VC_VERSION, any(caller, 10));
	case 3: return VC_CMD(any(caller, 11), any(caller, 4), any(caller, 10));
	default: return known->cmd;
	}
}

static __u32 any_id(struct caller *caller)
{
	static const __u32 others[] = {
		VPS_CTX_HOST, VPS_CTX_ALL, 2, VPS_CTX_MAX, VPS_CTX_MAX + 1, 0x10000 + FIRST,
		0x7fffffff, 0x80000000, ~0U,
	};

	return any(caller, 8) ? FIRST + any(caller, NUMBERS) : others[SOME(caller, others)];
}

static __u32 any_size(struct caller *caller, size_t right)
{
	const __u32 others[] = {
		0, 3, 4, 8, right - 4, right - 1, right + 1, right + 4, right + 8, 2 * right,
		4092, 4096, 4097, 4100, 0x7fffffff, 0x80000000, 0xfffffffc, ~0U,
	};

	return any(caller, 4) ? right : others[SOME(caller, others)];
}

/* ---- descriptors: of groups, directories, and of what is neither ---- */

static int first_fd;

static __u32 any_fd(struct caller *caller)
{
	if (!any(caller, 12))
		return any_word(caller) >> any(caller, 32);
	return first_fd + any(caller, NUMBERS + 6);
}

static bool open_all(const char *base)
{
	char path[64], name[16];

	first_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < NUMBERS; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		mkdir(group_path(name), 0755);
		group_open(name);
	}
	group_open("");
	open(ROOT_GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/t%d", base, i);
		open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return first_fd >= 0;
}

/* ---- what is said, when it makes sense ---- */

static __u64 any_bound(struct caller *caller)
{
	static const __u64 bounds[] = {
		VPS_UNLIMITED, VPS_UNLIMITED - 1, 1ULL << 63, 1ULL << 62, 1ULL << 40, 1 << 30,
		100, 1, 0,
	};

	return bounds[SOME(caller, bounds)];
}

static void say_address(struct caller *caller, struct vps_address *address)
{
	address->family = any(caller, 2) ? 2 : 10;
	address->bits = any(caller, 8) ? (address->family == 2 ? 32 : 128) : any(caller, 256);
	address->prefix = any(caller, 33);
	if (any(caller, 2))
		memcpy(address->device, "eth0", 4);
	address->addr[0] = address->family == 2 ? 10 : 0xfd;
	address->addr[3] = any(caller, 8);
}

static void say_sense(struct caller *caller, __u32 cmd, unsigned char *data)
{
	union any *said = (void *)data;
	struct vps_addresses *list = (void *)data;
	struct vps_cpu_usage *usage = (void *)data;

	switch (cmd) {
	case SET(COMPAT, NEW_CONTEXT):
	case SET(CPU, CONTEXT):	/* they begin the same */
		said->create.flags = any(caller, 2) ? 0 : any(caller, VPS_FLAGS + 1);
		said->create.cgroup_fd = any_fd(caller);
		said->create.caps = ALL_CAPS;
		break;
	case SET(COMPAT, LIMITS):
		said->limits.command = grammar[any(caller, ARRAY_SIZE(grammar))].cmd;
		said->limits.soft = any_bound(caller);
		said->limits.hard = any_bound(caller);
		break;
	case SET(CPU, POLICY):
		said->policy.policy = any(caller, 2) ? 5 : any(caller, 6);
		break;
	case SET(CPU, USAGE):
		usage->max = any(caller, 2) ? VPS_UNLIMITED : 200 + any(caller, 4000);
		usage->min = any(caller, 100);
		break;
	case SET(CPU, FLAGS):
		said->flags.flags = any(caller, 2) ? 0 : any(caller, VPS_FLAGS + 1);
		break;
	case SET(PROCESS, MIGRATE):
		said->migrate.cgroup_fd = any_fd(caller);
		said->migrate.pid = any(caller, 40) ? 2 + any(caller, CHILDREN) : any(caller, 3);
		break;
	case SET(PROCESS, INIT):
		said->init.pid = any(caller, 2 + CHILDREN);
		break;
	case SET(PROCESS, STOP):
		said->on.on = !any(caller, 4);
		break;
	case SET(PROCESS, ALL):
		said->signal.signal = any(caller, 4) ? 0 : any(caller, 70);
		break;
	case SET(NETADDR, PERMIT):
	case SET(NETADDR, REMOVE):
		say_address(caller, (void *)data);
		break;
	case SET(COMPAT, NETWORK):
		say_address(caller, (void *)caller->own);
		__attribute__((fallthrough));
	case GET(NETADDR, PERMIT):
		list->count = any(caller, VPS_ADDRESSES_MAX + 2);
		list->each = sizeof(struct vps_address) + 4 * any(caller, 3);
		list->list = (uintptr_t)caller->own + any(caller, 8192);
		break;
	case SET(VFS, ROOT):
		said->tree.dir_fd = any_fd(caller);
		said->tree.space = any(caller, 2) ? 0 : any_bound(caller);
		break;
	case SET(VFS, DISK):
		said->disk_bounds.inodes_soft = any_bound(caller);
		said->disk_bounds.inodes_hard = any_bound(caller);
		/* The others are where those of one limit are. */
		__attribute__((fallthrough));
	case SET(PROCESS, MAX):
	case SET(VFS, FILES):
	case SET(MEMORY, TOTAL):
	case SET(MEMORY, RESIDENT):
	case SET(OTHER, TCP):
		said->bounds.soft = any_bound(caller);
		said->bounds.hard = any(caller, 2) ? VPS_UNLIMITED : any_bound(caller);
		break;
	case SET(OTHER, FORGET):
		said->forget.account = any(caller, 1000);
		break;
	}
}

static __u32 any_value(struct caller *caller)
{
	switch (any(caller, 8)) {
	case 0: return any_fd(caller);
	case 1: return any(caller, 40);
	case 2: return ~0U >> any(caller, 3);
	case 3: return 1U << any(caller, 32);
	case 4: return any_word(caller);
	default: return 0;
	}
}

/* ---- where it is said ---- */

#define OWN_PAGES 3	/* to be written to; then one to be read only, then none */
static size_t page_size;
static unsigned char *common;	/* what the others change meanwhile */

static unsigned char *make_pages(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	unsigned char *pages;

#ifdef __x86_64__
	flags |= MAP_32BIT;
#endif
	pages = mmap(NULL, (OWN_PAGES + 2) * page_size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (pages == MAP_FAILED)
		return NULL;
	/* There are sizes at the end of what is there, too. */
	for (size_t i = OWN_PAGES * page_size; i < (OWN_PAGES + 1) * page_size; i += 4)
		pages[i] = sizeof(struct vps_counted);
	mprotect(pages + OWN_PAGES * page_size, page_size, PROT_READ);
	munmap(pages + (OWN_PAGES + 1) * page_size, page_size);
	return pages;
}

/* Nobody's memory. */
static void *nowhere(struct caller *caller)
{
	void *const places[] = {
		NULL, (void *)8, caller->own + (OWN_PAGES + 1) * page_size, (void *)-1L,
		(void *)-4096L, (void *)(uintptr_t)0xffff888000000000ULL,
		(void *)(uintptr_t)0xffffffff81000000ULL,
		(void *)(uintptr_t)0x7ffffffffffcULL, (void *)(uintptr_t)0x800000000000ULL,
	};

	return places[SOME(caller, places)];
}

/* Room for @size, which is at the most a page, and for all that is written there. */
static unsigned char *any_place(struct caller *caller, size_t size)
{
	unsigned char *base = any(caller, 4) ? caller->own : common;

	switch (any(caller, 4)) {
	case 0: return base + any(caller, 64);
	case 1: return base + page_size - any(caller, size + 1);
	case 2: return base + OWN_PAGES * page_size - size;
	default: return base + 16 * any(caller, 16);
	}
}

/* Who writes into memory that is taken away just then says nothing. */
static __thread sigjmp_buf unsaid;

static void leave_unsaid(int signal)
{
	siglongjmp(unsaid, 1);
}

static void say(unsigned char *place, const void *said, size_t size)
{
	if (!sigsetjmp(unsaid, 1))
		memcpy(place, said, size);
}

static void *any_data(struct caller *caller, const struct known *known)
{
	unsigned char said[256] = {}, *place;
	size_t words = known->size / 4;
	__u32 size = any_size(caller, known->size);

	if (!known->size)
		return any(caller, 8) ? NULL : caller->own;
	if (!any(caller, 16))
		return nowhere(caller);
	say_sense(caller, known->cmd, said);
	for (unsigned int i = any(caller, 2) ? 0 : any(caller, 4); i; i--)
		((__u32 *)said)[any(caller, words + 2)] = any_value(caller);
	memcpy(said, &size, sizeof(size));
	place = any_place(caller, known->size);
	say(place, said, known->size);
	/* Cut off at the end of what is there, or where it can only be read. */
	if (!any(caller, 16))
		return caller->own + (OWN_PAGES + 1) * page_size - any(caller, 2 * known->size);
	return place;
}

/* ---- what comes of it ---- */

static bool is_possible(long value)
{
	static const int errors[] = {
		EINVAL, EOPNOTSUPP, EPERM, EFAULT, E2BIG, ESRCH, EEXIST, EBADF, ENOENT, EBUSY,
		EXDEV, ENOSPC, ENOMEM, ENODATA, ESTALE, EACCES, EADDRINUSE, ENOTDIR,
		ENONET, ENOLINK,
		/* of writing to cgroup.procs */
		ENODEV, EAGAIN, EINTR,
	};

	if (value >= 0)
		return value <= VPS_PATCH_VERSION;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (value == -errors[i])
			return true;
	return false;
}

/* What is checked first is the same whoever asks, and whatever else he says. */
static void judge(__u32 cmd, __u32 id, long value)
{
	if (!is_possible(value))
		wrong("no such error", cmd, id, value);
	if (cmd & 0x009fff00 && value != -EINVAL)
		wrong("a reserved bit", cmd, id, value);
	if (!(cmd & 0x009fff00) && VC_CATEGORY(cmd) > VC_CAT_OTHER && value != -EOPNOTSUPP)
		wrong("no such category", cmd, id, value);
}

static long call(struct caller *caller)
{
	const struct known *known = any_known(caller);
	__u32 cmd = any_cmd(caller, known), id = any_id(caller);
	void *data = any_data(caller, known);
	door through = vserver;
	long value;

	if ((cmd == GET(PROCESS, MIGRATE) || VC_SUBCAT(cmd) == VC_VERSION) && any(caller, 4))
		id = 0;
#ifdef __x86_64__
	if (!any(caller, 4))
		through = vserver_i386;
#endif
	value = through(cmd, id, data);
	judge(cmd, id, value);
	__atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
	if (value >= 0)
		__atomic_fetch_add(&shared->done, 1, __ATOMIC_RELAXED);
	return value;
}

/* Who has got into a context is refused nearly everything from there, and ends soon. */
static void *caller_main(void *data)
{
	struct caller *caller = data;
	int refused = 0;

	for (int i = 0; i < CALLS && refused < 30 && !GET_ONCE(shared->end); i++)
		refused += call(caller) == -EPERM;
	return NULL;
}

static bool callers_end;

/* Changes what others say as they say it, and takes the memory away under them. */
static void *changer_main(void *data)
{
	struct caller *caller = data;

	while (!GET_ONCE(callers_end)) {
		__u32 *word = (__u32 *)(common + 4 * any(caller, OWN_PAGES * page_size / 4));

		if (any(caller, 4))
			word = (__u32 *)common + any(caller, 80);
		SET_ONCE(*word, any_value(caller));
		if (any(caller, 64))
			continue;
		mprotect(common + page_size, page_size, any(caller, 2) ? PROT_READ : PROT_NONE);
		mprotect(common + page_size, page_size, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

/* ---- who calls: the first process of a pid namespace ---- */

static void child_main(void)
{
	alarm(60);
	for (;;)
		pause();
}

static void callers_main(unsigned int seed, const char *base)
{
	struct caller callers[CALLERS + 1];

	signal(SIGSEGV, leave_unsaid);
	for (int i = 0; i < CHILDREN; i++)
		if (!fork())
			child_main();
	common = make_pages();
	if (!open_all(base) || !common)
		_exit(1);
	for (int i = 0; i <= CALLERS; i++) {
		callers[i].seed = seed * (CALLERS + 1) + i;
		callers[i].own = make_pages();
		if (!callers[i].own || pthread_create(&callers[i].thread, NULL,
						      i < CALLERS ? caller_main : changer_main,
						      &callers[i]))
			_exit(1);
	}
	for (int i = 0; i < CALLERS; i++)
		pthread_join(callers[i].thread, NULL);
	SET_ONCE(callers_end, true);
	pthread_join(callers[CALLERS].thread, NULL);
	_exit(0);
}

/* Waits for the first process, and ends with it. */
static pid_t callers_start(unsigned int seed, const char *base)
{
	int spaces = CLONE_NEWPID | (seed % 8 ? 0 : CLONE_NEWNET);
	pid_t pid = fork();

	if (pid)
		return pid;
	if (unshare(spaces))
		_exit(1);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		callers_main(seed, base);
	}
	_exit(pid < 0 || waitpid(pid, NULL, 0) != pid);
}

/* ---- contexts that come and go ---- */

static void keeper_main(unsigned int seed)
{
	struct caller caller = { .seed = seed };
	char name[16];

	signal(SIGCHLD, SIG_IGN);
	while (!GET_ONCE(shared->end)) {
		unsigned int n = any(&caller, NUMBERS);
		__u32 id = FIRST + n;
		int group;
		pid_t pid;

		snprintf(name, sizeof(name), "c%u", n);
		if (!any(&caller, 3)) {
			vps_signal(id, SIGKILL);
			vps_destroy(id);
			group_remove(name);
			continue;
		}
		mkdir(group_path(name), 0755);
		group = group_open(name);
		vps_create(id, group, 0);
		pid = fork();
		if (!pid)
			child_main();
		if (pid > 0 && vps_migrate(id, group, pid))
			kill(pid, SIGKILL);
		close(group);
		nap();
	}
	_exit(0);
}

/* What slows down or holds who is in there, so that he can end. */
static void release_all(void)
{
	struct vps_cpu_usage usage = { .size = sizeof(usage), .max = VPS_UNLIMITED };

	for (__u32 id = FIRST; id < FIRST + NUMBERS; id++) {
		vserver(SET(CPU, USAGE), id, &usage);
		vps_set_flags(id, 0);
	}
}

/* 10 seconds, then he is killed: he may be stopped, or without processors or files. */
static bool callers_wait(pid_t pid)
{
	time_t end = time(NULL) + 10;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (time(NULL) >= end) {
			release_all();
			kill(pid, SIGKILL);
			return waitpid(pid, &status, 0) == pid;
		}
		nap();
	}
	return true;
}

/* ---- the test ---- */

static int seconds(void)
{
	const char *text = getenv("VPS_TEST_ROUNDS");
	int rounds = text ? atoi(text) : 2;

	return 2 * (rounds > 0 ? rounds : 1);
}

static unsigned int first_seed(void)
{
	const char *text = getenv("VPS_TEST_SEED");

	return text ? strtoul(text, NULL, 10) : time(NULL) % 1000000;
}

FIXTURE(call_fuzz) {
	long before;
	char base[32];
};

FIXTURE_SETUP(call_fuzz)
{
	char path[64];

	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, contexts_dying());
	page_size = sysconf(_SC_PAGESIZE);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	/* Trees that contexts may have; no other file system is within reach. */
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	snprintf(self->base, sizeof(self->base), "/tmp/vps-fuzz.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->base));
	ASSERT_EQ(0, mount("none", self->base, "tmpfs", 0, "size=16m"));
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/t%d", self->base, i);
		ASSERT_EQ(0, mkdir(path, 0755));
	}
}

FIXTURE_TEARDOWN(call_fuzz)
{
	release_all();
	EXPECT_TRUE(tests_end(self->before));
	EXPECT_TRUE(EVENTUALLY(!umount2(self->base, 0)));
	EXPECT_EQ(0, rmdir(self->base));
}

/* An hour, at the most. */
TEST_F_TIMEOUT(call_fuzz, all_at_once, 4000)
{
	unsigned int seed = first_seed();
	time_t end = time(NULL) + seconds();
	pid_t keeper;

	TH_LOG("VPS_TEST_SEED=%u", seed);
	keeper = fork();
	ASSERT_LE(0, keeper);
	if (!keeper)
		keeper_main(seed);
	while (time(NULL) < end) {
		pid_t pid = callers_start(seed++, self->base);

		ASSERT_LT(0, pid);
		EXPECT_TRUE(callers_wait(pid));
	}
	SET_ONCE(shared->end, true);
	release_all();
	EXPECT_EQ(keeper, waitpid(keeper, NULL, 0));
	TH_LOG("%lu calls, of which %lu did something", shared->calls, shared->done);
	EXPECT_EQ(0, shared->wrong);
	/* It has got through to what there is behind the checks. */
	EXPECT_LT(100, shared->calls);
	EXPECT_LT(10, shared->done);
	EXPECT_LT(shared->done, shared->calls);
}

TEST_HARNESS_MAIN
