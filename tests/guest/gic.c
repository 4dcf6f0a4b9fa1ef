// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of a GICv3 as a guest takes them (Arm IHI 0069): SGIs in every form, PPIs, SPIs by
 * level and edge, priorities and preemption, both EOI modes, active state, more pending interrupts
 * than list registers, routing. The registers themselves: gicregs.c.
 *
 * Interrupts are recorded by the handlers in the order of acknowledgement; a test arms some,
 * opens the interrupt window, and compares the record.
 */
#include "gic.h"
#include "psci.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define SPI0	64 /* SPIs that no device of the board uses: 64..95 */
#define NEED_TD "needs guest-run's test device"

/* What one CPU acknowledged, in order. */
struct record {
	u32 id[64];
	u32 n;
	u32 spurious;
	u32 nested; /* how deep now, and at most */
	u32 deepest;
};
static struct record rec[MAX_CPUS];
static bool lower_line; /* the handler lowers the line of the test device before EOI */

static struct record *here(void)
{
	return &rec[cpu_id()];
}

static void note(struct record *r, u32 id)
{
	if (r->n < ARRAY_SIZE(r->id))
		r->id[r->n] = id;
	WRITE_ONCE(r->n, r->n + 1);
}

static void on_irq(struct exc_frame *f)
{
	struct record *r = here();
	u32 id = gic_ack();

	if (id >= 1020) {
		r->spurious++;
		return;
	}
	note(r, id);
	if (lower_line && id >= 32)
		testdev_write(TD_LINE_LOW, id);
	gic_eoi(id);
}

/* Opens interrupts while the interrupt is active, so that higher priorities preempt. */
static void on_irq_nested(struct exc_frame *f)
{
	struct record *r = here();
	u32 id = gic_ack();
	u64 elr = f->elr, spsr = f->spsr;

	if (id >= 1020) {
		r->spurious++;
		return;
	}
	note(r, id);
	if (++r->nested > r->deepest)
		r->deepest = r->nested;
	irq_window();
	r->nested--;
	f->elr = elr;
	f->spsr = spsr;
	note(r, id | 0x1000); /* its end */
	gic_eoi(id);
}

static void begin(irq_fn fn)
{
	memset(here(), 0, sizeof(struct record));
	exc_set_irq(fn);
}

/* Takes what is deliverable, until `n` were seen or a while has passed. */
static u32 collect(u32 n)
{
	struct record *r = here();

	wait_until(READ_ONCE(r->n) >= n, 500);
	return r->n;
}

/* Nothing (more) comes: looks for a while. */
static u32 settle(void)
{
	u32 i;

	for (i = 0; i < 20; i++) {
		udelay(50);
		irq_window();
	}
	return here()->n;
}

static void spi_setup(u32 id, u8 prio, bool edge)
{
	gic_disable(id);
	gic_clear_pending(id);
	gic_clear_active(id);
	gic_set_priority(id, prio);
	gic_set_edge(id, edge);
	gic_route(id, this_cpu()->mpidr);
	gic_enable(id);
}

/* SGIs on this CPU */

static void test_self_sgi(void)
{
	u32 i, bad = 0;

	for (i = 0; i < 16; i++)
		gic_enable(i);
	begin(on_irq);
	for (i = 0; i < 16; i++) {
		gic_sgi_cpu(i, 0);
		collect(i + 1);
		bad += here()->n != i + 1 || here()->id[i] != i;
	}
	check_eq(bad, 0, "each of the 16 SGIs to self is delivered");

	begin(on_irq);
	gic_sgi_cpu(3, 0);
	gic_sgi_cpu(3, 0);
	gic_sgi_cpu(3, 0);
	check(gic_is_pending(3), "a sent SGI is seen pending");
	collect(1);
	check_eq(settle(), 1, "an SGI sent thrice before delivery is delivered once");
	gic_sgi_cpu(3, 0);
	gic_clear_pending(3);
	check_eq(settle(), 1, "an SGI cleared before delivery is not delivered");
	gic_disable(3);
	gic_sgi_cpu(3, 0);
	check_eq(settle(), 1, "a disabled SGI is not delivered");
	check(gic_is_pending(3), "a disabled SGI stays pending");
	gic_enable(3);
	check(collect(2) == 2 && here()->id[1] == 3, "enabled again it is delivered");
	begin(on_irq);
	gic_sgi_others(4);
	check_eq(settle(), 0, "all-but-self leaves self alone");
	gic_set_pending(5);
	check(collect(1) == 1 && here()->id[0] == 5, "an SGI pended by GICR_ISPENDR0 is delivered");
}

