// SPDX-License-Identifier: GPL-2.0
/*
 * FP/SIMD state: every V register, FPSR and FPCR of every CPU hold a signature of their own over
 * many exits of all kinds; first use after a trap of the guest's own; traps by CPACR_EL1 are the
 * guest's (Arm ARM D17.2.30).
 *
 * The number of rounds is guest-run's --param (default 10^4; the release test uses 10^6). The
 * compiler makes no FP code here, so only fp_load and fp_store touch these registers.
 */
#include "el0.h"
#include "fp.h"
#include "gic.h"
#include "leave.h"
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define FPCR_FIELDS 0x03c00000UL /* DN, FZ, RMode: those every CPU has */
#define FPSR_FIELDS 0x0800009fUL

static struct smp_barrier bar;
static u32 rounds, mismatches[MAX_CPUS], done[MAX_CPUS];
static u32 switches[MAX_CPUS];

/* A signature that differs in every byte between CPUs, registers and rounds. */
static void sign(struct fp_state *s, u32 cpu, u32 round)
{
	u64 x = 0x9e3779b97f4a7c15UL * (cpu + 1) + 0xd1b54a32d192ed03UL * (round + 1);
	u32 i;

	for (i = 0; i < 64; i++) {
		x ^= x >> 29;
		x *= 0xbf58476d1ce4e5b9UL;
		s->v[i] = x;
	}
	s->fpsr = x & FPSR_FIELDS;
	s->fpcr = x >> 8 & FPCR_FIELDS;
}

static void on_tick(u32 id)
{
	write_sysreg(0, cntv_ctl_el0);
	switches[cpu_id()]++;
}

static void on_sgi(u32 id)
{
	switches[cpu_id()]++;
}

/* Compares all; the first mismatch of a CPU is printed. */
static void hold_signature(void *arg)
{
	static struct fp_state want[MAX_CPUS], got[MAX_CPUS];
	u32 c = cpu_id(), r;
	struct fp_state *w = &want[c], *g = &got[c];

	gic_enable(3);
	gic_enable(INTID_VTIMER);
	fp_trap(3);
	smp_barrier_wait(&bar, cpu_count());
	for (r = 0; r < rounds; r++) {
		/* A new signature now and then; in between the old one must simply stay. */
		if (r % 16 == 0) {
			sign(w, c, r);
			fp_load(w);
		}
		leave_guest(r);
		switches[c]++;
		fp_store(g);
		if (memcmp(w, g, sizeof(*w))) {
			if (!mismatches[c]++)
				printf("# cpu %u round %u: v0 %lx want %lx\n", c, r, g->v[0],
				       w->v[0]);
			fp_load(w);
		}
	}
	WRITE_ONCE(done[c], 1);
	/* The others may still send SGIs here; they are taken until all are done. */
	for (r = 0; r < cpu_count(); r++)
		while (!READ_ONCE(done[r]))
			irq_window();
	gic_disable(INTID_VTIMER);
	gic_disable(3);
	fp_trap(0);
}

static void test_signatures(void)
{
	u32 n = cpu_count(), i, bad = 0, total = 0;

	rounds = testdev_read(TD_PARAM);
	if (!rounds)
		rounds = 10000;
	rounds = (rounds + n - 1) / n;
	irq_set_handler(3, on_sgi);
	irq_set_handler(INTID_VTIMER, on_tick);
	check(smp_run_all(n, hold_signature, NULL, 3600000), "all CPUs come back");
	for (i = 0; i < n; i++) {
		bad += mismatches[i];
		total += switches[i];
	}
	printf("# %u switches on %u CPUs\n", total, n);
	check_eq(bad, 0, "V0-V31, FPSR and FPCR keep their signature over all switches");
	check(total >= rounds * n, "every round left the guest");
}

static void test_reset_state(void)
{
	u64 fpcr;

	check_eq(read_sysreg(cpacr_el1) >> 20 & 3, 0, "FP traps at EL1 after reset");
	fp_trap(3);
	asm volatile(".arch_extension fp\n\tmrs %0, fpcr" : "=r"(fpcr));
	tap_note("fpcr_at_start", fpcr);
	fp_trap(0);
}

static void test_traps(void)
{
	struct fp_state s, t;
	const struct exc_info *e;

	fp_trap(0);
	e = EXC_TRY(asm volatile(".arch_extension fp\n\tfmov x9, d5" ::: "x9", "memory"));
	check(e->count == 1 && EC(e->esr) == EC_FP, "CPACR.FPEN = 0: FP at EL1 traps to EL1");
	e = EXC_TRY(asm volatile(".arch_extension fp\n\tmrs x9, fpsr" ::: "x9", "memory"));
	check(e->count == 1 && EC(e->esr) == EC_FP, "CPACR.FPEN = 0: FPSR traps too");
	check_eq(EC(el0_run(el0_fp, 7)->esr), EC_FP, "CPACR.FPEN = 0: FP at EL0 traps");
	fp_trap(1);
	check_eq(EC(el0_run(el0_fp, 7)->esr), EC_FP, "CPACR.FPEN = 1: FP at EL0 traps");
	e = EXC_TRY(asm volatile(".arch_extension fp\n\tfmov x9, d5" ::: "x9", "memory"));
	check_eq(e->count, 0, "CPACR.FPEN = 1: FP at EL1 works");
	fp_trap(2);
	e = EXC_TRY(asm volatile(".arch_extension fp\n\tfmov x9, d5" ::: "x9", "memory"));
	check(e->count == 1 && EC(e->esr) == EC_FP, "CPACR.FPEN = 2: FP at EL1 traps");
	fp_trap(3);
	{
		const struct exc_frame *f = el0_run(el0_fp, 0x1234567890UL);

		check(EC(f->esr) == EC_SVC64 && f->x[1] == 0x1234567890UL,
		      "CPACR.FPEN = 3: FP at EL0 works");
	}

	/* A lazy guest: traps, then enables and loads, with exits in each state. */
	fp_trap(3);
	sign(&s, 3, 1);
	fp_load(&s);
	fp_trap(0);
	hvc(PSCI_VERSION, 0, 0, 0);
	e = EXC_TRY(asm volatile(".arch_extension fp\n\tfmov x9, d5" ::: "x9", "memory"));
	(void)mmio_read32(0x09000018);
	fp_trap(3);
	fp_store(&t);
	check(e->count == 1 && !memcmp(&s, &t, sizeof(s)),
	      "state survives a trap of the guest's own and exits with FP disabled");
	fp_trap(0);
}

static bool fresh_ok;

static void first_use(void *arg)
{
	struct fp_state s, t;

	fp_trap(3);
	sign(&s, 1, 99);
	fp_load(&s);
	hvc(PSCI_VERSION, 0, 0, 0);
	fp_store(&t);
	fresh_ok = !memcmp(&s, &t, sizeof(s));
	fp_trap(0);
}

static void test_first_use(void)
{
	struct fp_state s, t;

	if (cpu_count() < 2) {
		tap_skip("first use of FP on a CPU just started", "one CPU");
		return;
	}
	fp_trap(3);
	sign(&s, 0, 5);
	fp_load(&s);
	check(smp_start(1, first_use, NULL) == PSCI_SUCCESS && smp_join(1, 5000) && fresh_ok,
	      "first use of FP on a CPU just started");
	fp_store(&t);
	check(!memcmp(&s, &t, sizeof(s)), "it does not disturb this CPU's state");
	fp_trap(0);
}

int main(void)
{
	el0_init();
	test_reset_state();
	test_traps();
	test_first_use();
	test_signatures();
	return 0;
}
