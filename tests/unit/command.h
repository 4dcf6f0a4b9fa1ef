/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZVM_TESTS_COMMAND_H
#define ZVM_TESTS_COMMAND_H

struct zvm_err;

#define COMMAND_TEXT 4096

/* Runs a command of the tool with its standard output in @text, cut at COMMAND_TEXT - 1 bytes. */
int command_run(int (*command)(int, char **, struct zvm_err *), char *const argv[],
		char text[COMMAND_TEXT], struct zvm_err *err);

#endif
