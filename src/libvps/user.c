// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "user.h"
#include "util.h"

/* Numbers a VPS has. */
#define UID_LAST (VPS_UID_COUNT - 1)

#define DEFAULT_SHELL "/bin/sh"

/* A larger one was made to keep whoever enters busy. */
#define FILE_MAX (16 << 20)

/* A file of the VPS's: it may be anything, so only a regular one is read. */
static FILE *open_own(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *file;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		close(fd);
		errno = EINVAL;
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

static void fill_user(struct vps_user *user, const struct passwd *pw)
{
	snprintf(user->name, sizeof(user->name), "%s", pw->pw_name);
	snprintf(user->home, sizeof(user->home), "%s", *pw->pw_dir ? pw->pw_dir : "/");
	snprintf(user->shell, sizeof(user->shell), "%s",
		 *pw->pw_shell ? pw->pw_shell : DEFAULT_SHELL);
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
}

/* A VPS whose /etc/passwd is gone can still be entered by root, to mend it. */
static const struct vps_user fallback_root = {
	.name = "root", .home = "/", .shell = DEFAULT_SHELL,
};

int vps_user_find(const char *word, struct vps_user *ret_user, struct vps_fault *fault)
{
	_cleanup_(fclosep) FILE *file = open_own("/etc/passwd");
	bool is_root = !strcmp(word, "root") || !strcmp(word, "0");
	struct passwd *pw;
	bool by_number;
	uint64_t uid;

	by_number = !vps_parse_u64(word, &uid);
	if (by_number && uid > UID_LAST)
		return vps_refuse(fault, -ERANGE, "user id out of range", word);
	while (file && (pw = fgetpwent(file))) {
		if (by_number ? pw->pw_uid != uid : strcmp(pw->pw_name, word))
			continue;
		/* An id that wrapped or was never one would be somebody else's. */
		if (pw->pw_uid > UID_LAST || pw->pw_gid > UID_LAST)
			return vps_refuse(fault, -EINVAL, "user with an id out of range", word);
		fill_user(ret_user, pw);
		return 0;
	}
	if (!is_root)
		return vps_refuse(fault, -EINVAL, "no such user inside", *word ? word : "''");
	*ret_user = fallback_root;
	return 0;
}

int vps_user_become_root(struct vps_fault *fault)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return vps_fault(fault, -errno, "become root of the user namespace", "");
	return 0;
}

static int find_groups(const struct vps_user *user, gid_t *groups, size_t room, size_t *ret_count)
{
	_cleanup_(fclosep) FILE *file = open_own("/etc/group");
	struct group *gr;
	size_t count = 0;

	groups[count++] = user->gid;
	while (file && (gr = fgetgrent(file))) {
		for (char **member = gr->gr_mem; *member; member++) {
			if (strcmp(*member, user->name) || gr->gr_gid > UID_LAST)
				continue;
			if (count == room)
				return -E2BIG;
			groups[count++] = gr->gr_gid;
			break;
		}
	}
	*ret_count = count;
	return 0;
}

static int set_environment(const struct vps_user *user, char *const *envp)
{
	if (clearenv())
		return -ENOMEM;
	for (; *envp; envp++)
		if (putenv(*envp))
			return -ENOMEM;
	if (setenv("HOME", user->home, 1) || setenv("USER", user->name, 1) ||
	    setenv("LOGNAME", user->name, 1) || setenv("SHELL", user->shell, 1))
		return -ENOMEM;
	return 0;
}

int vps_user_become(const struct vps_user *user, char *const *envp, struct vps_fault *fault)
{
	gid_t groups[256];
	size_t count;
	int rc = find_groups(user, groups, ARRAY_SIZE(groups), &count);

	if (rc)
		return vps_fault(fault, rc, "find the groups of the user", user->name);
	if (setgroups(count, groups) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return vps_fault(fault, -errno, "become the user", user->name);
	rc = set_environment(user, envp);
	if (rc)
		return vps_fault(fault, rc, "set the environment", "");
	if (chdir(user->home) < 0 && chdir("/") < 0)
		return vps_fault(fault, -errno, "change to", user->home);
	return 0;
}
