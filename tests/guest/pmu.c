// SPDX-License-Identifier: GPL-2.0
/*
 * PMUv3 (Arm ARM D13): counters count when and where they are told to, wrap, chain, and raise their
 * interrupt; what they hold stays over exits; EL0 may do what PMUSERENR_EL0 says.
 *
 * Event 0x11 (cycles) is the one that every CPU counts; instructions are counted where PMCEID0 has
 * them (QEMU: with -icount). Everything exact is done with software increments. No test
 * asks how fast a counter moves.
 */
#include "el0.h"
#include "gic.h"
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "timer.h"

#define INTID_PMU 23

#define PMCR	   S3_3_C9_C12_0
#define PMCNTENSET S3_3_C9_C12_1
#define PMCNTENCLR S3_3_C9_C12_2
#define PMOVSCLR   S3_3_C9_C12_3
#define PMSWINC	   S3_3_C9_C12_4
#define PMSELR	   S3_3_C9_C12_5
#define PMCEID0	   S3_3_C9_C12_6
#define PMCEID1	   S3_3_C9_C12_7
#define PMCCNTR	   S3_3_C9_C13_0
#define PMXEVTYPER S3_3_C9_C13_1
#define PMXEVCNTR  S3_3_C9_C13_2
#define PMUSERENR  S3_3_C9_C14_0
#define PMOVSSET   S3_3_C9_C14_3
#define PMINTENSET S3_0_C9_C14_1
#define PMINTENCLR S3_0_C9_C14_2
#define PMCCFILTR  S3_3_C14_C15_7
#define PMEVCNTR0  S3_3_C14_C8_0
#define PMEVCNTR1  S3_3_C14_C8_1
#define PMEVCNTR30 S3_3_C14_C11_6
#define PMEVTYPER0 S3_3_C14_C12_0
#define PMEVTYPER1 S3_3_C14_C12_1

#define pmu_read(reg)	     pmu_read_(reg)
#define pmu_read_(enc)	     read_sysreg(enc)
#define pmu_write(val, reg)  pmu_write_(val, reg)
#define pmu_write_(val, enc) write_sysreg(val, enc)

#define PMCR_E	     BIT(0)
#define PMCR_P	     BIT(1)
#define PMCR_C	     BIT(2)
#define PMCR_LC	     BIT(6)
#define PMCR_N(v)    ((v) >> 11 & 0x1f)
#define CYCLES	     BIT(31)
#define NOT_EL1	     BIT(31)
#define NOT_EL0	     BIT(30)
#define SW_INCR	     0x00
#define INST_RETIRED 0x08
#define CPU_CYCLES   0x11
#define CHAIN	     0x1e

static volatile u32 irqs;
static u32 nr;

/* All off and zero. */
static void quiet(void)
{
	pmu_write(PMCR_P | PMCR_C | PMCR_LC, PMCR);
	pmu_write(0xffffffff, PMCNTENCLR);
	pmu_write(0xffffffff, PMINTENCLR);
	pmu_write(0xffffffff, PMOVSCLR);
	pmu_write(0, PMCCFILTR);
	isb();
}

static u64 __attribute__((noinline)) work(u64 n)
{
	/* two instructions in each round */
	asm volatile("1:	subs %0, %0, #1\n\tb.ne 1b" : "+r"(n)::"cc");
	return n;
}

static void on_overflow(u32 id)
{
	irqs = irqs + 1;
	pmu_write(pmu_read(PMOVSSET), PMOVSCLR);
	isb();
}

