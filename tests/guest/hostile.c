// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that does everything wrong: random writes to system registers, random offsets and
 * widths in the distributor, the redistributors and the ITS, random hypercalls, exception returns
 * to impossible modes, and at last vectors in unmapped memory.
 *
 * What counts is that the hypervisor lives, this VM goes on (or ends by itself in the last test),
 * and that control comes back each time. Random numbers are from a fixed seed (or guest-run's
 * --param), so a failure repeats. With more than one CPU all of them do it at once.
 *
 * Nothing here may stop the machine that emulates the board: timers are not set far into the
 * future (see timer.c), and SYSTEM_OFF and SYSTEM_RESET are left to psci.c.
 */
#include "exc.h"
#include "gic.h"
#include "mmu.h"
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define ITS_BASE 0x08080000UL

static u64 seeds[MAX_CPUS];

static u64 rnd(void)
{
	u64 *s = &seeds[cpu_id()];

	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Values that find off-by-one errors more often than uniform ones do. */
static u64 nasty(void)
{
	u64 r = rnd();

	switch (r >> 60) {
	case 0:
		return 0;
	case 1:
		return ~0UL;
	case 2:
		return BIT(r & 63);
	case 3:
		return BIT(r & 63) - 1;
	case 4:
		return r & 0xff;
	case 5:
		return 1020 + (r & 7);
	default:
		return r;
	}
}

static bool swallow(struct exc_frame *f, u32 vector)
{
	if (VEC_KIND(vector) == VEC_SERROR)
		return true;
	if (EC(f->esr) == EC_ILLEGAL_STATE)
		f->spsr &= ~SPSR_IL;
	else if (EC(f->esr) != EC_SVC64)
		f->elr += 4;
	return true;
}

static void drop_irq(struct exc_frame *f)
{
	u32 id = gic_ack();

	if (id < 1020)
		gic_eoi(id);
}

/* Back to a state in which results can be printed. */
static void recover(void)
{
	write_icc(0, ICC_IGRPEN1);
	write_sysreg(0, cntv_ctl_el0);
	write_sysreg(0, cntp_ctl_el0);
	isb();
	exc_set_sync(NULL);
	exc_set_irq(NULL);
}

static void random_mmio(u64 base, u64 size, u32 rounds)
{
	u32 i;

	exc_set_sync(swallow);
	exc_set_irq(drop_irq);
	for (i = 0; i < rounds; i++) {
		u64 r = rnd(), v = nasty();
		u64 width = 1UL << (r & 3), at = base + (r >> 8) % size;

		/* Mostly aligned: the others are stopped by the guest's own alignment fault. */
		if (r >> 60)
			at &= ~(width - 1);
		switch (r >> 2 & 7) {
		case 0:
			(void)mmio_read8(at);
			break;
		case 1:
			mmio_write8(at, (u8)v);
			break;
		case 2:
			(void)mmio_read16(at);
			break;
		case 3:
			(void)mmio_read32(at);
			break;
		case 4:
			mmio_write32(at, (u32)v);
			break;
		case 5:
			(void)mmio_read64(at);
			break;
		case 6:
			mmio_write64(at, v);
			break;
		case 7:
			mmio_write16(at, (u16)v);
			break;
		}
		if (i % 64 == 0)
			irq_window();
	}
	recover();
}

static u32 per_area(void)
{
	return testdev_read(TD_PARAM) ? testdev_read(TD_PARAM) : 3000;
}

static void areas(void *arg)
{
	random_mmio(GICD_BASE, 0x10000, per_area());
	random_mmio(GICR_BASE, GICR_STRIDE * (cpu_count() + 1), per_area());
	random_mmio(ITS_BASE, 0x20000, per_area() / 4);
	/* The registers that guests use most. */
	random_mmio(GICD_BASE + GICD_ISENABLER, 0x300, per_area());
	random_mmio(this_cpu()->gicr + GICR_SGI, 0xd00, per_area());
}

static void test_mmio(void)
{
	check(smp_run_all(cpu_count(), areas, NULL, 120000),
	      "random accesses to GIC and ITS from all CPUs");
	gic_init();
	gic_cpu_init();
}

/* The VMM's side: devices, holes, and the end of the address space. */
static void devices(void *arg)
{
	random_mmio(0x09000000, 0x40000, per_area() / 8);
	random_mmio(0x0a000000, 0x4000, per_area() / 8);
	random_mmio(TESTDEV_BASE + TD_SCRATCH, TD_SCRATCH_SIZE, per_area() / 8);
	random_mmio(0x0b010000, 0x100000, per_area() / 8);
}

/* System registers by encoding; an access per table entry, value in x0. */
#define ACCESS(enc)                                                 \
	asm volatile("msr " #enc ", %0" ::"r"(nasty()) : "memory"); \
	asm volatile("mrs %0, " #enc : "=r"(v)::"memory");

static void sysregs(void *arg)
{
	u64 v;
	u32 i;

	exc_set_sync(swallow);
	exc_set_irq(drop_irq);
	for (i = 0; i < per_area() / 30; i++) {
		/* CPU interface */
		ACCESS(S3_0_C4_C6_0)
		ACCESS(S3_0_C12_C12_1)
		ACCESS(S3_0_C12_C12_3)
		ACCESS(S3_0_C12_C12_4)
		ACCESS(S3_0_C12_C12_6)
		ACCESS(S3_0_C12_C12_7)
		ACCESS(S3_0_C12_C11_1)
		ACCESS(S3_0_C12_C11_3)
		ACCESS(S3_0_C12_C11_6)
		ACCESS(S3_0_C12_C11_7)
		ACCESS(S3_0_C12_C9_0)
		ACCESS(S3_0_C12_C8_4)
		ACCESS(S3_0_C12_C8_0)
		ACCESS(S3_0_C12_C8_1)
		ACCESS(S3_0_C12_C12_5)
		/* SGIs to anybody */
		ACCESS(S3_0_C12_C11_5)
		/* Debug */
		ACCESS(S2_0_C0_C4_5)
		ACCESS(S2_0_C0_C15_4)
		ACCESS(S2_0_C0_C0_2)
		ACCESS(S2_0_C0_C3_2)
		ACCESS(S2_0_C1_C3_4)
		ACCESS(S2_0_C7_C8_6)
		/* PMU, hidden or not */
		ACCESS(S3_3_C9_C12_0)
		ACCESS(S3_3_C9_C12_1)
		ACCESS(S3_3_C9_C13_0)
		ACCESS(S3_3_C14_C15_7)
		ACCESS(S3_0_C9_C14_1)
		/* Implementation defined and unallocated */
		ACCESS(S3_0_C15_C0_0)
		ACCESS(S3_1_C11_C0_2)
		ACCESS(S3_3_C15_C15_7)
		ACCESS(S3_7_C11_C7_5)
		ACCESS(S1_0_C7_C8_0)
		/* EL2, EL3, EL12 */
		ACCESS(S3_4_C1_C1_0)
		ACCESS(S3_4_C2_C1_0)
		ACCESS(S3_4_C12_C11_0)
		ACCESS(S3_4_C12_C12_0)
		ACCESS(S3_5_C1_C0_0)
		ACCESS(S3_6_C1_C1_0)
		/* Thread ids, cache selection, auxiliary */
		ACCESS(S3_3_C13_C0_2)
		ACCESS(S3_3_C13_C0_3)
		ACCESS(S3_2_C0_C0_0)
		ACCESS(S3_0_C1_C0_1)
		ACCESS(S3_0_C5_C1_0)
		ACCESS(S3_0_C10_C3_0)
		ACCESS(S3_0_C10_C4_3)
		ACCESS(S3_0_C5_C3_1)
		irq_window();
	}
	write_sysreg(0, S3_0_C12_C12_4);
	write_sysreg(0, S2_0_C0_C0_2);
	recover();
}

static void test_sysregs(void)
{
	check(smp_run_all(cpu_count(), sysregs, NULL, 120000),
	      "random values in system registers of all kinds on all CPUs");
	gic_init();
	gic_cpu_init();
}

/* Everything but the functions that end or restart the VM, or that suspend for ever. */
static bool may_call(u32 fn)
{
	switch (fn & 0xbfffffff) {
	case PSCI_CPU_OFF:
	case PSCI_CPU_SUSPEND32:
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_SYSTEM_RESET2_32:
	case 0x8400000eU: /* SYSTEM_SUSPEND */
	case 0x8400000cU: /* CPU_DEFAULT_SUSPEND */
	case PSCI_CPU_ON32:
		return false;
	}
	return true;
}

static void test_hypercalls(void)
{
	static const u32 ranges[] = { 0x80000000, 0x84000000, 0x85000000, 0x86000000,
				      0xbf00ff00, 0xc5000020, 0x00000000 };
	u32 i, fn, rounds = per_area();

	for (i = 0; i < rounds; i++) {
		fn = ranges[rnd() % ARRAY_SIZE(ranges)] + (u32)(rnd() & 0x7f);
		if (rnd() & 1)
			fn |= 0x40000000;
		if (may_call(fn))
			hvc(fn, nasty(), nasty(), nasty());
	}
	check(true, "random hypercalls");

	exc_set_sync(swallow);
	asm volatile("mov x0, #0\n\thvc #1\n\tmov x0, #0\n\thvc #0xffff\n\tmov x0, #0\n\tsmc #1" ::
			     : "x0", "x1", "x2", "x3", "memory");
	exc_set_sync(NULL);
	check(true, "HVC and SMC with other immediates");

	/* An entry point outside RAM and unaligned: the CPU may start there and go astray. */
	if (cpu_count() > 1) {
		u32 last = cpu_count() - 1;
		s64 r = psci_cpu_on(cpus[last].mpidr, 0x0900000000001UL, 0);

		check(r == PSCI_SUCCESS || r == PSCI_INVALID_ADDRESS || r == PSCI_INVALID_PARAMS,
		      "CPU_ON with an impossible entry point is answered");
	} else {
		tap_skip("CPU_ON with an impossible entry point is answered", "one CPU");
	}
}

static void test_eret(void)
{
	static const u32 modes[] = { 0x1, 0x2, 0x3, 0x6,  0x7,	0x8,  0x9,  0xa,  0xb,	0xc,
				     0xd, 0xe, 0xf, 0x10, 0x11, 0x13, 0x16, 0x1a, 0x1b, 0x1f };
	u32 i;

	exc_set_sync(swallow);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		/* AArch32 modes are legal where EL0 has AArch32: those are not tried. */
		if (modes[i] == 0x10)
			continue;
		asm volatile(
			"msr spsr_el1, %0\n\tadr x9, 1f\n\tmsr elr_el1, x9\n\teret\n1:\tnop\n\tnop" ::
				"r"(0x3c0UL | modes[i])
			: "x9", "memory");
	}
	exc_set_sync(NULL);
	check(true, "exception returns to impossible modes come back");
}

/* Table walks that lead into devices, themselves, and beyond the address space. */
static void test_tables(void)
{
	u64 *l1e = mmu_l1_entry(TEST_VA + 16 * SZ_1G);
	u32 i;

	exc_set_sync(swallow);
	for (i = 0; i < 300; i++) {
		u64 v = nasty(), at = TEST_VA + 16 * SZ_1G + (rnd() & 0x3ffffff8);
		u64 table = i % 3 == 0	 ? (u64)mmu_l1_entry(0)
			    : i % 3 == 1 ? GICD_BASE
					 : v & 0xfffffffff000UL;

		/* Reads only: a block entry may well show this program's own memory. */
		WRITE_ONCE(*l1e, table | 3);
		tlbi_all();
		(void)*(volatile u64 *)at;
		asm volatile("at s1e1r, %0" ::"r"(at) : "memory");
	}
	WRITE_ONCE(*l1e, 0);
	tlbi_all();
	exc_set_sync(NULL);
	check(true, "page tables that point anywhere");
}

static u64 storm_end;

/* Between two interrupts there may be no instruction of the program: the handler ends it. */
static void storm_irq(struct exc_frame *f)
{
	drop_irq(f);
	if (timer_now() > storm_end)
		write_sysreg(0, cntv_ctl_el0);
}

static void test_interrupt_storm(void)
{
	u32 i;

	storm_end = timer_now() + timer_ms(300);

	for (i = 0; i < 16; i++)
		gic_enable(i);
	gic_enable(INTID_VTIMER);
	write_sysreg(0, cntv_cval_el0);
	write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
	exc_set_irq(storm_irq);
	while (timer_now() < storm_end) {
		gic_sgi_list((u32)rnd() & 15, cpus[0].mpidr, 0xffff);
		irq_window();
	}
	recover();
	gic_cpu_init();
	check(true, "a timer that never lowers and SGIs without end");
}

/* Does not return by itself: see main. */
static void lost_cpu(void *arg)
{
	write_sysreg(TEST_VA + 64 * SZ_1G, vbar_el1);
	isb();
	asm volatile("brk #1");
}

int main(void)
{
	u64 param = testdev_read(TD_PARAM);
	u32 i;

	for (i = 0; i < MAX_CPUS; i++)
		seeds[i] = 0x2545f4914f6cdd1dUL * (i + 1) + param;
	if (testdev_present()) {
		test_sysregs();
		test_mmio();
		devices(NULL);
		check(true, "random accesses to devices and holes");
	} else {
		tap_skip("random accesses to registers and devices",
			 "QEMU 7.2 itself does not survive them");
	}
	test_eret();
	test_tables();
	test_interrupt_storm();
	if (cpu_count() > 2) {
		/* For ever at the vector's address, each fetch an exception; the others go on. */
		smp_start(1, lost_cpu, NULL);
		udelay(20000);
		check_eq(psci_affinity_info(cpus[1].mpidr, 0), PSCI_AFFINITY_ON,
			 "a CPU in an exception storm does not stop the others");
	} else {
		tap_skip("a CPU in an exception storm does not stop the others",
			 "fewer than 3 CPUs");
	}
	test_hypercalls();
	return 0;
}
