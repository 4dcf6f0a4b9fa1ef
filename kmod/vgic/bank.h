/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State of the virtual GICv3 as flat words: one bank is 32 consecutive INTIDs, one bit each.
 *
 * Every vCPU has one bank (SGIs and PPIs), a VM has one bank for each 32 SPIs. Where an interrupt
 * sits in a list register (in_lr), its pending and active state is there and not here: `latch` and
 * `active` are what memory adds to it. Documentation/design/interrupts.md tells the whole story.
 *
 * Compiles outside the kernel too, for tests/unit.
 */
#ifndef ZVM_VGIC_BANK_H
#define ZVM_VGIC_BANK_H

#ifdef __KERNEL__
#include <linux/types.h>
#endif

#define ZVM_VGIC_NR_SGIS    16
#define ZVM_VGIC_NR_PRIVATE 32
#define ZVM_VGIC_MAX_IRQS   1024 /* INTIDs 1020..1023 are special: never deliverable */
#define ZVM_VGIC_LPI_BASE   8192 /* first INTID of an LPI */
#define ZVM_VGIC_MAX_LRS    16
#define ZVM_VGIC_MAX_APRS   4	 /* ICH_AP0R<n>, ICH_AP1R<n>: 5 bits of preemption need 1 */
#define ZVM_VGIC_ADDR_UNDEF (~0ULL)
#define ZVM_VGIC_NO_VCPU    0xff

struct zvm_vgic_bank {
	u32 latch;	/* pending by edge, SGI, or a write to ISPENDR */
	u32 level;	/* input line */
	u32 enabled;
	u32 active;
	u32 group;	/* 1: group 1 */
	u32 edge;	/* 1: edge-triggered */
	u32 in_lr;	/* state is in a list register of `owner` */
	u32 hw;		/* private only: tied to a physical PPI of the host */
	u32 phys;	/* subset of hw: the physical interrupt is active on the guest's behalf */
	u8 prio[32];	/* 5 bits, in bits 7..3 */
	/* SPIs only */
	u32 route[32];	/* GICD_IROUTER bits 31 (any vCPU) and 23..0 (affinity) */
	u8 target[32];	/* vCPU index that `route` means, or ZVM_VGIC_NO_VCPU */
	u8 owner[32];	/* vCPU index while in_lr or active */
};

#endif
