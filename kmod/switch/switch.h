/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entering and leaving a guest, from the run loop's side. One window is: zvm_switch_enter_ring1(),
 * any number of zvm_switch_run(), zvm_switch_leave_ring1(), all with preemption off on one CPU.
 */
#ifndef ZVM_SWITCH_H
#define ZVM_SWITCH_H

#include "../zvm.h"

/* Make v's user-register, debug and trap state live; IRQs off, v resident here. */
void zvm_switch_enter_ring1(struct zvm_vcpu *v);
/* Give them back to the host and save FP; IRQs off. After it the thread may be preempted. */
void zvm_switch_leave_ring1(struct zvm_vcpu *v);
/* Run the guest until ring 0 gives up; IRQs off. Returns ZVM_EXIT_*. */
u32 zvm_switch_run(struct zvm_vcpu *v);
/*
 * Let the host take the interrupts that are pending; IRQs off before and after. The guest's FP
 * registers are saved, because softirqs may use them.
 */
void zvm_switch_irq_window(struct zvm_vcpu *v);
/* Save the guest's FP registers if they are in the CPU; IRQs off. */
void zvm_fp_save(struct zvm_vcpu *v);
/*
 * Whose are the FP registers of the CPU? Linux leaves those of the last task that was in user space
 * there, and does not load them again when it comes back. So before a stay in which the guest may
 * load its own, they are taken from whichever task that is. begin: at the start of KVM_RUN.
 * make_room: preemption off until the guest is left, IRQs on; only if the thread was switched out
 * since the last time, for nobody else can have become the owner meanwhile.
 */
void zvm_fp_begin(struct zvm_vcpu *v);
void zvm_fp_make_room(struct zvm_vcpu *v);

/* Reset values of context, EL1 registers, FP and debug state (KVM_ARM_VCPU_INIT, CPU_ON). */
void zvm_switch_reset(struct zvm_vcpu *v);

/*
 * One EL1 register of v wherever it is: in the CPU if resident here, in memory if evicted. On v's
 * thread or with v->mutex held; evicts a copy held by another CPU.
 */
u64 zvm_el1_read(struct zvm_vcpu *v, enum zvm_el1_reg reg);
void zvm_el1_write(struct zvm_vcpu *v, enum zvm_el1_reg reg, u64 val);

#define ZVM_MDSCR_LIVE (ZVM_MDSCR_SS | ZVM_MDSCR_KDE | ZVM_MDSCR_MDE)

/*
 * Neither the host (v->debug.host_mdscr), nor the guest, nor the VMM uses self-hosted debug; the
 * same at both ends of a stay.
 */
static inline bool zvm_debug_idle(struct zvm_vcpu *v)
{
	return !((v->debug.host_mdscr | v->debug.mdscr) & ZVM_MDSCR_LIVE) && !v->udebug.control;
}

/* debug.c; IRQs off, when zvm_debug_idle() says no */
void zvm_debug_enter(struct zvm_vcpu *v);
void zvm_debug_leave(struct zvm_vcpu *v);

/* debug.c; KVM_SET_GUEST_DEBUG, v->mutex held, outside KVM_RUN. 0 or -EINVAL. */
int zvm_debug_set(struct zvm_vcpu *v, const struct kvm_guest_debug *dbg);
/* The first and the last thing of KVM_RUN that concern PSTATE; ring 2. */
void zvm_debug_step_begin(struct zvm_vcpu *v);
void zvm_debug_step_end(struct zvm_vcpu *v);
void zvm_debug_step_reset(struct zvm_vcpu *v);

#endif