/* All 16 pending at once: four list registers on a Cortex-A55 do not suffice. */
static void test_overflow(void)
{
	u32 i, bad = 0, n;

	begin(on_irq);
	for (i = 0; i < 16; i++) {
		gic_enable(i);
		gic_set_priority(i, (u8)(0x80 - i * 8)); /* the last one is the most urgent */
		gic_sgi_cpu(i, 0);
	}
	n = collect(16);
	for (i = 0; i < 16; i++)
		bad += here()->id[i] != 15 - i;
	check_eq(n, 16, "16 pending SGIs are all delivered");
	check_eq(bad, 0, "16 pending SGIs come in order of priority");

	begin(on_irq);
	for (i = 0; i < 24; i++) {
		spi_setup(SPI0 + i, (u8)((i * 7 % 24) * 8), true);
		gic_set_pending(SPI0 + i);
	}
	n = collect(24);
	for (bad = 0, i = 1; i < 24; i++)
		bad += (here()->id[i - 1] - SPI0) * 7 % 24 > (here()->id[i] - SPI0) * 7 % 24;
	check_eq(n, 24, "24 pending SPIs are all delivered");
	check_eq(bad, 0, "24 pending SPIs come in order of priority");
	check_eq(settle(), 24, "none of them twice");

	/* All of one priority: lowest INTID first. */
	begin(on_irq);
	for (i = 0; i < 12; i++)
		gic_set_priority(SPI0 + i, 0xa0);
	irq_disable();
	for (i = 12; i > 0; i--)
		gic_set_pending(SPI0 + i - 1);
	check_eq(collect(12), 12, "12 pending SPIs of one priority are all delivered");
	for (i = 0; i < 16; i++) {
		gic_set_priority(i, 0xa0);
		gic_disable(i);
	}
	for (i = 0; i < 24; i++)
		gic_disable(SPI0 + i);
}

static void test_masks(void)
{
	u32 n;

	begin(on_irq);
	spi_setup(SPI0, 0xa0, true);
	write_icc(0xa0, ICC_PMR);
	gic_set_pending(SPI0);
	check_eq(settle(), 0, "PMR equal to the priority masks it");
	check_eq(read_icc(ICC_HPPIR1) & 0xffffff, SPI0, "HPPIR1 does not look at PMR");
	write_icc(0xa8, ICC_PMR);
	isb();
	check_eq(collect(1), 1, "PMR above the priority lets it through");
	write_icc(0xff, ICC_PMR);

	write_icc(0, ICC_IGRPEN1);
	isb();
	gic_set_pending(SPI0);
	check_eq(settle(), 1, "IGRPEN1 = 0 holds interrupts back");
	write_icc(1, ICC_IGRPEN1);
	isb();
	check_eq(collect(2), 2, "IGRPEN1 = 1 delivers them");

	begin(on_irq);
	mmio_write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE);
	gic_wait_rwp();
	gic_set_pending(SPI0);
	check_eq(settle(), 0, "GICD_CTLR.EnableGrp1 = 0 holds SPIs back");
	mmio_write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1);
	gic_wait_rwp();
	check_eq(collect(1), 1, "GICD_CTLR.EnableGrp1 = 1 delivers them");
	gic_clear_pending(SPI0);
	settle();

	begin(on_irq);
	gic_disable(SPI0);
	gic_set_pending(SPI0);
	n = settle();
	check(n == 0 && gic_is_pending(SPI0), "a disabled SPI stays pending");
	gic_enable(SPI0);
	check_eq(collect(1), 1, "enabling it delivers it");
	gic_disable(SPI0);
	gic_set_pending(SPI0);
	gic_clear_pending(SPI0);
	gic_enable(SPI0);
	check_eq(settle(), 1, "cleared while disabled is not delivered");

	irq_disable();
	gic_set_pending(SPI0);
	udelay(100);
	check_eq(read_icc(ICC_HPPIR1) & 0xffffff, SPI0, "HPPIR1 shows the pending interrupt");
	check(read_sysreg(isr_el1) & BIT(7), "ISR_EL1.I shows a deliverable interrupt");
	gic_clear_pending(SPI0);
	check_eq(settle(), 1, "cleared after it was signalled is not delivered");
	check(!(read_sysreg(isr_el1) & BIT(7)), "ISR_EL1.I is clear again");
	gic_disable(SPI0);
}

