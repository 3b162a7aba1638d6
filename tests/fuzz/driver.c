// SPDX-License-Identifier: GPL-2.0-or-later
/* Where there is no libFuzzer: each file that is named, or is in a directory that is. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

static void run_file(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *file = fopen(path, "re");
	uint8_t *copy;
	size_t size;

	if (!file) {
		perror(path);
		exit(1);
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	/* Of its own size, so that what is behind it is seen to be nobody's. */
	copy = malloc(size ? size : 1);
	CHECK(copy);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static unsigned int run_dir(const char *path)
{
	unsigned int count = 0;
	struct dirent *entry;
	char name[4096];
	DIR *dir = opendir(path);

	if (!dir) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		run_file(name);
		count++;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	unsigned int count = 0;
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (*argv[i] == '-')	/* libFuzzer's */
			continue;
		if (!stat(argv[i], &st) && S_ISDIR(st.st_mode)) {
			count += run_dir(argv[i]);
		} else {
			run_file(argv[i]);
			count++;
		}
	}
	printf("%u inputs\n", count);
	return 0;
}
