// SPDX-License-Identifier: GPL-2.0-only
/*
 * System V objects and message queues in an ipc namespace that several contexts share: each has
 * its own, the same key is another object in each, and the host reaches all.
 */
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "vps_test.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

#define KEY 0x76707300
#define NEW (IPC_CREAT | IPC_EXCL | 0666)
/* Of the number of an object, where it is in the table of all. */
#define INDEX(id) ((id) & 0x7fff)

union semun {
	int value;
	struct semid_ds *stat;
	unsigned short *values;
};

/* ---- shared memory ---- */

static long new_or_errno(int id)
{
	return id < 0 ? -errno : id;
}

static long act_shm_make(long key)
{
	return new_or_errno(shmget(key, 4096, NEW));
}

static long act_shm_find(long key)
{
	return new_or_errno(shmget(key, 0, 0));
}

static long act_shm_attach(long id)
{
	void *at = shmat(id, NULL, 0);

	return at == (void *)-1 ? -errno : outcome(shmdt(at));
}

static long act_shm_stat(long id)
{
	return outcome(shmctl(id, IPC_STAT, &(struct shmid_ds){}));
}

static long act_shm_set(long id)
{
	struct shmid_ds stat = { .shm_perm = { .uid = geteuid(), .gid = getegid(), .mode = 0666 } };

	return outcome(shmctl(id, IPC_SET, &stat));
}

static long act_shm_lock(long id)
{
	return outcome(shmctl(id, SHM_LOCK, NULL));
}

static long act_shm_unlock(long id)
{
	return outcome(shmctl(id, SHM_UNLOCK, NULL));
}

static long act_shm_index(long id)
{
	return outcome(shmctl(INDEX(id), SHM_STAT, &(struct shmid_ds){}));
}

static long act_shm_index_any(long id)
{
	return outcome(shmctl(INDEX(id), SHM_STAT_ANY, &(struct shmid_ds){}));
}

static long act_shm_remove(long id)
{
	return outcome(shmctl(id, IPC_RMID, NULL));
}

/* ---- semaphores ---- */

static long act_sem_make(long key)
{
	return new_or_errno(semget(key, 1, NEW));
}

static long act_sem_find(long key)
{
	return new_or_errno(semget(key, 0, 0));
}

static long sem_change(int id, int by, int flags)
{
	return outcome(semop(id, &(struct sembuf){ .sem_op = by, .sem_flg = flags }, 1));
}

static long act_sem_up(long id)
{
	return sem_change(id, 1, IPC_NOWAIT);
}

static long act_sem_down(long id)
{
	struct sembuf down = { .sem_op = -1 };

	return outcome(semtimedop(id, &down, 1, &(struct timespec){ .tv_nsec = 1 }));
}

static long act_sem_value(long id)
{
	return outcome(semctl(id, 0, GETVAL));
}

static long act_sem_set_value(long id)
{
	return outcome(semctl(id, 0, SETVAL, (union semun){ .value = 0 }));
}

static long act_sem_values(long id)
{
	unsigned short values[1];

	return outcome(semctl(id, 0, GETALL, (union semun){ .values = values }));
}

static long act_sem_set_values(long id)
{
	unsigned short values[1] = {};

	return outcome(semctl(id, 0, SETALL, (union semun){ .values = values }));
}

static long act_sem_pid(long id)
{
	return outcome(semctl(id, 0, GETPID));
}

static long sem_control(int id, int command)
{
	struct semid_ds stat = { .sem_perm = { .uid = geteuid(), .gid = getegid(), .mode = 0666 } };

	return outcome(semctl(id, 0, command, (union semun){ .stat = &stat }));
}

static long act_sem_stat(long id)
{
	return sem_control(id, IPC_STAT);
}

static long act_sem_set(long id)
{
	return sem_control(id, IPC_SET);
}

static long act_sem_index(long id)
{
	return sem_control(INDEX(id), SEM_STAT);
}

static long act_sem_index_any(long id)
{
	return sem_control(INDEX(id), SEM_STAT_ANY);
}

static long act_sem_remove(long id)
{
	return sem_control(id, IPC_RMID);
}

/* ---- messages ---- */

struct message {
	long type;
	char byte;
};

static long act_msg_make(long key)
{
	return new_or_errno(msgget(key, NEW));
}

