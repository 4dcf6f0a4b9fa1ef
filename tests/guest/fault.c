// SPDX-License-Identifier: GPL-2.0
/*
 * Memory: demand faults in odd order, fetches from fresh pages, accesses that straddle pages,
 * code written by the program, the MMU off and on, faults of the guest's own stage 1, and walks
 * and accesses that leave RAM. Arm ARM D8 (VMSA), D1.3 (exceptions), B2.4.4 (instruction caches).
 */
#include "mmu.h"
#include "exc.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"

#define INSN_MOV_W0(imm) (0x52800000U | (u32)(imm) << 5) /* mov w0, #imm */
#define INSN_RET	 0xd65f03c0U
#define HOLE_PA		 0x0b010000UL

typedef u64 (*code_fn)(void);

static u64 ram_end(void)
{
	return ram_base + ram_size;
}

/* All free pages, by a stride that is odd and so visits each page of a power of two once. */
static void test_demand(void)
{
	u64 first = ram_free(), pages = (ram_end() - first) / SZ_4K, n = 1, i, p, bad = 0;

	while (n * 2 <= pages)
		n *= 2;
	for (i = 0; i < n; i++) {
		p = first + i * 40503 % n * SZ_4K;
		bad += *(volatile u64 *)(p + 8) != 0;
		*(volatile u64 *)p = p;
		*(volatile u64 *)(p + SZ_4K - 8) = ~p;
	}
	printf("# %lu pages\n", n);
	if (testdev_present())
		check_eq(bad, 0, "fresh RAM reads as zero");
	else
		tap_skip("fresh RAM reads as zero", "the loader may have used it");
	for (bad = 0, i = 0; i < n; i++) {
		p = first + i * SZ_4K;
		bad += *(volatile u64 *)p != p || *(volatile u64 *)(p + SZ_4K - 8) != ~p;
	}
	check_eq(bad, 0, "all of RAM keeps what was written in odd order");
	p = ram_end() - 8;
	*(volatile u64 *)p = 0x1234;
	check_eq(*(volatile u64 *)p, 0x1234, "the last word of RAM");
}

static u64 run_code(u64 at, u32 value)
{
	u32 *c = (u32 *)at;

	c[0] = INSN_MOV_W0(value);
	c[1] = INSN_RET;
	sync_code(at, 8);
	return ((code_fn)at)();
}

static void test_code(void)
{
	u64 base = ram_free(), i, bad = 0;

	for (i = 0; i < 64; i++)
		bad += run_code(base + i * SZ_4K + i * 8, 100 + (u32)i) != 100 + i;
	check_eq(bad, 0, "code just written runs");
	for (bad = 0, i = 0; i < 64; i++)
		bad += run_code(base + 0x100, 7000 + (u32)i) != 7000 + i;
	check_eq(bad, 0, "code rewritten at one address runs in its new form");

	/* The same in two 2 MiB blocks that change places as writer and target. */
	for (bad = 0, i = 0; i < 16; i++)
		bad += run_code(base + (i & 1) * SZ_2M + 0x40, (u32)i) != i;
	check_eq(bad, 0, "self-modifying code across 2 MiB blocks");

	/* Fetch across a page boundary: the second instruction is in the next page. */
	check_eq(run_code(base + SZ_4K - 4, 55), 55, "fetch across a page boundary");
	check_eq(run_code(base + SZ_2M - 4, 56), 56, "fetch across a 2 MiB boundary");

	/* The first access to these pages is a fetch: zero is UDF. */
	{
		u64 fresh = ALIGN_UP(ram_end() - SZ_2M, SZ_2M) + SZ_4K;
		const struct exc_info *e;

		memset((void *)fresh, 0, 64);
		sync_code(fresh, 64);
		exc_expect_at((u64)(&&out));
		asm goto("br %0" ::"r"(fresh)::out);
out:
		e = exc_taken();
		check(e->count == 1 && EC(e->esr) == EC_UNKNOWN && e->elr == fresh,
		      "jump into a page of zeroes is UNDEFINED there");
	}
}

static void test_straddling(void)
{
	u64 base = ram_free(), at, bad = 0;
	u32 off;

	for (off = 1; off < 8; off++) {
		u64 v = 0x0123456789abcdefUL * off, got, got16 = 0;

		at = base + SZ_4K - off;
		asm volatile("str %1, [%2]\n\tldr %0, [%2]"
			     : "=&r"(got)
			     : "r"(v), "r"(at)
			     : "memory");
		bad += got != v;
		at = base + SZ_2M - off;
		asm volatile("str %1, [%2]\n\tldr %0, [%2]"
			     : "=&r"(got)
			     : "r"(v), "r"(at)
			     : "memory");
		bad += got != v;
		asm volatile("stp %2, %2, [%3]\n\tldp %0, %1, [%3]"
			     : "=&r"(got), "=&r"(got16)
			     : "r"(v), "r"(at - 8)
			     : "memory");
		bad += got != v || got16 != v;
	}
	check_eq(bad, 0, "unaligned accesses across pages and blocks");
}

