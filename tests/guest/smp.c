// SPDX-License-Identifier: GPL-2.0
/*
 * Several CPUs: PSCI CPU_ON, CPU_OFF, AFFINITY_INFO and CPU_SUSPEND at work, IPIs back and forth,
 * locks under contention, TLB maintenance by broadcast, and two litmus tests of memory ordering.
 * Arm DEN0022 (PSCI), Arm ARM B2 (memory model), D8.14 (TLB maintenance).
 */
#include "gic.h"
#include "mmu.h"
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

static struct smp_barrier bar;
static u32 hits;

static void hit(void *arg)
{
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
}

static u64 seen_mpidr, seen_el, seen_arg;

static void look(void *arg)
{
	seen_mpidr = read_sysreg(mpidr_el1);
	seen_el = read_sysreg(CurrentEL);
	seen_arg = (u64)arg;
}

/* Raw entry: MMU off, no stack; x0 is the context id. Stores and switches itself off. */
extern u64 raw_entry_result[3];
u64 raw_entry_result[3] __attribute__((aligned(64)));
void raw_entry(void);
asm(".global raw_entry\n"
    "raw_entry:\n"
    "	adrp	x1, raw_entry_result\n"
    "	add	x1, x1, :lo12:raw_entry_result\n"
    "	mrs	x2, sctlr_el1\n"
    "	stp	x0, x2, [x1]\n"
    "	mrs	x2, daif\n"
    "	str	x2, [x1, #16]\n"
    "	dsb	sy\n"
    "	movz	w0, #0x0002\n"
    "	movk	w0, #0x8400, lsl #16\n"
    "	hvc	#0\n"
    "1:	b	1b\n");

static void invalidate_result(void)
{
	asm volatile("dc civac, %0" ::"r"(raw_entry_result) : "memory");
	dsb(sy);
}

static void test_cpu_on(void)
{
	u64 one = cpus[1].mpidr;
	bool off;

	check_eq(psci_cpu_on(cpus[0].mpidr, (u64)secondary_entry, 0), PSCI_ALREADY_ON,
		 "CPU_ON of the caller is ALREADY_ON");
	check_eq(psci_cpu_on(0xff00ffff77UL, (u64)secondary_entry, 0), PSCI_INVALID_PARAMS,
		 "CPU_ON of a CPU that does not exist is INVALID_PARAMETERS");

	invalidate_result();
	check_eq(psci_cpu_on(one, (u64)raw_entry, 0xc0ffee1234567890UL), PSCI_SUCCESS, "CPU_ON");
	off = wait_until(psci_affinity_info(one, 0) == PSCI_AFFINITY_OFF, 3000);
	/* OFF is also what a CPU says that has not begun: wait for what it writes. */
	wait_until((invalidate_result(), raw_entry_result[0] != 0), 3000);
	off = wait_until(psci_affinity_info(one, 0) == PSCI_AFFINITY_OFF, 3000) && off;
	check(off, "CPU_OFF makes AFFINITY_INFO say OFF");
	check_eq(raw_entry_result[0], 0xc0ffee1234567890UL,
		 "the CPU starts with the context id in x0");
	check_eq(raw_entry_result[1] & 0x1005, 0, "the CPU starts with MMU and caches off");
	check_eq(raw_entry_result[2], 0x3c0, "the CPU starts with all exceptions masked");

	check_eq(smp_start(1, look, (void *)0x77), PSCI_SUCCESS, "CPU_ON once more");
	check(smp_join(1, 3000), "it ran and is off again");
	check_eq(seen_mpidr & 0xff00ffffffUL, one, "it has its own MPIDR");
	check_eq(seen_el >> 2, 1, "it runs at EL1");
	check_eq(seen_arg, 0x77, "it got its argument");
}

static bool release;

static void wait_for_release(void *arg)
{
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
	while (!READ_ONCE(release))
		cpu_relax();
}