static long act_msg_find(long key)
{
	return new_or_errno(msgget(key, 0));
}

static long act_msg_send(long id)
{
	return outcome(msgsnd(id, &(struct message){ .type = 1 }, 1, IPC_NOWAIT));
}

static long act_msg_receive(long id)
{
	return outcome(msgrcv(id, &(struct message){}, 1, 0, IPC_NOWAIT));
}

static long msg_control(int id, int command)
{
	struct msqid_ds stat = {
		.msg_perm = { .uid = geteuid(), .gid = getegid(), .mode = 0666 },
		.msg_qbytes = 1024,
	};

	return outcome(msgctl(id, command, &stat));
}

static long act_msg_stat(long id)
{
	return msg_control(id, IPC_STAT);
}

static long act_msg_set(long id)
{
	return msg_control(id, IPC_SET);
}

static long act_msg_index(long id)
{
	return msg_control(INDEX(id), MSG_STAT);
}

static long act_msg_index_any(long id)
{
	return msg_control(INDEX(id), MSG_STAT_ANY);
}

static long act_msg_remove(long id)
{
	return msg_control(id, IPC_RMID);
}

/* ---- all of them ---- */

struct operation {
	const char *name;
	long (*act)(long id);
	int refused;	/* to strangers */
};

static const struct kind {
	const char *name;
	const char *list;
	long (*make)(long key);
	long (*find)(long key);
	long (*remove)(long id);
	struct operation operations[12];
} kinds[] = {
	{
		"shm", "/proc/sysvipc/shm", act_shm_make, act_shm_find, act_shm_remove, {
			{ "attach", act_shm_attach, EACCES },
			{ "stat", act_shm_stat, EACCES },
			{ "set", act_shm_set, EPERM },
			{ "lock", act_shm_lock, EPERM },
			{ "unlock", act_shm_unlock, EPERM },
			{ "stat by index", act_shm_index, EACCES },
			{ "stat of any by index", act_shm_index_any, EPERM },
			{},
		},
	}, {
		"sem", "/proc/sysvipc/sem", act_sem_make, act_sem_find, act_sem_remove, {
			{ "up", act_sem_up, EACCES },
			{ "down", act_sem_down, EACCES },
			{ "value", act_sem_value, EACCES },
			{ "set value", act_sem_set_value, EACCES },
			{ "values", act_sem_values, EACCES },
			{ "set values", act_sem_set_values, EACCES },
			{ "pid", act_sem_pid, EACCES },
			{ "stat", act_sem_stat, EACCES },
			{ "set", act_sem_set, EPERM },
			{ "stat by index", act_sem_index, EACCES },
			{ "stat of any by index", act_sem_index_any, EPERM },
			{},
		},
	}, {
		"msg", "/proc/sysvipc/msg", act_msg_make, act_msg_find, act_msg_remove, {
			{ "send", act_msg_send, EACCES },
			{ "receive", act_msg_receive, EACCES },
			{ "stat", act_msg_stat, EACCES },
			{ "set", act_msg_set, EPERM },
			{ "stat by index", act_msg_index, EACCES },
			{ "stat of any by index", act_msg_index_any, EPERM },
			{},
		},
	},
	{}
};

#define ACTORS 4

/* Which objects an actor is to look for in which list. */
static struct {
	char list[32];
	long ids[ACTORS];
} *asked;

FIXTURE(objects)
{
	struct places places;
	struct actor *actors[ACTORS];	/* the host is the first, context 1 the second */
};

FIXTURE_VARIANT(objects)
{
	uid_t user;
	__u64 spaces;
};

FIXTURE_VARIANT_ADD(objects, root) {};
FIXTURE_VARIANT_ADD(objects, user) { .user = SOMEBODY };
FIXTURE_VARIANT_ADD(objects, root_in_namespaces) { .spaces = SPACES };
FIXTURE_VARIANT_ADD(objects, user_in_namespaces) { .user = SOMEBODY, .spaces = SPACES };

FIXTURE_SETUP(objects)
{
	asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	ASSERT_NE(MAP_FAILED, asked);
	ASSERT_EQ(0, places_make(&self->places, variant->user, variant->spaces));
	self->actors[0] = &self->places.host;
	self->actors[1] = &self->places.in_all;
	self->actors[2] = &self->places.in_one;
	self->actors[3] = &self->places.in_two;
}

