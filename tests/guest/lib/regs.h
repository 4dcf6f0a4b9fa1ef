/* SPDX-License-Identifier: GPL-2.0 */
/* Exits with every general register and the flags under control. Defined in regs.S. */
#ifndef GUEST_REGS_H
#define GUEST_REGS_H

#include "arch.h"

struct regs {
	u64 x[31];
	u64 nzcv;
};

/* Each loads x0..x30 and NZCV from `in`, executes one instruction, stores them to `out`. */
void regs_hvc(const struct regs *in, struct regs *out);
void regs_mmio_read(const struct regs *in, struct regs *out);  /* ldr w3, [x5] */
void regs_mmio_write(const struct regs *in, struct regs *out); /* str w3, [x5] */
void regs_id_read(const struct regs *in, struct regs *out);    /* mrs x7, id_aa64pfr0_el1 */
void regs_wfi(const struct regs *in, struct regs *out);
void regs_wfe(const struct regs *in, struct regs *out);
void regs_sgi(const struct regs *in, struct regs *out); /* msr icc_sgi1r_el1, x9 */

/* Reads S3_0_C0_C<crm>_<op2>, crm_op2 = crm << 3 | op2. */
u64 id_reg_read(u32 crm_op2);

#endif
