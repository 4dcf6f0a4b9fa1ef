// SPDX-License-Identifier: GPL-2.0
/*
 * The host's redistributors: what makes it sound to acknowledge an interrupt in ring 0.
 *
 * Reading ICC_IAR1_EL1 takes whatever is most urgent at that moment, and an interrupt of the host's
 * that was taken cannot be handed back. So the module's own PPIs (both timers, maintenance) get a
 * priority one step above all others of the host, and ring 0 lowers ICC_PMR_EL1 to the host's
 * priority around the read: nothing but these PPIs can come out. Which PMR value that is depends on
 * whether the distributor and the CPU interface are seen through the Non-secure view of priorities
 * (GIC IHI 0069, 4.8.1); it is found by trial on each CPU with ISR_EL1, which acknowledges nothing.
 * Where no value fits, or the host masks by priority itself (pseudo-NMI), ring 0 leaves all
 * interrupts to the host.
 *
 * The same page carries the doorbell: pending the maintenance PPI of another CPU by GICR_ISPENDR0.
 * A CPU that was seen to have a doorbell does not go offline until the write is done, because
 * stop_machine() waits for the writer, who cannot be preempted.
 *
 * Everything here is a plus: a machine whose device tree does not fit does without.
 */
#include <linux/delay.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "gic.h"

#define GICR_TYPER	  0x0008
#define GICR_TYPER_VLPIS  BIT_ULL(1)
#define GICR_TYPER_LAST	  BIT_ULL(4)
#define GICR_FRAMES	  0x20000 /* RD and SGI; twice that with virtual LPIs */
#define PRIO_STEP	  0x10	  /* the fewest levels that a Non-secure view can have are 16 */
#define ISR_I		  BIT(7)

struct region {
	void __iomem *base;
	resource_size_t size;
};

struct zvm_gic_cpu zvm_gic_cpus[NR_CPUS];

static struct region *regions;
static u32 nr_regions;
static u64 stride;

void zvm_gic_init(void)
{
	struct device_node *np = of_find_compatible_node(NULL, NULL, "arm,gic-v3");
	struct resource res;
	u32 n = 1, i;

	if (!np)
		return;
	if (of_property_read_u32(np, "#redistributor-regions", &n))
		n = 1;
	if (of_property_read_u64(np, "redistributor-stride", &stride))
		stride = 0;
	regions = kcalloc(n, sizeof(*regions), GFP_KERNEL);
	for (i = 0; regions && i < n; i++) {
		if (of_address_to_resource(np, 1 + i, &res))
			break;
		regions[i].base = ioremap(res.start, resource_size(&res));
		if (!regions[i].base)
			break;
		regions[i].size = resource_size(&res);
		nr_regions++;
	}
	of_node_put(np);
}

void zvm_gic_exit(void)
{
	while (nr_regions)
		iounmap(regions[--nr_regions].base);
	kfree(regions);
	regions = NULL;
}

/* The SGI frame of this CPU's redistributor. */
static void __iomem *find_frame(void)
{
	u64 mpidr = read_sysreg(mpidr_el1), typer, off;
	u32 aff = (mpidr & 0xffffff) | ((mpidr >> 32) & 0xff) << 24, i;

	for (i = 0; i < nr_regions; i++) {
		for (off = 0; off + GICR_FRAMES <= regions[i].size;) {
			typer = readq_relaxed(regions[i].base + off + GICR_TYPER);
			if (typer >> 32 == aff)
				return regions[i].base + off + ZVM_GICR_SGI_FRAME;
			if (typer & GICR_TYPER_LAST)
				break;
			off += stride ?: typer & GICR_TYPER_VLPIS ? 2 * GICR_FRAMES : GICR_FRAMES;
		}
	}
	return NULL;
}

static void set_priorities(void __iomem *sgi, u8 prio)
{
	writeb_relaxed(prio, sgi + ZVM_GICR_IPRIORITYR + zvm_host.ppi_vtimer);
	writeb_relaxed(prio, sgi + ZVM_GICR_IPRIORITYR + zvm_host.ppi_ptimer);
	writeb_relaxed(prio, sgi + ZVM_GICR_IPRIORITYR + zvm_host.ppi_maint);
	dsb(sy);
}

