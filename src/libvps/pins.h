/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory in bpffs that keeps programs and maps when nobody has them open.
 */
#ifndef VPS_PINS_H
#define VPS_PINS_H

struct bpf_object_skeleton;

#define VPS_PINS "/sys/fs/bpf/vps"

/*
 * Maps whose name begins with "traffic_" are the same ones for all programs, and are pinned here;
 * the number changes with their layout.
 */
#define VPS_PINS_TRAFFIC VPS_PINS "/traffic1"

/* What is pinned at @path below VPS_PINS. -ENOENT; -EPERM the directory is not root's alone. */
int vps_pins_open(const char *path);

/* Makes the directory, mounts bpffs for it if need be, and locks it; closing unlocks. */
int vps_pins_lock(void);

/* Removes directory @name of pins below @dir, which holds no other; what was attached goes. */
int vps_pins_remove(int dir, const char *name);

/*
 * Loads the programs of @skeleton. With @dir, a directory of pins, the maps that are pinned there
 * are used again, and the others are pinned; with those of VPS_PINS_TRAFFIC. -ENOTSUP this
 * kernel does not take them.
 */
int vps_pins_load(struct bpf_object_skeleton *skeleton, const char *dir);

/* Runs @step, which is 0 or a descriptor, while libbpf keeps what it has to say to itself. */
int vps_bpf_quietly(int (*step)(const void *argument), const void *argument);

#endif /* VPS_PINS_H */
