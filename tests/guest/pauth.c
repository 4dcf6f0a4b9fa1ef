// SPDX-License-Identifier: GPL-2.0
/*
 * Pointer authentication (Arm ARM D8.8): hidden unless asked for, the first use of it in every form
 * it can have, keys that are each CPU's own and stay through exits of all kinds, and what a wrong
 * signature does. The keys are registers that the hypervisor's host uses too.
 *
 * --param seeds the keys, so that two VMs can differ; the number of rounds is fixed. Results are
 * compared by equality only: the cipher is the implementation's.
 */
#include "el0.h"
#include "gic.h"
#include "leave.h"
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define ROUNDS 800
#define PAUTH  __attribute__((target("arch=armv8.3-a")))
#define EN_ALL (BIT(31) | BIT(30) | BIT(27) | BIT(13)) /* SCTLR_EL1.EnIA, EnIB, EnDA, EnDB */

#define EC_PAC_FAIL 0x1c
#define NR_KEYS	    10

struct keys {
	u64 k[NR_KEYS];
};

/* One value signed with every key, and pacga's of it. */
struct signatures {
	u64 s[5];
};

static struct smp_barrier bar;
static u32 lost_keys[MAX_CPUS], wrong_signature[MAX_CPUS], wrong_auth[MAX_CPUS];
static bool first_ok;

static bool have_pauth(void)
{
	return (read_sysreg(S3_0_C0_C6_1) & 0xff0) || (read_sysreg(S3_0_C0_C6_2) & 0xf000);
}

static void make_keys(struct keys *k, u32 cpu)
{
	u64 x = 0x9e3779b97f4a7c15UL * (cpu + 1) + 0xd1b54a32d192ed03UL * testdev_read(TD_PARAM);
	u32 i;

	for (i = 0; i < NR_KEYS; i++) {
		x ^= x >> 29;
		x *= 0xbf58476d1ce4e5b9UL;
		k->k[i] = x;
	}
}

#define KEY_REGS(X)        \
	X(0, S3_0_C2_C1_0) \
	X(1, S3_0_C2_C1_1) \
	X(2, S3_0_C2_C1_2) \
	X(3, S3_0_C2_C1_3) \
	X(4, S3_0_C2_C2_0) \
	X(5, S3_0_C2_C2_1) \
	X(6, S3_0_C2_C2_2) \
	X(7, S3_0_C2_C2_3) \
	X(8, S3_0_C2_C3_0) \
	X(9, S3_0_C2_C3_1)

static void load_keys(const struct keys *k)
{
#define X(n, reg) write_sysreg(k->k[n], reg);
	KEY_REGS(X)
#undef X
	isb();
}

static void store_keys(struct keys *k)
{
#define X(n, reg) k->k[n] = read_sysreg(reg);
	KEY_REGS(X)
#undef X
}

static void enable(u64 which)
{
	write_sysreg((read_sysreg(sctlr_el1) & ~EN_ALL) | which, sctlr_el1);
	isb();
}

PAUTH static u64 pacga(u64 val, u64 mod)
{
	u64 r;

	asm volatile("pacga %0, %1, %2" : "=r"(r) : "r"(val), "r"(mod));
	return r;
}

#define SIGN(insn, val, mod)                                                \
	({                                                                  \
		u64 p__ = (val);                                            \
		asm volatile(insn " %0, %1" : "+r"(p__) : "r"((u64)(mod))); \
		p__;                                                        \
	})

PAUTH static void sign_all(struct signatures *s, u64 val, u64 mod)
{
	s->s[0] = SIGN("pacia", val, mod);
	s->s[1] = SIGN("pacib", val, mod);
	s->s[2] = SIGN("pacda", val, mod);
	s->s[3] = SIGN("pacdb", val, mod);
	s->s[4] = pacga(val, mod);
}

/* How many of the four authenticate to `val`. */
PAUTH static u32 auth_all(const struct signatures *s, u64 val, u64 mod)
{
	return (SIGN("autia", s->s[0], mod) == val) + (SIGN("autib", s->s[1], mod) == val) +
	       (SIGN("autda", s->s[2], mod) == val) + (SIGN("autdb", s->s[3], mod) == val);
}

/* pacga needs no enable bit, so it is what traps first; then the keys, still those of reset. */
static void test_first_use(void)
{
	const struct exc_info *e;
	struct keys k;
	u64 a;

	e = EXC_TRY(a = pacga(0x1234, 5));
	check(!e->count, "PACGA is the first use and works");
	check(!(a & 0xffffffff), "its low half is 0");
	make_keys(&k, 0);
	load_keys(&k);
	check(pacga(0x1234, 5) != a, "another key, another signature");
}

