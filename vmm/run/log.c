// SPDX-License-Identifier: GPL-2.0
/*
 * Log lines on their way to main.c. Level and sink are set once before there are threads; each line
 * is put together on its caller's stack, so nothing is shared. Text from the guest does not get
 * here: callers log their own words and numbers.
 */
#include "vmm/run/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum zvm_log_level max_level;
static void (*log_sink)(enum zvm_log_level level, const char *line);

void zvm_log_open(enum zvm_log_level max, void (*sink)(enum zvm_log_level level, const char *line))
{
	max_level = max;
	log_sink = sink;
}

void zvm_log(enum zvm_log_level level, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (!log_sink || level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_sink(level, line);
}
