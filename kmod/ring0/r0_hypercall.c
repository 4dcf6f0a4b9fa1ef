// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls that are queries: SMCCC and PSCI discovery (Arm DEN 0028, DEN 0022), and unknown ones,
 * which are NOT_SUPPORTED. Calls that change a VM or a vCPU are left to trap/hypercall.c.
 */
#include "ring0.h"

static u64 zvm_ring0_psci_features(struct zvm_vcpu *v, u32 fn)
{
	switch (fn) {
	case PSCI_0_2_FN_PSCI_VERSION:
	case PSCI_0_2_FN_CPU_SUSPEND:
	case PSCI_0_2_FN64_CPU_SUSPEND:
	case PSCI_0_2_FN_CPU_OFF:
	case PSCI_0_2_FN_CPU_ON:
	case PSCI_0_2_FN64_CPU_ON:
	case PSCI_0_2_FN_AFFINITY_INFO:
	case PSCI_0_2_FN64_AFFINITY_INFO:
	case PSCI_0_2_FN_MIGRATE_INFO_TYPE:
	case PSCI_0_2_FN_SYSTEM_OFF:
	case PSCI_0_2_FN_SYSTEM_RESET:
	case PSCI_1_0_FN_PSCI_FEATURES:
	case ARM_SMCCC_VERSION_FUNC_ID:
		return 0;
	case PSCI_1_0_FN_SYSTEM_SUSPEND:
	case PSCI_1_0_FN64_SYSTEM_SUSPEND:
		return v->vm->system_suspend ? 0 : (u64)PSCI_RET_NOT_SUPPORTED;
	case ZVM_PSCI_SYSTEM_RESET2:
	case ZVM_PSCI_SYSTEM_RESET2_64:
		if (v->vm->psci_version >= PSCI_VERSION(1, 1))
			return 0;
		fallthrough;
	default:
		return (u64)PSCI_RET_NOT_SUPPORTED;
	}
}

static u64 zvm_ring0_arch_features(struct zvm_vcpu *v, u32 fn)
{
	switch (fn) {
	case ZVM_PV_TIME_FEATURES:
		return v->vm->std_hyp_bmap & ZVM_STD_HYP_PV_TIME ? 0 : ZVM_SMCCC_NOT_SUPPORTED;
	case ARM_SMCCC_ARCH_WORKAROUND_1:
		return zvm_host.smccc_wa1;
	case ARM_SMCCC_ARCH_WORKAROUND_2:
		return zvm_host.smccc_wa2;
	case ARM_SMCCC_ARCH_WORKAROUND_3:
		return zvm_host.smccc_wa3;
	default:
		return ZVM_SMCCC_NOT_SUPPORTED;
	}
}

/* Functions with an effect, or that need the host: trap/psci.c and trap/hypercall.c. */
static bool zvm_ring0_acts(u32 fn)
{
	switch (ARM_SMCCC_OWNER_NUM(fn)) {
	case ARM_SMCCC_OWNER_STANDARD_HYP: /* stolen time */
	case ARM_SMCCC_OWNER_VENDOR_HYP:
		return true;
	}
	switch (fn & ~PSCI_0_2_64BIT) {
	case PSCI_0_2_FN_CPU_SUSPEND:
	case PSCI_0_2_FN_CPU_OFF:
	case PSCI_0_2_FN_CPU_ON:
	case PSCI_0_2_FN_AFFINITY_INFO:
	case PSCI_0_2_FN_SYSTEM_OFF:
	case PSCI_0_2_FN_SYSTEM_RESET:
	case PSCI_1_0_FN_PSCI_FEATURES:
	case PSCI_1_0_FN_SYSTEM_SUSPEND:
	case ZVM_PSCI_SYSTEM_RESET2:
	case ZVM_TRNG_VERSION ... ZVM_TRNG_RND32: /* RND64 too: the 64-bit bit is masked */
		return true;
	}
	return false;
}

bool zvm_ring0_hypercall(struct zvm_vcpu *v)
{
	u32 fn = v->ctx.x[0];
	u64 ret;

	switch (fn) {
	case ARM_SMCCC_VERSION_FUNC_ID:
		zvm_smccc_return(v, ARM_SMCCC_VERSION_1_1, 0, 0, 0);
		goto answered;
	case ARM_SMCCC_ARCH_FEATURES_FUNC_ID:
		zvm_smccc_return(v, zvm_ring0_arch_features(v, v->ctx.x[1]), 0, 0, 0);
		goto answered;
	case PSCI_0_2_FN_PSCI_VERSION:
		ret = v->vm->psci_version;
		break;
	case PSCI_1_0_FN_PSCI_FEATURES:
		if (v->vm->psci_version < PSCI_VERSION(1, 0))
			return false;
		ret = zvm_ring0_psci_features(v, v->ctx.x[1]);
		break;
	case PSCI_0_2_FN_MIGRATE_INFO_TYPE:
		ret = PSCI_0_2_TOS_MP;
		break;
	default:
		if (zvm_ring0_acts(fn))
			return false;
		zvm_smccc_return(v, ZVM_SMCCC_NOT_SUPPORTED, 0, 0, 0);
		goto answered;
	}
	v->ctx.x[0] = ret;
answered:
	v->stats.hvc_exits++;
	return true;
}
