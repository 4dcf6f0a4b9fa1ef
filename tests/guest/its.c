// SPDX-License-Identifier: GPL-2.0
/*
 * A driver of the GICv3 ITS and of LPIs: every command, what the guest's tables say, MSIs from the
 * VMM, saving and restoring in flight, and what a hostile driver would try. Needs guest-run --its;
 * with fewer than three CPUs the tests that move interrupts are skipped.
 * Arm IHI 0069, chapter 5 (LPIs and the ITS), 12.19 (GITS_*).
 */
#include "gic.h"
#include "its.h"
#include "mmu.h"
#include "smp.h"
#include "tap.h"
#include "testdev.h"
#include "timer.h"

#define NLPIS	 256 /* that are counted */
#define DEV	 5U
#define DEV_MAPI 6U
#define EVENTS	 5 /* bits */
#define ADDRESS	 0x0000ffffffff0000UL /* of a table: differs from board to board */
#define ENABLED	 0xa1
#define DISABLED 0xa0
#define PAGE64	 SZ_64K

static u32 ncpus, repeat; /* the LPI whose handler makes it pending once more */

static u32 counts[MAX_CPUS][NLPIS], stray, order[64], norder;
static volatile u32 worker_stop, worker_wfi, worker_ready[MAX_CPUS];

static void on_irq(struct exc_frame *f)
{
	u32 id = gic_ack();

	(void)f;
	if (id >= LPI0 && id < LPI0 + NLPIS) {
		u32 *n = &counts[cpu_id()][id - LPI0];

		if (norder < ARRAY_SIZE(order))
			order[__atomic_fetch_add(&norder, 1, __ATOMIC_RELAXED) % ARRAY_SIZE(order)] = id;
		WRITE_ONCE(*n, *n + 1);
		if (id == repeat) {
			repeat = 0;
			its_int(DEV, id - LPI0);
		}
	} else if (id < INTID_SPURIOUS || id >= LPI0) {
		__atomic_fetch_add(&stray, 1, __ATOMIC_RELAXED);
	}
	if (id < 1020 || id >= LPI0)
		gic_eoi(id);
}

static u32 count(u32 cpu, u32 lpi)
{
	return READ_ONCE(counts[cpu][lpi - LPI0]);
}

static u32 total(u32 lpi)
{
	u32 i, n = 0;

	for (i = 0; i < ncpus; i++)
		n += count(i, lpi);
	return n;
}

static void reset_counts(void)
{
	u32 i, j;

	for (i = 0; i < MAX_CPUS; i++)
		for (j = 0; j < NLPIS; j++)
			WRITE_ONCE(counts[i][j], 0);
	norder = 0;
	dsb(ish);
}

/* What is deliverable has been taken, and nothing more comes. */
static void settle(void)
{
	u32 i;

	for (i = 0; i < 20; i++) {
		irq_window();
		udelay(100);
	}
}

static void identification(void)
{
	u64 rd = this_cpu()->gicr;

	tap_note("GITS_IIDR", mmio_read32(GITS_IIDR));
	tap_note("GITS_TYPER", mmio_read64(GITS_TYPER));
	tap_note("GITS_TYPER upper half", mmio_read32(GITS_TYPER + 4));
	tap_note("GITS_PIDR2", mmio_read32(GITS_PIDR2));
	tap_note("GITS_CTLR at reset", mmio_read32(GITS_CTLR));
	tap_note("GITS_CBASER at reset", mmio_read64(GITS_CBASER));
	tap_note("GITS_BASER0 at reset", mmio_read64(GITS_BASER0));
	tap_note("GITS_BASER1 at reset", mmio_read64(GITS_BASER1));
	tap_note("GITS_BASER2", mmio_read64(GITS_BASER1 + 8));
	tap_note("translation frame", mmio_read64(GITS_BASE + 0x10040));
	tap_note("GICD_TYPER", mmio_read32(GICD_BASE + GICD_TYPER));
	tap_note("GICR_TYPER", mmio_read64(rd + GICR_TYPER));
	tap_note("GICR_CTLR at reset", mmio_read32(rd + GICR_CTLR));
	tap_note("GICR_PROPBASER at reset", mmio_read64(rd + GICR_PROPBASER));
	tap_note("GICR_PENDBASER at reset", mmio_read64(rd + GICR_PENDBASER));
	check((mmio_read32(GICD_BASE + GICD_TYPER) & BIT(17)) && (mmio_read64(rd + GICR_TYPER) & 1),
	      "LPIs are announced");
}