static bool is_dabt(const struct exc_info *e, u32 fsc_type, u64 far)
{
	return e->count == 1 && EC(e->esr) == EC_DABT && FSC_TYPE(e->esr) == fsc_type &&
	       e->far == far;
}

static void test_stage1_faults(void)
{
	u64 page = ram_free(), va = TEST_VA;
	const struct exc_info *e;
	u64 *pte;

	e = EXC_TRY((void)*(volatile u8 *)(va + 0x123));
	check(is_dabt(e, FSC_TRANSLATION, va + 0x123),
	      "unmapped address: translation fault, right FAR");
	check(!(e->esr & BIT(6)), "a read fault says read");
	e = EXC_TRY(*(volatile u8 *)(va + 0x55) = 1);
	check(is_dabt(e, FSC_TRANSLATION, va + 0x55) && e->esr & BIT(6),
	      "a write fault says write");

	mmu_map(va, page, SZ_4K, MAP_NORMAL | MAP_RO);
	*(volatile u64 *)page = 77;
	check_eq(*(volatile u64 *)va, 77, "an alias of a page reads the same memory");
	e = EXC_TRY(*(volatile u64 *)(va + 8) = 1);
	check(is_dabt(e, FSC_PERMISSION, va + 8), "write to a read-only page: permission fault");
	mmu_map(va, page, SZ_4K, MAP_NORMAL);
	*(volatile u64 *)va = 78;
	check_eq(*(volatile u64 *)page, 78, "remapped writable");
	pte = mmu_pte(va);
	WRITE_ONCE(*pte, *pte & ~BIT(10));
	tlbi_va(va);
	e = EXC_TRY((void)*(volatile u64 *)va);
	check(is_dabt(e, FSC_ACCESS, va), "access flag fault is the guest's own");
	mmu_unmap(va, SZ_4K);
	e = EXC_TRY((void)*(volatile u64 *)va);
	check(is_dabt(e, FSC_TRANSLATION, va), "unmapped again faults again");

	mmu_map(va, page, SZ_4K, MAP_NORMAL | MAP_NX);
	exc_expect_at((u64)(&&nx));
	asm goto("br %0" ::"r"(va)::nx);
nx:
	e = exc_taken();
	check(e->count == 1 && EC(e->esr) == EC_IABT && FSC_TYPE(e->esr) == FSC_PERMISSION &&
		      e->elr == va && e->far == va,
	      "fetch from a no-execute page: permission fault");
	exc_expect_at((u64)(&&unmapped));
	asm goto("br %0" ::"r"(va + SZ_2M)::unmapped);
unmapped:
	e = exc_taken();
	check(e->count == 1 && EC(e->esr) == EC_IABT && FSC_TYPE(e->esr) == FSC_TRANSLATION &&
		      e->elr == va + SZ_2M,
	      "fetch from an unmapped address: translation fault");
	exc_expect_at((u64)(&&odd));
	asm goto("br %0" ::"r"(page + 2)::odd);
odd:
	e = exc_taken();
	check(e->count == 1 && EC(e->esr) == EC_PC_ALIGN && e->far == page + 2,
	      "fetch from an odd address: PC alignment fault");
	mmu_unmap(va, SZ_4K);
}

