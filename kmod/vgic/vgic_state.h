/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the virtual GICv3 keeps per VM and per vCPU, and which lock each part is under.
 */
#ifndef ZVM_VGIC_STATE_H
#define ZVM_VGIC_STATE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "bank.h"

struct zvm_lpi; /* private: its.h */
struct zvm_its;

#define ZVM_MAX_ITS 8

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
	bool plain;		/* ready, and no memslot lies over a frame: ring 0 may answer */
	bool covered;		/* a memslot was put over a frame; stays */
	u32 typer;		/* GICD_TYPER; fixed when ready, but for LPIs */
	u32 nr_irqs;		/* 64..1024, a multiple of 32; 0 until chosen */
	u32 revision;		/* GICD_IIDR.Revision: 2 or 3 */
	u32 vtr;		/* ICH_VTR_EL2 of this host */
	u8 nr_lrs;
	u8 nr_aprs;
	u64 dist_base;
	struct zvm_vgic_region *regions;
	u32 nr_regions;

	raw_spinlock_t lock;	/* `spi`, `spi_busy`, `ctlr`, the state of every LPI */
	u32 ctlr;		/* GICD_CTLR: EnableGrp0, EnableGrp1 */
	u32 spi_busy;		/* bit n: spi[n] has something pending, active or in_lr */
	struct zvm_vgic_bank *spi; /* spi[0] is unused: INTID n is bit n % 32 of spi[n / 32] */
	u64 propbaser;

	/* LPIs; nothing below is used while nr_its is 0 */
	u32 nr_its;		/* published with release; never falls */
	struct zvm_its *its[ZVM_MAX_ITS];
	struct mutex its_mutex;	/* its.h */
	struct xarray lpis;	/* INTID -> struct zvm_lpi, under its_mutex */
	u32 nr_ites;		/* under its_mutex */
};

/* Embedded in struct zvm_vcpu. */
struct zvm_vgic_cpu {
	raw_spinlock_t lock;	/* everything below but rd_*; list registers themselves */
	struct zvm_vgic_bank priv;
	u8 hw_intid[ZVM_VGIC_NR_PRIVATE]; /* physical INTID where priv.hw is set */

	int cpu;		/* the list registers are in this CPU; -1: in memory, all folded */
	u16 lr_used;		/* list registers that hold an interrupt */
	u16 lr_latched;		/* of these, loaded with a pending state taken from `latch` */
	u8 nr_spis;		/* of these, SPIs and LPIs */
	bool closed;		/* resident, and there is no vGIC: accesses to ICC registers trap */
	bool active_left;	/* more active interrupts than list registers: see EOIcount */
	u64 lr[ZVM_VGIC_MAX_LRS]; /* as last read or written */
	u32 hcr;		/* ICH_HCR_EL2 as last written */
	struct zvm_lpi *lr_lpi[ZVM_VGIC_MAX_LRS]; /* of those that hold an LPI */

	/* under vm->vgic.lock */
	bool lpis_enabled;	/* GICR_CTLR.EnableLPIs; written under its_mutex too */
	bool lpi_posted;	/* an LPI came up since list registers were last filled */
	u32 lpi_prios;		/* bit n: lpi_queue[n] is not empty */
	struct list_head lpi_queue[32]; /* LPIs to deliver here, by priority, oldest first */

	/* truth while cpu == -1 */
	u32 vmcr;
	u32 ap0r[ZVM_VGIC_MAX_APRS], ap1r[ZVM_VGIC_MAX_APRS];
	u8 num_pri_bits, num_id_bits; /* as ICC_CTLR_EL1 reports them to user space */

	/* under vm->lock until the VM is ready, then constant */
	u64 rd_base;		/* IPA of the RD frame, SGI frame at + 64 KiB */
	u32 rd_region, rd_index;
	u64 typer;		/* GICR_TYPER; fixed when ready, but for LPIs */
	u64 pendbaser;
};

#endif
