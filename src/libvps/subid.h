/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VPS_SUBID_H
#define VPS_SUBID_H

#include <stdint.h>

/* Do the user ids of context @id meet a range of /etc/subuid or /etc/subgid? 1, 0 or -errno. */
int vps_subid_meets(uint32_t id);

#endif /* VPS_SUBID_H */
