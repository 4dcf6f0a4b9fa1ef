/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world switch: zvm_enter() and the exception vectors that are live while a guest runs.
 *
 * zvm_enter(ctx) is called with PSTATE.DAIF all masked, the guest's EL1 context resident and
 * HCR_EL2 = guest bits | TGE. It pushes ctx on the host stack (the stack anchor: SP_EL2 points at
 * it at every exit), flips TGE, and ERETs. An exit spills the general registers into ctx and calls
 * ring-0 C with the guest's world still in the CPU; a zero answer goes straight back, anything
 * else restores the host's world and returns from zvm_enter().
 *
 * While these vectors are installed: no IRQ, FIQ or SError can be taken from EL2 (all masked).
 * A synchronous exception from EL2 is a bug in ring 0; it is handed to the host's own vectors with
 * ELR, SPSR and ESR untouched, so that the host prints an ordinary oops.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/assembler.h>
#include <asm/cpufeature.h>
#include <asm/sysreg.h>

#include "../zvm_regs.h"
#include "../switch/context.h"

	.text

/* u32 zvm_enter(struct zvm_ctx *ctx) */
SYM_FUNC_START(zvm_enter)
	str	x18, [x0, #ZVM_CTX_HOST_X18]
	stp	x19, x20, [x0, #ZVM_CTX_HOST_X(19)]
	stp	x21, x22, [x0, #ZVM_CTX_HOST_X(21)]
	stp	x23, x24, [x0, #ZVM_CTX_HOST_X(23)]
	stp	x25, x26, [x0, #ZVM_CTX_HOST_X(25)]
	stp	x27, x28, [x0, #ZVM_CTX_HOST_X(27)]
	stp	x29, x30, [x0, #ZVM_CTX_HOST_X(29)]
	mrs	x1, sp_el0
	mrs	x2, cpacr_el1		// CPTR_EL2: E2H redirects the name
	mrs	x3, vbar_el1		// differs per CPU with KPTI or BHB: as found
	stp	x1, x2, [x0, #ZVM_CTX_HOST_SP_EL0]
	str	x3, [x0, #ZVM_CTX_HOST_VBAR]
	stp	x0, xzr, [sp, #-16]!	// the stack anchor

	ldp	x4, x5, [x0, #ZVM_CTX_HCR]	// hcr, cptr
	adr_l	x6, zvm_vectors
	msr	cpacr_el1, x5
	msr	vbar_el1, x6
	// The stage-1 and stage-2 registers of the guest were loaded before an ISB in
	// zvm_resident_make(), so a speculative AT sees a consistent regime (1530923).
	msr	hcr_el2, x4

	ldp	x2, x3, [x0, #ZVM_CTX_PC]
	ldr	x1, [x0, #ZVM_CTX_SP_EL0]
	msr	elr_el2, x2
	msr	spsr_el2, x3
	msr	sp_el0, x1

zvm_reenter:				// x0 = ctx
	ldp	x2, x3, [x0, #ZVM_CTX_X(2)]
	ldp	x4, x5, [x0, #ZVM_CTX_X(4)]
	ldp	x6, x7, [x0, #ZVM_CTX_X(6)]
	ldp	x8, x9, [x0, #ZVM_CTX_X(8)]
	ldp	x10, x11, [x0, #ZVM_CTX_X(10)]
	ldp	x12, x13, [x0, #ZVM_CTX_X(12)]
	ldp	x14, x15, [x0, #ZVM_CTX_X(14)]
	ldp	x16, x17, [x0, #ZVM_CTX_X(16)]
	ldp	x18, x19, [x0, #ZVM_CTX_X(18)]
	ldp	x20, x21, [x0, #ZVM_CTX_X(20)]
	ldp	x22, x23, [x0, #ZVM_CTX_X(22)]
	ldp	x24, x25, [x0, #ZVM_CTX_X(24)]
	ldp	x26, x27, [x0, #ZVM_CTX_X(26)]
	ldp	x28, x29, [x0, #ZVM_CTX_X(28)]
	ldr	x30, [x0, #ZVM_CTX_X(30)]
	ldp	x0, x1, [x0, #ZVM_CTX_X(0)]
	eret				// synchronises HCR, CPTR and VBAR for the guest
	dsb	nsh			// no speculation past the ERET
	isb
SYM_FUNC_END(zvm_enter)

	.macro	zvm_keys_store, mem
	mrs_s	x2, SYS_APIAKEYLO_EL1
	mrs_s	x3, SYS_APIAKEYHI_EL1
	stp	x2, x3, [\mem, #0]
	mrs_s	x2, SYS_APIBKEYLO_EL1
	mrs_s	x3, SYS_APIBKEYHI_EL1
	stp	x2, x3, [\mem, #16]
	mrs_s	x2, SYS_APDAKEYLO_EL1
	mrs_s	x3, SYS_APDAKEYHI_EL1
	stp	x2, x3, [\mem, #32]
	mrs_s	x2, SYS_APDBKEYLO_EL1
	mrs_s	x3, SYS_APDBKEYHI_EL1
	stp	x2, x3, [\mem, #48]
	mrs_s	x2, SYS_APGAKEYLO_EL1
	mrs_s	x3, SYS_APGAKEYHI_EL1
	stp	x2, x3, [\mem, #64]
	.endm

	.macro	zvm_keys_load, mem, lo, hi
	ldp	\lo, \hi, [\mem, #0]
	msr_s	SYS_APIAKEYLO_EL1, \lo
	msr_s	SYS_APIAKEYHI_EL1, \hi
	ldp	\lo, \hi, [\mem, #16]
	msr_s	SYS_APIBKEYLO_EL1, \lo
	msr_s	SYS_APIBKEYHI_EL1, \hi
	ldp	\lo, \hi, [\mem, #32]
	msr_s	SYS_APDAKEYLO_EL1, \lo
	msr_s	SYS_APDAKEYHI_EL1, \hi
	ldp	\lo, \hi, [\mem, #48]
	msr_s	SYS_APDBKEYLO_EL1, \lo
	msr_s	SYS_APDBKEYHI_EL1, \hi
	ldp	\lo, \hi, [\mem, #64]
	msr_s	SYS_APGAKEYLO_EL1, \lo
	msr_s	SYS_APGAKEYHI_EL1, \hi
	.endm

/*
 * u32 zvm_enter_pauth(struct zvm_ctx *ctx)
 *
 * zvm_enter() for a guest that uses pointer authentication. The key registers are one set for all
 * exception levels, and the host's C code may sign its return addresses with them: they are
 * swapped here, where nothing is signed, and ring 0 is compiled without signing. What the host has
 * in them is taken as found: the kernel's own key, and the user keys of the task.
 */
SYM_FUNC_START(zvm_enter_pauth)
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	add	x19, x0, #ZVM_CTX_KEYS
	add	x20, x0, #ZVM_CTX_HOST_KEYS
	zvm_keys_store x20
	zvm_keys_load x19, x2, x3	// the ERET synchronises them
	bl	zvm_enter
	zvm_keys_store x19
	zvm_keys_load x20, x2, x3
	isb				// before the host authenticates a return address
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #32
	ret
SYM_FUNC_END(zvm_enter_pauth)

/* A guest exit; x0, x1 are on the stack above the anchor. */
	.macro	zvm_exit_common, fn, kind
	ldr	x0, [sp, #16]
	stp	x2, x3, [x0, #ZVM_CTX_X(2)]
	stp	x4, x5, [x0, #ZVM_CTX_X(4)]
	stp	x6, x7, [x0, #ZVM_CTX_X(6)]
	stp	x8, x9, [x0, #ZVM_CTX_X(8)]
	stp	x10, x11, [x0, #ZVM_CTX_X(10)]
	stp	x12, x13, [x0, #ZVM_CTX_X(12)]
	stp	x14, x15, [x0, #ZVM_CTX_X(14)]
	stp	x16, x17, [x0, #ZVM_CTX_X(16)]
	stp	x18, x19, [x0, #ZVM_CTX_X(18)]
	stp	x20, x21, [x0, #ZVM_CTX_X(20)]
	stp	x22, x23, [x0, #ZVM_CTX_X(22)]
	stp	x24, x25, [x0, #ZVM_CTX_X(24)]
	stp	x26, x27, [x0, #ZVM_CTX_X(26)]
	stp	x28, x29, [x0, #ZVM_CTX_X(28)]
	ldp	x2, x3, [sp], #16
	str	x30, [x0, #ZVM_CTX_X(30)]
	stp	x2, x3, [x0, #ZVM_CTX_X(0)]
	mov	x19, x0
	mov	x29, xzr
	// An exception from the guest's EL1 leaves PAN as the guest had it (TGE = 0).
	ALTERNATIVE("nop", SET_PSTATE_PAN(1), ARM64_HAS_PAN)
#ifdef CONFIG_SHADOW_CALL_STACK
	ldr	x18, [x0, #ZVM_CTX_HOST_X18]
#endif
	.ifnb	\fn
	bl	\fn			// 0: ring 0 has answered
	cbnz	w0, zvm_leave
	mov	x0, x19
	b	zvm_reenter
	.else
	mov	w0, #\kind
	b	zvm_leave
	.endif
	.endm

SYM_CODE_START_LOCAL(zvm_exit_sync)
	zvm_exit_common zvm_ring0_sync, ZVM_EXIT_SYNC
SYM_CODE_END(zvm_exit_sync)

SYM_CODE_START_LOCAL(zvm_exit_irq)
	zvm_exit_common zvm_ring0_irq, ZVM_EXIT_IRQ
SYM_CODE_END(zvm_exit_irq)

SYM_CODE_START_LOCAL(zvm_exit_fiq)
	zvm_exit_common , ZVM_EXIT_FIQ
SYM_CODE_END(zvm_exit_fiq)

SYM_CODE_START_LOCAL(zvm_exit_serror)
	zvm_exit_common , ZVM_EXIT_SERROR
SYM_CODE_END(zvm_exit_serror)

/* Back to the host's world: x19 = ctx, w0 = ZVM_EXIT_*, which zvm_enter() returns. */
SYM_CODE_START_LOCAL(zvm_leave)
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	mrs	x4, sp_el0
	mrs	x5, hcr_el2		// VSE may have been consumed
	stp	x2, x3, [x19, #ZVM_CTX_PC]
	str	x4, [x19, #ZVM_CTX_SP_EL0]
	str	x5, [x19, #ZVM_CTX_HCR]
	orr	x5, x5, #ZVM_HCR_TGE
	msr	hcr_el2, x5
	isb				// TGE is seen before the host regime is used (1530923)
	ldp	x1, x2, [x19, #ZVM_CTX_HOST_SP_EL0]
	ldr	x3, [x19, #ZVM_CTX_HOST_VBAR]
	msr	sp_el0, x1
	msr	cpacr_el1, x2
	msr	vbar_el1, x3
	isb				// before any exception may be taken by the host's vectors
	add	sp, sp, #16
	ldr	x18, [x19, #ZVM_CTX_HOST_X18]
	ldp	x21, x22, [x19, #ZVM_CTX_HOST_X(21)]
	ldp	x23, x24, [x19, #ZVM_CTX_HOST_X(23)]
	ldp	x25, x26, [x19, #ZVM_CTX_HOST_X(25)]
	ldp	x27, x28, [x19, #ZVM_CTX_HOST_X(27)]
	ldp	x29, x30, [x19, #ZVM_CTX_HOST_X(29)]
	ldp	x19, x20, [x19, #ZVM_CTX_HOST_X(19)]
	ret
SYM_CODE_END(zvm_leave)

/*
 * A synchronous exception or worse from EL2 with our vectors live. zvm_running finds the context
 * without the stack anchor, whose distance is unknown here. x17 is lost to the oops.
 */
	.macro	zvm_host_vector, offset
	stp	x0, x1, [sp, #-16]!
	adr_this_cpu x0, zvm_running, x1
	ldr	x0, [x0]
	mrs	x1, hcr_el2
	orr	x1, x1, #ZVM_HCR_TGE
	msr	hcr_el2, x1
	isb
	ldr	x1, [x0, #ZVM_CTX_HOST_SP_EL0]
	msr	sp_el0, x1
	ldr	x1, [x0, #ZVM_CTX_HOST_CPTR]
	msr	cpacr_el1, x1
	ldrb	w1, [x0, #ZVM_CTX_PAUTH]
	cbz	w1, .Lno_keys\@
	add	x0, x0, #ZVM_CTX_HOST_KEYS
	zvm_keys_load x0, x1, x17
	sub	x0, x0, #ZVM_CTX_HOST_KEYS
.Lno_keys\@:
	ldr	x17, [x0, #ZVM_CTX_HOST_VBAR]
	msr	vbar_el1, x17
	isb
	add	x17, x17, #\offset
	ldp	x0, x1, [sp], #16
	ret	x17			// not br: the vector is no landing pad (BTI)
	.endm

SYM_CODE_START_LOCAL(zvm_host_sync)
	zvm_host_vector 0x200
SYM_CODE_END(zvm_host_sync)
SYM_CODE_START_LOCAL(zvm_host_irq)
	zvm_host_vector 0x280
SYM_CODE_END(zvm_host_irq)
SYM_CODE_START_LOCAL(zvm_host_fiq)
	zvm_host_vector 0x300
SYM_CODE_END(zvm_host_fiq)
SYM_CODE_START_LOCAL(zvm_host_serror)
	zvm_host_vector 0x380
SYM_CODE_END(zvm_host_serror)

	.macro	zvm_guest_slot, target
	.align	7
	stp	x0, x1, [sp, #-16]!
	b	\target
	.endm

	.macro	zvm_host_slot, target
	.align	7
	b	\target
	.endm

	.align	11
SYM_CODE_START(zvm_vectors)
	zvm_host_slot zvm_host_sync	// EL2t: the kernel never runs on SP_EL0 at EL2
	zvm_host_slot zvm_host_irq
	zvm_host_slot zvm_host_fiq
	zvm_host_slot zvm_host_serror

	zvm_host_slot zvm_host_sync	// EL2h
	zvm_host_slot zvm_host_irq
	zvm_host_slot zvm_host_fiq
	zvm_host_slot zvm_host_serror

	zvm_guest_slot zvm_exit_sync	// lower EL, AArch64
	zvm_guest_slot zvm_exit_irq
	zvm_guest_slot zvm_exit_fiq
	zvm_guest_slot zvm_exit_serror

	zvm_guest_slot zvm_exit_sync	// lower EL, AArch32 (EL0 of an AArch64 guest)
	zvm_guest_slot zvm_exit_irq
	zvm_guest_slot zvm_exit_fiq
	zvm_guest_slot zvm_exit_serror
SYM_CODE_END(zvm_vectors)
