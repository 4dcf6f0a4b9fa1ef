/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's EL1 virtual and physical timers. Both run directly on the hardware timers while the
 * vCPU is resident; their PPIs are delivered through hardware-linked list registers.
 */
#ifndef ZVM_TIMER_H
#define ZVM_TIMER_H

#include <linux/hrtimer.h>
#include <linux/irqreturn.h>
#include <linux/kvm.h>
#include <linux/types.h>

struct zvm_vm;
struct zvm_vcpu;

enum { ZVM_VTIMER, ZVM_PTIMER, ZVM_NR_TIMERS };

struct zvm_timer {
	u64 ctl, cval;	/* CNTx_CTL/CVAL; truth only while evicted */
	u32 intid;	/* PPI in the guest: 27, 30 by default */
};

struct zvm_timers {
	struct zvm_timer t[ZVM_NR_TIMERS];
	u64 cntvoff;		/* CNTVOFF_EL2 as loaded; while resident */
	struct hrtimer wakeup;	/* earliest expiry while blocked */
	bool wakeup_armed;
};

irqreturn_t zvm_timer_irq(int irq, void *dev); /* handler of both PPIs; irq.c requests them */

void zvm_timer_vcpu_create(struct zvm_vcpu *v);
void zvm_timer_vcpu_destroy(struct zvm_vcpu *v);
void zvm_timer_vcpu_reset(struct zvm_vcpu *v);
/* First run: tie both PPIs to the host's. -EINVAL: both have the same number. */
int zvm_timer_map(struct zvm_vcpu *v);

/* Residency; IRQs off on the CPU. */
void zvm_timer_load(struct zvm_vcpu *v);
void zvm_timer_put(struct zvm_vcpu *v);
/*
 * State of the timer's output line now: the vGIC asks before it presents a pending timer PPI, so
 * that a timer the guest has reprogrammed is not delivered. IRQs off, v resident here or evicted.
 */
bool zvm_timer_line(struct zvm_vcpu *v, u32 intid);
/* Set or clear the active state of the physical PPI behind `intid`; IRQs off on the resident CPU. */
void zvm_timer_phys_active(struct zvm_vcpu *v, u32 intid, bool active);
/* Around blocking in WFI; preemptible. */
void zvm_timer_block(struct zvm_vcpu *v);
void zvm_timer_unblock(struct zvm_vcpu *v);
bool zvm_timer_expired(struct zvm_vcpu *v); /* any timer firing now; on the vCPU's thread */

int zvm_timer_get_reg(struct zvm_vcpu *v, u64 id, u64 *val);
int zvm_timer_set_reg(struct zvm_vcpu *v, u64 id, u64 val);
int zvm_timer_set_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);
int zvm_timer_get_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);
int zvm_timer_has_attr(struct zvm_vcpu *v, const struct kvm_device_attr *attr);

#endif
