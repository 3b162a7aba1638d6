// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever a file of classes holds: it is right, or an error was told that fits on a line. */
#include <errno.h>
#include <unistd.h>

#include "fuzz.h"
#include "vps.h"

static void report(const struct vps_config_error *err, void *data)
{
	unsigned int *count = data;

	if (err->line == 0 || err->text[0] == '\0' || strchr(err->text, '\n'))
		abort();
	(*count)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vps_class_network *networks = NULL;
	unsigned int errors = 0;
	size_t count = 0;
	int fd = fuzz_fd(data, size);
	int err;

	err = vps_classes_parse(fd, report, &errors, &networks, &count);
	close(fd);
	if ((err == -EINVAL) != (errors > 0) || (err && err != -EINVAL && err != -EFBIG))
		abort();
	for (size_t i = 0; i < count; i++)
		if (!vps_is_name(networks[i].class))
			abort();
	free(networks);
	return 0;
}
