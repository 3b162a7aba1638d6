// SPDX-License-Identifier: GPL-2.0-only
/*
 * An oops names the context of the process that met it, however much the context has said before.
 * A kernel that has had one is fit for little else: this test is the last.
 */
#include "log.h"

#define PANIC "/proc/sys/kernel/panic_on_oops"
#define CONSOLE "/proc/sys/kernel/printk"

/* Who watches the console knows by this line that what comes is no accident. */
#define WANTED "vps-selftest: an oops is wanted"

/* Who does it has ended, in the middle of the kernel. */
static long act_oops(long unused)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(provoke("DIRECT", "BUG") ? 1 : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) ? WTERMSIG(status) : -EPROTO;
}

TEST(oops)
{
	struct places places;
	char panic[16], console[64], text[1024];
	long lines = 0, untold = 0, value;
	bool traced = false;
	int log;

	if (geteuid() || !can_provoke("DIRECT"))
		SKIP(return, "requires root and a kernel with CONFIG_LKDTM");
	ASSERT_EQ(0, places_make(&places, 0, 0));
	ASSERT_EQ(0, actor_do(&places.in_one, act_say, LINES(6, 1000)));
	log = log_open();
	ASSERT_LE(0, log);
	ASSERT_LT(0, get_text(AT_FDCWD, PANIC, panic, sizeof(panic)));
	ASSERT_LT(0, get_text(AT_FDCWD, CONSOLE, console, sizeof(console)));
	ASSERT_EQ(0, put_text(AT_FDCWD, PANIC, "0"));
	ASSERT_EQ(0, say(3, WANTED));

	value = actor_do(&places.in_one, act_oops, 0);

	/* An oops opens the console for all that is said. */
	put_text(AT_FDCWD, CONSOLE, console);
	put_text(AT_FDCWD, PANIC, panic);
	EXPECT_EQ(SIGSEGV, value);
	while (log_next(log, text, sizeof(text))) {
		if (!lines && !strstr(text, "kernel BUG at "))
			continue;
		lines++;
		if (strncmp(text, log_tag(ONE), strlen(log_tag(ONE)))) {
			TH_LOG("not of the context: %s", text);
			untold++;
		}
		if (strstr(text, "lkdtm_do_action"))
			traced = true;
	}
	EXPECT_LT(10, lines);
	EXPECT_EQ(0, untold);
	EXPECT_TRUE(traced);
	EXPECT_EQ(1, vps_processes(ONE));
	EXPECT_EQ(1, vps_tasks(ONE));
	EXPECT_TRUE(places_end(&places));
}

TEST_HARNESS_MAIN
