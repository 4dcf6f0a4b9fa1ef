// SPDX-License-Identifier: GPL-2.0
/*
 * PSCI 1.1 calls that act on a vCPU or on the VM (Arm DEN 0022). Queries are answered in ring 0.
 *
 * Power states change under vm->psci_lock, so that of two CPU_ON calls for one vCPU exactly one
 * succeeds. CPU_ON leaves its parameters in target->reset and the target applies them itself.
 */
#include "../compat/compat.h"
#include "../pmu/pmu.h"
#include "../switch/switch.h"
#include "../zvm_smccc.h"
#include "trap.h"

#define PSCI_RESET2_VENDOR	(1UL << 31)

#ifndef KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2 /* kernels before 5.18 do not say which reset */
#define KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2 (1UL << 0)
#endif

static u64 zvm_psci_cpu_on(struct zvm_vcpu *v, u64 mpidr, u64 entry, u64 context)
{
	struct zvm_vm *vm = v->vm;
	struct zvm_vcpu *target;
	u64 ret = PSCI_RET_SUCCESS;
	bool be;

	if (mpidr & ~ZVM_MPIDR_AFF_MASK)
		return (u64)PSCI_RET_INVALID_PARAMS;
	target = zvm_vcpu_by_mpidr(vm, mpidr);
	if (!target)
		return (u64)PSCI_RET_INVALID_PARAMS;

	be = zvm_el1_read(v, ZVM_EL1_SCTLR) & ZVM_SCTLR_EE; /* may wait for an IPI: no lock held */
	raw_spin_lock(&vm->psci_lock);
	if (!target->powered_off) {
		ret = vm->psci_version == PSCI_VERSION(0, 1) ? (u64)PSCI_RET_INVALID_PARAMS :
							       (u64)PSCI_RET_ALREADY_ON;
	} else if (target->reset.pending) {
		ret = (u64)PSCI_RET_ON_PENDING;
	} else {
		target->reset.pc = entry;
		target->reset.r0 = context;
		target->reset.be = be;
		target->reset.pending = true;
		set_bit(ZVM_REQ_RESET, &target->requests);
		smp_wmb(); /* the reset is seen with the state that lets the target run */
		WRITE_ONCE(target->powered_off, false);
	}
	raw_spin_unlock(&vm->psci_lock);
	if (ret == PSCI_RET_SUCCESS)
		zvm_vcpu_kick(target);
	return ret;
}

void zvm_psci_reset(struct zvm_vcpu *v)
{
	struct zvm_vcpu_reset reset;

	raw_spin_lock(&v->vm->psci_lock);
	reset = v->reset;
	v->reset.pending = false;
	raw_spin_unlock(&v->vm->psci_lock);
	if (!reset.pending)
		return;

	zvm_resident_evict(v);
	zvm_switch_reset(v);
	zvm_timer_vcpu_reset(v);
	zvm_pmu_reset(v);
	zvm_vgic_vcpu_reset(v);
	if (reset.be)
		v->sys.el1[ZVM_EL1_SCTLR] |= ZVM_SCTLR_EE;
	v->ctx.pc = reset.pc;
	v->ctx.x[0] = reset.r0;
	if (v->task == current)
		zvm_debug_step_reset(v);
}

static void zvm_psci_cpu_off(struct zvm_vcpu *v)
{
	raw_spin_lock(&v->vm->psci_lock);
	WRITE_ONCE(v->powered_off, true);
	raw_spin_unlock(&v->vm->psci_lock);
	set_bit(ZVM_REQ_SLEEP, &v->requests);
}

/* All others are off. */
static bool zvm_psci_is_last(struct zvm_vcpu *v)
{
	struct zvm_vcpu *t;
	bool last = true;
	u32 i;

	raw_spin_lock(&v->vm->psci_lock);
	zvm_for_each_vcpu(i, t, v->vm)
		last &= t == v || READ_ONCE(t->powered_off);
	raw_spin_unlock(&v->vm->psci_lock);
	return last;
}

static u64 zvm_psci_affinity_info(struct zvm_vcpu *v, u64 affinity, u64 level)
{
	struct zvm_vcpu *t;
	bool found = false;
	u64 mask;
	u32 i;

	if (level > 3 || (affinity & ~ZVM_MPIDR_AFF_MASK))
		return (u64)PSCI_RET_INVALID_PARAMS;
	/* Aff3 sits at bit 32, so level 3 keeps only it */
	mask = ZVM_MPIDR_AFF_MASK & ~((1UL << (level == 3 ? 32 : level * 8)) - 1);
	zvm_for_each_vcpu(i, t, v->vm) {
		if (((t->sys.mpidr ^ affinity) & mask) != 0)
			continue;
		found = true;
		if (!READ_ONCE(t->powered_off))
			return PSCI_0_2_AFFINITY_LEVEL_ON;
	}
	return found ? PSCI_0_2_AFFINITY_LEVEL_OFF : (u64)PSCI_RET_INVALID_PARAMS;
}

