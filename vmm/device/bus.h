/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The MMIO bus: which device answers for a guest physical address, and the register table that
 * every register-level device is written as.
 *
 * Regions are added while the machine is built, before the first vCPU runs, and are never moved
 * after that, so the dispatch takes no lock; each device has its own. All addresses are IPAs.
 */
#ifndef ZVM_DEVICE_BUS_H
#define ZVM_DEVICE_BUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Access widths in bytes, as a bit mask: the value of a width is also its bit. */
#define ZVM_WIDTH_1	1u
#define ZVM_WIDTH_2	2u
#define ZVM_WIDTH_4	4u
#define ZVM_WIDTH_8	8u
#define ZVM_WIDTH_1_4	(ZVM_WIDTH_1 | ZVM_WIDTH_2 | ZVM_WIDTH_4)
#define ZVM_BUS_REGIONS 64

/*
 * Handlers run on the vCPU thread that touched the address. @off is below the region's size,
 * naturally aligned, and off + width does not leave the region; width is one that the region
 * allows.
 */
struct zvm_mmio_ops {
	uint64_t (*read)(void *dev, uint64_t off, unsigned int width);
	void (*write)(void *dev, uint64_t off, unsigned int width, uint64_t val);
};

struct zvm_region {
	const char *name;
	uint64_t base;
	uint64_t size;
	unsigned int widths;
	const struct zvm_mmio_ops *ops;
	void *dev;
};

struct zvm_bus {
	unsigned int count;
	struct zvm_region region[ZVM_BUS_REGIONS]; /* sorted by base, no two overlap */
	atomic_ulong accesses;
	atomic_ulong holes;   /* no device at the address */
	atomic_ulong refused; /* width or alignment that the device does not have */
};

void zvm_bus_init(struct zvm_bus *bus);

/*
 * Add a region; @name must outlive the bus. -EINVAL for an empty region or one that wraps,
 * -EEXIST when it overlaps another, -ENOSPC when the table is full.
 */
int zvm_bus_add(struct zvm_bus *bus, const struct zvm_region *region);

/*
 * One guest access, from any vCPU thread. @data holds @len bytes in guest memory order
 * (kvm_run.mmio.data). A hole or a refused access reads as zero, ignores the write, and is counted.
 */
void zvm_bus_access(struct zvm_bus *bus, uint64_t ipa, uint8_t *data, uint32_t len, bool write);

/* A 32-bit register of a device: the access column is which of the two handlers is there. */
struct zvm_reg {
	uint16_t off;
	const char *name;
	uint32_t (*read)(void *dev);
	void (*write)(void *dev, uint32_t val);
};

/* The register at @off (a multiple of 4) in a table of @n, or NULL. */
const struct zvm_reg *zvm_reg_find(const struct zvm_reg *table, size_t n, uint64_t off);

/*
 * The wire from a device to the interrupt controller. set() may be called under the device's lock
 * and from any thread, and must not call back into the device.
 */
struct zvm_irqline {
	void (*set)(void *opaque, unsigned int irq, bool level);
	void *opaque;
	unsigned int irq;
};

static inline void zvm_irqline_set(const struct zvm_irqline *line, bool level)
{
	if (line->set)
		line->set(line->opaque, line->irq, level);
}

#endif
