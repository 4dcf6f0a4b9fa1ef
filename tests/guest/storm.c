// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that is lost: every CPU's vectors are in unmapped memory, so that each exception causes
 * the next, without an exit. Nothing ends this program but guest-run's time limit, and that it
 * does is the test (tests/guest/run expects the status of the limit). CPU 0 has an interrupt
 * pending at the same time.
 */
#include "gic.h"
#include "mmu.h"
#include "smp.h"
#include "tap.h"
#include "timer.h"

static void get_lost(void *arg)
{
	gic_enable(INTID_VTIMER);
	write_sysreg(0, cntv_cval_el0);
	write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
	write_sysreg(TEST_VA + 64 * SZ_1G, vbar_el1);
	isb();
	asm volatile("msr daifclr, #0xf\n\tbrk #1" ::: "memory");
}

int main(void)
{
	u32 i;

	check(true, "an exception storm begins");
	for (i = 1; i < cpu_count(); i++)
		smp_start(i, get_lost, NULL);
	get_lost(NULL);
	check(false, "an exception storm does not end by itself");
	return 0;
}