FIXTURE_TEARDOWN(objects)
{
	EXPECT_TRUE(places_end(&self->places));
}

/* What is in another namespace has no number here, and no number is the same there. */
static bool are_apart(int actor, int maker, bool spaces)
{
	return spaces && actor != maker && (actor > 1 || maker > 1);
}

static long expected(int actor, int maker, bool spaces, int refused)
{
	if (are_apart(actor, maker, spaces))
		return -EINVAL;
	return actor == maker || actor == 0 ? 0 : -refused;
}

static void operate(struct __test_metadata *_metadata, struct actor **actors, bool spaces,
		    const struct kind *kind, int maker)
{
	long id = actor_do(actors[maker], kind->make, KEY);

	ASSERT_LE(0, id);
	for (const struct operation *op = kind->operations; op->name; op++) {
		for (int i = 0; i < ACTORS; i++) {
			EXPECT_EQ(expected(i, maker, spaces, op->refused),
				  actor_do(actors[i], op->act, id))
				TH_LOG("%s: %s by %d of %d", kind->name, op->name, i, maker);
		}
	}
	for (int i = 0; i < ACTORS; i++) {
		long value = expected(i, maker, spaces, EPERM);

		if (value) {
			EXPECT_EQ(value, actor_do(actors[i], kind->remove, id))
				TH_LOG("%s: remove by %d of %d", kind->name, i, maker);
		}
	}
	EXPECT_EQ(0, actor_do(actors[maker], kind->remove, id));
}

TEST_F(objects, by_number)
{
	for (const struct kind *kind = kinds; kind->name; kind++) {
		for (int maker = 0; maker < ACTORS; maker++)
			operate(_metadata, self->actors, variant->spaces, kind, maker);
	}
}

TEST_F(objects, removed_by_the_host)
{
	if (variant->spaces)
		SKIP(return, "what is in another namespace has no number here");
	for (const struct kind *kind = kinds; kind->name; kind++) {
		for (int maker = 0; maker < ACTORS; maker++) {
			long id = actor_do(self->actors[maker], kind->make, KEY);

			ASSERT_LE(0, id);
			EXPECT_EQ(0, actor_do(self->actors[0], kind->remove, id));
			EXPECT_EQ(-EINVAL, actor_do(self->actors[maker], kind->remove, id));
		}
	}
}

TEST_F(objects, by_key)
{
	for (const struct kind *kind = kinds; kind->name; kind++) {
		long ids[ACTORS];

		for (int i = 0; i < ACTORS; i++) {
			EXPECT_EQ(-ENOENT, actor_do(self->actors[i], kind->find, KEY))
				TH_LOG("%s by %d", kind->name, i);
			ids[i] = actor_do(self->actors[i], kind->make, KEY);
			ASSERT_LE(0, ids[i])
				TH_LOG("%s by %d", kind->name, i);
			for (int j = 0; j < i && !variant->spaces; j++)
				EXPECT_NE(ids[j], ids[i]);
		}
		for (int i = 0; i < ACTORS; i++) {
			EXPECT_EQ(ids[i], actor_do(self->actors[i], kind->find, KEY))
				TH_LOG("%s by %d", kind->name, i);
			EXPECT_EQ(-EEXIST, actor_do(self->actors[i], kind->make, KEY))
				TH_LOG("%s by %d", kind->name, i);
		}
		for (int i = 0; i < ACTORS; i++) {
			EXPECT_EQ(0, actor_do(self->actors[i], kind->remove, ids[i]));
			EXPECT_EQ(-ENOENT, actor_do(self->actors[i], kind->find, KEY));
		}
	}
}

/* As many as make the table of keys grow. */
TEST_F(objects, by_many_keys)
{
	enum { MANY = 40 };

	for (const struct kind *kind = kinds; kind->name; kind++) {
		long ids[2 * MANY];

		for (int i = 0; i < 2 * MANY; i++) {
			ids[i] = actor_do(self->actors[2 + i % 2], kind->make, KEY + i / 2);
			ASSERT_LE(0, ids[i]);
		}
		for (int i = 0; i < 2 * MANY; i++) {
			struct actor *actor = self->actors[2 + i % 2];

			EXPECT_EQ(ids[i], actor_do(actor, kind->find, KEY + i / 2));
		}
		for (int i = 0; i < 2 * MANY; i++)
			EXPECT_EQ(0, actor_do(self->actors[2 + i % 2], kind->remove, ids[i]));
	}
}