static void test_already_on(void)
{
	s64 first, second;

	release = false;
	hits = 0;
	first = smp_start(1, wait_for_release, NULL);
	/* At once: the CPU may still be on its way. */
	second = psci_cpu_on(cpus[1].mpidr, (u64)secondary_entry, (u64)&cpus[1]);
	check(first == PSCI_SUCCESS && (second == PSCI_ALREADY_ON || second == PSCI_ON_PENDING),
	      "CPU_ON at once after CPU_ON is ALREADY_ON or ON_PENDING");
	wait_until(READ_ONCE(hits) == 1, 3000);
	check_eq(psci_cpu_on(cpus[1].mpidr, (u64)secondary_entry, (u64)&cpus[1]), PSCI_ALREADY_ON,
		 "CPU_ON of a running CPU is ALREADY_ON");
	check_eq(psci_affinity_info(cpus[1].mpidr, 0), PSCI_AFFINITY_ON,
		 "AFFINITY_INFO of a running CPU is ON");
	WRITE_ONCE(release, true);
	check(smp_join(1, 3000), "and OFF when it has ended");
}

/* 200 times, or guest-run's --param up to 1000. */
static void test_on_off(void)
{
	u32 rounds = testdev_read(TD_PARAM), i, bad = 0;

	if (!rounds)
		rounds = 200;
	if (rounds > 1000)
		rounds = 1000;
	hits = 0;
	for (i = 0; i < rounds && !bad; i++) {
		bad += smp_start(1, hit, NULL) != PSCI_SUCCESS;
		bad += !smp_join(1, 5000);
	}
	check(!bad && hits == rounds, "on and off again and again");
}

static void test_all_on(void)
{
	u32 n = cpu_count();

	hits = 0;
	check(smp_run_all(n, hit, NULL, 5000) && hits == n, "all CPUs run and come back");
}

/* CPU_SUSPEND */

static s64 suspend_result;
static u64 resume_context;

static void resumed(void *arg)
{
	resume_context = 1;
}

static void suspend_powerdown(void *arg)
{
	irq_set_handler(5, NULL);
	gic_enable(5);
	WRITE_ONCE(hits, 1);
	cpus[1].fn = resumed;
	/*
	 * StateType 1 = powerdown. Either powers down and resumes at the entry, or acts as standby,
	 * which like WFI may end without an interrupt.
	 */
	do
		suspend_result =
			hvc(PSCI_CPU_SUSPEND64, BIT(16), (u64)secondary_entry, (u64)&cpus[1]);
	while (suspend_result == PSCI_SUCCESS && !(read_sysreg(isr_el1) & BIT(7)));
	resume_context = 2;
}

static void test_suspend(void)
{
	hits = 0;
	resume_context = 0;
	suspend_result = -99;
	smp_start(1, suspend_powerdown, NULL);
	wait_until(READ_ONCE(hits) == 1, 3000);
	udelay(5000);
	check_eq(psci_affinity_info(cpus[1].mpidr, 0), PSCI_AFFINITY_ON,
		 "a suspended CPU counts as ON");
	gic_sgi_cpu(5, 1);
	check(smp_join(1, 5000), "CPU_SUSPEND to powerdown ends by an interrupt");
	check(resume_context == 1 || (resume_context == 2 && suspend_result == PSCI_SUCCESS),
	      "and resumes at the entry or as after standby");
	tap_note("suspend_powerdown_resumes_at_entry", resume_context == 1);
}

/* IPIs back and forth: each side answers the other's SGI, asleep in WFI meanwhile. */
#define PINGS 500
static u32 pings, pongs;

static void on_ping(u32 id)
{
	pings++;
	gic_sgi_cpu(2, 0);
}

static void on_pong(u32 id)
{
	if (++pongs < PINGS)
		gic_sgi_cpu(1, 1);
}

static void ping_side(void *arg)
{
	gic_enable(1);
	WRITE_ONCE(hits, 1);
	while (READ_ONCE(pings) < PINGS) {
		wfi();
		irq_window();
	}
}

static void test_ping_pong(void)
{
	pings = pongs = hits = 0;
	irq_set_handler(1, on_ping);
	irq_set_handler(2, on_pong);
	gic_enable(2);
	smp_start(1, ping_side, NULL);
	wait_until(READ_ONCE(hits) == 1, 3000);
	gic_sgi_cpu(1, 1);
	while (READ_ONCE(pongs) < PINGS && READ_ONCE(pings) <= PINGS) {
		u64 from = timer_now();

		wfi();
		irq_window();
		if (timer_now() - from > timer_ms(20000))
			break;
	}
	check_eq(pongs, PINGS, "500 IPIs there and back, both asleep between");
	check(smp_join(1, 5000), "the other side ends");
	gic_disable(2);
}