static void registers(void)
{
	mmio_write32(GITS_CTLR, 1);
	check_eq(mmio_read32(GITS_CTLR) & 1, 0, "without tables the ITS cannot be enabled");
	mmio_write64(GITS_BASER0, its.dev_table | VALID | INDIRECT | 7UL << 59 | 1UL << 10 | 0xff);
	tap_note("GITS_BASER0 two levels", mmio_read64(GITS_BASER0) & ~ADDRESS);
	mmio_write64(GITS_BASER0, its.dev_table | VALID | 3UL << 59 | 1UL << 10);
	tap_note("GITS_BASER0 flat, 4 KiB asked", mmio_read64(GITS_BASER0) & ~ADDRESS);
	mmio_write64(GITS_BASER1, its.coll_table | VALID | INDIRECT | 3UL << 59 | 2UL << 10 | 2UL << 8);
	tap_note("GITS_BASER1 two levels asked", mmio_read64(GITS_BASER1) & ~ADDRESS);
	mmio_write64(GITS_CWRITER, 0x60);
	tap_note("GITS_CWRITER while disabled", mmio_read64(GITS_CWRITER));
	mmio_write64(GITS_CBASER, its.queue | VALID | 5UL << 59 | 2UL << 10 | (ITS_QUEUE_LEN / 4096 - 1));
	tap_note("GITS_CBASER", mmio_read64(GITS_CBASER) & ~ADDRESS);
	check_eq(mmio_read64(GITS_CWRITER), 0, "a write to CBASER resets CWRITER");
	mmio_write64(GITS_CWRITER, 0xfffe0);
	check_eq(mmio_read64(GITS_CWRITER), 0, "CWRITER beyond the queue is ignored");
	mmio_write32(GITS_CTLR, 1);
	check_eq(mmio_read32(GITS_CTLR), BIT(31) | 1, "the ITS is enabled and quiescent");
	mmio_write64(GITS_BASER0, 0);
	check(mmio_read64(GITS_BASER0) & VALID, "BASER is read-only while enabled");
	its.cwriter = 0;
}

static void redistributor_registers(void)
{
	u64 rd = this_cpu()->gicr;
	u32 i;

	for (i = 0; i < ncpus; i++)
		its_enable_lpis(i, true);
	tap_note("GICR_CTLR with LPIs", mmio_read32(rd + GICR_CTLR));
	tap_note("GICR_PROPBASER set", mmio_read64(rd + GICR_PROPBASER) & ~ADDRESS);
	tap_note("GICR_PENDBASER set", mmio_read64(rd + GICR_PENDBASER) & ~ADDRESS);
	mmio_write64(rd + GICR_PROPBASER, 0);
	mmio_write64(rd + GICR_PENDBASER, 0);
	check(mmio_read64(rd + GICR_PROPBASER) && mmio_read64(rd + GICR_PENDBASER) &&
		      (mmio_read32(rd + GICR_CTLR) & GICR_LPIS),
	      "the tables' registers are read-only while LPIs are enabled");
	check_eq(mmio_read32(rd + GICR_SYNCR), 0, "SYNCR is not busy");
}

/* --- one CPU ---------------------------------------------------------------------------------- */

static void delivery(void)
{
	u32 i;

	for (i = 0; i < ncpus; i++)
		its_mapc(i, i, true);
	its_mapd(DEV, its_new_itt(EVENTS), EVENTS, true);
	for (i = 0; i < 8; i++) {
		its_set_config(LPI0 + i, ENABLED);
		its_mapti(DEV, i, LPI0 + i, 0);
	}
	its_sync(0);
	reset_counts();
	its_int(DEV, 0);
	settle();
	check_eq(count(0, LPI0), 1, "INT delivers the LPI");
	its_int(DEV, 3);
	its_int(DEV, 3);
	settle();
	check(count(0, LPI0 + 3) >= 1 && count(0, LPI0 + 3) <= 2, "another event, another LPI");
	check_eq(total(LPI0) + total(LPI0 + 3), count(0, LPI0) + count(0, LPI0 + 3),
		 "nobody else takes them");

	its_mapd(DEV_MAPI, its_new_itt(14), 14, true);
	its_set_config(LPI0 + 10, ENABLED);
	its_mapi(DEV_MAPI, LPI0 + 10, 0);
	its_int(DEV_MAPI, LPI0 + 10);
	settle();
	check_eq(count(0, LPI0 + 10), 1, "MAPI: the EventID is the LPI");
	its_put(0x03 | (u64)DEV << 32, 1, 0, 0);
	its_put(0x03 | (u64)DEV << 32, 2, 0, 0);
	its_put(0x05, 0, 0, 0);
	check(its_run(), "several commands at once are consumed");
	settle();
	check(count(0, LPI0 + 1) == 1 && count(0, LPI0 + 2) == 1, "and all carried out");
}

