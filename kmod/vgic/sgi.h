/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whom a write to ICC_SGI1R_EL1, ICC_ASGI1R_EL1 or ICC_SGI0R_EL1 addresses. Used by ring 0, so
 * nothing but reads of the VM. GIC IHI 0069, 12.2.
 */
#ifndef ZVM_VGIC_SGI_H
#define ZVM_VGIC_SGI_H

#include "../zvm.h"

#define ZVM_SGI_INTID(val) (((val) >> 24) & 0xf)
#define ZVM_SGI_IRM	   (1UL << 40)

/* Aff3.Aff2.Aff1 of the register, at their places in MPIDR_EL1 */
#define ZVM_SGI_CLUSTER(val)                                                                \
	((((val) >> 16) & 0xff) << 8 | (((val) >> 32) & 0xff) << 16 | (((val) >> 48) & 0xff) << 32)

/* vCPU indices, as a mask; `v` is the sender. */
static inline u64 zvm_sgi_targets(struct zvm_vcpu *v, u64 val)
{
	struct zvm_vm *vm = v->vm;
	u32 nr = zvm_vm_nr_vcpus(vm), i;
	/* Aff0 is 16 * RS + the number of a bit of TargetList */
	u64 want = ZVM_SGI_CLUSTER(val) | ((val >> 44) & 0xf) << 4, targets = 0;

	if (val & ZVM_SGI_IRM)
		return (nr == 64 ? ~0UL : (1UL << nr) - 1) & ~(1UL << v->idx);
	for (i = 0; i < nr; i++) {
		u64 aff = vm->vcpus[i]->sys.mpidr & ZVM_MPIDR_AFF_MASK;

		if ((aff & ~0xfUL) == want && (val >> (aff & 0xf)) & 1)
			targets |= 1UL << i;
	}
	return targets;
}

#endif
