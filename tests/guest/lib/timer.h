/* SPDX-License-Identifier: GPL-2.0 */
/* The generic timer: time by CNTVCT, and the virtual and physical EL1 timers. */
#ifndef GUEST_TIMER_H
#define GUEST_TIMER_H

#include "arch.h"

#define TIMER_ENABLE  1
#define TIMER_IMASK   2
#define TIMER_ISTATUS 4

static inline u64 timer_now(void)
{
	isb();
	return read_sysreg(cntvct_el0);
}

static inline u64 timer_us(u64 us)
{
	return read_sysreg(cntfrq_el0) * us / 1000000;
}

static inline u64 timer_ms(u64 ms)
{
	return timer_us(ms * 1000);
}

/* Spins; usable with interrupts masked. */
void udelay(u64 us);

/*
 * Repeats `cond` until it holds or `ms` passed; interrupts are opened in each round when they
 * are masked, so that handlers can make it true.
 */
#define wait_until(cond, ms)                                      \
	({                                                        \
		u64 end__ = timer_now() + timer_ms(ms);           \
		bool held__;                                      \
		while (!(held__ = (cond)) && timer_now() < end__) \
			irq_window();                             \
		held__;                                           \
	})

/* CNTPCT_EL0 as the first instruction of the image found it. */
extern u64 boot_counter;

#endif
