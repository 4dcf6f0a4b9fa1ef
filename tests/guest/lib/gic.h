/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GICv3 as QEMU's virt board has it: affinity routing, one security state, Group 1 only
 * (Arm IHI 0069). gic_init() once on the boot CPU, gic_cpu_init() on each CPU.
 *
 * Two ways to take interrupts: by INTID with irq_set_handler (acknowledge, call, EOI done here),
 * or a test's own exc_set_irq() handler that reads ICC_IAR1_EL1 itself.
 */
#ifndef GUEST_GIC_H
#define GUEST_GIC_H

#include "exc.h"

#define GICD_BASE   0x08000000UL
#define GICR_BASE   0x080a0000UL
#define GICR_STRIDE 0x20000UL
#define GICR_SGI    0x10000UL /* the SGI frame within a redistributor */

#define GICD_CTLR	0x0000
#define GICD_TYPER	0x0004
#define GICD_IIDR	0x0008
#define GICD_IGROUPR	0x0080
#define GICD_ISENABLER	0x0100
#define GICD_ICENABLER	0x0180
#define GICD_ISPENDR	0x0200
#define GICD_ICPENDR	0x0280
#define GICD_ISACTIVER	0x0300
#define GICD_ICACTIVER	0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ICFGR	0x0c00
#define GICD_IROUTER	0x6000
#define GICD_PIDR2	0xffe8

#define GICD_CTLR_ENABLE_G1 BIT(1)
#define GICD_CTLR_ARE	    BIT(4)
#define GICD_CTLR_DS	    BIT(6)
#define GICD_CTLR_RWP	    BIT(31)

#define GICR_CTLR	0x0000
#define GICR_IIDR	0x0004
#define GICR_TYPER	0x0008
#define GICR_WAKER	0x0014
#define GICR_PIDR2	0xffe8
#define GICR_TYPER_LAST BIT(4)

#define INTID_SPURIOUS 1023
#define INTID_VTIMER   27
#define INTID_PTIMER   30
#define IROUTER_IRM    BIT(31)

/* ICC_* by encoding: no assembler extension needed, and the name says what is meant. */
#define ICC_PMR	    S3_0_C4_C6_0
#define ICC_IAR1    S3_0_C12_C12_0
#define ICC_EOIR1   S3_0_C12_C12_1
#define ICC_HPPIR1  S3_0_C12_C12_2
#define ICC_BPR1    S3_0_C12_C12_3
#define ICC_CTLR    S3_0_C12_C12_4
#define ICC_SRE	    S3_0_C12_C12_5
#define ICC_IGRPEN1 S3_0_C12_C12_7
#define ICC_DIR	    S3_0_C12_C11_1
#define ICC_RPR	    S3_0_C12_C11_3
#define ICC_SGI1R   S3_0_C12_C11_5
#define ICC_AP1R0   S3_0_C12_C9_0

#define read_icc(name)	     read_icc_(name)
#define read_icc_(enc)	     read_sysreg(enc)
#define write_icc(val, name) write_icc_(val, name)
#define write_icc_(val, enc) write_sysreg(val, enc)

#define ICC_CTLR_EOIMODE BIT(1)
#define ICC_CTLR_CBPR	 BIT(0)

void gic_init(void);
void gic_cpu_init(void);
/* Before CPU_OFF: nothing is delivered to this CPU any more. */
void gic_cpu_quiesce(void);

/* The register word of INTID `id`; SGIs and PPIs are found in this CPU's redistributor. */
u64 gic_reg(u32 off, u32 id);
u64 gic_prio_addr(u32 id);
u64 gic_cfg_addr(u32 id);

void gic_enable(u32 id);
void gic_disable(u32 id);
void gic_set_pending(u32 id);
void gic_clear_pending(u32 id);
bool gic_is_pending(u32 id);
bool gic_is_active(u32 id);
bool gic_is_enabled(u32 id);
void gic_clear_active(u32 id);
void gic_set_priority(u32 id, u8 prio);
void gic_set_edge(u32 id, bool edge);
void gic_route(u32 spi, u64 mpidr);
void gic_wait_rwp(void);

/* SGI `sgi` to the CPUs of one Aff1 group by target list, or to all but this one. */
void gic_sgi_list(u32 sgi, u64 mpidr, u16 list);
void gic_sgi_cpu(u32 sgi, u32 cpu);
void gic_sgi_others(u32 sgi);

typedef void (*gic_handler)(u32 intid);
void irq_set_handler(u32 intid, gic_handler fn);
/* Interrupts without handler are counted here and dropped. */
u32 irq_unhandled(void);
void gic_handle_irq(struct exc_frame *f);

static inline u32 gic_ack(void)
{
	u32 id = (u32)read_icc(ICC_IAR1) & 0xffffff;

	dsb(sy);
	return id;
}

static inline void gic_eoi(u32 id)
{
	write_icc(id, ICC_EOIR1);
	isb();
}

static inline void gic_dir(u32 id)
{
	write_icc(id, ICC_DIR);
	isb();
}

/* Number of INTIDs that the distributor has. */
u32 gic_nr_irqs(void);

#endif