static void test_preemption(void)
{
	struct record *r = here();

	begin(on_irq_nested);
	spi_setup(SPI0, 0xc0, true);
	spi_setup(SPI0 + 1, 0x80, true);
	spi_setup(SPI0 + 2, 0x40, true);
	write_icc(0, ICC_BPR1);
	gic_set_pending(SPI0 + 1);
	gic_set_pending(SPI0);
	collect(4);
	settle();
	check(r->n == 4 && r->id[0] == SPI0 + 1 && r->id[1] == ((SPI0 + 1) | 0x1000) &&
		      r->id[2] == SPI0,
	      "a lower priority waits for EOI");
	check_eq(r->deepest, 1, "and does not nest");

	/* The same by hand: each becomes pending while the one before is active. */
	begin(on_irq_nested);
	{
		u32 id, mid, top;
		u64 rpr0, rpr1, rpr2;

		irq_disable();
		gic_set_pending(SPI0);
		udelay(100);
		id = gic_ack();
		rpr0 = read_icc(ICC_RPR);
		gic_set_pending(SPI0 + 1);
		udelay(100);
		mid = gic_ack();
		rpr1 = read_icc(ICC_RPR);
		gic_set_pending(SPI0 + 2);
		udelay(100);
		top = gic_ack();
		rpr2 = read_icc(ICC_RPR);
		check(id == SPI0 && mid == SPI0 + 1 && top == SPI0 + 2,
		      "higher priorities can be acknowledged while lower are active");
		check(rpr0 == 0xc0 && rpr1 == 0x80 && rpr2 == 0x40, "RPR is the running priority");
		check(gic_is_active(SPI0) && gic_is_active(SPI0 + 1) && gic_is_active(SPI0 + 2),
		      "all three are active");
		gic_eoi(top);
		check_eq(read_icc(ICC_RPR), 0x80, "EOI drops to the preempted priority");
		gic_eoi(mid);
		gic_eoi(id);
		check_eq(read_icc(ICC_RPR), 0xff, "the last EOI drops to idle");
		check(!gic_is_active(SPI0) && !gic_is_active(SPI0 + 1) && !gic_is_active(SPI0 + 2),
		      "none is active after EOI");
	}

	/* BPR 7: the group priority has no bit left, so nothing preempts. */
	begin(on_irq);
	irq_disable();
	write_icc(7, ICC_BPR1);
	isb();
	gic_set_priority(SPI0 + 1, 0x60);
	gic_set_priority(SPI0 + 2, 0x40);
	gic_set_pending(SPI0 + 1);
	udelay(100);
	check_eq(gic_ack(), SPI0 + 1, "BPR: the first is acknowledged");
	gic_set_pending(SPI0 + 2);
	udelay(100);
	check_eq(gic_ack(), INTID_SPURIOUS, "BPR: same group does not preempt");
	gic_eoi(SPI0 + 1);
	check_eq(collect(1), 1, "BPR: it comes after EOI");
	write_icc(0, ICC_BPR1);
	isb();
	gic_disable(SPI0);
	gic_disable(SPI0 + 1);
	gic_disable(SPI0 + 2);
}

