// SPDX-License-Identifier: GPL-2.0
/*
 * PSCI as a calling convention: versions, features, invalid ids and parameters, 32 and 64-bit
 * forms, SYSTEM_RESET, SYSTEM_RESET2, SYSTEM_OFF (Arm DEN0022 5.x). What the calls do to running
 * CPUs is in smp.c.
 *
 * The program runs several times: each SYSTEM_RESET starts it again. A page of RAM below the image
 * survives and says which round it is and how many results there are so far. So the VMM must keep
 * RAM over a reset, as guest-run and QEMU do; under one that clears it this starts over for ever.
 */
#include "psci.h"
#include "gic.h"
#include "mmu.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

struct state {
	u64 magic;
	u32 round;
	u32 results;
	u32 failures;
};
#define STATE ((struct state *)0x40070000UL)
#define MAGIC 0x5053434952455345UL

static void clean(u64 addr)
{
	asm volatile("dc civac, %0" ::"r"(addr) : "memory");
	dsb(sy);
}

static void test_features(void)
{
	static const struct {
		u32 fn;
		const char *name;
	} mandatory[] = {
		{ PSCI_VERSION, "PSCI_FEATURES knows PSCI_VERSION" },
		{ PSCI_CPU_SUSPEND64, "PSCI_FEATURES knows CPU_SUSPEND" },
		{ PSCI_CPU_OFF, "PSCI_FEATURES knows CPU_OFF" },
		{ PSCI_CPU_ON64, "PSCI_FEATURES knows CPU_ON" },
		{ PSCI_CPU_ON32, "PSCI_FEATURES knows CPU_ON in its 32-bit form" },
		{ PSCI_AFFINITY_INFO64, "PSCI_FEATURES knows AFFINITY_INFO" },
		{ PSCI_SYSTEM_OFF, "PSCI_FEATURES knows SYSTEM_OFF" },
		{ PSCI_SYSTEM_RESET, "PSCI_FEATURES knows SYSTEM_RESET" },
		{ PSCI_FEATURES, "PSCI_FEATURES knows itself" },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(mandatory); i++)
		check(hvc(PSCI_FEATURES, mandatory[i].fn, 0, 0) >= 0, mandatory[i].name);
	check_eq(hvc(PSCI_FEATURES, 0x84000fff, 0, 0), PSCI_NOT_SUPPORTED,
		 "PSCI_FEATURES of an unknown function is NOT_SUPPORTED");
	check_eq(hvc(PSCI_FEATURES, 0xc4000008, 0, 0), PSCI_NOT_SUPPORTED,
		 "there is no 64-bit SYSTEM_OFF");
	tap_note("cpu_suspend_flags", (u64)hvc(PSCI_FEATURES, PSCI_CPU_SUSPEND64, 0, 0));
}

/* Up to 0x4f: from 0x50 on the same range holds the TRNG functions (DEN0098). */
static void test_invalid_ids(void)
{
	u32 fn, bad = 0;

	for (fn = 0x84000020; fn < 0x84000050; fn++)
		if (hvc(fn, 1, 2, 3) != PSCI_NOT_SUPPORTED)
			bad++;
	check_eq(bad, 0, "unallocated 32-bit functions are NOT_SUPPORTED");
	for (bad = 0, fn = 0xc4000020; fn < 0xc4000050; fn++)
		if (hvc(fn, 1, 2, 3) != PSCI_NOT_SUPPORTED)
			bad++;
	check_eq(bad, 0, "unallocated 64-bit functions are NOT_SUPPORTED");
	check_eq(hvc(0xc4000000, 0, 0, 0), PSCI_NOT_SUPPORTED, "there is no 64-bit PSCI_VERSION");
	check_eq(hvc(0xc4000009, 0, 0, 0), PSCI_NOT_SUPPORTED, "there is no 64-bit SYSTEM_RESET");
	if (testdev_present())
		check_eq(hvc(0, 0, 0, 0), PSCI_NOT_SUPPORTED, "function 0 is NOT_SUPPORTED");
	else
		tap_skip("function 0 is NOT_SUPPORTED", "plain QEMU");
}