static void test_alignment(void)
{
	u64 page = ram_free(), va = TEST_VA, sctlr = read_sysreg(sctlr_el1);
	const struct exc_info *e;

	write_sysreg(sctlr | 2, sctlr_el1);
	isb();
	e = EXC_TRY(asm volatile("ldr x9, [%0]" ::"r"(page + 1) : "x9", "memory"));
	write_sysreg(sctlr, sctlr_el1);
	isb();
	check(e->count == 1 && EC(e->esr) == EC_DABT && FSC(e->esr) == FSC_ALIGNMENT &&
		      e->far == page + 1,
	      "SCTLR.A makes an unaligned access fault");
	/* within 16 bytes it need not (FEAT_LSE2) */
	e = EXC_TRY(asm volatile("ldxr x9, [%0]" ::"r"(page + 12) : "x9", "memory"));
	check(e->count == 1 && FSC(e->esr) == FSC_ALIGNMENT,
	      "an exclusive across 16 bytes faults");

	mmu_map(va, page, SZ_4K, MAP_DEVICE);
	e = EXC_TRY(asm volatile("ldr x9, [%0]" ::"r"(va + 1) : "x9", "memory"));
	if (e->count)
		check_eq(FSC(e->esr), FSC_ALIGNMENT, "unaligned access to Device memory faults");
	else
		tap_skip("unaligned access to Device memory faults", "the machine does not check");
	mmu_unmap(va, SZ_4K);
	/* RAM seen as Normal again through the identity map; drop what Device accesses left. */
	asm volatile("dc civac, %0" ::"r"(page) : "memory");
	dsb(sy);

	exc_expect();
	asm volatile("mov x9, sp\n\tmsr sp_el0, %0\n\tmsr spsel, #0\n\tldr x10, [sp]\n\t"
		     "msr spsel, #1" ::"r"(page + 8)
		     : "x9", "x10", "memory");
	e = exc_taken();
	if (e->count)
		check(EC(e->esr) == EC_SP_ALIGN && e->vector == VEC_EL1T + VEC_SYNC,
		      "misaligned SP faults, to EL1t's vector");
	else
		tap_skip("misaligned SP faults, to EL1t's vector", "the machine does not check");
}

/* Physical addresses without RAM behind them. */
static void test_beyond_ram(void)
{
	u64 va = TEST_VA, tcr = read_sysreg(tcr_el1);
	const struct exc_info *e;
	u64 *l1e;

	mmu_map(va, ram_end(), SZ_4K, MAP_DEVICE);
	e = EXC_TRY((void)mmio_read32(va));
	if (testdev_present())
		check(!e->count && mmio_read64(TESTDEV_BASE + TD_STRAY_ADDR) == ram_end(),
		      "a read right after RAM is a device access");
	else
		check(is_dabt(e, FSC_EXTERNAL, va), "a read right after RAM is an external abort");

	/* Fetch from where no memory is: no hypervisor can emulate that. */
	mmu_map(va, HOLE_PA, SZ_4K, MAP_NORMAL);
	exc_expect_at((u64)(&&fetched));
	asm goto("br %0" ::"r"(va)::fetched);
fetched:
	e = exc_taken();
	check(e->count == 1 && EC(e->esr) == EC_IABT && FSC_TYPE(e->esr) == FSC_EXTERNAL &&
		      e->elr == va,
	      "fetch from a hole in the map is an external abort");

	/* A level 2 table where no memory is: the walk cannot be emulated either. */
	l1e = mmu_l1_entry(va + 8 * SZ_1G);
	WRITE_ONCE(*l1e, HOLE_PA | 3);
	tlbi_all();
	e = EXC_TRY((void)*(volatile u64 *)(va + 8 * SZ_1G));
	if (testdev_present())
		check(e->count == 1 && EC(e->esr) == EC_DABT &&
			      (FSC_TYPE(e->esr) == FSC_EXT_WALK || FSC(e->esr) == FSC_EXTERNAL),
		      "table walk into a hole is an external abort");
	else
		check(e->count == 1 && EC(e->esr) == EC_DABT, "table walk into a hole is an abort");
	tap_note("walk_into_hole_fsc", FSC(e->esr));
	WRITE_ONCE(*l1e, (TESTDEV_BASE + TD_SCRATCH) | 3);
	tlbi_all();
	e = EXC_TRY(*(volatile u64 *)(va + 8 * SZ_1G) = 1);
	check(e->count == 1 && EC(e->esr) == EC_DABT, "table walk into a device is an abort");
	/* Beyond what TCR.IPS allows: stage 1 says so itself. */
	WRITE_ONCE(*l1e, 1UL << 42 | 0x701);
	tlbi_all();
	e = EXC_TRY((void)*(volatile u64 *)(va + 8 * SZ_1G));
	check(e->count == 1 && EC(e->esr) == EC_DABT && FSC_TYPE(e->esr) == 0,
	      "an output address larger than TCR.IPS is an address size fault");
	/* Allowed by stage 1, beyond the 40 bits of the machine's IPA space. */
	if ((read_sysreg(id_aa64mmfr0_el1) & 0xf) >= 5) {
		write_sysreg((tcr & ~(7UL << 32)) | 5UL << 32, tcr_el1);
		isb();
		tlbi_all();
		e = EXC_TRY((void)*(volatile u64 *)(va + 8 * SZ_1G));
		write_sysreg(tcr, tcr_el1);
		isb();
		check(e->count == 1 && EC(e->esr) == EC_DABT,
		      "an address beyond the IPA space is an abort");
		tap_note("beyond_ipa_fsc", FSC(e->esr));
	} else {
		tap_skip("an address beyond the IPA space is an abort",
			 "PARange does not reach there");
	}
	WRITE_ONCE(*l1e, 0);
	tlbi_all();
	mmu_unmap(va, SZ_4K);
}

