// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of a GICv3 (Arm IHI 0069, chapter 12): distributor, redistributor and CPU interface read
 * back what was written where they should, and are RAZ/WI where nothing is. How interrupts are
 * delivered: gic.c.
 */
#include "gic.h"
#include "smp.h"
#include "tap.h"

#define SPI0 64 /* SPIs that no device of the board uses: 64..95 */

/* None is expected: one that comes is ended, and shows as a wrong pending or active bit. */
static void on_irq(struct exc_frame *f)
{
	u32 id = gic_ack();

	if (id != INTID_SPURIOUS)
		gic_eoi(id);
}

/* Bits of a set/clear pair of registers that do not behave. */
static u32 bits_bad(u32 set, u32 clr, u32 id, u32 mask)
{
	u64 s = gic_reg(set, id), c = gic_reg(clr, id);
	u32 bad = 0;

	mmio_write32(c, ~0U);
	bad += (mmio_read32(s) & mask) != 0;
	mmio_write32(s, 0xa5a5a5a5 & mask);
	bad += (mmio_read32(s) & mask) != (0xa5a5a5a5 & mask);
	bad += (mmio_read32(c) & mask) != (0xa5a5a5a5 & mask);
	mmio_write32(s, 0);
	bad += (mmio_read32(s) & mask) != (0xa5a5a5a5 & mask);
	mmio_write32(c, 0x05050505);
	bad += (mmio_read32(s) & mask) != (0xa0a0a0a0 & mask);
	mmio_write32(c, ~0U);
	bad += (mmio_read32(s) & mask) != 0;
	return bad;
}

