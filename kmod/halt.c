// SPDX-License-Identifier: GPL-2.0
/*
 * WFI in place: the vCPU's thread halts its CPU itself, in ring 1 with interrupts masked, instead
 * of blocking. Any interrupt ends the halt, the guest's own timer and a doorbell are answered by
 * ring 0's code on the spot, and the guest goes on with its registers, caches and TLB as it left
 * them: no scheduler, idle loop or tick on the way.
 *
 * To Linux the thread runs meanwhile. So it is done only while no other task wants this CPU, and
 * for at most halt_us at a time; then the thread blocks and the host's idle loop takes over. A
 * thread that is bound to this one of several CPUs owns it and has no such limit. halt_us = 0
 * switches all of it off.
 *
 * Called from the run loop's window: IRQs and preemption off, v resident and in ring 1.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "compat/compat.h"
#include "ring0/ring0.h"
#include "run.h"
#include "switch/switch.h"
#include "trap/trap.h"
#include "zvm.h"

static unsigned int zvm_halt_us = 2000;
module_param_named(halt_us, zvm_halt_us, uint, 0644);
MODULE_PARM_DESC(halt_us, "longest halt of a CPU in a guest's WFI, in microseconds; 0: always block (default: 2000)");

/* Something for ring 1 or 2 has come up, which the run loop looks at before each entry. */
static bool zvm_halt_disturbed(struct zvm_vcpu *v)
{
	return (READ_ONCE(v->requests) & ~ZVM_REQS_IRQ) || need_resched() ||
	       signal_pending(current);
}

bool zvm_vcpu_halt(struct zvm_vcpu *v)
{
	bool owned = current->nr_cpus_allowed == 1 && nr_cpu_ids > 1;
	u64 limit = READ_ONCE(zvm_halt_us), from;

	/* With pseudo-NMI masked interrupts do not end a WFI: the idle loop arranges for that. */
	if (!limit || !READ_ONCE(v->vm->vgic.ready) || zvm_compat_prio_masking() ||
	    (v->ctx.hcr & ZVM_HCR_VSE))
		return false;
	limit = limit * read_sysreg(cntfrq_el0) / USEC_PER_SEC;
	from = read_sysreg(cntpct_el0);
	for (;;) {
		smp_store_mb(v->mode, ZVM_IN_GUEST); /* pairs with zvm_vcpu_kick() */
		/*
		 * Disturbed, WFI ends early, as it may. Executed again it could come after the very
		 * interrupt that the guest waits for, and has looked for before the first time.
		 */
		if (zvm_halt_disturbed(v))
			break;
		zvm_vcpu_take_irqs(v);
		if (zvm_vgic_signalled_here(v))
			break;
		if (!single_task_running() ||
		    (!owned && read_sysreg(cntpct_el0) - from >= limit)) {
			WRITE_ONCE(v->mode, ZVM_OUTSIDE);
			return false;
		}
		dsb(sy);
		wfi();
		WRITE_ONCE(v->mode, ZVM_OUTSIDE);
		if (zvm_ring0_irq(&v->ctx) == ZVM_EXIT_IRQ)
			zvm_switch_irq_window(v);
	}
	WRITE_ONCE(v->mode, ZVM_OUTSIDE);
	zvm_skip_instr(v);
	v->stats.wfi_exits++;
	v->stats.halts++;
	return true;
}
