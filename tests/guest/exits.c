// SPDX-License-Identifier: GPL-2.0
/*
 * Every way to leave the guest and come back with the right registers: HVC, SMC, ID and absent
 * system registers, device accesses of every form, WFI, WFE, cache maintenance, exclusives.
 * SMCCC 1.1 (DEN0028), Arm ARM D13 (syndromes) and D17 (ID registers).
 */
#include "gic.h"
#include "mmu.h"
#include "psci.h"
#include "regs.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define SCRATCH (TESTDEV_BASE + TD_SCRATCH)
#define HOLE	0x0b010000UL
#define NEED_TD "needs guest-run's test device"

#define FN_UNKNOWN 0x8400ff00U

static void fill(struct regs *r, u64 seed)
{
	u32 i;

	for (i = 0; i < 31; i++)
		r->x[i] = seed + i * 0x0101010101010101UL;
	r->nzcv = 0xa0000000; /* N and C */
}

/* Number of registers that differ, those in `except` (a bit mask) left out; NZCV is bit 31. */
static u32 differing(const struct regs *a, const struct regs *b, u32 except)
{
	u32 i, n = 0;

	for (i = 0; i < 31; i++)
		if (!(except & BIT(i)) && a->x[i] != b->x[i]) {
			printf("# x%u: %lx became %lx\n", i, a->x[i], b->x[i]);
			n++;
		}
	if (!(except & BIT(31)) && a->nzcv != b->nzcv)
		n++;
	return n;
}

static void test_hvc(void)
{
	struct regs in, out;

	fill(&in, 0x1122334455667788UL);
	in.x[0] = FN_UNKNOWN;
	regs_hvc(&in, &out);
	check_eq(out.x[0], (u64)-1, "unknown HVC function returns NOT_SUPPORTED");
	check_eq(differing(&in, &out, 0xf), 0, "unknown HVC preserves x4-x30 and flags");

	in.x[0] = 0xc6000000UL | 0x1234;
	regs_hvc(&in, &out);
	check_eq(out.x[0], (u64)-1, "unknown 64-bit vendor HVC returns NOT_SUPPORTED");
	in.x[0] = 0xffffffff00000000UL | PSCI_VERSION;
	regs_hvc(&in, &out);
	if (testdev_present())
		check((s64)out.x[0] >= 0x10000, "HVC function id is taken from w0 only");
	else
		tap_skip("HVC function id is taken from w0 only", "QEMU's own PSCI compares x0");

	in.x[0] = PSCI_VERSION;
	regs_hvc(&in, &out);
	check((u32)out.x[0] >= 0x10000 && (u32)out.x[0] < 0x20000, "PSCI_VERSION is 1.x");
	check_eq(differing(&in, &out, 0xf), 0, "PSCI_VERSION preserves x4-x30 and flags");
	tap_note("psci_version", out.x[0]);

	if (!testdev_present()) {
		tap_skip("SMCCC_VERSION is at least 1.1", "plain QEMU has PSCI only");
		tap_skip("ARCH_FEATURES knows SMCCC_VERSION", "plain QEMU has PSCI only");
		tap_skip("PSCI_FEATURES knows SMCCC_VERSION", "plain QEMU has PSCI only");
	} else {
		check(hvc(SMCCC_VERSION, 0, 0, 0) >= 0x10001, "SMCCC_VERSION is at least 1.1");
		/* KVM answers ARCH_FEATURES for the workarounds only, so the value is a note. */
		tap_note("arch_features_smccc_version",
			 (u64)hvc(SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0));
		tap_note("arch_features_workaround_1",
			 (u64)hvc(SMCCC_ARCH_FEATURES, SMCCC_ARCH_WORKAROUND_1, 0, 0));
		check_eq(hvc(SMCCC_ARCH_FEATURES, 0x8000abcd, 0, 0), -1,
			 "ARCH_FEATURES of an unknown function is NOT_SUPPORTED");
		check_eq(hvc(PSCI_FEATURES, SMCCC_VERSION, 0, 0), 0,
			 "PSCI_FEATURES knows SMCCC_VERSION");
	}
}

