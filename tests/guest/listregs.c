// SPDX-License-Identifier: GPL-2.0
/*
 * More interrupts than list registers, and interrupt state that sits in the list registers of
 * another vCPU. gic.c tests what registers say and do; this is about what a hypervisor has to hide:
 * a virtual CPU interface of a few entries that only its own CPU can see.
 * Arm IHI 0069, 4.8 (priorities), 4.1 (states), 11.4.
 */
#include "gic.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define FIRST_SPI 40
#define MANY	  24
#define DEEP	  8

static u32 order[64], taken, lowered;
static u32 counts[1024];

static void reset_counts(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		counts[i] = 0;
	taken = 0;
	lowered = 0;
}

static void on_irq(u32 intid)
{
	counts[intid]++;
	if (taken < ARRAY_SIZE(order))
		order[taken] = intid;
	WRITE_ONCE(taken, taken + 1);
}

static void use_spis(u32 n, bool edge, gic_handler fn)
{
	u32 i;

	reset_counts();
	for (i = FIRST_SPI; i < FIRST_SPI + n; i++) {
		irq_set_handler(i, fn);
		gic_set_edge(i, edge);
		gic_set_priority(i, 0xa0);
		gic_route(i, cpus[0].mpidr);
		gic_enable(i);
	}
}

static void drop_spis(u32 n)
{
	u32 i;

	for (i = FIRST_SPI; i < FIRST_SPI + n; i++) {
		gic_disable(i);
		gic_clear_pending(i);
		gic_clear_active(i);
		gic_set_priority(i, 0xa0);
	}
}

/* Everything deliverable, with list registers refilled as often as it takes. */
static void drain(u32 n)
{
	u64 end = timer_now() + timer_ms(2000);

	while (READ_ONCE(taken) < n && timer_now() < end)
		irq_window();
	irq_window();
}

static void test_edges_by_priority(void)
{
	u32 i, bad = 0, once = 0;

	use_spis(MANY, true, on_irq);
	for (i = 0; i < MANY; i++) /* 7 and MANY are coprime: a scrambled order of 8 priorities */
		gic_set_priority(FIRST_SPI + i, (u8)(0x40 + (i * 7 % MANY / 3 << 3)));
	for (i = 0; i < MANY; i++)
		gic_set_pending(FIRST_SPI + i);
	drain(MANY);
	check_eq(taken, MANY, "more pending edges than list registers all arrive");
	for (i = 0; i < MANY; i++)
		once += counts[FIRST_SPI + i] == 1;
	check_eq(once, MANY, "each of them once");
	for (i = 1; i < MANY; i++)
		bad += mmio_read8(gic_prio_addr(order[i - 1])) > mmio_read8(gic_prio_addr(order[i]));
	check_eq(bad, 0, "in the order of their priorities");
	drop_spis(MANY);
}

static void on_line(u32 intid)
{
	on_irq(intid);
	testdev_write(TD_LINE_LOW, intid);
	lowered++;
}

static void test_levels(void)
{
	u32 i, once = 0;

	if (!testdev_present()) {
		tap_skip("more raised lines than list registers all arrive", "no test device");
		return;
	}
	use_spis(MANY, false, on_line);
	for (i = 0; i < MANY; i++)
		testdev_write(TD_LINE_HIGH, FIRST_SPI + i);
	drain(MANY);
	check_eq(taken, MANY, "more raised lines than list registers all arrive");
	for (i = 0; i < MANY; i++)
		once += counts[FIRST_SPI + i] == 1;
	check_eq(once, MANY, "each line interrupts once if its handler lowers it");
	reset_counts();
	for (i = 0; i < MANY; i++)
		testdev_write(TD_LINE_HIGH, FIRST_SPI + i);
	for (i = 0; i < MANY; i++)
		testdev_write(TD_LINE_LOW, FIRST_SPI + i);
	irq_window();
	check_eq(taken, 0, "lines that fell before the window do not interrupt");
	drop_spis(MANY);
}

/* Eight interrupts deep: each handler makes a more urgent one pending and lets it in. */
static u32 depth, deepest, active_at_bottom, rpr_bad;

static void on_nested(struct exc_frame *f)
{
	u32 id = gic_ack(), i;
	u64 elr, spsr;

	if (id == INTID_SPURIOUS)
		return;
	depth++;
	if (depth > deepest)
		deepest = depth;
	rpr_bad += read_icc(ICC_RPR) != mmio_read8(gic_prio_addr(id));
	if (depth < DEEP) {
		elr = read_sysreg(elr_el1);
		spsr = read_sysreg(spsr_el1);
		gic_set_pending(id + 1);
		irq_window();
		write_sysreg(elr, elr_el1);
		write_sysreg(spsr, spsr_el1);
	} else {
		for (i = 0; i < DEEP; i++)
			active_at_bottom += gic_is_active(FIRST_SPI + i);
	}
	rpr_bad += read_icc(ICC_RPR) != mmio_read8(gic_prio_addr(id));
	gic_eoi(id);
	depth--;
	on_irq(id);
}