static void test_cycles(void)
{
	u64 a, b;

	quiet();
	work(1000);
	check_eq(pmu_read(PMCCNTR), 0, "the cycle counter stands still while PMCR.E = 0");
	pmu_write(CYCLES, PMCNTENSET);
	work(1000);
	check_eq(pmu_read(PMCCNTR), 0, "and with its enable bit, PMCR.E still 0");
	pmu_write(PMCR_E | PMCR_LC, PMCR);
	isb();
	a = pmu_read(PMCCNTR);
	work(10000);
	b = pmu_read(PMCCNTR);
	check(b > a, "it counts when both are set");
	(void)mmio_read32(0x09000018); /* to user space and back */
	a = pmu_read(PMCCNTR);
	check(a >= b, "it goes on after an exit to user space");
	pmu_write(0x123456789abUL, PMCCNTR);
	a = pmu_read(PMCCNTR);
	check(a >= 0x123456789abUL && a < 0x12400000000UL,
	      "it has 64 bits and counts on from what is written");
	pmu_write(CYCLES, PMCNTENCLR);
	isb();
	a = pmu_read(PMCCNTR);
	work(1000);
	check_eq(pmu_read(PMCCNTR), a, "disabled it keeps its value");
	pmu_write(PMCR_E | PMCR_C | PMCR_LC, PMCR);
	check_eq(pmu_read(PMCCNTR), 0, "PMCR.C resets it");
	pmu_write(NOT_EL1 | NOT_EL0, PMCCFILTR);
	pmu_write(CYCLES, PMCNTENSET);
	work(10000);
	check_eq(pmu_read(PMCCNTR), 0, "filtered at EL1 it does not count here");
	check_eq(pmu_read(PMCCFILTR), NOT_EL1 | NOT_EL0, "PMCCFILTR reads back");
	quiet();
}

static void test_filter(void)
{
	u64 both, el0, none, n;
	u32 i;

	if (nr < 2) {
		tap_skip("counters by exception level", "not enough counters");
		return;
	}
	quiet();
	pmu_write(CPU_CYCLES | NOT_EL1, PMEVTYPER0);
	pmu_write(CPU_CYCLES | NOT_EL1 | NOT_EL0, PMEVTYPER1);
	pmu_write(3 | CYCLES, PMCNTENSET);
	pmu_write(PMCR_E | PMCR_LC, PMCR);
	isb();
	work(10000);
	n = pmu_read(PMEVCNTR0);
	for (i = 0; i < 3; i++)
		el0_run(el0_work, 20000);
	el0 = pmu_read(PMEVCNTR0);
	none = pmu_read(PMEVCNTR1);
	both = pmu_read(PMCCNTR);
	check_eq(n, 0, "a counter of EL0 alone stands still at EL1");
	check(el0 > 0, "it counts at EL0");
	check(both > el0, "a counter of both counts more");
	check_eq(none, 0, "a counter of neither counts nothing");
	quiet();
	pmu_write(CPU_CYCLES | NOT_EL0, PMEVTYPER0);
	pmu_write(1, PMCNTENSET);
	pmu_write(PMCR_E | PMCR_LC, PMCR);
	isb();
	work(10000);
	check(pmu_read(PMEVCNTR0) > 0, "a counter of EL1 alone counts at EL1");
	quiet();
}

static void test_instructions(void)
{
	u64 few, many;

	if (!(pmu_read(PMCEID0) & BIT(INST_RETIRED))) {
		tap_skip("instructions are counted one by one", "the CPU does not count them");
		return;
	}
	quiet();
	pmu_write(INST_RETIRED, PMEVTYPER0);
	pmu_write(1, PMCNTENSET);
	pmu_write(PMCR_E | PMCR_LC, PMCR);
	isb();
	work(1000);
	few = pmu_read(PMEVCNTR0);
	pmu_write(PMCR_E | PMCR_P | PMCR_LC, PMCR);
	isb();
	work(51000);
	many = pmu_read(PMEVCNTR0);
	printf("# %lu and %lu instructions\n", few, many);
	check(few >= 2000 && many - few >= 99900 && many - few <= 100100,
	      "instructions are counted one by one");
	quiet();
}

