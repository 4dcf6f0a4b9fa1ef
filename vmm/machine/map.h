/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's physical address map: the `virt` platform, in one table.
 *
 * The device tree, the memslots, the MMIO bus and every printed map come from here. Constant.
 */
#ifndef ZVM_MACHINE_MAP_H
#define ZVM_MACHINE_MAP_H

#include <stdint.h>

enum zvm_map_id {
	ZVM_MAP_FLASH0,
	ZVM_MAP_FLASH1,
	ZVM_MAP_GICD,
	ZVM_MAP_GICR,
	ZVM_MAP_UART,
	ZVM_MAP_RTC,
	ZVM_MAP_GPIO,
	ZVM_MAP_PVTIME,
	ZVM_MAP_VIRTIO,
	ZVM_MAP_RAM,
	ZVM_MAP_NR,
};

struct zvm_map_entry {
	const char *name;
	uint64_t base; /* IPA */
	uint64_t size; /* of the window; RAM: the most there may be */
	int spi;       /* first shared peripheral interrupt, -1 for none */
};

extern const struct zvm_map_entry zvm_map[ZVM_MAP_NR];

#define ZVM_MAP_VIRTIO_SLOT  0x200u /* bytes of one virtio-mmio slot; slot n has SPI 16 + n */
#define ZVM_MAP_VIRTIO_SLOTS 32u
#define ZVM_MAP_POWER_KEY    3u /* GPIO line */

/* INTIDs that the GIC must have: 32 private ones and SPIs 0..95, rounded up as KVM wants it. */
#define ZVM_MAP_NR_IRQS 128u

/* Private peripheral interrupts of timers and PMU: PPI n is INTID 16 + n. */
#define ZVM_MAP_PPI_TIMER_SECURE 13u
#define ZVM_MAP_PPI_TIMER_PHYS	 14u
#define ZVM_MAP_PPI_TIMER_VIRT	 11u
#define ZVM_MAP_PPI_TIMER_HYP	 10u
#define ZVM_MAP_PPI_PMU		 7u

#endif
