/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's GIC as far as this module touches it itself: ring 0 acknowledges the PPIs that are the
 * module's own, and rings the doorbell of another CPU. See gic.c.
 */
#ifndef ZVM_GIC_H
#define ZVM_GIC_H

#include <linux/io.h>

#include "zvm.h"

#define ZVM_GICR_SGI_FRAME  0x10000
#define ZVM_GICR_ISENABLER0 0x0100
#define ZVM_GICR_ISPENDR0   0x0200
#define ZVM_GICR_ICPENDR0   0x0280
#define ZVM_GICR_IPRIORITYR 0x0400

/* One per CPU; written by gic.c on that CPU, read by anybody. */
struct zvm_gic_cpu {
	void __iomem *frame; /* SGI frame of its redistributor, NULL if it was not found */
	void __iomem *sgi;   /* the same; NULL: ring 0 leaves interrupts alone */
	u8 host_prio;	   /* priority of the host's interrupts, and of ours when we are gone */
	u8 pmr;		   /* ICC_PMR_EL1 value that lets ours through and no other */
};

extern struct zvm_gic_cpu zvm_gic_cpus[NR_CPUS];

void zvm_gic_init(void); /* maps the redistributors; without them everything works, slower */
void zvm_gic_exit(void);
void zvm_gic_cpu_online(void); /* on the CPU, its PPIs are enabled */
void zvm_gic_cpu_offline(void);
/* Is this CPU's redistributor as zvm_gic_cpu_online() left it? IRQs off. False: not known. */
bool zvm_gic_cpu_kept(void);
void zvm_gic_cpu_restore(void); /* makes it so; on the CPU, IRQs off */

/*
 * Bring `cpu` out of the guest: pends its maintenance PPI. Preemption off, ring 0 too; what was posted
 * is seen by whoever takes the interrupt. False: no doorbell there.
 */
static inline bool zvm_gic_ring(int cpu)
{
	void __iomem *sgi = cpu < 0 ? NULL : READ_ONCE(zvm_gic_cpus[cpu].sgi);

	if (!sgi)
		return false;
	wmb(); /* the post in memory before the bell in the device */
	__raw_writel(BIT(zvm_host.ppi_maint), sgi + ZVM_GICR_ISPENDR0);
	return true;
}

#endif