static void test_software(void)
{
	u32 i;

	if (nr < 2) {
		tap_skip("software increments", "not enough counters");
		return;
	}
	quiet();
	pmu_write(SW_INCR, PMEVTYPER0);
	pmu_write(CHAIN, PMEVTYPER1);
	pmu_write(PMCR_E | PMCR_LC, PMCR);
	pmu_write(1, PMSWINC);
	check_eq(pmu_read(PMEVCNTR0), 0, "PMSWINC of a disabled counter does nothing");
	pmu_write(3, PMCNTENSET);
	for (i = 0; i < 5; i++)
		pmu_write(3, PMSWINC);
	check_eq(pmu_read(PMEVCNTR0), 5, "PMSWINC counts");
	check_eq(pmu_read(PMEVCNTR1), 0, "and not in a counter of another event");
	pmu_write(0xffffffff, PMEVCNTR0);
	check_eq(pmu_read(PMOVSSET), 0, "no overflow yet");
	pmu_write(1, PMSWINC);
	check_eq(pmu_read(PMEVCNTR0), 0, "a counter wraps at 32 bits");
	check_eq(pmu_read(PMOVSSET), 1, "its overflow bit is set");
	check_eq(pmu_read(PMEVCNTR1), 1, "the counter chained to it counts");
	pmu_write(1, PMOVSCLR);
	check_eq(pmu_read(PMOVSCLR), 0, "PMOVSCLR clears it");
	pmu_write(2, PMOVSSET);
	check_eq(pmu_read(PMOVSCLR), 2, "PMOVSSET sets one");

	pmu_write(0, PMSELR);
	isb();
	pmu_write(0x77, PMXEVCNTR);
	check_eq(pmu_read(PMEVCNTR0), 0x77, "PMXEVCNTR is the counter that PMSELR selects");
	pmu_write(1, PMSELR);
	isb();
	check_eq(pmu_read(PMXEVTYPER), CHAIN, "PMXEVTYPER is its type");
	pmu_write(PMCR_E | PMCR_P | PMCR_LC, PMCR);
	check(!pmu_read(PMEVCNTR0) && !pmu_read(PMEVCNTR1), "PMCR.P resets all of them");
	quiet();
}

static void test_registers(void)
{
	u64 all = CYCLES | (BIT(nr) - 1);

	quiet();
	pmu_write(0xffffffff, PMCNTENSET);
	check_eq(pmu_read(PMCNTENCLR), all, "there are as many enable bits as counters");
	pmu_write(1, PMCNTENCLR);
	check_eq(pmu_read(PMCNTENSET), all & ~1UL, "PMCNTENCLR clears one");
	pmu_write(0xffffffff, PMINTENSET);
	check_eq(pmu_read(PMINTENCLR), all, "there are as many interrupt enable bits");
	quiet();
	check_eq(pmu_read(PMINTENSET) | pmu_read(PMCNTENSET), 0, "all can be cleared");
	check(EXC_TRY(pmu_write(0, PMCEID0))->count == 1, "PMCEID0 cannot be written");
	check(EXC_TRY((void)pmu_read(PMSWINC))->count == 1, "PMSWINC cannot be read");
	if (nr < 31)
		check(EXC_TRY((void)pmu_read(PMEVCNTR30))->count == 1,
		      "a counter beyond PMCR.N is UNDEFINED");
}