/* Locks */

static struct spinlock lock;
static u64 shared_a, shared_b;
static u32 lock_kind;

static void lse_lock(u32 *l)
{
	u32 old;

	do {
		asm volatile(".arch_extension lse\n\tswpa %w2, %w0, [%1]"
			     : "=&r"(old)
			     : "r"(l), "r"(1)
			     : "memory");
	} while (old);
}

#define ROUNDS 2000
static void contend(void *arg)
{
	u32 i;

	smp_barrier_wait(&bar, cpu_count());
	for (i = 0; i < ROUNDS; i++) {
		if (lock_kind)
			lse_lock(&lock.v);
		else
			spin_lock(&lock);
		shared_a++;
		shared_b += 3;
		spin_unlock(&lock);
	}
}

static void test_locks(void)
{
	u32 n = cpu_count();

	shared_a = shared_b = lock_kind = 0;
	check(smp_run_all(n, contend, NULL, 60000) && shared_a == (u64)n * ROUNDS &&
		      shared_b == 3 * shared_a,
	      "a lock by exclusives holds under contention");
	if ((read_sysreg(S3_0_C0_C6_0) >> 20 & 0xf) < 2) {
		tap_skip("a lock by LSE atomics holds under contention", "no LSE");
		return;
	}
	shared_a = shared_b = 0;
	lock_kind = 1;
	check(smp_run_all(n, contend, NULL, 60000) && shared_a == (u64)n * ROUNDS &&
		      shared_b == 3 * shared_a,
	      "a lock by LSE atomics holds under contention");
}

/*
 * One CPU changes a mapping and broadcasts the invalidation, the other reads through it all the
 * time. After the DSB no read may return what the old page holds.
 */
static u32 tlb_round, tlb_seen;
static u32 tlb_bad;
#define TLB_ROUNDS 200

/* A translation fault while the entry is broken: simply try again. */
static bool fault_again(struct exc_frame *f, u32 vector)
{
	return EC(f->esr) == EC_DABT && FSC_TYPE(f->esr) == FSC_TRANSLATION;
}

static void tlb_reader(void *arg)
{
	u32 r, v;

	exc_set_sync(fault_again);
	for (r = 1; r <= TLB_ROUNDS; r++) {
		while (__atomic_load_n(&tlb_round, __ATOMIC_ACQUIRE) < r)
			(void)*(volatile u32 *)TEST_VA; /* keeps the entry in the TLB */
		v = *(volatile u32 *)TEST_VA;
		if (v != (r & 1))
			tlb_bad++;
		__atomic_store_n(&tlb_seen, r, __ATOMIC_RELEASE);
	}
}

static void test_tlb_broadcast(void)
{
	u64 page = ram_free(), old;
	u64 *pte;
	u32 r;
	bool alive = true;

	*(volatile u32 *)page = 0;
	*(volatile u32 *)(page + SZ_4K) = 1;
	mmu_map(TEST_VA, page, SZ_4K, MAP_NORMAL);
	pte = mmu_pte(TEST_VA);
	old = *pte;
	tlb_round = tlb_seen = tlb_bad = 0;
	smp_start(1, tlb_reader, NULL);
	for (r = 1; r <= TLB_ROUNDS && alive; r++) {
		/* Break, invalidate, make: the reader may fault between, and reads again. */
		WRITE_ONCE(*pte, 0);
		tlbi_va(TEST_VA);
		WRITE_ONCE(*pte, (old & ~0xfffffffff000UL) | (page + (r & 1) * SZ_4K));
		dsb(ishst);
		isb();
		__atomic_store_n(&tlb_round, r, __ATOMIC_RELEASE);
		alive = wait_until(__atomic_load_n(&tlb_seen, __ATOMIC_ACQUIRE) == r, 5000);
	}
	check(alive && smp_join(1, 5000), "the reader keeps up");
	check_eq(tlb_bad, 0, "TLBI broadcast is seen by the other CPU");
	mmu_unmap(TEST_VA, SZ_4K);
}

/* Code changed by one CPU, run by another: IC IVAU is broadcast. */
static void run_it(void *arg)
{
	isb();
	hits = ((u32(*)(void))arg)();
}