/* Does the maintenance PPI, or anything else, get through this PMR? IRQs off. */
static bool gets_through(void __iomem *sgi, u8 pmr)
{
	u64 old = read_sysreg_s(SYS_ICC_PMR_EL1);
	bool seen;

	writel(BIT(zvm_host.ppi_maint), sgi + ZVM_GICR_ISPENDR0);
	write_sysreg_s(pmr, SYS_ICC_PMR_EL1);
	dsb(sy);
	isb();
	udelay(5); /* from the redistributor to the CPU interface */
	seen = read_sysreg(isr_el1) & ISR_I;
	write_sysreg_s(old, SYS_ICC_PMR_EL1);
	writel(BIT(zvm_host.ppi_maint), sgi + ZVM_GICR_ICPENDR0);
	dsb(sy);
	isb();
	return seen;
}

static bool is_ours(u32 intid)
{
	return intid == zvm_host.ppi_vtimer || intid == zvm_host.ppi_ptimer ||
	       intid == zvm_host.ppi_maint;
}

/* The PMR value, or 0; IRQs off. Leaves our priorities raised if there is one. */
static u8 find_pmr(void __iomem *sgi, u8 host_prio)
{
	u8 tries[] = { host_prio, host_prio >> 1 | 0x80 };
	u32 i;

	for (i = 0; i < 32; i++)
		if (!is_ours(i) && readb_relaxed(sgi + ZVM_GICR_IPRIORITYR + i) < host_prio)
			return 0;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		set_priorities(sgi, host_prio);
		if (gets_through(sgi, tries[i]))
			return 0; /* so does every interrupt of the host's */
		set_priorities(sgi, host_prio - PRIO_STEP);
		if (gets_through(sgi, tries[i]))
			return tries[i];
	}
	set_priorities(sgi, host_prio);
	return 0;
}

void zvm_gic_cpu_online(void)
{
	struct zvm_gic_cpu *g = &zvm_gic_cpus[raw_smp_processor_id()];
	void __iomem *sgi;
	unsigned long flags;

	sgi = find_frame();
	g->frame = sgi;
	if (!sgi || zvm_compat_prio_masking())
		return;
	local_irq_save(flags);
	g->host_prio = readb_relaxed(sgi + ZVM_GICR_IPRIORITYR + zvm_host.ppi_maint);
	g->pmr = g->host_prio >= 2 * PRIO_STEP ? find_pmr(sgi, g->host_prio) : 0;
	WRITE_ONCE(g->sgi, g->pmr ? sgi : NULL);
	local_irq_restore(flags);
}

bool zvm_gic_cpu_kept(void)
{
	struct zvm_gic_cpu *g = &zvm_gic_cpus[raw_smp_processor_id()];
	u32 ours = BIT(zvm_host.ppi_vtimer) | BIT(zvm_host.ppi_ptimer) | BIT(zvm_host.ppi_maint);

	if (!g->frame || ~readl_relaxed(g->frame + ZVM_GICR_ISENABLER0) & ours)
		return false;
	return !g->sgi || readb_relaxed(g->sgi + ZVM_GICR_IPRIORITYR + zvm_host.ppi_maint) ==
				  g->host_prio - PRIO_STEP;
}

void zvm_gic_cpu_restore(void)
{
	struct zvm_gic_cpu *g = &zvm_gic_cpus[raw_smp_processor_id()];

	if (g->sgi)
		set_priorities(g->sgi, g->host_prio - PRIO_STEP);
}

void zvm_gic_cpu_offline(void)
{
	struct zvm_gic_cpu *g = &zvm_gic_cpus[raw_smp_processor_id()];
	unsigned long flags;

	local_irq_save(flags);
	if (g->sgi)
		set_priorities(g->sgi, g->host_prio);
	WRITE_ONCE(g->sgi, NULL);
	local_irq_restore(flags);
}
