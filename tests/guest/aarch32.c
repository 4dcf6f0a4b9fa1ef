// SPDX-License-Identifier: GPL-2.0
/*
 * AArch32 at EL0, where ID_AA64PFR0_EL1 shows it: entry and return, what traps to the hypervisor on
 * the way (device accesses, waits, debug registers) with 16-bit instructions, in IT blocks and with
 * conditions that fail, registers that keep their values, byte order, steps, interrupts. Arm ARM G1.
 *
 * The programs are given as code, with their text beside it; the compiler of the other files makes
 * none. Each is copied to a page below 4 GiB and starts at its first word.
 */
#include "el0.h"
#include "fp.h"
#include "gic.h"
#include "mmu.h"
#include "psci.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define CODE_VA	    0xc0000000UL
#define DATA_VA	    0xc0100000UL
#define UART_VA	    0xc0200000UL
#define GICD_VA	    0xc0300000UL
#define TD_VA	    0xc0400000UL
#define FRESH_VA    0xc0500000UL
#define UART_FR	    0x18
#define SPSR_A32    0x1d0UL /* user mode, A, I and F masked */
#define SPSR_T32    (SPSR_A32 | BIT(5))
#define SPSR_OPEN   0x150UL /* interrupts open */
#define SPSR_IT	    (0x3fUL << 10 | 3UL << 25)
#define MDSCR_SS    BIT(0)
#define MDSCR_MDE   BIT(15)
#define SCTLR_NTWI  BIT(16)
#define SCTLR_NTWE  BIT(18)
#define CNTKCTL_VCT BIT(1)