static void test_distributor_registers(void)
{
	u32 typer = mmio_read32(GICD_BASE + GICD_TYPER);
	u32 i, bad, n = gic_nr_irqs();
	u64 prio = gic_prio_addr(SPI0), a;

	exc_set_irq(on_irq);
	check_eq(mmio_read32(GICD_BASE + GICD_PIDR2) >> 4 & 0xf, 3, "GICD_PIDR2 says GICv3");
	check_eq(mmio_read32(this_cpu()->gicr + GICR_PIDR2) >> 4 & 0xf, 3, "GICR_PIDR2 says GICv3");
	check(n >= 96 && n <= 1020, "GICD_TYPER says at least 64 SPIs");
	tap_note("GICD_TYPER_without_lines", typer & ~0x1fU);
	tap_note("GICD_IIDR_implementer", mmio_read32(GICD_BASE + GICD_IIDR) & 0xfff);
	check((mmio_read32(GICD_BASE + GICD_CTLR) & (GICD_CTLR_ARE | GICD_CTLR_DS)) ==
		      (GICD_CTLR_ARE | GICD_CTLR_DS),
	      "GICD_CTLR: affinity routing on, one security state");
	mmio_write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE);
	gic_wait_rwp();
	check(!(mmio_read32(GICD_BASE + GICD_CTLR) & GICD_CTLR_ENABLE_G1),
	      "GICD_CTLR.EnableGrp1 clears");
	mmio_write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1);
	gic_wait_rwp();

	/* CPU masks interrupts; nothing is enabled while pending bits are played with. */
	write_icc(0, ICC_IGRPEN1);
	isb();
	check_eq(bits_bad(GICD_ISENABLER, GICD_ICENABLER, SPI0, ~0U), 0,
		 "ISENABLER and ICENABLER set, clear and read back");
	for (i = SPI0; i < SPI0 + 32; i++)
		gic_set_edge(i, true);
	check_eq(bits_bad(GICD_ISPENDR, GICD_ICPENDR, SPI0, ~0U), 0,
		 "ISPENDR and ICPENDR set, clear and read back");
	check_eq(bits_bad(GICD_ISACTIVER, GICD_ICACTIVER, SPI0, ~0U), 0,
		 "ISACTIVER and ICACTIVER set, clear and read back");
	write_icc(1, ICC_IGRPEN1);
	isb();

	for (bad = 0, i = 0; i < 32; i++)
		mmio_write8(prio + i, (u8)(i << 3));
	for (i = 0; i < 32; i++)
		bad += mmio_read8(prio + i) != (u8)(i << 3);
	bad += mmio_read32(prio + 4) != 0x38302820;
	mmio_write32(prio + 4, 0x80604020);
	bad += mmio_read8(prio + 5) != 0x40 || mmio_read8(prio + 7) != 0x80;
	check_eq(bad, 0, "IPRIORITYR takes bytes and words");
	mmio_write8(prio, 0xff);
	tap_note("priority_bits", mmio_read8(prio));
	tap_note("eight_priorities_in_one_read", mmio_read64(prio));
	check(mmio_read8(prio) >= 0xf0, "at least four priority bits");

	a = gic_cfg_addr(SPI0);
	mmio_write32(a, 0xaaaaaaaa);
	bad = mmio_read32(a) != 0xaaaaaaaa;
	mmio_write32(a, 0);
	bad += mmio_read32(a) != 0;
	check_eq(bad, 0, "ICFGR of SPIs is level or edge as written");
	a = this_cpu()->gicr + GICR_SGI + GICD_ICFGR;
	mmio_write32(a, 0);
	check_eq(mmio_read32(a), 0xaaaaaaaa, "ICFGR of SGIs is fixed to edge");
	a = gic_reg(GICD_IGROUPR, SPI0);
	mmio_write32(a, 0x0ff0f00f);
	bad = mmio_read32(a) != 0x0ff0f00f;
	mmio_write32(a, ~0U);
	bad += mmio_read32(a) != ~0U;
	check_eq(bad, 0, "IGROUPR reads back");

	a = GICD_BASE + GICD_IROUTER + SPI0 * 8UL;
	mmio_write64(a, cpus[cpu_count() - 1].mpidr);
	bad = mmio_read64(a) != cpus[cpu_count() - 1].mpidr;
	mmio_write64(a, cpus[0].mpidr);
	bad += mmio_read64(a) != cpus[0].mpidr;
	mmio_write32(a, (u32)cpus[cpu_count() - 1].mpidr);
	bad += mmio_read64(a) != cpus[cpu_count() - 1].mpidr;
	mmio_write32(a, (u32)cpus[0].mpidr);
	check_eq(bad, 0, "IROUTER takes 64 and 32 bits");

	/* Registers of SGIs and PPIs in the distributor, and reserved space: RAZ/WI. */
	bad = 0;
	for (i = 0; i < 4; i++) {
		static const u32 offs[] = { GICD_ISENABLER, GICD_ISPENDR, GICD_IPRIORITYR,
					    GICD_ICFGR };

		mmio_write32(GICD_BASE + offs[i], ~0U);
		bad += mmio_read32(GICD_BASE + offs[i]) != 0;
	}
	check_eq(bad, 0, "the distributor's bank of SGIs and PPIs is RAZ/WI");
	for (bad = 0, i = 0; i < 4; i++) {
		static const u32 offs[] = { 0x0ffc, 0x1000, 0x5ffc, 0xc000 };
		const struct exc_info *e;
		u32 v = 1;

		e = EXC_TRY(mmio_write32(GICD_BASE + offs[i], ~0U);
			    v = mmio_read32(GICD_BASE + offs[i]));
		bad += e->count || v;
	}
	check_eq(bad, 0, "reserved distributor offsets are RAZ/WI");
}