static void configuration(void)
{
	u32 i;

	reset_counts();
	its_set_config(LPI0, DISABLED);
	its_inv(DEV, 0);
	its_int(DEV, 0);
	settle();
	check_eq(count(0, LPI0), 0, "a disabled LPI is not delivered");
	its_set_config(LPI0, ENABLED);
	settle();
	check_eq(count(0, LPI0), 0, "the configuration is cached until it is invalidated");
	its_inv(DEV, 0);
	settle();
	check_eq(count(0, LPI0), 1, "enabled by INV, the pending LPI is delivered");

	for (i = 0; i < 4; i++)
		its_set_config(LPI0 + i, DISABLED);
	its_invall(0);
	for (i = 0; i < 4; i++)
		its_int(DEV, i);
	settle();
	check_eq(total(LPI0 + 1) + total(LPI0 + 2), 0, "INVALL disables");
	/* in the order 3, 1, 0, 2 */
	its_set_config(LPI0 + 0, 0xa0 | 1);
	its_set_config(LPI0 + 1, 0x60 | 1);
	its_set_config(LPI0 + 2, 0xc0 | 1);
	its_set_config(LPI0 + 3, 0x20 | 1);
	norder = 0;
	its_invall(0);
	settle();
	check(norder == 4 && order[0] == LPI0 + 3 && order[1] == LPI0 + 1 && order[2] == LPI0 &&
		      order[3] == LPI0 + 2,
	      "INVALL enables, the most urgent comes first");

	its_set_config(LPI0 + 1, DISABLED);
	mmio_write64(this_cpu()->gicr + GICR_INVLPIR, LPI0 + 1);
	reset_counts();
	its_int(DEV, 1);
	settle();
	check_eq(count(0, LPI0 + 1), 0, "GICR_INVLPIR disables");
	for (i = 0; i < 4; i++)
		its_set_config(LPI0 + i, ENABLED);
	mmio_write64(this_cpu()->gicr + GICR_INVALLR, 0);
	settle();
	check_eq(count(0, LPI0 + 1), 1, "GICR_INVALLR enables");

	reset_counts();
	its_int(DEV, 1);
	its_int(DEV, 2);
	its_clear(DEV, 1);
	settle();
	check(!count(0, LPI0 + 1) && count(0, LPI0 + 2) == 1, "CLEAR takes the pending state away");

	reset_counts();
	write_icc(0x80, ICC_PMR);
	its_int(DEV, 1);
	settle();
	check_eq(count(0, LPI0 + 1), 0, "the priority mask holds it back");
	write_icc(0xff, ICC_PMR);
	settle();
	check_eq(count(0, LPI0 + 1), 1, "until it is lifted");
}

static void many(void)
{
	u32 i, once = 0;

	its_mapd(DEV + 10, its_new_itt(7), 7, true);
	for (i = 0; i < 100; i++) {
		its_set_config(LPI0 + 100 + i, (u8)((i * 8) & 0xf8) | 1);
		its_mapti(DEV + 10, i, LPI0 + 100 + i, 0);
	}
	reset_counts();
	for (i = 0; i < 100; i++)
		its_put(0x03 | (u64)(DEV + 10) << 32, i, 0, 0);
	its_run();
	settle();
	for (i = 0; i < 100; i++)
		once += count(0, LPI0 + 100 + i) == 1;
	/* 0xf8 as a priority is masked by 0xff's five bits (0xf8): those stay pending */
	check_eq(once, 100 - 3, "a hundred at once: each is delivered once");
	for (i = 31; i < 100; i += 32)
		its_clear(DEV + 10, i);
	its_mapd(DEV + 10, 0, 1, false);
	its_int(DEV + 10, 1);
	settle();
	check_eq(count(0, LPI0 + 101), 1, "MAPD without V unmaps the device's events");
}