static void test_eoi_modes(void)
{
	u32 id, again;

	begin(on_irq);
	irq_disable();
	write_icc(ICC_CTLR_EOIMODE, ICC_CTLR);
	isb();
	spi_setup(SPI0, 0xa0, true);
	gic_set_pending(SPI0);
	udelay(100);
	id = gic_ack();
	gic_eoi(id);
	check(id == SPI0 && read_icc(ICC_RPR) == 0xff, "EOImode 1: EOI drops the priority");
	check(gic_is_active(SPI0), "EOImode 1: active until DIR");
	gic_set_pending(SPI0);
	udelay(100);
	again = gic_ack();
	check_eq(again, INTID_SPURIOUS, "EOImode 1: not delivered again while active");
	gic_dir(SPI0);
	check(!gic_is_active(SPI0), "EOImode 1: DIR deactivates");
	udelay(100);
	check_eq(gic_ack(), SPI0, "EOImode 1: pending again after DIR");
	gic_eoi(SPI0);
	gic_dir(SPI0);

	/* The end by way of the distributor, as a guest with a dead driver does it. */
	gic_set_pending(SPI0);
	udelay(100);
	gic_ack();
	gic_eoi(SPI0);
	gic_clear_active(SPI0);
	check(!gic_is_active(SPI0), "EOImode 1: ICACTIVER deactivates");
	gic_set_pending(SPI0);
	udelay(100);
	check_eq(gic_ack(), SPI0, "EOImode 1: delivered after ICACTIVER");
	gic_eoi(SPI0);
	gic_dir(SPI0);
	write_icc(0, ICC_CTLR);
	isb();

	/* Many active at once in EOImode 1 must not use up the list registers for good. */
	begin(on_irq);
	irq_disable();
	write_icc(ICC_CTLR_EOIMODE, ICC_CTLR);
	isb();
	for (id = 0; id < 8; id++) {
		spi_setup(SPI0 + id, 0xa0, true);
		gic_set_pending(SPI0 + id);
	}
	for (again = 0, id = 0; id < 8; id++) {
		u32 got;

		udelay(50);
		got = gic_ack();
		again += got >= SPI0 && got < SPI0 + 8;
		if (got < 1020)
			gic_eoi(got);
	}
	check_eq(again, 8, "EOImode 1: eight active at once");
	for (id = 8; id > 0; id--)
		gic_dir(SPI0 + id - 1);
	for (again = 0, id = 0; id < 8; id++)
		again += gic_is_active(SPI0 + id);
	check_eq(again, 0, "EOImode 1: all deactivated in another order");
	write_icc(0, ICC_CTLR);
	isb();
	for (id = 0; id < 8; id++) {
		gic_clear_pending(SPI0 + id);
		gic_clear_active(SPI0 + id);
	}
	settle();
	begin(on_irq);
	irq_disable();

	gic_set_pending(SPI0);
	udelay(100);
	id = gic_ack();
	gic_set_pending(SPI0);
	check(id == SPI0 && gic_is_active(SPI0) && gic_is_pending(SPI0),
	      "active and pending at once");
	gic_eoi(id);
	check_eq(collect(1), 1, "pended while active is delivered after EOI");
	for (id = 0; id < 8; id++)
		gic_disable(SPI0 + id);
}

static void test_active_state(void)
{
	begin(on_irq);
	spi_setup(SPI0, 0xa0, true);
	mmio_write32(gic_reg(GICD_ISACTIVER, SPI0), 1);
	gic_set_pending(SPI0);
	check_eq(settle(), 0, "set active by ISACTIVER is not delivered");
	gic_clear_active(SPI0);
	check_eq(collect(1), 1, "cleared by ICACTIVER is delivered");
	gic_disable(SPI0);
}

/* Lines of the test device */

