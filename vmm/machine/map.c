// SPDX-License-Identifier: GPL-2.0
/* The address map of QEMU's `virt` board, as far as this machine has it. */
#include "vmm/machine/map.h"

const struct zvm_map_entry zvm_map[ZVM_MAP_NR] = {
	[ZVM_MAP_FLASH0] = { "flash0", 0x00000000, 0x04000000, -1 },
	[ZVM_MAP_FLASH1] = { "flash1", 0x04000000, 0x04000000, -1 },
	[ZVM_MAP_GICD] = { "gic-distributor", 0x08000000, 0x00010000, -1 },
	[ZVM_MAP_GICR] = { "gic-redistributors", 0x080a0000, 0x00f60000, -1 },
	[ZVM_MAP_UART] = { "pl011", 0x09000000, 0x00001000, 1 },
	[ZVM_MAP_RTC] = { "pl031", 0x09010000, 0x00001000, 2 },
	[ZVM_MAP_GPIO] = { "pl061", 0x09030000, 0x00001000, 7 },
	[ZVM_MAP_PVTIME] = { "stolen-time", 0x090a0000, 0x00010000, -1 },
	[ZVM_MAP_VIRTIO] = { "virtio-mmio", 0x0a000000, 0x00004000, 16 },
	[ZVM_MAP_RAM] = { "ram", 0x40000000, 255ULL << 30, -1 },
};