static void test_smc(void)
{
	u64 result = FN_UNKNOWN, after = 0;
	const struct exc_info *e;

	exc_expect();
	asm volatile("mov x0, %0\n\tsmc #0\n\tmov %0, x0\n\tmov %1, #7"
		     : "+r"(result), "=&r"(after)::"x0", "x1", "x2", "x3", "memory");
	e = exc_taken();
	check((e->count == 1 && EC(e->esr) == EC_UNKNOWN) || (!e->count && result == (u64)-1),
	      "SMC of an unknown function is UNDEFINED or returns NOT_SUPPORTED");
	check_eq(after, 7, "execution goes on after SMC");
}

static void test_id_registers(void)
{
	static const char *const names[32] = {
		[0] = "ID_AA64PFR0",   [1] = "ID_AA64PFR1",   [4] = "ID_AA64ZFR0",
		[5] = "ID_AA64SMFR0",  [8] = "ID_AA64DFR0",   [9] = "ID_AA64DFR1",
		[16] = "ID_AA64ISAR0", [17] = "ID_AA64ISAR1", [18] = "ID_AA64ISAR2",
		[24] = "ID_AA64MMFR0", [25] = "ID_AA64MMFR1", [26] = "ID_AA64MMFR2",
	};
	u32 i, undef = 0, nonzero_reserved = 0;
	u64 v;

	for (i = 8; i < 64; i++) {
		const struct exc_info *e = EXC_TRY(v = id_reg_read(i));

		if (e->count) {
			undef++;
			printf("# CRm %u op2 %u is UNDEFINED\n", i >> 3, i & 7);
		} else if (i >= 32 && !names[i - 32] && v) {
			nonzero_reserved++;
			printf("# CRm %u op2 %u = %lx\n", i >> 3, i & 7, v);
		} else if (i >= 32 && names[i - 32]) {
			tap_note(names[i - 32], v);
		}
	}
	check_eq(undef, 0, "no register of the ID space is UNDEFINED");
	check_eq(nonzero_reserved, 0, "unallocated ID registers read as zero");
	tap_note("MIDR", id_reg_read(0));
	tap_note("REVIDR", id_reg_read(6));
	tap_note("CTR_EL0", read_sysreg(ctr_el0));
	tap_note("DCZID_EL0", read_sysreg(dczid_el0));
	check_eq(read_sysreg(mpidr_el1) & 0xff00ffffffUL, cpus[0].mpidr,
		 "MPIDR affinity equals the redistributor's");
	check(EXC_TRY(write_sysreg(0, S3_0_C0_C4_0))->count == 1,
	      "write to an ID register is UNDEFINED");
}

/* Yields the exc_info of one MRS by encoding. */
#define TRY_MRS(enc) EXC_TRY((void)read_sysreg(enc))

/* `field` (of an ID register) zero = hidden: then the feature's register must be UNDEFINED. */
static void check_hidden(const struct exc_info *e, u64 field, const char *name)
{
	if (field != 0 && field != 0xf)
		tap_skip(name, "the ID registers announce it");
	else if (!check(e->count == 1 && EC(e->esr) == EC_UNKNOWN, name))
		printf("# %u exceptions, esr %lx\n", e->count, e->esr);
}

#define HIDDEN(idreg, shift, enc, name) \
	check_hidden(TRY_MRS(enc), read_sysreg(idreg) >> (shift)&0xf, name)