static void test_code_broadcast(void)
{
	u32 *code = (u32 *)(ram_free() + SZ_2M);
	u32 i, bad = 0;

	for (i = 0; i < 50; i++) {
		code[0] = 0x52800000U | i << 5; /* mov w0, #i */
		code[1] = 0xd65f03c0U;		/* ret */
		sync_code((u64)code, 8);
		bad += smp_start(1, run_it, code) != PSCI_SUCCESS || !smp_join(1, 5000) ||
		       hits != i;
	}
	check_eq(bad, 0, "code written by one CPU runs on another in its new form");
}

/* Litmus: message passing and store buffering. */
#define LITMUS_ROUNDS 2000
static struct {
	u64 x, pad1[15], y, pad2[15], r0, pad3[15], r1;
} lit __attribute__((aligned(128)));
static struct smp_barrier lit_bar;
static u32 lit_bad;

static void mp_reader(void *arg)
{
	u32 i;
	u64 flag, data;

	for (i = 1; i <= LITMUS_ROUNDS; i++) {
		do {
			flag = READ_ONCE(lit.y);
			dmb(ishld);
			data = READ_ONCE(lit.x);
			if (data < flag)
				lit_bad++;
		} while (flag < i);
	}
}

static void sb_other(void *arg)
{
	u32 i;

	for (i = 0; i < LITMUS_ROUNDS; i++) {
		smp_barrier_wait(&lit_bar, 2);
		WRITE_ONCE(lit.y, 1);
		dmb(ish);
		lit.r1 = READ_ONCE(lit.x);
		smp_barrier_wait(&lit_bar, 2);
		smp_barrier_wait(&lit_bar, 2);
	}
}

static void test_ordering(void)
{
	u32 i;

	lit.x = lit.y = lit_bad = 0;
	smp_start(1, mp_reader, NULL);
	for (i = 1; i <= LITMUS_ROUNDS; i++) {
		WRITE_ONCE(lit.x, i);
		dmb(ishst);
		WRITE_ONCE(lit.y, i);
	}
	check(smp_join(1, 20000) && !lit_bad, "message passing with DMB never shows old data");

	lit_bad = 0;
	smp_start(1, sb_other, NULL);
	for (i = 0; i < LITMUS_ROUNDS; i++) {
		lit.x = lit.y = 0;
		smp_barrier_wait(&lit_bar, 2);
		WRITE_ONCE(lit.x, 1);
		dmb(ish);
		lit.r0 = READ_ONCE(lit.y);
		smp_barrier_wait(&lit_bar, 2);
		if (!lit.r0 && !READ_ONCE(lit.r1))
			lit_bad++;
		smp_barrier_wait(&lit_bar, 2);
	}
	check(smp_join(1, 20000) && !lit_bad, "store buffering with DMB never shows two zeroes");
}

/* WFE sleeps until another CPU's store to the monitored line, or its SEV. */
static void event_sender(void *arg)
{
	udelay(3000);
	WRITE_ONCE(lit.x, 5);
	dsb(ish);
	sev();
}

static void test_events(void)
{
	u64 end = timer_now() + timer_ms(10000), v;

	lit.x = 0;
	smp_start(1, event_sender, NULL);
	do {
		asm volatile("sevl\n\twfe\n\tldxr %0, [%1]" : "=&r"(v) : "r"(&lit.x) : "memory");
		if (!v)
			wfe();
	} while (READ_ONCE(lit.x) != 5 && timer_now() < end);
	check_eq(lit.x, 5, "WFE on an exclusive monitor ends by another CPU's store");
	check(smp_join(1, 5000), "the sender ends");
}

int main(void)
{
	u32 i, j, bad = 0;

	for (i = 0; i < cpu_count(); i++)
		for (j = 0; j < i; j++)
			bad += cpus[i].mpidr == cpus[j].mpidr;
	check_eq(bad, 0, "all MPIDRs differ");
	tap_note("mpidr1", cpus[1].mpidr);
	if (cpu_count() < 2) {
		tap_skip("several CPUs", "one CPU");
		return 0;
	}
	test_cpu_on();
	test_already_on();
	test_on_off();
	test_all_on();
	test_suspend();
	test_ping_pong();
	test_locks();
	test_tlb_broadcast();
	test_code_broadcast();
	test_ordering();
	test_events();
	return 0;
}