static void test_affinity(void)
{
	u64 me = cpus[0].mpidr;

	check_eq(psci_affinity_info(me, 0), PSCI_AFFINITY_ON, "AFFINITY_INFO of the caller is ON");
	check_eq(hvc(PSCI_AFFINITY_INFO32, me, 0, 0), PSCI_AFFINITY_ON,
		 "AFFINITY_INFO in its 32-bit form");
	check_eq(psci_affinity_info(0xff00ffff77UL, 0), PSCI_INVALID_PARAMS,
		 "AFFINITY_INFO of a CPU that does not exist is INVALID_PARAMETERS");
	if (testdev_present())
		check_eq(psci_affinity_info(me, 4), PSCI_INVALID_PARAMS,
			 "AFFINITY_INFO of an affinity level above 3 is INVALID_PARAMETERS");
	else
		tap_skip("AFFINITY_INFO of an affinity level above 3 is INVALID_PARAMETERS",
			 "plain QEMU says ON");
	if (cpu_count() > 1)
		check_eq(psci_affinity_info(cpus[1].mpidr, 0), PSCI_AFFINITY_OFF,
			 "AFFINITY_INFO of a CPU that never ran is OFF");
	else
		tap_skip("AFFINITY_INFO of a CPU that never ran is OFF", "one CPU");
}

static void test_migrate(void)
{
	s64 r = hvc(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0);

	check(r == 2 || r == PSCI_NOT_SUPPORTED, "MIGRATE_INFO_TYPE: no trusted OS to migrate");
	check_eq(hvc(0x84000005, cpus[0].mpidr, 0, 0), PSCI_NOT_SUPPORTED,
		 "MIGRATE is NOT_SUPPORTED");
}

/* A standby state keeps everything and returns at the next interrupt. */
static void test_suspend(void)
{
	u64 from = timer_now();
	s64 r;

	gic_enable(INTID_VTIMER);
	write_sysreg(timer_us(2000), cntv_tval_el0);
	write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
	isb();
	r = hvc(PSCI_CPU_SUSPEND64, 0, 0, 0);
	check_eq(r, PSCI_SUCCESS, "CPU_SUSPEND to standby returns SUCCESS");
	check(timer_now() - from >= timer_us(2000) || read_sysreg(cntv_ctl_el0) & TIMER_ISTATUS ||
		      !testdev_present(),
	      "CPU_SUSPEND to standby lasts until the interrupt");
	write_sysreg(0, cntv_ctl_el0);
	gic_disable(INTID_VTIMER);
}

/* Ends the round: saves the counters, then makes the call, which must not return. */
static void reset(u32 next_round, u32 fn, u64 type, const char *name)
{
	STATE->round = next_round;
	STATE->results = tap_count();
	STATE->failures = tap_failures();
	clean((u64)STATE);
	hvc(fn, type, 0, 0);
	check(false, name);
	tap_done();
}

int main(void)
{
	if (STATE->magic != MAGIC || STATE->round == 0 || STATE->round > 2) {
		STATE->magic = MAGIC;
		STATE->round = 0;
	}
	if (STATE->round)
		tap_restore(STATE->results, STATE->failures);

	switch (STATE->round) {
	case 0:
		test_features();
		test_invalid_ids();
		test_affinity();
		test_migrate();
		test_suspend();
		reset(1, PSCI_SYSTEM_RESET, 0, "SYSTEM_RESET does not return");
		break;
	case 1:
		check(true, "SYSTEM_RESET starts the image again");
		if (testdev_present()) {
			check_eq(testdev_read(TD_RESETS), 1, "the VMM saw one reset");
			check_eq(testdev_read(TD_RESET_FLAGS), 0, "SYSTEM_RESET has no flags");
		} else {
			tap_skip("the VMM saw one reset", "needs guest-run's test device");
			tap_skip("SYSTEM_RESET has no flags", "needs guest-run's test device");
		}
		check_eq(read_sysreg(cntv_ctl_el0) & TIMER_ENABLE, 0,
			 "timers are off after a reset");
		check_eq(read_sysreg(daif) & 0x3c0, 0x3c0, "interrupts are masked after a reset");
		if (cpu_count() > 1)
			check_eq(psci_affinity_info(cpus[1].mpidr, 0), PSCI_AFFINITY_OFF,
				 "secondary CPUs are off after a reset");
		else
			tap_skip("secondary CPUs are off after a reset", "one CPU");
		if (hvc(PSCI_FEATURES, PSCI_SYSTEM_RESET2_64, 0, 0) < 0) {
			tap_skip("SYSTEM_RESET2 starts the image again", "not supported here");
			break;
		}
		check_eq(hvc(PSCI_SYSTEM_RESET2_64, 1, 0, 0), PSCI_INVALID_PARAMS,
			 "SYSTEM_RESET2 of an unknown architectural type is INVALID_PARAMETERS");
		reset(2, PSCI_SYSTEM_RESET2_64, 0, "SYSTEM_RESET2 does not return");
		break;
	case 2:
		check(true, "SYSTEM_RESET2 starts the image again");
		check_eq(testdev_read(TD_RESET_FLAGS), 1,
			 "SYSTEM_RESET2 is marked as such for the VMM");
		break;
	}
	STATE->magic = 0;
	clean((u64)STATE);
	return 0;
}
