/* SPDX-License-Identifier: GPL-2.0 */
/* Exits with every register under control (regs.h). */

	.text

/*
 * void NAME(const struct regs *in, struct regs *out): loads x0..x30 and NZCV from `in`, executes
 * INSN, stores all of them to `out`.
 */
	.macro	with_regs name, insn:vararg
	.global	\name
\name:
	stp	x29, x30, [sp, #-128]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	str	x1, [sp, #96]
	ldr	x1, [x0, #248]
	msr	nzcv, x1
	ldp	x1, x2, [x0, #8]
	ldp	x3, x4, [x0, #24]
	ldp	x5, x6, [x0, #40]
	ldp	x7, x8, [x0, #56]
	ldp	x9, x10, [x0, #72]
	ldp	x11, x12, [x0, #88]
	ldp	x13, x14, [x0, #104]
	ldp	x15, x16, [x0, #120]
	ldp	x17, x18, [x0, #136]
	ldp	x19, x20, [x0, #152]
	ldp	x21, x22, [x0, #168]
	ldp	x23, x24, [x0, #184]
	ldp	x25, x26, [x0, #200]
	ldp	x27, x28, [x0, #216]
	ldp	x29, x30, [x0, #232]
	ldr	x0, [x0]
	\insn
	str	x0, [sp, #104]
	ldr	x0, [sp, #96]
	stp	x1, x2, [x0, #8]
	stp	x3, x4, [x0, #24]
	stp	x5, x6, [x0, #40]
	stp	x7, x8, [x0, #56]
	stp	x9, x10, [x0, #72]
	stp	x11, x12, [x0, #88]
	stp	x13, x14, [x0, #104]
	stp	x15, x16, [x0, #120]
	stp	x17, x18, [x0, #136]
	stp	x19, x20, [x0, #152]
	stp	x21, x22, [x0, #168]
	stp	x23, x24, [x0, #184]
	stp	x25, x26, [x0, #200]
	stp	x27, x28, [x0, #216]
	stp	x29, x30, [x0, #232]
	ldr	x1, [sp, #104]
	str	x1, [x0]
	mrs	x1, nzcv
	str	x1, [x0, #248]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #128
	ret
	.endm

	with_regs regs_hvc, hvc #0
	with_regs regs_mmio_read, ldr w3, [x5]
	with_regs regs_mmio_write, str w3, [x5]
	with_regs regs_id_read, mrs x7, id_aa64pfr0_el1
	with_regs regs_wfi, wfi
	with_regs regs_wfe, wfe
	with_regs regs_sgi, msr s3_0_c12_c11_5, x9

/* u64 id_reg_read(u32 crm_op2): S3_0_C0_C<crm>_<op2>; crm 0..7 in bits 5:3, op2 in bits 2:0. */
	.global	id_reg_read
id_reg_read:
	adr	x1, 1f
	and	w0, w0, #63
	add	x1, x1, w0, uxtw #3
	br	x1
1:
	.irp	crm, 0, 1, 2, 3, 4, 5, 6, 7
	.irp	op2, 0, 1, 2, 3, 4, 5, 6, 7
	mrs	x0, s3_0_c0_c\crm\()_\op2
	ret
	.endr
	.endr