static void test_redistributor_registers(void)
{
	u64 rd = this_cpu()->gicr, sgi = rd + GICR_SGI;
	u64 typer = mmio_read64(rd + GICR_TYPER);
	u32 i, bad = 0, seen;

	check_eq(typer >> 32 & 0xff, cpus[0].mpidr & 0xff, "GICR_TYPER has the CPU's affinity");
	check_eq(mmio_read32(rd + GICR_TYPER + 4), (u32)(typer >> 32),
		 "GICR_TYPER reads by halves");
	check_eq(typer >> 8 & 0xffff, 0, "GICR_TYPER processor number of CPU 0");
	for (i = 0; i < cpu_count(); i++) {
		u64 t = mmio_read64(cpus[i].gicr + GICR_TYPER);

		bad += !!(t & GICR_TYPER_LAST) != (i + 1 == cpu_count()) || (t >> 8 & 0xffff) != i;
	}
	check_eq(bad, 0, "GICR_TYPER.Last is set in the last frame only");
	check_eq(mmio_read32(rd + GICR_WAKER) & 6, 0, "GICR_WAKER: awake");
	mmio_write32(sgi + GICD_ICENABLER, ~0U);
	check_eq(mmio_read32(sgi + GICD_ISENABLER), 0, "all SGIs and PPIs can be disabled");
	mmio_write32(sgi + GICD_ISENABLER, 0x08000003);
	check_eq(mmio_read32(sgi + GICD_ICENABLER), 0x08000003, "GICR_ISENABLER0 reads back");
	mmio_write32(sgi + GICD_ICENABLER, ~0U);
	for (bad = 0, i = 0; i < 32; i++)
		mmio_write8(sgi + GICD_IPRIORITYR + i, (u8)(0xf8 - i * 8));
	for (i = 0; i < 32; i++)
		bad += mmio_read8(sgi + GICD_IPRIORITYR + i) != (u8)(0xf8 - i * 8);
	for (i = 0; i < 32; i += 4)
		mmio_write32(sgi + GICD_IPRIORITYR + i, 0xa0a0a0a0);
	check_eq(bad, 0, "GICR_IPRIORITYR takes bytes");
	irq_disable();
	mmio_write32(sgi + GICD_ISPENDR, 0x0000000a);
	seen = mmio_read32(sgi + GICD_ISPENDR);
	mmio_write32(sgi + GICD_ICPENDR, 0x0000000a);
	check(seen == 0xa && mmio_read32(sgi + GICD_ISPENDR) == 0,
	      "GICR_ISPENDR0 and ICPENDR0 of SGIs");
	mmio_write32(sgi + GICD_ISACTIVER, 0xc);
	seen = mmio_read32(sgi + GICD_ISACTIVER);
	mmio_write32(sgi + GICD_ICACTIVER, 0xc);
	check(seen == 0xc && mmio_read32(sgi + GICD_ISACTIVER) == 0,
	      "GICR_ISACTIVER0 and ICACTIVER0");
}

static void test_cpu_interface(void)
{
	u64 ctlr = read_icc(ICC_CTLR);
	u32 pmr;

	check_eq(read_icc(ICC_SRE) & 1, 1, "ICC_SRE_EL1.SRE is set");
	write_icc(0x50, ICC_PMR);
	pmr = (u32)read_icc(ICC_PMR);
	write_icc(0xff, ICC_PMR);
	check_eq(pmr, 0x50, "ICC_PMR reads back");
	check_eq(read_icc(ICC_RPR), 0xff, "ICC_RPR is idle without active interrupt");
	check_eq(read_icc(ICC_HPPIR1) & 0xffffff, INTID_SPURIOUS,
		 "ICC_HPPIR1 without one is spurious");
	check_eq(gic_ack(), INTID_SPURIOUS, "ICC_IAR1 without one is spurious");
	write_icc(ICC_CTLR_EOIMODE | ICC_CTLR_CBPR, ICC_CTLR);
	isb();
	check_eq(read_icc(ICC_CTLR) & 3, 3, "ICC_CTLR.EOImode and CBPR read back");
	write_icc(ctlr & ~3UL, ICC_CTLR);
	isb();
	tap_note("ICC_CTLR", read_icc(ICC_CTLR));
	write_icc(7, ICC_BPR1);
	check_eq(read_icc(ICC_BPR1), 7, "ICC_BPR1 reads back");
	write_icc(0, ICC_BPR1);
	tap_note("ICC_BPR1_min", read_icc(ICC_BPR1));
	write_icc(0, ICC_IGRPEN1);
	isb();
	check_eq(read_icc(ICC_IGRPEN1) & 1, 0, "ICC_IGRPEN1 clears");
	write_icc(1, ICC_IGRPEN1);
	isb();
}

int main(void)
{
	test_distributor_registers();
	test_redistributor_registers();
	test_cpu_interface();
	return 0;
}
