/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why the guest stopped, seen from ring 2: preemptible, on the vCPU's thread, after
 * zvm_switch_leave_ring1(). Handlers read v->ctx and answer with enum zvm_result or -errno.
 */
#ifndef ZVM_TRAP_H
#define ZVM_TRAP_H

#include "../zvm.h"

/* dispatch.c: handle the synchronous exit in v->ctx. */
int zvm_trap_handle(struct zvm_vcpu *v);

/*
 * The exits that ring 1 can deal with: true if done, the guest goes on. In the run loop's window,
 * IRQs off.
 */
bool zvm_trap_light(struct zvm_vcpu *v);

/* General register as an instruction names it: 31 is the zero register. */
static inline u64 zvm_reg_get(struct zvm_vcpu *v, u32 rt)
{
	return rt == 31 ? 0 : v->ctx.x[rt];
}

static inline void zvm_reg_set(struct zvm_vcpu *v, u32 rt, u64 val)
{
	if (rt != 31)
		v->ctx.x[rt] = val;
}

static inline bool zvm_is_aarch32(struct zvm_vcpu *v)
{
	return unlikely(v->ctx.pstate & ZVM_PSR_MODE32);
}

/* Step over the trapped instruction. */
void zvm_skip_instr(struct zvm_vcpu *v);

/* aarch32.c: programs at EL0 */
bool zvm_cond32_passes(struct zvm_vcpu *v); /* false: only to be stepped over */
void zvm_skip_instr32(struct zvm_vcpu *v);
int zvm_trap_cp_32(struct zvm_vcpu *v); /* MRC, MCR */
int zvm_trap_cp_64(struct zvm_vcpu *v); /* MRRC, MCRR */

/* dispatch.c: the guest gets its pointer authentication keys, and keeps them until a reset. */
void zvm_pauth_enable(struct zvm_vcpu *v);

/* inject.c: give the guest an exception; Arm ARM D1.3. */
void zvm_inject_undef(struct zvm_vcpu *v);
/* External abort at `far`: of an instruction fetch or of a data access. */
void zvm_inject_abort(struct zvm_vcpu *v, bool fetch, u64 far);
void zvm_inject_serror(struct zvm_vcpu *v, u64 iss);

/* hypercall.c, psci.c */
int zvm_hypercall(struct zvm_vcpu *v);
u64 zvm_vendor_services(void); /* bits of KVM_REG_ARM_VENDOR_HYP_BMAP that this host can do */
int zvm_psci(struct zvm_vcpu *v, u32 fn, bool *known);
void zvm_psci_reset(struct zvm_vcpu *v); /* apply v->reset (ZVM_REQ_RESET) */
void zvm_psci_wakeup(struct zvm_vcpu *v); /* run->system_event: a suspended vCPU has an interrupt */

/* pvtime.c: stolen time; the hypercalls, KVM_ARM_VCPU_PVTIME_CTRL, and before each entry */
bool zvm_steal_supported(void);
void zvm_steal_hypercall(struct zvm_vcpu *v, u32 fn);
void zvm_steal_update(struct zvm_vcpu *v);
int zvm_steal_has_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);
int zvm_steal_get_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);
int zvm_steal_set_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);

/* mmio.c */
int zvm_trap_abort(struct zvm_vcpu *v);
bool zvm_mmio_light(struct zvm_vcpu *v); /* for zvm_trap_light() */
/* The VMM has answered run->mmio: complete the access. 0, or ZVM_USER for its second half. */
int zvm_mmio_complete(struct zvm_vcpu *v);

/* sysreg.c */
int zvm_trap_sysreg(struct zvm_vcpu *v);
/* An access of the guest to a register by its AArch64 encoding; false: UNDEFINED. */
bool zvm_sysreg_access(struct zvm_vcpu *v, u32 enc, bool write, u64 *val);
void zvm_sysreg_init(void); /* module load: sort the table */
/* KVM_REG_ARM64_SYSREG ids of v, to `ids` unless that is NULL; how many, or -EFAULT. */
int zvm_sysreg_list(struct zvm_vcpu *v, u64 __user *ids);
int zvm_sysreg_get(struct zvm_vcpu *v, u64 id, u64 *val); /* v evicted */
int zvm_sysreg_set(struct zvm_vcpu *v, u64 id, u64 val);

/* idreg.c */
void zvm_idreg_init(struct zvm_vm *vm); /* fill vm->id_regs from the host, by allow-list */
u64 zvm_idreg_get(struct zvm_vm *vm, u32 enc); /* of those in the allow-list */
bool zvm_idreg_has_ras(struct zvm_vm *vm);
bool zvm_idreg_has_lor(struct zvm_vm *vm);
bool zvm_pauth_supported(void);
/* Show what the VMM asked for: features[0] of the first KVM_ARM_VCPU_INIT; vm->lock held. */
void zvm_idreg_features(struct zvm_vm *vm, u32 features);
int zvm_idreg_set(struct zvm_vm *vm, u32 idx, u64 val);

#endif
