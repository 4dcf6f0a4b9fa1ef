/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instructions of the architecture that C cannot express: system registers, barriers, device
 * accesses of an exact width, cache and TLB maintenance. Arm ARM DDI 0487, chapters C5 and D.
 *
 * mmio_read/write always use one plain base-register load or store, the only form whose syndrome
 * is valid (ESR_EL2.ISV = 1) for a hypervisor.
 */
#ifndef GUEST_ARCH_H
#define GUEST_ARCH_H

#include "types.h"

#define read_sysreg(reg)                                             \
	({                                                           \
		u64 v__;                                             \
		asm volatile("mrs %0, " #reg : "=r"(v__)::"memory"); \
		v__;                                                 \
	})
#define write_sysreg(val, reg)                                            \
	do {                                                              \
		u64 w__ = (u64)(val);                                     \
		asm volatile("msr " #reg ", %x0" ::"rZ"(w__) : "memory"); \
	} while (0)

#define isb()	    asm volatile("isb" ::: "memory")
#define dsb(o)	    asm volatile("dsb " #o ::: "memory")
#define dmb(o)	    asm volatile("dmb " #o ::: "memory")
#define wfi()	    asm volatile("wfi" ::: "memory")
#define wfe()	    asm volatile("wfe" ::: "memory")
#define sev()	    asm volatile("sev" ::: "memory")
#define barrier()   asm volatile("" ::: "memory")
#define cpu_relax() asm volatile("yield" ::: "memory")

#define DAIF_I BIT(7)
#define DAIF_D BIT(9)

static inline void irq_enable(void)
{
	asm volatile("msr daifclr, #2" ::: "memory");
}

static inline void irq_disable(void)
{
	asm volatile("msr daifset, #2" ::: "memory");
}

/* Open and close the interrupt window once: everything deliverable is taken before it returns. */
static inline void irq_window(void)
{
	irq_enable();
	isb();
	irq_disable();
}

#define MMIO_ACCESSORS(bits, sfx, w)                                                           \
	static inline u##bits mmio_read##bits(u64 addr)                                        \
	{                                                                                      \
		u64 v;                                                                         \
		asm volatile("ldr" sfx " %" w "0, [%1]" : "=r"(v) : "r"(addr) : "memory");     \
		return (u##bits)v;                                                             \
	}                                                                                      \
	static inline void mmio_write##bits(u64 addr, u##bits v)                               \
	{                                                                                      \
		asm volatile("str" sfx " %" w "0, [%1]" ::"rZ"((u64)v), "r"(addr) : "memory"); \
	}

MMIO_ACCESSORS(8, "b", "w")
MMIO_ACCESSORS(16, "h", "w")
MMIO_ACCESSORS(32, "", "w")
MMIO_ACCESSORS(64, "", "x")

static inline void tlbi_all(void)
{
	dsb(ishst);
	asm volatile("tlbi vmalle1is" ::: "memory");
	dsb(ish);
	isb();
}

static inline void tlbi_va(u64 va)
{
	dsb(ishst);
	asm volatile("tlbi vaae1is, %0" ::"r"(va >> 12 & 0xfffffffffffUL) : "memory");
	dsb(ish);
	isb();
}

/* Make [addr, addr + len), just written, fit to execute on every CPU. */
static inline void sync_code(u64 addr, u64 len)
{
	u64 p;

	for (p = addr & ~15UL; p < addr + len; p += 16)
		asm volatile("dc cvau, %0" ::"r"(p) : "memory");
	dsb(ish);
	for (p = addr & ~15UL; p < addr + len; p += 16)
		asm volatile("ic ivau, %0" ::"r"(p) : "memory");
	dsb(ish);
	isb();
}

/* ESR_ELx.EC values that the tests expect. */
#define EC(esr)		 ((u32)((esr) >> 26 & 0x3f))
#define EC_UNKNOWN	 0x00
#define EC_WFX		 0x01
#define EC_FP		 0x07
#define EC_CP14		 0x05
#define EC_ILLEGAL_STATE 0x0e
#define EC_SVC32	 0x11
#define EC_SVC64	 0x15
#define EC_SYSREG	 0x18
#define EC_IABT_LOW	 0x20
#define EC_IABT		 0x21
#define EC_PC_ALIGN	 0x22
#define EC_DABT_LOW	 0x24
#define EC_DABT		 0x25
#define EC_SP_ALIGN	 0x26
#define EC_BP_LOW	 0x30
#define EC_BP		 0x31
#define EC_STEP_LOW	 0x32
#define EC_STEP		 0x33
#define EC_WP_LOW	 0x34
#define EC_WP		 0x35
#define EC_BKPT32	 0x38
#define EC_BRK		 0x3c

/* Fault status codes, ESR.ISS[5:0], with the level in the low two bits where there is one. */
#define FSC(esr)	((u32)((esr)&0x3f))
#define FSC_TYPE(esr)	((u32)((esr)&0x3c))
#define FSC_TRANSLATION 0x04
#define FSC_ACCESS	0x08
#define FSC_PERMISSION	0x0c
#define FSC_EXTERNAL	0x10
#define FSC_EXT_WALK	0x14
#define FSC_ALIGNMENT	0x21

#endif
