/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vserver(2) by the test that includes this, in place of the C library's syscall().
 */
#ifndef UNIT_VSERVER_H
#define UNIT_VSERVER_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

/* What the kernel would answer, or its errno, negative. */
static long answer(uint32_t cmd, uint32_t id, void *data);

long syscall(long number, ...)
{
	uint32_t cmd, id;
	va_list args;
	void *data;
	long rc;

	(void)number;
	va_start(args, number);
	cmd = va_arg(args, uint32_t);
	id = va_arg(args, uint32_t);
	data = va_arg(args, void *);
	va_end(args);
	rc = answer(cmd, id, data);
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

#endif /* UNIT_VSERVER_H */