/* A bit for each that is there. */
static long act_listed(long unused)
{
	FILE *list = fopen(asked->list, "re");
	char line[256];
	long found = 0;
	int key, id;

	if (!list)
		return -errno;
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "%d %d", &key, &id) != 2 || key != KEY)
			continue;
		for (int i = 0; i < ACTORS; i++)
			found |= (asked->ids[i] == id) << i;
	}
	fclose(list);
	return found;
}

TEST_F(objects, listed)
{
	if (variant->spaces)
		SKIP(return, "each namespace has a list of its own");
	for (const struct kind *kind = kinds; kind->name; kind++) {
		snprintf(asked->list, sizeof(asked->list), "%s", kind->list);
		for (int i = 0; i < ACTORS; i++) {
			asked->ids[i] = actor_do(self->actors[i], kind->make, KEY);
			ASSERT_LE(0, asked->ids[i]);
		}
		for (int i = 0; i < ACTORS; i++) {
			EXPECT_EQ(i < 2 ? (1 << ACTORS) - 1 : 1 << i,
				  actor_do(self->actors[i], act_listed, 0))
				TH_LOG("%s by %d", kind->name, i);
		}
		for (int i = 0; i < ACTORS; i++)
			EXPECT_EQ(0, actor_do(self->actors[i], kind->remove, asked->ids[i]));
	}
}

/* ---- who is moved while it has something ---- */

FIXTURE(user)
{
	struct places places;
	struct actor actor;
};

FIXTURE_SETUP(user)
{
	ASSERT_EQ(0, places_make(&self->places, 0, 0));
	ASSERT_EQ(0, actor_start(&self->actor, &self->places.one));
	ASSERT_EQ(0, actor_do(&self->actor, act_open_up, 0));
}

FIXTURE_TEARDOWN(user)
{
	actor_end(&self->actor);
	EXPECT_TRUE(places_end(&self->places));
}

static long act_sem_up_with_undo(long id)
{
	return sem_change(id, 1, SEM_UNDO);
}

static long act_sem_wait(long id)
{
	return sem_change(id, -1, 0);
}

static long act_sem_read(long id)
{
	return semctl(id, 0, GETVAL);
}

static long act_sem_waiting(long id)
{
	return semctl(id, 0, GETNCNT);
}

static long act_msg_wait(long id)
{
	return outcome(msgrcv(id, &(struct message){}, 1, 0, 0));
}

static long act_shm_keep(long id)
{
	void *at = shmat(id, NULL, 0);

	return at == (void *)-1 ? -errno : 0;
}

static long act_shm_attached(long id)
{
	struct shmid_ds stat;

	return shmctl(id, IPC_STAT, &stat) ? -errno : (long)stat.shm_nattch;
}

TEST_F(user, undoes_what_it_did)
{
	struct actor *one = &self->places.in_one;
	long id = actor_do(one, act_sem_make, KEY);

	ASSERT_LE(0, id);
	ASSERT_EQ(0, actor_do(&self->actor, act_sem_up_with_undo, id));
	EXPECT_EQ(1, actor_do(one, act_sem_read, id));
	ASSERT_EQ(0, vps_migrate(TWO, self->places.two.group, self->actor.pid));
	EXPECT_EQ(-EACCES, actor_do(&self->actor, act_sem_up_with_undo, id));
	EXPECT_EQ(1, actor_do(one, act_sem_read, id));
	EXPECT_EQ(0, actor_end(&self->actor));
	EXPECT_EQ(0, actor_do(one, act_sem_read, id));
	EXPECT_EQ(0, actor_do(one, act_sem_remove, id));
}