static void test_hidden_features(void)
{
	u64 cpacr = read_sysreg(cpacr_el1);

	/* The guest's own traps (ZEN, FPEN, SMEN) off: they would come first. */
	write_sysreg(cpacr | 3 << 16 | 3 << 20 | 3 << 24, cpacr_el1);
	isb();
	HIDDEN(S3_0_C0_C5_0, 8, S3_3_C9_C12_0, "hidden PMU is UNDEFINED (PMCR_EL0)");
	HIDDEN(S3_0_C0_C4_0, 32, S3_0_C1_C2_0, "hidden SVE is UNDEFINED (ZCR_EL1)");
	HIDDEN(S3_0_C0_C4_1, 24, S3_0_C1_C2_6, "hidden SME is UNDEFINED (SMCR_EL1)");
	HIDDEN(S3_0_C0_C7_1, 16, S3_0_C10_C4_7, "hidden LORegions are UNDEFINED (LORID_EL1)");
	HIDDEN(S3_0_C0_C4_1, 8, S3_0_C1_C0_6, "hidden MTE is UNDEFINED (GCR_EL1)");
	HIDDEN(S3_0_C0_C6_0, 60, S3_3_C2_C4_0, "hidden RNDR is UNDEFINED");
	HIDDEN(S3_0_C0_C5_0, 32, S3_0_C9_C9_7, "hidden SPE is UNDEFINED (PMSIDR_EL1)");
	HIDDEN(S3_0_C0_C5_0, 44, S3_0_C9_C11_7, "hidden TRBE is UNDEFINED (TRBIDR_EL1)");
	HIDDEN(S3_0_C0_C4_0, 44, S3_3_C13_C2_0, "hidden AMU is UNDEFINED (AMCR_EL0)");
	HIDDEN(S3_0_C0_C4_0, 28, S3_0_C5_C3_0, "hidden RAS is UNDEFINED (ERRIDR_EL1)");
	HIDDEN(S3_0_C0_C7_3, 0, S3_0_C2_C0_3, "hidden TCR2_EL1 is UNDEFINED");
	HIDDEN(S3_0_C0_C5_0, 4, S2_1_C0_C8_7, "hidden trace unit is UNDEFINED (TRCIDR0)");

	write_sysreg(cpacr, cpacr_el1);
	isb();

	/* The four pointer authentication fields are one feature. */
	{
		u64 isar1 = read_sysreg(S3_0_C0_C6_1), isar2 = read_sysreg(S3_0_C0_C6_2);
		const struct exc_info *e = TRY_MRS(S3_0_C2_C1_0);

		if (isar1 & 0xff000ff0 || isar2 & 0xff00)
			tap_skip("hidden pointer authentication is UNDEFINED (APIAKEYLO_EL1)",
				 "the ID registers announce it");
		else
			check(e->count == 1,
			      "hidden pointer authentication is UNDEFINED (APIAKEYLO_EL1)");
	}
}

/* What is announced without being there: no error records, no limited ordering regions. */
static void test_empty_features(void)
{
	const struct exc_info *e;

	if (read_sysreg(S3_0_C0_C4_0) >> 28 & 0xf) {
		check_eq(read_sysreg(S3_0_C5_C3_0), 0, "RAS: no error records (ERRIDR_EL1)");
		e = EXC_TRY(write_sysreg(0, S3_0_C5_C3_1));
		check_eq(e->count ? 0 : read_sysreg(S3_0_C5_C4_2), 0,
			 "RAS: a record that is not there is clean (ERXSTATUS_EL1)");
		write_sysreg(0, S3_0_C12_C1_1);
		asm volatile("hint #16" ::: "memory");
		check_eq(read_sysreg(S3_0_C12_C1_1), 0, "RAS: ESB defers nothing (DISR_EL1)");
		write_sysreg(1UL << 31 | 5, S3_0_C12_C1_1);
		check_eq(read_sysreg(S3_0_C12_C1_1), 1UL << 31 | 5, "RAS: DISR_EL1 keeps its value");
		write_sysreg(0, S3_0_C12_C1_1);
	} else {
		tap_skip("RAS: no error records (ERRIDR_EL1)", "not announced");
	}
	if (read_sysreg(S3_0_C0_C7_1) >> 16 & 0xf) {
		check_eq(read_sysreg(S3_0_C10_C4_7), 0, "no limited ordering regions (LORID_EL1)");
		check(EXC_TRY(write_sysreg(0, S3_0_C10_C4_7))->count == 1, "LORID_EL1 is read-only");
		check(!EXC_TRY(write_sysreg(1, S3_0_C10_C4_3))->count, "LORC_EL1 can be written");
	} else {
		tap_skip("no limited ordering regions (LORID_EL1)", "not announced");
	}
}

