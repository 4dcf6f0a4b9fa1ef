/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the process gives up once everything is open: privileges, and all system calls that running
 * a VM does not need. The guest's input is then handled by code that can do little but that.
 *
 * Main thread. zvm_sandbox_enter() runs after everything that opens
 * files or needs a privilege, before the vCPU threads start.
 */
#ifndef ZVM_SANDBOX_H
#define ZVM_SANDBOX_H

#include <stdint.h>

#include <zvm/err.h>

#include "vmm/config/config.h"

struct zvm_sandbox {
	void *vcpu_filter; /* prepared for zvm_sandbox_confine_vcpu(); struct sock_fprog */
};

/*
 * No new privileges, no capabilities, limits on resources, and the system call filter on every
 * thread that exists. Irreversible, whatever is returned. -errno when the kernel lacks seccomp.
 */
int zvm_sandbox_enter(struct zvm_sandbox *box, const struct zvm_config *cfg, struct zvm_err *err);

/* On a vCPU thread: the second, narrower filter. Makes no allocation. 0 or -errno. */
int zvm_sandbox_confine_vcpu(const struct zvm_sandbox *box);

void zvm_sandbox_fini(struct zvm_sandbox *box);

#endif