/* One by one: into free list registers, into the one that still holds it, and when none is left. */
static void again(void)
{
	u32 i, once = 0;

	reset_counts();
	repeat = LPI0 + 1;
	its_int(DEV, 1);
	settle();
	check_eq(count(0, LPI0 + 1), 2, "made pending while it is handled, an LPI is delivered again");
	reset_counts();
	for (i = 0; i < 6; i++)
		its_int(DEV, 1);
	settle();
	check_eq(count(0, LPI0 + 1), 1, "made pending while it is pending, it is delivered once");
	for (i = 0; i < 50; i++) {
		its_int(DEV, 1 + i % 3);
		irq_window();
	}
	settle();
	check_eq(total(LPI0 + 1) + total(LPI0 + 2) + total(LPI0 + 3), 51, "fifty in turns are fifty");
	reset_counts();
	for (i = 0; i < 8; i++)
		its_int(DEV, i);
	settle();
	for (i = 0; i < 8; i++)
		once += count(0, LPI0 + i) == 1;
	check_eq(once, 8, "eight, one by one: each is delivered once");
}

static void discard(void)
{
	reset_counts();
	its_int(DEV, 4);
	its_discard(DEV, 4);
	settle();
	check_eq(count(0, LPI0 + 4), 0, "DISCARD takes the pending state with it");
	reset_counts();
	its_int(DEV, 4);
	settle();
	check_eq(count(0, LPI0 + 4), 0, "and the mapping");
	its_mapti(DEV, 4, LPI0 + 4, 0);
	its_int(DEV, 4);
	settle();
	check_eq(count(0, LPI0 + 4), 1, "until it is mapped again");
}

static void messages(void)
{
	s32 ret;

	reset_counts();
	testdev_write(TD_MSI, DEV << 16 | 5);
	ret = (s32)testdev_read(TD_MSI_RESULT);
	settle();
	check(ret == 1 && count(0, LPI0 + 5) == 1, "KVM_SIGNAL_MSI delivers");
	testdev_write(TD_MSI, DEV << 16 | 31);
	check_eq(testdev_read(TD_MSI_RESULT), 0, "KVM_SIGNAL_MSI of an unmapped event: 0");
	testdev_write(TD_MSI, 0xfffeU << 16);
	check_eq(testdev_read(TD_MSI_RESULT), 0, "KVM_SIGNAL_MSI of an unmapped device: 0");
	testdev_write(TD_MSI_IRQFD, DEV << 16 | 6);
	check(wait_until(count(0, LPI0 + 6) == 1, 5000), "an irqfd with an MSI route delivers");
	testdev_write(TD_MSI_IRQFD, DEV << 16 | 7);
	check(wait_until(count(0, LPI0 + 7) == 1, 5000), "and after its route was changed");
	check(count(0, LPI0 + 6) == 1, "the other one");

	mmio_write32(GITS_CTLR, 0);
	testdev_write(TD_MSI, DEV << 16 | 5);
	tap_note("KVM_SIGNAL_MSI with the ITS disabled", testdev_read(TD_MSI_RESULT));
	settle();
	check_eq(count(0, LPI0 + 5), 1, "a disabled ITS does not deliver");
	mmio_write32(GITS_CTLR, 1);
}

static void pending_tables(void)
{
	u64 rd = this_cpu()->gicr;
	volatile u8 *byte = (u8 *)(its.pend_table[0] + LPI0 / 8);

	reset_counts();
	mmio_write32(rd + GICR_CTLR, 0);
	check_eq(mmio_read32(rd + GICR_CTLR) & GICR_LPIS, 0, "LPIs can be disabled (CES)");
	its_int(DEV, 0);
	settle();
	check_eq(count(0, LPI0), 0, "without EnableLPIs nothing is delivered");
	*byte = 1 << 1 | 1 << 2;
	its_enable_lpis(0, false);
	settle();
	check(count(0, LPI0 + 1) == 1 && count(0, LPI0 + 2) == 1 && !count(0, LPI0 + 3),
	      "what the pending table says becomes pending");
	mmio_write32(rd + GICR_CTLR, 0);
	*byte = 1 << 3;
	its_enable_lpis(0, true);
	settle();
	check_eq(count(0, LPI0 + 3), 0, "PTZ: the table is not read");
	*byte = 0;
	its_int(DEV, 0);
	settle();
	check_eq(count(0, LPI0), 1, "and LPIs work again");
}