TEST_F(user, waits)
{
	struct actor *one = &self->places.in_one;
	long id = actor_do(one, act_sem_make, KEY);

	ASSERT_LE(0, id);
	actor_ask(&self->actor, act_sem_wait, id);
	ASSERT_TRUE(EVENTUALLY(actor_do(one, act_sem_waiting, id) == 1));
	ASSERT_EQ(0, vps_migrate(TWO, self->places.two.group, self->actor.pid));
	EXPECT_EQ(0, actor_do(one, act_sem_up, id));
	EXPECT_EQ(0, actor_hear(&self->actor));
	EXPECT_EQ(0, actor_do(one, act_sem_remove, id));
}

TEST_F(user, waits_for_what_is_removed)
{
	struct actor *one = &self->places.in_one;
	long id = actor_do(one, act_sem_make, KEY), queue = actor_do(one, act_msg_make, KEY);

	ASSERT_LE(0, id);
	ASSERT_LE(0, queue);
	actor_ask(&self->actor, act_sem_wait, id);
	ASSERT_TRUE(EVENTUALLY(actor_do(one, act_sem_waiting, id) == 1));
	ASSERT_EQ(0, vps_migrate(TWO, self->places.two.group, self->actor.pid));
	EXPECT_EQ(0, actor_do(one, act_sem_remove, id));
	EXPECT_EQ(-EIDRM, actor_hear(&self->actor));

	ASSERT_EQ(0, vps_migrate(ONE, self->places.one.group, self->actor.pid));
	actor_ask(&self->actor, act_msg_wait, queue);
	nap();
	ASSERT_EQ(0, vps_migrate(TWO, self->places.two.group, self->actor.pid));
	EXPECT_EQ(0, actor_do(one, act_msg_send, queue));
	EXPECT_EQ(0, actor_hear(&self->actor));
	EXPECT_EQ(0, actor_do(one, act_msg_remove, queue));
}

/* What was removed while it was in use ends with its last user. */
TEST_F(user, has_memory)
{
	struct actor *one = &self->places.in_one;
	long kept = actor_do(one, act_shm_make, KEY), gone = actor_do(one, act_shm_make, KEY + 1);

	ASSERT_LE(0, kept);
	ASSERT_LE(0, gone);
	ASSERT_EQ(0, actor_do(&self->actor, act_shm_keep, kept));
	ASSERT_EQ(0, actor_do(&self->actor, act_shm_keep, gone));
	EXPECT_EQ(1, actor_do(one, act_shm_attached, kept));
	ASSERT_EQ(0, actor_do(one, act_shm_remove, gone));
	EXPECT_EQ(1, act_shm_attached(gone));
	ASSERT_EQ(0, vps_migrate(TWO, self->places.two.group, self->actor.pid));
	EXPECT_EQ(0, actor_do(&self->actor, act_fork, 0));
	EXPECT_EQ(1, act_shm_attached(gone));
	EXPECT_EQ(0, actor_end(&self->actor));
	EXPECT_EQ(0, actor_do(one, act_shm_attached, kept));
	EXPECT_EQ(-EINVAL, act_shm_attached(gone));
	EXPECT_EQ(0, actor_do(one, act_shm_remove, kept));
}

/* What a context leaves behind is the host's to remove, and nobody's else. */
TEST_F(user, ends)
{
	long id = actor_do(&self->places.in_one, act_shm_make, KEY);

	ASSERT_LE(0, id);
	actor_end(&self->actor);
	ASSERT_EQ(0, vps_signal(ONE, SIGKILL));
	ASSERT_TRUE(EVENTUALLY(vps_destroy(ONE) == 0));
	/* Nor is it of who has its number next. */
	close(self->places.one.group);
	ASSERT_EQ(0, vps_create(ONE, self->places.one.group = group_make("again"), 0));
	EXPECT_EQ(-ENOENT, act_in(&self->places.one, act_shm_find, KEY));
	EXPECT_EQ(-EPERM, act_in(&self->places.one, act_shm_remove, id));
	EXPECT_EQ(0, act_shm_remove(id));
}

/* ---- message queues that have names ---- */

#define QUEUE "vps-selftest"