static void test_nesting(void)
{
	u32 i, left = 0, bad = 0;
	irq_fn old = exc_set_irq(on_nested);

	use_spis(DEEP, true, NULL);
	for (i = 0; i < DEEP; i++)
		gic_set_priority(FIRST_SPI + i, (u8)(0x90 - i * 0x10));
	gic_set_pending(FIRST_SPI);
	irq_window();
	check_eq(deepest, DEEP, "interrupts nest deeper than there are list registers");
	check_eq(active_at_bottom, DEEP, "all of them are active at the bottom");
	check_eq(rpr_bad, 0, "the running priority follows");
	check_eq(taken, DEEP, "all of them end");
	for (i = 0; i < DEEP; i++) {
		left += gic_is_active(FIRST_SPI + i) || gic_is_pending(FIRST_SPI + i);
		bad += order[i] != FIRST_SPI + DEEP - 1 - i;
	}
	check_eq(bad, 0, "the most urgent first");
	check_eq(left, 0, "nothing is left active or pending");
	check_eq(read_icc(ICC_RPR) & 0xff, 0xff, "the running priority is idle again");
	/* and every one of them can happen again */
	exc_set_irq(old);
	for (i = 0; i < DEEP; i++)
		irq_set_handler(FIRST_SPI + i, on_irq);
	reset_counts();
	for (i = 0; i < DEEP; i++)
		gic_set_pending(FIRST_SPI + i);
	drain(DEEP);
	check_eq(taken, DEEP, "after deep nesting each can be taken again");
	drop_spis(DEEP);
}

/* EOImode 1: priority dropped at once, deactivated much later and in no order. */
static void on_split(struct exc_frame *f)
{
	u32 id = gic_ack();

	if (id == INTID_SPURIOUS)
		return;
	on_irq(id);
	gic_eoi(id);
}

static void test_split_eoi(void)
{
	u32 i, k, active = 0, wrong = 0;
	irq_fn old = exc_set_irq(on_split);

	write_icc(ICC_CTLR_EOIMODE, ICC_CTLR);
	isb();
	use_spis(MANY, true, NULL);
	for (i = 0; i < MANY; i++)
		gic_set_pending(FIRST_SPI + i);
	drain(MANY);
	check_eq(taken, MANY, "EOImode 1: more active interrupts than list registers");
	for (i = 0; i < MANY; i++)
		active += gic_is_active(FIRST_SPI + i);
	check_eq(active, MANY, "EOImode 1: they stay active after EOI");
	for (i = 0; i < MANY; i++) {
		k = FIRST_SPI + i * 7 % MANY;
		wrong += !gic_is_active(k);
		gic_dir(k);
		wrong += gic_is_active(k);
	}
	check_eq(wrong, 0, "EOImode 1: DIR deactivates the one it names, in any order");
	write_icc(0, ICC_CTLR);
	isb();
	exc_set_irq(old);
	drop_spis(MANY);
}

/* Group 0 interrupts that nobody wants must not keep group 1 out of the list registers. */
static void test_disabled_group(void)
{
	u32 i, w = FIRST_SPI / 32 * 4, group = mmio_read32(GICD_BASE + GICD_IGROUPR + w);
	u32 n = 16, last = FIRST_SPI + n;

	if (!testdev_present()) {
		tap_skip("group 0 off at the CPU does not block group 1",
			 "QEMU 7.2's own GIC lets group 0 block it");
		return;
	}
	use_spis(n + 1, true, on_irq);
	mmio_write32(GICD_BASE + GICD_IGROUPR + w, group & ~(0xffffU << FIRST_SPI % 32));
	mmio_write32(GICD_BASE, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1 | BIT(0));
	for (i = FIRST_SPI; i < last; i++) {
		gic_set_priority(i, 0x20);
		gic_set_pending(i);
	}
	gic_set_pending(last);
	drain(1);
	check_eq(counts[last], 1, "group 0 off at the CPU does not block group 1");
	drop_spis(n);
	mmio_write32(GICD_BASE + GICD_IGROUPR + w, group);
	mmio_write32(GICD_BASE, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1);
	drop_spis(n + 1);
}

