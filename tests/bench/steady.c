// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that is busy and wants nothing, for tests/host/steady.sh, which counts its exits. With
 * --param N it first takes N interrupts of its timer, says so, and then spins with the timer off.
 * Without, the timer fires each millisecond for good. Does not end.
 */
#include "exc.h"
#include "gic.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

static volatile u32 ticks;
static u32 wanted;
static u64 next;

static void on_timer(u32 intid)
{
	ticks++;
	if (wanted && ticks == wanted) {
		write_sysreg(0, cntv_ctl_el0);
	} else {
		next += timer_ms(1);
		write_sysreg(next, cntv_cval_el0);
	}
	isb();
}

int main(void)
{
	wanted = testdev_read(TD_PARAM);
	irq_set_handler(INTID_VTIMER, on_timer);
	gic_enable(INTID_VTIMER);
	irq_disable();
	next = timer_now() + timer_ms(1);
	write_sysreg(next, cntv_cval_el0);
	write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
	irq_enable();
	while (wanted && ticks != wanted)
		;
	printf("steady %u\n", wanted);
	for (;;)
		;
}