static const u32 a_svc[] = {
	0xe2800001, /* add r0, r0, #1 */
	0xef000042, /* svc #0x42 */
};
static const u32 a_udf[] = {
	0xe7f000f0, /* .inst 0xe7f000f0 */
};
static const u32 a_wfi[] = {
	0xe320f003, /* wfi */
	0xe3a01007, /* mov r1, #7 */
	0xef000000, /* svc #0 */
};
static const u32 a_wfine[] = {
	0xe1500000, /* cmp r0, r0 */
	0x1320f003, /* wfine */
	0xe3a01007, /* mov r1, #7 */
	0xef000000, /* svc #0 */
};
static const u32 a_ldr[] = {
	0xe5901000, /* ldr r1, [r0] */
	0xef000000, /* svc #0 */
};
static const u32 a_str[] = {
	0xe5802000, /* str r2, [r0] */
	0xef000000, /* svc #0 */
};
static const u32 a_ldrbe[] = {
	0xf1010200, /* setend be */
	0xe5901000, /* ldr r1, [r0] */
	0xf1010000, /* setend le */
	0xef000000, /* svc #0 */
};
static const u32 a_didr[] = {
	0xee101e10, /* mrc p14, 0, r1, c0, c0, 0 */
	0xef000000, /* svc #0 */
};
static const u32 a_dscr[] = {
	0xee10fe11, /* mrc p14, 0, apsr_nzcv, c0, c1, 0 */
	0xe10f1000, /* mrs r1, apsr */
	0xef000000, /* svc #0 */
};
static const u32 a_drar[] = {
	0xe3a01005, /* mov r1, #5 */
	0xe3a02006, /* mov r2, #6 */
	0xec521e01, /* mrrc p14, 0, r1, r2, c1 */
	0xef000000, /* svc #0 */
};
static const u32 a_c15[] = {
	0xee1f1f10, /* mrc p15, 0, r1, c15, c0, 0 */
	0xef000000, /* svc #0 */
};
static const u32 a_mrcne[] = {
	0xe1500000, /* cmp r0, r0 */
	0xe3a01003, /* mov r1, #3 */
	0x1e101e10, /* mrcne p14, 0, r1, c0, c0, 0 */
	0xef000000, /* svc #0 */
};
static const u32 a_ldc[] = {
	0xed905e00, /* ldc p14, c5, [r0] */
	0xef000000, /* svc #0 */
};
static const u32 a_bkpt[] = {
	0xe1212374, /* bkpt #0x1234 */
};
static const u32 a_hvc[] = {
	0xe1400070, /* hvc #0 */
};
static const u32 a_vfp[] = {
	0xec400b10, /* vmov d0, r0, r0 */
	0xee301b00, /* vadd.f64 d1, d0, d0 */
	0xec521b11, /* vmov r1, r2, d1 */
	0xeef13a10, /* vmrs r3, fpscr */
	0xef000000, /* svc #0 */
};
static const u32 a_vfpkeep[] = {
	0xec432b30, /* vmov d16, r2, r3 */
	0xec423b3f, /* vmov d31, r3, r2 */
	0xef000000, /* svc #0 */
	0xec554b30, /* vmov r4, r5, d16 */
	0xec576b3f, /* vmov r6, r7, d31 */
	0xef000000, /* svc #0 */
};
static const u32 a_tpid[] = {
	0xee1d1f70, /* mrc p15, 0, r1, c13, c0, 3 */
	0xee1d2f50, /* mrc p15, 0, r2, c13, c0, 2 */
	0xef000000, /* svc #0 */
};
static const u32 a_cnt[] = {
	0xec521f1e, /* mrrc p15, 1, r1, r2, c14 */
	0xef000000, /* svc #0 */
};
static const u32 a_spin[] = {
	0xe2811001, /* add r1, r1, #1 */
	0xe5903000, /* ldr r3, [r0] */
	0xe3530000, /* cmp r3, #0 */
	0x0afffffb, /* beq a_spin */
	0xef000000, /* svc #0 */
};
static const u16 t_svc[] = {
	0x3001, /* adds r0, #1 */
	0xdf17, /* svc #0x17 */
};
static const u16 t_ldr[] = {
	0x6801, /* ldr r1, [r0] */
	0x3101, /* adds r1, #1 */
	0xdf00, /* svc #0 */
};
static const u16 t_ldrw[] = {
	0xf8d0, 0x1000, /* ldr.w r1, [r0] */
	0x3101, /* adds r1, #1 */
	0xdf00, /* svc #0 */
};
static const u16 t_it[] = {
	0x4280, /* cmp r0, r0 */
	0xbf0b, /* itete eq */
	0x6801, /* ldreq r1, [r0] */
	0x2201, /* movne r2, #1 */
	0xf8d0, 0x3000, /* ldreq.w r3, [r0] */
	0x2401, /* movne r4, #1 */
	0xdf00, /* svc #0 */
};
static const u16 t_it2[] = {
	0x4280, /* cmp r0, r0 */
	0xbf09, /* itett eq */
	0x6801, /* ldreq r1, [r0] */
	0x2201, /* movne r2, #1 */
	0x2302, /* moveq r3, #2 */
	0x6804, /* ldreq r4, [r0] */
	0xdf00, /* svc #0 */
};
static const u16 t_wfi[] = {
	0xbf30, /* wfi */
	0x2107, /* movs r1, #7 */
	0xdf00, /* svc #0 */
};
static const u16 t_wfine[] = {
	0x4280, /* cmp r0, r0 */
	0xbf1c, /* itt ne */
	0xbf30, /* wfine */
	0x2107, /* movne r1, #7 */
	0xdf00, /* svc #0 */
};
static const u16 t_wfieq[] = {
	0x4280, /* cmp r0, r0 */
	0xbf04, /* itt eq */
	0xbf30, /* wfieq */
	0x2107, /* moveq r1, #7 */
	0xdf00, /* svc #0 */
};
static const u16 t_mrc[] = {
	0x4280, /* cmp r0, r0 */
	0xbf03, /* ittte eq */
	0x2301, /* moveq r3, #1 */
	0xee10, 0x1e10, /* mrceq p14, 0, r1, c0, c0, 0 */
	0x2202, /* moveq r2, #2 */
	0x2404, /* movne r4, #4 */
	0xdf00, /* svc #0 */
};