static void zvm_psci_event(struct zvm_vcpu *v, u32 type, u64 flags)
{
	memset(&v->run->system_event, 0, sizeof(v->run->system_event));
	v->run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	v->run->system_event.type = type;
	zvm_compat_system_event_data(v->run, flags);
}

void zvm_psci_wakeup(struct zvm_vcpu *v)
{
	zvm_psci_event(v, KVM_SYSTEM_EVENT_WAKEUP, 0);
}

/* The VMM decides what an event means; all vCPUs stop until it does. */
static int zvm_psci_system_event(struct zvm_vcpu *v, u32 type, u64 flags)
{
	struct zvm_vcpu *t;
	u32 i;

	raw_spin_lock(&v->vm->psci_lock);
	zvm_for_each_vcpu(i, t, v->vm)
		WRITE_ONCE(t->powered_off, true);
	raw_spin_unlock(&v->vm->psci_lock);
	zvm_for_each_vcpu(i, t, v->vm)
		zvm_vcpu_request(t, ZVM_REQ_SLEEP);
	zvm_psci_event(v, type, flags);
	return ZVM_USER;
}

int zvm_psci(struct zvm_vcpu *v, u32 fn, bool *known)
{
	/* A 32-bit call takes 32-bit parameters, whatever the upper halves hold. */
	u64 mask = (fn & PSCI_0_2_64BIT) ? ~0UL : U32_MAX;
	u64 a1 = v->ctx.x[1] & mask, a2 = v->ctx.x[2] & mask, a3 = v->ctx.x[3] & mask;
	u64 ret;

	*known = true;

	switch (fn) {
	case PSCI_0_2_FN_CPU_SUSPEND:
	case PSCI_0_2_FN64_CPU_SUSPEND:
		/* Treated as standby whatever the state asks, as the specification permits. */
		zvm_vcpu_block(v);
		ret = PSCI_RET_SUCCESS;
		break;
	case PSCI_0_2_FN_CPU_OFF:
		zvm_psci_cpu_off(v);
		ret = PSCI_RET_SUCCESS;
		break;
	case PSCI_0_2_FN_CPU_ON:
	case PSCI_0_2_FN64_CPU_ON:
		ret = zvm_psci_cpu_on(v, a1, a2, a3);
		break;
	case PSCI_0_2_FN_AFFINITY_INFO:
	case PSCI_0_2_FN64_AFFINITY_INFO:
		ret = zvm_psci_affinity_info(v, a1, a2);
		break;
	case PSCI_0_2_FN_SYSTEM_OFF:
		/* If the VMM resumes the vCPU all the same, the call has failed. */
		v->ctx.x[0] = (u64)PSCI_RET_INTERNAL_FAILURE;
		return zvm_psci_system_event(v, KVM_SYSTEM_EVENT_SHUTDOWN, 0);
	case PSCI_0_2_FN_SYSTEM_RESET:
		v->ctx.x[0] = (u64)PSCI_RET_INTERNAL_FAILURE;
		return zvm_psci_system_event(v, KVM_SYSTEM_EVENT_RESET, 0);
	case PSCI_1_0_FN_SYSTEM_SUSPEND:
	case PSCI_1_0_FN64_SYSTEM_SUSPEND:
		if (v->vm->psci_version < PSCI_VERSION(1, 0) || !v->vm->system_suspend) {
			ret = (u64)PSCI_RET_NOT_SUPPORTED;
			break;
		}
		if (!zvm_psci_is_last(v)) {
			ret = (u64)PSCI_RET_DENIED;
			break;
		}
		/* The VMM reads the parameters from the registers; it decides whether and how. */
		zvm_psci_event(v, KVM_SYSTEM_EVENT_SUSPEND, 0);
		return ZVM_USER;
	case ZVM_PSCI_SYSTEM_RESET2:
	case ZVM_PSCI_SYSTEM_RESET2_64:
		if (v->vm->psci_version < PSCI_VERSION(1, 1)) {
			ret = (u64)PSCI_RET_NOT_SUPPORTED;
			break;
		}
		/* SYSTEM_WARM_RESET, or a vendor's type */
		if (a1 != 0 && !(a1 & PSCI_RESET2_VENDOR)) {
			ret = (u64)PSCI_RET_INVALID_PARAMS;
			break;
		}
		v->ctx.x[0] = (u64)PSCI_RET_INTERNAL_FAILURE;
		return zvm_psci_system_event(v, KVM_SYSTEM_EVENT_RESET,
					     KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2);
	default:
		*known = false;
		return ZVM_RESUME;
	}
	v->ctx.x[0] = ret;
	return ZVM_RESUME;
}