/* Cleaned by every address that is used with the MMU off, then off, on, and compared. */
static void test_mmu_off(void)
{
	u64 sctlr = read_sysreg(sctlr_el1), page = ram_free(), i, bad = 0, seen;

	for (i = 0; i < 20; i++) {
		*(volatile u64 *)page = i;
		asm volatile("dc civac, %0" ::"r"(page) : "memory");
		dsb(sy);
		/* Registers only between the two writes of SCTLR. */
		asm volatile(
			"dsb sy\n\tmsr sctlr_el1, %2\n\tisb\n\tldr %0, [%1]\n\tadd x9, %0, #1\n\t"
			"str x9, [%1]\n\tdsb sy\n\tmsr sctlr_el1, %3\n\tisb"
			: "=&r"(seen)
			: "r"(page), "r"(sctlr & ~(1UL | 4 | 0x1000)), "r"(sctlr)
			: "x9", "memory");
		asm volatile("dc ivac, %0" ::"r"(page) : "memory");
		dsb(sy);
		bad += seen != i || *(volatile u64 *)page != i + 1;
	}
	check_eq(bad, 0, "MMU and caches off and on again: memory is coherent after maintenance");
	write_sysreg(sctlr & ~0x1004UL, sctlr_el1);
	isb();
	*(volatile u64 *)page = 99;
	seen = *(volatile u64 *)page;
	dsb(sy);
	write_sysreg(sctlr, sctlr_el1);
	isb();
	asm volatile("dc civac, %0" ::"r"(page) : "memory");
	dsb(sy);
	check_eq(seen, 99, "MMU on with caches off");
}

static void test_own_exceptions(void)
{
	const struct exc_info *e;
	u64 pc;

	exc_expect();
	asm volatile("adr %0, 1f\n1:	brk #0x77" : "=r"(pc)::"memory");
	e = exc_taken();
	check(e->count == 1 && EC(e->esr) == EC_BRK && (e->esr & 0xffff) == 0x77 && e->elr == pc,
	      "BRK is taken by the guest with its immediate");
	exc_expect();
	asm volatile("adr %0, 1f\n\tsvc #0x1234\n1:" : "=r"(pc)::"memory");
	e = exc_taken();
	check(e->count == 1 && EC(e->esr) == EC_SVC64 && (e->esr & 0xffff) == 0x1234 &&
		      e->elr == pc,
	      "SVC is taken by the guest and returns to the next instruction");
	e = EXC_TRY(asm volatile(
		"msr spsr_el1, %0; adr x9, 1f; msr elr_el1, x9; eret; 1: nop" ::"r"(0x3cdUL)
		: "x9", "memory"));
	check(e->count >= 1 && EC(e->esr) == EC_ILLEGAL_STATE && e->spsr & BIT(20),
	      "ERET to EL3 is an illegal execution state exception");
	e = EXC_TRY(asm volatile(
		"msr spsr_el1, %0; adr x9, 1f; msr elr_el1, x9; eret; 1: nop" ::"r"(0x3c9UL)
		: "x9", "memory"));
	check(e->count >= 1 && EC(e->esr) == EC_ILLEGAL_STATE,
	      "ERET to EL2 is an illegal execution state exception");
}

extern char overflow_caught[];

/* Recursion on SP_EL0 until it leaves its page; the handler runs on the other stack. */
static void test_stack_overflow(void)
{
	u64 page = ram_free(), va = TEST_VA + SZ_2M, low;
	const struct exc_info *e;

	mmu_map(va, page, SZ_4K, MAP_NORMAL);
	exc_expect_at((u64)overflow_caught);
	/* One block: no compiled code may run on that stack. */
	asm volatile("msr sp_el0, %1\n\tmsr spsel, #0\n1:\tstp x29, x30, [sp, #-16]!\n\tb 1b\n"
		     "overflow_caught: mov %0, sp\n\tmsr spsel, #1"
		     : "=r"(low)
		     : "r"(va + SZ_4K)
		     : "memory");
	e = exc_taken();
	check(is_dabt(e, FSC_TRANSLATION, va - 16) && e->vector == VEC_EL1T + VEC_SYNC,
	      "stack overflow faults right below the stack");
	check_eq(low, va, "the faulting push did not move SP");
	mmu_unmap(va, SZ_4K);
}

int main(void)
{
	test_demand();
	test_code();
	test_straddling();
	test_stage1_faults();
	test_alignment();
	test_beyond_ram();
	test_mmu_off();
	test_own_exceptions();
	test_stack_overflow();
	return 0;
}