static u8 code_page[SZ_4K] __attribute__((aligned(4096)));
static u8 data_page[SZ_4K] __attribute__((aligned(4096)));
static u32 flags; /* of the UART: the value that the programs are to read */

/* Runs code with r0..r5 given. */
static const struct exc_frame *run(const void *code, size_t size, u64 r0, u64 r1, u64 r2, u64 spsr)
{
	u64 regs[6] = { r0, r1, r2 };

	memcpy(code_page, code, size);
	sync_code((u64)code_page, size);
	return el0_run_at(CODE_VA, regs, 6, spsr);
}

#define a32(prog, r0, r1, r2) run(prog, sizeof(prog), r0, r1, r2, SPSR_A32)
#define t32(prog, r0, r1, r2) run(prog, sizeof(prog), r0, r1, r2, SPSR_T32)

/* It ended with the SVC at its end. */
#define ended(f, prog) (EC((f)->esr) == EC_SVC32 && (f)->elr == CODE_VA + sizeof(prog))

static void test_entry(void)
{
	const struct exc_frame *f = a32(a_svc, 0x55, 0, 0);

	check(ended(f, a_svc) && (f->esr & 0xffff) == 0x42 && f->x[0] == 0x56,
	      "SVC of A32 with its immediate");
	check_eq(f->spsr & 0x1ff, SPSR_A32, "SPSR says user mode with the masks it had");
	f = t32(t_svc, 0x66, 0, 0);
	check(ended(f, t_svc) && (f->esr & 0xffff) == 0x17 && f->x[0] == 0x67,
	      "SVC of T32 with its immediate");
	check(!(f->esr & BIT(25)) && (f->spsr & 0x1ff) == (SPSR_T32 & 0x1ff),
	      "its syndrome and SPSR say T32");
	f = a32(a_udf, 0, 0, 0);
	check(EC(f->esr) == EC_UNKNOWN && f->elr == CODE_VA, "UDF of A32");
	f = a32(a_hvc, 0, 0, 0);
	check(EC(f->esr) == EC_UNKNOWN && f->elr == CODE_VA, "HVC of A32 at EL0 is UNDEFINED");
	f = a32(a_bkpt, 0, 0, 0);
	check(EC(f->esr) == EC_BKPT32 && (f->esr & 0xffff) == 0x1234 && f->elr == CODE_VA,
	      "BKPT with its immediate");
	f = a32(a_ldr, DATA_VA, 0, 0);
	check(ended(f, a_ldr), "A32 reads its data page");
	f = a32(a_ldr, CODE_VA + SZ_64K, 0, 0);
	check(EC(f->esr) == EC_DABT_LOW && f->far == CODE_VA + SZ_64K,
	      "A32 may not read what is not mapped");
}

static void test_memory(void)
{
	u64 pa = ram_free();
	const struct exc_frame *f;

	mmu_map(FRESH_VA, pa, SZ_4K * 2, MAP_NORMAL | MAP_USER | MAP_NX);
	f = a32(a_str, FRESH_VA, 0, 0x1234567);
	check(ended(f, a_str) && *(volatile u32 *)pa == 0x1234567,
	      "A32 writes to memory that nobody has touched");
	f = t32(t_ldr, FRESH_VA + SZ_4K, 1, 0);
	check(ended(f, t_ldr) && f->x[1] == 1, "T32 reads such memory");
}

