// SPDX-License-Identifier: GPL-2.0
/*
 * The host's per-CPU interrupts that a guest needs: virtual and physical EL1 timer, vGIC
 * maintenance. Numbers come from the device tree; the interrupts are requested like any driver's,
 * which also tells whether somebody else (in-tree KVM) has them.
 *
 * The timers' PPIs are declared forwarded to a vCPU: Linux's EOI drops the priority and leaves
 * them active, the guest's deactivation (or timer.c) ends them.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/of.h>
#include <linux/of_irq.h>

#include "gic.h"
#include "host.h"
#include "zvm.h"

#undef pr_fmt
#define pr_fmt(fmt) "zvm: " fmt

static irqreturn_t zvm_maintenance_irq(int irq, void *dev)
{
	struct zvm_vcpu *v = this_cpu_ptr(&zvm_cpus)->resident;

	if (!read_sysreg_s(SYS_ICH_MISR_EL2))
		return IRQ_HANDLED; /* a doorbell, for a vCPU that has left the guest since */
	if (v) {
		v->stats.maintenance_irqs++;
		zvm_vgic_maintenance(v);
	} else {
		write_sysreg_s(0, SYS_ICH_HCR_EL2); /* nobody's: make it silent */
	}
	return IRQ_HANDLED;
}

struct zvm_ppi {
	const char *name;
	irq_handler_t handler;
	unsigned int *irq;
	u32 *intid;
	bool forwarded;
	bool requested;
};

static struct zvm_ppi zvm_ppis[] = {
	{ "zvm-vtimer", zvm_timer_irq, &zvm_host.irq_vtimer, &zvm_host.ppi_vtimer, true },
	{ "zvm-ptimer", zvm_timer_irq, &zvm_host.irq_ptimer, &zvm_host.ppi_ptimer, true },
	{ "zvm-maint", zvm_maintenance_irq, &zvm_host.irq_maint, &zvm_host.ppi_maint, false },
};

/* Index in "interrupts" of the arm,armv8-timer node: by name where there are names. */
static int zvm_timer_dt_index(struct device_node *np, const char *name, int index)
{
	int i = of_property_match_string(np, "interrupt-names", name);

	return i >= 0 ? i : index;
}

static unsigned int zvm_irq_map(const char *compatible, const char *name, int index)
{
	struct device_node *np = of_find_compatible_node(NULL, NULL, compatible);
	unsigned int irq;

	if (!np)
		return 0;
	if (name)
		index = zvm_timer_dt_index(np, name, index);
	irq = irq_of_parse_and_map(np, index);
	of_node_put(np);
	return irq;
}

static u32 zvm_irq_intid(unsigned int irq)
{
	struct irq_data *d = irq_get_irq_data(irq);

	while (d && d->parent_data)
		d = d->parent_data;
	return d ? irqd_to_hwirq(d) : 0;
}

static void zvm_irq_enable(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(zvm_ppis); i++)
		enable_percpu_irq(*zvm_ppis[i].irq, irq_get_trigger_type(*zvm_ppis[i].irq));
}

void zvm_irq_cpu_online(void)
{
	zvm_irq_enable();
	zvm_gic_cpu_online();
}

void zvm_irq_cpu_resume(void)
{
	if (zvm_gic_cpu_kept())
		return;
	zvm_gic_cpu_restore();
	zvm_irq_enable();
}

void zvm_irq_cpu_offline(void)
{
	int i;

	zvm_gic_cpu_offline();
	for (i = 0; i < ARRAY_SIZE(zvm_ppis); i++) {
		irq_set_irqchip_state(*zvm_ppis[i].irq, IRQCHIP_STATE_ACTIVE, false);
		disable_percpu_irq(*zvm_ppis[i].irq);
	}
}

int zvm_irq_init(void)
{
	int i, ret;

	zvm_host.irq_ptimer = zvm_irq_map("arm,armv8-timer", "phys", 1);
	zvm_host.irq_vtimer = zvm_irq_map("arm,armv8-timer", "virt", 2);
	zvm_host.irq_maint = zvm_irq_map("arm,gic-v3", NULL, 0);
	if (!zvm_host.irq_ptimer || !zvm_host.irq_vtimer || !zvm_host.irq_maint) {
		pr_err("the device tree lacks the %s interrupt: describe it in the node of the %s\n",
		       !zvm_host.irq_vtimer ? "virtual timer" :
		       !zvm_host.irq_ptimer ? "physical EL1 timer" : "GIC maintenance",
		       !zvm_host.irq_maint ? "GIC" : "timer");
		return -ENODEV;
	}
	for (i = 0; i < ARRAY_SIZE(zvm_ppis); i++) {
		struct zvm_ppi *p = &zvm_ppis[i];

		*p->intid = zvm_irq_intid(*p->irq);
		ret = request_percpu_irq(*p->irq, p->handler, p->name, &zvm_cpus);
		if (ret == -EBUSY) {
			pr_err("interrupt %u (%s) is in use: in-tree KVM is active; boot with kvm-arm.mode=none (5.10: initcall_blacklist=arm_init)\n",
			       *p->intid, p->name);
			goto fail;
		}
		if (ret) {
			pr_err("cannot request interrupt %u (%s): %d\n", *p->intid, p->name, ret);
			goto fail;
		}
		p->requested = true;
		if (p->forwarded) {
			ret = irq_set_vcpu_affinity(*p->irq, p);
			if (ret) {
				pr_err("the GIC driver cannot forward interrupt %u: %d\n", *p->intid,
				       ret);
				goto fail;
			}
		}
	}
	return 0;
fail:
	zvm_irq_exit();
	return ret;
}

void zvm_irq_exit(void)
{
	int i;

	for (i = ARRAY_SIZE(zvm_ppis) - 1; i >= 0; i--) {
		struct zvm_ppi *p = &zvm_ppis[i];

		if (!p->requested)
			continue;
		if (p->forwarded)
			irq_set_vcpu_affinity(*p->irq, NULL);
		free_percpu_irq(*p->irq, &zvm_cpus);
		p->requested = false;
	}
}
