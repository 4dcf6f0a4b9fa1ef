// SPDX-License-Identifier: GPL-2.0
/*
 * See gic.h. Distributor writes of bit registers (ISENABLER and the like) need no lock; the
 * read-modify-write of ICFGR happens only while a test sets itself up.
 */
#include "gic.h"
#include "smp.h"

#define MAX_INTID 1020

static gic_handler handlers[MAX_INTID];
static u32 unhandled;

void gic_wait_rwp(void)
{
	while (mmio_read32(GICD_BASE + GICD_CTLR) & GICD_CTLR_RWP)
		cpu_relax();
}

u32 gic_nr_irqs(void)
{
	u32 n = ((mmio_read32(GICD_BASE + GICD_TYPER) & 0x1f) + 1) * 32;

	return n > MAX_INTID ? MAX_INTID : n;
}

static u64 bank(u32 id)
{
	return id < 32 ? this_cpu()->gicr + GICR_SGI : GICD_BASE;
}

u64 gic_reg(u32 off, u32 id)
{
	return bank(id) + off + id / 32 * 4;
}

u64 gic_prio_addr(u32 id)
{
	return bank(id) + GICD_IPRIORITYR + id;
}

u64 gic_cfg_addr(u32 id)
{
	return bank(id) + GICD_ICFGR + id / 16 * 4;
}

static void set_bit_reg(u32 off, u32 id)
{
	mmio_write32(gic_reg(off, id), (u32)BIT(id % 32));
}

static bool test_bit_reg(u32 off, u32 id)
{
	return mmio_read32(gic_reg(off, id)) & BIT(id % 32);
}

void gic_enable(u32 id)
{
	set_bit_reg(GICD_ISENABLER, id);
}

void gic_disable(u32 id)
{
	set_bit_reg(GICD_ICENABLER, id);
	gic_wait_rwp();
}

void gic_set_pending(u32 id)
{
	set_bit_reg(GICD_ISPENDR, id);
}

void gic_clear_pending(u32 id)
{
	set_bit_reg(GICD_ICPENDR, id);
}

bool gic_is_pending(u32 id)
{
	return test_bit_reg(GICD_ISPENDR, id);
}

bool gic_is_active(u32 id)
{
	return test_bit_reg(GICD_ISACTIVER, id);
}

bool gic_is_enabled(u32 id)
{
	return test_bit_reg(GICD_ISENABLER, id);
}

void gic_clear_active(u32 id)
{
	set_bit_reg(GICD_ICACTIVER, id);
}

void gic_set_priority(u32 id, u8 prio)
{
	mmio_write8(gic_prio_addr(id), prio);
}

void gic_set_edge(u32 id, bool edge)
{
	u64 addr = gic_cfg_addr(id);
	u32 bit = 2U << id % 16 * 2;
	u32 v = mmio_read32(addr);

	mmio_write32(addr, edge ? v | bit : v & ~bit);
}

void gic_route(u32 spi, u64 mpidr)
{
	mmio_write64(GICD_BASE + GICD_IROUTER + spi * 8UL, mpidr);
}

void gic_init(void)
{
	u32 n = gic_nr_irqs();
	u32 i;

	mmio_write32(GICD_BASE + GICD_CTLR, 0);
	gic_wait_rwp();
	for (i = 32; i < n; i += 32) {
		mmio_write32(gic_reg(GICD_ICENABLER, i), ~0U);
		mmio_write32(gic_reg(GICD_ICPENDR, i), ~0U);
		mmio_write32(gic_reg(GICD_ICACTIVER, i), ~0U);
		mmio_write32(gic_reg(GICD_IGROUPR, i), ~0U);
	}
	for (i = 32; i < n; i += 4)
		mmio_write32(gic_prio_addr(i), 0xa0a0a0a0);
	mmio_write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1);
	gic_wait_rwp();
	for (i = 32; i < n; i++)
		gic_route(i, cpus[0].mpidr);
}

void gic_cpu_init(void)
{
	u64 rd = this_cpu()->gicr;
	u32 i;

	mmio_write32(rd + GICR_WAKER, 0);
	while (mmio_read32(rd + GICR_WAKER) & 4)
		cpu_relax();
	mmio_write32(rd + GICR_SGI + GICD_ICENABLER, ~0U);
	mmio_write32(rd + GICR_SGI + GICD_ICPENDR, ~0U);
	mmio_write32(rd + GICR_SGI + GICD_ICACTIVER, ~0U);
	mmio_write32(rd + GICR_SGI + GICD_IGROUPR, ~0U);
	for (i = 0; i < 32; i += 4)
		mmio_write32(rd + GICR_SGI + GICD_IPRIORITYR + i, 0xa0a0a0a0);

	write_icc(read_icc(ICC_SRE) | 1, ICC_SRE);
	isb();
	write_icc(0, ICC_CTLR);
	write_icc(0, ICC_BPR1);
	write_icc(0xff, ICC_PMR);
	write_icc(1, ICC_IGRPEN1);
	isb();
}

void gic_cpu_quiesce(void)
{
	mmio_write32(this_cpu()->gicr + GICR_SGI + GICD_ICENABLER, ~0U);
	write_icc(0, ICC_IGRPEN1);
	isb();
}

static void send_sgi(u64 v)
{
	dsb(ishst);
	write_icc(v, ICC_SGI1R);
	isb();
}

void gic_sgi_list(u32 sgi, u64 mpidr, u16 list)
{
	u64 aff1 = mpidr >> 8 & 0xff, aff2 = mpidr >> 16 & 0xff, aff3 = mpidr >> 32 & 0xff;

	send_sgi(aff3 << 48 | aff2 << 32 | (u64)sgi << 24 | aff1 << 16 | list);
}

void gic_sgi_cpu(u32 sgi, u32 cpu)
{
	u64 mpidr = cpus[cpu].mpidr;

	gic_sgi_list(sgi, mpidr, (u16)BIT(mpidr & 0xf));
}

void gic_sgi_others(u32 sgi)
{
	send_sgi(BIT(40) | (u64)sgi << 24);
}

void irq_set_handler(u32 intid, gic_handler fn)
{
	WRITE_ONCE(handlers[intid], fn);
	dsb(ish);
}

u32 irq_unhandled(void)
{
	return READ_ONCE(unhandled);
}

void gic_handle_irq(struct exc_frame *f)
{
	u32 id = gic_ack();

	(void)f;
	if (id >= MAX_INTID)
		return;
	if (handlers[id])
		handlers[id](id);
	else
		__atomic_fetch_add(&unhandled, 1, __ATOMIC_RELAXED);
	gic_eoi(id);
}
