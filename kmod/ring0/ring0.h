/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ring 0: code that runs with the guest's world in the CPU. See zvm.h for the rings.
 *
 * What runs here must not use current, per-CPU data, locks (but to try one), tracing or printk: SP_EL0 is the
 * guest's, and no exception can be taken. Return addresses are not signed: the keys in the CPU may
 * be the guest's. The build checks the object code for it (ring0/check-ring0.sh).
 */
#ifndef ZVM_RING0_H
#define ZVM_RING0_H

#include "../zvm.h"
#include "../zvm_smccc.h"

/* world.S */
u32 zvm_enter(struct zvm_ctx *ctx);
u32 zvm_enter_pauth(struct zvm_ctx *ctx); /* with the guest's keys */
extern char zvm_vectors[];

/* fp.S */
void zvm_fp_load(const struct zvm_fp *fp);
void zvm_fp_store(struct zvm_fp *fp);

/* r0_dispatch.c: 0 back to the guest, else ZVM_EXIT_SYNC. */
u32 zvm_ring0_sync(struct zvm_ctx *ctx);

/* r0_vgic.c; 0, ZVM_EXIT_AGAIN, or ZVM_EXIT_SYNC: not done */
u32 zvm_ring0_sgi(struct zvm_vcpu *v, u64 val, bool group1);
u32 zvm_ring0_mmio(struct zvm_vcpu *v, u64 ipa); /* ISV = 1, no memory mapped there */

/* r0_status.c; 0 or ZVM_EXIT_SYNC: not done */
u32 zvm_ring0_status(struct zvm_vcpu *v, u64 ipa); /* as above */

/*
 * r0_vgic.c, for r0_irq.c: a list register for timer `i` (true: v->vgic.lock is held), and the interrupt
 * put there; posted interrupts into list registers, ZVM_EXIT_AGAIN: a flush is needed.
 */
bool zvm_ring0_timer_slot(struct zvm_vcpu *v, int i, u32 *slot);
void zvm_ring0_timer_place(struct zvm_vcpu *v, int i, u32 slot);
u32 zvm_ring0_take_posted(struct zvm_vcpu *v);

/* r0_irq.c: 0, ZVM_EXIT_AGAIN, or ZVM_EXIT_IRQ: for the host. Ring 1 may call it too, IRQs off. */
u32 zvm_ring0_irq(struct zvm_ctx *ctx);

/* r0_hypercall.c: true if answered (x0..x3 are set). */
bool zvm_ring0_hypercall(struct zvm_vcpu *v);

/* The vGIC's raw locks, in ring 0: see the head of r0_vgic.c. */
static inline bool zvm_ring0_trylock(raw_spinlock_t *lock)
{
	return arch_spin_trylock(&lock->raw_lock);
}

static inline void zvm_ring0_unlock(raw_spinlock_t *lock)
{
	arch_spin_unlock(&lock->raw_lock);
}

/* Step over the trapped instruction, as zvm_skip_instr() does it in memory. */
static inline void zvm_ring0_skip(void)
{
	u64 spsr = read_sysreg(spsr_el2);

	write_sysreg(read_sysreg(elr_el2) + 4, elr_el2);
	if (unlikely(spsr & (ZVM_PSR_BTYPE | ZVM_PSR_SS)))
		write_sysreg(spsr & ~(ZVM_PSR_BTYPE | ZVM_PSR_SS), spsr_el2);
}

/* A hypercall that is not PSCI returns four registers. */
static inline void zvm_smccc_return(struct zvm_vcpu *v, u64 x0, u64 x1, u64 x2, u64 x3)
{
	v->ctx.x[0] = x0;
	v->ctx.x[1] = x1;
	v->ctx.x[2] = x2;
	v->ctx.x[3] = x3;
}

DECLARE_PER_CPU(struct zvm_ctx *, zvm_running);

#endif
