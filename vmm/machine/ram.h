/* SPDX-License-Identifier: GPL-2.0 */
/* Host memory that becomes guest RAM or flash. */
#ifndef ZVM_MACHINE_RAM_H
#define ZVM_MACHINE_RAM_H

#include <stddef.h>
#include <stdint.h>

#include <zvm/err.h>

#include "vmm/config/config.h"

/*
 * Map @size bytes for guest physical address @ipa as @backing says; zero-filled. The host address
 * is congruent to @ipa modulo 1 GiB, so that every stage-2 block that the host's pages allow can
 * be used. -ENOMEM and friends with the reason and a remedy.
 */
int zvm_ram_map(uint64_t ipa, uint64_t size, const struct zvm_config_backing *backing,
		uint8_t **hva, struct zvm_err *err);
void zvm_ram_unmap(uint8_t *hva, uint64_t size);

/* Zero again, giving the pages back to the host. Nothing may be using the memory. */
int zvm_ram_clear(uint8_t *hva, uint64_t size, const struct zvm_config_backing *backing);

#endif
