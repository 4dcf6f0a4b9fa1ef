/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Load and store of the FP/SIMD registers of a guest. CPTR_EL2.FPEN must permit it and an ISB must
 * have made that visible. Callers: ring 0 on the guest's first use, ring 1 when the vCPU leaves.
 */
#include <linux/linkage.h>

	.arch_extension fp
	.arch_extension simd

	.macro	zvm_fp_all, op
	\op	q0, q1, [x0, #0]
	\op	q2, q3, [x0, #32]
	\op	q4, q5, [x0, #64]
	\op	q6, q7, [x0, #96]
	\op	q8, q9, [x0, #128]
	\op	q10, q11, [x0, #160]
	\op	q12, q13, [x0, #192]
	\op	q14, q15, [x0, #224]
	\op	q16, q17, [x0, #256]
	\op	q18, q19, [x0, #288]
	\op	q20, q21, [x0, #320]
	\op	q22, q23, [x0, #352]
	\op	q24, q25, [x0, #384]
	\op	q26, q27, [x0, #416]
	\op	q28, q29, [x0, #448]
	\op	q30, q31, [x0, #480]
	.endm

/* void zvm_fp_load(const struct zvm_fp *fp) */
SYM_FUNC_START(zvm_fp_load)
	zvm_fp_all ldp
	add	x0, x0, #512		// beyond the reach of a 32-bit pair's offset
	ldp	w1, w2, [x0]
	msr	fpsr, x1
	msr	fpcr, x2
	ret
SYM_FUNC_END(zvm_fp_load)

/* void zvm_fp_store(struct zvm_fp *fp) */
SYM_FUNC_START(zvm_fp_store)
	zvm_fp_all stp
	mrs	x1, fpsr
	mrs	x2, fpcr
	add	x0, x0, #512
	stp	w1, w2, [x0]
	ret
SYM_FUNC_END(zvm_fp_store)
