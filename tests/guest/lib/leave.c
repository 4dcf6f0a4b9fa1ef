// SPDX-License-Identifier: GPL-2.0
/* Exits of all kinds, for programs whose state has to survive them. */
#include "gic.h"
#include "leave.h"
#include "psci.h"
#include "smp.h"
#include "timer.h"

void leave_guest(u32 round)
{
	switch (round % 8) {
	case 0:
		hvc(0x8400ff00, 0, 0, 0);
		break;
	case 1:
		(void)mmio_read32(0x09000018); /* to user space */
		break;
	case 2:
		(void)mmio_read32(GICD_BASE + GICD_TYPER);
		break;
	case 3:
		(void)read_sysreg(id_aa64pfr0_el1);
		break;
	case 4:
		write_sysreg(timer_us(20), cntv_tval_el0);
		write_sysreg(TIMER_ENABLE, cntv_ctl_el0);
		isb();
		while (read_sysreg(cntv_ctl_el0) & TIMER_ENABLE) {
			wfi();
			irq_window();
		}
		break;
	case 5:
		gic_sgi_cpu(3, round / 8 % cpu_count());
		irq_window();
		break;
	case 6:
		wfe();
		break;
	case 7:
		irq_window();
		hvc(PSCI_VERSION, 0, 0, 0);
		break;
	}
}