static void test_undefined(void)
{
	const struct exc_info *e;
	u64 pc, spsr_i;

	exc_expect();
	asm volatile("adr %0, 1f\n1:	mrs x9, S3_7_C15_C15_7" : "=r"(pc)::"x9", "memory");
	e = exc_taken();
	check_eq(e->count, 1, "unallocated system register is UNDEFINED");
	check_eq(EC(e->esr), EC_UNKNOWN, "UNDEFINED has EC 0");
	check_eq(e->elr, pc, "ELR of UNDEFINED is the instruction");
	check_eq(e->vector, VEC_EL1H + VEC_SYNC, "UNDEFINED is taken to EL1h's synchronous vector");

	asm volatile("msr daifset, #0xf\n\tcmp xzr, xzr" ::: "cc", "memory");
	exc_expect();
	asm volatile("cmp xzr, xzr\n\tmrs x9, S3_0_C15_C15_7" ::: "x9", "cc", "memory");
	spsr_i = exc_taken()->spsr;
	check_eq(spsr_i & 0xf00003ffUL, 0x600003c5, "SPSR of UNDEFINED holds flags and masks");

	/* EL2 and EL3 registers are not for EL1. */
	check(TRY_MRS(S3_4_C1_C1_0)->count == 1, "HCR_EL2 is UNDEFINED at EL1");
	check(TRY_MRS(S3_6_C1_C1_0)->count == 1, "SCR_EL3 is UNDEFINED at EL1");
	check(TRY_MRS(S3_5_C1_C0_0)->count == 1, "SCTLR_EL12 is UNDEFINED at EL1");
	check(TRY_MRS(S3_4_C12_C11_0)->count == 1, "ICH_HCR_EL2 is UNDEFINED at EL1");
	e = EXC_TRY(asm volatile(".inst 0" ::: "memory"));
	check(e->count == 1 && EC(e->esr) == EC_UNKNOWN, "UDF is UNDEFINED");
}

/*
 * The hypervisor extends by ESR_EL2.ISS.SSE, which QEMU 7.2 as the machine below it always
 * leaves clear: then the value comes back unextended whatever the hypervisor does.
 */
static void check_extended(u64 got, u64 want, u64 unextended, const char *name)
{
	if (got == unextended)
		tap_skip(name, "the machine does not report sign extension");
	else
		check_eq(got, want, name);
}

