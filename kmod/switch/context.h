/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The register state of a vCPU, and the offsets that the entry and exit code uses.
 *
 * struct zvm_ctx is what every switch touches; zvm_sysregs is resident in the CPU between
 * switches (switch/resident.c says when it is the truth); FP and debug state move on demand.
 */
#ifndef ZVM_CONTEXT_H
#define ZVM_CONTEXT_H

/* Offsets in struct zvm_ctx, checked in switch/world.c. */
#define ZVM_CTX_X(n)	     ((n) * 8)
#define ZVM_CTX_PC	     248
#define ZVM_CTX_PSTATE	     256
#define ZVM_CTX_SP_EL0	     264
#define ZVM_CTX_HCR	     272
#define ZVM_CTX_CPTR	     280
#define ZVM_CTX_HOST_X18     288
#define ZVM_CTX_HOST_X(n)    (296 + ((n) - 19) * 8) /* x19..x30 */
#define ZVM_CTX_HOST_SP_EL0  392
#define ZVM_CTX_HOST_CPTR    400
#define ZVM_CTX_HOST_VBAR    408
#define ZVM_CTX_PAUTH	     474
#define ZVM_CTX_KEYS	     480
#define ZVM_CTX_HOST_KEYS    560

/* What zvm_enter() returns: why ring 0 gave up the guest. Never 0: that is "back to the guest". */
#define ZVM_EXIT_SYNC	1
#define ZVM_EXIT_IRQ	2
#define ZVM_EXIT_FIQ	3
#define ZVM_EXIT_SERROR 4
#define ZVM_EXIT_AGAIN	5 /* ring 0 has answered; ring 1 looks at requests and kicks, then back */

#ifndef __ASSEMBLY__

#include <linux/types.h>

#define ZVM_NR_PAUTH_KEYS 10

struct zvm_ctx {
	u64 x[31];
	u64 pc;
	u64 pstate;
	u64 sp_el0;
	u64 hcr;  /* HCR_EL2 in the guest (TGE = 0) */
	u64 cptr; /* CPTR_EL2 in the guest; ring 0 changes FPEN */

	/* the host's, from zvm_enter() to its return */
	u64 host_x18;
	u64 host_x[12]; /* x19..x30 */
	u64 host_sp_el0, host_cptr, host_vbar;

	/* the host's, over a stay in ring 1 */
	u64 host_tpidr_el0, host_tpidrro_el0;

	/* the last synchronous exit; hpfar for aborts only, far for watchpoints too */
	u64 esr, far;
	u64 hpfar;	 /* HPFAR_EL2 layout */
	u64 insn_ipa;	 /* of the instruction of an abort with ISV = 0; ~0: not known */
	u64 sctlr;	 /* SCTLR_EL1 of the guest at a data abort */
	bool fp_live;	 /* the FP registers in the CPU are the guest's */
	bool fp_free;	 /* they are no task's: ring 0 may load the guest's */
	bool pauth;	 /* the guest uses pointer authentication: its keys are swapped in and out */

	/* IA, IB, DA, DB, GA, low half first; in the CPU inside zvm_enter_pauth() only */
	u64 keys[ZVM_NR_PAUTH_KEYS];
	u64 host_keys[ZVM_NR_PAUTH_KEYS]; /* the host's then */
};

/*
 * EL1 registers of the guest that stay in the CPU while it is resident: name, encoding under which
 * EL2 reaches the guest's copy. Order is the order of loading.
 */
#define ZVM_EL1_REGS(X)                    \
	X(SCTLR, SYS_SCTLR_EL12)           \
	X(CPACR, SYS_CPACR_EL12)           \
	X(TTBR0, SYS_TTBR0_EL12)           \
	X(TTBR1, SYS_TTBR1_EL12)           \
	X(TCR, SYS_TCR_EL12)               \
	X(ESR, SYS_ESR_EL12)               \
	X(AFSR0, SYS_AFSR0_EL12)           \
	X(AFSR1, SYS_AFSR1_EL12)           \
	X(FAR, SYS_FAR_EL12)               \
	X(MAIR, SYS_MAIR_EL12)             \
	X(AMAIR, SYS_AMAIR_EL12)           \
	X(VBAR, SYS_VBAR_EL12)             \
	X(CONTEXTIDR, SYS_CONTEXTIDR_EL12) \
	X(CNTKCTL, SYS_CNTKCTL_EL12)       \
	X(ELR, SYS_ELR_EL12)               \
	X(SPSR, SYS_SPSR_EL12)             \
	X(SP, sys_reg(3, 4, 4, 1, 0))      \
	X(TPIDR, sys_reg(3, 0, 13, 0, 4))

enum zvm_el1_reg {
#define X(name, enc) ZVM_EL1_##name,
	ZVM_EL1_REGS(X)
#undef X
	ZVM_NR_EL1_REGS
};

struct zvm_sysregs {
	u64 el1[ZVM_NR_EL1_REGS];
	/* shared with the host, so in the CPU only in rings 0 and 1 */
	u64 tpidr_el0, tpidrro_el0, par, csselr;
	u64 actlr;		    /* trapped: HCR.TACR */
	u64 disr;		    /* with RAS: VDISR_EL2 while resident */
	u64 dacr32, ifsr32, fpexc32, dbgvcr32, spsr32[4]; /* AArch32: storage only */
	u64 mpidr;
};

#define ZVM_MAX_BRPS 16

struct zvm_debug {
	u64 mdscr;
	u64 bvr[ZVM_MAX_BRPS], bcr[ZVM_MAX_BRPS];
	u64 wvr[ZVM_MAX_BRPS], wcr[ZVM_MAX_BRPS];
	u64 dbgclaim;
	u64 mdccint;
	bool os_lock;
	bool loaded; /* breakpoints are in the CPU; rings 0 and 1 */
	u64 host_mdscr;
};

/*
 * The VMM debugs the guest (KVM_SET_GUEST_DEBUG); survives every reset of the vCPU. `ss` and the
 * step bit that the guest runs with belong to the time inside KVM_RUN (switch/debug.c).
 */
struct zvm_user_debug {
	u32 control;	   /* KVM_GUESTDBG_*; 0: nobody */
	bool step_pending; /* an instruction was stepped, the exit for it is still due */
	u64 guest_ss;	   /* PSTATE.SS as the guest has it */
	u64 bvr[ZVM_MAX_BRPS], bcr[ZVM_MAX_BRPS];
	u64 wvr[ZVM_MAX_BRPS], wcr[ZVM_MAX_BRPS];
};

struct zvm_fp {
	__uint128_t v[32] __aligned(16);
	u32 fpsr, fpcr;
	bool used;	     /* loaded in this KVM_RUN: the next one makes room at once */
	bool wanted;	     /* the guest uses FP: no stay in it without room for its registers */
	unsigned long switches; /* of the thread's, when room was made last */
};

#endif
#endif
