// SPDX-License-Identifier: GPL-2.0
/*
 * EL0 and self-hosted debug: SVC and every other way from EL0 to EL1, waits that SCTLR_EL1 traps,
 * permissions, BRK, software step of EL0 and EL1, hardware breakpoints and watchpoints, the OS
 * lock. All of it belongs to the guest; the hypervisor must neither lose nor add an exception.
 * Arm ARM D1.3 (exceptions), D2 (self-hosted debug).
 */
#include "el0.h"
#include "gic.h"
#include "mmu.h"
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "timer.h"

#define EL0_MASKED   0x3c0UL /* EL0t, DAIF set */
#define EL0_IRQ_OPEN 0x340UL
#define EL0_STEPPING (0x1c0UL | SPSR_SS) /* PSTATE.D clear */
#define MDSCR_SS     BIT(0)
#define MDSCR_KDE    BIT(13)
#define MDSCR_MDE    BIT(15)
#define SCTLR_NTWI   BIT(16)
#define SCTLR_NTWE   BIT(18)
#define SCTLR_UMA    BIT(9)
#define SCTLR_UCI    BIT(26)

/* DBGBCR: enabled, all four bytes, EL0 (PMC = 2) or EL1 (PMC = 1); DBGWCR likewise. */
#define BCR(pmc)      (1UL | (u64)(pmc) << 1 | 0xf << 5)
#define WCR(pac, lsc) (1UL | (u64)(pac) << 1 | (u64)(lsc) << 3 | 0xff << 5)

static void set_sctlr(u64 clear, u64 set)
{
	write_sysreg((read_sysreg(sctlr_el1) & ~clear) | set, sctlr_el1);
	isb();
}

static void test_entry(void)
{
	const struct exc_frame *f = el0_run(el0_svc, 0x55);

	check(EC(f->esr) == EC_SVC64 && (f->esr & 0xffff) == 0x42,
	      "SVC from EL0 with its immediate");
	check_eq(f->elr, el0_va(el0_svc) + 4, "ELR of SVC is the next instruction");
	check_eq(f->spsr & 0x3cf, EL0_MASKED, "SPSR says EL0 with the masks it had");
	check_eq(f->x[0], 0x55, "registers come through");
	f = el0_run(el0_undefined, 0);
	check(EC(f->esr) == EC_UNKNOWN && f->elr == el0_va(el0_undefined), "UDF at EL0");
	f = el0_run(el0_hvc, 0);
	check(EC(f->esr) == EC_UNKNOWN && f->elr == el0_va(el0_hvc), "HVC at EL0 is UNDEFINED");
	f = el0_run(el0_read_sysreg, 0);
	check_eq(EC(f->esr), EC_UNKNOWN, "an EL1 register at EL0 is UNDEFINED");
	f = el0_run(el0_brk, 0);
	check(EC(f->esr) == EC_BRK && (f->esr & 0xffff) == 0x123 && f->elr == el0_va(el0_brk),
	      "BRK at EL0 with its immediate");
	f = el0_run(el0_load, EL0_DATA_VA);
	check_eq(EC(f->esr), EC_SVC64, "EL0 reads its data page");
	f = el0_run(el0_load, (u64)&cpus[0]);
	check(EC(f->esr) == EC_DABT_LOW && FSC_TYPE(f->esr) == FSC_PERMISSION &&
		      f->far == (u64)&cpus[0],
	      "EL0 may not read EL1's memory");
	f = el0_run(el0_store, el0_va(el0_svc));
	check(EC(f->esr) == EC_DABT_LOW && FSC_TYPE(f->esr) == FSC_PERMISSION && f->esr & BIT(6),
	      "EL0 may not write its code");
	f = el0_run(el0_load, 0x09000018);
	check(EC(f->esr) == EC_DABT_LOW && FSC_TYPE(f->esr) == FSC_PERMISSION,
	      "EL0 may not touch a device");
	f = el0_run(el0_jump, EL0_DATA_VA);
	check(EC(f->esr) == EC_IABT_LOW && FSC_TYPE(f->esr) == FSC_PERMISSION &&
		      f->elr == EL0_DATA_VA,
	      "EL0 may not execute data");
	f = el0_run(el0_jump, 0x3000000000UL);
	check(EC(f->esr) == EC_IABT_LOW && FSC_TYPE(f->esr) == FSC_TRANSLATION,
	      "EL0 jumps into the unmapped");
}

static void test_device_from_el0(void)
{
	const struct exc_frame *f;
	u64 v = mmio_read32(0x09000018);

	mmu_map(EL0_DATA_VA + SZ_64K, 0x09000000, SZ_4K, MAP_DEVICE | MAP_USER);
	f = el0_run(el0_load, EL0_DATA_VA + SZ_64K + 0x18);
	check(EC(f->esr) == EC_SVC64 && (u32)f->x[1] == (u32)v, "EL0 reads a device it was given");
	mmu_unmap(EL0_DATA_VA + SZ_64K, SZ_4K);
}

