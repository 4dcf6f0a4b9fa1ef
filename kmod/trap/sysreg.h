/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A row of the tables in sysreg.c, and the handlers that live elsewhere. Traps run in ring 2 on the
 * vCPU's thread; get and set with the vCPU evicted and v->mutex held.
 */
#ifndef ZVM_SYSREG_H
#define ZVM_SYSREG_H

#include "../zvm.h"

struct zvm_sysreg {
	u32 enc;
	/* A trapped access of the guest; false: UNDEFINED. *val in or out. */
	bool (*trap)(struct zvm_vcpu *v, const struct zvm_sysreg *r, bool write, u64 *val);
	/* ONE_REG; NULL get: not listed. NULL set: only the current value may be written. */
	int (*get)(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 *val);
	int (*set)(struct zvm_vcpu *v, const struct zvm_sysreg *r, u64 val);
	u32 arg; /* index or offset, for the handlers */
};

#define ZVM_NR_PMU_SYSREGS 79
extern struct zvm_sysreg zvm_sysregs_pmu[ZVM_NR_PMU_SYSREGS]; /* pmu/regs.c */

#endif
