// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The only program of a machine without a shell but for the tests: mounts what these need, runs
 * each of /selftests/<kind>/, and says what the kernel's tests of itself found at boot. All of it
 * goes to the first virtio console, with a line "vm: of <name>" before what is of <name>.
 */
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void mount_at(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL))
		fprintf(stderr, "vm: %s: cannot be mounted: %m\n", where);
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &request))
		fprintf(stderr, "vm: lo: %m\n");
	close(sock);
}

/* Sockets for ping are the kernel's to give, whose own setting is to give none. */
static void ping_for_all(void)
{
	FILE *range = fopen("/proc/sys/net/ipv4/ping_group_range", "w");

	if (!range || fputs("0 2147483647", range) < 0 || fclose(range))
		fprintf(stderr, "vm: ping_group_range: %m\n");
}

/* It has no clock but the kernel's, which begins with 1970 and cannot be set to before its boot. */
static void set_clock(void)
{
	struct timespec then = { .tv_sec = 1700000000 };

	if (clock_settime(CLOCK_REALTIME, &then))
		fprintf(stderr, "vm: clock: %m\n");
}

static void run(const char *path)
{
	char *args[] = { (char *)path, NULL };
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		setsid();
		execv(path, args);
		_exit(127);
	}
	/* Whoever lost his parent is ours, too. */
	while (pid > 0 && wait(&status) != pid)
		;
	if (pid < 0 || WIFSIGNALED(status) || WEXITSTATUS(status) == 127)
		printf("vm: %s broke down: status %#x\n", path, status);
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* each() for the entries of a directory, in their order. */
static void for_each(const char *directory, void (*each)(const char *path))
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_shown, alphasort);
	char path[512];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		each(path);
	}
}

static void selftest(const char *path)
{
	printf("vm: of %s\n", path + strlen("/"));
	run(path);
}

static void kind(const char *path)
{
	for_each(path, selftest);
}

static void suite(const char *path)
{
	char name[600], text[4096];
	ssize_t got;
	int fd;

	snprintf(name, sizeof(name), "%s/results", path);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	printf("vm: of kunit/%s/results\n", strrchr(path, '/') + 1);
	while ((got = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, got, stdout);
	close(fd);
}

static void file_systems(void)
{
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	mount_at("tmpfs", "/tmp");
	mount_at("tmpfs", "/dev/shm");
	mount_at("devpts", "/dev/pts");
	mount_at("cgroup2", "/sys/fs/cgroup");
	mount_at("debugfs", "/sys/kernel/debug");
	chmod("/tmp", 01777);
}

int main(void)
{
	if (getpid() != 1)
		return 1;
	file_systems();
	if (!freopen("/dev/hvc0", "w", stdout) || dup2(fileno(stdout), 2) < 0)
		fprintf(stderr, "vm: hvc0: %m\n");
	if (!freopen("/dev/null", "r", stdin))
		fprintf(stderr, "vm: null: %m\n");
	setvbuf(stdout, NULL, _IONBF, 0);
	set_clock();
	loopback_up();
	ping_for_all();
	for_each("/sys/kernel/debug/kunit", suite);
	for_each("/selftests", kind);
	puts("vm: end 0");
	tcdrain(1);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
