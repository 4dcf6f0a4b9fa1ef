// SPDX-License-Identifier: GPL-2.0
/* A command of the zvm tool, called like main() and read like a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tools/zvm/zvm.h"
#include "command.h"

int command_run(int (*command)(int, char **, struct zvm_err *), char *const argv[],
		char text[COMMAND_TEXT], struct zvm_err *err)
{
	int argc = 0, saved, status;
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	while (argv[argc])
		argc++;
	memset(err, 0, sizeof(*err));
	fflush(stdout);
	saved = dup(1);
	dup2(fileno(f), 1);
	status = command(argc, (char **)argv, err);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	rewind(f);
	n = fread(text, 1, COMMAND_TEXT - 1, f);
	text[n] = '\0';
	fclose(f);
	return status;
}
