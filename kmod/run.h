/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between vcpu.c (run loop), vcpu_fd.c (ioctls) and onereg.c (register access).
 */
#ifndef ZVM_RUN_H
#define ZVM_RUN_H

#include "zvm.h"

/* KVM_RUN; v->mutex held. 0 with run->exit_reason, or -errno. */
int zvm_vcpu_run(struct zvm_vcpu *v);
/*
 * Interrupts that were posted go into list registers; the window of the run loop, IRQs off, after
 * mode = IN_GUEST.
 */
void zvm_vcpu_take_irqs(struct zvm_vcpu *v);
/* A descriptor for a vCPU that is complete; it holds the VM. fd or -errno. */
int zvm_vcpu_fd(struct zvm_vcpu *v);

/* KVM_{GET,SET}_ONE_REG and KVM_GET_REG_LIST; v->mutex held, v evicted. */
int zvm_onereg_get(struct zvm_vcpu *v, const struct kvm_one_reg *reg);
int zvm_onereg_set(struct zvm_vcpu *v, const struct kvm_one_reg *reg);
int zvm_onereg_list(struct zvm_vcpu *v, struct kvm_reg_list __user *list);

#endif
