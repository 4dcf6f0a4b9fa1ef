/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry of the boot CPU by the arm64 Linux boot protocol (Documentation/arm64/booting.rst in the
 * kernel: x0 = device tree, MMU off, EL1 here), entry of secondary CPUs by PSCI CPU_ON, and the
 * exception vectors. The image runs at its link address only; head fields tell the loader so.
 */
#define FRAME_SIZE 288 /* sizeof(struct exc_frame), exc.h */
#define STACK_SIZE 16384 /* smp.h */

	.section .head, "ax"
	.global _start
_start:
	b	primary
	.long	0
	.quad	0x80000			/* text_offset: RAM base + 512 KiB */
	.quad	__image_size
	.quad	0xa			/* little endian, 4 KiB pages, anywhere in RAM */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.text
primary:
	mrs	x21, cntpct_el0
	mov	x19, x0
	adrp	x1, __bss_start
	add	x1, x1, :lo12:__bss_start
	adrp	x2, __bss_end
	add	x2, x2, :lo12:__bss_end
1:	cmp	x1, x2
	b.hs	2f
	stp	xzr, xzr, [x1], #16
	b	1b
2:	adrp	x1, boot_counter
	str	x21, [x1, :lo12:boot_counter]
	adrp	x20, cpus
	add	x20, x20, :lo12:cpus
	adrp	x1, stacks
	add	x1, x1, :lo12:stacks
	add	x1, x1, #STACK_SIZE
	mov	sp, x1
	msr	tpidr_el1, x20
	bl	set_vectors
	mov	x0, x19
	bl	boot_main
3:	wfi
	b	3b

/* CPU_ON lands here; x0 = the context id: this CPU's struct cpu. */
	.global secondary_entry
secondary_entry:
	mov	x20, x0
	msr	tpidr_el1, x20
	ldr	x1, [x20]		/* struct cpu starts with its stack's top */
	mov	sp, x1
	bl	set_vectors
	bl	mmu_enable
	mov	x0, x20
	bl	secondary_main
4:	wfi
	b	4b

set_vectors:
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	isb
	ret

/*
 * All sixteen vectors do the same: build a struct exc_frame on the stack of EL1 and hand it to C
 * with the vector's number.
 */
	.macro	vector n
	.balign	128
	sub	sp, sp, #FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x0, #\n
	b	exc_common
	.endm

	.balign	2048
	.global vectors
vectors:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vector	\n
	.endr

exc_common:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x1, sp_el0
	stp	x30, x1, [sp, #240]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x1, x2, [sp, #256]
	mrs	x1, esr_el1
	mrs	x2, far_el1
	stp	x1, x2, [sp, #272]
	mov	x1, x0
	mov	x0, sp
	bl	exc_dispatch
	ldp	x1, x2, [sp, #256]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x30, x1, [sp, #240]
	msr	sp_el0, x1
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	ldp	x0, x1, [sp]
	add	sp, sp, #FRAME_SIZE
	eret
