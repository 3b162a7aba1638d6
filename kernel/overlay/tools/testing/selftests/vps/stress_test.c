// SPDX-License-Identifier: GPL-2.0-only
/*
 * All at once: contexts are made, ended, entered, left, asked about and killed by several who
 * know nothing of each other. Nobody is told anything but what the call says, and in the end
 * nothing is left. VPS_TEST_ROUNDS says for how long, in units of two seconds.
 */
#include <pthread.h>
#include <sys/socket.h>
#include "vps_test.h"

#define WORKERS 4
#define NUMBERS 6
#define FIRST 300

struct worker {
	unsigned int seed;
	unsigned long done;
};

static struct shared {
	struct worker workers[WORKERS];
	bool end;
} *shared;

static unsigned int any(struct worker *worker, unsigned int below)
{
	return rand_r(&worker->seed) / 7 % below;
}

static __u32 any_id(struct worker *worker)
{
	return FIRST + any(worker, NUMBERS);
}

/* The group "s0" and so on; all of them are in use by all. */
static const char *any_name(struct worker *worker)
{
	static char name[16];

	snprintf(name, sizeof(name), "s%u", any(worker, NUMBERS));
	return name;
}

static int any_group(struct worker *worker)
{
	const char *name = any_name(worker);

	mkdir(group_path(name), 0755);
	return group_open(name);
}

/* ---- what is expected ---- */

static bool is_expected(const char *what, long value, const int *errors)
{
	if (value >= 0)
		return true;
	for (; *errors; errors++)
		if (value == -*errors)
			return true;
	fprintf(stderr, "# %s: %s\n", what, strerror(-value));
	return false;
}

#define EXPECTED(what, value, ...) is_expected(what, value, (const int []){ __VA_ARGS__, 0 })

/* ---- what is done ---- */

static bool do_create(struct worker *worker)
{
	static const __u32 flags[] = { 0, 0, 0, VPS_LOCK, VPS_PRIVATE, VPS_NPROC };
	int group = any_group(worker);
	long value;

	if (group < 0)
		return EXPECTED("open", group, ENOENT, ENODEV);
	value = vps_create(any_id(worker), group, flags[any(worker, 6)]);
	close(group);
	return EXPECTED("create", value, EEXIST, EBUSY, EXDEV, ENOENT);
}

static bool do_destroy(struct worker *worker)
{
	return EXPECTED("destroy", vps_destroy(any_id(worker)), ESRCH, EBUSY);
}

static bool do_rmdir(struct worker *worker)
{
	return EXPECTED("rmdir", group_remove(any_name(worker)), ENOENT, EBUSY);
}

static bool do_flags(struct worker *worker)
{
	static const __u32 flags[] = { 0, 0, 0, VPS_STOP, VPS_LOCK, VPS_PRIVATE };

	return EXPECTED("flags", vps_set_flags(any_id(worker), flags[any(worker, 6)]), ESRCH) &&
	       EXPECTED("caps", vps_set_caps(any_id(worker), ALL_CAPS), ESRCH);
}

static bool do_signal(struct worker *worker)
{
	return EXPECTED("signal", vps_signal(any_id(worker), any(worker, 2) ? SIGKILL : 0), ESRCH);
}

static long get_file(const char *path)
{
	static char text[4096];

	return get_text(AT_FDCWD, path, text, sizeof(text));
}

/* Never less than nothing. */
static bool is_sane(const struct vps_processes *count)
{
	if (count->processes < 100000 && count->tasks < 100000)
		return true;
	fprintf(stderr, "# %llu processes, %llu tasks\n", count->processes, count->tasks);
	return false;
}

static bool do_ask(struct worker *worker)
{
	struct vps_processes count = { .size = sizeof(count) };
	char path[64];
	__u32 id = any_id(worker);

	snprintf(path, sizeof(path), "/proc/vservers/%u", id);
	return EXPECTED("exists", vps_exists(id), ESRCH) &&
	       EXPECTED("get flags", vps_flags(id), ESRCH) &&
	       EXPECTED("get init", vps_init(id), ESRCH) &&
	       EXPECTED("count", vserver(GET(PROCESS, ALL), id, &count), ESRCH) &&
	       is_sane(&count) &&
	       EXPECTED("one", get_file(path), ENOENT, ESRCH) &&
	       EXPECTED("traffic", get_file("/proc/vservers/traffic"), 0) &&
	       EXPECTED("stat", get_file(ROOT_GROUP "/vps.stat"), 0);
}

static bool do_list(struct worker *worker)
{
	static const char *const names[] = { "/proc", "/proc/vservers", TEST_GROUP };
	const char *name = names[any(worker, 3)];
	DIR *directory = opendir(name);
	struct dirent *entry;
	char path[512], text[1024];

	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		if (!strtol(entry->d_name, NULL, 10))
			continue;
		snprintf(path, sizeof(path), "%s/%s/status", name, entry->d_name);
		get_text(AT_FDCWD, path, text, sizeof(text));
	}
	closedir(directory);
	return true;
}

static void *thread_main(void *unused)
{
	return NULL;
}

/*
 * What is done by who is in there, wherever that is: is born, makes threads, changes what is,
 * leaves open what goes with him. He may be killed or refused anything at any time.
 */
