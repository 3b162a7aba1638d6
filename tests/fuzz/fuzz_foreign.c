// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever an older program's configuration holds: it is refused, or what comes of it is right. */
#include <errno.h>
#include <unistd.h>

#include "foreign.h"
#include "fuzz.h"
#include "vps.h"

static void tell(const struct foreign_note *note, void *data)
{
	bool *refused = data;

	CHECK(note->text[0] && !strchr(note->text, '\n'));
	*refused |= note->refused;
}

static void look_at(const struct foreign *f)
{
	struct vps_config *config;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int fd;

	CHECK(out);
	foreign_print(f, out);
	CHECK(!fclose(out));
	fd = fuzz_fd((const uint8_t *)text, size);
	CHECK(!vps_config_parse(fd, NULL, NULL, &config));
	close(fd);
	vps_config_free(config);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool refused = false;
	struct foreign f = { .tell = tell, .data = &refused };
	int fd = fuzz_fd(data, size);
	int err = foreign_read_conf(&f, fd, "");

	close(fd);
	CHECK(!err || err == -EFBIG || err == -EILSEQ);
	CHECK(refused == f.refused);
	if (!err && !f.refused)
		look_at(&f);
	foreign_free(&f);
	return 0;
}
