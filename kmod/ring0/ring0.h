/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ring 0: code that runs with the guest's world in the CPU. See zvm.h for the rings.
 *
 * What runs here must not use current, per-CPU data, locks, tracing or printk: SP_EL0 is the
 * guest's, and no exception can be taken. tools in the build check the object code for it
 * (ring0/check-ring0.sh).
 */
#ifndef ZVM_RING0_H
#define ZVM_RING0_H

#include "../zvm.h"
#include "../zvm_smccc.h"

/* world.S */
u32 zvm_enter(struct zvm_ctx *ctx);
extern char zvm_vectors[];

/* fp.S */
void zvm_fp_load(const struct zvm_fp *fp);
void zvm_fp_store(struct zvm_fp *fp);

/* dispatch.c: 0 back to the guest, else ZVM_EXIT_SYNC. */
u32 zvm_ring0_sync(struct zvm_ctx *ctx);

/* hypercall.c: true if answered (x0..x3 are set). */
bool zvm_ring0_hypercall(struct zvm_vcpu *v);

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
