/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State of the virtual GICv3 as flat words: one bank is 32 consecutive INTIDs, one bit each.
 *
 * Every vCPU has one bank (SGIs and PPIs), a VM has one bank for each 32 SPIs. Where an interrupt
 * sits in a list register (in_lr), its pending and active state is there and not here: `latch` and
 * `active` are what memory adds to it. Documentation/design/interrupts.md tells the whole story.
 */
#ifndef ZVM_VGIC_STATE_H
#define ZVM_VGIC_STATE_H

#include <linux/spinlock.h>
#include <linux/types.h>

#define ZVM_VGIC_NR_SGIS    16
#define ZVM_VGIC_NR_PRIVATE 32
#define ZVM_VGIC_MAX_IRQS   1024 /* INTIDs 1020..1023 are special: never deliverable */
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

struct zvm_vgic_region {
	u64 base;  /* IPA */
	u32 count; /* redistributors it may hold; 0: old style, as many as there are vCPUs */
	u32 used;
};

/* Embedded in struct zvm_vm. */
struct zvm_vgic {
	/* under vm->lock; `initialized` and `ready` are published with release */
	bool exists;
	bool initialized;	/* KVM_DEV_ARM_VGIC_CTRL_INIT was done */
	bool ready;		/* addresses checked at the first KVM_RUN */
	u32 nr_irqs;		/* 64..1024, a multiple of 32; 0 until chosen */
	u32 revision;		/* GICD_IIDR.Revision: 2 or 3 */
	u32 vtr;		/* ICH_VTR_EL2 of this host */
	u8 nr_lrs;
	u8 nr_aprs;
	u64 dist_base;
	struct zvm_vgic_region *regions;
	u32 nr_regions;

	raw_spinlock_t lock;	/* `spi`, `spi_busy`, `ctlr` */
	u32 ctlr;		/* GICD_CTLR: EnableGrp0, EnableGrp1 */
	u32 spi_busy;		/* bit n: spi[n] has something pending, active or in_lr */
	struct zvm_vgic_bank *spi; /* spi[0] is unused: INTID n is bit n % 32 of spi[n / 32] */
	u64 propbaser;
};

/* Embedded in struct zvm_vcpu. */
struct zvm_vgic_cpu {
	raw_spinlock_t lock;	/* everything below but rd_*; list registers themselves */
	struct zvm_vgic_bank priv;
	u8 hw_intid[ZVM_VGIC_NR_PRIVATE]; /* physical INTID where priv.hw is set */

	int cpu;		/* the list registers are in this CPU; -1: in memory, all folded */
	u16 lr_used;		/* list registers that hold an interrupt */
	u16 lr_latched;		/* of these, loaded with a pending state taken from `latch` */
	u8 nr_spis;		/* of these, SPIs */
	bool active_left;	/* more active interrupts than list registers: see EOIcount */
	u64 lr[ZVM_VGIC_MAX_LRS]; /* as last read or written */
	u32 hcr;		/* ICH_HCR_EL2 as last written */

	/* truth while cpu == -1 */
	u32 vmcr;
	u32 ap0r[ZVM_VGIC_MAX_APRS], ap1r[ZVM_VGIC_MAX_APRS];
	u8 num_pri_bits, num_id_bits; /* as ICC_CTLR_EL1 reports them to user space */

	/* under vm->lock until the VM is ready, then constant */
	u64 rd_base;		/* IPA of the RD frame, SGI frame at + 64 KiB */
	u32 rd_region, rd_index;
	u64 pendbaser;
};

#endif