static void test_devices(void)
{
	u32 typer = mmio_read32(GICD_BASE + GICD_TYPER);
	const struct exc_frame *f;

	f = a32(a_ldr, UART_VA + UART_FR, 0, 0);
	check(ended(f, a_ldr) && f->x[1] == flags, "A32 reads a device");
	f = t32(t_ldr, UART_VA + UART_FR, 0, 0);
	check(ended(f, t_ldr) && f->x[1] == flags + 1, "T32 reads one by 16 bits and goes on after it");
	f = t32(t_ldrw, UART_VA + UART_FR, 0, 0);
	check(ended(f, t_ldrw) && f->x[1] == flags + 1, "T32 reads one by 32 bits and goes on after it");
	f = t32(t_it, UART_VA + UART_FR, 0, 9);
	check(ended(f, t_it) && f->x[1] == flags && f->x[2] == 9 && f->x[3] == flags && f->x[4] == 0,
	      "device reads in an IT block: what does not apply is not executed");
	check_eq(f->spsr & SPSR_IT, 0, "and the block ends");
	f = t32(t_it2, UART_VA + UART_FR, 0, 9);
	check(ended(f, t_it2) && f->x[1] == flags && f->x[2] == 9 && f->x[3] == 2 && f->x[4] == flags,
	      "device reads in an IT block: what applies is executed");
	f = a32(a_ldrbe, UART_VA + UART_FR, 0, 0);
	check(ended(f, a_ldrbe) && f->x[1] == __builtin_bswap32(flags), "SETEND BE swaps a device's data");

	f = a32(a_ldr, GICD_VA + GICD_TYPER, 0, 0);
	check(ended(f, a_ldr) && f->x[1] == typer, "A32 reads the distributor");
	f = t32(t_ldr, GICD_VA + GICD_TYPER, 0, 0);
	check(ended(f, t_ldr) && f->x[1] == typer + 1, "T32 reads it and goes on after it");
	f = t32(t_it, GICD_VA + GICD_TYPER, 0, 9);
	check(ended(f, t_it) && f->x[1] == typer && f->x[2] == 9 && f->x[3] == typer && f->x[4] == 0,
	      "T32 reads it in an IT block: what does not apply is not executed");
	f = t32(t_it2, GICD_VA + GICD_TYPER, 0, 9);
	check(ended(f, t_it2) && f->x[1] == typer && f->x[2] == 9 && f->x[3] == 2 && f->x[4] == typer,
	      "T32 reads it in an IT block: what applies is executed");
	f = a32(a_ldrbe, GICD_VA + GICD_TYPER, 0, 0);
	check(ended(f, a_ldrbe) && f->x[1] == __builtin_bswap32(typer),
	      "SETEND BE swaps the distributor's data");

	if (!testdev_present()) {
		tap_skip("A32 writes to a device", "no test device");
		return;
	}
	mmu_map(TD_VA, TESTDEV_BASE + TD_SCRATCH, SZ_4K, MAP_DEVICE | MAP_USER);
	f = a32(a_str, TD_VA, 0, 0xabcdef01);
	check(ended(f, a_str) && mmio_read32(TESTDEV_BASE + TD_SCRATCH) == 0xabcdef01,
	      "A32 writes to a device");
}

static void test_waits(void)
{
	u64 sctlr = read_sysreg(sctlr_el1);
	const struct exc_frame *f;

	write_sysreg(sctlr | SCTLR_NTWI | SCTLR_NTWE, sctlr_el1);
	isb();
	gic_enable(1);
	gic_sgi_cpu(1, 0);
	f = a32(a_wfi, 0, 0, 0);
	check(ended(f, a_wfi) && f->x[1] == 7, "WFI of A32 with a pending interrupt returns");
	f = t32(t_wfi, 0, 0, 0);
	check(ended(f, t_wfi) && f->x[1] == 7, "WFI of T32 returns to the instruction after it");
	f = t32(t_wfieq, 0, 0, 0);
	check(ended(f, t_wfieq) && f->x[1] == 7, "WFI in an IT block returns into it");
	gic_clear_pending(1);
	gic_disable(1);
	/* Nothing is pending: a WFI that were executed would never end. */
	f = a32(a_wfine, 0, 0, 0);
	check(ended(f, a_wfine) && f->x[1] == 7, "WFI of A32 whose condition fails does not wait");
	f = t32(t_wfine, 0, 0, 0);
	check(ended(f, t_wfine) && f->x[1] == 0, "WFI of T32 whose condition fails does not wait");
	write_sysreg(sctlr, sctlr_el1);
	isb();
}

