// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * counts MAP BYTES: every row of the pinned counters MAP has that many bytes more each way, as if
 * there had been traffic. Says how many rows there are.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../src/bpf/traffic.bpf.h"

int main(int argc, char **argv)
{
	struct vps_bpf_row row, next;
	struct vps_bpf_count *counts;
	int cpus = libbpf_num_possible_cpus();
	unsigned long rows = 0;
	uint64_t more;
	int map;

	if (argc != 3)
		errx(2, "usage: counts MAP BYTES");
	more = strtoull(argv[2], NULL, 10);
	map = bpf_obj_get(argv[1]);
	counts = cpus < 0 ? NULL : calloc((size_t)cpus, sizeof(*counts));
	if (map < 0 || !counts)
		err(1, "%s", argv[1]);
	for (int more_rows = !bpf_map_get_next_key(map, NULL, &row); more_rows; row = next) {
		more_rows = !bpf_map_get_next_key(map, &row, &next);
		if (bpf_map_lookup_elem(map, &row, counts))
			err(1, "read");
		counts[0].in += more;
		counts[0].out += more;
		counts[0].in_packets++;
		counts[0].out_packets++;
		if (bpf_map_update_elem(map, &row, counts, BPF_EXIST))
			err(1, "write");
		rows++;
	}
	printf("%lu\n", rows);
	return 0;
}