/* --- several CPUs ----------------------------------------------------------------------------- */

static void worker(void *arg)
{
	exc_set_irq(on_irq);
	worker_ready[cpu_id()] = 1;
	while (!worker_stop) {
		if (worker_wfi)
			wfi();
		irq_window();
	}
	exc_set_irq(NULL);
}

static bool start_workers(u32 n, bool sleep)
{
	u32 i;

	worker_stop = 0;
	worker_wfi = sleep;
	for (i = 1; i < n; i++) {
		worker_ready[i] = 0;
		if (smp_start(i, worker, NULL))
			return false;
	}
	for (i = 1; i < n; i++)
		if (!wait_until(worker_ready[i], 5000))
			return false;
	return true;
}

static bool stop_workers(u32 n)
{
	bool fine = true;
	u32 i;

	worker_stop = 1;
	dsb(ish);
	for (i = 1; i < n; i++) { /* out of WFI */
		if (worker_wfi) {
			its_movi(DEV, 7, i);
			its_int(DEV, 7);
		}
		fine &= smp_join(i, 10000);
	}
	its_movi(DEV, 7, 0);
	return fine;
}

static void moving(void)
{
	u32 i, lost = 0, wrong = 0;

	check(start_workers(ncpus, false), "the other CPUs run");
	reset_counts();
	its_movi(DEV, 0, 1);
	its_int(DEV, 0);
	check(wait_until(count(1, LPI0) == 1, 5000), "MOVI: the LPI goes to another CPU");
	/* pending here, masked; then moved */
	its_movi(DEV, 0, 0);
	its_int(DEV, 0);
	its_movi(DEV, 0, 1);
	check(wait_until(count(1, LPI0) == 2, 5000), "MOVI takes the pending state along");
	settle();
	check_eq(count(0, LPI0), 0, "and leaves none behind");
	its_mapc(1, 2, true);
	its_int(DEV, 0);
	check(wait_until(count(2, LPI0) == 1, 5000), "MAPC: the whole collection moves");
	its_mapc(1, 1, true);
	its_int(DEV, 0);
	check(wait_until(count(1, LPI0) == 3, 5000), "and back");
	its_movall(1, 2);
	its_int(DEV, 0);
	check(wait_until(count(2, LPI0) == 2, 5000), "MOVALL");
	its_movi(DEV, 0, 0);

	reset_counts();
	for (i = 0; i < 200; i++) {
		u32 cpu = 1 + i % (ncpus - 1), before = total(LPI0 + 1);

		its_movi(DEV, 1, cpu);
		its_int(DEV, 1);
		if (!wait_until(total(LPI0 + 1) == before + 1, 5000))
			lost++;
	}
	for (i = 1; i < ncpus; i++)
		if (count(i, LPI0 + 1) < 200 / (ncpus - 1))
			wrong++;
	check_eq(lost, 0, "moved and sent 200 times: none is lost");
	check_eq(wrong, 0, "each CPU took its share");
	its_movi(DEV, 1, 0);
	check(stop_workers(ncpus), "the other CPUs stop");

	check(start_workers(ncpus, true), "the other CPUs sleep");
	udelay(20000);
	reset_counts();
	its_movi(DEV, 2, 1);
	its_int(DEV, 2);
	check(wait_until(count(1, LPI0 + 2) == 1, 5000), "INT wakes a CPU from WFI");
	udelay(20000);
	testdev_write(TD_MSI_IRQFD, DEV << 16 | 2);
	check(wait_until(count(1, LPI0 + 2) == 2, 5000), "so does an irqfd");
	its_movi(DEV, 2, 0);
	check(stop_workers(ncpus), "the sleepers stop");
}

/* --- save and restore ------------------------------------------------------------------------- */