/* It is optional where EL1 cannot be in AArch32. QEMU's Cortex-A55 could, and has none either. */
static bool may_have_no_dbgdidr(void)
{
	return (read_sysreg(id_aa64pfr0_el1) >> 4 & 0xf) == 1 ||
	       (read_sysreg(midr_el1) & 0xff00fff0) == 0x4100d050;
}

/*
 * Debug registers that EL0 can name. MDSCR_EL1.MDE = 1, so that this MDSCR_EL1 is in the CPU. In-tree
 * KVM traps DBGDIDR at times only, and the CPU's own has more bits in its lower half.
 */
static void test_coprocessors(void)
{
	u64 mdscr = read_sysreg(mdscr_el1), dfr0 = read_sysreg(id_aa64dfr0_el1), didr;
	const struct exc_frame *f;

	write_sysreg(MDSCR_MDE, mdscr_el1);
	isb();
	f = a32(a_didr, 0, 0, 0);
	didr = f->x[1];
	if (EC(f->esr) == EC_UNKNOWN && may_have_no_dbgdidr()) {
		tap_skip("DBGDIDR", "this CPU has none");
	} else {
		check(ended(f, a_didr) && (didr >> 16 & 0xf) == (dfr0 & 0xf) && didr >> 32 == 0,
		      "DBGDIDR has the version of ID_AA64DFR0");
		check_eq(didr >> 24 & 0xf, dfr0 >> 12 & 0xf, "and its breakpoints");
		check_eq(didr >> 28 & 0xf, dfr0 >> 20 & 0xf, "and its watchpoints");
		tap_note("DBGDIDR", didr >> 16);
		f = t32(t_mrc, 0, 0, 0);
		check(ended(f, t_mrc) && f->x[1] >> 16 == didr >> 16 && f->x[2] == 2 &&
			      f->x[3] == 1 && f->x[4] == 0,
		      "MRC in an IT block, and the block goes on");
	}
	f = a32(a_mrcne, 0, 0, 0);
	check(ended(f, a_mrcne) && f->x[1] == 3, "MRC whose condition fails changes nothing");
	f = a32(a_drar, 0, 0, 0);
	check(ended(f, a_drar) && f->x[1] == 0 && f->x[2] == 0, "DBGDRAR by MRRC is 0: no ROM table");
	/* What these do is up to the CPU: the same on both devices. */
	tap_note("class of an exception for DBGDSCRint", EC(a32(a_dscr, 0, 0, 0)->esr));
	tap_note("class of an exception for LDC to DBGDTRTXint", EC(a32(a_ldc, DATA_VA, 0, 0)->esr));
	tap_note("class of an exception for CP15 c15", EC(a32(a_c15, 0, 0, 0)->esr));
	write_sysreg(mdscr, mdscr_el1);
	isb();
}

static void test_registers(void)
{
	const struct exc_frame *f;
	u64 v16, v31, now;

	fp_trap(3);
	f = a32(a_vfp, 0x3ff00000, 0, 0);
	check(ended(f, a_vfp) && f->x[1] == 0x3ff00000 && f->x[2] == 0x40000000,
	      "A32 adds doubles");
	v16 = 0x0123456789abcdefUL;
	f = run(a_vfpkeep, sizeof(a_vfpkeep), 0, 0, v16 & 0xffffffff, SPSR_A32);
	check(EC(f->esr) == EC_SVC32, "A32 sets D16 and D31");
	hvc(PSCI_VERSION, 0, 0, 0);
	(void)mmio_read32(0x09000018);
	(void)mmio_read32(GICD_BASE + GICD_TYPER);
	f = el0_resume(0, SPSR_A32);
	v16 &= 0xffffffff;
	v31 = f->x[6] | f->x[7] << 32;
	check(ended(f, a_vfpkeep) && (f->x[4] | f->x[5] << 32) == v16 && v31 == v16 << 32,
	      "D16 and D31 keep their values over exits");

	write_sysreg(0x11223344, tpidr_el0);
	write_sysreg(0x55667788, tpidrro_el0);
	f = a32(a_tpid, 0, 0, 0);
	check(ended(f, a_tpid) && f->x[1] == 0x55667788 && f->x[2] == 0x11223344,
	      "TPIDRURO and TPIDRURW are TPIDRRO_EL0 and TPIDR_EL0");
	write_sysreg(read_sysreg(cntkctl_el1) | CNTKCTL_VCT, cntkctl_el1);
	isb();
	now = read_sysreg(cntvct_el0);
	f = a32(a_cnt, 0, 0, 0);
	check(ended(f, a_cnt) && (f->x[1] | f->x[2] << 32) >= now &&
		      (f->x[1] | f->x[2] << 32) <= read_sysreg(cntvct_el0),
	      "CNTVCT by MRRC");
}

