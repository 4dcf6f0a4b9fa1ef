// SPDX-License-Identifier: GPL-2.0
/* See timer.h. Any CPU, no state. */
#include "timer.h"

void udelay(u64 us)
{
	u64 end = timer_now() + timer_us(us);

	while (timer_now() < end)
		cpu_relax();
}
