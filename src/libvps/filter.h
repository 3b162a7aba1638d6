/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VPS_FILTER_H
#define VPS_FILTER_H

#include <stdbool.h>

/* Loads the system call filter of a VPS into the calling process. */
int vps_filter_load(bool userns);

#endif /* VPS_FILTER_H */
