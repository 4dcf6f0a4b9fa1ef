/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exceptions of the guest. A test either expects one synchronous exception around a few
 * instructions (exc_expect/exc_taken), or installs a hook of its own. What nobody expects ends
 * the program with "Bail out!".
 */
#ifndef GUEST_EXC_H
#define GUEST_EXC_H

#include "arch.h"

/* Vector numbers: group (0 EL1t, 4 EL1h, 8 EL0 64-bit, 12 EL0 32-bit) + kind. */
#define VEC_SYNC    0
#define VEC_IRQ	    1
#define VEC_FIQ	    2
#define VEC_SERROR  3
#define VEC_KIND(v) ((v)&3)
#define VEC_EL1T    0
#define VEC_EL1H    4
#define VEC_EL0	    8
#define VEC_EL0_32  12

#define SPSR_IL BIT(20)
#define SPSR_SS BIT(21)

/* What start.S pushes; the order is shared with it. */
struct exc_frame {
	u64 x[31];
	u64 sp_el0;
	u64 elr;
	u64 spsr;
	u64 esr;
	u64 far;
};

/* A copy of the last expected exception. */
struct exc_info {
	u64 esr, elr, far, spsr;
	u32 vector;
	u32 count;
};

/*
 * From now on this CPU expects synchronous exceptions: each is recorded and the instruction is
 * stepped over; if `resume` is not 0, execution goes on there instead (for faults on fetch).
 */
void exc_expect_at(u64 resume);
static inline void exc_expect(void)
{
	exc_expect_at(0);
}

/* Ends the expectation. Returns the record; count is 0 if nothing was taken. */
const struct exc_info *exc_taken(void);

/*
 * Runs the statement(s) and yields the exc_info pointer. Evaluated in order by volatile asm; the
 * barriers keep the compiler from moving memory accesses out.
 */
#define EXC_TRY(...)          \
	({                    \
		exc_expect(); \
		barrier();    \
		__VA_ARGS__;  \
		barrier();    \
		isb();        \
		exc_taken();  \
	})

typedef void (*irq_fn)(struct exc_frame *f);
/* Returns true if it dealt with the exception (it may change the frame). */
typedef bool (*sync_fn)(struct exc_frame *f, u32 vector);

/* The IRQ handler of this CPU; NULL for the library's (gic.h, by INTID). Returns the old one. */
irq_fn exc_set_irq(irq_fn fn);
/* First look at synchronous exceptions and SErrors on this CPU; NULL for none. */
sync_fn exc_set_sync(sync_fn fn);

/* Called by start.S. */
void exc_dispatch(struct exc_frame *f, u32 vector);

#endif