static long queue_open(int flags)
{
	int fd = syscall(__NR_mq_open, QUEUE, O_RDWR | flags, 0666, NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long act_queue_open(long unused)
{
	return queue_open(0);
}

static long act_queue_create(long unused)
{
	return queue_open(O_CREAT);
}

static long act_queue_new(long unused)
{
	return queue_open(O_CREAT | O_EXCL);
}

static long act_queue_unlink(long unused)
{
	return outcome(syscall(__NR_mq_unlink, QUEUE));
}

TEST_F(objects, queues)
{
	if (variant->spaces) {
		EXPECT_EQ(0, actor_do(&self->places.in_one, act_queue_new, 0));
		EXPECT_EQ(-ENOENT, actor_do(&self->places.in_two, act_queue_open, 0));
		EXPECT_EQ(0, actor_do(&self->places.in_two, act_queue_new, 0));
		EXPECT_EQ(-ENOENT, actor_do(&self->places.host, act_queue_open, 0));
		return;
	}
	for (int maker = 0; maker < ACTORS; maker++) {
		ASSERT_EQ(0, actor_do(self->actors[maker], act_queue_new, 0));
		for (int i = ACTORS - 1; i > 0; i--) {
			struct actor *actor = self->actors[i];

			if (i == maker)
				continue;
			EXPECT_EQ(-EACCES, actor_do(actor, act_queue_open, 0))
				TH_LOG("%d of %d", i, maker);
			EXPECT_EQ(-EACCES, actor_do(actor, act_queue_create, 0))
				TH_LOG("%d of %d", i, maker);
			EXPECT_EQ(-EEXIST, actor_do(actor, act_queue_new, 0))
				TH_LOG("%d of %d", i, maker);
			EXPECT_EQ(-EPERM, actor_do(actor, act_queue_unlink, 0))
				TH_LOG("%d of %d", i, maker);
		}
		EXPECT_EQ(0, actor_do(self->actors[maker], act_queue_open, 0));
		EXPECT_EQ(-EEXIST, actor_do(self->actors[maker], act_queue_new, 0));
		EXPECT_EQ(0, actor_do(&self->places.host, act_queue_open, 0));
		EXPECT_EQ(0, actor_do(&self->places.host, act_queue_create, 0));
		EXPECT_EQ(0, actor_do(self->actors[maker], act_queue_unlink, 0));
	}
	/* The host may take away what others made. */
	for (int maker = 1; maker < ACTORS; maker++) {
		ASSERT_EQ(0, actor_do(self->actors[maker], act_queue_new, 0));
		EXPECT_EQ(0, actor_do(&self->places.host, act_queue_unlink, 0));
	}
}

/* ---- the same as files ---- */

#define QUEUE_FILE "/tmp/" QUEUE

static long act_mount_queues(long unused)
{
	return outcome(unshare(CLONE_NEWNS)) ?:
	       outcome(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) ?:
	       outcome(mount("mqueue", "/tmp", "mqueue", 0, NULL));
}

static long act_file_open(long flags)
{
	int fd = open(QUEUE_FILE, flags);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long act_file_chmod(long mode)
{
	return outcome(chmod(QUEUE_FILE, mode));
}

static long act_file_unlink(long unused)
{
	return outcome(unlink(QUEUE_FILE));
}

TEST_F(objects, queues_as_files)
{
	if (variant->user || variant->spaces)
		SKIP(return, "to mount those of the host takes its root");
	for (int i = 0; i < ACTORS; i++)
		ASSERT_EQ(0, actor_do(self->actors[i], act_mount_queues, 0));
	for (int maker = 0; maker < ACTORS; maker++) {
		ASSERT_EQ(0, actor_do(self->actors[maker], act_queue_new, 0));
		for (int i = ACTORS - 1; i >= 0; i--) {
			bool reaches = i == 0 || i == maker;

			EXPECT_EQ(reaches ? 0 : -EACCES,
				  actor_do(self->actors[i], act_file_open, O_RDWR))
				TH_LOG("%d of %d", i, maker);
			EXPECT_EQ(reaches ? 0 : -EACCES,
				  actor_do(self->actors[i], act_file_open, O_RDONLY))
				TH_LOG("%d of %d", i, maker);
		}
		for (int i = ACTORS - 1; i > 0; i--) {
			if (i != maker)
				EXPECT_EQ(-EPERM, actor_do(self->actors[i], act_file_unlink, 0));
		}
		EXPECT_EQ(0, actor_do(self->actors[maker], act_file_chmod, 0600));
		EXPECT_EQ(0, actor_do(&self->places.host, act_file_unlink, 0));
	}
}

TEST_HARNESS_MAIN