static void live(struct worker *worker)
{
	pthread_t thread;
	int fds[2];

	alarm(60);
	for (unsigned int i = any(worker, 6); i; i--) {
		switch (any(worker, 6)) {
		case 0:
			if (!pthread_create(&thread, NULL, thread_main, NULL))
				pthread_join(thread, NULL);
			break;
		case 1:
			if (!fork())
				_exit(0);
			break;
		case 2:
			/* The child leaves these open for its parent's pleasure. */
			if (!socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) && !fork())
				_exit(0);
			break;
		case 3:
			socket(AF_INET, any(worker, 2) ? SOCK_STREAM : SOCK_DGRAM, 0);
			break;
		case 4:
			get_file("/proc/vservers/self");
			get_file("/proc/self/status");
			break;
		case 5:
			if (setresuid(-1, any(worker, 2) ? SOMEBODY : -1, -1))
				break;
			kill(-1, 0);
			break;
		}
	}
	_exit(0);
}

static bool reap(pid_t pid)
{
	return waitpid(pid, NULL, 0) == pid;
}

/* Moved by its parent as it lives. */
static bool do_migrate(struct worker *worker)
{
	pid_t pid = fork();
	long value = 0;

	if (!pid) {
		worker->seed += getpid();
		live(worker);
	}
	for (unsigned int i = any(worker, 4); i && value >= 0; i--) {
		int group = any_group(worker);
		__u32 id = any(worker, 8) ? any_id(worker) : 0;

		value = group;
		if (group < 0)
			break;
		if (any(worker, 2))
			value = vps_migrate(id, group, pid);
		else
			value = put_number(group, "cgroup.procs", pid);
		close(group);
	}
	if (any(worker, 2))
		vps_set_init(any_id(worker), pid);
	if (!reap(pid))
		return false;
	return EXPECTED("migrate", value, ESRCH, ESTALE, EXDEV, EACCES, ENOENT, ENODEV, EBUSY);
}

/* Goes there by itself. */
static bool do_enter(struct worker *worker)
{
	struct vps_new_context new = { .size = sizeof(new) };
	int group = any_group(worker), status;
	__u32 id = any_id(worker);
	pid_t pid;

	if (group < 0)
		return group == -ENOENT || group == -ENODEV;
	pid = fork();
	if (!pid) {
		worker->seed += getpid();
		new.cgroup_fd = group;
		if (!vserver(SET(COMPAT, NEW_CONTEXT), id, &new) && vps_current() == 0)
			_exit(1);
		live(worker);
	}
	close(group);
	if (waitpid(pid, &status, 0) != pid)
		return false;
	return !WIFEXITED(status) || !WEXITSTATUS(status);
}

/* Is born there. */
static bool do_clone(struct worker *worker)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int group = any_group(worker);
	long pid;

	if (group < 0)
		return group == -ENOENT || group == -ENODEV;
	args.cgroup = group;
	pid = syscall(__NR_clone3, &args, sizeof(args));
	if (pid < 0)
		pid = -errno;
	close(group);
	if (!pid) {
		worker->seed += getpid();
		live(worker);
	}
	if (!EXPECTED("clone", pid, EAGAIN, ESRCH, EACCES, ENODEV, ENOENT, EBUSY))
		return false;
	return pid < 0 || reap(pid);
}

static bool (*const deeds[])(struct worker *) = {
	do_create, do_create, do_destroy, do_destroy, do_rmdir, do_flags, do_signal, do_ask,
	do_list, do_migrate, do_migrate, do_enter, do_clone,
};

static int work(struct worker *worker)
{
	while (!GET_ONCE(shared->end)) {
		if (!deeds[any(worker, ARRAY_SIZE(deeds))](worker))
			return 1;
		worker->done++;
	}
	return 0;
}

/* ---- the test ---- */

static int seconds(void)
{
	const char *text = getenv("VPS_TEST_ROUNDS");
	int rounds = text ? atoi(text) : 2;

	return 2 * (rounds > 0 ? rounds : 1);
}

FIXTURE(stress) {
	long before;
};

FIXTURE_SETUP(stress)
{
	self->before = tests_begin();
	ASSERT_LE(4, self->before);
	ASSERT_EQ(0, contexts_dying());
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
}

FIXTURE_TEARDOWN(stress)
{
	EXPECT_TRUE(tests_end(self->before));
}

TEST_F_TIMEOUT(stress, all_at_once, 280)
{
	pid_t pids[WORKERS];
	time_t end = time(NULL) + seconds();
	int status;

	for (int i = 0; i < WORKERS; i++) {
		shared->workers[i].seed = 1000 * i + getpid();
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			_exit(work(&shared->workers[i]));
	}
	while (time(NULL) < end)
		nap();
	SET_ONCE(shared->end, true);
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_LT(10, shared->workers[i].done);
		TH_LOG("worker %d has done %lu", i, shared->workers[i].done);
	}
	/* None is gone with somebody in it, and what is left can be ended. */
	for (__u32 id = FIRST; id < FIRST + NUMBERS; id++) {
		if (vps_exists(id))
			continue;
		EXPECT_EQ(0, vps_set_flags(id, 0));
		EXPECT_EQ(0, vps_signal(id, SIGKILL));
		EXPECT_TRUE(EVENTUALLY(vps_tasks(id) == 0));
		EXPECT_EQ(0, vps_destroy(id));
	}
	EXPECT_EQ(self->before, contexts());
	groups_clear();
	EXPECT_TRUE(EVENTUALLY(contexts_dying() == 0));
}

TEST_HARNESS_MAIN
