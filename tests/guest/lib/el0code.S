/* SPDX-License-Identifier: GPL-2.0 */
/*
 * el0_enter and what runs at EL0 (el0.h). The EL0 functions are between el0_text and el0_text_end,
 * mapped for EL0 at another address, so they may use PC-relative references to themselves only.
 */
	.text
/*
 * struct exc_frame *el0_enter(const u64 *regs, u64 pc, u64 spsr, u64 sp): loads x0..x30 from regs
 * and returns to EL0. Comes back through el0_leave with the frame pointer that the hook gives.
 */
	.global	el0_enter
el0_enter:
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	msr	sp_el0, x3
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	eret

/* The exception's frame has been popped: SP is where el0_enter left it. */
	.global	el0_leave
el0_leave:
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret

	.balign	4096
	.global	el0_text, el0_text_end
el0_text:
	.macro	el0_func name
	.global	\name
\name:
	.endm

el0_func el0_svc
	svc	#0x42
	svc	#0
el0_func el0_read_cntvct
	mrs	x1, cntvct_el0
	svc	#0
el0_func el0_read_cntv_ctl
	mrs	x1, cntv_ctl_el0
	svc	#0
el0_func el0_read_cntp_ctl
	mrs	x1, cntp_ctl_el0
	svc	#0
el0_func el0_brk
	brk	#0x123
	svc	#0
el0_func el0_wfi
	wfi
	svc	#0
el0_func el0_wfe
	sevl
	wfe
	wfe
	svc	#0
el0_func el0_undefined
	.inst	0
	svc	#0
el0_func el0_hvc
	hvc	#0
	svc	#0
el0_func el0_read_sysreg
	mrs	x1, sctlr_el1
	svc	#0
el0_func el0_steps
	mov	x1, #1
	mov	x2, #2
	mov	x3, #3
	svc	#0
el0_func el0_load
	ldr	x1, [x0]
	svc	#0
el0_func el0_store
	str	x0, [x0]
	svc	#0
el0_func el0_jump
	br	x0
el0_func el0_fp
	fmov	d0, x0
	fmov	x1, d0
	svc	#0
el0_func el0_pacia
	mov	x1, #9
	.inst	0xdac10020	// pacia x0, x1
	svc	#0
el0_func el0_work
	subs	x0, x0, #1
	b.ne	el0_work
	svc	#0
el0_func el0_read_pmccntr
	mrs	x0, pmccntr_el0
	svc	#0
el0_func el0_read_pmcr
	mrs	x0, pmcr_el0
	svc	#0
el0_func el0_spin
	mov	x1, #0
1:	add	x1, x1, #1
	ldr	w2, [x0]
	cbz	w2, 1b
	svc	#0
el0_func el0_daif
	msr	daifset, #2
	svc	#0
el0_func el0_dc_civac
	dc	civac, x0
	svc	#0
el0_func el0_nops
	nop
el0_func el0_nops_second
	nop
	nop
	svc	#0
	.balign	4096
el0_text_end:
