/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device tree that tells the guest what machine it is on.
 *
 * Built from the address map and the configuration; the bindings are those that QEMU's virt board
 * uses, which guests of that board look for. Main thread, no state.
 */
#ifndef ZVM_MACHINE_FDT_H
#define ZVM_MACHINE_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zvm/err.h>

#include "vmm/config/config.h"

struct zvm_fdt_params {
	const struct zvm_config *cfg;
	uint64_t ram_size;
	uint64_t mpidr[ZVM_CONFIG_MAX_VCPUS]; /* affinity fields, for cfg->vcpus of them */
	uint64_t initrd;		      /* IPA; no initrd when initrd_size is 0 */
	uint64_t initrd_size;
	bool flash;	     /* the flash windows answer */
	bool pmu;	     /* the vCPUs have a PMU */
	unsigned int virtio; /* slots 0..virtio-1 are described */
	const uint8_t *seed; /* 40 random bytes (kaslr, then rng), or NULL for none */
};

#define ZVM_FDT_SEED 40u

/* Writes a tree of at most @size bytes to @buf. 0, or -ENOSPC/-EINVAL with a message. */
int zvm_fdt_build(const struct zvm_fdt_params *params, void *buf, size_t size, struct zvm_err *err);

/*
 * The user's own tree, @len bytes in @user: moved to @buf and given this VM's /memory, bootargs
 * (if the configuration has any), initrd and seeds; everything else stays as it is.
 */
int zvm_fdt_patch(const struct zvm_fdt_params *params, const void *user, size_t len, void *buf,
		  size_t size, struct zvm_err *err);

#endif
