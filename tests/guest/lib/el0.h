/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Code at EL0. el0_run() enters one of the functions below (position independent, in a section
 * that is mapped again for EL0) and returns with the exception that ended it; each ends with SVC
 * if nothing else does.
 */
#ifndef GUEST_EL0_H
#define GUEST_EL0_H

#include "exc.h"

#define EL0_CODE_VA 0x2000000000UL
#define EL0_DATA_VA (EL0_CODE_VA + 0x100000)

/* Maps code and one data page (at EL0_DATA_VA); once per boot, any CPU. */
void el0_init(void);

/*
 * Runs fn at EL0 with x0 = arg, interrupts of EL1 masked or open as `spsr` says. Synchronous
 * exceptions from EL0 end it; the frame at the end (registers, ESR, ELR, FAR, SPSR) is returned and
 * stays valid until the next run on this CPU.
 */
typedef void (*el0_fn)(void);
const struct exc_frame *el0_run_spsr(el0_fn fn, u64 arg, u64 spsr);
static inline const struct exc_frame *el0_run(el0_fn fn, u64 arg)
{
	return el0_run_spsr(fn, arg, 0x3c0);
}
/* Code of the test's own, mapped by it, with the first `nr` registers given. */
const struct exc_frame *el0_run_at(u64 pc, const u64 *regs, u32 nr, u64 spsr);
/* Continues where the last run ended, ELR moved by `skip`. */
const struct exc_frame *el0_resume(u64 skip, u64 spsr);
/* The EL0 address of a function or label of el0code.S. */
u64 el0_va(el0_fn fn);

/* el0code.S */
void el0_svc(void); /* svc #0x42 */
void el0_read_cntvct(void);
void el0_read_cntv_ctl(void);
void el0_read_cntp_ctl(void);
void el0_brk(void); /* brk #0x123 */
void el0_wfi(void);
void el0_wfe(void);
void el0_undefined(void); /* udf */
void el0_hvc(void);
void el0_read_sysreg(void); /* mrs of sctlr_el1 */
void el0_steps(void);	    /* x1 = 1; x2 = 2; x3 = 3; svc */
void el0_load(void);	    /* x1 = [x0] */
void el0_store(void);	    /* [x0] = x0 */
void el0_jump(void);	    /* br x0 */
void el0_fp(void);	    /* fmov d0, x0; fmov x1, d0 */
void el0_pacia(void);	    /* x0 signed with key IA and modifier 9 */
void el0_work(void);	    /* counts x0 down to 0 */
void el0_read_pmccntr(void);
void el0_read_pmcr(void);
void el0_spin(void);	    /* counts x1 up until [x0] != 0 */
void el0_daif(void);	    /* msr daifset, #2 */
void el0_dc_civac(void);    /* dc civac, x0 */
void el0_nops(void);	    /* three NOPs, the second labelled el0_nops_second */
void el0_nops_second(void);

#endif
