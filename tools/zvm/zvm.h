/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The zvm command: what its subcommands share.
 *
 * One process, one thread. A subcommand prints its result on standard output, leaves the reason
 * of a failure in its struct zvm_err for main() to print, and returns an exit status.
 */
#ifndef ZVM_TOOLS_ZVM_H
#define ZVM_TOOLS_ZVM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <zvm/err.h>

#include "vmm/config/config.h"
#include "vmm/machine/load.h"

/* The same as those of zvm-run(1). */
enum zvm_exit {
	ZVM_EXIT_OK = 0,
	ZVM_EXIT_HOST = 1, /* the host lacks something, or a VM does not do what is asked */
	ZVM_EXIT_USER = 2, /* command line, vm.toml, or a file that it names */
};

int zvm_check_main(int argc, char **argv, struct zvm_err *err);
int zvm_explain_main(int argc, char **argv, struct zvm_err *err);
int zvm_doctor_main(int argc, char **argv, struct zvm_err *err);
int zvm_new_main(int argc, char **argv, struct zvm_err *err);
int zvm_delete_main(int argc, char **argv, struct zvm_err *err);
int zvm_run_main(int argc, char **argv, struct zvm_err *err);
int zvm_list_main(int argc, char **argv, struct zvm_err *err);
int zvm_info_main(int argc, char **argv, struct zvm_err *err);
int zvm_console_main(int argc, char **argv, struct zvm_err *err);
int zvm_top_main(int argc, char **argv, struct zvm_err *err);
/* Sends argv[0], a command of the control protocol, to the VM argv[1] and prints the reply. */
int zvm_control_main(int argc, char **argv, struct zvm_err *err);

/* ---- dry.c: a machine that is built in memory and never runs ---- */

struct zvm_dry {
	struct zvm_span ram;   /* as large as the guest's; only what is loaded takes host memory */
	struct zvm_span flash; /* size 0 without firmware */
	struct zvm_boot boot;
	void *dtb; /* as the guest would get it, inside ram */
};

/*
 * Load the images of @cfg and build its device tree as zvm-run does. 0, or -errno with a message
 * that names the key. On success the caller ends with zvm_dry_free().
 */
int zvm_dry_load(struct zvm_dry *dry, const struct zvm_config *cfg, struct zvm_err *err);
/* virtio slots in use, from 0 on: disks, then a virtio console, then the entropy source. */
unsigned int zvm_dry_slots(const struct zvm_config *cfg);
void zvm_dry_free(struct zvm_dry *dry);

/* ---- doctor.c, for the tests ---- */

enum zvm_verdict { ZVM_GOOD, ZVM_NOTE, ZVM_BAD };

/* What is looked at: "" is this host, anything else a directory with /proc and /sys of another. */
struct zvm_host_view {
	const char *root;
	const char *machine;	/* uname -m */
	long page_size;		/* bytes */
	const char *kernel_log; /* NULL: not readable */
	uint64_t memlock;	/* bytes that may be locked, UINT64_MAX: no limit */
};

struct zvm_finding {
	enum zvm_verdict verdict;
	char text[160];
	char remedy[224]; /* empty if there is nothing to do */
};

struct zvm_doctor_check {
	const char *title;
	void (*look)(const struct zvm_host_view *host, struct zvm_finding *finding);
};

extern const struct zvm_doctor_check zvm_doctor_checks[];
extern const size_t zvm_doctor_nr_checks;

#endif
