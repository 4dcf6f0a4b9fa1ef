/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NOR flash with the Intel command set, as two 16-bit chips side by side on a 32-bit bus.
 *
 * While it is in read-array mode (almost always) its content is a read-only memslot, and only
 * writes come here. Any other mode takes the memslot away until the guest is back at the array.
 */
#ifndef ZVM_DEVICE_FLASH_H
#define ZVM_DEVICE_FLASH_H

#include "vmm/device/bus.h"

/* Bytes that one erase command clears, over both chips. */
#define ZVM_FLASH_BLOCK 0x40000u

struct zvm_flash;

struct zvm_flash_params {
	uint8_t *data; /* outlives the device */
	uint64_t size; /* a power of two, at least two blocks */
	bool locked;   /* program and erase fail, as with all blocks locked */
	/*
	 * Show or hide the array to the guest. Called on a vCPU thread under the device's lock, or
	 * by reset. May be NULL: then every read comes through the bus.
	 */
	void (*show)(void *opaque, bool array);
	void *opaque;
};

/* NULL when out of memory. */
struct zvm_flash *zvm_flash_create(const struct zvm_flash_params *params);
void zvm_flash_destroy(struct zvm_flash *flash);

/* Back to the array; content stays. No vCPU runs, and show() is not called. */
void zvm_flash_reset(struct zvm_flash *flash);

extern const struct zvm_mmio_ops zvm_flash_ops;

#endif