static void cycle(void)
{
	u64 baser0 = mmio_read64(GITS_BASER0), baser1 = mmio_read64(GITS_BASER1);
	u64 cbaser = mmio_read64(GITS_CBASER);

	reset_counts();
	its_int(DEV, 0);
	its_int(DEV, 3);
	its_mapd(0x1f00, its_new_itt(10), 10, true); /* far from the others */
	its_set_config(LPI0 + 20, ENABLED);
	its_mapti(0x1f00, 1000, LPI0 + 20, 0);
	testdev_write(TD_ITS_CYCLE, 1);
	check_eq(testdev_read(TD_ITS_STATUS), 0, "the ITS is saved, reset and restored");
	check(mmio_read64(GITS_BASER0) == baser0 && mmio_read64(GITS_BASER1) == baser1 &&
		      mmio_read64(GITS_CBASER) == cbaser && mmio_read64(GITS_CREADR) == its.cwriter &&
		      mmio_read64(GITS_CWRITER) == its.cwriter && mmio_read32(GITS_CTLR) == (BIT(31) | 1),
	      "its registers are as they were");
	settle();
	check(count(0, LPI0) == 1 && count(0, LPI0 + 3) == 1 && !count(0, LPI0 + 1),
	      "what was pending is pending");
	its_int(DEV, 1);
	its_int(DEV_MAPI, LPI0 + 10);
	its_int(0x1f00, 1000);
	settle();
	check(count(0, LPI0 + 1) == 1 && count(0, LPI0 + 10) == 1 && count(0, LPI0 + 20) == 1,
	      "the mappings are there");
	its_mapd(0x1f00, 0, 1, false);
	testdev_write(TD_ITS_CYCLE, 1);
	check_eq(testdev_read(TD_ITS_STATUS), 0, "once more");
	its_int(0x1f00, 1000);
	its_int(DEV, 1);
	settle();
	check(count(0, LPI0 + 20) == 1 && count(0, LPI0 + 1) == 2, "what was unmapped stays unmapped");
}

/* --- errors and hostility --------------------------------------------------------------------- */

static bool works(void)
{
	u32 before = count(0, LPI0);

	its_int(DEV, 0);
	settle();
	return count(0, LPI0) == before + 1;
}

static void errors(void)
{
	u32 i;

	reset_counts();
	its_mapd(0x10000, its_new_itt(EVENTS), EVENTS, true);
	its_mapti(0x10000, 0, LPI0 + 30, 0);
	its_int(0x10000, 0);
	its_mapd(8192, its_new_itt(EVENTS), EVENTS, true); /* the table ends there */
	its_mapti(8192, 0, LPI0 + 30, 0);
	its_int(8192, 0);
	its_mapd(20, its_new_itt(EVENTS), 32, true); /* too many events */
	its_mapti(20, 0, LPI0 + 30, 0);
	its_int(20, 0);
	its_mapti(DEV, 1U << EVENTS, LPI0 + 30, 0); /* outside its table */
	its_int(DEV, 1U << EVENTS);
	its_mapti(DEV, 20, 100, 0);	   /* not an LPI */
	its_mapti(DEV, 20, 1U << 16, 0);   /* too many bits */
	its_mapti(DEV, 20, LPI0 + 30, 0xffff); /* outside the collection table */
	its_int(DEV, 20);
	its_mapd(21, 0xff0000000000UL, EVENTS, true); /* a table in no memory */
	its_mapti(21, 0, LPI0 + 30, 0);
	its_int(21, 0);
	its_mapc(3000, 77, true); /* no such CPU */
	its_mapti(DEV, 21, LPI0 + 31, 3000);
	its_int(DEV, 21);
	its_movi(DEV, 0, 4000); /* not mapped */
	its_movall(0, 99);
	its_invall(4001);
	its_discard(DEV, 22);
	its_clear(DEV, 22);
	its_inv(DEV, 22);
	for (i = 0; i < 256; i++)
		its_put(i | 0xffffff00UL, ~0UL, ~0UL & ~VALID, ~0UL);
	check(its_run(), "commands that are nonsense are consumed");
	settle();
	check(!total(LPI0 + 30) && !total(LPI0 + 31), "and none of them maps anything");
	check(works(), "the ITS works on");

	for (i = 0; i < ITS_QUEUE_LEN / 32 - 1; i++)
		its_put(0x05, 0, 0, 0);
	check(its_run(), "a full queue wraps around");
	check(works(), "and works on");
}

