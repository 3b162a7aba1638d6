// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever a configuration holds: it is right, or an error was told that fits on a line. */
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

/* What was taken is known, and has nothing in it that a terminal or a line minds. */
static void look_at(const struct vps_config *config)
{
	const char *key, *value, *c;
	size_t i;

	for (i = 0; vps_config_at(config, i, &key, &value); i++) {
		if (*value == '\0' || vps_config_get(config, key) != value)
			abort();
		for (c = value; *c; c++)
			if ((unsigned char)*c < ' ' && *c != '\t')
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vps_config *config = NULL;
	unsigned int errors = 0;
	int fd = fuzz_fd(data, size);
	int err;

	err = vps_config_parse(fd, report, &errors, &config);
	close(fd);
	if ((err == -EINVAL) != (errors > 0) || (err && err != -EINVAL && err != -EFBIG))
		abort();
	if (config)
		look_at(config);
	vps_config_free(config);
	return 0;
}