static void test_mmio_widths(void)
{
	const u64 pattern = 0x8877665544332281UL;
	u64 v;

	mmio_write64(SCRATCH, pattern);
	check_eq(mmio_read64(SCRATCH), pattern, "64-bit device access");
	check_eq(mmio_read32(SCRATCH), (u32)pattern, "32-bit device read");
	check_eq(mmio_read16(SCRATCH), (u16)pattern, "16-bit device read");
	check_eq(mmio_read8(SCRATCH), (u8)pattern, "8-bit device read");
	mmio_write8(SCRATCH + 1, 0xaa);
	mmio_write16(SCRATCH + 2, 0xbbcc);
	mmio_write32(SCRATCH + 4, 0xddeeff00);
	check_eq(mmio_read64(SCRATCH), 0xddeeff00bbccaa81UL, "8, 16 and 32-bit device writes");
	mmio_write64(SCRATCH, pattern);

#define LOAD(insn, reg) asm volatile(insn " %" reg "0, [%1]" : "=r"(v) : "r"(SCRATCH) : "memory")
	LOAD("ldrsb", "w");
	check_extended(v, 0xffffff81UL, 0x81, "LDRSB to a W register extends to 32 bits");
	LOAD("ldrsb", "x");
	check_extended(v, 0xffffffffffffff81UL, 0x81, "LDRSB to an X register extends to 64 bits");
	LOAD("ldrsh", "w");
	check_eq(v, 0x2281, "LDRSH of a positive value");
	mmio_write16(SCRATCH, 0x8001);
	LOAD("ldrsh", "x");
	check_extended(v, 0xffffffffffff8001UL, 0x8001,
		       "LDRSH to an X register extends to 64 bits");
	mmio_write32(SCRATCH, 0x80000000);
	LOAD("ldrsw", "x");
	check_extended(v, 0xffffffff80000000UL, 0x80000000, "LDRSW extends to 64 bits");
	LOAD("ldr", "w");
	check_eq(v, 0x80000000UL, "LDR to a W register clears the upper half");
	LOAD("ldar", "w");
	check_eq(v, 0x80000000UL, "LDAR from a device");
	asm volatile("stlr %w0, [%1]" ::"r"(0x1234), "r"(SCRATCH) : "memory");
	check_eq(mmio_read32(SCRATCH), 0x1234, "STLR to a device");
	asm volatile("ldr %w0, [%1, %2, lsl #2]"
		     : "=r"(v)
		     : "r"(SCRATCH - 16), "r"(4UL)
		     : "memory");
	check_eq(v, 0x1234, "device read with a register offset");
	asm volatile("ldur %w0, [%1, #-3]" : "=r"(v) : "r"(SCRATCH + 3) : "memory");
	check_eq(v, 0x1234, "device read with an unscaled offset");

	asm volatile("ldr wzr, [%0]\n\tldr xzr, [%0]" ::"r"(SCRATCH) : "memory");
	asm volatile("str xzr, [%0]" ::"r"(SCRATCH) : "memory");
	check_eq(mmio_read64(SCRATCH), 0, "store of xzr writes zero, load to xzr is dropped");
}