static void two_levels(void)
{
	u64 l1 = its.dev_table, l2 = its.itt_next = (its.itt_next + PAGE64 - 1) & ~(PAGE64 - 1), i;

	its.itt_next += PAGE64;
	for (i = 0; i < PAGE64; i += 8)
		*(u64 *)(l2 + i) = *(u64 *)(l1 + i) = 0;
	mmio_write32(GITS_CTLR, 0);
	mmio_write64(GITS_BASER0, 0);
	mmio_write64(GITS_BASER0, l1 | VALID | INDIRECT | 3UL << 59 | 1UL << 10 | 2UL << 8);
	mmio_write32(GITS_CTLR, 1);
	reset_counts();
	its_int(DEV, 0);
	settle();
	check_eq(total(LPI0), 0, "a new device table has no devices");
	its_mapd(0xe005, its_new_itt(EVENTS), EVENTS, true);
	its_mapti(0xe005, 0, LPI0, 0);
	its_int(0xe005, 0);
	settle();
	check_eq(total(LPI0), 0, "no second level: the device cannot be mapped");
	*(u64 *)(l1 + 7 * 8) = l2 | VALID;
	dsb(ish);
	its_mapd(0xe005, its_new_itt(EVENTS), EVENTS, true);
	its_mapti(0xe005, 0, LPI0, 0);
	its_int(0xe005, 0);
	settle();
	check_eq(count(0, LPI0), 1, "with one it can");
	testdev_write(TD_ITS_CYCLE, 1);
	check_eq(testdev_read(TD_ITS_STATUS), 0, "two levels are saved and restored");
	its_int(0xe005, 0);
	settle();
	check_eq(count(0, LPI0), 2, "and its events are there");
	*(u64 *)(l1 + 7 * 8) = 0xff0000000000UL | VALID;
	dsb(ish);
	its_mapd(0xe006, its_new_itt(EVENTS), EVENTS, true);
	its_mapti(0xe006, 0, LPI0 + 1, 0);
	its_int(0xe006, 0);
	settle();
	check_eq(total(LPI0 + 1), 0, "a second level in no memory maps nothing");
	*(u64 *)(l1 + 7 * 8) = l2 | VALID;
	dsb(ish);
}

static void hostile(void)
{
	u32 i, bits = testdev_read(TD_PARAM) >= 1000 ? 14 : 10; /* 16384 events or 1024 a device */
	u64 itt = its_new_itt(bits);

	/* Many devices on one piece of memory, many events each. */
	for (i = 0; i < 40; i++)
		its_mapd(0xe100 + i, itt, bits, true);
	for (i = 0; i < 40U << bits; i++) {
		its_put(0x0a | (u64)(0xe100 + (i >> bits)) << 32,
			(i & (BIT(bits) - 1)) | (u64)(LPI0 + 1000 + (i & (BIT(bits) - 1))) << 32, 0, 0);
		if (i % 1024 == 1023)
			its_run();
	}
	check(its_run(), "a flood of mappings is consumed");
	for (i = 0; i < 64; i++)
		its_put(0x09, 0, (u64)(i & 1) << 16 | VALID, 0);
	its_put(0x09, 0, VALID, 0);
	check(its_run(), "and their collection moves back and forth");
	for (i = 0; i < 40; i++)
		its_mapd(0xe100 + i, 0, 1, false);

	/* A queue that is not there: nothing can be read, everything is skipped. */
	mmio_write32(GITS_CTLR, 0);
	mmio_write64(GITS_CBASER, 0xff0000000000UL | VALID | 0xff);
	mmio_write32(GITS_CTLR, 1);
	mmio_write64(GITS_CWRITER, 0xfffe0);
	check(wait_until(mmio_read64(GITS_CREADR) == 0xfffe0, 20000),
	      "a megabyte of commands in no memory is skipped");
	mmio_write32(GITS_CTLR, 0);
	mmio_write64(GITS_CBASER, its.queue | VALID | 5UL << 59 | 1UL << 10 | (ITS_QUEUE_LEN / 4096 - 1));
	its.cwriter = 0;
	mmio_write32(GITS_CTLR, 1);
	reset_counts();
	its_int(0xe005, 0);
	settle();
	check_eq(count(0, LPI0), 1, "with a queue again, the ITS works");
	check_eq(stray, 0, "no other interrupt was seen");
}

int main(void)
{
	if (!testdev_present() || !testdev_read(TD_ITS)) {
		tap_skip("ITS", "needs guest-run --its");
		return 0;
	}
	ncpus = cpu_count();
	its_take_memory(ram_free(), ncpus);
	exc_set_irq(on_irq);

	identification();
	registers();
	redistributor_registers();
	delivery();
	configuration();
	many();
	again();
	discard();
	messages();
	pending_tables();
	if (ncpus >= 3)
		moving();
	else
		tap_skip("MOVI and other CPUs", "fewer than three CPUs");
	cycle();
	errors();
	two_levels();
	hostile();
	return 0;
}