static void test_priority_of_pending(void)
{
	use_spis(1, true, on_irq);
	write_icc(0x80, ICC_PMR);
	isb();
	gic_set_pending(FIRST_SPI);
	irq_window();
	check_eq(taken, 0, "below the mask nothing arrives");
	gic_set_priority(FIRST_SPI, 0x40);
	irq_window();
	check_eq(taken, 1, "a pending interrupt made more urgent arrives");
	write_icc(0xff, ICC_PMR);
	isb();
	drop_spis(1);
}

/* --- another CPU's list registers ----------------------------------------------------------------- */

#define REMOTE_SGI 5

static u32 phase; /* odd: the second CPU's turn */
static u32 second_taken;

static void wait_phase(u32 p)
{
	while (READ_ONCE(phase) != p)
		cpu_relax();
	dmb(ish);
}

static void set_phase(u32 p)
{
	dmb(ish);
	WRITE_ONCE(phase, p);
}

static void on_second(struct exc_frame *f)
{
	u32 id = gic_ack();

	if (id == INTID_SPURIOUS)
		return;
	WRITE_ONCE(second_taken, second_taken + 1);
	if (READ_ONCE(phase) == 7) { /* hold it active until the first CPU has looked */
		set_phase(8);
		wait_phase(9);
	}
	gic_eoi(id);
}

static void second(void *arg)
{
	irq_fn old = exc_set_irq(on_second);

	gic_enable(REMOTE_SGI);
	set_phase(2);
	wait_phase(3); /* it is pending, and was withdrawn */
	irq_window();
	set_phase(4);
	wait_phase(5); /* an SPI was pending and was disabled, or routed away */
	irq_window();
	set_phase(6);
	wait_phase(7);
	while (READ_ONCE(phase) == 7) /* it is enabled soon after the phase began */
		irq_window(); /* on_second: 8, 9 */
	set_phase(10);
	wait_phase(11);
	exc_set_irq(old);
	gic_cpu_quiesce();
}

static void test_remote(void)
{
	u64 sgi_frame = cpus[1].gicr + GICR_SGI;
	u32 spi = FIRST_SPI;

	if (cpu_count() < 2) {
		tap_skip("state in another CPU's list registers", "one CPU");
		return;
	}
	use_spis(2, true, on_irq);
	phase = 1;
	smp_start(1, second, NULL);
	wait_phase(2);

	/* the second CPU spins with IRQs masked: a pending interrupt stays in its list register */
	gic_sgi_cpu(REMOTE_SGI, 1);
	udelay(2000);
	check(mmio_read32(sgi_frame + GICD_ISPENDR) & BIT(REMOTE_SGI),
	      "an SGI pending at another CPU reads as pending");
	mmio_write32(sgi_frame + GICD_ICPENDR, BIT(REMOTE_SGI));
	check(!(mmio_read32(sgi_frame + GICD_ISPENDR) & BIT(REMOTE_SGI)), "and can be cleared there");
	set_phase(3);
	wait_phase(4);
	check_eq(second_taken, 0, "the other CPU does not take it any more");

	gic_route(spi, cpus[1].mpidr);
	gic_route(spi + 1, cpus[1].mpidr);
	gic_set_pending(spi);
	gic_set_pending(spi + 1);
	udelay(2000);
	check(gic_is_pending(spi), "an SPI pending at another CPU reads as pending");
	gic_disable(spi);
	gic_route(spi + 1, cpus[0].mpidr);
	drain(1);
	check_eq(counts[spi + 1], 1, "a pending SPI follows its route");
	set_phase(5);
	wait_phase(6);
	check_eq(second_taken, 0, "disabled or routed away, the other CPU does not take it");
	check(gic_is_pending(spi), "disabled, it stays pending");
	gic_set_pending(spi); /* the second CPU waits for it, also where the check has failed */

	set_phase(7);
	gic_enable(spi);
	wait_phase(8);
	check(gic_is_active(spi), "an SPI in service at another CPU reads as active");
	check(!gic_is_pending(spi), "and not as pending");
	gic_set_pending(spi);
	check(gic_is_pending(spi) && gic_is_active(spi), "made pending again it is both");
	gic_clear_pending(spi);
	gic_clear_active(spi);
	check(!gic_is_active(spi), "ICACTIVER reaches into the other CPU");
	set_phase(9);
	wait_phase(10);
	check_eq(second_taken, 1, "enabled again, the other CPU took it once");
	set_phase(11);
	smp_join(1, 5000);
	drop_spis(2);
}

int main(void)
{
	test_edges_by_priority();
	test_levels();
	test_nesting();
	test_split_eoi();
	test_disabled_group();
	test_priority_of_pending();
	test_remote();
	return 0;
}