static void test_lines(void)
{
	u32 i, n;

	spi_setup(SPI0, 0xa0, false);
	begin(on_irq);
	lower_line = true;
	testdev_write(TD_LINE_HIGH, SPI0);
	collect(1);
	lower_line = false;
	check_eq(settle(), 1, "level: lowered in the handler, delivered once");

	begin(on_irq);
	irq_disable();
	testdev_write(TD_LINE_HIGH, SPI0);
	check(gic_is_pending(SPI0), "level: high is pending");
	gic_clear_pending(SPI0);
	check(gic_is_pending(SPI0), "level: ICPENDR does not clear a high line");
	for (i = 0; i < 5; i++) {
		udelay(50);
		n = gic_ack();
		if (n == SPI0)
			note(here(), n);
		if (i == 4)
			testdev_write(TD_LINE_LOW, SPI0);
		if (n < 1020)
			gic_eoi(n);
	}
	check_eq(here()->n, 5, "level: held high fires again after each EOI");
	check_eq(settle(), 5, "level: lowered before EOI does not fire again");
	testdev_write(TD_LINE_HIGH, SPI0);
	testdev_write(TD_LINE_LOW, SPI0);
	check_eq(settle(), 5, "level: raised and lowered before delivery is not delivered");
	check(!gic_is_pending(SPI0), "level: low is not pending");
	gic_set_pending(SPI0);
	check_eq(collect(6), 6, "level: pended by ISPENDR is delivered");
	check_eq(settle(), 6, "level: and only once");

	spi_setup(SPI0 + 1, 0xa0, true);
	begin(on_irq);
	irq_disable();
	testdev_write(TD_LINE_HIGH, SPI0 + 1);
	testdev_write(TD_LINE_LOW, SPI0 + 1);
	check(gic_is_pending(SPI0 + 1), "edge: latched after the line is low again");
	collect(1);
	check_eq(settle(), 1, "edge: delivered once");
	testdev_write(TD_LINE_HIGH, SPI0 + 1);
	collect(2);
	check_eq(settle(), 2, "edge: held high is one interrupt");
	testdev_write(TD_LINE_LOW, SPI0 + 1);

	begin(on_irq);
	testdev_write(TD_IRQFD, SPI0 + 1);
	collect(1);
	check_eq(settle(), 1, "irqfd: one signal, one edge");
	for (i = 0; i < 50; i++) {
		testdev_write(TD_IRQFD, SPI0 + 1);
		collect(2 + i);
	}
	check_eq(settle(), 51, "irqfd: 50 signals, 50 interrupts");

	begin(on_irq);
	spi_setup(SPI0 + 2, 0xa0, false);
	n = testdev_read(TD_RESAMPLES);
	testdev_write(TD_LEVEL_IRQFD, SPI0 + 2);
	collect(1);
	check_eq(settle(), 1, "irqfd with resample: lowered by the EOI");
	check(wait_until(testdev_read(TD_RESAMPLES) == n + 1, 1000),
	      "irqfd with resample: EOI signals the resampler");

	/* From another host thread, into a sleeping vCPU. */
	begin(on_irq);
	lower_line = true;
	testdev_write(TD_DELAY_US, 20000);
	testdev_write(TD_LATER, SPI0);
	for (i = 0; i < 1000 && !here()->n; i++) {
		wfi();
		irq_window();
	}
	check_eq(here()->n, 1, "an SPI from outside wakes WFI");
	testdev_write(TD_DELAY_US, 5000);
	testdev_write(TD_LATER, SPI0);
	wait_until(here()->n == 2, 2000);
	check_eq(here()->n, 2, "an SPI from outside interrupts a busy vCPU");
	lower_line = false;

	gic_enable(20);
	begin(on_irq);
	irq_disable();
	testdev_write(TD_PPI, 20 << 8 | 1);
	udelay(100);
	n = gic_ack();
	testdev_write(TD_PPI, 20 << 8);
	if (n < 1020)
		gic_eoi(n);
	check_eq(n, 20, "a PPI by KVM_IRQ_LINE is delivered");
	check_eq(settle(), 0, "and ends with its line");
	gic_disable(20);
	for (i = 0; i < 3; i++)
		gic_disable(SPI0 + i);
}

/* Several CPUs */

static struct smp_barrier bar;
static bool quit;