static void test_waits(void)
{
	const struct exc_frame *f;

	set_sctlr(SCTLR_NTWI | SCTLR_NTWE, 0);
	f = el0_run(el0_wfi, 0);
	check(EC(f->esr) == EC_WFX && (f->esr & 3) == 0, "SCTLR.nTWI = 0 traps WFI at EL0 to EL1");
	f = el0_run(el0_wfe, 0);
	check((EC(f->esr) == EC_WFX && (f->esr & 3) == 1) || EC(f->esr) == EC_SVC64,
	      "SCTLR.nTWE = 0 traps WFE at EL0 to EL1, or it did not wait");
	set_sctlr(0, SCTLR_NTWI | SCTLR_NTWE);
	gic_enable(1);
	gic_sgi_cpu(1, 0);
	f = el0_run(el0_wfi, 0);
	gic_clear_pending(1);
	gic_disable(1);
	check_eq(EC(f->esr), EC_SVC64,
		 "SCTLR.nTWI = 1: WFI at EL0 with a pending interrupt returns");
	f = el0_run(el0_wfe, 0);
	check_eq(EC(f->esr), EC_SVC64, "SCTLR.nTWE = 1: WFE at EL0 returns");
	f = el0_run(el0_daif, 0);
	check_eq(EC(f->esr), EC_SYSREG, "SCTLR.UMA = 0 traps DAIF at EL0");
	set_sctlr(0, SCTLR_UMA);
	f = el0_run(el0_daif, 0);
	check_eq(EC(f->esr), EC_SVC64, "SCTLR.UMA = 1 lets EL0 write DAIF");
	set_sctlr(SCTLR_UMA | SCTLR_UCI, 0);
	f = el0_run(el0_dc_civac, EL0_DATA_VA);
	check_eq(EC(f->esr), EC_SYSREG, "SCTLR.UCI = 0 traps cache maintenance at EL0");
	set_sctlr(0, SCTLR_UCI);
	f = el0_run(el0_dc_civac, EL0_DATA_VA);
	check_eq(EC(f->esr), EC_SVC64, "SCTLR.UCI = 1 lets EL0 maintain caches");
}

/* An interrupt taken from EL0 goes to EL1's vector for it and back. */
static u32 ticks_from_el0;
static u64 *spin_flag;

static void on_tick(struct exc_frame *f)
{
	u32 id = gic_ack();

	if ((f->spsr & 0xf) == 0)
		ticks_from_el0++;
	if (ticks_from_el0 == 20)
		*(volatile u64 *)spin_flag = 1;
	write_sysreg(timer_us(200), cntv_tval_el0);
	isb();
	if (id < 1020)
		gic_eoi(id);
}

static void test_interrupts(void)
{
	const struct exc_frame *f;

	spin_flag = (u64 *)(EL0_DATA_VA + 8);
	*(volatile u64 *)spin_flag = 0;
	ticks_from_el0 = 0;
	exc_set_irq(on_tick);
	gic_enable(INTID_VTIMER);
	write_sysreg(timer_us(200), cntv_tval_el0);
	write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
	f = el0_run_spsr(el0_spin, (u64)spin_flag, EL0_IRQ_OPEN);
	write_sysreg(0, cntv_ctl_el0);
	gic_disable(INTID_VTIMER);
	exc_set_irq(NULL);
	check(EC(f->esr) == EC_SVC64 && ticks_from_el0 >= 20,
	      "20 timer interrupts from EL0 and back");
	check(f->x[1] > 0, "EL0 went on between them");
}

static void test_single_step(void)
{
	const struct exc_frame *f;
	u32 steps = 0, bad = 0;
	u64 pc = el0_va(el0_steps);

	write_sysreg(read_sysreg(mdscr_el1) | MDSCR_SS, mdscr_el1);
	isb();
	f = el0_run_spsr(el0_steps, 0, EL0_STEPPING);
	while (EC(f->esr) == EC_STEP_LOW && steps < 10) {
		steps++;
		bad += f->elr != pc + 4 * steps;
		f = el0_resume(0, EL0_STEPPING);
	}
	write_sysreg(read_sysreg(mdscr_el1) & ~MDSCR_SS, mdscr_el1);
	isb();
	check_eq(steps, 3, "software step of EL0 stops after each instruction");
	check_eq(bad, 0, "each step moves on by one instruction");
	check(EC(f->esr) == EC_SVC64 && f->x[1] == 1 && f->x[2] == 2 && f->x[3] == 3,
	      "the stepped program computes what it should");
	f = el0_run(el0_steps, 0);
	check_eq(EC(f->esr), EC_SVC64, "with MDSCR.SS clear nothing is stepped");
}

static void test_os_lock(void)
{
	u64 was = read_sysreg(oslsr_el1);

	check(was & BIT(3), "OSLSR says that the OS lock is implemented");
	write_sysreg(1, oslar_el1);
	isb();
	check(read_sysreg(oslsr_el1) & BIT(1), "OSLAR = 1 locks");
	write_sysreg(0, oslar_el1);
	isb();
	check(!(read_sysreg(oslsr_el1) & BIT(1)), "OSLAR = 0 unlocks");
}

