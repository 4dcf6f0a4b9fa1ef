// SPDX-License-Identifier: GPL-2.0
/* When its first instruction was executed, by the physical counter, in ns: see tests/host/launch.c. */
#include "exc.h"
#include "tap.h"
#include "timer.h"

int main(void)
{
	printf("first\t%lu\n", boot_counter * (1000000000UL / read_sysreg(cntfrq_el0)));
	return 0;
}
