// SPDX-License-Identifier: GPL-2.0
/*
 * All CPUs send SGIs to the first without pause, as a hostile guest would: while that one masks
 * interrupts, so that nothing ends what is pending, and while it takes them. Each SGI must arrive,
 * none that nobody sent. Half of --param milliseconds (default 200) each. Arm IHI 0069 (SGIs).
 */
#include "gic.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define NR_SGIS 15 /* number 0 is never sent */

static bool stop;
static u64 sent[MAX_CPUS], taken[16];

static void flood(void *arg)
{
	u64 n = 0;

	while (!READ_ONCE(stop))
		gic_sgi_cpu(1 + n++ % NR_SGIS, 0);
	sent[cpu_id()] = n;
}

static void take(u32 intid)
{
	taken[intid]++;
}

static u32 kinds_taken(void)
{
	u32 i, n = 0;

	for (i = 1; i <= NR_SGIS; i++)
		n += READ_ONCE(taken[i]) != 0;
	return n;
}

int main(void)
{
	u64 half = testdev_read(TD_PARAM), end;
	u32 i, joined = 1, senders = 0;

	half = (half ?: 200) / 2;
	for (i = 0; i <= NR_SGIS; i++) {
		irq_set_handler(i, take);
		gic_enable(i);
	}
	for (i = 1; i < cpu_count(); i++)
		smp_start(i, flood, NULL);
	udelay(half * 1000);
	check_eq(kinds_taken(), 0, "masked, it takes none");
	check(wait_until(kinds_taken() == NR_SGIS, 5000), "unmasked, it takes all of them");
	end = timer_now() + timer_ms(half);
	while (timer_now() < end)
		irq_window();
	WRITE_ONCE(stop, true);
	for (i = 1; i < cpu_count(); i++) {
		joined += smp_join(i, 5000);
		senders += sent[i] != 0;
	}
	check_eq(joined, cpu_count(), "the senders end");
	check_eq(senders, cpu_count() - 1, "all of them have sent");
	irq_window();
	check_eq(taken[0], 0, "the one that nobody sends never comes");
	check_eq(irq_unhandled(), 0, "nor does anything else");
	return 0;
}
