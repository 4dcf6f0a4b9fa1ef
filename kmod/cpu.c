// SPDX-License-Identifier: GPL-2.0
/*
 * Physical CPUs coming and going: hotplug, deep idle, reboot. Each CPU's host registers are kept
 * as found; whatever of a guest is in a CPU goes to memory before the CPU goes away.
 */
#include <linux/cpu.h>
#include <linux/cpu_pm.h>
#include <linux/cpuhotplug.h>
#include <linux/reboot.h>
#include <linux/stop_machine.h>

#include "host.h"
#include "zvm.h"

static enum cpuhp_state zvm_cpuhp;

static int zvm_cpu_online(unsigned int cpu)
{
	struct zvm_cpu *c = this_cpu_ptr(&zvm_cpus);
	unsigned long flags;

	local_irq_save(flags);
	c->host_hcr = read_sysreg(hcr_el2);
	c->host_cnthctl = read_sysreg(cnthctl_el2);
	c->resident = NULL;
	c->closed = false;
	local_irq_restore(flags);
	zvm_irq_cpu_online();
	return 0;
}

/*
 * This CPU is the host's alone from now on, and as it was found. On a thread of the host's: a vCPU
 * that is resident is not in ring 1 then, as it could be under an interrupt.
 */
static int zvm_cpu_close(void *unused)
{
	struct zvm_cpu *c = this_cpu_ptr(&zvm_cpus);
	unsigned long flags;

	local_irq_save(flags);
	c->closed = true; /* zvm_resident_make() looks at it with IRQs off on this CPU */
	zvm_resident_evict_local();
	/* the bits of our own only: Linux changes others of this register at run time */
	write_sysreg((read_sysreg(cnthctl_el2) & ~ZVM_CNTHCTL_EL1) |
			     (c->host_cnthctl & ZVM_CNTHCTL_EL1),
		     cnthctl_el2);
	local_irq_restore(flags);
	zvm_irq_cpu_offline();
	return 0;
}

static int zvm_cpu_offline(unsigned int cpu)
{
	return zvm_cpu_close(NULL);
}

/*
 * Idle states that lose the timer or the EL1 registers; IRQs are off. The firmware keeps what the
 * redistributor holds, but after hibernation it is as the kernel set it that loaded the image.
 */
static int zvm_cpu_pm(struct notifier_block *nb, unsigned long action, void *arg)
{
	if (action == CPU_PM_ENTER)
		zvm_resident_evict_local();
	else if (action == CPU_PM_EXIT && !this_cpu_ptr(&zvm_cpus)->closed)
		zvm_irq_cpu_resume();
	return NOTIFY_OK;
}

static struct notifier_block zvm_cpu_pm_nb = { .notifier_call = zvm_cpu_pm };

/* Reboot and kexec: the next kernel finds the CPUs and their interrupts as this one did. */
static int zvm_cpu_reboot(struct notifier_block *nb, unsigned long action, void *arg)
{
	stop_machine(zvm_cpu_close, NULL, cpu_online_mask);
	return NOTIFY_OK;
}

static struct notifier_block zvm_reboot_nb = { .notifier_call = zvm_cpu_reboot };

int zvm_cpu_init(void)
{
	int cpu, ret;

	/* A CPU on its way up may be idle (CPU_PM_EXIT) before zvm_cpu_online() was there. */
	for_each_possible_cpu(cpu)
		per_cpu(zvm_cpus, cpu).closed = true;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "zvm:online", zvm_cpu_online, zvm_cpu_offline);
	if (ret < 0)
		return ret;
	zvm_cpuhp = ret;
	ret = cpu_pm_register_notifier(&zvm_cpu_pm_nb);
	if (ret)
		goto fail_cpuhp;
	ret = register_reboot_notifier(&zvm_reboot_nb);
	if (ret)
		goto fail_pm;
	return 0;
fail_pm:
	cpu_pm_unregister_notifier(&zvm_cpu_pm_nb);
fail_cpuhp:
	cpuhp_remove_state(zvm_cpuhp);
	return ret;
}

void zvm_cpu_exit(void)
{
	unregister_reboot_notifier(&zvm_reboot_nb);
	cpu_pm_unregister_notifier(&zvm_cpu_pm_nb);
	cpuhp_remove_state(zvm_cpuhp);
}
