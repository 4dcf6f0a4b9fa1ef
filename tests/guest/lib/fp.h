/* SPDX-License-Identifier: GPL-2.0 */
/* The FP/SIMD registers, from code that the compiler keeps free of them. Defined in fpregs.S. */
#ifndef GUEST_FP_H
#define GUEST_FP_H

#include "arch.h"

struct fp_state {
	u64 v[64]; /* V0 low, V0 high, V1 low, ... */
	u64 fpsr;
	u64 fpcr;
};

void fp_load(const struct fp_state *s);
void fp_store(struct fp_state *s);

/* CPACR_EL1.FPEN: 0 traps EL0 and EL1, 1 traps EL0, 3 none. */
static inline void fp_trap(u32 fpen)
{
	write_sysreg((read_sysreg(cpacr_el1) & ~(3UL << 20)) | (u64)fpen << 20, cpacr_el1);
	isb();
}

#endif