#define ROUND_TRIP(n)                                                                        \
	do {                                                                                 \
		u64 got__;                                                                   \
		asm volatile("mov x" #n ", %1\n\tstr x" #n ", [%2]\n\tmov x" #n ", #0\n\t"   \
			     "ldr x" #n ", [%2]\n\tmov %0, x" #n                             \
			     : "=&r"(got__)                                                  \
			     : "r"(0xabcdef0000UL + n), "r"(SCRATCH + 8 * n)                 \
			     : "x" #n, "memory");                                            \
		bad += got__ != 0xabcdef0000UL + n || mmio_read64(SCRATCH + 8 * n) != got__; \
	} while (0)

static void test_mmio_registers(void)
{
	u32 bad = 0;

	/* clang-format off */
	ROUND_TRIP(0); ROUND_TRIP(1); ROUND_TRIP(2); ROUND_TRIP(3); ROUND_TRIP(4); ROUND_TRIP(5);
	ROUND_TRIP(6); ROUND_TRIP(7); ROUND_TRIP(8); ROUND_TRIP(9); ROUND_TRIP(10); ROUND_TRIP(11);
	ROUND_TRIP(12); ROUND_TRIP(13); ROUND_TRIP(14); ROUND_TRIP(15); ROUND_TRIP(16); ROUND_TRIP(17);
	ROUND_TRIP(18); ROUND_TRIP(19); ROUND_TRIP(20); ROUND_TRIP(21); ROUND_TRIP(22); ROUND_TRIP(23);
	ROUND_TRIP(24); ROUND_TRIP(25); ROUND_TRIP(26); ROUND_TRIP(27); ROUND_TRIP(28); ROUND_TRIP(29);
	ROUND_TRIP(30);
	/* clang-format on */
	check_eq(bad, 0, "device access with each of x0-x30");
}

/*
 * Forms without a valid syndrome: a hypervisor may emulate them (then the value is right and the
 * base is updated) or give the guest an external abort; it may not do something else.
 */
static void no_syndrome(const struct exc_info *e, bool right, const char *name)
{
	bool abort = e->count == 1 && EC(e->esr) == EC_DABT && FSC_TYPE(e->esr) == FSC_EXTERNAL;

	check(abort || (!e->count && right), name);
	tap_note(name, abort);
}

static void test_mmio_without_syndrome(void)
{
	u64 base, a = 0, b = 0;
	const struct exc_info *e;

	mmio_write64(SCRATCH, 0x1111222233334444UL);
	mmio_write64(SCRATCH + 8, 0x5555666677778888UL);

	base = SCRATCH;
	e = EXC_TRY(asm volatile("ldr %w0, [%1], #4" : "+r"(a), "+r"(base)::"memory"));
	no_syndrome(e, a == 0x33334444 && base == SCRATCH + 4, "post-index device read");
	base = SCRATCH - 8;
	e = EXC_TRY(asm volatile("ldr %0, [%1, #16]!" : "+r"(a), "+r"(base)::"memory"));
	no_syndrome(e, a == 0x5555666677778888UL && base == SCRATCH + 8, "pre-index device read");
	base = SCRATCH;
	e = EXC_TRY(asm volatile("ldp %0, %1, [%2]" : "+r"(a), "+r"(b) : "r"(base) : "memory"));
	no_syndrome(e, a == 0x1111222233334444UL && b == 0x5555666677778888UL,
		    "load pair from a device");
	base = SCRATCH + 16;
	e = EXC_TRY(asm volatile("str %w1, [%0], #8" : "+r"(base) : "r"(0xfeed) : "memory"));
	no_syndrome(e, mmio_read32(SCRATCH + 16) == 0xfeed && base == SCRATCH + 24,
		    "post-index device write");
	e = EXC_TRY(asm volatile("stp %0, %1, [%2]" ::"r"(1UL), "r"(2UL), "r"(SCRATCH + 32)
				 : "memory"));
	no_syndrome(e, mmio_read64(SCRATCH + 32) == 1 && mmio_read64(SCRATCH + 40) == 2,
		    "store pair to a device");
}

static void test_holes(void)
{
	u32 before = testdev_read(TD_STRAY_COUNT);
	const struct exc_info *e = EXC_TRY(mmio_write32(HOLE, 5));

	check(!e->count, "write to a hole in the map reaches the VMM");
	check_eq(mmio_read64(TESTDEV_BASE + TD_STRAY_ADDR), HOLE, "the VMM sees the address");
	check_eq(testdev_read(TD_STRAY_LEN), 0x80000004, "the VMM sees width and direction");
	(void)mmio_read16(HOLE + 0x102);
	check_eq(mmio_read64(TESTDEV_BASE + TD_STRAY_ADDR), HOLE + 0x102,
		 "the VMM sees the offset in the page");
	check_eq(testdev_read(TD_STRAY_COUNT), before + 2, "one exit per access");
}

static void test_doorbell(void)
{
	(void)testdev_read(TD_BELLS);
	mmio_write32(TESTDEV_BASE + TD_BELL, 1);
	mmio_write32(TESTDEV_BASE + TD_BELL, 2);
	check_eq(testdev_read(TD_BELLS), 2, "ioeventfd counts writes of any value");
	mmio_write32(TESTDEV_BASE + TD_BELL + 8, TD_BELL_MATCH ^ 1);
	mmio_write32(TESTDEV_BASE + TD_BELL + 8, TD_BELL_MATCH);
	check_eq(testdev_read(TD_BELLS), 1 << 16,
		 "ioeventfd with datamatch counts that value only");
	mmio_write16(TESTDEV_BASE + TD_BELL, 1);
	check_eq(testdev_read(TD_BELLS), 0, "ioeventfd ignores another width");
}

static void test_read_only_memory(void)
{
	u32 i, bad = 0, before = testdev_read(TD_ROMEM_WRITES);

	for (i = 0; i < TD_ROMEM_SIZE / 4; i += 33)
		bad += mmio_read32(TD_ROMEM_BASE + i * 4) != i;
	check_eq(bad, 0, "read-only memory reads as the VMM filled it");
	mmio_write32(TD_ROMEM_BASE + 0x40, 0);
	check_eq(testdev_read(TD_ROMEM_WRITES), before + 1,
		 "write to read-only memory reaches the VMM");
	check_eq(mmio_read32(TD_ROMEM_BASE + 0x40), 0x10,
		 "write to read-only memory changes nothing");
}

static void arm_vtimer(u64 us)
{
	write_sysreg(timer_us(us), cntv_tval_el0);
	write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
	isb();
}

static void test_registers_preserved(void)
{
	struct regs in, out;
	u32 i, bad = 0;

	fill(&in, 0x0123456789abcdefUL);
	in.x[5] = 0x09000018;
	regs_mmio_read(&in, &out);
	check_eq(differing(&in, &out, BIT(3)), 0, "device read preserves all other registers");
	if (testdev_present()) {
		in.x[5] = SCRATCH;
		regs_mmio_write(&in, &out);
		check_eq(differing(&in, &out, 0), 0, "device write preserves all registers");
	} else {
		tap_skip("device write preserves all registers", NEED_TD);
	}
	regs_id_read(&in, &out);
	check_eq(differing(&in, &out, BIT(7)), 0, "ID register read preserves all other registers");
	in.x[9] = 15UL << 24; /* SGI 15 to an empty list: a trap without effect */
	regs_sgi(&in, &out);
	check_eq(differing(&in, &out, 0), 0, "SGI register write preserves all registers");
	gic_enable(INTID_VTIMER);
	arm_vtimer(1000);
	regs_wfi(&in, &out);
	write_sysreg(0, cntv_ctl_el0);
	check_eq(differing(&in, &out, 0), 0, "WFI preserves all registers");
	regs_wfe(&in, &out);
	check_eq(differing(&in, &out, 0), 0, "WFE preserves all registers");

	for (i = 0; i < 200; i++) {
		fill(&in, i * 0x123456789UL);
		in.x[0] = i & 1 ? PSCI_VERSION : FN_UNKNOWN;
		regs_hvc(&in, &out);
		bad += differing(&in, &out, 0xf);
	}
	check_eq(bad, 0, "200 HVCs in a row preserve x4-x30 and flags");
	gic_disable(INTID_VTIMER);
}

static void test_wait(void)
{
	u64 start;

	/* Interrupts are masked: WFI must return for a pending one all the same. */
	gic_enable(INTID_VTIMER);
	start = timer_now();
	arm_vtimer(2000);
	while (!(read_sysreg(cntv_ctl_el0) & TIMER_ISTATUS))
		wfi();
	check(timer_now() - start >= timer_us(2000),
	      "WFI with masked interrupts wakes by the timer");
	wfi();
	wfi();
	check(true, "WFI with a pending interrupt returns at once");
	write_sysreg(0, cntv_ctl_el0);
	gic_disable(INTID_VTIMER);

	gic_enable(1);
	gic_sgi_cpu(1, 0);
	wfi();
	gic_disable(1);
	gic_clear_pending(1);
	check(true, "WFI with a pending SGI returns");
	sev();
	wfe();
	check(true, "WFE after SEV returns");
	wfe();
	check(true, "WFE without event does not hang");
}

static u8 area[8192] __attribute__((aligned(4096)));

static void test_caches(void)
{
	u64 a = (u64)area, zva = 4UL << (read_sysreg(dczid_el0) & 0xf);
	u32 i, set, way, bad = 0;
	const struct exc_info *e;
	u64 ccsidr, line, sets, ways;

	memset(area, 0x5a, sizeof(area));
	exc_expect();
	asm volatile("dc civac, %0; dc cvac, %0; dc cvau, %0; ic ivau, %0; dc ivac, %0; ic iallu; "
		     "ic ialluis" ::"r"(a)
		     : "memory");
	dsb(sy);
	check_eq(exc_taken()->count, 0, "cache maintenance by address");
	asm volatile("dc civac, %0" ::"r"(a + 4096) : "memory");
	dsb(sy);
	for (i = 64; i < sizeof(area); i++)
		bad += area[i] != 0x5a;
	check_eq(bad, 0, "memory survives cache maintenance by address");

	write_sysreg(0, csselr_el1);
	isb();
	ccsidr = read_sysreg(ccsidr_el1);
	line = (ccsidr & 7) + 4;
	ways = (ccsidr >> 3 & 0x3ff) + 1;
	sets = (ccsidr >> 13 & 0x7fff) + 1;
	memset(area, 0x33, sizeof(area));
	exc_expect();
	for (set = 0; set < sets && set < 16; set++)
		for (way = 0; way < ways && way < 4; way++) {
			u64 v = (u64)way << (ways > 1 ? __builtin_clz((u32)ways - 1) : 0) |
				(u64)set << line;

			asm volatile("dc cisw, %0; dc csw, %0" ::"r"(v) : "memory");
		}
	dsb(sy);
	e = exc_taken();
	check_eq(e->count, 0, "cache maintenance by set and way");
	for (bad = 0, i = 0; i < sizeof(area); i++)
		bad += area[i] != 0x33;
	check_eq(bad, 0, "memory survives cache maintenance by set and way");

	if (read_sysreg(dczid_el0) & 0x10) {
		tap_skip("DC ZVA clears one block", "DCZID_EL0 forbids it");
	} else {
		asm volatile("dc zva, %0" ::"r"(a + 4096) : "memory");
		for (bad = 0, i = 0; i < zva; i++)
			bad += area[4096 + i] != 0;
		check(!bad && area[4096 + zva] == 0x33 && area[4095] == 0x33,
		      "DC ZVA clears one block");
	}
}

static void test_exclusives(void)
{
	static u64 word __attribute__((aligned(16)));
	u32 fail, tries;
	u64 v;

	word = 41;
	for (tries = 0; tries < 1000; tries++) {
		asm volatile("ldxr %0, [%2]\n\tadd %0, %0, #1\n\tstxr %w1, %0, [%2]"
			     : "=&r"(v), "=&r"(fail)
			     : "r"(&word)
			     : "memory");
		if (!fail)
			break;
	}
	check_eq(word, 42, "load and store exclusive");
	asm volatile("clrex\n\tstxr %w0, %1, [%2]" : "=&r"(fail) : "r"(0UL), "r"(&word) : "memory");
	check(fail == 1 && word == 42, "store exclusive after CLREX fails");
	if ((read_sysreg(S3_0_C0_C6_0) >> 20 & 0xf) >= 2) {
		asm volatile(".arch_extension lse\n\tldadd %2, %0, [%1]"
			     : "=r"(v)
			     : "r"(&word), "r"(8UL)
			     : "memory");
		check(v == 42 && word == 50, "LDADD on memory");
	} else {
		tap_skip("LDADD on memory", "no LSE");
	}
}

static void need_td(void (*fn)(void), const char *name)
{
	if (testdev_present())
		fn();
	else
		tap_skip(name, NEED_TD);
}

int main(void)
{
	test_hvc();
	test_smc();
	test_id_registers();
	test_hidden_features();
	test_empty_features();
	test_undefined();
	need_td(test_mmio_widths, "device accesses of all widths");
	need_td(test_mmio_registers, "device access with each of x0-x30");
	need_td(test_mmio_without_syndrome, "device accesses without syndrome");
	need_td(test_holes, "holes in the map");
	need_td(test_doorbell, "ioeventfd");
	need_td(test_read_only_memory, "read-only memory");
	test_registers_preserved();
	test_wait();
	test_caches();
	test_exclusives();
	return 0;
}