static void test_interrupt(void)
{
	quiet();
	gic_enable(INTID_PMU);
	irq_set_handler(INTID_PMU, on_overflow);
	if (nr) {
		pmu_write(SW_INCR, PMEVTYPER0);
		pmu_write(0xffffffff, PMEVCNTR0);
		pmu_write(1, PMCNTENSET);
		pmu_write(PMCR_E | PMCR_LC, PMCR);
		pmu_write(1, PMSWINC);
		irq_window();
		check_eq(irqs, 0, "no interrupt without PMINTENSET");
		pmu_write(1, PMINTENSET);
		check(wait_until(irqs, 10000), "with it the overflow raises the interrupt");
		check_eq(pmu_read(PMOVSSET), 0, "the handler has cleared it");
		irq_window();
		check_eq(irqs, 1, "once");
	}
	quiet();
	irqs = 0;
	pmu_write(-20000UL, PMCCNTR);
	pmu_write(CYCLES, PMINTENSET);
	pmu_write(CYCLES, PMCNTENSET);
	pmu_write(PMCR_E | PMCR_LC, PMCR);
	check(wait_until(irqs, 30000), "the cycle counter's overflow raises it");
	quiet();
	irqs = 0;
	if (nr) {
		pmu_write(CPU_CYCLES, PMEVTYPER0);
		pmu_write(0xffffffff - 20000, PMEVCNTR0);
		pmu_write(1, PMINTENSET);
		pmu_write(1, PMCNTENSET);
		pmu_write(PMCR_E | PMCR_LC, PMCR);
		check(wait_until(irqs, 30000), "a counter's overflow raises it");
		pmu_write(0, PMCR);
		pmu_write(0xffffffff - 20000, PMEVCNTR0);
		irqs = 0;
		pmu_write(PMCR_E | PMCR_LC, PMCR);
		check(wait_until(irqs, 30000), "and again, as a profiler uses it");
	}
	quiet();
	gic_disable(INTID_PMU);
}

static void test_el0(void)
{
	const struct exc_frame *f;

	quiet();
	pmu_write(0, PMUSERENR);
	isb();
	f = el0_run(el0_read_pmccntr, 0);
	check(EC(f->esr) == EC_UNKNOWN || EC(f->esr) == EC_SYSREG,
	      "PMUSERENR = 0: EL0 may not read the cycle counter");
	pmu_write(4, PMUSERENR);
	pmu_write(0x1234, PMCCNTR);
	isb();
	f = el0_run(el0_read_pmccntr, 0);
	check(EC(f->esr) == EC_SVC64 && f->x[0] == 0x1234, "PMUSERENR.CR: EL0 reads it");
	f = el0_run(el0_read_pmcr, 0);
	check(EC(f->esr) == EC_UNKNOWN || EC(f->esr) == EC_SYSREG, "and not PMCR");
	pmu_write(1, PMUSERENR);
	isb();
	f = el0_run(el0_read_pmcr, 0);
	check(EC(f->esr) == EC_SVC64 && PMCR_N(f->x[0]) == nr, "PMUSERENR.EN: PMCR too");
	check_eq(pmu_read(PMUSERENR), 1, "PMUSERENR reads back");
	pmu_write(0, PMUSERENR);
	isb();
}

static bool second_ok;

static void second_cpu(void *arg)
{
	u64 a;

	second_ok = !(pmu_read(PMCR) & PMCR_E); /* all else is UNKNOWN at reset */
	quiet();
	pmu_write(CYCLES, PMCNTENSET);
	pmu_write(PMCR_E | PMCR_LC, PMCR);
	isb();
	a = pmu_read(PMCCNTR);
	work(10000);
	second_ok &= pmu_read(PMCCNTR) > a;
}

static void test_second_cpu(void)
{
	if (cpu_count() < 2) {
		tap_skip("each CPU has counters of its own", "one CPU");
		return;
	}
	quiet();
	check(smp_start(1, second_cpu, NULL) == PSCI_SUCCESS && smp_join(1, 30000) && second_ok,
	      "each CPU has counters of its own");
	check_eq(pmu_read(PMCNTENSET) | pmu_read(PMCCNTR), 0, "this one's are as they were");
}

int main(void)
{
	u64 ver = read_sysreg(id_aa64dfr0_el1) >> 8 & 0xf;

	tap_note("PMUVer", ver);
	if (!ver || ver == 0xf) {
		tap_skip("PMUv3", "the CPU or the device does not have it");
		return 0;
	}
	el0_init();
	nr = (u32)PMCR_N(pmu_read(PMCR));
	tap_note("counters", nr);
	tap_note("PMCEID0", pmu_read(PMCEID0));
	tap_note("PMCEID1", pmu_read(PMCEID1));
	test_cycles();
	test_filter();
	test_instructions();
	test_software();
	test_registers();
	test_interrupt();
	test_el0();
	test_second_cpu();
	return 0;
}