/* A step over an access that the hypervisor emulates is one step. */
static void test_steps(void)
{
	const struct exc_frame *f;

	write_sysreg(read_sysreg(mdscr_el1) | MDSCR_SS, mdscr_el1);
	isb();
	f = run(a_ldr, sizeof(a_ldr), UART_VA + UART_FR, 0, 0, SPSR_A32 | SPSR_SS);
	check(EC(f->esr) == EC_STEP_LOW && f->elr == CODE_VA + 4 && f->x[1] == flags,
	      "a step of A32 over a device read");
	f = run(t_ldr, sizeof(t_ldr), UART_VA + UART_FR, 0, 0, SPSR_T32 | SPSR_SS);
	check(EC(f->esr) == EC_STEP_LOW && f->elr == CODE_VA + 2 && f->x[1] == flags,
	      "a step of T32 over a device read");
	f = run(t_ldr, sizeof(t_ldr), GICD_VA + GICD_TYPER, 0, 0, SPSR_T32 | SPSR_SS);
	check(EC(f->esr) == EC_STEP_LOW && f->elr == CODE_VA + 2,
	      "a step of T32 over a read of the distributor");
	write_sysreg(read_sysreg(mdscr_el1) & ~MDSCR_SS, mdscr_el1);
	isb();
}

static u32 ticks;

static void on_tick(struct exc_frame *f)
{
	u32 id = gic_ack();

	if ((f->spsr & 0x1f) == 0x10 && ++ticks == 20)
		*(volatile u32 *)data_page = 1;
	write_sysreg(timer_us(200), cntv_tval_el0);
	isb();
	if (id < 1020)
		gic_eoi(id);
}

static void test_interrupts(void)
{
	const struct exc_frame *f;

	*(volatile u32 *)data_page = 0;
	exc_set_irq(on_tick);
	gic_enable(INTID_VTIMER);
	write_sysreg(timer_us(200), cntv_tval_el0);
	write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
	f = run(a_spin, sizeof(a_spin), DATA_VA, 0, 0, SPSR_OPEN);
	write_sysreg(0, cntv_ctl_el0);
	gic_disable(INTID_VTIMER);
	exc_set_irq(NULL);
	check(ended(f, a_spin) && ticks >= 20, "20 timer interrupts from A32 and back");
}

int main(void)
{
	u64 el0 = read_sysreg(id_aa64pfr0_el1) & 0xf;

	tap_note("ID_AA64PFR0.EL0", el0);
	if (el0 != 2) {
		tap_skip("AArch32 at EL0", "the CPU has none");
		return 0;
	}
	write_sysreg(0, oslar_el1);
	isb();
	mmu_map(CODE_VA, (u64)code_page, SZ_4K, MAP_NORMAL | MAP_USER | MAP_RO);
	mmu_map(DATA_VA, (u64)data_page, SZ_4K, MAP_NORMAL | MAP_USER | MAP_NX);
	mmu_map(UART_VA, 0x09000000, SZ_4K, MAP_DEVICE | MAP_USER);
	mmu_map(GICD_VA, GICD_BASE, SZ_4K, MAP_DEVICE | MAP_USER);
	flags = mmio_read32(0x09000018);
	test_entry();
	test_memory();
	test_devices();
	test_waits();
	test_coprocessors();
	test_registers();
	test_steps();
	test_interrupts();
	return 0;
}