static void test_disabled(void)
{
	struct signatures s;

	enable(0);
	sign_all(&s, 0x40001000, 7);
	check(s.s[0] == 0x40001000 && s.s[1] == 0x40001000 && s.s[2] == 0x40001000 &&
		      s.s[3] == 0x40001000,
	      "SCTLR.En* = 0: signing does nothing");
	enable(EN_ALL);
	sign_all(&s, 0x40001000, 7);
	check(s.s[0] != 0x40001000 && s.s[1] != 0x40001000 && s.s[2] != 0x40001000 &&
		      s.s[3] != 0x40001000,
	      "SCTLR.En* = 1: every key signs");
	check(s.s[0] != s.s[1] && s.s[1] != s.s[2] && s.s[2] != s.s[3],
	      "every key has a signature of its own");
	check_eq(auth_all(&s, 0x40001000, 7), 4, "a signature authenticates");
}

/* A wrong modifier: AUT faults at once (FPAC), or what it returns does when it is used. */
PAUTH static void test_forged(void)
{
	static u64 word = 0x77;
	u64 p = SIGN("pacda", (u64)&word, 1), q = 0;
	const struct exc_info *e;

	e = EXC_TRY(q = SIGN("autda", p, 1); q = *(volatile u64 *)q);
	check(!e->count && q == 0x77, "an authenticated pointer can be used");
	e = EXC_TRY(q = SIGN("autda", p, 2));
	if (e->count) {
		check(e->count == 1 && EC(e->esr) == EC_PAC_FAIL, "a forged pointer faults");
		return;
	}
	e = EXC_TRY((void)*(volatile u64 *)q);
	check(e->count == 1 && EC(e->esr) == EC_DABT, "a forged pointer faults");
}

PAUTH static void test_el0(void)
{
	const struct exc_frame *f;
	u64 p;

	p = SIGN("pacia", 0x40001000, 9);
	f = el0_run(el0_pacia, 0x40001000);
	check(EC(f->esr) == EC_SVC64 && f->x[0] == p, "EL0 signs with the same keys");
}

/* On a CPU just started: its first use is the write of a key. */
static void first_use(void *arg)
{
	struct keys k, got;
	struct signatures s;

	first_ok = !(read_sysreg(sctlr_el1) & EN_ALL);
	make_keys(&k, 40);
	load_keys(&k);
	store_keys(&got);
	first_ok &= !memcmp(&k, &got, sizeof(k));
	enable(EN_ALL);
	sign_all(&s, 0x40001000, 7);
	first_ok &= auth_all(&s, 0x40001000, 7) == 4;
	enable(0);
}

static void on_irq(u32 id)
{
	if (id == INTID_VTIMER)
		write_sysreg(0, cntv_ctl_el0);
}

static void hold_keys(void *arg)
{
	static u32 done[MAX_CPUS];
	struct signatures want, s;
	struct keys k, got;
	u32 c = cpu_id(), r;

	gic_enable(3);
	gic_enable(INTID_VTIMER);
	make_keys(&k, c);
	load_keys(&k);
	enable(EN_ALL);
	sign_all(&want, 0x40001000, 7);
	smp_barrier_wait(&bar, cpu_count());
	for (r = 0; r < ROUNDS; r++) {
		if (r % 100 == 99) { /* as a kernel that changes tasks */
			make_keys(&k, c + r);
			load_keys(&k);
			sign_all(&want, 0x40001000, 7);
		}
		leave_guest(r);
		sign_all(&s, 0x40001000, 7);
		wrong_signature[c] += !!memcmp(&s, &want, sizeof(s));
		wrong_auth[c] += auth_all(&want, 0x40001000, 7) != 4;
		store_keys(&got);
		lost_keys[c] += !!memcmp(&k, &got, sizeof(k));
	}
	WRITE_ONCE(done[c], 1);
	for (r = 0; r < cpu_count(); r++)
		while (!READ_ONCE(done[r]))
			irq_window();
	enable(0);
	gic_disable(INTID_VTIMER);
	gic_disable(3);
}

static void test_hold(void)
{
	u32 i, keys = 0, sig = 0, auth = 0;

	irq_set_handler(3, on_irq);
	irq_set_handler(INTID_VTIMER, on_irq);
	check(smp_run_all(cpu_count(), hold_keys, NULL, 3600000), "all CPUs come back");
	for (i = 0; i < cpu_count(); i++) {
		keys += lost_keys[i];
		sig += wrong_signature[i];
		auth += wrong_auth[i];
	}
	check_eq(keys, 0, "the keys stay over exits of all kinds");
	check_eq(sig, 0, "what is signed stays the same");
	check_eq(auth, 0, "what was signed still authenticates");
}

int main(void)
{
	tap_note("ID_AA64ISAR1", read_sysreg(S3_0_C0_C6_1));
	if (!have_pauth()) {
		tap_skip("pointer authentication", "the CPU or the device does not have it");
		return 0;
	}
	el0_init();
	test_first_use();
	test_disabled();
	test_forged();
	test_el0();
	enable(0);
	if (cpu_count() < 2)
		tap_skip("a key is the first use on a CPU just started", "one CPU");
	else
		check(smp_start(1, first_use, NULL) == PSCI_SUCCESS && smp_join(1, 5000) &&
			      first_ok,
		      "a key is the first use on a CPU just started");
	test_hold();
	return 0;
}