static void receiver(void *arg)
{
	u32 i;

	for (i = 0; i < 16; i++)
		gic_enable(i);
	begin(on_irq);
	smp_barrier_wait(&bar, cpu_count());
	while (!READ_ONCE(quit)) {
		irq_window();
		cpu_relax();
	}
	exc_set_irq(NULL);
}

static bool got(u32 cpu, u32 n, u32 last)
{
	return wait_until(READ_ONCE(rec[cpu].n) >= n, 2000) && rec[cpu].n == n &&
	       rec[cpu].id[n - 1] == last;
}

static void test_many_cpus(void)
{
	u32 n = cpu_count(), i, bad = 0, sum;
	u16 list = 0;

	if (n < 2) {
		tap_skip("interrupts between CPUs", "one CPU");
		return;
	}
	begin(on_irq);
	for (i = 1; i < n; i++)
		bad += smp_start(i, receiver, NULL) != PSCI_SUCCESS;
	if (!check_eq(bad, 0, "all CPUs start"))
		return;
	smp_barrier_wait(&bar, n);
	for (i = 1; i < n; i++) {
		gic_sgi_cpu(i & 15, i);
		bad += !got(i, 1, i & 15);
	}
	check_eq(bad, 0, "an SGI by target list reaches exactly its CPU");
	for (i = 1; i < n; i++)
		list |= (u16)BIT(i);
	gic_sgi_list(7, cpus[0].mpidr, list);
	for (i = 1; i < n; i++)
		bad += !got(i, 2, 7);
	check_eq(bad, 0, "an SGI by list reaches all of the list");
	gic_sgi_others(9);
	for (i = 1; i < n; i++)
		bad += !got(i, 3, 9);
	check(!bad && settle() == 0, "all-but-self reaches all but self");
	gic_sgi_list(7, 0x00ff00UL, 0xffff);
	gic_sgi_list(7, cpus[0].mpidr, 0xff00);
	settle();
	for (i = 1; i < n; i++)
		bad += rec[i].n != 3;
	check_eq(bad, 0, "an SGI to CPUs that do not exist reaches nobody");

	spi_setup(SPI0, 0xa0, true);
	gic_route(SPI0, cpus[1].mpidr);
	gic_set_pending(SPI0);
	check(got(1, 4, SPI0), "IROUTER sends an SPI to another CPU");
	gic_route(SPI0, cpus[n - 1].mpidr);
	gic_set_pending(SPI0);
	check(got(n - 1, n == 2 ? 5 : 4, SPI0), "IROUTER changed: the next one goes there");
	/* Pending while disabled, routed elsewhere, then enabled. */
	gic_disable(SPI0);
	gic_set_pending(SPI0);
	gic_route(SPI0, cpus[0].mpidr);
	begin(on_irq);
	gic_enable(SPI0);
	check(collect(1) == 1 && here()->id[0] == SPI0,
	      "rerouted while pending goes to the new CPU");

	/* 1-of-N: anybody, but exactly once. */
	for (sum = here()->n, i = 1; i < n; i++)
		sum += rec[i].n;
	gic_route(SPI0, IROUTER_IRM);
	gic_set_pending(SPI0);
	settle();
	settle();
	for (bad = here()->n, i = 1; i < n; i++)
		bad += READ_ONCE(rec[i].n);
	if (mmio_read32(GICD_BASE + GICD_TYPER) & BIT(25))
		tap_skip("IRM = 1: exactly one CPU takes the SPI", "GICD_TYPER.No1N");
	else
		check_eq(bad, sum + 1, "IRM = 1: exactly one CPU takes the SPI");
	gic_disable(SPI0);

	WRITE_ONCE(quit, true);
	for (bad = 0, i = 1; i < n; i++)
		bad += !smp_join(i, 5000);
	check_eq(bad, 0, "all CPUs stop");
}

int main(void)
{
	test_self_sgi();
	test_overflow();
	test_masks();
	test_preemption();
	test_eoi_modes();
	test_active_state();
	if (testdev_present())
		test_lines();
	else
		tap_skip("lines of the test device", NEED_TD);
	test_many_cpus();
	return 0;
}