static void test_breakpoints(void)
{
	u64 dfr0 = read_sysreg(id_aa64dfr0_el1), va = el0_va(el0_nops_second);
	const struct exc_frame *f;
	u64 bvr, bcr;

	if ((dfr0 & 0xf) < 6 || (dfr0 & 0xf) == 0xf) {
		tap_skip("hardware breakpoints", "no debug architecture");
		return;
	}
	write_sysreg(0x123456789abcUL & ~3UL, dbgbvr0_el1);
	bvr = read_sysreg(dbgbvr0_el1);
	check_eq(bvr, 0x123456789abcUL & ~3UL, "DBGBVR0 reads back");
	write_sysreg(BCR(2) & ~1UL, dbgbcr0_el1);
	bcr = read_sysreg(dbgbcr0_el1);
	check_eq(bcr, BCR(2) & ~1UL, "DBGBCR0 reads back");

	write_sysreg(va, dbgbvr0_el1);
	write_sysreg(BCR(2), dbgbcr0_el1);
	isb();
	f = el0_run(el0_nops, 0);
	check_eq(EC(f->esr), EC_SVC64, "with MDSCR.MDE clear a breakpoint does nothing");
	write_sysreg(read_sysreg(mdscr_el1) | MDSCR_MDE, mdscr_el1);
	isb();
	f = el0_run(el0_nops, 0);
	check(EC(f->esr) == EC_BP_LOW && f->elr == va, "hardware breakpoint at EL0");
	/* Exits in between must not lose the registers. */
	hvc(PSCI_VERSION, 0, 0, 0);
	(void)mmio_read32(0x09000018);
	f = el0_run(el0_nops, 0);
	check(EC(f->esr) == EC_BP_LOW && f->elr == va, "hardware breakpoint again after exits");
	write_sysreg(0, dbgbcr0_el1);
	isb();
	f = el0_run(el0_nops, 0);
	check_eq(EC(f->esr), EC_SVC64, "a breakpoint disabled does nothing");
}

static void test_watchpoints(void)
{
	u64 dfr0 = read_sysreg(id_aa64dfr0_el1), at = EL0_DATA_VA + 0x40;
	const struct exc_frame *f;

	if ((dfr0 & 0xf) < 6 || (dfr0 & 0xf) == 0xf) {
		tap_skip("watchpoints", "no debug architecture");
		return;
	}
	write_sysreg(at, dbgwvr0_el1);
	write_sysreg(WCR(2, 2), dbgwcr0_el1);
	isb();
	f = el0_run(el0_load, at);
	check_eq(EC(f->esr), EC_SVC64, "a watchpoint for writes ignores a read");
	f = el0_run(el0_store, at);
	check(EC(f->esr) == EC_WP_LOW && f->far == at && f->esr & BIT(6), "watchpoint on a write");
	f = el0_run(el0_store, at + 64);
	check_eq(EC(f->esr), EC_SVC64, "a watchpoint ignores another address");
	write_sysreg(WCR(2, 3), dbgwcr0_el1);
	isb();
	f = el0_run(el0_load, at);
	check(EC(f->esr) == EC_WP_LOW && f->far == at, "watchpoint on a read");
	write_sysreg(0, dbgwcr0_el1);
	write_sysreg(read_sysreg(mdscr_el1) & ~MDSCR_MDE, mdscr_el1);
	isb();
}

/* Debug exceptions within EL1 (KDE), PSTATE.D clear while they are wanted. */
static u32 el1_hits;
static u64 el1_pc;

static bool on_el1_debug(struct exc_frame *f, u32 vector)
{
	if (EC(f->esr) != EC_BP && EC(f->esr) != EC_STEP)
		return false;
	el1_hits++;
	el1_pc = f->elr;
	if (EC(f->esr) == EC_BP)
		write_sysreg(0, dbgbcr0_el1);
	else
		f->spsr &= ~SPSR_SS;
	isb();
	return true;
}

extern char el1_target[];

static void test_el1_breakpoint(void)
{
	exc_set_sync(on_el1_debug);
	write_sysreg((u64)el1_target, dbgbvr0_el1);
	write_sysreg(BCR(1), dbgbcr0_el1);
	write_sysreg(read_sysreg(mdscr_el1) | MDSCR_MDE | MDSCR_KDE, mdscr_el1);
	isb();
	asm volatile("msr daifclr, #8\n\tisb\n\tnop\nel1_target:\tnop\n\tmsr daifset, #8" ::
			     : "memory");
	write_sysreg(0, dbgbcr0_el1);
	write_sysreg(read_sysreg(mdscr_el1) & ~(MDSCR_MDE | MDSCR_KDE), mdscr_el1);
	isb();
	exc_set_sync(NULL);
	check(el1_hits == 1 && el1_pc == (u64)el1_target, "hardware breakpoint at EL1 with KDE");
}

int main(void)
{
	write_sysreg(0, oslar_el1);
	isb();
	el0_init();
	test_entry();
	test_device_from_el0();
	test_waits();
	test_interrupts();
	test_os_lock();
	test_single_step();
	test_breakpoints();
	test_watchpoints();
	test_el1_breakpoint();
	return 0;
}
