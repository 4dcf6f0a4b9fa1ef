/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICH_LR<n>_EL2 by number. For lr.c and for ring 0; the list registers must be those of this CPU's
 * vCPU, IRQs off.
 */
#ifndef ZVM_VGIC_LRREG_H
#define ZVM_VGIC_LRREG_H

#include "../zvm_regs.h"

#define ZVM_LR_CASES(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define ZVM_LR_REG(n) sys_reg(3, 4, 12, 12 + ((n) >> 3), (n) & 7)

static inline u64 zvm_lr_read(unsigned int n)
{
	switch (n) {
#define X(i)    \
	case i: \
		return read_sysreg_s(ZVM_LR_REG(i));
	ZVM_LR_CASES(X)
#undef X
	}
	return 0;
}

static inline void zvm_lr_write(unsigned int n, u64 val)
{
	switch (n) {
#define X(i)                                       \
	case i:                                    \
		write_sysreg_s(val, ZVM_LR_REG(i)); \
		break;
	ZVM_LR_CASES(X)
#undef X
	}
}

#endif
