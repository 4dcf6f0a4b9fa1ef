// SPDX-License-Identifier: GPL-2.0
/*
 * zvm: make, start, watch and end VMs, and check and explain what zvm-run runs. Options in, exit
 * status out; the only file of the command that exits, and the one that prints errors.
 */
#include <string.h>

#include "tools/zvm/zvm.h"

#ifndef ZVM_VERSION
#define ZVM_VERSION "0.1"
#endif

static const struct command {
	const char *name, *arguments, *help;
	int (*main)(int argc, char **argv, struct zvm_err *err);
} commands[] = {
	{ "new", "NAME OPTION... | NAME --from FILE.toml", "make a VM and keep it under a name",
	  zvm_new_main },
	{ "run", "[-f] [-d DEVICE] VM | FILE.toml", "start a VM in the background", zvm_run_main },
	{ "console", "VM", "be the console of a VM; Ctrl-A d leaves", zvm_console_main },
	{ "list", "", "list the VMs that run, and those that zvm new has made", zvm_list_main },
	{ "info", "VM", "print what a VM is and does", zvm_info_main },
	{ "top", "[-d SECONDS] [-n ROUNDS] [-b]", "watch what the VMs that run cost and do",
	  zvm_top_main },
	{ "stats", "VM", "print the counters of a VM, its vCPUs and devices", zvm_control_main },
	{ "pause", "VM", "stop the vCPUs until resume", zvm_control_main },
	{ "resume", "VM", "let them run again", zvm_control_main },
	{ "power-key", "VM", "press the power key: the guest shuts down, if it listens",
	  zvm_control_main },
	{ "reset", "VM", "restart the guest, as a reset button would", zvm_control_main },
	{ "stop", "VM", "end the VM at once, as pulling the plug would", zvm_control_main },
	{ "delete", "[--force] NAME", "forget a VM that zvm new has made", zvm_delete_main },
	{ "check", "FILE.toml...", "say whether zvm-run would accept each file", zvm_check_main },
	{ "explain", "FILE.toml | --keys",
	  "print a VM with its defaults, memory map, interrupts and device tree, or all keys",
	  zvm_explain_main },
	{ "doctor", "", "say what this host lacks to run VMs, and what to do about it",
	  zvm_doctor_main },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
	size_t i;

	fputs("Usage: zvm COMMAND [ARGUMENT]...\n\n", to);
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %s%s%s\n\t%s\n", commands[i].name,
			commands[i].arguments[0] ? " " : "", commands[i].arguments,
			commands[i].help);
	fputs("\n  -h, --help      this text\n  -V, --version   the version\n\n"
	      "VM is the name of a VM; for one that runs also the path of its control socket.\n"
	      "Exit status: 0 fine, 1 the host lacks something or the VM does not answer or refuses,\n"
	      "2 usage or configuration error.\n"
	      "See zvm(1), zvm-run(1), vm.toml(5).\n",
	      to);
}

static int run(const struct command *command, int argc, char **argv)
{
	struct zvm_err err = { "" };
	int status;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		printf("Usage: zvm %s%s%s\n%s\n", command->name, command->arguments[0] ? " " : "",
		       command->arguments, command->help);
		return ZVM_EXIT_OK;
	}
	status = command->main(argc, argv, &err);
	if (err.msg[0])
		fprintf(stderr, "zvm: %s\n", err.msg);
	if (fflush(stdout) || ferror(stdout)) {
		fputs("zvm: cannot write the output\n", stderr);
		return ZVM_EXIT_HOST;
	}
	return status;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		print_usage(stdout);
		return ZVM_EXIT_OK;
	}
	if (argc > 1 && (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))) {
		puts("zvm " ZVM_VERSION);
		return ZVM_EXIT_OK;
	}
	for (i = 0; argc > 1 && i < NR_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr, "zvm: there is no command %s; zvm --help lists them\n", argv[1]);
	else
		print_usage(stderr);
	return ZVM_EXIT_USER;
}
